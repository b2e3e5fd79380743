#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Who sends more than the path to the VTEP takes is told how much it takes.
#
#   pod1 - n1 ---- router ---- n2 - pod2        the right link's MTU is smaller
#
# What is told is the limit: path MTU - 50 over IPv4, - 70 over IPv6; for inner
# IPv6 never less than 1280. The path MTU is learnt from the router: always over
# IPv6, over IPv4 with df set; else routers fragment and nobody need know.
# timeout: 240

. "$(dirname "$0")/lib.sh"

SHARED=1

# route_mtu NS ADDRESS - that the namespace has learnt, if any
route_mtu()
{
	local words
	words=$(ip -n "$1" route get "$2")
	[[ ! $words =~ \ mtu\ (lock\ )?([0-9]+) ]] || echo "${BASH_REMATCH[2]}"
}

# ping_of NS ADDRESS BYTES [OPTIONS...] - an unfragmented packet of so many bytes
ping_of()
{
	local header=28
	[[ $2 != *:* ]] || header=48
	in_ns "$1" ping -n -c 1 -W 0.3 -M 'do' -s "$(($3 - header))" "${@:4}" "$2"
}

# Sends what it believes to fit, until it is answered or told: only a packet that
# is sent can teach it better.
knows_mtu()
{
	local mtu
	mtu=$(route_mtu "$1" "$2")
	[[ $mtu == "$3" ]] && return
	ping_of "$1" "$2" "${mtu:-1450}" -i 0.05 -w 1
	[[ $(route_mtu "$1" "$2") == "$3" ]]
}

# learns TEXT NS ADDRESS MTU - the namespace comes to know the limit, and is right
learns()
{
	check "$1 learns the limit to $3" until_true 10 knows_mtu "$2" "$3" "$4" ||
		note "mtu of the route: '$(route_mtu "$2" "$3")', wanted $4"
	check "$1: a packet of the limit passes" ping_of "$2" "$3" "$4" -W "$((2 * ${TIME_FACTOR:-1}))"
	check_refused "$1: a bigger one does not" "mtu ?[=:] ?$4" \
		ping_of "$2" "$3" "$(($4 + 1))"
}

# forget NS... - what they have learnt
forget()
{
	local ns
	for ns; do
		in_ns "$ns" bash -c 'echo 1 >/proc/sys/net/ipv4/route/flush
			ip -6 route flush cache'
	done
}

# all_learn MTU4 MTU6 - pods and nodes do, for IPv4 and IPv6
all_learn()
{
	local before between after
	forget "$n1" "$pod1"
	before=$(stat "$n1" flannel.1 tx_too_big)
	learns pod "$pod1" 10.42.2.2 "$1"
	learns pod "$pod1" fd42:0:0:2::2 "$2"
	between=$(stat "$n1" flannel.1 tx_too_big)
	((between >= before + 2)) || fail "tx_too_big: $before, then $between"
	forget "$n1"
	learns node "$n1" 10.42.2.0 "$1"
	learns node "$n1" fd42:0:0:2:: "$2"
	after=$(stat "$n1" flannel.1 tx_too_big)
	((after >= between + 2)) || fail "tx_too_big: $between, then $after"
}

stream() # TEXT ADDRESS
{
	check "$1" in_ns "$pod2" traffic recv tcp 5001 bytes=100000 \
		ip netns exec "$pod1" traffic send tcp "$2" 5001 bytes=100000
}

# streams - who does not know the limit yet finds out by the way
streams()
{
	forget "$n1" "$n2" "$pod1" "$pod2"
	stream 'TCP over IPv4' 10.42.2.2
	stream 'TCP over IPv6' fd42:0:0:2::2
}

# use FAMILY MTU DF - of the underlay, of the right link, of the devices
use()
{
	local vtep1=192.168.11.1 vtep2=192.168.12.2
	[[ $1 == 4 ]] || vtep1=fd11::1 vtep2=fd12::2
	if [[ -z ${pod2-} ]]; then
		routed_overlay "$2" "$1" && pod "$n1" 1 && pod "$n2" 2 || return 1
	else
		overlay_peer "$n1" 2 "$vtep2" "$(lladdr "$n2" flannel.1)"
		overlay_peer "$n2" 1 "$vtep1" "$(lladdr "$n1" flannel.1)"
		ip -n "$router" link set east mtu "$2"
		ip -n "$n2" link set eth0 mtu "$2"
	fi
	in_ns "$n1" flctl link set flannel.1 df "$3"
	in_ns "$n2" flctl link set flannel.1 df "$3"
}

