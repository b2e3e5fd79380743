// SPDX-License-Identifier: GPL-2.0
/* What FORWARD does, from listings as hosts have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "forward.h"

struct example {
	const char *what;
	const char *listing;
	bool drops;
	unsigned int at;
};

static const struct example examples[] = {
	{ "nothing", "", false, 0 },
	{ "no such chain", "-P INPUT DROP\n-A INPUT -j DROP\n", false, 0 },
	{ "accept", "-P INPUT DROP\n-P FORWARD ACCEPT\n", false, 0 },
	{ "policy", "-P FORWARD DROP\n-P OUTPUT ACCEPT\n", true, 0 },
	{ "policy, no last newline", "-P FORWARD DROP", true, 0 },
	{ "Docker",
	  "-P FORWARD DROP\n-N DOCKER\n-N DOCKER-USER\n"
	  "-A FORWARD -j DOCKER-USER\n"
	  "-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
	  "-A FORWARD -o docker0 -j DOCKER\n"
	  "-A FORWARD -i docker0 -o docker0 -j ACCEPT\n"
	  "-A DOCKER -j DROP\n-A DOCKER-USER -j RETURN\n", true, 0 },
	{ "RHEL: reject at the end",
	  "-P FORWARD ACCEPT\n-A FORWARD -i lo -j ACCEPT\n"
	  "-A FORWARD -j REJECT --reject-with icmp-host-prohibited\n", true, 2 },
	{ "ufw: reject in a chain that all go through",
	  "-P FORWARD ACCEPT\n-N ufw-before\n-N ufw-reject\n"
	  "-A FORWARD -j ufw-before\n-A FORWARD -j ufw-reject\n"
	  "-A ufw-before -i lo -j ACCEPT\n"
	  "-A ufw-reject -j REJECT --reject-with icmp-port-unreachable\n", true, 2 },
	{ "chains in chains",
	  "-P FORWARD ACCEPT\n-N a\n-N b\n-A FORWARD -j a\n-A a -j b\n-A b -j DROP\n", true, 1 },
	{ "a chain that returns before it drops",
	  "-P FORWARD ACCEPT\n-N a\n-A FORWARD -j a\n-A a -j RETURN\n-A a -j DROP\n", false, 0 },
	{ "goto does not come back",
	  "-P FORWARD DROP\n-N a\n-A FORWARD -g a\n-A FORWARD -j ACCEPT\n-A a -i x -j ACCEPT\n",
	  true, 1 },
	{ "accepted before it is dropped",
	  "-P FORWARD DROP\n-A FORWARD -j ACCEPT\n-A FORWARD -j DROP\n", false, 1 },
	{ "a comment is no condition",
	  "-P FORWARD ACCEPT\n-A FORWARD -m comment --comment \"the \\\"end\\\" -j\" -j DROP\n",
	  true, 1 },
	{ "a condition is one",
	  "-P FORWARD ACCEPT\n-A FORWARD -m comment --comment x -p udp -j DROP\n", false, 0 },
	{ "targets that go on", "-P FORWARD DROP\n-A FORWARD -j LOG --log-prefix \"x \"\n",
	  true, 0 },
	{ "names that start alike",
	  "-P FORWARD ACCEPT\n-P FORWARDX DROP\n-A FORWARDX -j DROP\n", false, 0 },
	{ "remarks",
	  "# Warning: iptables-legacy tables present\n-P FORWARD DROP\n", true, 0 },
	{ "a loop, which no kernel takes",
	  "-P FORWARD DROP\n-N a\n-N b\n-A FORWARD -j a\n-A a -j b\n-A b -j a\n", true, 0 },
	{ "an open quote", "-P FORWARD DROP\n-A FORWARD -m comment --comment \"x -j DROP\n",
	  true, 0 },
};

static void judge(void **state)
{
	struct forward_verdict verdict;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(examples); i++) {
		verdict = forward_judge(examples[i].listing);
		if (verdict.drops != examples[i].drops || verdict.at != examples[i].at)
			fail_msg("%s: %s at %u", examples[i].what,
				 verdict.drops ? "drops" : "does not drop", verdict.at);
	}
}

/* Longer than any rule that is looked into. */
static void long_rule(void **state)
{
	static char listing[4096] = "-P FORWARD DROP\n-A FORWARD -m comment --comment ";
	size_t len = strlen(listing);

	(void)state;
	memset(listing + len, 'x', 2000);
	strcpy(listing + len + 2000, " -j ACCEPT\n");
	assert_true(forward_judge(listing).drops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judge),
		cmocka_unit_test(long_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
