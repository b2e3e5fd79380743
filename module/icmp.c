// SPDX-License-Identifier: GPL-2.0
/*
 * icmp.c - ICMP errors about packets that we sent into the underlay
 *
 * The kernel finds our socket by the quoted UDP header, asks whether the error
 * is ours, stores the path MTU with the routes of the socket, and then tells us.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "socket.h"
#include "wire.h"

static bool knows(const struct flannel_socket *fs, const struct flannel_dev *fl, const void *daddr)
{
	if (fs->family == FLANNEL_V4)
		return flannel_table_vtep4(&fl->table, *(const __be32 *)daddr);
	return flannel_table_vtep6(&fl->table, daddr);
}

/*
 * A device on the socket, after @last, that has a VTEP at @daddr, and this VNI
 * if that is known.
 */
static struct flannel_dev *next_concerned(const struct flannel_socket *fs, const void *daddr,
					  const struct flannel_vxlan *vxlan,
					  const struct flannel_dev *last)
{
	const struct flannel_member *member;
	bool passed = !last;
	int i;

	for (i = 0; i < FLANNEL_SOCKET_BUCKETS; i++) {
		hlist_for_each_entry_rcu(member, &fs->members[i], node) {
			if (passed && (!vxlan || member->vni == vxlan->vni) &&
			    knows(fs, member->fl, daddr))
				return member->fl;
			passed |= member->fl == last;
		}
	}
	return NULL;
}

/**
 * flannel_icmp_lookup - encap_err_lookup: is this ICMP error about our packet?
 * @sk: socket
 * @skb: ICMP error; network and transport header are the quoted ones
 *
 * Routers quote at least 8 bytes behind the IP header (RFC 792), the UDP
 * header, and often no more.  Then the quoted destination must be a VTEP; where
 * the VXLAN header is there, one of the device that has its VNI.
 *
 * Context: softirq and rcu_read_lock().
 * Return: 0, or -ENOENT when it is not.
 */
int flannel_icmp_lookup(struct sock *sk, struct sk_buff *skb)
{
	const struct flannel_socket *fs = rcu_dereference_sk_user_data(sk);
	const struct flannel_vxlan *vxlan;
	struct flannel_vxlan buffer;
	const void *daddr;

	if (!fs)
		return -ENOENT;
	daddr = fs->family == FLANNEL_V4 ? (const void *)&ip_hdr(skb)->daddr :
					   (const void *)&ipv6_hdr(skb)->daddr;
	vxlan = skb_header_pointer(skb, skb_transport_offset(skb) + sizeof(struct udphdr),
				   sizeof(buffer), &buffer);
	if (vxlan && !flannel_vxlan_is_valid(vxlan))
		return -ENOENT;
	return next_concerned(fs, daddr, vxlan, NULL) ? 0 : -ENOENT;
}

static void update_pmtu4(struct flannel_dev *fl, struct sk_buff *skb, u32 mtu, int oif, u32 mark)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	struct flowi4 fl4 = {
		.flowi4_oif = oif,
		.flowi4_mark = mark,
		.flowi4_proto = IPPROTO_UDP,
		.daddr = iph->daddr,
		.saddr = iph->saddr,
	};
	int network = skb_network_offset(skb);
	struct net_device *dev = skb->dev;
	u32 old_mark = skb->mark;
	struct rtable *rt;

	rt = ip_route_output_key(fl->net, &fl4);
	if (IS_ERR(rt))
		return;
	/* The route looks at the packet to find where the MTU belongs. */
	skb_reset_network_header(skb);
	skb->dev = rt->dst.dev;
	skb->mark = mark;
	rt->dst.ops->update_pmtu(&rt->dst, NULL, skb, mtu, false);
	skb->mark = old_mark;
	skb->dev = dev;
	skb_set_network_header(skb, network);
	ip_rt_put(rt);
}

static void update_pmtu(struct flannel_dev *fl, const struct flannel_socket *fs,
			struct sk_buff *skb, u32 mtu)
{
	u32 mark = rcu_dereference(fl->config)->fwmark;
	int oif = max(READ_ONCE(fl->oif), 0);

	/* The routes of the socket are ours. */
	if (!mark && !oif)
		return;
	if (fs->family == FLANNEL_V4)
		update_pmtu4(fl, skb, mtu, oif, mark);
#if IS_ENABLED(CONFIG_IPV6)
	else
		ip6_update_pmtu(skb, fl->net, htonl(mtu), oif, mark,
				sock_net_uid(fl->net, NULL));
#endif
}

/* The path MTU that an ICMP error tells, 0 if it tells of something else. */
static u32 told_mtu(const struct flannel_socket *fs, const struct sk_buff *skb)
{
	const struct icmp6hdr *icmp6 = icmp6_hdr(skb);
	const struct icmphdr *icmp = icmp_hdr(skb);

	if (fs->family == FLANNEL_V6)
		return icmp6->icmp6_type == ICMPV6_PKT_TOOBIG ? ntohl(icmp6->icmp6_mtu) : 0;
	if (icmp->type != ICMP_DEST_UNREACH || icmp->code != ICMP_FRAG_NEEDED)
		return 0;
	return ntohs(icmp->un.frag.mtu);
}

/**
 * flannel_icmp_recv - encap_err_rcv: an ICMP error about our packet
 * @sk: socket
 * @skb: ICMP error, its data at the quoted IP header
 *
 * Stores the path MTU with the routes that our packets take where these are not
 * the socket's: with fwmark, or an underlay interface.
 *
 * Context: softirq and rcu_read_lock().
 */
void flannel_icmp_recv(struct sock *sk, struct sk_buff *skb)
{
	const struct flannel_socket *fs = rcu_dereference_sk_user_data(sk);
	struct flannel_dev *fl = NULL;
	const void *daddr;
	u32 mtu;

	if (!fs)
		return;
	mtu = told_mtu(fs, skb);
	if (!mtu)
		return;
	daddr = fs->family == FLANNEL_V4 ?
		(const void *)&((const struct iphdr *)skb->data)->daddr :
		(const void *)&((const struct ipv6hdr *)skb->data)->daddr;
	while ((fl = next_concerned(fs, daddr, NULL, fl)))
		update_pmtu(fl, fs, skb, mtu);
}
