// SPDX-License-Identifier: GPL-2.0
/*
 * table.c - the lease table of a device: prefix -> VTEP
 *
 * A generation is what readers see.  Its header and the sizes of its arrays
 * never change; what the arrays hold is edited in place.  When the shape must
 * change a draft of the next generation is made beside the old one, shares the
 * arrays that stay, and is published with one store.
 *
 * Order of the stores: a VTEP is found before a lease names it and until after
 * the last lease that did.  A lease that stays is never moved inside an array.
 */
#include <linux/jhash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/prefetch.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "table.h"

/* A direct index has at most 2^16 slots: 512 KiB. */
#define WINDOW_BITS	16
#define HASH_MIN_SIZE	16
#define GFP_ARRAY	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN)

/* What a hash notes of each slot; the rest are eight bits of the object's hash. */
enum { TAG_EMPTY, TAG_TOMBSTONE, TAG_FIRST };

/**
 * struct flannel_hash - open-addressing hash of pointers, linear probing
 * @rcu: frees it
 * @mask: number of slots, a power of two, less one
 * @used: slots that are not empty, tombstones included; at most 3/4
 * @seed: secret: keys come from a store that others write to
 * @tags: a byte for each slot, so that probing touches few cache lines
 * @slot: the objects
 */
struct flannel_hash {
	struct rcu_head rcu;
	u32 mask;
	u32 used;
	u32 seed;
	u8 *tags;
	void __rcu *slot[];
};

/**
 * struct flannel_slots - VTEPs by direct index
 * @rcu: frees it
 * @slot: NULL where there is no lease
 */
struct flannel_slots {
	struct rcu_head rcu;
	struct flannel_vtep __rcu *slot[];
};

/**
 * struct flannel_window - direct index over one network of equally long leases
 * @base: first address of the network, host byte order, low or high 64 bits
 * @high: high 64 bits when @base is the low ones
 * @nslots: number of slots, 0 when there is no window
 * @shift: bits of @base's half that follow the index
 * @low: the index lies in the low 64 bits of an IPv6 address
 * @slots: the slots
 */
struct flannel_window {
	u64 base;
	u64 high;
	u32 nslots;
	u8 shift;
	bool low;
	struct flannel_slots *slots;
};

/**
 * struct flannel_index - the leases of one family
 * @window: in use when it has slots
 * @hash: all leases
 * @nlengths: number of distinct prefix lengths
 * @lengths: these, longest first
 */
struct flannel_index {
	struct flannel_window window;
	struct flannel_hash *hash;
	u8 nlengths;
	u8 lengths[FLANNEL_MAX_LENGTHS];
};

/**
 * struct flannel_gen - a generation: all that readers see
 * @index: leases of each family
 * @vteps: VTEPs by underlay address
 * @rcu: frees the header
 */
struct flannel_gen {
	struct flannel_index index[FLANNEL_FAMILIES];
	struct flannel_hash *vteps;
	struct rcu_head rcu;
};

/**
 * struct flannel_lease - a lease
 * @prefix: pod prefix, never changes
 * @vtep: VTEP or &flannel_vtep_local, never NULL
 * @rcu: frees it
 */
struct flannel_lease {
	struct flannel_prefix prefix;
	struct flannel_vtep __rcu *vtep;
	struct rcu_head rcu;
};

/**
 * struct flannel_change - all that setting a lease needs, made before anything changes
 * @vtep: the VTEP to be named
 * @fresh: it is not in the table yet; its reference is for the table
 * @lease: the lease to insert, NULL when it is there
 * @draft: the next generation, NULL when the shape stays
 */
struct flannel_change {
	struct flannel_vtep *vtep;
	bool fresh;
	struct flannel_lease *lease;
	struct flannel_gen *draft;
};

static struct kmem_cache *lease_cache;

/*
 * What hangs off a generation is as safe as the generation itself, so it is
 * the generation whose locking is checked: gen_locked() by writers, an
 * rcu_dereference() by readers.
 */
static struct flannel_gen *gen_locked(const struct flannel_table *table)
{
	return rcu_dereference_protected(table->gen, lockdep_is_held(table->lock));
}

static struct flannel_vtep *lease_vtep(const struct flannel_lease *lease)
{
	return rcu_dereference_protected(lease->vtep, true);
}

static int refuse(struct flannel_error *err, enum flannel_refusal why,
		  const struct flannel_prefix *prefix, const struct flannel_prefix *other)
{
	memset(err, 0, sizeof(*err));
	err->why = why;
	if (prefix)
		err->prefix = *prefix;
	if (other)
		err->other = *other;

	switch (why) {
	case FLANNEL_REFUSED_NO_MEMORY:
		return -ENOMEM;
	case FLANNEL_REFUSED_EXISTS:
		return -EEXIST;
	case FLANNEL_REFUSED_ABSENT:
		return -ENOENT;
	case FLANNEL_REFUSED_FULL:
		return -ENOSPC;
	case FLANNEL_REFUSED_LENGTHS:
	case FLANNEL_REFUSED_LOCALS:
	case FLANNEL_REFUSED_MACS:
		return -E2BIG;
	case FLANNEL_REFUSED_MOVED:
		return -ESTALE;
	default:
		return -EINVAL;
	}
}

static int refuse_vtep(struct flannel_error *err, const struct flannel_prefix *prefix,
		       const struct flannel_ip *vtep)
{
	struct flannel_prefix host = flannel_prefix_host(vtep);

	return refuse(err, FLANNEL_REFUSED_VTEP_INSIDE, prefix, &host);
}

/* Hash of pointers */

static u32 hash_key(const struct flannel_ip *ip, u8 len, u32 seed)
{
	if (ip->family == AF_INET)
		return jhash_2words((__force u32)ip->ip4, len, seed);
	return jhash2((__force const u32 *)ip->ip6.s6_addr32, 4, seed + len);
}

static u32 hash_of_lease(const void *object, u32 seed)
{
	const struct flannel_lease *lease = object;

	return hash_key(&lease->prefix.addr, lease->prefix.len, seed);
}

static u32 hash_of_vtep(const void *object, u32 seed)
{
	const struct flannel_vtep *vtep = object;

	return hash_key(&vtep->addr, 0, seed);
}

static u8 hash_tag(u32 hash)
{
	return max_t(u8, hash >> 24, TAG_FIRST);
}

static struct flannel_hash *hash_alloc(size_t objects)
{
	size_t size = roundup_pow_of_two(max_t(size_t, HASH_MIN_SIZE, 2 * objects));
	struct flannel_hash *hash;

	hash = kvzalloc(size_add(struct_size(hash, slot, size), size), GFP_ARRAY);
	if (!hash)
		return NULL;
	hash->mask = size - 1;
	hash->seed = get_random_u32();
	hash->tags = (u8 *)&hash->slot[size];
	return hash;
}

static bool hash_is_full(const struct flannel_hash *hash)
{
	return hash->used >= (hash->mask + 1) / 4 * 3;
}

/*
 * The next object that may have hash value @value; @step starts at 0.  A tag
 * is stored after its pointer or long before it; where a reader sees a tag
 * without its object, the object is being inserted or removed.
 */
