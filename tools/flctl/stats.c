// SPDX-License-Identifier: GPL-2.0
/* flctl stats: counters of devices and of their VTEPs. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flctl.h"
#include "print.h"

enum group {
	GROUP_TX,
	GROUP_RX,
	GROUP_TX_DROPS,
	GROUP_RX_DROPS,
};

static const char *const group_names[] = {
	"tx", "rx", "tx drops", "rx drops",
};

struct counter {
	unsigned int attr;
	enum group group;
	const char *name;	/* of the attribute, in lower case */
	const char *help;
};

static const struct counter counters[] = {
	{ FLANNEL_A_STATS_TX_PACKETS, GROUP_TX, "tx_packets",
	  "packets handed to the underlay" },
	{ FLANNEL_A_STATS_TX_BYTES, GROUP_TX, "tx_bytes",
	  "bytes of these, inner packets" },
	{ FLANNEL_A_STATS_RX_PACKETS, GROUP_RX, "rx_packets",
	  "packets handed to the stack" },
	{ FLANNEL_A_STATS_RX_BYTES, GROUP_RX, "rx_bytes",
	  "bytes of these, inner packets" },
	{ FLANNEL_A_STATS_RX_FOREIGN_MAC, GROUP_RX, "rx_foreign_mac",
	  "of these, inner destination MAC not ours" },
	{ FLANNEL_A_STATS_TX_NO_LEASE, GROUP_TX_DROPS, "tx_no_lease",
	  "no lease covers the destination" },
	{ FLANNEL_A_STATS_TX_LOCAL_LEASE, GROUP_TX_DROPS, "tx_local_lease",
	  "the destination is in our subnet" },
	{ FLANNEL_A_STATS_TX_MULTICAST, GROUP_TX_DROPS, "tx_multicast",
	  "multicast, broadcast or link-local" },
	{ FLANNEL_A_STATS_TX_NOT_IP, GROUP_TX_DROPS, "tx_not_ip",
	  "neither IPv4 nor IPv6, or malformed" },
	{ FLANNEL_A_STATS_TX_TOO_BIG, GROUP_TX_DROPS, "tx_too_big",
	  "too big for the path, the sender was told" },
	{ FLANNEL_A_STATS_TX_NO_ROUTE, GROUP_TX_DROPS, "tx_no_route",
	  "no route to the VTEP" },
	{ FLANNEL_A_STATS_TX_LOCAL_VTEP, GROUP_TX_DROPS, "tx_local_vtep",
	  "the VTEP's address routes to this host" },
	{ FLANNEL_A_STATS_TX_LOOP, GROUP_TX_DROPS, "tx_loop",
	  "the route to the VTEP leads back into the device" },
	{ FLANNEL_A_STATS_TX_NO_SOCKET, GROUP_TX_DROPS, "tx_no_socket",
	  "no socket of the VTEP's family, or no underlay" },
	{ FLANNEL_A_STATS_TX_NO_MEMORY, GROUP_TX_DROPS, "tx_no_memory",
	  "no memory for headers" },
	{ FLANNEL_A_STATS_TX_UNDERLAY, GROUP_TX_DROPS, "tx_underlay",
	  "dropped by the underlay's output path" },
	{ FLANNEL_A_STATS_RX_BAD_HEADER, GROUP_RX_DROPS, "rx_bad_header",
	  "short frame, or not exactly the valid-VNI flag" },
	{ FLANNEL_A_STATS_RX_BAD_VNI, GROUP_RX_DROPS, "rx_bad_vni",
	  "no device has this VNI" },
	{ FLANNEL_A_STATS_RX_WRONG_DEV, GROUP_RX_DROPS, "rx_wrong_dev",
	  "did not arrive on the underlay interface" },
	{ FLANNEL_A_STATS_RX_WRONG_ADDR, GROUP_RX_DROPS, "rx_wrong_addr",
	  "was not sent to the local address" },
	{ FLANNEL_A_STATS_RX_NO_CSUM, GROUP_RX_DROPS, "rx_no_csum",
	  "outer IPv6 without UDP checksum" },
	{ FLANNEL_A_STATS_RX_BAD_MAC, GROUP_RX_DROPS, "rx_bad_mac",
	  "inner destination MAC not unicast" },
	{ FLANNEL_A_STATS_RX_NOT_IP, GROUP_RX_DROPS, "rx_not_ip",
	  "neither IPv4 nor IPv6 inside" },
	{ FLANNEL_A_STATS_RX_MALFORMED, GROUP_RX_DROPS, "rx_malformed",
	  "inner IP header invalid" },
	{ FLANNEL_A_STATS_RX_ECN, GROUP_RX_DROPS, "rx_ecn",
	  "congestion mark on a packet that takes none" },
	{ FLANNEL_A_STATS_RX_UNKNOWN_VTEP, GROUP_RX_DROPS, "rx_unknown_vtep",
	  "the sender is no known VTEP" },
	{ FLANNEL_A_STATS_RX_FOREIGN_LEASE, GROUP_RX_DROPS, "rx_foreign_lease",
	  "inner source in a lease of another VTEP" },
	{ FLANNEL_A_STATS_RX_OWN_SOURCE, GROUP_RX_DROPS, "rx_own_source",
	  "inner source in our subnet or an address of ours" },
	{ FLANNEL_A_STATS_RX_BOGUS_SOURCE, GROUP_RX_DROPS, "rx_bogus_source",
	  "inner source loopback, multicast, link-local or unspecified" },
	{ FLANNEL_A_STATS_RX_NO_LEASE, GROUP_RX_DROPS, "rx_no_lease",
	  "srccheck strict: inner source in no lease" },
	{ FLANNEL_A_STATS_RX_NO_MEMORY, GROUP_RX_DROPS, "rx_no_memory",
	  "no memory, or receive queue full" },
};

