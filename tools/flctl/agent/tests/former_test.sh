#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What an agent made for a configuration of before goes once the new one is in
# place, and what another instance on the same host has does not: two networks of
# backend host-gw on one host.
. "$(dirname "$0")/agents.sh"

config() { echo "{\"Network\": \"$1\", \"Backend\": {\"Type\": \"${2:-host-gw}\"}}"; }

# put NETWORK SUBNET [PREFIX] - a peer
put()
{
	etcdctl put "${2:-/coreos.com/network}/subnets/$1-24" \
		'{"PublicIP":"10.9.0.20","PublicIPv6":null,"BackendType":"host-gw"}'
}

# start NAME OPTION... - an instance on n1, with the state directory of both
start()
{
	local name=$1
	shift
	ip netns exec n1 "$agent" run --etcd-endpoints http://10.9.0.9:2379 --iface eth0 \
		--instance "$name" --subnet-file "$tmp/n1/$name.env" --run-dir "$tmp/n1" \
		--state-dir "$tmp/n1" --ip-forward=false "$@" >>"$tmp/$name.log" 2>&1 &
	PID[$name]=$!
}

two_networks()
{
	etcdctl put /other/config "$(config 10.82.0.0/16)"
	put 10.81.200.0 && put 10.82.200.0 /other
	start one && start two --etcd-prefix /other
	within 10 has_route n1 10.81.200.0/24 && within 10 has_route n1 10.82.200.0/24 || return
	# of an agent that nobody knows of
	ip -n n1 route add 10.85.1.0/24 via 10.9.0.20 proto 141
}

others_are_there() { has_route n1 10.82.200.0/24 && has_route n1 10.85.1.0/24; }

# What is gone is forgotten
remembers() { [[ $(<"$tmp/n1/one.made") == "network $1" ]]; }

changed_while_running()
{
	put 10.83.200.0
	etcdctl put /coreos.com/network/config "$(config 10.83.0.0/16)"
	within 10 has_route n1 10.83.200.0/24 && within 5 has_no_route n1 10.81.200.0/24 &&
		others_are_there && within 5 remembers 10.83.0.0/16
}

changed_while_away()
{
	stop one
	put 10.84.200.0
	etcdctl put /coreos.com/network/config "$(config 10.84.0.0/16)"
	has_route n1 10.83.200.0/24 || return
	start one
	within 10 has_route n1 10.84.200.0/24 && within 5 has_no_route n1 10.83.200.0/24 &&
		others_are_there
}

# What lies in both stays, what is only in the former, greater one goes
smaller_network()
{
	put 10.86.3.0 && put 10.86.200.0
	etcdctl put /coreos.com/network/config "$(config 10.86.0.0/16)"
	within 10 has_route n1 10.86.200.0/24 && within 10 has_route n1 10.86.3.0/24 || return
	ip -n n1 monitor route >"$tmp/monitor" &
	PID[monitor]=$!
	etcdctl put /coreos.com/network/config "$(config 10.86.0.0/18)"
	within 10 has_no_route n1 10.86.200.0/24 && has_route n1 10.86.3.0/24 || return
	stop monitor
	! grep '10.86.3.0' "$tmp/monitor"
}

# The two exchange their networks: each finds what is the other's now
exchanged()
{
	stop one && stop two
	put 10.82.201.0 && put 10.86.5.0 /other
	etcdctl put /coreos.com/network/config "$(config 10.82.0.0/16)"
	etcdctl put /other/config "$(config 10.86.0.0/18)"
	start two --etcd-prefix /other
	within 10 has_route n1 10.86.5.0/24 || return
	start one
	within 10 has_route n1 10.82.201.0/24 && within 5 has_no_route n1 10.82.200.0/24 &&
		within 5 has_no_route n1 10.86.3.0/24 && has_route n1 10.86.5.0/24 &&
		has_route n1 10.85.1.0/24
}

# By another backend, which has no routes at all
another_backend()
{
	stop one
	etcdctl put /coreos.com/network/config "$(config 10.82.0.0/16 alloc)"
	start one
	within 10 has_no_route n1 10.82.201.0/24 && has_route n1 10.86.5.0/24
}

result 'etcd and namespaces' set_up "$(config 10.81.0.0/16)"
result 'two networks on one host' two_networks
result 'a network that changed while the agent ran' changed_while_running
result 'a network that changed while it did not' changed_while_away
result 'a network that became smaller' smaller_network
result 'two instances exchange networks' exchanged
result 'another backend' another_backend
done_steps
