#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# For STRESS_SECONDS (3) each: tables are replaced, and single leases come and
# go, while packets by leases that stay are never lost.
#
#	n1 eth0 --- n2 eth0 (see underlay in lib.sh); n1's table is changed

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control.sh"

# with_traffic FUNCTION - it is called again and again with 0, 1, 2 ...
with_traffic()
{
	local end i=0 family pings=()
	overlay 2 || { fail 'set-up'; return; }
	scratch
	KEPT=(+10.42.1.0/24,local +fd42:0:0:1::/64,local
		"+10.42.2.0/24,192.168.9.2,$(lladdr "$n2" flannel.1)"
		"+fd42:0:0:2::/64,192.168.9.2,$(lladdr "$n2" flannel.1)")
	raw_start_in "$n1" flannel.1
	for family in 10.42.2.0 fd42:0:0:2::; do
		nsenter --net="/run/netns/$n1" ping -n -q -i 0.002 "$family" >"$TMP/$family" &
		pings+=("$!")
	done
	end=$((SECONDS + ${STRESS_SECONDS:-3}))
	while ((SECONDS <= end && !FAILED)); do
		$1 $((i++))
	done
	kill -INT "${pings[@]}"
	wait "${pings[@]}"
	raw_stop
	note "$i rounds"
	for family in 10.42.2.0 fd42:0:0:2::; do
		note "$family: $(grep transmitted "$TMP/$family")"
		lost=$(awk '/transmitted/ { print $1 - $4 }' "$TMP/$family")
		# the last one may be on its way
		((lost <= 1)) || fail "$lost packets lost"
	done
	check_equal 'packets without a lease' 0 "$(stat "$n1" flannel.1 tx_no_lease)"
}

# Other leases: more, fewer, of other lengths, so that every array is remade
MANY=() FEW=()
for ((l = 0; l < 400; l++)); do
	MANY+=("+10.43.$((l / 2)).$((l % 2 * 128))/25,192.168.9.$((l % 200 + 3)),02:00:00:00:00:01")
	FEW[l / 40]="+fd43:0:0:$l::/64,fd09::$((l + 3)),02:00:00:00:00:01"
done

replace_all()
{
	local more=()
	case $(($1 % 3)) in
	0) more=("${MANY[@]}") ;;
	1) more=("${FEW[@]}") ;;
	esac
	answers 'ok*' t table_begin
	exactly ok t table_add "${KEPT[@]}" ${more[@]+"${more[@]}"}
	answers 'ok*' t table_commit
}

# Lengths, VTEPs and local leases come and go beside those that stay
change_one()
{
	local i=$1
	answers 'ok*' a lease_replace "+10.44.$((i % 256)).0/$((24 + i % 8)),192.168.9.$((i % 250 + 3)),02:00:00:00:00:01"
	answers 'ok*' a lease_replace "${MANY[i % 400]}"
	answers 'ok*' a lease_replace "${KEPT[2]}"
	raw a lease_del "$(cut -d, -f1 <<<"${MANY[(i + 200) % 400]}")"
	raw a lease_del "+10.44.$(((i + 200) % 256)).0/$((24 + (i + 200) % 8))"
	answers 'ok*' a lease_replace +10.45.0.0/24,local
	answers 'ok*' a lease_del +10.45.0.0/24
}

replace() { with_traffic replace_all; }
change() { with_traffic change_one; }

run_tests replace change
