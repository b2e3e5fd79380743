#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a device was given is what it passed on plus what it dropped, by cause;
# whoever is asked says the same, and the VTEPs add up to the device.
#
#   n1 - wire - n2, n3        read on n1; n3 is no VTEP of n1's

. "$(dirname "$0")/lib.sh"

SHARED=1

set_up()
{
	[[ -z ${n3-} ]] || return 0
	overlay 3 || { fail 'set-up'; return 1; }
	in_ns "$n1" flctl lease del 10.42.3.0/24 dev flannel.1
	in_ns "$n1" flctl lease del fd42:0:0:3::/64 dev flannel.1
	lease "$n1" 10.42.3.0/24 via fd09::2 lladdr 02:00:00:00:00:02
	lease "$n1" fd42:0:0:3::/64 via fd09::2 lladdr 02:00:00:00:00:02
	lease "$n1" 10.42.20.0/24 via 172.31.9.9 lladdr 02:00:00:00:00:09
	lease "$n1" 10.42.21.0/24 via 192.168.9.50 lladdr 02:00:00:00:00:09
	lease "$n1" 10.42.22.0/24 via 172.30.0.1 lladdr 02:00:00:00:00:09
	batch "$n1" <<-END
		addr add 192.168.9.50/32 dev eth0
		route add 172.30.0.1/32 dev flannel.1
		route add blackhole 10.42.1.99
		route add blackhole fd42:0:0:1::99
	END
	# Nothing is to come back.
	batch "$n2" <<-END
		route add blackhole 10.42.2.99
		route add blackhole fd42:0:0:2::99
		route add blackhole 10.42.3.99
	END
}

# counters - of n1's device, NAME VALUE lines
counters() { in_ns "$n1" ethtool -S flannel.1 | awk '/^ / { sub(":", ""); print $1, $2 }'; }

# check_grown TEXT BEFORE NAME=COUNT... - these have grown by so much and, of the
# counters of the same direction, no others; but bytes are left out
check_grown()
{
	local text=$1 before=$2 direction=${3%%_*}
	shift 2
	check_equal "$text" "$(printf '%s\n' "$@" | sort)" "$(
		join <(sort <<<"$before") <(counters | sort) |
			awk -v prefix="^$direction" '$1 ~ prefix && $1 !~ /_bytes$/ && $2 != $3 {
				print $1 "=" $3 - $2 }')"
}

# sum BEFORE DIRECTION - of packets passed on and dropped since
sum()
{
	join <(sort <<<"$1") <(counters | sort) | awk -v prefix="^$2_" '
		$1 ~ prefix && $1 !~ /_bytes$|foreign_mac/ { sum += $3 - $2 } END { print sum }'
}

sent()
{
	local before raw4='craft raw src=10.42.1.0' raw6='craft raw src=fd42:0:0:1::'
	set_up || return
	before=$(counters)
	in_ns "$n1" bash -c "
		$raw4 dst=10.42.2.99 n=3
		$raw6 dst=fd42:0:0:2::99 n=2
		$raw4 dst=10.42.3.99 n=2
		$raw4 dst=10.42.77.1 n=3
		$raw6 dst=fd42:0:0:77::1
		$raw4 dst=10.42.1.77 n=2
		$raw4 dst=10.42.20.1 n=2
		$raw4 dst=10.42.21.1 n=3
		$raw4 dst=10.42.22.1 n=4
		$raw4 dst=10.42.3.99 size=1410 df=1
		$raw6 dst=fd42:0:0:3::99 size=1390
		craft dev flannel.1 src=10.42.1.0 dst=224.0.0.5 n=2
		craft dev flannel.1 src=fd42:0:0:1:: dst=ff02::1
		craft dev flannel.1 src=10.42.1.0 dst=255.255.255.255
		craft dev flannel.1 src=10.42.1.0 dst=169.254.1.1
		craft dev flannel.1 hex=00112233445566778899aabbccddeeff0011223344556677 etype=0x0800
		craft dev flannel.1 hex=00112233445566778899aabbccddeeff0011223344556677 etype=0x88cc
		craft dev flannel.1 hex=45 etype=0x0800
	"
	check_grown 'counters' "$before" tx_packets=7 tx_no_lease=4 tx_local_lease=2 \
		tx_no_route=2 tx_local_vtep=3 tx_loop=4 tx_too_big=2 tx_multicast=5 tx_not_ip=3
	check_equal 'in all' 32 "$(sum "$before" tx)"
}

