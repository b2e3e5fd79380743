// SPDX-License-Identifier: GPL-2.0
/* When what stayed of stock flannel is tried again. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "takeover.h"

/* Doubled up to five minutes, and that for ever. */
static void back_off(void **state)
{
	unsigned int n;

	(void)state;
	for (n = 0; n < 9; n++)
		assert_int_equal(takeover_wait(n, false), 1000 << n);
	for (; n < 100; n++)
		assert_int_equal(takeover_wait(n, false), 300000);
	assert_int_equal(takeover_wait(UINT_MAX, false), 300000);
}

/* Programs that hung are left alone for 20 seconds at least, but no longer than others. */
static void back_off_from_programs(void **state)
{
	unsigned int n;

	(void)state;
	for (n = 0; n < 100; n++)
		assert_int_equal(takeover_wait(n, true), n < 5 ? 20000 : takeover_wait(n, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(back_off),
		cmocka_unit_test(back_off_from_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
