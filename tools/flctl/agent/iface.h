/* SPDX-License-Identifier: GPL-2.0 */
/*
 * iface.h - which interface, which address, and what peers are told
 *
 * Three values that may all differ: the interface, the address on it that outer
 * packets are sent from (bind), and the address that peers use (public).
 */
#ifndef AGENT_IFACE_H
#define AGENT_IFACE_H

#include "facts.h"

struct iface_options {
	const char **iface;		/* names or addresses, NULL at the end */
	const char **regex;		/* POSIX extended, on addresses, then names */
	const char *can_reach;		/* empty: none */
	const char *public_ip, *public_ip6;
};

struct iface {
	int ifindex;
	char name[IF_NAMESIZE];
	uint32_t mtu;
	struct addr bind4, bind6;	/* family AF_UNSPEC: none of that family */
	struct addr public4, public6;
	char why[128];			/* how it was chosen, for the log */
};

/* Pure: chooses from facts.  @v4, @v6: the families that the network has. */
bool iface_choose(const struct facts *facts, const struct iface_options *options,
		  bool v4, bool v6, struct iface *iface, struct error *error);

bool iface_same(const struct iface *a, const struct iface *b);
/* Could it be chosen still: it runs, and has its addresses. */
bool iface_stands(const struct facts *facts, const struct iface *iface);

#endif /* AGENT_IFACE_H */