static __always_inline void *hash_probe(const struct flannel_hash *hash, u32 value, u32 *step,
					const struct mutex *lock)
{
	const u8 wanted = hash_tag(value);
	void *object;
	u32 at;
	u8 tag;

	while (*step <= hash->mask) {
		at = (value + (*step)++) & hash->mask;
		tag = READ_ONCE(hash->tags[at]);
		if (tag == TAG_EMPTY)
			break;
		if (tag != wanted)
			continue;
		object = rcu_dereference_check(hash->slot[at], lockdep_is_held(lock));
		if (object)
			return object;
	}
	return NULL;
}

static void hash_insert(struct flannel_hash *hash, u32 value, void *object)
{
	u32 at = value & hash->mask;

	while (hash->tags[at] >= TAG_FIRST)
		at = (at + 1) & hash->mask;
	if (hash->tags[at] == TAG_EMPTY)
		hash->used++;
	rcu_assign_pointer(hash->slot[at], object);
	WRITE_ONCE(hash->tags[at], hash_tag(value));
}

/* The slot of an object that is in the hash. */
static u32 hash_slot(const struct flannel_hash *hash, u32 value, const void *object)
{
	u32 at = value & hash->mask;

	while (rcu_access_pointer(hash->slot[at]) != object)
		at = (at + 1) & hash->mask;
	return at;
}

static void hash_remove(struct flannel_hash *hash, u32 value, const void *object)
{
	u32 at = hash_slot(hash, value, object);

	WRITE_ONCE(hash->tags[at], TAG_TOMBSTONE);
	RCU_INIT_POINTER(hash->slot[at], NULL);
}

/* The next object in no particular order; sleeps; @at starts at 0. */
static void *hash_next(const struct flannel_hash *hash, size_t *at)
{
	void *object;

	while (*at <= hash->mask) {
		if (!(*at % 1024))
			cond_resched();
		object = rcu_dereference_protected(hash->slot[(*at)++], true);
		if (object)
			return object;
	}
	return NULL;
}

#define hash_for_each(object, hash, at) \
	for ((at) = 0; (object = hash_next(hash, &(at))); )

/* A copy without tombstones and with room for as many objects again. */
static struct flannel_hash *hash_copy(const struct flannel_hash *hash, u32 objects,
				      u32 (*hash_of)(const void *object, u32 seed))
{
	struct flannel_hash *copy = hash_alloc((size_t)objects + 1);
	void *object;
	size_t at;

	if (!copy)
		return NULL;
	hash_for_each(object, hash, at)
		hash_insert(copy, hash_of(object, copy->seed), object);
	return copy;
}

/* Look-up */

static struct flannel_lease *lease_exact(const struct flannel_hash *hash,
					 const struct flannel_prefix *prefix,
					 const struct mutex *lock)
{
	u32 value = hash_key(&prefix->addr, prefix->len, hash->seed), step = 0;
	struct flannel_lease *lease;

	while ((lease = hash_probe(hash, value, &step, lock)))
		if (flannel_prefix_equal(&lease->prefix, prefix))
			break;
	return lease;
}

static struct flannel_lease *lease_longest(const struct flannel_index *index,
					   const struct flannel_ip *addr,
					   const struct mutex *lock)
{
	struct flannel_prefix prefix = { .addr = *addr };
	struct flannel_lease *lease;
	int i;

	/* Longest first: each mask takes away more of what the last one left. */
	for (i = 0; i < index->nlengths; i++) {
		prefix.len = index->lengths[i];
		flannel_prefix_mask(&prefix);
		lease = lease_exact(index->hash, &prefix, lock);
		if (lease)
			return lease;
	}
	return NULL;
}

static struct flannel_vtep *lookup_hash(const struct flannel_index *index,
					const struct flannel_ip *addr, const struct mutex *lock)
{
	struct flannel_lease *lease = lease_longest(index, addr, lock);

	return lease ? rcu_dereference(lease->vtep) : NULL;
}

static struct flannel_vtep *lookup_vtep(const struct flannel_hash *hash,
					const struct flannel_ip *addr, const struct mutex *lock)
{
	u32 value = hash_key(addr, 0, hash->seed), step = 0;
	struct flannel_vtep *vtep;

	while ((vtep = hash_probe(hash, value, &step, lock)))
		if (flannel_ip_equal(&vtep->addr, addr))
			break;
	return vtep;
}

static u64 ip6_high(const struct in6_addr *addr)
{
	return (u64)ntohl(addr->s6_addr32[0]) << 32 | ntohl(addr->s6_addr32[1]);
}

static u64 ip6_low(const struct in6_addr *addr)
{
	return (u64)ntohl(addr->s6_addr32[2]) << 32 | ntohl(addr->s6_addr32[3]);
}

/* The slot of a number: an IPv4 address or half an IPv6 one. */
static struct flannel_vtep __rcu **window_slot(const struct flannel_window *window, u64 number)
{
	u64 at = (number - window->base) >> window->shift;

	return at < window->nslots ? &window->slots->slot[at] : NULL;
}

static struct flannel_vtep __rcu **window_slot6(const struct flannel_window *window,
						const struct in6_addr *addr)
{
	if (!window->low)
		return window_slot(window, ip6_high(addr));
	return ip6_high(addr) == window->high ? window_slot(window, ip6_low(addr)) : NULL;
}

/**
 * flannel_table_prefetch4 - an IPv4 address will be looked up soon
 * @table: live table
 * @addr: address
 *
 * The hash is left alone: to know where it reads costs as much as to read.
 *
 * Context: RCU reader.
 */
void flannel_table_prefetch4(const struct flannel_table *table, __be32 addr)
{
	const struct flannel_gen *gen = rcu_dereference(table->gen);
	const struct flannel_window *window = &gen->index[FLANNEL_V4].window;

	if (window->nslots)
		prefetch(window_slot(window, ntohl(addr)));
}

/**
 * flannel_table_prefetch6 - an IPv6 address will be looked up soon
 * @table: live table
 * @addr: address
 *
 * Context: RCU reader.
 */
void flannel_table_prefetch6(const struct flannel_table *table, const struct in6_addr *addr)
{
	const struct flannel_gen *gen = rcu_dereference(table->gen);
	const struct flannel_window *window = &gen->index[FLANNEL_V6].window;

	if (window->nslots)
		prefetch(window_slot6(window, addr));
}

/**
 * flannel_table_lookup4 - the VTEP that an IPv4 address is behind
 * @table: live table
 * @addr: address
 *
 * Context: RCU reader; the result is good until rcu_read_unlock().
 * Return: the VTEP of the longest lease that covers @addr, &flannel_vtep_local
 *	when that lease is local, or NULL when there is none.
 */
struct flannel_vtep *flannel_table_lookup4(const struct flannel_table *table, __be32 addr)
{
	const struct flannel_gen *gen = rcu_dereference(table->gen);
	const struct flannel_index *index = &gen->index[FLANNEL_V4];
	struct flannel_vtep __rcu **slot;
	struct flannel_ip ip;

