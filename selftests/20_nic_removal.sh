#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Option dev is a name: when its NIC goes, the device stays, with all that is on
# it and without carrier; when a NIC has the name again, it works again.
#
#	n1 eth0 --- n2 eth0 (see underlay in lib.sh); n1's eth0 comes and goes

. "$(dirname "$0")/lib.sh"

# Each function leaves things as they were, so that the next one need not build them
SHARED=1
FIRST=

set_up()
{
	if [[ -z $FIRST || $(what_stays 2>&1) != "$FIRST" ]]; then
		cleanup
		overlay 2 4 dev eth0 || { fail 'set-up'; return 1; }
		FIRST=$(what_stays)
	fi
	check 'at first' pings "$n1" 10.42.2.0
	BEFORE=$FIRST
}

what_stays()
{
	enter "$n1" sh -c '
		flctl lease save dev flannel.1
		flctl link show flannel.1 | sed -n 2p
		ip -o link show dev flannel.1 | sed "s/.* \(mtu [0-9]*\) .*/\1/"
		ip -o addr show dev flannel.1
		ip route show dev flannel.1
		ip -6 route show dev flannel.1' | sed 's/ linkdown//'
}

effect_underlay() { enter "$n1" flctl link show flannel.1 | sed -n 's/^        underlay  *//p'; }
carrier() { in_ns "$n1" cat /sys/class/net/flannel.1/carrier; }

# The NIC is away: nothing else is
is_away()
{
	local sent drops
	check_equal 'underlay' "${1:-eth0} does not exist now" "$(effect_underlay)"
	check_equal 'carrier' 0 "$(carrier)"
	check_equal 'what stays' "$BEFORE" "$(what_stays)"
	check 'is up' grep -q ',UP' <(ip -n "$n1" link show flannel.1)
	sent=$(stat "$n1" flannel.1 tx_packets) drops=$(stat "$n1" flannel.1 tx_no_socket)
	# what it sends is counted by the time that it waits for an answer
	check_not 'packets go nowhere' enter "$n1" ping -n -q -c 1 -W 0.2 10.42.2.0
	check_equal 'packets sent' "$sent" "$(stat "$n1" flannel.1 tx_packets)"
	[[ $(stat "$n1" flannel.1 tx_no_socket) -gt $drops ||
	   $(ip -n "$n1" -o link show flannel.1) == *NO-CARRIER* ]] ||
		fail 'neither carrier off nor a drop counted'
}

is_back()
{
	check_equal 'carrier' 1 "$(carrier)"
	check_equal 'what stays' "$BEFORE" "$(what_stays)"
	check 'packets go again' pings "$n1" 10.42.2.0
	check 'and IPv6' pings "$n1" fd42:0:0:2::
	check 'and come' pings "$n2" 10.42.1.0
}

# new_nic NAME - n1 on the wire again, by another NIC
new_nic()
{
	ip link add "$1" netns "$n1" address 02:00:00:00:09:01 \
		type veth peer name p1 netns "$wire"
	ip -n "$wire" link set p1 master br0 addrgenmode none up
	configure "$1"
}

configure()
{
	ip -n "$n1" -batch - <<-END
		link set $1 up
		addr replace 192.168.9.1/24 dev $1
		addr replace fd09::1/64 dev $1 nodad
	END
}

deleted()
{
	set_up || return
	ip -n "$n1" link del eth0
	is_away
	new_nic eth0
	is_back
}

wrong_dev() { (($(stat "$n1" flannel.1 rx_wrong_dev) == $1)); }

renamed()
{
	local wrong
	set_up || return
	ip -n "$n1" link set eth0 down
	ip -n "$n1" link set eth0 name eth9
	configure eth9
	is_away
	wrong=$(stat "$n1" flannel.1 rx_wrong_dev)
	check_not 'nor does it come by another name' enter "$n2" ping -n -q -c 1 -W 0.2 10.42.1.0
	until_true 3 wrong_dev $((wrong + 1)) || fail 'it came by another NIC'
	ip -n "$n1" link set eth9 down
	ip -n "$n1" link set eth9 name eth0
	configure eth0
	is_back
	# another NIC takes the name while the first one lives on
	ip -n "$n1" link set eth0 down
	ip -n "$n1" link set eth0 name eth9
	ip -n "$n1" addr flush dev eth9
	ip -n "$wire" link del p1
	new_nic eth0
	is_back
}

# A NIC that moves to another namespace is gone from this one
moved()
{
	set_up || return
	new_ns away
	ip -n "$n1" link set eth0 netns "$away"
	is_away
	ip -n "$away" link set eth0 netns "$n1"
	configure eth0
	is_back
}

# The device is down while the NIC comes back
down_meanwhile()
{
	set_up || return
	ip -n "$n1" link del eth0
	ip -n "$n1" link set flannel.1 down
	new_nic eth0
	ip -n "$n1" link set flannel.1 up
	batch "$n1" <<-END
		addr add fd42:0:0:1::/128 dev flannel.1 nodad
		route add 10.42.0.0/16 dev flannel.1 src 10.42.1.0
		route add fd42::/48 via fe80::1 dev flannel.1 onlink src fd42:0:0:1::
	END
	is_back
}

# Another name is taken while the first NIC is away
other_name()
{
	set_up || return
	ip -n "$n1" link del eth0
	new_nic eth7
	is_away
	check 'another dev' in_ns "$n1" flctl link set flannel.1 dev eth7
	BEFORE=${BEFORE/dev eth0/dev eth7}
	is_back
	ip -n "$n1" link del eth7
	is_away eth7
	new_nic eth8
	check 'no dev' in_ns "$n1" flctl link set flannel.1 nodev
	BEFORE=${BEFORE/ dev eth7/}
	is_back
}

# The device goes while its NIC is away, and while it is there
device_deleted()
{
	set_up || return
	ip -n "$n1" link del eth0
	check 'while away' ip -n "$n1" link del flannel.1
	new_nic eth0
	overlay_up "$n1" 1 dev eth0
	check 'while there' ip -n "$n1" link del flannel.1
	check 'the NIC is free' ip -n "$n1" link del eth0
}

run_tests deleted renamed moved down_meanwhile other_name device_deleted
