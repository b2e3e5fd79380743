// SPDX-License-Identifier: GPL-2.0
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/udp_tunnel.h>

#include "encap.h"
#include "output.h"
#include "path.h"
#include "wire.h"

/* As udp_tunnel_handle_offloads(), which most packets need not be taken to. */
static int mark_offloads(struct sk_buff *skb, bool csum)
{
	if (skb->encapsulation || skb_is_gso(skb) || skb->ip_summed == CHECKSUM_PARTIAL)
		return udp_tunnel_handle_offloads(skb, csum);
	skb_reset_inner_headers(skb);
	skb->ip_summed = CHECKSUM_NONE;
	return 0;
}

/* The inner Ethernet and the VXLAN header, and what offloads need */
static int push_frame(const struct flannel_outer *outer, struct sk_buff *skb, bool csum)
{
	struct flannel_frame *frame = __skb_push(skb, sizeof(*frame));

	frame->vxlan.flags = FLANNEL_VXLAN_FLAGS;
	frame->vxlan.vni = htonl(outer->cfg->vni << 8);
	ether_addr_copy(frame->eth.h_dest, outer->vtep->mac);
	ether_addr_copy(frame->eth.h_source, outer->cfg->lladdr);
	frame->eth.h_proto = skb->protocol;

	skb_set_mac_header(skb, sizeof(frame->vxlan));
	if (mark_offloads(skb, csum))
		return FLANNEL_A_STATS_TX_NO_MEMORY;
	skb_set_inner_protocol(skb, htons(ETH_P_TEB));
	return 0;
}

static void push_udp(const struct flannel_outer *outer, struct sk_buff *skb)
{
	struct udphdr *udph = __skb_push(skb, sizeof(*udph));

	skb_reset_transport_header(skb);
	udph->source = outer->route.sport;
	udph->dest = outer->cfg->port;
	udph->len = htons(skb->len);
	udp_set_csum(!outer->cfg->udp_csum, skb, outer->route.saddr4, outer->vtep->addr.ip4,
		     skb->len);
}

static void push_ip4(struct flannel_dev *fl, const struct flannel_outer *outer,
		     struct sk_buff *skb, unsigned int len)
{
	struct iphdr *iph = __skb_push(skb, sizeof(*iph));
	const struct dst_entry *dst = outer->route.dst;

	skb_reset_network_header(skb);
	iph->version = 4;
	iph->ihl = sizeof(*iph) / 4;
	iph->tos = outer->tos;
	iph->frag_off = ip_mtu_locked(dst) ? 0 : outer->df;
	iph->ttl = outer->cfg->ttl ?: ip4_dst_hoplimit(dst);
	iph->protocol = IPPROTO_UDP;
	iph->saddr = outer->route.saddr4;
	iph->daddr = outer->vtep->addr.ip4;
	flannel_path_stamp4(fl, outer->vtep, dst, iph, len, skb_shinfo(skb)->gso_segs ?: 1);
}

/*
 * As udp_tunnel_xmit_skb() and iptunnel_xmit(), which take a reference to the dst
 * and reserve one IP identifier for each packet.
 */
static void send4(struct flannel_dev *fl, const struct flannel_outer *outer, struct sk_buff *skb,
		  unsigned int len)
{
	int err;

	push_udp(outer, skb);
	push_ip4(fl, outer, skb, len);
	*IPCB(skb) = (struct inet_skb_parm){};
	skb_clear_hash_if_not_l4(skb);
	if (likely(outer->route.noref))
		skb_dst_set_noref(skb, outer->route.dst);
	else
		skb_dst_set(skb, outer->route.dst);

	flannel_nest_begin();
	err = flannel_output4(fl->net, outer->fs->sock->sk, skb, outer->fragment);
	flannel_nest_end();
	iptunnel_xmit_stats(fl->dev, unlikely(net_xmit_eval(err)) ? 0 : len);
}

#if IS_ENABLED(CONFIG_IPV6)
static void send6(struct flannel_dev *fl, const struct flannel_outer *outer, struct sk_buff *skb,
		  unsigned int len)
{
	const struct flannel_config *cfg = outer->cfg;
	struct in6_addr saddr = outer->route.saddr6;
	struct in6_addr daddr = outer->vtep->addr.ip6;
	struct dst_entry *dst = outer->route.dst;

	flannel_path_count_tx(fl, outer->vtep, len);
	skb->ignore_df = outer->fragment;
	udp_tunnel6_xmit_skb(dst, outer->fs->sock->sk, skb, fl->dev, &saddr, &daddr, outer->tos,
			     cfg->ttl ?: ip6_dst_hoplimit(dst), 0, outer->route.sport, cfg->port,
			     cfg->zero_csum6_tx);
}
#else
static void send6(struct flannel_dev *fl, const struct flannel_outer *outer, struct sk_buff *skb,
		  unsigned int len)
{
}
#endif

static int prepare(struct flannel_dev *fl, const struct flannel_outer *outer, struct sk_buff *skb)
{
	bool v4 = outer->vtep->addr.family == AF_INET;
	const struct dst_entry *dst = outer->route.dst;
	unsigned int room = v4 ? FLANNEL_OVERHEAD4 : FLANNEL_OVERHEAD6;

	if (skb_cow_head(skb, room + LL_RESERVED_SPACE(dst->dev) + dst->header_len))
		return FLANNEL_A_STATS_TX_NO_MEMORY;
	skb_scrub_packet(skb, flannel_xnet(fl));
	skb->mark = outer->cfg->fwmark;
	return push_frame(outer, skb, v4 ? outer->cfg->udp_csum : !outer->cfg->zero_csum6_tx);
}

/**
 * flannel_encap - encapsulate a packet and hand it to the underlay
 * @fl: device
 * @outer: how; the reference that its route may have is consumed with @skb
 * @skb: inner packet; consumed unless an error is returned
 *
 * Context: softirq, or bottom halves disabled, and rcu_read_lock().
 * Return: 0, or why to drop the packet, enum flannel_stats_attr.
 */
int flannel_encap(struct flannel_dev *fl, const struct flannel_outer *outer, struct sk_buff *skb)
{
	unsigned int len = skb->len;
	int cause;

	if (unlikely(flannel_nested_too_deep()))
		return FLANNEL_A_STATS_TX_LOOP;
	cause = prepare(fl, outer, skb);
	if (cause)
		return cause;
	if (outer->vtep->addr.family == AF_INET)
		send4(fl, outer, skb, len);
	else
		send6(fl, outer, skb, len);
	return 0;
}
