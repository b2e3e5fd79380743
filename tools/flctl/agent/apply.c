// SPDX-License-Identifier: GPL-2.0
/* What appliers have in common: saying changes, and errors of the kernel. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../ipc_impl.h"
#include "apply_impl.h"

void apply_say(struct apply *a, const char *fmt, ...)
{
	char line[512];
	va_list args;

	a->changes++;
	if (!a->say)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	a->say(a->data, line);
}

static const char *explain(const struct ipc_error *said)
{
	if (*said->text)
		return said->text;
	switch (said->code) {
	case EPERM:
	case EACCES:
		return "needs CAP_NET_ADMIN";
	default:
		return NULL;
	}
}

bool apply_refused(struct error *error, const char *fmt, ...)
{
	const struct ipc_error *said = ipc_error();
	const char *why = explain(said);
	char what[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	if (why)
		return set_error(error, "%s: %s (%s)", what, why, strerror(said->code));
	return set_error(error, "%s: %s", what, strerror(said->code));
}

bool apply_open(bool again, struct error *error)
{
	if (ipc_generic.socket && !again)
		return true;
	ipc_close();
	if (!ipc_open())
		return true;
	if (ipc_error()->no_module)
		return set_error(error,
				 "module flannel is not loaded and does not load by itself: modprobe flannel");
	return apply_refused(error, "cannot talk to module flannel");
}
