/* SPDX-License-Identifier: GPL-2.0 */
/*
 * takeover.h - a node that stock flannel has set up becomes ours
 *
 * Until a reconcile has succeeded, and programs have said, or were given up, which
 * rules there are; never after that.  Our device is built and filled
 * as flannel+N, down, since the vxlan devices have the UDP port; then one message
 * of netlink has them down and ours take name and routes.  What fails before that
 * leaves the node as it was; what is missing after it the reconcile repairs.
 */
#ifndef AGENT_TAKEOVER_H
#define AGENT_TAKEOVER_H

#include <stdint.h>

#include "apply.h"
#include "apply_errand.h"

struct takeover {
	bool waits;			/* for iptables, since it leaves then */
	/* When rules were looked for or removed, or not, without waiting for it; from the loop. */
	void (*cleaned)(struct takeover *t, unsigned int changes);
	bool done;			/* or never to be done */
	bool found;			/* there was something of stock flannel */
	bool has_rules;			/* so says who looked; no round has taken that */
	unsigned int adopted, removed;	/* routes */
	size_t leases;
	char device[IF_NAMESIZE];	/* that was taken over, empty: none */
	double gap;			/* milliseconds without an overlay */
	char left[512];			/* why rules of stock flannel stay, empty: none do */
	char stays[512];		/* which routes or device of it do, empty: none */
	int64_t clean_at;		/* when these are tried again */
	unsigned int cleanings;		/* without success */

	/* private: */
	struct apply_errand cleaner;	/* of rules, or who looks for them */
	int64_t cleaning_since;
	bool unseen;			/* @done, and nobody knows whether there were rules */
	struct prefix asked4, asked6;	/* the networks whose rules were looked for */
	bool looked;			/* and no round has taken the answer */
};

/* Is there anything to take over?  False: that cannot be told.  Nothing is changed. */
bool takeover_look(const struct plan_input *in, const struct plan *plan, struct facts *facts,
		   bool *found, struct error *error);
/*
 * Before anything else is applied, where no obstacle is.  Facts are to be read again after it; a dry run
 * changes them to what they would be.  @displaced is set when stock flannel had to
 * be given its devices back.
 */
bool takeover_begin(struct takeover *t, struct apply *a, const struct plan_input *in,
		    const struct plan *plan, struct facts *facts, bool *displaced,
		    struct error *error);
/*
 * When all is applied and nobody is busy: what is left of stock flannel goes.  Facts are
 * fresh, and read again.
 */
void takeover_end(struct takeover *t, struct apply *a, const struct plan_input *in,
		  const struct plan *plan);
/* What stayed, once more, with fresh facts; again at @clean_at while something does. */
void takeover_clean(struct takeover *t, struct apply *a, const struct plan_input *in,
		    const struct plan *plan);
/* Are rules being looked for, or removed, just now?  Then @clean_at says nothing. */
bool takeover_busy(const struct takeover *t);
/* Nothing is looked for or removed any more, and what was found is forgotten. */
void takeover_stop(struct takeover *t);
/* Milliseconds until the next time, after so many without success; @hung: for a program. */
int64_t takeover_wait(unsigned int cleanings, bool hung);
/* Why something of stock flannel stays, empty: nothing does. */
const char *takeover_left(const struct takeover *t);
/* "took flannel.1 over from stock flannel: 12 leases, gap 3.1 ms" */
const char *takeover_format(const struct takeover *t, char *text, size_t size);

#endif /* AGENT_TAKEOVER_H */
