// SPDX-License-Identifier: GPL-2.0
/* Leases, VTEPs, counters and events: generic netlink family "flannel". */

#include <errno.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>

#include "ipc_impl.h"

static void put_lease(struct nlmsghdr *nlh, const struct lease *lease)
{
	const struct addr *addr = &lease->prefix.addr, *vtep = &lease->vtep;
	struct nlattr *nest = mnl_attr_nest_start(nlh, FLANNEL_A_LEASE);

	mnl_attr_put(nlh, addr->family == AF_INET ? FLANNEL_A_LEASE_PREFIX4 :
		     FLANNEL_A_LEASE_PREFIX6, addr_size(addr->family),
		     addr->bytes);
	mnl_attr_put_u8(nlh, FLANNEL_A_LEASE_PREFIXLEN, lease->prefix.len);
	if (lease->local)
		mnl_attr_put(nlh, FLANNEL_A_LEASE_LOCAL, 0, NULL);
	if (vtep->family) {
		mnl_attr_put(nlh, vtep->family == AF_INET ?
			     FLANNEL_A_LEASE_VTEP4 : FLANNEL_A_LEASE_VTEP6,
			     addr_size(vtep->family), vtep->bytes);
		mnl_attr_put(nlh, FLANNEL_A_LEASE_LLADDR, 6, lease->lladdr);
	}
	mnl_attr_nest_end(nlh, nest);
}

static void put_addr(struct nlmsghdr *nlh, uint16_t type4, uint16_t type6,
		     const struct addr *addr)
{
	mnl_attr_put(nlh, addr->family == AF_INET ? type4 : type6,
		     addr_size(addr->family), addr->bytes);
}

static void read_lease(const struct nlattr *nest, struct lease *lease)
{
	const struct nlattr *tb[FLANNEL_A_LEASE_MAX + 1];

	index_nest(nest, tb, FLANNEL_A_LEASE_MAX);
	memset(lease, 0, sizeof(*lease));
	get_addr(tb[FLANNEL_A_LEASE_PREFIX4], tb[FLANNEL_A_LEASE_PREFIX6],
		 &lease->prefix.addr);
	get_bytes(tb[FLANNEL_A_LEASE_PREFIXLEN], &lease->prefix.len, 1);
	lease->local = tb[FLANNEL_A_LEASE_LOCAL];
	get_addr(tb[FLANNEL_A_LEASE_VTEP4], tb[FLANNEL_A_LEASE_VTEP6],
		 &lease->vtep);
	get_bytes(tb[FLANNEL_A_LEASE_LLADDR], lease->lladdr, 6);
}

static int read_ifindex(const struct nlattr *attr)
{
	uint32_t ifindex = 0;

	get_bytes(attr, &ifindex, sizeof(ifindex));
	return ifindex;
}

static void read_replaced(const struct nlattr **tb,
			  struct ipc_replaced *replaced)
{
	memset(replaced, 0, sizeof(*replaced));
	get_bytes(tb[FLANNEL_A_SEQ], &replaced->seq, 8);
	get_bytes(tb[FLANNEL_A_ADDED], &replaced->added, 4);
	get_bytes(tb[FLANNEL_A_CHANGED], &replaced->changed, 4);
	get_bytes(tb[FLANNEL_A_REMOVED], &replaced->removed, 4);
}

static void index_generic(const struct nlmsghdr *nlh, const struct nlattr **tb)
{
	index_message(nlh, sizeof(struct genlmsghdr), tb, FLANNEL_A_MAX);
}

/* Device. */

struct dev_field {
	uint16_t offset;
	uint16_t size;
};

#define FIELD(field) {					\
	offsetof(struct ipc_dev, field),		\
	sizeof(((struct ipc_dev *)0)->field),		\
}

static const struct dev_field dev_fields[FLANNEL_A_DEV_MAX + 1] = {
	[FLANNEL_A_DEV_LEASES4] = FIELD(leases4),
	[FLANNEL_A_DEV_LEASES6] = FIELD(leases6),
	[FLANNEL_A_DEV_VTEPS] = FIELD(vteps),
	[FLANNEL_A_DEV_INDEX4] = FIELD(index4),
	[FLANNEL_A_DEV_INDEX6] = FIELD(index6),
	[FLANNEL_A_DEV_UNDERLAY] = FIELD(underlay),
	[FLANNEL_A_DEV_MTU] = FIELD(mtu),
	[FLANNEL_A_DEV_PORT_LOW] = FIELD(port_low),
	[FLANNEL_A_DEV_PORT_HIGH] = FIELD(port_high),
	[FLANNEL_A_DEV_TTL] = FIELD(ttl),
	[FLANNEL_A_DEV_SOCKET4] = FIELD(socket4),
	[FLANNEL_A_DEV_SOCKET6] = FIELD(socket6),
	[FLANNEL_A_DEV_LLADDR] = FIELD(lladdr),
	[FLANNEL_A_DEV_VNI] = FIELD(vni),
	[FLANNEL_A_DEV_PORT] = FIELD(port),
};

