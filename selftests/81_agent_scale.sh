#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# 20,000 leases, out of a lease file and out of a real etcd: the table is complete, and
# follows a lease that changes, one that goes and one that comes.
#
# timeout: 150
# programs: etcd etcdctl

. "$(dirname "$0")/agent.sh"

N=20000
SHARED=0

# table [CHANGE...] - of node 1, whose own lease is the first, as flctl lists it: with
# another MAC of the 5000th (mac), without the 9000th (gone), with one more (more). Of a
# Network that no nameserver lies in, for which there would be one route for each lease
table()
{
	awk -v n=$N -v changes="$*" 'BEGIN {
		print "11.0.1.0/24 local"
		for (i = 2; i <= n + (changes ~ /more/); i++) {
			if (changes ~ /gone/ && i == 9000)
				continue
			a = int(i / 256); b = i % 256
			printf "11.%d.%d.0/24 via 172.16.%d.%d lladdr 0e:%s:00:00:%02x:%02x\n", a, b, a, b,
				changes ~ /mac/ && i == 5000 ? "77" : "00", a, b
		}
	}'
}

cksum_of_table() { enter "$n1" flctl lease list dev flannel.1 | cksum; }
has_table() { [[ $(cksum_of_table) == "$1" ]]; }

# check_table TEXT [CHANGE...] - it is soon there, and nothing else
check_table()
{
	local wanted
	wanted=$(table "${@:2}" | cksum)
	until_true 60 has_table "$wanted" && return
	fail "$1: $(enter "$n1" flctl lease list dev flannel.1 | wc -l) leases"
	diff <(table "${@:2}") <(enter "$n1" flctl lease list dev flannel.1) | head | sed 's/^/#   /'
	tail -n 3 "$TMP/n1/log" | sed 's/^/#   /'
	return 1
}

# lease_file [CHANGE...] - the same for all hosts, where the own lease is as any other
lease_file()
{
	{
		echo 'network 11.0.0.0/8'
		table "$@" | sed 's/ local/ via 192.168.9.1 lladdr 0e:00:00:00:00:01/'
	} >"$TMP/new"
	mv "$TMP/new" "$TMP/leases"
}

out_of_a_file()
{
	local dir
	scratch
	dir=$TMP/n1
	mkdir "$dir"
	underlay 1 && lease_file || { fail 'set-up'; return; }
	ip netns exec "$n1" flctl run --lease-file "$TMP/leases" --iface eth0 --run-dir "$dir" \
		--state-dir "$dir" --subnet-file "$dir/subnet.env" >"$dir/log" 2>&1 </dev/null &
	PID[n1]=$!
	check_table 'all of them' && lease_file mac && check_table 'another MAC' mac &&
		lease_file mac gone more && check_table 'one gone, one more' mac gone more
	end_all
}

# record LINE... - of the table, with - for /, as key and value in etcd, in base64
record='split(" ") | {
	key: "/coreos.com/network/subnets/\(.[0])" | @base64,
	value: {PublicIP: .[2], PublicIPv6: null, BackendType: "vxlan",
		BackendData: {VNI: 1, VtepMAC: .[4]}} | tojson | @base64 }'

# transactions - of a table on standard input, one a line; etcd allows 128 puts in each
transactions()
{
	tr / - | jq -Rnc "[inputs | select(contains(\" via \")) | $record] | . as \$all |
		range(0; length; 100) | {success: [\$all[. : . + 100][] | {request_put: .}]}"
}

# put - records of a table on standard input into etcd, over one connection
put()
{
	local body end=
	local -a bodies
	transactions >"$TMP/bodies"
	# from a pipe it would be read byte by byte
	mapfile -t bodies <"$TMP/bodies"
	for body in "${bodies[@]}"; do
		[[ $body != "${bodies[-1]}" ]] || end=$'Connection: close\r\n'
		printf 'POST /v3/kv/txn HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %d\r\n\r\n%s' \
			"$ETCD" "$end" ${#body} "$body"
	done | in_ns "$wire" nc "${ETCD%:*}" "${ETCD#*:}" >"$TMP/answers"
	check_equal 'transactions' ${#bodies[@]} "$(grep -c '"succeeded":true' "$TMP/answers")"
}

# What the node had before is its own lease
seed_first()
{
	mkdir "$TMP/n1"
	printf '%s\n' FLANNEL_NETWORK=11.0.0.0/8 FLANNEL_SUBNET=11.0.1.1/24 FLANNEL_MTU=1450 \
		FLANNEL_IPMASQ=true >"$TMP/n1/subnet.env"
}

out_of_etcd()
{
	scratch
	seed_first
	underlay 1 && ip -n "$wire" addr add 192.168.9.99/24 dev br0 && etcd_start &&
		etcdctl put /coreos.com/network/config \
			'{"Network": "11.0.0.0/8", "Backend": {"Type": "vxlan"}}' >/dev/null &&
		table | put && agent 1 || { fail 'set-up'; end_all; return; }
	check_table 'all of them'
	table mac | grep '^11.19.136.0/24' | put
	check_table 'another MAC' mac
	etcdctl del /coreos.com/network/subnets/11.35.40.0-24 >/dev/null
	table more | tail -n 1 | put
	check_table 'one gone, one more' mac gone more
	end_all
}

need jq nc
need_agent
run_tests out_of_a_file out_of_etcd
