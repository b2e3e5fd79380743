#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# store_etcd_test.sh - the store in etcd against a real etcd, in a network
# namespace of its own.  Nodes are tests/store_etcd_driver; a proxy between makes
# those faults that a real etcd makes only now and then.
#
# AGENT_OUT: where the agent is built.  ONLY: run only steps that match this.
#
#	store_etcd_test.sh [K/N]	every Nth step from the Kth on
set -u
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
AGENT_OUT=${AGENT_OUT:-$HERE/..}
. "$HERE/../../../../selftests/tap.sh"

for program in etcd etcdctl unshare openssl python3; do
	command -v "$program" >/dev/null || { echo "1..0 # SKIP no $program"; exit 0; }
done
if [[ -z ${IN_NETNS:-} ]]; then
	DRIVER=${DRIVER:-$AGENT_OUT/tests/store_etcd_driver}
	[[ $DRIVER != "$AGENT_OUT"/* ]] ||
		make -s -C "$HERE/.." O="$AGENT_OUT" "$DRIVER" || exit 1
	unshare -rn true || { echo "1..0 # SKIP no network namespaces"; exit 0; }
	export DRIVER IN_NETNS=1
	exec unshare -rn "$0" "$@"
fi
ip link set lo up || exit 1

W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
CONFIG='{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","VNI":1}}'
P=/coreos.com/network
E=http://127.0.0.1:2379
export ETCDCTL_API=3

# --- etcd, nodes and what they say -------------------------------------------

PIDS=()
declare -A NODE_PID INPUT MARK

tidy()
{
	local pid

	set +e
	for pid in "${PIDS[@]}"; do
		kill -CONT "$pid"
		kill -9 "$pid"
		wait "$pid"
	done 2>/dev/null
}

ctl()
{
	etcdctl --endpoints="${CTL:-$E}" --command-timeout=3s "$@"
}

# start_etcd [ARG...] - and wait until it serves
start_etcd()
{
	local i

	# shellcheck disable=SC2086
	etcd --name n --data-dir "${DATA:=$W/data.$BASHPID}" --listen-client-urls "${URLS:-$E}" \
		--advertise-client-urls "${URLS:-$E}" --logger zap --log-level error \
		--listen-peer-urls http://127.0.0.1:2380 "$@" >>"$W/etcd.log" 2>&1 </dev/null &
	ETCD=$!
	PIDS+=("$ETCD")
	for ((i = 0; i < 100; i++)); do
		# shellcheck disable=SC2086
		! ctl ${CTL_TLS:-} endpoint health >/dev/null 2>&1 || return 0
		kill -0 "$ETCD" || break
		sleep 0.1
	done
	tail -5 "$W/etcd.log"
	return 1
}

stop_etcd()
{
	kill "-${1:-KILL}" "$ETCD"
	wait "$ETCD" 2>/dev/null || true
}

# with the configuration in it
fresh_etcd()
{
	DATA=$W/data.$BASHPID.$RANDOM
	start_etcd "$@"
	ctl put $P/config "$CONFIG"
}

# node NAME WORD... - start one
node()
{
	local name=$1 input
	shift

	mkfifo "$W/$name.in.$BASHPID"
	exec {input}<>"$W/$name.in.$BASHPID"
	INPUT[$name]=$input
	rm "$W/$name.in.$BASHPID"
	: >"$W/$name.out"
	MARK[$name]=0
	"$DRIVER" "endpoints=$E" "$@" <&"$input" >>"$W/$name.out" 2>"$W/$name.err" &
	NODE_PID[$name]=$!
	PIDS+=("${NODE_PID[$name]}")
}

tell()
{
	echo "$2" >&"${INPUT[$1]}"
}

# From here on is what sees() and never() look at
mark()
{
	MARK[$1]=$(wc -l <"$W/$1.out")
}

said()
{
	tail -n +"$((MARK[$1] + 1))" "$W/$1.out"
}

# sees NAME SECONDS REGEX - within that time
sees()
{
	local i

	for ((i = 0; i < $2 * 20; i++)); do
		! said "$1" | grep -Eq -- "$3" || return 0
		sleep 0.05
	done
	echo "$1 did not say: $3"
	said "$1" | tail -15
	tail -15 "$W/$1.err"
	return 1
}

never()
{
	! said "$1" | grep -E -- "$2" || { echo "$1 said: $2"; return 1; }
}

# No leak, nothing wrong
finish()
{
	local name

	for name; do
		tell "$name" stop
		wait "${NODE_PID[$name]}" || { tail -30 "$W/$name.err"; return 1; }
	done
}

own_key()
{
	said "$1" | sed -n 's/^snapshot own \([^= ]*\)=.*/\1/p' | tail -1
}

peer()
{
	ctl put "$P/subnets/$1" "{\"PublicIP\":\"$2\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\",\
\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"${3:-02:00:00:00:00:09}\"}}" "${@:4}" >/dev/null
}

equal()
{
	[[ $1 == "$2" ]] || { printf '%s\nis not\n%s\n' "$1" "$2"; return 1; }
}

lease_of()
{
	ctl get -w json "$P/subnets/$1" | python3 -c '
import json, sys
print("%x" % json.load(sys.stdin)["kvs"][0].get("lease", 0))'
}

A="ip=192.0.2.1 mac=02:00:00:00:00:01"
B="ip=192.0.2.2 mac=02:00:00:00:00:02"

# --- our own record ----------------------------------------------------------

acquire()
{
	fresh_etcd
	node a $A
	sees a 5 '^snapshot own 10.5.[0-9]+.0-24=192.0.2.1,02:00:00:00:00:01,leased peers 0$'
	equal "$(ctl get --print-value-only "$P/subnets/$(own_key a)")" \
		'{"PublicIP":"192.0.2.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:01"}}'
	ctl lease timetolive "$(lease_of "$(own_key a)")" | grep -q 'granted with TTL(86400s)'
	sees a 5 '^state reachable 1 held 1 expires 86(400|3)'
	equal "$(said a | grep -c '^snapshot own none')" 0
	finish a
	equal "$(ctl get --prefix --keys-only $P/subnets/ | grep -c .)" 1
}

reuse_by_address()
{
	local key

	fresh_etcd
	node a $A
	sees a 5 '^snapshot own 10'
	key=$(own_key a)
	finish a
	node a ip=192.0.2.1
	sees a 5 "^snapshot own $key=192.0.2.1,02:00:00:00:00:01,leased"
	mark a
	tell a "publish 192.0.2.7"
	sees a 5 "^snapshot own $key=192.0.2.7,02:00:00:00:00:01,leased"
	finish a
	equal "$(ctl get --prefix --keys-only $P/subnets/ | grep -c .)" 1
}

# D14: a prefix of any form, and members that others have put into BackendData
D14_own_mac()
{
	local prefix=/org.example/pods-a

	fresh_etcd
	ctl put $prefix/config "$CONFIG"
	ctl put $prefix/subnets/10.5.9.0-24 '{"PublicIP":"192.0.2.1","PublicIPv6":null,"BackendType":"vxlan",
		"BackendData":{"Zone":"x","VNI":1,"VtepMAC":"02:00:00:00:00:77","Note":"02:00:00:00:00:99"}}'
	node a ip=192.0.2.1 prefix=$prefix
	sees a 5 '^snapshot own 10.5.9.0-24=192.0.2.1,02:00:00:00:00:77,'
	finish a
	ctl get --print-value-only $prefix/subnets/10.5.9.0-24 | grep -q '"VtepMAC": *"02:00:00:00:00:77"'
}

