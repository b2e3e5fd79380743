#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# The netlink family as its specification, uapi/flannel.yaml, describes it: the
# specification matches the header, and the kernel's own YNL client, which knows
# nothing else of us, does everything with it.
#
# Needs python3 with yaml, and a kernel source tree for YNL; YNL_DIR names its
# directory tools/net/ynl.

. "$(dirname "$0")/lib.sh"

spec=$SELFTESTS/../uapi/flannel.yaml
header=$SELFTESTS/../uapi/flannel.h

find_ynl()
{
	local dir
	for dir in "${YNL_DIR-}" /usr/src/linux*/tools/net/ynl \
		"/lib/modules/$(uname -r)/source/tools/net/ynl"; do
		[[ -f $dir/cli.py ]] || continue
		ynl_dir=$dir
		return
	done
	skip 'no kernel source with tools/net/ynl; YNL_DIR can name one'
	return 1
}

# ynl OPTIONS... - as JSON. Padding is unknown to YNL, all else must not be
ynl()
{
	local out status
	out=$(in_ns "$n1" python3 "$ynl_dir/cli.py" --spec "$spec" --no-schema --output-json \
		--process-unknown "$@")
	status=$?
	echo "$out"
	[[ $out != *UnknownAttr* ]] && return $status
}

device()
{
	find_ynl || return
	new_ns n1 && in_ns "$n1" flctl link add flannel.1 lladdr 0e:00:00:00:00:01 ||
		{ fail 'set-up'; return 1; }
	ifindex=$(in_ns "$n1" cat /sys/class/net/flannel.1/ifindex)
}

# request ATTRIBUTES - of our device
request() { echo "{\"ifindex\": $ifindex${1:+, $1}}"; }

# address IPV4 - as the specification has it: a number
address()
{
	local a b c d
	IFS=. read -r a b c d <<<"$1"
	echo $((a << 24 | b << 16 | c << 8 | d))
}

# A lease of 10.42.I.0/24, and one of fd42:0:0:I::/64
lease4() { echo "{\"prefix4\": $(address "10.42.$1.0"), \"prefixlen\": 24, \"vtep4\": $(address "192.168.9.$1"), \"lladdr\": \"0e000000000$1\"}"; }
lease6() { echo "{\"prefix6\": \"fd420000000000$1$(printf '0%.0s' {1..16})\", \"prefixlen\": 64, \"vtep6\": \"fd09$(printf '0%.0s' {1..26})$1\", \"lladdr\": \"0e00000000$1\"}"; }

# The leases that YNL lists, as flctl prints them
leases_of_ynl()
{
	ynl --dump lease-get --json "$(request "${1-}")" | jq -r '.[] | .lease[] |
		"\(.prefix4 // .prefix6)/\(.prefixlen) " + if .local then "local"
		else "via \(.vtep4 // .vtep6) lladdr \(.lladdr)" end' | sort
}

same_leases()
{
	check_equal "$1" "$(in_ns "$n1" flctl lease save dev flannel.1 | sort)" "$(leases_of_ynl)"
}

specification_matches_header()
{
	check 'header and specification' "$SELFTESTS/check_spec.py" "$spec" "$header"
}

leases()
{
	device || return
	check 'add, IPv4' ynl --do lease-add --json "$(request "\"lease\": $(lease4 2)")"
	check 'add, IPv6' ynl --do lease-add --json "$(request "\"lease\": $(lease6 23)")"
	check 'add, local' ynl --do lease-add --json "$(request \
		"\"lease\": {\"prefix4\": $(address 10.42.1.0), \"prefixlen\": 24, \"local\": true}")"
	check_equal 'what flctl sees' "10.42.1.0/24 local
10.42.2.0/24 via 192.168.9.2 lladdr 0e:00:00:00:00:02
fd42:0:0:23::/64 via fd09::23 lladdr 0e:00:00:00:00:23" \
		"$(in_ns "$n1" flctl lease save dev flannel.1)"
	same_leases 'what YNL sees'
	check_equal 'one VTEP' '10.42.2.0/24 via 192.168.9.2 lladdr 0e:00:00:00:00:02' \
		"$(leases_of_ynl "\"vtep4\": $(address 192.168.9.2)")"
	check_equal 'look-up' '10.42.2.0' "$(ynl --do lease-get --json \
		"$(request "\"addr4\": $(address 10.42.2.77)")" | jq -r '.lease[0].prefix4')"
	check_refused 'twice' 'has a lease already' \
		ynl --do lease-add --json "$(request "\"lease\": $(lease4 2)")"
	check_refused 'no such attribute of this command' 'bad-attr.*force|force' \
		ynl --do lease-add --json "$(request '"force": true')"
	check 'delete' ynl --do lease-del --json "$(request \
		"\"lease\": {\"prefix4\": $(address 10.42.2.0), \"prefixlen\": 24}")"
	same_leases 'after delete'
}

