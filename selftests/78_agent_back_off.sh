#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Somebody deletes the device again and again: it is named and left alone. A device of
# another kind that takes its name meanwhile is noticed all the same.
#
# timeout: 60

. "$(dirname "$0")/lib.sh"

AGENT=
agent()
{
	cat >"$TMP/leases" <<-END
		network 10.42.0.0/16
		10.42.1.0/24 via 192.168.9.1 lladdr 0e:00:00:00:00:01
		10.42.2.0/24 via 192.168.9.2 lladdr 0e:00:00:00:00:02
	END
	ip netns exec "$n1" flctl run --lease-file "$TMP/leases" --iface eth0 \
		--run-dir "$TMP" --state-dir "$TMP" --subnet-file "$TMP/subnet.env" \
		>"$TMP/log" 2>&1 &
	AGENT=$!
	until_true 10 test -s "$TMP/subnet.env"
}

is_left_alone() { grep -q 'undoes the device again and again' "$TMP/log"; }
has_link() { ip -n "$n1" link show flannel.1; }

displaced_while_left_alone()
{
	local i
	scratch
	underlay 1 && agent || { fail "set-up: $(tail -n 5 "$TMP/log")"; return; }
	for i in {1..8}; do
		! is_left_alone || break
		check 'device' until_true 5 has_link || return
		ip -n "$n1" link del flannel.1 2>/dev/null
	done
	check 'left alone' until_true 5 is_left_alone
	until_true 1 has_link && ip -n "$n1" link del flannel.1
	ip -n "$n1" link add flannel.1 type bridge
	check 'displaced' until_true 5 grep -q 'displaced: nothing is written' "$TMP/log"
	check 'still theirs' ip -n "$n1" -d link show flannel.1 type bridge
	kill "$AGENT"
	wait "$AGENT" 2>/dev/null
}

[[ -n $FLCTL_AGENT ]] || { echo '1..0 # SKIP needs flctl-agent'; exit 4; }
run_tests displaced_while_left_alone
