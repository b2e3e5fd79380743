// SPDX-License-Identifier: GPL-2.0
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>

#include "apply_impl.h"
#include "json_text.h"
#include "nft_json.h"

json_t *nft_ask(const char *command, struct error *error)
{
	char *text = nft_run(command, NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_HANDLE, error);
	json_t *root, *array;
	json_error_t why;

	if (!text)
		return NULL;
	root = json_text_parse(text, strlen(text), 0, &why);
	free(text);
	array = json_incref(json_object_get(root, "nftables"));
	json_decref(root);
	if (!array)
		set_error(error, "nft %s: no answer that can be read", command);
	return array;
}

const char *nft_member(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "";
}
