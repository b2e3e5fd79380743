/* SPDX-License-Identifier: GPL-2.0 */
/*
 * starve.h - a program that runs out of memory when a test wants it to
 *
 * For programs that are linked with --wrap for all of these: starve() lets allocations
 * of the agent fail, and those of jansson but while it reads.  Other libraries
 * have their own memory.
 */
#ifndef TESTS_STARVE_H
#define TESTS_STARVE_H

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);
int __wrap_asprintf(char **text, const char *fmt, ...);

json_t *__real_json_loadb(const char *text, size_t len, size_t flags, json_error_t *why);
json_t *__wrap_json_loadb(const char *text, size_t len, size_t flags, json_error_t *why);

static unsigned long starve_from, starve_count, starved;
static bool starve_paused;

/* The @from-th allocation from now on fails, and all of the next, @count in all. */
static inline void starve(unsigned long from, unsigned long count)
{
	starve_from = from;
	starve_count = count;
	starved = 0;
}

static bool fails(void)
{
	if (!starve_from || starve_paused)
		return false;
	if (starve_from > 1) {
		starve_from--;
		return false;
	}
	if (!starve_count)
		return false;
	starve_count--;
	starved++;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return fails() ? NULL : __real_reallocarray(old, count, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t len)
{
	return fails() ? NULL : __real_strndup(text, len);
}

int __wrap_asprintf(char **text, const char *fmt, ...)
{
	va_list args;
	int len;

	if (fails())
		return -1;
	va_start(args, fmt);
	len = vasprintf(text, fmt, args);
	va_end(args);
	return len;
}

json_t *__wrap_json_loadb(const char *text, size_t len, size_t flags, json_error_t *why)
{
	json_t *json;

	starve_paused = true;
	json = __real_json_loadb(text, len, flags, why);
	starve_paused = false;
	return json;
}

#endif /* TESTS_STARVE_H */
