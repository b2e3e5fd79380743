// SPDX-License-Identifier: GPL-2.0
/* What subnet_env.c writes and reads. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "subnet_env.h"

#define DUAL \
	"FLANNEL_NETWORK=10.42.0.0/16\n" \
	"FLANNEL_SUBNET=10.42.0.1/24\n" \
	"FLANNEL_IPV6_NETWORK=2001:cafe:42::/56\n" \
	"FLANNEL_IPV6_SUBNET=2001:cafe:42::1/64\n" \
	"FLANNEL_MTU=1450\n" \
	"FLANNEL_IPMASQ=true\n"

static struct prefix prefix_of(const char *text)
{
	struct prefix prefix;
	struct words w;

	assert_true(parse_prefix(&w, text, &prefix));
	return prefix;
}

static void assert_prefix(const struct prefix *prefix, const char *text)
{
	char found[PREFIX_TEXT];

	assert_string_equal(format_prefix(prefix, found), text);
}

/* The example of the documentation, byte for byte */
static void format_dual(void **state)
{
	struct subnet_env env = {
		.network4 = prefix_of("10.42.0.0/16"),
		.subnet4 = prefix_of("10.42.0.0/24"),
		.network6 = prefix_of("2001:cafe:42::/56"),
		.subnet6 = prefix_of("2001:cafe:42::/64"),
		.mtu = 1450,
		.ipmasq = true,
	};
	char text[SUBNET_ENV_TEXT];

	(void)state;
	subnet_env_format(&env, text);
	assert_string_equal(text, DUAL);
}

static void format_one_family(void **state)
{
	struct subnet_env env = {
		.network4 = prefix_of("10.3.0.0/16"),
		.subnet4 = prefix_of("10.3.7.0/24"),
		.mtu = 1500,
	};
	char text[SUBNET_ENV_TEXT];

	(void)state;
	subnet_env_format(&env, text);
	assert_string_equal(text, "FLANNEL_NETWORK=10.3.0.0/16\nFLANNEL_SUBNET=10.3.7.1/24\n"
				  "FLANNEL_MTU=1500\nFLANNEL_IPMASQ=false\n");
	memset(&env, 0, sizeof(env));
	env.network6 = prefix_of("fd00::/48");
	env.subnet6 = prefix_of("fd00:0:0:5::/64");
	env.mtu = 8950;
	subnet_env_format(&env, text);
	assert_string_equal(text, "FLANNEL_IPV6_NETWORK=fd00::/48\n"
				  "FLANNEL_IPV6_SUBNET=fd00:0:0:5::1/64\n"
				  "FLANNEL_MTU=8950\nFLANNEL_IPMASQ=false\n");
}

/* With the longest values of all */
static void format_long(void **state)
{
	static const char long6[] = "fd11:1111:1111:1111:1111:1111:1111:1110/126";
	char text[SUBNET_ENV_TEXT];
	struct subnet_env env = {
		.network4 = prefix_of("192.168.144.128/28"),
		.subnet4 = prefix_of("192.168.144.128/30"),
		.mtu = UINT32_MAX,
	};

	(void)state;
	env.network6 = prefix_of(long6);
	env.subnet6 = prefix_of(long6);
	subnet_env_format(&env, text);
	assert_non_null(strstr(text, "FLANNEL_IPMASQ=false\n"));
}

static void parse_dual(void **state)
{
	struct subnet_env env;
	struct error error;

	(void)state;
	assert_true(subnet_env_parse(DUAL, &env, &error));
	assert_prefix(&env.network4, "10.42.0.0/16");
	assert_prefix(&env.subnet4, "10.42.0.0/24");
	assert_prefix(&env.network6, "2001:cafe:42::/56");
	assert_prefix(&env.subnet6, "2001:cafe:42::/64");
	assert_int_equal(env.mtu, 1450);
	assert_true(env.ipmasq);
}

