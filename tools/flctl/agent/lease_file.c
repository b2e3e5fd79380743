// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "lease_file.h"
#include "prefix.h"

struct header {
	struct prefix network4, network6;
	const char *backend;		/* NULL: absent */
	uint32_t vni, port, mtu;
	bool direct;
	/* Lines of the above; 0: absent */
	unsigned int at_backend, at_vni, at_port, at_mtu, at_direct;
};

struct reader {
	const char *name, *next, *end;
	unsigned int line;
	bool no_header;			/* there is a net-conf.json */
	struct header header;
	struct lease_file *file;
	struct error *error;
};

/* Always false. */
static bool __printf(3, 4) bad_line(const struct reader *r, unsigned int line,
				    const char *fmt, ...)
{
	struct words w;
	va_list args;
	char text[PARSE_ERROR];

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	words_fail(&w, "%s", text);
	return set_error(r->error, "%s:%u: %s", r->name, line, w.error);
}

static bool read_line(struct reader *r, char text[LEASE_FILE_LINE])
{
	const char *end = memchr(r->next, '\n', r->end - r->next);
	size_t len = (end ? end : r->end) - r->next;

	r->line++;
	if (len >= LEASE_FILE_LINE)
		return bad_line(r, r->line, "the line is longer than %u bytes",
				LEASE_FILE_LINE - 1);
	if (memchr(r->next, '\0', len))
		return bad_line(r, r->line, "a NUL byte: this is no text");
	memcpy(text, r->next, len);
	text[len] = '\0';
	r->next = end ? end + 1 : r->end;
	return true;
}

/* A line may stand once. */
static bool first_time(struct reader *r, const char *word, unsigned int *at)
{
	if (*at)
		return bad_line(r, r->line, "%s is given twice, in line %u before", word, *at);
	*at = r->line;
	return true;
}

static bool read_network(struct reader *r, struct words *w)
{
	const char *text = words_value(w, "network");
	struct prefix prefix, *network;

	if (!text || !parse_prefix(w, text, &prefix))
		return false;
	network = prefix.addr.family == AF_INET ? &r->header.network4 : &r->header.network6;
	if (network->addr.family)
		return words_fail(w, "network \"%s\": there is one of its family already", text);
	*network = prefix;
	return true;
}

static bool read_backend(struct reader *r, struct words *w)
{
	static const enum backend known[] = { BACKEND_VXLAN, BACKEND_HOST_GW, BACKEND_ALLOC };
	const char *text = words_value(w, "backend");
	size_t i;

	if (!text || !first_time(r, "backend", &r->header.at_backend))
		return false;
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(text, backend_name(known[i])))
			r->header.backend = backend_name(known[i]);
	return r->header.backend ||
	       words_fail(w, "backend \"%s\" is none of vxlan, host-gw and alloc", text);
}

static bool read_number(struct reader *r, struct words *w, const char *name, uint32_t min,
			uint32_t max, unsigned int *at, uint32_t *number)
{
	const char *text = words_value(w, name);

	return text && first_time(r, name, at) && parse_number(w, name, text, min, max, number);
}

static bool read_vni(struct reader *r, struct words *w)
{
	return read_number(r, w, "vni", 1, 0xffffff, &r->header.at_vni, &r->header.vni);
}

static bool read_port(struct reader *r, struct words *w)
{
	return read_number(r, w, "port", 1, 65535, &r->header.at_port, &r->header.port);
}

static bool read_mtu(struct reader *r, struct words *w)
{
	return read_number(r, w, "mtu", 1, 65535, &r->header.at_mtu, &r->header.mtu);
}

static bool read_direct(struct reader *r, struct words *w)
{
	(void)w;
	r->header.direct = true;
	return first_time(r, "directrouting", &r->header.at_direct);
}

static const struct keyword {
	const char *word;
	bool (*read)(struct reader *r, struct words *w);
} keywords[] = {
	{ "network", read_network },
	{ "backend", read_backend },
	{ "vni", read_vni },
	{ "port", read_port },
	{ "mtu", read_mtu },
	{ "directrouting", read_direct },
};

