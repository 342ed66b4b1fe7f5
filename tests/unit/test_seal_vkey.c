/* test_seal_vkey.c - verifier keys: derived ids, the published bad ones, keys that prove nothing. */
#include "unit/test_seal_help.h"

Test(seal_vkey, derives_the_published_ids)
{
	json_t *doc = test_vectors(TEST_DATA, "vectors/checkpoint/signed-note.json"), *c;
	char text[512], id[9];
	struct vkey made, read;
	struct bytes raw;
	size_t i;

	json_array_foreach(json_object_get(doc, "key_ids"), i, c)
	{
		raw = test_hex(json_string_value(json_object_get(c, "public_key_hex")));
		cr_assert(raw.n == 32);
		vkey_make(json_string_value(json_object_get(c, "name")),
		    (uint8_t)json_integer_value(json_object_get(c, "type")), raw.p, &made);
		snprintf(id, sizeof(id), "%08x", made.id);
		cr_assert_str_eq(id, json_string_value(json_object_get(c, "key_id")));
		cr_assert(vkey_text(&made, text, sizeof(text)) == strlen(text));
		if (json_object_get(c, "vkey") != NULL)
			cr_assert_str_eq(text, json_string_value(json_object_get(c, "vkey")));
		read = vkey_of(bytes_str(text));
		cr_assert(memcmp(&read, &made, sizeof(read)) == 0);
		test_free(raw);
	}
	cr_assert(i == 4);
	json_decref(doc);
}

Test(seal_vkey, refuses_the_published_bad_keys)
{
	json_t *doc = test_vectors(TEST_DATA, "vectors/checkpoint/signed-note.json"), *c;
	struct vkey key;
	size_t i;

	json_array_foreach(json_object_get(doc, "bad_vkeys"), i, c)
	{
		struct why why = {0};

		cr_expect(vkey_parse(text_of(c, "vkey"), &key, &why) == RC_BAD_KEY, "%s",
		    json_string_value(json_object_get(c, "why")));
		cr_expect(why.rule != NULL);
	}
	cr_assert(i == 7);
	json_decref(doc);
}

/* Under the identity as key, R = identity and S = 0 verify for every message: such a key must not
 * come in at all. */
Test(seal_vkey, refuses_keys_of_small_order)
{
	static const char *const keys[] = {
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    "0100000000000000000000000000000000000000000000000000000000000000",
	    "0100000000000000000000000000000000000000000000000000000000000080",
	    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"};
	struct vkey made, read;
	struct bytes raw, body;
	char text[512];
	struct buf note;
	uint8_t forged[68] = {0};
	uint64_t mask;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct why why = {0};

		raw = test_hex(keys[i]);
		vkey_make("x", NOTE_ED25519, raw.p, &made);
		cr_assert(vkey_text(&made, text, sizeof(text)) > 0);
		cr_assert(vkey_parse(bytes_str(text), &read, &why) == RC_BAD_KEY);
		cr_assert(strstr(why.rule, "small order") != NULL);
		test_free(raw);
	}
	raw = test_hex(keys[1]);
	vkey_make("x", NOTE_ED25519, raw.p, &made);
	put_u32(forged, made.id);
	forged[4] = 1;
	buf_init(&note, 0);
	buf_add_str(&note, "anything\n\n\xE2\x80\x94 x ");
	buf_add_b64(&note, bytes_of(forged, sizeof(forged)));
	buf_add_str(&note, "\n");
	cr_assert(note_open(buf_bytes(&note), &made, 1, &body, &mask, NULL) == RC_BAD_SIGNATURE);
	buf_release(&note);
	test_free(raw);
}

Test(seal_vkey, tells_when_there_is_no_room_for_the_text)
{
	struct log_signer s = test_signer(1, TEST_ORIGIN);
	char text[512];
	size_t n = vkey_text(&s.vkey, text, sizeof(text));

	cr_assert(n > 0 && vkey_text(&s.vkey, text, n) == 0);
	cr_assert(vkey_text(&s.vkey, text, n + 1) == n);
	log_signer_close(&s);
}

Test(seal_vkey, refuses_names_with_any_kind_of_space)
{
	static const char *const names[] = {"a b", "a\tb",
	    "a\xC2\xA0"
	    "b",
	    "a\xE2\x80\x83"
	    "b",
	    "a\xE3\x80\x80", "a\x7F", ""};
	struct log_signer s;
	uint8_t seed[32] = {1};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_expect(log_signer_from_seed(seed, names[i], &s) == RC_BAD_KEY, "%zu", i);
	cr_assert(log_signer_from_seed(seed, "caf\xC3\xA9/\xE2\x82\xAC", &s) == RC_OK);
	log_signer_close(&s);
}

Test(seal_vkey, must_not_make_a_key_with_a_plus_in_its_name, .signal = SIGABRT)
{
	uint8_t raw[32] = {9};
	struct vkey key;

	vkey_make("a+b", NOTE_ED25519, raw, &key);
}
