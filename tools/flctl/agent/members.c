// SPDX-License-Identifier: GPL-2.0
/* Members of JSON objects, found as stock flannel finds them. */

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "json_text.h"
#include "members.h"

bool members_load(struct members *members, const char *text, size_t len,
		  struct error *error)
{
	json_error_t why;

	members->where = "";
	members->error = error;
	members->object = NULL;
	if (len > MEMBERS_TEXT)
		return set_error(error, "the text has %zu bytes, %u are allowed", len,
				 MEMBERS_TEXT);
	members->object = json_text_parse(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
					  &why);
	if (!members->object && errno == ENOMEM)
		return set_error(error, "out of memory");
	if (!members->object)
		return set_error(error, "not JSON: line %d, column %d: %s", why.line,
				 why.column, why.text);
	if (json_is_object(members->object))
		return true;
	json_decref(members->object);
	members->object = NULL;
	return set_error(error, "not a JSON object: it has to begin with {");
}

static const char *type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "a number";
	case JSON_REAL:
		return "a number with a fraction or an exponent";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	default:
		return "null";
	}
}

static bool wrong_type(const struct members *members, const char *name, const json_t *value,
		       const char *wanted)
{
	return set_error(members->error, "%s%s is %s: it has to be %s", members->where, name,
			 type_name(value), wanted);
}

/* NULL in @value: absent. */
static bool find(const struct members *members, const char *name, json_t **value)
{
	json_t *member, *found = NULL;
	const char *key, *first = NULL;

	*value = NULL;
	json_object_foreach(members->object, key, member) {
		if (strcasecmp(key, name))
			continue;
		if (found)
			return set_error(members->error,
					 "%s%s is there twice, as %s and as %s: once is allowed",
					 members->where, name, first, key);
		first = key;
		found = member;
	}
	if (!json_is_null(found))
		*value = found;
	return true;
}

bool member_bool(const struct members *members, const char *name, bool *value)
{
	json_t *found;

	if (!find(members, name, &found))
		return false;
	if (found && !json_is_boolean(found))
		return wrong_type(members, name, found, "true or false");
	if (found)
		*value = json_is_true(found);
	return true;
}

bool member_number(const struct members *members, const char *name, uint32_t min,
		   uint32_t max, uint32_t *value)
{
	json_int_t number;
	json_t *found;

	if (!find(members, name, &found))
		return false;
	if (!found)
		return true;
	if (!json_is_integer(found))
		return wrong_type(members, name, found, "a whole number");
	number = json_integer_value(found);
	if (number < min || number > max)
		return set_error(members->error, "%s%s is %lld: %u to %u are allowed",
				 members->where, name, (long long)number, min, max);
	*value = number;
	return true;
}

bool member_string(const struct members *members, const char *name, const char **value)
{
	json_t *found;

	if (!find(members, name, &found))
		return false;
	if (found && !json_is_string(found))
		return wrong_type(members, name, found, "a string");
	if (found)
		*value = json_string_value(found);
	return true;
}

bool member_addr(const struct members *members, const char *name, uint8_t family,
		 struct addr *addr)
{
	const char *text = NULL;
	struct addr found;
	struct words w;

	if (!member_string(members, name, &text))
		return false;
	if (!text)
		return true;
	if (!parse_addr(&w, text, &found) || found.family != family)
		return set_error(members->error, "%s%s \"%.64s\" is not an %s address",
				 members->where, name, text,
				 family == AF_INET ? "IPv4" : "IPv6");
	*addr = found;
	return true;
}

bool member_object(const struct members *members, const char *name, json_t **value)
{
	json_t *found;

	if (!find(members, name, &found))
		return false;
	if (found && !json_is_object(found))
		return wrong_type(members, name, found, "an object");
	*value = found;
	return true;
}
