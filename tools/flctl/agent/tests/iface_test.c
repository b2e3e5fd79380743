// SPDX-License-Identifier: GPL-2.0
/* Which interface and addresses are chosen, and the questions behind that. */

#include "host.h"
#include "iface.h"

static const char *const none[] = { NULL };

struct test {
	struct host host;
	struct iface_options options;
	struct iface iface;
	struct error error;
};

/* Two NICs, the default routes by eth0. */
static void set_up(struct test *t)
{
	memset(t, 0, sizeof(*t));
	host_open(&t->host);
	host_link(&t->host, 1, "lo")->flags |= IFF_LOOPBACK;
	host_link(&t->host, 2, "eth0");
	host_link(&t->host, 3, "eth1")->mtu = 9000;
	host_addr(&t->host, 1, "127.0.0.1/8");
	host_addr(&t->host, 1, "::1/128");
	host_addr(&t->host, 2, "192.0.2.10/24");
	host_addr(&t->host, 2, "2001:db8::10/64");
	host_addr(&t->host, 3, "198.51.100.7/24");
	host_addr(&t->host, 3, "2001:db8:1::7/64");
	host_route(&t->host, "0.0.0.0/0", "192.0.2.1", 2);
	host_route(&t->host, "::/0", "fe80::1", 2);
	host_route(&t->host, "192.0.2.0/24", NULL, 2);
	host_route(&t->host, "198.51.100.0/24", NULL, 3);
	t->options.iface = (const char **)none;
	t->options.regex = (const char **)none;
}

static bool choose(struct test *t, bool v4, bool v6)
{
	return iface_choose(&t->host.facts, &t->options, v4, v6, &t->iface, &t->error);
}

static void is_addr(const struct addr *addr, const char *text)
{
	char found[ADDR_TEXT] = "none";

	if (addr->family)
		format_addr(addr, found);
	assert_string_equal(found, text);
}

