// SPDX-License-Identifier: GPL-2.0
/* What is stock flannel's of this network, and what only looks like it. */

#include <time.h>

#include "host.h"
#include "stock.h"

#define ETH0	2
#define VXLAN4	5
#define VXLAN6	6

struct scene {
	struct host host;
	struct net_config config;
	struct record own, peer;
	struct record_list peers;
	struct plan_input input;
	struct stock_links links;
};

/* 10.42.0.0/16 and fd42::/48 on eth0, stock flannel's devices, one peer. */
static void set_up(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	host_open(&s->host);
	host_link(&s->host, ETH0, "eth0");
	host_route(&s->host, "192.0.2.0/24", NULL, ETH0);
	host_route(&s->host, "2001:db8::/64", NULL, ETH0);
	s->config.v4.network = a_prefix("10.42.0.0/16");
	s->config.v4.subnet_len = 24;
	s->config.v6.network = a_prefix("fd42::/48");
	s->config.v6.subnet_len = 64;
	s->config.vni = 1;
	s->config.port = 8472;
	s->own.subnet4 = a_prefix("10.42.1.0/24");
	s->own.subnet6 = a_prefix("fd42:0:0:1::/64");
	s->peer.subnet4 = a_prefix("10.42.2.0/24");
	s->peer.public4 = an_addr("192.0.2.2");
	s->peer.subnet6 = a_prefix("fd42:0:0:2::/64");
	s->peer.public6 = an_addr("2001:db8::2");
	s->peers.record = &s->peer;
	s->peers.count = 1;
	s->input.config = &s->config;
	s->input.own = &s->own;
	s->input.peers = &s->peers;
	s->input.facts = &s->host.facts;
}

static struct fact_link *vxlan(struct scene *s, int ifindex, const char *name)
{
	struct fact_link *link = host_link(&s->host, ifindex, name);

	strcpy(link->kind, "vxlan");
	link->vxlan.vni = 1;
	link->vxlan.port = 8472;
	return link;
}

static void set_up_vxlan(struct scene *s)
{
	set_up(s);
	vxlan(s, VXLAN4, "flannel.1");
	vxlan(s, VXLAN6, "flannel-v6.1");
	assert_true(stock_find_links(&s->config, &s->host.facts, &s->links, NULL));
}

static struct fact_route *boot(struct scene *s, const char *dst, const char *via, int oif)
{
	struct fact_route *route = host_route(&s->host, dst, via, oif);

	route->protocol = RTPROT_BOOT;
	route->metric = route->dst.addr.family == AF_INET6 ? 1024 : 0;
	return route;
}

static enum stock_route judge(const struct scene *s, const struct fact_route *route)
{
	struct stock_index index;
	enum stock_route which;

	assert_true(stock_index_make(&index, &s->input));
	which = stock_route(&s->input, &index, &s->links, route);
	stock_index_free(&index);
	return which;
}

/* Devices */

static void finds_both_devices(void **state)
{
	struct scene s;

	(void)state;
	set_up_vxlan(&s);
	assert_int_equal(s.links.v4->ifindex, VXLAN4);
	assert_int_equal(s.links.v6->ifindex, VXLAN6);
}

static void finds_none(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	strcpy(host_link(&s.host, 7, "flannel.1")->kind, "flannel");
	strcpy(host_link(&s.host, 8, "flannel-v6.1")->kind, "bridge");
	vxlan(&s, 9, "flannel.2");
	assert_true(stock_find_links(&s.config, &s.host.facts, &s.links, NULL));
	assert_null(s.links.v4);
	assert_null(s.links.v6);
}

/* host-gw has no device, so one of that name is somebody else's. */
static void host_gw_takes_no_device(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	vxlan(&s, VXLAN4, "flannel.1")->vxlan.vni = 7;
	s.config.backend = BACKEND_HOST_GW;
	assert_true(stock_find_links(&s.config, &s.host.facts, &s.links, NULL));
	assert_null(s.links.v4);
}

