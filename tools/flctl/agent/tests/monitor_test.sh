#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What is undone on a host is noticed by an event: nothing is looked at now and then.
. "$(dirname "$0")/agents.sh"

CONFIG='{"Network": "10.78.0.0/16", "EnableIPv6": true, "IPv6Network": "fd78::/48",
	"Backend": {"Type": "host-gw"}}'

joined()
{
	etcdctl put /coreos.com/network/subnets/10.78.200.0-24 \
		'{"PublicIP":"10.9.0.20","PublicIPv6":null,"BackendType":"host-gw"}'
	start_agent n1 --ip-forward=true --iptables-resync 86400 \
		--subnet-file "$tmp/n1/run/subnet.env"
	within 20 test -s "$tmp/n1/run/subnet.env" && within 3 forwards ipv4/ip_forward &&
		forwards ipv6/conf/all/forwarding
}

# No event and no reconciliation for two seconds
is_quiet()
{
	local before
	before=$(reconciles)
	sleep 2
	[[ -n $before && $(reconciles) == "$before" ]]
}
reconciles()
{
	curl -s --unix-socket "$tmp"/n1/*.sock http://agent/metrics |
		sed -n 's/^.*reconcile_seconds_count.* //p'
}

forwards() { [[ $(ip netns exec n1 cat "/proc/sys/net/$1") == 1 ]]; }

forwarding()
{
	local path
	for path in ipv4/ip_forward ipv6/conf/all/forwarding; do
		within 20 is_quiet || return
		ip netns exec n1 sh -c "echo 0 >/proc/sys/net/$path"
		within 3 forwards $path || return
	done
}

# Also when the directory is not the one of before
subnet_env()
{
	local dir=$tmp/n1/run
	rm "$dir/subnet.env"
	within 3 test -s "$dir/subnet.env" || return
	rm -r "$dir"
	within 3 test -s "$dir/subnet.env" || return
	rm "$dir/subnet.env"
	within 3 test -s "$dir/subnet.env" || return
	mv "$dir" "$dir.away"
	within 3 test -s "$dir/subnet.env" || return
	# what is done there now is of no interest
	rm "$dir.away/subnet.env" && echo FLANNEL_MTU=1 >"$dir/subnet.env"
	within 3 grep -q FLANNEL_NETWORK "$dir/subnet.env" && [[ ! -e $dir.away/subnet.env ]]
}

# What starting pods is made of: 50 links that come, join a bridge and go, and rules in
# tables of others
foreign_changes()
{
	local i
	ip -n n1 link add cni0 type bridge && ip -n n1 link set cni0 up || return
	ip netns exec n1 nft 'add table ip kube; add chain ip kube nat; add set ip kube s { type ipv4_addr; }'
	within 20 is_quiet || return
	ip -n n1 -o monitor link address route netconf >"$tmp/events" &
	PID[monitor]=$!
	ip netns exec n1 nft monitor >"$tmp/nft-events" &
	PID[nft]=$!
	sleep 1
	rounds=$(reconciles)
	for i in {1..50}; do
		ip -n n1 link add "v$i" type veth peer name "w$i"
		ip -n n1 link set "v$i" master cni0
		ip -n n1 link set "v$i" up
		ip -n n1 link set "w$i" up
		ip netns exec n1 nft "add rule ip kube nat ip daddr 10.0.0.$i counter; add element ip kube s { 10.0.0.$i }"
	done
	for i in {1..50}; do ip -n n1 link del "v$i"; done
	sleep 2
	rounds=$(($(reconciles) - rounds))
	stop monitor
	stop nft
	events=$(cat "$tmp/events" "$tmp/nft-events" | wc -l)
	echo "$rounds rounds for $events changes" | tee -a "${AGENT_FIGURES:-/dev/null}"
	((events > 500 && rounds <= 2))
}

# Changes that do not end, where a round has much to read: most of the time is for
# others, or half a second between two rounds where these take long
storm()
{
	local i before begin share rounds took elapsed
	for ((i = 0; i < 30000; i++)); do
		echo "route add 172.$((16 + i / 65536)).$((i / 256 % 256)).$((i % 256))/32 via 10.9.0.9"
	done >"$tmp/routes"
	ip -n n1 -batch "$tmp/routes" || return
	within 20 is_quiet || return
	rounds=$(reconciles)
	before=$(milliseconds)
	begin=${EPOCHREALTIME//[.,]/}
	while ((${EPOCHREALTIME//[.,]/} - begin < 5000000)); do
		ip -n n1 route add 172.31.0.1 via 10.9.0.9
		ip -n n1 route del 172.31.0.1
	done
	took=$(($(milliseconds) - before)) rounds=$(($(reconciles) - rounds))
	elapsed=$(((${EPOCHREALTIME//[.,]/} - begin) / 1000))
	share=$((took * 100 / elapsed))
	echo "$rounds rounds took $share % of the time" | tee -a "${AGENT_FIGURES:-/dev/null}"
	ip -n n1 route del 10.78.200.0/24
	within 2 has_route n1 10.78.200.0/24 || return
	ip -n n1 route flush root 172.16.0.0/12
	((share > 0 && (share <= 20 || (rounds - 1) * 450 <= elapsed - took)))
}
milliseconds()
{
	curl -s --unix-socket "$tmp"/n1/*.sock http://agent/metrics |
		sed -n 's/^.*reconcile_seconds_sum.* //p' | awk '{ printf "%d\n", $1 * 1000 }'
}

# Others that do concern us
relevant_changes()
{
	within 20 is_quiet || return
	ip netns exec n1 nft 'add table inet fw; add chain inet fw f { type filter hook forward priority 5; policy drop; }'
	within 3 grep -q 'nft chain inet fw f drops' "$tmp/n1.log" || return
	ip netns exec n1 nft 'delete table inet fw'
	command -v iptables-nft || return 0
	ip netns exec n1 iptables-nft -P FORWARD DROP
	within 3 accepted || return
	within 20 is_quiet || return
	ip netns exec n1 iptables-nft -F FORWARD
	within 3 accepted || return
	# an address of a link that was nobody's
	within 20 is_quiet || return
	ip -n n1 link add x0 type veth peer name x1 && ip -n n1 link set x0 up
	local before
	before=$(reconciles)
	ip -n n1 addr add 10.78.250.1/30 dev x0
	within 3 more_than "$before"
}
accepted() { ip netns exec n1 iptables-nft -S FORWARD | grep -q '10.78.0.0/16.*flctl'; }
more_than() { (($(reconciles) > $1)); }

result 'etcd and namespaces' set_up "$CONFIG"
result 'a node joins' joined
result 'forwarding switched off' forwarding
result 'changes that concern nobody but others' foreign_changes
result 'changes of others that concern us' relevant_changes
result 'changes that do not end' storm
result 'subnet.env and its directory' subnet_env
done_steps
