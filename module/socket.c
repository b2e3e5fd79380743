// SPDX-License-Identifier: GPL-2.0
#include <linux/hash.h>
#include <linux/slab.h>
#include <net/l3mdev.h>
#include <net/udp_tunnel.h>

#include "report.h"
#include "socket.h"

static struct hlist_head *bucket_of(const struct flannel_socket *fs, __be32 vni)
{
	u32 hash = hash_32((__force u32)vni, ilog2(FLANNEL_SOCKET_BUCKETS));

	return (struct hlist_head *)&fs->members[hash];
}

/**
 * flannel_socket_find - the device of a VNI
 * @fs: socket
 * @vni: as the VXLAN header has it
 *
 * Context: rcu_read_lock().
 * Return: the device, or NULL.
 */
struct flannel_dev *flannel_socket_find(const struct flannel_socket *fs, __be32 vni)
{
	struct flannel_member *member;

	hlist_for_each_entry_rcu(member, bucket_of(fs, vni), node)
		if (member->vni == vni)
			return member->fl;
	return NULL;
}

static struct socket *socket_bind(struct net *net, int family, __be16 port, int l3index)
{
	struct udp_port_cfg cfg = {
		.family = family == FLANNEL_V4 ? AF_INET : AF_INET6,
		.local_udp_port = port,
		.bind_ifindex = l3index,
		.use_udp_checksums = 1,
		.use_udp6_tx_checksums = 1,
		/* Off here, each device decides in recv.c. */
		.use_udp6_rx_checksums = 0,
		.ipv6_v6only = family == FLANNEL_V6,
	};
	struct socket *sock;
	int err;

	err = udp_sock_create(net, &cfg, &sock);
	if (err)
		return ERR_PTR(err);
	udp_allow_gso(sock->sk);
	return sock;
}

FLANNEL_ENCAP_ERR_RCV(icmp_hook, flannel_icmp_recv)

static struct flannel_socket *socket_create(struct net *net, int family, __be16 port, int l3index)
{
	struct udp_tunnel_sock_cfg cfg = {
		.encap_type = 1,
		.encap_rcv = flannel_recv,
		.encap_err_lookup = flannel_icmp_lookup,
		.encap_err_rcv = icmp_hook,
		.gro_receive = flannel_gro_receive,
		.gro_complete = flannel_gro_complete,
	};
	struct flannel_socket *fs;

	fs = kzalloc(sizeof(*fs), GFP_KERNEL_ACCOUNT);
	if (!fs)
		return ERR_PTR(-ENOMEM);
	fs->sock = socket_bind(net, family, port, l3index);
	if (IS_ERR(fs->sock)) {
		int err = PTR_ERR(fs->sock);

		kfree(fs);
		return ERR_PTR(err);
	}
	fs->family = family;
	fs->port = port;
	fs->l3index = l3index;
	INIT_LIST_HEAD(&fs->order);
	list_add(&fs->node, &flannel_net(net)->sockets);

	cfg.sk_user_data = fs;
	setup_udp_tunnel_sock(net, fs->sock, &cfg);
	udp_tunnel_notify_add_rx_port(fs->sock, UDP_TUNNEL_TYPE_VXLAN);
	pr_debug("flannel: socket %p created\n", fs);
	return fs;
}

static void socket_destroy(struct flannel_socket *fs)
{
	list_del(&fs->node);
	udp_tunnel_notify_del_rx_port(fs->sock, UDP_TUNNEL_TYPE_VXLAN);
	udp_tunnel_sock_release(fs->sock);
	/* Receivers and ICMP errors that found it before the release. */
	synchronize_net();
	pr_debug("flannel: socket %p destroyed\n", fs);
	kfree(fs);
}

static struct flannel_socket *socket_find(struct net *net, int family, __be16 port, int l3index)
{
	struct flannel_socket *fs;

	list_for_each_entry(fs, &flannel_net(net)->sockets, node)
		if (fs->family == family && fs->port == port && fs->l3index == l3index)
			return fs;
	return NULL;
}

static struct flannel_socket *socket_get(struct net *net, int family, __be16 port, int l3index)
{
	return socket_find(net, family, port, l3index) ?: socket_create(net, family, port, l3index);
}

static int socket_join(struct flannel_socket *fs, struct flannel_dev *fl)
{
	struct flannel_member *member = kzalloc(sizeof(*member), GFP_KERNEL_ACCOUNT);

	if (!member)
		return -ENOMEM;
	member->fl = fl;
	member->vni = htonl(rtnl_dereference(fl->config)->vni << 8);
	list_add_tail(&member->order, &fs->order);
	if (list_is_singular(&fs->order))
		rcu_assign_pointer(fs->oldest, fl);
	hlist_add_head_rcu(&member->node, bucket_of(fs, member->vni));
	return 0;
}

/* Takes a device off a socket; the last one out closes it. */
static void socket_leave(struct flannel_socket *fs, struct flannel_dev *fl)
{
	struct flannel_member *member, *first;

	list_for_each_entry(member, &fs->order, order) {
		if (member->fl != fl)
			continue;
		list_del(&member->order);
		hlist_del_rcu(&member->node);
		kfree_rcu(member, rcu);
		break;
	}
	first = list_first_entry_or_null(&fs->order, struct flannel_member, order);
	rcu_assign_pointer(fs->oldest, first ? first->fl : NULL);
	if (!first)
		socket_destroy(fs);
}

static int wanted_l3index(const struct flannel_dev *fl)
{
	if (!fl->lower)
		return 0;
	if (netif_is_l3_master(fl->lower))
		return fl->lower->ifindex;
	return l3mdev_master_upper_ifindex_by_index(fl->net, fl->lower->ifindex);
}

