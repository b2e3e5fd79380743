// SPDX-License-Identifier: GPL-2.0
/*
 * shim.c - as much of the kernel as table, VTEP and prefix code needs
 */
#include <malloc.h>
#include <stdio.h>

#include "shim.h"
#include "vtep.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>

static void say_note(void)
{
	fprintf(stderr, "# in %s\n", shim_note);
}

__attribute__((constructor)) static void say_note_last(void)
{
	__sanitizer_set_death_callback(say_note);
}
#else
#define ASAN_POISON_MEMORY_REGION(address, size) do { } while (0)
#define ASAN_UNPOISON_MEMORY_REGION(address, size) do { } while (0)
#define __asan_locate_address(address, name, length, start, size) do { } while (0)
#endif

char shim_note[64];

struct kmem_cache {
	const char *name;
	size_t size;
	size_t objects;
};

/* What waits for a grace period: call @callback, or free @object without one. */
struct deferred {
	struct deferred *next;
	void *object;
	size_t size;
	struct rcu_head *head;
	void (*callback)(struct rcu_head *head);
};

unsigned int shim_readers;
void (*shim_reader)(void);
bool shim_reader_stays;
size_t shim_bytes;
size_t shim_fail_after = SIZE_MAX;
size_t shim_failures;

static struct deferred *deferred_first, **deferred_last = &deferred_first;

void shim_die(const char *what, const char *file, int line)
{
	fprintf(stderr, "# %s:%d: not true: %s%s%s\n", file, line, what,
		shim_note[0] ? ", in " : "", shim_note);
	abort();
}

void shim_store(void)
{
	if (!shim_reader)
		return;
	rcu_read_lock();
	shim_reader();
	rcu_read_unlock();
}

/* From now on nobody may find it, so nobody may touch it. */
void shim_defer(void *object, struct rcu_head *head, void (*callback)(struct rcu_head *head))
{
	struct deferred *deferred = malloc(sizeof(*deferred));

	shim_assert(deferred);
	*deferred = (struct deferred){ .object = object, .head = head, .callback = callback };
	__asan_locate_address(head, NULL, 0, &deferred->object, &deferred->size);
	ASAN_POISON_MEMORY_REGION(deferred->object, deferred->size);
	*deferred_last = deferred;
	deferred_last = &deferred->next;
	shim_store();
}

void shim_grace_period(void)
{
	struct deferred *deferred;

	shim_assert(!shim_reader_stays);
	while ((deferred = deferred_first)) {
		deferred_first = deferred->next;
		if (!deferred_first)
			deferred_last = &deferred_first;
		ASAN_UNPOISON_MEMORY_REGION(deferred->object, deferred->size);
		if (deferred->callback)
			deferred->callback(deferred->head);
		else
			kvfree(deferred->object);
		free(deferred);
	}
}

static bool shim_fails(void)
{
	if (shim_fail_after--)
		return false;
	shim_fail_after = SIZE_MAX;
	shim_failures++;
	return true;
}

void *kvzalloc(size_t size, int gfp)
{
	void *object = shim_fails() ? NULL : calloc(1, size);

	(void)gfp;
	if (object)
		shim_bytes += malloc_usable_size(object);
	return object;
}

void kvfree(const void *object)
{
	shim_assert(!object || !shim_reader_stays);
	if (object)
		shim_bytes -= malloc_usable_size((void *)object);
	free((void *)object);
}

void *kmemdup(const void *from, size_t size, int gfp)
{
	void *object = kvzalloc(size, gfp);

	return object ? memcpy(object, from, size) : NULL;
}

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
				     unsigned int flags, void (*constructor)(void *object))
{
	struct kmem_cache *cache = malloc(sizeof(*cache));

	(void)align;
	(void)flags;
	(void)constructor;
	shim_assert(cache);
	*cache = (struct kmem_cache){ .name = name, .size = size };
	return cache;
}

void kmem_cache_destroy(struct kmem_cache *cache)
{
	if (cache->objects)
		fprintf(stderr, "# %zu objects left in %s\n", cache->objects, cache->name);
	shim_assert(!cache->objects);
	free(cache);
}

void *kmem_cache_zalloc(struct kmem_cache *cache, int gfp)
{
	void *object = kvzalloc(cache->size, gfp);

	cache->objects += !!object;
	return object;
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	shim_assert(cache->objects);
	cache->objects--;
	kvfree(object);
}

/* Repeats, so that a failure does. */
u32 get_random_u32(void)
{
	static u64 state;

	state += 0x9e3779b97f4a7c15;
	return shim_mix(state, 1);
}

void flannel_path_init(struct flannel_path *path)
{
	shim_assert(!path->dst);
}

void flannel_path_destroy(struct flannel_path *path)
{
	shim_assert(!path->dst);
}
