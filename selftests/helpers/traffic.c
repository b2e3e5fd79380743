// SPDX-License-Identifier: GPL-2.0
/*
 * traffic - send and receive data that the receiver can check
 *
 * The receiver listens before it starts COMMAND, which is to start the sender,
 * so that nobody waits. The bytes are those of a generator both sides know.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

#define MAX_SIZE 65536

struct options {
	bool tcp;
	int bytes;	/* tcp */
	int size;	/* udp: of a datagram */
	int count;	/* udp: datagrams; buffers of them with gso */
	int gso;	/* udp: bytes of a segment */
	int df;		/* IP_PMTUDISC_*, -1 = default */
	int mss;
	int flows;	/* udp: source ports */
	int nocheck;	/* udp */
	int ports;	/* udp: unconnected sockets, which have no hash for packets, from here */
	int seconds;
};

static void die(const char *what)
{
	fprintf(stderr, "traffic: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Byte number @at of stream @seed. */
static uint8_t byte_at(uint32_t seed, uint32_t at)
{
	uint32_t x = (at >> 2) * 2654435761u ^ seed * 40503u;

	x ^= x >> 15;
	x *= 2246822519u;
	return x >> ((at & 3) * 8);
}

static void fill(uint8_t *data, size_t len, uint32_t seed, uint32_t at)
{
	size_t i;

	for (i = 0; i < len; i++)
		data[i] = byte_at(seed, at + i);
}

static size_t count_bad(const uint8_t *data, size_t len, uint32_t seed, uint32_t at)
{
	size_t i, bad = 0;

	for (i = 0; i < len; i++)
		bad += data[i] != byte_at(seed, at + i);
	return bad;
}

static void set(int fd, int level, int name, int value, const char *what)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)))
		die(what);
}

static struct addrinfo *resolve(const struct options *opt, const char *host, const char *port)
{
	struct addrinfo hints = {
		.ai_family = host ? AF_UNSPEC : AF_INET6,
		.ai_socktype = opt->tcp ? SOCK_STREAM : SOCK_DGRAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | (host ? 0 : AI_PASSIVE),
	};
	struct addrinfo *info;

	if (getaddrinfo(host, port, &hints, &info))
		die(host ? host : port);
	return info;
}

/* --- sending -------------------------------------------------------------- */

static struct sockaddr_storage target;
static socklen_t target_len;	/* 0: connected */

static int connect_to(const struct options *opt, const char *host, const char *port)
{
	struct addrinfo *info = resolve(opt, host, port);
	bool v4 = info->ai_family == AF_INET;
	int fd = socket(info->ai_family, info->ai_socktype, 0);

	if (fd < 0)
		die("socket");
	if (opt->df >= 0)
		set(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER,
		    opt->df, "df");
	if (opt->mss)
		set(fd, IPPROTO_TCP, TCP_MAXSEG, opt->mss, "mss");
	if (opt->nocheck)
		set(fd, SOL_SOCKET, SO_NO_CHECK, 1, "nocheck");
	if (opt->gso)
		set(fd, IPPROTO_UDP, UDP_SEGMENT, opt->gso, "gso");
	if (opt->ports) {
		static struct sockaddr_in6 own;	/* the port is where sockaddr_in has it */
		static int used;

		own.sin6_family = info->ai_family;
		own.sin6_port = htons(opt->ports + used++);
		if (bind(fd, (struct sockaddr *)&own, info->ai_addrlen))
			die("bind");
		target_len = info->ai_addrlen;
		memcpy(&target, info->ai_addr, target_len);
	} else if (connect(fd, info->ai_addr, info->ai_addrlen)) {
		die(host);
	}
	freeaddrinfo(info);
	return fd;
}

static int send_tcp(const struct options *opt, const char *host, const char *port)
{
	static uint8_t data[MAX_SIZE];
	int fd = connect_to(opt, host, port);
	long at = 0;

	while (at < opt->bytes) {
		size_t len = opt->bytes - at < MAX_SIZE ? opt->bytes - at : MAX_SIZE;
		ssize_t done;

		fill(data, len, 0, at);
		done = send(fd, data, len, MSG_NOSIGNAL);
		if (done < 0)
			die("send");
		at += done;
	}
	shutdown(fd, SHUT_WR);
	/* The receiver closes once it has everything. */
	while (read(fd, data, sizeof(data)) > 0)
		;
	close(fd);
	return 0;
}

/* Datagrams, or segments of one buffer, each begin with their number. */
static void fill_segments(uint8_t *data, int size, int segment, uint32_t *number)
{
	int at, len;

	for (at = 0; at < size; at += segment) {
		len = size - at < segment ? size - at : segment;
		fill(data + at, len, *number, 0);
		if (len >= 4)
			*(uint32_t *)(data + at) = htonl(*number);
		++*number;
	}
}

static int send_udp(const struct options *opt, const char *host, const char *port)
{
	static uint8_t data[MAX_SIZE];
	uint32_t number = 0;
	int flow, i, fd, errors = 0;

	for (flow = 0; flow < opt->flows; flow++) {
		fd = connect_to(opt, host, port);
		for (i = 0; i < opt->count; i++) {
			fill_segments(data, opt->size, opt->gso ? opt->gso : opt->size, &number);
			if (sendto(fd, data, opt->size, 0,
				   target_len ? (struct sockaddr *)&target : NULL,
				   target_len) != opt->size) {
				fprintf(stderr, "traffic: send: %s\n", strerror(errno));
				errors++;
			}
		}
		close(fd);
	}
	return errors ? 1 : 0;
}

