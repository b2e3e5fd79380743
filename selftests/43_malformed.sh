#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# Malformed frames of every kind are dropped and counted by what is wrong with
# them, odd but legitimate ones are accepted, and good traffic goes on.
#
# n2 (a known VTEP) sends them to n1.

. "$(dirname "$0")/lib.sh"

SHARED=1

# setup FAMILY [SRCCHECK] - of the underlay, of n1's device
setup()
{
	local base=192.168.9.
	[[ $1 == 4 ]] || base=fd09::
	if [[ -z ${n2-} ]]; then
		overlay 2 "$1" udp6zerocsumrx || { fail 'set-up'; return 1; }
		MAC=$(lladdr "$n1" flannel.1)
		FAMILY=$1
	elif [[ $1 != "$FAMILY" ]]; then
		overlay_peer "$n1" 2 "${base}2" "$(lladdr "$n2" flannel.1)"
		overlay_peer "$n2" 1 "${base}1" "$MAC"
		FAMILY=$1
	fi
	in_ns "$n1" flctl link set flannel.1 srccheck "${2:-lease}" udp6zerocsumrx
	TO=${base}1
	IN4=(src=10.42.2.2 dst=10.42.1.0)
	IN6=(src=fd42:0:0:2::2 dst=fd42:0:0:1::)
	rx_mark "$n1" flannel.1
}

# sends TEXT COUNTER=N... -- FIELD=VALUE... - what n1 counts when n2 sends that
sends()
{
	local text=$1
	local -a wanted=()
	shift
	while [[ $1 != -- ]]; do
		wanted+=("$1")
		shift
	done
	shift
	in_ns "$n2" vxlan_send "to=$TO" "dmac=$MAC" "$@" || fail "$text: cannot send"
	check_rx "$text" "$n1" flannel.1 ${wanted[@]+"${wanted[@]}"}
}

goes_on()
{
	check 'good traffic, IPv4' pings "$n2" 10.42.1.0
	check 'good traffic, IPv6' pings "$n2" fd42:0:0:1::
	rx_mark "$n1" flannel.1
}

# each FIELD VALUE... - one packet for each value
each()
{
	local field=$1 value
	WORDS=()
	shift
	for value; do
		WORDS+=(, "$field=$value")
	done
}

# The VXLAN and Ethernet headers have 22 bytes, then 20 or 40 of IP, 8 of UDP and 8
# of data; the length of the IP header speaks of all of them.
truncated()
{
	setup "$1" || return
	each cut {0..60}
	sends 'IPv4, by length' rx_bad_header=22 rx_malformed=36 rx_packets=3 -- \
		"${IN4[@]}" "${WORDS[@]}"
	each cut {0..80}
	sends 'IPv6, by length' rx_bad_header=22 rx_malformed=56 rx_packets=3 -- \
		"${IN6[@]}" "${WORDS[@]}"
	sends 'no IP header' rx_malformed=6 -- ip=0 , len=0 , len=1 , len=19 \
		, type=0x86dd len=0 , type=0x86dd len=1 , type=0x86dd len=39
	goes_on
}

truncated_over_ipv4() { truncated 4; }
truncated_over_ipv6() { truncated 6; }

headers()
{
	setup 4 || return
	each flags 0 0x08000001 0x08000100 0x88000000 0x0c000000 0x18000000 0x04000000 0xffffffff
	sends 'VXLAN flags' rx_bad_header=8 -- "${IN4[@]}" "${WORDS[@]}"
	each reserved 1 0x80 0xff
	sends 'reserved byte' rx_bad_header=3 -- "${IN4[@]}" "${WORDS[@]}"
	each vni 0 2 0x010000 0xffffff
	sends 'foreign VNI' rx_bad_vni=4 -- "${IN4[@]}" "${WORDS[@]}"

	each dmac ff:ff:ff:ff:ff:ff 01:00:5e:00:00:01 33:33:00:00:00:01 00:00:00:00:00:00
	sends 'destination MAC not unicast' rx_bad_mac=4 -- "${IN4[@]}" "${WORDS[@]}"
	sends 'foreign unicast MAC' rx_packets=2 rx_foreign_mac=2 -- \
		dmac=0e:12:34:56:78:9a , "${IN4[@]}" , "${IN6[@]}"
	sends 'any source MAC' rx_packets=2 -- "${IN4[@]}" , smac=00:00:00:00:00:00 \
		, smac=ff:ff:ff:ff:ff:ff

	each type 0x0806 0x8100 0x88a8 0x8847 0x88cc 0 1 0x0024 0x05dc 0x0600 0xffff
	sends 'Ethernet types' rx_not_ip=11 -- "${IN4[@]}" "${WORDS[@]}"
	goes_on
}

