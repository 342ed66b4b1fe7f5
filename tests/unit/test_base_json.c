/* test_base_json.c - the strict reader: what it gives, and what it refuses (and where). */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "lib/testlib.h"

static struct arena arena;
static struct why why;
static struct json_limits limits = {.size_max = 100000, .depth_max = 8, .nodes_max = 2000};

static struct bytes text_kept; /* the nodes point into it */

static void
forget(void)
{
	test_free(text_kept);
	text_kept = BYTES_NONE;
	arena_release(&arena);
}

TestSuite(base_json, .fini = forget);

static enum rc
parse_bytes(struct bytes text, struct json_node **root)
{
	forget();
	text_kept = test_exact(text);
	arena_init(&arena, 1 << 20);
	memset(&why, 0, sizeof(why));
	return json_parse(text_kept, &limits, false, &arena, root, &why);
}

static struct json_node *
good(const char *text)
{
	struct json_node *root = NULL;
	enum rc rc = parse_bytes(bytes_str(text), &root);

	cr_assert_eq(rc, RC_OK, "%s: %s", text, why.text);
	return root;
}

static void
bad(const char *text)
{
	struct json_node *root = NULL;

	cr_assert_eq(parse_bytes(bytes_str(text), &root), RC_BAD_TOKEN, "%s", text);
	cr_assert_null(root);
	cr_assert_not_null(why.rule);
	cr_assert_leq(why.at, strlen(text));
}

Test(base_json, reads_every_type)
{
	struct json_node *r =
	    good(" {\"o\":{}, \"a\" : [1,\"x\",true,false,null,[]] ,\"n\":-1.5e+3}\r\n\t");
	const struct json_node *a = json_member(r, "a"), *n;

	cr_assert_eq(r->type, JSN_OBJECT);
	cr_assert_eq(r->count, 3u);
	cr_assert_eq(r->depth, 1u);
	cr_assert_eq(json_member(r, "o")->type, JSN_OBJECT);
	cr_assert_eq(json_member(r, "o")->count, 0u);
	cr_assert_eq(a->type, JSN_ARRAY);
	cr_assert_eq(a->count, 6u);
	n = a->child;
	cr_assert_eq(n->type, JSN_NUMBER);
	cr_assert(bytes_is(n->text, "1"));
	cr_assert_eq(n->depth, 3u);
	n = n->next;
	cr_assert(bytes_is(n->text, "x"));
	cr_assert(bytes_is(n->raw, "\"x\""));
	n = n->next;
	cr_assert_eq(n->type, JSN_TRUE);
	n = n->next;
	cr_assert_eq(n->type, JSN_FALSE);
	n = n->next;
	cr_assert_eq(n->type, JSN_NULL);
	n = n->next;
	cr_assert_eq(n->type, JSN_ARRAY);
	cr_assert_null(n->next);
	cr_assert(bytes_is(json_member(r, "n")->raw, "-1.5e+3"));
}

Test(base_json, a_scalar_alone_is_a_text_unless_an_object_is_wanted)
{
	struct json_node *root = NULL;

	cr_assert_eq(good(" 17 ")->type, JSN_NUMBER);
	cr_assert_eq(good("\"x\"")->type, JSN_STRING);
	cr_assert_eq(json_parse(bytes_str("[]"), &limits, true, &arena, &root, &why), RC_BAD_TOKEN);
	cr_assert_eq(json_parse(bytes_str("{}"), &limits, true, &arena, &root, &why), RC_OK);
}

Test(base_json, raw_spans_are_the_bytes_as_received)
{
	struct json_node *r = good("{\"ext\": { \"a\" : [ 1 , 2 ] } , \"z\":0}");

	cr_assert(bytes_is(json_member(r, "ext")->raw, "{ \"a\" : [ 1 , 2 ] }"));
	cr_assert_eq(r->raw.n, strlen("{\"ext\": { \"a\" : [ 1 , 2 ] } , \"z\":0}"));
}

