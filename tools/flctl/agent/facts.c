// SPDX-License-Identifier: GPL-2.0
/* What netlink and resolv.conf say of this host. */

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../ipc_impl.h"
#include "facts.h"

#define RESOLV_CONF	"/etc/resolv.conf"
/* Has the real ones where RESOLV_CONF only names the stub on this host. */
#define RESOLVED_CONF	"/run/systemd/resolve/resolv.conf"
#define RESOLV_LINES	1000

/* One more element, zeroed, of the list that @facts keeps as @name##s; NULL and ENOMEM. */
#define ADD_FACT(facts, name) ({						\
	void *grown = list_grow((facts)->name##s, &(facts)->name##_count,	\
				&(facts)->name##_room, sizeof(*(facts)->name##s)); \
										\
	if (grown)								\
		(facts)->name##s = grown;					\
	grown ? &(facts)->name##s[(facts)->name##_count - 1] : NULL;		\
})

/* Links */

static void read_vxlan(const struct nlattr *data, struct fact_link *link)
{
	struct fact_vxlan *vxlan = &link->vxlan;
	const struct nlattr *tb[IFLA_VXLAN_MAX + 1];
	uint16_t port = 0;

	index_nest(data, tb, IFLA_VXLAN_MAX);
	get_bytes(tb[IFLA_VXLAN_ID], &vxlan->vni, sizeof(vxlan->vni));
	get_bytes(tb[IFLA_VXLAN_PORT], &port, sizeof(port));
	vxlan->port = ntohs(port);
	get_bytes(tb[IFLA_VXLAN_LINK], &link->lower, sizeof(link->lower));
	get_addr(tb[IFLA_VXLAN_LOCAL], tb[IFLA_VXLAN_LOCAL6], &vxlan->local);
}

static void read_flannel(const struct nlattr *data, struct link_options *options)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, data)
		options_set_attr(options, mnl_attr_get_type(attr), mnl_attr_get_payload(attr),
				 mnl_attr_get_payload_len(attr));
}

static void read_info(const struct nlattr *info, struct fact_link *link)
{
	const struct nlattr *tb[IFLA_INFO_MAX + 1];
	const struct nlattr *data;

	index_nest(info, tb, IFLA_INFO_MAX);
	data = tb[IFLA_INFO_DATA];
	if (!tb[IFLA_INFO_KIND])
		return;
	snprintf(link->kind, sizeof(link->kind), "%.*s",
		 mnl_attr_get_payload_len(tb[IFLA_INFO_KIND]),
		 mnl_attr_get_str(tb[IFLA_INFO_KIND]));
	if (data && !strcmp(link->kind, "vxlan"))
		read_vxlan(data, link);
	if (data && !strcmp(link->kind, FLANNEL_LINK_KIND))
		read_flannel(data, &link->flannel);
}

static int on_link(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFLA_MAX + 1];
	struct facts *facts = data;
	struct fact_link *link;

	/* Bridges answer for their ports once more, as AF_BRIDGE. */
	if (nlh->nlmsg_type != RTM_NEWLINK || info->ifi_family != AF_UNSPEC)
		return MNL_CB_OK;
	link = ADD_FACT(facts, link);
	if (!link)
		return MNL_CB_ERROR;
	index_message(nlh, sizeof(*info), tb, IFLA_MAX);
	link->ifindex = info->ifi_index;
	link->flags = info->ifi_flags;
	get_name(tb[IFLA_IFNAME], link->name);
	get_bytes(tb[IFLA_OPERSTATE], &link->operstate, sizeof(link->operstate));
	get_bytes(tb[IFLA_MTU], &link->mtu, sizeof(link->mtu));
	if (tb[IFLA_ADDRESS] && mnl_attr_get_payload_len(tb[IFLA_ADDRESS]) == 6)
		get_bytes(tb[IFLA_ADDRESS], link->lladdr, sizeof(link->lladdr));
	get_bytes(tb[IFLA_LINK], &link->lower, sizeof(link->lower));
	read_info(tb[IFLA_LINKINFO], link);
	return MNL_CB_OK;
}

/* Addresses */

static void read_addr(uint8_t family, const struct nlattr *attr, struct addr *addr)
{
	if (family == AF_INET)
		get_addr(attr, NULL, addr);
	else
		get_addr(NULL, attr, addr);
}