/* A counter that the kernel has must not be forgotten here. */
_Static_assert(ARRAY_SIZE(counters) ==
	       FLANNEL_A_STATS_MAX - FLANNEL_A_STATS_PAD,
	       "counters[] does not list every counter of flannel.h");

/* Columns of the list of VTEPs, as wide as what is in them. */
enum { ADDR, MAC, LEASES, TX_PACKETS, TX_BYTES, RX_PACKETS, RX_BYTES, COLUMNS };

static const char *const headings[COLUMNS] = {
	"VTEP", "lladdr", "leases", "tx packets", "tx bytes", "rx packets",
	"rx bytes",
};

static void text_counters(const struct ipc_stats *stats)
{
	const struct counter *counter;
	unsigned int i, group = ~0U;

	printf("%s\n", stats->name);
	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		counter = &counters[i];
		if (counter->group != group) {
			group = counter->group;
			printf("    %s\n", group_names[group]);
		}
		printf("        %-16s %20llu  %s\n", counter->name,
		       (unsigned long long)stats->value[counter->attr],
		       counter->help);
	}
}

static void format_vtep(const struct ipc_vtep *vtep, char text[COLUMNS][ADDR_TEXT])
{
	format_addr(&vtep->addr, text[ADDR]);
	format_mac(vtep->lladdr, text[MAC]);
	snprintf(text[LEASES], ADDR_TEXT, "%u", vtep->leases);
	snprintf(text[TX_PACKETS], ADDR_TEXT, "%llu",
		 (unsigned long long)vtep->tx_packets);
	snprintf(text[TX_BYTES], ADDR_TEXT, "%llu",
		 (unsigned long long)vtep->tx_bytes);
	snprintf(text[RX_PACKETS], ADDR_TEXT, "%llu",
		 (unsigned long long)vtep->rx_packets);
	snprintf(text[RX_BYTES], ADDR_TEXT, "%llu",
		 (unsigned long long)vtep->rx_bytes);
}

static void measure(const struct ipc_vtep *vtep, size_t count,
		    int width[COLUMNS])
{
	char text[COLUMNS][ADDR_TEXT];
	size_t i;
	int c;

	for (c = 0; c < COLUMNS; c++)
		width[c] = strlen(headings[c]);
	for (i = 0; i < count; i++) {
		format_vtep(&vtep[i], text);
		for (c = 0; c < COLUMNS; c++)
			if ((int)strlen(text[c]) > width[c])
				width[c] = strlen(text[c]);
	}
}

/* Text to the left, numbers to the right. */
static void text_cell(int column, const char *text, const int width[COLUMNS])
{
	printf("  %*s", column > MAC ? width[column] : -width[column], text);
}

