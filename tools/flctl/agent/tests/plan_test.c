// SPDX-License-Identifier: GPL-2.0
/* What is planned from configuration, leases and facts. */

#include <arpa/inet.h>

#include "host.h"
#include "plan.h"

#define PEERS	64

struct scene {
	struct host host;
	struct net_config config;
	struct plan_options options;
	struct iface iface;
	struct record own, peers[PEERS];
	struct record_list list;
	struct addr stores[2];
	struct plan_input input;
	struct plan plan;
	struct error error;
};

/* 10.42.0.0/16 on eth0, 192.0.2.1 of 192.0.2.0/24; no peer yet. */
static void set_up(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	host_open(&s->host);
	host_link(&s->host, 2, "eth0");
	host_addr(&s->host, 2, "192.0.2.1/24");
	host_addr(&s->host, 2, "2001:db8::1/64");
	host_route(&s->host, "0.0.0.0/0", "192.0.2.254", 2);
	host_route(&s->host, "192.0.2.0/24", NULL, 2);
	host_route(&s->host, "2001:db8::/64", NULL, 2);
	s->config.v4.network = a_prefix("10.42.0.0/16");
	s->config.vni = 1;
	s->config.port = 8472;
	s->iface.ifindex = 2;
	snprintf(s->iface.name, sizeof(s->iface.name), "eth0");
	s->iface.mtu = 1500;
	s->iface.bind4 = an_addr("192.0.2.1");
	s->iface.public4 = s->iface.bind4;
	s->own.subnet4 = a_prefix("10.42.1.0/24");
	s->options.srccheck = FLANNEL_SRCCHECK_LEASE;
	s->list.record = s->peers;
	memcpy(s->input.mac, "\x02\0\0\0\0\1", 6);
	s->input.config = &s->config;
	s->input.options = &s->options;
	s->input.iface = &s->iface;
	s->input.own = &s->own;
	s->input.peers = &s->list;
	s->input.facts = &s->host.facts;
	s->input.stores = s->stores;
}

static void set_up_dual(struct scene *s)
{
	set_up(s);
	s->config.v6.network = a_prefix("fd42::/48");
	s->own.subnet6 = a_prefix("fd42:0:0:1::/64");
	s->iface.bind6 = an_addr("2001:db8::1");
	s->iface.public6 = s->iface.bind6;
}

static void set_mac(struct backend_data *data, uint8_t first, uint8_t last)
{
	data->has_mac = true;
	memset(data->mac, 0, sizeof(data->mac));
	data->mac[0] = first;
	data->mac[5] = last;
}

/* The revision grows with each. */
static struct record *peer(struct scene *s, const char *subnet, const char *public)
{
	size_t index = s->list.count++;
	struct record *record = &s->peers[index];

	assert_true(s->list.count <= PEERS);
	record->subnet4 = a_prefix(subnet);
	record->public4 = an_addr(public);
	snprintf(record->backend, sizeof(record->backend), "%s",
		 backend_name(s->config.backend));
	set_mac(&record->data4, 2, index + 1);
	record->mod_revision = 100 + index;
	return record;
}

static struct record *dual(struct scene *s, const char *subnet, const char *public,
			   const char *subnet6, const char *public6)
{
	struct record *record = peer(s, subnet, public);

	record->subnet6 = a_prefix(subnet6);
	record->public6 = an_addr(public6);
	set_mac(&record->data6, 6, s->list.count);
	return record;
}

static void make(struct scene *s)
{
	plan_free(&s->plan);
	if (!plan_make(&s->input, &s->plan, &s->error))
		fail_msg("%s", s->error.text);
}

static void fails(struct scene *s, const char *text)
{
	plan_free(&s->plan);
	assert_false(plan_make(&s->input, &s->plan, &s->error));
	if (!strstr(s->error.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, s->error.text);
}

/* Lines of the printed plan that begin with @word. */
static char *lines(struct scene *s, const char *word)
{
	static char found[8192];
	char *text, *line, *save;
	size_t size, len = 0;
	FILE *file = open_memstream(&text, &size);

	plan_print(&s->plan, file);
	fclose(file);
	*found = '\0';
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!strncmp(line, word, strlen(word)) && len < sizeof(found))
			len += snprintf(found + len, sizeof(found) - len, "%s\n", line);
	free(text);
	return found;
}

static void are(struct scene *s, const char *word, const char *wanted)
{
	assert_string_equal(lines(s, word), wanted);
}

static void has_notice(struct scene *s, const char *text)
{
	size_t i;

	for (i = 0; i < s->plan.notice_count; i++)
		if (strstr(s->plan.notices[i], text))
			return;
	fail_msg("no notice \"%s\" in:\n%s", text, lines(s, "notice"));
}

