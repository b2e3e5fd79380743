// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_etcd.h"

#define TTL		86400		/* seconds */
#define BACKOFF_LEAST	100		/* milliseconds */
#define BACKOFF_MOST	5000
#define NOT_FOUND	5		/* a code of gRPC */

static void begin(struct etcd_store *s, const char *path, json_t *body,
		  void (*done)(struct etcd_call *call, const struct etcd_answer *answer))
{
	s->busy = true;
	s->op.done = done;
	etcd_post(s->etcd, &s->op, path, body);
}

/* Again, but not at once. */
void op_retreat(struct etcd_store *s)
{
	int64_t delay = BACKOFF_LEAST << (s->failures < 6 ? s->failures : 6);

	s->failures++;
	loop_after(&s->again_timer, store_jitter(delay < BACKOFF_MOST ? delay : BACKOFF_MOST));
}

/* False: the request failed, and that is dealt with. */
static bool op_done(struct etcd_store *s, const struct etcd_answer *answer, const char *what)
{
	s->busy = false;
	if (answer->json) {
		s->failures = 0;
		return true;
	}
	store_failed(s, "%s: %s", what, answer->error);
	op_retreat(s);
	return false;
}

/* What we could not read ourselves is not for others either. */
static bool can_be_read(struct etcd_store *s)
{
	char *value = record_format_value(&s->op_record);
	struct record record = { 0 };
	struct error error = { "out of memory" };
	bool good = value && record_parse_value(value, strlen(value), &record, &error);

	free(value);
	if (good)
		return true;
	store_failed(s, "our own record cannot be published: %.400s", error.text);
	op_retreat(s);
	return false;
}

/* We wrote it: known before the watch says so. */
static void put_here(struct etcd_store *s, int64_t revision, int64_t created)
{
	struct etcd_kv kv = {
		.lease = s->op_record.lease, .mod_revision = revision,
		.create_revision = created,
	};
	struct error error;

	kv.value = record_format_value(&s->op_record);
	kv.len = kv.value ? strlen(kv.value) : 0;
	/* At or before that revision the copy has it, or what came after */
	if (kv.value && revision > s->revision &&
	    !etcd_map_put(&s->map, NULL, s->op_key, &kv, &error))
		store_failed(s, "%s", error.text);
	free(kv.value);
}

/* A condition did not hold: what is there came with the answer. */
static void look_again(struct etcd_store *s, const struct etcd_answer *answer)
{
	const json_t *responses = json_object_get(answer->json, "responses");
	const json_t *range = json_object_get(json_array_get(responses, 0), "response_range");
	const json_t *kvs = json_object_get(range, "kvs");
	struct etcd_kv kv = { 0 };
	struct error error = { "" };
	bool good = true;

	errno = 0;
	if (!json_array_size(kvs))
		etcd_map_delete(&s->map, s->op_key, answer->revision);
	else
		good = etcd_kv(json_array_get(kvs, 0), &kv) &&
		       etcd_map_put(&s->map, NULL, s->op_key, &kv, &error);
	if (!good && errno == ENOMEM) {
		store_failed(s, "out of memory for %s", s->op_key);
		sync_again(s);
	} else if (*error.text) {
		store_failed(s, "%s", error.text);
	}
	free(kv.value);
	store_deliver(s);
}

static bool succeeded(const struct etcd_answer *answer)
{
	return json_is_true(json_object_get(answer->json, "succeeded"));
}

static void on_grant(struct etcd_call *call, const struct etcd_answer *answer)
{
	struct etcd_store *s = container_of(call, struct etcd_store, op);

	if (!op_done(s, answer, "grant of a lease"))
		return;
	if (!etcd_number(answer->json, "ID", &s->spare) || s->spare <= 0) {
		s->spare = 0;
		store_failed(s, "grant of a lease: the answer is without one");
		op_retreat(s);
		return;
	}
	own_settle(s);
}

void op_grant(struct etcd_store *s)
{
	begin(s, "/v3/lease/grant", etcd_with(json_object(), "TTL", etcd_int(TTL)), on_grant);
}

static void set_expiry(struct etcd_store *s, int64_t lease, int64_t seconds)
{
	int64_t ttl = seconds * 1000, margin = s->options.renew_margin * 60000LL;

	s->lease = lease;
	s->expires = loop_now() + ttl;
	s->renew_now = false;
	loop_after(&s->renew_timer, ttl > margin ? ttl - margin : ttl / 2);
}

static void on_create(struct etcd_call *call, const struct etcd_answer *answer)
{
	struct etcd_store *s = container_of(call, struct etcd_store, op);

	if (answer->code == NOT_FOUND)
		s->spare = 0;
	if (!op_done(s, answer, "create of our record"))
		return;
	if (!succeeded(answer)) {
		log_info("etcd: %s was taken a moment before us", s->op_key);
		look_again(s, answer);
	} else {
		s->spare = 0;
		put_here(s, answer->revision, answer->revision);
		s->has_own = true;
		s->own = s->op_record;
		s->own.mod_revision = answer->revision;
		strcpy(s->own_key, s->op_key);
		s->own_created = answer->revision;
		set_expiry(s, s->own.lease, TTL);
		log_info("etcd: our record is %s", s->own_key);
		store_deliver(s);
	}
	own_settle(s);
}

