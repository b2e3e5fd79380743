#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A mixed cluster out of a real etcd: two nodes by flctl run, a stock one by
# stock-flannel. What they write, that all pods talk, and what leases that go, an etcd
# that is away, and nodes that claim the same do to them.
#
# timeout: 300
# programs: etcd etcdctl

. "$(dirname "$0")/agent.sh"

# Keys and values are stock flannel's, to the byte; and they end if nobody renews them
leases()
{
	nodes || return
	local i ns
	check_equal 'keys' "$(key_of 1) $(key_of 2) $(key_of 3)" \
		"$(etcdctl get --prefix /coreos.com/network/subnets --keys-only | xargs)"
	for i in 1 2 3; do
		ns=n$i
		check_equal "value $i" '{"PublicIP":"192.168.9.'$i'","PublicIPv6":null,"BackendType":"vxlan",'\
'"BackendData":{"VNI":1,"VtepMAC":"'"$(lladdr "${!ns}" flannel.1)"'"}}' "$(value_of "$i")"
		etcdctl get "$(key_of $i)" -w fields | grep -q '"Lease" : [1-9]' ||
			fail "key $i has no lease"
	done
	check_equal 'subnet.env' \
		'FLANNEL_NETWORK=10.42.0.0/16 FLANNEL_SUBNET=10.42.1.1/24 FLANNEL_MTU=1450 FLANNEL_IPMASQ=true' \
		"$(paste -sd ' ' "$TMP/n1/subnet.env")"
}

pods_talk()
{
	nodes || return
	all_pairs 10.42.%d.2
	check 'to stock' transfer "$pod1" "$pod3" 10.42.3.2
	check 'from stock' transfer "$pod3" "$pod1" 10.42.1.2
	check 'among agents' transfer "$pod1" "$pod2" 10.42.2.2
}

# A stock node that nobody renews, and an agent's node whose lease is deleted
peers_go()
{
	nodes || return
	end n3 KILL
	stock 3 -t 4 || fail 'stock again, for 4 seconds'
	end n3 KILL
	check 'the lease ran out: node 1' until_true 30 has_not 1 3
	check 'the lease ran out: node 2' until_true 30 has_not 2 3
	stock 3 || fail 'stock is back'
	check 'and known' until_true 20 complete
	end n2
	check 'without its agent it stays' has 1 2
	etcdctl del "$(key_of 2)" >/dev/null
	check 'deleted: node 1' until_true 20 has_not 1 2
	check 'deleted: stock' until_true 20 stock_has_none 2
	agent 2 || fail 'agent again'
	check 'all again' until_true 20 complete
	all_pairs 10.42.%d.2
}

# Neither silence nor death of etcd takes anything away; what was missed is caught up
etcd_away()
{
	nodes || return
	local before
	before=$(enter "$n1" flctl lease list dev flannel.1)
	traffic_start away "$pod1" 10.42.3.2
	kill -STOP "${PID[etcd]}"
	check 'etcd is silent' in_ns "$pod2" ping -n -q -c 20 -i 0.2 -W 5 10.42.1.2
	kill -CONT "${PID[etcd]}"
	end etcd KILL
	check 'named' until_true 30 grep -q 'store etcd is not reachable' "$TMP/n1/log"
	check_equal 'the table' "$before" "$(enter "$n1" flctl lease list dev flannel.1)"
	end away INT
	no_loss away
	ip -n "$n1" link del flannel.1
	check 'repaired without etcd' until_true 10 pings "$pod1" 10.42.2.2
	check_equal 'the table after repair' "$before" "$(enter "$n1" flctl lease list dev flannel.1)"
	etcd_start || fail "etcd: $(tail -n 3 "$TMP/etcd.log")"
	etcdctl put "$(key_of 77)" '{"PublicIP":"192.168.9.77","PublicIPv6":null,"BackendType":"vxlan",
		"BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:77"}}' >/dev/null
	check 'caught up: node 1' until_true 60 has 1 2 3 77
	check 'caught up: node 2' until_true 60 has 2 1 3 77
	etcdctl del "$(key_of 77)" >/dev/null
	check 'gone: node 1' until_true 20 has_not 1 77
	check 'gone: node 2' until_true 20 has_not 2 77
}

# Of two nodes that had the same subnet one gets it; and one that is told the address
# of another shares its lease, without a war in etcd
claims()
{
	nodes || return
	local key revision
	end n2
	etcdctl del "$(key_of 2)" >/dev/null
	sed -i 's/^FLANNEL_SUBNET=.*/FLANNEL_SUBNET=10.42.1.1\/24/' "$TMP/n2/subnet.env"
	agent 2 || fail 'the same subnet'
	check_equal 'stays with its owner' 192.168.9.1 "$(value_of 1 | jq -r .PublicIP)"
	check_equal 'the other has another' 1 "$(etcdctl get --prefix /coreos.com/network/subnets |
		grep -c '"PublicIP":"192.168.9.2"')"
	end n2
	key=$(etcdctl get --prefix /coreos.com/network/subnets | grep -B 1 192.168.9.2 | head -n 1)
	etcdctl del "$key" >/dev/null
	rm "$TMP/n2/subnet.env" "$TMP/n2"/*.mac
	agent 2 --public-ip 192.168.9.1 || fail 'the same address'
	check_equal 'one lease for both' "$(key_of 1) $(key_of 3)" \
		"$(etcdctl get --prefix /coreos.com/network/subnets --keys-only | xargs)"
	revision=$(revision_of "$(key_of 1)")
	check 'traffic' in_ns "$pod3" ping -n -q -c 20 -i 0.2 -W 5 10.42.1.2
	check_equal 'nobody writes' "$revision" "$(revision_of "$(key_of 1)")"
}

# IPv6 pods of the stock node are behind a second device, with another MAC
dual_stack()
{
	local value
	end_all
	cleanup
	cluster dual || return
	value=$(value_of 3)
	check_equal 'stock has two MACs' "$(in_ns "$n3" cat /sys/class/net/flannel-v6.1/address)" \
		"$(jq -r .BackendV6Data.VtepMAC <<<"$value")"
	value=$(value_of 1)
	check_equal 'ours' "192.168.9.1 fd09::1 $(lladdr "$n1" flannel.1) $(lladdr "$n1" flannel.1)" \
		"$(jq -r '.PublicIP, .PublicIPv6, .BackendData.VtepMAC, .BackendV6Data.VtepMAC' \
			<<<"$value" | xargs)"
	all_pairs 10.42.%d.2 fd42:0:0:%d::2
	check 'to stock' transfer "$pod1" "$pod3" fd42:0:0:3::2
	check 'from stock' transfer "$pod3" "$pod1" fd42:0:0:1::2
	check_equal 'IPv6 pods over IPv6' 'fd42:0:0:3::/64 via fd09::3' \
		"$(enter "$n1" flctl lease get fd42:0:0:3::2 dev flannel.1 | cut -d ' ' -f 1-3)"
	end n3
	etcdctl del "$(key_of 3)" >/dev/null
	check 'gone' until_true 20 has_not 1 3
	check_not 'IPv6 is gone, too' enter "$n1" flctl lease get fd42:0:0:3::2 dev flannel.1
	end_all
}

need jq
need_agent
run_tests leases pods_talk peers_go etcd_away claims dual_stack
