#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What `ip` says with the plugin: before it asks the kernel anything, and, as
# root where the module is, about a device.  PLUGIN names the plugin; IP the
# program.  4 means skipped: there is no such `ip`.

IP=${IP:-ip}
PLUGIN=${PLUGIN:-./link_flannel.so}
command -v "$IP" > /dev/null || { echo "check: SKIP: no $IP"; exit 4; }

DIR=$(mktemp -d) || exit 1
trap 'rm -rf "$DIR"' EXIT
cp "$PLUGIN" "$DIR/link_flannel.so" || exit 1
export IP_LIB_DIR="$DIR"
failed=0

expect() # PASS|FAIL TEXT WORDS...
{
	wanted=$1 text=$2
	shift 2
	"$IP" "$@" > "$DIR/out" 2>&1
	[ $? = 0 ] && got=PASS || got=FAIL
	[ $wanted = $got ] && grep -qF -- "$text" "$DIR/out" && return
	failed=$((failed + 1))
	echo "not ok: $IP $*: wanted $wanted and \"$text\", got $got:"
	sed 's/^/    /' "$DIR/out"
}

add='link add f0 type flannel'
expect PASS 'srccheck off|lease|strict' link help flannel
expect FAIL 'srccheck off|lease|strict' $add help
expect FAIL 'flannel: id: "x" is not a number from 0 to 16777215' $add id x
expect FAIL 'flannel: unknown option "vni": see ip link help' $add vni 1
expect FAIL 'flannel: dev needs a value' $add id 1 dev
expect FAIL 'flannel: id is given twice' $add id 1 id 1
expect FAIL 'flannel: "10.0.0.1/8" has host bits set' $add network 10.0.0.1/8

dev=flplug0
words='id 16777001 dstport 18472 ttl 9 tos 0 df set srcport 0 0 noudpcsum'
if "$IP" link add $dev type flannel $words 2> /dev/null; then
	expect PASS "flannel $words" -d link show $dev
	expect PASS '"info_data":{"id":16777001,"dstport":18472,"ttl":9,' \
		-d -j link show $dev
	"$IP" link set $dev type flannel ttl auto
	expect PASS 'dstport 18472 ttl auto' -d link show $dev
	"$IP" link del $dev
else
	echo 'check: no device to look at (not root, or no module)'
fi

echo "check: $failed failed"
[ "$failed" = 0 ]
