#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Defects of stock flannel, by their names in docs/defects.md, that show on a device:
# looked for in nodes whose agents read one lease file.
#
# timeout: 240

. "$(dirname "$0")/lib.sh"

# agent N [OPTION...] - start the agent of node N on the one file, in AGENTS
agent()
{
	local i=$1 ns=n$1 dir=$TMP/n$1
	shift
	mkdir -p "$dir"
	rm -f "$dir/subnet.env"
	ip netns exec "${!ns}" flctl run --lease-file "$TMP/leases" --iface eth0 \
		--run-dir "$dir" --state-dir "$dir" --subnet-file "$dir/subnet.env" "$@" \
		>>"$dir/log" 2>&1 &
	AGENTS[i]=$!
	until_true 10 test -s "$dir/subnet.env"
}

end_agents()
{
	((${#AGENTS[@]} == 0)) || kill "${AGENTS[@]}" 2>/dev/null
	wait 2>/dev/null
	AGENTS=()
}

# leases WORD... - the file, as others see it: N, N=MAC or N=MAC@ADDRESS
leases()
{
	local word mac address
	{
		echo 'network 10.42.0.0/16'
		for word; do
			mac=0e:00:00:00:00:0${word%%=*} address=192.168.9.${word%%=*}
			[[ $word != *=* ]] || mac=${word#*=} mac=${mac%@*}
			[[ $word != *@* ]] || address=${word#*@}
			echo "10.42.${word%%=*}.0/24 via $address lladdr $mac"
		done
	} >"$TMP/new"
	mv "$TMP/new" "$TMP/leases"
}

table() { enter "$n1" flctl lease list dev flannel.1; }
has_table() { [[ $(table) == "$1" ]]; }
# The table of n1 when the file has these
table_of()
{
	local i
	echo '10.42.1.0/24 local'
	for i; do echo "10.42.$i.0/24 via 192.168.9.$i lladdr 0e:00:00:00:00:0$i"; done
}
routes() { ip -n "$n1" route show proto 141; ip -n "$n1" addr show dev flannel.1 | grep -o 'inet [^ ]*'; }
is_back() { [[ $(routes) == "$1" ]]; }
link_option() { enter "$n1" flctl link show flannel.1 | grep -o " $1 [^ ]*" | head -n 1; }

# Repairs that come too often are left alone for a minute: begin to count anew
forgive() { kill -HUP "${AGENTS[1]}"; }

# The overlay of two nodes and their pods, once for all functions
SHARED=1
AGENTS=()
nodes()
{
	((${#AGENTS[@]} == 0)) || { forgive; return 0; }
	scratch
	underlay 2 && leases 1 2 3 && agent 1 && agent 2 && pod "$n1" 1 && pod "$n2" 2 &&
		until_true 5 pings "$pod1" 10.42.2.2 && return
	fail "set-up: $(tail -n 5 "$TMP"/n?/log)"
	return 1
}

# A device that was deleted comes back with all that was on it, though no lease changes
d01_replay_after_deletion()
{
	nodes || return
	local routes
	routes=$(routes)
	check_equal 'before' "$(table_of 2 3)" "$(table)"
	ip -n "$n1" link del flannel.1
	check 'table' until_true 5 has_table "$(table_of 2 3)"
	check 'routes and address' until_true 5 is_back "$routes"
	check 'traffic' until_true 5 pings "$pod1" 10.42.2.2
	# with the interface below it
	ip -n "$n1" link del eth0
	batch "$wire" <<-END
		link add p1 type veth peer name eth0 netns $n1 address 02:00:00:00:09:01
		link set p1 master br0 up
	END
	batch "$n1" <<-END
		link set eth0 up
		addr add 192.168.9.1/24 dev eth0
		addr add fd09::1/64 dev eth0 nodad
	END
	check 'traffic on a new interface' until_true 10 pings "$pod1" 10.42.2.2
	check_equal 'table' "$(table_of 2 3)" "$(table)"
}

# A new MAC of a peer replaces the old one everywhere
d06_no_old_mac()
{
	nodes || return
	leases 1 2 3=0e:00:00:00:00:33
	check 'new MAC' until_true 5 eval 'table | grep -q "10.42.3.0/24 .* 0e:00:00:00:00:33"'
	check_not 'the old one in the table' eval 'table | grep 0e:00:00:00:00:03'
	check_not 'or in the statistics' \
		eval 'enter "$n1" flctl --json stats dev flannel.1 | grep 0e:00:00:00:00:03'
	check_equal 'neighbours' '' "$(ip -n "$n1" neigh show dev flannel.1)"
	leases 1 2 3
	check 'back' until_true 5 has_table "$(table_of 2 3)"
}

# What was left while no agent ran is gone when one starts
d06_swept_at_start()
{
	nodes || return
	kill "${AGENTS[1]}"
	wait "${AGENTS[1]}" 2>/dev/null
	lease "$n1" 10.42.9.0/24 via 192.168.9.9 lladdr 0e:00:00:00:00:09
	ip -n "$n1" route add 10.42.9.0/24 dev flannel.1 proto 141
	ip -n "$n1" addr add 10.42.9.0/32 dev flannel.1
	leases 1 2
	agent 1 || fail 'no start'
	check 'table' until_true 5 has_table "$(table_of 2)"
	check_equal 'routes' '' "$(ip -n "$n1" route show 10.42.9.0/24)"
	check_not 'address' eval 'ip -n "$n1" addr show dev flannel.1 | grep 10.42.9.0'
	check 'traffic' pings "$pod1" 10.42.2.2
}

# However often it is made anew: never smaller
d11_mtu_after_deletion()
{
	nodes || return
	local i before
	before=$(<"$TMP/n1/subnet.env")
	for i in 1 2 3; do
		ip -n "$n1" link del flannel.1
		check "traffic after deletion $i" until_true 5 pings "$pod1" 10.42.2.2
		check_equal "MTU after deletion $i" 1450 \
			"$(in_ns "$n1" cat /sys/class/net/flannel.1/mtu)"
	done
	check_equal 'subnet.env' "$before" "$(<"$TMP/n1/subnet.env")"
}

# Deletions and changes of leases at the same time: in the end it is all of the
# last file, by one thread
d12_deleted_while_leases_change()
{
	nodes || return
	local i
	for i in {1..12}; do
		leases 1 2 $((3 + i % 6))
		ip -n "$n1" link del flannel.1 2>/dev/null
		leases 1 2 $((4 + i % 5))
		((i % 2)) || until_true 5 enter "$n1" ip link show flannel.1
		forgive
	done
	leases 1 2 7
	check 'table' until_true 10 has_table "$(table_of 2 7)"
	check 'traffic' until_true 5 pings "$pod1" 10.42.2.2
	check_equal 'MAC' 0e:00:00:00:00:01 "$(lladdr "$n1" flannel.1)"
	check_equal 'threads' 1 "$(ls "/proc/${AGENTS[1]}/task" | wc -l)"
	check 'alive' kill -0 "${AGENTS[1]}"
}

# Behind NAT: bound to what the host has, told to peers is the public address, and
# a device that is made anew is bound to the same
#
#	n1 192.168.11.1 --- router, which makes it 203.0.113.1 --- n2 192.168.12.2
d09_public_address_behind_nat()
{
	end_agents
	cleanup
	scratch
	routed_underlay 1500 || { fail 'set-up'; return; }
	ip -n "$n1" addr add 192.168.11.77/24 dev eth0
	ip -n "$n1" addr add 10.99.0.1/24 dev eth0
	enter "$router" nft -f - <<-END
		table ip nat {
			chain out {
				type nat hook postrouting priority srcnat
				oifname east ip saddr 192.168.11.1 snat to 203.0.113.1
			}
			chain in {
				type nat hook prerouting priority dstnat
				ip daddr 203.0.113.1 dnat to 192.168.11.1
			}
		}
	END
	leases 1=0e:00:00:00:00:01@203.0.113.1 2=0e:00:00:00:00:02@192.168.12.2
	agent 1 --public-ip 203.0.113.1 && agent 2 && pod "$n1" 1 && pod "$n2" 2 ||
		fail "set-up: $(tail -n 5 "$TMP"/n?/log)"
	check 'there' until_true 5 pings "$pod1" 10.42.2.2
	check 'back' pings "$pod2" 10.42.1.2
	check_equal 'local' ' local 192.168.11.1' "$(link_option local)"
	ip -n "$n1" link del flannel.1
	check 'there again' until_true 5 pings "$pod1" 10.42.2.2
	check_equal 'local' ' local 192.168.11.1' "$(link_option local)"
	end_agents
}

need nft
[[ -n $FLCTL_AGENT ]] || { echo '1..0 # SKIP needs flctl-agent'; exit 4; }
run_tests d01_replay_after_deletion d06_no_old_mac d06_swept_at_start d11_mtu_after_deletion \
	d12_deleted_while_leases_change d09_public_address_behind_nat
