/* SPDX-License-Identifier: GPL-2.0 */
/*
 * facts.h - what this host has: links, addresses, routes, nameservers
 *
 * Read by one dump of each kind, so a set of facts may be older than a change
 * that is going on; who applies a plan reads facts again when netlink says so.
 */
#ifndef AGENT_FACTS_H
#define AGENT_FACTS_H

#include "../options.h"
#include "log.h"
#include "prefix.h"

struct fact_vxlan {
	uint32_t vni;
	uint16_t port;			/* host byte order */
	struct addr local;
};

struct fact_link {
	int ifindex;
	char name[IF_NAMESIZE];
	char kind[16];			/* empty: a NIC, or lo */
	unsigned int flags;		/* IFF_* */
	uint8_t operstate;		/* IF_OPER_* */
	uint32_t mtu;
	uint8_t lladdr[6];		/* zero when it has none of six bytes */
	int lower;			/* IFLA_LINK, IFLA_VXLAN_LINK, 0: none */
	struct fact_vxlan vxlan;	/* kind vxlan */
	struct link_options flannel;	/* kind flannel */
};

struct fact_addr {
	int ifindex;
	struct prefix prefix;		/* of the address itself, host bits kept */
	uint32_t flags;			/* IFA_F_* */
	uint8_t scope;			/* RT_SCOPE_* */
};

/*
 * Of the main table; a route of several next hops is a fact for each, all with
 * @multipath.  With them are those RTN_LOCAL routes of the local table that no
 * address of a link stands for.
 */
struct fact_route {
	struct prefix dst;		/* family set, also for default routes */
	struct addr gateway;		/* family AF_UNSPEC: none */
	struct addr src;
	int oif;
	uint8_t protocol, type, scope;	/* RTPROT_*, RTN_*, RT_SCOPE_* */
	bool onlink;
	bool multipath;
	uint32_t metric, mtu;
};

struct facts {
	struct fact_link *links;
	size_t link_count, link_room;
	struct fact_addr *addrs;
	size_t addr_count, addr_room;
	struct fact_route *routes;
	size_t route_count, route_room;
	struct addr nameservers[8];	/* of /etc/resolv.conf */
	size_t nameserver_count;
};

/* All of it, in the network namespace of the agent. */
bool facts_read(struct facts *facts, struct error *error);
void facts_free(struct facts *facts);

const struct fact_link *facts_link(const struct facts *facts, const char *name);
const struct fact_link *facts_link_by_index(const struct facts *facts, int ifindex);
/* An overlay device, ours or of stock flannel: never an underlay. */
bool link_is_overlay(const struct fact_link *link);
/* Is @addr an address of this host?  The fact, or NULL. */
const struct fact_addr *facts_own(const struct facts *facts, const struct addr *addr);
/*
 * The most specific route to @addr that is not of protocol @except (0: any),
 * lowest metric first; NULL: none.  Pure.
 */
const struct fact_route *facts_route_to(const struct facts *facts,
					const struct addr *addr, uint8_t except);

bool prefix_contains(const struct prefix *prefix, const struct addr *addr);
bool prefix_covers(const struct prefix *outer, const struct prefix *inner);

#endif /* AGENT_FACTS_H */
