/*
 * ectledger/verify.h - verify receipts and checkpoints of a log offline: no server, no clock, no
 * files, no other header.
 *
 * What is verified, by form (recognised from the bytes):
 * - a receipt in JSON, or as a C2SP tlog-proof: the entry is in the tree whose head the log signed;
 * - a receipt in COSE (RFC 9942): the same, for an entry that the caller holds, since such a receipt
 *   carries neither the entry nor its hash.  Its signature is over the root alone: index and tree
 *   size are what the log says, not what it signed;
 * - a checkpoint (C2SP signed note): the log signed this tree head.
 *
 * Every check is listed with its result, in the order of enum ect_verify_name.  "not checked" is
 * not "ok": the verdict is ok only when no check failed and those that the form is for were made.
 * A receipt says nothing about who signed the token (token_signature), about other entries
 * (completeness), other tree heads (consistency) or other witnesses (witness).
 *
 * Pure and re-entrant.  Nothing in the report points into the input.
 */
#ifndef ECTLEDGER_VERIFY_H
#define ECTLEDGER_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of the caller; {NULL, 0}: none. */
struct ect_verify_bytes {
	const void *p;
	size_t n;
};

enum ect_verify_form {
	ECT_VERIFY_UNKNOWN,
	ECT_VERIFY_RECEIPT_JSON,
	ECT_VERIFY_RECEIPT_COSE,
	ECT_VERIFY_RECEIPT_TLOG,
	ECT_VERIFY_CHECKPOINT
};

enum ect_verify_result { ECT_VERIFY_NOT_CHECKED, ECT_VERIFY_OK, ECT_VERIFY_FAILED };

/* The checks, in the order of the report. */
enum ect_verify_name {
	ECT_VERIFY_FORM,		 /* the bytes are what they look like, to the last one */
	ECT_VERIFY_CHECKPOINT_SIGNATURE, /* the log's key signed the tree head (COSE: the root) */
	ECT_VERIFY_ORIGIN,		 /* and says that it is this log */
	ECT_VERIFY_ENTRY_HASH,		 /* the leaf is the entry's hash */
	ECT_VERIFY_INCLUSION,		 /* the path leads from the leaf to the signed root */
	ECT_VERIFY_TOKEN_MATCH,		 /* the entry holds the caller's token */
	ECT_VERIFY_TOKEN_SIGNATURE,	 /* not checked here: it takes the issuer's key */
	ECT_VERIFY_CONSISTENCY,	 /* not checked here: it takes another checkpoint and a proof */
	ECT_VERIFY_WITNESS,	 /* not checked here: it takes the witnesses' keys */
	ECT_VERIFY_COMPLETENESS, /* not checked here: a receipt is about one entry */
	ECT_VERIFY_CHECKS
};

struct ect_verify_check {
	const char *check; /* "form", "checkpoint_signature", ... */
	enum ect_verify_result result;
	char detail[240]; /* ASCII, for a human; may be empty */
};

struct ect_verify_report {
	bool ok; /* the verdict */
	enum ect_verify_form form;
	bool has_index; /* the inclusion check passed, and this is what it says */
	uint64_t index;
	bool has_tree_size;
	uint64_t tree_size;
	struct ect_verify_check check[ECT_VERIFY_CHECKS];
};

/* ECT_VERIFY_BAD_KEY: 'vkey' is not a log's verifier key ("name+8hex+base64"); the report's first
 * check says why. */
enum ect_verify_outcome {
	ECT_VERIFY_YES = 0,
	ECT_VERIFY_NO = 1,
	ECT_VERIFY_BAD_KEY = 2,
	ECT_VERIFY_NO_MEMORY = 3
};

/*
 * Verify 'file' under the log's verifier key.  'token' (may be none): the signed bytes that the
 * entry must hold.  'entry' (may be none): the whole entry, where the file does not carry it.  With
 * either, a checkpoint is a "no": it says nothing about them. The report is always filled.
 */
int ect_verify_file(struct ect_verify_bytes file, const char *vkey, struct ect_verify_bytes token,
    struct ect_verify_bytes entry, struct ect_verify_report *report);

/* "ok", "failed", "not_checked" */
const char *ect_verify_result_text(enum ect_verify_result result);
/* "receipt_json", "receipt_cose", "receipt_tlog", "checkpoint", "unknown" */
const char *ect_verify_form_text(enum ect_verify_form form);

#ifdef __cplusplus
}
#endif
#endif
