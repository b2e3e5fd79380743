#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Two agents and a real etcd, in network namespaces: backend host-gw, which needs
# no module.
#
#      n1 10.9.0.1         n2 10.9.0.2         store 10.9.0.9 (etcd)
#           +-------------------+-------------------+  bridge
#
# Networks are those of this test alone.
set -u
cd "$(dirname "$0")" || exit 1
. ../../../../selftests/tap.sh

if [[ ${AGENT_NETNS-} != "$$" ]]; then
	for program in etcd etcdctl ip nft; do
		command -v "$program" >/dev/null && continue
		echo "ok 1 agents on etcd # SKIP needs $program"
		exit
	done
	[[ $(id -u) == 0 ]] || { echo 'ok 1 agents on etcd # SKIP needs root'; exit; }
	AGENT_NETNS=$$ exec unshare --net --mount --propagation private "./${0##*/}"
fi

agent=${AGENT_OUT:-..}/flctl-agent
tmp=$(mktemp -d)
declare -A PID=()

end_all()
{
	local name
	for name in "${!PID[@]}"; do kill -9 "${PID[$name]}" 2>/dev/null; done
	wait 2>/dev/null
	for name in n1 n2 store; do ip netns del "$name" 2>/dev/null; done
	rm -rf "$tmp"
}
trap end_all EXIT

# within SECONDS COMMAND...
within()
{
	local tenths=$(($1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		((tenths-- > 0)) || { echo "never: $*"; tail -n 5 "$tmp"/*.log; return 1; }
		sleep 0.1
	done
}

etcdctl() { ETCDCTL_API=3 ip netns exec store etcdctl --endpoints http://10.9.0.9:2379 "$@"; }
keys() { etcdctl get --prefix /coreos.com/network/subnets/ --keys-only | grep .; }
key_of() { etcdctl get --prefix /coreos.com/network/subnets/ | grep -B1 "\"$1\"" | head -n 1; }

start_etcd()
{
	ip netns exec store etcd --name n --data-dir "$tmp/etcd" --log-level error \
		--listen-client-urls http://10.9.0.9:2379 \
		--advertise-client-urls http://10.9.0.9:2379 \
		--listen-peer-urls http://127.0.0.1:2380 >"$tmp/etcd.log" 2>&1 &
	PID[etcd]=$!
}

start_agent()
{
	local name=$1
	shift
	ip netns exec "$name" "$agent" run --etcd-endpoints http://10.9.0.9:2379 \
		--iface eth0 --subnet-file "$tmp/$name/subnet.env" --run-dir "$tmp/$name" \
		--state-dir "$tmp/$name" --ip-forward=false "$@" >>"$tmp/$name.log" 2>&1 &
	PID[$name]=$!
}

stop() # NAME [SIGNAL]
{
	kill "-${2:-TERM}" "${PID[$1]}"
	wait "${PID[$1]}" 2>/dev/null
	unset "PID[$1]"
}

subnet() { sed -n 's/^FLANNEL_SUBNET=\(.*\)\.1\/24$/\1.0\/24/p' "$tmp/$1/subnet.env"; }
has_route() { [[ -n $(ip -n "$1" route show "$2" proto 141) ]]; }
has_no_route() { ! has_route "$@"; }
goes() { has_route n1 "$(subnet n2)" && has_route n2 "$(subnet n1)"; }

# These run here and not in a shell of their own, so that processes can be told of
result()
{
	local name=$1 out status=0
	shift
	"$@" >"$tmp/out" 2>&1 || status=1
	out=$(<"$tmp/out")
	step "$name" bash -c 'printf "%s\n" "$2"; exit "$1"' - "$status" "$out"
}

set_up()
{
	local name i=0
	ip link add br0 type bridge && ip link set br0 up
	for name in n1 n2 store; do
		((++i))
		[[ $name != store ]] || i=9
		ip netns add "$name"
		ip link add "p$i" type veth peer name eth0 netns "$name"
		ip link set "p$i" master br0 up
		ip -n "$name" link set lo up
		ip -n "$name" link set eth0 up
		ip -n "$name" addr add "10.9.0.$i/24" dev eth0
	done
	start_etcd
	within 20 etcdctl endpoint health &&
		etcdctl put /coreos.com/network/config \
			'{"Network": "10.77.0.0/16", "Backend": {"Type": "host-gw"}}'
}

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

# One bad key takes nobody with it
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
	for i in {1..12}; do
		etcdctl put "$key" "$theirs"
		sleep 0.1
	done
	grep 'written by somebody else' "$tmp/n1.log" &&
		[[ $(etcdctl get "$key" --print-value-only) == "$theirs" ]] && has_route n1 "$(subnet n2)"
}

healthy()
{
	local answer
	answer=$(curl -s --unix-socket "$tmp"/n1/*.sock http://agent/readyz -w '%{http_code}')
	[[ $answer == *200 ]] || { echo "$answer"; return 1; }
}

result 'etcd and namespaces' set_up
result 'two agents join' joined
result 'killed and back with the same subnet' same_subnet
result 'the same subnet by the public address' by_address
result 'a peer leaves' peer_leaves
result 'a lease that was deleted is taken again' lease_taken_again
result 'etcd killed and back' store_away
result 'bad keys' bad_keys
result 'ready' healthy
result 'somebody with our address' fight
done_steps
