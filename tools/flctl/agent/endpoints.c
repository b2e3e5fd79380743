// SPDX-License-Identifier: GPL-2.0
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "endpoints.h"
#include "notify.h"

#define LOOK_UP_TIME	5000		/* milliseconds, for one name */
#define HIDDEN		"; if it lies inside Network, a route may hide it"

static bool read_addr(const struct sockaddr *sa, struct addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->family = sa->sa_family;
	if (sa->sa_family == AF_INET)
		memcpy(addr->bytes, &((const struct sockaddr_in *)sa)->sin_addr, 4);
	else if (sa->sa_family == AF_INET6)
		memcpy(addr->bytes, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
	else
		return false;
	return true;
}

/* 0 with what getaddrinfo() found, or its error. */
static int look_up(const char *host, int flags, struct addr *addrs, size_t room, size_t *count)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags }, *list, *ai;
	int ret = getaddrinfo(host, NULL, &hints, &list);

	*count = 0;
	if (ret)
		return ret;
	for (ai = list; ai && *count < room; ai = ai->ai_next)
		*count += read_addr(ai->ai_addr, &addrs[*count]);
	freeaddrinfo(list);
	return 0;
}

/* The lock of the instance is not to be held, nor is anything to outlive us. */
static void leave_behind(int fd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_range(3, fd - 1, 0);
	close_range(fd + 1, ~0U, 0);
}

/* In a process of its own, which can be killed: the resolver has no deadline. */
static pid_t start_look_up(const char *host, size_t room, int *fd)
{
	struct addr addrs[ENDPOINT_ADDRS];
	int fds[2], ret;
	size_t count;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		leave_behind(fds[1]);
		ret = look_up(host, 0, addrs, room, &count);
		if (ret)
			log_warning("cannot resolve %s: %s" HIDDEN, host, gai_strerror(ret));
		_exit(ret || write(fds[1], addrs, count * sizeof(*addrs)) < 0);
	}
	close(fds[1]);
	*fd = fds[0];
	if (pid < 0)
		close(fds[0]);
	return pid;
}

static size_t look_up_in_time(const char *host, struct addr *addrs, size_t room)
{
	struct pollfd wait = { .events = POLLIN };
	ssize_t len = 0;
	pid_t pid;
	int ready;

	pid = start_look_up(host, room, &wait.fd);
	if (pid < 0) {
		log_warning("cannot resolve %s: %s", host, strerror(errno));
		return 0;
	}
	notify_alive();
	ready = poll(&wait, 1, LOOK_UP_TIME);
	if (ready > 0)
		len = read(wait.fd, addrs, room * sizeof(*addrs));
	close(wait.fd);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (!ready)
		log_warning("cannot resolve %s within %d s" HIDDEN, host, LOOK_UP_TIME / 1000);
	return len > 0 ? len / sizeof(*addrs) : 0;
}

static size_t resolve(char *host, struct addr *addrs, size_t room)
{
	size_t count, len = strlen(host);

	if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		host++;
	}
	if (!look_up(host, AI_NUMERICHOST, addrs, room, &count))
		return count;
	return look_up_in_time(host, addrs, room);
}

static size_t addrs_of(const char *text, struct addr *addrs, size_t room)
{
	CURLU *url = curl_url();
	char *host = NULL;
	size_t count = 0;

	if (url && !curl_url_set(url, CURLUPART_URL, text, CURLU_DEFAULT_SCHEME) &&
	    !curl_url_get(url, CURLUPART_HOST, &host, 0))
		count = resolve(host, addrs, room);
	curl_free(host);
	curl_url_cleanup(url);
	return count;
}

size_t endpoint_addrs(const char *urls, struct addr addrs[ENDPOINT_ADDRS], bool *whole)
{
	char *copy = strdup(urls), *rest = copy, *text;
	size_t count = 0, found;

	*whole = copy;
	while (copy && count < ENDPOINT_ADDRS && (text = strsep(&rest, ","))) {
		if (!*text)
			continue;
		found = addrs_of(text, addrs + count, ENDPOINT_ADDRS - count);
		*whole &= found > 0;
		count += found;
	}
	free(copy);
	return count;
}
