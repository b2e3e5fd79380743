// SPDX-License-Identifier: GPL-2.0
/*
 * xdp - attach a small generic XDP program to a device: drop one IP version
 *
 * The program is written here instruction by instruction; no compiler for BPF
 * nor library is needed. It sees layer-3 packets: the IP header comes first.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "xdp: %s: %s\n", what, strerror(errno));
	exit(1);
}

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })

/* XDP_DROP for packets of this IP version, XDP_PASS for all others. */
static int load(int version)
{
	struct bpf_insn program[] = {
		/* r2 = ctx->data; r3 = ctx->data_end */
		INSN(BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0),
		INSN(BPF_LDX | BPF_MEM | BPF_W, 3, 1, 4, 0),
		/* r0 = XDP_PASS; if (r2 + 1 > r3) exit */
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 4, 2, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 4, 0, 0, 1),
		INSN(BPF_JMP | BPF_JGT | BPF_X, 4, 3, 4, 0),
		/* if (*r2 >> 4 != version) exit; r0 = XDP_DROP */
		INSN(BPF_LDX | BPF_MEM | BPF_B, 5, 2, 0, 0),
		INSN(BPF_ALU64 | BPF_RSH | BPF_K, 5, 0, 0, 4),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 5, 0, 1, version),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_DROP),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insn_cnt = sizeof(program) / sizeof(*program),
		.insns = (uintptr_t)program,
		.license = (uintptr_t)"GPL",
	};
	int fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	if (fd < 0)
		die("load");
	return fd;
}

struct request {
	struct nlmsghdr header;
	struct ifinfomsg link;
	struct rtattr xdp;
	struct rtattr fd_attr;
	int32_t fd;
	struct rtattr flags_attr;
	uint32_t flags;
};

/* Attaches the program, or takes off what is there when fd is -1. */
static void attach(const char *name, int fd)
{
	struct request request = {
		.header = { sizeof(request), RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0 },
		.link = { .ifi_index = if_nametoindex(name) },
		.xdp = { sizeof(request) - offsetof(struct request, xdp),
			 IFLA_XDP | NLA_F_NESTED },
		.fd_attr = { 8, IFLA_XDP_FD },
		.fd = fd,
		.flags_attr = { 8, IFLA_XDP_FLAGS },
		.flags = XDP_FLAGS_SKB_MODE,
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[512];
	} answer;
	int sock = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

	if (!request.link.ifi_index)
		die(name);
	if (sock < 0 || send(sock, &request, sizeof(request), 0) < 0 ||
	    recv(sock, &answer, sizeof(answer), 0) < (ssize_t)sizeof(answer.header) + 4)
		die("netlink");
	errno = -answer.error.error;
	if (answer.error.error)
		die("attach");
	close(sock);
}

int main(int argc, char **argv)
{
	bool drop = argc == 4 && !strcmp(argv[2], "drop");

	if (!drop && (argc != 3 || strcmp(argv[2], "off"))) {
		fputs("Usage: xdp IFACE drop 4|6\n"
		      "       xdp IFACE off\n", stderr);
		return 2;
	}
	attach(argv[1], drop ? load(atoi(argv[3])) : -1);
	return 0;
}
