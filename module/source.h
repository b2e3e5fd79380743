/* SPDX-License-Identifier: GPL-2.0 */
/*
 * source.h - the source check: who may send packets from which address
 *
 * Reads the table and the options under RCU, changes nothing.
 */
#ifndef _FLANNEL_SOURCE_H
#define _FLANNEL_SOURCE_H

#include <linux/types.h>

struct flannel_dev;
struct flannel_vtep;
struct sk_buff;

void flannel_source_prefetch(const struct flannel_dev *fl, const struct sk_buff *skb);
struct flannel_vtep *flannel_source_owner(const struct flannel_dev *fl, const struct sk_buff *skb);
int flannel_source_check(const struct flannel_dev *fl, u8 mode, struct sk_buff *skb,
			 struct flannel_vtep **vtep);

#endif /* _FLANNEL_SOURCE_H */
