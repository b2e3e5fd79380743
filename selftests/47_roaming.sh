#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A peer whose underlay address and MAC change is followed by one change of its
# leases, and connections of pods go on. The device's own MAC can be changed live.

. "$(dirname "$0")/lib.sh"

# moves NS ADDRESS MAC - change both leases of node 2
moves()
{
	in_ns "$1" flctl lease change 10.42.2.0/24 via "$2" lladdr "$3" dev flannel.1 &&
		in_ns "$1" flctl lease change fd42:0:0:2::/64 via "$2" lladdr "$3" dev flannel.1
}

own_peer_moves()
{
	overlay 2 && pod "$n1" 1 && pod "$n2" 2 || { fail 'set-up'; return; }
	ip -n "$n2" addr add 192.168.9.22/24 dev eth0
	converse "$pod1" "$pod2" 10.42.2.2 || { fail 'no connection'; return; }
	heard 'before' || fail 'a connection before the move'
	in_ns "$n2" flctl link set flannel.1 local 192.168.9.22 lladdr 0e:00:00:00:00:22
	check_not 'before the lease is changed' pings "$pod1" 10.42.2.2 -W 0.3
	check 'lease change' moves "$n1" 192.168.9.22 0e:00:00:00:00:22
	check 'IPv4' pings "$pod1" 10.42.2.2
	check 'IPv6' pings "$pod1" fd42:0:0:2::2
	check 'IPv4, other way' pings "$pod2" 10.42.1.2
	heard 'after' || fail 'the connection goes on'
	check_equal 'frames to another MAC than its own' 0 "$(stat "$n2" flannel.1 rx_foreign_mac)"
	check 'lease change to the other family' moves "$n1" fd09::2 0e:00:00:00:00:22
	in_ns "$n2" flctl link set flannel.1 local 0.0.0.0
	# What n2 has of us is our IPv4 address, from which nothing comes now.
	in_ns "$n2" flctl lease change 10.42.1.0/24 via fd09::1 \
		lladdr "$(lladdr "$n1" flannel.1)" dev flannel.1
	check 'IPv4 pods over IPv6' pings "$pod1" 10.42.2.2
	heard 'over IPv6' || fail 'the connection goes on over IPv6'
}

# A stock peer that comes back with another MAC and address, as after a reboot.
# Other than ours it drops frames to a MAC that is not its own.
stock_peer_moves()
{
	STOCK=()
	mixed || { fail 'set-up'; return; }
	batch "$n2" <<-END
		addr add 192.168.9.22/24 dev eth0
		link set flannel.1 down
		link set flannel.1 address 0e:00:00:00:00:22
		link set flannel.1 type vxlan id 1 local 192.168.9.22 dev eth0
		link set flannel.1 up
		addr replace 10.42.2.0/32 dev flannel.1
	END
	stock_peer "$n2" 1 "$(lladdr "$n1" flannel.1)" "$(lladdr "$n1" flannel.1)"
	check_not 'before the lease is changed' pings "$pod1" 10.42.2.2 -W 0.3
	check 'address alone' in_ns "$n1" flctl lease change 10.42.2.0/24 via 192.168.9.22 \
		lladdr 0e:00:00:00:00:23 dev flannel.1
	check_not 'the MAC is still wrong' pings "$pod1" 10.42.2.2 -W 0.3
	check 'lease change' in_ns "$n1" flctl lease change 10.42.2.0/24 via 192.168.9.22 \
		lladdr 0e:00:00:00:00:22 dev flannel.1
	check 'from here' pings "$pod1" 10.42.2.2
	check 'from there' pings "$pod2" 10.42.1.2
	check 'the other family has another VTEP' pings "$pod1" fd42:0:0:2::2
}

# source_macs - of frames that came to n2's vxlan device since the last call: from
# the old MAC, from the new one
source_macs()
{
	in_ns "$n2" nft reset counters table netdev watch |
		sed -n 's/.*packets \([0-9]*\) .*/\1/p' | paste -sd ' '
}

own_lladdr()
{
	STOCK=()
	mixed lladdr 0e:00:00:00:00:01 || { fail 'set-up'; return; }
	in_ns "$n2" nft -f - <<-END
		table netdev watch {
			counter a_old {}
			counter b_new {}
			chain in {
				type filter hook ingress device flannel.1 priority 0
				ether saddr 0e:00:00:00:00:01 counter name a_old
				ether saddr 0e:00:00:00:00:11 counter name b_new
			}
		}
	END
	converse "$pod1" "$pod2" 10.42.2.2 || { fail 'no connection'; return; }
	heard 'before' || fail 'a connection before the change'
	check 'before' pings "$pod1" 10.42.2.2
	source_macs >"$TMP/macs"
	check 'frames from the old MAC' grep -q '^[1-9][0-9]* 0$' "$TMP/macs"
	check 'change' in_ns "$n1" flctl link set flannel.1 lladdr 0e:00:00:00:00:11
	heard 'after' || fail 'the connection goes on'
	check 'after' pings "$pod1" 10.42.2.2
	source_macs >"$TMP/macs"
	check 'frames from the new MAC' grep -q '^0 [1-9][0-9]*$' "$TMP/macs"
	check 'the peer uses the old MAC, which is counted' \
		[ "$(stat "$n1" flannel.1 rx_foreign_mac)" -gt 0 ]
	stock_peer "$n2" 1 0e:00:00:00:00:11 0e:00:00:00:00:11
	rx_mark "$n1" flannel.1
	check 'the peer knows the new MAC' pings "$pod2" 10.42.1.2
	check_rx 'all frames to the new MAC' "$n1" flannel.1 rx_packets=1
}

need nc nft
run_tests own_peer_moves stock_peer_moves own_lladdr
