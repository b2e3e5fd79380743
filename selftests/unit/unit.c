// SPDX-License-Identifier: GPL-2.0
/*
 * unit.c - tests of the lease table, its VTEPs and prefixes
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "world.h"

#define SEEDS	24
#define ROUNDS	300

static struct mutex lock;
static struct flannel_table table;
static struct flannel_error err;

/* Values, from text */

static struct flannel_ip ip(const char *text)
{
	struct flannel_ip ip = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	assert_int_equal(inet_pton(ip.family, text, &ip.ip6), 1);
	return ip;
}

static struct flannel_prefix prefix(const char *text)
{
	char base[64];
	int len;

	assert_int_equal(sscanf(text, "%63[^/]/%d", base, &len), 2);
	return (struct flannel_prefix){ .addr = ip(base), .len = len };
}

/* @vtep NULL: local; the MAC ends in @mac. */
static struct flannel_spec spec(const char *pods, const char *vtep, u32 mac)
{
	struct flannel_spec spec = { .prefix = prefix(pods), .local = !vtep };

	if (!vtep)
		return spec;
	spec.vtep = ip(vtep);
	spec.mac[0] = 2;
	memcpy(spec.mac + 2, &mac, sizeof(mac));
	return spec;
}

static struct flannel_spec spec4(u32 pods, u8 len, u32 vtep)
{
	struct flannel_spec spec = {
		.prefix = { .addr = flannel_ip_from4(htonl(pods)), .len = len },
		.vtep = flannel_ip_from4(htonl(vtep)),
		.mac = { 2 },
	};

	return spec;
}

/* Shorthands that say what has to come of it */

static int set(const char *pods, const char *vtep)
{
	struct flannel_spec lease = spec(pods, vtep, 1);

	memset(&err, 0, sizeof(err));
	return flannel_table_set(&table, &lease, FLANNEL_SET_REPLACE, &err);
}

static int del(const char *pods)
{
	struct flannel_prefix gone = prefix(pods);

	memset(&err, 0, sizeof(err));
	return flannel_table_del(&table, &gone, NULL, &err);
}

static int limit(const char *network4, const char *network6, u32 maxleases)
{
	struct flannel_prefix network[FLANNEL_FAMILIES] = {};

	if (network4)
		network[FLANNEL_V4] = prefix(network4);
	if (network6)
		network[FLANNEL_V6] = prefix(network6);
	memset(&err, 0, sizeof(err));
	return flannel_table_set_limits(&table, network, maxleases, &err);
}

static int add(struct flannel_table *cand, const char *pods, const char *vtep)
{
	struct flannel_spec lease = spec(pods, vtep, 1);

	memset(&err, 0, sizeof(err));
	return flannel_candidate_add(cand, &table, &lease, &err);
}

static struct flannel_vtep *lookup(const char *text)
{
	struct flannel_ip addr = ip(text);
	struct flannel_vtep *vtep;

	rcu_read_lock();
	vtep = addr.family == AF_INET ? flannel_table_lookup4(&table, addr.ip4) :
					flannel_table_lookup6(&table, &addr.ip6);
	rcu_read_unlock();
	return vtep;
}

static struct flannel_vtep *known(const char *text)
{
	struct flannel_ip addr = ip(text);
	struct flannel_vtep *vtep;

	rcu_read_lock();
	vtep = addr.family == AF_INET ? flannel_table_vtep4(&table, addr.ip4) :
					flannel_table_vtep6(&table, &addr.ip6);
	rcu_read_unlock();
	return vtep;
}

static bool leads_to(const char *addr, const char *vtep)
{
	struct flannel_vtep *found = lookup(addr);
	struct flannel_ip expected = ip(vtep);

	return found && found != &flannel_vtep_local && model_ip_equal(&found->addr, &expected);
}

