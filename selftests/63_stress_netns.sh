#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# For STRESS_SECONDS (3) each: namespaces of devices, and of their underlays,
# end while packets come in and go out.
#
#	inner (flannel.1) .. n1 eth0 --- wire --- n2 eth0; inner and n1 come and go

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control.sh"

# Refused as long as the one before, in a namespace that ends, is not gone
device() { in_ns "$n1" flctl link add flannel.1 lladdr 02:00:00:00:01:01; }

# A new inner, with the device that has its underlay in n1
inner()
{
	until_true 10 device && new_ns inner &&
	ip -n "$n1" link set flannel.1 netns "$inner" &&
	ip -n "$inner" link set flannel.1 up &&
	overlay_addresses "$inner" 1 &&
	in_ns "$inner" flctl lease restore dev flannel.1 - >/dev/null <<-END
		10.42.1.0/24 local
		10.42.2.0/24 via 192.168.9.2 lladdr 02:00:00:00:01:02
	END
}

# A namespace is taken down when nobody is in it any more, and its NIC with it.
nic_is_gone() { ! ip -n "$wire" link show p1; }

# n1 again, with its NIC
home()
{
	until_true 10 nic_is_gone && new_ns n1 || return
	batch "$wire" <<-END
		link add p1 type veth peer name eth0 netns $n1 address 02:00:00:00:09:01
		link set p1 master br0 addrgenmode none up
	END
	batch "$n1" <<-END
		link set eth0 up
		addr add 192.168.9.1/24 dev eth0
	END
}

delete()
{
	local ns=$1
	ip netns pids "$ns" | xargs -r kill 2>/dev/null
	ip netns del "$ns"
}

# again FUNCTION
again()
{
	local end i=0 ping
	underlay 2 && scratch || { fail 'set-up'; return; }
	overlay_up "$n2" 2 lladdr 02:00:00:00:01:02
	overlay_peer "$n2" 1 192.168.9.1 02:00:00:00:01:01
	flood "$n2" 10.42.1.0
	end=$((SECONDS + ${STRESS_SECONDS:-3}))
	while ((SECONDS <= end && !FAILED)); do
		inner || { fail "round $i: make"; break; }
		nsenter --net="/run/netns/$inner" ping -n -q -f -w 60 10.42.2.0 >/dev/null 2>&1 &
		ping=$!
		$1 $((i++))
		# it may have entered after the others were killed
		kill "$ping" 2>/dev/null
		wait "$ping"
	done
	end_floods
	note "$i rounds"
	inner && check 'works' pings "$inner" 10.42.2.0 || fail 'make'
}

end_inner() { delete "$inner"; }

end_home()
{
	if (($1 % 2)); then
		ip netns del "$n1"
		delete "$inner"
	else
		delete "$inner"
		ip netns del "$n1"
	fi
	home || fail "round $1: n1"
}

of_the_device() { again end_inner; }
of_both() { again end_home; }

run_tests of_the_device of_both
