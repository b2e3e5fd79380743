#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the ruleset does to packets, told by who receives them.
#
#   pod 10.42.1.2 --- cni0 node ov0 --- remote 10.42.2.2 (a pod of another node)
#                          eth0
#                           |
#                     outside 192.0.2.9
#
# All of it is in namespaces of this script's own.
set -u

if [[ -z ${RULESET_TEST_INSIDE-} ]]; then
	RULESET_TEST_INSIDE=1 unshare --net --mount --pid --fork --kill-child true 2>/dev/null || {
		echo '1..0 # SKIP this takes the right to make namespaces'
		exit 0
	}
	RULESET_TEST_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc "$0" "$@"
fi

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../../../../selftests/tap.sh"
rules=${AGENT_OUT:-$here/..}/tests/ruleset_test

command -v nft >/dev/null || { echo '1..0 # SKIP there is no nft'; exit 0; }

# link NS DEVICE NODE_DEVICE - a cable from the node to NS
link()
{
	ip netns add "$1"
	ip netns exec "$1" sysctl -qw net.ipv6.conf.default.accept_dad=0
	ip link add "$3" type veth peer name "$2" netns "$1"
	ip -n "$1" link set lo up
	ip -n "$1" link set "$2" up
	ip link set "$3" up
}

# note_senders NS - remember who sends echo requests
note_senders()
{
	ip netns exec "$1" nft -f - <<-'END'
		table inet seen {
			set v4 { type ipv4_addr; flags dynamic; size 16; }
			set v6 { type ipv6_addr; flags dynamic; size 16; }
			chain input {
				type filter hook prerouting priority 0;
				icmp type echo-request add @v4 { ip saddr }
				icmpv6 type echo-request add @v6 { ip6 saddr }
			}
		}
	END
}

# The node's addresses on each link are what masquerading can choose from
build()
{
	local ns

	mkdir -p /run/netns
	mount -t tmpfs none /run/netns
	sysctl -qw net.ipv6.conf.default.accept_dad=0
	ip link set lo up
	link pod eth0 cni0
	link remote eth0 ov0
	link outside eth0 eth0
	ip address add 10.42.1.1/24 dev cni0
	ip address add fd42:0:0:1::1/64 dev cni0
	ip address add 192.0.2.1/24 dev eth0
	ip address add 2001:db8::1/64 dev eth0
	ip address add 10.42.1.0/32 dev ov0
	ip address add fd42:0:0:1::/128 dev ov0
	ip address add fe80::1/64 dev ov0
	ip route add 10.42.0.0/16 dev ov0 src 10.42.1.0
	ip route add fd42::/48 dev ov0 src fd42:0:0:1::
	ip -n pod address add 10.42.1.2/24 dev eth0
	ip -n pod address add fd42:0:0:1::2/64 dev eth0
	ip -n pod route add default via 10.42.1.1
	ip -n pod route add default via fd42:0:0:1::1
	ip -n remote address add 10.42.2.2/32 dev eth0
	ip -n remote address add fd42:0:0:2::2/128 dev eth0
	ip -n remote route add default via 10.42.1.0 dev eth0 onlink
	ip -n remote route add default via fe80::1 dev eth0
	ip -n outside address add 192.0.2.9/24 dev eth0
	ip -n outside address add 2001:db8::9/64 dev eth0
	ip -n outside route add 10.42.0.0/16 via 192.0.2.1
	ip -n outside route add fd42::/48 via 2001:db8::1
	sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	for ns in pod remote outside; do note_senders "$ns"; done
}

apply() { "$rules" "$@" | nft -f -; }

# ping_from NS|node TARGET [OPTIONS...]
ping_from()
{
	local ns=$1 target=$2
	shift 2

	if [[ $ns == node ]]; then
		ping -c 1 -W 2 "$@" "$target" >/dev/null 2>&1
	else
		ip netns exec "$ns" ping -c 1 -W 2 "$@" "$target" >/dev/null 2>&1
	fi
}

# seen NS FAMILY FROM TARGET [OPTIONS...] - the source that NS receives
seen()
{
	local ns=$1 family=$2
	shift 2

	ip netns exec "$ns" nft flush set inet seen "$family"
	ping_from "$@"
	ip netns exec "$ns" nft list set inet seen "$family" |
		sed -n 's/.*elements = { *\([^ ]*\).*/\1/p'
}

