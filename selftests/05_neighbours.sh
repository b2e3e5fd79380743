#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Neighbour entries do not grow with destinations: 5,000 of each family through
# the device take one of each family, for IPv6 that of the gateway fe80::1.
#
#	n1 eth0 --- n2 eth0 (see underlay in lib.sh); n1 sends, n2 need not answer

. "$(dirname "$0")/lib.sh"

# entries FAMILY - neighbours behind the device, whatever their state
entries()
{
	ip -n "$n1" "-$1" neigh show dev flannel.1 nud all | wc -l
}

sent() { stat "$n1" flannel.1 tx_packets; }
all_sent() { (($(sent) >= $1)); }

# send_to N ADDRESS - a datagram to each of N addresses, as bash expands them
send_to()
{
	local before
	before=$(sent)
	in_ns "$n1" bash -c "
		for ((i = 1; i <= $1; i++)); do
			printf -v address $2
			echo >/dev/udp/\$address/9 || exit
		done" || fail 'send'
	until_true 10 all_sent $((before + $1)) ||
		fail "$(($(sent) - before)) of $1 datagrams were sent"
}

limited()
{
	underlay 2 && overlay_up "$n1" 1 || { fail 'set-up'; return; }
	lease "$n1" 10.128.0.0/9 via 192.168.9.2 lladdr 02:00:00:00:02:02
	lease "$n1" fd42:0:0:8000::/49 via 192.168.9.2 lladdr 02:00:00:00:02:02
	ip -n "$n1" route add 10.128.0.0/9 dev flannel.1

	send_to 5000 '10.%d.%d.7 $((128 + i / 256)) $((i % 256))'
	(($(entries 4) <= 1)) || fail "$(entries 4) IPv4 entries"
	send_to 5000 'fd42:0:0:%x::7 $((0x8000 + i))'
	(($(entries 6) <= 1)) || fail "$(entries 6) IPv6 entries"

	# which a route without the gateway does not give
	ip -n "$n1" -6 route add fd42:0:0:8000::/49 dev flannel.1
	send_to 100 'fd42:0:0:%x::7 $((0x8000 + i))'
	(($(entries 6) >= 100)) || note "only $(entries 6) entries even without the gateway"
}

run_tests limited
