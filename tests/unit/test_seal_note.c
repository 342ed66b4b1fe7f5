/* test_seal_note.c - signed notes: the published ones, good and bad, and cosignatures. */
#include "unit/test_seal_help.h"

Test(seal_note, opens_the_published_good_notes)
{
	json_t *doc = test_vectors(TEST_DATA, "vectors/checkpoint/signed-note.json"), *c, *k;
	struct vkey key[4];
	struct bytes body;
	struct why why = {0};
	uint64_t mask;
	size_t i, j;

	json_array_foreach(json_object_get(doc, "good"), i, c)
	{
		json_array_foreach(json_object_get(c, "vkeys"), j, k) key[j] =
		    vkey_of(bytes_str(json_string_value(k)));
		cr_assert(note_open(text_of(c, "note"), key, j, &body, &mask, &why) == RC_OK,
		    "%s: %s", json_string_value(json_object_get(c, "name")), why.text);
		cr_assert(mask == ((uint64_t)1 << j) - 1);
		cr_assert(body.n > 0 && body.p[body.n - 1] == '\n');
	}
	cr_assert(i == 3);
	json_decref(doc);
}

Test(seal_note, refuses_the_published_bad_notes_with_a_reason)
{
	json_t *doc = test_vectors(TEST_DATA, "vectors/checkpoint/signed-note.json"), *c;
	struct vkey key = vkey_of(text_of(doc, "bad_trusted_vkey"));
	struct bytes body, note, raw;
	uint64_t mask;
	size_t i;

	json_array_foreach(json_object_get(doc, "bad"), i, c)
	{
		bool hex = json_object_get(c, "note_hex") != NULL;
		struct why why = {0};
		enum rc rc;

		raw =
		    hex ? test_hex(json_string_value(json_object_get(c, "note_hex"))) : BYTES_NONE;
		note = hex ? raw : text_of(c, "note");
		rc = note_open(note, &key, 1, &body, &mask, &why);
		cr_expect(rc == RC_BAD_PROOF || rc == RC_BAD_SIGNATURE, "%s",
		    json_string_value(json_object_get(c, "why")));
		cr_expect(why.rule != NULL && mask == 0);
		if (hex)
			test_free(raw);
	}
	cr_assert(i == 21);
	json_decref(doc);
}

Test(seal_note, counts_published_cosignatures_and_reads_their_time)
{
	json_t *doc = test_vectors(TEST_DATA, "vectors/checkpoint/cosignature-v1-ed25519.json"), *c;
	struct bytes note = text_of(doc, "cosigned_checkpoint"), body;
	struct vkey key[3] = {vkey_of(text_of(doc, "log_vkey"))};
	uint64_t mask, time_s;
	size_t i;

	json_array_foreach(json_object_get(doc, "cosignatures"), i, c)
	{
		key[i + 1] = vkey_of(text_of(c, "vkey_type4"));
		cr_assert(key[i + 1].type == NOTE_COSIGNATURE);
		cr_assert(note_cosignature_time(note, &key[i + 1], &time_s, NULL) == RC_OK);
		cr_assert(time_s == (uint64_t)json_integer_value(json_object_get(c, "timestamp")));
		/* The same key as type 1 has another id: its line is not there. */
		struct vkey plain = vkey_of(text_of(c, "vkey_type1"));
		cr_assert(note_open(note, &plain, 1, &body, &mask, NULL) == RC_BAD_SIGNATURE);
	}
	cr_assert(i == 2);
	cr_assert(note_open(note, key, 3, &body, &mask, NULL) == RC_OK && mask == 7);
	cr_assert(note_open(text_of(doc, "checkpoint"), key, 3, &body, &mask, NULL) == RC_OK &&
		  mask == 1);
	cr_assert(note_cosignature_time(text_of(doc, "checkpoint"), &key[1], &time_s, NULL) ==
		  RC_BAD_SIGNATURE);
	json_decref(doc);
}

