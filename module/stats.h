/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stats.h - counters of a device, one for each cause of a drop
 *
 * Owned by the device, per CPU, written in softirq context without a lock.
 * The attribute numbers of uapi/flannel.h are the only list of causes: a
 * counter's index is its attribute number less that of the first cause.
 */
#ifndef _FLANNEL_STATS_H
#define _FLANNEL_STATS_H

#include <linux/ethtool.h>
#include <linux/u64_stats_sync.h>
#include <uapi/flannel.h>

struct flannel_dev;
struct net_device;
struct rtnl_link_stats64;
struct sk_buff;

#define FLANNEL_CAUSE_FIRST	FLANNEL_A_STATS_TX_NO_LEASE
#define FLANNEL_CAUSES		(FLANNEL_A_STATS_MAX - FLANNEL_CAUSE_FIRST + 1)

/**
 * struct flannel_counters - counters of one CPU
 * @cause: packets by cause, index as above
 * @syncp: makes them consistent on 32 bits
 */
struct flannel_counters {
	u64_stats_t cause[FLANNEL_CAUSES];
	struct u64_stats_sync syncp;
};

extern const struct ethtool_ops flannel_ethtool_ops;

void flannel_count(struct flannel_dev *fl, enum flannel_stats_attr cause);
void flannel_drop(struct flannel_dev *fl, struct sk_buff *skb, enum flannel_stats_attr cause);
void flannel_stats_read(struct flannel_dev *fl, u64 stats[FLANNEL_A_STATS_MAX + 1]);
void flannel_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *stats);

#endif /* _FLANNEL_STATS_H */
