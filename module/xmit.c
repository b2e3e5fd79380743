// SPDX-License-Identifier: GPL-2.0
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <net/icmp.h>
#include <net/inet_dscp.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "encap.h"
#include "flow.h"
#include "path.h"

static bool is_ip(struct sk_buff *skb)
{
	return pskb_inet_may_pull(skb) && skb->protocol &&
	       ip_tunnel_parse_protocol(skb) == skb->protocol;
}

static bool is_v4(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IP);
}

static struct flannel_vtep *lookup(const struct flannel_dev *fl, const struct sk_buff *skb)
{
	if (is_v4(skb))
		return flannel_table_lookup4(&fl->table, ip_hdr(skb)->daddr);
	return flannel_table_lookup6(&fl->table, &ipv6_hdr(skb)->daddr);
}

/* No lease can cover these, so only a failed look-up asks. */
static bool is_multicast(const struct sk_buff *skb)
{
	if (is_v4(skb)) {
		__be32 daddr = ip_hdr(skb)->daddr;

		return ipv4_is_multicast(daddr) || ipv4_is_lbcast(daddr) ||
		       ipv4_is_linklocal_169(daddr);
	}
	return ipv6_addr_type(&ipv6_hdr(skb)->daddr) & (IPV6_ADDR_MULTICAST | IPV6_ADDR_LINKLOCAL);
}

/*
 * The core has let the route go that brought a packet here, which would else cost
 * every packet two writes that all CPUs share. Whoever is told something needs one
 * again: path MTUs are stored with it.
 */
static void find_route4(struct sk_buff *skb)
{
	struct flowi4 fl4 = {
		.flowi4_oif = skb->dev->ifindex,
		.flowi4_mark = skb->mark,
		.flowi4_tos = ip_hdr(skb)->tos & INET_DSCP_MASK,
		.daddr = ip_hdr(skb)->daddr,
	};
	struct rtable *rt = ip_route_output_key(dev_net(skb->dev), &fl4);

	if (!IS_ERR(rt))
		skb_dst_set(skb, &rt->dst);
}

#if IS_ENABLED(CONFIG_IPV6)
static void find_route6(struct sk_buff *skb)
{
	struct flowi6 fl6 = {
		.flowi6_oif = skb->dev->ifindex,
		.flowi6_mark = skb->mark,
		.flowlabel = ip6_flowinfo(ipv6_hdr(skb)),
		.daddr = ipv6_hdr(skb)->daddr,
	};
	struct dst_entry *dst = ip6_route_output(dev_net(skb->dev), NULL, &fl6);

	if (dst->error)
		dst_release(dst);
	else
		skb_dst_set(skb, dst);
}
#else
static void find_route6(struct sk_buff *skb)
{
}
#endif

static void find_route(struct sk_buff *skb)
{
	if (skb_dst(skb))
		return;
	if (is_v4(skb))
		find_route4(skb);
	else
		find_route6(skb);
}

static void tell_unreachable(struct sk_buff *skb)
{
	find_route(skb);
	if (is_v4(skb))
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
	else
		icmpv6_ndo_send(skb, ICMPV6_DEST_UNREACH, ICMPV6_ADDR_UNREACH, 0);
}

static void tell_too_big(struct sk_buff *skb, unsigned int mtu)
{
	find_route(skb);
	skb_dst_update_pmtu_no_confirm(skb, mtu);
	if (is_v4(skb))
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, htonl(mtu));
	else
		icmpv6_ndo_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
}

static bool exceeds(const struct sk_buff *skb, unsigned int mtu)
{
	return skb_is_gso(skb) ? !skb_gso_validate_network_len(skb, mtu) : skb->len > mtu;
}

/*
 * Whoever can be told to send less is told; the rest is left to fragmentation
 * of the outer packet: IPv4 without DF, and IPv6 up to the 1280 bytes that
 * every IPv6 sender may send.
 */
static bool fits(struct sk_buff *skb, unsigned int mtu, bool *fragment)
{
	*fragment = exceeds(skb, mtu);
	if (!*fragment)
		return true;
	if (is_v4(skb)) {
		if (!(ip_hdr(skb)->frag_off & htons(IP_DF)))
			return true;
	} else {
		mtu = max_t(unsigned int, mtu, IPV6_MIN_MTU);
		if (!exceeds(skb, mtu))
			return true;
	}
	tell_too_big(skb, mtu);
	return false;
}

