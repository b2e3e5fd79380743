#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module is unloaded and loaded while an agent sleeps: the device comes back, and
# what is done to its table is noticed by events as before.
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
		--iptables-resync 86400 --run-dir "$TMP" --state-dir "$TMP" \
		--subnet-file "$TMP/subnet.env" >"$TMP/log" 2>&1 &
	AGENT=$!
	until_true 10 test -s "$TMP/subnet.env"
}

has_lease() { enter "$n1" flctl lease get 10.42.2.9 dev flannel.1; }
is_loaded() { [[ -d /sys/module/flannel ]]; }

flushed()
{
	enter "$n1" flctl lease flush dev flannel.1
	until_true 5 has_lease
}

leases_come_back_after_reload()
{
	scratch
	underlay 1 && agent || { fail "set-up: $(tail -n 5 "$TMP/log")"; return; }
	check 'before' flushed
	kill -STOP "$AGENT"
	ip -n "$n1" link del flannel.1
	check 'unload' until_true 5 rmmod flannel
	check_not 'unloaded' is_loaded
	modprobe flannel
	kill -CONT "$AGENT"
	check 'device and table' until_true 10 has_lease
	check 'after' flushed
	kill "$AGENT"
	wait "$AGENT" 2>/dev/null
}

[[ -n $FLCTL_AGENT ]] || { echo '1..0 # SKIP needs flctl-agent'; exit 4; }
run_tests leases_come_back_after_reload
