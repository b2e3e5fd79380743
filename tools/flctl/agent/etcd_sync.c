// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store_etcd.h"

#define PAGE		1000		/* keys of one answer */
#define KEYS		(1 << 18)	/* most of a list */
#define ANSWER_CAP	(64U << 20)	/* bytes of an answer, or line of a watch */
#define BACKOFF_LEAST	100		/* milliseconds */
#define BACKOFF_MOST	5000
#define BEAT		10000
#define COUNT_BEATS	6		/* the keys are counted every sixth time */
#define KEEP		86400000LL	/* what a store forgot: as long as a lease */

static const char range_path[] = "/v3/kv/range";

static void sync_end(struct etcd_store *s)
{
	s->synced = false;
	etcd_cancel(&s->list);
	etcd_cancel(&s->beat);
	etcd_cancel(&s->subnets_watch);
	etcd_cancel(&s->config_watch);
	loop_cancel(&s->beat_timer);
	etcd_map_free(&s->fresh);
	free(s->fresh_config);
	s->fresh_config = NULL;
}

void sync_again(struct etcd_store *s)
{
	int64_t delay = BACKOFF_LEAST << (s->attempts < 6 ? s->attempts : 6);

	sync_end(s);
	s->attempts++;
	loop_after(&s->list_timer, store_jitter(delay < BACKOFF_MOST ? delay : BACKOFF_MOST));
}

void sync_stop(struct etcd_store *s)
{
	sync_end(s);
	loop_cancel(&s->list_timer);
	etcd_map_free(&s->map);
}

/* --- list ------------------------------------------------------------------ */

static bool from_config_key(const struct etcd_store *s)
{
	return !*s->options.net_config_path;
}

static const char *below(const struct etcd_store *s, const char *key)
{
	size_t len = strlen(s->subnets_key);

	return strncmp(key, s->subnets_key, len) ? NULL : key + len;
}

/* All subnets from the key @next on, which is taken; NULL: the first page. */
static json_t *page(const struct etcd_store *s, json_t *next)
{
	json_t *json = etcd_with(etcd_prefix(s->subnets_key), "limit", etcd_int(PAGE));

	if (!next)
		return json;
	json = etcd_with(json, "key", next);
	return etcd_with(json, "revision", etcd_int(s->fresh_revision));
}

/* The first possible key behind the last of @kvs has one byte more: 0. */
static json_t *next_key(const json_t *kvs)
{
	const json_t *kv = json_array_get(kvs, json_array_size(kvs) - 1);
	const json_t *key = json_object_get(kv, "key");
	json_t *next = NULL;
	char *bytes;
	size_t len;

	bytes = json_is_string(key) ? base64_decode(json_string_value(key),
						    json_string_length(key), &len) : NULL;
	if (bytes)
		next = etcd_bytes(bytes, len + 1);
	free(bytes);
	return next;
}

/* Both ranges at one revision. */
static json_t *first_page(const struct etcd_store *s)
{
	json_t *success = json_array();

	json_array_append_new(success, etcd_op("request_range", page(s, NULL)));
	if (from_config_key(s))
		json_array_append_new(success, etcd_op("request_range",
						       etcd_key(s->config_key)));
	return etcd_with(json_object(), "success", success);
}

static void on_list_timer(struct loop_timer *timer)
{
	struct etcd_store *s = container_of(timer, struct etcd_store, list_timer);

	s->fresh_revision = 0;
	s->uncountable = false;
	etcd_post(s->etcd, &s->list, "/v3/kv/txn", first_page(s));
}

/*
 * One key of a list or event; a bad one concerns nobody but itself.  False: there is
 * no memory for it, and the copy is not what etcd has.
 */
static bool put_kv(struct etcd_store *s, struct etcd_map *map, const struct etcd_map *old,
		   const json_t *json)
{
	struct error error;
	struct etcd_kv kv;
	const char *key;

	bool good = true;

	if (!etcd_kv(json, &kv)) {
		free(kv.value);
		if (errno == ENOMEM)
			return false;
		s->uncountable = true;
		store_failed(s, "a key below %s has a 0 in it, or more than %d bytes; it is skipped",
			     s->subnets_key, ETCD_KEY - 1);
		return true;
	}
	key = below(s, kv.key);
	if (key && !etcd_map_put(map, old, key, &kv, &error)) {
		good = errno != ENOMEM;
		if (good)
			store_failed(s, "%s", error.text);
	}
	free(kv.value);
	return good;
}

