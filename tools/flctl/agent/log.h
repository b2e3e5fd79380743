/* SPDX-License-Identifier: GPL-2.0 */
/*
 * log.h - what the agent says, and how errors travel
 *
 * One line each on standard error, with a level; as JSON with --log-json.  A
 * function that fails writes one sentence into a struct error, which names the
 * value that was wrong; who called it decides whether that is worth a line.
 */
#ifndef AGENT_LOG_H
#define AGENT_LOG_H

#include "../parse.h"

enum log_level {
	LEVEL_ERROR,
	LEVEL_WARNING,
	LEVEL_INFO,
	LEVEL_DEBUG,
};

struct error {
	char text[512];
};

/* Lines above @level are not written.  @network is part of every JSON line. */
void log_setup(enum log_level level, bool json, const char *network);
void __printf(1, 2) log_error(const char *fmt, ...);
void __printf(1, 2) log_warning(const char *fmt, ...);
void __printf(1, 2) log_info(const char *fmt, ...);
void __printf(1, 2) log_debug(const char *fmt, ...);

/* Write a sentence; returns false.  @error may be NULL. */
bool __printf(2, 3) set_error(struct error *error, const char *fmt, ...);

#endif /* AGENT_LOG_H */
