// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <sys/random.h>

#include "store_etcd.h"

#define REWRITES	5		/* of our record are a fight, less than ... */
#define REWRITE_TIME	10000		/* ... milliseconds apart */
#define REWRITE_PAUSE	60000
#define CONFLICT_TIME	120000		/* milliseconds after which one is a new one */

/* --- which record is ours --------------------------------------------------- */

static bool same_addr(const struct addr *a, const struct addr *b)
{
	return a->family != AF_UNSPEC && !compare_addr(a, b);
}

static bool has_our_mac(const struct etcd_store *s, const struct record *record)
{
	return s->node.mac_known && record->data4.has_mac &&
	       !memcmp(record->data4.mac, s->node.mac4, sizeof(s->node.mac4));
}

static bool is_ours(const struct etcd_store *s, const struct record *record)
{
	return same_addr(&record->public4, &s->node.public4) ||
	       (s->has_own && same_addr(&record->public4, &s->own.public4)) ||
	       has_our_mac(s, record);
}

void own_lose(struct etcd_store *s)
{
	s->has_own = false;
	s->lease = s->own_created = 0;
	loop_cancel(&s->renew_timer);
	store_held(s, false, false);
	store_deliver(s);
}

static const char *format_who(const struct etcd_entry *entry, char text[ADDR_TEXT])
{
	if (!entry->good || entry->record.public4.family == AF_UNSPEC)
		return "somebody unknown";
	return format_addr(&entry->record.public4, text);
}

/* Another one at once, but not hundreds of them. */
static void find_another(struct etcd_store *s)
{
	int64_t now = loop_now(), delay;

	s->conflicts = now - s->conflict_at < CONFLICT_TIME ? s->conflicts + 1 : 0;
	s->conflict_at = now;
	delay = 100LL << (s->conflicts < 10 ? s->conflicts : 10);
	loop_after(&s->again_timer, store_jitter(delay < 60000 ? delay : 60000));
	own_lose(s);
}

/* With our lease it is ours whatever it says. */
static bool is_own_entry(const struct etcd_store *s, const struct etcd_entry *entry)
{
	return (entry->lease && entry->lease == s->own.lease) ||
	       (entry->good && is_ours(s, &entry->record));
}

/* Is what we have still ours, and of use? */
static void check_own(struct etcd_store *s)
{
	const struct etcd_entry *entry;
	char text[ADDR_TEXT];

	if (!s->has_own)
		return;
	entry = etcd_map_find(&s->map, s->own_key);
	if (entry && !is_own_entry(s, entry)) {
		store_failed(s, "conflict: %s, which was ours, was taken by %s; another subnet is chosen",
			     s->own_key, format_who(entry, text));
		find_another(s);
	} else if (!record_fits(&s->own, &s->config)) {
		log_warning("etcd: %s does not fit the configuration any more; another subnet is chosen",
			    s->own_key);
		own_lose(s);
	}
}

/* Peers send to the MAC that the lease says: it is ours, whatever we thought. */
static void take_macs(struct etcd_store *s, const struct record *record)
{
	if (!record->data4.has_mac || !same_addr(&record->public4, &s->node.public4))
		return;
	memcpy(s->node.mac4, record->data4.mac, 6);
	memcpy(s->node.mac6, record->data6.has_mac ? record->data6.mac : record->data4.mac, 6);
	s->node.mac_known = true;
}

static void adopt(struct etcd_store *s, const struct etcd_entry *entry)
{
	bool news;

	/* A create of which we do not know that it succeeded */
	if (entry->lease && entry->lease == s->spare)
		s->spare = 0;
	if (!entry->good)
		return;
	if (!s->has_own)
		take_macs(s, &entry->record);
	news = !s->has_own || !record_equal(&s->own, &entry->record);
	s->has_own = true;
	s->own = entry->record;
	strcpy(s->own_key, entry->key);
	if (news)
		store_deliver(s);
}

/* Of our address, best the subnet we had; else that subnet with our MAC. */
static const struct etcd_entry *find_own(const struct etcd_store *s)
{
	const struct etcd_entry *entry, *found = NULL;
	bool address, previous;
	size_t i;

	for (i = 0; i < s->map.count; i++) {
		entry = s->map.entry[i];
		if (!entry->good || entry->kept || strlen(entry->key) >= RECORD_KEY ||
		    !record_fits(&entry->record, &s->config))
			continue;
		address = same_addr(&entry->record.public4, &s->node.public4);
		previous = record_same_subnet(&entry->record, &s->node.previous);
		if (previous && (address || has_our_mac(s, &entry->record)))
			return entry;
		if (address && !found)
			found = entry;
	}
	return found;
}

