/* test_seal_cose.c - RFC 9942 receipts: the published ones by their keys, the bad ones, and our
 * own. */
#include "unit/test_seal_help.h"

/* An EC key from a JWK: 04 || x || y. */
static struct cose_key
es256_key(const json_t *jwk, uint8_t room[65])
{
	struct cose_key key = {.alg = -7};
	size_t n;

	room[0] = 4;
	cr_assert(b64url_decode(text_of(jwk, "x"), room + 1, 32, &n) && n == 32);
	cr_assert(b64url_decode(text_of(jwk, "y"), room + 33, 32, &n) && n == 32);
	key.raw = bytes_of(room, 65);
	return key;
}

struct scitt {
	json_t *doc;
	uint8_t room[65];
	struct cose_key key;
	struct bytes kid;
	struct hash leaf[8], root[9];
};

static void
scitt_open(struct scitt *s)
{
	json_t *log, *c;
	size_t i;

	s->doc = test_vectors(TEST_DATA, "vectors/cose/scitt-receipts.json");
	s->key = es256_key(json_object_get(s->doc, "ts_jwk"), s->room);
	s->kid = test_hex(json_string_value(json_object_get(json_object_get(s->doc, "kid"), "ts")));
	s->key.kid = s->kid;
	log = json_object_get(s->doc, "log");
	json_array_foreach(json_object_get(log, "entries_hex"), i, c)
	{
		struct bytes entry = test_hex(json_string_value(c));

		tree_leaf(entry, &s->leaf[i]);
		test_free(entry);
	}
	cr_assert(i == 8);
	json_array_foreach(json_object_get(log, "roots"), i, c) s->root[i] =
	    hash_of_hex(bytes_str(json_string_value(c)));
	cr_assert(i == 9);
}

static void
scitt_close(struct scitt *s)
{
	test_free(s->kid);
	json_decref(s->doc);
}

Test(seal_cose, verifies_the_published_inclusion_receipts_detached_and_attached)
{
	struct scitt s;
	struct cose_receipt out;
	struct why why = {0};
	json_t *c;
	size_t i;

	scitt_open(&s);
	json_array_foreach(json_object_get(s.doc, "receipts"), i, c)
	{
		struct bytes raw = test_hex(json_string_value(json_object_get(c, "hex")));
		unsigned entry = (unsigned)json_integer_value(json_object_get(c, "entry"));
		struct hash root = hash_of_hex(text_of(c, "root"));

		cr_assert(
		    cose_receipt_verify_inclusion(raw, &s.key, &s.leaf[entry], &out, &why) == RC_OK,
		    "%s", why.text);
		cr_assert(hash_eq(&out.root, &root) && out.leaf_index == entry);
		cr_assert(bytes_is(out.iss, "https://ledger.example") && bytes_eq(out.kid, s.kid));
		cr_assert(hash_eq(&out.root, &s.root[out.tree_size]));
		/* For no other entry of the log. */
		for (unsigned j = 0; j < 8; j++)
			if (j != entry)
				cr_assert(cose_receipt_verify_inclusion(
					      raw, &s.key, &s.leaf[j], &out, NULL) != RC_OK);
		test_free(raw);
	}
	cr_assert(i == 3);
	scitt_close(&s);
}

Test(seal_cose, refuses_every_published_bad_receipt_with_a_reason)
{
	struct scitt s;
	struct cose_receipt out;
	json_t *c;
	size_t i;

	scitt_open(&s);
	json_array_foreach(json_object_get(s.doc, "bad_receipts"), i, c)
	{
		struct bytes raw = test_hex(json_string_value(json_object_get(c, "receipt_hex")));
		struct why why = {0};
		enum rc rc = cose_receipt_verify_inclusion(raw, &s.key, &s.leaf[5], &out, &why);

		cr_expect(rc != RC_OK, "%s", json_string_value(json_object_get(c, "why")));
		cr_expect(why.rule != NULL && why.text[0] != '\0');
		test_free(raw);
	}
	cr_assert(i == 25);
	scitt_close(&s);
}

Test(seal_cose, verifies_the_published_consistency_receipt_from_the_old_root)
{
	struct scitt s;
	struct cose_receipt out;
	struct bytes raw;
	unsigned i;

	scitt_open(&s);
	raw = test_hex(json_string_value(
	    json_object_get(json_object_get(s.doc, "consistency_receipt"), "hex")));
	cr_assert(cose_receipt_verify_consistency(raw, &s.key, &s.root[5], &out, NULL) == RC_OK);
	cr_assert(out.old_size == 5 && out.tree_size == 8 && hash_eq(&out.root, &s.root[8]));
	for (i = 0; i <= 8; i++)
		if (i != 5)
			cr_assert(cose_receipt_verify_consistency(
				      raw, &s.key, &s.root[i], &out, NULL) == RC_BAD_PROOF);
	/* It is no inclusion receipt, and an inclusion receipt is no consistency receipt. */
	cr_assert(
	    cose_receipt_verify_inclusion(raw, &s.key, &s.leaf[5], &out, NULL) == RC_BAD_PROOF);
	test_free(raw);
	raw = test_hex(json_string_value(
	    json_object_get(json_array_get(json_object_get(s.doc, "receipts"), 0), "hex")));
	cr_assert(
	    cose_receipt_verify_consistency(raw, &s.key, &s.root[5], &out, NULL) == RC_BAD_PROOF);
	test_free(raw);
	scitt_close(&s);
}

