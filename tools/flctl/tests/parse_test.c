// SPDX-License-Identifier: GPL-2.0
/* What parse.c and options.c take, refuse and write. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "options.h"
#include "parse.h"

/* Ten times what a message may be. */
#define MANY		2560

/* Split @line, which must be writable, into @w. */
static struct words *words_of(struct words *w, char *line, char **word)
{
	memset(w, 0, sizeof(*w));
	assert_true(split_line(w, line, word));
	return w;
}

static bool lease_of(const char *text, struct lease *lease, char *dev,
		     struct words *w)
{
	static char line[512];
	static char *word[LINE_WORDS];

	snprintf(line, sizeof(line), "%s", text);
	return parse_lease(words_of(w, line, word), lease, dev);
}

static void numbers(void **state)
{
	static const char *const bad[] = {
		"", " 1", "1 ", "+1", "-1", "0x", "x1", "1x", "0xg", "4294967296",
		"0x100000000", "99999999999999999999999999", "1.0", "1e3", "۱",
	};
	struct words w = { 0 };
	uint32_t number;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(parse_number(&w, "n", bad[i], 0, UINT32_MAX,
					  &number));
	assert_true(parse_number(&w, "n", "4294967295", 0, UINT32_MAX, &number));
	assert_int_equal(number, UINT32_MAX);
	assert_true(parse_number(&w, "n", "0xFFffFFff", 0, UINT32_MAX, &number));
	assert_int_equal(number, UINT32_MAX);
	assert_true(parse_number(&w, "n", "010", 0, 10, &number));
	assert_int_equal(number, 10);
	assert_false(parse_number(&w, "n", "11", 0, 10, &number));
	assert_string_equal(w.error, "n: \"11\" is not a number from 0 to 10");
}

static void addresses(void **state)
{
	static const char *const good[] = {
		"192.0.2.1", "255.255.255.255", "0.0.0.0", "::", "::1",
		"2001:db8::1", "fe80::1",
	};
	static const char *const bad[] = {
		"", ".", ":", ":::", "1.2.3", "1.2.3.4.5", "1.2.3.256",
		"1.2.3.4/24", " 1.2.3.4", "1.2.3.4 ", "01.2.3.4", "0x1.2.3.4",
		"2001:db8::1%eth0", "2001:db8::1::", "12345::", "g::",
		"1:2:3:4:5:6:7:8:9",
	};
	struct words w = { 0 };
	char text[ADDR_TEXT];
	struct addr addr;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(parse_addr(&w, bad[i], &addr));
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(parse_addr(&w, good[i], &addr));
		assert_string_equal(format_addr(&addr, text), good[i]);
	}
}

static void prefixes(void **state)
{
	static const char *const good[] = {
		"10.244.1.0/24", "0.0.0.0/0", "::/0", "10.0.0.1/32",
		"128.0.0.0/1", "8000::/1", "2001:db8:0:1::/64", "2001:db8::1/128",
		"10.1.2.254/31", "2001:db8::8000:0:0/81",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
	};
	static const char *const bad[] = {
		"", "/", "/24", "10.244.1.0", "10.244.1.0/", "10.244.1.0/33",
		"10.244.1.0/-1", "10.244.1.0/+24", "10.244.1.0/ 24",
		"10.244.1.0/24/24", "10.244.1.0/0x18", "10.244.1.0/24x",
		"10.244.1.0/4294967320", "10.244.1.0/0000024", "::/129",
		"::1", "10.1/16", "10.244.1.0/255.255.255.0",
		"1111111111111111111111111111111111111111111111111111111/8",
	};
	struct words w = { 0 };
	struct prefix prefix;
	char text[PREFIX_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(parse_prefix(&w, bad[i], &prefix));
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(parse_prefix(&w, good[i], &prefix));
		assert_string_equal(format_prefix(&prefix, text), good[i]);
	}
}

static void host_bits(void **state)
{
	static const char *const pairs[][2] = {
		{ "10.244.1.7/24", "10.244.1.0/24" },
		{ "10.244.1.1/31", "10.244.1.0/31" },
		{ "255.255.255.255/0", "0.0.0.0/0" },
		{ "255.255.255.255/1", "128.0.0.0/1" },
		{ "2001:db8::1/127", "2001:db8::/127" },
		{ "2001:db8::ffff/65", "2001:db8::/65" },
	};
	struct words w = { 0 };
	struct prefix prefix;
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		assert_false(parse_prefix(&w, pairs[i][0], &prefix));
		snprintf(text, sizeof(text),
			 "\"%s\" has host bits set: the prefix is %s",
			 pairs[i][0], pairs[i][1]);
		assert_string_equal(w.error, text);
	}
}

