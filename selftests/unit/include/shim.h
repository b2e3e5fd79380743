/* SPDX-License-Identifier: GPL-2.0 */
/*
 * shim.h - as much of the kernel as table, VTEP and prefix code needs
 *
 * One thread.  The checks are stricter than the kernel's: each access to an RCU
 * pointer needs the reader or the lock that it names, what was given up may not
 * be touched by anyone until shim_grace_period() frees it, and any allocation
 * can be made to fail.  After each store that readers can see a test's own
 * reader runs.  With SHIM_FAST, for benchmarks, all of that is left out.
 */
#ifndef SHIM_H
#define SHIM_H

#include <errno.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef uint8_t __u8;
typedef uint16_t __u16;
typedef uint32_t __u32;
typedef uint64_t __u64;
typedef uint16_t __be16;
typedef uint32_t __be32;
typedef uint64_t __be64;

/* The kernel's can initialise what is static. */
#undef htonl
#undef ntohl
#define htonl(x) __builtin_bswap32(x)
#define ntohl(x) __builtin_bswap32(x)

#define __rcu
#define __force
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define ETH_ALEN 6

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define container_of(member_pointer, type, member) \
	((type *)((char *)(member_pointer) - offsetof(type, member)))
#define max_t(type, a, b) ((type)(a) > (type)(b) ? (type)(a) : (type)(b))
#define swap(a, b) \
	do { __typeof__(a) swap_tmp = (a); (a) = (b); (b) = swap_tmp; } while (0)
#define struct_size(pointer, member, count) \
	(sizeof(*(pointer)) + sizeof((pointer)->member[0]) * (count))
#define size_add(a, b) ((a) + (b))

#define shim_assert(condition) \
	do { if (!(condition)) shim_die(#condition, __FILE__, __LINE__); } while (0)
extern char shim_note[64];	/* said when something is wrong */

void shim_die(const char *what, const char *file, int line) __attribute__((noreturn));

static inline size_t roundup_pow_of_two(size_t n)
{
	size_t size = 1;

	shim_assert(n);
	while (size < n)
		size *= 2;
	return size;
}

static inline void cond_resched(void)
{
}

static inline void prefetch(const void *memory)
{
	__builtin_prefetch(memory);
}

/* Locks */

struct mutex {
	bool held;
};

static inline void mutex_lock(struct mutex *lock)
{
	shim_assert(!lock->held);
	lock->held = true;
}

static inline void mutex_unlock(struct mutex *lock)
{
	shim_assert(lock->held);
	lock->held = false;
}

#define lockdep_is_held(lock) ((lock)->held)

/* Part of what packets use, which there are none of here */
typedef struct { int unused; } spinlock_t;
typedef struct { int unused; } seqcount_spinlock_t;
#define __percpu
#define ____cacheline_aligned __attribute__((aligned(64)))

/* Lists */

struct llist_node {
	struct llist_node *next;
};

/* RCU */

struct rcu_head {
	void *unused[2];
};

extern unsigned int shim_readers;
extern void (*shim_reader)(void);	/* runs after each store */
extern bool shim_reader_stays;		/* from before: nothing may be freed at once */

void shim_store(void);
void shim_defer(void *object, struct rcu_head *head, void (*callback)(struct rcu_head *head));
void shim_grace_period(void);

#ifdef SHIM_FAST
#define shim_check(condition) do { } while (0)
#define shim_stored() do { } while (0)
#else
#define shim_check(condition) shim_assert(condition)
#define shim_stored() shim_store()
#endif

#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value) \
	do { *(volatile __typeof__(x) *)&(x) = (value); shim_stored(); } while (0)

#define rcu_read_lock() ((void)shim_readers++)
#define rcu_read_unlock() ((void)shim_readers--)
#define rcu_dereference_check(pointer, condition) \
	({ shim_check(shim_readers || (condition)); READ_ONCE(pointer); })
#define rcu_dereference(pointer) rcu_dereference_check(pointer, false)
#define rcu_dereference_protected(pointer, condition) \
	({ shim_check(condition); (pointer); })
#define rcu_dereference_raw(pointer) (pointer)
#define rcu_access_pointer(pointer) (pointer)
#define rcu_assign_pointer(pointer, value) \
	do { (pointer) = (value); shim_stored(); } while (0)
#define RCU_INIT_POINTER(pointer, value) rcu_assign_pointer(pointer, value)
#define call_rcu(head, callback) shim_defer(NULL, head, callback)
#define kvfree_rcu(pointer, member) \
	do { if (pointer) shim_defer(pointer, &(pointer)->member, NULL); } while (0)
#define kfree_rcu(pointer, member) kvfree_rcu(pointer, member)

/* Memory */

#define GFP_KERNEL_ACCOUNT 0
#define __GFP_NOWARN 0
#define SLAB_HWCACHE_ALIGN 0
#define SLAB_ACCOUNT 0

struct kmem_cache;

extern size_t shim_bytes;		/* requested and not yet given back */
extern size_t shim_fail_after;		/* so many allocations succeed, then one fails */
extern size_t shim_failures;

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
				     unsigned int flags, void (*constructor)(void *object));
void kmem_cache_destroy(struct kmem_cache *cache);
void *kmem_cache_zalloc(struct kmem_cache *cache, int gfp);
void kmem_cache_free(struct kmem_cache *cache, void *object);
void *kvzalloc(size_t size, int gfp);
void *kmemdup(const void *from, size_t size, int gfp);
void kvfree(const void *object);

#define kzalloc(size, gfp) kvzalloc(size, gfp)
#define kfree(object) kvfree(object)

/* Counters; one thread */

typedef struct {
	u64 value;
} atomic64_t;

typedef struct {
	u32 value;
} refcount_t;

static inline void refcount_set(refcount_t *refs, u32 value)
{
	refs->value = value;
}

static inline void refcount_inc(refcount_t *refs)
{
	shim_assert(refs->value);
	refs->value++;
}

static inline bool refcount_dec_and_test(refcount_t *refs)
{
	shim_assert(refs->value);
	return !--refs->value;
}

/* Hashes: any good ones do. */

u32 get_random_u32(void);

static inline u64 shim_mix(u64 state, u32 word)
{
	state = (state ^ word) * 0x9fb21c651e98df25;
	return state ^ state >> 32;
}

static inline u32 jhash_2words(u32 a, u32 b, u32 seed)
{
	return shim_mix(shim_mix(shim_mix(~0ULL, seed), a), b);
}

static inline u32 jhash2(const u32 *word, u32 count, u32 seed)
{
	u64 state = shim_mix(~0ULL, seed);

	while (count--)
		state = shim_mix(state, *word++);
	return shim_mix(state, 0);
}

#endif /* SHIM_H */