static bool list_failed(struct etcd_store *s, const char *why)
{
	store_failed(s, "list of %s: %s", s->subnets_key, why);
	return false;
}

/* Another store than it was, or an old copy of it: what it lacks was not removed. */
static bool take_fresh(struct etcd_store *s)
{
	bool back = s->cluster && (s->fresh_cluster != s->cluster ||
				   s->fresh_revision < s->revision);
	size_t kept;

	if (!etcd_map_keep(&s->fresh, &s->map, s->has_own ? s->own_key : "",
			   back ? loop_now() + KEEP : 0, &kept))
		return list_failed(s, "out of memory");
	etcd_map_expire(&s->fresh, loop_now());
	if (back)
		store_failed(s, "etcd went back from revision %" PRId64 " to %" PRId64
			     "%s, as after a restored backup: %zu records it lost are kept for at most 24 hours",
			     s->revision, s->fresh_revision,
			     s->fresh_cluster != s->cluster ? " of another cluster" : "", kept);
	etcd_map_free(&s->map);
	s->map = s->fresh;
	s->fresh = (struct etcd_map){ 0 };
	s->cluster = s->fresh_cluster;
	s->revision = s->fresh_revision;
	if (back)
		own_doubt(s);
	return true;
}

static void watch(struct etcd_store *s, struct etcd_call *call, json_t *range)
{
	range = etcd_with(range, "start_revision", etcd_int(s->revision + 1));
	range = etcd_with(range, "fragment", json_true());
	etcd_post(s->etcd, call, "/v3/watch", etcd_with(json_object(), "create_request", range));
}

static void list_complete(struct etcd_store *s)
{
	char *config;

	if (!take_fresh(s)) {
		sync_again(s);
		return;
	}
	config = s->fresh_config;
	s->fresh_config = NULL;
	s->synced = true;
	s->store.state.resyncs++;
	s->beats = s->miscounts = 0;
	s->beat_revision = s->revision;
	s->subnets_watched = false;
	s->config_watched = !from_config_key(s);
	watch(s, &s->subnets_watch, etcd_prefix(s->subnets_key));
	if (from_config_key(s))
		watch(s, &s->config_watch, etcd_key(s->config_key));
	loop_after(&s->beat_timer, store_jitter(BEAT));
	store_reachable(s, true);
	if (!from_config_key(s))
		store_config_file(s);
	else if (!store_config(s, config, s->fresh_config_len))
		sync_again(s);
	free(config);
	store_deliver(s);
	own_settle(s);
}

/* The keys of one answer into fresh; @next: where the rest begins. */
static bool take_page(struct etcd_store *s, const json_t *range, json_t **next)
{
	const json_t *kvs = json_object_get(range, "kvs"), *kv;
	bool more = json_is_true(json_object_get(range, "more"));
	int64_t count;
	size_t i;

	if (!etcd_number(range, "count", &count) || (kvs && !json_is_array(kvs)) ||
	    (!more && count != (int64_t)json_array_size(kvs)))
		return list_failed(s, "the answer is not complete");
	if (s->fresh.count + json_array_size(kvs) > KEYS)
		return list_failed(s, "there are more than 262144 keys");
	json_array_foreach(kvs, i, kv)
		if (!put_kv(s, &s->fresh, &s->map, kv))
			return list_failed(s, "out of memory");
	*next = more ? next_key(kvs) : NULL;
	return !more || *next || list_failed(s, "the answer is not complete");
}

static bool take_config(struct etcd_store *s, const json_t *responses)
{
	const json_t *range = json_object_get(json_array_get(responses, 1), "response_range");
	const json_t *kvs = json_object_get(range, "kvs");
	struct etcd_kv kv;

	if (!range)
		return list_failed(s, "the answer is without the configuration");
	if (!json_array_size(kvs))
		return true;
	if (!etcd_kv(json_array_get(kvs, 0), &kv)) {
		free(kv.value);
		return list_failed(s, "the answer is not complete");
	}
	s->fresh_config = kv.value;
	s->fresh_config_len = kv.len;
	return true;
}

