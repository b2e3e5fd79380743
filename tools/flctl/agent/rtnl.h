/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rtnl.h - changes of addresses, routes and neighbours, names and deletions of links
 *
 * Functions return 0 or a negative errno, and then ipc_error() knows the rest.
 * They share one socket, which opens by itself and lives until rtnl_close();
 * none of them needs the flannel module.
 */
#ifndef AGENT_RTNL_H
#define AGENT_RTNL_H

#include "facts.h"

int rtnl_addr_add(int ifindex, const struct prefix *addr);
int rtnl_addr_del(int ifindex, const struct prefix *addr);

enum rtnl_mode {
	RTNL_ADD,		/* EEXIST when one has its destination and metric */
	RTNL_REPLACE,		/* in one step, the first that has them */
};

/* In the main table; of @route all but @multipath counts. */
int rtnl_route_add(const struct fact_route *route, enum rtnl_mode mode);
/* Exactly this one; ESRCH. */
int rtnl_route_del(const struct fact_route *route);

/* @info is a struct ndmsg and its attributes, @len bytes, as the kernel lists them. */
int rtnl_neigh_add(const void *info, size_t len);

/* Kernels before 6.2 want the link to be down; @up brings it up in the same step. */
int rtnl_link_rename(int ifindex, const char *name, bool up);
int rtnl_link_down(int ifindex);
int rtnl_link_del(int ifindex);

/*
 * Requests of the functions above are collected from begin to send, which sends
 * them in as few messages as can be.  The kernel does all of one message, even
 * when we are killed meanwhile, and one that fails does not keep the next from
 * being tried; the first error is returned.
 */
void rtnl_batch_begin(void);
int rtnl_batch_send(void);

void rtnl_close(void);

#endif /* AGENT_RTNL_H */
