// SPDX-License-Identifier: GPL-2.0
#include <linux/memcontrol.h>
#include <linux/percpu.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "device.h"
#include "path.h"

static struct flannel_path *path_create(void)
{
	struct flannel_path *path;
	int cpu;

	path = kzalloc(sizeof(*path), GFP_KERNEL_ACCOUNT);
	if (!path)
		return NULL;
	path->counters = alloc_percpu_gfp(struct flannel_path_counters,
					  GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!path->counters)
		goto free_path;
	if (dst_cache_init(&path->cache, GFP_KERNEL_ACCOUNT))
		goto free_counters;
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(path->counters, cpu)->syncp);
	return path;

free_counters:
	free_percpu(path->counters);
free_path:
	kfree(path);
	return NULL;
}

/**
 * flannel_path_free - free a path
 * @path: path, or NULL
 *
 * Context: any; no reader can have it any more.
 */
void flannel_path_free(struct flannel_path *path)
{
	if (!path)
		return;
	dst_cache_destroy(&path->cache);
	free_percpu(path->counters);
	kfree(path);
}

static void make_paths(struct work_struct *work)
{
	struct flannel_dev *fl = container_of(work, struct flannel_dev, paths_work);
	struct llist_node *first = llist_del_all(&fl->paths_wanted);
	struct mem_cgroup *old = set_active_memcg(fl->memcg);
	struct flannel_vtep *vtep, *next;

	llist_for_each_entry_safe(vtep, next, first, node) {
		struct flannel_path *path = path_create();

		if (path)
			rcu_assign_pointer(vtep->path, path);
		else
			clear_bit(0, &vtep->path_wanted);
		flannel_vtep_put(vtep);
		cond_resched();
	}
	set_active_memcg(old);
}

static void want_path(struct flannel_dev *fl, struct flannel_vtep *vtep)
{
	if (test_bit(0, &vtep->path_wanted) || test_and_set_bit(0, &vtep->path_wanted))
		return;
	/* The last lease may have gone since we looked the VTEP up. */
	if (!refcount_inc_not_zero(&vtep->refs))
		return;
	if (llist_add(&vtep->node, &fl->paths_wanted))
		schedule_work(&fl->paths_work);
}

/**
 * flannel_path_of - the path to a VTEP
 * @fl: device
 * @vtep: VTEP
 *
 * Context: softirq, or bottom halves disabled, and rcu_read_lock().
 * Return: the path, or NULL while it is being made; packets go without then.
 */
struct flannel_path *flannel_path_of(struct flannel_dev *fl, struct flannel_vtep *vtep)
{
	struct flannel_path *path = rcu_dereference(vtep->path);

	if (unlikely(!path))
		want_path(fl, vtep);
	return path;
}

static void count(const struct flannel_path *path, struct flannel_vtep *vtep,
		  enum flannel_vtep_counter packets, unsigned int bytes)
{
	struct flannel_path_counters *counters;

	if (unlikely(!path)) {
		atomic64_inc(&vtep->early[packets]);
		atomic64_add(bytes, &vtep->early[packets + 1]);
		return;
	}
	counters = this_cpu_ptr(path->counters);
	u64_stats_update_begin(&counters->syncp);
	u64_stats_inc(&counters->value[packets]);
	u64_stats_add(&counters->value[packets + 1], bytes);
	u64_stats_update_end(&counters->syncp);
}

/**
 * flannel_path_count_tx - count a packet sent to a VTEP
 * @vtep: VTEP
 * @bytes: length of the inner packet
 *
 * Context: softirq, or bottom halves disabled, and rcu_read_lock().
 */
void flannel_path_count_tx(struct flannel_vtep *vtep, unsigned int bytes)
{
	count(rcu_dereference(vtep->path), vtep, FLANNEL_VTEP_TX_PACKETS, bytes);
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
	count(flannel_path_of(fl, vtep), vtep, FLANNEL_VTEP_RX_PACKETS, bytes);
}

/**
 * flannel_path_read - counters of a VTEP
 * @vtep: VTEP
 * @value: filled in
 *
 * Context: process; the caller keeps the VTEP from going.
 */
void flannel_path_read(const struct flannel_vtep *vtep, u64 value[FLANNEL_VTEP_COUNTERS])
{
	/* Once there, it stays as long as the VTEP. */
	const struct flannel_path *path = rcu_dereference_protected(vtep->path, true);
	int cpu, i;

	for (i = 0; i < FLANNEL_VTEP_COUNTERS; i++)
		value[i] = atomic64_read(&vtep->early[i]);
	if (!path)
		return;

	for_each_possible_cpu(cpu) {
		const struct flannel_path_counters *counters = per_cpu_ptr(path->counters, cpu);
		u64 sum[FLANNEL_VTEP_COUNTERS];
		unsigned int start;

		do {
			start = u64_stats_fetch_begin(&counters->syncp);
			for (i = 0; i < FLANNEL_VTEP_COUNTERS; i++)
				sum[i] = u64_stats_read(&counters->value[i]);
		} while (u64_stats_fetch_retry(&counters->syncp, start));
		for (i = 0; i < FLANNEL_VTEP_COUNTERS; i++)
			value[i] += sum[i];
	}
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
 * @fl: device, no packet can ask for a path any more
 *
 * Context: process.
 */
void flannel_paths_stop(struct flannel_dev *fl)
{
	flush_work(&fl->paths_work);
}

/**
 * flannel_paths_reset - forget all cached routes
 * @fl: device
 *
 * For changes that routing itself does not announce: options of the device.
 * The caller has seen a grace period since the change, so that no packet can
 * cache a route made with the old options afterwards.
 *
 * Context: process, takes @fl->lock.
 */
void flannel_paths_reset(struct flannel_dev *fl)
{
	struct flannel_vtep *vtep;
	u64 cursor = 0;

	mutex_lock(&fl->lock);
	while ((vtep = flannel_table_next_vtep(&fl->table, &cursor))) {
		struct flannel_path *path = rcu_dereference_protected(vtep->path, true);

		if (path)
			dst_cache_reset(&path->cache);
		cond_resched();
	}
	mutex_unlock(&fl->lock);
}
