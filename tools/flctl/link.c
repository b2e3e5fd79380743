// SPDX-License-Identifier: GPL-2.0
/* flctl link: add, set, show and del devices. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flctl.h"
#include "print.h"

#define LOWER_UP	0x10000		/* IFF_LOWER_UP, not in net/if.h */
/* No packet of any IP is smaller; the kernel knows the real limits. */
#define LEAST_MTU	68

struct flag_name {
	unsigned int flag;
	const char *name;
};

static const struct flag_name flag_names[] = {
	{ IFF_BROADCAST, "BROADCAST" },
	{ IFF_POINTOPOINT, "POINTOPOINT" },
	{ IFF_MULTICAST, "MULTICAST" },
	{ IFF_NOARP, "NOARP" },
	{ IFF_PROMISC, "PROMISC" },
	{ IFF_ALLMULTI, "ALLMULTI" },
	{ IFF_UP, "UP" },
	{ LOWER_UP, "LOWER_UP" },
};

static const char *const state_names[] = {
	"UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING",
	"DORMANT", "UP",
};

static bool read_mtu(struct words *w, struct ipc_link_request *request)
{
	const char *text = words_value(w, "mtu");

	if (!text)
		return false;
	if (request->mtu)
		return words_fail(w, "mtu is given twice");
	return parse_number(w, "mtu", text, LEAST_MTU, 65535, &request->mtu);
}

static bool read_up(struct words *w, struct ipc_link_request *request, bool up)
{
	if (request->up >= 0)
		return words_fail(w, "up or down is given twice");
	request->up = up;
	return true;
}

static bool read_option(struct words *w, const char *word,
			struct ipc_link_request *request)
{
	if (!strcmp(word, "mtu"))
		return read_mtu(w, request);
	if (!strcmp(word, "up") || !strcmp(word, "down"))
		return read_up(w, request, *word == 'u');
	if (options_parse(w, word, &request->options))
		return true;
	if (!*w->error)
		words_fail(w, "unknown option \"%s\": see flctl link add --help",
			   word);
	return false;
}

static bool read_name(struct words *w, char name[IF_NAMESIZE])
{
	const char *word = words_next(w);

	if (!word)
		return words_fail(w, "the name of a device is missing");
	return parse_ifname(w, word, name);
}

static bool read_request(struct words *w, char name[IF_NAMESIZE],
			 struct ipc_link_request *request)
{
	const char *word;

	memset(request, 0, sizeof(*request));
	request->up = -1;
	if (!read_name(w, name))
		return false;
	while ((word = words_next(w)))
		if (!read_option(w, word, request))
			return false;
	return true;
}

/*
 * A device that is made and put up at once fails without the kernel's words
 * when its port is taken; one that is put up afterwards with them.
 */
static int bring_up(const char *name)
{
	const struct ipc_link_request up = { .up = 1 };
	struct ipc_link link;
	int code;

	code = find_device(name, &link);
	if (code || !ipc_link_set(link.ifindex, &up))
		return code;
	code = fail_ipc("link add %s", name);
	ipc_link_del(link.ifindex);
	return code;
}

int link_add(struct words *w)
{
	struct ipc_link_request request;
	char name[IF_NAMESIZE];
	bool up;
	int code;

	if (!read_request(w, name, &request))
		return fail_words(w);
	code = start_ipc();
	if (code)
		return code;
	up = request.up > 0;
	if (up)
		request.up = 0;
	if (ipc_link_add(name, &request))
		return fail_ipc("link add %s", name);
	return up ? bring_up(name) : EXIT_DONE;
}

int link_set(struct words *w)
{
	struct ipc_link_request request;
	struct ipc_link link;
	char name[IF_NAMESIZE];
	int code;

	if (!read_request(w, name, &request))
		return fail_words(w);
	if (!request.options.given && !request.mtu && request.up < 0)
		return fail(EXIT_INPUT, "link set %s: nothing to set: see flctl link set --help",
			    name);
	code = start_ipc();
	if (!code)
		code = find_device(name, &link);
	if (code)
		return code;
	if (ipc_link_set(link.ifindex, &request))
		return fail_ipc("link set %s", name);
	return EXIT_DONE;
}

int link_del(struct words *w)
{
	struct ipc_link link;
	char name[IF_NAMESIZE];
	int code;

	if (!read_name(w, name))
		return fail_words(w);
	if (w->count)
		return fail(EXIT_INPUT, "unknown word \"%s\" behind the name of the device",
			    w->word[0]);
	code = start_ipc();
	if (!code)
		code = find_device(name, &link);
	if (code)
		return code;
	if (ipc_link_del(link.ifindex))
		return fail_ipc("link del %s", name);
	return EXIT_DONE;
}

static const char *state_name(uint8_t state)
{
	return state < ARRAY_SIZE(state_names) ? state_names[state] : "UNKNOWN";
}

/* Walk the names of the flags that are set; NULL at the end. */
static const char *next_flag(const struct ipc_link *link, unsigned int *next)
{
	bool no_carrier = (link->flags & (IFF_UP | IFF_RUNNING)) == IFF_UP;
	unsigned int i;

	while ((i = (*next)++) <= ARRAY_SIZE(flag_names)) {
		if (!i && no_carrier)
			return "NO-CARRIER";
		if (i && link->flags & flag_names[i - 1].flag)
			return flag_names[i - 1].name;
	}
	return NULL;
}

