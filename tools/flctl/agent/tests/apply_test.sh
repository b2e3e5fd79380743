#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# apply_test.sh - routes, rules, sysctls and files in network namespaces
#
#	a (10.42.1.2) --- a0 [ here ] b0 --- b (10.42.2.2, 10.42.2.3)
set -u
exec 2>&1

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../../../../selftests/tap.sh"
out=${AGENT_OUT-$here/..}
driver=$out/tests/apply_driver

if [[ ${IN_NAMESPACE-} != "$$" ]]; then
	make -s -C "$here/.." "O=$out" "$(cd "$out" && pwd)/tests/apply_driver" || exit 1
	[[ $(id -u) == 0 ]] || { echo '1..0 # SKIP needs root'; exit 0; }
	IN_NAMESPACE=$$ exec unshare --net --mount "$0"
fi
mount -t tmpfs tmpfs /run
tmp=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$tmp"' EXIT

# --- what the steps have in common -----------------------------------------

set_up()
{
	local n
	ip link set lo up
	for n in a b; do
		ip netns add $n
		ip link add ${n}0 type veth peer name eth0 netns $n
		ip link set ${n}0 up
		ip -n $n link set lo up
		ip -n $n link set eth0 up
	done
	ip address add 10.42.1.1/24 dev a0
	ip address add 10.42.2.1/24 dev b0
	ip -6 address add fd42:2::1/64 dev b0 nodad
	ip -n a address add 10.42.1.2/24 dev eth0
	ip -n b address add 10.42.2.2/24 dev eth0
	ip -n b address add 10.42.2.3/24 dev eth0
	ip -n b address add 10.50.7.1/32 dev lo
	ip -n a route add default via 10.42.1.1
	ip -n b route add default via 10.42.2.1
}

# is TEXT COMMAND... - what the command prints, failing or not, is TEXT
is()
{
	local wanted=$1 found
	shift
	found=$("$@" 2>&1) || true
	[[ $found == "$wanted" ]] || {
		printf '%s\n--- wanted:\n%s\n--- found:\n%s\n' "$*" "$wanted" "$found"
		return 1
	}
}

# matches REGEX COMMAND...
matches()
{
	local regex=$1 found
	shift
	found=$("$@" 2>&1) || true
	grep -Eq -- "$regex" <<<"$found" || { printf '%s\n%s\n' "$*" "$found"; return 1; }
}

# twice WORDS... - changes something, and the second time nothing
twice()
{
	matches . "$driver" "$@"
	is '' "$driver" "$@"
}

# dry_first WORDS... - says without doing what it will do, then twice
dry_first()
{
	local before after said
	before=$(settled)
	said=$("$driver" dry "$@") || true
	after=$(everything)
	[[ $before == "$after" ]] || {
		echo "dry, but changed: $*"
		diff <(echo "$before") <(echo "$after")
		return 1
	}
	is "$said" "$driver" "$@"
	is '' "$driver" "$@"
}

everything()
{
	ip -4 route show table all
	# link-local ones come when the kernel is ready for them
	ip -6 route show table all | sed 's/ expires [^ ]*//; /fe80::/d; /ff00::/d'
	nft -s list ruleset
	iptables-legacy -S
	sysctl -a 2>/dev/null | grep -E 'forward'
	ls -lR "$tmp"
}

# What the kernel does about the step before may take a moment
settled()
{
	local now before='' i
	for i in {1..30}; do
		now=$(everything)
		[[ $now != "$before" ]] || break
		before=$now
		sleep 0.2
	done
	echo "$now"
}

ours() { ip route show proto 141; ip -6 route show proto 141; }
trimmed() { "$@" | sed 's/ *$//; s/ pref medium//'; }

# --- routes ----------------------------------------------------------------

