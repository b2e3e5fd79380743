#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Two agents and a real etcd, in network namespaces: backend host-gw, which needs
# no module.
. "$(dirname "$0")/agents.sh"

joined()
{
	start_agent n1 && start_agent n2
	within 20 test -s "$tmp/n1/subnet.env" && within 20 test -s "$tmp/n2/subnet.env" &&
		within 10 goes && [[ $(keys | wc -l) == 2 ]]
}

# Killed, a new one takes the same subnet and changes nothing
same_subnet()
{
	local before routes
	before=$(subnet n1) routes=$(ip -n n1 route)
	stop n1 KILL
	[[ $(ip -n n1 route) == "$routes" ]] || { echo 'routes went'; return 1; }
	start_agent n1
	sleep 1
	within 10 goes && [[ $(subnet n1) == "$before" && $(ip -n n1 route) == "$routes" ]]
}

# Without subnet.env, by its address
by_address()
{
	local before
	before=$(subnet n1)
	stop n1
	rm "$tmp/n1/subnet.env"
	start_agent n1
	within 10 test -s "$tmp/n1/subnet.env" && [[ $(subnet n1) == "$before" ]]
}

peer_leaves()
{
	local gone key
	gone=$(subnet n2) key=$(key_of 10.9.0.2)
	stop n2
	[[ -n $key ]] && etcdctl del "$key" && within 5 has_no_route n1 "$gone"
	start_agent n2
	within 10 has_route n1 "$gone"
}

# A deleted lease is taken again
lease_taken_again()
{
	local key
	key=$(key_of 10.9.0.1)
	etcdctl del "$key"
	within 10 key_is "$key" && within 5 goes
}
key_is() { [[ $(key_of 10.9.0.1) == "$1" ]]; }

store_away()
{
	stop etcd KILL
	sleep 3
	goes || { echo 'routes went with etcd'; return 1; }
	ip -n n1 route del "$(subnet n2)"
	within 3 goes || return
	start_etcd
	within 20 etcdctl endpoint health
	etcdctl put /coreos.com/network/subnets/10.77.250.0-24 \
		'{"PublicIP":"10.9.0.9","PublicIPv6":null,"BackendType":"host-gw"}'
	within 20 has_route n1 10.77.250.0/24 && within 20 has_route n2 10.77.250.0/24
}

# D2
bad_keys()
{
	etcdctl put /coreos.com/network/subnets/10.77.999.0-24 '{"PublicIP":"10.9.0.9"}'
	etcdctl put /coreos.com/network/subnets/10.77.251.0-24 '{"PublicIP":'
	etcdctl put /coreos.com/network/subnets/10.77.252.0-24 \
		'{"PublicIP":"10.9.0.9","PublicIPv6":null,"BackendType":"host-gw"}'
	within 5 has_route n1 10.77.252.0/24 && goes && has_route n1 10.77.250.0/24
}

# Somebody with our address: not as fast as etcd can
fight()
{
	local key i theirs='{"PublicIP":"10.9.0.1","PublicIPv6":null,"BackendType":"vxlan"}'
	key=$(key_of 10.9.0.1)
	# a slow agent sees several at once
	for i in {1..60}; do
		etcdctl put "$key" "$theirs"
		! grep 'written by somebody else' "$tmp/n1.log" || break
		sleep 0.1
	done
	((i < 60)) && etcdctl put "$key" "$theirs" && sleep 1 &&
		[[ $(etcdctl get "$key" --print-value-only) == "$theirs" ]] && has_route n1 "$(subnet n2)"
}

# Each time the kernel takes the routes away: nobody fights with us over them
flapping_nic()
{
	local i
	for i in {1..7}; do
		ip -n n1 link set eth0 down
		within 5 has_no_route n1 "$(subnet n2)" || return
		ip -n n1 link set eth0 up
		within 10 goes || return
	done
	! grep 'again and again' "$tmp/n1.log" && within 10 healthy
}

healthy()
{
	local answer
	answer=$(curl -s --unix-socket "$tmp"/n1/*.sock http://agent/readyz -w '%{http_code}')
	[[ $answer == *200 ]] || { echo "$answer"; return 1; }
}

# only_reads yes|no - may node, as which an agent runs, do no more?
only_reads()
{
	local admin=(etcdctl --user root:secret) may=readwrite
	[[ $1 == no ]] || may='read'
	"${admin[@]}" role revoke-permission --prefix node /coreos.com/network/ 2>/dev/null
	"${admin[@]}" role grant-permission --prefix node "$may" /coreos.com/network/
}

with_auth()
{
	etcdctl user add root:secret && etcdctl user grant-role root root &&
		etcdctl user add node:word && etcdctl role add node &&
		etcdctl user grant-role node node && etcdctl auth enable
}

# Who applies once leaves when etcd has our record as it has to be, and not before
once_with_the_record()
{
	local key status=1 theirs='{"PublicIP":"10.9.0.1","PublicIPv6":null,"BackendType":"vxlan"}'
	stop n1
	key=$(key_of 10.9.0.1)
	etcdctl put "$key" "$theirs" && with_auth && only_reads yes || return
	start_agent n1 --once --etcd-username node --etcd-password word
	if within 20 refused_update && only_reads no; then
		wait "${PID[n1]}" && status=0
	else
		kill "${PID[n1]}"
	fi
	unset "PID[n1]"
	etcdctl --user root:secret auth disable
	[[ $status == 0 && $(etcdctl get "$key" --print-value-only) == *host-gw* ]]
}
refused_update() { grep 'update of our record: .*permission denied' "$tmp/n1.log"; }

# Also a record that nobody had before
once_anew()
{
	local key before=$SECONDS
	key=$(key_of 10.9.0.1)
	etcdctl del "$key" && start_agent n1 --once && wait "${PID[n1]}" || return
	unset "PID[n1]"
	[[ $(key_of 10.9.0.1) == "$key" ]] && ((SECONDS - before < 20))
}

result 'etcd and namespaces' set_up '{"Network": "10.77.0.0/16", "Backend": {"Type": "host-gw"}}'
result 'two agents join' joined
result 'killed and back with the same subnet' same_subnet
result 'the same subnet by the public address' by_address
result 'a peer leaves' peer_leaves
result 'a lease that was deleted is taken again' lease_taken_again
result 'etcd killed and back' store_away
result 'D2: one bad key takes nobody with it' bad_keys
result 'ready' healthy
result 'a NIC that flaps' flapping_nic
result 'somebody with our address' fight
result 'applied once, with the record in etcd' once_with_the_record
result 'applied once, with a new record' once_anew
done_steps
