#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What is not sent anywhere: our own subnet, destinations without a lease, whose
# senders are told, and multicast, broadcast and link-local ones, whose are not.
#
# A client outside (in wire, 192.168.9.200) uses n1 as its router to the overlay.

. "$(dirname "$0")/lib.sh"

SHARED=1

set_up()
{
	[[ -z ${n1-} ]] || return 0
	overlay 2 || { fail 'set-up'; return 1; }
	batch "$wire" <<-END
		addr add 192.168.9.200/24 dev br0
		addr add fd09::200/64 dev br0 nodad
		route add 10.42.0.0/16 via 192.168.9.1
		route add fd42::/48 via fd09::1
	END
	# Redirects would use up what the kernel allows itself in messages to a host.
	in_ns "$n1" sysctl -qw net.ipv4.conf.all.send_redirects=0 \
		net.ipv4.conf.flannel/1.send_redirects=0
	in_ns "$n1" nft -f - <<-END
		table inet watch {
			counter a_vxlan {}
			counter b_icmp {}
			chain output {
				type filter hook output priority 0
				udp dport 8472 counter name a_vxlan
				icmp type destination-unreachable counter name b_icmp
				icmpv6 type destination-unreachable counter name b_icmp
			}
		}
	END
}

# check_sent TEXT WANTED - what n1 has sent since the last call: VXLAN packets, ICMP
# unreachable
check_sent()
{
	local out
	out=$(in_ns "$n1" nft reset counters table inet watch)
	[[ $out =~ a_vxlan.*packets\ ([0-9]+).*b_icmp.*packets\ ([0-9]+) ]]
	check_equal "$1: VXLAN and ICMP" "$2" "${BASH_REMATCH[*]:1}"
}

declare -A DROPS=([tx_local_lease]=0 [tx_no_lease]=0 [tx_multicast]=0)

# check_counted TEXT COUNTER - one more than when this was called last
check_counted()
{
	check_equal "$1: $2" $((++DROPS[$2])) "$(stat "$n1" flannel.1 "$2")"
}

# told TEXT NS ADDRESS COUNTER [SENT] - an echo there is dropped and counted, its
# sender is told, and nothing else is sent
told()
{
	check_refused "$1: sender told" '^From .*[Uu]nreachable' \
		in_ns "$2" ping -n -c 1 -W 2 "$3"
	check_counted "$1" "$4"
	check_sent "$1" "${5-0 1}"
}

own_subnet()
{
	set_up || return
	told 'IPv4, from here' "$n1" 10.42.1.77 tx_local_lease
	told 'IPv6, from here' "$n1" fd42:0:0:1::77 tx_local_lease
	told 'IPv4, forwarded' "$wire" 10.42.1.77 tx_local_lease
	told 'IPv6, forwarded' "$wire" fd42:0:0:1::77 tx_local_lease
	# What comes for an address that nobody here has does not go back.
	told 'IPv4, by the overlay' "$n2" 10.42.1.78 tx_local_lease '1 1'
	told 'IPv6, by the overlay' "$n2" fd42:0:0:1::78 tx_local_lease '1 1'
	check 'the address of the device' pings "$n2" 10.42.1.0
	check_sent 'its answer' '1 0'
}

no_lease()
{
	set_up || return
	told 'IPv4, from here' "$n1" 10.42.77.1 tx_no_lease
	told 'IPv6, from here' "$n1" fd42:0:0:77::1 tx_no_lease
	told 'IPv4, forwarded' "$wire" 10.42.77.1 tx_no_lease
	told 'IPv6, forwarded' "$wire" fd42:0:0:77::1 tx_no_lease
	lease "$n1" 10.42.77.0/24 via 192.168.9.2 lladdr 0e:00:00:00:00:02
	in_ns "$n1" ping -q -c 1 -W 0.1 10.42.77.1 >/dev/null
	check_sent 'with a lease' '1 0'
	in_ns "$n1" flctl lease del 10.42.77.0/24 dev flannel.1
	told 'deleted again' "$n1" 10.42.77.1 tx_no_lease
}

# silent TEXT ADDRESS [PING OPTIONS...] - counted as multicast, nobody told
silent()
{
	local text=$1 address=$2
	shift 2
	in_ns "$n1" ping -n -q -c 1 -W 0.1 -I flannel.1 "$@" "$address" >/dev/null 2>&1
	check_counted "$text" tx_multicast
	check_sent "$text" '0 0'
}

group_destinations()
{
	set_up || return
	batch "$n1" <<-END
		route add 169.254.0.0/16 dev flannel.1
		route add 224.0.0.0/4 dev flannel.1
		route add fe80::/64 dev flannel.1
		route add ff00::/8 dev flannel.1 table local
	END
	silent 'IPv4 multicast' 224.1.2.3
	silent 'IPv4 broadcast' 255.255.255.255 -b
	silent 'IPv4 link-local' 169.254.7.7
	silent 'IPv6 multicast' ff0e::7
	silent 'IPv6 all nodes' ff02::1
	silent 'IPv6 link-local' fe80::7
	check 'unicast is still sent' pings "$n1" 10.42.2.0
	check 'unicast is still sent' pings "$n1" fd42:0:0:2::
}

need nft
run_tests own_subnet no_lease group_destinations