Test(seal_cose, the_key_is_pinned_to_its_algorithm_and_its_name)
{
	struct scitt s;
	struct cose_receipt out;
	struct cose_key key;
	struct bytes raw;

	scitt_open(&s);
	raw = test_hex(json_string_value(
	    json_object_get(json_array_get(json_object_get(s.doc, "receipts"), 0), "hex")));
	key = s.key;
	key.kid = BYTES_NONE;
	cr_assert(cose_receipt_verify_inclusion(raw, &key, &s.leaf[5], &out, NULL) == RC_OK);
	key.kid = bytes_str("another");
	cr_assert(
	    cose_receipt_verify_inclusion(raw, &key, &s.leaf[5], &out, NULL) == RC_UNKNOWN_KEY);
	key = s.key;
	key.alg = -35;
	cr_assert(cose_receipt_verify_inclusion(raw, &key, &s.leaf[5], &out, NULL) == RC_BAD_ALG);
	key.alg = -19;
	key.raw.n = 32;
	cr_assert(cose_receipt_verify_inclusion(raw, &key, &s.leaf[5], &out, NULL) == RC_BAD_ALG);
	/* A point off the curve. */
	key = s.key;
	s.room[64] ^= 1;
	cr_assert(
	    cose_receipt_verify_inclusion(raw, &key, &s.leaf[5], &out, NULL) == RC_BAD_SIGNATURE);
	test_free(raw);
	scitt_close(&s);
}

/* No key was published for these two, so only their structure can be judged: their claims lack
 * "sub", which RFC 9943 wants. */
Test(seal_cose,
    the_drafts_examples_are_refused_for_their_missing_subject_and_their_proofs_fit_together)
{
	json_t *doc = test_vectors(TEST_DATA, "vectors/cose/ietf-receipt-examples.json");
	struct bytes raw =
	    test_hex(json_string_value(json_object_get(doc, "inclusion_receipt_hex")));
	struct bytes grown =
	    test_hex(json_string_value(json_object_get(doc, "consistency_receipt_hex")));
	uint8_t point[65] = {4, 1};
	struct cose_key key = {.alg = -7, .raw = bytes_of(point, 65)};
	struct hash inclusion[3], consistency[4], old_root, root, led;
	struct cose_receipt out;
	struct why why = {0};
	size_t i;

	cr_assert(cose_receipt_verify_inclusion(raw, &key, &(struct hash){{0}}, &out, &why) ==
		  RC_BAD_PROOF);
	cr_assert_str_eq(why.claim, "protected");
	/* Both proofs are the 0x5820-headed strings of the unprotected header. */
	for (i = 0; i < 3; i++)
		memcpy(inclusion[i].b, raw.p + 83 + i * 34, HASH_SIZE);
	for (i = 0; i < 4; i++)
		memcpy(consistency[i].b, grown.p + 83 + i * 34, HASH_SIZE);
	cr_assert(
	    raw.p[82] == 0x20 && grown.p[82] == 0x20 && raw.p[77] == 0x83 && grown.p[77] == 0x83);
	/* 3 -> 5 begins with leaf 2 and has leaf 3 next; leaf 3's own path begins with leaf 2. */
	cr_assert(hash_eq(&consistency[0], &inclusion[0]));
	cr_assert(tree_path_root(&consistency[1], 3, 5, inclusion, 3, &root) == RC_OK);
	tree_node(&inclusion[1], &inclusion[0], &old_root);
	cr_assert(tree_consistency_root(3, 5, consistency, 4, &old_root, &led) == RC_OK);
	cr_assert(hash_eq(&led, &root));
	test_free(raw);
	test_free(grown);
	json_decref(doc);
}

/* ---- our own ---- */

static struct cose_key
log_key(const struct small_log *log, uint8_t kid[4])
{
	struct cose_key key = {.alg = -19, .raw = bytes_of(log->signer.vkey.key, 32)};

	put_u32(kid, log->signer.vkey.id);
	key.kid = bytes_of(kid, 4);
	return key;
}

