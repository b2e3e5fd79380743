/* SPDX-License-Identifier: GPL-2.0 */
/*
 * loop.h - the one event loop: file descriptors and timers (epoll)
 *
 * Everything in the agent runs in one thread, from callbacks of this.  A
 * watch or timer is embedded in its owner and stays where it is; all functions
 * may be called from callbacks, also for the watch or timer that is running.
 */
#ifndef AGENT_LOOP_H
#define AGENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop_watch {
	int fd;			/* -1: not watched */
	void (*ready)(struct loop_watch *watch, uint32_t events);
	uint32_t events;	/* EPOLLIN ... */
};

struct loop_timer {
	struct loop_timer *next;
	int64_t due;		/* CLOCK_MONOTONIC, milliseconds; 0: not armed */
	void (*expired)(struct loop_timer *timer);
};

bool loop_open(void);
void loop_close(void);
/* Until loop_stop(); false after an error of epoll itself. */
bool loop_run(void);
void loop_stop(void);
/* One turn that waits at most so long; for tests and --once. */
bool loop_turn(int milliseconds);

/* Begin, or change what is waited for. */
bool loop_watch(struct loop_watch *watch, int fd, uint32_t events);
void loop_unwatch(struct loop_watch *watch);
/* Arm, or arm anew. */
void loop_after(struct loop_timer *timer, int64_t milliseconds);
void loop_cancel(struct loop_timer *timer);
int64_t loop_now(void);

/* The structure that a member is embedded in. */
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#endif /* AGENT_LOOP_H */
