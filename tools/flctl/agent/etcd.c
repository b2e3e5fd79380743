// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "etcd.h"

#define ENDPOINTS	16
#define TIMEOUT		5000		/* milliseconds, of all but streams */
#define TOKEN_CAP	65536
#define UNAUTHENTICATED	16		/* codes of gRPC */
#define NOT_ENABLED	9
#define INVALID		3

struct etcd {
	struct http *http;
	char *endpoint[ENDPOINTS];
	int count, current;
	char *username, *password;
	char *token;			/* NULL: none */
	uint32_t token_number;
	bool open_door;			/* etcd asks for no password */
	struct http_call login;
	struct loop_timer login_again;
	unsigned int login_tries;
	int login_endpoint;
	struct etcd_call *waiting;	/* for the login */
};

static void send_call(struct etcd_call *call);

/* Text of others: one line, printable. */
static void make_plain(char *text)
{
	size_t len = strcspn(text, "\r\n");

	for (text[len] = '\0'; *text; text++)
		if (!isprint((unsigned char)*text))
			*text = '?';
}

const char *etcd_endpoint(const struct etcd *etcd, int endpoint)
{
	return etcd->endpoint[endpoint < 0 ? etcd->current : endpoint];
}

void etcd_fail_over(struct etcd *etcd, int from)
{
	if (etcd->current == from)
		etcd->current = (from + 1) % etcd->count;
}

void etcd_drop_token(struct etcd *etcd)
{
	free(etcd->token);
	etcd->token = NULL;
	etcd->open_door = false;
}

static void end_call(struct etcd_call *call, const struct etcd_answer *answer)
{
	free(call->body);
	call->body = NULL;
	call->etcd = NULL;
	call->done(call, answer);
}

/* What etcd says of a request that failed: JSON, or mere text. */
static void read_refusal(struct etcd *etcd, int endpoint, const struct http_result *result,
			 struct etcd_answer *answer, struct error *error)
{
	json_t *json = etcd_json_parse(result->body, result->len);
	const char *text = json_string_value(json_object_get(json, "message"));

	if (!text)
		text = json_string_value(json_object_get(json, "error"));
	answer->code = json_integer_value(json_object_get(json, "code"));
	set_error(error, "%s: HTTP %d: %.200s", etcd->endpoint[endpoint], result->status,
		  text ? text : result->body);
	make_plain(error->text);
	answer->error = error->text;
	json_decref(json);
}

static bool cannot_serve(const struct http_result *result)
{
	return !result->status || result->status >= 500;
}

/* 400 is what etcd says without a token at all. */
static bool token_refused(const struct http_result *result, const struct etcd_answer *answer)
{
	return result->status == 401 || answer->code == UNAUTHENTICATED ||
	       (result->status == 400 && answer->code == INVALID &&
		(strstr(answer->error, "user name is empty") ||
		 strstr(answer->error, "auth token")));
}

static bool read_header(struct etcd_answer *answer)
{
	const json_t *header = json_object_get(answer->json, "header");

	return etcd_unsigned(header, "cluster_id", &answer->cluster) &&
	       etcd_number(header, "revision", &answer->revision);
}

/* --- user and password ----------------------------------------------------- */

static void wake_waiting(struct etcd *etcd)
{
	struct etcd_call *call;

	while (!etcd->login.http && (call = etcd->waiting)) {
		etcd->waiting = call->next;
		call->next = NULL;
		send_call(call);
	}
}

/*
 * One of them: its callback may close all of this.  What still waits then asks
 * for a token of its own.
 */
static void fail_waiting(struct etcd *etcd, const char *text)
{
	struct etcd_answer answer = { .error = text };
	struct etcd_call *call = etcd->waiting;

	if (!call)
		return;
	etcd->waiting = call->next;
	call->next = NULL;
	if (etcd->waiting)
		loop_after(&etcd->login_again, 0);
	end_call(call, &answer);
}

static bool take_token(struct etcd *etcd, const struct http_result *result)
{
	json_t *json = etcd_json_parse(result->body, result->len);
	const char *token = json_string_value(json_object_get(json, "token"));
	const char *c = token;

	/* It becomes a header */
	while (c && isgraph((unsigned char)*c))
		c++;
	if (c && c != token && !*c) {
		etcd->token = strdup(token);
		etcd->token_number++;
	}
	json_decref(json);
	return etcd->token;
}

static void login(struct etcd *etcd);