routes_added_and_deleted()
{
	dry_first inside 10.50.0.0/16 inside fd50::/48 \
		route '10.50.7.0/24 via 10.42.2.2 if b0 src 10.42.1.1 metric 7 mtu 1400' \
		route '10.50.8.0/24 via 10.99.0.1 onlink if b0' \
		route '10.50.9.0/24 blackhole metric 4000' \
		route 'fd50:0:0:7::/64 via fd42:2::2 if b0 mtu 1380' \
		route 'fd50:0:0:9::/64 blackhole metric 4000' run routes
	is "$(printf '%s\n' \
		'10.50.7.0/24 via 10.42.2.2 dev b0 src 10.42.1.1 metric 7 mtu 1400' \
		'10.50.8.0/24 via 10.99.0.1 dev b0 onlink' \
		'blackhole 10.50.9.0/24 metric 4000' \
		'fd50:0:0:7::/64 via fd42:2::2 dev b0 metric 1024 mtu 1380' \
		'blackhole fd50:0:0:9::/64 dev lo metric 4000')" trimmed ours
	# order: what is new first, what is old last
	is "$(printf '%s\n' 'route add 10.50.0.0/16 dev b0' \
		'route replace 10.50.8.0/24 via 10.42.2.3 dev b0' \
		'route del 10.50.7.0/24 via 10.42.2.2 dev b0 src 10.42.1.1 metric 7 mtu 1400' \
		'route del blackhole 10.50.9.0/24 metric 4000' \
		'route del fd50:0:0:7::/64 via fd42:2::2 dev b0 metric 1024 mtu 1380' \
		'route del blackhole fd50:0:0:9::/64 metric 4000')" \
		"$driver" inside 10.50.0.0/16 inside fd50::/48 device b0 route 10.50.0.0/16 \
		route '10.50.8.0/24 via 10.42.2.3 if b0' run routes
	dry_first inside 10.50.0.0/16 run routes
	is '' ours
}

# Whatever differs is put right; what is equal is not touched
routes_repaired()
{
	local words=(inside 10.50.0.0/16 inside fd50::/48 device b0
		route '10.50.0.0/16 src 10.42.1.1'
		route 'fd50::/48 via fe80::1 onlink mtu 1300')
	local change
	twice "${words[@]}" run routes
	for change in 'del 10.50.0.0/16' '-6 del fd50::/48 dev b0' \
		'change 10.50.0.0/16 dev b0 proto 141' \
		'change 10.50.0.0/16 dev a0 proto 141 src 10.42.1.1' \
		'change 10.50.0.0/16 via 10.42.2.2 proto 141 src 10.42.1.1' \
		'change 10.50.0.0/16 dev b0 proto 141 src 10.42.1.1 mtu 1000' \
		'change blackhole 10.50.0.0/16 proto 141' \
		'prepend 10.50.0.0/16 via 10.42.2.2 proto 141' \
		'append 10.50.0.0/16 via 10.42.2.2 proto 141' \
		'add 10.50.0.0/16 via 10.42.2.2 proto 141 metric 9' \
		'add 10.50.9.0/24 proto 141 nexthop via 10.42.2.2 nexthop via 10.42.2.3' \
		'change 10.50.0.0/16 proto 141 nexthop via 10.42.2.2 nexthop via 10.42.2.3' \
		'-6 change fd50::/48 via fe80::1 dev b0 proto 141' \
		'-6 change fd50::/48 dev b0 proto 141 mtu 1300' \
		'-6 append fd50::/48 via fe80::2 dev b0 proto 141' \
		'-6 add fd50::/48 via fe80::2 dev b0 proto 141 metric 5'; do
		# shellcheck disable=SC2086
		case $change in
		-6*) ip -6 route ${change#-6 } ;;
		*) ip route $change ;;
		esac
		matches '^route ' "$driver" "${words[@]}" run routes ||
			{ echo "after: $change"; return 1; }
		is '' "$driver" "${words[@]}" run routes ||
			{ echo "after: $change"; return 1; }
		is "$(printf '%s\n' '10.50.0.0/16 dev b0 scope link src 10.42.1.1' \
			'fd50::/48 via fe80::1 dev b0 metric 1024 onlink mtu 1300')" trimmed ours ||
			{ echo "after: $change"; return 1; }
	done
	twice inside 10.50.0.0/16 inside fd50::/48 run remove-routes
}

# Other protocols, other instances
routes_of_others()
{
	ip route add 10.50.1.0/24 via 10.42.2.2
	ip route add 10.50.2.0/24 via 10.42.2.2 proto 142 metric 5
	ip route add 10.51.1.0/24 via 10.42.2.2 proto 141
	ip route add 10.50.3.0/24 via 10.42.2.2 proto 141 table 77
	ip -6 route add fd50:1::/64 via fd42:2::2 proto 141
	local before
	before=$(ip route show table all; ip -6 route)
	matches "^error: route 10.50.1.0/24 .*: there is already 10.50.1.0/24 via 10.42.2.2 dev b0 of protocol 3" \
		"$driver" inside 10.50.0.0/16 device a0 route 10.50.1.0/24 \
		route 10.50.4.0/24 run routes
	is '10.50.4.0/24 dev a0 scope link' trimmed ip route show 10.50.4.0/24 proto 141
	# the same destination with another metric is another route
	twice inside 10.50.0.0/16 device a0 route '10.50.2.0/24' run routes
	twice inside 10.50.0.0/16 run remove-routes
	is "$before" eval 'ip route show table all; ip -6 route'
	# of all instances
	twice run remove-routes
	is '10.50.3.0/24 via 10.42.2.2 dev b0 proto 141' trimmed ip route show table 77
	ip route del 10.50.1.0/24
	ip route del 10.50.2.0/24 metric 5
	ip route del 10.50.3.0/24 table 77
}

