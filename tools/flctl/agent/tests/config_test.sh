#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A configuration that a running agent refuses is an error for as long as it stands in
# the store, and no longer.
. "$(dirname "$0")/agents.sh"

KEY=/coreos.com/network/config
GOOD='{"Network": "10.78.0.0/16", "Backend": {"Type": "host-gw"}}'
OTHER='{"Network": "10.78.0.0/16", "Backend": {"Type": "vxlan"}}'
WIDER='{"Network": "10.64.0.0/11", "SubnetLen": 24, "Backend": {"Type": "host-gw"}}'

page() { curl -s -m 5 --unix-socket "$tmp/$1"/*.sock "http://agent/$2" -w '%{http_code}'; }
status() { "$agent" status --run-dir "$tmp/$1"; }
# The agent, and what is shown of it, say so
says() { [[ $(page "$1" healthz) == *"$2"* && $(status "$1") == *"$2"* ]]; }
is_well() { [[ $(page "$1" readyz) == *200 && $(page "$1" healthz) != *error* &&
	$(status "$1") != *error* ]]; }

joined()
{
	start_agent n1
	within 20 test -s "$tmp/n1/subnet.env" && within 5 is_well n1
}

# refused WORDS COMMAND... - until COMMAND has put back what was there
refused()
{
	within 10 says n1 "$1" || return
	"${@:2}" && within 10 is_well n1
}

needs_restart()
{
	etcdctl put $KEY "$OTHER" && refused 'restart to follow' etcdctl put $KEY "$GOOD" || return
	# Said again when it comes again
	etcdctl put $KEY "$OTHER" && refused 'restart to follow' etcdctl put $KEY "$GOOD" &&
		[[ $(grep -c 'restart to follow' "$tmp/n1.log") == 2 ]]
}

invalid()
{
	etcdctl put $KEY '{"Network": "10.78' && refused "$KEY" etcdctl put $KEY "$GOOD" || return
	etcdctl put $KEY '{"Network": "10.78.0.1/33"}' && refused 10.78.0.1/33 etcdctl put $KEY "$GOOD" ||
		return
	printf '%s\0' "$GOOD" | etcdctl put $KEY && refused 'not text' etcdctl put $KEY "$GOOD"
}

deleted()
{
	etcdctl del $KEY && refused 'does not exist' etcdctl put $KEY "$GOOD"
}

# One refusal after the other: what is shown is the last
by_another()
{
	etcdctl put $KEY '{"Network": "10.78' && within 10 says n1 "$KEY" || return
	etcdctl put $KEY "$OTHER" && within 10 says n1 'restart to follow' || return
	[[ $(page n1 healthz) != *'not JSON'* ]] || return
	etcdctl put $KEY "$WIDER" && within 10 is_well n1 &&
		within 5 grep -q FLANNEL_NETWORK=10.64.0.0/11 "$tmp/n1/subnet.env" || return
	etcdctl put $KEY "$GOOD" && within 5 grep -q FLANNEL_NETWORK=10.78.0.0/16 "$tmp/n1/subnet.env"
}

# What was refused is there no more: what is shown is why there is nothing else
by_what_is_wrong()
{
	etcdctl put $KEY "$OTHER" && within 10 says n1 'restart to follow' || return
	etcdctl del $KEY && within 10 says n1 'does not exist' || return
	not_said n1 'restart to follow' || return
	etcdctl put $KEY "$OTHER" && within 10 says n1 'restart to follow' || return
	etcdctl put $KEY '{"Network": "10.78' && within 10 says n1 'not JSON' || return
	not_said n1 'restart to follow' && etcdctl put $KEY "$GOOD" && within 10 is_well n1
}

# What etcd fails with later does not hide it, and an etcd that is back is no error
behind_others()
{
	etcdctl put $KEY '{"Network": "10.78.0.1/33"}' && within 10 says n1 10.78.0.1/33 || return
	stop etcd KILL
	within 30 says n1 'not reachable' || within 1 says n1 refused
	start_etcd
	within 20 etcdctl endpoint health && within 30 reachable || return
	says n1 10.78.0.1/33 || { page n1 healthz; return 1; }
	etcdctl put $KEY "$GOOD" && within 10 not_said n1 10.78.0.1/33
}
reachable() { [[ $(status n1) == *', reachable'* ]]; }
not_said() { ! says "$1" "$2"; }

lease_file()
{
	printf '%s\n' 'network 10.78.0.0/16' "backend $1" \
		'10.78.2.0/24 via 10.9.0.2 lladdr 02:00:00:00:00:02' \
		'10.78.1.0/24 via 10.9.0.1 lladdr 02:00:00:00:00:01' >"$tmp/leases.new"
	mv "$tmp/leases.new" "$tmp/leases"
}

# with_leases - n2, of a file
with_leases()
{
	ip netns exec n2 "$agent" run --lease-file "$tmp/leases" --iface eth0 --run-dir "$tmp/n2" \
		--state-dir "$tmp/n2" --subnet-file "$tmp/n2/subnet.env" --ip-forward=false \
		>>"$tmp/n2.log" 2>&1 &
	PID[n2]=$!
}

of_a_file()
{
	lease_file host-gw
	with_leases
	within 20 has_route n2 10.78.1.0/24 && within 5 is_well n2 || return
	lease_file vxlan && within 10 says n2 'restart to follow' || return
	lease_file host-gw && within 10 is_well n2 || return
	echo x >"$tmp/leases" && within 10 says n2 'leases:1' || return
	# The leases of before, evaluated anew, do not make the file a good one
	ip -n n2 addr add 10.9.0.50/16 dev eth0
	ip -n n2 addr del 10.9.0.2/24 dev eth0
	within 5 grep -q 'public address changed' "$tmp/n2.log" || return
	says n2 'leases:1' || return
	ip -n n2 addr add 10.9.0.2/24 dev eth0
	ip -n n2 addr del 10.9.0.50/16 dev eth0
	lease_file host-gw && within 20 is_well n2
}

# What is tried again every two seconds is said once
two_leases_of_ours()
{
	local n
	for n in 50 51; do ip -n n2 addr add 10.9.0.$n/24 dev eth0; done
	printf '%s\n' 'network 10.78.0.0/16' 'backend host-gw' '10.78.1.0/24 via 10.9.0.1' \
		'10.78.2.0/24 via 10.9.0.50' '10.78.3.0/24 via 10.9.0.51' >"$tmp/leases"
	with_leases
	within 10 grep 'say with --public-ip' "$tmp/n2.log" || return
	ip -n n2 addr del 10.9.0.51/24 dev eth0
	within 10 has_route n2 10.78.1.0/24 && within 5 is_well n2 || return
	stop n2
	ip -n n2 addr del 10.9.0.50/24 dev eth0
	ip -n n2 route flush proto 141
	[[ $(grep -c '^interface eth0 ' "$tmp/n2.log") == 1 ]] || { cat "$tmp/n2.log"; return 1; }
}

result 'etcd and namespaces' set_up "$GOOD"
result 'a node joins' joined
result 'a change that needs a restart, taken back' needs_restart
result 'an invalid configuration, taken back' invalid
result 'a configuration that was deleted, and is back' deleted
result 'a refused configuration, then another one' by_another
result 'a refused configuration, then none and an invalid one' by_what_is_wrong
result 'a refused configuration, and errors of etcd after it' behind_others
result 'two leases of ours in a file' two_leases_of_ours
result 'a lease file' of_a_file
done_steps
