// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "apply_impl.h"
#include "flanneld.h"
#include "identity.h"
#include "made.h"
#include "reset.h"
#include "rtnl.h"
#include "subnet_env.h"

/* Of one instance: those it has made, subnet.env's, and those of a device. */
#define NETWORKS	(MADE_MOST + 4)

struct reset {
	const struct run_options *options;
	bool release, forget;
	struct apply apply;
	struct facts facts;
	char mac_file[RUN_PATH + 4096], made_file[RUN_PATH + 4096];
	uint8_t mac[6];
	bool mac_known;
	struct subnet_env env;
	struct made made;
	struct made_others others;
	struct prefix networks[NETWORKS];
	size_t network_count;
	bool failed;
};

static void complain(struct reset *r, const struct error *error)
{
	log_error("%s", error->text);
	r->failed = true;
}

static bool has_network(const struct reset *r, const struct prefix *network)
{
	size_t i;

	for (i = 0; i < r->network_count && network->addr.family; i++)
		if (!compare_prefix(&r->networks[i], network))
			return true;
	return false;
}

static void add_network(struct reset *r, const struct prefix *network)
{
	char text[PREFIX_TEXT];
	const char *other;

	if (!network->addr.family || has_network(r, network) || r->network_count == NETWORKS)
		return;
	other = made_by_other(&r->others, NULL, network);
	if (other)
		log_warning("routes in %s stay: it is a network of instance \"%s\", too",
			    format_prefix(network, text), other);
	else
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

/* One of its name with another MAC was made by somebody else. */
static bool has_made(const struct reset *r, const struct fact_link *link)
{
	size_t i;

	for (i = 0; i < r->made.devices; i++)
		if (!strcmp(r->made.device[i].name, link->name) &&
		    !memcmp(r->made.device[i].mac, link->flannel.lladdr, 6))
			return true;
	return false;
}

static bool is_ours(const struct reset *r, const struct fact_link *link)
{
	struct prefix v4 = network_of(&link->flannel, AF_INET);
	struct prefix v6 = network_of(&link->flannel, AF_INET6);

	if (strcmp(link->kind, FLANNEL_LINK_KIND) || strncmp(link->name, "flannel", 7))
		return false;
	return has_network(r, &v4) || has_network(r, &v6) || has_made(r, link) ||
	       (r->mac_known && !memcmp(link->flannel.lladdr, r->mac, 6));
}

/* False, with a line, when another instance names @name. */
static bool may_go(const struct reset *r, const char *name)
{
	const char *other = made_by_other(&r->others, name, NULL);

	if (other)
		log_warning("device %s stays: instance \"%s\" has one of that name, too", name,
			    other);
	return !other;
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

/*
 * Of stock flannel, whose place ours took: an agent that was killed before it could
 * delete them leaves them down, one by another name, and they keep flanneld from
 * making others.  @port 0: any.
 */
static bool is_leftover(const struct fact_link *link, uint32_t vni, uint16_t port)
{
	char name[2][32];

	snprintf(name[0], sizeof(name[0]), "flannel-%u", vni);
	snprintf(name[1], sizeof(name[1]), "flannel-v6.%u", vni);
	return (!strcmp(link->name, name[0]) || !strcmp(link->name, name[1])) &&
	       !strcmp(link->kind, "vxlan") && !(link->flags & IFF_UP) &&
	       link->vxlan.vni == vni && (!port || link->vxlan.port == port);
}

static void remove_leftover(struct reset *r, uint32_t vni, uint16_t port)
{
	struct fact_link *link;
	size_t i;

	for (i = 0; i < r->facts.link_count; i++) {
		link = &r->facts.links[i];
		if (!is_leftover(link, vni, port))
			continue;
		remove_device(r, link);
		/* Several of ours may lead to it. */
		link->name[0] = '\0';
	}
}

static void remove_leftover_of(struct reset *r, const struct fact_link *link)
{
	const void *vni, *port;
	size_t size;

	vni = options_attr(&link->flannel, IFLA_FLANNEL_ID, &size);
	port = options_attr(&link->flannel, IFLA_FLANNEL_PORT, &size);
	if (vni && port)
		remove_leftover(r, *(const uint32_t *)vni, ntohs(*(const uint16_t *)port));
}

/* Of devices that have gone before. */
static void remove_leftovers(struct reset *r)
{
	const char *name;
	uint32_t vni;
	size_t i;

	for (i = 0; i < r->made.devices; i++) {
		name = r->made.device[i].name;
		if (!facts_link(&r->facts, name) && !made_by_other(&r->others, name, NULL) &&
		    sscanf(name, "flannel.%u", &vni) == 1)
			remove_leftover(r, vni, 0);
	}
}

static void remove_devices(struct reset *r)
{
	struct prefix v4, v6;
	size_t i, before = r->network_count;

	for (i = 0; i < r->facts.link_count; i++) {
		const struct fact_link *link = &r->facts.links[i];

		if (!is_ours(r, link) || !may_go(r, link->name))
			continue;
		v4 = network_of(&link->flannel, AF_INET);
		v6 = network_of(&link->flannel, AF_INET6);
		if (!before)
			add_network(r, &v4);
		if (!before)
			add_network(r, &v6);
		remove_device(r, link);
		remove_leftover_of(r, link);
	}
	remove_leftovers(r);
}

/* What other instances have is no fact for us. */
static void forget_others_routes(struct reset *r)
{
	struct facts *facts = &r->facts;
	size_t i, left = 0;

	for (i = 0; i < facts->route_count; i++)
		if (facts->routes[i].protocol == FLANNEL_ROUTE_PROTOCOL &&
		    !made_by_other(&r->others, NULL, &facts->routes[i].dst))
			facts->routes[left++] = facts->routes[i];
	facts->route_count = left;
}

/* Routes over the device have gone with it. */
static void remove_our_routes(struct reset *r)
{
	struct error error;

	forget_others_routes(r);
	if (r->network_count) {
		if (!remove_routes(&r->apply, &r->facts, r->networks, r->network_count, &error))
			complain(r, &error);
	} else if (r->facts.route_count) {
		set_error(&error, "%zu routes of protocol %d stay: neither %s nor %s says which network is this instance's",
			  r->facts.route_count, FLANNEL_ROUTE_PROTOCOL,
			  r->options->plan.subnet_file, r->made_file);
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

/* By its name, and by an address in a subnet of ours unless we had its name. */
static bool is_stock(const struct reset *r, const struct fact_link *link)
{
	size_t i;

	if (strcmp(link->kind, "vxlan") ||
	    (strncmp(link->name, "flannel.", 8) && strncmp(link->name, "flannel-v6.", 11)))
		return false;
	for (i = 0; i < r->made.devices; i++)
		if (!strcmp(r->made.device[i].name, link->name))
			return true;
	for (i = 0; i < r->facts.addr_count; i++)
		if (r->facts.addrs[i].ifindex == link->ifindex &&
		    (prefix_contains(&r->env.network4, &r->facts.addrs[i].prefix.addr) ||
		     prefix_contains(&r->env.network6, &r->facts.addrs[i].prefix.addr)))
			return true;
	return false;
}

static const char *other_of_env(const struct reset *r)
{
	const char *other = NULL;

	if (r->env.network4.addr.family)
		other = made_by_other(&r->others, NULL, &r->env.network4);
	if (!other && r->env.network6.addr.family)
		other = made_by_other(&r->others, NULL, &r->env.network6);
	return other;
}

/* Is subnet.env anybody else's by now?  Then with a line. */
static bool is_taken(const struct reset *r)
{
	const char *path = r->options->plan.subnet_file, *other = other_of_env(r);
	const struct flanneld_us us = {
		.subnet_file = path, .network4 = r->env.network4, .network6 = r->env.network6,
	};
	struct error why;
	pid_t pid = flanneld_find(&us, &why);
	size_t i;

	if (access(path, F_OK))
		return false;
	if (pid)
		log_warning("file %s stays: flanneld (pid %d) is running, it is flanneld's", path,
			    pid);
	else if (other)
		log_warning("file %s stays: instance \"%s\" has its network, too", path, other);
	for (i = 0; !pid && !other && i < r->facts.link_count; i++) {
		if (!is_stock(r, &r->facts.links[i]))
			continue;
		log_warning("file %s stays: stock flannel has a device here, %s", path,
			    r->facts.links[i].name);
		return true;
	}
	return pid || other;
}

/*
 * What says which things are ours goes when these have gone, and the last of it
 * last: until then this can be done again.
 */
static void remove_files(struct reset *r)
{
	char path[RUN_PATH];

	remove_file(r, run_options_path(r->options, ".sock", path));
	if (!r->failed && !is_taken(r))
		remove_file(r, r->options->plan.subnet_file);
	if (!r->failed && r->forget)
		remove_file(r, r->mac_file);
	if (!r->failed)
		remove_file(r, r->made_file);
}

/* --- which network --- */

static void read_env(struct reset *r)
{
	char text[SUBNET_ENV_TEXT] = "";
	struct error error;
	FILE *file = fopen(r->options->plan.subnet_file, "re");
	size_t len;

	if (!file)
		return;
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
	if (!subnet_env_parse(text, &r->env, &error))
		log_warning("%s: %s", r->options->plan.subnet_file, error.text);
}

static bool is_made(const struct reset *r, const struct prefix *network)
{
	size_t i;

	for (i = 0; i < r->made.networks; i++)
		if (!compare_prefix(&r->made.network[i], network))
			return true;
	return false;
}

static bool check_network(const struct reset *r, const struct prefix *network,
			  struct error *error)
{
	const struct run_options *o = r->options;
	char text[PREFIX_TEXT];
	const char *other;

	if (!network->addr.family || is_made(r, network))
		return true;
	other = made_by_other(&r->others, NULL, network);
	return !other || set_error(error, "%.200s is of the network %s, which instance \"%s\" has, not \"%s\": say which one with --instance, and its file with --subnet-file",
				   o->plan.subnet_file, format_prefix(network, text), other,
				   o->instance);
}

/* The file that is meant when none is given is that of one instance. */
static bool check_file(const struct reset *r, struct error *error)
{
	const struct run_options *o = r->options;
	const struct prefix *v4 = &r->env.network4, *v6 = &r->env.network6;

	if (strcmp(o->plan.subnet_file, RUN_SUBNET_FILE) ||
	    !strcmp(o->instance, RUN_DEFAULT_INSTANCE) || access(RUN_SUBNET_FILE, F_OK))
		return true;
	if ((v4->addr.family || v6->addr.family) && (!v4->addr.family || is_made(r, v4)) &&
	    (!v6->addr.family || is_made(r, v6)))
		return true;
	return set_error(error, "%s is of instance \"%s\" and not of \"%s\", as far as %.200s says: give the --subnet-file of \"%s\"",
			 RUN_SUBNET_FILE, RUN_DEFAULT_INSTANCE, o->instance, r->made_file,
			 o->instance);
}

static bool read_ours(struct reset *r, struct error *error)
{
	size_t i;

	r->mac_known = identity_read(r->mac_file, r->mac);
	read_env(r);
	made_read(r->made_file, &r->made);
	if (!made_read_others(r->made_file, &r->others) && errno != ENOENT)
		return set_error(error, "cannot read what other instances have made beside %.400s: %s",
				 r->made_file, strerror(errno));
	if (!check_network(r, &r->env.network4, error) ||
	    !check_network(r, &r->env.network6, error) || !check_file(r, error))
		return false;
	add_network(r, &r->env.network4);
	add_network(r, &r->env.network6);
	for (i = 0; i < r->made.networks; i++)
		add_network(r, &r->made.network[i]);
	return true;
}

/* --- all of it --- */

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

static void remove_all(struct reset *r)
{
	struct error error;

	/* With subnet.env, which says what subnet it was. */
	if (r->release)
		release_lease(r);
	remove_our_rules(r);
	if (facts_read(&r->facts, &error))
		remove_devices(r);
	else
		complain(r, &error);
	facts_free(&r->facts);
	if (facts_read(&r->facts, &error))
		remove_our_routes(r);
	else
		complain(r, &error);
	remove_files(r);
	facts_free(&r->facts);
}

static int reset_all(struct reset *r)
{
	struct error error;

	if (read_ours(r, &error))
		remove_all(r);
	else
		complain(r, &error);
	if (!r->apply.changes && !r->failed)
		printf("nothing to remove\n");
	made_free_others(&r->others);
	rtnl_close();
	return r->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* One that was not there before is not worth a word. */
static int reset_with_lock(struct reset *r, const char *path, bool existed)
{
	int fd = agent_lock(path), code;

	if (fd < 0)
		return EXIT_FAILURE;
	code = reset_all(r);
	/* Held until it is gone: nobody who waits for it is disappointed. */
	if (!existed)
		unlink(path);
	else if (!code)
		remove_file(r, path);
	close(fd);
	return r->failed ? EXIT_FAILURE : code;
}

static int reset_locked(struct reset *r)
{
	const struct run_options *o = r->options;
	bool made_dir = false, existed;
	char path[RUN_PATH];
	int code;

	run_options_path(o, ".lock", path);
	snprintf(r->mac_file, sizeof(r->mac_file), "%s/%s.mac", o->state_dir, o->instance);
	snprintf(r->made_file, sizeof(r->made_file), "%s/%s" MADE_SUFFIX, o->state_dir, o->instance);
	existed = !access(path, F_OK);
	/* Who changes nothing makes no file either. */
	if (r->apply.dry && !existed)
		return reset_all(r);
	if (!existed)
		made_dir = !mkdir(o->run_dir, 0755);
	code = reset_with_lock(r, path, existed);
	if (made_dir)
		rmdir(o->run_dir);
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
	     "--state-dir say which network; where they do not fit each other nothing is\n"
	     "removed.  --release-lease takes those of etcd.");
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
