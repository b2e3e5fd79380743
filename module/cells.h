/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cells.h - where received packets wait, out of their outer packet's softirq
 *
 * One queue and NAPI for each CPU, owned by the device, from its registration to
 * its end; a lock for each queue, which others hardly ever want.  As the kernel's
 * gro_cells, but what GRO cannot put together goes to the stack as one list, past
 * GRO.
 */
#ifndef _FLANNEL_CELLS_H
#define _FLANNEL_CELLS_H

#include <linux/types.h>

struct flannel_cell;
struct flannel_dev;
struct sk_buff;

int flannel_cells_init(struct flannel_dev *fl);
void flannel_cells_stop(struct flannel_dev *fl);
void flannel_cells_free(struct flannel_dev *fl);
bool flannel_cells_receive(struct flannel_dev *fl, struct sk_buff *skb);

#endif /* _FLANNEL_CELLS_H */
