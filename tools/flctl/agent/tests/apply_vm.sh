#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# apply_vm.sh DRIVER - device and lease table, where flannel.ko can be loaded:
#	selftests/vm/run -k uml-debug -q -- bash .../tests/apply_vm.sh .../apply_driver
# with a driver without sanitizers, which do not run in User-Mode Linux, in a
# place that guests see, so not below /tmp.
set -u
exec 2>&1

. "$(dirname "${BASH_SOURCE[0]}")/../../../../selftests/tap.sh"
driver=$1
flctl=$(command -v flctl || find /vm -name flctl -type f | head -n 1)

device=(device flannel.1 mtu 1400 local 172.16.0.1 dev u0 lladdr 02:00:00:00:00:07
	network 10.0.0.0/8 inside 10.0.0.0/8 inside fd42::/48
	addr 10.200.3.0/32 addr fd42::/128)
one=(lease '10.1.1.0/24 via 172.16.0.2 lladdr 02:00:00:00:00:02')
own=(lease '10.200.3.0/24 local')

is()
{
	local wanted=$1 found
	shift
	found=$("$@" 2>&1) || true
	[[ $found == "$wanted" ]] || {
		printf '%s\n--- wanted:\n%s\n--- found:\n%s\n' "$*" "$wanted" "$found"
		return 1
	}
}

apply() { "$driver" "${device[@]}" "$@"; }
addresses() { ip -br address show flannel.1 | tr -s ' ' '\n' | grep / | sort; }
option() { "$flctl" link show flannel.1 | grep -o " $1 [^ ]*" | head -n 1; }
leases() { "$flctl" lease list dev flannel.1; }

set_up()
{
	ip link add u0 type veth peer name u1
	ip link set u1 up
	ip address add 172.16.0.1/24 dev u0
	ip link set u0 up
}

made()
{
	local said
	said=$(apply dry "${one[@]}" "${own[@]}" run device table)
	is 'Device "flannel.1" does not exist.' ip link show flannel.1
	is "$said" apply "${one[@]}" "${own[@]}" run device table
	is '' apply "${one[@]}" "${own[@]}" run device table
	is $'10.200.3.0/32\nfd42::/128' addresses
	is $'10.1.1.0/24 via 172.16.0.2 lladdr 02:00:00:00:00:02\n10.200.3.0/24 local' leases
}

# Changed live: the device stays the same one, and what is not ours stays
repaired()
{
	local index
	index=$(ip -o link show flannel.1 | cut -d: -f1)
	ip address add 10.200.9.0/32 dev flannel.1
	ip address add 192.168.9.1/32 dev flannel.1
	ip address del fd42::/128 dev flannel.1
	ip address add fd42::/64 dev flannel.1
	ip address add fd42::9/64 dev flannel.1
	ip link set flannel.1 mtu 1300
	"$flctl" link set flannel.1 ttl 9 local 172.16.0.3
	apply run device
	is '' apply run device
	is $'10.200.3.0/32\n192.168.9.1/32\nfd42::/128' addresses
	is "$index" eval 'ip -o link show flannel.1 | cut -d: -f1'
	is ' mtu 1400' option mtu
	is ' local 172.16.0.1' option local
	is ' ttl 9' option ttl
	ip link set flannel.1 down
	is $'address add fd42::/128 dev flannel.1\nlink set flannel.1 up' apply run device
}

# What the kernel refuses is named and does not keep the rest from being applied
refused()
{
	local words=("${one[@]}" lease '10.1.2.0/24 via 172.16.0.1 lladdr 02:00:00:00:00:03'
		"${own[@]}" lease '10.200.3.128/25 via 172.16.0.4 lladdr 02:00:00:00:00:04'
		lease '10.201.0.0/24 via 172.16.0.4 lladdr 02:00:00:00:00:04')
	local error
	error='error: table flannel.1: 2 of the leases cannot be used, the first: lease 10.1.2.0/24 via 172.16.0.1 lladdr 02:00:00:00:00:03: VTEP 172.16.0.1 is an address of this host (Invalid argument)'
	is "table flannel.1: 3 leases: 1 added, 0 changed, 0 removed"$'\n'"$error" \
		apply "${words[@]}" run table
	is "$error" apply "${words[@]}" run table
	is 3 eval 'leases | wc -l'
}

# Leases of the old table lie outside of the new network
other_network()
{
	device=(device flannel.1 mtu 1400 local 172.16.0.1 dev u0 lladdr 02:00:00:00:00:08
		network 11.0.0.0/8 inside 11.0.0.0/8 addr 11.200.3.0/32)
	apply lease '11.200.3.0/24 local' run device table
	is '' apply lease '11.200.3.0/24 local' run device table
	is ' network 11.0.0.0/8' option network
	is '11.200.3.0/24 local' leases
}

other_identity()
{
	device+=(dstport 4789)
	is 'link del flannel.1: it has id 1 dstport 8472' \
		eval "apply run device | head -n 1"
	is ' dstport 4789' option dstport
	is '' apply run device
}

displaced()
{
	ip link del flannel.1
	ip link add flannel.1 type bridge
	is $'displaced\nerror: device flannel.1 is of kind bridge, not flannel: somebody else has taken the name' \
		apply run device
	ip link del flannel.1
}

module_loaded_anew()
{
	rmmod flannel
	apply lease '11.200.3.0/24 local' run device table
	is '11.200.3.0/24 local' leases
}

step 'set up' set_up
step 'made and filled' made
step 'repaired live' repaired
step 'refused leases' refused
step 'another network' other_network
device=(device flannel.1 mtu 1400 local 172.16.0.1 dev u0 lladdr 02:00:00:00:00:08
	network 11.0.0.0/8 inside 11.0.0.0/8 addr 11.200.3.0/32)
step 'another port' other_identity
device+=(dstport 4789)
step 'displaced' displaced
step 'the module is loaded anew' module_loaded_anew
done_steps
