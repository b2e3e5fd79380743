#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A move into a VRF where somebody has the UDP port, be it that of one family only,
# is refused or undone whole: both families go on as before. Where the port is
# that of another flannel device, it is shared.
#
#   n1: eth0 in VRF blue (192.168.9.1, fd09::1), eth1 in VRF red (192.168.29.1,
#   fd29::1); n2 has both networks on its eth0

. "$(dirname "$0")/lib.sh"

SHARED=1

set_up()
{
	[[ -z ${n1-} ]] || return 0
	underlay 2 || { fail 'set-up'; return 1; }
	modprobe vrf 2>/dev/null
	ip -n "$n1" link add red type vrf table 10 2>/dev/null ||
		{ skip 'no links of kind vrf'; unset n1; return 1; }
	batch "$wire" <<-END
		link add p3 type veth peer name eth1 netns $n1
		link set p3 master br0 addrgenmode none up
	END
	batch "$n1" <<-END
		link set red up
		link add blue type vrf table 20
		link set blue up
		link set eth1 master red up
		link set eth0 master blue
		addr replace fd09::1/64 dev eth0 nodad
		addr add 192.168.29.1/24 dev eth1
		addr add fd29::1/64 dev eth1 nodad
	END
	batch "$n2" <<-END
		addr add 192.168.29.2/24 dev eth0
		addr add fd29::2/64 dev eth0 nodad
	END
	overlay_up "$n1" 1 dev eth0 && overlay_up "$n2" 2 || { fail 'set-up'; return 1; }
	MAC1=$(lladdr "$n1" flannel.1) MAC2=$(lladdr "$n2" flannel.1)
	network 192.168.9 fd09
}

# network V4 V6 - the leases are by V4.1 and V4.2, V6::1 and V6::2
network()
{
	lease "$n1" 10.42.2.0/24 via "$1.2" lladdr "$MAC2"
	lease "$n1" fd42:0:0:2::/64 via "$2::2" lladdr "$MAC2"
	lease "$n2" 10.42.1.0/24 via "$1.1" lladdr "$MAC1"
	lease "$n2" fd42:0:0:1::/64 via "$2::1" lladdr "$MAC1"
}

# Echoes there, so that n2's packets, too, find their way.
reach()
{
	check "$1, IPv4" pings "$n1" 10.42.2.0
	check "$1, IPv6" pings "$n1" fd42:0:0:2::
}

# bound - the UDP sockets on the port
bound()
{
	in_ns "$n1" ss -Hlnu 'sport = 8472' | awk '{ print $4 }' | sort | paste -sd ' '
}

readonly BLUE='0.0.0.0%blue:8472 [::]%blue:8472' RED='0.0.0.0%red:8472 [::]%red:8472'

# listen ADDRESS-FAMILY - somebody else has the port in red
listen()
{
	ip netns exec "$n1" socat -u "$1,so-bindtodevice=red" /dev/null >/dev/null 2>&1 &
	PROGRAM=$!
	until_true 5 red_taken
}

red_taken() { [[ $(bound) == *red* ]]; }
red_free() { [[ $(bound) != *red* ]]; }
no_program()
{
	kill "$PROGRAM"
	wait "$PROGRAM" 2>/dev/null
	until_true 5 red_free
}

# refused - with the port of either family taken; moves neither
refused()
{
	local program before
	for program in UDP4-RECV:8472 UDP6-RECV:8472,ipv6only; do
		listen "$program" || { fail "set-up: $program"; no_program; return; }
		before=$(bound)
		check_refused "$program" 'UDP port 8472 is in use' \
			in_ns "$n1" flctl link set flannel.1 dev eth1
		check_equal "$program: sockets" "$before" "$(bound)"
		reach "$program: refused"
		no_program
		check_equal 'sockets' "$BLUE" "$(bound)"
	done
}

# moved - the same when it is possible, and back
moved()
{
	check 'move' in_ns "$n1" flctl link set flannel.1 dev eth1
	network 192.168.29 fd29
	reach 'moved'
	check_equal 'sockets' "$1" "$(bound)"
	check 'move back' in_ns "$n1" flctl link set flannel.1 dev eth0
	network 192.168.9 fd09
	reach 'moved back'
}

alone()
{
	set_up || return
	reach 'before'
	refused
	moved "$RED"
	check_equal 'sockets' "$BLUE" "$(bound)"
}

# Another device is on the sockets, which cannot be moved therefore.
shared()
{
	set_up || return
	check 'another device' in_ns "$n1" flctl link add flannel.2 id 2 dev eth0 up
	refused
	moved "${BLUE% *} ${RED% *} ${BLUE#* } ${RED#* }"
	check_equal 'sockets' "$BLUE" "$(bound)"
	in_ns "$n1" flctl link del flannel.2
}

# Another device is in red already.
joined()
{
	set_up || return
	check 'another device' in_ns "$n1" flctl link add flannel.2 id 2 dev eth1 up
	moved "$RED"
	check_equal 'sockets' "${BLUE% *} ${RED% *} ${BLUE#* } ${RED#* }" "$(bound)"
	in_ns "$n1" flctl link del flannel.2
	check_equal 'sockets' "$BLUE" "$(bound)"
}

need socat ss
run_tests alone shared joined
