// SPDX-License-Identifier: GPL-2.0
/* The options of a flannel link. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "options.h"

#define BIT(n)	(1U << (n))

/* Where the value of an attribute lives. */
struct layout {
	uint16_t offset;
	uint16_t size;
};

#define FIELD(field) {					\
	offsetof(struct link_options, field),		\
	sizeof(((struct link_options *)0)->field),	\
}

static const struct layout layout[IFLA_FLANNEL_MAX + 1] = {
	[IFLA_FLANNEL_ID] = FIELD(id),
	[IFLA_FLANNEL_PORT] = FIELD(dstport),
	[IFLA_FLANNEL_LOCAL] = FIELD(local),
	[IFLA_FLANNEL_LOCAL6] = FIELD(local6),
	[IFLA_FLANNEL_DEV] = FIELD(dev),
	[IFLA_FLANNEL_TTL] = FIELD(ttl),
	[IFLA_FLANNEL_TOS] = FIELD(tos),
	[IFLA_FLANNEL_DF] = FIELD(df),
	[IFLA_FLANNEL_PORT_RANGE] = FIELD(srcport),
	[IFLA_FLANNEL_UDP_CSUM] = FIELD(udpcsum),
	[IFLA_FLANNEL_UDP_ZERO_CSUM6_TX] = FIELD(udp6zerocsumtx),
	[IFLA_FLANNEL_UDP_ZERO_CSUM6_RX] = FIELD(udp6zerocsumrx),
	[IFLA_FLANNEL_LLADDR] = FIELD(lladdr),
	[IFLA_FLANNEL_NETWORK] = FIELD(network),
	[IFLA_FLANNEL_NETWORK_LEN] = FIELD(network_len),
	[IFLA_FLANNEL_NETWORK6] = FIELD(network6),
	[IFLA_FLANNEL_NETWORK6_LEN] = FIELD(network6_len),
	[IFLA_FLANNEL_SRCCHECK] = FIELD(srccheck),
	[IFLA_FLANNEL_FWMARK] = FIELD(fwmark),
	[IFLA_FLANNEL_MAXLEASES] = FIELD(maxleases),
	[IFLA_FLANNEL_UNTRACK] = FIELD(untrack),
};

/*
 * @attr: what must be known for @show, and must not be given twice to @parse
 * @parse: NULL for the second family of an option whose first one parses both
 * @no: the option takes "no" before its word
 * @min, @max: of an OPTION_NUMBER
 * @names: of values that are words, NULL at the end, or the word for the value
 *	@named
 */
struct option {
	const char *word;
	const char *key;
	const char *values;
	const char *help;
	unsigned int attr;
	bool (*parse)(struct words *w, const struct option *opt,
		      struct link_options *o);
	void (*show)(const struct option *opt, const struct link_options *o,
		     struct option_value *v);
	bool no;
	uint32_t min, max;
	const char *const *names;
	uint32_t named;
};

static const char *const df_names[] = { "unset", "set", "inherit", NULL };
static const char *const srccheck_names[] = { "off", "lease", "strict", NULL };
static const char *const ttl_names[] = { "auto", NULL };
static const char *const tos_names[] = { "inherit", NULL };

static bool give(struct words *w, const char *word, struct link_options *o,
		 unsigned int attr)
{
	if (o->given & BIT(attr))
		return words_fail(w, "%s is given twice", word);
	o->given |= BIT(attr);
	return true;
}

static void *field(struct link_options *o, unsigned int attr)
{
	return (char *)o + layout[attr].offset;
}

static void store(struct link_options *o, unsigned int attr, uint32_t number)
{
	if (layout[attr].size == sizeof(uint8_t))
		*(uint8_t *)field(o, attr) = number;
	else
		*(uint32_t *)field(o, attr) = number;
}

static uint32_t load(const struct link_options *o, unsigned int attr)
{
	const void *from = (const char *)o + layout[attr].offset;

	if (layout[attr].size == sizeof(uint8_t))
		return *(const uint8_t *)from;
	return *(const uint32_t *)from;
}

