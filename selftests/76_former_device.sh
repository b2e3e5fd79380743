#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A configuration with another VNI, Network or backend after a restart of the agent:
# the device of before goes once the new one is there; that of another instance, and
# one that somebody else made in its place, stay.
#
# timeout: 180

. "$(dirname "$0")/lib.sh"

# agent INSTANCE - start it on the file of that name; its process is in AGENTS
declare -A AGENTS
agent()
{
	rm -f "$TMP/$1.env"
	ip netns exec "$n1" flctl run --lease-file "$TMP/$1.leases" --iface eth0 \
		--instance "$1" --run-dir "$TMP" --state-dir "$TMP" \
		--subnet-file "$TMP/$1.env" >>"$TMP/$1.log" 2>&1 &
	AGENTS[$1]=$!
	until_true 10 test -s "$TMP/$1.env" && return
	fail "agent $1: $(tail -n 5 "$TMP/$1.log")"
}

end()
{
	kill "${AGENTS[$1]}" 2>/dev/null
	wait "${AGENTS[$1]}" 2>/dev/null
	unset "AGENTS[$1]"
}

end_agents()
{
	local name
	for name in "${!AGENTS[@]}"; do end "$name"; done
}

# leases INSTANCE NET LINE... - 10.NET.0.0/16 with this node and one more
leases()
{
	local file=$TMP/$1.leases net=$2
	shift 2
	{
		(($# == 0)) || printf '%s\n' "$@"
		echo "network 10.$net.0.0/16"
		echo "10.$net.1.0/24 via 192.168.9.1 lladdr 0e:00:00:00:$net:01"
		echo "10.$net.2.0/24 via 192.168.9.2 lladdr 0e:00:00:00:$net:02"
	} >"$file.new"
	mv "$file.new" "$file"
}

has_link() { ip -n "$n1" link show "$1"; }
has_no_link() { ! has_link "$1" 2>/dev/null; }
has_lease() { enter "$n1" flctl lease get "$1" dev "$2"; }
forgotten() { ! grep -q " $2 " "$TMP/$1.made"; }
overlay_route() { ip -n "$n1" route show "$1" proto 141; }

set_up()
{
	scratch
	underlay 1 || fail 'set-up'
}

another_vni()
{
	set_up
	leases a 42 && leases b 43 'vni 2'
	agent a && agent b
	end a
	leases a 42 'vni 7'
	check 'still there' has_link flannel.1
	agent a
	check 'new device' has_lease 10.42.2.9 flannel.7
	check 'old device' until_true 5 has_no_link flannel.1
	check 'the file' until_true 5 forgotten a flannel.1
	check_equal 'route' '10.42.0.0/16 dev flannel.7 scope link src 10.42.1.0' \
		"$(overlay_route 10.42.0.0/16 | sed 's/ *$//')"
	check 'the other instance' has_lease 10.43.2.9 flannel.2
	end_agents
}

another_backend()
{
	set_up
	leases a 42 && leases b 43 'vni 2'
	agent a && agent b
	end a
	leases a 42 'backend host-gw'
	agent a
	check 'device' until_true 5 has_no_link flannel.1
	check_equal 'route' '10.42.2.0/24 via 192.168.9.2 dev eth0 ' "$(overlay_route 10.42.2.0/24)"
	check_equal 'overlay route' '' "$(overlay_route 10.42.0.0/16)"
	check 'the other instance' has_lease 10.43.2.9 flannel.2
	end_agents
}

# The other instance has network, VNI and MAC by now; then somebody else a device of
# that name
taken_over_by_others()
{
	local index
	set_up
	leases a 42 && agent a
	end a
	ip -n "$n1" link del flannel.1
	leases b 42 && agent b
	index=$(in_ns "$n1" cat /sys/class/net/flannel.1/ifindex)
	leases a 44 'vni 7'
	agent a
	check 'new device' has_lease 10.44.2.9 flannel.7
	check 'the file' until_true 5 forgotten a flannel.1
	check 'that of the other instance' has_lease 10.42.2.9 flannel.1
	check_equal 'never touched' "$index" "$(in_ns "$n1" cat /sys/class/net/flannel.1/ifindex)"
	end a
	end b
	rm "$TMP/b.made"
	ip -n "$n1" link del flannel.7
	enter "$n1" flctl link add flannel.7 id 7 dstport 8473
	leases a 44 'vni 8'
	agent a
	check 'new device' has_lease 10.44.2.9 flannel.8
	check 'the file' until_true 5 forgotten a flannel.7
	check 'what somebody made by hand' has_link flannel.7
	end_agents
}

dry_run()
{
	set_up
	leases a 42 && agent a
	end a
	leases a 42 'vni 7'
	in_ns "$n1" flctl run --lease-file "$TMP/a.leases" --iface eth0 --instance a \
		--run-dir "$TMP" --state-dir "$TMP" --subnet-file "$TMP/a.env" --dry-run \
		>"$TMP/said" 2>&1 || fail "$(cat "$TMP/said")"
	check 'said' grep -q '^would: link del flannel.1' "$TMP/said"
	check 'not done' has_link flannel.1
	check_not 'not remembered' grep flannel.7 "$TMP/a.made"
}

[[ -n $FLCTL_AGENT ]] || { echo '1..0 # SKIP needs flctl-agent'; exit 4; }
run_tests another_vni another_backend taken_over_by_others dry_run
