// SPDX-License-Identifier: GPL-2.0
/* Netlink sockets, requests, answers and errors. */

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc_impl.h"

#ifndef NETLINK_EXT_ACK
#define NETLINK_EXT_ACK	11
#endif

/* The kernel fills at most 32 KiB per page of a dump. */
#define ANSWER_ROOM	65536
#define DUMP_TRIES	10
/* About 20,000 events between two looks at the socket. */
#define EVENT_ROOM	(16 << 20)

struct channel ipc_route;
struct channel ipc_generic;

static uint16_t family_id;
static uint32_t table_group;
static struct ipc_error last_error;
static _Alignas(8) char request[IPC_BATCH + 4096];
static _Alignas(8) char answer[ANSWER_ROOM];

const struct ipc_error *ipc_error(void)
{
	return &last_error;
}

int ipc_failed(int code)
{
	memset(&last_error, 0, sizeof(last_error));
	last_error.code = code;
	return -code;
}

void *list_grow(void *list, size_t *count, size_t *room, size_t size)
{
	size_t want = *room ? *room * 2 : 64;

	if (*count == *room) {
		list = reallocarray(list, want, size);
		if (!list)
			return NULL;
		*room = want;
	}
	memset((char *)list + *count * size, 0, size);
	(*count)++;
	return list;
}

void index_nest(const struct nlattr *nest, const struct nlattr **table,
		unsigned int max)
{
	const struct nlattr *attr;

	memset(table, 0, (max + 1) * sizeof(*table));
	if (!nest)
		return;
	mnl_attr_for_each_nested(attr, nest)
		if (mnl_attr_get_type(attr) <= max)
			table[mnl_attr_get_type(attr)] = attr;
}

void index_message(const struct nlmsghdr *nlh, size_t header,
		   const struct nlattr **table, unsigned int max)
{
	const struct nlattr *attr;

	memset(table, 0, (max + 1) * sizeof(*table));
	mnl_attr_for_each(attr, nlh, header)
		if (mnl_attr_get_type(attr) <= max)
			table[mnl_attr_get_type(attr)] = attr;
}

void get_bytes(const struct nlattr *attr, void *value, size_t size)
{
	if (attr && mnl_attr_get_payload_len(attr) >= size)
		memcpy(value, mnl_attr_get_payload(attr), size);
}

void get_name(const struct nlattr *attr, char name[IF_NAMESIZE])
{
	size_t len;

	if (!attr)
		return;
	len = strnlen(mnl_attr_get_payload(attr),
		      mnl_attr_get_payload_len(attr));
	if (len >= IF_NAMESIZE)
		len = IF_NAMESIZE - 1;
	memset(name, 0, IF_NAMESIZE);
	memcpy(name, mnl_attr_get_payload(attr), len);
}

void get_addr(const struct nlattr *v4, const struct nlattr *v6,
	      struct addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (v4 && mnl_attr_get_payload_len(v4) >= 4) {
		addr->family = AF_INET;
		get_bytes(v4, addr->bytes, 4);
	} else if (v6 && mnl_attr_get_payload_len(v6) >= 16) {
		addr->family = AF_INET6;
		get_bytes(v6, addr->bytes, 16);
	}
}

/* The TLVs that follow @skip bytes of @nlh. */
static void read_extack(const struct nlmsghdr *nlh, size_t skip)
{
	const struct nlattr *attr;
	size_t len;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	mnl_attr_for_each(attr, nlh, skip) {
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_OFFS)
			get_bytes(attr, &last_error.offset,
				  sizeof(last_error.offset));
		if (mnl_attr_get_type(attr) != NLMSGERR_ATTR_MSG)
			continue;
		len = mnl_attr_get_payload_len(attr);
		if (len >= sizeof(last_error.text))
			len = sizeof(last_error.text) - 1;
		memcpy(last_error.text, mnl_attr_get_payload(attr), len);
		/* The kernel ends it by NUL and may pad it with blanks before. */
		while (len && (!last_error.text[len - 1] || last_error.text[len - 1] == ' '))
			len--;
		last_error.text[len] = '\0';
	}
}

static int on_error(const struct nlmsghdr *nlh, void *data)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(nlh);
	size_t skip = sizeof(*error);

	(void)data;
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*error)) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	if (!error->error)
		return MNL_CB_STOP;
	ipc_failed(-error->error);
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += error->msg.nlmsg_len - sizeof(error->msg);
	read_extack(nlh, MNL_ALIGN(skip));
	errno = -error->error;
	return MNL_CB_ERROR;
}