	if (index->window.nslots) {
		slot = window_slot(&index->window, ntohl(addr));
		return slot ? rcu_dereference(*slot) : NULL;
	}
	ip = flannel_ip_from4(addr);
	return lookup_hash(index, &ip, table->lock);
}

/**
 * flannel_table_lookup6 - the VTEP that an IPv6 address is behind
 * @table: live table
 * @addr: address
 *
 * Context: RCU reader; the result is good until rcu_read_unlock().
 * Return: as flannel_table_lookup4().
 */
struct flannel_vtep *flannel_table_lookup6(const struct flannel_table *table,
					   const struct in6_addr *addr)
{
	const struct flannel_gen *gen = rcu_dereference(table->gen);
	const struct flannel_index *index = &gen->index[FLANNEL_V6];
	struct flannel_vtep __rcu **slot;
	struct flannel_ip ip;

	if (index->window.nslots) {
		slot = window_slot6(&index->window, addr);
		return slot ? rcu_dereference(*slot) : NULL;
	}
	ip = flannel_ip_from6(addr);
	return lookup_hash(index, &ip, table->lock);
}

/**
 * flannel_table_vtep4 - a VTEP by IPv4 underlay address
 * @table: live table
 * @addr: underlay address
 *
 * Context: RCU reader; the result is good until rcu_read_unlock().
 * Return: any VTEP with that address, or NULL.
 */
struct flannel_vtep *flannel_table_vtep4(const struct flannel_table *table, __be32 addr)
{
	struct flannel_ip ip = flannel_ip_from4(addr);

	return lookup_vtep(rcu_dereference(table->gen)->vteps, &ip, table->lock);
}

/**
 * flannel_table_vtep6 - a VTEP by IPv6 underlay address
 * @table: live table
 * @addr: underlay address
 *
 * Context: RCU reader; the result is good until rcu_read_unlock().
 * Return: any VTEP with that address, or NULL.
 */
struct flannel_vtep *flannel_table_vtep6(const struct flannel_table *table,
					 const struct in6_addr *addr)
{
	struct flannel_ip ip = flannel_ip_from6(addr);

	return lookup_vtep(rcu_dereference(table->gen)->vteps, &ip, table->lock);
}

static struct flannel_lease *table_lease(const struct flannel_table *table,
					 const struct flannel_prefix *prefix)
{
	int family = flannel_family_index(prefix->addr.family);

	return lease_exact(gen_locked(table)->index[family].hash, prefix, table->lock);
}

/* The VTEP of this identity; @others is set to how many MACs else are at the address. */
static struct flannel_vtep *table_vtep(const struct flannel_table *table,
				       const struct flannel_ip *addr, const u8 *mac, u32 *others)
{
	const struct flannel_hash *hash = gen_locked(table)->vteps;
	u32 value = hash_key(addr, 0, hash->seed), step = 0;
	struct flannel_vtep *vtep;

	*others = 0;
	while ((vtep = hash_probe(hash, value, &step, table->lock))) {
		if (!flannel_ip_equal(&vtep->addr, addr))
			continue;
		if (!memcmp(vtep->mac, mac, ETH_ALEN))
			break;
		(*others)++;
	}
	return vtep;
}

/* Generations */

/* Frees what @kept does not share; either may be the published one, never @gen. */
static void gen_retire(struct flannel_gen *gen, const struct flannel_gen *kept)
{
	int family;

	for (family = 0; family < FLANNEL_FAMILIES; family++) {
		if (gen->index[family].window.slots != kept->index[family].window.slots)
			kvfree_rcu(gen->index[family].window.slots, rcu);
		if (gen->index[family].hash != kept->index[family].hash)
			kvfree_rcu(gen->index[family].hash, rcu);
	}
	if (gen->vteps != kept->vteps)
		kvfree_rcu(gen->vteps, rcu);
	kfree_rcu(gen, rcu);
}

/* Frees a generation that no reader sees. */
static void gen_free(struct flannel_gen *gen)
{
	int family;

	for (family = 0; family < FLANNEL_FAMILIES; family++) {
		kvfree(gen->index[family].window.slots);
		kvfree(gen->index[family].hash);
	}
	kvfree(gen->vteps);
	kfree(gen);
}

static struct flannel_gen *gen_create(void)
{
	struct flannel_gen *gen = kzalloc(sizeof(*gen), GFP_KERNEL_ACCOUNT);

	if (!gen)
		return NULL;
	gen->vteps = hash_alloc(0);
	gen->index[FLANNEL_V4].hash = hash_alloc(0);
	gen->index[FLANNEL_V6].hash = hash_alloc(0);
	if (gen->vteps && gen->index[FLANNEL_V4].hash && gen->index[FLANNEL_V6].hash)
		return gen;
	gen_free(gen);
	return NULL;
}

static struct flannel_gen *gen_draft(const struct flannel_table *table)
{
	return kmemdup(gen_locked(table), sizeof(struct flannel_gen), GFP_KERNEL_ACCOUNT);
}

static void gen_publish(struct flannel_table *table, struct flannel_gen *draft)
{
	struct flannel_gen *old = gen_locked(table);

	rcu_assign_pointer(table->gen, draft);
	gen_retire(old, draft);
}

static bool window_fits(const struct flannel_index *index, const struct flannel_prefix *network)
{
	u8 len = index->lengths[0];

	if (!network->len || index->nlengths != 1)
		return false;
	if (len < network->len || len - network->len > WINDOW_BITS)
		return false;
	return network->addr.family == AF_INET || len <= 64 || network->len >= 64;
}

static void window_place(struct flannel_window *window, const struct flannel_prefix *network,
			 u8 len)
{
	window->nslots = 1U << (len - network->len);
	if (network->addr.family == AF_INET) {
		window->base = ntohl(network->addr.ip4);
		window->shift = 32 - len;
		return;
	}
	window->low = len > 64;
	window->high = ip6_high(&network->addr.ip6);
	window->base = window->low ? ip6_low(&network->addr.ip6) : window->high;
	window->shift = (window->low ? 128 : 64) - len;
}

static struct flannel_vtep __rcu **window_slot_of(const struct flannel_window *window,
						  const struct flannel_ip *addr)
{
	if (!window->nslots)
		return NULL;
	return addr->family == AF_INET ? window_slot(window, ntohl(addr->ip4)) :
					 window_slot6(window, &addr->ip6);
}

/* Gives @index the window that @network allows for its lengths. */
static int index_build_window(struct flannel_index *index, const struct flannel_prefix *network)
{
	struct flannel_window *window = &index->window;
	struct flannel_lease *lease;
	size_t at;

	memset(window, 0, sizeof(*window));
	if (!window_fits(index, network))
		return 0;

	window_place(window, network, index->lengths[0]);
	window->slots = kvzalloc(struct_size(window->slots, slot, window->nslots), GFP_ARRAY);
	if (!window->slots)
		return -ENOMEM;

	/* A lease that is about to be deleted may still be there, of another length. */
	hash_for_each(lease, index->hash, at)
		if (lease->prefix.len == index->lengths[0])
			rcu_assign_pointer(*window_slot_of(window, &lease->prefix.addr),
					   lease_vtep(lease));
	return 0;
}

