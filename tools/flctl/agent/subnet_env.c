// SPDX-License-Identifier: GPL-2.0
/* /run/flannel/subnet.env, which the CNI plugin reads. */

#include <stdio.h>
#include <string.h>

#include "prefix.h"
#include "subnet_env.h"

#define VALUE_TEXT	64
#define MTU_MAX		65535

static size_t add_prefix(char *text, size_t at, const char *name, const struct prefix *prefix)
{
	char value[PREFIX_TEXT];

	if (!prefix->addr.family)
		return at;
	return at + snprintf(text + at, SUBNET_ENV_TEXT - at, "%s=%s\n", name,
			     format_prefix(prefix, value));
}

static size_t add_subnet(char *text, size_t at, const char *name, const struct prefix *subnet)
{
	struct prefix gateway = *subnet;

	prefix_second(subnet, &gateway.addr);
	return add_prefix(text, at, name, &gateway);
}

void subnet_env_format(const struct subnet_env *env, char text[SUBNET_ENV_TEXT])
{
	size_t at = 0;

	at = add_prefix(text, at, "FLANNEL_NETWORK", &env->network4);
	at = add_subnet(text, at, "FLANNEL_SUBNET", &env->subnet4);
	at = add_prefix(text, at, "FLANNEL_IPV6_NETWORK", &env->network6);
	at = add_subnet(text, at, "FLANNEL_IPV6_SUBNET", &env->subnet6);
	snprintf(text + at, SUBNET_ENV_TEXT - at, "FLANNEL_MTU=%u\nFLANNEL_IPMASQ=%s\n",
		 env->mtu, env->ipmasq ? "true" : "false");
}

struct variable {
	const char *name;
	bool (*read)(const struct variable *variable, char *value, struct subnet_env *env);
	size_t offset;			/* of a prefix */
	uint8_t family;
	const char *allowed;
};

static struct prefix *prefix_of(const struct variable *variable, struct subnet_env *env)
{
	return (struct prefix *)((char *)env + variable->offset);
}

/* Others write several networks with commas between: the first is that of the subnet. */
static bool read_network(const struct variable *variable, char *value, struct subnet_env *env)
{
	value[strcspn(value, ",")] = '\0';
	return prefix_parse_masked(value, variable->family, prefix_of(variable, env));
}

static bool read_subnet(const struct variable *variable, char *value, struct subnet_env *env)
{
	struct prefix *subnet = prefix_of(variable, env);
	struct addr gateway;

	return prefix_parse_masked(value, variable->family, subnet) &&
	       prefix_second(subnet, &gateway);
}

static bool read_mtu(const struct variable *variable, char *value, struct subnet_env *env)
{
	struct words w;

	return parse_number(&w, variable->name, value, 0, MTU_MAX, &env->mtu);
}

static bool read_ipmasq(const struct variable *variable, char *value, struct subnet_env *env)
{
	(void)variable;
	env->ipmasq = !strcmp(value, "true");
	return env->ipmasq || !strcmp(value, "false");
}

static const struct variable variables[] = {
	{ "FLANNEL_NETWORK", read_network, offsetof(struct subnet_env, network4), AF_INET,
	  "an IPv4 prefix, as 10.42.0.0/16 is" },
	{ "FLANNEL_SUBNET", read_subnet, offsetof(struct subnet_env, subnet4), AF_INET,
	  "an IPv4 address with the length of its subnet, as 10.42.1.1/24 is" },
	{ "FLANNEL_IPV6_NETWORK", read_network, offsetof(struct subnet_env, network6), AF_INET6,
	  "an IPv6 prefix, as fd00:42::/48 is" },
	{ "FLANNEL_IPV6_SUBNET", read_subnet, offsetof(struct subnet_env, subnet6), AF_INET6,
	  "an IPv6 address with the length of its subnet, as fd00:42:0:1::1/64 is" },
	{ "FLANNEL_MTU", read_mtu, .allowed = "a number from 0 to 65535" },
	{ "FLANNEL_IPMASQ", read_ipmasq, .allowed = "true or false" },
};

/* Without white space around it, then without a pair of quotes. */
static size_t strip(const char **text, size_t len)
{
	static const char blank[] = " \t\r";

	while (len && memchr(blank, (*text)[len - 1], sizeof(blank) - 1))
		len--;
	for (; len && memchr(blank, **text, sizeof(blank) - 1); len--)
		++*text;
	if (len < 2 || (**text != '"' && **text != '\'') || **text != (*text)[len - 1])
		return len;
	++*text;
	return len - 2;
}

static bool read_value(const struct variable *variable, const char *text, size_t len,
		       struct subnet_env *env, struct error *error)
{
	char value[VALUE_TEXT], whole[VALUE_TEXT];

	len = strip(&text, len);
	snprintf(value, sizeof(value), "%.*s", (int)(len < VALUE_TEXT ? len : VALUE_TEXT), text);
	strcpy(whole, value);
	if (len < VALUE_TEXT || (variable->read == read_network && strchr(value, ',')))
		if (variable->read(variable, value, env))
			return true;
	return set_error(error, "%s \"%s\" is not %s", variable->name, whole,
			 variable->allowed);
}

/* A line of a shell's variables; @len without the end of line. */
static bool read_line(const char *line, size_t len, struct subnet_env *env, struct error *error)
{
	const char *equals = memchr(line, '=', len);
	size_t i, name;

	if (!equals)
		return true;
	name = equals - line;
	for (i = 0; i < ARRAY_SIZE(variables); i++)
		if (strlen(variables[i].name) == name && !memcmp(line, variables[i].name, name))
			return read_value(&variables[i], equals + 1, len - name - 1, env, error);
	return true;
}

bool subnet_env_parse(const char *text, struct subnet_env *env, struct error *error)
{
	size_t len;

	memset(env, 0, sizeof(*env));
	for (;;) {
		len = strcspn(text, "\n");
		if (!read_line(text, len, env, error)) {
			memset(env, 0, sizeof(*env));
			return false;
		}
		if (!text[len])
			return true;
		text += len + 1;
	}
}
