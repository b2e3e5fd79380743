// SPDX-License-Identifier: GPL-2.0
/*
 * sniff - print VXLAN packets on an interface, every header and checksum
 *
 * Listens before COMMAND starts and until it has ended, so that nothing is
 * missed and nobody waits for long. One line for a packet, KEY=VALUE:
 *
 *	dir	in|out|other
 *	o	4|6, family of the outer header; absent with -a and no tunnel
 *	osrc odst otos ottl odf oid
 *	ofrag	OFFSET, with + when more follow; absent when no fragment
 *	oip	ok|bad, IPv4 header checksum
 *	sport dport
 *	oudp	ok|bad|none|gso, UDP checksum
 *	vni vflags dmac smac etype
 *	i	4|6, family of the inner header, then isrc idst itos ittl idf ifrag
 *		iip, and ihl (IPv4) or iext (IPv6, extension headers as numbers)
 *	ilen	bytes of the inner packet by its own header
 *	proto	inner protocol
 *	isport idport
 *	il4	ok|bad|none|partial|gso, inner checksum; partial: the interface
 *		is to fill it in (outer ones are checked as if it had)
 *	gso	bytes of payload of each segment; absent when none
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct options {
	unsigned int port;
	int count;
	int wait_ms;
	bool all;
	bool in_only;
	bool out_only;
};

/* One packet: the rest of it, and what the kernel left to the interface. */
struct packet {
	uint8_t *data;
	uint8_t *end;
	uint8_t *partial;
	unsigned int gso;
};

/* An IP header that has been read. */
struct ip {
	int family;
	int proto;
	bool fragment;
	const uint8_t *saddr;
	const uint8_t *daddr;
	uint8_t *l4;
	uint8_t *end;
};

static unsigned int get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t sum(const uint8_t *p, size_t len, uint32_t value)
{
	for (; len > 1; len -= 2, p += 2)
		value += get16(p);
	if (len)
		value += p[0] << 8;
	while (value >> 16)
		value = (value & 0xffff) + (value >> 16);
	return value;
}

static uint32_t pseudo(const struct ip *ip, size_t len)
{
	size_t n = ip->family == 4 ? 4 : 16;

	return sum(ip->daddr, n, sum(ip->saddr, n, ip->proto + len));
}

static const char *verdict(uint32_t value)
{
	return value == 0xffff ? "ok" : "bad";
}

static void print_address(const char *name, int family, const uint8_t *addr)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(family == 4 ? AF_INET : AF_INET6, addr, text, sizeof(text));
	printf(" %s=%s", name, text);
}

static void print_frag(char side, unsigned int offset, bool more)
{
	printf(" %cfrag=%u%s", side, offset, more ? "+" : "");
}

static bool read_ip4(char side, const struct packet *pkt, struct ip *ip)
{
	uint8_t *h = pkt->data;
	unsigned int hl = (h[0] & 15) * 4, len = get16(h + 2), frag = get16(h + 6);

	if (pkt->end - h < 20 || hl < 20 || pkt->end - h < hl)
		return false;
	*ip = (struct ip){ 4, h[9], frag & 0x3fff, h + 12, h + 16, h + hl, pkt->end };
	if (len >= hl && len < pkt->end - h)
		ip->end = h + len;
	printf(" %ctos=%02x %cttl=%u %cdf=%u", side, h[1], side, h[8], side, frag >> 14 & 1);
	printf(" %cid=%u", side, get16(h + 4));
	if (ip->fragment)
		print_frag(side, (frag & 0x1fff) * 8, frag & 0x2000);
	printf(" %cip=%s", side, verdict(sum(h, hl, 0)));
	if (side == 'i')
		printf(" ihl=%u ilen=%u", hl, len);
	return true;
}

static bool is_extension(int proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING ||
	       proto == IPPROTO_DSTOPTS || proto == IPPROTO_FRAGMENT;
}

static bool read_ip6(char side, const struct packet *pkt, struct ip *ip)
{
	uint8_t *h = pkt->data, *p = h + 40;
	unsigned int len = get16(h + 4);
	const char *separator = "";
	int next = h[6];

	if (pkt->end - h < 40)
		return false;
	*ip = (struct ip){ 6, next, false, h + 8, h + 24, p, pkt->end };
	if (len && p + len < ip->end)
		ip->end = p + len;
	printf(" %ctos=%02x %cttl=%u", side, (h[0] & 15) << 4 | h[1] >> 4, side, h[7]);
	if (side == 'i')
		printf(" ilen=%u iext=", len + 40);
	while (is_extension(next) && ip->end - p >= 8) {
		bool fragment = next == IPPROTO_FRAGMENT;

		if (side == 'i')
			printf("%s%d", separator, next);
		separator = ",";
		if (fragment) {
			ip->fragment = true;
			print_frag(side, get16(p + 2) & ~7, p[3] & 1);
		}
		next = p[0];
		p += fragment ? 8 : (p[1] + 1) * 8;
	}
	ip->proto = next;
	ip->l4 = p;
	return p <= ip->end;
}

