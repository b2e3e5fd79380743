// SPDX-License-Identifier: GPL-2.0
/* The file store on real files, through the loop. */

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop.h"
#include "store.h"

#define NET	"network 10.42.0.0/16\n"
#define OWN	"10.42.1.0/24 via 198.51.100.1 lladdr 02:00:00:00:00:01\n"
#define PEER2	"10.42.2.0/24 via 198.51.100.2 lladdr 02:00:00:00:00:02\n"
#define PEER3	"10.42.3.0/24 via 198.51.100.3 lladdr 02:00:00:00:00:03\n"

/* More than two looks of the store. */
#define PATIENCE	6000

static char dir[64];
static struct store *store;
static unsigned int configured, snapshots;
static bool refuse, held;
static size_t peers;
static uint8_t own_mac;
static struct node self;
static struct net_config last;

static const char *path(const char *name)
{
	static char text[4][128];
	static unsigned int next;
	char *p = text[next++ % 4];

	snprintf(p, sizeof(text[0]), "%s/%s", dir, name);
	return p;
}

static void put(const char *name, const char *content)
{
	FILE *file = fopen(path(name), "w");

	assert_non_null(file);
	fputs(content, file);
	assert_int_equal(fclose(file), 0);
}

static void put_by_rename(const char *name, const char *content)
{
	put("new", content);
	assert_int_equal(rename(path("new"), path(name)), 0);
}

static bool take_config(void *data, const struct net_config *config, struct node *node)
{
	(void)data;
	configured++;
	last = *config;
	*node = self;
	return !refuse;
}

static bool take_snapshot(void *data, const struct net_config *config, const struct record *own,
			  const struct record_list *list)
{
	(void)data;
	assert_true(net_config_equal(config, &last));
	snapshots++;
	peers = list->count;
	held = own;
	own_mac = own ? own->data4.mac[5] : 0;
	return true;
}

static void changed(void *data)
{
	(void)data;
}

static const struct store_handler handler = { take_config, take_snapshot, changed };

/* Turn until there are @count snapshots; false when they do not come. */
static bool until(unsigned int count, int ms)
{
	int64_t end = loop_now() + ms;

	while (snapshots < count && loop_now() < end)
		assert_true(loop_turn(20));
	return snapshots >= count;
}

/* Nothing may happen. */
static void quiet(int ms)
{
	unsigned int before = snapshots;

	assert_false(until(before + 1, ms));
}

static void until_error(const char *text)
{
	int64_t end = loop_now() + PATIENCE;

	while (!strstr(store->state.last_error, text) && loop_now() < end)
		assert_true(loop_turn(20));
	if (!strstr(store->state.last_error, text))
		fail_msg("\"%s\" instead of \"%s\"", store->state.last_error, text);
}

static void start(const char *file, const char *config)
{
	static char file_path[128], config_path[128];
	struct file_options options = { file_path, config_path };
	struct error error;

	strcpy(file_path, path(file));
	strcpy(config_path, *config ? path(config) : "");
	store = store_file(&options, &handler, NULL, &error);
	assert_non_null(store);
	assert_true(store->ops->start(store, &error));
}

static int setup(void **state)
{
	(void)state;
	configured = 0;
	snapshots = 0;
	refuse = false;
	memset(&self, 0, sizeof(self));
	self.public4 = (struct addr){ AF_INET, { 198, 51, 100, 1 } };
	strcpy(dir, "/tmp/store_file_test.XXXXXX");
	return !loop_open() || !mkdtemp(dir);
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	store_free(store);
	store = NULL;
	loop_close();
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static void first_table(void **state)
{
	(void)state;
	put("f", NET OWN PEER2);
	start("f", "");
	assert_true(until(1, PATIENCE));
	assert_int_equal(configured, 1);
	assert_true(held && store->state.lease_held && store->state.reachable);
	assert_int_equal(own_mac, 1);
	assert_int_equal(peers, 1);
	assert_string_equal(store->state.last_error, "");
	/* A busy directory is none of our business */
	put("other", "x");
	put_by_rename("another", "x");
	quiet(500);
}

static void renamed_and_rewritten(void **state)
{
	(void)state;
	put("f", NET OWN PEER2);
	start("f", "");
	assert_true(until(1, PATIENCE));
	put_by_rename("f", NET OWN PEER2 PEER3);
	assert_true(until(2, 500));
	assert_int_equal(peers, 2);
	put("f", NET OWN);
	assert_true(until(3, 500));
	assert_int_equal(peers, 0);
	/* The same content is no news, another network is a configuration */
	put_by_rename("f", NET OWN);
	quiet(500);
	assert_int_equal(configured, 1);
	put_by_rename("f", NET "vni 5\n" OWN);
	assert_true(until(4, 500));
	assert_int_equal(configured, 2);
	assert_int_equal(last.vni, 5);
}

/* Half of a table is never taken while its writer is at work. */
static void write_slowly(void)
{
	FILE *file = fopen(path("f"), "w");
	int i;

	fputs(NET OWN, file);
	for (i = 0; i < 13; i++) {
		fputs("# still writing\n", file);
		fflush(file);
		quiet(300);
	}
	fputs(PEER2, file);
	fclose(file);
	assert_true(until(2, 500));
	assert_int_equal(peers, 1);
}

static void slow_writer(void **state)
{
	(void)state;
	put("f", NET OWN PEER2 PEER3);
	start("f", "");
	assert_true(until(1, PATIENCE));
	write_slowly();
}

static void slow_writer_of_a_new_file(void **state)
{
	(void)state;
	put("f", NET OWN PEER2 PEER3);
	start("f", "");
	assert_true(until(1, PATIENCE));
	assert_int_equal(unlink(path("f")), 0);
	write_slowly();
	assert_int_equal(store->state.errors, 0);
}

/* As Kubernetes swaps a ConfigMap: file -> ..data/file, ..data -> directory. */
static void configmap(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path("..1"), 0755), 0);
	assert_int_equal(mkdir(path("..2"), 0755), 0);
	put("..1/f", NET OWN PEER2);
	put("..2/f", NET OWN PEER2 PEER3);
	assert_int_equal(symlink("..1", path("..data")), 0);
	assert_int_equal(symlink("..data/f", path("f")), 0);
	start("f", "");
	assert_true(until(1, PATIENCE));
	assert_int_equal(symlink("..2", path("..tmp")), 0);
	assert_int_equal(rename(path("..tmp"), path("..data")), 0);
	assert_true(until(2, 500));
	assert_int_equal(peers, 2);
	/* The directory behind is watched now */
	put("..2/f", NET OWN);
	assert_true(until(3, 500));
}