static void plain(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	peer(&s, "10.42.3.0/24", "192.0.2.3");
	peer(&s, "10.42.2.0/24", "198.51.100.2");
	s.options.ip_masq = true;
	s.options.forward_rules = true;
	s.options.untrack = true;
	s.options.ip_forward = true;
	make(&s);
	are(&s, "",
	    "device flannel.1 mtu 1450 id 1 local 192.0.2.1 dev eth0 dstport 8472 lladdr 02:00:00:00:00:01 network 10.42.0.0/16 srccheck lease untrack\n"
	    "address 10.42.1.0/32 dev flannel.1\n"
	    "lease 10.42.1.0/24 local\n"
	    "lease 10.42.2.0/24 via 198.51.100.2 lladdr 02:00:00:00:00:02\n"
	    "lease 10.42.3.0/24 via 192.0.2.3 lladdr 02:00:00:00:00:01\n"
	    "route 10.42.0.0/16 dev flannel.1 src 10.42.1.0\n"
	    "masquerade network 10.42.0.0/16 subnet 10.42.1.0/24\n"
	    "forward network 10.42.0.0/16 accept\n"
	    "sysctl net/ipv4/ip_forward = 1\n"
	    "subnet.env FLANNEL_NETWORK=10.42.0.0/16\n"
	    "subnet.env FLANNEL_SUBNET=10.42.1.1/24\n"
	    "subnet.env FLANNEL_MTU=1450\n"
	    "subnet.env FLANNEL_IPMASQ=true\n");
	assert_int_equal(s.plan.skipped, 0);
	assert_int_equal(s.plan.device.addr6.addr.family, AF_UNSPEC);
	assert_true(prefix_covers(&s.plan.device.network4, &s.config.v4.network));
	plan_free(&s.plan);
}

/* D9: the local address is the one that this host has, not the public one. */
static void d09_bind_is_not_public(void **state)
{
	struct scene s;

	(void)state;
	set_up_dual(&s);
	s.iface.public4 = an_addr("203.0.113.9");
	s.iface.public6 = an_addr("2001:db8:9::9");
	s.options.srccheck = FLANNEL_SRCCHECK_STRICT;
	s.config.vni = 9999999;
	s.config.port = 4789;
	make(&s);
	are(&s, "device",
	    "device flannel.9999999 mtu 1450 id 9999999 local 192.0.2.1 local 2001:db8::1 dev eth0 dstport 4789 lladdr 02:00:00:00:00:01 network 10.42.0.0/16 network fd42::/48 srccheck strict\n");
	plan_free(&s.plan);
}

static void dual_stack(void **state)
{
	struct scene s;

	(void)state;
	set_up_dual(&s);
	s.options.ip_forward = true;
	s.options.blackhole_route = true;
	dual(&s, "10.42.2.0/24", "192.0.2.2", "fd42:0:0:2::/64", "2001:db8::2");
	peer(&s, "10.42.3.0/24", "192.0.2.3");
	make(&s);
	are(&s, "lease",
	    "lease 10.42.1.0/24 local\n"
	    "lease 10.42.2.0/24 via 192.0.2.2 lladdr 02:00:00:00:00:01\n"
	    "lease 10.42.3.0/24 via 192.0.2.3 lladdr 02:00:00:00:00:02\n"
	    "lease fd42:0:0:1::/64 local\n"
	    "lease fd42:0:0:2::/64 via 2001:db8::2 lladdr 06:00:00:00:00:01\n");
	are(&s, "route",
	    "route 10.42.0.0/16 dev flannel.1 src 10.42.1.0\n"
	    "route blackhole 10.42.1.0/24 metric 4096\n"
	    "route fd42::/48 via fe80::1 dev flannel.1 onlink src fd42:0:0:1:: mtu 1430\n"
	    "route blackhole fd42:0:0:1::/64 metric 4096\n");
	are(&s, "sysctl", "sysctl net/ipv4/ip_forward = 1\nsysctl net/ipv6/conf/all/forwarding = 1\n");
	are(&s, "address", "address 10.42.1.0/32 dev flannel.1\naddress fd42:0:0:1::/128 dev flannel.1\n");
	are(&s, "notice", "");
	plan_free(&s.plan);
}

static void one_family(void **state)
{
	struct scene s;

	(void)state;
	set_up_dual(&s);
	dual(&s, "10.42.2.0/24", "192.0.2.2", "fd42:0:0:2::/64", "2001:db8::2");
	peer(&s, "10.42.3.0/24", "192.0.2.3");
	s.config.v4.network.addr.family = AF_UNSPEC;
	make(&s);
	are(&s, "lease",
	    "lease fd42:0:0:1::/64 local\nlease fd42:0:0:2::/64 via 2001:db8::2 lladdr 06:00:00:00:00:01\n");
	are(&s, "address", "address fd42:0:0:1::/128 dev flannel.1\n");
	are(&s, "notice",
	    "notice peer 10.42.3.0/24 (192.0.2.3) skipped: it has no subnet of a family that we have\n");
	assert_int_equal(s.plan.skipped, 1);
	assert_non_null(strstr(lines(&s, "device"), " local 2001:db8::1 dev eth0 "));
	plan_free(&s.plan);
	set_up_dual(&s);
	s.own.subnet6.addr.family = AF_UNSPEC;
	make(&s);
	has_notice(&s, "the network has IPv6, our lease has not");
	plan_free(&s.plan);
}