static void names_the_difference(void **state)
{
	struct fact_link *link;
	struct error error;
	struct scene s;

	(void)state;
	set_up(&s);
	link = vxlan(&s, VXLAN6, "flannel-v6.1");
	link->vxlan.vni = 7;
	assert_false(stock_find_links(&s.config, &s.host.facts, &s.links, &error));
	assert_non_null(strstr(error.text, "flannel-v6.1 is a vxlan of VNI 7, the network has VNI 1"));
	link->vxlan.vni = 1;
	link->vxlan.port = 4789;
	assert_false(stock_find_links(&s.config, &s.host.facts, &s.links, &error));
	assert_non_null(strstr(error.text, "port 4789, the network has port 8472"));
}

/* Routes */

static void routes_of_stock_flannel(void **state)
{
	struct fact_route *route;
	struct scene s;

	(void)state;
	set_up_vxlan(&s);
	route = boot(&s, "10.42.2.0/24", "10.42.2.0", VXLAN4);
	route->onlink = true;
	assert_int_equal(judge(&s, route), STOCK_DEVICE);
	route = boot(&s, "fd42:0:0:7::/64", "fd42:0:0:7::", VXLAN6);
	route->onlink = true;
	assert_int_equal(judge(&s, route), STOCK_DEVICE);
	assert_int_equal(judge(&s, boot(&s, "10.42.2.0/24", "192.0.2.2", ETH0)), STOCK_PEER);
	assert_int_equal(judge(&s, boot(&s, "fd42:0:0:2::/64", "2001:db8::2", ETH0)), STOCK_PEER);
	assert_int_equal(judge(&s, boot(&s, "10.42.7.0/24", "192.0.2.7", ETH0)), STOCK_FORMER);
	/* A present peer's subnet by another's address: it has moved. */
	assert_int_equal(judge(&s, boot(&s, "10.42.2.0/24", "192.0.2.9", ETH0)), STOCK_FORMER);
	route = boot(&s, "10.42.1.0/24", NULL, 0);
	route->type = RTN_BLACKHOLE;
	route->protocol = RTPROT_BOOT;
	assert_int_equal(judge(&s, route), STOCK_BLACKHOLE);
}

static void is_foreign(struct scene *s, const struct fact_route *route)
{
	char text[PREFIX_TEXT];

	if (judge(s, route) != STOCK_FOREIGN)
		fail_msg("%s, route %zu, is taken for stock flannel's",
			 format_prefix(&route->dst, text), s->host.facts.route_count);
}

static void routes_of_others(void **state)
{
	struct fact_route *route;
	struct scene s;

	(void)state;
	set_up_vxlan(&s);
	host_link(&s.host, 9, "cni0");
	is_foreign(&s, host_route(&s.host, "10.42.1.0/24", NULL, 9));
	is_foreign(&s, boot(&s, "10.42.1.0/24", NULL, 9));
	is_foreign(&s, host_route(&s.host, "10.42.2.0/24", "192.0.2.2", ETH0));
	is_foreign(&s, boot(&s, "10.43.2.0/24", "192.0.2.2", ETH0));
	is_foreign(&s, boot(&s, "10.42.7.0/25", "192.0.2.7", ETH0));
	is_foreign(&s, boot(&s, "10.42.0.0/16", "192.0.2.7", ETH0));
	/* By a router that is not on the link. */
	is_foreign(&s, boot(&s, "10.42.7.0/24", "198.51.100.7", ETH0));
	is_foreign(&s, boot(&s, "fd42:0:0:2::/65", "2001:db8::2", ETH0));
	route = boot(&s, "10.42.2.0/24", "192.0.2.2", ETH0);
	route->metric = 100;
	is_foreign(&s, route);
	route->metric = 0;
	route->mtu = 1400;
	is_foreign(&s, route);
	route->mtu = 0;
	route->multipath = true;
	is_foreign(&s, route);
	route->multipath = false;
	route->src = an_addr("192.0.2.1");
	is_foreign(&s, route);
	route = boot(&s, "10.42.3.0/24", NULL, 0);
	route->type = RTN_BLACKHOLE;
	is_foreign(&s, route);
}

/* Rules */

static enum stock_owner owner_of(const char *line)
{
	const struct prefix network = a_prefix("10.42.0.0/16");
	struct iptables_rule rule;

