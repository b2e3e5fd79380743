// SPDX-License-Identifier: GPL-2.0
/*
 * model.c - the lease table as an array, for comparison
 */
#include "model.h"

typedef unsigned __int128 u128;

static int width(u8 family)
{
	return family == AF_INET ? 32 : 128;
}

/* An address as a number, its first bit on top. */
static u128 number(const struct flannel_ip *ip)
{
	u64 half[2];

	memcpy(half, &ip->ip6, sizeof(half));
	return (u128)__builtin_bswap64(half[0]) << 64 | __builtin_bswap64(half[1]);
}

static struct flannel_ip address(u8 family, u128 n)
{
	struct flannel_ip ip = { .family = family };
	u8 *byte = (u8 *)&ip.ip6;
	int i;

	for (i = 0; i < width(family) / 8; i++)
		byte[i] = n >> (120 - 8 * i);
	return ip;
}

static u128 host_mask(int len)
{
	return len >= 128 ? 0 : ~(u128)0 >> len;
}

bool model_ip_equal(const struct flannel_ip *a, const struct flannel_ip *b)
{
	return a->family == b->family && number(a) == number(b);
}

bool model_contains(const struct flannel_prefix *prefix, const struct flannel_ip *ip)
{
	return prefix->addr.family == ip->family &&
	       !((number(&prefix->addr) ^ number(ip)) & ~host_mask(prefix->len));
}

bool model_overlaps(const struct flannel_prefix *a, const struct flannel_prefix *b)
{
	return model_contains(a->len < b->len ? a : b, a->len < b->len ? &b->addr : &a->addr);
}

bool model_prefix_equal(const struct flannel_prefix *a, const struct flannel_prefix *b)
{
	return a->len == b->len && model_ip_equal(&a->addr, &b->addr);
}

bool model_spec_equal(const struct flannel_spec *a, const struct flannel_spec *b)
{
	return model_prefix_equal(&a->prefix, &b->prefix) && a->local == b->local &&
	       model_ip_equal(&a->vtep, &b->vtep) && !memcmp(a->mac, b->mac, ETH_ALEN);
}

bool model_answer_equal(const struct model_answer *a, const struct model_answer *b)
{
	return a->what == b->what &&
	       (a->what != MODEL_VTEP ||
		(model_ip_equal(&a->vtep, &b->vtep) && !memcmp(a->mac, b->mac, ETH_ALEN)));
}

struct flannel_ip model_base(const struct flannel_ip *ip, u8 len)
{
	return address(ip->family, number(ip) & ~host_mask(len));
}

struct flannel_ip model_last(const struct flannel_prefix *prefix)
{
	return address(prefix->addr.family, number(&prefix->addr) | host_mask(prefix->len));
}

struct flannel_ip model_step(const struct flannel_ip *ip, int step)
{
	u128 unit = (u128)1 << (128 - width(ip->family));

	return address(ip->family, number(ip) + unit * step);
}

void model_copy(struct model *to, const struct model *from)
{
	*to = *from;
	to->lease = malloc((from->count + 1) * sizeof(*to->lease));
	shim_assert(to->lease);
	if (from->count)
		memcpy(to->lease, from->lease, from->count * sizeof(*to->lease));
}

void model_free(struct model *model)
{
	free(model->lease);
	model->lease = NULL;
	model->count = 0;
}

static void append(struct model *model, const struct flannel_spec *spec)
{
	model->lease = realloc(model->lease, (model->count + 1) * sizeof(*spec));
	shim_assert(model->lease);
	model->lease[model->count++] = *spec;
}

const struct flannel_spec *model_find(const struct model *model, const struct flannel_ip *ip)
{
	const struct flannel_spec *best = NULL;
	size_t i;

	for (i = 0; i < model->count; i++)
		if (model_contains(&model->lease[i].prefix, ip) &&
		    (!best || model->lease[i].prefix.len > best->prefix.len))
			best = &model->lease[i];
	return best;
}

const struct flannel_spec *model_exact(const struct model *model,
				       const struct flannel_prefix *prefix)
{
	size_t i;

	for (i = 0; i < model->count; i++)
		if (model_prefix_equal(&model->lease[i].prefix, prefix))
			return &model->lease[i];
	return NULL;
}

struct model_answer model_lookup(const struct model *model, const struct flannel_ip *ip)
{
	const struct flannel_spec *spec = model_find(model, ip);
	struct model_answer answer = { .what = MODEL_NONE };

	if (!spec)
		return answer;
	answer.what = spec->local ? MODEL_LOCAL : MODEL_VTEP;
	answer.vtep = spec->vtep;
	memcpy(answer.mac, spec->mac, ETH_ALEN);
	return answer;
}

u32 model_leases_of(const struct model *model, const struct flannel_ip *vtep, const u8 *mac)
{
	u32 leases = 0;
	size_t i;

	for (i = 0; i < model->count; i++)
		leases += !model->lease[i].local &&
			  model_ip_equal(&model->lease[i].vtep, vtep) &&
			  !memcmp(model->lease[i].mac, mac, ETH_ALEN);
	return leases;
}

