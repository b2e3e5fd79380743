// SPDX-License-Identifier: GPL-2.0
/* The HTTP responder on real sockets, and what it says. */

#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "health.h"
#include "loop.h"

/* More than any answer has. */
#define ANSWER_SIZE	(64U << 20)

static char dir[64], path[128];
static struct agent_status wanted;
static struct record own;
static size_t vteps;
static unsigned int fills, counted;
static uint16_t port;
static char *answer;
static size_t answer_size;

static void fill(void *data, struct agent_status *status, bool counters)
{
	size_t i;

	assert_ptr_equal(data, &wanted);
	*status = wanted;
	fills++;
	counted += counters;
	if (!counters)
		return;
	status->stats.stats = calloc(1, sizeof(*status->stats.stats));
	status->stats.count = 1;
	strcpy(status->stats.stats->name, "flannel.1");
	for (i = 0; i <= FLANNEL_A_STATS_MAX; i++)
		status->stats.stats->value[i] = 1000 + i;
	status->vteps.vtep = calloc(vteps, sizeof(*status->vteps.vtep));
	status->vteps.count = vteps;
	for (i = 0; i < vteps; i++) {
		status->vteps.vtep[i].addr = (struct addr){ AF_INET, { 11, i >> 16, i >> 8, i } };
		status->vteps.vtep[i].tx_packets = i;
	}
}

/* A port that was free a moment ago. */
static uint16_t free_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	close(fd);
	return ntohs(in.sin_port);
}

static void open_health(void)
{
	struct health_options options = {
		.ip = { AF_INET, { 127, 0, 0, 1 } }, .socket = path, .fill = fill,
		.data = &wanted,
	};
	struct error error;

	port = free_port();
	options.port = port;
	if (!health_open(&options, &error))
		fail_msg("%s", error.text);
}

