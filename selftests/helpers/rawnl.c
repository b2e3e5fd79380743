// SPDX-License-Identifier: GPL-2.0
/*
 * rawnl - speaks both netlink interfaces of flannel word for word
 *
 * Reads requests from standard input, one in a line, sends each exactly as it
 * is written, right or wrong, and prints the kernel's answer, always one line.
 * Netlink handles a request before send() returns, so nothing ever waits.
 *
 *	rawnl [DEV]		requests name DEV unless they say otherwise
 *
 *	SOCKET COMMAND [WORD...]	a request of the family; SOCKET is a letter
 *	SOCKET link-add DEV [WORD...]	RTM_NEWLINK, words go into IFLA_INFO_DATA
 *	SOCKET link-set DEV [WORD...]
 *	SOCKET link-up|link-down|link-del DEV
 *	SOCKET dump COMMAND [WORD...]	a whole dump
 *	SOCKET dump-start COMMAND ...	the first part of a dump
 *	SOCKET dump-rest		the rest of it
 *	SOCKET listen [BYTES]		joins the group, with so small a buffer
 *	SOCKET events			what is in the buffer
 *	SOCKET close
 *	SOCKET fuzz SEED COUNT COMMAND [WORD...]	the request so many times,
 *					each time with other bytes wrong
 *	nth N				the next request meets a failing
 *					allocation, the Nth
 *	! COMMAND			a shell command; answers its exit status
 *
 * COMMAND is a name of flannel.h, lower case, or a number. WORD is one of
 *	NAME=VALUE		an attribute of its own type
 *	NAME:HEX		an attribute with these bytes
 *	NAME{ WORD... }		a nest; NAME[ ... ] one without the nested bit
 *	+PREFIX[,VTEP,MAC]	a whole lease; +PREFIX,local
 *	^NAME...		for link-*: an attribute beside IFLA_LINKINFO
 *	/len=N			the last attribute says that it has N bytes more
 *	/cut=N			the message ends N bytes early
 *	/flags=N /version=N	header fields
 *	/nodev			no IFINDEX
 * NAME is that of flannel.h, lower case, or a number.
 *
 * Answers:	ok [NAME=VALUE...]
 *		ERRNO: text [bad attribute]
 *		silence
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <flannel.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define DEPTH		8

#ifndef NETLINK_EXT_ACK
#define NETLINK_EXT_ACK	11
#endif
#define ERR_MISS_TYPE	5	/* NLMSGERR_ATTR_MISS_TYPE */

enum kind { U8, U16, U32, U64, BE16, IP4, IP6, MAC, FLAG, STRING, DEVICE, NEST };

struct name {
	const char *name;
	uint16_t type;
	enum kind kind;
	const struct name *nest;
};

static const struct name lease_names[] = {
	{ "prefix4", FLANNEL_A_LEASE_PREFIX4, IP4 },
	{ "prefix6", FLANNEL_A_LEASE_PREFIX6, IP6 },
	{ "prefixlen", FLANNEL_A_LEASE_PREFIXLEN, U8 },
	{ "local", FLANNEL_A_LEASE_LOCAL, FLAG },
	{ "vtep4", FLANNEL_A_LEASE_VTEP4, IP4 },
	{ "vtep6", FLANNEL_A_LEASE_VTEP6, IP6 },
	{ "lladdr", FLANNEL_A_LEASE_LLADDR, MAC },
	{ 0 },
};

static const struct name no_names[] = { { 0 } };

static const struct name names[] = {
	{ "pad", FLANNEL_A_PAD, FLAG },
	{ "ifindex", FLANNEL_A_IFINDEX, DEVICE },
	{ "ifname", FLANNEL_A_IFNAME, STRING },
	{ "lease", FLANNEL_A_LEASE, NEST, lease_names },
	{ "addr4", FLANNEL_A_ADDR4, IP4 },
	{ "addr6", FLANNEL_A_ADDR6, IP6 },
	{ "vtep4", FLANNEL_A_VTEP4, IP4 },
	{ "vtep6", FLANNEL_A_VTEP6, IP6 },
	{ "seq", FLANNEL_A_SEQ, U64 },
	{ "force", FLANNEL_A_FORCE, FLAG },
	{ "added", FLANNEL_A_ADDED, U32 },
	{ "changed", FLANNEL_A_CHANGED, U32 },
	{ "removed", FLANNEL_A_REMOVED, U32 },
	{ "dev", FLANNEL_A_DEV, NEST, no_names },
	{ "vtep", FLANNEL_A_VTEP, NEST, no_names },
	{ "stats", FLANNEL_A_STATS, NEST, no_names },
	{ 0 },
};

