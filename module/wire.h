/* SPDX-License-Identifier: GPL-2.0 */
/*
 * wire.h - what stands between the outer UDP header and the inner IP header
 *
 * RFC 7348: VXLAN header, then an Ethernet header without a VLAN tag.
 */
#ifndef _FLANNEL_WIRE_H
#define _FLANNEL_WIRE_H

#include <linux/build_bug.h>
#include <linux/if_ether.h>
#include <linux/types.h>
#include <linux/udp.h>
#include <uapi/flannel.h>

/* The only flag that is set: the VNI is valid. */
#define FLANNEL_VXLAN_FLAGS	htonl(0x08000000)
/* Reserved byte of the VNI word. */
#define FLANNEL_VNI_RESERVED	htonl(0x000000ff)

/**
 * struct flannel_vxlan - VXLAN header
 * @flags: FLANNEL_VXLAN_FLAGS
 * @vni: VNI << 8
 */
struct flannel_vxlan {
	__be32 flags;
	__be32 vni;
};

static inline bool flannel_vxlan_is_valid(const struct flannel_vxlan *vxlan)
{
	return vxlan->flags == FLANNEL_VXLAN_FLAGS && !(vxlan->vni & FLANNEL_VNI_RESERVED);
}

/**
 * struct flannel_frame - VXLAN and inner Ethernet header
 */
struct flannel_frame {
	struct flannel_vxlan vxlan;
	struct ethhdr eth;
} __packed;

static_assert(sizeof(struct flannel_frame) == 22);
static_assert(FLANNEL_OVERHEAD4 == 20 + sizeof(struct udphdr) + sizeof(struct flannel_frame));
static_assert(FLANNEL_OVERHEAD6 == 40 + sizeof(struct udphdr) + sizeof(struct flannel_frame));

#endif /* _FLANNEL_WIRE_H */
