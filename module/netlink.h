/* SPDX-License-Identifier: GPL-2.0 */
/*
 * netlink.h - generic netlink family "flannel"
 *
 * Handlers run in parallel, without RTNL.  They hold a reference to the device
 * and take its @lock.  A transaction belongs to the socket that began it and
 * goes with socket or device.
 */
#ifndef _FLANNEL_NETLINK_H
#define _FLANNEL_NETLINK_H

#include <net/genetlink.h>

#include "device.h"

extern struct genl_family flannel_family;
extern const struct nla_policy flannel_lease_policy[FLANNEL_A_LEASE_MAX + 1];

/* netlink.c, for the handlers */
struct flannel_dev *flannel_request_dev(struct sk_buff *skb, struct genl_info *info);
struct flannel_dev *flannel_dump_dev(struct netlink_callback *cb);
void flannel_release_dev(struct flannel_dev *fl);

/* netlink_table.c, dumps of tables */
typedef int (*flannel_dump_table_t)(struct sk_buff *skb, struct flannel_dev *fl,
				    struct netlink_callback *cb);
int flannel_dump_tables(struct sk_buff *skb, struct netlink_callback *cb,
			flannel_dump_table_t dump);
u64 flannel_dump_cursor(const struct netlink_callback *cb);
void flannel_dump_set_cursor(struct netlink_callback *cb, u64 cursor);
void flannel_devices_changed(const struct net *net);
void flannel_dump_comings(struct netlink_callback *cb);
void flannel_dump_seq(struct netlink_callback *cb, const struct flannel_dev *fl);

/* netlink_table.c, leases and transactions */
int flannel_do_lease_set(struct sk_buff *skb, struct genl_info *info);
int flannel_do_lease_del(struct sk_buff *skb, struct genl_info *info);
int flannel_do_lease_get(struct sk_buff *skb, struct genl_info *info);
int flannel_do_lease_flush(struct sk_buff *skb, struct genl_info *info);
int flannel_do_table_begin(struct sk_buff *skb, struct genl_info *info);
int flannel_do_table_add(struct sk_buff *skb, struct genl_info *info);
int flannel_do_table_commit(struct sk_buff *skb, struct genl_info *info);
int flannel_do_table_abort(struct sk_buff *skb, struct genl_info *info);
int flannel_dump_leases(struct sk_buff *skb, struct netlink_callback *cb);
void flannel_transactions_drop(struct flannel_dev *fl);
void flannel_transactions_release(const struct net *net, u32 portid);
void flannel_report_error(struct netlink_ext_ack *extack, const struct nlattr *attr,
			  const struct flannel_table *table, const struct flannel_error *err);

int flannel_netlink_init(void);
void flannel_netlink_exit(void);

#endif /* _FLANNEL_NETLINK_H */
