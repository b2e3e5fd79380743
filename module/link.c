// SPDX-License-Identifier: GPL-2.0
#include <linux/etherdevice.h>
#include <linux/inetdevice.h>
#include <linux/memcontrol.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>

#include "device.h"
#include "netlink.h"
#include "cells.h"
#include "path.h"
#include "report.h"
#include "untrack.h"

static const struct nla_policy policy[IFLA_FLANNEL_MAX + 1] = {
	[0] = { .strict_start_type = IFLA_FLANNEL_ID },
	[IFLA_FLANNEL_ID] = { .type = NLA_U32 },
	[IFLA_FLANNEL_PORT] = { .type = NLA_U16 },
	[IFLA_FLANNEL_LOCAL] = NLA_POLICY_EXACT_LEN(sizeof(struct in_addr)),
	[IFLA_FLANNEL_LOCAL6] = NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
	[IFLA_FLANNEL_DEV] = { .type = NLA_NUL_STRING, .len = IFNAMSIZ - 1 },
	[IFLA_FLANNEL_TTL] = { .type = NLA_U8 },
	[IFLA_FLANNEL_TOS] = { .type = NLA_U8 },
	[IFLA_FLANNEL_DF] = NLA_POLICY_MAX(NLA_U8, FLANNEL_DF_MAX),
	[IFLA_FLANNEL_PORT_RANGE] = NLA_POLICY_EXACT_LEN(sizeof(struct flannel_port_range)),
	[IFLA_FLANNEL_UDP_CSUM] = NLA_POLICY_MAX(NLA_U8, 1),
	[IFLA_FLANNEL_UDP_ZERO_CSUM6_TX] = NLA_POLICY_MAX(NLA_U8, 1),
	[IFLA_FLANNEL_UDP_ZERO_CSUM6_RX] = NLA_POLICY_MAX(NLA_U8, 1),
	[IFLA_FLANNEL_LLADDR] = NLA_POLICY_EXACT_LEN(ETH_ALEN),
	[IFLA_FLANNEL_NETWORK] = NLA_POLICY_EXACT_LEN(sizeof(struct in_addr)),
	[IFLA_FLANNEL_NETWORK_LEN] = NLA_POLICY_MAX(NLA_U8, 32),
	[IFLA_FLANNEL_NETWORK6] = NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
	[IFLA_FLANNEL_NETWORK6_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[IFLA_FLANNEL_SRCCHECK] = NLA_POLICY_MAX(NLA_U8, FLANNEL_SRCCHECK_MAX),
	[IFLA_FLANNEL_FWMARK] = { .type = NLA_U32 },
	[IFLA_FLANNEL_MAXLEASES] = NLA_POLICY_MIN(NLA_U32, 1),
	[IFLA_FLANNEL_UNTRACK] = NLA_POLICY_MAX(NLA_U8, 1),
};

static int refuse(struct netlink_ext_ack *extack, const struct nlattr *attr, const char *text)
{
	flannel_report(extack, attr, "%s", text);
	return -EINVAL;
}

static int flannel_validate(struct nlattr *tb[], struct nlattr *data[],
			    struct netlink_ext_ack *extack)
{
	if (tb[IFLA_ADDRESS])
		return refuse(extack, tb[IFLA_ADDRESS],
			      "A flannel device has no link-layer address; the VTEP's MAC is option lladdr");
	if (tb[IFLA_LINK])
		return refuse(extack, tb[IFLA_LINK],
			      "The underlay interface is option dev of the flannel device, not link");
	return 0;
}

static void default_config(struct flannel_config *cfg)
{
	cfg->vni = FLANNEL_DEFAULT_VNI;
	cfg->port = htons(FLANNEL_DEFAULT_PORT);
	cfg->udp_csum = true;
	cfg->srccheck = FLANNEL_SRCCHECK_LEASE;
	cfg->maxleases = FLANNEL_DEFAULT_MAXLEASES;
	eth_random_addr(cfg->lladdr);
}

static int parse_identity(struct flannel_config *cfg, struct nlattr *data[], bool live,
			  struct netlink_ext_ack *extack)
{
	const struct nlattr *id = data[IFLA_FLANNEL_ID], *port = data[IFLA_FLANNEL_PORT];

	if (id) {
		if (nla_get_u32(id) > 0xffffff) {
			flannel_report(extack, id, "id %u is not a VNI: 0 to 16777215",
				       nla_get_u32(id));
			return -EINVAL;
		}
		if (live && nla_get_u32(id) != cfg->vni)
			return refuse(extack, id, "The id (VNI) of a live device cannot be changed");
		cfg->vni = nla_get_u32(id);
	}
	if (port) {
		if (!nla_get_be16(port))
			return refuse(extack, port, "UDP port 0 is not a port: 1 to 65535");
		if (live && nla_get_be16(port) != cfg->port)
			return refuse(extack, port, "The dstport of a live device cannot be changed");
		cfg->port = nla_get_be16(port);
	}
	return 0;
}

static int parse_local(struct flannel_config *cfg, struct nlattr *data[],
		       struct netlink_ext_ack *extack)
{
	const struct nlattr *local = data[IFLA_FLANNEL_LOCAL];

	if (local) {
		__be32 addr = nla_get_in_addr(local);

		if (ipv4_is_multicast(addr) || ipv4_is_lbcast(addr) || ipv4_is_loopback(addr)) {
			flannel_report(extack, local, "local %pI4 is not a unicast address", &addr);
			return -EINVAL;
		}
		cfg->local4 = addr;
	}
	local = data[IFLA_FLANNEL_LOCAL6];
	if (local) {
		struct in6_addr addr = nla_get_in6_addr(local);

		if (ipv6_addr_type(&addr) & (IPV6_ADDR_MULTICAST | IPV6_ADDR_LOOPBACK |
					     IPV6_ADDR_MAPPED)) {
			flannel_report(extack, local, "local %pI6c is not a unicast address",
				       &addr);
			return -EINVAL;
		}
		cfg->local6 = addr;
	}
	return 0;
}

static int parse_ports(struct flannel_config *cfg, const struct nlattr *attr,
		       struct netlink_ext_ack *extack)
{
	const struct flannel_port_range *range;
	u16 low, high;

	if (!attr)
		return 0;
	range = nla_data(attr);
	low = ntohs(range->low);
	high = ntohs(range->high);
	if (low > high || (!low && high)) {
		flannel_report(extack, attr, "srcport %u %u is not a range of ports", low, high);
		return -EINVAL;
	}
	cfg->port_low = low;
	cfg->port_high = high;
	return 0;
}

static int parse_lladdr(struct flannel_config *cfg, const struct nlattr *attr,
			struct netlink_ext_ack *extack)
{
	if (!attr)
		return 0;
	if (!is_valid_ether_addr(nla_data(attr))) {
		flannel_report(extack, attr, "lladdr %pM is not a unicast MAC", nla_data(attr));
		return -EINVAL;
	}
	ether_addr_copy(cfg->lladdr, nla_data(attr));
	return 0;
}

static int parse_network(struct flannel_prefix *network, u8 family, const struct nlattr *addr,
			 const struct nlattr *len, struct netlink_ext_ack *extack)
{
	struct flannel_prefix prefix = { .addr.family = family };

	if (!addr && !len)
		return 0;
	if (!addr || !len)
		return refuse(extack, addr ?: len,
			      "A network is an address together with a prefix length");
	memcpy(&prefix.addr.ip6, nla_data(addr), nla_len(addr));
	prefix.len = nla_get_u8(len);
	if (flannel_prefix_has_host_bits(&prefix))
		return refuse(extack, addr, "The network has host bits set");
	*network = prefix;
	return 0;
}

static void parse_plain(struct flannel_config *cfg, struct nlattr *data[])
{
	if (data[IFLA_FLANNEL_DEV])
		nla_strscpy(cfg->dev, data[IFLA_FLANNEL_DEV], sizeof(cfg->dev));
	if (data[IFLA_FLANNEL_TTL])
		cfg->ttl = nla_get_u8(data[IFLA_FLANNEL_TTL]);
	if (data[IFLA_FLANNEL_TOS])
		cfg->tos = nla_get_u8(data[IFLA_FLANNEL_TOS]);
	if (data[IFLA_FLANNEL_DF])
		cfg->df = nla_get_u8(data[IFLA_FLANNEL_DF]);
	if (data[IFLA_FLANNEL_UDP_CSUM])
		cfg->udp_csum = nla_get_u8(data[IFLA_FLANNEL_UDP_CSUM]);
	if (data[IFLA_FLANNEL_UDP_ZERO_CSUM6_TX])
		cfg->zero_csum6_tx = nla_get_u8(data[IFLA_FLANNEL_UDP_ZERO_CSUM6_TX]);
	if (data[IFLA_FLANNEL_UDP_ZERO_CSUM6_RX])
		cfg->zero_csum6_rx = nla_get_u8(data[IFLA_FLANNEL_UDP_ZERO_CSUM6_RX]);
	if (data[IFLA_FLANNEL_SRCCHECK])
		cfg->srccheck = nla_get_u8(data[IFLA_FLANNEL_SRCCHECK]);
	if (data[IFLA_FLANNEL_FWMARK])
		cfg->fwmark = nla_get_u32(data[IFLA_FLANNEL_FWMARK]);
	if (data[IFLA_FLANNEL_MAXLEASES])
		cfg->maxleases = nla_get_u32(data[IFLA_FLANNEL_MAXLEASES]);
	if (data[IFLA_FLANNEL_UNTRACK])
		cfg->untrack = nla_get_u8(data[IFLA_FLANNEL_UNTRACK]);
}

static int parse(struct flannel_config *cfg, struct nlattr *data[], bool live,
		 struct netlink_ext_ack *extack)
{
	int err;

	if (!data)
		return 0;
	err = parse_identity(cfg, data, live, extack);
	if (!err)
		err = parse_local(cfg, data, extack);
	if (!err)
		err = parse_ports(cfg, data[IFLA_FLANNEL_PORT_RANGE], extack);
	if (!err)
		err = parse_lladdr(cfg, data[IFLA_FLANNEL_LLADDR], extack);
	if (!err)
		err = parse_network(&cfg->network[FLANNEL_V4], AF_INET,
				    data[IFLA_FLANNEL_NETWORK], data[IFLA_FLANNEL_NETWORK_LEN],
				    extack);
	if (!err)
		err = parse_network(&cfg->network[FLANNEL_V6], AF_INET6,
				    data[IFLA_FLANNEL_NETWORK6], data[IFLA_FLANNEL_NETWORK6_LEN],
				    extack);
	if (!err)
		parse_plain(cfg, data);
	return err;
}

static int find_lower(struct flannel_dev *fl, const struct flannel_config *cfg,
		      struct nlattr *data[], struct net_device **lower,
		      struct netlink_ext_ack *extack)
{
	*lower = cfg->dev[0] ? __dev_get_by_name(fl->net, cfg->dev) : NULL;
	if (!data || !data[IFLA_FLANNEL_DEV] || !cfg->dev[0])
		return 0;
	if (!*lower) {
		flannel_report(extack, data[IFLA_FLANNEL_DEV],
			       "There is no interface %s in the underlay namespace", cfg->dev);
		return -ENODEV;
	}
	if (*lower == fl->dev)
		return refuse(extack, data[IFLA_FLANNEL_DEV],
			      "A flannel device cannot be its own underlay");
	return 0;
}

/* The attribute to blame for what the table says of its limits. */
static const struct nlattr *limit_attr(struct nlattr *data[], const struct flannel_error *why)
{
	if (!data)
		return NULL;
	if (why->why == FLANNEL_REFUSED_FULL)
		return data[IFLA_FLANNEL_MAXLEASES];
	return data[why->prefix.addr.family == AF_INET ? IFLA_FLANNEL_NETWORK :
							 IFLA_FLANNEL_NETWORK6];
}

static int set_limits(struct flannel_dev *fl, const struct flannel_config *cfg,
		      struct nlattr *data[], struct netlink_ext_ack *extack)
{
	struct flannel_error why = {};
	int err;

	mutex_lock(&fl->lock);
	err = flannel_table_set_limits(&fl->table, cfg->network, cfg->maxleases, &why);
	if (why.why == FLANNEL_REFUSED_FULL)
		flannel_report(extack, limit_attr(data, &why), "The table holds %u leases, more than maxleases %u",
			       fl->table.leases[FLANNEL_V4] + fl->table.leases[FLANNEL_V6],
			       cfg->maxleases);
	else if (err)
		flannel_report_error(extack, limit_attr(data, &why), &fl->table, &why);
	mutex_unlock(&fl->lock);
	return err;
}

static int check_unique(struct net *net, const struct flannel_config *cfg,
			struct nlattr *data[], struct netlink_ext_ack *extack)
{
	struct flannel_dev *fl;

	list_for_each_entry(fl, &flannel_net(net)->devices, node) {
		const struct flannel_config *other = rtnl_dereference(fl->config);

		if (other->vni != cfg->vni || other->port != cfg->port)
			continue;
		flannel_report(extack, data ? data[IFLA_FLANNEL_ID] : NULL,
			       "%s has VNI %u on UDP port %u in the underlay namespace already",
			       fl->dev->name, cfg->vni, ntohs(cfg->port));
		return -EEXIST;
	}
	return 0;
}

static int parse_mtu(struct flannel_dev *fl, const struct nlattr *attr,
		     const struct net_device *lower, struct netlink_ext_ack *extack)
{
	if (!attr)
		return 0;
	fl->mtu_wish = nla_get_u32(attr);
	if (!lower || fl->mtu_wish <= flannel_mtu_limit(lower))
		return 0;
	flannel_report(extack, attr, "mtu %u does not fit %s, which leaves %u", fl->mtu_wish,
		       lower->name, flannel_mtu_limit(lower));
	return -EINVAL;
}

static void destroy(struct net_device *dev)
{
	struct flannel_dev *fl = netdev_priv(dev);

	flannel_table_destroy(&fl->table);
	flannel_cells_free(fl);
	free_percpu(fl->counters);
	kfree(rcu_dereference_protected(fl->config, true));
	mem_cgroup_put(fl->memcg);
	mutex_destroy(&fl->lock);
	netdev_dbg(dev, "destroyed\n");
}

static int create(struct flannel_dev *fl, struct net_device *dev, struct net *net)
{
	int err, cpu;

	fl->dev = dev;
	fl->net = net;
	mutex_init(&fl->lock);
	INIT_LIST_HEAD(&fl->node);
	flannel_paths_init(fl);
	fl->counters = __alloc_percpu_gfp(sizeof(*fl->counters), __alignof__(*fl->counters),
					  GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!fl->counters)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(fl->counters, cpu)->syncp);
	err = flannel_table_init(&fl->table, &fl->lock);
	if (err)
		free_percpu(fl->counters);
	else
		fl->memcg = get_mem_cgroup_from_mm(current->mm);
	return err;
}