reuse_previous()
{
	fresh_etcd
	node a $A previous=10.5.77.0-24
	sees a 5 '^snapshot own 10.5.77.0-24='
	# in no network of ours: a free one, which might have been that
	node b $B previous=10.6.77.0-24
	sees b 5 '^snapshot own 10.5.'
	finish a b
	# somebody has it: another one; ours by its MAC, at a new address: the same
	peer 10.5.78.0-24 192.0.2.8
	node a ip=192.0.2.3 mac=02:00:00:00:00:03 previous=10.5.78.0-24
	node b ip=192.0.2.4 mac=02:00:00:00:00:01 previous=10.5.77.0-24
	sees a 5 '^snapshot own 10.5.'
	never a '^snapshot own 10.5.78'
	sees b 5 '^snapshot own 10.5.77.0-24=192.0.2.4,02:00:00:00:00:01'
	finish a b
}

last_subnet()
{
	local one two

	fresh_etcd
	ctl put $P/config '{"Network":"10.5.0.0/24","SubnetLen":26,"Backend":{"Type":"vxlan"}}'
	peer 10.5.0.64-26 192.0.2.8
	peer 10.5.0.128-26 192.0.2.9
	kill -STOP "$ETCD"
	node a $A
	node b $B
	sleep 0.3
	kill -CONT "$ETCD"
	for ((i = 0; i < 100; i++)); do
		one=$(own_key a)$(own_key b)
		[[ -z $one ]] || break
		sleep 0.1
	done
	equal "$one" 10.5.0.192-26
	[[ -n $(own_key a) ]] && one=a two=b || one=b two=a
	sees $two 5 'state.*no subnet'
	tell $one release
	sees $one 5 '^released'
	sees $two 8 '^snapshot own 10.5.0.192-26='
	finish $two
}

