#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What needs no module of taking a node over from stock flannel and giving it back:
# host-gw with the host's own iptables of either kind, and dry runs with a real
# etcd, which nothing is written to.  The device itself: selftests/72.
set -u
cd "$(dirname "$0")" || exit 1
. ../../../../selftests/tap.sh

if [[ ${TAKEOVER_NETNS-} != "$$" ]]; then
	for program in curl ip nft iptables-nft etcd etcdctl; do
		command -v "$program" >/dev/null && continue
		echo "ok 1 take-over # SKIP needs $program"
		exit
	done
	[[ $(id -u) == 0 ]] || { echo 'ok 1 take-over # SKIP needs root'; exit; }
	TAKEOVER_NETNS=$$ exec unshare --net --mount "./${0##*/}"
fi

agent=${AGENT_OUT:-..}/flctl-agent
tmp=$(mktemp -d)
etcd=
end_all()
{
	[[ -z $etcd ]] || { kill "$etcd"; wait "$etcd"; }
	rm -rf "$tmp"
}
trap end_all EXIT

common=(--iface eth0 --run-dir "$tmp" --state-dir "$tmp" --subnet-file "$tmp/subnet.env"
	--instance one --ip-masq)
file=(--lease-file "$tmp/leases")

# state - all that may change, without counters
state()
{
	network_state
	ls "$tmp"
}

network_state()
{
	ip -d link show type vxlan
	ip route
	nft -s list ruleset 2>/dev/null || :
	iptables-legacy-save 2>/dev/null | grep -v '^#' | sed 's/\[[0-9:]*\]//' || :
	cat /proc/sys/net/ipv4/ip_forward
}

the_host()
{
	ip link set lo up
	ip link add eth0 type veth peer name wire
	ip link set eth0 up
	ip link set wire up
	ip addr add 192.168.9.1/24 dev eth0
	ip route add default via 192.168.9.254
	cat >"$tmp/leases" <<-END
		network 10.42.0.0/16
		backend host-gw
		10.42.1.0/24 via 192.168.9.1
		10.42.2.0/24 via 192.168.9.2
		10.42.3.0/24 via 192.168.9.3
	END
}

# A peer that is there, one that has left, and what others have put there
stock_routes()
{
	ip route add 10.42.2.0/24 via 192.168.9.2
	ip route add 10.42.7.0/24 via 192.168.9.7
	ip route append blackhole 10.42.1.0/24
	ip route add 10.42.66.0/24 via 192.168.9.66 proto static
	ip route add 10.42.67.0/25 via 192.168.9.66
	ip route add 10.43.68.0/24 via 192.168.9.66
}

others_routes() { (($(ip route | grep -c 192.168.9.66) == 3)); }

# stock_iptables PROGRAM - both chains; nat has rules of another network, too
stock_iptables()
{
	local masq=(-m comment --comment 'flanneld masq') fwd=(-m comment --comment 'flanneld forward')
	local n
	"$1" -P FORWARD DROP
	"$1" -N FLANNEL-FWD
	"$1" -A FORWARD "${fwd[@]}" -j FLANNEL-FWD
	"$1" -A FLANNEL-FWD -s 10.42.0.0/16 "${fwd[@]}" -j ACCEPT
	"$1" -A FLANNEL-FWD -d 10.42.0.0/16 "${fwd[@]}" -j ACCEPT
	"$1" -t nat -N FLANNEL-POSTRTG
	"$1" -t nat -A POSTROUTING "${masq[@]}" -j FLANNEL-POSTRTG
	"$1" -t nat -A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 "${masq[@]}" -j RETURN
	for n in 42 99; do
		"$1" -t nat -A FLANNEL-POSTRTG -s 10.$n.1.0/24 -d 10.$n.0.0/16 "${masq[@]}" -j RETURN
		"$1" -t nat -A FLANNEL-POSTRTG -s 10.$n.0.0/16 ! -d 224.0.0.0/4 "${masq[@]}" \
			-j MASQUERADE --random-fully
		"$1" -t nat -A FLANNEL-POSTRTG ! -s 10.$n.0.0/16 -d 10.$n.0.0/16 "${masq[@]}" \
			-j MASQUERADE --random-fully
	done
}

# Of this network and of another one
stock_nft()
{
	nft -f - <<-END
		table ip flannel-ipv4 {
			chain postrtg {
				type nat hook postrouting priority srcnat;
				meta mark 0x4000 return
				ip saddr 10.42.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random
				ip saddr 10.99.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random
			}
		}
	END
}

dry_run_changes_nothing()
{
	local before
	before=$(state)
	"$agent" takeover --dry-run "${file[@]}" "${common[@]}" >"$tmp.dry"
	cat "$tmp.dry"
	grep -q 'would: route replace 10.42.2.0/24 via 192.168.9.2' "$tmp.dry"
	grep -q 'would: route del 10.42.7.0/24' "$tmp.dry"
	grep -q 'would: route del blackhole 10.42.1.0/24' "$tmp.dry"
	grep -q 'would: .* -t filter -X FLANNEL-FWD' "$tmp.dry"
	grep -q 'would: .* -A FORWARD -s 10.42.0.0/16' "$tmp.dry"
	! grep -qE '10\.99|192\.168\.9\.66|-X FLANNEL-POSTRTG' "$tmp.dry"
	rm "$tmp.dry"
	diff <(echo "$before") <(state)
}