/* D10: the IPv6 route carries an MTU of 20 less; subnet.env says what stock flannel says. */
static void d10_mtu(void **state)
{
	static const struct {
		uint32_t config, iface, device, route6, env;
	} cases[] = {
		{ 0, 1500, 1450, 1430, 1450 }, { 0, 9000, 8950, 8930, 8950 },
		{ 1400, 1500, 1350, 1330, 1350 }, { 1500, 1500, 1450, 1430, 1450 },
		{ 0, 1340, 1290, 1280, 1290 }, { 0, 1300, 1280, 1280, 1250 },
		{ 9000, 1500, 1450, 1430, 8950 }, { 0, 65536, 65485, 65466, 65486 },
	};
	struct scene s;
	char env[64];
	size_t i;

	(void)state;
	set_up_dual(&s);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		s.config.mtu = cases[i].config;
		s.iface.mtu = cases[i].iface;
		make(&s);
		assert_int_equal(s.plan.device.mtu, cases[i].device);
		assert_int_equal(s.plan.routes[0].mtu, 0);
		assert_int_equal(s.plan.routes[1].mtu, cases[i].route6);
		snprintf(env, sizeof(env), "subnet.env FLANNEL_MTU=%u\n", cases[i].env);
		are(&s, "subnet.env FLANNEL_MTU", env);
	}
	s.config.mtu = 9000;
	s.iface.mtu = 1300;
	make(&s);
	has_notice(&s, "MTU 9000 of the configuration does not fit eth0, which has 1300");
	has_notice(&s, "the device has an MTU of 1280, its least, and not 1250");
	plan_free(&s.plan);
}

/* D4: what is unchanged in one family hides nothing in the other; nor does a moved subnet. */
static void d04_families_change_alone(void **state)
{
	struct record *record;
	struct scene s;

	(void)state;
	set_up_dual(&s);
	record = dual(&s, "10.42.2.0/24", "192.0.2.2", "fd42:0:0:2::/64", "2001:db8::2");
	peer(&s, "10.42.3.0/24", "192.0.2.3");
	record->public4 = an_addr("192.0.2.22");
	make(&s);
	are(&s, "lease",
	    "lease 10.42.1.0/24 local\n"
	    "lease 10.42.2.0/24 via 192.0.2.22 lladdr 02:00:00:00:00:01\n"
	    "lease 10.42.3.0/24 via 192.0.2.3 lladdr 02:00:00:00:00:02\n"
	    "lease fd42:0:0:1::/64 local\n"
	    "lease fd42:0:0:2::/64 via 2001:db8::2 lladdr 06:00:00:00:00:01\n");
	set_mac(&record->data6, 6, 9);
	record->subnet4 = a_prefix("10.42.9.0/24");
	make(&s);
	are(&s, "lease",
	    "lease 10.42.1.0/24 local\n"
	    "lease 10.42.3.0/24 via 192.0.2.3 lladdr 02:00:00:00:00:02\n"
	    "lease 10.42.9.0/24 via 192.0.2.22 lladdr 02:00:00:00:00:01\n"
	    "lease fd42:0:0:1::/64 local\n"
	    "lease fd42:0:0:2::/64 via 2001:db8::2 lladdr 06:00:00:00:00:09\n");
	plan_free(&s.plan);
}

/* D11: what our own device has is never subtracted from again. */
static void d11_mtu_is_not_reduced_twice(void **state)
{
	struct fact_link *link;
	struct scene s;
	int i;

	(void)state;
	set_up_dual(&s);
	link = host_link(&s.host, 7, "flannel.1");
	snprintf(link->kind, sizeof(link->kind), FLANNEL_LINK_KIND);
	link->lower = 2;
	for (i = 0; i < 3; i++) {
		make(&s);
		assert_int_equal(s.plan.device.mtu, 1450);
		assert_int_equal(s.plan.routes[1].mtu, 1430);
		are(&s, "subnet.env FLANNEL_MTU", "subnet.env FLANNEL_MTU=1450\n");
		link->mtu = s.plan.device.mtu;
	}
	plan_free(&s.plan);
}

