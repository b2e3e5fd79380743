# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# control.sh - for tests of the control plane, sourced behind lib.sh
#
# Talks to the kernel in its own words, by helpers/rawnl.c, which see. One such
# helper runs at a time. It keeps its sockets open from line to line, so that
# transactions and listeners live as long as a test wants them to.

ANSWER=

# own_ns - run this test again in a network namespace of its own, which is much
# cheaper than to enter one for every command
own_ns()
{
	[[ $(id -u) == 0 && ${OWN_NS-} != "$$" ]] || return 0
	OWN_NS=$$ exec unshare --net "$0"
}

# may_unload - whether nobody but this test can be using the module
may_unload()
{
	[[ -z $(ip -o link show type flannel) &&
	   -z $(nsenter --target 1 --net ip -o link show type flannel) ]]
}

# device [OPTIONS...] - an empty flannel.1 here, alone
device()
{
	local name
	for name in 1 2 3; do
		[[ ! -e /proc/sys/net/ipv4/conf/flannel.$name ]] ||
			flctl link del flannel.$name
	done
	# One that went with its namespace may be there for a moment longer.
	until_true 5 flctl link add flannel.1 "$@" || flctl link add flannel.1 "$@" || {
		fail 'set-up'
		return 1
	}
}

# holds LINE... - the table of flannel.1 is exactly this, sorted
holds()
{
	check_equal "${FUNCNAME[1]}: table" "$(printf '%s\n' "$@")" \
		"$(flctl lease list dev flannel.1)"
}

# raw_start [DEV] - in the namespace of the test; $RAW_COMMAND is run instead of
# rawnl when it is set
raw_start()
{
	raw_stop
	# shellcheck disable=SC2086
	coproc RAW { exec ${RAW_COMMAND:-rawnl} "$@" 2>&1; }
}

# raw_start_in NS [DEV]
raw_start_in()
{
	local ns=/run/netns/$1
	shift
	raw_stop
	coproc RAW { exec nsenter --net="$ns" rawnl "$@" 2>&1; }
}

raw_stop()
{
	[[ -n ${RAW_PID-} ]] || return 0
	local pid=$RAW_PID
	eval "exec ${RAW[1]}>&-"
	wait "$pid"
	unset RAW_PID
}

# raw WORDS... - one request; its answer is in $ANSWER
raw()
{
	ANSWER='no answer'
	[[ -n ${RAW[1]-} ]] || { fail "rawnl is gone: $*"; return 1; }
	echo "$*" >&"${RAW[1]}"
	IFS= read -r ANSWER <&"${RAW[0]}"
}

# answers WANTED WORDS... - the answer to a request is WANTED, a pattern as in
# [[ == ]]
answers()
{
	local wanted=$1
	shift
	raw "$@"
	# shellcheck disable=SC2053
	[[ $ANSWER == $wanted ]] && return 0
	fail "'$*': wanted '$wanted', got '$ANSWER'"
	return 1
}

# exactly TEXT WORDS... - the answer is this very text
exactly()
{
	local wanted=$1
	shift
	raw "$@"
	[[ $ANSWER == "$wanted" ]] && return 0
	fail "'$*': wanted '$wanted', got '$ANSWER'"
	return 1
}

FLOODS=()

# flood NS ADDRESS - pings as fast as answers come, and again when there is no
# route; until end_floods
flood()
{
	scratch
	nsenter --net="/run/netns/$1" bash -c '
		while [[ ! -e $2/stop ]]; do
			ping -n -q -f -w 1 "$1" || read -r -t 0.02 <> <(:)
		done' - "$2" "$TMP" >/dev/null 2>&1 &
	FLOODS+=("$!")
}

end_floods()
{
	touch "$TMP/stop"
	wait "${FLOODS[@]}"
	FLOODS=()
}
