#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A table is replaced as a whole or not at all.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control.sh"
own_ns

A=192.168.9.2,02:00:00:00:02:02
B=192.168.9.3,02:00:00:00:03:03
A_TEXT='via 192.168.9.2 lladdr 02:00:00:00:02:02'
B_TEXT='via 192.168.9.3 lladdr 02:00:00:00:03:03'

begin_with()
{
	local lease
	device || return
	raw_start flannel.1
	for lease; do
		exactly ok a lease_replace "+$lease" || return
	done
}

# Nothing is seen before the end, and then everything, with what changed
replace_is_atomic()
{
	begin_with "10.42.2.0/24,$A" "10.42.3.0/24,$A" 10.42.1.0/24,local "fd42::/64,$A"
	exactly 'ok seq=4' t table_begin
	exactly ok t table_add "+10.42.2.0/24,$A" "+10.42.3.0/24,$B"
	exactly ok t table_add "+10.42.4.0/24,$B" "+fd42:0:0:1::/64,$B"
	holds '10.42.1.0/24 local' "10.42.2.0/24 $A_TEXT" "10.42.3.0/24 $A_TEXT" \
		"fd42::/64 $A_TEXT"
	exactly 'ok seq=5 added=2 changed=1 removed=2' t table_commit
	holds "10.42.2.0/24 $A_TEXT" "10.42.3.0/24 $B_TEXT" "10.42.4.0/24 $B_TEXT" \
		"fd42:0:0:1::/64 $B_TEXT"
	exactly 'ENOENT: This socket has no transaction on the device; the first error ends one' \
		t table_commit
	# an empty one is a flush
	exactly 'ok seq=5' t table_begin
	exactly 'ok seq=6 added=0 changed=0 removed=4' t table_commit
	holds ''
	raw_stop
}

abort()
{
	begin_with "10.42.2.0/24,$A"
	raw t table_begin
	exactly ok t table_add "+10.42.4.0/24,$B"
	exactly ok t table_abort
	answers 'ENOENT: *' t table_abort
	answers 'ENOENT: *' t table_add "+10.42.4.0/24,$B"
	answers 'ENOENT: *' t table_commit
	holds "10.42.2.0/24 $A_TEXT"
	raw_stop
}

# The socket is the owner: it has one transaction for each device, another has
# none of it, and closing it is an abort
belongs_to_the_socket()
{
	begin_with "10.42.2.0/24,$A"
	flctl link add flannel.2 id 2
	local other
	other=$(ip -o link show flannel.2 | cut -d: -f1)
	exactly 'ok seq=1' t table_begin
	exactly 'EBUSY: This socket has a transaction on the device already' t table_begin
	exactly 'ok seq=0' t table_begin "ifindex=$other"
	exactly ok t table_add "ifindex=$other" "+10.43.0.0/24,$B"
	answers 'ENOENT: *' u table_add "+10.42.4.0/24,$B"
	answers 'ENOENT: *' u table_commit
	answers 'ENOENT: *' u table_abort
	exactly ok t table_add "+10.42.4.0/24,$B"
	exactly ok t close
	holds "10.42.2.0/24 $A_TEXT"
	answers 'ENOENT: *' t table_commit
	answers 'ENOENT: *' t table_commit "ifindex=$other"
	check_equal 'the other table' '' "$(flctl lease list dev flannel.2)"
	# a process that dies closes its sockets
	exactly 'ok seq=1' t table_begin
	exactly ok t table_add "+10.42.4.0/24,$B"
	kill -9 "$RAW_PID"
	wait "$RAW_PID" 2>/dev/null
	holds "10.42.2.0/24 $A_TEXT"
	unset RAW_PID
	raw_start flannel.1
	exactly 'ok seq=1' t table_begin
	exactly ok t table_add "+10.42.4.0/24,$B"
	# the next socket has the same address: a process's first one gets its pid
	exactly ok t close
	answers 'ENOENT: *' t table_commit
	raw_stop
}

