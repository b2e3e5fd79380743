// SPDX-License-Identifier: GPL-2.0
/* The overlay device: made or changed live, addressed and up. */

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "apply_impl.h"
#include "rtnl.h"

#define BIT(n)	(1U << (n))
#define NETWORKS4	(BIT(IFLA_FLANNEL_NETWORK) | BIT(IFLA_FLANNEL_NETWORK_LEN))
#define NETWORKS6	(BIT(IFLA_FLANNEL_NETWORK6) | BIT(IFLA_FLANNEL_NETWORK6_LEN))
/* What a plan decides also by not giving it. */
#define DECIDED		(BIT(IFLA_FLANNEL_LOCAL) | BIT(IFLA_FLANNEL_LOCAL6) | \
			 BIT(IFLA_FLANNEL_DEV) | NETWORKS4 | NETWORKS6)
/* What cannot be changed on a live device. */
#define IDENTITY	(BIT(IFLA_FLANNEL_ID) | BIT(IFLA_FLANNEL_PORT))

static uint32_t vni_of(const struct link_options *o)
{
	return o->given & BIT(IFLA_FLANNEL_ID) ? o->id : FLANNEL_DEFAULT_VNI;
}

static uint16_t port_of(const struct link_options *o)
{
	return o->given & BIT(IFLA_FLANNEL_PORT) ? ntohs(o->dstport) : FLANNEL_DEFAULT_PORT;
}

static bool same_identity(const struct link_options *have, const struct link_options *want)
{
	return vni_of(have) == vni_of(want) && port_of(have) == port_of(want);
}

static bool same_option(const struct link_options *have, const struct link_options *want,
			unsigned int type)
{
	size_t have_size, want_size;
	const void *a = options_attr(have, type, &have_size);
	const void *b = options_attr(want, type, &want_size);

	return a && b && have_size == want_size && !memcmp(a, b, want_size);
}

/*
 * Leave in @want what @have has not.  Values that are not given are zero, which
 * is what unsets them.
 */
static void only_different(const struct link_options *have, struct link_options *want)
{
	struct link_options full = *have;
	uint32_t differ = 0;
	unsigned int type;

	full.given = ~0U;
	want->given |= DECIDED;
	for (type = 1; type <= IFLA_FLANNEL_MAX; type++)
		if (want->given & BIT(type) && !same_option(&full, want, type))
			differ |= BIT(type);
	if (differ & NETWORKS4)
		differ |= NETWORKS4;
	if (differ & NETWORKS6)
		differ |= NETWORKS6;
	want->given = differ & ~IDENTITY;
}

/* " mtu 1450 local 10.0.0.1 ..." */
static const char *format_request(const struct ipc_link_request *request, char *text, size_t size)
{
	struct option_value value;
	unsigned int next = 0;
	size_t len = 0;

	*text = '\0';
	if (request->mtu)
		len = snprintf(text, size, " mtu %u", request->mtu);
	while (options_next(&request->options, &next, &value) && len < size)
		len += snprintf(text + len, size - len, " %s%s%s", value.word,
				value.type == OPTION_FLAG ? "" : " ",
				value.type == OPTION_FLAG ? "" : value.text);
	return text;
}

static int set_options(const struct ipc_link_request *request, int ifindex)
{
	struct ipc_link_request lenient = *request;
	uint32_t networks = lenient.options.given & (NETWORKS4 | NETWORKS6);
	int ret = ipc_link_set(ifindex, request);

	if (ret != -EINVAL || !networks)
		return ret;
	if (networks & NETWORKS4)
		lenient.options.network_len = 0;
	if (networks & NETWORKS6)
		lenient.options.network6_len = 0;
	memset(lenient.options.network, 0, sizeof(lenient.options.network));
	memset(lenient.options.network6, 0, sizeof(lenient.options.network6));
	return ipc_link_set(ifindex, &lenient) ? ret : 0;
}

