// SPDX-License-Identifier: GPL-2.0
/*
 * Routes of our protocol in the main table, against the plan.
 *
 * What is added comes first and what is deleted last, and where only one of two
 * routes can be there, one request exchanges them: no packet goes astray.
 */

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply_impl.h"
#include "rtnl.h"

/* What IPv6 makes of metric 0. */
#define DEFAULT_METRIC6	1024

/* A route that is there. */
struct entry {
	const struct fact_route *route;
	bool kept;		/* it is what the plan wants */
};

struct work {
	struct apply *a;
	const struct plan *plan;
	int device;		/* ifindex, 0: none */
	struct entry *entry;	/* sorted by key, then as the kernel uses them */
	size_t count;
	bool *done;		/* for each planned route: it is there already */
	unsigned int failed;
	struct error first;
};

static size_t __printf(4, 5) append(char *text, size_t size, size_t len, const char *fmt, ...)
{
	va_list args;
	int more;

	va_start(args, fmt);
	more = vsnprintf(text + len, size - len, fmt, args);
	va_end(args);
	return more < 0 || len + more >= size ? size - 1 : len + more;
}

const char *apply_format_route(const struct fact_route *r, const char *dev,
			       char text[ROUTE_TEXT])
{
	char name[IF_NAMESIZE], addr[ADDR_TEXT], prefix[PREFIX_TEXT];
	size_t len;

	len = append(text, ROUTE_TEXT, 0, "%s%s", r->type == RTN_BLACKHOLE ? "blackhole " : "",
		     format_prefix(&r->dst, prefix));
	if (r->gateway.family)
		len = append(text, ROUTE_TEXT, len, " via %s", format_addr(&r->gateway, addr));
	if (r->oif && r->type == RTN_UNICAST)
		dev = if_indextoname(r->oif, name) ? name : "?";
	if (r->type == RTN_UNICAST && dev)
		len = append(text, ROUTE_TEXT, len, " dev %s", dev);
	if (r->onlink)
		len = append(text, ROUTE_TEXT, len, " onlink");
	if (r->src.family)
		len = append(text, ROUTE_TEXT, len, " src %s", format_addr(&r->src, addr));
	if (r->metric)
		len = append(text, ROUTE_TEXT, len, " metric %u", r->metric);
	if (r->mtu)
		append(text, ROUTE_TEXT, len, " mtu %u", r->mtu);
	return text;
}

/* The first failure is told in the end; the others are only counted. */
static void note(struct work *w, const struct error *error)
{
	if (!w->failed++)
		w->first = *error;
}

struct fact_route apply_expected(const struct plan_route *planned, int device)
{
	struct fact_route r = {
		.dst = planned->dst, .src = planned->src, .mtu = planned->mtu,
		.metric = planned->metric, .protocol = FLANNEL_ROUTE_PROTOCOL,
		.type = RTN_UNICAST, .scope = RT_SCOPE_UNIVERSE,
	};

	if (r.dst.addr.family == AF_INET6 && !r.metric)
		r.metric = DEFAULT_METRIC6;
	if (planned->via == ROUTE_BLACKHOLE) {
		r.type = RTN_BLACKHOLE;
		return r;
	}
	r.oif = planned->via == ROUTE_DEVICE ? device : planned->oif;
	r.gateway = planned->gateway;
	r.onlink = planned->onlink;
	if (!r.gateway.family && r.dst.addr.family == AF_INET)
		r.scope = RT_SCOPE_LINK;
	return r;
}

static int compare_keys(const struct fact_route *a, const struct fact_route *b)
{
	int order = compare_prefix(&a->dst, &b->dst);

	if (order)
		return order;
	return a->metric < b->metric ? -1 : a->metric > b->metric;
}

static int compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = compare_keys(a->route, b->route);

	if (order)
		return order;
	return a->route < b->route ? -1 : 1;
}

