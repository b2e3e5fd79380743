#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The device is one like any other to packet sockets, tc and generic XDP.
#
#   n1 - wire - n2

. "$(dirname "$0")/lib.sh"

SHARED=1

set_up()
{
	[[ -n ${n2-} ]] && return
	overlay 2 || { fail 'set-up'; return 1; }
	scratch
}

# Packet sockets see IP packets, both ways, without any Ethernet header.
seen_by_packet_socket()
{
	set_up || return
	in_ns "$n1" sniff -a flannel.1 ping -n -q -c 1 -W 2 10.42.2.0 >"$TMP/seen" || fail 'IPv4 ping'
	in_ns "$n1" sniff -a flannel.1 ping -n -q -c 1 -W 2 fd42:0:0:2:: >>"$TMP/seen" || fail 'IPv6 ping'
	check_equal 'packets' "dir=out len=84 i=4 isrc=10.42.1.0 il4=ok
dir=in len=84 i=4 isrc=10.42.2.0 il4=ok
dir=out len=104 i=6 isrc=fd42:0:0:1:: il4=ok
dir=in len=104 i=6 isrc=fd42:0:0:2:: il4=ok" \
		"$(grep -oE '\b(dir|len|i|isrc|il4)=[^ ]+' "$TMP/seen" | paste -sd ' ' |
			sed 's/ dir=/\ndir=/g')"
}

# Whole packets put in by a packet socket reach the peer, with and without a word
# about their protocol.
put_in_by_packet_socket()
{
	set_up || return
	in_ns "$n2" sniff -a -i -n 4 flannel.1 ip netns exec "$n1" bash -c '
		craft dev flannel.1 src=10.42.1.0 dst=10.42.2.9 sport=1
		craft dev flannel.1 src=fd42:0:0:1:: dst=fd42:0:0:2::9 sport=2
		craft dev flannel.1 src=10.42.1.0 dst=10.42.2.9 sport=3 etype=0
		craft dev flannel.1 src=fd42:0:0:1:: dst=fd42:0:0:2::9 sport=4 etype=0' \
		>"$TMP/seen" || fail 'send'
	check_equal 'at the peer' '1 2 3 4' "$(grep -o ' isport=[0-9]*' "$TMP/seen" |
		cut -d= -f2 | paste -sd ' ')"
}

# Anything else is dropped and counted.
garbage_by_packet_socket()
{
	local before sent word words=(
		'hex=45 etype=0x0800'			# short
		'hex=60 etype=0x86dd'
		'hex=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff etype=0x0800'
		'hex=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff etype=0x86dd'
		'hex=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff etype=0x0806'
		'hex=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff etype=0'
		'src=10.42.1.0 dst=10.42.2.0 etype=0x86dd'
		'src=fd42:0:0:1:: dst=fd42:0:0:2:: etype=0x0800'
	)
	set_up || return
	before=$(stat "$n1" flannel.1 tx_not_ip)
	sent=$(stat "$n1" flannel.1 tx_packets)
	in_ns "$n1" bash -c "$(printf 'craft dev flannel.1 %s\n' "${words[@]}")"
	check_equal 'tx_not_ip' $((before + ${#words[@]})) "$(stat "$n1" flannel.1 tx_not_ip)"
	check_equal 'tx_packets' "$sent" "$(stat "$n1" flannel.1 tx_packets)"
}

# filtered TEXT DIRECTION FILTER... - n1 loses 10.42.2.0 by it, and gets it back
filtered()
{
	local text=$1 direction=$2
	shift 2
	check "$text" tc -n "$n1" filter add dev flannel.1 "$direction" "$@" || return
	check_not "$text: dropped" pings "$n1" 10.42.2.0 -W 0.3
	check "$text: the other family passes" pings "$n1" fd42:0:0:2::
	tc -n "$n1" filter del dev flannel.1 "$direction"
}

tc_filters()
{
	set_up || return
	if ! tc -n "$n1" qdisc add dev flannel.1 clsact; then
		skip 'no clsact'
		return
	fi
	filtered 'matchall, out' egress protocol ip matchall action drop
	filtered 'matchall, in' ingress protocol ip matchall action drop
	filtered 'flower, out' egress protocol ip flower dst_ip 10.42.2.0 ip_proto icmp action drop
	filtered 'flower, in' ingress protocol ip flower src_ip 10.42.2.0 ip_proto icmp action drop
	filtered 'u32, out' egress protocol ip u32 match ip dst 10.42.2.0/32 action drop
	filtered 'u32, in' ingress protocol ip u32 match ip protocol 1 0xff action drop
	check 'afterwards' pings "$n1" 10.42.2.0
}

# A mark set on the way in takes part in routing, one set on the way out does not
# leave with the outer packet.
tc_marks()
{
	set_up || return
	tc -n "$n1" qdisc replace dev flannel.1 clsact || { skip 'no clsact'; return; }
	check 'mark on the way out' tc -n "$n1" filter add dev flannel.1 egress protocol ip \
		matchall action skbedit mark 7
	ip -n "$n1" rule add fwmark 7 unreachable
	check 'the outer packet has no mark' pings "$n1" 10.42.2.0
	tc -n "$n1" filter del dev flannel.1 egress
	ip -n "$n1" rule del fwmark 7 unreachable
	if command -v nft >/dev/null; then
		in_ns "$n1" nft -f - <<-END || fail 'nft'
			table inet marked {
				chain out {
					type filter hook output priority 0
					udp dport 8472 meta mark 7 drop
				}
			}
		END
		check 'mark on the way out' tc -n "$n1" filter add dev flannel.1 egress \
			protocol ip matchall action skbedit mark 7
		check 'netfilter sees none either' pings "$n1" 10.42.2.0
		in_ns "$n1" nft delete table inet marked
		tc -n "$n1" filter del dev flannel.1 egress
	fi

	check 'mark on the way in' tc -n "$n1" filter add dev flannel.1 ingress protocol ip \
		matchall action skbedit mark 7
	batch "$n1" <<-END
		rule add priority 5 table local
		rule del priority 0 table local
		rule add priority 1 fwmark 7 iif flannel.1 blackhole
	END
	check_not 'a marked packet is routed by its mark' pings "$n1" 10.42.2.0 -W 0.3
	tc -n "$n1" filter del dev flannel.1 ingress
	check 'without mark' pings "$n1" 10.42.2.0
}

xdp_drops()
{
	local before
	set_up || return
	check 'attach' in_ns "$n1" xdp flannel.1 drop 4 || return
	before=$(stat "$n1" flannel.1 rx_packets)
	check_not 'IPv4 is dropped' pings "$n1" 10.42.2.0 -W 0.3
	check_equal 'it was received' $((before + 1)) "$(stat "$n1" flannel.1 rx_packets)"
	check 'IPv6 passes' pings "$n1" fd42:0:0:2::
	check 'a stream passes' in_ns "$n1" traffic recv tcp 5001 bytes=100000 \
		ip netns exec "$n2" traffic send tcp fd42:0:0:1:: 5001 bytes=100000
	check 'attach' in_ns "$n1" xdp flannel.1 off
	check 'attach' in_ns "$n1" xdp flannel.1 drop 6
	check 'IPv4 passes' pings "$n1" 10.42.2.0
	check_not 'IPv6 is dropped' pings "$n1" fd42:0:0:2:: -W 0.3
	check 'detach' in_ns "$n1" xdp flannel.1 off
	check 'IPv6 passes again' pings "$n1" fd42:0:0:2::
}

run_tests seen_by_packet_socket put_in_by_packet_socket garbage_by_packet_socket \
	tc_filters tc_marks xdp_drops
