#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Outer IPv4 packets on which nobody has a claim go straight to the neighbour. What
# they leave behind is what they leave on the long way, and whoever has a claim gets
# them: netfilter, IPsec, a VRF, a lightweight tunnel.
#
#   n1 - wire - n2        traffic of n1
# timeout: 240

. "$(dirname "$0")/lib.sh"

# counted - what n1 has sent, NAME=N a line, by IP's own counters (those of a protocol
# above say nothing about the way), and by flannel.1's
counted()
{
	local name

	in_ns "$n1" nstat -asz IpOutRequests IpOutTransmits IpOutDiscards IpOutNoRoutes \
		IpFragCreates IpForwDatagrams IpExtOutOctets IpExtOutMcastPkts IpExtOutBcastPkts |
		awk '/^Ip/ { print $1 "=" $2 }'
	for name in tx_packets tx_bytes tx_dropped; do
		echo "$name=$(in_ns "$n1" cat /sys/class/net/flannel.1/statistics/$name)"
	done
	[[ ! -f $PROBES/fl_output/enable ]] ||
		awk '$1 == "fl_output" { print "calls=" $2 }' /sys/kernel/tracing/kprobe_profile
}

PROBES=/sys/kernel/tracing/events/kprobes

# Has the kernel count the calls of ip_output(), if it can
probe()
{
	mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
	echo 'p:fl_output ip_output' 2>/dev/null >>/sys/kernel/tracing/kprobe_events &&
		echo 1 >$PROBES/fl_output/enable
} 2>/dev/null

unprobe()
{
	[[ ! -f $PROBES/fl_output/enable ]] || {
		echo 0 >$PROBES/fl_output/enable
		echo '-:fl_output' >>/sys/kernel/tracing/kprobe_events
	}
}

# differences OLD NEW - of each counter
differences()
{
	paste -d = "$1" "$2" | awk -F = '{ print $1 "=" $4 - $2 }'
}

# burst TEXT - what 50 packets to n2 leave in IP's counters and on the wire, in
# $TMP/TEXT.count and $TMP/TEXT.seen
burst()
{
	counted >"$TMP/before"
	in_ns "$n2" sniff -i -n 50 -w 3000 eth0 ip netns exec "$n1" \
		traffic send udp 10.42.2.9 9 n=50 size=100 ports=4000 >"$TMP/all" || fail "$1: sending"
	counted >"$TMP/after"
	differences "$TMP/before" "$TMP/after" >"$TMP/$1.count"
	sed "s/ i\?o\?id=[^ ]*//g" "$TMP/all" >"$TMP/$1.seen"
}

set_up()
{
	overlay 2 4 "$@" || { fail 'set-up'; return 1; }
	ip -n "$n2" route add blackhole 10.42.2.9
	in_ns "$n2" ethtool -K eth0 gro off >/dev/null
	check 'first packet' pings "$n1" 10.42.2.0
}

hook()
{
	in_ns "$n1" nft add table ip t
	in_ns "$n1" nft add chain ip t c "{ type filter hook $1 priority 0; }"
	[[ -z ${2-} ]] || in_ns "$n1" nft add rule ip t c udp dport 8472 counter "$2"
}

unhook()
{
	in_ns "$n1" nft delete table ip t
}

# calls TEXT - of ip_output() in a burst: one for each inner packet, which a socket
# sent, and on the long way one more
calls()
{
	sed -n 's/^calls=//p' "$TMP/$1.count"
}

# AppArmor has a hook in POST_ROUTING, wherever it is on, and guests of User-Mode Linux
# have no kprobes: that the short way is taken shows on 6.12-rt. Elsewhere others send, too.
check_ways()
{
	[[ -n ${FLANNEL_VM-} ]] || { note 'not alone: calls say nothing'; return; }
	[[ -n $(calls short) ]] || { note 'no kprobes: nobody can tell the ways apart'; return; }
	check_equal 'the long way' 100 "$(calls long)"
	if grep -q Y /sys/module/apparmor/parameters/enabled 2>/dev/null; then
		note 'AppArmor is on: there is no short way'
	else
		check_equal 'the short way' 50 "$(calls short)"
	fi
}

# The witness is the kernel's own way, which a hook that does nothing asks for.
leaves_the_same()
{
	scratch
	set_up || return
	probe
	burst short
	hook output || fail 'nft'
	burst long
	unhook
	hook postrouting accept || fail 'nft'
	burst post
	check_equal 'hook asked' 'packets 50' \
		"$(in_ns "$n1" nft list chain ip t c | grep -o 'packets [0-9]*')"
	check_equal 'packets' 50 "$(grep -c 'oip=ok.*oudp=ok.*iip=ok' "$TMP/short.seen")"
	check_equal 'on the wire' "$(<"$TMP/long.seen")" "$(<"$TMP/short.seen")"
	check_equal 'with the other hook' "$(<"$TMP/long.seen")" "$(<"$TMP/post.seen")"
	check_equal 'counted' "$(grep -v calls "$TMP/long.count")" \
		"$(grep -v calls "$TMP/short.count")"
	check 'counted at all' grep -qx 'IpOutRequests=100' "$TMP/short.count"
	check_ways
	unprobe
}

