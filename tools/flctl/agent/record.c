// SPDX-License-Identifier: GPL-2.0
/* The lease of one node: its key and its value. */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "members.h"
#include "prefix.h"
#include "record.h"

/* The two of which a key has at most one each */
#define KEY_SEPARATOR	'&'
#define LEN_SEPARATOR	'-'

static bool bad_key(const char *key, const char *why, struct error *error)
{
	return set_error(error, "key \"%.200s\": %s", key, why);
}

/* ADDRESS-LENGTH from @text up to @end; of which family is known by its characters. */
static bool read_subnet(const char *key, const char *text, const char *end,
			struct prefix *subnet, struct error *error)
{
	char part[PREFIX_TEXT] = "";
	struct words w;
	char *dash;

	if ((size_t)(end - text) < sizeof(part))
		memcpy(part, text, end - text);
	dash = strrchr(part, LEN_SEPARATOR);
	if (!dash)
		return bad_key(key, "it has to end like 10.5.34.0-24 or 10.5.34.0-24&fd00:12:13::-64",
			       error);
	*dash = '/';
	if (!parse_prefix(&w, part, subnet))
		return bad_key(key, w.error, error);
	if (!prefix_usable(subnet))
		return bad_key(key,
			       "the subnet has multicast, loopback, link-local or reserved addresses in it",
			       error);
	return true;
}

/* Where an IPv4 address and a length that end at @end begin. */
static const char *find_subnet4(const char *key, const char *end)
{
	unsigned int dots = 0;

	while (end > key && isdigit((unsigned char)end[-1]))
		end--;
	if (end > key && end[-1] == LEN_SEPARATOR)
		end--;
	while (end > key && (isdigit((unsigned char)end[-1]) || (end[-1] == '.' && dots++ < 3)))
		end--;
	return end;
}

/* The separator before an IPv6 subnet, NULL when the key has none. */
static const char *find_subnet6(const char *key)
{
	const char *separator = strrchr(key, KEY_SEPARATOR);

	if (!separator || separator[1 + strspn(separator + 1, "0123456789abcdef:-")])
		return NULL;
	return separator;
}

bool record_parse_key(const char *key, struct record *record, struct error *error)
{
	const char *end = key + strlen(key), *separator = find_subnet6(key);
	const char *end4 = separator ?: end;
	struct prefix subnet4, subnet6 = { 0 };

	if (!read_subnet(key, find_subnet4(key, end4), end4, &subnet4, error))
		return false;
	if (separator && !read_subnet(key, separator + 1, end, &subnet6, error))
		return false;
	record->subnet4 = subnet4;
	record->subnet6 = subnet6;
	return true;
}

static size_t format_subnet(const struct prefix *subnet, char *text)
{
	char addr[ADDR_TEXT];

	return sprintf(text, "%s%c%u", format_addr(&subnet->addr, addr), LEN_SEPARATOR,
		       subnet->len);
}

const char *record_format_key(const struct record *record, char text[RECORD_KEY])
{
	size_t at = 0;

	*text = '\0';
	if (record->subnet4.addr.family)
		at = format_subnet(&record->subnet4, text);
	if (at && record->subnet6.addr.family)
		text[at++] = KEY_SEPARATOR;
	if (record->subnet6.addr.family)
		format_subnet(&record->subnet6, text + at);
	return text;
}

static unsigned int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Six bytes as 0a:1b:..., 0a-1b-... or 0a1b.2c3d.4e5f, digits of either case. */
static bool read_mac(const char *text, uint8_t mac[6])
{
	bool dotted = strlen(text) == 14;
	unsigned int i, group = dotted ? 4 : 2;
	char separator = dotted ? '.' : text[0] && text[1] ? text[2] : '\0';

	if (!dotted && (strlen(text) != 17 || (separator != ':' && separator != '-')))
		return false;
	memset(mac, 0, 6);
	for (i = 0; i < 12; i++) {
		if (i && !(i % group) && *text++ != separator)
			return false;
		if (!isxdigit((unsigned char)*text))
			return false;
		mac[i / 2] = mac[i / 2] << 4 | hex_digit(*text++);
	}
	return true;
}

static bool is_unicast_mac(const uint8_t mac[6])
{
	static const uint8_t zero[6];

	return !(mac[0] & 1) && memcmp(mac, zero, 6);
}

