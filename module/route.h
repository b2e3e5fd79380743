/* SPDX-License-Identifier: GPL-2.0 */
/*
 * route.h - the underlay route of one packet to a VTEP
 *
 * A value on the sender's stack that owns one reference to the dst.
 */
#ifndef _FLANNEL_ROUTE_H
#define _FLANNEL_ROUTE_H

#include <net/dst.h>

#include "device.h"
#include "path.h"

/**
 * struct flannel_route - where a packet goes and what its outer header says
 * @dst: route, referenced
 * @saddr: outer source address, in the VTEP's family
 * @sport: UDP source port
 * @dsfield: TOS or traffic class before ECN
 */
struct flannel_route {
	struct dst_entry *dst;
	union {
		__be32 saddr4;
		struct in6_addr saddr6;
	};
	__be16 sport;
	u8 dsfield;
};

int flannel_route_look_up(struct flannel_dev *fl, const struct flannel_config *cfg,
			  const struct flannel_socket *fs, const struct flannel_ip *to,
			  struct flannel_route *route);
int flannel_route(struct flannel_dev *fl, const struct flannel_config *cfg,
		  const struct flannel_socket *fs, struct flannel_vtep *vtep,
		  struct flannel_route *route);

#endif /* _FLANNEL_ROUTE_H */
