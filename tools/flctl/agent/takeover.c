// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "apply_impl.h"
#include "loop.h"
#include "neigh.h"
#include "rtnl.h"
#include "stock.h"
#include "stock_rules.h"
#include "takeover.h"

/* Milliseconds until rules that stay are tried again, doubled up to the second. */
#define CLEAN_FIRST	1000LL
#define CLEAN_LAST	300000LL
/* Programs that hang are not run again before so long. */
#define HUNG_PAUSE	20000LL

struct work {
	struct takeover *t;
	struct apply *a;
	const struct plan_input *in;
	const struct plan *plan;
	struct facts *facts;
	struct stock_links links;
	struct stock_index index;	/* of @facts and peers */
	char name[IF_NAMESIZE];		/* of our device meanwhile: "flannel+1" */
	char old[IF_NAMESIZE];		/* of theirs until it is deleted: "flannel-1" */
	int indexes[2];			/* of both links */
	struct neigh_list had;		/* of these, before the exchange */
	bool given_back;		/* after an exchange that failed, */
	bool whole;			/* and with all that they had */
};

/* --- what there is --- */

static bool has_routes(const struct work *w)
{
	enum stock_route which;
	size_t i;

	for (i = 0; i < w->facts->route_count; i++) {
		which = stock_route(w->in, &w->index, &w->links, &w->facts->routes[i]);
		if (which == STOCK_PEER || which == STOCK_BLACKHOLE)
			return true;
	}
	return false;
}

/* Taken out of the way by an exchange, but not deleted. */
static const struct fact_link *find_link_left(const struct work *w, bool v6)
{
	const struct fact_link *link;
	char name[IF_NAMESIZE];

	if (!*w->plan->device.name)
		return NULL;
	if (v6)
		snprintf(name, sizeof(name), "flannel-v6.%u", w->in->config->vni % 10000);
	else
		stock_temporary_name(w->in->config, '-', name);
	link = facts_link(w->facts, name);
	return link && stock_is_leftover(w->in->config, link, "vxlan") ? link : NULL;
}

/* Routes of former peers alone prove nothing: anybody may have made them, by hand. */
static bool has_anything(const struct work *w)
{
	return w->links.v4 || w->links.v6 || find_link_left(w, false) || has_routes(w);
}

/* False when there are none as far as could be looked, and that was not everywhere. */
static bool find_rules(const struct plan *plan, bool *found, struct error *error)
{
	struct apply look = { .dry = true };
	bool listed = stock_remove_rules(&look, plan, error);

	*found = look.changes;
	return listed || *found;
}

static bool cannot_look(const struct error *why, struct error *error)
{
	return set_error(error, "rules of stock flannel cannot be looked for: %.300s", why->text);
}

static bool is_up(const struct fact_link *link)
{
	return link && link->flags & IFF_UP;
}

/* --- the device --- */

/* Facts as they would be without @link. */
static void forget_link(struct facts *facts, const struct fact_link *link)
{
	size_t index = link - facts->links;

	facts->link_count--;
	memmove(&facts->links[index], &facts->links[index + 1],
		(facts->link_count - index) * sizeof(*facts->links));
}

static bool remove_leftover(struct work *w, const char *name, const char *kind,
			    struct error *error)
{
	const struct fact_link *link = facts_link(w->facts, name);

	if (!*name || !link || !stock_is_leftover(w->in->config, link, kind))
		return true;
	if (!w->a->dry && rtnl_link_del(link->ifindex))
		return apply_refused(error, "link del %s", name);
	apply_say(w->a, "link del %s: left behind by an agent that was ended", name);
	forget_link(w->facts, link);
	return true;
}

/*
 * Ours has VNI and port, which no other device gets meanwhile.  One of theirs keeps
 * nothing from working, unless the exchange needs its name.
 */
static bool remove_leftovers(struct work *w, struct error *error)
{
	return remove_leftover(w, w->name, FLANNEL_LINK_KIND, error) &&
	       (remove_leftover(w, w->old, "vxlan", error) || !w->links.v4);
}