	iptables_cut(line, &rule);
	return stock_iptables_rule(&rule, &network);
}

#define MASQ	"-m comment --comment \"flanneld masq\" "

static void rules_of_iptables(void **state)
{
	(void)state;
	assert_int_equal(owner_of("-A F -m mark --mark 0x4000/0x4000 " MASQ "-j RETURN"),
			 STOCK_NOBODY);
	assert_int_equal(owner_of("-A F -s 10.42.1.0/24 -d 10.42.0.0/16 " MASQ "-j RETURN"),
			 STOCK_OURS);
	assert_int_equal(owner_of("-A F ! -s 10.42.0.0/16 -d 10.42.1.0/24 " MASQ "-j RETURN"),
			 STOCK_OURS);
	assert_int_equal(owner_of("-A F -s 10.42.0.0/16 ! -d 224.0.0.0/4 " MASQ "-j MASQUERADE"),
			 STOCK_OURS);
	assert_int_equal(owner_of("-A F -s 10.99.0.0/16 ! -d 224.0.0.0/4 " MASQ "-j MASQUERADE"),
			 STOCK_OTHER);
	assert_int_equal(owner_of("-A F -s 10.0.0.0/8 -d 10.42.0.0/16 " MASQ "-j RETURN"),
			 STOCK_OTHER);
	assert_int_equal(owner_of("-A F -s 10.42.0.0/16 -d 10.99.0.0/16 " MASQ "-j RETURN"),
			 STOCK_OTHER);
	assert_int_equal(owner_of("-A F -s 10.42.0.0/16 -j ACCEPT"), STOCK_OTHER);
	assert_int_equal(owner_of("-A F -s 10.42.0.0/16 -m comment --comment mine -j ACCEPT"),
			 STOCK_OTHER);
	assert_int_equal(owner_of("-A F -s fd42::/48 " MASQ "-j RETURN"), STOCK_OTHER);
}

static enum stock_owner nft_owner_of(const char *expr)
{
	const struct prefix network = a_prefix("10.42.0.0/16");
	json_t *rule = json_pack("{s:o}", "expr", json_loads(expr, 0, NULL));
	enum stock_owner owner;

	assert_non_null(rule);
	owner = stock_nft_rule(rule, &network);
	json_decref(rule);
	return owner;
}

#define MATCH(field, right) \
	"{\"match\":{\"op\":\"==\",\"left\":{\"payload\":{\"protocol\":\"ip\",\"field\":\"" \
	field "\"}},\"right\":" right "}}"
#define PREFIX(addr, len)	"{\"prefix\":{\"addr\":\"" addr "\",\"len\":" len "}}"

static void rules_of_nft(void **state)
{
	(void)state;
	assert_int_equal(nft_owner_of("[{\"match\":{\"op\":\"==\",\"left\":{\"meta\":{\"key\":\"mark\"}},\"right\":16384}},{\"return\":null}]"),
			 STOCK_NOBODY);
	assert_int_equal(nft_owner_of("[" MATCH("saddr", PREFIX("10.42.0.0", "16")) ","
				      MATCH("daddr", PREFIX("224.0.0.0", "4"))
				      ",{\"masquerade\":null}]"), STOCK_OURS);
	assert_int_equal(nft_owner_of("[" MATCH("saddr", "\"10.42.1.7\"") "]"), STOCK_OURS);
	assert_int_equal(nft_owner_of("[" MATCH("saddr", "\"10.43.1.7\"") "]"), STOCK_OTHER);
	assert_int_equal(nft_owner_of("[" MATCH("daddr", PREFIX("10.99.0.0", "16")) "]"),
			 STOCK_OTHER);
	assert_int_equal(nft_owner_of("[" MATCH("daddr", "{\"set\":[\"10.42.0.1\"]}") "]"),
			 STOCK_OTHER);
	assert_int_equal(nft_owner_of("[" MATCH("protocol", "\"udp\"") "]"), STOCK_OTHER);
}

