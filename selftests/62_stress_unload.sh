#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# For STRESS_SECONDS (3): the module is unloaded and loaded while its devices
# carry packets both ways.
#
#	n1 eth0 --- n2 eth0 (see underlay in lib.sh)

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control.sh"

# made NS I PEER
made()
{
	in_ns "$1" flctl link add flannel.1 lladdr "02:00:00:00:01:0$2" up &&
	printf '%s\n' "10.42.$2.0/24 local" "fd42:0:0:$2::/64 local" \
		"10.42.$3.0/24 via 192.168.9.$3 lladdr 02:00:00:00:01:0$3" \
		"fd42:0:0:$3::/64 via fd09::$3 lladdr 02:00:00:00:01:0$3" |
		in_ns "$1" flctl lease restore dev flannel.1 >/dev/null &&
	overlay_addresses "$1" "$2"
}

unload()
{
	local end i=0
	may_unload || { skip 'the module is in use'; return; }
	underlay 2 && scratch || { fail 'set-up'; return; }
	flood "$n1" 10.42.2.0
	flood "$n2" 10.42.1.0
	flood "$n1" fd42:0:0:2::
	flood "$n2" fd42:0:0:1::
	end=$((SECONDS + ${STRESS_SECONDS:-3}))
	while ((SECONDS <= end && !FAILED)); do
		made "$n1" 1 2 && made "$n2" 2 1 || fail "round $i: make"
		modprobe -r flannel || fail "round $i: unload"
		((++i))
	done
	end_floods
	note "$i rounds"
	made "$n1" 1 2 && made "$n2" 2 1 || fail 'make'
	check 'works' pings "$n1" 10.42.2.0
	check 'works' pings "$n1" fd42:0:0:2::
}

run_tests unload
