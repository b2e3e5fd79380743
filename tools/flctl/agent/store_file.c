// SPDX-License-Identifier: GPL-2.0
/*
 * Leases from one file (lease_file.h), followed by inotify and, where that does
 * not work, by looking every few seconds.
 *
 * A file that was renamed into place, reached by a new symlink or closed by its
 * writer is taken at once.  Any other change may be half of one: it is taken
 * when it still looks the same a moment later.
 */
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <libgen.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lease_file.h"
#include "loop.h"
#include "store.h"

#define POLL_MS		2000
#define SETTLE_MS	1000
#define HASH_START	0xcbf29ce484222325ULL

#define EVENTS	(IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM)

/* How a path looks from outside. */
struct look {
	bool there;
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec modified, changed;
	char real[PATH_MAX];		/* behind all symlinks */
};

struct source {
	const char *path;		/* empty: not used */
	struct look taken, pending;
	int wd, real_wd;		/* of the directories, -1: none */
};

struct text {
	char *bytes;
	size_t len;
};

enum { LEASES, CONFIG, SOURCES };

struct file_store {
	struct store store;		/* first, for store_free() */
	struct source source[SOURCES];
	struct loop_watch watch;
	struct loop_timer timer, publish_timer;
	bool force;			/* take it however it looks */
	bool pending;
	struct lease_file good;		/* entry NULL: none so far */
	uint64_t good_hash;
	uint64_t said;			/* hash of the complaint that was logged last */
	bool configured;		/* the handler took the configuration of @good */
	bool retry;			/* what was refused may be of use later */
	struct node node;
};

static struct file_store *of_store(struct store *store)
{
	return container_of(store, struct file_store, store);
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *b = bytes;

	while (len--)
		hash = (hash ^ *b++) * 0x100000001b3ULL;
	return hash;
}

static void set_reachable(struct store *store, bool reachable)
{
	if (store->state.reachable == reachable && store->state.since)
		return;
	store->state.reachable = reachable;
	store->state.since = loop_now();
}

/* What is wrong goes into the log once, until it is something else. */
static void complain(struct file_store *fs, uint64_t content, const char *text)
{
	struct store_state *state = &fs->store.state;
	uint64_t hash = hash_bytes(content, text, strlen(text));

	snprintf(state->last_error, sizeof(state->last_error), "%s", text);
	set_reachable(&fs->store, false);
	if (hash != fs->said) {
		state->errors++;
		log_error("%s; %s", text, fs->good.entry ? "the leases of before stay" :
							   "there are no leases yet");
	}
	fs->said = hash;
	fs->store.handler->changed(fs->store.data);
}

/* What is there now cannot be used. */
static void refuse(struct file_store *fs, uint64_t content, const char *text)
{
	struct store_state *state = &fs->store.state;

	snprintf(state->refusal, sizeof(state->refusal), "%s", text);
	complain(fs, content, text);
}

static void look_at(const char *path, struct look *look)
{
	struct stat st;

	memset(look, 0, sizeof(*look));
	if (!realpath(path, look->real) || stat(look->real, &st)) {
		*look->real = '\0';
		return;
	}
	look->there = true;
	look->dev = st.st_dev;
	look->ino = st.st_ino;
	look->size = st.st_size;
	look->modified = st.st_mtim;
	look->changed = st.st_ctim;
}

static bool same_look(const struct look *a, const struct look *b)
{
	return a->there == b->there && a->dev == b->dev && a->ino == b->ino &&
	       a->size == b->size && !strcmp(a->real, b->real) &&
	       !memcmp(&a->modified, &b->modified, sizeof(a->modified)) &&
	       !memcmp(&a->changed, &b->changed, sizeof(a->changed));
}

static bool is_watched(const struct file_store *fs, int wd)
{
	int i;

	for (i = 0; i < SOURCES; i++)
		if (fs->source[i].wd == wd || fs->source[i].real_wd == wd)
			return true;
	return false;
}

static void watch_directory(struct file_store *fs, const char *path, int *wd)
{
	char copy[PATH_MAX];
	int old = *wd;

	snprintf(copy, sizeof(copy), "%s", path);
	*wd = *path ? inotify_add_watch(fs->watch.fd, dirname(copy), EVENTS | IN_ONLYDIR) : -1;
	if (old >= 0 && old != *wd && !is_watched(fs, old))
		inotify_rm_watch(fs->watch.fd, old);
}

/* The directories may have become other ones. */
static void watch_sources(struct file_store *fs)
{
	struct source *s;
	struct look look;

	for (s = fs->source; s < fs->source + SOURCES && fs->watch.fd >= 0; s++) {
		if (!*s->path)
			continue;
		look_at(s->path, &look);
		watch_directory(fs, s->path, &s->wd);
		watch_directory(fs, look.real, &s->real_wd);
	}
}