static int on_addr(const struct nlmsghdr *nlh, void *data)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFA_MAX + 1];
	struct facts *facts = data;
	struct fact_addr *addr;

	if (nlh->nlmsg_type != RTM_NEWADDR ||
	    (info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
		return MNL_CB_OK;
	addr = ADD_FACT(facts, addr);
	if (!addr)
		return MNL_CB_ERROR;
	index_message(nlh, sizeof(*info), tb, IFA_MAX);
	addr->ifindex = info->ifa_index;
	addr->scope = info->ifa_scope;
	addr->flags = info->ifa_flags;
	get_bytes(tb[IFA_FLAGS], &addr->flags, sizeof(addr->flags));
	/* IFA_ADDRESS is the other end's on a point-to-point link. */
	read_addr(info->ifa_family, tb[IFA_LOCAL] ?: tb[IFA_ADDRESS], &addr->prefix.addr);
	addr->prefix.len = info->ifa_prefixlen;
	return MNL_CB_OK;
}

/* Routes */

static void read_metrics(const struct nlattr *metrics, struct fact_route *route)
{
	const struct nlattr *tb[RTAX_MAX + 1];

	index_nest(metrics, tb, RTAX_MAX);
	get_bytes(tb[RTAX_MTU], &route->mtu, sizeof(route->mtu));
}

static void read_via(const struct nlattr *attr, struct addr *addr)
{
	const struct rtvia *via = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);

	if (len < sizeof(*via) + 16 || via->rtvia_family != AF_INET6)
		return;
	addr->family = AF_INET6;
	memcpy(addr->bytes, via->rtvia_addr, 16);
}

static void read_gateway(uint8_t family, const struct nlattr **tb, struct addr *gateway)
{
	if (tb[RTA_GATEWAY])
		read_addr(family, tb[RTA_GATEWAY], gateway);
	else if (tb[RTA_VIA])
		read_via(tb[RTA_VIA], gateway);
}

static void read_route(const struct rtmsg *info, const struct nlattr **tb,
		       struct fact_route *route)
{
	route->dst.addr.family = info->rtm_family;
	route->dst.len = info->rtm_dst_len;
	if (tb[RTA_DST])
		read_addr(info->rtm_family, tb[RTA_DST], &route->dst.addr);
	if (tb[RTA_PREFSRC])
		read_addr(info->rtm_family, tb[RTA_PREFSRC], &route->src);
	read_gateway(info->rtm_family, tb, &route->gateway);
	get_bytes(tb[RTA_OIF], &route->oif, sizeof(route->oif));
	get_bytes(tb[RTA_PRIORITY], &route->metric, sizeof(route->metric));
	route->protocol = info->rtm_protocol;
	route->type = info->rtm_type;
	route->scope = info->rtm_scope;
	route->onlink = info->rtm_flags & RTNH_F_ONLINK;
	/* Where the kernel only gives the id of its next hops, they may be several. */
	route->multipath = tb[RTA_NH_ID] && !tb[RTA_OIF];
	read_metrics(tb[RTA_METRICS], route);
}

static bool add_hop(struct facts *facts, const struct fact_route *route,
		    const struct rtnexthop *hop)
{
	const struct nlattr *attr, *first = (const void *)RTNH_DATA(hop);
	const struct nlattr *tb[RTA_MAX + 1] = { 0 };
	struct fact_route *one;

	if (hop->rtnh_flags & RTNH_F_DEAD)
		return true;
	one = ADD_FACT(facts, route);
	if (!one)
		return false;
	*one = *route;
	mnl_attr_for_each_payload(first, hop->rtnh_len - sizeof(*hop))
		if (mnl_attr_get_type(attr) <= RTA_MAX)
			tb[mnl_attr_get_type(attr)] = attr;
	read_gateway(route->dst.addr.family, tb, &one->gateway);
	one->oif = hop->rtnh_ifindex;
	one->onlink = hop->rtnh_flags & RTNH_F_ONLINK;
	one->multipath = true;
	return true;
}

static bool add_hops(struct facts *facts, const struct fact_route *route,
		     const struct nlattr *hops)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(hops);
	int len = mnl_attr_get_payload_len(hops);

	for (; RTNH_OK(hop, len); len -= NLMSG_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop))
		if (!add_hop(facts, route, hop))
			return false;
	return true;
}

