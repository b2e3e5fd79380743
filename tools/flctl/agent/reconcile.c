// SPDX-License-Identifier: GPL-2.0
/* reconcile.c - from what is to what should be, again and again */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent.h"
#include "forward.h"
#include "identity.h"
#include "made.h"
#include "monitor.h"
#include "notify.h"
#include "relevance.h"

/* After a failure, doubled up to the second. */
#define RETRY_FIRST	500
#define RETRY_LAST	30000
/* So many repairs of one part in so long are a fight. */
#define FIGHT_COUNT	5
#define FIGHT_TIME	20000
#define FIGHT_PAUSE	60000
/* So long a better interface or address must stay, before all peers hear of it. */
#define BETTER_TIME	5000
/* Our device was deleted: so long nobody else has to come. */
#define GONE_TIME	300
/* When nothing is told, all is read anyhow after so long. */
#define WHOLE_TIME	60000

static const char *const part_names[PARTS] = {
	[PART_SYSCTLS] = "sysctls",
	[PART_DEVICE] = "the device",
	[PART_TABLE] = "the lease table",
	[PART_ROUTES] = "routes",
	[PART_RULES] = "masquerade and forward rules",
	[PART_FORWARD] = "rules in other chains on the forward hook",
	[PART_SUBNET_ENV] = "subnet.env",
};

void agent_soon(struct agent *agent, int64_t milliseconds)
{
	int64_t due = loop_now() + milliseconds;

	if (!agent->reconcile.due || due < agent->reconcile.due)
		loop_after(&agent->reconcile, milliseconds);
}

/* --- notices ---------------------------------------------------------------- */

static bool noticed(const struct agent *agent, const char *notice)
{
	size_t i;

	for (i = 0; i < agent->notice_count; i++)
		if (!strcmp(agent->notices[i], notice))
			return true;
	return false;
}

void agent_forget_notices(struct agent *agent)
{
	size_t i;

	for (i = 0; i < agent->notice_count; i++)
		free(agent->notices[i]);
	free(agent->notices);
	agent->notices = NULL;
	agent->notice_count = 0;
}

/* Takes those of @plan over, once those that are new are said. */
static void say_notices(struct agent *agent, struct plan *plan)
{
	size_t i;

	for (i = 0; i < plan->notice_count; i++)
		if (!noticed(agent, plan->notices[i]))
			log_warning("%s", plan->notices[i]);
	agent_forget_notices(agent);
	agent->notices = plan->notices;
	agent->notice_count = plan->notice_count;
	plan->notices = NULL;
	plan->notice_count = plan->notice_room = 0;
}

/* --- parts ------------------------------------------------------------------ */

struct round {
	struct agent *agent;
	struct plan_input input;
	struct plan *plan;
	struct facts facts;
	struct apply apply;
	struct error error;
	bool quiet;			/* only what no event reports; no facts */
	bool reached;			/* parts were applied, or tried */
	bool core;			/* packets flow, whatever else has failed */
	bool rules;			/* ours are in place */
	bool waits;			/* to be ready, for what FORWARD does */
};

/* Who waits for a node to be ready waits for these, too; the loop never does. */
static bool forward(struct round *r)
{
	struct agent *agent = r->agent;
	const char *instance = agent->options->plan.instance;
	bool done;

	if (r->apply.dry || agent->options->once)
		return apply_forward(&r->apply, r->plan, instance, &r->error);
	done = forward_later(&r->apply, r->plan, instance,
			     agent->fresh || agent->told & CHANGE_RULES, &r->error);
	/* What others do in their place is kept until these are there. */
	if (!forward_known(r->plan)) {
		r->rules = false;
		r->waits = done && !agent->ready;
		agent->quiet = false;
	}
	return done;
}