/*
 * Puts a socket that no other device is on into a VRF, or out of one, in place:
 * two sockets of which one is in none cannot share a port. From one VRF to
 * another, or where there is one to join, a socket is opened as any other.
 * Nothing here notices that somebody else has the port there: then one of the
 * two gets all packets, as with SO_BINDTODEVICE.
 */
static int socket_rebind(struct flannel_socket *fs, int l3index)
{
	struct sock *sk = fs->sock->sk;

	if (!list_is_singular(&fs->order) || (fs->l3index && l3index) ||
	    socket_find(sock_net(sk), fs->family, fs->port, l3index))
		return -EADDRINUSE;
	/* sock_bindtoindex() asks for the capability of whoever moved the NIC. */
	lock_sock(sk);
	WRITE_ONCE(sk->sk_bound_dev_if, l3index);
	sk_dst_reset(sk);
	release_sock(sk);
	fs->l3index = l3index;
	return 0;
}

static void report_bind(struct netlink_ext_ack *extack, int err, __be16 port)
{
	if (err == -EADDRINUSE)
		flannel_report(extack, NULL,
			       "UDP port %u is in use in the underlay namespace, e.g. by a vxlan device",
			       ntohs(port));
	else
		flannel_report(extack, NULL, "Cannot open UDP port %u: error %d", ntohs(port), -err);
}

static int open_family(struct flannel_dev *fl, int family, int l3index,
		       struct netlink_ext_ack *extack)
{
	__be16 port = rtnl_dereference(fl->config)->port;
	struct flannel_socket *fs;
	int err;

	fs = socket_get(fl->net, family, port, l3index);
	if (IS_ERR(fs)) {
		err = PTR_ERR(fs);
		/* A host without IPv6 has no IPv6 underlay. */
		if (family == FLANNEL_V6 && err == -EAFNOSUPPORT)
			return 0;
		report_bind(extack, err, port);
		return err;
	}
	err = socket_join(fs, fl);
	if (err) {
		if (list_empty(&fs->order))
			socket_destroy(fs);
		return err;
	}
	rcu_assign_pointer(fl->sock[family], fs);
	return 0;
}

/**
 * flannel_sockets_open - open or join the sockets of a device
 * @fl: device
 * @extack: says what is wrong, may be NULL
 *
 * Context: RTNL.
 * Return: 0 or a negative errno; nothing is open then.
 */
int flannel_sockets_open(struct flannel_dev *fl, struct netlink_ext_ack *extack)
{
	int l3index = wanted_l3index(fl);
	int err;

	err = open_family(fl, FLANNEL_V4, l3index, extack);
	if (!err && IS_ENABLED(CONFIG_IPV6))
		err = open_family(fl, FLANNEL_V6, l3index, extack);
	if (err)
		flannel_sockets_close(fl);
	return err;
}

/**
 * flannel_sockets_close - leave the sockets of a device
 * @fl: device
 *
 * When it returns no packet is on its way out of the device, and none into it but
 * those that wait in its receive queues.
 *
 * Context: RTNL.
 */
void flannel_sockets_close(struct flannel_dev *fl)
{
	struct flannel_socket *fs[FLANNEL_FAMILIES];
	int i;

	for (i = 0; i < FLANNEL_FAMILIES; i++) {
		fs[i] = rtnl_dereference(fl->sock[i]);
		RCU_INIT_POINTER(fl->sock[i], NULL);
	}
	synchronize_net();
	for (i = 0; i < FLANNEL_FAMILIES; i++)
		if (fs[i])
			socket_leave(fs[i], fl);
	synchronize_net();
}

/**
 * flannel_sockets_update - follow the underlay interface into or out of a VRF
 * @fl: device
 * @extack: says what is wrong, may be NULL
 *
 * A socket moves in place where it can; else it is left for another, which is
 * opened or joined before: no packet is lost.
 *
 * Context: RTNL.
 * Return: 0 or a negative errno; the old sockets stay in use then.
 */
int flannel_sockets_update(struct flannel_dev *fl, struct netlink_ext_ack *extack)
{
	struct flannel_socket *old[FLANNEL_FAMILIES];
	int l3index = wanted_l3index(fl);
	int err = 0, i;

	for (i = 0; i < FLANNEL_FAMILIES; i++)
		old[i] = rtnl_dereference(fl->sock[i]);
	/* The same devices are on both, so both move in place or none does. */
	for (i = 0; i < FLANNEL_FAMILIES && !err; i++)
		if (old[i] && old[i]->l3index != l3index && socket_rebind(old[i], l3index))
			err = open_family(fl, i, l3index, extack);

	for (i = 0; i < FLANNEL_FAMILIES; i++) {
		struct flannel_socket *now = rtnl_dereference(fl->sock[i]);

		if (now == old[i])
			continue;
		if (err)
			rcu_assign_pointer(fl->sock[i], old[i]);
		synchronize_net();
		socket_leave(err ? now : old[i], fl);
	}
	return err;
}

/**
 * flannel_sockets_announce - tell a NIC which ports carry VXLAN, or take it back
 * @nic: NIC that asked
 * @add: tell
 *
 * Context: RTNL.
 */
void flannel_sockets_announce(struct net_device *nic, bool add)
{
	struct flannel_socket *fs;

	list_for_each_entry(fs, &flannel_net(dev_net(nic))->sockets, node) {
		if (add)
			udp_tunnel_push_rx_port(nic, fs->sock, UDP_TUNNEL_TYPE_VXLAN);
		else
			udp_tunnel_drop_rx_port(nic, fs->sock, UDP_TUNNEL_TYPE_VXLAN);
	}
}