static void text_link(const struct ipc_link *link)
{
	const char *name, *separator = "";
	struct option_value value;
	unsigned int i = 0;

	printf("%d: %s: <", link->ifindex, link->name);
	while ((name = next_flag(link, &i))) {
		printf("%s%s", separator, name);
		separator = ",";
	}
	printf("> mtu %u state %s", link->mtu, state_name(link->operstate));
	if (link->link_netnsid >= 0)
		printf(" link-netnsid %d", link->link_netnsid);
	printf("\n    %s", FLANNEL_LINK_KIND);
	for (i = 0; options_next(&link->options, &i, &value);)
		if (value.type == OPTION_FLAG)
			printf(" %s", value.text);
		else
			printf(" %s %s", value.word, value.text);
	putchar('\n');
}

static bool has(const struct ipc_dev *dev, unsigned int attr)
{
	return dev->given & 1U << attr;
}

static void text_underlay(const struct ipc_link *link,
			  const struct ipc_dev *dev)
{
	if (has(dev, FLANNEL_A_DEV_UNDERLAY))
		printf("        underlay  %s (ifindex %u)\n", link->options.dev,
		       dev->underlay);
	else if (*link->options.dev)
		printf("        underlay  %s does not exist now\n",
		       link->options.dev);
	else
		printf("        underlay  whatever the route to each VTEP uses\n");
}

static const char *lookup(uint8_t index)
{
	return index ? "direct index" : "hash";
}

static const char *open_closed(uint8_t socket)
{
	return socket ? "open" : "closed";
}

static void text_effect(const struct ipc_link *link, const struct ipc_dev *dev)
{
	char mac[MAC_TEXT];

	printf("    in effect:\n");
	text_underlay(link, dev);
	printf("        mtu       %u\n", dev->mtu);
	printf("        vtep      vni %u port %u lladdr %s\n", dev->vni,
	       dev->port, format_mac(dev->lladdr, mac));
	printf("        sockets   IPv4 %s, IPv6 %s\n",
	       open_closed(dev->socket4), open_closed(dev->socket6));
	printf("        srcport   %u %u\n", dev->port_low, dev->port_high);
	printf("        ttl       %u\n", dev->ttl);
	printf("        leases    IPv4 %u (%s), IPv6 %u (%s)\n", dev->leases4,
	       lookup(dev->index4), dev->leases6, lookup(dev->index6));
	printf("        vteps     %u\n", dev->vteps);
}

static void json_option(const struct option_value *value)
{
	switch (value->type) {
	case OPTION_NUMBER:
		json_number(value->key, value->number);
		break;
	case OPTION_STRING:
		json_string(value->key, value->text);
		break;
	case OPTION_FLAG:
		json_bool(value->key, value->number);
		break;
	case OPTION_RANGE:
		json_open(value->key, '{');
		json_number("min", value->number);
		json_number("max", value->last);
		json_close('}');
		break;
	}
}

static void json_link(const struct ipc_link *link)
{
	struct option_value value;
	unsigned int i = 0;
	const char *name;

	json_number("ifindex", link->ifindex);
	json_string("ifname", link->name);
	json_open("flags", '[');
	while ((name = next_flag(link, &i)))
		json_string(NULL, name);
	json_close(']');
	json_number("mtu", link->mtu);
	json_string("operstate", state_name(link->operstate));
	if (link->link_netnsid >= 0)
		json_number("link_netnsid", link->link_netnsid);
	json_open("options", '{');
	for (i = 0; options_next(&link->options, &i, &value);)
		json_option(&value);
	json_close('}');
}

static void json_effect(const struct ipc_dev *dev)
{
	char mac[MAC_TEXT];

	json_open("in_effect", '{');
	if (has(dev, FLANNEL_A_DEV_UNDERLAY))
		json_number("underlay", dev->underlay);
	json_number("mtu", dev->mtu);
	json_number("vni", dev->vni);
	json_number("port", dev->port);
	json_string("lladdr", format_mac(dev->lladdr, mac));
	json_bool("socket4", dev->socket4);
	json_bool("socket6", dev->socket6);
	json_number("port_low", dev->port_low);
	json_number("port_high", dev->port_high);
	json_number("ttl", dev->ttl);
	json_number("leases4", dev->leases4);
	json_number("leases6", dev->leases6);
	json_bool("index4", dev->index4);
	json_bool("index6", dev->index6);
	json_number("vteps", dev->vteps);
	json_close('}');
}

/* The options need no permission, what is in effect does. */
static int show(const struct ipc_link *link)
{
	struct ipc_dev dev;
	int ret = ipc_dev_get(link->ifindex, &dev);

	if (ret == -ENODEV)
		return EXIT_DONE;
	if (json) {
		json_open(NULL, '{');
		json_link(link);
		if (!ret)
			json_effect(&dev);
		json_close('}');
	} else {
		text_link(link);
		if (!ret)
			text_effect(link, &dev);
	}
	return ret ? fail_ipc("what is in effect on %s", link->name) :
		     EXIT_DONE;
}

static int show_list(const struct ipc_link_list *list)
{
	int code = EXIT_DONE;
	size_t i;

	if (json)
		json_open(NULL, '[');
	for (i = 0; i < list->count && !code; i++)
		code = show(&list->link[i]);
	if (json)
		json_close(']');
	return code;
}

static int show_all(void)
{
	struct ipc_link_list list = { 0 };
	int code;

	if (ipc_link_list(&list))
		code = fail_ipc("link show");
	else
		code = show_list(&list);
	free(list.link);
	return code;
}

int link_show(struct words *w)
{
	struct ipc_link_list one = { .count = 1 };
	char name[IF_NAMESIZE] = "";
	struct ipc_link link;
	int code;

	if (w->count && !read_name(w, name))
		return fail_words(w);
	if (w->count)
		return fail(EXIT_INPUT, "unknown word \"%s\" behind the name of the device",
			    w->word[0]);
	code = start_ipc();
	if (code)
		return code;
	if (!*name)
		return show_all();
	code = find_device(name, &link);
	one.link = &link;
	return code ? code : show_list(&one);
}
