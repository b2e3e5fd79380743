// SPDX-License-Identifier: GPL-2.0
/*
 * vxlan_send - build VXLAN packets field by field, well-formed or not, and send them
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM	70000

#ifndef UDP_NO_CHECK6_TX
#define UDP_NO_CHECK6_TX 101
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

static const char usage[] =
"Usage: vxlan_send FIELD=VALUE... [, FIELD=VALUE...]...\n"
"\n"
"Fields before the first ',' are common to all packets, those after each ',' make\n"
"one more packet. Without ',' it is one packet. Defaults are in parentheses.\n"
"\n"
"outer   to=ADDRESS          destination\n"
"        from=ADDRESS        source; any, with raw=1 (the route's)\n"
"        raw=1               by a raw socket instead of a UDP one\n"
"        dev=NAME            leave by this interface\n"
"        sport=N dport=N     UDP ports (any, 8472)\n"
"        csum=good|zero|bad  UDP checksum; bad only with raw=1 (good)\n"
"VXLAN   flags=N vni=N       first word (0x08000000), VNI (1)\n"
"        reserved=N          last byte (0)\n"
"inner   dmac=MAC smac=MAC   (0e:00:00:00:00:01 and :02)\n"
"        type=N              Ethernet type (0x0800, or 0x86dd by src)\n"
"        src=ADDRESS dst=ADDRESS\n"
"        tos=N ttl=N         (0, 64)\n"
"        version=N ihl=N     first byte of an inner IPv4 header; version also IPv6\n"
"        iplen=N             total length or payload length (the true one)\n"
"        port=N              UDP destination port inside (9)\n"
"        len=N               bytes of UDP payload inside (8)\n"
"        ip=0                no IP header at all, len bytes instead\n"
"packet  cut=N               only the first N bytes behind the outer UDP header\n"
"        pad=N               N bytes more than the inner packet has\n"
"        count=N             send it so often (1)\n"
"        gso=N               N copies in one buffer, cut by the kernel (no raw)\n"
"        fuzz=SEED           each time change, cut or extend it at random\n";

enum {
	TO, FROM, RAW, DEV, SPORT, DPORT, CSUM, FLAGS, VNI, RESERVED, DMAC, SMAC, TYPE,
	SRC, DST, TOS, TTL, VERSION, IHL, IPLEN, PORT, LEN, IP, CUT, PAD, COUNT, GSO, FUZZ,
	FIELDS
};

static const char *const names[FIELDS] = {
	"to", "from", "raw", "dev", "sport", "dport", "csum", "flags", "vni", "reserved",
	"dmac", "smac", "type", "src", "dst", "tos", "ttl", "version", "ihl", "iplen", "port",
	"len", "ip", "cut", "pad", "count", "gso", "fuzz",
};

struct packet {
	const char *value[FIELDS];
};

struct address {
	int family;
	union {
		struct in_addr ip4;
		struct in6_addr ip6;
	};
};

static void set_field(struct packet *packet, const char *word)
{
	size_t len = strcspn(word, "=");
	int i;

	for (i = 0; i < FIELDS; i++) {
		if (strlen(names[i]) != len || strncmp(names[i], word, len) || !word[len])
			continue;
		packet->value[i] = word + len + 1;
		return;
	}
	errx(2, "no field '%s'\n\n%s", word, usage);
}

static unsigned long number(const struct packet *packet, int field, unsigned long otherwise)
{
	const char *value = packet->value[field];
	unsigned long n;
	char *end;

	if (!value)
		return otherwise;
	n = strtoul(value, &end, 0);
	if (!*value || *end)
		errx(2, "%s=%s is no number", names[field], value);
	return n;
}

static struct address read_address(const struct packet *packet, int field)
{
	const char *value = packet->value[field];
	struct address a = { .family = AF_INET };

	if (!value)
		errx(2, "field '%s' is missing", names[field]);
	if (strchr(value, ':'))
		a.family = AF_INET6;
	if (inet_pton(a.family, value, &a.ip6) != 1)
		errx(2, "%s=%s is no address", names[field], value);
	return a;
}

static void read_mac(const struct packet *packet, int field, uint8_t mac[6], uint8_t last)
{
	const char *value = packet->value[field];

	memcpy(mac, (uint8_t[]){ 0x0e, 0, 0, 0, 0, last }, 6);
	if (value && sscanf(value, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2],
			    &mac[3], &mac[4], &mac[5]) != 6)
		errx(2, "%s=%s is no MAC", names[field], value);
}

static uint32_t sum(const void *data, size_t len, uint32_t from)
{
	const uint8_t *byte = data;
	size_t i;

	for (i = 0; i < len; i++)
		from += i & 1 ? byte[i] : byte[i] << 8;
	return from;
}

static uint16_t fold(uint32_t value)
{
	while (value >> 16)
		value = (value & 0xffff) + (value >> 16);
	return htons(~value);
}

static uint16_t udp_sum(const struct address *src, const struct address *dst, const void *udp,
			size_t len)
{
	size_t size = src->family == AF_INET ? 4 : 16;
	uint32_t value = IPPROTO_UDP + len;
	uint16_t folded;

	value = sum(&src->ip6, size, value);
	value = sum(&dst->ip6, size, value);
	folded = fold(sum(udp, len, value));
	return folded ?: 0xffff;
}

/* Writes IP and UDP headers before the payload that is there; returns their length. */
static size_t put_headers(uint8_t *at, const struct packet *packet, const struct address *src,
			  const struct address *dst, uint16_t sport, uint16_t dport, size_t len)
{
	size_t ip = src->family == AF_INET ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
	struct udphdr udp = { .source = htons(sport), .dest = htons(dport),
			      .len = htons(len + sizeof(udp)) };
	struct iphdr ip4 = {
		.version = 4, .ihl = 5, .ttl = number(packet, TTL, 64),
		.tos = number(packet, TOS, 0), .protocol = IPPROTO_UDP,
		.tot_len = htons(ip + sizeof(udp) + len),
		.saddr = src->ip4.s_addr, .daddr = dst->ip4.s_addr,
	};
	struct ip6_hdr ip6 = {
		.ip6_flow = htonl(6u << 28 | number(packet, TOS, 0) << 20),
		.ip6_plen = htons(sizeof(udp) + len), .ip6_nxt = IPPROTO_UDP,
		.ip6_hlim = number(packet, TTL, 64), .ip6_src = src->ip6, .ip6_dst = dst->ip6,
	};

	ip4.check = fold(sum(&ip4, sizeof(ip4), 0));
	memcpy(at, src->family == AF_INET ? (void *)&ip4 : (void *)&ip6, ip);
	memcpy(at + ip, &udp, sizeof(udp));
	udp.check = udp_sum(src, dst, at + ip, sizeof(udp) + len);
	memcpy(at + ip, &udp, sizeof(udp));
	return ip + sizeof(udp);
}