static int attach(struct flannel_dev *fl, struct net_device *lower, struct netlink_ext_ack *extack)
{
	int err;

	err = register_netdevice(fl->dev);
	if (err)
		return err;
	err = flannel_lower_set(fl, lower, lower, extack);
	if (err) {
		unregister_netdevice(fl->dev);
		return err;
	}
	list_add_tail(&fl->node, &flannel_net(fl->net)->devices);
	flannel_mtu_update(fl);
	return 0;
}

static int flannel_newlink(struct net *net, struct net_device *dev, struct nlattr *tb[],
			   struct nlattr *data[], struct netlink_ext_ack *extack)
{
	struct flannel_dev *fl = netdev_priv(dev);
	struct flannel_config *cfg;
	struct net_device *lower;
	int err;

	cfg = kzalloc(sizeof(*cfg), GFP_KERNEL_ACCOUNT);
	if (!cfg)
		return -ENOMEM;
	default_config(cfg);
	err = parse(cfg, data, false, extack) ?: check_unique(net, cfg, data, extack);
	if (!err)
		err = create(fl, dev, net);
	if (err) {
		kfree(cfg);
		return err;
	}
	RCU_INIT_POINTER(fl->config, cfg);
	err = set_limits(fl, cfg, data, extack) ?: find_lower(fl, cfg, data, &lower, extack) ?:
	      parse_mtu(fl, tb[IFLA_MTU], lower, extack) ?: attach(fl, lower, extack);
	/* A device that was registered and taken back is freed once RTNL is let go. */
	if (!err || dev->reg_state == NETREG_UNREGISTERING)
		dev->priv_destructor = destroy;
	else
		destroy(dev);
	if (!err)
		netdev_dbg(dev, "created\n");
	return err;
}