static void symlink_elsewhere(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path("a"), 0755), 0);
	assert_int_equal(mkdir(path("b"), 0755), 0);
	put("a/x", NET OWN PEER2);
	put("b/f", NET OWN PEER2 PEER3);
	assert_int_equal(symlink("x", path("a/f")), 0);
	assert_int_equal(symlink("a", path("dir")), 0);
	start("dir/f", "");
	assert_true(until(1, PATIENCE));
	/* No event tells of a directory further up: looking does */
	assert_int_equal(symlink("b", path("new")), 0);
	assert_int_equal(rename(path("new"), path("dir")), 0);
	assert_true(until(2, PATIENCE));
	assert_int_equal(peers, 2);
}

static void bad_and_gone(void **state)
{
	uint64_t errors;

	(void)state;
	put("f", NET OWN PEER2);
	start("f", "");
	assert_true(until(1, PATIENCE));
	put_by_rename("f", NET OWN "10.42.2.0/24 via nobody\n");
	until_error("f:3: \"nobody\" is not an IPv4 or IPv6 address");
	assert_false(store->state.reachable);
	assert_true(store->state.lease_held);
	errors = store->state.errors;
	/* Once for each content */
	put_by_rename("f", NET OWN "10.42.2.0/24 via nobody\n");
	quiet(500);
	assert_int_equal(store->state.errors, errors);
	put_by_rename("f", "");
	until_error("there is no line \"network PREFIX\"");
	assert_int_equal(store->state.errors, errors + 1);
	unlink(path("f"));
	until_error("No such file or directory");
	assert_int_equal(snapshots, 1);
	/* What was there is good again */
	put_by_rename("f", NET OWN PEER2);
	assert_true(until(2, 500));
	assert_true(store->state.reachable);
	assert_string_equal(store->state.last_error, "");
}

static void comes_late(void **state)
{
	(void)state;
	start("sub/f", "");
	until_error("No such file or directory");
	assert_int_equal(configured, 0);
	assert_int_equal(mkdir(path("sub"), 0755), 0);
	put("sub/f", NET OWN);
	assert_true(until(1, PATIENCE));
}

static void no_file(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path("f"), 0755), 0);
	start("f", "");
	until_error("is not a regular file");
	assert_int_equal(rmdir(path("f")), 0);
	assert_int_equal(mkfifo(path("f"), 0600), 0);
	quiet(PATIENCE / 2);
}

static void not_ours_yet(void **state)
{
	struct node node;

	(void)state;
	memset(&self, 0, sizeof(self));
	put("f", NET OWN PEER2);
	start("f", "");
	assert_true(until(1, PATIENCE));
	assert_false(held || store->state.lease_held);
	assert_int_equal(peers, 2);
	assert_non_null(strstr(store->state.last_error, "no lease is ours"));
	node = self;
	node.public4 = (struct addr){ AF_INET, { 198, 51, 100, 2 } };
	store->ops->publish(store, &node);
	/* A round that publishes goes on with the leases that it began with. */
	assert_int_equal(snapshots, 1);
	assert_true(until(2, 100));
	assert_true(held);
	assert_int_equal(own_mac, 2);
	assert_int_equal(peers, 1);
}