static bool read_ip(char side, const struct packet *pkt, struct ip *ip)
{
	bool valid;

	if (pkt->end - pkt->data < 20)
		return false;
	printf(" %c=%d", side, pkt->data[0] >> 4);
	switch (pkt->data[0] >> 4) {
	case 4:
		valid = read_ip4(side, pkt, ip);
		break;
	case 6:
		valid = pkt->end - pkt->data >= 40 && read_ip6(side, pkt, ip);
		break;
	default:
		return false;
	}
	if (!valid)
		return false;
	print_address(side == 'o' ? "osrc" : "isrc", ip->family, ip->saddr);
	print_address(side == 'o' ? "odst" : "idst", ip->family, ip->daddr);
	return true;
}

/* The checksum of what an IP header carries. */
static const char *check_l4(const struct packet *pkt, const struct ip *ip)
{
	size_t len = ip->end - ip->l4;

	if (pkt->gso)
		return "gso";
	if (pkt->partial == ip->l4)
		return "partial";
	switch (ip->proto) {
	case IPPROTO_UDP:
		if (len >= 8 && get16(ip->l4 + 4) >= 8 && get16(ip->l4 + 4) <= len)
			len = get16(ip->l4 + 4);
		if (len >= 8 && !get16(ip->l4 + 6))
			return "none";
		/* fall through */
	case IPPROTO_TCP:
	case IPPROTO_ICMPV6:
		return verdict(sum(ip->l4, len, pseudo(ip, len)));
	case IPPROTO_ICMP:
		return verdict(sum(ip->l4, len, 0));
	default:
		return "none";
	}
}

static void print_inner(struct packet *pkt)
{
	struct ip ip;

	if (!read_ip('i', pkt, &ip))
		return;
	printf(" proto=%d", ip.proto);
	if (ip.fragment)
		return;
	if ((ip.proto == IPPROTO_UDP || ip.proto == IPPROTO_TCP) && ip.end - ip.l4 >= 4)
		printf(" isport=%u idport=%u", get16(ip.l4), get16(ip.l4 + 2));
	printf(" il4=%s", check_l4(pkt, &ip));
}

static void print_mac(const char *name, const uint8_t *m)
{
	printf(" %s=%02x:%02x:%02x:%02x:%02x:%02x", name, m[0], m[1], m[2], m[3], m[4], m[5]);
}

static void print_vxlan(struct packet *pkt)
{
	uint8_t *p = pkt->data;

	if (pkt->end - p < 22)
		return;
	printf(" vflags=%02x%02x%02x%02x vni=%u", p[0], p[1], p[2], p[3],
	       p[4] << 16 | p[5] << 8 | p[6]);
	print_mac("dmac", p + 8);
	print_mac("smac", p + 14);
	printf(" etype=%04x", get16(p + 20));
	pkt->data = p + 22;
	print_inner(pkt);
}

static void print_outer(struct packet *pkt)
{
	struct ip ip;

	if (!read_ip('o', pkt, &ip) || ip.fragment || ip.end - ip.l4 < 8)
		return;
	printf(" sport=%u dport=%u oudp=%s", get16(ip.l4), get16(ip.l4 + 2), check_l4(pkt, &ip));
	pkt->data = ip.l4 + 8;
	print_vxlan(pkt);
}

/* Is this our tunnel's, or a fragment of UDP, which nobody can tell? */
static bool is_tunnel(const struct packet *pkt, unsigned int port)
{
	const uint8_t *h = pkt->data;
	unsigned int offset;

	if (pkt->end - h < 28)
		return false;
	if (h[0] >> 4 == 4) {
		offset = get16(h + 6) & 0x1fff;
		return h[9] == IPPROTO_UDP &&
		       (offset || get16(h + (h[0] & 15) * 4 + 2) == port);
	}
	if (h[0] >> 4 != 6 || pkt->end - h < 52)
		return false;
	if (h[6] == IPPROTO_FRAGMENT) {
		offset = get16(h + 42) & ~7;
		return h[40] == IPPROTO_UDP && (offset || get16(h + 50) == port);
	}
	return h[6] == IPPROTO_UDP && get16(h + 42) == port;
}