/* So many direct routes, each to the lease of a peer. */
static void set_up_many(struct scene *s, size_t count)
{
	struct record *peers = calloc(count, sizeof(*peers));
	struct fact_route *routes = calloc(count + 1, sizeof(*routes));
	size_t i;

	assert_non_null(peers);
	assert_non_null(routes);
	set_up(s);
	s->config.v4.network = a_prefix("10.0.0.0/8");
	routes[0] = s->host.routes[0];
	routes[0].dst = a_prefix("172.16.0.0/12");
	for (i = 0; i < count; i++) {
		/* The order of a table need not be that of the store. */
		size_t n = i * 7919 % count;

		peers[i].subnet4 = a_prefix("10.0.0.0/24");
		peers[i].subnet4.addr.bytes[1] = i >> 8;
		peers[i].subnet4.addr.bytes[2] = i;
		peers[i].public4 = an_addr("172.16.0.0");
		peers[i].public4.bytes[2] = i >> 8;
		peers[i].public4.bytes[3] = i;
		routes[1 + n].dst = peers[i].subnet4;
		routes[1 + n].gateway = peers[i].public4;
		routes[1 + n].oif = ETH0;
		routes[1 + n].type = RTN_UNICAST;
		routes[1 + n].protocol = RTPROT_BOOT;
	}
	s->host.facts.routes = routes;
	s->host.facts.route_count = count + 1;
	s->peers.record = peers;
	s->peers.count = count;
}

/* Seconds of the processor to look at all of them, the best of some. */
static double time_many(size_t count)
{
	double best = 1e9, took;
	struct stock_index index;
	struct scene s;
	clock_t begin;
	size_t i, run;

	set_up_many(&s, count);
	for (run = 0; run < 5; run++) {
		begin = clock();
		assert_true(stock_index_make(&index, &s.input));
		for (i = 1; i <= count; i++)
			assert_int_equal(stock_route(&s.input, &index, &s.links,
						     &s.host.facts.routes[i]), STOCK_PEER);
		stock_index_free(&index);
		took = (double)(clock() - begin) / CLOCKS_PER_SEC;
		best = took < best ? took : best;
	}
	free(s.host.facts.routes);
	free(s.peers.record);
	return best;
}

/* Ten times as many take some ten times as long, and not a hundred times. */
static void many_routes(void **state)
{
	double few = time_many(2000), many = time_many(20000);

	(void)state;
	print_message("20000 routes take %.1f times as long as 2000\n", many / few);
	assert_true(many / few < 40);
}

/* The index finds what a look at all of them does. */
static void index_as_facts(void **state)
{
	const char *const to[] = { "192.0.2.9", "10.42.2.1", "8.8.8.8", "2001:db8::9", "fd42::1" };
	struct route_index index;
	struct fact_route *route;
	struct scene s;
	struct addr addr;
	size_t i;

	(void)state;
	set_up(&s);
	boot(&s, "10.42.2.0/24", "192.0.2.2", ETH0)->metric = 7;
	route = boot(&s, "10.42.2.0/24", "192.0.2.3", ETH0);
	boot(&s, "10.42.2.0/24", "192.0.2.4", ETH0);
	boot(&s, "10.42.0.0/16", "192.0.2.5", ETH0);
	boot(&s, "0.0.0.0/0", "192.0.2.254", ETH0);
	assert_true(route_index_make(&index, &s.host.facts));
	for (i = 0; i < ARRAY_SIZE(to); i++) {
		addr = an_addr(to[i]);
		assert_ptr_equal(route_index_to(&index, &addr),
				 facts_route_to(&s.host.facts, &addr, 0));
	}
	assert_ptr_equal(route_index_first(&index, &route->dst, 0), route);
	assert_ptr_equal(route_index_first(&index, &route->dst, 7), route - 1);
	assert_null(route_index_first(&index, &route->dst, 5));
	route_index_free(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_both_devices),
		cmocka_unit_test(finds_none),
		cmocka_unit_test(host_gw_takes_no_device),
		cmocka_unit_test(names_the_difference),
		cmocka_unit_test(routes_of_stock_flannel),
		cmocka_unit_test(routes_of_others),
		cmocka_unit_test(index_as_facts),
		cmocka_unit_test(many_routes),
		cmocka_unit_test(rules_of_iptables),
		cmocka_unit_test(rules_of_nft),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
