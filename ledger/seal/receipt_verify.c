/*
 * receipt_verify.c - from a receipt that was read to what it proves.
 *
 * Each check has its own verdict, so that a reader sees what was shown and what was not: a good
 * signature over a tree that does not hold the entry proves nothing about the entry.
 */
#include <string.h>

#include "base/must.h"
#include "base/scbor.h"
#include "seal/receipt.h"

#define ENTRY_KEYS_MAX	 32
#define ENTRY_KEY_KIND	 2
#define ENTRY_KIND_TOKEN 1
#define ENTRY_DEPTH_MAX	 8

static const char RULE[] = "receipt";

enum receipt_form
receipt_sniff(struct bytes text)
{
	static const char tlog[] = "c2sp.org/tlog-proof@", signature[] = "\n\n\xE2\x80\x94 ";
	size_t i = 0;

	while (i < text.n &&
	       (text.p[i] == ' ' || text.p[i] == '\n' || text.p[i] == '\r' || text.p[i] == '\t'))
		i++;
	if (i < text.n && text.p[i] == '{')
		return RECEIPT_JSON;
	if (text.n > 0 && text.p[0] == 0xD2)
		return RECEIPT_COSE;
	if (text.n >= strlen(tlog) && memcmp(text.p, tlog, strlen(tlog)) == 0)
		return RECEIPT_TLOG;
	if (text.n > 0 && memmem(text.p, text.n, signature, strlen(signature)) != NULL)
		return RECEIPT_NOTE;
	return RECEIPT_UNKNOWN;
}

bool
receipt_entry_token(struct bytes entry, struct bytes *token)
{
	struct scbor r;
	size_t count, i;
	uint64_t key = 0, last = 0, kind = 0;

	*token = BYTES_NONE;
	scbor_init(&r, entry);
	if (!scbor_map(&r, &count) || count == 0 || count > ENTRY_KEYS_MAX)
		return false;
	for (i = 0; i < count; i++, last = key) {
		if (!scbor_uint(&r, &key) || key <= last)
			return false;
		if (key == ENTRY_KEY_KIND && (!scbor_uint(&r, &kind) || kind != ENTRY_KIND_TOKEN))
			return false; /* a refused token that was kept as evidence is not in the log */
		if (key != ENTRY_KEY_KIND && i + 1 < count &&
		    !scbor_skip(&r, ENTRY_DEPTH_MAX, NULL))
			return false;
	}
	/* Version 1 and version 2 of an entry. */
	return (key == 13 || key == 14) && scbor_bytes(&r, token) && scbor_done(&r);
}

/* Note the first failure; the later ones often follow from it. */
static enum rc
failed(struct receipt_verdict *v, enum receipt_result *check, enum rc rc, const struct why *why)
{
	*check = RECEIPT_FAILED;
	if (v->why.rule == NULL) {
		v->why = *why;
		must(v->why.rule != NULL);
	}
	return rc;
}

static enum rc
check_checkpoint(const struct receipt *r, const struct vkey *key, struct receipt_verdict *v)
{
	struct why why = {0};
	struct bytes body;
	uint64_t mask;
	enum rc rc;

	rc = note_open(r->checkpoint, key, 1, &body, &mask, &why);
	if (rc == RC_BAD_SIGNATURE)
		return failed(v, &v->checkpoint_signature, rc, &why);
	if (rc != RC_OK)
		return failed(v, &v->form, rc, &why);
	v->checkpoint_signature = RECEIPT_OK;
	if ((rc = checkpoint_parse(body, &v->checkpoint, &why)) != RC_OK)
		return failed(v, &v->form, rc, &why);
	if (key->type != NOTE_ED25519 || !bytes_is(v->checkpoint.origin, key->name)) {
		why_set(&why, RC_BAD_PROOF, "C2SP tlog-checkpoint", "origin", 0,
		    "the checkpoint is of another log than the key");
		return failed(v, &v->origin, RC_BAD_PROOF, &why);
	}
	v->origin = RECEIPT_OK;
	return RC_OK;
}

