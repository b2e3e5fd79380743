// SPDX-License-Identifier: GPL-2.0
/* net-conf.json: the network that all nodes share. */

#include <string.h>
#include <strings.h>

#include "members.h"
#include "net_config.h"
#include "prefix.h"

#define VNI_MAX		0xffffff
#define PORT_DEFAULT	8472
/* What leaves the device an MTU within its own limits, 1280 to 65485. */
#define MTU_MIN		1330
#define MTU_MAX		65535

struct family_rules {
	uint8_t family;
	const char *label, *example;
	const char *enable, *network, *len, *min, *max;
	uint8_t len_default;		/* of networks that have four of them */
	uint8_t len_max;
};

static const struct family_rules rules4 = {
	.family = AF_INET,
	.label = "IPv4",
	.example = "10.42.0.0/16",
	.enable = "EnableIPv4",
	.network = "Network",
	.len = "SubnetLen",
	.min = "SubnetMin",
	.max = "SubnetMax",
	.len_default = 24,
	.len_max = 30,
};

static const struct family_rules rules6 = {
	.family = AF_INET6,
	.label = "IPv6",
	.example = "fd00:42::/48",
	.enable = "EnableIPv6",
	.network = "IPv6Network",
	.len = "IPv6SubnetLen",
	.min = "IPv6SubnetMin",
	.max = "IPv6SubnetMax",
	.len_default = 64,
	.len_max = 126,
};

static const char *const backends[] = {
	[BACKEND_VXLAN] = "vxlan",
	[BACKEND_HOST_GW] = "host-gw",
	[BACKEND_ALLOC] = "alloc",
};

const char *backend_name(enum backend backend)
{
	return backends[backend];
}

static bool read_network(const struct members *members, const struct family_rules *rules,
			 struct net_family *family)
{
	const char *text = NULL;

	if (!member_string(members, rules->network, &text))
		return false;
	if (!text || prefix_parse_masked(text, rules->family, &family->network))
		return true;
	return set_error(members->error, "%s \"%.64s\" is not an %s prefix, as %s is",
			 rules->network, text, rules->label, rules->example);
}

/* An end of the range; the unspecified address stands for the default. */
static bool read_end(const struct members *members, const char *name, uint8_t family,
		     struct addr *end)
{
	static const uint8_t unspecified[16];

	if (!member_addr(members, name, family, end))
		return false;
	if (!memcmp(end->bytes, unspecified, sizeof(unspecified)))
		end->family = AF_UNSPEC;
	return true;
}

/* Types are wrong or right also in a family that is not enabled. */
static bool read_family(const struct members *members, const struct family_rules *rules,
			struct net_family *family)
{
	uint32_t len = 0;

	memset(family, 0, sizeof(*family));
	if (!read_network(members, rules, family) ||
	    !member_number(members, rules->len, 0, rules->len_max, &len) ||
	    !read_end(members, rules->min, rules->family, &family->min) ||
	    !read_end(members, rules->max, rules->family, &family->max))
		return false;
	family->subnet_len = len;
	return true;
}

static bool check_network(const struct family_rules *rules, const struct prefix *network,
			  struct error *error)
{
	char text[PREFIX_TEXT];

	if (!network->addr.family)
		return set_error(error,
				 "%s is missing: %s is on, so a prefix such as %s is needed",
				 rules->network, rules->enable, rules->example);
	if (network->len > rules->len_max - 2)
		return set_error(error,
				 "%s %s has no room for four subnets: its length can be %u at most",
				 rules->network, format_prefix(network, text),
				 rules->len_max - 2);
	if (!prefix_usable(network))
		return set_error(error,
				 "%s %s has multicast, loopback, link-local or reserved addresses in it: use one such as %s",
				 rules->network, format_prefix(network, text), rules->example);
	return true;
}

static bool check_len(const struct family_rules *rules, struct net_family *family,
		      struct error *error)
{
	uint8_t least = family->network.len + 2;
	char text[PREFIX_TEXT];

	if (!family->subnet_len)
		family->subnet_len = least <= rules->len_default ? rules->len_default : least;
	if (family->subnet_len >= least)
		return true;
	return set_error(error, "%s is %u: with %s %s, %u to %u are allowed", rules->len,
			 family->subnet_len, rules->network,
			 format_prefix(&family->network, text), least, rules->len_max);
}

/* From the second subnet, as the first has the base address of the network, to the last. */
static void default_ends(struct net_family *family)
{
	struct prefix subnet = { family->network.addr, family->subnet_len };

	if (!family->min.family) {
		prefix_next(&subnet);
		family->min = subnet.addr;
	}
	if (!family->max.family) {
		prefix_last(&family->network, &subnet.addr);
		prefix_mask(&subnet);
		family->max = subnet.addr;
	}
}

static bool check_end(const char *name, const char *network, const struct addr *end,
		      const struct net_family *family, struct error *error)
{
	struct prefix subnet = { *end, family->subnet_len };
	char addr[ADDR_TEXT], other[PREFIX_TEXT];

	format_addr(end, addr);
	if (!prefix_overlaps(&family->network, &subnet))
		return set_error(error, "%s %s is outside %s %s", name, addr, network,
				 format_prefix(&family->network, other));
	prefix_mask(&subnet);
	if (!compare_addr(&subnet.addr, end))
		return true;
	return set_error(error, "%s %s is inside a subnet, not where one begins: that is %s",
			 name, addr, format_prefix(&subnet, other));
}