static bool parse_plain(struct words *w, const struct option *opt,
			struct link_options *o)
{
	const char *text = words_value(w, opt->word);
	uint32_t number;

	if (!text)
		return false;
	if (!parse_number(w, opt->word, text, opt->min, opt->max, &number))
		return false;
	store(o, opt->attr, number);
	return true;
}

/* A number, or the one word that stands for one. */
static bool parse_named(struct words *w, const struct option *opt,
			struct link_options *o)
{
	const char *text = words_value(w, opt->word);
	uint32_t number = opt->named;

	if (!text)
		return false;
	if (strcmp(text, opt->names[0]) &&
	    !parse_number(w, opt->word, text, opt->min, opt->max, &number))
		return words_fail(w, "%s: \"%s\" is neither %s nor a number from %u to %u",
				  opt->word, text, opt->names[0], opt->min,
				  opt->max);
	store(o, opt->attr, number);
	return true;
}

static bool parse_choice(struct words *w, const struct option *opt,
			 struct link_options *o)
{
	const char *text = words_value(w, opt->word);
	unsigned int i;

	if (!text)
		return false;
	for (i = 0; opt->names[i]; i++) {
		if (strcmp(text, opt->names[i]))
			continue;
		store(o, opt->attr, i);
		return true;
	}
	return words_fail(w, "%s: \"%s\" is not one of %s", opt->word, text,
			  opt->values);
}

static bool parse_flag(struct words *w, const struct option *opt,
		       struct link_options *o)
{
	(void)w;
	store(o, opt->attr, 1);
	return true;
}

static bool parse_dstport(struct words *w, const struct option *opt,
			  struct link_options *o)
{
	const char *text = words_value(w, opt->word);
	uint32_t port;

	if (!text || !parse_number(w, opt->word, text, opt->min, opt->max, &port))
		return false;
	o->dstport = htons(port);
	return true;
}

static bool parse_srcport(struct words *w, const struct option *opt,
			  struct link_options *o)
{
	const char *low = words_next(w), *high = words_next(w);
	uint32_t first, last;

	if (!low || !high)
		return words_fail(w, "srcport needs two values, MIN MAX");
	if (!parse_number(w, "srcport", low, 0, opt->max, &first) ||
	    !parse_number(w, "srcport", high, 0, opt->max, &last))
		return false;
	if (!first != !last || first > last)
		return words_fail(w,
				  "srcport: %u %u is no range (1 to 65535 ascending, or 0 0)",
				  first, last);
	o->srcport.low = htons(first);
	o->srcport.high = htons(last);
	return true;
}

/* The attribute was noted as the IPv4 one. */
static bool parse_local(struct words *w, const struct option *opt,
			struct link_options *o)
{
	const char *text = words_value(w, opt->word);
	struct addr addr;

	if (!text || !parse_addr(w, text, &addr))
		return false;
	if (addr.family == AF_INET) {
		memcpy(o->local, addr.bytes, sizeof(o->local));
		return give(w, "local (IPv4)", o, IFLA_FLANNEL_LOCAL);
	}
	memcpy(o->local6, addr.bytes, sizeof(o->local6));
	return give(w, "local (IPv6)", o, IFLA_FLANNEL_LOCAL6);
}

static bool parse_network(struct words *w, const struct option *opt,
			  struct link_options *o)
{
	const char *text = words_value(w, opt->word);
	struct prefix prefix;

	if (!text || !parse_prefix(w, text, &prefix))
		return false;
	if (prefix.addr.family == AF_INET) {
		memcpy(o->network, prefix.addr.bytes, sizeof(o->network));
		o->network_len = prefix.len;
		o->given |= BIT(IFLA_FLANNEL_NETWORK_LEN);
		return give(w, "network (IPv4)", o, IFLA_FLANNEL_NETWORK);
	}
	memcpy(o->network6, prefix.addr.bytes, sizeof(o->network6));
	o->network6_len = prefix.len;
	o->given |= BIT(IFLA_FLANNEL_NETWORK6_LEN);
	return give(w, "network (IPv6)", o, IFLA_FLANNEL_NETWORK6);
}

