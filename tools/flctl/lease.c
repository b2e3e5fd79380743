// SPDX-License-Identifier: GPL-2.0
/* flctl lease: single leases, lists and flush. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flctl.h"
#include "print.h"

static int no_dev(void)
{
	return fail(EXIT_INPUT, "dev DEV is missing: the flannel device");
}

/* Send one lease that was parsed well. */
static int apply(int cmd, const char *verb, const struct lease *lease,
		 const char *dev)
{
	char text[PREFIX_TEXT];
	struct ipc_link link;
	int code;

	if (!*dev)
		return no_dev();
	code = start_ipc();
	if (!code)
		code = find_device(dev, &link);
	if (code)
		return code;
	if (ipc_lease(cmd, link.ifindex, lease))
		return fail_ipc("lease %s %s dev %s", verb,
				format_prefix(&lease->prefix, text), dev);
	return EXIT_DONE;
}

static int put(struct words *w, int cmd, const char *verb)
{
	char dev[IF_NAMESIZE];
	struct lease lease;

	if (!parse_lease(w, &lease, dev))
		return fail_words(w);
	return apply(cmd, verb, &lease, dev);
}

int lease_add(struct words *w)
{
	return put(w, FLANNEL_CMD_LEASE_ADD, "add");
}

int lease_change(struct words *w)
{
	return put(w, FLANNEL_CMD_LEASE_CHANGE, "change");
}

int lease_replace(struct words *w)
{
	return put(w, FLANNEL_CMD_LEASE_REPLACE, "replace");
}

int lease_del(struct words *w)
{
	char dev[IF_NAMESIZE];
	struct lease lease;

	if (!parse_lease_key(w, &lease, dev))
		return fail_words(w);
	return apply(FLANNEL_CMD_LEASE_DEL, "del", &lease, dev);
}

static int compare_leases(const void *a, const void *b)
{
	const struct ipc_lease *left = a, *right = b;

	if (left->ifindex != right->ifindex)
		return left->ifindex < right->ifindex ? -1 : 1;
	return compare_prefix(&left->lease.prefix, &right->lease.prefix);
}

void print_leases(struct ipc_lease_list *list, const char *dev,
		  void (*print)(const struct lease *lease, const char *dev))
{
	char name[IF_NAMESIZE] = "";
	int ifindex = 0;
	size_t i;

	if (list->count)
		qsort(list->lease, list->count, sizeof(*list->lease),
		      compare_leases);
	for (i = 0; i < list->count; i++) {
		if (!dev && list->lease[i].ifindex != ifindex) {
			ifindex = list->lease[i].ifindex;
			if (!if_indextoname(ifindex, name))
				snprintf(name, sizeof(name), "if%d", ifindex);
		}
		print(&list->lease[i].lease, dev ? dev : name);
	}
}

static void print_json(const struct lease *lease, const char *dev)
{
	json_open(NULL, '{');
	json_lease(lease, dev);
	json_close('}');
}

static void print_bare(const struct lease *lease, const char *dev)
{
	(void)dev;
	text_lease(lease, NULL);
}

static void print_list(struct ipc_lease_list *list, const char *dev)
{
	if (!json) {
		print_leases(list, dev, dev ? print_bare : text_lease);
		return;
	}
	json_open(NULL, '[');
	print_leases(list, dev, print_json);
	json_close(']');
}

/* @dev may be NULL: all devices, and each line names its own. */
static int list(const char *verb, const char *dev, const struct addr *vtep)
{
	struct ipc_lease_list list = { 0 };
	struct ipc_link link = { 0 };
	int code;

	code = start_ipc();
	if (!code && dev)
		code = find_device(dev, &link);
	if (code)
		return code;
	if (ipc_lease_list(link.ifindex, vtep, &list))
		code = fail_ipc("lease %s", verb);
	else
		print_list(&list, dev);
	free(list.lease);
	return code;
}

int lease_list(struct words *w)
{
	char dev[IF_NAMESIZE];
	struct addr vtep;

	if (!parse_filter(w, dev, &vtep))
		return fail_words(w);
	return list("list", *dev ? dev : NULL, vtep.family ? &vtep : NULL);
}

int lease_save(struct words *w)
{
	char dev[IF_NAMESIZE];

	if (!parse_filter(w, dev, NULL))
		return fail_words(w);
	if (!*dev)
		return no_dev();
	return list("save", dev, NULL);
}

int lease_flush(struct words *w)
{
	char dev[IF_NAMESIZE];
	struct ipc_link link;
	int code;

	if (!parse_filter(w, dev, NULL))
		return fail_words(w);
	if (!*dev)
		return no_dev();
	code = start_ipc();
	if (!code)
		code = find_device(dev, &link);
	if (code)
		return code;
	if (ipc_lease_flush(link.ifindex))
		return fail_ipc("lease flush dev %s", dev);
	return EXIT_DONE;
}

static int get(const struct addr *addr, const char *dev)
{
	char text[ADDR_TEXT];
	struct ipc_link link;
	struct lease lease;
	int code;

	code = start_ipc();
	if (!code)
		code = find_device(dev, &link);
	if (code)
		return code;
	memset(&lease, 0, sizeof(lease));
	if (ipc_lease_get(link.ifindex, addr, &lease))
		return fail_ipc("lease get %s dev %s", format_addr(addr, text),
				dev);
	(json ? print_json : print_bare)(&lease, dev);
	return EXIT_DONE;
}

int lease_get(struct words *w)
{
	const char *text = words_next(w);
	char dev[IF_NAMESIZE];
	struct addr addr;

	if (!text)
		return fail(EXIT_INPUT, "an ADDRESS is missing");
	if (!parse_addr(w, text, &addr) || !parse_filter(w, dev, NULL))
		return fail_words(w);
	if (!*dev)
		return no_dev();
	return get(&addr, dev);
}
