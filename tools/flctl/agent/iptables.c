// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "iptables.h"

/* --- listings --- */

const char *iptables_next(const char *line)
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

void iptables_cut(const char *line, struct iptables_rule *rule)
{
	char *to = rule->text;

	rule->count = 0;
	while (*line && *line != '\n') {
		if (*line == ' ') {
			line++;
			continue;
		}
		if (rule->count == IPTABLES_WORDS ||
		    to >= rule->text + sizeof(rule->text) - 1) {
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

const char *iptables_line(const char *line, const char *what, const char *chain)
{
	for (; *line; line = iptables_next(line))
		if (is_about(line, what, chain))
			return line;
	return NULL;
}

/* --- programs --- */

int iptables_run(const struct iptables *iptables, char *const words[], char **output,
		 struct error *error)
{
	char *argv[IPTABLES_WORDS + 8] = { (char *)iptables->program, "-w", "5" };
	int i;

	for (i = 0; words[i] && i < IPTABLES_WORDS + 4; i++)
		argv[3 + i] = words[i];
	return child_run(argv, output, error);
}

/* Plain iptables is of either kind, and says which; -ETIMEDOUT: nothing. */
static int is_of_kind(const char *program, enum iptables_kind kind, struct error *error)
{
	char *argv[3] = { (char *)program, "-V" };
	char *output;
	int ret;

	ret = child_run(argv, &output, error);
	if (ret != -ETIMEDOUT)
		ret = !ret && !strstr(output, "nf_tables") == (kind == IPTABLES_LEGACY);
	free(output);
	return ret;
}

/* @what does not happen without the program, whose name ends with @tail. */
static bool find(const struct iptables *iptables, const char *tail, const char *what,
		 char program[IPTABLES_PROGRAM], struct error *error)
{
	const char *name = iptables->family == AF_INET ? "iptables" : "ip6tables";
	const char *kind = iptables->kind == IPTABLES_NFT ? "nft" : "legacy";
	int ret;

	snprintf(program, IPTABLES_PROGRAM, "%s-%s%s", name, kind, tail);
	ret = is_of_kind(program, iptables->kind, error);
	if (!ret) {
		snprintf(program, IPTABLES_PROGRAM, "%s%s", name, tail);
		ret = is_of_kind(program, iptables->kind, error);
	}
	if (ret)
		return ret > 0;
	return set_error(error, "rules of iptables (%s) cannot be %s: neither %s-%s%s nor %s%s of that kind works here",
			 kind, what, name, kind, tail, name, tail);
}

bool iptables_find(struct iptables *iptables, struct error *error)
{
	return find(iptables, "", "looked into", iptables->program, error);
}

static void make_one_line(char *text)
{
	for (; (text = strchr(text, '\n')); text++)
		*text = text[1] ? ' ' : '\0';
}

/* It names the number of a line that nobody has seen. */
static void explain(const char *program, const char *input, char *output, struct error *error)
{
	const char *at = strstr(output, "line "), *line = input;
	unsigned int number = at ? strtoul(at + strlen("line "), NULL, 10) : 0;

	while (number-- > 1 && *line)
		line = iptables_next(line);
	make_one_line(output);
	if (at && *line)
		set_error(error, "%s: %.*s: %.200s", program, (int)strcspn(line, "\n"), line, output);
	else
		set_error(error, "%s: %.400s", program, output);
}

bool iptables_restore(const struct iptables *iptables, const char *input, struct error *error)
{
	char program[IPTABLES_PROGRAM], *output;
	char *argv[5] = { program, "-w", "5", "--noflush" };
	int ret;

	if (!find(iptables, "-restore", "changed", program, error))
		return false;
	ret = child_feed(argv, input, &output, error);
	if (ret > 0)
		explain(program, input, output, error);
	free(output);
	return !ret;
}

const char *iptables_first(char *text)
{
	text[strcspn(text, "\n")] = '\0';
	return text;
}

char *iptables_list(const struct iptables *iptables, const char *table, struct error *error)
{
	char *words[4] = { "-t", (char *)table, "-S" };
	char *output;
	int ret = iptables_run(iptables, words, &output, error);

	if (!ret)
		return output;
	if (ret > 0) {
		set_error(error, "%s -t %s -S: %.300s", iptables->program, table,
			  iptables_first(output));
		free(output);
	}
	return NULL;
}

bool iptables_has_legacy(uint8_t family, const char *table)
{
	int fd = open(family == AF_INET ? "/proc/net/ip_tables_names" :
					  "/proc/net/ip6_tables_names", O_RDONLY | O_CLOEXEC);
	char text[256], line[32];
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, text + 1, sizeof(text) - 2);
	close(fd);
	if (len <= 0)
		return false;
	*text = '\n';
	text[len + 1] = '\0';
	snprintf(line, sizeof(line), "\n%s\n", table);
	return strstr(text, line);
}