static void bad_input(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	s.config.vni = 10000000;
	fails(&s, "VNI 10000000 makes the name of the device too long: 9999999 is the greatest");
	set_up(&s);
	s.iface.mtu = 117;
	fails(&s, "MTU 117 is too small: 118 is the least");
	set_up(&s);
	s.input.mac[0] = 1;
	fails(&s, "our own MAC 01:00:00:00:00:01 is not a unicast MAC");
	set_up(&s);
	s.own.subnet4 = a_prefix("10.43.1.0/24");
	fails(&s, "our own subnet 10.43.1.0/24 lies outside the network 10.42.0.0/16");
	s.own.subnet4 = a_prefix("224.0.1.0/24");
	fails(&s, "multicast");
	s.own.subnet4.addr.family = AF_UNSPEC;
	fails(&s, "our lease has no subnet of a family that the network has");
	set_up(&s);
	s.iface.bind4 = an_addr("10.42.1.7");
	fails(&s, "the address 10.42.1.7 of eth0 lies in our own subnet 10.42.1.0/24");
	set_up(&s);
	s.iface.bind4.family = AF_UNSPEC;
	fails(&s, "eth0 has no IPv4 address to send from");
	set_up(&s);
	s.config.backend = BACKEND_HOST_GW;
	s.iface.public4 = an_addr("203.0.113.9");
	fails(&s, "host-gw needs the public address to be the one of eth0, 192.0.2.1: it is 203.0.113.9");
}

/* Peers that must not get into the table */

struct bad {
	const char *subnet, *public, *why;
};

static void refused(void **state)
{
	static const struct bad bads[] = {
		{ "10.42.1.0/24", "192.0.2.3", "it overlaps our own subnet 10.42.1.0/24" },
		{ "10.42.1.128/25", "192.0.2.3", "it overlaps our own subnet" },
		{ "10.42.0.0/16", "192.0.2.3", "it overlaps our own subnet" },
		{ "10.43.3.0/24", "192.0.2.3", "it is outside the network 10.42.0.0/16" },
		{ "10.0.0.0/8", "192.0.2.3", "it is outside the network" },
		{ "0.0.0.0/0", "192.0.2.3", "a lease has a length of at least 1" },
		{ "224.0.1.0/24", "192.0.2.3", "multicast" },
		{ "127.3.0.0/24", "192.0.2.3", "loopback" },
		{ "10.42.3.0/24", "192.0.2.1", "it has our own public address" },
		{ "10.42.3.0/24", "198.51.100.100", "its public address is one of this host" },
		{ "10.42.3.0/24", "203.0.113.200", "its public address is one of this host" },
		{ "10.42.3.0/24", "224.0.0.1", "is not a unicast address" },
		{ "10.42.3.0/24", "255.255.255.255", "is not a unicast address" },
		{ "10.42.3.0/24", "0.1.2.3", "is not a unicast address" },
		{ "10.42.3.0/24", "127.0.0.5", "is not a unicast address" },
		{ "10.42.3.0/24", "240.0.0.5", "is not a unicast address" },
		{ "10.42.3.0/24", "10.42.1.5", "lies in our own subnet 10.42.1.0/24" },
		{ "10.42.3.0/24", "10.42.3.5", "lies in its own subnet" },
		{ "10.42.2.0/25", "192.0.2.3", "it overlaps 10.42.2.0/24, the older lease of 192.0.2.2" },
		{ "10.42.2.0/24", "192.0.2.3", "it overlaps 10.42.2.0/24, the older lease of 192.0.2.2" },
		{ "10.42.2.0/23", "192.0.2.3", "it overlaps 10.42.2.0/24, the older lease of 192.0.2.2" },
		{ "10.42.3.0/24", "10.42.2.9", "lies in 10.42.2.0/24, the older lease of 192.0.2.2" },
	};
	struct fact_route *local;
	struct scene s;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bads); i++) {
		set_up(&s);
		host_addr(&s.host, 9, "198.51.100.100/32");
		local = host_route(&s.host, "203.0.113.0/24", NULL, 1);
		local->type = RTN_LOCAL;
		peer(&s, "10.42.2.0/24", "192.0.2.2");
		peer(&s, bads[i].subnet, bads[i].public);
		peer(&s, "10.42.4.0/24", "192.0.2.4");
		make(&s);
		are(&s, "lease",
		    "lease 10.42.1.0/24 local\n"
		    "lease 10.42.2.0/24 via 192.0.2.2 lladdr 02:00:00:00:00:01\n"
		    "lease 10.42.4.0/24 via 192.0.2.4 lladdr 02:00:00:00:00:03\n");
		assert_int_equal(s.plan.notice_count, 1);
		assert_int_equal(s.plan.skipped, 1);
		has_notice(&s, bads[i].why);
		plan_free(&s.plan);
	}
}

