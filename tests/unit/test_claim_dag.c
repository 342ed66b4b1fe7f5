/*
 * test_claim_dag.c - where parents are looked for, and which refusal wins.  The log is a small
 * table.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "claim/dag.h"

#define WF_A 0xaa
#define WF_B 0xbb

/* A task in the pretended log: jti is id repeated, wid is wf repeated (0: none), its row is its index. */
struct row {
	uint8_t id, wf;
	int64_t iat;
	bool lower;
};

struct table {
	const struct row *rows;
	size_t count;
	enum rc fault; /* when set, every look-up answers this */
	unsigned asked, asked_any;
};

static void
give(const struct table *t, size_t i, struct dag_node *out)
{
	memset(out, 0, sizeof(*out));
	out->index = i;
	out->iat = t->rows[i].iat;
	out->has_wid = t->rows[i].wf != 0;
	memset(out->wid, t->rows[i].wf, UUID_SIZE);
	out->lower = t->rows[i].lower;
}

static enum rc
find(void *ctx, bool has_wid, const uint8_t *wid, const uint8_t *jti, struct dag_node *out)
{
	struct table *t = ctx;

	t->asked++;
	if (t->fault != RC_OK)
		return t->fault;
	for (size_t i = 0; i < t->count; i++) {
		if (t->rows[i].id != jti[0] || (t->rows[i].wf != 0) != has_wid)
			continue;
		if (has_wid && t->rows[i].wf != wid[0])
			continue;
		give(t, i, out);
		return RC_OK;
	}
	return RC_NOT_FOUND;
}

static enum rc
find_any(void *ctx, const uint8_t *jti, struct dag_node *out)
{
	struct table *t = ctx;
	size_t found = 0;

	t->asked_any++;
	for (size_t i = 0; i < t->count; i++)
		if (t->rows[i].id == jti[0] && found++ == 0)
			give(t, i, out);
	return found == 0 ? RC_NOT_FOUND : found == 1 ? RC_OK : RC_AMBIGUOUS;
}

/* A child with id 0xff, issued at 1000, in 'wf', with the predecessors of 'pred' (ids, ended by 0). */
struct fix {
	struct arena arena;
	struct table table;
	struct claim claim;
	uint8_t pred[CLAIM_PRED_MAX][UUID_SIZE];
	struct dag_parents parents;
	struct why why;
};

static struct fix *
fix_new(const struct row *rows, size_t count, uint8_t wf, const uint8_t *pred)
{
	struct fix *f = calloc(1, sizeof(*f));

	cr_assert_not_null(f);
	arena_init(&f->arena, 1 << 20);
	f->table.rows = rows;
	f->table.count = count;
	f->claim.iat = 1000;
	f->claim.exp = 1600;
	memset(f->claim.jti, 0xff, UUID_SIZE);
	f->claim.has_wid = wf != 0;
	memset(f->claim.wid, wf, UUID_SIZE);
	for (; *pred != 0; pred++)
		memset(f->pred[f->claim.pred_count++], *pred, UUID_SIZE);
	f->claim.pred = (const uint8_t(*)[UUID_SIZE])f->pred;
	return f;
}

static void
fix_free(struct fix *f)
{
	arena_release(&f->arena);
	free(f);
}

static enum rc
resolve(struct fix *f, bool cross_workflow)
{
	struct dag_lookup lookup = {.find = find, .find_any = find_any, .ctx = &f->table};

	return dag_resolve(&f->claim, cross_workflow, &lookup, &f->arena, &f->parents, &f->why);
}

#define PRED(...) ((const uint8_t[]){__VA_ARGS__, 0})

static const struct row log_rows[] = {
    {1, WF_A, 900, false},
    {2, WF_A, 1000, false},
    {3, WF_B, 900, true},
    {4, 0, 900, false},
    {5, WF_A, 900, false},
    {5, WF_B, 950, false},
    {6, WF_A, 1030, false},
    {7, WF_A, 1031, false},
    {8, WF_B, 1031, false},
    {9, WF_A, 900, true},
};
#define FIX(wf, pred) fix_new(log_rows, sizeof(log_rows) / sizeof(log_rows[0]), wf, pred)

Test(claim_dag, a_root_needs_no_look_up)
{
	struct fix *f = FIX(WF_A, PRED(0));

	cr_expect_eq(resolve(f, true), RC_OK);
	cr_expect_eq(f->parents.count, 0);
	cr_expect_eq(f->table.asked + f->table.asked_any, 0);
	fix_free(f);
}

Test(claim_dag, one_lower_parent_is_enough_and_it_may_be_in_another_workflow)
{
	static const uint8_t preds[3][4] = {{1, 2, 0}, {1, 9, 2, 0}, {1, 3, 0}};

	for (size_t i = 0; i < 3; i++) {
		struct fix *f = FIX(WF_A, preds[i]);

		cr_assert_eq(resolve(f, true), RC_OK, "%s", f->why.text);
		cr_expect_eq(f->parents.lower, i > 0, "case %zu", i);
		fix_free(f);
	}
}

Test(claim_dag, finds_parents_of_the_own_workflow_in_the_token_s_order)
{
	struct fix *f = FIX(WF_A, PRED(2, 1));

	cr_assert_eq(resolve(f, false), RC_OK, "%s", f->why.text);
	cr_assert_eq(f->parents.count, 2);
	cr_expect_eq(f->parents.index[0], 1);
	cr_expect_eq(f->parents.index[1], 0);
	cr_expect_eq(f->parents.node[1].iat, 900);
	cr_expect(!f->parents.foreign);
	cr_expect_eq(f->parents.missing_count, 0);
	cr_expect_eq(f->table.asked_any, 0);
	fix_free(f);
}

