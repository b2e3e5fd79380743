// SPDX-License-Identifier: GPL-2.0
/* Keys and values of leases, their order, and the choice of a subnet. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "prefix.h"
#include "record.h"

struct refused {
	const char *text, *says;
};

static void assert_prefix(const struct prefix *prefix, const char *text)
{
	char found[PREFIX_TEXT];

	assert_string_equal(prefix->addr.family ? format_prefix(prefix, found) : "", text);
}

static void assert_addr(const struct addr *addr, const char *text)
{
	char found[ADDR_TEXT];

	assert_string_equal(addr->family ? format_addr(addr, found) : "", text);
}

static void assert_mac(const struct backend_data *data, const char *text)
{
	char found[MAC_TEXT];

	assert_string_equal(data->has_mac ? format_mac(data->mac, found) : "", text);
}

static void assert_says(const char *text, const struct error *error, const char *says)
{
	if (!strstr(error->text, says))
		fail_msg("%s: \"%s\" lacks \"%s\"", text, error->text, says);
}

static struct record key(const char *text)
{
	struct record record = { 0 };
	struct error error;

	if (!record_parse_key(text, &record, &error))
		fail_msg("%s", error.text);
	return record;
}

static struct record value(const char *text)
{
	struct record record = { 0 };
	struct error error;

	if (!record_parse_value(text, strlen(text), &record, &error))
		fail_msg("%s: %s", text, error.text);
	return record;
}

static struct net_config config_of(const char *json)
{
	struct net_config config;
	struct error error;

	if (!net_config_parse(json, strlen(json), &config, &error))
		fail_msg("%s: %s", json, error.text);
	return config;
}

/* --- keys ------------------------------------------------------------------ */

static void key4(void **state)
{
	struct record record = key("10.12.13.0-24");
	char text[RECORD_KEY];

	(void)state;
	assert_prefix(&record.subnet4, "10.12.13.0/24");
	assert_prefix(&record.subnet6, "");
	assert_string_equal(record_format_key(&record, text), "10.12.13.0-24");
}

static void key_dual(void **state)
{
	struct record record = key("10.12.13.0-24&fd00:12:13::-56");
	char text[RECORD_KEY];

	(void)state;
	assert_prefix(&record.subnet4, "10.12.13.0/24");
	assert_prefix(&record.subnet6, "fd00:12:13::/56");
	assert_string_equal(record_format_key(&record, text), "10.12.13.0-24&fd00:12:13::-56");
	/* A key that is parsed anew forgets what the record had. */
	assert_true(record_parse_key("10.12.14.0-24", &record, NULL));
	assert_prefix(&record.subnet6, "");
}

static void key_before(void **state)
{
	static const char *const good[] = {
		"/coreos.com/network/subnets/10.5.34.0-24", "x10.5.34.0-24", "&10.5.34.0-24",
		"/a&b/fd00::-64/10.5.34.0-24", "1.10.5.34.0-24", "/.10.5.34.0-24",
		"10.5.34.0-24/10.5.34.0-24", "-10.5.34.0-24",
	};
	struct record record;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		record = key(good[i]);
		assert_prefix(&record.subnet4, "10.5.34.0/24");
		assert_prefix(&record.subnet6, "");
	}
	record = key("/a&b/subnets/10.5.34.0-24&fd00::-64");
	assert_prefix(&record.subnet6, "fd00::/64");
}

static void key_long(void **state)
{
	char text[RECORD_KEY], again[RECORD_KEY];
	struct record record;

	(void)state;
	strcpy(text, "123.123.123.128-25&fd11:1111:1111:1111:1111:1111:1111:1110-124");
	record = key(text);
	assert_string_equal(record_format_key(&record, again), text);
	memset(&record.subnet4, 0, sizeof(record.subnet4));
	assert_string_equal(record_format_key(&record, again), strchr(text, '&') + 1);
	memset(&record, 0, sizeof(record));
	assert_string_equal(record_format_key(&record, again), "");
}

