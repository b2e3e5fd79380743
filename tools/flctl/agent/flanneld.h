/* SPDX-License-Identifier: GPL-2.0 */
/*
 * flanneld.h - is stock flannel's daemon running here?
 */
#ifndef AGENT_FLANNELD_H
#define AGENT_FLANNELD_H

#include <sys/types.h>

/*
 * The process id of a flanneld in our network namespace, 0: none.  One whose
 * namespace we may not see is taken to be in ours.
 */
pid_t flanneld_find(void);

#endif /* AGENT_FLANNELD_H */
