// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation fails once: what could not be done is done later, or says so, and
 * is never done by half.
 */

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"
#include "loop.h"
#include "plan.h"
#include "starve.h"
#include "store.h"

#define PATIENCE	6000
#define MOST		200

static char dir[64], leases[128];
static struct store *store;
static struct record_list last;
static unsigned int snapshots;
static bool held;

static void put(const char *content)
{
	char temporary[160];
	FILE *file;

	snprintf(temporary, sizeof(temporary), "%s.new", leases);
	file = fopen(temporary, "w");
	assert_non_null(file);
	fputs(content, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(temporary, leases), 0);
}

static bool configured(void *data, const struct net_config *config, struct node *node)
{
	(void)data;
	(void)config;
	memset(node, 0, sizeof(*node));
	node->public4 = (struct addr){ AF_INET, { 198, 51, 100, 1 } };
	return true;
}

/* As the agent does. */
static bool snapshot(void *data, const struct net_config *config, const struct record *own,
		     const struct record_list *peers)
{
	(void)data;
	(void)config;
	if (!record_list_copy(&last, peers))
		return false;
	held = own;
	snapshots++;
	return true;
}

static void changed(void *data)
{
	(void)data;
}

static const struct store_handler handler = { configured, snapshot, changed };

static void start(void)
{
	struct file_options options = { leases, "" };
	struct error error;

	strcpy(dir, "/tmp/memory_test.XXXXXX");
	assert_true(loop_open());
	assert_non_null(mkdtemp(dir));
	snprintf(leases, sizeof(leases), "%s/leases", dir);
	store = store_file(&options, &handler, NULL, &error);
	assert_non_null(store);
	assert_true(store->ops->start(store, &error));
}

static void stop(void)
{
	store_free(store);
	loop_close();
	record_list_free(&last);
	unlink(leases);
	rmdir(dir);
}

static void until(size_t peers)
{
	int64_t end = loop_now() + PATIENCE;

	while ((last.count != peers || !held || *store->state.last_error) && loop_now() < end)
		assert_true(loop_turn(20));
	assert_int_equal(last.count, peers);
	assert_true(held);
	assert_true(store->state.reachable);
	assert_string_equal(store->state.last_error, "");
	assert_string_equal(store->state.refusal, "");
}

#define LEASES1	"network 10.42.0.0/16\n" \
		"10.42.1.0/24 via 198.51.100.1 lladdr 02:00:00:00:00:01\n" \
		"10.42.2.0/24 via 198.51.100.2 lladdr 02:00:00:00:00:02\n"
#define LEASES2	LEASES1 "10.42.3.0/24 via 198.51.100.3 lladdr 02:00:00:00:00:03\n"

/* A file that could not be read for want of memory is read later, unchanged. */
static void lease_file(void **state)
{
	unsigned long n, failed = 0;

	(void)state;
	start();
	put(LEASES1);
	until(1);
	for (n = 1; n < MOST; n++) {
		starve(n, 1);
		put(n % 2 ? LEASES2 : LEASES1);
		until(n % 2 ? 2 : 1);
		if (!starved)
			break;
		failed++;
	}
	starve(0, 0);
	assert_true(n < MOST);
	assert_true(failed >= 5);
	stop();
}

static void set_peer(struct record *record, const char *subnet, const char *public)
{
	memset(record, 0, sizeof(*record));
	record->subnet4 = a_prefix(subnet);
	record->public4 = an_addr(public);
	strcpy(record->backend, "host-gw");
}

struct scene {
	struct host host;
	struct net_config config;
	struct plan_options options;
	struct iface iface;
	struct record own, peers[3];
	struct record_list list;
	struct plan_input input;
};

/* Two peers that are reached, and one of another backend. */
static void set_up(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	host_open(&s->host);
	host_link(&s->host, 2, "eth0");
	host_addr(&s->host, 2, "192.0.2.1/24");
	host_route(&s->host, "192.0.2.0/24", NULL, 2);
	s->config.v4.network = a_prefix("10.42.0.0/16");
	s->config.backend = BACKEND_HOST_GW;
	s->iface.ifindex = 2;
	strcpy(s->iface.name, "eth0");
	s->iface.mtu = 1500;
	s->iface.bind4 = s->iface.public4 = an_addr("192.0.2.1");
	set_peer(&s->own, "10.42.1.0/24", "192.0.2.1");
	set_peer(&s->peers[0], "10.42.2.0/24", "192.0.2.2");
	set_peer(&s->peers[1], "10.42.3.0/24", "192.0.2.3");
	set_peer(&s->peers[2], "10.42.4.0/24", "192.0.2.4");
	strcpy(s->peers[2].backend, "vxlan");
	s->list.record = s->peers;
	s->list.count = 3;
	s->options.instance = "t";
	s->input = (struct plan_input){
		.config = &s->config, .options = &s->options, .iface = &s->iface,
		.own = &s->own, .peers = &s->list, .facts = &s->host.facts,
	};
}

/* A plan is whole, or it is none. */
static void plan(void **state)
{
	struct plan reference = { 0 }, some;
	struct error error;
	struct scene s;
	bool made = false;
	unsigned long n;

	(void)state;
	set_up(&s);
	if (!plan_make(&s.input, &reference, &error))
		fail_msg("%s", error.text);
	assert_true(reference.route_count >= 2 && reference.notice_count >= 1);
	for (n = 1; n < MOST && !made; n++) {
		memset(&some, 0, sizeof(some));
		starve(n, 1);
		made = plan_make(&s.input, &some, &error);
		assert_int_equal(made, !starved);
		if (made) {
			assert_int_equal(some.route_count, reference.route_count);
			assert_int_equal(some.notice_count, reference.notice_count);
		} else {
			assert_non_null(strstr(error.text, "memory"));
		}
		plan_free(&some);
	}
	starve(0, 0);
	assert_true(made && n > 5);
	plan_free(&reference);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lease_file),
		cmocka_unit_test(plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
