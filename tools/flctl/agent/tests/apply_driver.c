// SPDX-License-Identifier: GPL-2.0
/*
 * apply_driver - the appliers, called with a plan from the command line
 *
 *	apply_driver [PLAN...] run APPLIER...
 *
 * PLAN:	dry | instance NAME | rules PREFIX | subnet PREFIX | noforward |
 *		inside PREFIX | device NAME | mtu N | addr PREFIX | lease 'LEASE' | leases COUNT |
 *		route 'DST WORDS...' | routes COUNT | sysctl PATH VALUE |
 *		env PATH TEXT | any option of flctl link add
 * APPLIER:	device table routes rules forward sysctls env
 *		remove-routes remove-rules remove-forward
 *
 * Prints one line for each change, "error: ..." for what fails (status 1), and
 * "displaced".
 */
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "rtnl.h"

#define MOST	70000

static struct plan plan;
static struct lease leases[MOST];
static struct plan_route routes[MOST];
static struct apply apply;
static const char *instance = "test", *env_path = "";
static int status;

static void __attribute__((noreturn)) usage(const char *why)
{
	fprintf(stderr, "apply_driver: %s\n", why);
	exit(2);
}

static const char *value(struct words *w)
{
	const char *word = words_next(w);

	if (!word)
		usage("a value is missing");
	return word;
}

static struct prefix read_prefix(struct words *w, const char *text)
{
	struct prefix prefix;

	if (!parse_prefix(w, text, &prefix))
		usage(w->error);
	return prefix;
}

static struct addr read_addr(struct words *w, const char *text)
{
	struct addr addr;

	if (!parse_addr(w, text, &addr))
		usage(w->error);
	return addr;
}

static void read_lease(const char *text)
{
	char line[256], dev[IF_NAMESIZE], *word[LINE_WORDS];
	struct words w;

	snprintf(line, sizeof(line), "%s", text);
	if (!split_line(&w, line, word) || !parse_lease(&w, &leases[plan.lease_count++], dev))
		usage(w.error);
}

/* One of each /24 of 10.0.0.0/8, behind a VTEP of its own. */
static void make_leases(int count)
{
	struct lease *lease = leases;
	int i;

	for (i = 0; i < count; i++, lease++) {
		*lease = (struct lease){
			.prefix = { { AF_INET, { 10, i >> 8, i } }, 24 },
			.vtep = { AF_INET, { 172, 16 + (i >> 16), i >> 8, i } },
			.lladdr = { 2, 0, 0, i >> 16, i >> 8, i },
		};
		if (!(i & 255))
			lease->vtep.bytes[1] = 31;
	}
	plan.lease_count = count;
}

/* Of 11.0.0.0/8. */
static void make_routes(int count)
{
	int i;

	for (i = 0; i < count; i++)
		routes[i] = (struct plan_route){
			.dst = { { AF_INET, { 11, i >> 8, i } }, 24 }, .via = ROUTE_DEVICE,
		};
	plan.route_count = count;
}

static void read_route(char *text)
{
	struct plan_route *route = &routes[plan.route_count++];
	struct words w = { 0 };
	char *word;

	route->via = ROUTE_DEVICE;
	route->dst = read_prefix(&w, strtok(text, " "));
	while ((word = strtok(NULL, " "))) {
		if (!strcmp(word, "blackhole"))
			route->via = ROUTE_BLACKHOLE;
		else if (!strcmp(word, "onlink"))
			route->onlink = true;
		else if (!strcmp(word, "via"))
			route->gateway = read_addr(&w, strtok(NULL, " "));
		else if (!strcmp(word, "src"))
			route->src = read_addr(&w, strtok(NULL, " "));
		else if (!strcmp(word, "metric"))
			route->metric = atoi(strtok(NULL, " "));
		else if (!strcmp(word, "mtu"))
			route->mtu = atoi(strtok(NULL, " "));
		else if (!strcmp(word, "if")) {
			route->via = ROUTE_GATEWAY;
			route->oif = if_nametoindex(strtok(NULL, " "));
		} else
			usage(word);
	}
}

static void read_sysctl(struct words *w)
{
	struct plan_sysctl *sysctl = &plan.sysctls[plan.sysctl_count++];

	snprintf(sysctl->path, sizeof(sysctl->path), "%s", value(w));
	snprintf(sysctl->value, sizeof(sysctl->value), "%s", value(w));
}

