/* test_client_verify.c - the offline verdict: each form, each check, and no "ok" by omission. */
#include "ectledger/verify.h"
#include "unit/test_seal_help.h"

struct rig {
	struct small_log log;
	struct receipt r;
	struct buf file;
	char vkey[512], token[32];
	struct ect_verify_report report;
};

#define NOTHING ((struct ect_verify_bytes){NULL, 0})

static struct ect_verify_bytes
view(struct bytes x)
{
	return (struct ect_verify_bytes){x.p, x.n};
}

static void
rig_open(struct rig *g, enum receipt_form form)
{
	small_log_open(&g->log);
	g->r = small_log_receipt(&g->log, 3, 7);
	token_text(3, g->token);
	cr_assert(vkey_text(&g->log.signer.vkey, g->vkey, sizeof(g->vkey)) > 0);
	buf_init(&g->file, 0);
	if (form == RECEIPT_JSON)
		cr_assert(receipt_write_json(&g->r, &g->file) == RC_OK);
	else if (form == RECEIPT_TLOG)
		cr_assert(receipt_write_tlog(&g->r, &g->file) == RC_OK);
	else if (form == RECEIPT_COSE)
		cr_assert(receipt_write_cose(&g->r, &g->log.signer, BYTES_NONE, &g->file) == RC_OK);
	else
		buf_add_bytes(&g->file, g->r.checkpoint);
}

static void
rig_close(struct rig *g)
{
	buf_release(&g->file);
	small_log_close(&g->log);
}

static int
verify(struct rig *g, bool token, bool entry)
{
	return ect_verify_file(view(buf_bytes(&g->file)), g->vkey,
	    token ? view(bytes_str(g->token)) : NOTHING,
	    entry ? view(buf_bytes(&g->log.entry[3])) : NOTHING, &g->report);
}

static enum ect_verify_result
result(const struct rig *g, enum ect_verify_name name)
{
	return g->report.check[name].result;
}

/* The results as one letter each: o, f or n. */
static void
expect(const struct rig *g, const char *letters)
{
	char got[ECT_VERIFY_CHECKS + 1] = {0};
	int i;

	for (i = 0; i < ECT_VERIFY_CHECKS; i++)
		got[i] = "nof"[g->report.check[i].result];
	cr_assert_str_eq(got, letters);
}

Test(client_verify, lists_every_check_by_its_name)
{
	static const char *const names[] = {"form", "checkpoint_signature", "origin", "entry_hash",
	    "inclusion", "token_match", "token_signature", "consistency", "witness",
	    "completeness"};
	struct rig g;
	int i;

	rig_open(&g, RECEIPT_JSON);
	cr_assert(verify(&g, false, false) == ECT_VERIFY_YES);
	for (i = 0; i < ECT_VERIFY_CHECKS; i++)
		cr_assert_str_eq(g.report.check[i].check, names[i]);
	rig_close(&g);
}

Test(client_verify, a_true_receipt_is_ok_with_and_without_its_token)
{
	static const enum receipt_form forms[] = {RECEIPT_JSON, RECEIPT_TLOG};
	struct rig g;
	int i;

	for (i = 0; i < 2; i++) {
		rig_open(&g, forms[i]);
		cr_assert(verify(&g, true, false) == ECT_VERIFY_YES && g.report.ok);
		expect(&g, "oooooonnnn");
		cr_assert(g.report.has_index && g.report.index == 3 && g.report.tree_size == 7);
		cr_assert(verify(&g, false, false) == ECT_VERIFY_YES);
		expect(&g, "ooooonnnnn");
		cr_assert(verify(&g, true, true) == ECT_VERIFY_YES);
		rig_close(&g);
	}
}

Test(client_verify, another_token_another_entry_and_another_key_are_a_no)
{
	struct rig g;
	struct log_signer other = test_signer(9, TEST_ORIGIN);

	rig_open(&g, RECEIPT_JSON);
	strcpy(g.token, "token.number.4");
	cr_assert(verify(&g, true, false) == ECT_VERIFY_NO && !g.report.ok);
	expect(&g, "ooooofnnnn");
	cr_assert(ect_verify_file(view(buf_bytes(&g.file)), g.vkey, NOTHING,
		      view(buf_bytes(&g.log.entry[4])), &g.report) == ECT_VERIFY_NO);
	cr_assert(result(&g, ECT_VERIFY_ENTRY_HASH) == ECT_VERIFY_FAILED);
	cr_assert(vkey_text(&other.vkey, g.vkey, sizeof(g.vkey)) > 0);
	cr_assert(verify(&g, false, false) == ECT_VERIFY_NO);
	cr_assert(result(&g, ECT_VERIFY_CHECKPOINT_SIGNATURE) == ECT_VERIFY_FAILED);
	cr_assert(result(&g, ECT_VERIFY_INCLUSION) == ECT_VERIFY_NOT_CHECKED);
	log_signer_close(&other);
	rig_close(&g);
}

