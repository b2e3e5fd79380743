// SPDX-License-Identifier: GPL-2.0
/* What a service manager hears. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop.h"
#include "notify.h"

static int manager = -1;
static char text[1024];

/* "/path", or "@name" for an abstract one. */
static void listen_at(const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + strlen(name);

	strcpy(sun.sun_path, name);
	if (*name == '@')
		*sun.sun_path = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(bind(manager, (struct sockaddr *)&sun, len), 0);
	setenv("NOTIFY_SOCKET", name, 1);
}

static void open_notify(void)
{
	struct error error;

	if (!notify_open(&error))
		fail_msg("%s", error.text);
}

/* The next message, or "". */
static const char *heard(void)
{
	ssize_t got = recv(manager, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[got > 0 ? got : 0] = '\0';
	return text;
}

static int setup(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return !loop_open();
}

static int teardown(void **state)
{
	(void)state;
	notify_close();
	loop_close();
	if (manager >= 0)
		close(manager);
	manager = -1;
	return 0;
}

static void messages(void **state)
{
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@notify_test.%d", getpid());
	listen_at(name);
	open_notify();
	assert_string_equal(heard(), "");
	notify_ready();
	assert_string_equal(heard(), "READY=1");
	notify_status("%d peers\nREADY=1", 3);
	assert_string_equal(heard(), "STATUS=3 peers READY=1");
	notify_reloading();
	assert_int_equal(strncmp(heard(), "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
	assert_in_range(strtoll(text + 27, NULL, 10) / 1000, loop_now() - 1000, loop_now());
	notify_stopping();
	assert_string_equal(heard(), "STOPPING=1");
	notify_status("%01000d", 0);
	assert_int_equal(strlen(heard()), 511);
}

static void by_path(void **state)
{
	char dir[] = "/tmp/notify_test.XXXXXX", name[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(name, sizeof(name), "%s/s", dir);
	listen_at(name);
	open_notify();
	notify_ready();
	assert_string_equal(heard(), "READY=1");
	/* A manager that went must not hurt */
	close(manager);
	manager = -1;
	notify_ready();
	unlink(name);
	notify_ready();
	rmdir(dir);
}

/* A manager that does not read must not hold us up. */
static void full(void **state)
{
	char name[64];
	int i;

	(void)state;
	snprintf(name, sizeof(name), "@notify_test.full.%d", getpid());
	listen_at(name);
	open_notify();
	for (i = 0; i < 10000; i++)
		notify_ready();
}

static void nobody(void **state)
{
	(void)state;
	setenv("WATCHDOG_USEC", "2000", 1);
	open_notify();
	notify_ready();
	notify_status("x");
	assert_true(loop_turn(5));
}

static unsigned int fed(const char *usec, const char *pid, int ms)
{
	int64_t end = loop_now() + ms;
	unsigned int count = 0;
	char name[64];

	snprintf(name, sizeof(name), "@notify_test.dog.%d", getpid());
	listen_at(name);
	setenv("WATCHDOG_USEC", usec, 1);
	setenv("WATCHDOG_PID", pid, 1);
	open_notify();
	while (loop_now() < end) {
		assert_true(loop_turn(1));
		while (!strcmp(heard(), "WATCHDOG=1"))
			count++;
	}
	return count;
}

static void watchdog(void **state)
{
	char pid[16];

	(void)state;
	snprintf(pid, sizeof(pid), "%d", getpid());
	/* Every 50 ms */
	assert_in_range(fed("100000", pid, 500), 5, 11);
}

static void watchdog_of_another(void **state)
{
	(void)state;
	assert_int_equal(fed("2000", "1", 50), 0);
}

static void bad_environment(void **state)
{
	static const char *const usec[] = { "", "0", "-1", "x", "1x", "99999999999999999999999" };
	struct error error;
	char longest[120];
	size_t i;

	(void)state;
	setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
	assert_false(notify_open(&error));
	assert_string_equal(error.text,
			    "NOTIFY_SOCKET: \"vsock:2:1234\" is neither an absolute path nor @NAME of at most 107 bytes");
	memset(longest, '/', 108);
	longest[108] = '\0';
	setenv("NOTIFY_SOCKET", longest, 1);
	assert_false(notify_open(&error));
	setenv("NOTIFY_SOCKET", "@x", 1);
	for (i = 0; i < ARRAY_SIZE(usec); i++) {
		setenv("WATCHDOG_USEC", usec[i], 1);
		assert_false(notify_open(&error));
		assert_non_null(strstr(error.text, "is not a number of microseconds"));
	}
	notify_ready();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(messages),
		TEST(by_path),
		TEST(full),
		TEST(nobody),
		TEST(watchdog),
		TEST(watchdog_of_another),
		TEST(bad_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