static bool change_options(struct apply *a, const struct plan_device *want,
			   const struct ipc_link *have, struct error *error)
{
	struct ipc_link_request request = { .options = want->options, .up = -1 };
	char text[384];

	only_different(&have->options, &request.options);
	if (want->mtu != have->mtu)
		request.mtu = want->mtu;
	if (!request.options.given && !request.mtu)
		return true;
	format_request(&request, text, sizeof(text));
	if (!a->dry && set_options(&request, have->ifindex))
		return apply_refused(error, "link set %s%s", want->name, text);
	apply_say(a, "link set %s%s", want->name, text);
	return true;
}

bool apply_options(struct apply *a, const struct plan_device *want, int ifindex,
		   struct error *error)
{
	struct ipc_link have;

	if (ipc_link_get(ifindex, &have))
		return apply_refused(error, "device %s", want->name);
	return change_options(a, want, &have, error);
}

static bool delete(struct apply *a, const struct ipc_link *have, struct error *error)
{
	if (!a->dry && ipc_link_del(have->ifindex))
		return apply_refused(error, "link del %s", have->name);
	apply_say(a, "link del %s: it has id %u dstport %u", have->name,
		  vni_of(&have->options), port_of(&have->options));
	return true;
}

static bool create(struct apply *a, const struct plan_device *want, struct ipc_link *made,
		   struct error *error)
{
	struct ipc_link_request request = {
		.options = want->options, .mtu = want->mtu, .up = -1,
	};
	char text[384];

	memset(made, 0, sizeof(*made));
	format_request(&request, text, sizeof(text));
	apply_say(a, "link add %s%s", want->name, text);
	if (a->dry)
		return true;
	/* With another life of the module its family has another number. */
	if (!apply_open(true, error))
		return false;
	if (ipc_link_add(want->name, &request))
		return apply_refused(error, "link add %s%s", want->name, text);
	if (ipc_link_get(if_nametoindex(want->name), made))
		return apply_refused(error, "device %s, just made", want->name);
	return true;
}

/* @have is all zero when there is none yet, which only a dry run leaves. */
static bool make(struct apply *a, const struct plan_device *want, const struct fact_link *link,
		 struct ipc_link *have, struct error *error)
{
	if (!link)
		return create(a, want, have, error);
	if (!apply_open(false, error))
		return false;
	if (ipc_link_get(link->ifindex, have))
		return apply_refused(error, "device %s", want->name);
	if (same_identity(&have->options, &want->options))
		return change_options(a, want, have, error);
	return delete(a, have, error) && create(a, want, have, error);
}

/* --- addresses --- */

