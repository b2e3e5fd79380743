#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Tables that contradict each other or the routes do no harm: packets end by their
# TTL, or are dropped, counted, and the sender is told.
#
#   pod1 - n1 - wire - n2     each node believes that 10.42.9.0/24 is the other's

. "$(dirname "$0")/lib.sh"

SHARED=1

set_up()
{
	local ns
	[[ -z ${pod1-} ]] || return 0
	overlay 2 && pod "$n1" 1 || { fail 'set-up'; return 1; }
	# Redirects would use up what the kernel allows itself in messages to a host.
	for ns in "$n1" "$n2"; do
		in_ns "$ns" sysctl -qw net.ipv4.conf.all.rp_filter=0 \
			net.ipv4.conf.flannel/1.rp_filter=0 \
			net.ipv4.conf.all.send_redirects=0 \
			net.ipv4.conf.flannel/1.send_redirects=0
	done
}

# contradict - each node has the other's lease of 10.42.9.0/24 and fd42:0:0:9::/64
contradict()
{
	overlay_peer "$n1" 9 192.168.9.2 "$(lladdr "$n2" flannel.1)"
	overlay_peer "$n2" 9 192.168.9.1 "$(lladdr "$n1" flannel.1)"
}

# By default the first node to get its own packet back drops it.
own_packet_comes_back()
{
	local address before
	set_up || return
	contradict
	for address in 10.42.9.5 fd42:0:0:9::5; do
		before=$(stat "$n1" flannel.1 rx_own_source)
		check_not "$address" in_ns "$pod1" ping -n -c 1 -W 0.3 "$address"
		check_equal "$address: rx_own_source" $((before + 1)) \
			"$(stat "$n1" flannel.1 rx_own_source)"
	done
}

# Without the check each forwards to the other until the TTL is used up.
ping_pong()
{
	local ns address before after
	set_up || return
	contradict
	for ns in "$n1" "$n2"; do
		in_ns "$ns" flctl link set flannel.1 srccheck off
	done
	for address in 10.42.9.5 fd42:0:0:9::5; do
		before=$(stat "$n1" flannel.1 tx_packets)
		check_refused "$address: sender told" 'Time (to live )?exceeded' \
			in_ns "$pod1" ping -n -c 1 -W 2 -t 20 "$address"
		after=$(stat "$n1" flannel.1 tx_packets)
		# Of TTLs 19 to 1 n1 sends the odd ones; n2 sends the last message.
		check_equal "$address: packets" 10 $((after - before))
	done
	for ns in "$n1" "$n2"; do
		in_ns "$ns" flctl link set flannel.1 srccheck lease
	done
}

# drops TEXT COUNTER ADDRESS - a packet there is counted, and its sender told
drops()
{
	local before
	before=$(stat "$n1" flannel.1 "$2")
	check_refused "$1: sender told" 'Unreachable|unreachable' \
		in_ns "$n1" ping -n -c 1 -W 2 "$3"
	check_equal "$1: $2" $((before + 1)) "$(stat "$n1" flannel.1 "$2")"
}

# The route to the VTEP leads into the device itself.
route_into_the_device()
{
	set_up || return
	lease "$n1" 10.42.30.0/24 via 172.30.0.1 lladdr 02:00:00:00:00:30
	lease "$n1" 10.42.31.0/24 via fd30::1 lladdr 02:00:00:00:00:30
	batch "$n1" <<-END
		route add 172.30.0.1 dev flannel.1
		route add fd30::1 dev flannel.1
	END
	drops 'IPv4 VTEP' tx_loop 10.42.30.1
	drops 'IPv6 VTEP' tx_loop 10.42.31.1
}

# A route that moves there later is noticed, and when it moves away again.
route_moves_into_the_device()
{
	set_up || return
	check 'before' pings "$n1" 10.42.2.0
	ip -n "$n1" route add 192.168.9.2 dev flannel.1
	drops 'moved' tx_loop 10.42.2.0
	ip -n "$n1" route del 192.168.9.2 dev flannel.1
	check 'moved back' pings "$n1" 10.42.2.0
}

# The VTEP's address becomes one of this host.
vtep_becomes_local()
{
	set_up || return
	check 'before' pings "$n1" 10.42.2.0
	ip -n "$n1" addr add 192.168.9.2/32 dev lo
	drops 'IPv4 packet' tx_local_vtep 10.42.2.0
	drops 'IPv6 packet' tx_local_vtep fd42:0:0:2::
	ip -n "$n1" addr del 192.168.9.2/32 dev lo
	check 'afterwards' pings "$n1" 10.42.2.0
	overlay_peer "$n1" 2 fd09::2 "$(lladdr "$n2" flannel.1)"
	overlay_peer "$n2" 1 fd09::1 "$(lladdr "$n1" flannel.1)"
	check 'before, IPv6 VTEP' pings "$n1" 10.42.2.0
	ip -n "$n1" addr add fd09::2/128 dev lo
	drops 'IPv6 VTEP' tx_local_vtep 10.42.2.0
	ip -n "$n1" addr del fd09::2/128 dev lo
	check 'afterwards, IPv6 VTEP' pings "$n1" 10.42.2.0
}

run_tests own_packet_comes_back ping_pong route_into_the_device route_moves_into_the_device vtep_becomes_local
