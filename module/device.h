/* SPDX-License-Identifier: GPL-2.0 */
/*
 * device.h - one flannel device
 *
 * Lives in dev's private area and goes with it.  It belongs to the underlay
 * namespace @net, takes no reference to it, and is deleted when that ends.
 * RTNL protects all of it but the table and the transactions, which @lock
 * protects (RTNL is taken before @lock, never after).  The data path reads
 * @config and @sock under RCU, @oif with READ_ONCE().
 */
#ifndef _FLANNEL_DEVICE_H
#define _FLANNEL_DEVICE_H

#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <net/netns/generic.h>
#include <net/rtnetlink.h>

#include "compat/compat.h"
#include "stats.h"
#include "table.h"

struct flannel_cell;
struct flannel_socket;
struct mem_cgroup;
struct nf_hook_ops;

#define FLANNEL_OIF_AWAY	(-1)

/**
 * struct flannel_config - options of a device; never changes once published
 * @vni: VNI
 * @port: UDP port, network byte order
 * @local4: IPv4 address of this VTEP, 0 when unset
 * @local6: IPv6 address of this VTEP, :: when unset
 * @dev: name of the underlay interface, empty when unset
 * @ttl: TTL or hop limit, 0 = that of the route
 * @tos: TOS or traffic class, 1 = inherit
 * @df: enum flannel_df
 * @port_low: first UDP source port, 0 with @port_high = the namespace's range
 * @port_high: last UDP source port
 * @udp_csum: UDP checksum on IPv4
 * @zero_csum6_tx: no UDP checksum on IPv6
 * @zero_csum6_rx: accept IPv6 without UDP checksum
 * @lladdr: MAC of this VTEP
 * @srccheck: enum flannel_srccheck
 * @fwmark: mark of outer packets
 * @network: declared Networks
 * @maxleases: most leases
 * @untrack: connection tracking leaves outer packets alone
 */
struct flannel_config {
	u32 vni;
	__be16 port;
	__be32 local4;
	struct in6_addr local6;
	char dev[IFNAMSIZ];
	u8 ttl;
	u8 tos;
	u8 df;
	u16 port_low;
	u16 port_high;
	bool udp_csum;
	bool zero_csum6_tx;
	bool zero_csum6_rx;
	u8 lladdr[ETH_ALEN];
	u8 srccheck;
	u32 fwmark;
	struct flannel_prefix network[FLANNEL_FAMILIES];
	u32 maxleases;
	bool untrack;
};

/**
 * struct flannel_dev - one device
 * @dev: the netdev whose private area this is
 * @net: underlay namespace
 * @config: options in force
 * @sock: sockets by family, NULL while down or without that family
 * @oif: ifindex of the underlay interface; 0 when none is named, FLANNEL_OIF_AWAY
 *	while the one that is named does not exist
 * @counters: per-CPU counters by cause
 * @cells: receive queues, per CPU
 * @table: leases
 * @lock: serialises writers of @table, protects @dead
 * @dead: the device is going, no more changes
 * @paths_wanted: VTEPs whose path packets asked for
 * @paths_work: makes these paths
 * @lower: underlay interface, linked below us; NULL while there is none
 * @node: in flannel_net.devices
 * @untrack: hooks that have outer packets not tracked; NULL where they are
 * @mtu_wish: MTU that somebody asked for, 0 = follow the underlay
 * @mtu_auto: the change of MTU under way is our own
 * @memcg: of whoever made the device; paths are charged to it
 * @open_extack: where ndo_open reports, set by NETDEV_PRE_UP
 */
struct flannel_dev {
	struct net_device *dev;
	struct net *net;
	struct flannel_config __rcu *config;
	struct flannel_socket __rcu *sock[FLANNEL_FAMILIES];
	int oif;
	struct flannel_counters __percpu *counters;
	struct flannel_cell __percpu *cells;
	struct flannel_table table;

	struct mutex lock;
	bool dead;

	struct llist_head paths_wanted;
	struct work_struct paths_work;

	struct net_device *lower;
	struct list_head node;
	struct nf_hook_ops *untrack;
	unsigned int mtu_wish;
	bool mtu_auto;
	struct mem_cgroup *memcg;
	struct netlink_ext_ack *open_extack;
};

/**
 * struct flannel_net - what a network namespace has, mostly as an underlay
 * @devices: devices whose packets leave here
 * @sockets: sockets open here
 * @comings: how often a device has come, gone or moved, for dumps
 * @changes: the same with changes of the tables of devices that are here
 */
struct flannel_net {
	struct list_head devices;
	struct list_head sockets;
	atomic_t comings;
	atomic_t changes;
};

extern unsigned int flannel_net_id;

static inline struct flannel_net *flannel_net(const struct net *net)
{
	return net_generic(net, flannel_net_id);
}

static inline bool flannel_xnet(const struct flannel_dev *fl)
{
	return !net_eq(fl->net, dev_net(fl->dev));
}

bool flannel_is_device(const struct net_device *dev);
void flannel_setup(struct net_device *dev);
int flannel_lower_set(struct flannel_dev *fl, struct net_device *lower, bool named,
		      struct netlink_ext_ack *extack);
void flannel_lower_carrier(struct flannel_dev *fl);
unsigned int flannel_mtu_limit(const struct net_device *lower);
void flannel_mtu_update(struct flannel_dev *fl);

int flannel_device_init(void);
void flannel_device_exit(void);

/* link.c */
extern struct rtnl_link_ops flannel_link_ops;

/* xmit.c */
netdev_tx_t flannel_xmit(struct sk_buff *skb, struct net_device *dev);

#endif /* _FLANNEL_DEVICE_H */