static int on_dev(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[FLANNEL_A_MAX + 1];
	const struct nlattr *dev[FLANNEL_A_DEV_MAX + 1];
	struct ipc_dev *state = data;
	unsigned int i;

	index_generic(nlh, tb);
	index_nest(tb[FLANNEL_A_DEV], dev, FLANNEL_A_DEV_MAX);
	for (i = 1; i <= FLANNEL_A_DEV_MAX; i++) {
		if (!dev[i])
			continue;
		state->given |= 1U << i;
		get_bytes(dev[i], (char *)state + dev_fields[i].offset,
			  dev_fields[i].size);
	}
	return MNL_CB_OK;
}

int ipc_dev_get(int ifindex, struct ipc_dev *dev)
{
	struct nlmsghdr *nlh = generic_request(FLANNEL_CMD_DEV_GET, NLM_F_ACK,
					       ifindex);

	memset(dev, 0, sizeof(*dev));
	return channel_talk(&ipc_generic, nlh, on_dev, dev);
}

/* Leases. */

int ipc_lease(int cmd, int ifindex, const struct lease *lease)
{
	struct nlmsghdr *nlh = generic_request(cmd, NLM_F_ACK, ifindex);

	put_lease(nlh, lease);
	return channel_talk(&ipc_generic, nlh, NULL, NULL);
}

static int on_lease(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[FLANNEL_A_MAX + 1];

	index_generic(nlh, tb);
	read_lease(tb[FLANNEL_A_LEASE], data);
	return MNL_CB_OK;
}

int ipc_lease_get(int ifindex, const struct addr *addr, struct lease *lease)
{
	struct nlmsghdr *nlh = generic_request(FLANNEL_CMD_LEASE_GET,
					       NLM_F_ACK, ifindex);

	put_addr(nlh, FLANNEL_A_ADDR4, FLANNEL_A_ADDR6, addr);
	return channel_talk(&ipc_generic, nlh, on_lease, lease);
}

int ipc_lease_flush(int ifindex)
{
	struct nlmsghdr *nlh = generic_request(FLANNEL_CMD_LEASE_FLUSH,
					       NLM_F_ACK, ifindex);

	return channel_talk(&ipc_generic, nlh, NULL, NULL);
}

static void reset_leases(void *data)
{
	struct ipc_lease_list *list = data;

	list->count = 0;
}

static int on_leases(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[FLANNEL_A_MAX + 1];
	struct ipc_lease_list *list = data;
	struct ipc_lease *grown;

	index_generic(nlh, tb);
	if (!tb[FLANNEL_A_LEASE])
		return MNL_CB_OK;
	grown = list_grow(list->lease, &list->count, &list->room,
			  sizeof(*list->lease));
	if (!grown)
		return MNL_CB_ERROR;
	list->lease = grown;
	grown += list->count - 1;
	grown->ifindex = read_ifindex(tb[FLANNEL_A_IFINDEX]);
	read_lease(tb[FLANNEL_A_LEASE], &grown->lease);
	return MNL_CB_OK;
}

int ipc_lease_list(int ifindex, const struct addr *vtep,
		   struct ipc_lease_list *list)
{
	struct nlmsghdr *nlh = generic_request(FLANNEL_CMD_LEASE_GET,
					       NLM_F_DUMP, ifindex);

	if (vtep)
		put_addr(nlh, FLANNEL_A_VTEP4, FLANNEL_A_VTEP6, vtep);
	return channel_dump(NETLINK_GENERIC, nlh, on_leases, reset_leases,
			    list);
}

/* Transactions. */

int ipc_table_begin(int ifindex)
{
	struct nlmsghdr *nlh = generic_request(FLANNEL_CMD_TABLE_BEGIN,
					       NLM_F_ACK, ifindex);

	return channel_talk(&ipc_generic, nlh, NULL, NULL);
}

/* Which lease of the request the kernel's last error points into. */
static size_t blamed(const struct nlmsghdr *nlh, size_t none)
{
	uint32_t offset = ipc_error()->offset;
	const struct nlattr *attr;
	size_t start, index = 0;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) != FLANNEL_A_LEASE)
			continue;
		start = (const char *)attr - (const char *)nlh;
		if (offset >= start && offset < start + attr->nla_len)
			return index;
		index++;
	}
	return none;
}

int ipc_table_add(int ifindex, const struct lease *lease, size_t stride,
		  size_t count, size_t *blame)
{
	struct nlmsghdr *nlh = generic_request(FLANNEL_CMD_TABLE_ADD,
					       NLM_F_ACK, ifindex);
	size_t i;
	int ret;

	for (i = 0; i < count && nlh->nlmsg_len < IPC_BATCH; i++)
		put_lease(nlh, (const void *)((const char *)lease + i * stride));
	ret = channel_talk(&ipc_generic, nlh, NULL, NULL);
	if (!ret)
		return i;
	*blame = blamed(nlh, count);
	return ret;
}

static int on_commit(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[FLANNEL_A_MAX + 1];

	index_generic(nlh, tb);
	read_replaced(tb, data);
	return MNL_CB_OK;
}

