# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# agent.sh - what tests of the agent share, beside lib.sh: a real etcd in namespace
# wire, agents, and stock nodes that stock-flannel makes out of the same etcd.
#
# Node N has underlay address 192.168.9.N and, by the subnet.env that it finds when it
# starts, subnet 10.42.N.0/24 (fd42:0:0:N::/64), where lib.sh's pods live.

. "${BASH_SOURCE[0]%/*}/lib.sh"

ETCD=192.168.9.99:2379
V4='{"Network": "10.42.0.0/16", "Backend": {"Type": "vxlan"}}'
V6='{"Network": "10.42.0.0/16", "EnableIPv6": true, "IPv6Network": "fd42::/48",
	"Backend": {"Type": "vxlan"}}'

DUAL=				# whether the network has IPv6, too
# Of etcd and of nodes, by name. What is started here must not be by check, whose
# shell is another, nor by in_ns, which is not the process
declare -A PID=()

# need_agent - skip the test without what it takes
need_agent()
{
	need nft etcd etcdctl
	[[ -n $FLCTL_AGENT ]] || { echo '1..0 # SKIP needs flctl-agent'; exit $KSFT_SKIP; }
}

etcdctl() { ETCDCTL_API=3 in_ns "$wire" etcdctl --endpoints "http://$ETCD" "$@"; }

# etcd_start - on the data of before, if there is any
etcd_start()
{
	ip netns exec "$wire" etcd --name n --data-dir "$TMP/etcd" --log-level error \
		--listen-client-urls "http://$ETCD" --advertise-client-urls "http://$ETCD" \
		>>"$TMP/etcd.log" 2>&1 &
	PID[etcd]=$!
	until_true 30 etcdctl get /
}

# end NAME [SIGNAL] - of etcd or a node
end()
{
	kill "-${2:-TERM}" "${PID[$1]}" && wait "${PID[$1]}" 2>/dev/null
	unset "PID[$1]"
}

end_all()
{
	local name
	for name in "${!PID[@]}"; do
		end "$name" KILL
	done
}

# seed N DIR - the subnet that node N had "before"
seed()
{
	mkdir -p "$2"
	[[ ! -e $2/subnet.env ]] || return 0
	{
		echo FLANNEL_NETWORK=10.42.0.0/16
		echo "FLANNEL_SUBNET=10.42.$1.1/24"
		[[ -z $DUAL ]] || echo FLANNEL_IPV6_NETWORK=fd42::/48
		[[ -z $DUAL ]] || echo "FLANNEL_IPV6_SUBNET=fd42:0:0:$1::1/64"
		echo FLANNEL_MTU=1450
		echo FLANNEL_IPMASQ=false
	} >"$2/subnet.env"
}

# options_of N - of flctl run and reset for node N, in OPTIONS
options_of()
{
	local dir=$TMP/n$1
	OPTIONS=(--etcd-endpoints "http://$ETCD" --iface eth0 --ip-masq --run-dir "$dir"
		--state-dir "$dir" --subnet-file "$dir/subnet.env")
}

# agent_start N [OPTIONS...] - in the background
agent_start()
{
	local n=$1 ns=n$1 dir=$TMP/n$1 OPTIONS
	shift
	seed "$n" "$dir"
	options_of "$n"
	ip netns exec "${!ns}" flctl run "${OPTIONS[@]}" "$@" >>"$dir/log" 2>&1 </dev/null &
	PID[n$n]=$!
}

# agent N [OPTIONS...] - and wait until it has done all
agent()
{
	agent_start "$@"
	until_true 30 ready "$1" && return
	note "node $1 is not ready:"
	tail -n 5 "$TMP/n$1/log" | sed 's/^/#   /'
	return 1
}

# ready N - the agent of node N says so
ready()
{
	local ns=n$1
	in_ns "${!ns}" flctl status --run-dir "$TMP/n$1"
}

# stock N [OPTIONS...] - node N as stock flannel makes it
stock()
{
	local n=$1 ns=n$1 dir=$TMP/n$1
	shift
	seed "$n" "$dir"
	: >"$dir/stock.log"
	ip netns exec "${!ns}" stock-flannel -e "$ETCD" -f "$dir/subnet.env" "$@" \
		>>"$dir/stock.log" 2>&1 </dev/null &
	PID[n$n]=$!
	until_true 30 grep -q ^lease "$dir/stock.log" && return
	note "stock node $n has no lease: $(tail -n 3 "$dir/stock.log")"
	return 1
}

