// SPDX-License-Identifier: GPL-2.0
/*
 * lpmref - a lease table at random, and what look-ups in it must find
 *
 *	lpmref SEED LEASES QUERIES LENGTH[,LENGTH...] BASE/LEN DIR [CHANGES [ROUTED]]
 *
 * Makes up LEASES leases of these lengths inside a prefix and CHANGES changes
 * of them, and QUERIES addresses: some at random, most in or just beside a
 * lease, and some outside of BASE, but inside its first ROUTED bits. Finds for
 * each address the longest lease that covers it by trying them all bit by bit:
 * slow, and with nothing in common with the kernel's way.
 * Writes into DIR
 *
 *	table		the leases, for flctl lease restore
 *	requests	the changes, then a LEASE_GET for each address, for rawnl
 *	answers		what rawnl prints then
 *	addresses	the addresses alone
 *	packets		"VTEP N": of one packet to each address, how many go
 *			where; "none" where there is no lease, "local"
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VTEPS	40

struct prefix {
	unsigned char bytes[16];
	unsigned int len;
};

struct lease {
	struct prefix prefix;
	unsigned int vtep;	/* 0: local */
	bool gone;
};

static struct prefix base;
static unsigned int routed;
static int family;
static unsigned int bits;
static unsigned int lengths[129], n_lengths;
static struct lease *leases;
static unsigned int n_leases, n_locals, n_gone;
static unsigned int packets[VTEPS + 1], packets_none;
static const char *dir;

static int get_bit(const unsigned char *bytes, unsigned int bit)
{
	return bytes[bit / 8] >> (7 - bit % 8) & 1;
}

static void set_bit(unsigned char *bytes, unsigned int bit, int value)
{
	bytes[bit / 8] &= ~(1 << (7 - bit % 8));
	bytes[bit / 8] |= value << (7 - bit % 8);
}

static bool agree(const unsigned char *a, const unsigned char *b, unsigned int len)
{
	unsigned int bit;

	for (bit = 0; bit < len; bit++)
		if (get_bit(a, bit) != get_bit(b, bit))
			return false;
	return true;
}

static void randomize(unsigned char *bytes, unsigned int from, unsigned int to)
{
	for (; from < to; from++)
		set_bit(bytes, from, random() >> 8 & 1);
}

static struct lease *find_exact(const struct prefix *prefix)
{
	unsigned int i;

	for (i = 0; i < n_leases; i++)
		if (!leases[i].gone && leases[i].prefix.len == prefix->len &&
		    agree(leases[i].prefix.bytes, prefix->bytes, prefix->len))
			return &leases[i];
	return NULL;
}

static struct lease *find_longest(const unsigned char *addr)
{
	struct lease *best = NULL;
	unsigned int i;

	for (i = 0; i < n_leases; i++)
		if (!leases[i].gone && agree(leases[i].prefix.bytes, addr,
					     leases[i].prefix.len) &&
		    (!best || leases[i].prefix.len > best->prefix.len))
			best = &leases[i];
	return best;
}

/* Local leases overlap nothing: the table would not take them. */
static bool overlaps(const struct prefix *prefix, bool locals_only)
{
	unsigned int i, len;

	for (i = 0; i < n_leases; i++) {
		if (leases[i].gone || (locals_only && leases[i].vtep))
			continue;
		len = leases[i].prefix.len < prefix->len ? leases[i].prefix.len :
							   prefix->len;
		if (agree(leases[i].prefix.bytes, prefix->bytes, len))
			return true;
	}
	return false;
}

/* Half of them share their first bits with another one: nests and neighbours. */
static void make_prefix(struct prefix *prefix)
{
	unsigned int keep = base.len;

	*prefix = base;
	prefix->len = lengths[random() % n_lengths];
	if (n_leases && random() % 2) {
		const struct prefix *other = &leases[random() % n_leases].prefix;

		keep = other->len < prefix->len ? other->len : prefix->len;
		keep -= keep > base.len ? random() % 2 : 0;
		memcpy(prefix->bytes, other->bytes, 16);
	}
	randomize(prefix->bytes, keep, prefix->len);
	memset(prefix->bytes + (prefix->len + 7) / 8, 0, 16 - (prefix->len + 7) / 8);
	for (keep = prefix->len; keep % 8; keep++)
		set_bit(prefix->bytes, keep, 0);
}

static bool make_lease(struct lease *lease)
{
	memset(lease, 0, sizeof(*lease));
	make_prefix(&lease->prefix);
	if (find_exact(&lease->prefix) || overlaps(&lease->prefix, true))
		return false;
	lease->vtep = 1 + random() % VTEPS;
	if (n_locals < 8 && random() % 16 == 0 && !overlaps(&lease->prefix, false))
		lease->vtep = 0;
	n_locals += !lease->vtep;
	return true;
}

static const char *text_of(const unsigned char *bytes)
{
	static char text[INET6_ADDRSTRLEN];

	return inet_ntop(family, bytes, text, sizeof(text));
}

static void print_lease(FILE *file, const struct lease *lease, bool raw)
{
	fprintf(file, "%s/%u", text_of(lease->prefix.bytes), lease->prefix.len);
	if (!lease->vtep)
		fprintf(file, raw ? ",local" : " local");
	else
		fprintf(file, raw ? ",192.168.9.%u,02:00:00:00:00:%02x" :
			" via 192.168.9.%u lladdr 02:00:00:00:00:%02x",
			100 + lease->vtep, lease->vtep);
}

