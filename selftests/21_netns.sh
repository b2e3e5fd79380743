#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A device works in another namespace than its underlay, and every order in
# which they go leaves nothing behind.
#
#	inner: flannel.1     its underlay stays in n1: n1 eth0 --- n2 eth0

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control.sh"

# The device of n1 lives in inner
set_up()
{
	overlay 2 || { fail 'set-up'; return 1; }
	new_ns inner
	ip -n "$n1" link set flannel.1 netns "$inner"
	ip -n "$inner" link set flannel.1 up
	overlay_addresses "$inner" 1
}

# gone NS - flannel.1 is not there
gone()
{
	! ip -n "$1" link show flannel.1 2>/dev/null
}

works_elsewhere()
{
	local table
	set_up || return
	check 'out' pings "$inner" 10.42.2.0
	check 'IPv6 out' pings "$inner" fd42:0:0:2::
	check 'in' pings "$n2" 10.42.1.0
	check 'the table came along' grep -q 10.42.2.0/24 \
		<(in_ns "$inner" flctl lease list dev flannel.1)
	lease "$inner" 10.42.9.0/24 via 192.168.9.9 lladdr 02:00:00:00:09:09 ||
		fail 'a lease from the other side'
	check_refused 'a VTEP that is an address of the underlay namespace' \
		'192\.168\.9\.1 is an address of this host' \
		in_ns "$inner" flctl lease add 10.42.8.0/24 via 192.168.9.1 \
		lladdr 02:00:00:00:09:09 dev flannel.1
	check_refused 'an IPv6 VTEP that is one' 'fd09::1 is an address of this host' \
		in_ns "$inner" flctl lease add 10.42.8.0/24 via fd09::1 \
		lladdr 02:00:00:00:09:09 dev flannel.1
	check 'dev is a name of the underlay namespace' \
		in_ns "$inner" flctl link set flannel.1 dev eth0
	check 'out by it' pings "$inner" 10.42.2.0
	# back, and away again
	table=$(in_ns "$inner" flctl lease save dev flannel.1)
	ip -n "$inner" link set flannel.1 netns "$n1"
	ip -n "$n1" link set flannel.1 up
	overlay_addresses "$n1" 1
	check 'back at home' pings "$n1" 10.42.2.0
	check_equal 'table' "$table" "$(in_ns "$n1" flctl lease save dev flannel.1)"
	ip -n "$n1" link set flannel.1 netns "$inner"
	ip -n "$inner" link set flannel.1 up
	overlay_addresses "$inner" 1
	check 'away again' pings "$inner" 10.42.2.0
	ip -n "$n1" link del eth0
	check_equal 'carrier, when the NIC goes' 0 \
		"$(in_ns "$inner" cat /sys/class/net/flannel.1/carrier)"
	enter "$inner" ping -n -q -c 1 -W 0.2 10.42.2.0 >/dev/null && fail 'without a NIC'
	ip -n "$n1" link add eth0 type bridge
	check_equal 'carrier, when the name is back' 1 \
		"$(in_ns "$inner" cat /sys/class/net/flannel.1/carrier)"
}

# Made in one namespace with the underlay in another, in one step
made_elsewhere()
{
	underlay 2 && new_ns inner || { fail 'set-up'; return; }
	check 'make' ip -n "$n1" link add flannel.1 netns "$inner" type flannel
	# by a number, or by the name where the namespace has one here
	check 'ip shows where the underlay is' grep -Eq 'link-netns(id)? ' \
		<(ip -n "$inner" link show flannel.1)
	overlay_up "$n2" 2
	lease "$n2" 10.42.1.0/24 via 192.168.9.1 lladdr 02:00:00:00:01:01
	ip -n "$inner" link set flannel.1 up
	overlay_addresses "$inner" 1
	lease "$inner" 10.42.1.0/24 local
	lease "$inner" 10.42.2.0/24 via 192.168.9.2 lladdr "$(lladdr "$n2" flannel.1)"
	check 'works' pings "$inner" 10.42.2.0
}