hooks()
{
	local hook
	set_up || return
	for hook in output postrouting; do
		hook $hook drop || fail 'nft'
		check_not "$hook drops" pings "$n1" 10.42.2.0 -W 0.3
		check "$hook has seen it" grep -q 'packets [1-9]' \
			<(in_ns "$n1" nft list chain ip t c)
		unhook
		check "no more" pings "$n1" 10.42.2.0
	done
}

# What a hook keeps and lets go later is on its way once, and asked for once.
queued()
{
	local hook
	modprobe -aq nfnetlink_queue nft_queue 2>/dev/null
	scratch
	set_up || return
	for hook in output postrouting; do
		hook $hook 'queue num 7' 2>"$TMP/err" ||
			{ skip "no queues: $(head -n 1 "$TMP/err")"; unhook; return; }
		check_equal "$hook" 3 "$(in_ns "$n1" nfqueue 7 \
			ping -q -c 3 -i 0.1 -W 1 10.42.2.0 2>"$TMP/err" | tail -n 1)"
		check_equal "$hook, asked" "packets 3" \
			"$(in_ns "$n1" nft list chain ip t c | grep -o 'packets [0-9]*')"
		unhook
	done
}

# esp NS... - transport mode for VXLAN from 192.168.9.1
esp()
{
	local ns
	modprobe -aq esp4 authenc crypto_null 2>/dev/null
	for ns; do
		ip -n "$ns" xfrm state add src 192.168.9.1 dst 192.168.9.2 proto esp spi 7 \
			mode transport auth digest_null '' enc 'ecb(cipher_null)' '' || return
	done
	ip -n "$n1" xfrm policy add src 192.168.9.1 dst 192.168.9.2 proto udp dport 8472 \
		dir out tmpl proto esp mode transport
}

ipsec()
{
	scratch
	set_up || return
	esp "$n1" "$n2" 2>"$TMP/err" || { skip "no ESP: $(head -n 1 "$TMP/err")"; return; }
	in_ns "$n2" nft -f - <<-END || fail 'nft'
		table ip t {
			chain c {
				type filter hook prerouting priority -400
				ip protocol esp counter
			}
		}
	END
	check 'encrypted' pings "$n1" 10.42.2.0
	check 'as ESP' grep -q 'esp counter packets [1-9]' <(in_ns "$n2" nft list chain ip t c)
	ip -n "$n2" xfrm state flush
	check_not 'nothing goes in clear' pings "$n1" 10.42.2.0 -W 0.3
	ip -n "$n1" xfrm policy flush
	check 'no policy any more' pings "$n1" 10.42.2.0
}

# queued_by_red - VXLAN's packets that the VRF's queue let go
queued_by_red()
{
	tc -n "$n1" -s filter show dev red egress | sed -nE 's/.*Sent .* ([0-9]+) pkt.*/\1/p'
}

# A VRF with a queue of its own gets all packets of its members.
in_a_vrf()
{
	local before
	set_up dev eth0 || return
	ip -n "$n1" link add red type vrf table 10 2>/dev/null || { skip 'no VRF'; return; }
	batch "$n1" <<-END
		link set red up
		link set eth0 master red
	END
	check 'in a VRF' pings "$n1" 10.42.2.0
	tc -n "$n1" qdisc add dev red root handle 1: pfifo || { skip 'no pfifo'; return; }
	tc -n "$n1" qdisc add dev red clsact
	tc -n "$n1" filter add dev red egress protocol ip flower ip_proto udp dst_port 8472 \
		action pass || { skip 'no flower'; return; }
	before=$(queued_by_red)
	check 'with a queue' pings "$n1" 10.42.2.0
	check 'which has seen it' test "$(queued_by_red)" -gt "$before"
}

lightweight_tunnel()
{
	scratch
	set_up || return
	modprobe -aq mpls_iptunnel 2>/dev/null
	ip -n "$n1" route add 192.168.9.2/32 encap mpls 77 via 192.168.9.2 dev eth0 \
		2>"$TMP/err" || { skip "no MPLS: $(head -n 1 "$TMP/err")"; return; }
	tc -n "$n1" qdisc add dev eth0 clsact
	tc -n "$n1" filter add dev eth0 egress protocol mpls_uc matchall action drop
	check_not 'labelled' pings "$n1" 10.42.2.0 -W 0.3
	check 'as MPLS' grep -q 'Sent [1-9]' <(tc -n "$n1" -s filter show dev eth0 egress)
	ip -n "$n1" route del 192.168.9.2/32
	check 'no route any more' pings "$n1" 10.42.2.0
}

next_hops()
{
	set_up || return
	# which leaves the neighbour's kept link layer header with IPv6's protocol
	check 'IPv6 to that' pings "$n1" fd09::2
	ip -n "$n1" route add 192.168.9.2/32 via inet6 fd09::2 dev eth0
	check 'an IPv6 gateway' pings "$n1" 10.42.2.0
	ip -n "$n1" neigh flush dev eth0
	check 'a neighbour that is not known yet' pings "$n1" 10.42.2.0
	ip -n "$n1" route del 192.168.9.2/32
	ip -n "$n1" neigh flush dev eth0
	check 'on the link' pings "$n1" 10.42.2.0
	ip -n "$n1" neigh replace 192.168.9.2 lladdr 02:00:00:00:00:99 dev eth0 nud permanent
	check_not 'a neighbour of that MAC' pings "$n1" 10.42.2.0 -W 0.3
}

need nft nstat nfqueue
run_tests leaves_the_same hooks queued ipsec in_a_vrf lightweight_tunnel next_hops
