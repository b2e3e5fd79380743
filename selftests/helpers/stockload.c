// SPDX-License-Identifier: GPL-2.0
/*
 * stockload - the peers of a node as stock flannel keeps them, many at a time
 *
 *	stockload vxlan DEV NODES	a route, a neighbour and an FDB entry for each
 *	stockload host-gw DEV NODES	a route for each
 *
 * Node i, from 1, has the subnet 10.0.0.0/24 + i * 256, the underlay address
 * 172.16.0.10 + i and the MAC 02:00 + i. Messages go out in batches and ask for no
 * acknowledgement: an error is still told, and ends the program.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH	32768
#define ROOM	512		/* for one message */

static struct mnl_socket *sock;
static char buffer[BATCH + ROOM];
static size_t used;
static unsigned int device;

static void die(const char *what)
{
	fprintf(stderr, "stockload: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Whatever the kernel had to say of what was sent is an error. */
static void hear(void)
{
	char answer[8192];
	ssize_t len = recv(mnl_socket_get_fd(sock), answer, sizeof(answer), MSG_DONTWAIT);
	const struct nlmsghdr *header = (void *)answer;
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);

	if (len < 0)
		return;
	errno = header->nlmsg_type == NLMSG_ERROR ? -error->error : EPROTO;
	die("refused");
}

static void flush(void)
{
	if (used && mnl_socket_sendto(sock, buffer, used) < 0)
		die("send");
	used = 0;
	hear();
}

static struct nlmsghdr *begin(uint16_t type, uint16_t flags)
{
	struct nlmsghdr *header;

	if (used > BATCH)
		flush();
	header = mnl_nlmsg_put_header(buffer + used);
	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	return header;
}

static void end(const struct nlmsghdr *header)
{
	used += MNL_ALIGN(header->nlmsg_len);
}

static uint32_t subnet(uint32_t node)
{
	return htonl(0x0a000000 + (node << 8));
}

static uint32_t vtep(uint32_t node)
{
	return htonl(0xac10000a + node);
}

static void put_mac(struct nlmsghdr *header, uint32_t node)
{
	uint8_t mac[6] = { 2, 0, node >> 24, node >> 16, node >> 8, node };

	mnl_attr_put(header, NDA_LLADDR, sizeof(mac), mac);
}

static void add_route(uint32_t node, uint32_t via, bool onlink)
{
	struct nlmsghdr *header = begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
	struct rtmsg *route = mnl_nlmsg_put_extra_header(header, sizeof(*route));

	route->rtm_family = AF_INET;
	route->rtm_dst_len = 24;
	route->rtm_table = RT_TABLE_MAIN;
	route->rtm_protocol = RTPROT_BOOT;
	route->rtm_scope = RT_SCOPE_UNIVERSE;
	route->rtm_type = RTN_UNICAST;
	route->rtm_flags = onlink ? RTNH_F_ONLINK : 0;
	mnl_attr_put_u32(header, RTA_DST, subnet(node));
	mnl_attr_put_u32(header, RTA_GATEWAY, via);
	mnl_attr_put_u32(header, RTA_OIF, device);
	end(header);
}

static void add_neighbour(uint32_t node, uint8_t family, uint32_t address, uint8_t flags)
{
	struct nlmsghdr *header = begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
	struct ndmsg *neighbour = mnl_nlmsg_put_extra_header(header, sizeof(*neighbour));

	neighbour->ndm_family = family;
	neighbour->ndm_ifindex = device;
	neighbour->ndm_state = NUD_PERMANENT;
	neighbour->ndm_flags = flags;
	mnl_attr_put_u32(header, NDA_DST, address);
	put_mac(header, node);
	end(header);
}

static void add_node(uint32_t node, bool vxlan)
{
	if (!vxlan) {
		add_route(node, vtep(node), false);
		return;
	}
	add_neighbour(node, AF_INET, subnet(node), 0);
	add_neighbour(node, AF_BRIDGE, vtep(node), NTF_SELF);
	add_route(node, subnet(node), true);
}

int main(int argc, char **argv)
{
	bool vxlan = argc == 4 && !strcmp(argv[1], "vxlan");
	uint32_t nodes;

	if (!vxlan && (argc != 4 || strcmp(argv[1], "host-gw"))) {
		fputs("Usage: stockload vxlan|host-gw DEV NODES\n", stderr);
		return 2;
	}
	nodes = atoi(argv[3]);
	device = if_nametoindex(argv[2]);
	if (!device)
		die(argv[2]);
	sock = mnl_socket_open(NETLINK_ROUTE);
	if (!sock || mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0)
		die("netlink");
	for (uint32_t node = 1; node <= nodes; node++)
		add_node(node, vxlan);
	flush();
	return 0;
}
