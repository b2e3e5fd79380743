#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A device says nothing of its own accord: ten idle seconds with addresses and
# routes of both families leave every counter at zero.
#
#	n1 eth0 --- n2 eth0 (see underlay in lib.sh)

. "$(dirname "$0")/lib.sh"
need tcpdump

counted()
{
	in_ns "$1" ethtool -S flannel.1 | sed -n 's/^ *\([a-z_0-9]*: [1-9].*\)/\1/p'
	in_ns "$1" ip -s -s link show flannel.1 | grep -A 1 -E '^ *(RX|TX)' | grep -v : |
		grep '[1-9]'
}

# A new device, an address later, down and up, another MTU: all without a word
idle()
{
	overlay 2 || { fail 'set-up'; return; }
	scratch
	nsenter --net="/run/netns/$n1" tcpdump -Z root -lnnq -i eth0 udp port 8472 \
		>"$TMP/wire" 2>"$TMP/tcpdump" &
	local tcpdump=$!
	nsenter --net="/run/netns/$n1" tcpdump -Z root -lnnq -i flannel.1 >"$TMP/inner" 2>&1 &
	local inner=$!
	until_true 10 grep -q listening "$TMP/tcpdump" || fail 'tcpdump'
	until_true 10 grep -q listening "$TMP/inner" || fail 'tcpdump'
	batch "$n1" <<-END
		addr add fd42:0:0:1::5/128 dev flannel.1
		addr add 10.42.1.5/32 dev flannel.1
		link set flannel.1 mtu 1400
	END
	ip -n "$n2" link set flannel.1 down
	ip -n "$n2" link set flannel.1 up
	batch "$n2" <<-END
		addr add fd42:0:0:2::/128 dev flannel.1
		route add 10.42.0.0/16 dev flannel.1 src 10.42.2.0
		route add fd42::/48 via fe80::1 dev flannel.1 onlink
	END
	# this is what is tested: a time in which nothing happens
	sleep 10
	kill "$tcpdump" "$inner"
	wait "$tcpdump" "$inner"
	check_equal 'counters of n1' '' "$(counted "$n1")"
	check_equal 'counters of n2' '' "$(counted "$n2")"
	check_equal 'on the wire' '' "$(cat "$TMP/wire")"
	check_equal 'on the device' '' "$(grep -v -e listening -e verbose -e packets "$TMP/inner")"
	check_equal 'link-local addresses' '' \
		"$(ip -n "$n1" -6 addr show dev flannel.1 scope link)"
	check_equal 'multicast addresses of the link' '' \
		"$(ip -n "$n1" maddr show dev flannel.1 | grep -w link)"
	# and it was no device that cannot speak
	check 'it can speak' pings "$n1" 10.42.2.0
}

# Not when the system prefers to either: no address, also in a namespace that the
# device moves to, and no router is solicited when somebody gives it one
system_wants_addresses()
{
	local ns
	underlay 1 && new_ns away || { fail 'set-up'; return; }
	for ns in "$n1" "$away"; do
		in_ns "$ns" sysctl -qw net.ipv6.conf.default.addr_gen_mode=3 \
			net.ipv6.conf.default.accept_ra=2 \
			net.ipv6.conf.default.router_solicitation_delay=0
	done
	in_ns "$n1" flctl link add flannel.1 up
	no_address_of_its_own "$n1"
	ip -n "$n1" link set flannel.1 netns "$away"
	ip -n "$away" link set flannel.1 up
	no_address_of_its_own "$away"
	ip -n "$away" addr add fe80::1:2/64 dev flannel.1
	until_true 5 is_in_use fe80::1:2 || fail 'the address is tentative'
	# what would be solicited has been by the time that this one has gone
	in_ns "$away" bash -c 'echo >/dev/udp/fe80::77%flannel.1/9'
	until_true 5 all_multicast 1 || fail 'a link-local destination is not counted'
	check_equal 'multicast and link-local packets' 1 \
		"$(stat "$away" flannel.1 tx_multicast)"
}

no_address_of_its_own()
{
	check_equal 'link-local addresses' '' \
		"$(ip -n "$1" -6 addr show dev flannel.1 scope link)"
	check_equal 'addrgenmode' none \
		"$(ip -n "$1" -d link show flannel.1 | sed -n 's/.*addrgenmode \([a-z]*\).*/\1/p')"
}

is_in_use()
{
	ip -n "$away" -6 addr show dev flannel.1 -tentative | grep -q "$1"
}

all_multicast() { (($(stat "$away" flannel.1 tx_multicast) >= $1)); }

run_tests idle system_wants_addresses
