/* test_seal_receipt_verify.c - each check has its own verdict, and one lie is enough. */
#include "unit/test_seal_help.h"

struct rig {
	struct small_log log;
	struct receipt r;
	struct receipt_verdict v;
	char token[32];
};

static void
rig_open(struct rig *g)
{
	small_log_open(&g->log);
	g->r = small_log_receipt(&g->log, 4, 9);
	token_text(4, g->token);
}

static enum rc
verify(struct rig *g)
{
	return receipt_verify(&g->r, &g->log.signer.vkey, BYTES_NONE, bytes_str(g->token), &g->v);
}

Test(seal_receipt_verify, a_true_receipt_proves_everything_that_it_can)
{
	struct rig g;

	rig_open(&g);
	cr_assert(verify(&g) == RC_OK);
	cr_assert(g.v.form == RECEIPT_OK && g.v.checkpoint_signature == RECEIPT_OK);
	cr_assert(g.v.origin == RECEIPT_OK && g.v.entry_hash == RECEIPT_OK);
	cr_assert(g.v.inclusion == RECEIPT_OK && g.v.token_match == RECEIPT_OK);
	cr_assert(g.v.token_signature == RECEIPT_NOT_CHECKED && g.v.why.rule == NULL);
	cr_assert(g.v.checkpoint.size == 9);
	small_log_close(&g.log);
}

Test(seal_receipt_verify, the_tree_of_one_leaf_has_an_empty_path)
{
	struct rig g;

	rig_open(&g);
	g.r = small_log_receipt(&g.log, 0, 1);
	token_text(0, g.token);
	cr_assert(g.r.path_count == 0 && verify(&g) == RC_OK);
	small_log_close(&g.log);
}

Test(seal_receipt_verify, the_entry_may_come_from_outside)
{
	struct rig g;

	rig_open(&g);
	g.r.entry = BYTES_NONE;
	cr_assert(receipt_verify(&g.r, &g.log.signer.vkey, buf_bytes(&g.log.entry[4]), BYTES_NONE,
		      &g.v) == RC_OK);
	cr_assert(receipt_verify(&g.r, &g.log.signer.vkey, buf_bytes(&g.log.entry[5]), BYTES_NONE,
		      &g.v) == RC_BAD_PROOF);
	cr_assert(g.v.entry_hash == RECEIPT_FAILED && g.v.why.rule != NULL);
	/* Without it the leaf is proven, but not what it stands for. */
	cr_assert(verify(&g) == RC_BAD_PROOF);
	cr_assert(g.v.entry_hash == RECEIPT_NOT_CHECKED && g.v.inclusion == RECEIPT_OK);
	cr_assert(g.v.token_match == RECEIPT_NOT_CHECKED);
	small_log_close(&g.log);
}

Test(seal_receipt_verify, another_token_does_not_match)
{
	struct rig g;

	rig_open(&g);
	token_text(5, g.token);
	cr_assert(verify(&g) == RC_BAD_PROOF);
	cr_assert(g.v.token_match == RECEIPT_FAILED && g.v.inclusion == RECEIPT_OK);
	/* Nor does the true one's end. */
	cr_assert(receipt_verify(&g.r, &g.log.signer.vkey, BYTES_NONE, bytes_str("number.4"),
		      &g.v) == RC_BAD_PROOF);
	cr_assert(g.v.token_match == RECEIPT_FAILED);
	small_log_close(&g.log);
}

Test(seal_receipt_verify, another_logs_key_proves_nothing)
{
	struct log_signer other = test_signer(8, TEST_ORIGIN);
	struct rig g;

	rig_open(&g);
	cr_assert(
	    receipt_verify(&g.r, &other.vkey, BYTES_NONE, BYTES_NONE, &g.v) == RC_BAD_SIGNATURE);
	cr_assert(
	    g.v.checkpoint_signature == RECEIPT_FAILED && g.v.inclusion == RECEIPT_NOT_CHECKED);
	log_signer_close(&other);
	small_log_close(&g.log);
}

Test(seal_receipt_verify, a_cosigners_key_is_not_the_logs)
{
	json_t *doc = test_vectors(TEST_DATA, "vectors/checkpoint/tlog-proof.json");
	json_t *c = json_array_get(json_object_get(doc, "good"), 0);
	struct vkey witness = vkey_of(
	    bytes_str(json_string_value(json_array_get(json_object_get(doc, "witness_vkeys"), 0))));
	struct arena arena;
	struct receipt r;
	struct receipt_verdict v;

	arena_init(&arena, 1 << 20);
	cr_assert(receipt_read_tlog(text_of(c, "proof"), &arena, &r, NULL) == RC_OK);
	cr_assert(receipt_verify(&r, &witness, text_of(c, "leaf"), BYTES_NONE, &v) == RC_BAD_PROOF);
	cr_assert(v.origin == RECEIPT_FAILED && v.inclusion == RECEIPT_NOT_CHECKED);
	arena_release(&arena);
	json_decref(doc);
}

