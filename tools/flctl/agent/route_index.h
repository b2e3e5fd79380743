/* SPDX-License-Identifier: GPL-2.0 */
/*
 * route_index.h - the routes of a set of facts, found by what they lead to
 *
 * For who asks once for each of them: facts_route_to() looks at all each time.
 * Points into the facts, which must stay where they are; destinations and metrics
 * must stay as they are, too.
 */
#ifndef AGENT_ROUTE_INDEX_H
#define AGENT_ROUTE_INDEX_H

#include "facts.h"

struct route_index {
	const struct fact_route **route;	/* sorted by family, length, address, metric */
	size_t count;
	bool has4[33], has6[129];		/* lengths that there are */
};

/* False without memory. To be freed in any case. */
bool route_index_make(struct route_index *index, const struct facts *facts);
void route_index_free(struct route_index *index);

/* The one that facts_route_to() finds. */
const struct fact_route *route_index_to(const struct route_index *index,
					const struct addr *addr);
/* The first of the facts with this destination and metric, NULL: none. */
const struct fact_route *route_index_first(const struct route_index *index,
					   const struct prefix *dst, uint32_t metric);

#endif /* AGENT_ROUTE_INDEX_H */