static const struct keyword *find_keyword(const char *word)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keywords); i++)
		if (!strcmp(keywords[i].word, word))
			return &keywords[i];
	return NULL;
}

static bool read_header(struct reader *r, struct words *w, const struct keyword *keyword)
{
	if (r->no_header)
		return bad_line(r, r->line, "%s stands in net-conf.json: remove one of the two",
				keyword->word);
	w->error[0] = '\0';
	words_next(w);
	if (!keyword->read(r, w))
		return *w->error ? bad_line(r, r->line, "%s", w->error) : false;
	if (w->count)
		return bad_line(r, r->line, "unknown word \"%s\" behind %s", w->word[0],
				keyword->word);
	return true;
}

/* PREFIX via VTEP, which parse_lease() does not take. */
static bool read_bare(struct words *w, struct lease *lease)
{
	memset(lease, 0, sizeof(*lease));
	return parse_prefix(w, w->word[0], &lease->prefix) &&
	       parse_addr(w, w->word[2], &lease->vtep);
}

static bool read_words(struct words *w, struct lease *lease, bool *has_mac)
{
	char dev[IF_NAMESIZE] = "";

	*has_mac = w->count != 3 || strcmp(w->word[1], "via");
	if (!*has_mac)
		return read_bare(w, lease);
	if (!parse_lease(w, lease, dev))
		return false;
	if (*dev)
		return words_fail(w, "dev %s: no device is named here", dev);
	if (lease->local)
		return words_fail(w,
				  "local: the file is the same on every host, write via VTEP lladdr MAC");
	return true;
}

static bool check_lease(struct words *w, const struct lease *lease, bool has_mac)
{
	static const uint8_t zero[6];
	char text[PREFIX_TEXT], mac[MAC_TEXT];

	if (!prefix_usable(&lease->prefix))
		return words_fail(w,
				  "\"%s\" is, or has in it, multicast, loopback, link-local or reserved addresses",
				  format_prefix(&lease->prefix, text));
	if (!addr_is_unicast(&lease->vtep))
		return words_fail(w, "VTEP \"%s\" is not a unicast address",
				  format_addr(&lease->vtep, text));
	if (lease->vtep.family != lease->prefix.addr.family)
		return words_fail(w, "VTEP \"%s\" is not of the family of its lease",
				  format_addr(&lease->vtep, text));
	if (prefix_contains(&lease->prefix, &lease->vtep))
		return words_fail(w, "VTEP \"%s\" lies in its own lease",
				  format_addr(&lease->vtep, text));
	if (has_mac && (lease->lladdr[0] & 1 || !memcmp(lease->lladdr, zero, 6)))
		return words_fail(w, "lladdr \"%s\" is not a unicast MAC",
				  format_mac(lease->lladdr, mac));
	return true;
}

static bool add_entry(struct reader *r, const struct lease *lease, bool has_mac)
{
	struct lease_file *file = r->file;
	struct lease_file_entry *grown;
	size_t room;

	if (file->count == file->room) {
		room = file->room ? file->room * 2 : 64;
		grown = reallocarray(file->entry, room, sizeof(*grown));
		if (!grown)
			return set_error(r->error, "%s: no memory for %zu leases", r->name, room);
		file->entry = grown;
		file->room = room;
	}
	grown = &file->entry[file->count++];
	memset(grown, 0, sizeof(*grown));
	grown->subnet = lease->prefix;
	grown->vtep = lease->vtep;
	grown->has_mac = has_mac;
	memcpy(grown->mac, lease->lladdr, sizeof(grown->mac));
	grown->line = r->line;
	return true;
}

static bool read_entry(struct reader *r, struct words *w)
{
	struct lease lease;
	bool has_mac;

	if (!read_words(w, &lease, &has_mac) || !check_lease(w, &lease, has_mac))
		return bad_line(r, r->line, "%s", w->error);
	return add_entry(r, &lease, has_mac);
}

