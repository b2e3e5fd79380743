#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Options of the link: defaults, values that are set and shown and can be given
# back, and what is refused with which words.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control.sh"
own_ns

# options DEV - the line of options that link show prints
options() { flctl link show "$1" | sed -n '2s/^ *flannel //p'; }

# A device by plain ip, without a word more; twice the same is one too many
no_option()
{
	local shown
	check 'plain ip' ip link add flannel.1 type flannel || return
	shown=$(options flannel.1)
	check_equal 'defaults' \
		'id 1 dstport 8472 ttl auto tos 0 df unset srcport 0 0 udpcsum noudp6zerocsumtx noudp6zerocsumrx lladdr MAC srccheck lease fwmark 0x0 maxleases 1048576 nountrack' \
		"$(sed -E 's/lladdr ([0-9a-f]{2}:){5}[0-9a-f]{2}/lladdr MAC/' <<<"$shown")"
	shown=$(lladdr_of flannel.1)
	((0x${shown%%:*} % 4 == 2)) || fail "lladdr $shown is not local unicast"
	ip link set flannel.1 up
	ip link set flannel.1 down
	check_equal 'lladdr is stable' "$shown" "$(lladdr_of flannel.1)"
	check_refused 'again' 'flannel\.1 has VNI 1 on UDP port 8472 in the underlay namespace already' \
		ip link add flannel.2 type flannel
	ip link del flannel.1
	ip link add flannel.1 type flannel
	[[ $shown != "$(lladdr_of flannel.1)" ]] || fail 'two devices have one lladdr'
	check_equal 'hardware type, flags' '65534 POINTOPOINT,NOARP' \
		"$(in_sysfs flannel.1 type) $(ip -o link show flannel.1 | sed 's/.*<\(.*\)>.*/\1/')"
	check_equal 'driver' flannel "$(ethtool -i flannel.1 | sed -n 's/^driver: //p')"
	ip link del flannel.1
}

lladdr_of() { options "$1" | sed 's/.*lladdr \([^ ]*\).*/\1/'; }

# sysfs shows the namespace that it was mounted in
in_sysfs() { unshare --mount sh -c "mount -t sysfs none /sys && cat /sys/class/net/$1/$2"; }

# One device for each line: the words it is made with, and what JSON says
EACH='
local 192.168.9.1|"local":"192.168.9.1"
local fd09::1|"local6":"fd09::1"
dev eth0|"dev":"eth0"
dstport 65535|"dstport":65535
ttl 255|"ttl":255
tos 252|"tos":252
tos inherit|"tos":1
df set|"df":"set"
df inherit|"df":"inherit"
srcport 1000 2000|"srcport":{"min":1000,"max":2000}
srcport 65535 65535|"srcport":{"min":65535,"max":65535}
noudpcsum|"udpcsum":false
untrack|"untrack":true
udp6zerocsumtx|"udp6zerocsumtx":true
udp6zerocsumrx|"udp6zerocsumrx":true
lladdr 02:00:00:00:00:01|"lladdr":"02:00:00:00:00:01"
network 10.42.0.0/16|"network":"10.42.0.0/16"
network fd42::/48|"network6":"fd42::/48"
network 10.42.1.255/32 network fd42::1/128|"network":"10.42.1.255/32","network6":"fd42::1/128"
srccheck off|"srccheck":"off"
srccheck strict|"srccheck":"strict"
fwmark 0xffffffff|"fwmark":4294967295
maxleases 1|"maxleases":1,
maxleases 4294967295|"maxleases":4294967295,
id 0|"id":0,
id 16777215|"id":16777215,
id 2 local 192.168.9.1 local fd09::1 dev eth0 dstport 4789 ttl 7 tos inherit df inherit srcport 1000 2000 noudpcsum udp6zerocsumtx udp6zerocsumrx lladdr 02:00:00:00:00:01 network 10.42.0.0/16 network fd42::/48 srccheck strict fwmark 0x10 maxleases 77 untrack|"id":2'

each_option()
{
	local words json n=100 all shown json_shown
	ip link add eth0 type bridge
	while IFS='|' read -r words json; do
		[[ -n $words ]] || continue
		all=$words
		[[ $words == id* ]] || all="id $n $words"
		check "$words" flctl link add "flannel.$n" $all
		((n++))
	done <<<"$EACH"
	shown=$(flctl link show)
	json_shown=$(flctl --json link show)
	judge_each
	# what is shown can be given back, and is shown again
	for ((n = 100; n < 127; n++)); do
		check 'given back' flctl link set "flannel.$n" \
			$(line_of "flannel.$n" <<<"$shown")
	done
	check_equal 'given back' "$shown" "$(flctl link show)"
	ip link del flannel.126
	check 'given back to a new one' flctl link add flannel.126 \
		$(line_of flannel.126 <<<"$shown")
	check_equal 'given back to a new one' "$(line_of flannel.126 <<<"$shown")" \
		"$(options flannel.126)"
	# what unsets
	check 'unset' flctl link set flannel.126 local 0.0.0.0 local :: nodev \
		network 0.0.0.0/0 network ::/0 ttl auto srcport 0 0 nountrack
	check_equal 'unset' \
		'id 2 dstport 4789 ttl auto tos inherit df inherit srcport 0 0 noudpcsum udp6zerocsumtx udp6zerocsumrx lladdr 02:00:00:00:00:01 srccheck strict fwmark 0x10 maxleases 77 nountrack' \
		"$(options flannel.126)"
	for ((n = 100; n < 127; n++)); do
		echo "link del flannel.$n"
	done | ip -batch -
	ip link del eth0
}