static bool check_ends(const struct family_rules *rules, struct net_family *family,
		       struct error *error)
{
	char min[ADDR_TEXT], max[ADDR_TEXT];

	default_ends(family);
	if (!check_end(rules->min, rules->network, &family->min, family, error) ||
	    !check_end(rules->max, rules->network, &family->max, family, error))
		return false;
	if (compare_addr(&family->min, &family->max) <= 0)
		return true;
	return set_error(error, "%s %s is above %s %s, which leaves no subnet", rules->min,
			 format_addr(&family->min, min), rules->max,
			 format_addr(&family->max, max));
}

static bool parse_family(const struct members *members, const struct family_rules *rules,
			 bool enabled, struct net_family *family)
{
	if (!read_family(members, rules, family))
		return false;
	if (!enabled) {
		memset(family, 0, sizeof(*family));
		return true;
	}
	return check_network(rules, &family->network, members->error) &&
	       check_len(rules, family, members->error) &&
	       check_ends(rules, family, members->error);
}

static bool parse_families(const struct members *members, struct net_config *config)
{
	bool v4 = true, v6 = false;

	if (!member_bool(members, rules4.enable, &v4) ||
	    !member_bool(members, rules6.enable, &v6))
		return false;
	if (!v4 && !v6)
		return set_error(members->error,
				 "EnableIPv4 and EnableIPv6 are both false: one of them has to be true");
	return parse_family(members, &rules4, v4, &config->v4) &&
	       parse_family(members, &rules6, v6, &config->v6);
}

static bool parse_type(const struct members *backend, enum backend *type)
{
	const char *text = NULL;
	size_t i;

	if (!member_string(backend, "Type", &text))
		return false;
	if (!text)
		return set_error(backend->error,
				 "Backend has no Type: vxlan, host-gw and alloc are allowed");
	for (i = 0; i < ARRAY_SIZE(backends); i++)
		if (!strcasecmp(text, backends[i])) {
			*type = i;
			return true;
		}
	return set_error(backend->error,
			 "Backend Type \"%.64s\" is not supported: vxlan, host-gw and alloc are allowed",
			 text);
}

static bool parse_mtu(const struct members *backend, uint32_t *mtu)
{
	if (!member_number(backend, "MTU", 0, MTU_MAX, mtu))
		return false;
	if (!*mtu || *mtu >= MTU_MIN)
		return true;
	return set_error(backend->error,
			 "Backend MTU is %u: %u to %u are allowed, and 0 for that of the interface",
			 *mtu, MTU_MIN, MTU_MAX);
}

static bool parse_vxlan(const struct members *backend, struct net_config *config)
{
	uint32_t port = 0;
	bool gbp = false;

	if (!member_number(backend, "VNI", 0, VNI_MAX, &config->vni) ||
	    !member_number(backend, "Port", 0, UINT16_MAX, &port) ||
	    !parse_mtu(backend, &config->mtu) ||
	    !member_bool(backend, "GBP", &gbp) ||
	    !member_bool(backend, "Learning", &config->learning) ||
	    !member_bool(backend, "DirectRouting", &config->direct_routing))
		return false;
	if (gbp)
		return set_error(backend->error,
				 "Backend GBP is true: group-based policy is not supported, only false is allowed");
	if (port)
		config->port = port;
	return true;
}

static bool parse_backend(const struct members *members, struct net_config *config)
{
	struct members backend = { .where = "Backend ", .error = members->error };

	if (!member_object(members, "Backend", &backend.object))
		return false;
	if (!backend.object)
		return true;
	return parse_type(&backend, &config->backend) &&
	       (config->backend != BACKEND_VXLAN || parse_vxlan(&backend, config));
}

bool net_config_parse(const char *json, size_t len, struct net_config *config,
		      struct error *error)
{
	struct members members;
	bool ok;

	memset(config, 0, sizeof(*config));
	config->backend = BACKEND_VXLAN;
	config->vni = 1;
	config->port = PORT_DEFAULT;
	if (!members_load(&members, json, len, error))
		return false;
	ok = member_bool(&members, "EnableNFTables", &config->nftables) &&
	     parse_families(&members, config) && parse_backend(&members, config);
	json_decref(members.object);
	return ok;
}

static bool family_equal(const struct net_family *a, const struct net_family *b)
{
	return !compare_prefix(&a->network, &b->network) && a->subnet_len == b->subnet_len &&
	       !compare_addr(&a->min, &b->min) && !compare_addr(&a->max, &b->max);
}

bool net_config_equal(const struct net_config *a, const struct net_config *b)
{
	return family_equal(&a->v4, &b->v4) && family_equal(&a->v6, &b->v6) &&
	       a->nftables == b->nftables && a->backend == b->backend && a->vni == b->vni &&
	       a->port == b->port && a->mtu == b->mtu &&
	       a->direct_routing == b->direct_routing && a->learning == b->learning;
}
