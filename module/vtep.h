/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vtep.h - a remote tunnel end point: underlay address and inner MAC
 *
 * Shared by all leases that name the same address and MAC, in the live table
 * and in candidates, each of which holds one reference.  Address and MAC never
 * change; readers find a VTEP under RCU and take no reference.  The path (route
 * cache and per-CPU counters) comes with the first packet and goes with the
 * VTEP.  Knows nothing of netdevs: builds in user space.
 */
#ifndef _FLANNEL_VTEP_H
#define _FLANNEL_VTEP_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/if_ether.h>
#include <linux/llist.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>

#include "prefix.h"

struct flannel_path;

/**
 * enum flannel_vtep_counter - what is counted of a VTEP
 * @FLANNEL_VTEP_TX_PACKETS: packets sent to it
 * @FLANNEL_VTEP_TX_BYTES: bytes of these
 * @FLANNEL_VTEP_RX_PACKETS: packets taken from it
 * @FLANNEL_VTEP_RX_BYTES: bytes of these
 * @FLANNEL_VTEP_COUNTERS: number of counters
 */
enum flannel_vtep_counter {
	FLANNEL_VTEP_TX_PACKETS,
	FLANNEL_VTEP_TX_BYTES,
	FLANNEL_VTEP_RX_PACKETS,
	FLANNEL_VTEP_RX_BYTES,
	FLANNEL_VTEP_COUNTERS,
};

/**
 * struct flannel_vtep - a VTEP
 * @addr: underlay address
 * @mac: destination MAC of inner frames sent to it
 * @path: route cache and counters, NULL until traffic asked for them; written
 *	once by the work item in path.c
 * @path_wanted: bit 0 set once the path was asked for
 * @node: links VTEPs whose path was asked for, owned by path.c
 * @leases: leases of the live table that name it; table lock
 * @refs: one for the live table, one for each candidate that has it
 * @early: counters of packets that found no path yet
 * @rcu: frees it
 */
struct flannel_vtep {
	struct flannel_ip addr;
	u8 mac[ETH_ALEN];
	struct flannel_path __rcu *path;
	unsigned long path_wanted;
	struct llist_node node;
	u32 leases;
	refcount_t refs;
	struct rcu_head rcu;
	atomic64_t early[FLANNEL_VTEP_COUNTERS];
};

/* What a look-up returns for a local lease; never dereferenced. */
extern struct flannel_vtep flannel_vtep_local;

int flannel_vtep_init(void);
void flannel_vtep_exit(void);

struct flannel_vtep *flannel_vtep_create(const struct flannel_ip *addr, const u8 *mac);
void flannel_vtep_get(struct flannel_vtep *vtep);
void flannel_vtep_put(struct flannel_vtep *vtep);

/* Given by the layer above, which makes paths; called after a grace period, NULL included. */
void flannel_path_free(struct flannel_path *path);

#endif /* _FLANNEL_VTEP_H */