static const struct name option_names[] = {
	{ "id", IFLA_FLANNEL_ID, U32 },
	{ "port", IFLA_FLANNEL_PORT, BE16 },
	{ "local", IFLA_FLANNEL_LOCAL, IP4 },
	{ "local6", IFLA_FLANNEL_LOCAL6, IP6 },
	{ "dev", IFLA_FLANNEL_DEV, STRING },
	{ "ttl", IFLA_FLANNEL_TTL, U8 },
	{ "tos", IFLA_FLANNEL_TOS, U8 },
	{ "df", IFLA_FLANNEL_DF, U8 },
	{ "port_range", IFLA_FLANNEL_PORT_RANGE, U32 },
	{ "udp_csum", IFLA_FLANNEL_UDP_CSUM, U8 },
	{ "udp_zero_csum6_tx", IFLA_FLANNEL_UDP_ZERO_CSUM6_TX, U8 },
	{ "udp_zero_csum6_rx", IFLA_FLANNEL_UDP_ZERO_CSUM6_RX, U8 },
	{ "lladdr", IFLA_FLANNEL_LLADDR, MAC },
	{ "network", IFLA_FLANNEL_NETWORK, IP4 },
	{ "network_len", IFLA_FLANNEL_NETWORK_LEN, U8 },
	{ "network6", IFLA_FLANNEL_NETWORK6, IP6 },
	{ "network6_len", IFLA_FLANNEL_NETWORK6_LEN, U8 },
	{ "srccheck", IFLA_FLANNEL_SRCCHECK, U8 },
	{ "fwmark", IFLA_FLANNEL_FWMARK, U32 },
	{ "maxleases", IFLA_FLANNEL_MAXLEASES, U32 },
	{ "untrack", IFLA_FLANNEL_UNTRACK, U8 },
	{ 0 },
};

static const struct name info_names[] = {
	{ "kind", IFLA_INFO_KIND, STRING },
	{ "data", IFLA_INFO_DATA, NEST, option_names },
	{ 0 },
};

static const struct name link_names[] = {
	{ "address", IFLA_ADDRESS, MAC },
	{ "ifname", IFLA_IFNAME, STRING },
	{ "mtu", IFLA_MTU, U32 },
	{ "link", IFLA_LINK, DEVICE },
	{ "linkinfo", IFLA_LINKINFO, NEST, info_names },
	{ 0 },
};

static const char *const commands[] = {
	[FLANNEL_CMD_DEV_GET] = "dev_get",
	[FLANNEL_CMD_LEASE_ADD] = "lease_add",
	[FLANNEL_CMD_LEASE_CHANGE] = "lease_change",
	[FLANNEL_CMD_LEASE_REPLACE] = "lease_replace",
	[FLANNEL_CMD_LEASE_DEL] = "lease_del",
	[FLANNEL_CMD_LEASE_GET] = "lease_get",
	[FLANNEL_CMD_LEASE_FLUSH] = "lease_flush",
	[FLANNEL_CMD_TABLE_BEGIN] = "table_begin",
	[FLANNEL_CMD_TABLE_ADD] = "table_add",
	[FLANNEL_CMD_TABLE_COMMIT] = "table_commit",
	[FLANNEL_CMD_TABLE_ABORT] = "table_abort",
	[FLANNEL_CMD_VTEP_GET] = "vtep_get",
	[FLANNEL_CMD_STATS_GET] = "stats_get",
	[FLANNEL_CMD_LEASE_ADD_NTF] = "lease_add_ntf",
	[FLANNEL_CMD_LEASE_CHANGE_NTF] = "lease_change_ntf",
	[FLANNEL_CMD_LEASE_DEL_NTF] = "lease_del_ntf",
	[FLANNEL_CMD_TABLE_NTF] = "table_ntf",
};

struct channel {
	struct mnl_socket *socket;
	int bus;
	unsigned int messages;	/* of the dump that is under way */
	unsigned int parts;
	bool interrupted;
};

/* A request under construction. */
struct request {
	struct nlmsghdr *nlh;
	const struct name *names;
	struct nlattr *open[DEPTH];
	const struct name *above[DEPTH];
	int depth;
	struct nlattr *last;
	size_t cut;
	bool nodev;
};

static struct channel channels[26];
static _Alignas(8) char message[1 << 20];
static _Alignas(8) char answer[1 << 17];
static _Alignas(8) char sent[1 << 20];
static char reply[1 << 20];
static const char *device;
static uint16_t family;
static uint32_t group;
static int nth;

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
	size_t used = strlen(reply);
	va_list args;

	va_start(args, fmt);
	vsnprintf(reply + used, sizeof(reply) - used, fmt, args);
	va_end(args);
}

