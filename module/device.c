// SPDX-License-Identifier: GPL-2.0
#include <linux/ethtool.h>
#include <net/addrconf.h>
#include <net/ip_tunnels.h>
#include <net/net_namespace.h>

#include "device.h"
#include "cells.h"
#include "netlink.h"
#include "path.h"
#include "socket.h"
#include "untrack.h"

#define MTU_UNKNOWN_UNDERLAY	(ETH_DATA_LEN - FLANNEL_OVERHEAD4)
#define FEATURES (NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HW_CSUM | NETIF_F_RXCSUM | \
		  NETIF_F_GSO_SOFTWARE)

unsigned int flannel_net_id __read_mostly;

/*
 * No packet of our own accord: no random link-local address, and no router
 * solicitation should somebody give us one.
 */
static void keep_quiet(struct net_device *dev)
{
#if IS_ENABLED(CONFIG_IPV6)
	struct inet6_dev *in6 = __in6_dev_get(dev);

	if (in6) {
		in6->cnf.addr_gen_mode = IN6_ADDR_GEN_MODE_NONE;
		in6->cnf.accept_ra = 0;
		in6->cnf.rtr_solicits = 0;
	}
#endif
}

static int flannel_init(struct net_device *dev)
{
	struct flannel_dev *fl = netdev_priv(dev);

	netdev_lockdep_set_classes(dev);
	return flannel_cells_init(fl);
}

static void flannel_uninit(struct net_device *dev)
{
	struct flannel_dev *fl = netdev_priv(dev);

	mutex_lock(&fl->lock);
	fl->dead = true;
	flannel_transactions_drop(fl);
	mutex_unlock(&fl->lock);

	list_del_init(&fl->node);
	if (fl->lower) {
		netdev_upper_dev_unlink(fl->lower, dev);
		fl->lower = NULL;
	}
	/* In this order: what waits in a queue may still ask for a path. */
	flannel_cells_stop(fl);
	flannel_paths_stop(fl);
}

static int flannel_open(struct net_device *dev)
{
	struct flannel_dev *fl = netdev_priv(dev);
	struct netlink_ext_ack *extack = fl->open_extack;
	int err;

	fl->open_extack = NULL;
	err = flannel_untrack_set(fl, rtnl_dereference(fl->config)->untrack, extack);
	if (err)
		return err;
	err = flannel_sockets_open(fl, extack);
	if (err)
		flannel_untrack_set(fl, false, NULL);
	return err;
}

static int flannel_stop(struct net_device *dev)
{
	flannel_sockets_close(netdev_priv(dev));
	flannel_untrack_set(netdev_priv(dev), false, NULL);
	return 0;
}

static int flannel_change_mtu(struct net_device *dev, int mtu)
{
	struct flannel_dev *fl = netdev_priv(dev);

	if (!fl->mtu_auto)
		fl->mtu_wish = mtu;
	WRITE_ONCE(dev->mtu, mtu);
	return 0;
}

static const struct net_device_ops netdev_ops = {
	.ndo_init = flannel_init,
	.ndo_uninit = flannel_uninit,
	.ndo_open = flannel_open,
	.ndo_stop = flannel_stop,
	.ndo_start_xmit = flannel_xmit,
	.ndo_change_mtu = flannel_change_mtu,
	.ndo_get_stats64 = flannel_get_stats64,
};

/**
 * flannel_is_device - is this one of ours?
 * @dev: any netdev
 *
 * Return: whether it is a flannel device.
 */
bool flannel_is_device(const struct net_device *dev)
{
	return dev->netdev_ops == &netdev_ops;
}

static const struct device_type device_type = { .name = FLANNEL_LINK_KIND };

/**
 * flannel_setup - make a netdev a layer-3 tunnel
 * @dev: new netdev
 */
void flannel_setup(struct net_device *dev)
{
	dev->netdev_ops = &netdev_ops;
	dev->ethtool_ops = &flannel_ethtool_ops;
	dev->header_ops = &ip_tunnel_header_ops;
	dev->needs_free_netdev = true;
	SET_NETDEV_DEVTYPE(dev, &device_type);

	dev->type = ARPHRD_NONE;
	dev->flags = IFF_POINTOPOINT | IFF_NOARP;
	dev->priv_flags |= IFF_NO_QUEUE;
	flannel_set_lltx(dev);
	dev->features |= FEATURES;
	dev->hw_features |= FEATURES;
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;

	dev->mtu = MTU_UNKNOWN_UNDERLAY;
	/* IPv6 leaves a device with less and comes back with all it must not do. */
	dev->min_mtu = IPV6_MIN_MTU;
	dev->max_mtu = IP_MAX_MTU - FLANNEL_OVERHEAD4;
	dev->needed_headroom = LL_MAX_HEADER + FLANNEL_OVERHEAD6;
}

