/* SPDX-License-Identifier: GPL-2.0 */
/*
 * net_config.h - net-conf.json: the network that all nodes share
 *
 * The value of <prefix>/config in etcd, or a file.  Keys are matched without
 * regard to case, unknown ones and null are ignored, a wrong type is refused, as
 * stock flannel does; so are its defaults and rules.  Stricter than stock: a key
 * that is there twice, values that no kernel takes, and SubnetMin above SubnetMax
 * are refused.  No Backend at all means vxlan, as stock flannel documents it (its
 * code takes udp, which is not here).  Pure.
 */
#ifndef AGENT_NET_CONFIG_H
#define AGENT_NET_CONFIG_H

#include "log.h"

enum backend {
	BACKEND_VXLAN,
	BACKEND_HOST_GW,
	BACKEND_ALLOC,
};

/* One family; network.addr.family is AF_UNSPEC when it is not enabled. */
struct net_family {
	struct prefix network;
	uint8_t subnet_len;
	struct addr min, max;	/* first and last subnet handed out */
};

struct net_config {
	struct net_family v4, v6;
	bool nftables;			/* EnableNFTables: only noted */
	enum backend backend;
	uint32_t vni;			/* 1 */
	uint16_t port;			/* 8472, host byte order */
	uint32_t mtu;			/* of the underlay, 1330 up; 0: that of the interface */
	bool direct_routing;
	bool learning;			/* accepted and ignored, with a line */
};

/* Parse and validate; false with a sentence that names key and value. */
bool net_config_parse(const char *json, size_t len, struct net_config *config,
		      struct error *error);
bool net_config_equal(const struct net_config *a, const struct net_config *b);
/* "vxlan", "host-gw" or "alloc" */
const char *backend_name(enum backend backend);

#endif /* AGENT_NET_CONFIG_H */