/* The first answer is a transaction's, with the revision of the list. */
static const json_t *take_first(struct etcd_store *s, const struct etcd_answer *answer)
{
	const json_t *responses = json_object_get(answer->json, "responses");
	const json_t *range = json_object_get(json_array_get(responses, 0), "response_range");

	if (!range || !answer->cluster || answer->revision <= 0) {
		list_failed(s, "the answer is not complete");
		return NULL;
	}
	s->fresh_cluster = answer->cluster;
	s->fresh_revision = answer->revision;
	if (from_config_key(s) && !take_config(s, responses))
		return NULL;
	return range;
}

static void on_list(struct etcd_call *call, const struct etcd_answer *answer)
{
	struct etcd_store *s = container_of(call, struct etcd_store, list);
	const json_t *range = answer->json;
	json_t *next;

	if (!answer->json) {
		store_reachable(s, false);
		store_failed(s, "%s", answer->error);
		sync_again(s);
		return;
	}
	if (!s->fresh_revision)
		range = take_first(s, answer);
	else if (answer->cluster != s->fresh_cluster)
		range = NULL;
	if (!range || !take_page(s, range, &next))
		sync_again(s);
	else if (next)
		etcd_post(s->etcd, &s->list, range_path, page(s, next));
	else
		list_complete(s);
}

/* --- watch ----------------------------------------------------------------- */

static void doubt(struct etcd_store *s, struct etcd_call *call, const char *why)
{
	store_failed(s, "%s: %s", etcd_endpoint(s->etcd, call->endpoint), why);
	sync_again(s);
}

/* Lines that end a watch, and the one that begins it. */
static bool watch_goes_on(struct etcd_store *s, struct etcd_call *call,
			  const struct etcd_answer *answer, bool *watched)
{
	const char *reason = json_string_value(json_object_get(answer->json, "cancel_reason"));
	char text[256];

	if (answer->cluster != s->cluster) {
		doubt(s, call, "the watch is of another cluster");
		return false;
	}
	if (json_is_true(json_object_get(answer->json, "canceled"))) {
		/* Perhaps the token: etcd looks at it when a watch begins */
		if (reason && strstr(reason, "token"))
			etcd_drop_token(s->etcd);
		snprintf(text, sizeof(text), "the watch was cancelled%s%.128s",
			 reason ? ": " : " as its revision is compacted", reason ? reason : "");
		doubt(s, call, text);
		return false;
	}
	if (json_is_true(json_object_get(answer->json, "created")))
		*watched = true;
	return true;
}

static bool is_delete(const json_t *event)
{
	const char *type = json_string_value(json_object_get(event, "type"));

	return type && !strcmp(type, "DELETE");
}

static bool take_delete(struct etcd_store *s, const json_t *json)
{
	const char *key;
	struct etcd_kv kv;
	bool good = etcd_kv(json, &kv), starved = !good && errno == ENOMEM;

	if (good) {
		key = below(s, kv.key);
		if (key && etcd_map_delete(&s->map, key, kv.mod_revision))
			store_deliver(s);
	}
	free(kv.value);
	return !starved;
}

/* False: no memory for it. */
static bool take_event(struct etcd_store *s, const json_t *event)
{
	const json_t *json = json_object_get(event, "kv");
	int64_t revision;

	if (is_delete(event)) {
		if (!take_delete(s, json))
			return false;
	} else {
		if (!put_kv(s, &s->map, NULL, json))
			return false;
		store_deliver(s);
	}
	if (etcd_number(json, "mod_revision", &revision) && revision > s->revision)
		s->revision = revision;
	return true;
}

static void on_subnets(struct etcd_call *call, const struct etcd_answer *answer)
{
	struct etcd_store *s = container_of(call, struct etcd_store, subnets_watch);
	const json_t *events = json_object_get(answer->json, "events"), *event;
	size_t i;

	if (!watch_goes_on(s, call, answer, &s->subnets_watched) || !json_array_size(events))
		return;
	json_array_foreach(events, i, event) {
		if (take_event(s, event))
			continue;
		doubt(s, call, "out of memory for an event");
		return;
	}
	etcd_map_expire(&s->map, loop_now());
	own_settle(s);
}

