/* SPDX-License-Identifier: GPL-2.0 */
/*
 * table.h - the lease table of a device: prefix -> VTEP
 *
 * Owned by one device.  Readers look up under RCU.  Every other function is
 * called with the mutex that was given to flannel_table_init() held, unless it
 * says otherwise.  All that readers see hangs off one RCU pointer, @gen, so
 * that a whole table is replaced by one store.  A candidate is a table of its
 * own that no reader sees; commit exchanges its content with the live one's.
 * Knows nothing of netdevs or netlink: builds in user space.
 */
#ifndef _FLANNEL_TABLE_H
#define _FLANNEL_TABLE_H

#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/types.h>
#include <uapi/flannel.h>

#include "prefix.h"
#include "vtep.h"

struct flannel_gen;
struct flannel_lease;

/**
 * struct flannel_spec - a lease as a value: what a request says, a dump shows
 * @prefix: pod prefix
 * @local: our own subnet; @vtep and @mac are zero then
 * @vtep: underlay address of the VTEP
 * @mac: its MAC
 */
struct flannel_spec {
	struct flannel_prefix prefix;
	bool local;
	struct flannel_ip vtep;
	u8 mac[ETH_ALEN];
};

/**
 * enum flannel_refusal - why a table operation was refused
 * @FLANNEL_REFUSED_NOT: it was not
 * @FLANNEL_REFUSED_NO_MEMORY: out of memory
 * @FLANNEL_REFUSED_EXISTS: the prefix has a lease
 * @FLANNEL_REFUSED_ABSENT: the prefix has no lease
 * @FLANNEL_REFUSED_HOST_BITS: bits beyond the length are set
 * @FLANNEL_REFUSED_NOBODYS: the prefix overlaps multicast, loopback, ...
 * @FLANNEL_REFUSED_OVERLAP_LOCAL: other: the local lease, or the lease it overlaps
 * @FLANNEL_REFUSED_VTEP_INSIDE: prefix: the lease, other: the VTEP in it
 * @FLANNEL_REFUSED_OUTSIDE: other: the network
 * @FLANNEL_REFUSED_LENGTHS: more than FLANNEL_MAX_LENGTHS in the family
 * @FLANNEL_REFUSED_LOCALS: more than FLANNEL_MAX_LOCAL
 * @FLANNEL_REFUSED_FULL: more than maxleases
 * @FLANNEL_REFUSED_MOVED: the live table is not what it was at begin
 * @FLANNEL_REFUSED_MACS: more than FLANNEL_MAX_MACS; other: the VTEP
 *
 * "other" is that of struct flannel_error; VTEPs are in it as host prefixes.
 */
enum flannel_refusal {
	FLANNEL_REFUSED_NOT = 0,
	FLANNEL_REFUSED_NO_MEMORY,
	FLANNEL_REFUSED_EXISTS,
	FLANNEL_REFUSED_ABSENT,
	FLANNEL_REFUSED_HOST_BITS,
	FLANNEL_REFUSED_NOBODYS,
	FLANNEL_REFUSED_OVERLAP_LOCAL,
	FLANNEL_REFUSED_VTEP_INSIDE,
	FLANNEL_REFUSED_OUTSIDE,
	FLANNEL_REFUSED_LENGTHS,
	FLANNEL_REFUSED_LOCALS,
	FLANNEL_REFUSED_FULL,
	FLANNEL_REFUSED_MOVED,
	FLANNEL_REFUSED_MACS,
};

/**
 * struct flannel_error - a refusal and the prefixes it is about
 * @why: the refusal
 * @prefix: the lease that was refused
 * @other: what is in its way, where @why says so
 */
struct flannel_error {
	enum flannel_refusal why;
	struct flannel_prefix prefix;
	struct flannel_prefix other;
};

/* How flannel_table_set() treats a lease that is or is not there. */
enum flannel_set_mode {
	FLANNEL_SET_ADD,		/* must not be there */
	FLANNEL_SET_CHANGE,		/* must be there */
	FLANNEL_SET_REPLACE,		/* either */
};