/* @action: of the answer when @condition holds; else what is there. */
static json_t *put_if(const struct etcd_store *s, const char *full, json_t *condition,
		      json_t *lease)
{
	char *value = record_format_value(&s->op_record);
	json_t *put = etcd_key(full);

	put = etcd_with(put, "value", value ? etcd_bytes(value, strlen(value)) : NULL);
	put = json_is_true(lease) ? etcd_with(put, "ignore_lease", lease) :
	      etcd_with(put, "lease", lease);
	free(value);
	return etcd_txn(condition, etcd_op("request_put", put),
			etcd_op("request_range", etcd_key(full)));
}

void op_create(struct etcd_store *s, const struct record *record, const char *key)
{
	char *full = store_key(s, key);

	s->op_record = *record;
	s->op_record.lease = s->spare;
	strcpy(s->op_key, key);
	if (!full)
		op_retreat(s);
	else if (can_be_read(s))
		begin(s, "/v3/kv/txn", put_if(s, full, etcd_if_absent(full),
					      etcd_int(s->spare)), on_create);
	free(full);
}

static void on_update(struct etcd_call *call, const struct etcd_answer *answer)
{
	struct etcd_store *s = container_of(call, struct etcd_store, op);
	const struct etcd_entry *entry;

	if (!op_done(s, answer, "update of our record"))
		return;
	if (succeeded(answer)) {
		entry = etcd_map_find(&s->map, s->op_key);
		put_here(s, answer->revision, entry ? entry->create_revision : 0);
		log_info("etcd: our record %s is updated", s->op_key);
		store_deliver(s);
	} else {
		look_again(s, answer);
	}
	own_settle(s);
}

/* With the lease that the key has, if any: a reservation stays one. */
void op_update(struct etcd_store *s, const struct etcd_entry *entry,
		   const struct record *wanted)
{
	char *full = store_key(s, entry->key);

	s->op_record = *wanted;
	strcpy(s->op_key, entry->key);
	if (!full)
		op_retreat(s);
	else if (can_be_read(s))
		begin(s, "/v3/kv/txn",
		      put_if(s, full, etcd_if_revision(full, entry->mod_revision), json_true()),
		      on_update);
	free(full);
}

static void on_keepalive(struct etcd_call *call, const struct etcd_answer *answer)
{
	struct etcd_store *s = container_of(call, struct etcd_store, op);
	int64_t ttl;

	if (!op_done(s, answer, "renewal of our lease"))
		return;
	if (etcd_number(json_object_get(answer->json, "result"), "TTL", &ttl) && ttl > 0) {
		set_expiry(s, s->own.lease, ttl);
		own_settle(s);
		return;
	}
	/* Then the key is gone too, and the watch should have said so */
	store_failed(s, "our lease does not exist any more");
	s->lease = 0;
	store_held(s, false, false);
	sync_again(s);
}

void op_keep_alive(struct etcd_store *s)
{
	begin(s, "/v3/lease/keepalive",
	      etcd_with(json_object(), "ID", etcd_int(s->own.lease)), on_keepalive);
}

static void on_remove(struct etcd_call *call, const struct etcd_answer *answer)
{
	struct etcd_store *s = container_of(call, struct etcd_store, op);

	if (!op_done(s, answer, "removal of a record"))
		return;
	if (succeeded(answer)) {
		etcd_map_delete(&s->map, s->op_key, answer->revision);
		store_deliver(s);
		if (s->has_own && !strcmp(s->op_key, s->own_key)) {
			if (s->releasing)
				s->spare = s->own.lease;
			own_lose(s);
		}
	} else {
		look_again(s, answer);
	}
	own_settle(s);
}

void op_remove(struct etcd_store *s, const struct etcd_entry *entry)
{
	char *full = store_key(s, entry->key);
	json_t *txn;

	strcpy(s->op_key, entry->key);
	txn = etcd_txn(full ? etcd_if_revision(full, entry->mod_revision) : NULL,
		       full ? etcd_op("request_delete_range", etcd_key(full)) : NULL,
		       full ? etcd_op("request_range", etcd_key(full)) : NULL);
	begin(s, "/v3/kv/txn", txn, on_remove);
	free(full);
}

static void on_revoke(struct etcd_call *call, const struct etcd_answer *answer)
{
	struct etcd_store *s = container_of(call, struct etcd_store, op);

	s->spare = 0;
	if (op_done(s, answer, "return of a lease"))
		own_settle(s);
}

void op_revoke(struct etcd_store *s)
{
	begin(s, "/v3/lease/revoke", etcd_with(json_object(), "ID", etcd_int(s->spare)),
	      on_revoke);
}


void op_stop(struct etcd_store *s)
{
	etcd_cancel(&s->op);
	s->busy = false;
	loop_cancel(&s->again_timer);
}
