// SPDX-License-Identifier: GPL-2.0
/* Making a plan. */

#include <ctype.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan_impl.h"
#include "subnet_env.h"

static bool add_notice(struct plan *plan, char *text)
{
	size_t want = plan->notice_room ? 2 * plan->notice_room : 16;
	char **grown;

	if (plan->notice_count == plan->notice_room) {
		grown = reallocarray(plan->notices, want, sizeof(*grown));
		if (!grown)
			return false;
		plan->notices = grown;
		plan->notice_room = want;
	}
	plan->notices[plan->notice_count++] = text;
	return true;
}

/* What records say may be anything: nothing unprintable gets out. */
void plan_notice(struct work *work, const char *fmt, ...)
{
	va_list args;
	char *text, *c;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0) {
		work->no_memory = true;
		return;
	}
	for (c = text; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	if (!add_notice(work->plan, text)) {
		free(text);
		work->no_memory = true;
	}
}

static bool check_own(const struct plan_family *family, struct error *error)
{
	char subnet[PREFIX_TEXT], network[PREFIX_TEXT];

	format_prefix(&family->subnet, subnet);
	if (!family->subnet.len || plan_is_nobodys(&family->subnet))
		return set_error(error,
				 "our own subnet %s has multicast, loopback, link-local or reserved addresses",
				 subnet);
	if (!prefix_covers(&family->network, &family->subnet))
		return set_error(error, "our own subnet %s lies outside the network %s", subnet,
				 format_prefix(&family->network, network));
	return true;
}

/* Where packets to peers leave from. */
static bool check_bind(const struct work *work, const struct plan_family *family,
		       struct error *error)
{
	char bind[ADDR_TEXT], public[ADDR_TEXT], subnet[PREFIX_TEXT];

	format_addr(&family->bind, bind);
	if (!family->bind.family)
		return set_error(error, "%s has no %s address to send from", work->in->iface->name,
				 family->name);
	if (prefix_contains(&family->subnet, &family->bind))
		return set_error(error, "the address %s of %s lies in our own subnet %s", bind,
				 work->in->iface->name, format_prefix(&family->subnet, subnet));
	if (work->in->config->backend == BACKEND_HOST_GW &&
	    compare_addr(&family->bind, &family->public))
		return set_error(error,
				 "host-gw needs the public address to be the one of %s, %s: it is %s",
				 work->in->iface->name, bind, format_addr(&family->public, public));
	return true;
}

/* A family is planned when the network has it and we have a subnet of it. */
static bool set_family(struct work *work, struct plan_family *family,
		       const struct net_family *net, const struct prefix *own,
		       struct error *error)
{
	if (!net->network.addr.family)
		return true;
	if (!own->addr.family) {
		plan_notice(work, "the network has %s, our lease has not: nothing is set up for it",
			    family->name);
		return true;
	}
	family->network = net->network;
	family->subnet = *own;
	if (!check_own(family, error))
		return false;
	return work->in->config->backend == BACKEND_ALLOC || check_bind(work, family, error);
}

static bool set_families(struct work *work, struct error *error)
{
	const struct plan_input *in = work->in;
	struct plan_family *v4 = &work->family[0], *v6 = &work->family[1];

	v4->name = "IPv4";
	v4->bind = in->iface->bind4;
	v4->public = in->iface->public4;
	v6->name = "IPv6";
	v6->bind = in->iface->bind6;
	v6->public = in->iface->public6;
	if (!set_family(work, v4, &in->config->v4, &in->own->subnet4, error) ||
	    !set_family(work, v6, &in->config->v6, &in->own->subnet6, error))
		return false;
	if (v4->network.addr.family || v6->network.addr.family)
		return true;
	return set_error(error, "our lease has no subnet of a family that the network has");
}

/* Splits the routes of facts, so that no look-up walks those of thousands of peers. */
static bool split_routes(struct work *work)
{
	const struct facts *facts = work->in->facts;
	size_t i, room = facts->route_count + 1;

	work->foreign = *facts;
	work->foreign.route_count = 0;
	work->foreign.routes = calloc(room, sizeof(*facts->routes));
	work->locals.routes = calloc(room, sizeof(*facts->routes));
	if (!work->foreign.routes || !work->locals.routes)
		return false;
	for (i = 0; i < facts->route_count; i++) {
		const struct fact_route *route = &facts->routes[i];

		if (route->protocol == FLANNEL_ROUTE_PROTOCOL)
			continue;
		work->foreign.routes[work->foreign.route_count++] = *route;
		if (route->type == RTN_LOCAL)
			work->locals.routes[work->locals.route_count++] = *route;
	}
	return route_index_make(&work->routes, &work->foreign);
}

