#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 200
# Large tables load, are replaced and looked up; what they take is said, and is
# charged to whoever loads them; when that is too much the old table stays.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control.sh"
own_ns

CGROUP=/sys/fs/cgroup/flannel-test

has_cgroups()
{
	grep -qw memory /sys/fs/cgroup/cgroup.subtree_control 2>/dev/null &&
		mkdir -p "$CGROUP" && [[ -e $CGROUP/memory.max ]] &&
		grep -q '^kernel ' "$CGROUP/memory.stat" && return
	skip 'no memory control group'
	return 1
}

# in_cgroup MAX COMMAND... - in the control group, with no more memory than this
in_cgroup()
{
	echo "$1" >"$CGROUP/memory.max"
	[[ ! -e $CGROUP/memory.swap.max ]] || echo 0 >"$CGROUP/memory.swap.max"
	(
		echo "$BASHPID" >"$CGROUP/cgroup.procs"
		exec "${@:2}"
	)
}

end_cgroup() { until_true 20 rmdir "$CGROUP" || note 'the control group stays a while'; }

# charged WHAT - bytes that the control group has: kernel, slab, percpu ...
charged() { awk -v what="$1" '$1 == what { print $2 }' "$CGROUP/memory.stat"; }

charged_at_least() { (($(charged "$1") >= $2)); }

# What stocks for each processor keep
is_freed() { (($(charged kernel) < 2097152)); }

check_freed()
{
	until_true 20 is_freed || fail "$(charged kernel) bytes stay when all is gone"
}

# has_shrunk BYTES - less is charged than that, and no less than a moment ago
has_shrunk()
{
	local last=$NOW
	NOW=$(charged kernel)
	((NOW < $1 && NOW == last))
}

# report TEXT COUNT BASE - what COUNT leases take beyond BASE bytes; $EACH. What a table
# outgrew while it was filled is freed within some five seconds
report()
{
	local NOW first
	first=$(charged kernel)
	NOW=$first
	TIME_FACTOR=1 until_true 6 has_shrunk $((first - first / 64))
	EACH=$(((NOW - $3) / $2))
	note "$1: $EACH bytes each, $(((NOW - $3) / 1024)) KiB in all, $((
		(first - NOW) / 1024)) KiB more at first ($(awk '
		/^(slab|percpu|vmalloc) / { printf "%s%s %d", n++ ? ", " : "", $1, $2 / 1024 }
		' "$CGROUP/memory.stat"))"
}

# object_size CACHE - what one takes in memory
object_size() { cat "/sys/kernel/slab/$1/slab_size"; }

# restored WANTED COMMAND... - the command replaces a table and says so
restored()
{
	local out
	out=$(in_cgroup max "${@:2}" 2>&1)
	check_equal 'replace' "$1" "${out#* seq * }"
}

index() { flctl link show flannel.1 | sed -n 's/^ *leases  *//p'; }

# one_length OCTET - 65,536 leases, each with its own VTEP
one_length()
{
	awk -v o="$1" 'BEGIN {
		for (i = 0; i < 65536; i++) {
			a = int(i / 256); b = i % 256
			printf "10.%d.%d.0/24 via 172.%d.%d.%d lladdr 02:00:00:00:%02x:%02x\n", a, b, o, a, b, a, b
		}
	}'
}

# What text can say, by flctl
one_length_loads()
{
	local restore='flctl lease restore dev flannel.1 -' before
	has_cgroups && in_cgroup max flctl link add flannel.1 network 10.0.0.0/8 || return
	before=$(charged kernel)
	restored 'added 65536 changed 0 removed 0' $restore < <(one_length 16)
	report '65536 leases of one length, each with a VTEP' 65536 "$before"
	((EACH >= $(object_size flannel_lease) + $(object_size flannel_vtep))) ||
		fail 'VTEPs are charged to nobody'
	check_equal 'index' 'IPv4 65536 (direct index), IPv6 0 (hash)' "$(index)"
	check_equal 'the last' '10.255.255.0/24 via 172.16.255.255 lladdr 02:00:00:00:ff:ff' \
		"$(flctl lease get 10.255.255.9 dev flannel.1)"
	talk_to_some
	restored 'added 0 changed 65536 removed 0' $restore < <(one_length 17)
	check_equal 'the last, replaced' '10.255.255.0/24 via 172.17.255.255 lladdr 02:00:00:00:ff:ff' \
		"$(flctl lease get 10.255.255.9 dev flannel.1)"
	check_equal 'all of them' "$(one_length 17 | cksum)" \
		"$(flctl lease list dev flannel.1 | cksum)"
	restored 'added 0 changed 0 removed 65536' $restore </dev/null
	ip link del flannel.1
	check_freed
	end_cgroup
}