static bool run_part(struct round *r, enum part part)
{
	const struct run_options *o = r->agent->options;
	const struct plan *plan = r->plan;

	switch (part) {
	case PART_SYSCTLS:
		return apply_sysctls(&r->apply, plan, &r->error);
	case PART_DEVICE:
		return apply_device(&r->apply, plan, &r->facts, &r->agent->displaced, &r->error);
	case PART_TABLE:
		return !plan->device.name[0] || apply_table(&r->apply, plan, &r->error);
	case PART_ROUTES:
		return apply_routes(&r->apply, plan, &r->facts, &r->error);
	case PART_RULES:
		return apply_rules(&r->apply, plan, o->plan.instance, &r->error);
	case PART_FORWARD:
		return forward(r);
	case PART_SUBNET_ENV:
		return apply_subnet_env(&r->apply, plan, o->plan.subnet_file, &r->error);
	default:
		return true;
	}
}

/*
 * Somebody undoes what we do: let go for a while, and say so.  Changes that a
 * snapshot asked for are no repairs, nor is what follows a link that came or went,
 * but for the device, whose deletion is just that.
 */
static void note_repair(struct agent *agent, enum part part)
{
	struct repair *repair = &agent->repairs[part];
	int64_t now = loop_now();

	if (agent->fresh || !agent->ready ||
	    (agent->told & CHANGE_LINK && part != PART_DEVICE))
		return;
	if (now - repair->since > FIGHT_TIME) {
		repair->since = now;
		repair->count = 0;
	}
	if (++repair->count < FIGHT_COUNT)
		return;
	log_error("somebody undoes %s again and again: %u times in %lld s; left alone for %d s",
		  part_names[part], repair->count, (long long)(now - repair->since) / 1000,
		  FIGHT_PAUSE / 1000);
	repair->until = now + FIGHT_PAUSE;
	repair->count = 0;
}

static bool apply_part(struct round *r, enum part part)
{
	struct agent *agent = r->agent;
	unsigned int before = r->apply.changes;
	bool done;

	if (!r->apply.dry && loop_now() < agent->repairs[part].until && !agent->fresh) {
		agent->quiet = false;
		agent_soon(agent, agent->repairs[part].until - loop_now());
		agent->quiet = false;
		return set_error(&r->error, "somebody undoes %s again and again: left alone for now",
				 part_names[part]);
	}
	done = run_part(r, part);
	if (!r->apply.dry && r->apply.changes != before) {
		note_repair(agent, part);
		agent->generation += part == PART_TABLE;
	}
	return done;
}

/* Facts that a new device changes are read again before routes go over it. */
static bool read_again(struct round *r)
{
	facts_free(&r->facts);
	return facts_read(&r->facts, &r->error);
}

/* By netlink, and much to read. */
static bool is_reported(enum part part)
{
	return part == PART_DEVICE || part == PART_TABLE || part == PART_ROUTES;
}

/*
 * Who takes the name deletes our device and makes his own at once: one that has
 * just gone is not made again before he had the time to.
 */
static bool waits_for_others(struct round *r)
{
	struct agent *agent = r->agent;
	int64_t now = loop_now();

	if (r->quiet)
		return false;
	if (r->apply.dry || !agent->ready || !r->plan->device.name[0] ||
	    facts_link(&r->facts, r->plan->device.name)) {
		agent->gone_at = 0;
		return false;
	}
	if (!agent->gone_at)
		agent->gone_at = now;
	if (now - agent->gone_at >= GONE_TIME)
		return false;
	agent->quiet = false;
	agent_soon(agent, agent->gone_at + GONE_TIME - now);
	set_error(&r->error, "device %s is gone: it is made again, unless somebody takes its name",
		  r->plan->device.name);
	return true;
}

/* Does the failure of @part keep packets from flowing? */
static bool is_core(const struct round *r, enum part part)
{
	return is_reported(part) ? part != PART_TABLE || !r->apply.partial :
				   part == PART_SYSCTLS || part == PART_SUBNET_ENV;
}