/* The first entry that has the key of @want, if there is any. */
static struct entry *first_of(const struct work *w, const struct fact_route *want)
{
	size_t low = 0, high = w->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (compare_keys(w->entry[middle].route, want) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return &w->entry[low];
}

static bool in_run(const struct work *w, const struct entry *entry, const struct fact_route *want)
{
	return entry < w->entry + w->count && !compare_keys(entry->route, want);
}

static bool same_route(const struct fact_route *a, const struct fact_route *b)
{
	if (compare_keys(a, b) || a->type != b->type || a->multipath || b->multipath)
		return false;
	if (compare_addr(&a->src, &b->src) || a->mtu != b->mtu)
		return false;
	return a->type != RTN_UNICAST ||
	       (a->oif == b->oif && a->onlink == b->onlink && !compare_addr(&a->gateway, &b->gateway));
}

static bool is_inside(const struct prefix *network, const struct prefix *dst)
{
	return network->addr.family && prefix_covers(network, dst);
}

/* Another instance may have routes of this protocol in its own Network. */
static bool is_ours(const struct work *w, const struct fact_route *r)
{
	const struct plan *plan = w->plan;

	if (r->protocol != FLANNEL_ROUTE_PROTOCOL)
		return false;
	return (w->device && r->oif == w->device) ||
	       is_inside(&plan->device.network4, &r->dst) ||
	       is_inside(&plan->device.network6, &r->dst) ||
	       is_inside(&plan->rules4.network, &r->dst) ||
	       is_inside(&plan->rules6.network, &r->dst);
}

/* One of ours that nobody has claimed: @exactly that, or with its key. */
static struct entry *find(const struct work *w, const struct fact_route *want, bool exactly)
{
	struct entry *entry;

	for (entry = first_of(w, want); in_run(w, entry, want); entry++)
		if (entry->route->protocol == FLANNEL_ROUTE_PROTOCOL && !entry->kept &&
		    (!exactly || same_route(entry->route, want)))
			return entry;
	return NULL;
}

static const struct fact_route *find_foreign(const struct work *w, const struct fact_route *want)
{
	const struct entry *entry;

	for (entry = first_of(w, want); in_run(w, entry, want); entry++)
		if (entry->route->protocol != FLANNEL_ROUTE_PROTOCOL)
			return entry->route;
	return NULL;
}

static bool refuse_foreign(const struct work *w, const char *text, const struct fact_route *foreign,
			   struct error *error)
{
	char other[ROUTE_TEXT];

	return set_error(error, "route %s: there is already %s of protocol %u, which is not ours",
			 text, apply_format_route(foreign, w->plan->device.name, other),
			 foreign->protocol);
}

static bool put(struct work *w, const struct fact_route *want, enum rtnl_mode mode,
		struct error *error)
{
	const char *verb = mode == RTNL_REPLACE ? "replace" : "add";
	char text[ROUTE_TEXT];

