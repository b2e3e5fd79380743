// SPDX-License-Identifier: GPL-2.0
/* run.c - `flctl run`: start, signals, what the store says, end */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "errand.h"
#include "forward.h"
#include "health.h"
#include "identity.h"
#include "made.h"
#include "monitor.h"
#include "notify.h"
#include "rtnl.h"
#include "subnet_env.h"
#include "suppose.h"

/* Changes of the host come in bursts. */
#define SETTLE		30
/* For rounds that they ask for: one part in so many of the time, but not later than that. */
#define SHARE		10
#define SETTLE_MOST	500
/* What we change ourselves before something fails is a change, too. */
#define SETTLE_FAILED	1000
/* To look for obstacles is to read all facts, and of all processes. */
#define SETTLE_REFUSED	500
/* For all endpoints, each of which has five seconds. */
#define LOOK_UP_TIME	100000
/* The last line of an answer that lacks none of them. */
#define WHOLE		"whole"
/* For --once and --dry-run: how long a store may take. */
#define DEADLINE	30000

static struct agent agent;

/* --- what the store says ------------------------------------------------------ */

/* The subnets this node had before, so that it may have them again. */
static void read_previous(const char *path, struct record *previous)
{
	char text[SUBNET_ENV_TEXT] = "";
	struct subnet_env env = {};
	struct error error;
	FILE *file = fopen(path, "re");
	size_t len;

	if (!file)
		return;
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
	if (!subnet_env_parse(text, &env, &error)) {
		log_warning("%s: %s; the subnet of before is not known", path, error.text);
		return;
	}
	previous->subnet4 = env.subnet4;
	previous->subnet6 = env.subnet6;
}

static void choose_mac(const struct net_config *config, const struct facts *facts)
{
	char name[IF_NAMESIZE];

	if (agent.leased)
		return;
	plan_device_name(config, name);
	agent.mac_known = identity_find(agent.mac_file, facts, name, agent.mac);
	/* Stock flannel's of IPv6, the only one where there is no IPv4. */
	snprintf(name, sizeof(name), "flannel-v6.%u", config->vni % 10000);
	if (!agent.mac_known && config->vni < 10000 && !config->v4.network.addr.family)
		agent.mac_known = identity_find(agent.mac_file, facts, name, agent.mac);
	if (!agent.mac_known)
		identity_random(agent.mac);
}

static void describe(struct node *node)
{
	node->public4 = agent.iface.public4;
	node->public6 = agent.iface.public6;
	memcpy(node->mac4, agent.mac, 6);
	memcpy(node->mac6, agent.mac, 6);
	node->mac_known = agent.mac_known;
	read_previous(agent.options->plan.subnet_file, &node->previous);
}

/* @obstacle is what is wrong when it will not be well soon by itself. */
static bool host_is_ready(const struct net_config *config, enum obstacle *obstacle,
			  struct error *error)
{
	struct facts facts = {};
	struct iface iface;
	bool done;

	*obstacle = OBSTACLE_NONE;
	done = facts_read(&facts, error) &&
	       iface_choose(&facts, &agent.options->iface, config->v4.network.addr.family,
			    config->v6.network.addr.family, &iface, error);
	if (done)
		*obstacle = agent_obstacle(&agent, config, &facts, iface.name, error);
	if (done && !*obstacle) {
		agent.iface = iface;
		choose_mac(config, &facts);
	}
	facts_free(&facts);
	return done && !*obstacle;
}