/* Whole, filled, but for being up: the port is not free yet. */
static bool build(struct work *w, struct plan *temporary, struct error *error)
{
	struct apply quiet = { 0 };

	/* A lease that the kernel refuses is named when the table is applied again. */
	return apply_open(true, error) &&
	       apply_device_down(&quiet, temporary, w->facts, error) &&
	       (apply_table(&quiet, temporary, error) || quiet.partial);
}

static double milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static void add_overlay_routes(const struct work *w, int ifindex)
{
	struct fact_route route;
	size_t i;

	for (i = 0; i < w->plan->route_count; i++) {
		if (w->plan->routes[i].via != ROUTE_DEVICE)
			continue;
		route = apply_expected(&w->plan->routes[i], ifindex);
		rtnl_route_add(&route, RTNL_ADD);
	}
}

/*
 * To delete a device takes the kernel far longer than to have it down, under
 * another name: so that comes later.
 */
static int exchange(const struct work *w, int ifindex)
{
	const struct fact_link *v4 = w->links.v4, *v6 = w->links.v6;

	rtnl_batch_begin();
	if (v4)
		rtnl_link_down(v4->ifindex);
	if (v6)
		rtnl_link_down(v6->ifindex);
	if (v4)
		rtnl_link_rename(v4->ifindex, w->old, false);
	rtnl_link_rename(ifindex, w->plan->device.name, true);
	add_overlay_routes(w, ifindex);
	return rtnl_batch_send();
}

/* Also what is left to do when the exchange was refused, halfway or at all. */
static int delete_links(const struct work *w, int ifindex)
{
	rtnl_batch_begin();
	if (w->links.v4)
		rtnl_link_del(w->links.v4->ifindex);
	if (w->links.v6)
		rtnl_link_del(w->links.v6->ifindex);
	if ((int)if_nametoindex(w->plan->device.name) != ifindex)
		rtnl_link_rename(ifindex, w->plan->device.name, true);
	return rtnl_batch_send();
}

static bool is_of_links(const struct work *w, int ifindex)
{
	return (w->links.v4 && ifindex == w->links.v4->ifindex) ||
	       (w->links.v6 && ifindex == w->links.v6->ifindex);
}

/* All of them, but for those that come with addresses. */
static bool is_lost_route(const struct work *w, const struct fact_route *route)
{
	return is_of_links(w, route->oif) && route->protocol != RTPROT_KERNEL;
}

static int restore_links(const struct work *w, int ifindex)
{
	const struct fact_link *links[] = { w->links.v4, w->links.v6 };
	size_t i;

	rtnl_batch_begin();
	rtnl_link_del(ifindex);
	for (i = 0; i < ARRAY_SIZE(links); i++)
		if (links[i])
			rtnl_link_rename(links[i]->ifindex, links[i]->name, is_up(links[i]));
	return rtnl_batch_send();
}

/* Those of IPv6 are lost; a link may have given itself some of them again. */
static int restore_addrs(const struct work *w)
{
	const struct fact_addr *addr;
	int ret, first = 0;
	size_t i;

	for (i = 0; i < w->facts->addr_count; i++) {
		addr = &w->facts->addrs[i];
		if (addr->prefix.addr.family != AF_INET6 || !is_of_links(w, addr->ifindex))
			continue;
		ret = rtnl_addr_add(addr->ifindex, &addr->prefix);
		if (ret != -EEXIST)
			first = first ?: ret;
	}
	return first;
}

/* One of several next hops cannot be added alone. */
static int restore_routes(const struct work *w)
{
	const struct fact_route *route;
	int ret, several = 0;
	size_t i;

	rtnl_batch_begin();
	for (i = 0; i < w->facts->route_count; i++) {
		route = &w->facts->routes[i];
		if (!is_lost_route(w, route))
			continue;
		if (route->multipath)
			several = -EOPNOTSUPP;
		else
			rtnl_route_add(route, RTNL_ADD);
	}
	ret = rtnl_batch_send();
	return ret ?: several;
}

static void lacks(struct work *w, const char *what, int ret)
{
	if (!ret)
		return;
	log_warning("stock flannel has not all of its %s back: %s", what, strerror(-ret));
	w->whole = false;
}

/*
 * Ours cannot be brought up: theirs gets name, state, addresses, neighbours, FDB
 * entries and routes back.  What it does not is said.
 */
