#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A node that stock flannel has set up is taken over by the agent while traffic
# goes on, nothing of anyone else is touched, and what fails before leaves all as
# it was. reset gives the node back.
#
# n1 (stock, then ours) -- wire -- n2 (stock), each with a pod behind cni0
#
# timeout: 300

. "$(dirname "$0")/lib.sh"

MAC1=0e:00:00:00:00:01 MAC2=0e:00:00:00:00:02

# stock_node NS I MAC - both its devices with one MAC, as a lease file has it
stock_node()
{
	stock_up "$1" "$2"
	ip -n "$1" link set flannel.1 address "$3"
	ip -n "$1" link set flannel-v6.1 address "$3"
}

# What others have put there, inside Network and outside
foreign_routes()
{
	batch "$n1" <<-END
		route add 10.42.66.0/24 via 192.168.9.66 proto static
		route add 10.42.67.0/25 via 192.168.9.66
		route add 10.43.68.0/24 via 192.168.9.66
		route add 10.42.69.0/24 via 192.168.9.66 metric 77
	END
}

# iptables may be absent, or the kernel without what its rules need
has_iptables()
{
	command -v iptables >/dev/null && in_ns "$n1" iptables -t nat -A OUTPUT -d 192.0.2.1 \
		-m comment --comment probe -j MASQUERADE --random-fully 2>/dev/null &&
		in_ns "$n1" iptables -t nat -D OUTPUT -d 192.0.2.1 \
			-m comment --comment probe -j MASQUERADE --random-fully
}

masq() { in_ns "$n1" iptables -t nat -A FLANNEL-POSTRTG "$@"; }

# iptables_rules CIDR SUBNET - as stock flannel has them for one network
iptables_rules()
{
	local mark=(-m comment --comment 'flanneld masq')
	masq -s "$2" -d "$1" "${mark[@]}" -j RETURN
	masq -s "$1" -d "$2" "${mark[@]}" -j RETURN
	masq ! -s "$1" -d "$2" "${mark[@]}" -j RETURN
	masq -s "$1" ! -d 224.0.0.0/4 "${mark[@]}" -j MASQUERADE --random-fully
	masq ! -s "$1" -d "$1" "${mark[@]}" -j MASQUERADE --random-fully
}

stock_firewall()
{
	local mark=(-m comment --comment 'flanneld masq') fwd=(-m comment --comment 'flanneld forward')
	in_ns "$n1" iptables -P FORWARD DROP
	in_ns "$n1" iptables -N FLANNEL-FWD
	in_ns "$n1" iptables -A FORWARD "${fwd[@]}" -j FLANNEL-FWD
	in_ns "$n1" iptables -A FLANNEL-FWD -s 10.42.0.0/16 "${fwd[@]}" -j ACCEPT
	in_ns "$n1" iptables -A FLANNEL-FWD -d 10.42.0.0/16 "${fwd[@]}" -j ACCEPT
	in_ns "$n1" iptables -t nat -N FLANNEL-POSTRTG
	in_ns "$n1" iptables -t nat -A POSTROUTING "${mark[@]}" -j FLANNEL-POSTRTG
	masq -m mark --mark 0x4000/0x4000 "${mark[@]}" -j RETURN
	iptables_rules 10.42.0.0/16 10.42.1.0/24
}

stock_nft()
{
	in_ns "$n1" nft -f - <<-END
		table ip flannel-ipv4 {
			chain postrtg {
				type nat hook postrouting priority srcnat;
				meta mark 0x4000 return
				ip saddr 10.42.1.0/24 ip daddr 10.42.0.0/16 return
				ip saddr 10.42.0.0/16 ip daddr 10.42.1.0/24 return
				ip saddr 10.42.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random
			}
			chain forward {
				type filter hook forward priority filter; policy accept;
				ip saddr 10.42.0.0/16 accept
				ip daddr 10.42.0.0/16 accept
			}
		}
		table ip flannel-other {
			chain forward {
				type filter hook forward priority filter; policy accept;
				ip saddr 10.42.0.0/16 counter accept
			}
		}
	END
}

leases()
{
	cat >"$TMP/leases" <<-END
		network 10.42.0.0/16
		network fd42::/48
		10.42.1.0/24 via 192.168.9.1 lladdr $MAC1
		fd42:0:0:1::/64 via fd09::1 lladdr $MAC1
		10.42.2.0/24 via 192.168.9.2 lladdr $MAC2
		fd42:0:0:2::/64 via fd09::2 lladdr $MAC2
	END
}