static void key_bad(void **state)
{
	static const struct refused bad[] = {
		{ "", "has to end like 10.5.34.0-24" },
		{ "config", "has to end like" },
		{ "10.12.13.0", "has to end like" },
		{ "10.12.13.0-", "10.12.13.0" },
		{ "-24", "" },
		{ "10.12.13.0/24", "has to end like" },
		{ "10.12.13.256-24", "10.12.13.256/24" },
		{ "310.12.13.0-24", "310.12.13.0/24" },
		{ "10.12.13-24", "10.12.13/24" },
		{ "10.12.13.0-24 ", "has to end like" },
		{ "10.12.13.0-24/", "has to end like" },
		{ "10.12.13.0-24x", "" },
		{ "10.12.13.0-33", "10.12.13.0/33" },
		{ "10.12.13.0-024000", "" },
		{ "10.12.13.5-24", "host bits set: the prefix is 10.12.13.0/24" },
		{ "127.0.1.0-24", "loopback" },
		{ "224.0.1.0-24", "multicast" },
		{ "0.0.0.0-0", "reserved" },
		{ "fd00:12:13::-56", "" },
		{ "&fd00:12:13::-56", "" },
		{ "10.12.13.0-24&", "" },
		{ "10.12.13.0-24&fd00:12:13::", "has to end like" },
		{ "10.12.13.0-24&fd00:12:13::-129", "fd00:12:13::/129" },
		{ "10.12.13.0-24&fd00:12:13-56", "fd00:12:13/56" },
		{ "10.12.13.0-24&fd00::13::-56", "fd00::13::/56" },
		{ "10.12.13.0-24&fd00:12:13:g::-56", "" },
		{ "10.12.13.0-24&FD00:12:13::-56", "" },
		{ "10.12.13.0-24&fd00:12:13::1-56", "host bits" },
		{ "10.12.13.0-24&fd00:12:13::-56&fd00:12:14::-56", "" },
		{ "10.12.13.0-24&fd00:12:13::-56x", "" },
		{ "10.12.13.0-24&10.12.14.0-24x", "" },
		{ "10.12.13.0-24&fe80::-64", "link-local" },
		{ "10.12.13.0-24&::-96", "reserved" },
		{ "10.12.13.0-24&::ffff:102:0-112", "reserved" },
		{ "10.12.13.0-24&fd00:1111:1111:1111:1111:1111:1111:1111:1111:1111-64", "" },
		{ "10.12.13.0-24\n", "0-24?\"" },
	};
	struct record record = { 0 };
	struct error error;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (record_parse_key(bad[i].text, &record, &error))
			fail_msg("taken: %s", bad[i].text);
		assert_says(bad[i].text, &error, bad[i].says);
		assert_prefix(&record.subnet4, "");
	}
}

/* --- values ---------------------------------------------------------------- */

#define MAC1	"c6:d2:32:6f:8f:44"

/* Texts that stock flannel writes come out as they went in. */
static void value_stock(void **state)
{
	static const char *const texts[] = {
		"{\"PublicIP\":\"192.168.64.3\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
		"\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" MAC1 "\"}}",
		"{\"PublicIP\":\"192.168.64.3\",\"PublicIPv6\":\"fd00:5::3\",\"BackendType\":"
		"\"vxlan\",\"BackendData\":{\"VNI\":7,\"VtepMAC\":\"" MAC1 "\"},"
		"\"BackendV6Data\":{\"VNI\":7,\"VtepMAC\":\"ae:c9:57:18:27:1d\"}}",
		"{\"PublicIP\":\"192.168.64.3\",\"PublicIPv6\":null,\"BackendType\":\"host-gw\"}",
		"{\"PublicIP\":\"192.168.64.3\",\"PublicIPv6\":null}",
	};
	struct record record;
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		record = value(texts[i]);
		text = record_format_value(&record);
		assert_string_equal(text, texts[i]);
		free(text);
	}
	record = value(texts[1]);
	assert_addr(&record.public4, "192.168.64.3");
	assert_addr(&record.public6, "fd00:5::3");
	assert_string_equal(record.backend, "vxlan");
	assert_mac(&record.data4, MAC1);
	assert_mac(&record.data6, "ae:c9:57:18:27:1d");
	assert_int_equal(record.data4.vni, 7);
}

