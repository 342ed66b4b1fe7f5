/*
 * test_answer_descriptor.c - what a descriptor may say, in both media.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "answer/descriptor.h"
#include "lib/testlib.h"

static struct arena arena;

static void
open_arena(void)
{
	arena_init(&arena, 16 << 20);
}

static void
close_arena(void)
{
	arena_release(&arena);
}

TestSuite(answer_descriptor, .init = open_arena, .fini = close_arena);

static enum rc
read_json(const char *text, const struct descriptor **d, struct why *why)
{
	return descriptor_read(bytes_str(text), DESCRIPTOR_JSON, &arena, d, why);
}

static const struct descriptor *
good(const char *text)
{
	const struct descriptor *d = NULL;
	struct why why = {0};

	cr_assert_eq(read_json(text, &d, &why), RC_OK, "%s: %s", text, why.text);
	return d;
}

#define BAD(json, member)                                                                          \
	do {                                                                                       \
		const struct descriptor *d_ = (const struct descriptor *)&arena;                   \
		struct why why_ = {0};                                                             \
		cr_expect_eq(read_json(json, &d_, &why_), RC_BAD_REQUEST, "%s", json);             \
		cr_expect_null(d_);                                                                \
		cr_assert_not_null(why_.claim, "%s", json);                                        \
		cr_expect_str_eq(why_.claim, member, "%s: %s", json, why_.text);                   \
	} while (0)

Test(answer_descriptor, reads_every_member)
{
	const struct descriptor *d = good(
	    "{\"name\":\"sheet\",\"version\":\"2\",\"quota\":{\"tasks_max\":9,\"agents_max\":3,"
	    "\"wall_s_max\":60},"
	    "\"nodes\":[{\"id\":\"a\"},{\"id\":\"b\",\"act\":\"write_cell\",\"after\":[\"a\"],"
	    "\"hitl\":{\"role\":\"owner\",\"kind\":\"notify\"},\"resources\":{\"cpu\":[1.5e3]},"
	    "\"quota\":{\"count_max\":4,\"wall_s_max\":5}}]}");
	const struct descriptor_node *b = &d->nodes[1];

	cr_expect(bytes_is(d->name, "sheet") && bytes_is(d->version, "2"));
	cr_expect_eq(d->tasks_max, 9);
	cr_expect_eq(d->agents_max, 3);
	cr_expect_eq(d->wall_s_max, 60);
	cr_expect_eq(d->count, 2);
	cr_expect(bytes_is(d->nodes[0].act, "a"), "no act: the id is it");
	cr_expect_eq(d->nodes[0].hitl, DESCRIPTOR_NO_HITL);
	cr_expect_eq(d->nodes[0].count_max, 0);
	cr_expect(bytes_is(b->id, "b") && bytes_is(b->act, "write_cell"));
	cr_expect_eq(b->after_count, 1);
	cr_expect_eq(b->after[0], 0);
	cr_expect_eq(b->hitl, DESCRIPTOR_NOTIFY);
	cr_expect(bytes_is(b->role, "owner"));
	cr_expect(bytes_is(b->resources, "{\"cpu\":[1.5e3]}"));
	cr_expect_eq(b->count_max, 4);
	cr_expect_eq(b->wall_s_max, 5);
}

Test(answer_descriptor, a_slot_without_words_is_an_approval_by_anybody)
{
	const struct descriptor *d = good("{\"nodes\":[{\"id\":\"a\",\"hitl\":{}}]}");

	cr_expect_eq(d->nodes[0].hitl, DESCRIPTOR_APPROVAL);
	cr_expect_eq(d->nodes[0].role.n, 0);
}

Test(answer_descriptor, the_order_has_the_smaller_place_first_where_it_is_free)
{
	const struct descriptor *d =
	    good("{\"nodes\":[{\"id\":\"z\",\"after\":[\"m\"]},{\"id\":\"m\"},"
		 "{\"id\":\"a\",\"after\":[\"z\",\"m\"]},{\"id\":\"k\"}]}");

	cr_expect_eq(d->order[0], 1);
	cr_expect_eq(d->order[1], 0);
	cr_expect_eq(d->order[2], 2);
	cr_expect_eq(d->order[3], 3);
	cr_expect_eq(descriptor_find(d, bytes_str("a")), 2);
	cr_expect_eq(descriptor_find(d, bytes_str("k")), 3);
	cr_expect_eq(descriptor_find(d, bytes_str("m")), 1);
	cr_expect_eq(descriptor_find(d, bytes_str("z")), 0);
	cr_expect_eq(descriptor_find(d, bytes_str("")), 4);
	cr_expect_eq(descriptor_find(d, bytes_str("zz")), 4);
}

Test(answer_descriptor, each_breach_names_its_member)
{
	BAD("", "descriptor");
	BAD("[]", "descriptor");
	BAD("{\"nodes\":[{\"id\":\"a\"}]} x", "descriptor");
	BAD("{\"nodes\":[{\"id\":\"a\"}],\"nodes\":[]}", "descriptor");
	BAD("{\"nodes\":[{\"id\":\"a\"}],\"owner\":1}", "descriptor");
	BAD("{\"nodes\":[{\"id\":\"a\"}],\"name\":1}", "descriptor");
	BAD("{\"nodes\":[{\"id\":\"a\"}],\"name\":\"\"}", "descriptor");
	BAD("{\"nodes\":[{\"id\":\"a\"}],\"version\":\"a\\nb\"}", "descriptor");
	BAD("{}", "nodes");
	BAD("{\"nodes\":{}}", "nodes");
	BAD("{\"nodes\":{\"a\":{\"id\":\"a\"}}}", "nodes");
	BAD("{\"nodes\":[]}", "nodes");
	BAD("{\"nodes\":[\"a\"]}", "nodes");
	BAD("{\"nodes\":[{\"id\":\"a\",\"colour\":1}]}", "nodes");
	BAD("{\"nodes\":[{}]}", "id");
	BAD("{\"nodes\":[{\"id\":7}]}", "id");
	BAD("{\"nodes\":[{\"id\":\"\"}]}", "id");
	BAD("{\"nodes\":[{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":\"a\"}]}", "id");
	BAD("{\"nodes\":[{\"id\":\"a\",\"act\":\"\"}]}", "act");
	BAD("{\"nodes\":[{\"id\":\"a\",\"act\":[]}]}", "act");
	BAD("{\"nodes\":[{\"id\":\"a\",\"after\":\"b\"}]}", "after");
	BAD("{\"nodes\":[{\"id\":\"a\",\"after\":[1]}]}", "after");
	BAD("{\"nodes\":[{\"id\":\"a\",\"after\":[\"b\"]}]}", "after");
	BAD("{\"nodes\":[{\"id\":\"a\"},{\"id\":\"b\",\"after\":[\"a\",\"a\"]}]}", "after");
	BAD("{\"nodes\":[{\"id\":\"a\",\"hitl\":true}]}", "hitl");
	BAD("{\"nodes\":[{\"id\":\"a\",\"hitl\":{\"kind\":\"maybe\"}}]}", "hitl");
	BAD("{\"nodes\":[{\"id\":\"a\",\"hitl\":{\"role\":\"\"}}]}", "hitl");
	BAD("{\"nodes\":[{\"id\":\"a\",\"hitl\":{\"who\":\"x\"}}]}", "hitl");
	BAD("{\"nodes\":[{\"id\":\"a\",\"resources\":[]}]}", "resources");
	BAD("{\"nodes\":[{\"id\":\"a\",\"quota\":[]}]}", "quota");
	BAD("{\"nodes\":[{\"id\":\"a\",\"quota\":{\"count_max\":0}}]}", "quota");
	BAD("{\"nodes\":[{\"id\":\"a\",\"quota\":{\"count_max\":-1}}]}", "quota");
	BAD("{\"nodes\":[{\"id\":\"a\",\"quota\":{\"tasks_max\":1}}]}", "quota");
	BAD("{\"nodes\":[{\"id\":\"a\"}],\"quota\":{\"count_max\":1}}", "quota");
}

Test(answer_descriptor, circles_are_refused_however_long)
{
	BAD("{\"nodes\":[{\"id\":\"a\",\"after\":[\"a\"]}]}", "after");
	BAD("{\"nodes\":[{\"id\":\"a\",\"after\":[\"b\"]},{\"id\":\"b\",\"after\":[\"a\"]}]}",
	    "after");
	BAD("{\"nodes\":[{\"id\":\"s\"},{\"id\":\"a\",\"after\":[\"s\",\"c\"]},{\"id\":\"b\","
	    "\"after\":[\"a\"]},"
	    "{\"id\":\"c\",\"after\":[\"b\"]}]}",
	    "after");
}

/* "{nodes:[{id:n0},{id:n1,after:[n0]},...]}" */
static char *
chain(size_t count)
{
	struct buf b;

	buf_init(&b, 0);
	buf_add_str(&b, "{\"nodes\":[");
	for (size_t i = 0; i < count; i++) {
		buf_addf(&b, "%s{\"id\":\"n%zu\"", i ? "," : "", i);
		if (i > 0)
			buf_addf(&b, ",\"after\":[\"n%zu\"]", i - 1);
		buf_add_str(&b, "}");
	}
	buf_add_str(&b, "]}");
	buf_add(&b, "", 1);
	cr_assert_not(b.bad);
	return (char *)b.p;
}

