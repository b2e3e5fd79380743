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

# counts TEXT COUNTERS COMMAND... - what n1 counts of a packet that n2 sends
counts()
{
	counted >/dev/null
	check "$1: packet" in_ns "$n2" "${@:3}"
	check_equal "$1" "$2" "$(counted)"
}

# frame TEXT COUNTERS ADDRESS [WORD...] - in VXLAN
frame() { counts "$1" "$2" craft vxlan "$3" src=10.42.2.0 dst=10.42.1.9 "${@:4}"; }

# datagram_to TEXT COUNTERS ADDRESS PORT - that is none
datagram_to() { counts "$1" "$2" bash -c "echo no VXLAN but long enough >/dev/udp/$3/$4"; }

# Other ports, VNIs and payloads, a device without it, packets for others, a device
# that is down
others()
{
	local local4 local6
	overlay 2 4 untrack && watch || { fail 'set-up'; return; }
	ip -n "$n1" route add blackhole 10.42.1.9
	check 'second device' in_ns "$n1" flctl link add flannel.2 id 2 dstport 8473 up
	ip -n "$n2" route add 192.0.2.7 via 192.168.9.1
	ip -n "$n2" route add fd66::7 via fd09::1
	for local4 in 0.0.0.0 192.168.9.1; do
		local6=::
		[[ $local4 == 0* ]] || local6=fd09::1
		in_ns "$n1" flctl link set flannel.1 local $local4 local $local6
		frame "$local4: to us" 'in_untracked pod_tracked ' 192.168.9.1
		frame "$local4: to us" 'in_untracked ' fd09::1
		frame "$local4: another port" 'in_tracked ' 192.168.9.1 odport=8473
		frame "$local4: another port" 'in_tracked ' fd09::1 odport=8473
		frame "$local4: another VNI" 'in_tracked ' 192.168.9.1 vni=7
		datagram_to "$local4: no VXLAN" 'in_tracked ' 192.168.9.1 8472
		datagram_to "$local4: no VXLAN" 'in_tracked ' fd09::1 8472
		frame "$local4: forwarded" 'in_tracked ' 192.0.2.7
		frame "$local4: forwarded" 'in_tracked ' fd66::7
	done
	ip -n "$n1" addr add 192.168.9.11/24 dev eth0
	frame 'another address of ours' 'in_tracked ' 192.168.9.11
	check 'both devices' in_ns "$n1" flctl link set flannel.2 untrack
	frame 'second device' 'in_untracked ' 192.168.9.1 odport=8473 vni=2
	ip -n "$n1" link del flannel.2
	frame 'second device is gone' 'in_tracked ' 192.168.9.1 odport=8473 vni=2
	ip -n "$n1" link set flannel.1 down
	frame 'first device is down' 'in_tracked ' 192.168.9.1
}

# A connection that masquerade has given our port: its answers find their way back
masqueraded()
{
	overlay 2 4 untrack && watch && new_ns client || { fail 'set-up'; return; }
	batch "$n1" <<-END
		link add client type veth peer name eth0 netns $client
		link set client up
		addr add 10.66.0.1/24 dev client
	END
	batch "$client" <<-END
		link set eth0 up
		addr add 10.66.0.2/24 dev eth0
		route add default via 10.66.0.1
	END
	in_ns "$n1" nft -f - <<-END
		table ip nat {
			chain post {
				type nat hook postrouting priority srcnat
				oifname eth0 ip saddr 10.66.0.2 udp dport 5001 snat to 192.168.9.1:8472
			}
		}
	END
	check_equal 'seen with' 192.168.9.1 "$(datagram "$client" "$n2" 192.168.9.2)"
	counted | grep -q in_tracked || fail 'no answer came to our port'
}

# What is sent in a VRF passes the hooks twice, and the VRF takes marks away.
in_a_vrf()
{
	has_kind vrf table 99 || return
	overlay 2 4 && watch || { fail 'set-up'; return; }
	ip -n "$n1" link add red type vrf table 10
	ip -n "$n1" link set red up
	check 'underlay' in_ns "$n1" flctl link set flannel.1 dev eth0 untrack
	ip -n "$n1" link set eth0 master red
	counted >/dev/null
	check 'ping' until_true 5 pings "$n1" 10.42.2.0
	check_equal 'in a VRF' "$UNTRACKED" "$(counted)"
	check_equal 'known connections in a VRF' 0 "$(known ipv4)"
}

# has_kind KIND [OPTION...] - the kernel knows such links
has_kind()
{
	ip link add kind0 type "$@" 2>/dev/null || { skip "no $1 devices"; return 1; }
	ip link del kind0
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

need nft conntrack data_exchange
run_tests over_ipv4 over_ipv6 others masqueraded in_a_vrf apart