/* The leaf to prove: the receipt's, which must then be the entry's; or the entry's alone. */
static enum rc
check_entry(
    const struct receipt *r, struct bytes entry, struct hash *leaf, struct receipt_verdict *v)
{
	struct why why = {0};

	*leaf = r->leaf;
	if (entry.n == 0) {
		why_set(&why, RC_BAD_PROOF, RULE, "entry", 0,
		    "the receipt does not carry the entry and none was given");
		if (v->why.rule == NULL)
			v->why = why;
		return RC_BAD_PROOF; /* not checked is not ok, but it is not a lie either */
	}
	tree_leaf(entry, leaf);
	if (!r->leaf_unknown && !hash_eq(leaf, &r->leaf)) {
		why_set(
		    &why, RC_BAD_PROOF, RULE, "leaf_hash", 0, "the leaf hash is not the entry's");
		return failed(v, &v->entry_hash, RC_BAD_PROOF, &why);
	}
	v->entry_hash = RECEIPT_OK;
	return RC_OK;
}

static enum rc
check_inclusion(const struct receipt *r, const struct hash *leaf, struct receipt_verdict *v)
{
	struct why why = {0};

	if (r->tree_size != v->checkpoint.size) {
		why_set(&why, RC_BAD_PROOF, RULE, "tree_size", 0,
		    "the receipt's tree size is not the checkpoint's");
		return failed(v, &v->inclusion, RC_BAD_PROOF, &why);
	}
	if (tree_check_inclusion(leaf, r->index, r->tree_size, r->path, r->path_count,
		&v->checkpoint.root) != RC_OK) {
		why_set(&why, RC_BAD_PROOF, "RFC 9162 2.1.3.2", "path", 0,
		    "the path does not lead from the leaf to the signed root");
		return failed(v, &v->inclusion, RC_BAD_PROOF, &why);
	}
	v->inclusion = RECEIPT_OK;
	return RC_OK;
}

static enum rc
check_token(struct bytes entry, struct bytes token, struct receipt_verdict *v)
{
	struct why why = {0};
	struct bytes held;

	if (receipt_entry_token(entry, &held) && bytes_eq(held, token)) {
		v->token_match = RECEIPT_OK;
		return RC_OK;
	}
	why_set(&why, RC_BAD_PROOF, RULE, "token", 0, "the entry does not hold this token");
	return failed(v, &v->token_match, RC_BAD_PROOF, &why);
}

enum rc
receipt_verify(const struct receipt *r, const struct vkey *key, struct bytes entry,
    struct bytes token, struct receipt_verdict *out)
{
	struct bytes used = entry.n > 0 ? entry : r->entry;
	enum rc rc, first;
	struct hash leaf;

	must(r->path_count <= TREE_PATH_MAX);
	memset(out, 0, sizeof(*out));
	out->form = RECEIPT_OK;
	first = check_checkpoint(r, key, out);
	rc = check_entry(r, used, &leaf, out);
	if (first == RC_OK)
		first = rc;
	/* Inclusion under an unsigned root is nothing; a stated leaf can be shown even without its
	 * entry. */
	if (out->origin == RECEIPT_OK && (used.n > 0 || !r->leaf_unknown)) {
		rc = check_inclusion(r, &leaf, out);
		if (first == RC_OK)
			first = rc;
	}
	/* Only an entry that is the leaf's says anything about its token. */
	if (token.n > 0 && out->entry_hash == RECEIPT_OK) {
		rc = check_token(used, token, out);
		if (first == RC_OK)
			first = rc;
	}
	if (first == RC_OK)
		must(out->checkpoint_signature == RECEIPT_OK && out->entry_hash == RECEIPT_OK &&
		     out->inclusion == RECEIPT_OK);
	return first;
}