	apply_format_route(want, w->plan->device.name, text);
	if (!w->a->dry && want->type == RTN_UNICAST && !want->oif && !want->gateway.family)
		return set_error(error, "route %s %s: there is no such device", verb, text);
	if (!w->a->dry && rtnl_route_add(want, mode))
		return apply_refused(error, "route %s %s", verb, text);
	apply_say(w->a, "route %s %s", verb, text);
	return true;
}

bool apply_delete_route(struct apply *a, const struct fact_route *r, struct error *error)
{
	char text[ROUTE_TEXT];
	int ret = a->dry ? 0 : rtnl_route_del(r);

	apply_format_route(r, NULL, text);
	/* The kernel deletes routes itself when links go. */
	if (ret == -ESRCH || ret == -ENODEV)
		return true;
	if (ret)
		return apply_refused(error, "route del %s", text);
	apply_say(a, "route del %s", text);
	return true;
}

/* Routes of several next hops are one fact for each. */
static bool has_multipath(const struct work *w, const struct fact_route *want)
{
	const struct entry *entry;

	for (entry = first_of(w, want); in_run(w, entry, want); entry++)
		if (entry->route->protocol == FLANNEL_ROUTE_PROTOCOL && entry->route->multipath)
			return true;
	return false;
}

/*
 * They are none of our making.  Only key and protocol are known to name them by,
 * which may name another one as well: so all go that these name.
 */
static bool delete_run(struct work *w, const struct fact_route *want, struct error *error)
{
	struct entry *entry;

	for (entry = first_of(w, want); in_run(w, entry, want); entry++) {
		if (entry->route->protocol != FLANNEL_ROUTE_PROTOCOL)
			continue;
		entry->kept = true;
		if (!apply_delete_route(w->a, entry->route, error))
			return false;
	}
	return true;
}

static bool ensure(struct work *w, const struct fact_route *want, struct error *error)
{
	const struct fact_route *foreign = find_foreign(w, want);
	struct entry *old = find(w, want, false);
	char text[ROUTE_TEXT];

	if (foreign)
		return refuse_foreign(w, apply_format_route(want, w->plan->device.name, text),
				      foreign, error);
	if (!old)
		return put(w, want, RTNL_ADD, error);
	if (has_multipath(w, want))
		return delete_run(w, want, error) && put(w, want, RTNL_ADD, error);
	/* What is replaced is not to be deleted: it is gone, or still of use. */
	old->kept = true;
	return put(w, want, RTNL_REPLACE, error);
}

static void keep_what_is_there(struct work *w)
{
	struct fact_route want;
	struct entry *found;
	size_t i;

	for (i = 0; i < w->plan->route_count; i++) {
		want = apply_expected(&w->plan->routes[i], w->device);
		found = has_multipath(w, &want) ? NULL : find(w, &want, true);
		w->done[i] = found;
		if (found)
			found->kept = true;
	}
}

static void add_what_is_missing(struct work *w)
{
	struct fact_route want;
	struct error error;
	size_t i;

	for (i = 0; i < w->plan->route_count; i++) {
		want = apply_expected(&w->plan->routes[i], w->device);
		if (!w->done[i] && !ensure(w, &want, &error))
			note(w, &error);
	}
}

static void delete_the_rest(struct work *w)
{
	struct error error;
	size_t i;

	for (i = 0; i < w->count; i++)
		if (!w->entry[i].kept && is_ours(w, w->entry[i].route) &&
		    !apply_delete_route(w->a, w->entry[i].route, &error))
			note(w, &error);
}

static bool report(const struct work *w, struct error *error)
{
	if (w->failed > 1)
		return set_error(error, "%.400s (and %u more routes)", w->first.text,
				 w->failed - 1);
	return w->failed ? set_error(error, "%s", w->first.text) : true;
}

static bool index_routes(struct work *w, const struct facts *facts)
{
	w->entry = calloc(facts->route_count + 1, sizeof(*w->entry));
	w->done = calloc(w->plan->route_count + 1, sizeof(*w->done));
	if (!w->entry || !w->done)
		return false;
	for (w->count = 0; w->count < facts->route_count; w->count++)
		w->entry[w->count].route = &facts->routes[w->count];
	qsort(w->entry, w->count, sizeof(*w->entry), compare_entries);
	return true;
}

bool apply_routes(struct apply *a, const struct plan *plan, const struct facts *facts,
		  struct error *error)
{
	struct work w = { .a = a, .plan = plan };
	bool ok;

	if (*plan->device.name)
		w.device = if_nametoindex(plan->device.name);
	ok = index_routes(&w, facts);
	if (ok) {
		keep_what_is_there(&w);
		add_what_is_missing(&w);
		delete_the_rest(&w);
		ok = report(&w, error);
	} else {
		set_error(error, "no memory for %zu routes", facts->route_count);
	}
	free(w.entry);
	free(w.done);
	return ok;
}

static bool is_inside_any(const struct prefix *networks, size_t count, const struct prefix *dst)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (is_inside(&networks[i], dst))
			return true;
	return !count;
}

bool remove_routes(struct apply *a, const struct facts *facts, const struct prefix *networks,
		   size_t count, struct error *error)
{
	const struct fact_route *r;
	bool ok = true;
	size_t i;

	for (i = 0; i < facts->route_count; i++) {
		r = &facts->routes[i];
		if (r->protocol == FLANNEL_ROUTE_PROTOCOL &&
		    is_inside_any(networks, count, &r->dst) &&
		    !apply_delete_route(a, r, ok ? error : NULL))
			ok = false;
	}
	return ok;
}
