#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the table does not take is refused with words and the attribute to blame,
# by itself and in a transaction alike, and changes nothing.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control.sh"
own_ns

A=192.168.9.2,02:00:00:00:02:02
B=192.168.9.3,02:00:00:00:03:03
C=fd09::4,02:00:00:00:04:04

# begin_with LEASE... - a device whose table holds these
begin_with()
{
	local lease
	device || return
	raw_start flannel.1
	for lease; do
		exactly ok a lease_replace "+$lease" || return
	done
	raw s table_begin
	BEFORE=$ANSWER
	raw s table_abort
}

# Nothing has changed since begin_with
unchanged()
{
	exactly "$BEFORE" s table_begin
	exactly ok s table_abort
}

# refused TEXT WORD... - the lease that these words make is refused, whichever
# way it comes; the transaction is over then
refused()
{
	local text=$1 command
	shift
	for command in lease_add lease_replace; do
		exactly "$text" a "$command" "$@"
	done
	raw t table_begin
	if exactly "$text" t table_add "$@"; then
		answers 'ENOENT: *' t table_commit
	else
		raw t table_abort
	fi
}

# A request has a device, and a lease when it is about one
request()
{
	local command
	begin_with || return
	for command in lease_add lease_change lease_replace lease_del table_add; do
		[[ $command != table_add ]] || raw a table_begin
		exactly 'EINVAL: The request has no lease in it [missing lease]' a $command
	done
	for command in dev_get lease_flush table_begin table_commit table_abort \
			stats_get 'lease_get addr4=10.42.1.1' "lease_add +10.42.2.0/24,$A"; do
		exactly 'EINVAL: The request names no device [missing ifindex]' \
			a $command /nodev
		exactly 'ENODEV: Interface 1 is not a flannel device [ifindex]' \
			a $command ifindex=1
		exactly 'ENODEV: Interface 999999 is not a flannel device [ifindex]' \
			a $command ifindex=999999
		exactly 'ERANGE: integer out of range [ifindex]' a $command ifindex=0
	done
	for command in lease_get vtep_get stats_get dev_get; do
		answers 'ENODEV: Interface 1 is not a flannel device*' \
			a dump $command ifindex=1
	done
	answers 'EINVAL: The request needs one address to look up*' a lease_get
	answers 'EINVAL: The request needs one address to look up*' \
		a lease_get addr4=10.0.0.1 addr6=fd42::1
	answers 'EINVAL: An address is looked up, not dumped*' \
		a dump lease_get addr4=10.0.0.1
	answers 'EINVAL: A dump is filtered by one VTEP*' \
		a dump lease_get vtep4=10.0.0.1 vtep6=fd09::1
	exactly EOPNOTSUPP a 99
	exactly EOPNOTSUPP a vtep_get
	answers 'EOPNOTSUPP*' a dump table_begin
	unchanged
	raw_stop
}

# The attributes of a lease
shape()
{
	local good='prefix4=10.42.2.0 prefixlen=24' mac=lladdr=02:00:00:00:02:02
	local needs='EINVAL: The lease of 10.42.2.0/24 needs one VTEP address and a MAC, or local [lease]'

	begin_with "10.42.3.0/24,$B" || return
	refused 'EINVAL: A lease has either an IPv4 or an IPv6 prefix [lease]' 'lease{' '}'
	refused 'EINVAL: A lease has either an IPv4 or an IPv6 prefix [lease]' \
		"lease{ $good prefix6=fd42:: $mac vtep4=192.168.9.2 }"
	refused 'EINVAL: The lease has no prefix length [lease]' \
		"lease{ prefix4=10.42.2.0 vtep4=192.168.9.2 $mac }"
	refused 'EINVAL: The length of an IPv4 prefix is 1 to 32 [lease.prefixlen]' \
		"lease{ prefix4=10.42.2.0 prefixlen=33 vtep4=192.168.9.2 $mac }"
	refused 'ERANGE: integer out of range [lease.prefixlen]' \
		"lease{ prefix4=10.42.2.0 prefixlen=0 vtep4=192.168.9.2 $mac }"
	refused 'ERANGE: integer out of range [lease.prefixlen]' \
		"lease{ prefix6=fd42:: prefixlen=129 vtep4=192.168.9.2 $mac }"
	refused "$needs" "lease{ $good }"
	refused "$needs" "lease{ $good vtep4=192.168.9.2 }"
	refused "$needs" "lease{ $good $mac }"
	refused "$needs" "lease{ $good vtep4=192.168.9.2 vtep6=fd09::2 $mac }"
	refused 'EINVAL: A local lease has neither a VTEP nor a MAC [lease]' \
		"lease{ $good local vtep4=192.168.9.2 $mac }"
	refused 'EINVAL: A local lease has neither a VTEP nor a MAC [lease]' \
		"lease{ $good local $mac }"
	exactly 'EINVAL: A lease to delete is named by its prefix alone [lease]' \
		a lease_del "+10.42.3.0/24,$B"
	exactly 'EINVAL: A lease to delete is named by its prefix alone [lease]' \
		a lease_del +10.42.3.0/24,local
	unchanged
	raw_stop
}