static bool bad(const char *what, const char *word)
{
	reply[0] = '\0';
	say("rawnl: %s: %s", what, word);
	return false;
}

static void say_errno(int code)
{
	const char *name = strerrorname_np(code);

	if (name)
		say("%s", name);
	else
		say("errno %d", code);
}

/* Values */

static bool parse_mac(const char *text, uint8_t mac[6])
{
	return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1],
		      &mac[2], &mac[3], &mac[4], &mac[5]) == 6;
}

static bool put_number(struct nlmsghdr *nlh, uint16_t type, enum kind kind,
		       const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	if (kind == DEVICE && (*end || end == text)) {
		value = if_nametoindex(text);
		end = "";
	}
	if (*end)
		return bad("not a number", text);
	switch (kind) {
	case U8:
		mnl_attr_put_u8(nlh, type, value);
		break;
	case U16:
		mnl_attr_put_u16(nlh, type, value);
		break;
	case BE16:
		mnl_attr_put_u16(nlh, type, htons(value));
		break;
	case U64:
		mnl_attr_put_u64(nlh, type, value);
		break;
	default:
		mnl_attr_put_u32(nlh, type, value);
	}
	return true;
}

static bool put_value(struct nlmsghdr *nlh, uint16_t type, enum kind kind,
		      const char *text)
{
	uint8_t bytes[16];

	switch (kind) {
	case IP4:
	case IP6:
		if (inet_pton(kind == IP4 ? AF_INET : AF_INET6, text, bytes) != 1)
			return bad("no address", text);
		mnl_attr_put(nlh, type, kind == IP4 ? 4 : 16, bytes);
		return true;
	case MAC:
		if (!parse_mac(text, bytes))
			return bad("no MAC", text);
		mnl_attr_put(nlh, type, 6, bytes);
		return true;
	case FLAG:
		mnl_attr_put(nlh, type, 0, NULL);
		return true;
	case STRING:
		mnl_attr_put_strz(nlh, type, text);
		return true;
	case NEST:
		return bad("a nest has no value", text);
	default:
		return put_number(nlh, type, kind, text);
	}
}

static bool put_hex(struct nlmsghdr *nlh, uint16_t type, const char *text)
{
	uint8_t bytes[512];
	size_t n = 0;

	while (*text) {
		if (n == sizeof(bytes) || sscanf(text, "%2hhx", &bytes[n]) != 1 ||
		    !text[1])
			return bad("not hex", text);
		n++;
		text += 2;
	}
	mnl_attr_put(nlh, type, n, bytes);
	return true;
}

/* Words */

static const struct name *find(const struct name *list, const char *word,
			       size_t len, struct name *number)
{
	char *end;

	for (; list->name; list++)
		if (strlen(list->name) == len && !strncmp(list->name, word, len))
			return list;
	*number = (struct name){ "", strtoul(word, &end, 0), U32, no_names };
	return end == word + len && len ? number : NULL;
}

static bool open_nest(struct request *rq, const struct name *name, bool flagged)
{
	if (rq->depth == DEPTH)
		return bad("too deep", name->name);
	rq->above[rq->depth] = rq->names;
	rq->open[rq->depth] = mnl_attr_nest_start(rq->nlh, name->type);
	if (!flagged)
		rq->open[rq->depth]->nla_type &= ~NLA_F_NESTED;
	rq->depth++;
	rq->names = name->nest ? name->nest : no_names;
	return true;
}

static bool close_nest(struct request *rq)
{
	if (!rq->depth)
		return bad("nothing is open", "}");
	rq->last = rq->open[--rq->depth];
	mnl_attr_nest_end(rq->nlh, rq->last);
	rq->names = rq->above[rq->depth];
	return true;
}

static bool put_attr(struct request *rq, const char *word)
{
	size_t len = strcspn(word, "=:{[");
	const struct name *name;
	struct name number;
	char how = word[len];

	name = find(rq->names, word, len, &number);
	if (!name)
		return bad("no attribute of this name", word);
	if (how == '{' || how == '[')
		return open_nest(rq, name, how == '{');
	rq->last = mnl_nlmsg_get_payload_tail(rq->nlh);
	if (how == ':')
		return put_hex(rq->nlh, name->type, word + len + 1);
	return put_value(rq->nlh, name->type, name->kind,
			 how ? word + len + 1 : "");
}