/*
 * What fails does not keep the rest from being done, but for a device that is not
 * there, which table and routes need.  Returns false with the first error.
 */
static bool apply_all(struct round *r)
{
	bool ok = true, waits;
	struct error first;
	enum part part;

	/* Also while the device is left alone, and before anything is written. */
	r->agent->displaced = !r->quiet && device_displaced(r->plan, &r->facts, &r->error);
	if (r->agent->displaced)
		return false;
	waits = waits_for_others(r);
	r->reached = r->core = r->rules = true;
	for (part = 0; part < PARTS; part++) {
		unsigned int before = r->apply.changes;
		bool done = (r->quiet && is_reported(part)) ||
			    (!(waits && is_reported(part)) && apply_part(r, part));

		if (done && part == PART_DEVICE && r->apply.changes != before && !r->apply.dry)
			done = read_again(r);
		if (done)
			continue;
		if (ok)
			first = r->error;
		ok = false;
		r->core &= !is_core(r, part);
		r->rules &= part != PART_RULES && part != PART_FORWARD;
		if (r->agent->displaced)
			break;
		if (part == PART_DEVICE && !facts_link(&r->facts, r->plan->device.name))
			part = PART_ROUTES;
	}
	if (!ok)
		r->error = first;
	return ok;
}

/* --- one round -------------------------------------------------------------- */

static bool same_addresses(const struct iface *a, const struct iface *b)
{
	return !compare_addr(&a->public4, &b->public4) && !compare_addr(&a->public6, &b->public6);
}

/* Nothing keeps us from following where what we have is there no more. */
static bool settled(struct agent *agent, const struct facts *facts, const struct iface *better)
{
	int64_t now = loop_now();

	if (!agent->ready || iface_same(better, &agent->iface) ||
	    !iface_stands(facts, &agent->iface)) {
		agent->better_since = 0;
		return true;
	}
	if (!agent->better_since || !iface_same(better, &agent->better)) {
		agent->better = *better;
		agent->better_since = now;
		log_info("interface %s by %s is to be used from now on: followed if that stays for %d s",
			 better->name, better->why, BETTER_TIME / 1000);
	}
	/* It is not waited for anew while an obstacle keeps it from being followed. */
	if (now - agent->better_since >= BETTER_TIME)
		return true;
	agent->quiet = false;
	agent_soon(agent, agent->better_since + BETTER_TIME - now);
	return false;
}

enum obstacle agent_obstacle(const struct agent *agent, const struct net_config *config,
			     const struct facts *facts, const char *underlay,
			     struct error *error)
{
	const struct run_options *o = agent->options;
	const struct obstacle_input in = {
		.config = config,
		.facts = facts,
		.underlay = underlay,
		.etcd = o->file.path[0] ? NULL : &o->etcd,
		.subnet_file = o->plan.subnet_file,
		.takeover = !agent->takeover.done,
		.dry = o->dry_run,
		.leaves = agent->leaves,
	};

	return obstacle_find(&in, error);
}

/* Not while somebody else has this node: peers believe whatever is published. */
static bool may_publish(struct round *r, const struct iface *iface)
{
	struct agent *agent = r->agent;
	struct error why;

	if (!agent_obstacle(agent, &agent->config, &r->facts, iface->name, &why))
		return true;
	if (strcmp(agent->no_iface, why.text))
		log_error("%s; going on with %s", why.text, agent->iface.name);
	snprintf(agent->no_iface, sizeof(agent->no_iface), "%s", why.text);
	agent->quiet = false;
	agent_soon(agent, OBSTACLE_TIME);
	return false;
}

static void publish(struct agent *agent, const struct iface *iface)
{
	struct node node = {
		.public4 = iface->public4, .public6 = iface->public6, .mac_known = true,
	};

	log_info("the public address changed; it is published with the same subnet");
	memcpy(node.mac4, agent->mac, 6);
	memcpy(node.mac6, agent->mac, 6);
	agent->store->ops->publish(agent->store, &node);
}