takes_over() # PROGRAM
{
	"$agent" takeover "${file[@]}" "${common[@]}" >"$tmp/out" 2>&1 || { cat "$tmp/out"; return 1; }
	cat "$tmp/out"
	grep -q 'took over from stock flannel: 1 routes adopted, 2 removed' "$tmp/out"
	[[ $(ip route show 10.42.2.0/24) == *'proto 141'* ]]
	[[ -z $(ip route show 10.42.7.0/24; ip route show 10.42.1.0/24) ]]
	others_routes
	! "$1" -S | grep -q FLANNEL
	[[ $("$1" -S FORWARD | grep -c 'flctl one') == 2 ]]
	"$1" -S FORWARD | grep -q -- '-P FORWARD DROP'
	! "$1" -t nat -S | grep -q 10.42
	[[ $("$1" -t nat -S FLANNEL-POSTRTG | grep -c 10.99) == 3 ]]
	"$1" -t nat -S POSTROUTING | grep -q -- '-j FLANNEL-POSTRTG'
	nft list chain inet flannel_one postrouting | grep -q masquerade
	[[ $(nft list table ip flannel-ipv4 | grep -c saddr) == 1 ]]
	nft list table ip flannel-ipv4 | grep -q 'saddr 10.99.0.0/16'
}

nothing_to_take_over()
{
	local before
	before=$(state)
	[[ $("$agent" takeover "${file[@]}" "${common[@]}" 2>/dev/null) == 'nothing to take over' ]]
	diff <(echo "$before") <(state)
}

# A former peer's route alone may be anybody's
not_by_a_former_peer_alone()
{
	ip route add 10.42.7.0/24 via 192.168.9.7
	nothing_to_take_over
	ip route del 10.42.7.0/24
}

health() { curl -s -m 5 --unix-socket "$tmp/one.sock" http://agent/readyz -w '%{http_code}'; }

# within SECONDS COMMAND...
within()
{
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS <= end)) || { echo "never: $*"; return 1; }
		sleep 0.1
	done
}

stay_and_are_named() { [[ $(health) == ok*"rules of stock flannel stay: "*"-X FLANNEL-FWD"*200 ]]; }
are_gone() { ! "$1" -S | grep -q FLANNEL && [[ $(health) != *'stock flannel'* ]]; }

# A rule of somebody else leads to the chain, for a while
rules_that_stay() # PROGRAM
{
	local fwd=(-m comment --comment 'flanneld forward') pid status=0
	"$1" -N FLANNEL-FWD
	"$1" -A FORWARD "${fwd[@]}" -j FLANNEL-FWD
	"$1" -A FLANNEL-FWD -s 10.42.0.0/16 "${fwd[@]}" -j ACCEPT
	"$1" -N OTHERS
	"$1" -A OTHERS -j FLANNEL-FWD
	! "$agent" takeover "${file[@]}" "${common[@]}" >"$tmp/out" 2>&1 || return
	cat "$tmp/out"
	grep 'rules of stock flannel stay: .*-X FLANNEL-FWD' "$tmp/out"
	"$agent" run "${file[@]}" "${common[@]}" >"$tmp/out" 2>&1 &
	pid=$!
	{
		within 20 stay_and_are_named &&
		"$1" -F OTHERS && "$1" -X OTHERS &&
		within 20 are_gone "$1"
	} || status=1
	kill "$pid"
	wait "$pid"
	cat "$tmp/out"
	(($(grep -c 'flannel stay' "$tmp/out") == 1))
	grep 'no rules of stock flannel are left' "$tmp/out"
	rm "$tmp/out"
	"$agent" reset "${common[@]}" --forget-mac
	return "$status"
}

tries() { (($(wc -l <"$tmp.tries") == $1)); }
hangs() { kill -0 "$(tail -n 1 "$tmp.tries")" 2>/dev/null; }
ended() { ! hangs; }
answers() { [[ $(health) == ok*200 ]]; }

# All goes on while it hangs: what is asked is answered, what is missing is repaired
goes_on_meanwhile()
{
	answers || { health; return 1; }
	ip route del 10.42.3.0/24
	within 5 eval '[[ -n $(ip route show 10.42.3.0/24 proto 141) ]]' && answers || return
	hangs || { echo 'it was waited for'; return 1; }
}