static bool parse_underlay(struct words *w, const struct option *opt,
			   struct link_options *o)
{
	const char *text = words_value(w, opt->word);

	return text && parse_ifname(w, text, o->dev);
}

static bool parse_lladdr(struct words *w, const struct option *opt,
			 struct link_options *o)
{
	const char *text = words_value(w, opt->word);

	return text && parse_mac(w, text, o->lladdr);
}

static void show_plain(const struct option *opt, const struct link_options *o,
		       struct option_value *v)
{
	v->type = OPTION_NUMBER;
	v->number = load(o, opt->attr);
	snprintf(v->text, sizeof(v->text), "%u", v->number);
}

static void show_named(const struct option *opt, const struct link_options *o,
		       struct option_value *v)
{
	show_plain(opt, o, v);
	if (v->number == opt->named)
		strcpy(v->text, opt->names[0]);
}

static void show_hex(const struct option *opt, const struct link_options *o,
		     struct option_value *v)
{
	show_plain(opt, o, v);
	snprintf(v->text, sizeof(v->text), "0x%x", v->number);
}

/* A value newer than this program is shown as its number. */
static void show_choice(const struct option *opt, const struct link_options *o,
			struct option_value *v)
{
	unsigned int i;

	show_plain(opt, o, v);
	v->type = OPTION_STRING;
	for (i = 0; opt->names[i]; i++)
		if (i == v->number)
			strcpy(v->text, opt->names[i]);
}

static void show_flag(const struct option *opt, const struct link_options *o,
		      struct option_value *v)
{
	v->type = OPTION_FLAG;
	v->number = !!load(o, opt->attr);
	snprintf(v->text, sizeof(v->text), "%s%s", v->number ? "" : "no",
		 opt->word);
}

static void show_dstport(const struct option *opt, const struct link_options *o,
			 struct option_value *v)
{
	(void)opt;
	v->type = OPTION_NUMBER;
	v->number = ntohs(o->dstport);
	snprintf(v->text, sizeof(v->text), "%u", v->number);
}

static void show_srcport(const struct option *opt, const struct link_options *o,
			 struct option_value *v)
{
	(void)opt;
	v->type = OPTION_RANGE;
	v->number = ntohs(o->srcport.low);
	v->last = ntohs(o->srcport.high);
	snprintf(v->text, sizeof(v->text), "%u %u", v->number, v->last);
}

static void show_local(const struct option *opt, const struct link_options *o,
		       struct option_value *v)
{
	bool ipv4 = opt->attr == IFLA_FLANNEL_LOCAL;

	v->type = OPTION_STRING;
	inet_ntop(ipv4 ? AF_INET : AF_INET6,
		  ipv4 ? (const void *)o->local : o->local6, v->text,
		  sizeof(v->text));
}

static void show_network(const struct option *opt, const struct link_options *o,
			 struct option_value *v)
{
	bool ipv4 = opt->attr == IFLA_FLANNEL_NETWORK;

	v->type = OPTION_STRING;
	inet_ntop(ipv4 ? AF_INET : AF_INET6,
		  ipv4 ? (const void *)o->network : o->network6, v->text,
		  INET6_ADDRSTRLEN);
	sprintf(v->text + strlen(v->text), "/%u",
		ipv4 ? o->network_len : o->network6_len);
}

static void show_underlay(const struct option *opt,
			  const struct link_options *o, struct option_value *v)
{
	(void)opt;
	v->type = OPTION_STRING;
	snprintf(v->text, sizeof(v->text), "%s", o->dev);
}

static void show_lladdr(const struct option *opt, const struct link_options *o,
			struct option_value *v)
{
	(void)opt;
	v->type = OPTION_STRING;
	format_mac(o->lladdr, v->text);
}