/* Lists the lengths in use, with @extra and without @gone (0: none). */
static void index_list_lengths(struct flannel_index *index, const u32 count[129], u8 extra,
			       u8 gone)
{
	int len;

	index->nlengths = 0;
	for (len = 128; len > 0; len--)
		if ((count[len] || len == extra) && len != gone)
			index->lengths[index->nlengths++] = len;
}

/* The shape for one more (@extra) or one less (@gone) prefix length. */
static int draft_lengths(struct flannel_gen *draft, const struct flannel_table *table, int family,
			 u8 extra, u8 gone)
{
	struct flannel_index *index = &draft->index[family];

	index_list_lengths(index, table->lengths[family], extra, gone);
	return index_build_window(index, &table->network[family]);
}

static int draft_grow_leases(struct flannel_gen *draft, const struct flannel_table *table,
			     int family)
{
	struct flannel_index *index = &draft->index[family];
	struct flannel_hash *copy;

	copy = hash_copy(index->hash, table->leases[family], hash_of_lease);
	if (!copy)
		return -ENOMEM;
	index->hash = copy;
	return 0;
}

static int draft_grow_vteps(struct flannel_gen *draft, const struct flannel_table *table)
{
	struct flannel_hash *copy = hash_copy(draft->vteps, table->vteps, hash_of_vtep);

	if (!copy)
		return -ENOMEM;
	draft->vteps = copy;
	return 0;
}

/* Single changes, in place */

static void lease_free(struct flannel_lease *lease)
{
	kmem_cache_free(lease_cache, lease);
}

static void lease_free_rcu(struct rcu_head *head)
{
	lease_free(container_of(head, struct flannel_lease, rcu));
}

static void lease_describe(const struct flannel_lease *lease, struct flannel_spec *spec)
{
	const struct flannel_vtep *vtep = lease_vtep(lease);

	memset(spec, 0, sizeof(*spec));
	spec->prefix = lease->prefix;
	spec->local = vtep == &flannel_vtep_local;
	if (spec->local)
		return;
	spec->vtep = vtep->addr;
	memcpy(spec->mac, vtep->mac, ETH_ALEN);
}

static bool lease_is(const struct flannel_lease *lease, const struct flannel_spec *spec)
{
	const struct flannel_vtep *vtep = lease_vtep(lease);

	if (vtep == &flannel_vtep_local || spec->local)
		return vtep == &flannel_vtep_local && spec->local;
	return flannel_ip_equal(&vtep->addr, &spec->vtep) &&
	       !memcmp(vtep->mac, spec->mac, ETH_ALEN);
}

static void table_add_local(struct flannel_table *table, struct flannel_lease *lease)
{
	table->local[table->locals++] = lease;
}

static void table_drop_local(struct flannel_table *table, const struct flannel_lease *lease)
{
	u32 i = 0;

	while (table->local[i] != lease)
		i++;
	table->local[i] = table->local[--table->locals];
}

static void table_add_vtep(struct flannel_table *table, struct flannel_vtep *vtep)
{
	struct flannel_hash *hash = gen_locked(table)->vteps;
	int family = flannel_family_index(vtep->addr.family);
	struct flannel_ip *min = &table->vtep_min[family];
	struct flannel_ip *max = &table->vtep_max[family];

	if (!min->family || memcmp(&vtep->addr.ip6, &min->ip6, sizeof(min->ip6)) < 0)
		*min = vtep->addr;
	if (!max->family || memcmp(&vtep->addr.ip6, &max->ip6, sizeof(max->ip6)) > 0)
		*max = vtep->addr;
	table->vteps++;
	hash_insert(hash, hash_of_vtep(vtep, hash->seed), vtep);
}

static void table_drop_vtep(struct flannel_table *table, struct flannel_vtep *vtep)
{
	struct flannel_hash *hash = gen_locked(table)->vteps;

	hash_remove(hash, hash_of_vtep(vtep, hash->seed), vtep);
	table->vteps--;
	flannel_vtep_put(vtep);
}

/* A lease of the live table names @vtep. */
static void vtep_name(struct flannel_vtep *vtep)
{
	if (vtep != &flannel_vtep_local)
		vtep->leases++;
}

/* A lease of the live table names it no more. */
static void vtep_unname(struct flannel_table *table, struct flannel_vtep *vtep)
{
	if (vtep != &flannel_vtep_local && !--vtep->leases)
		table_drop_vtep(table, vtep);
}

/* Makes all look-ups of a lease that is in the hash find @vtep. */
static void lease_point(const struct flannel_table *table, struct flannel_lease *lease,
			struct flannel_vtep *vtep)
{
	int family = flannel_family_index(lease->prefix.addr.family);
	struct flannel_vtep __rcu **slot;

	rcu_assign_pointer(lease->vtep, vtep);
	slot = window_slot_of(&gen_locked(table)->index[family].window, &lease->prefix.addr);
	if (slot)
		rcu_assign_pointer(*slot, vtep);
}

static void table_add_lease(struct flannel_table *table, struct flannel_lease *lease,
			    struct flannel_vtep *vtep)
{
	int family = flannel_family_index(lease->prefix.addr.family);
	struct flannel_hash *hash = gen_locked(table)->index[family].hash;

	if (vtep == &flannel_vtep_local)
		table_add_local(table, lease);
	table->leases[family]++;
	table->lengths[family][lease->prefix.len]++;
	lease_point(table, lease, vtep);
	hash_insert(hash, hash_of_lease(lease, hash->seed), lease);
}

static void table_drop_lease(struct flannel_table *table, struct flannel_lease *lease)
{
	int family = flannel_family_index(lease->prefix.addr.family);
	struct flannel_index *index = &gen_locked(table)->index[family];
	struct flannel_vtep __rcu **slot;

	slot = window_slot_of(&index->window, &lease->prefix.addr);
	if (slot && lease->prefix.len == index->lengths[0])
		RCU_INIT_POINTER(*slot, NULL);
	hash_remove(index->hash, hash_of_lease(lease, index->hash->seed), lease);
	table->leases[family]--;
	table->lengths[family][lease->prefix.len]--;
	if (lease_vtep(lease) == &flannel_vtep_local)
		table_drop_local(table, lease);
}

static u32 table_total(const struct flannel_table *table)
{
	return table->leases[FLANNEL_V4] + table->leases[FLANNEL_V6];
}

/* Checks */

static int check_inside(const struct flannel_prefix *network, const struct flannel_prefix *prefix,
			struct flannel_error *err)
{
	if (!network->len || flannel_prefix_covers(network, prefix))
		return 0;
	return refuse(err, FLANNEL_REFUSED_OUTSIDE, prefix, network);
}

static int check_prefix(const struct flannel_table *table, const struct flannel_prefix *prefix,
			struct flannel_error *err)
{
	int family = flannel_family_index(prefix->addr.family);