state_and_counters()
{
	local stats
	device || return
	lease "$n1" 10.42.2.0/24 via 192.168.9.2 lladdr 0e:00:00:00:00:02
	batch "$n1" <<-END
		link set flannel.1 up
		addr add 10.42.1.0/32 dev flannel.1
		route add 10.42.0.0/16 dev flannel.1
	END
	in_ns "$n1" ping -q -c 1 -W 1 10.42.3.3 >/dev/null
	stats=$(ynl --do stats-get --json "$(request)")
	check_equal 'a packet to nowhere' 1 "$(jq '.stats."tx-no-lease"' <<<"$stats")"
	check_equal 'all counters have the names that ethtool shows' \
		"$(in_ns "$n1" ethtool -S flannel.1 | sed -n 's/^ *\([a-z0-9_]*\):.*/\1/p' | sort)" \
		"$(jq -r '.stats | del(.pad) | keys[]' <<<"$stats" | tr - _ | sort)"
	check_equal 'device' '{"vni":1,"port":8472,"lladdr":"0e:00:00:00:00:01","leases4":1,"vteps":1}' \
		"$(ynl --dump dev-get | jq -c '.[0].dev | {vni, port, lladdr, leases4, vteps}')"
	check_equal 'VTEP' '{"addr4":"192.168.9.2","lladdr":"0e:00:00:00:00:02","leases":1,"tx-packets":0}' \
		"$(ynl --dump vtep-get --json "$(request)" |
			jq -c '.[0].vtep | {addr4, lladdr, leases, "tx-packets"}')"
}

transaction()
{
	device || return
	lease "$n1" 10.42.7.0/24 via 192.168.9.7 lladdr 0e:00:00:00:00:07
	check_equal 'added, changed, removed' '[3,0,1]' "$(ynl \
		--multi table-begin "$(request)" \
		--multi table-add "$(request "\"lease\": [$(lease4 2), $(lease4 3)]")" \
		--multi table-add "$(request "\"lease\": $(lease6 23)")" \
		--multi table-commit "$(request)" | jq -c '.[3] | [.added, .changed, .removed]')"
	check_equal 'the whole table' "10.42.2.0/24 via 192.168.9.2 lladdr 0e:00:00:00:00:02
10.42.3.0/24 via 192.168.9.3 lladdr 0e:00:00:00:00:03
fd42:0:0:23::/64 via fd09::23 lladdr 0e:00:00:00:00:23" \
		"$(in_ns "$n1" flctl lease save dev flannel.1)"
	check_refused 'a lease twice' 'has a lease already' ynl \
		--multi table-begin "$(request)" \
		--multi table-add "$(request "\"lease\": [$(lease4 4), $(lease4 4)]")" \
		--multi table-commit "$(request)"
	same_leases 'unchanged'
	check_refused 'commit of nothing' 'no transaction' ynl --do table-commit --json "$(request)"
	check 'flush' ynl --do lease-flush --json "$(request)"
	check_equal 'empty' '' "$(leases_of_ynl)"
}

events()
{
	local listener names
	device || return
	scratch
	ynl --subscribe table --sleep 3 >"$TMP/events" &
	listener=$!
	while kill -0 "$listener" 2>/dev/null; do
		lease "$n1" 10.42.2.0/24 via 192.168.9.2 lladdr 0e:00:00:00:00:02
		lease "$n1" 10.42.2.0/24 via 192.168.9.3 lladdr 0e:00:00:00:00:03
		in_ns "$n1" flctl lease del 10.42.2.0/24 dev flannel.1
		in_ns "$n1" flctl lease flush dev flannel.1
	done
	names=$(jq -r '.[].name' "$TMP/events" | sort -u | paste -sd ' ')
	check_equal 'events' 'lease-add-ntf lease-change-ntf lease-del-ntf table-ntf' "$names"
	check_equal 'a lease in an event' '10.42.2.0 192.168.9.3' "$(jq -r 'map(
		select(.name == "lease-change-ntf"))[0].msg.lease[0] | "\(.prefix4) \(.vtep4)"' \
		"$TMP/events")"
}

need python3 jq
python3 -c 'import yaml' 2>/dev/null || { echo '1..0 # SKIP needs yaml for python3'; exit $KSFT_SKIP; }
run_tests specification_matches_header leases state_and_counters transaction events
