#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every command on leases does what it says, and nothing else.
#
# One namespace, one device that is down: the table needs no traffic.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control.sh"
own_ns

A='via 192.168.9.2 lladdr 02:00:00:00:02:02'
B='via 192.168.9.3 lladdr 02:00:00:00:03:03'
C='via fd09::4 lladdr 02:00:00:00:04:04'

add()
{
	device || return
	check 'add' flctl lease add 10.42.2.0/24 $A dev flannel.1
	check 'add IPv6' flctl lease add fd42:0:0:2::/64 $C dev flannel.1
	check 'add local' flctl lease add 10.42.1.0/24 local dev flannel.1
	holds '10.42.1.0/24 local' "10.42.2.0/24 $A" "fd42:0:0:2::/64 $C"
	check_refused 'again' '10\.42\.2\.0/24 has a lease already.*exists' \
		flctl lease add 10.42.2.0/24 $B dev flannel.1
	check_refused 'the same again' 'has a lease already' \
		flctl lease add 10.42.2.0/24 $A dev flannel.1
	flctl lease add 10.42.2.0/24 $A dev flannel.1 2>/dev/null
	check_equal 'exit status of a refusal' 2 $?
	check 'another length is another prefix' \
		flctl lease add 10.42.2.0/25 $B dev flannel.1
	holds '10.42.1.0/24 local' "10.42.2.0/24 $A" "10.42.2.0/25 $B" \
		"fd42:0:0:2::/64 $C"
}

change()
{
	device || return
	check_refused 'change of nothing' '10\.42\.2\.0/24 has no lease' \
		flctl lease change 10.42.2.0/24 $A dev flannel.1
	holds
	flctl lease add 10.42.2.0/24 $A dev flannel.1
	check 'to another VTEP' flctl lease change 10.42.2.0/24 $B dev flannel.1
	holds "10.42.2.0/24 $B"
	check 'to another family' flctl lease change 10.42.2.0/24 $C dev flannel.1
	holds "10.42.2.0/24 $C"
	check 'the MAC alone' flctl lease change 10.42.2.0/24 \
		via fd09::4 lladdr 02:00:00:00:05:05 dev flannel.1
	holds '10.42.2.0/24 via fd09::4 lladdr 02:00:00:00:05:05'
	check 'to local' flctl lease change 10.42.2.0/24 local dev flannel.1
	holds '10.42.2.0/24 local'
	check 'from local' flctl lease change 10.42.2.0/24 $A dev flannel.1
	holds "10.42.2.0/24 $A"
}

replace()
{
	device || return
	check 'where there is none' flctl lease replace 10.42.2.0/24 $A dev flannel.1
	holds "10.42.2.0/24 $A"
	check 'where there is one' flctl lease replace 10.42.2.0/24 $B dev flannel.1
	holds "10.42.2.0/24 $B"
	raw_start flannel.1
	exactly 'ok seq=2' a table_begin
	check 'by the same' flctl lease replace 10.42.2.0/24 $B dev flannel.1
	holds "10.42.2.0/24 $B"
	exactly 'ok seq=3 added=0 changed=0 removed=1' a table_commit
	raw_stop
}

del()
{
	device || return
	flctl lease add 10.42.2.0/24 $A dev flannel.1
	flctl lease add 10.42.3.0/24 $A dev flannel.1
	flctl lease add fd42:0:0:2::/64 $A dev flannel.1
	flctl lease add 10.42.1.0/24 local dev flannel.1
	check 'one of two' flctl lease del 10.42.2.0/24 dev flannel.1
	check 'a local one' flctl lease del 10.42.1.0/24 dev flannel.1
	holds "10.42.3.0/24 $A" "fd42:0:0:2::/64 $A"
	check_refused 'again' '10\.42\.2\.0/24 has no lease' \
		flctl lease del 10.42.2.0/24 dev flannel.1
	check_refused 'another length' '10\.42\.3\.0/25 has no lease' \
		flctl lease del 10.42.3.0/25 dev flannel.1
	holds "10.42.3.0/24 $A" "fd42:0:0:2::/64 $A"
	check 'the last IPv4 one' flctl lease del 10.42.3.0/24 dev flannel.1
	check 'the last of all' flctl lease del fd42:0:0:2::/64 dev flannel.1
	holds
	check 'and again one' flctl lease add 10.42.3.0/24 $B dev flannel.1
	holds "10.42.3.0/24 $B"
}

# finds ADDRESS LINE
finds()
{
	check_equal "lease that covers $1" "$2" \
		"$(flctl lease get "$1" dev flannel.1 2>&1)"
}

