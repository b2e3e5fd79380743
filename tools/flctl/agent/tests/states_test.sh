#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Agents in states that no node should be in for long: displaced, with a part that
# fails, with another MAC than peers were told, without an address.
. "$(dirname "$0")/agents.sh"

SUBNETS=/coreos.com/network/subnets
HOST_GW='{"Network": "10.78.0.0/16", "Backend": {"Type": "host-gw"}}'
VXLAN='{"Network": "10.78.0.0/16", "Backend": {"Type": "vxlan"}}'

own_key() { etcdctl get --prefix $SUBNETS/ | grep -B1 '"10.9.0.1"' | head -n 1; }
own_value() { etcdctl get --print-value-only "$(own_key)"; }
page() { curl -s -m 5 --unix-socket "$tmp"/n1/*.sock "http://agent/$1" -w '%{http_code}'; }
says() { [[ $(page readyz) == *"$1"* ]]; }
is_ready() { [[ $(page readyz) == *200 ]]; }
peer()
{
	etcdctl put "$SUBNETS/10.78.$1.0-24" \
		'{"PublicIP":"10.9.0.20","PublicIPv6":null,"BackendType":"host-gw"}'
}

# What peers were told is the MAC, whatever the state file says
mac_of_the_lease()
{
	mkdir -p "$tmp/n1"
	echo 02:00:00:00:00:11 >"$tmp/n1/n1.mac"
	etcdctl put $SUBNETS/10.78.5.0-24 '{"PublicIP":"10.9.0.1","PublicIPv6":null,"BackendType":"vxlan",
		"BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:77"}}'
	start_agent n1
	within 20 grep -q 02:00:00:00:00:77 "$tmp/n1/n1.mac" && [[ $(own_value) == *02:00:00:00:00:77* ]]
}

# Somebody else has our device: neither key, device, route nor file is written, until
# told to
displaced()
{
	local key
	stop n1
	rm -f "$tmp/n1/subnet.env"
	start_agent n1 --takeover=false
	within 20 says 'the table is not applied' || return
	rm -f "$tmp/n1/subnet.env"
	ip -n n1 link add flannel.1 type bridge
	within 20 says 'displaced' || return
	key=$(own_key)
	[[ -n $key && ! -e $tmp/n1/subnet.env ]] || return
	etcdctl del "$key"
	ip -n n1 addr add 10.9.0.51/24 dev eth0
	ip -n n1 addr del 10.9.0.1/24 dev eth0
	ip -n n1 addr add 10.9.0.1/24 dev eth0
	sleep 3
	[[ -z $(own_key) && ! -e $tmp/n1/subnet.env ]] ||
		{ etcdctl get --prefix $SUBNETS/; return 1; }
	[[ -n $(ip -n n1 link show flannel.1 type bridge) && -z $(ip -n n1 route show proto 141) ]] ||
		return
	# gone, and told: the node is in the network again
	ip -n n1 link del flannel.1
	ip -n n1 addr del 10.9.0.51/24 dev eth0
	kill -HUP "${PID[n1]}"
	within 10 own_key_is_there
}
own_key_is_there() { [[ -n $(own_key) ]]; }

# Parts fail: the first is named, and the others are done and kept up all the same
failing_part()
{
	stop n1
	etcdctl del --prefix $SUBNETS/
	etcdctl put /coreos.com/network/config "$HOST_GW"
	mkdir -p "$tmp/n1/there/subnet.env"
	ip -n n1 route add 10.78.201.0/24 via 10.9.0.2 proto static
	peer 200 && peer 201
	start_agent n1 --subnet-file "$tmp/n1/there/subnet.env" --ip-masq
	within 20 has_route n1 10.78.200.0/24 && within 5 says 'route 10.78.201.0/24' ||
		return
	within 5 masquerades || return
	ip netns exec n1 nft flush ruleset
	ip -n n1 route del 10.78.200.0/24
	within 20 masquerades && within 5 has_route n1 10.78.200.0/24 || return
	ip -n n1 route del 10.78.201.0/24 proto static
	within 20 says subnet.env || return
	rmdir "$tmp/n1/there/subnet.env"
	within 40 is_ready && [[ -s $tmp/n1/there/subnet.env ]]
}
masquerades() { ip netns exec n1 nft list ruleset | grep -q masquerade; }

# An interface that has no address yet is looked at again when it gets one; the
# store is reached by another
address_later()
{
	ip -n n2 link add eth1 type veth peer name eth1 netns store
	ip -n n2 addr add 10.11.0.2/24 dev eth1 && ip -n n2 link set eth1 up
	ip -n store addr add 10.11.0.9/24 dev eth1 && ip -n store link set eth1 up
	ip -n n2 addr flush dev eth0
	ip -n n2 route add 10.9.0.9 via 10.11.0.9
	start_agent n2
	within 10 grep -q 'no interface can be used' "$tmp/n2.log" || return
	ip -n n2 addr add 10.9.0.2/24 dev eth0
	within 20 test -s "$tmp/n2/subnet.env"
}

result 'etcd and namespaces' set_up "$VXLAN"
result 'the MAC of the lease counts, not that of the state file' mac_of_the_lease
result 'displaced: nothing is written' displaced
result 'a part that fails does not stop the others' failing_part
result 'an address that comes after the start' address_later
done_steps
