#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A stock node is moved over to this driver by hand, as README.md tells, and back:
# its leases come from what flanneld has put into the kernel, its MAC stays, and
# its stock peer is not touched and goes on talking to it.
#
# n1 (stock) -- wire -- n2 (stock, ours, stock), each with a pod behind cni0

. "$(dirname "$0")/lib.sh"

leases_of_vxlan=$SELFTESTS/../packaging/examples/leases-of-vxlan

exchange()
{
	check "$1: IPv4" pings "$pod1" 10.42.2.2
	check "$1: IPv4, other way" pings "$pod2" 10.42.1.2
	check "$1: IPv6" pings "$pod1" fd42:0:0:2::2
	check "$1: IPv6, other way" pings "$pod2" fd42:0:0:1::2
}

# Both nodes as flanneld sets them up
both_stock()
{
	underlay 2 && stock_up "$n1" 1 && stock_up "$n2" 2 || return 1
	mac4=$(lladdr "$n2" flannel.1) mac6=$(lladdr "$n2" flannel-v6.1)
	stock_peer "$n1" 2 "$mac4" "$mac6"
	stock_peer "$n2" 1 "$(lladdr "$n1" flannel.1)" "$(lladdr "$n1" flannel-v6.1)"
	pod "$n1" 1 && pod "$n2" 2
	scratch
	printf '%s\n' FLANNEL_NETWORK=10.42.0.0/16 FLANNEL_SUBNET=10.42.2.1/24 \
		FLANNEL_IPV6_NETWORK=fd42::/48 FLANNEL_IPV6_SUBNET=fd42:0:0:2::1/64 \
		FLANNEL_MTU=1450 FLANNEL_IPMASQ=true >"$TMP/subnet.env"
}

over()
{
	ip -n "$n2" link del flannel.1
	ip -n "$n2" link del flannel-v6.1
	check 'link add' in_ns "$n2" flctl link add flannel.1 dev eth0 \
		local 192.168.9.2 local fd09::2 network 10.42.0.0/16 network fd42::/48 \
		lladdr "$mac4" up
	check 'lease restore' in_ns "$n2" flctl lease restore dev flannel.1 "$TMP/leases"
	overlay_addresses "$n2" 2
}

back()
{
	ip -n "$n2" link del flannel.1
	stock_up "$n2" 2
	ip -n "$n2" link set flannel.1 address "$mac4"
	ip -n "$n2" link set flannel-v6.1 address "$mac6"
	stock_peer "$n2" 1 "$(lladdr "$n1" flannel.1)" "$(lladdr "$n1" flannel-v6.1)"
}

wanted_leases()
{
	echo '10.42.2.0/24 local'
	echo "10.42.1.0/24 via 192.168.9.1 lladdr $(lladdr "$n1" flannel.1)"
	echo 'fd42:0:0:2::/64 local'
	echo "fd42:0:0:1::/64 via fd09::1 lladdr $(lladdr "$n1" flannel-v6.1)"
}

moves_over_and_back()
{
	both_stock || { fail 'set-up'; return; }
	exchange 'stock'
	FLANNEL_SUBNET_ENV=$TMP/subnet.env in_ns "$n2" "$leases_of_vxlan" >"$TMP/leases"
	check_equal 'leases of vxlan' "$(wanted_leases)" "$(cat "$TMP/leases")"
	over
	exchange 'moved over'
	back
	exchange 'moved back'
}

need bridge awk
run_tests moves_over_and_back
