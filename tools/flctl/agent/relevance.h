/* SPDX-License-Identifier: GPL-2.0 */
/*
 * relevance.h - which changes of the host can change a plan, or undo it
 *
 * A node starts pods all the time: their links, addresses that are only of a link, and
 * rules of others are none of our business.  A link is, when it has an address or a
 * route, or a name that is flannel's.  Until it is known which those are, everything
 * is.
 */
#ifndef AGENT_RELEVANCE_H
#define AGENT_RELEVANCE_H

#include <linux/netlink.h>

#include "facts.h"

/* What the last whole look found; @device: ours, empty: none; @table: of nft, ours. */
void relevance_learn(const struct facts *facts, const char *device, const char *table);
void relevance_forget(void);

/* Bits of enum change, 0: of no interest.  Of rtnetlink, and of nf_tables. */
unsigned int relevance_of_route(const struct nlmsghdr *nlh);
unsigned int relevance_of_rules(const struct nlmsghdr *nlh);

#endif /* AGENT_RELEVANCE_H */
