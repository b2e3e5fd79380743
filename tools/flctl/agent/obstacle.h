/* SPDX-License-Identifier: GPL-2.0 */
/*
 * obstacle.h - what on this host keeps it from being a node of a network
 *
 * Looked for before a store is told anything, since peers believe what stands
 * there: a flanneld that runs, a device of somebody else that has a name of ours,
 * a UDP port that somebody else has, no module where the backend needs it.  What a
 * take-over exchanges is none.
 */
#ifndef AGENT_OBSTACLE_H
#define AGENT_OBSTACLE_H

#include "facts.h"
#include "net_config.h"
#include "store.h"

/* Milliseconds until one is looked for again: what goes no event need report. */
#define OBSTACLE_TIME	2000

enum obstacle {
	OBSTACLE_NONE,
	OBSTACLE_FLANNELD,		/* goes when people are told */
	OBSTACLE_DEVICE,
	OBSTACLE_PORT,
	OBSTACLE_MODULE,
};

struct obstacle_input {
	const struct net_config *config;
	const struct facts *facts;
	const char *underlay;		/* interface that packets leave by */
	const struct etcd_options *etcd;	/* NULL: not by etcd */
	const char *subnet_file;
	bool takeover;			/* stock flannel's devices may go */
	bool dry;			/* flanneld, which people stop later, is only named */
	bool leaves;			/* needs nothing of the host any more */
};

/* The first there is, with a sentence.  To look for the module loads it; not with @dry. */
enum obstacle obstacle_find(const struct obstacle_input *in, struct error *error);

#endif /* AGENT_OBSTACLE_H */