static void text_vteps(const struct ipc_vtep *vtep, size_t count)
{
	char text[COLUMNS][ADDR_TEXT];
	int c, width[COLUMNS];
	size_t i;

	if (!count)
		return;
	measure(vtep, count, width);
	fputs("    vteps\n      ", stdout);
	for (c = 0; c < COLUMNS; c++)
		text_cell(c, headings[c], width);
	putchar('\n');
	for (i = 0; i < count; i++) {
		format_vtep(&vtep[i], text);
		fputs("      ", stdout);
		for (c = 0; c < COLUMNS; c++)
			text_cell(c, text[c], width);
		putchar('\n');
	}
}

static void json_vtep(const struct ipc_vtep *vtep)
{
	char text[ADDR_TEXT];

	json_open(NULL, '{');
	json_string("vtep", format_addr(&vtep->addr, text));
	json_string("lladdr", format_mac(vtep->lladdr, text));
	json_number("leases", vtep->leases);
	json_number("tx_packets", vtep->tx_packets);
	json_number("tx_bytes", vtep->tx_bytes);
	json_number("rx_packets", vtep->rx_packets);
	json_number("rx_bytes", vtep->rx_bytes);
	json_close('}');
}

static void json_stats(const struct ipc_stats *stats,
		       const struct ipc_vtep *vtep, size_t count)
{
	size_t i;

	json_open(NULL, '{');
	json_string("dev", stats->name);
	json_open("stats", '{');
	for (i = 0; i < ARRAY_SIZE(counters); i++)
		json_number(counters[i].name, stats->value[counters[i].attr]);
	json_close('}');
	json_open("vteps", '[');
	for (i = 0; i < count; i++)
		json_vtep(&vtep[i]);
	json_close(']');
	json_close('}');
}

static int compare_stats(const void *a, const void *b)
{
	const struct ipc_stats *left = a, *right = b;

	return left->ifindex < right->ifindex ? -1 :
	       left->ifindex > right->ifindex;
}

static int compare_vteps(const void *a, const void *b)
{
	const struct ipc_vtep *left = a, *right = b;

	if (left->ifindex != right->ifindex)
		return left->ifindex < right->ifindex ? -1 : 1;
	return compare_addr(&left->addr, &right->addr);
}

/* Both lists are sorted by device. */
static void print_stats(const struct ipc_stats_list *list,
			const struct ipc_vtep_list *vteps)
{
	size_t i, first = 0, end;

	for (i = 0; i < list->count; i++) {
		int ifindex = list->stats[i].ifindex;

		while (first < vteps->count &&
		       vteps->vtep[first].ifindex < ifindex)
			first++;
		for (end = first; end < vteps->count; end++)
			if (vteps->vtep[end].ifindex != ifindex)
				break;
		if (json) {
			json_stats(&list->stats[i], vteps->vtep + first,
				   end - first);
		} else {
			text_counters(&list->stats[i]);
			text_vteps(vteps->vtep + first, end - first);
		}
	}
}

static int read_and_print(int ifindex, struct ipc_stats_list *list,
			  struct ipc_vtep_list *vteps)
{
	if (ipc_stats_list(ifindex, list) || ipc_vtep_list(ifindex, vteps))
		return fail_ipc("stats");
	if (list->count)
		qsort(list->stats, list->count, sizeof(*list->stats),
		      compare_stats);
	if (vteps->count)
		qsort(vteps->vtep, vteps->count, sizeof(*vteps->vtep),
		      compare_vteps);
	if (json)
		json_open(NULL, '[');
	print_stats(list, vteps);
	if (json)
		json_close(']');
	return EXIT_DONE;
}

int stats(struct words *w)
{
	struct ipc_stats_list list = { 0 };
	struct ipc_vtep_list vteps = { 0 };
	struct ipc_link link = { 0 };
	char dev[IF_NAMESIZE];
	int code;

	if (!parse_filter(w, dev, NULL))
		return fail_words(w);
	code = start_ipc();
	if (!code && *dev)
		code = find_device(dev, &link);
	if (!code)
		code = read_and_print(link.ifindex, &list, &vteps);
	free(list.stats);
	free(vteps.vtep);
	return code;
}
