// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "apply_impl.h"
#include "identity.h"
#include "made.h"
#include "reset.h"
#include "rtnl.h"
#include "subnet_env.h"

/* Networks of an instance: of subnet.env, and of its devices. */
#define NETWORKS	16

struct reset {
	const struct run_options *options;
	bool release, forget;
	struct apply apply;
	struct facts facts;
	char mac_file[RUN_PATH + 4096], made_file[RUN_PATH + 4096];
	uint8_t mac[6];
	bool mac_known;
	struct prefix networks[NETWORKS];
	size_t network_count;
	bool failed;
};

static void complain(struct reset *r, const struct error *error)
{
	log_error("%s", error->text);
	r->failed = true;
}

static void add_network(struct reset *r, const struct prefix *network)
{
	if (network->addr.family && r->network_count < NETWORKS)
		r->networks[r->network_count++] = *network;
}

/* --- which device is ours --- */

static struct prefix network_of(const struct link_options *options, uint8_t family)
{
	struct prefix network = { 0 };
	size_t size;
	const void *addr, *len;
	bool v4 = family == AF_INET;

	addr = options_attr(options, v4 ? IFLA_FLANNEL_NETWORK : IFLA_FLANNEL_NETWORK6, &size);
	len = options_attr(options, v4 ? IFLA_FLANNEL_NETWORK_LEN : IFLA_FLANNEL_NETWORK6_LEN,
			   &size);
	if (!addr || !len || !*(const uint8_t *)len)
		return network;
	network.addr.family = family;
	memcpy(network.addr.bytes, addr, addr_size(family));
	network.len = *(const uint8_t *)len;
	return network;
}

static bool has_network(const struct reset *r, const struct prefix *network)
{
	size_t i;

	for (i = 0; i < r->network_count && network->addr.family; i++)
		if (!compare_prefix(&r->networks[i], network))
			return true;
	return false;
}

static bool is_ours(const struct reset *r, const struct fact_link *link)
{
	struct prefix v4 = network_of(&link->flannel, AF_INET);
	struct prefix v6 = network_of(&link->flannel, AF_INET6);

	if (strcmp(link->kind, FLANNEL_LINK_KIND) || strncmp(link->name, "flannel", 7))
		return false;
	return has_network(r, &v4) || has_network(r, &v6) ||
	       (r->mac_known && !memcmp(link->flannel.lladdr, r->mac, 6));
}

/* --- what goes --- */

static void remove_device(struct reset *r, const struct fact_link *link)
{
	struct error error;

	if (!r->apply.dry && rtnl_link_del(link->ifindex)) {
		apply_refused(&error, "link del %s", link->name);
		complain(r, &error);
		return;
	}
	apply_say(&r->apply, "link del %s", link->name);
}

static void remove_devices(struct reset *r)
{
	struct prefix v4, v6;
	size_t i, before = r->network_count;

	for (i = 0; i < r->facts.link_count; i++) {
		const struct fact_link *link = &r->facts.links[i];

		if (!is_ours(r, link))
			continue;
		v4 = network_of(&link->flannel, AF_INET);
		v6 = network_of(&link->flannel, AF_INET6);
		if (!before)
			add_network(r, &v4);
		if (!before)
			add_network(r, &v6);
		remove_device(r, link);
	}
}

/* Routes over the device have gone with it. */
static void remove_our_routes(struct reset *r)
{
	struct error error;
	size_t i, left = 0;

	for (i = 0; i < r->facts.route_count; i++)
		left += r->facts.routes[i].protocol == FLANNEL_ROUTE_PROTOCOL;
	if (r->network_count) {
		if (!remove_routes(&r->apply, &r->facts, r->networks, r->network_count, &error))
			complain(r, &error);
	} else if (left) {
		set_error(&error, "%zu routes of protocol %d stay: without %s nothing says which network is this instance's",
			  left, FLANNEL_ROUTE_PROTOCOL, r->options->plan.subnet_file);
		complain(r, &error);
	}
}

static void remove_our_rules(struct reset *r)
{
	const char *instance = r->options->instance;
	struct error error;

	if (!remove_rules(&r->apply, instance, &error))
		complain(r, &error);
	if (!remove_forward(&r->apply, instance, &error))
		complain(r, &error);
}

static void remove_file(struct reset *r, const char *path)
{
	struct error error;

	if (access(path, F_OK) && errno == ENOENT)
		return;
	if (!r->apply.dry && unlink(path)) {
		set_error(&error, "cannot remove %s: %s", path, strerror(errno));
		complain(r, &error);
		return;
	}
	apply_say(&r->apply, "file %s removed", path);
}

