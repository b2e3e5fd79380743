/* SPDX-License-Identifier: GPL-2.0 */
/*
 * store.h - where configuration and leases come from
 *
 * A store delivers snapshots: the whole configuration and all records, whenever
 * something changed, and never a partial or doubtful one.  It keeps our own
 * record there.  Its callbacks run from the loop; pointers that they are given
 * are valid until they return.
 */
#ifndef AGENT_STORE_H
#define AGENT_STORE_H

#include "net_config.h"
#include "record.h"

/* What the node says of itself; the subnet is the store's to choose. */
struct node {
	struct addr public4, public6;
	struct record previous;		/* subnets from subnet.env, may be empty */
	uint8_t mac4[6], mac6[6];	/* of the VTEP, as to be published */
	bool mac_known;			/* false: the one found in the store is ours */
};

struct store_state {
	bool reachable;
	int64_t since;			/* loop_now() when that changed last */
	uint64_t errors;		/* failed requests, bad lines, ... */
	uint64_t resyncs;		/* fresh lists */
	bool lease_held;
	bool published;			/* and our record says what the node is now */
	int64_t lease_expires;		/* loop_now() units, 0: never */
	char last_error[512];
	char refusal[512];		/* why the configuration there is not in use, empty: it is */
};

struct store_handler {
	/*
	 * A new configuration, before any lease is asked for.  Returns false
	 * when it cannot be used (then nothing is acquired), else fills @node.
	 */
	bool (*configured)(void *data, const struct net_config *config,
			   struct node *node);
	/*
	 * All records, our own not among them, and @own, NULL when we have none
	 * at the moment.  Returns false when there is no memory: nothing of it is
	 * taken, and it has to come again.
	 */
	bool (*snapshot)(void *data, const struct net_config *config,
			 const struct record *own, const struct record_list *peers);
	/* The state changed, or an error happened that is worth knowing. */
	void (*changed)(void *data);
};

struct store {
	const struct store_ops *ops;
	const struct store_handler *handler;
	void *data;			/* of the handler */
	struct store_state state;
	bool yielded;			/* another agent has the node: write nothing */
	bool dry;			/* look, and write nothing */
};

struct store_ops {
	const char *name;		/* "etcd", "file" */
	bool (*start)(struct store *store, struct error *error);
	/* The node's addresses or MACs changed: publish, with the same subnet. */
	void (*publish)(struct store *store, const struct node *node);
	/* What the handler declined can perhaps be used now; or no longer yielded. */
	void (*reconsider)(struct store *store);
	/* SIGHUP: read everything anew, also certificates. */
	void (*reload)(struct store *store);
	/* Leaves the lease where it is. */
	void (*stop)(struct store *store);
	/* Give the lease back, for reset; may run the loop until it is done. */
	bool (*release)(struct store *store, struct error *error);
};

struct etcd_options {
	const char *endpoints;		/* comma-separated URLs */
	const char *prefix;
	const char *keyfile, *certfile, *cafile;	/* empty: none */
	const char *username, *password;
	unsigned int renew_margin;	/* minutes before expiry, 1..1439 */
	const char *net_config_path;	/* empty: <prefix>/config */
};

struct file_options {
	const char *path;
	const char *net_config_path;	/* empty: the header of the file */
};

/* malloc'ed; NULL with a sentence. */
struct store *store_etcd(const struct etcd_options *options,
			 const struct store_handler *handler, void *data,
			 struct error *error);
struct store *store_file(const struct file_options *options,
			 const struct store_handler *handler, void *data,
			 struct error *error);
/* Stops it, too. */
void store_free(struct store *store);

#endif /* AGENT_STORE_H */
