/* SPDX-License-Identifier: GPL-2.0 */
/*
 * run_options.h - the command line and environment of `flctl run`
 *
 * The options are flanneld's, by the same names and with the same defaults,
 * and some of our own.  Each is also read from FLANNELD_* (upper case, dashes
 * as underscores; empty means absent); the command line wins.  Of an option
 * that is given several times, the last one counts, unless it is a list.
 * Texts are not copied: they point into argv and the environment.
 */
#ifndef AGENT_RUN_OPTIONS_H
#define AGENT_RUN_OPTIONS_H

#include <stdio.h>

#include "iface.h"
#include "plan.h"
#include "store.h"

/* Bytes of the name of an instance, and of a path below run_dir; NUL included. */
#define RUN_INSTANCE	33
#define RUN_PATH	108

/* The instance whose subnet.env stands where flanneld's does. */
#define RUN_SUBNET_FILE		"/run/flannel/subnet.env"
#define RUN_DEFAULT_INSTANCE	"default"

struct run_options {
	struct etcd_options etcd;
	struct file_options file;	/* path empty: the store is etcd */
	struct iface_options iface;
	struct plan_options plan;	/* its instance is the one below */
	/*
	 * Names lock, socket, nft table and metrics.  When not given it follows
	 * from subnet_file, so that two agents that would write the same file
	 * meet at the same lock.
	 */
	char instance[RUN_INSTANCE];
	const char *run_dir;		/* locks and sockets */
	const char *state_dir;		/* what outlives a reboot: MAC, what was made */
	unsigned int resync;		/* seconds between checks that no event asks for */
	struct addr healthz_ip;
	unsigned int healthz_port;	/* 0: off */
	bool once, dry_run;
	bool takeover;			/* from stock flannel, at the start */
	bool takeover_only;		/* `flctl takeover` */
	bool log_json;
	enum log_level level;
	char notice[256];		/* of unknown FLANNELD_*, may be empty */
};

enum run_order {
	RUN_AGENT,
	RUN_HELP,
	RUN_VERSION,
	RUN_WRONG,			/* with a sentence */
};

/*
 * @argv without the name of the program, @env as environ.  To be freed in any
 * case; must stay where it is.
 */
enum run_order run_options_parse(struct run_options *o, int argc, char **argv,
				 char **env, struct error *error);
void run_options_free(struct run_options *o);

/*
 * One line of help for each option, then those that are refused.  @verb is that
 * of `flctl`: run or takeover.
 */
void run_options_help(FILE *file, const char *verb);

/* RUN_DIR/INSTANCE and @suffix, as ".lock" */
const char *run_options_path(const struct run_options *o, const char *suffix,
			     char path[RUN_PATH]);

#endif /* AGENT_RUN_OPTIONS_H */