/* Without IPv6, without VNI, without type, and with what may come one day */
static void value_others(void **state)
{
	struct record record;

	(void)state;
	record = value("{\"PublicIP\":\"1.2.3.4\",\"BackendType\":\"vxlan\",\"BackendData\":"
		       "{\"VtepMAC\":\"" MAC1 "\"}}");
	assert_mac(&record.data4, MAC1);
	assert_int_equal(record.data4.vni, 0);
	assert_addr(&record.public6, "");
	record = value(" {\"publicip\":\"1.2.3.4\",\"backendtype\":\"vxlan\",\"Zone\":[{}],"
		       "\"backenddata\":{\"vni\":4096,\"vtepmac\":\"" MAC1 "\",\"x\":{}},"
		       "\"BackendV6Data\":null}\n");
	assert_mac(&record.data4, MAC1);
	assert_int_equal(record.data4.vni, 4096);
	record = value("{\"PublicIP\":\"1.2.3.4\",\"BackendType\":null,\"BackendData\":null}");
	assert_string_equal(record.backend, "");
	assert_mac(&record.data4, "");
	record = value("{\"PublicIP\":\"1.2.3.4\",\"BackendType\":\"vxlan\",\"BackendData\":null}");
	assert_mac(&record.data4, "");
}

/* Data of another backend may be of any kind: such a peer is not a bad one. */
static void value_other_backends(void **state)
{
	struct record record;

	(void)state;
	record = value("{\"PublicIP\":\"1.2.3.4\",\"BackendType\":\"extension\","
		       "\"BackendData\":\"any text\"}");
	assert_string_equal(record.backend, "extension");
	record = value("{\"PublicIP\":\"1.2.3.4\",\"BackendType\":\"wireguard\",\"BackendData\":"
		       "{\"PublicKey\":\"eHg=\",\"Port\":51820,\"VtepMAC\":7}}");
	assert_string_equal(record.backend, "wireguard");
	assert_mac(&record.data4, "");
}

static void value_macs(void **state)
{
	static const char *const good[] = {
		"C6:D2:32:6F:8F:44", "c6-d2-32-6f-8f-44", "c6d2.326f.8f44", "C6D2.326F.8F44",
	};
	static const char *const bad[] = {
		"", "c6", "c6:d2", "c6:d2:32:6f:8f", "c6:d2:32:6f:8f:44:00:01",
		"c6d2.326f.8f44.0001", "c6d2326f8f44", "c6:d2:32-6f:8f:44", "c6:d2:32:6f:8f:4g",
		" c6:d2:32:6f:8f:4", "c6:d2:32:6f:8f:4 ", "6:d2:32:6f:8f:44:", "c6.d2.32.6f.8f.44",
		"c6d2:326f:8f44", "c6d2.326f.8f4 ", "c6 d2 32 6f 8f 44", "00:00:00:00:00:00",
		"01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "c6:d2:32:6f:8f:44\\u000a",
		"00:00:00:00:fe:80:00:00:00:00:00:00:02:00:5e:10:00:00:00:01",
	};
	struct record record = { 0 };
	struct error error;
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good) + ARRAY_SIZE(bad); i++) {
		sprintf(text, "{\"PublicIP\":\"1.2.3.4\",\"BackendType\":\"vxlan\","
			      "\"BackendData\":{\"VtepMAC\":\"%s\"}}",
			i < ARRAY_SIZE(good) ? good[i] : bad[i - ARRAY_SIZE(good)]);
		if (i < ARRAY_SIZE(good)) {
			record = value(text);
			assert_mac(&record.data4, MAC1);
			continue;
		}
		if (record_parse_value(text, strlen(text), &record, &error))
			fail_msg("taken: %s", text);
		assert_says(text, &error, "BackendData VtepMAC \"");
	}
}

#define VXLAN	"{\"PublicIP\":\"1.2.3.4\",\"BackendType\":\"vxlan\","