static void roll_back(struct work *w, int ifindex)
{
	size_t missing = 0;
	struct error error;

	w->given_back = w->whole = true;
	lacks(w, "devices", restore_links(w, ifindex));
	lacks(w, "addresses", restore_addrs(w));
	if (!neigh_restore(&w->had, &missing, &error)) {
		log_warning("%s; stock flannel may miss some", error.text);
		w->whole = false;
	} else if (missing) {
		log_warning("stock flannel has %zu of %zu neighbours and FDB entries not back",
			    missing, w->had.count);
		w->whole = false;
	}
	lacks(w, "routes", restore_routes(w));
}

static bool came_up(int ifindex)
{
	struct ipc_link now;

	return !ipc_link_get(ifindex, &now) && now.flags & IFF_UP;
}

/* Was the exchange refused from its first request on? */
static bool is_untouched(const struct work *w)
{
	const struct fact_link *link = w->links.v4 ?: w->links.v6;
	struct ipc_link now;

	return is_up(link) && !ipc_link_get(link->ifindex, &now) && now.flags & IFF_UP;
}

/* False when the old devices are as they were. */
static bool replace_links(struct work *w, int ifindex, struct error *error)
{
	double begin;
	int ret;

	if (!neigh_read(&w->had, error))
		return false;
	begin = milliseconds();
	ret = exchange(w, ifindex);
	w->t->gap = milliseconds() - begin;
	if (ret) {
		apply_refused(error, "taking %s over", w->plan->device.name);
		if (is_untouched(w))
			return false;
		if (!came_up(ifindex)) {
			roll_back(w, ifindex);
			return false;
		}
		log_warning("%s; what is missing is repaired now", error->text);
	}
	if (delete_links(w, ifindex))
		log_warning("stock flannel's devices: %s", strerror(ipc_error()->code));
	if (ret)
		w->t->gap = milliseconds() - begin;
	return true;
}

static void say_links(const struct work *w)
{
	const struct fact_link *links[] = { w->links.v4, w->links.v6 };
	char mac[MAC_TEXT];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(links); i++)
		if (links[i])
			apply_say(w->a, "link del %s: vxlan of stock flannel, MAC %s",
				  links[i]->name, format_mac(links[i]->lladdr, mac));
}

static const char *outcome(const struct work *w)
{
	if (!w->given_back)
		return "nothing has changed";
	return w->whole ? "stock flannel has all of it back" :
			  "stock flannel has it back and must be started again";
}

static bool swap(struct work *w, struct error *error)
{
	struct plan temporary = *w->plan;
	struct error why;
	int ifindex;

	w->indexes[0] = w->links.v4 ? w->links.v4->ifindex : 0;
	w->indexes[1] = w->links.v6 ? w->links.v6->ifindex : 0;
	w->had.links = w->indexes;
	w->had.link_count = ARRAY_SIZE(w->indexes);
	memcpy(temporary.device.name, w->name, sizeof(temporary.device.name));
	if (!build(w, &temporary, error)) {
		why = *error;
	} else {
		ifindex = if_nametoindex(w->name);
		apply_say(w->a, "link add %s: of kind " FLANNEL_LINK_KIND ", %zu leases", w->name,
			  w->plan->lease_count);
		if (replace_links(w, ifindex, &why))
			return true;
	}
	ifindex = if_nametoindex(w->name);
	if (ifindex)
		rtnl_link_del(ifindex);
	return set_error(error, "%s is not taken over, %s: %.400s", w->plan->device.name,
			 outcome(w), why.text);
}

/* What a dry run goes on with. */
static void forget_links(struct work *w)
{
	const struct fact_link *links[] = { w->links.v4, w->links.v6 };
	size_t i, left = 0;

	for (i = 0; i < w->facts->route_count; i++)
		if (!is_of_links(w, w->facts->routes[i].oif))
			w->facts->routes[left++] = w->facts->routes[i];
	w->facts->route_count = left;
	w->a->replaces = w->links.v4;
	/* The later one first: forgetting moves what is behind. */
	if (links[0] < links[1])
		forget_link(w->facts, links[1]);
	if (links[0])
		forget_link(w->facts, links[0]);
	if (links[1] && links[1] < links[0])
		forget_link(w->facts, links[1]);
	memset(&w->links, 0, sizeof(w->links));
}

