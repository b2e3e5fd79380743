/* SPDX-License-Identifier: GPL-2.0 */
/*
 * errand.h - work that may take long, done by a process of its own
 *
 * A copy of the agent that has nothing but its memory: it runs programs of the host
 * and writes lines, which come back through the loop when it has ended.  It ends
 * with its time, or with the agent, and what it was running ends with it.
 */
#ifndef AGENT_ERRAND_H
#define AGENT_ERRAND_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "loop.h"

#define ERRAND_TEXT	16384

struct errand {
	/* From the loop; @text is what was written, whole when @done. */
	void (*ended)(struct errand *errand);
	char text[ERRAND_TEXT];
	bool done;

	/* private: */
	struct loop_watch watch;	/* zero at first: not running */
	struct loop_timer deadline;
	pid_t pid;
	size_t len;
};

/* False with errno.  After @milliseconds it is killed, unless it has ended. */
bool errand_start(struct errand *errand, void (*work)(void *data, FILE *out), void *data,
		  int64_t milliseconds);
bool errand_runs(const struct errand *errand);
/* It ends now, and nobody is told. */
void errand_stop(struct errand *errand);

#endif /* AGENT_ERRAND_H */
