// SPDX-License-Identifier: GPL-2.0
/*
 * prefix.c - addresses and prefixes of either family, as values
 */
#include <linux/kernel.h>

#include "prefix.h"

#define PREFIX4(base, bits) { \
	.addr = { .family = AF_INET, .ip6.s6_addr32 = { htonl(base) } }, \
	.len = (bits), \
}

#define PREFIX6(a, b, c, d, bits) { \
	.addr = { \
		.family = AF_INET6, \
		.ip6.s6_addr32 = { htonl(a), htonl(b), htonl(c), htonl(d) }, \
	}, \
	.len = (bits), \
}

/* Addresses that no pod can have. */
static const struct flannel_prefix nobodys[] = {
	PREFIX4(0x00000000, 8),				/* this network */
	PREFIX4(0x7f000000, 8),				/* loopback */
	PREFIX4(0xa9fe0000, 16),			/* link-local */
	PREFIX4(0xe0000000, 4),				/* multicast */
	PREFIX4(0xf0000000, 4),				/* reserved, broadcast */
	PREFIX6(0, 0, 0, 0, 127),			/* unspecified, loopback */
	PREFIX6(0, 0, 0x0000ffff, 0, 96),		/* IPv4-mapped */
	PREFIX6(0xfe800000, 0, 0, 0, 10),		/* link-local */
	PREFIX6(0xff000000, 0, 0, 0, 8),		/* multicast */
};

static bool bits_equal(const struct in6_addr *a, const struct in6_addr *b, unsigned int len)
{
	unsigned int i;

	for (i = 0; len >= 32; i++, len -= 32)
		if (a->s6_addr32[i] != b->s6_addr32[i])
			return false;
	return !len || !((a->s6_addr32[i] ^ b->s6_addr32[i]) & htonl(~0U << (32 - len)));
}

/**
 * flannel_prefix_has_host_bits - whether bits beyond the length are set
 * @prefix: prefix, its length within 0..32 or 0..128
 *
 * Context: Any.
 * Return: true when @prefix is not the base of its range.
 */
bool flannel_prefix_has_host_bits(const struct flannel_prefix *prefix)
{
	struct flannel_prefix base = *prefix;

	flannel_prefix_mask(&base);
	return !flannel_ip_equal(&base.addr, &prefix->addr);
}

/**
 * flannel_prefix_contains - whether an address lies in a prefix
 * @prefix: prefix
 * @ip: address of either family
 *
 * Context: Any.
 * Return: true when it does; false also when the families differ.
 */
bool flannel_prefix_contains(const struct flannel_prefix *prefix, const struct flannel_ip *ip)
{
	return prefix->addr.family == ip->family &&
	       bits_equal(&prefix->addr.ip6, &ip->ip6, prefix->len);
}

/**
 * flannel_prefix_covers - whether a prefix lies in another one
 * @outer: the wider prefix
 * @inner: the narrower one
 *
 * Context: Any.
 * Return: true when every address of @inner is one of @outer.
 */
bool flannel_prefix_covers(const struct flannel_prefix *outer, const struct flannel_prefix *inner)
{
	return outer->len <= inner->len && flannel_prefix_contains(outer, &inner->addr);
}

/**
 * flannel_prefix_overlaps - whether two prefixes have an address in common
 * @a: prefix
 * @b: prefix
 *
 * Context: Any.
 * Return: true when one covers the other.
 */
bool flannel_prefix_overlaps(const struct flannel_prefix *a, const struct flannel_prefix *b)
{
	return flannel_prefix_covers(a, b) || flannel_prefix_covers(b, a);
}

/**
 * flannel_prefix_is_nobodys - whether a prefix has addresses that no pod can have
 * @prefix: prefix
 *
 * These are multicast, loopback, link-local, 0.0.0.0/8, 240.0.0.0/4, :: and
 * IPv4-mapped addresses.
 *
 * Context: Any.
 * Return: true when @prefix overlaps any of them.
 */
bool flannel_prefix_is_nobodys(const struct flannel_prefix *prefix)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(nobodys); i++)
		if (flannel_prefix_overlaps(&nobodys[i], prefix))
			return true;
	return false;
}
