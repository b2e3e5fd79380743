#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An agent that nothing is told of reads neither links nor routes, and still keeps up
# what no event reports.
. "$(dirname "$0")/agents.sh"
command -v strace >/dev/null || { echo '1..0 # SKIP needs strace'; exit; }

CONFIG='{"Network": "10.78.0.0/16", "Backend": {"Type": "host-gw"}}'

reconciles()
{
	curl -s --unix-socket "$tmp"/n1/*.sock http://agent/metrics |
		sed -n 's/^.*reconcile_seconds_count.* //p'
}

joined()
{
	etcdctl put /coreos.com/network/subnets/10.78.200.0-24 \
		'{"PublicIP":"10.9.0.20","PublicIPv6":null,"BackendType":"host-gw"}'
	start_agent n1 --iptables-resync 1
	within 20 has_route n1 10.78.200.0/24
}

# Some seconds without a request for all routes (0x1a, where strace does not know what
# the socket is), nor any other fact
FACTS='RTM_GETROUTE|nlmsg_type=0x1a |resolv.conf'
is_quiet()
{
	timeout 4 strace -o "$tmp/trace" -e trace=sendto,sendmsg,openat -p "${PID[n1]}"
	! grep -E "$FACTS" "$tmp/trace"
}

reads_little()
{
	local before n
	for n in 1 2 3 4 5 6; do
		before=$(reconciles)
		! is_quiet || break
	done
	((n < 6)) || { grep -E "$FACTS" "$tmp/trace"; return 1; }
	(($(reconciles) - before >= 2)) || { echo 'no reconciliation'; return 1; }
	grep -q subnet.env "$tmp/trace"
}

has_mode() { [[ $(stat -c %a "$tmp/n1/subnet.env") == "$1" ]]; }

# No event reports the mode of a file
without_events()
{
	chmod 600 "$tmp/n1/subnet.env"
	within 5 has_mode 644
}

with_events()
{
	ip -n n1 route del 10.78.200.0/24
	within 3 has_route n1 10.78.200.0/24
}

# What neither is told nor read now and then: nothing stays unread for ever
after_a_minute()
{
	within 80 sees_all
}
sees_all() { ! is_quiet; }

result 'etcd and namespaces' set_up "$CONFIG"
result 'a node joins' joined
result 'links and routes are not read' reads_little
result 'what no event reports is kept up' without_events
result 'what events report is kept up' with_events
result 'all is read after a minute' after_a_minute
done_steps