static void value_bad(void **state)
{
	static const struct refused bad[] = {
		{ "", "not JSON" },
		{ "null", "not a JSON object" },
		{ "{}", "PublicIP is missing" },
		{ "{\"PublicIP\":null}", "PublicIP is missing" },
		{ "{\"PublicIPv6\":\"fd00::1\"}", "PublicIP is missing" },
		{ "{\"PublicIP\":1}", "PublicIP is a number" },
		{ "{\"PublicIP\":\"\"}", "PublicIP \"\" is not an IPv4" },
		{ "{\"PublicIP\":\"1.2.3.4/24\"}", "1.2.3.4/24" },
		{ "{\"PublicIP\":\"fd00::1\"}", "\"fd00::1\" is not an IPv4" },
		{ "{\"PublicIP\":\"0.0.0.0\"}", "PublicIP 0.0.0.0 is not a unicast" },
		{ "{\"PublicIP\":\"127.0.0.1\"}", "127.0.0.1" },
		{ "{\"PublicIP\":\"224.0.0.1\"}", "224.0.0.1" },
		{ "{\"PublicIP\":\"255.255.255.255\"}", "255.255.255.255" },
		{ "{\"PublicIP\":\"1.2.3.4\",\"PublicIPv6\":\"1.2.3.4\"}", "not an IPv6" },
		{ "{\"PublicIP\":\"1.2.3.4\",\"PublicIPv6\":\"\"}", "PublicIPv6 \"\"" },
		{ "{\"PublicIP\":\"1.2.3.4\",\"PublicIPv6\":\"ff02::1\"}", "ff02::1" },
		{ "{\"PublicIP\":\"1.2.3.4\",\"PublicIPv6\":\"::1\"}", "::1" },
		{ "{\"PublicIP\":\"1.2.3.4\",\"PublicIPv6\":\"::ffff:1.2.3.4\"}", "::ffff" },
		{ "{\"PublicIP\":\"1.2.3.4\",\"PublicIP\":\"1.2.3.4\"}", "not JSON" },
		{ "{\"PublicIP\":\"1.2.3.4\",\"publicip\":\"1.2.3.5\"}", "PublicIP is there twice" },
		{ "{\"PublicIP\":\"1.2.3.4\",\"BackendType\":7}", "BackendType is a number" },
		{ "{\"PublicIP\":\"1.2.3.4\",\"BackendType\":"
		  "\"01234567890123456789012345678901\"}", "longer than 31 bytes" },
		{ VXLAN "\"BackendData\":\"x\"}", "BackendData is a string" },
		{ VXLAN "\"BackendData\":[]}", "BackendData is an array" },
		{ VXLAN "\"BackendData\":{\"VNI\":\"1\"}}", "BackendData VNI is a string" },
		{ VXLAN "\"BackendData\":{\"VNI\":-1}}", "BackendData VNI is -1" },
		{ VXLAN "\"BackendData\":{\"VtepMAC\":1}}", "BackendData VtepMAC is a number" },
		{ VXLAN "\"BackendV6Data\":{\"VtepMAC\":\"x\"}}", "BackendV6Data VtepMAC \"x\"" },
		{ VXLAN "\"BackendData\":{}}x", "not JSON" },
	};
	struct record record = key("10.1.2.0-24"), before = record;
	struct error error;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (record_parse_value(bad[i].text, strlen(bad[i].text), &record, &error))
			fail_msg("taken: %s", bad[i].text);
		assert_says(bad[i].text, &error, bad[i].says);
		assert_memory_equal(&record, &before, sizeof(record));
	}
}

/* Link-local and unusual ones included: what counts is what the driver takes */
static void value_publics(void **state)
{
	struct record record;

	(void)state;
	record = value("{\"PublicIP\":\"169.254.7.1\",\"PublicIPv6\":\"fe80::1\"}");
	assert_addr(&record.public4, "169.254.7.1");
	assert_addr(&record.public6, "fe80::1");
}