/* Does what the kernel left to the interface. */
static void fill_partial(struct packet *pkt, const struct virtio_net_hdr *vnet, uint8_t *frame)
{
	uint8_t *start = frame + vnet->csum_start, *at = start + vnet->csum_offset;
	uint16_t value;

	if (!(vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || at + 2 > pkt->end)
		return;
	pkt->partial = start;
	if (pkt->gso)
		return;
	value = ~sum(start, pkt->end - start, 0);
	at[0] = value >> 8;
	at[1] = value;
}

static const char *direction(int type)
{
	return type == PACKET_OUTGOING ? "out" : type == PACKET_HOST ? "in" : "other";
}

/* Prints one frame; returns whether it was one to print. */
static bool print_frame(const struct options *opt, uint8_t *buffer, ssize_t len, int type, bool l3)
{
	const struct virtio_net_hdr *vnet = (const void *)buffer;
	uint8_t *frame = buffer + sizeof(*vnet);
	struct packet pkt = { .data = frame + (l3 ? 0 : ETH_HLEN), .end = buffer + len };
	bool tunnel;

	if (pkt.data >= pkt.end || (opt->in_only && type == PACKET_OUTGOING) ||
	    (opt->out_only && type != PACKET_OUTGOING))
		return false;
	tunnel = is_tunnel(&pkt, opt->port);
	if (!tunnel && !opt->all)
		return false;
	pkt.gso = vnet->gso_type & ~VIRTIO_NET_HDR_GSO_ECN ? vnet->gso_size : 0;
	fill_partial(&pkt, vnet, frame);
	printf("dir=%s len=%zd", direction(type), pkt.end - pkt.data);
	if (pkt.gso)
		printf(" gso=%u", pkt.gso);
	if (tunnel)
		print_outer(&pkt);
	else
		print_inner(&pkt);
	putchar('\n');
	return true;
}

static void die(const char *what)
{
	fprintf(stderr, "sniff: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int listen_on(const char *name)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int one = 1, size = 64 << 20, fd;

	addr.sll_ifindex = if_nametoindex(name);
	if (!addr.sll_ifindex)
		die(name);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die("packet socket");
	return fd;
}

static pid_t start(char **command)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	if (!freopen("/dev/null", "w", stdout))
		die("/dev/null");
	execvp(command[0], command);
	die(command[0]);
	return -1;
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static int read_frames(const struct options *opt, int fd)
{
	static uint8_t buffer[sizeof(struct virtio_net_hdr) + 300000];
	struct sockaddr_ll from;
	socklen_t size;
	ssize_t len;
	int seen = 0;

	for (;;) {
		size = sizeof(from);
		len = recvfrom(fd, buffer, sizeof(buffer), MSG_DONTWAIT, (struct sockaddr *)&from,
			       &size);
		if (len < 0 && errno != EINVAL)
			return seen;
		if (len > (ssize_t)sizeof(struct virtio_net_hdr))
			seen += print_frame(opt, buffer, len, from.sll_pkttype,
					    from.sll_hatype == 0xfffe);
	}
}

/* Reads while the command runs, and then until there is enough or time is up. */
static int run(const struct options *opt, int fd, char **command)
{
	pid_t pid = start(command);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	long long end = 0;
	int status = 0, seen = 0;

	for (;;) {
		poll(&poll_fd, 1, 10);
		seen += read_frames(opt, fd);
		if (pid && waitpid(pid, &status, WNOHANG) == pid) {
			pid = 0;
			end = now_ms() + opt->wait_ms;
			seen += read_frames(opt, fd);
		}
		if (!pid && (seen >= opt->count || now_ms() >= end))
			break;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void usage(void)
{
	fputs("Usage: sniff [-aio] [-p PORT] [-n COUNT] [-w MS] IFACE COMMAND...\n"
	      "  -a        print IP packets without a tunnel as well\n"
	      "  -i, -o    only those that come in, that go out\n"
	      "  -p PORT   of VXLAN, default 8472\n"
	      "  -n COUNT  after COMMAND, wait until there are so many\n"
	      "  -w MS     ... but for no longer (default 2000)\n"
	      "Exit status: that of COMMAND.\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	struct options opt = { .port = 8472, .wait_ms = 2000 };
	int c;

	while ((c = getopt(argc, argv, "+aiop:n:w:")) >= 0) {
		switch (c) {
		case 'a':
			opt.all = true;
			break;
		case 'i':
			opt.in_only = true;
			break;
		case 'o':
			opt.out_only = true;
			break;
		case 'p':
			opt.port = atoi(optarg);
			break;
		case 'n':
			opt.count = atoi(optarg);
			break;
		case 'w':
			opt.wait_ms = atoi(optarg);
			break;
		default:
			usage();
		}
	}
	if (argc - optind < 2)
		usage();
	return run(&opt, listen_on(argv[optind]), argv + optind + 1);
}
