/* SPDX-License-Identifier: GPL-2.0 */
/*
 * monitor.h - notice that the host changed: netlink, and files of ours
 *
 * Says only that something changed that matters (relevance.h), and what kind of
 * thing; who is told reads all of it anew.  Messages that were lost count as a change of everything.
 */
#ifndef AGENT_MONITOR_H
#define AGENT_MONITOR_H

#include "log.h"

enum change {
	CHANGE_LINK = 1 << 0,		/* links, addresses, forwarding */
	CHANGE_ROUTE = 1 << 1,
	CHANGE_RULES = 1 << 2,		/* nf_tables */
	CHANGE_TABLE = 1 << 3,		/* lease tables */
	CHANGE_FILE = 1 << 4,		/* the file, or a directory above it */
	CHANGE_ALL = (1 << 5) - 1,
};

/*
 * @changed runs from the loop with bits of enum change.  @file need not exist;
 * its directory is made.
 */
bool monitor_start(void (*changed)(void *data, unsigned int what), void *data,
		   const char *file, struct error *error);
/*
 * Lease tables can be listened to once the module is there, and anew when it was
 * loaded anew, which sets @anew; nothing to do otherwise.
 */
bool monitor_tables(bool *anew);
/* The directory of @file may be another one by now. */
void monitor_file(void);
void monitor_stop(void);

#endif /* AGENT_MONITOR_H */
