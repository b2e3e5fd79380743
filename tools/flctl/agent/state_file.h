/* SPDX-License-Identifier: GPL-2.0 */
/*
 * state_file.h - files that are replaced as a whole
 *
 * Written under another name, synced and renamed: after a crash there is the old
 * text or the new one, and nobody reads half of it.  No link that somebody has laid
 * there is followed.
 */
#ifndef AGENT_STATE_FILE_H
#define AGENT_STATE_FILE_H

#include "log.h"

#define STATE_FILE_MODE	0644

/* Its directory exists. */
bool state_file_write(const char *path, const char *text, struct error *error);

#endif /* AGENT_STATE_FILE_H */
