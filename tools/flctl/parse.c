// SPDX-License-Identifier: GPL-2.0
/* Text to values and back. */

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"

const char *words_next(struct words *w)
{
	if (w->count <= 0)
		return NULL;
	w->count--;
	return *w->word++;
}

/* The word after @name, which needs one. */
const char *words_value(struct words *w, const char *name)
{
	const char *value = words_next(w);

	if (!value)
		words_fail(w, "%s needs a value", name);
	return value;
}

/*
 * Always false, so that callers can return it.  What the words say may come
 * from anywhere: nothing in it reaches the terminal unprintable.
 */
bool words_fail(struct words *w, const char *fmt, ...)
{
	va_list args;
	char *c;

	va_start(args, fmt);
	vsnprintf(w->error, sizeof(w->error), fmt, args);
	va_end(args);
	for (c = w->error; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	return false;
}

/* Of a character that isxdigit() takes. */
static unsigned int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Decimal, or hexadecimal after 0x; nothing before and nothing behind it. */
static bool read_number(const char *text, uint32_t *number)
{
	unsigned int base = 10;
	uint64_t value = 0;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	if (!*text)
		return false;
	for (; *text; text++) {
		if (!isxdigit((unsigned char)*text) || hex_digit(*text) >= base)
			return false;
		value = value * base + hex_digit(*text);
		if (value > UINT32_MAX)
			return false;
	}
	*number = value;
	return true;
}

bool parse_number(struct words *w, const char *name, const char *text,
		  uint32_t min, uint32_t max, uint32_t *number)
{
	if (read_number(text, number) && *number >= min && *number <= max)
		return true;
	return words_fail(w, "%s: \"%s\" is not a number from %u to %u", name,
			  text, min, max);
}

static bool read_addr(const char *text, struct addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	return inet_pton(addr->family, text, addr->bytes) == 1;
}

bool parse_addr(struct words *w, const char *text, struct addr *addr)
{
	if (read_addr(text, addr))
		return true;
	return words_fail(w, "\"%s\" is not an IPv4 or IPv6 address", text);
}

/* Clears the bits behind @len and says whether one was set. */
static bool clear_host_bits(struct addr *addr, unsigned int len)
{
	bool found = false;
	unsigned int i;
	uint8_t mask;

	for (i = 0; i < sizeof(addr->bytes); i++) {
		if (len >= 8 * (i + 1))
			continue;
		mask = len > 8 * i ? 0xff << (8 * (i + 1) - len) : 0;
		found |= addr->bytes[i] & ~mask & 0xff;
		addr->bytes[i] &= mask;
	}
	return found;
}

static bool split_prefix(const char *text, struct prefix *prefix)
{
	const char *slash = strchr(text, '/');
	char addr[ADDR_TEXT];
	uint32_t len;

	if (!slash || (size_t)(slash - text) >= sizeof(addr))
		return false;
	memcpy(addr, text, slash - text);
	addr[slash - text] = '\0';
	if (!read_addr(addr, &prefix->addr))
		return false;
	if (strlen(slash + 1) > 3 || !isdigit((unsigned char)slash[1]) ||
	    strchr(slash, 'x') || strchr(slash, 'X') ||
	    !read_number(slash + 1, &len))
		return false;
	if (len > 8 * addr_size(prefix->addr.family))
		return false;
	prefix->len = len;
	return true;
}

bool parse_prefix(struct words *w, const char *text, struct prefix *prefix)
{
	char clean[PREFIX_TEXT];

	if (!strchr(text, '/') && read_addr(text, &prefix->addr))
		return words_fail(w,
				  "\"%s\" lacks the prefix length: write %s/%u for this one address",
				  text, text, 8 * addr_size(prefix->addr.family));
	if (!split_prefix(text, prefix))
		return words_fail(w, "\"%s\" is not a prefix (ADDRESS/LENGTH, as in 10.244.1.0/24)",
				  text);
	if (clear_host_bits(&prefix->addr, prefix->len))
		return words_fail(w, "\"%s\" has host bits set: the prefix is %s",
				  text, format_prefix(prefix, clean));
	return true;
}

/* Six groups of one or two digits. */
static bool read_mac(const char *text, uint8_t mac[6])
{
	unsigned int i, digits;

	for (i = 0; i < 6; i++) {
		mac[i] = 0;
		for (digits = 0; isxdigit((unsigned char)*text); digits++)
			mac[i] = mac[i] << 4 | hex_digit(*text++);
		if (digits < 1 || digits > 2)
			return false;
		if (*text++ != (i < 5 ? ':' : '\0'))
			return false;
	}
	return true;
}

bool parse_mac(struct words *w, const char *text, uint8_t mac[6])
{
	if (read_mac(text, mac))
		return true;
	return words_fail(w, "\"%s\" is not a MAC address (as in 02:00:5e:10:00:01)",
			  text);
}

bool parse_ifname(struct words *w, const char *text, char name[IF_NAMESIZE])
{
	const char *c;

	if (!*text || !strcmp(text, ".") || !strcmp(text, ".."))
		return words_fail(w, "\"%s\" cannot be the name of a device",
				  text);
	if (strlen(text) >= IF_NAMESIZE)
		return words_fail(w,
				  "\"%s\" is too long for the name of a device (%d bytes at most)",
				  text, IF_NAMESIZE - 1);
	for (c = text; *c; c++)
		if (*c == '/' || *c == ':' || isspace((unsigned char)*c))
			return words_fail(w, "\"%s\" cannot be the name of a device",
					  text);
	memset(name, 0, IF_NAMESIZE);
	memcpy(name, text, strlen(text));
	return true;
}

static bool parse_lease_prefix(struct words *w, struct lease *lease)
{
	const char *text = words_next(w);

	if (!text)
		return words_fail(w, "a PREFIX is missing");
	if (!parse_prefix(w, text, &lease->prefix))
		return false;
	if (!lease->prefix.len)
		return words_fail(w, "\"%s\": a lease has a length of at least 1",
				  text);
	return true;
}

static bool parse_dev(struct words *w, char dev[IF_NAMESIZE])
{
	const char *text = words_value(w, "dev");

	if (!text)
		return false;
	if (*dev)
		return words_fail(w, "dev is given twice");
	return parse_ifname(w, text, dev);
}

static bool parse_via(struct words *w, struct lease *lease)
{
	const char *text = words_value(w, "via");

	if (!text)
		return false;
	if (lease->vtep.family)
		return words_fail(w, "via is given twice");
	return parse_addr(w, text, &lease->vtep);
}

static bool parse_lladdr(struct words *w, struct lease *lease, bool *given)
{
	const char *text = words_value(w, "lladdr");

	if (!text)
		return false;
	if (*given)
		return words_fail(w, "lladdr is given twice");
	*given = true;
	return parse_mac(w, text, lease->lladdr);
}

static bool parse_local(struct words *w, struct lease *lease)
{
	if (lease->local)
		return words_fail(w, "local is given twice");
	lease->local = true;
	return true;
}

static bool check_lease(struct words *w, const struct lease *lease, bool lladdr)
{
	bool via = lease->vtep.family;

	if (lease->local && (via || lladdr))
		return words_fail(w, "a lease is either local or has via and lladdr, not both");
	if (lease->local || (via && lladdr))
		return true;
	if (via)
		return words_fail(w, "lladdr MAC is missing: the MAC of the VTEP");
	if (lladdr)
		return words_fail(w, "via VTEP is missing: the underlay address of the VTEP");
	return words_fail(w, "the lease lacks its VTEP: give \"via VTEP lladdr MAC\" or \"local\"");
}

bool parse_lease(struct words *w, struct lease *lease, char dev[IF_NAMESIZE])
{
	bool ok, lladdr = false;
	const char *word;

	memset(lease, 0, sizeof(*lease));
	*dev = '\0';
	if (!parse_lease_prefix(w, lease))
		return false;
	while ((word = words_next(w))) {
		if (!strcmp(word, "via"))
			ok = parse_via(w, lease);
		else if (!strcmp(word, "lladdr"))
			ok = parse_lladdr(w, lease, &lladdr);
		else if (!strcmp(word, "local"))
			ok = parse_local(w, lease);
		else if (!strcmp(word, "dev"))
			ok = parse_dev(w, dev);
		else
			ok = words_fail(w,
					"unknown word \"%s\": a lease has via, lladdr, local and dev",
					word);
		if (!ok)
			return false;
	}
	return check_lease(w, lease, lladdr);
}

bool parse_lease_key(struct words *w, struct lease *lease,
		     char dev[IF_NAMESIZE])
{
	const char *word;

	memset(lease, 0, sizeof(*lease));
	*dev = '\0';
	if (!parse_lease_prefix(w, lease))
		return false;
	while ((word = words_next(w))) {
		if (strcmp(word, "dev"))
			return words_fail(w,
					  "unknown word \"%s\": PREFIX and dev DEV name the lease",
					  word);
		if (!parse_dev(w, dev))
			return false;
	}
	return true;
}

bool split_line(struct words *w, char *line, char **word)
{
	char *save, *text;

	w->word = word;
	w->count = 0;
	for (text = strtok_r(line, " \t\r\n\v\f", &save); text && *text != '#';
	     text = strtok_r(NULL, " \t\r\n\v\f", &save)) {
		if (w->count == LINE_WORDS)
			return words_fail(w, "too many words, starting with \"%s\"",
					  text);
		word[w->count++] = text;
	}
	return true;
}

const char *format_addr(const struct addr *addr, char text[ADDR_TEXT])
{
	if (!inet_ntop(addr->family, addr->bytes, text, ADDR_TEXT))
		*text = '\0';
	return text;
}

const char *format_prefix(const struct prefix *prefix, char text[PREFIX_TEXT])
{
	format_addr(&prefix->addr, text);
	sprintf(text + strlen(text), "/%u", prefix->len);
	return text;
}

const char *format_mac(const uint8_t mac[6], char text[MAC_TEXT])
{
	snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
		 mac[1], mac[2], mac[3], mac[4], mac[5]);
	return text;
}

const char *format_lease(const struct lease *lease, char text[LEASE_TEXT])
{
	char prefix[PREFIX_TEXT], vtep[ADDR_TEXT], mac[MAC_TEXT];

	format_prefix(&lease->prefix, prefix);
	if (lease->local)
		snprintf(text, LEASE_TEXT, "%s local", prefix);
	else if (lease->vtep.family)
		snprintf(text, LEASE_TEXT, "%s via %s lladdr %s", prefix,
			 format_addr(&lease->vtep, vtep),
			 format_mac(lease->lladdr, mac));
	else
		snprintf(text, LEASE_TEXT, "%s", prefix);
	return text;
}

int compare_addr(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

int compare_prefix(const struct prefix *a, const struct prefix *b)
{
	int order = compare_addr(&a->addr, &b->addr);

	return order ? order : (int)a->len - (int)b->len;
}
