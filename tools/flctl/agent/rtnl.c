// SPDX-License-Identifier: GPL-2.0
/* Requests of rtnetlink that flctl itself has no use for. */

#include <linux/rtnetlink.h>

#include "../ipc_impl.h"
#include "rtnl.h"

static struct channel channel;
/* Far more than a header and the few attributes of any request here. */
static _Alignas(8) char request[1024];

static struct nlmsghdr *begin(uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(request);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	return nlh;
}

static int talk(struct nlmsghdr *nlh)
{
	int ret = channel.socket ? 0 : channel_open(&channel, NETLINK_ROUTE);

	return ret ? ret : channel_talk(&channel, nlh, NULL, NULL);
}

void rtnl_close(void)
{
	channel_close(&channel);
}

static void put_addr(struct nlmsghdr *nlh, uint16_t type, const struct addr *addr)
{
	if (addr->family)
		mnl_attr_put(nlh, type, addr_size(addr->family), addr->bytes);
}

static int change_addr(uint16_t type, uint16_t flags, int ifindex, const struct prefix *addr)
{
	struct nlmsghdr *nlh = begin(type, flags);
	struct ifaddrmsg *header = mnl_nlmsg_put_extra_header(nlh, sizeof(*header));

	header->ifa_family = addr->addr.family;
	header->ifa_prefixlen = addr->len;
	header->ifa_scope = RT_SCOPE_UNIVERSE;
	header->ifa_index = ifindex;
	/* There is nobody on a tunnel to ask whether the address is taken. */
	if (type == RTM_NEWADDR && addr->addr.family == AF_INET6)
		header->ifa_flags = IFA_F_NODAD;
	put_addr(nlh, IFA_LOCAL, &addr->addr);
	put_addr(nlh, IFA_ADDRESS, &addr->addr);
	return talk(nlh);
}

int rtnl_addr_add(int ifindex, const struct prefix *addr)
{
	return change_addr(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, addr);
}

int rtnl_addr_del(int ifindex, const struct prefix *addr)
{
	return change_addr(RTM_DELADDR, 0, ifindex, addr);
}

static struct nlmsghdr *begin_route(uint16_t type, uint16_t flags, const struct fact_route *route)
{
	struct nlmsghdr *nlh = begin(type, flags);
	struct rtmsg *header = mnl_nlmsg_put_extra_header(nlh, sizeof(*header));

	header->rtm_family = route->dst.addr.family;
	header->rtm_dst_len = route->dst.len;
	header->rtm_table = RT_TABLE_MAIN;
	header->rtm_protocol = route->protocol;
	header->rtm_type = route->type;
	if (route->dst.len)
		put_addr(nlh, RTA_DST, &route->dst.addr);
	if (route->metric)
		mnl_attr_put_u32(nlh, RTA_PRIORITY, route->metric);
	return nlh;
}

static void put_next_hop(struct nlmsghdr *nlh, const struct fact_route *route)
{
	/* The kernel itself puts blackholes of IPv6 on lo. */
	if (route->type != RTN_UNICAST || route->multipath)
		return;
	if (route->oif)
		mnl_attr_put_u32(nlh, RTA_OIF, route->oif);
	put_addr(nlh, RTA_GATEWAY, &route->gateway);
}

int rtnl_route_add(const struct fact_route *route, enum rtnl_mode mode)
{
	struct nlmsghdr *nlh = begin_route(RTM_NEWROUTE, NLM_F_CREATE |
					   (mode == RTNL_REPLACE ? NLM_F_REPLACE : NLM_F_EXCL),
					   route);
	struct rtmsg *header = mnl_nlmsg_get_payload(nlh);
	struct nlattr *metrics;

	header->rtm_scope = route->scope;
	if (route->onlink)
		header->rtm_flags = RTNH_F_ONLINK;
	put_next_hop(nlh, route);
	put_addr(nlh, RTA_PREFSRC, &route->src);
	if (route->mtu) {
		metrics = mnl_attr_nest_start(nlh, RTA_METRICS);
		mnl_attr_put_u32(nlh, RTAX_MTU, route->mtu);
		mnl_attr_nest_end(nlh, metrics);
	}
	return talk(nlh);
}

int rtnl_route_del(const struct fact_route *route)
{
	struct nlmsghdr *nlh = begin_route(RTM_DELROUTE, 0, route);
	struct rtmsg *header = mnl_nlmsg_get_payload(nlh);

	header->rtm_scope = RT_SCOPE_NOWHERE;
	put_next_hop(nlh, route);
	/* Routes of IPv4 may differ in nothing else. */
	if (route->dst.addr.family == AF_INET)
		put_addr(nlh, RTA_PREFSRC, &route->src);
	return talk(nlh);
}

int rtnl_link_rename(int ifindex, const char *name)
{
	struct nlmsghdr *nlh = begin(RTM_NEWLINK, 0);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(nlh, sizeof(*header));

	header->ifi_family = AF_UNSPEC;
	header->ifi_index = ifindex;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	return talk(nlh);
}
