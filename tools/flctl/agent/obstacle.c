// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apply_impl.h"
#include "flanneld.h"
#include "obstacle.h"
#include "stock.h"

static bool is_up(const struct fact_link *link)
{
	return link && link->flags & IFF_UP;
}

/* --- the network --- */

static bool is_flanneld_s(const struct obstacle_input *in, struct error *error)
{
	struct stock_links links;
	struct flanneld_us us = {
		.etcd = in->etcd, .subnet_file = in->subnet_file, .facts = in->facts,
		.network4 = in->config->v4.network, .network6 = in->config->v6.network,
	};

	stock_find_links(in->config, in->facts, &links, NULL);
	us.links[0] = links.v4;
	us.links[1] = links.v6;
	return flanneld_find(&us, error);
}

/* --- names --- */

/* One that the exchange needs for a moment. */
static bool check_temporary(const struct obstacle_input *in, char sign, const char *kind,
			    struct error *error)
{
	const struct fact_link *link;
	char name[IF_NAMESIZE];

	stock_temporary_name(in->config, sign, name);
	link = facts_link(in->facts, name);
	return !link || stock_is_leftover(in->config, link, kind) ||
	       set_error(error, "device %s is of kind %s and somebody else's: its name is needed for the take-over",
			 name, *link->kind ? link->kind : "NIC");
}

static bool check_names(const struct obstacle_input *in, struct stock_links *links,
			struct error *error)
{
	char name[IF_NAMESIZE];

	if (in->takeover && !stock_find_links(in->config, in->facts, links, error))
		return false;
	plan_device_name(in->config, name);
	if (!links->v4 && name_displaced(name, in->facts, error))
		return false;
	return !(links->v4 || links->v6) ||
	       (check_temporary(in, '+', FLANNEL_LINK_KIND, error) &&
		check_temporary(in, '-', "vxlan", error));
}

/* --- the port --- */

/* Ours share one, whatever network they are of. */
static bool have_port(const struct obstacle_input *in)
{
	const struct fact_link *link;
	size_t i;

	for (i = 0; i < in->facts->link_count; i++) {
		link = &in->facts->links[i];
		if (!strcmp(link->kind, FLANNEL_LINK_KIND) && is_up(link) &&
		    ntohs(link->flannel.dstport) == in->config->port)
			return true;
	}
	return false;
}

static const struct fact_link *find_vxlan(const struct obstacle_input *in,
					  const struct stock_links *links)
{
	const struct fact_link *link;
	size_t i;

	for (i = 0; i < in->facts->link_count; i++) {
		link = &in->facts->links[i];
		if (link != links->v4 && link != links->v6 && !strcmp(link->kind, "vxlan") &&
		    link->vxlan.port == in->config->port && is_up(link))
			return link;
	}
	return NULL;
}

static bool refuse_vxlan(const struct fact_link *link, struct error *error)
{
	return set_error(error, "UDP port %u is in use by the vxlan device %s (VNI %u), too: our device could not be brought up",
			 link->vxlan.port, link->name, link->vxlan.vni);
}

/* In a VRF the driver has its socket there, where other sockets do not matter. */
static void bind_to_vrf(const struct obstacle_input *in, int fd)
{
	char path[64], target[256] = "", *name;
	const struct fact_link *master;

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/master", in->underlay);
	if (readlink(path, target, sizeof(target) - 1) < 0)
		return;
	name = strrchr(target, '/');
	master = name ? facts_link(in->facts, name + 1) : NULL;
	if (master && !strcmp(master->kind, "vrf"))
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, master->name,
			   strlen(master->name) + 1);
}

/* A socket of the driver is for each family on its own. */
static bool is_free(const struct obstacle_input *in, uint8_t family)
{
	struct sockaddr_in6 in6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(in->config->port),
	};
	struct sockaddr_in in4 = {
		.sin_family = AF_INET, .sin_port = htons(in->config->port),
	};
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1, ret;

	/* Without IPv6 the driver has no such socket either. */
	if (fd < 0)
		return true;
	bind_to_vrf(in, fd);
	if (family == AF_INET6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		ret = bind(fd, (struct sockaddr *)&in6, sizeof(in6));
	} else {
		ret = bind(fd, (struct sockaddr *)&in4, sizeof(in4));
	}
	ret = ret ? errno : 0;
	close(fd);
	return ret != EADDRINUSE;
}

static bool check_family(const struct obstacle_input *in, const struct stock_links *links,
			 uint8_t family, struct error *error)
{
	const struct fact_link *vxlan;

	/* Where a vxlan device of theirs has the port, nobody else can have it. */
	if (is_up(family == AF_INET ? links->v4 : links->v6) || is_free(in, family))
		return true;
	vxlan = find_vxlan(in, links);
	return vxlan ? refuse_vxlan(vxlan, error) :
		set_error(error, "UDP port %u of IPv%c is in use by another socket: our device could not be brought up",
			  in->config->port, family == AF_INET ? '4' : '6');
}

static bool check_port(const struct obstacle_input *in, const struct stock_links *links,
		       struct error *error)
{
	const struct fact_link *vxlan;

	if (have_port(in))
		return true;
	/* Sockets of vxlan devices are shared, so others hold the port of theirs as well. */
	vxlan = is_up(links->v4) || is_up(links->v6) ? find_vxlan(in, links) : NULL;
	if (vxlan)
		return refuse_vxlan(vxlan, error);
	return check_family(in, links, AF_INET, error) && check_family(in, links, AF_INET6, error);
}

/* --- the module --- */

/* Anew each time: somebody may have loaded it, or unloaded the one that was there. */
static bool check_module(const struct obstacle_input *in, struct error *error)
{
	return in->dry || apply_open(true, error);
}

enum obstacle obstacle_find(const struct obstacle_input *in, struct error *error)
{
	struct stock_links links = { 0 };

	if (is_flanneld_s(in, error)) {
		if (!in->dry)
			return OBSTACLE_FLANNELD;
		log_warning("%s", error->text);
	}
	if (in->config->backend != BACKEND_VXLAN || in->leaves)
		return OBSTACLE_NONE;
	if (!check_names(in, &links, error))
		return OBSTACLE_DEVICE;
	if (!check_port(in, &links, error))
		return OBSTACLE_PORT;
	return check_module(in, error) ? OBSTACLE_NONE : OBSTACLE_MODULE;
}
