/* test_seal_receipt_json.c - the JSON dialect: what is written reads back, and nothing else does. */
#include "unit/test_seal_help.h"

Test(seal_receipt_json, what_is_written_reads_back_the_same)
{
	struct small_log log;
	struct receipt r, back;
	struct arena arena;
	struct buf text;
	unsigned i, size;

	small_log_open(&log);
	arena_init(&arena, 1 << 20);
	for (size = 1; size <= LOG_LEAVES; size++) {
		for (i = 0; i < size; i++) {
			r = small_log_receipt(&log, i, size);
			if (i % 2 == 1)
				r.entry = BYTES_NONE;
			buf_init(&text, RECEIPT_SIZE_MAX);
			cr_assert(receipt_write_json(&r, &text) == RC_OK);
			cr_assert(receipt_sniff(buf_bytes(&text)) == RECEIPT_JSON);
			cr_assert(
			    receipt_read_json(buf_bytes(&text), &arena, &back, NULL) == RC_OK);
			cr_assert(back.index == i && back.tree_size == size && !back.leaf_unknown);
			cr_assert(hash_eq(&back.leaf, &r.leaf) && back.path_count == r.path_count);
			cr_assert(
			    memcmp(back.path, r.path, r.path_count * sizeof(struct hash)) == 0);
			cr_assert(bytes_eq(back.checkpoint, r.checkpoint) &&
				  bytes_eq(back.entry, r.entry));
			buf_release(&text);
			arena_reset(&arena);
		}
	}
	arena_release(&arena);
	small_log_close(&log);
}

/* The members by name, as users read them. */
Test(seal_receipt_json, has_the_members_of_the_contract)
{
	struct small_log log;
	struct receipt r;
	struct buf text;
	json_t *doc;
	char hex[HASH_HEX_SIZE];

	small_log_open(&log);
	r = small_log_receipt(&log, 2, 5);
	buf_init(&text, RECEIPT_SIZE_MAX);
	cr_assert(receipt_write_json(&r, &text) == RC_OK);
	doc = json_loadb((const char *)text.p, text.n, 0, NULL);
	cr_assert(doc != NULL && json_object_size(doc) == 6);
	cr_assert(json_integer_value(json_object_get(doc, "index")) == 2);
	cr_assert(json_integer_value(json_object_get(doc, "tree_size")) == 5);
	hash_hex(&r.leaf, hex);
	cr_assert_str_eq(json_string_value(json_object_get(doc, "leaf_hash")), hex);
	cr_assert(json_array_size(json_object_get(doc, "path")) == r.path_count);
	cr_assert(bytes_eq(text_of(doc, "checkpoint"), r.checkpoint));
	cr_assert(json_is_string(json_object_get(doc, "entry")));
	json_decref(doc);
	buf_release(&text);
	small_log_close(&log);
}

#define HASH64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