static void refused6(void **state)
{
	static const struct bad bads[] = {
		{ "fd42:0:0:1:8000::/65", "2001:db8::3", "it overlaps our own subnet fd42:0:0:1::/64" },
		{ "fd43::/64", "2001:db8::3", "it is outside the network fd42::/48" },
		{ "ff02::/64", "2001:db8::3", "multicast" },
		{ "fe80::/64", "2001:db8::3", "link-local" },
		{ "fd42:0:0:3::/64", "2001:db8::1", "it has our own public address" },
		{ "fd42:0:0:3::/64", "ff02::1", "is not a unicast address" },
		{ "fd42:0:0:3::/64", "::ffff:192.0.2.9", "is not a unicast address" },
		{ "fd42:0:0:3::/64", "::", "is not a unicast address" },
		{ "fd42:0:0:3::/64", "fd42:0:0:1::9", "lies in our own subnet" },
		{ "fd42:0:0:3::/64", "fd42:0:0:3::9", "lies in its own subnet" },
	};
	struct scene s;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bads); i++) {
		set_up_dual(&s);
		dual(&s, "10.42.2.0/24", "192.0.2.2", bads[i].subnet, bads[i].public);
		make(&s);
		/* the other half is of use */
		are(&s, "lease",
		    "lease 10.42.1.0/24 local\n"
		    "lease 10.42.2.0/24 via 192.0.2.2 lladdr 02:00:00:00:00:01\n"
		    "lease fd42:0:0:1::/64 local\n");
		assert_int_equal(s.plan.notice_count, 1);
		assert_int_equal(s.plan.skipped, 0);
		has_notice(&s, bads[i].why);
		plan_free(&s.plan);
	}
}

static void refused_data(void **state)
{
	struct record *record;
	struct scene s;

	(void)state;
	set_up_dual(&s);
	record = dual(&s, "10.42.2.0/24", "192.0.2.2", "fd42:0:0:2::/64", "2001:db8::2");
	record->data6.has_mac = false;
	make(&s);
	has_notice(&s, "peer fd42:0:0:2::/64 (2001:db8::2) skipped: it has no VtepMAC");
	assert_int_equal(s.plan.lease_count, 3);
	set_mac(&record->data6, 0xff, 1);
	make(&s);
	has_notice(&s, "its VtepMAC ff:00:00:00:00:01 is not a unicast MAC");
	set_mac(&record->data6, 0, 0);
	make(&s);
	has_notice(&s, "its VtepMAC 00:00:00:00:00:00 is not a unicast MAC");
	record->public4.family = AF_UNSPEC;
	record->public6.family = AF_UNSPEC;
	make(&s);
	has_notice(&s, "peer 10.42.2.0/24 (no address) skipped: it has no public IPv4 address");
	assert_int_equal(s.plan.skipped, 1);
	snprintf(record->backend, sizeof(record->backend), "wire\033[2Jguard");
	make(&s);
	are(&s, "notice",
	    "notice peer 10.42.2.0/24 (no address) skipped: its backend is \"wire?[2Jguard\", ours is \"vxlan\"\n");
	assert_int_equal(s.plan.lease_count, 2);
	plan_free(&s.plan);
}

/* A peer whose subnet contains where we are would take us off the network. */
static void around_us(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	s.config.v4.network = a_prefix("0.0.0.0/1");
	s.own.subnet4 = a_prefix("10.42.1.0/24");
	s.iface.bind4 = an_addr("10.9.0.1");
	s.iface.public4 = an_addr("100.64.0.1");
	peer(&s, "10.9.0.0/24", "11.0.0.2");
	peer(&s, "100.64.0.0/24", "11.0.0.3");
	make(&s);
	assert_int_equal(s.plan.lease_count, 1);
	has_notice(&s, "our own address 10.9.0.1 lies in it");
	has_notice(&s, "our own public address 100.64.0.1 lies in it");
	plan_free(&s.plan);
}

static void older_wins(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	peer(&s, "10.42.4.0/25", "192.0.2.2")->mod_revision = 30;
	peer(&s, "10.42.4.0/22", "192.0.2.3")->mod_revision = 20;
	peer(&s, "10.42.6.0/24", "192.0.2.4")->mod_revision = 7;
	peer(&s, "10.42.8.0/24", "10.42.6.9")->mod_revision = 5;
	make(&s);
	/* who is out already puts nobody out */
	are(&s, "lease",
	    "lease 10.42.1.0/24 local\n"
	    "lease 10.42.4.0/25 via 192.0.2.2 lladdr 02:00:00:00:00:01\n"
	    "lease 10.42.8.0/24 via 10.42.6.9 lladdr 02:00:00:00:00:04\n");
	has_notice(&s, "in it lies the public address of 10.42.8.0/24");
	assert_int_equal(s.plan.skipped, 2);
	plan_free(&s.plan);
	set_up(&s);
	peer(&s, "10.42.4.0/25", "192.0.2.2")->mod_revision = 30;
	peer(&s, "10.42.4.0/22", "192.0.2.3")->mod_revision = 20;
	make(&s);
	has_notice(&s, "peer 10.42.4.0/25 (192.0.2.2) skipped: it overlaps 10.42.4.0/22");
	s.peers[0].mod_revision = 10;
	make(&s);
	has_notice(&s, "peer 10.42.4.0/22 (192.0.2.3) skipped: it overlaps 10.42.4.0/25");
	plan_free(&s.plan);
}

