// SPDX-License-Identifier: GPL-2.0
/* What lease_file.c takes and refuses, and whose lease is whose. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lease_file.h"

#define NET	"network 10.42.0.0/16\n"
#define NET6	"network fd00:42::/48\n"
#define A	"10.42.1.0/24 via 192.0.2.1 lladdr 02:00:00:00:00:01\n"
#define B	"10.42.2.0/24 via 192.0.2.2 lladdr 02:00:00:00:00:02\n"
#define A6	"fd00:42:0:1::/64 via 2001:db8::1 lladdr 02:00:00:00:00:01\n"
#define B6	"fd00:42:0:2::/64 via 2001:db8::2 lladdr 02:00:00:00:00:02\n"

static struct lease_file file;
static struct error error;

static bool parse(const char *text, const struct net_config *config)
{
	lease_file_free(&file);
	memset(&error, 0, sizeof(error));
	return lease_file_parse("F", text, strlen(text), config, &file, &error);
}

static void good(const char *text)
{
	if (!parse(text, NULL))
		fail_msg("%s%s", text, error.text);
}

static void bad(const char *text, const char *why)
{
	assert_false(parse(text, NULL));
	assert_string_equal(error.text, why);
	assert_null(file.entry);
}

static struct addr addr(const char *text)
{
	struct words w;
	struct addr a;

	assert_true(parse_addr(&w, text, &a));
	return a;
}

static void header(void **state)
{
	const struct net_config *c = &file.config;

	(void)state;
	good(NET A);
	assert_int_equal(c->backend, BACKEND_VXLAN);
	assert_int_equal(c->vni, 1);
	assert_int_equal(c->port, 8472);
	assert_int_equal(c->mtu, 0);
	assert_false(c->direct_routing);
	assert_int_equal(c->v4.network.len, 16);
	assert_int_equal(c->v6.network.addr.family, AF_UNSPEC);
	good("# all of it\r\n\n" A "backend vxlan # no\nvni 7\nport 4789\nmtu 9000\ndirectrouting\n"
	     NET NET6);
	assert_int_equal(c->vni, 7);
	assert_int_equal(c->port, 4789);
	assert_int_equal(c->mtu, 9000);
	assert_true(c->direct_routing);
	assert_int_equal(c->v6.network.len, 48);
	good(NET6 A6);
	assert_int_equal(c->v4.network.addr.family, AF_UNSPEC);
	good(NET "backend host-gw\n10.42.1.0/24 via 192.0.2.1\n" B);
	assert_int_equal(c->backend, BACKEND_HOST_GW);
	assert_int_equal(file.count, 2);
	good("backend alloc\n" NET "10.42.1.0/24 via 192.0.2.1");
	assert_int_equal(c->backend, BACKEND_ALLOC);
}

static void bad_headers(void **state)
{
	(void)state;
	bad(A, "F: there is no line \"network PREFIX\"");
	bad(NET, "F: there is no lease in it");
	bad("", "F: there is no line \"network PREFIX\"");
	bad(NET NET A, "F:2: network \"10.42.0.0/16\": there is one of its family already");
	bad("network\n", "F:1: network needs a value");
	bad("network 10.42.1.0/16\n",
	    "F:1: \"10.42.1.0/16\" has host bits set: the prefix is 10.42.0.0/16");
	bad(NET "network 10.43.0.0/16 x\n",
	    "F:2: network \"10.43.0.0/16\": there is one of its family already");
	bad("network 10.43.0.0/16 x\n", "F:1: unknown word \"x\" behind network");
	bad("backend udp\n", "F:1: backend \"udp\" is none of vxlan, host-gw and alloc");
	bad("backend vxlan\nbackend vxlan\n", "F:2: backend is given twice, in line 1 before");
	bad("vni 0\n", "F:1: vni: \"0\" is not a number from 1 to 16777215");
	bad("port 65536\n", "F:1: port: \"65536\" is not a number from 1 to 65535");
	bad("vni 1\n\nvni 1\n", "F:3: vni is given twice, in line 1 before");
	bad("directrouting yes\n", "F:1: unknown word \"yes\" behind directrouting");
	bad(NET "backend host-gw\nport 1\n" A, "F:3: port is for backend vxlan, not for host-gw");
	bad("Network 10.42.0.0/16\n",
	    "F:1: \"Network\" is not a prefix (ADDRESS/LENGTH, as in 10.244.1.0/24)");
}

static void bad_leases(void **state)
{
	(void)state;
	bad(NET A "10.42.2.0/24 via 192.0.2.2\n",
	    "F:3: \"10.42.2.0/24\": lladdr MAC is missing: the MAC of the VTEP");
	bad(NET A "10.43.2.0/24 via 192.0.2.2 lladdr 02:00:00:00:00:02\n",
	    "F:3: \"10.43.2.0/24\" does not lie in the network 10.42.0.0/16");
	bad(NET A6, "F:2: \"fd00:42:0:1::/64\": there is no network of its family");
	bad(NET A A, "F:3: \"10.42.1.0/24\" has a lease already, in line 2");
	bad(NET B A "10.42.3.0/24 via 192.0.2.1 lladdr 02:00:00:00:00:01\n",
	    "F:4: VTEP \"192.0.2.1\" has a lease already, in line 3");
	bad(NET "10.42.1.0/24 local\n",
	    "F:2: local: the file is the same on every host, write via VTEP lladdr MAC");
	bad(NET "10.42.1.0/24 via 192.0.2.1 lladdr 02:00:00:00:00:01 dev flannel.1\n",
	    "F:2: dev flannel.1: no device is named here");
	bad(NET "10.42.1.0/24 via 192.0.2.1 lladdr 00:00:00:00:00:00\n",
	    "F:2: lladdr \"00:00:00:00:00:00\" is not a unicast MAC");
	bad(NET "10.42.1.0/24 via 192.0.2.1 lladdr 01:00:00:00:00:00\n",
	    "F:2: lladdr \"01:00:00:00:00:00\" is not a unicast MAC");
	bad(NET "10.42.1.0/24 via 224.0.0.1 lladdr 02:00:00:00:00:01\n",
	    "F:2: VTEP \"224.0.0.1\" is not a unicast address");
	bad(NET "10.42.1.0/24 via 10.42.1.7 lladdr 02:00:00:00:00:01\n",
	    "F:2: VTEP \"10.42.1.7\" lies in its own lease");
	bad(NET "10.42.1.0/24 via 2001:db8::1 lladdr 02:00:00:00:00:01\n",
	    "F:2: VTEP \"2001:db8::1\" is not of the family of its lease");
	bad("127.0.0.0/24 via 192.0.2.1\n",
	    "F:1: \"127.0.0.0/24\" is, or has in it, multicast, loopback, link-local or reserved addresses");
	bad("1 2 3 4 5 6 7 8 9\n", "F:1: too many words, starting with \"9\"");
	bad("10.42.1.0/24 via 192.0.2.1 lladdr \033[1m\n",
	    "F:1: \"?[1m\" is not a MAC address (as in 02:00:5e:10:00:01)");
}

static void no_text(void **state)
{
	char line[LEASE_FILE_LINE + 2];

	(void)state;
	memset(line, '#', sizeof(line));
	line[LEASE_FILE_LINE - 1] = '\0';
	assert_false(parse(line, NULL));
	assert_string_equal(error.text, "F: there is no line \"network PREFIX\"");
	line[LEASE_FILE_LINE - 1] = '#';
	line[LEASE_FILE_LINE] = '\0';
	bad(line, "F:1: the line is longer than 255 bytes");
	assert_false(lease_file_parse("F", "\n\0\n", 3, NULL, &file, &error));
	assert_string_equal(error.text, "F:2: a NUL byte: this is no text");
}

static void with_config(void **state)
{
	static const char json[] =
		"{\"Network\": \"10.42.0.0/16\", \"Backend\": {\"Type\": \"vxlan\", \"VNI\": 9}}";
	struct net_config config;

	(void)state;
	assert_true(net_config_parse(json, strlen(json), &config, &error));
	assert_true(parse(A B, &config));
	assert_int_equal(file.config.vni, 9);
	assert_false(parse(A "vni 9\n", &config));
	assert_string_equal(error.text, "F:2: vni stands in net-conf.json: remove one of the two");
}

static bool records(struct lease_file_host *host, struct record *own, struct record_list *peers)
{
	record_list_free(peers);
	memset(peers, 0, sizeof(*peers));
	return lease_file_records(&file, "F", host, own, peers, &error);
}

static void own_record(void **state)
{
	struct addr addrs[] = { addr("127.0.0.1"), addr("192.0.2.2"), addr("2001:db8::2") };
	struct lease_file_host host = { .addr = addrs, .count = 3 };
	struct record_list peers = { 0 };
	struct record own;

	(void)state;
	good(NET NET6 A B A6 B6);
	assert_true(records(&host, &own, &peers));
	assert_int_equal(own.subnet4.addr.bytes[2], 2);
	assert_int_equal(own.subnet6.addr.bytes[7], 2);
	assert_int_equal(own.public4.bytes[3], 2);
	assert_int_equal(own.public6.bytes[15], 2);
	assert_true(own.data4.has_mac && own.data6.has_mac);
	assert_int_equal(own.data4.mac[5], 2);
	assert_int_equal(own.data6.mac[5], 2);
	assert_int_equal(own.data6.vni, 1);
	assert_string_equal(own.backend, "vxlan");
	/* Two lines of one host are one record */
	assert_int_equal(peers.count, 1);
	assert_int_equal(peers.record->subnet4.addr.bytes[2], 1);
	assert_int_equal(peers.record->subnet6.addr.bytes[7], 1);
	/* What we are told to be comes first */
	host.public4 = addr("192.0.2.1");
	host.public6 = addr("2001:db8::1");
	assert_true(records(&host, &own, &peers));
	assert_int_equal(own.subnet4.addr.bytes[2], 1);
	assert_int_equal(own.subnet6.addr.bytes[7], 1);
	assert_int_equal(peers.count, 1);
	/* Nobody is us */
	memset(&host, 0, sizeof(host));
	assert_true(records(&host, &own, &peers));
	assert_int_equal(own.subnet4.addr.family, AF_UNSPEC);
	assert_int_equal(own.subnet6.addr.family, AF_UNSPEC);
	assert_int_equal(peers.count, 2);
	record_list_free(&peers);
}

