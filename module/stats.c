// SPDX-License-Identifier: GPL-2.0
#include <linux/skbuff.h>

#include "device.h"

/* By attribute; what ethtool -S shows, and flctl under the same names. */
static const char names[FLANNEL_A_STATS_MAX + 1][ETH_GSTRING_LEN] = {
	[FLANNEL_A_STATS_TX_PACKETS]		= "tx_packets",
	[FLANNEL_A_STATS_TX_BYTES]		= "tx_bytes",
	[FLANNEL_A_STATS_RX_PACKETS]		= "rx_packets",
	[FLANNEL_A_STATS_RX_BYTES]		= "rx_bytes",
	[FLANNEL_A_STATS_TX_NO_LEASE]		= "tx_no_lease",
	[FLANNEL_A_STATS_TX_LOCAL_LEASE]	= "tx_local_lease",
	[FLANNEL_A_STATS_TX_MULTICAST]		= "tx_multicast",
	[FLANNEL_A_STATS_TX_NOT_IP]		= "tx_not_ip",
	[FLANNEL_A_STATS_TX_TOO_BIG]		= "tx_too_big",
	[FLANNEL_A_STATS_TX_NO_ROUTE]		= "tx_no_route",
	[FLANNEL_A_STATS_TX_LOCAL_VTEP]		= "tx_local_vtep",
	[FLANNEL_A_STATS_TX_LOOP]		= "tx_loop",
	[FLANNEL_A_STATS_TX_NO_SOCKET]		= "tx_no_socket",
	[FLANNEL_A_STATS_TX_NO_MEMORY]		= "tx_no_memory",
	[FLANNEL_A_STATS_TX_UNDERLAY]		= "tx_underlay",
	[FLANNEL_A_STATS_RX_BAD_HEADER]		= "rx_bad_header",
	[FLANNEL_A_STATS_RX_BAD_VNI]		= "rx_bad_vni",
	[FLANNEL_A_STATS_RX_WRONG_DEV]		= "rx_wrong_dev",
	[FLANNEL_A_STATS_RX_WRONG_ADDR]		= "rx_wrong_addr",
	[FLANNEL_A_STATS_RX_NO_CSUM]		= "rx_no_csum",
	[FLANNEL_A_STATS_RX_BAD_MAC]		= "rx_bad_mac",
	[FLANNEL_A_STATS_RX_FOREIGN_MAC]	= "rx_foreign_mac",
	[FLANNEL_A_STATS_RX_NOT_IP]		= "rx_not_ip",
	[FLANNEL_A_STATS_RX_MALFORMED]		= "rx_malformed",
	[FLANNEL_A_STATS_RX_ECN]		= "rx_ecn",
	[FLANNEL_A_STATS_RX_UNKNOWN_VTEP]	= "rx_unknown_vtep",
	[FLANNEL_A_STATS_RX_FOREIGN_LEASE]	= "rx_foreign_lease",
	[FLANNEL_A_STATS_RX_OWN_SOURCE]		= "rx_own_source",
	[FLANNEL_A_STATS_RX_BOGUS_SOURCE]	= "rx_bogus_source",
	[FLANNEL_A_STATS_RX_NO_LEASE]		= "rx_no_lease",
	[FLANNEL_A_STATS_RX_NO_MEMORY]		= "rx_no_memory",
};

/* The nearest of the kernel's own drop reasons, for dropwatch and perf. */
static enum skb_drop_reason drop_reason(enum flannel_stats_attr cause)
{
	switch (cause) {
	case FLANNEL_A_STATS_RX_BAD_HEADER:
		return FLANNEL_DROP_BAD_HEADER;
	case FLANNEL_A_STATS_RX_BAD_VNI:
		return FLANNEL_DROP_BAD_VNI;
	case FLANNEL_A_STATS_RX_ECN:
		return FLANNEL_DROP_ECN;
	case FLANNEL_A_STATS_TX_TOO_BIG:
		return SKB_DROP_REASON_PKT_TOO_BIG;
	case FLANNEL_A_STATS_RX_MALFORMED:
		return SKB_DROP_REASON_IP_INHDR;
	case FLANNEL_A_STATS_TX_NO_ROUTE:
		return SKB_DROP_REASON_IP_OUTNOROUTES;
	case FLANNEL_A_STATS_TX_NO_MEMORY:
	case FLANNEL_A_STATS_RX_NO_MEMORY:
		return SKB_DROP_REASON_NOMEM;
	default:
		return SKB_DROP_REASON_NOT_SPECIFIED;
	}
}

/**
 * flannel_count - count a packet
 * @fl: device
 * @cause: what happened to it
 *
 * Context: softirq, or bottom halves disabled.
 */
void flannel_count(struct flannel_dev *fl, enum flannel_stats_attr cause)
{
	struct flannel_counters *counters = this_cpu_ptr(fl->counters);

	u64_stats_update_begin(&counters->syncp);
	u64_stats_inc(&counters->cause[cause - FLANNEL_CAUSE_FIRST]);
	u64_stats_update_end(&counters->syncp);
}

/**
 * flannel_drop - count and free a packet
 * @fl: device
 * @skb: packet, consumed
 * @cause: why it is dropped
 *
 * Context: softirq, or bottom halves disabled.
 */
void flannel_drop(struct flannel_dev *fl, struct sk_buff *skb, enum flannel_stats_attr cause)
{
	flannel_count(fl, cause);
	kfree_skb_reason(skb, drop_reason(cause));
}

