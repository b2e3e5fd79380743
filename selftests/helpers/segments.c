// SPDX-License-Identifier: GPL-2.0
/*
 * segments - what a TCP packet of 64 KiB costs in the kernel, in nanoseconds
 *
 *	segments [-r ROUNDS] [-n PACKETS] CASE...
 *
 * A CASE is NAME:SENDER:NODE:WIRE:DEVICE:ON:AWAY. A TCP socket in the namespace
 * SENDER sends one packet of 46 segments, not yet cut, which comes in at WIRE in the
 * namespace NODE. There a program of tcx makes 128 packets of it and puts each into
 * the receive path of DEVICE. They share the payload, as packets of TCP share it
 * with the socket, and each has headers of its own.
 *
 * The socket is connected, without a peer, by TCP_REPAIR, as nobody answers. Its
 * route has to allow it to send so much at once (initcwnd 100 and more).
 *
 * Cases take turns. Each turn is measured twice: with packets to the address ON,
 * and to AWAY, which have to come with a MAC that is not that of DEVICE, so that IP
 * throws them away at once: that is the cost of all that is before. Prints "ROUND
 * NAME ON AWAY", nanoseconds for one packet; the first round warms caches and is
 * not printed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MSS		1410		/* of an overlay on 1500 bytes */
#define SEGMENTS	46
#define COPIES		128		/* less than the budget of the receive path */
#define MAX_CASES	16
#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))
#define TCX_DROP	2
#define TCX_INGRESS	46		/* BPF_TCX_INGRESS since Linux 6.6 */

struct test {
	const char *name;
	int sender;			/* namespace */
	struct sockaddr_in on, away;
};

static void die(const char *what)
{
	fprintf(stderr, "segments: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET) < 0)
		die("setns");
}

/* --- making many of one ---------------------------------------------------- */

static int load_copier(int device)
{
	const struct bpf_insn program[] = {
		{ BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 7, 0, 0, COPIES },
		/* bpf_clone_redirect() gives the packet that stays another head, so
		 * that the copy is the only owner of its own.
		 */
		{ BPF_ALU64 | BPF_MOV | BPF_X, 1, 6, 0, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, device },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, BPF_F_INGRESS },
		{ BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_clone_redirect },
		{ BPF_ALU64 | BPF_SUB | BPF_K, 7, 0, 0, 1 },
		{ BPF_JMP | BPF_JNE | BPF_K, 7, 0, -6, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, TCX_DROP },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	static char log[65536];
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SCHED_CLS,
		.insn_cnt = ARRAY_SIZE(program),
		.insns = (uintptr_t)program,
		.license = (uintptr_t)"GPL",
		.log_buf = (uintptr_t)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};
	int fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	if (fd < 0) {
		fputs(log, stderr);
		die("load");
	}
	return fd;
}

/* Until this process ends */
static void attach_copier(const char *wire, const char *device)
{
	int from = if_nametoindex(wire), to = if_nametoindex(device);
	union bpf_attr attr = { 0 };

	if (!from || !to)
		die(from ? device : wire);
	attr.link_create.prog_fd = load_copier(to);
	attr.link_create.target_ifindex = from;
	attr.link_create.attach_type = TCX_INGRESS;
	if (syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr)) < 0)
		die(wire);
}

/* --- the packet ------------------------------------------------------------ */

static void set(int sock, int option, const void *value, socklen_t size, const char *what)
{
	if (setsockopt(sock, IPPROTO_TCP, option, value, size) < 0)
		die(what);
}

static void repair(int sock, int mode)
{
	set(sock, TCP_REPAIR, &mode, sizeof(mode), "TCP_REPAIR");
}

static int open_connection(const struct sockaddr_in *to)
{
	const int mss = MSS;
	const struct tcp_repair_window window = { .snd_wnd = 1 << 20, .max_window = 1 << 20 };
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (sock < 0)
		die("socket");
	set(sock, TCP_MAXSEG, &mss, sizeof(mss), "TCP_MAXSEG");
	repair(sock, TCP_REPAIR_ON);
	if (connect(sock, (const struct sockaddr *)to, sizeof(*to)) < 0)
		die("connect");
	set(sock, TCP_REPAIR_WINDOW, &window, sizeof(window), "TCP_REPAIR_WINDOW");
	repair(sock, TCP_REPAIR_OFF_NO_WP);
	return sock;
}

/* Without a word to the peer that is not there */
static void close_connection(int sock)
{
	repair(sock, TCP_REPAIR_ON);
	close(sock);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* All of the copies have been through the stack when send() returns. */
static uint64_t send_one(const struct sockaddr_in *to)
{
	static const char payload[SEGMENTS * MSS];
	int sock = open_connection(to);
	uint64_t start = now(), took;

	if (send(sock, payload, sizeof(payload), 0) != sizeof(payload))
		die("send");
	took = now() - start;
	close_connection(sock);
	return took;
}

/* --- measuring ------------------------------------------------------------- */

static unsigned int run(const struct sockaddr_in *to, unsigned int packets)
{
	unsigned int i, sends = (packets + COPIES - 1) / COPIES;
	uint64_t sum = 0;

	for (i = 0; i < sends; i++)
		sum += send_one(to);
	return sum / (sends * COPIES);
}

static void turn(const struct test *test, int round, unsigned int packets)
{
	unsigned int on, away;

	enter(test->sender);
	away = run(&test->away, packets);
	on = run(&test->on, packets);
	if (round)
		printf("%d %s %u %u\n", round, test->name, on, away);
}

/* --- arguments ------------------------------------------------------------- */

static char *field(char **rest, const char *what)
{
	char *word = strsep(rest, ":");

	if (!word || !*word) {
		fprintf(stderr, "segments: a case needs %s\n", what);
		exit(2);
	}
	return word;
}

static int open_ns(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	return fd;
}

static struct sockaddr_in address(const char *text)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(5001) };

	if (inet_pton(AF_INET, text, &to.sin_addr) != 1) {
		fprintf(stderr, "segments: '%s' is no IPv4 address\n", text);
		exit(2);
	}
	return to;
}

static void parse(struct test *test, char *text)
{
	char *rest = text, *wire;

	test->name = field(&rest, "a name");
	test->sender = open_ns(field(&rest, "the namespace of the sender"));
	enter(open_ns(field(&rest, "the namespace of the node")));
	wire = field(&rest, "a device where packets come in");
	attach_copier(wire, field(&rest, "a device to put them into"));
	test->on = address(field(&rest, "an address to send to"));
	test->away = address(field(&rest, "an address whose packets are thrown away"));
}

int main(int argc, char **argv)
{
	static struct test tests[MAX_CASES];
	int rounds = 15, ntests = 0, opt;
	unsigned int packets = 10240;

	while ((opt = getopt(argc, argv, "r:n:")) != -1) {
		if (opt == 'r')
			rounds = atoi(optarg);
		else if (opt == 'n')
			packets = atoi(optarg);
		else
			return 2;
	}
	for (; optind < argc && ntests < MAX_CASES; optind++)
		parse(&tests[ntests++], argv[optind]);
	for (int round = 0; round <= rounds; round++)
		for (int i = 0; i < ntests; i++)
			turn(&tests[i], round, packets);
	return 0;
}
