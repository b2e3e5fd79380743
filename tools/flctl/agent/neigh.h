/* SPDX-License-Identifier: GPL-2.0 */
/*
 * neigh.h - permanent neighbours and FDB entries of some links
 *
 * They are kept as the messages that the kernel lists them by, so that nothing of
 * one is lost when it is added again.
 */
#ifndef AGENT_NEIGH_H
#define AGENT_NEIGH_H

#include <stdint.h>

#include "log.h"

/* Bytes of a message; none has as many. */
#define NEIGH_MOST	512

/* Zeroed to begin with, but for @links. */
struct neigh_list {
	const int *links;		/* ifindexes, 0: none */
	size_t link_count;
	uint8_t family;			/* that is being read */
	char *bytes;			/* messages, one after the other */
	size_t len, room, count;
};

bool neigh_read(struct neigh_list *list, struct error *error);
/*
 * Add those again that are not there any more, and look.  @missing are not there in
 * the end; false with a sentence when it is not even known how many.
 */
bool neigh_restore(const struct neigh_list *list, size_t *missing, struct error *error);
void neigh_free(struct neigh_list *list);

#endif /* AGENT_NEIGH_H */
