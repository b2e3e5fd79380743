/* SPDX-License-Identifier: GPL-2.0 */
/*
 * status.h - `flctl status`: ask the agents of this host how they are
 */
#ifndef AGENT_STATUS_H
#define AGENT_STATUS_H

/* The words behind "status"; 0 all are ready, 1 some are not, 2 there is none. */
int status_show(int argc, char **argv);

#endif /* AGENT_STATUS_H */
