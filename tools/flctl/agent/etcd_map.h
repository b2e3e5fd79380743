/* SPDX-License-Identifier: GPL-2.0 */
/*
 * etcd_map.h - what the store has below <prefix>/subnets/, by key
 *
 * Also keys that say nothing (they are reported once), and for a while the
 * records that a store lost together with its memory.  Pure.
 */
#ifndef AGENT_ETCD_MAP_H
#define AGENT_ETCD_MAP_H

#include "etcd_json.h"
#include "record.h"

struct etcd_entry {
	struct record record;		/* the last good one; subnets are the key's */
	bool subnet;			/* the key is good */
	bool good;			/* there was a good value */
	bool stale;			/* but it is not the one of mod_revision */
	int64_t lease, mod_revision, create_revision;
	int64_t kept;			/* lost by the store: until when; 0: is there */
	char key[];			/* without the prefix */
};

struct etcd_map {
	struct etcd_entry **entry;	/* sorted by key */
	size_t count, room, kept;
};

struct etcd_entry *etcd_map_find(const struct etcd_map *map, const char *key);
/*
 * Take over a key and value that etcd holds; @key is without the prefix.  What is
 * older than what is known changes nothing.  Returns false with a sentence when
 * it is bad and was not known to be: @old, if not NULL, is where to look, too.
 * False with errno ENOMEM, and no other errno: @map is not what etcd holds.
 */
bool etcd_map_put(struct etcd_map *map, const struct etcd_map *old, const char *key,
		  const struct etcd_kv *kv, struct error *error);
/* False: nothing changed. */
bool etcd_map_delete(struct etcd_map *map, const char *key, int64_t revision);
/* Keep those of @old that @map lacks, @kept of them; not @own.  False: no memory. */
bool etcd_map_keep(struct etcd_map *map, const struct etcd_map *old, const char *own,
		   int64_t until, size_t *kept);
/* Drop what is kept for longer than @now, or belongs to somebody present. */
bool etcd_map_expire(struct etcd_map *map, int64_t now);
void etcd_map_free(struct etcd_map *map);

bool etcd_overlap(const struct record *a, const struct record *b);
/* Is any of the subnets of @record in use by an entry other than @except? */
const struct etcd_entry *etcd_map_overlap(const struct etcd_map *map,
					  const struct record *record,
					  const struct etcd_entry *except);

#endif /* AGENT_ETCD_MAP_H */