	if (flannel_prefix_has_host_bits(prefix))
		return refuse(err, FLANNEL_REFUSED_HOST_BITS, prefix, NULL);
	if (flannel_prefix_is_nobodys(prefix))
		return refuse(err, FLANNEL_REFUSED_NOBODYS, prefix, NULL);
	return check_inside(&table->network[family], prefix, err);
}

static int check_mode(const struct flannel_prefix *prefix, bool exists, enum flannel_set_mode mode,
		      struct flannel_error *err)
{
	if (exists && mode == FLANNEL_SET_ADD)
		return refuse(err, FLANNEL_REFUSED_EXISTS, prefix, NULL);
	if (!exists && mode == FLANNEL_SET_CHANGE)
		return refuse(err, FLANNEL_REFUSED_ABSENT, prefix, NULL);
	return 0;
}

/* Whether a lease that is not local, or is not yet there, overlaps a local one. */
static int check_against_locals(const struct flannel_table *table,
				const struct flannel_prefix *prefix, struct flannel_error *err)
{
	const struct flannel_lease *local;
	u32 i;

	for (i = 0; i < table->locals; i++) {
		local = table->local[i];
		if (!flannel_prefix_equal(&local->prefix, prefix) &&
		    flannel_prefix_overlaps(&local->prefix, prefix))
			return refuse(err, FLANNEL_REFUSED_OVERLAP_LOCAL, prefix, &local->prefix);
	}
	return 0;
}

static int check_overlap(const struct flannel_table *table, const struct flannel_spec *spec,
			 struct flannel_error *err)
{
	int family = flannel_family_index(spec->prefix.addr.family);
	const struct flannel_lease *lease;
	size_t at;

	if (!spec->local)
		return check_against_locals(table, &spec->prefix, err);

	hash_for_each(lease, gen_locked(table)->index[family].hash, at)
		if (!flannel_prefix_equal(&lease->prefix, &spec->prefix) &&
		    flannel_prefix_overlaps(&lease->prefix, &spec->prefix))
			return refuse(err, FLANNEL_REFUSED_OVERLAP_LOCAL, &spec->prefix,
				      &lease->prefix);
	return 0;
}

/* Whether all VTEPs lie before or after @prefix, by the bounds alone. */
static bool vteps_elsewhere(const struct flannel_table *table, const struct flannel_prefix *prefix)
{
	int family = flannel_family_index(prefix->addr.family);
	const struct flannel_ip *min = &table->vtep_min[family];
	const struct flannel_ip *max = &table->vtep_max[family];
	const struct in6_addr *base = &prefix->addr.ip6;

	if (!table->vteps || !min->family || memcmp(base, &max->ip6, sizeof(*base)) > 0)
		return true;
	return memcmp(base, &min->ip6, sizeof(*base)) < 0 && !flannel_prefix_contains(prefix, min);
}

static int check_contains_vtep(const struct flannel_table *table,
			       const struct flannel_prefix *prefix, struct flannel_error *err)
{
	const struct flannel_vtep *vtep;
	size_t at;

	if (vteps_elsewhere(table, prefix))
		return 0;
	hash_for_each(vtep, gen_locked(table)->vteps, at)
		if (flannel_prefix_contains(prefix, &vtep->addr))
			return refuse_vtep(err, prefix, &vtep->addr);
	return 0;
}

static int check_vtep_covered(const struct flannel_table *table, const struct flannel_ip *vtep,
			      struct flannel_error *err)
{
	int family = flannel_family_index(vtep->family);
	const struct flannel_lease *lease;

	lease = lease_longest(&gen_locked(table)->index[family], vtep, table->lock);
	return lease ? refuse_vtep(err, &lease->prefix, vtep) : 0;
}

static int check_vteps(const struct flannel_table *table, const struct flannel_spec *spec,
		       struct flannel_error *err)
{
	int ret = check_contains_vtep(table, &spec->prefix, err);

	return ret || spec->local ? ret : check_vtep_covered(table, &spec->vtep, err);
}

/* What one request by itself can get wrong about VTEPs. */
static int check_own_vtep(const struct flannel_table *table, const struct flannel_spec *spec,
			  struct flannel_error *err)
{
	struct flannel_prefix host;
	u32 others;

	if (spec->local)
		return 0;
	if (flannel_prefix_contains(&spec->prefix, &spec->vtep))
		return refuse_vtep(err, &spec->prefix, &spec->vtep);
	if (table_vtep(table, &spec->vtep, spec->mac, &others) || others < FLANNEL_MAX_MACS)
		return 0;
	host = flannel_prefix_host(&spec->vtep);
	return refuse(err, FLANNEL_REFUSED_MACS, &spec->prefix, &host);
}

/* Whether there is room for @spec, in place of @lease if there is one. */
static int check_room(const struct flannel_table *table, const struct flannel_lease *lease,
		      const struct flannel_spec *spec, struct flannel_error *err)
{
	int family = flannel_family_index(spec->prefix.addr.family);
	const struct flannel_index *index = &gen_locked(table)->index[family];

	if (!lease && index->nlengths == FLANNEL_MAX_LENGTHS &&
	    !table->lengths[family][spec->prefix.len])
		return refuse(err, FLANNEL_REFUSED_LENGTHS, &spec->prefix, NULL);
	if (spec->local && table->locals == FLANNEL_MAX_LOCAL)
		return refuse(err, FLANNEL_REFUSED_LOCALS, &spec->prefix, NULL);
	if (!lease && table_total(table) >= table->maxleases)
		return refuse(err, FLANNEL_REFUSED_FULL, &spec->prefix, NULL);
	return 0;
}

/* Setting and deleting */

/* Finds the VTEP of @spec in @table, then in @live, or makes it. */
static int change_vtep(struct flannel_change *change, const struct flannel_table *table,
		       const struct flannel_table *live, const struct flannel_spec *spec)
{
	u32 others;

	change->fresh = false;
	change->vtep = &flannel_vtep_local;
	if (spec->local)
		return 0;
	change->vtep = table_vtep(table, &spec->vtep, spec->mac, &others);
	if (change->vtep)
		return 0;

	change->fresh = true;
	if (live)
		change->vtep = table_vtep(live, &spec->vtep, spec->mac, &others);
	if (change->vtep)
		flannel_vtep_get(change->vtep);
	else
		change->vtep = flannel_vtep_create(&spec->vtep, spec->mac);
	return change->vtep ? 0 : -ENOMEM;
}

/* Drafts the next generation if what is to be added does not fit this one's shape. */
static int change_draft(struct flannel_change *change, const struct flannel_table *table,
			const struct flannel_prefix *prefix)
{
	int family = flannel_family_index(prefix->addr.family), ret = 0;
	const struct flannel_gen *gen = gen_locked(table);
	bool lengths, leases, vteps;

	lengths = change->lease && !table->lengths[family][prefix->len];
	leases = change->lease && hash_is_full(gen->index[family].hash);
	vteps = change->fresh && hash_is_full(gen->vteps);
	change->draft = NULL;
	if (!lengths && !leases && !vteps)
		return 0;

	change->draft = gen_draft(table);
	if (!change->draft)
		return -ENOMEM;
	if (vteps)
		ret = draft_grow_vteps(change->draft, table);
	if (!ret && leases)
		ret = draft_grow_leases(change->draft, table, family);
	if (!ret && lengths)
		ret = draft_lengths(change->draft, table, family, prefix->len, 0);
	if (ret)
		gen_retire(change->draft, gen);
	return ret;
}

