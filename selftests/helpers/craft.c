// SPDX-License-Identifier: GPL-2.0
/*
 * craft - build an IP packet out of words and send it
 *
 * How it is sent:
 *	raw		by a raw IP socket: routed like any other
 *	dev IFACE	straight into a layer-3 device, by a packet socket
 *	vxlan VTEP	inside VXLAN, from an ordinary UDP socket
 *	quote HOST	quoted in an ICMP error "too big": mtu=N
 *	print		not at all: as hex digits
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ETH_P_IP	0x0800
#define ETH_P_IPV6	0x86dd

struct words {
	int count;
	char **word;
};

struct buffer {
	uint8_t data[65536 + 200];
	size_t len;
};

static void die(const char *what)
{
	fprintf(stderr, "craft: %s: %s\n", what, errno ? strerror(errno) : "not understood");
	exit(1);
}

/* --- words ---------------------------------------------------------------- */

static const char *const keys[] = {
	"src", "dst", "tos", "ttl", "df", "proto", "sport", "dport", "size", "id", "frag",
	"mf", "opts", "ext", "csum", "flow", "hex", "payload", "n", "etype", "osrc", "osport",
	"odport", "otos", "ottl", "ocsum", "vni", "vflags", "dmac", "smac", "mtu", "cut",
	"seq", "gso", "vni2", "holes",
};

static void check_words(const struct words *words)
{
	size_t key;
	int i;

	for (i = 0; i < words->count; i++) {
		for (key = 0; key < sizeof(keys) / sizeof(*keys); key++) {
			size_t len = strlen(keys[key]);

			if (!strncmp(words->word[i], keys[key], len) && words->word[i][len] == '=')
				break;
		}
		errno = 0;
		if (key == sizeof(keys) / sizeof(*keys))
			die(words->word[i]);
	}
}

/* The last word that gives it counts. */
static const char *text(const struct words *words, const char *key, const char *otherwise)
{
	size_t len = strlen(key);
	int i;

	for (i = words->count - 1; i >= 0; i--)
		if (!strncmp(words->word[i], key, len) && words->word[i][len] == '=')
			return words->word[i] + len + 1;
	return otherwise;
}

static long number(const struct words *words, const char *key, long otherwise)
{
	const char *value = text(words, key, NULL);

	return value ? strtol(value, NULL, 0) : otherwise;
}

/* --- bytes ---------------------------------------------------------------- */

static void put(struct buffer *buf, const void *data, size_t len)
{
	if (buf->len + len > sizeof(buf->data)) {
		errno = EMSGSIZE;
		die("packet");
	}
	memcpy(buf->data + buf->len, data, len);
	buf->len += len;
}

static void put_hex(struct buffer *buf, const char *hex)
{
	unsigned int byte;
	uint8_t value;

	for (; *hex; hex += 2) {
		errno = 0;
		if (sscanf(hex, "%2x", &byte) != 1 || !hex[1])
			die(hex);
		value = byte;
		put(buf, &value, 1);
	}
}

static uint16_t checksum(const void *data, size_t len, uint32_t value)
{
	const uint8_t *p = data;

	for (; len > 1; len -= 2, p += 2)
		value += p[0] << 8 | p[1];
	if (len)
		value += p[0] << 8;
	while (value >> 16)
		value = (value & 0xffff) + (value >> 16);
	return htons(~value);
}

static int parse_address(const char *name, void *addr)
{
	int family = strchr(name, ':') ? AF_INET6 : AF_INET;

	errno = 0;
	if (inet_pton(family, name, addr) != 1)
		die(name);
	return family;
}

/* --- the packet ----------------------------------------------------------- */

static const uint8_t extension_options[6] = { 1, 4 };	/* PadN */

