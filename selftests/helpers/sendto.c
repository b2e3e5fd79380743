// SPDX-License-Identifier: GPL-2.0
/*
 * sendto - one UDP datagram to each address that standard input lists
 *
 *	sendto [PORT] <ADDRESSES
 *
 * Prints how many the kernel took. What it says of the others (no route,
 * unreachable) does not stop it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int fill4(struct sockaddr_storage *to, const char *text, int port)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)to;

	sin->sin_family = AF_INET;
	sin->sin_port = htons(port);
	return inet_pton(AF_INET, text, &sin->sin_addr) == 1 ? sizeof(*sin) : 0;
}

static int fill6(struct sockaddr_storage *to, const char *text, int port)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)to;

	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(port);
	return inet_pton(AF_INET6, text, &sin6->sin6_addr) == 1 ? sizeof(*sin6) : 0;
}

static int send_one(int fd, const struct sockaddr_storage *to, int len)
{
	/* the error of an earlier datagram may be reported now: once more */
	return sendto(fd, "x", 1, 0, (const void *)to, len) == 1 ||
	       sendto(fd, "x", 1, 0, (const void *)to, len) == 1;
}

int main(int argc, char **argv)
{
	int fd4 = socket(AF_INET, SOCK_DGRAM, 0), fd6 = socket(AF_INET6, SOCK_DGRAM, 0);
	int port = argc > 1 ? atoi(argv[1]) : 9, sent = 0, len;
	struct sockaddr_storage to;
	char line[128];

	if (argc > 2 || port <= 0 || fd4 < 0) {
		fputs("usage: sendto [PORT] <ADDRESSES\n", stderr);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		memset(&to, 0, sizeof(to));
		line[strcspn(line, "\n")] = '\0';
		len = strchr(line, ':') ? fill6(&to, line, port) : fill4(&to, line, port);
		if (!len) {
			fprintf(stderr, "sendto: no address: %s\n", line);
			return 1;
		}
		sent += send_one(strchr(line, ':') ? fd6 : fd4, &to, len);
	}
	printf("%d\n", sent);
	return 0;
}