# D7
D7_lost_race()
{
	local first

	fresh_etcd
	proxy
	fault rival
	node a $A endpoints=$PROXY
	sees a 5 '^snapshot own 10.5'
	first=$(ctl get --prefix $P/subnets/ | grep -B1 192.0.2.99 | sed -n 's/.*subnets.//p')
	[[ -n $first && $first != "$(own_key a)" ]]
	sees a 5 "peers 1 $first=192.0.2.99"
	finish a
}

overlap_of_other_key()
{
	local rival i

	fresh_etcd
	ctl put $P/config '{"Network":"10.5.0.0/16","EnableIPv6":true,"IPv6Network":"fd00::/48",
		"Backend":{"Type":"vxlan"}}'
	proxy
	fault overlap
	node a $A ip6=2001:db8::1 endpoints=$PROXY
	sees a 5 'state.*conflict.*overlaps'
	sees a 5 '^snapshot own 10.5.*peers 1'
	rival=$(ctl get --prefix --keys-only $P/subnets/ | sed -n 's/.*subnets.\(.*\)&fd00:99.*/\1/p')
	for ((i = 0; i < 50; i++)); do
		[[ $(own_key a) == "$rival"* ]] || break
		sleep 0.1
	done
	echo "$rival against $(own_key a)"
	[[ -n $rival && $(own_key a) != "$rival"* ]]
	equal "$(ctl get --prefix --keys-only $P/subnets/ | grep -c .)" 2
	finish a
}

create_with_lost_answer()
{
	fresh_etcd
	proxy
	fault unsure
	node a $A endpoints=$PROXY
	sees a 10 '^snapshot own 10.5'
	sleep 1
	finish a
	# found, neither given up nor made again
	! grep 'our record is' "$W/a.err" || return 1
	equal "$(ctl get --prefix --keys-only $P/subnets/ | grep -c .)" 1
}

# D8
D8_reservation()
{
	fresh_etcd
	ctl put $P/subnets/10.5.9.0-24 '{"PublicIP":"192.0.2.1"}'
	for _ in 1 2; do
		node a $A
		sees a 5 '^snapshot own 10.5.9.0-24=192.0.2.1,02:00:00:00:00:01,reserved'
		sees a 5 '^state reachable 1 held 1 expires 0'
		mark a
		tell a "publish 192.0.2.1"
		finish a
		equal "$(lease_of 10.5.9.0-24)" 0
	done
	ctl get --print-value-only $P/subnets/10.5.9.0-24 | grep -q 02:00:00:00:00:01
	node a $A
	sees a 5 '^snapshot own 10.5.9.0-24='
	tell a release
	sees a 5 '^released'
	equal "$(lease_of 10.5.9.0-24)" 0
}

renewal()
{
	local lease i

	fresh_etcd
	lease=$(ctl lease grant 4 | cut -d' ' -f2)
	peer 10.5.9.0-24 192.0.2.1 02:00:00:00:00:01 --lease="$lease"
	node a $A
	sees a 3 '^snapshot own 10.5.9.0-24=.*leased'
	for i in {1..7}; do
		sleep 1
		equal "$(lease_of 10.5.9.0-24)" "${lease#"${lease%%[!0]*}"}"
	done
	finish a
}

# D13
D13_deleted_key_and_lease()
{
	local key

	fresh_etcd
	peer 10.5.200.0-24 192.0.2.8
	node a $A
	sees a 5 '^snapshot own 10.5.*peers 1'
	key=$(own_key a)
	mark a
	ctl del "$P/subnets/$key"
	sees a 5 'state.*held 1'
	ctl get "$P/subnets/$key" | grep -q 192.0.2.1
	mark a
	ctl lease revoke "$(lease_of "$key")"
	sees a 5 'state.*held 1'
	ctl get "$P/subnets/$key" | grep -q 192.0.2.1
	MARK[a]=0
	never a '^snapshot own none'
	never a '^snapshot.*peers 0'
	finish a
}

# D7: what somebody else wrote unseen is not overwritten by an update
D7_update_compares()
{
	local key

	fresh_etcd
	proxy
	node a $A endpoints=$PROXY
	sees a 5 '^snapshot own 10.5'
	key=$(own_key a)
	sleep 1
	fault mute
	peer "$key" 192.0.2.8
	mark a
	tell a "publish 192.0.2.7"
	sees a 10 'state.*(conflict|somebody else)'
	sees a 20 '^snapshot own 10.5.*=192.0.2.7,'
	[[ $(own_key a) != "$key" ]]
	ctl get --print-value-only "$P/subnets/$key" | grep -q 192.0.2.8
	finish a
}

