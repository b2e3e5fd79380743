// SPDX-License-Identifier: GPL-2.0
#include <linux/etherdevice.h>
#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "netlink.h"
#include "report.h"

const struct nla_policy flannel_lease_policy[FLANNEL_A_LEASE_MAX + 1] = {
	[FLANNEL_A_LEASE_PREFIX4] = NLA_POLICY_EXACT_LEN(sizeof(struct in_addr)),
	[FLANNEL_A_LEASE_PREFIX6] = NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
	[FLANNEL_A_LEASE_PREFIXLEN] = NLA_POLICY_RANGE(NLA_U8, 1, 128),
	[FLANNEL_A_LEASE_LOCAL] = { .type = NLA_FLAG },
	[FLANNEL_A_LEASE_VTEP4] = NLA_POLICY_EXACT_LEN(sizeof(struct in_addr)),
	[FLANNEL_A_LEASE_VTEP6] = NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
	[FLANNEL_A_LEASE_LLADDR] = NLA_POLICY_EXACT_LEN(ETH_ALEN),
};

/**
 * struct flannel_transaction - an open whole-table replace
 * @node: in transactions
 * @fl: device
 * @net: namespace of the socket, for identity only
 * @portid: its address
 * @candidate: the leases so far
 */
struct flannel_transaction {
	struct list_head node;
	struct flannel_dev *fl;
	const struct net *net;
	u32 portid;
	struct flannel_table *candidate;
};

/*
 * All open transactions.  transactions_lock comes after any device's lock and
 * protects the list; a transaction is used and freed, and its device goes, with
 * the device's lock held.
 */
static LIST_HEAD(transactions);
static DEFINE_MUTEX(transactions_lock);

/* A prefix as text; the longest IPv6 one has 39 + 4 characters. */
struct text {
	char s[48];
};

static const char *print_prefix(struct text *text, const struct flannel_prefix *prefix)
{
	if (prefix->addr.family == AF_INET)
		snprintf(text->s, sizeof(text->s), "%pI4/%u", &prefix->addr.ip4, prefix->len);
	else
		snprintf(text->s, sizeof(text->s), "%pI6c/%u", &prefix->addr.ip6, prefix->len);
	return text->s;
}

static const char *print_ip(struct text *text, const struct flannel_ip *ip)
{
	if (ip->family == AF_INET)
		snprintf(text->s, sizeof(text->s), "%pI4", &ip->ip4);
	else
		snprintf(text->s, sizeof(text->s), "%pI6c", &ip->ip6);
	return text->s;
}

/**
 * flannel_report_error - put a refusal of the table into words
 * @extack: of the request
 * @attr: attribute to blame, may be NULL
 * @table: the table that refused
 * @err: the refusal
 *
 * Context: @table's lock held.
 */
void flannel_report_error(struct netlink_ext_ack *extack, const struct nlattr *attr,
			  const struct flannel_table *table, const struct flannel_error *err)
{
	struct text a, b;
	const char *prefix = print_prefix(&a, &err->prefix);
	const char *other = print_prefix(&b, &err->other);

	switch (err->why) {
	case FLANNEL_REFUSED_EXISTS:
		flannel_report(extack, attr, "%s has a lease already", prefix);
		break;
	case FLANNEL_REFUSED_ABSENT:
		flannel_report(extack, attr, "%s has no lease", prefix);
		break;
	case FLANNEL_REFUSED_HOST_BITS:
		flannel_report(extack, attr, "%s has host bits set", prefix);
		break;
	case FLANNEL_REFUSED_NOBODYS:
		flannel_report(extack, attr,
			       "%s is, or has in it, multicast, loopback, link-local or reserved addresses",
			       prefix);
		break;
	case FLANNEL_REFUSED_OVERLAP_LOCAL:
		flannel_report(extack, attr, "%s overlaps %s, and one of them is local", prefix,
			       other);
		break;
	case FLANNEL_REFUSED_VTEP_INSIDE:
		print_ip(&b, &err->other.addr);
		flannel_report(extack, attr, "%s contains the VTEP %s", prefix, b.s);
		break;
	case FLANNEL_REFUSED_OUTSIDE:
		flannel_report(extack, attr, "%s is outside the device's network %s", prefix,
			       other);
		break;
	case FLANNEL_REFUSED_LENGTHS:
		flannel_report(extack, attr,
			       "%s would be one prefix length too many: a table takes %u per family",
			       prefix, FLANNEL_MAX_LENGTHS);
		break;
	case FLANNEL_REFUSED_LOCALS:
		flannel_report(extack, attr,
			       "%s would be one local lease too many: a table takes %u", prefix,
			       FLANNEL_MAX_LOCAL);
		break;
	case FLANNEL_REFUSED_MACS:
		print_ip(&b, &err->other.addr);
		flannel_report(extack, attr, "VTEP %s has leases with %u other MACs already", b.s,
			       FLANNEL_MAX_MACS);
		break;
	case FLANNEL_REFUSED_FULL:
		flannel_report(extack, attr, "The table would have more than maxleases (%u) leases",
			       table->maxleases);
		break;
	case FLANNEL_REFUSED_MOVED:
		flannel_report(extack, attr, "The table was changed since the transaction began");
		break;
	default:
		flannel_report(extack, attr, "Out of memory");
		break;
	}
}

