/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lease_file.h - network and leases of all hosts in one file
 *
 * The same file for every host; each finds its own lease by its addresses.
 * One line each, '#' begins a comment:
 *
 *	network PREFIX			once for each family
 *	backend vxlan|host-gw|alloc	vxlan when absent
 *	vni N				of vxlan only: 1 when absent
 *	port N				8472
 *	mtu N				of the underlay; that of the interface
 *	directrouting			peers on our link without encapsulation
 *	PREFIX via VTEP lladdr MAC	the lease of a host, as `flctl lease save`
 *	PREFIX via VTEP			not of vxlan, which needs the MAC
 *
 * The first six are not allowed when there is a net-conf.json.  A VTEP has one
 * lease, of its own family; the IPv4 and the IPv6 lease of one host have the
 * same lladdr, and without it (not vxlan) count as two peers.  Pure.
 */
#ifndef AGENT_LEASE_FILE_H
#define AGENT_LEASE_FILE_H

#include "net_config.h"
#include "record.h"

/* Most bytes of a file, and of a line with its end. */
#define LEASE_FILE_SIZE		(64U << 20)
#define LEASE_FILE_LINE		256

struct lease_file_entry {
	struct prefix subnet;
	struct addr vtep;
	bool has_mac;
	uint8_t mac[6];
	unsigned int line;
};

struct lease_file {
	struct net_config config;
	struct lease_file_entry *entry;	/* at least one */
	size_t count, room;
};

/* Which host we are: what it tells its peers comes first, then what it has. */
struct lease_file_host {
	struct addr public4, public6;	/* family AF_UNSPEC: none */
	const struct addr *addr;
	size_t count;
};

/*
 * @name is for errors, "NAME:LINE: sentence".  @config comes from a
 * net-conf.json, NULL: from the header.  After false there is nothing to free.
 */
bool lease_file_parse(const char *name, const char *text, size_t len,
		      const struct net_config *config, struct lease_file *file,
		      struct error *error);
void lease_file_free(struct lease_file *file);

/*
 * Our record into @own, without any subnet when there is none of ours; all
 * others into @peers, which is empty before and to be freed in any case.
 */
bool lease_file_records(const struct lease_file *file, const char *name,
			const struct lease_file_host *host, struct record *own,
			struct record_list *peers, struct error *error);

#endif /* AGENT_LEASE_FILE_H */
