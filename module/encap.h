/* SPDX-License-Identifier: GPL-2.0 */
/*
 * encap.h - from an inner packet to the underlay's output path
 *
 * Knows the headers and what offloads need; which VTEP, route and limits a packet
 * has was decided before.
 */
#ifndef _FLANNEL_ENCAP_H
#define _FLANNEL_ENCAP_H

#include "route.h"
#include "socket.h"

/**
 * struct flannel_outer - what becomes of a packet outside
 * @cfg: options of the device
 * @fs: its socket of the VTEP's family
 * @vtep: VTEP
 * @route: route there
 * @tos: TOS or traffic class
 * @df: 0 or htons(IP_DF)
 * @fragment: it is too big for the path and may be fragmented
 *
 * A value on the sender's stack.
 */
struct flannel_outer {
	const struct flannel_config *cfg;
	const struct flannel_socket *fs;
	struct flannel_vtep *vtep;
	struct flannel_route route;
	u8 tos;
	__be16 df;
	bool fragment;
};

int flannel_encap(struct flannel_dev *fl, const struct flannel_outer *outer,
		  struct sk_buff *skb);

#endif /* _FLANNEL_ENCAP_H */
