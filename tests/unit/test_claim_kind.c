/*
 * test_claim_kind.c - the table of kinds and what a row asks for.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "claim/kind.h"

static enum rc
check(const char *kind, size_t pred_count, const char *ext, struct why *why)
{
	static const struct json_limits limits = {8192, 8, 256};
	const struct kind *k = kind_named(kind);
	struct json_node *root = NULL;
	static const uint8_t pred[100][UUID_SIZE];
	struct arena arena;
	enum rc rc;

	cr_assert_not_null(k, "%s", kind);
	arena_init(&arena, 1 << 20);
	if (ext != NULL)
		cr_assert_eq(json_parse(bytes_str(ext), &limits, true, &arena, &root, NULL), RC_OK,
		    "%s", ext);
	rc = kind_check(k, &(struct kind_task){.pred = pred, .pred_count = pred_count, .ext = root}, why);
	arena_release(&arena);
	return rc;
}

Test(claim_kind, what_no_row_names_is_a_plain_task)
{
	static const char *const acts[] = {
	    "review_spec", "", "task", "Failure", "failures", "failur", "failure ", "checkpoint\n"};

	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		cr_expect_str_eq(kind_of(bytes_str(acts[i]))->name, "task", "%s", acts[i]);
	cr_expect_eq(kind_of(BYTES_NONE), kind_at(0));
	cr_expect_null(kind_at(0)->acts[0]);
}

Test(claim_kind, every_row_is_found_by_its_act_and_by_its_name)
{
	cr_assert_eq(kind_count(), 21);
	for (size_t i = 1; i < kind_count(); i++) {
		const struct kind *kind = kind_at(i);

		cr_expect_eq(kind_of(bytes_str(kind->acts[0])), kind, "%s", kind->name);
		cr_expect_eq(kind_named(kind->name), kind, "%s", kind->name);
	}
	cr_expect_eq(kind_named("task"), kind_at(0));
	cr_expect_null(kind_named("nothing"));
}

Test(claim_kind, keys_of_a_row_are_named_once)
{
	for (size_t i = 0; i < kind_count(); i++) {
		for (const struct kind_key *a = kind_at(i)->keys; a->name != NULL; a++)
			for (const struct kind_key *b = a + 1; b->name != NULL; b++)
				cr_expect_str_neq(a->name, b->name, "%s", kind_at(i)->name);
	}
}

Test(claim_kind, a_plain_task_takes_anything)
{
	cr_expect_eq(check("task", 0, NULL, NULL), RC_OK);
	cr_expect_eq(check("task", 100, "{\"decision\":7,\"x\":[null]}", NULL), RC_OK);
}

Test(claim_kind, wants_the_predecessors_of_its_row)
{
	struct why why = {0};

	cr_expect_eq(check("failure", 1, NULL, NULL), RC_OK);
	cr_expect_eq(check("failure", 2, NULL, NULL), RC_OK);
	cr_expect_eq(check("failure", 0, NULL, &why), RC_BAD_KIND);
	cr_expect_str_eq(why.rule, "failure");
	cr_expect_str_eq(why.claim, "pred");
	cr_expect_eq(check("lifecycle", 0, "{\"event\":\"drain\"}", NULL), RC_OK);
}

Test(claim_kind, wants_the_required_keys_and_no_others)
{
	struct why why = {0};

	cr_expect_eq(check("hitl_decision", 1, "{\"decision\":\"approved\"}", NULL), RC_OK);
	cr_expect_eq(check("hitl_decision", 1, "{\"role\":\"x\"}", &why), RC_BAD_KIND);
	cr_expect_str_eq(why.claim, "decision");
	cr_expect_eq(check("hitl_decision", 1, NULL, NULL), RC_BAD_KIND);
	cr_expect_eq(check("checkpoint", 1, NULL, NULL), RC_OK);
	cr_expect_eq(check("checkpoint", 1, "{}", NULL), RC_OK);
}

Test(claim_kind, types_the_keys_it_knows_and_ignores_the_rest)
{
	static const struct {
		const char *kind, *ext;
		enum rc rc;
	} rows[] = {
	    {"checkpoint", "{\"reversible\":true,\"ttl_s\":60,\"state_hash\":\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\"}", RC_OK},
	    {"checkpoint", "{\"com.example.x\":[{}],\"ttl\":\"no\"}", RC_OK},
	    {"checkpoint", "{\"reversible\":false}", RC_OK},
	    {"checkpoint", "{\"reversible\":\"true\"}", RC_BAD_KIND},
	    {"checkpoint", "{\"reversible\":null}", RC_BAD_KIND},
	    {"checkpoint", "{\"ttl_s\":1.5}", RC_BAD_KIND},
	    {"checkpoint", "{\"ttl_s\":1e2}", RC_BAD_KIND},
	    {"checkpoint", "{\"ttl_s\":1E2}", RC_BAD_KIND},
	    {"checkpoint", "{\"ttl_s\":-5}", RC_OK},
	    {"checkpoint", "{\"ttl_s\":\"60\"}", RC_BAD_KIND},
	    {"checkpoint", "{\"state_hash\":7}", RC_BAD_KIND},
	    {"rollback_result", "{\"outcome\":\"success\",\"done\":[]}", RC_OK},
	    {"rollback_result", "{\"outcome\":\"success\",\"done\":\"x\"}", RC_BAD_KIND},
	    {"trust_assertion", "{\"subject\":\"urn:x\",\"score\":0.5}", RC_OK},
	    {"trust_assertion", "{\"subject\":\"urn:x\",\"score\":1}", RC_OK},
	    {"trust_assertion", "{\"subject\":\"urn:x\",\"score\":\"1\"}", RC_BAD_KIND},
	    {"explanation", "{\"vac\":{\"vac_id\":\"x\"}}", RC_OK},
	    {"explanation", "{\"vac\":[]}", RC_BAD_KIND},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct why why = {0};

		cr_expect_eq(check(rows[i].kind, 1, rows[i].ext, &why), rows[i].rc, "%s %s: %s",
		    rows[i].kind, rows[i].ext, why.text);
	}
}

Test(claim_kind, asking_past_the_table_is_our_own_bug, .signal = SIGABRT)
{
	(void)kind_at(kind_count());
}
