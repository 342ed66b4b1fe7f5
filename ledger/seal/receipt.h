/*
 * receipt.h - proof of inclusion under a checkpoint, in three dialects of the same facts; written
 * by the server, checked by the client.
 *
 * JSON       {"index","tree_size","leaf_hash","path":[hex],"checkpoint","entry"(base64)}
 * COSE       RFC 9942: tag-18 COSE_Sign1, protected {1: -19 (Ed25519), 4: kid,
 *            15: {1: iss, 2: sub}, 395: 1}, unprotected {396: {-1: [proof]}}, detached root.
 *            kid is the vkey's 4-byte id; iss the origin; sub "urn:uuid:<jti>" when known, else the
 *            origin.
 * tlog-proof C2SP tlog-proof@v1 with the entry in "extra".
 */
#ifndef SEAL_RECEIPT_H
#define SEAL_RECEIPT_H

#include "seal/note.h"
#include "seal/signer.h"
#include "tree/tree.h"

#define RECEIPT_SIZE_MAX 262144

struct receipt {
	uint64_t index, tree_size;
	struct hash leaf;
	struct hash path[TREE_PATH_MAX];
	unsigned path_count;
	/* read from a tlog-proof, which does not state the leaf: it is the entry's */
	bool leaf_unknown;
	struct bytes checkpoint; /* the note; empty in a COSE receipt */
	struct bytes entry;      /* whole entry bytes; empty: not carried */
};

enum rc receipt_write_json(const struct receipt *r, struct buf *out);
enum rc receipt_write_tlog(const struct receipt *r, struct buf *out);
/* Signs: needs the log's key and r->checkpoint, which must be this key's and have the root that the
 * path leads to (RC_BAD_PROOF): the log never signs a root that it has not signed before.  'sub'
 * empty: the origin. */
enum rc receipt_write_cose(const struct receipt *r, const struct log_signer *s, struct bytes sub, struct buf *out);

/* Read one of the forms; views into 'text' or the arena.  Form only: nothing is verified.
 * RC_BAD_PROOF, RC_TOO_LARGE. */
enum rc receipt_read_json(struct bytes text, struct arena *arena, struct receipt *out, struct why *why);
enum rc receipt_read_tlog(struct bytes text, struct arena *arena, struct receipt *out, struct why *why);

/* What a verifier found.  Not checked is not ok. */
enum receipt_result { RECEIPT_NOT_CHECKED, RECEIPT_OK, RECEIPT_FAILED };
struct receipt_verdict {
	enum receipt_result form, checkpoint_signature, origin, entry_hash, inclusion, token_match, token_signature;
	struct checkpoint checkpoint;
	struct why why; /* of the first failure */
};
/* Verify a JSON or tlog-proof receipt that was read.  'entry' (may be empty when r carries it) and
 * 'token' (may be empty: not checked: the entry's last bytes must be the token).  RC_OK only when
 * nothing failed and checkpoint, entry hash and inclusion are ok. */
enum rc receipt_verify(const struct receipt *r, const struct vkey *key, struct bytes entry, struct bytes token,
    struct receipt_verdict *out);

/* RFC 9942 receipts by any key we support (ES256 -7/-9, ES384 -35/-51, Ed25519 -19/-8): strict
 * reading and checking in one, as the standard orders it. 'leaf' is the candidate entry's leaf
 * hash.  One proof a receipt.  An empty path is accepted (and written) for a tree of one leaf,
 * although the RFC's grammar wants at least one hash.  RC_BAD_PROOF (form or proof), RC_BAD_ALG,
 * RC_UNKNOWN_KEY (kid), RC_BAD_SIGNATURE. */
struct cose_key {
	int alg;              /* COSE algorithm the key is pinned to: -7, -35 or -19 */
	struct bytes raw;     /* EC 04||x||y or Ed25519 32 bytes */
	struct bytes kid;     /* empty: not compared */
};
struct cose_receipt {
	uint64_t tree_size, leaf_index; /* inclusion */
	uint64_t old_size;              /* consistency: old_size, tree_size */
	struct hash root;               /* proven */
	struct bytes iss, sub, kid;
};
enum rc cose_receipt_verify_inclusion(struct bytes receipt, const struct cose_key *key, const struct hash *leaf,
    struct cose_receipt *out, struct why *why);
enum rc cose_receipt_verify_consistency(struct bytes receipt, const struct cose_key *key, const struct hash *old_root,
    struct cose_receipt *out, struct why *why);

/* The token in an entry (claim/entry.h): the entry is one CBOR map whose last member, a byte string,
 * is 13 (version 1) or 14, and whose kind (2) is a token's where it is told.  False: not such an
 * entry; so a receipt for evidence about a refused token never speaks for that token. */
bool receipt_entry_token(struct bytes entry, struct bytes *token);

/* Which form is this?  By its first bytes. */
enum receipt_form { RECEIPT_UNKNOWN, RECEIPT_JSON, RECEIPT_COSE, RECEIPT_TLOG, RECEIPT_NOTE };
enum receipt_form receipt_sniff(struct bytes text);

#endif
