// SPDX-License-Identifier: GPL-2.0
/*
 * Throw text at what reads keys, values, net-conf.json and subnet.env.  What
 * they take must survive being written and read again, and obey the rules that
 * others rely on; what they refuse must come with printable words.
 *
 *	record_fuzz [FILE...]		the bytes of each file, or standard input
 *	record_fuzz -n N [-s SEED]	N mutations of good texts, repeatable
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../tests/fuzz.h"
#include "prefix.h"
#include "subnet_env.h"

#define INPUT_SIZE	512

struct seed {
	void (*try)(const char *input);
	const char *text;
};

static void expect(bool ok, const char *what, const char *input)
{
	expect_of(ok, what, input, strlen(input));
}

static void expect_words(const struct error *error, const char *input)
{
	const char *c;

	expect(memchr(error->text, 0, sizeof(error->text)), "endless message", input);
	expect(*error->text, "no message", input);
	for (c = error->text; *c; c++)
		expect(*c >= ' ' && *c <= '~', "raw message", input);
}

static void try_key(const char *input)
{
	struct record record = { 0 }, again = { 0 };
	struct error error = { "" };
	char text[RECORD_KEY];

	if (!record_parse_key(input, &record, &error)) {
		expect_words(&error, input);
		return;
	}
	record_format_key(&record, text);
	expect(strlen(text) < RECORD_KEY - 1, "long key", text);
	expect(record_parse_key(text, &again, &error), "not read again", text);
	expect(record_same_subnet(&record, &again), "read differently", text);
	expect(prefix_usable(&record.subnet4), "not for pods", text);
}

static void try_value(const char *input)
{
	struct record record = { 0 }, again = { 0 };
	struct error error = { "" };
	char *text;

	if (!record_parse_value(input, strlen(input), &record, &error)) {
		expect_words(&error, input);
		return;
	}
	expect(addr_is_unicast(&record.public4), "not unicast", input);
	text = record_format_value(&record);
	expect(text, "not written", input);
	expect(record_parse_value(text, strlen(text), &again, &error), "not read again", text);
	if (!record.data4.has_mac)
		record.data4.vni = 0;
	if (!record.data6.has_mac)
		record.data6.vni = 0;
	expect(record_equal(&record, &again), "read differently", text);
	free(text);
}

static void expect_family(const struct net_family *family, const char *input)
{
	struct prefix min = { family->min, family->subnet_len };
	struct prefix max = { family->max, family->subnet_len };

	if (!family->network.addr.family)
		return;
	expect(family->subnet_len >= family->network.len + 2 &&
	       family->subnet_len <= 8 * addr_size(family->min.family) - 2, "length", input);
	expect(prefix_overlaps(&family->network, &min) &&
	       prefix_overlaps(&family->network, &max), "outside", input);
	prefix_mask(&min);
	prefix_mask(&max);
	expect(!compare_addr(&min.addr, &family->min) &&
	       !compare_addr(&max.addr, &family->max), "inside a subnet", input);
}

/* Any node must find a subnet in a network that nobody is in. */
static void try_net_config(const char *input)
{
	struct record_list nobody = { 0 };
	struct record record = { 0 };
	struct error error = { "" };
	struct net_config config;
	char text[RECORD_KEY];

	if (!net_config_parse(input, strlen(input), &config, &error)) {
		expect_words(&error, input);
		return;
	}
	expect(config.v4.network.addr.family || config.v6.network.addr.family, "no family", input);
	expect(config.vni <= 0xffffff && config.port, "VNI or port", input);
	expect(!config.mtu || (config.mtu >= 1330 && config.mtu <= 65535), "MTU", input);
	expect(*backend_name(config.backend), "backend", input);
	expect_family(&config.v4, input);
	expect_family(&config.v6, input);
	expect(net_config_equal(&config, &config), "not equal", input);
	expect(record_choose(&record, &config, &nobody, random_below, &error), "no choice", input);
	expect(record_fits(&record, &config), "does not fit", input);
	record_format_key(&record, text);
	expect(!config.v4.network.addr.family || record_parse_key(text, &record, &error),
	       "not a key", text);
}

static bool same_env(const struct subnet_env *a, const struct subnet_env *b)
{
	return !compare_prefix(&a->network4, &b->network4) &&
	       !compare_prefix(&a->subnet4, &b->subnet4) &&
	       !compare_prefix(&a->network6, &b->network6) &&
	       !compare_prefix(&a->subnet6, &b->subnet6) && a->mtu == b->mtu &&
	       a->ipmasq == b->ipmasq;
}