Test(seal_receipt_json, refuses_each_malformed_member)
{
	static const char *const bad[] = {
	    "",
	    "[]",
	    "{}",
	    "{\"index\":0,\"tree_size\":1,\"leaf_hash\":\"" HASH64 "\",\"path\":[]}",
	    "{\"index\":0,\"tree_size\":1,\"leaf_hash\":\"" HASH64 "\",\"checkpoint\":\"x\"}",
	    "{\"index\":0,\"tree_size\":1,\"path\":[],\"checkpoint\":\"x\"}",
	    "{\"index\":0,\"leaf_hash\":\"" HASH64 "\",\"path\":[],\"checkpoint\":\"x\"}",
	    "{\"index\":-1,\"tree_size\":1,\"leaf_hash\":\"" HASH64
	    "\",\"path\":[],\"checkpoint\":\"x\"}",
	    "{\"index\":0.0,\"tree_size\":1,\"leaf_hash\":\"" HASH64
	    "\",\"path\":[],\"checkpoint\":\"x\"}",
	    "{\"index\":\"0\",\"tree_size\":1,\"leaf_hash\":\"" HASH64
	    "\",\"path\":[],\"checkpoint\":\"x\"}",
	    "{\"index\":0,\"index\":0,\"tree_size\":1,\"leaf_hash\":\"" HASH64
	    "\",\"path\":[],\"checkpoint\":\"x\"}",
	    "{\"index\":0,\"tree_size\":1,\"leaf_hash\":\"" HASH64
	    "0\",\"path\":[],\"checkpoint\":\"x\"}",
	    "{\"index\":0,\"tree_size\":1,\"leaf_hash\":\"" HASH64 "\",\"path\":[\"" HASH64
	    "ab\"],\"checkpoint\":\"x\"}",
	    "{\"index\":0,\"tree_size\":1,\"leaf_hash\":\"" HASH64
	    "\",\"path\":[1],\"checkpoint\":\"x\"}",
	    "{\"index\":0,\"tree_size\":1,\"leaf_hash\":\"" HASH64
	    "\",\"path\":{},\"checkpoint\":\"x\"}",
	    "{\"index\":0,\"tree_size\":1,\"leaf_hash\":\"" HASH64
	    "\",\"path\":[],\"checkpoint\":\"\"}",
	    "{\"index\":0,\"tree_size\":1,\"leaf_hash\":\"" HASH64
	    "\",\"path\":[],\"checkpoint\":7}",
	    "{\"index\":0,\"tree_size\":1,\"leaf_hash\":\"" HASH64
	    "\",\"path\":[],\"checkpoint\":\"x\",\"entry\":\"\"}",
	    "{\"index\":0,\"tree_size\":1,\"leaf_hash\":\"" HASH64
	    "\",\"path\":[],\"checkpoint\":\"x\",\"entry\":\"A\"}",
	    "{\"index\":0,\"tree_size\":1,\"leaf_hash\":\"" HASH64
	    "\",\"path\":[],\"checkpoint\":\"x\",\"entry\":\"QQ\"}",
	    "{\"index\":0,\"tree_size\":1,\"leaf_hash\":\"" HASH64
	    "\",\"path\":[],\"checkpoint\":\"x\",\"entry\":null}",
	    "{\"index\":0,\"tree_size\":1,\"leaf_hash\":\"" HASH64
	    "\",\"path\":[],\"checkpoint\":\"x\"}x",
	};
	static const char good[] =
	    "{\"index\":0,\"tree_size\":1,\"leaf_hash\":\"" HASH64
	    "\",\"path\":[],\"checkpoint\":\"x\",\"entry\":\"QQ==\",\"later\":true}";
	struct arena arena;
	struct receipt r;
	size_t i;

	arena_init(&arena, 1 << 20);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct why why = {0};

		cr_expect(receipt_read_json(bytes_str(bad[i]), &arena, &r, &why) == RC_BAD_PROOF,
		    "%s", bad[i]);
		cr_expect(why.rule != NULL, "%s", bad[i]);
	}
	cr_assert(receipt_read_json(bytes_str(good), &arena, &r, NULL) == RC_OK);
	arena_release(&arena);
}

static enum rc
read_with_path(unsigned count)
{
	struct arena arena;
	struct receipt r;
	struct buf text;
	unsigned i;
	enum rc rc;

	buf_init(&text, 0);
	arena_init(&arena, 1 << 20);
	buf_add_str(&text, "{\"index\":0,\"tree_size\":1,\"leaf_hash\":\"" HASH64
			   "\",\"checkpoint\":\"x\",\"path\":[");
	for (i = 0; i < count; i++)
		buf_addf(&text, "%s\"%s\"", i > 0 ? "," : "", HASH64);
	buf_add_str(&text, "]}");
	rc = receipt_read_json(buf_bytes(&text), &arena, &r, NULL);
	arena_release(&arena);
	buf_release(&text);
	return rc;
}

Test(seal_receipt_json, reads_the_longest_path_and_not_one_hash_more)
{
	cr_assert(read_with_path(TREE_PATH_MAX) == RC_OK);
	cr_assert(read_with_path(TREE_PATH_MAX + 1) == RC_BAD_PROOF);
}

Test(seal_receipt_json, refuses_a_text_over_the_limit_and_numbers_that_json_would_round)
{
	struct arena arena;
	struct receipt r = {0};
	char *text = malloc(RECEIPT_SIZE_MAX + 1);
	struct buf out;

	cr_assert(text != NULL);
	memset(text, ' ', RECEIPT_SIZE_MAX + 1);
	text[0] = '{';
	text[1] = '}';
	arena_init(&arena, 1 << 20);
	cr_assert(receipt_read_json(bytes_of(text, RECEIPT_SIZE_MAX + 1), &arena, &r, NULL) ==
		  RC_TOO_LARGE);
	arena_release(&arena);
	free(text);
	memset(&r, 0, sizeof(r));
	buf_init(&out, 0);
	r.tree_size = (uint64_t)1 << 53;
	cr_assert(receipt_write_json(&r, &out) == RC_TOO_LARGE);
	buf_release(&out);
}

Test(seal_receipt_json, tells_when_the_arena_is_too_small)
{
	struct small_log log;
	struct receipt r, back;
	struct arena arena;
	struct buf text;

	small_log_open(&log);
	r = small_log_receipt(&log, 0, 3);
	buf_init(&text, 0);
	cr_assert(receipt_write_json(&r, &text) == RC_OK);
	arena_init(&arena, 64);
	cr_assert(receipt_read_json(buf_bytes(&text), &arena, &back, NULL) == RC_NO_MEMORY);
	arena_release(&arena);
	buf_release(&text);
	small_log_close(&log);
}
