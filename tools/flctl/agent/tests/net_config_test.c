// SPDX-License-Identifier: GPL-2.0
/* What net_config.c takes, refuses and fills in. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net_config.h"

#define NET4	"\"Network\":\"10.3.0.0/16\""
#define ONLY6	"\"EnableIPv4\":false,\"EnableIPv6\":true,"

struct refused {
	const char *json, *says;
};

static bool parse(const char *json, struct net_config *config, struct error *error)
{
	memset(error, 0, sizeof(*error));
	return net_config_parse(json, strlen(json), config, error);
}

static struct net_config config_of(const char *json)
{
	struct net_config config;
	struct error error;

	if (!parse(json, &config, &error))
		fail_msg("%s: %s", json, error.text);
	return config;
}

static void assert_refused(const struct refused *refused, size_t count)
{
	struct net_config config;
	struct error error;

	for (; count--; refused++) {
		if (parse(refused->json, &config, &error))
			fail_msg("taken: %s", refused->json);
		if (!strstr(error.text, refused->says))
			fail_msg("%s: \"%s\" lacks \"%s\"", refused->json, error.text,
				 refused->says);
	}
}

static void assert_family(const struct net_family *family, const char *network,
			  unsigned int len, const char *min, const char *max)
{
	char text[PREFIX_TEXT];

	assert_string_equal(format_prefix(&family->network, text), network);
	assert_int_equal(family->subnet_len, len);
	assert_string_equal(format_addr(&family->min, text), min);
	assert_string_equal(format_addr(&family->max, text), max);
}

static void defaults4(void **state)
{
	struct net_config config = config_of("{ \"network\": \"10.3.0.0/16\" }\n");

	(void)state;
	assert_family(&config.v4, "10.3.0.0/16", 24, "10.3.1.0", "10.3.255.0");
	assert_int_equal(config.v6.network.addr.family, AF_UNSPEC);
	assert_int_equal(config.backend, BACKEND_VXLAN);
	assert_int_equal(config.vni, 1);
	assert_int_equal(config.port, 8472);
	assert_int_equal(config.mtu, 0);
	assert_false(config.direct_routing || config.learning || config.nftables);
}

static void defaults6(void **state)
{
	struct net_config config;

	(void)state;
	config = config_of("{" ONLY6 "\"ipv6network\":\"fc00::/48\"}");
	assert_int_equal(config.v4.network.addr.family, AF_UNSPEC);
	assert_family(&config.v6, "fc00::/48", 64, "fc00:0:0:1::", "fc00:0:0:ffff::");
}

static void overrides4(void **state)
{
	struct net_config config;

	(void)state;
	config = config_of("{\"Network\":\"10.3.0.0/16\",\"SubnetMin\":\"10.3.5.0\","
			   "\"SubnetMax\":\"10.3.8.0\",\"SubnetLen\":28}");
	assert_family(&config.v4, "10.3.0.0/16", 28, "10.3.5.0", "10.3.8.0");
}

static void overrides6(void **state)
{
	struct net_config config;

	(void)state;
	config = config_of("{" ONLY6 "\"IPv6Network\":\"fc00::/48\","
			   "\"IPv6SubnetMin\":\"fc00:0:0:1::\","
			   "\"IPv6SubnetMax\":\"fc00:0:0:f::\",\"IPv6SubnetLen\":80}");
	assert_family(&config.v6, "fc00::/48", 80, "fc00:0:0:1::", "fc00:0:0:f::");
}

static void dual_stack(void **state)
{
	struct net_config config;

	(void)state;
	config = config_of("{" NET4 ",\"EnableIPv6\":true,\"IPv6Network\":\"fd00:12::/32\"}");
	assert_family(&config.v4, "10.3.0.0/16", 24, "10.3.1.0", "10.3.255.0");
	assert_family(&config.v6, "fd00:12::/32", 64, "fd00:12:0:1::",
		      "fd00:12:ffff:ffff::");
}

/* Where the default length changes, and where there is no room any more */
static void lengths(void **state)
{
	static const struct refused refused[] = {
		{ "{\"Network\":\"10.3.0.0/29\"}", "Network 10.3.0.0/29 has no room" },
		{ "{\"Network\":\"10.3.0.0/16\",\"SubnetLen\":17}", "SubnetLen is 17" },
		{ "{\"Network\":\"10.3.0.0/16\",\"SubnetLen\":31}", "0 to 30" },
		{ "{\"Network\":\"10.3.0.0/16\",\"SubnetLen\":-1}", "SubnetLen is -1" },
		{ "{\"Network\":\"10.3.0.0/29\",\"SubnetLen\":30}", "28 at most" },
		{ "{" ONLY6 "\"IPv6Network\":\"fc00::/125\"}", "124 at most" },
		{ "{" ONLY6 "\"IPv6Network\":\"fc00::/48\",\"IPv6SubnetLen\":49}",
		  "50 to 126" },
		{ "{" ONLY6 "\"IPv6Network\":\"fc00::/48\",\"IPv6SubnetLen\":127}",
		  "0 to 126" },
	};
	struct net_config config;

	(void)state;
	config = config_of("{\"Network\":\"10.3.4.0/22\"}");
	assert_family(&config.v4, "10.3.4.0/22", 24, "10.3.5.0", "10.3.7.0");
	config = config_of("{\"Network\":\"10.3.4.0/23\"}");
	assert_family(&config.v4, "10.3.4.0/23", 25, "10.3.4.128", "10.3.5.128");
	config = config_of("{\"Network\":\"10.3.4.0/28\"}");
	assert_family(&config.v4, "10.3.4.0/28", 30, "10.3.4.4", "10.3.4.12");
	config = config_of("{\"Network\":\"10.3.0.0/16\",\"SubnetLen\":18}");
	assert_family(&config.v4, "10.3.0.0/16", 18, "10.3.64.0", "10.3.192.0");
	config = config_of("{" ONLY6 "\"IPv6Network\":\"fc00::/63\"}");
	assert_family(&config.v6, "fc00::/63", 65, "fc00::8000:0:0:0",
		      "fc00:0:0:1:8000::");
	config = config_of("{" ONLY6 "\"IPv6Network\":\"fc00::/124\"}");
	assert_family(&config.v6, "fc00::/124", 126, "fc00::4", "fc00::c");
	assert_refused(refused, ARRAY_SIZE(refused));
}

