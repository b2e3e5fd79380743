#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Pods of either family reach each other over underlays of either family.

. "$(dirname "$0")/lib.sh"

reach_all()
{
	overlay 2 "$1" || { fail 'set-up'; return; }
	pod "$n1" 1 && pod "$n2" 2 || { fail 'set-up of pods'; return; }
	check "IPv4 pod over IPv$1" pings "$pod1" 10.42.2.2
	check "IPv6 pod over IPv$1" pings "$pod1" fd42:0:0:2::2
	check 'node to node, IPv4' pings "$n1" 10.42.2.0
	check 'node to node, IPv6' pings "$n1" fd42:0:0:2::
	check_equal 'packets out' "$(stat "$n1" flannel.1 tx_packets)" \
		"$(stat "$n2" flannel.1 rx_packets)"
}

over_ipv4() { reach_all 4; }
over_ipv6() { reach_all 6; }

run_tests over_ipv4 over_ipv6