/* What an inner header says that is not so; returns its length. */
static void spoil_inner(uint8_t *ip, const struct packet *packet, int family)
{
	unsigned long version = number(packet, VERSION, family == AF_INET ? 4 : 6);
	uint16_t len, zero = 0, check;

	if (packet->value[IPLEN]) {
		len = htons(number(packet, IPLEN, 0));
		memcpy(ip + (family == AF_INET ? 2 : 4), &len, sizeof(len));
	}
	if (family == AF_INET6) {
		ip[0] = version << 4 | (ip[0] & 0xf);
		return;
	}
	ip[0] = version << 4 | number(packet, IHL, 5);
	memcpy(ip + 10, &zero, sizeof(zero));
	check = fold(sum(ip, sizeof(struct iphdr), 0));
	memcpy(ip + 10, &check, sizeof(check));
}

static size_t build_inner(uint8_t *at, const struct packet *packet)
{
	size_t len = number(packet, LEN, 8), headers;
	struct address src, dst;

	if (!number(packet, IP, 1)) {
		memset(at, 0, len);
		return len;
	}
	src = read_address(packet, SRC);
	dst = read_address(packet, DST);
	if (src.family != dst.family)
		errx(2, "src and dst are of different families");
	headers = src.family == AF_INET ? 28 : 48;
	memset(at + headers, 'f', len);
	put_headers(at, packet, &src, &dst, 9, number(packet, PORT, 9), len);
	spoil_inner(at, packet, src.family);
	return headers + len;
}

/* Builds what follows the outer UDP header; returns its length. */
static size_t build(uint8_t *at, const struct packet *packet)
{
	uint32_t flags = htonl(number(packet, FLAGS, 0x08000000));
	uint32_t vni = htonl(number(packet, VNI, 1) << 8 | number(packet, RESERVED, 0));
	bool v6 = packet->value[SRC] && strchr(packet->value[SRC], ':');
	uint16_t type = htons(number(packet, TYPE, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP));
	size_t len = 22;

	memcpy(at, &flags, 4);
	memcpy(at + 4, &vni, 4);
	read_mac(packet, DMAC, at + 8, 1);
	read_mac(packet, SMAC, at + 14, 2);
	memcpy(at + 20, &type, 2);
	len += build_inner(at + len, packet);
	memset(at + len, 0, number(packet, PAD, 0));
	len += number(packet, PAD, 0);
	if (len > ROOM / 2 && number(packet, GSO, 0))
		errx(2, "too long for gso");
	return packet->value[CUT] && number(packet, CUT, 0) < len ? number(packet, CUT, 0) : len;
}

static uint32_t seed;

static uint32_t pick(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (uint64_t)(seed ^ seed >> 15) * below >> 32;
}

