// SPDX-License-Identifier: GPL-2.0
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "log.h"

#define CONNECT_TIMEOUT	3000L	/* milliseconds */

struct http {
	CURLM *multi;
	struct http_call *calls;
	struct loop_timer timer;	/* libcurl's */
	struct loop_timer later;	/* requests that failed at once */
	char *cafile, *certfile, *keyfile;
	unsigned int depth;		/* of handing out: it may close us */
	bool closed;
};

struct socket {
	struct loop_watch watch;
	struct http *http;
};

static bool more_room(struct http_call *call, size_t len)
{
	size_t room = call->room ? call->room : 4096;
	char *data;

	if (call->start) {
		memmove(call->data, call->data + call->start, call->len - call->start);
		call->len -= call->start;
		call->scanned -= call->start;
		call->start = 0;
	}
	while (room < call->len + len + 1)
		room *= 2;
	if (room == call->room)
		return true;
	data = realloc(call->data, room);
	if (!data)
		return false;
	call->data = data;
	call->room = room;
	return true;
}

/* Called by libcurl, where nothing may be started or cancelled: only kept. */
static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
	struct http_call *call = arg;
	size_t len = size * count;
	long status = 0;

	if (call->len - call->start + len > call->cap) {
		/* Whole lines that wait are no longer the line that grows */
		if (!call->line || !memchr(call->data + call->scanned, '\n',
					   call->len - call->scanned)) {
			call->too_long = true;
			return 0;
		}
	}
	if (!more_room(call, len))
		return 0;
	memcpy(call->data + call->len, data, len);
	call->len += len;
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	call->streaming = call->line && status == 200;
	return len;
}

static void unlink_call(struct http_call *call)
{
	struct http_call **at = &call->http->calls;

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	call->next = NULL;
	call->http = NULL;
}

/* What libcurl has of it; the data stays. */
static void drop_easy(struct http_call *call)
{
	if (call->easy) {
		curl_multi_remove_handle(call->http->multi, call->easy);
		curl_easy_cleanup(call->easy);
	}
	call->easy = NULL;
	curl_slist_free_all(call->headers);
	call->headers = NULL;
}

static char *detach(struct http_call *call)
{
	char *data = call->data;

	drop_easy(call);
	unlink_call(call);
	call->data = NULL;
	call->room = 0;
	return data;
}

void http_cancel(struct http_call *call)
{
	if (call->http)
		free(detach(call));
}

/* The next whole line, malloc'ed; NULL: none yet. */
static char *take_line(struct http_call *call, size_t *len)
{
	char *end, *line;

	if (!call->streaming || call->scanned == call->len)
		return NULL;
	end = memchr(call->data + call->scanned, '\n', call->len - call->scanned);
	if (!end) {
		call->scanned = call->len;
		return NULL;
	}
	*len = end - (call->data + call->start);
	line = malloc(*len + 1);
	if (!line) {
		/* A stream with a hole is worse than none */
		call->ended = true;
		call->code = CURLE_OUT_OF_MEMORY;
		return NULL;
	}
	memcpy(line, call->data + call->start, *len);
	line[*len] = '\0';
	call->start = call->scanned = end + 1 - call->data;
	return line;
}

static const char *failure(struct http_call *call, const char *url, char *text, size_t size)
{
	if (call->code == CURLE_OK)
		return NULL;
	if (call->too_long)
		snprintf(text, size, "%s: the answer has more than %zu bytes%s", url,
			 call->cap, call->line ? " in one line" : "");
	else
		snprintf(text, size, "%s: %s", url,
			 *call->error ? call->error : curl_easy_strerror(call->code));
	return text;
}

static void finish(struct http_call *call)
{
	struct http_result result = { .body = "" };
	char text[512], *data, *url = NULL;
	long status = 0;

	if (call->easy) {
		curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(call->easy, CURLINFO_EFFECTIVE_URL, &url);
	}
	result.error = failure(call, url ? url : "HTTP", text, sizeof(text));
	if (!result.error)
		result.status = status;
	data = detach(call);
	if (data) {
		data[call->len] = '\0';
		result.body = data + call->start;
		result.len = call->len - call->start;
	}
	call->done(call, &result);
	free(data);
}

/* One callback; the list may be another one then.  False: there is nothing. */
static bool hand_out_one(struct http *http)
{
	struct http_call *call;
	size_t len;
	char *line;

	for (call = http->calls; call; call = call->next) {
		line = take_line(call, &len);
		if (line) {
			call->line(call, line, len);
			free(line);
			return true;
		}
		if (call->ended) {
			finish(call);
			return true;
		}
	}
	return false;
}

static void mark_ended(struct http *http)
{
	struct http_call *call;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		call->ended = true;
		call->code = message->data.result;
	}
}

static void free_http(struct http *http)
{
	free(http->cafile);
	free(http->certfile);
	free(http->keyfile);
	free(http);
}

static void hand_out(struct http *http)
{
	http->depth++;
	mark_ended(http);
	while (!http->closed && hand_out_one(http))
		;
	if (!--http->depth && http->closed)
		free_http(http);
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
	struct socket *socket = container_of(watch, struct socket, watch);
	struct http *http = socket->http;
	int running, mask = 0;

	if (events & EPOLLIN)
		mask |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		mask |= CURL_CSELECT_ERR;
	/* @socket may be gone after this */
	curl_multi_socket_action(http->multi, watch->fd, mask, &running);
	hand_out(http);
}