#define assert_refused(call, code, refusal) \
	do { \
		assert_int_equal(call, code); \
		assert_int_equal(err.why, FLANNEL_REFUSED_##refusal); \
	} while (0)

static void assert_other(const char *text)
{
	struct flannel_prefix expected = prefix(text);

	assert_true(model_prefix_equal(&err.other, &expected));
}

static void assert_about(const char *text)
{
	struct flannel_prefix expected = prefix(text);

	assert_true(model_prefix_equal(&err.prefix, &expected));
}

static int setup(void **state)
{
	shim_reader = NULL;
	return flannel_vtep_init() || flannel_lease_cache_init() ||
	       flannel_table_init(&table, &lock) || (mutex_lock(&lock), 0);
}

/* Whatever a test did, nothing may be left. */
static int teardown(void **state)
{
	mutex_unlock(&lock);
	flannel_table_destroy(&table);
	shim_grace_period();
	flannel_lease_cache_exit();
	flannel_vtep_exit();
	assert_int_equal(shim_bytes, 0);
	return 0;
}

static void end(struct flannel_table *cand)
{
	mutex_unlock(&lock);
	shim_grace_period();
	flannel_candidate_free(cand);
	mutex_lock(&lock);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

/* Prefixes */

static void prefix_random(struct flannel_prefix *random)
{
	int i;

	memset(random, 0, sizeof(*random));
	random->addr.family = get_random_u32() & 1 ? AF_INET : AF_INET6;
	random->len = get_random_u32() % (random->addr.family == AF_INET ? 33 : 129);
	for (i = 0; i < (random->addr.family == AF_INET ? 1 : 4); i++)
		random->addr.ip6.s6_addr32[i] = htonl(get_random_u32() & 0x80000003);
}

static void prefixes_agree_with_model(void **state)
{
	struct flannel_prefix a, b;
	struct flannel_ip base;
	int i;

	for (i = 0; i < 200000; i++) {
		prefix_random(&a);
		prefix_random(&b);
		base = model_base(&a.addr, a.len);
		assert_int_equal(flannel_prefix_has_host_bits(&a), !model_ip_equal(&base, &a.addr));
		assert_int_equal(flannel_prefix_contains(&a, &b.addr), model_contains(&a, &b.addr));
		flannel_prefix_mask(&a);
		assert_true(model_ip_equal(&a.addr, &base));
		b.addr = model_base(&b.addr, b.len);
		assert_int_equal(flannel_prefix_overlaps(&a, &b),
				 a.addr.family == b.addr.family && model_overlaps(&a, &b));
		assert_int_equal(flannel_prefix_covers(&a, &b),
				 a.len <= b.len && model_contains(&a, &b.addr));
	}
}

static void nobodys_prefixes(void **state)
{
	static const char *const theirs[] = {
		"0.0.0.0/8", "0.1.0.0/16", "127.0.0.0/8", "127.1.2.0/24", "169.254.0.0/16",
		"169.254.7.0/24", "168.0.0.0/7", "224.0.0.0/4", "239.1.0.0/16", "240.0.0.0/4",
		"255.255.255.255/32", "128.0.0.0/1", "::/127", "::1/128", "::/128", "::/64",
		"::ffff:0:0/96", "::ffff:10.1.0.0/112", "fe80::/10", "fe80:1::/64", "ff00::/8",
		"ff02::/16", "8000::/1",
	};
	static const char *const ours[] = {
		"10.0.0.0/8", "1.0.0.0/8", "126.0.0.0/8", "128.0.0.0/8", "169.253.0.0/16",
		"169.255.0.0/16", "223.255.255.0/24", "192.0.0.0/4", "::2/127", "64:ff9b::/96",
		"fd00::/8", "fec0::/10", "fe00::/9", "2000::/3", "::fffe:0:0/96",
	};
	struct flannel_prefix tried;
	int i;

	for (i = 0; i < ARRAY_SIZE(theirs); i++) {
		tried = prefix(theirs[i]);
		assert_true(flannel_prefix_is_nobodys(&tried));
	}
	for (i = 0; i < ARRAY_SIZE(ours); i++) {
		tried = prefix(ours[i]);
		assert_false(flannel_prefix_is_nobodys(&tried));
	}
}

/* Refusals */

static void refuses_bad_prefixes(void **state)
{
	assert_refused(set("10.1.0.1/24", "192.168.0.1"), -EINVAL, HOST_BITS);
	assert_about("10.1.0.1/24");
	assert_refused(set("fd00::1/64", "192.168.0.1"), -EINVAL, HOST_BITS);
	assert_refused(set("127.0.0.0/24", "192.168.0.1"), -EINVAL, NOBODYS);
	assert_refused(set("224.1.0.0/16", NULL), -EINVAL, NOBODYS);
	assert_refused(del("10.1.0.1/24"), -EINVAL, HOST_BITS);

	assert_int_equal(limit("10.0.0.0/8", "fd00::/48", 100), 0);
	assert_refused(set("11.0.0.0/24", "192.168.0.1"), -EINVAL, OUTSIDE);
	assert_about("11.0.0.0/24");
	assert_other("10.0.0.0/8");
	assert_refused(set("10.0.0.0/7", "192.168.0.1"), -EINVAL, OUTSIDE);
	assert_refused(set("fd00:0:1::/64", "192.168.0.1"), -EINVAL, OUTSIDE);
	assert_other("fd00::/48");
	assert_int_equal(table.seq, 0);
}

static void refuses_by_mode(void **state)
{
	struct flannel_spec lease = spec("10.1.0.0/24", "192.168.0.1", 1);

	assert_refused(flannel_table_set(&table, &lease, FLANNEL_SET_CHANGE, &err), -ENOENT,
		       ABSENT);
	assert_refused(del("10.1.0.0/24"), -ENOENT, ABSENT);
	assert_int_equal(flannel_table_set(&table, &lease, FLANNEL_SET_ADD, &err),
			 FLANNEL_SET_ADDED);
	assert_refused(flannel_table_set(&table, &lease, FLANNEL_SET_ADD, &err), -EEXIST, EXISTS);
	assert_about("10.1.0.0/24");
	assert_int_equal(table.seq, 1);
	assert_int_equal(flannel_table_set(&table, &lease, FLANNEL_SET_CHANGE, &err),
			 FLANNEL_SET_UNCHANGED);
	assert_int_equal(table.seq, 1);
	lease.mac[5] = 9;
	assert_int_equal(flannel_table_set(&table, &lease, FLANNEL_SET_CHANGE, &err),
			 FLANNEL_SET_CHANGED);
	assert_int_equal(table.seq, 2);
}

static void refuses_overlap_with_local(void **state)
{
	assert_int_equal(set("10.1.0.0/24", NULL), FLANNEL_SET_ADDED);
	assert_refused(set("10.1.0.0/16", "192.168.0.1"), -EINVAL, OVERLAP_LOCAL);
	assert_about("10.1.0.0/16");
	assert_other("10.1.0.0/24");
	assert_refused(set("10.1.0.64/26", "192.168.0.1"), -EINVAL, OVERLAP_LOCAL);
	assert_refused(set("10.1.0.64/26", NULL), -EINVAL, OVERLAP_LOCAL);
	assert_int_equal(set("10.1.2.0/24", "192.168.0.1"), FLANNEL_SET_ADDED);
	assert_refused(set("10.1.2.0/23", NULL), -EINVAL, OVERLAP_LOCAL);
	assert_other("10.1.2.0/24");
	assert_int_equal(set("fd00::/64", NULL), FLANNEL_SET_ADDED);
	assert_refused(set("fd00::/48", "192.168.0.1"), -EINVAL, OVERLAP_LOCAL);
	assert_int_equal(table.locals, 2);
}

static void refuses_vteps_inside_leases(void **state)
{
	assert_refused(set("10.1.0.0/24", "10.1.0.7"), -EINVAL, VTEP_INSIDE);
	assert_about("10.1.0.0/24");
	assert_other("10.1.0.7/32");
	assert_int_equal(set("10.1.0.0/24", "192.168.0.1"), FLANNEL_SET_ADDED);
	assert_refused(set("10.2.0.0/24", "10.1.0.7"), -EINVAL, VTEP_INSIDE);
	assert_about("10.1.0.0/24");
	assert_other("10.1.0.7/32");
	assert_refused(set("192.168.0.0/24", "172.16.0.1"), -EINVAL, VTEP_INSIDE);
	assert_about("192.168.0.0/24");
	assert_other("192.168.0.1/32");
	assert_refused(set("192.168.0.0/24", NULL), -EINVAL, VTEP_INSIDE);

	assert_refused(set("192.168.0.1/32", "172.16.0.1"), -EINVAL, VTEP_INSIDE);

	/* Between the bounds of the known VTEPs, but no VTEP inside. */
	assert_int_equal(set("10.3.0.0/24", "172.16.0.1"), FLANNEL_SET_ADDED);
	assert_int_equal(set("172.17.0.0/24", "192.168.0.1"), FLANNEL_SET_ADDED);
	assert_refused(set("172.16.0.0/30", "192.168.0.1"), -EINVAL, VTEP_INSIDE);
	assert_int_equal(set("fd00::/64", "2001:db8::1"), FLANNEL_SET_ADDED);
	assert_refused(set("2001:db8::/64", "192.168.0.1"), -EINVAL, VTEP_INSIDE);
	assert_other("2001:db8::1/128");
}

static void refuses_too_many_lengths(void **state)
{
	char text[32];
	int len;

	for (len = 17; len < 17 + FLANNEL_MAX_LENGTHS; len++) {
		snprintf(text, sizeof(text), "10.%d.0.0/%d", len, len);
		assert_int_equal(set(text, "192.168.0.1"), FLANNEL_SET_ADDED);
	}
	assert_refused(set("12.0.0.0/16", "192.168.0.1"), -E2BIG, LENGTHS);
	assert_int_equal(set("12.0.0.0/24", "192.168.0.1"), FLANNEL_SET_ADDED);
	assert_int_equal(set("fd00::/64", "192.168.0.1"), FLANNEL_SET_ADDED);
	assert_int_equal(del("10.32.0.0/32"), 0);
	assert_null(lookup("10.32.0.0"));
	assert_int_equal(set("13.0.0.0/16", "192.168.0.1"), FLANNEL_SET_ADDED);
}

static void refuses_too_many_leases(void **state)
{
	assert_int_equal(limit(NULL, NULL, 2), 0);
	assert_int_equal(set("10.1.0.0/24", "192.168.0.1"), FLANNEL_SET_ADDED);
	assert_int_equal(set("fd00::/64", "192.168.0.1"), FLANNEL_SET_ADDED);
	assert_refused(set("10.2.0.0/24", "192.168.0.1"), -ENOSPC, FULL);
	assert_int_equal(set("10.1.0.0/24", "192.168.0.2"), FLANNEL_SET_CHANGED);
	assert_refused(limit(NULL, NULL, 1), -ENOSPC, FULL);
	assert_int_equal(table.maxleases, 2);
	assert_int_equal(limit(NULL, NULL, 3), 0);
	assert_int_equal(set("10.2.0.0/24", "192.168.0.1"), FLANNEL_SET_ADDED);
}

static void refuses_too_many_locals(void **state)
{
	char text[32];
	int i;

	for (i = 0; i < FLANNEL_MAX_LOCAL; i++) {
		snprintf(text, sizeof(text), "10.1.%d.0/24", i);
		assert_int_equal(set(text, NULL), FLANNEL_SET_ADDED);
	}
	assert_refused(set("10.2.0.0/24", NULL), -E2BIG, LOCALS);
	assert_int_equal(set("10.2.0.0/24", "192.168.0.1"), FLANNEL_SET_ADDED);
	assert_refused(set("10.2.0.0/24", NULL), -E2BIG, LOCALS);
	assert_int_equal(set("10.1.7.0/24", "192.168.0.1"), FLANNEL_SET_CHANGED);
	assert_int_equal(set("10.2.0.0/24", NULL), FLANNEL_SET_CHANGED);
	assert_ptr_equal(lookup("10.2.0.1"), &flannel_vtep_local);
	assert_true(leads_to("10.1.7.1", "192.168.0.1"));
}

static void refuses_too_many_macs(void **state)
{
	struct flannel_spec lease;
	u32 i;

	for (i = 0; i < FLANNEL_MAX_MACS; i++) {
		lease = spec4(0x0a010000 + (i << 8), 24, 0xc0a80001);
		lease.mac[5] = i;
		assert_int_equal(flannel_table_set(&table, &lease, FLANNEL_SET_ADD, &err),
				 FLANNEL_SET_ADDED);
	}
	assert_int_equal(table.vteps, FLANNEL_MAX_MACS);
	lease = spec4(0x0a020000, 24, 0xc0a80001);
	lease.mac[5] = i;
	assert_refused(flannel_table_set(&table, &lease, FLANNEL_SET_ADD, &err), -E2BIG, MACS);
	assert_other("192.168.0.1/32");
	lease.mac[5] = 3;
	assert_int_equal(flannel_table_set(&table, &lease, FLANNEL_SET_ADD, &err),
			 FLANNEL_SET_ADDED);
}

static void refuses_networks_that_leave_leases_out(void **state)
{
	assert_int_equal(set("10.1.0.0/24", "192.168.0.1"), FLANNEL_SET_ADDED);
	assert_refused(limit("11.0.0.0/8", NULL, 100), -EINVAL, OUTSIDE);
	assert_about("10.1.0.0/24");
	assert_other("11.0.0.0/8");
	assert_refused(limit("10.1.0.0/25", NULL, 100), -EINVAL, OUTSIDE);
	assert_int_equal(table.network[FLANNEL_V4].len, 0);
	assert_int_equal(table.maxleases, FLANNEL_DEFAULT_MAXLEASES);
	assert_int_equal(limit("10.0.0.0/8", NULL, 100), 0);
	assert_int_equal(table.seq, 1);
}

/* Windows */

static void assert_direct(bool four, bool six)
{
	assert_int_equal(flannel_table_is_direct(&table, FLANNEL_V4), four);
	assert_int_equal(flannel_table_is_direct(&table, FLANNEL_V6), six);
}

static void window_comes_and_goes(void **state)
{
	assert_int_equal(set("10.1.0.0/24", "192.168.0.1"), FLANNEL_SET_ADDED);
	assert_direct(false, false);
	assert_int_equal(limit("10.0.0.0/8", NULL, 100), 0);
	assert_direct(true, false);
	assert_int_equal(set("10.1.0.128/25", "192.168.0.2"), FLANNEL_SET_ADDED);
	assert_direct(false, false);
	assert_true(leads_to("10.1.0.127", "192.168.0.1"));
	assert_true(leads_to("10.1.0.128", "192.168.0.2"));
	assert_int_equal(del("10.1.0.128/25"), 0);
	assert_direct(true, false);
	assert_true(leads_to("10.1.0.128", "192.168.0.1"));
	assert_int_equal(del("10.1.0.0/24"), 0);
	assert_direct(false, false);
	assert_null(lookup("10.1.0.1"));
	assert_int_equal(set("10.2.0.0/23", "192.168.0.1"), FLANNEL_SET_ADDED);
	assert_direct(true, false);
	assert_int_equal(limit(NULL, NULL, 100), 0);
	assert_direct(false, false);
	assert_true(leads_to("10.2.1.1", "192.168.0.1"));
}

static void window_edges4(void **state)
{
	assert_int_equal(limit("10.0.0.0/8", NULL, 100), 0);
	assert_int_equal(set("10.0.0.0/24", "192.168.0.1"), FLANNEL_SET_ADDED);
	assert_int_equal(set("10.255.255.0/24", "192.168.0.2"), FLANNEL_SET_ADDED);
	assert_int_equal(set("10.7.0.0/24", NULL), FLANNEL_SET_ADDED);
	assert_direct(true, false);
	assert_true(leads_to("10.0.0.0", "192.168.0.1"));
	assert_true(leads_to("10.0.0.255", "192.168.0.1"));
	assert_null(lookup("10.0.1.0"));
	assert_true(leads_to("10.255.255.0", "192.168.0.2"));
	assert_true(leads_to("10.255.255.255", "192.168.0.2"));
	assert_ptr_equal(lookup("10.7.0.9"), &flannel_vtep_local);
	assert_null(lookup("9.255.255.255"));
	assert_null(lookup("11.0.0.0"));
	assert_null(lookup("0.0.0.0"));
	assert_null(lookup("255.255.255.255"));
}

static void window_widths4(void **state)
{
	assert_int_equal(limit("10.0.0.0/24", NULL, 100), 0);
	assert_int_equal(set("10.0.0.0/24", "192.168.0.1"), FLANNEL_SET_ADDED);
	assert_direct(true, false);			/* no bit */
	assert_true(leads_to("10.0.0.255", "192.168.0.1"));
	assert_null(lookup("10.0.1.0"));
	assert_int_equal(limit("10.0.0.0/7", NULL, 100), 0);
	assert_direct(false, false);			/* 17 bits */
	assert_true(leads_to("10.0.0.255", "192.168.0.1"));
	assert_int_equal(limit("10.0.0.0/8", NULL, 100), 0);
	assert_direct(true, false);			/* 16 bits */
	assert_int_equal(del("10.0.0.0/24"), 0);
	assert_int_equal(limit("10.0.0.0/16", NULL, 100), 0);
	assert_int_equal(set("10.0.255.255/32", "192.168.0.1"), FLANNEL_SET_ADDED);
	assert_direct(true, false);
	assert_true(leads_to("10.0.255.255", "192.168.0.1"));
	assert_null(lookup("10.0.255.254"));
	assert_null(lookup("10.1.255.255"));
}

/* Network, lease, an address in it, one beside it, and whether it is direct. */
static void window_halves6(void **state)
{
	static const struct {
		const char *network, *lease, *in, *out, *far;
		bool direct;
	} trial[] = {
		{ "fd00::/48", "fd00:0:0:ffff::/64", "fd00::ffff:0:0:0:1", "fd00::1",
		  "fd00:0:1:ffff::1", true },
		{ "fd00::/47", "fd00::/64", "fd00::1", "fd00:0:0:1::", "fd01::", false },
		{ "fd00::/64", "fd00::/64", "fd00::ffff:ffff:ffff:ffff", "fd00:0:0:1::",
		  "fcff:ffff:ffff:ffff::", true },
		{ "fd00::/64", "fd00::ffff:0:0:0/80", "fd00::ffff:1:2:3", "fd00::fffe:1:2:3",
		  "fd00:0:0:1:ffff::", true },
		{ "fd00:0:0:5::/64", "fd00:0:0:5:8000::/65", "fd00:0:0:5:8000::1", "fd00:0:0:5::1",
		  "fd00:0:0:4:8000::1", true },
		{ "fd00::/63", "fd00:0:0:1::/65", "fd00:0:0:1::1", "fd00:0:0:1:8000::", "fd00::",
		  false },
		{ "fd00::/112", "fd00::ffff/128", "fd00::ffff", "fd00::fffe", "fd00::1:ffff",
		  true },
		{ "fd00::/128", "fd00::/128", "fd00::", "fd00::1", "fd00:0:0:1::", true },
		{ "fd00::/8", "fdff:ff00::/24", "fdff:ffff::1", "fdff:fe00::", "feff:ff00::",
		  true },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(trial); i++) {
		assert_int_equal(limit(NULL, trial[i].network, 100), 0);
		assert_int_equal(set(trial[i].lease, "192.168.0.1"), FLANNEL_SET_ADDED);
		assert_direct(false, trial[i].direct);
		assert_true(leads_to(trial[i].in, "192.168.0.1"));
		assert_null(lookup(trial[i].out));
		assert_null(lookup(trial[i].far));
		assert_int_equal(del(trial[i].lease), 0);
	}
}

/* Single changes */

static void local_and_back(void **state)
{
	struct flannel_vtep *vtep;

	assert_int_equal(set("10.1.0.0/24", "192.168.0.1"), FLANNEL_SET_ADDED);
	vtep = known("192.168.0.1");
	assert_non_null(vtep);
	assert_int_equal(set("10.2.0.0/24", "192.168.0.1"), FLANNEL_SET_ADDED);
	assert_int_equal(vtep->leases, 2);
	assert_int_equal(set("10.1.0.0/24", NULL), FLANNEL_SET_CHANGED);
	assert_int_equal(vtep->leases, 1);
	assert_ptr_equal(lookup("10.1.0.1"), &flannel_vtep_local);
	assert_int_equal(set("10.2.0.0/24", NULL), FLANNEL_SET_CHANGED);
	assert_null(known("192.168.0.1"));
	assert_int_equal(table.vteps, 0);
	assert_int_equal(set("10.1.0.0/24", "2001:db8::1"), FLANNEL_SET_CHANGED);
	assert_true(leads_to("10.1.0.1", "2001:db8::1"));
	assert_non_null(known("2001:db8::1"));
	assert_int_equal(table.locals, 1);
}

static void macs_of_one_address(void **state)
{
	struct flannel_spec lease = spec("10.1.0.0/24", "192.168.0.1", 1);
	struct flannel_vtep *first;

	assert_int_equal(set("10.1.0.0/24", "192.168.0.1"), FLANNEL_SET_ADDED);
	first = known("192.168.0.1");
	lease = spec("10.2.0.0/24", "192.168.0.1", 2);
	assert_int_equal(flannel_table_set(&table, &lease, FLANNEL_SET_ADD, &err),
			 FLANNEL_SET_ADDED);
	assert_int_equal(table.vteps, 2);
	assert_ptr_equal(lookup("10.1.0.1"), first);
	assert_ptr_not_equal(lookup("10.2.0.1"), first);
	assert_int_equal(del("10.1.0.0/24"), 0);
	assert_ptr_equal(known("192.168.0.1"), lookup("10.2.0.1"));
	assert_int_equal(del("10.2.0.0/24"), 0);
	assert_null(known("192.168.0.1"));
}

static void churn_stays_small(void **state)
{
	struct flannel_spec lease;
	size_t bytes = 0;
	u32 i;

	for (i = 0; i < 50000; i++) {
		lease = spec4(0x0a000000 + (i << 8), 24, 0xc0a80000 + i % 977);
		assert_int_equal(flannel_table_set(&table, &lease, FLANNEL_SET_ADD, &err),
				 FLANNEL_SET_ADDED);
		if (i >= 8) {
			lease = spec4(0x0a000000 + ((i - 8) << 8), 24, 0);
			assert_int_equal(flannel_table_del(&table, &lease.prefix, NULL, &err), 0);
		}
		if (i % 64 == 0)
			shim_grace_period();
		if (i == 1024)
			bytes = shim_bytes;
	}
	shim_grace_period();
	assert_int_equal(table.leases[FLANNEL_V4], 8);
	assert_int_equal(table.vteps, 8);
	assert_true(shim_bytes <= bytes + 8192);
	assert_non_null(lookup("10.195.79.1"));
	assert_null(lookup("10.195.70.1"));
}

/* Transactions */

static void commit_replaces(void **state)
{
	struct flannel_table *cand;
	struct flannel_vtep *kept, *other;
	struct flannel_diff diff;

	assert_int_equal(set("10.1.0.0/24", "192.168.0.1"), FLANNEL_SET_ADDED);
	assert_int_equal(set("10.2.0.0/24", "192.168.0.2"), FLANNEL_SET_ADDED);
	assert_int_equal(set("10.3.0.0/24", "192.168.0.3"), FLANNEL_SET_ADDED);
	kept = known("192.168.0.1");
	kept->path.early[0].value = 77;
	other = known("192.168.0.2");
	cand = flannel_candidate_create(&table);
	assert_int_equal(add(cand, "10.1.0.0/24", "192.168.0.1"), 0);
	assert_refused(add(cand, "10.1.0.0/24", "192.168.0.1"), -EEXIST, EXISTS);
	assert_int_equal(add(cand, "10.2.0.0/24", "192.168.0.1"), 0);
	assert_int_equal(add(cand, "fd00::/64", "2001:db8::7"), 0);
	assert_int_equal(kept->leases, 1);
	assert_true(leads_to("10.2.0.1", "192.168.0.2"));

	assert_int_equal(flannel_candidate_commit(cand, &table, false, &diff, &err), 0);
	assert_int_equal(diff.added, 1);
	assert_int_equal(diff.changed, 1);
	assert_int_equal(diff.removed, 1);
	assert_int_equal(table.seq, 4);
	assert_ptr_equal(lookup("10.1.0.1"), kept);
	assert_ptr_equal(lookup("10.2.0.1"), kept);
	assert_int_equal(kept->leases, 2);
	assert_int_equal(kept->refs.value, 2);
	assert_int_equal(kept->path.early[0].value, 77);
	assert_int_equal(other->leases, 0);
	assert_null(lookup("10.3.0.1"));
	assert_null(known("192.168.0.3"));
	end(cand);
	assert_int_equal(kept->refs.value, 1);
	assert_int_equal(table.vteps, 2);
	assert_refused(set("2001:db8::/64", "192.168.0.1"), -EINVAL, VTEP_INSIDE);
}

/* VTEPs below and above all that the table had before. */
static void commit_moves_the_bounds(void **state)
{
	struct flannel_table *cand;
	struct flannel_diff diff;

	assert_int_equal(set("10.1.0.0/24", "172.16.0.1"), FLANNEL_SET_ADDED);
	cand = flannel_candidate_create(&table);
	assert_int_equal(add(cand, "10.1.0.0/24", "11.0.0.1"), 0);
	assert_int_equal(add(cand, "10.2.0.0/24", "192.168.0.1"), 0);
	assert_int_equal(flannel_candidate_commit(cand, &table, false, &diff, &err), 0);
	end(cand);
	assert_refused(set("11.0.0.0/24", "172.16.0.1"), -EINVAL, VTEP_INSIDE);
	assert_refused(set("192.168.0.0/24", "172.16.0.1"), -EINVAL, VTEP_INSIDE);
	assert_int_equal(set("172.16.0.0/24", "192.168.0.1"), FLANNEL_SET_ADDED);
}

static void abort_changes_nothing(void **state)
{
	struct flannel_table *cand;
	struct flannel_vtep *vtep;

	assert_int_equal(set("10.1.0.0/24", "192.168.0.1"), FLANNEL_SET_ADDED);
	vtep = known("192.168.0.1");
	cand = flannel_candidate_create(&table);
	assert_int_equal(add(cand, "10.1.0.0/24", "192.168.0.1"), 0);
	assert_int_equal(add(cand, "10.2.0.0/24", "192.168.0.2"), 0);
	assert_int_equal(vtep->refs.value, 2);
	end(cand);
	assert_int_equal(vtep->refs.value, 1);
	assert_int_equal(vtep->leases, 1);
	assert_null(known("192.168.0.2"));
	assert_int_equal(table.seq, 1);
	flannel_candidate_free(NULL);
}

static void candidate_outlives_a_lease(void **state)
{
	struct flannel_table *cand;
	struct flannel_vtep *vtep;
	struct flannel_diff diff;

	assert_int_equal(set("10.1.0.0/24", "192.168.0.1"), FLANNEL_SET_ADDED);
	vtep = known("192.168.0.1");
	cand = flannel_candidate_create(&table);
	assert_int_equal(add(cand, "10.1.0.0/24", "192.168.0.1"), 0);
	assert_int_equal(del("10.1.0.0/24"), 0);
	shim_grace_period();
	assert_null(known("192.168.0.1"));
	assert_int_equal(vtep->refs.value, 1);
	assert_refused(flannel_candidate_commit(cand, &table, false, &diff, &err), -ESTALE, MOVED);
	assert_int_equal(flannel_candidate_commit(cand, &table, true, &diff, &err), 0);
	assert_ptr_equal(lookup("10.1.0.1"), vtep);
	assert_int_equal(diff.added, 1);
	end(cand);
}

/* Both made 192.168.0.9 for themselves; the live one has the counters. */
static void force_keeps_what_live_made(void **state)
{
	struct flannel_table *cand;
	struct flannel_vtep *vtep;
	struct flannel_diff diff;

	assert_int_equal(limit("10.0.0.0/8", NULL, 100), 0);
	cand = flannel_candidate_create(&table);
	assert_int_equal(add(cand, "10.1.0.0/24", "192.168.0.9"), 0);
	assert_int_equal(add(cand, "10.2.0.0/24", "192.168.0.9"), 0);
	assert_int_equal(add(cand, "fd00::/64", "192.168.0.9"), 0);
	assert_int_equal(set("10.1.0.0/24", "192.168.0.9"), FLANNEL_SET_ADDED);
	vtep = known("192.168.0.9");
	assert_int_equal(flannel_candidate_commit(cand, &table, true, &diff, &err), 0);
	assert_direct(true, false);
	assert_ptr_equal(known("192.168.0.9"), vtep);
	assert_ptr_equal(lookup("10.1.0.1"), vtep);
	assert_ptr_equal(lookup("10.2.0.1"), vtep);
	assert_ptr_equal(lookup("fd00::1"), vtep);
	assert_int_equal(diff.changed, 0);
	assert_int_equal(diff.added, 2);
	assert_int_equal(vtep->leases, 3);
	end(cand);
	assert_int_equal(vtep->refs.value, 1);
}

/* Each of these is found only at commit; the live table stays every time. */
static void commit_refuses(void **state)
{
	static const struct {
		const char *lease[2], *vtep[2];
		int code, why;
	} trial[] = {
		{ { "10.1.0.0/24", "10.1.0.0/25" }, { "192.168.0.1", NULL }, -EINVAL,
		  FLANNEL_REFUSED_OVERLAP_LOCAL },
		{ { "10.1.0.0/25", "10.1.0.0/24" }, { NULL, NULL }, -EINVAL,
		  FLANNEL_REFUSED_OVERLAP_LOCAL },
		{ { "10.1.0.0/24", "10.2.0.0/24" }, { "10.2.0.1", "192.168.0.1" }, -EINVAL,
		  FLANNEL_REFUSED_VTEP_INSIDE },
		{ { "fd00::/64", "10.2.0.0/24" }, { NULL, "fd00::5" }, -EINVAL,
		  FLANNEL_REFUSED_VTEP_INSIDE },
	};
	struct flannel_diff diff;
	struct flannel_table *cand;
	int i, j;

	assert_int_equal(set("10.9.0.0/24", "192.168.0.9"), FLANNEL_SET_ADDED);
	for (i = 0; i < ARRAY_SIZE(trial); i++) {
		cand = flannel_candidate_create(&table);
		for (j = 0; j < 2; j++)
			assert_int_equal(add(cand, trial[i].lease[j], trial[i].vtep[j]), 0);
		assert_int_equal(flannel_candidate_commit(cand, &table, false, &diff, &err),
				 trial[i].code);
		assert_int_equal(err.why, trial[i].why);
		end(cand);
		assert_true(leads_to("10.9.0.1", "192.168.0.9"));
		assert_int_equal(table.seq, 1);
	}
}

static void commit_meets_new_limits(void **state)
{
	struct flannel_table *cand = flannel_candidate_create(&table);
	struct flannel_diff diff;

	assert_int_equal(add(cand, "10.1.0.0/24", "192.168.0.1"), 0);
	assert_int_equal(add(cand, "11.1.0.0/24", "192.168.0.1"), 0);
	assert_int_equal(limit("10.0.0.0/8", NULL, 100), 0);
	assert_refused(flannel_candidate_commit(cand, &table, false, &diff, &err), -EINVAL,
		       OUTSIDE);
	assert_about("11.1.0.0/24");
	end(cand);

	cand = flannel_candidate_create(&table);
	assert_int_equal(add(cand, "10.1.0.0/24", "192.168.0.1"), 0);
	assert_int_equal(add(cand, "10.2.0.0/24", "192.168.0.1"), 0);
	assert_int_equal(limit("10.0.0.0/12", NULL, 1), 0);
	assert_refused(flannel_candidate_commit(cand, &table, false, &diff, &err), -ENOSPC, FULL);
	assert_int_equal(limit("10.0.0.0/12", NULL, 2), 0);
	assert_int_equal(flannel_candidate_commit(cand, &table, false, &diff, &err), 0);
	assert_direct(true, false);
	assert_int_equal(table.network[FLANNEL_V4].len, 12);
	end(cand);
}

static void flush_is_an_empty_commit(void **state)
{
	struct flannel_table *cand;
	struct flannel_diff diff;

	assert_int_equal(set("10.1.0.0/24", "192.168.0.1"), FLANNEL_SET_ADDED);
	assert_int_equal(set("fd00::/64", NULL), FLANNEL_SET_ADDED);
	cand = flannel_candidate_create(&table);
	assert_int_equal(flannel_candidate_commit(cand, &table, false, &diff, &err), 0);
	assert_int_equal(diff.removed, 2);
	assert_null(lookup("10.1.0.1"));
	assert_null(lookup("fd00::1"));
	assert_int_equal(table.leases[0] + table.leases[1] + table.vteps + table.locals, 0);
	end(cand);
	assert_int_equal(set("192.168.0.0/24", "10.1.0.1"), FLANNEL_SET_ADDED);
}

/* Walks */

static void cursors_survive(void **state)
{
	struct flannel_spec found, lease;
	struct flannel_table *cand;
	struct flannel_diff diff;
	u64 cursor, vteps;
	u32 i, round, steps;

	for (round = 0; round < 5; round++) {
		for (i = 0; i < 1000; i++) {
			lease = spec4(0x0a000000 + (i << 8), 24, 0xc0a80000 + i);
			flannel_table_set(&table, &lease, FLANNEL_SET_REPLACE, &err);
		}
		cursor = 0;
		vteps = 0;
		for (steps = 0; flannel_table_next_lease(&table, &cursor, &found); steps++) {
			assert_true(steps < 5000);
			flannel_table_next_vtep(&table, &vteps);
			lease = spec4(0x0a000000 + (steps << 8), 24, 0xc0a80000 + steps);
			if (round == 1)
				flannel_table_del(&table, &found.prefix, NULL, &err);
			lease.prefix.addr = flannel_ip_from4(htonl(0x0b000000 + (steps << 8)));
			if (round == 2 && steps < 3000)
				flannel_table_set(&table, &lease, FLANNEL_SET_ADD, &err);
			if (round != 3 || steps != 500)
				continue;
			cand = flannel_candidate_create(&table);
			assert_int_equal(add(cand, "10.0.0.0/24", "192.168.0.1"), 0);
			flannel_candidate_commit(cand, &table, false, &diff, &err);
			end(cand);
		}
		assert_false(flannel_table_next_lease(&table, &cursor, &found));
	}
	vteps = UINT64_MAX;
	cursor = UINT64_MAX;
	assert_false(flannel_table_next_lease(&table, &cursor, &found));
	assert_null(flannel_table_next_vtep(&table, &vteps));
}

/* Memory */

/* A table that must grow both hashes, with a window, at the next new lease. */
static void fill_to_the_brim(void)
{
	struct flannel_spec lease;
	u32 i;

	assert_int_equal(limit("10.0.0.0/8", NULL, 100), 0);
	for (i = 0; i < 12; i++) {
		lease = spec4(0x0a000000 + (i << 8), 24, 0xc0a80000 + i);
		assert_int_equal(flannel_table_set(&table, &lease, FLANNEL_SET_ADD, &err),
				 FLANNEL_SET_ADDED);
	}
}

static void model_of_table(struct model *model)
{
	struct flannel_spec found;
	u64 cursor = 0;

	memset(model, 0, sizeof(*model));
	memcpy(model->network, table.network, sizeof(model->network));
	model->maxleases = table.maxleases;
	while (flannel_table_next_lease(&table, &cursor, &found))
		assert_int_equal(model_set(model, &found, FLANNEL_SET_ADD), FLANNEL_SET_ADDED);
	model->seq = table.seq;
}

/* Runs @call with each of its allocations failing in turn; counts these. */
#define FAILING(count, model, call) \
	do { \
		size_t failures; \
		for ((count) = 0; ; (count)++) { \
			failures = shim_failures; \
			shim_fail_after = (count); \
			if (call >= 0) \
				break; \
			assert_int_equal(shim_failures, failures + 1); \
			assert_int_equal(err.why, FLANNEL_REFUSED_NO_MEMORY); \
			world_compare(&table, &(model)); \
		} \
		shim_fail_after = SIZE_MAX; \
	} while (0)

static void no_memory_leaves_the_table(void **state)
{
	struct model model;
	int failed;

	fill_to_the_brim();
	model_of_table(&model);
	FAILING(failed, model, set("10.9.0.0/24", "192.168.9.1"));
	assert_int_equal(failed, 5);	/* VTEP, lease, draft, two hashes */
	model_free(&model);
	model_of_table(&model);
	FAILING(failed, model, set("10.9.1.0/25", NULL));
	assert_int_equal(failed, 2);	/* lease, draft */
	model_free(&model);
	model_of_table(&model);
	FAILING(failed, model, del("10.9.1.0/25"));
	assert_int_equal(failed, 2);	/* draft, window */
	model_free(&model);
	model_of_table(&model);
	FAILING(failed, model, limit("10.0.0.0/9", NULL, 50));
	assert_int_equal(failed, 2);	/* draft, window */
	model_free(&model);
}

static void no_memory_in_a_transaction(void **state)
{
	struct flannel_table *cand = NULL;
	struct flannel_diff diff;
	struct model model;
	int failed;

	fill_to_the_brim();
	model_of_table(&model);
	for (failed = 0; !cand; failed++) {
		shim_fail_after = failed;
		cand = flannel_candidate_create(&table);
	}
	shim_fail_after = SIZE_MAX;
	assert_int_equal(failed, 6);	/* candidate, generation, three hashes; then none */
	FAILING(failed, model, add(cand, "10.9.0.0/24", "192.168.9.1"));
	assert_int_equal(failed, 4);	/* VTEP, lease, draft, window */
	FAILING(failed, model, add(cand, "10.9.1.0/24", "192.168.9.1"));
	assert_int_equal(failed, 1);
	assert_int_equal(limit("10.0.0.0/9", NULL, 50), 0);
	memcpy(model.network, table.network, sizeof(model.network));
	FAILING(failed, model, flannel_candidate_commit(cand, &table, false, &diff, &err));
	assert_int_equal(failed, 2);	/* draft, window */
	assert_true(leads_to("10.9.1.1", "192.168.9.1"));
	model_free(&model);
	end(cand);
}

static void no_memory_for_a_table(void **state)
{
	struct flannel_table other;
	struct mutex other_lock = {};
	int n = -1, ret;

	do {
		shim_fail_after = ++n;
		ret = flannel_table_init(&other, &other_lock);
		shim_fail_after = SIZE_MAX;
		flannel_table_destroy(&other);
	} while (ret);
	assert_int_equal(n, 4);
}

/* Scale */

static void replace_by(u32 count, struct flannel_spec (*nth)(u32 n), const char *what)
{
	struct flannel_table *cand = flannel_candidate_create(&table);
	struct flannel_diff diff;
	struct flannel_spec lease;
	double start = seconds(), added, done;
	u32 i;

	for (i = 0; i < count; i++) {
		lease = nth(i);
		assert_int_equal(flannel_candidate_add(cand, &table, &lease, &err), 0);
		if (i % 4096 == 0)
			shim_grace_period();
	}
	added = seconds();
	assert_int_equal(flannel_candidate_commit(cand, &table, false, &diff, &err), 0);
	done = seconds();
	assert_int_equal(diff.added + diff.changed + table.leases[0] + table.leases[1],
			 diff.added + diff.changed + count);
	end(cand);
	print_message("# %s: add %.2f s, commit %.2f s\n", what, added - start, done - added);
}

static void assert_finds(u32 count, struct flannel_spec (*nth)(u32 n))
{
	struct model_answer answer;
	struct flannel_spec lease;
	u32 i;

	for (i = 0; i < count; i++) {
		lease = nth(i);
		answer = world_lookup(&table, &lease.prefix.addr);
		assert_true(answer.what == MODEL_VTEP);
		assert_true(model_ip_equal(&answer.vtep, &lease.vtep));
	}
}

static struct flannel_spec one_length(u32 n)
{
	return spec4(0x0a000000 + (n << 8), 24, 0xac100000 + n);
}

/* Four lengths of either family, none inside another, sixteen leases a VTEP. */
static struct flannel_spec mixed(u32 n)
{
	struct flannel_spec lease = spec4(0x10000000 + (n << 8), 24 + n % 4, 0xac100000 + n / 16);

	if (n % 2 == 0)
		return lease;
	lease.prefix.addr.family = AF_INET6;
	lease.prefix.addr.ip6.s6_addr32[0] = htonl(0xfd000000 + (n >> 16));
	lease.prefix.addr.ip6.s6_addr32[1] = htonl(n << 16);
	lease.prefix.len = 56 + n % 4;
	return lease;
}

static void print_memory(const char *what, u32 count, size_t before)
{
	size_t vteps = (size_t)table.vteps * sizeof(struct flannel_vtep);

	print_message("# %s: %.1f bytes a lease, %.1f with its share of %u VTEPs\n", what,
		      (double)(shim_bytes - before - vteps) / count,
		      (double)(shim_bytes - before) / count, table.vteps);
}

static void leases_65536(void **state)
{
	size_t before;

	assert_int_equal(limit("10.0.0.0/8", NULL, 1048576), 0);
	shim_grace_period();
	before = shim_bytes;
	replace_by(65536, one_length, "65536 of one length");
	shim_grace_period();
	print_memory("65536 of one length", 65536, before);
	assert_direct(true, false);
	assert_finds(65536, one_length);
	assert_int_equal(limit(NULL, NULL, 1048576), 0);
	assert_direct(false, false);
	assert_finds(65536, one_length);
	replace_by(65536, one_length, "the same again");
	assert_int_equal(table.vteps, 65536);
}

static void leases_1000000(void **state)
{
	size_t before = shim_bytes;

	replace_by(1000000, mixed, "1000000 mixed");
	shim_grace_period();
	print_memory("1000000 mixed", 1000000, before);
	assert_finds(1000000, mixed);
	replace_by(1000000, mixed, "the same again");
	assert_null(lookup("9.255.255.255"));
}

/* Growing one by one, in the live table, with the reader on everybody's heels */
static void grows_in_place(void **state)
{
	struct flannel_spec lease;
	u32 i;

	for (i = 0; i < 20000; i++) {
		lease = mixed(i);
		assert_int_equal(flannel_table_set(&table, &lease, FLANNEL_SET_ADD, &err),
				 FLANNEL_SET_ADDED);
	}
	assert_finds(20000, mixed);
	for (i = 0; i < 20000; i++) {
		lease = mixed(i);
		assert_int_equal(flannel_table_del(&table, &lease.prefix, NULL, &err), 0);
		if (i % 1000 == 0)
			shim_grace_period();
	}
	assert_int_equal(table.vteps, 0);
	assert_null(lookup("16.0.0.1"));
}

/* Random operations */

static u32 seeded(u64 *seed)
{
	*seed = *seed * 6364136223846793005 + 1442695040888963407;
	return *seed >> 33;
}

static void run(const u8 *data, size_t len, const char *what, u32 number)
{
	snprintf(shim_note, sizeof(shim_note), "%s %u", what, number);
	world_run(data, len);
	shim_note[0] = '\0';
}

static void random_operations(void **state)
{
	static u8 data[12000];
	u32 number;
	u64 seed;
	int i;

	for (number = 0; number < SEEDS; number++) {
		seed = number;
		for (i = 0; i < sizeof(data); i++)
			data[i] = seeded(&seed);
		data[0] = number;
		run(data, sizeof(data), "seed", number);
	}
	for (i = FLANNEL_REFUSED_NOT; i <= FLANNEL_REFUSED_MACS; i++)
		assert_true(world_seen[i] > 10);
	print_message("# %lu operations done, %lu stores watched\n", world_seen[0], world_stores);
}

/* Copies, repeats, drops and changes bytes. */
static size_t mutate(u8 *data, size_t len, size_t room, u64 *seed)
{
	static const u8 special[] = { 0, 255, 252, 240, 64, 1 };
	size_t at, from, run, i;
	int times = 1 + seeded(seed) % 8;

	while (times--) {
		at = seeded(seed) % len;
		from = seeded(seed) % len;
		run = seeded(seed) % 24;
		if (run > len - at || run > len - from)
			run = 1;
		switch (seeded(seed) % 4) {
		case 0:
			data[at] ^= 1 << seeded(seed) % 8;
			break;
		case 1:
			data[at] = special[seeded(seed) % sizeof(special)];
			break;
		case 2:
			memmove(data + at, data + from, run);
			break;
		default:
			for (i = 0; i < run && len < room; i++)
				data[len++] = data[from + i];
		}
	}
	return len;
}

static void fuzzed_operations(void **state)
{
	static u8 pool[8][1500];
	size_t len[8];
	u64 seed = 4711;
	u32 round, which;
	int i, j;

	for (i = 0; i < 8; i++)
		for (j = 0, len[i] = 400; j < 400; j++)
			pool[i][j] = seeded(&seed);
	for (round = 0; round < ROUNDS; round++) {
		which = seeded(&seed) % 8;
		if (seeded(&seed) % 4 == 0)
			memcpy(pool[which], pool[seeded(&seed) % 8], 400);
		len[which] = mutate(pool[which], len[which], sizeof(pool[0]), &seed);
		run(pool[which], len[which], "round", round);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes_agree_with_model),
		cmocka_unit_test(nobodys_prefixes),
		TEST(refuses_bad_prefixes),
		TEST(refuses_by_mode),
		TEST(refuses_overlap_with_local),
		TEST(refuses_vteps_inside_leases),
		TEST(refuses_too_many_lengths),
		TEST(refuses_too_many_leases),
		TEST(refuses_too_many_locals),
		TEST(refuses_too_many_macs),
		TEST(refuses_networks_that_leave_leases_out),
		TEST(window_comes_and_goes),
		TEST(window_edges4),
		TEST(window_widths4),
		TEST(window_halves6),
		TEST(local_and_back),
		TEST(macs_of_one_address),
		TEST(churn_stays_small),
		TEST(commit_replaces),
		TEST(commit_moves_the_bounds),
		TEST(abort_changes_nothing),
		TEST(candidate_outlives_a_lease),
		TEST(force_keeps_what_live_made),
		TEST(commit_refuses),
		TEST(commit_meets_new_limits),
		TEST(flush_is_an_empty_commit),
		TEST(cursors_survive),
		TEST(no_memory_leaves_the_table),
		TEST(no_memory_in_a_transaction),
		TEST(no_memory_for_a_table),
		TEST(grows_in_place),
		TEST(leases_65536),
		TEST(leases_1000000),
		cmocka_unit_test(random_operations),
		cmocka_unit_test(fuzzed_operations),
	};

	setvbuf(stdout, NULL, _IOLBF, 0);	/* what was said is not lost in a crash */
	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
