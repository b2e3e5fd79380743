/* SPDX-License-Identifier: GPL-2.0 */
/*
 * options.h - the options of a flannel link
 *
 * One table says for each option its words, its attribute and its form as
 * text.  Pure like parse.h, and shared by flctl and the plugin of `ip`: both
 * only carry attributes between this and the kernel.
 */
#ifndef FLCTL_OPTIONS_H
#define FLCTL_OPTIONS_H

#include <stdio.h>

#include "flannel.h"
#include "parse.h"

#define OPTION_TEXT	64

/*
 * Values as the attributes carry them.  Bit N of @given: attribute N has a
 * value.
 */
struct link_options {
	uint32_t given;
	uint32_t id;
	uint32_t fwmark;
	uint32_t maxleases;
	uint16_t dstport;		/* network byte order */
	struct flannel_port_range srcport;
	uint8_t local[4];
	uint8_t local6[16];
	uint8_t network[4];
	uint8_t network6[16];
	uint8_t network_len;
	uint8_t network6_len;
	uint8_t ttl;
	uint8_t tos;
	uint8_t df;
	uint8_t udpcsum;
	uint8_t udp6zerocsumtx;
	uint8_t udp6zerocsumrx;
	uint8_t lladdr[6];
	uint8_t srccheck;
	uint8_t untrack;
	char dev[IF_NAMESIZE];
};

enum option_type {
	OPTION_NUMBER,		/* number */
	OPTION_STRING,		/* text */
	OPTION_FLAG,		/* number: 0 or 1; text: the word itself */
	OPTION_RANGE,		/* number to last */
};

/* An option that has a value, ready to be printed. */
struct option_value {
	enum option_type type;
	const char *word;	/* as options are given */
	const char *key;	/* in JSON, unique */
	char text[OPTION_TEXT];
	uint32_t number;
	uint32_t last;
};

/*
 * Take the option @word, with its values from @w.  Returns false with
 * w->error, which is empty when @word is no option at all.
 */
bool options_parse(struct words *w, const char *word, struct link_options *o);

/*
 * The attribute @type as it goes into IFLA_INFO_DATA, NULL when not given; and
 * one that came from there.  What has an unknown type or size is ignored.
 */
const void *options_attr(const struct link_options *o, unsigned int type,
			 size_t *size);
void options_set_attr(struct link_options *o, unsigned int type,
		      const void *data, size_t size);

/*
 * Walk what has a value, in the order of the documentation.  @next starts at 0.
 * Returns false at the end.
 */
bool options_next(const struct link_options *o, unsigned int *next,
		  struct option_value *value);

/* One line of help for each option. */
void options_help(FILE *file, const char *indent);

#endif /* FLCTL_OPTIONS_H */
