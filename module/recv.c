// SPDX-License-Identifier: GPL-2.0
#include <linux/etherdevice.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/gro.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/udp.h>

#include "cells.h"
#include "socket.h"
#include "wire.h"

/* The interface a packet came in on; behind a VRF skb->dev is the VRF. */
static bool came_by(const struct flannel_socket *fs, struct sk_buff *skb, int oif)
{
	if (likely(skb->dev->ifindex == oif))
		return true;
	return oif == (fs->family == FLANNEL_V4 ? inet_sdif(skb) : inet6_sdif(skb));
}

static bool sent_to_us(const struct flannel_config *cfg, const struct flannel_socket *fs,
		       const struct sk_buff *skb)
{
	if (skb->pkt_type != PACKET_HOST)
		return false;
	if (fs->family == FLANNEL_V4)
		return !cfg->local4 || ip_hdr(skb)->daddr == cfg->local4;
	return ipv6_addr_any(&cfg->local6) ||
	       ipv6_addr_equal(&ipv6_hdr(skb)->daddr, &cfg->local6);
}

/* May this packet, its outer headers as they came, go into the device? */
static int check_outer(const struct flannel_dev *fl, const struct flannel_config *cfg,
		       const struct flannel_socket *fs, struct sk_buff *skb)
{
	int oif = READ_ONCE(fl->oif);

	/* No interface has the index FLANNEL_OIF_AWAY. */
	if (oif && !came_by(fs, skb, oif))
		return FLANNEL_A_STATS_RX_WRONG_DEV;
	if (!sent_to_us(cfg, fs, skb))
		return FLANNEL_A_STATS_RX_WRONG_ADDR;
	if (fs->family == FLANNEL_V6 && !udp_hdr(skb)->check && !cfg->zero_csum6_rx)
		return FLANNEL_A_STATS_RX_NO_CSUM;
	return 0;
}

static bool check_ip4(struct sk_buff *skb)
{
	const struct iphdr *iph;

	if (!pskb_network_may_pull(skb, sizeof(*iph)))
		return false;
	iph = ip_hdr(skb);
	if (iph->version != 4 || iph->ihl < 5)
		return false;
	/* A packet that GRO has put together may say 0. */
	return skb_is_gso(skb) ||
	       (ntohs(iph->tot_len) >= iph->ihl * 4 && ntohs(iph->tot_len) <= skb->len);
}

static bool check_ip6(struct sk_buff *skb)
{
	const struct ipv6hdr *ip6h;

	if (!pskb_network_may_pull(skb, sizeof(*ip6h)))
		return false;
	ip6h = ipv6_hdr(skb);
	if (ip6h->version != 6)
		return false;
	return skb_is_gso(skb) || ntohs(ip6h->payload_len) + sizeof(*ip6h) <= skb->len;
}

/* Takes the outer headers and the inner Ethernet header off. */
static int decapsulate(struct flannel_dev *fl, struct sk_buff *skb)
{
	const struct ethhdr *eth;

	if (__iptunnel_pull_header(skb, sizeof(struct udphdr) + sizeof(struct flannel_vxlan),
				   htons(ETH_P_TEB), false, flannel_xnet(fl)))
		return FLANNEL_A_STATS_RX_NO_MEMORY;

	eth = (const struct ethhdr *)skb->data;
	if (!is_valid_ether_addr(eth->h_dest))
		return FLANNEL_A_STATS_RX_BAD_MAC;
	skb_pull_rcsum(skb, ETH_HLEN);
	skb_reset_mac_header(skb);
	skb_reset_network_header(skb);
	skb_reset_mac_len(skb);

	switch (skb->protocol) {
	case htons(ETH_P_IP):
		return check_ip4(skb) ? 0 : FLANNEL_A_STATS_RX_MALFORMED;
	case htons(ETH_P_IPV6):
		return check_ip6(skb) ? 0 : FLANNEL_A_STATS_RX_MALFORMED;
	default:
		return FLANNEL_A_STATS_RX_NOT_IP;
	}
}

static bool ecn_fits(const struct flannel_socket *fs, struct sk_buff *skb, const void *outer)
{
	if (fs->family == FLANNEL_V4)
		return IP_ECN_decapsulate(outer, skb) <= 1;
#if IS_ENABLED(CONFIG_IPV6)
	return IP6_ECN_decapsulate(outer, skb) <= 1;
#else
	return false;
#endif
}

/* Member by member: a copy of the whole would wait for each of its stores. */
static void note_sender(const struct flannel_socket *fs, const void *outer, struct flannel_ip *ip)
{
	if (fs->family == FLANNEL_V4) {
		ip->family = AF_INET;
		ip->ip6.s6_addr32[0] = ((const struct iphdr *)outer)->saddr;
		ip->ip6.s6_addr32[1] = 0;
		ip->ip6.s6_addr32[2] = 0;
		ip->ip6.s6_addr32[3] = 0;
	} else {
		ip->family = AF_INET6;
		ip->ip6 = ((const struct ipv6hdr *)outer)->saddr;
	}
}

