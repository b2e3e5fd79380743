/* SPDX-License-Identifier: GPL-2.0 */
/*
 * endpoints.h - where the store is, so that no route of ours hides it
 */
#ifndef AGENT_ENDPOINTS_H
#define AGENT_ENDPOINTS_H

#include "log.h"

#define ENDPOINT_ADDRS	16

/*
 * Addresses of the hosts in @urls, separated by commas; names are resolved,
 * which may take five seconds for each, and left out when they cannot be.
 * Returns how many; @whole: nothing was left out.
 */
size_t endpoint_addrs(const char *urls, struct addr addrs[ENDPOINT_ADDRS], bool *whole);

#endif /* AGENT_ENDPOINTS_H */
