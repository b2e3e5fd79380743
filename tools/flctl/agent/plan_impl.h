/* SPDX-License-Identifier: GPL-2.0 */
/*
 * plan_impl.h - what the plan*.c files share: a plan while it is made
 *
 * Both address families are planned by the same code, each from its struct
 * plan_family.  Running out of memory is remembered and found at the end.
 */
#ifndef AGENT_PLAN_IMPL_H
#define AGENT_PLAN_IMPL_H

#include "plan.h"
#include "route_index.h"

enum peer_state {
	PEER_PENDING,
	PEER_TAKEN,
	PEER_REFUSED,
};

/* One family of one record. */
struct peer {
	struct prefix subnet;
	struct addr vtep;
	uint8_t mac[6];
	size_t record;			/* index in input->peers */
	int64_t revision;
	enum peer_state state;
	size_t parent;			/* next wider candidate around it, or NO_PEER */
};

#define NO_PEER	SIZE_MAX

struct plan_family {
	struct prefix network, subnet;	/* family AF_UNSPEC: not planned */
	struct addr bind, public;
	struct peer *peers;		/* by subnet; in the end only what was taken */
	size_t count;
	const char *name;		/* "IPv4", "IPv6" */
};

struct work {
	const struct plan_input *in;
	struct plan *plan;
	struct plan_family family[2];
	struct facts foreign;		/* without the routes that are ours */
	struct route_index routes;	/* of foreign */
	struct facts locals;		/* only routes of type local */
	bool *used, *noticed;		/* of each record */
	bool no_memory;
};

void __printf(2, 3) plan_notice(struct work *work, const char *fmt, ...);

bool plan_device(struct work *work, struct error *error);
/* MTU that pods are told of, as stock flannel computes it. */
uint32_t plan_pod_mtu(const struct plan_input *in);

/* Sorts out peers: work->family[].peers, and the lease table. */
void plan_peers(struct work *work);
/* When routes are planned, too. */
void plan_count_skipped(struct work *work);
/* Is all of @prefix in our own subnet or in one peer's? */
bool plan_is_leased(const struct plan_family *family, const struct prefix *prefix);
bool plan_is_ours(const struct work *work, const struct addr *addr);
/* A prefix that no pod can have an address of. */
bool plan_is_nobodys(const struct prefix *prefix);

void plan_routes(struct work *work);

#endif /* AGENT_PLAN_IMPL_H */