/* D14: members that nobody knows, texts among them, do not hide the MAC. */
static void d14_mac_among_other_members(void **state)
{
	static const char *const data[] = {
		"{\"VtepMAC\":\"" MAC1 "\",\"VNI\":1,\"Zone\":\"x\"}",
		"{\"Zone\":\"x\",\"VNI\":1,\"VtepMAC\":\"" MAC1 "\"}",
		"{\"A\":\"\",\"VtepMAC\":\"" MAC1 "\",\"B\":\"02:00:00:00:00:99\",\"C\":{\"VtepMAC\":\"x\"}}",
	};
	struct record record;
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(data); i++) {
		snprintf(text, sizeof(text), VXLAN "\"BackendData\":%s,\"BackendV6Data\":%s}",
			 data[i], data[i]);
		record = value(text);
		assert_mac(&record.data4, MAC1);
		assert_mac(&record.data6, MAC1);
	}
}

/* Only the value is read anew. */
static void value_keeps_rest(void **state)
{
	static const char first[] = VXLAN "\"PublicIPv6\":\"fd00::1\",\"BackendData\":{\"VNI\":1,"
				    "\"VtepMAC\":\"" MAC1 "\"}}";
	static const char second[] = "{\"PublicIP\":\"1.2.3.5\"}";
	struct record record = key("10.1.2.0-24&fd00::-64");

	(void)state;
	record.lease = 77;
	record.mod_revision = 88;
	assert_true(record_parse_value(first, strlen(first), &record, NULL));
	assert_true(record_parse_value(second, strlen(second), &record, NULL));
	assert_addr(&record.public4, "1.2.3.5");
	assert_addr(&record.public6, "");
	assert_mac(&record.data4, "");
	assert_string_equal(record.backend, "");
	assert_prefix(&record.subnet4, "10.1.2.0/24");
	assert_prefix(&record.subnet6, "fd00::/64");
	assert_int_equal(record.lease, 77);
	assert_int_equal(record.mod_revision, 88);
}

/* --- lists ----------------------------------------------------------------- */

static struct record full(void)
{
	struct record record = value(VXLAN "\"PublicIPv6\":\"fd00::1\",\"BackendData\":{\"VNI\":1,"
				     "\"VtepMAC\":\"" MAC1 "\"},\"BackendV6Data\":{\"VNI\":1,"
				     "\"VtepMAC\":\"" MAC1 "\"}}");

	assert_true(record_parse_key("10.1.2.0-24&fd00::-64", &record, NULL));
	return record;
}

static void equality(void **state)
{
	struct record a = full(), b[10];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(b); i++)
		b[i] = a;
	assert_true(record_equal(&a, &b[0]) && record_same_subnet(&a, &b[0]));
	b[0].subnet4.addr.bytes[2]++;
	b[1].subnet6.len++;
	assert_false(record_same_subnet(&a, &b[0]) || record_same_subnet(&a, &b[1]));
	b[2].public4.bytes[3]++;
	b[3].public6.family = AF_UNSPEC;
	strcpy(b[4].backend, "host-gw");
	b[5].data4.mac[5]++;
	b[6].data6.mac[5]++;
	b[7].data4.vni++;
	b[8].data6.has_mac = false;
	for (i = 0; i < 9; i++)
		if (record_equal(&a, &b[i]))
			fail_msg("%zu is equal", i);
	for (i = 2; i < 9; i++)
		assert_true(record_same_subnet(&a, &b[i]));
	/* A renewal is no change. */
	b[9].lease = b[9].mod_revision = 9;
	assert_true(record_equal(&a, &b[9]));
}

