// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"

static enum log_level level = LEVEL_INFO;
static bool as_json;
static const char *network = "";

static const char *const names[] = {
	[LEVEL_ERROR] = "error",
	[LEVEL_WARNING] = "warning",
	[LEVEL_INFO] = "info",
	[LEVEL_DEBUG] = "debug",
};

void log_setup(enum log_level up_to, bool json, const char *name)
{
	level = up_to;
	as_json = json;
	network = name;
}

static void write_json(enum log_level at, const char *text)
{
	struct timespec now;
	char stamp[32], when[48];
	json_t *line;
	char *out;

	clock_gettime(CLOCK_REALTIME, &now);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", gmtime(&now.tv_sec));
	snprintf(when, sizeof(when), "%s.%03ldZ", stamp, now.tv_nsec / 1000000);
	line = json_pack("{s:s, s:s, s:s, s:s%}", "time", when, "level", names[at],
			 "network", network, "message", text, strlen(text));
	out = line ? json_dumps(line, JSON_COMPACT) : NULL;
	fprintf(stderr, "%s\n", out ? out : "{\"level\":\"error\",\"message\":\"not UTF-8\"}");
	free(out);
	json_decref(line);
}

static void __printf(2, 0) say(enum log_level at, const char *fmt, va_list args)
{
	char text[1024];

	if (at > level)
		return;
	vsnprintf(text, sizeof(text), fmt, args);
	if (as_json)
		write_json(at, text);
	else
		fprintf(stderr, "%s%s%s\n", at == LEVEL_INFO ? "" : names[at],
			at == LEVEL_INFO ? "" : ": ", text);
}

#define LOG_FUNCTION(name, at)			\
void name(const char *fmt, ...)			\
{						\
	va_list args;				\
						\
	va_start(args, fmt);			\
	say(at, fmt, args);			\
	va_end(args);				\
}

LOG_FUNCTION(log_error, LEVEL_ERROR)
LOG_FUNCTION(log_warning, LEVEL_WARNING)
LOG_FUNCTION(log_info, LEVEL_INFO)
LOG_FUNCTION(log_debug, LEVEL_DEBUG)

/* What is quoted may come from anywhere: it neither breaks lines nor is cut UTF-8. */
bool set_error(struct error *error, const char *fmt, ...)
{
	va_list args;
	char *c;

	if (!error)
		return false;
	va_start(args, fmt);
	vsnprintf(error->text, sizeof(error->text), fmt, args);
	va_end(args);
	for (c = error->text; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	return false;
}
