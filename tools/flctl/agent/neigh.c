// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "../ipc_impl.h"
#include "neigh.h"
#include "rtnl.h"

/* --- what there is --- */

static bool is_of(const struct neigh_list *list, int ifindex)
{
	size_t i;

	for (i = 0; i < list->link_count; i++)
		if (list->links[i] && list->links[i] == ifindex)
			return true;
	return false;
}

static bool add(struct neigh_list *list, const struct nlmsghdr *nlh)
{
	size_t len = NLMSG_ALIGN(nlh->nlmsg_len), room = 2 * list->room + 4096;
	char *grown;

	if (list->len + len > list->room) {
		grown = realloc(list->bytes, room);
		if (!grown)
			return false;
		list->bytes = grown;
		list->room = room;
	}
	memset(list->bytes + list->len, 0, len);
	memcpy(list->bytes + list->len, nlh, nlh->nlmsg_len);
	list->len += len;
	list->count++;
	return true;
}

/* What the kernel has found out by itself it finds out again. */
static int on_neigh(const struct nlmsghdr *nlh, void *data)
{
	const struct ndmsg *info = mnl_nlmsg_get_payload(nlh);
	struct neigh_list *list = data;

	if (nlh->nlmsg_type != RTM_NEWNEIGH || nlh->nlmsg_len > NEIGH_MOST ||
	    !(info->ndm_state & NUD_PERMANENT) || !is_of(list, info->ndm_ifindex))
		return MNL_CB_OK;
	if (add(list, nlh))
		return MNL_CB_OK;
	errno = ENOMEM;
	return MNL_CB_ERROR;
}

/* Those of families that were read before stay. */
static void forget(void *data)
{
	struct neigh_list *list = data;
	const struct nlmsghdr *nlh = (const void *)list->bytes, *first = nlh;
	int left = list->len;
	size_t kept = 0;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		const struct ndmsg *info = mnl_nlmsg_get_payload(nlh);

		if (info->ndm_family == list->family)
			break;
		kept++;
	}
	list->len = (const char *)nlh - (const char *)first;
	list->count = kept;
}

static int read_family(struct neigh_list *list, uint8_t family)
{
	_Alignas(8) char request[64];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(request);
	struct ndmsg *info;

	nlh->nlmsg_type = RTM_GETNEIGH;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	info->ndm_family = family;
	list->family = family;
	return channel_dump(NETLINK_ROUTE, nlh, on_neigh, forget, list);
}

bool neigh_read(struct neigh_list *list, struct error *error)
{
	if (!read_family(list, AF_INET) && !read_family(list, AF_INET6) &&
	    !read_family(list, AF_BRIDGE))
		return true;
	return set_error(error, "the kernel does not list its neighbours and FDB entries: %s",
			 strerror(ipc_error()->code));
}

void neigh_free(struct neigh_list *list)
{
	free(list->bytes);
	memset(list, 0, sizeof(*list));
}

/* --- what is missing --- */

struct key {
	uint8_t family;
	int32_t ifindex;
	uint8_t dst[16], lladdr[8];
};

static void copy(void *to, size_t size, const struct nlattr *attr)
{
	size_t len = attr ? mnl_attr_get_payload_len(attr) : 0;

	if (len)
		memcpy(to, mnl_attr_get_payload(attr), len < size ? len : size);
}

static void read_key(const struct nlmsghdr *nlh, struct key *key)
{
	const struct ndmsg *info = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[NDA_MAX + 1];

	memset(key, 0, sizeof(*key));
	index_message(nlh, sizeof(*info), tb, NDA_MAX);
	key->family = info->ndm_family;
	key->ifindex = info->ndm_ifindex;
	copy(key->dst, sizeof(key->dst), tb[NDA_DST]);
	copy(key->lladdr, sizeof(key->lladdr), tb[NDA_LLADDR]);
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct key));
}

/* Sorted; NULL: no memory. */
static struct key *make_keys(const struct neigh_list *list)
{
	struct key *keys = calloc(list->count + 1, sizeof(*keys));
	const struct nlmsghdr *nlh = (const void *)list->bytes;
	int left = list->len;
	size_t i = 0;

	if (!keys)
		return NULL;
	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		read_key(nlh, &keys[i++]);
	qsort(keys, list->count, sizeof(*keys), compare_keys);
	return keys;
}

/* Of @list and not of @keys; they are added with @again. */
static size_t count_missing(const struct neigh_list *list, const struct key *keys, size_t count,
			    bool again)
{
	const struct nlmsghdr *nlh = (const void *)list->bytes;
	int left = list->len;
	size_t missing = 0;
	struct key key;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		read_key(nlh, &key);
		if (bsearch(&key, keys, count, sizeof(*keys), compare_keys))
			continue;
		missing++;
		if (again)
			rtnl_neigh_add(mnl_nlmsg_get_payload(nlh),
				       mnl_nlmsg_get_payload_len(nlh));
	}
	return missing;
}

static bool look(const struct neigh_list *list, bool again, size_t *missing, struct error *error)
{
	struct neigh_list now = { .links = list->links, .link_count = list->link_count };
	bool done = neigh_read(&now, error);
	struct key *keys = done ? make_keys(&now) : NULL;

	if (keys)
		*missing = count_missing(list, keys, now.count, again);
	else if (done)
		done = set_error(error, "no memory for %zu neighbours", now.count);
	free(keys);
	neigh_free(&now);
	return done;
}

bool neigh_restore(const struct neigh_list *list, size_t *missing, struct error *error)
{
	bool done;

	rtnl_batch_begin();
	done = look(list, true, missing, error);
	rtnl_batch_send();
	return done && (!*missing || look(list, false, missing, error));
}
