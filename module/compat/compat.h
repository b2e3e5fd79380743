/* SPDX-License-Identifier: GPL-2.0 */
/*
 * compat.h - where the kernels we build on differ
 *
 * The only place that knows; probe.mk asks the headers.  Everything here is an
 * inline or a constant with one meaning on every kernel.
 */
#ifndef _FLANNEL_COMPAT_H
#define _FLANNEL_COMPAT_H

#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <net/genetlink.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#ifdef FLANNEL_HAVE_GSO_H
#include <net/gso.h>
#endif
#ifdef FLANNEL_HAVE_HOTDATA
#include <net/hotdata.h>
#endif

#if !IS_ENABLED(CONFIG_NET_UDP_TUNNEL)
#error "flannel needs a kernel with NET_UDP_TUNNEL (VXLAN selects it)"
#endif

#if IS_MODULE(CONFIG_IPV6)
#error "flannel needs a kernel with IPV6 built in or left out, not as a module"
#endif

/* The device transmits without a lock of its own. */
static inline void flannel_set_lltx(struct net_device *dev)
{
#ifdef FLANNEL_HAVE_LLTX_BIT
	dev->lltx = true;
#else
	dev->features |= NETIF_F_LLTX;
#endif
}

/* Most packets that wait in a receive queue, net.core.netdev_max_backlog. */
static inline unsigned int flannel_max_backlog(void)
{
#ifdef FLANNEL_HAVE_HOTDATA
	return READ_ONCE(net_hotdata.max_backlog);
#else
	return READ_ONCE(netdev_max_backlog);
#endif
}

/*
 * Tunnels in tunnels take much of the stack. Where the kernel counts how deep a
 * packet is in them, no more than its own tunnels allow.
 */
#ifndef IP_TUNNEL_RECURSION_LIMIT
#define IP_TUNNEL_RECURSION_LIMIT 5
#endif

static inline bool flannel_nested_too_deep(void)
{
#ifdef FLANNEL_HAVE_XMIT_RECURSION
	return dev_recursion_level() > IP_TUNNEL_RECURSION_LIMIT;
#else
	return false;
#endif
}

static inline void flannel_nest_begin(void)
{
#ifdef FLANNEL_HAVE_XMIT_RECURSION
	dev_xmit_recursion_inc();
#endif
}

static inline void flannel_nest_end(void)
{
#ifdef FLANNEL_HAVE_XMIT_RECURSION
	dev_xmit_recursion_dec();
#endif
}

/* Does anybody of netfilter see what this host sends over IPv4? Under RCU. */
static inline bool flannel_output_is_hooked(const struct net *net)
{
#ifdef CONFIG_NETFILTER
	return rcu_access_pointer(net->nf.hooks_ipv4[NF_INET_LOCAL_OUT]) ||
	       rcu_access_pointer(net->nf.hooks_ipv4[NF_INET_POST_ROUTING]);
#else
	return false;
#endif
}

/*
 * A packet that this host sends, in IP's own counters. Later kernels count apart what
 * is asked for and what goes. Bottom halves are disabled.
 */
static inline void flannel_count_output(struct net *net, unsigned int bytes)
{
#ifdef FLANNEL_HAVE_OUTREQUESTS
	__IP_INC_STATS(net, IPSTATS_MIB_OUTREQUESTS);
#endif
	__IP_UPD_PO_STATS(net, IPSTATS_MIB_OUT, bytes);
}

/* Attributes of the request that started a dump. */
static inline struct nlattr **flannel_dump_attrs(struct netlink_callback *cb)
{
#ifdef FLANNEL_HAVE_GENL_INFO_DUMP
	return genl_info_dump(cb)->attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

/* Defines @hook, of the type of encap_err_rcv, to call @func(sk, skb). */
#ifdef FLANNEL_HAVE_ENCAP_ERR_INFO
#define FLANNEL_ENCAP_ERR_RCV(hook, func)						\
	static void hook(struct sock *sk, struct sk_buff *skb, int err, __be16 port,	\
			 u32 info, u8 *payload)						\
	{										\
		func(sk, skb);								\
	}
#else
#define FLANNEL_ENCAP_ERR_RCV(hook, func)						\
	static void hook(struct sock *sk, struct sk_buff *skb, unsigned int udp_offset)	\
	{										\
		func(sk, skb);								\
	}
#endif

/* Puts a text into the extack itself, where that has room for it. */
static inline bool flannel_extack_copy(struct netlink_ext_ack *extack, const char *text, int len)
{
#ifdef FLANNEL_HAVE_EXTACK_BUFFER
	if (len < sizeof(extack->_msg_buf)) {
		memcpy(extack->_msg_buf, text, len + 1);
		extack->_msg = extack->_msg_buf;
		return true;
	}
#endif
	return false;
}

#ifdef FLANNEL_HAVE_DROP_VXLAN
#define FLANNEL_DROP_BAD_HEADER	SKB_DROP_REASON_VXLAN_INVALID_HDR
#define FLANNEL_DROP_BAD_VNI	SKB_DROP_REASON_VXLAN_VNI_NOT_FOUND
#else
#define FLANNEL_DROP_BAD_HEADER	SKB_DROP_REASON_NOT_SPECIFIED
#define FLANNEL_DROP_BAD_VNI	SKB_DROP_REASON_NOT_SPECIFIED
#endif

#ifdef FLANNEL_HAVE_DROP_ECN
#define FLANNEL_DROP_ECN	SKB_DROP_REASON_IP_TUNNEL_ECN
#else
#define FLANNEL_DROP_ECN	SKB_DROP_REASON_NOT_SPECIFIED
#endif

#endif /* _FLANNEL_COMPAT_H */