static int change_lease(struct flannel_change *change, const struct flannel_prefix *prefix,
			bool exists)
{
	change->lease = NULL;
	if (exists)
		return 0;
	change->lease = kmem_cache_zalloc(lease_cache, GFP_KERNEL_ACCOUNT);
	if (!change->lease)
		return -ENOMEM;
	change->lease->prefix = *prefix;
	return 0;
}

static int change_prepare(struct flannel_change *change, const struct flannel_table *table,
			  const struct flannel_table *live, const struct flannel_spec *spec,
			  bool exists)
{
	if (change_vtep(change, table, live, spec))
		return -ENOMEM;
	if (change_lease(change, &spec->prefix, exists))
		goto put_vtep;
	if (change_draft(change, table, &spec->prefix))
		goto free_lease;
	return 0;

free_lease:
	if (change->lease)
		lease_free(change->lease);
put_vtep:
	if (change->fresh)
		flannel_vtep_put(change->vtep);
	return -ENOMEM;
}

/* Publishes the shape, then the VTEP, so that the lease can follow. */
static void change_open(struct flannel_change *change, struct flannel_table *table)
{
	if (change->draft)
		gen_publish(table, change->draft);
	if (change->fresh)
		table_add_vtep(table, change->vtep);
}

static void lease_change(struct flannel_table *table, struct flannel_lease *lease,
			 struct flannel_vtep *vtep)
{
	struct flannel_vtep *old = lease_vtep(lease);

	if (old == &flannel_vtep_local)
		table_drop_local(table, lease);
	if (vtep == &flannel_vtep_local)
		table_add_local(table, lease);
	lease_point(table, lease, vtep);
	vtep_unname(table, old);
}

/**
 * flannel_table_set - add or change one lease
 * @table: live table
 * @spec: the lease; length within 1..32 or 1..128, VTEP and MAC good in themselves
 * @mode: what to do when the prefix has a lease or has none
 * @err: says why when it is refused
 *
 * The table is as before when anything is refused, memory included.
 *
 * Context: Process; table lock held; sleeps.
 * Return: enum flannel_set_result, where UNCHANGED leaves @table->seq alone, or
 *	-ENOMEM, -EEXIST, -ENOENT, -ENOSPC, -E2BIG or -EINVAL as @err says.
 */
int flannel_table_set(struct flannel_table *table, const struct flannel_spec *spec,
		      enum flannel_set_mode mode, struct flannel_error *err)
{
	struct flannel_change change;
	struct flannel_lease *lease;
	int ret;

	ret = check_prefix(table, &spec->prefix, err);
	if (ret)
		return ret;
	lease = table_lease(table, &spec->prefix);
	ret = check_mode(&spec->prefix, lease, mode, err);
	if (ret)
		return ret;
	if (lease && lease_is(lease, spec))
		return FLANNEL_SET_UNCHANGED;

	ret = check_overlap(table, spec, err) ?: check_own_vtep(table, spec, err) ?:
	      check_vteps(table, spec, err) ?: check_room(table, lease, spec, err);
	if (ret)
		return ret;
	if (change_prepare(&change, table, NULL, spec, lease))
		return refuse(err, FLANNEL_REFUSED_NO_MEMORY, &spec->prefix, NULL);

	change_open(&change, table);
	vtep_name(change.vtep);
	if (lease)
		lease_change(table, lease, change.vtep);
	else
		table_add_lease(table, change.lease, change.vtep);
	table->seq++;
	return lease ? FLANNEL_SET_CHANGED : FLANNEL_SET_ADDED;
}

/**
 * flannel_table_del - delete one lease
 * @table: live table
 * @prefix: its prefix
 * @old: what it was, may be NULL
 * @err: says why when it is refused
 *
 * Needs memory only when the last lease of a prefix length goes.
 *
 * Context: Process; table lock held; sleeps.
 * Return: 0, or -ENOENT, -ENOMEM or -EINVAL (host bits) as @err says.
 */
int flannel_table_del(struct flannel_table *table, const struct flannel_prefix *prefix,
		      struct flannel_spec *old, struct flannel_error *err)
{
	int family = flannel_family_index(prefix->addr.family);
	struct flannel_gen *draft = NULL;
	struct flannel_lease *lease;

	if (flannel_prefix_has_host_bits(prefix))
		return refuse(err, FLANNEL_REFUSED_HOST_BITS, prefix, NULL);
	lease = table_lease(table, prefix);
	if (!lease)
		return refuse(err, FLANNEL_REFUSED_ABSENT, prefix, NULL);

	if (table->lengths[family][prefix->len] == 1) {
		draft = gen_draft(table);
		if (!draft)
			return refuse(err, FLANNEL_REFUSED_NO_MEMORY, prefix, NULL);
		if (draft_lengths(draft, table, family, 0, prefix->len)) {
			gen_retire(draft, gen_locked(table));
			return refuse(err, FLANNEL_REFUSED_NO_MEMORY, prefix, NULL);
		}
		gen_publish(table, draft);
	}

	if (old)
		lease_describe(lease, old);
	table_drop_lease(table, lease);
	vtep_unname(table, lease_vtep(lease));
	call_rcu(&lease->rcu, lease_free_rcu);
	table->seq++;
	return 0;
}

/**
 * flannel_table_find - the lease that covers an address
 * @table: table
 * @addr: address
 * @spec: filled with the longest lease that covers it, local ones included
 *
 * Context: Process; table lock held.
 * Return: true when there is one.
 */
bool flannel_table_find(const struct flannel_table *table, const struct flannel_ip *addr,
			struct flannel_spec *spec)
{
	int family = flannel_family_index(addr->family);
	const struct flannel_lease *lease;

	lease = lease_longest(&gen_locked(table)->index[family], addr, table->lock);
	if (lease)
		lease_describe(lease, spec);
	return lease;
}

static bool network_equal(const struct flannel_prefix *a, const struct flannel_prefix *b)
{
	return a->len == b->len && (!a->len || flannel_ip_equal(&a->addr, &b->addr));
}