/* A store asks again and again: say it once. */
static void __printf(1, 2) refuse(const char *fmt, ...)
{
	char text[sizeof(agent.refusal)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	agent.refused[0] = '\0';
	if (!strcmp(text, agent.refusal))
		return;
	log_error("%s", text);
	strcpy(agent.refusal, text);
	notify_status("%s", text);
}

/* Nobody waits for who is told to do something once. */
static void refuse_host(enum obstacle obstacle, const struct error *error)
{
	refuse("%s", error->text);
	if (obstacle && (agent.options->once || agent.options->dry_run)) {
		agent.exit_code = EXIT_FAILURE;
		loop_stop();
		return;
	}
	agent.refused_at = loop_now();
	loop_after(&agent.again, OBSTACLE_TIME);
}

static void consider_again(struct loop_timer *timer)
{
	(void)timer;
	agent.store->ops->reconsider(agent.store);
}

/* What a running node cannot change without pulling its network down. */
static bool needs_restart(const struct net_config *config)
{
	const struct net_config *now = &agent.config;

	if (!agent.leased)
		return false;
	if (config->backend != now->backend)
		refuse("the backend changed from %s to %s: restart to follow; until then %s stays",
		       backend_name(now->backend), backend_name(config->backend),
		       backend_name(now->backend));
	else if (config->vni != now->vni)
		refuse("VNI changed from %u to %u: restart to follow; until then %u stays",
		       now->vni, config->vni, now->vni);
	else if (config->port != now->port)
		refuse("Port changed from %u to %u: restart to follow; until then %u stays",
		       now->port, config->port, now->port);
	else
		return false;
	return true;
}

/* A store asks again and again: say it when it is another. */
static void say_iface(void)
{
	const struct iface *iface = &agent.iface;
	char text[2][ADDR_TEXT], line[sizeof(agent.said_iface)];

	snprintf(line, sizeof(line), "interface %s by %s; public address %s%s%s", iface->name,
		 iface->why, iface->public4.family ? format_addr(&iface->public4, text[0]) : "",
		 iface->public4.family && iface->public6.family ? " and " : "",
		 iface->public6.family ? format_addr(&iface->public6, text[1]) : "");
	if (!strcmp(line, agent.said_iface))
		return;
	log_info("%s", line);
	strcpy(agent.said_iface, line);
}

static bool configured(void *data, const struct net_config *config, struct node *node)
{
	enum obstacle obstacle;
	struct error error;

	(void)data;
	if (needs_restart(config))
		return false;
	if (!host_is_ready(config, &obstacle, &error)) {
		refuse_host(obstacle, &error);
		return false;
	}
	if (agent.refusal[0])
		log_info("nothing is in the way any more");
	loop_cancel(&agent.again);
	agent.refusal[0] = '\0';
	say_iface();
	describe(node);
	return true;
}

/* The MAC that peers were told is ours from now on. */
static void take_mac(const struct record *own)
{
	const struct backend_data *data = own->subnet4.addr.family ? &own->data4 : &own->data6;

	if (!data->has_mac)
		return;
	memcpy(agent.mac, data->mac, 6);
	agent.mac_known = true;
}

/* Who only looks takes no lease: the plan is for the one that would be asked for. */
static void suppose(const struct net_config *config, const struct record_list *peers)
{
	struct record own = {
		.public4 = agent.iface.public4, .public6 = agent.iface.public6,
	}, previous = {};
	struct error error;
	char note[256];

	snprintf(own.backend, sizeof(own.backend), "%s", backend_name(config->backend));
	read_previous(agent.options->plan.subnet_file, &previous);
	agent.leased = suppose_lease(&own, config, peers, &previous, note, sizeof(note), &error);
	agent.own = own;
	if (agent.leased && agent.options->dry_run)
		printf("note: %s\n", note);
	else if (!agent.leased)
		refuse("%s", error.text);
}

static bool snapshot(void *data, const struct net_config *config, const struct record *own,
		     const struct record_list *peers)
{
	char key[RECORD_KEY];

	(void)data;
	if (!record_list_copy(&agent.peers, peers))
		return false;
	agent.config = *config;
	if (own) {
		if (!agent.leased || !record_same_subnet(own, &agent.own))
			log_info("lease %s", record_format_key(own, key));
		agent.own = *own;
		agent.leased = true;
		take_mac(own);
	} else if (agent.store->dry && !agent.options->file.path[0]) {
		suppose(config, peers);
	}
	agent.fresh = true;
	agent_soon(&agent, 0);
	return true;
}

/* What was refused is there no more: nothing is wrong, or something else. */
static void forget_refusal(const struct store_state *state)
{
	if (agent.refused[0] && strcmp(agent.refused, state->refusal)) {
		agent.refusal[0] = '\0';
		if (agent.leased && !*state->refusal)
			log_info("what store %s has can be used again", agent.store->ops->name);
	}
	strcpy(agent.refused, state->refusal);
}

static void store_changed(void *data)
{
	const struct store_state *state = &agent.store->state;

	(void)data;
	forget_refusal(state);
	if (state->reachable == agent.was_reachable)
		return;
	agent.was_reachable = state->reachable;
	if (state->reachable)
		log_info("store %s is reachable", agent.store->ops->name);
	else
		log_warning("store %s is not reachable: %s; the table stays", agent.store->ops->name,
			    state->last_error);
}

static const struct store_handler handler = {
	.configured = configured,
	.snapshot = snapshot,
	.changed = store_changed,
};

/* --- events ------------------------------------------------------------------- */

/* Long after a round that took long, but a repair is not to take a second. */
static int64_t settle_time(void)
{
	int64_t due = agent.round_at + (int64_t)(agent.last_ns / 1000000) * (SHARE - 1);
	int64_t wait = due - loop_now();

	return wait < SETTLE ? SETTLE : wait < SETTLE_MOST ? wait : SETTLE_MOST;
}

/* Sooner than it would be by itself. */
static void ask_soon(void)
{
	int64_t wait = agent.refused_at + SETTLE_REFUSED - loop_now();

	if (wait < SETTLE)
		wait = SETTLE;
	if (agent.again.due > loop_now() + wait)
		loop_after(&agent.again, wait);
}

static void host_changed(void *data, unsigned int what)
{
	(void)data;
	agent.quiet = false;
	agent.told |= what;
	ask_soon();
	/* A take-over that fails makes and deletes a device each time. */
	if (agent.takeover.found && !agent.takeover.done && agent.retries && !agent.applied)
		return;
	agent_soon(&agent, agent.retries && !agent.applied ? SETTLE_FAILED : settle_time());
}

/* Takes a lease only where there is something to be taken over. */
static void look_for_stock(void)
{
	struct node node = {};
	struct error error;
	bool found;

	if (!agent_find_stock(&agent, &found, &error)) {
		log_error("%s", error.text);
		loop_stop();
		return;
	}
	if (!found) {
		printf("nothing to take over\n");
		agent.exit_code = EXIT_SUCCESS;
		loop_stop();
		return;
	}
	agent.takeover.found = true;
	agent.leased = false;
	agent.store->dry = false;
	describe(&node);
	agent.store->ops->publish(agent.store, &node);
}

/* That there may be rules of somebody who has never been here is no failure. */
static bool is_all_done(void)
{
	return agent.applied && !agent.error[0] &&
	       !(agent.takeover.found && *takeover_left(&agent.takeover));
}

/* iptables has another answer than before. */
static void forward_changed(void *data)
{
	(void)data;
	agent_soon(&agent, 0);
}

/* Of rules of stock flannel; the round of that time has what stays, or what was found. */
static void stock_cleaned(struct takeover *takeover, unsigned int changes)
{
	agent.changes += changes;
	if (takeover->done && *takeover_left(takeover))
		agent_soon(&agent, takeover->clean_at - loop_now());
	/* A round that fails is tried again anyhow. */
	else if (!takeover->done && (agent.applied || takeover->has_rules))
		agent_soon(&agent, 0);
}

static void reconcile_due(struct loop_timer *timer)
{
	(void)timer;
	/* What is not ours yet may come before the deadline. */
	if (!agent.leased)
		return;
	if (agent.options->dry_run) {
		agent.exit_code = agent_dry_run(&agent) ? EXIT_SUCCESS : EXIT_FAILURE;
		loop_stop();
		return;
	}
	if (agent.store->dry) {
		look_for_stock();
		return;
	}
	/* Who leaves then has to leave a record that peers can use, and that lives. */
	if (agent.options->once && !agent.store->state.published)
		return;
	agent_reconcile(&agent);
	if (agent.options->once) {
		agent.exit_code = is_all_done() ? EXIT_SUCCESS : EXIT_FAILURE;
		loop_stop();
	}
}

static void deadline_passed(struct loop_timer *timer)
{
	const char *why = agent.refusal[0] ? agent.refusal : agent.store->state.last_error;

	(void)timer;
	log_error("%s after %d s%s%s", agent.leased ? "our record is not as it has to be" :
		  "no lease", DEADLINE / 1000, why[0] ? ": " : "", why);
	agent.exit_code = EXIT_FAILURE;
	loop_stop();
}

static size_t look_up_stores(struct addr found[ENDPOINT_ADDRS], bool *whole)
{
	const struct run_options *o = agent.options;

	*whole = true;
	return o->file.path[0] ? 0 : endpoint_addrs(o->etcd.endpoints, found, whole);
}

static bool is_store(const struct addr *addr)
{
	size_t i;

	for (i = 0; i < agent.store_count; i++)
		if (!compare_addr(&agent.stores[i], addr))
			return true;
	return false;
}

/* Where the store is, for routes to it: names may mean something else by now. */
static void take_stores(const struct addr *found, size_t count, bool whole)
{
	size_t i;

	if (whole)
		agent.store_count = 0;
	/* A name that nobody knows just now has not moved. */
	else if (agent.store_count)
		log_warning("not every endpoint of etcd has an address now: those of before are kept in mind");
	for (i = 0; i < count && agent.store_count < ENDPOINT_ADDRS; i++)
		if (!is_store(&found[i]))
			agent.stores[agent.store_count++] = found[i];
}

/* In a process of its own: a nameserver may take its time. */
static void write_stores(void *data, FILE *out)
{
	struct addr found[ENDPOINT_ADDRS];
	char text[ADDR_TEXT];
	size_t count, i;
	bool whole;

	(void)data;
	count = look_up_stores(found, &whole);
	for (i = 0; i < count; i++)
		fprintf(out, "%s\n", format_addr(&found[i], text));
	if (whole)
		fprintf(out, WHOLE "\n");
}

static void stores_found(struct errand *errand)
{
	struct addr found[ENDPOINT_ADDRS];
	struct words w = { 0 };
	char *rest = errand->text, *line;
	bool whole = false;
	size_t count = 0;

	while (errand->done && (line = strsep(&rest, "\n")))
		if (!strcmp(line, WHOLE))
			whole = true;
		else if (*line && count < ENDPOINT_ADDRS)
			count += parse_addr(&w, line, &found[count]);
	take_stores(found, count, whole);
	agent.quiet = false;
	agent_soon(&agent, 0);
}

static struct errand look_up = { .ended = stores_found };

static void find_stores_again(void)
{
	errand_stop(&look_up);
	if (!errand_start(&look_up, write_stores, NULL, LOOK_UP_TIME))
		log_warning("the endpoints of etcd cannot be looked up again: %s", strerror(errno));
}

static void reload(void)
{
	log_info("SIGHUP: reading everything anew");
	notify_reloading();
	agent.displaced = false;
	agent.store->yielded = false;
	agent.quiet = false;
	memset(agent.repairs, 0, sizeof(agent.repairs));
	agent_forget_notices(&agent);
	find_stores_again();
	agent.store->ops->reload(agent.store);
	agent_soon(&agent, 0);
	if (agent.ready)
		notify_ready();
}

static void signal_ready(struct loop_watch *watch, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	while (read(watch->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			reload();
			continue;
		}
		log_info("%s: leaving; the data path stays",
			 info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
		notify_stopping();
		loop_stop();
	}
}

static bool catch_signals(struct loop_watch *watch)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return false;
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	watch->ready = signal_ready;
	return fd >= 0 && loop_watch(watch, fd, EPOLLIN);
}

static void read_counters(struct agent_status *status)
{
	struct ipc_stats_list list = {};
	size_t i;

	/* The appliers open the netlink layer, when there is a device. */
	if (!status->device[0] || !status->applied || ipc_stats_list(0, &list))
		return;
	for (i = 0; i < list.count; i++) {
		if (strcmp(list.stats[i].name, status->device))
			continue;
		if (!ipc_vtep_list(list.stats[i].ifindex, &status->vteps)) {
			list.stats[0] = list.stats[i];
			list.count = 1;
			status->stats = list;
			return;
		}
	}
	free(list.stats);
}

static const char *what_is_wrong(const struct store_state *state)
{
	if (agent.error[0])
		return agent.error;
	if (agent.refusal[0])
		return agent.refusal;
	/* Later errors of the store do not hide that one, which stands. */
	if (strcmp(state->refusal, state->last_error) && *state->refusal)
		return state->refusal;
	return agent.no_iface[0] ? agent.no_iface : takeover_left(&agent.takeover);
}

static void fill_status(void *data, struct agent_status *status, bool counters)
{
	static char device[IF_NAMESIZE];

	(void)data;
	device[0] = '\0';
	if (agent.leased && agent.config.backend == BACKEND_VXLAN)
		plan_device_name(&agent.config, device);
	status->now = loop_now();
	status->network = agent.options->instance;
	status->version = FLCTL_VERSION;
	status->store_name = agent.store->ops->name;
	status->backend = agent.leased ? backend_name(agent.config.backend) : "";
	status->device = device;
	status->store = agent.store->state;
	status->own = agent.leased ? &agent.own : NULL;
	status->applied = agent.applied;
	status->applied_at = agent.applied_at;
	status->generation = agent.generation;
	status->displaced = agent.displaced;
	status->waits = agent.waits;
	status->refused = !agent.leased && agent.refusal[0];
	status->error = what_is_wrong(&agent.store->state);
	status->peers = agent.peers.count;
	status->leases = agent.leases;
	status->skipped = agent.skipped;
	status->reconciles = agent.reconciles;
	status->failures = agent.failures;
	status->changes = agent.changes;
	status->reconcile_ns = agent.reconcile_ns;
	status->last_ns = agent.last_ns;
	if (counters)
		read_counters(status);
}

/* --- start and end ------------------------------------------------------------ */

/* flctl reset may have removed the file while it was opened. */
static bool is_at(int fd, const char *path)
{
	struct stat opened, there;

	return !fstat(fd, &opened) && !stat(path, &there) &&
	       opened.st_dev == there.st_dev && opened.st_ino == there.st_ino;
}

int agent_lock(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0) {
		log_error("cannot open %s: %s", path, strerror(errno));
		return -1;
	}
	if (!flock(fd, LOCK_EX | LOCK_NB)) {
		if (is_at(fd, path))
			return fd;
		close(fd);
		return agent_lock(path);
	}
	log_error("another agent runs for this network: %s is locked", path);
	close(fd);
	return -1;
}

