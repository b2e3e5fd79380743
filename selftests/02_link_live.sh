#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Everything but id and dstport changes under traffic: the change shows on the
# wire, the table stays, and no packet is lost.
#
#	n1 eth0 --- n2 eth0 (see underlay in lib.sh); n1 is changed, n2 counts

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control.sh"
need nft

# Counters of what n1 sends, as n2 and n1's own output see it
RULES='
table inet seen {
	counter c_all {}; counter c_ttl {}; counter c_tos {}; counter c_inherited {}; counter c_df {}
	counter c_sport {}; counter c_nocsum {}; counter c_mac {}
	chain input {
		type filter hook prerouting priority -400
		udp dport 8472 jump outer
	}
	chain outer {
		counter name c_all
		ip ttl 9 counter name c_ttl
		ip6 hoplimit 9 counter name c_ttl
		ip dscp 8 counter name c_tos
		ip6 dscp 8 counter name c_tos
		ip dscp 4 counter name c_inherited
		ip6 dscp 4 counter name c_inherited
		ip frag-off & 0x4000 != 0 counter name c_df
		udp sport 5000 counter name c_sport
		udp checksum 0 counter name c_nocsum
		@th,176,48 0x020000000777 counter name c_mac
	}
}
table inet sent {
	counter c_mark {}
	chain output {
		type filter hook output priority 0
		udp dport 8472 meta mark 7 counter name c_mark
	}
}'

# counts ARRAY - the packets of every counter by name
counts()
{
	local -n into=$1
	local word rest name=
	into=()
	while read -r word rest; do
		case $word in
		counter) name=${rest%% *} name=${name#c_} ;;
		packets) into[$name]=${rest%% *} ;;
		esac
	done < <(nsenter --net="/run/netns/$n1" nft list counters table inet sent
		nsenter --net="/run/netns/$n2" nft list counters table inet seen)
}

declare -A BEFORE LAST NOW

# have_grown NAME... - these counters have since BEFORE
have_grown()
{
	local name
	counts NOW
	for name; do
		((${NOW[$name]:-0} > ${BEFORE[$name]:-0})) || return 1
	done
}

# set OPTIONS... - on n1
set_n1() { check "set $*" nsenter --net="/run/netns/$n1" flctl link set flannel.1 "$@"; }

# show "NAME..." OPTIONS... - with these options each of the counters counts
show()
{
	local name
	counts BEFORE
	for name in $1; do
		check_equal "$name before '${*:2}'" "${LAST[$name]}" "${BEFORE[$name]}"
	done
	set_n1 "${@:2}"
	# shellcheck disable=SC2086
	until_true 10 have_grown $1 && return
	for name in $1; do
		((NOW[$name] > BEFORE[$name])) ||
			fail "$name: '${*:2}' does not show on the wire"
	done
}

# back OPTIONS... - from now on no counter but that of all packets counts
back()
{
	local name
	set_n1 "$@"
	# what left before the change has arrived before a later one
	for name in first second; do
		counts BEFORE
		until_true 10 have_grown all || fail "no $name packet"
	done
	counts LAST
}

# traffic_over FAMILY FUNCTION - runs it while pings with TOS 0x10 go both ways
traffic_over()
{
	local table packets
	overlay 2 "$1" || { fail 'set-up'; return; }
	in_ns "$n1" nft -f - <<<"$RULES" && in_ns "$n2" nft -f - <<<"$RULES" ||
		{ fail 'counters'; return; }
	scratch
	table=$(in_ns "$n1" flctl lease save dev flannel.1)
	nsenter --net="/run/netns/$n1" ping -n -q -Q 0x10 -i 0.005 10.42.2.0 >"$TMP/out" &
	local out=$!
	nsenter --net="/run/netns/$n2" ping -n -q -Q 0x10 -i 0.005 10.42.1.0 >"$TMP/in" &
	local in=$!
	BEFORE=()
	until_true 10 have_grown all || fail 'no traffic'
	back ttl auto
	"$2"
	kill -INT "$out" "$in"
	wait "$out" "$in"
	check_equal 'table' "$table" "$(in_ns "$n1" flctl lease save dev flannel.1)"
	for packets in out in; do
		note "$packets: $(grep transmitted "$TMP/$packets")"
		packets=$(awk '/transmitted/ { print $1 - $4 }' "$TMP/$packets")
		# the last one may be on its way
		((packets <= 1)) || fail "$packets packets lost"
	done
}

