/* SPDX-License-Identifier: GPL-2.0 */
/*
 * http.h - POST requests over HTTP and HTTPS, on the loop (libcurl)
 *
 * A struct http_call is embedded in its owner and runs one request at a time.
 * Callbacks come from the loop, never from inside a function of this header,
 * and may start, cancel or free anything.
 */
#ifndef AGENT_HTTP_H
#define AGENT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop.h"

struct http;

/* Files in PEM, empty or NULL: none; without @cafile those of the system. */
struct http_tls {
	const char *cafile, *certfile, *keyfile;
};

struct http_post {
	const char *url;
	const char *authorization;	/* the header's value, NULL: none */
	const char *header;		/* one more, "Name: value", NULL: none */
	const char *body;
	size_t len;
	int64_t timeout;		/* milliseconds for all of it, 0: none */
};

struct http_result {
	int status;			/* 0: no complete answer, @error says why */
	const char *body;		/* NUL behind it; of a stream, the rest */
	size_t len;
	const char *error;
};

struct http_call {
	/* Once, at the end; @result is valid until it returns. */
	void (*done)(struct http_call *call, const struct http_result *result);
	/* For a stream: each line of an answer 200, NUL instead of the newline. */
	void (*line)(struct http_call *call, const char *line, size_t len);
	size_t cap;			/* bytes of an answer, or of one line */

	/* private: */
	struct http *http;		/* NULL: not running */
	struct http_call *next;
	void *easy;			/* CURL */
	void *headers;			/* struct curl_slist */
	char *data;
	size_t start, scanned, len, room;
	bool streaming;			/* an answer 200 with @line set */
	bool too_long, ended;
	int code;			/* CURLcode */
	char error[256];		/* CURL_ERROR_SIZE */
};

/* NULL and ENOMEM.  Connections are kept, so new certificates need a new one. */
struct http *http_open(const struct http_tls *tls);
/* Cancels what runs. */
void http_close(struct http *http);

void http_post(struct http *http, struct http_call *call, const struct http_post *post);
/* Without a callback; nothing happens when it does not run. */
void http_cancel(struct http_call *call);

#endif /* AGENT_HTTP_H */
