#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every allocation of every request fails once: the request says so, the table
# is as it was, and nothing is left behind; where the kernel can do without, the
# request is done.
#
# /proc/thread-self/fail-nth makes the Nth allocation of a task fail.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control.sh"
own_ns

A=192.168.9.2,02:00:00:00:02:02
B=192.168.9.3,02:00:00:00:03:03
FAULTS=/sys/kernel/debug

may_inject()
{
	[[ -w /proc/self/fail-nth && -d $FAULTS/failslab ]] || return
	# also those that could wait for memory, and single pages; without a trace
	echo N >$FAULTS/failslab/ignore-gfp-wait
	echo N >$FAULTS/fail_page_alloc/ignore-gfp-wait
	echo 0 >$FAULTS/fail_page_alloc/min-order
	echo 0 >$FAULTS/failslab/verbose
	echo 0 >$FAULTS/fail_page_alloc/verbose
}

begin_with()
{
	local lease
	device && raw_start flannel.1 || return
	for lease; do
		exactly ok a lease_replace "+$lease" || return
	done
}

# seq_now - what the table's number is now, in $SEQ
seq_now()
{
	raw q table_begin
	SEQ=$ANSWER
	raw q table_abort
}

# every REQUEST UNDO [READY] - until no allocation is left to fail. A failure
# without words may be that of the answer alone: then the request is done.
every()
{
	local request=$1 undo=${2-} ready=${3-} n before failures=0 answer=
	for ((n = 1; n < 2000 && !FAILED; n++)); do
		[[ -z $ready ]] || $ready
		seq_now
		before=$SEQ
		exactly ok nth $n
		raw "$request"
		answer=$ANSWER
		seq_now
		case $answer in
		ok*'(not reached)') break ;;
		ok*) ;;
		ENOBUFS' ('*) ;;
		ENOMEM* | ENOBUFS*)
			check_equal "table after '$request' failed at $n" "$before" "$SEQ" ;;
		*) fail "'$request', allocation $n: '$answer'" ;;
		esac
		[[ $answer == ok* ]] || ((++failures))
		[[ $before == "$SEQ" || -z $undo ]] || raw "$undo"
	done
	((n < 2000)) || fail "'$request' never gets through"
	note "${request:0:60}: $((n - 1)) allocations, $failures failures"
}

table_holds()
{
	local wanted
	wanted=$(printf '%s\n' "${@//,local/ local}" |
		sed 's/,\([0-9.]*\),/ via \1 lladdr /')
	check_equal 'table at the end' "$wanted" "$(flctl lease list dev flannel.1)"
}

can() { may_inject || { skip 'this kernel injects no faults'; return 1; }; }

single_leases()
{
	can && begin_with "10.42.3.0/24,$B" || return
	every "a lease_add +10.42.2.0/24,$A" 'a lease_del +10.42.2.0/24'
	exactly ok a lease_del +10.42.2.0/24
	every "a lease_add +10.42.2.128/25,$A" 'a lease_del +10.42.2.128/25'
	every "a lease_change +10.42.2.128/25,$B" "a lease_change +10.42.2.128/25,$A"
	every 'a lease_del +10.42.2.128/25' "a lease_add +10.42.2.128/25,$A"
	every 'a lease_add +fd42::/64,local' 'a lease_del +fd42::/64'
	every 'a lease_del +fd42::/64' 'a lease_add +fd42::/64,local'
	every 'a lease_get addr4=10.42.3.7'
	table_holds "10.42.3.0/24,$B"
	raw_stop
}

# Where hashes are full, and with the direct index
that_grow()
{
	local i full=()
	can || return
	for ((i = 1; i <= 12; i++)); do
		full+=("10.42.$i.0/24,192.168.9.$((i + 10)),02:00:00:00:00:01")
	done
	begin_with "${full[@]}" || return
	every "a lease_add +10.42.100.0/24,$A" 'a lease_del +10.42.100.0/24' full_again
	every 'r link-set flannel.1 network=10.42.0.0 network_len=16' '' no_network
	exactly ok r link-set flannel.1 network=10.42.0.0 network_len=16
	every "a lease_add +10.42.101.128/25,$A" 'a lease_del +10.42.101.128/25'
	# the only one of another length goes: the index comes back
	every 'a lease_del +10.42.101.128/25' "a lease_add +10.42.101.128/25,$A"
	raw_stop
}

# The hash as it is after 12 leases, not as failures and undoing left it
full_again()
{
	local lease
	exactly ok a lease_flush
	for lease in "${full[@]}"; do
		exactly ok a lease_add "+$lease"
	done
}

no_network() { exactly ok r link-set flannel.1 network=0.0.0.0 network_len=0; }