int ipc_table_commit(int ifindex, bool force, struct ipc_replaced *replaced)
{
	struct nlmsghdr *nlh = generic_request(FLANNEL_CMD_TABLE_COMMIT,
					       NLM_F_ACK, ifindex);

	if (force)
		mnl_attr_put(nlh, FLANNEL_A_FORCE, 0, NULL);
	memset(replaced, 0, sizeof(*replaced));
	return channel_talk(&ipc_generic, nlh, on_commit, replaced);
}

/* VTEPs and counters. */

static void reset_vteps(void *data)
{
	struct ipc_vtep_list *list = data;

	list->count = 0;
}

static void read_vtep(const struct nlattr *nest, struct ipc_vtep *vtep)
{
	const struct nlattr *tb[FLANNEL_A_VTEP_MAX + 1];

	index_nest(nest, tb, FLANNEL_A_VTEP_MAX);
	get_addr(tb[FLANNEL_A_VTEP_ADDR4], tb[FLANNEL_A_VTEP_ADDR6],
		 &vtep->addr);
	get_bytes(tb[FLANNEL_A_VTEP_LLADDR], vtep->lladdr, 6);
	get_bytes(tb[FLANNEL_A_VTEP_LEASES], &vtep->leases, 4);
	get_bytes(tb[FLANNEL_A_VTEP_TX_PACKETS], &vtep->tx_packets, 8);
	get_bytes(tb[FLANNEL_A_VTEP_TX_BYTES], &vtep->tx_bytes, 8);
	get_bytes(tb[FLANNEL_A_VTEP_RX_PACKETS], &vtep->rx_packets, 8);
	get_bytes(tb[FLANNEL_A_VTEP_RX_BYTES], &vtep->rx_bytes, 8);
}

static int on_vteps(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[FLANNEL_A_MAX + 1];
	struct ipc_vtep_list *list = data;
	struct ipc_vtep *grown;

	index_generic(nlh, tb);
	if (!tb[FLANNEL_A_VTEP])
		return MNL_CB_OK;
	grown = list_grow(list->vtep, &list->count, &list->room,
			  sizeof(*list->vtep));
	if (!grown)
		return MNL_CB_ERROR;
	list->vtep = grown;
	grown += list->count - 1;
	grown->ifindex = read_ifindex(tb[FLANNEL_A_IFINDEX]);
	read_vtep(tb[FLANNEL_A_VTEP], grown);
	return MNL_CB_OK;
}

int ipc_vtep_list(int ifindex, struct ipc_vtep_list *list)
{
	struct nlmsghdr *nlh = generic_request(FLANNEL_CMD_VTEP_GET,
					       NLM_F_DUMP, ifindex);

	return channel_dump(NETLINK_GENERIC, nlh, on_vteps, reset_vteps, list);
}

static void reset_stats(void *data)
{
	struct ipc_stats_list *list = data;

	list->count = 0;
}

static int on_stats(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *counter[FLANNEL_A_STATS_MAX + 1];
	const struct nlattr *tb[FLANNEL_A_MAX + 1];
	struct ipc_stats_list *list = data;
	struct ipc_stats *grown;
	unsigned int i;

	index_generic(nlh, tb);
	if (!tb[FLANNEL_A_STATS])
		return MNL_CB_OK;
	grown = list_grow(list->stats, &list->count, &list->room,
			  sizeof(*list->stats));
	if (!grown)
		return MNL_CB_ERROR;
	list->stats = grown;
	grown += list->count - 1;
	grown->ifindex = read_ifindex(tb[FLANNEL_A_IFINDEX]);
	get_name(tb[FLANNEL_A_IFNAME], grown->name);
	index_nest(tb[FLANNEL_A_STATS], counter, FLANNEL_A_STATS_MAX);
	for (i = 1; i <= FLANNEL_A_STATS_MAX; i++)
		get_bytes(counter[i], &grown->value[i], 8);
	return MNL_CB_OK;
}

int ipc_stats_list(int ifindex, struct ipc_stats_list *list)
{
	struct nlmsghdr *nlh = generic_request(FLANNEL_CMD_STATS_GET,
					       NLM_F_DUMP, ifindex);

	return channel_dump(NETLINK_GENERIC, nlh, on_stats, reset_stats, list);
}

/* Events. */

void ipc_read_event(const struct nlmsghdr *nlh, struct ipc_event *event)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[FLANNEL_A_MAX + 1];

	memset(event, 0, sizeof(*event));
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl) ||
	    genl->cmd < FLANNEL_CMD_LEASE_ADD_NTF ||
	    genl->cmd > FLANNEL_CMD_TABLE_NTF)
		return;
	index_generic(nlh, tb);
	event->cmd = genl->cmd;
	event->ifindex = read_ifindex(tb[FLANNEL_A_IFINDEX]);
	get_name(tb[FLANNEL_A_IFNAME], event->name);
	read_lease(tb[FLANNEL_A_LEASE], &event->lease);
	read_replaced(tb, &event->table);
}