static bool read_lines(struct reader *r)
{
	char text[LEASE_FILE_LINE], *word[LINE_WORDS];
	const struct keyword *keyword;
	struct words w;

	while (r->next < r->end) {
		if (!read_line(r, text))
			return false;
		if (!split_line(&w, text, word))
			return bad_line(r, r->line, "%s", w.error);
		if (!w.count)
			continue;
		keyword = find_keyword(w.word[0]);
		if (keyword ? !read_header(r, &w, keyword) : !read_entry(r, &w))
			return false;
	}
	return true;
}

/* A value that only vxlan has. */
static bool check_vxlan_only(const struct reader *r)
{
	const struct header *h = &r->header;
	const struct {
		const char *word;
		unsigned int at;
	} only[] = {
		{ "vni", h->at_vni }, { "port", h->at_port }, { "mtu", h->at_mtu },
		{ "directrouting", h->at_direct },
	};
	size_t i;

	if (!h->backend || !strcmp(h->backend, backend_name(BACKEND_VXLAN)))
		return true;
	for (i = 0; i < ARRAY_SIZE(only); i++)
		if (only[i].at)
			return bad_line(r, only[i].at, "%s is for backend vxlan, not for %s",
					only[i].word, h->backend);
	return true;
}

static void write_network(FILE *file, const char *enable, const char *key,
			  const struct prefix *network)
{
	char text[PREFIX_TEXT];

	if (!network->addr.family)
		fprintf(file, "\"%s\": false, ", enable);
	else
		fprintf(file, "\"%s\": true, \"%s\": \"%s\", ", enable, key,
			format_prefix(network, text));
}

/* As net-conf.json, so that the same defaults and rules apply. */
static bool make_config(struct reader *r)
{
	const struct header *h = &r->header;
	struct error why;
	char text[512] = "";
	FILE *file;

	if (!h->network4.addr.family && !h->network6.addr.family)
		return set_error(r->error, "%s: there is no line \"network PREFIX\"", r->name);
	if (!check_vxlan_only(r))
		return false;
	file = fmemopen(text, sizeof(text), "w");
	if (!file)
		return set_error(r->error, "%s: no memory", r->name);
	fputc('{', file);
	write_network(file, "EnableIPv4", "Network", &h->network4);
	write_network(file, "EnableIPv6", "IPv6Network", &h->network6);
	fprintf(file, "\"Backend\": {\"Type\": \"%s\"",
		h->backend ? h->backend : backend_name(BACKEND_VXLAN));
	if (h->at_vni)
		fprintf(file, ", \"VNI\": %u", h->vni);
	if (h->at_port)
		fprintf(file, ", \"Port\": %u", h->port);
	if (h->at_mtu)
		fprintf(file, ", \"MTU\": %u", h->mtu);
	if (h->direct)
		fputs(", \"DirectRouting\": true", file);
	fputs("}}", file);
	fclose(file);
	if (!net_config_parse(text, strlen(text), &r->file->config, &why))
		return set_error(r->error, "%s: %s", r->name, why.text);
	return true;
}

static bool check_entry(const struct reader *r, const struct lease_file_entry *e)
{
	const struct net_config *c = &r->file->config;
	const struct prefix *network;
	char subnet[PREFIX_TEXT], text[PREFIX_TEXT];

	network = e->subnet.addr.family == AF_INET ? &c->v4.network : &c->v6.network;
	format_prefix(&e->subnet, subnet);
	if (!network->addr.family)
		return bad_line(r, e->line, "\"%s\": there is no network of its family", subnet);
	if (!prefix_covers(network, &e->subnet))
		return bad_line(r, e->line, "\"%s\" does not lie in the network %s", subnet,
				format_prefix(network, text));
	if (c->backend == BACKEND_VXLAN && !e->has_mac)
		return bad_line(r, e->line, "\"%s\": lladdr MAC is missing: the MAC of the VTEP",
				subnet);
	return true;
}

static int compare_subnets(const void *a, const void *b)
{
	const struct lease_file_entry *const *x = a, *const *y = b;
	int order = compare_prefix(&(*x)->subnet, &(*y)->subnet);

	return order ? order : (int)(*x)->line - (int)(*y)->line;
}

static int compare_vteps(const void *a, const void *b)
{
	const struct lease_file_entry *const *x = a, *const *y = b;
	int order = compare_addr(&(*x)->vtep, &(*y)->vtep);

	return order ? order : (int)(*x)->line - (int)(*y)->line;
}

