// SPDX-License-Identifier: GPL-2.0
/* Overlay routes, direct routes, and the blackhole under our own subnet. */

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan_impl.h"

/* Least MTU of IPv6. */
#define MTU6_MIN	1280

/* Nobody's: gives all IPv6 destinations of the device one neighbour entry. */
static const struct addr gateway6 = { AF_INET6, { 0xfe, 0x80, [15] = 1 } };

static struct plan_route *add_route(struct work *work, const struct prefix *dst,
				    enum route_via via)
{
	static struct plan_route none;
	struct plan *plan = work->plan;
	size_t want = plan->route_room ? 2 * plan->route_room : 16;
	struct plan_route *grown;

	if (plan->route_count == plan->route_room) {
		grown = reallocarray(plan->routes, want, sizeof(*grown));
		if (!grown) {
			work->no_memory = true;
			return &none;
		}
		plan->routes = grown;
		plan->route_room = want;
	}
	grown = &plan->routes[plan->route_count++];
	memset(grown, 0, sizeof(*grown));
	grown->dst = *dst;
	grown->via = via;
	return grown;
}

static int compare_number(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_routes(const void *left, const void *right)
{
	const struct plan_route *a = left, *b = right;

	return compare_prefix(&a->dst, &b->dst) ?: compare_number(a->metric, b->metric);
}

/* Overlay */

/* IPv6 peers are behind IPv6 VTEPs, which take more bytes than the device counts. */
static uint32_t mtu6(const struct plan_input *in)
{
	uint32_t wanted = in->config->mtu, mtu = in->iface->mtu;

	if (wanted && wanted < mtu)
		mtu = wanted;
	return mtu < MTU6_MIN + FLANNEL_OVERHEAD6 ? MTU6_MIN : mtu - FLANNEL_OVERHEAD6;
}

static void add_overlay(struct work *work, const struct plan_family *family,
			const struct prefix *dst, uint32_t metric)
{
	struct plan_route *route = add_route(work, dst, ROUTE_DEVICE);

	route->src = family->subnet.addr;
	route->metric = metric;
	if (dst->addr.family != AF_INET6)
		return;
	route->gateway = gateway6;
	route->onlink = true;
	route->mtu = mtu6(work->in);
}

/* Inside the network, but nobody's: a route for all of the network would catch it. */
static bool is_caught(const struct plan_family *family, const struct addr *addr)
{
	const struct prefix host = { *addr, 8 * addr_size(addr->family) };

	return prefix_contains(&family->network, addr) && !plan_is_leased(family, &host);
}

static bool find_addr(const struct plan_family *family, const struct addr *addrs, size_t count,
		      struct addr *found)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (is_caught(family, &addrs[i])) {
			*found = addrs[i];
			return true;
		}
	return false;
}

static bool find_vtep(const struct plan_family *family, struct addr *found)
{
	size_t i;

	for (i = 0; i < family->count; i++)
		if (find_addr(family, &family->peers[i].vtep, 1, found))
			return true;
	return false;
}

/* Routes into an overlay, ours or the one that ours takes over, are no underlay. */
static bool is_underlay(const struct work *work, const struct fact_route *route)
{
	const struct fact_link *link = facts_link_by_index(work->in->facts, route->oif);

	return !link || (!link_is_overlay(link) && strcmp(link->name, work->plan->device.name));
}

static bool find_gateway(const struct work *work, const struct plan_family *family,
			 struct addr *found)
{
	size_t i;

	for (i = 0; i < work->foreign.route_count; i++) {
		const struct fact_route *route = &work->foreign.routes[i];

		if (find_addr(family, &route->gateway, 1, found) && is_underlay(work, route))
			return true;
	}
	return false;
}

static bool is_connected(const struct work *work, const struct fact_route *route)
{
	return !route->gateway.family && route->type == RTN_UNICAST && route->oif &&
	       is_underlay(work, route);
}

