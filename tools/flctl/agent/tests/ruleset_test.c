// SPDX-License-Identifier: GPL-2.0
/*
 * The text of the ruleset.  With words behind its name the program writes a
 * ruleset for ruleset_test.sh: masquerade, random, forward, ipv4, ipv6.
 */

#include "host.h"
#include "plan.h"

static void set_families(struct plan *plan, bool v4, bool v6)
{
	memset(plan, 0, sizeof(*plan));
	plan->port = 8472;
	if (v4) {
		plan->rules4.network = a_prefix("10.42.0.0/16");
		plan->rules4.subnet = a_prefix("10.42.1.0/24");
	}
	if (v6) {
		plan->rules6.network = a_prefix("fd42::/48");
		plan->rules6.subnet = a_prefix("fd42:0:0:1::/64");
	}
}

static void is_ruleset(const struct plan *plan, const char *wanted)
{
	char *text = plan_ruleset(plan, "net-1");

	assert_non_null(text);
	assert_string_equal(text, wanted);
	free(text);
}

#define REPLACE	"add table inet flannel_net-1\ndelete table inet flannel_net-1\n"

static void nothing(void **state)
{
	struct plan plan;

	(void)state;
	set_families(&plan, true, true);
	is_ruleset(&plan, REPLACE);
}

static void masquerade(void **state)
{
	struct plan plan;

	(void)state;
	set_families(&plan, true, true);
	plan.masquerade = true;
	plan.random_fully = true;
	is_ruleset(&plan, REPLACE
		   "table inet flannel_net-1 {\n"
		   "\tchain postrouting {\n"
		   "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
		   "\t\tmeta mark & 0x4000 == 0x4000 return\n"
		   "\t\tip saddr 10.42.1.0/24 ip daddr 10.42.0.0/16 return\n"
		   "\t\tip saddr 10.42.0.0/16 ip daddr 10.42.1.0/24 return\n"
		   "\t\tip saddr != 10.42.0.0/16 ip daddr 10.42.1.0/24 return\n"
		   "\t\tip saddr 10.42.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random\n"
		   "\t\tip saddr != 10.42.0.0/16 ip daddr 10.42.0.0/16 masquerade fully-random\n"
		   "\t\tip6 saddr fd42:0:0:1::/64 ip6 daddr fd42::/48 return\n"
		   "\t\tip6 saddr fd42::/48 ip6 daddr fd42:0:0:1::/64 return\n"
		   "\t\tip6 saddr != fd42::/48 ip6 daddr fd42:0:0:1::/64 return\n"
		   "\t\tip6 saddr fd42::/48 ip6 daddr != ff00::/8 masquerade fully-random\n"
		   "\t\tip6 saddr != fd42::/48 ip6 daddr fd42::/48 masquerade fully-random\n"
		   "\t}\n"
		   "}\n");
}

static void others(void **state)
{
	struct plan plan;

	(void)state;
	set_families(&plan, true, false);
	plan.forward = true;
	is_ruleset(&plan, REPLACE
		   "table inet flannel_net-1 {\n"
		   "\tchain forward {\n"
		   "\t\ttype filter hook forward priority filter; policy accept;\n"
		   "\t\tip saddr 10.42.0.0/16 accept\n"
		   "\t\tip daddr 10.42.0.0/16 accept\n"
		   "\t}\n"
		   "}\n");
}

/* The underlay inside the network: encapsulated packets keep their source. */
static void own_packets(void **state)
{
	struct plan plan;
	char *text;

	(void)state;
	set_families(&plan, true, true);
	plan.masquerade = true;
	memcpy(plan.device.options.local, "\x0a\x2a\x09\x05", 4);
	text = plan_ruleset(&plan, "a");
	assert_null(strstr(text, "udp dport"));
	free(text);
	strcpy(plan.device.name, "flannel.1");
	text = plan_ruleset(&plan, "a");
	assert_non_null(strstr(text, "\t\tip saddr 10.42.9.5 udp dport 8472 return\n\t\tip saddr 10.42.1.0/24"));
	assert_null(strstr(text, "ip6 saddr fd42::5 udp"));
	free(text);
	memcpy(plan.device.options.local6, "\xfd\x42\0\0\0\0\0\0\0\0\0\0\0\0\0\5", 16);
	text = plan_ruleset(&plan, "a");
	assert_non_null(strstr(text, "\t\tip6 saddr fd42::5 udp dport 8472 return\n"));
	free(text);
}

static bool has_word(char **words, const char *word)
{
	for (; *words; words++)
		if (!strcmp(*words, word))
			return true;
	return false;
}

static int write_ruleset(char **words)
{
	struct plan plan;
	char *text;

	set_families(&plan, has_word(words, "ipv4"), has_word(words, "ipv6"));
	plan.masquerade = has_word(words, "masquerade");
	plan.random_fully = has_word(words, "random");
	plan.forward = has_word(words, "forward");
	text = plan_ruleset(&plan, "net-1");
	fputs(text, stdout);
	free(text);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing), cmocka_unit_test(masquerade),
		cmocka_unit_test(others), cmocka_unit_test(own_packets),
	};

	if (argc > 1)
		return write_ruleset(argv + 1);
	return cmocka_run_group_tests_name("ruleset", tests, NULL, NULL);
}
