// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"

struct cause {
	unsigned int attr;
	bool rx;
	const char *name;
};

#define TX(attr, name)	{ FLANNEL_A_STATS_TX_##attr, false, name }
#define RX(attr, name)	{ FLANNEL_A_STATS_RX_##attr, true, name }

static const struct cause causes[] = {
	TX(NO_LEASE, "no_lease"), TX(LOCAL_LEASE, "local_lease"),
	TX(MULTICAST, "multicast"), TX(NOT_IP, "not_ip"), TX(TOO_BIG, "too_big"),
	TX(NO_ROUTE, "no_route"), TX(LOCAL_VTEP, "local_vtep"), TX(LOOP, "loop"),
	TX(NO_SOCKET, "no_socket"), TX(NO_MEMORY, "no_memory"), TX(UNDERLAY, "underlay"),
	RX(BAD_HEADER, "bad_header"), RX(BAD_VNI, "bad_vni"), RX(WRONG_DEV, "wrong_dev"),
	RX(WRONG_ADDR, "wrong_addr"), RX(NO_CSUM, "no_csum"), RX(BAD_MAC, "bad_mac"),
	RX(NOT_IP, "not_ip"), RX(MALFORMED, "malformed"), RX(ECN, "ecn"),
	RX(UNKNOWN_VTEP, "unknown_vtep"), RX(FOREIGN_LEASE, "foreign_lease"),
	RX(OWN_SOURCE, "own_source"), RX(BOGUS_SOURCE, "bogus_source"),
	RX(NO_LEASE, "no_lease"), RX(NO_MEMORY, "no_memory"),
};

/* Four of packets and bytes, and RX_FOREIGN_MAC, are no drops. */
_Static_assert(ARRAY_SIZE(causes) + 5 == FLANNEL_A_STATS_MAX - FLANNEL_A_STATS_PAD,
	       "causes[] does not list every drop of flannel.h");

void agent_status_free(struct agent_status *status)
{
	free(status->stats.stats);
	free(status->vteps.vtep);
	memset(&status->stats, 0, sizeof(status->stats));
	memset(&status->vteps, 0, sizeof(status->vteps));
}

bool agent_ready(const struct agent_status *s, const char **why)
{
	*why = NULL;
	if (s->displaced)
		*why = "displaced: another device has the name of ours";
	else if (s->refused && *s->error)
		*why = s->error;
	else if (!s->store.lease_held)
		*why = "no lease is held";
	else if (s->waits)
		*why = "iptables has not said yet what FORWARD does";
	else if (!s->applied)
		*why = "the table is not applied";
	return !*why;
}

static double seconds_since(const struct agent_status *s, int64_t when)
{
	return when ? (s->now - when) / 1000.0 : 0;
}

/* Seconds until the own lease ends; 0: never, or over. */
static double lease_seconds(const struct agent_status *s)
{
	return s->store.lease_expires > s->now ? (s->store.lease_expires - s->now) / 1000.0 : 0;
}

static void text_word(FILE *file, const char *name, bool yes, const char *no, double since)
{
	fprintf(file, "%-12s %s for %.0f s\n", name, yes ? "yes" : no, since);
}

static void text_error(FILE *file, const char *name, const char *error)
{
	const char *c;

	if (!*error)
		return;
	fprintf(file, "%-12s ", name);
	for (c = error; *c; c++)
		fputc(*c == '\n' || *c == '\r' ? ' ' : *c, file);
	fputc('\n', file);
}

void metrics_text(FILE *file, const struct agent_status *s)
{
	fprintf(file, "%-12s %s\n", "network", s->network);
	fprintf(file, "%-12s %s\n", "lease held", s->store.lease_held ? "yes" : "no");
	text_word(file, "store", s->store.reachable, "unreachable",
		  seconds_since(s, s->store.since));
	text_word(file, "applied", s->applied, "no", seconds_since(s, s->applied_at));
	fprintf(file, "%-12s %zu\n", "peers", s->peers);
	if (s->displaced)
		fprintf(file, "%-12s %s\n", "displaced", s->device);
	text_error(file, "error", s->error);
	text_error(file, "store error", s->store.last_error);
}

/* --- Prometheus ------------------------------------------------------------- */

static void head(FILE *file, const char *name, const char *type, const char *help)
{
	fprintf(file, "# HELP flannel_%s %s\n# TYPE flannel_%s %s\n", name, help, name, type);
}

