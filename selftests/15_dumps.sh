#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Dumps of any size are complete, or say that they are not; filters hold.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control.sh"
own_ns

# leases N OCTET - N leases, each with a VTEP of its own
leases()
{
	awk -v n="$1" -v o="$2" 'BEGIN {
		for (i = 0; i < n; i++)
			printf "10.%d.%d.0/24 via 172.%d.%d.%d lladdr 02:00:00:00:%02x:%02x\n",
				i / 256, i % 256, o, i / 250, i % 250 + 1, i / 256, i % 256
	}'
}

fill() { leases "$1" "$2" | flctl lease restore dev "${3:-flannel.1}" - >/dev/null; }

# three parts at least, however large the kernel makes them
whole()
{
	device && fill 3000 16 && raw_start flannel.1 || return
	answers 'ok messages=3000 parts=*' a dump lease_get
	[[ $ANSWER != *interrupted* ]] || fail "$ANSWER"
	((${ANSWER##*=} > 3)) || fail "too few parts to say anything: $ANSWER"
	answers 'ok messages=3000 parts=*' a dump vtep_get
	[[ $ANSWER != *interrupted* ]] || fail "$ANSWER"
	raw_stop
	check_equal 'list' "$(leases 3000 16 | sort)" \
		"$(flctl lease list dev flannel.1 | sort)"
	check_equal 'IPv4 before IPv6, ascending' "$(leases 3000 16)" \
		"$(flctl lease list dev flannel.1)"
}

# One change between two parts
interrupted()
{
	local what change
	device && fill 1000 16 && flctl link add flannel.2 id 2 && fill 1000 17 flannel.2 &&
		raw_start flannel.1 || return
	for what in lease_get vtep_get; do
		for change in 'lease_add +11.0.0.0/24,local' 'lease_replace +11.0.0.0/24,172.30.0.1,02:00:00:00:00:01' \
				'lease_del +11.0.0.0/24'; do
			answers 'more messages=*' d dump-start $what
			exactly ok a "$change"
			answers 'ok messages=* interrupted' d dump-rest
		done
		# nothing changed, or elsewhere
		answers 'more messages=*' d dump-start $what
		exactly ok a lease_replace +10.0.0.0/24,172.16.0.1,02:00:00:00:00:00
		answers 'ENOENT*' a lease_del +11.0.0.0/24
		check 'elsewhere' flctl lease add 11.0.0.0/24 local dev flannel.2
		raw d dump-rest
		[[ $ANSWER == 'ok messages=1000 '* && $ANSWER != *interrupted ]] ||
			fail "unharmed dump of $what: $ANSWER"
		# a dump of all devices is of that one, too
		answers 'more messages=*' d dump-start $what /nodev
		check 'elsewhere' flctl lease del 11.0.0.0/24 dev flannel.2
		answers 'ok messages=* interrupted' d dump-rest
		answers 'more messages=*' d dump-start $what
		check 'replace' fill 1000 16
		answers 'ok messages=* interrupted' d dump-rest
		answers 'more messages=*' d dump-start $what
		check 'flush' flctl lease flush dev flannel.1
		answers 'ok messages=* interrupted' d dump-rest
		fill 1000 16
	done
	raw_stop
}

# The device goes in the middle; other dumps have their own places
# Lists of devices and of their counters
devices_go()
{
	local i
	device || return
	check_equal 'devices' ok "$(for i in {2..120}; do
		echo "r link-add flannel.$i id=$i"
	done | rawnl | sort -u)"
	raw_start
	answers 'more*' d dump-start dev_get
	answers 'more*' e dump-start stats_get
	answers 'ok messages=120 *' f dump dev_get
	[[ $ANSWER != *interrupted ]] || fail 'interrupted by nothing'
	ip link del flannel.1
	answers 'ok messages=* interrupted' d dump-rest
	answers 'ok messages=* interrupted' e dump-rest
	raw_stop
	for i in {2..120}; do echo "link del flannel.$i"; done | ip -batch -
}

device_goes()
{
	device && fill 1000 16 && raw_start || return
	local ifindex
	ifindex=$(ip -o link show flannel.1 | cut -d: -f1)
	answers 'more*' d dump-start lease_get ifindex="$ifindex"
	answers 'more*' e dump-start lease_get
	answers 'more*' f dump-start vtep_get
	answers 'ok messages=1000 *' g dump lease_get
	answers 'ok messages=1000 *' f dump-rest
	ip link del flannel.1
	answers 'ENODEV: Interface * is not a flannel device* messages=*' d dump-rest
	answers 'ok messages=* interrupted' e dump-rest
	answers 'ok messages=0 *' e dump lease_get
	# one comes
	device && fill 1000 16
	answers 'more*' e dump-start lease_get
	check 'another device' flctl link add flannel.2 id 2
	answers 'ok messages=1000 * interrupted' e dump-rest
	# closed in the middle
	answers 'more*' h dump-start lease_get
	exactly ok h close
	raw_stop
}

filtered()
{
	device && fill 1000 16 && flctl link add flannel.2 id 2 && fill 500 16 flannel.2 &&
		raw_start flannel.1 || return
	flctl lease add fd42::/64 via 172.16.0.7 lladdr 02:00:00:00:00:77 dev flannel.1
	flctl lease add fd42:0:0:1::/64 via fd09::9 lladdr 02:00:00:00:00:99 dev flannel.1
	flctl lease add 10.200.0.0/24 local dev flannel.1
	answers 'ok messages=2 parts=+([0-9])' d dump lease_get vtep4=172.16.0.7
	answers 'ok messages=1 parts=+([0-9])' d dump lease_get vtep6=fd09::9
	answers 'ok messages=0 parts=+([0-9])' d dump lease_get vtep4=172.16.77.1
	answers 'ok messages=3 parts=+([0-9])' d dump lease_get vtep4=172.16.0.7 /nodev
	answers 'ok messages=1003 parts=+([0-9])' d dump lease_get
	answers 'ok messages=1503 parts=+([0-9])' d dump lease_get /nodev
	answers 'ok messages=1002 parts=+([0-9])' d dump vtep_get
	answers 'ok messages=1502 parts=+([0-9])' d dump vtep_get /nodev
	answers 'ok messages=1 parts=+([0-9])' d dump stats_get
	answers 'ok messages=2 parts=+([0-9])' d dump stats_get /nodev
	answers 'ok messages=1 parts=+([0-9])' d dump dev_get
	answers 'ok messages=2 parts=+([0-9])' d dump dev_get /nodev
	raw_stop
	check_equal 'by one VTEP' "$(printf '%s\n' \
			'10.0.6.0/24 via 172.16.0.7 lladdr 02:00:00:00:00:06' \
			'fd42::/64 via 172.16.0.7 lladdr 02:00:00:00:00:77')" \
		"$(flctl lease list dev flannel.1 via 172.16.0.7)"
	check_equal 'VTEPs and leases in the counters' 1002 \
		"$(flctl --json stats dev flannel.1 | grep -o '"vtep":"' | wc -l)"
}

# While whole tables come and go, a list is of one of them, never of two
never_mixed()
{
	local i
	device && scratch || return
	leases 1000 16 >"$TMP/one"
	leases 1000 17 >"$TMP/two"
	flctl lease restore dev flannel.1 "$TMP/one" >/dev/null
	{
		while [[ ! -e $TMP/stop ]]; do
			flctl lease restore dev flannel.1 "$TMP/two" || exit
			flctl lease restore dev flannel.1 "$TMP/one" || exit
		done
	} >"$TMP/replaces" 2>&1 &
	for i in {1..20}; do
		flctl lease list dev flannel.1 >"$TMP/list" 2>"$TMP/error" || {
			# it gave up, which it says
			grep -q 'kept changing' "$TMP/error" || fail "list: $(cat "$TMP/error")"
			continue
		}
		cmp -s "$TMP/list" "$TMP/one" || cmp -s "$TMP/list" "$TMP/two" ||
			fail "list $i is of neither table: $(wc -l <"$TMP/list") leases"
	done
	touch "$TMP/stop"
	wait "$!"
	note "$(wc -l <"$TMP/replaces") replaces"
	(($(wc -l <"$TMP/replaces") > 2)) || fail 'there were no replaces'
}

run_tests whole interrupted device_goes devices_go filtered never_mixed
