// SPDX-License-Identifier: GPL-2.0
/*
 * inject - what a packet costs in the kernel, in nanoseconds
 *
 *	inject [-r ROUNDS] [-n PACKETS] [-p PROCESSORS] CASE...
 *
 * A CASE is NAME:tx|rx:NETNS:DEVICE:NODES[:OPTION...]. Packets are put into the
 * receive path of DEVICE by BPF_PROG_TEST_RUN with live frames. The program, which
 * is written here instruction by instruction, rewrites every header each time, for
 * frames are used again, and chooses a node at random:
 *
 *	tx  a packet of a local pod, 10.0.0.10, to a pod of the node
 *	rx  one of a pod of the node to 10.0.0.10, in VXLAN, from the node's VTEP to
 *	    172.16.0.1; VNI 1, port 8472
 *
 * Node i has the subnet 10.0.0.0/24 + i * 256 and the VTEP 172.16.0.10 + i, i from 1.
 * OPTION: tcp (segments instead of datagrams), plain (rx without VXLAN), geneve
 * (rx in that, port 6081), vni=N, port=N.
 *
 * Cases take turns. Each turn is measured twice: with frames that go on, and with
 * the same program throwing them away, which is the cost of the injector. Prints
 * "ROUND NAME ON AWAY", nanoseconds for one packet as the kernel measures them, which
 * are instructions where QEMU counts these. The first round warms caches and is
 * not printed.
 *
 * With -p each turn is measured on one processor, by turns, and on so many at the same
 * time, with PACKETS for each; nothing is thrown away. Prints "ROUND NAME ALONE
 * TOGETHER", nanoseconds from one packet to the next, whichever processor it is on;
 * and nothing where one has waited for the others, which is for a busy host.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POD_BASE	0x0a00000au	/* 10.0.0.10 */
#define VTEP_BASE	0xac10000au	/* 172.16.0.10 */
#define UNDERLAY	0xac100001u	/* 172.16.0.1 */
#define PAYLOAD		18
#define MAX_FRAME	256
#define MAX_CASES	64
#define MAX_INSNS	256
#define MAX_PROCESSORS	16

struct frame {
	uint8_t data[MAX_FRAME];
	int len;
	int headers;			/* what is rewritten */
	int inner;			/* offset of the IP header with the pod's address */
	int outer;			/* of the one with the VTEP's, 0 = none */
};

struct test {
	const char *name;
	char *netns;
	char *device;
	bool rx;
	bool tcp;
	bool plain;
	bool geneve;
	uint32_t nodes;
	uint32_t vni;
	uint16_t port;
	int ns;
	uint32_t ifindex;
	int go_on, throw_away;		/* programs */
	struct frame frame;
};