# Nobody waits for it, and it is not run again as soon as for rules that stay
rules_that_hang() # PROGRAM
{
	local fwd=(-m comment --comment 'flanneld forward') pid status=0
	mkdir "$tmp.bin"
	cat >"$tmp.bin/$1" <<-END
		#!/bin/sh
		case "\$*" in
		*-F\ FLANNEL-FWD*) echo \$\$ >>$tmp.tries; exec sleep 600 ;;
		*) exec $(command -v "$1") "\$@" ;;
		esac
	END
	chmod +x "$tmp.bin/$1"
	: >"$tmp.tries"
	"$1" -N FLANNEL-FWD
	"$1" -A FORWARD "${fwd[@]}" -j FLANNEL-FWD
	"$1" -A FLANNEL-FWD -s 10.42.0.0/16 "${fwd[@]}" -j ACCEPT
	PATH=$tmp.bin:$PATH "$agent" run "${file[@]}" "${common[@]}" >"$tmp/out" 2>&1 &
	pid=$!
	within 20 tries 1 && goes_on_meanwhile || status=1
	# killed after five seconds, and then tried again after one, were it not for this
	within 20 ended && within 5 hung_is_named "$1" && sleep 4 && tries 1 || status=1
	# the next time is no other
	within 30 tries 2 && goes_on_meanwhile || status=1
	kill "$pid"
	wait "$pid"
	# and ends with the agent
	within 2 ended || status=1
	cat "$tmp/out"
	grep "rules of stock flannel stay: $1 did not end" "$tmp/out"
	"$1" -F FLANNEL-FWD
	"$1" -X FLANNEL-FWD
	rm -r "$tmp.bin" "$tmp.tries" "$tmp/out"
	"$agent" reset "${common[@]}" --forget-mac
	return "$status"
}

hung_is_named() { [[ $(health) == ok*"rules of stock flannel stay: $1 did not end"*200 ]]; }

cannot_look() { [[ $(health) == ok*"rules of stock flannel cannot be looked for: iptables-nft did not end"*200 ]]; }
no_nat_rules() { ! iptables-nft -t nat -S | grep -q FLANNEL; }

# An agent that starts where rules of stock flannel are, and only listing them tells so;
# that takes until the file is gone
started_while_listing_hangs()
{
	mkdir "$tmp.bin"
	cat >"$tmp.bin/iptables-nft" <<-END
		#!/bin/sh
		case "\$*" in
		*-t\ nat\ -S*) echo \$\$ >>$tmp.tries; while [ -e $tmp.hang ]; do sleep 0.1; done ;;
		esac
		exec $(command -v iptables-nft) "\$@"
	END
	chmod +x "$tmp.bin/iptables-nft"
	: >"$tmp.tries"
	: >"$tmp.hang"
	iptables-nft -t nat -N FLANNEL-POSTRTG
	iptables-nft -t nat -A FLANNEL-POSTRTG -s 10.42.0.0/16 -m comment \
		--comment 'flanneld masq' -j RETURN
	# no round comes by itself
	PATH=$tmp.bin:$PATH "$agent" run "${file[@]}" "${common[@]}" --iptables-resync 60 \
		>"$tmp/out" 2>&1 &
}

end_listing() # PID
{
	kill "$1"
	wait "$1"
	cat "$tmp/out"
	iptables-nft -t nat -F FLANNEL-POSTRTG && iptables-nft -t nat -X FLANNEL-POSTRTG
	rm -rf "$tmp.bin" "$tmp.tries" "$tmp.hang" "$tmp/out"
	ip route flush root 10.42.0.0/16 proto boot
	"$agent" reset "${common[@]}" --forget-mac
}

# The node is ready meanwhile; a former peer's route is stock flannel's once rules were found
listing_that_hangs()
{
	local pid status=0
	ip route add 10.42.7.0/24 via 192.168.9.7
	started_while_listing_hangs
	pid=$!
	within 20 tries 1 && within 3 answers && goes_on_meanwhile && tries 1 || status=1
	within 20 ended && within 5 cannot_look && sleep 4 && tries 1 || status=1
	[[ -n $(ip route show 10.42.7.0/24) ]] || status=1
	rm "$tmp.hang"
	within 30 no_nat_rules && within 5 nothing_stays && within 5 no_former_route || status=1
	end_listing "$pid" || :
	return "$status"
}
no_former_route() { [[ -z $(ip route show 10.42.7.0/24) ]]; }

# Something else is found after it was given up: still it is not run again at once
listing_that_hangs_and_more()
{
	local pid status=0
	ip route add 10.42.3.0/24 via 192.168.9.33
	started_while_listing_hangs
	pid=$!
	within 20 tries 1 && within 20 ended && ip route append blackhole 10.42.1.0/24 || status=1
	within 20 eval '[[ -n $(ip route show 10.42.3.0/24 proto 141) ]]' && sleep 3 && tries 1 ||
		status=1
	rm "$tmp.hang"
	within 30 took_over_from_rules || status=1
	end_listing "$pid" || :
	return "$status"
}

took_over_from_rules()
{
	[[ -n $(ip route show 10.42.3.0/24 proto 141) && -z $(ip route show 10.42.7.0/24) ]] &&
		no_nat_rules && nothing_stays &&
		grep 'took over from stock flannel: 1 routes adopted, 1 removed' "$tmp/out"
}

# With rules, routes of former peers are stock flannel's, too, also one that is in the way
listing_that_takes_long()
{
	local pid status=0
	ip route add 10.42.3.0/24 via 192.168.9.33
	ip route add 10.42.7.0/24 via 192.168.9.7
	started_while_listing_hangs
	pid=$!
	within 20 tries 1 && sleep 1 && [[ -n $(ip route show 10.42.3.0/24 proto boot) ]] && hangs ||
		status=1
	rm "$tmp.hang"
	within 20 took_over_from_rules || status=1
	end_listing "$pid" || :
	return "$status"
}

