// SPDX-License-Identifier: GPL-2.0
/* Accept rules in chains of others that would drop pod traffic. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply_errand.h"
#include "apply_impl.h"
#include "child.h"
#include "forward.h"
#include "iptables.h"
#include "loop.h"
#include "nft_json.h"

#define CHAIN		"FORWARD"
#define RULE		"-A " CHAIN " "
/* iptables itself bounds how deep chains may call each other. */
#define MOST_DEPTH	16
/* Listings until rules are where they belong; two are the rule. */
#define PASSES		5
#define COMMENT_TEXT	128
/* Milliseconds: for all programs together, and after some that took longer. */
#define MOST_TIME	5000
#define PAUSE		20000

/* --- what FORWARD does, from a listing --- */

enum fate {
	FALLS_THROUGH,
	RETURNED,
	ACCEPTED,
	DROPPED,
};

/* The index of -j or -g in a rule without conditions, 0: it has some. */
static int find_target(const struct iptables_rule *rule)
{
	int i = 2;

	while (i + 3 < rule->count && !strcmp(rule->word[i], "-m") &&
	       !strcmp(rule->word[i + 1], "comment") && !strcmp(rule->word[i + 2], "--comment"))
		i += 4;
	if (i + 1 < rule->count && (!strcmp(rule->word[i], "-j") || !strcmp(rule->word[i], "-g")))
		return i;
	return 0;
}

static enum fate judge_chain(const char *listing, const char *chain, unsigned int depth,
			     unsigned int *at);

static enum fate judge_rule(const char *listing, const char *line, unsigned int depth)
{
	const char *target;
	unsigned int at;
	struct iptables_rule rule;
	enum fate fate;
	int i;

	iptables_cut(line, &rule);
	i = find_target(&rule);
	if (!i)
		return FALLS_THROUGH;
	target = rule.word[i + 1];
	if (!strcmp(target, "ACCEPT"))
		return ACCEPTED;
	if (!strcmp(target, "DROP") || !strcmp(target, "REJECT"))
		return DROPPED;
	if (!strcmp(target, "RETURN"))
		return RETURNED;
	if (!iptables_line(listing, "-N", target) || depth == MOST_DEPTH)
		return FALLS_THROUGH;
	fate = judge_chain(listing, target, depth + 1, &at);
	if (fate > RETURNED)
		return fate;
	/* Whoever goes to a chain does not come back. */
	return rule.word[i][1] == 'g' ? RETURNED : FALLS_THROUGH;
}

static enum fate judge_chain(const char *listing, const char *chain, unsigned int depth,
			     unsigned int *at)
{
	const char *line = iptables_line(listing, "-A", chain);
	enum fate fate = FALLS_THROUGH;

	for (*at = 0; line; line = iptables_line(iptables_next(line), "-A", chain)) {
		++*at;
		fate = judge_rule(listing, line, depth);
		if (fate != FALLS_THROUGH)
			break;
	}
	return fate;
}

struct forward_verdict forward_judge(const char *listing)
{
	const char *policy = iptables_line(listing, "-P", CHAIN);
	struct forward_verdict verdict = { 0 };
	enum fate fate;

	fate = judge_chain(listing, CHAIN, 0, &verdict.at);
	if (fate == FALLS_THROUGH)
		verdict.at = 0;
	if (fate <= RETURNED)
		verdict.drops = policy && !strncmp(policy + strlen("-P " CHAIN " "), "DROP", 4);
	else
		verdict.drops = fate == DROPPED;
	return verdict;
}

/* --- one iptables of one family --- */

struct filter {
	struct apply *a;
	struct iptables iptables;
	const struct prefix *network;		/* NULL: no rules of ours */
	char comment[COMMENT_TEXT];
};

/* The listing, to be freed, or NULL. */
static char *list(const struct filter *f, struct error *error)
{
	return iptables_list(&f->iptables, "filter", error);
}

/* The two rules: from the network, and to it. */
#define OURS		2