/* A dump that failed in the middle says so in its last message. */
static int on_done(const struct nlmsghdr *nlh, void *data)
{
	int error = 0;

	(void)data;
	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(error))
		memcpy(&error, mnl_nlmsg_get_payload(nlh), sizeof(error));
	if (error >= 0)
		return MNL_CB_STOP;
	ipc_failed(-error);
	read_extack(nlh, sizeof(error));
	errno = -error;
	return MNL_CB_ERROR;
}

static mnl_cb_t control[NLMSG_MIN_TYPE] = {
	[NLMSG_ERROR] = on_error,
	[NLMSG_DONE] = on_done,
};

int channel_open(struct channel *ch, int bus)
{
	int on = 1, room = 4 * IPC_BATCH;

	ch->socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!ch->socket)
		return ipc_failed(errno);
	if (mnl_socket_bind(ch->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		ipc_failed(errno);
		channel_close(ch);
		return -last_error.code;
	}
	/* Nothing depends on these but the quality of messages and speed. */
	mnl_socket_setsockopt(ch->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(ch->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(mnl_socket_get_fd(ch->socket), SOL_SOCKET, SO_SNDBUF, &room,
		   sizeof(room));
	return 0;
}

void channel_close(struct channel *ch)
{
	if (ch->socket)
		mnl_socket_close(ch->socket);
	ch->socket = NULL;
}

static int receive(struct channel *ch, mnl_cb_t handle, void *data)
{
	ssize_t len;
	int ret;

	do {
		len = mnl_socket_recvfrom(ch->socket, answer, sizeof(answer));
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return ipc_failed(errno);
		ipc_failed(0);
		ret = mnl_cb_run2(answer, len, ch->seq,
				  mnl_socket_get_portid(ch->socket), handle,
				  data, control, ARRAY_SIZE(control));
		if (ret < 0)
			return last_error.code ? -last_error.code :
						 ipc_failed(errno);
	} while (len < 0 || ret > MNL_CB_STOP);
	return 0;
}

int channel_talk(struct channel *ch, struct nlmsghdr *nlh, mnl_cb_t handle,
		 void *data)
{
	if (!ch->socket)
		return ipc_failed(EBADF);
	nlh->nlmsg_seq = ++ch->seq;
	if (mnl_socket_sendto(ch->socket, nlh, nlh->nlmsg_len) < 0)
		return ipc_failed(errno);
	return receive(ch, handle, data);
}

int channel_dump(int bus, struct nlmsghdr *nlh, mnl_cb_t handle,
		 void (*reset)(void *data), void *data)
{
	int ret = -EINTR, tries;

	for (tries = 0; tries < DUMP_TRIES; tries++) {
		struct channel ch = { 0 };

		ret = channel_open(&ch, bus);
		if (ret)
			return ret;
		reset(data);
		ret = channel_talk(&ch, nlh, handle, data);
		channel_close(&ch);
		if (ret != -EINTR && ret != -ENOBUFS)
			break;
	}
	return ret;
}

struct nlmsghdr *route_request(uint16_t type, uint16_t flags, int ifindex)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(request);
	struct ifinfomsg *info;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	info->ifi_index = ifindex;
	return nlh;
}

static struct nlmsghdr *genl_request(uint16_t type, uint8_t cmd,
				     uint8_t version, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(request);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = version;
	return nlh;
}

struct nlmsghdr *generic_request(uint8_t cmd, uint16_t flags, int ifindex)
{
	struct nlmsghdr *nlh = genl_request(family_id, cmd,
					    FLANNEL_GENL_VERSION, flags);

	if (ifindex)
		mnl_attr_put_u32(nlh, FLANNEL_A_IFINDEX, ifindex);
	return nlh;
}

static void read_group(const struct nlattr *group)
{
	const struct nlattr *tb[CTRL_ATTR_MCAST_GRP_MAX + 1];

	index_nest(group, tb, CTRL_ATTR_MCAST_GRP_MAX);
	if (!tb[CTRL_ATTR_MCAST_GRP_NAME] || !tb[CTRL_ATTR_MCAST_GRP_ID])
		return;
	if (!strcmp(mnl_attr_get_str(tb[CTRL_ATTR_MCAST_GRP_NAME]),
		    FLANNEL_MCGRP_TABLE))
		get_bytes(tb[CTRL_ATTR_MCAST_GRP_ID], &table_group,
			  sizeof(table_group));
}

static int on_family(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[CTRL_ATTR_MAX + 1];
	const struct nlattr *group;

	(void)data;
	index_message(nlh, sizeof(struct genlmsghdr), tb, CTRL_ATTR_MAX);
	get_bytes(tb[CTRL_ATTR_FAMILY_ID], &family_id, sizeof(family_id));
	if (tb[CTRL_ATTR_MCAST_GROUPS])
		mnl_attr_for_each_nested(group, tb[CTRL_ATTR_MCAST_GROUPS])
			read_group(group);
	return MNL_CB_OK;
}

/* Asking for the family loads the module, where modules load by themselves. */
static int resolve_family(void)
{
	struct nlmsghdr *nlh = genl_request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1,
					    NLM_F_ACK);
	int ret;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, FLANNEL_GENL_NAME);
	ret = channel_talk(&ipc_generic, nlh, on_family, NULL);
	if (ret == -ENOENT)
		last_error.no_module = true;
	return ret;
}

