// SPDX-License-Identifier: GPL-2.0
/* What goes to standard output. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "flctl.h"
#include "print.h"

static unsigned int depth;
static bool first = true;

/* Bytes of the UTF-8 character at @c, 0 when it is none. */
static unsigned int utf8_length(const unsigned char *c)
{
	unsigned int i, length = *c < 0xc2 ? 0 : *c < 0xe0 ? 2 : *c < 0xf0 ? 3 :
				 *c < 0xf5 ? 4 : 0;

	for (i = 1; i < length; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and what is behind the last plane. */
	if ((*c == 0xe0 && c[1] < 0xa0) || (*c == 0xed && c[1] > 0x9f) ||
	    (*c == 0xf0 && c[1] < 0x90) || (*c == 0xf4 && c[1] > 0x8f))
		return 0;
	return length;
}

/* Names of devices are bytes: what is no text becomes U+FFFD. */
static void put_string(const char *value)
{
	const unsigned char *c = (const unsigned char *)value;
	unsigned int length;

	putchar('"');
	while (*c) {
		length = *c < 0x80 ? 1 : utf8_length(c);
		if (*c == '"' || *c == '\\')
			printf("\\%c", *c);
		else if (*c < 0x20 || *c == 0x7f)
			printf("\\u%04x", *c);
		else if (length)
			fwrite(c, 1, length, stdout);
		else
			fputs("\\ufffd", stdout);
		c += length ? length : 1;
	}
	putchar('"');
}

static void put_key(const char *key)
{
	if (!first)
		putchar(',');
	first = false;
	if (!key)
		return;
	put_string(key);
	putchar(':');
}

void json_open(const char *key, char bracket)
{
	/* Arrays of objects have a line for each. */
	if (key || first)
		put_key(key);
	else
		fputs(",\n", stdout);
	putchar(bracket);
	first = true;
	depth++;
}

void json_close(char bracket)
{
	putchar(bracket);
	first = --depth == 0;
	if (!depth)
		putchar('\n');
}

void json_string(const char *key, const char *value)
{
	put_key(key);
	put_string(value);
}

void json_number(const char *key, uint64_t value)
{
	put_key(key);
	printf("%llu", (unsigned long long)value);
}

void json_bool(const char *key, bool value)
{
	put_key(key);
	fputs(value ? "true" : "false", stdout);
}

void json_lease(const struct lease *lease, const char *dev)
{
	char text[PREFIX_TEXT];

	json_string("prefix", format_prefix(&lease->prefix, text));
	if (lease->local)
		json_bool("local", true);
	if (lease->vtep.family) {
		json_string("via", format_addr(&lease->vtep, text));
		json_string("lladdr", format_mac(lease->lladdr, text));
	}
	json_string("dev", dev);
}

void text_lease(const struct lease *lease, const char *dev)
{
	char text[LEASE_TEXT];

	fputs(format_lease(lease, text), stdout);
	if (dev)
		printf(" dev %s", dev);
	putchar('\n');
}

/* A reader that went away needs no explanation. */
int print_end(void)
{
	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return EXIT_DONE;
	if (errno == EPIPE)
		return EXIT_INPUT;
	return fail(EXIT_INPUT, "cannot write the output: %s",
		    strerror(errno ? errno : EIO));
}
