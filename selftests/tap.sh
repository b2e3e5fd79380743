# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# tap.sh - TAP for scripts that run on the host: `step NAME COMMAND...` is one
# result, the command's output is shown only when it fails; `done_steps` ends.

STEPS=0 STEPS_FAILED=0

# step NAME COMMAND... - in a shell of its own that ends at the first error; not
# to be called where -e is without effect (if, ||, &&). Its time is counted from
# STEP_BEGIN, where that is set
step()
{
	local name=$1 begin=${STEP_BEGIN:-$EPOCHREALTIME} out status seconds
	shift

	set +e
	out=$(set -e; "$@" 2>&1 </dev/null)
	status=$?
	seconds=$(((${EPOCHREALTIME/./} - ${begin/./}) / 100000))
	seconds=$((seconds / 10)).$((seconds % 10))
	((++STEPS))
	if ((status == 0)); then
		echo "ok $STEPS $name ($seconds s)"
		return
	fi
	((++STEPS_FAILED))
	sed 's/^/# /' <<<"$out"
	echo "not ok $STEPS $name ($seconds s)"
}

done_steps()
{
	echo "1..$STEPS"
	((STEPS > 0 && STEPS_FAILED == 0))
}
