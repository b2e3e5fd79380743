/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ipc_impl.h - what the ipc*.c files share
 *
 * One request is built, sent and answered at a time, in two buffers that live
 * as long as the program.  A request stays readable until the next is begun.
 */
#ifndef FLCTL_IPC_IMPL_H
#define FLCTL_IPC_IMPL_H

#include <libmnl/libmnl.h>

#include "ipc.h"

/* A request of many leases is sent when it has grown to so many bytes. */
#define IPC_BATCH	32768

struct channel {
	struct mnl_socket *socket;
	unsigned int seq;
};

/* Netlink sockets that stay open; the generic one owns transactions. */
extern struct channel ipc_route;
extern struct channel ipc_generic;

int channel_open(struct channel *ch, int bus);
void channel_close(struct channel *ch);
/* Send @nlh and hand every answer to @handle, which may be NULL. */
int channel_talk(struct channel *ch, struct nlmsghdr *nlh, mnl_cb_t handle,
		 void *data);
/*
 * The same for a dump, on a socket of its own, as long as it is interrupted.
 * @reset forgets what @handle has collected.
 */
int channel_dump(int bus, struct nlmsghdr *nlh, mnl_cb_t handle,
		 void (*reset)(void *data), void *data);

/* Begin the one request. */
struct nlmsghdr *route_request(uint16_t type, uint16_t flags, int ifindex);
struct nlmsghdr *generic_request(uint8_t cmd, uint16_t flags, int ifindex);

/* The members of a nest or a message by type; @table has @max + 1. */
void index_nest(const struct nlattr *nest, const struct nlattr **table,
		unsigned int max);
void index_message(const struct nlmsghdr *nlh, size_t header,
		   const struct nlattr **table, unsigned int max);

/* Values that leave @value alone when the attribute is absent or too short. */
void get_bytes(const struct nlattr *attr, void *value, size_t size);
void get_name(const struct nlattr *attr, char name[IF_NAMESIZE]);
void get_addr(const struct nlattr *v4, const struct nlattr *v6,
	      struct addr *addr);

/* One more element of a list, zeroed; NULL and ENOMEM. */
void *list_grow(void *list, size_t *count, size_t *room, size_t size);

/* @event->cmd is 0 when @nlh is no event. */
void ipc_read_event(const struct nlmsghdr *nlh, struct ipc_event *event);

/* Remember an error of ours; returns -@code. */
int ipc_failed(int code);

#endif /* FLCTL_IPC_IMPL_H */