/* Extension headers, each of 8 bytes, in front of what is in the packet. */
static uint8_t put_extensions(struct buffer *buf, const struct words *words, uint8_t proto)
{
	const char *list = text(words, "ext", "");
	uint8_t first = proto, *next = &first;

	while (*list) {
		char *end;
		uint8_t header[2] = { proto, 0 };

		*next = strtol(list, &end, 10);
		next = buf->data + buf->len;
		put(buf, header, 2);
		put(buf, extension_options, 6);
		list = *end == ',' ? end + 1 : end;
	}
	if (text(words, "frag", NULL) || number(words, "mf", 0)) {
		uint16_t offset = htons((number(words, "frag", 0) & ~7) | number(words, "mf", 0));
		uint32_t id = htonl(number(words, "id", 1));
		uint8_t header[2] = { proto, 0 };

		*next = 44;
		put(buf, header, 2);
		put(buf, &offset, 2);
		put(buf, &id, 4);
	}
	return first;
}

static void put_filler(struct buffer *buf, const struct words *words, size_t size)
{
	size_t end = buf->len + size;

	put_hex(buf, text(words, "payload", ""));
	while (buf->len < end)
		put(buf, "x", 1);
}

static size_t payload_size(const struct words *words)
{
	const char *hex = text(words, "payload", "");

	return number(words, "size", *hex ? strlen(hex) / 2 : 100);
}

/* The checksum of everything from @start on, with the pseudo header. */
static uint16_t l4_checksum(const struct buffer *buf, size_t start, uint8_t proto, int family,
			    const void *src, const void *dst)
{
	uint16_t words[2] = { htons(buf->len - start), htons(proto) };
	size_t n = family == AF_INET ? 4 : 16;
	uint8_t pseudo[36];

	memcpy(pseudo, src, n);
	memcpy(pseudo + n, dst, n);
	memcpy(pseudo + 2 * n, words, 4);
	return checksum(buf->data + start, buf->len - start,
			(uint16_t)~ntohs(checksum(pseudo, 2 * n + 4, 0)));
}

static void put_udp(struct buffer *buf, const struct words *words, int family, const void *src,
		    const void *dst, int shift)
{
	struct udphdr udp = {
		.source = htons(number(words, "sport", 1000) + shift),
		.dest = htons(number(words, "dport", 9)),
		.len = htons(payload_size(words) + sizeof(udp)),
	};
	size_t start = buf->len;

	put(buf, &udp, sizeof(udp));
	put_filler(buf, words, payload_size(words));
	if (!number(words, "csum", 1))
		return;
	udp.check = l4_checksum(buf, start, IPPROTO_UDP, family, src, dst);
	if (number(words, "csum", 1) == 2)
		udp.check ^= 0x5555;
	memcpy(buf->data + start, &udp, sizeof(udp));
}

/* Segments of one stream: each begins where the one before has ended, or a byte later. */
static void put_tcp(struct buffer *buf, const struct words *words, int family, const void *src,
		    const void *dst, int shift)
{
	int holes = number(words, "holes", 0);
	struct tcphdr tcp = {
		.source = htons(number(words, "sport", 1000)),
		.dest = htons(number(words, "dport", 9)),
		.seq = htonl(number(words, "seq", 1) + shift * payload_size(words) +
			     (shift < holes ? shift : holes)),
		.ack_seq = htonl(1),
		.doff = sizeof(tcp) / 4,
		.ack = 1,
		.window = htons(1000),
	};
	size_t start = buf->len;

	put(buf, &tcp, sizeof(tcp));
	put_filler(buf, words, payload_size(words));
	tcp.check = l4_checksum(buf, start, IPPROTO_TCP, family, src, dst);
	memcpy(buf->data + start, &tcp, sizeof(tcp));
}

/* A transport header and payload, or payload alone behind the first fragment. */
static void put_payload(struct buffer *buf, const struct words *words, int family,
			const void *src, const void *dst, int shift)
{
	int proto = number(words, "proto", IPPROTO_UDP);

	if (proto == IPPROTO_UDP && !number(words, "frag", 0))
		put_udp(buf, words, family, src, dst, shift);
	else if (proto == IPPROTO_TCP && !number(words, "frag", 0))
		put_tcp(buf, words, family, src, dst, shift);
	else
		put_filler(buf, words, payload_size(words));
}

