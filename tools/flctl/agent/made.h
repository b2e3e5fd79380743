/* SPDX-License-Identifier: GPL-2.0 */
/*
 * made.h - what an instance has made on this host, over restarts
 *
 * Its device (name and MAC) and its networks stand in a file of the instance
 * before they are made.  What a later configuration has not is removed once that
 * one is in place, but for what the file of another instance in the same
 * directory names: that has taken it over.
 */
#ifndef AGENT_MADE_H
#define AGENT_MADE_H

#include "apply.h"

#define MADE_SUFFIX	".made"
/* Of each kind; who changes them more often without success forgets the oldest. */
#define MADE_MOST	16

struct made_device {
	char name[IF_NAMESIZE];
	uint8_t mac[6];
};

struct made {
	struct prefix network[MADE_MOST];
	struct made_device device[MADE_MOST];
	size_t networks, devices;
};

/* Lines that nobody understands are left out. */
void made_parse(const char *text, struct made *made);
/* Device and networks of @plan in front, as the newest. */
void made_add(struct made *made, const struct plan *plan);

/* Nothing when there is no such file. */
void made_read(const char *path, struct made *made);

struct made_other;

struct made_others {
	struct made_other *other;
	size_t count;
};

/* Of the files beside @path; errno says why not.  To be freed in any case. */
bool made_read_others(const char *path, struct made_others *others);
void made_free_others(struct made_others *others);
/* The instance that names @device, or a network that @dst touches; NULL: none does. */
const char *made_by_other(const struct made_others *others, const char *device,
			  const struct prefix *dst);

/* Before anything of @plan is made. */
bool made_remember(const char *path, const struct plan *plan, struct error *error);
/* When all of @plan is in place: remove what else the file names, and forget it. */
bool made_clean(struct apply *a, const char *path, const struct plan *plan,
		const struct facts *facts, struct error *error);

#endif /* AGENT_MADE_H */