# Both nodes of stock flannel, with a peer on n1 that has left, and pods
both_stock()
{
	scratch
	underlay 2 && stock_node "$n1" 1 $MAC1 && stock_node "$n2" 2 $MAC2 &&
		stock_peer "$n1" 2 $MAC2 $MAC2 && stock_peer "$n2" 1 $MAC1 $MAC1 &&
		stock_peer "$n1" 7 0e:00:00:00:00:07 0e:00:00:00:00:07 &&
		pod "$n1" 1 && pod "$n2" 2 && foreign_routes && stock_nft && leases || {
		fail 'set-up'
		return 1
	}
	! has_iptables || stock_firewall
	OPTIONS=(--lease-file "$TMP/leases" --iface eth0 --run-dir "$TMP" --state-dir "$TMP"
		--subnet-file "$TMP/subnet.env" --instance one --ip-masq)
	check 'stock' exchange
}

exchange()
{
	pings "$pod1" 10.42.2.2 && pings "$pod2" 10.42.1.2 &&
		pings "$pod1" fd42:0:0:2::2 && pings "$pod2" fd42:0:0:1::2
}

# All that could be changed, whatever time and packets that have passed
state()
{
	# the state of a link comes a moment after the link
	ip -n "$n1" -d link | sed -E 's/_(timer|age) +[0-9.]+//g; s/ state (UNKNOWN|UP)//'
	ip -n "$n1" addr | sed -E 's/ state (UNKNOWN|UP)//'
	ip -n "$n1" route show table all
	ip -n "$n1" -6 route show table all
	in_ns "$n1" nft -s list ruleset 2>/dev/null
	bridge -n "$n1" fdb | grep permanent
	ip -n "$n1" neigh show nud permanent
}

over() { in_ns "$n1" timeout "${LIMIT:-30}" flctl takeover "${OPTIONS[@]}" "$@"; }
reset() { in_ns "$n1" timeout 30 flctl reset "${OPTIONS[@]}" "$@"; }

# routes [WORDS] - inside the networks, without cni0's
routes()
{
	ip -n "$n1" route show root 10.42.0.0/16 "$@" | grep -v cni0
	ip -n "$n1" -6 route show root fd42::/48 "$@" | grep -Ev 'cni0|^fd42:0:0:1::1? '
}

# kept - what others have put there is there
kept()
{
	[[ $(ip -n "$n1" route | grep -c 'via 192.168.9.66') == 4 ]] &&
		in_ns "$n1" nft list table ip flannel-other
}

no_stock_rules()
{
	! in_ns "$n1" nft list tables | grep -q flannel-ipv &&
		! in_ns "$n1" nft list ruleset 2>/dev/null | grep -q FLANNEL-
}

# flanneld NS - a process of that name; $FLANNELD is its id
flanneld()
{
	[[ -e $TMP/fifo ]] || mkfifo "$TMP/fifo"
	ip netns exec "$1" bash -c 'printf flanneld >/proc/$$/comm; read -rt 1000 _ <>"$0"' \
		"$TMP/fifo" &
	FLANNELD=$!
	until_true 5 grep -q flanneld "/proc/$FLANNELD/comm"
}

end()
{
	kill "$1"
	wait "$1" 2>/dev/null
}

kind() { ip -n "$n1" -d -j link show "$1" | grep -o '"info_kind":"[a-z]*"' | cut -d'"' -f4; }