static void build4(struct buffer *buf, const struct words *words, const void *src, const void *dst,
		   int shift)
{
	struct iphdr ip = {
		.version = 4,
		.tos = number(words, "tos", 0),
		.id = htons(number(words, "id", 1) + shift),
		.frag_off = htons((number(words, "df", 0) ? 0x4000 : 0) |
				  (number(words, "mf", 0) ? 0x2000 : 0) |
				  number(words, "frag", 0) / 8),
		.ttl = number(words, "ttl", 64),
		.protocol = number(words, "proto", IPPROTO_UDP),
	};
	size_t header;

	memcpy(&ip.saddr, src, 4);
	memcpy(&ip.daddr, dst, 4);
	put(buf, &ip, sizeof(ip));
	put_hex(buf, text(words, "opts", ""));
	header = buf->len;
	put_payload(buf, words, AF_INET, src, dst, shift);
	ip.ihl = header / 4;
	ip.tot_len = htons(buf->len);
	memcpy(buf->data, &ip, sizeof(ip));
	ip.check = checksum(buf->data, header, 0);
	memcpy(buf->data, &ip, sizeof(ip));
}

static void build6(struct buffer *buf, const struct words *words, const void *src, const void *dst,
		   int shift)
{
	struct ipv6hdr ip = { .hop_limit = number(words, "ttl", 64) };
	uint32_t first = htonl(6 << 28 | number(words, "tos", 0) << 20 |
			       number(words, "flow", 0));

	memcpy(&ip, &first, 4);
	memcpy(&ip.saddr, src, 16);
	memcpy(&ip.daddr, dst, 16);
	put(buf, &ip, sizeof(ip));
	ip.nexthdr = put_extensions(buf, words, number(words, "proto", IPPROTO_UDP));
	put_payload(buf, words, AF_INET6, src, dst, shift);
	ip.payload_len = htons(buf->len - sizeof(ip));
	memcpy(buf->data, &ip, sizeof(ip));
}

/* Builds the packet; flow @shift differs from others by its source port. */
static void build(struct buffer *buf, const struct words *words, int shift)
{
	const char *hex = text(words, "hex", NULL);
	uint8_t src[16], dst[16];
	int family;

	buf->len = 0;
	if (hex) {
		put_hex(buf, hex);
		return;
	}
	family = parse_address(text(words, "src", "no src="), src);
	errno = EAFNOSUPPORT;
	if (parse_address(text(words, "dst", "no dst="), dst) != family)
		die("src and dst");
	if (family == AF_INET)
		build4(buf, words, src, dst, shift);
	else
		build6(buf, words, src, dst, shift);
}

static bool is_v6(const struct buffer *buf)
{
	return buf->len && buf->data[0] >> 4 == 6;
}

/* --- ways to send --------------------------------------------------------- */

static void set(int fd, int level, int name, int value, const char *what)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)))
		die(what);
}

static void send_to(int fd, const struct buffer *buf, const void *addr, socklen_t len)
{
	if (sendto(fd, buf->data, buf->len, 0, addr, len) < 0)
		die("send");
}

static void send_raw(const struct buffer *buf)
{
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	bool v6 = is_v6(buf);
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW, IPPROTO_RAW);

	if (fd < 0)
		die("raw socket");
	if (v6) {
		memcpy(&to6.sin6_addr, buf->data + 24, 16);
		set(fd, IPPROTO_IPV6, 36 /* IPV6_HDRINCL */, 1, "header");
		send_to(fd, buf, &to6, sizeof(to6));
	} else {
		memcpy(&to4.sin_addr, buf->data + 16, 4);
		send_to(fd, buf, &to4, sizeof(to4));
	}
	close(fd);
}