Test(answer_descriptor, a_thousand_nodes_and_no_more)
{
	const struct descriptor *d;
	char *text = chain(DESCRIPTOR_NODES_MAX);

	cr_assert_leq(strlen(text), DESCRIPTOR_SIZE_MAX);
	d = good(text);
	for (size_t i = 0; i < d->count; i++)
		cr_expect_eq(d->order[i], i);
	free(text);
	text = chain(DESCRIPTOR_NODES_MAX + 1);
	cr_expect_eq(read_json(text, &d, NULL), RC_TOO_LARGE);
	free(text);
}

Test(answer_descriptor, size_depth_and_length_have_limits)
{
	static char text[DESCRIPTOR_SIZE_MAX + 100];
	const struct descriptor *d;
	int n = snprintf(text, sizeof(text), "{\"nodes\":[{\"id\":\"a\"}]");

	memset(text + n, ' ', DESCRIPTOR_SIZE_MAX - (size_t)n - 1);
	text[DESCRIPTOR_SIZE_MAX - 1] = '}';
	good(text);
	text[DESCRIPTOR_SIZE_MAX - 1] = ' ';
	text[DESCRIPTOR_SIZE_MAX] = '}';
	cr_expect_eq(read_json(text, &d, NULL), RC_TOO_LARGE);
	good("{\"nodes\":[{\"id\":\"a\",\"resources\":{\"a\":[[[[1]]]]}}]}");
	cr_expect_eq(
	    read_json("{\"nodes\":[{\"id\":\"a\",\"resources\":{\"a\":[[[[[1]]]]]}}]}", &d, NULL),
	    RC_TOO_LARGE);
	memset(text, 'x', sizeof(text));
	memcpy(text, "{\"nodes\":[{\"id\":\"", 17);
	memcpy(text + 17 + DESCRIPTOR_ID_MAX, "\"}]}", 5);
	good(text);
	text[17 + DESCRIPTOR_ID_MAX] = 'x';
	memcpy(text + 18 + DESCRIPTOR_ID_MAX, "\"}]}", 5);
	BAD(text, "id");
}