static bool check_neighbours(const struct reader *r, const struct lease_file_entry *a,
			     const struct lease_file_entry *b)
{
	char text[PREFIX_TEXT];

	if (!compare_prefix(&a->subnet, &b->subnet))
		return bad_line(r, b->line, "\"%s\" has a lease already, in line %u",
				format_prefix(&b->subnet, text), a->line);
	if (!compare_addr(&a->vtep, &b->vtep))
		return bad_line(r, b->line, "VTEP \"%s\" has a lease already, in line %u",
				format_addr(&b->vtep, text), a->line);
	return true;
}

/* What two lines say of the same thing. */
static bool check_order(const struct reader *r, const struct lease_file_entry **order,
			int (*compare)(const void *a, const void *b))
{
	size_t i;

	for (i = 0; i < r->file->count; i++)
		order[i] = &r->file->entry[i];
	qsort(order, r->file->count, sizeof(*order), compare);
	for (i = 1; i < r->file->count; i++)
		if (!check_neighbours(r, order[i - 1], order[i]))
			return false;
	return true;
}

static bool check_entries(const struct reader *r)
{
	const struct lease_file_entry **order;
	size_t i;
	bool ok;

	if (!r->file->count)
		return set_error(r->error, "%s: there is no lease in it", r->name);
	for (i = 0; i < r->file->count; i++)
		if (!check_entry(r, &r->file->entry[i]))
			return false;
	order = calloc(r->file->count, sizeof(*order));
	if (!order)
		return set_error(r->error, "%s: no memory for %zu leases", r->name,
				 r->file->count);
	ok = check_order(r, order, compare_subnets) && check_order(r, order, compare_vteps);
	free(order);
	return ok;
}

bool lease_file_parse(const char *name, const char *text, size_t len,
		      const struct net_config *config, struct lease_file *file,
		      struct error *error)
{
	struct reader r = {
		.name = name, .next = text, .end = text + len, .no_header = config,
		.file = file, .error = error,
	};
	bool ok;

	memset(file, 0, sizeof(*file));
	if (len > LEASE_FILE_SIZE)
		return set_error(error, "%s: longer than %u bytes", name, LEASE_FILE_SIZE);
	if (config)
		file->config = *config;
	ok = read_lines(&r) && (config || make_config(&r)) && check_entries(&r);
	if (!ok)
		lease_file_free(file);
	return ok;
}

void lease_file_free(struct lease_file *file)
{
	free(file->entry);
	memset(file, 0, sizeof(*file));
}

static bool same_addr(const struct addr *a, const struct addr *b)
{
	return a->family && !compare_addr(a, b);
}

static bool is_public(const struct lease_file_host *host, const struct addr *addr)
{
	return same_addr(&host->public4, addr) || same_addr(&host->public6, addr);
}

static bool is_ours(const struct lease_file_host *host, const struct addr *addr)
{
	size_t i;

	for (i = 0; i < host->count; i++)
		if (same_addr(&host->addr[i], addr))
			return true;
	return false;
}

/* Our entry of one family, by the first test that any entry passes. */
static bool find_own(const struct lease_file *file, const char *name,
		     const struct lease_file_host *host, uint8_t family,
		     const struct lease_file_entry **own, struct error *error)
{
	bool (*const test[])(const struct lease_file_host *h, const struct addr *addr) = {
		is_public, is_ours,
	};
	const struct lease_file_entry *e;
	size_t i, t;

	*own = NULL;
	for (t = 0; t < ARRAY_SIZE(test) && !*own; t++)
		for (i = 0; i < file->count; i++) {
			e = &file->entry[i];
			if (e->subnet.addr.family != family || !test[t](host, &e->vtep))
				continue;
			if (*own)
				return set_error(error,
						 "%s:%u: the VTEP is an address of this host, and so is that of line %u: say with --public-ip which is ours",
						 name, e->line, (*own)->line);
			*own = e;
		}
	return true;
}