static void send_dev(const struct buffer *buf, const struct words *words, const char *name)
{
	int etype = number(words, "etype", is_v6(buf) ? ETH_P_IPV6 : ETH_P_IP);
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(etype),
		.sll_ifindex = if_nametoindex(name),
	};
	int fd = socket(AF_PACKET, etype ? SOCK_DGRAM : SOCK_RAW, 0);

	if (fd < 0 || !to.sll_ifindex)
		die(name);
	send_to(fd, buf, &to, sizeof(to));
	close(fd);
}

static int udp_socket(const struct words *words, int family)
{
	struct sockaddr_in6 from6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in from4 = { .sin_family = AF_INET };
	const char *src = text(words, "osrc", NULL);
	int fd = socket(family, SOCK_DGRAM, 0);
	bool v6 = family == AF_INET6;

	if (fd < 0)
		die("socket");
	from4.sin_port = htons(number(words, "osport", 0));
	from6.sin6_port = from4.sin_port;
	if (src)
		parse_address(src, v6 ? (void *)&from6.sin6_addr : (void *)&from4.sin_addr);
	if (bind(fd, v6 ? (void *)&from6 : (void *)&from4, v6 ? sizeof(from6) : sizeof(from4)))
		die("bind");
	set(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? 67 /* IPV6_TCLASS */ : 1 /* IP_TOS */,
	    number(words, "otos", 0), "tos");
	set(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? 16 /* UNICAST_HOPS */ : 2 /* IP_TTL */,
	    number(words, "ottl", 64), "ttl");
	if (!number(words, "ocsum", 1))
		set(fd, v6 ? IPPROTO_UDP : SOL_SOCKET, v6 ? 101 /* NO_CHECK6_TX */ : SO_NO_CHECK, 1,
		    "no checksum");
	return fd;
}

static void put_mac(struct buffer *buf, const char *mac)
{
	unsigned int byte[6];
	uint8_t value;
	int i;

	errno = 0;
	if (sscanf(mac, "%x:%x:%x:%x:%x:%x", byte, byte + 1, byte + 2, byte + 3, byte + 4,
		   byte + 5) != 6)
		die(mac);
	for (i = 0; i < 6; i++) {
		value = byte[i];
		put(buf, &value, 1);
	}
}

static void wrap_vxlan(struct buffer *out, const struct buffer *inner, const struct words *words,
		       int shift)
{
	uint16_t etype = htons(number(words, "etype", is_v6(inner) ? ETH_P_IPV6 : ETH_P_IP));
	uint32_t vni = number(words, "vni", 1), header[2];
	size_t start = out->len, cut;

	if (shift & 1)
		vni = number(words, "vni2", vni);
	header[0] = htonl(strtoul(text(words, "vflags", "08000000"), NULL, 16));
	header[1] = htonl(vni << 8);
	put(out, header, sizeof(header));
	put_mac(out, text(words, "dmac", "02:11:11:11:11:11"));
	put_mac(out, text(words, "smac", "02:22:22:22:22:22"));
	put(out, &etype, 2);
	put(out, inner->data, inner->len);
	cut = number(words, "cut", out->len - start);
	if (cut < out->len - start)
		out->len = start + cut;
}

/* Sends the first packet, and others of the same size behind it, by one call. */
static void send_vxlan(struct buffer *inner, const struct words *words, const char *vtep,
		       int shift)
{
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	static struct buffer out;
	uint8_t addr[16];
	int family = parse_address(vtep, addr), fd = udp_socket(words, family);
	long more = number(words, "gso", 1);

	out.len = 0;
	wrap_vxlan(&out, inner, words, shift);
	if (more > 1)
		set(fd, IPPROTO_UDP, 103 /* UDP_SEGMENT */, out.len, "gso");
	while (--more > 0) {
		build(inner, words, ++shift);
		wrap_vxlan(&out, inner, words, shift);
	}
	to4.sin_port = htons(number(words, "odport", 8472));
	to6.sin6_port = to4.sin_port;
	memcpy(&to4.sin_addr, addr, 4);
	memcpy(&to6.sin6_addr, addr, 16);
	if (family == AF_INET)
		send_to(fd, &out, &to4, sizeof(to4));
	else
		send_to(fd, &out, &to6, sizeof(to6));
	close(fd);
}

