#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every command wants CAP_NET_ADMIN, in the namespace of the device and in that
# of its underlay; reading options of a link does not.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control.sh"
own_ns
need setpriv unshare

LEASE=+10.42.2.0/24,192.168.9.2,02:00:00:00:02:02
REQUESTS=("lease_add $LEASE" "lease_change $LEASE" "lease_replace $LEASE"
	'lease_del +10.42.3.0/24' 'lease_get addr4=10.42.3.1' lease_flush table_begin
	"table_add $LEASE" table_commit table_abort dev_get stats_get
	'dump lease_get' 'dump vtep_get' 'dump stats_get' 'dump dev_get')

# all_refused WANTED - every request is, and the group too
all_refused()
{
	local request
	for request in "${REQUESTS[@]}"; do
		answers "$1" a "$request"
	done
}

untouched()
{
	holds '10.42.3.0/24 via 192.168.9.3 lladdr 02:00:00:00:03:03'
}

with_lease()
{
	device && flctl lease add 10.42.3.0/24 via 192.168.9.3 lladdr 02:00:00:00:03:03 \
		dev flannel.1
}

ordinary_user()
{
	with_lease || return
	# the program has to be somewhere that anyone can read
	local rawnl flctl
	rawnl=$(command -v rawnl) flctl=$(command -v flctl)
	RAW_COMMAND="setpriv --reuid 65534 --regid 65534 --clear-groups $rawnl"
	raw_start flannel.1
	all_refused 'EPERM*'
	answers 'E*' l listen
	raw_stop
	unset RAW_COMMAND
	check_refused 'flctl says what to do' 'needs CAP_NET_ADMIN: run as root' \
		setpriv --reuid 65534 --regid 65534 --clear-groups "$flctl" \
		lease del 10.42.3.0/24 dev flannel.1
	check_refused 'link' . setpriv --reuid 65534 --regid 65534 --clear-groups "$flctl" \
		link set flannel.1 ttl 9
	setpriv --reuid 65534 --regid 65534 --clear-groups "$flctl" lease list \
		>/dev/null 2>&1
	check_equal 'exit status' 3 $?
	setpriv --reuid 65534 --regid 65534 --clear-groups "$flctl" link show flannel.1 \
		2>/dev/null | grep -q 'flannel id 1' || fail 'options cannot be read'
	untouched
}

# Root of a user namespace that owns the namespace of the device alone
owner_of_the_device_only()
{
	local pid ifindex
	with_lease || return
	if ! unshare --user --net true 2>/dev/null; then
		skip 'no user namespaces'
		return
	fi
	unshare --user --map-root-user --net sleep 100 &
	pid=$!
	until_true 5 other_net "$pid" || fail 'no namespace'
	ip link set flannel.1 netns "$pid"
	RAW_COMMAND="nsenter --user --net --preserve-credentials -t $pid rawnl"
	raw_start flannel.1
	all_refused 'EPERM: This needs CAP_NET_ADMIN in the underlay namespace too*'
	exactly 'EPERM: This needs CAP_NET_ADMIN in the underlay namespace too' \
		r link-set flannel.1 ttl=9
	# those that are not named are left out
	answers 'ok messages=0 *' a dump lease_get /nodev
	answers 'ok messages=0 *' a dump stats_get /nodev
	# what is its own it may have
	exactly ok r link-add flannel.2 id=1
	raw a table_begin "ifindex=$(nsenter --net -t "$pid" ip -o link show flannel.2 |
		cut -d: -f1)"
	[[ $ANSWER == 'ok seq=0' ]] || fail "its own device: $ANSWER"
	answers 'ok messages=1 *' a dump stats_get /nodev
	answers E* r link-add flannel.3 ^37:01000000
	raw_stop
	# root of the whole may come in
	check_equal 'table' '10.42.3.0/24 via 192.168.9.3 lladdr 02:00:00:00:03:03' \
		"$(nsenter --net -t "$pid" flctl lease list dev flannel.1)"
	nsenter --net -t "$pid" ip link set flannel.1 netns $$
	untouched
	kill "$pid"
	wait "$pid" 2>/dev/null
}

other_net()
{
	[[ $(readlink "/proc/$1/ns/net") != "$(readlink /proc/self/ns/net)" &&
	   $(cat "/proc/$1/uid_map") == *' 0 '* ]]
}

run_tests ordinary_user owner_of_the_device_only
