#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A node that something is in the way of tells its peers nothing: not a byte is
# written to etcd until that has gone, by itself or by who is told.
. "$(dirname "$0")/agents.sh"
command -v python3 >/dev/null || { echo '1..0 # SKIP needs python3'; exit; }

SUBNETS=/coreos.com/network/subnets
HOST_GW='{"Network": "10.78.0.0/16", "Backend": {"Type": "host-gw"}}'
VXLAN='{"Network": "10.78.0.0/16", "Backend": {"Type": "vxlan"}}'

page() { curl -s -m 5 --unix-socket "$tmp"/n1/*.sock "http://agent/$1" -w '%{http_code}'; }
says() { [[ $(page readyz) == *"not ready: $1"*503 && $(page healthz) == *"$1"* ]]; }
is_ready() { [[ $(page readyz) == *200 ]]; }
status() { "$agent" status --run-dir "$tmp/n1"; }

# written - what etcd has, and how often it was written to
written() { etcdctl get --prefix $SUBNETS -w json; etcdctl lease list; }

# agent_of_n1 VERB [OPTION...] - in the foreground, and not for as long as a store
# may take
agent_of_n1()
{
	local verb=$1
	shift
	timeout -k 1 15 ip netns exec n1 "$agent" "$verb" --etcd-endpoints http://10.9.0.9:2379 \
		--subnet-file "$tmp/n1/subnet.env" --run-dir "$tmp/n1" --state-dir "$tmp/n1" \
		--ip-forward=false "$@"
}

# start_flanneld NS [OPTION...] - a process of that name, with these options and VARS
VARS=()
start_flanneld()
{
	local ns=$1
	shift
	[[ -e $tmp/flanneld ]] || { cp "$BASH" "$tmp/flanneld" && mkfifo "$tmp/fifo"; } || return
	env "${VARS[@]}" ip netns exec "$ns" "$tmp/flanneld" -c 'read -rt 1000 _ <>"$0"' "$tmp/fifo" "$@" &
	PID[flanneld]=$!
	within 5 grep -q '^flanneld$' "/proc/${PID[flanneld]}/comm"
}

# What flanneld has told everybody, from eth0; and another interface, which is the
# one that the agent is told to use
flanneld_s_node()
{
	etcdctl put $SUBNETS/10.78.5.0-24 '{"PublicIP":"10.9.0.1","PublicIPv6":null,"BackendType":"host-gw"}'
	etcdctl put $SUBNETS/10.78.7.0-24 '{"PublicIP":"10.11.0.7","PublicIPv6":null,"BackendType":"host-gw"}'
	mkdir -p "$tmp/n1"
	printf 'FLANNEL_NETWORK=10.78.0.0/16\nFLANNEL_SUBNET=10.78.5.1/24\n' >"$tmp/n1/subnet.env"
	ip link add p51 type veth peer name eth1 netns n1
	ip link set p51 master br0 up
	ip netns exec n1 sysctl -qw net.ipv4.conf.eth1.promote_secondaries=1
	ip -n n1 link set eth1 up
	ip -n n1 addr add 10.11.0.51/24 dev eth1
	start_flanneld n1
}

# refused TEXT VERB [OPTION...] - at once, with these words, and nothing is written
refused()
{
	local before status=0
	before=$(written)
	agent_of_n1 "${@:2}" >"$tmp/said" 2>&1 || status=$?
	cat "$tmp/said"
	[[ $status == 1 ]] && grep -q "$1" "$tmp/said" && [[ $(written) == "$before" ]]
}

at_once()
{
	local pid=${PID[flanneld]}
	refused "flanneld (pid $pid) is running: stop it first" run --once --iface eth1 &&
		refused "flanneld (pid $pid) is running: stop it first" takeover --iface eth1
}

waits_for_flanneld()
{
	local before
	before=$(written)
	IFACE='' start_agent n1 --iface eth1
	within 10 says "flanneld (pid ${PID[flanneld]}) is running" || return
	# looked at again and again, and said once
	sleep 5
	[[ $(written) == "$before" ]] || { written; return 1; }
	status >"$tmp/status"
	[[ $? == 1 ]] && grep "not ready: flanneld (pid ${PID[flanneld]})" "$tmp/status" || return
	(($(grep -c 'is running: stop it first' "$tmp/n1.log") == 1)) || return
	stop flanneld
	within 10 is_ready && within 1 has_route n1 10.78.7.0/24
}

# flanneld is started beside the agent, and the address changes then
publishes_nothing_beside_it()
{
	local before
	start_flanneld n1
	before=$(written)
	ip -n n1 addr add 10.11.0.52/24 dev eth1
	ip -n n1 addr del 10.11.0.51/24 dev eth1
	within 10 eval '[[ $(page healthz) == *"flanneld (pid ${PID[flanneld]}) is running"* ]]' ||
		return
	sleep 3
	[[ $(written) == "$before" ]] || { written; return 1; }
	stop flanneld
	within 10 published 10.11.0.52
}
published() { [[ -n $(key_of "$1") ]]; }

# A better interface comes while flanneld is there: said once, and named until it goes
follows_nothing_beside_it()
{
	local n
	stop n1
	IFACE='' start_agent n1 --iface eth7 --iface eth1
	within 10 is_ready && start_flanneld n1 || return
	: >"$tmp/n1.log"
	ip link add p57 type veth peer name eth7 netns n1
	ip link set p57 master br0 up
	ip -n n1 link set eth7 up
	ip -n n1 addr add 10.12.0.7/24 dev eth7
	within 15 eval '[[ $(page healthz) == *"is running: stop it first"* ]]' || return
	for ((n = 0; n < 16; n++)); do
		[[ $(page healthz) == *'is running: stop it first'* ]] || { page healthz; return 1; }
		sleep 0.5
	done
	cat "$tmp/n1.log"
	(($(grep -c 'eth7 by .* is to be used' "$tmp/n1.log") == 1)) &&
		(($(grep -c 'is running: stop it first' "$tmp/n1.log") == 1)) || return
	stop flanneld
	within 10 published 10.12.0.7 || return
	ip -n n1 link del eth7
	within 10 published 10.11.0.52
}

# No lease is there before, nor afterwards
nothing_to_take_over()
{
	local before out
	stop n1
	rm "$tmp/n1/subnet.env"
	ip -n n1 route flush proto 141
	etcdctl del --prefix $SUBNETS/
	before=$(written)
	out=$(agent_of_n1 takeover --iface eth1) || return
	[[ $out == 'nothing to take over' && $(written) == "$before" ]] || { written; return 1; }
}

# Something there is, and only then the lease is taken
takes_a_lease_to_take_over()
{
	etcdctl put $SUBNETS/10.78.7.0-24 '{"PublicIP":"10.11.0.7","PublicIPv6":null,"BackendType":"host-gw"}'
	ip -n n1 route add 10.78.7.0/24 via 10.11.0.7 dev eth1
	agent_of_n1 takeover --iface eth1 | grep 'took over from stock flannel: 1 routes adopted' &&
		published 10.11.0.52
}

# other_file NETWORK - the subnet file of another flanneld
other_file() { printf 'FLANNEL_NETWORK=%s\nFLANNEL_SUBNET=10.99.1.1/24\n' "$1" >"$tmp/other.env"; }

# beside [OPTION...] - what run --once does beside a flanneld with these options
beside()
{
	local status=0
	start_flanneld n1 "$@" || return
	"${CAPS[@]}" timeout -k 1 15 ip netns exec n1 "$agent" run --once --iface eth1 \
		--etcd-endpoints http://10.9.0.9:2379 --subnet-file "$tmp/n1/subnet.env" \
		--run-dir "$tmp/n1" --state-dir "$tmp/n1" --ip-forward=false >"$tmp/said" 2>&1 ||
		status=$?
	cat "$tmp/said"
	stop flanneld
	return "$status"
}
CAPS=(env)

# not_beside TEXT [OPTION...] - it is refused with these words
not_beside()
{
	local said=$1
	shift
	! beside "$@" && grep -q "flanneld (pid [0-9]*) is running: stop it first; $said" "$tmp/said"
}

another_network_s()
{
	other_file 10.99.0.0/16
	beside --etcd-prefix=/other --subnet-file "$tmp/other.env" || return
	beside -etcd-prefix /other -subnet-file="$tmp/other.env" || return
	VARS=(FLANNELD_ETCD_PREFIX=/other FLANNELD_SUBNET_FILE="$tmp/other.env")
	beside || return
	VARS=()
	# of Kubernetes, or of an etcd that we do not know: its file says enough
	beside --kube-subnet-mgr --subnet-file "$tmp/other.env" || return
	beside --subnet-file "$tmp/other.env" || return
	# it has just been started
	beside --etcd-prefix=/other --subnet-file "$tmp/none.env" || return
	# nobody writes there, and it is not waited for
	mkfifo "$tmp/fifo.env" &&
		beside --etcd-prefix=/other --subnet-file "$tmp/fifo.env"
}

our_network_s()
{
	other_file 10.78.0.0/16
	not_beside 'it is for the same network' --etcd-prefix=/other --subnet-file "$tmp/other.env" ||
		return
	VARS=(FLANNELD_ETCD_PREFIX=/other)
	not_beside 'it is for the same network' --subnet-file "$tmp/other.env" || return
	VARS=()
	other_file 10.99.0.0/16
	not_beside 'it has the prefix /coreos.com/network in the same etcd' \
		--etcd-endpoints http://10.9.0.9:2379 --subnet-file "$tmp/other.env" || return
	# the command line wins
	VARS=(FLANNELD_ETCD_PREFIX=/other)
	not_beside 'it has the prefix' --etcd-prefix /coreos.com/network/ \
		--etcd-endpoints http://10.9.0.9:2379 --subnet-file "$tmp/other.env" || return
	VARS=()
	not_beside 'it writes the same subnet file' --etcd-prefix=/other \
		--subnet-file "$tmp/n1/subnet.env" || return
	# it has just been started
	not_beside 'which network it is for is not known: .*none.env: No such file' \
		--subnet-file "$tmp/none.env"
}

nobody_knows_whose()
{
	CAPS=(setpriv --bounding-set -sys_ptrace)
	other_file 10.99.0.0/16
	not_beside 'which network it is for is not known: .*Permission denied' || return
	# what can be read is enough
	beside --etcd-prefix=/other --subnet-file "$tmp/none.env"
	CAPS=(env)
}

# Its VNI is ours: what would be taken over is its device
another_network_s_device()
{
	etcdctl put /coreos.com/network/config "$VXLAN"
	ip -n n1 link add flannel.1 type vxlan id 1 dstport 8472
	ip -n n1 addr add 10.99.1.0/32 dev flannel.1
	other_file 10.99.0.0/16
	not_beside 'it has the device flannel.1 for another network' --etcd-prefix=/other \
		--subnet-file "$tmp/other.env" || return
	not_beside 'which network it is for is not known' --etcd-prefix=/other \
		--subnet-file "$tmp/none.env" || return
	ip -n n1 link del flannel.1
}

# Beside flanneld a dry run, which is for before it is stopped, finds what is wrong besides
a_dry_run_looks_on()
{
	local status=0
	has_the_port && start_flanneld n1 || return
	agent_of_n1 run --dry-run --iface eth1 >"$tmp/said" 2>&1 || status=$?
	cat "$tmp/said"
	stop flanneld
	stop program
	[[ $status == 1 ]] && grep -q 'warning: flanneld (pid [0-9]*) is running' "$tmp/said" &&
		grep -q 'error: UDP port 8472 of IPv6 is in use' "$tmp/said"
}

NO_MODULE='module flannel is not loaded and does not load by itself: modprobe flannel'
has_module() { [[ -d /sys/module/flannel ]]; }

# nothing_else - is in the way: a node, or one that lacks but the module
nothing_else()
{
	if has_module; then published 10.9.0.1; else says "$NO_MODULE"; fi
}

# waits_for TEXT WITHOUT - and goes on when WITHOUT is done
waits_for()
{
	local before
	[[ -z ${PID[n1]-} ]] || stop n1
	rm -rf "$tmp/n1" && mkdir "$tmp/n1"
	etcdctl del --prefix $SUBNETS/
	before=$(written)
	refused "$1" run --once --iface eth0 || return
	start_agent n1
	within 10 says "$1" || return
	sleep 3
	[[ $(written) == "$before" ]] || { written; return 1; }
	eval "$2"
	within 10 nothing_else
}

waits_for_the_name()
{
	etcdctl put /coreos.com/network/config "$VXLAN"
	ip -n n1 link add flannel.1 type bridge
	waits_for 'device flannel.1 is of kind bridge' 'ip -n n1 link del flannel.1'
}

another_vni()
{
	ip -n n1 link add flannel.1 type vxlan id 7 dstport 8472
	waits_for 'device flannel.1 is a vxlan of VNI 7, the network has VNI 1' \
		'ip -n n1 link del flannel.1'
}

waits_for_the_port_of_a_device()
{
	ip -n n1 link add vx type vxlan id 9 dstport 8472
	ip -n n1 link set vx up
	waits_for 'UDP port 8472 is in use by the vxlan device vx (VNI 9)' 'ip -n n1 link del vx'
}

has_the_port()
{
	ip netns exec n1 python3 -c 'import socket, time
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
s.bind(("::1", 8472))
time.sleep(1000)' &
	PID[program]=$!
	within 5 eval '[[ -n $(ip netns exec n1 ss -Hlnu "sport = 8472") ]]'
}

waits_for_the_port_of_a_program()
{
	has_the_port || return
	waits_for 'UDP port 8472 of IPv6 is in use by another socket' 'stop program'
}

# There is a lease, and nothing has been taken over yet, since a route cannot be set: as
# before, and what is missing in etcd afterwards is written. No event tells of a process,
# which is looked for all the same as often as at the start
waits_with_a_lease()
{
	local before
	stop n1
	rm -rf "$tmp/n1" && mkdir "$tmp/n1"
	etcdctl del --prefix $SUBNETS/
	etcdctl put $SUBNETS/10.78.7.0-24 '{"PublicIP":"10.9.0.20","PublicIPv6":null,"BackendType":"host-gw"}'
	ip -n n1 route add 10.78.7.0/24 via 10.9.0.2 proto static
	start_agent n1
	within 20 published 10.9.0.1 && within 10 eval '[[ $(page healthz) == *"route 10.78.7.0/24"* ]]' ||
		return
	start_flanneld n1
	within 40 eval '[[ $(page healthz) == *"flanneld (pid ${PID[flanneld]}) is running"* ]]' ||
		return
	etcdctl del --prefix $SUBNETS/
	before=$(failures)
	# of which each takes longer than the one before, where nothing is in the way
	within 16 eval '(($(failures) >= before + 5))' || return
	! published 10.9.0.1 || return
	stop flanneld
	within 5 published 10.9.0.1
}
failures() { page metrics | awk '/^[a-z_]*reconcile_failures_total/ { print $2; exit }'; }

# One that nobody listens at is nobody's: as before
a_device_that_is_down()
{
	ip -n n1 link add vx type vxlan id 9 dstport 8472
	stop n1
	rm -rf "$tmp/n1" && mkdir "$tmp/n1"
	etcdctl del --prefix $SUBNETS/
	start_agent n1
	within 10 nothing_else
	ip -n n1 link del vx
}

# Of a network that needs it; when that needs none any more it goes on
waits_for_the_module()
{
	local before
	! has_module || return 0
	stop n1
	rm -rf "$tmp/n1" && mkdir "$tmp/n1"
	etcdctl del --prefix $SUBNETS/
	before=$(written)
	refused "$NO_MODULE" run --once --iface eth0 &&
		refused "$NO_MODULE" takeover --iface eth0 || return
	: >"$tmp/n1.log"
	start_agent n1
	within 10 says "$NO_MODULE" || return
	sleep 5
	[[ $(written) == "$before" ]] || { written; return 1; }
	(($(grep -c "$NO_MODULE" "$tmp/n1.log") == 1)) || return
	etcdctl put /coreos.com/network/config "$HOST_GW"
	within 10 is_ready && published 10.9.0.1
}

result 'etcd and namespaces' set_up "$HOST_GW"
result 'a node of flanneld' flanneld_s_node
result 'run --once and takeover refuse at once' at_once
result 'run waits for flanneld to end, and goes on' waits_for_flanneld
result 'a new address is not published beside flanneld' publishes_nothing_beside_it
result 'a better interface is not followed beside flanneld' follows_nothing_beside_it
result 'nothing to take over: no lease is taken' nothing_to_take_over
result 'something to take over: one is' takes_a_lease_to_take_over
result 'flanneld of another network is in nobody'"'"'s way' another_network_s
result 'flanneld of the same one is' our_network_s
result 'flanneld that cannot be told apart is' nobody_knows_whose
result 'the device of another network'"'"'s flanneld is' another_network_s_device
result 'a dry run beside flanneld looks for the rest' a_dry_run_looks_on
result 'the name of the device' waits_for_the_name
result 'a vxlan device of another VNI' another_vni
result 'the port, which a device has' waits_for_the_port_of_a_device
result 'the port, which a program has' waits_for_the_port_of_a_program
result 'a device that is down is in nobody'"'"'s way' a_device_that_is_down
result 'the module' waits_for_the_module
result 'flanneld, after the lease was taken' waits_with_a_lease
done_steps
