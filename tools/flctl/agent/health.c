// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "health.h"
#include "loop.h"

struct client {
	struct loop_watch watch;
	struct loop_timer deadline;
	uint64_t number;		/* the smaller, the older */
	size_t used;
	char *answer;
	size_t size, sent;
	char head[HEALTH_HEAD];
};

struct answer {
	int status;
	const char *type;
	char *body;
	size_t size;
};

static struct health_options options;
static struct client *clients[HEALTH_CLIENTS];
static uint64_t client_number;
static char socket_path[sizeof(((struct sockaddr_un *)0)->sun_path)];

static void accept_clients(struct loop_watch *watch, uint32_t events);
static void accept_again(struct loop_timer *timer);

struct listener {
	struct loop_watch watch;
	struct loop_timer again;
	int fd;
};

static struct listener tcp = {
	.watch = { .fd = -1, .ready = accept_clients }, .again.expired = accept_again, .fd = -1,
};
static struct listener local = {
	.watch = { .fd = -1, .ready = accept_clients }, .again.expired = accept_again, .fd = -1,
};

/* --- the request ------------------------------------------------------------ */

static bool has_end(const char *text, size_t len)
{
	return memmem(text, len, "\r\n\r\n", 4) || memmem(text, len, "\n\n", 2);
}

/* The word at *@at, up to @end; *@at goes behind the space after it. */
static size_t next_word(const char **at, const char *end)
{
	const char *start = *at, *space = memchr(start, ' ', end - start);
	size_t len = (space ? space : end) - start;

	*at = space ? space + 1 : end;
	return len;
}

static bool is_text(const char *word, size_t len, const char *text)
{
	return len == strlen(text) && !memcmp(word, text, len);
}

static int parse_method(const char *word, size_t len, struct health_request *request)
{
	size_t i;

	request->head = is_text(word, len, "HEAD");
	if (request->head || is_text(word, len, "GET"))
		return 200;
	for (i = 0; i < len; i++)
		if (word[i] < 'A' || word[i] > 'Z')
			return 400;
	return len ? 405 : 400;
}

static int parse_path(const char *word, size_t len, struct health_request *request)
{
	const char *query = memchr(word, '?', len);
	size_t i;

	if (query)
		len = query - word;
	if (!len || *word != '/')
		return 400;
	for (i = 0; i < len; i++)
		if (word[i] < '!' || word[i] > '~')
			return 400;
	if (len >= sizeof(request->path))
		return 404;
	memcpy(request->path, word, len);
	request->path[len] = '\0';
	return 200;
}

static bool is_version(const char *word, size_t len)
{
	return len == 8 && !memcmp(word, "HTTP/1.", 7) && word[7] >= '0' && word[7] <= '9';
}

int health_parse(const char *text, size_t len, struct health_request *request)
{
	const char *end = memchr(text, '\n', len), *at = text, *word;
	size_t size;
	int status;

	if (!has_end(text, len))
		return len < HEALTH_HEAD ? 0 : 431;
	memset(request, 0, sizeof(*request));
	if (end > text && end[-1] == '\r')
		end--;
	size = next_word(&at, end);
	status = parse_method(text, size, request);
	if (status == 400)
		return status;
	word = at;
	size = next_word(&at, end);
	if (!is_version(at, end - at))
		return 400;
	return status == 200 ? parse_path(word, size, request) : status;
}

/* --- the answer ------------------------------------------------------------- */

static const char *reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 431:
		return "Request Header Fields Too Large";
	case 503:
		return "Service Unavailable";
	default:
		return "Internal Server Error";
	}
}

static void fill_healthz(FILE *file, const struct agent_status *status, struct answer *a)
{
	(void)a;
	fputs("ok\n", file);
	metrics_text(file, status);
}

static void fill_readyz(FILE *file, const struct agent_status *status, struct answer *a)
{
	const char *why;

	if (!agent_ready(status, &why))
		a->status = 503;
	fprintf(file, "%s%s\n", why ? "not ready: " : "ok", why ? why : "");
	metrics_text(file, status);
}

static void fill_metrics(FILE *file, const struct agent_status *status, struct answer *a)
{
	a->type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_prometheus(file, status);
}