static bool put_prefix(struct nlmsghdr *nlh, char *text)
{
	char *slash = strchr(text, '/');
	bool six = strchr(text, ':');

	if (!slash)
		return bad("no prefix", text);
	*slash = '\0';
	return put_value(nlh, six ? FLANNEL_A_LEASE_PREFIX6 : FLANNEL_A_LEASE_PREFIX4,
			 six ? IP6 : IP4, text) &&
	       put_number(nlh, FLANNEL_A_LEASE_PREFIXLEN, U8, slash + 1);
}

static bool put_lease(struct request *rq, const char *word)
{
	char text[128], *vtep, *mac;
	struct nlattr *nest;
	bool fine;

	snprintf(text, sizeof(text), "%s", word);
	vtep = strchr(text, ',');
	if (vtep)
		*vtep++ = '\0';
	nest = mnl_attr_nest_start(rq->nlh, FLANNEL_A_LEASE);
	fine = put_prefix(rq->nlh, text);
	mac = vtep ? strchr(vtep, ',') : NULL;
	if (fine && vtep && !strcmp(vtep, "local")) {
		mnl_attr_put(rq->nlh, FLANNEL_A_LEASE_LOCAL, 0, NULL);
	} else if (fine && mac) {
		*mac++ = '\0';
		fine = put_value(rq->nlh, strchr(vtep, ':') ? FLANNEL_A_LEASE_VTEP6 :
				 FLANNEL_A_LEASE_VTEP4, strchr(vtep, ':') ? IP6 : IP4,
				 vtep) &&
		       put_value(rq->nlh, FLANNEL_A_LEASE_LLADDR, MAC, mac);
	}
	mnl_attr_nest_end(rq->nlh, nest);
	rq->last = nest;
	return fine;
}

static bool direct(struct request *rq, const char *word)
{
	const char *value = strchr(word, '=');
	long number = value ? strtol(value + 1, NULL, 0) : 0;

	if (!strncmp(word, "/len=", 5) && rq->last)
		rq->last->nla_len += number;
	else if (!strncmp(word, "/cut=", 5))
		rq->cut = number;
	else if (!strncmp(word, "/flags=", 7))
		rq->nlh->nlmsg_flags = number;
	else if (!strncmp(word, "/version=", 9))
		((struct genlmsghdr *)mnl_nlmsg_get_payload(rq->nlh))->version = number;
	else if (strcmp(word, "/nodev"))
		return bad("unknown direction", word);
	return true;
}

static bool put_word(struct request *rq, const char *word)
{
	if (rq->nlh->nlmsg_len > sizeof(message) - 1024)
		return bad("the message is full", word);
	if (*word == '+')
		return put_lease(rq, word + 1);
	if (*word == '/')
		return direct(rq, word);
	if (*word == '}' || *word == ']')
		return close_nest(rq);
	return put_attr(rq, word);
}

/* Answers */

static void say_lease(const struct nlattr *nest)
{
	const struct nlattr *attr, *tb[FLANNEL_A_LEASE_MAX + 1] = { 0 };
	char text[INET6_ADDRSTRLEN] = "?";
	const uint8_t *mac;

	mnl_attr_for_each_nested(attr, nest)
		if (mnl_attr_get_type(attr) <= FLANNEL_A_LEASE_MAX)
			tb[mnl_attr_get_type(attr)] = attr;
	if (tb[FLANNEL_A_LEASE_PREFIX4])
		inet_ntop(AF_INET, mnl_attr_get_payload(tb[FLANNEL_A_LEASE_PREFIX4]),
			  text, sizeof(text));
	if (tb[FLANNEL_A_LEASE_PREFIX6])
		inet_ntop(AF_INET6, mnl_attr_get_payload(tb[FLANNEL_A_LEASE_PREFIX6]),
			  text, sizeof(text));
	say(" %s/%u", text, tb[FLANNEL_A_LEASE_PREFIXLEN] ?
	    mnl_attr_get_u8(tb[FLANNEL_A_LEASE_PREFIXLEN]) : 0);
	if (tb[FLANNEL_A_LEASE_LOCAL])
		say(",local");
	if (tb[FLANNEL_A_LEASE_VTEP4])
		say(",%s", inet_ntop(AF_INET, mnl_attr_get_payload(tb[FLANNEL_A_LEASE_VTEP4]),
				     text, sizeof(text)));
	if (tb[FLANNEL_A_LEASE_VTEP6])
		say(",%s", inet_ntop(AF_INET6, mnl_attr_get_payload(tb[FLANNEL_A_LEASE_VTEP6]),
				     text, sizeof(text)));
	if (!tb[FLANNEL_A_LEASE_LLADDR])
		return;
	mac = mnl_attr_get_payload(tb[FLANNEL_A_LEASE_LLADDR]);
	say(",%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
	    mac[4], mac[5]);
}