static void macs(void **state)
{
	static const char *const bad[] = {
		"", ":", ":::::", "1:2:3:4:5", "1:2:3:4:5:6:7", "1:2:3:4:5:6:",
		":1:2:3:4:5:6", "001:2:3:4:5:6", "1:2:3:4:5:006", "g:2:3:4:5:6",
		"0x1:2:3:4:5:6", "1-2-3-4-5-6", "010203040506", "1:2:3:4:5:6 ",
		" 1:2:3:4:5:6", "1: 2:3:4:5:6", "1::3:4:5:6",
	};
	static const uint8_t mac[] = { 0x0a, 0xbc, 0x00, 0x01, 0xff, 0x10 };
	struct words w = { 0 };
	uint8_t read[6];
	char text[MAC_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(parse_mac(&w, bad[i], read));
	assert_true(parse_mac(&w, "a:BC:0:01:fF:10", read));
	assert_memory_equal(read, mac, sizeof(mac));
	assert_string_equal(format_mac(read, text), "0a:bc:00:01:ff:10");
}

static void names(void **state)
{
	static const char *const bad[] = {
		"", ".", "..", "a/b", "a:1", "a b", "a\tb", "1234567890123456",
	};
	char name[IF_NAMESIZE];
	struct words w = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(parse_ifname(&w, bad[i], name));
	assert_true(parse_ifname(&w, "123456789012345", name));
	assert_string_equal(name, "123456789012345");
	assert_true(parse_ifname(&w, "flannel.1", name));
	assert_string_equal(name, "flannel.1");
}

static void leases(void **state)
{
	static const char *const good[] = {
		"10.1.2.0/24 via 192.0.2.1 lladdr 02:00:00:00:00:01",
		"2001:db8:1::/64 via 2001:db8::1 lladdr 02:00:00:00:00:01",
		"10.1.2.0/24 via 2001:db8::1 lladdr 02:00:00:00:00:01",
		"10.1.2.0/24 local", "2001:db8:1::/64 local",
	};
	char text[LEASE_TEXT], dev[IF_NAMESIZE];
	struct lease lease;
	struct words w;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(lease_of(good[i], &lease, dev, &w));
		assert_string_equal(format_lease(&lease, text), good[i]);
		assert_string_equal(dev, "");
	}
	assert_true(lease_of("10.1.2.0/24 dev f1 lladdr 2:0:0:0:0:1 via 192.0.2.1",
			     &lease, dev, &w));
	assert_string_equal(format_lease(&lease, text), good[0]);
	assert_string_equal(dev, "f1");
}

/* The longest text of everything fits. */
static void longest(void **state)
{
	static const char *const text =
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128 via "
		"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255 lladdr ff:ff:ff:ff:ff:ff";
	char again[LEASE_TEXT], dev[IF_NAMESIZE];
	struct lease lease, back;
	struct words w;

	(void)state;
	assert_true(lease_of(text, &lease, dev, &w));
	assert_true(lease_of(format_lease(&lease, again), &back, dev, &w));
	assert_memory_equal(&lease, &back, sizeof(lease));
}

static void bad_leases(void **state)
{
	static const char *const bad[][2] = {
		{ "", "a PREFIX is missing" },
		{ "10.1.2.0/24", "the lease lacks its VTEP: give \"via VTEP lladdr MAC\" or \"local\"" },
		{ "0.0.0.0/0 local", "\"0.0.0.0/0\": a lease has a length of at least 1" },
		{ "10.1.2.0/24 via", "via needs a value" },
		{ "10.1.2.0/24 via 192.0.2.1", "lladdr MAC is missing: the MAC of the VTEP" },
		{ "10.1.2.0/24 lladdr 2:0:0:0:0:1",
		  "via VTEP is missing: the underlay address of the VTEP" },
		{ "10.1.2.0/24 via 192.0.2.1/32 lladdr 2:0:0:0:0:1",
		  "\"192.0.2.1/32\" is not an IPv4 or IPv6 address" },
		{ "10.1.2.0/24 via 192.0.2.1 via 192.0.2.1", "via is given twice" },
		{ "10.1.2.0/24 lladdr 2:0:0:0:0:1 lladdr 2:0:0:0:0:1",
		  "lladdr is given twice" },
		{ "10.1.2.0/24 local local", "local is given twice" },
		{ "10.1.2.0/24 local dev a dev b", "dev is given twice" },
		{ "10.1.2.0/24 local via 192.0.2.1",
		  "a lease is either local or has via and lladdr, not both" },
		{ "10.1.2.0/24 loc",
		  "unknown word \"loc\": a lease has via, lladdr, local and dev" },
		{ "10.1.2.0/24 via 192.0.2.1 lladdr 2:0:0:0:0:x",
		  "\"2:0:0:0:0:x\" is not a MAC address (as in 02:00:5e:10:00:01)" },
	};
	char dev[IF_NAMESIZE];
	struct lease lease;
	struct words w;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(lease_of(bad[i][0], &lease, dev, &w));
		assert_string_equal(w.error, bad[i][1]);
	}
}

