// SPDX-License-Identifier: GPL-2.0
/*
 * A node that has nothing but its record: NAME=VALUE words say what the store
 * is to be told, lines on standard input what to do, and every snapshot and
 * change of state is a line on standard output.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop.h"
#include "starve.h"
#include "store.h"

struct driver {
	struct store *store;
	struct node node;
	struct loop_watch input;
	char line[256];
	size_t len;
	bool reachable, held;
	char error[512];
	unsigned int declines;		/* so many snapshots */
};

static struct driver driver;

static const char *setting(char **argv, const char *name, const char *fallback)
{
	size_t len = strlen(name);

	for (; *argv; argv++)
		if (!strncmp(*argv, name, len) && (*argv)[len] == '=')
			fallback = *argv + len + 1;
	return fallback;
}

static void read_addr(const char *text, struct addr *addr)
{
	struct words w = { 0 };

	*addr = (struct addr){ 0 };
	if (*text && !parse_addr(&w, text, addr))
		fprintf(stderr, "%s\n", w.error);
}

static void read_mac(const char *text, struct node *node)
{
	struct words w = { 0 };

	node->mac_known = *text;
	if (*text && !parse_mac(&w, text, node->mac4))
		fprintf(stderr, "%s\n", w.error);
	memcpy(node->mac6, node->mac4, 6);
}

static void print_record(const struct record *record)
{
	char key[RECORD_KEY], addr[ADDR_TEXT], mac[MAC_TEXT];

	printf(" %s=%s,%s,%s", record_format_key(record, key),
	       format_addr(&record->public4, addr), format_mac(record->data4.mac, mac),
	       record->lease ? "leased" : "reserved");
}

static bool configured(void *data, const struct net_config *config, struct node *node)
{
	char text[PREFIX_TEXT];

	(void)data;
	printf("config %s %s vni %u\n", format_prefix(&config->v4.network, text),
	       backend_name(config->backend), config->vni);
	*node = driver.node;
	return true;
}

/* As the agent does. */
static bool keep(const struct record_list *peers)
{
	static struct record_list kept;
	bool done;

	if (driver.declines) {
		driver.declines--;
		return false;
	}
	done = record_list_copy(&kept, peers);
	record_list_free(&kept);
	return done;
}

static bool snapshot(void *data, const struct net_config *config, const struct record *own,
		     const struct record_list *peers)
{
	size_t i;

	(void)data;
	(void)config;
	if (!keep(peers))
		return false;
	printf("snapshot own");
	if (own)
		print_record(own);
	else
		printf(" none");
	printf(" peers %zu", peers->count);
	for (i = 0; i < peers->count && peers->count <= 20; i++)
		print_record(&peers->record[i]);
	printf("\n");
	return true;
}

static void print_state(void)
{
	const struct store_state *state = &driver.store->state;
	int64_t left = state->lease_expires ? state->lease_expires - loop_now() : 0;

	printf("state reachable %d held %d expires %lld resyncs %llu errors %llu last %s\n",
	       state->reachable, state->lease_held, (long long)(left / 1000),
	       (unsigned long long)state->resyncs, (unsigned long long)state->errors,
	       *state->last_error ? state->last_error : "none");
}

static void changed(void *data)
{
	const struct store_state *state = &driver.store->state;

	(void)data;
	if (state->reachable == driver.reachable && state->lease_held == driver.held &&
	    !strcmp(state->last_error, driver.error))
		return;
	driver.reachable = state->reachable;
	driver.held = state->lease_held;
	strcpy(driver.error, state->last_error);
	print_state();
}

static void release(void)
{
	struct error error;

	if (driver.store->ops->release(driver.store, &error))
		printf("released\n");
	else
		printf("not released: %s\n", error.text);
	loop_stop();
}

static void obey(const char *line)
{
	if (!strncmp(line, "publish ", 8)) {
		read_addr(line + 8, &driver.node.public4);
		driver.store->ops->publish(driver.store, &driver.node);
	} else if (!strcmp(line, "reload")) {
		driver.store->ops->reload(driver.store);
	} else if (!strcmp(line, "release")) {
		release();
	} else if (!strcmp(line, "state")) {
		print_state();
	} else if (!strncmp(line, "decline ", 8)) {
		driver.declines = atoi(line + 8);
	} else if (!strncmp(line, "starve ", 7)) {
		starve(atol(line + 7), atol(strrchr(line, ' ')));
	} else if (!strcmp(line, "starved")) {
		printf("starved %lu\n", starved);
	} else if (!strcmp(line, "stop")) {
		loop_stop();
	}
}

static void on_input(struct loop_watch *watch, uint32_t events)
{
	char c;

	(void)events;
	while (read(watch->fd, &c, 1) == 1) {
		if (c != '\n' && driver.len < sizeof(driver.line) - 1) {
			driver.line[driver.len++] = c;
			continue;
		}
		driver.line[driver.len] = '\0';
		driver.len = 0;
		obey(driver.line);
	}
}

static bool read_node(char **argv)
{
	const char *previous = setting(argv, "previous", "");

	read_addr(setting(argv, "ip", ""), &driver.node.public4);
	read_addr(setting(argv, "ip6", ""), &driver.node.public6);
	read_mac(setting(argv, "mac", ""), &driver.node);
	return !*previous || record_parse_key(previous, &driver.node.previous, NULL);
}

static struct store *open_store(char **argv, struct error *error)
{
	static const struct store_handler handler = { configured, snapshot, changed };
	struct etcd_options options = {
		.endpoints = setting(argv, "endpoints", ""),
		.prefix = setting(argv, "prefix", "/coreos.com/network"),
		.keyfile = setting(argv, "keyfile", ""),
		.certfile = setting(argv, "certfile", ""),
		.cafile = setting(argv, "cafile", ""),
		.username = setting(argv, "username", ""),
		.password = setting(argv, "password", ""),
		.renew_margin = atoi(setting(argv, "margin", "60")),
		.net_config_path = setting(argv, "config", ""),
	};

	return store_etcd(&options, &handler, NULL, error);
}

int main(int argc, char **argv)
{
	struct error error;

	(void)argc;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (*setting(argv, "debug", ""))
		log_setup(LEVEL_DEBUG, false, "test");
	if (!loop_open() || !read_node(argv))
		return 2;
	driver.store = open_store(argv, &error);
	if (!driver.store || !driver.store->ops->start(driver.store, &error)) {
		printf("refused: %s\n", error.text);
		store_free(driver.store);
		loop_close();
		return 1;
	}
	starve(atol(setting(argv, "starve", "0")), 1);
	driver.input = (struct loop_watch){ .fd = -1, .ready = on_input };
	fcntl(0, F_SETFL, O_NONBLOCK);
	loop_watch(&driver.input, 0, EPOLLIN);
	loop_run();
	store_free(driver.store);
	loop_close();
	return 0;
}
