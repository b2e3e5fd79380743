/* SPDX-License-Identifier: GPL-2.0 */
/*
 * subnet_env.h - /run/flannel/subnet.env, which the CNI plugin reads
 *
 * FLANNEL_NETWORK, FLANNEL_SUBNET (base + 1 with the subnet's length), the same
 * with IPV6_, FLANNEL_MTU, FLANNEL_IPMASQ, in this order, byte for byte as
 * stock flannel writes them.
 */
#ifndef AGENT_SUBNET_ENV_H
#define AGENT_SUBNET_ENV_H

#include "record.h"

#define SUBNET_ENV_TEXT	512

struct subnet_env {
	struct prefix network4, subnet4, network6, subnet6;
	uint32_t mtu;
	bool ipmasq;
};

/* Subnets are bases here, base + 1 in the text. */
void subnet_env_format(const struct subnet_env *env, char text[SUBNET_ENV_TEXT]);
/*
 * What is absent stays empty; unknown lines are ignored; values may be quoted.  Of
 * several networks with commas between the first one is taken.  @env is empty
 * after an error.
 */
bool subnet_env_parse(const char *text, struct subnet_env *env, struct error *error);

#endif /* AGENT_SUBNET_ENV_H */