# sees WANTED NS FAMILY FROM TARGET...
sees()
{
	local wanted=$1 found
	shift
	found=$(seen "$@")
	[[ $found == "$wanted" ]] || { echo "$*: wanted $wanted, received ${found:-nothing}"; return 1; }
}

plain_world()
{
	apply masquerade ipv4	# not of IPv6, and then nothing at all
	apply ipv4
	sees 10.42.1.2 outside v4 pod 192.0.2.9
	sees 192.0.2.1 remote v4 node 10.42.2.2 -I 192.0.2.1
}

masquerade4()
{
	apply masquerade random ipv4 ipv6
	sees 192.0.2.1 outside v4 pod 192.0.2.9
	sees 192.0.2.1 outside v4 remote 192.0.2.9
	sees 10.42.1.2 remote v4 pod 10.42.2.2
	sees 10.42.2.2 pod v4 remote 10.42.1.2
	sees 10.42.1.0 remote v4 node 10.42.2.2
	sees 192.0.2.9 pod v4 outside 10.42.1.2
}

# Rule 6, which stock flannel's own nftables rules never reach
from_host4()
{
	sees 10.42.1.0 remote v4 node 10.42.2.2 -I 192.0.2.1
	sees 10.42.1.0 remote v4 outside 10.42.2.2
}

masquerade6()
{
	sees 2001:db8::1 outside v6 pod 2001:db8::9
	sees fd42:0:0:1::2 remote v6 pod fd42:0:0:2::2
	sees fd42:0:0:2::2 pod v6 remote fd42:0:0:1::2
	sees 2001:db8::9 pod v6 outside fd42:0:0:1::2
	sees fd42:0:0:1:: remote v6 node fd42:0:0:2::2 -I 2001:db8::1
}

# Nobody answers.  The source is on eth0 so that this is the way it takes, and
# secondary to what masquerading would choose.
multicast()
{
	ip address add 10.42.1.7/32 dev eth0
	ip address add fd42:0:0:1::7/128 dev eth0 nodad
	ip -6 route add ff0e::7/128 dev eth0 table local
	sees 192.0.2.1 outside v4 node 192.0.2.9 -I 10.42.1.7
	sees 10.42.1.7 outside v4 node 239.1.2.3 -I 10.42.1.7 -W 1
	sees fd42:0:0:1::7 outside v6 node ff0e::7 -I fd42:0:0:1::7 -W 1
	ip address del 10.42.1.7/32 dev eth0
	ip address del fd42:0:0:1::7/128 dev eth0
}

# mark VALUE - of what the pod sends
mark()
{
	nft -f - <<-END
		add table inet marks
		delete table inet marks
		table inet marks {
			chain forward {
				type filter hook forward priority mangle;
				iifname "cni0" meta mark set $1
			}
		}
	END
}

kube_proxy_mark()
{
	mark 0x4000
	sees 10.42.1.2 outside v4 pod 192.0.2.9
	mark 0x4001
	sees 10.42.1.2 outside v4 pod 192.0.2.9
	sees fd42:0:0:1::2 outside v6 pod 2001:db8::9
	mark 0x8001
	sees 192.0.2.1 outside v4 pod 192.0.2.9
	nft delete table inet marks
}

random_switch()
{
	apply masquerade ipv4 ipv6
	[[ $(nft list table inet flannel_net-1) != *random* ]]
	sees 192.0.2.1 outside v4 pod 192.0.2.9
	apply masquerade random ipv4 ipv6
	[[ $(nft list table inet flannel_net-1 | grep -c 'masquerade fully-random') == 4 ]]
}

# Applied again it is the same, and other tables are not touched
replaced()
{
	local before
	nft add table inet other
	apply masquerade random forward ipv4 ipv6
	before=$(nft list ruleset)
	apply masquerade random forward ipv4 ipv6
	[[ $(nft list ruleset) == "$before" ]]
	apply ipv4 ipv6
	[[ $(nft list tables) == 'table inet other' ]]
	nft delete table inet other
}

step 'namespaces' build
step 'nothing asked for, nothing done' plain_world
step 'masquerade: IPv4' masquerade4
step 'masquerade: from the host to remote pods' from_host4
step 'masquerade: IPv6' masquerade6
step 'masquerade: multicast keeps its source' multicast
step 'masquerade: what kube-proxy marked is left to it' kube_proxy_mark
step 'masquerade: fully-random can be switched off' random_switch
step 'the table is replaced, nothing else' replaced
done_steps
