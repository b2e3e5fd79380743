#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The life of an agent's node in a mixed cluster out of a real etcd: its device is
# deleted, its agent is restarted and killed, another flannel is started beside it,
# and a second network lives on the same hosts. Pods do not notice.
#
# timeout: 400
# programs: etcd etcdctl

. "$(dirname "$0")/agent.sh"

# So many kills of a program: all of them where programs start quickly, and on one kernel
# of those that tests are run on
[[ ${FLANNEL_VM-6.12} == 6.12 ]] || KILLS=${KILLS:-20}
KILLS=${KILLS:-100}

# The MAC is what peers were told: it stays when the device goes, when the agent is
# killed, and when both go
mac_stays()
{
	nodes || return
	local mac index
	mac=$(lladdr "$n1" flannel.1)
	check_equal 'in etcd' "$mac" "$(value_of 1 | jq -r .BackendData.VtepMAC)"
	index=$(in_ns "$n1" cat /sys/class/net/flannel.1/ifindex)
	ip -n "$n1" link del flannel.1
	check 'repaired: from stock' until_true 5 pings "$pod3" 10.42.1.2
	check 'repaired: to an agent' until_true 5 pings "$pod1" 10.42.2.2
	check_equal 'the MAC' "$mac" "$(lladdr "$n1" flannel.1)"
	check_not 'it is another device' test "$index" = \
		"$(in_ns "$n1" cat /sys/class/net/flannel.1/ifindex)"
	end n1 KILL
	ip -n "$n1" link del flannel.1
	agent 1 || fail 'agent again'
	check_equal 'the MAC after both went' "$mac" "$(lladdr "$n1" flannel.1)"
	check_equal 'in etcd after both went' "$mac" "$(value_of 1 | jq -r .BackendData.VtepMAC)"
	all_pairs 10.42.%d.2
}

# restart SIGNAL - of node 1's agent while packets go both ways
restart()
{
	traffic_start "out$1" "$pod1" 10.42.3.2
	traffic_start "in$1" "$pod2" 10.42.1.2
	end n1 "$1"
	check "without an agent" in_ns "$pod1" ping -n -q -c 5 -i 0.2 -W 5 10.42.2.2
	agent 1 || fail "$1: agent again"
	check "with the new agent" in_ns "$pod1" ping -n -q -c 5 -i 0.2 -W 5 10.42.2.2
	end "out$1" INT
	end "in$1" INT
	no_loss "out$1"
	no_loss "in$1"
}

restarts()
{
	nodes || return
	local before
	before=$(state)
	restart TERM
	restart KILL
	check_equal 'nothing changed' "$before" "$(state)"
}

# All that an agent makes of node 1, in words
state()
{
	enter "$n1" flctl lease list dev flannel.1
	enter "$n1" flctl link show flannel.1
	ip -n "$n1" -o addr show dev flannel.1
	ip -n "$n1" route
	ip -n "$n1" -6 route
	ip -n "$n1" rule
	enter "$n1" nft list ruleset | sed 's/packets [0-9]* bytes [0-9]*//'
	cat "$TMP/n1/subnet.env"
}

is_state() { [[ $(state) == "$1" ]]; }

# Something that traffic does not need and the agent has to repair
damage()
{
	case $((RANDOM % 4)) in
	0) enter "$n1" nft flush ruleset ;;
	1) rm -f "$TMP/n1/subnet.env" ;;
	2) enter "$n1" flctl lease add 10.42.200.0/24 via 192.168.9.200 \
		lladdr 02:00:00:00:02:00 dev flannel.1 ;;
	3) ip -n "$n1" addr add 10.42.201.1/32 dev flannel.1 ;;
	esac
}

# Killed at any moment, while it repairs or later, the next one leads to the same,
# and no packet is lost
kills()
{
	nodes || return
	local before i
	before=$(state)
	traffic_start out "$pod1" 10.42.3.2
	traffic_start in "$pod3" 10.42.1.2
	for ((i = 0; i < KILLS; i += 2)); do
		end n1 KILL
		damage
		agent_start 1
		sleep "0.$((RANDOM % 10))$((RANDOM % 10))"
		end n1 KILL
		agent_start 1
		until_true 30 is_state "$before" && continue
		fail "after kill $((i + 2)):"
		diff <(echo "$before") <(state) | sed 's/^/#   /'
		break
	done
	end out INT
	end in INT
	no_loss out
	no_loss in
	check 'ready in the end' until_true 30 ready 1
	check_equal 'one lease in etcd' 3 \
		"$(etcdctl get --prefix /coreos.com/network/subnets --keys-only | grep -c .)"
}