struct ours {
	char line[OURS][IPTABLES_TEXT];		/* as `iptables -S` prints it */
	struct iptables_rule rule[OURS];
};

static void make_ours(const struct filter *f, struct ours *ours)
{
	static const char *const flags[OURS] = { "-s", "-d" };
	char network[PREFIX_TEXT];
	int i;

	for (i = 0; f->network && i < OURS; i++) {
		snprintf(ours->line[i], sizeof(ours->line[i]),
			 RULE "%s %s -m comment --comment \"%s\" -j ACCEPT", flags[i],
			 format_prefix(f->network, network), f->comment);
		iptables_cut(ours->line[i], &ours->rule[i]);
	}
}

static bool is_marked(const struct filter *f, const struct iptables_rule *rule)
{
	int i;

	for (i = 2; i + 1 < rule->count; i++)
		if (!strcmp(rule->word[i], "--comment") && !strcmp(rule->word[i + 1], f->comment))
			return true;
	return false;
}

static bool same_rule(const struct iptables_rule *a, const struct iptables_rule *b)
{
	int i;

	for (i = 0; a->count == b->count && i < a->count; i++)
		if (strcmp(a->word[i], b->word[i]))
			return false;
	return a->count == b->count;
}

/* Which of ours it is, or OURS. */
static int identify(const struct filter *f, const struct ours *ours,
		    const struct iptables_rule *rule)
{
	int which = f->network ? 0 : OURS;

	while (which < OURS && !same_rule(&ours->rule[which], rule))
		which++;
	return which;
}

/* What is to be done with one listing, in the words of iptables-restore. */
struct edit {
	const char *listing;
	struct forward_verdict verdict;
	bool well[OURS];			/* there once, and in its place */
	unsigned int above;			/* rules that go before what decides */
	unsigned int changes;
	FILE *file;
};

/* A rule of the chain; all zero before the first. */
struct cursor {
	const char *line;
	unsigned int number;			/* from 1 */
	struct iptables_rule rule;
};

static bool next_rule(const char *listing, struct cursor *at)
{
	at->line = iptables_line(at->line ? iptables_next(at->line) : listing, "-A", CHAIN);
	if (!at->line)
		return false;
	at->number++;
	iptables_cut(at->line, &at->rule);
	return true;
}

static void find_well(const struct filter *f, const struct ours *ours, struct edit *e)
{
	unsigned int copies[OURS] = { 0 };
	struct cursor at = { 0 };
	int which;

	while (next_rule(e->listing, &at)) {
		which = identify(f, ours, &at.rule);
		if (which < OURS)
			e->well[which] = !copies[which]++ &&
					 (!e->verdict.at || at.number < e->verdict.at);
	}
}

/*
 * What has our mark but not its place or form, or is there twice.  A rule goes with
 * all its copies, since iptables looks for it from the top and takes the first.
 */
static void write_deletions(const struct filter *f, const struct ours *ours, struct edit *e)
{
	struct cursor at = { 0 };
	const char *rest;
	int which;

	while (next_rule(e->listing, &at)) {
		which = identify(f, ours, &at.rule);
		if (!is_marked(f, &at.rule) || (which < OURS && e->well[which]))
			continue;
		rest = at.line + strlen("-A");
		fprintf(e->file, "-D%.*s\n", (int)strcspn(rest, "\n"), rest);
		e->above += at.number < e->verdict.at;
		e->changes++;
	}
}

static void write_insertions(const struct ours *ours, struct edit *e)
{
	unsigned int at = e->verdict.at - e->above;
	const char *rest;
	int which;

	for (which = 0; which < OURS; which++) {
		rest = ours->line[which] + strlen(RULE);
		if (e->well[which])
			continue;
		if (e->verdict.at)
			fprintf(e->file, "-I " CHAIN " %u %s\n", at++, rest);
		else
			fprintf(e->file, RULE "%s\n", rest);
		e->changes++;
	}
}

