/*
 * verify.c - the offline verdict: recognise the form, let seal/ check it, and say for each check
 * what was found.
 *
 * Nothing is proven by silence: a report begins with every check "not checked", and the verdict
 * needs the ones that the form is for.
 */
#include "ectledger/verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "seal/receipt.h"

/* A receipt is at most 256 KiB; its JSON nodes take more than its text. */
#define ARENA_MAX ((size_t)4 << 20)

static const char *const names[ECT_VERIFY_CHECKS] = {"form", "checkpoint_signature", "origin",
    "entry_hash", "inclusion", "token_match", "token_signature", "consistency", "witness",
    "completeness"};

const char *
ect_verify_result_text(enum ect_verify_result result)
{
	static const char *const texts[] = {"not_checked", "ok", "failed"};

	return (unsigned)result < 3 ? texts[result] : "failed";
}

const char *
ect_verify_form_text(enum ect_verify_form form)
{
	static const char *const texts[] = {
	    "unknown", "receipt_json", "receipt_cose", "receipt_tlog", "checkpoint"};

	return (unsigned)form < 5 ? texts[form] : "unknown";
}

__attribute__((format(printf, 4, 5))) static void
set(struct ect_verify_report *r, enum ect_verify_name name, enum ect_verify_result result,
    const char *format, ...)
{
	struct ect_verify_check *c = &r->check[name];
	va_list args;
	char *p;

	c->result = result;
	va_start(args, format);
	vsnprintf(c->detail, sizeof(c->detail), format, args);
	va_end(args);
	/* Parts of hostile input may be quoted: nothing but printable ASCII reaches a terminal. */
	for (p = c->detail; *p != '\0'; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
}

static void
set_why(struct ect_verify_report *r, enum ect_verify_name name, const struct why *why)
{
	set(r, name, ECT_VERIFY_FAILED, "%s%s%s", why->text, why->rule != NULL ? "; rule: " : "",
	    why->rule != NULL ? why->rule : "");
}

static bool
passed(const struct ect_verify_report *r, enum ect_verify_name name)
{
	return r->check[name].result == ECT_VERIFY_OK;
}

static void
begin(struct ect_verify_report *r)
{
	size_t i;

	memset(r, 0, sizeof(*r));
	for (i = 0; i < ECT_VERIFY_CHECKS; i++)
		r->check[i].check = names[i];
	for (i = ECT_VERIFY_CHECKPOINT_SIGNATURE; i <= ECT_VERIFY_INCLUSION; i++)
		set(r, (enum ect_verify_name)i, ECT_VERIFY_NOT_CHECKED,
		    "an earlier check did not pass");
	set(r, ECT_VERIFY_TOKEN_MATCH, ECT_VERIFY_NOT_CHECKED, "no token was given to compare");
	set(r, ECT_VERIFY_TOKEN_SIGNATURE, ECT_VERIFY_NOT_CHECKED,
	    "the issuer's signature takes the issuer's key; the log checked it at admission");
	set(r, ECT_VERIFY_CONSISTENCY, ECT_VERIFY_NOT_CHECKED,
	    "one tree head: nothing was compared with an older or newer one");
	set(r, ECT_VERIFY_WITNESS, ECT_VERIFY_NOT_CHECKED, "no witness keys were given");
	set(r, ECT_VERIFY_COMPLETENESS, ECT_VERIFY_NOT_CHECKED,
	    "this is about one entry or tree head, not about what else is in the log");
}

/* ---- by form ---- */

/* 'asked': the caller wants to know about a token or an entry, of which a checkpoint says nothing:
 * then it is no answer. */
static void
verify_checkpoint(
    struct bytes file, const struct vkey *key, bool asked, struct ect_verify_report *r)
{
	struct checkpoint cp;
	struct why why = {0};
	struct bytes body, signatures;
	uint64_t mask;
	enum rc rc;

	set(r, ECT_VERIFY_ENTRY_HASH, ECT_VERIFY_NOT_CHECKED, "a checkpoint names no entry");
	set(r, ECT_VERIFY_INCLUSION, ECT_VERIFY_NOT_CHECKED, "a checkpoint names no entry");
	if (asked)
		set(r, ECT_VERIFY_TOKEN_MATCH, ECT_VERIFY_NOT_CHECKED,
		    "a checkpoint proves nothing about the given token or entry: that takes a "
		    "receipt");
	if (note_split(file, &body, &signatures, &why) != RC_OK ||
	    checkpoint_parse(body, &cp, &why) != RC_OK) {
		set_why(r, ECT_VERIFY_FORM, &why);
		return;
	}
	rc = note_open(file, key, 1, &body, &mask, &why);
	if (rc != RC_OK && rc != RC_BAD_SIGNATURE) {
		set_why(r, ECT_VERIFY_FORM, &why);
		return;
	}
	set(r, ECT_VERIFY_FORM, ECT_VERIFY_OK, "C2SP checkpoint of %llu entries",
	    (unsigned long long)cp.size);
	if (rc == RC_BAD_SIGNATURE) {
		set_why(r, ECT_VERIFY_CHECKPOINT_SIGNATURE, &why);
		return;
	}
	set(r, ECT_VERIFY_CHECKPOINT_SIGNATURE, ECT_VERIFY_OK, "Ed25519, by key %08x", key->id);
	if (!bytes_is(cp.origin, key->name)) {
		set(r, ECT_VERIFY_ORIGIN, ECT_VERIFY_FAILED,
		    "the checkpoint is of another log than the key");
		return;
	}
	set(r, ECT_VERIFY_ORIGIN, ECT_VERIFY_OK, "%s", key->name);
	r->has_tree_size = true;
	r->tree_size = cp.size;
	r->ok = !asked;
}

static enum ect_verify_result
result_of(enum receipt_result x)
{
	return x == RECEIPT_OK	     ? ECT_VERIFY_OK
	       : x == RECEIPT_FAILED ? ECT_VERIFY_FAILED
				     : ECT_VERIFY_NOT_CHECKED;
}

/* One verdict of seal's as one line; the reason of the first failure goes with it. */
static void
copy(struct ect_verify_report *r, enum ect_verify_name name, enum receipt_result x,
    const char *good, const struct receipt_verdict *v)
{
	if (x == RECEIPT_OK)
		set(r, name, ECT_VERIFY_OK, "%s", good);
	else if (x == RECEIPT_FAILED && v->why.rule != NULL)
		set_why(r, name, &v->why);
	else
		set(r, name, result_of(x), "%s",
		    x == RECEIPT_FAILED ? "" : "an earlier check did not pass");
}

/* A receipt in JSON or as tlog-proof, taken apart already. */
static void
verify_parts(const struct receipt *receipt, const struct vkey *key, struct bytes token,
    struct bytes entry, struct ect_verify_report *r)
{
	struct receipt_verdict v;
	bool held = entry.n > 0 || receipt->entry.n > 0;
	enum rc rc = receipt_verify(receipt, key, entry, token, &v);

	copy(r, ECT_VERIFY_FORM, v.form, "every member is there and well-formed", &v);
	copy(r, ECT_VERIFY_CHECKPOINT_SIGNATURE, v.checkpoint_signature,
	    "Ed25519, by the given key", &v);
	copy(r, ECT_VERIFY_ORIGIN, v.origin, key->name, &v);
	copy(r, ECT_VERIFY_ENTRY_HASH, v.entry_hash,
	    "the leaf is the SHA-256 of the entry (RFC 9162)", &v);
	copy(r, ECT_VERIFY_INCLUSION, v.inclusion,
	    "the path leads from the leaf to the signed root (RFC 9162)", &v);
	if (!held)
		set(r, ECT_VERIFY_ENTRY_HASH, ECT_VERIFY_NOT_CHECKED,
		    "the receipt does not carry the entry: give it (--entry)");
	if (token.n > 0)
		copy(r, ECT_VERIFY_TOKEN_MATCH, v.token_match,
		    "the entry holds the given token, byte for byte", &v);
	if (v.inclusion == RECEIPT_OK) {
		r->has_index = r->has_tree_size = true;
		r->index = receipt->index;
		r->tree_size = receipt->tree_size;
	}
	r->ok = rc == RC_OK && passed(r, ECT_VERIFY_ORIGIN) &&
		(token.n == 0 || passed(r, ECT_VERIFY_TOKEN_MATCH));
}

/* JSON or tlog-proof.  RC_NO_MEMORY or RC_OK. */
static enum rc
verify_receipt(struct bytes file, const struct vkey *key, struct bytes token, struct bytes entry,
    struct ect_verify_report *r)
{
	struct receipt receipt;
	struct why why = {0};
	struct arena arena;
	enum rc rc;

	arena_init(&arena, ARENA_MAX);
	rc = r->form == ECT_VERIFY_RECEIPT_JSON ? receipt_read_json(file, &arena, &receipt, &why)
						: receipt_read_tlog(file, &arena, &receipt, &why);
	if (rc == RC_OK)
		verify_parts(&receipt, key, token, entry, r);
	else
		set_why(r, ECT_VERIFY_FORM, &why);
	arena_release(&arena);
	return rc == RC_NO_MEMORY ? rc : RC_OK;
}

/* Which check a refusal belongs to: with a detached root, a wrong signature and a wrong entry look
 * the same. */
static void
refuse_cose(enum rc rc, const struct why *why, bool held, struct ect_verify_report *r)
{
	bool proof = why->claim != NULL &&
		     (strcmp(why->claim, "path") == 0 || strcmp(why->claim, "payload") == 0);

	if (rc == RC_BAD_PROOF && !proof) {
		set_why(r, ECT_VERIFY_FORM, why);
		return;
	}
	if (rc == RC_TOO_LARGE) {
		set_why(r, ECT_VERIFY_FORM, why);
		return;
	}
	set(r, ECT_VERIFY_FORM, ECT_VERIFY_OK, "RFC 9942 receipt");
	if (rc == RC_BAD_PROOF && held)
		set_why(r, ECT_VERIFY_INCLUSION, why);
	else if (rc == RC_BAD_SIGNATURE && held)
		set(r, ECT_VERIFY_CHECKPOINT_SIGNATURE, ECT_VERIFY_FAILED,
		    "no signature over the root that the entry leads to: another entry, or not "
		    "this log's receipt");
	else if (rc == RC_BAD_ALG || rc == RC_UNKNOWN_KEY)
		set_why(r, ECT_VERIFY_CHECKPOINT_SIGNATURE, why);
}

static void
verify_cose(struct bytes file, const struct vkey *key, struct bytes token, struct bytes entry,
    struct ect_verify_report *r)
{
	struct cose_key cose = {.alg = -19, .raw = bytes_of(key->key, 32)};
	struct cose_receipt got;
	struct why why = {0};
	struct bytes held;
	struct hash leaf;
	uint8_t kid[4];
	enum rc rc;

	put_u32(kid, key->id);
	cose.kid = bytes_of(kid, sizeof(kid));
	if (entry.n == 0) {
		set(r, ECT_VERIFY_CHECKPOINT_SIGNATURE, ECT_VERIFY_NOT_CHECKED, "needs the entry");
		set(r, ECT_VERIFY_INCLUSION, ECT_VERIFY_NOT_CHECKED, "needs the entry");
		set(r, ECT_VERIFY_ENTRY_HASH, ECT_VERIFY_NOT_CHECKED,
		    "a COSE receipt carries neither the entry nor its hash: nothing is proven "
		    "without "
		    "the entry (--entry)");
	}
	if (token.n > 0)
		set(r, ECT_VERIFY_TOKEN_MATCH, ECT_VERIFY_NOT_CHECKED,
		    "an earlier check did not pass");
	tree_leaf(entry, &leaf);
	rc = cose_receipt_verify_inclusion(file, &cose, &leaf, &got, &why);
	if (rc != RC_OK || entry.n == 0) {
		refuse_cose(rc, &why, entry.n > 0, r);
		return;
	}
	set(r, ECT_VERIFY_FORM, ECT_VERIFY_OK, "RFC 9942 receipt");
	set(r, ECT_VERIFY_CHECKPOINT_SIGNATURE, ECT_VERIFY_OK, "Ed25519 over the root, by key %08x",
	    key->id);
	set(r, ECT_VERIFY_ENTRY_HASH, ECT_VERIFY_OK,
	    "the leaf is the SHA-256 of the given entry (RFC 9162)");
	set(r, ECT_VERIFY_INCLUSION, ECT_VERIFY_OK,
	    "the path leads from the entry to the signed root; index and tree size are not under "
	    "this signature");
	r->has_index = r->has_tree_size = true;
	r->index = got.leaf_index;
	r->tree_size = got.tree_size;
	if (bytes_is(got.iss, key->name))
		set(r, ECT_VERIFY_ORIGIN, ECT_VERIFY_OK, "%s", key->name);
	else
		set(r, ECT_VERIFY_ORIGIN, ECT_VERIFY_FAILED,
		    "the receipt's issuer is another log than the key");
	if (token.n > 0 && receipt_entry_token(entry, &held) && bytes_eq(held, token))
		set(r, ECT_VERIFY_TOKEN_MATCH, ECT_VERIFY_OK,
		    "the entry holds the given token, byte for byte");
	else if (token.n > 0)
		set(r, ECT_VERIFY_TOKEN_MATCH, ECT_VERIFY_FAILED,
		    "the entry does not hold this token");
	r->ok = passed(r, ECT_VERIFY_ORIGIN) && (token.n == 0 || passed(r, ECT_VERIFY_TOKEN_MATCH));
}

static enum ect_verify_form
form_of(struct bytes file)
{
	switch (receipt_sniff(file)) {
	case RECEIPT_JSON:
		return ECT_VERIFY_RECEIPT_JSON;
	case RECEIPT_COSE:
		return ECT_VERIFY_RECEIPT_COSE;
	case RECEIPT_TLOG:
		return ECT_VERIFY_RECEIPT_TLOG;
	case RECEIPT_NOTE:
		return ECT_VERIFY_CHECKPOINT;
	case RECEIPT_UNKNOWN:
		break;
	}
	return ECT_VERIFY_UNKNOWN;
}

int
ect_verify_file(struct ect_verify_bytes file, const char *vkey, struct ect_verify_bytes token,
    struct ect_verify_bytes entry, struct ect_verify_report *report)
{
	struct bytes f = bytes_of(file.p, file.n), t = bytes_of(token.p, token.n),
		     e = bytes_of(entry.p, entry.n);
	struct why why = {0};
	struct vkey key;
	enum rc rc = RC_OK;
	int i;

	must(report != NULL && vkey != NULL);
	begin(report);
	if (vkey_parse(bytes_str(vkey), &key, &why) != RC_OK || key.type != NOTE_ED25519) {
		set(report, ECT_VERIFY_FORM, ECT_VERIFY_FAILED, "the verifier key: %s",
		    why.rule != NULL ? why.text : "a cosigner's key, not a log's");
		return ECT_VERIFY_BAD_KEY;
	}
	report->form = form_of(f);
	if (report->form == ECT_VERIFY_RECEIPT_COSE)
		verify_cose(f, &key, t, e, report);
	else if (report->form == ECT_VERIFY_CHECKPOINT)
		verify_checkpoint(f, &key, t.n > 0 || e.n > 0, report);
	else if (report->form != ECT_VERIFY_UNKNOWN)
		rc = verify_receipt(f, &key, t, e, report);
	else
		set(report, ECT_VERIFY_FORM, ECT_VERIFY_FAILED,
		    "neither a receipt (JSON, COSE, tlog-proof) nor a checkpoint");
	/* The verdict has no failed check in it, whatever came before. */
	for (i = 0; i < ECT_VERIFY_CHECKS && report->ok; i++)
		must(report->check[i].result != ECT_VERIFY_FAILED);
	if (rc == RC_NO_MEMORY)
		return ECT_VERIFY_NO_MEMORY;
	return report->ok ? ECT_VERIFY_YES : ECT_VERIFY_NO;
}
