// SPDX-License-Identifier: GPL-2.0
/*
 * Throw text at the parser of lease files.  What it takes must hold together;
 * what it refuses must come with printable words that name the file.
 *
 *	lease_file_fuzz -n N [-s SEED]	N mutations of good files, repeatable
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../tests/fuzz.h"
#include "lease_file.h"

#define INPUT_SIZE	1024

static const char *const seeds[] = {
	"network 10.42.0.0/16\nnetwork fd00:42::/48\nbackend vxlan\nvni 7\nport 8472\nmtu 1500\n"
	"directrouting\n10.42.1.0/24 via 192.0.2.1 lladdr 02:00:00:00:00:01\n"
	"fd00:42:0:1::/64 via 2001:db8::1 lladdr 02:00:00:00:00:01 # of the same host\n",
	"network 10.42.0.0/16\n10.42.1.0/24 via 192.0.2.1 lladdr 02:00:00:00:00:01\n"
	"10.42.2.0/24 via 192.0.2.2 lladdr 02:00:00:00:00:02\n",
	"backend host-gw\nnetwork 10.0.0.0/8\n10.42.1.0/24 via 192.0.2.1\n"
	"10.42.2.0/24 via 192.0.2.2\n",
};

static void expect(bool ok, const char *what, const char *input)
{
	expect_of(ok, what, input, strlen(input));
}

static void expect_words(const struct error *error, const char *input)
{
	const char *c;

	expect(!strncmp(error->text, "F:", 2), "nameless message", input);
	for (c = error->text; *c; c++)
		expect(*c >= ' ' && *c <= '~', "raw message", input);
}

static void try_records(const struct lease_file *file, const char *input)
{
	struct lease_file_host host = { .addr = &file->entry[file->count - 1].vtep, .count = 1 };
	struct record_list peers = { 0 };
	struct error error;
	struct record own;
	size_t subnets = 0, i;

	if (!lease_file_records(file, "F", &host, &own, &peers, &error)) {
		expect_words(&error, input);
		record_list_free(&peers);
		return;
	}
	subnets += !!own.subnet4.addr.family + !!own.subnet6.addr.family;
	expect(subnets == 1, "not ours", input);
	for (i = 0; i < peers.count; i++)
		subnets += !!peers.record[i].subnet4.addr.family +
			   !!peers.record[i].subnet6.addr.family;
	expect(subnets == file->count, "leases lost", input);
	record_list_free(&peers);
}

static void try_input(const char *input, size_t len)
{
	struct lease_file file;
	struct error error;

	if (!lease_file_parse("F", input, len, NULL, &file, &error)) {
		expect_words(&error, input);
		return;
	}
	expect(file.count, "empty", input);
	try_records(&file, input);
	lease_file_free(&file);
}

static size_t mutate(char input[INPUT_SIZE])
{
	const char *seed = seeds[random_below(ARRAY_SIZE(seeds))];
	size_t len = strlen(seed), at, count;
	unsigned int times;

	memcpy(input, seed, len + 1);
	for (times = random_below(6); times; times--) {
		at = random_below(len);
		count = 1 + random_below(8);
		if (random_below(3) == 0)
			input[at] = random_below(256);
		else if (random_below(2))
			input[at] = "0123456789abcdef:./# \nv"[random_below(23)];
		else if (at + count < len && at > count)
			memmove(input + at, input + at - count, count);
	}
	return len - random_below(3) / 2 * random_below(len);
}

int main(int argc, char **argv)
{
	unsigned long count = 100000, i;
	char input[INPUT_SIZE];
	int option;

	random_state = 1;
	while ((option = getopt(argc, argv, "n:s:")) != -1) {
		if (option == 'n')
			count = strtoul(optarg, NULL, 0);
		else if (option == 's')
			random_state = strtoul(optarg, NULL, 0) | 1;
		else
			return 1;
	}
	for (i = 0; i < count; i++) {
		size_t len = mutate(input);

		try_input(input, len);
	}
	return 0;
}
