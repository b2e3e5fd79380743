/* SPDX-License-Identifier: GPL-2.0 */
/*
 * parse.h - text to values and back
 *
 * Pure: no input or output, no allocation, no state.  Everything that comes
 * from a command line or a lease file goes through here; what a format_*()
 * writes, the parse_*() of the same name reads back to the same value.
 */
#ifndef FLCTL_PARSE_H
#define FLCTL_PARSE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define __printf(a, b)	__attribute__((format(printf, a, b)))

/* Bytes that any address, prefix, MAC or lease needs as text, NUL included. */
#define ADDR_TEXT	46
#define PREFIX_TEXT	50
#define MAC_TEXT	18
#define LEASE_TEXT	128

#define PARSE_ERROR	256
/* Most words that one line of a lease file may have. */
#define LINE_WORDS	8

/* An address, network byte order; bytes behind an IPv4 address are zero. */
struct addr {
	uint8_t family;		/* AF_INET, AF_INET6 or AF_UNSPEC: none */
	uint8_t bytes[16];
};

struct prefix {
	struct addr addr;
	uint8_t len;
};

/* A lease without VTEP that is not local is a mere prefix. */
struct lease {
	struct prefix prefix;
	bool local;
	struct addr vtep;
	uint8_t lladdr[6];
};

/* The words not read yet, and what was wrong with the one read last. */
struct words {
	char **word;
	int count;
	char error[PARSE_ERROR];
};

const char *words_next(struct words *w);
const char *words_value(struct words *w, const char *name);
bool __printf(2, 3) words_fail(struct words *w, const char *fmt, ...);

/*
 * Each takes the text of one value, and returns false with a sentence in
 * w->error when that is not what it should be.
 */
bool parse_number(struct words *w, const char *name, const char *text,
		  uint32_t min, uint32_t max, uint32_t *number);
bool parse_addr(struct words *w, const char *text, struct addr *addr);
bool parse_prefix(struct words *w, const char *text, struct prefix *prefix);
bool parse_mac(struct words *w, const char *text, uint8_t mac[6]);
bool parse_ifname(struct words *w, const char *text, char name[IF_NAMESIZE]);

/*
 * PREFIX {via VTEP lladdr MAC | local} [dev DEV].  @dev is the empty string
 * when none was named.
 */
bool parse_lease(struct words *w, struct lease *lease, char dev[IF_NAMESIZE]);
/* PREFIX dev DEV */
bool parse_lease_key(struct words *w, struct lease *lease,
		     char dev[IF_NAMESIZE]);
/*
 * Split one line of a lease file in place.  Comments start with a word that
 * starts with '#'.  @word takes LINE_WORDS pointers into @line.
 */
bool split_line(struct words *w, char *line, char **word);

const char *format_addr(const struct addr *addr, char text[ADDR_TEXT]);
const char *format_prefix(const struct prefix *prefix, char text[PREFIX_TEXT]);
const char *format_mac(const uint8_t mac[6], char text[MAC_TEXT]);
const char *format_lease(const struct lease *lease, char text[LEASE_TEXT]);

/* Order by family, address, length. */
int compare_addr(const struct addr *a, const struct addr *b);
int compare_prefix(const struct prefix *a, const struct prefix *b);

static inline unsigned int addr_size(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

#endif /* FLCTL_PARSE_H */
