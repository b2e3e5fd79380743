#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# ICMP errors about our packets are heard even when they quote no more than the
# UDP header (RFC 792), and only when the packet can have been ours; others count
# as errors. (Some kernels let UDP itself learn the path MTU from all of them.)
#
#   n1 - wire - n2        n2 plays a router that complains to n1 about packets to
#                         VTEP 192.168.9.3 / fd09::3

. "$(dirname "$0")/lib.sh"

SHARED=1
OURS=0800000000000100		# VXLAN header with VNI 1

set_up()
{
	[[ -z ${n2-} ]] || return 0
	underlay 2 && overlay_up "$n1" 1 || { fail 'set-up'; return 1; }
	lease "$n1" 10.42.3.0/24 via 192.168.9.3 lladdr 02:00:00:00:00:03
	lease "$n1" 10.42.4.0/24 via fd09::3 lladdr 02:00:00:00:00:03
}

# complain FAMILY MTU DESTINATION WORD... - about a packet from n1
complain()
{
	local host=192.168.9.1
	[[ $1 == 4 ]] || host=fd09::1
	check 'send' in_ns "$n2" craft quote $host src=$host dst="$3" sport=40000 dport=8472 \
		mtu="$2" size=1000 "${@:4}"
}

route_mtu()
{
	local words
	words=$(ip -n "$n1" route get "$1")
	[[ ! $words =~ \ mtu\ (lock\ )?([0-9]+) ]] || echo "${BASH_REMATCH[2]}"
}

mtu_is() { [[ $(route_mtu "$1") == "$2" ]]; }

# errors - ICMP messages that nobody on n1 wanted
errors()
{
	in_ns "$n1" nstat -asz IcmpInErrors Icmp6InErrors |
		awk '/InErrors/ { sum += $2 } END { print sum }'
}

heard() # TEXT FAMILY MTU DESTINATION WORD...
{
	local before
	before=$(errors)
	complain "${@:2}"
	check "$1" until_true 2 mtu_is "$4" "$3"
	check_equal "$1: errors" "$before" "$(errors)"
}

errors_are() { [[ $(errors) == "$1" ]]; }

ignored() # TEXT FAMILY MTU DESTINATION WORD...
{
	local before
	before=$(errors)
	complain "${@:2}"
	check "$1: errors" until_true 2 errors_are $((before + 1))
	((LEARNS_ALL)) || check_not "$1: path MTU" mtu_is "$4" "$3"
}

# Does the kernel learn from whatever UDP packet is quoted?
probe()
{
	complain "$1" 1410 "$2" dport=8473
	LEARNS_ALL=0
	! mtu_is "$2" 1410 || LEARNS_ALL=1
	((!LEARNS_ALL)) || note "this kernel takes every path MTU over IPv$1"
}

# quotes FAMILY VTEP STRANGER HEADER - bytes of the outer IP header
quotes()
{
	local family=$1 vtep=$2 stranger=$3 ip=$4
	set_up || return
	probe "$family" "$stranger"
	ignored 'a stranger, UDP header' "$family" 1409 "$stranger" cut=$((ip + 8))
	ignored 'a stranger, all' "$family" 1408 "$stranger" payload=$OURS
	ignored 'another port' "$family" 1407 "$vtep" dport=8473 cut=$((ip + 8))
	ignored 'another VNI' "$family" 1406 "$vtep" payload=0800000000000700
	ignored 'no VXLAN' "$family" 1405 "$vtep" payload=0000000000000100

	heard 'UDP header' "$family" 1404 "$vtep" cut=$((ip + 8))
	heard 'half of a VXLAN header' "$family" 1403 "$vtep" cut=$((ip + 12)) payload=$OURS
	heard 'VXLAN header' "$family" 1402 "$vtep" cut=$((ip + 16)) payload=$OURS
	heard 'all' "$family" 1400 "$vtep" payload=$OURS
	ignored 'another VNI, later' "$family" 1399 "$vtep" payload=0800000000000700
	heard 'less' "$family" 1398 "$vtep" cut=$((ip + 8))
}

over_ipv4()
{
	quotes 4 192.168.9.3 192.168.9.77 20
	check_refused 'the sender is told' 'mtu ?= ?1348' \
		in_ns "$n1" ping -n -c 1 -W 0.3 -M 'do' -s 1400 10.42.3.2
}

over_ipv6()
{
	quotes 6 fd09::3 fd09::77 40
	check_refused 'the sender is told' 'mtu ?= ?1328' \
		in_ns "$n1" ping -n -c 1 -W 0.3 -M 'do' -s 1400 10.42.4.2
}

run_tests over_ipv4 over_ipv6
