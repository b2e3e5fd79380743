/* SPDX-License-Identifier: GPL-2.0 */
/*
 * etcd.h - requests to an etcd cluster through its JSON gateway
 *
 * A request goes to the endpoint that served last, and to the others in turn
 * when that one cannot serve; user and password become a token that is renewed
 * when it is refused.  All callbacks come from the loop.
 */
#ifndef AGENT_ETCD_H
#define AGENT_ETCD_H

#include "etcd_json.h"
#include "http.h"
#include "log.h"
#include "store.h"

struct etcd;

struct etcd_answer {
	json_t *json;			/* NULL: failed, then @error */
	uint64_t cluster;		/* of the header, 0: there was none */
	int64_t revision;
	int code;			/* gRPC's, of a failed request; 0: none */
	const char *error;
};

struct etcd_call {
	/* Once, at the end; the answer is valid until it returns. */
	void (*done)(struct etcd_call *call, const struct etcd_answer *answer);
	/* Set: a stream; every line's "result" comes here. */
	void (*line)(struct etcd_call *call, const struct etcd_answer *answer);
	size_t cap;			/* bytes of an answer or line */
	int pin;			/* only this endpoint; -1: any */

	/* private: */
	struct http_call http;
	struct etcd *etcd;		/* NULL: not running */
	struct etcd_call *next;		/* that wait for the token */
	const char *path;
	char *body;
	unsigned int tries;
	bool renewed;			/* the token, for this request */
	int endpoint;			/* where it went */
	uint32_t token;			/* which one it carried */
};

struct etcd *etcd_open(const struct etcd_options *options, struct error *error);
void etcd_close(struct etcd *etcd);

/* @path: "/v3/kv/range"; takes @body. */
void etcd_post(struct etcd *etcd, struct etcd_call *call, const char *path, json_t *body);
void etcd_cancel(struct etcd_call *call);
/* The endpoint @from does not do what it should: use another from now on. */
void etcd_fail_over(struct etcd *etcd, int from);
/* A token that is no longer worth anything: get a new one. */
void etcd_drop_token(struct etcd *etcd);
const char *etcd_endpoint(const struct etcd *etcd, int endpoint);

#endif /* AGENT_ETCD_H */