static void lists(void **state)
{
	struct record_list list = { 0 }, copy = { 0 };
	static const struct record empty;
	struct record *record;
	char text[RECORD_KEY];
	unsigned int i;

	(void)state;
	assert_true(record_list_copy(&copy, &list));
	for (i = 0; i < 1000; i++) {
		record = record_list_add(&list);
		assert_memory_equal(record, &empty, sizeof(empty));
		snprintf(text, sizeof(text), "10.%u.%u.0-24&fd00:0:0:%x::-64",
			 i * 37 % 1000 / 200, i * 37 % 1000 % 200, i);
		assert_true(record_parse_key(text, record, NULL));
	}
	record_list_sort(&list);
	for (i = 1; i < 1000; i++)
		assert_true(compare_prefix(&list.record[i - 1].subnet4,
					   &list.record[i].subnet4) < 0);
	assert_true(record_list_copy(&copy, &list));
	assert_true(record_list_copy(&copy, &list));
	assert_int_equal(copy.count, 1000);
	assert_memory_equal(copy.record, list.record, 1000 * sizeof(*record));
	record_list_free(&list);
	assert_null(list.record);
	assert_true(record_list_copy(&copy, &list));
	assert_int_equal(copy.count, 0);
	record_list_sort(&copy);
	record_list_free(&copy);
}

/* --- choice ---------------------------------------------------------------- */

#define CONFIG4	"{\"Network\":\"10.3.0.0/16\"}"
#define DUAL	"{\"Network\":\"10.3.0.0/16\",\"EnableIPv6\":true,\"IPv6Network\":\"fd00:12::/48\"}"

static void fits(void **state)
{
	struct net_config only4 = config_of(CONFIG4), dual = config_of(DUAL);
	struct net_config narrow = config_of("{\"Network\":\"10.3.0.0/16\",\"SubnetMin\":"
					     "\"10.3.5.0\",\"SubnetMax\":\"10.3.8.0\"}");
	static const char *const out4[] = {
		"10.3.0.0-24", "10.4.0.0-24", "10.2.255.0-24", "10.3.7.0-25", "10.3.6.0-23",
		"10.3.7.0-24&fd00:12:0:7::-64",
	};
	static const char *const out_dual[] = {
		"10.3.7.0-24", "10.4.7.0-24&fd00:12:0:7::-64", "10.3.7.0-24&fd00:12:0:7::-65",
		"10.3.7.0-24&fd00:12::-64", "10.3.7.0-24&fd00:12:1:7::-64",
	};
	struct record record;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(out4); i++) {
		record = key(out4[i]);
		if (record_fits(&record, &only4))
			fail_msg("%s fits", out4[i]);
	}
	for (i = 0; i < ARRAY_SIZE(out_dual); i++) {
		record = key(out_dual[i]);
		if (record_fits(&record, &dual))
			fail_msg("%s fits", out_dual[i]);
	}
	record = key("10.3.1.0-24");
	assert_true(record_fits(&record, &only4));
	assert_false(record_fits(&record, &narrow));
	record = key("10.3.8.0-24");
	assert_true(record_fits(&record, &narrow));
	record = key("10.3.9.0-24");
	assert_false(record_fits(&record, &narrow));
	record = key("10.3.255.0-24&fd00:12:0:ffff::-64");
	assert_true(record_fits(&record, &dual));
	memset(&record, 0, sizeof(record));
	assert_false(record_fits(&record, &only4));
}

/* What choices there were, and which one to take */
static uint32_t asked, wanted;

static uint32_t pick(uint32_t below)
{
	asked = below;
	return wanted < below ? wanted : below - 1;
}

static void add(struct record_list *list, const char *text)
{
	*record_list_add(list) = key(text);
}

static void assert_choice(const struct net_config *config, const struct record_list *list,
			  uint32_t which, uint32_t of, const char *chosen)
{
	struct record record = key("10.9.9.0-24&fd09::-64");
	struct error error = { "" };
	char text[RECORD_KEY];

	wanted = which;
	asked = 0;
	if (!record_choose(&record, config, list, pick, &error))
		fail_msg("%s", error.text);
	assert_string_equal(record_format_key(&record, text), chosen);
	assert_true(record_fits(&record, config));
	assert_int_equal(asked, of);
}