# Messages that no program of good will sends
malformed()
{
	local good='prefix4=10.42.2.0 prefixlen=24 vtep4=192.168.9.2 lladdr=02:00:00:00:02:02'

	begin_with "10.42.3.0/24,$B" || return
	refused 'EINVAL: Unknown attribute type [lease.99]' "lease{ $good 99=1 }"
	refused 'EINVAL: Unknown attribute type [99]' "lease{ $good } 99=1"
	refused 'EINVAL: NLA_F_NESTED is missing [lease]' "lease[ $good ]"
	refused 'ERANGE: binary attribute size out of range [lease.prefix4]' \
		"lease{ prefix4:0a2a prefixlen=24 local }"
	refused 'ERANGE: binary attribute size out of range [lease.prefix4]' \
		"lease{ prefix4:0a2a020000 prefixlen=24 local }"
	refused 'ERANGE: binary attribute size out of range [lease.prefix6]' \
		"lease{ prefix6:0a2a0200 prefixlen=24 local }"
	refused 'EINVAL: invalid attribute length [lease.prefixlen]' \
		"lease{ prefix4=10.42.2.0 prefixlen:1800 local }"
	refused 'ERANGE: binary attribute size out of range [lease.vtep4]' \
		"lease{ prefix4=10.42.2.0 prefixlen=24 vtep4: lladdr=02:00:00:00:02:02 }"
	refused 'ERANGE: binary attribute size out of range [lease.lladdr]' \
		"lease{ prefix4=10.42.2.0 prefixlen=24 vtep4=192.168.9.2 lladdr:02 }"
	exactly 'EINVAL: invalid attribute length [ifindex]' \
		a lease_add "ifindex:01 +10.42.2.0/24,$A"
	answers 'EINVAL: Un* attribute*' a lease_flush "+10.42.2.0/24,$A"
	answers 'EINVAL: Un* attribute*' a table_commit addr4=10.0.0.1
	# ends within an attribute, or says that it is longer than the message
	answers E* a lease_add "lease{ $good } /cut=4"
	answers E* a lease_add "lease{ $good } /len=64"
	answers E* a lease_add "lease{ $good } /len=-3"
	answers E* a lease_add "lease{ $good /len=200 }"
	answers E* a lease_add "lease{ $good /len=-8 }"
	answers E* a lease_add "lease{ prefix4=10.42.2.0 /len=40 prefixlen=24 local }"
	answers E* a lease_add 'lease{ 3{ 3{ 1:0a2a0200 } } }'
	unchanged
	raw_stop
}

# Whatever bytes come: no crash, and a table that still works
garbage()
{
	local seed=$RANDOM

	note "seed $seed"
	begin_with || return
	for command in lease_replace lease_del lease_get table_add; do
		raw a table_begin
		answers 'ok sent=300 *' a fuzz "$seed" 300 $command \
			"+10.42.2.0/24,$A" "+fd42::/64,$C" addr4=10.42.2.1
		raw a table_abort
	done
	answers 'ok sent=300 *' a fuzz "$seed" 300 table_commit force
	answers 'ok*' a lease_flush
	answers 'ok*' a lease_add "+10.42.2.0/24,$A"
	answers "ok*10.42.2.0/24,$A" a lease_get addr4=10.42.2.1
	raw_stop
}