/* Follow addresses and interfaces; what peers must know is published. */
static bool follow_iface(struct round *r)
{
	struct agent *agent = r->agent;
	const struct net_config *config = &agent->config;
	struct iface iface;

	if (!iface_choose(&r->facts, &agent->options->iface, config->v4.network.addr.family,
			  config->v6.network.addr.family, &iface, &r->error)) {
		agent->better_since = 0;
		/* A NIC that is away for a while; peers may leave meanwhile. */
		if (!agent->ready || r->apply.dry)
			return false;
		if (strcmp(agent->no_iface, r->error.text))
			log_warning("%s; going on with %s", r->error.text, agent->iface.name);
		snprintf(agent->no_iface, sizeof(agent->no_iface), "%s", r->error.text);
		return true;
	}
	if (!settled(agent, &r->facts, &iface)) {
		agent->iface.mtu = facts_link_by_index(&r->facts, agent->iface.ifindex)->mtu;
		agent->no_iface[0] = '\0';
		return true;
	}
	if (!same_addresses(&iface, &agent->iface) && !r->apply.dry) {
		if (!may_publish(r, &iface))
			return true;
		publish(agent, &iface);
	}
	agent->no_iface[0] = '\0';
	agent->iface = iface;
	return true;
}

static void describe_input(struct round *r)
{
	struct agent *agent = r->agent;

	r->input = (struct plan_input){
		.config = &agent->config,
		.options = &agent->options->plan,
		.iface = &agent->iface,
		.own = &agent->own,
		.peers = &agent->peers,
		.facts = &r->facts,
		.stores = agent->stores,
		.store_count = agent->store_count,
	};
	memcpy(r->input.mac, agent->mac, 6);
}

static bool make_plan(struct round *r)
{
	describe_input(r);
	return plan_make(&r->input, r->plan, &r->error);
}

static bool begin_takeover(struct round *r)
{
	struct agent *agent = r->agent;
	unsigned int before = r->apply.changes;

	if (agent->takeover.done)
		return true;
	/* When there was no lease yet there was none; a dry run has looked. */
	agent->blocked = !r->apply.dry &&
			 agent_obstacle(agent, &agent->config, &r->facts, agent->iface.name,
					&r->error);
	if (agent->blocked) {
		/* Who is in the way may make rules meanwhile. */
		takeover_stop(&agent->takeover);
		agent_soon(agent, OBSTACLE_TIME);
		return false;
	}
	if (!takeover_begin(&agent->takeover, &r->apply, &r->input, r->plan, &r->facts,
			    &agent->displaced, &r->error))
		return false;
	return r->apply.dry || r->apply.changes == before || read_again(r);
}

static bool end_takeover(struct round *r)
{
	struct takeover *takeover = &r->agent->takeover;
	char text[256];

	if (takeover->done)
		return true;
	/* Nobody waits for programs: the round after their end has all to do again. */
	if (takeover_busy(takeover)) {
		r->agent->quiet = false;
		return true;
	}
	if (!r->apply.dry && !read_again(r))
		return false;
	takeover_end(takeover, &r->apply, &r->input, r->plan);
	if (!takeover->found || r->apply.dry)
		return true;
	takeover_format(takeover, text, sizeof(text));
	if (r->agent->options->takeover_only)
		printf("%s\n", text);
	else
		log_info("%s", text);
	return true;
}

static bool apply_round(struct round *r)
{
	struct error why;
	bool ok;

	if (!begin_takeover(r))
		return false;
	if (r->apply.dry && r->agent->options->takeover_only && !r->agent->takeover.found) {
		printf("nothing to take over\n");
		return true;
	}
	ok = apply_all(r);
	/* Not for want of what stock flannel cannot give either. */
	why = r->error;
	if (r->core && r->rules && !end_takeover(r))
		return false;
	if (!ok)
		r->error = why;
	/* What an earlier configuration had goes when all of this one is there. */
	if (!ok || !r->rules)
		return ok;
	return made_clean(&r->apply, r->agent->made_file, r->plan, &r->facts, &r->error);
}