# line_of DEV - its options in the output of link show
line_of() { sed -n "/^[0-9]*: $1:/{n;s/^ *flannel //p}"; }

judge_each()
{
	local words json n=100 line
	while IFS='|' read -r words json; do
		[[ -n $words ]] || continue
		line=$(line_of "flannel.$n" <<<"$shown")
		[[ " $line " == *" $words "* ]] || fail "'$words' is not in '$line'"
		line=$(grep "\"ifname\":\"flannel.$n\"" <<<"${json_shown//,$'\n'\{/$'\n'}")
		[[ $line == *"\"options\":{"*"$json"* ]] || fail "'$json' is not in '$line'"
		((n++))
	done <<<"$EACH"
}

# What is in effect where nothing was said
in_effect()
{
	device || return
	check_equal 'sockets while down' 'IPv4 closed, IPv6 closed' "$(effect sockets)"
	check_equal 'underlay' 'whatever the route to each VTEP uses' "$(effect underlay)"
	check_equal 'ttl' "$(sysctl -n net.ipv4.ip_default_ttl)" "$(effect ttl)"
	sysctl -qw net.ipv4.ip_local_port_range='40000 50000' net.ipv4.ip_default_ttl=99
	check_equal 'srcport' '40000 50000' "$(effect srcport)"
	check_equal 'ttl' 99 "$(effect ttl)"
	ip link set flannel.1 up
	check_equal 'sockets while up' 'IPv4 open, IPv6 open' "$(effect sockets)"
	ip link add eth0 type bridge
	check 'another underlay' flctl link set flannel.1 dev eth0
	check_equal 'underlay' "eth0 (ifindex $(ip -o link show eth0 | cut -d: -f1))" \
		"$(effect underlay)"
	check_equal 'upper link' flannel.1 \
		"$(in_sysfs eth0 upper_flannel.1/ifindex >/dev/null && echo flannel.1)"
	ip link del eth0
	check_equal 'underlay' 'eth0 does not exist now' "$(effect underlay)"
	ip link del flannel.1
}

effect() { flctl link show flannel.1 | sed -n "s/^        $1  *//p"; }

# refused TEXT WORDS... - the kernel refuses these attributes at creation, and
# no device is left
refused()
{
	local text=$1
	shift
	exactly "$text" r link-add flannel.3 "$@"
	[[ ! -e /proc/sys/net/ipv4/conf/flannel.3 ]] || fail "'$*': there is a device"
}

refused_values()
{
	local attr word
	device && raw_start || return
	refused 'EINVAL: id 16777216 is not a VNI: 0 to 16777215 [linkinfo.data.id]' id=16777216
	refused 'EINVAL: UDP port 0 is not a port: 1 to 65535 [linkinfo.data.port]' id=3 port=0
	for word in 224.0.0.1 255.255.255.255 127.0.0.1; do
		refused "EINVAL: local $word is not a unicast address [linkinfo.data.local]" \
			id=3 local=$word
	done
	for word in ff02::1 ::1 ::ffff:192.168.9.1; do
		refused "EINVAL: local $word is not a unicast address [linkinfo.data.local6]" \
			id=3 local6=$word
	done
	refused 'ENODEV: There is no interface eth7 in the underlay namespace [linkinfo.data.dev]' \
		id=3 dev=eth7
	refused 'EINVAL: srcport 2000 1000 is not a range of ports [linkinfo.data.port_range]' \
		id=3 port_range:07d003e8
	refused 'EINVAL: srcport 0 1000 is not a range of ports [linkinfo.data.port_range]' \
		id=3 port_range:000003e8
	for word in 00:00:00:00:00:00 01:00:5e:00:00:01 ff:ff:ff:ff:ff:ff; do
		refused "EINVAL: lladdr $word is not a unicast MAC [linkinfo.data.lladdr]" \
			id=3 lladdr=$word
	done
	refused 'EINVAL: The network has host bits set [linkinfo.data.network]' \
		id=3 network=10.42.1.0 network_len=16
	refused 'EINVAL: The network has host bits set [linkinfo.data.network6]' \
		id=3 network6=fd42::1 network6_len=64
	for word in network=10.42.0.0 network_len=16 network6=fd42:: network6_len=48; do
		refused "EINVAL: A network is an address together with a prefix length [linkinfo.data.${word%=*}]" \
			id=3 $word
	done
	for word in network_len=33 network6_len=129 df=3 srccheck=3 udp_csum=2 \
			udp_zero_csum6_tx=2 udp_zero_csum6_rx=255 maxleases=0 untrack=2; do
		refused "ERANGE: integer out of range [linkinfo.data.${word%=*}]" \
			id=3 network=10.0.0.0 network6=fd42:: $word
	done
	for attr in id port ttl tos df udp_csum udp_zero_csum6_tx udp_zero_csum6_rx \
			network_len network6_len srccheck fwmark maxleases untrack; do
		refused "EINVAL: invalid attribute length [linkinfo.data.$attr]" $attr:000000
	done
	for attr in local local6 port_range lladdr network network6; do
		refused "ERANGE: binary attribute size out of range [linkinfo.data.$attr]" \
			$attr:000000
	done
	answers 'E* \[linkinfo.data.dev\]' r link-add flannel.3 id=3 \
		dev=a-name-of-16-byte
	answers 'E* \[linkinfo.data.dev\]' r link-add flannel.3 id=3 dev:65746830
	raw_stop
}