static FILE *create(const char *name)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	if (!file) {
		fprintf(stderr, "lpmref: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	return file;
}

static void make_table(unsigned int count)
{
	FILE *table = create("table");
	unsigned int tries = 0;

	while (n_leases < count && tries++ < 20 * count) {
		if (!make_lease(&leases[n_leases]))
			continue;
		print_lease(table, &leases[n_leases++], false);
		fputc('\n', table);
	}
	fclose(table);
}

/* Remote leases come, change and go; one stays, as an empty table has no direct index. */
static void make_change(FILE *requests, FILE *answers)
{
	struct lease *lease = &leases[random() % n_leases];
	const char *what = "lease_del";

	if (random() % 3 == 0 && make_lease(&leases[n_leases])) {
		lease = &leases[n_leases++];
		what = "lease_add";
	} else if (lease->gone || !lease->vtep) {
		return;
	} else if (random() % 2) {
		lease->vtep = 1 + random() % VTEPS;
		what = "lease_replace";
	} else if (n_leases - n_gone == 1) {
		return;
	}
	fprintf(requests, "a %s +", what);
	if (!strcmp(what, "lease_del")) {
		fprintf(requests, "%s/%u", text_of(lease->prefix.bytes),
			lease->prefix.len);
		lease->gone = true;
		n_gone++;
	} else {
		print_lease(requests, lease, true);
	}
	fputc('\n', requests);
	fputs("ok\n", answers);
}

static void step(unsigned char *bytes, int by)
{
	int i, value;

	for (i = bits / 8 - 1; i >= 0 && by; i--) {
		value = bytes[i] + by;
		bytes[i] = value;
		by = value < 0 ? -1 : value > 255 ? 1 : 0;
	}
}

/* An end of the base or one beside it, or of a lease with one bit of the base wrong. */
static void make_outsider(unsigned char *addr, const struct prefix *lease)
{
	unsigned int bit, end = random() % 4;

	memcpy(addr, lease->bytes, 16);
	if (random() % 2) {
		bit = routed + random() % (base.len - routed);
		set_bit(addr, bit, !get_bit(addr, bit));
		return;
	}
	memcpy(addr, base.bytes, 16);
	for (bit = base.len; bit < bits; bit++)
		set_bit(addr, bit, end & 1);
	if (end & 2)
		step(addr, end & 1 ? 1 : -1);
}

/* Anywhere, or in a lease, at its ends, or one beside these. */
static void make_address(unsigned char *addr)
{
	const struct prefix *prefix = &leases[random() % n_leases].prefix;
	unsigned int how = random() % 6, bit;

	if (base.len > routed && random() % 8 == 0) {
		make_outsider(addr, prefix);
		return;
	}
	memcpy(addr, prefix->bytes, 16);
	if (how == 0) {
		memcpy(addr, base.bytes, 16);
		randomize(addr, base.len, bits);
		return;
	}
	if (how == 1)
		randomize(addr, prefix->len, bits);
	if (how >= 4)
		for (bit = prefix->len; bit < bits; bit++)
			set_bit(addr, bit, 1);
	if (how == 3)
		step(addr, -1);
	if (how == 5)
		step(addr, 1);
	if (!agree(addr, base.bytes, routed))
		memcpy(addr, prefix->bytes, 16);
}

static void make_query(FILE *requests, FILE *answers, FILE *addresses)
{
	unsigned char addr[16];
	const struct lease *lease;

	make_address(addr);
	fprintf(addresses, "%s\n", text_of(addr));
	fprintf(requests, "a lease_get addr%d=%s\n", bits == 32 ? 4 : 6, text_of(addr));
	lease = find_longest(addr);
	if (lease) {
		packets[lease->vtep]++;
		fputs("ok ", answers);
		print_lease(answers, lease, true);
		fputc('\n', answers);
	} else {
		packets_none++;
		fprintf(answers, "ENOENT: No lease covers %s [addr%d]\n",
			text_of(addr), bits == 32 ? 4 : 6);
	}
}

static void print_packets(void)
{
	FILE *file = create("packets");
	unsigned int i;

	for (i = 1; i <= VTEPS; i++)
		if (packets[i])
			fprintf(file, "192.168.9.%u %u\n", 100 + i, packets[i]);
	fprintf(file, "local %u\nnone %u\n", packets[0], packets_none);
	fclose(file);
}

static bool parse_base(char *text)
{
	char *slash = strchr(text, '/');

	if (!slash)
		return false;
	*slash = '\0';
	family = strchr(text, ':') ? AF_INET6 : AF_INET;
	bits = family == AF_INET ? 32 : 128;
	base.len = atoi(slash + 1);
	return inet_pton(family, text, base.bytes) == 1;
}

static void parse_lengths(char *text)
{
	char *word;

	for (word = strtok(text, ","); word && n_lengths < 129; word = strtok(NULL, ","))
		lengths[n_lengths++] = atoi(word);
}

int main(int argc, char **argv)
{
	FILE *requests, *answers, *addresses;
	unsigned int count, queries, changes;

	if (argc < 7 || !parse_base(argv[5])) {
		fputs("usage: lpmref SEED LEASES QUERIES LENGTH[,LENGTH...] BASE/LEN DIR [CHANGES [ROUTED]]\n",
		      stderr);
		return 1;
	}
	srandom(atoi(argv[1]));
	count = atoi(argv[2]);
	queries = atoi(argv[3]);
	parse_lengths(argv[4]);
	dir = argv[6];
	changes = argc > 7 ? atoi(argv[7]) : 0;
	routed = base.len;
	if (argc > 8)
		routed = atoi(argv[8]);
	leases = calloc(count + changes + 1, sizeof(*leases));
	if (!leases)
		return 1;
	make_table(count);
	requests = create("requests");
	answers = create("answers");
	addresses = create("addresses");
	while (changes--)
		make_change(requests, answers);
	while (queries--)
		make_query(requests, answers, addresses);
	print_packets();
	return fclose(requests) || fclose(answers) || fclose(addresses);
}
