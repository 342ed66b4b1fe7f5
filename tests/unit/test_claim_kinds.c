/*
 * test_claim_kinds.c - a deployment's additions to the table of kinds.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claim/claim.h"
#include "claim/kind.h"

static struct arena arena;

static void
up(void)
{
	arena_init(&arena, 16 << 20);
}

static void
down(void)
{
	arena_release(&arena);
}

TestSuite(claim_kinds, .init = up, .fini = down);

static const struct json_node *
parse(const char *text)
{
	static const struct json_limits limits = {1 << 20, 16, 65536};
	struct json_node *root = NULL;

	cr_assert_eq(json_parse(bytes_str(text), &limits, false, &arena, &root, NULL), RC_OK, "%s", text);
	return root;
}

static const struct kinds *
make(const char *text)
{
	const struct kinds *kinds = NULL;
	struct why why = {0};

	cr_assert_eq(kinds_make(parse(text), &arena, &kinds, &why), RC_OK, "%s: %s", text, why.text);
	return kinds;
}

static const struct kind *
of(const struct kinds *kinds, const char *act)
{
	return kinds_of(kinds, bytes_str(act));
}

static enum rc
check(const struct kind *kind, size_t pred_count, const char *ext)
{
	static const uint8_t pred[CLAIM_PRED_MAX][UUID_SIZE] = {{1}};

	return kind_check(kind,
	    &(struct kind_task){
		.pred = pred, .pred_count = pred_count, .ext = ext == NULL ? NULL : parse(ext)},
	    NULL);
}

Test(claim_kinds, nothing_added_is_the_built_in_table)
{
	const struct kinds *kinds = (const struct kinds *)&arena;

	cr_expect_eq(kinds_make(NULL, &arena, &kinds, NULL), RC_OK);
	cr_expect_null(kinds);
	cr_expect_null(make("[]"));
	cr_expect_eq(kinds_count(NULL), kind_count());
	cr_expect_eq(of(NULL, "failure"), kind_named("failure"));
}

Test(claim_kinds, a_row_adds_patterns_to_a_built_in_kind)
{
	const struct kinds *kinds = make("[{\"means\":\"failure\",\"act\":[\"crash\",\"err.*\"]}]");

	cr_expect_eq(kinds_count(kinds), kind_count() + 1);
	cr_expect_eq(of(kinds, "crash")->id, KIND_FAILURE);
	cr_expect_eq(of(kinds, "err.timeout")->id, KIND_FAILURE);
	cr_expect_eq(of(kinds, "err.")->id, KIND_FAILURE);
	cr_expect_eq(of(kinds, "err")->id, KIND_TASK);
	cr_expect_eq(of(kinds, "failure")->id, KIND_FAILURE);
	cr_expect_str_eq(of(kinds, "crash")->name, "failure");
	cr_expect_eq(of(kinds, "crash")->pred_min, 1);
	cr_expect_eq(of(kinds, "crash")->bit, KIND_BIT(FAILURE));
	cr_expect_eq(check(of(kinds, "crash"), 1, "{\"fail_class\":\"nothing\"}"), RC_BAD_KIND);
}

Test(claim_kinds, exact_patterns_win_over_prefixes_and_longer_prefixes_over_shorter)
{
	const struct kinds *kinds = make("[{\"name\":\"any\",\"act\":[\"*\"]},{\"name\":\"a\",\"act\":[\"pay*\"]},"
					 "{\"name\":\"b\",\"act\":[\"pay.out*\"]},{\"name\":\"c\",\"act\":[\"pay.out.now\"]}]");

	cr_expect_str_eq(of(kinds, "pay")->name, "a");
	cr_expect_str_eq(of(kinds, "pay.ou")->name, "a");
	cr_expect_str_eq(of(kinds, "pay.out")->name, "b");
	cr_expect_str_eq(of(kinds, "pay.out.now")->name, "c");
	cr_expect_str_eq(of(kinds, "pay.out.now.")->name, "b");
	cr_expect_str_eq(of(kinds, "else")->name, "any");
	cr_expect_str_eq(of(kinds, "failure")->name, "failure");
}

Test(claim_kinds, keys_are_renamed_and_so_are_the_values_of_a_code)
{
	const struct kinds *kinds = make(
	    "[{\"name\":\"approval\",\"means\":\"hitl_decision\",\"act\":[\"ok\"],\"keys\":["
	    "{\"name\":\"verdict\",\"means\":\"decision\",\"values\":[\"yes\",\"no\",\"up\",\"back\",\"off\"]},"
	    "{\"name\":\"x.ticket\",\"type\":\"string\",\"required\":true,\"values\":[\"A\",\"B\"]}]}]");
	const struct kind *k = of(kinds, "ok");
	const struct json_node *ext = parse("{\"verdict\":\"no\",\"x.ticket\":\"A\"}");

	cr_expect_eq(k->id, KIND_HITL_DECISION);
	cr_expect_eq(kinds_named(kinds, bytes_str("approval")), k);
	cr_expect_eq(kind_code(k, ext), DECISION_DENIED);
	cr_expect_eq(kind_ext(k, ext, "decision"), json_member(ext, "verdict"));
	cr_expect_null(kind_ext(k, ext, "verdict"));
	cr_expect_eq(kind_ext(k, ext, "x.ticket"), json_member(ext, "x.ticket"));
	cr_expect_eq(check(k, 1, "{\"verdict\":\"no\",\"x.ticket\":\"A\"}"), RC_OK);
	cr_expect_eq(check(k, 1, "{\"verdict\":\"denied\",\"x.ticket\":\"A\"}"), RC_BAD_KIND);
	cr_expect_eq(check(k, 1, "{\"decision\":\"denied\",\"x.ticket\":\"A\"}"), RC_BAD_KIND);
	cr_expect_eq(check(k, 1, "{\"verdict\":\"no\",\"x.ticket\":\"C\"}"), RC_BAD_KIND);
	cr_expect_eq(check(k, 1, "{\"verdict\":\"no\"}"), RC_BAD_KIND);
	/* the built-in row is as it was */
	cr_expect_eq(kind_code(of(kinds, "hitl_decision"), parse("{\"decision\":\"denied\"}")), DECISION_DENIED);
	cr_expect_eq(of(kinds, "hitl_decision")->parents, KIND_BIT(HITL_REQUEST));
	cr_expect_eq(k->parents, KIND_BIT(HITL_REQUEST));
}

