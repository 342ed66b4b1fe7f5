/*
 * revoked.c - revoked.json: what the operator has revoked in one trust domain.
 *
 *   {"revoked":[{"id":ID,"since":SECONDS,"reason":TEXT,"by":TEXT}, ...]}
 *
 * ID is the base64url SHA-256 of a key (its thumbprint) or of a certificate's DER.  Strict, as a
 * misspelt "since" must not make a stolen key good: no other member, none missing but reason and
 * by, no id twice.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/must.h"
#include "base/text.h"
#include "trust/anchors.h"
#include "trust/snapshot.h"

#define NODES_MAX  (ANCHORS_REVOKED_MAX * 5 + 8)
#define MEMORY_MAX ((size_t)96 << 20)

static const char rule[] = "trust (revoked.json)";

static enum rc
read_text(const struct json_node *node, const char *name, size_t max, struct arena *arena,
    struct bytes *out, struct why *why)
{
	if (node->type != JSN_STRING || node->text.n > max)
		return why_set(why, RC_BAD_KEY, rule, NULL, 0,
		    "%s is not a text of at most %zu bytes", name, max);
	if (!arena_dup(arena, node->text, out))
		return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no memory for a text");
	return RC_OK;
}

static enum rc
read_one(
    const struct json_node *node, struct arena *arena, struct anchor_revoked *out, struct why *why)
{
	bool has_id = false, has_since = false;
	uint64_t since;
	size_t n;
	enum rc rc = RC_OK;

	memset(out, 0, sizeof(*out));
	if (node->type != JSN_OBJECT)
		return why_set(why, RC_BAD_KEY, rule, NULL, 0, "an element is no object");
	for (const struct json_node *m = node->child; m && rc == RC_OK; m = m->next) {
		if (bytes_is(m->name, "id")) {
			has_id = m->type == JSN_STRING &&
				 b64url_decode(m->text, out->id.b, HASH_SIZE, &n) && n == HASH_SIZE;
			if (!has_id)
				rc = why_set(why, RC_BAD_KEY, rule, NULL, 0,
				    "id is not base64url of 32 bytes");
		} else if (bytes_is(m->name, "since")) {
			has_since = json_uint(m, &since);
			out->since = has_since ? (int64_t)since : 0;
			if (!has_since)
				rc = why_set(why, RC_BAD_KEY, rule, NULL, 0,
				    "since is not a number of seconds");
		} else if (bytes_is(m->name, "reason")) {
			rc = read_text(m, "reason", EVENT_REASON_MAX, arena, &out->reason, why);
		} else if (bytes_is(m->name, "by")) {
			rc = read_text(m, "by", EVENT_BY_MAX, arena, &out->by, why);
		} else {
			rc = why_set(why, RC_BAD_KEY, rule, NULL, 0,
			    "a member other than id, since, reason, by");
		}
	}
	if (rc == RC_OK && (!has_id || !has_since))
		rc = why_set(why, RC_BAD_KEY, rule, NULL, 0, "id or since is missing");
	return rc;
}

static int
by_id(const void *a, const void *b)
{
	const struct anchor_revoked *x = a, *y = b;

	return memcmp(x->id.b, y->id.b, HASH_SIZE);
}

static enum rc
read_list(struct anchors *a, const struct json_node *root, struct arena *arena, struct why *why)
{
	const struct json_node *list = json_member(root, "revoked");
	enum rc rc;

	if (!list || list->type != JSN_ARRAY || root->count != 1)
		return why_set(why, RC_BAD_KEY, rule, NULL, 0,
		    "the file is an object with \"revoked\", an array, and nothing else");
	if (list->count > ANCHORS_REVOKED_MAX)
		return why_set(
		    why, RC_BAD_KEY, rule, NULL, 0, "more than %d elements", ANCHORS_REVOKED_MAX);
	if (list->count > 0 && !(a->revoked = calloc(list->count, sizeof(*a->revoked))))
		return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no memory for the list");
	for (const struct json_node *node = list->child; node; node = node->next)
		if ((rc = read_one(node, arena, &a->revoked[a->revoked_count++], why)) != RC_OK)
			return rc;
	if (a->revoked_count > 1)
		qsort(a->revoked, a->revoked_count, sizeof(*a->revoked), by_id);
	for (size_t i = 1; i < a->revoked_count; i++)
		if (hash_eq(&a->revoked[i - 1].id, &a->revoked[i].id))
			return why_set(why, RC_BAD_KEY, rule, NULL, 0, "an id stands there twice");
	return RC_OK;
}

enum rc
revoked_read(struct anchors *a, struct bytes text, struct arena *arena, struct why *why)
{
	static const struct json_limits limits = {TRUST_FILE_SIZE_MAX, 3, NODES_MAX};
	struct json_node *root = NULL;
	struct arena scratch;
	enum rc rc;

	must(a && arena && !a->revoked);
	arena_init(&scratch, MEMORY_MAX);
	rc = json_parse(text, &limits, true, &scratch, &root, why);
	if (rc == RC_OK)
		rc = read_list(a, root, arena, why);
	else if (rc != RC_NO_MEMORY)
		rc = RC_BAD_KEY; /* 'why' is the reader's */
	arena_release(&scratch);
	return rc;
}
