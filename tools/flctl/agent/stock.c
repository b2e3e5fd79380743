// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stock.h"

/* What IPv6 makes of a route without a metric. */
#define DEFAULT_METRIC6	1024

/* --- devices --- */

static bool find_link(const struct net_config *config, const struct facts *facts,
		      const char *name, const struct fact_link **found, struct error *error)
{
	const struct fact_link *link = facts_link(facts, name);

	*found = NULL;
	if (!link || strcmp(link->kind, "vxlan"))
		return true;
	if (link->vxlan.vni != config->vni)
		return set_error(error, "device %s is a vxlan of VNI %u, the network has VNI %u: it is not stock flannel's of this network",
				 name, link->vxlan.vni, config->vni);
	if (link->vxlan.port != config->port)
		return set_error(error, "device %s is a vxlan of port %u, the network has port %u: it is not stock flannel's of this network",
				 name, link->vxlan.port, config->port);
	*found = link;
	return true;
}

bool stock_find_links(const struct net_config *config, const struct facts *facts,
		      struct stock_links *links, struct error *error)
{
	char name[32];

	memset(links, 0, sizeof(*links));
	if (config->backend != BACKEND_VXLAN)
		return true;
	plan_device_name(config, name);
	if (!find_link(config, facts, name, &links->v4, error))
		return false;
	snprintf(name, sizeof(name), "flannel-v6.%u", config->vni);
	return find_link(config, facts, name, &links->v6, error);
}

void stock_temporary_name(const struct net_config *config, char sign, char name[IF_NAMESIZE])
{
	plan_device_name(config, name);
	*strchr(name, '.') = sign;
}

bool stock_is_leftover(const struct net_config *config, const struct fact_link *link,
		       const char *kind)
{
	const struct link_options *options = &link->flannel;

	if (strcmp(link->kind, kind) || link->flags & IFF_UP)
		return false;
	if (!strcmp(kind, "vxlan"))
		return link->vxlan.vni == config->vni && link->vxlan.port == config->port;
	return options->id == config->vni && ntohs(options->dstport) == config->port;
}

/* --- routes --- */

static const struct net_family *family_of(const struct net_config *config, uint8_t family)
{
	return family == AF_INET ? &config->v4 : &config->v6;
}

/* As stock flannel asks for it: nothing but destination, next hop, protocol. */
static bool is_plain(const struct fact_route *route)
{
	uint32_t metric = route->dst.addr.family == AF_INET ? 0 : DEFAULT_METRIC6;

	return route->protocol == RTPROT_BOOT && route->metric == metric && !route->mtu &&
	       !route->src.family && !route->multipath;
}

static bool is_inside(const struct net_family *family, const struct prefix *dst)
{
	return family->network.addr.family && prefix_covers(&family->network, dst);
}

static bool is_over(const struct fact_link *link, const struct fact_route *route)
{
	return link && route->oif == link->ifindex;
}

/* A subnet of a peer, of either family. */
struct stock_peer {
	const struct prefix *subnet;
	const struct addr *public;
};

static int compare_peers(const void *a, const void *b)
{
	const struct stock_peer *x = a, *y = b;

	return compare_prefix(x->subnet, y->subnet) ?: compare_addr(x->public, y->public);
}

bool stock_index_make(struct stock_index *index, const struct plan_input *in)
{
	const struct record *record;
	size_t i;

	memset(index, 0, sizeof(*index));
	index->peers = calloc(2 * in->peers->count + 1, sizeof(*index->peers));
	if (!index->peers || !route_index_make(&index->routes, in->facts))
		return false;
	for (i = 0; i < in->peers->count; i++) {
		record = &in->peers->record[i];
		index->peers[index->peer_count++] =
			(struct stock_peer){ &record->subnet4, &record->public4 };
		index->peers[index->peer_count++] =
			(struct stock_peer){ &record->subnet6, &record->public6 };
	}
	qsort(index->peers, index->peer_count, sizeof(*index->peers), compare_peers);
	return true;
}

void stock_index_free(struct stock_index *index)
{
	route_index_free(&index->routes);
	free(index->peers);
	memset(index, 0, sizeof(*index));
}

static bool is_lease(const struct stock_index *index, const struct fact_route *route)
{
	const struct stock_peer key = { &route->dst, &route->gateway };

	return bsearch(&key, index->peers, index->peer_count, sizeof(key), compare_peers);
}

/* Is the next hop on the link that the route leaves by, and that one no overlay? */
static bool is_onlink(const struct facts *facts, const struct stock_index *index,
		      const struct fact_route *route)
{
	const struct fact_link *link = facts_link_by_index(facts, route->oif);
	const struct fact_route *to = route_index_to(&index->routes, &route->gateway);

	return link && !link_is_overlay(link) && to && to->oif == route->oif &&
	       to->type == RTN_UNICAST && !to->gateway.family && !to->multipath;
}