static void die(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* --- frames --------------------------------------------------------------- */

static void *put(struct frame *frame, int size)
{
	void *at = frame->data + frame->len;

	frame->len += size;
	return at;
}

static void put_eth(struct frame *frame, const uint8_t *to, uint16_t proto)
{
	struct ethhdr *eth = put(frame, sizeof(*eth));

	memcpy(eth->h_dest, to, ETH_ALEN);
	memcpy(eth->h_source, "\2\0\0\0\0\1", ETH_ALEN);
	eth->h_proto = htons(proto);
}

/* The address that the program writes and the checksum are left 0. */
static void put_ip(struct frame *frame, uint8_t proto, uint32_t saddr, uint32_t daddr, int payload)
{
	struct iphdr *ip = put(frame, sizeof(*ip));

	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = htons(sizeof(*ip) + payload);
	ip->ttl = 64;
	ip->protocol = proto;
	ip->saddr = htonl(saddr);
	ip->daddr = htonl(daddr);
}

static void put_udp(struct frame *frame, uint16_t from, uint16_t to, int payload)
{
	struct udphdr *udp = put(frame, sizeof(*udp));

	udp->source = htons(from);
	udp->dest = htons(to);
	udp->len = htons(sizeof(*udp) + payload);
}

static void put_tcp(struct frame *frame)
{
	struct tcphdr *tcp = put(frame, sizeof(*tcp));

	tcp->source = htons(40000);
	tcp->dest = htons(5001);
	tcp->doff = 5;
	tcp->ack = 1;
	tcp->window = htons(1000);
}

static void put_pod_packet(struct frame *frame, const struct test *test)
{
	int l4 = PAYLOAD + (test->tcp ? sizeof(struct tcphdr) : sizeof(struct udphdr));

	frame->inner = frame->len;
	put_ip(frame, test->tcp ? IPPROTO_TCP : IPPROTO_UDP, test->rx ? 0 : POD_BASE,
	       test->rx ? POD_BASE : 0, l4);
	if (test->tcp)
		put_tcp(frame);
	else
		put_udp(frame, 40000, 5001, PAYLOAD);
}

static void put_outer(struct frame *frame, const struct test *test)
{
	int inner = 22 + sizeof(struct iphdr) + PAYLOAD +
		    (test->tcp ? sizeof(struct tcphdr) : sizeof(struct udphdr));
	uint32_t *tunnel;

	frame->outer = frame->len;
	put_ip(frame, IPPROTO_UDP, 0, UNDERLAY, sizeof(struct udphdr) + inner);
	put_udp(frame, 50000, test->port, inner);
	tunnel = put(frame, 8);
	tunnel[0] = htonl(test->geneve ? ETH_P_TEB : 0x08000000);
	tunnel[1] = htonl(test->vni << 8);
}

static void get_mac(const char *device, uint8_t *mac)
{
	struct ifreq request = { 0 };
	int sock = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(request.ifr_name, IFNAMSIZ, "%s", device);
	if (sock < 0 || ioctl(sock, SIOCGIFHWADDR, &request) < 0)
		die(device);
	memcpy(mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
	close(sock);
}

static void make_frame(struct test *test)
{
	struct frame *frame = &test->frame;
	uint8_t mac[ETH_ALEN];

	get_mac(test->device, mac);
	put_eth(frame, mac, ETH_P_IP);
	if (test->rx && !test->plain) {
		put_outer(frame, test);
		put_eth(frame, (const uint8_t *)"\2\0\0\0\0\0", ETH_P_IP);
	}
	put_pod_packet(frame, test);
	frame->headers = frame->len;
	put(frame, PAYLOAD);
}

/* --- the program ---------------------------------------------------------- */

struct program {
	struct bpf_insn insn[MAX_INSNS];
	int len;
};

static void emit(struct program *p, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	if (p->len == MAX_INSNS) {
		errno = E2BIG;
		die("program");
	}
	p->insn[p->len++] = (struct bpf_insn){ code, dst, src, off, imm };
}

/* 16-bit words of an IP header, its address to be chosen and its checksum left out */
static uint32_t ip_sum(const uint8_t *ip)
{
	uint32_t sum = 0;
	int i;

	for (i = 0; i < 20; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	return sum;
}

/* *(be16 *)(r7 + off) = r1 */
static void emit_be16(struct program *p, int off)
{
	emit(p, BPF_ALU | BPF_END | BPF_TO_BE, 1, 0, 0, 16);
	emit(p, BPF_STX | BPF_MEM | BPF_H, 7, 1, off, 0);
}

/* The address base + (r8 << shift) at off, and the checksum of the header at ip. */
static void emit_address(struct program *p, const struct frame *frame, int ip, int off,
			 uint32_t base, int shift)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, 9, 8, 0, 0);
	emit(p, BPF_ALU | BPF_LSH | BPF_K, 9, 0, 0, shift);
	emit(p, BPF_ALU | BPF_ADD | BPF_K, 9, 0, 0, base);
	/* halves: r2, r3 */
	emit(p, BPF_ALU | BPF_MOV | BPF_X, 2, 9, 0, 0);
	emit(p, BPF_ALU | BPF_RSH | BPF_K, 2, 0, 0, 16);
	emit(p, BPF_ALU | BPF_MOV | BPF_X, 3, 9, 0, 0);
	emit(p, BPF_ALU | BPF_AND | BPF_K, 3, 0, 0, 0xffff);
	emit(p, BPF_ALU | BPF_MOV | BPF_X, 1, 2, 0, 0);
	emit_be16(p, off);
	emit(p, BPF_ALU | BPF_MOV | BPF_X, 1, 3, 0, 0);
	emit_be16(p, off + 2);
	/* r2 = folded sum */
	emit(p, BPF_ALU | BPF_ADD | BPF_X, 2, 3, 0, 0);
	emit(p, BPF_ALU | BPF_ADD | BPF_K, 2, 0, 0, ip_sum(frame->data + ip));
	for (int i = 0; i < 2; i++) {
		emit(p, BPF_ALU | BPF_MOV | BPF_X, 1, 2, 0, 0);
		emit(p, BPF_ALU | BPF_RSH | BPF_K, 1, 0, 0, 16);
		emit(p, BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff);
		emit(p, BPF_ALU | BPF_ADD | BPF_X, 2, 1, 0, 0);
	}
	emit(p, BPF_ALU | BPF_MOV | BPF_X, 1, 2, 0, 0);
	emit(p, BPF_ALU | BPF_XOR | BPF_K, 1, 0, 0, 0xffff);
	emit_be16(p, ip + offsetof(struct iphdr, check));
}

/* Words must be aligned to 4 bytes from where IP is, 2 bytes before the frame. */
static void emit_headers(struct program *p, const struct frame *frame)
{
	int off = 2;

	emit(p, BPF_ST | BPF_MEM | BPF_H, 7, 0, 0, *(const uint16_t *)frame->data);
	for (; off + 4 <= frame->headers; off += 4) {
		int32_t word;

		memcpy(&word, frame->data + off, 4);
		emit(p, BPF_ST | BPF_MEM | BPF_W, 7, 0, off, word);
	}
	if (off < frame->headers)
		emit(p, BPF_ST | BPF_MEM | BPF_H, 7, 0, off, *(const uint16_t *)(frame->data + off));
}

/* r8 = 1 + a random number below nodes */
static void emit_choice(struct program *p, uint32_t nodes)
{
	emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_prandom_u32);
	emit(p, BPF_ALU | BPF_MOV | BPF_X, 8, 0, 0, 0);
	emit(p, BPF_ALU64 | BPF_MUL | BPF_K, 8, 0, 0, nodes);
	emit(p, BPF_ALU64 | BPF_RSH | BPF_K, 8, 0, 0, 32);
	emit(p, BPF_ALU64 | BPF_ADD | BPF_K, 8, 0, 0, 1);
}

