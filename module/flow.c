// SPDX-License-Identifier: GPL-2.0
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/net.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>
#include <net/ip.h>
#include <net/udp_tunnel.h>

#include "device.h"
#include "flow.h"

/**
 * struct flow6 - what the hash of an IPv6 flow is made of
 * @addrs: source and destination
 * @ports: both
 * @unused: 0; siphash() likes whole words
 */
struct flow6 {
	struct in6_addr addrs[2];
	__be32 ports;
	u32 unused;
} __aligned(SIPHASH_ALIGNMENT);

static siphash_aligned_key_t key __read_mostly;

static bool has_ports(u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

/* 0 when the ports are not just behind a header of the usual length */
static u32 hash4(struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);

	if (iph->ihl != 5 || ip_is_fragment(iph) || !has_ports(iph->protocol) ||
	    !pskb_network_may_pull(skb, sizeof(*iph) + sizeof(__be32)))
		return 0;
	iph = ip_hdr(skb);
	return siphash_3u32((__force u32)iph->saddr, (__force u32)iph->daddr,
			    *(const u32 *)(iph + 1), &key);
}

static u32 hash6(struct sk_buff *skb)
{
	const struct ipv6hdr *ip6h = ipv6_hdr(skb);
	struct flow6 flow = {};

	if (!has_ports(ip6h->nexthdr) ||
	    !pskb_network_may_pull(skb, sizeof(*ip6h) + sizeof(__be32)))
		return 0;
	ip6h = ipv6_hdr(skb);
	memcpy(flow.addrs, &ip6h->addrs, sizeof(flow.addrs));
	flow.ports = *(const __be32 *)(ip6h + 1);
	return siphash(&flow, sizeof(flow), &key);
}

/*
 * The flow dissector is for every protocol there is, and takes its time. What
 * most packets are is hashed here; all others are left to it, and so is what
 * already has a hash, of the NIC or of the socket.
 */
static void hash(struct sk_buff *skb)
{
	u32 value;

	if (skb->l4_hash || skb->sw_hash)
		return;
	net_get_random_once(&key, sizeof(key));
	value = skb->protocol == htons(ETH_P_IP) ? hash4(skb) : hash6(skb);
	if (value)
		__skb_set_sw_hash(skb, value, true);
}

/**
 * flannel_flow_port - the UDP source port of a packet's flow
 * @net: underlay namespace
 * @cfg: options of the device
 * @skb: inner packet, IPv4 or IPv6, its header readable
 *
 * Context: any.
 * Return: the port.
 */
__be16 flannel_flow_port(struct net *net, const struct flannel_config *cfg, struct sk_buff *skb)
{
	int low = cfg->port_low, high = cfg->port_high;

	if (low == high && low)
		return htons(low);
	hash(skb);
	return udp_flow_src_port(net, skb, low, high, true);
}