/* --- receiving ------------------------------------------------------------ */

struct result {
	long count;
	long bytes;
	long bad;
	long late;	/* datagrams behind one that was sent after them */
};

static int listen_at(const struct options *opt, const char *port)
{
	struct addrinfo *info = resolve(opt, NULL, port);
	int fd = socket(AF_INET6, info->ai_socktype | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1, "reuse");
	set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0, "v6only");
	if (!opt->tcp)
		set(fd, SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20, "rcvbuf");
	if (bind(fd, info->ai_addr, info->ai_addrlen) || (opt->tcp && listen(fd, 8)))
		die(port);
	freeaddrinfo(info);
	return fd;
}

static pid_t start(char **command)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	execvp(command[0], command);
	die(command[0]);
	return -1;
}

static bool readable(int fd, int ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, ms) > 0;
}

static void recv_tcp(const struct options *opt, int listener, struct result *result)
{
	static uint8_t data[MAX_SIZE];
	ssize_t len;
	int fd;

	if (!readable(listener, opt->seconds * 1000))
		return;
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		die("accept");
	while (readable(fd, opt->seconds * 1000)) {
		len = read(fd, data, sizeof(data));
		if (len <= 0)
			break;
		result->bad += count_bad(data, len, 0, result->bytes);
		result->bytes += len;
		result->count++;
	}
	close(fd);
}

static void recv_udp(const struct options *opt, int fd, struct result *result)
{
	static uint8_t data[MAX_SIZE];
	uint32_t number, next = 0;
	ssize_t len;

	while (result->count < opt->count && readable(fd, opt->seconds * 1000)) {
		len = recv(fd, data, sizeof(data), 0);
		if (len < 0)
			continue;
		if (len >= 4) {
			number = ntohl(*(uint32_t *)data);
			result->bad += count_bad(data + 4, len - 4, number, 4);
			result->late += number < next;
			next = number + 1;
		}
		result->bytes += len;
		result->count++;
	}
}

static int receive(const struct options *opt, const char *port, char **command)
{
	int fd = listen_at(opt, port), status = 1;
	struct result result = {};
	pid_t pid = start(command);
	bool missing;

	if (opt->tcp)
		recv_tcp(opt, fd, &result);
	else
		recv_udp(opt, fd, &result);
	printf("received=%ld bytes=%ld bad=%ld late=%ld\n", result.count, result.bytes, result.bad,
	       result.late);
	fflush(stdout);
	close(fd);
	missing = opt->tcp ? result.bytes < opt->bytes : result.count < opt->count;
	if (missing)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (result.bad || missing)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* --- command line --------------------------------------------------------- */

static void usage(void)
{
	fputs("Usage: traffic recv tcp|udp PORT [OPTION=VALUE...] COMMAND...\n"
	      "       traffic send tcp|udp ADDRESS PORT [OPTION=VALUE...]\n"
	      "  bytes=N    tcp: to send; to receive at least\n"
	      "  size=N     udp: bytes of a datagram (1000); with gso of all segments of a call\n"
	      "  n=N        udp: datagrams (1)\n"
	      "  gso=N      udp: bytes of a segment\n"
	      "  flows=N    udp: send n datagrams from each of so many sockets (1)\n"
	      "  df=N       IP_PMTUDISC_*: 0 don't fragment bit clear, 2 set, 3 probe\n"
	      "  ports=N    udp: sockets have ports from N on and are not connected\n"
	      "  mss=N      tcp\n"
	      "  nocheck=1  udp: no checksum\n"
	      "  t=SECONDS  the receiver gives up when nothing came for so long (5)\n"
	      "Exit status of the receiver: 0 when all came and was right.\n", stderr);
	exit(2);
}

static const struct {
	const char *name;
	size_t at;
} names[] = {
	{ "bytes", offsetof(struct options, bytes) },
	{ "size", offsetof(struct options, size) },
	{ "n", offsetof(struct options, count) },
	{ "gso", offsetof(struct options, gso) },
	{ "df", offsetof(struct options, df) },
	{ "mss", offsetof(struct options, mss) },
	{ "flows", offsetof(struct options, flows) },
	{ "ports", offsetof(struct options, ports) },
	{ "nocheck", offsetof(struct options, nocheck) },
	{ "t", offsetof(struct options, seconds) },
};

static bool parse(struct options *opt, const char *word)
{
	const char *value = strchr(word, '=');
	size_t i;

	for (i = 0; value && i < sizeof(names) / sizeof(*names); i++) {
		if (strlen(names[i].name) != (size_t)(value - word) ||
		    strncmp(names[i].name, word, value - word))
			continue;
		*(int *)((char *)opt + names[i].at) = atoi(value + 1);
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	struct options opt = { .size = 1000, .count = 1, .df = -1, .flows = 1, .seconds = 5 };
	bool sender = argc > 1 && !strcmp(argv[1], "send");
	int first = sender ? 5 : 4, i;

	if (argc < 5 || (!sender && strcmp(argv[1], "recv")))
		usage();
	opt.tcp = !strcmp(argv[2], "tcp");
	if (!opt.tcp && strcmp(argv[2], "udp"))
		usage();
	for (i = first; i < argc && parse(&opt, argv[i]); i++)
		;
	if (opt.size < 1 || opt.size > MAX_SIZE || (sender ? i < argc : i == argc))
		usage();
	if (!sender)
		return receive(&opt, argv[3], argv + i);
	return opt.tcp ? send_tcp(&opt, argv[3], argv[4]) : send_udp(&opt, argv[3], argv[4]);
}
