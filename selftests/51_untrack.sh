#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# untrack: connection tracking leaves outer packets alone, all of them and no
# others, as long as the device is up and told to.
#
#   n1 - wire - n2        what n1's firewall rules see of pings to n2's pod
# timeout: 180

. "$(dirname "$0")/lib.sh"

# watch - counters: outer packets to port 8472, in and out, and ICMP out of the device
watch()
{
	in_ns "$n1" nft -f - <<-END
		table inet watch {
			counter in_untracked {}
			counter in_tracked {}
			counter out_untracked {}
			counter out_tracked {}
			counter pod_untracked {}
			counter pod_tracked {}
			chain in {
				type filter hook prerouting priority -150
				udp dport { 8472, 8473 } ct state untracked counter name in_untracked return
				udp dport { 8472, 8473 } counter name in_tracked return
				iifname "flannel.*" ct state untracked counter name pod_untracked return
				iifname "flannel.*" counter name pod_tracked
			}
			chain out {
				type filter hook output priority -150
				udp dport { 8472, 8473 } ct state untracked counter name out_untracked return
				udp dport { 8472, 8473 } counter name out_tracked
			}
		}
	END
}

# counted - the counters that are not 0, and sets them to 0
counted()
{
	in_ns "$n1" nft reset counters table inet watch | awk '
		$1 == "counter" { name = $2 }
		$1 == "packets" && $2 { seen = seen name " " }
		END { print seen }'
}

# known FAMILY - connections by these ports: one for each flow and direction
known() { in_ns "$n1" conntrack -f "$1" -L -p udp 2>/dev/null | grep -c 'dport=847[23]'; }

UNTRACKED='in_untracked out_untracked pod_tracked '
TRACKED='in_tracked out_tracked pod_tracked '

# seen TEXT COUNTERS - of a ping each way, inner IPv4 and IPv6
seen()
{
	local address
	for address in 10.42.2.0 fd42:0:0:2::; do
		counted >/dev/null
		check "$1: ping" pings "$n1" $address
		check_equal "$1: $address" "$2" "$(counted)"
	done
}

# outer FAMILY LOCAL - of the underlay, address of n1 there
outer()
{
	overlay 2 "$1" && watch || { fail 'set-up'; return; }
	seen 'default' "$TRACKED"
	check_equal 'known connections' 4 "$(known "ipv$1")"
	in_ns "$n1" conntrack -F >/dev/null 2>&1
	check 'untrack' in_ns "$n1" flctl link set flannel.1 untrack
	seen 'untrack, no local address' "$UNTRACKED"
	check 'local' in_ns "$n1" flctl link set flannel.1 local "$2"
	seen 'untrack, local address' "$UNTRACKED"
	check_equal 'known connections with untrack' 0 "$(known "ipv$1")"
	ip -n "$n1" link set flannel.1 down
	batch "$n1" <<-END
		link set flannel.1 up
		route replace 10.42.0.0/16 dev flannel.1 src 10.42.1.0
		addr replace fd42:0:0:1::/128 dev flannel.1 nodad
		route replace fd42::/48 via fe80::1 dev flannel.1 onlink src fd42:0:0:1::
	END
	seen 'untrack, down and up' "$UNTRACKED"
	check 'nountrack' in_ns "$n1" flctl link set flannel.1 nountrack
	seen 'nountrack' "$TRACKED"
}

over_ipv4() { outer 4 192.168.9.1; }
over_ipv6() { outer 6 fd09::1; }

# stranger TEXT COUNTERS ADDRESS PORT - a datagram of n2's that is no business of
# the device's
stranger()
{
	counted >/dev/null
	check "$1: datagram" in_ns "$n2" bash -c "echo >/dev/udp/$3/$4"
	check_equal "$1" "$2" "$(counted)"
}

# Other ports, a device without it, packets for others, a device that is down
others()
{
	local local4 local6
	overlay 2 4 untrack && watch || { fail 'set-up'; return; }
	check 'second device' in_ns "$n1" flctl link add flannel.2 id 2 dstport 8473 up
	ip -n "$n2" route add 192.0.2.7 via 192.168.9.1
	ip -n "$n2" route add fd66::7 via fd09::1
	for local4 in 0.0.0.0 192.168.9.1; do
		local6=::
		[[ $local4 == 0* ]] || local6=fd09::1
		in_ns "$n1" flctl link set flannel.1 local $local4 local $local6
		stranger "$local4: to us" 'in_untracked ' 192.168.9.1 8472
		stranger "$local4: to us" 'in_untracked ' fd09::1 8472
		stranger "$local4: another port" 'in_tracked ' 192.168.9.1 8473
		stranger "$local4: another port" 'in_tracked ' fd09::1 8473
		stranger "$local4: forwarded" 'in_tracked ' 192.0.2.7 8472
		stranger "$local4: forwarded" 'in_tracked ' fd66::7 8472
	done
	ip -n "$n1" addr add 192.168.9.11/24 dev eth0
	stranger 'another address of ours' 'in_tracked ' 192.168.9.11 8472
	check 'both devices' in_ns "$n1" flctl link set flannel.2 untrack
	stranger 'second device' 'in_untracked ' 192.168.9.1 8473
	ip -n "$n1" link del flannel.2
	stranger 'second device is gone' 'in_tracked ' 192.168.9.1 8473
	ip -n "$n1" link set flannel.1 down
	stranger 'first device is down' 'in_tracked ' 192.168.9.1 8472
}

# The underlay is in another namespace than the device, and ends first.
apart()
{
	overlay 2 4 untrack && watch && new_ns inner || { fail 'set-up'; return; }
	ip -n "$n1" link set flannel.1 netns "$inner"
	batch "$inner" <<-END
		link set flannel.1 up
		addr add 10.42.1.0/32 dev flannel.1
		route add 10.42.0.0/16 dev flannel.1 src 10.42.1.0
	END
	check 'ping' pings "$inner" 10.42.2.0
	check_equal 'device in another namespace' 'in_untracked out_untracked ' "$(counted)"
	ip netns del "$n1"
	until_true 5 gone || fail 'the device outlives its underlay'
}

gone() { ! ip -n "$inner" link show flannel.1 >/dev/null 2>&1; }

need nft conntrack
run_tests over_ipv4 over_ipv6 others apart