static const struct option options[] = {
	{
		.word = "id", .key = "id", .values = "VNI",
		.help = "VXLAN network identifier, 0..16777215 (1); fixed once added",
		.attr = IFLA_FLANNEL_ID, .max = 0xffffff,
		.parse = parse_plain, .show = show_plain,
	}, {
		.word = "local", .key = "local", .values = "ADDRESS",
		.help = "underlay address, one of each family; 0.0.0.0 and :: unset (unset)",
		.attr = IFLA_FLANNEL_LOCAL,
		.parse = parse_local, .show = show_local,
	}, {
		.word = "local", .key = "local6",
		.attr = IFLA_FLANNEL_LOCAL6, .show = show_local,
	}, {
		.word = "dev", .key = "dev", .values = "NAME",
		.help = "underlay interface; nodev unsets (unset)",
		.attr = IFLA_FLANNEL_DEV, .no = true,
		.parse = parse_underlay, .show = show_underlay,
	}, {
		.word = "dstport", .key = "dstport", .values = "PORT",
		.help = "UDP port, 1..65535 (8472); fixed once added",
		.attr = IFLA_FLANNEL_PORT, .min = 1, .max = 65535,
		.parse = parse_dstport, .show = show_dstport,
	}, {
		.word = "ttl", .key = "ttl", .values = "auto|1..255",
		.help = "TTL or hop limit of outer packets (auto: that of the route)",
		.attr = IFLA_FLANNEL_TTL, .min = 1, .max = 255,
		.names = ttl_names, .named = 0,
		.parse = parse_named, .show = show_named,
	}, {
		.word = "tos", .key = "tos", .values = "inherit|0..255",
		.help = "TOS or traffic class of outer packets (0)",
		.attr = IFLA_FLANNEL_TOS, .max = 255,
		.names = tos_names, .named = 1,
		.parse = parse_named, .show = show_named,
	}, {
		.word = "df", .key = "df", .values = "unset|set|inherit",
		.help = "don't-fragment bit of outer IPv4 packets (unset)",
		.attr = IFLA_FLANNEL_DF, .names = df_names,
		.parse = parse_choice, .show = show_choice,
	}, {
		.word = "srcport", .key = "srcport", .values = "MIN MAX",
		.help = "UDP source ports (0 0: net.ipv4.ip_local_port_range)",
		.attr = IFLA_FLANNEL_PORT_RANGE, .max = 65535,
		.parse = parse_srcport, .show = show_srcport,
	}, {
		.word = "udpcsum", .key = "udpcsum", .values = "",
		.help = "UDP checksum in outer IPv4 packets (on)",
		.attr = IFLA_FLANNEL_UDP_CSUM, .no = true,
		.parse = parse_flag, .show = show_flag,
	}, {
		.word = "udp6zerocsumtx", .key = "udp6zerocsumtx", .values = "",
		.help = "send outer IPv6 packets without UDP checksum (off)",
		.attr = IFLA_FLANNEL_UDP_ZERO_CSUM6_TX, .no = true,
		.parse = parse_flag, .show = show_flag,
	}, {
		.word = "udp6zerocsumrx", .key = "udp6zerocsumrx", .values = "",
		.help = "accept outer IPv6 packets without UDP checksum (off)",
		.attr = IFLA_FLANNEL_UDP_ZERO_CSUM6_RX, .no = true,
		.parse = parse_flag, .show = show_flag,
	}, {
		.word = "lladdr", .key = "lladdr", .values = "MAC",
		.help = "MAC of this VTEP (made once at random)",
		.attr = IFLA_FLANNEL_LLADDR,
		.parse = parse_lladdr, .show = show_lladdr,
	}, {
		.word = "network", .key = "network", .values = "PREFIX",
		.help = "the overlay's, one of each family; 0.0.0.0/0 and ::/0 unset (unset)",
		.attr = IFLA_FLANNEL_NETWORK,
		.parse = parse_network, .show = show_network,
	}, {
		.word = "network", .key = "network6",
		.attr = IFLA_FLANNEL_NETWORK6, .show = show_network,
	}, {
		.word = "srccheck", .key = "srccheck",
		.values = "off|lease|strict",
		.help = "what the source of a received packet is held against (lease)",
		.attr = IFLA_FLANNEL_SRCCHECK, .names = srccheck_names,
		.parse = parse_choice, .show = show_choice,
	}, {
		.word = "fwmark", .key = "fwmark", .values = "MARK",
		.help = "mark of outer packets, decimal or 0x hexadecimal (0)",
		.attr = IFLA_FLANNEL_FWMARK, .max = UINT32_MAX,
		.parse = parse_plain, .show = show_hex,
	}, {
		.word = "maxleases", .key = "maxleases", .values = "N",
		.help = "most leases that the table takes (1048576)",
		.attr = IFLA_FLANNEL_MAXLEASES, .max = UINT32_MAX,
		.parse = parse_plain, .show = show_plain,
	}, {
		.word = "untrack", .key = "untrack", .values = "",
		.help = "no connection tracking for outer packets (off)",
		.attr = IFLA_FLANNEL_UNTRACK, .no = true,
		.parse = parse_flag, .show = show_flag,
	},
};

