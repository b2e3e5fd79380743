#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Programs and nameservers that hang keep an agent waiting for seconds, not for ever:
# it says so, feeds its watchdog, and goes on with what it can do.
. "$(dirname "$0")/agents.sh"
command -v iptables-nft >/dev/null || { echo '1..0 # SKIP needs iptables-nft'; exit; }

CONFIG='{"Network": "10.78.0.0/16", "Backend": {"Type": "host-gw"}}'
BOUND=12

peer()
{
	etcdctl put "/coreos.com/network/subnets/10.78.$1.0-24" \
		'{"PublicIP":"10.9.0.20","PublicIPv6":null,"BackendType":"host-gw"}'
}
page() { curl -s -m 2 --unix-socket "$tmp"/n1/*.sock "http://agent/$1" -w '%{http_code}'; }
is_ready() { [[ $(page readyz) == *200 ]]; }
# It is said, and packets flow
is_hung() { [[ $(page readyz) == *'did not end'*200 ]]; }
is_well() { [[ $(page readyz) == *200 && $(page readyz) != *'did not end'* ]]; }
unpeer() { etcdctl del "/coreos.com/network/subnets/10.78.$1.0-24"; }
accepted() { ip netns exec n1 "iptables-${1:-nft}" -S FORWARD | grep -q '10.78.0.0/16.*flctl n1'; }

# A nameserver that takes questions and never answers
silent_nameserver()
{
	printf 'nameserver 10.9.0.9\noptions timeout:30 attempts:3\n' >"$tmp/resolv.conf"
	mount --bind "$tmp/resolv.conf" /etc/resolv.conf || return
	ip netns exec store nft 'add table inet t; add chain inet t in { type filter hook input priority 0; }; add rule inet t in udp dport 53 drop'
	start_agent n1 --etcd-endpoints http://store.example.org:2379,http://10.9.0.9:2379
	within $BOUND grep -q 'cannot resolve store.example.org within 5 s' "$tmp/n1.log" &&
		within 20 test -s "$tmp/n1/subnet.env"
	local status=$?
	umount /etc/resolv.conf
	stop n1
	return $status
}

# A store by name alone, whose nameserver goes: the data path is kept up, also after
# SIGHUP, and all goes on when it is back
nameserver_away()
{
	echo '10.9.0.9 store.example.org' >"$tmp/hosts"
	printf 'nameserver 10.9.0.9\noptions timeout:30 attempts:3\n' >"$tmp/resolv.conf"
	mount --bind "$tmp/resolv.conf" /etc/resolv.conf && mount --bind "$tmp/hosts" /etc/hosts ||
		return
	peer 190
	start_agent n1 --etcd-endpoints http://store.example.org:2379
	within 20 has_route n1 10.78.190.0/24 && within 5 is_ready || return
	: >"$tmp/n1.log"
	: >"$tmp/hosts"
	kill -HUP "${PID[n1]}"
	within 2 grep -q SIGHUP "$tmp/n1.log" && answers ||
		{ echo 'the nameserver is waited for'; return 1; }
	# whoever resolves has asked, and waits
	within $BOUND grep -q 'cannot resolve store.example.org within 5 s' "$tmp/n1.log" &&
		within 20 grep -q 'store etcd is not reachable' "$tmp/n1.log" &&
		within 5 grep -q 'those of before are kept in mind' "$tmp/n1.log" || return
	ip -n n1 route del 10.78.190.0/24
	within 3 has_route n1 10.78.190.0/24 && is_ready || return
	kill -HUP "${PID[n1]}"
	within $BOUND is_ready || return
	echo '10.9.0.9 store.example.org' >"$tmp/hosts"
	peer 191
	within 30 has_route n1 10.78.191.0/24
	local status=$?
	umount /etc/hosts /etc/resolv.conf
	stop n1
	return $status
}

answers() { [[ $(page healthz) == *200 ]]; }

# Programs of this name come before those of the host: they work, until told to hang
wrap_iptables()
{
	local name real
	mkdir "$tmp/bin"
	for name in iptables-nft ip6tables-nft; do
		real=$(command -v $name)
		printf '#!/bin/sh\necho "$0 $*" >>%s/calls\n[ ! -e %s/hang ] || { echo $$ >>%s/hung; exec sleep 600; }\nexec %s "$@"\n' "$tmp" "$tmp" "$tmp" "$real" \
			>"$tmp/bin/$name"
		chmod +x "$tmp/bin/$name"
	done
	ip netns exec n1 iptables-nft -P FORWARD DROP
	ip netns exec n1 ip6tables-nft -P FORWARD DROP
	export PATH=$tmp/bin:$PATH
}

hanging_iptables()
{
	local hung n
	# 600 ms is more often than programs are waited for
	WATCHDOG_USEC=1200000 NOTIFY_SOCKET=$tmp/notify start_notified
	within 20 accepted && within 10 is_ready || return
	touch "$tmp/hang"
	: >"$tmp/fed"
	peer 200
	within $BOUND has_route n1 10.78.200.0/24 && within 5 test -s "$tmp/hung" || return
	# Now it hangs, and is not waited for
	peer 204 && within 2 has_route n1 10.78.204.0/24 || return
	is_well || { echo 'it was waited for'; return 1; }
	unpeer 204 && within 2 has_no_route n1 10.78.204.0/24 && within $BOUND is_hung || return
	# not waited for again at once
	hung=$(wc -l <"$tmp/hung")
	for n in 201 202 203; do
		peer $n && within 3 has_route n1 10.78.$n.0/24 || return
	done
	is_hung && [[ $(wc -l <"$tmp/hung") == "$hung" ]] || { echo 'started again'; return 1; }
	[[ $(page healthz) == *200 ]] || return
	(($(wc -l <"$tmp/fed") >= 6)) || { echo "fed $(wc -l <"$tmp/fed") times"; return 1; }
	rm "$tmp/hang"
	within 40 is_well
}

# is_not_yet BEGIN - ready, unless five seconds have passed, so that it may be given up
is_not_yet()
{
	local page
	page=$(page readyz)
	[[ $page == *'iptables has not said yet what FORWARD does'*503 ]] ||
		((${EPOCHREALTIME/./} - $1 >= 5000000)) || { echo "$page"; return 1; }
}

# An agent that comes then is ready once it is given up; until then it does all else
started_while_it_hangs()
{
	local begin
	stop n1
	touch "$tmp/hang"
	: >"$tmp/hung"
	begin=${EPOCHREALTIME/./}
	start_agent n1
	within 20 test -s "$tmp/hung" && within 2 has_route n1 10.78.200.0/24 && answers || return
	is_not_yet "$begin" || return
	peer 206 && within 2 has_route n1 10.78.206.0/24 || return
	is_not_yet "$begin" || return
	within $BOUND is_hung || return
	rm "$tmp/hang"
	unpeer 206
	within 40 is_well && accepted
}

# One that wants no rules there asks all the same whether some of its own are
started_without_rules()
{
	rm -f "$tmp/hang"
	stop n1
	start_agent n1 --iptables-forward-rules=false
	within 10 is_ready && within 5 eval '! accepted' || return
	stop n1
	# nothing changes any more, and no round comes by itself
	start_agent n1 --iptables-forward-rules=false --iptables-resync 60
	within 10 is_ready || return
	stop n1
	start_agent n1
	within 10 is_ready && accepted
}

# What hangs ends with the agent, however that ends, and keeps no lock
hanging_and_ended()
{
	local signal
	for signal in TERM KILL; do
		touch "$tmp/hang"
		: >"$tmp/hung"
		peer 205
		within 30 test -s "$tmp/hung" || return
		stop n1 $signal
		within 2 has_ended "$(tail -n 1 "$tmp/hung")" || return
		unpeer 205
		rm "$tmp/hang"
		WATCHDOG_USEC=1200000 NOTIFY_SOCKET=$tmp/notify start_agent n1
		within 20 is_well && ! grep 'is locked' "$tmp/n1.log" || return
	done
}
has_ended() { ! kill -0 "$1"; }

# Somebody else is at work with iptables-legacy, and does not come to an end
held_lock()
{
	local n
	stop n1
	export XTABLES_LOCKFILE=$tmp/xtables.lock
	ip netns exec n1 iptables-legacy -P FORWARD DROP || return
	start_agent n1
	within 20 accepted legacy && within 10 is_well || return
	(exec 9>"$XTABLES_LOCKFILE" && flock 9 && exec sleep 600) &
	PID[holder]=$!
	within 5 is_held || return
	for n in 210 211 212 213; do
		peer $n && within 2 has_route n1 10.78.$n.0/24 || return
		sleep 1
	done
	within $BOUND is_hung || return
	stop holder
	within 40 is_well && accepted legacy
}
is_held() { ! flock -n "$XTABLES_LOCKFILE" true; }

# What the network had before stays until rules for the new one are in
another_network()
{
	touch "$tmp/hang"
	: >"$tmp/hung"
	within 5 has_route n1 10.78.200.0/24 || return
	etcdctl put /coreos.com/network/config "${CONFIG/10.78/10.79}"
	within $BOUND grep -q '^FLANNEL_NETWORK=10.79' "$tmp/n1/subnet.env" || return
	etcdctl put /coreos.com/network/subnets/10.79.200.0-24 \
		'{"PublicIP":"10.9.0.20","PublicIPv6":null,"BackendType":"host-gw"}'
	# by a round that comes later, and meanwhile it hangs
	within 3 has_route n1 10.79.200.0/24 && test -s "$tmp/hung" && is_well || return
	has_route n1 10.78.200.0/24 || { echo 'gone before the rules are there'; return 1; }
	rm "$tmp/hang"
	within 40 has_no_route n1 10.78.200.0/24 && new_accepted
}
new_accepted() { ip netns exec n1 iptables-nft -S FORWARD | grep -q '10.79.0.0/16.*flctl n1'; }

# rounds, and how many of them have looked at FORWARD
rounds() { page metrics | awk '/^[a-z_]*reconcile_seconds_count/ { print $2; exit }'; }
looks() { grep -c '/iptables-nft .*-S' "$tmp/calls"; }
more_rounds() { (($(rounds) >= $1)); }

# Each periodic round does
looked_at_each_time()
{
	local rounds looks
	stop n1
	start_agent n1 --iptables-resync 1
	within 20 is_well && rounds=$(rounds) && looks=$(looks) || return
	within 30 more_rounds $((rounds + 8)) || return
	looks=$(($(looks) - looks))
	((looks >= 6)) || { echo "$looks looks in 8 rounds"; return 1; }
}

# With a manager that writes down when it is told that we live
start_notified()
{
	python3 - "$tmp/notify" "$tmp/fed" <<-'END' &
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[1])
		while True:
		    if b'WATCHDOG=1' in s.recv(4096):
		        with open(sys.argv[2], 'a') as f:
		            f.write('x\n')
	END
	PID[manager]=$!
	within 5 test -S "$tmp/notify" && start_agent n1
}

result 'etcd and namespaces' set_up "$CONFIG"
result 'a nameserver that does not answer' silent_nameserver
result 'SIGHUP while no nameserver answers' nameserver_away
result 'programs in place of iptables' wrap_iptables
result 'iptables that does not end' hanging_iptables
result 'an agent that starts while iptables does not end' started_while_it_hangs
result 'an agent that starts without rules in FORWARD' started_without_rules
result 'an agent that ends while iptables does not' hanging_and_ended
result 'a lock of iptables that is held' held_lock
result 'another network while iptables does not end' another_network
result 'FORWARD is looked at in each round' looked_at_each_time
done_steps