static void lease_keys(void **state)
{
	char dev[IF_NAMESIZE], line[128], *word[LINE_WORDS];
	struct lease lease;
	struct words w;

	(void)state;
	strcpy(line, "10.1.2.0/24 dev f1");
	assert_true(parse_lease_key(words_of(&w, line, word), &lease, dev));
	assert_string_equal(dev, "f1");
	strcpy(line, "10.1.2.0/24 dev f1 local");
	assert_false(parse_lease_key(words_of(&w, line, word), &lease, dev));
	strcpy(line, "dev f1");
	assert_false(parse_lease_key(words_of(&w, line, word), &lease, dev));
}

static void lines(void **state)
{
	char *word[LINE_WORDS], line[128];
	struct words w;

	(void)state;
	strcpy(line, "  \t 10.1.2.0/24\tlocal # dev f1\r");
	assert_int_equal(words_of(&w, line, word)->count, 2);
	assert_string_equal(word[0], "10.1.2.0/24");
	assert_string_equal(word[1], "local");
	strcpy(line, "#10.1.2.0/24 local");
	assert_int_equal(words_of(&w, line, word)->count, 0);
	strcpy(line, " \t\r");
	assert_int_equal(words_of(&w, line, word)->count, 0);
	strcpy(line, "1 2 3 4 5 6 7 8");
	assert_int_equal(words_of(&w, line, word)->count, 8);
	strcpy(line, "1 2 3 4 5 6 7 8 9");
	assert_false(split_line(&w, line, word));
}

/* Nothing that a file holds reaches the terminal raw, or overflows. */
static void hostile_words(void **state)
{
	char word[MANY];
	struct words w = { 0 };
	struct prefix prefix;
	size_t i;

	(void)state;
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_false(parse_prefix(&w, word, &prefix));
	assert_true(strlen(w.error) < PARSE_ERROR);
	for (i = 1; i < 256; i++)
		word[i - 1] = i;
	word[255] = '\0';
	assert_false(parse_prefix(&w, word, &prefix));
	for (i = 0; w.error[i]; i++)
		assert_true(w.error[i] >= ' ' && w.error[i] <= '~');
}

static void order(void **state)
{
	static const char *const sorted[] = {
		"9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/16", "10.0.1.0/24",
		"192.0.2.0/24", "::/1", "2001:db8::/32", "2001:db8::/64",
	};
	struct words w = { 0 };
	struct prefix a, b;
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sorted); i++) {
		for (j = 0; j < ARRAY_SIZE(sorted); j++) {
			assert_true(parse_prefix(&w, sorted[i], &a));
			assert_true(parse_prefix(&w, sorted[j], &b));
			assert_int_equal(compare_prefix(&a, &b) < 0, i < j);
			assert_int_equal(compare_prefix(&a, &b) > 0, i > j);
		}
	}
}

/* Read options as a command line does. */
static bool options_of(const char *text, struct link_options *o,
		       struct words *w)
{
	static char line[512], *word[64];
	char *save, *at;
	const char *next;

	memset(o, 0, sizeof(*o));
	memset(w, 0, sizeof(*w));
	w->word = word;
	snprintf(line, sizeof(line), "%s", text);
	for (at = strtok_r(line, " ", &save); at; at = strtok_r(NULL, " ", &save))
		word[w->count++] = at;
	while ((next = words_next(w)))
		if (!options_parse(w, next, o))
			return false;
	return true;
}

/* All options as text, through the attributes as the kernel returns them. */
static const char *options_text(const struct link_options *o)
{
	struct link_options back = { 0 };
	struct option_value value;
	static char text[1024];
	unsigned int i;
	size_t size, len = 0;

	for (i = 0; i < 32; i++) {
		const void *data = options_attr(o, i, &size);

		if (data)
			options_set_attr(&back, i, data, size);
	}
	text[0] = '\0';
	for (i = 0; options_next(&back, &i, &value);) {
		if (value.type != OPTION_FLAG)
			len += sprintf(text + len, "%s ", value.word);
		len += sprintf(text + len, "%s ", value.text);
	}
	if (len)
		text[len - 1] = '\0';
	return text;
}

