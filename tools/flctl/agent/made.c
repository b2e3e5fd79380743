// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply_impl.h"
#include "made.h"
#include "state_file.h"

#define FILE_TEXT	4096

struct made_other {
	char instance[256];
	struct made made;
};

/* --- the file --------------------------------------------------------------- */

static void add_network(struct made *made, const struct prefix *network)
{
	size_t i, last;

	if (!network->addr.family)
		return;
	for (i = 0; i < made->networks && compare_prefix(&made->network[i], network);)
		i++;
	last = i < MADE_MOST ? i : MADE_MOST - 1;
	if (i == made->networks && i < MADE_MOST)
		made->networks++;
	memmove(&made->network[1], &made->network[0], last * sizeof(made->network[0]));
	made->network[0] = *network;
}

static void add_device(struct made *made, const char *name, const uint8_t mac[6])
{
	struct made_device device = { 0 };
	size_t i, last;

	for (i = 0; i < made->devices && strcmp(made->device[i].name, name);)
		i++;
	last = i < MADE_MOST ? i : MADE_MOST - 1;
	if (i == made->devices && i < MADE_MOST)
		made->devices++;
	memmove(&made->device[1], &made->device[0], last * sizeof(made->device[0]));
	snprintf(device.name, sizeof(device.name), "%s", name);
	memcpy(device.mac, mac, sizeof(device.mac));
	made->device[0] = device;
}

void made_add(struct made *made, const struct plan *plan)
{
	add_network(made, &plan->device.network6);
	add_network(made, &plan->device.network4);
	if (*plan->device.name)
		add_device(made, plan->device.name, plan->device.options.lladdr);
}

static void parse_line(char *line, struct made *made)
{
	char *word[LINE_WORDS], name[IF_NAMESIZE];
	struct prefix network;
	struct words w = { 0 };
	uint8_t mac[6];

	if (!split_line(&w, line, word) || w.count < 2)
		return;
	if (!strcmp(word[0], "network") && w.count == 2 && parse_prefix(&w, word[1], &network) &&
	    made->networks < MADE_MOST)
		made->network[made->networks++] = network;
	if (!strcmp(word[0], "device") && w.count == 4 && parse_ifname(&w, word[1], name) &&
	    parse_mac(&w, word[3], mac) && made->devices < MADE_MOST) {
		strcpy(made->device[made->devices].name, name);
		memcpy(made->device[made->devices++].mac, mac, sizeof(mac));
	}
}

void made_parse(const char *text, struct made *made)
{
	char line[128];
	size_t len;

	memset(made, 0, sizeof(*made));
	for (; *text; text += len + !!text[len]) {
		len = strcspn(text, "\n");
		if (len >= sizeof(line))
			continue;
		memcpy(line, text, len);
		line[len] = '\0';
		parse_line(line, made);
	}
}

static void format_made(const struct made *made, char text[FILE_TEXT])
{
	char prefix[PREFIX_TEXT], mac[MAC_TEXT];
	size_t i, at = 0;

	text[0] = '\0';
	for (i = 0; i < made->networks; i++)
		at += snprintf(text + at, FILE_TEXT - at, "network %s\n",
			       format_prefix(&made->network[i], prefix));
	for (i = 0; i < made->devices; i++)
		at += snprintf(text + at, FILE_TEXT - at, "device %s lladdr %s\n",
			       made->device[i].name, format_mac(made->device[i].mac, mac));
}

static void read_text(const char *path, char text[FILE_TEXT], struct made *made)
{
	FILE *file = fopen(path, "re");
	size_t len = 0;

	if (file) {
		len = fread(text, 1, FILE_TEXT - 1, file);
		fclose(file);
	}
	text[len] = '\0';
	made_parse(text, made);
}

void made_read(const char *path, struct made *made)
{
	char text[FILE_TEXT];

	read_text(path, text, made);
}

static bool write_made(const char *path, const struct made *made, const char *before,
		       struct error *error)
{
	char text[FILE_TEXT];

	format_made(made, text);
	return !strcmp(text, before) || state_file_write(path, text, error);
}

bool made_remember(const char *path, const struct plan *plan, struct error *error)
{
	char text[FILE_TEXT];
	struct made made;

	read_text(path, text, &made);
	made_add(&made, plan);
	return write_made(path, &made, text, error);
}

/* --- other instances --------------------------------------------------------- */

static bool is_made_file(const char *name)
{
	size_t len = strlen(name), suffix = strlen(MADE_SUFFIX);

	return len > suffix && !strcmp(name + len - suffix, MADE_SUFFIX);
}

/* Does it name @device, or a network that @dst touches? */
static bool is_named_in(const struct made *made, const char *device, const struct prefix *dst)
{
	size_t i;

	for (i = 0; device && i < made->devices; i++)
		if (!strcmp(made->device[i].name, device))
			return true;
	for (i = 0; dst && i < made->networks; i++)
		if (made->network[i].addr.family == dst->addr.family &&
		    prefix_overlaps(&made->network[i], dst))
			return true;
	return false;
}

