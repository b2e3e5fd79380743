/* SPDX-License-Identifier: GPL-2.0 */
/*
 * path.h - the way to a VTEP: its underlay route and what went there
 *
 * Part of a VTEP and goes with it.  The route is shared by all CPUs: packets
 * over IPv4 take no reference to it, so they write nothing that others read.  It
 * is read under RCU and @seq, written under @lock.  Counters are per CPU; a work item
 * makes them when the first packet asks, so that VTEPs without traffic cost no
 * per-CPU memory and no packet waits for, or fails on, an allocation.
 */
#ifndef _FLANNEL_PATH_H
#define _FLANNEL_PATH_H

#include <linux/atomic.h>
#include <linux/in6.h>
#include <linux/llist.h>
#include <linux/seqlock.h>
#include <linux/types.h>

struct dst_entry;
struct flannel_cpu_path;
struct flannel_dev;
struct flannel_vtep;
struct iphdr;

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
 * struct flannel_route - where a packet goes and what its outer header says
 * @dst: route
 * @noref: the reference to it is the path's, not ours
 * @saddr4: outer source address to an IPv4 VTEP
 * @saddr6: outer source address to an IPv6 VTEP
 * @sport: UDP source port
 * @dsfield: TOS or traffic class before ECN
 *
 * A value on the sender's stack.
 */
struct flannel_route {
	struct dst_entry *dst;
	bool noref;
	union {
		__be32 saddr4;
		struct in6_addr saddr6;
	};
	__be16 sport;
	u8 dsfield;
};

/**
 * struct flannel_path - the way to a VTEP
 * @seq: of @dst, @saddr4, @cookie6 and @saddr6
 * @saddr4: outer source address of an IPv4 VTEP
 * @cookie6: of the route of an IPv6 VTEP
 * @dst: route, referenced; NULL when there is none
 * @cpu: state of each CPU, NULL until traffic asked for it
 * @neigh: where the neighbour of an IPv4 VTEP was seen; to be prefetched, never to
 *	be read, for it may be gone; NULL when none was
 * @lock: of the same as @seq
 * @saddr6: outer source address of an IPv6 VTEP
 * @wanted: bit 0 set once @cpu was asked for
 * @node: links those whose @cpu was asked for
 * @early: counters of packets that found no @cpu yet
 */
struct flannel_path {
	seqcount_spinlock_t seq;
	union {
		__be32 saddr4;
		u32 cookie6;
	};
	struct dst_entry *dst;
	struct flannel_cpu_path __percpu *cpu;
	const void *neigh;
	spinlock_t lock;
	struct in6_addr saddr6;
	unsigned long wanted;
	struct llist_node node;
	atomic64_t early[FLANNEL_VTEP_COUNTERS];
};

void flannel_path_init(struct flannel_path *path);
void flannel_path_destroy(struct flannel_path *path);

bool flannel_path_get_route(struct flannel_path *path, u8 family, struct flannel_route *route);
void flannel_path_set_route(struct flannel_path *path, u8 family,
			    const struct flannel_route *route);

void flannel_path_stamp4(struct flannel_dev *fl, struct flannel_vtep *vtep,
			 const struct dst_entry *dst, struct iphdr *iph, unsigned int bytes,
			 unsigned int segs);
void flannel_path_count_tx(struct flannel_dev *fl, struct flannel_vtep *vtep, unsigned int bytes);
void flannel_path_count_rx(struct flannel_dev *fl, struct flannel_vtep *vtep, unsigned int bytes);
void flannel_path_prefetch_tx(const struct flannel_path *path);
void flannel_path_prefetch_rx(const struct flannel_path *path);
void flannel_path_read(const struct flannel_path *path, u64 value[FLANNEL_VTEP_COUNTERS]);

void flannel_paths_init(struct flannel_dev *fl);
void flannel_paths_stop(struct flannel_dev *fl);
void flannel_paths_reset(struct flannel_dev *fl);

#endif /* _FLANNEL_PATH_H */