/* What is to be published; subnets and all that is not ours to say are of @from. */
static void make_wanted(const struct etcd_store *s, const struct record *from,
			struct record *wanted)
{
	bool v6 = s->config.v6.network.addr.family != AF_UNSPEC;
	bool keep = !s->node.mac_known;
	struct backend_data data4 = { .has_mac = true, .vni = s->config.vni };
	struct backend_data data6 = data4;

	memcpy(data4.mac, keep && from->data4.has_mac ? from->data4.mac : s->node.mac4, 6);
	memcpy(data6.mac, keep && from->data6.has_mac ? from->data6.mac : s->node.mac6, 6);
	if (wanted != from)
		*wanted = *from;
	wanted->public4 = s->node.public4;
	wanted->public6 = v6 ? s->node.public6 : (struct addr){ 0 };
	strcpy(wanted->backend, backend_name(s->config.backend));
	wanted->data4 = wanted->data6 = (struct backend_data){ 0 };
	if (s->config.backend != BACKEND_VXLAN)
		return;
	wanted->data4 = data4;
	if (v6)
		wanted->data6 = data6;
}

/* --- create ---------------------------------------------------------------- */

static uint32_t random_below(uint32_t below)
{
	uint32_t number = 0;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return 0;
	return number % below;
}

/* All subnets that are not free. */
static bool list_taken(const struct etcd_store *s, struct record_list *list)
{
	struct record *record;
	size_t i;

	for (i = 0; i < s->map.count; i++) {
		if (!s->map.entry[i]->subnet)
			continue;
		record = record_list_add(list);
		if (!record)
			return false;
		*record = s->map.entry[i]->record;
	}
	return true;
}

static bool choose(struct etcd_store *s, struct record *record)
{
	struct record_list taken = { 0 };
	struct error error = { "out of memory" };
	bool chosen;

	chosen = list_taken(s, &taken) &&
		 record_choose(record, &s->config, &taken, random_below, &error);
	record_list_free(&taken);
	if (!chosen) {
		store_failed(s, "no subnet: %s", error.text);
		op_retreat(s);
	}
	return chosen;
}

/* The one we had, else the one of an earlier life, else any. */
static void acquire(struct etcd_store *s)
{
	const struct record *previous = &s->node.previous;
	const struct etcd_entry *other;
	struct record record = { 0 };
	char key[RECORD_KEY];

	if (!s->spare) {
		op_grant(s);
		return;
	}
	if (s->has_own) {
		other = etcd_map_overlap(&s->map, &s->own, NULL);
		if (!other) {
			make_wanted(s, &s->own, &record);
			op_create(s, &record, s->own_key);
			return;
		}
		store_failed(s, "conflict: %s, which was ours, overlaps %.100s now; another subnet is chosen",
			     s->own_key, other->key);
		own_lose(s);
	}
	if (previous->subnet4.addr.family != AF_UNSPEC && record_fits(previous, &s->config) &&
	    !etcd_map_overlap(&s->map, previous, NULL)) {
		record.subnet4 = previous->subnet4;
		record.subnet6 = previous->subnet6;
	} else if (!choose(s, &record)) {
		return;
	}
	make_wanted(s, &record, &record);
	op_create(s, &record, record_format_key(&record, key));
}

/* --- keep ------------------------------------------------------------------ */

/*
 * Keys of different text can overlap (one has a subnet of IPv6, too), which the
 * condition of a create cannot see: who came later gives way, before it is used
 * for long.
 */
static bool gives_way(struct etcd_store *s, const struct etcd_entry *own)
{
	const struct etcd_entry *other;
	char text[ADDR_TEXT];

	if (!s->own_created || s->revision < s->own_created)
		return false;
	s->own_created = 0;
	other = etcd_map_overlap(&s->map, &own->record, own);
	if (!other || other->kept || other->create_revision >= own->create_revision)
		return false;
	store_failed(s, "conflict: %s overlaps %.100s, which %s had before; another subnet is chosen",
		     own->key, other->key, format_who(other, text));
	op_remove(s, own);
	return true;
}

