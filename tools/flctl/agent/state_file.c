// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "state_file.h"

static bool write_new(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, text, strlen(text)) == (ssize_t)strlen(text) && !fsync(fd);
	return !close(fd) && done;
}

bool state_file_write(const char *path, const char *text, struct error *error)
{
	char temporary[4096];

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.new", path) >= sizeof(temporary))
		return set_error(error, "the path %s is too long", path);
	if (write_new(temporary, text) && !rename(temporary, path))
		return true;
	set_error(error, "cannot write %s: %s", path, strerror(errno));
	unlink(temporary);
	return false;
}
