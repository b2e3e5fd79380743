// SPDX-License-Identifier: GPL-2.0
/* Links of kind flannel: rtnetlink. */

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "ipc_impl.h"

static void read_info(const struct nlattr *info, struct ipc_link *link)
{
	const struct nlattr *tb[IFLA_INFO_MAX + 1];
	const struct nlattr *attr;

	index_nest(info, tb, IFLA_INFO_MAX);
	if (!tb[IFLA_INFO_KIND])
		return;
	snprintf(link->kind, sizeof(link->kind), "%s",
		 mnl_attr_get_str(tb[IFLA_INFO_KIND]));
	if (strcmp(link->kind, FLANNEL_LINK_KIND) || !tb[IFLA_INFO_DATA])
		return;
	mnl_attr_for_each_nested(attr, tb[IFLA_INFO_DATA])
		options_set_attr(&link->options, mnl_attr_get_type(attr),
				 mnl_attr_get_payload(attr),
				 mnl_attr_get_payload_len(attr));
}

static void read_link(const struct nlmsghdr *nlh, struct ipc_link *link)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFLA_MAX + 1];

	index_message(nlh, sizeof(*info), tb, IFLA_MAX);
	memset(link, 0, sizeof(*link));
	link->ifindex = info->ifi_index;
	link->flags = info->ifi_flags;
	link->link_netnsid = -1;
	get_name(tb[IFLA_IFNAME], link->name);
	get_bytes(tb[IFLA_MTU], &link->mtu, sizeof(link->mtu));
	get_bytes(tb[IFLA_OPERSTATE], &link->operstate,
		  sizeof(link->operstate));
	get_bytes(tb[IFLA_LINK_NETNSID], &link->link_netnsid,
		  sizeof(link->link_netnsid));
	read_info(tb[IFLA_LINKINFO], link);
}

static int on_link(const struct nlmsghdr *nlh, void *data)
{
	if (nlh->nlmsg_type == RTM_NEWLINK)
		read_link(nlh, data);
	return MNL_CB_OK;
}

int ipc_link_get(int ifindex, struct ipc_link *link)
{
	struct nlmsghdr *nlh = route_request(RTM_GETLINK, NLM_F_ACK, ifindex);

	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return channel_talk(&ipc_route, nlh, on_link, link);
}

static void reset_links(void *data)
{
	struct ipc_link_list *list = data;

	list->count = 0;
}

static int on_links(const struct nlmsghdr *nlh, void *data)
{
	struct ipc_link_list *list = data;
	struct ipc_link link, *grown;

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	read_link(nlh, &link);
	if (strcmp(link.kind, FLANNEL_LINK_KIND))
		return MNL_CB_OK;
	grown = list_grow(list->link, &list->count, &list->room,
			  sizeof(*list->link));
	if (!grown)
		return MNL_CB_ERROR;
	list->link = grown;
	list->link[list->count - 1] = link;
	return MNL_CB_OK;
}

int ipc_link_list(struct ipc_link_list *list)
{
	struct nlmsghdr *nlh = route_request(RTM_GETLINK, NLM_F_DUMP, 0);
	struct nlattr *info;

	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, FLANNEL_LINK_KIND);
	mnl_attr_nest_end(nlh, info);
	return channel_dump(NETLINK_ROUTE, nlh, on_links, reset_links, list);
}

static void put_data(struct nlmsghdr *nlh, const struct link_options *options)
{
	struct nlattr *data;
	unsigned int type;
	const void *value;
	size_t size;

	if (!options->given)
		return;
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	for (type = 1; type <= IFLA_FLANNEL_MAX; type++) {
		value = options_attr(options, type, &size);
		if (value)
			mnl_attr_put(nlh, type, size, value);
	}
	mnl_attr_nest_end(nlh, data);
}

static void put_request(struct nlmsghdr *nlh,
			const struct ipc_link_request *request)
{
	struct ifinfomsg *header = mnl_nlmsg_get_payload(nlh);
	struct nlattr *info;

	if (request->up >= 0) {
		header->ifi_change = IFF_UP;
		header->ifi_flags = request->up ? IFF_UP : 0;
	}
	if (request->mtu)
		mnl_attr_put_u32(nlh, IFLA_MTU, request->mtu);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, FLANNEL_LINK_KIND);
	put_data(nlh, &request->options);
	mnl_attr_nest_end(nlh, info);
}

int ipc_link_add(const char *name, const struct ipc_link_request *request)
{
	struct nlmsghdr *nlh = route_request(RTM_NEWLINK, NLM_F_ACK |
					     NLM_F_CREATE | NLM_F_EXCL, 0);

	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	put_request(nlh, request);
	return channel_talk(&ipc_route, nlh, NULL, NULL);
}

int ipc_link_set(int ifindex, const struct ipc_link_request *request)
{
	struct nlmsghdr *nlh = route_request(RTM_NEWLINK, NLM_F_ACK, ifindex);

	put_request(nlh, request);
	return channel_talk(&ipc_route, nlh, NULL, NULL);
}

int ipc_link_del(int ifindex)
{
	struct nlmsghdr *nlh = route_request(RTM_DELLINK, NLM_F_ACK, ifindex);

	return channel_talk(&ipc_route, nlh, NULL, NULL);
}