/**
 * flannel_mtu_limit - greatest MTU that an underlay interface leaves
 * @lower: underlay interface
 *
 * Return: its MTU - 50, at least 1280, bytes.
 */
unsigned int flannel_mtu_limit(const struct net_device *lower)
{
	return clamp_t(unsigned int, lower->mtu, IPV6_MIN_MTU + FLANNEL_OVERHEAD4, IP_MAX_MTU) -
	       FLANNEL_OVERHEAD4;
}

/**
 * flannel_mtu_update - follow the MTU of the underlay
 * @fl: registered device
 *
 * Underlay - 50, but never below 1280; an MTU that somebody asked for is kept
 * as far as the underlay allows.
 *
 * Context: RTNL.
 */
void flannel_mtu_update(struct flannel_dev *fl)
{
	unsigned int limit = IP_MAX_MTU - FLANNEL_OVERHEAD4, mtu = MTU_UNKNOWN_UNDERLAY;

	if (fl->lower) {
		limit = flannel_mtu_limit(fl->lower);
		mtu = limit;
	}
	if (fl->mtu_wish)
		mtu = min(fl->mtu_wish, limit);
	/* While a named underlay is away, keep what it had. */
	else if (!fl->lower && rtnl_dereference(fl->config)->dev[0])
		mtu = fl->dev->mtu;

	fl->dev->max_mtu = limit;
	if (mtu == fl->dev->mtu)
		return;
	fl->mtu_auto = true;
	dev_set_mtu(fl->dev, mtu);
	fl->mtu_auto = false;
}

static void inherit_lower(struct flannel_dev *fl)
{
	const struct net_device *lower = fl->lower;

	fl->dev->needed_headroom = FLANNEL_OVERHEAD6 +
		(lower ? lower->hard_header_len + lower->needed_headroom : LL_MAX_HEADER);
	if (lower)
		netif_inherit_tso_max(fl->dev, lower);
	flannel_mtu_update(fl);
}

/* One word, so that no packet sees half of a change. */
static void set_oif(struct flannel_dev *fl, const struct net_device *lower, bool named)
{
	WRITE_ONCE(fl->oif, lower ? lower->ifindex : named ? FLANNEL_OIF_AWAY : 0);
}

static int lower_link(struct flannel_dev *fl, struct net_device *lower,
		      struct netlink_ext_ack *extack)
{
	int err = 0;

	if (lower)
		err = netdev_upper_dev_link(lower, fl->dev, extack);
	if (err)
		return err;
	fl->lower = lower;
	return 0;
}

/**
 * flannel_lower_set - take another underlay interface, or none
 * @fl: registered device
 * @lower: interface, or NULL
 * @named: one is wanted, also when there is none now
 * @extack: says what is wrong, may be NULL
 *
 * Cached routes stay; whoever changes more has them reset afterwards.
 *
 * Context: RTNL.
 * Return: 0, or a negative errno: the old one stays then.
 */
int flannel_lower_set(struct flannel_dev *fl, struct net_device *lower, bool named,
		      struct netlink_ext_ack *extack)
{
	struct net_device *old = fl->lower;
	int err;

	if (lower == old) {
		set_oif(fl, lower, named);
		return 0;
	}
	err = lower_link(fl, lower, extack);
	if (err)
		return err;
	if (netif_running(fl->dev))
		err = flannel_sockets_update(fl, extack);
	if (err) {
		fl->lower = old;
		if (lower)
			netdev_upper_dev_unlink(lower, fl->dev);
		return err;
	}
	set_oif(fl, lower, named);
	if (old)
		netdev_upper_dev_unlink(old, fl->dev);
	inherit_lower(fl);
	return 0;
}

/**
 * flannel_lower_carrier - carrier is on unless a named underlay is away
 * @fl: registered device
 *
 * Context: RTNL.
 */
void flannel_lower_carrier(struct flannel_dev *fl)
{
	if (fl->lower || !rtnl_dereference(fl->config)->dev[0])
		netif_carrier_on(fl->dev);
	else
		netif_carrier_off(fl->dev);
}

/* The NIC goes: drop every reference to it, keep all else as it is. */
static void lower_lost(struct flannel_dev *fl)
{
	struct net_device *lower = fl->lower;

	/* Unlinking is an event, too, which is not to move sockets. */
	fl->lower = NULL;
	netdev_upper_dev_unlink(lower, fl->dev);
	set_oif(fl, NULL, true);
	flannel_lower_carrier(fl);
	synchronize_net();
	flannel_paths_reset(fl);
}

/* Names have changed hands: hold the NIC that has ours now. */
static void lower_follow(struct flannel_dev *fl)
{
	const char *name = rtnl_dereference(fl->config)->dev;
	struct net_device *lower = name[0] ? __dev_get_by_name(fl->net, name) : NULL;

	if (lower == fl->lower)
		return;
	if (fl->lower)
		lower_lost(fl);
	if (!lower || lower == fl->dev)
		return;
	if (flannel_lower_set(fl, lower, true, NULL)) {
		netdev_warn(fl->dev, "cannot use %s as underlay\n", name);
		return;
	}
	flannel_lower_carrier(fl);
	synchronize_net();
	flannel_paths_reset(fl);
}

