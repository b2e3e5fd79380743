/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vtep.h - a remote tunnel end point: underlay address and inner MAC
 *
 * Shared by all leases that name the same address and MAC, in the live table
 * and in candidates, each of which holds one reference.  Address and MAC never
 * change; readers find a VTEP under RCU and take no reference.  All that a packet
 * to an IPv4 VTEP reads lies in the first cache line, and packets write none.  Knows nothing of
 * netdevs: builds in user space.
 */
#ifndef _FLANNEL_VTEP_H
#define _FLANNEL_VTEP_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/if_ether.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>

#include "path.h"
#include "prefix.h"

/**
 * struct flannel_vtep - a VTEP
 * @addr: underlay address
 * @mac: destination MAC of inner frames sent to it
 * @path: the way there
 * @leases: leases of the live table that name it; table lock
 * @refs: one for the live table, one for each candidate that has it
 * @rcu: frees it
 */
struct flannel_vtep {
	struct flannel_ip addr;
	u8 mac[ETH_ALEN];
	struct flannel_path path;
	u32 leases;
	refcount_t refs;
	struct rcu_head rcu;
} ____cacheline_aligned;

/* What a look-up returns for a local lease; has no address, path or reference. */
extern struct flannel_vtep flannel_vtep_local;

int flannel_vtep_init(void);
void flannel_vtep_exit(void);

struct flannel_vtep *flannel_vtep_create(const struct flannel_ip *addr, const u8 *mac);
void flannel_vtep_get(struct flannel_vtep *vtep);
void flannel_vtep_put(struct flannel_vtep *vtep);

#endif /* _FLANNEL_VTEP_H */
