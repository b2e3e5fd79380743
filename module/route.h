/* SPDX-License-Identifier: GPL-2.0 */
/*
 * route.h - the underlay route of one packet to a VTEP
 *
 * Found by routing or kept with the VTEP.  It owns one reference to the dst,
 * unless that is the path's.
 */
#ifndef _FLANNEL_ROUTE_H
#define _FLANNEL_ROUTE_H

#include <net/dst.h>

#include "device.h"
#include "path.h"

static inline void flannel_route_put(const struct flannel_route *route)
{
	if (!route->noref)
		dst_release(route->dst);
}

int flannel_route_look_up(struct flannel_dev *fl, const struct flannel_config *cfg,
			  const struct flannel_socket *fs, const struct flannel_ip *to,
			  struct flannel_route *route);
int flannel_route(struct flannel_dev *fl, const struct flannel_config *cfg,
		  const struct flannel_socket *fs, struct flannel_vtep *vtep,
		  struct flannel_route *route);

#endif /* _FLANNEL_ROUTE_H */
