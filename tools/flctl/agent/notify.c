// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"
#include "notify.h"

static int fd = -1;
static struct sockaddr_un manager;
static socklen_t manager_len;
static int64_t interval;		/* of the watchdog, milliseconds */
static int64_t fed;			/* when that was */

static void feed(struct loop_timer *timer);
static struct loop_timer timer = { .expired = feed };

/* A manager that is away or slow must not hold us up. */
static void tell(const char *text)
{
	if (fd >= 0)
		sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
		       (struct sockaddr *)&manager, manager_len);
}

static void feed(struct loop_timer *t)
{
	tell("WATCHDOG=1");
	fed = loop_now();
	loop_after(t, interval);
}

void notify_alive(void)
{
	if (timer.due && loop_now() - fed >= interval)
		feed(&timer);
}

static bool set_manager(const char *path, struct error *error)
{
	size_t len = strlen(path);

	if ((*path != '/' && *path != '@') || len < 2 || len >= sizeof(manager.sun_path))
		return set_error(error,
				 "NOTIFY_SOCKET: \"%s\" is neither an absolute path nor @NAME of at most %zu bytes",
				 path, sizeof(manager.sun_path) - 1);
	memset(&manager, 0, sizeof(manager));
	manager.sun_family = AF_UNIX;
	memcpy(manager.sun_path, path, len);
	if (*path == '@')
		*manager.sun_path = '\0';
	manager_len = offsetof(struct sockaddr_un, sun_path) + len;
	return true;
}

/* Twice as often as it is wanted; not at all when it is not our watchdog. */
static bool set_watchdog(const char *usec, const char *pid, struct error *error)
{
	unsigned long long value;
	char *end;

	interval = 0;
	if (!usec || (pid && strtoll(pid, NULL, 10) != getpid()))
		return true;
	errno = 0;
	value = strtoull(usec, &end, 10);
	if (*usec < '0' || *usec > '9' || *end || errno || !value)
		return set_error(error, "WATCHDOG_USEC: \"%s\" is not a number of microseconds",
				 usec);
	interval = value / 2000 ? value / 2000 : 1;
	return true;
}

bool notify_open(struct error *error)
{
	const char *path = getenv("NOTIFY_SOCKET");

	if (!path || !*path)
		return true;
	if (!set_manager(path, error) ||
	    !set_watchdog(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"), error))
		return false;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return set_error(error, "no socket to the service manager: %s", strerror(errno));
	if (interval)
		feed(&timer);
	return true;
}

void notify_close(void)
{
	loop_cancel(&timer);
	if (fd >= 0)
		close(fd);
	fd = -1;
}

void notify_ready(void)
{
	tell("READY=1");
}

void notify_reloading(void)
{
	struct timespec now;
	char text[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
		 now.tv_sec * 1000000LL + now.tv_nsec / 1000);
	tell(text);
}

void notify_stopping(void)
{
	tell("STOPPING=1");
}

void notify_status(const char *fmt, ...)
{
	char text[512] = "STATUS=", *c;
	size_t start = strlen(text);
	va_list args;

	va_start(args, fmt);
	vsnprintf(text + start, sizeof(text) - start, fmt, args);
	va_end(args);
	/* A second line would be another message */
	for (c = text + start; *c; c++)
		if (*c == '\n')
			*c = ' ';
	tell(text);
}
