#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Which interface and address peers are told, when routes and addresses come and go:
# n1 has a second interface, eth1 with 10.10.0.1.
. "$(dirname "$0")/agents.sh"

CONFIG='{"Network": "10.78.0.0/16", "Backend": {"Type": "host-gw"}}'

record() { etcdctl get --prefix /coreos.com/network/subnets/ "$@"; }
told() { record --print-value-only | grep -q "\"PublicIP\":\"$1\""; }
revision() { record -w json | sed 's/.*"mod_revision":\([0-9]*\).*/\1/'; }
prefer() { ip -n n1 route "$1" default via 10.10.0.9 dev eth1 metric 50; }

joined()
{
	ip -n n1 link add eth1 type veth peer name eth1-peer
	ip -n n1 link set eth1 up
	ip -n n1 link set eth1-peer up
	ip -n n1 addr add 10.10.0.1/24 dev eth1
	ip -n n1 route add default via 10.9.0.9 metric 100
	IFACE='' start_agent n1
	within 20 test -s "$tmp/n1/subnet.env" && told 10.9.0.1
}

# What peers hear is one change at most, and not of what goes again
flapping_route()
{
	local before i
	before=$(revision)
	for i in 1 2 3 4 5; do
		prefer add
		sleep 0.7
		prefer del
		sleep 0.7
	done
	[[ -n $before && $(revision) == "$before" ]] || { tail -n 20 "$tmp/n1.log"; return 1; }
}

better_route()
{
	local begin=$EPOCHSECONDS
	prefer add
	within 20 told 10.10.0.1 || return
	((EPOCHSECONDS - begin >= 4)) || { echo "after $((EPOCHSECONDS - begin)) s"; return 1; }
}

# What is no more is not waited for
vanished_address()
{
	ip -n n1 addr del 10.10.0.1/24 dev eth1
	within 3 told 10.9.0.1
}

result 'etcd and namespaces' set_up "$CONFIG"
result 'a node joins' joined
result 'a better route that flaps' flapping_route
result 'a better route that stays' better_route
result 'an address that vanishes' vanished_address
done_steps