/* A node that got IPv6, too: its old key is there until it expires. */
static void superseded(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	peer(&s, "10.42.2.0/24", "192.0.2.2");
	peer(&s, "10.42.2.0/24", "192.0.2.2");
	make(&s);
	are(&s, "lease",
	    "lease 10.42.1.0/24 local\nlease 10.42.2.0/24 via 192.0.2.2 lladdr 02:00:00:00:00:02\n");
	has_notice(&s, "a newer record has the same subnet and public address");
	plan_free(&s.plan);
}

static void limits(void **state)
{
	struct record *record;
	char subnet[PREFIX_TEXT];
	struct scene s;
	int i;

	(void)state;
	set_up(&s);
	for (i = 0; i < FLANNEL_MAX_MACS + 2; i++) {
		snprintf(subnet, sizeof(subnet), "10.42.%d.0/24", 100 + i);
		peer(&s, subnet, "192.0.2.2");
	}
	set_mac(&s.peers[FLANNEL_MAX_MACS + 1].data4, 2, 1);
	make(&s);
	assert_int_equal(s.plan.lease_count, 1 + FLANNEL_MAX_MACS + 1);
	has_notice(&s, "peer 10.42.116.0/24 (192.0.2.2) skipped: its public address has records with 16 other MACs");
	plan_free(&s.plan);

	set_up(&s);
	s.config.v4.network = a_prefix("10.0.0.0/8");
	for (i = 0; i < FLANNEL_MAX_LENGTHS; i++) {
		snprintf(subnet, sizeof(subnet), "10.%d.0.0/%d", 100 + i, i < 8 ? 16 + i : 17 + i);
		record = peer(&s, subnet, "192.0.2.2");
		set_mac(&record->data4, 2, 1);
	}
	make(&s);
	assert_int_equal(s.plan.lease_count, FLANNEL_MAX_LENGTHS);
	has_notice(&s, "peer 10.115.0.0/32 (192.0.2.2) skipped: its prefix length is one too many");
	plan_free(&s.plan);
}

static void host_bits(void **state)
{
	struct scene s;

	(void)state;
	set_up_dual(&s);
	dual(&s, "10.42.2.77/24", "192.0.2.2", "fd42:0:0:2::77/61", "2001:db8::2");
	make(&s);
	are(&s, "lease 10.42.2", "lease 10.42.2.0/24 via 192.0.2.2 lladdr 02:00:00:00:00:01\n");
	/* /61 holds our own */
	has_notice(&s, "peer fd42::/61 (2001:db8::2) skipped: it overlaps our own subnet");
	plan_free(&s.plan);
}

/* What no table may have, as the kernel judges it. */
static void check_table(const struct plan *plan)
{
	size_t i, j;

	for (i = 0; i < plan->lease_count; i++)
		for (j = 0; j < plan->lease_count; j++) {
			const struct lease *a = &plan->leases[i], *b = &plan->leases[j];

			assert_false(i != j && prefix_covers(&a->prefix, &b->prefix));
			assert_false(prefix_contains(&a->prefix, &b->vtep));
			assert_false(i < j && compare_prefix(&a->prefix, &b->prefix) >= 0);
		}
}

static void random_peers(struct scene *s, unsigned int *seed)
{
	char subnet[PREFIX_TEXT], public[ADDR_TEXT];
	int i;

	s->list.count = 0;
	for (i = 0; i < 24; i++) {
		snprintf(subnet, sizeof(subnet), "10.42.%d.0/%d", rand_r(seed) % 32,
			 21 + rand_r(seed) % 6);
		if (rand_r(seed) % 2)
			snprintf(public, sizeof(public), "10.42.%d.%d", rand_r(seed) % 32,
				 rand_r(seed) % 256);
		else
			snprintf(public, sizeof(public), "192.0.2.%d", rand_r(seed) % 8);
		peer(s, subnet, public)->mod_revision = rand_r(seed) % 16;
	}
}

static void shuffle(struct scene *s, unsigned int *seed)
{
	struct record swap;
	size_t i, j;

	for (i = s->list.count - 1; i; i--) {
		j = rand_r(seed) % (i + 1);
		swap = s->peers[i];
		s->peers[i] = s->peers[j];
		s->peers[j] = swap;
	}
}

/* Anything at all: the table is sound, and the same in whatever order records come. */
static void any_peers(void **state)
{
	unsigned int seed = 1, round;
	char *first;
	struct scene s;

	(void)state;
	set_up(&s);
	for (round = 0; round < 2000; round++) {
		random_peers(&s, &seed);
		make(&s);
		check_table(&s.plan);
		assert_true(s.plan.skipped + s.plan.lease_count == s.list.count + 1);
		assert_int_equal(s.plan.notice_count, s.plan.skipped +
				 (s.plan.route_count != 1 || s.plan.routes[0].dst.len != 16));
		first = strdup(lines(&s, "lease"));
		shuffle(&s, &seed);
		make(&s);
		assert_string_equal(lines(&s, "lease"), first);
		free(first);
	}
	plan_free(&s.plan);
}

/* Overlay route */