static void label(FILE *file, char before, const char *name, const char *value)
{
	fprintf(file, "%c%s=\"", before, name);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", file);
		else if (*value == '"' || *value == '\\')
			fprintf(file, "\\%c", *value);
		else
			fputc(*value, file);
	}
	fputc('"', file);
}

/* "flannel_NAME{network=..." without the end. */
static void start(FILE *file, const struct agent_status *s, const char *name)
{
	fprintf(file, "flannel_%s", name);
	label(file, '{', "network", s->network);
}

static void number(FILE *file, uint64_t value)
{
	fprintf(file, "} %" PRIu64 "\n", value);
}

static void count(FILE *file, const struct agent_status *s, const char *name, const char *help,
		  uint64_t value)
{
	head(file, name, "counter", help);
	start(file, s, name);
	number(file, value);
}

static void gauge(FILE *file, const struct agent_status *s, const char *name, const char *help,
		  double value)
{
	head(file, name, "gauge", help);
	start(file, s, name);
	fprintf(file, "} %.15g\n", value);
}

static void write_info(FILE *file, const struct agent_status *s)
{
	head(file, "agent_info", "gauge", "Version, store and backend of the agent.");
	start(file, s, "agent_info");
	label(file, ',', "version", s->version);
	label(file, ',', "store", s->store_name);
	label(file, ',', "backend", s->backend);
	number(file, 1);
}

static void write_store(FILE *file, const struct agent_status *s)
{
	gauge(file, s, "store_reachable", "Whether the store answers, or its file is good.",
	      s->store.reachable);
	gauge(file, s, "store_state_seconds", "For how long that has been so.",
	      seconds_since(s, s->store.since));
	count(file, s, "store_errors_total", "Requests, keys and values that were wrong.",
	      s->store.errors);
	count(file, s, "store_resyncs_total", "Fresh lists of all leases.", s->store.resyncs);
	gauge(file, s, "lease_held", "Whether we have a lease of our own.", s->store.lease_held);
	gauge(file, s, "lease_expiry_seconds", "Until our lease ends, 0: never.",
	      lease_seconds(s));
}

static void write_state(FILE *file, const struct agent_status *s)
{
	const char *why;

	gauge(file, s, "ready", "Whether pods can use the network.", agent_ready(s, &why));
	gauge(file, s, "table_applied", "Whether the host is as it should be.", s->applied);
	gauge(file, s, "table_applied_seconds", "Since it was made so.",
	      seconds_since(s, s->applied_at));
	gauge(file, s, "table_generation", "Replaced tables.", s->generation);
	gauge(file, s, "displaced", "Whether another kind of device has our name.",
	      s->displaced);
	gauge(file, s, "peers", "Other nodes.", s->peers);
	gauge(file, s, "leases", "Leases in the table.", s->leases);
	gauge(file, s, "records_skipped", "Leases of the store that cannot be used.",
	      s->skipped);
	count(file, s, "changes_total", "Changes made to the host.", s->changes);
	count(file, s, "reconcile_failures_total", "Reconciles that met an error.",
	      s->failures);
	gauge(file, s, "reconcile_last_seconds", "Duration of the last reconcile.",
	      s->last_ns / 1e9);
	head(file, "reconcile_seconds", "summary", "Durations of reconciles.");
	start(file, s, "reconcile_seconds_sum");
	fprintf(file, "} %.9f\n", s->reconcile_ns / 1e9);
	start(file, s, "reconcile_seconds_count");
	number(file, s->reconciles);
}

static const struct {
	unsigned int attr;
	const char *name, *help;
} device_counters[] = {
	{ FLANNEL_A_STATS_TX_PACKETS, "device_transmit_packets_total",
	  "Packets handed to the underlay." },
	{ FLANNEL_A_STATS_TX_BYTES, "device_transmit_bytes_total", "Bytes of these, inner packets." },
	{ FLANNEL_A_STATS_RX_PACKETS, "device_receive_packets_total",
	  "Packets handed to the stack." },
	{ FLANNEL_A_STATS_RX_BYTES, "device_receive_bytes_total", "Bytes of these, inner packets." },
	{ FLANNEL_A_STATS_RX_FOREIGN_MAC, "device_receive_foreign_mac_total",
	  "Packets accepted whose inner destination MAC is not ours." },
};