static void fill_status(FILE *file, const struct agent_status *status, struct answer *a)
{
	a->type = "application/json";
	if (!metrics_json(file, status))
		a->status = 500;
}

static const struct page {
	const char *path;
	void (*fill)(FILE *file, const struct agent_status *status, struct answer *a);
	bool counters;
} pages[] = {
	{ "/healthz", fill_healthz, false },
	{ "/readyz", fill_readyz, false },
	{ "/metrics", fill_metrics, true },
	{ "/status", fill_status, true },
};

static const struct page *find_page(const char *path)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pages); i++)
		if (!strcmp(pages[i].path, path))
			return &pages[i];
	return NULL;
}

static void fill_body(FILE *file, const struct health_request *request, struct answer *a)
{
	const struct page *page = a->status == 200 ? find_page(request->path) : NULL;
	struct agent_status status = { 0 };

	if (a->status == 200 && !page)
		a->status = 404;
	if (!page) {
		fprintf(file, "%d %s: GET or HEAD of /healthz, /readyz, /metrics, /status\n",
			a->status, reason(a->status));
		return;
	}
	options.fill(options.data, &status, page->counters);
	page->fill(file, &status, a);
	agent_status_free(&status);
}

/* Head and body in one piece; false: no memory. */
static bool make_answer(struct client *c, int status, const struct health_request *request)
{
	struct answer a = { .status = status, .type = "text/plain; charset=utf-8" };
	FILE *file = open_memstream(&a.body, &a.size);

	if (!file)
		return false;
	fill_body(file, request, &a);
	if (fclose(file)) {
		free(a.body);
		return false;
	}
	file = open_memstream(&c->answer, &c->size);
	if (file) {
		fprintf(file,
			"HTTP/1.0 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n%sConnection: close\r\n\r\n",
			a.status, reason(a.status), a.type, a.size,
			a.status == 405 ? "Allow: GET, HEAD\r\n" : "");
		if (status != 200 || !request->head)
			fwrite(a.body, 1, a.size, file);
	}
	free(a.body);
	return file && !fclose(file);
}

/* --- clients ---------------------------------------------------------------- */

static void drop_client(struct client *c)
{
	int fd = c->watch.fd;
	size_t i;

	for (i = 0; i < HEALTH_CLIENTS; i++)
		if (clients[i] == c)
			clients[i] = NULL;
	loop_cancel(&c->deadline);
	loop_unwatch(&c->watch);
	close(fd);
	free(c->answer);
	free(c);
}

static void too_late(struct loop_timer *timer)
{
	drop_client(container_of(timer, struct client, deadline));
}

static void send_answer(struct client *c)
{
	ssize_t sent;

	while (c->sent < c->size) {
		sent = send(c->watch.fd, c->answer + c->sent, c->size - c->sent,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN && loop_watch(&c->watch, c->watch.fd, EPOLLOUT))
			return;
		if (sent < 0)
			break;
		c->sent += sent;
	}
	drop_client(c);
}

static void read_request(struct client *c)
{
	struct health_request request = { 0 };
	ssize_t got;
	int status;

	got = recv(c->watch.fd, c->head + c->used, sizeof(c->head) - c->used, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		drop_client(c);
		return;
	}
	c->used += got;
	status = health_parse(c->head, c->used, &request);
	if (!status)
		return;
	loop_after(&c->deadline, HEALTH_SEND_MS);
	if (make_answer(c, status, &request))
		send_answer(c);
	else
		drop_client(c);
}

static void client_ready(struct loop_watch *watch, uint32_t events)
{
	struct client *c = container_of(watch, struct client, watch);

	(void)events;
	if (c->answer)
		send_answer(c);
	else
		read_request(c);
}

/* A free place, or that of the oldest client. */
static struct client **find_place(void)
{
	struct client **oldest = clients;
	size_t i;

	for (i = 0; i < HEALTH_CLIENTS; i++) {
		if (!clients[i])
			return &clients[i];
		if (clients[i]->number < (*oldest)->number)
			oldest = &clients[i];
	}
	drop_client(*oldest);
	return oldest;
}

