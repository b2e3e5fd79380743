/* SPDX-License-Identifier: GPL-2.0 */
/*
 * prefix.h - addresses and prefixes of either family, as values
 *
 * Plain data, copied freely, no locks.  Addresses are in network byte order.
 */
#ifndef _FLANNEL_PREFIX_H
#define _FLANNEL_PREFIX_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/socket.h>
#include <linux/string.h>
#include <linux/types.h>

/* Index of a family in per-family arrays. */
enum { FLANNEL_V4, FLANNEL_V6, FLANNEL_FAMILIES };

/**
 * struct flannel_ip - an address of either family
 * @family: AF_INET, AF_INET6, or 0 when unset
 * @ip4: valid with AF_INET; the rest of the union is zero then
 * @ip6: valid with AF_INET6
 */
struct flannel_ip {
	u8 family;
	union {
		__be32 ip4;
		struct in6_addr ip6;
	};
};

/**
 * struct flannel_prefix - a prefix of either family
 * @addr: its base, without host bits
 * @len: length in bits, 1..32 or 1..128
 */
struct flannel_prefix {
	struct flannel_ip addr;
	u8 len;
};

static inline int flannel_family_index(u8 family)
{
	return family == AF_INET ? FLANNEL_V4 : FLANNEL_V6;
}

/* Not memcmp(), which not every architecture inlines. */
static inline bool flannel_ip_equal(const struct flannel_ip *a, const struct flannel_ip *b)
{
	const __be32 *x = a->ip6.s6_addr32, *y = b->ip6.s6_addr32;

	return a->family == b->family &&
	       !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]));
}

/* The rest of the union must be zero: C leaves it open when ip4 alone is set. */
static inline struct flannel_ip flannel_ip_from4(__be32 addr)
{
	return (struct flannel_ip){
		.family = AF_INET,
		.ip6.s6_addr32 = { addr },
	};
}

static inline struct flannel_ip flannel_ip_from6(const struct in6_addr *addr)
{
	return (struct flannel_ip){
		.family = AF_INET6,
		.ip6 = *addr,
	};
}

/* Address @addr alone, as a prefix. */
static inline struct flannel_prefix flannel_prefix_host(const struct flannel_ip *addr)
{
	return (struct flannel_prefix){
		.addr = *addr,
		.len = addr->family == AF_INET ? 32 : 128,
	};
}

static inline bool flannel_prefix_equal(const struct flannel_prefix *a,
					const struct flannel_prefix *b)
{
	return a->len == b->len && flannel_ip_equal(&a->addr, &b->addr);
}

/* Clears the host bits. */
static inline void flannel_prefix_mask(struct flannel_prefix *prefix)
{
	int i, bits = prefix->len;

	for (i = 0; i < 4; i++, bits -= 32) {
		if (bits <= 0)
			prefix->addr.ip6.s6_addr32[i] = 0;
		else if (bits < 32)
			prefix->addr.ip6.s6_addr32[i] &= htonl(~0U << (32 - bits));
	}
}

bool flannel_prefix_has_host_bits(const struct flannel_prefix *prefix);
bool flannel_prefix_contains(const struct flannel_prefix *prefix, const struct flannel_ip *ip);
bool flannel_prefix_covers(const struct flannel_prefix *outer, const struct flannel_prefix *inner);
bool flannel_prefix_overlaps(const struct flannel_prefix *a, const struct flannel_prefix *b);
bool flannel_prefix_is_nobodys(const struct flannel_prefix *prefix);

#endif /* _FLANNEL_PREFIX_H */
