// SPDX-License-Identifier: GPL-2.0
/*
 * The nft table of one instance.
 *
 * How the kernel's table is listed depends on libnftables, so it cannot be held
 * against the text that it was made from.  It is held against the listing that
 * was read right after it was made: an empty chain "applied" carries a hash of
 * either in its comment.  That outlives the agent, and whatever is changed in the
 * table, by hand or by a new plan, gives another hash: then the whole table is
 * made anew, in one transaction.
 */

#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply_impl.h"
#include "nft_json.h"

#define SEAL		"applied"
/* Two hashes as hexadecimal text. */
#define SEAL_TEXT	34

struct table_name {
	char family[8];
	char name[72];
};

char *nft_run(const char *command, unsigned int flags, struct error *error)
{
	struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	const char *why;
	char *output = NULL;

	if (!ctx || nft_ctx_buffer_output(ctx) || nft_ctx_buffer_error(ctx)) {
		set_error(error, "libnftables: no memory");
	} else {
		nft_ctx_output_set_flags(ctx, flags);
		if (!nft_run_cmd_from_buffer(ctx, command)) {
			output = strdup(nft_ctx_get_output_buffer(ctx));
		} else {
			why = nft_ctx_get_error_buffer(ctx);
			set_error(error, "nft: %.*s", (int)strcspn(why, "\n"), why);
		}
	}
	if (ctx)
		nft_ctx_free(ctx);
	return output;
}

/* The table that a ruleset of plan_ruleset() is about. */
static bool read_name(const char *ruleset, struct table_name *table)
{
	const char *at;

	for (at = ruleset; (at = strstr(at, "table ")); at++)
		if ((at == ruleset || strchr(" \n", at[-1])) &&
		    sscanf(at, "table %7[a-z0-9] %71[A-Za-z0-9_-]", table->family, table->name) == 2)
			return true;
	return false;
}

/* FNV-1a: against accidents, nobody here is to be kept from forging it. */
static uint64_t hash_bytes(uint64_t hash, const char *bytes, size_t len)
{
	while (len--) {
		hash ^= (unsigned char)*bytes++;
		hash *= 0x100000001b3;
	}
	return hash;
}

#define HASH_START	0xcbf29ce484222325

static bool starts_with(const char *line, const char *what)
{
	return !strncmp(line, what, strlen(what));
}

/*
 * All lines of a listing but empty ones, remarks of nft, and the chain of the
 * seal, whose comment goes to @seal.
 */
static uint64_t hash_listing(const char *listing, char seal[SEAL_TEXT])
{
	uint64_t hash = HASH_START;
	bool in_seal = false;
	const char *line;
	size_t len;

	*seal = '\0';
	for (line = listing; *line; line += len) {
		len = strcspn(line, "\n");
		len += line[len] == '\n';
		if (starts_with(line, "\tchain " SEAL " {"))
			in_seal = true;
		if (in_seal)
			sscanf(line, " comment \"%33[0-9a-f ]\"", seal);
		else if (*line != '\n' && *line != '#')
			hash = hash_bytes(hash, line, len);
		if (starts_with(line, "\t}"))
			in_seal = false;
	}
	return hash;
}

static char *list(const struct table_name *table, struct error *error)
{
	char command[128];

	snprintf(command, sizeof(command), "list table %s %s", table->family, table->name);
	return nft_run(command, NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_NUMERIC_ALL, error);
}

static void make_seal(const char *ruleset, uint64_t listed, char seal[SEAL_TEXT])
{
	snprintf(seal, SEAL_TEXT, "%016llx %016llx",
		 (unsigned long long)hash_bytes(HASH_START, ruleset, strlen(ruleset)),
		 (unsigned long long)listed);
}

enum state {
	ABSENT,
	DIFFERENT,
	EQUAL,
};

static enum state inspect(const struct table_name *table, const char *ruleset)
{
	char have[SEAL_TEXT], want[SEAL_TEXT];
	char *listing = list(table, NULL);

	if (!listing)
		return ABSENT;
	make_seal(ruleset, hash_listing(listing, have), want);
	free(listing);
	return strcmp(have, want) ? DIFFERENT : EQUAL;
}

static bool run(const char *command, struct error *error)
{
	char *output = nft_run(command, 0, error);

	free(output);
	return output;
}

static bool seal(const struct table_name *table, const char *ruleset, struct error *error)
{
	char *listing = list(table, error), text[SEAL_TEXT], command[256];
	uint64_t hash;

	if (!listing)
		return false;
	hash = hash_listing(listing, text);
	free(listing);
	make_seal(ruleset, hash, text);
	snprintf(command, sizeof(command), "add chain %s %s " SEAL " { comment \"%s\"; }",
		 table->family, table->name, text);
	return run(command, error);
}

static bool load(struct apply *a, const struct table_name *table, const char *ruleset,
		 enum state state, struct error *error)
{
	if (!a->dry && (!run(ruleset, error) || !seal(table, ruleset, error)))
		return false;
	apply_say(a, "rules %s %s: %s", table->family, table->name,
		  state == ABSENT ? "added" : "replaced");
	return true;
}

static bool delete(struct apply *a, const struct table_name *table, struct error *error)
{
	char command[128];

	snprintf(command, sizeof(command), "delete table %s %s", table->family, table->name);
	if (!a->dry && !run(command, error))
		return false;
	apply_say(a, "rules %s %s: removed", table->family, table->name);
	return true;
}

static bool apply_ruleset(struct apply *a, const char *ruleset, struct error *error)
{
	struct table_name table;
	enum state state;

	if (!read_name(ruleset, &table))
		return set_error(error, "rules: the plan names no table");
	state = inspect(&table, ruleset);
	/* A ruleset without a block only says that there is to be none. */
	if (!strchr(ruleset, '{'))
		return state == ABSENT || delete(a, &table, error);
	return state == EQUAL || load(a, &table, ruleset, state, error);
}

bool apply_rules(struct apply *a, const struct plan *plan, const char *instance,
		 struct error *error)
{
	char *ruleset = plan_ruleset(plan, instance);
	bool ok;

	if (!ruleset)
		return set_error(error, "rules: no memory");
	ok = apply_ruleset(a, ruleset, error);
	free(ruleset);
	return ok;
}

static bool is_listed(const json_t *tables, const struct table_name *table)
{
	const json_t *entry, *listed;
	size_t i;

	json_array_foreach(tables, i, entry) {
		listed = json_object_get(entry, "table");
		if (!strcmp(nft_member(listed, "family"), table->family) &&
		    !strcmp(nft_member(listed, "name"), table->name))
			return true;
	}
	return false;
}

/* That the table cannot be listed does not mean that there is none. */
static bool delete_listed(struct apply *a, const struct table_name *table, struct error *error)
{
	struct error why;
	json_t *tables = nft_ask("list tables", &why);
	bool listed;

	if (!tables)
		return set_error(error, "rules %s %s cannot be looked for: %.400s", table->family,
				 table->name, why.text);
	listed = is_listed(tables, table);
	json_decref(tables);
	return !listed || delete(a, table, error);
}

bool remove_rules(struct apply *a, const char *instance, struct error *error)
{
	const struct plan nothing = { 0 };
	char *ruleset = plan_ruleset(&nothing, instance);
	struct table_name table;
	bool ok;

	if (!ruleset)
		return set_error(error, "rules: no memory");
	ok = read_name(ruleset, &table);
	free(ruleset);
	if (!ok)
		return set_error(error, "rules: the plan names no table");
	return delete_listed(a, &table, error);
}