Test(claim_kinds, required_can_be_said_of_a_renamed_key)
{
	const struct kinds *kinds = make("[{\"means\":\"hitl_decision\",\"act\":[\"d\"],\"keys\":["
					 "{\"name\":\"decision\",\"means\":\"decision\",\"required\":false},"
					 "{\"name\":\"as\",\"means\":\"role\",\"required\":true}]}]");

	cr_expect_eq(check(of(kinds, "d"), 1, "{\"as\":\"cfo\"}"), RC_OK);
	cr_expect_eq(check(of(kinds, "d"), 1, "{\"decision\":\"approved\"}"), RC_BAD_KIND);
}

Test(claim_kinds, a_kind_of_ones_own_has_the_keys_of_a_plain_task)
{
	const struct kinds *kinds = make("[{\"name\":\"payment\",\"act\":[\"pay*\"],\"pred_min\":1,\"pred_max\":2,"
					 "\"keys\":[{\"name\":\"final\",\"means\":\"irreversible\"},{\"name\":\"amount\",\"type\":\"number\"}]}]");
	const struct kind *k = of(kinds, "pay.now");

	cr_expect_eq(k->id, KIND_OWN);
	cr_expect_eq(check(k, 0, NULL), RC_BAD_KIND);
	cr_expect_eq(check(k, 2, "{\"final\":true,\"amount\":1.5,\"critical\":false}"), RC_OK);
	cr_expect_eq(check(k, 3, NULL), RC_BAD_KIND);
	cr_expect_eq(check(k, 1, "{\"final\":1}"), RC_BAD_KIND);
	cr_expect_eq(check(k, 1, "{\"critical\":1}"), RC_BAD_KIND);
	cr_expect_not_null(kind_ext(k, parse("{\"final\":true}"), "irreversible"));
}

Test(claim_kinds, own_kinds_are_told_apart_among_predecessors_also_of_another_document)
{
	const struct kinds *kinds = make("[{\"name\":\"c\",\"act\":[\"c\"],\"parents\":[\"b\",\"failure\"]},"
					 "{\"name\":\"a\",\"act\":[\"a\"]},{\"name\":\"b\",\"act\":[\"b\"]}]");
	const struct kinds *later = make("[{\"name\":\"b\",\"act\":[\"bb\"]},{\"name\":\"d\",\"act\":[\"d\"]}]");
	static const uint8_t pred[1][UUID_SIZE] = {{1}};
	static const struct {
		const char *act;
		bool later;
		enum rc rc;
	} rows[] = {{"b", false, RC_OK}, {"a", false, RC_BAD_KIND}, {"failure", false, RC_OK},
	    {"bb", true, RC_OK}, {"d", true, RC_BAD_KIND}, {"x", false, RC_BAD_KIND}};

	cr_expect_eq(of(kinds, "c")->pred_min, 1, "parents want one");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kind_task task = {.pred = pred, .pred_count = 1, .parents_known = true};

		task.parents = kinds_bit(kinds, of(rows[i].later ? later : kinds, rows[i].act));
		cr_expect_eq(kind_check(of(kinds, "c"), &task, NULL), rows[i].rc, "%s", rows[i].act);
	}
}

