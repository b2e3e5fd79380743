// SPDX-License-Identifier: GPL-2.0
/*
 * flctl run, takeover, reset and status - the node agent, which is a program of
 * its own: it needs libraries that nothing else here does.
 */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flctl.h"

#define AGENT	"libexec/flctl-agent"

/* PREFIX/libexec/flctl-agent of PREFIX/sbin/flctl; @path has PATH_MAX bytes. */
static void beside_us(char *path)
{
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - sizeof(AGENT));
	int i;

	path[len > 0 ? len : 0] = '\0';
	for (i = 0; i < 2; i++) {
		char *slash = strrchr(path, '/');

		if (slash)
			*slash = '\0';
	}
	strcat(path, "/" AGENT);
}

int run_agent(char **argv)
{
	const char *given = getenv("FLCTL_AGENT");
	char path[PATH_MAX + 1];

	if (given && *given && strlen(given) < sizeof(path))
		strcpy(path, given);
	else
		beside_us(path);
	execv(path, argv);
	if (errno == ENOENT)
		return fail(EXIT_INPUT,
			    "%s: %s is not installed; it is in package flctl-agent, or: make install AGENT=1",
			    argv[1], path);
	return fail(EXIT_INPUT, "%s: %s: %s", argv[1], path, strerror(errno));
}
