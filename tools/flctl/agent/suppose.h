/* SPDX-License-Identifier: GPL-2.0 */
/*
 * suppose.h - the lease that a node without one would ask for
 *
 * For a dry run, which takes none: the subnet of before when it is free, else the
 * first free one stands for any.
 */
#ifndef AGENT_SUPPOSE_H
#define AGENT_SUPPOSE_H

#include "record.h"

/* @own has all but the subnets; @note is one sentence about them. */
bool suppose_lease(struct record *own, const struct net_config *config,
		   const struct record_list *peers, const struct record *previous,
		   char *note, size_t size, struct error *error);

#endif /* AGENT_SUPPOSE_H */