/* All changes at once, to be freed; NULL: no memory. */
static char *write_edit(const struct filter *f, const struct ours *ours, struct edit *e)
{
	char *text = NULL;
	size_t size;

	e->file = open_memstream(&text, &size);
	if (!e->file)
		return NULL;
	find_well(f, ours, e);
	fputs("*filter\n", e->file);
	write_deletions(f, ours, e);
	if (f->network && e->verdict.drops)
		write_insertions(ours, e);
	fputs("COMMIT\n", e->file);
	if (!fclose(e->file))
		return text;
	free(text);
	return NULL;
}

static void say_edit(const struct filter *f, const char *text)
{
	for (; *text; text = iptables_next(text))
		if (*text == '-')
			apply_say(f->a, "%s %.*s", f->iptables.program, (int)strcspn(text, "\n"),
				  text);
}

/* Returns how many changes one listing calls for, -1: an error. */
static int pass(const struct filter *f, const struct ours *ours, struct error *error)
{
	struct edit e = { 0 };
	char *listing, *text;
	bool done;

	listing = list(f, error);
	if (!listing)
		return -1;
	e.listing = listing;
	e.verdict = forward_judge(listing);
	text = write_edit(f, ours, &e);
	free(listing);
	done = text ? !e.changes || f->a->dry || iptables_restore(&f->iptables, text, error) :
		      set_error(error, "%s: no memory", f->iptables.program);
	if (done)
		say_edit(f, text);
	free(text);
	return done ? (int)e.changes : -1;
}

static bool apply_filter(struct filter *f, struct error *error)
{
	int passes, changes;
	struct ours ours;

	if (!iptables_find(&f->iptables, error))
		return false;
	make_ours(f, &ours);
	for (passes = 0; passes < PASSES; passes++) {
		changes = pass(f, &ours, error);
		if (changes < 0)
			return false;
		if (!changes || f->a->dry)
			return true;
	}
	return set_error(error, "%s: rules \"%s\" do not stay in " CHAIN, f->iptables.program, f->comment);
}

/* --- which chains there are --- */

static bool is_iptables_chain(const json_t *chain, uint8_t family)
{
	return !strcmp(nft_member(chain, "family"), family == AF_INET ? "ip" : "ip6") &&
	       !strcmp(nft_member(chain, "table"), "filter") && !strcmp(nft_member(chain, "name"), CHAIN);
}

static bool is_on_hook(const json_t *chain)
{
	const char *family = nft_member(chain, "family");

	return !strcmp(nft_member(chain, "hook"), "forward") &&
	       (!strcmp(family, "ip") || !strcmp(family, "ip6") || !strcmp(family, "inet"));
}

static bool has_nft_filter(const json_t *chains, uint8_t family)
{
	const json_t *element, *chain;
	size_t i;

	json_array_foreach(chains, i, element) {
		chain = json_object_get(element, "chain");
		if (chain && is_on_hook(chain) && is_iptables_chain(chain, family))
			return true;
	}
	return false;
}

/* Is there nothing but a verdict that drops? */
static bool drops_all(const json_t *rule)
{
	const json_t *expressions = json_object_get(rule, "expr"), *expression;
	size_t i;

	json_array_foreach(expressions, i, expression) {
		if (json_object_get(expression, "drop") || json_object_get(expression, "reject"))
			return true;
		if (!json_object_get(expression, "counter") && !json_object_get(expression, "log"))
			return false;
	}
	return false;
}

/* The grammar has no quotes for names, so that odd ones cannot be asked for. */
static bool is_plain(const char *name)
{
	return !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")];
}

static json_t *list_chain(const json_t *chain)
{
	const char *table = nft_member(chain, "table"), *name = nft_member(chain, "name");
	json_t *answer;
	char *command;

	if (!is_plain(table) || !is_plain(name) ||
	    asprintf(&command, "list chain %s %s %s", nft_member(chain, "family"), table, name) < 0)
		return NULL;
	answer = nft_ask(command, NULL);
	free(command);
	return answer;
}