static int load_program(const struct test *test, int verdict)
{
	const struct frame *frame = &test->frame;
	static char log[65536];
	struct program p = { .len = 0 };
	union bpf_attr attr = { 0 };
	int fd;

	/* r7 = data; a frame that is too short is thrown away */
	emit(&p, BPF_LDX | BPF_MEM | BPF_W, 7, 1, offsetof(struct xdp_md, data), 0);
	emit(&p, BPF_LDX | BPF_MEM | BPF_W, 3, 1, offsetof(struct xdp_md, data_end), 0);
	emit(&p, BPF_ALU64 | BPF_MOV | BPF_X, 4, 7, 0, 0);
	emit(&p, BPF_ALU64 | BPF_ADD | BPF_K, 4, 0, 0, frame->headers);
	emit(&p, BPF_JMP | BPF_JLE | BPF_X, 4, 3, 2, 0);
	emit(&p, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_DROP);
	emit(&p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);

	emit_choice(&p, test->nodes);
	emit_headers(&p, frame);
	emit_address(&p, frame, frame->inner, frame->inner + (test->rx ? 12 : 16), POD_BASE, 8);
	if (frame->outer)
		emit_address(&p, frame, frame->outer, frame->outer + 12, VTEP_BASE, 0);
	emit(&p, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, verdict);
	emit(&p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);

	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insn_cnt = p.len;
	attr.insns = (uintptr_t)p.insn;
	attr.license = (uintptr_t)"GPL";
	attr.log_buf = (uintptr_t)log;
	attr.log_size = sizeof(log);
	attr.log_level = 1;
	fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd < 0) {
		fputs(log, stderr);
		die("load");
	}
	return fd;
}