static void networks(void **state)
{
	static const struct refused refused[] = {
		{ "{}", "Network is missing" },
		{ "{" ONLY6 NET4 "}", "IPv6Network is missing" },
		{ "{\"Network\":\"10.3.0.0\"}", "\"10.3.0.0\" is not an IPv4 prefix" },
		{ "{\"Network\":\"\"}", "\"\" is not" },
		{ "{\"Network\":\"10.3.0.0/33\"}", "10.3.0.0/33" },
		{ "{\"Network\":\"10.3.0.0/16 \"}", "10.3.0.0/16 \"" },
		{ "{\"Network\":\"10.3.0.0/+16\"}", "/+16" },
		{ "{\"Network\":\"10.3.0.0/0x10\"}", "/0x10" },
		{ "{\"Network\":\"10.3.0/16\"}", "10.3.0/16" },
		{ "{\"Network\":\"fc00::/48\"}", "IPv4" },
		{ "{\"Network\":\"0.0.0.0/0\"}", "reserved" },
		{ "{\"Network\":\"127.1.0.0/16\"}", "loopback" },
		{ "{\"Network\":\"224.0.0.0/3\"}", "multicast" },
		{ "{\"Network\":\"10.3.0.0/16\\n\\u001b[2J\"}", "10.3.0.0/16??[2J" },
		{ "{" ONLY6 "\"IPv6Network\":\"10.3.0.0/16\"}", "IPv6" },
		{ "{" ONLY6 "\"IPv6Network\":\"fe80::/64\"}", "link-local" },
		{ "{" ONLY6 "\"IPv6Network\":\"::ffff:0:0/96\"}", "reserved" },
		{ "{\"EnableIPv4\":false," NET4 "}", "both false" },
		/* A family that is off is read all the same. */
		{ "{" NET4 ",\"IPv6Network\":\"x\"}", "IPv6Network \"x\"" },
		{ "{" NET4 ",\"IPv6SubnetLen\":\"64\"}", "IPv6SubnetLen is a string" },
	};
	struct net_config config;

	(void)state;
	config = config_of("{\"Network\":\"10.3.77.1/16\"}");
	assert_family(&config.v4, "10.3.0.0/16", 24, "10.3.1.0", "10.3.255.0");
	config = config_of("{" NET4 ",\"IPv6Network\":\"fc00::/48\"}");
	assert_int_equal(config.v6.network.addr.family, AF_UNSPEC);
	assert_refused(refused, ARRAY_SIZE(refused));
}

