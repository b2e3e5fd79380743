// SPDX-License-Identifier: GPL-2.0
/* Programs of the host, run to their end. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "notify.h"

#define MOST_TIME	10000	/* milliseconds */
/* While a child is waited for, systemd hears of us so often. */
#define ALIVE		500
#define MOST_OUTPUT	(16 << 20)

extern char **environ;

static int64_t limit;		/* for all children together, 0: none */
static pid_t running;		/* its group, 0: none; a signal may ask for it */

struct child {
	const char *name;
	pid_t pid;
	int fd;
	int64_t begin, end;	/* CLOCK_MONOTONIC, milliseconds */
	char *text;
	size_t len, room;
};

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

void child_limit(int64_t milliseconds)
{
	limit = milliseconds ? now() + milliseconds : 0;
}

static void on_term(int number)
{
	pid_t group = __atomic_load_n(&running, __ATOMIC_RELAXED);

	(void)number;
	if (group)
		kill(-group, SIGKILL);
	_exit(EXIT_FAILURE);
}

void child_ends_with_us(void)
{
	struct sigaction action = { .sa_handler = on_term };
	sigset_t set;

	sigaction(SIGTERM, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* A group of its own, so that it can be ended with all that it has started. */
static int set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &all);
	posix_spawnattr_setpgroup(attr, 0);
	return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
					POSIX_SPAWN_SETPGROUP);
}

/* Not everyone who starts a daemon has sbin in PATH. */
static int spawn_anywhere(pid_t *pid, posix_spawn_file_actions_t *actions,
			  posix_spawnattr_t *attr, char *const argv[])
{
	static const char *const dirs[] = { "/usr/sbin", "/sbin" };
	int ret = posix_spawnp(pid, argv[0], actions, attr, argv, environ);
	char path[128];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs) && ret == ENOENT; i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], argv[0]);
		ret = posix_spawn(pid, path, actions, attr, argv, environ);
	}
	return ret;
}

/* A file, which nobody has to write into while it is read; -1 with errno. */
static int open_input(const char *input)
{
	size_t len = strlen(input);
	int fd;

	if (!len)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	fd = memfd_create("input", MFD_CLOEXEC);
	if (fd < 0 || (write(fd, input, len) == (ssize_t)len && !lseek(fd, 0, SEEK_SET)))
		return fd;
	close(fd);
	errno = ENOSPC;
	return -1;
}

static int start(struct child *child, char *const argv[], int input)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int fds[2], ret;

	if (pipe2(fds, O_CLOEXEC))
		return errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDERR_FILENO);
	ret = set_attributes(&attr);
	if (!ret)
		ret = spawn_anywhere(&child->pid, &actions, &attr, argv);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	close(fds[1]);
	child->fd = fds[0];
	if (ret)
		close(fds[0]);
	else
		__atomic_store_n(&running, child->pid, __ATOMIC_RELAXED);
	return ret;
}

static int grow(struct child *child)
{
	char *grown;

	if (child->len + 1 < child->room)
		return 0;
	if (child->room >= MOST_OUTPUT)
		return -EFBIG;
	child->room = child->room ? child->room * 2 : 8192;
	grown = realloc(child->text, child->room);
	if (!grown)
		return -ENOMEM;
	child->text = grown;
	return 0;
}

/* 0 at the end of its output. */
static int read_output(struct child *child)
{
	struct pollfd wait = { .fd = child->fd, .events = POLLIN };
	int64_t left;
	ssize_t n;
	int ret;

	while (!(ret = grow(child))) {
		notify_alive();
		left = child->end - now();
		if (left <= 0)
			return -ETIMEDOUT;
		if (!poll(&wait, 1, left < ALIVE ? left : ALIVE))
			continue;
		n = read(child->fd, child->text + child->len, child->room - child->len - 1);
		if (!n)
			break;
		if (n < 0 && errno != EINTR)
			return -errno;
		child->len += n > 0 ? n : 0;
	}
	return ret;
}

static int wait_for_end(const struct child *child, int *status)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	pid_t pid;

	while (!(pid = waitpid(child->pid, status, WNOHANG)) || (pid < 0 && errno == EINTR)) {
		notify_alive();
		if (now() >= child->end)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	return pid < 0 ? -errno : 0;
}

static void end(const struct child *child)
{
	kill(-child->pid, SIGKILL);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int fail(struct child *child, int ret, struct error *error)
{
	if (ret == -ETIMEDOUT)
		set_error(error, "%s did not end within %lld ms and was killed", child->name,
			  (long long)(child->end - child->begin));
	else
		set_error(error, "%s: %s", child->name, strerror(-ret));
	free(child->text);
	return ret;
}

static int start_with(struct child *child, char *const argv[], const char *input)
{
	int fd = open_input(input), ret;

	if (fd < 0)
		return errno;
	ret = start(child, argv, fd);
	close(fd);
	return ret;
}

int child_feed(char *const argv[], const char *input, char **output, struct error *error)
{
	struct child child = { .name = argv[0], .begin = now() };
	int status = 0, ret;

	*output = NULL;
	child.end = child.begin + MOST_TIME;
	if (limit && limit < child.end)
		child.end = limit;
	if (child.end <= child.begin) {
		set_error(error, "%s was not started: no time is left", child.name);
		return -ETIMEDOUT;
	}
	ret = start_with(&child, argv, input);
	if (ret)
		return fail(&child, -ret, error);
	ret = read_output(&child);
	close(child.fd);
	if (!ret)
		ret = wait_for_end(&child, &status);
	if (ret)
		end(&child);
	__atomic_store_n(&running, 0, __ATOMIC_RELAXED);
	if (ret)
		return fail(&child, ret, error);
	child.text[child.len] = '\0';
	*output = child.text;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int child_run(char *const argv[], char **output, struct error *error)
{
	return child_feed(argv, "", output, error);
}