direct() { in_ns "$n1" flctl link show flannel.1 | sed -n 's/^ *leases  *//p'; }

wire4()
{
	show 'ttl tos df sport nocsum mark mac' ttl 9 tos 0x20 df set srcport 5000 5000 \
		noudpcsum fwmark 7 lladdr 02:00:00:00:07:77
	back ttl auto tos 0 df unset srcport 0 0 udpcsum fwmark 0 lladdr 02:00:00:00:07:78
	show 'inherited df' tos inherit df inherit
}

wire6()
{
	in_ns "$n2" flctl link set flannel.1 udp6zerocsumrx
	show 'ttl tos sport nocsum mark mac' ttl 9 tos 0x20 srcport 5000 5000 \
		udp6zerocsumtx fwmark 7 lladdr 02:00:00:00:07:77
	back ttl auto tos 0 srcport 0 0 noudp6zerocsumtx fwmark 0 lladdr 02:00:00:00:07:78
	show inherited tos inherit
	set_n1 local fd09::1
	set_n1 udp6zerocsumrx
}

others()
{
	local word
	set_n1 local 192.168.9.1
	set_n1 dev eth0
	check_equal 'carrier' LOWER_UP \
		"$(ip -n "$n1" link show flannel.1 | grep -o LOWER_UP)"
	set_n1 local 0.0.0.0 nodev
	set_n1 network 10.42.0.0/16 network fd42::/48
	check_equal 'index' 'IPv4 2 (direct index), IPv6 2 (direct index)' "$(direct)"
	set_n1 network 10.0.0.0/8
	check_equal 'another index' 'IPv4 2 (direct index), IPv6 2 (direct index)' "$(direct)"
	set_n1 network 0.0.0.0/0 network ::/0
	check_equal 'no index' 'IPv4 2 (hash), IPv6 2 (hash)' "$(direct)"
	for word in strict off lease; do
		set_n1 srccheck $word
	done
	set_n1 untrack
	set_n1 nountrack
	set_n1 maxleases 4
	check_refused 'full' 'maxleases' \
		in_ns "$n1" flctl lease add 10.42.9.0/24 via 192.168.9.9 \
		lladdr 02:00:00:00:00:09 dev flannel.1
	set_n1 maxleases 5
	set_n1 mtu 1400
	check_equal 'MTU' 1400 "$(in_ns "$n1" cat /sys/class/net/flannel.1/mtu)"
	set_n1 mtu 1450
	# all at once
	set_n1 local 192.168.9.1 dev eth0 ttl 7 tos inherit df set srcport 1000 2000 \
		noudpcsum udp6zerocsumtx udp6zerocsumrx lladdr 02:00:00:00:07:77 \
		network 10.42.0.0/16 network fd42::/48 srccheck strict fwmark 9 maxleases 77 \
		untrack
	# a refusal changes nothing, not even what stands before it
	check_refused 'a dev that is not there' 'no interface eth7' \
		in_ns "$n1" flctl link set flannel.1 ttl 8 dev eth7
	check_refused 'a network without the leases' outside \
		in_ns "$n1" flctl link set flannel.1 ttl 8 network 10.43.0.0/16
	check_equal 'options' \
		'id 1 local 192.168.9.1 dev eth0 dstport 8472 ttl 7 tos inherit df set srcport 1000 2000 noudpcsum udp6zerocsumtx udp6zerocsumrx lladdr 02:00:00:00:07:77 network 10.42.0.0/16 network fd42::/48 srccheck strict fwmark 0x9 maxleases 77 untrack' \
		"$(in_ns "$n1" flctl link show flannel.1 | sed -n '2s/^ *flannel //p')"
}

over_ipv4() { traffic_over 4 wire4; }
over_ipv6() { traffic_over 6 wire6; }
without_trace() { traffic_over 4 others; }

run_tests over_ipv4 over_ipv6 without_trace
