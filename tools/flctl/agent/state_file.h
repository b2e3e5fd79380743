/* SPDX-License-Identifier: GPL-2.0 */
/*
 * state_file.h - small files that outlive a reboot
 *
 * Written under another name, synced and renamed: after a crash there is the old
 * text or the new one.
 */
#ifndef AGENT_STATE_FILE_H
#define AGENT_STATE_FILE_H

#include "log.h"

bool state_file_write(const char *path, const char *text, struct error *error);

#endif /* AGENT_STATE_FILE_H */
