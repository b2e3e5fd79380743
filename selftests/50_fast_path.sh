#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the fast path must not lose: identifiers that are unique, source ports that
# spread flows as well as the kernel's own and keep each together, order.
#
#   n1 - wire - n2        traffic of n1, read on the wire at n2
# timeout: 240

. "$(dirname "$0")/lib.sh"

SHARED=1

use()
{
	if [[ -z ${n2-} ]]; then
		overlay 2 4 || return 1
		# where packets end unanswered
		ip -n "$n2" route add blackhole 10.42.2.9
		ip -n "$n2" route add blackhole fd42:0:0:2::9
	fi
	in_ns "$n2" ethtool -K eth0 gro off >/dev/null
}

# on_wire COUNT FIELD COMMAND... - n1 runs it; FIELD of what came, a line each, is
# in $TMP/seen
on_wire()
{
	local count=$1 field=$2
	shift 2
	in_ns "$n2" sniff -i -n "$count" -w 3000 eth0 ip netns exec "$n1" "$@" >"$TMP/all" ||
		fail "sending: $*"
	grep -o " $field=[^ ]*" "$TMP/all" | cut -d = -f 2 >"$TMP/seen"
}

# check_unique TEXT COUNT - lines of $TMP/seen
check_unique()
{
	check_equal "$1: packets" "$2" "$(wc -l <"$TMP/seen")"
	check_equal "$1: different identifiers" "$2" "$(sort -u "$TMP/seen" | wc -l)"
}

# Reserved in ever bigger batches, and one at a time when there is a pause
identifiers()
{
	use || { fail 'set-up'; return; }
	on_wire 3000 oid traffic send udp 10.42.2.9 9 n=3000 size=100
	check_unique 'a burst' 3000
	on_wire 400 oid bash -c 'for i in {1..20}; do
		traffic send udp 10.42.2.9 9 n=20 size=100; sleep 0.02; done'
	check_unique 'bursts and pauses' 400
}

# segmentation on|off - whether n1 leaves it to its NIC
segmentation()
{
	in_ns "$n1" ethtool -K eth0 tso "$1" tx-udp-segmentation "$1" \
		tx-udp_tnl-segmentation "$1" tx-udp_tnl-csum-segmentation "$1" >/dev/null
}

# A packet becomes many behind the tunnel, and each needs its own.
identifiers_of_segments()
{
	use || { fail 'set-up'; return; }
	segmentation off
	on_wire 800 oid traffic send udp 10.42.2.9 9 n=20 size=40000 gso=1000
	check_unique 'segments' 800
	on_wire 1200 oid bash -c 'for i in {1..10}; do
		traffic send udp 10.42.2.9 9 n=1 size=6000 gso=100
		traffic send udp 10.42.2.9 9 n=60 size=100; done'
	check_unique 'segments and single packets' 1200
	segmentation on
}

# spread - different ports, and the fullest of 16 queues in percent of an equal share
spread()
{
	sort -n "$TMP/seen" | awk '
		$1 != last { ports++ }
		{ last = $1; queue[$1 % 16]++ }
		END {
			for (i = 0; i < 16; i++)
				if (queue[i] > most)
					most = queue[i]
			printf "%d %d\n", ports, most * 1600 / NR
		}'
}

# 10,000 flows into 28,232 ports: chance leaves 8,420 of them different. Sockets that
# are connected give their packets a hash, which is then taken as it is.
entropy()
{
	local address ports most
	use || { fail 'set-up'; return; }
	for address in 10.42.2.9 fd42:0:0:2::9; do
		on_wire 10000 sport traffic send udp $address 9 \
			flows=10000 size=20 ports=20000
		check_equal "packets to $address" 10000 "$(wc -l <"$TMP/seen")"
		read -r ports most < <(spread)
		note "$address: $ports different ports, fullest of 16 queues $most % of its share"
		((ports > 8200)) || fail "$address: only $ports different source ports"
		((most < 125)) || fail "$address: a queue with $most % of its share"
	done
}

# one_port TEXT COUNT COMMAND... - all packets of it have one source port
one_port()
{
	local text=$1 count=$2
	shift 2
	on_wire "$count" sport "$@"
	check_equal "$text: packets" "$count" "$(wc -l <"$TMP/seen")"
	check_equal "$text: source ports" 1 "$(sort -u "$TMP/seen" | wc -l)"
}