static void per_lease(struct scene *s, const char *what)
{
	make(s);
	are(s, "route 10.", "route 10.42.2.0/24 dev flannel.1 src 10.42.1.0\n");
	has_notice(s, "one route for each lease instead of one for 10.42.0.0/16: ");
	has_notice(s, what);
	plan_free(&s->plan);
}

static void for_network(struct scene *s)
{
	make(s);
	are(s, "route 10.", "route 10.42.0.0/16 dev flannel.1 src 10.42.1.0\n");
	are(s, "notice", "");
	plan_free(&s->plan);
}

static void route_per_lease(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	peer(&s, "10.42.2.0/24", "10.42.200.2");
	per_lease(&s, "the public address of a peer, 10.42.200.2 lies in it, but in no lease");

	set_up(&s);
	peer(&s, "10.42.2.0/24", "192.0.2.2");
	for_network(&s);
	s.stores[1] = an_addr("10.42.200.7");
	s.input.store_count = 2;
	per_lease(&s, "the store's address 10.42.200.7");
	s.stores[1] = an_addr("10.42.2.7");
	for_network(&s);
	s.host.facts.nameservers[0] = an_addr("10.42.200.53");
	s.host.facts.nameserver_count = 1;
	per_lease(&s, "the nameserver 10.42.200.53");
	s.host.facts.nameservers[0] = an_addr("10.42.1.53");
	for_network(&s);
	host_route(&s.host, "203.0.113.0/24", "10.42.200.254", 2);
	per_lease(&s, "the next hop 10.42.200.254");
	s.host.facts.route_count--;
	host_link(&s.host, 3, "eth1");
	host_route(&s.host, "10.42.200.0/24", NULL, 3);
	per_lease(&s, "the connected prefix 10.42.200.0/24");
}

/* Parts of the overlay, of the take-over and of other families are no reason. */
static void route_for_network(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	peer(&s, "10.42.2.0/24", "192.0.2.2");
	host_link(&s.host, 3, "cni0");
	host_link(&s.host, 4, "flannel.1");
	host_link(&s.host, 5, "eth1");
	host_route(&s.host, "10.42.1.0/24", NULL, 3);
	host_route(&s.host, "10.42.1.9/32", NULL, 3);
	/* of stock flannel, and stale */
	host_route(&s.host, "10.42.9.0/24", "10.42.9.0", 4)->onlink = true;
	host_route(&s.host, "10.42.8.0/24", NULL, 4);
	/* ours */
	host_route(&s.host, "10.42.7.0/24", NULL, 5)->protocol = FLANNEL_ROUTE_PROTOCOL;
	host_route(&s.host, "10.0.0.0/8", NULL, 5);
	host_route(&s.host, "10.42.6.0/24", NULL, 5)->type = RTN_BLACKHOLE;
	for_network(&s);
	/* half of the prefix is in our own subnet: not enough */
	host_route(&s.host, "10.42.0.0/23", NULL, 3);
	per_lease(&s, "the connected prefix 10.42.0.0/23");
}

static void families_apart(void **state)
{
	struct scene s;

	(void)state;
	set_up_dual(&s);
	dual(&s, "10.42.2.0/24", "192.0.2.2", "fd42:0:0:2::/64", "fd42:0:0:ffff::2");
	make(&s);
	are(&s, "route",
	    "route 10.42.0.0/16 dev flannel.1 src 10.42.1.0\n"
	    "route fd42:0:0:2::/64 via fe80::1 dev flannel.1 onlink src fd42:0:0:1:: mtu 1430\n");
	plan_free(&s.plan);
}

/* Direct routes */

static void direct(void **state)
{
	struct scene s;

	(void)state;
	set_up_dual(&s);
	s.config.direct_routing = true;
	dual(&s, "10.42.2.0/24", "192.0.2.2", "fd42:0:0:2::/64", "2001:db8::2");
	peer(&s, "10.42.3.0/24", "198.51.100.3");
	make(&s);
	are(&s, "route",
	    "route 10.42.0.0/16 dev flannel.1 src 10.42.1.0\n"
	    "route 10.42.2.0/24 via 192.0.2.2 dev eth0\n"
	    "route fd42::/48 via fe80::1 dev flannel.1 onlink src fd42:0:0:1:: mtu 1430\n"
	    "route fd42:0:0:2::/64 via 2001:db8::2 dev eth0\n");
	assert_int_equal(s.plan.lease_count, 5);
	/* the overlay stays beneath */
	s.stores[0] = an_addr("10.42.200.1");
	s.input.store_count = 1;
	make(&s);
	are(&s, "route 10.",
	    "route 10.42.2.0/24 via 192.0.2.2 dev eth0\n"
	    "route 10.42.2.0/24 dev flannel.1 src 10.42.1.0 metric 2048\n"
	    "route 10.42.3.0/24 dev flannel.1 src 10.42.1.0 metric 2048\n");
	plan_free(&s.plan);
}

