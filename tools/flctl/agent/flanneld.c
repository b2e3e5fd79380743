// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "flanneld.h"

static bool has_name(const char *pid)
{
	char path[64], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(name, sizeof(name), file))
		name[0] = '\0';
	fclose(file);
	/* The releases are called flanneld-amd64 and the like. */
	return !strncmp(name, "flanneld", 8) && strchr("\n-", name[8]);
}

static bool is_here(const char *pid)
{
	struct stat ours, theirs;
	char path[64];

	/* ns/net of somebody with more capabilities cannot be read; this can. */
	snprintf(path, sizeof(path), "/proc/%.20s/net/dev", pid);
	if (stat("/proc/self/net/dev", &ours) || stat(path, &theirs))
		return true;
	return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

pid_t flanneld_find(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	if (!dir)
		return 0;
	while (!found && (entry = readdir(dir)))
		if (isdigit((unsigned char)*entry->d_name) && has_name(entry->d_name) &&
		    is_here(entry->d_name))
			found = atoi(entry->d_name);
	closedir(dir);
	return found;
}
