# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# agents.sh - agents and a real etcd, in network namespaces of their own, for
# scripts that source it:
#
#      n1 10.9.0.1         n2 10.9.0.2         store 10.9.0.9 (etcd)
#         fd09::1             fd09::2                fd09::9
#           +-------------------+-------------------+  bridge
#
# AGENT_OUT: where the agent is built.
set -u
cd "$(dirname "$0")" || exit 1
. ../../../../selftests/tap.sh

if [[ ${AGENT_NETNS-} != "$$" ]]; then
	for program in curl etcd etcdctl ip nft; do
		command -v "$program" >/dev/null && continue
		echo "1..0 # SKIP needs $program"
		exit
	done
	[[ $(id -u) == 0 ]] || { echo '1..0 # SKIP needs root'; exit; }
	AGENT_NETNS=$$ exec unshare --net --mount --propagation private "./${0##*/}"
fi
# Names of namespaces are those of this test alone, too
mkdir -p /run/netns && mount -t tmpfs netns /run/netns || exit 1

agent=${AGENT_OUT:-..}/flctl-agent
tmp=$(mktemp -d)
declare -A PID=()

end_all()
{
	local name
	{
		for name in "${!PID[@]}"; do kill -9 "${PID[$name]}"; done
		wait
	} 2>/dev/null
	for name in n1 n2 store; do ip netns del "$name" 2>/dev/null; done
	rm -rf "$tmp"
}
trap end_all EXIT

# within SECONDS COMMAND...
within()
{
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS <= end)) || { echo "never: $*"; tail -n 5 "$tmp"/*.log; return 1; }
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

# start_agent NAME [OPTION...]; IFACE= leaves the interface to the agent
start_agent()
{
	local name=$1
	shift
	ip netns exec "$name" "$agent" run --etcd-endpoints http://10.9.0.9:2379 \
		${IFACE---iface eth0} --subnet-file "$tmp/$name/subnet.env" --run-dir "$tmp/$name" \
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
	local name=$1 out status=0 STEP_BEGIN=$EPOCHREALTIME
	shift
	"$@" >"$tmp/out" 2>&1 || status=1
	out=$(<"$tmp/out")
	step "$name" bash -c 'printf "%s\n" "$2"; exit "$1"' - "$status" "$out"
}

# set_up CONFIGURATION
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
		ip -n "$name" addr add "fd09::$i/64" dev eth0 nodad
	done
	start_etcd
	within 20 etcdctl endpoint health && etcdctl put /coreos.com/network/config "$1"
}
