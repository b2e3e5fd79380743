/* SPDX-License-Identifier: GPL-2.0 */
/*
 * prefix.h - arithmetic on prefixes of either family
 *
 * Pure.  Lengths must be within what the family has; results are of the same
 * family as what they come from.
 */
#ifndef AGENT_PREFIX_H
#define AGENT_PREFIX_H

#include "../parse.h"

/*
 * ADDRESS/LENGTH of @family, host bits allowed and cleared, unlike in
 * parse_prefix().
 */
bool prefix_parse_masked(const char *text, uint8_t family, struct prefix *prefix);
void prefix_mask(struct prefix *prefix);
/* The address after the base; false when the prefix has no other one. */
bool prefix_second(const struct prefix *prefix, struct addr *second);
void prefix_last(const struct prefix *prefix, struct addr *last);
/* The next one of the same length; false, and unchanged, after the last. */
bool prefix_next(struct prefix *prefix);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);

/*
 * What the driver takes for a lease: no address in it that no pod can have
 * (multicast, loopback, link-local, reserved, IPv4 in IPv6).
 */
bool prefix_usable(const struct prefix *prefix);
/* What the driver takes for a VTEP. */
bool addr_is_unicast(const struct addr *addr);

#endif /* AGENT_PREFIX_H */
