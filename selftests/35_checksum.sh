#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every checksum on the wire is right, whoever was to compute it, and none that
# is wrong passes for right.
#
#   pod1 - n1 - wire - n2 - pod2          n3 sends to pod2 through n1
#
# No interface computes checksums (tx off), so they are on the wire, where all of
# them are checked: outer and inner IP, UDP and TCP.
# timeout: 300

. "$(dirname "$0")/lib.sh"

SHARED=1

# use FAMILY [LINK OPTIONS...] - of the underlay, of the devices
use()
{
	local base=192.168.9.
	[[ $1 == 4 ]] || base=fd09::
	if [[ -z ${pod2-} ]]; then
		overlay 3 "$1" && pod "$n1" 1 && pod "$n2" 2 || return 1
		# n2 gets n3's packets from n1, n3 gets the answers from n2.
		in_ns "$n2" flctl link set flannel.1 srccheck off
		in_ns "$n3" flctl link set flannel.1 srccheck off
		in_ns "$n1" ethtool -K eth0 tx off >/dev/null
		in_ns "$n3" ethtool -K eth0 tx off >/dev/null
		scratch
	elif [[ $1 != "$FAMILY" ]]; then
		overlay_peer "$n1" 2 "${base}2" "$(lladdr "$n2" flannel.1)"
		overlay_peer "$n2" 1 "${base}1" "$(lladdr "$n1" flannel.1)"
		overlay_peer "$n1" 3 "${base}3" "$(lladdr "$n3" flannel.1)"
		overlay_peer "$n2" 3 "${base}3" "$(lladdr "$n3" flannel.1)"
	fi
	[[ $1 == "${FAMILY-}" ]] || overlay_peer "$n3" 2 "${base}1" "$(lladdr "$n1" flannel.1)"
	FAMILY=$1
	for ns in "$n1" "$n2" "$n3"; do
		in_ns "$ns" flctl link set flannel.1 "${@:2}"
	done
}

# TCP and UDP, IPv4 and IPv6, from a namespace to pod2
SENDER='
	for address in 10.42.2.2 fd42:0:0:2::2; do
		ip netns exec $POD traffic recv tcp 5001 bytes=20000 \
			ip netns exec $FROM traffic send tcp $address 5001 bytes=20000 &&
		ip netns exec $POD traffic recv udp 5002 n=5 \
			ip netns exec $FROM traffic send udp $address 5002 n=5 || exit 1
	done'

# right TEXT OUTER - all checksums in $TMP/seen; those of the outer UDP header
# are as given
right()
{
	local wrong
	wrong=$(grep -Ev " oudp=$2 .*il4=(ok|none)" "$TMP/seen" | head -n 3)
	[[ -z $wrong ]] || fail "$1: $wrong"
	wrong=$(grep -E '=bad' "$TMP/seen" | head -n 3)
	[[ -z $wrong ]] || fail "$1: $wrong"
	[[ -s $TMP/seen ]] || fail "$1: nothing was seen"
}

# from NS TEXT OUTER
from()
{
	check "$2" in_ns "$n2" env POD="$pod2" FROM="$1" bash -c \
		"sniff -i eth0 bash -c '$SENDER' >$TMP/seen"
	right "$2" "$3"
}

# Checksums that the sender computed itself
complete()
{
	in_ns "$n2" sniff -i -n 4 eth0 ip netns exec "$pod1" bash -c '
		craft raw src=10.42.1.2 dst=10.42.2.2
		craft raw src=fd42:0:0:1::2 dst=fd42:0:0:2::2
		craft raw src=fd42:0:0:1::2 dst=fd42:0:0:2::2 size=1001
		craft raw src=10.42.1.2 dst=10.42.2.2 csum=0' >"$TMP/seen"
	right "$1, complete" "$2"
	check_equal "$1, complete: packets" 4 "$(wc -l <"$TMP/seen")"
}

# senders TEXT OUTER
senders()
{
	# left open by the pod, whose link could compute it
	from "$pod1" "$1, partial" "$2"
	complete "$1" "$2"
	# known to be right: n1 has just checked the outer one
	from "$n3" "$1, relayed" "$2"
}

over_ipv4()
{
	use 4 udpcsum || { fail 'set-up'; return; }
	senders 'IPv4' ok
}

over_ipv4_none()
{
	use 4 noudpcsum
	senders 'IPv4 without UDP checksum' none
}

over_ipv6()
{
	use 6 noudp6zerocsumtx noudp6zerocsumrx
	senders 'IPv6' ok
}

over_ipv6_none()
{
	use 6 udp6zerocsumtx udp6zerocsumrx
	senders 'IPv6 without UDP checksum' none
}

# Translated, and sent again from the queue where the first copy was
translated_and_sent_again()
{
	command -v nft >/dev/null && in_ns "$n1" nft -f - <<-END || { skip 'no nft'; return; }
		table inet nat {
			chain post {
				type nat hook postrouting priority 100
				oifname "flannel.1" masquerade
			}
		}
	END
	if ! in_ns "$n1" tc qdisc add dev eth0 root netem loss 5% limit 10000; then
		skip 'no netem'
		return
	fi
	use 4 udpcsum
	in_ns "$n2" sniff -i eth0 ip netns exec "$pod2" traffic recv tcp 5001 bytes=150000 \
		ip netns exec "$pod1" traffic send tcp 10.42.2.2 5001 bytes=150000 >"$TMP/seen" ||
		fail 'TCP with loss, IPv4'
	right 'with loss, IPv4' ok
	check_equal 'the source is translated' 10.42.1.0 \
		"$(grep -o ' isrc=[^ ]*' "$TMP/seen" | sort -u | cut -d= -f2)"
	use 6 noudp6zerocsumtx noudp6zerocsumrx
	in_ns "$n2" sniff -i eth0 ip netns exec "$pod2" traffic recv tcp 5001 bytes=150000 \
		ip netns exec "$pod1" traffic send tcp fd42:0:0:2::2 5001 bytes=150000 >"$TMP/seen" ||
		fail 'TCP with loss, IPv6'
	right 'with loss, IPv6' ok
	(($(in_ns "$pod1" nstat -asz TcpRetransSegs | awk '/Retrans/ { print $2 }') > 0)) ||
		fail 'nothing was sent again'
	in_ns "$n1" tc qdisc del dev eth0 root
	in_ns "$n1" nft delete table inet nat
}

# A right outer checksum, or none at all, says nothing about the inner one.
wrong_inner_is_found()
{
	local family vtep options before
	for options in '4 udpcsum ocsum=1' '4 udpcsum ocsum=0' '6 udp6zerocsumrx ocsum=1' \
		'6 udp6zerocsumrx ocsum=0'; do
		set -- $options
		use "$1" "$2"
		vtep=192.168.9.2
		[[ $1 == 4 ]] || vtep=fd09::2
		before=$(errors)
		in_ns "$n1" bash -c "
			craft vxlan $vtep $3 src=10.42.1.9 dst=10.42.2.2 dport=5003 csum=2 n=2
			craft vxlan $vtep $3 src=fd42:0:0:1::9 dst=fd42:0:0:2::2 dport=5003 csum=2 n=2"
		check "found with $options" until_true 2 errors_are $((before + 4))
	done
}

errors()
{
	in_ns "$pod2" nstat -asz UdpInCsumErrors Udp6InCsumErrors | awk '/Csum/ { sum += $2 } END { print sum + 0 }'
}

errors_are() { (($(errors) == $1)); }

run_tests over_ipv4 over_ipv4_none over_ipv6 over_ipv6_none translated_and_sent_again \
	wrong_inner_is_found
