#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The MTU is the underlay's less 50, follows it, and is never made less than
# IPv6 needs; one that somebody chose stays as far as it fits.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control.sh"
own_ns

mtu_is()
{
	check_equal "$1" "$2" \
		"$(ip -o link show flannel.1 | sed 's/.* mtu \([0-9]*\).*/\1/')"
}

nic() { ip link del eth0 2>/dev/null; ip link add eth0 mtu "$1" type bridge; }

automatic()
{
	device || return
	mtu_is 'nothing known' 1450
	nic 9000
	device dev eth0 || return
	mtu_is 'at creation' 8950
	flctl link set flannel.1 nodev
	mtu_is 'without dev' 1450
	flctl link set flannel.1 dev eth0
	mtu_is 'dev set' 8950
	ip link set eth0 mtu 1500
	mtu_is 'underlay has less' 1450
	ip link set eth0 mtu 4000
	mtu_is 'underlay has more' 3950
	ip link set eth0 mtu 1330
	mtu_is 'the least' 1280
	ip link set eth0 mtu 1329
	mtu_is 'not below' 1280
	ip link set eth0 mtu 576
	mtu_is 'not below' 1280
	ip link set eth0 mtu 2000
	mtu_is 'more again' 1950
	ip link set eth0 mtu 576
	mtu_is 'much less at once' 1280
	ip link set eth0 mtu 2000
	ip link del eth0
	mtu_is 'underlay is away' 1950
	flctl link set flannel.1 ttl 9
	mtu_is 'another option meanwhile' 1950
	nic 1600
	mtu_is 'another underlay of the name' 1550
}

chosen()
{
	nic 1500
	device dev eth0 mtu 1400 || return
	mtu_is 'at creation' 1400
	ip link set eth0 mtu 9000
	mtu_is 'underlay has more' 1400
	ip link set eth0 mtu 1400
	mtu_is 'underlay has less' 1350
	ip link set eth0 mtu 1500
	mtu_is 'and more again' 1400
	flctl link set flannel.1 ttl 9
	mtu_is 'another option' 1400
	ip link set flannel.1 mtu 1300
	mtu_is 'by ip' 1300
	ip link set eth0 mtu 1600
	mtu_is 'underlay has more' 1300
	check_refused 'too much' 'mtu greater than device maximum' \
		ip link set flannel.1 mtu 1551
	check 'the most' ip link set flannel.1 mtu 1550
	check_refused 'too little' 'mtu less than device minimum' \
		ip link set flannel.1 mtu 1279
	mtu_is 'after refusals' 1550
	ip link del eth0
	mtu_is 'underlay is away' 1550
	nic 1500
	mtu_is 'and back with less' 1450
}

# What is told to IPv6 follows: it stays on the device all the time
ipv6_stays()
{
	nic 1500
	device dev eth0 up || return
	ip -6 addr add fd42::1/128 dev flannel.1 nodad
	ip -6 route add fd42::/48 via fe80::1 dev flannel.1 onlink
	ip link set eth0 mtu 600
	ip link set eth0 mtu 1500
	ip -6 addr show dev flannel.1 | grep -q fd42::1 || fail 'the address is gone'
	ip -6 route show dev flannel.1 | grep -q fd42::/48 || fail 'the route is gone'
	mtu_is 'as before' 1450
}

run_tests automatic chosen ipv6_stays
