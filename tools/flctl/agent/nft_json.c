// SPDX-License-Identifier: GPL-2.0
#include <nftables/libnftables.h>
#include <stdlib.h>

#include "apply_impl.h"
#include "nft_json.h"

json_t *nft_ask(const char *command, struct error *error)
{
	char *text = nft_run(command, NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_HANDLE, error);
	json_t *root, *array;

	if (!text)
		return NULL;
	root = json_loads(text, 0, NULL);
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