Test(answer_descriptor, memory_that_runs_out_is_said)
{
	const char *text = "{\"nodes\":[{\"id\":\"a\"},{\"id\":\"b\",\"after\":[\"a\"]}]}";
	size_t refused = 0;

	for (size_t max = 0; max < 16384; max += 64) {
		const struct descriptor *d;
		struct arena small;
		enum rc rc;

		arena_init(&small, max);
		rc = descriptor_read(bytes_str(text), DESCRIPTOR_JSON, &small, &d, NULL);
		cr_expect(rc == RC_OK || rc == RC_NO_MEMORY);
		cr_expect_eq(d != NULL, rc == RC_OK);
		refused += rc == RC_NO_MEMORY;
		arena_release(&small);
	}
	cr_expect_gt(refused, 0);
	cr_expect_lt(refused, 256);
}

/* ---- CBOR ---- */

static enum rc
read_hex(const char *hex, const struct descriptor **d, struct why *why)
{
	struct bytes x = test_hex(hex), kept;

	cr_assert(arena_dup(&arena, x, &kept));
	test_free(x);
	return descriptor_read(kept, DESCRIPTOR_CBOR, &arena, d, why);
}

#define A1 "a1656e6f646573" /* {"nodes": */
#define ID_A                                                                                       \
	"626964"                                                                                   \
	"6161" /* "id":"a" */

