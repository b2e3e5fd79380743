// SPDX-License-Identifier: GPL-2.0
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/slab.h>
#include <linux/udp.h>
#include <net/addrconf.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "device.h"
#include "report.h"
#include "untrack.h"

#if IS_ENABLED(CONFIG_NETFILTER)

/* What others have to say of a connection that is tracked already stays. */
static void untrack(struct sk_buff *skb)
{
	if (!skb_nfct(skb))
		skb_set_nfct(skb, IP_CT_UNTRACKED);
}

static bool is_local4(const struct flannel_config *cfg, const struct nf_hook_state *state,
		      __be32 addr)
{
	if (likely(cfg->local4))
		return addr == cfg->local4;
	return inet_addr_type_dev_table(state->net, state->in, addr) == RTN_LOCAL;
}

/* What is only on its way through this host is not ours. */
static unsigned int received4(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct flannel_dev *fl = priv;
	const struct flannel_config *cfg = rcu_dereference(fl->config);
	const struct iphdr *iph = ip_hdr(skb);
	const struct udphdr *uh;
	struct udphdr buffer;

	if (iph->protocol != IPPROTO_UDP || ip_is_fragment(iph) ||
	    !is_local4(cfg, state, iph->daddr))
		return NF_ACCEPT;
	uh = skb_header_pointer(skb, iph->ihl * 4, sizeof(buffer), &buffer);
	if (uh && uh->dest == cfg->port)
		untrack(skb);
	return NF_ACCEPT;
}

#if IS_ENABLED(CONFIG_IPV6)
static bool is_local6(const struct flannel_config *cfg, const struct nf_hook_state *state,
		      const struct in6_addr *addr)
{
	if (likely(!ipv6_addr_any(&cfg->local6)))
		return ipv6_addr_equal(addr, &cfg->local6);
	return ipv6_chk_addr(state->net, addr, NULL, 0);
}

/* No sender of VXLAN puts extension headers before UDP. */
static unsigned int received6(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct flannel_dev *fl = priv;
	const struct flannel_config *cfg = rcu_dereference(fl->config);
	const struct ipv6hdr *ip6h = ipv6_hdr(skb);
	const struct udphdr *uh;
	struct udphdr buffer;

	if (ip6h->nexthdr != IPPROTO_UDP || !is_local6(cfg, state, &ip6h->daddr))
		return NF_ACCEPT;
	uh = skb_header_pointer(skb, sizeof(*ip6h), sizeof(buffer), &buffer);
	if (uh && uh->dest == cfg->port)
		untrack(skb);
	return NF_ACCEPT;
}
#else
static unsigned int received6(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	return NF_ACCEPT;
}
#endif

static const struct nf_hook_ops hooks[FLANNEL_FAMILIES] = {
	[FLANNEL_V4] = {
		.hook = received4,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP_PRI_RAW,
	},
	[FLANNEL_V6] = {
		.hook = received6,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP6_PRI_RAW,
	},
};

static int start(struct flannel_dev *fl, struct netlink_ext_ack *extack)
{
	struct nf_hook_ops *own = kmemdup(hooks, sizeof(hooks), GFP_KERNEL_ACCOUNT);
	int err;

	if (!own)
		return -ENOMEM;
	own[FLANNEL_V4].priv = fl;
	own[FLANNEL_V6].priv = fl;
	err = nf_register_net_hooks(fl->net, own, FLANNEL_FAMILIES);
	if (err) {
		flannel_report(extack, NULL, "untrack: cannot hook into netfilter");
		kfree(own);
		return err;
	}
	fl->untrack = own;
	return 0;
}

static void stop(struct flannel_dev *fl)
{
	nf_unregister_net_hooks(fl->net, fl->untrack, FLANNEL_FAMILIES);
	/* Packets and whoever lists hooks may still look at them. */
	synchronize_net();
	kfree(fl->untrack);
	fl->untrack = NULL;
}

#else

static void untrack(struct sk_buff *skb)
{
}

static int start(struct flannel_dev *fl, struct netlink_ext_ack *extack)
{
	flannel_report(extack, NULL, "untrack: this kernel has no netfilter");
	return -EOPNOTSUPP;
}

static void stop(struct flannel_dev *fl)
{
}

#endif

/**
 * flannel_untrack_set - have received outer packets tracked or not
 * @fl: device
 * @on: not tracked, while it is up
 * @extack: says what is wrong, may be NULL
 *
 * Context: RTNL.  Sleeps.
 * Return: 0 or a negative errno; nothing changed then.  false does not fail.
 */
int flannel_untrack_set(struct flannel_dev *fl, bool on, struct netlink_ext_ack *extack)
{
	if (on && !fl->untrack)
		return start(fl, extack);
	if (!on && fl->untrack)
		stop(fl);
	return 0;
}

/**
 * flannel_untrack_sent - have an outer packet that is sent not tracked
 * @skb: packet, scrubbed
 */
void flannel_untrack_sent(struct sk_buff *skb)
{
	untrack(skb);
}