/* The attributes of a message of the family that are short enough to print. */
static void say_message(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;
	struct name number;
	char digits[16];

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		const struct name *name;

		snprintf(digits, sizeof(digits), "%u", mnl_attr_get_type(attr));
		for (name = names; name->name; name++)
			if (name->type == mnl_attr_get_type(attr))
				break;
		if (!name->name)
			name = find(names, digits, strlen(digits), &number);
		if (name->type == FLANNEL_A_LEASE)
			say_lease(attr);
		else if (name->kind == U32)
			say(" %s=%u", name->name, mnl_attr_get_u32(attr));
		else if (name->kind == U64)
			say(" %s=%llu", name->name,
			    (unsigned long long)mnl_attr_get_u64(attr));
	}
}

/* The path of names to the attribute at @offset of what was sent. */
static void say_attr(const struct name *list, const char *start, size_t len,
		     size_t offset)
{
	const struct nlattr *attr = (const struct nlattr *)start;
	struct name number;
	const struct name *name;
	char digits[16];

	while (mnl_attr_ok(attr, len)) {
		size_t at = (const char *)attr - sent;

		if (offset >= at && offset < at + attr->nla_len)
			break;
		len -= MNL_ALIGN(attr->nla_len);
		attr = mnl_attr_next(attr);
	}
	if (len < sizeof(*attr))
		return;
	snprintf(digits, sizeof(digits), "%u", mnl_attr_get_type(attr));
	for (name = list; name->name; name++)
		if (name->type == mnl_attr_get_type(attr))
			break;
	if (!name->name)
		name = find(no_names, digits, strlen(digits), &number);
	say("%s", *name->name ? name->name : digits);
	if (offset == (size_t)((const char *)attr - sent) || name->kind != NEST)
		return;
	say(".");
	say_attr(name->nest, mnl_attr_get_payload(attr),
		 mnl_attr_get_payload_len(attr), offset);
}

static void say_missing(const struct name *list, uint32_t type)
{
	for (; list->name; list++)
		if (list->type == type)
			break;
	say(" [missing %s]", list->name ? list->name : "?");
}

static size_t header_size(const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_type == family ? sizeof(struct genlmsghdr) :
					   sizeof(struct ifinfomsg);
}

/* The kernel may pad a message with blanks. */
static void say_text(const char *text, int len)
{
	while (len && (!text[len - 1] || text[len - 1] == ' '))
		len--;
	say(": %.*s", len, text);
}

static void say_extack(const struct nlmsghdr *nlh, size_t skip)
{
	const struct nlmsghdr *request = (const void *)sent;
	const struct name *list = request->nlmsg_type == family ? names : link_names;
	size_t header = NLMSG_HDRLEN + MNL_ALIGN(header_size(request));
	const struct nlattr *attr, *offset = NULL, *missing = NULL;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	mnl_attr_for_each(attr, nlh, skip) {
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
			say_text(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_OFFS)
			offset = attr;
		if (mnl_attr_get_type(attr) == ERR_MISS_TYPE)
			missing = attr;
	}
	if (offset && mnl_attr_get_u32(offset)) {
		say(" [");
		say_attr(list, sent + header, request->nlmsg_len - header,
			 mnl_attr_get_u32(offset));
		say("]");
	}
	if (missing)
		say_missing(list, mnl_attr_get_u32(missing));
}

static void say_error(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(nlh);
	size_t skip = sizeof(*error);

	say_errno(-error->error);
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += error->msg.nlmsg_len - sizeof(error->msg);
	say_extack(nlh, MNL_ALIGN(skip));
}

static ssize_t receive(struct channel *ch)
{
	return recv(mnl_socket_get_fd(ch->socket), answer, sizeof(answer),
		    MSG_DONTWAIT);
}

/* Everything that a request is answered with. */
static void read_answer(struct channel *ch)
{
	const struct nlmsghdr *nlh;
	ssize_t got;
	int len;

	reply[0] = '\0';
	while ((got = receive(ch)) >= 0) {
		len = got;
		for (nlh = (void *)answer; mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len)) {
			const struct nlmsgerr *error = mnl_nlmsg_get_payload(nlh);

			if (nlh->nlmsg_type == family)
				say_message(nlh);
			else if (nlh->nlmsg_type == NLMSG_ERROR && error->error)
				say_error(nlh);
			else if (nlh->nlmsg_type == NLMSG_ERROR) {
				memmove(reply + 2, reply, strlen(reply) + 1);
				memcpy(reply, "ok", 2);
			}
		}
	}
	if (errno != EAGAIN)
		say_errno(errno);
	else if (!*reply)
		say("silence");
}

