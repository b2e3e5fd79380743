// SPDX-License-Identifier: GPL-2.0
#include <net/inet_dscp.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "route.h"
#include "socket.h"

static int check4(const struct flannel_dev *fl, const struct rtable *rt)
{
	if (rt->rt_flags & (RTCF_LOCAL | RTCF_BROADCAST | RTCF_MULTICAST))
		return FLANNEL_A_STATS_TX_LOCAL_VTEP;
	return rt->dst.dev == fl->dev ? FLANNEL_A_STATS_TX_LOOP : 0;
}

static int route4(struct flannel_dev *fl, const struct flannel_config *cfg,
		  const struct flannel_socket *fs, const struct flannel_ip *to,
		  struct flannel_route *route)
{
	struct flowi4 fl4 = {
		.flowi4_oif = READ_ONCE(fl->oif),
		.flowi4_mark = cfg->fwmark,
		.flowi4_tos = route->dsfield & INET_DSCP_MASK,
		.flowi4_proto = IPPROTO_UDP,
		.daddr = to->ip4,
		.saddr = cfg->local4,
		.fl4_sport = route->sport,
		.fl4_dport = cfg->port,
	};
	struct rtable *rt;
	int cause;

	rt = ip_route_output_flow(fl->net, &fl4, fs->sock->sk);
	if (IS_ERR(rt))
		return FLANNEL_A_STATS_TX_NO_ROUTE;
	cause = check4(fl, rt);
	if (cause) {
		ip_rt_put(rt);
		return cause;
	}
	route->dst = &rt->dst;
	route->noref = false;
	route->saddr4 = fl4.saddr;
	return 0;
}

#if IS_ENABLED(CONFIG_IPV6)
static int check6(const struct flannel_dev *fl, const struct dst_entry *dst)
{
	const struct rt6_info *rt = container_of(dst, struct rt6_info, dst);

	if (rt->rt6i_flags & (RTF_LOCAL | RTF_ANYCAST))
		return FLANNEL_A_STATS_TX_LOCAL_VTEP;
	return dst->dev == fl->dev ? FLANNEL_A_STATS_TX_LOOP : 0;
}

static int route6(struct flannel_dev *fl, const struct flannel_config *cfg,
		  const struct flannel_socket *fs, const struct flannel_ip *to,
		  struct flannel_route *route)
{
	struct flowi6 fl6 = {
		.flowi6_oif = READ_ONCE(fl->oif),
		.flowi6_mark = cfg->fwmark,
		.flowlabel = ip6_make_flowinfo(route->dsfield & INET_DSCP_MASK, 0),
		.flowi6_proto = IPPROTO_UDP,
		.daddr = to->ip6,
		.saddr = cfg->local6,
		.fl6_sport = route->sport,
		.fl6_dport = cfg->port,
	};
	struct dst_entry *dst;
	int cause;

	dst = ip6_dst_lookup_flow(fl->net, fs->sock->sk, &fl6, NULL);
	if (IS_ERR(dst))
		return FLANNEL_A_STATS_TX_NO_ROUTE;
	cause = check6(fl, dst);
	if (cause) {
		dst_release(dst);
		return cause;
	}
	route->dst = dst;
	route->noref = false;
	route->saddr6 = fl6.saddr;
	return 0;
}
#else
static int route6(struct flannel_dev *fl, const struct flannel_config *cfg,
		  const struct flannel_socket *fs, const struct flannel_ip *to,
		  struct flannel_route *route)
{
	return FLANNEL_A_STATS_TX_NO_SOCKET;
}
#endif

/**
 * flannel_route_look_up - find an underlay route, past the cache
 * @fl: device
 * @cfg: its options
 * @fs: its socket of the family of @to
 * @to: underlay address
 * @route: @sport and @dsfield given, the rest filled in
 *
 * Context: bottom halves disabled and rcu_read_lock().
 * Return: as flannel_route().
 */
int flannel_route_look_up(struct flannel_dev *fl, const struct flannel_config *cfg,
			  const struct flannel_socket *fs, const struct flannel_ip *to,
			  struct flannel_route *route)
{
	return to->family == AF_INET ? route4(fl, cfg, fs, to, route) :
				       route6(fl, cfg, fs, to, route);
}

/**
 * flannel_route - find the underlay route to a VTEP
 * @fl: device
 * @cfg: its options
 * @fs: its socket of the VTEP's family
 * @vtep: VTEP
 * @route: @sport and @dsfield given, the rest filled in
 *
 * Routes are kept with the VTEP, unless the packet's own TOS takes part.
 *
 * Context: bottom halves disabled and rcu_read_lock().
 * Return: 0, and the caller owns a reference to @route->dst unless @route->noref;
 * or why to drop the packet, enum flannel_stats_attr.
 */
int flannel_route(struct flannel_dev *fl, const struct flannel_config *cfg,
		  const struct flannel_socket *fs, struct flannel_vtep *vtep,
		  struct flannel_route *route)
{
	bool keep = cfg->tos != 1 || !(route->dsfield & INET_DSCP_MASK);
	u8 family = vtep->addr.family;
	int cause;

	if (keep && flannel_path_get_route(&vtep->path, family, route))
		return 0;

	cause = flannel_route_look_up(fl, cfg, fs, &vtep->addr, route);
	if (keep)
		flannel_path_set_route(&vtep->path, family, cause ? NULL : route);
	return cause;
}
