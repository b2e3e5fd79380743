/* SPDX-License-Identifier: GPL-2.0 */
/*
 * child.h - programs of the host, run to their end
 */
#ifndef AGENT_CHILD_H
#define AGENT_CHILD_H

#include "log.h"

/*
 * Run @argv, found in PATH or in sbin, without a shell and without input, for at
 * most ten seconds.  Returns its exit status with what it wrote, to be freed, in
 * *@output; or -ENOENT when there is no such program, or another negative errno
 * with a sentence.
 */
int child_run(char *const argv[], char **output, struct error *error);
/* The same, with @input to read. */
int child_feed(char *const argv[], const char *input, char **output, struct error *error);
/*
 * All children from now on have so long together, after which they are killed and
 * -ETIMEDOUT; 0: each has its ten seconds again.
 */
void child_limit(int64_t milliseconds);
/* From now on SIGTERM ends this process and what it is running. */
void child_ends_with_us(void);

#endif /* AGENT_CHILD_H */