/* Returns the number of distinct lengths and sets @any to one of them. */
static int lengths(const struct model *model, int family, u8 *any)
{
	bool seen[129] = { false };
	int count = 0;
	size_t i;

	for (i = 0; i < model->count; i++) {
		const struct flannel_prefix *prefix = &model->lease[i].prefix;

		if ((prefix->addr.family == AF_INET6) != family || seen[prefix->len])
			continue;
		seen[prefix->len] = true;
		*any = prefix->len;
		count++;
	}
	return count;
}

bool model_is_direct(const struct model *model, int family)
{
	const struct flannel_prefix *network = &model->network[family];
	u8 len;

	if (!network->len || lengths(model, family, &len) != 1)
		return false;
	if (len < network->len || len > network->len + 16)
		return false;
	return family == 0 || len <= 64 || network->len >= 64;
}

static bool parse(const char *text, u8 len, struct flannel_prefix *prefix)
{
	memset(prefix, 0, sizeof(*prefix));
	prefix->len = len;
	prefix->addr.family = AF_INET;
	if (inet_pton(AF_INET, text, &prefix->addr.ip6))
		return true;
	prefix->addr.family = AF_INET6;
	return inet_pton(AF_INET6, text, &prefix->addr.ip6);
}

static bool nobodys(const struct flannel_prefix *prefix)
{
	static const struct {
		const char *text;
		u8 len;
	} range[] = {
		{ "0.0.0.0", 8 }, { "127.0.0.0", 8 }, { "169.254.0.0", 16 }, { "224.0.0.0", 4 },
		{ "240.0.0.0", 4 }, { "::", 127 }, { "::ffff:0:0", 96 }, { "fe80::", 10 },
		{ "ff00::", 8 },
	};
	struct flannel_prefix other;
	int i;

	for (i = 0; i < ARRAY_SIZE(range); i++) {
		shim_assert(parse(range[i].text, range[i].len, &other));
		if (other.addr.family == prefix->addr.family && model_overlaps(&other, prefix))
			return true;
	}
	return false;
}

static bool outside(const struct flannel_prefix *network, const struct flannel_prefix *prefix)
{
	const struct flannel_prefix *net = &network[prefix->addr.family == AF_INET6];

	return net->len && (prefix->len < net->len || !model_contains(net, &prefix->addr));
}

static int bad_prefix(const struct model *model, const struct flannel_prefix *prefix)
{
	if (number(&prefix->addr) & host_mask(prefix->len))
		return FLANNEL_REFUSED_HOST_BITS;
	if (nobodys(prefix))
		return FLANNEL_REFUSED_NOBODYS;
	return outside(model->network, prefix) ? FLANNEL_REFUSED_OUTSIDE : 0;
}

static u32 locals(const struct model *model)
{
	u32 count = 0;
	size_t i;

	for (i = 0; i < model->count; i++)
		count += model->lease[i].local;
	return count;
}

static int no_room(const struct model *model, const struct flannel_spec *spec, bool exists)
{
	int family = spec->prefix.addr.family == AF_INET6;
	bool known = false;
	size_t i;
	u8 any;

	for (i = 0; i < model->count; i++)
		if (model->lease[i].prefix.addr.family == spec->prefix.addr.family &&
		    model->lease[i].prefix.len == spec->prefix.len)
			known = true;
	if (!exists && !known && lengths(model, family, &any) == FLANNEL_MAX_LENGTHS)
		return FLANNEL_REFUSED_LENGTHS;
	if (spec->local && locals(model) == FLANNEL_MAX_LOCAL)
		return FLANNEL_REFUSED_LOCALS;
	return !exists && model->count >= model->maxleases ? FLANNEL_REFUSED_FULL : 0;
}

static bool overlaps_local(const struct model *model, const struct flannel_spec *spec)
{
	size_t i;

	for (i = 0; i < model->count; i++) {
		const struct flannel_spec *other = &model->lease[i];

		if (other->prefix.addr.family == spec->prefix.addr.family &&
		    (other->local || spec->local) &&
		    !model_prefix_equal(&other->prefix, &spec->prefix) &&
		    model_overlaps(&other->prefix, &spec->prefix))
			return true;
	}
	return false;
}

static bool vtep_inside(const struct model *model, const struct flannel_spec *spec)
{
	size_t i;

	for (i = 0; i < model->count; i++) {
		const struct flannel_spec *other = &model->lease[i];

		if (!other->local && model_contains(&spec->prefix, &other->vtep))
			return true;
		if (!spec->local && model_contains(&other->prefix, &spec->vtep))
			return true;
	}
	return false;
}

