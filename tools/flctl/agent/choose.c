// SPDX-License-Identifier: GPL-2.0
/* The subnets that a node may have, and one of the free ones for it. */

#include <stdlib.h>
#include <string.h>

#include "prefix.h"
#include "record.h"

/* Stock flannel's: few enough to keep subnets together, many enough for a race. */
#define CANDIDATES	100

struct taken {
	struct prefix *prefix;		/* sorted */
	size_t count;
};

static bool family_fits(const struct prefix *subnet, const struct net_family *family)
{
	if (!family->network.addr.family)
		return !subnet->addr.family;
	return subnet->addr.family == family->network.addr.family &&
	       subnet->len == family->subnet_len &&
	       compare_addr(&subnet->addr, &family->min) >= 0 &&
	       compare_addr(&subnet->addr, &family->max) <= 0;
}

bool record_fits(const struct record *record, const struct net_config *config)
{
	return (config->v4.network.addr.family || config->v6.network.addr.family) &&
	       family_fits(&record->subnet4, &config->v4) &&
	       family_fits(&record->subnet6, &config->v6);
}

static int compare(const void *a, const void *b)
{
	return compare_prefix(a, b);
}

static bool take(struct taken *taken, uint8_t family, const struct record_list *list)
{
	const struct record *record;
	const struct prefix *subnet;

	taken->count = 0;
	taken->prefix = calloc(list->count ?: 1, sizeof(*taken->prefix));
	if (!taken->prefix)
		return false;
	for (record = list->record; record < list->record + list->count; record++) {
		subnet = family == AF_INET ? &record->subnet4 : &record->subnet6;
		if (subnet->addr.family)
			taken->prefix[taken->count++] = *subnet;
	}
	qsort(taken->prefix, taken->count, sizeof(*taken->prefix), compare);
	return true;
}

/* @subnet moves behind all that overlaps it; false when that is the end. */
static bool skip_taken(struct prefix *subnet, const struct taken *taken, size_t *next)
{
	struct addr last;

	for (; *next < taken->count; ++*next) {
		prefix_last(&taken->prefix[*next], &last);
		if (compare_addr(&last, &subnet->addr) < 0)
			continue;
		if (!prefix_overlaps(&taken->prefix[*next], subnet))
			break;
		subnet->addr = last;
		prefix_mask(subnet);
		if (!prefix_next(subnet))
			return false;
	}
	return true;
}

static size_t find_free(const struct net_family *family, const struct taken *taken,
			struct prefix found[CANDIDATES])
{
	struct prefix subnet = { family->min, family->subnet_len };
	size_t count = 0, next = 0;

	while (count < CANDIDATES && skip_taken(&subnet, taken, &next) &&
	       compare_addr(&subnet.addr, &family->max) <= 0) {
		found[count++] = subnet;
		if (!prefix_next(&subnet))
			break;
	}
	return count;
}

static bool choose(const struct net_family *family, const struct record_list *list,
		   uint32_t (*random)(uint32_t below), struct prefix *subnet,
		   struct error *error)
{
	char min[ADDR_TEXT], max[ADDR_TEXT];
	struct prefix found[CANDIDATES];
	struct taken taken;
	size_t count;

	if (!family->network.addr.family)
		return true;
	if (!take(&taken, family->network.addr.family, list))
		return set_error(error, "out of memory");
	count = find_free(family, &taken, found);
	free(taken.prefix);
	if (!count)
		return set_error(error,
				 "no subnet of length %u is free from %s to %s: the store has %zu leases",
				 family->subnet_len, format_addr(&family->min, min),
				 format_addr(&family->max, max), taken.count);
	*subnet = found[random(count)];
	return true;
}

bool record_choose(struct record *record, const struct net_config *config,
		   const struct record_list *list, uint32_t (*random)(uint32_t below),
		   struct error *error)
{
	struct prefix subnet4 = { 0 }, subnet6 = { 0 };

	if (!choose(&config->v4, list, random, &subnet4, error) ||
	    !choose(&config->v6, list, random, &subnet6, error))
		return false;
	record->subnet4 = subnet4;
	record->subnet6 = subnet6;
	return true;
}