flows_stay_together()
{
	local ends4='src=10.42.1.0 dst=10.42.2.9' ends6='src=fd42:0:0:1:: dst=fd42:0:0:2::9' ends
	use || { fail 'set-up'; return; }
	for ends in "$ends4" "$ends6"; do
		for proto in 6 17; do
			one_port "$ends, protocol $proto" 3 bash -c "
				craft raw $ends proto=$proto sport=5 dport=6 size=40
				craft raw $ends proto=$proto sport=5 dport=6 size=400
				craft raw $ends proto=$proto sport=5 dport=6 tos=0x20 size=40"
		done
		one_port "$ends, fragments" 2 bash -c "
			craft raw $ends id=7 mf=1 sport=5 dport=6 size=48
			craft raw $ends id=7 frag=56 size=100"
		on_wire 2 sport bash -c "
			craft raw $ends sport=5 dport=6 size=40
			craft raw $ends sport=6 dport=5 size=40"
		check_equal "$ends: two flows" 2 "$(sort -u "$TMP/seen" | wc -l)"
	done
}

# late FAMILY OPTION... - how many datagrams of 2000 came behind later ones
late()
{
	local address=10.42.2.0
	[[ $1 == 4 ]] || address=fd42:0:0:2::
	in_ns "$n2" traffic recv udp 5001 n=2000 ip netns exec "$n1" \
		traffic send udp $address 5001 "${@:2}" | tr ' ' '\n' | grep -o 'late=.*'
}

order()
{
	local family
	use || { fail 'set-up'; return; }
	in_ns "$n2" ethtool -K eth0 gro on >/dev/null
	for family in 4 6; do
		check_equal "IPv$family" late=0 "$(late $family n=2000 size=100)"
		check_equal "IPv$family, fragments" late=0 "$(late $family n=2000 size=3000)"
		# so that many wait for the stack at once
		segmentation off
		check_equal "IPv$family, bursts" late=0 "$(late $family n=50 size=40000 gso=1000)"
		segmentation on
	done
}

# out_of_order - TCP segments that n2 had to keep until an earlier one came
out_of_order()
{
	in_ns "$n2" awk '/^TcpExt:/ {
		for (i = 1; i <= NF; i++) {
			if ($i == "TCPOFOQueue")
				at = i
			else if (at && $i ~ /^[0-9]/ && i == at)
				print $i
		}
	}' /proc/net/netstat
}

# Five streams to as many pods: in a poll of the receive queue a segment is now
# alone with its addresses, now one of many that GRO puts together.
order_of_streams()
{
	local i before
	use || { fail 'set-up'; return; }
	for i in {1..5}; do
		ip -n "$n2" addr add 10.42.2.1$i/32 dev lo 2>/dev/null
	done
	segmentation off
	before=$(out_of_order)
	for i in {1..5}; do
		in_ns "$n2" traffic recv tcp 510$i bytes=400000 ip netns exec "$n1" \
			traffic send tcp 10.42.2.1$i 510$i bytes=400000 >"$TMP/stream$i" &
	done
	wait
	segmentation on
	check_equal 'streams that came' 5 "$(grep -l 'bytes=400000' "$TMP"/stream? | wc -l)"
	check_equal 'segments behind later ones' 0 $(($(out_of_order) - before))
}

# The underlay's GRO puts the last five segments of a burst together and cannot so
# the three before; the device must not let it pass them.
order_around_aggregate()
{
	local words="src=10.42.1.5 dst=10.42.2.0 proto=6 size=1000 gso=8 holes=3 osport=30000"
	use || { fail 'set-up'; return; }
	segmentation off
	# A veth only gets what its peer could not have sent whole.
	in_ns "$wire" ethtool -K p2 tso off >/dev/null
	in_ns "$n2" ethtool -K eth0 gro on >/dev/null
	in_ns "$n2" sniff -a -i -n 4 -w 3000 flannel.1 ip netns exec "$n1" \
		craft vxlan 192.168.9.2 $words dmac="$(lladdr "$n2" flannel.1)" >"$TMP/all"
	check_equal 'lengths in order' '1040 1040 1040 5040' \
		"$(grep " proto=6 " "$TMP/all" | grep -o " ilen=[0-9]*" | cut -d = -f 2 | xargs)"
	in_ns "$wire" ethtool -K p2 tso on >/dev/null
	segmentation on
}

run_tests identifiers identifiers_of_segments entropy flows_stay_together order order_of_streams \
	order_around_aggregate
