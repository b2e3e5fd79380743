/* SPDX-License-Identifier: GPL-2.0 */
/*
 * socket.h - the UDP sockets of an underlay namespace
 *
 * One socket for each family, port and L3 master device (VRF); devices that
 * agree share it.  Sockets and members are written under RTNL; the receive
 * path finds the device of a VNI under RCU.  A socket goes with its last
 * member, after a grace period.
 */
#ifndef _FLANNEL_SOCKET_H
#define _FLANNEL_SOCKET_H

#include <linux/rculist.h>
#include <net/sock.h>

#include "device.h"

#define FLANNEL_SOCKET_BUCKETS 16

/**
 * struct flannel_member - a device on a socket
 * @node: in flannel_socket.members
 * @order: in flannel_socket.order
 * @fl: device
 * @vni: its VNI, as the VXLAN header has it
 * @rcu: frees it
 */
struct flannel_member {
	struct hlist_node node;
	struct list_head order;
	struct flannel_dev *fl;
	__be32 vni;
	struct rcu_head rcu;
};

/**
 * struct flannel_socket - a UDP socket
 * @sock: the socket
 * @node: in flannel_net.sockets
 * @family: FLANNEL_V4 or FLANNEL_V6
 * @port: bound to, network byte order
 * @l3index: bound to this L3 master device, 0 = none
 * @order: its members, oldest first
 * @oldest: device of the first of these
 * @members: devices by VNI
 */
struct flannel_socket {
	struct socket *sock;
	struct list_head node;
	int family;
	__be16 port;
	int l3index;
	struct list_head order;
	struct flannel_dev __rcu *oldest;
	struct hlist_head members[FLANNEL_SOCKET_BUCKETS];
};

struct flannel_dev *flannel_socket_find(const struct flannel_socket *fs, __be32 vni);

int flannel_sockets_open(struct flannel_dev *fl, struct netlink_ext_ack *extack);
void flannel_sockets_close(struct flannel_dev *fl);
int flannel_sockets_update(struct flannel_dev *fl, struct netlink_ext_ack *extack);
void flannel_sockets_announce(struct net_device *nic, bool add);

/* recv.c */
int flannel_recv(struct sock *sk, struct sk_buff *skb);
struct sk_buff *flannel_gro_receive(struct sock *sk, struct list_head *head, struct sk_buff *skb);
int flannel_gro_complete(struct sock *sk, struct sk_buff *skb, int nhoff);

/* icmp.c */
int flannel_icmp_lookup(struct sock *sk, struct sk_buff *skb);
void flannel_icmp_recv(struct sock *sk, struct sk_buff *skb);

#endif /* _FLANNEL_SOCKET_H */