static void is_error(const struct test *t, const char *text)
{
	if (!strstr(t->error.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, t->error.text);
}

static void default_route(void **state)
{
	struct test t;

	(void)state;
	set_up(&t);
	assert_true(choose(&t, true, false));
	assert_int_equal(t.iface.ifindex, 2);
	assert_string_equal(t.iface.name, "eth0");
	assert_int_equal(t.iface.mtu, 1500);
	is_addr(&t.iface.bind4, "192.0.2.10");
	is_addr(&t.iface.public4, "192.0.2.10");
	is_addr(&t.iface.bind6, "none");
	is_addr(&t.iface.public6, "none");
	assert_string_equal(t.iface.why, "default route");
	assert_true(choose(&t, true, true));
	is_addr(&t.iface.bind6, "2001:db8::10");
	assert_true(choose(&t, false, true));
	is_addr(&t.iface.bind4, "none");
	is_addr(&t.iface.public6, "2001:db8::10");
}

static void default_metric(void **state)
{
	struct test t;

	(void)state;
	set_up(&t);
	t.host.routes[0].metric = 100;
	host_route(&t.host, "0.0.0.0/0", "198.51.100.1", 3)->metric = 50;
	assert_true(choose(&t, true, false));
	assert_string_equal(t.iface.name, "eth1");
	t.host.routes[0].metric = 10;
	assert_true(choose(&t, true, false));
	assert_string_equal(t.iface.name, "eth0");
	t.host.routes[0].metric = 100;
	assert_false(choose(&t, true, true));
	is_error(&t, "the IPv4 default route leads to eth1, the IPv6 one to eth0");
	t.host.routes[4].type = RTN_UNREACHABLE;
	assert_true(choose(&t, true, true));
	t.host.routes[4].type = RTN_UNICAST;
	t.host.routes[4].protocol = FLANNEL_ROUTE_PROTOCOL;
	assert_true(choose(&t, true, true));
}

static void no_default(void **state)
{
	struct test t;

	(void)state;
	set_up(&t);
	t.host.routes[0].dst.len = 1;
	assert_false(choose(&t, true, false));
	is_error(&t, "there is no IPv4 default route");
	assert_true(choose(&t, false, true));
	t.host.routes[1].dst.len = 1;
	assert_false(choose(&t, false, true));
	is_error(&t, "there is no IPv6 default route");
}

static void ranking(void **state)
{
	struct fact_addr *addr;
	struct test t;

	(void)state;
	set_up(&t);
	host_link(&t.host, 4, "eth2");
	t.options.iface = (const char *[]){ "eth2", NULL };
	assert_false(choose(&t, false, true));
	is_error(&t, "--iface eth2: eth2 has no IPv6 address that can be used");
	addr = host_addr(&t.host, 4, "2001:db8:2::dead/64");
	addr->flags = IFA_F_PERMANENT | IFA_F_DEPRECATED;
	assert_false(choose(&t, false, true));
	host_addr(&t.host, 4, "fe80::4/64")->scope = RT_SCOPE_LINK;
	assert_true(choose(&t, false, true));
	is_addr(&t.iface.bind6, "fe80::4");
	host_addr(&t.host, 4, "2001:db8:2::1/64")->flags = IFA_F_TEMPORARY;
	assert_true(choose(&t, false, true));
	is_addr(&t.iface.bind6, "2001:db8:2::1");
	host_addr(&t.host, 4, "2001:db8:2::2/64")->flags = 0;
	assert_true(choose(&t, false, true));
	is_addr(&t.iface.bind6, "2001:db8:2::2");
	host_addr(&t.host, 4, "2001:db8:2::3/64");
	host_addr(&t.host, 4, "2001:db8:2::4/64");
	assert_true(choose(&t, false, true));
	is_addr(&t.iface.bind6, "2001:db8:2::3");
}

/* Of IPv4 addresses the bit of temporary ones says secondary. */
static void ranking4(void **state)
{
	struct test t;

	(void)state;
	set_up(&t);
	host_link(&t.host, 4, "eth2");
	t.options.iface = (const char *[]){ "eth2", NULL };
	host_addr(&t.host, 4, "169.254.7.7/16");
	host_addr(&t.host, 4, "203.0.113.9/24")->scope = RT_SCOPE_LINK;
	host_addr(&t.host, 4, "203.0.113.1/24")->flags = 0;
	assert_true(choose(&t, true, false));
	is_addr(&t.iface.bind4, "203.0.113.1");
	host_addr(&t.host, 4, "203.0.113.2/24")->flags |= IFA_F_SECONDARY;
	assert_true(choose(&t, true, false));
	is_addr(&t.iface.bind4, "203.0.113.2");
	t.options.iface = (const char *[]){ "lo", NULL };
	assert_false(choose(&t, true, false));
	is_error(&t, "lo has no IPv4 address");
}

static void first_hit(void **state)
{
	struct test t;

	(void)state;
	set_up(&t);
	t.options.iface = (const char *[]){ "eth9", "203.0.113.99", "eth1", "eth0", NULL };
	t.options.regex = (const char *[]){ "eth0", NULL };
	t.options.can_reach = "192.0.2.77";
	assert_true(choose(&t, true, true));
	assert_string_equal(t.iface.name, "eth1");
	assert_string_equal(t.iface.why, "--iface eth1");
	t.options.iface = (const char *[]){ "eth9", NULL };
	t.options.regex = (const char *[]){ "wlan", "^eth1$", NULL };
	assert_true(choose(&t, true, true));
	assert_string_equal(t.iface.why, "--iface-regex ^eth1$");
	t.options.regex = (const char *[]){ "wlan", NULL };
	assert_true(choose(&t, true, true));
	assert_string_equal(t.iface.why, "--iface-can-reach 192.0.2.77");
	assert_string_equal(t.iface.name, "eth0");
}

/* Options that name nothing do not end at the default route. */
static void no_hit(void **state)
{
	struct test t;

	(void)state;
	set_up(&t);
	t.options.iface = (const char *[]){ "eth9", "203.0.113.99", NULL };
	t.options.regex = (const char *[]){ "wlan", "(", NULL };
	t.options.can_reach = "eth0";
	assert_false(choose(&t, true, true));
	is_error(&t, "--iface eth9: there is no interface of that name");
	is_error(&t, "--iface 203.0.113.99: no interface has the address 203.0.113.99");
	is_error(&t, "--iface-regex wlan fits no interface");
	is_error(&t, "--iface-regex ( is not a POSIX extended regular expression");
}

static void by_address(void **state)
{
	struct test t;

	(void)state;
	set_up(&t);
	host_addr(&t.host, 3, "198.51.100.8/24");
	t.options.iface = (const char *[]){ "198.51.100.8", NULL };
	assert_true(choose(&t, true, true));
	is_addr(&t.iface.bind4, "198.51.100.8");
	is_addr(&t.iface.bind6, "2001:db8:1::7");
	t.options.iface = (const char *[]){ "2001:db8:1::7", NULL };
	assert_true(choose(&t, true, false));
	is_addr(&t.iface.bind4, "198.51.100.7");
	is_addr(&t.iface.bind6, "none");
}

static void by_regex(void **state)
{
	struct fact_link *overlay;
	struct test t;

	(void)state;
	set_up(&t);
	t.options.regex = (const char *[]){ "^198\\.51\\.", NULL };
	assert_true(choose(&t, true, true));
	assert_string_equal(t.iface.name, "eth1");
	t.options.regex = (const char *[]){ "^2001:db8:1:", NULL };
	assert_true(choose(&t, true, true));
	assert_string_equal(t.iface.name, "eth1");
	t.options.regex = (const char *[]){ "^eth", NULL };
	assert_true(choose(&t, true, true));
	assert_string_equal(t.iface.name, "eth0");
	/* addresses go before names */
	host_link(&t.host, 4, "n198");
	host_addr(&t.host, 4, "203.0.113.1/24");
	t.options.regex = (const char *[]){ "198", NULL };
	assert_true(choose(&t, true, false));
	assert_string_equal(t.iface.name, "eth1");
	/* what is down, lo and overlays are no underlay */
	t.host.links[2].flags = 0;
	overlay = host_link(&t.host, 5, "flannel.1");
	snprintf(overlay->kind, sizeof(overlay->kind), "vxlan");
	host_addr(&t.host, 5, "198.51.100.200/32");
	host_addr(&t.host, 1, "198.51.100.201/32");
	t.options.regex = (const char *[]){ "^198|^127", NULL };
	assert_false(choose(&t, true, false));
	t.options.iface = (const char *[]){ "flannel.1", NULL };
	assert_false(choose(&t, true, false));
	is_error(&t, "flannel.1 is an overlay device itself");
}

static void by_reach(void **state)
{
	struct test t;

	(void)state;
	set_up(&t);
	t.options.can_reach = "198.51.100.77";
	assert_true(choose(&t, true, false));
	is_addr(&t.iface.bind4, "198.51.100.7");
	host_addr(&t.host, 3, "198.51.100.8/24");
	t.host.routes[3].src = an_addr("198.51.100.8");
	assert_true(choose(&t, true, false));
	is_addr(&t.iface.bind4, "198.51.100.8");
	t.options.can_reach = "2001:db8:1::7";
	assert_true(choose(&t, true, true));
	assert_string_equal(t.iface.name, "eth1");
	t.host.routes[3].type = RTN_BLACKHOLE;
	t.options.can_reach = "198.51.100.77";
	assert_false(choose(&t, true, false));
	is_error(&t, "--iface-can-reach 198.51.100.77: there is no route");
	t.options.can_reach = "example.org";
	assert_false(choose(&t, true, false));
	is_error(&t, "is not an IPv4 or IPv6 address");
}

/* D9: what is behind NAT is told to peers and never bound to. */
static void d09_public_is_not_bound_to(void **state)
{
	struct test t;

	(void)state;
	set_up(&t);
	t.options.public_ip = "203.0.113.50";
	t.options.public_ip6 = "";
	assert_true(choose(&t, true, true));
	assert_string_equal(t.iface.name, "eth0");
	is_addr(&t.iface.bind4, "192.0.2.10");
	is_addr(&t.iface.public4, "203.0.113.50");
	is_addr(&t.iface.public6, "2001:db8::10");
	t.options.public_ip = "198.51.100.7";
	assert_true(choose(&t, true, true));
	assert_string_equal(t.iface.name, "eth1");
	is_addr(&t.iface.bind4, "198.51.100.7");
	t.options.public_ip = "203.0.113.50";
	t.options.public_ip6 = "2001:db8:1::7";
	assert_true(choose(&t, true, true));
	assert_string_equal(t.iface.name, "eth1");
	is_addr(&t.iface.public4, "203.0.113.50");
	t.options.iface = (const char *[]){ "eth0", NULL };
	assert_true(choose(&t, true, true));
	assert_string_equal(t.iface.name, "eth0");
	is_addr(&t.iface.public6, "2001:db8:1::7");
	is_addr(&t.iface.bind6, "2001:db8::10");
}

static void bad_public(void **state)
{
	static const char *const bad[] = { "x", "::1", "224.0.0.1", "127.0.0.1", "0.0.0.0",
					   "255.255.255.255" };
	struct test t;
	size_t i;

	(void)state;
	set_up(&t);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		t.options.public_ip = bad[i];
		assert_false(choose(&t, true, false));
		is_error(&t, "is not a unicast IPv4 address");
		is_error(&t, bad[i]);
	}
	t.options.public_ip = NULL;
	t.options.public_ip6 = "ff02::1";
	assert_false(choose(&t, true, false));
	is_error(&t, "--public-ipv6: \"ff02::1\" is not a unicast IPv6 address");
}