static void set_prefix(struct prefix prefix, struct prefix *v4, struct prefix *v6)
{
	*(prefix.addr.family == AF_INET ? v4 : v6) = prefix;
}

static bool read_simple(struct words *w, const char *word)
{
	if (!strcmp(word, "dry"))
		apply.dry = true;
	else if (!strcmp(word, "noforward"))
		plan.forward = false;
	else if (!strcmp(word, "instance"))
		instance = value(w);
	else if (!strcmp(word, "mtu"))
		plan.device.mtu = atoi(value(w));
	else if (!strcmp(word, "device"))
		snprintf(plan.device.name, sizeof(plan.device.name), "%s", value(w));
	else if (!strcmp(word, "lease"))
		read_lease(value(w));
	else if (!strcmp(word, "leases"))
		make_leases(atoi(value(w)));
	else if (!strcmp(word, "route"))
		read_route((char *)value(w));
	else if (!strcmp(word, "routes"))
		make_routes(atoi(value(w)));
	else if (!strcmp(word, "sysctl"))
		read_sysctl(w);
	else
		return false;
	return true;
}

static bool read_more(struct words *w, const char *word)
{
	if (!strcmp(word, "rules"))
		set_prefix(read_prefix(w, value(w)), &plan.rules4.network, &plan.rules6.network);
	else if (!strcmp(word, "subnet"))
		set_prefix(read_prefix(w, value(w)), &plan.rules4.subnet, &plan.rules6.subnet);
	else if (!strcmp(word, "inside"))
		set_prefix(read_prefix(w, value(w)), &plan.device.network4,
			   &plan.device.network6);
	else if (!strcmp(word, "addr"))
		set_prefix(read_prefix(w, value(w)), &plan.device.addr4, &plan.device.addr6);
	else if (!strcmp(word, "env")) {
		env_path = value(w);
		snprintf(plan.subnet_env, sizeof(plan.subnet_env), "%s", value(w));
	} else
		return options_parse(w, word, &plan.device.options);
	return true;
}

static bool apply_one(const char *what, const struct facts *facts, struct error *error)
{
	const struct prefix networks[] = { plan.device.network4, plan.device.network6 };
	bool displaced = false, ok = false;

	if (!strcmp(what, "device")) {
		ok = apply_device(&apply, &plan, facts, &displaced, error);
		if (displaced)
			puts("displaced");
	} else if (!strcmp(what, "table"))
		ok = apply_table(&apply, &plan, error);
	else if (!strcmp(what, "routes"))
		ok = apply_routes(&apply, &plan, facts, error);
	else if (!strcmp(what, "rules"))
		ok = apply_rules(&apply, &plan, instance, error);
	else if (!strcmp(what, "forward"))
		ok = apply_forward(&apply, &plan, instance, error);
	else if (!strcmp(what, "sysctls"))
		ok = apply_sysctls(&apply, &plan, error);
	else if (!strcmp(what, "env"))
		ok = apply_subnet_env(&apply, &plan, env_path, error);
	else if (!strcmp(what, "remove-routes"))
		ok = remove_routes(&apply, facts, networks,
				   networks[0].addr.family || networks[1].addr.family ? 2 : 0,
				   error);
	else if (!strcmp(what, "remove-rules"))
		ok = remove_rules(&apply, instance, error);
	else if (!strcmp(what, "remove-forward"))
		ok = remove_forward(&apply, instance, error);
	else
		usage(what);
	return ok;
}

static void say(void *data, const char *line)
{
	(void)data;
	puts(line);
}

int main(int argc, char **argv)
{
	struct words w = { .word = argv + 1, .count = argc - 1 };
	struct facts facts = { 0 };
	struct error error = { "" };
	const char *word;

	plan.leases = leases;
	plan.routes = routes;
	plan.forward = true;
	plan.masquerade = true;
	plan.random_fully = true;
	apply.say = say;
	while ((word = words_next(&w)) && strcmp(word, "run"))
		if (!read_simple(&w, word) && !read_more(&w, word))
			usage(*w.error ? w.error : word);
	while ((word = words_next(&w))) {
		if (!facts_read(&facts, &error) || !apply_one(word, &facts, &error)) {
			printf("error: %s\n", error.text);
			status = 1;
		}
		facts_free(&facts);
	}
	rtnl_close();
	ipc_close();
	return status;
}