static void parse_missing(void **state)
{
	static const struct subnet_env empty;
	struct subnet_env env;
	struct error error;

	(void)state;
	assert_true(subnet_env_parse("", &env, &error));
	assert_memory_equal(&env, &empty, sizeof(env));
	assert_true(subnet_env_parse("\n\n# none\nPATH=/bin\nFLANNEL_SUBNETS=x\nFLANNEL\n=\n",
				     &env, &error));
	assert_memory_equal(&env, &empty, sizeof(env));
	assert_true(subnet_env_parse("FLANNEL_SUBNET=10.3.7.1/24", &env, &error));
	assert_prefix(&env.subnet4, "10.3.7.0/24");
	assert_int_equal(env.network4.addr.family, AF_UNSPEC);
}

/* What people and their scripts write */
static void parse_by_hand(void **state)
{
	struct subnet_env env;
	struct error error;

	(void)state;
	assert_true(subnet_env_parse("FLANNEL_SUBNET=\"10.3.7.1/24\"\r\nFLANNEL_IPMASQ='true' \n"
				     "FLANNEL_MTU= 1400\n", &env, &error));
	assert_prefix(&env.subnet4, "10.3.7.0/24");
	assert_true(env.ipmasq);
	assert_int_equal(env.mtu, 1400);
}

static void parse_several_networks(void **state)
{
	struct subnet_env env;
	struct error error;

	(void)state;
	assert_true(subnet_env_parse("FLANNEL_NETWORK=10.3.0.0/16,10.4.0.0/16,10.5.0.0/16,"
				     "10.6.0.0/16,10.7.0.0/16,10.8.0.0/16\n"
				     "FLANNEL_IPV6_NETWORK=fd00::/48,fd01::/48\n", &env, &error));
	assert_prefix(&env.network4, "10.3.0.0/16");
	assert_prefix(&env.network6, "fd00::/48");
}

static void parse_bad(void **state)
{
	static const char *const bad[] = {
		"FLANNEL_SUBNET=10.3.7.1", "FLANNEL_SUBNET=", "FLANNEL_SUBNET=fd00::1/64",
		"FLANNEL_SUBNET=10.3.7.1/33", "FLANNEL_SUBNET=10.3.7.1/32",
		"FLANNEL_SUBNET=10.3.7.1/24,10.3.8.1/24", "FLANNEL_NETWORK=,10.3.0.0/16",
		"FLANNEL_NETWORK=10.3.0.0", "FLANNEL_IPV6_SUBNET=10.3.7.1/24",
		"FLANNEL_IPV6_SUBNET=fd00::1/128", "FLANNEL_IPV6_NETWORK=fd00::/129",
		"FLANNEL_MTU=-1", "FLANNEL_MTU=x", "FLANNEL_MTU=65536", "FLANNEL_MTU=",
		"FLANNEL_IPMASQ=yes", "FLANNEL_IPMASQ=TRUE", "FLANNEL_IPMASQ=",
		"FLANNEL_MTU=00000000000000000000000000000000000000000000000000000000000001500",
	};
	static const struct subnet_env empty;
	char text[256], name[32];
	struct subnet_env env;
	struct error error;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), "FLANNEL_NETWORK=10.9.0.0/16\n%s\n", bad[i]);
		if (subnet_env_parse(text, &env, &error))
			fail_msg("taken: %s", bad[i]);
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(bad[i], "="), bad[i]);
		if (strncmp(error.text, name, strlen(name)) || !strstr(error.text, " is not "))
			fail_msg("%s: %s", bad[i], error.text);
		assert_memory_equal(&env, &empty, sizeof(env));
	}
	assert_false(subnet_env_parse("FLANNEL_SUBNET=10.3.7.1\001", &env, &error));
	assert_non_null(strstr(error.text, "\"10.3.7.1?\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(format_dual),	 cmocka_unit_test(format_one_family),
		cmocka_unit_test(format_long),	 cmocka_unit_test(parse_dual),
		cmocka_unit_test(parse_missing), cmocka_unit_test(parse_by_hand),
		cmocka_unit_test(parse_bad),	 cmocka_unit_test(parse_several_networks),
	};

	return cmocka_run_group_tests_name("subnet.env", tests, NULL, NULL);
}