Test(base_json, an_unescaped_string_is_borrowed_not_copied)
{
	char text[] = "{\"a\":\"hello world, longer than eight\"}";
	struct json_node *root = NULL;

	arena_init(&arena, 1 << 20);
	cr_assert_eq(json_parse(bytes_str(text), &limits, true, &arena, &root, NULL), RC_OK);
	cr_assert_eq((const char *)root->child->text.p, text + 6);
	cr_assert_eq((const char *)root->child->name.p, text + 2);
}

Test(base_json, escapes_are_undone_in_values_and_names)
{
	struct json_node *r =
	    good("{\"\\u0061\\n\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00fc\\u20AC\\ud83d\\ude00end\"}");

	cr_assert(bytes_is(r->child->name, "a\n"));
	cr_assert(bytes_is(r->child->text, "\"\\/\b\f\n\r\t\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"
					   "end"));
}

Test(base_json, a_quote_or_escape_is_found_at_every_place_in_a_word_of_eight)
{
	for (size_t n = 0; n < 40; n++) {
		char text[256], want[64];
		struct json_node *r;

		memset(want, 'x', n);
		want[n] = '\0';
		(void)snprintf(text, sizeof(text), "[\"%s\",\"%s\\n%s\"]", want, want, want);
		r = good(text);
		cr_assert(bytes_is(r->child->text, want));
		cr_assert_eq(r->child->next->text.n, 2 * n + 1);
		cr_assert_eq(r->child->next->text.p[n], '\n');
	}
}

Test(base_json, every_control_character_is_refused_at_every_place_in_a_string)
{
	for (int c = 0; c < 0x20; c++)
		for (size_t n = 0; n < 20; n++) {
			char text[32];
			struct json_node *root = NULL;

			memset(text, 'x', sizeof(text));
			text[0] = text[21] = '"';
			text[1 + n] = (char)c;
			cr_assert_eq(parse_bytes(bytes_of(text, 22), &root), RC_BAD_TOKEN);
			cr_assert_eq(why.at, 1 + n);
		}
}

Test(base_json, refuses_a_duplicate_name_after_unescaping)
{
	bad("{\"a\":1,\"a\":1}");
	bad("{\"a\":1,\"\\u0061\":2}");
	bad("[[{\"x\":{\"\":1,\"b\":2,\"\":3}}]]");
	(void)good("{\"a\":{\"a\":1},\"A\":1,\"\":2}");
}

Test(base_json, refuses_a_duplicate_among_many_names_wherever_it_is)
{
	for (int twin = 0; twin < 39; twin++) {
		char text[1024];
		size_t n = 0;

		for (int i = 0; i < 40; i++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%c\"k%d\":%d",
			    i == 0 ? '{' : ',', i == 39 ? twin : i, i);
		(void)snprintf(text + n, sizeof(text) - n, "}");
		bad(text);
	}
	(void)good("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,"
		   "\"j\":1,\"k\":1,\"l\":1,\"m\":1,\"n\":1}");
}

Test(base_json, refuses_lone_and_swapped_surrogates)
{
	bad("\"\\ud800\"");
	bad("\"\\udc00\"");
	bad("\"\\ud800x\"");
	bad("\"\\ud800\\u0041\"");
	bad("\"\\ude00\\ud83d\"");
	bad("\"\\ud83d\\ud83d\"");
	bad("\"\\ud83d\\ude0\"");
	bad("{\"\\ud800\":1}");
	cr_assert(bytes_is(good("\"\\uDBFF\\uDFFF\"")->text, "\xf4\x8f\xbf\xbf"));
}

Test(base_json, refuses_nul_in_any_string_or_name)
{
	struct json_node *root = NULL;

	bad("\"a\\u0000\"");
	bad("{\"\\u0000\":1}");
	cr_assert_eq(parse_bytes(bytes_of("\"a\0b\"", 5), &root), RC_BAD_TOKEN);
	cr_assert_eq(parse_bytes(bytes_of("{}\0", 3), &root), RC_BAD_TOKEN);
}