# Under traffic; the peer and connections notice nothing but the gap
takes_over()
{
	both_stock || return
	local agent ping
	# Another host's, as far as ours is concerned
	flanneld "$n2"
	converse "$pod1" "$pod2" 10.42.2.2 || fail 'connection'
	in_ns "$pod1" ping -n -q -i 0.02 -c 150 -W 2 10.42.2.2 >"$TMP/ping" 2>&1 &
	ping=$!
	ip netns exec "$n1" flctl run "${OPTIONS[@]}" >"$TMP/log" 2>&1 &
	agent=$!
	check 'gap' until_true 20 grep -Eq \
		'took flannel.1 over from stock flannel: 4 leases, gap [0-9.]+ ms' "$TMP/log" ||
		cat "$TMP/log"
	note "$(grep -o 'gap .*' "$TMP/log")"
	wait "$ping"
	note "$(grep received "$TMP/ping")"
	grep -Eq ' ([89][0-9]|1[0-9]{2}) received' "$TMP/ping" || fail "$(tail -n 3 "$TMP/ping")"
	check 'connection goes on' heard 'after it'
	check 'all ways' exchange
	check_equal 'kind' flannel "$(kind flannel.1)"
	check_equal 'MAC' $MAC1 "$(lladdr "$n1" flannel.1)"
	check_not 'flannel-v6.1' ip -n "$n1" link show flannel-v6.1
	check_equal 'routes of stock flannel' '' "$(routes proto boot | grep -v 192.168.9.66)"
	check 'of others' kept
	check 'rules' until_true 20 no_stock_rules
	check_not 'complaints' grep -Eq 'flannel stays|cannot|refused' "$TMP/log" || cat "$TMP/log"
	yields_later
	end "$agent"
	end "$FLANNELD"
}

# A flanneld that is started beside the agent gets its name back
yields_later()
{
	kill -STOP "$agent"
	ip -n "$n1" link del flannel.1
	stock_node "$n1" 1 $MAC1
	kill -CONT "$agent"
	check 'displaced' until_true 10 grep -q 'displaced: nothing is written' "$TMP/log"
	check_equal 'kind' vxlan "$(kind flannel.1)"
}

# unchanged TEXT PATTERN COMMAND... - it fails with these words, and all is as before
unchanged()
{
	local before after
	before=$(state)
	check_refused "$@"
	after=$(state)
	[[ $before == "$after" ]] || {
		fail "$1: changed"
		diff <(echo "$before") <(echo "$after")
	}
}

# Of a vxlan that has moved away only its socket is here, which is shared with stock's
moved_away()
{
	new_ns away || return
	ip -n "$n1" link add moved type vxlan id 9 dstport 8472
	ip -n "$n1" link set moved netns "$away"
	ip -n "$away" link set moved up
}

in_order() { sed 's/ nodad//' <<<"$1" | sort; }

# same_again BEFORE - state, in whatever order it is listed by now, but for whether
# an address of the tunnel was tried first
same_again()
{
	local before after
	before=$(in_order "$1")
	after=$(in_order "$(state)")
	[[ $before == "$after" ]] && return
	fail 'not all is back'
	diff <(echo "$before") <(echo "$after")
}

# Ours cannot be brought up, which nobody knew before: stock flannel has back all that it
# had, and does not notice
given_back()
{
	local before
	moved_away || { fail 'moved away'; return; }
	# somebody else's
	ip -n "$n1" route add 10.44.0.0/16 dev flannel.1 proto static metric 7
	before=$(state)
	check_refused "$1" 'stock flannel has all of it back: .*in use' over
	same_again "$before"
	check 'stock as it was' exchange
	check_not 'ours' ip -n "$n1" link show flannel+1
	ip -n "$n1" route del 10.44.0.0/16 dev flannel.1
	ip -n "$away" link del moved
}

says() { in_ns "$n1" flctl status --json --run-dir "$TMP" | grep -q "$1"; }

no_vxlan() { [[ -z $(ip -n "$n1" link show type vxlan) ]]; }
are_down() { [[ $(ip -n "$n1" link show type vxlan | grep -c 'state DOWN') == 2 ]]; }

# The kernel keeps stock flannel's devices: ours works all the same, they are named, and
# they go when the kernel lets them
devices_stay()
{
	both_stock || return
	local agent keeping=(env "KEEP_LINKS=$TMP/keep" "LD_PRELOAD=$SELFTESTS/helpers/keep_links.so")
	touch "$TMP/keep"
	ip netns exec "$n1" "${keeping[@]}" flctl run "${OPTIONS[@]}" >"$TMP/log" 2>&1 &
	agent=$!
	check 'named' until_true 20 says \
		'"error": "device flannel-1 of stock flannel stays: link del flannel-1: Operation not supported"' ||
		tail -n 5 "$TMP/log"
	check 'ready' in_ns "$n1" flctl status --run-dir "$TMP"
	check_equal 'kind' flannel "$(kind flannel.1)"
	check 'all ways' exchange
	check 'theirs' are_down || ip -n "$n1" link show type vxlan
	rm "$TMP/keep"
	check 'gone' until_true 20 no_vxlan
	check 'not named any more' until_true 5 says '"error": ""'
	check 'said' grep -q 'no routes or devices of stock flannel are left' "$TMP/log"
	check 'all ways' exchange
	end "$agent"
	# who leaves then has failed
	check 'reset' reset
	stock_node "$n1" 1 $MAC1
	stock_peer "$n1" 2 $MAC2 $MAC2
	touch "$TMP/keep"
	check_refused 'takeover' 'device flannel-1 of stock flannel stays' \
		in_ns "$n1" "${keeping[@]}" timeout 30 flctl takeover "${OPTIONS[@]}"
	check 'all ways' exchange
	rm "$TMP/keep"
	check 'reset removes them' reset
	check 'no devices' no_vxlan
}