static void flannel_dellink(struct net_device *dev, struct list_head *head)
{
	unregister_netdevice_queue(dev, head);
}

static int check_capable(const struct flannel_dev *fl, struct netlink_ext_ack *extack)
{
	if (!flannel_xnet(fl) || ns_capable(fl->net->user_ns, CAP_NET_ADMIN))
		return 0;
	flannel_report(extack, NULL, "This needs CAP_NET_ADMIN in the underlay namespace too");
	return -EPERM;
}

static bool limits_differ(const struct flannel_config *a, const struct flannel_config *b)
{
	return a->maxleases != b->maxleases || memcmp(a->network, b->network, sizeof(a->network));
}

/* Everything that can fail, in an order that can be undone. */
static int switch_config(struct flannel_dev *fl, struct flannel_config *cfg,
			 struct nlattr *data[], struct netlink_ext_ack *extack)
{
	const struct flannel_config *old = rtnl_dereference(fl->config);
	bool running = netif_running(fl->dev), untrack = running && cfg->untrack;
	struct net_device *lower;
	int err;

	err = find_lower(fl, cfg, data, &lower, extack);
	if (err)
		return err;
	if (limits_differ(old, cfg))
		err = set_limits(fl, cfg, data, extack);
	if (err)
		return err;
	if (untrack)
		err = flannel_untrack_set(fl, true, extack);
	err = err ?: flannel_lower_set(fl, lower, cfg->dev[0], extack);
	/* What is on stays on until nothing can fail any more. */
	flannel_untrack_set(fl, err ? running && old->untrack : untrack, NULL);
	/* Should memory fail now, the table keeps limits that it fits into. */
	if (err && limits_differ(old, cfg))
		set_limits(fl, old, NULL, NULL);
	return err;
}