D7_key_of_another()
{
	local key

	fresh_etcd
	node a $A
	sees a 5 '^snapshot own 10.5'
	key=$(own_key a)
	mark a
	peer "$key" 192.0.2.8
	sees a 5 "state.*conflict: $key.*192.0.2.8"
	sees a 5 "^snapshot own 10.5.*=192.0.2.1,.* peers 1 $key=192.0.2.8"
	[[ $(own_key a) != "$key" ]]
	# our own address, from elsewhere: no conflict, but our value
	key=$(own_key a)
	mark a
	peer "$key" 192.0.2.1 02:00:00:00:00:08
	sees a 5 "^snapshot own $key=192.0.2.1,02:00:00:00:00:01"
	never a conflict
	# our own value, unreadable: repaired
	mark a
	ctl put --ignore-lease "$P/subnets/$key" rubbish
	sees a 5 'state.*last good value'
	sleep 0.5
	ctl get "$P/subnets/$key" | grep -q 02:00:00:00:00:01
	finish a
}

# Not a new subnet for each that fails
unusable_mac()
{
	fresh_etcd
	node a ip=192.0.2.1
	sees a 5 'state.*our own record cannot be published'
	sleep 1
	finish a
	equal "$(ctl get --prefix --keys-only $P/subnets/ | grep -c .)" 0
}

give_back()
{
	local lease

	fresh_etcd
	node a $A
	sees a 5 '^snapshot own 10.5'
	lease=$(lease_of "$(own_key a)")
	tell a release
	sees a 5 '^released'
	wait "${NODE_PID[a]}"
	equal "$(ctl get --prefix --keys-only $P/subnets/ | grep -c .)" 0
	ctl lease timetolive "$lease" | grep -q 'already expired'
}

# --- configuration -----------------------------------------------------------

configuration()
{
	local key

	fresh_etcd
	ctl del $P/config
	node a $A
	sees a 5 "state.*$P/config does not exist"
	ctl put $P/config '{"Network":"nonsense"}'
	sees a 5 "state.*$P/config: .*nonsense"
	never a '^snapshot'
	ctl put $P/config "$CONFIG"
	sees a 5 '^config 10.5.0.0/16 vxlan vni 1'
	sees a 5 '^snapshot own 10.5.'
	mark a
	ctl put $P/config '{"Net'
	sees a 5 "state.*the last good configuration stays in use"
	ctl del $P/config
	sees a 5 "state.*does not exist.*stays in use"
	never a '^config'
	key=$(own_key a)
	mark a
	ctl put $P/config '{"Network":"10.7.0.0/16","Backend":{"Type":"host-gw"}}'
	sees a 5 '^config 10.7.0.0/16 host-gw'
	sees a 5 '^snapshot own 10.7.'
	sees a 5 '^snapshot own 10.7.*peers 0'
	equal "$(ctl get --prefix --keys-only $P/subnets/ | sed '/^$/d')" "$P/subnets/$(own_key a)"
	[[ $(ctl get --print-value-only "$P/subnets/$(own_key a)") == *'"BackendType":"host-gw"'* ]]
	finish a
}

configuration_file()
{
	fresh_etcd
	echo "$CONFIG" >"$W/net-conf.json"
	node a $A config="$W/net-conf.json"
	sees a 5 '^snapshot own 10.5.'
	mark a
	echo '{"Network":"10.7.0.0/16","Backend":{"Type":"vxlan"}}' >"$W/net-conf.json"
	tell a reload
	sees a 5 '^snapshot own 10.7.'
	finish a
	echo '{' >"$W/net-conf.json"
	node a $A config="$W/net-conf.json"
	sees a 5 "^refused: $W/net-conf.json: "
}

# --- peers -------------------------------------------------------------------

peers_come_and_go()
{
	fresh_etcd
	node a $A
	node b $B
	sees a 5 '^snapshot own 10.5.*peers 1 .*=192.0.2.2,02:00:00:00:00:02,leased'
	sees b 5 '^snapshot own 10.5.*peers 1 .*=192.0.2.1,02:00:00:00:00:01,leased'
	mark a
	tell b release
	sees a 5 '^snapshot.*peers 0$'
	# an attribute alone
	peer 10.5.50.0-24 192.0.2.8
	sees a 5 'peers 1 10.5.50.0-24=192.0.2.8,02:00:00:00:00:09'
	peer 10.5.50.0-24 192.0.2.8 02:00:00:00:00:0a
	sees a 5 'peers 1 10.5.50.0-24=192.0.2.8,02:00:00:00:00:0a'
	# a sibling of the directory is none of ours
	ctl put $P/subnets-old/10.5.51.0-24 '{"PublicIP":"192.0.2.7"}'
	peer 10.5.52.0-24 192.0.2.6
	sees a 5 'peers 2 '
	never a 192.0.2.7
	finish a
}