/*
 * A leased record with our address that the configuration has no place for, or
 * one that a lost answer left with our lease.
 */
static const struct etcd_entry *find_leftover(const struct etcd_store *s)
{
	const struct etcd_entry *entry;
	size_t i;

	for (i = 0; i < s->map.count; i++) {
		entry = s->map.entry[i];
		if (entry->good && !entry->stale && !entry->kept && entry->lease &&
		    strlen(entry->key) < RECORD_KEY && strcmp(entry->key, s->own_key) &&
		    same_addr(&entry->record.public4, &s->node.public4) &&
		    (entry->lease == s->own.lease ||
		     !record_fits(&entry->record, &s->config)))
			return entry;
	}
	return NULL;
}

/*
 * Is somebody with our address writing the same record?  Every rewrite is a
 * change for every node of the network.
 */
static bool is_fought_over(struct etcd_store *s, const struct etcd_entry *entry)
{
	int64_t now = loop_now();

	if (now - s->rewritten_at > REWRITE_TIME)
		s->rewrites = 0;
	s->rewritten_at = now;
	if (++s->rewrites <= REWRITES)
		return false;
	store_failed(s, "%s is written by somebody else with our address, too: left alone for %d s",
		     entry->key, REWRITE_PAUSE / 1000);
	s->rewrites = 0;
	loop_after(&s->again_timer, store_jitter(REWRITE_PAUSE));
	return true;
}

/* Our record is there. */
static void maintain(struct etcd_store *s, const struct etcd_entry *entry)
{
	const struct etcd_entry *leftover = find_leftover(s);
	struct record wanted;
	bool current;

	make_wanted(s, entry->good ? &entry->record : &s->own, &wanted);
	current = !entry->stale && record_equal(&wanted, &entry->record);
	if (gives_way(s, entry))
		return;
	/* One that may have to give way yet is not there to stay. */
	store_held(s, !entry->lease || entry->lease == s->lease, current && !s->own_created);
	if (!current) {
		if (!is_fought_over(s, entry))
			op_update(s, entry, &wanted);
	} else if (entry->lease && (entry->lease != s->lease || s->renew_now)) {
		op_keep_alive(s);
	} else if (s->spare) {
		op_revoke(s);
	} else if (leftover) {
		op_remove(s, leftover);
	}
}

static void give_back(struct etcd_store *s)
{
	const struct etcd_entry *entry = find_own(s);

	if (s->has_own)
		entry = etcd_map_find(&s->map, s->own_key);
	if (entry)
		adopt(s, entry);
	if (entry && entry->lease)
		op_remove(s, entry);
	else if (s->spare)
		op_revoke(s);
	else
		s->released = true;
}

/* What is ours already, for a dry run. */
static void look(struct etcd_store *s)
{
	const struct etcd_entry *entry = find_own(s);

	if (entry)
		adopt(s, entry);
}

void own_settle(struct etcd_store *s)
{
	const struct etcd_entry *entry;

	if (s->store.yielded && !s->releasing)
		return;
	if (!s->synced || !s->configured || s->busy || s->again_timer.due)
		return;
	if (s->store.dry) {
		look(s);
		return;
	}
	check_own(s);
	if (s->again_timer.due)
		return;
	if (s->releasing) {
		give_back(s);
		return;
	}
	entry = s->has_own ? etcd_map_find(&s->map, s->own_key) : find_own(s);
	if (entry) {
		adopt(s, entry);
		maintain(s, entry);
	} else {
		store_held(s, false, false);
		acquire(s);
	}
}

void own_doubt(struct etcd_store *s)
{
	s->lease = s->spare = 0;
}

static void on_renew(struct loop_timer *timer)
{
	struct etcd_store *s = container_of(timer, struct etcd_store, renew_timer);
	int64_t left = s->expires - loop_now();

	s->renew_now = true;
	if (left > 0)
		loop_after(timer, left);
	else
		store_held(s, false, false);
	own_settle(s);
}

static void on_again(struct loop_timer *timer)
{
	own_settle(container_of(timer, struct etcd_store, again_timer));
}

void own_init(struct etcd_store *s)
{
	s->op = (struct etcd_call){ .cap = 1 << 20, .pin = -1 };
	s->renew_timer.expired = on_renew;
	s->again_timer.expired = on_again;
}
