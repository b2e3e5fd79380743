// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"

#define EVENTS	64

static int epoll = -1;
static bool stopped;
/* In the order in which they are due. */
static struct loop_timer *timers;
/* While timers run: when this turn began. */
static int64_t turn;
/* Got, and not handed out yet. */
static struct epoll_event events[EVENTS];
static int event_next, event_count;

bool loop_open(void)
{
	stopped = false;
	epoll = epoll_create1(EPOLL_CLOEXEC);
	return epoll >= 0;
}

void loop_close(void)
{
	while (timers)
		loop_cancel(timers);
	event_count = 0;
	if (epoll >= 0)
		close(epoll);
	epoll = -1;
}

void loop_stop(void)
{
	stopped = true;
}

int64_t loop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What is on the way to @watch is for a file that may be another one soon. */
static void forget_events(const struct loop_watch *watch)
{
	int i;

	for (i = event_next; i < event_count; i++)
		if (events[i].data.ptr == watch)
			events[i].data.ptr = NULL;
}

bool loop_watch(struct loop_watch *watch, int fd, uint32_t wanted)
{
	struct epoll_event event = { .events = wanted, .data.ptr = watch };

	if (watch->fd != fd)
		loop_unwatch(watch);
	watch->fd = fd;
	watch->events = wanted;
	if (!epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) ||
	    (errno == ENOENT && !epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)))
		return true;
	watch->fd = -1;
	return false;
}

void loop_unwatch(struct loop_watch *watch)
{
	if (watch->fd < 0)
		return;
	forget_events(watch);
	epoll_ctl(epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->fd = -1;
}

void loop_after(struct loop_timer *timer, int64_t milliseconds)
{
	struct loop_timer **at = &timers;

	loop_cancel(timer);
	timer->due = loop_now() + (milliseconds > 0 ? milliseconds : 0);
	/* A timer that arms itself with 0 does not keep the loop from the files */
	if (timer->due <= turn)
		timer->due = turn + 1;
	while (*at && (*at)->due <= timer->due)
		at = &(*at)->next;
	timer->next = *at;
	*at = timer;
}

void loop_cancel(struct loop_timer *timer)
{
	struct loop_timer **at = &timers;

	if (!timer->due)
		return;
	while (*at && *at != timer)
		at = &(*at)->next;
	if (*at)
		*at = timer->next;
	timer->next = NULL;
	timer->due = 0;
}

static void run_timers(void)
{
	struct loop_timer *timer;

	turn = loop_now();
	while ((timer = timers) && timer->due <= turn) {
		loop_cancel(timer);
		timer->expired(timer);
	}
	turn = 0;
}

static void run_events(void)
{
	struct loop_watch *watch;

	while (event_next < event_count) {
		watch = events[event_next].data.ptr;
		if (watch)
			watch->ready(watch, events[event_next++].events);
		else
			event_next++;
	}
}

static int until_next(int most)
{
	int64_t left;

	if (!timers)
		return most;
	left = timers->due - loop_now();
	if (left < 0)
		left = 0;
	return most < 0 || left < most ? (int)(left > INT32_MAX ? INT32_MAX : left) : most;
}

bool loop_turn(int milliseconds)
{
	/* Called from a callback: what the outer turn got goes first */
	run_events();
	event_next = 0;
	event_count = epoll_wait(epoll, events, EVENTS, until_next(milliseconds));
	if (event_count < 0) {
		event_count = 0;
		if (errno != EINTR)
			return false;
	}
	run_events();
	run_timers();
	return true;
}

bool loop_run(void)
{
	while (!stopped)
		if (!loop_turn(-1))
			return false;
	return true;
}
