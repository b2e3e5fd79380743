/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cells.h - where received packets wait, out of their outer packet's softirq
 *
 * One queue and NAPI for each CPU, owned by the device, from its registration to
 * its end; a lock for each queue, which others hardly ever want.  As the kernel's
 * gro_cells, but the source check is done here, for many packets at a time, and
 * what GRO cannot put together goes to the stack as one list, past GRO.
 */
#ifndef _FLANNEL_CELLS_H
#define _FLANNEL_CELLS_H

#include <linux/skbuff.h>

#include "prefix.h"

struct flannel_cell;
struct flannel_dev;
struct flannel_vtep;

/**
 * struct flannel_arrival - what is known of a packet that waits, in its control block
 * @sender: outer source address
 * @owner: VTEP that has leased the inner one; set when the packet has left the queue
 * @pair: hash of the inner addresses of what is for GRO; likewise
 */
struct flannel_arrival {
	struct flannel_ip sender;
	struct flannel_vtep *owner;
	u16 pair;
};

static inline struct flannel_arrival *flannel_arrival(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct flannel_arrival) > sizeof(skb->cb));
	return (struct flannel_arrival *)skb->cb;
}

int flannel_cells_init(struct flannel_dev *fl);
void flannel_cells_stop(struct flannel_dev *fl);
void flannel_cells_free(struct flannel_dev *fl);
int flannel_cells_receive(struct flannel_dev *fl, struct sk_buff *skb);

#endif /* _FLANNEL_CELLS_H */
