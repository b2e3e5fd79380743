/* SPDX-License-Identifier: GPL-2.0 */
/*
 * flctl.h - the verbs, and what they share
 *
 * Each verb takes the words behind it and returns an exit code, after it has
 * said on standard error what went wrong.
 */
#ifndef FLCTL_H
#define FLCTL_H

#include "ipc.h"
#include "parse.h"

/* Exit codes; also in flctl.8. */
enum {
	EXIT_DONE = 0,
	EXIT_INPUT = 1,		/* usage, bad input, files */
	EXIT_REFUSED = 2,	/* the kernel refused, or has no such object */
	EXIT_RIGHTS = 3,	/* no permission, or no module */
};

/* --json was given. */
extern bool json;

int link_add(struct words *w);
int link_set(struct words *w);
int link_show(struct words *w);
int link_del(struct words *w);

int lease_add(struct words *w);
int lease_change(struct words *w);
int lease_replace(struct words *w);
int lease_del(struct words *w);
int lease_list(struct words *w);
int lease_get(struct words *w);
int lease_save(struct words *w);
int lease_restore(struct words *w);
int lease_flush(struct words *w);

int monitor(struct words *w);
int stats(struct words *w);
int version(struct words *w);

/* Becomes the agent, with @argv from "flctl" on; returns only after an error. */
int run_agent(char **argv);

/* One line on standard error.  Returns @code. */
int __printf(2, 3) fail(int code, const char *fmt, ...);
/* The same with w->error; EXIT_INPUT. */
int fail_words(const struct words *w);
/* The same with what the last ipc_*() call ran into. */
int __printf(1, 2) fail_ipc(const char *fmt, ...);

/* Open the netlink layer; an exit code. */
int start_ipc(void);
/* The flannel device @name, or an error and an exit code. */
int find_device(const char *name, struct ipc_link *link);
/*
 * Read the words "dev DEV", in any order with "via VTEP" where @vtep is not
 * NULL.  What is absent stays empty.
 */
bool parse_filter(struct words *w, char dev[IF_NAMESIZE], struct addr *vtep);

/*
 * Sort @list and hand it to @print; @dev, or the name of each lease's device
 * when that is NULL.
 */
void print_leases(struct ipc_lease_list *list, const char *dev,
		  void (*print)(const struct lease *lease, const char *dev));
/* One event of a replaced table, as monitor and restore print it. */
void print_replaced(const char *dev, const struct ipc_replaced *table);

#endif /* FLCTL_H */
