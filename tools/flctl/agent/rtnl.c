// SPDX-License-Identifier: GPL-2.0
/* Requests of rtnetlink that flctl itself has no use for. */

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

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

/* --- several at once --- */

/* Answers to so many bytes of requests fit a socket, even when all fail. */
#define BATCH_CHUNK	8192

static struct {
	char *bytes;
	size_t len, room;
	bool collecting, failed;
} batch;

static int collect(struct nlmsghdr *nlh)
{
	size_t len = NLMSG_ALIGN(nlh->nlmsg_len), room = 2 * batch.room + BATCH_CHUNK;
	char *grown;

	if (batch.len + len > batch.room) {
		grown = realloc(batch.bytes, room);
		if (!grown) {
			batch.failed = true;
			return ipc_failed(ENOMEM);
		}
		batch.bytes = grown;
		batch.room = room;
	}
	/* Errors come without being asked for, and the last one asks. */
	nlh->nlmsg_flags &= ~NLM_F_ACK;
	memset(batch.bytes + batch.len, 0, len);
	memcpy(batch.bytes + batch.len, nlh, nlh->nlmsg_len);
	batch.len += len;
	return 0;
}

void rtnl_batch_begin(void)
{
	batch.len = 0;
	batch.failed = false;
	batch.collecting = true;
}

/* Number the requests of a chunk from @at on; returns its end. */
static size_t close_chunk(size_t at)
{
	struct nlmsghdr *nlh = NULL;
	size_t end = at;

	while (end < batch.len) {
		struct nlmsghdr *next = (void *)(batch.bytes + end);

		if (nlh && end + NLMSG_ALIGN(next->nlmsg_len) - at > BATCH_CHUNK)
			break;
		nlh = next;
		nlh->nlmsg_seq = ++channel.seq;
		end += NLMSG_ALIGN(nlh->nlmsg_len);
	}
	nlh->nlmsg_flags |= NLM_F_ACK;
	return end;
}

/* The first error of @len bytes of answers; @done: the last one has come. */
static int first_error(const char *answers, ssize_t len, bool *done)
{
	const struct nlmsghdr *nlh = (const void *)answers;
	const struct nlmsgerr *error;
	int left = len, first = 0;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		error = mnl_nlmsg_get_payload(nlh);
		if (nlh->nlmsg_type != NLMSG_ERROR)
			continue;
		*done |= nlh->nlmsg_seq == channel.seq;
		if (!first)
			first = error->error;
	}
	return first;
}

static int send_chunk(size_t at, size_t end)
{
	static _Alignas(8) char answers[BATCH_CHUNK];
	int ret, first = 0;
	bool done = false;
	ssize_t len;

	if (mnl_socket_sendto(channel.socket, batch.bytes + at, end - at) < 0)
		return -errno;
	while (!done) {
		len = mnl_socket_recvfrom(channel.socket, answers, sizeof(answers));
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0) {
			ret = -errno;
			channel_close(&channel);
			return ret;
		}
		ret = first_error(answers, len, &done);
		if (!first)
			first = ret;
	}
	return first;
}

int rtnl_batch_send(void)
{
	int ret = batch.failed ? -ENOMEM : 0, first = 0;
	size_t at = 0, end;

	batch.collecting = false;
	if (!ret && !channel.socket)
		ret = channel_open(&channel, NETLINK_ROUTE);
	while (!ret && at < batch.len) {
		end = close_chunk(at);
		ret = send_chunk(at, end);
		first = first ?: ret;
		ret = 0;
		if (!channel.socket)
			break;
		at = end;
	}
	ret = ret ?: first;
	return ret ? ipc_failed(-ret) : 0;
}

static int talk(struct nlmsghdr *nlh)
{
	int ret = channel.socket ? 0 : channel_open(&channel, NETLINK_ROUTE);

	if (batch.collecting)
		return collect(nlh);
	return ret ? ret : channel_talk(&channel, nlh, NULL, NULL);
}

void rtnl_close(void)
{
	channel_close(&channel);
	free(batch.bytes);
	memset(&batch, 0, sizeof(batch));
}

/* --- requests --- */

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

int rtnl_neigh_add(const void *info, size_t len)
{
	struct nlmsghdr *nlh = begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);

	if (len > sizeof(request) - NLMSG_HDRLEN)
		return ipc_failed(EMSGSIZE);
	memcpy(mnl_nlmsg_put_extra_header(nlh, len), info, len);
	return talk(nlh);
}

static struct nlmsghdr *begin_link(uint16_t type, int ifindex)
{
	struct nlmsghdr *nlh = begin(type, 0);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(nlh, sizeof(*header));

	header->ifi_family = AF_UNSPEC;
	header->ifi_index = ifindex;
	return nlh;
}

int rtnl_link_rename(int ifindex, const char *name, bool up)
{
	struct nlmsghdr *nlh = begin_link(RTM_NEWLINK, ifindex);
	struct ifinfomsg *header = mnl_nlmsg_get_payload(nlh);

	if (up)
		header->ifi_flags = header->ifi_change = IFF_UP;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	return talk(nlh);
}

int rtnl_link_down(int ifindex)
{
	struct nlmsghdr *nlh = begin_link(RTM_NEWLINK, ifindex);
	struct ifinfomsg *header = mnl_nlmsg_get_payload(nlh);

	header->ifi_change = IFF_UP;
	return talk(nlh);
}

int rtnl_link_del(int ifindex)
{
	return talk(begin_link(RTM_DELLINK, ifindex));
}