/* Ours is there already: an agent was killed after the exchange. */
static bool finish_links(struct work *w, struct error *error)
{
	if (w->a->dry || !rtnl_link_del(w->links.v6->ifindex))
		say_links(w);
	/* One that is down does not have the port. */
	else if (is_up(w->links.v6))
		return apply_refused(error, "link del %s", w->links.v6->name);
	if (w->a->dry)
		forget_links(w);
	memset(&w->links, 0, sizeof(w->links));
	return true;
}

static bool take_links(struct work *w, struct error *error)
{
	const struct fact_link *ours = facts_link(w->facts, w->plan->device.name);

	if (!w->links.v4 && !w->links.v6)
		return true;
	if (ours && !strcmp(ours->kind, FLANNEL_LINK_KIND))
		return finish_links(w, error);
	if (w->a->dry) {
		apply_say(w->a, "link add %s: of kind " FLANNEL_LINK_KIND ", %zu leases", w->name,
			  w->plan->lease_count);
		say_links(w);
		apply_say(w->a, "link set %s name %s up", w->name, w->plan->device.name);
		forget_links(w);
		return true;
	}
	if (!swap(w, error))
		return false;
	say_links(w);
	apply_say(w->a, "link set %s name %s up", w->name, w->plan->device.name);
	memcpy(w->t->device, w->plan->device.name, sizeof(w->t->device));
	w->t->leases = w->plan->lease_count;
	memset(&w->links, 0, sizeof(w->links));
	return true;
}

/* --- routes --- */

static bool same_key(const struct fact_route *a, const struct fact_route *b)
{
	return !compare_prefix(&a->dst, &b->dst) && a->metric == b->metric;
}

static int compare_dst(const void *key, const void *route)
{
	return compare_prefix(key, &((const struct plan_route *)route)->dst);
}

/* What the plan has in the place of @route. */
static bool find_planned(const struct work *w, const struct fact_route *route,
			 struct fact_route *want)
{
	const struct plan_route *routes = w->plan->routes, *at;
	int device = if_nametoindex(w->plan->device.name);

	if (!w->plan->route_count)
		return false;
	at = bsearch(&route->dst, routes, w->plan->route_count, sizeof(*routes), compare_dst);
	if (!at)
		return false;
	while (at > routes && !compare_prefix(&at[-1].dst, &route->dst))
		at--;
	for (; at < routes + w->plan->route_count && !compare_prefix(&at->dst, &route->dst); at++) {
		*want = apply_expected(at, device);
		if (same_key(want, route))
			return true;
	}
	return false;
}

/* One request exchanges the first of the routes that have one key. */
static bool is_first(const struct work *w, const struct fact_route *route)
{
	return route_index_first(&w->index.routes, &route->dst, route->metric) == route;
}

static bool adopt(struct work *w, struct fact_route *route, struct error *error)
{
	struct fact_route want;
	char text[ROUTE_TEXT];

	if (!find_planned(w, route, &want) || !is_first(w, route))
		return true;
	apply_format_route(&want, w->plan->device.name, text);
	if (!w->a->dry && rtnl_route_add(&want, RTNL_REPLACE))
		return apply_refused(error, "route replace %s", text);
	apply_say(w->a, "route replace %s: adopted from stock flannel", text);
	*route = want;
	w->t->adopted++;
	return true;
}

static bool is_by_underlay(const struct work *w, const struct fact_route *route)
{
	return stock_route(w->in, &w->index, &w->links, route) > STOCK_DEVICE;
}

static bool adopt_routes(struct work *w, struct error *error)
{
	size_t i;

	for (i = 0; i < w->facts->route_count; i++)
		if (is_by_underlay(w, &w->facts->routes[i]) &&
		    !adopt(w, &w->facts->routes[i], error))
			return false;
	return true;
}

/* --- what takes long, and what is tried again --- */

const char *takeover_left(const struct takeover *t)
{
	return *t->stays ? t->stays : t->left;
}