static bool read_ip(struct flannel_ip *ip, const struct nlattr *four, const struct nlattr *six)
{
	memset(ip, 0, sizeof(*ip));
	if (!four == !six)
		return false;
	if (four) {
		ip->family = AF_INET;
		ip->ip4 = nla_get_in_addr(four);
	} else {
		ip->family = AF_INET6;
		ip->ip6 = nla_get_in6_addr(six);
	}
	return true;
}

static bool is_unicast(const struct flannel_ip *ip)
{
	if (ip->family == AF_INET)
		return !ipv4_is_multicast(ip->ip4) && !ipv4_is_lbcast(ip->ip4) &&
		       !ipv4_is_zeronet(ip->ip4) && !ipv4_is_loopback(ip->ip4) &&
		       (ip->ip4 & htonl(0xf0000000)) != htonl(0xf0000000);
	return !ipv6_addr_any(&ip->ip6) &&
	       !(ipv6_addr_type(&ip->ip6) & (IPV6_ADDR_MULTICAST | IPV6_ADDR_LOOPBACK |
					     IPV6_ADDR_MAPPED));
}

static bool is_configured_local(const struct flannel_dev *fl, const struct flannel_ip *ip)
{
	const struct flannel_config *cfg;
	bool local;

	rcu_read_lock();
	cfg = rcu_dereference(fl->config);
	local = ip->family == AF_INET ? ip->ip4 == cfg->local4 :
					ipv6_addr_equal(&ip->ip6, &cfg->local6);
	rcu_read_unlock();
	return local;
}

/* In the table of the underlay interface's VRF, if it has one. */
static bool is_local4(const struct flannel_dev *fl, __be32 addr)
{
	const struct net_device *lower;
	bool local;

	rcu_read_lock();
	lower = dev_get_by_index_rcu(fl->net, READ_ONCE(fl->oif));
	local = (lower ? inet_addr_type_dev_table(fl->net, lower, addr) :
			 inet_addr_type(fl->net, addr)) == RTN_LOCAL;
	rcu_read_unlock();
	return local;
}

static bool is_local6(const struct flannel_dev *fl, const struct in6_addr *addr)
{
	bool local = false;
#if IS_ENABLED(CONFIG_IPV6)
	const struct net_device *lower;

	rcu_read_lock();
	lower = dev_get_by_index_rcu(fl->net, READ_ONCE(fl->oif));
	local = ipv6_chk_addr(fl->net, addr, lower, 0);
	rcu_read_unlock();
#endif
	return local;
}

static bool is_our_own(const struct flannel_dev *fl, const struct flannel_ip *ip)
{
	if (is_configured_local(fl, ip))
		return true;
	if (ip->family == AF_INET)
		return is_local4(fl, ip->ip4);
	return is_local6(fl, &ip->ip6);
}

static int refuse(struct netlink_ext_ack *extack, const struct nlattr *attr, const char *text)
{
	flannel_report(extack, attr, "%s", text);
	return -EINVAL;
}

static int parse_prefix(const struct nlattr *nest, struct nlattr *tb[],
			struct flannel_prefix *prefix, struct netlink_ext_ack *extack)
{
	const struct nlattr *len = tb[FLANNEL_A_LEASE_PREFIXLEN];

	if (!read_ip(&prefix->addr, tb[FLANNEL_A_LEASE_PREFIX4], tb[FLANNEL_A_LEASE_PREFIX6]))
		return refuse(extack, nest, "A lease has either an IPv4 or an IPv6 prefix");
	if (!len)
		return refuse(extack, nest, "The lease has no prefix length");
	prefix->len = nla_get_u8(len);
	if (prefix->addr.family == AF_INET && prefix->len > 32)
		return refuse(extack, len, "The length of an IPv4 prefix is 1 to 32");
	return 0;
}