Test(client_verify, a_cose_receipt_needs_the_entry_and_says_so)
{
	struct rig g;

	rig_open(&g, RECEIPT_COSE);
	cr_assert(verify(&g, true, false) == ECT_VERIFY_NO);
	expect(&g, "onnnnnnnnn");
	cr_assert(strstr(g.report.check[ECT_VERIFY_ENTRY_HASH].detail, "--entry") != NULL);
	cr_assert(verify(&g, true, true) == ECT_VERIFY_YES);
	expect(&g, "oooooonnnn");
	cr_assert(verify(&g, false, true) == ECT_VERIFY_YES);
	cr_assert(g.report.index == 3 && g.report.tree_size == 7);
	cr_assert(ect_verify_file(view(buf_bytes(&g.file)), g.vkey, NOTHING,
		      view(buf_bytes(&g.log.entry[2])), &g.report) == ECT_VERIFY_NO);
	expect(&g, "ofnnnnnnnn");
	g.file.p[0] = 0xD1;
	cr_assert(verify(&g, false, true) == ECT_VERIFY_NO && g.report.form == ECT_VERIFY_UNKNOWN);
	g.file.p[0] = 0xD2;
	g.file.n--;
	cr_assert(verify(&g, false, true) == ECT_VERIFY_NO);
	expect(&g, "fnnnnnnnnn");
	rig_close(&g);
}

/* The same key under another name has another id, so already the kid differs. */
Test(client_verify, a_cose_receipt_under_another_logs_name_is_a_no)
{
	struct log_signer other = test_signer(7, "other.example");
	struct rig g;

	rig_open(&g, RECEIPT_COSE);
	cr_assert(vkey_text(&other.vkey, g.vkey, sizeof(g.vkey)) > 0);
	cr_assert(verify(&g, false, true) == ECT_VERIFY_NO);
	expect(&g, "ofnnnnnnnn");
	log_signer_close(&other);
	rig_close(&g);
}

/* Signed by the right key with the right kid, but the issuer is spelt in another way. */
Test(client_verify, a_cose_receipt_must_name_the_log_as_its_issuer)
{
	struct bytes protected = BYTES_NONE;
	struct buf message;
	struct scbor reader;
	uint64_t tag;
	uint8_t *at;
	size_t count;
	struct rig g;

	rig_open(&g, RECEIPT_COSE);
	at = memmem(g.file.p, g.file.n, TEST_ORIGIN, strlen(TEST_ORIGIN));
	cr_assert(at != NULL);
	*at = 'L';
	scbor_init(&reader, buf_bytes(&g.file));
	cr_assert(scbor_tag(&reader, &tag) && scbor_array(&reader, &count) &&
		  scbor_bytes(&reader, &protected));
	buf_init(&message, 0);
	scbor_put_array(&message, 4);
	scbor_put_text(&message, bytes_str("Signature1"));
	scbor_put_bytes(&message, protected);
	scbor_put_bytes(&message, BYTES_NONE);
	{
		struct checkpoint cp;

		cr_assert(checkpoint_open(g.r.checkpoint, &g.log.signer.vkey, &cp, NULL) == RC_OK);
		scbor_put_bytes(&message, bytes_of(cp.root.b, HASH_SIZE));
	}
	cr_assert(g.log.signer.sign(
		      g.log.signer.ctx, buf_bytes(&message), g.file.p + g.file.n - 64) == RC_OK);
	cr_assert(verify(&g, true, true) == ECT_VERIFY_NO);
	expect(&g, "oofooonnnn");
	buf_release(&message);
	rig_close(&g);
}

Test(client_verify, a_checkpoint_is_ok_for_its_log_alone)
{
	struct rig g;

	rig_open(&g, RECEIPT_NOTE);
	cr_assert(verify(&g, false, false) == ECT_VERIFY_YES);
	expect(&g, "ooonnnnnnn");
	cr_assert(g.report.form == ECT_VERIFY_CHECKPOINT && g.report.tree_size == 7 &&
		  !g.report.has_index);
	/* It must not pass for a receipt of the token that the caller asks about. */
	cr_assert(verify(&g, true, false) == ECT_VERIFY_NO && !g.report.ok);
	cr_assert(verify(&g, false, true) == ECT_VERIFY_NO && !g.report.ok);
	g.file.p[g.file.n - 10] ^= 1;
	cr_assert(verify(&g, false, false) == ECT_VERIFY_NO);
	g.file.p[g.file.n - 10] ^= 1;
	buf_add_str(&g.file, "x");
	cr_assert(verify(&g, false, false) == ECT_VERIFY_NO);
	expect(&g, "fnnnnnnnnn");
	rig_close(&g);
}

