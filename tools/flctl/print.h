/* SPDX-License-Identifier: GPL-2.0 */
/*
 * print.h - what goes to standard output
 *
 * A JSON document is written while it is known; nothing is kept.  Commas and
 * escapes are this file's business, matching brackets the caller's.  Write
 * errors show at the end, in print_end().
 */
#ifndef FLCTL_PRINT_H
#define FLCTL_PRINT_H

#include "parse.h"

/*
 * @key is NULL inside an array and at the top.  The document ends, with a line,
 * when the outermost bracket is closed.
 */
void json_open(const char *key, char bracket);
void json_close(char bracket);
void json_string(const char *key, const char *value);
void json_number(const char *key, uint64_t value);
void json_bool(const char *key, bool value);
/* The members of a lease, inside an object. */
void json_lease(const struct lease *lease, const char *dev);
/* One line; @dev is NULL when it is not to be named. */
void text_lease(const struct lease *lease, const char *dev);

/* Flush; say what went wrong, once.  Returns an exit code. */
int print_end(void);

#endif /* FLCTL_PRINT_H */