static int parse_vtep(const struct flannel_dev *fl, const struct nlattr *nest, struct nlattr *tb[],
		      struct flannel_spec *spec, struct netlink_ext_ack *extack)
{
	const struct nlattr *vtep = tb[FLANNEL_A_LEASE_VTEP4] ?: tb[FLANNEL_A_LEASE_VTEP6];
	const struct nlattr *mac = tb[FLANNEL_A_LEASE_LLADDR];
	struct text ip, prefix;

	if (!read_ip(&spec->vtep, tb[FLANNEL_A_LEASE_VTEP4], tb[FLANNEL_A_LEASE_VTEP6]) || !mac) {
		flannel_report(extack, nest,
			       "The lease of %s needs one VTEP address and a MAC, or local",
			       print_prefix(&prefix, &spec->prefix));
		return -EINVAL;
	}
	print_ip(&ip, &spec->vtep);
	if (!is_unicast(&spec->vtep)) {
		flannel_report(extack, vtep, "VTEP %s is not a unicast address", ip.s);
		return -EINVAL;
	}
	if (is_our_own(fl, &spec->vtep)) {
		flannel_report(extack, vtep, "VTEP %s is an address of this host", ip.s);
		return -EINVAL;
	}
	if (!is_valid_ether_addr(nla_data(mac))) {
		flannel_report(extack, mac, "lladdr %pM is not a unicast MAC", nla_data(mac));
		return -EINVAL;
	}
	ether_addr_copy(spec->mac, nla_data(mac));
	return 0;
}

static int parse_target(const struct flannel_dev *fl, const struct nlattr *nest, struct nlattr *tb[],
			struct flannel_spec *spec, struct netlink_ext_ack *extack)
{
	spec->local = nla_get_flag(tb[FLANNEL_A_LEASE_LOCAL]);
	if (!spec->local)
		return parse_vtep(fl, nest, tb, spec, extack);
	if (tb[FLANNEL_A_LEASE_VTEP4] || tb[FLANNEL_A_LEASE_VTEP6] || tb[FLANNEL_A_LEASE_LLADDR])
		return refuse(extack, nest, "A local lease has neither a VTEP nor a MAC");
	return 0;
}

/* Reads one lease; @blame is the attribute for what the table finds wrong. */
static int parse_lease(const struct flannel_dev *fl, const struct nlattr *nest, bool target,
		       struct flannel_spec *spec, const struct nlattr **blame,
		       struct netlink_ext_ack *extack)
{
	struct nlattr *tb[FLANNEL_A_LEASE_MAX + 1];
	int err;

	memset(spec, 0, sizeof(*spec));
	err = nla_parse_nested(tb, FLANNEL_A_LEASE_MAX, nest, flannel_lease_policy, extack);
	if (err)
		return err;
	*blame = tb[FLANNEL_A_LEASE_PREFIX4] ?: tb[FLANNEL_A_LEASE_PREFIX6];
	err = parse_prefix(nest, tb, &spec->prefix, extack);
	if (err || target)
		return err ?: parse_target(fl, nest, tb, spec, extack);
	if (tb[FLANNEL_A_LEASE_LOCAL] || tb[FLANNEL_A_LEASE_VTEP4] ||
	    tb[FLANNEL_A_LEASE_VTEP6] || tb[FLANNEL_A_LEASE_LLADDR])
		return refuse(extack, nest, "A lease to delete is named by its prefix alone");
	return 0;
}

static int fill_lease(struct sk_buff *skb, const struct flannel_spec *spec)
{
	const struct flannel_ip *base = &spec->prefix.addr, *vtep = &spec->vtep;
	struct nlattr *nest = nla_nest_start(skb, FLANNEL_A_LEASE);

	if (!nest)
		return -EMSGSIZE;
	if (base->family == AF_INET ?
	    nla_put_in_addr(skb, FLANNEL_A_LEASE_PREFIX4, base->ip4) :
	    nla_put_in6_addr(skb, FLANNEL_A_LEASE_PREFIX6, &base->ip6))
		return -EMSGSIZE;
	if (nla_put_u8(skb, FLANNEL_A_LEASE_PREFIXLEN, spec->prefix.len))
		return -EMSGSIZE;
	if (spec->local) {
		if (nla_put_flag(skb, FLANNEL_A_LEASE_LOCAL))
			return -EMSGSIZE;
	} else if ((vtep->family == AF_INET ?
		    nla_put_in_addr(skb, FLANNEL_A_LEASE_VTEP4, vtep->ip4) :
		    nla_put_in6_addr(skb, FLANNEL_A_LEASE_VTEP6, &vtep->ip6)) ||
		   nla_put(skb, FLANNEL_A_LEASE_LLADDR, ETH_ALEN, spec->mac)) {
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int fill_diff(struct sk_buff *skb, const struct flannel_diff *diff)
{
	return nla_put_u32(skb, FLANNEL_A_ADDED, diff->added) ||
	       nla_put_u32(skb, FLANNEL_A_CHANGED, diff->changed) ||
	       nla_put_u32(skb, FLANNEL_A_REMOVED, diff->removed);
}

/* An event, or the answer to a request: a lease or a diff, and where we stand. */
static struct sk_buff *table_message(struct flannel_dev *fl, u32 portid, u32 seq, u8 cmd,
				     const struct flannel_spec *spec,
				     const struct flannel_diff *diff)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	void *header;

	if (!skb)
		return NULL;
	header = genlmsg_put(skb, portid, seq, &flannel_family, 0, cmd);
	if (!header || nla_put_u32(skb, FLANNEL_A_IFINDEX, fl->dev->ifindex) ||
	    nla_put_string(skb, FLANNEL_A_IFNAME, fl->dev->name) ||
	    nla_put_u64_64bit(skb, FLANNEL_A_SEQ, fl->table.seq, FLANNEL_A_PAD) ||
	    (spec && fill_lease(skb, spec)) || (diff && fill_diff(skb, diff))) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, header);
	return skb;
}

