#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Devices share a port by their VNIs, or have ports of their own; what one
# carries, counts or knows is none of the others' business.
#
#	n1, n2: flannel.1 (VNI 1), flannel.2 (VNI 2), both on 8472, and flannel.3
#	(VNI 1 on port 4789); networks 10.42, 10.43 and 10.44

. "$(dirname "$0")/lib.sh"

DEVICES=(1 2 3)
declare -A ID=([1]=1 [2]=2 [3]=1) PORT=([1]=8472 [2]=8472 [3]=4789)

# node I PEER - all devices of one node
node()
{
	local ns=n$1 d
	for d in "${DEVICES[@]}"; do
		enter "${!ns}" flctl link add "flannel.$d" id "${ID[$d]}" \
			dstport "${PORT[$d]}" lladdr "02:00:00:00:0$d:0$1" up || return
		enter "${!ns}" flctl lease restore dev "flannel.$d" >/dev/null <<-END
			10.4$((d + 1)).$1.0/24 local
			10.4$((d + 1)).$2.0/24 via 192.168.9.$2 lladdr 02:00:00:00:0$d:0$2
		END
	done
	for d in "${DEVICES[@]}"; do
		echo "addr add 10.4$((d + 1)).$1.0/32 dev flannel.$d"
		echo "route add 10.4$((d + 1)).0.0/16 dev flannel.$d src 10.4$((d + 1)).$1.0"
	done | batch "${!ns}"
}

set_up()
{
	underlay 2 && node 1 2 && node 2 1 && return
	fail 'set-up'
	return 1
}

separated()
{
	set_up || return
	check 'one' pings "$n1" 10.42.2.0
	check 'two' pings "$n1" 10.43.2.0 -c 2
	check 'three' pings "$n1" 10.44.2.0 -c 3
	carried "$n1" '1 1;2 2;3 3'
	carried "$n2" '1 1;2 2;3 3'
	# one is down, or has no lease: the others go on
	ip -n "$n2" link set flannel.1 down
	enter "$n1" ping -n -q -c 1 -W 0.2 10.42.2.0 >/dev/null && fail 'a device that is down'
	check 'two alone' pings "$n1" 10.43.2.0
	check_equal 'a VNI that nobody has' 1 "$(stat "$n2" flannel.2 rx_bad_vni)"
	ip -n "$n2" link set flannel.1 up
	ip -n "$n2" route add 10.42.0.0/16 dev flannel.1 src 10.42.2.0
	check 'up again' pings "$n1" 10.42.2.0
	in_ns "$n1" flctl lease flush dev flannel.2
	check_not 'no lease' pings "$n1" 10.43.2.0
	check 'one has its own' pings "$n1" 10.42.2.0
	ip -n "$n1" link del flannel.1
	lease2 || fail 'lease'
	check 'two after one is gone' pings "$n1" 10.43.2.0
	check 'three after one is gone' pings "$n1" 10.44.2.0
}

lease2()
{
	in_ns "$n1" flctl lease add 10.43.2.0/24 via 192.168.9.2 lladdr 02:00:00:00:02:02 \
		dev flannel.2
}

# carried NS WANTED - "TX RX;..." of the devices
carried()
{
	local found
	found=$(enter "$1" sh -c 'for d; do ethtool -S "flannel.$d"; done' - "${DEVICES[@]}" |
		awk '$1 == "tx_packets:" { tx = $2 } $1 == "rx_packets:" { print tx, $2 }' |
		paste -sd ';')
	check_equal "packets of $1" "$2" "$found"
}

# A VTEP of one device is none of another's
tables_are_separate()
{
	set_up || return
	# from n2 by VNI 2, n1 knows n2 in VNI 1 and on the other port only
	in_ns "$n1" flctl lease flush dev flannel.2
	enter "$n2" ping -n -q -c 1 -W 0.2 10.43.1.0 >/dev/null && fail 'a VTEP of another table'
	check_equal 'unknown VTEP' 1 "$(stat "$n1" flannel.2 rx_unknown_vtep)"
	# the same prefix in two tables, to different places
	in_ns "$n1" flctl lease add 10.42.2.0/24 via 192.168.9.7 lladdr 02:00:00:00:07:07 \
		dev flannel.2
	check 'one is as it was' pings "$n1" 10.42.2.0
}

# Many devices on one socket, taken away in any order
many()
{
	local i d ns
	underlay 2 || { fail 'set-up'; return; }
	for i in 1 2; do
		ns=n$i
		check_equal 'many devices' ok "$(
			for d in {1..40}; do
				echo "r link-add flannel.$d id=$d lladdr=02:00:00:00:0$i:01"
				echo "r link-up flannel.$d"
			done | enter "${!ns}" rawnl | sort -u)"
	done
	batch "$n1" <<-END
		link del flannel.1
		link del flannel.40
		link del flannel.20
	END
	for i in 1 2; do
		ns=n$i
		enter "${!ns}" flctl lease add 10.42.$((3 - i)).0/24 via 192.168.9.$((3 - i)) \
			lladdr 02:00:00:00:0$((3 - i)):01 dev flannel.17
		batch "${!ns}" <<-END
			addr add 10.42.$i.0/32 dev flannel.17
			route add 10.42.0.0/16 dev flannel.17
		END
	done
	check 'one of those that are left' pings "$n1" 10.42.2.0
}

run_tests separated tables_are_separate many
