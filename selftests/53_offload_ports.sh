#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# NICs are told which ports carry VXLAN, so that they can look into the packets: when
# a port comes or goes, when a NIC comes or asks. The NIC is netdevsim's.
# modules: netdevsim

. "$(dirname "$0")/lib.sh"

BUS=/sys/bus/netdevsim
ID=8472

no_nic()
{
	echo $ID >$BUS/del_device
} 2>/dev/null

# nic - a netdevsim in n1, its name in $NIC
nic()
{
	in_ns "$n1" sh -c "echo '$ID 1' >$BUS/new_device" || { fail 'new NIC'; return 1; }
	NIC=$(in_ns "$n1" ls $BUS/devices/netdevsim$ID/net/)
	ip -n "$n1" link set "$NIC" up
}

set_up()
{
	modprobe -q netdevsim || { skip 'no netdevsim'; return 1; }
	no_nic			# of a function that failed
	new_ns n1
}

# ports - what the NIC has been told, PORT:TYPE each, in order
ports()
{
	awk '{
		for (i = 1; i <= NF; i++)
			if ($i)
				print int($i / 65536) ($i % 65536 == 1 ? ":vxlan" : ":" $i % 65536)
	}' /sys/kernel/debug/netdevsim/netdevsim$ID/ports/0/udp_ports/table* | sort -n | xargs
}

known()
{
	check_equal "$1" "$2" "$(ports)"
}

add()
{
	in_ns "$n1" flctl link add "$@" || fail "link add $*"
}

comes_and_goes()
{
	set_up && nic || return
	known 'at first' ''
	add flannel.1
	known 'a device that is down' ''
	ip -n "$n1" link set flannel.1 up
	known 'up' '8472:vxlan'
	add flannel.2 id 2 up
	add flannel.3 id 3 dstport 4789 up
	ip -n "$n1" link add stock type vxlan id 9 dstport 4790
	ip -n "$n1" link set stock up
	known 'several' '4789:vxlan 4790:vxlan 8472:vxlan'
	ip -n "$n1" link set flannel.1 down
	known 'one of two on a port is down' '4789:vxlan 4790:vxlan 8472:vxlan'
	ip -n "$n1" link del flannel.2
	known 'the other is gone' '4789:vxlan 4790:vxlan'
	ip -n "$n1" link del flannel.3
	ip -n "$n1" link del stock
	known 'all are gone' ''
	ip -n "$n1" link set flannel.1 up
	ip -n "$n1" link del flannel.1
	known 'deleted while up' ''
	no_nic
}

nic_asks()
{
	set_up || return
	add flannel.1 up
	nic || return
	known 'a NIC that comes later' '8472:vxlan'
	in_ns "$n1" ethtool -K "$NIC" rx-udp_tunnel-port-offload off
	known 'it wants none' ''
	add flannel.2 id 2 dstport 4789 up
	known 'nor this' ''
	in_ns "$n1" ethtool -K "$NIC" rx-udp_tunnel-port-offload on
	known 'it asks' '4789:vxlan 8472:vxlan'
	echo 1 >/sys/kernel/debug/netdevsim/netdevsim$ID/ports/0/udp_ports/reset || fail reset
	known 'it was reset' '4789:vxlan 8472:vxlan'
	ip -n "$n1" link del flannel.1
	known 'one less' '4789:vxlan'
	no_nic
	nic || return
	known 'another NIC' '4789:vxlan'
	no_nic
}

# What happens elsewhere is nothing to it.
other_namespace()
{
	set_up && nic || return
	new_ns n2
	in_ns "$n2" flctl link add flannel.1 up || fail 'link add'
	known 'a device in another namespace' ''
	add flannel.1 up
	ip -n "$n2" link del flannel.1
	known 'its own' '8472:vxlan'
	no_nic
}

run_tests comes_and_goes nic_asks other_namespace
