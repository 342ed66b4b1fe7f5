/*
 * cose.h - labels and the read form of an RFC 9942 receipt.  Private to seal/.
 */
#ifndef SEAL_COSE_H
#define SEAL_COSE_H

#include "seal/receipt.h"

#define COSE_SIGN1_TAG 18
enum cose_label {
	COSE_ALG = 1,
	COSE_CRIT = 2,
	COSE_KID = 4,
	COSE_CWT = 15,
	COSE_X5CHAIN = 33,
	COSE_X5T = 34,
	COSE_VDS = 395,
	COSE_VDP = 396
};
enum cose_proof_type { COSE_INCLUSION = -1, COSE_CONSISTENCY = -2 };

/* A receipt taken apart; views into it. */
struct cose_parts {
	struct bytes protected; /* as received */
	int64_t alg;
	struct bytes kid, iss, sub;
	bool attached;
	struct bytes payload; /* when attached */
	struct bytes signature;
	enum cose_proof_type type;
	uint64_t a, b; /* tree_size, leaf_index; or old_size, new_size */
	struct hash path[TREE_CONSISTENCY_MAX];
	size_t path_count;
};

/* Form alone; RC_BAD_PROOF. */
enum rc cose_parse(struct bytes receipt, struct cose_parts *out, struct why *why);
/* ["Signature1", protected, h'', root] */
void cose_sig_structure(struct bytes protected, const struct hash *root, struct buf *out);

#endif
