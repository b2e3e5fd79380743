// SPDX-License-Identifier: GPL-2.0
#include <curl/curl.h>
#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "status.h"

#define RUN_DIR		"/run/flannel"
#define ANSWER_MAX	(16U << 20)
#define ANSWER_SECONDS	10L

enum { STATUS_READY, STATUS_NOT_READY, STATUS_NONE };

struct answer {
	char *text;
	size_t len;
};

static size_t collect(char *data, size_t size, size_t count, void *user)
{
	struct answer *answer = user;
	size_t len = size * count;
	char *text;

	if (answer->len + len > ANSWER_MAX)
		return 0;
	text = realloc(answer->text, answer->len + len + 1);
	if (!text)
		return 0;
	memcpy(text + answer->len, data, len);
	answer->text = text;
	answer->len += len;
	return len;
}

static json_t *ask(const char *socket, struct error *error)
{
	CURL *curl = curl_easy_init();
	struct answer answer = {};
	json_t *status = NULL;
	json_error_t why;
	CURLcode code;

	if (!curl) {
		set_error(error, "out of memory");
		return NULL;
	}
	curl_easy_setopt(curl, CURLOPT_URL, "http://agent/status");
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, ANSWER_SECONDS);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
	code = curl_easy_perform(curl);
	curl_easy_cleanup(curl);
	if (code != CURLE_OK)
		set_error(error, "%s: no agent answers: %s", socket, curl_easy_strerror(code));
	else
		status = json_loadb(answer.text, answer.len, JSON_REJECT_DUPLICATES, &why);
	if (code == CURLE_OK && !status)
		set_error(error, "%s: the agent's answer makes no sense: %s", socket, why.text);
	free(answer.text);
	return status;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static double number_of(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

static bool is_true(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

static void print_lease(const json_t *lease)
{
	double expires = number_of(lease, "expires_seconds");

	if (!text_of(lease, "subnet")[0] && !text_of(lease, "subnet6")[0]) {
		printf("  lease    none\n");
		return;
	}
	printf("  lease    %s%s%s, public address %s%s%s, %s", text_of(lease, "subnet"),
	       text_of(lease, "subnet6")[0] ? " " : "", text_of(lease, "subnet6"),
	       text_of(lease, "public"), text_of(lease, "public6")[0] ? " " : "",
	       text_of(lease, "public6"), is_true(lease, "held") ? "held" : "not held");
	if (expires > 0)
		printf(", ends in %.0f s", expires);
	putchar('\n');
}

static void print_status(const json_t *status)
{
	const json_t *store = json_object_get(status, "store");
	const json_t *table = json_object_get(status, "table");
	const json_t *rounds = json_object_get(status, "reconcile");
	const char *why = text_of(status, "why");

	printf("%s: %s%s%s\n", text_of(status, "network"),
	       is_true(status, "ready") ? "ready" : "not ready", why[0] ? ": " : "", why);
	printf("  backend  %s%s%s\n", text_of(status, "backend"),
	       text_of(status, "device")[0] ? " on " : "", text_of(status, "device"));
	printf("  store    %s, %s for %.0f s%s%s\n", text_of(store, "name"),
	       is_true(store, "reachable") ? "reachable" : "not reachable",
	       number_of(store, "seconds"), text_of(store, "last_error")[0] ? "; last error: " : "",
	       text_of(store, "last_error"));
	print_lease(json_object_get(status, "lease"));
	printf("  table    %.0f leases of %.0f peers, %.0f skipped, %s\n",
	       number_of(table, "leases"), number_of(table, "peers"), number_of(table, "skipped"),
	       is_true(table, "applied") ? "applied" : "not applied");
	printf("  rounds   %.0f, %.0f failed, %.0f changes, the last one took %.1f ms\n",
	       number_of(rounds, "count"), number_of(rounds, "failures"),
	       number_of(rounds, "changes"), number_of(rounds, "last_seconds") * 1000);
	if (text_of(rounds, "error")[0])
		printf("  error    %s\n", text_of(rounds, "error"));
}

/* All agents as members of one object, by their names. */
static bool print_json(json_t *all)
{
	char *text = json_dumps(all, JSON_INDENT(2) | JSON_REAL_PRECISION(10));

	if (text)
		puts(text);
	free(text);
	return text;
}

static int show_all(const glob_t *sockets, bool json)
{
	json_t *all = json_object();
	int code = STATUS_READY;
	struct error error;
	size_t i;

	for (i = 0; i < sockets->gl_pathc; i++) {
		json_t *status = ask(sockets->gl_pathv[i], &error);

		if (!status) {
			fprintf(stderr, "flctl status: %s\n", error.text);
			code = STATUS_NOT_READY;
			continue;
		}
		if (!is_true(status, "ready"))
			code = STATUS_NOT_READY;
		if (!json)
			print_status(status);
		json_object_set_new(all, text_of(status, "network"), status);
	}
	if (json && !print_json(all))
		code = STATUS_NOT_READY;
	json_decref(all);
	return code;
}

static int usage(const char *word)
{
	fprintf(stderr,
		"flctl status: unknown word \"%s\": flctl status [--json] [--run-dir PATH]\n", word);
	return STATUS_NONE;
}

int status_show(int argc, char **argv)
{
	const char *dir = RUN_DIR;
	char pattern[4096];
	glob_t sockets = {};
	bool json = false;
	int i, code;

	for (i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--json") || !strcmp(argv[i], "-j"))
			json = true;
		else if (!strcmp(argv[i], "--run-dir") && i + 1 < argc)
			dir = argv[++i];
		else
			return usage(argv[i]);
	}
	snprintf(pattern, sizeof(pattern), "%s/*.sock", dir);
	if (glob(pattern, 0, NULL, &sockets)) {
		fprintf(stderr, "flctl status: no agent runs here: there is no %s\n", pattern);
		return STATUS_NONE;
	}
	code = show_all(&sockets, json);
	globfree(&sockets);
	return code;
}