# VTEPs that packets go to take more: their paths
talk_to_some()
{
	local percpu n=2000
	ip -batch - <<-END
		link add d0 type veth peer name d1
		link set d0 arp off up
		link set d1 up
		link set flannel.1 up
		route add 172.16.0.0/12 dev d0
		addr add 198.18.0.1/32 dev d0
		route add 10.0.0.0/8 dev flannel.1 src 198.18.0.1
	END
	percpu=$(charged percpu)
	check_equal 'packets taken' $n \
		"$(awk -v n=$n 'BEGIN { for (i = 0; i < n; i++) print "10." i % 250 "." int(i / 250) ".1" }' | sendto)"
	check_equal 'packets sent' $n "$(ethtool -S flannel.1 | awk '$1 == "tx_packets:" { print $2 }')"
	# two counters of packets and two of bytes
	until_true 20 charged_at_least percpu $((percpu + n * 32)) ||
		fail "$(($(charged percpu) - percpu)) bytes are charged for the paths"
	note "paths of $n VTEPs that were sent to: $((($(charged percpu) - percpu) / n
		)) bytes per-CPU memory each, $(nproc --all) processors"
}

# A tenth of the leases goes, the others get other VTEPs.
million_mixed_load()
{
	local n=1000000 before
	# one that checks every access needs two minutes for these
	[[ ${FLANNEL_VM-} != uml-debug ]] || n=200000
	has_cgroups && in_cgroup max flctl link add flannel.1 || return
	before=$(charged kernel)
	restored "added $n changed 0 removed 0" leases replace flannel.1 $n 16
	report "$n leases of 32 lengths behind 20000 VTEPs" $n "$before"
	((EACH >= $(object_size flannel_lease))) || fail 'leases are charged to nobody'
	check_equal 'index' "IPv4 $((n / 2)) (hash), IPv6 $((n / 2)) (hash)" "$(index)"
	check_equal 'look-ups' '5000 right' "$(leases check flannel.1 $n 16 $((n / 5000)))"
	restored "added 0 changed $((n * 9 / 10)) removed $((n / 10))" \
		leases replace flannel.1 $((n * 9 / 10)) 17
	check_equal 'look-ups, replaced' '4500 right' \
		"$(leases check flannel.1 $((n * 9 / 10)) 17 $((n / 5000)))"
	check 'flush' flctl lease flush dev flannel.1
	ip link del flannel.1
	check_freed
	end_cgroup
}

# More than the control group may have: the kernel refuses, or ends the program.
out_of_memory()
{
	local table full part before
	has_cgroups || return
	overlay 2 || { fail 'set-up'; return; }
	table=$(in_ns "$n1" flctl lease save dev flannel.1)
	before=$(charged kernel)
	restored 'added 99998 changed 2 removed 2' nsenter --net="/run/netns/$n1" \
		leases replace flannel.1 100000 16
	full=$(($(charged kernel) - before))
	check 'the old table again' in_ns "$n1" flctl lease restore dev flannel.1 - <<<"$table"
	check_freed
	for part in 3 5 7; do
		in_cgroup $((full * part / 8)) nsenter --net="/run/netns/$n1" \
			leases replace flannel.1 100000 17 >/dev/null 2>&1 &&
			fail "100000 leases fit into $part eighths of $full bytes"
		check_equal "with $part eighths: the old table" "$table" \
			"$(in_ns "$n1" flctl lease save dev flannel.1)"
		check "with $part eighths: IPv4" pings "$n1" 10.42.2.0
		check "with $part eighths: IPv6" pings "$n1" fd42:0:0:2::
		check_freed
	done
	check 'a lease more' lease "$n1" 10.42.3.0/24 via 192.168.9.3 lladdr 02:00:00:00:00:03
	check 'a table more' in_ns "$n1" flctl lease restore dev flannel.1 - <<<"$table"
	end_cgroup
}

run_tests one_length_loads million_mixed_load out_of_memory
