// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_etcd.h"

#define COALESCE	20		/* milliseconds after the last change */
#define COALESCE_MOST	200		/* and after the first */
#define AGAIN		100		/* for want of memory, and doubled */
#define FILE_CAP	(1 << 20)
#define RELEASE_TIME	10000

static struct etcd_store *of(struct store *store)
{
	return container_of(store, struct etcd_store, store);
}

static void changed(struct etcd_store *s)
{
	s->store.handler->changed(s->store.data);
}

void store_failed(struct etcd_store *s, const char *fmt, ...)
{
	struct store_state *state = &s->store.state;
	char text[sizeof(state->last_error)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	/* What fails again and again is one line */
	if (strcmp(text, state->last_error))
		log_warning("etcd: %s", text);
	else
		log_debug("etcd: %s", text);
	strcpy(state->last_error, text);
	state->errors++;
	changed(s);
}

void store_reachable(struct etcd_store *s, bool reachable)
{
	struct store_state *state = &s->store.state;

	if (state->reachable == reachable && state->since)
		return;
	if (reachable)
		log_info("etcd: connected to %s", etcd_endpoint(s->etcd, -1));
	state->reachable = reachable;
	state->since = loop_now();
	changed(s);
}

void store_held(struct etcd_store *s, bool held, bool published)
{
	struct store_state *state = &s->store.state;
	int64_t expires = held && s->own.lease ? s->expires : 0;

	published &= held;
	if (state->lease_held == held && state->published == published &&
	    state->lease_expires == expires)
		return;
	/* Who waits for a record that was there all the time, as it is, hears of it */
	if (published && !state->published)
		store_deliver(s);
	state->lease_held = held;
	state->published = published;
	state->lease_expires = expires;
	changed(s);
}

int64_t store_jitter(int64_t most)
{
	uint32_t number = 0;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return most;
	return most / 2 + number % (most / 2 + 1);
}

char *store_key(const struct etcd_store *s, const char *key)
{
	char *full;

	return asprintf(&full, "%s%s", s->subnets_key, key) < 0 ? NULL : full;
}

/* --- delivery -------------------------------------------------------------- */

void store_deliver(struct etcd_store *s)
{
	int64_t now = loop_now(), left;

	if (!s->deliver_since)
		s->deliver_since = now;
	left = s->deliver_since + COALESCE_MOST - now;
	loop_after(&s->deliver_timer, left < COALESCE ? left : COALESCE);
}

static bool collect_peers(const struct etcd_store *s, struct record_list *peers)
{
	const struct etcd_entry *entry;
	struct record *record;
	size_t i;

	for (i = 0; i < s->map.count; i++) {
		entry = s->map.entry[i];
		if (!entry->good || (s->has_own && !strcmp(entry->key, s->own_key)))
			continue;
		record = record_list_add(peers);
		if (!record)
			return false;
		*record = entry->record;
	}
	record_list_sort(peers);
	return true;
}

static void on_deliver(struct loop_timer *timer)
{
	struct etcd_store *s = container_of(timer, struct etcd_store, deliver_timer);
	struct record_list peers = { 0 };

	/* The first one is better with our own record */
	if (!s->has_own && s->busy && loop_now() < s->deliver_since + COALESCE_MOST) {
		loop_after(timer, COALESCE);
		return;
	}
	s->deliver_since = 0;
	if (!s->configured || !s->cluster)
		return;
	if (collect_peers(s, &peers) &&
	    s->store.handler->snapshot(s->store.data, &s->config, s->has_own ? &s->own : NULL,
				       &peers)) {
		s->undelivered = 0;
	} else {
		store_failed(s, "out of memory for a snapshot of %zu records; tried again",
			     s->map.count);
		loop_after(timer, AGAIN << (s->undelivered < 5 ? s->undelivered : 5));
		s->undelivered++;
	}
	record_list_free(&peers);
}

/* --- configuration --------------------------------------------------------- */

static const char *config_source(const struct etcd_store *s)
{
	return *s->options.net_config_path ? s->options.net_config_path : s->config_key;
}

static const char *config_rest(const struct etcd_store *s)
{
	return s->configured ? "; the last good configuration stays in use" : "";
}

/* The last error is about the configuration: it stands until that is another one. */
static void config_refused(struct etcd_store *s)
{
	strcpy(s->store.state.refusal, s->store.state.last_error);
	changed(s);
}

/* What was wrong with an earlier one is past. */
static void forget_refusal(struct etcd_store *s)
{
	struct store_state *state = &s->store.state;

	if (!*state->refusal)
		return;
	if (!strcmp(state->last_error, state->refusal))
		*state->last_error = '\0';
	*state->refusal = '\0';
	changed(s);
}

/* There is no text that could be considered. */
static void no_config(struct etcd_store *s)
{
	free(s->config_text);
	s->config_text = NULL;
	s->declined = false;
	config_refused(s);
}

static bool parse_config(struct etcd_store *s, struct net_config *config)
{
	struct error error;

	errno = 0;
	if (net_config_parse(s->config_text, strlen(s->config_text), config, &error)) {
		if (config->v4.network.addr.family != AF_UNSPEC)
			return true;
		set_error(&error, "a network without IPv4 has no keys in etcd: EnableIPv4 has to be true");
	}
	s->declined = errno == ENOMEM;
	store_failed(s, "%s: %.300s%s", config_source(s), error.text, config_rest(s));
	config_refused(s);
	return false;
}

/* The handler knows why. */
static void decline(struct etcd_store *s)
{
	struct store_state *state = &s->store.state;

	if (!strcmp(state->last_error, state->refusal))
		*state->last_error = '\0';
	snprintf(state->refusal, sizeof(state->refusal), "%.256s cannot be used%s",
		 config_source(s), config_rest(s));
	changed(s);
}

/* The text in config_text. */
static void consider_config(struct etcd_store *s)
{
	struct net_config config;
	struct node node = { 0 };

	s->declined = false;
	if (!parse_config(s, &config))
		return;
	if (s->configured && net_config_equal(&config, &s->config)) {
		forget_refusal(s);
		return;
	}
	s->declined = !s->store.handler->configured(s->store.data, &config, &node);
	if (s->declined) {
		decline(s);
		return;
	}
	s->config = config;
	s->node = node;
	s->configured = true;
	forget_refusal(s);
	store_deliver(s);
	own_settle(s);
}

/* A host that was not ready for a configuration may be now. */
void store_reconsider(struct etcd_store *s)
{
	if (s->declined && s->config_text)
		consider_config(s);
}

bool store_config(struct etcd_store *s, const char *text, size_t len)
{
	bool same = text && s->config_text && strlen(s->config_text) == len &&
		    !memcmp(s->config_text, text, len);

	if (same)
		return true;
	if (text && strlen(text) != len) {
		store_failed(s, "%s is not text: there is a 0 in it%s", config_source(s),
			     config_rest(s));
		no_config(s);
		return true;
	}
	free(s->config_text);
	s->config_text = text ? strndup(text, len) : NULL;
	if (s->config_text) {
		consider_config(s);
		return true;
	}
	store_failed(s, "%s %s%s", config_source(s), text ? "cannot be kept: out of memory" :
		     "does not exist: it has to hold the network configuration", config_rest(s));
	no_config(s);
	return !text;
}

/* malloc'ed; NULL with a sentence. */
static char *read_config_file(const char *path, int64_t stamp[3], struct error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t len = -1;
	struct stat st;
	char *text;

	text = calloc(1, FILE_CAP + 1);
	if (fd >= 0 && text && !fstat(fd, &st))
		len = read(fd, text, FILE_CAP + 1);
	if (len < 0)
		set_error(error, "%s: %s", path, strerror(errno));
	else if (len > FILE_CAP)
		set_error(error, "%s has more than %d bytes", path, FILE_CAP);
	if (fd >= 0)
		close(fd);
	if (len < 0 || len > FILE_CAP) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	stamp[0] = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
	stamp[1] = st.st_size;
	stamp[2] = st.st_ino;
	return text;
}

void store_config_file(struct etcd_store *s)
{
	int64_t stamp[3];
	struct error error;
	struct stat st;
	char *text;

	if (s->config_text && !stat(s->options.net_config_path, &st) &&
	    st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec == s->file_stamp[0] &&
	    st.st_size == s->file_stamp[1] && (int64_t)st.st_ino == s->file_stamp[2])
		return;
	text = read_config_file(s->options.net_config_path, stamp, &error);
	if (!text) {
		store_failed(s, "%s%s", error.text, config_rest(s));
		no_config(s);
		return;
	}
	memcpy(s->file_stamp, stamp, sizeof(stamp));
	store_config(s, text, strlen(text));
	free(text);
}

static bool check_config_file(const char *path, struct error *error)
{
	struct net_config config;
	struct error why;
	int64_t stamp[3];
	bool good;
	char *text;

	if (!*path)
		return true;
	text = read_config_file(path, stamp, error);
	if (!text)
		return false;
	good = net_config_parse(text, strlen(text), &config, &why);
	free(text);
	return good || set_error(error, "%s: %.400s", path, why.text);
}

/* --- operations ------------------------------------------------------------ */

static bool start(struct store *store, struct error *error)
{
	struct etcd_store *s = of(store);

	if (!check_config_file(s->options.net_config_path, error))
		return false;
	s->etcd = etcd_open(&s->options, error);
	if (!s->etcd)
		return false;
	s->started = true;
	store->state.since = loop_now();
	sync_start(s);
	return true;
}

static void publish(struct store *store, const struct node *node)
{
	struct etcd_store *s = of(store);

	if (s->configured) {
		struct record previous = s->node.previous;

		s->node = *node;
		s->node.previous = previous;
		own_settle(s);
	} else if (s->config_text && *s->store.state.refusal) {
		consider_config(s);
	}
}

static void reconsider(struct store *store)
{
	store_reconsider(of(store));
	own_settle(of(store));
}

static void reload(struct store *store)
{
	struct etcd_store *s = of(store);
	struct error error;
	struct etcd *etcd;

	if (!s->started)
		return;
	etcd = etcd_open(&s->options, &error);
	if (!etcd) {
		store_failed(s, "%s; the old connections stay in use", error.text);
		return;
	}
	op_stop(s);
	sync_start(s);
	etcd_close(s->etcd);
	s->etcd = etcd;
	free(s->config_text);
	s->config_text = NULL;
}

static void free_options(struct etcd_options *options)
{
	free((char *)options->endpoints);
	free((char *)options->prefix);
	free((char *)options->keyfile);
	free((char *)options->certfile);
	free((char *)options->cafile);
	free((char *)options->username);
	free((char *)options->password);
	free((char *)options->net_config_path);
	memset(options, 0, sizeof(*options));
}

static void stop(struct store *store)
{
	struct etcd_store *s = of(store);

	op_stop(s);
	sync_stop(s);
	loop_cancel(&s->renew_timer);
	loop_cancel(&s->deliver_timer);
	etcd_close(s->etcd);
	s->etcd = NULL;
	s->started = false;
	free(s->config_text);
	free(s->config_key);
	free(s->subnets_key);
	s->config_text = s->config_key = s->subnets_key = NULL;
	free_options(&s->options);
}

static bool release(struct store *store, struct error *error)
{
	struct etcd_store *s = of(store);
	int64_t until = loop_now() + RELEASE_TIME, now;

	s->releasing = true;
	if (!s->started && !start(store, error))
		return false;
	own_settle(s);
	while (!s->released && (now = loop_now()) < until)
		if (!loop_turn(until - now))
			break;
	return s->released ||
	       set_error(error, "the lease was not given back within %d s: %.400s",
			 RELEASE_TIME / 1000, store->state.last_error);
}

static const struct store_ops ops = {
	.name = "etcd",
	.start = start,
	.publish = publish,
	.reconsider = reconsider,
	.reload = reload,
	.stop = stop,
	.release = release,
};

static const char *copy(const char *text, bool *failed)
{
	char *new = strdup(text ? text : "");

	*failed |= !new;
	return new;
}

static bool copy_options(struct etcd_options *to, const struct etcd_options *from)
{
	bool failed = false;

	to->endpoints = copy(from->endpoints, &failed);
	to->prefix = copy(from->prefix, &failed);
	to->keyfile = copy(from->keyfile, &failed);
	to->certfile = copy(from->certfile, &failed);
	to->cafile = copy(from->cafile, &failed);
	to->username = copy(from->username, &failed);
	to->password = copy(from->password, &failed);
	to->net_config_path = copy(from->net_config_path, &failed);
	to->renew_margin = from->renew_margin;
	return !failed;
}

static bool make_keys(struct etcd_store *s)
{
	const char *prefix = s->options.prefix;
	int len = strlen(prefix);

	while (len && prefix[len - 1] == '/')
		len--;
	if (asprintf(&s->config_key, "%.*s/config", len, prefix) < 0)
		s->config_key = NULL;
	if (asprintf(&s->subnets_key, "%.*s/subnets/", len, prefix) < 0)
		s->subnets_key = NULL;
	return s->config_key && s->subnets_key;
}

static bool check_options(const struct etcd_options *options, struct error *error)
{
	if (strlen(options->prefix) > ETCD_KEY / 2)
		return set_error(error, "etcd prefix of %zu bytes: at most %d are allowed",
				 strlen(options->prefix), ETCD_KEY / 2);
	return (options->renew_margin >= 1 && options->renew_margin <= 1439) ||
	       set_error(error, "lease renew margin %u: allowed are 1 to 1439 minutes",
			 options->renew_margin);
}

struct store *store_etcd(const struct etcd_options *options,
			 const struct store_handler *handler, void *data,
			 struct error *error)
{
	struct etcd_store *s;

	if (!check_options(options, error))
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s || !copy_options(&s->options, options) || !make_keys(s)) {
		if (s)
			stop(&s->store);
		free(s);
		set_error(error, "out of memory");
		return NULL;
	}
	s->store.ops = &ops;
	s->store.handler = handler;
	s->store.data = data;
	s->deliver_timer.expired = on_deliver;
	sync_init(s);
	own_init(s);
	return &s->store;
}
