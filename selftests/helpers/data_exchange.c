// SPDX-License-Identifier: GPL-2.0
/*
 * data_exchange - data both ways between two network namespaces, by TCP or UDP
 *
 * Both ends live in this process. Each sends data of its own and compares what it
 * gets with what the other must have sent.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK		65536
#define PATIENCE	15	/* seconds without a byte */

static const char usage[] =
"Usage: data_exchange tcp|udp FROM TO ADDRESS [BYTES [PORT]]\n"
"\n"
"Sends from network namespace FROM (a name of 'ip netns') to ADDRESS and PORT\n"
"(5001), which is in namespace TO, or leads to port 5001 there.\n"
"  tcp  one connection, BYTES (200000) each way\n"
"  udp  one datagram of BYTES (100), and one back\n"
"Exit status 0 when all of it arrived unchanged. Prints the address that FROM is\n"
"seen with in TO.\n";

struct end {
	const char *name;
	int fd;
	uint32_t send_state, check_state;	/* of the generator */
	size_t to_send, to_get;
	size_t pending, offset;			/* of buffer, not sent yet */
	unsigned char buffer[CHUNK];
};

static uint32_t next(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 24;
}

static int socket_in(const char *ns, int family, int type)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(2, "namespace %s", ns);
	close(fd);
	fd = socket(family, type | SOCK_NONBLOCK, 0);
	if (fd < 0)
		err(2, "socket");
	return fd;
}

static void wait_for(int fd, short events, const char *what)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	if (poll(&pfd, 1, PATIENCE * 1000) != 1)
		errx(1, "%s: nothing for %d seconds", what, PATIENCE);
}

static int listen_in(const char *ns, int family, int type, int port)
{
	struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr *any = family == AF_INET ? (void *)&any4 : (void *)&any6;
	socklen_t len = family == AF_INET ? sizeof(any4) : sizeof(any6);
	int fd = socket_in(ns, family, type), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, any, len) || (type == SOCK_STREAM && listen(fd, 1)))
		err(2, "listen in %s", ns);
	return fd;
}

static int connect_in(const char *ns, int type, const char *address, int port)
{
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in to4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int error, fd, family = strchr(address, ':') ? AF_INET6 : AF_INET;
	struct sockaddr *to = family == AF_INET ? (void *)&to4 : (void *)&to6;
	socklen_t len = family == AF_INET ? sizeof(to4) : sizeof(to6);

	if (inet_pton(family, address, family == AF_INET ? (void *)&to4.sin_addr :
							   (void *)&to6.sin6_addr) != 1)
		errx(2, "%s is no address", address);
	fd = socket_in(ns, family, type);
	if (connect(fd, to, len) && errno != EINPROGRESS)
		err(1, "connect to %s", address);
	wait_for(fd, POLLOUT, "connect");
	len = sizeof(error);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error)
		errx(1, "connect to %s: %s", address, strerror(error));
	return fd;
}

static void print_address(const struct sockaddr_storage *peer)
{
	char text[INET6_ADDRSTRLEN];

	if (peer->ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)peer)->sin_addr, text,
			  sizeof(text));
	else
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)peer)->sin6_addr, text,
			  sizeof(text));
	puts(text);
}

static int accept_one(int listener)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	int fd;

	wait_for(listener, POLLIN, "accept");
	fd = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK);
	if (fd < 0)
		err(1, "accept");
	print_address(&peer);
	return fd;
}

static void fill(struct end *end)
{
	size_t i, n = end->to_send < CHUNK ? end->to_send : CHUNK;

	for (i = 0; i < n; i++)
		end->buffer[i] = next(&end->send_state);
	end->to_send -= n;
	end->pending = n;
	end->offset = 0;
}

static void send_some(struct end *end)
{
	ssize_t n;

	if (!end->pending)
		fill(end);
	n = send(end->fd, end->buffer + end->offset, end->pending, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN)
		err(1, "%s: send", end->name);
	if (n < 0)
		return;
	end->offset += n;
	end->pending -= n;
	if (!end->pending && !end->to_send)
		shutdown(end->fd, SHUT_WR);
}

