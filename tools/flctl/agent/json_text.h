/* SPDX-License-Identifier: GPL-2.0 */
/*
 * json_text.h - JSON that is read whole, or not at all
 *
 * jansson's reader drops characters, and runs past the end of what it has, when memory
 * is short: it is not begun without enough, and if that was not enough nothing is
 * believed of what it read.
 */
#ifndef AGENT_JSON_TEXT_H
#define AGENT_JSON_TEXT_H

#include <jansson.h>

/*
 * As json_loadb(); NULL with errno ENOMEM when memory is short, and no other time.
 * Ends the program when memory runs out in the middle.
 */
json_t *json_text_parse(const char *text, size_t len, size_t flags, json_error_t *why);

#endif /* AGENT_JSON_TEXT_H */
