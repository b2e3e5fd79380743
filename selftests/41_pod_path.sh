#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# The path of real pods: bridge, br_netfilter, conntrack, the rules that flannel
# installs (as nftables and as iptables), and a service that is translated to a
# pod on another node. Pods are seen with their own addresses by pods, and with
# their node's outside.
#
#  pod1 - cni0 - n1 (ours) --- wire --- n2 (stock or ours) - cni0 - pod2
#                               | 192.168.9.200, fd09::200: a host outside

. "$(dirname "$0")/lib.sh"

# nft_rules FAMILY NETWORK SUBNET MULTICAST - as flannel writes them
nft_rules()
{
	cat <<-END
		table $1 flannel {
			chain postrtg {
				type nat hook postrouting priority srcnat
				meta mark 0x4000 return
				$1 saddr $3 $1 daddr $2 return
				$1 saddr $2 $1 daddr $3 return
				$1 saddr != $3 $1 daddr $2 return
				$1 saddr $2 $1 daddr != $4 masquerade fully-random
				$1 saddr != $2 $1 daddr $2 masquerade fully-random
			}
			chain forward {
				type filter hook forward priority filter
				$1 saddr $2 accept
				$1 daddr $2 accept
			}
		}
	END
}

# iptables_rules NETWORK SUBNET MULTICAST - the same for iptables-restore
iptables_rules()
{
	cat <<-END
		*filter
		:FLANNEL-FWD - [0:0]
		-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
		-A FLANNEL-FWD -s $1 -m comment --comment "flanneld forward" -j ACCEPT
		-A FLANNEL-FWD -d $1 -m comment --comment "flanneld forward" -j ACCEPT
		COMMIT
		*nat
		:FLANNEL-POSTRTG - [0:0]
		-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
		-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -j RETURN
		-A FLANNEL-POSTRTG -s $2 -d $1 -j RETURN
		-A FLANNEL-POSTRTG -s $1 -d $2 -j RETURN
		-A FLANNEL-POSTRTG ! -s $1 -d $2 -j RETURN
		-A FLANNEL-POSTRTG -s $1 ! -d $3 -j MASQUERADE --random-fully
		-A FLANNEL-POSTRTG ! -s $1 -d $1 -j MASQUERADE --random-fully
		COMMIT
	END
}

# service_rules FAMILY NETWORK SERVICE POD - as kube-proxy makes them: clients that
# are no pods are masqueraded
service_rules()
{
	cat <<-END
		table $1 service {
			chain services {
				meta l4proto { tcp, udp } $1 daddr $3 th dport 80 $1 saddr != $2 meta mark set 0x4000
				meta l4proto { tcp, udp } $1 daddr $3 th dport 80 dnat to $4:5001
			}
			chain pre {
				type nat hook prerouting priority dstnat
				jump services
			}
			chain out {
				type nat hook output priority -100
				jump services
			}
			chain post {
				type nat hook postrouting priority srcnat - 1
				meta mark 0x4000 masquerade
			}
		}
	END
}

# watch_invalid - packets that conntrack finds something wrong with, a checksum for example
watch_invalid()
{
	cat <<-END
		table inet watch {
			counter invalid {}
			chain pre {
				type filter hook prerouting priority -150
				ct state invalid counter name invalid
			}
		}
	END
}

# path RULES - rules and sysctls of a node, on n1 and n2, and the host outside
path()
{
	local i ns
	modprobe br_netfilter 2>/dev/null
	[[ -d /proc/sys/net/bridge ]] || { skip 'no br_netfilter'; return 1; }
	for i in 1 2; do
		ns=n$i
		in_ns "${!ns}" sysctl -qw net.bridge.bridge-nf-call-iptables=1 \
			net.bridge.bridge-nf-call-ip6tables=1
		if [[ $1 == nft ]]; then
			{
				nft_rules ip 10.42.0.0/16 "10.42.$i.0/24" 224.0.0.0/4
				nft_rules ip6 fd42::/48 "fd42:0:0:$i::/64" ff00::/8
			} | in_ns "${!ns}" nft -f -
		else
			iptables_rules 10.42.0.0/16 "10.42.$i.0/24" 224.0.0.0/4 |
				in_ns "${!ns}" iptables-restore &&
			iptables_rules fd42::/48 "fd42:0:0:$i::/64" ff00::/8 |
				in_ns "${!ns}" ip6tables-restore
		fi || { fail "rules for $1"; return 1; }
		{
			service_rules ip 10.42.0.0/16 10.96.0.10 10.42.2.2
			service_rules ip6 fd42::/48 fd96::10 '[fd42:0:0:2::2]'
			watch_invalid
		} | in_ns "${!ns}" nft -f - || { fail 'rules of the service'; return 1; }
	done
	batch "$n1" <<-END
		route add 10.96.0.0/12 dev eth0
		route add fd96::/64 dev eth0
	END
	batch "$wire" <<-END
		addr add 192.168.9.200/24 dev br0
		addr add fd09::200/64 dev br0 nodad
	END
}

