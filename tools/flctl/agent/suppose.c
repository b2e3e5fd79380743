// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "prefix.h"
#include "suppose.h"

static bool overlaps(const struct prefix *a, const struct prefix *b)
{
	return a->addr.family && a->addr.family == b->addr.family && prefix_overlaps(a, b);
}

static bool is_free(const struct record *record, const struct record_list *peers)
{
	size_t i;

	for (i = 0; i < peers->count; i++)
		if (overlaps(&record->subnet4, &peers->record[i].subnet4) ||
		    overlaps(&record->subnet6, &peers->record[i].subnet6))
			return false;
	return true;
}

static uint32_t first(uint32_t below)
{
	(void)below;
	return 0;
}

bool suppose_lease(struct record *own, const struct net_config *config,
		   const struct record_list *peers, const struct record *previous,
		   char *note, size_t size, struct error *error)
{
	char key[RECORD_KEY];

	if (previous->subnet4.addr.family && record_fits(previous, config) &&
	    is_free(previous, peers)) {
		own->subnet4 = previous->subnet4;
		own->subnet6 = previous->subnet6;
		snprintf(note, size, "this node has no lease: it would ask for %s, which it had before",
			 record_format_key(own, key));
		return true;
	}
	if (!record_choose(own, config, peers, first, error))
		return false;
	snprintf(note, size, "this node has no lease: it would ask for a free one at random; %s stands for it here",
		 record_format_key(own, key));
	return true;
}
