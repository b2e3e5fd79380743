// SPDX-License-Identifier: GPL-2.0
/*
 * Which records become leases.  The kernel refuses a whole table for one bad
 * lease, so that everything it would refuse is sorted out here.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan_impl.h"

#define REASON	320

/* Addresses that no pod can have. */
static const struct prefix nobodys[] = {
	{ { AF_INET, { 0 } }, 8 },
	{ { AF_INET, { 127 } }, 8 },
	{ { AF_INET, { 169, 254 } }, 16 },
	{ { AF_INET, { 224 } }, 4 },
	{ { AF_INET, { 240 } }, 4 },
	{ { AF_INET6, { 0 } }, 127 },
	{ { AF_INET6, { [10] = 0xff, [11] = 0xff } }, 96 },
	{ { AF_INET6, { 0xfe, 0x80 } }, 10 },
	{ { AF_INET6, { 0xff } }, 8 },
};

bool plan_is_nobodys(const struct prefix *prefix)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nobodys); i++)
		if (prefix_overlaps(&nobodys[i], prefix))
			return true;
	return false;
}

/* Of this host, whatever else is at it. */
bool plan_is_ours(const struct work *work, const struct addr *addr)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(work->family); i++)
		if (!compare_addr(&work->family[i].bind, addr) ||
		    !compare_addr(&work->family[i].public, addr))
			return true;
	return facts_own(work->in->facts, addr) || facts_route_to(&work->locals, addr, 0);
}

/* One record by itself */

/* Always false: @peer is not to be used. */
static bool __printf(3, 4) refuse(struct work *work, const struct peer *peer, const char *fmt, ...)
{
	char reason[REASON], subnet[PREFIX_TEXT], vtep[ADDR_TEXT] = "no address";
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	if (peer->vtep.family)
		format_addr(&peer->vtep, vtep);
	plan_notice(work, "peer %s (%s) skipped: %s", format_prefix(&peer->subnet, subnet), vtep,
		    reason);
	work->noticed[peer->record] = true;
	return false;
}

static bool check_subnet(struct work *work, const struct plan_family *family,
			 const struct peer *peer)
{
	char text[PREFIX_TEXT], addr[ADDR_TEXT];

	if (!peer->subnet.len)
		return refuse(work, peer, "a lease has a length of at least 1");
	if (plan_is_nobodys(&peer->subnet))
		return refuse(work, peer,
			      "it is, or has in it, multicast, loopback, link-local or reserved addresses");
	if (!prefix_covers(&family->network, &peer->subnet))
		return refuse(work, peer, "it is outside the network %s",
			      format_prefix(&family->network, text));
	if (prefix_overlaps(&family->subnet, &peer->subnet))
		return refuse(work, peer, "it overlaps our own subnet %s",
			      format_prefix(&family->subnet, text));
	if (prefix_contains(&peer->subnet, &family->bind))
		return refuse(work, peer, "our own address %s lies in it",
			      format_addr(&family->bind, addr));
	if (prefix_contains(&peer->subnet, &family->public))
		return refuse(work, peer, "our own public address %s lies in it",
			      format_addr(&family->public, addr));
	return true;
}

static bool check_vtep(struct work *work, const struct plan_family *family,
		       const struct peer *peer)
{
	char text[PREFIX_TEXT];

	if (!peer->vtep.family)
		return refuse(work, peer, "it has no public %s address", family->name);
	if (!addr_is_unicast(&peer->vtep))
		return refuse(work, peer, "its public address is not a unicast address");
	if (!compare_addr(&peer->vtep, &family->public))
		return refuse(work, peer, "it has our own public address");
	if (plan_is_ours(work, &peer->vtep))
		return refuse(work, peer, "its public address is one of this host");
	if (prefix_contains(&family->subnet, &peer->vtep))
		return refuse(work, peer, "its public address lies in our own subnet %s",
			      format_prefix(&family->subnet, text));
	if (prefix_contains(&peer->subnet, &peer->vtep))
		return refuse(work, peer, "its public address lies in its own subnet");
	return true;
}

static bool check_data(struct work *work, const struct peer *peer, const struct backend_data *data)
{
	static const uint8_t zero[6];
	char text[MAC_TEXT];

	if (work->in->config->backend != BACKEND_VXLAN)
		return true;
	if (!data->has_mac)
		return refuse(work, peer, "it has no VtepMAC");
	if ((data->mac[0] & 1) || !memcmp(data->mac, zero, sizeof(zero)))
		return refuse(work, peer, "its VtepMAC %s is not a unicast MAC",
			      format_mac(data->mac, text));
	return true;
}