over_ipv4_df_unset()
{
	use 4 1380 unset || { fail 'set-up'; return; }
	# The first reply may be told: its node has the narrow link.
	check 'big IPv4 packet passes' until_true 10 ping_of "$pod1" 10.42.2.2 1450
	check 'big IPv6 packet passes' until_true 10 ping_of "$pod1" fd42:0:0:2::2 1450
	streams
	check_equal 'nobody was told' 0 "$(stat "$n1" flannel.1 tx_too_big)"
}

over_ipv4_df_set()
{
	use 4 1380 'set' || { fail 'set-up'; return; }
	streams
	all_learn 1330 1330
}

over_ipv6()
{
	use 6 1380 'set' || { fail 'set-up'; return; }
	streams
	all_learn 1310 1310
}

over_ipv6_less_than_1280()
{
	use 6 1300 unset || { fail 'set-up'; return; }
	streams
	all_learn 1230 1280
}

# Where packets take other routes than those without mark or interface, the path
# MTU belongs to these.
by_other_routes()
{
	local family limit
	for family in 4 6; do
		limit=$((family == 4 ? 1330 : 1310))
		use $family 1380 'set' || { fail 'set-up'; return; }
		batch "$n1" <<-END
			rule add fwmark 7 table 100
			route add default via 192.168.11.254 dev eth0 table 100
		END
		ip -n "$n1" -6 rule add fwmark 7 table 100
		ip -n "$n1" -6 route add default via fd11::fe dev eth0 table 100
		in_ns "$n1" flctl link set flannel.1 fwmark 7
		forget "$n1" "$pod1"
		learns "pod, fwmark over IPv$family" "$pod1" 10.42.2.2 $limit
		in_ns "$n1" flctl link set flannel.1 fwmark 0 dev eth0
		forget "$n1" "$pod1"
		# Now without the interface they would go there.
		batch "$n1" <<-END
			link add elsewhere type veth peer name nowhere
			link set nowhere addrgenmode none up
			link set elsewhere addrgenmode none up
			route add 192.168.12.0/24 dev elsewhere
			route add fd12::/64 dev elsewhere
		END
		learns "pod, dev over IPv$family" "$pod1" 10.42.2.2 $limit
		in_ns "$n1" flctl link set flannel.1 nodev
		ip -n "$n1" link del elsewhere
		ip -n "$n1" rule del fwmark 7 table 100
		ip -n "$n1" -6 rule del fwmark 7 table 100
		ip -n "$n1" route flush table 100
		ip -n "$n1" -6 route flush table 100
	done
}

# No router is needed for an IPv6 underlay to take less than the device's MTU.
by_family()
{
	use 6 1500 unset || { fail 'set-up'; return; }
	check_equal 'MTU of the device' 1450 "$(in_ns "$n1" cat /sys/class/net/flannel.1/mtu)"
	all_learn 1430 1430
}

# segments TEXT LIMIT TOLD - a datagram that the device gets whole, to be cut into
# packets of LIMIT; it is too big so often
segments()
{
	local before
	before=$(stat "$n1" flannel.1 tx_too_big)
	check "$1: send" in_ns "$n1" vxlan_send to=fd42:0:0:2:: dport=9 ip=0 gso=4 len=$(($2 - 70))
	check_equal "$1: tx_too_big" "$3" $(($(stat "$n1" flannel.1 tx_too_big) - before))
}

# What is still to be cut is judged by its segments, not by its length.
by_segment()
{
	use 6 1500 unset || { fail 'set-up'; return; }
	forget "$n1"
	segments 'segments of the limit' 1430 0
	segments 'one byte more' 1431 1
}

run_tests over_ipv4_df_unset over_ipv4_df_set over_ipv6 over_ipv6_less_than_1280 \
	by_other_routes by_family by_segment