static void start_device(FILE *file, const struct agent_status *s, const char *name, size_t i)
{
	start(file, s, name);
	label(file, ',', "device", s->stats.stats[i].name);
}

static void write_device(FILE *file, const struct agent_status *s)
{
	size_t c, i;

	for (c = 0; c < ARRAY_SIZE(device_counters) && s->stats.count; c++) {
		head(file, device_counters[c].name, "counter", device_counters[c].help);
		for (i = 0; i < s->stats.count; i++) {
			start_device(file, s, device_counters[c].name, i);
			number(file, s->stats.stats[i].value[device_counters[c].attr]);
		}
	}
}

static void write_drops(FILE *file, const struct agent_status *s)
{
	static const char name[] = "device_dropped_packets_total";
	size_t c, i;

	if (!s->stats.count)
		return;
	head(file, name, "counter", "Packets dropped, by cause.");
	for (i = 0; i < s->stats.count; i++)
		for (c = 0; c < ARRAY_SIZE(causes); c++) {
			start_device(file, s, name, i);
			label(file, ',', "direction", causes[c].rx ? "receive" : "transmit");
			label(file, ',', "cause", causes[c].name);
			number(file, s->stats.stats[i].value[causes[c].attr]);
		}
}

static uint64_t vtep_leases(const struct ipc_vtep *v) { return v->leases; }
static uint64_t vtep_tx_packets(const struct ipc_vtep *v) { return v->tx_packets; }
static uint64_t vtep_tx_bytes(const struct ipc_vtep *v) { return v->tx_bytes; }
static uint64_t vtep_rx_packets(const struct ipc_vtep *v) { return v->rx_packets; }
static uint64_t vtep_rx_bytes(const struct ipc_vtep *v) { return v->rx_bytes; }

static const struct {
	const char *name, *type, *help;
	uint64_t (*get)(const struct ipc_vtep *v);
} peer_counters[] = {
	{ "peer_leases", "gauge", "Leases of a VTEP.", vtep_leases },
	{ "peer_transmit_packets_total", "counter", "Packets sent to a VTEP.", vtep_tx_packets },
	{ "peer_transmit_bytes_total", "counter", "Bytes of these.", vtep_tx_bytes },
	{ "peer_receive_packets_total", "counter", "Packets from a VTEP.", vtep_rx_packets },
	{ "peer_receive_bytes_total", "counter", "Bytes of these.", vtep_rx_bytes },
};

static void write_peers(FILE *file, const struct agent_status *s)
{
	char text[ADDR_TEXT];
	size_t c, i;

	for (c = 0; c < ARRAY_SIZE(peer_counters) && s->vteps.count; c++) {
		head(file, peer_counters[c].name, peer_counters[c].type, peer_counters[c].help);
		for (i = 0; i < s->vteps.count; i++) {
			start(file, s, peer_counters[c].name);
			label(file, ',', "peer", format_addr(&s->vteps.vtep[i].addr, text));
			number(file, peer_counters[c].get(&s->vteps.vtep[i]));
		}
	}
}

void metrics_prometheus(FILE *file, const struct agent_status *s)
{
	write_info(file, s);
	write_store(file, s);
	write_state(file, s);
	write_device(file, s);
	write_drops(file, s);
	write_peers(file, s);
}

/* --- JSON ------------------------------------------------------------------- */

static json_t *json_store(const struct agent_status *s)
{
	return json_pack("{s:s, s:b, s:f, s:I, s:I, s:s%}", "name", s->store_name,
			 "reachable", s->store.reachable,
			 "seconds", seconds_since(s, s->store.since),
			 "errors", (json_int_t)s->store.errors,
			 "resyncs", (json_int_t)s->store.resyncs,
			 "last_error", s->store.last_error, strlen(s->store.last_error));
}

static bool set_text(json_t *object, const char *key, const char *text)
{
	return !json_object_set_new(object, key, json_string(text));
}

static bool set_prefix(json_t *object, const char *key, const struct prefix *prefix)
{
	char text[PREFIX_TEXT];

	return !prefix->addr.family || set_text(object, key, format_prefix(prefix, text));
}

static bool set_addr(json_t *object, const char *key, const struct addr *addr)
{
	char text[ADDR_TEXT];

	return !addr->family || set_text(object, key, format_addr(addr, text));
}