static void on_timer(struct loop_timer *timer)
{
	struct http *http = container_of(timer, struct http, timer);
	int running;

	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	hand_out(http);
}

static void on_later(struct loop_timer *timer)
{
	hand_out(container_of(timer, struct http, later));
}

static struct socket *new_socket(struct http *http, curl_socket_t fd)
{
	struct socket *socket = calloc(1, sizeof(*socket));

	if (!socket)
		return NULL;
	socket->http = http;
	socket->watch = (struct loop_watch){ .fd = -1, .ready = on_ready };
	if (!curl_multi_assign(http->multi, fd, socket))
		return socket;
	free(socket);
	return NULL;
}

/*
 * An error would make an end of all requests, also of those to come: one that
 * cannot be waited for ends by its time.
 */
static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *private)
{
	struct socket *socket = private;
	struct http *http = arg;
	uint32_t events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (socket)
			loop_unwatch(&socket->watch);
		free(socket);
		return 0;
	}
	if (!socket)
		socket = new_socket(http, fd);
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	if (!socket || !loop_watch(&socket->watch, fd, events))
		log_warning("no memory to wait for an answer");
	return 0;
}

static int set_timer(CURLM *multi, long milliseconds, void *arg)
{
	struct http *http = arg;

	(void)multi;
	if (milliseconds < 0)
		loop_cancel(&http->timer);
	else
		loop_after(&http->timer, milliseconds);
	return 0;
}

static char *copy_name(const char *name)
{
	return name && *name ? strdup(name) : NULL;
}

struct http *http_open(const struct http_tls *tls)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http)
		return NULL;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	http->timer.expired = on_timer;
	http->later.expired = on_later;
	http->cafile = copy_name(tls->cafile);
	http->certfile = copy_name(tls->certfile);
	http->keyfile = copy_name(tls->keyfile);
	http->multi = curl_multi_init();
	if (!http->multi) {
		free_http(http);
		return NULL;
	}
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, 4L);
	return http;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	while (http->calls)
		http_cancel(http->calls);
	curl_multi_cleanup(http->multi);
	loop_cancel(&http->timer);
	loop_cancel(&http->later);
	http->closed = true;
	if (!http->depth)
		free_http(http);
}

static bool add_header(struct http_call *call, const char *text)
{
	struct curl_slist *list = text ? curl_slist_append(call->headers, text) : NULL;

	if (list)
		call->headers = list;
	return list;
}

static bool set_headers(struct http_call *call, const struct http_post *post)
{
	char *authorization = NULL;
	bool done;

	if (post->authorization &&
	    asprintf(&authorization, "Authorization: %s", post->authorization) < 0)
		return false;
	/* No "Expect: 100-continue", which some proxies answer late or never */
	done = add_header(call, "Content-Type: application/json") &&
	       add_header(call, "Expect:") &&
	       (!authorization || add_header(call, authorization)) &&
	       (!post->header || add_header(call, post->header));
	free(authorization);
	return done && !curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
}

/*
 * HTTP/1.1: with HTTP/2 a request shares the connection of a stream that died
 * without a word, and would die with it again and again.
 */
static bool set_transport(CURL *easy, const struct http *http)
{
	/* A thread that resolves a name is left behind, not waited for. */
	return !curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) &&
	       !curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) &&
	       !curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
	       !curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") &&
	       !curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
	       !curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT) &&
	       !curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) &&
	       !curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 15L) &&
	       !curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L) &&
	       !curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
	       (!http->cafile || !curl_easy_setopt(easy, CURLOPT_CAINFO, http->cafile)) &&
	       (!http->cafile || !curl_easy_setopt(easy, CURLOPT_CAPATH, NULL)) &&
	       (!http->certfile || !curl_easy_setopt(easy, CURLOPT_SSLCERT, http->certfile)) &&
	       (!http->keyfile || !curl_easy_setopt(easy, CURLOPT_SSLKEY, http->keyfile));
}

static bool set_request(struct http_call *call, const struct http_post *post)
{
	CURL *easy = call->easy;

	return !curl_easy_setopt(easy, CURLOPT_URL, post->url) &&
	       !curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->len) &&
	       !curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, post->body) &&
	       !curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)post->timeout) &&
	       !curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data) &&
	       !curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) &&
	       !curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error) &&
	       !curl_easy_setopt(easy, CURLOPT_PRIVATE, call) &&
	       set_headers(call, post);
}

void http_post(struct http *http, struct http_call *call, const struct http_post *post)
{
	_Static_assert(sizeof(call->error) >= CURL_ERROR_SIZE, "room for libcurl's sentence");

	http_cancel(call);
	call->start = call->scanned = call->len = 0;
	call->streaming = call->too_long = call->ended = false;
	call->error[0] = '\0';
	call->http = http;
	call->next = http->calls;
	http->calls = call;
	call->easy = curl_easy_init();
	/* Without body, an empty transaction would succeed. */
	if (post->url && post->body && call->easy && set_transport(call->easy, http) && set_request(call, post) &&
	    !curl_multi_add_handle(http->multi, call->easy))
		return;
	call->ended = true;
	call->code = CURLE_FAILED_INIT;
	loop_after(&http->later, 0);
}
