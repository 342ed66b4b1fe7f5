/*
 * plain.c - an unsigned token: the claims themselves.
 *
 * Nobody vouches for it but the connection that it came over, so whether a log takes it at all is
 * the log's decision; here it is only read.  Its identity is its bytes.  An object that looks like a
 * JWS in JSON serialisation (RFC 7515 7.2) is refused by name: taken for claims, a signed token
 * would go in as one that nobody signed.
 */
#include "token/plain.h"

#include <string.h>

#include "base/must.h"

static bool
looks_like_jws(const struct json_node *root)
{
	return json_member(root, "payload") != NULL || json_member(root, "signatures") != NULL;
}

enum rc
plain_parse(struct bytes raw, struct arena *arena, struct token *out, struct why *why)
{
	static const struct json_limits limits = {
	    .size_max = TOKEN_SIZE_MAX,
	    .depth_max = TOKEN_DEPTH_MAX,
	    .nodes_max = TOKEN_NODES_MAX,
	};
	struct json_node *root = NULL;
	enum rc rc;

	must(arena != NULL && out != NULL);
	if (raw.n == 0 || raw.p[0] != '{' || raw.p[raw.n - 1] != '}')
		return why_set(why, RC_BAD_TOKEN, "L1: one JSON object", NULL, 0,
		    "the token does not begin with a brace and end with one");
	if ((rc = json_parse(raw, &limits, true, arena, &root, why)) != RC_OK)
		return rc;
	must(root != NULL && root->type == JSN_OBJECT);
	if (looks_like_jws(root))
		return why_set(why, RC_BAD_TOKEN, "RFC 7515 7.2 (JSON serialisation)", NULL, 0,
		    "a JWS in JSON serialisation is not accepted: compact only");
	*out = (struct token){
	    .media = TOKEN_PLAIN,
	    .level = LEVEL_1,
	    .raw = raw,
	    .signing_input = raw,
	    .payload = raw,
	    .claims = root,
	};
	return RC_OK;
}
