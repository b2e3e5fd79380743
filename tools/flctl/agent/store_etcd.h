/* SPDX-License-Identifier: GPL-2.0 */
/*
 * store_etcd.h - inside of the store in etcd
 *
 * etcd_sync.c keeps a copy of what is below the prefix: a list, then a watch
 * from there, then a list again when anything about that was doubtful.
 * etcd_own.c keeps our record in it: own_settle() looks at the copy, and does
 * the one next thing that is missing (etcd_op.c); all that changes calls it again.
 * store_etcd.c has the configuration, and delivers.
 */
#ifndef AGENT_STORE_ETCD_H
#define AGENT_STORE_ETCD_H

#include "etcd.h"
#include "etcd_map.h"
#include "store.h"

struct etcd_store {
	struct store store;		/* first: it is freed by this */
	struct etcd_options options;	/* its strings are ours */
	struct etcd *etcd;
	char *config_key;		/* <prefix>/config */
	char *subnets_key;		/* <prefix>/subnets/ */
	bool started;

	/* Configuration */
	char *config_text;		/* last seen, NULL: none */
	struct net_config config;
	bool configured;		/* accepted: config and node are valid */
	bool declined;			/* by the handler, or for want of memory: try again */
	struct node node;
	int64_t file_stamp[3];		/* of net_config_path: time, size, inode */

	/* Copy of the store */
	struct etcd_map map, fresh;	/* fresh: a list that is not complete */
	char *fresh_config;		/* its config, NULL: none */
	size_t fresh_config_len;
	int64_t fresh_revision;
	uint64_t fresh_cluster;
	uint64_t cluster;		/* 0: never connected */
	int64_t revision;		/* up to which the copy is complete */
	bool synced;
	bool uncountable;		/* etcd has keys that the copy has not */
	unsigned int attempts;		/* since it last worked for a while */
	struct etcd_call list, beat;
	struct etcd_call subnets_watch, config_watch;
	bool subnets_watched, config_watched;	/* etcd said so */
	unsigned int beats, miscounts;
	int64_t beat_revision;
	struct loop_timer list_timer, beat_timer;

	/* Our record */
	bool has_own, held;
	struct record own;		/* as it is, or was, in the store */
	char own_key[RECORD_KEY];
	int64_t own_created;		/* revision, until nobody was there before us */
	int64_t lease;			/* known to live until expires; 0: none */
	int64_t expires;
	int64_t spare;			/* granted, no key has it yet */
	bool renew_now;
	bool releasing, released;
	struct etcd_call op;		/* the one thing that is being done */
	bool busy;
	struct record op_record;
	char op_key[RECORD_KEY];
	unsigned int failures, conflicts;	/* one after the other */
	int64_t conflict_at;
	unsigned int rewrites;		/* of our record, in quick succession */
	int64_t rewritten_at;
	struct loop_timer renew_timer, again_timer;

	/* To the handler */
	struct loop_timer deliver_timer;
	int64_t deliver_since;		/* oldest change not delivered, 0: none */
	unsigned int undelivered;	/* snapshots in a row, for want of memory */
};

/* store_etcd.c */
void store_reachable(struct etcd_store *s, bool reachable);
/* An error: counted, remembered, logged when it is a new one. */
void __printf(2, 3) store_failed(struct etcd_store *s, const char *fmt, ...);
/* Have we our lease, and does our record say what the node is? */
void store_held(struct etcd_store *s, bool held, bool published);
/* Something changed that the handler wants to know. */
void store_deliver(struct etcd_store *s);
/* A configuration that the handler declined: perhaps it can be used now. */
void store_reconsider(struct etcd_store *s);
/*
 * The configuration as it is in the store now, NUL behind it; NULL: there is none.
 * False: no memory, it has to be told again.
 */
bool store_config(struct etcd_store *s, const char *text, size_t len);
/* net_config_path, when it is another file than last time. */
void store_config_file(struct etcd_store *s);
char *store_key(const struct etcd_store *s, const char *key);
/* Between half of @most and all of it. */
int64_t store_jitter(int64_t most);

/* etcd_sync.c */
void sync_init(struct etcd_store *s);
void sync_start(struct etcd_store *s);
void sync_stop(struct etcd_store *s);
/* Begin anew, after a while. */
void sync_again(struct etcd_store *s);

/* etcd_own.c */
void own_init(struct etcd_store *s);
void own_settle(struct etcd_store *s);
/* The store may have forgotten our lease. */
void own_doubt(struct etcd_store *s);
/* We have no record any more. */
void own_lose(struct etcd_store *s);

/* etcd_op.c: one request at a time, own_settle() when it is done */
void op_grant(struct etcd_store *s);
/* With the spare lease, when the key does not exist. */
void op_create(struct etcd_store *s, const struct record *record, const char *key);
/* These when the key is as we know it. */
void op_update(struct etcd_store *s, const struct etcd_entry *entry,
	       const struct record *wanted);
void op_remove(struct etcd_store *s, const struct etcd_entry *entry);
void op_keep_alive(struct etcd_store *s);
/* The spare lease. */
void op_revoke(struct etcd_store *s);
/* No request for a while, longer every time. */
void op_retreat(struct etcd_store *s);
void op_stop(struct etcd_store *s);

#endif /* AGENT_STORE_ETCD_H */