Test(seal_cose, every_receipt_that_we_write_verifies_for_its_entry_alone)
{
	struct small_log log;
	struct cose_receipt out;
	struct cose_key key;
	struct receipt r;
	struct buf text;
	uint8_t kid[4];
	unsigned i, j, size;

	small_log_open(&log);
	key = log_key(&log, kid);
	for (size = 1; size <= LOG_LEAVES; size++) {
		for (i = 0; i < size; i++) {
			r = small_log_receipt(&log, i, size);
			buf_init(&text, RECEIPT_SIZE_MAX);
			cr_assert(
			    receipt_write_cose(&r, &log.signer,
				i % 2 ? bytes_str("urn:uuid:x") : BYTES_NONE, &text) == RC_OK);
			cr_assert(receipt_sniff(buf_bytes(&text)) == RECEIPT_COSE);
			for (j = 0; j < size; j++)
				cr_assert((cose_receipt_verify_inclusion(buf_bytes(&text), &key,
					       &log.leaf[j], &out, NULL) == RC_OK) == (i == j));
			cr_assert(cose_receipt_verify_inclusion(
				      buf_bytes(&text), &key, &log.leaf[i], &out, NULL) == RC_OK);
			cr_assert(out.leaf_index == i && out.tree_size == size);
			cr_assert(bytes_is(out.iss, TEST_ORIGIN));
			cr_assert(bytes_is(out.sub, i % 2 ? "urn:uuid:x" : TEST_ORIGIN));
			buf_release(&text);
		}
	}
	small_log_close(&log);
}

Test(seal_cose, the_log_never_signs_a_root_that_is_not_its_checkpoints)
{
	struct log_signer other = test_signer(9, TEST_ORIGIN);
	struct small_log log;
	struct receipt good, r;
	struct buf text;

	small_log_open(&log);
	buf_init(&text, RECEIPT_SIZE_MAX);
	good = r = small_log_receipt(&log, 2, 6);
	r.path[0].b[0] ^= 1;
	cr_assert(receipt_write_cose(&r, &log.signer, BYTES_NONE, &text) == RC_BAD_PROOF);
	r = good;
	r.leaf.b[0] ^= 1;
	cr_assert(receipt_write_cose(&r, &log.signer, BYTES_NONE, &text) == RC_BAD_PROOF);
	r = good;
	r.checkpoint = BYTES_NONE;
	cr_assert(receipt_write_cose(&r, &log.signer, BYTES_NONE, &text) == RC_BAD_PROOF);
	cr_assert(receipt_write_cose(&good, &other, BYTES_NONE, &text) == RC_BAD_PROOF);
	cr_assert(text.n == 0);
	cr_assert(receipt_write_cose(&good, &log.signer, BYTES_NONE, &text) == RC_OK);
	buf_release(&text);
	log_signer_close(&other);
	small_log_close(&log);
}

/*
 * RFC 9942 signs the root alone.  Tree size and index stand in the unprotected header, so they may
 * be told differently as long as the same path leads from the same leaf to the same root: here leaf
 * 4 of 9 may be called leaf 4 of 10 to 16.  Nothing else may change.
 */
Test(seal_cose, no_prefix_verifies_and_a_bit_flip_only_where_the_root_stays_the_same)
{
	struct small_log log;
	struct cose_receipt out, truth;
	struct cose_key key;
	struct receipt r;
	struct bytes copy;
	struct buf text;
	uint8_t kid[4];
	size_t i, same = 0;

	small_log_open(&log);
	key = log_key(&log, kid);
	r = small_log_receipt(&log, 4, 9);
	buf_init(&text, RECEIPT_SIZE_MAX);
	cr_assert(receipt_write_cose(&r, &log.signer, BYTES_NONE, &text) == RC_OK);
	cr_assert(cose_receipt_verify_inclusion(
		      buf_bytes(&text), &key, &log.leaf[4], &truth, NULL) == RC_OK);
	for (i = 0; i < text.n; i++) {
		copy = test_exact(bytes_of(text.p, i));
		cr_assert(
		    cose_receipt_verify_inclusion(copy, &key, &log.leaf[4], &out, NULL) != RC_OK,
		    "prefix %zu", i);
		test_free(copy);
	}
	for (i = 0; i < text.n * 8; i++) {
		text.p[i / 8] ^= (uint8_t)(1u << i % 8);
		if (cose_receipt_verify_inclusion(
			buf_bytes(&text), &key, &log.leaf[4], &out, NULL) == RC_OK) {
			cr_assert(hash_eq(&out.root, &truth.root), "bit %zu", i);
			cr_assert(out.leaf_index == 4 && 9 < out.tree_size && out.tree_size <= 16);
			same++;
		}
		text.p[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	cr_assert(same == 2, "sizes 11 and 13 are one bit from 9: %zu", same);
	buf_release(&text);
	small_log_close(&log);
}
