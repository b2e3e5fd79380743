/* SPDX-License-Identifier: GPL-2.0 */
/*
 * iptables.h - the host's own iptables, and what it lists
 *
 * The two kinds keep rules in different places, and a host may use both.  A rule
 * is a line as `iptables -S` prints it: "-A CHAIN ...".
 */
#ifndef AGENT_IPTABLES_H
#define AGENT_IPTABLES_H

#include "log.h"

/* Words of a rule that is of interest here; others have any number. */
#define IPTABLES_WORDS	24
#define IPTABLES_TEXT	512
#define IPTABLES_PROGRAM	32

enum iptables_kind {
	IPTABLES_NFT,
	IPTABLES_LEGACY,
};

/* One program; @kind and @family are given, iptables_find() does the rest. */
struct iptables {
	enum iptables_kind kind;
	uint8_t family;
	char program[IPTABLES_PROGRAM];
};

/* One rule, cut into words; @count is 0 when it is too long to be of interest. */
struct iptables_rule {
	char text[IPTABLES_TEXT];
	char *word[IPTABLES_WORDS];
	int count;
};

bool iptables_find(struct iptables *iptables, struct error *error);
/* As child_run(); @words end with NULL. */
int iptables_run(const struct iptables *iptables, char *const words[], char **output,
		 struct error *error);
/*
 * Have iptables-restore make all changes of @input, in its own words, or none of
 * them: whoever ends in between leaves nothing half done.
 */
bool iptables_restore(const struct iptables *iptables, const char *input, struct error *error);
/* All of @table, to be freed, or NULL with a sentence. */
char *iptables_list(const struct iptables *iptables, const char *table, struct error *error);
/* Cut off what is behind the first line. */
const char *iptables_first(char *text);
/* The kernel has tables of iptables-legacy, as soon as anybody has used them. */
bool iptables_has_legacy(uint8_t family, const char *table);

/* The line after @line. */
const char *iptables_next(const char *line);
/* The first one, from @line on, that is "WHAT CHAIN ...", as in -A FORWARD; NULL: none. */
const char *iptables_line(const char *line, const char *what, const char *chain);
void iptables_cut(const char *line, struct iptables_rule *rule);

#endif /* AGENT_IPTABLES_H */