# second N - the agent of another network on node N, for which all is another but the
# host and etcd
second()
{
	local ns=n$1 dir=$TMP/second$1
	mkdir -p "$dir"
	ip netns exec "${!ns}" flctl run --etcd-endpoints "http://$ETCD" --etcd-prefix /second \
		--iface eth0 --run-dir "$dir" --state-dir "$dir" --subnet-file "$dir/subnet.env" \
		>>"$dir/log" 2>&1 </dev/null &
	PID[second$1]=$!
	until_true 30 test -s "$dir/subnet.env" && return
	fail "second network on node $1: $(tail -n 3 "$dir/log")"
	return 1
}

# address_of N - that node N has on the second network
address_of() { ip -n "$1" -4 -o addr show dev flannel.2 | sed -nE 's/.* inet ([^/ ]*).*/\1/p'; }

two_networks()
{
	nodes || return
	local before
	before=$(state)
	etcdctl put /second/config '{"Network": "10.43.0.0/16", "Backend": {"Type": "vxlan", "VNI": 2}}' >/dev/null
	second 1 && second 2 || return
	check 'the second one' until_true 20 pings "$n1" "$(address_of "$n2")"
	check 'the first one' pings "$pod1" 10.42.2.2
	check_equal 'two keys of its own' 2 "$(etcdctl get --prefix /second/subnets --keys-only | grep -c .)"
	check_equal 'the first one is as it was' "$before" \
		"$(state | sed '/^table inet flannel_second/,/^}/d' | grep -v 'dev flannel.2')"
	traffic_start first "$pod1" 10.42.2.2
	ip -n "$n1" link del flannel.2
	check 'the second one repaired' until_true 10 pings "$n1" "$(address_of "$n2")"
	end second1 KILL
	end second2 KILL
	# its socket would take what comes for a vxlan on the same port
	ip -n "$n1" link del flannel.2
	ip -n "$n2" link del flannel.2
	etcdctl del --prefix /second >/dev/null
	check 'the first one without it' in_ns "$pod3" ping -n -q -c 5 -i 0.2 -W 5 10.42.1.2
	check_not 'nobody repairs it' ip -n "$n1" link show flannel.2
	end first INT
	no_loss first
}

# What stock flannel leaves on node 2, and what is in etcd for it
theirs()
{
	ip -n "$n2" -d link show flannel.1
	ip -n "$n2" addr show flannel.1
	ip -n "$n2" route
	enter "$n2" nft list ruleset
	cat "$TMP/n2/subnet.env"
	revision_of "$(key_of 2)"
}

is_displaced() { in_ns "$n2" flctl status --json --run-dir "$TMP/n2" | jq -e .n2.displaced; }

# A flannel of the other kind is started beside ours: it takes the name, and ours writes
# nothing, to the kernel or to etcd, until it is told
displaced()
{
	nodes || return
	local before agent=${PID[n2]}
	stock 2 || { fail 'stock flannel'; return; }
	PID[stock]=${PID[n2]} PID[n2]=$agent
	check 'displaced' until_true 10 is_displaced || tail -n 5 "$TMP/n2/log"
	check 'the name is theirs' grep -q vxlan < <(ip -n "$n2" -d link show flannel.1)
	check 'the MAC is theirs' until_true 10 mac_in_etcd 2
	check 'traffic, by the other' until_true 10 pings "$pod3" 10.42.2.2
	before=$(theirs)
	ip -n "$n2" route add 10.42.250.0/24 dev eth0
	ip -n "$n2" route del 10.42.250.0/24 dev eth0
	ip -n "$n2" addr add 192.168.9.222/24 dev eth0
	ip -n "$n2" addr del 192.168.9.222/24 dev eth0
	# longer than it takes to repair something
	in_ns "$pod3" ping -n -q -c 20 -i 0.2 10.42.2.2 >/dev/null
	check_equal 'nothing is written' "$before" "$(theirs)"
	end stock KILL
	ip -n "$n2" link del flannel.1
	in_ns "$pod1" ping -n -q -c 10 -i 0.2 10.42.3.2 >/dev/null
	check_not 'not even without it' ip -n "$n2" link show flannel.1
	kill -HUP "$agent"
	check 'told, it is back' until_true 20 pings "$pod3" 10.42.2.2
	check 'known by its MAC' until_true 10 mac_in_etcd 2
	all_pairs 10.42.%d.2
	end_all
}

# mac_in_etcd N - the lease of node N says the MAC of its device
mac_in_etcd()
{
	local ns=n$1
	[[ $(value_of "$1") == *"\"$(lladdr "${!ns}" flannel.1)\""* ]]
}

need jq
need_agent
run_tests mac_stays restarts kills two_networks displaced