static bool set_mac(json_t *object, const struct backend_data *a, const struct backend_data *b)
{
	const struct backend_data *data = a->has_mac ? a : b;
	char text[MAC_TEXT];

	return !data->has_mac || set_text(object, "lladdr", format_mac(data->mac, text));
}

static json_t *json_own(const struct agent_status *s)
{
	const struct record *own = s->own;
	json_t *lease = json_pack("{s:b, s:f}", "held", s->store.lease_held,
				  "expires_seconds", lease_seconds(s));

	if (!own || !lease)
		return lease;
	if (set_prefix(lease, "subnet", &own->subnet4) &&
	    set_prefix(lease, "subnet6", &own->subnet6) &&
	    set_addr(lease, "public", &own->public4) &&
	    set_addr(lease, "public6", &own->public6) &&
	    set_mac(lease, &own->data4, &own->data6))
		return lease;
	json_decref(lease);
	return NULL;
}

static json_t *json_table(const struct agent_status *s)
{
	return json_pack("{s:b, s:f, s:I, s:I, s:I, s:I}", "applied", s->applied,
			 "seconds", seconds_since(s, s->applied_at),
			 "generation", (json_int_t)s->generation,
			 "peers", (json_int_t)s->peers, "leases", (json_int_t)s->leases,
			 "skipped", (json_int_t)s->skipped);
}

static json_t *json_reconcile(const struct agent_status *s)
{
	return json_pack("{s:I, s:I, s:I, s:f, s:f, s:s%}",
			 "count", (json_int_t)s->reconciles,
			 "failures", (json_int_t)s->failures,
			 "changes", (json_int_t)s->changes,
			 "seconds", s->reconcile_ns / 1e9, "last_seconds", s->last_ns / 1e9,
			 "error", s->error, strlen(s->error));
}

static json_t *json_device(const struct ipc_stats *stats)
{
	json_t *drops = json_object();
	uint64_t value;
	char key[32];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(causes) && drops; i++) {
		value = stats->value[causes[i].attr];
		if (!value)
			continue;
		snprintf(key, sizeof(key), "%s_%s", causes[i].rx ? "rx" : "tx", causes[i].name);
		json_object_set_new(drops, key, json_integer(value));
	}
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "device", stats->name,
			 "tx_packets", (json_int_t)stats->value[FLANNEL_A_STATS_TX_PACKETS],
			 "tx_bytes", (json_int_t)stats->value[FLANNEL_A_STATS_TX_BYTES],
			 "rx_packets", (json_int_t)stats->value[FLANNEL_A_STATS_RX_PACKETS],
			 "rx_bytes", (json_int_t)stats->value[FLANNEL_A_STATS_RX_BYTES],
			 "rx_foreign_mac",
			 (json_int_t)stats->value[FLANNEL_A_STATS_RX_FOREIGN_MAC],
			 "drops", drops);
}

static json_t *json_devices(const struct agent_status *s)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < s->stats.count; i++)
		json_array_append_new(list, json_device(&s->stats.stats[i]));
	return list;
}

static json_t *json_peer(const struct ipc_vtep *v)
{
	char text[ADDR_TEXT], mac[MAC_TEXT];

	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}",
			 "vtep", format_addr(&v->addr, text),
			 "lladdr", format_mac(v->lladdr, mac), "leases", (json_int_t)v->leases,
			 "tx_packets", (json_int_t)v->tx_packets,
			 "tx_bytes", (json_int_t)v->tx_bytes,
			 "rx_packets", (json_int_t)v->rx_packets,
			 "rx_bytes", (json_int_t)v->rx_bytes);
}

static json_t *json_peers(const struct agent_status *s)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < s->vteps.count; i++)
		json_array_append_new(list, json_peer(&s->vteps.vtep[i]));
	return list;
}

bool metrics_json(FILE *file, const struct agent_status *s)
{
	json_t *all;
	const char *why;
	bool ready = agent_ready(s, &why), ok;

	all = json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}",
			"network", s->network, "version", s->version, "backend", s->backend,
			"device", s->device, "ready", ready, "why", why ? why : "",
			"displaced", s->displaced, "store", json_store(s),
			"lease", json_own(s), "table", json_table(s),
			"reconcile", json_reconcile(s), "devices", json_devices(s),
			"vteps", json_peers(s));
	ok = all && !json_dumpf(all, file, JSON_COMPACT);
	json_decref(all);
	fputc('\n', file);
	return ok;
}
