// SPDX-License-Identifier: GPL-2.0
/* Facts of a real network namespace, which this program makes and sets up by ip. */

#include <net/if.h>
#include <sched.h>
#include <unistd.h>

#include "host.h"

static bool inside;

static int set_up(void **state)
{
	(void)state;
	inside = !unshare(CLONE_NEWNET);
	if (!inside)
		return 0;
	return system("set -e; exec >/dev/null; ip link set lo up;"
		      "ip link add eth0 mtu 1400 address 02:00:00:00:00:10 type veth peer name eth1;"
		      "echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad;"
		      "ip link set eth0 up; ip link set eth1 up; ip link add br0 type bridge;"
		      "ip link set eth1 master br0;"
		      "ip address add 192.0.2.1/24 dev eth0;"
		      "ip address add 192.0.2.2/24 valid_lft 999 preferred_lft 999 dev eth0;"
		      "ip address add 198.51.100.1 peer 198.51.100.2/31 dev eth0;"
		      "ip address add 2001:db8::1/64 nodad dev eth0;"
		      "ip address add 2001:db8::2/64 nodad preferred_lft 0 dev eth0;"
		      "ip link add flannel.7 type vxlan id 7 dstport 8472 local 192.0.2.1 dev eth0;"
		      "ip route add default via 192.0.2.254 metric 5;"
		      "ip route add 10.42.0.0/16 dev eth0 proto 141 src 192.0.2.1 mtu 1280;"
		      "ip route add 10.43.0.0/16 via 203.0.113.1 dev eth0 onlink;"
		      "ip route add blackhole 10.44.0.0/16 metric 4096;"
		      "ip route add 10.45.0.0/16 nexthop via 192.0.2.7 dev eth0 nexthop via 192.0.2.8 dev eth0;"
		      "ip route add 10.46.0.0/16 via inet6 fe80::9 dev eth0;"
		      "ip route add 10.47.0.0/16 dev eth0 table 100;"
		      "ip route add local 10.48.0.0/16 dev lo;"
		      "ip -6 route add default via 2001:db8::fe;"
		      "ip -6 route add fd42::/48 via fe80::1 dev eth0 onlink proto 141 metric 2048 mtu 1330");
}

static const struct fact_route *route_of(const struct facts *facts, const char *text,
					 size_t *count)
{
	struct prefix dst = a_prefix(text);
	const struct fact_route *found = NULL;
	size_t i;

	*count = 0;
	for (i = 0; i < facts->route_count; i++)
		if (!compare_prefix(&facts->routes[i].dst, &dst)) {
			found = found ?: &facts->routes[i];
			(*count)++;
		}
	return found;
}

static void read_all(struct facts *facts)
{
	struct error error;

	if (!inside)
		skip();
	if (!facts_read(facts, &error))
		fail_msg("%s", error.text);
}

static void links(void **state)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 0x10 };
	struct addr local = an_addr("192.0.2.1");
	const struct fact_link *link;
	struct facts facts;
	size_t i, count = 0;

	(void)state;
	read_all(&facts);
	link = facts_link(&facts, "eth0");
	assert_non_null(link);
	assert_int_equal(link->ifindex, if_nametoindex("eth0"));
	assert_int_equal(link->mtu, 1400);
	assert_memory_equal(link->lladdr, mac, 6);
	assert_true(link->flags & IFF_UP);
	assert_string_equal(link->kind, "veth");
	assert_int_equal(link->lower, if_nametoindex("eth1"));
	assert_ptr_equal(facts_link_by_index(&facts, link->ifindex), link);
	assert_null(facts_link_by_index(&facts, 9999));
	link = facts_link(&facts, "flannel.7");
	assert_string_equal(link->kind, "vxlan");
	assert_int_equal(link->vxlan.vni, 7);
	assert_int_equal(link->vxlan.port, 8472);
	assert_int_equal(compare_addr(&link->vxlan.local, &local), 0);
	assert_int_equal(link->lower, if_nametoindex("eth0"));
	assert_string_equal(facts_link(&facts, "lo")->kind, "");
	for (i = 0; i < facts.link_count; i++)
		count += !strcmp(facts.links[i].name, "eth1");
	assert_int_equal(count, 1);
	facts_free(&facts);
}