# Who ends second did not know what the first one did
concurrent()
{
	begin_with "10.42.2.0/24,$A"
	exactly 'ok seq=1' t table_begin
	exactly 'ok seq=1' u table_begin
	exactly 'ok seq=1' v table_begin
	exactly ok t table_add "+10.42.3.0/24,$A" "+10.42.2.0/24,$B"
	exactly ok u table_add "+10.42.4.0/24,$B" "+10.42.2.0/24,$B"
	exactly ok v table_add "+10.42.5.0/24,$B" "+10.42.2.0/24,$B"
	exactly 'ok seq=2 added=1 changed=1 removed=0' t table_commit
	exactly 'ESTALE: The table was changed since the transaction began' u table_commit
	answers 'ENOENT: *' u table_commit force
	holds "10.42.2.0/24 $B_TEXT" "10.42.3.0/24 $A_TEXT"
	exactly 'ok seq=3 added=1 changed=0 removed=1' v table_commit force
	holds "10.42.2.0/24 $B_TEXT" "10.42.5.0/24 $B_TEXT"

	# a single change is a change too, one that changed nothing is not
	exactly 'ok seq=3' t table_begin
	exactly ok a lease_replace "+10.42.2.0/24,$B"
	exactly 'ok seq=4 added=0 changed=0 removed=2' t table_commit
	local change
	for change in "lease_add +10.42.2.0/24,$A" "lease_change +10.42.2.0/24,$B" \
			'lease_del +10.42.2.0/24' lease_flush; do
		raw t table_begin
		exactly ok a "$change"
		answers 'ESTALE: *' t table_commit
	done

	# forced upon what the others made of the VTEPs it names meanwhile
	begin_with "10.42.2.0/24,$A" "10.42.3.0/24,$B"
	raw t table_begin
	exactly ok t table_add "+10.42.2.0/24,$A" "+10.42.3.0/24,$B"
	exactly ok a lease_del +10.42.2.0/24
	exactly ok a lease_del +10.42.3.0/24
	exactly ok a lease_add "+10.42.9.0/24,$B"
	exactly 'ok seq=6 added=2 changed=0 removed=1' t table_commit force
	holds "10.42.2.0/24 $A_TEXT" "10.42.3.0/24 $B_TEXT"
	check_equal 'leases of each VTEP' '192.168.9.2 1|192.168.9.3 1' "$(vteps)"
	exactly ok a lease_del +10.42.2.0/24
	check_equal 'VTEPs that are left' '192.168.9.3 1' "$(vteps)"
	raw_stop
}

# "ADDRESS LEASES|..." of flannel.1
vteps()
{
	flctl --json stats dev flannel.1 | grep -o '"vtep":"[^"]*","lladdr":"[^"]*","leases":[0-9]*' |
		sed 's/"vtep":"\([^"]*\)".*"leases":/\1 /' | paste -sd '|'
}

# An error in the middle of a message: nothing of it, nor of those before
error_in_the_middle()
{
	begin_with "10.42.2.0/24,$A"
	raw t table_begin
	exactly ok t table_add "+10.42.4.0/24,$B"
	exactly 'EINVAL: 10.42.6.1/24 has host bits set [lease.prefix4]' \
		t table_add "+10.42.5.0/24,$B" "+10.42.6.1/24,$B" "+10.42.7.0/24,$B"
	answers 'ENOENT: *' t table_add "+10.42.4.0/24,$B"
	answers 'ENOENT: *' t table_commit
	holds "10.42.2.0/24 $A_TEXT"
	exactly 'ok seq=1' t table_begin
	raw_stop
}

restore()
{
	device && scratch || return
	flctl lease add "10.42.2.0/24" $A_TEXT dev flannel.1
	printf '%s\n' '# comment' "10.42.3.0/24 $A_TEXT" '' "10.42.4.0/24 $B_TEXT # more" \
		'10.42.1.0/24 local dev flannel.1' >"$TMP/good"
	check_equal 'restore' 'replace dev flannel.1 seq 2 added 3 changed 0 removed 1' \
		"$(flctl lease restore dev flannel.1 "$TMP/good" 2>&1)"
	holds '10.42.1.0/24 local' "10.42.3.0/24 $A_TEXT" "10.42.4.0/24 $B_TEXT"
	check_equal 'save and restore' 'replace dev flannel.1 seq 3 added 0 changed 0 removed 0' \
		"$(flctl lease save dev flannel.1 | flctl lease restore dev flannel.1 2>&1)"

	# what later leases are held against is the new table
	check_refused 'a local lease that came along' 'overlaps 10\.42\.1\.0/24' \
		flctl lease add 10.42.1.128/25 $B_TEXT dev flannel.1
	check_refused 'a VTEP that came along' 'contains the VTEP 192\.168\.9\.3' \
		flctl lease add 192.168.9.3/32 via 172.16.0.9 lladdr 02:00:00:00:09:09 \
		dev flannel.1

	# what flctl sees, what one message is refused for, and what the end is
	bad_line 5 'x via y' 'x'
	bad_line 5 '10.42.3.0/24 local' '10\.42\.3\.0/24'
	bad_line 5 "10.42.5.1/24 $B_TEXT" 'host bits'
	bad_line 5 "224.0.0.0/8 $B_TEXT" 'multicast'
	bad_line 5 '10.42.5.0/24 via 127.0.0.1 lladdr 02:00:00:00:02:02' 'not a unicast address'
	bad_line 5 "10.42.1.128/25 $B_TEXT" 'overlaps 10\.42\.1\.0/24'
	bad_line 5 "192.168.9.0/24 $B_TEXT" '192\.168\.9\.0/24 contains the VTEP 192\.168\.9\.'
	bad_line 5 '192.168.9.0/24 via 172.16.0.9 lladdr 02:00:00:00:09:09' \
		'192\.168\.9\.0/24 contains the VTEP 192\.168\.9\.'
	bad_line 5 "10.42.5.0/24 $B_TEXT dev eth0" 'eth0'

	check_refused 'no such file' 'cannot open' flctl lease restore dev flannel.1 "$TMP/none"
	check 'an empty file is an empty table' flctl lease restore dev flannel.1 /dev/null
	holds ''
	check 'the local lease has gone' flctl lease add 10.42.1.128/25 $B_TEXT dev flannel.1
}

