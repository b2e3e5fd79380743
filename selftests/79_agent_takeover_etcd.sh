#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A node that stock flannel has set up out of a real etcd is taken over by the agent and
# given back while pods talk: subnet, MAC and the lease in etcd stay, and the other nodes
# need not change anything.
#
# n1 (stock, ours, stock) -- wire (etcd) -- n2 (agent), n3 (stock), each with a pod
#
# timeout: 180
# programs: etcd etcdctl

. "$(dirname "$0")/agent.sh"

mixed_nodes()
{
	scratch
	underlay 3 && ip -n "$wire" addr add 192.168.9.99/24 dev br0 && etcd_start &&
		etcdctl put /coreos.com/network/config "$V4" >/dev/null &&
		stock 1 && agent 2 && stock 3 && pod "$n1" 1 && pod "$n2" 2 && pod "$n3" 3 &&
		until_true 20 all_know && return
	fail "set-up: $(tail -n 5 "$TMP"/n?/*log)"
	return 1
}

# Everybody knows everybody, with node 1 a stock one
all_know()
{
	has 2 1 3 && stock_has 1 && stock_has 2 &&
		[[ $(ip -n "$n1" route show 10.42.2.0/24) && $(ip -n "$n1" route show 10.42.3.0/24) ]]
}

# entries_of J - that stock node 3 has for node J
entries_of()
{
	ip -n "$n3" route show "10.42.$1.0/24"
	ip -n "$n3" neigh show "10.42.$1.0"
	enter "$n3" bridge fdb show dev flannel.1 | grep -F " 192.168.9.$1 "
}

# created_in KEY - the revision by which it came, in etcd
created_in()
{
	etcdctl get "$1" -w fields | sed -n 's/^"CreateRevision" : //p'
}

subnet() { grep ^FLANNEL_SUBNET= "$TMP/n1/subnet.env"; }
kind() { ip -n "$n1" -d -j link show flannel.1 | jq -r '.[].linkinfo.info_kind'; }

# has_mac MAC - node 3 sends to this one
has_mac() { [[ $(entries_of 1) == *" lladdr $1 "* ]]; }

# answers_beyond NAME - more than up to now
answers_beyond()
{
	local before
	before=$(grep -c icmp_seq "$TMP/$1.ping")
	until_true 10 more_than "$before" "$1"
}
more_than() { (($(grep -c icmp_seq "$TMP/$2.ping") > $1)); }

# Without stock flannel's process nothing is missing, and nobody notices who comes
takes_over()
{
	local mac key entries value created subnet
	mac=$(lladdr "$n1" flannel.1) key=$(key_of 1) entries=$(entries_of 1)
	value=$(value_of 1) created=$(created_in "$key") subnet=$(subnet)
	traffic_start out "$pod1" 10.42.3.2
	traffic_start in "$pod2" 10.42.1.2
	end n1
	answers_beyond out
	no_loss out
	no_loss in
	agent 1 || fail 'take-over'
	check 'it is said' grep -Eq \
		'took flannel.1 over from stock flannel: 3 leases, gap [0-9.]+ ms' "$TMP/n1/log" ||
		tail -n 20 "$TMP/n1/log"
	note "$(grep -o 'gap .*' "$TMP/n1/log")"
	check 'packets out go on' answers_beyond out
	check 'packets in go on' answers_beyond in
	check 'the connection goes on' heard 'taken over'
	end out INT
	end in INT
	check_equal 'kind' flannel "$(kind)"
	check_equal 'MAC' "$mac" "$(lladdr "$n1" flannel.1)"
	check_equal 'subnet' "$subnet" "$(subnet)"
	check_equal 'keys in etcd' "$key $(key_of 2) $(key_of 3)" \
		"$(etcdctl get --prefix /coreos.com/network/subnets --keys-only | xargs)"
	check_equal 'value in etcd' "$value" "$(value_of 1)"
	check_equal 'never another key' "$created" "$(created_in "$key")"
	check_equal 'entries of the stock peer' "$entries" "$(entries_of 1)"
	check_equal 'routes of stock flannel' '' "$(ip -n "$n1" route show root 10.42.0.0/16 proto boot)"
	check 'leases' has 1 2 3
	all_pairs 10.42.%d.2
}

# After reset nothing of ours is left, and stock flannel has its lease again
gives_back()
{
	local key mac created subnet OPTIONS
	key=$(key_of 1) mac=$(lladdr "$n1" flannel.1) created=$(created_in "$(key_of 1)")
	subnet=$(subnet)
	options_of 1
	end n1
	check 'reset' in_ns "$n1" flctl reset "${OPTIONS[@]}"
	check_not 'device' ip -n "$n1" link show flannel.1
	check_equal 'routes' '' "$(ip -n "$n1" route show root 10.42.0.0/16 | grep -v cni0)"
	check_equal 'rules' '' "$(enter "$n1" nft list tables | grep -i flannel)"
	check_equal 'the key stays' "$created" "$(created_in "$key")"
	stock 1 || { fail 'stock again'; return; }
	check_equal 'kind' vxlan "$(kind)"
	check_equal 'subnet' "$subnet" "$(subnet)"
	check_equal 'never another key' "$created" "$(created_in "$key")"
	check_not 'stock flannel makes a MAC of its own' test "$mac" = "$(lladdr "$n1" flannel.1)"
	check 'the stock peer follows' until_true 10 has_mac "$(lladdr "$n1" flannel.1)"
	check 'all know all' until_true 10 all_know
	check 'the connection goes on' heard 'given back'
	all_pairs 10.42.%d.2
}

# By hand: done and left, with the lease that etcd has already
takes_over_by_hand()
{
	local mac key created OPTIONS
	mac=$(lladdr "$n1" flannel.1) key=$(key_of 1) created=$(created_in "$(key_of 1)")
	options_of 1
	end n1
	check 'flctl takeover' in_ns "$n1" timeout 20 flctl takeover "${OPTIONS[@]}"
	check_equal 'kind' flannel "$(kind)"
	check_equal 'MAC' "$mac" "$(lladdr "$n1" flannel.1)"
	check_equal 'never another key' "$created" "$(created_in "$key")"
	check 'the connection goes on' heard 'by hand'
}

there_and_back()
{
	mixed_nodes && converse "$pod1" "$pod3" 10.42.3.2 || { fail 'connection'; return; }
	((!FAILED)) && takes_over
	((FAILED)) || gives_back
	((FAILED)) || takes_over_by_hand
	end_all
}

need jq nc
need_agent
run_tests there_and_back