Test(claim_dag, the_own_workflow_wins_over_the_rest_of_the_log)
{
	struct fix *f = FIX(WF_B, PRED(5));

	cr_assert_eq(resolve(f, true), RC_OK);
	cr_expect_eq(f->parents.index[0], 5);
	cr_expect(!f->parents.foreign);
	fix_free(f);
}

Test(claim_dag, a_parent_elsewhere_is_foreign_where_allowed)
{
	struct fix *f = FIX(WF_A, PRED(1, 3));

	cr_assert_eq(resolve(f, true), RC_OK, "%s", f->why.text);
	cr_expect_eq(f->parents.index[1], 2);
	cr_expect(f->parents.foreign);
	fix_free(f);
	f = FIX(WF_A, PRED(4));
	cr_assert_eq(resolve(f, true), RC_OK);
	cr_expect(f->parents.foreign);
	fix_free(f);
}

Test(claim_dag, a_parent_elsewhere_is_a_mismatch_where_not_allowed)
{
	struct fix *f = FIX(WF_A, PRED(1, 3));

	cr_expect_eq(resolve(f, false), RC_WORKFLOW_MISMATCH);
	cr_expect_eq(f->why.at, 1);
	cr_expect_str_eq(f->why.claim, "pred");
	fix_free(f);
	f = FIX(0xcc, PRED(5)); /* ambiguous, but not allowed either way */
	cr_expect_eq(resolve(f, false), RC_WORKFLOW_MISMATCH);
	fix_free(f);
}

Test(claim_dag, a_task_without_workflow_may_look_everywhere)
{
	struct fix *f = FIX(0, PRED(4));

	cr_assert_eq(resolve(f, false), RC_OK);
	cr_expect(!f->parents.foreign);
	fix_free(f);
	f = FIX(0, PRED(3));
	cr_assert_eq(resolve(f, false), RC_OK);
	cr_expect(f->parents.foreign);
	fix_free(f);
}

Test(claim_dag, two_tasks_of_one_id_elsewhere_are_ambiguous)
{
	struct fix *f = FIX(0, PRED(5));

	cr_expect_eq(resolve(f, true), RC_AMBIGUOUS);
	fix_free(f);
	f = FIX(0xcc, PRED(5));
	cr_expect_eq(resolve(f, true), RC_AMBIGUOUS);
	cr_expect_eq(f->parents.count, 0);
	fix_free(f);
}

Test(claim_dag, lists_every_missing_parent)
{
	struct fix *f = FIX(WF_A, PRED(0x91, 1, 0x92));

	cr_assert_eq(resolve(f, true), RC_UNKNOWN_PARENT);
	cr_assert_eq(f->parents.missing_count, 2);
	cr_expect_eq(f->parents.missing[0][0], 0x91);
	cr_expect_eq(f->parents.missing[1][15], 0x92);
	cr_expect_eq(f->parents.count, 0);
	cr_expect_not_null(strstr(f->why.text, "91919191-9191-9191-9191-919191919191"));
	fix_free(f);
}

Test(claim_dag, a_parent_may_be_30_seconds_younger_and_not_one_more)
{
	struct fix *f = FIX(WF_A, PRED(6));

	cr_expect_eq(resolve(f, true), RC_OK);
	fix_free(f);
	f = FIX(WF_A, PRED(7));
	cr_expect_eq(resolve(f, true), RC_TIME_ORDER);
	fix_free(f);
	f = FIX(WF_A, PRED(8));
	cr_expect_eq(resolve(f, true), RC_TIME_ORDER);
	fix_free(f);
}

Test(claim_dag, what_waiting_cannot_mend_is_told_before_what_is_missing)
{
	struct fix *f = FIX(WF_A, PRED(0x91, 7));

	cr_expect_eq(resolve(f, true), RC_TIME_ORDER);
	cr_expect_eq(f->parents.missing_count, 0);
	fix_free(f);
	f = FIX(WF_A, PRED(0x91, 3));
	cr_expect_eq(resolve(f, false), RC_WORKFLOW_MISMATCH);
	fix_free(f);
	f = FIX(0, PRED(0x91, 5));
	cr_expect_eq(resolve(f, true), RC_AMBIGUOUS);
	fix_free(f);
}

Test(claim_dag, a_failed_look_up_is_passed_on)
{
	struct fix *f = FIX(WF_A, PRED(1));

	f->table.fault = RC_CORRUPT;
	cr_expect_eq(resolve(f, true), RC_CORRUPT);
	fix_free(f);
}

Test(claim_dag, a_hundred_parents_cost_at_most_two_look_ups_each)
{
	struct row rows[CLAIM_PRED_MAX];
	uint8_t pred[CLAIM_PRED_MAX + 1] = {0};
	struct fix *f;

	for (size_t i = 0; i < CLAIM_PRED_MAX; i++) {
		rows[i] = (struct row){(uint8_t)(i + 1), WF_B, 1000, false};
		pred[i] = (uint8_t)(i + 1);
	}
	f = fix_new(rows, CLAIM_PRED_MAX, WF_A, pred);
	cr_assert_eq(resolve(f, true), RC_OK);
	cr_expect_eq(f->parents.count, CLAIM_PRED_MAX);
	cr_expect_eq(f->parents.index[99], 99);
	cr_expect_eq(f->table.asked, CLAIM_PRED_MAX);
	cr_expect_eq(f->table.asked_any, CLAIM_PRED_MAX);
	fix_free(f);
}

Test(claim_dag, says_so_when_the_arena_is_too_small)
{
	struct fix *f = FIX(WF_A, PRED(1));

	f->arena.max = 0;
	cr_expect_eq(resolve(f, true), RC_NO_MEMORY);
	fix_free(f);
}
