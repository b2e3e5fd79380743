#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# One event for each change, one for a replace or flush, none for what changed
# nothing; who was too slow learns it and lists again.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control.sh"
own_ns

A=192.168.9.2,02:00:00:00:02:02
B=192.168.9.3,02:00:00:00:03:03
A_TEXT='via 192.168.9.2 lladdr 02:00:00:00:02:02 dev flannel.1'
B_TEXT='via 192.168.9.3 lladdr 02:00:00:00:03:03 dev flannel.1'

one_each()
{
	device && raw_start flannel.1 || return
	exactly ok l listen
	exactly ok m listen
	exactly ok a lease_add "+10.42.2.0/24,$A"
	exactly "lease_add_ntf seq=1 10.42.2.0/24,$A;" l events
	exactly ok a lease_change "+10.42.2.0/24,$B"
	exactly "lease_change_ntf seq=2 10.42.2.0/24,$B;" l events
	exactly ok a lease_replace +10.42.2.0/24,local
	exactly ok a lease_replace "+fd42::/64,$A"
	exactly "lease_change_ntf seq=3 10.42.2.0/24,local;lease_add_ntf seq=4 fd42::/64,$A;" \
		l events
	exactly ok a lease_del +10.42.2.0/24
	exactly 'lease_del_ntf seq=5 10.42.2.0/24,local;' l events
	exactly ok a lease_del +fd42::/64
	exactly "lease_del_ntf seq=6 fd42::/64,$A;" l events
	exactly ok a lease_add "+10.42.2.0/24,$A"
	exactly ok a lease_flush
	exactly "lease_add_ntf seq=7 10.42.2.0/24,$A;table_ntf seq=8 added=0 changed=0 removed=1;" \
		l events
	exactly ok a lease_flush
	exactly 'table_ntf seq=9 added=0 changed=0 removed=0;' l events
	# whoever listens sees all of it, each by itself
	answers 'lease_add_ntf seq=1 *removed=0;' m events
	exactly silence m events
	raw_stop
}

replace_is_one()
{
	device && raw_start flannel.1 || return
	exactly ok a lease_add "+10.42.2.0/24,$A"
	exactly ok a lease_add "+10.42.3.0/24,$A"
	exactly ok l listen
	raw t table_begin
	exactly ok t table_add "+10.42.2.0/24,$B" "+10.42.4.0/24,$B" "+10.42.5.0/24,$B"
	exactly silence l events
	exactly 'ok seq=3 added=2 changed=1 removed=1' t table_commit
	exactly 'table_ntf seq=3 added=2 changed=1 removed=1;' l events
	raw_stop
}

none_for_nothing()
{
	device && raw_start flannel.1 || return
	exactly ok a lease_add "+10.42.2.0/24,$A"
	exactly ok l listen
	exactly ok a lease_replace "+10.42.2.0/24,$A"
	answers EEXIST* a lease_add "+10.42.2.0/24,$A"
	answers ENOENT* a lease_del +10.42.9.0/24
	answers EINVAL* a lease_add +224.0.0.0/4,local
	raw t table_begin
	exactly ok t table_abort
	raw t table_begin
	exactly ok t table_add "+10.42.3.0/24,$A" "+10.42.2.0/24,$B"
	exactly ok t close
	raw t table_begin
	raw u table_begin
	exactly 'ok seq=2 added=0 changed=0 removed=1' t table_commit
	answers ESTALE* u table_commit
	answers 'ok*' a dump lease_get
	answers 'ok*' a dev_get
	exactly 'table_ntf seq=2 added=0 changed=0 removed=1;' l events
	raw_stop
}

# Events go to the namespace of the device
namespaces()
{
	device || return
	new_ns other
	raw_start_in "$other"
	exactly ok l listen
	flctl lease add 10.42.2.0/24 local dev flannel.1
	exactly silence l events
	ip link set flannel.1 netns "$other"
	in_ns "$other" flctl lease add 10.42.3.0/24 local dev flannel.1
	exactly 'lease_add_ntf seq=2 10.42.3.0/24,local;' l events
	raw_stop
}

# A listener with a small buffer that does not read
too_slow()
{
	local i
	device && raw_start flannel.1 || return
	exactly ok l listen 4096
	for ((i = 0; i < 64; i++)); do
		exactly ok a lease_replace "+10.42.$i.0/24,$A"
	done
	raw l events
	[[ $ANSWER == *ENOBUFS* ]] || fail 'nothing says that events were lost'
	[[ $ANSWER != *'seq=64 '* ]] || fail 'the buffer is not small'
	# from then on it hears again, and the number shows the gap
	exactly ok a lease_replace "+10.42.77.0/24,$A"
	exactly "lease_add_ntf seq=65 10.42.77.0/24,$A;" l events
	raw_stop
}

