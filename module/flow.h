/* SPDX-License-Identifier: GPL-2.0 */
/*
 * flow.h - which packets belong together
 *
 * Packets of one flow leave with one UDP source port, so that NICs, switches and
 * queues on the way keep them in order and spread different flows.
 */
#ifndef _FLANNEL_FLOW_H
#define _FLANNEL_FLOW_H

#include <linux/types.h>

struct flannel_config;
struct net;
struct sk_buff;

__be16 flannel_flow_port(struct net *net, const struct flannel_config *cfg, struct sk_buff *skb);

#endif /* _FLANNEL_FLOW_H */