static void on_config(struct etcd_call *call, const struct etcd_answer *answer)
{
	struct etcd_store *s = container_of(call, struct etcd_store, config_watch);
	const json_t *events = json_object_get(answer->json, "events"), *event;
	struct etcd_kv kv = { .len = 0 };
	bool good = true;
	size_t i;

	if (!watch_goes_on(s, call, answer, &s->config_watched))
		return;
	json_array_foreach(events, i, event) {
		if (is_delete(event)) {
			good = store_config(s, NULL, 0);
		} else {
			good = etcd_kv(json_object_get(event, "kv"), &kv) &&
			       store_config(s, kv.value, kv.len);
			free(kv.value);
		}
		if (!good) {
			doubt(s, call, "an event of the configuration could not be read");
			return;
		}
	}
	own_settle(s);
}

/* However it ended: what was missed is not known. */
static void watch_ended(struct etcd_store *s, const struct etcd_answer *answer)
{
	store_failed(s, "%s", answer->error);
	sync_again(s);
}

static void on_subnets_end(struct etcd_call *call, const struct etcd_answer *answer)
{
	watch_ended(container_of(call, struct etcd_store, subnets_watch), answer);
}

static void on_config_end(struct etcd_call *call, const struct etcd_answer *answer)
{
	watch_ended(container_of(call, struct etcd_store, config_watch), answer);
}

/* --- heartbeat: a watch says nothing when its server is stopped or cut off --- */

static json_t *count_range(const struct etcd_store *s)
{
	return etcd_with(etcd_prefix(s->subnets_key), "count_only", json_true());
}

static void on_beat_timer(struct loop_timer *timer)
{
	struct etcd_store *s = container_of(timer, struct etcd_store, beat_timer);
	bool count = ++s->beats % COUNT_BEATS == 0;

	if (!from_config_key(s))
		store_config_file(s);
	store_reconsider(s);
	if (s->revision > s->beat_revision)
		s->beat_revision = s->revision;
	/* The member that serves the watch, no other */
	s->beat.pin = s->subnets_watch.endpoint;
	etcd_post(s->etcd, &s->beat, range_path,
		  count || !from_config_key(s) ? count_range(s) : etcd_key(s->config_key));
}

/* Does the copy have as many keys as the store?  One event may be on its way. */
static bool counted_well(struct etcd_store *s, const struct etcd_answer *answer)
{
	int64_t count;

	if (s->uncountable || s->beats % COUNT_BEATS || !etcd_number(answer->json, "count", &count))
		return true;
	if (count == (int64_t)(s->map.count - s->map.kept)) {
		s->miscounts = 0;
		return true;
	}
	/* Ask again at the next beat */
	s->beats = COUNT_BEATS - 1;
	return ++s->miscounts < 2;
}

static void on_beat(struct etcd_call *call, const struct etcd_answer *answer)
{
	struct etcd_store *s = container_of(call, struct etcd_store, beat);

	if (!answer->json) {
		store_reachable(s, false);
		store_failed(s, "%s", answer->error);
		etcd_fail_over(s->etcd, call->endpoint);
		sync_again(s);
	} else if (answer->cluster != s->cluster || answer->revision < s->beat_revision) {
		doubt(s, call, "the store is another one, or went back");
	} else if (!s->subnets_watched || !s->config_watched) {
		etcd_fail_over(s->etcd, call->endpoint);
		doubt(s, call, "the watch does not begin");
	} else if (!counted_well(s, answer)) {
		doubt(s, call, "the watch lost events");
	} else {
		s->beat_revision = answer->revision;
		s->attempts = 0;
		if (etcd_map_expire(&s->map, loop_now()))
			store_deliver(s);
		loop_after(&s->beat_timer, BEAT);
	}
}

void sync_init(struct etcd_store *s)
{
	s->list = (struct etcd_call){ .done = on_list, .cap = ANSWER_CAP, .pin = -1 };
	s->beat = (struct etcd_call){ .done = on_beat, .cap = ANSWER_CAP, .pin = -1 };
	s->subnets_watch = (struct etcd_call){
		.done = on_subnets_end, .line = on_subnets, .cap = ANSWER_CAP, .pin = -1,
	};
	s->config_watch = (struct etcd_call){
		.done = on_config_end, .line = on_config, .cap = ANSWER_CAP, .pin = -1,
	};
	s->list_timer.expired = on_list_timer;
	s->beat_timer.expired = on_beat_timer;
}

void sync_start(struct etcd_store *s)
{
	s->attempts = 0;
	sync_end(s);
	loop_after(&s->list_timer, 0);
}
