#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What flctl says and returns before it asks the kernel anything, so that this
# runs on any machine, as any user.  FLCTL names the program.

FLCTL=${FLCTL:-flctl}
DIR=$(mktemp -d) || exit 1
trap 'rm -rf "$DIR"' EXIT
tests=0
failed=0

verdict() # CODE WANTED TEXT
{
	tests=$((tests + 1))
	[ "$1" = "$2" ] && [ "$(wc -l < "$DIR/err")" -le 1 ] &&
		grep -qF -- "$3" "$DIR/out" "$DIR/err" && return
	failed=$((failed + 1))
	echo "not ok: code $1, wanted $2 and \"$3\"; got:"
	sed 's/^/    /' "$DIR/out" "$DIR/err"
}

expect() # CODE TEXT WORDS...
{
	wanted=$1 text=$2
	shift 2
	"$FLCTL" "$@" > "$DIR/out" 2> "$DIR/err" < /dev/null
	verdict $? "$wanted" "$text"
}

restore() # TEXT CONTENT
{
	printf "$2" > "$DIR/leases"
	expect 1 "$DIR/leases:$1" lease restore dev f0 "$DIR/leases"
}

expect 0 'lease restore dev DEV' help
expect 0 'lease restore dev DEV' --help
expect 0 'lease restore dev DEV' lease -h
expect 0 'srccheck off|lease|strict' link add --help
expect 0 'srccheck off|lease|strict' help link set
expect 0 'flctl ' version
expect 0 '{"flctl":"' -j version
expect 0 '{"flctl":"' version --json

expect 1 'a word is missing: one of link lease monitor'
expect 1 'unknown word "foo": one of link lease monitor' foo
expect 1 'a word is missing behind link: one of add set show del' link
expect 1 'unknown word "sho" behind link: one of' link sho
expect 1 'unknown switch "--jsn"' --jsn version
expect 1 '--json: flush prints nothing' --json lease flush dev f0

expect 1 'the name of a device is missing' link add
expect 1 '"a/b" cannot be the name of a device' link add a/b
expect 1 'too long for the name of a device' link add abcdefghijklmnop
expect 1 'unknown option "foo"' link add f0 foo
expect 1 'id needs a value' link add f0 id
expect 1 'id: "x" is not a number from 0 to 16777215' link add f0 id x
expect 1 'mtu: "0" is not a number from 68 to 65535' link add f0 mtu 0
expect 1 'mtu is given twice' link add f0 mtu 1400 mtu 1400
expect 1 'up or down is given twice' link add f0 up down
expect 1 'link set f0: nothing to set' link set f0
expect 1 'unknown word "x" behind the name' link del f0 x
expect 1 'unknown word "x" behind the name' link show f0 x

expect 1 'a PREFIX is missing' lease add
expect 1 'has host bits set: the prefix is 10.1.2.0/24' \
	lease add 10.1.2.3/24 local dev f0
expect 1 'dev DEV is missing' lease add 10.1.2.0/24 local
expect 1 'unknown word "local": PREFIX and dev DEV' \
	lease del 10.1.2.0/24 dev f0 local
expect 1 'an ADDRESS is missing' lease get
expect 1 '"10.1.2.0/24" is not an IPv4 or IPv6 address' lease get 10.1.2.0/24
expect 1 'dev DEV is missing' lease get 10.1.2.1
expect 1 'dev DEV is missing' lease save
expect 1 'dev DEV is missing' lease flush
expect 1 'unknown word "x": dev DEV and via VTEP' lease list x
expect 1 'unknown word "x": dev DEV can' stats x
expect 1 'dev needs a value' monitor dev

expect 1 'dev DEV is missing' lease restore
expect 1 "cannot open $DIR/none: No such file" lease restore dev f0 "$DIR/none"
expect 1 "cannot read $DIR: Is a directory" lease restore dev f0 "$DIR"
expect 1 'unknown word "b": FILE is already a' lease restore dev f0 a b
restore '2: unknown word "x"' '# first\n10.1.2.0/24 local x\n'
restore '1: "10.1.2.0" lacks' '10.1.2.0 local'
restore '4: 10.1.2.0/24 is already in line 1' \
	'10.1.2.0/24 local\n\n10.1.1.0/24 local\n10.1.2.0/24 via 192.0.2.1 lladdr 2:0:0:0:0:1\n'
restore '1: the lease is for f1, the table of f0' '10.1.2.0/24 local dev f1\n'
restore '2: a NUL byte' '\n10.1.2.0/24 local\0\n'
restore '1: the line is longer' "$(printf '%0300d' 0)\\n"
restore '1: too many words' '1 2 3 4 5 6 7 8 9\n'

if [ -c /dev/full ]; then
	"$FLCTL" help > /dev/full 2> "$DIR/err"
	verdict $? 1 'cannot write the output: No space left on device'
fi

echo "cli_test: $tests tests, $failed failed"
[ "$failed" = 0 ]
