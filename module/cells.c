// SPDX-License-Identifier: GPL-2.0
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "cells.h"
#include "device.h"

/**
 * struct flannel_cell - a queue
 * @queue: packets without their outer headers, under its lock: a threaded NAPI
 *	runs on any CPU
 * @taken: those that @napi has taken out and not handed on yet; @napi's alone
 * @napi: hands them on
 */
struct flannel_cell {
	struct sk_buff_head queue;
	struct sk_buff_head taken;
	struct napi_struct napi;
};

/* The upper protocol, behind a fragment header, too; its ports do not matter here. */
static u8 protocol_of(struct sk_buff *skb)
{
	const struct ipv6hdr *ip6h;

	if (skb->protocol == htons(ETH_P_IP))
		return ip_hdr(skb)->protocol;
	ip6h = ipv6_hdr(skb);
	if (ip6h->nexthdr == NEXTHDR_FRAGMENT &&
	    pskb_network_may_pull(skb, sizeof(*ip6h) + sizeof(struct frag_hdr)))
		return ((const struct frag_hdr *)(ipv6_hdr(skb) + 1))->nexthdr;
	return ip6h->nexthdr;
}

/*
 * All packets of a flow get the same answer, so that none overtakes another. The
 * underlay's NIC has tried to put datagrams together for sockets that ask for it;
 * here that is tried again only when the device is told to.
 */
static bool is_for_gro(struct sk_buff *skb)
{
	netdev_features_t features = skb->dev->features;
	u8 protocol;

	if (!(features & NETIF_F_GRO))
		return false;
	if (features & (NETIF_F_GRO_UDP_FWD | NETIF_F_GRO_FRAGLIST))
		return true;
	protocol = protocol_of(skb);
	return protocol != IPPROTO_UDP && protocol != IPPROTO_ICMP && protocol != IPPROTO_ICMPV6;
}

/* GRO changes what a packet shares with the clones that a sniffer got. */
static bool may_gro(struct sk_buff *skb)
{
	return is_for_gro(skb) && !skb_unclone(skb, GFP_ATOMIC);
}

static struct sk_buff *take(struct flannel_cell *cell)
{
	if (skb_queue_empty(&cell->taken)) {
		spin_lock_bh(&cell->queue.lock);
		skb_queue_splice_init(&cell->queue, &cell->taken);
		spin_unlock_bh(&cell->queue.lock);
	}
	return __skb_dequeue(&cell->taken);
}

static int poll(struct napi_struct *napi, int budget)
{
	struct flannel_cell *cell = container_of(napi, struct flannel_cell, napi);
	struct sk_buff *skb;
	LIST_HEAD(list);
	int done = 0;

	while (done < budget && (skb = take(cell))) {
		if (may_gro(skb))
			napi_gro_receive(napi, skb);
		else
			list_add_tail(&skb->list, &list);
		done++;
	}
	netif_receive_skb_list(&list);
	if (done < budget)
		napi_complete_done(napi, done);
	return done;
}

/* The first that comes into an empty queue wakes the NAPI. */
static bool enqueue(struct flannel_cell *cell, struct sk_buff *skb)
{
	unsigned int waiting;
	bool room;

	spin_lock(&cell->queue.lock);
	waiting = skb_queue_len(&cell->queue);
	room = waiting <= flannel_max_backlog();
	if (likely(room))
		__skb_queue_tail(&cell->queue, skb);
	spin_unlock(&cell->queue.lock);
	if (!waiting)
		napi_schedule(&cell->napi);
	return room;
}

/**
 * flannel_cells_receive - queue a packet for the stack
 * @fl: device
 * @skb: packet at its IP header, consumed
 *
 * Context: softirq and rcu_read_lock().
 * Return: false when it was dropped, for which rx_dropped of the device counts.
 */
bool flannel_cells_receive(struct flannel_dev *fl, struct sk_buff *skb)
{
	struct flannel_cell *cell = this_cpu_ptr(fl->cells);

	/* That of the outer packet; unset, the stack finds the inner one. */
	skb->transport_header = (typeof(skb->transport_header))~0U;
	if (likely(fl->dev->flags & IFF_UP && enqueue(cell, skb)))
		return true;
	dev_core_stats_rx_dropped_inc(fl->dev);
	kfree_skb(skb);
	return false;
}

static void cell_init(struct flannel_cell *cell, struct net_device *dev)
{
	skb_queue_head_init(&cell->queue);
	__skb_queue_head_init(&cell->taken);
	set_bit(NAPI_STATE_NO_BUSY_POLL, &cell->napi.state);
	netif_napi_add(dev, &cell->napi, poll);
	napi_enable(&cell->napi);
}

/**
 * flannel_cells_init - make the queues of a device
 * @fl: device
 *
 * Context: process, RTNL.
 * Return: 0 or -ENOMEM.
 */
int flannel_cells_init(struct flannel_dev *fl)
{
	int cpu;

	fl->cells = alloc_percpu(struct flannel_cell);
	if (!fl->cells)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		cell_init(per_cpu_ptr(fl->cells, cpu), fl->dev);
	return 0;
}

/**
 * flannel_cells_stop - drop what waits, take no more
 * @fl: device, nothing comes in any more
 *
 * Context: process, RTNL.  Sleeps.
 */
void flannel_cells_stop(struct flannel_dev *fl)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct flannel_cell *cell = per_cpu_ptr(fl->cells, cpu);

		napi_disable(&cell->napi);
		__netif_napi_del(&cell->napi);
		__skb_queue_purge(&cell->queue);
		__skb_queue_purge(&cell->taken);
	}
}

/**
 * flannel_cells_free - free the queues
 * @fl: device, stopped for a grace period, as netpoll looks at NAPIs under RCU
 *
 * Context: any.
 */
void flannel_cells_free(struct flannel_dev *fl)
{
	free_percpu(fl->cells);
}