# A route that cannot be does not keep others from being
routes_that_fail()
{
	matches '^error: route add 10.50.1.0/24 via 10.98.0.1 dev b0: .*\(and 1 more routes\)$' \
		"$driver" inside 10.50.0.0/16 route '10.50.1.0/24 via 10.98.0.1 if b0' \
		route '10.50.2.0/24 via 10.98.0.1 if b0' \
		route '10.50.3.0/24 via 10.42.2.2 if b0' run routes
	is '10.50.3.0/24 via 10.42.2.2 dev b0' trimmed ours
	matches '^error: route add 10.50.1.0/24 dev flannel.9: there is no such device$' \
		"$driver" inside 10.50.0.0/16 device flannel.9 route 10.50.1.0/24 run routes
	is '' ours
}

# Back and forth between routes, also with the same key, under traffic
routes_lose_nothing()
{
	local n
	"$driver" inside 10.50.0.0/16 route '10.50.0.0/16 via 10.42.2.2 if b0' run routes
	ip netns exec a ping -q -i 0.002 -W 1 -c 1000 10.50.7.1 >"$tmp/ping" &
	for n in 1 2 3 4 5 6; do
		"$driver" inside 10.50.0.0/16 route '10.50.7.0/24 via 10.42.2.3 if b0' run routes
		"$driver" inside 10.50.0.0/16 route '10.50.7.0/24 via 10.42.2.2 if b0' run routes
		"$driver" inside 10.50.0.0/16 route '10.50.0.0/16 via 10.42.2.2 if b0' run routes
	done
	wait $!
	matches ' 1000 received, 0% packet loss' cat "$tmp/ping"
	"$driver" inside 10.50.0.0/16 run remove-routes
}

# 20,000 come and go in seconds, and cost nothing when they are there
many_routes()
{
	local words=(inside 11.0.0.0/9 device b0 routes 20000 run routes)
	timeout 30 "$driver" "${words[@]}" >"$tmp/said"
	is 20000 grep -c '^route add' "$tmp/said"
	is '' timeout 10 "$driver" "${words[@]}"
	timeout 30 "$driver" inside 11.0.0.0/9 run remove-routes >"$tmp/said"
	is 20000 grep -c '^route del' "$tmp/said"
}

# --- rules -----------------------------------------------------------------

rules=(rules 10.42.0.0/16 subnet 10.42.1.0/24 rules fd42::/48 subnet fd42:0:0:1::/64)

table() { nft list tables | grep -vE ' (filter|others)$' | sed 's/^table //'; }
shown() { nft -s list ruleset; }

# Anything that is done to the table is undone, in one transaction
rules_restored()
{
	local shown table chain change
	dry_first "${rules[@]}" run rules
	shown=$(shown)
	table=$(table)
	[[ -n $table && $table != *$'\n'* ]] || { echo "tables: $table"; return 1; }
	chain=$(nft list table $table | sed -n 's/^\tchain \(.*\) {/\1/p' | head -n 1)
	for change in "delete table $table" "flush table $table" \
		"flush chain $table $chain" "insert rule $table $chain drop" \
		"add rule $table $chain counter" "add chain $table other" \
		"add table $table { flags dormant; }" \
		"delete rule $table $chain handle $(nft -a list chain $table $chain |
			sed -n '/ accept\| return\| masquerade\| counter/s/.*# handle //p' | head -n 1)"; do
		# shellcheck disable=SC2086
		nft $change
		[[ $shown != "$(shown)" ]] || { echo "no change: $change"; return 1; }
		matches '^rules .*: (added|replaced)$' "$driver" "${rules[@]}" run rules
		is '' "$driver" "${rules[@]}" run rules
		is "$shown" shown || { echo "after: $change"; return 1; }
	done
}

