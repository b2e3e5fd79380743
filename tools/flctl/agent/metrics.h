/* SPDX-License-Identifier: GPL-2.0 */
/*
 * metrics.h - the state of the agent, and how it is told
 *
 * One struct agent_status is filled for each request; texts that it points to
 * belong to whoever filled it, the two lists of counters belong to it.  Pure.
 */
#ifndef AGENT_METRICS_H
#define AGENT_METRICS_H

#include <stdio.h>

#include "../ipc.h"
#include "record.h"
#include "store.h"

/* Times are loop_now() units; since when: 0 means never. */
struct agent_status {
	int64_t now;
	const char *network;		/* name of the instance */
	const char *version;
	const char *store_name, *backend;	/* backend empty: not known yet */
	const char *device;		/* empty: none */
	struct store_state store;
	const struct record *own;	/* NULL: none */

	bool applied;			/* a plan was made reality, and still is */
	int64_t applied_at;
	uint64_t generation;		/* of the table: how often it was replaced */
	bool waits;			/* for iptables, to be ready the first time */
	bool displaced;			/* another kind of device has our name */
	bool refused;			/* the configuration cannot be used here, see @error */
	const char *error;		/* of the last reconcile, empty: none */

	size_t peers, leases, skipped;
	uint64_t reconciles, failures, changes;
	uint64_t reconcile_ns;		/* all of them together */
	uint64_t last_ns;

	struct ipc_stats_list stats;	/* of our device */
	struct ipc_vtep_list vteps;
};

void agent_status_free(struct agent_status *status);

/*
 * Can pods use the network?  When not, @why says what is missing.  A store that
 * cannot be reached is no reason: the data path works without.
 */
bool agent_ready(const struct agent_status *status, const char **why);

/* Some lines "NAME VALUE" for people: body of /healthz and /readyz. */
void metrics_text(FILE *file, const struct agent_status *status);
/* Prometheus text format 0.0.4. */
void metrics_prometheus(FILE *file, const struct agent_status *status);
/* One object for `flctl status`; false: no memory. */
bool metrics_json(FILE *file, const struct agent_status *status);

#endif /* AGENT_METRICS_H */