# The longest match, at both ends of each prefix and beside it
get()
{
	device || return
	flctl lease restore dev flannel.1 - >/dev/null <<-END
		10.42.0.0/16 $A
		10.42.2.0/24 $B
		10.42.2.128/25 $C
		10.42.2.200/32 $A
		fd42::/48 $A
		fd42:0:0:2::/64 $B
		fd42:0:0:2::8000:0/97 $C
	END
	finds 10.42.1.255 "10.42.0.0/16 $A"
	finds 10.42.2.0 "10.42.2.0/24 $B"
	finds 10.42.2.127 "10.42.2.0/24 $B"
	finds 10.42.2.128 "10.42.2.128/25 $C"
	finds 10.42.2.200 "10.42.2.200/32 $A"
	finds 10.42.2.255 "10.42.2.128/25 $C"
	finds 10.42.255.255 "10.42.0.0/16 $A"
	finds fd42:0:0:1:ffff:ffff:ffff:ffff "fd42::/48 $A"
	finds fd42:0:0:2::7fff:ffff "fd42:0:0:2::/64 $B"
	finds fd42:0:0:2::8000:0 "fd42::2:0:0:8000:0/97 $C"
	check_refused 'below' 'No lease covers 10\.41\.255\.255' \
		flctl lease get 10.41.255.255 dev flannel.1
	check_refused 'above' 'No lease covers fd42:0:1::' \
		flctl lease get fd42:0:1:: dev flannel.1
	flctl lease del 10.42.2.128/25 dev flannel.1
	finds 10.42.2.255 "10.42.2.0/24 $B"
	check_equal 'JSON' \
		'{"prefix":"10.42.2.200/32","via":"192.168.9.2","lladdr":"02:00:00:00:02:02","dev":"flannel.1"}' \
		"$(flctl --json lease get 10.42.2.200 dev flannel.1)"
}

list()
{
	local second='via 192.168.9.2 lladdr 02:00:00:00:22:22'

	device || return
	flctl link add flannel.2 id 2
	flctl lease restore dev flannel.1 - >/dev/null <<-END
		10.42.1.0/24 local
		10.42.2.0/24 $A
		10.42.3.0/24 $second
		10.42.4.0/24 $C
		fd42:0:0:2::/64 $A
		fd42:0:0:4::/64 $C
	END
	flctl lease add 10.43.2.0/24 $A dev flannel.2
	check_equal 'of one VTEP, whichever MAC' \
		"$(printf '%s\n' "10.42.2.0/24 $A" "10.42.3.0/24 $second" "fd42:0:0:2::/64 $A")" \
		"$(flctl lease list dev flannel.1 via 192.168.9.2)"
	check_equal 'of an IPv6 VTEP' \
		"$(printf '%s\n' "10.42.4.0/24 $C" "fd42:0:0:4::/64 $C")" \
		"$(flctl lease list dev flannel.1 via fd09::4)"
	check_equal 'of no VTEP' '' "$(flctl lease list dev flannel.1 via 192.168.9.9)"
	check_equal 'of all devices' \
		"$(printf '%s\n' "10.42.2.0/24 $A dev flannel.1" \
			"10.42.3.0/24 $second dev flannel.1" \
			"fd42:0:0:2::/64 $A dev flannel.1" "10.43.2.0/24 $A dev flannel.2")" \
		"$(flctl lease list via 192.168.9.2)"
	check_equal 'counts' 'leases    IPv4 4 (hash), IPv6 2 (hash)|vteps     3' \
		"$(flctl link show flannel.1 | sed -n 's/^ *\(leases .*\)/\1/p;s/^ *\(vteps .*\)/\1/p' |
			paste -sd '|')"
	check_equal 'saved is listed' "$(flctl lease list dev flannel.1)" \
		"$(flctl lease save dev flannel.1)"
}

flush()
{
	device || return
	check 'of nothing' flctl lease flush dev flannel.1
	flctl lease add 10.42.2.0/24 $A dev flannel.1
	flctl lease add fd42:0:0:2::/64 $C dev flannel.1
	flctl lease add 10.42.1.0/24 local dev flannel.1
	check 'of both families' flctl lease flush dev flannel.1
	holds
	check_equal 'VTEPs' 'vteps 0' \
		"$(flctl link show flannel.1 | awk '$1 == "vteps" { print $1, $2 }')"
	check 'and again one' flctl lease add 10.42.1.0/24 $A dev flannel.1
	holds "10.42.1.0/24 $A"
}

run_tests add change replace del get list flush