rules_of_a_new_plan()
{
	twice rules 10.43.0.0/16 subnet 10.43.1.0/24 run rules
	matches '10\.43\.0\.0/16' shown
	is 0 eval 'shown | grep -c 10.42'
	twice instance other "${rules[@]}" run rules
	is 2 eval 'nft list tables | wc -l'
	dry_first run remove-rules
	is 1 eval 'nft list tables | wc -l'
	twice instance other run remove-rules
	is '' nft list ruleset
}

reachable() { ip netns exec a ping -q -c 1 -W 1 10.42.2.2; }
unreachable() { ! reachable; }

# forward IPTABLES COMMAND... - after the commands nothing is forwarded any more;
# with our rules it is; they go when asked to
forward()
{
	local iptables=$1
	shift
	reachable
	"$@"
	unreachable
	dry_first "${rules[@]}" run rules forward
	reachable
	matches '^-A FORWARD .*--comment "flctl test" -j ACCEPT' "$iptables" -S FORWARD
	"$iptables" -F FORWARD
	"$@"
	unreachable
	twice "${rules[@]}" run rules forward
	reachable
	# behind what drops they are of no use
	"$iptables" -I FORWARD -j DROP
	unreachable
	twice "${rules[@]}" run rules forward
	reachable
	# another network, and none
	twice rules 10.77.0.0/16 subnet 10.77.1.0/24 run rules forward
	unreachable
	is 2 eval "$iptables -S FORWARD 2>/dev/null | grep -c flctl"
	twice rules 10.77.0.0/16 subnet 10.77.1.0/24 noforward run rules forward
	is 0 eval "$iptables -S FORWARD 2>/dev/null | grep -c flctl"
	"$driver" "${rules[@]}" run rules forward
	dry_first run remove-rules remove-forward
	is 0 eval "$iptables -S 2>/dev/null | grep -c flctl"
	unreachable
	"$iptables" -F FORWARD
	"$iptables" -P FORWARD ACCEPT
}

docker()
{
	"$1" -P FORWARD DROP
	"$1" -A FORWARD -i docker0 -j ACCEPT
}

# rejects in a chain that all go through
ufw()
{
	"$1" -N ufw-reject 2>/dev/null || "$1" -F ufw-reject
	"$1" -A ufw-reject -j REJECT
	"$1" -A FORWARD -i lo -j ACCEPT
	"$1" -A FORWARD -j ufw-reject
}

have() { command -v "$1" >/dev/null && "$1" -w -S >/dev/null; }
forward_nft_docker() { forward iptables-nft docker iptables-nft; }
forward_nft_ufw() { forward iptables-nft ufw iptables-nft; }
forward_legacy_docker() { forward iptables-legacy docker iptables-legacy; }
forward_legacy_ufw() { forward iptables-legacy ufw iptables-legacy; }

# ends_whoever_calls PROGRAM... - in $tmp/ends, one of that name does what it is told,
# and when that was a change nobody lives to make the next
ends_whoever_calls()
{
	local name
	mkdir "$tmp/ends"
	for name; do
		cat >"$tmp/ends/$name" <<-END
			#!/bin/sh
			$(command -v "$name") "\$@"
			status=\$?
			case "\$0 \$*" in
			*' -V') ;;
			*-restore*|*' -'[ADI]' '*) kill -KILL "\$PPID" ;;
			esac
			exit \$status
		END
		chmod +x "$tmp/ends/$name"
	done
}

# ended COMMAND... - and killed by a signal
ended()
{
	local status=0
	PATH=$tmp/ends:$PATH "$@" || status=$?
	is 137 echo $status
}

# marked IPTABLES - rules of ours, working or not
marked() { "$1" -S FORWARD 2>/dev/null | grep -c '"flctl test"'; }

# whole IPTABLES WORD... - after each change that WORDs call for it can end, and what
# was forwarded is, what is there is not lost; another time all is well
whole()
{
	local iptables=$1
	shift
	ended "$driver" "$@" run rules forward
	reachable
	"$driver" "$@" run rules forward
	reachable
	is 2 marked "$iptables"
	is '' "$driver" "$@" run rules forward
}