/* Change one character of a line's base64 and keep it base64. */
static void
spoil(char *note, const char *line, size_t offset)
{
	char *p = strstr(note, line);

	cr_assert(p != NULL);
	p += strlen(line) + offset;
	*p = *p == 'A' ? 'B' : 'A';
}

Test(seal_note, one_bad_line_of_a_known_key_refuses_the_note_even_beside_good_ones)
{
	json_t *doc = test_vectors(TEST_DATA, "vectors/checkpoint/cosignature-v1-ed25519.json");
	json_t *wit = json_array_get(json_object_get(doc, "cosignatures"), 0);
	char *note = strdup(json_string_value(json_object_get(doc, "cosigned_checkpoint")));
	struct vkey key[2] = {
	    vkey_of(text_of(doc, "log_vkey")), vkey_of(text_of(wit, "vkey_type4"))};
	struct bytes body;
	uint64_t mask;

	cr_assert(note_open(bytes_str(note), key, 2, &body, &mask, NULL) == RC_OK && mask == 3);
	spoil(note, "Wit1 ", 40);
	cr_assert(note_open(bytes_str(note), key, 2, &body, &mask, NULL) == RC_BAD_SIGNATURE);
	cr_assert(note_open(bytes_str(note), key, 1, &body, &mask, NULL) == RC_OK && mask == 1);
	free(note);
	json_decref(doc);
}

Test(seal_note, a_cosignature_is_bound_to_its_time)
{
	json_t *doc = test_vectors(TEST_DATA, "vectors/checkpoint/cosignature-v1-ed25519.json");
	json_t *wit = json_array_get(json_object_get(doc, "cosignatures"), 0);
	char *note = strdup(json_string_value(json_object_get(doc, "cosigned_checkpoint")));
	struct vkey key = vkey_of(text_of(wit, "vkey_type4"));
	uint64_t time_s;

	spoil(note, "Wit1 ", 14); /* inside the last bytes of the time */
	cr_assert(note_cosignature_time(bytes_str(note), &key, &time_s, NULL) == RC_BAD_SIGNATURE);
	free(note);
	json_decref(doc);
}

Test(seal_note, a_signature_type_that_is_not_supported_is_passed_over_and_its_key_refused)
{
	json_t *doc = test_vectors(TEST_DATA, "vectors/checkpoint/cosignature-mldsa44.json");
	json_t *other = test_vectors(TEST_DATA, "vectors/checkpoint/cosignature-v1-ed25519.json");
	struct vkey key = vkey_of(text_of(other, "log_vkey")), refused;
	struct bytes line = text_of(doc, "signature_line"), body, raw;
	struct buf note, text;
	uint64_t mask;

	buf_init(&note, 0);
	buf_init(&text, 0);
	buf_add_bytes(&note, text_of(other, "checkpoint"));
	buf_add_bytes(&note, line);
	if (line.p[line.n - 1] != '\n')
		buf_add_str(&note, "\n");
	cr_assert(note_open(buf_bytes(&note), &key, 1, &body, &mask, NULL) == RC_OK && mask == 1);
	raw = test_hex(json_string_value(json_object_get(doc, "public_key_hex")));
	buf_addf(&text, "%s+%s+", json_string_value(json_object_get(doc, "cosigner")),
	    json_string_value(json_object_get(doc, "key_id")));
	{
		struct buf typed;

		buf_init(&typed, 0);
		buf_add(&typed, "\x06", 1);
		buf_add_bytes(&typed, raw);
		buf_add_b64(&text, buf_bytes(&typed));
		buf_release(&typed);
	}
	cr_assert(vkey_parse(buf_bytes(&text), &refused, NULL) == RC_BAD_KEY);
	test_free(raw);
	buf_release(&note);
	buf_release(&text);
	json_decref(doc);
	json_decref(other);
}

