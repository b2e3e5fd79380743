#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# The underlay interface as VLAN, bond, bridge, in a VRF, and as an address that is
# routed to; each with and without dev and local, changed live.
#
# n1 and n2 have another network besides, 192.168.19.0/24 and fd19::/64, whose
# interface on n1 is what the test is about. Leases of either family go by VTEPs
# of that family there.

. "$(dirname "$0")/lib.sh"

# Kinds of links that are not there cannot be tested. Some modules make links of
# their own unless told otherwise.
has_kind()
{
	modprobe bonding max_bonds=0 2>/dev/null
	modprobe dummy numdummies=0 2>/dev/null
	ip -n "$n1" link add probe type "$@" 2>/dev/null && ip -n "$n1" link del probe ||
		{ skip "no links of kind $1"; return 1; }
}

# overlays DEV1 DEV2 - devices and leases; DEV1 and DEV2 are the interfaces with
# the addresses
overlays()
{
	batch "$n1" <<-END
		addr add 192.168.19.1/24 dev $1
		addr add fd19::1/64 dev $1 nodad
	END
	batch "$n2" <<-END
		addr add 192.168.19.2/24 dev $2
		addr add fd19::2/64 dev $2 nodad
	END
	overlay_up "$n1" 1 && overlay_up "$n2" 2 dev "$2" local 192.168.19.2 local fd19::2 || { fail 'set-up'; return 1; }
	lease "$n1" 10.42.2.0/24 via 192.168.19.2 lladdr "$(lladdr "$n2" flannel.1)"
	lease "$n1" fd42:0:0:2::/64 via fd19::2 lladdr "$(lladdr "$n2" flannel.1)"
	lease "$n2" 10.42.1.0/24 via 192.168.19.1 lladdr "$(lladdr "$n1" flannel.1)"
	lease "$n2" fd42:0:0:1::/64 via fd19::1 lladdr "$(lladdr "$n1" flannel.1)"
}

reach()
{
	check "$1, IPv4" pings "$n1" 10.42.2.0
	check "$1, IPv6" pings "$n1" fd42:0:0:2::
}

# bindings DEV - with and without dev and local
bindings()
{
	reach "$1, no binding"
	in_ns "$n1" flctl link set flannel.1 dev "$1" || fail "dev $1"
	reach "$1, dev"
	in_ns "$n1" flctl link set flannel.1 local 192.168.19.1 local fd19::1 || fail local
	reach "$1, dev and local"
	in_ns "$n1" flctl link set flannel.1 nodev || fail nodev
	reach "$1, local"
	in_ns "$n1" flctl link set flannel.1 local 0.0.0.0 local :: || fail 'no local'
	reach "$1, no binding again"
}

vlan()
{
	local ns
	underlay 2 || { fail 'set-up'; return; }
	for ns in "$n1" "$n2"; do
		batch "$ns" <<-END
			link add link eth0 name eth0.5 type vlan id 5
			link set eth0.5 up
		END
	done
	overlays eth0.5 eth0.5 && bindings eth0.5 || return
	# The NIC below is another interface
	in_ns "$n1" flctl link set flannel.1 dev eth0
	rx_mark "$n1" flannel.1
	in_ns "$n2" ping -q -c 1 -W 1 10.42.1.0 >/dev/null
	check_rx 'dev is the NIC below' "$n1" flannel.1 rx_wrong_dev=1
}

bridge_port()
{
	underlay 2 || { fail 'set-up'; return; }
	batch "$n1" <<-END
		link add outside type bridge
		link set outside up
		link set eth0 master outside
	END
	overlays outside eth0 && bindings outside
}