inner_headers()
{
	setup 4 || return
	each version 0 5 6 15
	sends 'IPv4 version' rx_malformed=4 -- "${IN4[@]}" "${WORDS[@]}"
	each ihl 0 1 4 10 15
	sends 'IPv4 header length' rx_malformed=5 -- "${IN4[@]}" "${WORDS[@]}"
	each iplen 0 1 19 37 1500 65535
	sends 'IPv4 total length' rx_malformed=6 -- "${IN4[@]}" "${WORDS[@]}"
	each iplen 20 28 36
	sends 'IPv4 with bytes behind' rx_packets=4 -- "${IN4[@]}" "${WORDS[@]}" , pad=100
	each version 0 4 7 15
	sends 'IPv6 version' rx_malformed=4 -- "${IN6[@]}" "${WORDS[@]}"
	each iplen 17 40 1500 65535
	sends 'IPv6 payload length' rx_malformed=4 -- "${IN6[@]}" "${WORDS[@]}"
	sends 'IPv6 with bytes behind' rx_packets=3 -- "${IN6[@]}" , pad=1 , pad=700 , iplen=8
	sends 'one family by its type, the other inside' rx_malformed=2 -- \
		"${IN4[@]}" type=0x86dd , , "${IN6[@]}" type=0x0800
	goes_on
}

# Frames that came in fragments, or many in one buffer
large()
{
	setup "$1" || return
	sends 'IPv4 of 60,000 bytes' rx_packets=1 -- "${IN4[@]}" len=60000
	sends 'IPv6 of 60,000 bytes' rx_packets=1 -- "${IN6[@]}" len=60000
	sends 'large and truncated' rx_malformed=2 -- len=60000 cut=40000 , \
		"${IN4[@]}" , "${IN6[@]}"
	sends 'large and bad' rx_bad_header=1 rx_bad_vni=1 rx_not_ip=1 rx_bad_mac=1 -- \
		"${IN4[@]}" len=60000 , flags=0 , vni=77 , type=0x0806 , dmac=ff:ff:ff:ff:ff:ff
	sends 'many in one buffer' rx_packets=40 -- "${IN4[@]}" gso=40 len=1000
	sends 'many bad ones in one buffer' rx_bad_header=40 rx_malformed=40 -- \
		"${IN4[@]}" gso=40 len=1000 , flags=0 , iplen=5000
	goes_on
}

large_over_ipv4() { large 4; }
large_over_ipv6() { large 6; }

# bad_sums - datagrams that UDP itself has refused
bad_sums()
{
	in_ns "$n1" nstat -asz UdpInCsumErrors Udp6InCsumErrors |
		awk '/CsumErrors/ { n += $2 } END { print n }'
}

checksums()
{
	local before
	setup 4 || return
	before=$(bad_sums)
	# The good one behind it shows that it has been looked at.
	sends 'bad UDP checksum, IPv4' rx_packets=1 -- raw=1 from=192.168.9.2 \
		, csum=bad "${IN4[@]}" , "${IN4[@]}"
	sends 'no UDP checksum, IPv4' rx_packets=2 -- csum=zero \
		, "${IN4[@]}" , raw=1 from=192.168.9.2 "${IN4[@]}"
	sends 'good UDP checksum, IPv4' rx_packets=1 -- raw=1 from=192.168.9.2 "${IN4[@]}"
	TO=fd09::1
	in_ns "$n1" flctl link set flannel.1 srccheck off noudp6zerocsumrx
	sends 'bad UDP checksum, IPv6' rx_packets=1 -- raw=1 from=fd09::2 \
		, csum=bad "${IN4[@]}" , "${IN4[@]}"
	check_equal 'refused by UDP itself' $((before + 2)) "$(bad_sums)"
	sends 'no UDP checksum, IPv6' rx_no_csum=2 -- csum=zero \
		, "${IN4[@]}" , raw=1 from=fd09::2 "${IN6[@]}"
	sends 'good UDP checksum, IPv6' rx_packets=1 -- raw=1 from=fd09::2 "${IN6[@]}"
	in_ns "$n1" flctl link set flannel.1 udp6zerocsumrx
	sends 'no UDP checksum, IPv6, allowed' rx_packets=1 -- csum=zero "${IN6[@]}"
	goes_on
}

# counted N - all of N packets were passed on or dropped for one cause
counted()
{
	local word sum=0
	rx_read "$n1" flannel.1
	for word in ${RX_CHANGES[@]+"${RX_CHANGES[@]}"}; do
		[[ $word == rx_foreign_mac=* ]] || ((sum += ${word#*=}))
	done
	((sum == $1))
}

# fuzz SEED FIELD=VALUE... - 500 packets with random changes, each counted once
fuzz()
{
	local seed=$1
	shift
	rx_mark "$n1" flannel.1
	in_ns "$n2" vxlan_send "dmac=$MAC" count=500 "fuzz=$seed" "$@" || fail 'cannot send'
	until_true 5 counted 500 || fail "seed $seed, $*: ${RX_CHANGES[*]-}"
}

mutations()
{
	local seed
	setup 4 off || return
	for seed in 1 2 3; do
		fuzz "$seed" to=192.168.9.1 "${IN4[@]}" len=30
		fuzz "$seed" to=fd09::1 "${IN6[@]}" len=30
		fuzz "$seed" to=192.168.9.1 "${IN6[@]}" len=1300
		fuzz "$seed" to=fd09::1 "${IN4[@]}" len=3000
	done
	note "all kinds: $(rx_counters "$n1" flannel.1 | paste -sd ' ')"
	in_ns "$n1" flctl link set flannel.1 srccheck lease
	fuzz 4 to=192.168.9.1 "${IN4[@]}"
	fuzz 4 to=192.168.9.1 "${IN6[@]}"
	goes_on
}

need vxlan_send nstat
run_tests truncated_over_ipv4 truncated_over_ipv6 headers inner_headers \
	large_over_ipv4 large_over_ipv6 checksums mutations
