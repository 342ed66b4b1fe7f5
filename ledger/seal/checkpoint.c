/*
 * checkpoint.c - C2SP tlog-checkpoint: the body of a note that states a tree head.
 */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "base/text.h"
#include "seal/note_lines.h"
#include "seal/signer.h"

static const char RULE[] = "C2SP tlog-checkpoint";

enum rc
checkpoint_parse(struct bytes body, struct checkpoint *out, struct why *why)
{
	struct bytes rest = body, line, extensions;

	memset(out, 0, sizeof(*out));
	if (!note_line(&rest, &out->origin) || out->origin.n == 0)
		return why_set(
		    why, RC_BAD_PROOF, RULE, "origin", 0, "the first line is not an origin");
	if (!note_line(&rest, &line) || !note_decimal(line, &out->size))
		return why_set(why, RC_BAD_PROOF, RULE, "size", out->origin.n + 1,
		    "the second line is not a tree size");
	if (!note_line(&rest, &line) || !note_hash(line, &out->root))
		return why_set(why, RC_BAD_PROOF, RULE, "root", body.n - rest.n,
		    "the third line is not a root hash");
	extensions = rest;
	while (rest.n > 0)
		if (!note_line(&rest, &line) || line.n == 0)
			return why_set(why, RC_BAD_PROOF, RULE, "extension", body.n - rest.n,
			    "an empty or unended extension line");
	out->extensions = extensions;
	return RC_OK;
}

enum rc
checkpoint_open(struct bytes note, const struct vkey *key, struct checkpoint *out, struct why *why)
{
	struct bytes body;
	uint64_t mask;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	if ((rc = note_open(note, key, 1, &body, &mask, why)) != RC_OK)
		return rc;
	if ((rc = checkpoint_parse(body, out, why)) != RC_OK)
		return rc;
	if (!bytes_is(out->origin, key->name))
		return why_set(
		    why, RC_BAD_PROOF, RULE, "origin", 0, "the origin is not the key's name");
	return RC_OK;
}

enum rc
checkpoint_sign(const struct log_signer *s, uint64_t size, const struct hash *root,
    struct bytes extensions, struct buf *out)
{
	uint8_t line[4 + 64];
	struct checkpoint check;
	struct bytes body;
	size_t begin = out->n;
	enum rc rc;

	must(s->sign != NULL && s->vkey.type == NOTE_ED25519);
	buf_addf(out, "%s\n%llu\n", s->vkey.name, (unsigned long long)size);
	buf_add_b64(out, bytes_of(root->b, HASH_SIZE));
	buf_add_str(out, "\n");
	buf_add_bytes(out, extensions);
	if ((rc = buf_rc(out)) != RC_OK)
		return rc;
	body = bytes_of(out->p + begin, out->n - begin);
	/* What we sign, we can read: wrong extension lines would be our own mistake. */
	must(checkpoint_parse(body, &check, NULL) == RC_OK);
	must(check.size == size && hash_eq(&check.root, root));
	put_u32(line, s->vkey.id);
	if ((rc = s->sign(s->ctx, body, line + 4)) != RC_OK)
		return rc;
	buf_addf(out, "\n\xE2\x80\x94 %s ", s->vkey.name);
	buf_add_b64(out, bytes_of(line, sizeof(line)));
	buf_add_str(out, "\n");
	return buf_rc(out);
}
