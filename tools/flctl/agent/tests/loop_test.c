// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include "loop.h"

static char order[16];
static unsigned int done;

static void note(char c)
{
	order[done++] = c;
	order[done] = '\0';
}

static void expired_a(struct loop_timer *timer)
{
	(void)timer;
	note('a');
}

static void expired_b(struct loop_timer *timer)
{
	(void)timer;
	note('b');
	loop_stop();
}

static void timers_in_order(void **state)
{
	struct loop_timer a = { .expired = expired_a }, b = { .expired = expired_b };
	struct loop_timer never = { .expired = expired_a };

	(void)state;
	done = 0;
	assert_true(loop_open());
	/* Far enough apart for a busy machine */
	loop_after(&b, 500);
	loop_after(&never, 5);
	loop_after(&a, 1000);
	loop_after(&a, 10);
	loop_cancel(&never);
	assert_true(loop_run());
	assert_string_equal(order, "ab");
	loop_close();
}

static struct loop_watch first, second;
static struct loop_timer again;

/* Whoever comes first takes the other away. */
static void ready(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	note(watch == &first ? '1' : '2');
	loop_unwatch(&first);
	loop_unwatch(&second);
}

static void unwatched_in_the_same_turn(void **state)
{
	int one[2], two[2];

	(void)state;
	done = 0;
	assert_true(loop_open());
	assert_false(pipe(one) || pipe(two));
	first = second = (struct loop_watch){ .fd = -1, .ready = ready };
	assert_true(loop_watch(&first, one[0], EPOLLIN));
	assert_true(loop_watch(&second, two[0], EPOLLIN));
	assert_int_equal(write(one[1], "x", 1) + write(two[1], "x", 1), 2);
	assert_true(loop_turn(100));
	assert_true(loop_turn(0));
	assert_int_equal(done, 1);
	loop_close();
	close(one[0]);
	close(one[1]);
	close(two[0]);
	close(two[1]);
}

static void rearm(struct loop_timer *timer)
{
	if (done < 8)
		note('t');
	loop_after(timer, 0);
}

/* A timer that is always due leaves the turn. */
static void busy_timer(void **state)
{
	(void)state;
	done = 0;
	assert_true(loop_open());
	again = (struct loop_timer){ .expired = rearm };
	loop_after(&again, 0);
	assert_true(loop_turn(10));
	assert_true(done <= 1);
	loop_close();
	assert_int_equal(again.due, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_in_order),
		cmocka_unit_test(unwatched_in_the_same_turn),
		cmocka_unit_test(busy_timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
