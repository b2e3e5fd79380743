// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "errand.h"
#include "notify.h"

/* Behind all that was written: the work came to its end. */
#define END		"."

bool errand_runs(const struct errand *errand)
{
	return errand->pid > 0;
}

/* Neither the lock of the instance nor a socket of the agent is to be held. */
static void leave_behind(int fd, pid_t agent)
{
	notify_close();
	close_range(STDERR_FILENO + 1, fd - 1, 0);
	close_range(fd + 1, ~0U, 0);
	child_ends_with_us();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != agent)
		_exit(EXIT_FAILURE);
}

static void run(void (*work)(void *data, FILE *out), void *data, int fd, pid_t agent)
{
	FILE *out;

	leave_behind(fd, agent);
	out = fdopen(fd, "w");
	if (!out)
		_exit(EXIT_FAILURE);
	work(data, out);
	fputs(END "\n", out);
	_exit(fclose(out) ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* With SIGTERM it ends what it is running; without, itself. */
static void reap(struct errand *errand)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	int fd = errand->watch.fd, tries;

	loop_cancel(&errand->deadline);
	loop_unwatch(&errand->watch);
	if (fd >= 0)
		close(fd);
	kill(errand->pid, SIGTERM);
	for (tries = 0; tries < 100 && !waitpid(errand->pid, NULL, WNOHANG); tries++)
		nanosleep(&pause, NULL);
	if (tries == 100) {
		kill(errand->pid, SIGKILL);
		while (waitpid(errand->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	errand->pid = 0;
}

void errand_stop(struct errand *errand)
{
	if (errand_runs(errand))
		reap(errand);
}

/* What it wrote counts when the last line is there. */
static void end(struct errand *errand)
{
	size_t tail = strlen(END "\n");

	reap(errand);
	errand->text[errand->len] = '\0';
	errand->done = errand->len >= tail &&
		       !strcmp(errand->text + errand->len - tail, END "\n") &&
		       (errand->len == tail || errand->text[errand->len - tail - 1] == '\n');
	if (errand->done)
		errand->text[errand->len - tail] = '\0';
	errand->ended(errand);
}

static void on_output(struct loop_watch *watch, uint32_t events)
{
	struct errand *errand = container_of(watch, struct errand, watch);
	ssize_t len = read(watch->fd, errand->text + errand->len,
			   sizeof(errand->text) - 1 - errand->len);

	(void)events;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len > 0)
		errand->len += len;
	/* Also when there is no room for more. */
	if (len <= 0)
		end(errand);
}

static void on_deadline(struct loop_timer *timer)
{
	end(container_of(timer, struct errand, deadline));
}

bool errand_start(struct errand *errand, void (*work)(void *data, FILE *out), void *data,
		  int64_t milliseconds)
{
	pid_t agent = getpid();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return false;
	errand->pid = fork();
	if (!errand->pid)
		run(work, data, fds[1], agent);
	close(fds[1]);
	errand->len = 0;
	errand->watch = (struct loop_watch){ .fd = -1, .ready = on_output };
	errand->deadline.expired = on_deadline;
	if (errand->pid > 0 && !fcntl(fds[0], F_SETFL, O_NONBLOCK) &&
	    loop_watch(&errand->watch, fds[0], EPOLLIN)) {
		loop_after(&errand->deadline, milliseconds);
		return true;
	}
	close(fds[0]);
	errand_stop(errand);
	errand->pid = 0;
	return false;
}