static struct store *open_store(const struct run_options *o, struct error *error)
{
	return o->file.path[0] ?
		store_file(&o->file, &handler, &agent, error) :
		store_etcd(&o->etcd, &handler, &agent, error);
}

static bool start_health(struct error *error)
{
	const struct run_options *o = agent.options;
	char path[RUN_PATH];
	struct health_options health = {
		.ip = o->healthz_ip,
		.port = o->healthz_port,
		.socket = run_options_path(o, ".sock", path),
		.fill = fill_status,
	};

	return health_open(&health, error);
}

static bool start(struct loop_watch *signals, struct error *error)
{
	const struct run_options *o = agent.options;

	if (!loop_open() || !catch_signals(signals))
		return set_error(error, "cannot start an event loop: %s", strerror(errno));
	if (!notify_open(error))
		log_warning("%s", error->text);
	agent.store = open_store(o, error);
	if (!agent.store)
		return false;
	agent.store->dry = o->dry_run || o->takeover_only;
	if (!o->dry_run && !o->once &&
	    (!monitor_start(host_changed, &agent, o->plan.subnet_file, error) ||
	     !start_health(error)))
		return false;
	forward_open(forward_changed, NULL);
	if (o->dry_run || o->once) {
		agent.deadline.expired = deadline_passed;
		loop_after(&agent.deadline, DEADLINE);
	}
	return agent.store->ops->start(agent.store, error);
}