/* Registered by hand, a subnet may be any address in it. */
static void clear_host_bits(struct prefix *prefix)
{
	unsigned int i;

	for (i = prefix->len; i < 8 * sizeof(prefix->addr.bytes); i++)
		prefix->addr.bytes[i / 8] &= ~(0x80 >> i % 8);
}

static void set_peer(const struct work *work, unsigned int which, size_t index, struct peer *peer)
{
	const struct record *record = &work->in->peers->record[index];
	const struct backend_data *data = which ? &record->data6 : &record->data4;

	memset(peer, 0, sizeof(*peer));
	peer->subnet = which ? record->subnet6 : record->subnet4;
	peer->vtep = which ? record->public6 : record->public4;
	memcpy(peer->mac, data->mac, sizeof(peer->mac));
	peer->record = index;
	peer->revision = record->mod_revision;
	clear_host_bits(&peer->subnet);
}

static bool check_backend(struct work *work, size_t index)
{
	const char *wanted = backend_name(work->in->config->backend);
	const struct record *record = &work->in->peers->record[index];
	struct peer peer;

	if (!strcmp(record->backend, wanted))
		return true;
	set_peer(work, !record->subnet4.addr.family, index, &peer);
	return refuse(work, &peer, "its backend is \"%s\", ours is \"%s\"", record->backend, wanted);
}

/* The peers of one family that are sound by themselves. */
static void collect(struct work *work, unsigned int which, const bool *same_backend)
{
	struct plan_family *family = &work->family[which];
	const struct record *record = work->in->peers->record;
	size_t i;

	for (i = 0; i < work->in->peers->count; i++) {
		struct peer *peer = &family->peers[family->count];

		set_peer(work, which, i, peer);
		if (!same_backend[i] || !peer->subnet.addr.family)
			continue;
		if (check_subnet(work, family, peer) && check_vtep(work, family, peer) &&
		    check_data(work, peer, which ? &record[i].data6 : &record[i].data4))
			family->count++;
	}
}

/* Peers against each other */

