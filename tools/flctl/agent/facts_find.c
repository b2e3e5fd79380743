// SPDX-License-Identifier: GPL-2.0
/* Questions that facts answer. */

#include <string.h>

#include "facts.h"

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned int len)
{
	unsigned int rest = len % 8;

	if (memcmp(a, b, len / 8))
		return false;
	return !rest || !((a[len / 8] ^ b[len / 8]) >> (8 - rest));
}

bool prefix_contains(const struct prefix *prefix, const struct addr *addr)
{
	return addr->family && prefix->addr.family == addr->family &&
	       same_bits(prefix->addr.bytes, addr->bytes, prefix->len);
}

bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
	return outer->len <= inner->len && prefix_contains(outer, &inner->addr);
}

bool link_is_overlay(const struct fact_link *link)
{
	return !strcmp(link->kind, FLANNEL_LINK_KIND) ||
	       (!strcmp(link->kind, "vxlan") && !strncmp(link->name, "flannel", 7));
}

const struct fact_link *facts_link(const struct facts *facts, const char *name)
{
	size_t i;

	for (i = 0; i < facts->link_count; i++)
		if (!strcmp(facts->links[i].name, name))
			return &facts->links[i];
	return NULL;
}

const struct fact_link *facts_link_by_index(const struct facts *facts, int ifindex)
{
	size_t i;

	for (i = 0; i < facts->link_count; i++)
		if (facts->links[i].ifindex == ifindex)
			return &facts->links[i];
	return NULL;
}

const struct fact_addr *facts_own(const struct facts *facts, const struct addr *addr)
{
	size_t i;

	for (i = 0; i < facts->addr_count; i++)
		if (!compare_addr(&facts->addrs[i].prefix.addr, addr))
			return &facts->addrs[i];
	return NULL;
}

static bool is_better(const struct fact_route *route, const struct fact_route *than)
{
	if (!than || route->dst.len != than->dst.len)
		return !than || route->dst.len > than->dst.len;
	return route->metric < than->metric;
}

const struct fact_route *facts_route_to(const struct facts *facts, const struct addr *addr,
					uint8_t except)
{
	const struct fact_route *best = NULL;
	size_t i;

	for (i = 0; i < facts->route_count; i++) {
		const struct fact_route *route = &facts->routes[i];

		if (except && route->protocol == except)
			continue;
		if (prefix_contains(&route->dst, addr) && is_better(route, best))
			best = route;
	}
	return best;
}