static void no_mtu(void **state)
{
	struct test t;

	(void)state;
	set_up(&t);
	t.host.links[1].mtu = 0;
	assert_false(choose(&t, true, false));
	is_error(&t, "eth0 has an MTU of 0");
	assert_false(choose(&t, false, false));
	is_error(&t, "neither IPv4 nor IPv6");
}

/* However much did not fit, the sentence ends in time. */
static void long_errors(void **state)
{
	const char *many[64];
	struct test t;
	size_t i;

	(void)state;
	set_up(&t);
	for (i = 0; i < ARRAY_SIZE(many) - 1; i++)
		many[i] = "an-interface-of-a-name-that-is-much-too-long-to-be-one-of-any-interface";
	many[i] = NULL;
	t.options.iface = many;
	assert_false(choose(&t, true, false));
	assert_true(strlen(t.error.text) < sizeof(t.error.text));
}

static void prefixes(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool in;
	} cases[] = {
		{ "10.42.0.0/16", "10.42.255.255", true }, { "10.42.0.0/16", "10.43.0.0", false },
		{ "10.42.0.0/15", "10.43.0.0", true }, { "10.42.1.128/25", "10.42.1.127", false },
		{ "10.42.1.1/32", "10.42.1.1", true }, { "10.42.1.1/32", "10.42.1.0", false },
		{ "0.0.0.0/0", "1.2.3.4", true }, { "0.0.0.0/0", "::1", false },
		{ "::/0", "1.2.3.4", false }, { "fd00::/8", "fdff::1", true },
		{ "fd00::1/128", "fd00::1", true }, { "fd00::1/128", "fd00::", false },
		{ "fd00::/127", "fd00::2", false },
	};
	struct prefix wide = a_prefix("10.42.0.0/16"), narrow = a_prefix("10.42.3.0/24");
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct prefix prefix = a_prefix(cases[i].prefix);
		struct addr addr = an_addr(cases[i].addr);

		if (prefix_contains(&prefix, &addr) != cases[i].in)
			fail_msg("%s in %s", cases[i].addr, cases[i].prefix);
	}
	assert_true(prefix_covers(&wide, &narrow));
	assert_true(prefix_covers(&wide, &wide));
	assert_false(prefix_covers(&narrow, &wide));
}

