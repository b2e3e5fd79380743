/* SPDX-License-Identifier: GPL-2.0 */
/*
 * identity.h - the MAC of this node's VTEP, and who keeps it
 *
 * Peers learn it from the lease and send to it, so it must not change while the
 * lease lives, over reboots and over `ip link del`.  In this order: the lease in
 * the store, the state file, the device that is there, a random one.
 */
#ifndef AGENT_IDENTITY_H
#define AGENT_IDENTITY_H

#include "facts.h"

/* From the state file, or else from the device @name; false: from neither. */
bool identity_find(const char *path, const struct facts *facts, const char *name,
		   uint8_t mac[6]);
/* From the state file alone. */
bool identity_read(const char *path, uint8_t mac[6]);
/* Unicast, locally administered. */
void identity_random(uint8_t mac[6]);
/* By rename, when the file says something else; true also when nothing was to do. */
bool identity_save(const char *path, const uint8_t mac[6], struct error *error);

#endif /* AGENT_IDENTITY_H */