/* --- measuring ------------------------------------------------------------ */

static uint32_t run(const struct test *test, int program, uint32_t packets)
{
	struct xdp_md context = {
		.data_end = test->frame.len,
		.ingress_ifindex = test->ifindex,
	};
	union bpf_attr attr = { 0 };

	attr.test.prog_fd = program;
	attr.test.data_in = (uintptr_t)test->frame.data;
	attr.test.data_size_in = test->frame.len;
	attr.test.ctx_in = (uintptr_t)&context;
	attr.test.ctx_size_in = sizeof(context);
	attr.test.repeat = packets;
	attr.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
	if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)) < 0)
		die("BPF_PROG_TEST_RUN");
	return attr.test.duration;
}

static void enter(const struct test *test)
{
	if (setns(test->ns, CLONE_NEWNET) < 0)
		die(test->netns);
}

static void turn(const struct test *test, int round, uint32_t packets)
{
	uint32_t on, away;

	enter(test);
	away = run(test, test->throw_away, packets);
	on = run(test, test->go_on, packets);
	if (round)
		printf("%d %s %u %u\n", round, test->name, on, away);
}

/* --- many at the same time ------------------------------------------------ */

struct shared {
	int ready;			/* processes that wait for the others */
	uint64_t begin[MAX_PROCESSORS];
	uint32_t cost[MAX_PROCESSORS];	/* nanoseconds for one packet */
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* The processes that inject at the same time, on processors from the first on */
struct group {
	int first, size;
	struct shared *shared;
};

/* Starts when all are ready. */
static void run_on(const struct group *group, int which, const struct test *test,
		   uint32_t packets)
{
	struct shared *shared = group->shared;
	cpu_set_t set;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		die("prctl");
	CPU_ZERO(&set);
	CPU_SET(group->first + which, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		die("sched_setaffinity");
	__atomic_add_fetch(&shared->ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&shared->ready, __ATOMIC_SEQ_CST) < group->size)
		sched_yield();
	shared->begin[which] = now();
	shared->cost[which] = run(test, test->go_on, packets);
}

static void start(const struct group *group, const struct test *test, uint32_t packets)
{
	pid_t pid;
	int i;

	for (i = 0; i < group->size; i++) {
		pid = fork();
		if (pid < 0)
			die("fork");
		if (!pid) {
			run_on(group, i, test, packets);
			_exit(0);
		}
	}
}

static void await(int processors)
{
	int status;

	for (; processors; processors--) {
		if (wait(&status) < 0)
			die("wait");
		if (status)
			exit(1);	/* the others, which wait for it, end with this process */
	}
}

/* Nine tenths of the time, or what one has measured is not what both do. */
static bool overlap(const struct shared *shared, int processors, uint32_t packets)
{
	uint64_t last_begin = 0, first_end = UINT64_MAX, longest = 0, took;
	int i;

	for (i = 0; i < processors; i++) {
		took = (uint64_t)shared->cost[i] * packets;
		if (took > longest)
			longest = took;
		if (shared->begin[i] > last_begin)
			last_begin = shared->begin[i];
		if (shared->begin[i] + took < first_end)
			first_end = shared->begin[i] + took;
	}
	return first_end > last_begin && (first_end - last_begin) * 10 >= longest * 9;
}

/* Nanoseconds from one packet to the next of all, 0 if they were not at the same time */
static uint32_t together(int first, int processors, const struct test *test, uint32_t packets)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct group group = { .first = first, .size = processors, .shared = shared };
	double rate = 0;
	bool good;
	int i;

