// SPDX-License-Identifier: GPL-2.0
/* Arithmetic on prefixes of either family. */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "prefix.h"

#define PREFIX4(a, b, bits) { \
	.addr = { .family = AF_INET, .bytes = { a, b } }, .len = (bits) }
#define PREFIX6(a, b, bits) { \
	.addr = { .family = AF_INET6, .bytes = { a, b } }, .len = (bits) }
#define IPV4_MAPPED { \
	.addr = { .family = AF_INET6, .bytes = { [10] = 0xff, [11] = 0xff } }, .len = 96 }

/* As module/prefix.c has them, and ::/96, whose text is not that of a key. */
static const struct prefix nobodys[] = {
	PREFIX4(0, 0, 8),			/* this network */
	PREFIX4(127, 0, 8),			/* loopback */
	PREFIX4(169, 254, 16),			/* link-local */
	PREFIX4(224, 0, 4),			/* multicast */
	PREFIX4(240, 0, 4),			/* reserved, broadcast */
	PREFIX6(0, 0, 96),			/* loopback, IPv4-compatible */
	IPV4_MAPPED,
	PREFIX6(0xfe, 0x80, 10),		/* link-local */
	PREFIX6(0xff, 0, 8),			/* multicast */
};

/* Bits of byte @i that belong to the network part. */
static uint8_t mask_byte(unsigned int len, unsigned int i)
{
	if (len >= 8 * (i + 1))
		return 0xff;
	return len > 8 * i ? 0xff << (8 * (i + 1) - len) : 0;
}

void prefix_mask(struct prefix *prefix)
{
	unsigned int i;

	for (i = 0; i < addr_size(prefix->addr.family); i++)
		prefix->addr.bytes[i] &= mask_byte(prefix->len, i);
}

void prefix_last(const struct prefix *prefix, struct addr *last)
{
	unsigned int i;

	*last = prefix->addr;
	for (i = 0; i < addr_size(last->family); i++)
		last->bytes[i] |= ~mask_byte(prefix->len, i);
}

bool prefix_second(const struct prefix *prefix, struct addr *second)
{
	unsigned int size = addr_size(prefix->addr.family);

	*second = prefix->addr;
	second->bytes[size - 1] |= 1;
	return prefix->len < 8 * size;
}

bool prefix_next(struct prefix *prefix)
{
	struct addr next = prefix->addr;
	unsigned int i, sum;

	if (!prefix->len)
		return false;
	i = (prefix->len - 1) / 8;
	sum = next.bytes[i] + (1 << (7 - (prefix->len - 1) % 8));
	next.bytes[i] = sum;
	while (sum > 0xff && i) {
		sum = next.bytes[--i] + 1;
		next.bytes[i] = sum;
	}
	if (sum > 0xff)
		return false;
	prefix->addr = next;
	return true;
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	uint8_t len = a->len < b->len ? a->len : b->len;
	struct prefix x = { a->addr, len }, y = { b->addr, len };

	prefix_mask(&x);
	prefix_mask(&y);
	return !compare_addr(&x.addr, &y.addr);
}

/* Decimal digits and nothing else. */
static bool read_len(const char *text, unsigned int max, uint8_t *len)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long value = strtoul(text, NULL, 10);

	*len = value;
	return digits && !text[digits] && value <= max;
}

bool prefix_parse_masked(const char *text, uint8_t family, struct prefix *prefix)
{
	const char *slash = strchr(text, '/');
	char addr[ADDR_TEXT] = "";
	struct words w;

	if (!slash || (size_t)(slash - text) >= sizeof(addr))
		return false;
	memcpy(addr, text, slash - text);
	if (!parse_addr(&w, addr, &prefix->addr) || prefix->addr.family != family ||
	    !read_len(slash + 1, 8 * addr_size(family), &prefix->len))
		return false;
	prefix_mask(prefix);
	return true;
}

bool prefix_usable(const struct prefix *prefix)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nobodys); i++)
		if (prefix_overlaps(prefix, &nobodys[i]))
			return false;
	return true;
}

/* Unlike pods, VTEPs may have link-local and odd IPv6 addresses. */
static bool is_unicast6(const struct addr *addr)
{
	static const struct prefix bad[] = {
		PREFIX6(0, 0, 127),
		IPV4_MAPPED,
		PREFIX6(0xff, 0, 8),
	};
	struct prefix host = { .addr = *addr, .len = 128 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (prefix_overlaps(&host, &bad[i]))
			return false;
	return true;
}

bool addr_is_unicast(const struct addr *addr)
{
	struct prefix host = { .addr = *addr, .len = 32 };

	if (addr->family != AF_INET)
		return addr->family == AF_INET6 && is_unicast6(addr);
	return prefix_usable(&host) || (addr->bytes[0] == 169 && addr->bytes[1] == 254);
}
