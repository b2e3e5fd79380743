/* SPDX-License-Identifier: GPL-2.0 */
/*
 * host.h - a host made up for tests: facts without netlink
 *
 * Text goes through the parsers; what they refuse ends the test.
 */
#ifndef TESTS_HOST_H
#define TESTS_HOST_H

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "facts.h"

struct host {
	struct fact_link links[16];
	struct fact_addr addrs[32];
	struct fact_route routes[32];
	struct facts facts;
};

static inline struct addr an_addr(const char *text)
{
	struct words w = { 0 };
	struct addr addr;

	if (!parse_addr(&w, text, &addr))
		fail_msg("%s", w.error);
	return addr;
}

/* Host bits may be set. */
static inline struct prefix a_prefix(const char *text)
{
	char addr[PREFIX_TEXT];
	struct prefix prefix;
	char *slash;

	snprintf(addr, sizeof(addr), "%s", text);
	slash = strchr(addr, '/');
	assert_non_null(slash);
	*slash = '\0';
	prefix.addr = an_addr(addr);
	prefix.len = atoi(slash + 1);
	return prefix;
}

static inline void host_open(struct host *host)
{
	memset(host, 0, sizeof(*host));
	host->facts.links = host->links;
	host->facts.addrs = host->addrs;
	host->facts.routes = host->routes;
}

static inline struct fact_link *host_link(struct host *host, int ifindex, const char *name)
{
	struct fact_link *link = &host->links[host->facts.link_count++];

	assert_true(host->facts.link_count <= ARRAY_SIZE(host->links));
	link->ifindex = ifindex;
	snprintf(link->name, sizeof(link->name), "%s", name);
	link->flags = IFF_UP;
	link->mtu = 1500;
	return link;
}

static inline struct fact_addr *host_addr(struct host *host, int ifindex, const char *text)
{
	struct fact_addr *addr = &host->addrs[host->facts.addr_count++];

	assert_true(host->facts.addr_count <= ARRAY_SIZE(host->addrs));
	addr->ifindex = ifindex;
	addr->prefix = a_prefix(text);
	addr->flags = IFA_F_PERMANENT;
	return addr;
}

/* @via NULL: connected. */
static inline struct fact_route *host_route(struct host *host, const char *dst, const char *via,
					    int oif)
{
	struct fact_route *route = &host->routes[host->facts.route_count++];

	assert_true(host->facts.route_count <= ARRAY_SIZE(host->routes));
	memset(route, 0, sizeof(*route));
	route->dst = a_prefix(dst);
	if (via)
		route->gateway = an_addr(via);
	route->oif = oif;
	route->type = RTN_UNICAST;
	route->protocol = via ? RTPROT_STATIC : RTPROT_KERNEL;
	return route;
}

#endif /* TESTS_HOST_H */