static void logged_in(struct http_call *http_call, const struct http_result *result)
{
	struct etcd *etcd = container_of(http_call, struct etcd, login);
	struct etcd_answer answer = { 0 };
	struct error error, said;

	if (result->status == 200 && take_token(etcd, result)) {
		wake_waiting(etcd);
		return;
	}
	if (cannot_serve(result)) {
		etcd_fail_over(etcd, etcd->login_endpoint);
		if (++etcd->login_tries < (unsigned int)etcd->count) {
			login(etcd);
			return;
		}
	}
	if (!result->status) {
		fail_waiting(etcd, result->error);
		return;
	}
	read_refusal(etcd, etcd->login_endpoint, result, &answer, &error);
	if (answer.code == NOT_ENABLED && strstr(answer.error, "not enabled")) {
		etcd->open_door = true;
		wake_waiting(etcd);
		return;
	}
	/* Its only text could be a token that was not understood */
	if (result->status == 200)
		set_error(&error, "%s: answered without a token",
			  etcd->endpoint[etcd->login_endpoint]);
	said = error;
	set_error(&error, "user \"%.64s\": %.400s", etcd->username, said.text);
	fail_waiting(etcd, error.text);
}

static char *make_url(struct etcd *etcd, int endpoint, const char *path)
{
	char *url;

	return asprintf(&url, "%s%s", etcd->endpoint[endpoint], path) < 0 ? NULL : url;
}

static void login(struct etcd *etcd)
{
	json_t *json = json_pack("{s:s, s:s}", "name", etcd->username,
				 "password", etcd->password);
	char *body = json ? json_dumps(json, JSON_COMPACT) : NULL;
	char *url = make_url(etcd, etcd->current, "/v3/auth/authenticate");
	struct http_post post = {
		.url = url, .body = body,
		.len = body ? strlen(body) : 0, .timeout = TIMEOUT,
	};

	etcd->login_endpoint = etcd->current;
	http_post(etcd->http, &etcd->login, &post);
	json_decref(json);
	free(body);
	free(url);
}

static void on_login_again(struct loop_timer *timer)
{
	struct etcd *etcd = container_of(timer, struct etcd, login_again);

	if (!etcd->waiting || etcd->login.http)
		return;
	etcd->login_tries = 0;
	login(etcd);
}

static void wait_for_token(struct etcd_call *call)
{
	struct etcd *etcd = call->etcd;

	call->next = etcd->waiting;
	etcd->waiting = call;
	on_login_again(&etcd->login_again);
}

/* --- requests -------------------------------------------------------------- */

static void send_call(struct etcd_call *call)
{
	struct etcd *etcd = call->etcd;
	struct http_post post = {
		.authorization = etcd->token,
		/* A watch at a member that lost its leader ends instead of being silent */
		.header = call->line ? "Grpc-Metadata-Hasleader: true" : NULL,
		.body = call->body,
		.len = call->body ? strlen(call->body) : 0,
		.timeout = call->line ? 0 : TIMEOUT,
	};
	char *url;

	if (etcd->username && !etcd->token && !etcd->open_door) {
		wait_for_token(call);
		return;
	}
	call->endpoint = call->pin >= 0 ? call->pin : etcd->current;
	call->token = etcd->token_number;
	call->http.cap = call->cap;
	url = make_url(etcd, call->endpoint, call->path);
	post.url = url;
	http_post(etcd->http, &call->http, &post);
	free(url);
}

/* False: the request is at an end. */
static bool try_again(struct etcd_call *call, const struct http_result *result,
		      const struct etcd_answer *answer)
{
	struct etcd *etcd = call->etcd;

	if (cannot_serve(result)) {
		etcd_fail_over(etcd, call->endpoint);
		if (call->line || call->pin >= 0 || ++call->tries >= (unsigned int)etcd->count)
			return false;
	} else {
		if (!etcd->username || call->renewed || !token_refused(result, answer))
			return false;
		call->renewed = true;
		if (call->token == etcd->token_number)
			etcd_drop_token(etcd);
	}
	send_call(call);
	return true;
}

static void call_done(struct http_call *http_call, const struct http_result *result)
{
	struct etcd_call *call = container_of(http_call, struct etcd_call, http);
	struct etcd_answer answer = { .error = result->error };
	struct error error;

	if (result->status == 200 && !call->line) {
		answer.json = etcd_json_parse(result->body, result->len);
		if (!answer.json || !read_header(&answer)) {
			set_error(&error, "%s%s: the answer is not what etcd says",
				  call->etcd->endpoint[call->endpoint], call->path);
			answer.error = error.text;
			json_decref(answer.json);
			answer.json = NULL;
		}
	} else if (result->status == 200) {
		set_error(&error, "%s%s: the stream ended",
			  call->etcd->endpoint[call->endpoint], call->path);
		answer.error = error.text;
	} else {
		if (result->status)
			read_refusal(call->etcd, call->endpoint, result, &answer, &error);
		if (try_again(call, result, &answer))
			return;
	}
	/* @answer.json outlives the call, which the callback may free */
	end_call(call, &answer);
	json_decref(answer.json);
}

