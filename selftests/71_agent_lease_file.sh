#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Nodes whose agents read one lease file: an overlay without any store. Pods talk,
# the file is followed, what is undone comes back, and the data path does not need
# the agent.
#
# timeout: 120

. "$(dirname "$0")/lib.sh"

# agent N [OPTION...] - start the agent of node N on the one file; ${AGENTS[N]} is its process
agent()
{
	local ns=n$1 dir=$TMP/n$1
	mkdir -p "$dir"
	ip netns exec "${!ns}" flctl run --lease-file "$TMP/leases" --iface eth0 \
		--run-dir "$dir" --state-dir "$dir" --subnet-file "$dir/subnet.env" \
		--ip-masq "${@:2}" >"$dir/log" 2>&1 &
	AGENTS[$1]=$!
	until_true 10 test -s "$dir/subnet.env"
}

mac_of() { echo "0e:00:00:00:00:0$1"; }

# leases N... - the file, as others see it: whole, by a rename
leases()
{
	local i
	{
		echo 'network 10.42.0.0/16'
		for i; do
			echo "10.42.$i.0/24 via 192.168.9.$i lladdr $(mac_of "$i")"
		done
	} >"$TMP/new"
	mv "$TMP/new" "$TMP/leases"
}

# The overlay of two nodes and their pods, once for all functions
SHARED=1
AGENTS=()
nodes()
{
	((${#AGENTS[@]} == 0)) || return 0
	scratch
	underlay 2 && leases 1 2 && agent 1 && agent 2 && pod "$n1" 1 && pod "$n2" 2 &&
		return
	fail "set-up: $(tail -n 5 "$TMP"/n?/log)"
	return 1
}

pods_talk()
{
	nodes || return
	check 'ping' until_true 5 pings "$pod1" 10.42.2.2
	check 'transfer' transfer "$pod1" "$pod2" 10.42.2.2
	check_equal 'subnet.env' \
		'FLANNEL_NETWORK=10.42.0.0/16 FLANNEL_SUBNET=10.42.1.1/24 FLANNEL_MTU=1450 FLANNEL_IPMASQ=true' \
		"$(paste -sd ' ' "$TMP/n1/subnet.env")"
	check_equal 'the MAC of the file is ours' "$(mac_of 1)" "$(lladdr "$n1" flannel.1)"
}

follows_the_file()
{
	nodes || return
	leases 1 2 3
	check 'a lease more' until_true 5 in_ns "$n1" flctl lease get 10.42.3.9 dev flannel.1
	leases 1
	check 'a lease less' until_true 5 gone 10.42.2.9
	echo '10.42.2.0/24 via nowhere' >>"$TMP/leases"
	check 'a bad file is named' until_true 5 grep -q 'leases:3' "$TMP/n1/log"
	leases 1 2
	check 'all is well again' until_true 5 pings "$pod1" 10.42.2.2
}

# What a running node cannot follow is said once, and traffic goes on
needs_restart()
{
	nodes || return
	{ echo 'vni 7'; cat "$TMP/leases"; } >"$TMP/new"
	mv "$TMP/new" "$TMP/leases"
	check 'named' until_true 5 grep -q 'VNI changed from 1 to 7' "$TMP/n1/log"
	check 'traffic' in_ns "$pod1" ping -n -q -c 8 -W 2 10.42.2.2
	check_equal 'once' 1 "$(grep -c 'VNI changed' "$TMP/n1/log")"
	leases 1 2
}

gone() { ! in_ns "$n1" flctl lease get "$1" dev flannel.1; }

# Each thing is undone and back, without the others being touched
repairs()
{
	nodes || return
	in_ns "$n1" nft flush ruleset
	check 'rules' until_true 5 in_ns "$n1" nft list chain inet flannel_n1 postrouting ||
		in_ns "$n1" nft list tables
	rm "$TMP/n1/subnet.env"
	check 'subnet.env' until_true 5 test -s "$TMP/n1/subnet.env"
	ip -n "$n1" route del 10.42.0.0/16
	check 'route' until_true 5 pings "$pod1" 10.42.2.2
	in_ns "$n1" flctl lease flush dev flannel.1
	check 'leases' until_true 5 pings "$pod1" 10.42.2.2
	ip -n "$n1" link del flannel.1
	check 'device' until_true 5 pings "$pod1" 10.42.2.2
	check_equal 'its MAC' "$(mac_of 1)" "$(lladdr "$n1" flannel.1)"
}

# Killed, the agent is not missed, and a new one changes nothing
restarts()
{
	nodes || return
	local before lost
	before=$(in_ns "$n1" flctl --json link show flannel.1)
	in_ns "$pod1" ping -n -q -i 0.05 -c 60 -W 2 10.42.2.2 >"$TMP/ping" 2>&1 &
	lost=$!
	kill -9 "${AGENTS[1]}"
	wait "${AGENTS[1]}" 2>/dev/null
	agent 1 || fail 'new agent'
	wait "$lost"
	grep -q ' 60 received' "$TMP/ping" || fail "$(tail -n 3 "$TMP/ping")"
	check_equal 'the same device' "$before" \
		"$(in_ns "$n1" flctl --json link show flannel.1)"
}

tracking() { [[ $(in_ns "$n1" flctl link show flannel.1) == *" $1"* ]]; }

# again [OPTION...] - an agent with other options, while pods talk
again()
{
	local ping
	in_ns "$pod1" ping -n -q -i 0.05 -c 40 -W 2 10.42.2.2 >"$TMP/ping" 2>&1 &
	ping=$!
	kill "${AGENTS[1]}"
	wait "${AGENTS[1]}"
	agent 1 "$@" || fail "agent: $*"
	wait "$ping"
	grep -q ' 40 received' "$TMP/ping" || fail "$*: $(tail -n 3 "$TMP/ping")"
}

# The live device is told
untracks()
{
	nodes || return
	again --untrack
	check '--untrack' until_true 5 tracking untrack
	again
	check 'without' until_true 5 tracking nountrack
}

second_agent_is_refused()
{
	nodes || return
	check_refused 'lock' 'another agent runs' timeout 10 ip netns exec "$n1" flctl run \
		--lease-file "$TMP/leases" --run-dir "$TMP/n1" --state-dir "$TMP/n1" \
		--subnet-file "$TMP/n1/subnet.env"
}

end_agents()
{
	((${#AGENTS[@]} == 0)) || kill "${AGENTS[@]}" 2>/dev/null
	wait 2>/dev/null
}

# The last function: leaving leaves the data path
leaves()
{
	nodes || return
	end_agents
	check 'without agents' pings "$pod1" 10.42.2.2
}

# Of a Network that the underlay lies in only the leases are routed to the overlay
around_the_underlay()
{
	end_agents
	cleanup
	AGENTS=()
	scratch
	underlay 2 || { fail 'set-up'; return; }
	printf '%s\n' 'network 192.168.0.0/16' "192.168.41.0/24 via 192.168.9.1 lladdr $(mac_of 1)" \
		"192.168.42.0/24 via 192.168.9.2 lladdr $(mac_of 2)" >"$TMP/leases"
	agent 1 && agent 2 || fail "$(tail -n 5 "$TMP"/n?/log)"
	check 'overlay' until_true 5 pings "$n1" 192.168.42.0 -I 192.168.41.0
	check 'underlay' pings "$n1" 192.168.9.2
	check_equal 'routes' '192.168.42.0/24 dev flannel.1 scope link src 192.168.41.0' \
		"$(ip -n "$n1" route show proto 141 | sed 's/ *$//')"
	check 'it is said' grep -q 'one route for each lease instead of one for 192.168.0.0/16' \
		"$TMP/n1/log"
	end_agents
}

need nft
[[ -n $FLCTL_AGENT ]] || { echo '1..0 # SKIP needs flctl-agent'; exit 4; }
run_tests pods_talk follows_the_file needs_restart repairs restarts untracks second_agent_is_refused leaves \
	around_the_underlay