static const struct option *find(const char *word)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].parse && !strcmp(options[i].word, word))
			return &options[i];
	return NULL;
}

/* Two words give two attributes, each of which can be given once. */
static bool two_families(const struct option *opt)
{
	return opt->attr == IFLA_FLANNEL_LOCAL ||
	       opt->attr == IFLA_FLANNEL_NETWORK;
}

bool options_parse(struct words *w, const char *word, struct link_options *o)
{
	const struct option *opt = find(word);

	w->error[0] = '\0';
	if (!opt && !strncmp(word, "no", 2)) {
		opt = find(word + 2);
		if (!opt || !opt->no)
			return false;
		memset(field(o, opt->attr), 0, layout[opt->attr].size);
		return give(w, opt->word, o, opt->attr);
	}
	if (!opt)
		return false;
	return (two_families(opt) || give(w, opt->word, o, opt->attr)) &&
	       opt->parse(w, opt, o);
}

const void *options_attr(const struct link_options *o, unsigned int type,
			 size_t *size)
{
	if (type > IFLA_FLANNEL_MAX || !(o->given & BIT(type)))
		return NULL;
	*size = layout[type].size;
	if (type == IFLA_FLANNEL_DEV)
		*size = strlen(o->dev) + 1;
	return (const char *)o + layout[type].offset;
}

void options_set_attr(struct link_options *o, unsigned int type,
		      const void *data, size_t size)
{
	if (type > IFLA_FLANNEL_MAX || !layout[type].size)
		return;
	if (type == IFLA_FLANNEL_DEV) {
		size = strnlen(data, size);
		if (!size || size >= sizeof(o->dev))
			return;
		memset(o->dev, 0, sizeof(o->dev));
	} else if (size != layout[type].size) {
		return;
	}
	memcpy(field(o, type), data, size);
	o->given |= BIT(type);
}

bool options_next(const struct link_options *o, unsigned int *next,
		  struct option_value *value)
{
	const struct option *opt;

	while (*next < ARRAY_SIZE(options)) {
		opt = &options[(*next)++];
		if (!(o->given & BIT(opt->attr)))
			continue;
		memset(value, 0, sizeof(*value));
		value->word = opt->word;
		value->key = opt->key;
		opt->show(opt, o, value);
		return true;
	}
	return false;
}

void options_help(FILE *file, const char *indent)
{
	const struct option *opt;
	char words[OPTION_TEXT];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		opt = &options[i];
		if (!opt->parse)
			continue;
		snprintf(words, sizeof(words), "%s%s%s%s",
			 opt->no && !*opt->values ? "[no]" : "", opt->word,
			 *opt->values ? " " : "", opt->values);
		fprintf(file, "%s%-25s %s\n", indent, words, opt->help);
	}
}