# Prefixes with host bits, and of nobody's addresses
prefixes()
{
	local prefix
	begin_with "10.42.3.0/24,$B" || return
	for prefix in 10.42.2.1/24 10.42.2.128/24 10.42.2.0/22; do
		refused "EINVAL: $prefix has host bits set [lease.prefix4]" "+$prefix,$A"
	done
	for prefix in fd42::1/64 fd42:0:0:1::/63; do
		refused "EINVAL: $prefix has host bits set [lease.prefix6]" "+$prefix,$A"
	done
	for prefix in 0.0.0.0/8 0.0.0.0/1 127.0.0.0/8 127.1.0.0/16 126.0.0.0/7 \
			169.254.0.0/16 169.254.7.0/24 224.0.0.0/4 239.1.1.0/24 \
			192.0.0.0/2 240.0.0.0/4 255.255.255.255/32; do
		refused "EINVAL: $prefix is, or has in it, multicast, loopback, link-local or reserved addresses [lease.prefix4]" \
			"+$prefix,$A"
	done
	for prefix in ::/128 ::1/128 ::/1 ::ffff:0.0.0.0/96 fe80::/10 fe80:0:0:1::/64 \
			fc00::/6 ff00::/8 ff02::/64; do
		refused "EINVAL: $prefix is, or has in it, multicast, loopback, link-local or reserved addresses [lease.prefix6]" \
			"+$prefix,$C"
	done
	unchanged
	raw_stop
}

vteps()
{
	local vtep
	begin_with "10.42.3.0/24,$B" || return
	ip link set lo up
	ip addr replace 192.168.9.1/32 dev lo
	ip -6 addr replace fd09::1/128 dev lo nodad
	for vtep in 0.0.0.0 127.0.0.1 224.0.0.1 239.255.255.255 240.0.0.1 \
			255.255.255.255; do
		refused "EINVAL: VTEP $vtep is not a unicast address [lease.vtep4]" \
			"+10.42.2.0/24,$vtep,02:00:00:00:02:02"
	done
	for vtep in :: ::1 ff02::1 ::ffff:192.168.9.2; do
		refused "EINVAL: VTEP $vtep is not a unicast address [lease.vtep6]" \
			"+10.42.2.0/24,$vtep,02:00:00:00:02:02"
	done
	refused 'EINVAL: VTEP 192.168.9.1 is an address of this host [lease.vtep4]' \
		+10.42.2.0/24,192.168.9.1,02:00:00:00:02:02
	refused 'EINVAL: VTEP fd09::1 is an address of this host [lease.vtep6]' \
		+10.42.2.0/24,fd09::1,02:00:00:00:02:02
	for mac in 00:00:00:00:00:00 01:00:5e:00:00:01 ff:ff:ff:ff:ff:ff 03:00:00:00:00:01; do
		refused "EINVAL: lladdr $mac is not a unicast MAC [lease.lladdr]" \
			"+10.42.2.0/24,192.168.9.2,$mac"
	done
	unchanged
	raw_stop
}

# A VTEP that is the device's own option local, be it on the host or not yet
vtep_is_local()
{
	device local 192.168.9.77 local fd09::77 || return
	raw_start flannel.1
	answers 'EINVAL: VTEP 192.168.9.77 is *' \
		a lease_add +10.42.2.0/24,192.168.9.77,02:00:00:00:02:02
	answers 'EINVAL: VTEP fd09::77 is *' \
		a lease_add +10.42.2.0/24,fd09::77,02:00:00:00:02:02
	raw_stop
}

# conflict TEXT LEASE... - leases that do not go together, the last one being
# refused; a transaction of them all is refused at its end
conflict()
{
	local text=$1 leases=("${@:2:$#-2}") last=${*: -1} lease
	shift
	begin_with "${leases[@]}" || return
	exactly "EINVAL: $text [lease.prefix${FAMILY:-4}]" a lease_add "+$last"
	exactly "EINVAL: $text [lease.prefix${FAMILY:-4}]" a lease_replace "+$last"
	exactly "${BEFORE}" t table_begin
	answers ok t table_add "${leases[@]/#/+}" "+$last"
	raw t table_commit
	# which of two is named first depends on the order in the table
	[[ $ANSWER == 'EINVAL: '*" ${WORD:-overlaps} "* ]] ||
		fail "commit of $*: got '$ANSWER'"
	for lease in ${NAMED-"${last%%,*}"}; do
		[[ $ANSWER == *"$lease"* ]] || fail "commit does not name $lease: '$ANSWER'"
	done
	answers 'ENOENT: *' t table_commit
	unchanged
	raw_stop
}