# monitor_start COMMAND... - into $TMP/events; waits until it listens
monitor_start()
{
	"$@" >"$TMP/events" 2>&1 &
	MONITOR=$!
	until_true 10 monitor_listens || fail 'monitor does not start'
}

# a change of another device is no event of this one; it is printed without dev
monitor_listens()
{
	flctl lease replace 10.42.250.0/24 local dev flannel.1
	flctl lease del 10.42.250.0/24 dev flannel.1
	grep -q 'delete.*10.42.250.0/24' "$TMP/events"
}

monitor_stop()
{
	kill -TERM "$MONITOR"
	wait "$MONITOR"
	check_equal 'exit status of monitor' 0 $?
}

has_line() { grep -qxF -- "$1" "$TMP/events"; }

monitor()
{
	local seq
	device && flctl link add flannel.2 id 2 && scratch || return
	monitor_start flctl monitor dev flannel.1
	flctl lease add 10.42.2.0/24 via 192.168.9.2 lladdr 02:00:00:00:02:02 dev flannel.1
	flctl lease add 10.43.2.0/24 local dev flannel.2
	flctl lease change 10.42.2.0/24 via 192.168.9.3 lladdr 02:00:00:00:03:03 dev flannel.1
	flctl lease add 10.42.1.0/24 local dev flannel.1
	flctl lease del 10.42.1.0/24 dev flannel.1
	flctl lease flush dev flannel.1
	until_true 10 grep -q ^replace "$TMP/events" || fail 'no event of the flush'
	seq=$(sed -n 's/.* seq \([0-9]*\) .*/\1/p' "$TMP/events")
	check_equal 'text' "$(printf '%s\n' "add 10.42.2.0/24 $A_TEXT" \
			"change 10.42.2.0/24 $B_TEXT" 'add 10.42.1.0/24 local dev flannel.1' \
			'delete 10.42.1.0/24 local dev flannel.1' \
			"replace dev flannel.1 seq $seq added 0 changed 0 removed 1")" \
		"$(grep -v 10.42.250.0/24 "$TMP/events")"
	monitor_stop

	monitor_start flctl --json monitor
	flctl lease add 10.43.3.0/24 local dev flannel.2
	flctl lease flush dev flannel.2
	until_true 10 grep -q '"event":"replace"' "$TMP/events" || fail 'no event of the flush'
	check_equal 'JSON, of all devices' "$(printf '%s\n' \
			'{"event":"add","prefix":"10.43.3.0/24","local":true,"dev":"flannel.2","seq":2}' \
			'{"event":"replace","dev":"flannel.2","seq":3,"added":0,"changed":0,"removed":2}')" \
		"$(grep -F '"dev":"flannel.2"' "$TMP/events")"
	monitor_stop
}

# A monitor that was stopped while many events came says so, and lists. In a
# user namespace its buffer is small.
monitor_too_slow()
{
	scratch
	if ! unshare --user --net true 2>/dev/null; then
		skip 'no user namespaces'
		return
	fi
	unshare --user --map-root-user --net bash -c '
		flctl link add flannel.1 || exit
		flctl monitor >"$1/events" 2>&1 &
		monitor=$!
		for ((i = 0; i < 100; i++)); do
			flctl lease replace 10.42.250.0/24 local dev flannel.1
			flctl lease del 10.42.250.0/24 dev flannel.1
			[[ ! -s $1/events ]] || break
		done
		kill -STOP "$monitor"
		for ((i = 0; i < 8000; i++)); do
			echo "a lease_replace +10.42.2.0/24,192.168.9.$((i % 2 + 2)),02:00:00:00:00:01"
		done | rawnl flannel.1 | grep -v "^ok"
		flctl lease add 10.42.3.0/24 local dev flannel.1
		kill -CONT "$monitor"
		for ((i = 0; i < 100; i++)); do
			grep -q ^listed "$1/events" && break
			sleep 0.1
		done
		flctl lease add 10.42.4.0/24 local dev flannel.1
		for ((i = 0; i < 100; i++)); do
			grep -q "add 10.42.4.0/24" "$1/events" && break
			sleep 0.1
		done
		kill "$monitor"
		wait "$monitor"' - "$TMP" || fail 'set-up'
	check 'says so' grep -q '^lost events' "$TMP/events"
	check_equal 'what it lists' \
		"$(printf '%s\n' '10.42.2.0/24 via 192.168.9.3 lladdr 02:00:00:00:00:01 dev flannel.1' \
			'10.42.3.0/24 local dev flannel.1' listed)" \
		"$(sed -n '/^lost events/,/^listed/p' "$TMP/events" | tail -n 3)"
	check 'goes on' has_line 'add 10.42.4.0/24 local dev flannel.1'
}

run_tests one_each replace_is_one none_for_nothing namespaces too_slow monitor \
	monitor_too_slow