static void choose_empty(void **state)
{
	struct net_config only4 = config_of(CONFIG4), dual = config_of(DUAL);
	struct net_config only6 = config_of("{\"EnableIPv4\":false,\"EnableIPv6\":true,"
					    "\"IPv6Network\":\"fd00:12::/48\"}");
	struct record_list list = { 0 };

	(void)state;
	assert_choice(&only4, &list, 0, 100, "10.3.1.0-24");
	assert_choice(&only4, &list, 99, 100, "10.3.100.0-24");
	assert_choice(&dual, &list, 1, 100, "10.3.2.0-24&fd00:12:0:2::-64");
	assert_choice(&only6, &list, 99, 100, "fd00:12:0:64::-64");
}

/* Leases of other lengths, nested and doubled ones count for all they cover. */
static void choose_taken(void **state)
{
	struct net_config config = config_of("{\"Network\":\"10.3.0.0/16\",\"SubnetMax\":"
					     "\"10.3.20.0\"}");
	struct record_list list = { 0 };

	(void)state;
	add(&list, "10.3.18.0-24");
	add(&list, "10.3.1.0-24");
	add(&list, "10.3.4.0-22");
	add(&list, "10.3.5.0-24");
	add(&list, "10.3.5.128-25");
	add(&list, "10.3.5.0-24");
	add(&list, "10.3.9.64-26");
	add(&list, "10.3.9.192-30");
	add(&list, "9.0.0.0-8");
	add(&list, "10.4.0.0-16&fd00:12::-48");
	/* Free: 2, 3, 8, 10..17, 19, 20 */
	assert_choice(&config, &list, 0, 13, "10.3.2.0-24");
	assert_choice(&config, &list, 2, 13, "10.3.8.0-24");
	assert_choice(&config, &list, 3, 13, "10.3.10.0-24");
	assert_choice(&config, &list, 11, 13, "10.3.19.0-24");
	assert_choice(&config, &list, 12, 13, "10.3.20.0-24");
	record_list_free(&list);
}

/* Families are chosen apart. */
static void choose_dual(void **state)
{
	struct net_config config = config_of(DUAL);
	struct record_list list = { 0 };

	(void)state;
	add(&list, "10.3.1.0-24&fd00:12:0:5::-64");
	add(&list, "10.3.2.0-24");
	assert_choice(&config, &list, 0, 100, "10.3.3.0-24&fd00:12:0:1::-64");
	assert_choice(&config, &list, 4, 100, "10.3.7.0-24&fd00:12:0:6::-64");
	record_list_free(&list);
}

static void assert_no_choice(const char *json, const struct record_list *list, const char *says)
{
	struct net_config config = config_of(json);
	struct record record = key("10.9.9.0-24"), before = record;
	struct error error = { "" };

	assert_false(record_choose(&record, &config, list, pick, &error));
	assert_says(json, &error, says);
	assert_memory_equal(&record, &before, sizeof(record));
}

static void choose_full(void **state)
{
	struct record_list list = { 0 };

	(void)state;
	add(&list, "10.3.0.0-16&fd00::-12");
	assert_no_choice(CONFIG4, &list, "no subnet of length 24 is free from 10.3.1.0 to "
			 "10.3.255.0: the store has 1 leases");
	assert_no_choice("{\"EnableIPv4\":false,\"EnableIPv6\":true,\"IPv6Network\":"
			 "\"fd00:12::/48\"}", &list, "no subnet of length 64");
	record_list_free(&list);
	/* One family has room, the other has none. */
	add(&list, "10.9.0.0-16&fd00::-12");
	assert_no_choice(DUAL, &list, "no subnet of length 64");
	record_list_free(&list);
}

/* Up to the very end of the address space, which is not usable for leases */
static void choose_end(void **state)
{
	struct net_config config = config_of("{\"Network\":\"223.255.255.0/24\",\"SubnetLen\":28}");
	struct record_list list = { 0 };

	(void)state;
	assert_choice(&config, &list, 14, 15, "223.255.255.240-28");
	add(&list, "223.255.255.240-28");
	assert_choice(&config, &list, 99, 14, "223.255.255.224-28");
	record_list_free(&list);
}