static bool is_link_local(const struct addr *addr)
{
	return addr->family == AF_INET6 && addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

static bool is_planned(const struct plan_device *want, const struct prefix *addr)
{
	return (want->addr4.addr.family && !compare_prefix(&want->addr4, addr)) ||
	       (want->addr6.addr.family && !compare_prefix(&want->addr6, addr));
}

/* An address that somebody else may have put there for a purpose stays. */
static bool is_stray(const struct plan_device *want, const struct prefix *addr)
{
	const struct prefix *network = addr->addr.family == AF_INET ? &want->network4 :
								       &want->network6;

	return !is_planned(want, addr) && !is_link_local(&addr->addr) &&
	       network->addr.family && prefix_contains(network, &addr->addr);
}

static bool add_addr(struct apply *a, const struct plan_device *want, const struct prefix *addr,
		     int ifindex, struct error *error)
{
	char text[PREFIX_TEXT];

	if (!a->dry && rtnl_addr_add(ifindex, addr))
		return apply_refused(error, "address add %s dev %s", format_prefix(addr, text),
				     want->name);
	apply_say(a, "address add %s dev %s", format_prefix(addr, text), want->name);
	return true;
}

static bool del_addr(struct apply *a, const struct plan_device *want, const struct prefix *addr,
		     int ifindex, struct error *error)
{
	char text[PREFIX_TEXT];
	int ret = a->dry ? 0 : rtnl_addr_del(ifindex, addr);

	if (ret && ret != -EADDRNOTAVAIL)
		return apply_refused(error, "address del %s dev %s", format_prefix(addr, text),
				     want->name);
	apply_say(a, "address del %s dev %s", format_prefix(addr, text), want->name);
	return true;
}

/* Make sure of @addr; IPv6 takes no address twice, whatever its length. */
static bool apply_addr(struct apply *a, const struct plan_device *want,
		       const struct prefix *addr, int ifindex, const struct facts *facts,
		       struct error *error)
{
	const struct fact_addr *have;
	size_t i;

	if (!addr->addr.family)
		return true;
	for (i = 0; i < facts->addr_count; i++) {
		have = &facts->addrs[i];
		if (have->ifindex != ifindex || compare_addr(&have->prefix.addr, &addr->addr))
			continue;
		if (have->prefix.len == addr->len)
			return true;
		if (addr->addr.family == AF_INET6 &&
		    !del_addr(a, want, &have->prefix, ifindex, error))
			return false;
	}
	return add_addr(a, want, addr, ifindex, error);
}

static bool remove_strays(struct apply *a, const struct plan_device *want, int ifindex,
			  const struct facts *facts, struct error *error)
{
	const struct prefix *addr;
	size_t i;

	for (i = 0; i < facts->addr_count; i++) {
		addr = &facts->addrs[i].prefix;
		if (facts->addrs[i].ifindex != ifindex || !is_stray(want, addr))
			continue;
		/* Gone already, see above. */
		if (addr->addr.family == AF_INET6 && !compare_addr(&addr->addr, &want->addr6.addr))
			continue;
		if (!del_addr(a, want, addr, ifindex, error))
			return false;
	}
	return true;
}

static bool bring_up(struct apply *a, const struct plan_device *want, const struct ipc_link *have,
		     struct error *error)
{
	const struct ipc_link_request up = { .up = 1 };

	if (have->flags & IFF_UP)
		return true;
	if (!a->dry && ipc_link_set(have->ifindex, &up))
		return apply_refused(error, "link set %s up", want->name);
	apply_say(a, "link set %s up", want->name);
	return true;
}

/* All but up. */
static bool prepare(struct apply *a, const struct plan_device *want, const struct facts *facts,
		    struct ipc_link *have, struct error *error)
{
	return make(a, want, facts_link(facts, want->name), have, error) &&
	       apply_addr(a, want, &want->addr4, have->ifindex, facts, error) &&
	       apply_addr(a, want, &want->addr6, have->ifindex, facts, error) &&
	       remove_strays(a, want, have->ifindex, facts, error);
}

bool apply_device_down(struct apply *a, const struct plan *plan, const struct facts *facts,
		       struct error *error)
{
	struct ipc_link have;

	return prepare(a, &plan->device, facts, &have, error);
}

bool name_displaced(const char *name, const struct facts *facts, struct error *error)
{
	const struct fact_link *link = facts_link(facts, name);

	if (!link || !strcmp(link->kind, FLANNEL_LINK_KIND))
		return false;
	set_error(error, "device %s is of kind %s, not " FLANNEL_LINK_KIND
		  ": somebody else has taken the name", name, *link->kind ? link->kind : "NIC");
	return true;
}

bool device_displaced(const struct plan *plan, const struct facts *facts, struct error *error)
{
	return *plan->device.name && name_displaced(plan->device.name, facts, error);
}

bool apply_device(struct apply *a, const struct plan *plan, const struct facts *facts,
		  bool *displaced, struct error *error)
{
	const struct plan_device *want = &plan->device;
	struct ipc_link have;

	*displaced = device_displaced(plan, facts, error);
	if (*displaced || !*want->name)
		return !*displaced;
	return prepare(a, want, facts, &have, error) && bring_up(a, want, &have, error);
}
