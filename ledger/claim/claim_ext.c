/*
 * claim_ext.c - the extension of a COSE token, as the JSON text that everybody else reads.
 *
 * Kinds, policy, queries and answers know extensions as JSON objects.  A CBOR extension is turned
 * into one here, once, in the one way: members in the order of their encoded keys (the keys from 309
 * on under their decimal name, then the members of the map), no white space, byte strings as
 * base64url.  What JSON cannot say exactly is refused instead of being rounded: integers beyond
 * 2^53, NUL in text, keys that are no text.
 *
 * The limits are judged on the CBOR, before anything is allocated: 4,096 bytes, of which each
 * becomes at most six (false and its comma, a control character and its escape), five levels.  No
 * recursion: open containers stand in a stack with a slot a level.
 *
 * Invariant: what is written is strict JSON; it is read back by the JSON reader to make the nodes.
 */
#include <string.h>

#include "base/must.h"
#include "claim/claim_value.h"

#define GROWTH	   6
#define EXACT_MAX  ((UINT64_C(1) << 53) - 1) /* RFC 7493 2.2 */
#define VALUES_MAX (CLAIM_EXT_SIZE_MAX / 2)  /* what JSON text of that size could hold */

struct level {
	size_t left; /* values to come */
	bool map;
	bool any; /* one was written: a comma is due */
};

struct convert {
	struct buf out; /* the arena's memory; never grows */
	struct scbor in;
	struct level levels[CLAIM_EXT_DEPTH_MAX];
	unsigned depth;
	struct why *why;
};

static enum rc
refuse(const struct convert *c, const char *text)
{
	return why_set(
	    c->why, RC_BAD_CLAIM, CLAIM_EXT_RULE, "ect_ext", c->in.at, "the extension %s", text);
}

static enum rc
put_number(struct convert *c)
{
	uint64_t v = 0;
	int64_t negative = 0;

	if (scbor_peek(&c->in) == SCBOR_UINT) {
		bool taken = scbor_uint(&c->in, &v);
		must(taken);
		if (v > EXACT_MAX)
			return refuse(c, "has an integer beyond 2^53");
		buf_addf(&c->out, "%llu", (unsigned long long)v);
		return RC_OK;
	}
	if (!scbor_int(&c->in, &negative) || negative < -(int64_t)EXACT_MAX)
		return refuse(c, "has an integer beyond 2^53");
	buf_addf(&c->out, "%lld", (long long)negative);
	return RC_OK;
}

static enum rc
put_text(struct convert *c)
{
	struct bytes text;

	if (!scbor_text(&c->in, &text))
		return refuse(c, "has a key that is not text");
	if (text.n > 0 && memchr(text.p, 0, text.n) != NULL)
		return refuse(c, "has NUL in a text");
	buf_add_json(&c->out, text);
	return RC_OK;
}

static enum rc
open_level(struct convert *c, bool map)
{
	size_t count = 0;
	bool taken;

	if (c->depth == CLAIM_EXT_DEPTH_MAX)
		return refuse(c, "is nested deeper than 5 levels");
	taken = map ? scbor_map(&c->in, &count) : scbor_array(&c->in, &count);
	must(taken);
	c->levels[c->depth++] = (struct level){.left = count, .map = map};
	buf_add_str(&c->out, map ? "{" : "[");
	return RC_OK;
}

/* One value; a container is only opened. */
static enum rc
put_value(struct convert *c)
{
	enum scbor_type type = scbor_peek(&c->in);
	struct bytes b;
	bool flag = false, taken = true;

	switch (type) {
	case SCBOR_UINT:
	case SCBOR_NEGINT:
		return put_number(c);
	case SCBOR_TEXT:
		return put_text(c);
	case SCBOR_ARRAY:
	case SCBOR_MAP:
		return open_level(c, type == SCBOR_MAP);
	case SCBOR_BYTES:
		taken = scbor_bytes(&c->in, &b);
		must(taken);
		buf_add_str(&c->out, "\"");
		buf_add_b64url(&c->out, b);
		buf_add_str(&c->out, "\"");
		return RC_OK;
	case SCBOR_BOOL:
		taken = scbor_bool(&c->in, &flag);
		buf_add_str(&c->out, flag ? "true" : "false");
		break;
	case SCBOR_NULL:
		taken = scbor_null(&c->in);
		buf_add_str(&c->out, "null");
		break;
	case SCBOR_TAG:
	case SCBOR_END:
	case SCBOR_BAD:
		taken = false; /* the token's parser refused it */
	}
	must(taken);
	return RC_OK;
}

