/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ipc.h - everything asked of the kernel
 *
 * Functions return 0 or a negative errno, and then ipc_error() knows the rest.
 * Lists grow by the pages that the kernel sends; the caller frees them.  Only
 * ipc*.c know netlink.
 */
#ifndef FLCTL_IPC_H
#define FLCTL_IPC_H

#include "flannel.h"
#include "options.h"
#include "parse.h"

/* What the kernel said about the last request that failed. */
struct ipc_error {
	int code;		/* positive errno */
	bool no_module;		/* there is no flannel module */
	uint32_t offset;	/* of the attribute to blame, 0: unknown */
	char text[256];		/* extended acknowledgment, may be empty */
};

struct ipc_link {
	int ifindex;
	char name[IF_NAMESIZE];
	char kind[32];		/* empty when it has none */
	unsigned int flags;	/* IFF_* */
	uint32_t mtu;
	uint8_t operstate;	/* IF_OPER_* */
	int link_netnsid;	/* of the underlay, -1: the same */
	struct link_options options;
};

struct ipc_link_list {
	struct ipc_link *link;
	size_t count, room;
};

/* What link add and link set send; @up: 1 up, 0 down, -1 neither. */
struct ipc_link_request {
	struct link_options options;
	uint32_t mtu;		/* 0: not given */
	int up;
};

/* FLANNEL_A_DEV_*; bit N of @given: attribute N was there. */
struct ipc_dev {
	uint32_t given;
	uint32_t leases4, leases6, vteps;
	uint32_t underlay;
	uint32_t mtu;
	uint32_t vni;
	uint16_t port, port_low, port_high;
	uint8_t index4, index6, ttl, socket4, socket6;
	uint8_t lladdr[6];
};

struct ipc_lease {
	struct lease lease;
	int ifindex;
};

struct ipc_lease_list {
	struct ipc_lease *lease;
	size_t count, room;
};

struct ipc_vtep {
	int ifindex;
	struct addr addr;
	uint8_t lladdr[6];
	uint32_t leases;
	uint64_t tx_packets, tx_bytes, rx_packets, rx_bytes;
};

struct ipc_vtep_list {
	struct ipc_vtep *vtep;
	size_t count, room;
};

struct ipc_stats {
	int ifindex;
	char name[IF_NAMESIZE];
	uint64_t value[FLANNEL_A_STATS_MAX + 1];
};

struct ipc_stats_list {
	struct ipc_stats *stats;
	size_t count, room;
};

/* What became of a table that was replaced. */
struct ipc_replaced {
	uint64_t seq;
	uint32_t added, changed, removed;
};

/* One event; @cmd is FLANNEL_CMD_*_NTF, or 0: events were lost. */
struct ipc_event {
	int cmd;
	int ifindex;
	char name[IF_NAMESIZE];
	struct lease lease;
	struct ipc_replaced table;
};

int ipc_open(void);
void ipc_close(void);
const struct ipc_error *ipc_error(void);

int ipc_link_get(int ifindex, struct ipc_link *link);
int ipc_link_list(struct ipc_link_list *list);
int ipc_link_add(const char *name, const struct ipc_link_request *request);
int ipc_link_set(int ifindex, const struct ipc_link_request *request);
int ipc_link_del(int ifindex);

int ipc_dev_get(int ifindex, struct ipc_dev *dev);

/* @cmd is FLANNEL_CMD_LEASE_ADD, CHANGE, REPLACE or DEL. */
int ipc_lease(int cmd, int ifindex, const struct lease *lease);
int ipc_lease_get(int ifindex, const struct addr *addr, struct lease *lease);
int ipc_lease_flush(int ifindex);
/* All devices when @ifindex is 0, all VTEPs when @vtep is NULL. */
int ipc_lease_list(int ifindex, const struct addr *vtep,
		   struct ipc_lease_list *list);

/*
 * Replace a table: begin, add as often as needed, commit.  Add takes as many
 * of the @count leases, @stride bytes apart, as fit into one message and
 * returns how many; after an error @blame is the one that the kernel named, or
 * @count.
 */
int ipc_table_begin(int ifindex);
int ipc_table_add(int ifindex, const struct lease *lease, size_t stride,
		  size_t count, size_t *blame);
int ipc_table_commit(int ifindex, bool force, struct ipc_replaced *replaced);

int ipc_vtep_list(int ifindex, struct ipc_vtep_list *list);
int ipc_stats_list(int ifindex, struct ipc_stats_list *list);

/*
 * Wait for events until there is something to read from @stop, standard output
 * has no reader any more, or @handle returns non-zero.
 */
int ipc_listen(void);
int ipc_events(int (*handle)(const struct ipc_event *event, void *data),
	       void *data, int stop);

#endif /* FLCTL_IPC_H */