/*
 * The main table, and of the local one what makes an address ours although no
 * link has it.
 */
static bool is_wanted(const struct rtmsg *info, uint32_t table)
{
	if (info->rtm_family != AF_INET && info->rtm_family != AF_INET6)
		return false;
	if (info->rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD))
		return false;
	if (table == RT_TABLE_LOCAL)
		return info->rtm_type == RTN_LOCAL && info->rtm_protocol != RTPROT_KERNEL;
	return table == RT_TABLE_MAIN;
}

static int on_route(const struct nlmsghdr *nlh, void *data)
{
	const struct rtmsg *info = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[RTA_MAX + 1];
	struct fact_route route = { 0 }, *added;
	struct facts *facts = data;
	uint32_t table = info->rtm_table;

	if (nlh->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	index_message(nlh, sizeof(*info), tb, RTA_MAX);
	get_bytes(tb[RTA_TABLE], &table, sizeof(table));
	if (!is_wanted(info, table))
		return MNL_CB_OK;
	read_route(info, tb, &route);
	if (tb[RTA_MULTIPATH])
		return add_hops(facts, &route, tb[RTA_MULTIPATH]) ? MNL_CB_OK : MNL_CB_ERROR;
	added = ADD_FACT(facts, route);
	if (!added)
		return MNL_CB_ERROR;
	*added = route;
	return MNL_CB_OK;
}

/* Nameservers */

static void add_nameserver(struct facts *facts, const char *text)
{
	struct words w = { 0 };
	struct addr addr;

	if (facts->nameserver_count < ARRAY_SIZE(facts->nameservers) &&
	    parse_addr(&w, text, &addr))
		facts->nameservers[facts->nameserver_count++] = addr;
}

/* A file that cannot be read names none: then nobody else uses it either. */
static void read_nameservers(struct facts *facts, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[512], *word, *save;
	int lines;

	if (!file)
		return;
	for (lines = 0; lines < RESOLV_LINES && fgets(line, sizeof(line), file); lines++) {
		word = strtok_r(line, " \t\r\n", &save);
		if (!word || strcmp(word, "nameserver"))
			continue;
		word = strtok_r(NULL, " \t\r\n%", &save);
		if (word)
			add_nameserver(facts, word);
	}
	fclose(file);
}

static bool names_stub(const struct facts *facts)
{
	size_t i;

	for (i = 0; i < facts->nameserver_count; i++)
		if (facts->nameservers[i].family == AF_INET &&
		    facts->nameservers[i].bytes[0] == 127)
			return true;
	return false;
}

/* All of it */

static void forget_links(void *data)
{
	((struct facts *)data)->link_count = 0;
}

static void forget_addrs(void *data)
{
	((struct facts *)data)->addr_count = 0;
}

static void forget_routes(void *data)
{
	((struct facts *)data)->route_count = 0;
}

static bool dump(struct facts *facts, uint16_t type, const char *what, mnl_cb_t handle,
		 void (*forget)(void *data), struct error *error)
{
	struct nlmsghdr *nlh = route_request(type, NLM_F_DUMP, 0);

	if (type == RTM_GETLINK)
		mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (!channel_dump(NETLINK_ROUTE, nlh, handle, forget, facts))
		return true;
	return set_error(error, "the kernel does not list its %s: %s", what,
			 *ipc_error()->text ? ipc_error()->text : strerror(ipc_error()->code));
}

bool facts_read(struct facts *facts, struct error *error)
{
	memset(facts, 0, sizeof(*facts));
	if (!dump(facts, RTM_GETLINK, "links", on_link, forget_links, error) ||
	    !dump(facts, RTM_GETADDR, "addresses", on_addr, forget_addrs, error) ||
	    !dump(facts, RTM_GETROUTE, "routes", on_route, forget_routes, error)) {
		facts_free(facts);
		return false;
	}
	read_nameservers(facts, RESOLV_CONF);
	if (names_stub(facts))
		read_nameservers(facts, RESOLVED_CONF);
	return true;
}

void facts_free(struct facts *facts)
{
	free(facts->links);
	free(facts->addrs);
	free(facts->routes);
	memset(facts, 0, sizeof(*facts));
}
