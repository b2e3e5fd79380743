#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What is undone on a host is noticed by an event: nothing is looked at now and then.
. "$(dirname "$0")/agents.sh"

CONFIG='{"Network": "10.78.0.0/16", "EnableIPv6": true, "IPv6Network": "fd78::/48",
	"Backend": {"Type": "host-gw"}}'

joined()
{
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

result 'etcd and namespaces' set_up "$CONFIG"
result 'a node joins' joined
result 'forwarding switched off' forwarding
result 'subnet.env and its directory' subnet_env
done_steps