static void doubtful_owners(void **state)
{
	struct addr addrs[] = { addr("192.0.2.1"), addr("192.0.2.2"), addr("2001:db8::2") };
	struct lease_file_host host = { .addr = addrs, .count = 3 };
	struct record_list peers = { 0 };
	struct record own;

	(void)state;
	good(NET A B);
	assert_false(records(&host, &own, &peers));
	assert_string_equal(error.text,
			    "F:3: the VTEP is an address of this host, and so is that of line 2: say with --public-ip which is ours");
	host.public4 = addrs[1];
	assert_true(records(&host, &own, &peers));
	good(NET NET6 B "fd00:42:0:2::/64 via 2001:db8::2 lladdr 02:00:00:00:00:09\n");
	assert_false(records(&host, &own, &peers));
	assert_string_equal(error.text, "F:4: this host has another lladdr in line 3");
	good(NET B "10.42.2.128/25 via 192.0.2.9 lladdr 02:00:00:00:00:09\n");
	assert_false(records(&host, &own, &peers));
	assert_string_equal(error.text, "F:3: \"10.42.2.128/25\" overlaps our own lease of line 2");
	/* Others may: the longest prefix counts */
	memset(&host, 0, sizeof(host));
	assert_true(records(&host, &own, &peers));
	assert_int_equal(peers.count, 2);
	record_list_free(&peers);
}

