// SPDX-License-Identifier: GPL-2.0
/* Records compared, and lists of them. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"

static int compare_subnets(const void *a, const void *b)
{
	const struct record *x = a, *y = b;
	int order = compare_prefix(&x->subnet4, &y->subnet4);

	return order ? order : compare_prefix(&x->subnet6, &y->subnet6);
}

static bool data_equal(const struct backend_data *a, const struct backend_data *b)
{
	return a->has_mac == b->has_mac && a->vni == b->vni &&
	       !memcmp(a->mac, b->mac, sizeof(a->mac));
}

bool record_same_subnet(const struct record *a, const struct record *b)
{
	return !compare_subnets(a, b);
}

bool record_equal(const struct record *a, const struct record *b)
{
	return record_same_subnet(a, b) && !compare_addr(&a->public4, &b->public4) &&
	       !compare_addr(&a->public6, &b->public6) && !strcmp(a->backend, b->backend) &&
	       data_equal(&a->data4, &b->data4) && data_equal(&a->data6, &b->data6);
}

static bool grow(struct record_list *list, size_t room)
{
	struct record *record = reallocarray(list->record, room, sizeof(*record));

	if (!record) {
		errno = ENOMEM;
		return false;
	}
	list->record = record;
	list->room = room;
	return true;
}

struct record *record_list_add(struct record_list *list)
{
	struct record *record;

	if (list->count == list->room && !grow(list, list->room ? 2 * list->room : 64))
		return NULL;
	record = &list->record[list->count++];
	memset(record, 0, sizeof(*record));
	return record;
}

void record_list_free(struct record_list *list)
{
	free(list->record);
	memset(list, 0, sizeof(*list));
}

bool record_list_copy(struct record_list *to, const struct record_list *from)
{
	struct record_list copy = { 0 };

	if (from->count) {
		if (!grow(&copy, from->count))
			return false;
		memcpy(copy.record, from->record, from->count * sizeof(*copy.record));
		copy.count = from->count;
	}
	record_list_free(to);
	*to = copy;
	return true;
}

void record_list_sort(struct record_list *list)
{
	if (list->count)
		qsort(list->record, list->count, sizeof(*list->record), compare_subnets);
}
