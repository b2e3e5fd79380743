// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply_impl.h"
#include "child.h"
#include "stock.h"
#include "stock_rules.h"

struct place {
	const char *table, *chain, *from;
};

static const struct place places[] = {
	{ "nat", "FLANNEL-POSTRTG", "POSTROUTING" },
	{ "filter", "FLANNEL-FWD", "FORWARD" },
};

/* Of a chain or a table. */
struct census {
	unsigned int ours, others, rules;
};

static void count(struct census *census, enum stock_owner owner)
{
	census->rules++;
	census->ours += owner == STOCK_OURS;
	census->others += owner == STOCK_OTHER;
}

/* Nobody but us is in it; an empty one is left by somebody who was killed. */
static bool is_all_ours(const struct census *census)
{
	return !census->others && (census->ours || !census->rules);
}

/* --- iptables --- */

struct chain {
	struct apply *a;
	struct iptables iptables;
	const struct place *place;
	const struct prefix *network;
};

/* iptables -t TABLE VERB CHAIN RULE... */
static bool change(const struct chain *c, char *verb, const char *name, char *const *rule,
		   int words, struct error *error)
{
	char *argv[IPTABLES_WORDS + 4] = { "-t", (char *)c->place->table, verb, (char *)name };
	char text[IPTABLES_TEXT] = "", *output = NULL;
	int i, ret;

	for (i = 0; i < words && i < IPTABLES_WORDS - 1; i++) {
		argv[4 + i] = rule[i];
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s", rule[i]);
	}
	ret = c->a->dry ? 0 : iptables_run(&c->iptables, argv, &output, error);
	if (ret > 0)
		set_error(error, "%s -t %s %s %s%.200s: %.200s", c->iptables.program,
			  c->place->table, verb, name, text, iptables_first(output));
	free(output);
	if (!ret)
		apply_say(c->a, "%s -t %s %s %s%s", c->iptables.program, c->place->table, verb,
			  name, text);
	return !ret;
}

static struct census count_chain(const struct chain *c, const char *listing)
{
	const char *line = iptables_line(listing, "-A", c->place->chain);
	struct census census = { 0 };
	struct iptables_rule rule;

	for (; line; line = iptables_line(iptables_next(line), "-A", c->place->chain)) {
		iptables_cut(line, &rule);
		count(&census, stock_iptables_rule(&rule, c->network));
	}
	return census;
}

static bool remove_ours(const struct chain *c, const char *listing, struct error *error)
{
	const char *line = iptables_line(listing, "-A", c->place->chain);
	struct iptables_rule rule;

	for (; line; line = iptables_line(iptables_next(line), "-A", c->place->chain)) {
		iptables_cut(line, &rule);
		if (stock_iptables_rule(&rule, c->network) == STOCK_OURS &&
		    !change(c, "-D", c->place->chain, &rule.word[2], rule.count - 2, error))
			return false;
	}
	return true;
}

static bool is_jump(const struct iptables_rule *rule, const char *chain)
{
	int i;

	for (i = 2; i + 1 < rule->count; i++)
		if (!strcmp(rule->word[i], "-j") && !strcmp(rule->word[i + 1], chain))
			return true;
	return false;
}

static bool remove_chain(const struct chain *c, const char *listing, struct error *error)
{
	const char *line = iptables_line(listing, "-A", c->place->from);
	struct iptables_rule rule;

	for (; line; line = iptables_line(iptables_next(line), "-A", c->place->from)) {
		iptables_cut(line, &rule);
		if (is_jump(&rule, c->place->chain) &&
		    !change(c, "-D", c->place->from, &rule.word[2], rule.count - 2, error))
			return false;
	}
	return change(c, "-F", c->place->chain, NULL, 0, error) &&
	       change(c, "-X", c->place->chain, NULL, 0, error);
}

static bool clean_chain(struct chain *c, struct error *error)
{
	struct census census;
	char *listing;
	bool ok = true;

	if (!iptables_find(&c->iptables, error))
		return false;
	listing = iptables_list(&c->iptables, c->place->table, error);
	if (!listing)
		return false;
	census = count_chain(c, listing);
	if (iptables_line(listing, "-N", c->place->chain))
		ok = is_all_ours(&census) ? remove_chain(c, listing, error) :
					    remove_ours(c, listing, error);
	free(listing);
	return ok;
}

/* --- nft --- */

static const char *nft_family(uint8_t family)
{
	return family == AF_INET ? "ip" : "ip6";
}

static bool has_chain(const json_t *chains, uint8_t family, const char *table, const char *name)
{
	const json_t *element, *chain;
	size_t i;

	json_array_foreach(chains, i, element) {
		chain = json_object_get(element, "chain");
		if (chain && !strcmp(nft_member(chain, "family"), nft_family(family)) &&
		    !strcmp(nft_member(chain, "table"), table) &&
		    (!name || !strcmp(nft_member(chain, "name"), name)))
			return true;
	}
	return false;
}