# forward_whole IPTABLES - rules that have to be moved, or go, are at no time missing
forward_whole()
{
	local iptables=$1 ours=(-m comment --comment 'flctl test' -j ACCEPT)
	local theirs=(-s 10.42.0.0/16 -m comment --comment 'flctl test2' -j ACCEPT)
	ends_whoever_calls "$iptables" "$iptables-restore"
	docker "$iptables"
	"$driver" "${rules[@]}" run rules forward
	reachable
	# twice, the second time at the end: the first one is what works
	"$iptables" -A FORWARD -s 10.42.0.0/16 "${ours[@]}"
	"$iptables" -A FORWARD -j REJECT
	"$iptables" -A FORWARD -s 10.42.0.0/16 "${ours[@]}"
	"$iptables" -A FORWARD -d 10.42.0.0/16 "${ours[@]}"
	"$iptables" -A FORWARD "${theirs[@]}"
	whole "$iptables" "${rules[@]}"
	# in the wrong place
	"$iptables" -I FORWARD -j REJECT
	unreachable
	whole "$iptables" "${rules[@]}"
	# of another form, or for a network that is another now
	"$iptables" -I FORWARD -s 10.42.0.0/16 -p udp "${ours[@]}"
	whole "$iptables" "${rules[@]}"
	whole "$iptables" rules 10.40.0.0/14 subnet 10.42.1.0/24
	# no rule of anyone else has gone, and what stands before what drops still does
	is 1 eval "$iptables -S FORWARD 2>/dev/null | grep -c 'flctl test2'"
	is 2 eval "$iptables -S FORWARD 2>/dev/null | grep -c -- '-j REJECT'"
	is '-A FORWARD -i docker0 -j ACCEPT' eval "$iptables -S FORWARD 2>/dev/null | grep docker0"
	ended "$driver" run remove-rules remove-forward
	"$driver" run remove-rules remove-forward
	is 0 marked "$iptables"
	"$iptables" -F FORWARD
	"$iptables" -P FORWARD ACCEPT
	rm -r "$tmp/ends"
}

forward_nft_whole() { forward_whole iptables-nft; }
forward_legacy_whole() { forward_whole iptables-legacy; }

# What iptables-restore says is about a line, which is named
forward_refused()
{
	iptables-nft -P FORWARD DROP
	printf '#!/bin/sh\n[ "$1" = -V ] && exec echo "v1 (nf_tables)"\necho "line 2 failed: no" >&2\nexit 1\n' \
		>"$tmp/iptables-nft-restore"
	chmod +x "$tmp/iptables-nft-restore"
	PATH=$tmp:$PATH matches '^error: iptables-nft-restore: -A FORWARD -s 10.42.0.0/16 .*: line 2 failed: no' \
		"$driver" "${rules[@]}" run rules forward
	printf '#!/bin/sh\nexit 1\n' >"$tmp/iptables-nft-restore"
	cp "$tmp/iptables-nft-restore" "$tmp/iptables-restore"
	PATH=$tmp:$PATH matches '^error: .*neither iptables-nft-restore nor iptables-restore of that kind works here' \
		"$driver" "${rules[@]}" run rules forward
	rm "$tmp"/iptables*
	iptables-nft -P FORWARD ACCEPT
	"$driver" run remove-rules remove-forward
}

# Rules that decide by conditions stay before ours: policies keep their say
forward_leaves_policies()
{
	iptables-nft -P FORWARD DROP
	iptables-nft -A FORWARD -s 10.42.1.2/32 -j REJECT
	"$driver" "${rules[@]}" run rules forward
	unreachable
	iptables-nft -D FORWARD -s 10.42.1.2/32 -j REJECT
	reachable
	ip6tables-nft -P FORWARD DROP
	matches '^ip6tables-nft -A FORWARD -s fd42::/48 ' "$driver" "${rules[@]}" run rules forward
	is '' "$driver" "${rules[@]}" run rules forward
	"$driver" run remove-rules remove-forward
	is 0 eval 'ip6tables-nft -S 2>/dev/null | grep -c flctl'
	iptables-nft -P FORWARD ACCEPT
	ip6tables-nft -P FORWARD ACCEPT
}

# Chains of others are named, and let alone
forward_names_others()
{
	nft 'table inet others { chain f { type filter hook forward priority 5; policy drop; }; }'
	matches '^warning: nft chain inet others f drops' "$driver" "${rules[@]}" run rules forward
	nft 'flush table inet others; delete chain inet others f'
	nft 'table inet others { chain f { type filter hook forward priority 5; counter reject; }; }'
	matches '^warning: nft chain inet others f drops' "$driver" "${rules[@]}" run rules forward
	nft 'flush table inet others'
	is '' "$driver" "${rules[@]}" run rules forward
	nft delete table inet others
	"$driver" run remove-rules remove-forward
}