# exchanged LINK... - as an agent that was killed after the exchange leaves them
exchanged()
{
	local name underlay
	for name in "$@"; do
		underlay=192.168.9.1
		[[ $name != flannel-v6.* ]] || underlay=fd09::1
		ip -n "$n1" link add "$name" type vxlan id 1 local $underlay dev eth0 dstport 8472 ||
			return
	done
}

# The next agent comes up with them, whatever the kernel keeps of them
leftovers_stay()
{
	both_stock || return
	local agent left keeping=(env "KEEP_LINKS=$TMP/keep" "LD_PRELOAD=$SELFTESTS/helpers/keep_links.so")
	check 'taken over' over
	touch "$TMP/keep"
	for left in flannel-1 flannel-v6.1; do
		check 'left' exchanged $left
		check_refused 'takeover' "device $left of stock flannel stays: link del $left: Operation not supported" \
			in_ns "$n1" "${keeping[@]}" timeout 30 flctl takeover "${OPTIONS[@]}"
		check 'all ways' exchange
		ip -n "$n1" link del $left
	done
	check 'reset' reset
	check 'left' exchanged flannel-1 flannel-v6.1
	ip netns exec "$n1" "${keeping[@]}" flctl run "${OPTIONS[@]}" >"$TMP/log" 2>&1 &
	agent=$!
	check 'named' until_true 20 says \
		'"error": "device flannel-1 of stock flannel stays: link del flannel-1: ' ||
		tail -n 5 "$TMP/log"
	check 'ready' in_ns "$n1" flctl status --run-dir "$TMP"
	check_equal 'kind' flannel "$(kind flannel.1)"
	check 'all ways' exchange
	rm "$TMP/keep"
	check 'gone' until_true 20 no_vxlan
	check 'not named any more' until_true 5 says '"error": ""'
	check 'all ways' exchange
	end "$agent"
}

# Ours of an exchange that came to no end has VNI and port: nothing goes without them
ours_stays()
{
	both_stock || return
	local agent keeping=(env "KEEP_LINKS=$TMP/keep" "LD_PRELOAD=$SELFTESTS/helpers/keep_links.so")
	check 'left' in_ns "$n1" flctl link add flannel+1 id 1 lladdr 0e:00:00:00:00:09
	touch "$TMP/keep"
	check_refused 'takeover' 'link del flannel\+1: Operation not supported' \
		in_ns "$n1" "${keeping[@]}" timeout 30 flctl takeover "${OPTIONS[@]}"
	check 'still stock' exchange
	ip -n "$n1" link del flannel.1
	ip -n "$n1" link del flannel-v6.1
	ip netns exec "$n1" "${keeping[@]}" flctl run "${OPTIONS[@]}" >"$TMP/log" 2>&1 &
	agent=$!
	check 'named' until_true 20 says '"error": "link del flannel+1: Operation not supported"' ||
		tail -n 5 "$TMP/log"
	check_not 'ready' in_ns "$n1" flctl status --run-dir "$TMP"
	rm "$TMP/keep"
	check 'goes on' until_true 40 in_ns "$n1" flctl status --run-dir "$TMP" ||
		tail -n 5 "$TMP/log"
	check_not 'gone' ip -n "$n1" link show flannel+1
	check 'all ways' exchange
	end "$agent"
}

