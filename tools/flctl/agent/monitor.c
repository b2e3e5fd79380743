// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/genetlink.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply.h"
#include "flannel.h"
#include "loop.h"
#include "monitor.h"
#include "relevance.h"

#define GROUP(n)	(1u << ((n) - 1))
/* A burst of route changes is bigger than what a socket holds by default. */
#define RECEIVE_BUFFER	(1 << 20)
/* Messages read in one turn, so that a flood starves nobody. */
#define MESSAGES	64

struct listener {
	struct loop_watch watch;
	struct mnl_socket *socket;
	unsigned int (*kind)(const struct nlmsghdr *nlh);
};

static unsigned int table_kind(const struct nlmsghdr *nlh);

static struct listener routes = { .watch.fd = -1, .kind = relevance_of_route };
static struct listener rules = { .watch.fd = -1, .kind = relevance_of_rules };
static struct listener tables = { .watch.fd = -1, .kind = table_kind };
static bool tables_stale;		/* families have come or gone since */
static struct loop_watch files = { .fd = -1 };
static char file_dir[PATH_MAX], file_name[NAME_MAX + 1];

static void (*tell)(void *data, unsigned int what);
static void *tell_data;

/* The groups of a family go with it. */
static unsigned int table_kind(const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_type == GENL_ID_CTRL)
		tables_stale = true;
	return CHANGE_TABLE;
}

static unsigned int kinds(const struct listener *l, const char *buffer, int len)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buffer;
	unsigned int what = 0;

	while (mnl_nlmsg_ok(nlh, len)) {
		what |= l->kind(nlh);
		nlh = mnl_nlmsg_next(nlh, &len);
	}
	return what;
}

static void netlink_ready(struct loop_watch *watch, uint32_t events)
{
	struct listener *l = container_of(watch, struct listener, watch);
	static char buffer[65536];
	unsigned int what = 0;
	ssize_t len;
	int i;

	(void)events;
	for (i = 0; i < MESSAGES; i++) {
		len = mnl_socket_recvfrom(l->socket, buffer, sizeof(buffer));
		if (len > 0) {
			what |= kinds(l, buffer, len);
		} else if (len < 0 && errno == ENOBUFS) {
			what |= CHANGE_ALL;
			/* That a family went may be among what was lost. */
			tables_stale = true;
		} else {
			break;
		}
	}
	if (what)
		tell(tell_data, what);
}

static void listener_close(struct listener *l)
{
	loop_unwatch(&l->watch);
	if (l->socket)
		mnl_socket_close(l->socket);
	l->socket = NULL;
}

static bool listener_open(struct listener *l, int bus, unsigned int groups)
{
	int size = RECEIVE_BUFFER;

	l->socket = mnl_socket_open2(bus, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (!l->socket)
		return false;
	/* Needs CAP_NET_ADMIN of the initial namespace; a smaller one will do. */
	if (setsockopt(mnl_socket_get_fd(l->socket), SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)))
		setsockopt(mnl_socket_get_fd(l->socket), SOL_SOCKET, SO_RCVBUF, &size,
			   sizeof(size));
	l->watch.ready = netlink_ready;
	if (mnl_socket_bind(l->socket, groups, MNL_SOCKET_AUTOPID) < 0 ||
	    !loop_watch(&l->watch, mnl_socket_get_fd(l->socket), EPOLLIN)) {
		listener_close(l);
		return false;
	}
	return true;
}

static void file_ready(struct loop_watch *watch, uint32_t events)
{
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	const struct inotify_event *event;
	bool ours = false;
	ssize_t len;
	char *at;

	(void)events;
	while ((len = read(watch->fd, buffer, sizeof(buffer))) > 0) {
		for (at = buffer; at < buffer + len; at += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)at;
			if (!event->len || !strcmp(event->name, file_name))
				ours = true;
		}
	}
	if (ours)
		tell(tell_data, CHANGE_FILE);
}

/* Of a directory that is watched already it is no second watch. */
static bool watch_dir(int fd)
{
	const uint32_t mask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
			      IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF;

	return inotify_add_watch(fd, file_dir, mask) >= 0;
}