static bool run_round(struct round *r)
{
	struct error error;

	if (!facts_read(&r->facts, &r->error) || !follow_iface(r) || !make_plan(r)) {
		/* Nobody knows for how long what was found there holds. */
		if (!r->agent->takeover.done)
			takeover_stop(&r->agent->takeover);
		return false;
	}
	if (r->apply.dry) {
		plan_print(r->plan, stdout);
		return apply_round(r);
	}
	say_notices(r->agent, r->plan);
	if (!made_remember(r->agent->made_file, r->plan, &error) && !r->agent->made_unsaved) {
		log_warning("%s: what is made now stays when the configuration has it no more",
			    error.text);
		r->agent->made_unsaved = true;
	}
	if (!identity_save(r->agent->mac_file, r->agent->mac, &error) && !r->agent->mac_unsaved) {
		log_warning("%s: after a reboot the VTEP may have another MAC", error.text);
		r->agent->mac_unsaved = true;
	}
	return apply_round(r);
}

static void say_change(void *data, const char *line)
{
	const struct agent *agent = data;

	if (agent->options->takeover_only)
		printf("%s\n", line);
	else if (agent->fresh || !agent->ready)
		log_debug("%s", line);
	else
		log_info("repaired: %s", line);
}

/* What no event reports, and all of it now and then. */
static void soon_again(struct agent *agent)
{
	int64_t resync = agent->options->resync * 1000LL;
	int64_t whole = agent->whole_at + WHOLE_TIME - loop_now();

	agent_soon(agent, resync < whole ? resync : whole > 0 ? whole : 0);
}

/* From now on only what may change this is told. */
static void learn(const struct round *r)
{
	char table[72];

	snprintf(table, sizeof(table), "flannel_%s", r->agent->options->plan.instance);
	relevance_learn(&r->facts, r->plan->device.name, table);
}

/* Packets flow; perhaps something else is wrong, and stands in @error. */
static void works(struct agent *agent, const struct round *r)
{
	bool anew = false;

	agent->waits = r->waits;
	agent->applied = !r->waits;
	agent->applied_at = loop_now();
	agent->told = 0;
	agent->leases = r->plan->lease_count;
	agent->skipped = r->plan->skipped;
	if (!r->quiet && r->facts.link_count)
		learn(r);
	/* To ask for them loads the module, which other backends do not need. */
	if (r->plan->device.name[0] && (!monitor_tables(&anew) || anew))
		agent->quiet = false;
	/* Nobody told what has changed since the table was read. */
	if (anew)
		agent_soon(agent, 0);
	monitor_file();
	if (!agent->ready && !r->waits) {
		agent->ready = true;
		notify_ready();
	}
	notify_status("%zu leases, %zu peers, %s", r->plan->lease_count, agent->peers.count,
		      agent->store->state.reachable ? "store reachable" : "store not reachable");
}

static void succeeded(struct agent *agent)
{
	agent->retries = 0;
	agent->error[0] = '\0';
	soon_again(agent);
}

static void failed(struct agent *agent, const struct error *error)
{
	int64_t wait = RETRY_FIRST << (agent->retries < 6 ? agent->retries : 6);

	if (strcmp(agent->error, error->text))
		log_error("%s", error->text);
	snprintf(agent->error, sizeof(agent->error), "%s", error->text);
	agent->failures++;
	agent->retries++;
	agent->quiet = false;
	agent->applied = agent->waits = false;
	agent_soon(agent, wait < RETRY_LAST ? wait : RETRY_LAST);
}

