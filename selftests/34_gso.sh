#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Packets that segmentation offload carries whole pass whole, and are segmented
# rightly wherever one of the interfaces below cannot; what has to fit the path
# is the segment.
#
#   pod1 - n1 - wire - n2 - pod2          streams, read on n1's eth0
# timeout: 300

. "$(dirname "$0")/lib.sh"

SHARED=1
BYTES=100000
DATAGRAMS=80

# use FAMILY [LINK OPTIONS...] - of the underlay, of the devices
use()
{
	local family=$1 base=192.168.9.
	shift
	scratch
	[[ $family == 4 ]] || base=fd09::
	if [[ -z ${pod2-} ]]; then
		overlay 2 "$family" && pod "$n1" 1 && pod "$n2" 2 || return 1
		direction 1 2
	else
		overlay_peer "$n1" 2 "${base}2" "$(lladdr "$n2" flannel.1)"
		overlay_peer "$n2" 1 "${base}1" "$(lladdr "$n1" flannel.1)"
	fi
	enter "$n1" flctl link set flannel.1 "$@"
	enter "$n2" flctl link set flannel.1 "$@"
}

# direction FROM TO - of the streams; they go out of n1 or come in there
direction()
{
	local from_pod=pod$1 to_pod=pod$2 node=n$2
	from=${!from_pod} to=${!to_pod} to_node=${!node} to4=10.42.$2.2 to6=fd42:0:0:$2::2
	side=-o
	[[ $1 == 1 ]] || side=-i
}