static unsigned int path_mtu(const struct dst_entry *dst, unsigned int overhead)
{
	unsigned int mtu = dst_mtu(dst);

	return mtu > overhead ? mtu - overhead : 0;
}

static __be16 outer_df(const struct flannel_config *cfg, const struct sk_buff *skb)
{
	switch (cfg->df) {
	case FLANNEL_DF_SET:
		return htons(IP_DF);
	case FLANNEL_DF_INHERIT:
		return is_v4(skb) ? ip_hdr(skb)->frag_off & htons(IP_DF) : htons(IP_DF);
	default:
		return 0;
	}
}

static u8 inner_dsfield(const struct sk_buff *skb)
{
	return ip_tunnel_get_dsfield(ip_hdr(skb), skb);
}

static unsigned int overhead_of(const struct flannel_vtep *vtep)
{
	return vtep->addr.family == AF_INET ? FLANNEL_OVERHEAD4 : FLANNEL_OVERHEAD6;
}

static int send(struct flannel_dev *fl, struct flannel_outer *outer, struct sk_buff *skb)
{
	unsigned int mtu = path_mtu(outer->route.dst, overhead_of(outer->vtep));

	if (!fits(skb, mtu, &outer->fragment))
		return FLANNEL_A_STATS_TX_TOO_BIG;
	outer->tos = ip_tunnel_ecn_encap(outer->route.dsfield, ip_hdr(skb), skb);
	outer->df = outer->fragment ? 0 : outer_df(outer->cfg, skb);
	return flannel_encap(fl, outer, skb);
}

static int xmit_to(struct flannel_dev *fl, struct flannel_vtep *vtep, struct sk_buff *skb)
{
	struct flannel_outer outer = {
		.cfg = rcu_dereference(fl->config),
		.fs = rcu_dereference(fl->sock[flannel_family_index(vtep->addr.family)]),
		.vtep = vtep,
	};
	int cause;

	flannel_path_prefetch_tx(&vtep->path);
	if (!outer.fs || READ_ONCE(fl->oif) == FLANNEL_OIF_AWAY)
		return FLANNEL_A_STATS_TX_NO_SOCKET;

	outer.route.dsfield = outer.cfg->tos == 1 ? inner_dsfield(skb) : outer.cfg->tos;
	outer.route.sport = flannel_flow_port(fl->net, outer.cfg, skb);
	cause = flannel_route(fl, outer.cfg, outer.fs, vtep, &outer.route);
	if (cause)
		return cause;
	cause = send(fl, &outer, skb);
	if (unlikely(cause))
		flannel_route_put(&outer.route);
	return cause;
}

static int why_not(const struct sk_buff *skb, const struct flannel_vtep *vtep)
{
	if (vtep)
		return FLANNEL_A_STATS_TX_LOCAL_LEASE;
	return is_multicast(skb) ? FLANNEL_A_STATS_TX_MULTICAST : FLANNEL_A_STATS_TX_NO_LEASE;
}

/* An answer is a packet, too, which deep in tunnels there is no stack for. */
static bool deserves_unreachable(int cause)
{
	if (flannel_nested_too_deep())
		return false;
	switch (cause) {
	case FLANNEL_A_STATS_TX_MULTICAST:
	case FLANNEL_A_STATS_TX_TOO_BIG:
	case FLANNEL_A_STATS_TX_NO_MEMORY:
		return false;
	default:
		return true;
	}
}

static int xmit(struct flannel_dev *fl, struct sk_buff *skb)
{
	struct flannel_vtep *vtep;
	int cause;

	if (!is_ip(skb))
		return FLANNEL_A_STATS_TX_NOT_IP;

	vtep = lookup(fl, skb);
	if (likely(vtep && vtep != &flannel_vtep_local))
		cause = xmit_to(fl, vtep, skb);
	else
		cause = why_not(skb, vtep);
	if (unlikely(cause && deserves_unreachable(cause)))
		tell_unreachable(skb);
	return cause;
}

/**
 * flannel_xmit - ndo_start_xmit: send a pod's packet to the VTEP of its lease
 * @skb: packet, consumed
 * @dev: device
 *
 * Context: bottom halves disabled.
 * Return: NETDEV_TX_OK, always.
 */
netdev_tx_t flannel_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct flannel_dev *fl = netdev_priv(dev);
	int cause;

	rcu_read_lock();
	cause = xmit(fl, skb);
	if (unlikely(cause))
		flannel_drop(fl, skb, cause);
	rcu_read_unlock();
	return NETDEV_TX_OK;
}