# By an agent that stays: it lets go, says so, and is told when to try again
gives_back_and_stays()
{
	both_stock || return
	local agent before
	moved_away || { fail 'moved away'; return; }
	before=$(state)
	ip netns exec "$n1" flctl run "${OPTIONS[@]}" >"$TMP/log" 2>&1 &
	agent=$!
	check 'displaced' until_true 20 grep -q \
		'stock flannel has all of it back: .*displaced: nothing is written' "$TMP/log" ||
		cat "$TMP/log"
	check 'in status' says '"error": "[^"]*stock flannel has all of it back'
	check_refused 'for people' 'not ready: displaced' in_ns "$n1" flctl status --run-dir "$TMP"
	same_again "$before"
	check 'stock as it was' exchange
	# not again and again: each time costs packets
	check_equal 'tried once' 1 "$(grep -c 'is not taken over' "$TMP/log")"
	ip -n "$away" link del moved
	kill -HUP "$agent"
	check 'told to' until_true 20 grep -q 'took flannel.1 over' "$TMP/log" || cat "$TMP/log"
	check 'all ways' exchange
	check_equal 'kind' flannel "$(kind flannel.1)"
	end "$agent"
}

# Killed in the middle: the next agent finishes, and so does reset, which leaves
# nothing of either
killed_and_reset()
{
	both_stock || return
	check 'taken over' over
	batch "$n1" <<-END
		link add flannel-1 type vxlan id 1 local 192.168.9.1 dev eth0 dstport 8472
		link add flannel-v6.1 type vxlan id 1 local fd09::1 dev eth0 dstport 8472
	END
	check 'reset' reset
	check_equal 'vxlan devices' '' "$(ip -n "$n1" link show type vxlan)"
	check_not 'subnet.env' test -e "$TMP/subnet.env"
	stock_node "$n1" 1 $MAC1
	stock_peer "$n1" 2 $MAC2 $MAC2
	! has_iptables || in_ns "$n1" iptables -P FORWARD ACCEPT
	check 'stock again' exchange
}

failures_change_nothing()
{
	both_stock || return
	flanneld "$n1"
	unchanged 'flanneld' "flanneld \\(pid $FLANNELD\\) is running: stop it first" over
	end "$FLANNELD"

	echo 'vni 7' | cat - "$TMP/leases" >"$TMP/vni7"
	echo 'port 4789' | cat - "$TMP/leases" >"$TMP/port"
	echo '10.42.2.0/24 via nowhere' | cat "$TMP/leases" - >"$TMP/bad"
	# said at once, and waited for (tools/flctl/agent/tests/takeover_test.sh: how long)
	LIMIT=6 unchanged 'lease file' 'bad:7' over --lease-file "$TMP/bad"
	unchanged 'port' 'flannel.1 is a vxlan of port 8472, the network has port 4789' \
		over --lease-file "$TMP/port"
	batch "$n1" <<-END
		link add flannel.7 type vxlan id 8 dev eth0 dstport 8472
	END
	unchanged 'VNI' 'flannel.7 is a vxlan of VNI 8, the network has VNI 7' \
		over --lease-file "$TMP/vni7"
	ip -n "$n1" link set flannel.7 up
	unchanged 'port in use' 'UDP port 8472 is in use by the vxlan device flannel.7' over
	ip -n "$n1" link del flannel.7
	given_back 'take-over'
	# Our device is made, and cannot have what it needs
	enter "$n1" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
	unchanged 'no IPv6 for it' 'not taken over, nothing has changed: address add fd42:' over
	enter "$n1" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6'

	ip -n "$n1" link add flannel+1 type bridge
	unchanged 'name in use' 'flannel\+1 is of kind bridge' over
	ip -n "$n1" link del flannel+1
	unchanged 'switched off' 'flannel.1 is of kind vxlan, not flannel' in_ns "$n1" \
		timeout 30 flctl run --once --takeover=false "${OPTIONS[@]}"
	check 'still stock' exchange
}

