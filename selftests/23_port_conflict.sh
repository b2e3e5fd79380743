#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A port that someone else has: the device does not come up, and says why; when
# the port is free it does; while it is up nobody else gets the port.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control.sh"
own_ns
need socat

IN_USE='UDP port (8472 )?is in use in the underlay namespace, e\.g\. by a vxlan device'

is_up() { ip -o link show flannel.1 | grep -q '[<,]UP[,>]'; }

# other START STOP - the device and someone else
other()
{
	ip link set lo up
	device || return
	$1 || { fail "set-up: $1"; return; }
	check_refused 'flctl' "$IN_USE" flctl link set flannel.1 up
	check_refused 'ip' "$IN_USE" ip link set flannel.1 up
	is_up && fail 'is up'
	check_equal 'sockets' 'IPv4 closed, IPv6 closed' "$(sockets)"
	check_refused 'at creation' "$IN_USE" flctl link add flannel.2 id 2 up
	[[ ! -e /proc/sys/net/ipv4/conf/flannel.2 ]] || ip link del flannel.2
	check 'another port' flctl link add flannel.3 dstport 8473 up
	check_equal 'the other one is unharmed' 0 "$(${1}_is_there; echo $?)"
	$2
	check 'free again' ip link set flannel.1 up
	check_equal 'sockets' 'IPv4 open, IPv6 open' "$(sockets)"
	$1 2>/dev/null && fail "someone else gets the port: $1"
	$2 2>/dev/null
	check 'unharmed' is_up
	ip link set flannel.1 down
	$1 || fail 'someone else does not get the port after us'
	$2
}

sockets() { flctl link show flannel.1 | sed -n 's/^        sockets  *//p'; }

vxlan_first() { ip link add vx type vxlan id 1 dstport 8472 dev lo && ip link set vx up; }
vxlan_first_is_there() { ip link show vx | grep -q UP; }
no_vxlan() { ip link del vx; }

# listen ADDRESS-FAMILY
listen()
{
	socat -u "$1" /dev/null >/dev/null 2>&1 &
	PROGRAM=$!
	until_true 5 port_taken
}

port_taken()
{
	kill -0 "$PROGRAM" || return 0
	ss -Hlnup 'sport = 8472' | grep -q "pid=$PROGRAM,"
}

program_is_there() { kill -0 "$PROGRAM"; }
program4() { listen UDP4-RECV:8472 && program_is_there; }
program4_is_there() { program_is_there; }
program6() { listen UDP6-RECV:8472,ipv6only && program_is_there; }
program6_is_there() { program_is_there; }
no_program() { kill "$PROGRAM"; wait "$PROGRAM"; }

vxlan() { other vxlan_first no_vxlan; }
program_on_ipv4() { other program4 no_program; }
# nothing of the IPv4 socket is left behind either
program_on_ipv6() { other program6 no_program; }

run_tests vxlan program_on_ipv4 program_on_ipv6
