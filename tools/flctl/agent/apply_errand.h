/* SPDX-License-Identifier: GPL-2.0 */
/*
 * apply_errand.h - an applier that takes long, in a process of its own
 *
 * What it would say comes back when it has ended.  One that is killed, or writes more
 * than ERRAND_TEXT, has failed, and what it did until then is not said.
 */
#ifndef AGENT_APPLY_ERRAND_H
#define AGENT_APPLY_ERRAND_H

#include "apply.h"
#include "errand.h"

struct apply_errand {
	struct errand errand;		/* its owner sets @ended */
};

/* @work gets @data as it is now.  False with errno; after @milliseconds it is killed. */
bool apply_errand_start(struct apply_errand *e,
			bool (*work)(struct apply *a, void *data, struct error *error), void *data,
			int64_t milliseconds);
/* What @work has returned, with its error. */
bool apply_errand_done(const struct apply_errand *e, struct error *error);
/* Its changes, once. */
void apply_errand_say(struct apply_errand *e, struct apply *a);

#endif /* AGENT_APPLY_ERRAND_H */
