/* SPDX-License-Identifier: GPL-2.0 */
/*
 * apply_impl.h - what the apply_*.c files and forward.c share
 */
#ifndef AGENT_APPLY_IMPL_H
#define AGENT_APPLY_IMPL_H

#include "apply.h"

/* One change is made, or would be. */
void __printf(2, 3) apply_say(struct apply *a, const char *fmt, ...);
/* The sentence, and what the kernel said last; returns false. */
bool __printf(2, 3) apply_refused(struct error *error, const char *fmt, ...);
/* Netlink to the flannel module; @again also when it was open before. */
bool apply_open(bool again, struct error *error);
/*
 * The planned options and MTU on a device that is there.  A network that leases
 * of the old table lie outside of is left unset until the table has changed.
 */
bool apply_options(struct apply *a, const struct plan_device *want, int ifindex,
		   struct error *error);

/* As apply_device(), of a name that nobody else has; it is not brought up. */
bool apply_device_down(struct apply *a, const struct plan *plan, const struct facts *facts,
		       struct error *error);

/* A planned route as the kernel shows it, and as text; @device is the overlay's, 0: none. */
#define ROUTE_TEXT	256
struct fact_route apply_expected(const struct plan_route *planned, int device);
const char *apply_format_route(const struct fact_route *r, const char *dev,
			       char text[ROUTE_TEXT]);
/* True also when it is gone already. */
bool apply_delete_route(struct apply *a, const struct fact_route *r, struct error *error);

/*
 * Have libnftables run @command and return what it prints, to be freed; NULL
 * with its first line of complaint.  @flags are NFT_CTX_OUTPUT_*.
 */
char *nft_run(const char *command, unsigned int flags, struct error *error);

#endif /* AGENT_APPLY_IMPL_H */