/* Tells listeners; with the device's lock held, so that events keep their order. */
static void notify(struct flannel_dev *fl, struct genl_info *info, u8 cmd,
		   const struct flannel_spec *spec, const struct flannel_diff *diff)
{
	struct net *net = genl_info_net(info);
	struct sk_buff *skb;

	atomic_inc(&flannel_net(dev_net(fl->dev))->changes);
	if (!genl_has_listeners(&flannel_family, net, 0) &&
	    !(info->nlhdr->nlmsg_flags & NLM_F_ECHO))
		return;
	skb = table_message(fl, info->snd_portid, info->snd_seq, cmd, spec, diff);
	if (skb)
		genl_notify(&flannel_family, skb, info, 0, GFP_KERNEL);
	else
		genl_set_err(&flannel_family, net, 0, 0, -ENOBUFS);
}

static int reply(struct flannel_dev *fl, struct genl_info *info, const struct flannel_spec *spec,
		 const struct flannel_diff *diff)
{
	struct sk_buff *skb = table_message(fl, info->snd_portid, info->snd_seq,
					    info->genlhdr->cmd, spec, diff);

	return skb ? genlmsg_reply(skb, info) : -ENOMEM;
}

static int require_lease(struct genl_info *info)
{
	if (!GENL_REQ_ATTR_CHECK(info, FLANNEL_A_LEASE))
		return 0;
	flannel_report(info->extack, NULL, "The request has no lease in it");
	return -EINVAL;
}

/* Finds the device of a request and locks it. */
static struct flannel_dev *lock_dev(struct sk_buff *skb, struct genl_info *info)
{
	struct flannel_dev *fl = flannel_request_dev(skb, info);

	if (IS_ERR(fl))
		return fl;
	mutex_lock(&fl->lock);
	if (!fl->dead)
		return fl;
	mutex_unlock(&fl->lock);
	flannel_release_dev(fl);
	flannel_report(info->extack, info->attrs[FLANNEL_A_IFINDEX], "The device is being deleted");
	return ERR_PTR(-ENODEV);
}

static void unlock_dev(struct flannel_dev *fl)
{
	mutex_unlock(&fl->lock);
	flannel_release_dev(fl);
}

static int lease_set(struct flannel_dev *fl, struct genl_info *info, const struct nlattr *nest)
{
	static const enum flannel_set_mode modes[] = {
		[FLANNEL_CMD_LEASE_ADD] = FLANNEL_SET_ADD,
		[FLANNEL_CMD_LEASE_CHANGE] = FLANNEL_SET_CHANGE,
		[FLANNEL_CMD_LEASE_REPLACE] = FLANNEL_SET_REPLACE,
	};
	const struct nlattr *blame = nest;
	struct flannel_error why = {};
	struct flannel_spec spec;
	int ret;

	ret = parse_lease(fl, nest, true, &spec, &blame, info->extack);
	if (ret)
		return ret;
	ret = flannel_table_set(&fl->table, &spec, modes[info->genlhdr->cmd], &why);
	if (ret < 0)
		flannel_report_error(info->extack, blame, &fl->table, &why);
	else if (ret == FLANNEL_SET_ADDED)
		notify(fl, info, FLANNEL_CMD_LEASE_ADD_NTF, &spec, NULL);
	else if (ret == FLANNEL_SET_CHANGED)
		notify(fl, info, FLANNEL_CMD_LEASE_CHANGE_NTF, &spec, NULL);
	return min(ret, 0);
}