static int setup(void **state)
{
	(void)state;
	memset(&wanted, 0, sizeof(wanted));
	wanted.now = 100000;
	wanted.network = "blue";
	wanted.version = "1";
	wanted.store_name = "etcd";
	wanted.backend = "vxlan";
	wanted.device = "flannel.1";
	wanted.error = "";
	wanted.store.reachable = true;
	wanted.store.since = 40000;
	wanted.store.lease_held = true;
	wanted.store.lease_expires = 107500;
	wanted.applied = true;
	wanted.applied_at = 90000;
	wanted.peers = 3;
	wanted.reconciles = 4;
	wanted.reconcile_ns = 1500000;
	wanted.own = &own;
	memset(&own, 0, sizeof(own));
	own.subnet4 = (struct prefix){ { AF_INET, { 10, 42, 1, 0 } }, 24 };
	own.public4 = (struct addr){ AF_INET, { 192, 0, 2, 1 } };
	own.data4 = (struct backend_data){ .has_mac = true, .mac = { 2, 0, 0, 0, 0, 1 } };
	vteps = 2;
	fills = 0;
	strcpy(dir, "/tmp/health_test.XXXXXX");
	if (!loop_open() || !mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/x.sock", dir);
	open_health();
	return 0;
}

static int teardown(void **state)
{
	struct stat st;

	(void)state;
	health_close();
	loop_close();
	free(answer);
	answer = NULL;
	/* The socket went, too */
	return !lstat(path, &st) || rmdir(dir);
}

static int dial(bool tcp)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	strcpy(sun.sun_path, path);
	if (tcp)
		assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	else
		assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static void turn(int ms)
{
	int64_t end = loop_now() + ms;

	do
		assert_true(loop_turn(5));
	while (loop_now() < end);
}

/* Until the other side closes; returns false when it does not. */
static bool read_answer(int fd)
{
	int64_t end = loop_now() + 10000;
	ssize_t got = -1;

	free(answer);
	answer = malloc(ANSWER_SIZE);
	answer_size = 0;
	while (got && loop_now() < end) {
		assert_true(loop_turn(5));
		got = recv(fd, answer + answer_size, ANSWER_SIZE - 1 - answer_size, MSG_DONTWAIT);
		answer_size += got > 0 ? got : 0;
	}
	answer[answer_size] = '\0';
	close(fd);
	return !got;
}

static const char *ask(bool tcp, const char *request)
{
	int fd = dial(tcp);

	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	assert_true(read_answer(fd));
	return answer;
}

static void contains(const char *text)
{
	if (!strstr(answer, text))
		fail_msg("no \"%s\" in:\n%s", text, answer);
}

static void begins(const char *text)
{
	if (strncmp(answer, text, strlen(text)))
		fail_msg("no \"%s\" at the start of:\n%s", text, answer);
}

static const char *body(void)
{
	return strstr(answer, "\r\n\r\n") + 4;
}

static void health_and_readiness(void **state)
{
	static const char live[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
	static const char ready[] = "GET /readyz?verbose HTTP/1.0\r\n\r\n";

	(void)state;
	ask(true, live);
	begins("HTTP/1.0 200 OK\r\n");
	contains("\r\nConnection: close\r\n");
	contains("\r\n\r\nok\n");
	contains("store        yes for 60 s\n");
	ask(false, ready);
	begins("HTTP/1.0 200 OK\r\n");
	/* The data path works without the store */
	wanted.store.reachable = false;
	strcpy(wanted.store.last_error, "connection refused\nHTTP/1.0 200");
	ask(true, ready);
	begins("HTTP/1.0 200 OK\r\n");
	contains("store        unreachable for 60 s\n");
	contains("store error  connection refused HTTP/1.0 200\n");
	wanted.store.lease_held = false;
	ask(true, ready);
	begins("HTTP/1.0 503 Service Unavailable\r\n");
	contains("\r\n\r\nnot ready: no lease is held\n");
	wanted.refused = true;
	wanted.error = "flanneld (pid 7) is running: stop it first";
	ask(true, ready);
	contains("\r\n\r\nnot ready: flanneld (pid 7) is running: stop it first\n");
	wanted.refused = false;
	wanted.store.lease_held = true;
	wanted.applied = false;
	wanted.error = "no route";
	ask(true, ready);
	begins("HTTP/1.0 503 ");
	contains("not ready: the table is not applied\n");
	contains("error        no route\n");
	wanted.applied = true;
	wanted.displaced = true;
	ask(true, ready);
	contains("not ready: displaced: another device has the name of ours\n");
	ask(true, live);
	begins("HTTP/1.0 200 OK\r\n");
}

static void requests(void **state)
{
	char big[HEALTH_HEAD + 1];

	(void)state;
	ask(true, "HEAD /metrics HTTP/1.0\r\n\r\n");
	begins("HTTP/1.0 200 OK\r\n");
	assert_string_equal(body(), "");
	assert_null(strstr(answer, "Content-Length: 0"));
	fills = 0;
	ask(true, "POST /healthz HTTP/1.0\r\n\r\n");
	begins("HTTP/1.0 405 Method Not Allowed\r\n");
	contains("\r\nAllow: GET, HEAD\r\n");
	ask(true, "GET /etc/passwd HTTP/1.0\r\n\r\n");
	begins("HTTP/1.0 404 Not Found\r\n");
	ask(true, "GET /healthz\r\n\r\n");
	begins("HTTP/1.0 400 Bad Request\r\n");
	ask(true, "\r\n\r\n");
	begins("HTTP/1.0 400 Bad Request\r\n");
	memset(big, 'x', sizeof(big));
	big[HEALTH_HEAD] = '\0';
	ask(true, big);
	begins("HTTP/1.0 431 ");
	assert_int_equal(fills, 0);
}

/* To ask the kernel for all VTEPs is dear. */
static void counters_where_they_are_shown(void **state)
{
	(void)state;
	counted = 0;
	ask(true, "GET /healthz HTTP/1.0\r\n\r\n");
	ask(true, "GET /readyz HTTP/1.0\r\n\r\n");
	assert_int_equal(counted, 0);
	ask(true, "GET /metrics HTTP/1.0\r\n\r\n");
	ask(true, "GET /status HTTP/1.0\r\n\r\n");
	assert_int_equal(counted, 2);
}

/* A client that cannot be accepted does not keep the loop turning. */
static void out_of_descriptors(void **state)
{
	struct rlimit limit, less;
	unsigned int turns = 0;
	int64_t end;
	int fd;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	less = limit;
	fd = dial(true);
	less.rlim_cur = fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
	for (end = loop_now() + 10 * HEALTH_AGAIN_MS; loop_now() < end; turns++)
		assert_true(loop_turn(HEALTH_AGAIN_MS));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	/* One for each time it is tried again, and one that waits in between */
	if (turns > 50)
		fail_msg("%u turns", turns);
	assert_int_equal(send(fd, "GET /healthz HTTP/1.0\r\n\r\n", 25, MSG_NOSIGNAL), 25);
	assert_true(read_answer(fd));
	begins("HTTP/1.0 200 OK\r\n");
}

static void in_pieces(void **state)
{
	static const char request[] = "GET /healthz HTTP/1.0\r\n\r\n";
	int fd = dial(true);
	size_t i;

	(void)state;
	for (i = 0; i < strlen(request); i++) {
		assert_int_equal(send(fd, request + i, 1, MSG_NOSIGNAL), 1);
		assert_true(loop_turn(2));
	}
	assert_true(read_answer(fd));
	begins("HTTP/1.0 200 OK\r\n");
}

static void silent_client_is_dropped(void **state)
{
	int64_t begin = loop_now();
	int fd = dial(true);
	char byte;

	(void)state;
	assert_int_equal(send(fd, "GET", 3, 0), 3);
	turn(HEALTH_HEAD_MS - 1000);
	if (loop_now() - begin < HEALTH_HEAD_MS)
		assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	turn(1500);
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
	close(fd);
}

static void crowd_does_not_lock_others_out(void **state)
{
	int fd[3 * HEALTH_CLIENTS];
	char byte;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(fd); i++) {
		fd[i] = dial(i % 2);
		turn(1);
	}
	assert_int_equal(recv(fd[0], &byte, 1, MSG_DONTWAIT), 0);
	assert_int_equal(recv(fd[ARRAY_SIZE(fd) - 1], &byte, 1, MSG_DONTWAIT), -1);
	ask(true, "GET /healthz HTTP/1.0\r\n\r\n");
	begins("HTTP/1.0 200 OK\r\n");
	for (i = 0; i < ARRAY_SIZE(fd); i++)
		close(fd[i]);
	turn(20);
}

/* An answer larger than any socket buffer, read slowly, then one not read. */
static void big_answer(void **state)
{
	int fd;

	(void)state;
	vteps = 65000;
	ask(false, "GET /metrics HTTP/1.0\r\n\r\n");
	contains("flannel_peer_transmit_packets_total{network=\"blue\",peer=\"11.0.253.231\"} 64999\n");
	assert_int_equal(strtoul(strstr(answer, "Content-Length: ") + 16, NULL, 10),
			 strlen(body()));
	fd = dial(true);
	assert_int_equal(send(fd, "GET /metrics HTTP/1.0\n\n", 23, 0), 23);
	turn(50);
	close(fd);
	turn(50);
}

static void metrics(void **state)
{
	const char *line, *next;
	char name[128];

	(void)state;
	wanted.network = "a\"b\\c\nd";
	ask(true, "GET /metrics HTTP/1.0\r\n\r\n");
	contains("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
	contains("\nflannel_peers{network=\"a\\\"b\\\\c\\nd\"} 3\n");
	contains("\nflannel_store_state_seconds{network=\"a\\\"b\\\\c\\nd\"} 60\n");
	contains("\nflannel_lease_expiry_seconds{network=\"a\\\"b\\\\c\\nd\"} 7.5\n");
	contains("\nflannel_reconcile_seconds_sum{network=\"a\\\"b\\\\c\\nd\"} 0.001500000\n");
	contains("\nflannel_reconcile_seconds_count{network=\"a\\\"b\\\\c\\nd\"} 4\n");
	contains("device=\"flannel.1\",direction=\"receive\",cause=\"unknown_vtep\"} 1027\n");
	contains("device=\"flannel.1\",direction=\"transmit\",cause=\"no_lease\"} 1006\n");
	contains(",peer=\"11.0.0.1\"} 1\n");
	/* Each sample stands below the TYPE of its family */
	*name = '\0';
	for (line = body(); *line; line = next) {
		next = strchr(line, '\n') + 1;
		if (sscanf(line, "# TYPE %127s", name) == 1 || *line == '#')
			continue;
		if (strncmp(line, name, strlen(name)))
			fail_msg("not below %s: %.*s", name, (int)(next - line), line);
	}
}

static void status(void **state)
{
	json_t *all, *lease;

	(void)state;
	strcpy(wanted.store.last_error, "\"quoted\"");
	assert_int_equal(wanted.store.errors, 0);
	ask(false, "GET /status HTTP/1.0\r\n\r\n");
	contains("\r\nContent-Type: application/json\r\n");
	all = json_loads(body(), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(all);
	assert_string_equal(json_string_value(json_object_get(all, "network")), "blue");
	assert_true(json_is_true(json_object_get(all, "ready")));
	lease = json_object_get(all, "lease");
	assert_string_equal(json_string_value(json_object_get(lease, "subnet")), "10.42.1.0/24");
	assert_string_equal(json_string_value(json_object_get(lease, "lladdr")),
			    "02:00:00:00:00:01");
	assert_null(json_object_get(lease, "subnet6"));
	assert_int_equal(json_array_size(json_object_get(all, "vteps")), 2);
	assert_int_equal(json_array_size(json_object_get(all, "devices")), 1);
	assert_string_equal(json_string_value(json_object_get(json_object_get(all, "store"),
							      "last_error")), "\"quoted\"");
	json_decref(all);
	wanted.own = NULL;
	wanted.store.lease_held = false;
	ask(false, "GET /status HTTP/1.0\r\n\r\n");
	contains("\"why\":\"no lease is held\"");
}

static void listening(void **state)
{
	struct health_options again = {
		.ip = { AF_INET, { 127, 0, 0, 1 } }, .socket = "", .fill = fill, .port = port,
	};
	char text[128];
	struct error error;
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* A port that somebody has */
	health_close();
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&(struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) }, sizeof(struct sockaddr_in)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_false(health_open(&again, &error));
	snprintf(text, sizeof(text), "cannot listen at 127.0.0.1 port %u: Address already in use",
		 port);
	assert_string_equal(error.text, text);
	close(fd);
	/* A file that is no socket stays */
	again.port = 0;
	again.socket = path;
	close(creat(path, 0600));
	assert_false(health_open(&again, &error));
	assert_int_equal(unlink(path), 0);
}

/* What an agent that was killed leaves behind. */
static void stale_socket(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	health_close();
	strcpy(sun.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	open_health();
	ask(false, "GET /healthz HTTP/1.0\r\n\r\n");
	begins("HTTP/1.0 200 OK\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(health_and_readiness),
		TEST(requests),
		TEST(counters_where_they_are_shown),
		TEST(out_of_descriptors),
		TEST(in_pieces),
		TEST(silent_client_is_dropped),
		TEST(crowd_does_not_lock_others_out),
		TEST(big_answer),
		TEST(metrics),
		TEST(status),
		TEST(listening),
		TEST(stale_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