static void without_lladdr(void **state)
{
	struct lease_file_host host = { .public4 = addr("192.0.2.1") };
	struct record_list peers = { 0 };
	struct record own;

	(void)state;
	good(NET NET6 "backend host-gw\n10.42.1.0/24 via 192.0.2.1\n10.42.2.0/24 via 192.0.2.2\n"
	     "fd00:42:0:2::/64 via 2001:db8::2\n");
	assert_true(records(&host, &own, &peers));
	assert_false(own.data4.has_mac);
	assert_string_equal(own.backend, "host-gw");
	assert_int_equal(peers.count, 2);
	record_list_free(&peers);
}

/* Time grows with the size, not with its square. */
static void many(void **state)
{
	struct lease_file_host host = { .public4 = addr("11.0.0.1") };
	struct record_list peers = { 0 };
	struct record own;
	char *text;
	size_t size;
	FILE *out;
	int i;

	(void)state;
	out = open_memstream(&text, &size);
	fputs("network 10.0.0.0/8\n", out);
	for (i = 0; i < 65000; i++)
		fprintf(out, "10.%d.%d.0/24 via 11.0.%d.%d lladdr 02:00:00:00:%02x:%02x\n",
			i >> 8, i & 255, i >> 8, i & 255, i >> 8, i & 255);
	fclose(out);
	good(text);
	free(text);
	assert_int_equal(file.count, 65000);
	assert_true(records(&host, &own, &peers));
	assert_int_equal(peers.count, 64999);
	assert_int_equal(own.subnet4.addr.bytes[2], 1);
	record_list_free(&peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header),
		cmocka_unit_test(bad_headers),
		cmocka_unit_test(bad_leases),
		cmocka_unit_test(no_text),
		cmocka_unit_test(with_config),
		cmocka_unit_test(own_record),
		cmocka_unit_test(doubtful_owners),
		cmocka_unit_test(without_lladdr),
		cmocka_unit_test(many),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	lease_file_free(&file);
	return failed;
}