# seen TEXT ADDRESS COMMAND... - the command prints this address
seen()
{
	local text=$1 address=$2 found
	shift 2
	found=$("$@" 2>&1)
	check_equal "$text" "$address" "$found"
}

# tracked TEXT FAMILY PROTOCOL SRC DST DPORT REPLY-SRC REPLY-DST - n1's conntrack
# has such a connection, its client's port untouched unless it is masqueraded
tracked()
{
	local text=$1 table pattern="src=$4 dst=$5 sport=([0-9]+) dport=$6 src=$7 dst=$8 sport=5001"
	[[ $4 != "$8" ]] || pattern+=' dport=\1 '
	table=$(in_ns "$n1" conntrack -f "$2" -L -p "$3" 2>/dev/null)
	grep -Eq "$pattern" <<<"$table" && return
	fail "$text: conntrack has no '$pattern':"
	sed 's/^/#   /' <<<"$table"
}

# family VERSION POD1 POD2 NODE1 SERVICE OUTSIDE DEVICE1 - the whole of one family
family()
{
	local v=IPv$1 f=ipv$1 a=$2 b=$3 node=$4 service=$5 outside=$6 device=$7
	seen "$v TCP, pod to pod" "$a" transfer "$pod1" "$pod2" "$b"
	tracked "$v TCP, pod to pod" "$f" tcp "$a" "$b" 5001 "$b" "$a"
	seen "$v TCP, the other way" "$b" transfer "$pod2" "$pod1" "$a"
	seen "$v UDP, pod to pod" "$a" datagram "$pod1" "$pod2" "$b"
	seen "$v UDP, the other way" "$b" datagram "$pod2" "$pod1" "$a" 1300

	seen "$v TCP, pod to service" "$a" transfer "$pod1" "$pod2" "$service" 200000 80
	tracked "$v TCP, pod to service" "$f" tcp "$a" "$service" 80 "$b" "$a"
	seen "$v UDP, pod to service" "$a" datagram "$pod1" "$pod2" "$service" 100 80
	tracked "$v UDP, pod to service" "$f" udp "$a" "$service" 80 "$b" "$a"
	seen "$v TCP, node to service" "$device" transfer "$n1" "$pod2" "$service" 200000 80
	seen "$v UDP, node to service" "$device" datagram "$n1" "$pod2" "$service" 100 80

	seen "$v TCP, pod to the outside" "$node" transfer "$pod1" "$wire" "$outside"
	tracked "$v TCP, pod to the outside" "$f" tcp "$a" "$outside" 5001 "$outside" "$node"
	seen "$v UDP, pod to the outside" "$node" datagram "$pod1" "$wire" "$outside"
}

both_families()
{
	local ns
	family 4 10.42.1.2 10.42.2.2 192.168.9.1 10.96.0.10 192.168.9.200 10.42.1.0
	family 6 fd42:0:0:1::2 fd42:0:0:2::2 fd09::1 fd96::10 fd09::200 fd42:0:0:1::
	for ns in "$n1" "$n2"; do
		check 'conntrack found nothing invalid' \
			in_ns "$ns" bash -c 'nft list counters table inet watch | grep -q "packets 0 "'
	done
}

stock_peer_nft()
{
	STOCK=()
	mixed || { fail 'set-up'; return; }
	# Then checksums are computed and verified, after translation too.
	in_ns "$n1" ethtool -K eth0 tx off rx off >/dev/null
	in_ns "$n2" ethtool -K eth0 tx off rx off >/dev/null
	path nft && both_families
}

own_peer_iptables()
{
	overlay 2 && pod "$n1" 1 && pod "$n2" 2 || { fail 'set-up'; return; }
	path iptables && both_families
}

need data_exchange nft iptables-restore conntrack
run_tests stock_peer_nft own_peer_iptables