Test(base_json, refuses_text_that_is_not_utf8)
{
	bad("\"\x80\"");
	bad("\"\xc0\x80\"");
	bad("\"\xc3\"");
	bad("\"\xed\xa0\x80\"");
	bad("\"\xf4\x90\x80\x80\"");
	bad("\"12345678\xff"
	    "12345678\"");
	bad("{\"\xff\":1}");
	cr_assert(bytes_is(good("\"1234567\xc3\xbc\"")->text, "1234567\xc3\xbc"));
}

Test(base_json, refuses_a_byte_order_mark_and_trailing_bytes)
{
	bad("\xef\xbb\xbf{}");
	bad("{}{}");
	bad("{} x");
	bad("1 2");
	bad("{},");
	bad("\v{}");
}

Test(base_json, refuses_broken_structure)
{
	static const char *const texts[] = {"", " ", "{", "[", "{\"a\"", "{\"a\":", "{\"a\":1",
	    "{\"a\":1,", "{\"a\":1,}", "[1,", "[1,]", "[,1]", "[1 2]", "{\"a\" 1}", "{\"a\"::1}",
	    "{a:1}", "{1:1}", "{,}", "[}", "{]", "]", "}", ",", ":", "'a'", "{\"a\":1]", "[1}",
	    "/* */{}", "[1]//", "{\"a\":\"b}", "\"", "\"\\\"", "\"a\\", "nul", "tru", "True",
	    "nulll", "truefalse", "NaN", "Infinity", "-Infinity", "undefined", "[true1]"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		bad(texts[i]);
}

Test(base_json, refuses_escapes_that_do_not_exist)
{
	bad("\"\\x41\"");
	bad("\"\\'\"");
	bad("\"\\u12\"");
	bad("\"\\u12g4\"");
	bad("\"\\U0041\"");
	bad("\"\\\n\"");
	bad("\"\\\xc3\xbc\"");
	bad("\"\\u+123\"");
}

Test(base_json, checks_the_grammar_of_numbers_and_keeps_their_text)
{
	static const char *const wrong[] = {"01", "-01", "+1", "-", ".5", "1.", "1.e3", "1e", "1e+",
	    "0x10", "1_000", "--1", "1e5.2", "00", "-.5", "1..2"};
	static const char *const right[] = {
	    "0", "-0", "1e400", "123456789012345678901234567890", "0.10", "1E-7", "-0.0e0"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		bad(wrong[i]);
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		cr_assert(bytes_is(good(right[i])->text, right[i]));
}

Test(base_json, whole_numbers_are_plain_digits_below_two_to_the_53)
{
	static const char *const no[] = {"-1", "-0", "1.0", "1e3", "9007199254740992",
	    "99999999999999999999", "\"1\"", "true", "null", "[1]"};
	uint64_t v = 7;

	cr_assert(json_uint(good("9007199254740991"), &v));
	cr_assert_eq(v, UINT64_C(9007199254740991));
	cr_assert(json_uint(good("0"), &v));
	cr_assert_eq(v, 0u);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		cr_assert_not(json_uint(good(no[i]), &v), "%s", no[i]);
	cr_assert_not(json_uint(NULL, &v));
}

Test(base_json, the_depth_limit_is_exact)
{
	struct json_node *root = NULL;

	(void)good("[[[[[[[[1]]]]]]]]");
	cr_assert_eq(parse_bytes(bytes_str("[[[[[[[[[]]]]]]]]]"), &root), RC_TOO_LARGE);
	(void)good("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}");
	cr_assert_eq(
	    parse_bytes(
		bytes_str("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":[]}}}}}}}}"),
		&root),
	    RC_TOO_LARGE);
}

