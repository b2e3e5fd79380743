/* SPDX-License-Identifier: GPL-2.0 */
/*
 * health.h - answers over HTTP about the agent
 *
 * GET and HEAD of
 *	/healthz	200 while the loop turns: who restarts on 503 gains nothing
 *			from a store that is away; what is amiss is in the body
 *	/readyz		200 when pods can use the network, else 503 and why
 *	/metrics	for Prometheus
 *	/status		JSON, for `flctl status`
 * over TCP and over a unix socket of mode 0600.  HTTP/1.0, one request for each
 * connection; clients, their time and the size of what they send are bounded,
 * and a new client drives out the oldest one.
 */
#ifndef AGENT_HEALTH_H
#define AGENT_HEALTH_H

#include "metrics.h"

#define HEALTH_CLIENTS	16
#define HEALTH_HEAD	4096		/* bytes of a request */
#define HEALTH_HEAD_MS	5000		/* until it must be there */
#define HEALTH_SEND_MS	30000		/* until the answer must be taken */
#define HEALTH_AGAIN_MS	200		/* after a client that could not be accepted */
#define HEALTH_SAY_MS	60000		/* not said again for so long */

struct health_options {
	struct addr ip;
	uint16_t port;			/* host byte order, 0: no TCP */
	const char *socket;		/* path, empty: none; its directory exists */
	/*
	 * Fills a status that is all zero before, and freed behind; those of the
	 * kernel only with @counters.
	 */
	void (*fill)(void *data, struct agent_status *status, bool counters);
	void *data;
};

/* @options is copied.  False with a sentence, and then nothing is open. */
bool health_open(const struct health_options *options, struct error *error);
void health_close(void);

struct health_request {
	bool head;			/* HEAD: without the body */
	char path[64];			/* without query */
};

/*
 * Pure: the request that begins with the @len bytes at @text.  Returns 0 while
 * its end is missing, else the HTTP status, 200 when @request is filled.
 */
int health_parse(const char *text, size_t len, struct health_request *request);

#endif /* AGENT_HEALTH_H */