overlap_with_local()
{
	conflict '10.42.1.128/25 overlaps 10.42.1.0/24, and one of them is local' \
		10.42.1.0/24,local "10.42.1.128/25,$A"
	conflict '10.42.0.0/16 overlaps 10.42.1.0/24, and one of them is local' \
		10.42.1.0/24,local "10.42.0.0/16,$A"
	conflict '10.42.2.0/23 overlaps 10.42.2.0/24, and one of them is local' \
		"10.42.2.0/24,$A" 10.42.2.0/23,local
	conflict '10.42.2.0/25 overlaps 10.42.2.0/24, and one of them is local' \
		"10.42.2.0/24,$A" 10.42.2.0/25,local
	conflict '10.42.1.0/25 overlaps 10.42.1.0/24, and one of them is local' \
		10.42.1.0/24,local 10.42.1.0/25,local
	FAMILY=6 conflict 'fd42:0:0:1:8000::/65 overlaps fd42:0:0:1::/64, and one of them is local' \
		fd42:0:0:1::/64,local "fd42:0:0:1:8000::/65,$C"
	# remote ones may overlap
	begin_with "10.42.2.0/24,$A" "10.42.2.0/25,$B" "10.42.0.0/16,$C"
	# ... but a change to local is held against them, and words name both
	answers 'EINVAL: 10.42.2.0/24 overlaps 10.42.*, and one of them is local \[lease.prefix4\]' \
		a lease_change +10.42.2.0/24,local
	unchanged
	raw_stop
}

lease_contains_vtep()
{
	local FAMILY='' WORD=contains NAMED

	NAMED='192.168.0.0/16 192.168.9.2'
	FAMILY=4 conflict '192.168.0.0/16 contains the VTEP 192.168.9.2' \
		"10.42.2.0/24,$A" "192.168.0.0/16,$C"
	NAMED='192.168.9.2/32 192.168.9.2'
	FAMILY=4 conflict '192.168.9.2/32 contains the VTEP 192.168.9.2' \
		"10.42.2.0/24,$A" 192.168.9.2/32,local
	NAMED='fd09::/64 fd09::4'
	FAMILY=6 conflict 'fd09::/64 contains the VTEP fd09::4' \
		"10.42.2.0/24,$C" "fd09::/64,$A"
	NAMED='192.168.8.0/21 192.168.9.2'
	FAMILY=4 conflict '192.168.8.0/21 contains the VTEP 192.168.9.2' \
		"192.168.8.0/21,$C" "10.42.2.0/24,$A"

	begin_with || return
	refused 'EINVAL: 192.168.9.0/24 contains the VTEP 192.168.9.2 [lease.prefix4]' \
		"+192.168.9.0/24,$A"
	unchanged
	raw_stop
}

outside_network()
{
	device network 10.42.0.0/16 network fd42::/48 || return
	raw_start flannel.1
	raw s table_begin
	BEFORE=$ANSWER
	raw s table_abort
	refused "EINVAL: 10.43.0.0/24 is outside the device's network 10.42.0.0/16 [lease.prefix4]" \
		"+10.43.0.0/24,$A"
	refused "EINVAL: 10.42.0.0/15 is outside the device's network 10.42.0.0/16 [lease.prefix4]" \
		"+10.42.0.0/15,$A"
	refused "EINVAL: fd42:0:1::/64 is outside the device's network fd42::/48 [lease.prefix6]" \
		"+fd42:0:1::/64,$A"
	unchanged
	exactly ok a lease_add "+10.42.0.0/16,$A"
	check_refused 'a network that leaves a lease out' \
		"10\.42\.0\.0/16 is outside the device's network 10\.42\.0\.0/17" \
		flctl link set flannel.1 network 10.42.0.0/17
	raw t table_begin
	exactly ok t table_add "+10.42.3.0/24,$A"
	check 'another network' flctl link set flannel.1 network 10.0.0.0/8
	exactly ok a lease_replace "+10.43.0.0/16,$A"
	raw_stop
}