# What `ip` offers for other kinds has another name or no meaning here
refused_words()
{
	device && ip link add eth0 type bridge || return
	check_refused 'address' "no link-layer address; the VTEP's MAC is option lladdr" \
		ip link add flannel.3 address 02:00:00:00:00:01 type flannel
	check_refused 'link' 'The underlay interface is option dev of the flannel device, not link' \
		ip link add link eth0 name flannel.3 type flannel
	check_refused 'an address, later' . ip link set flannel.1 address 02:00:00:00:00:01
	check_refused 'itself' 'A flannel device cannot be its own underlay' \
		flctl link set flannel.1 dev flannel.1
	check_refused 'itself, before it is there' 'There is no interface flannel\.3' \
		flctl link add flannel.3 id 3 dev flannel.3
	check 'a device on a device' flctl link add flannel.2 id 2 dev flannel.1
	check_refused 'each on the other' . flctl link set flannel.1 dev flannel.2
	check_equal 'nothing changed' 'whatever the route to each VTEP uses' "$(effect underlay)"
	check_refused 'an MTU that does not fit' \
		'mtu 1451 does not fit eth0.* leaves 1450' \
		flctl link add flannel.3 id 3 dev eth0 mtu 1451
	check_refused 'an MTU that IPv6 does not take' 'mtu less than device minimum' \
		flctl link add flannel.3 id 3 mtu 1279
	check 'one that it takes' flctl link add flannel.3 id 3 dev eth0 mtu 1280
	ip link del flannel.3
	ip link del flannel.2
	ip link del flannel.1
	ip link del eth0
}

# id and dstport are what a device is; one device each
identity()
{
	device && raw_start || return
	exactly 'EINVAL: The id (VNI) of a live device cannot be changed [linkinfo.data.id]' \
		r link-set flannel.1 id=2
	exactly 'EINVAL: The dstport of a live device cannot be changed [linkinfo.data.port]' \
		r link-set flannel.1 port=4789
	exactly 'EINVAL: The id (VNI) of a live device cannot be changed [linkinfo.data.id]' \
		r link-set flannel.1 ttl=9 id=2
	check_equal 'nothing changed' 'id 1 dstport 8472 ttl auto' \
		"$(options flannel.1 | cut -d' ' -f1-6)"
	exactly ok r link-set flannel.1 id=1 port=8472
	refused 'EEXIST: flannel.1 has VNI 1 on UDP port 8472 in the underlay namespace already'
	refused 'EEXIST: flannel.1 has VNI 1 on UDP port 8472 in the underlay namespace already [linkinfo.data.id]' \
		id=1 port=8472
	exactly ok r link-add flannel.2 id=2
	exactly ok r link-add flannel.3 port=4789
	raw_stop
	check 'in another namespace' unshare --net ip link add flannel.1 type flannel
	# what counts is the namespace of the underlay
	new_ns other
	ip link set flannel.1 netns "$other"
	check_refused 'moved away' 'flannel\.1 has VNI 1 on UDP port 8472' \
		ip link add flannel.1 type flannel
	check 'another underlay' ip -n "$other" link add flannel.9 type flannel
	ip link del flannel.2
	ip link del flannel.3
}

# Whoever first asks for a device, or for the tables, gets the module
autoload()
{
	[[ ! -e /proc/sys/net/ipv4/conf/flannel.1 ]] || ip link del flannel.1
	if ! may_unload || ! modprobe -r flannel 2>/dev/null; then
		skip 'the module is in use'
		return
	fi
	[[ ! -d /sys/module/flannel ]] || fail 'module is still there'
	check 'device' ip link add flannel.1 type flannel
	ip link del flannel.1
	modprobe -r flannel || fail 'module is in use'
	check_equal 'tables' '[]' "$(flctl --json lease list | tr -d '\n')"
	[[ -d /sys/module/flannel ]] || fail 'module is not there'
}

run_tests no_option each_option in_effect refused_values refused_words identity autoload