static int flannel_changelink(struct net_device *dev, struct nlattr *tb[], struct nlattr *data[],
			      struct netlink_ext_ack *extack)
{
	struct flannel_dev *fl = netdev_priv(dev);
	struct flannel_config *old = rtnl_dereference(fl->config), *cfg;
	int err;

	err = check_capable(fl, extack);
	if (err)
		return err;
	cfg = kmemdup(old, sizeof(*old), GFP_KERNEL_ACCOUNT);
	if (!cfg)
		return -ENOMEM;
	err = parse(cfg, data, true, extack) ?: switch_config(fl, cfg, data, extack);
	if (err) {
		kfree(cfg);
		return err;
	}
	rcu_assign_pointer(fl->config, cfg);
	flannel_lower_carrier(fl);
	flannel_mtu_update(fl);
	synchronize_net();
	kfree(old);
	flannel_paths_reset(fl);
	return 0;
}

static size_t flannel_get_size(const struct net_device *dev)
{
	const struct flannel_dev *fl = netdev_priv(dev);
	const struct flannel_config *cfg = rcu_dereference_rtnl(fl->config);
	size_t size = 0;

	if (cfg->local4)
		size += nla_total_size(sizeof(struct in_addr));
	if (!ipv6_addr_any(&cfg->local6))
		size += nla_total_size(sizeof(struct in6_addr));
	if (cfg->dev[0])
		size += nla_total_size(strlen(cfg->dev) + 1);
	if (cfg->network[FLANNEL_V4].len)
		size += nla_total_size(sizeof(struct in_addr)) + nla_total_size(sizeof(u8));
	if (cfg->network[FLANNEL_V6].len)
		size += nla_total_size(sizeof(struct in6_addr)) + nla_total_size(sizeof(u8));

	return size +
	       nla_total_size(sizeof(u32)) +	/* ID */
	       nla_total_size(sizeof(__be16)) +	/* PORT */
	       nla_total_size(sizeof(u8)) +	/* TTL */
	       nla_total_size(sizeof(u8)) +	/* TOS */
	       nla_total_size(sizeof(u8)) +	/* DF */
	       nla_total_size(sizeof(struct flannel_port_range)) +
	       nla_total_size(sizeof(u8)) +	/* UDP_CSUM */
	       nla_total_size(sizeof(u8)) +	/* UDP_ZERO_CSUM6_TX */
	       nla_total_size(sizeof(u8)) +	/* UDP_ZERO_CSUM6_RX */
	       nla_total_size(ETH_ALEN) +	/* LLADDR */
	       nla_total_size(sizeof(u8)) +	/* SRCCHECK */
	       nla_total_size(sizeof(u32)) +	/* FWMARK */
	       nla_total_size(sizeof(u32)) +	/* MAXLEASES */
	       nla_total_size(sizeof(u8));	/* UNTRACK */
}

