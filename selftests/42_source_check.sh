#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Who may send, and with which source: every mode of srccheck, and packets that
# arrive on another interface or for another address than the device is bound to.
# Everything refused is counted by its cause.
#
# timeout: 300
#
# n1 is under test; VTEPs 2 and 3 are known to it, 99 is not:
#
#   n1 192.168.9.1 ----- wire ----- n2 192.168.9.2, .99
#      fd09::1                         fd09::2, fd09::99
#
# Leases by IPv4 VTEPs: 10.42.J.0/24, fd42:0:0:J::/64; by IPv6 VTEPs: 10.43, fd43.

. "$(dirname "$0")/lib.sh"

forged_setup()
{
	local j
	underlay 2 && overlay_up "$n1" 1 dev eth0 local 192.168.9.1 local fd09::1 &&
		lease "$n1" 10.43.1.0/24 local && lease "$n1" fd43:0:0:1::/64 local ||
		{ fail 'set-up'; return 1; }
	batch "$n2" <<-END
		addr add 192.168.9.99/24 dev eth0
		addr add fd09::99/64 dev eth0 nodad
	END
	for j in 2 3; do
		overlay_peer "$n1" "$j" "192.168.9.$j" "0e:00:00:00:00:0$j"
		lease "$n1" "10.43.$j.0/24" via "fd09::$j" lladdr "0e:00:00:00:00:0$j"
		lease "$n1" "fd43:0:0:$j::/64" via "fd09::$j" lladdr "0e:00:00:00:00:0$j"
	done
}

# forge UNDERLAY INNER NET - one packet of each kind, each kind so often that its
# number tells it from the others, and sources that are nobody's once each:
# 10 from a known VTEP's own lease, 20 and 30 from an unknown VTEP, 40 from
# another VTEP's lease, 50 from a local lease, 60 from an address of n1, 70 in no
# lease, 80 with the VTEP's own underlay address
forge()
{
	local base=192.168.9. own vtep nowhere one bogus
	local -a words=() nobodys
	[[ $1 == 4 ]] || base=fd09::
	if [[ $2 == 4 ]]; then
		own=192.168.9.1 vtep=192.168.9.2 nowhere=172.16.5.5
		one=10.$3.%d.7
		nobodys=(0.0.0.0 127.0.0.1 224.0.0.9 169.254.3.4 240.1.2.3 255.255.255.255)
	else
		own=fd09::1 vtep=fd09::2 nowhere=fd77::5
		one=fd$3:0:0:%d::7
		nobodys=(:: ::1 ff0e::9 ff02::1 fe80::7 ::ffff:10.1.2.3)
	fi
	local two=${one/\%d/2} three=${one/\%d/3} here=${one/\%d/1}
	for bogus in "${nobodys[@]}"; do
		words+=(, "src=$bogus")
	done
	in_ns "$n2" vxlan_send "to=${base}1" "from=${base}2" "dst=$here" \
		, count=10 "src=$two" , count=20 "from=${base}99" "src=$nowhere" \
		, count=30 "from=${base}99" "src=$two" , count=40 "src=$three" \
		, count=50 "src=${one/\%d/1}" , count=60 "src=$own" \
		, count=70 "src=$nowhere" , count=80 "src=$vtep" "${words[@]}" ||
		fail "cannot send"
}

# forged UNDERLAY INNER - all modes
forged()
{
	local net=42 text="IPv$2 in IPv$1" same=0 other=80
	[[ $1 == 4 ]] || net=43
	[[ $1 == "$2" ]] && same=80 other=0

	in_ns "$n1" flctl link set flannel.1 srccheck off lladdr 0e:00:00:00:00:01
	rx_mark "$n1" flannel.1
	forge "$1" "$2" $net
	check_rx "$text, off" "$n1" flannel.1 rx_packets=366

	in_ns "$n1" flctl link set flannel.1 srccheck lease
	rx_mark "$n1" flannel.1
	forge "$1" "$2" $net
	check_rx "$text, lease" "$n1" flannel.1 rx_packets=160 rx_unknown_vtep=50 \
		rx_foreign_lease=40 rx_own_source=110 rx_bogus_source=6

	in_ns "$n1" flctl link set flannel.1 srccheck strict
	rx_mark "$n1" flannel.1
	forge "$1" "$2" $net
	check_rx "$text, strict" "$n1" flannel.1 rx_packets=$((10 + same)) rx_unknown_vtep=50 \
		rx_foreign_lease=40 rx_own_source=110 rx_bogus_source=6 \
		rx_no_lease=$((70 + other))
}

