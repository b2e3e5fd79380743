// SPDX-License-Identifier: GPL-2.0
/* Choosing the interface and its addresses. */

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "flannel.h"
#include "iface.h"

/*
 * The choice while it is made.  @tried is what did not fit; @bind4 and @bind6
 * are addresses that the options named.
 */
struct choice {
	const struct facts *facts;
	bool v4, v6;
	const struct fact_link *link;
	struct addr bind4, bind6;
	char tried[384];
	size_t tried_len;
};

/* Always false: the option just tried did not fit. */
static bool __printf(2, 3) miss(struct choice *c, const char *fmt, ...)
{
	size_t room = sizeof(c->tried) - c->tried_len;
	va_list args;
	int len = 0;

	if (c->tried_len)
		len = snprintf(c->tried + c->tried_len, room, "; ");
	if ((size_t)len < room) {
		va_start(args, fmt);
		len += vsnprintf(c->tried + c->tried_len + len, room - len, fmt, args);
		va_end(args);
	}
	c->tried_len += (size_t)len < room ? (size_t)len : room - 1;
	return false;
}

static bool is_link_local(const struct addr *addr)
{
	if (addr->family == AF_INET)
		return addr->bytes[0] == 169 && addr->bytes[1] == 254;
	return addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

/* Greater is better, 0: not to be used. */
static unsigned int rank(const struct fact_addr *addr)
{
	unsigned int rank = 1;

	if ((addr->flags & (IFA_F_DEPRECATED | IFA_F_DADFAILED)) ||
	    !addr_is_unicast(&addr->prefix.addr))
		return 0;
	if (addr->scope < RT_SCOPE_LINK && !is_link_local(&addr->prefix.addr))
		rank += 4;
	if (addr->flags & IFA_F_PERMANENT)
		rank += 2;
	/* The bit means "secondary" of IPv4 addresses. */
	if (addr->prefix.addr.family == AF_INET || !(addr->flags & IFA_F_TEMPORARY))
		rank += 1;
	return rank;
}

/* The best address of @link that matches @regex (NULL: any), or NULL. */
static const struct fact_addr *best_addr(const struct facts *facts, const struct fact_link *link,
					 uint8_t family, const regex_t *regex)
{
	const struct fact_addr *best = NULL;
	char text[ADDR_TEXT];
	size_t i;

	for (i = 0; i < facts->addr_count; i++) {
		const struct fact_addr *addr = &facts->addrs[i];

		if (addr->ifindex != link->ifindex || addr->prefix.addr.family != family)
			continue;
		if (rank(addr) <= (best ? rank(best) : 0))
			continue;
		if (!regex || !regexec(regex, format_addr(&addr->prefix.addr, text), 0, NULL, 0))
			best = addr;
	}
	return best;
}

static struct addr *bind_of(struct choice *c, uint8_t family)
{
	return family == AF_INET ? &c->bind4 : &c->bind6;
}

static bool fill_bind(struct choice *c, const struct fact_link *link, uint8_t family,
		      const char *option)
{
	const struct fact_addr *best;

	if (bind_of(c, family)->family)
		return true;
	best = best_addr(c->facts, link, family, NULL);
	if (!best)
		return miss(c, "%s: %s has no %s address that can be used", option, link->name,
			    family == AF_INET ? "IPv4" : "IPv6");
	*bind_of(c, family) = best->prefix.addr;
	return true;
}

/* Choose @link unless it does not do; @named is an address that was asked for. */
static bool take(struct choice *c, const struct fact_link *link, const struct addr *named,
		 const char *option)
{
	memset(&c->bind4, 0, sizeof(c->bind4));
	memset(&c->bind6, 0, sizeof(c->bind6));
	if (named)
		*bind_of(c, named->family) = *named;
	if (link_is_overlay(link))
		return miss(c, "%s: %s is an overlay device itself", option, link->name);
	if (!link->mtu)
		return miss(c, "%s: %s has an MTU of 0", option, link->name);
	if (c->v4 && !fill_bind(c, link, AF_INET, option))
		return false;
	if (c->v6 && !fill_bind(c, link, AF_INET6, option))
		return false;
	c->link = link;
	return true;
}

static bool by_addr(struct choice *c, const struct addr *addr, const char *option)
{
	const struct fact_addr *own = facts_own(c->facts, addr);
	const struct fact_link *link = own ? facts_link_by_index(c->facts, own->ifindex) : NULL;
	char text[ADDR_TEXT];

	if (!link)
		return miss(c, "%s: no interface has the address %s", option,
			    format_addr(addr, text));
	return take(c, link, addr, option);
}

static bool by_name(struct choice *c, const char *name, struct iface *iface)
{
	const struct fact_link *link = facts_link(c->facts, name);
	struct words w = { 0 };
	char option[96];
	struct addr addr;

	snprintf(option, sizeof(option), "--iface %.64s", name);
	snprintf(iface->why, sizeof(iface->why), "%s", option);
	if (link)
		return take(c, link, NULL, option);
	if (parse_addr(&w, name, &addr))
		return by_addr(c, &addr, option);
	return miss(c, "%s: there is no interface of that name", option);
}

static bool is_candidate(const struct fact_link *link)
{
	return (link->flags & IFF_UP) && !(link->flags & IFF_LOOPBACK) && !link_is_overlay(link);
}

static bool regex_addrs(struct choice *c, const regex_t *regex, const char *option)
{
	const uint8_t families[] = { c->v4 ? AF_INET : AF_INET6, AF_INET6 };
	const struct fact_addr *addr = NULL;
	size_t i, j;

	for (i = 0; i < c->facts->link_count; i++) {
		const struct fact_link *link = &c->facts->links[i];

		for (j = 0; j < (c->v6 ? 2 : 1) && is_candidate(link); j++) {
			addr = best_addr(c->facts, link, families[j], regex);
			if (addr && take(c, link, &addr->prefix.addr, option))
				return true;
		}
	}
	return false;
}

static bool regex_names(struct choice *c, const regex_t *regex, const char *option)
{
	size_t i;

	for (i = 0; i < c->facts->link_count; i++) {
		const struct fact_link *link = &c->facts->links[i];

		if (is_candidate(link) && !regexec(regex, link->name, 0, NULL, 0) &&
		    take(c, link, NULL, option))
			return true;
	}
	return false;
}

static bool by_regex(struct choice *c, const char *pattern, struct iface *iface)
{
	char option[96], text[96];
	regex_t regex;
	int code;
	bool hit;

	snprintf(option, sizeof(option), "--iface-regex %.64s", pattern);
	snprintf(iface->why, sizeof(iface->why), "%s", option);
	code = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (code) {
		regerror(code, &regex, text, sizeof(text));
		return miss(c, "%s is not a POSIX extended regular expression: %s", option, text);
	}
	hit = regex_addrs(c, &regex, option) || regex_names(c, &regex, option);
	regfree(&regex);
	return hit || miss(c, "%s fits no interface that is up", option);
}

/* The source that the kernel would take, when the route says so. */
static bool take_route(struct choice *c, const struct fact_route *route, const char *option)
{
	const struct fact_link *link = facts_link_by_index(c->facts, route->oif);
	const struct fact_addr *src = facts_own(c->facts, &route->src);

	if (!link)
		return miss(c, "%s: the route leads to no interface", option);
	if (src && src->ifindex != link->ifindex)
		src = NULL;
	return take(c, link, src ? &src->prefix.addr : NULL, option);
}

static bool by_reach(struct choice *c, const char *text, struct iface *iface)
{
	const struct fact_route *route;
	struct words w = { 0 };
	struct addr addr;
	char option[96];

	snprintf(option, sizeof(option), "--iface-can-reach %.64s", text);
	snprintf(iface->why, sizeof(iface->why), "%s", option);
	if (!parse_addr(&w, text, &addr))
		return miss(c, "%s is not an IPv4 or IPv6 address", option);
	if (facts_own(c->facts, &addr))
		return by_addr(c, &addr, option);
	route = facts_route_to(c->facts, &addr, FLANNEL_ROUTE_PROTOCOL);
	if (!route || route->type != RTN_UNICAST)
		return miss(c, "%s: there is no route", option);
	return take_route(c, route, option);
}

/* Default route */

static const struct fact_link *default_link(struct choice *c, uint8_t family)
{
	const struct addr any = { .family = family };
	const struct fact_route *route, *best = NULL;
	size_t i;

	for (i = 0; i < c->facts->route_count; i++) {
		route = &c->facts->routes[i];
		if (route->dst.len || compare_addr(&route->dst.addr, &any) ||
		    route->type != RTN_UNICAST || route->protocol == FLANNEL_ROUTE_PROTOCOL)
			continue;
		if (!best || route->metric < best->metric)
			best = route;
	}
	if (best && facts_link_by_index(c->facts, best->oif))
		return facts_link_by_index(c->facts, best->oif);
	miss(c, "there is no %s default route: name the interface with --iface",
	     family == AF_INET ? "IPv4" : "IPv6");
	return NULL;
}

static bool by_default(struct choice *c, struct iface *iface)
{
	const struct fact_link *first = default_link(c, c->v4 ? AF_INET : AF_INET6), *second;

	if (!first)
		return false;
	second = c->v4 && c->v6 ? default_link(c, AF_INET6) : first;
	if (!second)
		return false;
	if (first != second)
		return miss(c,
			    "the IPv4 default route leads to %s, the IPv6 one to %s: name one interface with --iface",
			    first->name, second->name);
	snprintf(iface->why, sizeof(iface->why), "default route");
	return take(c, first, NULL, "default route");
}

static bool given(const char *text)
{
	return text && *text;
}

static bool by_public(struct choice *c, const struct addr *addr, struct iface *iface)
{
	char text[ADDR_TEXT];

	snprintf(iface->why, sizeof(iface->why), "public address %s", format_addr(addr, text));
	return by_addr(c, addr, iface->why);
}

static bool choose_link(struct choice *c, const struct iface_options *o, struct iface *iface)
{
	const char **text;

	for (text = o->iface; text && *text; text++)
		if (by_name(c, *text, iface))
			return true;
	for (text = o->regex; text && *text; text++)
		if (by_regex(c, *text, iface))
			return true;
	if (given(o->can_reach) && by_reach(c, o->can_reach, iface))
		return true;
	if ((o->iface && *o->iface) || (o->regex && *o->regex) || given(o->can_reach))
		return false;
	/* Behind NAT no interface has the public address. */
	if (facts_own(c->facts, &iface->public4))
		return by_public(c, &iface->public4, iface);
	if (facts_own(c->facts, &iface->public6))
		return by_public(c, &iface->public6, iface);
	return by_default(c, iface);
}

static bool read_public(const char *option, const char *text, uint8_t family, struct addr *addr,
			struct error *error)
{
	struct words w = { 0 };

	if (!given(text))
		return true;
	if (parse_addr(&w, text, addr) && addr->family == family && addr_is_unicast(addr))
		return true;
	return set_error(error, "%s: \"%.64s\" is not a unicast %s address", option, text,
			 family == AF_INET ? "IPv4" : "IPv6");
}

static void settle(const struct choice *c, struct iface *iface)
{
	static const struct addr none;

	iface->ifindex = c->link->ifindex;
	memcpy(iface->name, c->link->name, sizeof(iface->name));
	iface->mtu = c->link->mtu;
	iface->bind4 = c->v4 ? c->bind4 : none;
	iface->bind6 = c->v6 ? c->bind6 : none;
	if (!c->v4 || !iface->public4.family)
		iface->public4 = iface->bind4;
	if (!c->v6 || !iface->public6.family)
		iface->public6 = iface->bind6;
}

bool iface_choose(const struct facts *facts, const struct iface_options *options, bool v4, bool v6,
		  struct iface *iface, struct error *error)
{
	struct choice c = { .facts = facts, .v4 = v4, .v6 = v6 };

	memset(iface, 0, sizeof(*iface));
	if (!read_public("--public-ip", options->public_ip, AF_INET, &iface->public4, error) ||
	    !read_public("--public-ipv6", options->public_ip6, AF_INET6, &iface->public6, error))
		return false;
	if (!v4 && !v6)
		return set_error(error, "the network has neither IPv4 nor IPv6");
	if (!choose_link(&c, options, iface))
		return set_error(error, "no interface can be used: %s", c.tried);
	settle(&c, iface);
	return true;
}

bool iface_same(const struct iface *a, const struct iface *b)
{
	return a->ifindex == b->ifindex && !strcmp(a->name, b->name) &&
	       !compare_addr(&a->bind4, &b->bind4) && !compare_addr(&a->bind6, &b->bind6) &&
	       !compare_addr(&a->public4, &b->public4) && !compare_addr(&a->public6, &b->public6);
}

static bool has_addr(const struct facts *facts, int ifindex, const struct addr *addr)
{
	size_t i;

	for (i = 0; i < facts->addr_count; i++)
		if (facts->addrs[i].ifindex == ifindex &&
		    !compare_addr(&facts->addrs[i].prefix.addr, addr))
			return true;
	return !addr->family;
}

bool iface_stands(const struct facts *facts, const struct iface *iface)
{
	const struct fact_link *link = facts_link_by_index(facts, iface->ifindex);

	return link && !strcmp(link->name, iface->name) && link->flags & IFF_RUNNING &&
	       has_addr(facts, iface->ifindex, &iface->bind4) &&
	       has_addr(facts, iface->ifindex, &iface->bind6);
}