static void remove_files(struct reset *r)
{
	char path[RUN_PATH];

	remove_file(r, r->options->plan.subnet_file);
	remove_file(r, run_options_path(r->options, ".sock", path));
	remove_file(r, r->made_file);
	if (r->forget)
		remove_file(r, r->mac_file);
}

/* --- all of it --- */

static void read_networks(struct reset *r)
{
	char text[SUBNET_ENV_TEXT] = "";
	struct subnet_env env = { 0 };
	struct error error;
	FILE *file = fopen(r->options->plan.subnet_file, "re");
	size_t len;

	if (!file)
		return;
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
	if (!subnet_env_parse(text, &env, &error))
		log_warning("%s: %s", r->options->plan.subnet_file, error.text);
	add_network(r, &env.network4);
	add_network(r, &env.network6);
}

static void print_line(void *data, const char *line)
{
	const struct reset *r = data;

	printf("%s%s\n", r->apply.dry ? "would: " : "", line);
}

static void release_lease(struct reset *r)
{
	struct error error;

	if (r->options->file.path[0]) {
		set_error(&error, "--release-lease is for etcd: take this node out of %s by hand",
			  r->options->file.path);
		complain(r, &error);
	} else if (!r->apply.dry && !agent_release(r->options, &error)) {
		complain(r, &error);
	} else {
		apply_say(&r->apply, "lease in etcd given back, if there was one");
	}
}

static int reset_all(struct reset *r)
{
	struct error error;

	r->mac_known = identity_read(r->mac_file, r->mac);
	read_networks(r);
	/* With subnet.env, which says what subnet it was. */
	if (r->release)
		release_lease(r);
	if (facts_read(&r->facts, &error)) {
		remove_our_rules(r);
		remove_devices(r);
		facts_free(&r->facts);
		if (facts_read(&r->facts, &error))
			remove_our_routes(r);
	}
	if (!r->facts.links)
		complain(r, &error);
	facts_free(&r->facts);
	remove_files(r);
	if (!r->apply.changes && !r->failed)
		printf("nothing to remove\n");
	rtnl_close();
	return r->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int reset_locked(struct reset *r)
{
	const struct run_options *o = r->options;
	char path[RUN_PATH];
	int fd = -1, code;

	run_options_path(o, ".lock", path);
	snprintf(r->mac_file, sizeof(r->mac_file), "%s/%s.mac", o->state_dir, o->instance);
	snprintf(r->made_file, sizeof(r->made_file), "%s/%s" MADE_SUFFIX, o->state_dir, o->instance);
	if (!access(path, F_OK)) {
		fd = agent_lock(path);
		if (fd < 0)
			return EXIT_FAILURE;
	}
	code = reset_all(r);
	/* Held until it is gone: nobody who waits for it is disappointed. */
	if (fd >= 0 && !code)
		remove_file(r, path);
	if (fd >= 0)
		close(fd);
	return code;
}

/* Takes @name out of the words. */
static bool take_switch(int *argc, char **argv, const char *name)
{
	bool found = false;
	int i, kept = 0;

	for (i = 0; i < *argc; i++) {
		if (!strcmp(argv[i], name))
			found = true;
		else
			argv[kept++] = argv[i];
	}
	*argc = kept;
	return found;
}

static int help(void)
{
	puts("Usage: flctl reset [--dry-run] [--release-lease] [--forget-mac] [OPTION]...\n\n"
	     "Remove from this host what the agent of one network has put there: its device,\n"
	     "routes, rules and subnet.env.  The agent must have ended; no store is needed.\n\n"
	     "  --dry-run          print what would be removed, remove nothing\n"
	     "  --release-lease    delete the node's lease from etcd, too\n"
	     "  --forget-mac       remove the state file with the MAC of the VTEP, too\n\n"
	     "Other options are those of flctl run: --subnet-file, --instance, --run-dir and\n"
	     "--state-dir say which network; --release-lease takes those of etcd.");
	return EXIT_SUCCESS;
}

int reset_run(int argc, char **argv)
{
	static struct run_options options;
	static struct reset r;
	struct error error;
	int code = EXIT_FAILURE;

	r.release = take_switch(&argc, argv, "--release-lease");
	r.forget = take_switch(&argc, argv, "--forget-mac");
	r.options = &options;
	r.apply.say = print_line;
	r.apply.data = &r;
	switch (run_options_parse(&options, argc, argv, environ, &error)) {
	case RUN_AGENT:
		r.apply.dry = options.dry_run;
		log_setup(options.level, options.log_json, options.instance);
		code = reset_locked(&r);
		break;
	case RUN_HELP:
		code = help();
		break;
	case RUN_VERSION:
		puts(FLCTL_VERSION);
		code = EXIT_SUCCESS;
		break;
	default:
		fprintf(stderr, "flctl reset: %s\n", error.text);
	}
	run_options_free(&options);
	return code;
}
