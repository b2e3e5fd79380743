/* SPDX-License-Identifier: GPL-2.0 */
/*
 * plan.h - from configuration and leases to all that this host should have
 *
 * Pure: the same input gives the same plan.  A plan is complete: what is not in
 * it should not be there, as far as it is ours to decide.
 */
#ifndef AGENT_PLAN_H
#define AGENT_PLAN_H

#include "../ipc.h"
#include "facts.h"
#include "iface.h"
#include "net_config.h"
#include "record.h"

struct plan_options {
	bool ip_masq;
	bool random_fully;		/* on unless switched off */
	bool forward_rules;
	bool blackhole_route;		/* for our own subnet */
	bool untrack;
	bool ip_forward;		/* may set the sysctls */
	uint8_t srccheck;		/* FLANNEL_SRCCHECK_* */
	const char *instance;		/* names the nft table; [a-z0-9_-]+ */
	const char *subnet_file;
};

struct plan_input {
	const struct net_config *config;
	const struct plan_options *options;
	const struct iface *iface;
	const struct record *own;
	const struct record_list *peers;
	const struct facts *facts;
	uint8_t mac[6];			/* of our VTEP */
	const struct addr *stores;	/* addresses of the store, kept reachable */
	size_t store_count;
};

struct plan_device {
	char name[IF_NAMESIZE];		/* empty: no device (host-gw, alloc) */
	/*
	 * id, dstport, local, local6, dev, lladdr, network, network6, srccheck and
	 * untrack, all given; zeros unset, and addresses, networks and dev that are unset
	 * are not reported by the kernel.
	 */
	struct link_options options;
	uint32_t mtu;
	struct prefix addr4, addr6;	/* base /32, /128; AF_UNSPEC: none */
	/* Other addresses and routes of ours in here go; set without a device, too. */
	struct prefix network4, network6;
};

enum route_via {
	ROUTE_DEVICE,			/* the overlay device */
	ROUTE_GATEWAY,			/* a peer's address, by the underlay */
	ROUTE_BLACKHOLE,
};

/* Metrics of what is only to be used where nothing better is. */
enum {
	METRIC_BENEATH = 2048,		/* of the overlay, under direct routes */
	METRIC_BLACKHOLE = 4096,
};

struct plan_route {
	struct prefix dst;
	enum route_via via;
	struct addr gateway;		/* of ROUTE_GATEWAY; fe80::1 for IPv6 ROUTE_DEVICE */
	int oif;			/* of ROUTE_GATEWAY */
	struct addr src;		/* preferred source, AF_UNSPEC: none */
	uint32_t metric;		/* 0: the kernel's default */
	uint32_t mtu;			/* 0: none */
	bool onlink;
};

/* One family; network.addr.family is AF_UNSPEC when there is nothing to do. */
struct plan_rules {
	struct prefix network, subnet;
};

struct plan_sysctl {
	char path[96];			/* below /proc/sys/ */
	char value[16];
};

struct plan {
	struct plan_device device;
	struct lease *leases;		/* sorted, our own as local */
	size_t lease_count, lease_room;
	struct plan_route *routes;	/* sorted by destination, metric */
	size_t route_count, route_room;
	char underlay[IF_NAMESIZE];	/* the interface of ROUTE_GATEWAY */
	struct plan_rules rules4, rules6;
	bool masquerade, random_fully, forward;
	uint16_t port;			/* of VXLAN, host byte order */
	struct plan_sysctl sysctls[8];
	size_t sysctl_count;
	char subnet_env[512];		/* the text */
	char **notices;			/* one sentence each, for people */
	size_t notice_count, notice_room;
	size_t skipped;			/* records that no lease was made of */
};

bool plan_make(const struct plan_input *input, struct plan *plan, struct error *error);
void plan_free(struct plan *plan);
/* Of the overlay device: as stock flannel names it. */
void plan_device_name(const struct net_config *config, char name[IF_NAMESIZE]);
/* Readable text of all of it: `flctl run --dry-run` */
void plan_print(const struct plan *plan, FILE *file);

/* The ruleset of one instance as nft commands that replace the table; malloc'ed. */
char *plan_ruleset(const struct plan *plan, const char *instance);

#endif /* AGENT_PLAN_H */
