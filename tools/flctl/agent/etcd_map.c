// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "etcd_map.h"
#include "prefix.h"

/* Where @key is, or belongs. */
static size_t place_of(const struct etcd_map *map, const char *key, bool *found)
{
	size_t low = 0, high = map->count, middle;
	int order;

	*found = false;
	while (low < high) {
		middle = low + (high - low) / 2;
		order = strcmp(map->entry[middle]->key, key);
		if (!order) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct etcd_entry *etcd_map_find(const struct etcd_map *map, const char *key)
{
	bool found;
	size_t at = place_of(map, key, &found);

	return found ? map->entry[at] : NULL;
}

static bool grow(struct etcd_map *map)
{
	size_t room = map->room ? map->room * 2 : 64;
	struct etcd_entry **entry = realloc(map->entry, room * sizeof(*entry));

	if (!entry)
		return false;
	map->entry = entry;
	map->room = room;
	return true;
}

/* The entry of @key, a new one when there is none. */
static struct etcd_entry *get_entry(struct etcd_map *map, const char *key)
{
	struct etcd_entry *entry;
	bool found;
	size_t at = place_of(map, key, &found);

	if (found)
		return map->entry[at];
	if (map->count == map->room && !grow(map))
		return NULL;
	entry = calloc(1, sizeof(*entry) + strlen(key) + 1);
	if (!entry)
		return NULL;
	strcpy(entry->key, key);
	memmove(map->entry + at + 1, map->entry + at, (map->count - at) * sizeof(*map->entry));
	map->entry[at] = entry;
	map->count++;
	return entry;
}

static void remove_at(struct etcd_map *map, size_t at)
{
	if (map->entry[at]->kept)
		map->kept--;
	free(map->entry[at]);
	map->count--;
	memmove(map->entry + at, map->entry + at + 1, (map->count - at) * sizeof(*map->entry));
}

/* Keys are text of others. */
static const char *plain(const char *key, char text[RECORD_KEY])
{
	size_t i;

	for (i = 0; key[i] && i < RECORD_KEY - 1; i++)
		text[i] = isprint((unsigned char)key[i]) ? key[i] : '?';
	text[i] = '\0';
	return text;
}

static bool report(struct error *error, const char *key, const struct error *why,
		   const char *what)
{
	char text[RECORD_KEY];

	return set_error(error, "key %s: %.250s; %s", plain(key, text), why->text, what);
}

static void set_revisions(struct etcd_map *map, struct etcd_entry *entry,
			  const struct etcd_kv *kv)
{
	if (entry->kept)
		map->kept--;
	entry->kept = 0;
	entry->lease = kv->lease;
	entry->mod_revision = kv->mod_revision;
	entry->create_revision = kv->create_revision;
}

static void set_value(struct etcd_entry *entry, const struct record *subnet,
		      const struct record *value)
{
	entry->record = *value;
	entry->record.subnet4 = subnet->subnet4;
	entry->record.subnet6 = subnet->subnet6;
	entry->record.lease = entry->lease;
	entry->record.mod_revision = entry->mod_revision;
	entry->good = true;
	entry->stale = false;
}

/* The value is bad: what was known of the key stays. */
static bool keep_last(struct etcd_entry *entry, const struct etcd_entry *before,
		      const struct record *subnet, const struct error *why,
		      struct error *error)
{
	bool known = before && before->stale &&
		     before->mod_revision == entry->mod_revision;

	if (before && before->good && before != entry) {
		entry->record = before->record;
		entry->good = true;
	}
	if (!entry->good) {
		entry->record = (struct record){ 0 };
		entry->record.subnet4 = subnet->subnet4;
		entry->record.subnet6 = subnet->subnet6;
	}
	entry->stale = true;
	if (known)
		return true;
	return report(error, entry->key, why, entry->good ?
		      "the last good value of it stays in use" : "it is skipped");
}

static bool no_memory(struct error *error)
{
	set_error(error, "out of memory");
	errno = ENOMEM;
	return false;
}

bool etcd_map_put(struct etcd_map *map, const struct etcd_map *old, const char *key,
		  const struct etcd_kv *kv, struct error *error)
{
	struct record subnet = { 0 }, value = { 0 };
	struct error why;
	const struct etcd_entry *before;
	struct etcd_entry *entry;

	before = old ? etcd_map_find(old, key) : NULL;
	entry = get_entry(map, key);
	if (!entry)
		return no_memory(error);
	errno = 0;
	if (!entry->kept && entry->mod_revision >= kv->mod_revision)
		return true;
	if (!before && entry->mod_revision)
		before = entry;
	set_revisions(map, entry, kv);
	entry->subnet = record_parse_key(key, &subnet, &why);
	if (!entry->subnet)
		return before || report(error, key, &why, "it is skipped");
	if (!record_parse_value(kv->value, kv->len, &value, &why))
		return errno == ENOMEM ? no_memory(error) :
		       keep_last(entry, before, &subnet, &why, error);
	set_value(entry, &subnet, &value);
	return true;
}

bool etcd_map_delete(struct etcd_map *map, const char *key, int64_t revision)
{
	bool found;
	size_t at = place_of(map, key, &found);

	if (!found || (!map->entry[at]->kept && map->entry[at]->mod_revision > revision))
		return false;
	remove_at(map, at);
	return true;
}

bool etcd_map_keep(struct etcd_map *map, const struct etcd_map *old, const char *own,
		   int64_t until, size_t *kept)
{
	struct etcd_entry *entry, *copy;
	size_t i;

	*kept = 0;
	for (i = 0; i < old->count; i++) {
		entry = old->entry[i];
		if (!entry->good || !strcmp(entry->key, own) || (!until && !entry->kept) ||
		    etcd_map_find(map, entry->key))
			continue;
		copy = get_entry(map, entry->key);
		if (!copy)
			return false;
		*copy = *entry;
		if (!copy->kept)
			copy->kept = until;
		map->kept++;
		++*kept;
	}
	return true;
}

static bool same_addr(const struct addr *a, const struct addr *b)
{
	return a->family != AF_UNSPEC && !compare_addr(a, b);
}

/* Somebody who is present has its subnet, or its address. */
static bool replaced(const struct etcd_map *map, const struct etcd_entry *entry)
{
	const struct etcd_entry *other;
	size_t i;

	for (i = 0; i < map->count; i++) {
		other = map->entry[i];
		if (other->kept || !other->subnet)
			continue;
		if (etcd_overlap(&other->record, &entry->record) ||
		    (other->good && (same_addr(&other->record.public4, &entry->record.public4) ||
				     same_addr(&other->record.public6, &entry->record.public6))))
			return true;
	}
	return false;
}

bool etcd_map_expire(struct etcd_map *map, int64_t now)
{
	struct etcd_entry *entry;
	size_t i = map->kept ? map->count : 0;
	bool changed = false;

	while (i--) {
		entry = map->entry[i];
		if (!entry->kept || (entry->kept > now && !replaced(map, entry)))
			continue;
		remove_at(map, i);
		changed = true;
	}
	return changed;
}

void etcd_map_free(struct etcd_map *map)
{
	size_t i;

	for (i = 0; i < map->count; i++)
		free(map->entry[i]);
	free(map->entry);
	*map = (struct etcd_map){ 0 };
}

static bool prefixes_overlap(const struct prefix *a, const struct prefix *b)
{
	return a->addr.family != AF_UNSPEC && a->addr.family == b->addr.family &&
	       prefix_overlaps(a, b);
}

bool etcd_overlap(const struct record *a, const struct record *b)
{
	return prefixes_overlap(&a->subnet4, &b->subnet4) ||
	       prefixes_overlap(&a->subnet6, &b->subnet6);
}

const struct etcd_entry *etcd_map_overlap(const struct etcd_map *map,
					  const struct record *record,
					  const struct etcd_entry *except)
{
	size_t i;

	for (i = 0; i < map->count; i++)
		if (map->entry[i] != except && map->entry[i]->subnet &&
		    etcd_overlap(&map->entry[i]->record, record))
			return map->entry[i];
	return NULL;
}
