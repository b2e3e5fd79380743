// SPDX-License-Identifier: GPL-2.0
/* Accept rules in chains of others that would drop pod traffic. */

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply_impl.h"
#include "forward.h"
#include "child.h"

#define CHAIN		"FORWARD"
/* Words of a rule of which ours must be told from others. */
#define RULE_WORDS	16
#define RULE_TEXT	512
/* iptables itself bounds how deep chains may call each other. */
#define MOST_DEPTH	16
/* Listings until rules are where they belong; two are the rule. */
#define PASSES		5
#define COMMENT_TEXT	128

/* --- what FORWARD does, from a listing --- */

/* One rule, cut into words; @count is 0 when it is too long to be of interest. */
struct rule {
	char text[RULE_TEXT];
	char *word[RULE_WORDS];
	int count;
};

enum fate {
	FALLS_THROUGH,
	RETURNED,
	ACCEPTED,
	DROPPED,
};

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : line + strlen(line);
}

/* The next word of @from into @to; quotes and backslashes as iptables -S has them. */
static const char *cut_word(const char *from, char **to, const char *end)
{
	bool quoted = false;

	for (; *from && *from != '\n' && (quoted || *from != ' '); from++) {
		if (*from == '"') {
			quoted = !quoted;
			continue;
		}
		if (quoted && *from == '\\' && from[1] && from[1] != '\n')
			from++;
		if (*to + 1 >= end)
			return NULL;
		*(*to)++ = *from;
	}
	*(*to)++ = '\0';
	return from;
}

static void cut_rule(const char *line, struct rule *rule)
{
	char *to = rule->text;

	rule->count = 0;
	while (*line && *line != '\n') {
		if (*line == ' ') {
			line++;
			continue;
		}
		if (rule->count == RULE_WORDS || to >= rule->text + sizeof(rule->text) - 1) {
			rule->count = 0;
			return;
		}
		rule->word[rule->count++] = to;
		line = cut_word(line, &to, rule->text + sizeof(rule->text));
		if (!line) {
			rule->count = 0;
			return;
		}
	}
}

/* Does @line start with @what, a blank, @chain and a blank or the end? */
static bool is_about(const char *line, const char *what, const char *chain)
{
	size_t head = strlen(what), len = strlen(chain);

	return !strncmp(line, what, head) && line[head] == ' ' &&
	       !strncmp(line + head + 1, chain, len) &&
	       (!line[head + 1 + len] || strchr(" \n", line[head + 1 + len]));
}

/* The line after @line or at it that is about @chain, NULL: none. */
static const char *find_line(const char *line, const char *what, const char *chain)
{
	for (; *line; line = next_line(line))
		if (is_about(line, what, chain))
			return line;
	return NULL;
}

/* The index of -j or -g in a rule without conditions, 0: it has some. */
static int find_target(const struct rule *rule)
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
	struct rule rule;
	enum fate fate;
	int i;

	cut_rule(line, &rule);
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
	if (!find_line(listing, "-N", target) || depth == MOST_DEPTH)
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
	const char *line = find_line(listing, "-A", chain);
	enum fate fate = FALLS_THROUGH;

	for (*at = 0; line; line = find_line(next_line(line), "-A", chain)) {
		++*at;
		fate = judge_rule(listing, line, depth);
		if (fate != FALLS_THROUGH)
			break;
	}
	return fate;
}