/* A line that is no result ends the stream. */
static void refuse_line(struct etcd_call *call, const json_t *json)
{
	const json_t *refusal = json_object_get(json, "error");
	const char *text = json_string_value(json_object_get(refusal, "message"));
	struct etcd_answer answer = { 0 };
	struct error error;

	set_error(&error, "%s%s: %.200s", call->etcd->endpoint[call->endpoint], call->path,
		  text ? text : "a line that etcd does not say");
	make_plain(error.text);
	answer.code = json_integer_value(json_object_get(refusal, "grpc_code"));
	answer.error = error.text;
	etcd_fail_over(call->etcd, call->endpoint);
	http_cancel(&call->http);
	end_call(call, &answer);
}

static void call_line(struct http_call *http_call, const char *line, size_t len)
{
	struct etcd_call *call = container_of(http_call, struct etcd_call, http);
	json_t *json = etcd_json_parse(line, len);
	struct etcd_answer answer = { .json = json_object_get(json, "result") };

	if (json_is_object(answer.json) && read_header(&answer))
		call->line(call, &answer);
	else
		refuse_line(call, json);
	json_decref(json);
}

void etcd_post(struct etcd *etcd, struct etcd_call *call, const char *path, json_t *body)
{
	etcd_cancel(call);
	call->etcd = etcd;
	call->path = path;
	call->body = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	call->tries = 0;
	call->renewed = false;
	call->endpoint = etcd->current;
	call->http.done = call_done;
	call->http.line = call->line ? call_line : NULL;
	send_call(call);
}

void etcd_cancel(struct etcd_call *call)
{
	struct etcd_call **at;

	if (!call->etcd)
		return;
	for (at = &call->etcd->waiting; *at; at = &(*at)->next) {
		if (*at != call)
			continue;
		*at = call->next;
		call->next = NULL;
		break;
	}
	http_cancel(&call->http);
	free(call->body);
	call->body = NULL;
	call->etcd = NULL;
}

/* --- options --------------------------------------------------------------- */

static bool add_endpoint(struct etcd *etcd, const char *text, size_t len, struct error *error)
{
	if (strncmp(text, "http://", 7) && strncmp(text, "https://", 8))
		return set_error(error, "endpoint \"%.*s\" is not a URL: http://HOST:PORT or https://HOST:PORT",
				 (int)len, text);
	if (etcd->count == ENDPOINTS)
		return set_error(error, "more than %d endpoints: at \"%.*s\"", ENDPOINTS,
				 (int)len, text);
	while (len && text[len - 1] == '/')
		len--;
	etcd->endpoint[etcd->count] = strndup(text, len);
	if (!etcd->endpoint[etcd->count])
		return set_error(error, "out of memory");
	etcd->count++;
	return true;
}

static bool add_endpoints(struct etcd *etcd, const char *text, struct error *error)
{
	size_t len;

	for (; *text; text += len) {
		text += strspn(text, ", ");
		len = strcspn(text, ", ");
		if (len && !add_endpoint(etcd, text, len, error))
			return false;
	}
	return etcd->count || set_error(error, "no endpoint of etcd is given");
}

static bool given(const char *text)
{
	return text && *text;
}

static bool check_file(const char *what, const char *path, struct error *error)
{
	return !given(path) || !access(path, R_OK) ||
	       set_error(error, "%s %s: %s", what, path, strerror(errno));
}

static bool check_files(const struct etcd_options *options, struct error *error)
{
	if (given(options->certfile) != given(options->keyfile))
		return set_error(error, "a client certificate (%s) and its key (%s) are only of use together",
				 given(options->certfile) ? options->certfile : "none",
				 given(options->keyfile) ? options->keyfile : "none");
	return check_file("CA file", options->cafile, error) &&
	       check_file("client certificate", options->certfile, error) &&
	       check_file("key of the client certificate", options->keyfile, error);
}

static bool set_up(struct etcd *etcd, const struct etcd_options *options, struct error *error)
{
	struct http_tls tls = { options->cafile, options->certfile, options->keyfile };

	if (!check_files(options, error) || !add_endpoints(etcd, options->endpoints, error))
		return false;
	if (given(options->username)) {
		etcd->username = strdup(options->username);
		etcd->password = strdup(options->password ? options->password : "");
	}
	etcd->login.done = logged_in;
	etcd->login_again.expired = on_login_again;
	etcd->login.cap = TOKEN_CAP;
	etcd->http = http_open(&tls);
	return etcd->http || set_error(error, "out of memory");
}

struct etcd *etcd_open(const struct etcd_options *options, struct error *error)
{
	struct etcd *etcd = calloc(1, sizeof(*etcd));

	if (!etcd) {
		set_error(error, "out of memory");
		return NULL;
	}
	if (set_up(etcd, options, error))
		return etcd;
	etcd_close(etcd);
	return NULL;
}

void etcd_close(struct etcd *etcd)
{
	if (!etcd)
		return;
	while (etcd->waiting)
		etcd_cancel(etcd->waiting);
	loop_cancel(&etcd->login_again);
	http_close(etcd->http);
	while (etcd->count)
		free(etcd->endpoint[--etcd->count]);
	free(etcd->username);
	free(etcd->password);
	free(etcd->token);
	free(etcd);
}