static void underlay_event(struct flannel_dev *fl, const struct net_device *dev,
			   unsigned long event)
{
	switch (event) {
	case NETDEV_UNREGISTER:
		if (fl->lower == dev)
			lower_lost(fl);
		break;
	case NETDEV_REGISTER:
	case NETDEV_CHANGENAME:
		lower_follow(fl);
		break;
	case NETDEV_CHANGEMTU:
	case NETDEV_FEAT_CHANGE:
		if (fl->lower == dev)
			inherit_lower(fl);
		break;
	case NETDEV_CHANGEUPPER:
		if (fl->lower == dev && netif_running(fl->dev) &&
		    flannel_sockets_update(fl, NULL))
			netdev_warn(fl->dev, "cannot follow %s into its VRF\n", dev->name);
		break;
	}
}

static void own_event(struct flannel_dev *fl, unsigned long event, void *info)
{
	switch (event) {
	case NETDEV_PRE_UP:
		/* ndo_open has none; it comes right after this under the same RTNL. */
		fl->open_extack = netdev_notifier_info_to_extack(info);
		break;
	case NETDEV_REGISTER:
		/* New, or new to this namespace, where IPv6 starts afresh. */
		keep_quiet(fl->dev);
		flannel_devices_changed(dev_net(fl->dev));
		break;
	case NETDEV_UNREGISTER:
		flannel_devices_changed(dev_net(fl->dev));
		break;
	}
}

static int flannel_event(struct notifier_block *block, unsigned long event, void *info)
{
	struct net_device *dev = netdev_notifier_info_to_dev(info);
	const struct flannel_net *fn = flannel_net(dev_net(dev));
	struct flannel_dev *fl;

	/* The loopback interface of a new namespace is there before we are. */
	if (!fn)
		return NOTIFY_DONE;
	if (flannel_is_device(dev))
		own_event(netdev_priv(dev), event, info);
	if (event == NETDEV_UDP_TUNNEL_PUSH_INFO || event == NETDEV_UDP_TUNNEL_DROP_INFO) {
		flannel_sockets_announce(dev, event == NETDEV_UDP_TUNNEL_PUSH_INFO);
		return NOTIFY_DONE;
	}
	list_for_each_entry(fl, &fn->devices, node)
		if (fl->dev != dev)
			underlay_event(fl, dev, event);
	return NOTIFY_DONE;
}

static struct notifier_block notifier = { .notifier_call = flannel_event };

static int __net_init flannel_net_init(struct net *net)
{
	struct flannel_net *fn = flannel_net(net);

	INIT_LIST_HEAD(&fn->devices);
	INIT_LIST_HEAD(&fn->sockets);
	return 0;
}

/* The underlay goes: so do its devices, whichever namespace they are in. */
static void __net_exit flannel_net_exit_batch(struct list_head *nets)
{
	struct flannel_dev *fl, *next;
	struct net *net;
	LIST_HEAD(kill);

	rtnl_lock();
	list_for_each_entry(net, nets, exit_list)
		list_for_each_entry_safe(fl, next, &flannel_net(net)->devices, node)
			unregister_netdevice_queue(fl->dev, &kill);
	unregister_netdevice_many(&kill);
	rtnl_unlock();
	/* VTEPs on their way out hold routes of the namespace. */
	rcu_barrier();

	list_for_each_entry(net, nets, exit_list)
		WARN_ON_ONCE(!list_empty(&flannel_net(net)->sockets));
}

static struct pernet_operations net_ops = {
	.init = flannel_net_init,
	.exit_batch = flannel_net_exit_batch,
	.id = &flannel_net_id,
	.size = sizeof(struct flannel_net),
};

/**
 * flannel_device_init - make link kind "flannel" known
 *
 * Return: 0 or a negative errno.
 */
int __init flannel_device_init(void)
{
	int err;

	err = register_pernet_device(&net_ops);
	if (err)
		return err;
	err = register_netdevice_notifier(&notifier);
	if (err)
		goto unregister_net;
	err = rtnl_link_register(&flannel_link_ops);
	if (err)
		goto unregister_notifier;
	return 0;

unregister_notifier:
	unregister_netdevice_notifier(&notifier);
unregister_net:
	unregister_pernet_device(&net_ops);
	return err;
}

/**
 * flannel_device_exit - delete all devices and forget the link kind
 */
void flannel_device_exit(void)
{
	rtnl_link_unregister(&flannel_link_ops);
	unregister_netdevice_notifier(&notifier);
	unregister_pernet_device(&net_ops);
}