/* One lease of the live table, named by the request */
static int change_lease(struct sk_buff *skb, struct genl_info *info,
			int (*change)(struct flannel_dev *fl, struct genl_info *info,
				      const struct nlattr *nest))
{
	int err = require_lease(info);
	struct flannel_dev *fl;

	if (err)
		return err;
	fl = lock_dev(skb, info);
	if (IS_ERR(fl))
		return PTR_ERR(fl);
	err = change(fl, info, info->attrs[FLANNEL_A_LEASE]);
	unlock_dev(fl);
	return err;
}

/**
 * flannel_do_lease_set - LEASE_ADD, LEASE_CHANGE, LEASE_REPLACE
 * @skb: request
 * @info: request
 *
 * Return: 0 or a negative errno.
 */
int flannel_do_lease_set(struct sk_buff *skb, struct genl_info *info)
{
	return change_lease(skb, info, lease_set);
}

static int lease_del(struct flannel_dev *fl, struct genl_info *info, const struct nlattr *nest)
{
	const struct nlattr *blame = nest;
	struct flannel_error why = {};
	struct flannel_spec spec, old;
	int err;

	err = parse_lease(fl, nest, false, &spec, &blame, info->extack);
	if (err)
		return err;
	err = flannel_table_del(&fl->table, &spec.prefix, &old, &why);
	if (err)
		flannel_report_error(info->extack, blame, &fl->table, &why);
	else
		notify(fl, info, FLANNEL_CMD_LEASE_DEL_NTF, &old, NULL);
	return err;
}

/**
 * flannel_do_lease_del - LEASE_DEL
 * @skb: request
 * @info: request
 *
 * Return: 0 or a negative errno.
 */
int flannel_do_lease_del(struct sk_buff *skb, struct genl_info *info)
{
	return change_lease(skb, info, lease_del);
}

/**
 * flannel_do_lease_get - LEASE_GET: longest match of one address
 * @skb: request
 * @info: request
 *
 * Return: 0 or a negative errno.
 */
int flannel_do_lease_get(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *four = info->attrs[FLANNEL_A_ADDR4];
	const struct nlattr *six = info->attrs[FLANNEL_A_ADDR6];
	struct flannel_dev *fl;
	struct flannel_spec spec;
	struct flannel_ip addr;
	struct text text;
	int err;

	if (!read_ip(&addr, four, six))
		return refuse(info->extack, six, "The request needs one address to look up");
	fl = lock_dev(skb, info);
	if (IS_ERR(fl))
		return PTR_ERR(fl);
	if (flannel_table_find(&fl->table, &addr, &spec)) {
		err = reply(fl, info, &spec, NULL);
	} else {
		flannel_report(info->extack, four ?: six, "No lease covers %s",
			       print_ip(&text, &addr));
		err = -ENOENT;
	}
	unlock_dev(fl);
	return err;
}

/* Commits, tells, and lets the old content go once no reader can have it. */
static int commit(struct flannel_dev *fl, struct genl_info *info, struct flannel_table *candidate,
		  bool force, struct flannel_diff *diff)
{
	struct flannel_error why = {};
	int err;

	err = flannel_candidate_commit(candidate, &fl->table, force, diff, &why);
	if (err)
		flannel_report_error(info->extack, NULL, &fl->table, &why);
	else
		notify(fl, info, FLANNEL_CMD_TABLE_NTF, NULL, diff);
	return err;
}

/* The device is held meanwhile: cached routes must not outlive the underlay. */
static void bury(struct flannel_table *candidate, bool was_live)
{
	if (was_live)
		synchronize_rcu();
	flannel_candidate_free(candidate);
}

/**
 * flannel_do_lease_flush - LEASE_FLUSH: replace the table by an empty one
 * @skb: request
 * @info: request
 *
 * Return: 0 or a negative errno.
 */
int flannel_do_lease_flush(struct sk_buff *skb, struct genl_info *info)
{
	struct flannel_table *candidate;
	struct flannel_diff diff;
	struct flannel_dev *fl;
	int err = -ENOMEM;

	fl = lock_dev(skb, info);
	if (IS_ERR(fl))
		return PTR_ERR(fl);
	candidate = flannel_candidate_create(&fl->table);
	if (candidate)
		err = commit(fl, info, candidate, true, &diff);
	mutex_unlock(&fl->lock);
	if (candidate)
		bury(candidate, !err);
	flannel_release_dev(fl);
	return err;
}

