// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "device.h"
#include "netlink.h"

static int __init flannel_init(void)
{
	int err;

	err = flannel_vtep_init();
	if (err)
		return err;
	err = flannel_lease_cache_init();
	if (err)
		goto exit_vtep;
	err = flannel_device_init();
	if (err)
		goto exit_lease;
	err = flannel_netlink_init();
	if (err)
		goto exit_device;
	return 0;

exit_device:
	flannel_device_exit();
exit_lease:
	flannel_lease_cache_exit();
exit_vtep:
	rcu_barrier();
	flannel_vtep_exit();
	return err;
}

static void __exit flannel_exit(void)
{
	flannel_netlink_exit();
	flannel_device_exit();
	rcu_barrier();
	flannel_lease_cache_exit();
	flannel_vtep_exit();
}

module_init(flannel_init);
module_exit(flannel_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The flannel-kmod authors");
MODULE_DESCRIPTION("flannel: a pod network over VXLAN with an in-kernel lease table");
MODULE_VERSION(FLANNEL_VERSION);
MODULE_ALIAS_RTNL_LINK(FLANNEL_LINK_KIND);
MODULE_ALIAS_GENL_FAMILY(FLANNEL_GENL_NAME);