# packets NS - that its devices have received and sent, into $rx and $tx
packets()
{
	read -r rx tx < <(enter "$1" awk '/flannel/ { rx += $3; tx += $11 }
		END { print rx, tx }' /proc/net/dev)
}

# stream RECEIVE-OPTIONS -- SEND-OPTIONS... - what of it is on n1's eth0 is in
# $TMP/wire
stream()
{
	local -a options=()
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift
	enter "$n1" sniff $side eth0 nsenter --net="/run/netns/$to" traffic recv "${options[@]}" \
		nsenter --net="/run/netns/$from" traffic send "$@" >"$TMP/wire"
}

# wire_is_right TEXT LARGEST SEGMENT - every packet has right checksums and is
# not larger than this, as are its segments. Counts in $whole those that the
# interface was to segment, in $single the others
wire_is_right()
{
	local wrong
	{ read -r whole single; read -r wrong; } < <(awk -v largest="$2" -v segment="$3" '
		match($0, / gso=[0-9]+/) {
			whole++
			if (substr($0, RSTART + 5, RLENGTH - 5) + 0 > segment)
				wrong = "segments: " $0
		}
		!/ gso=/ {
			single++
			if (substr($2, 5) + 0 > largest)
				wrong = "too large: " $0
		}
		/(oip|oudp|iip|il4)=bad/ { wrong = "checksum: " $0 }
		END { print whole + 0, single + 0; print wrong }' "$TMP/wire")
	[[ -z $wrong ]] || fail "$1: $wrong"
}

tcp_stream() # TEXT INNER_FAMILY [LARGEST]
{
	local address=to$2 largest=${3:-1500}
	check "$1, TCP" stream tcp 5001 bytes=$BYTES -- tcp "${!address}" 5001 bytes=$BYTES
	wire_is_right "$1, TCP" "$largest" $((largest - 50 - 40))
	((whole + single > 0)) || fail "$1: nothing was seen"
}

# datagrams TEXT INNER_FAMILY LARGEST SEGMENT [SEND-OPTIONS...] - by UDP_SEGMENT,
# ten at a time; $arrived is the number of packets that the other device got.
# (Packet sockets do not see whole ones before Linux 6.2.)
datagrams()
{
	local address=to$2 rx tx
	packets "$to_node"
	arrived=$rx
	check "$1" stream udp 5002 n=$DATAGRAMS -- udp "${!address}" 5002 \
		n=$((DATAGRAMS / 10)) size=$(($4 * 10)) gso="$4" "${@:5}"
	packets "$to_node"
	arrived=$((rx - arrived))
	wire_is_right "$1" "$3" "$4"
}

udp_stream() # TEXT INNER_FAMILY
{
	datagrams "$1, UDP" "$2" 1500 1300
}

# no_errors TEXT - whoever checks checksums has found none wrong
no_errors()
{
	local ns wrong
	for ns in "$to" "$n1" "$n2"; do
		wrong=$(enter "$ns" awk '
			/^[A-Za-z]+: [A-Z]/ { split($0, name); next }
			FILENAME ~ /snmp$/ {
				for (i = 2; i <= NF; i++)
					if (name[i] == "InCsumErrors" && $i)
						print $1, name[i], $i
			}
			/InCsumErrors/ && $2' /proc/net/snmp /proc/net/snmp6)
		[[ -z $wrong ]] || fail "$1: $ns: $wrong"
	done
}

few() # TEXT COUNT SEGMENTS
{
	(($2 > 0 && $2 * 2 < $3)) || fail "$1: $2 packets for $3 segments"
}

# counted STREAM... - $sent from n1's device, $received by n2's
counted()
{
	local before
	packets "$n1"
	before=$tx
	packets "$n2"
	received=$rx
	"$@"
	packets "$n2"
	received=$((rx - received))
	packets "$n1"
	sent=$((tx - before))
}

# The whole packet reaches the device, the interface below, and the other device.
whole_packets()
{
	local outer family what rx tx sent received BYTES=400000
	for outer in 4 6; do
		use $outer udpcsum noudp6zerocsumtx noudp6zerocsumrx || { fail 'set-up'; return; }
		for family in 4 6; do
			what="IPv$family in IPv$outer"
			counted tcp_stream "$what" $family
			few "TCP, $what, sent" $sent $((BYTES / 1398))
			few "TCP, $what, received" $received $((BYTES / 1398))
			((whole > 0)) || fail "$what: only $single single packets"
			counted udp_stream "$what" $family
			check_equal "UDP, $what: packets sent, received" '8 8' "$sent $arrived"
		done
	done
	no_errors 'whole packets'
}

# without NS DEV FEATURE... -- COMMAND... - with these features of a device off
without()
{
	local ns=$1 dev=$2
	local -a off=() on=()
	shift 2
	while [[ $1 != -- ]]; do
		off+=("$1" off) on+=("$1" on)
		shift
	done
	shift
	check 'ethtool' enter "$ns" ethtool -K "$dev" "${off[@]}"
	"$@"
	check 'ethtool' enter "$ns" ethtool -K "$dev" "${on[@]}"
}

# by_software TEXT STREAM:INNER_FAMILY... - nothing is left to the interface
by_software()
{
	local what
	for what in "${@:2}"; do
		arrived=$DATAGRAMS
		"${what%:*}" "$1" "${what#*:}"
		((whole == 0)) || fail "$1: $whole packets were left to the interface"
		check_equal "$1: datagrams that came one by one" $DATAGRAMS $arrived
	done
}

# Segmented in front of the device, below it, and below with checksums filled in
segmented()
{
	without "$n1" flannel.1 tso gso tx-udp-segmentation -- \
		by_software "$1, no segmentation on the device" tcp_stream:4 udp_stream:6
	without "$n1" eth0 tx-udp_tnl-segmentation tx-udp_tnl-csum-segmentation -- \
		by_software "$1, no tunnel segmentation on eth0" tcp_stream:6 udp_stream:4
	without "$n1" eth0 tso gso tx-udp-segmentation -- \
		by_software "$1, no segmentation on eth0" tcp_stream:4
	without "$n1" eth0 tx -- by_software "$1, no checksums on eth0" tcp_stream:6 udp_stream:4
	without "$n1" flannel.1 tx -- by_software "$1, no checksums on the device" tcp_stream:4
	no_errors "$1"
}

by_software_ipv4()
{
	use 4 udpcsum || { fail 'set-up'; return; }
	segmented 'IPv4'
}

by_software_ipv4_no_checksum()
{
	use 4 noudpcsum || { fail 'set-up'; return; }
	segmented 'IPv4 without UDP checksum'
}

by_software_ipv6()
{
	use 6 noudp6zerocsumtx noudp6zerocsumrx || { fail 'set-up'; return; }
	segmented 'IPv6'
}

by_software_ipv6_no_checksum()
{
	use 6 udp6zerocsumtx udp6zerocsumrx || { fail 'set-up'; return; }
	segmented 'IPv6 without UDP checksum'
}

# limit FAMILY MTU - the path to n2; what n1 and pod1 have learned goes with their
# routes
limit()
{
	local vtep=192.168.9.2/32
	[[ $1 == 4 ]] || vtep=fd09::2/128
	batch "$n1" <<-END
		route replace $vtep dev eth0 mtu $2
		route del 10.42.0.0/16
		route add 10.42.0.0/16 dev flannel.1 src 10.42.1.0
		route del fd42::/48
		route add fd42::/48 via fe80::1 dev flannel.1 onlink src fd42:0:0:1::
	END
	batch "$pod1" <<-END
		route del default
		route add default via 10.42.1.1
		route del ::/0
		route add ::/0 via fd42:0:0:1::1
	END
}

told() { stat "$n1" flannel.1 tx_too_big; }

# too_big OUTER INNER - segments that do not fit, and may not be fragmented
too_big()
{
	local before address=to$2
	limit "$1" 1350
	before=$(told)
	tcp_stream "path of 1350, IPv$2" "$2" 1350
	(($(told) > before)) || fail "path of 1350, IPv$2: nobody was told"
	((whole > 0)) || fail "path of 1350, IPv$2: no whole packets"

	limit "$1" 1350
	before=$(told)
	check_refused "path of 1350, IPv$2, UDP" 'Message too long' stream udp 5002 n=1 t=1 -- \
		udp "${!address}" 5002 n=4 size=14000 gso=1400 df=2
	check_equal "path of 1350, IPv$2: told once" 1 "$(($(told) - before))"
	check_equal "path of 1350, IPv$2: sent" '' "$(<"$TMP/wire")"
}

# What counts is the size of the segments: senders of too big ones are told (DF,
# IPv6), or those are fragmented; others pass whole.
segments_judged()
{
	local before outer=$1 family
	for family in 4 6; do
		too_big "$outer" $family
	done

	limit "$outer" 1350
	before=$(told)
	for family in 4 6; do
		datagrams "small segments, IPv$family" $family 1350 1200 df=2
		check_equal "small segments, IPv$family: whole" 8 $arrived
	done
	datagrams 'UDP without DF' 4 1350 1400 df=0
	check_equal 'UDP without DF: outer fragments' $((DATAGRAMS * 2)) \
		"$(grep -c ' ofrag=' "$TMP/wire")"
	check_equal 'told of these' "$before" "$(told)"
	no_errors 'segments'
	limit "$outer" 1500
}

segments_judged_ipv4()
{
	use 4 udpcsum || { fail 'set-up'; return; }
	segments_judged 4
}

segments_judged_ipv6()
{
	use 6 noudp6zerocsumtx noudp6zerocsumrx || { fail 'set-up'; return; }
	segments_judged 6
}

# both_ways TEXT ARRIVED - streams to and from a stock node: IPv4 in IPv4, IPv6 in
# IPv6; of datagrams so many packets arrive, and TCP passes whole or not as they do
both_ways()
{
	local way family what
	for way in '1 2' '2 1'; do
		direction $way
		for family in 4 6; do
			what="$1, $way, IPv$family"
			tcp_stream "$what" $family
			(((whole > 0) == ($2 < DATAGRAMS))) ||
				fail "$what, TCP: $whole whole, $single single packets"
			udp_stream "$what" $family
			check_equal "$what, UDP: packets" "$2" $arrived
		done
		no_errors "$1"
	done
}

stock_peer_whole()
{
	cleanup
	mixed || { fail 'set-up'; return; }
	scratch
	both_ways 'stock peer' 8
}

stock_peer_by_software()
{
	local ns features='tso gso tx-udp-segmentation tx'
	for ns in "$n1" "$n2"; do
		enter "$ns" ethtool -K eth0 ${features// / off } off >/dev/null
	done
	both_ways 'stock peer, no offload' $DATAGRAMS
}

run_tests whole_packets by_software_ipv4 by_software_ipv4_no_checksum \
	by_software_ipv6 by_software_ipv6_no_checksum segments_judged_ipv4 \
	segments_judged_ipv6 stock_peer_whole stock_peer_by_software