# A transaction is held against the network that there is when it ends
network_moves_meanwhile()
{
	device || return
	raw_start flannel.1
	raw t table_begin
	exactly ok t table_add "+10.43.0.0/24,$A"
	check 'network' flctl link set flannel.1 network 10.42.0.0/16
	answers "EINVAL: 10.43.0.0/24 is outside the device's network 10.42.0.0/16*" \
		t table_commit
	holds ''
	raw t table_begin
	exactly ok t table_add "+10.42.1.0/24,$A" "+10.42.2.0/24,$A"
	check 'maxleases' flctl link set flannel.1 maxleases 1
	answers 'ENOSPC: The table would have more than maxleases (1) leases' t table_commit
	holds ''
	raw_stop
}

too_many()
{
	local i leases=()

	# 16 lengths of each family
	for ((i = 1; i <= 16; i++)); do
		leases+=("10.0.0.0/$((i + 15)),$A" "fd42::/$((i + 47)),$A")
	done
	begin_with "${leases[@]}" || return
	refused_at_end "E2BIG: 10.0.0.0/32 would be one prefix length too many: a table takes 16 per family [lease.prefix4]" \
		"10.0.0.0/32,$A"
	refused_at_end "E2BIG: fd42::/64 would be one prefix length too many: a table takes 16 per family [lease.prefix6]" \
		"fd42::/64,$A"
	exactly ok a lease_add "+11.0.0.0/16,$A"
	exactly ok a lease_del +10.0.0.0/31
	exactly ok a lease_add "+10.0.0.0/32,$A"

	# 64 local leases
	leases=()
	for ((i = 1; i <= 64; i++)); do
		leases+=("10.42.$i.0/24,local")
	done
	begin_with "${leases[@]}" || return
	refused_at_end 'E2BIG: 10.43.0.0/24 would be one local lease too many: a table takes 64 [lease.prefix4]' \
		10.43.0.0/24,local
	exactly ok a lease_add "+10.43.0.0/24,$A"
	exactly 'E2BIG: 10.43.0.0/24 would be one local lease too many: a table takes 64 [lease.prefix4]' \
		a lease_change +10.43.0.0/24,local
	exactly ok a lease_change "+10.42.1.0/24,$A"
	exactly ok a lease_change +10.43.0.0/24,local

	# 16 MACs of one VTEP
	leases=()
	for ((i = 1; i <= 16; i++)); do
		leases+=("10.42.$i.0/24,192.168.9.2,02:00:00:00:00:$i")
	done
	begin_with "${leases[@]}" || return
	refused_at_end 'E2BIG: VTEP 192.168.9.2 has leases with 16 other MACs already [lease.prefix4]' \
		10.42.17.0/24,192.168.9.2,02:00:00:00:00:17
	exactly ok a lease_add "+10.42.17.0/24,192.168.9.2,02:00:00:00:00:16"
	raw_stop
}

# refused_at_end TEXT LEASE - refused on top of ${leases[@]}, alone and in a
# transaction
refused_at_end()
{
	exactly "$1" a lease_add "+$2"
	raw t table_begin
	exactly ok t table_add "${leases[@]/#/+}"
	exactly "$1" t table_add "+$2"
	answers 'ENOENT: *' t table_abort
	unchanged
}

maxleases()
{
	local leases=("10.42.2.0/24,$A" "fd42::/64,$B")
	begin_with "${leases[@]}" || return
	check 'limit' flctl link set flannel.1 maxleases 2
	check_refused 'a lower limit' '2 leases.* maxleases \(?1' \
		flctl link set flannel.1 maxleases 1
	refused_at_end 'ENOSPC: The table would have more than maxleases (2) leases [lease.prefix4]' \
		"10.42.3.0/24,$A"
	exactly ok a lease_change "+10.42.2.0/24,$B"
	exactly ok a lease_del +fd42::/64
	exactly ok a lease_add "+10.42.3.0/24,$A"
	raw_stop
}

# The same prefix twice in one transaction
twice()
{
	begin_with || return
	raw t table_begin
	exactly ok t table_add "+10.42.2.0/24,$A"
	exactly 'EEXIST: 10.42.2.0/24 has a lease already [lease.prefix4]' \
		t table_add "+10.42.2.0/24,$A"
	unchanged
	raw_stop
}

run_tests request shape malformed garbage prefixes vteps vtep_is_local \
	overlap_with_local lease_contains_vtep outside_network \
	network_moves_meanwhile too_many maxleases twice
