/* SPDX-License-Identifier: GPL-2.0 */
/*
 * etcd_json.h - messages of etcd's v3 JSON gateway
 *
 * Bytes are base64, 64-bit numbers are strings (or numbers), what is zero is
 * absent.  Built messages are NULL when there was no memory, and taking NULL is
 * allowed everywhere.  Pure.
 */
#ifndef AGENT_ETCD_JSON_H
#define AGENT_ETCD_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define ETCD_KEY	1024	/* longest key that is looked at, with NUL */

struct etcd_kv {
	char key[ETCD_KEY];
	char *value;			/* malloc'ed, NUL behind it */
	size_t len;
	int64_t lease, mod_revision, create_revision;
};

/* malloc'ed text; malloc'ed bytes with a NUL behind them. */
char *base64_encode(const void *bytes, size_t len);
char *base64_decode(const char *text, size_t text_len, size_t *len);

/* A whole message; duplicate members, bad UTF-8 and trailing text are refused. */
json_t *etcd_json_parse(const char *text, size_t len);
/* Member @name of @object; 0 when it is absent. */
bool etcd_number(const json_t *object, const char *name, int64_t *number);
bool etcd_unsigned(const json_t *object, const char *name, uint64_t *number);
/*
 * Of a "kv"; the value is to be freed, also after false.  When it is only memory that
 * was missing, errno is ENOMEM, and no other time.
 */
bool etcd_kv(const json_t *json, struct etcd_kv *kv);

json_t *etcd_bytes(const void *bytes, size_t len);
json_t *etcd_int(int64_t number);
/* {"key":...}, and with "range_end" for all keys that start with @key. */
json_t *etcd_key(const char *key);
json_t *etcd_prefix(const char *key);
/* Take @value. */
json_t *etcd_with(json_t *object, const char *name, json_t *value);

/* Parts of a transaction: {"request_range":...} and so on. */
json_t *etcd_op(const char *name, json_t *request);
/* Version 0: the key does not exist.  Takes nothing. */
json_t *etcd_if_absent(const char *key);
json_t *etcd_if_revision(const char *key, int64_t mod_revision);
/* Takes all; @failure may be NULL. */
json_t *etcd_txn(json_t *compare, json_t *success, json_t *failure);

#endif /* AGENT_ETCD_JSON_H */