static void on_link(void **state)
{
	struct fact_route *route;
	struct scene s;

	(void)state;
	set_up(&s);
	s.config.direct_routing = true;
	peer(&s, "10.42.2.0/24", "192.0.2.2");
	route = host_route(&s.host, "192.0.2.2/32", NULL, 3);
	make(&s);
	assert_int_equal(s.plan.route_count, 1);
	route->oif = 2;
	make(&s);
	assert_int_equal(s.plan.route_count, 2);
	route->multipath = true;
	make(&s);
	assert_int_equal(s.plan.route_count, 1);
	route->multipath = false;
	route->type = RTN_PROHIBIT;
	make(&s);
	assert_int_equal(s.plan.route_count, 1);
	/* our own routes prove nothing */
	route->type = RTN_UNICAST;
	s.host.facts.route_count = 1;
	route = host_route(&s.host, "192.0.2.0/24", NULL, 2);
	route->protocol = FLANNEL_ROUTE_PROTOCOL;
	make(&s);
	assert_int_equal(s.plan.route_count, 1);
	plan_free(&s.plan);
}

static void host_gw(void **state)
{
	struct scene s;

	(void)state;
	set_up_dual(&s);
	s.config.backend = BACKEND_HOST_GW;
	s.options.ip_masq = true;
	s.options.untrack = true;
	dual(&s, "10.42.2.0/24", "192.0.2.2", "fd42:0:0:2::/64", "2001:db8::2")->data4.has_mac = false;
	peer(&s, "10.42.3.0/24", "198.51.100.3");
	peer(&s, "10.42.4.0/24", "192.0.2.1");
	make(&s);
	are(&s, "",
	    "route 10.42.2.0/24 via 192.0.2.2 dev eth0\n"
	    "route fd42:0:0:2::/64 via 2001:db8::2 dev eth0\n"
	    "masquerade network 10.42.0.0/16 subnet 10.42.1.0/24\n"
	    "masquerade network fd42::/48 subnet fd42:0:0:1::/64\n"
	    "subnet.env FLANNEL_NETWORK=10.42.0.0/16\n"
	    "subnet.env FLANNEL_SUBNET=10.42.1.1/24\n"
	    "subnet.env FLANNEL_IPV6_NETWORK=fd42::/48\n"
	    "subnet.env FLANNEL_IPV6_SUBNET=fd42:0:0:1::1/64\n"
	    "subnet.env FLANNEL_MTU=1500\n"
	    "subnet.env FLANNEL_IPMASQ=true\n"
	    "notice peer 10.42.4.0/24 (192.0.2.1) skipped: it has our own public address\n"
	    "notice peer 10.42.3.0/24 (198.51.100.3) skipped: host-gw needs its address on the link of eth0\n");
	assert_int_equal(s.plan.skipped, 2);
	plan_free(&s.plan);
}

static void alloc(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	s.config.backend = BACKEND_ALLOC;
	s.options.ip_forward = true;
	peer(&s, "10.42.2.0/24", "192.0.2.2");
	make(&s);
	are(&s, "",
	    "subnet.env FLANNEL_NETWORK=10.42.0.0/16\n"
	    "subnet.env FLANNEL_SUBNET=10.42.1.1/24\n"
	    "subnet.env FLANNEL_MTU=1500\n"
	    "subnet.env FLANNEL_IPMASQ=false\n");
	assert_int_equal(s.plan.skipped, 0);
	plan_free(&s.plan);
}

static void advertisements(void **state)
{
	struct scene s;

	(void)state;
	set_up_dual(&s);
	s.options.ip_forward = true;
	host_route(&s.host, "::/0", "fe80::9", 2)->protocol = RTPROT_RA;
	make(&s);
	has_notice(&s, "net.ipv6.conf.eth0.accept_ra");
	s.options.ip_forward = false;
	make(&s);
	are(&s, "notice", "");
	are(&s, "sysctl", "");
	plan_free(&s.plan);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain), cmocka_unit_test(d09_bind_is_not_public),
		cmocka_unit_test(dual_stack), cmocka_unit_test(one_family),
		cmocka_unit_test(d04_families_change_alone), cmocka_unit_test(d10_mtu),
		cmocka_unit_test(d11_mtu_is_not_reduced_twice), cmocka_unit_test(bad_input),
		cmocka_unit_test(refused), cmocka_unit_test(refused6),
		cmocka_unit_test(refused_data), cmocka_unit_test(around_us),
		cmocka_unit_test(older_wins), cmocka_unit_test(superseded),
		cmocka_unit_test(limits), cmocka_unit_test(host_bits),
		cmocka_unit_test(any_peers), cmocka_unit_test(route_per_lease),
		cmocka_unit_test(route_for_network), cmocka_unit_test(families_apart),
		cmocka_unit_test(direct), cmocka_unit_test(on_link),
		cmocka_unit_test(host_gw), cmocka_unit_test(alloc),
		cmocka_unit_test(advertisements),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