Test(claim_kinds, every_type_has_a_word_in_documents)
{
	for (int type = KIND_STRING; type <= KIND_OBJECT; type++) {
		enum kind_ext_type back;

		cr_expect(kind_type_read(bytes_str(kind_type_name((enum kind_ext_type)type)), &back) &&
			  (int)back == type);
	}
	cr_expect(!kind_type_read(bytes_str("text"), &(enum kind_ext_type){0}));
}

#define ROW(members) "[{\"name\":\"n\",\"act\":[\"n\"]" members "}]"
#define KEYS(keys)   ROW(",\"keys\":[" keys "]")

Test(claim_kinds, what_is_wrong_is_refused_with_row_and_member)
{
	static const struct {
		const char *text, *member;
	} rows[] = {
	    {"{}", "kinds"},
	    {"[7]", "kinds"},
	    {ROW(",\"acts\":[\"y\"]"), "kinds"},
	    {"[{\"act\":[\"n\"]}]", "name"},
	    {"[{\"name\":\"\",\"act\":[\"n\"]}]", "name"},
	    {"[{\"name\":7,\"act\":[\"n\"]}]", "name"},
	    {"[{\"name\":\"N\",\"act\":[\"n\"]}]", "name"},
	    {"[{\"name\":\"1n\",\"act\":[\"n\"]}]", "name"},
	    {"[{\"name\":\"n n\",\"act\":[\"n\"]}]", "name"},
	    {"[{\"name\":\"task\",\"act\":[\"n\"]}]", "name"},
	    {"[{\"name\":\"failure\",\"means\":\"checkpoint\",\"act\":[\"n\"]}]", "name"},
	    {"[{\"name\":\"key\",\"act\":[\"n\"]}]", "name"},
	    {"[{\"name\":\"policy\",\"act\":[\"n\"]}]", "name"},
	    {"[{\"name\":\"descriptor\",\"act\":[\"n\"]}]", "name"},
	    {"[{\"name\":\"equivocation\",\"act\":[\"n\"]}]", "name"},
	    {"[{\"name\":\"n\",\"act\":[\"n\"]},{\"name\":\"n\",\"act\":[\"m\"]}]", "name"},
	    {ROW(",\"means\":\"nothing\""), "means"},
	    {ROW(",\"means\":7"), "means"},
	    {ROW(",\"means\":\"key\""), "means"},
	    {"[{\"name\":\"n\"}]", "act"},
	    {"[{\"name\":\"n\",\"act\":\"n\"}]", "act"},
	    {"[{\"name\":\"n\",\"act\":[]}]", "act"},
	    {"[{\"name\":\"n\",\"act\":[\"\"]}]", "act"},
	    {"[{\"name\":\"n\",\"act\":[7]}]", "act"},
	    {"[{\"name\":\"n\",\"act\":[\"a*b\"]}]", "act"},
	    {"[{\"name\":\"n\",\"act\":[\"**\"]}]", "act"},
	    {"[{\"name\":\"n\",\"act\":[\"a\\nb\"]}]", "act"},
	    {"[{\"name\":\"n\",\"act\":[\"a\",\"a\"]}]", "act"},
	    {"[{\"name\":\"n\",\"act\":[\"failure\"]}]", "act"},
	    {"[{\"name\":\"n\",\"act\":[\"a*\"]},{\"name\":\"m\",\"act\":[\"a*\"]}]", "act"},
	    {ROW(",\"parents\":\"failure\""), "parents"},
	    {ROW(",\"parents\":[\"nothing\"]"), "parents"},
	    {ROW(",\"parents\":[7]"), "parents"},
	    {ROW(",\"pred_min\":-1"), "pred_min"},
	    {ROW(",\"pred_min\":101"), "pred_min"},
	    {ROW(",\"pred_min\":1.5"), "pred_min"},
	    {ROW(",\"pred_min\":3,\"pred_max\":2"), "pred_max"},
	    {ROW(",\"keys\":{}"), "keys"},
	    {KEYS("7"), "keys"},
	    {KEYS("{\"name\":\"a\",\"type\":\"int\",\"more\":1}"), "keys"},
	    {KEYS("{\"type\":\"int\"}"), "keys"},
	    {KEYS("{\"name\":\"\",\"type\":\"int\"}"), "keys"},
	    {KEYS("{\"name\":\"a\"}"), "type"},
	    {KEYS("{\"name\":\"a\",\"type\":\"text\"}"), "type"},
	    {KEYS("{\"name\":\"a\",\"type\":\"int\",\"required\":1}"), "required"},
	    {KEYS("{\"name\":\"a\",\"type\":\"int\",\"values\":[\"1\"]}"), "values"},
	    {KEYS("{\"name\":\"a\",\"type\":\"string\",\"values\":[]}"), "values"},
	    {KEYS("{\"name\":\"a\",\"type\":\"string\",\"values\":[\"x|y\"]}"), "values"},
	    {KEYS("{\"name\":\"a\",\"type\":\"string\",\"values\":[\"x\",\"x\"]}"), "values"},
	    {KEYS("{\"name\":\"a\",\"type\":\"string\",\"values\":[7]}"), "values"},
	    {KEYS("{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"a\",\"type\":\"int\"}"), "keys"},
	    {KEYS("{\"name\":\"critical\",\"type\":\"int\"}"), "keys"},
	    {KEYS("{\"name\":\"critical\",\"means\":\"irreversible\"}"), "keys"},
	    {KEYS("{\"name\":\"a\",\"means\":\"decision\"}"), "means"},
	    {KEYS("{\"name\":\"a\",\"means\":\"critical\"},{\"name\":\"b\",\"means\":\"critical\"}"), "means"},
	    {KEYS("{\"name\":\"a\",\"means\":\"critical\",\"type\":\"bool\"}"), "type"},
	    {KEYS("{\"name\":\"a\",\"means\":\"node\",\"values\":[\"x\"]}"), "values"},
	    {"[{\"means\":\"hitl_decision\",\"act\":[\"d\"],\"keys\":[{\"name\":\"v\",\"means\":\"decision\",\"values\":[\"a\",\"b\"]}]}]",
		"values"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct kinds *kinds = NULL;
		struct why why = {0};

		cr_expect_eq(kinds_make(parse(rows[i].text), &arena, &kinds, &why), RC_BAD_CONFIG, "%s", rows[i].text);
		cr_expect_null(kinds);
		cr_expect_not_null(why.claim, "%s", rows[i].text);
		cr_expect_str_eq(why.claim, rows[i].member, "%s: %s", rows[i].text, why.text);
		cr_expect_eq(strncmp(why.text, "kinds", 5), 0, "%s", why.text);
	}
}

/* 'count' rows with 'acts' patterns each; 'own' of them kinds of their own. */
static enum rc
many(size_t count, size_t own, size_t acts)
{
	const struct kinds *kinds = NULL;
	struct buf b;
	enum rc rc;

	buf_init(&b, 1 << 20);
	buf_add_str(&b, "[");
	for (size_t i = 0; i < count; i++) {
		if (i < own)
			buf_addf(&b, "%s{\"name\":\"n%zu\",\"act\":[", i > 0 ? "," : "", i);
		else
			buf_addf(&b, "%s{\"means\":\"failure\",\"act\":[", i > 0 ? "," : "");
		for (size_t k = 0; k < acts; k++)
			buf_addf(&b, "%s\"x%zu.%zu\"", k > 0 ? "," : "", i, k);
		buf_add_str(&b, "]}");
	}
	buf_add_str(&b, "]");
	buf_add(&b, "", 1);
	rc = kinds_make(parse((const char *)b.p), &arena, &kinds, NULL);
	buf_release(&b);
	return rc;
}

Test(claim_kinds, a_document_has_its_limits)
{
	cr_expect_eq(many(KINDS_ROWS_MAX, KINDS_OWN_MAX, 1), RC_OK);
	cr_expect_eq(many(KINDS_ROWS_MAX + 1, 1, 1), RC_BAD_CONFIG);
	cr_expect_eq(many(KINDS_OWN_MAX + 1, KINDS_OWN_MAX + 1, 1), RC_BAD_CONFIG);
	cr_expect_eq(many(2, 2, KINDS_PATTERNS_MAX / 2), RC_OK);
	cr_expect_eq(many(2, 2, KINDS_PATTERNS_MAX / 2 + 1), RC_BAD_CONFIG);
}

Test(claim_kinds, no_memory_is_said_and_nothing_is_made)
{
	const struct json_node *extra =
	    parse("[{\"name\":\"n\",\"act\":[\"n\",\"m\"],\"keys\":[{\"name\":\"a\",\"type\":\"string\",\"values\":[\"x\"]}]}]");
	bool made = false;

	for (size_t max = 0; !made; max += 64) {
		const struct kinds *kinds = NULL;
		struct arena small;
		enum rc rc;

		arena_init(&small, max);
		rc = kinds_make(extra, &small, &kinds, NULL);
		made = rc == RC_OK;
		cr_assert(made || (rc == RC_NO_MEMORY && kinds == NULL));
		cr_assert_lt(max, 1 << 20);
		arena_release(&small);
	}
}
