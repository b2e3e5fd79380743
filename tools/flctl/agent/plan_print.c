// SPDX-License-Identifier: GPL-2.0
/* A plan for people to read. */

#include <stdio.h>
#include <string.h>

#include "plan.h"

/* Zeros are as good as not given. */
static void forget_unset(struct link_options *options)
{
	static const unsigned int attrs[] = {
		IFLA_FLANNEL_LOCAL, IFLA_FLANNEL_LOCAL6, IFLA_FLANNEL_NETWORK,
		IFLA_FLANNEL_NETWORK6, IFLA_FLANNEL_UNTRACK,
	};
	static const uint8_t zero[16];
	const void *value;
	size_t i, size;

	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		value = options_attr(options, attrs[i], &size);
		if (value && !memcmp(value, zero, size))
			options->given &= ~(1U << attrs[i]);
	}
}

static void print_device(const struct plan_device *device, FILE *file)
{
	const struct prefix *addrs[] = { &device->addr4, &device->addr6 };
	struct link_options options = device->options;
	struct option_value value;
	char text[PREFIX_TEXT];
	unsigned int next = 0;
	size_t i;

	if (!*device->name)
		return;
	forget_unset(&options);
	fprintf(file, "device %s mtu %u", device->name, device->mtu);
	while (options_next(&options, &next, &value)) {
		if (value.type != OPTION_FLAG)
			fprintf(file, " %s", value.word);
		fprintf(file, " %s", value.text);
	}
	fputc('\n', file);
	for (i = 0; i < ARRAY_SIZE(addrs); i++)
		if (addrs[i]->addr.family)
			fprintf(file, "address %s dev %s\n", format_prefix(addrs[i], text),
				device->name);
}

static void print_target(const struct plan *plan, const struct plan_route *route, FILE *file)
{
	char addr[ADDR_TEXT];

	if (route->gateway.family)
		fprintf(file, " via %s", format_addr(&route->gateway, addr));
	if (route->via == ROUTE_DEVICE)
		fprintf(file, " dev %s", plan->device.name);
	else if (route->via == ROUTE_GATEWAY)
		fprintf(file, " dev %s", plan->underlay);
	if (route->onlink)
		fputs(" onlink", file);
	if (route->src.family)
		fprintf(file, " src %s", format_addr(&route->src, addr));
}

static void print_route(const struct plan *plan, const struct plan_route *route, FILE *file)
{
	char text[PREFIX_TEXT];

	fprintf(file, "route %s%s", route->via == ROUTE_BLACKHOLE ? "blackhole " : "",
		format_prefix(&route->dst, text));
	print_target(plan, route, file);
	if (route->metric)
		fprintf(file, " metric %u", route->metric);
	if (route->mtu)
		fprintf(file, " mtu %u", route->mtu);
	fputc('\n', file);
}

static void print_rules(const struct plan *plan, const struct plan_rules *rules, FILE *file)
{
	char network[PREFIX_TEXT], subnet[PREFIX_TEXT];

	if (!rules->network.addr.family)
		return;
	format_prefix(&rules->network, network);
	if (plan->masquerade)
		fprintf(file, "masquerade network %s subnet %s%s\n", network,
			format_prefix(&rules->subnet, subnet),
			plan->random_fully ? " fully-random" : "");
	if (plan->forward)
		fprintf(file, "forward network %s accept\n", network);
}

static void print_file(const char *text, FILE *file)
{
	size_t len;

	for (; *text; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		fprintf(file, "subnet.env %.*s\n", (int)len, text);
	}
}

void plan_print(const struct plan *plan, FILE *file)
{
	char text[LEASE_TEXT];
	size_t i;

	print_device(&plan->device, file);
	for (i = 0; i < plan->lease_count; i++)
		fprintf(file, "lease %s\n", format_lease(&plan->leases[i], text));
	for (i = 0; i < plan->route_count; i++)
		print_route(plan, &plan->routes[i], file);
	print_rules(plan, &plan->rules4, file);
	print_rules(plan, &plan->rules6, file);
	for (i = 0; i < plan->sysctl_count; i++)
		fprintf(file, "sysctl %s = %s\n", plan->sysctls[i].path, plan->sysctls[i].value);
	print_file(plan->subnet_env, file);
	for (i = 0; i < plan->notice_count; i++)
		fprintf(file, "notice %s\n", plan->notices[i]);
}