static void good_options(void **state)
{
	static const char *const good[] = {
		"",
		"id 0 local 192.0.2.1 local 2001:db8::1 dev eth0 dstport 1 ttl auto tos inherit df unset srcport 0 0 udpcsum udp6zerocsumtx udp6zerocsumrx lladdr 02:00:00:00:00:01 network 10.244.0.0/16 network 2001:db8::/48 srccheck off fwmark 0x0 maxleases 0 untrack",
		"id 16777215 dstport 65535 ttl 255 tos 255 df inherit srcport 1 65535 noudpcsum noudp6zerocsumtx noudp6zerocsumrx srccheck strict fwmark 0xffffffff maxleases 4294967295 nountrack",
		"ttl 1 tos 0 df set srcport 5 5 srccheck lease",
		"local 0.0.0.0 local :: network 0.0.0.0/0 network ::/0",
	};
	struct link_options o;
	struct words w;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(options_of(good[i], &o, &w));
		assert_string_equal(options_text(&o), good[i]);
	}
	assert_true(options_of("id 0x10 tos 0x10 fwmark 16", &o, &w));
	assert_string_equal(options_text(&o), "id 16 tos 16 fwmark 0x10");
}

static void bad_options(void **state)
{
	static const char *const bad[][2] = {
		{ "id", "id needs a value" },
		{ "id 16777216", "id: \"16777216\" is not a number from 0 to 16777215" },
		{ "id 1 id 1", "id is given twice" },
		{ "vni 1", "" },
		{ "noid", "" },
		{ "no", "" },
		{ "nolocal", "" },
		{ "i 1", "" },
		{ "dstport 0", "dstport: \"0\" is not a number from 1 to 65535" },
		{ "ttl 0", "ttl: \"0\" is neither auto nor a number from 1 to 255" },
		{ "ttl inherit", "ttl: \"inherit\" is neither auto nor a number from 1 to 255" },
		{ "tos 256", "tos: \"256\" is neither inherit nor a number from 0 to 255" },
		{ "df on", "df: \"on\" is not one of unset|set|inherit" },
		{ "srccheck", "srccheck needs a value" },
		{ "srcport 1", "srcport needs two values, MIN MAX" },
		{ "srcport 0 5", "srcport: 0 5 is no range (1 to 65535 ascending, or 0 0)" },
		{ "srcport 1 65536", "srcport: \"65536\" is not a number from 0 to 65535" },
		{ "udpcsum noudpcsum", "udpcsum is given twice" },
		{ "dev a nodev", "dev is given twice" },
		{ "local ::1 local ::2", "local (IPv6) is given twice" },
		{ "network 10.0.0.0/8 network 10.0.0.0/8", "network (IPv4) is given twice" },
		{ "network 10.0.0.1/8", "\"10.0.0.1/8\" has host bits set: the prefix is 10.0.0.0/8" },
		{ "lladdr 1", "\"1\" is not a MAC address (as in 02:00:5e:10:00:01)" },
	};
	struct link_options o;
	struct words w;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(options_of(bad[i][0], &o, &w));
		assert_string_equal(w.error, bad[i][1]);
	}
}

/* The name that unsets is an attribute with nothing but its NUL. */
static void nodev(void **state)
{
	struct link_options o;
	const char *name;
	struct words w;
	size_t size;

	(void)state;
	assert_true(options_of("nodev", &o, &w));
	name = options_attr(&o, IFLA_FLANNEL_DEV, &size);
	assert_non_null(name);
	assert_int_equal(size, 1);
	assert_string_equal(name, "");
	assert_null(options_attr(&o, IFLA_FLANNEL_ID, &size));
}

/* A kernel that sends sizes or types we do not know is not believed. */
static void strange_attrs(void **state)
{
	static const char data[64] = "0123456789abcdef0123456789abcdef0123456789";
	struct link_options o = { 0 };
	unsigned int type;

	(void)state;
	for (type = 0; type < 64; type++)
		options_set_attr(&o, type, data, 33);
	assert_int_equal(o.given, 0);
	options_set_attr(&o, IFLA_FLANNEL_DEV, "eth0", 5);
	options_set_attr(&o, IFLA_FLANNEL_DF, "\377", 1);
	assert_string_equal(options_text(&o), "dev eth0 df 255");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(addresses),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(host_bits),
		cmocka_unit_test(macs),
		cmocka_unit_test(names),
		cmocka_unit_test(leases),
		cmocka_unit_test(longest),
		cmocka_unit_test(bad_leases),
		cmocka_unit_test(lease_keys),
		cmocka_unit_test(lines),
		cmocka_unit_test(hostile_words),
		cmocka_unit_test(order),
		cmocka_unit_test(good_options),
		cmocka_unit_test(bad_options),
		cmocka_unit_test(nodev),
		cmocka_unit_test(strange_attrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
