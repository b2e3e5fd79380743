// SPDX-License-Identifier: GPL-2.0
#include <linux/etherdevice.h>
#include <linux/notifier.h>
#include <net/ip.h>
#include <net/net_namespace.h>

#include "netlink.h"
#include "path.h"
#include "report.h"

static const struct nla_policy dev_policy[FLANNEL_A_IFINDEX + 1] = {
	[FLANNEL_A_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
};

static const struct nla_policy lease_set_policy[FLANNEL_A_LEASE + 1] = {
	[FLANNEL_A_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[FLANNEL_A_LEASE] = NLA_POLICY_NESTED(flannel_lease_policy),
};

static const struct nla_policy lease_get_policy[FLANNEL_A_VTEP6 + 1] = {
	[FLANNEL_A_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[FLANNEL_A_ADDR4] = NLA_POLICY_EXACT_LEN(sizeof(struct in_addr)),
	[FLANNEL_A_ADDR6] = NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
	[FLANNEL_A_VTEP4] = NLA_POLICY_EXACT_LEN(sizeof(struct in_addr)),
	[FLANNEL_A_VTEP6] = NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
};

static const struct nla_policy commit_policy[FLANNEL_A_FORCE + 1] = {
	[FLANNEL_A_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[FLANNEL_A_FORCE] = { .type = NLA_FLAG },
};

static struct flannel_dev *hold_dev(struct net *net, int ifindex)
{
	struct net_device *dev;

	rcu_read_lock();
	dev = dev_get_by_index_rcu(net, ifindex);
	if (dev && flannel_is_device(dev))
		dev_hold(dev);
	else
		dev = NULL;
	rcu_read_unlock();
	return dev ? netdev_priv(dev) : NULL;
}

/**
 * flannel_release_dev - give a device back
 * @fl: from flannel_request_dev() or flannel_dump_dev()
 */
void flannel_release_dev(struct flannel_dev *fl)
{
	dev_put(fl->dev);
}

/**
 * flannel_request_dev - the device that a request names
 * @skb: request
 * @info: request
 *
 * Context: process.
 * Return: the device, to be released; or an ERR_PTR, the reason is reported.
 */
struct flannel_dev *flannel_request_dev(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *attr = info->attrs[FLANNEL_A_IFINDEX];
	struct flannel_dev *fl;

	if (GENL_REQ_ATTR_CHECK(info, FLANNEL_A_IFINDEX)) {
		flannel_report(info->extack, NULL, "The request names no device");
		return ERR_PTR(-EINVAL);
	}
	fl = hold_dev(genl_info_net(info), nla_get_u32(attr));
	if (!fl) {
		flannel_report(info->extack, attr, "Interface %u is not a flannel device",
			       nla_get_u32(attr));
		return ERR_PTR(-ENODEV);
	}
	if (!netlink_ns_capable(skb, fl->net->user_ns, CAP_NET_ADMIN)) {
		flannel_report(info->extack, attr,
			       "This needs CAP_NET_ADMIN in the underlay namespace too");
		flannel_release_dev(fl);
		return ERR_PTR(-EPERM);
	}
	return fl;
}

static int next_ifindex(struct net *net, int ifindex)
{
	struct net_device *dev;
	int next = 0;

	rcu_read_lock();
	for_each_netdev_rcu(net, dev)
		if (flannel_is_device(dev) && dev->ifindex > ifindex &&
		    (!next || dev->ifindex < next))
			next = dev->ifindex;
	rcu_read_unlock();
	return next;
}

static struct flannel_dev *dump_named(struct netlink_callback *cb, const struct nlattr *attr)
{
	struct flannel_dev *fl;

	if (cb->args[0] > nla_get_u32(attr))
		return NULL;
	fl = hold_dev(sock_net(cb->skb->sk), nla_get_u32(attr));
	if (!fl) {
		flannel_report(cb->extack, attr, "Interface %u is not a flannel device",
			       nla_get_u32(attr));
		return ERR_PTR(-ENODEV);
	}
	if (netlink_ns_capable(cb->skb, fl->net->user_ns, CAP_NET_ADMIN)) {
		cb->args[0] = fl->dev->ifindex;
		return fl;
	}
	flannel_report(cb->extack, attr, "This needs CAP_NET_ADMIN in the underlay namespace too");
	flannel_release_dev(fl);
	return ERR_PTR(-EPERM);
}

/**
 * flannel_dump_dev - the device a dump is at
 * @cb: dump; args[0] is the ifindex it is at, one more than the last one's when
 *	that is done
 *
 * Devices whose underlay namespace the caller has no rights in are left out,
 * unless named.
 *
 * Context: process.
 * Return: the device, to be released; NULL at the end; or an ERR_PTR.
 */
struct flannel_dev *flannel_dump_dev(struct netlink_callback *cb)
{
	const struct nlattr *attr = flannel_dump_attrs(cb)[FLANNEL_A_IFINDEX];
	struct net *net = sock_net(cb->skb->sk);
	struct flannel_dev *fl;

	if (attr)
		return dump_named(cb, attr);
	while ((cb->args[0] = next_ifindex(net, max_t(long, cb->args[0], 1) - 1))) {
		fl = hold_dev(net, cb->args[0]);
		if (fl && netlink_ns_capable(cb->skb, fl->net->user_ns, CAP_NET_ADMIN))
			return fl;
		if (fl)
			flannel_release_dev(fl);
		cb->args[0]++;
	}
	cb->args[0] = INT_MAX;
	return NULL;
}

static void put_range(const struct flannel_dev *fl, const struct flannel_config *cfg,
		      int *low, int *high)
{
	*low = cfg->port_low;
	*high = cfg->port_high;
	if (!*high)
		inet_get_local_port_range(fl->net, low, high);
}

static int fill_dev_config(struct sk_buff *skb, struct flannel_dev *fl)
{
	const struct flannel_config *cfg;
	int err = -EMSGSIZE, low, high;

	rcu_read_lock();
	cfg = rcu_dereference(fl->config);
	put_range(fl, cfg, &low, &high);
	if (!nla_put_u32(skb, FLANNEL_A_DEV_VNI, cfg->vni) &&
	    !nla_put_u16(skb, FLANNEL_A_DEV_PORT, ntohs(cfg->port)) &&
	    !nla_put(skb, FLANNEL_A_DEV_LLADDR, ETH_ALEN, cfg->lladdr) &&
	    !nla_put_u16(skb, FLANNEL_A_DEV_PORT_LOW, low) &&
	    !nla_put_u16(skb, FLANNEL_A_DEV_PORT_HIGH, high) &&
	    !nla_put_u8(skb, FLANNEL_A_DEV_TTL,
			cfg->ttl ?: READ_ONCE(fl->net->ipv4.sysctl_ip_default_ttl)) &&
	    !nla_put_u8(skb, FLANNEL_A_DEV_SOCKET4,
			!!rcu_access_pointer(fl->sock[FLANNEL_V4])) &&
	    !nla_put_u8(skb, FLANNEL_A_DEV_SOCKET6,
			!!rcu_access_pointer(fl->sock[FLANNEL_V6])))
		err = 0;
	rcu_read_unlock();
	return err;
}

static int fill_dev_table(struct sk_buff *skb, struct flannel_dev *fl)
{
	const struct flannel_table *table = &fl->table;
	int err = -EMSGSIZE;

	mutex_lock(&fl->lock);
	if (!nla_put_u32(skb, FLANNEL_A_DEV_LEASES4, table->leases[FLANNEL_V4]) &&
	    !nla_put_u32(skb, FLANNEL_A_DEV_LEASES6, table->leases[FLANNEL_V6]) &&
	    !nla_put_u32(skb, FLANNEL_A_DEV_VTEPS, table->vteps) &&
	    !nla_put_u8(skb, FLANNEL_A_DEV_INDEX4, flannel_table_is_direct(table, FLANNEL_V4)) &&
	    !nla_put_u8(skb, FLANNEL_A_DEV_INDEX6, flannel_table_is_direct(table, FLANNEL_V6)))
		err = 0;
	mutex_unlock(&fl->lock);
	return err;
}

static int fill_dev(struct sk_buff *skb, struct flannel_dev *fl)
{
	struct nlattr *nest = nla_nest_start(skb, FLANNEL_A_DEV);
	int oif = max(READ_ONCE(fl->oif), 0);

	if (!nest || fill_dev_config(skb, fl) || fill_dev_table(skb, fl) ||
	    nla_put_u32(skb, FLANNEL_A_DEV_MTU, READ_ONCE(fl->dev->mtu)) ||
	    (oif && nla_put_u32(skb, FLANNEL_A_DEV_UNDERLAY, oif)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int fill_stats(struct sk_buff *skb, struct flannel_dev *fl)
{
	struct nlattr *nest = nla_nest_start(skb, FLANNEL_A_STATS);
	u64 stats[FLANNEL_A_STATS_MAX + 1];
	int i;

	if (!nest)
		return -EMSGSIZE;
	flannel_stats_read(fl, stats);
	for (i = FLANNEL_A_STATS_PAD + 1; i <= FLANNEL_A_STATS_MAX; i++)
		if (nla_put_u64_64bit(skb, i, stats[i], FLANNEL_A_STATS_PAD))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* What a listener holds the numbers of later events against. */
static int fill_seq(struct sk_buff *skb, struct flannel_dev *fl)
{
	u64 seq;

	mutex_lock(&fl->lock);
	seq = fl->table.seq;
	mutex_unlock(&fl->lock);
	return nla_put_u64_64bit(skb, FLANNEL_A_SEQ, seq, FLANNEL_A_PAD);
}

/*
 * One message about a device: its state or its counters, by @cmd.  @cb: of the
 * dump that it is part of, or NULL.
 */
static int put_dev(struct sk_buff *skb, struct flannel_dev *fl, u32 portid, u32 seq,
		   struct netlink_callback *cb, u8 cmd)
{
	void *header = genlmsg_put(skb, portid, seq, &flannel_family, cb ? NLM_F_MULTI : 0, cmd);

	if (!header)
		return -EMSGSIZE;
	if (cb)
		genl_dump_check_consistent(cb, header);
	if (nla_put_u32(skb, FLANNEL_A_IFINDEX, fl->dev->ifindex) ||
	    nla_put_string(skb, FLANNEL_A_IFNAME, fl->dev->name) ||
	    (cmd == FLANNEL_CMD_STATS_GET ? fill_stats(skb, fl) :
					    fill_seq(skb, fl) || fill_dev(skb, fl))) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

static int do_dev_get(struct sk_buff *skb, struct genl_info *info)
{
	struct flannel_dev *fl = flannel_request_dev(skb, info);
	struct sk_buff *reply;
	int err;

	if (IS_ERR(fl))
		return PTR_ERR(fl);
	reply = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	err = reply ? put_dev(reply, fl, info->snd_portid, info->snd_seq, NULL,
			      info->genlhdr->cmd) : -ENOMEM;
	flannel_release_dev(fl);
	if (!err)
		return genlmsg_reply(reply, info);
	nlmsg_free(reply);
	return err;
}

static int dump_devs(struct sk_buff *skb, struct netlink_callback *cb)
{
	u8 cmd = ((const struct genlmsghdr *)nlmsg_data(cb->nlh))->cmd;
	struct flannel_dev *fl;
	int err = 0;

	flannel_dump_comings(cb);
	while (!err && (fl = flannel_dump_dev(cb))) {
		if (IS_ERR(fl))
			return PTR_ERR(fl);
		err = put_dev(skb, fl, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, cb, cmd);
		if (!err)
			cb->args[0]++;
		flannel_release_dev(fl);
	}
	return skb->len;
}

static int put_vtep(struct sk_buff *skb, struct flannel_dev *fl, const struct flannel_vtep *vtep,
		    struct netlink_callback *cb)
{
	u64 value[FLANNEL_VTEP_COUNTERS];
	struct nlattr *nest;
	void *header;

	header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			     &flannel_family, NLM_F_MULTI, FLANNEL_CMD_VTEP_GET);
	if (!header)
		return -EMSGSIZE;
	genl_dump_check_consistent(cb, header);
	flannel_path_read(&vtep->path, value);
	if (nla_put_u32(skb, FLANNEL_A_IFINDEX, fl->dev->ifindex))
		goto cancel;
	nest = nla_nest_start(skb, FLANNEL_A_VTEP);
	if (!nest)
		goto cancel;
	if (vtep->addr.family == AF_INET ?
	    nla_put_in_addr(skb, FLANNEL_A_VTEP_ADDR4, vtep->addr.ip4) :
	    nla_put_in6_addr(skb, FLANNEL_A_VTEP_ADDR6, &vtep->addr.ip6))
		goto cancel;
	if (nla_put(skb, FLANNEL_A_VTEP_LLADDR, ETH_ALEN, vtep->mac) ||
	    nla_put_u32(skb, FLANNEL_A_VTEP_LEASES, vtep->leases) ||
	    nla_put_u64_64bit(skb, FLANNEL_A_VTEP_TX_PACKETS, value[FLANNEL_VTEP_TX_PACKETS],
			      FLANNEL_A_VTEP_PAD) ||
	    nla_put_u64_64bit(skb, FLANNEL_A_VTEP_TX_BYTES, value[FLANNEL_VTEP_TX_BYTES],
			      FLANNEL_A_VTEP_PAD) ||
	    nla_put_u64_64bit(skb, FLANNEL_A_VTEP_RX_PACKETS, value[FLANNEL_VTEP_RX_PACKETS],
			      FLANNEL_A_VTEP_PAD) ||
	    nla_put_u64_64bit(skb, FLANNEL_A_VTEP_RX_BYTES, value[FLANNEL_VTEP_RX_BYTES],
			      FLANNEL_A_VTEP_PAD))
		goto cancel;
	nla_nest_end(skb, nest);
	genlmsg_end(skb, header);
	return 0;

cancel:
	genlmsg_cancel(skb, header);
	return -EMSGSIZE;
}

static int dump_dev_vteps(struct sk_buff *skb, struct flannel_dev *fl, struct netlink_callback *cb)
{
	u64 cursor = flannel_dump_cursor(cb), next = cursor;
	const struct flannel_vtep *vtep;
	int err = 0;

	mutex_lock(&fl->lock);
	flannel_dump_seq(cb, fl);
	while ((vtep = flannel_table_next_vtep(&fl->table, &next))) {
		err = put_vtep(skb, fl, vtep, cb);
		if (err)
			break;
		cursor = next;
	}
	mutex_unlock(&fl->lock);
	flannel_dump_set_cursor(cb, err ? cursor : 0);
	return err;
}

static int dump_vteps(struct sk_buff *skb, struct netlink_callback *cb)
{
	return flannel_dump_tables(skb, cb, dump_dev_vteps);
}

#define OP(_cmd, _doit, _dumpit, _policy)		\
	{						\
		.cmd = (_cmd),				\
		.flags = GENL_UNS_ADMIN_PERM,		\
		.doit = (_doit),			\
		.dumpit = (_dumpit),			\
		.policy = (_policy),			\
		.maxattr = ARRAY_SIZE(_policy) - 1,	\
	}

static const struct genl_ops ops[] = {
	OP(FLANNEL_CMD_DEV_GET, do_dev_get, dump_devs, dev_policy),
	OP(FLANNEL_CMD_LEASE_ADD, flannel_do_lease_set, NULL, lease_set_policy),
	OP(FLANNEL_CMD_LEASE_CHANGE, flannel_do_lease_set, NULL, lease_set_policy),
	OP(FLANNEL_CMD_LEASE_REPLACE, flannel_do_lease_set, NULL, lease_set_policy),
	OP(FLANNEL_CMD_LEASE_DEL, flannel_do_lease_del, NULL, lease_set_policy),
	OP(FLANNEL_CMD_LEASE_GET, flannel_do_lease_get, flannel_dump_leases, lease_get_policy),
	OP(FLANNEL_CMD_LEASE_FLUSH, flannel_do_lease_flush, NULL, dev_policy),
	OP(FLANNEL_CMD_TABLE_BEGIN, flannel_do_table_begin, NULL, dev_policy),
	{
		/* Parsed by the handler: any error must end the transaction. */
		.cmd = FLANNEL_CMD_TABLE_ADD,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = flannel_do_table_add,
		/* Not applied without .maxattr, but none would mean to reject all. */
		.policy = lease_set_policy,
	},
	OP(FLANNEL_CMD_TABLE_COMMIT, flannel_do_table_commit, NULL, commit_policy),
	OP(FLANNEL_CMD_TABLE_ABORT, flannel_do_table_abort, NULL, dev_policy),
	OP(FLANNEL_CMD_VTEP_GET, NULL, dump_vteps, dev_policy),
	OP(FLANNEL_CMD_STATS_GET, do_dev_get, dump_devs, dev_policy),
};

static const struct genl_multicast_group groups[] = {
	{ .name = FLANNEL_MCGRP_TABLE, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

struct genl_family flannel_family __ro_after_init = {
	.name = FLANNEL_GENL_NAME,
	.version = FLANNEL_GENL_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
};

/* A socket that closes takes its transactions with it. */
static int netlink_event(struct notifier_block *block, unsigned long event, void *data)
{
	const struct netlink_notify *notify = data;

	if (event == NETLINK_URELEASE && notify->protocol == NETLINK_GENERIC)
		flannel_transactions_release(notify->net, notify->portid);
	return NOTIFY_DONE;
}

static struct notifier_block notifier = { .notifier_call = netlink_event };

/**
 * flannel_netlink_init - register the family
 *
 * Return: 0 or a negative errno.
 */
int __init flannel_netlink_init(void)
{
	int err;

	err = netlink_register_notifier(&notifier);
	if (err)
		return err;
	err = genl_register_family(&flannel_family);
	if (err)
		netlink_unregister_notifier(&notifier);
	return err;
}

/**
 * flannel_netlink_exit - unregister the family
 */
void flannel_netlink_exit(void)
{
	genl_unregister_family(&flannel_family);
	netlink_unregister_notifier(&notifier);
}
