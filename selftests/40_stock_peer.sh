#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Pods and nodes talk to a node that runs the kernel's own vxlan, set up exactly
# as stock flannel does: two devices with two MACs there, one device with one MAC
# here. With UDP checksums on and off on either side, really computed: the NICs'
# offload is off.
#
# timeout: 300
#
# n1 (ours) -- wire -- n2 (stock), each with a pod behind cni0

. "$(dirname "$0")/lib.sh"

no_offload()
{
	in_ns "$n1" ethtool -K eth0 tx off rx off >/dev/null
	in_ns "$n2" ethtool -K eth0 tx off rx off >/dev/null
}

# Counts the VXLAN packets that come into a node, without checksum and with
watch_checksums()
{
	in_ns "$1" nft -f - <<-END
		table inet watch {
			counter bare {}
			counter summed {}
			chain in {
				type filter hook prerouting priority -300
				iif eth0 udp dport 8472 udp checksum 0 counter name bare
				iif eth0 udp dport 8472 udp checksum != 0 counter name summed
			}
		}
	END
}

# checksums NS - which packets had one since the last call: all, none, some, or
# "no packets"
checksums()
{
	local counts
	counts=$(in_ns "$1" nft reset counters table inet watch |
		sed -n 's/.*packets \([0-9]*\) .*/\1/p' | paste -sd ' ')
	case $counts in
	'0 0') echo 'no packets' ;;
	'0 '*) echo all ;;
	*' 0') echo none ;;
	*) echo some ;;
	esac
}

transfer4() { check "$1: transfer" transfer "$pod1" "$pod2" 10.42.2.2; }
transfer6() { check "$1: transfer" transfer "$pod2" "$pod1" fd42:0:0:1::2; }

ours() { check "set $*" in_ns "$n1" flctl link set flannel.1 "$@"; }

setup()
{
	mixed dev eth0 local 192.168.9.1 local fd09::1 && no_offload || { fail 'set-up'; return 1; }
	watch_checksums "$n1"
	watch_checksums "$n2"
}

# As flannel leaves it: the kernel's defaults
stock_with_checksums()
{
	STOCK=()
	setup || return
	transfer4 'IPv4, both with checksum'
	check_equal 'our checksums' all "$(checksums "$n2")"
	check_equal 'stock checksums' all "$(checksums "$n1")"
	ours noudpcsum
	transfer4 'IPv4, only stock with checksum'
	check_equal 'our checksums' none "$(checksums "$n2")"
	check_equal 'stock checksums' all "$(checksums "$n1")"

	transfer6 'IPv6, both with checksum'
	check_equal 'our checksums' all "$(checksums "$n2")"
	check_equal 'stock checksums' all "$(checksums "$n1")"
	ours udp6zerocsumtx
	check_not 'stock takes IPv6 without checksum' pings "$pod1" fd42:0:0:2::2 -W 1
	check_equal 'our checksums' none "$(checksums "$n2")"
	ours noudp6zerocsumtx
	check 'IPv6, with checksum again' pings "$pod1" fd42:0:0:2::2
}

stock_without_checksums()
{
	STOCK=(noudpcsum udp6zerocsumtx udp6zerocsumrx)
	setup || return
	transfer4 'IPv4, only ours with checksum'
	check_equal 'our checksums' all "$(checksums "$n2")"
	check_equal 'stock checksums' none "$(checksums "$n1")"
	ours noudpcsum
	transfer4 'IPv4, none with checksum'
	check_equal 'our checksums' none "$(checksums "$n2")"
	check_equal 'stock checksums' none "$(checksums "$n1")"

	check_not 'IPv6 without checksum is taken' pings "$pod2" fd42:0:0:1::2 -W 1
	check_equal 'refused for want of a checksum' 1 "$(stat "$n1" flannel.1 rx_no_csum)"
	ours udp6zerocsumrx
	checksums "$n2" >/dev/null
	transfer6 'IPv6, only ours with checksum'
	check_equal 'our checksums' all "$(checksums "$n2")"
	check_equal 'stock checksums' none "$(checksums "$n1")"
	ours udp6zerocsumtx
	transfer6 'IPv6, none with checksum'
	check_equal 'our checksums' none "$(checksums "$n2")"
}