# The outer mark is the option, whatever marks the inner packet carries; and none
# of the underlay's marks comes in
mark_survives()
{
	local ns
	set_up || return
	for ns in "$n1" "$n2"; do
		enter "$ns" nft -f - <<-END
			table inet t {
				counter seven {}
				counter others {}
				chain output {
					type filter hook output priority 0
					udp dport 8472 meta mark 7 counter name seven accept
					udp dport 8472 counter name others
				}
				chain input {
					type filter hook prerouting priority -400
					udp dport 8472 meta mark set 9
				}
			}
		END
	done
	enter "$inner" nft -f - <<-END
		table inet t {
			counter seven {}
			counter others {}
			chain input {
				type filter hook prerouting priority -400
				iifname flannel.1 meta mark 0 counter name others accept
				iifname flannel.1 counter name seven
			}
		}
	END
	check 'fwmark' enter "$inner" flctl link set flannel.1 fwmark 7
	check 'unmarked' pings "$inner" 10.42.2.0
	check 'marked inside' pings "$inner" 10.42.2.0 -m 5
	check_equal 'marks' 'seven 2 others 0' "$(marks "$n1")"
	enter "$inner" flctl link set flannel.1 fwmark 0
	check 'marked inside' pings "$inner" 10.42.2.0 -m 7
	check_equal 'marks' 'seven 2 others 1' "$(marks "$n1")"
	check_equal 'marks that came in' 'seven 0 others 3' "$(marks "$inner")"
	# nor out where both are in one namespace; answers to the three had none either
	check 'marked inside' pings "$n2" 10.42.1.0 -m 7
	check_equal 'marks' 'seven 0 others 4' "$(marks "$n2")"
}

marks()
{
	enter "$1" nft list counters | awk '
		/counter/ { name = $2 }
		/packets/ { p[name] = $2 }
		END { print "seven", p["seven"], "others", p["others"] }'
}

# The end of the underlay is the end of the device, and only that
underlay_ends()
{
	set_up || return
	nsenter --net="/run/netns/$inner" ping -n -q -i 0.01 -w 60 10.42.2.0 >/dev/null &
	ip netns del "$n1"
	until_true 10 gone "$inner" || fail 'the device outlives its underlay'
	kill "$!"
	wait "$!"
	check_equal 'no device' '' "$(ip -n "$inner" -o link show type flannel)"
}

device_namespace_ends()
{
	set_up || return
	nsenter --net="/run/netns/$n1" ping -n -q -i 0.01 -w 60 192.168.9.2 >/dev/null &
	ip netns del "$inner"
	kill "$!"
	wait "$!"
	# the name goes at once, the namespace soon after
	until_true 10 in_ns "$n1" flctl link add flannel.7 up ||
		fail 'the VNI is not free again'
}

# Deletion in every order, with a transaction open and traffic both ways
orders()
{
	local order part
	for order in 'n1 inner n2' 'inner n1 n2' 'n2 inner n1' 'device n1 inner n2' \
			'nic inner n1 n2' 'nic n1 inner n2' 'nic device inner n1 n2' \
			'both n2'; do
		set_up || return
		raw_start_in "$inner" flannel.1
		answers ok* t table_begin
		exactly ok t table_add +10.42.2.0/24,192.168.9.2,02:00:00:00:00:01
		nsenter --net="/run/netns/$inner" ping -n -q -i 0.01 -w 60 10.42.2.0 >/dev/null &
		local out=$!
		nsenter --net="/run/netns/$n2" ping -n -q -i 0.01 -w 60 10.42.1.0 >/dev/null &
		local in=$!
		for part in $order; do
			case $part in
			device) ip -n "$inner" link del flannel.1 ;;
			nic) ip -n "$n1" link del eth0 ;;
			both) ip netns del "$n1" & ip netns del "$inner"; wait "$!" ;;
			*) ip netns del "${!part}" ;;
			esac || fail "$order: $part"
		done
		kill "$out" "$in"
		wait "$out" "$in"
		raw_stop
		cleanup
	done 2>/dev/null
	may_unload || return 0
	until_true 10 modprobe -r flannel || fail 'module is in use'
	modprobe flannel
}

run_tests works_elsewhere made_elsewhere mark_survives underlay_ends \
	device_namespace_ends orders