static void add_client(int fd)
{
	struct client **place = find_place(), *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return;
	}
	c->watch.fd = -1;
	c->watch.ready = client_ready;
	c->deadline.expired = too_late;
	c->number = ++client_number;
	*place = c;
	if (!loop_watch(&c->watch, fd, EPOLLIN)) {
		c->watch.fd = fd;
		drop_client(c);
		return;
	}
	loop_after(&c->deadline, HEALTH_HEAD_MS);
}

static void accept_again(struct loop_timer *timer)
{
	struct listener *l = container_of(timer, struct listener, again);

	if (!loop_watch(&l->watch, l->fd, EPOLLIN))
		loop_after(timer, HEALTH_AGAIN_MS);
}

/*
 * Without a descriptor or memory a client stays in the queue, and epoll would say
 * so again and again.
 */
static void pause_accept(struct listener *l, int why)
{
	static int64_t said;

	if (why == EAGAIN || why == EINTR || why == ECONNABORTED)
		return;
	if (!said || loop_now() - said >= HEALTH_SAY_MS)
		log_warning("cannot accept a client for /healthz and the like: %s", strerror(why));
	said = loop_now();
	loop_unwatch(&l->watch);
	loop_after(&l->again, HEALTH_AGAIN_MS);
}

static void accept_clients(struct loop_watch *watch, uint32_t events)
{
	struct listener *l = container_of(watch, struct listener, watch);
	unsigned int i;
	int fd;

	(void)events;
	/* Who connects faster than that waits for the next turn */
	for (i = 0; i < HEALTH_CLIENTS; i++) {
		fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			pause_accept(l, errno);
			return;
		}
		add_client(fd);
	}
}

/* --- listening -------------------------------------------------------------- */

static bool listen_at(struct listener *l, const struct sockaddr *sa, socklen_t len)
{
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, error;

	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, sa, len) && !listen(fd, HEALTH_CLIENTS) &&
	    loop_watch(&l->watch, fd, EPOLLIN)) {
		l->fd = fd;
		return true;
	}
	error = errno;
	close(fd);
	errno = error;
	return false;
}

static bool listen_tcp(struct error *error)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(options.port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(options.port) };
	char text[ADDR_TEXT];
	bool ok;

	memcpy(&four.sin_addr, options.ip.bytes, 4);
	memcpy(&six.sin6_addr, options.ip.bytes, 16);
	if (options.ip.family == AF_INET)
		ok = listen_at(&tcp, (struct sockaddr *)&four, sizeof(four));
	else
		ok = listen_at(&tcp, (struct sockaddr *)&six, sizeof(six));
	return ok || set_error(error, "cannot listen at %s port %u: %s",
			       format_addr(&options.ip, text), options.port, strerror(errno));
}

/* What an agent that was killed left behind; nothing but a socket. */
static void remove_socket(const char *path)
{
	struct stat st;

	if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
}

static bool listen_local(const char *path, struct error *error)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	mode_t mask;
	bool ok;

	if (strlen(path) >= sizeof(sun.sun_path))
		return set_error(error, "\"%s\" is longer than the %zu bytes of a socket's path",
				 path, sizeof(sun.sun_path) - 1);
	strcpy(sun.sun_path, path);
	remove_socket(path);
	mask = umask(0177);
	ok = listen_at(&local, (struct sockaddr *)&sun, sizeof(sun));
	umask(mask);
	if (!ok)
		return set_error(error, "cannot listen at %s: %s", path, strerror(errno));
	strcpy(socket_path, path);
	return true;
}

bool health_open(const struct health_options *wanted, struct error *error)
{
	options = *wanted;
	if ((!*options.socket || listen_local(options.socket, error)) &&
	    (!options.port || listen_tcp(error)))
		return true;
	health_close();
	return false;
}

static void close_listener(struct listener *l)
{
	loop_cancel(&l->again);
	loop_unwatch(&l->watch);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

void health_close(void)
{
	size_t i;

	for (i = 0; i < HEALTH_CLIENTS; i++)
		if (clients[i])
			drop_client(clients[i]);
	close_listener(&tcp);
	close_listener(&local);
	if (*socket_path)
		remove_socket(socket_path);
	*socket_path = '\0';
}