/* ICMP fragmentation needed, or ICMPv6 packet too big; the kernel sums the latter. */
static void send_quote(const struct buffer *quoted, const struct words *words, const char *host)
{
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	bool v6 = is_v6(quoted);
	long mtu = number(words, "mtu", 1400), cut = number(words, "cut", quoted->len);
	uint8_t header[8] = { v6 ? 2 : 3, v6 ? 0 : 4, 0, 0, mtu >> 24, mtu >> 16, mtu >> 8, mtu };
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	struct buffer out = {};
	uint16_t check;

	if (fd < 0)
		die("raw socket");
	put(&out, header, sizeof(header));
	put(&out, quoted->data, (size_t)cut < quoted->len ? (size_t)cut : quoted->len);
	if (v6) {
		parse_address(host, &to6.sin6_addr);
		send_to(fd, &out, &to6, sizeof(to6));
	} else {
		parse_address(host, &to4.sin_addr);
		check = checksum(out.data, out.len, 0);
		memcpy(out.data + 2, &check, 2);
		send_to(fd, &out, &to4, sizeof(to4));
	}
	close(fd);
}

static void print(const struct buffer *buf)
{
	size_t i;

	for (i = 0; i < buf->len; i++)
		printf("%02x", buf->data[i]);
	putchar('\n');
}

/* --- command line --------------------------------------------------------- */

static void usage(void)
{
	fputs("Usage: craft raw WORD...\n"
	      "       craft dev IFACE WORD...\n"
	      "       craft vxlan VTEP WORD...\n"
	      "       craft quote HOST WORD...\n"
	      "       craft print WORD...\n"
	      "Packet:  src=A dst=A tos= ttl= df=0|1 proto=17 sport= dport= size= (of payload)\n"
	      "         id= frag=OFFSET mf=0|1 opts=HEX (IPv4) ext=0,60,43 flow= (IPv6)\n"
	      "         payload=HEX (its beginning) csum=0 (UDP: none) 2 (wrong) seq= (TCP)\n"
	      "         hex=WHOLE_PACKET\n"
	      "         n=COUNT, each with the next source port (UDP) or sequence number (TCP), and id\n"
	      "dev:     etype= (else by version; 0: the device is to find out)\n"
	      "vxlan:   osrc= osport= odport=8472 otos= ottl= ocsum=0|1 vni=1 vflags=08000000\n"
	      "         dmac= smac= etype= cut=BYTES (after the UDP header)\n"
	      "         gso=COUNT packets by one call; vni2= of every other one;\n"
	      "         holes=COUNT bytes of a TCP stream left out, behind so many packets\n"
	      "quote:   mtu= cut=BYTES (of the quoted packet)\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";
	bool target = !strcmp(way, "dev") || !strcmp(way, "vxlan") || !strcmp(way, "quote");
	struct words words = { argc - 2 - target, argv + 2 + target };
	static struct buffer buf;
	long i;

	if (words.count < 1)
		usage();
	check_words(&words);
	for (i = 0; i < number(&words, "n", 1); i++) {
		build(&buf, &words, i);
		if (!strcmp(way, "raw"))
			send_raw(&buf);
		else if (!strcmp(way, "dev"))
			send_dev(&buf, &words, argv[2]);
		else if (!strcmp(way, "vxlan"))
			send_vxlan(&buf, &words, argv[2], i);
		else if (!strcmp(way, "quote"))
			send_quote(&buf, &words, argv[2]);
		else if (!strcmp(way, "print"))
			print(&buf);
		else
			usage();
	}
	return 0;
}