# D2
D2_bad_keys_and_values()
{
	fresh_etcd
	peer 10.5.200.0-24 192.0.2.8
	ctl put $P/subnets/nonsense '{"PublicIP":"192.0.2.7"}'
	node a $A
	sees a 5 '^snapshot own 10.5.*peers 1 10.5.200.0-24='
	sees a 5 'state.*nonsense'
	mark a
	ctl put $P/subnets/10.5.201.0-24 '{"PublicIP":'
	sees a 5 'state.*10.5.201.0-24: .*it is skipped'
	ctl put "$P/subnets/$(printf 'x%.0s' {1..3000})" x
	sees a 5 'state.*more than 1023 bytes'
	ctl put $P/subnets/10.5.200.0-24 'not json'
	sees a 5 'state.*10.5.200.0-24: .*the last good value of it stays in use'
	peer 10.5.202.0-24 192.0.2.9
	sees a 5 'peers 2 10.5.200.0-24=192.0.2.8,.* 10.5.202.0-24='
	# a fresh list finds them as bad, and says nothing new
	mark a
	stop_etcd
	sees a 5 'reachable 0'
	start_etcd
	sees a 10 'reachable 1'
	sees a 5 'snapshot.*peers 2 10.5.200.0-24=192.0.2.8,.* 10.5.202.0-24='
	never a 'nonsense|10.5.20[01].0-24:'
	MARK[a]=0
	never a 'snapshot.*peers 0'
	mark a
	ctl del $P/subnets/10.5.200.0-24
	sees a 5 'peers 1 10.5.202.0-24='
	finish a
}

# Once, at each of the allocations that the store makes: from the first list on, and when
# a change comes
no_memory_once()
{
	local n failed=0

	fresh_etcd
	peer 10.5.50.0-24 192.0.2.8
	for ((n = 1; n < 140; n++)); do
		peer 10.5.51.0-24 192.0.2.9
		node a $A starve="$n"
		sees a 15 '^snapshot own 10.5.*peers 2 10.5.50.0-24=192.0.2.8.* 10.5.51.0-24=' ||
			{ echo "after allocation $n"; return 1; }
		mark a
		ctl del $P/subnets/10.5.51.0-24 >/dev/null
		sees a 15 'peers 1 10.5.50.0-24=' || { echo "after allocation $n"; return 1; }
		tell a starved
		sees a 5 '^starved '
		((failed += $(said a | sed -n 's/^starved //p')))
		finish a
	done
	((failed > 100)) || { echo "only $failed allocations failed"; return 1; }
}

# None at all for a while in which everything changes
no_memory_for_a_while()
{
	fresh_etcd
	peer 10.5.50.0-24 192.0.2.8
	peer 10.5.51.0-24 192.0.2.9
	node a $A
	sees a 5 '^snapshot own 10.5.*peers 2 '
	mark a
	tell a 'starve 1 1000000000'
	peer 10.5.50.0-24 192.0.2.8 02:00:00:00:00:0a
	peer 10.5.52.0-24 192.0.2.10
	ctl del $P/subnets/10.5.51.0-24
	ctl put $P/config "${CONFIG/'"VNI":1'/'"VNI":7'}"
	ctl del "$P/subnets/$(MARK[a]=0 own_key a)"
	sleep 2
	never a 'peers [01]$'
	tell a 'starve 0 0'
	sees a 20 '^config .* vni 7'
	sees a 15 '^snapshot own 10.5.*peers 2 10.5.50.0-24=192.0.2.8,02:00:00:00:00:0a.* 10.5.52.0-24='
	tell a starved
	sees a 5 '^starved 0'
	finish a
}

# The last step alone: the snapshot was made, and could not be taken
no_memory_for_the_snapshot()
{
	fresh_etcd
	node a $A
	sees a 5 '^snapshot own 10.5.*peers 0'
	mark a
	peer 10.5.50.0-24 192.0.2.8
	sees a 5 'peers 1 '
	mark a
	tell a 'decline 3'
	peer 10.5.51.0-24 192.0.2.9
	sees a 5 'out of memory for a snapshot'
	sees a 5 'peers 2 10.5.50.0-24=.* 10.5.51.0-24='
	finish a
}