int ipc_open(void)
{
	int ret = channel_open(&ipc_route, NETLINK_ROUTE);

	if (!ret)
		ret = channel_open(&ipc_generic, NETLINK_GENERIC);
	if (!ret)
		ret = resolve_family();
	if (ret)
		ipc_close();
	return ret;
}

void ipc_close(void)
{
	channel_close(&ipc_generic);
	channel_close(&ipc_route);
}

int ipc_listen(void)
{
	int ret, room = EVENT_ROOM;

	/* Only root may have that much; anyone else has what there is. */
	if (setsockopt(mnl_socket_get_fd(ipc_generic.socket), SOL_SOCKET,
		       SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		setsockopt(mnl_socket_get_fd(ipc_generic.socket), SOL_SOCKET,
			   SO_RCVBUF, &room, sizeof(room));
	ret = mnl_socket_setsockopt(ipc_generic.socket, NETLINK_ADD_MEMBERSHIP,
				    &table_group, sizeof(table_group));
	return ret < 0 ? ipc_failed(errno) : 0;
}

/* 1: there is something to read, 0: the end has come. */
static int wait_event(int stop)
{
	struct pollfd fds[] = {
		{ .fd = mnl_socket_get_fd(ipc_generic.socket), .events = POLLIN },
		{ .fd = stop, .events = POLLIN },
		{ .fd = STDOUT_FILENO },
	};

	while (poll(fds, ARRAY_SIZE(fds), -1) < 0)
		if (errno != EINTR)
			return ipc_failed(errno);
	return !fds[1].revents && !fds[2].revents;
}

struct event_handler {
	int (*handle)(const struct ipc_event *event, void *data);
	void *data;
	int ret;
};

static int on_event(const struct nlmsghdr *nlh, void *data)
{
	struct event_handler *handler = data;
	struct ipc_event event;

	if (nlh->nlmsg_type != family_id)
		return MNL_CB_OK;
	ipc_read_event(nlh, &event);
	if (event.cmd)
		handler->ret = handler->handle(&event, handler->data);
	return handler->ret ? MNL_CB_STOP : MNL_CB_OK;
}

/*
 * What is queued is older than the list that will make good what is lost, and
 * must not be taken for news behind it.  More than fits the queue is news.
 */
static void drop_queued(void)
{
	int fd = mnl_socket_get_fd(ipc_generic.socket);
	int i;

	for (i = 0; i < EVENT_ROOM / 256; i++)
		if (recv(fd, answer, sizeof(answer), MSG_DONTWAIT) < 0 &&
		    errno != ENOBUFS)
			break;
}

static int receive_event(struct event_handler *handler)
{
	static const struct ipc_event lost;
	ssize_t len = mnl_socket_recvfrom(ipc_generic.socket, answer,
					  sizeof(answer));

	if (len < 0 && errno == ENOBUFS) {
		drop_queued();
		handler->ret = handler->handle(&lost, handler->data);
		return 0;
	}
	if (len < 0)
		return errno == EINTR ? 0 : ipc_failed(errno);
	if (mnl_cb_run(answer, len, 0, 0, on_event, handler) < 0)
		return ipc_failed(errno);
	return 0;
}

int ipc_events(int (*handle)(const struct ipc_event *event, void *data),
	       void *data, int stop)
{
	struct event_handler handler = { .handle = handle, .data = data };
	int ret;

	do {
		ret = wait_event(stop);
		if (ret > 0)
			ret = receive_event(&handler) ?: 1;
	} while (ret > 0 && !handler.ret);
	return ret < 0 ? ret : 0;
}