static void addrs(void **state)
{
	struct addr addr = an_addr("192.0.2.1");
	const struct fact_addr *own;
	struct facts facts;

	(void)state;
	read_all(&facts);
	own = facts_own(&facts, &addr);
	assert_int_equal(own->ifindex, if_nametoindex("eth0"));
	assert_int_equal(own->prefix.len, 24);
	assert_true(own->flags & IFA_F_PERMANENT);
	assert_int_equal(own->scope, RT_SCOPE_UNIVERSE);
	addr = an_addr("192.0.2.2");
	assert_false(facts_own(&facts, &addr)->flags & IFA_F_PERMANENT);
	addr = an_addr("198.51.100.1");
	assert_non_null(facts_own(&facts, &addr));
	addr = an_addr("198.51.100.2");
	assert_null(facts_own(&facts, &addr));
	addr = an_addr("2001:db8::2");
	assert_true(facts_own(&facts, &addr)->flags & IFA_F_DEPRECATED);
	facts_free(&facts);
}

static void routes(void **state)
{
	struct addr src = an_addr("192.0.2.1"), via = an_addr("192.0.2.254");
	int eth0 = if_nametoindex("eth0");
	const struct fact_route *route;
	struct facts facts;
	size_t count;

	(void)state;
	read_all(&facts);
	route = route_of(&facts, "0.0.0.0/0", &count);
	assert_int_equal(compare_addr(&route->gateway, &via), 0);
	assert_int_equal(route->metric, 5);
	assert_int_equal(route->oif, eth0);
	route = route_of(&facts, "10.42.0.0/16", &count);
	assert_int_equal(count, 1);
	assert_int_equal(route->protocol, 141);
	assert_int_equal(route->mtu, 1280);
	assert_int_equal(compare_addr(&route->src, &src), 0);
	assert_int_equal(route->gateway.family, AF_UNSPEC);
	assert_int_equal(route->scope, RT_SCOPE_LINK);
	assert_false(route->onlink);
	assert_true(route_of(&facts, "10.43.0.0/16", &count)->onlink);
	route = route_of(&facts, "10.44.0.0/16", &count);
	assert_int_equal(route->type, RTN_BLACKHOLE);
	assert_int_equal(route->metric, 4096);
	assert_int_equal(route_of(&facts, "10.46.0.0/16", &count)->gateway.family, AF_INET6);
	assert_null(route_of(&facts, "10.47.0.0/16", &count));
	assert_int_equal(route_of(&facts, "10.48.0.0/16", &count)->type, RTN_LOCAL);
	assert_null(route_of(&facts, "192.0.2.1/32", &count));
	route_of(&facts, "192.0.2.0/24", &count);
	assert_true(count >= 1);
	facts_free(&facts);
}

static void routes6(void **state)
{
	struct addr via = an_addr("fe80::1");
	const struct fact_route *route;
	struct facts facts;
	size_t count;

	(void)state;
	read_all(&facts);
	route = route_of(&facts, "fd42::/48", &count);
	assert_int_equal(count, 1);
	assert_int_equal(compare_addr(&route->gateway, &via), 0);
	assert_int_equal(route->metric, 2048);
	assert_int_equal(route->mtu, 1330);
	assert_true(route->onlink);
	route = route_of(&facts, "::/0", &count);
	assert_int_equal(route->metric, 1024);
	assert_int_equal(route->dst.addr.family, AF_INET6);
	assert_null(route_of(&facts, "2001:db8::1/128", &count));
	facts_free(&facts);
}

/* Each next hop is a fact. */
static void multipath(void **state)
{
	struct addr first = an_addr("192.0.2.7"), second = an_addr("192.0.2.8");
	const struct fact_route *route;
	struct facts facts;
	size_t count;

	(void)state;
	read_all(&facts);
	route = route_of(&facts, "10.45.0.0/16", &count);
	assert_int_equal(count, 2);
	assert_true(route[0].multipath && route[1].multipath);
	assert_int_equal(compare_addr(&route[0].gateway, &first), 0);
	assert_int_equal(compare_addr(&route[1].gateway, &second), 0);
	assert_int_equal(route[1].oif, if_nametoindex("eth0"));
	facts_free(&facts);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(links), cmocka_unit_test(addrs), cmocka_unit_test(routes),
		cmocka_unit_test(routes6), cmocka_unit_test(multipath),
	};

	return cmocka_run_group_tests_name("facts", tests, set_up, NULL);
}
