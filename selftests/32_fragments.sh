#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Too big for the path, but the sender cannot be told: IPv4 without DF, and IPv6
# up to 1280 bytes, go as fragments of the outer packet.
#
#   pod1 - n1 - wire - n2 - pod2          MTU of the underlay 1300 on both nodes
# timeout: 240

. "$(dirname "$0")/lib.sh"

SHARED=1
MTU=1300

# use FAMILY [LINK OPTIONS...] - of the underlay, of the devices
use()
{
	local base=192.168.9.
	[[ $1 == 4 ]] || base=fd09::
	if [[ -z ${pod2-} ]]; then
		overlay 2 "$1" && pod "$n1" 1 && pod "$n2" 2 || return 1
		ip -n "$n1" link set eth0 mtu $MTU
		ip -n "$n2" link set eth0 mtu $MTU
		scratch
	else
		overlay_peer "$n1" 2 "${base}2" "$(lladdr "$n2" flannel.1)"
		overlay_peer "$n2" 1 "${base}1" "$(lladdr "$n1" flannel.1)"
	fi
	in_ns "$n1" flctl link set flannel.1 "${@:2}"
	in_ns "$n2" flctl link set flannel.1 "${@:2}"
}

# watched COMMAND... - with what n2 gets from the wire in $TMP/seen
watched() { in_ns "$n2" sniff -i -w 100 eth0 "$@" >"$TMP/seen"; }

# fragmented TEXT - there were outer fragments, none too large, none with DF
fragmented()
{
	grep -q ' ofrag=' "$TMP/seen" || fail "$1: no outer fragments"
	! grep -Eq ' odf=1 .*ofrag=' "$TMP/seen" || fail "$1: DF on fragments"
	! awk -v max=$MTU 'substr($2, 5) + 0 > max { exit 1 }' "$TMP/seen" ||
		return 0
	fail "$1: larger than $MTU"
}

whole() { ! grep -q ' ofrag=' "$TMP/seen" || fail "$1: outer fragments"; }

# echo_of BYTES ADDRESS [PING OPTIONS...] - of so many bytes, from pod1; watched
echo_of()
{
	local header=28
	[[ $2 != *:* ]] || header=48
	watched ip netns exec "$pod1" ping -n -c 1 -W "$((2 * ${TIME_FACTOR:-1}))" -s "$(($1 - header))" \
		"${@:3}" "$2"
}

# The largest packet that fits is sent whole, the next one in pieces.
at_the_limit() # OVERHEAD
{
	check 'of the limit' echo_of $((MTU - $1)) 10.42.2.2 -M dont
	whole 'of the limit'
	check 'one byte more' echo_of $((MTU - $1 + 1)) 10.42.2.2 -M dont
	fragmented 'one byte more'
}

datagrams() # ADDRESS
{
	watched ip netns exec "$pod2" traffic recv udp 5001 n=4 t=1 \
		ip netns exec "$pod1" traffic send udp "$1" 5001 n=4 size=20000 df=0
}

delivered() # OVERHEAD
{
	local before
	before=$(stat "$n1" flannel.1 tx_too_big)
	at_the_limit "$1"
	check 'IPv4 without DF' echo_of 1450 10.42.2.2 -M dont
	fragmented 'IPv4 without DF'
	check 'IPv6 of 1280 bytes' echo_of 1280 fd42:0:0:2::2
	fragmented 'IPv6 of 1280 bytes'
	check 'fragments of IPv4' echo_of 4000 10.42.2.2 -M dont
	fragmented 'fragments of IPv4'
	check 'large IPv4 datagrams' datagrams 10.42.2.2
	check_equal 'tx_too_big' "$before" "$(stat "$n1" flannel.1 tx_too_big)"
	# A pod's IPv6 fragments are first as large as its own link takes.
	check 'large IPv6 datagrams' until_true 10 datagrams fd42:0:0:2::2
	fragmented 'large IPv6 datagrams'
}

over_ipv4_df_unset()
{
	use 4 df unset || { fail 'set-up'; return; }
	delivered 50
}

over_ipv4_df_set()
{
	use 4 df 'set'
	delivered 50
}

over_ipv6()
{
	use 6 df unset
	delivered 70
}

over_ipv6_df_set()
{
	use 6 df 'set'
	delivered 70
}

run_tests over_ipv4_df_unset over_ipv4_df_set over_ipv6 over_ipv6_df_set