/* What of stock flannel could not be removed at once: not for ever theirs. */
static void clean_again(struct round *r)
{
	struct takeover *takeover = &r->agent->takeover;

	if (!takeover->done || !*takeover_left(takeover) || takeover_busy(takeover))
		return;
	if (loop_now() >= takeover->clean_at) {
		describe_input(r);
		if (!read_again(r))
			takeover->clean_at = loop_now() + WHOLE_TIME;
		else
			takeover_clean(takeover, &r->apply, &r->input, r->plan);
	}
	if (*takeover_left(takeover) && !takeover_busy(takeover))
		agent_soon(r->agent, takeover->clean_at - loop_now());
}

static int64_t nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void yield_while(struct agent *agent, bool blocked)
{
	bool was = agent->store->yielded;

	agent->store->yielded = blocked;
	if (was && !blocked)
		agent->store->ops->reconsider(agent->store);
}

/* All of it; or with the plan of before, when nothing was told since. */
static bool run_some_round(struct round *r)
{
	struct agent *agent = r->agent;

	r->quiet = agent->quiet && !agent->fresh && loop_now() - agent->whole_at < WHOLE_TIME;
	/* Unless something is found that must be looked at again. */
	agent->quiet = true;
	if (r->quiet)
		return apply_all(r);
	plan_free(r->plan);
	agent->whole_at = loop_now();
	return run_round(r);
}

void agent_reconcile(struct agent *agent)
{
	struct round r = {
		.agent = agent,
		.plan = &agent->plan,
		.apply = { .say = say_change, .data = agent },
	};
	int64_t begin = nanoseconds();
	bool was = agent->displaced;

	if (!agent->leased || agent->displaced)
		return;
	if (run_some_round(&r)) {
		works(agent, &r);
		succeeded(agent);
	} else if (agent->displaced && !was) {
		log_error("%s; displaced: nothing is written until SIGHUP or a restart",
			  r.error.text);
		snprintf(agent->error, sizeof(agent->error), "%s", r.error.text);
		agent->applied = false;
		takeover_stop(&agent->takeover);
		forward_close();
		agent->store->yielded = true;
		notify_status("displaced: %s", r.error.text);
	} else {
		failed(agent, &r.error);
		if (r.core)
			works(agent, &r);
	}
	if (agent->applied)
		clean_again(&r);
	if (r.reached)
		agent->fresh = false;
	/* May bring other leases, which are for the next round. */
	if (!agent->displaced)
		yield_while(agent, agent->blocked);
	agent->reconciles++;
	agent->changes += r.apply.changes;
	agent->last_ns = nanoseconds() - begin;
	agent->reconcile_ns += agent->last_ns;
	agent->round_at = loop_now();
	facts_free(&r.facts);
}

bool agent_find_stock(struct agent *agent, bool *found, struct error *error)
{
	struct plan plan = {};
	struct round r = { .agent = agent, .plan = &plan, .apply = { .dry = true } };
	bool done;

	done = facts_read(&r.facts, &r.error) && follow_iface(&r) && make_plan(&r) &&
	       takeover_look(&r.input, &plan, &r.facts, found, &r.error);
	if (!done)
		*error = r.error;
	facts_free(&r.facts);
	plan_free(&plan);
	return done;
}

static void print_change(void *data, const char *line)
{
	(void)data;
	printf("would: %s\n", line);
}

bool agent_dry_run(struct agent *agent)
{
	struct plan plan = {};
	struct round r = {
		.agent = agent,
		.plan = &plan,
		.apply = { .dry = true, .say = print_change },
	};
	bool done = run_round(&r);
	size_t i;

	for (i = 0; i < plan.notice_count; i++)
		printf("note: %s\n", plan.notices[i]);
	if (!done)
		log_error("%s", r.error.text);
	else if (!r.apply.changes && !agent->options->takeover_only)
		printf("nothing to change\n");
	facts_free(&r.facts);
	plan_free(&plan);
	return done;
}
