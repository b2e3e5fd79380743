/* SPDX-License-Identifier: GPL-2.0 */
/*
 * flanneld.h - is stock flannel's daemon running here, for our network?
 *
 * Several may run on a host, each for a network of its own.  What one is for say
 * its command line, its environment, and the subnet file that it writes; one that
 * does not say enough is taken to be for ours.
 */
#ifndef AGENT_FLANNELD_H
#define AGENT_FLANNELD_H

#include <sys/types.h>

#include "facts.h"
#include "store.h"

struct flanneld_us {
	const struct etcd_options *etcd;	/* NULL: not by etcd */
	const char *subnet_file;
	struct prefix network4, network6;
	const struct facts *facts;
	const struct fact_link *links[2];	/* that are stock flannel's and of our name */
};

/*
 * The process id of one in our network namespace that is not for another network,
 * with a sentence; 0: none.  One whose namespace we may not see is taken to be in ours.
 */
pid_t flanneld_find(const struct flanneld_us *us, struct error *error);

#endif /* AGENT_FLANNELD_H */