/* The transaction of a socket on a device whose lock is held. */
static struct flannel_transaction *find_transaction(const struct flannel_dev *fl,
						    const struct net *net, u32 portid)
{
	struct flannel_transaction *tx, *found = NULL;

	mutex_lock(&transactions_lock);
	list_for_each_entry(tx, &transactions, node)
		if (tx->fl == fl && tx->net == net && tx->portid == portid)
			found = tx;
	mutex_unlock(&transactions_lock);
	return found;
}

/* A device that the socket has a transaction on; being on the list keeps it. */
static struct flannel_dev *hold_dev_of_socket(const struct net *net, u32 portid)
{
	struct flannel_transaction *tx;
	struct flannel_dev *fl = NULL;

	mutex_lock(&transactions_lock);
	list_for_each_entry(tx, &transactions, node)
		if (tx->net == net && tx->portid == portid)
			fl = tx->fl;
	if (fl)
		dev_hold(fl->dev);
	mutex_unlock(&transactions_lock);
	return fl;
}

static struct flannel_transaction *get_transaction(const struct flannel_dev *fl,
						   struct genl_info *info)
{
	struct flannel_transaction *tx;

	tx = find_transaction(fl, genl_info_net(info), info->snd_portid);
	if (!tx)
		flannel_report(info->extack, NULL,
			       "This socket has no transaction on the device; the first error ends one");
	return tx;
}

static void free_transaction(struct flannel_transaction *tx)
{
	flannel_candidate_free(tx->candidate);
	kfree(tx);
}

static void free_transactions(struct list_head *list)
{
	struct flannel_transaction *tx, *next;

	list_for_each_entry_safe(tx, next, list, node)
		free_transaction(tx);
}

static void take_transaction(struct flannel_transaction *tx)
{
	mutex_lock(&transactions_lock);
	list_del(&tx->node);
	mutex_unlock(&transactions_lock);
}

static void end_transaction(struct flannel_transaction *tx)
{
	take_transaction(tx);
	free_transaction(tx);
}

/**
 * flannel_transactions_drop - drop the transactions on a device that goes
 * @fl: device, its lock held
 */
void flannel_transactions_drop(struct flannel_dev *fl)
{
	struct flannel_transaction *tx, *next;
	LIST_HEAD(dropped);

	mutex_lock(&transactions_lock);
	list_for_each_entry_safe(tx, next, &transactions, node)
		if (tx->fl == fl)
			list_move(&tx->node, &dropped);
	mutex_unlock(&transactions_lock);
	free_transactions(&dropped);
}

/**
 * flannel_transactions_release - drop the transactions of a socket that closes
 * @net: its namespace
 * @portid: its address
 *
 * Its address may be another socket's by now, whose request is under way: hence
 * the device's lock.
 *
 * Context: process.
 */
void flannel_transactions_release(const struct net *net, u32 portid)
{
	struct flannel_transaction *tx;
	struct flannel_dev *fl;

	while ((fl = hold_dev_of_socket(net, portid))) {
		mutex_lock(&fl->lock);
		tx = find_transaction(fl, net, portid);
		if (tx)
			end_transaction(tx);
		mutex_unlock(&fl->lock);
		dev_put(fl->dev);
	}
}

static int table_begin(struct flannel_dev *fl, struct genl_info *info)
{
	struct flannel_transaction *tx;
	int err;

	if (find_transaction(fl, genl_info_net(info), info->snd_portid)) {
		flannel_report(info->extack, NULL,
			       "This socket has a transaction on the device already");
		return -EBUSY;
	}
	tx = kzalloc(sizeof(*tx), GFP_KERNEL_ACCOUNT);
	if (!tx)
		return -ENOMEM;
	tx->fl = fl;
	tx->net = genl_info_net(info);
	tx->portid = info->snd_portid;
	tx->candidate = flannel_candidate_create(&fl->table);
	if (!tx->candidate) {
		kfree(tx);
		return -ENOMEM;
	}

	mutex_lock(&transactions_lock);
	list_add(&tx->node, &transactions);
	mutex_unlock(&transactions_lock);
	/* Without an answer nobody knows of it. */
	err = reply(fl, info, NULL, NULL);
	if (err)
		end_transaction(tx);
	return err;
}

/**
 * flannel_do_table_begin - TABLE_BEGIN
 * @skb: request
 * @info: request
 *
 * Return: 0 or a negative errno.
 */
int flannel_do_table_begin(struct sk_buff *skb, struct genl_info *info)
{
	struct flannel_dev *fl = lock_dev(skb, info);
	int err;

	if (IS_ERR(fl))
		return PTR_ERR(fl);
	err = table_begin(fl, info);
	unlock_dev(fl);
	return err;
}

