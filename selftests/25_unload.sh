#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module goes while devices in several namespaces carry traffic, tables are
# full, a transaction is open and somebody listens; and it comes back.
#
#	n1 eth0 --- n2 eth0 (see underlay in lib.sh); n2's device lives in inner

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control.sh"

# The one in n1 by IPv4, the one in n2 and inner by IPv6, and a third
set_up()
{
	new_ns inner
	overlay_up "$n1" 1 && overlay_up "$n2" 2 || return
	ip -n "$n2" link set flannel.1 netns "$inner"
	ip -n "$inner" link set flannel.1 up
	overlay_addresses "$inner" 2
	overlay_peer "$n1" 2 192.168.9.2 "$(lladdr "$inner" flannel.1)"
	overlay_peer "$inner" 1 192.168.9.1 "$(lladdr "$n1" flannel.1)"
	in_ns "$n1" flctl link add flannel.2 id 2 dev eth0 network 10.42.0.0/16
}

ping_all()
{
	nsenter --net="/run/netns/$1" ping -n -q -i 0.005 -w 60 "$2" >/dev/null 2>&1 &
	PINGS+=("$!")
}

no_devices()
{
	local ns
	for ns in "$n1" "$n2" "$inner"; do
		[[ -z $(ip -n "$ns" -o link show type flannel 2>/dev/null) ]] || return
	done
}

under_traffic()
{
	local i PINGS
	may_unload || { skip 'the module is in use'; return; }
	underlay 2 || { fail 'set-up'; return; }
	for i in 1 2 3; do
		set_up || { fail 'set-up'; return; }
		PINGS=()
		ping_all "$n1" 10.42.2.0
		ping_all "$inner" 10.42.1.0
		ping_all "$n1" fd42:0:0:2::
		raw_start_in "$n1" flannel.1
		exactly ok l listen
		answers 'ok*' t table_begin
		exactly ok t table_add +10.42.9.0/24,192.168.9.9,02:00:00:00:09:09
		until_true 10 traffic || fail 'no traffic'
		check "unload $i" modprobe -r flannel
		[[ ! -d /sys/module/flannel ]] || fail 'module is there'
		check 'no devices' no_devices
		# the family is gone, and sockets that knew it are none the worse
		answers 'E*' t table_commit
		raw_stop
		kill "${PINGS[@]}"
		wait "${PINGS[@]}"
		ip netns del "$inner"
		check "load $i" modprobe flannel
	done
	set_up && check 'works again' pings "$n1" 10.42.2.0
}

traffic() { (($(stat "$n1" flannel.1 rx_packets) > 5)); }

run_tests under_traffic
