// SPDX-License-Identifier: GPL-2.0
/* Files: sysctls, and subnet.env for the CNI plugin. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply_impl.h"
#include "state_file.h"

#define DIR_MODE	0755

/* Returns the length of the text, or a negative errno; -EFBIG when it is longer. */
static int read_text(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text + len, size - len))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += n;
		if (len == size)
			return -EFBIG;
	}
	text[len] = '\0';
	return len;
}

/* --- sysctls --- */

static bool write_sysctl(const struct plan_sysctl *sysctl, const char *path, struct error *error)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, sysctl->value, strlen(sysctl->value)) > 0;

	if (!ok)
		set_error(error, "sysctl %s = %s: %s", sysctl->path, sysctl->value,
			  strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool read_sysctl(const struct plan_sysctl *sysctl, const char *path, char value[64],
			struct error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int len = fd < 0 ? -errno : read_text(fd, value, 64);

	if (fd >= 0)
		close(fd);
	if (len < 0)
		return set_error(error, "sysctl %s: %s", sysctl->path, strerror(-len));
	while (len && (value[len - 1] == '\n' || value[len - 1] == ' '))
		value[--len] = '\0';
	return true;
}

static bool apply_sysctl(struct apply *a, const struct plan_sysctl *sysctl, struct error *error)
{
	char path[sizeof(sysctl->path) + 16], value[64];

	snprintf(path, sizeof(path), "/proc/sys/%s", sysctl->path);
	if (!read_sysctl(sysctl, path, value, error))
		return false;
	if (!strcmp(value, sysctl->value))
		return true;
	if (!a->dry && !write_sysctl(sysctl, path, error))
		return false;
	apply_say(a, "sysctl %s = %s (was %s)", sysctl->path, sysctl->value, value);
	return true;
}

bool apply_sysctls(struct apply *a, const struct plan *plan, struct error *error)
{
	bool ok = true;
	size_t i;

	for (i = 0; i < plan->sysctl_count; i++)
		if (!apply_sysctl(a, &plan->sysctls[i], ok ? error : NULL))
			ok = false;
	return ok;
}

/* --- subnet.env --- */

/* Of another mode, another kind or another length it is not what it should be. */
static bool is_equal(const char *path, const char *text)
{
	char have[sizeof(((struct plan *)0)->subnet_env) + 1];
	struct stat st;
	bool equal;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	equal = !fstat(fd, &st) && S_ISREG(st.st_mode) && (st.st_mode & 07777) == STATE_FILE_MODE &&
		read_text(fd, have, sizeof(have)) >= 0 && !strcmp(have, text);
	close(fd);
	return equal;
}

/* Only what is made here gets our mode: the file may be wanted in /tmp. */
static bool make_dir(const char *path)
{
	if (!mkdir(path, DIR_MODE))
		return !chmod(path, DIR_MODE);
	return errno == EEXIST;
}

bool make_dirs_above(char *path)
{
	char *slash = path;
	bool ok = true;

	while (ok && (slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		ok = make_dir(path);
		*slash = '/';
	}
	return ok;
}

static bool replace_file(const char *path, const char *text, struct error *error)
{
	char dir[PATH_MAX];

	if (strlen(path) >= sizeof(dir))
		return set_error(error, "%.64s...: the path has more than %d bytes", path,
				 PATH_MAX - 1);
	strcpy(dir, path);
	if (!make_dirs_above(dir))
		return set_error(error, "cannot make the directory of %s: %s", path,
				 strerror(errno));
	return state_file_write(path, text, error);
}

bool apply_subnet_env(struct apply *a, const struct plan *plan, const char *path,
		      struct error *error)
{
	if (!*plan->subnet_env || is_equal(path, plan->subnet_env))
		return true;
	if (!a->dry && !replace_file(path, plan->subnet_env, error))
		return false;
	apply_say(a, "file %s", path);
	return true;
}