/* The keys from 309 on are numbers; inside the extension all are texts. */
static enum rc
put_name(struct convert *c, bool numbered)
{
	uint64_t key = 0;
	enum rc rc = RC_OK;

	if (numbered) {
		bool taken = scbor_uint(&c->in, &key);
		must(taken);
		buf_addf(&c->out, "\"%llu\"", (unsigned long long)key);
	} else {
		rc = put_text(c);
	}
	buf_add_str(&c->out, ":");
	return rc;
}

/* Members of the outermost object: 'pairs' of them, at c->in. */
static enum rc
put_members(struct convert *c, size_t pairs, bool numbered)
{
	enum rc rc;

	c->depth = 1;
	c->levels[0].map = true;
	c->levels[0].left = pairs;
	for (;;) {
		struct level *l = &c->levels[c->depth - 1];

		if (l->left == 0) {
			if (c->depth == 1)
				return RC_OK;
			buf_add_str(&c->out, l->map ? "}" : "]");
			c->depth--;
			continue;
		}
		l->left--;
		if (l->any)
			buf_add_str(&c->out, ",");
		l->any = true;
		if (l->map && (rc = put_name(c, numbered && c->depth == 1)) != RC_OK)
			return rc;
		if ((rc = put_value(c)) != RC_OK)
			return rc;
	}
}

static enum rc
put_extension(struct convert *c, const struct claim_value *ext, const struct claim_value *further)
{
	size_t count = 0;
	enum rc rc;

	buf_add_str(&c->out, "{");
	if (further->there) {
		scbor_init(&c->in, further->cbor);
		if ((rc = put_members(c, further->pairs, true)) != RC_OK)
			return rc;
		must(scbor_done(&c->in));
	}
	if (ext->there) {
		scbor_init(&c->in, ext->cbor);
		if (scbor_peek(&c->in) != SCBOR_MAP)
			return refuse(c, "is not a map");
		(void)scbor_map(&c->in, &count);
		if ((rc = put_members(c, count, false)) != RC_OK)
			return rc;
		must(scbor_done(&c->in));
	}
	buf_add_str(&c->out, "}");
	must(!c->out.bad); /* GROWTH is large enough */
	return RC_OK;
}

static enum rc
read_back(struct convert *c, struct arena *arena, struct claim *out)
{
	const struct json_limits limits = {
	    .size_max = c->out.max, .depth_max = CLAIM_EXT_DEPTH_MAX, .nodes_max = VALUES_MAX};
	struct json_node *root = NULL;
	enum rc rc = json_parse(buf_bytes(&c->out), &limits, true, arena, &root, c->why);

	if (rc == RC_NO_MEMORY)
		return rc;
	if (rc == RC_TOO_LARGE)
		return refuse(c, "has more than 2048 values");
	if (rc != RC_OK) /* nothing else is left: "309" as text and 309 as number */
		return refuse(c, "has one key as text and as number");
	out->ext = buf_bytes(&c->out);
	out->ext_json = root;
	return RC_OK;
}

enum rc
claim_ext_cwt(const struct claim_value *ext, const struct claim_value *further, struct arena *arena,
    struct claim *out, struct why *why)
{
	size_t size = ext->cbor.n + further->cbor.n;
	struct convert c = {.why = why};
	enum rc rc;

	if (!ext->there && !further->there)
		return RC_OK;
	if (size > CLAIM_EXT_SIZE_MAX)
		return why_set(why, RC_BAD_CLAIM, CLAIM_EXT_RULE, "ect_ext", 0,
		    "the extension has %zu bytes, more than %d", size, CLAIM_EXT_SIZE_MAX);
	c.out.room = c.out.max = size * GROWTH + 2;
	if ((c.out.p = arena_alloc(arena, c.out.room)) == NULL)
		return why_set(
		    why, RC_NO_MEMORY, "arena", "ect_ext", 0, "no room for the extension");
	if ((rc = put_extension(&c, ext, further)) != RC_OK)
		return rc;
	return read_back(&c, arena, out);
}