static void finish(struct loop_watch *signals)
{
	int fd = signals->fd;

	forward_close();
	takeover_stop(&agent.takeover);
	errand_stop(&look_up);
	health_close();
	monitor_stop();
	notify_close();
	if (agent.store)
		store_free(agent.store);
	agent_forget_notices(&agent);
	plan_free(&agent.plan);
	record_list_free(&agent.peers);
	rtnl_close();
	ipc_close();
	loop_unwatch(signals);
	if (fd >= 0)
		close(fd);
	loop_close();
}

static bool make_dir(const char *path)
{
	if (!mkdir(path, 0755) || errno == EEXIST)
		return true;
	log_error("cannot make directory %s: %s", path, strerror(errno));
	return false;
}

static void prepare(const struct run_options *o)
{
	struct addr found[ENDPOINT_ADDRS];
	size_t count;
	bool whole;

	agent.options = o;
	agent.reconcile.expired = reconcile_due;
	agent.again.expired = consider_again;
	agent.takeover.done = !o->takeover;
	agent.takeover.waits = o->once;
	agent.takeover.cleaned = stock_cleaned;
	snprintf(agent.mac_file, sizeof(agent.mac_file), "%s/%s.mac", o->state_dir, o->instance);
	snprintf(agent.made_file, sizeof(agent.made_file), "%s/%s" MADE_SUFFIX, o->state_dir,
		 o->instance);
	/* Who ends before it is done has not done it. */
	if (o->once || o->dry_run)
		agent.exit_code = EXIT_FAILURE;
	count = look_up_stores(found, &whole);
	take_stores(found, count, whole);
}

