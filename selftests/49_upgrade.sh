#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 120
# A stock node is moved to this driver and back under an open connection: the
# vxlan devices are replaced by one of ours with the MAC that peers know, and the
# leases that its routes, neighbours and FDB entries were. Its peer stays stock and
# is not touched: for IPv6 it goes on using the MAC of flannel-v6.1.

. "$(dirname "$0")/lib.sh"

reach()
{
	check "$1: IPv4" pings "$pod1" 10.42.2.2
	check "$1: IPv4, other way" pings "$pod2" 10.42.1.2
	check "$1: IPv6" pings "$pod1" fd42:0:0:2::2
	check "$1: IPv6, other way" pings "$pod2" fd42:0:0:1::2
	heard "$1" || fail "$1: the open connection goes on"
}

# stock_again - n1 as stock flannel sets it up, with the MACs that it had
stock_again()
{
	stock_up "$n1" 1 && ip -n "$n1" link set flannel.1 address "$1" &&
		ip -n "$n1" link set flannel-v6.1 address "$2" &&
		stock_peer "$n1" 2 "$(lladdr "$n2" flannel.1)" "$(lladdr "$n2" flannel-v6.1)"
}

there_and_back()
{
	local mac4=0e:00:00:00:01:04 mac6=0e:00:00:00:01:06
	underlay 2 && stock_up "$n2" 2 && stock_again $mac4 $mac6 &&
		stock_peer "$n2" 1 $mac4 $mac6 && pod "$n1" 1 && pod "$n2" 2 &&
		converse "$pod1" "$pod2" 10.42.2.2 || { fail 'set-up'; return; }
	reach 'stock'

	batch "$n1" <<-END
		link del flannel.1
		link del flannel-v6.1
	END
	overlay_up "$n1" 1 dev eth0 local 192.168.9.1 local fd09::1 lladdr $mac4 &&
		lease_stock "$n1" 2 "$n2" || fail 'the new device'
	reach 'ours'
	check 'the peer still uses the other MAC for IPv6' \
		[ "$(stat "$n1" flannel.1 rx_foreign_mac)" -gt 0 ]
	check_equal 'none refused' 0 "$(in_ns "$n1" cat /sys/class/net/flannel.1/statistics/rx_dropped)"

	ip -n "$n1" link del flannel.1
	stock_again $mac4 $mac6 || fail 'the old devices'
	reach 'stock again'
}

# The port is one for both kinds: ours cannot be up beside the stock device, and
# says so, but can be made ready
side_by_side()
{
	underlay 2 && stock_up "$n1" 1 || { fail 'set-up'; return; }
	check 'made beside it' in_ns "$n1" flctl link add flannel.new lladdr 0e:00:00:00:01:04
	check_refused 'up beside it' 'port 8472 is in use.*vxlan' \
		in_ns "$n1" flctl link set flannel.new up
	check 'leases beside it' in_ns "$n1" flctl lease add 10.42.2.0/24 via 192.168.9.2 \
		lladdr 0e:00:00:00:02:04 dev flannel.new
	batch "$n1" <<-END
		link del flannel.1
		link del flannel-v6.1
		link set flannel.new name flannel.1
		link set flannel.1 up
	END
	check 'takes its place' in_ns "$n1" flctl lease get 10.42.2.7 dev flannel.1
	check_refused 'stock beside ours' 'in use' ip -n "$n1" link set dev "$(
		ip -n "$n1" link add old type vxlan id 2 dstport 8472 local 192.168.9.1 dev eth0
		echo old)" up
}

need nc
run_tests there_and_back side_by_side
