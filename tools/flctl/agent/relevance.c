// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netconf.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor.h"
#include "relevance.h"

#define STOCK_NAME	"flannel"
/* Where iptables of the nft kind has FORWARD, and all chains that it calls. */
#define IPTABLES_TABLE	"filter"

static struct {
	bool known;
	int *ifindex;
	size_t count, room;
	char device[IF_NAMESIZE], table[72];
} ours;

static bool is_ours(int ifindex)
{
	size_t i;

	for (i = 0; i < ours.count; i++)
		if (ours.ifindex[i] == ifindex)
			return true;
	return false;
}

static bool add(int ifindex)
{
	size_t room = ours.room ? 2 * ours.room : 32;
	int *grown;

	if (!ifindex || is_ours(ifindex))
		return true;
	if (ours.count == ours.room) {
		grown = reallocarray(ours.ifindex, room, sizeof(*grown));
		if (!grown)
			return false;
		ours.ifindex = grown;
		ours.room = room;
	}
	ours.ifindex[ours.count++] = ifindex;
	return true;
}

/* fe80::/10 and ff00::/8: every link has them. */
static bool is_of_a_link(const struct addr *addr)
{
	return addr->family == AF_INET6 &&
	       (addr->bytes[0] == 0xff || (addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80));
}

static bool has_our_name(const char *name)
{
	return !strcmp(name, ours.device) || !strncmp(name, STOCK_NAME, strlen(STOCK_NAME));
}

static bool learn_links(const struct facts *facts)
{
	bool ok = true;
	size_t i;

	for (i = 0; i < facts->addr_count; i++)
		if (!is_of_a_link(&facts->addrs[i].prefix.addr))
			ok &= add(facts->addrs[i].ifindex);
	for (i = 0; i < facts->route_count; i++)
		if (!is_of_a_link(&facts->routes[i].dst.addr))
			ok &= add(facts->routes[i].oif);
	for (i = 0; i < facts->link_count; i++)
		if (has_our_name(facts->links[i].name))
			ok &= add(facts->links[i].ifindex);
	return ok;
}

void relevance_learn(const struct facts *facts, const char *device, const char *table)
{
	snprintf(ours.device, sizeof(ours.device), "%s", device);
	snprintf(ours.table, sizeof(ours.table), "%s", table);
	ours.count = 0;
	ours.known = learn_links(facts);
}

void relevance_forget(void)
{
	free(ours.ifindex);
	memset(&ours, 0, sizeof(ours));
}

/* --- rtnetlink --- */

static unsigned int of_link(const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if (is_ours(header->ifi_index))
		return CHANGE_LINK;
	mnl_attr_for_each(attr, nlh, sizeof(*header))
		if (mnl_attr_get_type(attr) == IFLA_IFNAME && has_our_name(mnl_attr_get_str(attr)))
			return CHANGE_LINK;
	return 0;
}

static bool read_addr(const struct nlattr *attr, uint8_t family, struct addr *addr)
{
	size_t len = family == AF_INET6 ? 16 : 4;

	memset(addr, 0, sizeof(*addr));
	if (mnl_attr_get_payload_len(attr) != len)
		return false;
	addr->family = family;
	memcpy(addr->bytes, mnl_attr_get_payload(attr), len);
	return true;
}

static unsigned int of_addr(const struct nlmsghdr *nlh)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	struct addr addr;

	if (is_ours(header->ifa_index))
		return CHANGE_LINK;
	mnl_attr_for_each(attr, nlh, sizeof(*header))
		if (mnl_attr_get_type(attr) == IFA_ADDRESS &&
		    read_addr(attr, header->ifa_family, &addr) && is_of_a_link(&addr))
			return 0;
	return CHANGE_LINK;
}

static unsigned int of_route(const struct nlmsghdr *nlh)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	struct addr dst = { 0 };
	int oif = 0;

	mnl_attr_for_each(attr, nlh, sizeof(*header)) {
		if (mnl_attr_get_type(attr) == RTA_DST)
			read_addr(attr, header->rtm_family, &dst);
		else if (mnl_attr_get_type(attr) == RTA_OIF)
			oif = mnl_attr_get_u32(attr);
	}
	return is_of_a_link(&dst) && !is_ours(oif) ? 0 : CHANGE_ROUTE;
}

/* Of all links, and of new ones, it is nobody's in particular. */
static unsigned int of_netconf(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;
	int ifindex;

	mnl_attr_for_each(attr, nlh, sizeof(struct netconfmsg)) {
		if (mnl_attr_get_type(attr) != NETCONFA_IFINDEX)
			continue;
		ifindex = mnl_attr_get_u32(attr);
		if (ifindex > 0 && !is_ours(ifindex))
			return 0;
	}
	return CHANGE_LINK;
}

unsigned int relevance_of_route(const struct nlmsghdr *nlh)
{
	switch (nlh->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return ours.known ? of_route(nlh) : CHANGE_ROUTE;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return ours.known ? of_link(nlh) : CHANGE_LINK;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return ours.known ? of_addr(nlh) : CHANGE_LINK;
	case RTM_NEWNETCONF:
	case RTM_DELNETCONF:
		return ours.known ? of_netconf(nlh) : CHANGE_LINK;
	default:
		return CHANGE_LINK;
	}
}

/* --- nf_tables --- */

static bool is_on_forward(const struct nlattr *hook)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, hook)
		if (mnl_attr_get_type(attr) == NFTA_HOOK_HOOKNUM)
			return ntohl(mnl_attr_get_u32(attr)) == NF_INET_FORWARD;
	return false;
}

/* The first attribute of all of them is the table's name. */
unsigned int relevance_of_rules(const struct nlmsghdr *nlh)
{
	const uint8_t type = NFNL_MSG_TYPE(nlh->nlmsg_type);
	const struct nlattr *attr;
	const char *table;

	_Static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 &&
		       NFTA_SET_TABLE == 1 && NFTA_SET_ELEM_LIST_TABLE == 1 && NFTA_OBJ_TABLE == 1 &&
		       NFTA_FLOWTABLE_TABLE == 1, "one number for all");
	if (!ours.known)
		return CHANGE_RULES;
	/* Of every transaction, behind what is in it. */
	if (type == NFT_MSG_NEWGEN)
		return 0;
	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) == NFTA_TABLE_NAME) {
			table = mnl_attr_get_str(attr);
			if (!strcmp(table, ours.table) || !strcmp(table, IPTABLES_TABLE))
				return CHANGE_RULES;
		} else if (type == NFT_MSG_NEWCHAIN && mnl_attr_get_type(attr) == NFTA_CHAIN_HOOK &&
			   is_on_forward(attr)) {
			return CHANGE_RULES;
		}
	}
	return 0;
}
