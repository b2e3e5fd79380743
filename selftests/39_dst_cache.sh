#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The route to a VTEP is looked up once and then remembered, and yet the first
# packet after a change takes the new one.
#
#        eth0 ---- wire ---- eth0     192.168.9.N, fd09::N; also by way of n3
#      n1                        n2   VTEPs: 192.168.99.N, fd99::N
#        eth1 -------------- eth1     192.168.10.N, fd10::N
#
# Answers come by eth1.
# timeout: 240

. "$(dirname "$0")/lib.sh"

SHARED=1

set_up()
{
	[[ -z ${n3-} ]] || return 0
	underlay 3 || return 1
	batch "$n1" <<-END || return 1
		link add eth1 type veth peer name eth1 netns $n2
		link set eth1 up
		addr add 192.168.10.1/24 dev eth1
		addr add fd10::1/64 dev eth1 nodad
		addr add 192.168.99.1/32 dev lo
		addr add fd99::1/128 dev lo nodad
	END
	batch "$n2" <<-END || return 1
		link set eth1 up
		addr add 192.168.10.2/24 dev eth1
		addr add fd10::2/64 dev eth1 nodad
		addr add 192.168.99.2/32 dev lo
		addr add fd99::2/128 dev lo nodad
		route add 192.168.99.1 via 192.168.10.1 src 192.168.99.2
		route add fd99::1 via fd10::1 src fd99::2
	END
	batch "$n3" <<-END || return 1
		route add 192.168.99.2 via 192.168.9.2
		route add fd99::2 via fd09::2
	END
	in_ns "$n1" sysctl -qw net.ipv4.conf.all.promote_secondaries=1
	# The source address that n1 uses is not the subject here.
	overlay_up "$n1" 1 srccheck off && overlay_up "$n2" 2 srccheck off
}

# use FAMILY - of the underlay
use()
{
	set_up || { fail 'set-up'; return 1; }
	if [[ $1 == 4 ]]; then
		VTEP=192.168.99.2 BY_ETH0=192.168.9.2 BY_N3=192.168.9.3 BY_ETH1=192.168.10.2
		overlay_peer "$n2" 1 192.168.99.1 "$(lladdr "$n1" flannel.1)"
	else
		VTEP=fd99::2 BY_ETH0=fd09::2 BY_N3=fd09::3 BY_ETH1=fd10::2
		overlay_peer "$n2" 1 fd99::1 "$(lladdr "$n1" flannel.1)"
	fi
	overlay_peer "$n1" 2 "$VTEP" "$(lladdr "$n2" flannel.1)"
	route "$BY_ETH0" eth0
	went 'at first' eth0 'ottl=64'
	went 'remembered' eth0 'ottl=64'
}

route() { ip -n "$n1" route replace "$VTEP" via "$1" dev "$2"; }

# went TEXT INTERFACE WORD [PING OPTIONS...] - the next packet comes there, saying that
went()
{
	local seen
	seen=$(in_ns "$n2" sniff -i -n 1 "$2" ip netns exec "$n1" \
		ping -n -c 1 -W "$((2 * ${TIME_FACTOR:-1}))" "${@:4}" 10.42.2.0) || fail "$1: lost"
	[[ " $seen " == *" $3 "* ]] || fail "$1: wanted $3 on $2, found '$seen'"
}

next_hop_changed()
{
	route "$BY_N3" eth0
	went 'by n3' eth0 'ottl=63'
	route "$BY_ETH0" eth0
	went 'and back' eth0 'ottl=64'
}

interface_changed()
{
	route "$BY_ETH1" eth1
	went 'by eth1' eth1 'ottl=64'
	route "$BY_ETH0" eth0
	went 'and back' eth0 'ottl=64'
}

interface_down()
{
	ip -n "$n1" route add "$VTEP" via "$BY_ETH1" dev eth1 metric 2000
	went 'the better one' eth0 'ottl=64'
	ip -n "$n1" link set eth0 down
	went 'the other one' eth1 'ottl=64'
	batch "$n1" <<-END
		link set eth0 up
		addr replace fd09::1/64 dev eth0 nodad
	END
	route "$BY_ETH0" eth0
	went 'the better one again' eth0 'ottl=64'
	ip -n "$n1" route del "$VTEP" via "$BY_ETH1" dev eth1 metric 2000
}

# source_removed OLD NEW LENGTH - another address is chosen
source_removed()
{
	went 'with the old one' eth0 "osrc=$1"
	# which of two IPv6 addresses is chosen differs between kernels, but not this
	ip -n "$n1" addr add "$2/$3" dev eth0 ${4:+nodad preferred_lft 0}
	went 'with the old one still' eth0 "osrc=$1"
	ip -n "$n1" addr del "$1/$3" dev eth0
	[[ -z ${4-} ]] || ip -n "$n1" addr change "$2/$3" dev eth0 preferred_lft forever
	went 'with the new one' eth0 "osrc=$2"
	ip -n "$n1" addr add "$1/$3" dev eth0 ${4:+nodad}
	ip -n "$n1" addr del "$2/$3" dev eth0
	went 'with the old one again' eth0 "osrc=$1"
}

# Where the TOS takes part in routing, that of each packet does, or the fixed one.
by_tos() # FAMILY
{
	ip -n "$n1" "-$1" rule add tos 0x10 table 100
	ip -n "$n1" route add "$VTEP" via "$BY_N3" dev eth0 table 100
	in_ns "$n1" flctl link set flannel.1 tos inherit
	went 'without TOS' eth0 'ottl=64'
	went 'with TOS' eth0 'ottl=63' -Q 0x10
	went 'without TOS again' eth0 'ottl=64'
	went 'with TOS again' eth0 'ottl=63' -Q 0x10
	in_ns "$n1" flctl link set flannel.1 tos 0x10
	went 'a fixed TOS' eth0 'ottl=63'
	in_ns "$n1" flctl link set flannel.1 tos 0
	went 'TOS 0' eth0 'ottl=64' -Q 0x10
	ip -n "$n1" "-$1" rule del tos 0x10 table 100
	ip -n "$n1" route del "$VTEP" via "$BY_N3" dev eth0 table 100
}

# What is under way when the route moves still arrives: nothing is lost at all.
under_traffic()
{
	local out i
	scratch
	in_ns "$n1" ping -n -q -i 0.01 -c 150 -W 2 10.42.2.0 >"$TMP/ping" &
	for ((i = 0; i < 5; i++)); do
		route "$BY_ETH1" eth1
		route "$BY_N3" eth0
		route "$BY_ETH0" eth0
	done
	wait $!
	out=$(<"$TMP/ping")
	[[ $out == *' 150 received'* ]] || fail "lost: $out"
}

over_ipv4()
{
	use 4 || return
	next_hop_changed
	interface_changed
	interface_down
	source_removed 192.168.9.1 192.168.9.11 24
	by_tos 4
	under_traffic
}

over_ipv6()
{
	use 6 || return
	next_hop_changed
	interface_changed
	interface_down
	source_removed fd09::1 fd09::11 64 nodad
	by_tos 6
	under_traffic
}

run_tests over_ipv4 over_ipv6
