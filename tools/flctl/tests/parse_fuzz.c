// SPDX-License-Identifier: GPL-2.0
/*
 * Throw text at the parsers.  Whatever they take must survive being written
 * and read again; whatever they refuse must come with printable words.
 *
 *	parse_fuzz [FILE...]		the bytes of each file, or standard input
 *	parse_fuzz -n N [-s SEED]	N mutations of good lines, repeatable
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "options.h"
#include "parse.h"

#define INPUT_SIZE	256

static const char *const seeds[] = {
	"10.1.2.0/24 via 192.0.2.1 lladdr 02:00:00:00:00:01 dev flannel.1",
	"2001:db8:1::/64 via 2001:db8::1 lladdr 02:00:00:00:00:01",
	"10.1.2.0/24 local # ours",
	"id 1 local 192.0.2.1 local 2001:db8::1 dev eth0 dstport 8472 ttl auto",
	"tos inherit df unset srcport 1 65535 noudpcsum udp6zerocsumtx nountrack nodev",
	"lladdr 02:00:00:00:00:01 network 10.244.0.0/16 network 2001:db8::/48",
	"srccheck strict fwmark 0xffffffff maxleases 1048576 ttl 255 tos 0x10",
};

static void expect(bool ok, const char *what, const char *input)
{
	expect_of(ok, what, input, strlen(input));
}

static void expect_words(const struct words *w, const char *input)
{
	const char *c;

	expect(memchr(w->error, 0, sizeof(w->error)), "endless message", input);
	for (c = w->error; *c; c++)
		expect(*c >= ' ' && *c <= '~', "raw message", input);
}

static void try_lease(const char *input)
{
	char line[INPUT_SIZE], text[LEASE_TEXT], dev[IF_NAMESIZE];
	struct words w = { 0 };
	char *word[LINE_WORDS];
	struct lease lease, again;

	strcpy(line, input);
	if (!split_line(&w, line, word) || !parse_lease(&w, &lease, dev)) {
		expect_words(&w, input);
		return;
	}
	format_lease(&lease, text);
	strcpy(line, text);
	expect(split_line(&w, line, word) && parse_lease(&w, &again, dev),
	       "not read again", text);
	expect(!memcmp(&lease, &again, sizeof(lease)), "read differently", text);
	parse_lease_key(&w, &again, dev);
}

static void try_shown(const struct link_options *o, const char *input)
{
	struct link_options again = { 0 };
	struct option_value value;
	char line[2 * OPTION_TEXT];
	char *word[LINE_WORDS];
	struct words w;
	unsigned int i;

	for (i = 0; options_next(o, &i, &value);) {
		if (!*value.text)
			continue;
		strcpy(line, value.type == OPTION_FLAG ? "" : value.word);
		strcat(strcat(line, " "), value.text);
		expect(split_line(&w, line, word), "not split again", input);
		if (*value.text == '#')
			continue;
		expect(options_parse(&w, words_next(&w), &again) && !w.count,
		       "not read again", value.text);
	}
}

static void try_options(const char *input)
{
	struct link_options o = { 0 };
	struct words w = { 0 };
	char line[INPUT_SIZE];
	char *word[INPUT_SIZE];
	const char *next;
	char *save, *at;

	strcpy(line, input);
	w.word = word;
	for (at = strtok_r(line, " \n", &save); at; at = strtok_r(NULL, " \n", &save))
		word[w.count++] = at;
	while ((next = words_next(&w)))
		if (!options_parse(&w, next, &o)) {
			expect_words(&w, input);
			return;
		}
	try_shown(&o, input);
}

static void try(const char *input)
{
	try_lease(input);
	try_options(input);
}

/* A byte changed, inserted or removed, a piece of another seed, a cut. */
static void mutate(char *input)
{
	const char *other = seeds[random_below(ARRAY_SIZE(seeds))];
	size_t len = strlen(input), at = random_below(len + 1);

	switch (random_below(5)) {
	case 0:
		if (at < len)
			input[at] = 1 + random_below(255);
		break;
	case 1:
		if (at < len)
			memmove(input + at, input + at + 1, len - at);
		break;
	case 2:
		if (len + 2 < INPUT_SIZE) {
			memmove(input + at + 1, input + at, len - at + 1);
			input[at] = " 0123456789abcdef:./#x"[random_below(22)];
		}
		break;
	case 3:
		snprintf(input + at, INPUT_SIZE - at, "%s",
			 other + random_below(strlen(other)));
		break;
	default:
		input[at] = '\0';
	}
}

static void mutations(unsigned long count)
{
	char input[INPUT_SIZE];
	unsigned int times;

	while (count--) {
		strcpy(input, seeds[random_below(ARRAY_SIZE(seeds))]);
		for (times = random_below(6); times; times--)
			mutate(input);
		try(input);
	}
}

static int try_file(FILE *file, const char *name)
{
	char input[INPUT_SIZE];

	if (!file) {
		perror(name);
		return 1;
	}
	while (fgets(input, sizeof(input), file))
		try(input);
	return ferror(file) ? 1 : 0;
}

int main(int argc, char **argv)
{
	unsigned long count = 0;
	int opt, ret = 0;

	random_state = 0x9e3779b97f4a7c15;
	while ((opt = getopt(argc, argv, "n:s:")) != -1) {
		if (opt == 'n')
			count = strtoul(optarg, NULL, 0);
		else if (opt == 's')
			random_state ^= strtoull(optarg, NULL, 0) << 1;
		else
			return 1;
	}
	if (count)
		mutations(count);
	else if (optind == argc)
		ret = try_file(stdin, "standard input");
	for (; optind < argc && !ret; optind++)
		ret = try_file(fopen(argv[optind], "re"), argv[optind]);
	if (!ret)
		printf("parse_fuzz: ok\n");
	return ret;
}