/* One part of a dump; false at its end. */
static bool read_part(struct channel *ch)
{
	const struct nlmsghdr *nlh;
	ssize_t got = receive(ch);
	int error, len = got;

	if (got < 0) {
		say_errno(errno);
		return false;
	}
	ch->parts++;
	for (nlh = (void *)answer; mnl_nlmsg_ok(nlh, len);
	     nlh = mnl_nlmsg_next(nlh, &len)) {
		ch->interrupted |= !!(nlh->nlmsg_flags & NLM_F_DUMP_INTR);
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			say_error(nlh);
			return false;
		}
		if (nlh->nlmsg_type != NLMSG_DONE) {
			ch->messages++;
			continue;
		}
		memcpy(&error, mnl_nlmsg_get_payload(nlh), sizeof(error));
		if (error) {
			say_errno(-error);
			say_extack(nlh, sizeof(error));
		} else {
			say("ok");
		}
		return false;
	}
	return true;
}

static void say_dump(const struct channel *ch)
{
	say(" messages=%u parts=%u%s", ch->messages, ch->parts,
	    ch->interrupted ? " interrupted" : "");
}

/* Sockets */

static bool open_channel(struct channel *ch, int bus)
{
	int on = 1;

	if (ch->socket && ch->bus != bus)
		return bad("this socket is of another kind", "");
	if (ch->socket)
		return true;
	ch->bus = bus;
	ch->socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!ch->socket || mnl_socket_bind(ch->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return bad("no socket", strerror(errno));
	mnl_socket_setsockopt(ch->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(ch->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	on = sizeof(message);
	setsockopt(mnl_socket_get_fd(ch->socket), SOL_SOCKET, SO_SNDBUFFORCE, &on,
		   sizeof(on));
	return true;
}

static void close_channel(struct channel *ch)
{
	if (ch->socket)
		mnl_socket_close(ch->socket);
	memset(ch, 0, sizeof(*ch));
	say("ok");
}

/* Returns what is left of the request, the allocation to fail, or -1. */
static int set_nth(int value)
{
	char text[16] = "";
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	int left = -1;

	if (fd < 0)
		return -1;
	if (value < 0 && read(fd, text, sizeof(text) - 1) > 0)
		left = atoi(text);
	if (value >= 0)
		left = dprintf(fd, "%d", value) > 0 ? 0 : -1;
	close(fd);
	return left;
}

static bool transmit(struct channel *ch, const struct nlmsghdr *nlh)
{
	ssize_t len;
	int code, left = 0;

	memcpy(sent, nlh, nlh->nlmsg_len);
	if (nth && set_nth(nth))
		return bad("no fault injection here", strerror(errno));
	len = mnl_socket_sendto(ch->socket, nlh, nlh->nlmsg_len);
	code = errno;
	if (nth) {
		left = set_nth(-1);
		set_nth(0);
	}
	if (len < 0) {
		reply[0] = '\0';
		say_errno(code);
		say(": send");
	} else {
		read_answer(ch);
	}
	if (nth)
		say(left ? " (not reached)" : " (injected)");
	nth = 0;
	return len >= 0;
}

/* Requests */

static int command_of(const char *word)
{
	unsigned int i;

	for (i = 1; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i], word))
			return i;
	return isdigit((unsigned char)*word) ? atoi(word) : -1;
}

static struct nlmsghdr *header(uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(message);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = 1;
	return nlh;
}

static bool put_words(struct request *rq)
{
	char *word;

	while ((word = strtok(NULL, " \t")))
		if (*word != '^' && !put_word(rq, word))
			return false;
	while (rq->depth)
		close_nest(rq);
	rq->nlh->nlmsg_len -= rq->cut;
	return true;
}

static bool build(struct request *rq, const char *command, const char *words,
		  uint16_t flags)
{
	struct genlmsghdr *genl;
	int cmd = command ? command_of(command) : -1;

	if (cmd < 0)
		return bad("no such command", command ? command : "");
	memset(rq, 0, sizeof(*rq));
	rq->nlh = header(family, flags);
	rq->names = names;
	genl = mnl_nlmsg_put_extra_header(rq->nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = FLANNEL_GENL_VERSION;
	if (device && !strstr(words, "ifindex") && !strstr(words, "/nodev"))
		put_number(rq->nlh, FLANNEL_A_IFINDEX, DEVICE, device);
	return put_words(rq);
}

static void talk(struct channel *ch, const char *command, const char *words)
{
	struct request rq;

	if (open_channel(ch, NETLINK_GENERIC) &&
	    build(&rq, command, words, NLM_F_ACK))
		transmit(ch, rq.nlh);
}

/* Some bytes behind the headers become others, some of them likely ones. */
static void garble(char *bytes, size_t len)
{
	static const uint8_t likely[] = { 0, 1, 4, 8, 0x7f, 0x80, 0xff };
	int n = 1 + rand() % 4;

	while (n--)
		bytes[rand() % len] = rand() % 2 ? rand() : likely[rand() % 7];
}

static void fuzz(struct channel *ch, const char *words)
{
	const char *seed = strtok(NULL, " \t"), *count = strtok(NULL, " \t");
	static char garbled[sizeof(message)] __attribute__((aligned(8)));
	size_t skip = NLMSG_HDRLEN + GENL_HDRLEN;
	unsigned int refused = 0, i, n;
	struct request rq;

	if (!seed || !count || !open_channel(ch, NETLINK_GENERIC) ||
	    !build(&rq, strtok(NULL, " \t"), words, NLM_F_ACK))
		return;
	srand(atoi(seed));
	n = atoi(count);
	for (i = 0; i < n; i++) {
		memcpy(garbled, rq.nlh, rq.nlh->nlmsg_len);
		garble(garbled + skip, rq.nlh->nlmsg_len - skip);
		transmit(ch, (void *)garbled);
		refused += strncmp(reply, "ok", 2) != 0;
	}
	reply[0] = '\0';
	say("ok sent=%u refused=%u", n, refused);
}

static bool put_outer(struct request *rq, const char *words)
{
	char *copy = strdup(words), *word, *save;
	bool fine = copy;

	for (word = copy ? strtok_r(copy, " \t", &save) : NULL; word && fine;
	     word = strtok_r(NULL, " \t", &save))
		if (*word == '^')
			fine = put_word(rq, word + 1);
	free(copy);
	return fine;
}

static struct nlmsghdr *link_header(uint16_t type, uint16_t flags, const char *name,
				    unsigned int up)
{
	struct nlmsghdr *nlh = header(type, NLM_F_ACK | flags);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));

	info->ifi_family = AF_UNSPEC;
	info->ifi_flags = up & IFF_UP;
	info->ifi_change = up ? IFF_UP : 0;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	return nlh;
}