static int table_add(struct flannel_dev *fl, struct genl_info *info, struct flannel_table *candidate)
{
	const struct nlattr *nest, *blame;
	struct flannel_error why = {};
	struct flannel_spec spec;
	int rem, err;

	nlmsg_for_each_attr(nest, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(nest) != FLANNEL_A_LEASE)
			continue;
		blame = nest;
		err = parse_lease(fl, nest, true, &spec, &blame, info->extack);
		if (err)
			return err;
		err = flannel_candidate_add(candidate, &fl->table, &spec, &why);
		if (err) {
			flannel_report_error(info->extack, blame, candidate, &why);
			return err;
		}
	}
	return 0;
}

static int table_add_locked(struct sk_buff *skb, struct genl_info *info)
{
	struct flannel_dev *fl = lock_dev(skb, info);
	struct flannel_transaction *tx;
	int err;

	if (IS_ERR(fl))
		return PTR_ERR(fl);
	tx = get_transaction(fl, info);
	err = tx ? require_lease(info) ?: table_add(fl, info, tx->candidate) : -ENOENT;
	unlock_dev(fl);
	return err;
}

/**
 * flannel_do_table_add - TABLE_ADD: on any error the socket's transactions are gone
 * @skb: request
 * @info: request
 *
 * Parses for itself, so that a client which sends on without looking cannot
 * commit a table that a refused message is missing from.
 *
 * Return: 0 or a negative errno.
 */
