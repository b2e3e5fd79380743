#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lib.sh - what every selftest sources: KTAP output, namespaces, topologies
#
# A test is a list of functions. Each passes unless it calls fail (or a check
# that does) or skip. The test ends with `run_tests FUNCTION...`, which prints
# KTAP, cleans up after every function, and exits 0, 1 or 4 (kselftest's codes).
# Namespaces and links made through here go away by themselves.
# Waiting is always for something, with an end: until_true SECONDS COMMAND.

set -u

readonly KSFT_PASS=0 KSFT_FAIL=1 KSFT_SKIP=4
SELFTESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH=$SELFTESTS/helpers:$SELFTESTS/../tools/flctl:$PATH
# The program that flctl run executes, where it is not installed
for FLCTL_AGENT in /vm/bin/flctl-agent "$SELFTESTS/../tools/flctl/agent/flctl-agent" ''; do
	[[ ! -x $FLCTL_AGENT ]] || break
done
export FLCTL_AGENT
TMP=

note() { echo "# $*"; }

# fail TEXT... - the running test function has failed; it goes on
fail()
{
	note "FAIL: $*"
	FAILED=1
}

# skip TEXT... - the running test function cannot say anything here
skip()
{
	SKIPPED="$*"
}

# check TEXT COMMAND... - fail unless the command succeeds
check()
{
	local text=$1 out
	shift
	out=$("$@" 2>&1) && return 0
	fail "$text: $*"
	sed 's/^/#   /' <<<"$out"
	return 1
}

# check_not TEXT COMMAND... - fail if the command succeeds
check_not()
{
	local text=$1 out
	shift
	out=$("$@" 2>&1) || return 0
	fail "$text: $*"
	sed 's/^/#   /' <<<"$out"
	return 1
}

# check_equal TEXT WANTED FOUND
check_equal()
{
	[[ $2 == "$3" ]] && return 0
	fail "$1: wanted '$2', found '$3'"
	return 1
}

# check_refused TEXT PATTERN COMMAND... - the command fails and its message
# matches the extended regular expression
check_refused()
{
	local text=$1 pattern=$2 out
	shift 2
	if out=$("$@" 2>&1); then
		fail "$text: accepted: $*"
		return 1
	fi
	grep -Eq -- "$pattern" <<<"$out" && return 0
	fail "$text: message of '$*' does not match '$pattern':"
	sed 's/^/#   /' <<<"$out"
	return 1
}

# until_true SECONDS COMMAND... - wait for a command to succeed
until_true()
{
	local end=$((SECONDS + $1 * ${TIME_FACTOR:-1}))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS <= end)) || return 1
		sleep 0.1
	done
}

# --- namespaces -------------------------------------------------------------

NAMESPACES=()

# new_ns NAME... - make namespaces; the variable $NAME holds the real name
new_ns()
{
	local name add='' more=${FORWARDING:+echo 1 >ipv4/ip_forward; echo 1 >ipv6/conf/all/forwarding}
	for name; do
		declare -g "$name=fl-$name-$$"
		NAMESPACES+=("${!name}")
		add+="netns add ${!name}"$'\n'
	done
	ip -batch - <<<"$add" || return 1
	for name; do
		# A tentative link-local address keeps neighbours from being asked.
		enter "${!name}" sh -c 'ip link set lo up
			cd /proc/sys/net
			echo 0 >ipv6/conf/all/accept_dad
			echo 0 >ipv6/conf/default/accept_dad
			'"$more"
	done
}

# batch NS - run the `ip` commands on standard input in a namespace, one process
batch()
{
	ip -n "$1" -batch -
}

# in_ns NS COMMAND...
in_ns()
{
	local ns=$1
	shift
	ip netns exec "$ns" "$@"
}

# enter NS COMMAND... - the same several times faster, without /sys of the namespace
enter()
{
	local ns=$1
	shift
	nsenter --net="/run/netns/$ns" "$@"
}

