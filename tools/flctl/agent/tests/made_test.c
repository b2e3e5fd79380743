// SPDX-License-Identifier: GPL-2.0
/* What the file of things made holds. */

#include <stdio.h>
#include <unistd.h>

#include "host.h"
#include "made.h"

static void is_network(const struct made *made, size_t index, const char *network)
{
	struct prefix wanted = a_prefix(network);

	assert_int_equal(compare_prefix(&made->network[index], &wanted), 0);
}

static void plan_of(struct plan *plan, const char *network, const char *device)
{
	memset(plan, 0, sizeof(*plan));
	plan->device.network4 = a_prefix(network);
	snprintf(plan->device.name, sizeof(plan->device.name), "%s", device);
	plan->device.options.lladdr[0] = 2;
}

static void parse(void **state)
{
	struct made made;

	(void)state;
	made_parse("network 10.42.0.0/16\nnetwork nonsense\n\nnetwork fd42::/48\nnetwork\n"
		   "device flannel.1 lladdr 02:00:00:00:00:01\ndevice a/b lladdr 02:00:00:00:00:02\n"
		   "device flannel.2 lladdr x\nfuture thing\n# x\nnetwork 10.43.0.0/16", &made);
	assert_int_equal(made.networks, 3);
	is_network(&made, 0, "10.42.0.0/16");
	is_network(&made, 1, "fd42::/48");
	is_network(&made, 2, "10.43.0.0/16");
	assert_int_equal(made.devices, 1);
	assert_string_equal(made.device[0].name, "flannel.1");
	assert_int_equal(made.device[0].mac[5], 1);
}

/* The newest comes first and once, the oldest is forgotten. */
static void add(void **state)
{
	struct made made = { 0 };
	char network[PREFIX_TEXT], device[IF_NAMESIZE];
	struct plan plan;
	uint8_t i;

	(void)state;
	for (i = 0; i < MADE_MOST + 3; i++) {
		snprintf(network, sizeof(network), "10.%d.0.0/16", i);
		snprintf(device, sizeof(device), "flannel.%d", i);
		plan_of(&plan, network, device);
		made_add(&made, &plan);
		made_add(&made, &plan);
	}
	assert_int_equal(made.networks, MADE_MOST);
	assert_int_equal(made.devices, MADE_MOST);
	is_network(&made, 0, "10.18.0.0/16");
	is_network(&made, MADE_MOST - 1, "10.3.0.0/16");
	plan_of(&plan, "10.3.0.0/16", "flannel.9");
	plan.device.options.lladdr[5] = 9;
	made_add(&made, &plan);
	assert_int_equal(made.networks, MADE_MOST);
	is_network(&made, 0, "10.3.0.0/16");
	is_network(&made, MADE_MOST - 1, "10.4.0.0/16");
	assert_string_equal(made.device[0].name, "flannel.9");
	assert_int_equal(made.device[0].mac[5], 9);
	assert_string_equal(made.device[1].name, "flannel.18");
	assert_int_equal(made.devices, MADE_MOST);
	assert_string_equal(made.device[MADE_MOST - 1].name, "flannel.3");
}

/* What is written is read again, and nothing is written twice. */
static void remember(void **state)
{
	char dir[] = "/tmp/made.XXXXXX", path[64], text[256];
	struct error error;
	struct plan plan;
	FILE *file;
	size_t len;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a.made", dir);
	plan_of(&plan, "10.1.0.0/16", "flannel.1");
	assert_true(made_remember(path, &plan, &error));
	plan_of(&plan, "10.2.0.0/16", "");
	assert_true(made_remember(path, &plan, &error));
	file = fopen(path, "r");
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
	assert_string_equal(text, "network 10.2.0.0/16\nnetwork 10.1.0.0/16\n"
				  "device flannel.1 lladdr 02:00:00:00:00:00\n");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_false(made_remember(path, &plan, &error));
	assert_non_null(strstr(error.text, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse), cmocka_unit_test(add), cmocka_unit_test(remember),
	};

	return cmocka_run_group_tests_name("made", tests, NULL, NULL);
}
