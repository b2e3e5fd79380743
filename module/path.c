// SPDX-License-Identifier: GPL-2.0
#include <linux/memcontrol.h>
#include <linux/percpu.h>
#include <linux/prefetch.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <net/arp.h>
#include <net/ip.h>
#include <net/ip6_fib.h>
#include <net/neighbour.h>
#include <net/route.h>

#include "device.h"
#include "path.h"

/*
 * Most identifiers that a CPU reserves at once, and how long it may use them: 20
 * to 30 ms. All 65536 have come round by then only where more than 2 million
 * packets a second go to one VTEP.
 */
#define IDENT_BATCH	64U
#define IDENT_TIME	(HZ / 50 + 1)

/**
 * struct flannel_cpu_path - what one CPU has of a path
 * @ident: next IP identifier
 * @idents: how many from it on are reserved for this CPU
 * @reserved: how many were when the last were reserved
 * @ident_time: jiffies when they were reserved
 * @value: counters, by enum flannel_vtep_counter
 * @syncp: makes them consistent on 32 bits
 */
struct flannel_cpu_path {
	u16 ident;
	u8 idents;
	u8 reserved;
	u32 ident_time;
	u64_stats_t value[FLANNEL_VTEP_COUNTERS];
	struct u64_stats_sync syncp;
};

/**
 * flannel_path_init - prepare a new path
 * @path: path, all zero
 *
 * Context: any.
 */
void flannel_path_init(struct flannel_path *path)
{
	spin_lock_init(&path->lock);
	seqcount_spinlock_init(&path->seq, &path->lock);
}

/**
 * flannel_path_destroy - give up what a path holds
 * @path: path
 *
 * Context: any; no reader can have it any more.
 */
void flannel_path_destroy(struct flannel_path *path)
{
	dst_release(path->dst);
	free_percpu(path->cpu);
}

static void read_route(const struct flannel_path *path, u8 family, struct flannel_route *route,
		       u32 *cookie)
{
	unsigned int seq;

	do {
		seq = read_seqcount_begin(&path->seq);
		route->dst = path->dst;
		if (family == AF_INET) {
			route->saddr4 = path->saddr4;
			*cookie = 0;
		} else {
			route->saddr6 = path->saddr6;
			*cookie = path->cookie6;
		}
	} while (read_seqcount_retry(&path->seq, seq));
}

/**
 * flannel_path_get_route - the route that is kept
 * @path: path
 * @family: of its VTEP
 * @route: @dst, @noref and @saddr4 or @saddr6 are filled in
 *
 * An IPv6 route comes with a reference, which the helper that sends it wants.
 *
 * Context: softirq, or bottom halves disabled, and rcu_read_lock(); the dst of an
 * IPv4 route is good until rcu_read_unlock().
 * Return: true when there is one and it is valid.
 */
bool flannel_path_get_route(struct flannel_path *path, u8 family, struct flannel_route *route)
{
	u32 cookie;

	read_route(path, family, route, &cookie);
	if (!route->dst || !dst_check(route->dst, cookie))
		return false;
	route->noref = family == AF_INET;
	/* The path may have lost it meanwhile, and with it the last reference. */
	return route->noref || dst_hold_safe(route->dst);
}

static void exchange(struct flannel_path *path, u8 family, const struct flannel_route *route)
{
	write_seqcount_begin(&path->seq);
	WRITE_ONCE(path->dst, route ? dst_clone(route->dst) : NULL);
	if (route && family == AF_INET) {
		path->saddr4 = route->saddr4;
	} else if (route) {
		path->saddr6 = route->saddr6;
		path->cookie6 = rt6_get_cookie(container_of(route->dst, struct rt6_info, dst));
	}
	write_seqcount_end(&path->seq);
}

/**
 * flannel_path_set_route - keep a route
 * @path: path
 * @family: of its VTEP
 * @route: route, its reference stays the caller's; or NULL to keep none
 *
 * A packet may still be on the way with the route that was kept before: its dst
 * is freed only after a grace period.
 *
 * Context: process or softirq.
 */
void flannel_path_set_route(struct flannel_path *path, u8 family,
			    const struct flannel_route *route)
{
	struct dst_entry *old;

	if (!route && !READ_ONCE(path->dst))
		return;
	spin_lock_bh(&path->lock);
	old = path->dst;
	exchange(path, family, route);
	spin_unlock_bh(&path->lock);
	dst_release(old);
}

static struct flannel_cpu_path __percpu *cpu_paths_create(void)
{
	struct flannel_cpu_path __percpu *cpu_paths;
	int cpu;

	cpu_paths = alloc_percpu_gfp(struct flannel_cpu_path, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!cpu_paths)
		return NULL;
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(cpu_paths, cpu)->syncp);
	return cpu_paths;
}