static void choose_many(void **state)
{
	struct net_config config = config_of("{\"Network\":\"10.0.0.0/8\"}");
	struct record_list list = { 0 };
	char text[RECORD_KEY];
	unsigned int i;

	(void)state;
	for (i = 65535; i; i--) {
		sprintf(text, "10.%u.%u.0-24", i >> 8, i & 255);
		if (i != 0x1234 && i != 0xffff)
			add(&list, text);
	}
	assert_choice(&config, &list, 0, 2, "10.18.52.0-24");
	assert_choice(&config, &list, 1, 2, "10.255.255.0-24");
	record_list_free(&list);
}

/* --- prefixes -------------------------------------------------------------- */

static struct prefix prefix_of(const char *text)
{
	struct prefix prefix;
	struct words w;

	assert_true(parse_prefix(&w, text, &prefix));
	return prefix;
}

static void next_prefix(void **state)
{
	static const char *const pairs[][2] = {
		{ "10.0.0.0/24", "10.0.1.0/24" },
		{ "10.0.255.0/24", "10.1.0.0/24" },
		{ "10.255.255.252/30", "11.0.0.0/30" },
		{ "10.0.0.128/25", "10.0.1.0/25" },
		{ "0.0.0.0/1", "128.0.0.0/1" },
		{ "1.2.3.255/32", "1.2.4.0/32" },
		{ "fd00:0:0:ffff::/64", "fd00:0:1::/64" },
		{ "fd00::ffff:ffff:ffff:ffff/128", "fd00:0:0:1::/128" },
	};
	static const char *const ends[] = {
		"0.0.0.0/0", "128.0.0.0/1", "255.255.255.0/24", "255.255.255.255/32", "::/0",
		"ffff:ffff:ffff:ffff::/64",
	};
	struct prefix prefix;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		prefix = prefix_of(pairs[i][0]);
		assert_true(prefix_next(&prefix));
		assert_prefix(&prefix, pairs[i][1]);
	}
	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		prefix = prefix_of(ends[i]);
		assert_false(prefix_next(&prefix));
		assert_prefix(&prefix, ends[i]);
	}
}

static void overlap(void **state)
{
	static const struct {
		const char *a, *b;
		bool overlaps;
	} pairs[] = {
		{ "10.0.0.0/8", "10.255.255.255/32", true },
		{ "10.0.0.0/8", "11.0.0.0/8", false },
		{ "10.0.0.0/25", "10.0.0.128/25", false },
		{ "10.0.0.0/24", "10.0.0.0/24", true },
		{ "0.0.0.0/0", "10.0.0.0/8", true },
		{ "0.0.0.0/0", "::/0", false },
		{ "fd00::/16", "fd00:1::/32", true },
		{ "fd00::/33", "fd00:0:8000::/33", false },
	};
	struct prefix a, b;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		a = prefix_of(pairs[i].a);
		b = prefix_of(pairs[i].b);
		if (prefix_overlaps(&a, &b) != pairs[i].overlaps ||
		    prefix_overlaps(&b, &a) != pairs[i].overlaps)
			fail_msg("%s and %s", pairs[i].a, pairs[i].b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key4),		cmocka_unit_test(key_dual),
		cmocka_unit_test(key_before),	cmocka_unit_test(key_long),
		cmocka_unit_test(key_bad),	cmocka_unit_test(value_stock),
		cmocka_unit_test(value_others),	cmocka_unit_test(value_other_backends),
		cmocka_unit_test(value_macs),	cmocka_unit_test(value_bad),
		cmocka_unit_test(value_publics), cmocka_unit_test(value_keeps_rest),
		cmocka_unit_test(d14_mac_among_other_members),
		cmocka_unit_test(equality),	cmocka_unit_test(lists),
		cmocka_unit_test(fits),		cmocka_unit_test(choose_empty),
		cmocka_unit_test(choose_taken),	cmocka_unit_test(choose_dual),
		cmocka_unit_test(choose_full),	cmocka_unit_test(choose_end),
		cmocka_unit_test(choose_many),	cmocka_unit_test(next_prefix),
		cmocka_unit_test(overlap),
	};

	return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