# cluster [dual] - an etcd, nodes 1 and 2 by agents, node 3 stock, a pod on each, and
# everybody knows everybody
cluster()
{
	local config=$V4

	PID=() DUAL=${1-}
	[[ -z $DUAL ]] || config=$V6
	scratch
	underlay 3 && ip -n "$wire" addr add 192.168.9.99/24 dev br0 && etcd_start &&
		etcdctl put /coreos.com/network/config "$config" >/dev/null &&
		agent 1 && agent 2 && stock 3 && pod "$n1" 1 && pod "$n2" 2 && pod "$n3" 3 &&
		until_true 20 complete && return
	fail "set-up: $(tail -n 5 "$TMP"/n?/*log)"
	return 1
}

complete()
{
	has 1 2 3 && has 2 1 3 && stock_has 1 && stock_has 2
}

# has N J... - the table of node N has leases for the subnets of nodes J...
has()
{
	local ns=n$1 table j
	table=$(enter "${!ns}" flctl lease list dev flannel.1)
	shift
	for j; do
		[[ $table == *"10.42.$j.0/24 via "* ]] || return
	done
}

has_not() { ! has "$@"; }

# stock_has J - stock node 3 has all three entries for node J
stock_has()
{
	[[ $(ip -n "$n3" route show "10.42.$1.0/24") && $(ip -n "$n3" neigh show "10.42.$1.0") &&
		$(enter "$n3" bridge fdb show dev flannel.1) == *" 192.168.9.$1 "* ]]
}

# stock_has_none J - and none of them
stock_has_none()
{
	[[ -z $(ip -n "$n3" route show "10.42.$1.0/24") && -z $(ip -n "$n3" neigh show "10.42.$1.0") &&
		$(enter "$n3" bridge fdb show dev flannel.1) != *" 192.168.9.$1 "* ]]
}

# key_of N - of the lease of node N
key_of()
{
	echo "/coreos.com/network/subnets/10.42.$1.0-24${DUAL:+&fd42:0:0:$1::-64}"
}

# value_of N - its value
value_of()
{
	etcdctl get "$(key_of "$1")" --print-value-only
}

# revision_of KEY - of its last change
revision_of()
{
	etcdctl get "$1" -w fields | sed -n 's/^"ModRevision" : //p'
}

# all_pairs FORMAT... - every pod pings every other at addresses like 10.42.%d.2
all_pairs()
{
	local from to pod format address
	for format; do
		for from in 1 2 3; do
			for to in 1 2 3; do
				pod=pod$from
				printf -v address "$format" "$to"
				((from == to)) ||
					check "pod $from to pod $to" until_true 5 pings "${!pod}" "$address"
			done
		done
	done
}

# traffic_start NAME NS ADDRESS - an echo request each tenth of a second from now on
traffic_start()
{
	ip netns exec "$2" ping -n -i 0.1 "$3" >"$TMP/$1.ping" 2>&1 &
	PID[$1]=$!
	until_true 10 grep -q icmp_seq=2 "$TMP/$1.ping"
}

# no_loss NAME - every request up to the last answer was answered; it goes on
no_loss()
{
	local got
	# what is on its way may arrive
	got=$(sed -nE 's/.* icmp_seq=([0-9]+) .*/\1/p' "$TMP/$1.ping" | sort -nu)
	check_equal "$1: answers" "$(seq "$(tail -n 1 <<<"$got")" | cksum)" "$(cksum <<<"$got")" &&
		return
	diff <(seq "$(tail -n 1 <<<"$got")") - <<<"$got" | head -n 10 | sed 's/^/#   /'
	return 1
}

# One cluster for all functions, until one sets STATE to '' because it wants another
SHARED=1
STATE=
nodes()
{
	case $STATE in
	ok) return 0 ;;
	failed) fail 'there is no cluster'; return 1 ;;
	esac
	STATE=failed
	cluster && STATE=ok
}
