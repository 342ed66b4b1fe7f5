/* test_seal_checkpoint.c - checkpoint bodies, a whole published log, and signing byte for byte. */
#include "seal/note_lines.h"
#include "unit/test_seal_help.h"

Test(seal_checkpoint, decides_every_published_body_rightly)
{
	json_t *doc = test_vectors(TEST_DATA, "vectors/checkpoint/checkpoint-body.json"), *c, *e;
	struct checkpoint cp;
	struct hash root;
	struct buf want;
	size_t i, j, good = 0;

	json_array_foreach(json_object_get(doc, "cases"), i, c)
	{
		bool valid = json_is_true(json_object_get(c, "valid"));
		struct why why = {0};
		enum rc rc = checkpoint_parse(text_of(c, "body"), &cp, &why);

		cr_expect(rc == (valid ? RC_OK : RC_BAD_PROOF), "%s",
		    json_string_value(json_object_get(c, "why")));
		cr_expect((why.rule != NULL) == !valid);
		good += valid;
		if (rc != RC_OK)
			continue;
		if (json_object_get(c, "origin") != NULL) {
			cr_assert(
			    bytes_is(cp.origin, json_string_value(json_object_get(c, "origin"))));
			cr_assert(
			    cp.size == (uint64_t)json_integer_value(json_object_get(c, "size")));
			root = hash_of_hex(text_of(c, "root"));
			cr_assert(hash_eq(&root, &cp.root));
		}
		buf_init(&want, 0);
		json_array_foreach(json_object_get(c, "extensions"), j, e)
		    buf_addf(&want, "%s\n", json_string_value(e));
		cr_assert(bytes_eq(cp.extensions, buf_bytes(&want)));
		buf_release(&want);
	}
	cr_assert(i == 19 && good == 4);
	json_decref(doc);
}

Test(seal_checkpoint,
    opens_every_checkpoint_of_a_published_log_and_its_roots_are_those_of_its_leaves)
{
	json_t *doc = test_vectors(TEST_DATA, "vectors/checkpoint/tessera-testdata-log.json"), *c;
	struct vkey key = vkey_of(text_of(doc, "vkey"));
	struct tree_edge edge;
	struct checkpoint cp;
	struct hash root, leaf, want;
	size_t i;

	tree_edge_init(&edge);
	json_array_foreach(json_object_get(doc, "checkpoints"), i, c)
	{
		cr_assert(
		    checkpoint_open(bytes_str(json_string_value(c)), &key, &cp, NULL) == RC_OK);
		cr_assert(cp.size == i);
		tree_edge_root(&edge, &root);
		cr_assert(hash_eq(&root, &cp.root));
		if (i == 15)
			continue;
		tree_leaf(
		    bytes_str(json_string_value(json_array_get(json_object_get(doc, "leaves"), i))),
		    &leaf);
		want = hash_of_hex(bytes_str(
		    json_string_value(json_array_get(json_object_get(doc, "leaf_hashes"), i))));
		cr_assert(hash_eq(&leaf, &want));
		tree_edge_append(&edge, &leaf);
	}
	cr_assert(i == 16);
	json_decref(doc);
}

/* The published seed signs the same bytes: Ed25519 is deterministic, and so is the form. */
Test(seal_checkpoint, signs_a_published_checkpoint_byte_for_byte)
{
	json_t *doc = test_vectors(TEST_DATA, "vectors/checkpoint/tessera-testdata-log.json"), *c;
	const char *skey = json_string_value(json_object_get(doc, "skey_test_only"));
	struct log_signer s;
	struct checkpoint cp;
	uint8_t raw[64];
	struct buf note;
	size_t i, n;

	/* PRIVATE+KEY+name+id+base64(type || seed): the name has no plus, the base64 may have some. */
	skey = strchr(skey, '+') + 1;
	skey = strchr(skey, '+') + 1;
	skey = strchr(skey, '+') + 1;
	skey = strchr(skey, '+') + 1;
	cr_assert(b64_decode(bytes_str(skey), raw, sizeof(raw), &n) && n == 33 && raw[0] == 1);
	cr_assert(log_signer_from_seed(raw + 1, "example.com/log/testdata", &s) == RC_OK);
	json_array_foreach(json_object_get(doc, "checkpoints"), i, c)
	{
		cr_assert(
		    checkpoint_open(bytes_str(json_string_value(c)), &s.vkey, &cp, NULL) == RC_OK);
		buf_init(&note, 0);
		cr_assert(checkpoint_sign(&s, cp.size, &cp.root, cp.extensions, &note) == RC_OK);
		cr_assert(bytes_is(buf_bytes(&note), json_string_value(c)));
		buf_release(&note);
	}
	log_signer_close(&s);
	json_decref(doc);
}