enum stock_route stock_route(const struct plan_input *in, const struct stock_index *index,
			     const struct stock_links *links, const struct fact_route *route)
{
	const struct net_family *family = family_of(in->config, route->dst.addr.family);
	const struct prefix *own = route->dst.addr.family == AF_INET ? &in->own->subnet4 :
								       &in->own->subnet6;

	if (!is_plain(route) || !is_inside(family, &route->dst))
		return STOCK_FOREIGN;
	if (route->type == RTN_BLACKHOLE)
		return compare_prefix(own, &route->dst) ? STOCK_FOREIGN : STOCK_BLACKHOLE;
	if (route->type != RTN_UNICAST || !route->gateway.family)
		return STOCK_FOREIGN;
	if (is_over(links->v4, route) || is_over(links->v6, route))
		return STOCK_DEVICE;
	if (route->onlink || !is_onlink(in->facts, index, route))
		return STOCK_FOREIGN;
	if (is_lease(index, route))
		return STOCK_PEER;
	return route->dst.len == family->subnet_len ? STOCK_FORMER : STOCK_FOREIGN;
}

/* --- rules --- */

static bool is_multicast(const struct prefix *prefix)
{
	return prefix->addr.family == AF_INET ?
		prefix->len == 4 && prefix->addr.bytes[0] == 224 :
		prefix->len == 8 && prefix->addr.bytes[0] == 0xff;
}

/* One more prefix that a rule names. */
static enum stock_owner add_prefix(enum stock_owner owner, const struct prefix *prefix,
				   const struct prefix *network)
{
	if (prefix->addr.family != network->addr.family)
		return STOCK_OTHER;
	if (owner == STOCK_OTHER || is_multicast(prefix))
		return owner;
	return prefix_covers(network, prefix) ? STOCK_OURS : STOCK_OTHER;
}

static bool parse_any(const char *text, struct prefix *prefix)
{
	struct words w = { 0 };

	if (strchr(text, '/'))
		return parse_prefix(&w, text, prefix);
	if (!parse_addr(&w, text, &prefix->addr))
		return false;
	prefix->len = prefix->addr.family == AF_INET ? 32 : 128;
	return true;
}

enum stock_owner stock_iptables_rule(const struct iptables_rule *rule,
				     const struct prefix *network)
{
	enum stock_owner owner = STOCK_NOBODY;
	bool marked = false;
	struct prefix prefix;
	int i;

	for (i = 2; i + 1 < rule->count; i++) {
		if (!strcmp(rule->word[i], "--comment")) {
			marked = !strncmp(rule->word[i + 1], "flanneld ", 9);
		} else if (!strcmp(rule->word[i], "-s") || !strcmp(rule->word[i], "-d")) {
			if (!parse_any(rule->word[i + 1], &prefix))
				return STOCK_OTHER;
			owner = add_prefix(owner, &prefix, network);
		}
	}
	return marked ? owner : STOCK_OTHER;
}

/* "10.42.1.7" or { "prefix": { "addr": "10.42.0.0", "len": 16 } } */
static bool read_prefix(const json_t *value, struct prefix *prefix)
{
	const json_t *inner = json_object_get(value, "prefix");
	char text[PREFIX_TEXT];

	if (json_is_string(value))
		return parse_any(json_string_value(value), prefix);
	if (!inner || strlen(nft_member(inner, "addr")) > ADDR_TEXT)
		return false;
	snprintf(text, sizeof(text), "%s/%d", nft_member(inner, "addr"),
		 (int)json_integer_value(json_object_get(inner, "len")));
	return parse_any(text, prefix);
}

enum stock_owner stock_nft_rule(const json_t *rule, const struct prefix *network)
{
	const json_t *expressions = json_object_get(rule, "expr"), *expression, *match, *payload;
	enum stock_owner owner = STOCK_NOBODY;
	struct prefix prefix;
	size_t i;

	json_array_foreach(expressions, i, expression) {
		match = json_object_get(expression, "match");
		payload = json_object_get(json_object_get(match, "left"), "payload");
		if (!payload)
			continue;
		if ((strcmp(nft_member(payload, "field"), "saddr") &&
		     strcmp(nft_member(payload, "field"), "daddr")) ||
		    !read_prefix(json_object_get(match, "right"), &prefix))
			return STOCK_OTHER;
		owner = add_prefix(owner, &prefix, network);
	}
	return owner;
}