static void ranges(void **state)
{
	static const struct refused refused[] = {
		{ "{" NET4 ",\"SubnetMin\":\"10.4.1.0\"}", "SubnetMin 10.4.1.0 is outside" },
		{ "{" NET4 ",\"SubnetMax\":\"10.2.255.0\"}", "SubnetMax 10.2.255.0 is outside" },
		{ "{" NET4 ",\"SubnetMin\":\"10.3.1.1\"}", "that is 10.3.1.0/24" },
		{ "{" NET4 ",\"SubnetMax\":\"10.3.1.128\"}", "that is 10.3.1.0/24" },
		{ "{" NET4 ",\"SubnetMin\":\"10.3.9.0\",\"SubnetMax\":\"10.3.8.0\"}",
		  "SubnetMin 10.3.9.0 is above SubnetMax 10.3.8.0" },
		{ "{" NET4 ",\"SubnetMin\":\"fc00::\"}", "\"fc00::\" is not an IPv4 address" },
		{ "{" NET4 ",\"SubnetMin\":\"10.3\"}", "\"10.3\"" },
		{ "{" NET4 ",\"SubnetMin\":10}", "SubnetMin is a number" },
		{ "{" ONLY6 "\"IPv6Network\":\"fc00::/48\",\"IPv6SubnetMin\":\"fc01::\"}",
		  "outside IPv6Network fc00::/48" },
		{ "{" ONLY6 "\"IPv6Network\":\"fc00::/48\",\"IPv6SubnetMax\":\"fc00::1\"}",
		  "that is fc00::/64" },
	};
	struct net_config config;

	(void)state;
	/* The first subnet is free to those who ask for it. */
	config = config_of("{" NET4 ",\"SubnetMin\":\"10.3.0.0\",\"SubnetMax\":\"10.3.0.0\"}");
	assert_family(&config.v4, "10.3.0.0/16", 24, "10.3.0.0", "10.3.0.0");
	config = config_of("{" NET4 ",\"SubnetMin\":\"0.0.0.0\",\"SubnetMax\":null}");
	assert_family(&config.v4, "10.3.0.0/16", 24, "10.3.1.0", "10.3.255.0");
	assert_refused(refused, ARRAY_SIZE(refused));
}

static void json(void **state)
{
	static const struct refused refused[] = {
		{ "", "not JSON" },
		{ "{", "not JSON: line 1" },
		{ "{" NET4 "} {}", "not JSON" },
		{ "{" NET4 ",}", "not JSON" },
		{ "[]", "not a JSON object" },
		{ "null", "not a JSON object" },
		{ "\"x\"", "not a JSON object" },
		{ "{" NET4 "," NET4 "}", "not JSON" },
		{ "{" NET4 ",\"network\":\"10.4.0.0/16\"}", "as Network and as network" },
		{ "{" NET4 ",\"network\":null}", "twice" },
		{ "{\"Network\":[]}", "Network is an array" },
		{ "{" NET4 ",\"EnableIPv6\":1}", "EnableIPv6 is a number" },
		{ "{" NET4 ",\"EnableIPv4\":\"true\"}", "EnableIPv4 is a string" },
		{ "{" NET4 ",\"EnableNFTables\":{}}", "EnableNFTables is an object" },
		{ "{" NET4 ",\"SubnetLen\":24.0}", "fraction" },
		{ "{" NET4 ",\"SubnetLen\":true}", "SubnetLen is a boolean" },
		{ "{\"Network\":\"10.3.0.0/16\\u0000\"}", "not JSON" },
		{ "{\"Network\":\"\xff\"}", "not JSON" },
	};
	struct net_config config;

	(void)state;
	config = config_of("{\"NETWORK\":\"10.3.0.0/16\",\"enableNFTables\":true,\"Comment\":"
			   "{\"a\":[1,2]},\"EnableIPv6\":null,\"Backend\":null}");
	assert_true(config.nftables);
	assert_int_equal(config.backend, BACKEND_VXLAN);
	assert_refused(refused, ARRAY_SIZE(refused));
}