static int check_network(const struct flannel_table *table, int family,
			 const struct flannel_prefix *network, struct flannel_error *err)
{
	const struct flannel_lease *lease;
	size_t at;
	int ret;

	if (!network->len)
		return 0;
	hash_for_each(lease, gen_locked(table)->index[family].hash, at) {
		ret = check_inside(network, &lease->prefix, err);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * flannel_table_set_limits - set networks and the greatest number of leases
 * @table: live table
 * @network: network of each family, len 0 for none; without host bits
 * @maxleases: most leases, both families together
 * @err: says why when it is refused
 *
 * The direct index comes and goes with the network.  No lease changes, so
 * @table->seq stays.
 *
 * Context: Process; table lock held; sleeps.
 * Return: 0, or -EINVAL when a lease lies outside its network, -ENOSPC when
 *	there are more leases than @maxleases, -ENOMEM; nothing changed then.
 */
int flannel_table_set_limits(struct flannel_table *table,
			     const struct flannel_prefix network[FLANNEL_FAMILIES],
			     u32 maxleases, struct flannel_error *err)
{
	struct flannel_gen *draft;
	int family, ret;

	for (family = 0; family < FLANNEL_FAMILIES; family++) {
		if (network_equal(&network[family], &table->network[family]))
			continue;
		ret = check_network(table, family, &network[family], err);
		if (ret)
			return ret;
	}
	if (table_total(table) > maxleases)
		return refuse(err, FLANNEL_REFUSED_FULL, NULL, NULL);

	draft = gen_draft(table);
	if (!draft)
		return refuse(err, FLANNEL_REFUSED_NO_MEMORY, NULL, NULL);
	for (family = 0; family < FLANNEL_FAMILIES; family++) {
		if (network_equal(&network[family], &table->network[family]))
			continue;
		if (index_build_window(&draft->index[family], &network[family])) {
			gen_retire(draft, gen_locked(table));
			return refuse(err, FLANNEL_REFUSED_NO_MEMORY, NULL, NULL);
		}
	}
	gen_publish(table, draft);
	memmove(table->network, network, sizeof(table->network));
	table->maxleases = maxleases;
	return 0;
}

/**
 * flannel_table_is_direct - whether look-ups use the direct index
 * @table: table
 * @family: FLANNEL_V4 or FLANNEL_V6
 *
 * Context: Process; table lock held.
 * Return: true when they do.
 */
bool flannel_table_is_direct(const struct flannel_table *table, int family)
{
	return gen_locked(table)->index[family].window.nslots;
}

/* Whole-table replace */

/**
 * flannel_candidate_create - begin a transaction
 * @live: table to be replaced
 *
 * Context: Process; table lock held; sleeps; charged to the caller.
 * Return: an empty candidate with the limits of @live, or NULL when there is no
 *	memory; ends in flannel_candidate_free().
 */
struct flannel_table *flannel_candidate_create(const struct flannel_table *live)
{
	struct flannel_table *cand = kzalloc(sizeof(*cand), GFP_KERNEL_ACCOUNT);

	if (!cand)
		return NULL;
	if (flannel_table_init(cand, live->lock)) {
		kfree(cand);
		return NULL;
	}
	memcpy(cand->network, live->network, sizeof(cand->network));
	cand->maxleases = live->maxleases;
	cand->seq = live->seq;
	return cand;
}

/**
 * flannel_candidate_add - add one lease to a candidate
 * @cand: candidate
 * @live: table it is to replace, whose VTEPs it shares
 * @spec: the lease, as for flannel_table_set()
 * @err: says why when it is refused
 *
 * What depends on the other leases, overlap with local ones and VTEPs inside
 * leases, is left to the commit.
 *
 * Context: Process; table lock held; sleeps; charged to the caller.
 * Return: 0, or -ENOMEM, -EEXIST, -ENOSPC, -E2BIG or -EINVAL as @err says;
 *	@cand is as before then.
 */
int flannel_candidate_add(struct flannel_table *cand, const struct flannel_table *live,
			  const struct flannel_spec *spec, struct flannel_error *err)
{
	struct flannel_change change;
	int ret;

	ret = check_prefix(cand, &spec->prefix, err);
	if (ret)
		return ret;
	if (table_lease(cand, &spec->prefix))
		return refuse(err, FLANNEL_REFUSED_EXISTS, &spec->prefix, NULL);
	ret = check_own_vtep(cand, spec, err) ?: check_room(cand, NULL, spec, err);
	if (ret)
		return ret;
	if (change_prepare(&change, cand, live, spec, false))
		return refuse(err, FLANNEL_REFUSED_NO_MEMORY, &spec->prefix, NULL);

	change_open(&change, cand);
	table_add_lease(cand, change.lease, change.vtep);
	return 0;
}

static int check_all_overlaps(const struct flannel_table *cand, struct flannel_error *err)
{
	const struct flannel_lease *lease;
	int family, ret;
	size_t at;

	if (!cand->locals)
		return 0;
	for (family = 0; family < FLANNEL_FAMILIES; family++) {
		hash_for_each(lease, gen_locked(cand)->index[family].hash, at) {
			ret = check_against_locals(cand, &lease->prefix, err);
			if (ret)
				return ret;
		}
	}
	return 0;
}

static int check_all_vteps(const struct flannel_table *cand, struct flannel_error *err)
{
	const struct flannel_vtep *vtep;
	size_t at;
	int ret;

	hash_for_each(vtep, gen_locked(cand)->vteps, at) {
		ret = check_vtep_covered(cand, &vtep->addr, err);
		if (ret)
			return ret;
	}
	return 0;
}

/* The object that @live has for the identity of @vtep, if it is another one. */
static struct flannel_vtep *vtep_twin(const struct flannel_table *live,
				      const struct flannel_vtep *vtep)
{
	struct flannel_vtep *twin;
	u32 others;

	if (vtep == &flannel_vtep_local)
		return NULL;
	twin = table_vtep(live, &vtep->addr, vtep->mac, &others);
	return twin == vtep ? NULL : twin;
}

/* Puts @live's objects in place of the candidate's where they are the same VTEP. */
static void candidate_remap(const struct flannel_table *cand, const struct flannel_table *live)
{
	struct flannel_hash *vteps = gen_locked(cand)->vteps;
	struct flannel_vtep *vtep, *twin;
	struct flannel_lease *lease;
	int family;
	size_t at;

	for (family = 0; family < FLANNEL_FAMILIES; family++) {
		hash_for_each(lease, gen_locked(cand)->index[family].hash, at) {
			twin = vtep_twin(live, lease_vtep(lease));
			if (twin)
				lease_point(cand, lease, twin);
		}
	}
	hash_for_each(vtep, vteps, at) {
		twin = vtep_twin(live, vtep);
		if (!twin)
			continue;
		flannel_vtep_get(twin);
		rcu_assign_pointer(vteps->slot[at - 1], twin);
		flannel_vtep_put(vtep);
	}
}

static void candidate_diff(const struct flannel_table *cand, const struct flannel_table *live,
			   struct flannel_diff *diff)
{
	const struct flannel_lease *lease, *old;
	int family;
	size_t at;

	memset(diff, 0, sizeof(*diff));
	diff->removed = table_total(live);
	for (family = 0; family < FLANNEL_FAMILIES; family++) {
		hash_for_each(lease, gen_locked(cand)->index[family].hash, at) {
			old = table_lease(live, &lease->prefix);
			if (!old) {
				diff->added++;
				continue;
			}
			diff->removed--;
			diff->changed += lease_vtep(old) != lease_vtep(lease);
		}
	}
}

/* Counts the leases of the new live table; VTEPs that are only in @old get none. */
static void vteps_recount(const struct flannel_gen *old, const struct flannel_gen *gen)
{
	struct flannel_lease *lease;
	struct flannel_vtep *vtep;
	int family;
	size_t at;

	hash_for_each(vtep, old->vteps, at)
		vtep->leases = 0;
	hash_for_each(vtep, gen->vteps, at)
		vtep->leases = 0;
	for (family = 0; family < FLANNEL_FAMILIES; family++)
		hash_for_each(lease, gen->index[family].hash, at)
			vtep_name(lease_vtep(lease));
}

static void table_exchange(struct flannel_table *live, struct flannel_table *cand)
{
	struct flannel_gen *old = gen_locked(live);
	int family, i;

	rcu_assign_pointer(live->gen, gen_locked(cand));
	rcu_assign_pointer(cand->gen, old);
	for (family = 0; family < FLANNEL_FAMILIES; family++) {
		swap(live->leases[family], cand->leases[family]);
		swap(live->vtep_min[family], cand->vtep_min[family]);
		swap(live->vtep_max[family], cand->vtep_max[family]);
		for (i = 0; i < ARRAY_SIZE(live->lengths[family]); i++)
			swap(live->lengths[family][i], cand->lengths[family][i]);
	}
	swap(live->vteps, cand->vteps);
	swap(live->locals, cand->locals);
	for (i = 0; i < FLANNEL_MAX_LOCAL; i++)
		swap(live->local[i], cand->local[i]);
}

/**
 * flannel_candidate_commit - make a candidate's content the table, in one step
 * @cand: candidate; afterwards it holds what @live held
 * @live: table to be replaced
 * @force: also when @live moved since flannel_candidate_create()
 * @diff: filled with what changed
 * @err: says why when it is refused
 *
 * The candidate is held against the limits that @live has now.  A VTEP that
 * both know stays the same object, with its counters and its path.  Whatever
 * the outcome, @cand is good only for flannel_candidate_free().
 *
 * Context: Process; table lock held; sleeps.
 * Return: 0, or -ESTALE, -EINVAL, -ENOSPC or -ENOMEM as @err says; @live is as
 *	before then.
 */
int flannel_candidate_commit(struct flannel_table *cand, struct flannel_table *live, bool force,
			     struct flannel_diff *diff, struct flannel_error *err)
{
	bool moved = live->seq != cand->seq;
	int ret;

	if (moved && !force)
		return refuse(err, FLANNEL_REFUSED_MOVED, NULL, NULL);
	ret = flannel_table_set_limits(cand, live->network, live->maxleases, err) ?:
	      check_all_overlaps(cand, err) ?: check_all_vteps(cand, err);
	if (ret)
		return ret;

	if (moved)
		candidate_remap(cand, live);
	candidate_diff(cand, live, diff);
	vteps_recount(gen_locked(live), gen_locked(cand));
	table_exchange(live, cand);
	live->seq++;
	return 0;
}

static void table_clear(struct flannel_table *table)
{
	struct flannel_gen *gen = rcu_dereference_protected(table->gen, true);
	struct flannel_lease *lease;
	struct flannel_vtep *vtep;
	int family;
	size_t at;

	if (!gen)
		return;
	for (family = 0; family < FLANNEL_FAMILIES; family++)
		hash_for_each(lease, gen->index[family].hash, at)
			lease_free(lease);
	hash_for_each(vtep, gen->vteps, at)
		flannel_vtep_put(vtep);
	gen_free(gen);
	RCU_INIT_POINTER(table->gen, NULL);
}

/**
 * flannel_candidate_free - end a transaction
 * @cand: candidate, may be NULL
 *
 * After a commit it holds what readers may still see, so the caller waits for
 * a grace period first: synchronize_rcu(), with the table lock dropped.  One
 * that was never committed needs no wait.
 *
 * Context: Process; no lock needed; sleeps.
 */
void flannel_candidate_free(struct flannel_table *cand)
{
	if (!cand)
		return;
	table_clear(cand);
	kfree(cand);
}

/* Walks */

/**
 * flannel_table_next_lease - step through the leases
 * @table: table
 * @cursor: 0 to start, else as the last call left it
 * @spec: filled with the lease
 *
 * Every lease is seen once while the table stays as it is.  When it changes
 * between calls leases may be missed or seen again, but the walk ends.
 *
 * Context: Process; table lock held; sleeps.
 * Return: false at the end.
 */
bool flannel_table_next_lease(const struct flannel_table *table, u64 *cursor,
			      struct flannel_spec *spec)
{
	const struct flannel_lease *lease;
	u32 family = *cursor >> 32;
	size_t at = (u32)*cursor;

	for (; family < FLANNEL_FAMILIES; family++, at = 0) {
		lease = hash_next(gen_locked(table)->index[family].hash, &at);
		*cursor = (u64)family << 32 | at;
		if (lease) {
			lease_describe(lease, spec);
			return true;
		}
	}
	return false;
}

/**
 * flannel_table_next_vtep - step through the VTEPs
 * @table: table
 * @cursor: 0 to start, else as the last call left it
 *
 * As flannel_table_next_lease().
 *
 * Context: Process; table lock held, for as long as the result is used; sleeps.
 * Return: a VTEP, or NULL at the end.
 */
struct flannel_vtep *flannel_table_next_vtep(const struct flannel_table *table, u64 *cursor)
{
	struct flannel_vtep *vtep;
	size_t at = *cursor;

	vtep = hash_next(gen_locked(table)->vteps, &at);
	*cursor = at;
	return vtep;
}

/* Init and exit */

/**
 * flannel_lease_cache_init - make the slab that leases come from
 *
 * Context: Process, once, before the first table.
 * Return: 0 or -ENOMEM.
 */
int flannel_lease_cache_init(void)
{
	lease_cache = kmem_cache_create("flannel_lease", sizeof(struct flannel_lease), 0,
					SLAB_ACCOUNT, NULL);
	return lease_cache ? 0 : -ENOMEM;
}

/**
 * flannel_lease_cache_exit - give up the slab
 *
 * The kernel complains when a lease is left.
 *
 * Context: Process, after the last table and an rcu_barrier().
 */
void flannel_lease_cache_exit(void)
{
	kmem_cache_destroy(lease_cache);
}

/**
 * flannel_table_init - make an empty table
 * @table: table, overwritten
 * @lock: mutex that all writers hold
 *
 * There is no network; the greatest number of leases is the default.
 *
 * Context: Process; no lock needed; sleeps.
 * Return: 0 or -ENOMEM; flannel_table_destroy() is harmless then.
 */
int flannel_table_init(struct flannel_table *table, struct mutex *lock)
{
	struct flannel_gen *gen = gen_create();

	memset(table, 0, sizeof(*table));
	table->lock = lock;
	table->maxleases = FLANNEL_DEFAULT_MAXLEASES;
	rcu_assign_pointer(table->gen, gen);
	return gen ? 0 : -ENOMEM;
}

/**
 * flannel_table_destroy - free all that a table holds
 * @table: table that no reader can see any more
 *
 * VTEPs are freed after a grace period, unless a candidate has them too.
 *
 * Context: Process; no lock needed; sleeps.
 */
void flannel_table_destroy(struct flannel_table *table)
{
	table_clear(table);
}