static bool prepare(struct work *work)
{
	size_t room = work->in->peers->count + 1;

	work->used = calloc(room, sizeof(bool));
	work->noticed = calloc(room, sizeof(bool));
	return work->used && work->noticed && split_routes(work);
}

static void release(struct work *work)
{
	free(work->family[0].peers);
	free(work->family[1].peers);
	route_index_free(&work->routes);
	free(work->foreign.routes);
	free(work->locals.routes);
	free(work->used);
	free(work->noticed);
}

static void plan_rules(struct work *work)
{
	const struct plan_options *options = work->in->options;
	struct plan *plan = work->plan;

	plan->rules4.network = work->family[0].network;
	plan->rules4.subnet = work->family[0].subnet;
	plan->rules6.network = work->family[1].network;
	plan->rules6.subnet = work->family[1].subnet;
	plan->masquerade = options->ip_masq;
	plan->random_fully = options->random_fully;
	plan->forward = options->forward_rules;
	plan->port = work->in->config->port;
}

static void add_sysctl(struct plan *plan, const char *path)
{
	struct plan_sysctl *sysctl = &plan->sysctls[plan->sysctl_count++];

	snprintf(sysctl->path, sizeof(sysctl->path), "%s", path);
	snprintf(sysctl->value, sizeof(sysctl->value), "1");
}

/* A kernel that forwards takes no more router advertisements unless accept_ra is 2. */
static void warn_of_ra(struct work *work)
{
	const struct iface *iface = work->in->iface;
	size_t i;

	for (i = 0; i < work->foreign.route_count; i++) {
		const struct fact_route *route = &work->foreign.routes[i];

		if (route->dst.addr.family != AF_INET6 || route->dst.len ||
		    route->protocol != RTPROT_RA || route->oif != iface->ifindex)
			continue;
		plan_notice(work,
			    "the IPv6 default route of %s is from router advertisements, which a host that forwards ignores unless net.ipv6.conf.%s.accept_ra is 2 or a daemon handles them",
			    iface->name, iface->name);
		return;
	}
}

static void plan_sysctls(struct work *work)
{
	if (!work->in->options->ip_forward || work->in->config->backend == BACKEND_ALLOC)
		return;
	if (work->family[0].network.addr.family)
		add_sysctl(work->plan, "net/ipv4/ip_forward");
	if (!work->family[1].network.addr.family)
		return;
	add_sysctl(work->plan, "net/ipv6/conf/all/forwarding");
	warn_of_ra(work);
}

static void plan_subnet_env(struct work *work)
{
	const struct plan_family *v4 = &work->family[0], *v6 = &work->family[1];
	const struct subnet_env env = {
		.network4 = v4->network,
		.subnet4 = v4->subnet,
		.network6 = v6->network,
		.subnet6 = v6->subnet,
		.mtu = plan_pod_mtu(work->in),
		.ipmasq = work->in->options->ip_masq,
	};

	_Static_assert(sizeof(work->plan->subnet_env) == SUBNET_ENV_TEXT, "one size");
	subnet_env_format(&env, work->plan->subnet_env);
}

static bool make(struct work *work, struct error *error)
{
	if (!prepare(work))
		return set_error(error, "out of memory");
	if (!set_families(work, error) || !plan_device(work, error))
		return false;
	plan_peers(work);
	plan_routes(work);
	plan_count_skipped(work);
	plan_rules(work);
	plan_sysctls(work);
	plan_subnet_env(work);
	return !work->no_memory || set_error(error, "out of memory");
}

bool plan_make(const struct plan_input *input, struct plan *plan, struct error *error)
{
	struct work work = { .in = input, .plan = plan };
	bool made;

	memset(plan, 0, sizeof(*plan));
	memcpy(plan->underlay, input->iface->name, sizeof(plan->underlay));
	made = make(&work, error);
	release(&work);
	if (!made)
		plan_free(plan);
	return made;
}

void plan_free(struct plan *plan)
{
	size_t i;

	for (i = 0; i < plan->notice_count; i++)
		free(plan->notices[i]);
	free(plan->notices);
	free(plan->leases);
	free(plan->routes);
	memset(plan, 0, sizeof(*plan));
}