static void size(void **state)
{
	size_t len = 70000;
	char *text = malloc(len);
	struct net_config config;
	struct error error;

	(void)state;
	memset(text, ' ', len);
	memcpy(text, "{" NET4 "}", strlen("{" NET4 "}"));
	assert_true(net_config_parse(text, 65536, &config, &error));
	assert_false(net_config_parse(text, len, &config, &error));
	assert_string_equal(error.text, "the text has 70000 bytes, 65536 are allowed");
	free(text);
}

static void vxlan(void **state)
{
	static const struct refused refused[] = {
		{ "{" NET4 ",\"Backend\":{\"Type\":\"vxlan\",\"VNI\":16777216}}",
		  "Backend VNI is 16777216: 0 to 16777215" },
		{ "{" NET4 ",\"Backend\":{\"Type\":\"vxlan\",\"VNI\":-1}}", "VNI is -1" },
		{ "{" NET4 ",\"Backend\":{\"Type\":\"vxlan\",\"VNI\":\"1\"}}", "VNI is a string" },
		{ "{" NET4 ",\"Backend\":{\"Type\":\"vxlan\",\"Port\":65536}}", "0 to 65535" },
		{ "{" NET4 ",\"Backend\":{\"Type\":\"vxlan\",\"Port\":8472.5}}", "Port" },
		{ "{" NET4 ",\"Backend\":{\"Type\":\"vxlan\",\"MTU\":1329}}",
		  "MTU is 1329: 1330 to 65535" },
		{ "{" NET4 ",\"Backend\":{\"Type\":\"vxlan\",\"MTU\":65536}}", "MTU is 65536" },
		{ "{" NET4 ",\"Backend\":{\"Type\":\"vxlan\",\"GBP\":true}}", "GBP is true" },
		{ "{" NET4 ",\"Backend\":{\"Type\":\"vxlan\",\"GBP\":1}}", "GBP is a number" },
		{ "{" NET4 ",\"Backend\":{\"Type\":\"vxlan\",\"DirectRouting\":\"\"}}",
		  "Backend DirectRouting is a string" },
		{ "{" NET4 ",\"Backend\":{\"Type\":\"vxlan\",\"Vni\":1,\"vni\":2}}",
		  "Backend VNI is there twice" },
	};
	struct net_config config;

	(void)state;
	config = config_of("{" NET4 ",\"backend\":{\"type\":\"VXLAN\",\"vni\":16777215,"
			   "\"PORT\":4789,\"mtu\":1330,\"gbp\":false,\"Learning\":true,"
			   "\"directrouting\":true,\"MacPrefix\":\"0E-2A\",\"Name\":7}}");
	assert_int_equal(config.vni, 16777215);
	assert_int_equal(config.port, 4789);
	assert_int_equal(config.mtu, 1330);
	assert_true(config.learning && config.direct_routing);
	config = config_of("{" NET4 ",\"Backend\":{\"Type\":\"vxlan\",\"VNI\":0,\"Port\":0,"
			   "\"MTU\":0,\"Learning\":null}}");
	assert_int_equal(config.vni, 0);
	assert_int_equal(config.port, 8472);
	assert_int_equal(config.mtu, 0);
	assert_refused(refused, ARRAY_SIZE(refused));
}

