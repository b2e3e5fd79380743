#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An agent in states that no node should be in for long: without the module; with another
# MAC than peers were told; with a device of somebody else in place of its own; without the
# port, in a VRF. Peers are not told of a node that is none.
#
# n1 (agent) -- wire (etcd)
#
# timeout: 180
# programs: etcd etcdctl

. "$(dirname "$0")/agent.sh"

AUTOLOAD=/proc/sys/kernel/modprobe
LOADER=			# the program that loads modules, while there is none

loads_again()
{
	[[ -z $LOADER ]] || echo "$LOADER" >$AUTOLOAD
	LOADER=
}

leave() { loads_again; cleanup; }

# no_module - nor does it load by itself
no_module()
{
	trap 'leave; exit 1' INT TERM
	trap leave EXIT
	LOADER=$(<$AUTOLOAD)
	echo /bin/false >$AUTOLOAD
	until_true 5 rmmod flannel
}

# node - of an etcd without any lease
node()
{
	PID=()
	scratch
	underlay 1 && ip -n "$wire" addr add 192.168.9.99/24 dev br0 && etcd_start &&
		etcdctl put /coreos.com/network/config "$V4" >/dev/null && return
	fail "set-up: $(tail -n 5 "$TMP"/etcd.log)"
	return 1
}

# written - what etcd has of nodes, and how often it was written to
written() { etcdctl get --prefix /coreos.com/network/subnets -w json; etcdctl lease list; }

published() { [[ $(value_of 1) == *'"192.168.9.1"'* ]]; }

# pass - a few seconds, in which whoever looks again does so
pass() { in_ns "$n1" ping -n -q -c 25 -i 0.2 -W 5 192.168.9.99 >/dev/null; }

flctl_of_n1() { in_ns "$n1" timeout 20 flctl "$@" "${OPTIONS[@]}"; }
says() { [[ $(in_ns "$n1" flctl status --run-dir "$TMP/n1" 2>&1) == *"$1"* ]]; }
MISSING='module flannel is not loaded and does not load by itself: modprobe flannel'

# Looked for before a lease is asked for; and it goes on when the module is there
without_the_module()
{
	node || return
	local before OPTIONS
	before=$(written)
	seed 1 "$TMP/n1"
	options_of 1
	no_module || { fail 'the module stays'; loads_again; return; }
	check_refused 'run --once' "$MISSING" flctl_of_n1 run --once
	check_refused 'takeover' "$MISSING" flctl_of_n1 takeover
	check_equal 'nothing is written' "$before" "$(written)"
	agent_start 1
	check 'named' until_true 10 says "not ready: $MISSING" || tail -n 5 "$TMP/n1/log"
	pass
	check_equal 'said once' 1 "$(grep -c "$MISSING" "$TMP/n1/log")"
	check_equal 'nothing is written by who waits' "$before" "$(written)"
	check_not 'a device' ip -n "$n1" link show flannel.1
	# it need not be loaded by anybody
	loads_again
	check 'goes on' until_true 20 ready 1 || tail -n 5 "$TMP/n1/log"
	check 'known to peers' published
	end_all
	cleanup
}

# What a dry run finds out does not load it
dry_without_the_module()
{
	node || return
	local out OPTIONS
	options_of 1
	no_module || { fail 'the module stays'; loads_again; return; }
	loads_again
	out=$(flctl_of_n1 run --dry-run 2>&1) || fail "refused: $out"
	check 'the plan' grep -q 'would: link add flannel.1' <<<"$out"
	check_not 'the module' test -d /sys/module/flannel
	modprobe flannel
	end_all
	cleanup
}

# What peers were told counts, not what the state file says
mac_of_the_lease()
{
	node || return
	etcdctl put "$(key_of 5)" '{"PublicIP":"192.168.9.1","PublicIPv6":null,"BackendType":"vxlan",
		"BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:77"}}' >/dev/null
	mkdir "$TMP/n1"
	echo 02:00:00:00:00:11 >"$TMP/n1/n1.mac"
	agent 1 || fail 'agent'
	check_equal 'the device' 02:00:00:00:00:77 "$(lladdr "$n1" flannel.1)"
	check_equal 'the state file' 02:00:00:00:00:77 "$(<"$TMP/n1/n1.mac")"
	check_equal 'etcd' 02:00:00:00:00:77 "$(value_of 5 | jq -r .BackendData.VtepMAC)"
	end_all
	cleanup
}

