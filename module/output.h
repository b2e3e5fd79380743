/* SPDX-License-Identifier: GPL-2.0 */
/*
 * output.h - an outer packet's way through IP output
 */
#ifndef _FLANNEL_OUTPUT_H
#define _FLANNEL_OUTPUT_H

#include <linux/types.h>

struct net;
struct sk_buff;
struct sock;

int flannel_output4(struct net *net, struct sock *sk, struct sk_buff *skb, bool fragment);

#endif /* _FLANNEL_OUTPUT_H */