static const struct fact_route *find_connected(const struct work *work,
					       const struct plan_family *family)
{
	size_t i;

	for (i = 0; i < work->foreign.route_count; i++) {
		const struct fact_route *route = &work->foreign.routes[i];

		if (prefix_covers(&family->network, &route->dst) && is_connected(work, route) &&
		    !plan_is_leased(family, &route->dst))
			return route;
	}
	return NULL;
}

/* Why there is no one route for the whole network; false when there is nothing against it. */
static bool needs_route_per_lease(const struct work *work, const struct plan_family *family,
				  char *why, size_t size)
{
	const struct plan_input *in = work->in;
	const struct fact_route *route;
	const char *what = NULL;
	char text[PREFIX_TEXT];
	struct addr addr;

	if (find_vtep(family, &addr))
		what = "the public address of a peer,";
	else if (find_addr(family, in->stores, in->store_count, &addr))
		what = "the store's address";
	else if (find_addr(family, in->facts->nameservers, in->facts->nameserver_count, &addr))
		what = "the nameserver";
	else if (find_gateway(work, family, &addr))
		what = "the next hop";
	if (what) {
		snprintf(why, size, "%s %s", what, format_addr(&addr, text));
		return true;
	}
	route = find_connected(work, family);
	if (route)
		snprintf(why, size, "the connected prefix %s", format_prefix(&route->dst, text));
	return route;
}

static void add_overlays(struct work *work, const struct plan_family *family)
{
	/* The route of a lease keeps its metric when its peer turns direct, or back. */
	uint32_t metric = work->in->config->direct_routing ? METRIC_BENEATH : 0;
	char why[128], network[PREFIX_TEXT];
	size_t i;

	if (!needs_route_per_lease(work, family, why, sizeof(why))) {
		add_overlay(work, family, &family->network, 0);
		return;
	}
	plan_notice(work, "one route for each lease instead of one for %s: %s lies in it, but in no lease",
		    format_prefix(&family->network, network), why);
	for (i = 0; i < family->count; i++)
		add_overlay(work, family, &family->peers[i].subnet, metric);
}

/* Underlay */

static bool is_onlink(const struct work *work, const struct addr *addr)
{
	const struct fact_route *route = route_index_to(&work->routes, addr);

	return route && !route->gateway.family && !route->multipath &&
	       route->type == RTN_UNICAST && route->oif == work->in->iface->ifindex;
}

static void add_direct(struct work *work, const struct plan_family *family, bool only)
{
	char subnet[PREFIX_TEXT], addr[ADDR_TEXT];
	struct plan_route *route;
	size_t i;

	for (i = 0; i < family->count; i++) {
		const struct peer *peer = &family->peers[i];

		if (is_onlink(work, &peer->vtep)) {
			route = add_route(work, &peer->subnet, ROUTE_GATEWAY);
			route->gateway = peer->vtep;
			route->oif = work->in->iface->ifindex;
			work->used[peer->record] = true;
		} else if (only) {
			work->noticed[peer->record] = true;
			plan_notice(work,
				    "peer %s (%s) skipped: host-gw needs its address on the link of %s",
				    format_prefix(&peer->subnet, subnet),
				    format_addr(&peer->vtep, addr), work->in->iface->name);
		}
	}
}

static void plan_family_routes(struct work *work, const struct plan_family *family)
{
	const struct net_config *config = work->in->config;

	if (config->backend == BACKEND_VXLAN)
		add_overlays(work, family);
	if (config->backend == BACKEND_HOST_GW || config->direct_routing)
		add_direct(work, family, config->backend == BACKEND_HOST_GW);
	if (work->in->options->blackhole_route)
		add_route(work, &family->subnet, ROUTE_BLACKHOLE)->metric = METRIC_BLACKHOLE;
}

void plan_routes(struct work *work)
{
	struct plan *plan = work->plan;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(work->family); i++)
		if (work->family[i].network.addr.family)
			plan_family_routes(work, &work->family[i]);
	if (plan->routes)
		qsort(plan->routes, plan->route_count, sizeof(*plan->routes), compare_routes);
}