static void backends(void **state)
{
	static const struct refused refused[] = {
		{ "{" NET4 ",\"Backend\":{}}", "no Type: vxlan, host-gw and alloc are allowed" },
		{ "{" NET4 ",\"Backend\":{\"VNI\":1}}", "no Type" },
		{ "{" NET4 ",\"Backend\":\"vxlan\"}", "Backend is a string" },
		{ "{" NET4 ",\"Backend\":{\"Type\":1}}", "Backend Type is a number" },
		{ "{" NET4 ",\"Backend\":{\"Type\":\"\"}}", "Type \"\" is not supported" },
		{ "{" NET4 ",\"Backend\":{\"Type\":\"vxlan \"}}", "\"vxlan \"" },
	};
	static const char *const others[] = {
		"udp", "wireguard", "ipip", "ipsec", "extension", "tencent-vpc", "aws-vpc",
		"gce", "ali-vpc",
	};
	char text[128], says[128];
	struct refused other = { text, says };
	struct net_config config;
	size_t i;

	(void)state;
	config = config_of("{" NET4 ",\"Backend\":{\"Type\":\"Host-GW\",\"VNI\":\"x\"}}");
	assert_int_equal(config.backend, BACKEND_HOST_GW);
	assert_string_equal(backend_name(config.backend), "host-gw");
	config = config_of("{" NET4 ",\"Backend\":{\"Type\":\"alloc\"}}");
	assert_string_equal(backend_name(config.backend), "alloc");
	assert_string_equal(backend_name(BACKEND_VXLAN), "vxlan");
	assert_refused(refused, ARRAY_SIZE(refused));
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		sprintf(text, "{" NET4 ",\"Backend\":{\"Type\":\"%s\"}}", others[i]);
		sprintf(says, "\"%s\" is not supported: vxlan, host-gw and alloc", others[i]);
		assert_refused(&other, 1);
	}
}

/* Each differs from the first in one thing. */
static void equality(void **state)
{
	static const char *const texts[] = {
		"{" NET4 "}",
		"{\"Network\":\"10.4.0.0/16\"}",
		"{\"Network\":\"10.3.0.0/16\",\"SubnetLen\":25}",
		"{" NET4 ",\"SubnetMin\":\"10.3.2.0\"}",
		"{" NET4 ",\"SubnetMax\":\"10.3.2.0\"}",
		"{" NET4 ",\"EnableIPv6\":true,\"IPv6Network\":\"fc00::/48\"}",
		"{" NET4 ",\"EnableNFTables\":true}",
		"{" NET4 ",\"Backend\":{\"Type\":\"host-gw\"}}",
		"{" NET4 ",\"Backend\":{\"Type\":\"vxlan\",\"VNI\":2}}",
		"{" NET4 ",\"Backend\":{\"Type\":\"vxlan\",\"Port\":4789}}",
		"{" NET4 ",\"Backend\":{\"Type\":\"vxlan\",\"MTU\":1400}}",
		"{" NET4 ",\"Backend\":{\"Type\":\"vxlan\",\"DirectRouting\":true}}",
		"{" NET4 ",\"Backend\":{\"Type\":\"vxlan\",\"Learning\":true}}",
	};
	struct net_config a, b;
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		for (j = 0; j < ARRAY_SIZE(texts); j++) {
			a = config_of(texts[i]);
			b = config_of(texts[j]);
			if (net_config_equal(&a, &b) != (i == j))
				fail_msg("%s and %s", texts[i], texts[j]);
		}
	a = config_of("{\"network\":\"10.3.9.9/16\",\"SubnetLen\":24,\"Backend\":{\"Type\":"
		      "\"vxlan\",\"Port\":8472,\"VNI\":1}}");
	b = config_of(texts[0]);
	assert_true(net_config_equal(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults4),	cmocka_unit_test(defaults6),
		cmocka_unit_test(overrides4),	cmocka_unit_test(overrides6),
		cmocka_unit_test(dual_stack),	cmocka_unit_test(lengths),
		cmocka_unit_test(networks),	cmocka_unit_test(ranges),
		cmocka_unit_test(json),		cmocka_unit_test(size),
		cmocka_unit_test(vxlan),	cmocka_unit_test(backends),
		cmocka_unit_test(equality),
	};

	return cmocka_run_group_tests_name("net-conf.json", tests, NULL, NULL);
}