/* What the table says of the packet is asked when it has left the queue. */
static int recv(struct flannel_dev *fl, const struct flannel_socket *fs, struct sk_buff *skb)
{
	unsigned int offset;
	const void *outer;
	int cause;

	cause = check_outer(fl, rcu_dereference(fl->config), fs, skb);
	if (cause)
		return cause;
	offset = skb_network_header(skb) - skb->head;
	cause = decapsulate(fl, skb);
	if (cause)
		return cause;
	/* Pulled, but still there. */
	outer = skb->head + offset;
	if (!ecn_fits(fs, skb, outer))
		return FLANNEL_A_STATS_RX_ECN;
	note_sender(fs, outer, &flannel_arrival(skb)->sender);
	return flannel_cells_receive(fl, skb);
}

/* A frame that no device can be found for is counted on the oldest one. */
static void drop_stray(const struct flannel_socket *fs, struct sk_buff *skb,
		       enum flannel_stats_attr cause)
{
	struct flannel_dev *fl = rcu_dereference(fs->oldest);

	if (fl)
		flannel_drop(fl, skb, cause);
	else
		kfree_skb(skb);
}

/**
 * flannel_recv - encap_rcv of the UDP sockets
 * @sk: socket
 * @skb: packet, its data at the UDP header; consumed
 *
 * Context: softirq and rcu_read_lock().
 * Return: 0, always: nothing is left for the socket.
 */
int flannel_recv(struct sock *sk, struct sk_buff *skb)
{
	const struct flannel_socket *fs = rcu_dereference_sk_user_data(sk);
	const struct flannel_vxlan *vxlan;
	struct flannel_dev *fl;
	int cause;

	if (unlikely(!fs)) {
		kfree_skb(skb);
		return 0;
	}
	if (!pskb_may_pull(skb, sizeof(struct udphdr) + sizeof(struct flannel_frame))) {
		drop_stray(fs, skb, FLANNEL_A_STATS_RX_BAD_HEADER);
		return 0;
	}
	vxlan = (const struct flannel_vxlan *)(udp_hdr(skb) + 1);
	if (!flannel_vxlan_is_valid(vxlan)) {
		drop_stray(fs, skb, FLANNEL_A_STATS_RX_BAD_HEADER);
		return 0;
	}
	fl = flannel_socket_find(fs, vxlan->vni);
	if (!fl) {
		drop_stray(fs, skb, FLANNEL_A_STATS_RX_BAD_VNI);
		return 0;
	}
	cause = recv(fl, fs, skb);
	if (unlikely(cause))
		flannel_drop(fl, skb, cause);
	return 0;
}

/**
 * flannel_gro_receive - gro_receive of the UDP sockets
 * @sk: socket
 * @head: packets held
 * @skb: packet, GRO offset at the VXLAN header
 *
 * Context: softirq and rcu_read_lock().
 * Return: a held packet to flush, or NULL.
 */
struct sk_buff *flannel_gro_receive(struct sock *sk, struct list_head *head, struct sk_buff *skb)
{
	unsigned int offset = skb_gro_offset(skb);
	const struct flannel_vxlan *vxlan, *held;
	struct sk_buff *flushed = NULL, *p;
	int flush = 1;

	vxlan = skb_gro_header(skb, offset + sizeof(*vxlan), offset);
	if (unlikely(!vxlan) || !flannel_vxlan_is_valid(vxlan))
		goto out;
	skb_gro_postpull_rcsum(skb, vxlan, sizeof(*vxlan));
	skb_gro_pull(skb, sizeof(*vxlan));

	list_for_each_entry(p, head, list) {
		if (!NAPI_GRO_CB(p)->same_flow)
			continue;
		held = (const struct flannel_vxlan *)(p->data + offset);
		if (held->vni != vxlan->vni || held->flags != vxlan->flags)
			NAPI_GRO_CB(p)->same_flow = 0;
	}
	flushed = call_gro_receive(eth_gro_receive, head, skb);
	flush = 0;
out:
	skb_gro_flush_final(skb, flushed, flush);
	return flushed;
}

/**
 * flannel_gro_complete - gro_complete of the UDP sockets
 * @sk: socket
 * @skb: packet put together
 * @nhoff: offset of the VXLAN header
 *
 * Context: softirq and rcu_read_lock().
 * Return: 0 or a negative errno.
 */
int flannel_gro_complete(struct sock *sk, struct sk_buff *skb, int nhoff)
{
	return eth_gro_complete(skb, nhoff + sizeof(struct flannel_vxlan));
}
