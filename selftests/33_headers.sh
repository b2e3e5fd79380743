#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the headers of packets say, inside and outside of the tunnel.
#
#   n1 - wire - n2        packets made on n1, read on n2: from the wire and from
#                         the device
# timeout: 240

. "$(dirname "$0")/lib.sh"

SHARED=1
# Packets from n1 to n2, to be completed
V4='craft raw src=10.42.1.0 dst=10.42.2.0 size=40'
V6='craft raw src=fd42:0:0:1:: dst=fd42:0:0:2:: size=40'

# use FAMILY [LINK OPTIONS...] - of the underlay, of the devices
use()
{
	local family=$1 base=192.168.9.
	shift
	[[ $family == 4 ]] || base=fd09::
	VTEP=${base}2
	if [[ -z ${n2-} ]]; then
		overlay 2 "$family" || return 1
		# Checksums are to be on the wire.
		in_ns "$n1" ethtool -K eth0 tx off >/dev/null
		scratch
	elif [[ $family != "$FAMILY" ]]; then
		overlay_peer "$n1" 2 "${base}2" "$(lladdr "$n2" flannel.1)"
		overlay_peer "$n2" 1 "${base}1" "$(lladdr "$n1" flannel.1)"
	fi
	FAMILY=$family
	(($# == 0)) || in_ns "$n1" flctl link set flannel.1 "$@"
}

# on_wire COUNT SCRIPT - run it on n1; what n2 gets by then is in $TMP/seen
on_wire()
{
	in_ns "$n2" sniff -i -n "$1" -w 1000 eth0 ip netns exec "$n1" bash -c "$2" >"$TMP/seen" ||
		fail "sending: $2"
}

# on_device COUNT SCRIPT - the same with what the device delivers
on_device()
{
	in_ns "$n2" sniff -a -i -n "$1" -w 1000 flannel.1 ip netns exec "$n1" bash -c "$2" \
		>"$TMP/seen" || fail "sending: $2"
}

# seen FIELD... - of every packet, a line each
seen()
{
	awk -v names="$*" 'BEGIN { n = split(names, name, " ") }
	{
		delete value
		for (i = 1; i <= NF; i++) {
			at = index($i, "=")
			value[substr($i, 1, at - 1)] = substr($i, at + 1)
		}
		line = ""
		for (i = 1; i <= n; i++)
			line = line (i > 1 ? " " : "") value[name[i]]
		print line
	}' "$TMP/seen"
}

# check_seen TEXT FIELDS LINE... - in the order sent
check_seen()
{
	local text=$1 fields=$2
	shift 2
	check_equal "$text ($fields)" "$(printf '%s\n' "$@")" "$(seen $fields)"
}

options_and_extensions()
{
	local family
	for family in 4 6; do
		use $family || { fail 'set-up'; return; }
		on_device 7 "
			$V4 opts=01010101
			$V4 opts=0708040000000000
			$V6 ext=0
			$V6 ext=60
			$V6 ext=0,60,60
			$V6 ext=60 mf=1 size=48
			$V6 ext=60 frag=56"
		check_seen "over IPv$family" 'i ihl iext proto ifrag il4' \
			'4 24  17  ok' '4 28  17  ok' '6  0 17  ok' '6  60 17  ok' \
			'6  0,60,60 17  ok' '6  60,44 17 0+ ' '6  60,44 17 56 '
	done
}

# RFC 6040, figure 4: what comes out, by inner (row) and outer mark (column), in
# the order not-ECT, ECT(1), ECT(0), CE; x: dropped
DECAPSULATED=('0 0 0 x' '1 1 1 3' '2 1 2 3' '3 3 3 3')

# marked ADDRESSES - a script that sends all combinations from n1; the source port
# says which, and the DSCP is to stay
marked()
{
	local outer inner
	for inner in 0 1 2 3; do
		for outer in 0 1 2 3; do
			echo "craft vxlan $VTEP $1 dmac=$MAC otos=$outer tos=$((0xb8 + inner))" \
				"sport=$((100 + inner * 10 + outer))"
		done
	done
}

# unmarked - what is to come of that
unmarked()
{
	local outer inner row
	for inner in 0 1 2 3; do
		read -ra row <<<"${DECAPSULATED[inner]}"
		for outer in 0 1 2 3; do
			[[ ${row[outer]} == x ]] ||
				printf '%d %x\n' $((100 + inner * 10 + outer)) $((0xb8 + row[outer]))
		done
	done
}

ecn_decapsulated()
{
	local family addresses drops want
	MAC=$(lladdr "$n2" flannel.1)
	mapfile -t want < <(unmarked)
	for family in 4 6; do
		use $family
		drops=$(stat "$n2" flannel.1 rx_ecn)
		for addresses in 'src=10.42.1.5 dst=10.42.2.0' 'src=fd42:0:0:1::5 dst=fd42:0:0:2::'; do
			on_device 15 "$(marked "$addresses")"
			check_seen "over IPv$family, $addresses" 'isport itos' "${want[@]}"
			! grep -E '(iip|il4)=bad' "$TMP/seen" || fail 'wrong checksum'
		done
		check_equal 'rx_ecn' $((drops + 2)) "$(stat "$n2" flannel.1 rx_ecn)"
	done
}

# ECN goes outside too, CE as ECT(0), as the kernel's tunnels do (RFC 3168, 9.1.1).
tos()
{
	local family
	for family in 4 6; do
		use $family tos 0
		on_wire 5 "
			$V4 tos=0xb8; $V4 tos=0xb9; $V4 tos=0xba; $V4 tos=0xbb
			$V6 tos=0xba"
		check_seen "tos 0 over IPv$family" 'otos itos' '00 b8' '01 b9' '02 ba' '02 bb' '02 ba'
		use $family tos 0x40
		on_wire 3 "$V4 tos=0; $V4 tos=0xba; $V6 tos=0x1"
		check_seen "tos fixed over IPv$family" 'otos itos' '40 00' '42 ba' '41 01'
		use $family tos inherit
		on_wire 3 "$V4 tos=0x88; $V4 tos=0xba; $V6 tos=0xb8"
		check_seen "tos inherit over IPv$family" 'otos itos' '88 88' 'ba ba' 'b8 b8'
		use $family tos 0
	done
}

ttl()
{
	local family prefix
	for family in 4 6; do
		prefix=$([[ $family == 4 ]] && echo 32 || echo 128)
		use $family ttl 33
		on_wire 1 "$V4 ttl=200"
		check_seen "fixed over IPv$family" 'ottl ittl' '33 200'
		use $family ttl auto
		on_wire 1 "$V4 ttl=200"
		check_seen "auto over IPv$family" 'ottl ittl' '64 200'
		ip -n "$n1" route replace "$VTEP/$prefix" dev eth0 hoplimit 55
		on_wire 1 "$V4 ttl=200"
		check_seen "of the route over IPv$family" 'ottl ittl' '55 200'
		ip -n "$n1" route del "$VTEP/$prefix" dev eth0
	done
}

df()
{
	local script="$V4 df=0; $V4 df=1; $V6"
	use 4 df unset
	on_wire 3 "$script"
	check_seen 'unset' 'odf idf' '0 0' '0 1' '0 '
	use 4 df 'set'
	on_wire 3 "$script"
	check_seen 'set' 'odf idf' '1 0' '1 1' '1 '
	use 4 df inherit
	on_wire 3 "$script"
	check_seen 'inherit' 'odf idf' '0 0' '1 1' '1 '
	use 4 df unset
}

udp_checksum()
{
	local before
	use 4 udpcsum
	on_wire 2 "$V4; $V6"
	check_seen 'udpcsum' 'oudp il4' 'ok ok' 'ok ok'
	use 4 noudpcsum
	on_wire 2 "$V4; $V6"
	check_seen 'noudpcsum' 'oudp il4' 'none ok' 'none ok'
	check 'accepted' pings "$n1" 10.42.2.0
	use 4 udpcsum

	use 6
	on_wire 2 "$V4; $V6"
	check_seen 'IPv6' 'oudp il4' 'ok ok' 'ok ok'
	use 6 udp6zerocsumtx
	before=$(stat "$n2" flannel.1 rx_no_csum)
	on_wire 2 "$V4; $V6"
	check_seen 'udp6zerocsumtx' 'oudp il4' 'none ok' 'none ok'
	check_equal 'rx_no_csum' $((before + 2)) "$(stat "$n2" flannel.1 rx_no_csum)"
	check_not 'refused' pings "$n1" 10.42.2.0 -W 0.3
	in_ns "$n2" flctl link set flannel.1 udp6zerocsumrx
	check 'udp6zerocsumrx accepts' pings "$n1" 10.42.2.0
	in_ns "$n2" flctl link set flannel.1 noudp6zerocsumrx
	use 6 noudp6zerocsumtx
}

# ports - number of source ports, the smallest, the largest
ports()
{
	seen sport | sort -n | uniq | awk 'NR == 1 { low = $1 } { n++; high = $1 } END { print n + 0, low, high }'
}

source_ports()
{
	local family n low high
	for family in 4 6; do
		use $family srcport 20000 20015
		on_wire 128 "$V4 n=64; $V6 n=64"
		read -r n low high < <(ports)
		((n >= 8 && low >= 20000 && high <= 20015)) ||
			fail "srcport 20000 20015 over IPv$family: $n ports, $low to $high"
		use $family srcport 20000 20000
		on_wire 8 "$V4 n=8"
		check_equal "one port over IPv$family" '1 20000 20000' "$(ports)"
		use $family srcport 0 0
		on_wire 128 "$V4 n=64; $V6 n=64"
		read -r n low high < <(ports)
		((n >= 100 && low >= 32768 && high <= 60999)) ||
			fail "of the namespace over IPv$family: $n ports, $low to $high"
		on_wire 4 "$V4; $V4; $V4; $V4"
		read -r n low high < <(ports)
		check_equal "of one flow over IPv$family" 1 "$n"
	done
}

vxlan_header()
{
	use 4
	on_wire 2 "$V4; $V6"
	check_seen 'wire format' 'dport vflags vni dmac smac etype' \
		"8472 08000000 1 $(lladdr "$n2" flannel.1) $(lladdr "$n1" flannel.1) 0800" \
		"8472 08000000 1 $(lladdr "$n2" flannel.1) $(lladdr "$n1" flannel.1) 86dd"
}

run_tests options_and_extensions vxlan_header ecn_decapsulated tos ttl df udp_checksum source_ports