static void apply_nothing(struct loop_timer *timer)
{
	(void)timer;
}

bool agent_release(const struct run_options *options, struct error *error)
{
	bool done = false;

	prepare(options);
	agent.leaves = true;
	agent.reconcile.expired = apply_nothing;
	if (!loop_open())
		return set_error(error, "cannot start an event loop: %s", strerror(errno));
	agent.store = open_store(options, error);
	if (agent.store) {
		done = agent.store->ops->release(agent.store, error);
		store_free(agent.store);
	}
	record_list_free(&agent.peers);
	loop_close();
	return done;
}

int agent_run(const struct run_options *options)
{
	struct loop_watch signals = { .fd = -1 };
	char path[RUN_PATH];
	struct error error;
	int fd = -1;

	log_setup(options->level, options->log_json, options->instance);
	if (!options->dry_run) {
		if (!make_dir(options->run_dir) || !make_dir(options->state_dir))
			return EXIT_FAILURE;
		fd = agent_lock(run_options_path(options, ".lock", path));
		if (fd < 0)
			return EXIT_FAILURE;
	}
	prepare(options);
	if (!start(&signals, &error)) {
		log_error("%s", error.text);
		agent.exit_code = EXIT_FAILURE;
	} else if (!loop_run()) {
		log_error("the event loop failed: %s", strerror(errno));
		agent.exit_code = EXIT_FAILURE;
	}
	finish(&signals);
	if (fd >= 0)
		close(fd);
	return agent.exit_code;
}
