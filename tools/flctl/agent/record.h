/* SPDX-License-Identifier: GPL-2.0 */
/*
 * record.h - the lease of one node, as a store keeps it
 *
 * A record has a subnet of one family or of both, the addresses at which peers
 * reach the node, and what its backend adds.  Key and value are those of stock
 * flannel in etcd (v3).  Pure.
 */
#ifndef AGENT_RECORD_H
#define AGENT_RECORD_H

#include "log.h"
#include "net_config.h"

#define RECORD_KEY	128	/* bytes of any subnet key, NUL included */

/* What BackendData and BackendV6Data say; has_mac is false without VtepMAC. */
struct backend_data {
	bool has_mac;
	uint8_t mac[6];
	uint32_t vni;
};

struct record {
	struct prefix subnet4, subnet6;		/* family AF_UNSPEC: none */
	struct addr public4, public6;
	char backend[32];			/* BackendType, empty when absent */
	struct backend_data data4, data6;
	/* Only of etcd: */
	int64_t lease;				/* 0: reserved, never expires */
	int64_t mod_revision;
};

struct record_list {
	struct record *record;
	size_t count, room;
};

/*
 * "10.5.34.0-24" or "10.5.34.0-24&fd00:12:13::-64", anchored at the end; what
 * is before the address does not matter.
 */
bool record_parse_key(const char *key, struct record *record, struct error *error);
/* Without any prefix. */
const char *record_format_key(const struct record *record, char text[RECORD_KEY]);

/*
 * The JSON value into all but subnets, lease and revision.  When it is only memory
 * that was missing, errno is ENOMEM, and no other time.
 */
bool record_parse_value(const char *json, size_t len, struct record *record,
			struct error *error);
/* As stock flannel would write it; malloc'ed. */
char *record_format_value(const struct record *record);

/* Same subnets; and same in everything that peers or we depend on. */
bool record_same_subnet(const struct record *a, const struct record *b);
bool record_equal(const struct record *a, const struct record *b);

/* NULL and ENOMEM; the new one is zeroed. */
struct record *record_list_add(struct record_list *list);
void record_list_free(struct record_list *list);
/* A copy in @to, which is freed first. */
bool record_list_copy(struct record_list *to, const struct record_list *from);
/* Sort by subnet. */
void record_list_sort(struct record_list *list);

/* Has @record subnets of the lengths and inside the ranges of @config? */
bool record_fits(const struct record *record, const struct net_config *config);

/*
 * Choose subnets for @record at random among the first 100 free ones of each
 * family from SubnetMin upward; taken are those of @list.  @random gives a
 * number below its argument.
 */
bool record_choose(struct record *record, const struct net_config *config,
		   const struct record_list *list, uint32_t (*random)(uint32_t below),
		   struct error *error);

#endif /* AGENT_RECORD_H */
