/* SPDX-License-Identifier: GPL-2.0 */
/*
 * members.h - members of JSON objects, found as stock flannel finds them
 *
 * Names are matched without regard to case, unknown ones are ignored, null
 * means absent.  What stock flannel would resolve by order, the same member
 * twice, is refused.  All functions leave the value alone when the member is
 * absent, and return false with a sentence when it is not what it should be.
 */
#ifndef AGENT_MEMBERS_H
#define AGENT_MEMBERS_H

#include <jansson.h>

#include "log.h"

/* Bytes of any text that is read. */
#define MEMBERS_TEXT	65536

struct members {
	json_t *object;
	const char *where;		/* before names in sentences: "Backend " */
	struct error *error;
};

/* One object and nothing behind it; to be freed by json_decref(). */
bool members_load(struct members *members, const char *text, size_t len,
		  struct error *error);

bool member_bool(const struct members *members, const char *name, bool *value);
bool member_number(const struct members *members, const char *name, uint32_t min,
		   uint32_t max, uint32_t *value);
/* Valid as long as the object. */
bool member_string(const struct members *members, const char *name, const char **value);
bool member_addr(const struct members *members, const char *name, uint8_t family,
		 struct addr *addr);
bool member_object(const struct members *members, const char *name, json_t **value);

#endif /* AGENT_MEMBERS_H */