dry_run_lists()
{
	both_stock || return
	local before line out
	before=$(state)
	check 'dry run' over --dry-run
	out=$(over --dry-run 2>/dev/null)
	check_equal 'nothing changed' "$before" "$(state)"
	for line in 'link add flannel+1: of kind flannel, 4 leases' "link del flannel.1: vxlan of stock flannel, MAC $MAC1" \
		'link del flannel-v6.1' 'link set flannel+1 name flannel.1 up' \
		'route add 10.42.0.0/16 dev flannel.1' 'rules inet flannel_one: added' \
		'nft delete table ip flannel-ipv4'; do
		grep -Fq "would: $line" <<<"$out" || fail "not listed: $line"
	done
	check_not 'nothing foreign' grep -q 192.168.9.66 <<<"$out"
	# what people do before they stop flanneld
	flanneld "$n1"
	check_equal 'the same beside flanneld' "$out" "$(over --dry-run 2>"$TMP/said")"
	check 'it is named' grep -q "flanneld (pid $FLANNELD) is running" "$TMP/said"
	end "$FLANNELD"
}

# An agent that was killed has left its device; one that is killed later does, too
killed_between()
{
	both_stock || return
	check 'leftover' in_ns "$n1" flctl link add flannel+1 id 1 lladdr 0e:00:00:00:00:09
	check 'taken over' over
	check 'all ways' exchange
	check_not 'leftover' ip -n "$n1" link show flannel+1
	check_equal 'MAC' $MAC1 "$(lladdr "$n1" flannel.1)"
	# Killed after the exchange: theirs are down, one by another name
	batch "$n1" <<-END
		link add flannel-1 type vxlan id 1 local 192.168.9.1 dev eth0 dstport 8472
		link add flannel-v6.1 type vxlan id 1 local fd09::1 dev eth0 dstport 8472
	END
	check 'taken over once more' over
	check_equal 'vxlan devices' '' "$(ip -n "$n1" link show type vxlan)"
	check 'all ways still' exchange
	over >"$TMP/again" 2>/dev/null
	check_equal 'again' 'nothing to take over' "$(cat "$TMP/again")"
}

# Rules of another network stay, with the chain that they are in
another_network()
{
	both_stock || return
	! has_iptables || iptables_rules 10.99.0.0/16 10.99.1.0/24
	in_ns "$n1" nft add rule ip flannel-ipv4 forward ip saddr 10.99.0.0/16 accept
	check 'taken over' over
	check 'all ways' exchange
	check_equal 'nft' 1 "$(in_ns "$n1" nft list table ip flannel-ipv4 | grep -c saddr)"
	has_iptables || return
	check_equal 'iptables' 5 "$(in_ns "$n1" iptables -t nat -S FLANNEL-POSTRTG | grep -c 10.99)"
	check_equal 'ours in iptables' 0 "$(in_ns "$n1" iptables -t nat -S | grep -c 10.42)"
	check 'jump' in_ns "$n1" iptables -t nat -C POSTROUTING -m comment \
		--comment 'flanneld masq' -j FLANNEL-POSTRTG
}

# Direct routes become ours without a packet lost, and without the module's device
host_gw()
{
	local ping
	scratch
	underlay 2 && pod "$n1" 1 && pod "$n2" 2 && foreign_routes || { fail 'set-up'; return; }
	batch "$n1" <<-END
		route add 10.42.2.0/24 via 192.168.9.2
		route add fd42:0:0:2::/64 via fd09::2
		route add 10.42.7.0/24 via 192.168.9.7
		route append blackhole 10.42.1.0/24
	END
	batch "$n2" <<-END
		route add 10.42.1.0/24 via 192.168.9.1
		route add fd42:0:0:1::/64 via fd09::1
	END
	cat >"$TMP/leases" <<-END
		network 10.42.0.0/16
		network fd42::/48
		backend host-gw
		10.42.1.0/24 via 192.168.9.1
		fd42:0:0:1::/64 via fd09::1
		10.42.2.0/24 via 192.168.9.2
		fd42:0:0:2::/64 via fd09::2
	END
	OPTIONS=(--lease-file "$TMP/leases" --iface eth0 --run-dir "$TMP" --state-dir "$TMP"
		--subnet-file "$TMP/subnet.env" --instance one)
	check 'stock' exchange
	in_ns "$pod1" ping -n -q -i 0.01 -c 300 -W 2 10.42.2.2 >"$TMP/ping" 2>&1 &
	ping=$!
	check 'taken over' over
	wait "$ping"
	grep -q ' 300 received' "$TMP/ping" || fail "$(tail -n 3 "$TMP/ping")"
	check 'all ways' exchange
	check_equal 'routes of stock flannel' '' "$(routes proto boot | grep -v 192.168.9.66)"
	check_equal 'routes of ours' 2 "$(routes proto 141 | grep -c via)"
	[[ $(ip -n "$n1" route | grep -c 'via 192.168.9.66') == 4 ]] || fail 'of others'
}

