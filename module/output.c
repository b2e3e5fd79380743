// SPDX-License-Identifier: GPL-2.0
#include <net/arp.h>
#include <net/ip.h>
#include <net/neighbour.h>
#include <net/route.h>
#include <net/sock.h>

#include "compat/compat.h"
#include "output.h"

/* IPsec, lightweight tunnels, VRFs, and whatever else has a way out of its own */
static bool is_special(const struct dst_entry *dst)
{
	return READ_ONCE(dst->output) != ip_output || dst->lwtstate ||
	       netif_is_l3_slave(READ_ONCE(dst->dev));
}

/* As ip_finish_output2(). */
static int to_neighbour(struct rtable *rt, struct sk_buff *skb)
{
	bool v6 = false;
	struct neighbour *neigh = ip_neigh_for_gw(rt, skb, &v6);

	if (IS_ERR(neigh)) {
		kfree_skb_reason(skb, SKB_DROP_REASON_NEIGH_CREATEFAIL);
		return PTR_ERR(neigh);
	}
	sock_confirm_neigh(skb, neigh);
	return neigh_output(neigh, skb, v6);
}

/**
 * flannel_output4 - hand an outer IPv4 packet to the underlay
 * @net: namespace of the underlay
 * @sk: socket of the device, never @skb's own
 * @skb: packet with outer header and unicast route, all but length and header checksum
 *	filled in, and room for the link layer's header; consumed
 * @fragment: it is too big for its path and may be fragmented
 *
 * As ip_local_out(), and that itself wherever anybody has a claim on the packet:
 * netfilter at LOCAL_OUT or POST_ROUTING (connection tracking, masquerade, AppArmor),
 * IPsec, a VRF, a route with an output of its own; and for segments and fragments.
 * What else it would ask was asked before (the path's MTU), or is nothing to this
 * packet: programs of control groups take only packets of @sk's own.
 *
 * Context: softirq, or bottom halves disabled, and rcu_read_lock().
 * Return: as ip_local_out().
 */
int flannel_output4(struct net *net, struct sock *sk, struct sk_buff *skb, bool fragment)
{
	struct dst_entry *dst = skb_dst(skb);

	if (fragment || skb_is_gso(skb) || flannel_output_is_hooked(net) || is_special(dst))
		return ip_local_out(net, sk, skb);

	flannel_count_output(net, skb->len);
	ip_hdr(skb)->tot_len = htons(skb->len);
	ip_send_check(ip_hdr(skb));
	skb->protocol = htons(ETH_P_IP);
	skb->dev = READ_ONCE(dst->dev);
	return to_neighbour(container_of(dst, struct rtable, dst), skb);
}