static void make_paths(struct work_struct *work)
{
	struct flannel_dev *fl = container_of(work, struct flannel_dev, paths_work);
	struct llist_node *first = llist_del_all(&fl->paths_wanted);
	struct mem_cgroup *old = set_active_memcg(fl->memcg);
	struct flannel_vtep *vtep, *next;

	llist_for_each_entry_safe(vtep, next, first, path.node) {
		struct flannel_cpu_path __percpu *cpu = cpu_paths_create();

		if (cpu)
			/* Pairs with cpu_path(). */
			smp_store_release(&vtep->path.cpu, cpu);
		else
			clear_bit(0, &vtep->path.wanted);
		flannel_vtep_put(vtep);
		cond_resched();
	}
	set_active_memcg(old);
}

static void want(struct flannel_dev *fl, struct flannel_vtep *vtep)
{
	if (test_bit(0, &vtep->path.wanted) || test_and_set_bit(0, &vtep->path.wanted))
		return;
	/* The last lease may have gone since we looked the VTEP up. */
	if (!refcount_inc_not_zero(&vtep->refs))
		return;
	if (llist_add(&vtep->path.node, &fl->paths_wanted))
		schedule_work(&fl->paths_work);
}

/* NULL while there is none */
static struct flannel_cpu_path *cpu_path(const struct flannel_path *path)
{
	/* Address dependency; pairs with make_paths(). */
	struct flannel_cpu_path __percpu *cpu = READ_ONCE(path->cpu);

	return likely(cpu) ? this_cpu_ptr(cpu) : NULL;
}

static void count_early(struct flannel_dev *fl, struct flannel_vtep *vtep,
			enum flannel_vtep_counter packets, unsigned int bytes)
{
	want(fl, vtep);
	atomic64_inc(&vtep->path.early[packets]);
	atomic64_add(bytes, &vtep->path.early[packets + 1]);
}

static void count(struct flannel_dev *fl, struct flannel_vtep *vtep, struct flannel_cpu_path *cpu,
		  enum flannel_vtep_counter packets, unsigned int bytes)
{
	if (unlikely(!cpu)) {
		count_early(fl, vtep, packets, bytes);
		return;
	}
	u64_stats_update_begin(&cpu->syncp);
	u64_stats_inc(&cpu->value[packets]);
	u64_stats_add(&cpu->value[packets + 1], bytes);
	u64_stats_update_end(&cpu->syncp);
}

/**
 * flannel_path_count_tx - count a packet sent to an IPv6 VTEP
 * @fl: device
 * @vtep: VTEP
 * @bytes: length of the inner packet
 *
 * Those to IPv4 VTEPs are counted by flannel_path_stamp4().
 *
 * Context: softirq, or bottom halves disabled, and rcu_read_lock().
 */
void flannel_path_count_tx(struct flannel_dev *fl, struct flannel_vtep *vtep, unsigned int bytes)
{
	count(fl, vtep, cpu_path(&vtep->path), FLANNEL_VTEP_TX_PACKETS, bytes);
}

/**
 * flannel_path_count_rx - count a packet received from a VTEP
 * @fl: device
 * @vtep: VTEP
 * @bytes: length of the inner packet
 *
 * Context: softirq and rcu_read_lock().
 */
void flannel_path_count_rx(struct flannel_dev *fl, struct flannel_vtep *vtep, unsigned int bytes)
{
	count(fl, vtep, cpu_path(&vtep->path), FLANNEL_VTEP_RX_PACKETS, bytes);
}

/**
 * flannel_path_prefetch_tx - a packet will be sent to a VTEP
 * @path: its path
 *
 * With thousands of VTEPs none of this is in a cache. All at once it comes in the
 * time that one takes, while the packet's flow is hashed.
 *
 * Context: softirq, or bottom halves disabled, and rcu_read_lock().
 */
void flannel_path_prefetch_tx(const struct flannel_path *path)
{
	const char *dst = (const char *)READ_ONCE(path->dst);
	const char *neigh = READ_ONCE(path->neigh);

	prefetchw(cpu_path(path));
	prefetch(dst);
	prefetch(dst + offsetof(struct dst_entry, lwtstate));
	prefetch(dst + offsetof(struct rtable, rt_gw_family));
	if (!neigh)
		return;
	prefetch(neigh + offsetof(struct neighbour, nud_state));
	prefetch(neigh + offsetof(struct neighbour, output));
	prefetch(neigh + offsetof(struct neighbour, dev));
}

/**
 * flannel_path_prefetch_rx - a packet from a VTEP will be counted soon
 * @path: its path
 *
 * Context: softirq.
 */
void flannel_path_prefetch_rx(const struct flannel_path *path)
{
	const struct flannel_cpu_path *cpu = cpu_path(path);

	if (likely(cpu))
		prefetchw(&cpu->value[FLANNEL_VTEP_RX_PACKETS]);
}

/**
 * flannel_path_read - counters of a VTEP
 * @path: its path
 * @value: filled in
 *
 * Context: process; the caller keeps the VTEP from going.
 */