/* The right key, but the note says that it is of another log. */
Test(seal_receipt_verify, the_checkpoint_must_name_the_keys_log)
{
	struct log_signer other = test_signer(7, "other.example");
	uint8_t line[68];
	struct buf note;
	struct rig g;

	rig_open(&g);
	buf_init(&note, 0);
	buf_add(&note, g.r.checkpoint.p,
	    (size_t)((const uint8_t *)memmem(g.r.checkpoint.p, g.r.checkpoint.n, "\n\n", 2) -
		     g.r.checkpoint.p) +
		1);
	put_u32(line, other.vkey.id);
	cr_assert(other.sign(other.ctx, buf_bytes(&note), line + 4) == RC_OK);
	buf_add_str(&note, "\n\xE2\x80\x94 other.example ");
	buf_add_b64(&note, bytes_of(line, 68));
	buf_add_str(&note, "\n");
	g.r.checkpoint = buf_bytes(&note);
	cr_assert(receipt_verify(&g.r, &other.vkey, BYTES_NONE, BYTES_NONE, &g.v) == RC_BAD_PROOF);
	cr_assert(g.v.checkpoint_signature == RECEIPT_OK && g.v.origin == RECEIPT_FAILED);
	cr_assert(g.v.inclusion == RECEIPT_NOT_CHECKED);
	buf_release(&note);
	log_signer_close(&other);
	small_log_close(&g.log);
}

Test(seal_receipt_verify, one_changed_fact_is_one_failed_check)
{
	struct rig g;
	struct receipt good;
	unsigned i;

	rig_open(&g);
	good = g.r;
	for (i = 0; i < LOG_LEAVES; i++) {
		g.r.index = i;
		cr_assert((verify(&g) == RC_OK) == (i == 4));
		cr_assert(g.v.inclusion == (i == 4 ? RECEIPT_OK : RECEIPT_FAILED));
	}
	g.r = good;
	g.r.tree_size = 8;
	cr_assert(verify(&g) == RC_BAD_PROOF && g.v.inclusion == RECEIPT_FAILED);
	/* A tree of 10 would have the same path and the same root: only the checkpoint tells. */
	g.r.tree_size = 10;
	cr_assert(verify(&g) == RC_BAD_PROOF && g.v.inclusion == RECEIPT_FAILED);
	g.r = good;
	g.r.path_count--;
	cr_assert(verify(&g) == RC_BAD_PROOF && g.v.inclusion == RECEIPT_FAILED);
	g.r = good;
	g.r.path[1].b[3] ^= 4;
	cr_assert(verify(&g) == RC_BAD_PROOF && g.v.inclusion == RECEIPT_FAILED);
	g.r = good;
	g.r.leaf.b[0] ^= 1;
	cr_assert(verify(&g) == RC_BAD_PROOF && g.v.entry_hash == RECEIPT_FAILED);
	g.r = good;
	g.r.entry.n--;
	cr_assert(verify(&g) == RC_BAD_PROOF && g.v.entry_hash == RECEIPT_FAILED);
	g.r = good;
	g.r.checkpoint.n--;
	cr_assert(verify(&g) == RC_BAD_PROOF && g.v.form == RECEIPT_FAILED);
	small_log_close(&g.log);
}

Test(seal_receipt_verify, the_token_is_the_last_member_of_a_map_in_order)
{
	static const struct {
		const char *hex;
		bool ok;
	} cases[] = {
	    {"a10d43010203", true},	/* {13: h'010203'} */
	    {"a201010d43010203", true}, /* {1: 1, 13: h'010203'} */
	    {"a208820102"
	     "0d43010203",
		true},		     /* {8: [1, 2], 13: ...} */
	    {"a10e43010203", true},  /* version 2's key */
	    {"a202010e43010203", true},	 /* kind: a token */
	    {"a202060e43010203", false}, /* kind: an equivocation's refused token */
	    {"a202020e43010203", false}, /* kind: a key event */
	    {"a10202", false},
	    {"a10201", false},
	    {"a10c43010203", false}, /* another key */
	    {"a10f43010203", false},
	    {"a20d4301020301"
	     "01",
		false},			       /* not last, not in order */
	    {"a20d430102030d43010203", false}, /* twice */
	    {"a10d63616263", false},	       /* text */
	    {"a10d4301020300", false},	       /* a byte after it */
	    {"a10d430102", false},	       /* cut */
	    {"a10d5803010203", false},	       /* a longer head */
	    {"bf0d43010203ff", false},	       /* indefinite */
	    {"a0", false},
	    {"", false},
	    {"820d43010203", false},
	};
	struct bytes raw, token;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		raw = test_hex(cases[i].hex);
		cr_expect(receipt_entry_token(raw, &token) == cases[i].ok, "%s", cases[i].hex);
		cr_expect(!cases[i].ok || token.n == 3);
		test_free(raw);
	}
}

Test(seal_receipt_verify, tells_the_forms_apart_by_their_first_bytes)
{
	struct rig g;

	rig_open(&g);
	cr_assert(receipt_sniff(g.r.checkpoint) == RECEIPT_NOTE);
	cr_assert(receipt_sniff(bytes_str("\n {\"index\":0}")) == RECEIPT_JSON);
	cr_assert(receipt_sniff(bytes_str("c2sp.org/tlog-proof@v2\n")) == RECEIPT_TLOG);
	cr_assert(receipt_sniff(bytes_str("\xD2\x84")) == RECEIPT_COSE);
	cr_assert(receipt_sniff(bytes_str("\x84")) == RECEIPT_UNKNOWN);
	cr_assert(receipt_sniff(bytes_str("hello\n")) == RECEIPT_UNKNOWN);
	cr_assert(receipt_sniff(BYTES_NONE) == RECEIPT_UNKNOWN);
	small_log_close(&g.log);
}