static bool parse_vtep_mac(const struct members *members, struct backend_data *data)
{
	const char *text = NULL;

	if (!member_string(members, "VtepMAC", &text))
		return false;
	if (!text)
		return true;
	if (!read_mac(text, data->mac))
		return set_error(members->error,
				 "%sVtepMAC \"%.64s\" is not a MAC address of six bytes, as 02:00:5e:10:00:01 is",
				 members->where, text);
	if (!is_unicast_mac(data->mac))
		return set_error(members->error, "%sVtepMAC \"%s\" is not a unicast address",
				 members->where, text);
	data->has_mac = true;
	return true;
}

static bool parse_data(const struct members *members, const char *name, const char *where,
		       struct backend_data *data)
{
	struct members inner = { .where = where, .error = members->error };

	if (!member_object(members, name, &inner.object))
		return false;
	return !inner.object || (member_number(&inner, "VNI", 0, UINT32_MAX, &data->vni) &&
				 parse_vtep_mac(&inner, data));
}

static bool parse_public(const struct members *members, const char *name, uint8_t family,
			 struct addr *addr)
{
	char text[ADDR_TEXT];

	if (!member_addr(members, name, family, addr))
		return false;
	if (!addr->family || addr_is_unicast(addr))
		return true;
	return set_error(members->error, "%s %s is not a unicast address that a host can have",
			 name, format_addr(addr, text));
}

static bool parse_publics(const struct members *members, struct record *record)
{
	if (!parse_public(members, "PublicIP", AF_INET, &record->public4) ||
	    !parse_public(members, "PublicIPv6", AF_INET6, &record->public6))
		return false;
	if (record->public4.family)
		return true;
	return set_error(members->error, "PublicIP is missing: an IPv4 address is needed");
}

/* Data of other backends may be anything, and is nothing to us. */
static bool parse_backend(const struct members *members, struct record *record)
{
	const char *type = "";

	if (!member_string(members, "BackendType", &type))
		return false;
	if (strlen(type) >= sizeof(record->backend))
		return set_error(members->error, "BackendType \"%.64s\" is longer than %zu bytes",
				 type, sizeof(record->backend) - 1);
	strcpy(record->backend, type);
	if (strcmp(type, backend_name(BACKEND_VXLAN)))
		return true;
	return parse_data(members, "BackendData", "BackendData ", &record->data4) &&
	       parse_data(members, "BackendV6Data", "BackendV6Data ", &record->data6);
}

bool record_parse_value(const char *json, size_t len, struct record *record,
			struct error *error)
{
	struct record found = { 0 };
	struct members members;
	bool ok;

	if (!members_load(&members, json, len, error))
		return false;
	ok = parse_publics(&members, &found) && parse_backend(&members, &found);
	json_decref(members.object);
	if (!ok)
		return false;
	found.subnet4 = record->subnet4;
	found.subnet6 = record->subnet6;
	found.lease = record->lease;
	found.mod_revision = record->mod_revision;
	*record = found;
	return true;
}

static json_t *public_value(const struct addr *addr)
{
	char text[ADDR_TEXT];

	return addr->family ? json_string(format_addr(addr, text)) : json_null();
}

static json_t *data_value(const struct backend_data *data)
{
	char mac[MAC_TEXT];

	return json_pack("{s:I, s:s}", "VNI", (json_int_t)data->vni, "VtepMAC",
			 format_mac(data->mac, mac));
}

/* The order of the members is stock flannel's: some readers know no JSON. */
static bool fill_value(json_t *value, const struct record *record)
{
	return !json_object_set_new(value, "PublicIP", public_value(&record->public4)) &&
	       !json_object_set_new(value, "PublicIPv6", public_value(&record->public6)) &&
	       (!*record->backend ||
		!json_object_set_new(value, "BackendType", json_string(record->backend))) &&
	       (!record->data4.has_mac ||
		!json_object_set_new(value, "BackendData", data_value(&record->data4))) &&
	       (!record->data6.has_mac ||
		!json_object_set_new(value, "BackendV6Data", data_value(&record->data6)));
}

char *record_format_value(const struct record *record)
{
	json_t *value = json_object();
	char *text = NULL;

	if (value && fill_value(value, record))
		text = json_dumps(value, JSON_COMPACT);
	json_decref(value);
	return text;
}