/* What flannel_table_set() did. */
enum flannel_set_result {
	FLANNEL_SET_UNCHANGED,
	FLANNEL_SET_ADDED,
	FLANNEL_SET_CHANGED,
};

/**
 * struct flannel_diff - what a whole-table operation changed
 * @added: leases that are new
 * @changed: leases whose VTEP is another one
 * @removed: leases that are gone
 */
struct flannel_diff {
	u32 added;
	u32 changed;
	u32 removed;
};

/**
 * struct flannel_table - the lease table
 * @gen: all that readers see
 * @lock: the mutex that serialises writers, for lockdep
 * @seq: grows by one with every change; for a candidate the live table's at begin
 * @network: declared Network of each family, len 0 when there is none
 * @maxleases: most leases, both families together
 * @leases: leases of each family
 * @lengths: leases of each prefix length of each family
 * @vteps: VTEPs
 * @vtep_min: no VTEP of the family has a smaller underlay address (a bound)
 * @vtep_max: nor a greater one
 * @locals: local leases
 * @local: these
 */
struct flannel_table {
	struct flannel_gen __rcu *gen;
	struct mutex *lock;
	u64 seq;
	struct flannel_prefix network[FLANNEL_FAMILIES];
	u32 maxleases;
	u32 leases[FLANNEL_FAMILIES];
	u32 lengths[FLANNEL_FAMILIES][129];
	u32 vteps;
	struct flannel_ip vtep_min[FLANNEL_FAMILIES];
	struct flannel_ip vtep_max[FLANNEL_FAMILIES];
	u32 locals;
	struct flannel_lease *local[FLANNEL_MAX_LOCAL];
};

/* Readers, under rcu_read_lock(): NULL, &flannel_vtep_local or a VTEP. */
struct flannel_vtep *flannel_table_lookup4(const struct flannel_table *table, __be32 addr);
struct flannel_vtep *flannel_table_lookup6(const struct flannel_table *table,
					   const struct in6_addr *addr);
/* Readers: what a look-up reads first will be wanted soon. */
void flannel_table_prefetch4(const struct flannel_table *table, __be32 addr);
void flannel_table_prefetch6(const struct flannel_table *table, const struct in6_addr *addr);
/* Readers: any VTEP with this underlay address, or NULL. */
struct flannel_vtep *flannel_table_vtep4(const struct flannel_table *table, __be32 addr);
struct flannel_vtep *flannel_table_vtep6(const struct flannel_table *table,
					 const struct in6_addr *addr);

int flannel_lease_cache_init(void);
void flannel_lease_cache_exit(void);

int flannel_table_init(struct flannel_table *table, struct mutex *lock);
void flannel_table_destroy(struct flannel_table *table);

int flannel_table_set(struct flannel_table *table, const struct flannel_spec *spec,
		      enum flannel_set_mode mode, struct flannel_error *err);
int flannel_table_del(struct flannel_table *table, const struct flannel_prefix *prefix,
		      struct flannel_spec *old, struct flannel_error *err);
bool flannel_table_find(const struct flannel_table *table, const struct flannel_ip *addr,
			struct flannel_spec *spec);
int flannel_table_set_limits(struct flannel_table *table,
			     const struct flannel_prefix network[FLANNEL_FAMILIES],
			     u32 maxleases, struct flannel_error *err);
bool flannel_table_is_direct(const struct flannel_table *table, int family);

/* Whole-table replace.  A flush is the commit of an empty candidate. */
struct flannel_table *flannel_candidate_create(const struct flannel_table *live);
int flannel_candidate_add(struct flannel_table *cand, const struct flannel_table *live,
			  const struct flannel_spec *spec, struct flannel_error *err);
int flannel_candidate_commit(struct flannel_table *cand, struct flannel_table *live, bool force,
			     struct flannel_diff *diff, struct flannel_error *err);
void flannel_candidate_free(struct flannel_table *cand);

/* Walks; the cursor starts at 0, is opaque, and survives changes of the table. */
bool flannel_table_next_lease(const struct flannel_table *table, u64 *cursor,
			      struct flannel_spec *spec);
struct flannel_vtep *flannel_table_next_vtep(const struct flannel_table *table, u64 *cursor);

#endif /* _FLANNEL_TABLE_H */
