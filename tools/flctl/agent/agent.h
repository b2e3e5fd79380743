/* SPDX-License-Identifier: GPL-2.0 */
/*
 * agent.h - the state of `flctl run`
 *
 * One thread, one event loop.  A store says what leases there are, the monitor
 * that the host changed; both only ask for a reconciliation, which reads all
 * facts, makes the complete plan and applies what differs.  Nothing else changes
 * anything, but for an errand with iptables that it has sent.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "apply.h"
#include "endpoints.h"
#include "loop.h"
#include "metrics.h"
#include "obstacle.h"
#include "run_options.h"
#include "store.h"
#include "takeover.h"

/* The parts of the host that are applied one after the other. */
enum part {
	PART_SYSCTLS,
	PART_DEVICE,
	PART_TABLE,
	PART_ROUTES,
	PART_RULES,
	PART_FORWARD,
	PART_SUBNET_ENV,
	PARTS,
};

/* How often a part had to be repaired of late; backs off from a fight. */
struct repair {
	unsigned int count;
	int64_t since;			/* of the first of them */
	int64_t until;			/* leave it alone so long */
};

struct agent {
	const struct run_options *options;
	struct store *store;

	bool leased;			/* config, own and peers hold something */
	struct net_config config;
	struct record own;
	struct record_list peers;
	bool fresh;			/* a snapshot came since the last time */

	struct iface iface;
	struct iface better;		/* to be followed if it stays */
	int64_t better_since;		/* 0: there is none */
	uint8_t mac[6];
	bool mac_known;

	struct loop_timer reconcile;
	struct plan plan;		/* of the last whole round */
	int64_t whole_at;		/* when that was */
	bool quiet;			/* since then nothing was told, all was well */
	unsigned int retries;		/* after failures in a row */
	bool ready;			/* was told to systemd */
	struct repair repairs[PARTS];
	struct takeover takeover;
	unsigned int told;		/* CHANGE_* since the last round */
	int64_t gone_at;		/* since then the device is gone, 0: it is not */
	char **notices;			/* of the plan before, not to repeat them */
	size_t notice_count;

	char mac_file[RUN_PATH + 4096], made_file[RUN_PATH + 4096];
	struct addr stores[ENDPOINT_ADDRS];
	size_t store_count;

	bool applied, displaced, waits;	/* as in struct agent_status */
	bool blocked;			/* the last time, before there was a take-over */
	int64_t applied_at;
	int64_t round_at;		/* end of the last round */
	uint64_t reconciles, failures, changes, reconcile_ns, last_ns;
	uint64_t generation;
	size_t leases, skipped;
	char error[512];		/* of the last reconcile, empty: none */
	char refusal[512];		/* why a configuration is not used, empty: it is */
	char refused[512];		/* what the store said of that; empty: nothing yet */
	char said_iface[512];		/* in the log, not to repeat it */
	char no_iface[512];		/* why @iface is an old one, empty: it is not */
	bool mac_unsaved, made_unsaved;	/* that was said */
	struct loop_timer again;	/* to ask for one that is not used */
	int64_t refused_at;		/* the last time for an obstacle */
	bool leaves;			/* only gives its lease back */
	struct loop_timer deadline;	/* of --once and --dry-run */
	bool was_reachable;
	int exit_code;
};

/* All of `flctl run`; an exit code. */
int agent_run(const struct run_options *options);

/* The lock of an instance: a file descriptor, or -1 with a line in the log. */
int agent_lock(const char *path);
/* Give the lease of this node in etcd back. */
bool agent_release(const struct run_options *options, struct error *error);

/* reconcile.c: read, plan, apply.  Arms itself again after an error. */
void agent_reconcile(struct agent *agent);
/* Ask for it, in so many milliseconds unless it comes sooner. */
void agent_soon(struct agent *agent, int64_t milliseconds);
/* What keeps this host from having @config on the interface @underlay. */
enum obstacle agent_obstacle(const struct agent *agent, const struct net_config *config,
			     const struct facts *facts, const char *underlay,
			     struct error *error);
/* Is there anything of stock flannel?  False when that cannot be told. */
bool agent_find_stock(struct agent *agent, bool *found, struct error *error);
/* --dry-run: print plan and difference, change nothing. */
bool agent_dry_run(struct agent *agent);
void agent_forget_notices(struct agent *agent);

#endif /* AGENT_AGENT_H */
