/* SPDX-License-Identifier: GPL-2.0 */
/*
 * untrack.h - outer packets that connection tracking leaves alone
 *
 * Netfilter hooks before it for each device that is up and wants that, in its
 * underlay namespace, part of the device; set under RTNL, run under RCU.
 */
#ifndef _FLANNEL_UNTRACK_H
#define _FLANNEL_UNTRACK_H

#include <linux/types.h>

struct flannel_dev;
struct netlink_ext_ack;

int flannel_untrack_set(struct flannel_dev *fl, bool on, struct netlink_ext_ack *extack);

#endif /* _FLANNEL_UNTRACK_H */