/* Options: words go into IFLA_INFO_DATA, those with ^ beside IFLA_LINKINFO. */
static void link_options(struct channel *ch, const char *name, bool create,
			 const char *words)
{
	struct request rq = { .names = link_names };

	rq.nlh = link_header(RTM_NEWLINK, create ? NLM_F_CREATE | NLM_F_EXCL : 0,
			     name, 0);
	if (put_outer(&rq, words) && put_word(&rq, "linkinfo{") &&
	    put_word(&rq, "kind=" FLANNEL_LINK_KIND) && put_word(&rq, "data{") &&
	    put_words(&rq))
		transmit(ch, rq.nlh);
}

static void link_request(struct channel *ch, const char *verb, const char *words)
{
	const char *name = strtok(NULL, " \t");

	if (!name || !open_channel(ch, NETLINK_ROUTE))
		return;
	if (!strcmp(verb, "add") || !strcmp(verb, "set"))
		link_options(ch, name, *verb == 'a', words);
	else if (!strcmp(verb, "del"))
		transmit(ch, link_header(RTM_DELLINK, 0, name, 0));
	else if (!strcmp(verb, "up") || !strcmp(verb, "down"))
		transmit(ch, link_header(RTM_NEWLINK, 0, name,
					 *verb == 'u' ? IFF_UP : ~IFF_UP));
	else
		bad("no such verb", verb);
}

static void end_nth(void)
{
	if (nth)
		say(set_nth(-1) ? " (not reached)" : " (injected)");
	if (nth)
		set_nth(0);
	nth = 0;
}

static void read_dump(struct channel *ch, bool whole)
{
	ch->messages = 0;
	ch->parts = 0;
	ch->interrupted = false;
	while (read_part(ch))
		if (!whole) {
			say("more");
			break;
		}
	say_dump(ch);
}

static void dump(struct channel *ch, bool whole, const char *words)
{
	const char *command = strtok(NULL, " \t");
	struct request rq;

	if (!open_channel(ch, NETLINK_GENERIC) ||
	    !build(&rq, command, words, NLM_F_DUMP))
		return;
	memcpy(sent, rq.nlh, rq.nlh->nlmsg_len);
	if (nth)
		set_nth(nth);
	if (mnl_socket_sendto(ch->socket, rq.nlh, rq.nlh->nlmsg_len) < 0)
		say_errno(errno);
	else
		read_dump(ch, whole);
	end_nth();
}