static bool chain_drops(const json_t *chain)
{
	const json_t *element, *rule;
	bool drops = false;
	json_t *answer;
	size_t i;

	if (!strcmp(nft_member(chain, "policy"), "drop"))
		return true;
	answer = list_chain(chain);
	json_array_foreach(answer, i, element) {
		rule = json_object_get(element, "rule");
		if (rule && drops_all(rule))
			drops = true;
	}
	json_decref(answer);
	return drops;
}

/* Once for each chain that comes to be the first of them. */
static void warn_of_others(const json_t *chains)
{
	static char told[256];
	char now[sizeof(told)] = "";
	const json_t *element, *chain;
	size_t i;

	json_array_foreach(chains, i, element) {
		chain = json_object_get(element, "chain");
		if (!chain || !is_on_hook(chain) || is_iptables_chain(chain, AF_INET) ||
		    is_iptables_chain(chain, AF_INET6) || !chain_drops(chain))
			continue;
		snprintf(now, sizeof(now), "%s %s %s", nft_member(chain, "family"),
			 nft_member(chain, "table"), nft_member(chain, "name"));
		break;
	}
	if (*now && strcmp(now, told))
		log_warning("nft chain %s drops what none of its rules accepts: see that one accepts the pod network, flctl has no means to",
			    now);
	strcpy(told, now);
}

static bool apply_family(struct apply *a, const json_t *chains, uint8_t family,
			 const struct prefix *network, const char *instance, struct error *error)
{
	struct filter f = { .a = a, .network = network };
	bool ok = true;

	f.iptables.family = family;
	snprintf(f.comment, sizeof(f.comment), "flctl %s", instance);
	if (has_nft_filter(chains, family))
		ok = apply_filter(&f, error);
	f.iptables.kind = IPTABLES_LEGACY;
	if (iptables_has_legacy(family, "filter") && !apply_filter(&f, ok ? error : NULL))
		ok = false;
	return ok;
}

static const struct prefix *network_of(const struct plan_rules *rules)
{
	return rules->network.addr.family ? &rules->network : NULL;
}

static bool apply_both(struct apply *a, const json_t *chains, const struct plan *plan,
		       const char *instance, struct error *error)
{
	const struct prefix *network4 = plan ? network_of(&plan->rules4) : NULL;
	const struct prefix *network6 = plan ? network_of(&plan->rules6) : NULL;
	bool ok;

	ok = apply_family(a, chains, AF_INET, network4, instance, error);
	return apply_family(a, chains, AF_INET6, network6, instance, ok ? error : NULL) && ok;
}

/* --- what is known of it --- */

/* The networks that rules are for, or none. */
struct aim {
	struct prefix network4, network6;
};

/* Of the last time that programs were run. */
static struct {
	int64_t begun, again;		/* not run before that */
	bool answered, failed;
	struct aim asked, aim;		/* of the last run, of the last answer */
	struct error error;
} known;

static struct aim aim_of(const struct plan *plan)
{
	struct aim aim = { 0 };

	if (plan && plan->forward) {
		aim.network4 = plan->rules4.network;
		aim.network6 = plan->rules6.network;
	}
	return aim;
}

static bool same_aim(const struct aim *a, const struct aim *b)
{
	return !compare_prefix(&a->network4, &b->network4) &&
	       !compare_prefix(&a->network6, &b->network6);
}

bool forward_known(const struct plan *plan)
{
	const struct aim aim = aim_of(plan);

	return known.answered && same_aim(&known.aim, &aim);
}

static void ask(const struct plan *plan)
{
	known.begun = loop_now();
	known.asked = aim_of(plan);
}

/* Programs that hang are not run again at once: until then their error stands. */
static void remember(bool ok, const char *why)
{
	bool hung = loop_now() - known.begun >= MOST_TIME;

	known.answered = true;
	known.aim = known.asked;
	known.failed = !ok;
	known.again = !ok && hung ? loop_now() + PAUSE : 0;
	if (!ok)
		set_error(&known.error, "%.400s%s", why, hung ? "; not tried for 20 s" : "");
}

