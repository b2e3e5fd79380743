// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "etcd_json.h"
#include "etcd_map.h"

static void base64_there_and_back(void **state)
{
	static const char *const texts[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "\xff\xfe\xfd", "//79" }, { "\xfb\xf0", "+/A=" },
	};
	char *there, *back;
	size_t i, len;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		there = base64_encode(texts[i][0], strlen(texts[i][0]));
		assert_string_equal(there, texts[i][1]);
		back = base64_decode(there, strlen(there), &len);
		assert_int_equal(len, strlen(texts[i][0]));
		assert_memory_equal(back, texts[i][0], len + 1);
		free(there);
		free(back);
	}
}

static void base64_refuses(void **state)
{
	static const char *const texts[] = { "Z", "Zg=", "Z===", "====", "Zg==Zg==", "Z g=", "Zm-_" };
	size_t i, len;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		assert_null(base64_decode(texts[i], strlen(texts[i]), &len));
}

static void check_number(const char *json, bool good, int64_t expected)
{
	json_t *object = etcd_json_parse(json, strlen(json));
	int64_t number = -7;

	assert_non_null(object);
	assert_int_equal(etcd_number(object, "n", &number), good);
	if (good)
		assert_int_equal(number, expected);
	json_decref(object);
}

static void numbers(void **state)
{
	(void)state;
	check_number("{}", true, 0);
	check_number("{\"n\":\"42\"}", true, 42);
	check_number("{\"n\":42}", true, 42);
	check_number("{\"n\":\"-1\"}", true, -1);
	check_number("{\"n\":\"9223372036854775807\"}", true, INT64_MAX);
	check_number("{\"n\":\"9223372036854775808\"}", false, 0);
	check_number("{\"n\":\"18446744073709551616\"}", false, 0);
	check_number("{\"n\":\"\"}", false, 0);
	check_number("{\"n\":\" 4\"}", false, 0);
	check_number("{\"n\":\"4x\"}", false, 0);
	check_number("{\"n\":true}", false, 0);
	check_number("{\"n\":-5}", false, 0);
}

static void put(struct etcd_map *map, const char *key, const char *value, int64_t revision,
		bool good)
{
	struct etcd_kv kv = {
		.value = (char *)value, .len = strlen(value), .lease = 1,
		.mod_revision = revision, .create_revision = 1,
	};
	struct error error;

	assert_int_equal(etcd_map_put(map, NULL, key, &kv, &error), good);
}

#define PEER(n)	"{\"PublicIP\":\"192.0.2." #n "\",\"PublicIPv6\":null}"

static void map_keeps_order_and_time(void **state)
{
	struct etcd_map map = { 0 };

	(void)state;
	put(&map, "10.5.2.0-24", PEER(2), 5, true);
	put(&map, "10.5.1.0-24", PEER(1), 6, true);
	put(&map, "10.5.2.0-24", PEER(9), 4, true);	/* older */
	assert_int_equal(map.count, 2);
	assert_string_equal(map.entry[0]->key, "10.5.1.0-24");
	assert_int_equal(map.entry[1]->record.public4.bytes[3], 2);
	assert_false(etcd_map_delete(&map, "10.5.2.0-24", 4));
	assert_true(etcd_map_delete(&map, "10.5.2.0-24", 7));
	assert_false(etcd_map_delete(&map, "10.5.2.0-24", 8));
	assert_int_equal(map.count, 1);
	etcd_map_free(&map);
}

static void map_keeps_last_good(void **state)
{
	struct etcd_map map = { 0 };

	(void)state;
	put(&map, "10.5.2.0-24", PEER(2), 5, true);
	put(&map, "10.5.2.0-24", "rubbish", 6, false);
	put(&map, "10.5.2.0-24", "more rubbish", 7, true);	/* said before */
	put(&map, "nonsense", PEER(3), 8, false);
	put(&map, "nonsense", PEER(3), 9, true);
	assert_true(map.entry[0]->good && map.entry[0]->stale);
	assert_int_equal(map.entry[0]->record.public4.bytes[3], 2);
	assert_false(map.entry[1]->good || map.entry[1]->subnet);
	etcd_map_free(&map);
}

static void map_keeps_what_was_forgotten(void **state)
{
	struct etcd_map old = { 0 }, map = { 0 };
	size_t kept;

	(void)state;
	put(&old, "10.5.1.0-24", PEER(1), 5, true);
	put(&old, "10.5.2.0-24", PEER(2), 6, true);
	put(&old, "10.5.3.0-24", PEER(3), 7, true);
	put(&old, "10.5.4.0-24", PEER(4), 7, true);
	put(&map, "10.5.1.0-24", PEER(1), 5, true);
	assert_true(etcd_map_keep(&map, &old, "10.5.4.0-24", 1000, &kept));
	assert_int_equal(kept, 2);
	assert_false(etcd_map_expire(&map, 999));
	put(&map, "10.5.9.0-24", PEER(2), 3, true);	/* came back elsewhere */
	assert_true(etcd_map_expire(&map, 999));
	assert_null(etcd_map_find(&map, "10.5.2.0-24"));
	assert_non_null(etcd_map_find(&map, "10.5.3.0-24"));
	put(&map, "10.5.3.0-24", PEER(3), 2, true);	/* came back, at a lower revision */
	assert_int_equal(map.kept, 0);
	assert_false(etcd_map_expire(&map, 1001));
	etcd_map_free(&old);
	etcd_map_free(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_there_and_back),
		cmocka_unit_test(base64_refuses),
		cmocka_unit_test(numbers),
		cmocka_unit_test(map_keeps_order_and_time),
		cmocka_unit_test(map_keeps_last_good),
		cmocka_unit_test(map_keeps_what_was_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
