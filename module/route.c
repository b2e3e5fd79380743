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
	route->saddr6 = fl6.saddr;
	return 0;
}

static bool cache_get6(struct dst_cache *cache, struct flannel_route *route)
{
	route->dst = dst_cache_get_ip6(cache, &route->saddr6);
	return route->dst;
}

static void cache_set6(struct dst_cache *cache, const struct flannel_route *route)
{
	dst_cache_set_ip6(cache, route->dst, &route->saddr6);
}
#else
static int route6(struct flannel_dev *fl, const struct flannel_config *cfg,
		  const struct flannel_socket *fs, const struct flannel_ip *to,
		  struct flannel_route *route)
{
	return FLANNEL_A_STATS_TX_NO_SOCKET;
}

static bool cache_get6(struct dst_cache *cache, struct flannel_route *route)
{
	return false;
}

static void cache_set6(struct dst_cache *cache, const struct flannel_route *route)
{
}
#endif

static bool cache_get(struct dst_cache *cache, u8 family, struct flannel_route *route)
{
	struct rtable *rt;

	if (family != AF_INET)
		return cache_get6(cache, route);
	rt = dst_cache_get_ip4(cache, &route->saddr4);
	if (!rt)
		return false;
	route->dst = &rt->dst;
	return true;
}

static void cache_set(struct dst_cache *cache, u8 family, const struct flannel_route *route)
{
	if (family == AF_INET)
		dst_cache_set_ip4(cache, route->dst, route->saddr4);
	else
		cache_set6(cache, route);
}

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
 * Routes are cached per VTEP, unless the packet's own TOS takes part.
 *
 * Context: bottom halves disabled and rcu_read_lock().
 * Return: 0, the caller owns a reference to @route->dst; or why to drop the
 * packet, enum flannel_stats_attr.
 */
int flannel_route(struct flannel_dev *fl, const struct flannel_config *cfg,
		  const struct flannel_socket *fs, struct flannel_vtep *vtep,
		  struct flannel_route *route)
{
	struct flannel_path *path = flannel_path_of(fl, vtep);
	u8 family = vtep->addr.family;
	int cause;

	if (cfg->tos == 1 && route->dsfield & INET_DSCP_MASK)
		path = NULL;
	if (path && cache_get(&path->cache, family, route))
		return 0;

	cause = flannel_route_look_up(fl, cfg, fs, &vtep->addr, route);
	if (!cause && path)
		cache_set(&path->cache, family, route);
	return cause;
}