/* Longer each time. */
int64_t takeover_wait(unsigned int cleanings, bool hung)
{
	int64_t wait = CLEAN_FIRST << (cleanings < 9 ? cleanings : 9);

	if (hung && wait < HUNG_PAUSE)
		wait = HUNG_PAUSE;
	return wait < CLEAN_LAST ? wait : CLEAN_LAST;
}

static void clean_later(struct takeover *t, bool hung)
{
	if (*takeover_left(t))
		t->clean_at = loop_now() + takeover_wait(t->cleanings++, hung);
}

/* That clean_later() is told of. */
static bool has_hung(const struct takeover *t)
{
	return loop_now() - t->cleaning_since >= STOCK_RULES_TIME;
}

bool takeover_busy(const struct takeover *t)
{
	return errand_runs(&t->cleaner.errand);
}

/* @work is for a process of its own, which keeps to its time itself, and says what did not. */
static bool leave_to(struct takeover *t,
		     bool (*work)(struct apply *a, void *plan, struct error *error),
		     const struct plan *plan, void (*ended)(struct errand *errand),
		     struct error *error)
{
	t->cleaning_since = loop_now();
	t->cleaner.errand.ended = ended;
	return apply_errand_start(&t->cleaner, work, (void *)plan, STOCK_RULES_TIME + 2000) ||
	       set_error(error, "%s", strerror(errno));
}

/* --- all of it --- */

/* Whenever the facts have moved. */
static bool index_facts(struct work *w, struct error *error)
{
	stock_index_free(&w->index);
	return stock_index_make(&w->index, w->in) ||
	       set_error(error, "no memory to look for routes of stock flannel among %zu",
			 w->facts->route_count);
}

bool takeover_look(const struct plan_input *in, const struct plan *plan, struct facts *facts,
		   bool *found, struct error *error)
{
	struct work w = { .in = in, .plan = plan, .facts = facts };
	struct error why;
	bool done;

	done = stock_find_links(in->config, facts, &w.links, error) && index_facts(&w, error);
	*found = done && has_anything(&w);
	if (done && !*found && !find_rules(plan, found, &why))
		done = cannot_look(&why, error);
	stock_index_free(&w.index);
	return done;
}

/* A node comes up all the same, and it is tried again what is left of the rules. */
static void rules_looked_for(struct takeover *t, bool done, const struct error *why)
{
	struct error error = { "" };

	if (!done)
		cannot_look(why, &error);
	if (*error.text && strcmp(t->left, error.text))
		log_warning("%s", error.text);
	memcpy(t->left, error.text, sizeof(t->left));
}

static bool look_for_rules(struct apply *a, void *plan, struct error *error)
{
	bool found, done = find_rules(plan, &found, error);

	if (found)
		apply_say(a, "there are rules of stock flannel");
	return done;
}

static void on_looked(struct errand *errand)
{
	struct takeover *t = container_of(errand, struct takeover, cleaner.errand);
	struct apply a = { 0 };
	struct error error;
	bool done = apply_errand_done(&t->cleaner, &error);

	apply_errand_say(&t->cleaner, &a);
	t->has_rules = a.changes;
	t->looked = true;
	rules_looked_for(t, done, &error);
	clean_later(t, has_hung(t));
	t->cleaned(t, 0);
}

static void start_looking(struct work *w)
{
	struct takeover *t = w->t;
	bool done = false;
	struct error error;

	t->asked4 = w->plan->rules4.network;
	t->asked6 = w->plan->rules6.network;
	if (w->a->dry || t->waits || !stock_rules_need_programs(w->plan))
		done = find_rules(w->plan, &t->found, &error);
	else if (leave_to(t, look_for_rules, w->plan, on_looked, &error))
		return;
	rules_looked_for(t, done, &error);
}

/* Of rules of other networks it says nothing. */
static bool take_answer(struct work *w)
{
	struct takeover *t = w->t;
	bool taken = t->looked && !compare_prefix(&t->asked4, &w->plan->rules4.network) &&
		     !compare_prefix(&t->asked6, &w->plan->rules6.network);

	t->found |= taken && t->has_rules;
	t->looked = t->has_rules = false;
	return taken;
}

/* Programs may take long: what they answer is for a later round, and for one only. */
static void look(struct work *w)
{
	struct takeover *t = w->t;
	bool known = take_answer(w) || takeover_busy(t) ||
		     (*t->left && loop_now() < t->clean_at);

	t->found = t->found || has_anything(w);
	if (!t->found && !known)
		start_looking(w);
}