/* Returns whether the other end has said that this was all. */
static int get_some(struct end *end)
{
	static unsigned char got[CHUNK];
	ssize_t i, n = recv(end->fd, got, sizeof(got), 0);

	if (n < 0 && errno != EAGAIN)
		err(1, "%s: receive", end->name);
	if (n == 0 && end->to_get)
		errx(1, "%s: ended %zu bytes too early", end->name, end->to_get);
	if (n > (ssize_t)end->to_get)
		errx(1, "%s: more data than was sent", end->name);
	for (i = 0; i < n; i++)
		if (got[i] != next(&end->check_state))
			errx(1, "%s: wrong data, %zu bytes before the end", end->name,
			     end->to_get - i);
	end->to_get -= n > 0 ? n : 0;
	return n == 0;
}

static void exchange(struct end ends[2])
{
	struct pollfd pfd[2];
	int i, open = 2;

	for (i = 0; i < 2; i++)
		pfd[i] = (struct pollfd){ .fd = ends[i].fd, .events = POLLIN | POLLOUT };
	while (open) {
		if (poll(pfd, 2, PATIENCE * 1000) < 1)
			errx(1, "nothing for %d seconds, still to get: %zu there, %zu here",
			     PATIENCE, ends[1].to_get, ends[0].to_get);
		for (i = 0; i < 2; i++) {
			if (pfd[i].revents & POLLOUT && (ends[i].pending || ends[i].to_send))
				send_some(&ends[i]);
			if (!ends[i].pending && !ends[i].to_send)
				pfd[i].events &= ~POLLOUT;
			if (pfd[i].revents & (POLLIN | POLLERR | POLLHUP) && get_some(&ends[i])) {
				pfd[i].events &= ~POLLIN;
				open--;
			}
			if (!pfd[i].events)
				pfd[i].fd = -1;
		}
	}
}

/* One datagram there, whose sender becomes the peer, and another one back. */
static void echo(int here, int there, size_t bytes)
{
	static unsigned char sent[65536], got[65536];
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	uint32_t state = 1;
	size_t i;

	for (i = 0; i < bytes; i++)
		sent[i] = next(&state);
	if (send(here, sent, bytes, 0) != (ssize_t)bytes)
		err(1, "send");
	wait_for(there, POLLIN, "there");
	if (recvfrom(there, got, sizeof(got), 0, (struct sockaddr *)&peer, &len) !=
	    (ssize_t)bytes || memcmp(sent, got, bytes))
		errx(1, "there: not what was sent");
	print_address(&peer);

	for (i = 0; i < bytes; i++)
		sent[i] = next(&state);
	if (sendto(there, sent, bytes, 0, (struct sockaddr *)&peer, len) != (ssize_t)bytes)
		err(1, "answer");
	wait_for(here, POLLIN, "answer");
	if (recv(here, got, sizeof(got), 0) != (ssize_t)bytes || memcmp(sent, got, bytes))
		errx(1, "here: not what was answered");
}

int main(int argc, char **argv)
{
	static struct end ends[2] = {
		{ .name = "here", .send_state = 1, .check_state = 2 },
		{ .name = "there", .send_state = 2, .check_state = 1 },
	};
	int type, port, listener, i;
	size_t bytes;

	if (argc < 5 || argc > 7) {
		fputs(usage, stderr);
		return 2;
	}
	type = strcmp(argv[1], "udp") ? SOCK_STREAM : SOCK_DGRAM;
	bytes = argc > 5 ? strtoul(argv[5], NULL, 0) : type == SOCK_DGRAM ? 100 : 200000;
	port = argc > 6 ? atoi(argv[6]) : 5001;
	if (!bytes || (type == SOCK_DGRAM && bytes > 65000))
		errx(2, "%s bytes cannot be sent", argv[5]);

	listener = listen_in(argv[3], strchr(argv[4], ':') ? AF_INET6 : AF_INET, type, 5001);
	ends[0].fd = connect_in(argv[2], type, argv[4], port);
	if (type == SOCK_DGRAM) {
		echo(ends[0].fd, listener, bytes);
		return 0;
	}
	ends[1].fd = accept_one(listener);
	for (i = 0; i < 2; i++)
		ends[i].to_send = ends[i].to_get = bytes;
	exchange(ends);
	return 0;
}
