#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Defects of stock flannel, by their names in docs/defects.md, looked for in agents
# on a real etcd: dual stack, backend host-gw, which needs no module.
. "$(dirname "$0")/agents.sh"

SUBNETS=/coreos.com/network/subnets
CONFIG='{"Network": "10.78.0.0/16", "EnableIPv6": true, "IPv6Network": "fd78::/48",
	"Backend": {"Type": "host-gw"}}'

# peer N ADDRESS [ADDRESS6 [N6]] - write its record; without ADDRESS6 it has no IPv6
peer()
{
	etcdctl put "$(peer_key "$1" "${3:+${4:-$1}}")" \
		"{\"PublicIP\":\"$2\",\"PublicIPv6\":$([[ -z ${3-} ]] && echo null || echo "\"$3\""),\"BackendType\":\"host-gw\"}"
}
no_peer() { etcdctl del "$(peer_key "$@")"; }
peer_key() { echo "$SUBNETS/10.78.$1.0-24${2:+&fd78:0:0:$2::-64}"; }

# route N[.6] - the next hop of n1 to it
route()
{
	local line
	if [[ $1 == *.6 ]]; then
		line=$(ip -n n1 -6 route show "fd78:0:0:${1%.6}::/64" proto 141)
	else
		line=$(ip -n n1 route show "10.78.$1.0/24" proto 141)
	fi
	line=${line#*via }
	echo "${line%% *}"
}
leads() { [[ $(route "$1") == "$2" ]]; } # N[.6] NEXT-HOP, empty: nowhere
page() { curl -s -m 1 --unix-socket "$tmp"/n1/*.sock "http://agent/$1" -w '%{http_code}'; }
is_ready() { [[ $(page readyz) == *200 ]]; }
lives() { kill -0 "${PID[$1]}"; }
own_key() { etcdctl get --prefix $SUBNETS/ | grep -B1 '"10.9.0.1"' | head -n 1; }
lease_of() { etcdctl get -w json "$1" | sed -n 's/.*"lease":\([0-9]*\).*/\1/p'; }

joined()
{
	start_agent n1
	within 20 test -s "$tmp/n1/subnet.env" && within 5 is_ready
}

# An unchanged IPv6 does not hide a changed IPv4, nor the other way round, nor a
# subnet that moved; a peer without IPv6 is one all the same
families_change_alone()
{
	peer 200 10.9.0.20 fd09::20 && peer 201 10.9.0.21
	within 3 leads 200 10.9.0.20 && within 3 leads 200.6 fd09::20 &&
		within 3 leads 201 10.9.0.21 || return
	peer 200 10.9.0.30 fd09::20
	within 3 leads 200 10.9.0.30 && leads 200.6 fd09::20 || return
	peer 200 10.9.0.30 fd09::30
	within 3 leads 200.6 fd09::30 && leads 200 10.9.0.30 || return
	no_peer 200 200 && peer 200 10.9.0.30 fd09::30 210
	within 3 leads 210.6 fd09::30 && within 3 leads 200.6 '' && leads 200 10.9.0.30 || return
	no_peer 200 210 && no_peer 201
	within 3 leads 200 '' && within 3 leads 210.6 '' && within 3 leads 201 ''
}

# What can never succeed keeps nobody waiting, not for seconds, not in its place
one_failure_holds_up_nobody()
{
	ip -n n1 route add 10.78.200.0/24 via 10.9.0.2 proto static
	peer 200 10.9.0.20 && peer 201 10.9.0.21 && peer 202 10.9.0.22
	within 3 leads 202 10.9.0.22 && leads 201 10.9.0.21 || return
	[[ $(page readyz) == *10.78.200.0/24*503 && $(page healthz) == *200 ]] ||
		{ page readyz; return 1; }
	peer 202 10.9.0.32 && within 3 leads 202 10.9.0.32 || return
	no_peer 201 && within 3 leads 201 '' || return
	ip -n n1 route del 10.78.200.0/24 proto static
	within 3 leads 200 10.9.0.20 && within 5 is_ready
}

# To remove what has gone already is no failure
vanished_peer()
{
	local lines
	lines=$(wc -l <"$tmp/n1.log")
	peer 203 10.9.0.23 fd09::23 && within 3 leads 203.6 fd09::23 || return
	kill -STOP "${PID[n1]}"
	ip -n n1 route del 10.78.203.0/24
	ip -n n1 -6 route del fd78:0:0:203::/64
	no_peer 203 203 && no_peer 202
	kill -CONT "${PID[n1]}"
	within 3 leads 202 '' && within 3 leads 203.6 '' && within 3 is_ready || return
	! tail -n "+$((lines + 1))" "$tmp/n1.log" | grep -i error
}

# Who left while nobody looked is swept out at the start, and nothing else is
swept_at_start()
{
	stop n1
	peer 204 10.9.0.24 && no_peer 200
	ip -n n1 route add 10.78.205.0/24 via 10.9.0.25 proto 141
	ip -n n1 -6 route add fd78:0:0:205::/64 via fd09::25 dev eth0 proto 141
	ip -n n1 route add 10.79.1.0/24 via 10.9.0.25 proto 141
	ip -n n1 route add 10.78.206.0/24 via 10.9.0.25 proto static
	leads 200 10.9.0.20 && start_agent n1 && within 10 leads 204 10.9.0.24 || return
	within 3 leads 200 '' && within 3 leads 205 '' && within 3 leads 205.6 '' || return
	has_route n1 10.79.1.0/24 && [[ -n $(ip -n n1 route show 10.78.206.0/24) ]] ||
		{ echo 'routes of others went'; return 1; }
	ip -n n1 route del 10.79.1.0/24
	ip -n n1 route del 10.78.206.0/24
}

own_key_is_leased() { [[ $(own_key) == "$1" && $(lease_of "$1") != "$2" ]]; }

# A revoked lease and a deleted key end nothing: same process, same subnet, no
# route touched
revoked_lease()
{
	local key lease watcher pid=${PID[n1]} before
	key=$(own_key) lease=$(lease_of "$(own_key)")
	[[ -n $key && -n $lease ]] || return
	before=$(cat "$tmp/n1/subnet.env")
	ip -n n1 monitor route >"$tmp/monitor" &
	watcher=$!
	etcdctl lease revoke "$(printf %x "$lease")"
	within 10 own_key_is_leased "$key" "$lease" || { kill $watcher; return 1; }
	lease=$(lease_of "$key")
	etcdctl del "$key"
	within 10 own_key_is_leased "$key" 0 && within 5 is_ready
	kill $watcher
	wait $watcher 2>/dev/null
	lives n1 && [[ ${PID[n1]} == "$pid" && $(cat "$tmp/n1/subnet.env") == "$before" ]] || return
	[[ ! -s $tmp/monitor ]] || { cat "$tmp/monitor"; return 1; }
}

# Nothing goes on beside the one thread
one_thread()
{
	local threads
	threads=$(ls "/proc/${PID[n1]}/task" | wc -l)
	[[ $threads == 1 ]] || { echo "$threads threads"; return 1; }
}

result 'etcd and namespaces' set_up "$CONFIG"
result 'a node joins' joined
result 'D4: a family changes alone' families_change_alone
result 'D5: one failure holds up nobody' one_failure_holds_up_nobody
result 'D5: a peer of which nothing is left' vanished_peer
result 'D6: what is stale is swept out at the start' swept_at_start
result 'D12: one thread' one_thread
result 'D13: a revoked lease ends nothing' revoked_lease
done_steps