static bool grow_text(struct text *text, size_t room)
{
	char *grown = realloc(text->bytes, room);

	if (grown)
		text->bytes = grown;
	return grown;
}

/* To the end, whatever size it says it has. */
static bool read_all(int fd, const char *path, struct text *text, struct error *error)
{
	size_t room = 0;
	ssize_t got;

	text->len = 0;
	do {
		if (text->len > LEASE_FILE_SIZE)
			return set_error(error, "%s is longer than %u bytes", path,
					 LEASE_FILE_SIZE);
		if (text->len == room) {
			room = room ? room * 2 : 16384;
			if (!grow_text(text, room))
				return set_error(error, "no memory for %s", path);
		}
		got = read(fd, text->bytes + text->len, room - text->len);
		if (got < 0 && errno != EINTR)
			return set_error(error, "cannot read %s: %s", path, strerror(errno));
		text->len += got > 0 ? got : 0;
	} while (got);
	return true;
}

static bool read_source(const struct source *s, struct text *text, struct error *error)
{
	struct stat st;
	bool ok;
	int fd;

	if (!*s->path)
		return true;
	fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return set_error(error, "cannot open %s: %s", s->path, strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		ok = set_error(error, "%s is not a regular file", s->path);
	else
		ok = read_all(fd, s->path, text, error);
	close(fd);
	return ok;
}

static bool parse_texts(struct file_store *fs, const struct text *text,
			struct lease_file *file, struct error *error)
{
	const struct source *leases = &fs->source[LEASES], *conf = &fs->source[CONFIG];
	struct net_config config;
	struct error why;

	if (!*conf->path)
		return lease_file_parse(leases->path, text[LEASES].bytes, text[LEASES].len, NULL,
					file, error);
	if (!net_config_parse(text[CONFIG].bytes, text[CONFIG].len, &config, &why))
		return set_error(error, "%s: %s", conf->path, why.text);
	return lease_file_parse(leases->path, text[LEASES].bytes, text[LEASES].len, &config,
				file, error);
}

static void add_addr(const struct sockaddr *sa, struct addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->family = sa->sa_family;
	if (sa->sa_family == AF_INET)
		memcpy(addr->bytes, &((const struct sockaddr_in *)sa)->sin_addr, 4);
	else
		memcpy(addr->bytes, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
}

/* All addresses of this host, malloc'ed; NULL with a sentence. */
static struct addr *host_addresses(size_t *count, struct error *error)
{
	struct ifaddrs *list, *a;
	struct addr *addrs;
	size_t room = 0;

	*count = 0;
	if (getifaddrs(&list)) {
		set_error(error, "the addresses of this host cannot be listed: %s",
			  strerror(errno));
		return NULL;
	}
	for (a = list; a; a = a->ifa_next)
		room++;
	addrs = calloc(room ? room : 1, sizeof(*addrs));
	if (!addrs)
		set_error(error, "no memory for the addresses of this host");
	for (a = list; a && addrs; a = a->ifa_next)
		if (a->ifa_addr && (a->ifa_addr->sa_family == AF_INET ||
				    a->ifa_addr->sa_family == AF_INET6))
			add_addr(a->ifa_addr, &addrs[(*count)++]);
	freeifaddrs(list);
	return addrs;
}

static bool make_records(struct file_store *fs, const struct lease_file *file,
			 struct record *own, struct record_list *peers, struct error *error)
{
	struct lease_file_host host = {
		.public4 = fs->node.public4, .public6 = fs->node.public6,
	};
	struct addr *addrs = host_addresses(&host.count, error);
	bool ok;

	if (!addrs)
		return false;
	host.addr = addrs;
	ok = lease_file_records(file, fs->source[LEASES].path, &host, own, peers, error);
	free(addrs);
	return ok;
}

/* Nobody knows us: say so, as long as it is so. */
static void note_own(struct file_store *fs, bool held)
{
	struct store_state *state = &fs->store.state;
	bool news = state->lease_held != held || !state->resyncs;

	state->lease_held = state->published = held;
	/* The file may be bad by now: these are leases of before. */
	if (*state->refusal)
		return;
	*state->last_error = '\0';
	if (held)
		return;
	snprintf(state->last_error, sizeof(state->last_error),
		 "%.256s: no lease is ours: none has a VTEP that is an address of this host or --public-ip",
		 fs->source[LEASES].path);
	if (news)
		log_warning("%s", state->last_error);
}

static void deliver(struct file_store *fs, const struct record *own,
		    const struct record_list *peers)
{
	struct store *store = &fs->store;
	bool held = own->subnet4.addr.family || own->subnet6.addr.family;

	if (!store->handler->snapshot(store->data, &fs->good.config, held ? own : NULL, peers)) {
		complain(fs, fs->good_hash, "no memory for a snapshot; tried again");
		fs->retry = true;
		return;
	}
	note_own(fs, held);
	set_reachable(store, !*store->state.refusal);
	store->state.resyncs++;
	store->handler->changed(store->data);
}

/* The handler has to know a configuration before it gets the first lease of it. */
static bool configure(struct file_store *fs, const struct lease_file *file)
{
	bool took;

	if (fs->configured && net_config_equal(&fs->good.config, &file->config))
		return true;
	took = fs->store.handler->configured(fs->store.data, &file->config, &fs->node);
	fs->retry = !took;
	/* When not, the configuration of before stays in use, if there is one. */
	fs->configured = took || fs->good.entry;
	return took;
}

/* Takes over @file, or frees it. */
static bool take_file(struct file_store *fs, struct lease_file *file, uint64_t hash,
		      struct error *error)
{
	struct record_list peers = { 0 };
	struct record own;
	bool ok;

	ok = configure(fs, file) ||
	     set_error(error, "the network of %s cannot be used", fs->source[LEASES].path);
	if (ok && !make_records(fs, file, &own, &peers, error)) {
		fs->configured = fs->good.entry;
		/* Perhaps with other addresses of this host, or more memory. */
		fs->retry = true;
		ok = false;
	}
	if (!ok) {
		lease_file_free(file);
	} else {
		lease_file_free(&fs->good);
		fs->good = *file;
		fs->good_hash = hash;
		fs->said = 0;
		*fs->store.state.refusal = '\0';
		deliver(fs, &own, &peers);
	}
	record_list_free(&peers);
	return ok;
}

/* The same leases again, for us who may have become another. */
static bool evaluate(struct file_store *fs, bool only_if_own)
{
	struct record_list peers = { 0 };
	struct error error;
	struct record own;
	bool ok;

	ok = make_records(fs, &fs->good, &own, &peers, &error);
	if (!ok)
		complain(fs, fs->good_hash, error.text);
	else if (!only_if_own || own.subnet4.addr.family || own.subnet6.addr.family)
		deliver(fs, &own, &peers);
	record_list_free(&peers);
	return ok;
}

static void take_texts(struct file_store *fs, const struct text *text)
{
	struct lease_file file;
	struct error error;
	uint64_t hash;

	hash = hash_bytes(HASH_START, text[LEASES].bytes, text[LEASES].len);
	hash = hash_bytes(hash, text[CONFIG].bytes, text[CONFIG].len);
	if (fs->good.entry && fs->configured && hash == fs->good_hash && !fs->said)
		return;
	errno = 0;
	if (!parse_texts(fs, text, &file, &error) || !take_file(fs, &file, hash, &error)) {
		fs->retry |= errno == ENOMEM;
		refuse(fs, hash, error.text);
	}
}

/* Both files as they are, unless they change while they are read. */
static bool take(struct file_store *fs)
{
	struct text text[SOURCES] = { 0 };
	struct error error;
	struct look after;
	bool ok = true, same = true;
	int i;

	fs->retry = false;
	for (i = 0; i < SOURCES; i++)
		look_at(fs->source[i].path, &fs->source[i].taken);
	for (i = 0; i < SOURCES && ok; i++) {
		errno = 0;
		ok = read_source(&fs->source[i], &text[i], &error);
		fs->retry |= !ok && errno == ENOMEM;
		look_at(fs->source[i].path, &after);
		same = same && same_look(&fs->source[i].taken, &after);
	}
	if (same && ok)
		take_texts(fs, text);
	else if (same)
		refuse(fs, 0, error.text);
	for (i = 0; i < SOURCES; i++)
		free(text[i].bytes);
	return same;
}

static void arm(struct file_store *fs)
{
	loop_after(&fs->timer, fs->pending ? SETTLE_MS : POLL_MS);
}

static void take_now(struct file_store *fs)
{
	fs->force = false;
	fs->pending = !take(fs);
	fs->force = fs->pending;
	watch_sources(fs);
	arm(fs);
}

/*
 * Has something changed, and is it settled?  @moved: by a new path, which is
 * always complete.
 */
static bool has_settled(struct file_store *fs, bool *changed, bool *moved)
{
	bool settled = true;
	struct source *s;
	struct look now;

	*changed = false;
	*moved = false;
	for (s = fs->source; s < fs->source + SOURCES; s++) {
		look_at(s->path, &now);
		if (same_look(&now, &s->taken))
			continue;
		*changed = true;
		*moved |= now.there && s->taken.there && strcmp(now.real, s->taken.real);
		settled &= fs->pending && same_look(&now, &s->pending);
		s->pending = now;
	}
	return settled;
}

/* After an event that is no proof of a complete file, or the first of two looks. */
static void look_again(struct file_store *fs, bool timer)
{
	bool changed, moved, settled = has_settled(fs, &changed, &moved);

	if (moved || (changed && settled && timer)) {
		take_now(fs);
		return;
	}
	if (!changed && !timer)
		return;
	if (changed && !settled) {
		fs->pending = true;
		arm(fs);
	} else if (timer) {
		fs->pending = false;
		arm(fs);
	}
}

static void expired(struct loop_timer *timer)
{
	struct file_store *fs = container_of(timer, struct file_store, timer);

	if (fs->force || fs->retry) {
		take_now(fs);
		return;
	}
	if (fs->configured && fs->good.entry && !fs->store.state.lease_held)
		evaluate(fs, true);
	watch_sources(fs);
	look_again(fs, true);
}

/* The same leases for a node that has other addresses. */
static void published(struct loop_timer *timer)
{
	struct file_store *fs = container_of(timer, struct file_store, publish_timer);

	/* Perhaps with other addresses of this host, or more memory. */
	if (fs->configured && fs->good.entry && !evaluate(fs, false))
		loop_after(timer, POLL_MS);
}

static bool is_name_of(const struct source *s, const char *name)
{
	const char *path = strrchr(s->path, '/'), *real = strrchr(s->taken.real, '/');

	return *s->path && (!strcmp(path ? path + 1 : s->path, name) ||
			    (real && !strcmp(real + 1, name)));
}

/* A file of ours was put there whole, or closed by its writer. */
static bool is_complete(const struct file_store *fs, const struct inotify_event *event)
{
	return event->len && event->mask & (IN_MOVED_TO | IN_CLOSE_WRITE) &&
	       (is_name_of(&fs->source[LEASES], event->name) ||
		is_name_of(&fs->source[CONFIG], event->name));
}

static void ready(struct loop_watch *watch, uint32_t events)
{
	struct file_store *fs = container_of(watch, struct file_store, watch);
	char buffer[4096] __attribute__((aligned(8)));
	const struct inotify_event *event;
	bool complete = false;
	ssize_t got, at;

	(void)events;
	while ((got = read(watch->fd, buffer, sizeof(buffer))) > 0)
		for (at = 0; at < got; at += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)(buffer + at);
			complete |= is_complete(fs, event);
		}
	if (complete)
		take_now(fs);
	else
		look_again(fs, false);
}

static bool file_start(struct store *store, struct error *error)
{
	struct file_store *fs = of_store(store);
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	(void)error;
	if (fd < 0)
		log_warning("no inotify (%s): %s is looked at every %d s", strerror(errno),
			    fs->source[LEASES].path, POLL_MS / 1000);
	else if (!loop_watch(&fs->watch, fd, EPOLLIN))
		close(fd);
	watch_sources(fs);
	fs->force = true;
	loop_after(&fs->timer, 0);
	return true;
}

static void file_publish(struct store *store, const struct node *node)
{
	struct file_store *fs = of_store(store);

	/* We are called from a round, which must not find other leases at its end. */
	fs->node = *node;
	loop_after(&fs->publish_timer, 0);
}

static void file_reconsider(struct store *store)
{
	struct file_store *fs = of_store(store);

	if (fs->retry)
		take_now(fs);
}

static void file_reload(struct store *store)
{
	struct file_store *fs = of_store(store);

	/* Who asks is told again */
	fs->said = 0;
	fs->good_hash = 0;
	fs->force = true;
	loop_after(&fs->timer, 0);
}

static void file_stop(struct store *store)
{
	struct file_store *fs = of_store(store);
	int fd = fs->watch.fd;

	loop_cancel(&fs->timer);
	loop_cancel(&fs->publish_timer);
	loop_unwatch(&fs->watch);
	if (fd >= 0)
		close(fd);
	lease_file_free(&fs->good);
	fs->configured = false;
}

/* The file is not ours to write. */
static bool file_release(struct store *store, struct error *error)
{
	(void)store;
	(void)error;
	return true;
}

static const struct store_ops file_ops = {
	.name = "file",
	.start = file_start,
	.publish = file_publish,
	.reconsider = file_reconsider,
	.reload = file_reload,
	.stop = file_stop,
	.release = file_release,
};

struct store *store_file(const struct file_options *options,
			 const struct store_handler *handler, void *data,
			 struct error *error)
{
	struct file_store *fs = calloc(1, sizeof(*fs));
	int i;

	if (!fs) {
		set_error(error, "no memory for the store");
		return NULL;
	}
	fs->store.ops = &file_ops;
	fs->store.handler = handler;
	fs->store.data = data;
	fs->source[LEASES].path = options->path;
	fs->source[CONFIG].path = options->net_config_path;
	for (i = 0; i < SOURCES; i++)
		fs->source[i].wd = fs->source[i].real_wd = -1;
	fs->watch.fd = -1;
	fs->watch.ready = ready;
	fs->timer.expired = expired;
	fs->publish_timer.expired = published;
	return &fs->store;
}
