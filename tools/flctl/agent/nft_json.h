/* SPDX-License-Identifier: GPL-2.0 */
/*
 * nft_json.h - what libnftables lists, as JSON (libnftables-json(5))
 */
#ifndef AGENT_NFT_JSON_H
#define AGENT_NFT_JSON_H

#include <jansson.h>

#include "log.h"

/* The array of what is said to @command, handles in it; NULL with a sentence. */
json_t *nft_ask(const char *command, struct error *error);
/* Empty when it has no such text. */
const char *nft_member(const json_t *object, const char *key);

#endif /* AGENT_NFT_JSON_H */
