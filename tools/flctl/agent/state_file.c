// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state_file.h"

static bool write_all(int fd, const char *text)
{
	size_t left = strlen(text);
	ssize_t n;

	while (left) {
		n = write(fd, text, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		text += n;
		left -= n;
	}
	return true;
}

/* On disk before it has its name, or a crash could leave an empty file. */
static bool write_new(const char *path, const char *text)
{
	int fd, error;
	bool ok;

	if (unlink(path) && errno != ENOENT)
		return false;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	ok = write_all(fd, text) && !fchmod(fd, STATE_FILE_MODE) && !fsync(fd);
	error = errno;
	close(fd);
	errno = error;
	return ok;
}

bool state_file_write(const char *path, const char *text, struct error *error)
{
	char temporary[PATH_MAX];

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.tmp", path) >= sizeof(temporary))
		return set_error(error, "%.64s...: the path has more than %zu bytes", path,
				 sizeof(temporary) - strlen(".tmp") - 1);
	if (write_new(temporary, text) && !rename(temporary, path))
		return true;
	set_error(error, "cannot write %s: %s", path, strerror(errno));
	unlink(temporary);
	return false;
}
