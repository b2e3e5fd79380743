// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json_text.h"
#include "log.h"

/* Bytes in memory for one of text, of what etcd says; and to begin with. */
#define MEMORY		8
#define MEMORY_LEAST	65536

static bool reading;

/* What has our files and sockets starts again, and reads all of it anew. */
static void *allocate(size_t size)
{
	void *memory = malloc(size);

	if (memory || !reading)
		return memory;
	log_error("out of memory in the middle of JSON: leaving; the data path stays");
	_exit(EXIT_FAILURE);
}

/* What is only freed again, the compiler does not ask for, but for somebody else. */
static bool there_is(size_t size)
{
	static void *room;
	bool is;

	__atomic_store_n(&room, malloc(size), __ATOMIC_RELAXED);
	is = room;
	free(room);
	return is;
}

json_t *json_text_parse(const char *text, size_t len, size_t flags, json_error_t *why)
{
	json_t *json;

	memset(why, 0, sizeof(*why));
	errno = 0;
	if (!there_is(len * MEMORY + MEMORY_LEAST)) {
		errno = ENOMEM;
		return NULL;
	}
	json_set_alloc_funcs(allocate, free);
	reading = true;
	json = json_loadb(text, len, flags, why);
	reading = false;
	if (!json)
		errno = 0;
	return json;
}