Test(client_verify, verifies_the_published_tlog_proofs_with_the_word_as_entry)
{
	json_t *doc = test_vectors(TEST_DATA, "vectors/checkpoint/tlog-proof.json"), *c;
	const char *vkey = json_string_value(json_object_get(doc, "log_vkey"));
	struct ect_verify_report report;
	size_t i;

	json_array_foreach(json_object_get(doc, "good"), i, c)
	    cr_assert(ect_verify_file(view(text_of(c, "proof")), vkey, NOTHING,
			  view(text_of(c, "leaf")), &report) == ECT_VERIFY_YES);
	cr_assert(i == 5);
	json_array_foreach(json_object_get(doc, "bad"), i, c)
	    cr_assert(ect_verify_file(view(text_of(c, "proof")), vkey, NOTHING,
			  view(text_of(c, "leaf")), &report) == ECT_VERIFY_NO);
	cr_assert(i == 12);
	json_decref(doc);
}

Test(client_verify, what_it_is_not_is_a_no_with_a_reason)
{
	struct rig g;

	rig_open(&g, RECEIPT_JSON);
	cr_assert(ect_verify_file(NOTHING, g.vkey, NOTHING, NOTHING, &g.report) == ECT_VERIFY_NO);
	cr_assert(result(&g, ECT_VERIFY_FORM) == ECT_VERIFY_FAILED);
	cr_assert(ect_verify_file(view(bytes_str("{}")), g.vkey, NOTHING, NOTHING, &g.report) ==
		  ECT_VERIFY_NO);
	cr_assert(result(&g, ECT_VERIFY_FORM) == ECT_VERIFY_FAILED &&
		  g.report.check[0].detail[0] != '\0');
	cr_assert(ect_verify_file(view(bytes_str("hello\n")), g.vkey, NOTHING, NOTHING,
		      &g.report) == ECT_VERIFY_NO);
	rig_close(&g);
}

Test(client_verify, a_key_that_is_none_and_a_cosigners_key_are_told_apart_from_a_no)
{
	json_t *doc = test_vectors(TEST_DATA, "vectors/checkpoint/tlog-proof.json");
	struct rig g;

	rig_open(&g, RECEIPT_JSON);
	cr_assert(ect_verify_file(view(buf_bytes(&g.file)), "x", NOTHING, NOTHING, &g.report) ==
		  ECT_VERIFY_BAD_KEY);
	cr_assert(!g.report.ok);
	cr_assert(ect_verify_file(view(buf_bytes(&g.file)),
		      json_string_value(json_array_get(json_object_get(doc, "witness_vkeys"), 0)),
		      NOTHING, NOTHING, &g.report) == ECT_VERIFY_BAD_KEY);
	cr_assert(!g.report.ok);
	json_decref(doc);
	rig_close(&g);
}

Test(client_verify, no_bit_flip_of_a_receipt_is_ok_with_another_fact)
{
	struct rig g;
	size_t i;

	rig_open(&g, RECEIPT_TLOG);
	for (i = 0; i < g.file.n * 8; i++) {
		g.file.p[i / 8] ^= (uint8_t)(1u << i % 8);
		cr_assert(verify(&g, true, false) == ECT_VERIFY_NO, "bit %zu", i);
		g.file.p[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	rig_close(&g);
}

Test(client_verify, details_are_printable_whatever_the_input_says)
{
	static const char note[] =
	    "evil\xC2\x9B[31m\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xE2\x80\x94 "
	    "a\xC3\xA9 AAAAAAA=\n";
	struct rig g;
	int i;

	rig_open(&g, RECEIPT_JSON);
	cr_assert(ect_verify_file(view(bytes_str(note)), g.vkey, NOTHING, NOTHING, &g.report) ==
		  ECT_VERIFY_NO);
	for (i = 0; i < ECT_VERIFY_CHECKS; i++)
		for (const char *p = g.report.check[i].detail; *p != '\0'; p++)
			cr_assert(0x20 <= *p && *p <= 0x7e);
	rig_close(&g);
}
