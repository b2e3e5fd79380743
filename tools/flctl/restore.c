// SPDX-License-Identifier: GPL-2.0
/*
 * flctl lease restore: replace a whole table.
 *
 * The file is read and judged to its end before the kernel hears of it, and the
 * kernel makes all of it the table in one step: whatever is wrong, anywhere,
 * nothing is changed.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flctl.h"
#include "print.h"

/* Bytes of a line, NUL included; the longest lease needs half of that. */
#define LINE_SIZE	256

struct entry {
	struct lease lease;
	unsigned int line;
};

/* The file, and what was read of it. */
struct source {
	FILE *file;
	const char *name;
	unsigned int line;
	char text[LINE_SIZE];
	struct entry *entry;
	size_t count, room;
};

struct order {
	char dev[IF_NAMESIZE];
	const char *file;
	bool force;
};

static int bad_line(const struct source *source, const char *what)
{
	return fail(EXIT_INPUT, "%s:%u: %s", source->name, source->line, what);
}

/* 1: there is a line, 0: the end, -1: an error, reported. */
static int read_line(struct source *source)
{
	size_t len = 0;
	int c;

	source->line++;
	while ((c = getc_unlocked(source->file)) != EOF && c != '\n') {
		if (!c)
			return -bad_line(source, "a NUL byte: this is no text");
		if (len == LINE_SIZE - 1)
			return -bad_line(source, "the line is longer than 255 bytes");
		source->text[len++] = c;
	}
	source->text[len] = '\0';
	if (ferror(source->file))
		return -fail(EXIT_INPUT, "cannot read %s: %s", source->name,
			     strerror(errno));
	return len || c != EOF;
}

static int add_entry(struct source *source, const struct lease *lease)
{
	struct entry *grown;

	if (source->count == source->room) {
		source->room = source->room ? source->room * 2 : 1024;
		grown = reallocarray(source->entry, source->room,
				     sizeof(*grown));
		if (!grown)
			return fail(EXIT_INPUT, "no memory for %zu leases",
				    source->room);
		source->entry = grown;
	}
	source->entry[source->count].lease = *lease;
	source->entry[source->count++].line = source->line;
	return EXIT_DONE;
}

static int read_entry(struct source *source, const char *dev)
{
	char *word[LINE_WORDS], named[IF_NAMESIZE];
	struct lease lease;
	struct words w;

	if (!split_line(&w, source->text, word))
		return bad_line(source, w.error);
	if (!w.count)
		return EXIT_DONE;
	if (!parse_lease(&w, &lease, named))
		return bad_line(source, w.error);
	if (*named && strcmp(named, dev)) {
		words_fail(&w, "the lease is for %s, the table of %s is being restored",
			   named, dev);
		return bad_line(source, w.error);
	}
	return add_entry(source, &lease);
}

static int read_entries(struct source *source, const char *dev)
{
	int code = EXIT_DONE, more;

	while (!code) {
		more = read_line(source);
		if (more <= 0)
			return -more;
		code = read_entry(source, dev);
	}
	return code;
}

static int read_file(struct source *source, const struct order *order)
{
	int code;

	source->name = order->file;
	if (!strcmp(order->file, "-")) {
		source->name = "standard input";
		source->file = stdin;
		return read_entries(source, order->dev);
	}
	source->file = fopen(order->file, "re");
	if (!source->file)
		return fail(EXIT_INPUT, "cannot open %s: %s", order->file,
			    strerror(errno));
	code = read_entries(source, order->dev);
	fclose(source->file);
	return code;
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;
	int order = compare_prefix(&left->lease.prefix, &right->lease.prefix);

	if (order)
		return order;
	return left->line < right->line ? -1 : left->line > right->line;
}

/* Sorts; names the first line that repeats the prefix of an earlier one. */
static int check_unique(struct source *source)
{
	const struct entry *entry = source->entry, *bad = NULL;
	char text[PREFIX_TEXT];
	size_t i;

	if (!source->count)
		return EXIT_DONE;
	qsort(source->entry, source->count, sizeof(*entry), compare_entries);
	for (i = 1; i < source->count; i++) {
		if (compare_prefix(&entry[i - 1].lease.prefix,
				   &entry[i].lease.prefix))
			continue;
		if (!bad || entry[i].line < bad->line)
			bad = &entry[i];
	}
	if (!bad)
		return EXIT_DONE;
	return fail(EXIT_INPUT, "%s:%u: %s is already in line %u", source->name,
		    bad->line, format_prefix(&bad->lease.prefix, text),
		    bad[-1].line);
}

static int compare_key(const void *key, const void *entry)
{
	return compare_prefix(key, &((const struct entry *)entry)->lease.prefix);
}

/*
 * What the leases are to each other shows at the end, when no attribute is left
 * to point at; then the kernel's words start with the prefix.
 */
static const struct entry *find_named(const struct source *source)
{
	char word[PREFIX_TEXT];
	struct prefix prefix;
	struct words w;

	if (sscanf(ipc_error()->text, "%49s", word) != 1 ||
	    !parse_prefix(&w, word, &prefix) || !source->count)
		return NULL;
	return bsearch(&prefix, source->entry, source->count,
		       sizeof(struct entry), compare_key);
}

static int blame(const struct source *source, size_t index)
{
	const struct entry *entry;
	char text[PREFIX_TEXT];

	entry = index < source->count ? &source->entry[index] :
					find_named(source);
	if (!entry)
		return fail_ipc("%s", source->name);
	format_prefix(&entry->lease.prefix, text);
	if (strstr(ipc_error()->text, text))
		return fail_ipc("%s:%u", source->name, entry->line);
	return fail_ipc("%s:%u: %s", source->name, entry->line, text);
}

static int replace(const struct source *source, int ifindex,
		   const struct order *order)
{
	struct ipc_replaced replaced;
	size_t done, bad;
	int ret;

	if (ipc_table_begin(ifindex))
		return fail_ipc("lease restore dev %s", order->dev);
	for (done = 0; done < source->count; done += ret) {
		ret = ipc_table_add(ifindex, &source->entry[done].lease,
				    sizeof(*source->entry),
				    source->count - done, &bad);
		if (ret < 0)
			return blame(source, done + bad);
	}
	if (ipc_table_commit(ifindex, order->force, &replaced))
		return blame(source, source->count);
	print_replaced(order->dev, &replaced);
	return EXIT_DONE;
}

static bool read_order(struct words *w, struct order *order)
{
	const char *word;

	memset(order, 0, sizeof(*order));
	while ((word = words_next(w))) {
		if (!strcmp(word, "dev") && *order->dev)
			return words_fail(w, "dev is given twice");
		if (!strcmp(word, "dev")) {
			word = words_value(w, "dev");
			if (!word || !parse_ifname(w, word, order->dev))
				return false;
		} else if (!strcmp(word, "force")) {
			order->force = true;
		} else if (order->file) {
			return words_fail(w, "unknown word \"%s\": FILE is already %s",
					  word, order->file);
		} else {
			order->file = word;
		}
	}
	if (!order->file)
		order->file = "-";
	return *order->dev || words_fail(w, "dev DEV is missing: the flannel device");
}

int lease_restore(struct words *w)
{
	struct source source = { 0 };
	struct ipc_link link;
	struct order order;
	int code;

	if (!read_order(w, &order))
		return fail_words(w);
	code = read_file(&source, &order);
	if (!code)
		code = check_unique(&source);
	if (!code)
		code = start_ipc();
	if (!code)
		code = find_device(order.dev, &link);
	if (!code)
		code = replace(&source, link.ifindex, &order);
	free(source.entry);
	return code;
}
