/* SPDX-License-Identifier: GPL-2.0 */
/*
 * notify.h - what the service manager is told
 *
 * The protocol of sd_notify(3) over the datagram socket NOTIFY_SOCKET, also an
 * abstract one.  Without it all of these do nothing.  The watchdog is fed from
 * the loop, so that a loop that hangs is noticed, and by who waits for something
 * with an end.
 */
#ifndef AGENT_NOTIFY_H
#define AGENT_NOTIFY_H

#include "log.h"

/* False: there is a manager, but it cannot be told; worth a line. */
bool notify_open(struct error *error);
void notify_close(void);

/* Started, or done with what notify_reloading() began. */
void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
/* For who keeps the loop waiting, and knows for how long at most. */
void notify_alive(void);
/* One line for `systemctl status`. */
void __printf(1, 2) notify_status(const char *fmt, ...);

#endif /* AGENT_NOTIFY_H */