static void fill_record(struct record *record, const struct lease_file_entry *e,
			const struct net_config *config)
{
	bool v4 = e->subnet.addr.family == AF_INET;
	struct backend_data *data = v4 ? &record->data4 : &record->data6;

	*(v4 ? &record->subnet4 : &record->subnet6) = e->subnet;
	*(v4 ? &record->public4 : &record->public6) = e->vtep;
	snprintf(record->backend, sizeof(record->backend), "%s", backend_name(config->backend));
	if (config->backend != BACKEND_VXLAN)
		return;
	data->has_mac = e->has_mac;
	memcpy(data->mac, e->mac, sizeof(data->mac));
	data->vni = config->vni;
}

/* Both of one host? */
static bool can_join(const struct lease_file_entry *e4, const struct lease_file_entry *e6)
{
	return e4->subnet.addr.family == AF_INET && e6->subnet.addr.family == AF_INET6 &&
	       e4->has_mac && e6->has_mac && !memcmp(e4->mac, e6->mac, sizeof(e4->mac));
}

static int compare_macs(const void *a, const void *b)
{
	const struct lease_file_entry *const *x = a, *const *y = b;
	int order = memcmp((*x)->mac, (*y)->mac, sizeof((*x)->mac));

	if (!order)
		order = (*x)->subnet.addr.family - (*y)->subnet.addr.family;
	return order ? order : (int)(*x)->line - (int)(*y)->line;
}

static bool fill_peers(const struct lease_file *file, const struct lease_file_entry **peer,
		       size_t count, struct record_list *peers)
{
	struct record *record;
	size_t i;

	qsort(peer, count, sizeof(*peer), compare_macs);
	for (i = 0; i < count; i++) {
		record = record_list_add(peers);
		if (!record)
			return false;
		fill_record(record, peer[i], &file->config);
		if (i + 1 < count && can_join(peer[i], peer[i + 1]))
			fill_record(record, peer[++i], &file->config);
	}
	record_list_sort(peers);
	return true;
}

static bool check_own(const struct lease_file *file, const char *name,
		      const struct lease_file_entry *own, struct error *error)
{
	char text[PREFIX_TEXT];
	size_t i;

	for (i = 0; own && i < file->count; i++) {
		const struct lease_file_entry *e = &file->entry[i];

		if (e != own && prefix_overlaps(&e->subnet, &own->subnet))
			return set_error(error, "%s:%u: \"%s\" overlaps our own lease of line %u",
					 name, e->line, format_prefix(&e->subnet, text),
					 own->line);
	}
	return true;
}

static bool find_both(const struct lease_file *file, const char *name,
		      const struct lease_file_host *host, const struct lease_file_entry **own4,
		      const struct lease_file_entry **own6, struct error *error)
{
	if (!find_own(file, name, host, AF_INET, own4, error) ||
	    !find_own(file, name, host, AF_INET6, own6, error) ||
	    !check_own(file, name, *own4, error) || !check_own(file, name, *own6, error))
		return false;
	if (*own4 && *own6 && memcmp((*own4)->mac, (*own6)->mac, 6))
		return set_error(error, "%s:%u: this host has another lladdr in line %u", name,
				 (*own6)->line, (*own4)->line);
	return true;
}

bool lease_file_records(const struct lease_file *file, const char *name,
			const struct lease_file_host *host, struct record *own,
			struct record_list *peers, struct error *error)
{
	const struct lease_file_entry *own4, *own6, **peer;
	size_t i, count = 0;
	bool ok;

	memset(own, 0, sizeof(*own));
	if (!find_both(file, name, host, &own4, &own6, error))
		return false;
	if (own4)
		fill_record(own, own4, &file->config);
	if (own6)
		fill_record(own, own6, &file->config);
	peer = calloc(file->count, sizeof(*peer));
	if (!peer)
		return set_error(error, "%s: no memory for %zu leases", name, file->count);
	for (i = 0; i < file->count; i++)
		if (&file->entry[i] != own4 && &file->entry[i] != own6)
			peer[count++] = &file->entry[i];
	ok = fill_peers(file, peer, count, peers);
	free(peer);
	return ok || set_error(error, "%s: no memory for %zu peers", name, count);
}
