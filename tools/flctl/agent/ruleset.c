// SPDX-License-Identifier: GPL-2.0
/*
 * The rules of an instance: one table of family inet, so that both families
 * and all chains are replaced in one transaction.
 *
 * Masquerading is what stock flannel does by iptables, rule for rule.  There,
 * what comes from neither pods nor nodes' overlay addresses and goes to a remote
 * pod is masqueraded, too; its own nftables rules miss that.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

/* kube-proxy's, tested as a mask: other bits may be set beside it. */
#define MASQUERADE_MARK	0x4000

struct family_words {
	const char *match;
	const char *multicast;
};

static const struct family_words words4 = { "ip", "224.0.0.0/4" };
static const struct family_words words6 = { "ip6", "ff00::/8" };

/*
 * Where the network contains the underlay, encapsulated packets look like a
 * pod's: another source address would make them a stranger's to peers.
 */
static void write_own(FILE *file, const struct plan *plan, const struct plan_rules *rules,
		      const struct family_words *words)
{
	const struct link_options *options = &plan->device.options;
	struct addr local = { rules->network.addr.family, { 0 } };
	char text[ADDR_TEXT];

	if (local.family == AF_INET)
		memcpy(local.bytes, options->local, sizeof(options->local));
	else
		memcpy(local.bytes, options->local6, sizeof(options->local6));
	if (*plan->device.name && prefix_contains(&rules->network, &local))
		fprintf(file, "\t\t%s saddr %s udp dport %u return\n", words->match,
			format_addr(&local, text), plan->port);
}

static void write_masquerade(FILE *file, const struct plan *plan, const struct plan_rules *rules,
			     const struct family_words *words)
{
	const char *masquerade = plan->random_fully ? "masquerade fully-random" : "masquerade";
	char network[PREFIX_TEXT], subnet[PREFIX_TEXT];
	const char *ip = words->match;

	if (!rules->network.addr.family)
		return;
	format_prefix(&rules->network, network);
	format_prefix(&rules->subnet, subnet);
	write_own(file, plan, rules, words);
	fprintf(file, "\t\t%s saddr %s %s daddr %s return\n", ip, subnet, ip, network);
	fprintf(file, "\t\t%s saddr %s %s daddr %s return\n", ip, network, ip, subnet);
	fprintf(file, "\t\t%s saddr != %s %s daddr %s return\n", ip, network, ip, subnet);
	fprintf(file, "\t\t%s saddr %s %s daddr != %s %s\n", ip, network, ip, words->multicast,
		masquerade);
	fprintf(file, "\t\t%s saddr != %s %s daddr %s %s\n", ip, network, ip, network, masquerade);
}

static void write_forward(FILE *file, const struct plan_rules *rules,
			  const struct family_words *words)
{
	char network[PREFIX_TEXT];

	if (!rules->network.addr.family)
		return;
	format_prefix(&rules->network, network);
	fprintf(file, "\t\t%s saddr %s accept\n", words->match, network);
	fprintf(file, "\t\t%s daddr %s accept\n", words->match, network);
}

static void open_chain(FILE *file, const char *name, const char *type, const char *hook,
		       const char *priority)
{
	fprintf(file, "\tchain %s {\n\t\ttype %s hook %s priority %s; policy accept;\n", name, type,
		hook, priority);
}

static void write_table(FILE *file, const struct plan *plan)
{
	if (plan->masquerade) {
		open_chain(file, "postrouting", "nat", "postrouting", "srcnat");
		fprintf(file, "\t\tmeta mark & 0x%x == 0x%x return\n", MASQUERADE_MARK,
			MASQUERADE_MARK);
		write_masquerade(file, plan, &plan->rules4, &words4);
		write_masquerade(file, plan, &plan->rules6, &words6);
		fputs("\t}\n", file);
	}
	if (plan->forward) {
		open_chain(file, "forward", "filter", "forward", "filter");
		write_forward(file, &plan->rules4, &words4);
		write_forward(file, &plan->rules6, &words6);
		fputs("\t}\n", file);
	}
}

char *plan_ruleset(const struct plan *plan, const char *instance)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	bool failed;

	if (!file)
		return NULL;
	/* Adding it first makes deleting succeed when there is none. */
	fprintf(file, "add table inet flannel_%s\ndelete table inet flannel_%s\n", instance,
		instance);
	if (plan->masquerade || plan->forward) {
		fprintf(file, "table inet flannel_%s {\n", instance);
		write_table(file, plan);
		fputs("}\n", file);
	}
	failed = ferror(file);
	failed |= fclose(file);
	if (!failed)
		return text;
	free(text);
	return NULL;
}