	if (shared == MAP_FAILED)
		die("mmap");
	start(&group, test, packets);
	await(processors);
	for (i = 0; i < processors; i++)
		rate += 1.0 / shared->cost[i];
	good = overlap(shared, processors, packets);
	munmap(shared, sizeof(*shared));
	return good ? 1 / rate : 0;
}

static void turn_together(const struct test *test, int round, int processors, uint32_t packets)
{
	uint32_t alone, all;

	fflush(stdout);			/* before there are more of it */
	enter(test);
	alone = together(round % processors, 1, test, packets);
	all = together(0, processors, test, packets);
	if (round && all)
		printf("%d %s %u %u\n", round, test->name, alone, all);
}

/* --- arguments ------------------------------------------------------------ */

static char *field(char **rest, const char *what)
{
	char *word = strsep(rest, ":");

	if (!word || !*word) {
		fprintf(stderr, "inject: a case needs %s\n", what);
		exit(2);
	}
	return word;
}

static void option(struct test *test, const char *word)
{
	if (!strcmp(word, "tcp")) {
		test->tcp = true;
	} else if (!strcmp(word, "plain")) {
		test->plain = true;
	} else if (!strcmp(word, "geneve")) {
		test->geneve = true;
		test->port = 6081;
	} else if (!strncmp(word, "vni=", 4)) {
		test->vni = atoi(word + 4);
	} else if (!strncmp(word, "port=", 5)) {
		test->port = atoi(word + 5);
	} else {
		fprintf(stderr, "inject: no option '%s'\n", word);
		exit(2);
	}
}

static void parse(struct test *test, char *text)
{
	char path[128], *rest = text, *word;

	test->name = field(&rest, "a name");
	word = field(&rest, "tx or rx");
	test->rx = !strcmp(word, "rx");
	if (!test->rx && strcmp(word, "tx")) {
		fprintf(stderr, "inject: '%s' is neither tx nor rx\n", word);
		exit(2);
	}
	test->netns = field(&rest, "a namespace");
	test->device = field(&rest, "a device");
	test->nodes = atoi(field(&rest, "a number of nodes"));
	test->vni = 1;
	test->port = 8472;
	while ((word = strsep(&rest, ":")))
		option(test, word);

	snprintf(path, sizeof(path), "/run/netns/%s", test->netns);
	test->ns = open(path, O_RDONLY | O_CLOEXEC);
	if (test->ns < 0)
		die(path);
	enter(test);
	test->ifindex = if_nametoindex(test->device);
	if (!test->ifindex)
		die(test->device);
	make_frame(test);
	test->go_on = load_program(test, XDP_PASS);
	test->throw_away = load_program(test, XDP_DROP);
}

static int number_of_processors(const char *text)
{
	int value = atoi(text);

	if (value < 1 || value > MAX_PROCESSORS) {
		fprintf(stderr, "inject: -p %s is not from 1 to %d\n", text, MAX_PROCESSORS);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	static struct test tests[MAX_CASES];
	int rounds = 15, processors = 0, ntests = 0, opt;
	uint32_t packets = 20000;

	while ((opt = getopt(argc, argv, "r:n:p:")) != -1) {
		if (opt == 'r')
			rounds = atoi(optarg);
		else if (opt == 'n')
			packets = atoi(optarg);
		else if (opt == 'p')
			processors = number_of_processors(optarg);
		else
			return 2;
	}
	for (; optind < argc && ntests < MAX_CASES; optind++)
		parse(&tests[ntests++], argv[optind]);
	for (int round = 0; round <= rounds; round++) {
		for (int i = 0; i < ntests; i++) {
			if (processors)
				turn_together(&tests[i], round, processors, packets);
			else
				turn(&tests[i], round, packets);
		}
	}
	return 0;
}