# A program that hangs, and none at all
forward_without_program()
{
	local dir
	iptables-nft -P FORWARD DROP
	printf '#!/bin/sh\nexit 1\n' >"$tmp/iptables-nft"
	cp "$tmp/iptables-nft" "$tmp/iptables"
	chmod +x "$tmp/iptables-nft" "$tmp/iptables"
	PATH=$tmp:$PATH matches "^error: .*neither iptables-nft nor iptables of that kind works here" \
		"$driver" "${rules[@]}" run rules forward
	printf '#!/bin/sh\n[ "$1" = -V ] && exit 0\nsleep 4444\n' >"$tmp/iptables-nft"
	printf '#!/bin/sh\n[ "$1" = -V ] && exec echo "v1 (nf_tables)"\nsleep 4444\n' >"$tmp/iptables"
	PATH=$tmp:$PATH matches '^error: iptables did not end within [0-9]+ ms' \
		timeout 20 "$driver" "${rules[@]}" run rules forward
	is '' pgrep -f '^sleep 4444$'
	rm "$tmp"/iptables*
	iptables-nft -P FORWARD ACCEPT
	"$driver" run remove-rules remove-forward
}

# --- files -----------------------------------------------------------------

sysctls_written()
{
	sysctl -q net.ipv4.ip_forward=0
	dry_first sysctl net/ipv4/ip_forward 1 sysctl net/ipv6/conf/all/forwarding 1 run sysctls
	is 1 sysctl -n net.ipv4.ip_forward
	is 1 sysctl -n net.ipv6.conf.all.forwarding
	matches '^error: sysctl net/ipv4/no_such: No such file' \
		"$driver" sysctl net/ipv4/no_such 1 sysctl net/ipv4/conf/a0/rp_filter 2 run sysctls
	is 2 sysctl -n net.ipv4.conf.a0.rp_filter
}

subnet_env_written()
{
	local file=$tmp/flannel/sub/subnet.env words
	words=(env "$file" $'FLANNEL_MTU=1450\n' run env)
	umask 077
	dry_first "${words[@]}"
	is 'FLANNEL_MTU=1450' cat "$file"
	is '644 755 755' eval "echo \$(stat -c %a $file $tmp/flannel $tmp/flannel/sub)"
	is subnet.env ls -A "$tmp/flannel/sub"
	for change in 'rm' 'chmod 600' 'truncate -s 0' 'truncate -s 5000' 'ln -sf /etc/passwd'; do
		$change "$file"
		twice "${words[@]}"
		is 'FLANNEL_MTU=1450' cat "$file"
		is '644 regular file' stat -c '%a %F' "$file"
	done
	# the old one may be open while the new one comes: it stays whole
	exec 9<"$file"
	twice env "$file" $'FLANNEL_MTU=1400\n' run env
	is 'FLANNEL_MTU=1450' cat <&9
	is '' "$driver" env "$file" '' run env
	is 'FLANNEL_MTU=1400' cat "$file"
	matches "^error: cannot write $tmp/flannel: Is a directory" \
		"$driver" env "$tmp/flannel" x run env
	matches "^error: cannot write $file/x: Not a directory" \
		"$driver" env "$file/x" x run env
	matches "^error: cannot make the directory of $file/x/y: Not a directory" \
		"$driver" env "$file/x/y" x run env
	is subnet.env ls -A "$tmp/flannel/sub"
}

step 'set up' set_up
step 'sysctls' sysctls_written
step 'subnet.env' subnet_env_written
step 'routes are added and deleted' routes_added_and_deleted
step 'routes are repaired' routes_repaired
step 'routes of others stay' routes_of_others
step 'routes that cannot be' routes_that_fail
step 'a change of routes loses no packet' routes_lose_nothing
step '20,000 routes' many_routes
step 'rules are restored' rules_restored
step 'rules of a new plan' rules_of_a_new_plan
if have iptables-nft && have ip6tables-nft; then
	step 'FORWARD: policy drop, nft' forward_nft_docker
	step 'FORWARD: reject in a chain, nft' forward_nft_ufw
	step 'FORWARD: all at once, nft' forward_nft_whole
	step 'FORWARD: what iptables-restore refuses' forward_refused
	step 'FORWARD: policies stay before' forward_leaves_policies
	step 'FORWARD: no program, a hanging program' forward_without_program
else
	echo '# no iptables-nft that works here: not tested'
fi
if have iptables-legacy; then
	step 'FORWARD: policy drop, legacy' forward_legacy_docker
	step 'FORWARD: reject in a chain, legacy' forward_legacy_ufw
	step 'FORWARD: all at once, legacy' forward_legacy_whole
else
	echo '# no iptables-legacy that works here: not tested'
fi
step 'chains of others are named' forward_names_others
done_steps
