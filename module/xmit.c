// SPDX-License-Identifier: GPL-2.0
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/udp_tunnel.h>

#include "device.h"
#include "path.h"
#include "route.h"
#include "socket.h"
#include "wire.h"

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

static void tell_unreachable(struct sk_buff *skb)
{
	if (is_v4(skb))
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
	else
		icmpv6_ndo_send(skb, ICMPV6_DEST_UNREACH, ICMPV6_ADDR_UNREACH, 0);
}

static void tell_too_big(struct sk_buff *skb, unsigned int mtu)
{
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

static __be16 source_port(const struct flannel_dev *fl, const struct flannel_config *cfg,
			  struct sk_buff *skb)
{
	int low = cfg->port_low, high = cfg->port_high;

	if (low == high && low)
		return htons(low);
	return udp_flow_src_port(fl->net, skb, low, high, true);
}

/* Pushes the inner Ethernet and the VXLAN header and marks what offloads need. */
static int encapsulate(const struct flannel_config *cfg, const struct flannel_vtep *vtep,
		       struct sk_buff *skb, bool csum)
{
	struct flannel_frame *frame = __skb_push(skb, sizeof(*frame));

	frame->vxlan.flags = FLANNEL_VXLAN_FLAGS;
	frame->vxlan.vni = htonl(cfg->vni << 8);
	ether_addr_copy(frame->eth.h_dest, vtep->mac);
	ether_addr_copy(frame->eth.h_source, cfg->lladdr);
	frame->eth.h_proto = skb->protocol;

	skb_set_mac_header(skb, sizeof(frame->vxlan));
	if (udp_tunnel_handle_offloads(skb, csum))
		return FLANNEL_A_STATS_TX_NO_MEMORY;
	skb_set_inner_protocol(skb, htons(ETH_P_TEB));
	return 0;
}

static void send4(const struct flannel_config *cfg, const struct flannel_socket *fs,
		  const struct flannel_vtep *vtep, const struct flannel_route *route,
		  struct sk_buff *skb, u8 tos, __be16 df)
{
	struct rtable *rt = container_of(route->dst, struct rtable, dst);
	u8 ttl = cfg->ttl ?: ip4_dst_hoplimit(route->dst);

	udp_tunnel_xmit_skb(rt, fs->sock->sk, skb, route->saddr4, vtep->addr.ip4, tos, ttl, df,
			    route->sport, cfg->port, false, !cfg->udp_csum);
}

#if IS_ENABLED(CONFIG_IPV6)
static void send6(const struct flannel_config *cfg, const struct flannel_socket *fs,
		  const struct flannel_vtep *vtep, const struct flannel_route *route,
		  struct sk_buff *skb, u8 tos)
{
	u8 ttl = cfg->ttl ?: ip6_dst_hoplimit(route->dst);
	struct in6_addr saddr = route->saddr6;
	struct in6_addr daddr = vtep->addr.ip6;

	udp_tunnel6_xmit_skb(route->dst, fs->sock->sk, skb, skb->dev, &saddr, &daddr, tos, ttl, 0,
			     route->sport, cfg->port, cfg->zero_csum6_tx);
}
#else
static void send6(const struct flannel_config *cfg, const struct flannel_socket *fs,
		  const struct flannel_vtep *vtep, const struct flannel_route *route,
		  struct sk_buff *skb, u8 tos)
{
}
#endif

static unsigned int overhead_of(const struct flannel_vtep *vtep)
{
	return vtep->addr.family == AF_INET ? FLANNEL_OVERHEAD4 : FLANNEL_OVERHEAD6;
}

/* Sends a packet over a route; owns the route's reference from here on. */
static int send(struct flannel_dev *fl, const struct flannel_config *cfg,
		const struct flannel_socket *fs, struct flannel_vtep *vtep,
		const struct flannel_route *route, struct sk_buff *skb)
{
	unsigned int overhead = overhead_of(vtep), len = skb->len;
	bool v4 = vtep->addr.family == AF_INET, fragment;
	struct dst_entry *dst = route->dst;
	int cause = FLANNEL_A_STATS_TX_TOO_BIG;
	__be16 df;
	u8 tos;

	if (!fits(skb, path_mtu(dst, overhead), &fragment))
		goto drop;
	tos = ip_tunnel_ecn_encap(route->dsfield, ip_hdr(skb), skb);
	df = fragment ? 0 : outer_df(cfg, skb);

	cause = FLANNEL_A_STATS_TX_NO_MEMORY;
	if (skb_cow_head(skb, LL_RESERVED_SPACE(dst->dev) + dst->header_len + overhead))
		goto drop;
	/* The helpers would take the outer mark off again between namespaces. */
	skb_scrub_packet(skb, flannel_xnet(fl));
	skb->mark = cfg->fwmark;

	cause = encapsulate(cfg, vtep, skb, v4 ? cfg->udp_csum : !cfg->zero_csum6_tx);
	if (cause)
		goto drop;
	flannel_path_count_tx(vtep, len);
	if (v4) {
		send4(cfg, fs, vtep, route, skb, tos, df);
	} else {
		skb->ignore_df = fragment;
		send6(cfg, fs, vtep, route, skb, tos);
	}
	return 0;

drop:
	dst_release(dst);
	return cause;
}

static int xmit_to(struct flannel_dev *fl, struct flannel_vtep *vtep, struct sk_buff *skb)
{
	const struct flannel_config *cfg = rcu_dereference(fl->config);
	const struct flannel_socket *fs;
	struct flannel_route route;
	int cause;

	fs = rcu_dereference(fl->sock[flannel_family_index(vtep->addr.family)]);
	if (!fs || READ_ONCE(fl->oif) == FLANNEL_OIF_AWAY)
		return FLANNEL_A_STATS_TX_NO_SOCKET;

	route.dsfield = cfg->tos == 1 ? inner_dsfield(skb) : cfg->tos;
	route.sport = source_port(fl, cfg, skb);
	cause = flannel_route(fl, cfg, fs, vtep, &route);
	return cause ?: send(fl, cfg, fs, vtep, &route, skb);
}

static int why_not(const struct sk_buff *skb, const struct flannel_vtep *vtep)
{
	if (vtep)
		return FLANNEL_A_STATS_TX_LOCAL_LEASE;
	return is_multicast(skb) ? FLANNEL_A_STATS_TX_MULTICAST : FLANNEL_A_STATS_TX_NO_LEASE;
}

static bool deserves_unreachable(int cause)
{
	switch (cause) {
	case 0:
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
	if (unlikely(deserves_unreachable(cause)))
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
