#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# For STRESS_SECONDS (3) each: devices are made and deleted, go down and up, and get
# other options, while packets come in and go out.
#
#	n1 eth0 --- n2 eth0 (see underlay in lib.sh); n1's device comes and goes

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control.sh"

# traffic - n2 floods n1's port, n1 floods whatever its routes say
traffic()
{
	scratch
	overlay_up "$n2" 2
	overlay_peer "$n2" 1 192.168.9.1 02:00:00:00:01:01
	flood "$n2" 10.42.1.0
	flood "$n2" fd42:0:0:1::
	flood "$n1" 10.42.2.0
	flood "$n1" fd42:0:0:2::
}

# hooked - netfilter has hooks before untrack's come and go. Without, the kernel would
# patch the code of ip_rcv() each time, and QEMU with two processors may run what
# stood there before (an int3 that nobody waits for any more).
hooked()
{
	in_ns "$n1" nft -f - <<-END
		table inet hooked {
			chain in { type filter hook prerouting priority 0; }
			chain out { type filter hook output priority 0; }
		}
	END
}

# again FUNCTION - for the time given
again()
{
	local end i=0
	underlay 2 && hooked || { fail 'set-up'; return; }
	traffic
	end=$((SECONDS + ${STRESS_SECONDS:-3}))
	while ((SECONDS <= end && !FAILED)); do
		$1 $((i++))
	done
	end_floods
	note "$i rounds"
	# and all is as well as ever
	in_ns "$n1" flctl link del flannel.1 2>/dev/null
	made lladdr 02:00:00:00:01:01 || fail 'set-up'
	check 'works' pings "$n1" 10.42.2.0
}

# made OPTIONS... - n1's device with its table
made()
{
	in_ns "$n1" flctl link add flannel.1 "$@" up &&
	printf '%s\n' '10.42.1.0/24 local' 'fd42:0:0:1::/64 local' \
		"10.42.2.0/24 via 192.168.9.2 lladdr $(lladdr "$n2" flannel.1)" \
		"fd42:0:0:2::/64 via 192.168.9.2 lladdr $(lladdr "$n2" flannel.1)" |
		in_ns "$n1" flctl lease restore dev flannel.1 >/dev/null &&
	overlay_addresses "$n1" 1
}

make_and_delete()
{
	local options=('' 'dev eth0' 'network 10.42.0.0/16' 'local 192.168.9.1'
		untrack)
	# shellcheck disable=SC2086
	made ${options[$1 % 5]} || { fail "make, round $1"; return; }
	ip -n "$n1" link del flannel.1 || fail "delete, round $1"
}

down_and_up()
{
	(($1 > 0)) || made dev eth0 || { fail 'make'; return; }
	batch "$n1" <<-END || fail "round $1"
		link set flannel.1 down
		link set flannel.1 up
		route add 10.42.0.0/16 dev flannel.1 src 10.42.1.0
		link set flannel.1 down
		link set flannel.1 up
		route add 10.42.0.0/16 dev flannel.1 src 10.42.1.0
	END
}

other_options()
{
	local options=(untrack 'srccheck strict' 'dev eth0' 'network 10.42.0.0/16' nountrack
		'srccheck lease' nodev 'network 0.0.0.0/0 untrack ttl 9' 'nountrack ttl auto')
	(($1 > 0)) || made || { fail 'make'; return; }
	# shellcheck disable=SC2086
	in_ns "$n1" flctl link set flannel.1 ${options[$1 % 9]} || fail "round $1"
}

delete() { again make_and_delete; }
down() { again down_and_up; }
options() { again other_options; }

need nft
run_tests delete down options
