// SPDX-License-Identifier: GPL-2.0
/*
 * vtep.c - a remote tunnel end point: underlay address and inner MAC
 */
#include <linux/slab.h>

#include "vtep.h"

static struct kmem_cache *vtep_cache;

struct flannel_vtep flannel_vtep_local;

/**
 * flannel_vtep_init - make the slab that VTEPs come from
 *
 * Context: Process, once, before the first VTEP.
 * Return: 0 or -ENOMEM.
 */
int flannel_vtep_init(void)
{
	vtep_cache = kmem_cache_create("flannel_vtep", sizeof(struct flannel_vtep), 0,
				       SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT, NULL);
	return vtep_cache ? 0 : -ENOMEM;
}

/**
 * flannel_vtep_exit - give up the slab
 *
 * The kernel complains when a VTEP is left.
 *
 * Context: Process, after the last flannel_vtep_put() and an rcu_barrier().
 */
void flannel_vtep_exit(void)
{
	kmem_cache_destroy(vtep_cache);
}

/**
 * flannel_vtep_create - make a VTEP
 * @addr: underlay address
 * @mac: destination MAC of inner frames sent to it, 6 bytes
 *
 * Context: Process; sleeps; the memory is charged to the caller.
 * Return: the VTEP with one reference, or NULL when there is no memory.
 */
struct flannel_vtep *flannel_vtep_create(const struct flannel_ip *addr, const u8 *mac)
{
	struct flannel_vtep *vtep = kmem_cache_zalloc(vtep_cache, GFP_KERNEL_ACCOUNT);

	if (!vtep)
		return NULL;
	vtep->addr = *addr;
	memcpy(vtep->mac, mac, ETH_ALEN);
	flannel_path_init(&vtep->path);
	refcount_set(&vtep->refs, 1);
	return vtep;
}

/**
 * flannel_vtep_get - take a reference
 * @vtep: VTEP; not &flannel_vtep_local
 *
 * Context: Any; the caller has a reference or holds the lock of a table that
 *	has one.  Being a reader is not enough: the last reference may be gone.
 */
void flannel_vtep_get(struct flannel_vtep *vtep)
{
	refcount_inc(&vtep->refs);
}

static void vtep_free(struct rcu_head *head)
{
	struct flannel_vtep *vtep = container_of(head, struct flannel_vtep, rcu);

	flannel_path_destroy(&vtep->path);
	kmem_cache_free(vtep_cache, vtep);
}

/**
 * flannel_vtep_put - drop a reference
 * @vtep: VTEP; not &flannel_vtep_local
 *
 * The last one frees it after a grace period, its path with it.
 *
 * Context: Any.
 */
void flannel_vtep_put(struct flannel_vtep *vtep)
{
	if (refcount_dec_and_test(&vtep->refs))
		call_rcu(&vtep->rcu, vtep_free);
}
