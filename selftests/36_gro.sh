#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Packets of one inner flow are put together before they are decapsulated, where
# GRO is on at the underlay; those of different VNIs never are.
#
#   n1 - wire - n2        streams from n1, which sends every segment by itself
# timeout: 180

. "$(dirname "$0")/lib.sh"

SHARED=1
BYTES=150000

# use FAMILY [LINK OPTIONS...] - of the underlay, of the devices
use()
{
	local base=192.168.9.
	[[ $1 == 4 ]] || base=fd09::
	if [[ -z ${n2-} ]]; then
		overlay 2 "$1" || return 1
		in_ns "$n1" ethtool -K eth0 tso off tx-udp-segmentation off \
			tx-udp_tnl-segmentation off tx-udp_tnl-csum-segmentation off >/dev/null
		# A veth only gets what its peer could not have sent whole.
		in_ns "$wire" ethtool -K p2 tso off >/dev/null
		in_ns "$n2" ethtool -K eth0 gro on >/dev/null
	else
		overlay_peer "$n1" 2 "${base}2" "$(lladdr "$n2" flannel.1)"
		overlay_peer "$n2" 1 "${base}1" "$(lladdr "$n1" flannel.1)"
	fi
	in_ns "$n1" flctl link set flannel.1 "${@:2}"
	in_ns "$n2" flctl link set flannel.1 "${@:2}"
}

on_wire() { in_ns "$n1" cat /sys/class/net/eth0/statistics/tx_packets; }

# stream INNER_FAMILY - of TCP; sets $sent and $got, packets on the wire and into
# n2's device
stream()
{
	local address=10.42.2.0 wire device
	[[ $1 == 4 ]] || address=fd42:0:0:2::
	wire=$(on_wire)
	device=$(stat "$n2" flannel.1 rx_packets)
	check "IPv$1 stream" in_ns "$n2" traffic recv tcp 5001 bytes=$BYTES \
		ip netns exec "$n1" traffic send tcp $address 5001 bytes=$BYTES
	sent=$(($(on_wire) - wire))
	got=$(($(stat "$n2" flannel.1 rx_packets) - device))
	((sent >= BYTES / 1400)) || fail "IPv$1: n1 has sent only $sent packets"
}

put_together() # TEXT
{
	local family
	for family in 4 6; do
		stream $family
		((got * 3 < sent)) ||
			fail "$1, inner IPv$family: $sent packets came as $got"
	done
}

over_ipv4()
{
	use 4 udpcsum || { fail 'set-up'; return; }
	put_together 'with UDP checksum'
	use 4 noudpcsum
	put_together 'without'
}

over_ipv6()
{
	use 6 noudp6zerocsumtx noudp6zerocsumrx
	put_together 'with UDP checksum'
	use 6 udp6zerocsumtx udp6zerocsumrx
	put_together 'without'
}

# The figures above mean something: without GRO they are others.
off()
{
	use 4 udpcsum
	in_ns "$n2" ethtool -K eth0 gro off >/dev/null
	stream 4
	((got * 3 >= sent)) || fail "$sent packets came as $got although GRO is off"
	in_ns "$n2" ethtool -K eth0 gro on >/dev/null
}

# grown COUNTER - "of flannel.1 of flannel.2" since $before1 and $before2
grown()
{
	echo "$(($(stat "$n2" flannel.1 "$1") - before1)) $(($(stat "$n2" flannel.2 "$1") - before2))"
}

remember()
{
	before1=$(stat "$n2" flannel.1 "$1")
	before2=$(stat "$n2" flannel.2 "$1")
}

# Segments of one inner flow, in one burst, by one outer flow; then the same with
# every other one in the other VNI.
two_vnis()
{
	local vtep words before1 before2
	for vtep in 192.168.9.2 fd09::2; do
		[[ $vtep == fd* ]] && use 6 noudp6zerocsumtx noudp6zerocsumrx || use 4 udpcsum
		if ! in_ns "$n2" flctl link show flannel.2 >/dev/null 2>&1; then
			check 'second device' in_ns "$n2" flctl link add flannel.2 id 2 srccheck off
			ip -n "$n2" link set flannel.2 up
		fi
		words="src=10.42.1.5 dst=10.42.2.77 proto=6 size=1000 sport=7 dport=8 gso=8"
		words+=" osport=30000 dmac=$(lladdr "$n2" flannel.1)"
		remember rx_packets
		check 'one VNI' in_ns "$n1" craft vxlan $vtep $words
		check_equal "$vtep: one VNI, packets" '1 0' "$(grown rx_packets)"
		remember rx_packets
		check 'two VNIs' in_ns "$n1" craft vxlan $vtep $words vni2=2
		check_equal "$vtep: two VNIs, packets" '4 4' "$(grown rx_packets)"
		remember rx_bytes
		check 'two VNIs' in_ns "$n1" craft vxlan $vtep $words vni2=2
		check_equal "$vtep: two VNIs, bytes" '4160 4160' "$(grown rx_bytes)"
	done
}

run_tests over_ipv4 over_ipv6 off two_vnis