static bool read_other(const char *dir, const char *name, struct made_others *others)
{
	struct made_other *grown = reallocarray(others->other, others->count + 1, sizeof(*grown));
	char file[4096 + 256];

	if (!grown)
		return false;
	others->other = grown;
	grown += others->count++;
	snprintf(grown->instance, sizeof(grown->instance), "%.*s",
		 (int)(strlen(name) - strlen(MADE_SUFFIX)), name);
	snprintf(file, sizeof(file), "%s%s", dir, name);
	made_read(file, &grown->made);
	return true;
}

bool made_read_others(const char *path, struct made_others *others)
{
	const char *own = strrchr(path, '/') + 1;
	struct dirent *entry;
	bool done = true;
	char dir[4096];
	DIR *d;

	memset(others, 0, sizeof(*others));
	snprintf(dir, sizeof(dir), "%.*s", (int)(own - path), path);
	d = opendir(dir);
	while (d && done && (entry = readdir(d)))
		if (is_made_file(entry->d_name) && strcmp(entry->d_name, own))
			done = read_other(dir, entry->d_name, others);
	if (d)
		closedir(d);
	return d && done;
}

void made_free_others(struct made_others *others)
{
	free(others->other);
	memset(others, 0, sizeof(*others));
}

const char *made_by_other(const struct made_others *others, const char *device,
			  const struct prefix *dst)
{
	size_t i;

	for (i = 0; i < others->count; i++)
		if (is_named_in(&others->other[i].made, device, dst))
			return others->other[i].instance;
	return NULL;
}

/* --- what is there no more -------------------------------------------------- */

struct cleaning {
	struct apply *a;
	const struct plan *plan;
	const struct facts *facts;
	const struct made *mine;
	struct made_others others;
};

static bool is_planned(const struct cleaning *c, const struct prefix *dst)
{
	const struct plan_device *device = &c->plan->device;
	const struct prefix *network = dst->addr.family == AF_INET ? &device->network4 :
								     &device->network6;

	return network->addr.family && prefix_covers(network, dst);
}

static bool is_former_route(const struct cleaning *c, const struct fact_route *route)
{
	size_t i;

	if (route->protocol != FLANNEL_ROUTE_PROTOCOL || is_planned(c, &route->dst) ||
	    made_by_other(&c->others, NULL, &route->dst))
		return false;
	for (i = 0; i < c->mine->networks; i++)
		if (prefix_covers(&c->mine->network[i], &route->dst))
			return true;
	return false;
}

static bool clean_routes(const struct cleaning *c, struct error *error)
{
	struct facts former = { .routes = calloc(c->facts->route_count + 1, sizeof(*former.routes)) };
	bool done;
	size_t i;

	if (!former.routes)
		return set_error(error, "no memory for %zu routes", c->facts->route_count);
	for (i = 0; i < c->facts->route_count; i++)
		if (is_former_route(c, &c->facts->routes[i]))
			former.routes[former.route_count++] = c->facts->routes[i];
	done = !former.route_count || remove_routes(c->a, &former, NULL, 0, error);
	free(former.routes);
	return done;
}

/* One of its name with another MAC was made by somebody else. */
static bool clean_device(const struct cleaning *c, const struct made_device *made,
			 struct error *error)
{
	const struct fact_link *link = facts_link(c->facts, made->name);

	if (!link || strcmp(link->kind, FLANNEL_LINK_KIND) ||
	    !strcmp(made->name, c->plan->device.name) || made_by_other(&c->others, made->name, NULL) ||
	    memcmp(link->flannel.lladdr, made->mac, sizeof(made->mac)))
		return true;
	if (!c->a->dry && !apply_open(false, error))
		return false;
	if (!c->a->dry && ipc_link_del(link->ifindex))
		return apply_refused(error, "link del %s", made->name);
	apply_say(c->a, "link del %s: the configuration has it no more", made->name);
	return true;
}

static bool clean(struct cleaning *c, struct error *error)
{
	bool done = clean_routes(c, error);
	size_t i;

	for (i = 0; i < c->mine->devices; i++)
		if (!clean_device(c, &c->mine->device[i], done ? error : NULL))
			done = false;
	return done;
}

bool made_clean(struct apply *a, const char *path, const struct plan *plan,
		const struct facts *facts, struct error *error)
{
	struct made mine, wanted = { 0 };
	struct cleaning c = { .a = a, .plan = plan, .facts = facts, .mine = &mine };
	char text[FILE_TEXT], planned[FILE_TEXT];
	bool done;

	read_text(path, text, &mine);
	made_add(&wanted, plan);
	format_made(&wanted, planned);
	if (!strcmp(text, planned) || !*text)
		return true;
	done = made_read_others(path, &c.others) ? clean(&c, error) :
	       set_error(error, "cannot read what other instances have made beside %s: %s", path,
			 strerror(errno));
	made_free_others(&c.others);
	return done && (a->dry || write_made(path, &wanted, text, error));
}
