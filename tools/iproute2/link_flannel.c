// SPDX-License-Identifier: GPL-2.0
/*
 * link_flannel.so - `ip` learns the options of link kind "flannel"
 *
 * `ip link add ... type flannel ...`, `ip link help flannel` and `ip -d link`
 * load it from <libdir>/ip/ and look for flannel_link_util.  The words and the
 * output are those of flctl, from the same source.
 *
 * `ip` promises no ABI to plugins.  What is used here has not changed since
 * iproute2 5.0; its functions are weak, so that an `ip` without one of them
 * loses JSON output and nothing else.
 */

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "options.h"

/* `ip` builds a link request in a buffer that takes so much behind it. */
#define REQUEST_ROOM	1024

#define EXPORT	__attribute__((visibility("default")))
#define IMPORT	__attribute__((weak))

/* From here to the prototypes: as iproute2 has them. */
struct link_util {
	struct link_util *next;
	const char *id;
	int maxattr;
	int (*parse_opt)(struct link_util *lu, int argc, char **argv,
			 struct nlmsghdr *n);
	void (*print_opt)(struct link_util *lu, FILE *f, struct rtattr *tb[]);
	void (*print_xstats)(struct link_util *lu, FILE *f,
			     struct rtattr *xstats);
	void (*print_help)(struct link_util *lu, int argc, char **argv, FILE *f);
	int (*parse_ifla_xstats)(struct link_util *lu, int argc, char **argv);
	int (*print_ifla_xstats)(struct nlmsghdr *n, void *arg);
};

enum output_type {
	PRINT_FP = 1,
	PRINT_JSON = 2,
	PRINT_ANY = 4,
};

enum color_attr {
	COLOR_NONE = 6,
};

bool IMPORT is_json_context(void);
void IMPORT open_json_object(const char *key);
void IMPORT close_json_object(void);
int IMPORT print_color_string(enum output_type type, enum color_attr color,
			      const char *key, const char *fmt,
			      const char *value);
int IMPORT print_color_uint(enum output_type type, enum color_attr color,
			    const char *key, const char *fmt,
			    unsigned int value);
int IMPORT print_color_bool(enum output_type type, enum color_attr color,
			    const char *key, const char *fmt, bool value);

extern struct link_util flannel_link_util;

static void usage(FILE *f)
{
	fputs("Usage: ... flannel [OPTIONS] (defaults in parentheses):\n", f);
	options_help(f, "        ");
}

static bool put_attr(struct nlmsghdr *n, unsigned int type, const void *data,
		     size_t size)
{
	struct rtattr *attr = (void *)((char *)n + NLMSG_ALIGN(n->nlmsg_len));
	size_t end = NLMSG_ALIGN(n->nlmsg_len) + RTA_SPACE(size);

	if (end > REQUEST_ROOM)
		return false;
	memset(attr, 0, RTA_SPACE(size));
	attr->rta_type = type;
	attr->rta_len = RTA_LENGTH(size);
	memcpy(RTA_DATA(attr), data, size);
	n->nlmsg_len = end;
	return true;
}

static int put_options(struct nlmsghdr *n, const struct link_options *o)
{
	unsigned int type;
	const void *data;
	size_t size;

	for (type = 1; type <= IFLA_FLANNEL_MAX; type++) {
		data = options_attr(o, type, &size);
		if (!data || put_attr(n, type, data, size))
			continue;
		fputs("flannel: too many options for one request\n", stderr);
		return -1;
	}
	return 0;
}

static int flannel_parse_opt(struct link_util *lu, int argc, char **argv,
			     struct nlmsghdr *n)
{
	struct words w = { .word = argv, .count = argc };
	struct link_options o = { 0 };
	const char *word;

	(void)lu;
	while ((word = words_next(&w))) {
		if (!strcmp(word, "help")) {
			usage(stderr);
			return -1;
		}
		if (options_parse(&w, word, &o))
			continue;
		if (!*w.error)
			words_fail(&w, "unknown option \"%s\": see ip link help flannel",
				   word);
		fprintf(stderr, "flannel: %s\n", w.error);
		return -1;
	}
	return put_options(n, &o);
}

static void text_option(FILE *f, const struct option_value *value)
{
	if (value->type != OPTION_FLAG)
		fprintf(f, "%s ", value->word);
	fprintf(f, "%s ", value->text);
}

static void json_number(const char *key, uint32_t number)
{
	print_color_uint(PRINT_JSON, COLOR_NONE, key, NULL, number);
}

static void json_option(const struct option_value *value)
{
	switch (value->type) {
	case OPTION_NUMBER:
		json_number(value->key, value->number);
		break;
	case OPTION_STRING:
		print_color_string(PRINT_JSON, COLOR_NONE, value->key, NULL,
				   value->text);
		break;
	case OPTION_FLAG:
		print_color_bool(PRINT_JSON, COLOR_NONE, value->key, NULL,
				 value->number);
		break;
	case OPTION_RANGE:
		open_json_object(value->key);
		json_number("min", value->number);
		json_number("max", value->last);
		close_json_object();
		break;
	}
}

static bool has_json(void)
{
	return open_json_object && close_json_object && print_color_string &&
	       print_color_uint && print_color_bool;
}

static void flannel_print_opt(struct link_util *lu, FILE *f,
			      struct rtattr *tb[])
{
	bool json = is_json_context && is_json_context();
	struct link_options o = { 0 };
	struct option_value value;
	unsigned int i;

	(void)lu;
	if (!tb || (json && !has_json()))
		return;
	for (i = 1; i <= IFLA_FLANNEL_MAX; i++)
		if (tb[i])
			options_set_attr(&o, i, RTA_DATA(tb[i]),
					 RTA_PAYLOAD(tb[i]));
	for (i = 0; options_next(&o, &i, &value);) {
		if (json)
			json_option(&value);
		else
			text_option(f, &value);
	}
}

static void flannel_print_help(struct link_util *lu, int argc, char **argv,
			       FILE *f)
{
	(void)lu;
	(void)argc;
	(void)argv;
	usage(f);
}

struct link_util EXPORT flannel_link_util = {
	.id = FLANNEL_LINK_KIND,
	.maxattr = IFLA_FLANNEL_MAX,
	.parse_opt = flannel_parse_opt,
	.print_opt = flannel_print_opt,
	.print_help = flannel_print_help,
};