static int fill_optional(struct sk_buff *skb, const struct flannel_config *cfg)
{
	const struct flannel_prefix *net4 = &cfg->network[FLANNEL_V4];
	const struct flannel_prefix *net6 = &cfg->network[FLANNEL_V6];

	if ((cfg->local4 && nla_put_in_addr(skb, IFLA_FLANNEL_LOCAL, cfg->local4)) ||
	    (!ipv6_addr_any(&cfg->local6) &&
	     nla_put_in6_addr(skb, IFLA_FLANNEL_LOCAL6, &cfg->local6)) ||
	    (cfg->dev[0] && nla_put_string(skb, IFLA_FLANNEL_DEV, cfg->dev)) ||
	    (net4->len && (nla_put_in_addr(skb, IFLA_FLANNEL_NETWORK, net4->addr.ip4) ||
			   nla_put_u8(skb, IFLA_FLANNEL_NETWORK_LEN, net4->len))) ||
	    (net6->len && (nla_put_in6_addr(skb, IFLA_FLANNEL_NETWORK6, &net6->addr.ip6) ||
			   nla_put_u8(skb, IFLA_FLANNEL_NETWORK6_LEN, net6->len))))
		return -EMSGSIZE;
	return 0;
}

static int flannel_fill_info(struct sk_buff *skb, const struct net_device *dev)
{
	const struct flannel_dev *fl = netdev_priv(dev);
	const struct flannel_config *cfg = rcu_dereference_rtnl(fl->config);
	const struct flannel_port_range range = {
		.low = htons(cfg->port_low),
		.high = htons(cfg->port_high),
	};

	if (nla_put_u32(skb, IFLA_FLANNEL_ID, cfg->vni) ||
	    nla_put_be16(skb, IFLA_FLANNEL_PORT, cfg->port) ||
	    nla_put_u8(skb, IFLA_FLANNEL_TTL, cfg->ttl) ||
	    nla_put_u8(skb, IFLA_FLANNEL_TOS, cfg->tos) ||
	    nla_put_u8(skb, IFLA_FLANNEL_DF, cfg->df) ||
	    nla_put(skb, IFLA_FLANNEL_PORT_RANGE, sizeof(range), &range) ||
	    nla_put_u8(skb, IFLA_FLANNEL_UDP_CSUM, cfg->udp_csum) ||
	    nla_put_u8(skb, IFLA_FLANNEL_UDP_ZERO_CSUM6_TX, cfg->zero_csum6_tx) ||
	    nla_put_u8(skb, IFLA_FLANNEL_UDP_ZERO_CSUM6_RX, cfg->zero_csum6_rx) ||
	    nla_put(skb, IFLA_FLANNEL_LLADDR, ETH_ALEN, cfg->lladdr) ||
	    nla_put_u8(skb, IFLA_FLANNEL_SRCCHECK, cfg->srccheck) ||
	    nla_put_u32(skb, IFLA_FLANNEL_FWMARK, cfg->fwmark) ||
	    nla_put_u32(skb, IFLA_FLANNEL_MAXLEASES, cfg->maxleases) ||
	    nla_put_u8(skb, IFLA_FLANNEL_UNTRACK, cfg->untrack))
		return -EMSGSIZE;
	return fill_optional(skb, cfg);
}

static struct net *flannel_get_link_net(const struct net_device *dev)
{
	const struct flannel_dev *fl = netdev_priv(dev);

	return READ_ONCE(fl->net);
}

struct rtnl_link_ops flannel_link_ops __read_mostly = {
	.kind = FLANNEL_LINK_KIND,
	.maxtype = IFLA_FLANNEL_MAX,
	.policy = policy,
	.priv_size = sizeof(struct flannel_dev),
	.setup = flannel_setup,
	.validate = flannel_validate,
	.newlink = flannel_newlink,
	.changelink = flannel_changelink,
	.dellink = flannel_dellink,
	.get_size = flannel_get_size,
	.fill_info = flannel_fill_info,
	.get_link_net = flannel_get_link_net,
};