transactions()
{
	local i lease many=()
	can && begin_with "10.42.3.0/24,$B" || return
	for ((i = 0; i < 30; i++)); do
		many+=("+10.42.$((i + 4)).0/$((24 + i % 2)),192.168.9.$((i + 10)),02:00:00:00:00:01")
	done
	every 't table_begin' '' undone
	raw t table_abort
	every "t table_add ${many[*]}" '' fresh_transaction
	every 't table_commit' '' filled_transaction
	fill_back
	every 'a lease_flush' '' fill_back
	fill_back
	table_holds "10.42.3.0/24,$B"
	raw_stop
}

# What has failed is not there; what was done without an answer may be
undone()
{
	raw t table_abort
	[[ $answer != ENOMEM* || $ANSWER == ENOENT* ]] ||
		fail "a transaction that could not begin, allocation $((n - 1)): '$ANSWER'"
}

fresh_transaction() { raw t table_abort; answers 'ok*' t table_begin; }
filled_transaction() { fresh_transaction; exactly ok t table_add "${many[@]}"; }
fill_back()
{
	raw t table_abort
	raw t table_begin
	raw t table_add "+10.42.3.0/24,$B"
	answers 'ok*' t table_commit force
}

reading()
{
	can && begin_with "10.42.3.0/24,$B" "fd42::/64,$A" || return
	exactly ok l listen
	every 'a dev_get'
	every 'a stats_get'
	every 'd dump lease_get'
	every 'd dump vtep_get'
	every 'd dump stats_get'
	# with somebody listening
	every "a lease_replace +10.42.2.0/24,$A" 'a lease_del +10.42.2.0/24'
	raw_stop
}

# A device that could not be made is not there; one that could not be changed is
# as it was, or as it was to be when only the answer failed
links()
{
	can && ip link add eth0 type bridge && raw_start || return
	every_link 'link-add flannel.2 id=2 dev=eth0 network=10.42.0.0 network_len=16 network6=fd42:: network6_len=48' \
		no_flannel2
	every_link 'link-set flannel.2 ttl=9 local=192.168.9.1' options_unset
	every_link 'link-set flannel.2 dev:00' has_dev
	every_link 'link-set flannel.2 dev=eth0' no_dev
	every_link 'link-up flannel.2' is_down
	every_link 'link-set flannel.2 untrack=1 ttl=9' tracks
	exactly ok r link-down flannel.2
	every_link 'link-up flannel.2' is_down
	every_link 'link-del flannel.2' has_flannel2
	raw_stop
	ip link del eth0
}

# every_link REQUEST READY - the same for requests about links
every_link()
{
	local n failures=0 before=
	for ((n = 1; n < 2000 && !FAILED; n++)); do
		$2
		[[ -n $before ]] || before=$(shown)
		exactly ok nth $n
		raw "r $1"
		case $ANSWER in
		'ok (not reached)') break ;;
		'ok (injected)') continue ;;
		# Perhaps that of the answer alone
		'ENOBUFS (injected)') ;;
		# A socket without an inode is one file too many, and a device
		# whose name does not fit into memory has none.
		ENOMEM* | ENOBUFS* | ENFILE* | 'EINVAL (injected)')
			check_equal "flannel.2 after '$1' failed at $n" "$before" "$(shown)" ;;
		*) fail "'$1', allocation $n: '$ANSWER'" ;;
		esac
		((++failures))
	done
	((n < 2000)) || fail "'$1' never gets through"
	((FAILED)) || [[ $before != "$(shown)" ]] || fail "'$1' changes nothing"
	note "${1:0:60}: $((n - 1)) allocations, $failures failures"
}

# Without what is new in each device
shown()
{
	flctl link show flannel.2 2>&1 | sed 's/^[0-9]*: //; s/lladdr [^ ]*//'
}

no_flannel2()
{
	[[ ! -e /proc/sys/net/ipv4/conf/flannel.2 ]] || raw r link-del flannel.2
	[[ ! -e /proc/sys/net/ipv4/conf/flannel.2 ]] || fail 'flannel.2 cannot be deleted'
}
has_flannel2()
{
	[[ ! -e /proc/sys/net/ipv4/conf/flannel.2 ]] || return
	exactly ok r link-add flannel.2 id=2
	before=
}
options_unset() { exactly ok r link-set flannel.2 ttl=0 local=0.0.0.0; }
has_dev() { exactly ok r link-set flannel.2 dev=eth0; }
no_dev() { exactly ok r link-set flannel.2 dev:00; }
tracks() { exactly ok r link-set flannel.2 untrack=0 ttl=0; }
is_down() { exactly ok r link-down flannel.2; }

run_tests single_leases that_grow transactions reading links
