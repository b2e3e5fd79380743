// SPDX-License-Identifier: GPL-2.0
/*
 * The lease table, replaced in one step when it differs from the plan.
 *
 * A lease that the kernel refuses is left out, named, and does not keep the
 * others from being applied.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply_impl.h"

/* Somebody else's changes that a transaction may meet. */
#define TRIES		5
/* Refused leases, each of which costs one more transaction. */
#define MOST_REFUSED	32

struct table {
	const char *dev;
	int ifindex;
	struct lease *lease;		/* a copy of the plan's, less those refused */
	size_t count;
	struct ipc_lease_list have;
	unsigned int refused;
	struct error first;		/* why the first one was refused */
};

struct difference {
	size_t added, changed, removed;
};

static int compare_leases(const void *a, const void *b)
{
	return compare_prefix(&((const struct lease *)a)->prefix,
			      &((const struct lease *)b)->prefix);
}

static int compare_listed(const void *a, const void *b)
{
	return compare_leases(&((const struct ipc_lease *)a)->lease,
			      &((const struct ipc_lease *)b)->lease);
}

static bool same_lease(const struct lease *a, const struct lease *b)
{
	return a->local == b->local && !compare_addr(&a->vtep, &b->vtep) &&
	       !memcmp(a->lladdr, b->lladdr, sizeof(a->lladdr));
}

/* Both sides are sorted. */
static struct difference compare(const struct table *t)
{
	struct difference d = { 0 };
	size_t i = 0, j = 0;
	int order;

	while (i < t->count || j < t->have.count) {
		if (i == t->count)
			order = 1;
		else if (j == t->have.count)
			order = -1;
		else
			order = compare_leases(&t->lease[i], &t->have.lease[j].lease);
		d.added += order < 0;
		d.removed += order > 0;
		d.changed += !order && !same_lease(&t->lease[i], &t->have.lease[j].lease);
		i += order <= 0;
		j += order >= 0;
	}
	return d;
}

static bool read_table(struct table *t, struct error *error)
{
	int ret;

	if (!t->ifindex)
		return true;
	ret = ipc_lease_list(t->ifindex, NULL, &t->have);
	/* Somebody has loaded the module anew: its family has another number. */
	if (ret == -ENOENT && apply_open(true, NULL))
		ret = ipc_lease_list(t->ifindex, NULL, &t->have);
	if (ret)
		return apply_refused(error, "lease list dev %s", t->dev);
	if (t->have.count)
		qsort(t->have.lease, t->have.count, sizeof(*t->have.lease), compare_listed);
	return true;
}

/* What leases are to each other shows at commit: the kernel's words start with one. */
static size_t find_named(const struct table *t)
{
	struct lease key = { 0 }, *found;
	char word[PREFIX_TEXT];
	struct words w;

	if (sscanf(ipc_error()->text, "%49s", word) != 1 ||
	    !parse_prefix(&w, word, &key.prefix) || !t->count)
		return t->count;
	found = bsearch(&key, t->lease, t->count, sizeof(key), compare_leases);
	return found ? (size_t)(found - t->lease) : t->count;
}

/* Is somebody's lease to blame for the last error?  Then it is left out. */
static bool leave_out(struct table *t, size_t index)
{
	char text[LEASE_TEXT];
	struct error why;

	if (index >= t->count)
		index = find_named(t);
	if (index >= t->count || t->refused == MOST_REFUSED)
		return false;
	apply_refused(&why, "lease %s", format_lease(&t->lease[index], text));
	if (!t->refused++)
		t->first = why;
	t->count--;
	memmove(&t->lease[index], &t->lease[index + 1],
		(t->count - index) * sizeof(*t->lease));
	return true;
}

static int add_all(struct table *t, size_t *blame)
{
	size_t done = 0, bad = 0;
	int ret;

	while (done < t->count) {
		ret = ipc_table_add(t->ifindex, &t->lease[done], sizeof(*t->lease),
				    t->count - done, &bad);
		if (ret < 0) {
			*blame = bad < t->count - done ? done + bad : t->count;
			return ret;
		}
		done += ret;
	}
	return 0;
}

/* 0, -EAGAIN: try again with what the table says now, or another error. */
static int replace(struct table *t)
{
	struct ipc_replaced replaced;
	size_t blame = t->count;
	int ret;

	ret = ipc_table_begin(t->ifindex);
	/* One that could not be sent to its end ends with its socket. */
	if (ret == -EBUSY && apply_open(true, NULL))
		ret = ipc_table_begin(t->ifindex);
	if (ret)
		return ret;
	ret = add_all(t, &blame);
	if (!ret)
		ret = ipc_table_commit(t->ifindex, false, &replaced);
	if (ret == -ESTALE)
		return -EAGAIN;
	if (ret && ret != -ENOMEM && leave_out(t, blame))
		return -EAGAIN;
	return ret;
}

static bool replace_until_done(struct apply *a, struct table *t, struct error *error)
{
	unsigned int tries, refused;
	struct difference d;
	int ret;

	for (tries = 0; tries < TRIES; tries++) {
		refused = t->refused;
		if (!read_table(t, error))
			return false;
		d = compare(t);
		if (!d.added && !d.changed && !d.removed)
			return true;
		ret = a->dry ? 0 : replace(t);
		if (!ret) {
			apply_say(a, "table %s: %zu leases: %zu added, %zu changed, %zu removed",
				  t->dev, t->count, d.added, d.changed, d.removed);
			return true;
		}
		if (ret != -EAGAIN)
			return apply_refused(error, "table %s", t->dev);
		tries -= t->refused > refused;
	}
	return set_error(error, "table %s: somebody else keeps changing it", t->dev);
}

static bool apply_leases(struct apply *a, struct table *t, struct error *error)
{
	if (!replace_until_done(a, t, error))
		return false;
	a->partial = t->refused;
	if (t->refused)
		return set_error(error, "table %s: %u of the leases cannot be used, the first: %.400s",
				 t->dev, t->refused, t->first.text);
	return true;
}

static struct lease *copy_leases(const struct plan *plan)
{
	struct lease *copy = calloc(plan->lease_count + 1, sizeof(*copy));

	if (copy && plan->lease_count)
		memcpy(copy, plan->leases, plan->lease_count * sizeof(*copy));
	return copy;
}

bool apply_table(struct apply *a, const struct plan *plan, struct error *error)
{
	struct table t = {
		.dev = plan->device.name,
		.ifindex = a->replaces ? 0 : if_nametoindex(plan->device.name),
		.count = plan->lease_count,
	};
	bool ok;

	if (!*t.dev)
		return true;
	if (!t.ifindex && !a->dry)
		return set_error(error, "table %s: there is no such device", t.dev);
	if (t.ifindex && !apply_open(false, error))
		return false;
	t.lease = copy_leases(plan);
	if (!t.lease)
		return set_error(error, "table %s: no memory for %zu leases", t.dev, t.count);
	ok = apply_leases(a, &t, error);
	free(t.lease);
	free(t.have.lease);
	if (ok && t.ifindex && !a->dry)
		ok = apply_options(a, &plan->device, t.ifindex, error);
	return ok;
}