forged_over_ipv4() { forged_setup && { forged 4 4; forged 4 6; }; }
forged_over_ipv6() { forged_setup && { forged 6 6; forged 6 4; }; }

# Pods can send UDP to their node, from any address.
pod_forges()
{
	overlay 2 4 dev eth0 && pod "$n1" 1 || { fail 'set-up'; return; }
	local -a inner=(src=10.42.2.2 dst=10.42.1.2)
	rx_mark "$n1" flannel.1
	in_ns "$pod1" vxlan_send to=192.168.9.1 "${inner[@]}" , \
		, to=10.42.1.1 , raw=1 from=192.168.9.2 , to=fd09::1 , to=fd09::1 raw=1 from=fd09::2
	check_rx 'bound to eth0' "$n1" flannel.1 rx_wrong_dev=5
	in_ns "$n1" flctl link set flannel.1 nodev
	rx_mark "$n1" flannel.1
	in_ns "$pod1" vxlan_send to=192.168.9.1 "${inner[@]}" , , to=10.42.1.1 , to=fd09::1
	check_rx 'bound to nothing' "$n1" flannel.1 rx_unknown_vtep=3
	check 'VTEP 2 still gets through' pings "$n2" 10.42.1.2
}

# martians - packets with impossible sources that IPv4 has refused
martians()
{
	local -a words
	local hex sum=0 i column=
	while read -ra words; do
		if [[ -z $column ]]; then
			for i in "${!words[@]}"; do
				[[ ${words[i]} != in_martian_src ]] || column=$i
			done
			continue
		fi
		hex=${words[column]}
		((sum += 16#$hex))
	done </proc/net/stat/rt_cache
	echo "$sum"
}

more_martians() { (($(martians) > $1)); }

# An address of this host that lies in a peer's lease, and in no local one
own_in_peers_lease()
{
	local martians
	overlay 2 || { fail 'set-up'; return; }
	ip -n "$n1" addr add fd42:0:0:2::99/128 dev lo nodad
	rx_mark "$n1" flannel.1
	in_ns "$n2" vxlan_send to=192.168.9.1 "dmac=$(lladdr "$n1" flannel.1)" \
		dst=fd42:0:0:1:: , src=fd42:0:0:2::99 , src=fd42:0:0:2::98
	check_rx 'lease' "$n1" flannel.1 rx_packets=1 rx_own_source=1
	# IPv4 refuses them by itself.
	ip -n "$n1" addr add 10.42.2.99/32 dev lo
	martians=$(martians)
	in_ns "$n2" vxlan_send to=192.168.9.1 "dmac=$(lladdr "$n1" flannel.1)" \
		src=10.42.2.99 dst=10.42.1.0
	until_true 3 more_martians "$martians" || fail 'an IPv4 address of ours was accepted'

	in_ns "$n1" flctl link set flannel.1 srccheck off
	rx_mark "$n1" flannel.1
	in_ns "$n2" vxlan_send to=192.168.9.1 "dmac=$(lladdr "$n1" flannel.1)" \
		src=fd42:0:0:2::99 dst=fd42:0:0:1::
	check_rx 'off' "$n1" flannel.1 rx_packets=1
}

wrong_address()
{
	overlay 2 4 || { fail 'set-up'; return; }
	overlay_peer "$n1" 6 fd09::2 0e:00:00:00:00:06
	batch "$n1" <<-END
		addr add 192.168.9.101/24 dev eth0
		addr add fd09::101/64 dev eth0 nodad
	END
	local -a send=(in_ns "$n2" vxlan_send "dmac=$(lladdr "$n1" flannel.1)" dst=10.42.1.0)
	local -a all=(, to=192.168.9.1 src=10.42.2.2 , to=192.168.9.101 src=10.42.2.2
		, to=fd09::1 src=10.42.6.2 , to=fd09::101 src=10.42.6.2)
	rx_mark "$n1" flannel.1
	"${send[@]}" "${all[@]}"
	check_rx 'no local' "$n1" flannel.1 rx_packets=4
	in_ns "$n1" flctl link set flannel.1 local 192.168.9.1
	rx_mark "$n1" flannel.1
	"${send[@]}" "${all[@]}"
	check_rx 'local for IPv4' "$n1" flannel.1 rx_packets=3 rx_wrong_addr=1
	in_ns "$n1" flctl link set flannel.1 local fd09::1
	rx_mark "$n1" flannel.1
	"${send[@]}" "${all[@]}"
	check_rx 'local for both' "$n1" flannel.1 rx_packets=2 rx_wrong_addr=2
	in_ns "$n1" flctl link set flannel.1 local 0.0.0.0 local ::
	rx_mark "$n1" flannel.1
	"${send[@]}" "${all[@]}" , to=192.168.9.255 src=10.42.2.2 \
		, to=224.0.0.1 dev=eth0 src=10.42.2.2 , to=ff02::1 dev=eth0 src=10.42.6.2
	check_rx 'broadcast and multicast outside' "$n1" flannel.1 rx_packets=4 rx_wrong_addr=3
}

# A node that routes for others, whose sources are in no lease: a LAN behind n2
lan_client()
{
	STOCK=()
	mixed dev eth0 && new_ns lan || { fail 'set-up'; return; }
	batch "$n2" <<-END
		link add lan type veth peer name eth0 netns $lan
		link set lan up
		addr add 172.16.5.1/24 dev lan
		addr add fd77::1/64 dev lan nodad
	END
	batch "$lan" <<-END
		link set eth0 up
		addr add 172.16.5.2/24 dev eth0
		addr add fd77::2/64 dev eth0 nodad
		route add default via 172.16.5.1
		route add default via fd77::1
	END
	batch "$n1" <<-END
		route add 172.16.5.0/24 via 192.168.9.2
		route add fd77::/64 via fd09::2
	END
	check 'lease: LAN client, IPv4' pings "$lan" 10.42.1.2
	check 'lease: LAN client, IPv6' pings "$lan" fd42:0:0:1::2
	in_ns "$n1" flctl link set flannel.1 srccheck strict
	rx_mark "$n1" flannel.1
	check_not 'strict: LAN client, IPv4' pings "$lan" 10.42.1.2 -W 1
	check_not 'strict: LAN client, IPv6' pings "$lan" fd42:0:0:1::2 -W 1
	check_rx 'strict' "$n1" flannel.1 rx_no_lease=2
	check 'strict: pod, IPv4' pings "$pod2" 10.42.1.2
	check 'strict: pod, IPv6' pings "$pod2" fd42:0:0:1::2
	check 'strict: node with the address of its device' pings "$n2" 10.42.1.2
	check 'strict: node with its underlay address, IPv4' one_way 192.168.9.2 10.42.1.2
	check 'strict: node with its underlay address, IPv6' one_way fd09::2 fd42:0:0:1::2
	in_ns "$n1" flctl link set flannel.1 srccheck lease
	check 'lease again: LAN client' pings "$lan" 10.42.1.2
}

# burst SOURCE - eight frames at once, which wait in n1's queue together
burst()
{
	check "burst from $1" in_ns "$n2" craft vxlan 192.168.9.1 "osrc=$1" src=10.42.2.7 \
		dst=10.42.1.7 proto=6 sport=1 dport=2 size=400 gso=8
}

# Where the queue is half full, strangers get no place in it: they are counted as
# what they are, not as what there was no room for.
crowded()
{
	local backlog=/proc/sys/net/core/netdev_max_backlog before
	before=$(<$backlog)
	forged_setup || return
	in_ns "$n1" ethtool -K eth0 gro off
	rx_mark "$n1" flannel.1
	echo 3 >$backlog
	burst 192.168.9.99
	echo "$before" >$backlog
	check_rx 'strangers' "$n1" flannel.1 rx_unknown_vtep=8
	check_equal 'no room' 0 "$(no_room)"
	# and what the limit is for
	echo 3 >$backlog
	burst 192.168.9.2
	echo "$before" >$backlog
	until_true 3 lacked_room || fail 'eight frames found room in a queue for four'
}

# no_room - frames that n1's queue had no room for
no_room()
{
	local dropped
	dropped=$(in_ns "$n1" cat /sys/class/net/flannel.1/statistics/rx_dropped)
	echo $((dropped - $(stat "$n1" flannel.1 rx_unknown_vtep)))
}

lacked_room() { (($(no_room))); }

# The answer goes by the underlay, straight to the node.
one_way() { in_ns "$n2" ping -n -q -c 1 -W 2 -I "$1" "$2"; }

need vxlan_send craft
run_tests forged_over_ipv4 forged_over_ipv6 crowded pod_forges own_in_peers_lease wrong_address lan_client