static bool begin(struct work *w, struct error *error)
{
	bool taken;

	if (!index_facts(w, error))
		return false;
	look(w);
	if (!remove_leftovers(w, error))
		return false;
	/* What was found there may have moved. */
	stock_find_links(w->in->config, w->facts, &w->links, NULL);
	if (!w->t->found)
		return true;
	taken = take_links(w, error);
	neigh_free(&w->had);
	/* A dry run has forgotten routes. */
	return taken && index_facts(w, error) && adopt_routes(w, error);
}

bool takeover_begin(struct takeover *t, struct apply *a, const struct plan_input *in,
		    const struct plan *plan, struct facts *facts, bool *displaced,
		    struct error *error)
{
	struct work w = { .t = t, .a = a, .in = in, .plan = plan, .facts = facts };
	bool done;

	if (*plan->device.name) {
		stock_temporary_name(in->config, '+', w.name);
		stock_temporary_name(in->config, '-', w.old);
	}
	stock_find_links(in->config, facts, &w.links, NULL);
	done = begin(&w, error);
	stock_index_free(&w.index);
	/* To try that again would cost stock flannel its packets of a moment again. */
	*displaced = w.given_back;
	return done;
}

/* --- what is left --- */

static void remove_links_left(struct work *w, struct error *error)
{
	const struct fact_link *link;
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		link = find_link_left(w, v6);
		if (link && (w->a->dry || !rtnl_link_del(link->ifindex)))
			apply_say(w->a, "link del %s: vxlan of stock flannel", link->name);
		else if (link)
			apply_refused(*error->text ? NULL : error, "link del %s", link->name);
	}
}

static void remove_routes_left(struct work *w, struct error *error)
{
	unsigned int before = w->a->changes;
	size_t i;

	for (i = 0; i < w->facts->route_count; i++)
		if (is_by_underlay(w, &w->facts->routes[i]))
			apply_delete_route(w->a, &w->facts->routes[i],
					   *error->text ? NULL : error);
	w->t->removed += w->a->changes - before;
}

/* Whatever the kernel has said of the first of them: what is there stays. */
static void name_left(struct work *w, const struct error *links, const struct error *others)
{
	const struct fact_link *link = find_link_left(w, false) ?: find_link_left(w, true);
	char first[ROUTE_TEXT] = "";
	size_t routes = 0, i;

	for (i = 0; i < w->facts->route_count; i++)
		if (is_by_underlay(w, &w->facts->routes[i]) && !routes++)
			apply_format_route(&w->facts->routes[i], NULL, first);
	if (link)
		snprintf(w->t->stays, sizeof(w->t->stays), "device %s of stock flannel stays%s%.300s",
			 link->name, *links->text ? ": " : "", links->text);
	else if (routes)
		snprintf(w->t->stays, sizeof(w->t->stays),
			 "%zu routes of stock flannel stay, the first %.150s%s%.250s", routes, first,
			 *others->text ? ": " : "", others->text);
}

static bool sweep(struct work *w, struct error *error)
{
	struct error links = { "" }, others = { "" };

	if (!index_facts(w, error))
		return false;
	remove_links_left(w, &links);
	remove_routes_left(w, &others);
	if (w->a->dry)
		return true;
	facts_free(w->facts);
	if (!facts_read(w->facts, error) || !index_facts(w, error))
		return false;
	name_left(w, &links, &others);
	return true;
}

static void sweep_and_say(struct takeover *t, struct apply *a, const struct plan_input *in,
			  const struct plan *plan)
{
	struct work w = {
		.t = t, .a = a, .in = in, .plan = plan, .facts = (struct facts *)in->facts,
	};
	char before[sizeof(t->stays)];
	struct error error;

	memcpy(before, t->stays, sizeof(before));
	t->stays[0] = '\0';
	if (!sweep(&w, &error))
		snprintf(t->stays, sizeof(t->stays), "routes of stock flannel may stay: %.400s",
			 error.text);
	stock_index_free(&w.index);
	if (*t->stays && strcmp(t->stays, before))
		log_warning("%s", t->stays);
	else if (*before && !*t->stays)
		log_info("no routes or devices of stock flannel are left");
}