# nat_rule -A|-D NETWORK - a rule of stock flannel, of that network
nat_rule() { iptables-nft -t nat "$1" FLANNEL-POSTRTG -s "$2" -m comment --comment 'flanneld masq' -j RETURN; }
no_nat_rules_of() { ! iptables-nft -t nat -S FLANNEL-POSTRTG | grep -q "$1"; }
in_the_way() { [[ $(health) == *"flanneld (pid $1) is running"* ]]; }
took_over() { within 20 no_nat_rules_of "$1" && within 5 nothing_stays && grep 'took over from' "$tmp/out"; }

# flanneld comes while nobody knows yet, makes rules, and goes: the answer is of before
flanneld_while_listing()
{
	local pid flanneld status=0
	started_while_listing_hangs
	pid=$!
	nat_rule -A 10.99.0.0/16 && nat_rule -D 10.42.0.0/16
	cp "$(command -v sleep)" "$tmp/flanneld"
	within 20 tries 1 && within 3 answers || status=1
	"$tmp/flanneld" 100 &
	flanneld=$!
	within 5 grep -q '^flanneld$' "/proc/$flanneld/comm" && rm "$tmp.hang" &&
		within 10 in_the_way "$flanneld" && within 5 ended && nat_rule -A 10.42.0.0/16 ||
		status=1
	kill "$flanneld"
	wait "$flanneld" || :
	took_over 10.42 || status=1
	rm "$tmp/flanneld"
	end_listing "$pid" || :
	return "$status"
}

# The answer about one network is none about another
network_while_listing()
{
	local pid status=0
	cp "$tmp/leases" "$tmp.leases"
	started_while_listing_hangs
	pid=$!
	nat_rule -A 10.44.0.0/16 && nat_rule -D 10.42.0.0/16
	within 20 tries 1 && within 3 answers || status=1
	sed 's/10\.42/10.44/' "$tmp.leases" >"$tmp/leases.new" && mv "$tmp/leases.new" "$tmp/leases"
	within 10 eval '[[ -n $(ip route show 10.44.3.0/24 proto 141) ]]' && hangs && answers || status=1
	rm "$tmp.hang"
	took_over 10.44 || status=1
	end_listing "$pid" || :
	mv "$tmp.leases" "$tmp/leases"
	return "$status"
}

# An agent that ends meanwhile ends it
listing_ends_with_the_agent()
{
	local pid status=0
	started_while_listing_hangs
	pid=$!
	within 20 tries 1 && kill "$pid" && wait "$pid" && within 2 ended || status=1
	! grep 'stock flannel' "$tmp/out" || status=1
	end_listing "$pid" || :
	return "$status"
}

route_stays() { [[ $(health) == ok*'1 routes of stock flannel stay, the first 10.42.7.0/24 '*200 ]]; }
nothing_stays() { [[ $(health) == ok*200 && $(health) != *'stock flannel'* ]]; }

# The kernel deletes no route over a nexthop object when it is asked by the address
routes_that_stay()
{
	local pid status=0
	ip nexthop add id 7 via 192.168.9.7 dev eth0 &&
		ip route add 10.42.7.0/24 nhid 7 && ip route add 10.42.2.0/24 via 192.168.9.2 || return
	! "$agent" takeover "${file[@]}" "${common[@]}" >"$tmp/out" 2>&1 || return
	cat "$tmp/out"
	grep '1 routes of stock flannel stay, the first 10.42.7.0/24 ' "$tmp/out"
	grep 'took over from stock flannel: 1 routes adopted' "$tmp/out"
	ip route replace 10.42.3.0/24 via 192.168.9.3
	"$agent" run "${file[@]}" "${common[@]}" >"$tmp/out" 2>&1 &
	pid=$!
	within 20 route_stays && ip nexthop del id 7 && within 20 nothing_stays || status=1
	kill "$pid"
	wait "$pid"
	cat "$tmp/out"
	(($(grep -c 'routes of stock flannel stay' "$tmp/out") == 1))
	grep 'no routes or devices of stock flannel are left' "$tmp/out"
	rm "$tmp/out"
	"$agent" reset "${common[@]}" --forget-mac
	return "$status"
}

# Who may not look does not know that there is nothing
rules_that_cannot_be_listed()
{
	! setpriv --bounding-set -net_admin "$agent" takeover "${file[@]}" "${common[@]}" \
		>"$tmp/out" 2>&1 || return
	cat "$tmp/out"
	grep -q 'rules of stock flannel cannot be looked for: ' "$tmp/out"
	! grep -q 'nothing to take over' "$tmp/out"
	rm "$tmp/out"
}

