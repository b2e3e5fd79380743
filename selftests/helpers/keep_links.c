// SPDX-License-Identifier: GPL-2.0
/*
 * keep_links.so - the kernel refuses to delete links, while a file is there
 *
 * For LD_PRELOAD: there is no other way to have a device that cannot be deleted. While
 * the file in the variable KEEP_LINKS exists, whoever asks the kernel to delete one asks
 * it to delete the loopback device, which it refuses (EOPNOTSUPP).
 */

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOOPBACK	1

static bool is_rtnetlink(int fd)
{
	int domain = 0, protocol = -1;
	socklen_t size = sizeof(int);

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) && domain == AF_NETLINK &&
	       !getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) &&
	       protocol == NETLINK_ROUTE;
}

static void spare(struct nlmsghdr *nlh, int len)
{
	struct ifinfomsg *info;

	for (; NLMSG_OK(nlh, (unsigned int)len); nlh = NLMSG_NEXT(nlh, len)) {
		info = NLMSG_DATA(nlh);
		if (nlh->nlmsg_type == RTM_DELLINK)
			info->ifi_index = LOOPBACK;
	}
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags, __CONST_SOCKADDR_ARG addr,
	       socklen_t addr_len)
{
	const char *file = getenv("KEEP_LINKS");

	if (file && !access(file, F_OK) && is_rtnetlink(fd))
		spare((struct nlmsghdr *)buf, len);
	return syscall(SYS_sendto, fd, buf, len, flags, addr.__sockaddr__, addr_len);
}
