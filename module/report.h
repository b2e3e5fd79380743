/* SPDX-License-Identifier: GPL-2.0 */
/*
 * report.h - extended acknowledgements with values in them
 *
 * The kernel's own formatted messages end at 80 bytes, into which two IPv6
 * prefixes do not always fit, and older kernels have none.  No lock.
 */
#ifndef _FLANNEL_REPORT_H
#define _FLANNEL_REPORT_H

#include <linux/netlink.h>

__printf(3, 4)
void flannel_report(struct netlink_ext_ack *extack, const struct nlattr *attr, const char *fmt, ...);

#endif /* _FLANNEL_REPORT_H */
