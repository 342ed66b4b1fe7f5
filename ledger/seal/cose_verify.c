/*
 * cose_verify.c - RFC 9942 receipts by any key we support.
 *
 * The root comes from the proof, never from the receipt: a detached root is recomputed from what
 * the verifier holds (the entry's leaf hash, the old root), an attached one must be the same.  So a
 * good signature cannot be paired with another proof.
 */
#include "seal/cose.h"

#include <string.h>

#include "base/must.h"
#include "seal/sigcheck.h"

static const char RULE[] = "RFC 9942 (receipt)";

/* The header's alg must be the key's, in the old or the fully-specified number (RFC 9864). */
static bool
alg_is(const struct cose_key *key, int64_t alg)
{
	switch (key->alg) {
	case -7:
		return key->raw.n == 65 && (alg == -7 || alg == -9);
	case -35:
		return key->raw.n == 97 && (alg == -35 || alg == -51);
	case -19:
		return key->raw.n == 32 && (alg == -19 || alg == -8);
	default:
		return false;
	}
}

static enum rc
check_key(const struct cose_parts *p, const struct cose_key *key, struct why *why)
{
	if (!alg_is(key, p->alg))
		return why_set(why, RC_BAD_ALG, RULE, "alg", 0, "alg %lld is not that of the key",
		    (long long)p->alg);
	if (key->kid.n > 0 && !bytes_eq(key->kid, p->kid))
		return why_set(
		    why, RC_UNKNOWN_KEY, RULE, "kid", 0, "the receipt names another key");
	return RC_OK;
}

static enum rc
check_root(const struct cose_parts *p, const struct cose_key *key, const struct hash *root,
    struct why *why)
{
	struct buf message;
	bool ok;
	enum rc rc;

	if (p->attached && !bytes_eq(p->payload, bytes_of(root->b, HASH_SIZE)))
		return why_set(why, RC_BAD_PROOF, RULE, "payload", 0,
		    "the attached root is not the one that the proof leads to");
	buf_init(&message, RECEIPT_SIZE_MAX);
	cose_sig_structure(p->protected, root, &message);
	if ((rc = buf_rc(&message)) != RC_OK) {
		buf_release(&message);
		return why_set(why, rc, RULE, NULL, 0, "the protected header is too large");
	}
	ok = key->alg == -19 ? sigcheck_ed25519(key->raw.p, buf_bytes(&message), p->signature)
			     : sigcheck_ecdsa(key->raw, buf_bytes(&message), p->signature);
	buf_release(&message);
	if (!ok)
		return why_set(why, RC_BAD_SIGNATURE, RULE, "signature", 0,
		    "the signature does not verify over the root that the proof leads to");
	return RC_OK;
}

static void
fill(struct cose_receipt *out, const struct cose_parts *p, const struct hash *root)
{
	out->root = *root;
	out->iss = p->iss;
	out->sub = p->sub;
	out->kid = p->kid;
}

enum rc
cose_receipt_verify_inclusion(struct bytes receipt, const struct cose_key *key,
    const struct hash *leaf, struct cose_receipt *out, struct why *why)
{
	struct cose_parts p;
	struct hash root;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	if ((rc = cose_parse(receipt, &p, why)) != RC_OK)
		return rc;
	if (p.type != COSE_INCLUSION)
		return why_set(why, RC_BAD_PROOF, RULE, "396", 0, "not an inclusion receipt");
	if ((rc = check_key(&p, key, why)) != RC_OK)
		return rc;
	if (tree_path_root(leaf, p.b, p.a, p.path, p.path_count, &root) != RC_OK)
		return why_set(why, RC_BAD_PROOF, "RFC 9162 2.1.3.2", "path", 0,
		    "a path of %zu hashes is not one for leaf %llu of %llu", p.path_count,
		    (unsigned long long)p.b, (unsigned long long)p.a);
	if ((rc = check_root(&p, key, &root, why)) != RC_OK)
		return rc;
	out->tree_size = p.a;
	out->leaf_index = p.b;
	fill(out, &p, &root);
	return RC_OK;
}

enum rc
cose_receipt_verify_consistency(struct bytes receipt, const struct cose_key *key,
    const struct hash *old_root, struct cose_receipt *out, struct why *why)
{
	struct cose_parts p;
	struct hash root;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	if ((rc = cose_parse(receipt, &p, why)) != RC_OK)
		return rc;
	if (p.type != COSE_CONSISTENCY)
		return why_set(why, RC_BAD_PROOF, RULE, "396", 0, "not a consistency receipt");
	if ((rc = check_key(&p, key, why)) != RC_OK)
		return rc;
	if (tree_consistency_root(p.a, p.b, p.path, p.path_count, old_root, &root) != RC_OK)
		return why_set(why, RC_BAD_PROOF, "RFC 9162 2.1.4.2", "path", 0,
		    "the proof does not lead from the old root");
	if ((rc = check_root(&p, key, &root, why)) != RC_OK)
		return rc;
	out->old_size = p.a;
	out->tree_size = p.b;
	fill(out, &p, &root);
	return RC_OK;
}