Test(answer_descriptor, cbor_says_the_same)
{
	const struct descriptor *d;
	struct why why = {0};

	/* {"nodes":[{"id":"a"},{"id":"b","act":"x","hitl":{"role":"r"},"after":["a"],"quota":{"count_max":4},
	 * "resources":{"k":h'00'}}],"quota":{"tasks_max":9}} */
	cr_assert_eq(read_hex("a2656e6f64657382"
			      "a1" ID_A "a6"
			      "626964"
			      "6162"
			      "63616374"
			      "6178"
			      "646869746c"
			      "a164726f6c656172"
			      "656166746572"
			      "816161"
			      "6571756f7461"
			      "a169636f756e745f6d617804"
			      "697265736f7572636573"
			      "a1616b4100"
			      "6571756f7461"
			      "a1697461736b735f6d617809",
			 &d, &why),
	    RC_OK, "%s", why.text);
	cr_expect_eq(d->count, 2);
	cr_expect_eq(d->tasks_max, 9);
	cr_expect(bytes_is(d->nodes[1].act, "x") && bytes_is(d->nodes[1].role, "r"));
	cr_expect_eq(d->nodes[1].count_max, 4);
	cr_expect_eq(d->nodes[1].after[0], 0);
	cr_expect_eq(d->nodes[1].resources.n, 5, "the value as it was encoded");
	cr_expect_eq(d->nodes[1].resources.p[0], 0xa1);
}

Test(answer_descriptor, cbor_that_is_not_in_the_one_form_is_refused)
{
	static const char *const bad[] = {"", "80", "f6", "00",
	    A1 "81a1" ID_A "00",	 /* bytes behind */
	    A1 "9fa1" ID_A "ff",	 /* no length given */
	    "b801656e6f64657381a1" ID_A, /* a head that is not the shortest */
	    A1 "81a1"
	       "626964"
	       "4161", /* the id as bytes */
	    A1 "81a1"
	       "42"
	       "6964"
	       "6161", /* a name as bytes */
	    A1 "81a1"
	       "626964"
	       "01",
	    A1 "81a1"
	       "626964"
	       "f6",
	    A1 "81a1"
	       "626964"
	       "c06161", /* a tag */
	    A1 "81a2"
	       "6571756f7461a0" ID_A, /* names out of order */
	    A1 "81a2" ID_A ID_A,      /* twice */
	    A1 "81a2" ID_A "6571756f7461"
	       "a169636f756e745f6d617820", /* -1 */
	    A1 "81a2" ID_A "6571756f7461"
	       "a169636f756e745f6d6178fb3ff0000000000000", /* 1.0 */
	    A1 "81a1"
	       "626964"
	       "61ff"}; /* no UTF-8 */

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct descriptor *d;
		struct why why = {0};

		cr_expect_eq(read_hex(bad[i], &d, &why), RC_BAD_REQUEST, "%s", bad[i]);
		cr_expect_null(d);
		cr_expect_not_null(why.claim, "%s", bad[i]);
	}
}