/* Where rules are, routes of former peers are stock flannel's, too: they go the next time. */
static void note_routes(struct takeover *t, bool done, bool changed)
{
	if (!t->unseen)
		return;
	t->unseen = !done && !changed;
	if (!changed)
		return;
	t->found = true;
	snprintf(t->stays, sizeof(t->stays), "routes of stock flannel may stay: not looked for yet");
	if (!*t->left)
		t->clean_at = loop_now();
}

static void rules_cleaned(struct takeover *t, bool done, bool changed, const struct error *error)
{
	char before[sizeof(t->left)];

	memcpy(before, t->left, sizeof(before));
	t->left[0] = '\0';
	if (!done)
		snprintf(t->left, sizeof(t->left), "rules of stock flannel stay: %.300s",
			 error->text);
	else if (t->cleanings)
		log_info("no rules of stock flannel are left");
	if (*t->left && strcmp(t->left, before))
		log_warning("%s", t->left);
	clean_later(t, has_hung(t));
	note_routes(t, done, changed);
}

static void say_cleaned(void *data, const char *line)
{
	(void)data;
	log_debug("%s", line);
}

static void on_cleaned(struct errand *errand)
{
	struct takeover *t = container_of(errand, struct takeover, cleaner.errand);
	struct apply a = { .say = say_cleaned };
	struct error error;
	bool done = apply_errand_done(&t->cleaner, &error);

	apply_errand_say(&t->cleaner, &a);
	rules_cleaned(t, done, a.changes, &error);
	t->cleaned(t, a.changes);
}

static bool remove_stock_rules(struct apply *a, void *plan, struct error *error)
{
	return stock_remove_rules(a, plan, error);
}

static void clean_rules(struct takeover *t, struct apply *a, const struct plan *plan)
{
	unsigned int before = a->changes;
	bool done = false;
	struct error error;

	t->cleaning_since = loop_now();
	if (a->dry || t->waits)
		done = stock_remove_rules(a, plan, &error);
	else if (leave_to(t, remove_stock_rules, plan, on_cleaned, &error))
		return;
	rules_cleaned(t, done, a->changes != before, &error);
}

static void clean(struct takeover *t, struct apply *a, const struct plan_input *in,
		  const struct plan *plan, bool routes, bool rules)
{
	if (routes)
		sweep_and_say(t, a, in, plan);
	if (rules)
		clean_rules(t, a, plan);
	else if (loop_now() >= t->clean_at)
		clean_later(t, false);
	/* Those were waited for, and nobody comes again. */
	if (rules && !routes && *t->stays)
		sweep_and_say(t, a, in, plan);
}

void takeover_end(struct takeover *t, struct apply *a, const struct plan_input *in,
		  const struct plan *plan)
{
	/* Programs that hang have their pause, whatever else was found meanwhile. */
	bool rules = *t->left ? loop_now() >= t->clean_at : t->found;

	t->done = true;
	t->unseen = !t->found && *t->left;
	clean(t, a, in, plan, t->found, rules);
}

void takeover_clean(struct takeover *t, struct apply *a, const struct plan_input *in,
		    const struct plan *plan)
{
	clean(t, a, in, plan, *t->stays, *t->left);
}

void takeover_stop(struct takeover *t)
{
	struct error error;

	t->looked = t->has_rules = false;
	if (!takeover_busy(t))
		return;
	errand_stop(&t->cleaner.errand);
	/* They are looked for anew, if at all. */
	if (!t->done)
		return;
	set_error(&error, "their removal was interrupted");
	rules_cleaned(t, false, false, &error);
}

const char *takeover_format(const struct takeover *t, char *text, size_t size)
{
	size_t len = 0;

	if (*t->device)
		len = snprintf(text, size, "took %s over from stock flannel: %zu leases, gap %.1f ms",
			       t->device, t->leases, t->gap);
	else
		len = snprintf(text, size, "took over from stock flannel");
	if ((t->adopted || t->removed) && len < size)
		snprintf(text + len, size - len, "%s %u routes adopted, %u removed",
			 *t->device ? "," : ":", t->adopted, t->removed);
	return text;
}
