// SPDX-License-Identifier: GPL-2.0
#include <linux/etherdevice.h>
#include <linux/hash.h>
#include <linux/netdevice.h>
#include <linux/prefetch.h>
#include <linux/skbuff.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "cells.h"
#include "device.h"
#include "path.h"
#include "source.h"

/* Packets handed on at a time: a poll's whole budget */
#define BATCH		64U
#define PAIR_BITS	10
#define NO_PAIR		U16_MAX

/**
 * struct flannel_cell - a queue
 * @queue: packets without their outer headers, under its lock: a threaded NAPI
 *	runs on any CPU
 * @taken: those that @napi has taken out and not handed on yet; @napi's alone, as
 *	all that follows
 * @batch: those of @taken that are being handed on
 * @n: how many
 * @pairs: how many of these that are one segment go from the same address to the
 *	same; hashed, so at least as many as there are
 * @holds: GRO is told to keep packets from one poll to the next
 * @napi: hands them on
 */
struct flannel_cell {
	struct sk_buff_head queue;
	struct sk_buff_head taken;
	struct sk_buff *batch[BATCH];
	unsigned int n;
	u8 pairs[1 << PAIR_BITS];
	bool holds;
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
 * The underlay's NIC has tried to put datagrams together for sockets that ask for
 * it; here that is tried again only when the device is told to.
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

/*
 * What is alone with its addresses in a poll has nothing to be put together with
 * but what GRO holds from the poll before, which is nothing unless it is told to
 * wait. Nor has what was put together already: the underlay's GRO had a reason to
 * end it there. All packets of a flow that are in a poll get the same answer, so
 * that none overtakes another.
 */
static bool is_alone(const struct flannel_cell *cell, struct sk_buff *skb)
{
	return cell->pairs[flannel_arrival(skb)->pair] <= 1 && !cell->holds;
}

/* GRO changes what a packet shares with the clones that a sniffer got. */
static bool may_gro(const struct flannel_cell *cell, struct sk_buff *skb)
{
	return flannel_arrival(skb)->pair != NO_PAIR && !is_alone(cell, skb) &&
	       !skb_unclone(skb, GFP_ATOMIC);
}

static void take(struct flannel_cell *cell, unsigned int most)
{
	if (skb_queue_empty(&cell->taken)) {
		spin_lock_bh(&cell->queue.lock);
		skb_queue_splice_init(&cell->queue, &cell->taken);
		spin_unlock_bh(&cell->queue.lock);
	}
	cell->n = 0;
	while (cell->n < most && (cell->batch[cell->n] = __skb_dequeue(&cell->taken)))
		cell->n++;
}

static unsigned int pair_of(const struct sk_buff *skb)
{
	u32 from, to;

	if (skb->protocol == htons(ETH_P_IP)) {
		from = (__force u32)ip_hdr(skb)->saddr;
		to = (__force u32)ip_hdr(skb)->daddr;
	} else {
		from = ipv6_addr_hash(&ipv6_hdr(skb)->saddr);
		to = ipv6_addr_hash(&ipv6_hdr(skb)->daddr);
	}
	return hash_32(from * GOLDEN_RATIO_32 + to, PAIR_BITS);
}

/* What one packet needs from memory comes while the others are asked for theirs. */
static void survey(const struct flannel_dev *fl, struct flannel_cell *cell)
{
	struct flannel_arrival *arrival;
	unsigned int i;

	cell->holds = READ_ONCE(fl->dev->gro_flush_timeout);
	for (i = 0; i < cell->n; i++) {
		arrival = flannel_arrival(cell->batch[i]);
		arrival->owner = flannel_source_owner(fl, cell->batch[i]);
		prefetch(arrival->owner);
		arrival->pair = is_for_gro(cell->batch[i]) ? pair_of(cell->batch[i]) : NO_PAIR;
		if (arrival->pair != NO_PAIR)
			cell->pairs[arrival->pair] = 0;
	}
	for (i = 0; i < cell->n; i++) {
		arrival = flannel_arrival(cell->batch[i]);
		if (likely(arrival->owner))
			flannel_path_prefetch_rx(&arrival->owner->path);
		if (arrival->pair != NO_PAIR)
			cell->pairs[arrival->pair] += !skb_is_gso(cell->batch[i]);
	}
}

static bool admit(struct flannel_dev *fl, const struct flannel_config *cfg, struct sk_buff *skb)
{
	struct flannel_vtep *vtep;
	int cause;

	cause = flannel_source_check(fl, cfg->srccheck, skb, &vtep);
	if (unlikely(cause)) {
		flannel_drop(fl, skb, cause);
		return false;
	}
	if (!ether_addr_equal(skb->data - ETH_HLEN, cfg->lladdr))
		flannel_count(fl, FLANNEL_A_STATS_RX_FOREIGN_MAC);
	dev_sw_netstats_rx_add(fl->dev, skb->len);
	if (vtep)
		flannel_path_count_rx(fl, vtep, skb->len);
	return true;
}

static void hand_on(struct flannel_dev *fl, struct flannel_cell *cell)
{
	const struct flannel_config *cfg;
	LIST_HEAD(list);
	unsigned int i;

	rcu_read_lock();
	survey(fl, cell);
	cfg = rcu_dereference(fl->config);
	for (i = 0; i < cell->n; i++) {
		struct sk_buff *skb = cell->batch[i];

		if (!admit(fl, cfg, skb))
			continue;
		if (may_gro(cell, skb))
			napi_gro_receive(&cell->napi, skb);
		else
			list_add_tail(&skb->list, &list);
	}
	rcu_read_unlock();
	netif_receive_skb_list(&list);
	/*
	 * The core flushes what is old enough, which is not all where jiffies are
	 * short. In the next poll a packet may be alone, and overtake what is held.
	 */
	if (!cell->holds)
		napi_gro_flush(&cell->napi, false);
}

static int poll(struct napi_struct *napi, int budget)
{
	struct flannel_cell *cell = container_of(napi, struct flannel_cell, napi);
	int done;

	/* netpoll wants no packets, and may have come with interrupts disabled. */
	if (!budget)
		return 0;
	take(cell, min_t(unsigned int, budget, BATCH));
	done = cell->n;
	if (done)
		hand_on(netdev_priv(napi->dev), cell);
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

/* Where room is scarce, none is for those who may not send. */
static int check_crowded(const struct flannel_dev *fl, const struct flannel_cell *cell,
			 struct sk_buff *skb)
{
	struct flannel_vtep *vtep;

	if (likely(skb_queue_len_lockless(&cell->queue) <= flannel_max_backlog() / 2))
		return 0;
	flannel_arrival(skb)->owner = flannel_source_owner(fl, skb);
	return flannel_source_check(fl, rcu_dereference(fl->config)->srccheck, skb, &vtep);
}

/**
 * flannel_cells_receive - queue a packet for the source check and the stack
 * @fl: device
 * @skb: packet at its IP header, its flannel_arrival()->sender set; consumed
 *	unless a cause is returned
 *
 * Where there is no room, rx_dropped of the device counts.
 *
 * Context: softirq and rcu_read_lock().
 * Return: 0, or why to drop the packet, enum flannel_stats_attr.
 */
int flannel_cells_receive(struct flannel_dev *fl, struct sk_buff *skb)
{
	struct flannel_cell *cell = this_cpu_ptr(fl->cells);
	int cause;

	flannel_source_prefetch(fl, skb);
	cause = check_crowded(fl, cell, skb);
	if (unlikely(cause))
		return cause;
	skb->dev = fl->dev;
	skb->pkt_type = PACKET_HOST;
	/* That of the outer packet; unset, the stack finds the inner one. */
	skb->transport_header = (typeof(skb->transport_header))~0U;
	if (likely(fl->dev->flags & IFF_UP && enqueue(cell, skb)))
		return 0;
	dev_core_stats_rx_dropped_inc(fl->dev);
	kfree_skb(skb);
	return 0;
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
