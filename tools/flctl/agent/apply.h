/* SPDX-License-Identifier: GPL-2.0 */
/*
 * apply.h - make the host what a plan says
 *
 * Each applier reads what is there, applies the difference and nothing else,
 * and may be called again at any time.  With @dry it only says what it would
 * do.  What is not ours is never touched: routes by their protocol number,
 * rules by their table, files by their path.
 */
#ifndef AGENT_APPLY_H
#define AGENT_APPLY_H

#include "plan.h"

struct apply {
	bool dry;
	bool replaces;			/* of a dry run: who has the device's name would go */
	bool partial;			/* only leases that the kernel refuses are missing */
	unsigned int changes;		/* made, or to be made */
	/* One line for each change: "route add 10.42.0.0/16 dev flannel.1 ..." */
	void (*say)(void *data, const char *line);
	void *data;
};

/* Has a device of another kind the name of ours?  Then @error says so. */
bool name_displaced(const char *name, const struct facts *facts, struct error *error);
bool device_displaced(const struct plan *plan, const struct facts *facts, struct error *error);
/*
 * The device: made, configured, addressed and up.  Refuses (with @displaced
 * set) a device of another kind that has its name.
 */
bool apply_device(struct apply *a, const struct plan *plan, const struct facts *facts,
		  bool *displaced, struct error *error);
/*
 * The lease table, as one transaction when it differs.  A lease that the kernel
 * refuses is left out and named in @error; the others are applied all the same.
 */
bool apply_table(struct apply *a, const struct plan *plan, struct error *error);
/*
 * Ours are the routes of our protocol that lie in the plan's networks or lead to
 * its device, since another instance may have others.
 */
bool apply_routes(struct apply *a, const struct plan *plan, const struct facts *facts,
		  struct error *error);
bool apply_rules(struct apply *a, const struct plan *plan, const char *instance,
		 struct error *error);
/*
 * Where iptables' FORWARD drops what no rule accepts, rules there that accept the
 * networks; such chains of anyone else are named in the log.
 */
bool apply_forward(struct apply *a, const struct plan *plan, const char *instance,
		   struct error *error);
bool apply_sysctls(struct apply *a, const struct plan *plan, struct error *error);
/* Of a file at @path, which is written into meanwhile. */
bool make_dirs_above(char *path);
/* Directory 0755, file 0644, by rename. */
bool apply_subnet_env(struct apply *a, const struct plan *plan, const char *path,
		      struct error *error);

/*
 * Remove what we put there: for reset.  Only the routes inside of @count networks,
 * or all of our protocol when that is 0.
 */
bool remove_routes(struct apply *a, const struct facts *facts, const struct prefix *networks,
		   size_t count, struct error *error);
bool remove_rules(struct apply *a, const char *instance, struct error *error);
bool remove_forward(struct apply *a, const char *instance, struct error *error);

#endif /* AGENT_APPLY_H */
