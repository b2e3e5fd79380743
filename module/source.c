// SPDX-License-Identifier: GPL-2.0
#include <linux/etherdevice.h>
#include <linux/inetdevice.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/addrconf.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "cells.h"
#include "device.h"
#include "source.h"

static bool is_v4(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IP);
}

/**
 * flannel_source_prefetch - the source of a packet will be asked for soon
 * @fl: device
 * @skb: packet at its IP header
 *
 * Context: RCU reader.
 */
void flannel_source_prefetch(const struct flannel_dev *fl, const struct sk_buff *skb)
{
	if (is_v4(skb))
		flannel_table_prefetch4(&fl->table, ip_hdr(skb)->saddr);
	else
		flannel_table_prefetch6(&fl->table, &ipv6_hdr(skb)->saddr);
}

/**
 * flannel_source_owner - whose the source of a packet is
 * @fl: device
 * @skb: packet at its IP header
 *
 * Context: RCU reader; the result is good until rcu_read_unlock().
 * Return: the VTEP that has leased it, &flannel_vtep_local when this host has,
 *	or NULL when nobody has.
 */
struct flannel_vtep *flannel_source_owner(const struct flannel_dev *fl, const struct sk_buff *skb)
{
	if (is_v4(skb))
		return flannel_table_lookup4(&fl->table, ip_hdr(skb)->saddr);
	return flannel_table_lookup6(&fl->table, &ipv6_hdr(skb)->saddr);
}

static struct flannel_vtep *vtep_at(const struct flannel_dev *fl, const struct flannel_ip *ip)
{
	if (ip->family == AF_INET)
		return flannel_table_vtep4(&fl->table, ip->ip4);
	return flannel_table_vtep6(&fl->table, &ip->ip6);
}

static bool is_bogus4(__be32 addr)
{
	return ipv4_is_zeronet(addr) || ipv4_is_loopback(addr) || ipv4_is_multicast(addr) ||
	       ipv4_is_linklocal_169(addr) || (addr & htonl(0xf0000000)) == htonl(0xf0000000);
}

static bool is_bogus6(const struct in6_addr *addr)
{
	return ipv6_addr_any(addr) || ipv6_addr_loopback(addr) || ipv6_addr_is_multicast(addr) ||
	       ipv6_addr_type(addr) & IPV6_ADDR_LINKLOCAL || ipv6_addr_v4mapped(addr);
}

static bool has_bogus_source(const struct sk_buff *skb)
{
	return is_v4(skb) ? is_bogus4(ip_hdr(skb)->saddr) : is_bogus6(&ipv6_hdr(skb)->saddr);
}

static bool has_own_source(const struct flannel_dev *fl, const struct sk_buff *skb)
{
	struct net *net = dev_net(fl->dev);

	if (is_v4(skb))
		return inet_addr_type_dev_table(net, fl->dev, ip_hdr(skb)->saddr) == RTN_LOCAL;
#if IS_ENABLED(CONFIG_IPV6)
	return ipv6_chk_addr(net, &ipv6_hdr(skb)->saddr, fl->dev, 0);
#else
	return false;
#endif
}

static bool is_from_vtep(const struct flannel_ip *sender, const struct sk_buff *skb)
{
	if (is_v4(skb))
		return sender->family == AF_INET && ip_hdr(skb)->saddr == sender->ip4;
	return sender->family == AF_INET6 && ipv6_addr_equal(&ipv6_hdr(skb)->saddr, &sender->ip6);
}

/*
 * An address of ours that no local lease keeps others from leasing is a martian
 * to IPv4; IPv6 would take it.
 */
static int check_leased_source(const struct flannel_dev *fl, u8 mode, const struct sk_buff *skb)
{
	if (is_v4(skb) || mode == FLANNEL_SRCCHECK_OFF || !has_own_source(fl, skb))
		return 0;
	return FLANNEL_A_STATS_RX_OWN_SOURCE;
}

/* A source that is in no lease of the sender */
static int check_other_source(const struct flannel_dev *fl, u8 mode,
			      const struct flannel_ip *sender, const struct sk_buff *skb,
			      const struct flannel_vtep *owner)
{
	if (owner && owner != &flannel_vtep_local)
		return FLANNEL_A_STATS_RX_FOREIGN_LEASE;
	if (has_bogus_source(skb))
		return FLANNEL_A_STATS_RX_BOGUS_SOURCE;
	if (owner || has_own_source(fl, skb))
		return FLANNEL_A_STATS_RX_OWN_SOURCE;
	if (mode == FLANNEL_SRCCHECK_STRICT && !is_from_vtep(sender, skb))
		return FLANNEL_A_STATS_RX_NO_LEASE;
	return 0;
}

/**
 * flannel_source_check - may its sender use this source?
 * @fl: device
 * @mode: enum flannel_srccheck
 * @skb: packet at its IP header, its flannel_arrival() filled in
 * @vtep: set to the sender's VTEP, NULL when it is none
 *
 * A source in a lease of the sender needs little further look: leases hold no
 * bogus ones.
 *
 * Context: softirq and rcu_read_lock().
 * Return: 0, or why to drop the packet, enum flannel_stats_attr.
 */
int flannel_source_check(const struct flannel_dev *fl, u8 mode, struct sk_buff *skb,
			 struct flannel_vtep **vtep)
{
	const struct flannel_arrival *arrival = flannel_arrival(skb);
	struct flannel_vtep *owner = arrival->owner;

	if (likely(owner && flannel_ip_equal(&owner->addr, &arrival->sender))) {
		*vtep = owner;
		return check_leased_source(fl, mode, skb);
	}
	*vtep = vtep_at(fl, &arrival->sender);
	if (mode == FLANNEL_SRCCHECK_OFF)
		return 0;
	if (!*vtep)
		return FLANNEL_A_STATS_RX_UNKNOWN_VTEP;
	return check_other_source(fl, mode, &arrival->sender, skb, owner);
}