int flannel_do_table_add(struct sk_buff *skb, struct genl_info *info)
{
	static const struct nla_policy policy[FLANNEL_A_LEASE + 1] = {
		[FLANNEL_A_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
		[FLANNEL_A_LEASE] = { .type = NLA_NESTED },
	};
	struct nlattr *attrs[FLANNEL_A_LEASE + 1];
	int err;

	err = nlmsg_parse(info->nlhdr, GENL_HDRLEN, attrs, FLANNEL_A_LEASE, policy, info->extack);
	info->attrs = attrs;
	if (!err)
		err = table_add_locked(skb, info);
	info->attrs = NULL;
	if (err)
		flannel_transactions_release(genl_info_net(info), info->snd_portid);
	return err;
}

/**
 * flannel_do_table_commit - TABLE_COMMIT
 * @skb: request
 * @info: request
 *
 * Return: 0 or a negative errno; the old table is as it was then.
 */
int flannel_do_table_commit(struct sk_buff *skb, struct genl_info *info)
{
	struct flannel_dev *fl = lock_dev(skb, info);
	struct flannel_transaction *tx;
	struct flannel_diff diff;
	int err = -ENOENT, told = 0;

	if (IS_ERR(fl))
		return PTR_ERR(fl);
	tx = get_transaction(fl, info);
	if (tx) {
		take_transaction(tx);
		err = commit(fl, info, tx->candidate,
			     nla_get_flag(info->attrs[FLANNEL_A_FORCE]), &diff);
	}
	/* Done is done: without memory for the answer the acknowledgement says so. */
	if (!err)
		told = reply(fl, info, NULL, &diff);
	mutex_unlock(&fl->lock);
	if (tx) {
		bury(tx->candidate, !err);
		kfree(tx);
	}
	flannel_release_dev(fl);
	return err ?: told == -ENOMEM ? 0 : told;
}

/**
 * flannel_do_table_abort - TABLE_ABORT
 * @skb: request
 * @info: request
 *
 * Return: 0 or a negative errno.
 */
int flannel_do_table_abort(struct sk_buff *skb, struct genl_info *info)
{
	struct flannel_dev *fl = lock_dev(skb, info);
	struct flannel_transaction *tx;

	if (IS_ERR(fl))
		return PTR_ERR(fl);
	tx = get_transaction(fl, info);
	if (tx)
		end_transaction(tx);
	unlock_dev(fl);
	return tx ? 0 : -ENOENT;
}

/**
 * flannel_devices_changed - a device has come, gone or moved
 * @net: the network namespace it is in, or was
 *
 * Context: any.
 */
void flannel_devices_changed(const struct net *net)
{
	atomic_inc(&flannel_net(net)->comings);
	atomic_inc(&flannel_net(net)->changes);
}

/**
 * flannel_dump_cursor - where a dump stands within the table of its device
 * @cb: dump; args[1] and args[2] are the cursor, args[3] the device it is for
 *
 * Return: cursor of flannel_table_next_lease() or flannel_table_next_vtep().
 */
u64 flannel_dump_cursor(const struct netlink_callback *cb)
{
	if (cb->args[3] != cb->args[0])
		return 0;
	return (u64)(u32)cb->args[2] << 32 | (u32)cb->args[1];
}

/**
 * flannel_dump_set_cursor - remember where a dump stands
 * @cb: dump
 * @cursor: where
 */
void flannel_dump_set_cursor(struct netlink_callback *cb, u64 cursor)
{
	cb->args[1] = lower_32_bits(cursor);
	cb->args[2] = upper_32_bits(cursor);
	cb->args[3] = cb->args[0];
}

/**
 * flannel_dump_comings - tell a dump of devices which of them it shows
 * @cb: dump
 */
void flannel_dump_comings(struct netlink_callback *cb)
{
	cb->seq = (u32)atomic_read(&flannel_net(sock_net(cb->skb->sk))->comings) << 1 | 1;
}

/**
 * flannel_dump_seq - tell a dump which state of the tables it shows
 * @cb: dump
 * @fl: device it is at, its lock held; NULL at the end of a dump of all
 */
void flannel_dump_seq(struct netlink_callback *cb, const struct flannel_dev *fl)
{
	const struct flannel_net *fn = flannel_net(sock_net(cb->skb->sk));
	u32 seq = flannel_dump_attrs(cb)[FLANNEL_A_IFINDEX] ? fl->table.seq :
							     (u32)atomic_read(&fn->changes);

	/* 0 means that there is nothing to compare. */
	cb->seq = seq << 1 | 1;
}

/**
 * flannel_dump_tables - dump one table or all
 * @skb: part of the dump
 * @cb: dump
 * @dump: dumps the rest of one table; -EMSGSIZE when @skb is full
 *
 * Return: length of the part, 0 at the end, or a negative errno.
 */
int flannel_dump_tables(struct sk_buff *skb, struct netlink_callback *cb,
			flannel_dump_table_t dump)
{
	struct flannel_dev *fl;
	int err = 0;

	while (!err && (fl = flannel_dump_dev(cb))) {
		if (IS_ERR(fl))
			return PTR_ERR(fl);
		err = dump(skb, fl, cb);
		if (!err)
			cb->args[0]++;
		flannel_release_dev(fl);
	}
	/* A device that went in the middle was perhaps the last one. */
	if (!err && !flannel_dump_attrs(cb)[FLANNEL_A_IFINDEX])
		flannel_dump_seq(cb, NULL);
	return skb->len;
}

static int put_lease(struct sk_buff *skb, const struct flannel_dev *fl,
		     const struct flannel_spec *spec, struct netlink_callback *cb)
{
	void *header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				   &flannel_family, NLM_F_MULTI, FLANNEL_CMD_LEASE_GET);

	if (!header)
		return -EMSGSIZE;
	genl_dump_check_consistent(cb, header);
	if (nla_put_u32(skb, FLANNEL_A_IFINDEX, fl->dev->ifindex) || fill_lease(skb, spec)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

static int dump_dev_leases(struct sk_buff *skb, struct flannel_dev *fl,
			   struct netlink_callback *cb)
{
	struct nlattr **attrs = flannel_dump_attrs(cb);
	u64 cursor = flannel_dump_cursor(cb), next = cursor;
	struct flannel_spec spec;
	struct flannel_ip vtep;
	bool filter;
	int err = 0;

	filter = read_ip(&vtep, attrs[FLANNEL_A_VTEP4], attrs[FLANNEL_A_VTEP6]);
	mutex_lock(&fl->lock);
	flannel_dump_seq(cb, fl);
	while (flannel_table_next_lease(&fl->table, &next, &spec)) {
		if (!filter || flannel_ip_equal(&spec.vtep, &vtep))
			err = put_lease(skb, fl, &spec, cb);
		if (err)
			break;
		cursor = next;
	}
	mutex_unlock(&fl->lock);
	flannel_dump_set_cursor(cb, err ? cursor : 0);
	return err;
}

/**
 * flannel_dump_leases - dump of LEASE_GET
 * @skb: part of the dump
 * @cb: dump
 *
 * Return: length of the part, 0 at the end, or a negative errno.
 */
int flannel_dump_leases(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr **attrs = flannel_dump_attrs(cb);

	if (attrs[FLANNEL_A_ADDR4] || attrs[FLANNEL_A_ADDR6])
		return refuse(cb->extack, attrs[FLANNEL_A_ADDR4] ?: attrs[FLANNEL_A_ADDR6],
			      "An address is looked up, not dumped");
	if (attrs[FLANNEL_A_VTEP4] && attrs[FLANNEL_A_VTEP6])
		return refuse(cb->extack, attrs[FLANNEL_A_VTEP6], "A dump is filtered by one VTEP");
	return flannel_dump_tables(skb, cb, dump_dev_leases);
}
