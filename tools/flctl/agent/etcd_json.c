// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "etcd_json.h"
#include "json_text.h"

static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *bytes, size_t len)
{
	char *text = malloc((len + 2) / 3 * 4 + 1), *to = text;
	const uint8_t *from = bytes;
	uint32_t word;
	size_t i;

	if (!text)
		return NULL;
	for (i = 0; i < len; i += 3) {
		word = from[i] << 16;
		word |= i + 1 < len ? from[i + 1] << 8 : 0;
		word |= i + 2 < len ? from[i + 2] : 0;
		*to++ = digits[word >> 18];
		*to++ = digits[word >> 12 & 63];
		*to++ = i + 1 < len ? digits[word >> 6 & 63] : '=';
		*to++ = i + 2 < len ? digits[word & 63] : '=';
	}
	*to = '\0';
	return text;
}

static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four digits into three bytes. */
static bool decode_group(const char *text, unsigned int padding, char *to)
{
	uint32_t word = 0;
	unsigned int i;
	int value;

	for (i = 0; i < 4; i++) {
		value = i < 4 - padding ? digit_value(text[i]) : 0;
		if (value < 0)
			return false;
		word = word << 6 | value;
	}
	to[0] = word >> 16;
	if (padding < 2)
		to[1] = word >> 8;
	if (padding < 1)
		to[2] = word;
	return true;
}

static unsigned int count_padding(const char *text, size_t len)
{
	if (!len || text[len - 1] != '=')
		return 0;
	return text[len - 2] == '=' ? 2 : 1;
}

char *base64_decode(const char *text, size_t text_len, size_t *len)
{
	unsigned int padding;
	char *bytes;
	size_t i;

	if (text_len % 4)
		return NULL;
	padding = count_padding(text, text_len);
	*len = text_len / 4 * 3 - padding;
	bytes = malloc(*len + 1);
	if (!bytes)
		return NULL;
	for (i = 0; i < text_len / 4; i++) {
		if (decode_group(text + i * 4, i + 1 == text_len / 4 ? padding : 0,
				 bytes + i * 3))
			continue;
		free(bytes);
		return NULL;
	}
	bytes[*len] = '\0';
	return bytes;
}

json_t *etcd_json_parse(const char *text, size_t len)
{
	json_error_t why;
	json_t *json = json_text_parse(text, len, JSON_REJECT_DUPLICATES, &why);

	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

bool etcd_unsigned(const json_t *object, const char *name, uint64_t *number)
{
	const json_t *value = json_object_get(object, name);
	const char *text = json_string_value(value);
	char *end;

	*number = 0;
	if (!value)
		return true;
	if (json_is_integer(value)) {
		*number = json_integer_value(value);
		return json_integer_value(value) >= 0;
	}
	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return !errno && !*end && end - text == (long)json_string_length(value);
}

/* etcd counts in int64, and none of what is read here can be below zero but a TTL. */
bool etcd_number(const json_t *object, const char *name, int64_t *number)
{
	const char *text = json_string_value(json_object_get(object, name));
	uint64_t value;

	if (text && !strcmp(text, "-1")) {
		*number = -1;
		return true;
	}
	*number = 0;
	if (!etcd_unsigned(object, name, &value) || value > INT64_MAX)
		return false;
	*number = value;
	return true;
}

static char *member_bytes(const json_t *object, const char *name, size_t *len)
{
	const json_t *value = json_object_get(object, name);

	if (value && !json_is_string(value))
		return NULL;
	return base64_decode(value ? json_string_value(value) : "",
			     value ? json_string_length(value) : 0, len);
}

bool etcd_kv(const json_t *json, struct etcd_kv *kv)
{
	char *key;
	size_t len;
	bool good;

	memset(kv, 0, sizeof(*kv));
	errno = 0;
	key = member_bytes(json, "key", &len);
	good = key && len && len < sizeof(kv->key) && strlen(key) == len;
	if (good)
		memcpy(kv->key, key, len + 1);
	free(key);
	if (!good)
		return false;
	kv->value = member_bytes(json, "value", &kv->len);
	return kv->value && etcd_number(json, "lease", &kv->lease) &&
	       etcd_number(json, "mod_revision", &kv->mod_revision) &&
	       etcd_number(json, "create_revision", &kv->create_revision) &&
	       kv->lease >= 0 && kv->mod_revision > 0;
}

json_t *etcd_bytes(const void *bytes, size_t len)
{
	char *text = base64_encode(bytes, len);
	json_t *json = text ? json_string(text) : NULL;

	free(text);
	return json;
}

json_t *etcd_int(int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, number);
	return json_string(text);
}

json_t *etcd_with(json_t *object, const char *name, json_t *value)
{
	if (!object || !value) {
		json_decref(value);
		json_decref(object);
		return NULL;
	}
	if (!json_object_set_new(object, name, value))
		return object;
	json_decref(object);
	return NULL;
}

json_t *etcd_key(const char *key)
{
	return etcd_with(json_object(), "key", etcd_bytes(key, strlen(key)));
}

/* The first key behind them: the last byte plus one; keys here end in ASCII. */
json_t *etcd_prefix(const char *key)
{
	size_t len = strlen(key);
	char *end = strdup(key);
	json_t *json;

	if (!end || !len) {
		free(end);
		return NULL;
	}
	end[len - 1]++;
	json = etcd_with(etcd_key(key), "range_end", etcd_bytes(end, len));
	free(end);
	return json;
}

json_t *etcd_op(const char *name, json_t *request)
{
	return etcd_with(json_object(), name, request);
}

static json_t *compare(const char *key, const char *target, const char *member, int64_t number)
{
	json_t *json = etcd_key(key);

	json = etcd_with(json, "target", json_string(target));
	json = etcd_with(json, "result", json_string("EQUAL"));
	return etcd_with(json, member, etcd_int(number));
}

json_t *etcd_if_absent(const char *key)
{
	return compare(key, "VERSION", "version", 0);
}

json_t *etcd_if_revision(const char *key, int64_t mod_revision)
{
	return compare(key, "MOD", "mod_revision", mod_revision);
}

static json_t *array_of(json_t *only)
{
	json_t *array = only ? json_array() : NULL;

	if (array && !json_array_append_new(array, only))
		return array;
	if (!array)
		json_decref(only);
	json_decref(array);
	return NULL;
}

json_t *etcd_txn(json_t *condition, json_t *success, json_t *failure)
{
	json_t *json = json_object();

	json = etcd_with(json, "compare", array_of(condition));
	json = etcd_with(json, "success", array_of(success));
	return etcd_with(json, "failure", array_of(failure));
}