# received - packets to n1, each kind in another number
received()
{
	local before to='craft vxlan 192.168.9.1' inner='src=10.42.2.5 dst=10.42.1.99'
	local inner6='src=fd42:0:0:2::5 dst=fd42:0:0:1::99' mac
	set_up || return
	mac=$(lladdr "$n1" flannel.1)
	in_ns "$n1" flctl link set flannel.1 dev eth0 local 192.168.9.1
	before=$(counters)
	in_ns "$n2" bash -c "
		to() { craft vxlan 192.168.9.1 dmac=$mac \"\$@\"; }
		to $inner n=3; to $inner6 n=2
		to src=10.50.0.1 dst=10.42.1.99
		to $inner dmac=02:33:33:33:33:33 n=2
		to $inner vflags=0c000000; to $inner vflags=00000000; to $inner cut=10; to $inner cut=0
		to $inner vni=7 n=2
		craft vxlan 192.168.9.50 dmac=$mac $inner n=3
		craft vxlan fd09::1 dmac=$mac $inner ocsum=0 n=2
		craft vxlan 192.168.9.1 $inner dmac=01:00:5e:00:00:01; craft vxlan 192.168.9.1 $inner dmac=ff:ff:ff:ff:ff:ff
		to $inner etype=0x0806 n=3
		to hex=4f000000 etype=0x0800; to hex=60 etype=0x86dd
		to hex=6500002000010000401163750a2a01020a2a0202 etype=0x0800
		to $inner otos=3; to $inner6 otos=3
		to src=10.42.3.5 dst=10.42.1.99 n=2
		to src=10.42.1.5 dst=10.42.1.99; to src=192.168.9.1 dst=10.42.1.99
		to src=127.0.0.1 dst=10.42.1.99; to src=fe80::5 dst=fd42:0:0:1::99; to src=224.0.0.1 dst=10.42.1.99
	"
	in_ns "$n3" $to $inner dmac="$mac" n=4
	in_ns "$n1" $to $inner dmac="$mac" n=2
	in_ns "$n1" flctl link set flannel.1 srccheck strict
	in_ns "$n2" $to src=10.50.0.1 dst=10.42.1.99 dmac="$mac" n=2
	in_ns "$n1" flctl link set flannel.1 srccheck lease
	until_true 2 grown_to 44 "$before"
	check_grown 'counters' "$before" rx_packets=8 rx_foreign_mac=2 rx_bad_header=4 rx_bad_vni=2 \
		rx_wrong_addr=3 rx_no_csum=2 rx_bad_mac=2 rx_not_ip=3 rx_malformed=3 rx_ecn=2 \
		rx_foreign_lease=2 rx_own_source=2 rx_bogus_source=3 rx_unknown_vtep=4 \
		rx_wrong_dev=2 rx_no_lease=2
	check_equal 'in all' 44 "$(sum "$before" rx)"
	in_ns "$n1" flctl link set flannel.1 nodev local 0.0.0.0
}

grown_to() { (($(sum "$2" rx) >= $1)); }

# Dropped below: netfilter refuses the outer packets
dropped_below()
{
	local before
	command -v nft >/dev/null && in_ns "$n1" nft -f - <<-END || { skip 'no nft'; return; }
		table inet t {
			chain out {
				type filter hook output priority 0
				udp dport 8472 drop
			}
		}
	END
	before=$(counters)
	in_ns "$n1" bash -c '
		craft raw src=10.42.1.0 dst=10.42.2.99 n=3
		craft raw src=10.42.1.0 dst=10.42.3.99 n=2'
	check_grown 'counters' "$before" tx_underlay=5
	in_ns "$n1" nft delete table inet t
}

# json - `flctl stats` of n1: first the device's counters, NAME VALUE lines, then
# those of VTEPs, vtep NAME VALUE
json()
{
	in_ns "$n1" flctl --json stats dev flannel.1 | tr ',{}[]' '\n' | tr -d '" ' |
		awk -F: '$1 == "vteps" { vtep = "vtep " } $1 ~ /^[rt]x_/ { print vtep $1, $2 }'
}

# link_counters - `ip -s link` of n1's device, as NAME VALUE lines
link_counters()
{
	ip -n "$n1" -s link show dev flannel.1 | awk '
		$1 == "RX:" || $1 == "TX:" {
			side = tolower(substr($1, 1, 2))
			n = split($0, name)
			getline
			for (i = 2; i <= n; i++)
				print side "_" name[i], $(i - 1)
		}'
}

value() { awk -v name="$2" '$1 == name { print $2 }' <<<"$1"; }

agreement()
{
	local ethtool link side
	set_up || return
	check 'TCP' in_ns "$n2" traffic recv tcp 5001 bytes=100000 \
		ip netns exec "$n1" traffic send tcp fd42:0:0:2:: 5001 bytes=100000
	check 'TCP back' in_ns "$n1" traffic recv tcp 5001 bytes=100000 \
		ip netns exec "$n2" traffic send tcp 10.42.1.0 5001 bytes=100000
	ethtool=$(counters)
	link=$(link_counters)
	check_equal 'flctl and ethtool' "$(sort <<<"$ethtool")" "$(json | grep -v ^vtep | sort)"
	for side in rx tx; do
		check_equal "ip: ${side} packets" "$(value "$ethtool" ${side}_packets)" \
			"$(value "$link" ${side}_packets)"
		check_equal "ip: ${side} bytes" "$(value "$ethtool" ${side}_bytes)" \
			"$(value "$link" ${side}_bytes)"
		check_equal "ip: ${side} dropped" \
			"$(awk -v prefix="^${side}_" '$1 ~ prefix && $1 !~ /packets|bytes|foreign_mac/ { sum += $2 }
				END { print sum }' <<<"$ethtool")" \
			"$(($(value "$link" ${side}_dropped) + $(value "$link" ${side}_errors)))"
	done
}

# Before anything is dropped below, which VTEPs do not learn.
vteps_add_up()
{
	local name all
	set_up || return
	check 'TCP' in_ns "$n2" traffic recv tcp 5001 bytes=100000 \
		ip netns exec "$n1" traffic send tcp fd42:0:0:2:: 5001 bytes=100000
	check 'TCP back' in_ns "$n1" traffic recv tcp 5001 bytes=100000 \
		ip netns exec "$n2" traffic send tcp 10.42.1.0 5001 bytes=100000
	all=$(json)
	for name in tx_packets tx_bytes rx_packets rx_bytes; do
		check_equal "$name" "$(value "$all" $name)" \
			"$(awk -v name=$name '$1 == "vtep" && $2 == name { sum += $3 } END { print sum }' <<<"$all")"
	done
	(($(value "$all" tx_bytes) > 100000 && $(value "$all" rx_bytes) > 100000)) ||
		fail 'bytes are too few'
}

run_tests sent received vteps_add_up dropped_below agreement