/* Changes up to four bytes, mostly of headers; one packet in four is cut or extended. */
static size_t mutate(uint8_t *at, size_t len)
{
	static const uint8_t edges[] = { 0, 1, 0x7f, 0x80, 0xff, 0x45, 0x60, 0x4f };
	uint32_t i, n = pick(5), where;

	for (i = 0; i < n && len; i++) {
		where = pick(4) ? pick(len < 70 ? len : 70) : pick(len);
		at[where] = pick(2) ? edges[pick(sizeof(edges))] : pick(256);
	}
	if (pick(4))
		return len;
	if (pick(2))
		return pick(len + 1);
	memset(at + len, pick(256), 64);
	return len + pick(64);
}

static int open_socket(const struct packet *packet, const struct address *to, bool raw)
{
	int fd, one = 1, csum_off = packet->value[CSUM] && !strcmp(packet->value[CSUM], "zero");
	const char *dev = packet->value[DEV];

	fd = raw ? socket(to->family, SOCK_RAW, IPPROTO_RAW) : socket(to->family, SOCK_DGRAM, 0);
	if (fd < 0)
		err(2, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one)))
		err(2, "SO_BROADCAST");
	if (dev && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev, strlen(dev)))
		err(2, "dev=%s", dev);
	if (!raw && csum_off &&
	    (to->family == AF_INET ?
	     setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one)) :
	     setsockopt(fd, IPPROTO_UDP, UDP_NO_CHECK6_TX, &one, sizeof(one))))
		err(2, "csum=zero");
	return fd;
}

static socklen_t sockaddr_of(struct sockaddr_storage *to, const struct address *a, int port)
{
	struct sockaddr_in6 *to6 = (void *)to;
	struct sockaddr_in *to4 = (void *)to;

	memset(to, 0, sizeof(*to));
	to->ss_family = a->family;
	if (a->family == AF_INET) {
		to4->sin_addr = a->ip4;
		to4->sin_port = htons(port);
		return sizeof(*to4);
	}
	to6->sin6_addr = a->ip6;
	to6->sin6_port = htons(port);
	return sizeof(*to6);
}

static void bind_to(int fd, const struct packet *packet, int family)
{
	struct address from = { .family = family };
	struct sockaddr_storage name;
	socklen_t len;

	if (packet->value[FROM])
		from = read_address(packet, FROM);
	len = sockaddr_of(&name, &from, number(packet, SPORT, 0));
	if (bind(fd, (struct sockaddr *)&name, len))
		err(2, "bind");
}

/* Outer headers for a raw socket, written right before the payload. */
static size_t wrap(uint8_t *payload, const struct packet *packet, const struct address *to,
		   size_t len)
{
	struct packet plain = {};
	struct address from = read_address(packet, FROM);
	size_t headers = from.family == AF_INET ? 28 : 48;
	uint8_t *at = payload - headers, *check = payload - 2;

	put_headers(at, &plain, &from, to, number(packet, SPORT, 40000),
		    number(packet, DPORT, 8472), len);
	if (packet->value[CSUM] && !strcmp(packet->value[CSUM], "zero"))
		memset(check, 0, 2);
	if (packet->value[CSUM] && !strcmp(packet->value[CSUM], "bad"))
		check[0] ^= 0x55;
	return headers;
}

static void copy_for_gso(int fd, const struct packet *packet, uint8_t *at, size_t *len)
{
	unsigned long i, n = number(packet, GSO, 0);
	int size = *len;

	if (!n)
		return;
	if (n * *len > ROOM)
		errx(2, "gso=%lu is too much", n);
	if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)))
		err(2, "UDP_SEGMENT");
	for (i = 1; i < n; i++)
		memcpy(at + i * *len, at, *len);
	*len *= n;
}

static void send_packet(const struct packet *packet)
{
	static uint8_t buffer[64 + 2 * ROOM], *const payload = buffer + 64;
	unsigned long i, count = number(packet, COUNT, 1);
	struct address to = read_address(packet, TO);
	bool raw = number(packet, RAW, 0);
	size_t len, headers = 0;
	struct sockaddr_storage name;
	socklen_t name_len = sockaddr_of(&name, &to, raw ? 0 : number(packet, DPORT, 8472));
	int fd = open_socket(packet, &to, raw);

	if (!raw)
		bind_to(fd, packet, to.family);
	seed = number(packet, FUZZ, 0);
	for (i = 0; i < count; i++) {
		len = build(payload, packet);
		if (packet->value[FUZZ])
			len = mutate(payload, len);
		if (raw)
			headers = wrap(payload, packet, &to, len);
		else
			copy_for_gso(fd, packet, payload, &len);
		if (sendto(fd, payload - headers, len + headers, 0, (struct sockaddr *)&name,
			   name_len) < 0)
			err(1, "send to %s", packet->value[TO]);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	struct packet common = {}, packet;
	int i = 1;

	if (argc < 2) {
		fputs(usage, stderr);
		return 2;
	}
	for (; i < argc && strcmp(argv[i], ","); i++)
		set_field(&common, argv[i]);
	if (i == argc)
		send_packet(&common);
	while (i < argc) {
		packet = common;
		for (i++; i < argc && strcmp(argv[i], ","); i++)
			set_field(&packet, argv[i]);
		send_packet(&packet);
	}
	return 0;
}