# Nodes speak with the address of their device; offloads are as they come
nodes_and_offload()
{
	STOCK=()
	mixed || { fail 'set-up'; return; }
	check 'node to node, IPv4' pings "$n1" 10.42.2.0
	check 'node to node, IPv6' pings "$n1" fd42:0:0:2::
	check 'stock node to node, IPv4' pings "$n2" 10.42.1.0
	check 'stock node to node, IPv6' pings "$n2" fd42:0:0:1::
	check 'stock node to pod, IPv4' pings "$n2" 10.42.1.2
	check 'stock node to pod, IPv6' pings "$n2" fd42:0:0:1::2
	check 'node to stock pod, IPv4' pings "$n1" 10.42.2.2
	check 'node to stock pod, IPv6' pings "$n1" fd42:0:0:2::2
	check 'much TCP, IPv4' transfer "$pod1" "$pod2" 10.42.2.2 4000000
	check 'much TCP, IPv6' transfer "$pod2" "$pod1" fd42:0:0:1::2 4000000
	check_equal 'MACs that were not ours' 0 "$(stat "$n1" flannel.1 rx_foreign_mac)"
}

# capture FAMILY FILTER-NUMBER... - see below: hex of the VXLAN packets n1 -> n2
# and n2 -> n1, the bytes that must differ blanked
captured()
{
	tcpdump -Z root -r "$TMP/pcap" -n -x "udp dst port 8472 and src $1" 2>/dev/null |
		sed -n 's/^\t0x[0-9a-f]*: *//p' | tr -d ' \n'
}

# blank HEX FROM LENGTH [FROM LENGTH...] - bytes replaced by dots
blank()
{
	local hex=$1 i
	shift
	while (($# > 1)); do
		printf -v i '%*s' $(($2 * 2)) ''
		hex=${hex:0:$1 * 2}${i// /.}${hex:($1 + $2) * 2}
		shift 2
	done
	echo "$hex"
}

# Outer headers, VXLAN header and inner Ethernet type of what we send are those
# of what stock sends: an echo there and its answer differ in nothing else but
# identification, checksum, address, source port and MAC.
same_on_the_wire()
{
	local dumper ours theirs
	STOCK=()
	mixed && no_offload || { fail 'set-up'; return; }
	scratch
	pings "$pod1" 10.42.2.2 >/dev/null && pings "$pod1" fd42:0:0:2::2 >/dev/null
	in_ns "$wire" tcpdump -i p1 -Z root -U -c 4 -w "$TMP/pcap" udp dst port 8472 2>"$TMP/log" &
	dumper=$!
	until_true 5 grep -q listening "$TMP/log"
	check ping pings "$pod1" 10.42.2.2
	check ping pings "$pod1" fd42:0:0:2::2
	check 'four packets' wait_for "$dumper"
	ours=$(blank "$(captured 192.168.9.1)" 4 2 10 12 26 2 36 12)
	theirs=$(blank "$(captured 192.168.9.2)" 4 2 10 12 26 2 36 12)
	check 'a packet was caught' [ ${#ours} -gt 100 ]
	check_equal 'over IPv4' "${theirs:0:100}" "${ours:0:100}"
	note "over IPv4: ${ours:0:100}"
	ours=$(blank "$(captured fd09::1)" 1 3 8 34 46 2 56 12)
	theirs=$(blank "$(captured fd09::2)" 1 3 8 34 46 2 56 12)
	check 'a packet was caught' [ ${#ours} -gt 140 ]
	check_equal 'over IPv6' "${theirs:0:140}" "${ours:0:140}"
	note "over IPv6: ${ours:0:140}"
}

wait_for()
{
	until_true 5 eval "! kill -0 $1" || { kill "$1"; return 1; }
}

need data_exchange nft tcpdump
run_tests stock_with_checksums stock_without_checksums nodes_and_offload same_on_the_wire