static int compare_revision(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

/* A total order, so that the order of records does not matter. */
static int by_subnet(const void *left, const void *right)
{
	const struct peer *a = left, *b = right;

	return compare_prefix(&a->subnet, &b->subnet) ?: compare_addr(&a->vtep, &b->vtep) ?:
	       compare_revision(a->revision, b->revision) ?:
	       memcmp(a->mac, b->mac, sizeof(a->mac)) ?: (a->record > b->record) - (a->record < b->record);
}

static int by_vtep(const void *left, const void *right, void *data)
{
	const struct peer *peers = data, *a = &peers[*(const size_t *)left],
			  *b = &peers[*(const size_t *)right];

	return compare_addr(&a->vtep, &b->vtep) ?: by_subnet(a, b);
}

static int by_age(const void *left, const void *right, void *data)
{
	const struct peer *peers = data, *a = &peers[*(const size_t *)left],
			  *b = &peers[*(const size_t *)right];

	return compare_revision(a->revision, b->revision) ?: by_subnet(a, b);
}

static size_t *sorted(const struct plan_family *family,
		      int (*compare)(const void *left, const void *right, void *data))
{
	size_t *order = calloc(family->count + 1, sizeof(*order));
	size_t i;

	if (!order)
		return NULL;
	for (i = 0; i < family->count; i++)
		order[i] = i;
	qsort_r(order, family->count, sizeof(*order), compare, family->peers);
	return order;
}

/* A node that was given a key of another form has the old one until it expires. */
static void refuse_superseded(struct work *work, struct plan_family *family)
{
	size_t i;

	for (i = 0; i + 1 < family->count; i++) {
		struct peer *peer = &family->peers[i], *next = peer + 1;

		if (compare_prefix(&peer->subnet, &next->subnet) ||
		    compare_addr(&peer->vtep, &next->vtep))
			continue;
		peer->state = PEER_REFUSED;
		refuse(work, peer, "a newer record has the same subnet and public address");
	}
}

/* More MACs at one address than the kernel takes. */
static void refuse_macs(struct work *work, struct plan_family *family, const size_t *order)
{
	uint8_t macs[FLANNEL_MAX_MACS][6];
	size_t i, j, count = 0;

	for (i = 0; i < family->count; i++) {
		struct peer *peer = &family->peers[order[i]];

		if (!i || compare_addr(&peer->vtep, &family->peers[order[i - 1]].vtep))
			count = 0;
		if (peer->state != PEER_PENDING)
			continue;
		for (j = 0; j < count; j++)
			if (!memcmp(macs[j], peer->mac, sizeof(macs[j])))
				break;
		if (j == FLANNEL_MAX_MACS) {
			peer->state = PEER_REFUSED;
			refuse(work, peer, "its public address has records with %u other MACs",
			       FLANNEL_MAX_MACS);
			continue;
		}
		memcpy(macs[j], peer->mac, sizeof(macs[j]));
		count += j == count;
	}
}

/* Candidates that cover another one are a chain from it outward. */
static void link_parents(struct plan_family *family)
{
	struct peer *peers = family->peers;
	size_t i, parent;

	for (i = 0; i < family->count; i++) {
		parent = i ? i - 1 : NO_PEER;
		while (parent != NO_PEER && !prefix_covers(&peers[parent].subnet, &peers[i].subnet))
			parent = peers[parent].parent;
		peers[i].parent = parent;
	}
}

/* The last whose subnet does not begin behind @addr: all that have it are in its chain. */
static size_t floor_of(const struct plan_family *family, const struct addr *addr)
{
	size_t low = 0, high = family->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (compare_addr(&family->peers[middle].subnet.addr, addr) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? low - 1 : NO_PEER;
}

/* What the pass through a family, oldest first, has taken so far. */
struct pass {
	struct work *work;
	struct plan_family *family;
	bool lengths[129];
	unsigned int length_count;
	size_t room;			/* leases that the table still takes */
};

static void refuse_for(struct pass *pass, struct peer *peer, const struct peer *winner,
		       const char *what)
{
	char subnet[PREFIX_TEXT], vtep[ADDR_TEXT];

	if (peer->state != PEER_PENDING)
		return;
	peer->state = PEER_REFUSED;
	refuse(pass->work, peer, "%s %s, the older lease of %s", what,
	       format_prefix(&winner->subnet, subnet), format_addr(&winner->vtep, vtep));
}

static bool check_limits(struct pass *pass, struct peer *peer)
{
	if (!pass->lengths[peer->subnet.len] && pass->length_count == FLANNEL_MAX_LENGTHS) {
		peer->state = PEER_REFUSED;
		return refuse(pass->work, peer,
			      "its prefix length is one too many: a table takes %u different ones",
			      FLANNEL_MAX_LENGTHS);
	}
	if (!pass->room) {
		peer->state = PEER_REFUSED;
		return refuse(pass->work, peer, "the table is full with %u leases",
			      FLANNEL_DEFAULT_MAXLEASES);
	}
	return true;
}

/* Is the peer's address in a lease that was taken? */
static bool is_reachable(struct pass *pass, struct peer *peer)
{
	struct peer *peers = pass->family->peers;
	size_t i;

	for (i = floor_of(pass->family, &peer->vtep); i != NO_PEER; i = peers[i].parent)
		if (peers[i].state == PEER_TAKEN && prefix_contains(&peers[i].subnet, &peer->vtep)) {
			refuse_for(pass, peer, &peers[i], "its public address lies in");
			return false;
		}
	return true;
}

static void take_length(struct pass *pass, uint8_t len)
{
	pass->length_count += !pass->lengths[len];
	pass->lengths[len] = true;
}

/* Everyone younger that cannot be there beside @peer goes. */
static void take(struct pass *pass, size_t index)
{
	struct peer *peers = pass->family->peers, *peer = &peers[index];
	size_t i;

	peer->state = PEER_TAKEN;
	pass->room--;
	take_length(pass, peer->subnet.len);
	for (i = peer->parent; i != NO_PEER; i = peers[i].parent)
		refuse_for(pass, &peers[i], peer, "it overlaps");
	for (i = index + 1; i < pass->family->count; i++) {
		if (!prefix_covers(&peer->subnet, &peers[i].subnet))
			break;
		refuse_for(pass, &peers[i], peer, "it overlaps");
	}
	for (i = floor_of(pass->family, &peer->vtep); i != NO_PEER; i = peers[i].parent)
		if (prefix_contains(&peers[i].subnet, &peer->vtep))
			refuse_for(pass, &peers[i], peer, "in it lies the public address of");
}

static void settle(struct pass *pass, const size_t *order)
{
	struct plan_family *family = pass->family;
	size_t i, taken = 0;

	link_parents(family);
	for (i = 0; i < family->count; i++) {
		struct peer *peer = &family->peers[order[i]];

		if (peer->state == PEER_PENDING && is_reachable(pass, peer) &&
		    check_limits(pass, peer))
			take(pass, order[i]);
	}
	for (i = 0; i < family->count; i++)
		if (family->peers[i].state == PEER_TAKEN)
			family->peers[taken++] = family->peers[i];
	family->count = taken;
}

static void plan_family(struct work *work, unsigned int which, const bool *same_backend,
			size_t *room)
{
	struct plan_family *family = &work->family[which];
	struct pass pass = { .work = work, .family = family, .room = *room };
	size_t *order;

	family->peers = calloc(work->in->peers->count + 1, sizeof(*family->peers));
	if (!family->peers) {
		work->no_memory = true;
		return;
	}
	collect(work, which, same_backend);
	qsort(family->peers, family->count, sizeof(*family->peers), by_subnet);
	refuse_superseded(work, family);
	order = sorted(family, by_vtep);
	if (order)
		refuse_macs(work, family, order);
	else
		work->no_memory = true;
	free(order);
	order = sorted(family, by_age);
	take_length(&pass, family->subnet.len);
	if (order)
		settle(&pass, order);
	else
		work->no_memory = true;
	free(order);
	*room = pass.room;
}

/* The table */

static void add_lease(struct plan *plan, const struct prefix *subnet, const struct peer *peer)
{
	struct lease *lease = &plan->leases[plan->lease_count++];

	lease->prefix = *subnet;
	lease->local = !peer;
	if (!peer)
		return;
	lease->vtep = peer->vtep;
	memcpy(lease->lladdr, peer->mac, sizeof(lease->lladdr));
}

static int compare_leases(const void *left, const void *right)
{
	const struct lease *a = left, *b = right;

	return compare_prefix(&a->prefix, &b->prefix);
}

static void fill_table(struct work *work)
{
	struct plan *plan = work->plan;
	size_t i, j;

	plan->lease_room = work->family[0].count + work->family[1].count + 2;
	plan->leases = calloc(plan->lease_room, sizeof(*plan->leases));
	if (!plan->leases) {
		work->no_memory = true;
		return;
	}
	for (i = 0; i < ARRAY_SIZE(work->family); i++) {
		const struct plan_family *family = &work->family[i];

		if (family->network.addr.family)
			add_lease(plan, &family->subnet, NULL);
		for (j = 0; j < family->count; j++) {
			add_lease(plan, &family->peers[j].subnet, &family->peers[j]);
			work->used[family->peers[j].record] = true;
		}
	}
	qsort(plan->leases, plan->lease_count, sizeof(*plan->leases), compare_leases);
}

/* Records that no notice has spoken of are of a family that is not planned. */
void plan_count_skipped(struct work *work)
{
	const struct record *record = work->in->peers->record;
	struct peer peer;
	size_t i;

	if (work->in->config->backend == BACKEND_ALLOC)
		return;
	for (i = 0; i < work->in->peers->count; i++) {
		if (work->used[i])
			continue;
		work->plan->skipped++;
		if (work->noticed[i])
			continue;
		set_peer(work, !record[i].subnet4.addr.family, i, &peer);
		refuse(work, &peer, "it has no subnet of a family that we have");
	}
}

void plan_peers(struct work *work)
{
	size_t i, room = FLANNEL_DEFAULT_MAXLEASES - ARRAY_SIZE(work->family);
	bool *same_backend;

	if (work->in->config->backend == BACKEND_ALLOC)
		return;
	same_backend = calloc(work->in->peers->count + 1, sizeof(*same_backend));
	if (!same_backend) {
		work->no_memory = true;
		return;
	}
	for (i = 0; i < work->in->peers->count; i++)
		same_backend[i] = check_backend(work, i);
	for (i = 0; i < ARRAY_SIZE(work->family); i++)
		if (work->family[i].network.addr.family)
			plan_family(work, i, same_backend, &room);
	free(same_backend);
	if (work->in->config->backend == BACKEND_VXLAN)
		fill_table(work);
}

bool plan_is_leased(const struct plan_family *family, const struct prefix *prefix)
{
	size_t at = floor_of(family, &prefix->addr);

	return prefix_covers(&family->subnet, prefix) ||
	       (at != NO_PEER && prefix_covers(&family->peers[at].subnet, prefix));
}