resets() # PROGRAM
{
	local before
	before=$(state)
	"$agent" reset --dry-run "${common[@]}" | tee "$tmp.dry"
	grep -q 'would: rules inet flannel_one: removed' "$tmp.dry"
	rm "$tmp.dry"
	diff <(echo "$before") <(state)
	flock "$tmp/one.lock" "$agent" reset "${common[@]}" 2>&1 | grep 'another agent runs'
	diff <(echo "$before") <(state)
	"$agent" reset "${common[@]}"
	[[ -z $(ip route show proto 141) ]]
	others_routes
	! nft list table inet flannel_one 2>/dev/null
	! "$1" -S | grep -q 'flctl one'
	[[ ! -e $tmp/subnet.env && ! -e $tmp/one.lock ]]
	[[ -e $tmp/one.mac ]]
	[[ $("$agent" reset "${common[@]}") == 'nothing to remove' ]]
	"$agent" reset --forget-mac "${common[@]}"
	[[ ! -e $tmp/one.mac ]]
}

# Another instance's route: without subnet.env nobody knows whose it is
resets_only_its_own()
{
	ip route add 10.42.5.0/24 via 192.168.9.5 proto 141
	! "$agent" reset "${common[@]}" 2>"$tmp/out" || return
	grep -q '1 routes of protocol 141 stay' "$tmp/out"
	printf 'FLANNEL_NETWORK=10.77.0.0/16\nFLANNEL_SUBNET=10.77.1.1/24\n' >"$tmp/subnet.env"
	"$agent" reset "${common[@]}"
	[[ -n $(ip route show 10.42.5.0/24) ]]
	printf 'FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.1.1/24\n' >"$tmp/subnet.env"
	"$agent" reset "${common[@]}"
	[[ -z $(ip route show 10.42.5.0/24) ]]
}

# in_network 10.N - as subnet.env says
in_network() { printf 'FLANNEL_NETWORK=%s.0.0/16\nFLANNEL_SUBNET=%s.1.1/24\n' "$1" "$1" >"$tmp/subnet.env"; }

# made INSTANCE LINE... - what it remembers
made() { printf '%s\n' "${@:2}" >"$tmp/$1.made"; }

