/*
 * receipt_json.c - the JSON dialect: for people and for programs without a CBOR reader.
 *
 * Members that are not known are passed over: they are no evidence, and a later version may add
 * some.
 */
#include <string.h>

#include "base/json.h"
#include "base/must.h"
#include "base/text.h"
#include "seal/receipt.h"

static const char RULE[] = "receipt JSON";
#define NUMBER_MAX (((uint64_t)1 << 53) - 1) /* what JSON readers keep exact */

enum rc
receipt_write_json(const struct receipt *r, struct buf *out)
{
	unsigned i;

	must(r->path_count <= TREE_PATH_MAX && !r->leaf_unknown);
	if (r->index > NUMBER_MAX || r->tree_size > NUMBER_MAX)
		return RC_TOO_LARGE;
	buf_addf(out, "{\"index\":%llu,\"tree_size\":%llu,\"leaf_hash\":\"",
	    (unsigned long long)r->index, (unsigned long long)r->tree_size);
	buf_add_hex(out, bytes_of(r->leaf.b, HASH_SIZE));
	buf_add_str(out, "\",\"path\":[");
	for (i = 0; i < r->path_count; i++) {
		buf_add_str(out, i == 0 ? "\"" : ",\"");
		buf_add_hex(out, bytes_of(r->path[i].b, HASH_SIZE));
		buf_add_str(out, "\"");
	}
	buf_add_str(out, "],\"checkpoint\":");
	buf_add_json(out, r->checkpoint);
	if (r->entry.n > 0) {
		buf_add_str(out, ",\"entry\":\"");
		buf_add_b64(out, r->entry);
		buf_add_str(out, "\"");
	}
	buf_add_str(out, "}\n");
	return buf_rc(out);
}

static bool
read_hash(const struct json_node *node, struct hash *out)
{
	size_t n = 0;

	return node != NULL && node->type == JSN_STRING && node->text.n == 2 * HASH_SIZE &&
	       hex_decode(node->text, out->b, HASH_SIZE, &n) && n == HASH_SIZE;
}

static bool
read_path(const struct json_node *node, struct receipt *out)
{
	const struct json_node *item;

	if (node == NULL || node->type != JSN_ARRAY || node->count > TREE_PATH_MAX)
		return false;
	for (item = node->child; item != NULL; item = item->next)
		if (!read_hash(item, &out->path[out->path_count++]))
			return false;
	return true;
}

/* Absent, or base64 of at least one byte. */
static enum rc
read_entry(const struct json_node *node, struct arena *arena, struct receipt *out, struct why *why)
{
	uint8_t *p;
	size_t n = 0;

	if (node == NULL)
		return RC_OK;
	if (node->type != JSN_STRING || node->text.n == 0)
		return why_set(why, RC_BAD_PROOF, RULE, "entry", 0, "not base64 text");
	if ((p = arena_alloc(arena, node->text.n)) == NULL)
		return why_set(why, RC_NO_MEMORY, RULE, "entry", 0, "out of memory");
	if (!b64_decode(node->text, p, node->text.n, &n) || n == 0)
		return why_set(why, RC_BAD_PROOF, RULE, "entry", 0, "not base64 text");
	out->entry = bytes_of(p, n);
	return RC_OK;
}

enum rc
receipt_read_json(struct bytes text, struct arena *arena, struct receipt *out, struct why *why)
{
	static const struct json_limits limits = {RECEIPT_SIZE_MAX, 8, 512};
	const struct json_node *checkpoint;
	struct json_node *root = NULL;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	rc = json_parse(text, &limits, true, arena, &root, why);
	if (rc != RC_OK)
		return rc == RC_BAD_TOKEN ? RC_BAD_PROOF : rc; /* a receipt is not a token */
	if (!json_uint(json_member(root, "index"), &out->index))
		return why_set(
		    why, RC_BAD_PROOF, RULE, "index", 0, "missing, or not a whole number");
	if (!json_uint(json_member(root, "tree_size"), &out->tree_size))
		return why_set(
		    why, RC_BAD_PROOF, RULE, "tree_size", 0, "missing, or not a whole number");
	if (!read_hash(json_member(root, "leaf_hash"), &out->leaf))
		return why_set(why, RC_BAD_PROOF, RULE, "leaf_hash", 0,
		    "missing, or not 64 lower-case hex digits");
	if (!read_path(json_member(root, "path"), out))
		return why_set(why, RC_BAD_PROOF, RULE, "path", 0,
		    "missing, or not at most 64 hashes in lower-case hex");
	checkpoint = json_member(root, "checkpoint");
	if (checkpoint == NULL || checkpoint->type != JSN_STRING || checkpoint->text.n == 0)
		return why_set(why, RC_BAD_PROOF, RULE, "checkpoint", 0, "missing, or not text");
	out->checkpoint = checkpoint->text;
	return read_entry(json_member(root, "entry"), arena, out, why);
}