static bool watch_file(const char *path, struct error *error)
{
	const char *slash = strrchr(path, '/');
	char above[PATH_MAX];
	int fd;

	if (!slash || slash == path || (size_t)(slash - path) >= sizeof(file_dir) ||
	    strlen(slash + 1) >= sizeof(file_name))
		return set_error(error, "%s is not the path of a file in a directory", path);
	memcpy(file_dir, path, slash - path);
	file_dir[slash - path] = '\0';
	strcpy(file_name, slash + 1);
	make_dirs_above(strcpy(above, path));

	fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd < 0 || !watch_dir(fd)) {
		set_error(error, "cannot watch directory %s: %s", file_dir, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	files.ready = file_ready;
	if (loop_watch(&files, fd, EPOLLIN))
		return true;
	close(fd);
	return set_error(error, "cannot watch directory %s", file_dir);
}

void monitor_file(void)
{
	if (files.fd >= 0)
		watch_dir(files.fd);
}

bool monitor_start(void (*changed)(void *data, unsigned int what), void *data,
		   const char *file, struct error *error)
{
	tell = changed;
	tell_data = data;
	if (!listener_open(&routes, NETLINK_ROUTE,
			   GROUP(RTNLGRP_LINK) | GROUP(RTNLGRP_IPV4_IFADDR) |
			   GROUP(RTNLGRP_IPV6_IFADDR) | GROUP(RTNLGRP_IPV4_ROUTE) |
			   GROUP(RTNLGRP_IPV6_ROUTE) | GROUP(RTNLGRP_IPV4_NETCONF) |
			   GROUP(RTNLGRP_IPV6_NETCONF)))
		return set_error(error, "cannot listen to rtnetlink: %s", strerror(errno));
	if (!listener_open(&rules, NETLINK_NETFILTER, GROUP(NFNLGRP_NFTABLES)))
		log_warning("cannot listen to nf_tables (%s): rules are checked now and then only",
			    strerror(errno));
	return watch_file(file, error);
}

/* The number of the group in a CTRL_CMD_GETFAMILY answer. */
static int group_attr(const struct nlattr *attr, void *data)
{
	uint32_t *group = data, id = 0;
	const struct nlattr *item, *part;
	const char *name = "";

	if (mnl_attr_get_type(attr) != CTRL_ATTR_MCAST_GROUPS)
		return MNL_CB_OK;
	mnl_attr_for_each_nested(item, attr) {
		mnl_attr_for_each_nested(part, item) {
			if (mnl_attr_get_type(part) == CTRL_ATTR_MCAST_GRP_ID)
				id = mnl_attr_get_u32(part);
			else if (mnl_attr_get_type(part) == CTRL_ATTR_MCAST_GRP_NAME)
				name = mnl_attr_get_str(part);
		}
		if (!strcmp(name, FLANNEL_MCGRP_TABLE))
			*group = id;
	}
	return MNL_CB_OK;
}

static int family_message(const struct nlmsghdr *nlh, void *data)
{
	return mnl_attr_parse(nlh, sizeof(struct genlmsghdr), group_attr, data);
}

static uint32_t find_group(struct mnl_socket *socket)
{
	char buffer[8192];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *genl;
	uint32_t group = 0;
	ssize_t len;

	nlh->nlmsg_type = GENL_ID_CTRL;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = CTRL_CMD_GETFAMILY;
	genl->version = 1;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, FLANNEL_GENL_NAME);
	if (mnl_socket_sendto(socket, nlh, nlh->nlmsg_len) < 0)
		return 0;
	/* An answer of the kernel is there at once. */
	while ((len = mnl_socket_recvfrom(socket, buffer, sizeof(buffer))) > 0)
		if (mnl_cb_run(buffer, len, 0, 0, family_message, &group) <= MNL_CB_STOP)
			break;
	return group;
}

static bool join(struct mnl_socket *socket, uint32_t group)
{
	return group && !mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group,
					       sizeof(group));
}

bool monitor_tables(bool *anew)
{
	const uint32_t families = GENL_ID_CTRL;		/* its group "notify" */

	if (tables.socket && !tables_stale)
		return true;
	listener_close(&tables);
	if (!listener_open(&tables, NETLINK_GENERIC, 0))
		return false;
	if (join(tables.socket, find_group(tables.socket)) && join(tables.socket, families)) {
		tables_stale = false;
		*anew = true;
		return true;
	}
	listener_close(&tables);
	return false;
}

void monitor_stop(void)
{
	int fd = files.fd;

	relevance_forget();
	listener_close(&routes);
	listener_close(&rules);
	listener_close(&tables);
	loop_unwatch(&files);
	if (fd >= 0)
		close(fd);
}
