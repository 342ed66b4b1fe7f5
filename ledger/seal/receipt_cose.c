/*
 * receipt_cose.c - writing RFC 9942 receipts: COSE_Sign1 over the detached root, the proof in the
 * unprotected header.
 *
 * protected   {1: -19, 4: kid, 15: {1: iss, 2: sub}, 395: 1}
 * unprotected {396: {-1: [bstr [tree_size, leaf_index, [hash...]]]}}
 * payload     nil: the verifier recomputes the root from the entry, so signature and proof cannot
 *             be parted
 */
#include <string.h>

#include "base/must.h"
#include "base/scbor.h"
#include "seal/cose.h"

static void
write_protected(const struct log_signer *s, struct bytes sub, struct buf *out)
{
	uint8_t kid[4];

	put_u32(kid, s->vkey.id);
	scbor_put_map(out, 4);
	scbor_put_int(out, COSE_ALG);
	scbor_put_int(out, -19);
	scbor_put_int(out, COSE_KID);
	scbor_put_bytes(out, bytes_of(kid, sizeof(kid)));
	scbor_put_int(out, COSE_CWT);
	scbor_put_map(out, 2);
	scbor_put_int(out, 1);
	scbor_put_text(out, bytes_str(s->vkey.name));
	scbor_put_int(out, 2);
	scbor_put_text(out, sub.n > 0 ? sub : bytes_str(s->vkey.name));
	scbor_put_int(out, COSE_VDS);
	scbor_put_int(out, 1);
}

static void
write_proof(const struct receipt *r, struct buf *out)
{
	unsigned i;

	scbor_put_array(out, 3);
	scbor_put_uint(out, r->tree_size);
	scbor_put_uint(out, r->index);
	scbor_put_array(out, r->path_count);
	for (i = 0; i < r->path_count; i++)
		scbor_put_bytes(out, bytes_of(r->path[i].b, HASH_SIZE));
}

void
cose_sig_structure(struct bytes protected, const struct hash *root, struct buf *out)
{
	scbor_put_array(out, 4);
	scbor_put_text(out, bytes_str("Signature1"));
	scbor_put_bytes(out, protected);
	scbor_put_bytes(out, BYTES_NONE);
	scbor_put_bytes(out, bytes_of(root->b, HASH_SIZE));
}

/* The root that the receipt leads to, which must be one that this key has signed already. */
static enum rc
signed_root(const struct receipt *r, const struct log_signer *s, struct hash *root)
{
	struct checkpoint checkpoint;
	enum rc rc;

	rc = checkpoint_open(r->checkpoint, &s->vkey, &checkpoint, NULL);
	if (rc != RC_OK)
		return RC_BAD_PROOF;
	rc = tree_path_root(&r->leaf, r->index, r->tree_size, r->path, r->path_count, root);
	if (rc != RC_OK)
		return rc;
	return checkpoint.size == r->tree_size && hash_eq(root, &checkpoint.root) ? RC_OK
										  : RC_BAD_PROOF;
}

enum rc
receipt_write_cose(
    const struct receipt *r, const struct log_signer *s, struct bytes sub, struct buf *out)
{
	struct buf protected, proof, message;
	uint8_t signature[64];
	struct hash root;
	enum rc rc;

	must(s->sign != NULL && !r->leaf_unknown);
	must(r->path_count <= TREE_PATH_MAX);
	buf_init(&protected, RECEIPT_SIZE_MAX);
	buf_init(&proof, RECEIPT_SIZE_MAX);
	buf_init(&message, RECEIPT_SIZE_MAX);
	if ((rc = signed_root(r, s, &root)) != RC_OK)
		goto out;
	write_protected(s, sub, &protected);
	write_proof(r, &proof);
	cose_sig_structure(buf_bytes(&protected), &root, &message);
	if ((rc = buf_rc(&protected)) != RC_OK || (rc = buf_rc(&proof)) != RC_OK ||
	    (rc = buf_rc(&message)) != RC_OK)
		goto out;
	if ((rc = s->sign(s->ctx, buf_bytes(&message), signature)) != RC_OK)
		goto out;
	scbor_put_tag(out, COSE_SIGN1_TAG);
	scbor_put_array(out, 4);
	scbor_put_bytes(out, buf_bytes(&protected));
	scbor_put_map(out, 1);
	scbor_put_int(out, COSE_VDP);
	scbor_put_map(out, 1);
	scbor_put_int(out, COSE_INCLUSION);
	scbor_put_array(out, 1);
	scbor_put_bytes(out, buf_bytes(&proof));
	scbor_put_null(out);
	scbor_put_bytes(out, bytes_of(signature, sizeof(signature)));
	rc = buf_rc(out);
out:
	buf_release(&protected);
	buf_release(&proof);
	buf_release(&message);
	return rc;
}