many()
{
	fresh_etcd
	ctl put $P/config '{"Network":"10.0.0.0/8","Backend":{"Type":"vxlan"}}'
	python3 - "$P" <<'END'
import base64, json, sys, urllib.request
def b64(text):
    return base64.b64encode(text.encode()).decode()
for page in range(25):
    ops = [{'request_put': {
        'key': b64('%s/subnets/10.%d.%d.0-24' % (sys.argv[1], 64 + i // 250, i % 250)),
        'value': b64('{"PublicIP":"10.99.%d.%d","PublicIPv6":null}' % (i // 250, i % 250))}}
        for i in range(page * 100, page * 100 + 100)]
    urllib.request.urlopen('http://127.0.0.1:2379/v3/kv/txn',
                           json.dumps({'success': ops}).encode()).read()
END
	node a $A
	sees a 20 '^snapshot own 10.*peers 2500'
	mark a
	ctl del --prefix $P/subnets/10.64.
	sees a 5 'peers 2250'
	never a 'peers 2[34]'
	finish a
}

# --- faults of etcd ----------------------------------------------------------

# Peers before, changed while we could not see it, and after
killed_and_restarted()
{
	fresh_etcd
	peer 10.5.200.0-24 192.0.2.8
	node a $A
	sees a 5 '^snapshot own 10.5.*peers 1'
	mark a
	for signal in KILL TERM; do
		stop_etcd $signal
		sees a 5 'reachable 0 held 1'
		start_etcd
		sees a 10 'reachable 1 held 1'
	done
	peer 10.5.201.0-24 192.0.2.9
	sees a 10 'peers 2'
	never a 'own none|peers 0|conflict'
	finish a
}

paused()
{
	fresh_etcd
	peer 10.5.200.0-24 192.0.2.8
	node a $A
	sees a 5 '^snapshot own 10.5.*peers 1'
	mark a
	kill -STOP "$ETCD"
	sees a 16 'reachable 0 held 1'
	kill -CONT "$ETCD"
	sees a 10 'reachable 1 held 1'
	peer 10.5.201.0-24 192.0.2.9
	sees a 5 'peers 2'
	never a 'own none|peers 0'
	finish a
}

# D3: a change of attributes alone, unseen, and our own record over fresh lists
D3_changed_meanwhile()
{
	local key

	fresh_etcd
	peer 10.5.200.0-24 192.0.2.8
	peer 10.5.201.0-24 192.0.2.9
	node a $A
	sees a 5 '^snapshot own 10.5.*peers 2'
	key=$(own_key a)
	mark a
	stop_etcd
	sees a 5 'reachable 0'
	CTL=http://127.0.0.1:2399
	URLS=$CTL start_etcd
	ctl del $P/subnets/10.5.200.0-24
	peer 10.5.201.0-24 192.0.2.9 02:00:00:00:00:0a
	peer 10.5.202.0-24 192.0.2.10
	ctl compact "$(ctl get -w json x | sed 's/.*revision":\([0-9]*\).*/\1/')"
	stop_etcd
	unset CTL
	start_etcd
	sees a 10 'peers 2 10.5.201.0-24=192.0.2.9,02:00:00:00:00:0a,reserved 10.5.202.0-24='
	never a 'peers [013]'
	mark a
	for _ in 1 2; do
		tell a reload
		sees a 10 "^snapshot own $key=192.0.2.1,.*peers 2 10.5.201.0-24=192.0.2.9,02:00:00:00:00:0a"
		mark a
	done
	tell a state
	sees a 1 'held 1 .*resyncs 4 '
	MARK[a]=0
	never a 'own none'
	finish a
}

restored_backup()
{
	local key

	fresh_etcd
	peer 10.5.200.0-24 192.0.2.8
	ctl snapshot save "$W/backup"
	peer 10.5.201.0-24 192.0.2.9
	node a $A
	sees a 5 '^snapshot own 10.5.*peers 2'
	key=$(own_key a)
	mark a
	stop_etcd
	DATA=$W/restored
	etcdctl snapshot restore "$W/backup" --data-dir "$DATA" --name n \
		--initial-cluster n=http://localhost:2380 \
		--initial-advertise-peer-urls http://localhost:2380
	start_etcd
	sees a 10 'state.*went back'
	sees a 5 "state.*held 1"
	ctl get "$P/subnets/$key" | grep -q 192.0.2.1
	sees a 5 "snapshot own $key=.*peers 2 10.5.200.0-24=.*10.5.201.0-24="
	never a 'own none|peers [01]'
	# who comes back replaces what was kept, who is removed is removed
	mark a
	peer 10.5.210.0-24 192.0.2.9
	sees a 5 'peers 2 10.5.200.0-24=.*10.5.210.0-24='
	ctl del $P/subnets/10.5.200.0-24
	sees a 5 'peers 1 10.5.210.0-24='
	finish a
}

emptied()
{
	local key

	fresh_etcd
	peer 10.5.200.0-24 192.0.2.8
	node a $A
	sees a 5 '^snapshot own 10.5.*peers 1'
	key=$(own_key a)
	mark a
	stop_etcd
	rm -rf "$DATA"
	start_etcd
	sees a 10 'state.*held 1.*stays in use'
	ctl get "$P/subnets/$key" | grep -q 192.0.2.1
	sees a 5 "^snapshot own $key=.*peers 1 10.5.200.0-24="
	sleep 0.5
	never a 'own none|peers 0'
	finish a
}

# In vain at one endpoint, well at the other; then that one fails
several_endpoints()
{
	fresh_etcd
	proxy
	node a $A endpoints=http://127.0.0.1:1,$PROXY,$E
	sees a 5 '^snapshot own 10.5'
	mark a
	kill -9 "$PROXY_PID"
	wait "$PROXY_PID" 2>/dev/null || true
	sees a 10 'reachable 1'
	peer 10.5.201.0-24 192.0.2.9
	sees a 10 'peers 1'
	never a 'own none'
	finish a
}

# --- faults of a watch -------------------------------------------------------

PROXY=http://127.0.0.1:2377

proxy()
{
	rm -f "$W/fault"
	python3 "$HERE/etcd_proxy.py" 2377 2379 "$W/fault" >"$W/proxy.log" 2>&1 </dev/null &
	PROXY_PID=$!
	PIDS+=("$PROXY_PID")
	for ((i = 0; i < 100; i++)); do
		! (: <>/dev/tcp/127.0.0.1/2377) 2>/dev/null || return 0
		sleep 0.1
	done
	return 1
}

fault()
{
	echo "$1" >"$W/fault.new"
	mv "$W/fault.new" "$W/fault"
}

# The event whose line is replaced is there after the fresh list
watch_fault()
{
	fresh_etcd
	proxy
	peer 10.5.200.0-24 192.0.2.8
	node a $A endpoints=$PROXY
	sees a 5 '^snapshot own 10.5.*peers 1'
	sleep 0.5
	mark a
	fault "$1"
	peer 10.5.201.0-24 192.0.2.9
	sees a 5 'peers 2'
	[[ ! -e $W/fault ]]
	sees a 1 "state.*$2"
	tell a state
	sees a 1 'resyncs 2 '
	never a 'own none|peers 0'
	finish a
}

incomplete_list()
{
	fresh_etcd
	proxy
	peer 10.5.200.0-24 192.0.2.8
	peer 10.5.201.0-24 192.0.2.9
	fault short
	node a $A endpoints=$PROXY
	sees a 5 'state.*the answer is not complete'
	sees a 5 'peers 2'
	never a 'peers [01]'
	finish a
}

# Alive, but deaf: found by counting once a minute
muted_watch()
{
	fresh_etcd
	proxy
	node a $A endpoints=$PROXY
	sees a 5 '^snapshot own 10.5'
	sleep 1
	fault mute
	peer 10.5.201.0-24 192.0.2.9
	sees a 80 'state.*lost events'
	rm "$W/fault"
	sees a 20 'peers 1'
	finish a
}

# --- transport ---------------------------------------------------------------

# certificate NAME CA SUBJECT [EXTENSIONS]
certificate()
{
	openssl req -newkey rsa:2048 -nodes -keyout "$W/$1.key" -out "$W/$1.csr" -subj "$3" \
		2>/dev/null
	openssl x509 -req -in "$W/$1.csr" -CA "$W/$2.pem" -CAkey "$W/$2.key" -CAcreateserial \
		-days 2 -out "$W/$1.pem" -extfile <(printf '%b' "$4") 2>/dev/null
}

make_certificates()
{
	local name

	[[ ! -e $W/client.pem ]] || return 0
	for name in ca stranger; do
		openssl req -x509 -newkey rsa:2048 -nodes -keyout "$W/$name.key" \
			-out "$W/$name.pem" -days 2 -subj "/CN=test $name" 2>/dev/null
	done
	certificate server ca /CN=etcd \
		'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n'
	certificate client ca /O=nodes 'extendedKeyUsage=clientAuth\n'
}

S=https://127.0.0.1:2379

# D16
D16_ca_alone()
{
	make_certificates
	CTL_TLS="--cacert=$W/ca.pem"
	CTL=$S URLS=$S
	DATA=$W/tls1
	start_etcd --cert-file="$W/server.pem" --key-file="$W/server.key"
	ctl "$CTL_TLS" put $P/config "$CONFIG"
	node a $A endpoints=$S
	node b $B endpoints=$S cafile="$W/ca.pem"
	node c $B endpoints=$S cafile="$W/stranger.pem"
	sees b 5 '^snapshot own 10.5'
	sees a 5 'state reachable 0.*certificate'
	sees c 5 'state reachable 0.*certificate'
	finish a b c
	node a endpoints=$S cafile="$W/nowhere.pem"
	sees a 5 "^refused: CA file $W/nowhere.pem: No such file"
	node b endpoints=$S certfile="$W/client.pem"
	sees b 5 "^refused: .*client.pem.*only of use together"
}

client_certificate()
{
	make_certificates
	CTL_TLS="--cacert=$W/ca.pem --cert=$W/client.pem --key=$W/client.key"
	CTL=$S URLS=$S
	DATA=$W/tls2
	start_etcd --cert-file="$W/server.pem" --key-file="$W/server.key" \
		--trusted-ca-file="$W/ca.pem" --client-cert-auth
	# shellcheck disable=SC2086
	ctl $CTL_TLS put $P/config "$CONFIG"
	node a $A endpoints=$S cafile="$W/ca.pem"
	node b $B endpoints=$S cafile="$W/ca.pem" certfile="$W/client.pem" \
		keyfile="$W/client.key"
	sees b 5 '^snapshot own 10.5'
	sees a 5 'state reachable 0.*certificate'
	never a '^snapshot'
	# SIGHUP: what is in the files by now
	mark b
	tell b reload
	sees b 5 '^snapshot own 10.5'
	cp "$W/stranger.pem" "$W/client.pem"
	mark b
	tell b reload
	sees b 5 'state.*(key|certificate)'
	rm "$W/client.pem"
	finish a b
}

# Tokens live shorter than the time between two requests
password()
{
	fresh_etcd --auth-token-ttl 2
	ctl user add root:secret
	ctl user add node:word
	ctl role add flannel
	ctl role grant-permission --prefix flannel readwrite $P/
	ctl user grant-role node flannel
	ctl user grant-role root root
	ctl auth enable
	node a $A
	node b $B username=node password=wrong
	node c ip=192.0.2.3 mac=02:00:00:00:00:03 username=node password=word
	sees c 5 '^snapshot own 10.5'
	sees a 5 'state reachable 0.*user name is empty'
	sees b 5 'state reachable 0.*user "node".*'
	never b 'wrong'
	! grep wrong "$W/b.err"
	mark c
	sleep 12
	ctl --user node:word put "$P/subnets/10.5.201.0-24" '{"PublicIP":"192.0.2.9"}'
	sees c 5 'peers 1'
	never c 'state'
	ctl --user node:word del "$P/subnets/$(MARK[c]=0; own_key c)"
	sees c 5 'state.*held 1'
	never c 'own none'
	ctl --user root:secret auth disable
	finish a b c
	# a password that nobody asks for
	node a $A username=node password=word
	sees a 5 '^snapshot own 10.5'
	finish a
}

# -----------------------------------------------------------------------------

PIECE=${1:-1/1}
TRIED=0

try()
{
	((TRIED++ % ${PIECE#*/} == ${PIECE%/*} - 1)) || return 0
	[[ ! $* =~ ${ONLY:-} ]] || step "$1" scenario "${@:2}"
}

scenario()
{
	trap tidy EXIT
	"$@"
}

try "acquire: a free subnet, 24 hours, the value stock flannel writes" acquire
try "reuse by public address; MAC from the store; a new address" reuse_by_address
try "D14: our own MAC is found in the store" D14_own_mac
try "reuse of the previous subnet when it is free, or has our MAC" reuse_previous
try "two nodes and one free subnet; the other gets it when it is given back" last_subnet
try "D7: a lost race is tried again" D7_lost_race
try "who overlaps an older key of other text gives way" overlap_of_other_key
try "a create whose answer was lost leaves one record" create_with_lost_answer
try "D8: a reservation stays one" D8_reservation
try "a short lease is renewed in time" renewal
try "D13: deleted key and revoked lease are taken again" D13_deleted_key_and_lease
try "D7: an update compares" D7_update_compares
try "D7: our key taken by another node: named, not written to, another subnet" D7_key_of_another
try "a record that nobody could read is not published" unusable_mac
try "the lease is given back" give_back
try "configuration: missing, bad, changed" configuration
try "configuration in a file" configuration_file
try "peers come, change and go" peers_come_and_go
try "D2: bad keys and values concern nobody else" D2_bad_keys_and_values
try "no memory, once" no_memory_once
try "no memory for a while" no_memory_for_a_while
try "no memory for a snapshot" no_memory_for_the_snapshot
try "2,500 leases" many
try "etcd killed, ended and started again" killed_and_restarted
try "etcd stopped for a while" paused
try "D3: changes and a compaction while we are cut off" D3_changed_meanwhile
try "restored backup: nobody is withdrawn" restored_backup
try "emptied data directory: nobody is withdrawn" emptied
try "several endpoints" several_endpoints
try "watch: line with an error" watch_fault error 'transport is closing'
try "watch: cancelled by a compaction" watch_fault cancel compacted
try "watch: clean end" watch_fault end 'the stream ended'
try "watch: half a line" watch_fault half '(closed|transfer)'
try "watch: a line of rubbish" watch_fault rubbish 'does not say'
try "watch: another cluster" watch_fault foreign 'another cluster'
try "watch: alive and silent" muted_watch
try "a list that is not complete" incomplete_list
try "D16: TLS with a CA file alone" D16_ca_alone
try "TLS with client certificate, also a new one" client_certificate
try "user and password" password
done_steps