static int bad_vtep(const struct model *model, const struct flannel_spec *spec)
{
	u8 mac[FLANNEL_MAX_MACS][ETH_ALEN];
	int macs = 0, j;
	size_t i;

	if (spec->local)
		return 0;
	if (model_contains(&spec->prefix, &spec->vtep))
		return FLANNEL_REFUSED_VTEP_INSIDE;
	for (i = 0; i < model->count; i++) {
		const struct flannel_spec *other = &model->lease[i];

		if (other->local || !model_ip_equal(&other->vtep, &spec->vtep))
			continue;
		if (!memcmp(other->mac, spec->mac, ETH_ALEN))
			return 0;
		for (j = 0; j < macs && memcmp(mac[j], other->mac, ETH_ALEN); j++)
			;
		if (j == macs)
			memcpy(mac[macs++], other->mac, ETH_ALEN);
	}
	return macs == FLANNEL_MAX_MACS ? FLANNEL_REFUSED_MACS : 0;
}

static int bad_set(const struct model *model, const struct flannel_spec *spec,
		   const struct flannel_spec *old, enum flannel_set_mode mode)
{
	if (old && mode == FLANNEL_SET_ADD)
		return FLANNEL_REFUSED_EXISTS;
	if (!old && mode == FLANNEL_SET_CHANGE)
		return FLANNEL_REFUSED_ABSENT;
	if (old && model_spec_equal(old, spec))
		return 0;
	if (overlaps_local(model, spec))
		return FLANNEL_REFUSED_OVERLAP_LOCAL;
	if (bad_vtep(model, spec))
		return bad_vtep(model, spec);
	if (vtep_inside(model, spec))
		return FLANNEL_REFUSED_VTEP_INSIDE;
	return no_room(model, spec, old);
}

int model_set(struct model *model, const struct flannel_spec *spec, enum flannel_set_mode mode)
{
	struct flannel_spec *old = (struct flannel_spec *)model_exact(model, &spec->prefix);
	int bad = bad_prefix(model, &spec->prefix) ?: bad_set(model, spec, old, mode);

	if (bad)
		return -bad;
	if (old && model_spec_equal(old, spec))
		return FLANNEL_SET_UNCHANGED;
	model->seq++;
	if (old)
		*old = *spec;
	else
		append(model, spec);
	return old ? FLANNEL_SET_CHANGED : FLANNEL_SET_ADDED;
}

int model_del(struct model *model, const struct flannel_prefix *prefix)
{
	struct flannel_spec *old = (struct flannel_spec *)model_exact(model, prefix);

	if (number(&prefix->addr) & host_mask(prefix->len))
		return -FLANNEL_REFUSED_HOST_BITS;
	if (!old)
		return -FLANNEL_REFUSED_ABSENT;
	*old = model->lease[--model->count];
	model->seq++;
	return 0;
}

static bool any_outside(const struct model *model, const struct flannel_prefix *network)
{
	size_t i;

	for (i = 0; i < model->count; i++)
		if (outside(network, &model->lease[i].prefix))
			return true;
	return false;
}

int model_limits(struct model *model, const struct flannel_prefix *network, u32 maxleases)
{
	if (any_outside(model, network))
		return -FLANNEL_REFUSED_OUTSIDE;
	if (model->count > maxleases)
		return -FLANNEL_REFUSED_FULL;
	memcpy(model->network, network, sizeof(model->network));
	model->maxleases = maxleases;
	return 0;
}

int model_cand_add(struct model *cand, const struct flannel_spec *spec)
{
	int bad = bad_prefix(cand, &spec->prefix);

	if (!bad && model_exact(cand, &spec->prefix))
		bad = FLANNEL_REFUSED_EXISTS;
	bad = bad ?: bad_vtep(cand, spec) ?: no_room(cand, spec, false);
	if (!bad)
		append(cand, spec);
	return -bad;
}

static int bad_commit(const struct model *model, const struct model *cand, bool force)
{
	size_t i;

	if (model->seq != cand->seq && !force)
		return FLANNEL_REFUSED_MOVED;
	if (any_outside(cand, model->network))
		return FLANNEL_REFUSED_OUTSIDE;
	if (cand->count > model->maxleases)
		return FLANNEL_REFUSED_FULL;
	for (i = 0; i < cand->count; i++)
		if (overlaps_local(cand, &cand->lease[i]))
			return FLANNEL_REFUSED_OVERLAP_LOCAL;
	for (i = 0; i < cand->count; i++)
		if (vtep_inside(cand, &cand->lease[i]))
			return FLANNEL_REFUSED_VTEP_INSIDE;
	return 0;
}

int model_commit(struct model *model, const struct model *cand, bool force,
		 struct flannel_diff *diff)
{
	int bad = bad_commit(model, cand, force);
	const struct flannel_spec *old;
	struct model copy;
	size_t i;

	if (bad)
		return -bad;
	*diff = (struct flannel_diff){ .removed = model->count };
	for (i = 0; i < cand->count; i++) {
		old = model_exact(model, &cand->lease[i].prefix);
		diff->added += !old;
		diff->removed -= !!old;
		diff->changed += old && !model_spec_equal(old, &cand->lease[i]);
	}
	model_copy(&copy, cand);
	free(model->lease);
	model->lease = copy.lease;
	model->count = copy.count;
	model->seq++;
	return 0;
}