# Neither key, device, route nor file is written, until told to
displaced()
{
	node || return
	agent 1 || { fail 'agent'; return; }
	rm "$TMP/n1/subnet.env"
	check 'subnet.env is put right' until_true 5 test -s "$TMP/n1/subnet.env"
	ip -n "$n1" link del flannel.1
	ip -n "$n1" link add flannel.1 type bridge
	check 'displaced' until_true 10 says displaced
	rm "$TMP/n1/subnet.env"
	etcdctl del "$(key_of 1)" >/dev/null
	ip -n "$n1" addr add 192.168.9.51/25 dev eth0
	ip -n "$n1" addr del 192.168.9.1/24 dev eth0
	ip -n "$n1" addr add 192.168.9.1/24 dev eth0
	pass
	check_equal 'etcd' '' "$(etcdctl get --prefix /coreos.com/network/subnets)"
	check_not 'subnet.env' test -e "$TMP/n1/subnet.env"
	check 'the device is theirs' ip -n "$n1" link show flannel.1 type bridge
	check_equal 'routes' '' "$(ip -n "$n1" route show proto 141)"
	ip -n "$n1" link del flannel.1
	ip -n "$n1" addr del 192.168.9.51/25 dev eth0
	kill -HUP "${PID[n1]}"
	check 'told, it is back' until_true 10 ready 1
	check 'known to peers' until_true 10 published
	end_all
	cleanup
}

# Who has let go does not go on with what takes long either: five seconds, if it hangs
displaced_while_iptables_hangs()
{
	node || return
	local agent program
	mkdir "$TMP/bin"
	printf '#!/bin/sh\necho $$ >>%s/hung\nexec sleep 60\n' "$TMP" >"$TMP/bin/iptables-nft"
	chmod +x "$TMP/bin/iptables-nft"
	PATH=$TMP/bin:$PATH agent 1 || { fail 'agent'; return; }
	agent=${PID[n1]}
	# that it has to look at
	in_ns "$n1" nft 'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'
	check 'it hangs' until_true 20 test -s "$TMP/hung" || tail -n 5 "$TMP/n1/log"
	program=$(tail -n 1 "$TMP/hung")
	kill -STOP "$agent"
	ip -n "$n1" link del flannel.1
	ip -n "$n1" link add flannel.1 type bridge
	kill -CONT "$agent"
	check 'displaced' until_true 5 grep -q 'displaced: nothing is written' "$TMP/n1/log"
	check 'ended' until_true 1 has_ended "$program"
	end_all
	cleanup
}
# Nobody may be there to wait for what has lost its parent
has_ended() { ! grep -q '^State:.[RSDT]' "/proc/$1/status" 2>/dev/null; }

# listen DEVICE - somebody has the port there, with a socket that is bound to it
listen()
{
	ip netns exec "$n1" socat -u "UDP4-RECV:8472,so-bindtodevice=$1" /dev/null >/dev/null 2>&1 &
	PID[program]=$!
	until_true 5 eval '[[ -n $(in_ns "$n1" ss -Hlnu "sport = 8472") ]]'
}

# What counts is the port where packets leave: that of the VRF, not that of a NIC outside
port_in_a_vrf()
{
	node || return
	local before OPTIONS in_use='UDP port 8472 of IPv4 is in use by another socket'
	modprobe vrf 2>/dev/null
	ip -n "$n1" link add red type vrf table 10 2>/dev/null ||
		{ skip 'no links of kind vrf'; end_all; cleanup; return; }
	batch "$wire" <<-END
		link add q1 type veth peer name eth1 netns $n1
		link set q1 master br0 addrgenmode none up
	END
	batch "$n1" <<-END
		link set red up
		link set eth1 master red up
		addr add 192.168.29.1/24 dev eth1
	END
	seed 1 "$TMP/n1"
	options_of 1
	OPTIONS=("${OPTIONS[@]/#eth0/eth1}")
	before=$(written)
	listen red || { fail 'somebody'; return; }
	check_refused 'in the VRF' "$in_use" flctl_of_n1 run --once
	end program
	listen eth0 || { fail 'somebody else'; return; }
	OPTIONS=("${OPTIONS[@]/#eth1/eth0}")
	check_refused 'outside' "$in_use" flctl_of_n1 run --once
	check_equal 'nothing is written' "$before" "$(written)"
	OPTIONS=("${OPTIONS[@]/#eth0/eth1}")
	check 'outside, for the VRF' flctl_of_n1 run --once
	check 'known to peers' grep -q '"192.168.29.1"' <<<"$(value_of 1)"
	end_all
	cleanup
}

need jq socat
need_agent
run_tests without_the_module dry_without_the_module mac_of_the_lease displaced \
	displaced_while_iptables_hangs port_in_a_vrf