bond()
{
	underlay 2 || { fail 'set-up'; return; }
	has_kind bond || return
	batch "$wire" <<-END
		link add p3 type veth peer name eth1 netns $n1
		link set p3 master br0 addrgenmode none up
	END
	batch "$n1" <<-END
		link set eth0 down
		link add bond0 type bond mode active-backup miimon 50
		link set eth0 master bond0
		link set eth1 master bond0
		link set bond0 up
	END
	overlays bond0 eth0 || return
	until_true 5 pings "$n1" 192.168.19.2
	bindings bond0
	in_ns "$n1" flctl link set flannel.1 dev bond0
	ip -n "$wire" link set p1 down
	until_true 10 pings "$n1" 10.42.2.0 -W 1
	reach 'after the active port has failed'
	ip -n "$wire" link set p1 up
	ip -n "$wire" link set p3 down
	until_true 10 pings "$n1" 10.42.2.0 -W 1
	reach 'after the other one has failed'
}

# in_vrf - move eth0 into it; IPv6 addresses go with a change of the master
in_vrf()
{
	batch "$n1" <<-END
		link set eth0 $*
		addr replace fd19::1/64 dev eth0 nodad
	END
}

vrf()
{
	underlay 2 || { fail 'set-up'; return; }
	has_kind vrf table 99 || return
	batch "$n1" <<-END
		link add red type vrf table 10
		link set red up
	END
	overlays eth0 eth0 || return
	in_ns "$n1" flctl link set flannel.1 dev eth0
	reach 'before'
	in_vrf master red
	reach 'moved into a VRF'
	check 'a peer begins' pings "$n2" 10.42.1.0
	check 'a peer begins, IPv6' pings "$n2" fd42:0:0:1::
	in_ns "$n1" flctl link set flannel.1 local 192.168.19.1 local fd19::1
	reach 'in a VRF, dev and local'
	in_ns "$n1" flctl link set flannel.1 dev red
	reach 'in a VRF that is dev itself'
	in_ns "$n1" flctl link set flannel.1 nodev
	check_not 'in a VRF, without dev' pings "$n1" 10.42.2.0 -W 1
	in_ns "$n1" flctl link set flannel.1 dev eth0 local 0.0.0.0 local ::
	reach 'in a VRF, dev again'
	# Routes go when the device is down, and IPv6 addresses.
	batch "$n1" <<-END
		link set flannel.1 down
		link set flannel.1 up
		route replace 10.42.0.0/16 dev flannel.1 src 10.42.1.0
		addr replace fd42:0:0:1::/128 dev flannel.1 nodad
		route replace fd42::/48 via fe80::1 dev flannel.1 onlink
	END
	reach 'set up while in a VRF'
	in_vrf nomaster
	reach 'moved out of it'
	in_vrf master red
	reach 'moved in again'
	ip -n "$n1" link del red
	ip -n "$n1" addr replace fd19::1/64 dev eth0 nodad
	reach 'VRF deleted'
}

# An address of the node itself that its neighbours route to, as with BGP
routed_address()
{
	underlay 2 || { fail 'set-up'; return; }
	has_kind dummy || return
	batch "$n1" <<-END
		link add loop type dummy
		link set loop up
	END
	overlays loop eth0 || return
	batch "$n1" <<-END
		addr del 192.168.19.1/24 dev loop
		addr del fd19::1/64 dev loop
		addr add 192.168.19.1/32 dev loop
		addr add fd19::1/128 dev loop nodad
		route add 192.168.19.0/24 via 192.168.9.2
		route add fd19::/64 via fd09::2
	END
	batch "$n2" <<-END
		route add 192.168.19.1/32 via 192.168.9.1
		route add fd19::1/128 via fd09::1
	END
	in_ns "$n1" flctl link set flannel.1 local 192.168.19.1 local fd19::1
	reach 'local, routed'
	check 'a peer begins' pings "$n2" 10.42.1.0
	check 'a peer begins, IPv6' pings "$n2" fd42:0:0:1::
	in_ns "$n1" flctl link set flannel.1 dev eth0
	reach 'local, routed, and dev'
	# Without local the source is that of the route, which n2 does not know.
	in_ns "$n1" flctl link set flannel.1 nodev local 0.0.0.0 local ::
	check_not 'no local' pings "$n1" 10.42.2.0 -W 1
	check_equal 'refused there' 1 "$(stat "$n2" flannel.1 rx_unknown_vtep)"
}

run_tests vlan bridge_port bond vrf routed_address