static void try_subnet_env(const char *input)
{
	struct error error = { "" };
	struct subnet_env env, again;
	char text[SUBNET_ENV_TEXT];

	if (!subnet_env_parse(input, &env, &error)) {
		expect_words(&error, input);
		return;
	}
	subnet_env_format(&env, text);
	expect(strlen(text) < sizeof(text) - 1, "long text", text);
	expect(subnet_env_parse(text, &again, &error), "not read again", text);
	expect(same_env(&env, &again), "read differently", text);
}

static const struct seed seeds[] = {
	{ try_key, "/coreos.com/network/subnets/10.5.34.0-24" },
	{ try_key, "10.5.34.0-24&fd00:12:13::-64" },
	{ try_value, "{\"PublicIP\":\"192.168.64.3\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
		     "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"c6:d2:32:6f:8f:44\"}}" },
	{ try_value, "{\"PublicIP\":\"192.168.64.3\",\"PublicIPv6\":\"fd00:5::3\",\"BackendType\":"
		     "\"vxlan\",\"BackendV6Data\":{\"VtepMAC\":\"c6d2.326f.8f44\"}}" },
	{ try_value, "{\"PublicIP\":\"1.2.3.4\",\"BackendType\":\"extension\",\"BackendData\":\"\"}" },
	{ try_net_config, "{\"Network\":\"10.3.0.0/16\",\"SubnetMin\":\"10.3.5.0\",\"SubnetMax\":"
			  "\"10.3.8.0\",\"SubnetLen\":28,\"Backend\":{\"Type\":\"vxlan\",\"VNI\":7,"
			  "\"Port\":4789,\"MTU\":1400,\"GBP\":false,\"DirectRouting\":true}}" },
	{ try_net_config, "{\"EnableIPv6\":true,\"Network\":\"10.3.0.0/28\",\"IPv6Network\":"
			  "\"fc00::/48\",\"IPv6SubnetLen\":64,\"Backend\":{\"Type\":\"host-gw\"}}" },
	{ try_net_config, "{\"EnableIPv4\":false,\"EnableIPv6\":true,\"IPv6Network\":"
			  "\"fd00:12::/32\",\"IPv6SubnetMin\":\"fd00:12:0:8::\"}" },
	{ try_subnet_env, "FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.0.1/24\n"
			  "FLANNEL_IPV6_NETWORK=2001:cafe:42::/56\n"
			  "FLANNEL_IPV6_SUBNET=2001:cafe:42::1/64\n"
			  "FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n" },
	{ try_subnet_env, "FLANNEL_NETWORK=10.42.0.0/16,10.43.0.0/16\r\nFLANNEL_MTU=\"1450\"" },
};

/* A byte changed, inserted or removed, a digit, a piece of another seed, a cut. */
static void mutate(char *input)
{
	static const char likely[] = "0123456789abcdef:./-&\"{}[],=\\ ";
	const char *other = seeds[random_below(ARRAY_SIZE(seeds))].text;
	size_t len = strlen(input), at = random_below(len + 1);

	switch (random_below(6)) {
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
			input[at] = likely[random_below(sizeof(likely) - 1)];
		}
		break;
	case 3:
		at += strcspn(input + at, "0123456789");
		if (input[at])
			input[at] = '0' + random_below(10);
		break;
	case 4:
		snprintf(input + at, INPUT_SIZE - at, "%s", other + random_below(strlen(other)));
		break;
	default:
		input[at] = '\0';
	}
}

static void mutations(unsigned long count)
{
	const struct seed *seed;
	char input[INPUT_SIZE];
	unsigned int times;

	while (count--) {
		seed = &seeds[random_below(ARRAY_SIZE(seeds))];
		strcpy(input, seed->text);
		for (times = random_below(6); times; times--)
			mutate(input);
		seed->try(input);
	}
}

static void try_all(const char *input)
{
	try_key(input);
	try_value(input);
	try_net_config(input);
	try_subnet_env(input);
}

static int try_file(FILE *file, const char *name)
{
	char input[INPUT_SIZE];
	size_t len;

	if (!file) {
		perror(name);
		return 1;
	}
	while ((len = fread(input, 1, sizeof(input) - 1, file))) {
		input[len] = '\0';
		try_all(input);
	}
	len = ferror(file);
	if (file != stdin)
		fclose(file);
	return len ? 1 : 0;
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
		printf("record_fuzz: ok\n");
	return ret;
}
