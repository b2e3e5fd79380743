#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Random tables: the lease that is found, and the VTEP that packets go to, are
# those that a look-up by brute force (helpers/lpmref.c) finds.
#
# One namespace; the underlay eth0 is a dummy that swallows everything.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control.sh"
own_ns

# "VTEP N", "local N" and "none N": where packets have gone
packets()
{
	flctl --json stats dev flannel.1 | tr '{}' '\n\n' | sed -n '
		s/^"vtep":"\([^"]*\)".*"tx_packets":\([1-9][0-9]*\).*/\1 \2/p'
	ethtool -S flannel.1 | sed -n '
		s/^ *tx_local_lease: /local /p
		s/^ *tx_no_lease: /none /p'
}

# agrees INDEX LEASES LENGTHS BASE [LINK OPTIONS...] - tables in BASE, looked up
# by INDEX
agrees()
{
	local index=$1 leases=$2 lengths=$3 base=$4 seed=$RANDOM
	shift 4
	note "seed $seed: $leases leases of $lengths in $base, $index"
	device "$@" && scratch || return
	batch_here <<-END
		link set flannel.1 up
		route add 10.0.0.0/8 dev flannel.1
		addr add fd00::1/128 dev flannel.1 nodad
		route add fd42::/16 via fe80::1 dev flannel.1 onlink
	END
	lpmref "$seed" "$leases" 1000 "$lengths" "$base" "$TMP" 200 \
		"$((FAMILY == 4 ? 8 : 16))" || fail lpmref
	check 'restore' flctl lease restore dev flannel.1 "$TMP/table" || return
	rawnl flannel.1 <"$TMP/requests" | sed 's/ seq=[0-9]*//' >"$TMP/found"
	diff "$TMP/answers" "$TMP/found" >"$TMP/diff" ||
		fail "look-ups: $(grep -c '^<' "$TMP/diff") differ: $(head -n 4 "$TMP/diff")"
	check_equal 'leases are looked up' "$index" \
		"$(flctl link show flannel.1 | sed -n "s/.*IPv$FAMILY [0-9]* (\([a-z ]*\)).*/\1/p")"
	check_equal 'sent' 1000 "$(sendto 9 <"$TMP/addresses")"
	check_equal 'packets' "$(sort "$TMP/packets")" "$(packets | sort)"
}

batch_here() { ip -batch -; }

nic()
{
	ip link show eth0 >/dev/null 2>&1 && return
	# by itself the module makes a link
	modprobe dummy numdummies=0 2>/dev/null
	ip link add eth0 type dummy || return
	batch_here <<-END
		link set lo up
		link set eth0 up
		addr add 192.168.9.1/24 dev eth0
	END
}

hashed_ipv4()
{
	local FAMILY=4
	nic || { skip 'no dummy device'; return; }
	agrees hash 1000 8,10,12,14,16,18,19,20,21,22,23,24,25,28,30,32 10.0.0.0/8
	agrees hash 300 22,23,24 10.42.0.0/16 network 10.42.0.0/16
	agrees hash 300 24 10.42.0.0/16
	agrees hash 300 28 10.0.0.0/8 network 10.0.0.0/8
}

hashed_ipv6()
{
	local FAMILY=6
	nic || { skip 'no dummy device'; return; }
	agrees hash 1000 17,20,31,32,33,48,56,63,64,65,80,96,97,112,127,128 fd42::/16
	agrees hash 300 56,64 fd42:1::/48 network fd42:1::/48
	# the index lies in both halves of the address
	agrees hash 300 72 fd42:1::/60 network fd42:1::/60
}

direct_ipv4()
{
	local FAMILY=4
	nic || { skip 'no dummy device'; return; }
	agrees 'direct index' 200 24 10.42.0.0/16 network 10.42.0.0/16
	agrees 'direct index' 1000 24 10.0.0.0/8 network 10.0.0.0/8
	agrees 'direct index' 40 32 10.9.8.64/26 network 10.9.8.64/26
	agrees 'direct index' 1 16 10.42.0.0/16 network 10.42.0.0/16
}

direct_ipv6()
{
	local FAMILY=6
	nic || { skip 'no dummy device'; return; }
	agrees 'direct index' 500 64 fd42:1::/48 network fd42:1::/48
	agrees 'direct index' 100 56 fd42:1::/48 network fd42:1::/48
	agrees 'direct index' 500 80 fd42:1::/64 network fd42:1::/64
	agrees 'direct index' 500 128 fd42:1::8000:0/112 network fd42:1::8000:0/112
}

run_tests hashed_ipv4 hashed_ipv6 direct_ipv4 direct_ipv6