static struct census count_table(const json_t *listing, const struct prefix *network)
{
	struct census census = { 0 };
	const json_t *element, *rule;
	size_t i;

	json_array_foreach(listing, i, element) {
		rule = json_object_get(element, "rule");
		if (rule)
			count(&census, stock_nft_rule(rule, network));
	}
	return census;
}

/* One transaction; says what it deletes. */
static void write_deletions(FILE *file, struct apply *a, const json_t *listing,
			    const struct prefix *network)
{
	const json_t *element, *rule;
	size_t i;

	json_array_foreach(listing, i, element) {
		rule = json_object_get(element, "rule");
		if (!rule || stock_nft_rule(rule, network) != STOCK_OURS)
			continue;
		fprintf(file, "delete rule %s %s %s handle %lld\n", nft_member(rule, "family"),
			nft_member(rule, "table"), nft_member(rule, "chain"),
			(long long)json_integer_value(json_object_get(rule, "handle")));
		apply_say(a, "nft delete rule %s %s %s: it names the network",
			  nft_member(rule, "family"), nft_member(rule, "table"),
			  nft_member(rule, "chain"));
	}
}

static bool clean_listing(struct apply *a, const json_t *listing, const char *table,
			  const struct prefix *network, struct error *error)
{
	const char *family = nft_family(network->addr.family);
	struct census census = count_table(listing, network);
	char *command = NULL, *output = NULL;
	size_t size;
	FILE *file = open_memstream(&command, &size);

	if (!file)
		return set_error(error, "rules: no memory");
	if (is_all_ours(&census)) {
		fprintf(file, "delete table %s %s\n", family, table);
		apply_say(a, "nft delete table %s %s", family, table);
	} else {
		write_deletions(file, a, listing, network);
	}
	if (fclose(file))
		set_error(error, "rules: no memory");
	else if (a->dry || !*command)
		output = strdup("");
	else
		output = nft_run(command, 0, error);
	free(command);
	free(output);
	return output;
}

static bool clean_table(struct apply *a, const json_t *chains, const struct prefix *network,
			struct error *error)
{
	const char *table = network->addr.family == AF_INET ? "flannel-ipv4" : "flannel-ipv6";
	char command[64];
	json_t *listing;
	bool ok;

	if (!has_chain(chains, network->addr.family, table, NULL))
		return true;
	snprintf(command, sizeof(command), "list table %s %s", nft_family(network->addr.family),
		 table);
	listing = nft_ask(command, error);
	if (!listing)
		return false;
	ok = clean_listing(a, listing, table, network, error);
	json_decref(listing);
	return ok;
}

/* --- both --- */

static bool clean_family(struct apply *a, const json_t *chains, const struct prefix *network,
			 struct error *error)
{
	struct chain c = { .a = a, .network = network };
	bool ok = true;
	size_t i;

	if (!network->addr.family)
		return true;
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		c.place = &places[i];
		c.iptables = (struct iptables){ IPTABLES_NFT, network->addr.family };
		if (has_chain(chains, network->addr.family, places[i].table, places[i].chain) &&
		    !clean_chain(&c, ok ? error : NULL))
			ok = false;
		c.iptables.kind = IPTABLES_LEGACY;
		if (iptables_has_legacy(network->addr.family, places[i].table) &&
		    !clean_chain(&c, ok ? error : NULL))
			ok = false;
	}
	return clean_table(a, chains, network, ok ? error : NULL) && ok;
}

static bool has_places(const json_t *chains, uint8_t family)
{
	size_t i;

	for (i = 0; family && i < ARRAY_SIZE(places); i++)
		if (has_chain(chains, family, places[i].table, places[i].chain) ||
		    iptables_has_legacy(family, places[i].table))
			return true;
	return false;
}

bool stock_rules_need_programs(const struct plan *plan)
{
	json_t *chains = nft_ask("list chains", NULL);
	bool need = has_places(chains, plan->rules4.network.addr.family) ||
		    has_places(chains, plan->rules6.network.addr.family);

	json_decref(chains);
	return need;
}

bool stock_remove_rules(struct apply *a, const struct plan *plan, struct error *error)
{
	json_t *chains = nft_ask("list chains", error);
	bool ok;

	if (!chains)
		return false;
	child_limit(STOCK_RULES_TIME);
	ok = clean_family(a, chains, &plan->rules4.network, error);
	ok = clean_family(a, chains, &plan->rules6.network, ok ? error : NULL) && ok;
	child_limit(0);
	json_decref(chains);
	return ok;
}