static void dump_rest(struct channel *ch)
{
	if (!ch->socket)
		return;
	while (read_part(ch))
		;
	say_dump(ch);
}

static void join(struct channel *ch)
{
	const char *word = strtok(NULL, " \t");
	int room = word ? atoi(word) : 0;

	if (!open_channel(ch, NETLINK_GENERIC))
		return;
	if (room)
		setsockopt(mnl_socket_get_fd(ch->socket), SOL_SOCKET, SO_RCVBUF,
			   &room, sizeof(room));
	if (mnl_socket_setsockopt(ch->socket, NETLINK_ADD_MEMBERSHIP, &group,
				  sizeof(group)) < 0)
		say_errno(errno);
	else
		say("ok");
}

static void events(struct channel *ch)
{
	const struct nlmsghdr *nlh;
	ssize_t got;
	int len;

	while (ch->socket && ((got = receive(ch)) >= 0 || errno == ENOBUFS)) {
		if (got < 0)
			say("ENOBUFS;");
		len = got;
		for (nlh = (void *)answer; mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len)) {
			const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);

			if (nlh->nlmsg_type != family ||
			    genl->cmd >= ARRAY_SIZE(commands))
				continue;
			say("%s", commands[genl->cmd]);
			say_message(nlh);
			say(";");
		}
	}
	if (!*reply)
		say("silence");
}

/* The family */

static int on_family(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr, *entry, *field;

	(void)data;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			family = mnl_attr_get_u16(attr);
		if (mnl_attr_get_type(attr) != CTRL_ATTR_MCAST_GROUPS)
			continue;
		mnl_attr_for_each_nested(entry, attr)
			mnl_attr_for_each_nested(field, entry)
				if (mnl_attr_get_type(field) == CTRL_ATTR_MCAST_GRP_ID)
					group = mnl_attr_get_u32(field);
	}
	return MNL_CB_OK;
}

static bool find_family(void)
{
	struct nlmsghdr *nlh = header(GENL_ID_CTRL, NLM_F_ACK);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	struct channel ch = { 0 };
	bool fine = true;
	ssize_t len;

	genl->cmd = CTRL_CMD_GETFAMILY;
	genl->version = 1;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, FLANNEL_GENL_NAME);
	if (!open_channel(&ch, NETLINK_GENERIC) ||
	    mnl_socket_sendto(ch.socket, nlh, nlh->nlmsg_len) < 0)
		return false;
	while (fine && (len = receive(&ch)) >= 0)
		fine = mnl_cb_run(answer, len, 0, 0, on_family, NULL) >= 0;
	close_channel(&ch);
	return family;
}

/* Lines */

static void run_line(char *line)
{
	static char words[1 << 20];
	const char *word;
	struct channel *ch;

	snprintf(words, sizeof(words), "%s", line);
	word = strtok(line, " \t");
	if (!word)
		return;
	if (!strcmp(word, "!")) {
		say("%d", WEXITSTATUS(system(words + strspn(words, " \t") + 1)));
		return;
	}
	if (!strcmp(word, "nth")) {
		word = strtok(NULL, " \t");
		nth = word ? atoi(word) : 0;
		say("ok");
		return;
	}
	if (!islower((unsigned char)*word) || word[1]) {
		bad("no socket", word);
		return;
	}
	ch = &channels[*word - 'a'];
	word = strtok(NULL, " \t");
	if (!word)
		bad("no command", "");
	else if (!strcmp(word, "close"))
		close_channel(ch);
	else if (!strncmp(word, "link-", 5))
		link_request(ch, word + 5, words);
	else if (!strcmp(word, "dump") || !strcmp(word, "dump-start"))
		dump(ch, !word[4], words);
	else if (!strcmp(word, "fuzz"))
		fuzz(ch, words);
	else if (!strcmp(word, "dump-rest"))
		dump_rest(ch);
	else if (!strcmp(word, "listen"))
		join(ch);
	else if (!strcmp(word, "events"))
		events(ch);
	else
		talk(ch, word, words);
}

int main(int argc, char **argv)
{
	static char line[1 << 20];

	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		fputs("usage: rawnl [DEV] <REQUESTS, see the source\n", stderr);
		return 1;
	}
	device = argv[1];
	if (!find_family()) {
		fputs("rawnl: there is no family " FLANNEL_GENL_NAME "\n", stderr);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (!*line)
			continue;
		reply[0] = '\0';
		run_line(line);
		puts(reply);
		fflush(stdout);
	}
	return 0;
}