cleanup()
{
	local ns pids
	for ns in ${NAMESPACES[@]+"${NAMESPACES[@]}"}; do
		pids=$(ip netns pids "$ns" 2>/dev/null) && [[ -n $pids ]] &&
			kill -9 $pids 2>/dev/null
	done
	((${#NAMESPACES[@]} == 0)) || printf 'netns del %s\n' "${NAMESPACES[@]}" |
		ip -force -batch - 2>/dev/null
	NAMESPACES=()
	[[ -z $TMP ]] || rm -rf "$TMP"
	TMP=
}

# scratch - a directory for the running test function, in $TMP
scratch()
{
	[[ -n $TMP ]] || TMP=$(mktemp -d)
}

# --- flannel ----------------------------------------------------------------

# stat NS DEV COUNTER - one counter of a device
stat()
{
	enter "$1" ethtool -S "$2" | awk -v name="$3:" '$1 == name { print $2 }'
}

# rx_counters NS DEV - the receive counters that are not 0, as NAME=N NAME=N ...
rx_counters()
{
	local name value
	while IFS=': ' read -r name value; do
		[[ $name != rx_* || $name == rx_bytes || $value == 0 ]] || echo "$name=$value"
	done < <(enter "$1" ethtool -S "$2")
}

# rx_mark NS DEV - remember the receive counters for check_rx
rx_mark()
{
	RX_BEFORE=$(rx_counters "$1" "$2")
}

# rx_read NS DEV - what was counted since rx_mark, NAME=N each, in RX_CHANGES
rx_read()
{
	local word name
	local -A before=()
	for word in $RX_BEFORE; do
		before[${word%=*}]=${word#*=}
	done
	RX_NOW=$(rx_counters "$1" "$2")
	RX_CHANGES=()
	for word in $RX_NOW; do
		name=${word%=*}
		((${word#*=} == ${before[$name]:-0})) ||
			RX_CHANGES+=("$name=$((${word#*=} - ${before[$name]:-0}))")
	done
}

# rx_changed NS DEV [NAME=N...] - these have grown by so much, and no others
rx_changed()
{
	local word
	local -A wanted=()
	rx_read "$1" "$2"
	for word in "${@:3}"; do
		wanted[$word]=1
	done
	for word in ${RX_CHANGES[@]+"${RX_CHANGES[@]}"}; do
		[[ -n ${wanted[$word]-} ]] || return 1
	done
	((${#RX_CHANGES[@]} == $# - 2))
}

# check_rx TEXT NS DEV NAME=N... - these receive counters, and no others, have
# grown by so much since rx_mark, or the check_rx before
check_rx()
{
	local text=$1
	shift
	until_true 3 rx_changed "$@" ||
		fail "$text: wanted '${*:3}', found '${RX_CHANGES[*]-}'"
	RX_BEFORE=$RX_NOW
}

# lladdr NS DEV - the MAC of a VTEP (flannel) or of a netdev (vxlan)
lladdr()
{
	local json
	json=$(enter "$1" flctl --json link show "$2" 2>/dev/null)
	if [[ $json =~ \"lladdr\":\ *\"([^\"]*)\" ]]; then
		echo "${BASH_REMATCH[1]}"
	else
		in_ns "$1" cat "/sys/class/net/$2/address"
	fi
}

# lease NS WORDS... - flctl lease replace ... dev flannel.1
lease()
{
	local ns=$1
	shift
	enter "$ns" flctl lease replace "$@" dev flannel.1
}

# An underlay of N nodes on one bridge in a namespace of its own:
#
#      n1            n2            n3            192.168.9.N/24, fd09::N/64
#   eth0 |        eth0 |        eth0 |           pods 10.42.N.0/24,
#        +-------------+-------------+           fd42:0:0:N::/64
#                   wire (bridge br0)
#
# underlay N - makes namespaces n1 ... nN and wire
underlay()
{
	local i ns
	new_ns wire || return 1
	batch "$wire" <<-END || return 1
		link add br0 type bridge mcast_snooping 0
		link set br0 addrgenmode none up
	END
	for ((i = 1; i <= $1; i++)); do
		FORWARDING=1 new_ns "n$i" || return 1
		ns=n$i
		batch "$wire" <<-END || return 1
			link add p$i type veth peer name eth0 netns ${!ns} address 02:00:00:00:09:0$i
			link set p$i master br0 addrgenmode none up
		END
		batch "${!ns}" <<-END || return 1
			link set eth0 up
			addr add 192.168.9.$i/24 dev eth0
			addr add fd09::$i/64 dev eth0 nodad
		END
	done
}

# overlay_up NS I [LINK OPTIONS...] - flannel.1 with address, route and own lease
overlay_up()
{
	local ns=$1 i=$2
	shift 2
	enter "$ns" flctl link add flannel.1 "$@" up || return 1
	overlay_addresses "$ns" "$i"
	printf '%s local\n' "10.42.$i.0/24" "fd42:0:0:$i::/64" |
		enter "$ns" flctl lease restore dev flannel.1 >/dev/null
}

# overlay_addresses NS I - what stock flannel gives its device, and the routes:
# one for each family; for IPv6 by one on-link gateway, so that there is one
# neighbour entry however many destinations there are
overlay_addresses()
{
	batch "$1" <<-END
		addr add 10.42.$2.0/32 dev flannel.1
		addr add fd42:0:0:$2::/128 dev flannel.1 nodad
		route add 10.42.0.0/16 dev flannel.1 src 10.42.$2.0
		route add fd42::/48 via fe80::1 dev flannel.1 onlink src fd42:0:0:$2::
	END
}

# overlay_peer NS J VTEP MAC - leases of node J (both families) by one VTEP
overlay_peer()
{
	lease "$1" "10.42.$2.0/24" via "$3" lladdr "$4"
	lease "$1" "fd42:0:0:$2::/64" via "$3" lladdr "$4"
}

# overlay N [FAMILY [LINK OPTIONS...]] - underlay of N nodes, all on this driver,
# all knowing each other by their underlay addresses of FAMILY (4 or 6)
overlay()
{
	local n=$1 family=${2:-4} i ns mac base=192.168.9. leases=()
	shift; (($# == 0)) || shift
	[[ $family == 4 ]] || base=fd09::
	underlay "$n" || return 1
	for ((i = 1; i <= n; i++)); do
		ns=n$i
		overlay_up "${!ns}" "$i" "$@" || return 1
		mac=$(lladdr "${!ns}" flannel.1)
		leases[i]=$(printf '%s via %s lladdr %s\n' "10.42.$i.0/24" "$base$i" "$mac" \
			"fd42:0:0:$i::/64" "$base$i" "$mac")
	done
	for ((i = 1; i <= n; i++)); do
		ns=n$i
		(
			leases[i]=$(printf '%s local\n' "10.42.$i.0/24" "fd42:0:0:$i::/64")
			printf '%s\n' "${leases[@]}"
		) | enter "${!ns}" flctl lease restore dev flannel.1 >/dev/null || return 1
	done
}

# Two nodes with a router between them, whose link to n2 has a smaller MTU:
#
#   n1 eth0 ---- west router east ---- eth0 n2
#      192.168.11.1           192.168.12.2
#      fd11::1        (MTU)   fd12::2
#
# routed_underlay MTU - makes namespaces n1, router and n2
routed_underlay()
{
	FORWARDING=1 new_ns n1 router n2 || return 1
	batch "$router" <<-END || return 1
		link add west type veth peer name eth0 netns $n1
		link add east mtu $1 type veth peer name eth0 mtu $1 netns $n2
		link set dev west up
		link set dev east up
		addr add 192.168.11.254/24 dev west
		addr add fd11::fe/64 dev west nodad
		addr add 192.168.12.254/24 dev east
		addr add fd12::fe/64 dev east nodad
	END
	batch "$n1" <<-END || return 1
		link set eth0 up
		addr add 192.168.11.1/24 dev eth0
		addr add fd11::1/64 dev eth0 nodad
		route add default via 192.168.11.254
		route add default via fd11::fe
	END
	batch "$n2" <<-END
		link set eth0 up
		addr add 192.168.12.2/24 dev eth0
		addr add fd12::2/64 dev eth0 nodad
		route add default via 192.168.12.254
		route add default via fd12::fe
	END
}

# routed_overlay MTU [FAMILY [LINK OPTIONS...]] - the overlay on that
routed_overlay()
{
	local mtu=$1 family=${2:-4} vtep1=192.168.11.1 vtep2=192.168.12.2
	shift; (($# == 0)) || shift
	[[ $family == 4 ]] || vtep1=fd11::1 vtep2=fd12::2
	routed_underlay "$mtu" || return 1
	overlay_up "$n1" 1 "$@" && overlay_up "$n2" 2 "$@" || return 1
	overlay_peer "$n1" 2 "$vtep2" "$(lladdr "$n2" flannel.1)"
	overlay_peer "$n2" 1 "$vtep1" "$(lladdr "$n1" flannel.1)"
}

# stock_up NS I [VXLAN OPTIONS...] - a node as stock flannel sets it up:
# flannel.1 of kind vxlan (flannel-v6.1 carries IPv6 over IPv6)
stock_up()
{
	local ns=$1 i=$2
	shift 2
	batch "$ns" <<-END
		link add flannel.1 type vxlan id 1 local 192.168.9.$i dev eth0 dstport 8472 nolearning ttl auto $*
		link set flannel.1 addrgenmode none mtu 1450 up
		addr add 10.42.$i.0/32 dev flannel.1
		link add flannel-v6.1 type vxlan id 1 local fd09::$i dev eth0 dstport 8472 nolearning ttl auto $*
		link set flannel-v6.1 addrgenmode none mtu 1430 up
		addr add fd42:0:0:$i::/128 dev flannel-v6.1 nodad
	END
}

# stock_peer NS J MAC4 MAC6 - route onlink, permanent neighbour, permanent FDB
stock_peer()
{
	local ns=$1 j=$2
	batch "$ns" <<-END
		neigh replace 10.42.$j.0 lladdr $3 dev flannel.1 nud permanent
		route replace 10.42.$j.0/24 via 10.42.$j.0 dev flannel.1 onlink
		neigh replace fd42:0:0:$j:: lladdr $4 dev flannel-v6.1 nud permanent
		route replace fd42:0:0:$j::/64 via fd42:0:0:$j:: dev flannel-v6.1 onlink
	END
	bridge -n "$ns" -batch - <<-END
		fdb replace $3 dev flannel.1 dst 192.168.9.$j self permanent
		fdb replace $4 dev flannel-v6.1 dst fd09::$j self permanent
	END
}

# lease_stock NS J PEER - leases of stock node J, whose namespace is PEER: each
# family by its own device
lease_stock()
{
	lease "$1" "10.42.$2.0/24" via "192.168.9.$2" lladdr "$(lladdr "$3" flannel.1)"
	lease "$1" "fd42:0:0:$2::/64" via "fd09::$2" lladdr "$(lladdr "$3" flannel-v6.1)"
}

# mixed [LINK OPTIONS...] - n1 on this driver, n2 as stock flannel sets it up
# with the options in array STOCK, each with a pod
STOCK=()
mixed()
{
	local mac
	underlay 2 && overlay_up "$n1" 1 "$@" &&
		stock_up "$n2" 2 ${STOCK[@]+"${STOCK[@]}"} || return 1
	mac=$(lladdr "$n1" flannel.1)
	stock_peer "$n2" 1 "$mac" "$mac"
	lease_stock "$n1" 2 "$n2" && pod "$n1" 1 && pod "$n2" 2
}

# pod NS I - a pod namespace behind a bridge cni0 on node NS: $pod holds its
# name, its addresses are 10.42.I.2 and fd42:0:0:I::2
pod()
{
	local ns=$1 i=$2
	new_ns "pod$i" || return 1
	local pod=pod$i
	batch "$ns" <<-END || return 1
		link add cni0 type bridge
		link set cni0 up
		addr add 10.42.$i.1/24 dev cni0
		addr add fd42:0:0:$i::1/64 dev cni0 nodad
		link add pod$i type veth peer name eth0 netns ${!pod}
		link set pod$i master cni0 up
	END
	batch "${!pod}" <<-END
		link set eth0 mtu 1450 up
		addr add 10.42.$i.2/24 dev eth0
		addr add fd42:0:0:$i::2/64 dev eth0 nodad
		route add default via 10.42.$i.1
		route add default via fd42:0:0:$i::1
	END
}

# pings NS ADDRESS [PING OPTIONS...] - one echo comes back
pings()
{
	local ns=$1 address=$2
	shift 2
	in_ns "$ns" ping -n -q -c 1 -W "$((2 * ${TIME_FACTOR:-1}))" "$@" "$address"
}

# transfer FROM TO ADDRESS [BYTES [PORT]] - a TCP connection from namespace FROM
# to ADDRESS, which leads to namespace TO, with data both ways; succeeds when
# either end gets what the other sent. Prints what address FROM is seen with
transfer()
{
	data_exchange tcp "$@"
}

# datagram FROM TO ADDRESS [BYTES [PORT]] - the same with one UDP datagram and an
# answer
datagram()
{
	data_exchange udp "$@"
}

# converse FROM TO ADDRESS - open a TCP connection, for heard, that stays until
# the namespaces go
converse()
{
	scratch
	ip netns exec "$2" nc -l "$3" 5002 >"$TMP/heard" &
	disown
	mkfifo "$TMP/say"
	until_true 5 listening "$2" 5002 || return
	ip netns exec "$1" nc "$3" 5002 <"$TMP/say" >/dev/null &
	disown
	exec {SAY}>"$TMP/say"
	heard 'hello'
}

# heard LINE - a line sent over the connection arrives
heard()
{
	echo "$1" >&"$SAY"
	until_true 10 grep -qx "$1" "$TMP/heard"
}

# listening NS PORT - somebody listens on a TCP port
listening()
{
	in_ns "$1" grep -Eqs "$(printf ':%04X [0:]+ 0A' "$2")" /proc/net/tcp /proc/net/tcp6
}

# --- running ----------------------------------------------------------------

# 1 when the functions of a test share what the first of them sets up
SHARED=0

need()
{
	local tool
	for tool; do
		command -v "$tool" >/dev/null && continue
		echo "1..0 # SKIP needs $tool"
		exit $KSFT_SKIP
	done
}

# require_module - load the module, or skip the whole test
require_module()
{
	[[ $(id -u) == 0 ]] || { echo '1..0 # SKIP needs root'; exit $KSFT_SKIP; }
	[[ -d /sys/module/flannel ]] || modprobe flannel 2>/dev/null ||
		{ echo '1..0 # SKIP module flannel is not installed'; exit $KSFT_SKIP; }
}

# run_tests FUNCTION... - run them all, print KTAP, exit with kselftest's code
run_tests()
{
	local name n=0 failed=0 skipped=0 begin seconds
	need ip ethtool flctl
	require_module
	trap 'cleanup; exit 1' INT TERM
	trap cleanup EXIT
	echo 'TAP version 13'
	echo "1..$#"
	for name; do
		FAILED=0 SKIPPED='' begin=$EPOCHREALTIME
		"$name"
		((SHARED)) || cleanup
		seconds=$(((${EPOCHREALTIME/./} - ${begin/./}) / 100000))
		seconds=$((seconds / 10)).$((seconds % 10))
		if ((FAILED)); then
			echo "not ok $((++n)) $name ($seconds s)"
			((++failed))
		elif [[ -n $SKIPPED ]]; then
			echo "ok $((++n)) $name ($seconds s) # SKIP $SKIPPED"
			((++skipped))
		else
			echo "ok $((++n)) $name ($seconds s)"
		fi
	done
	((failed == 0)) || exit $KSFT_FAIL
	((skipped < n)) || exit $KSFT_SKIP
	exit $KSFT_PASS
}
