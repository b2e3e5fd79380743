/* SPDX-License-Identifier: GPL-2.0 */
/*
 * forward.h - accept rules in chains of others that would drop pod traffic
 *
 * apply_forward() and remove_forward() of apply.h, and what they judge by.
 *
 * An accept in a table of ours does not undo a drop in another base chain on the
 * forward hook.  Where that is iptables' FORWARD (Docker, ufw), of either kind,
 * rules go there through the host's own program, marked by a comment with the
 * instance's name: behind all rules that decide by conditions, and before what
 * drops the rest, so that network policies keep their say; all at once, so that
 * none is missing meanwhile.  Chains of anyone else are only named in the log.
 */
#ifndef AGENT_FORWARD_H
#define AGENT_FORWARD_H

#include "apply.h"

/* What FORWARD does with a packet that no condition matches. */
struct forward_verdict {
	bool drops;
	unsigned int at;	/* number of the rule that decides, 0: the policy does */
};

/*
 * As apply_forward(), but iptables is never waited for: that is run by a process of its
 * own, and until it has ended its last answer holds.  Before the first there is nothing
 * to complain of: see forward_known().  @ended runs from the loop when the answer is
 * another one.  @changed: rules may be others since the last call.
 */
bool forward_later(struct apply *a, const struct plan *plan, const char *instance, bool changed,
		   struct error *error);
/* Is the last answer about the networks of @plan?  @ended runs also when it has become so. */
bool forward_known(const struct plan *plan);
void forward_open(void (*ended)(void *data), void *data);
/* Nothing is asked or written any more, until forward_later() is called again. */
void forward_close(void);

/* From what `iptables -S` prints.  Pure. */
struct forward_verdict forward_judge(const char *listing);

#endif /* AGENT_FORWARD_H */