static void route_to(void **state)
{
	struct addr addr = an_addr("198.51.100.9");
	const struct fact_route *route;
	struct test t;

	(void)state;
	set_up(&t);
	assert_ptr_equal(facts_route_to(&t.host.facts, &addr, 0), &t.host.routes[3]);
	route = host_route(&t.host, "198.51.100.0/24", NULL, 2);
	t.host.routes[3].metric = 7;
	assert_ptr_equal(facts_route_to(&t.host.facts, &addr, 0), route);
	route = host_route(&t.host, "198.51.100.8/31", "192.0.2.9", 2);
	t.host.routes[5].protocol = FLANNEL_ROUTE_PROTOCOL;
	t.host.routes[5].metric = 99;
	assert_ptr_equal(facts_route_to(&t.host.facts, &addr, 0), route);
	assert_ptr_equal(facts_route_to(&t.host.facts, &addr, FLANNEL_ROUTE_PROTOCOL),
			 &t.host.routes[4]);
	addr = an_addr("203.0.113.1");
	assert_ptr_equal(facts_route_to(&t.host.facts, &addr, 0), &t.host.routes[0]);
	t.host.facts.route_count = 0;
	assert_null(facts_route_to(&t.host.facts, &addr, 0));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_route), cmocka_unit_test(default_metric),
		cmocka_unit_test(no_default), cmocka_unit_test(ranking),
		cmocka_unit_test(ranking4), cmocka_unit_test(first_hit),
		cmocka_unit_test(no_hit), cmocka_unit_test(by_address),
		cmocka_unit_test(by_regex), cmocka_unit_test(by_reach),
		cmocka_unit_test(d09_public_is_not_bound_to), cmocka_unit_test(bad_public),
		cmocka_unit_test(no_mtu), cmocka_unit_test(long_errors),
		cmocka_unit_test(prefixes), cmocka_unit_test(route_to),
	};

	return cmocka_run_group_tests_name("iface", tests, NULL, NULL);
}