/* The leases of before are evaluated for it; the file is no better for that. */
static void another_address_while_bad(void **state)
{
	struct node node;

	(void)state;
	put("f", NET OWN PEER2);
	start("f", "");
	assert_true(until(1, PATIENCE));
	put_by_rename("f", "x\n");
	until_error("f:1: ");
	assert_non_null(strstr(store->state.refusal, "f:1: "));
	node = self;
	node.public4 = (struct addr){ AF_INET, { 198, 51, 100, 2 } };
	store->ops->publish(store, &node);
	assert_true(until(2, PATIENCE));
	assert_int_equal(own_mac, 2);
	assert_false(store->state.reachable);
	assert_non_null(strstr(store->state.last_error, "f:1: "));
	put_by_rename("f", NET OWN PEER2);
	assert_true(until(3, PATIENCE));
	assert_true(store->state.reachable);
	assert_string_equal(store->state.refusal, "");
	assert_string_equal(store->state.last_error, "");
}

/* An IPv4 address of this host that a VTEP may have. */
static bool host_address(char text[INET_ADDRSTRLEN])
{
	const struct sockaddr_in *in;
	struct ifaddrs *list, *a;
	bool found = false;

	assert_int_equal(getifaddrs(&list), 0);
	for (a = list; a && !found; a = a->ifa_next) {
		in = (const struct sockaddr_in *)a->ifa_addr;
		if (!in || in->sin_family != AF_INET || a->ifa_flags & IFF_LOOPBACK)
			continue;
		found = inet_ntop(AF_INET, &in->sin_addr, text, INET_ADDRSTRLEN);
	}
	freeifaddrs(list);
	return found;
}

static void ours_by_address(void **state)
{
	char text[256], address[INET_ADDRSTRLEN];

	(void)state;
	if (!host_address(address))
		skip();
	memset(&self, 0, sizeof(self));
	snprintf(text, sizeof(text), NET PEER2 "10.42.9.0/24 via %s lladdr 02:00:00:00:00:09\n",
		 address);
	put("f", text);
	start("f", "");
	assert_true(until(1, PATIENCE));
	assert_true(held);
	assert_int_equal(own_mac, 9);
}

static void refused_for_a_while(void **state)
{
	(void)state;
	refuse = true;
	put("f", NET OWN PEER2);
	start("f", "");
	until_error("cannot be used");
	assert_int_equal(snapshots, 0);
	refuse = false;
	assert_true(until(1, PATIENCE));
}

static void with_net_config(void **state)
{
	(void)state;
	put("f", OWN PEER2);
	put("c", "{\"Network\": \"10.42.0.0/16\", \"Backend\": {\"Type\": \"vxlan\"}}");
	start("f", "c");
	assert_true(until(1, PATIENCE));
	put_by_rename("c", "{\"Network\": \"10.42.0.0/16\", \"Backend\": {\"Type\": \"host-gw\"}}");
	assert_true(until(2, 500));
	assert_int_equal(last.backend, BACKEND_HOST_GW);
	put_by_rename("c", "{\"Network\": \"10.44.0.0/16\", \"Backend\": {\"Type\": \"host-gw\"}}");
	until_error("f:1: \"10.42.1.0/24\" does not lie in the network 10.44.0.0/16");
	assert_int_equal(snapshots, 2);
}

static void reload_says_it_again(void **state)
{
	uint64_t errors;

	(void)state;
	put("f", "x\n");
	start("f", "");
	until_error("f:1: ");
	errors = store->state.errors;
	store->ops->reload(store);
	quiet(200);
	assert_int_equal(store->state.errors, errors + 1);
}

/* Evaluated again when the host has other addresses, whatever the file does. */
static void two_of_ours_for_a_while(void **state)
{
	struct node node = self;

	(void)state;
	if (unshare(CLONE_NEWNET))
		skip();
	assert_int_equal(system("ip addr add 198.51.100.2/32 dev lo"), 0);
	assert_int_equal(system("ip addr add 198.51.100.3/32 dev lo"), 0);
	put("f", NET OWN PEER2 PEER3);
	start("f", "");
	assert_true(until(1, PATIENCE));
	assert_int_equal(own_mac, 1);
	node.public4 = (struct addr){ AF_INET, { 198, 51, 100, 9 } };
	store->ops->publish(store, &node);
	until_error("say with --public-ip");
	assert_false(store->state.reachable);
	assert_int_equal(system("ip addr del 198.51.100.3/32 dev lo"), 0);
	assert_true(until(2, PATIENCE));
	assert_int_equal(own_mac, 2);
	assert_true(store->state.reachable);
	assert_string_equal(store->state.last_error, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(first_table),
		TEST(renamed_and_rewritten),
		TEST(slow_writer),
		TEST(slow_writer_of_a_new_file),
		TEST(configmap),
		TEST(symlink_elsewhere),
		TEST(bad_and_gone),
		TEST(comes_late),
		TEST(no_file),
		TEST(not_ours_yet),
		TEST(another_address_while_bad),
		TEST(ours_by_address),
		TEST(refused_for_a_while),
		TEST(with_net_config),
		TEST(reload_says_it_again),
		/* The last one: the namespace stays */
		TEST(two_of_ours_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