nothing_made() { rm -f "$tmp"/*.made "$tmp/subnet.env" "$tmp/out"; }

# The lock is that of --instance, what goes is what --subnet-file says
refuses_what_another_instance_has()
{
	local before
	in_network 10.42
	made one 'network 10.42.0.0/16'
	ip route add 10.42.5.0/24 via 192.168.9.5 proto 141
	: >"$tmp/out"
	before=$(state)
	! "$agent" reset "${common[@]}" --instance typo >"$tmp/out" 2>&1 || return
	grep '10.42.0.0/16, which instance "one" has, not "typo"' "$tmp/out"
	diff <(echo "$before") <(state)
	"$agent" reset "${common[@]}"
	[[ -z $(ip route show proto 141) && ! -e $tmp/subnet.env && ! -e $tmp/one.made ]]
}

# Both have had the network
leaves_what_another_instance_has()
{
	in_network 10.42
	made one 'network 10.42.0.0/16' 'network 10.43.0.0/16'
	made two 'network 10.42.0.0/16'
	ip route add 10.42.5.0/24 via 192.168.9.5 proto 141
	ip route add 10.43.5.0/24 via 192.168.9.5 proto 141
	"$agent" reset "${common[@]}" >"$tmp/out" 2>&1
	grep 'routes in 10.42.0.0/16 stay: .*instance "two"' "$tmp/out"
	grep 'subnet.env stays: instance "two"' "$tmp/out"
	[[ $(ip route show proto 141) == '10.42.5.0/24 '* ]]
	[[ -e $tmp/subnet.env && -e $tmp/two.made && ! -e $tmp/one.made ]]
	# of which nothing is ours now
	rm "$tmp/subnet.env"
	"$agent" reset "${common[@]}"
	ip route flush proto 141
	nothing_made
}

# Without --subnet-file the file is the default instance's
keeps_off_the_default_file()
{
	local env=/run/flannel/subnet.env b=(--run-dir "$tmp" --state-dir "$tmp" --instance b)
	mount -t tmpfs none /run
	mkdir /run/flannel
	in_network 10.42
	cp "$tmp/subnet.env" $env
	ip route add 10.42.5.0/24 via 192.168.9.5 proto 141
	! "$agent" reset "${b[@]}" 2>"$tmp/out" || return
	cat "$tmp/out"
	grep "$env is of instance \"default\" and not of \"b\"" "$tmp/out"
	[[ -e $env && -n $(ip route show 10.42.5.0/24) && ! -e $tmp/b.lock ]]
	# unless it has been run with that
	made b 'network 10.42.0.0/16'
	"$agent" reset "${b[@]}"
	[[ ! -e $env && -z $(ip route show 10.42.5.0/24) ]]
	umount /run
	nothing_made
}

# Held while it reads subnet.env, also where no agent has made one
takes_the_lock()
{
	local fifo=$tmp/fifo.env reset
	mkfifo "$fifo"
	"$agent" reset "${common[@]}" --run-dir "$tmp/new" --subnet-file "$fifo" &
	reset=$!
	timeout 10 bash -ec '
		exec 3>"$1"
		[[ -e $2 ]] || exit 1
		! flock -n "$2" true || exit 1
		echo FLANNEL_NETWORK=10.42.0.0/16 >&3' - "$fifo" "$tmp/new/one.lock" || {
		kill "$reset"
		return 1
	}
	wait "$reset"
	[[ ! -e $tmp/new && ! -e $fifo ]]
}

# By then subnet.env is flanneld's
keeps_the_file_of_flanneld()
{
	local flanneld i
	cp "$(command -v sleep)" "$tmp/flanneld"
	"$tmp/flanneld" 100 3>&- &
	flanneld=$!
	for ((i = 0; i < 100; i++)); do
		[[ $(<"/proc/$flanneld/comm") != flanneld ]] || break
		sleep 0.1
	done
	in_network 10.42
	made one 'network 10.42.0.0/16'
	"$agent" reset "${common[@]}" >"$tmp/out" 2>&1 || :
	kill "$flanneld"
	wait "$flanneld" || :
	rm "$tmp/flanneld"
	cat "$tmp/out"
	grep "subnet.env stays: flanneld (pid $flanneld)" "$tmp/out"
	[[ -e $tmp/subnet.env && ! -e $tmp/one.made ]]
	nothing_made
}

# reset_beside LINE - of an instance that remembers that
reset_beside()
{
	in_network 10.42
	made one "$1"
	"$agent" reset "${common[@]}" >"$tmp/out" 2>&1
}

kept_beside()
{
	reset_beside "$1"
	cat "$tmp/out"
	grep 'subnet.env stays: stock flannel has a device here, flannel.1' "$tmp/out"
	[[ -e $tmp/subnet.env ]]
}

not_kept_beside()
{
	reset_beside "$1"
	[[ ! -e $tmp/subnet.env ]]
}

keeps_the_file_of_a_stock_device()
{
	ip link add flannel.1 type vxlan id 1 dstport 8472
	not_kept_beside 'network 10.42.0.0/16'
	kept_beside 'device flannel.1 lladdr 0e:00:00:00:00:01'
	ip addr add 10.43.1.0/32 dev flannel.1
	not_kept_beside 'network 10.42.0.0/16'
	ip addr add 10.42.1.0/32 dev flannel.1
	kept_beside 'network 10.42.0.0/16'
	ip link del flannel.1
	nothing_made
}

# Half a minute is for who writes it to mend it
bad_lease_file()
{
	local before status=0
	ip route add 10.42.2.0/24 via 192.168.9.2
	echo '10.42.3.0/24 via nowhere' | cat "$tmp/leases" - >"$tmp.bad"
	before=$(network_state)
	timeout 60 "$agent" takeover --lease-file "$tmp.bad" "${common[@]}" >"$tmp/out" 2>&1 || status=$?
	cat "$tmp/out"
	((status == 1))
	grep 'error: no lease after 30 s: .*bad:6: "nowhere" is not an IPv4 or IPv6 address' "$tmp/out"
	diff <(echo "$before") <(network_state)
	ip route del 10.42.2.0/24
	rm "$tmp.bad" "$tmp/out"
}

# leftover NAME WORDS - is it, made with them, there after a reset?
leftover()
{
	made one 'device flannel.1 lladdr 0e:00:00:00:00:01'
	in_network 10.42
	ip link add "$1" type "${@:2}"
	[[ $UP != 1 ]] || ip link set "$1" up
	"$agent" reset --dry-run "${common[@]}" >"$tmp.dry" 2>&1
	"$agent" reset "${common[@]}" >"$tmp/out" 2>&1
	# a dry run says the same
	diff <(sed 's/^would: //' "$tmp.dry") "$tmp/out" >&2 || touch "$tmp/differs"
	cat "$tmp/out"
	rm "$tmp.dry"
	[[ -z $(ip link show "$1" 2>/dev/null) ]] || ip link del "$1"
}

removes_the_leftover_of_stock()
{
	local name
	for name in flannel-1 flannel-v6.1; do
		UP=0 leftover $name vxlan id 1 dstport 8472 | grep "^link del $name\$"
		[[ $(UP=1 leftover $name vxlan id 1 dstport 8472) != *"del $name"* ]]
		[[ $(UP=0 leftover $name vxlan id 2 dstport 8472) != *"del $name"* ]]
		[[ $(UP=0 leftover $name dummy) != *"del $name"* ]]
		made two 'device flannel.1 lladdr 0e:00:00:00:00:01'
		[[ $(UP=0 leftover $name vxlan id 1 dstport 8472) != *"del $name"* ]]
		nothing_made
	done
	[[ ! -e $tmp/differs ]]
	# what has gone does not keep subnet.env
	[[ $(UP=0 leftover flannel-v6.1 vxlan id 1 dstport 8472) == *'subnet.env removed'* ]]
	nothing_made
}

# What says whose it is stays until all is gone
again_after_a_failure()
{
	in_network 10.42
	made one 'network 10.43.0.0/16' 'network 10.42.0.0/16'
	echo 0e:00:00:00:00:01 >"$tmp/one.mac"
	nft add table inet flannel_one
	ip route add 10.42.5.0/24 via 192.168.9.5 proto 141
	ip route add 10.43.5.0/24 via 192.168.9.5 proto 141
	! setpriv --bounding-set -net_admin "$agent" reset --forget-mac "${common[@]}" \
		>"$tmp/out" 2>&1 || return
	cat "$tmp/out"
	grep 'rules inet flannel_one cannot be looked for: .*not permitted' "$tmp/out"
	grep 'route del 10.4[23].5.0/24.*not permitted' "$tmp/out"
	[[ -e $tmp/subnet.env && -e $tmp/one.made && -e $tmp/one.mac ]]
	"$agent" reset --forget-mac "${common[@]}"
	[[ -z $(ip route show proto 141) && ! -e $tmp/subnet.env && ! -e $tmp/one.made ]]
	! nft list table inet flannel_one 2>/dev/null
}

# Nothing says whose it is but what the other one remembers
others_routes_are_no_failure()
{
	made two 'network 10.77.0.0/16'
	ip route add 10.77.5.0/24 via 192.168.9.5 proto 141
	[[ $("$agent" reset "${common[@]}") == 'nothing to remove' ]]
	[[ -n $(ip route show 10.77.5.0/24) ]]
	rm "$tmp/two.made"
	! "$agent" reset "${common[@]}" || return
	ip route flush proto 141
}

etcdctl_() { ETCDCTL_API=3 etcdctl "$@"; }
put() { etcdctl_ put "/coreos.com/network/$1" "$2"; }
revision() { etcdctl_ get none -w json | grep -o '"revision":[0-9]*'; }

start_etcd()
{
	local i
	ip link add flannel.1 address 0e:11:22:33:44:55 type vxlan id 1 local 192.168.9.1 \
		dev eth0 dstport 8472 nolearning
	ip link set flannel.1 up mtu 1450
	for ((i = 0; i < 100; i++)); do
		etcdctl_ get none >/dev/null 2>&1 && break
		sleep 0.1
	done
	put config '{"Network":"10.42.0.0/16","Backend":{"Type":"vxlan"}}'
	put subnets/10.42.1.0-24 '{"PublicIP":"192.168.9.2","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"0e:00:00:00:00:02"}}'
}

# dry VERB PATTERN... - prints these, and writes nothing to etcd or the host
dry()
{
	local before rev pattern
	before=$(state) rev=$(revision)
	"$agent" "$1" --dry-run "${common[@]}" >"$tmp.dry" 2>&1 || { cat "$tmp.dry"; return 1; }
	cat "$tmp.dry"
	for pattern in "${@:2}"; do
		grep -Fq -- "$pattern" "$tmp.dry" || { echo "no: $pattern"; return 1; }
	done
	rm "$tmp.dry"
	[[ $(revision) == "$rev" && $(etcdctl_ lease list) == 'found 0 leases' ]]
	diff <(echo "$before") <(state)
}

# The MAC is that of the device that is there: peers send to it
dry_without_lease()
{
	rm -f "$tmp/one.mac"
	dry run 'it would ask for a free one at random; 10.42.2.0-24 stands for it' \
		'lladdr 0e:11:22:33:44:55' 'lease 10.42.1.0/24 via 192.168.9.2' \
		'would: link del flannel.1: vxlan of stock flannel'
}

dry_with_subnet_of_before()
{
	printf 'FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.77.1/24\n' >"$tmp/subnet.env"
	dry run 'it would ask for 10.42.77.0-24, which it had before'
	printf 'FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.1.1/24\n' >"$tmp/subnet.env"
	dry run 'it would ask for a free one'
	rm "$tmp/subnet.env"
}

# The lease says which MAC peers send to
dry_with_lease()
{
	put subnets/10.42.9.0-24 '{"PublicIP":"192.168.9.1","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"0e:99:00:00:00:09"}}'
	dry takeover 'lease 10.42.9.0/24 local' 'lladdr 0e:99:00:00:00:09' 'would: link set flannel+1 name flannel.1 up'
}

# Neither on the host nor in etcd
fails_without_module()
{
	local before rev
	[[ ! -d /sys/module/flannel ]] || return 0
	rm -f "$tmp/one.mac"
	echo 0 >/proc/sys/net/ipv4/ip_forward
	before=$(network_state) rev=$(revision)
	! "$agent" takeover "${common[@]}" >"$tmp/out" 2>&1 || return
	cat "$tmp/out"
	grep -q 'module flannel is not loaded and does not load by itself: modprobe flannel' "$tmp/out"
	diff <(echo "$before") <(network_state)
	[[ $(revision) == "$rev" && $(etcdctl_ lease list) == 'found 0 leases' ]]
}

releases_the_lease()
{
	local lease
	"$agent" reset --release-lease --dry-run "${common[@]}"
	lease=$(etcdctl_ lease grant 600 | awk '{ print $2 }')
	etcdctl_ put --lease="$lease" /coreos.com/network/subnets/10.42.9.0-24 \
		"$(etcdctl_ get --print-value-only /coreos.com/network/subnets/10.42.9.0-24)"
	"$agent" reset --release-lease "${common[@]}"
	[[ $(etcdctl_ get --keys-only --prefix /coreos.com/network/subnets/ | grep .) == \
		/coreos.com/network/subnets/10.42.1.0-24 ]]
	ip -d link show flannel.1 | grep -q vxlan
}

# taken_over_of_etcd [OPTION...] - the record that stock flannel has written is ours as it is
taken_over_of_etcd()
{
	local key=/coreos.com/network/subnets/10.42.1.0-24 record before
	record='{"PublicIP":"192.168.9.1","PublicIPv6":null,"BackendType":"host-gw"}'
	etcdctl_ put "$@" "$key" "$record"
	before=$(etcdctl_ get -w json "$key" | grep -o '"\(mod_revision\|lease\)":[0-9]*')
	ip route replace 10.42.2.0/24 via 192.168.9.2
	timeout 20 "$agent" takeover "${common[@]}" >"$tmp/out" 2>&1 || { cat "$tmp/out"; return 1; }
	cat "$tmp/out"
	grep -q 'took over from stock flannel: 1 routes adopted' "$tmp/out"
	grep -q FLANNEL_SUBNET=10.42.1.1/24 "$tmp/subnet.env"
	[[ $(ip route show 10.42.2.0/24) == *'proto 141'* ]]
	# nothing was written that is there already
	diff <(echo "$before") <(etcdctl_ get -w json "$key" | grep -o '"\(mod_revision\|lease\)":[0-9]*')
	"$agent" reset --forget-mac "${common[@]}"
	etcdctl_ del "$key"
}

stock_of_host_gw()
{
	ip link del flannel.1
	etcdctl_ del --prefix /coreos.com/network/subnets/
	put config '{"Network":"10.42.0.0/16","Backend":{"Type":"host-gw"}}'
	put subnets/10.42.2.0-24 '{"PublicIP":"192.168.9.2","PublicIPv6":null,"BackendType":"host-gw"}'
}

with_a_lease()
{
	local lease
	lease=$(etcdctl_ lease grant 600 | awk '{ print $2 }')
	taken_over_of_etcd --lease="$lease"
	etcdctl_ lease revoke "$lease"
}

with_a_reservation() { taken_over_of_etcd; }

step 'a host' the_host
for program in iptables-nft iptables-legacy; do
	"$program" -t nat -S >/dev/null 2>&1 || continue
	step "$program: stock routes" stock_routes
	step "$program: stock rules" stock_iptables "$program"
	step "$program: stock rules of nft" stock_nft
	step "$program: a dry run lists all and changes nothing" dry_run_changes_nothing
	step "$program: taken over" takes_over "$program"
	step "$program: once" nothing_to_take_over
	step "$program: a former peer's route alone proves nothing" not_by_a_former_peer_alone
	step "$program: reset" resets "$program"
	nft delete table ip flannel-ipv4
	ip route flush proto boot
	ip route add default via 192.168.9.254
	ip route flush proto static
	for table in filter nat; do
		"$program" -t $table -F
		"$program" -t $table -X
	done
	step "$program: rules that stay are tried again" rules_that_stay "$program"
done
step 'rules that cannot be removed for a program that hangs' rules_that_hang iptables-nft
step 'rules that are looked for by a program that hangs' listing_that_hangs
step 'rules that are looked for by one that takes long' listing_that_takes_long
step 'what is found while a program that hung is left alone' listing_that_hangs_and_more
step 'flanneld that comes while they are looked for' flanneld_while_listing
step 'another network while they are looked for' network_while_listing
step 'an agent that ends while they are looked for' listing_ends_with_the_agent
step 'a route that stays is a failure, and tried again' routes_that_stay
step 'rules that cannot be listed' rules_that_cannot_be_listed
step 'reset keeps to its own network' resets_only_its_own
step 'reset refuses what another instance has' refuses_what_another_instance_has
step 'reset leaves what another instance has, too' leaves_what_another_instance_has
step 'reset keeps off the default subnet.env' keeps_off_the_default_file
step 'reset has the lock' takes_the_lock
step 'a lease file that cannot be used' bad_lease_file
step 'reset beside flanneld keeps its subnet.env' keeps_the_file_of_flanneld
step 'reset beside a device of stock flannel keeps its subnet.env' keeps_the_file_of_a_stock_device
step 'reset removes the device that an exchange has left' removes_the_leftover_of_stock
step 'reset works again after a failure' again_after_a_failure
step 'reset does not mind the routes of others' others_routes_are_no_failure
etcd --name n --data-dir "$tmp.etcd" --log-level error >/dev/null 2>&1 &
etcd=$!
step 'etcd' start_etcd
step 'dry run without a lease' dry_without_lease
step 'dry run with the subnet of before' dry_with_subnet_of_before
step 'without the module nothing changes' fails_without_module
step 'dry run with a lease' dry_with_lease
step 'reset gives the lease back when it is told to' releases_the_lease
step 'stock flannel of host-gw with etcd' stock_of_host_gw
step 'taken over with the lease that is there' with_a_lease
step 'taken over with the reservation that is there' with_a_reservation
rm -rf "$tmp.etcd"
done_steps
