// SPDX-License-Identifier: GPL-2.0
/* The overlay device. */

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "plan_impl.h"

/* Least MTU that the device takes, and most of any packet. */
#define MTU_MIN		1280
#define MTU_MAX		65535
/* The name must fit IF_NAMESIZE. */
#define VNI_MAX		9999999
/* RFC 791: an IPv4 host takes 68 bytes at least. */
#define POD_MTU_MIN	68

/* Stock flannel takes 50 off also where the underlay is IPv6. */
uint32_t plan_pod_mtu(const struct plan_input *in)
{
	if (in->config->backend != BACKEND_VXLAN)
		return in->iface->mtu;
	return (in->config->mtu ?: in->iface->mtu) - FLANNEL_OVERHEAD4;
}

static uint32_t device_mtu(struct work *work)
{
	uint32_t wanted = work->in->config->mtu, lower = work->in->iface->mtu, mtu;

	if (wanted > lower)
		plan_notice(work, "MTU %u of the configuration does not fit %s, which has %u",
			    wanted, work->in->iface->name, lower);
	mtu = wanted && wanted < lower ? wanted : lower;
	mtu = (mtu < MTU_MAX ? mtu : MTU_MAX) - FLANNEL_OVERHEAD4;
	if (mtu >= MTU_MIN)
		return mtu;
	plan_notice(work, "the device has an MTU of %u, its least, and not %u: what %s does not carry whole is fragmented",
		    MTU_MIN, mtu, work->in->iface->name);
	return MTU_MIN;
}

/* Zeros where the family is not planned. */
static const uint8_t *local_of(const struct plan_family *family)
{
	static const struct addr none;

	return family->network.addr.family ? family->bind.bytes : none.bytes;
}

static void give(struct link_options *options, unsigned int attr, const void *value, size_t size)
{
	options_set_attr(options, attr, value, size);
}

static void set_options(const struct work *work, struct link_options *options)
{
	const struct plan_family *v4 = &work->family[0], *v6 = &work->family[1];
	const struct plan_input *in = work->in;
	uint16_t port = htons(in->config->port);
	uint8_t untrack = in->options->untrack;

	give(options, IFLA_FLANNEL_ID, &in->config->vni, 4);
	give(options, IFLA_FLANNEL_PORT, &port, 2);
	give(options, IFLA_FLANNEL_LOCAL, local_of(v4), 4);
	give(options, IFLA_FLANNEL_LOCAL6, local_of(v6), 16);
	give(options, IFLA_FLANNEL_DEV, in->iface->name, strlen(in->iface->name) + 1);
	give(options, IFLA_FLANNEL_LLADDR, in->mac, 6);
	give(options, IFLA_FLANNEL_NETWORK, v4->network.addr.bytes, 4);
	give(options, IFLA_FLANNEL_NETWORK_LEN, &v4->network.len, 1);
	give(options, IFLA_FLANNEL_NETWORK6, v6->network.addr.bytes, 16);
	give(options, IFLA_FLANNEL_NETWORK6_LEN, &v6->network.len, 1);
	give(options, IFLA_FLANNEL_SRCCHECK, &in->options->srccheck, 1);
	give(options, IFLA_FLANNEL_UNTRACK, &untrack, 1);
}

static void set_addr(const struct prefix *subnet, struct prefix *addr)
{
	if (!subnet->addr.family)
		return;
	addr->addr = subnet->addr;
	addr->len = 8 * addr_size(subnet->addr.family);
}

static bool check_mac(const uint8_t mac[6], struct error *error)
{
	static const uint8_t zero[6];
	char text[MAC_TEXT];

	if (!(mac[0] & 1) && memcmp(mac, zero, sizeof(zero)))
		return true;
	return set_error(error, "our own MAC %s is not a unicast MAC", format_mac(mac, text));
}

void plan_device_name(const struct net_config *config, char name[IF_NAMESIZE])
{
	snprintf(name, IF_NAMESIZE, "flannel.%u", config->vni);
}

bool plan_device(struct work *work, struct error *error)
{
	const struct net_config *config = work->in->config;
	struct plan_device *device = &work->plan->device;
	uint32_t mtu = config->mtu ?: work->in->iface->mtu;

	device->network4 = work->family[0].network;
	device->network6 = work->family[1].network;
	if (config->backend != BACKEND_VXLAN)
		return true;
	if (config->vni > VNI_MAX)
		return set_error(error,
				 "VNI %u makes the name of the device too long: %u is the greatest",
				 config->vni, VNI_MAX);
	if (mtu < FLANNEL_OVERHEAD4 + POD_MTU_MIN ||
	    work->in->iface->mtu < FLANNEL_OVERHEAD4 + POD_MTU_MIN)
		return set_error(error, "MTU %u is too small: %u is the least", mtu,
				 FLANNEL_OVERHEAD4 + POD_MTU_MIN);
	if (!check_mac(work->in->mac, error))
		return false;
	plan_device_name(config, device->name);
	set_options(work, &device->options);
	device->mtu = device_mtu(work);
	set_addr(&work->family[0].subnet, &device->addr4);
	set_addr(&work->family[1].subnet, &device->addr6);
	return true;
}
