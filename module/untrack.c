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

#include "report.h"
#include "socket.h"
#include "untrack.h"
#include "wire.h"

#if IS_ENABLED(CONFIG_NETFILTER)

/**
 * struct headers - what tells an outer packet from others
 * @udp: UDP header
 * @vxlan: what follows it
 */
struct headers {
	struct udphdr udp;
	struct flannel_vxlan vxlan;
};

/*
 * Not by the port alone: masquerade may give it to anybody's connection, whose
 * answers must be tracked.
 */
static bool is_own(const struct flannel_config *cfg, const struct sk_buff *skb, int offset)
{
	const struct headers *h;
	struct headers buffer;

	h = skb_header_pointer(skb, offset, sizeof(buffer), &buffer);
	return h && h->udp.dest == cfg->port && flannel_vxlan_is_valid(&h->vxlan) &&
	       h->vxlan.vni == htonl(cfg->vni << 8);
}

/* What somebody tracks already stays so. */
static void untrack(struct sk_buff *skb)
{
	if (!skb_nfct(skb))
		skb_set_nfct(skb, IP_CT_UNTRACKED);
}

/* What is only on its way through this host is not ours. */
static unsigned int received4(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct flannel_dev *fl = priv;
	const struct flannel_config *cfg = rcu_dereference(fl->config);
	const struct iphdr *iph = ip_hdr(skb);

	if (iph->protocol != IPPROTO_UDP || ip_is_fragment(iph) ||
	    (cfg->local4 && iph->daddr != cfg->local4) || !is_own(cfg, skb, iph->ihl * 4))
		return NF_ACCEPT;
	if (cfg->local4 ||
	    inet_addr_type_dev_table(state->net, state->in, iph->daddr) == RTN_LOCAL)
		untrack(skb);
	return NF_ACCEPT;
}

/* Here and not when it is made: in a VRF packets come here twice, unmarked. */
static unsigned int sent(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct flannel_dev *fl = priv;
	int family = flannel_family_index(state->pf == NFPROTO_IPV4 ? AF_INET : AF_INET6);
	const struct flannel_socket *fs = rcu_dereference(fl->sock[family]);

	if (fs && fs->sock->sk == state->sk &&
	    is_own(rcu_dereference(fl->config), skb, skb_transport_offset(skb)))
		untrack(skb);
	return NF_ACCEPT;
}

#if IS_ENABLED(CONFIG_IPV6)
/* No sender of VXLAN puts extension headers before UDP. */
static unsigned int received6(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct flannel_dev *fl = priv;
	const struct flannel_config *cfg = rcu_dereference(fl->config);
	const struct ipv6hdr *ip6h = ipv6_hdr(skb);
	bool any = ipv6_addr_any(&cfg->local6);

	if (ip6h->nexthdr != IPPROTO_UDP ||
	    (!any && !ipv6_addr_equal(&ip6h->daddr, &cfg->local6)) ||
	    !is_own(cfg, skb, sizeof(*ip6h)))
		return NF_ACCEPT;
	if (!any || ipv6_chk_addr(state->net, &ip6h->daddr, NULL, 0))
		untrack(skb);
	return NF_ACCEPT;
}
#endif

static const struct nf_hook_ops hooks[] = {
	{
		.hook = received4,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP_PRI_RAW,
	}, {
		.hook = sent,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_LOCAL_OUT,
		.priority = NF_IP_PRI_RAW,
	},
#if IS_ENABLED(CONFIG_IPV6)
	{
		.hook = received6,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP6_PRI_RAW,
	}, {
		.hook = sent,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_LOCAL_OUT,
		.priority = NF_IP6_PRI_RAW,
	},
#endif
};

static int start(struct flannel_dev *fl, struct netlink_ext_ack *extack)
{
	struct nf_hook_ops *own = kmemdup(hooks, sizeof(hooks), GFP_KERNEL_ACCOUNT);
	unsigned int i;
	int err;

	if (!own)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(hooks); i++)
		own[i].priv = fl;
	err = nf_register_net_hooks(fl->net, own, ARRAY_SIZE(hooks));
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
	nf_unregister_net_hooks(fl->net, fl->untrack, ARRAY_SIZE(hooks));
	/* Packets and whoever lists hooks may still look at them. */
	synchronize_net();
	kfree(fl->untrack);
	fl->untrack = NULL;
}

#else

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
 * flannel_untrack_set - have outer packets tracked or not
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