struct forward_verdict forward_judge(const char *listing)
{
	const char *policy = find_line(listing, "-P", CHAIN);
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

/* The two iptables keep rules in different places, and a host may use both. */
enum kind {
	KIND_NFT,
	KIND_LEGACY,
};

struct filter {
	struct apply *a;
	enum kind kind;
	uint8_t family;
	const struct prefix *network;		/* NULL: no rules of ours */
	char comment[COMMENT_TEXT];
	char program[32];
};

static int run(const struct filter *f, char *const words[], char **output, struct error *error)
{
	char *argv[RULE_WORDS + 4] = { (char *)f->program, "-w", "5" };
	int i;

	for (i = 0; words[i] && i < RULE_WORDS; i++)
		argv[3 + i] = words[i];
	return child_run(argv, output, error);
}

/* Plain iptables is of either kind, and says which. */
static bool is_of_kind(const struct filter *f)
{
	char *argv[3] = { (char *)f->program, "-V" };
	char *output;
	bool ok;

	ok = !child_run(argv, &output, NULL) &&
	     !strstr(output, "nf_tables") == (f->kind == KIND_LEGACY);
	free(output);
	return ok;
}

static bool find_program(struct filter *f, struct error *error)
{
	const char *name = f->family == AF_INET ? "iptables" : "ip6tables";
	const char *kind = f->kind == KIND_NFT ? "nft" : "legacy";

	snprintf(f->program, sizeof(f->program), "%s-%s", name, kind);
	if (is_of_kind(f))
		return true;
	snprintf(f->program, sizeof(f->program), "%s", name);
	if (is_of_kind(f))
		return true;
	return set_error(error, "iptables' (%s) chain " CHAIN " cannot be looked into: neither %s-%s nor %s of that kind works here",
			 kind, name, kind, name);
}

static const char *first_line(char *text)
{
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* The listing, to be freed, or NULL. */
static char *list(const struct filter *f, struct error *error)
{
	char *words[2] = { "-S" };
	char *output;
	int ret = run(f, words, &output, error);

	if (!ret)
		return output;
	if (ret > 0) {
		set_error(error, "%s -S: %.300s", f->program, first_line(output));
		free(output);
	}
	return NULL;
}

/* Run a command that changes a rule; @rule starts behind the chain's name. */
static bool change(const struct filter *f, char *verb, char *number, char *const *rule, int count,
		   struct error *error)
{
	char *words[RULE_WORDS + 4] = { verb, CHAIN };
	char text[RULE_TEXT] = "", *output = NULL;
	int n = 2, i, ret;

	if (number)
		words[n++] = number;
	for (i = 0; i < count; i++) {
		words[n++] = rule[i];
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s", rule[i]);
	}
	ret = f->a->dry ? 0 : run(f, words, &output, error);
	if (ret > 0)
		set_error(error, "%s %s " CHAIN "%s: %.200s", f->program, verb, text,
			  first_line(output));
	free(output);
	if (!ret)
		apply_say(f->a, "%s %s " CHAIN "%s%s%s", f->program, verb, number ? " " : "",
			  number ?: "", text);
	return !ret;
}

/* The two rules: from the network, and to it. */
#define OURS		2
#define OUR_WORDS	8

struct ours {
	char network[PREFIX_TEXT];
	char *word[OURS][OUR_WORDS];
};

static void make_ours(const struct filter *f, struct ours *ours)
{
	static char *const flags[OURS] = { "-s", "-d" };
	int i;

	if (f->network)
		format_prefix(f->network, ours->network);
	for (i = 0; i < OURS; i++) {
		char *const words[OUR_WORDS] = {
			flags[i], ours->network, "-m", "comment", "--comment",
			(char *)f->comment, "-j", "ACCEPT",
		};

		memcpy(ours->word[i], words, sizeof(words));
	}
}

static bool is_marked(const struct filter *f, const struct rule *rule)
{
	int i;

	for (i = 2; i + 1 < rule->count; i++)
		if (!strcmp(rule->word[i], "--comment") && !strcmp(rule->word[i + 1], f->comment))
			return true;
	return false;
}

/* Which of ours it is, or OURS. */
static int identify(const struct ours *ours, const struct rule *rule)
{
	int which, i;

	for (which = 0; which < OURS && rule->count == OUR_WORDS + 2; which++) {
		for (i = 0; i < OUR_WORDS; i++)
			if (strcmp(rule->word[i + 2], ours->word[which][i]))
				break;
		if (i == OUR_WORDS)
			return which;
	}
	return OURS;
}

/*
 * Delete what has our mark but not its place or form, or is there twice.  @seen
 * tells which of ours are well.  Returns how many were deleted, -1: an error.
 */
static int weed(const struct filter *f, const struct ours *ours, const char *listing,
		const struct forward_verdict *verdict, bool seen[OURS], struct error *error)
{
	const char *line = find_line(listing, "-A", CHAIN);
	unsigned int number = 0;
	struct rule rule;
	int deleted = 0, which;

	for (; line; line = find_line(next_line(line), "-A", CHAIN)) {
		number++;
		cut_rule(line, &rule);
		if (!is_marked(f, &rule))
			continue;
		which = f->network ? identify(ours, &rule) : OURS;
		if (which < OURS && !seen[which] && (!verdict->at || number < verdict->at)) {
			seen[which] = true;
			continue;
		}
		if (!change(f, "-D", NULL, &rule.word[2], rule.count - 2, error))
			return -1;
		deleted++;
	}
	return deleted;
}

static int insert(const struct filter *f, struct ours *ours, const struct forward_verdict *verdict,
		  const bool seen[OURS], struct error *error)
{
	int inserted = 0, which;
	char number[12];

	for (which = 0; which < OURS; which++) {
		if (seen[which])
			continue;
		snprintf(number, sizeof(number), "%u", verdict->at + inserted);
		if (!change(f, verdict->at ? "-I" : "-A", verdict->at ? number : NULL,
			    ours->word[which], OUR_WORDS, error))
			return -1;
		inserted++;
	}
	return inserted;
}

/* Returns how many changes one listing calls for, -1: an error. */
static int pass(const struct filter *f, struct ours *ours, struct error *error)
{
	struct forward_verdict verdict;
	bool seen[OURS] = { false };
	char *listing;
	int changes;

	listing = list(f, error);
	if (!listing)
		return -1;
	verdict = forward_judge(listing);
	changes = weed(f, ours, listing, &verdict, seen, error);
	free(listing);
	/* A deletion moves the numbers of what follows. */
	if (changes < 0 || (changes && !f->a->dry) || !f->network || !verdict.drops)
		return changes;
	return insert(f, ours, &verdict, seen, error);
}

static bool apply_filter(struct filter *f, struct error *error)
{
	int passes, changes;
	struct ours ours;

	if (!find_program(f, error))
		return false;
	make_ours(f, &ours);
	for (passes = 0; passes < PASSES; passes++) {
		changes = pass(f, &ours, error);
		if (changes < 0)
			return false;
		if (!changes || f->a->dry)
			return true;
	}
	return set_error(error, "%s: rules \"%s\" do not stay in " CHAIN, f->program, f->comment);
}

/* --- which chains there are --- */

/* Tables that iptables-legacy has, as soon as anybody has used it. */
static bool has_legacy_filter(uint8_t family)
{
	int fd = open(family == AF_INET ? "/proc/net/ip_tables_names" :
					  "/proc/net/ip6_tables_names", O_RDONLY | O_CLOEXEC);
	char text[256];
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, text + 1, sizeof(text) - 2);
	close(fd);
	if (len <= 0)
		return false;
	*text = '\n';
	text[len + 1] = '\0';
	return strstr(text, "\nfilter\n");
}

static const char *member(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "";
}

static bool is_iptables_chain(const json_t *chain, uint8_t family)
{
	return !strcmp(member(chain, "family"), family == AF_INET ? "ip" : "ip6") &&
	       !strcmp(member(chain, "table"), "filter") && !strcmp(member(chain, "name"), CHAIN);
}

static bool is_on_hook(const json_t *chain)
{
	const char *family = member(chain, "family");

	return !strcmp(member(chain, "hook"), "forward") &&
	       (!strcmp(family, "ip") || !strcmp(family, "ip6") || !strcmp(family, "inet"));
}

/* The array of what libnftables says to @command; NULL: nothing, or an error. */
static json_t *ask_nft(const char *command, struct error *error)
{
	char *text = nft_run(command, NFT_CTX_OUTPUT_JSON, error);
	json_t *root, *array;

	if (!text)
		return NULL;
	root = json_loads(text, 0, NULL);
	free(text);
	array = json_incref(json_object_get(root, "nftables"));
	json_decref(root);
	if (!array)
		set_error(error, "nft %s: no answer that can be read", command);
	return array;
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
	const char *table = member(chain, "table"), *name = member(chain, "name");
	json_t *answer;
	char *command;

	if (!is_plain(table) || !is_plain(name) ||
	    asprintf(&command, "list chain %s %s %s", member(chain, "family"), table, name) < 0)
		return NULL;
	answer = ask_nft(command, NULL);
	free(command);
	return answer;
}

static bool chain_drops(const json_t *chain)
{
	const json_t *element, *rule;
	bool drops = false;
	json_t *answer;
	size_t i;

	if (!strcmp(member(chain, "policy"), "drop"))
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
		snprintf(now, sizeof(now), "%s %s %s", member(chain, "family"),
			 member(chain, "table"), member(chain, "name"));
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
	struct filter f = { .a = a, .family = family, .network = network };
	bool ok = true;

	snprintf(f.comment, sizeof(f.comment), "flctl %s", instance);
	if (has_nft_filter(chains, family))
		ok = apply_filter(&f, error);
	f.kind = KIND_LEGACY;
	if (has_legacy_filter(family) && !apply_filter(&f, ok ? error : NULL))
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

bool apply_forward(struct apply *a, const struct plan *plan, const char *instance,
		   struct error *error)
{
	json_t *chains = ask_nft("list chains", error);
	bool ok;

	if (!chains)
		return false;
	ok = apply_both(a, chains, plan->forward ? plan : NULL, instance, error);
	if (plan->forward)
		warn_of_others(chains);
	json_decref(chains);
	return ok;
}

bool remove_forward(struct apply *a, const char *instance, struct error *error)
{
	json_t *chains = ask_nft("list chains", error);
	bool ok;

	if (!chains)
		return false;
	ok = apply_both(a, chains, NULL, instance, error);
	json_decref(chains);
	return ok;
}