void flannel_path_read(const struct flannel_path *path, u64 value[FLANNEL_VTEP_COUNTERS])
{
	/* Once there, it stays as long as the VTEP. */
	struct flannel_cpu_path __percpu *cpus = READ_ONCE(path->cpu);
	int cpu, i;

	for (i = 0; i < FLANNEL_VTEP_COUNTERS; i++)
		value[i] = atomic64_read(&path->early[i]);
	if (!cpus)
		return;

	for_each_possible_cpu(cpu) {
		const struct flannel_cpu_path *one = per_cpu_ptr(cpus, cpu);
		u64 sum[FLANNEL_VTEP_COUNTERS];
		unsigned int start;

		do {
			start = u64_stats_fetch_begin(&one->syncp);
			for (i = 0; i < FLANNEL_VTEP_COUNTERS; i++)
				sum[i] = u64_stats_read(&one->value[i]);
		} while (u64_stats_fetch_retry(&one->syncp, start));
		for (i = 0; i < FLANNEL_VTEP_COUNTERS; i++)
			value[i] += sum[i];
	}
}

static bool ident_is_fresh(const struct flannel_cpu_path *cpu)
{
	return (u32)jiffies - cpu->ident_time < IDENT_TIME;
}

/*
 * As long as what was reserved last was used up in time, twice as many are
 * reserved next, so that a quiet VTEP wastes none of the 65536 there are. A new
 * path has reserved none, and looks fresh in the moment when jiffies wrap.
 */
static void reserve_idents(struct flannel_dev *fl, struct flannel_cpu_path *cpu,
			   struct iphdr *iph)
{
	cpu->reserved = ident_is_fresh(cpu) ? clamp(2U * cpu->reserved, 1U, IDENT_BATCH) : 1;
	__ip_select_ident(fl->net, iph, cpu->reserved);
	cpu->ident = ntohs(iph->id);
	cpu->idents = cpu->reserved;
	cpu->ident_time = jiffies;
}

/*
 * From the kernel's own generator, so that nothing else that this host sends to
 * the VTEP has it; but not one at a time. What becomes many packets needs as
 * many in a row, and asks for itself.
 */
static void select_ident(struct flannel_dev *fl, struct flannel_cpu_path *cpu,
			 struct iphdr *iph, unsigned int segs)
{
	if (unlikely(!cpu || segs > 1)) {
		__ip_select_ident(fl->net, iph, segs);
		return;
	}
	if (!cpu->idents || !ident_is_fresh(cpu))
		reserve_idents(fl, cpu, iph);
	iph->id = htons(cpu->ident++);
	cpu->idents--;
}

/* Neighbours come and go; that of each eighth packet or so is looked up. */
static void see_neigh(struct flannel_path *path, const struct dst_entry *dst,
		      const struct iphdr *iph)
{
	const struct rtable *rt = container_of(dst, struct rtable, dst);
	__be32 next = rt->rt_gw_family == AF_INET ? rt->rt_gw4 : iph->daddr;

	if (likely(ntohs(iph->id) % 8 || rt->rt_gw_family == AF_INET6))
		return;
	WRITE_ONCE(path->neigh, __ipv4_neigh_lookup_noref(dst->dev, (__force u32)next));
}

/**
 * flannel_path_stamp4 - a packet goes to an IPv4 VTEP: count and identify it
 * @fl: device
 * @vtep: VTEP
 * @dst: route there
 * @iph: outer header: addresses and protocol there, @id filled in
 * @bytes: length of the inner packet
 * @segs: how many packets it becomes
 *
 * Notes, now and then, where the neighbour is, for flannel_path_prefetch_tx().
 *
 * Context: softirq, or bottom halves disabled, and rcu_read_lock().
 */
void flannel_path_stamp4(struct flannel_dev *fl, struct flannel_vtep *vtep,
			 const struct dst_entry *dst, struct iphdr *iph, unsigned int bytes,
			 unsigned int segs)
{
	struct flannel_cpu_path *cpu = cpu_path(&vtep->path);

	count(fl, vtep, cpu, FLANNEL_VTEP_TX_PACKETS, bytes);
	select_ident(fl, cpu, iph, segs);
	see_neigh(&vtep->path, dst, iph);
}

/**
 * flannel_paths_init - prepare a new device
 * @fl: device
 */
void flannel_paths_init(struct flannel_dev *fl)
{
	init_llist_head(&fl->paths_wanted);
	INIT_WORK(&fl->paths_work, make_paths);
}

/**
 * flannel_paths_stop - finish the work of a device that goes
 * @fl: device, no packet can ask for anything any more
 *
 * Context: process.
 */
void flannel_paths_stop(struct flannel_dev *fl)
{
	flush_work(&fl->paths_work);
}

/**
 * flannel_paths_reset - forget all routes that are kept
 * @fl: device
 *
 * For changes that routing itself does not announce: options of the device.
 * The caller has seen a grace period since the change, so that no packet can
 * keep a route made with the old options afterwards.
 *
 * Context: process, takes @fl->lock.
 */
void flannel_paths_reset(struct flannel_dev *fl)
{
	struct flannel_vtep *vtep;
	u64 cursor = 0;

	mutex_lock(&fl->lock);
	while ((vtep = flannel_table_next_vtep(&fl->table, &cursor))) {
		flannel_path_set_route(&vtep->path, vtep->addr.family, NULL);
		cond_resched();
	}
	mutex_unlock(&fl->lock);
}