# bad_line N LINE PATTERN - a file whose line N is this one is refused, with the
# line and the pattern named, and changes nothing
bad_line()
{
	printf '%s\n' '10.42.1.0/24 local' "10.42.3.0/24 $A_TEXT" "10.42.4.0/24 $B_TEXT" \
		'# comment' "$2" "10.42.8.0/24 $B_TEXT" >"$TMP/bad"
	check_refused "line $1: $2" "bad:$1: .*$3" \
		flctl lease restore dev flannel.1 "$TMP/bad"
	holds '10.42.1.0/24 local' "10.42.3.0/24 $A_TEXT" "10.42.4.0/24 $B_TEXT"
}

# A transaction of a device that is gone is gone as well
device_is_deleted()
{
	begin_with "10.42.2.0/24,$A"
	local ifindex command
	ifindex=$(ip -o link show flannel.1 | cut -d: -f1)
	raw t table_begin
	exactly ok t table_add "+10.42.4.0/24,$B"
	flctl link del flannel.1
	for command in "table_add +10.42.5.0/24,$B" table_commit table_abort; do
		exactly "ENODEV: Interface $ifindex is not a flannel device [ifindex]" \
			t "$command ifindex=$ifindex"
	done
	flctl link add flannel.1
	exactly 'ok seq=0' t table_begin
	exactly 'ok seq=1 added=0 changed=0 removed=0' t table_commit
	raw_stop
}

# Under traffic: what stays is never missed, and keeps its counters
#
#	n1 eth0 --- n2 eth0 (see underlay in lib.sh), n1 sends to n2
traffic()
{
	local i one two=() lost
	overlay 2 || { fail 'set-up'; return; }
	one=(+10.42.1.0/24,local +fd42:0:0:1::/64,local
		"+10.42.2.0/24,192.168.9.2,$(lladdr "$n2" flannel.1)")
	for i in {3..200}; do
		two+=("+10.42.$i.0/24,192.168.9.$i,02:00:00:00:00:01")
	done
	raw_start_in "$n1" flannel.1
	scratch
	nsenter --net="/run/netns/$n1" ping -n -q -i 0.002 -w 60 10.42.2.0 >"$TMP/ping" &
	local ping=$!
	until_true 10 some_received || fail 'no traffic'
	for i in {1..25}; do
		replace "${one[@]}" "${two[@]}"
		replace "${one[@]}"
	done
	kill -INT "$ping"
	wait "$ping"
	raw_stop
	note "$(grep transmitted "$TMP/ping")"
	lost=$(awk '/transmitted/ { print $1 - $4 }' "$TMP/ping")
	# the last one may be on its way
	((lost <= 1)) || fail "$lost packets lost"
	check_equal 'packets without a lease' 0 "$(stat "$n1" flannel.1 tx_no_lease)"
	check_equal 'packets of the VTEP' "$(stat "$n1" flannel.1 tx_packets)" \
		"$(in_ns "$n1" flctl --json stats dev flannel.1 |
			grep -o '"vtep":"192.168.9.2"[^}]*' | grep -o '"tx_packets":[0-9]*' |
			cut -d: -f2)"
}

replace()
{
	answers 'ok*' t table_begin &&
	exactly ok t table_add "$@" &&
	answers 'ok*' t table_commit || { raw t table_abort; return 1; }
}

some_received()
{
	(($(stat "$n2" flannel.1 rx_packets) > 5))
}

run_tests replace_is_atomic abort belongs_to_the_socket concurrent \
	error_in_the_middle restore device_is_deleted traffic
