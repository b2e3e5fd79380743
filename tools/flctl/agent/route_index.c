// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "route_index.h"

static int compare_dst(const struct prefix *a, const struct prefix *b)
{
	if (a->addr.family != b->addr.family)
		return a->addr.family < b->addr.family ? -1 : 1;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->addr.bytes, b->addr.bytes, addr_size(a->addr.family));
}

static int compare(const void *a, const void *b)
{
	const struct fact_route *x = *(const struct fact_route **)a;
	const struct fact_route *y = *(const struct fact_route **)b;
	int order = compare_dst(&x->dst, &y->dst);

	if (order)
		return order;
	if (x->metric != y->metric)
		return x->metric < y->metric ? -1 : 1;
	/* As the kernel lists them. */
	return x < y ? -1 : x > y;
}

bool route_index_make(struct route_index *index, const struct facts *facts)
{
	size_t i;

	memset(index, 0, sizeof(*index));
	index->route = calloc(facts->route_count + 1, sizeof(*index->route));
	if (!index->route)
		return false;
	for (i = 0; i < facts->route_count; i++) {
		const struct prefix *dst = &facts->routes[i].dst;

		index->route[i] = &facts->routes[i];
		(dst->addr.family == AF_INET ? index->has4 : index->has6)[dst->len] = true;
	}
	index->count = facts->route_count;
	qsort(index->route, index->count, sizeof(*index->route), compare);
	return true;
}

void route_index_free(struct route_index *index)
{
	free(index->route);
	memset(index, 0, sizeof(*index));
}

/* The first that is not before @dst and @metric. */
static const struct fact_route *not_before(const struct route_index *index,
					   const struct prefix *dst, uint32_t metric)
{
	size_t low = 0, high = index->count, middle;
	const struct fact_route *route;
	int order;

	while (low < high) {
		middle = low + (high - low) / 2;
		route = index->route[middle];
		order = compare_dst(&route->dst, dst);
		if (order < 0 || (!order && route->metric < metric))
			low = middle + 1;
		else
			high = middle;
	}
	return low < index->count ? index->route[low] : NULL;
}

const struct fact_route *route_index_to(const struct route_index *index,
					const struct addr *addr)
{
	bool v4 = addr->family == AF_INET;
	const struct fact_route *route;
	struct prefix dst;
	int len;

	if (!addr->family)
		return NULL;
	for (len = v4 ? 32 : 128; len >= 0; len--) {
		if (!(v4 ? index->has4 : index->has6)[len])
			continue;
		dst = (struct prefix){ .addr = *addr, .len = len };
		prefix_mask(&dst);
		route = not_before(index, &dst, 0);
		if (route && !compare_dst(&route->dst, &dst))
			return route;
	}
	return NULL;
}

const struct fact_route *route_index_first(const struct route_index *index,
					   const struct prefix *dst, uint32_t metric)
{
	const struct fact_route *route = not_before(index, dst, metric);

	return route && !compare_dst(&route->dst, dst) && route->metric == metric ? route : NULL;
}