static void sum_causes(struct flannel_dev *fl, u64 stats[FLANNEL_A_STATS_MAX + 1])
{
	int cpu, i;

	for_each_possible_cpu(cpu) {
		const struct flannel_counters *counters = per_cpu_ptr(fl->counters, cpu);

		for (i = 0; i < FLANNEL_CAUSES; i++) {
			unsigned int start;
			u64 value;

			do {
				start = u64_stats_fetch_begin(&counters->syncp);
				value = u64_stats_read(&counters->cause[i]);
			} while (u64_stats_fetch_retry(&counters->syncp, start));
			stats[FLANNEL_CAUSE_FIRST + i] += value;
		}
	}
}

static u64 sum_drops(const u64 *stats, enum flannel_stats_attr first, enum flannel_stats_attr last)
{
	u64 sum = 0;
	int i;

	for (i = first; i <= last; i++)
		if (i != FLANNEL_A_STATS_RX_FOREIGN_MAC)
			sum += stats[i];
	return sum;
}

static u64 tx_drops(const u64 *stats)
{
	return sum_drops(stats, FLANNEL_A_STATS_TX_NO_LEASE, FLANNEL_A_STATS_TX_UNDERLAY);
}

static u64 rx_drops(const u64 *stats)
{
	return sum_drops(stats, FLANNEL_A_STATS_RX_BAD_HEADER, FLANNEL_A_STATS_RX_NO_MEMORY);
}

/**
 * flannel_get_stats64 - what `ip -s link` shows
 * @dev: device
 * @stats: filled in
 *
 * Context: any.
 */
void flannel_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *stats)
{
	u64 causes[FLANNEL_A_STATS_MAX + 1] = {};

	dev_get_tstats64(dev, stats);
	sum_causes(netdev_priv(dev), causes);
	stats->tx_dropped += tx_drops(causes);
	stats->rx_dropped += rx_drops(causes);
}

/* What the core dropped on our behalf, and counts itself. */
static void add_core_drops(struct net_device *dev, u64 *stats)
{
	const struct net_device_core_stats __percpu *core = READ_ONCE(dev->core_stats);
	int cpu;

	if (!core)
		return;
	for_each_possible_cpu(cpu) {
		const struct net_device_core_stats *here = per_cpu_ptr(core, cpu);

		stats[FLANNEL_A_STATS_TX_UNDERLAY] += READ_ONCE(here->tx_dropped);
		stats[FLANNEL_A_STATS_RX_NO_MEMORY] += READ_ONCE(here->rx_dropped);
	}
}

/**
 * flannel_stats_read - all counters of a device
 * @fl: device
 * @stats: filled in, by attribute number
 *
 * Context: process.
 */
void flannel_stats_read(struct flannel_dev *fl, u64 stats[FLANNEL_A_STATS_MAX + 1])
{
	struct rtnl_link_stats64 sum = {};

	memset(stats, 0, (FLANNEL_A_STATS_MAX + 1) * sizeof(*stats));
	sum_causes(fl, stats);
	dev_get_tstats64(fl->dev, &sum);
	stats[FLANNEL_A_STATS_TX_PACKETS] = sum.tx_packets;
	stats[FLANNEL_A_STATS_TX_BYTES] = sum.tx_bytes;
	stats[FLANNEL_A_STATS_RX_PACKETS] = sum.rx_packets;
	stats[FLANNEL_A_STATS_RX_BYTES] = sum.rx_bytes;
	/* The tunnel helpers count what the underlay's output path drops. */
	stats[FLANNEL_A_STATS_TX_UNDERLAY] += sum.tx_dropped + sum.tx_errors;
	add_core_drops(fl->dev, stats);
}

static void get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, FLANNEL_LINK_KIND, sizeof(info->driver));
	strscpy(info->version, FLANNEL_VERSION, sizeof(info->version));
}

static int get_link_ksettings(struct net_device *dev, struct ethtool_link_ksettings *settings)
{
	struct flannel_dev *fl = netdev_priv(dev);

	if (!fl->lower) {
		settings->base.duplex = DUPLEX_UNKNOWN;
		settings->base.port = PORT_OTHER;
		settings->base.speed = SPEED_UNKNOWN;
		return 0;
	}
	return __ethtool_get_link_ksettings(fl->lower, settings);
}

static int get_sset_count(struct net_device *dev, int sset)
{
	return sset == ETH_SS_STATS ? FLANNEL_A_STATS_MAX - FLANNEL_A_STATS_PAD : -EOPNOTSUPP;
}

static void get_strings(struct net_device *dev, u32 sset, u8 *data)
{
	if (sset == ETH_SS_STATS)
		memcpy(data, names[FLANNEL_A_STATS_PAD + 1],
		       sizeof(names) - (FLANNEL_A_STATS_PAD + 1) * ETH_GSTRING_LEN);
}

static void get_ethtool_stats(struct net_device *dev, struct ethtool_stats *request, u64 *data)
{
	u64 stats[FLANNEL_A_STATS_MAX + 1];

	flannel_stats_read(netdev_priv(dev), stats);
	memcpy(data, stats + FLANNEL_A_STATS_PAD + 1,
	       (FLANNEL_A_STATS_MAX - FLANNEL_A_STATS_PAD) * sizeof(*data));
}

const struct ethtool_ops flannel_ethtool_ops = {
	.get_drvinfo = get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_link_ksettings = get_link_ksettings,
	.get_sset_count = get_sset_count,
	.get_strings = get_strings,
	.get_ethtool_stats = get_ethtool_stats,
};
