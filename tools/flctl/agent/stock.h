/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stock.h - what stock flannel leaves on a host, told from what is anyone else's
 *
 * Its devices by name, kind, VNI and port; its routes by protocol boot, a subnet
 * of the configured length inside Network, and a next hop that only it gives; its
 * rules by their chains and the networks that they name.  What is in doubt is
 * somebody else's.  Pure.
 */
#ifndef AGENT_STOCK_H
#define AGENT_STOCK_H

#include "iptables.h"
#include "nft_json.h"
#include "plan.h"
#include "route_index.h"

/* kind vxlan; NULL: there is none. */
struct stock_links {
	const struct fact_link *v4, *v6;	/* flannel.N, flannel-v6.N */
};

/* Of this network; false when one has its name but not its VNI or port. */
bool stock_find_links(const struct net_config *config, const struct facts *facts,
		      struct stock_links *links, struct error *error);

/* Of ours until it is theirs, "flannel+1", and of theirs until it goes, "flannel-1". */
void stock_temporary_name(const struct net_config *config, char sign, char name[IF_NAMESIZE]);
/* One of @kind, down, as an agent that was killed leaves it, of this network. */
bool stock_is_leftover(const struct net_config *config, const struct fact_link *link,
		       const char *kind);

enum stock_route {
	STOCK_FOREIGN,
	STOCK_DEVICE,		/* over one of the links, goes with it */
	STOCK_PEER,		/* by the underlay to a lease that is there */
	STOCK_FORMER,		/* by the underlay to one that was */
	STOCK_BLACKHOLE,	/* of our own subnet */
};

struct stock_peer;

/* What is asked for each route, of thousands; points into the input. */
struct stock_index {
	struct route_index routes;
	struct stock_peer *peers;	/* sorted by subnet and public address */
	size_t peer_count;
};

/* False without memory. To be freed in any case. */
bool stock_index_make(struct stock_index *index, const struct plan_input *in);
void stock_index_free(struct stock_index *index);

enum stock_route stock_route(const struct plan_input *in, const struct stock_index *index,
			     const struct stock_links *links, const struct fact_route *route);

enum stock_owner {
	STOCK_NOBODY,		/* names no network: the mark of kube-proxy */
	STOCK_OURS,		/* names the network, or part of it, and nothing else */
	STOCK_OTHER,
};

/* A rule of a chain that stock flannel's iptables rules are in. */
enum stock_owner stock_iptables_rule(const struct iptables_rule *rule,
				     const struct prefix *network);
/* A rule of one of its nft tables, as JSON. */
enum stock_owner stock_nft_rule(const json_t *rule, const struct prefix *network);

#endif /* AGENT_STOCK_H */