Test(base_json, a_million_brackets_are_refused_without_recursion)
{
	static char text[1000000];
	struct json_limits wide = {.size_max = SIZE_MAX, .depth_max = 64, .nodes_max = SIZE_MAX};
	struct json_node *root = NULL;

	memset(text, '[', sizeof(text));
	arena_init(&arena, 1 << 20);
	cr_assert_eq(json_parse(bytes_of(text, sizeof(text)), &wide, false, &arena, &root, &why),
	    RC_TOO_LARGE);
	cr_assert_eq(why.at, 64u);
}

Test(base_json, the_size_limit_is_exact)
{
	struct json_node *root = NULL;

	limits.size_max = 4;
	(void)good("[  ]");
	cr_assert_eq(parse_bytes(bytes_str("[   ]"), &root), RC_TOO_LARGE);
}

Test(base_json, the_node_limit_is_exact)
{
	struct json_node *root = NULL;

	limits.nodes_max = 4;
	(void)good("[1,2,3]");
	cr_assert_eq(parse_bytes(bytes_str("[1,2,3,4]"), &root), RC_TOO_LARGE);
}

Test(base_json, no_memory_is_an_answer_at_every_size)
{
	static const char text[] = "{\"a\":\"\\n\",\"b\":[1,2,{\"c\":null}]}";
	enum rc rc = RC_NO_MEMORY;
	struct json_node *root;
	size_t max;

	for (max = 0; rc == RC_NO_MEMORY; max += 16) {
		struct arena a;

		arena_init(&a, max);
		rc = json_parse(bytes_str(text), &limits, true, &a, &root, &why);
		cr_assert(rc == RC_NO_MEMORY ? root == NULL : rc == RC_OK);
		arena_release(&a);
		cr_assert_lt(max, 100000u);
	}
	cr_assert_gt(max, 1000u);
}

Test(base_json, a_limit_over_the_parsers_own_is_a_bug, .signal = SIGABRT)
{
	struct json_limits deep = {.size_max = 10, .depth_max = 65, .nodes_max = 10};
	struct json_node *root;

	(void)json_parse(bytes_str("{}"), &deep, false, &arena, &root, NULL);
}

Test(base_json, depth_counts_objects_and_arrays_the_value_itself_as_one)
{
	struct json_node *r = good("{\"x\":{\"a\":[[1]],\"b\":{}},\"y\":[[[]]],\"z\":1}");

	cr_assert_eq(json_depth(r), 4u);
	cr_assert_eq(json_depth(json_member(r, "x")), 3u, "its siblings do not count");
	cr_assert_eq(json_depth(json_member(r, "y")), 3u);
	cr_assert_eq(json_depth(json_member(r, "z")), 1u);
	cr_assert_eq(json_depth(good("{\"a\":1}")), 1u);
	cr_assert_eq(json_depth(good("{}")), 1u);
}

Test(base_json, a_member_is_found_by_its_whole_name_only)
{
	struct json_node *r = good("{\"ab\":1,\"a\":2}");

	cr_assert(bytes_is(json_member(r, "a")->text, "2"));
	cr_assert_null(json_member(r, "abc"));
	cr_assert_null(json_member(r, ""));
	cr_assert_null(json_member(good("[1]"), "a"));
	cr_assert_null(json_member(NULL, "a"));
}

Test(base_json, a_hundred_thousand_names_do_not_take_quadratic_time)
{
	struct json_limits wide = {.size_max = SIZE_MAX, .depth_max = 2, .nodes_max = 200001};
	struct json_node *root;
	struct buf b;

	buf_init(&b, 0);
	for (int i = 0; i < 100000; i++)
		buf_addf(&b, "%c\"same-prefix-%d\":0", i == 0 ? '{' : ',', i);
	buf_add_str(&b, "}");
	arena_init(&arena, 64 << 20);
	cr_assert_eq(json_parse(buf_bytes(&b), &wide, true, &arena, &root, NULL), RC_OK);
	cr_assert_eq(root->count, 100000u);
	buf_release(&b);
}
