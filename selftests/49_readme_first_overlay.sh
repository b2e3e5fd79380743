#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The commands that README.md has a newcomer type for a first overlay between two
# hosts and for a pod on each, as they stand there.
#
# host1 eth0 192.168.1.11 -- wire -- eth0 192.168.1.12 host2

. "$(dirname "$0")/lib.sh"

readme=$SELFTESTS/../README.md

# block N - the Nth block of commands in the section
block()
{
	awk -v wanted="$1" '
		/^## / { on = /A first overlay/ }
		!on { next }
		/^    / { if (!inside) n++; inside = 1; if (n == wanted) print; next }
		$0 != "" { inside = 0 }
	' "$readme"
}

hosts()
{
	local n ns
	new_ns wire host1 host2 || return 1
	ip -n "$wire" link add br0 up type bridge mcast_snooping 0
	for n in 1 2; do
		ns=host$n
		ip link add eth0 netns "${!ns}" type veth peer name "p$n" netns "$wire"
		batch "${!ns}" <<-END
			link set eth0 up
			addr add 192.168.1.1$n/24 dev eth0
			addr add 2001:db8:1::1$n/64 dev eth0 nodad
		END
		ip -n "$wire" link set "p$n" master br0 up
		in_ns "${!ns}" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	done
}

# type_in NS - run commands from standard input in a namespace
type_in()
{
	in_ns "$1" bash -e
}

first_overlay()
{
	scratch
	hosts || { fail 'set-up'; return; }
	block 1 >"$TMP/1"
	block 2 >"$TMP/2"
	block 3 | sed 's/^ *ping /&-c 1 -W 5 /' >"$TMP/3"
	check 'first host' type_in "$host1" <"$TMP/1"
	check 'second host' type_in "$host2" <"$TMP/2"
	check_equal 'pings' 2 "$(grep -c ping "$TMP/3")"
	check 'pings' type_in "$host1" <"$TMP/3"
}

# The pods' namespaces have the same name on both hosts, which here are one
pods_of()
{
	new_ns pod1 pod2
	block 4 | sed "/netns add/d; /ping/d; s/pod1/$pod1/" | type_in "$host1" &&
		block 4 | sed "/netns add/d; /ping/d; s/pod1/$pod2/
			s/10\.244\.1\./10.244.2./g" | type_in "$host2" &&
		check_equal 'the ping of the pod' 'ip netns exec pod1 ping 10.244.2.2' \
			"$(block 4 | sed -n '/ping/s/^ *//p')"
}

first_pods()
{
	hosts && block 1 | type_in "$host1" && block 2 | type_in "$host2" &&
		pods_of || { fail 'set-up'; return; }
	check 'ping of the pod' pings "$pod1" 10.244.2.2
}

need awk
[[ -f $readme ]] || { echo '1..0 # SKIP no README.md here'; exit $KSFT_SKIP; }
run_tests first_overlay first_pods