Test(seal_checkpoint, refuses_another_logs_checkpoint_by_the_same_key)
{
	struct log_signer one = test_signer(5, "one.example"), two = test_signer(5, "two.example");
	struct hash root = {{2}};
	struct checkpoint cp;
	uint8_t line[68];
	struct buf note;

	buf_init(&note, 0);
	cr_assert(checkpoint_sign(&one, 3, &root, BYTES_NONE, &note) == RC_OK);
	cr_assert(checkpoint_open(buf_bytes(&note), &one.vkey, &cp, NULL) == RC_OK);
	cr_assert(checkpoint_open(buf_bytes(&note), &two.vkey, &cp, NULL) == RC_BAD_SIGNATURE);
	/* And one that says "one.example" but is signed under the name "two.example". */
	note.n = (size_t)((uint8_t *)memmem(note.p, note.n, "\n\n", 2) - note.p) + 1;
	put_u32(line, two.vkey.id);
	cr_assert(two.sign(two.ctx, buf_bytes(&note), line + 4) == RC_OK);
	buf_add_str(&note, "\n\xE2\x80\x94 two.example ");
	buf_add_b64(&note, bytes_of(line, 68));
	buf_add_str(&note, "\n");
	{
		struct why why = {0};

		cr_assert(checkpoint_open(buf_bytes(&note), &two.vkey, &cp, &why) == RC_BAD_PROOF);
		cr_assert_str_eq(why.claim, "origin");
	}
	buf_release(&note);
	log_signer_close(&one);
	log_signer_close(&two);
}

/* tlog-witness requests, as far as they concern checkpoints and proofs: who signed, and does the
 * tree extend the old one? */
static int
judge(const json_t *c, const struct vkey *key, json_t *checkpoints)
{
	struct bytes rest = text_of(c, "request"), note;
	struct checkpoint cp, old = {0};
	uint64_t old_size = 0;
	struct hash path[TREE_CONSISTENCY_MAX];
	size_t count = 0;
	const uint8_t *end, *blank;
	struct why why = {0};
	size_t n;
	enum rc rc;

	blank = memmem(rest.p, rest.n, "\n\n", 2);
	if (blank == NULL || rest.n < 4 || memcmp(rest.p, "old ", 4) != 0)
		return 400;
	note = bytes_of(blank + 2, rest.n - (size_t)(blank + 2 - rest.p));
	end = memchr(rest.p, '\n', rest.n);
	if (!note_decimal(bytes_of(rest.p + 4, (size_t)(end - rest.p - 4)), &old_size))
		return 400;
	for (end++; end < blank; end++) {
		const uint8_t *next = memchr(end, '\n', (size_t)(blank + 1 - end));

		if (count == 63 ||
		    !b64_decode(
			bytes_of(end, (size_t)(next - end)), path[count].b, HASH_SIZE, &n) ||
		    n != HASH_SIZE)
			return 400;
		count++;
		end = next;
	}
	rc = checkpoint_open(note, key, &cp, &why);
	if (rc == RC_BAD_SIGNATURE ||
	    (rc == RC_BAD_PROOF && why.claim != NULL && strcmp(why.claim, "origin") == 0)) {
		struct bytes body, signatures;

		/* The witness looks for the origin first. */
		cr_assert(note_split(note, &body, &signatures, NULL) == RC_OK);
		cr_assert(checkpoint_parse(body, &cp, NULL) == RC_OK);
		return bytes_is(cp.origin, key->name) ? 403 : 404;
	}
	if (rc != RC_OK)
		return 400;
	if (old_size > cp.size)
		return 400;
	if (old_size != (uint64_t)json_integer_value(json_object_get(c, "state_size")))
		return 409;
	cr_assert(
	    checkpoint_open(bytes_str(json_string_value(json_array_get(checkpoints, old_size))),
		key, &old, NULL) == RC_OK);
	rc = tree_check_consistency(old_size, cp.size, path, count, &old.root, &cp.root);
	return rc == RC_OK ? 200 : 422;
}

Test(seal_checkpoint, answers_the_published_witness_requests)
{
	json_t *doc = test_vectors(TEST_DATA, "vectors/checkpoint/witness-add-checkpoint.json"), *c;
	json_t *log = test_vectors(TEST_DATA, "vectors/checkpoint/tessera-testdata-log.json");
	struct vkey key = vkey_of(text_of(doc, "log_vkey"));
	size_t i;

	json_array_foreach(json_object_get(doc, "cases"), i, c)
	{
		int want = (int)json_integer_value(json_object_get(c, "status"));
		int got = judge(c, &key, json_object_get(log, "checkpoints"));

		cr_expect(got == want, "%s: %d, not %d",
		    json_string_value(json_object_get(c, "desc")), got, want);
	}
	cr_assert(i == 14);
	json_decref(doc);
	json_decref(log);
}

Test(seal_checkpoint, must_not_sign_an_empty_extension_line, .signal = SIGABRT)
{
	struct log_signer s = test_signer(5, TEST_ORIGIN);
	struct hash root = {{0}};
	struct buf note;

	buf_init(&note, 0);
	checkpoint_sign(&s, 1, &root, bytes_str("\n"), &note);
}