/* 'count' lines of an unknown key after a good one. */
static enum rc
open_with_lines(unsigned count)
{
	struct log_signer s = test_signer(3, TEST_ORIGIN);
	struct buf note;
	struct bytes body;
	struct hash root = {{0}};
	uint64_t mask;
	enum rc rc;

	buf_init(&note, 0);
	cr_assert(checkpoint_sign(&s, 1, &root, BYTES_NONE, &note) == RC_OK);
	while (count-- > 0)
		buf_add_str(&note, "\xE2\x80\x94 x AAAAAAA=\n");
	rc = note_open(buf_bytes(&note), &s.vkey, 1, &body, &mask, NULL);
	buf_release(&note);
	log_signer_close(&s);
	return rc;
}

Test(seal_note, reads_the_most_signatures_and_not_one_more)
{
	cr_assert(open_with_lines(NOTE_SIGNATURES_MAX - 1) == RC_OK);
	cr_assert(open_with_lines(NOTE_SIGNATURES_MAX) == RC_BAD_PROOF);
}

Test(seal_note, reads_the_longest_note_and_not_one_byte_more)
{
	struct log_signer s = test_signer(3, TEST_ORIGIN);
	uint8_t signature[68];
	struct bytes body;
	struct buf note;
	uint64_t mask;
	size_t extra;

	for (extra = 0; extra < 2; extra++) {
		buf_init(&note, 0);
		/* Everything but the text is 4 + 18 + 1 + 92 + 2 bytes. */
		while (note.n < NOTE_SIZE_MAX + extra - 117 - 1)
			buf_add_str(&note, "x");
		buf_add_str(&note, "\n");
		put_u32(signature, s.vkey.id);
		cr_assert(s.sign(s.ctx, buf_bytes(&note), signature + 4) == RC_OK);
		buf_add_str(&note, "\n\xE2\x80\x94 " TEST_ORIGIN " ");
		buf_add_b64(&note, bytes_of(signature, 68));
		buf_add_str(&note, "\n");
		cr_assert(note.n == NOTE_SIZE_MAX + extra, "%zu", note.n);
		cr_assert(note_open(buf_bytes(&note), &s.vkey, 1, &body, &mask, NULL) ==
			  (extra == 0 ? RC_OK : RC_TOO_LARGE));
		buf_release(&note);
	}
	log_signer_close(&s);
}

Test(seal_note, the_text_may_have_blank_lines_but_the_last_one_splits)
{
	struct bytes body, signatures;
	static const char note[] = "a\n\nb\n\n\xE2\x80\x94 x AAAAAAA=\n";

	cr_assert(note_split(bytes_str(note), &body, &signatures, NULL) == RC_OK);
	cr_assert(bytes_is(body, "a\n\nb\n"));
	cr_assert(bytes_is(signatures, "\xE2\x80\x94 x AAAAAAA=\n"));
}

Test(seal_note, no_prefix_and_no_bit_flip_of_a_note_opens)
{
	struct log_signer s = test_signer(3, TEST_ORIGIN);
	struct hash root = {{1}};
	struct bytes body, copy;
	struct buf note;
	uint64_t mask;
	size_t i;

	buf_init(&note, 0);
	cr_assert(checkpoint_sign(&s, 5, &root, bytes_str("an extension\n"), &note) == RC_OK);
	for (i = 0; i < note.n; i++) {
		copy = test_exact(bytes_of(note.p, i));
		cr_assert(
		    note_open(copy, &s.vkey, 1, &body, &mask, NULL) != RC_OK, "prefix %zu", i);
		test_free(copy);
	}
	for (i = 0; i < note.n * 8; i++) {
		note.p[i / 8] ^= (uint8_t)(1u << i % 8);
		cr_assert(note_open(buf_bytes(&note), &s.vkey, 1, &body, &mask, NULL) != RC_OK,
		    "bit %zu", i);
		note.p[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	buf_release(&note);
	log_signer_close(&s);
}
