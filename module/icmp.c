// SPDX-License-Identifier: GPL-2.0
/*
 * icmp.c - ICMP errors about packets that we sent into the underlay
 *
 * The kernel finds our socket by the quoted UDP header, asks whether the error
 * is ours, stores the path MTU with the routes of the socket, and then tells us.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <net/dsfield.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "route.h"
#include "socket.h"
#include "wire.h"

/* Where the packet that an error quotes went; and its TOS, for the route. */
static void read_quoted(const struct flannel_socket *fs, const void *header, struct flannel_ip *to,
			struct flannel_route *route)
{
	memset(to, 0, sizeof(*to));
	if (fs->family == FLANNEL_V4) {
		const struct iphdr *iph = header;

		to->family = AF_INET;
		to->ip4 = iph->daddr;
		route->dsfield = ipv4_get_dsfield(iph);
	} else {
		const struct ipv6hdr *ip6h = header;

		to->family = AF_INET6;
		to->ip6 = ip6h->daddr;
		route->dsfield = ipv6_get_dsfield(ip6h);
	}
}

static bool knows(const struct flannel_dev *fl, const struct flannel_ip *ip)
{
	if (ip->family == AF_INET)
		return flannel_table_vtep4(&fl->table, ip->ip4);
	return flannel_table_vtep6(&fl->table, &ip->ip6);
}

static bool anybody_knows(const struct flannel_socket *fs, const struct flannel_ip *ip)
{
	const struct flannel_member *member;
	int i;

	for (i = 0; i < FLANNEL_SOCKET_BUCKETS; i++)
		hlist_for_each_entry_rcu(member, &fs->members[i], node)
			if (knows(member->fl, ip))
				return true;
	return false;
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
	struct flannel_route route = {};
	struct flannel_vxlan buffer;
	const struct flannel_dev *fl;
	struct flannel_ip to;

	if (!fs)
		return -ENOENT;
	read_quoted(fs, skb_network_header(skb), &to, &route);
	vxlan = skb_header_pointer(skb, skb_transport_offset(skb) + sizeof(struct udphdr),
				   sizeof(buffer), &buffer);
	if (!vxlan)
		return anybody_knows(fs, &to) ? 0 : -ENOENT;
	if (!flannel_vxlan_is_valid(vxlan))
		return -ENOENT;
	fl = flannel_socket_find(fs, vxlan->vni);
	return fl && knows(fl, &to) ? 0 : -ENOENT;
}

/* The route looks at the packet to find where the MTU belongs. */
static void store_pmtu(struct dst_entry *dst, struct sk_buff *skb, u32 mark, u32 mtu)
{
	int network = skb_network_offset(skb);
	struct net_device *dev = skb->dev;
	u32 old_mark = skb->mark;

	skb_reset_network_header(skb);
	skb->dev = dst->dev;
	skb->mark = mark;
	dst->ops->update_pmtu(dst, NULL, skb, mtu, false);
	skb->mark = old_mark;
	skb->dev = dev;
	skb_set_network_header(skb, network);
}

/*
 * For the route that our packets take, which the socket's own look-up may miss.
 * IPv4 looks once more, by the packet itself.
 */
static void update_pmtu(struct flannel_dev *fl, const struct flannel_socket *fs,
			struct sk_buff *skb, u32 mtu)
{
	const struct flannel_config *cfg = rcu_dereference(fl->config);
	int oif = READ_ONCE(fl->oif);
	struct flannel_route route = {};
	struct flannel_ip to;

	if (oif == FLANNEL_OIF_AWAY || (!oif && !cfg->fwmark))
		return;
	read_quoted(fs, skb->data, &to, &route);
	if (!knows(fl, &to) || flannel_route_look_up(fl, cfg, fs, &to, &route))
		return;
	store_pmtu(route.dst, skb, cfg->fwmark, mtu);
	dst_release(route.dst);
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
	const struct flannel_member *member;
	u32 mtu;
	int i;

	if (!fs)
		return;
	mtu = told_mtu(fs, skb);
	if (!mtu)
		return;
	for (i = 0; i < FLANNEL_SOCKET_BUCKETS; i++)
		hlist_for_each_entry_rcu(member, &fs->members[i], node)
			update_pmtu(member->fl, fs, skb, mtu);
}
