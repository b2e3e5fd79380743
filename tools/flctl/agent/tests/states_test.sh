#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Agents in states that no node should be in for long: with a part that fails, without
# an address. Those that need the module: selftests/82.
. "$(dirname "$0")/agents.sh"

SUBNETS=/coreos.com/network/subnets
HOST_GW='{"Network": "10.78.0.0/16", "Backend": {"Type": "host-gw"}}'

page() { curl -s -m 5 --unix-socket "$tmp"/n1/*.sock "http://agent/$1" -w '%{http_code}'; }
says() { [[ $(page readyz) == *"$1"* ]]; }
is_ready() { [[ $(page readyz) == *200 ]]; }
peer()
{
	etcdctl put "$SUBNETS/10.78.$1.0-24" \
		'{"PublicIP":"10.9.0.20","PublicIPv6":null,"BackendType":"host-gw"}'
}

# Parts fail: the first is named, and the others are done and kept up all the same
failing_part()
{
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

result 'etcd and namespaces' set_up "$HOST_GW"
result 'a part that fails does not stop the others' failing_part
result 'an address that comes after the start' address_later
done_steps
