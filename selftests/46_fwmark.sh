#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fwmark: the mark of outer packets chooses the routing table and is what netfilter
# sees; the mark of inner packets is never carried over.
#
# n2's VTEP address (192.168.50.2, fd50::2) has a route in n1's table 100 only,
# which packets with mark 0x77 use.

. "$(dirname "$0")/lib.sh"

setup()
{
	local mac
	underlay 2 || { fail 'set-up'; return 1; }
	batch "$n2" <<-END
		addr add 192.168.50.2/32 dev lo
		addr add fd50::2/128 dev lo
	END
	batch "$n1" <<-END
		route add unreachable 192.168.50.2/32
		route add unreachable fd50::2/128
		route add 192.168.50.2/32 via 192.168.9.2 table 100
		rule add fwmark 0x77 lookup 100 pref 100
		route add fd50::2/128 via fd09::2 table 100
	END
	ip -n "$n1" -6 rule add fwmark 0x77 lookup 100 pref 100
	overlay_up "$n1" 1 && overlay_up "$n2" 2 local 192.168.50.2 local fd50::2 ||
		{ fail 'set-up'; return 1; }
	mac=$(lladdr "$n2" flannel.1)
	lease "$n1" 10.42.2.0/24 via 192.168.50.2 lladdr "$mac"
	lease "$n1" fd42:0:0:2::/64 via fd50::2 lladdr "$mac"
	mac=$(lladdr "$n1" flannel.1)
	lease "$n2" 10.42.1.0/24 via 192.168.9.1 lladdr "$mac"
	lease "$n2" fd42:0:0:1::/64 via fd09::1 lladdr "$mac"
}

policy_routing()
{
	setup || return
	check_not 'no mark, IPv4' pings "$n1" 10.42.2.0 -W 0.3
	check_not 'no mark, IPv6' pings "$n1" fd42:0:0:2:: -W 0.3
	check 'no route' [ "$(stat "$n1" flannel.1 tx_no_route)" -ge 2 ]
	in_ns "$n1" flctl link set flannel.1 fwmark 0x77
	check 'mark, IPv4' pings "$n1" 10.42.2.0
	check 'mark, IPv6' pings "$n1" fd42:0:0:2::
	in_ns "$n1" flctl link set flannel.1 fwmark 0x78
	check_not 'another mark, IPv4' pings "$n1" 10.42.2.0 -W 0.3
	check_not 'another mark, IPv6' pings "$n1" fd42:0:0:2:: -W 0.3
	in_ns "$n1" flctl link set flannel.1 fwmark 0x77
	check 'mark again, IPv4' pings "$n1" 10.42.2.0
	check 'mark again, IPv6' pings "$n1" fd42:0:0:2::
	# The inner packet's mark is not what chooses the route of the outer one.
	in_ns "$n1" flctl link set flannel.1 fwmark 0
	check_not 'only the inner packet has the mark' pings "$n1" 10.42.2.0 -W 0.3 -m 119
}

# marks - what was counted since the last call: inner packets with mark 0x99, and
# outer packets with mark 0, 0x77 and 0x99
marks()
{
	in_ns "$n1" nft reset counters table inet watch |
		sed -n 's/.*packets \([0-9]*\) .*/\1/p' | paste -sd ' '
}

netfilter()
{
	setup || return
	batch "$n1" <<-END
		route del unreachable 192.168.50.2/32
		route add 192.168.50.2/32 via 192.168.9.2
		route del unreachable fd50::2/128
		route add fd50::2/128 via fd09::2
	END
	in_ns "$n1" nft -f - <<-END
		table inet watch {
			counter a_inner_99 {}
			counter b_outer_0 {}
			counter c_outer_77 {}
			counter d_outer_99 {}
			chain output {
				type filter hook output priority 0
				oif flannel.1 meta mark 0x99 counter name a_inner_99
				udp dport 8472 meta mark 0 counter name b_outer_0
				udp dport 8472 meta mark 0x77 counter name c_outer_77
				udp dport 8472 meta mark 0x99 counter name d_outer_99
			}
		}
	END
	check 'unmarked' pings "$n1" 10.42.2.0
	check 'unmarked' pings "$n1" fd42:0:0:2::
	check_equal 'no marks' '0 2 0 0' "$(marks)"
	check 'inner mark' pings "$n1" 10.42.2.0 -m 153
	check 'inner mark' pings "$n1" fd42:0:0:2:: -m 153
	check_equal 'inner mark' '2 2 0 0' "$(marks)"
	in_ns "$n1" flctl link set flannel.1 fwmark 0x77
	check 'both marks' pings "$n1" 10.42.2.0 -m 153
	check 'both marks' pings "$n1" fd42:0:0:2:: -m 153
	check_equal 'both marks' '2 0 2 0' "$(marks)"
	check_equal 'as it was set' 0x77 "$(in_ns "$n1" flctl link show flannel.1 |
		grep -o 'fwmark [^ ]*' | cut -d ' ' -f 2)"
}

need nft
run_tests policy_routing netfilter