# direct NS J - node J is reached without encapsulation, as by DirectRouting
direct()
{
	batch "$1" <<-END
		route replace 10.42.$2.0/24 via 192.168.9.$2
		route del fd42:0:0:$2::/64
		route add fd42:0:0:$2::/64 via fd09::$2
	END
}

# Its routes do not miss the device for a moment
direct_routing()
{
	both_stock || return
	local ping
	direct "$n1" 2 && direct "$n2" 1
	sed -i '1i directrouting' "$TMP/leases"
	check 'direct' exchange
	in_ns "$pod1" ping -n -q -i 0.01 -c 300 -W 2 10.42.2.2 >"$TMP/ping" 2>&1 &
	ping=$!
	check 'taken over' over
	wait "$ping"
	grep -q ' 300 received' "$TMP/ping" || fail "$(tail -n 3 "$TMP/ping")"
	check_equal 'direct routes' 2 "$(routes proto 141 | grep -Ec 'via (192.168.9|fd09:)')"
	check_equal 'kind' flannel "$(kind flannel.1)"
	check 'all ways' exchange
}

# Nothing of ours is left, and stock flannel starts as on a new host
gives_back()
{
	both_stock || return
	local agent before
	check 'taken over' over
	ip netns exec "$n1" flctl run "${OPTIONS[@]}" >"$TMP/log" 2>&1 &
	agent=$!
	until_true 10 test -S "$TMP/one.sock"
	check_refused 'agent runs' 'another agent runs' reset
	end "$agent"
	before=$(state)
	check 'dry run' reset --dry-run
	check_equal 'dry run' "$before" "$(state)"
	check 'reset' reset
	check_not 'device' ip -n "$n1" link show flannel.1
	check_equal 'routes' '' "$(routes | grep -v 192.168.9.66)"
	check_not 'rules' in_ns "$n1" nft list table inet flannel_one
	check_not 'rules in FORWARD' grep -q 'flctl one' <<<"$(in_ns "$n1" nft list ruleset 2>/dev/null)"
	check 'of others' kept
	check_equal 'files' 'one.mac' "$(cd "$TMP" && ls -d one.* subnet.env 2>/dev/null)"
	check_equal 'again' 'nothing to remove' "$(reset --log-level error)"
	stock_node "$n1" 1 $MAC1
	stock_peer "$n1" 2 $MAC2 $MAC2
	! has_iptables || in_ns "$n1" iptables -P FORWARD ACCEPT
	check 'stock again' exchange
}

# An agent that was killed after the exchange, and its files but for what it made
gives_back_by_memory()
{
	both_stock || return
	check 'taken over' over
	in_ns "$n1" ip link add flannel-1 type vxlan id 1 dstport 8472
	in_ns "$n1" ip link add flannel-2 type vxlan id 2 dstport 8472
	rm "$TMP/subnet.env" "$TMP/one.mac"
	sed -i '/^network/d; s/flannel.1 lladdr .*/flannel.1 lladdr 0e:00:00:00:00:77/' "$TMP/one.made"
	check_refused 'another MAC' 'routes of protocol 141 stay' reset
	check 'is not the one that was made' ip -n "$n1" link show flannel.1
	sed -i "s/0e:.*/$MAC1/" "$TMP/one.made"
	cp "$TMP/one.made" "$TMP/two.made"
	check_refused 'another instance has the name' 'flannel.1 stays: instance "two"' reset
	check 'is not ours alone' ip -n "$n1" link show flannel.1
	rm "$TMP/two.made"
	check 'reset' reset
	check_not 'device' ip -n "$n1" link show flannel.1
	check_not 'stock device' ip -n "$n1" link show flannel-1
	check 'of another VNI' ip -n "$n1" link show flannel-2
}

need nft bridge
[[ -n $FLCTL_AGENT ]] || { echo '1..0 # SKIP needs flctl-agent'; exit 4; }
run_tests takes_over failures_change_nothing dry_run_lists killed_between another_network \
	host_gw direct_routing gives_back gives_back_by_memory gives_back_and_stays \
	killed_and_reset devices_stay leftovers_stay ours_stays