static bool tell(struct error *error)
{
	return !known.failed || set_error(error, "%s", known.error.text);
}

static bool in_time(struct apply *a, const json_t *chains, const struct plan *plan,
		    const char *instance, struct error *error)
{
	bool ok;

	child_limit(MOST_TIME);
	ok = apply_both(a, chains, plan, instance, error);
	child_limit(0);
	return ok;
}

bool apply_forward(struct apply *a, const struct plan *plan, const char *instance,
		   struct error *error)
{
	json_t *chains = nft_ask("list chains", error);
	struct error why;
	bool ok;

	if (!chains)
		return false;
	if (loop_now() >= known.again) {
		ask(plan);
		ok = in_time(a, chains, plan->forward ? plan : NULL, instance, &why);
		remember(ok, why.text);
	}
	if (plan->forward)
		warn_of_others(chains);
	json_decref(chains);
	return tell(error);
}

/* --- by a process of its own, so that the loop goes on --- */

static struct apply_errand errand;
static bool news;			/* it has found some, and no round has taken them */
static bool outdated;			/* something changed since it was started */
static void (*call)(void *data);
static void *call_data;

struct task {
	const json_t *chains;
	const struct plan *plan;
	const char *instance;
};

static bool work(struct apply *a, void *data, struct error *error)
{
	const struct task *task = data;

	return in_time(a, task->chains, task->plan, task->instance, error);
}

/* Nobody has to hear that all is as it was: the next round asks again. */
static void on_end(struct errand *ended)
{
	bool awaited = !known.answered || !same_aim(&known.aim, &known.asked);
	bool was = known.failed;
	struct error why;
	bool ok = apply_errand_done(&errand, &why);

	remember(ok, why.text);
	news = *ended->text || known.failed || was || awaited || outdated;
	if (news)
		call(call_data);
}

static bool wants_programs(const json_t *chains)
{
	return has_nft_filter(chains, AF_INET) || has_nft_filter(chains, AF_INET6) ||
	       iptables_has_legacy(AF_INET, "filter") || iptables_has_legacy(AF_INET6, "filter");
}

static void start(const struct task *task)
{
	ask(task->plan);
	outdated = false;
	if (!wants_programs(task->chains)) {
		remember(true, "");
		return;
	}
	errand.errand.ended = on_end;
	/* It keeps to its time itself, and says then what did not. */
	if (!apply_errand_start(&errand, work, (void *)task, MOST_TIME + 2000))
		remember(false, strerror(errno));
}

bool forward_later(struct apply *a, const struct plan *plan, const char *instance, bool changed,
		   struct error *error)
{
	struct task task = { .plan = plan->forward ? plan : NULL, .instance = instance };
	json_t *chains;
	bool fresh = news;

	news = false;
	if (fresh)
		apply_errand_say(&errand, a);
	if (errand_runs(&errand.errand)) {
		outdated |= changed;
		return tell(error);
	}
	/* This round is because of what it has found. */
	if ((fresh && !changed && !outdated && forward_known(plan)) || loop_now() < known.again)
		return tell(error);
	chains = nft_ask("list chains", error);
	if (!chains)
		return false;
	task.chains = chains;
	start(&task);
	if (plan->forward)
		warn_of_others(chains);
	json_decref(chains);
	return tell(error);
}

void forward_open(void (*ended)(void *data), void *data)
{
	call = ended;
	call_data = data;
}

void forward_close(void)
{
	errand_stop(&errand.errand);
}

bool remove_forward(struct apply *a, const char *instance, struct error *error)
{
	json_t *chains = nft_ask("list chains", error);
	bool ok;

	if (!chains)
		return false;
	ok = apply_both(a, chains, NULL, instance, error);
	json_decref(chains);
	return ok;
}
