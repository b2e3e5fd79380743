/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stock_rules.h - stock flannel's firewall objects, out of the way
 *
 * Chains FLANNEL-POSTRTG and FLANNEL-FWD of iptables, either kind, and the nft
 * tables flannel-ipv4 and flannel-ipv6.  What in them names other networks stays.
 */
#ifndef AGENT_STOCK_RULES_H
#define AGENT_STOCK_RULES_H

#include "apply.h"

/* Milliseconds for all programs together, which are killed then. */
#define STOCK_RULES_TIME	5000

/* Does it take programs of the host to know of all rules?  They may hang. */
bool stock_rules_need_programs(const struct plan *plan);
/* Those of the networks that @plan has rules for. */
bool stock_remove_rules(struct apply *a, const struct plan *plan, struct error *error);

#endif /* AGENT_STOCK_RULES_H */
