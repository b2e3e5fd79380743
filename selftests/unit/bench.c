// SPDX-License-Identifier: GPL-2.0
/*
 * bench.c - nanoseconds per look-up, user space
 *
 * Uniformly random destinations, each look-up waiting for the one before and
 * reading the VTEP it found.  The best of several rounds.
 */
#include <stdio.h>
#include <time.h>

#include "table.h"

#define LOOKUPS	1000000
#define ROUNDS	7

static struct mutex lock;
static struct flannel_table table;
static struct flannel_error err;

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

/* Every fourth of a mixed table has its length plus one, the next one less. */
static u8 length_of(u32 n, u8 len, bool mixed)
{
	return mixed ? len + (n % 4 == 1) - (n % 4 == 2) : len;
}

static struct flannel_spec nth(u32 n, u8 len, bool six, bool mixed)
{
	struct flannel_spec spec = { .mac = { 2 } };
	u32 word = 0x0a000000 + (n << (32 - len));

	spec.prefix.addr = flannel_ip_from4(htonl(word));
	spec.prefix.len = length_of(n, len, mixed) + (six ? 32 : 0);
	if (six) {
		spec.prefix.addr.family = AF_INET6;
		spec.prefix.addr.ip6.s6_addr32[0] = htonl(0xfd000000);
		spec.prefix.addr.ip6.s6_addr32[1] = htonl(word);
	}
	flannel_prefix_mask(&spec.prefix);
	spec.vtep = flannel_ip_from4(htonl(0xac100000 + n));
	return spec;
}

static double load(u32 count, u8 len, bool six, bool mixed)
{
	struct flannel_table *cand = flannel_candidate_create(&table);
	struct flannel_diff diff;
	struct flannel_spec spec;
	double start;
	u32 i;

	for (i = 0; i < count; i++) {
		spec = nth(i, len, six, mixed);
		if (flannel_candidate_add(cand, &table, &spec, &err) &&
		    err.why != FLANNEL_REFUSED_EXISTS)
			abort();
	}
	start = seconds();
	if (flannel_candidate_commit(cand, &table, true, &diff, &err))
		abort();
	start = seconds() - start;
	shim_grace_period();
	flannel_candidate_free(cand);
	return start;
}

static double round_of(u32 count, u8 len, bool six)
{
	double start = seconds();
	struct flannel_vtep *vtep;
	u64 random = 1, last = 0;
	struct in6_addr addr = {};
	u32 i, word;

	addr.s6_addr32[0] = htonl(0xfd000000);
	for (i = 0; i < LOOKUPS; i++) {
		random = (random + last) * 6364136223846793005 + 1442695040888963407;
		word = 0x0a000001 + ((u32)((random >> 32) * count >> 32) << (32 - len));
		addr.s6_addr32[1] = htonl(word);
		vtep = six ? flannel_table_lookup6(&table, &addr) :
			     flannel_table_lookup4(&table, htonl(word));
		last = vtep ? vtep->mac[5] : 0;
	}
	return (seconds() - start) / LOOKUPS * 1e9;
}

static void measure(u32 count, u8 len, bool six, bool direct, bool mixed)
{
	struct flannel_prefix network[FLANNEL_FAMILIES] = {};
	double best = 1e9, ns, commit;
	int i;

	if (direct) {
		network[FLANNEL_V4] = nth(0, 8, false, false).prefix;
		network[FLANNEL_V6] = nth(0, 8, true, false).prefix;
	}
	if (flannel_vtep_init() || flannel_lease_cache_init() ||
	    flannel_table_init(&table, &lock) ||
	    flannel_table_set_limits(&table, network, 1 << 20, &err))
		abort();
	commit = load(count, len, six, mixed);
	for (i = 0; i < ROUNDS; i++) {
		ns = round_of(count, len, six);
		best = ns < best ? ns : best;
	}
	printf("%8u  %s  %-6s  %-7s  %6.1f ns   commit %6.3f s\n", count, six ? "v6" : "v4",
	       mixed ? "mixed" : "one", flannel_table_is_direct(&table, six) ? "direct" : "hash",
	       best, commit);
	flannel_table_destroy(&table);
	shim_grace_period();
	flannel_lease_cache_exit();
	flannel_vtep_exit();
}

int main(void)
{
	static const struct {
		u32 count;
		u8 len;
	} size[] = { { 1000, 24 }, { 10000, 24 }, { 65000, 24 }, { 1000000, 28 } };
	int i, six;

	printf("  leases  IP  lengths  look-up\n");
	for (six = 0; six < 2; six++)
		for (i = 0; i < ARRAY_SIZE(size); i++) {
			if (size[i].count <= 65536)
				measure(size[i].count, size[i].len, six, true, false);
			measure(size[i].count, size[i].len, six, false, false);
			measure(size[i].count, size[i].len, six, false, true);
		}
	return 0;
}
