/* test_seq_demand.c - what the policy document in force demands of a token, in the log's own order. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/seq_world.h"
#include "seq/ledger.h"

#define HASHES                                                                                     \
	",\"inp_hash\":\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\""                            \
	",\"out_hash\":\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\""
#define GUARD                                                                                      \
	"\"roles\":{\"approver\":[\"spiffe://example.com/agent/b\"]},\"rules\":[{\"id\":\"r1\","   \
	"\"when\":{\"field\":\"exec_act\",\"op\":\"eq\",\"value\":\"pay\"},\"role\":\"approver\","   \
	"\"action\":\"pause\"}]"

static struct world w;
static struct arena arena;

static void
up(void)
{
	world_open(&w);
	arena_init(&arena, 16 << 20);
}

static void
down(void)
{
	world_close(&w);
	arena_release(&arena);
}

TestSuite(seq_demand, .init = up, .fini = down);

/* This document is in force from the next entry on. */
static void
policy(const char *text)
{
	struct why why = {0};

	cr_assert_eq(book_add(w.ledger->book, ledger_published(w.ledger), (uint64_t)w.now_ms,
			 bytes_str(text), &why),
	    RC_OK, "%s", why.text);
}

struct spec {
	uint64_t id;
	const char *iss, *act, *more; /* NULL: agent a, "t", nothing */
	uint64_t pred[4];	      /* ids, ended by 0 */
	bool no_wid;
};

static void
make(struct world_job *j, const struct spec *s)
{
	uint8_t pred[4][16];
	struct token_make t = {.act = s->act, .more = s->more, .pred = (const uint8_t(*)[16])pred};
	char iss[128];

	if (s->iss != NULL) {
		snprintf(iss, sizeof(iss), "spiffe://example.com/agent/%s", s->iss);
		t.iss = iss;
	}
	token_make_id(s->id, t.jti);
	t.has_wid = !s->no_wid;
	token_make_id(77, t.wid);
	while (t.pred_count < 4 && s->pred[t.pred_count] != 0) {
		token_make_id(s->pred[t.pred_count], pred[t.pred_count]);
		t.pred_count++;
	}
	world_job_init(j, &t);
}

static struct why said;
static uint64_t at;

static enum rc
add(const struct spec *s)
{
	struct world_job j;
	enum rc rc;

	make(&j, s);
	cr_assert_eq(world_step(&w, &j, 1), RC_OK);
	rc = j.job.rc;
	said = j.job.why;
	at = j.job.receipt.index;
	world_job_release(&j);
	return rc;
}
#define ADD(n, ...) add(&(struct spec){.id = n, __VA_ARGS__})

static uint64_t
flags(uint64_t index)
{
	struct entry e;

	world_entry(w.ledger, index, &arena, &e);
	return e.flags;
}

/* ---- kinds ---- */

Test(seq_demand, a_breach_is_marked_where_the_log_is_not_strict)
{
	cr_assert_eq(ADD(1, .act = NULL), RC_OK);
	cr_expect_eq(flags(at) & ENTRY_BREACH, 0);
	cr_assert_eq(ADD(2, .act = "failure"), RC_OK);
	cr_expect(flags(at) & ENTRY_BREACH, "it wants a predecessor");
	cr_assert_eq(ADD(3, .act = "failure", .pred = {1}), RC_OK);
	cr_expect_eq(flags(at) & ENTRY_BREACH, 0);
	cr_assert_eq(ADD(4, .act = "failure", .pred = {1}, .more = ",\"ext\":{\"fail_class\":\"x\"}"), RC_OK);
	cr_expect(flags(at) & ENTRY_BREACH);
}

Test(seq_demand, a_breach_is_refused_where_it_is_and_leaves_nothing)
{
	uint64_t size;

	w.rules.kinds_strict = true;
	cr_assert_eq(ADD(1, .act = NULL), RC_OK);
	size = ledger_published(w.ledger);
	cr_expect_eq(ADD(2, .act = "failure"), RC_BAD_KIND);
	cr_expect_str_eq(said.rule, "failure");
	cr_expect_str_eq(said.claim, "pred");
	cr_expect_eq(ADD(2, .act = "failure", .pred = {1}, .more = ",\"ext\":{\"retryable\":1}"), RC_BAD_KIND);
	cr_expect_str_eq(said.claim, "retryable");
	cr_expect_eq(ledger_published(w.ledger), size);
	cr_expect_eq(ADD(2, .act = "failure", .pred = {1}), RC_OK, "the id is free still");
	cr_expect_eq(flags(at) & ENTRY_BREACH, 0);
}

/* Both in one batch, and one after the other. */
Test(seq_demand, the_kinds_of_predecessors_are_judged_wherever_they_are)
{
	static const struct spec specs[] = {
	    {.id = 1},
	    {2, .act = "rollback_request", .pred = {1}},
	    {3, .act = "rollback_result", .pred = {2}, .more = ",\"ext\":{\"outcome\":\"success\"}"},
	    {4, .act = "rollback_result", .pred = {1}, .more = ",\"ext\":{\"outcome\":\"success\"}"},
	    {5, .act = "rollback_result", .pred = {1, 2}, .more = ",\"ext\":{\"outcome\":\"success\"}"},
	};
	static const uint64_t want[] = {0, 0, 0, ENTRY_BREACH, 0};
	struct world_job jobs[5];

	for (size_t i = 0; i < 5; i++)
		make(&jobs[i], &specs[i]);
	cr_assert_eq(world_step(&w, jobs, 5), RC_OK);
	for (size_t i = 0; i < 5; i++) {
		cr_assert_eq(jobs[i].job.rc, RC_OK);
		cr_expect_eq(flags(jobs[i].job.receipt.index) & ENTRY_BREACH, want[i], "task %zu", i + 1);
		world_job_release(&jobs[i]);
	}
	for (size_t i = 2; i < 5; i++) {
		struct spec s = specs[i];

		s.id += 10;
		cr_assert_eq(add(&s), RC_OK);
		cr_expect_eq(flags(at) & ENTRY_BREACH, want[i], "task %zu", i + 1);
	}
	w.rules.kinds_strict = true;
	cr_expect_eq(ADD(30, .act = "rollback_result", .pred = {1}, .more = ",\"ext\":{\"outcome\":\"success\"}"), RC_BAD_KIND);
	cr_expect_str_eq(said.claim, "pred");
}

static bool
listed(uint64_t index, const char *kind)
{
	struct index_list_key key = {.kind = INDEX_LIST_KIND};
	struct index_view *view = NULL;
	uint64_t found = UINT64_MAX;
	size_t count = 0;

	ledger_kind_id(kind, key.id);
	cr_assert_eq(index_view_begin(ledger_index(w.ledger), UINT64_MAX, &view), RC_OK);
	cr_assert_eq(index_list(view, &key, index - 1, &found, 1, &count), RC_OK);
	index_view_end(view);
	return count == 1 && found == index;
}

Test(seq_demand, kinds_are_those_of_the_document_in_force_and_searches_find_both_names)
{
	cr_assert_eq(ADD(1, .act = NULL), RC_OK);
	cr_assert_eq(ADD(2, .act = "crash", .pred = {1}), RC_OK);
	cr_expect(!listed(at, "failure"));
	policy("{\"kinds\":[{\"name\":\"mishap\",\"means\":\"failure\",\"act\":[\"crash\"]},"
	       "{\"name\":\"payment\",\"act\":[\"pay*\"],\"parents\":[\"mishap\"]},"
	       "{\"means\":\"checkpoint\",\"act\":[\"save\"]}]}");
	cr_assert_eq(ADD(3, .act = "crash", .pred = {1}), RC_OK);
	cr_expect(listed(at, "failure") && listed(at, "mishap"));
	cr_assert_eq(ADD(4, .act = "failure", .pred = {1}), RC_OK);
	cr_expect(listed(at, "failure") && !listed(at, "mishap"));
	cr_assert_eq(ADD(5, .act = "save", .pred = {1}), RC_OK);
	cr_expect(listed(at, "checkpoint"));
	cr_assert_eq(ADD(6, .act = "pay.out", .pred = {3}), RC_OK);
	cr_expect(listed(at, "payment") && !listed(at, "task"));
	cr_expect_eq(flags(at) & ENTRY_BREACH, 0);
	cr_assert_eq(ADD(7, .act = "pay.out", .pred = {2}), RC_OK);
	cr_expect(flags(at) & ENTRY_BREACH, "a crash was a plain task when it came");
}

/* ---- profiles ---- */

Test(seq_demand, the_relaxed_profile_demands_nothing)
{
	policy("{\"profile\":\"relaxed\"}");
	cr_expect_eq(ADD(1, .no_wid = true), RC_OK);
	cr_expect_eq(ADD(2, .act = "failure"), RC_OK);
	cr_expect(flags(at) & ENTRY_BREACH);
}

Test(seq_demand, the_standard_profile_wants_a_signature_a_workflow_and_rows_that_are_met)
{
	struct token_make t = {0};
	struct world_job j;

	policy("{\"profile\":\"standard\"}");
	token_make_id(9, t.jti);
	w.rules.level_min = LEVEL_1;
	world_job_plain(&j, &t);
	cr_assert_eq(world_step(&w, &j, 1), RC_OK);
	cr_expect_eq(j.job.rc, RC_LEVEL_TOO_LOW);
	world_job_release(&j);
	cr_expect_eq(ADD(1, .no_wid = true), RC_MISSING_CLAIM);
	cr_expect_str_eq(said.claim, "wid");
	cr_expect_eq(ADD(1, .act = NULL), RC_OK);
	cr_expect_eq(ADD(2, .act = "failure"), RC_BAD_KIND);
	cr_expect_eq(ADD(2, .act = "failure", .pred = {1}), RC_OK);
	cr_expect_eq(ADD(3, .act = "rollback_result", .pred = {1}, .more = ",\"ext\":{\"outcome\":\"success\"}"), RC_BAD_KIND);
}

Test(seq_demand, the_regulated_profile_wants_hashes_of_plain_tasks_and_attestations_of_critical_ones)
{
	policy("{\"profile\":\"regulated\",\"critical\":[\"sign*\"],\"kinds\":[{\"name\":\"own\",\"act\":[\"own\"]}]}");
	cr_expect_eq(ADD(1, .act = NULL), RC_MISSING_CLAIM);
	cr_expect_str_eq(said.claim, "inp_hash");
	cr_expect_eq(ADD(1, .more = ",\"inp_hash\":\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\""), RC_MISSING_CLAIM);
	cr_expect_str_eq(said.claim, "out_hash");
	cr_expect_eq(ADD(1, .more = HASHES), RC_OK);
	cr_expect_eq(ADD(2, .act = "own"), RC_MISSING_CLAIM, "an own kind is a plain task in this");
	cr_expect_eq(ADD(2, .act = "failure", .pred = {1}), RC_OK, "a record is not");
	cr_expect_eq(ADD(3, .act = "sign.it", .more = HASHES), RC_MISSING_CLAIM);
	cr_expect_str_eq(said.claim, "attestation");
	cr_expect_eq(ADD(3, .more = HASHES ",\"ext\":{\"critical\":true}"), RC_MISSING_CLAIM);
	cr_expect_eq(ADD(3, .more = HASHES ",\"ext\":{\"critical\":false}"), RC_OK);
	cr_expect_eq(ADD(4, .act = "sign.it", .more = HASHES ",\"ext\":{\"attestation\":\"urn:x\"}"), RC_OK);
}

#define PLAN(n)	   {n, .more = HASHES}
#define ASK(n)	   {n, .act = "hitl_request", .more = ",\"ext\":{\"rule_id\":\"r1\"}", .pred = {1}}
#define APPROVE(n, of) {n, .iss = "b", .act = "hitl_decision", .more = ",\"ext\":{\"decision\":\"approved\"}", .pred = {of}}
#define REVOKE(n, of)  {n, .iss = "b", .act = "hitl_decision", .more = ",\"ext\":{\"decision\":\"revoked\"}", .pred = {of}}
#define PAY(n, on)     {n, .act = "pay", .more = HASHES, .pred = {on}}

/* One batch of these; what came out, in order. */
static void
batch(const struct spec *specs, size_t n, const enum rc *want)
{
	struct world_job jobs[16];

	for (size_t i = 0; i < n; i++)
		make(&jobs[i], &specs[i]);
	cr_assert_eq(world_step(&w, jobs, n), RC_OK);
	for (size_t i = 0; i < n; i++) {
		cr_expect_eq(jobs[i].job.rc, want[i], "task %zu: %s %s", i, rc_label(jobs[i].job.rc), jobs[i].job.why.text);
		world_job_release(&jobs[i]);
	}
}

Test(seq_demand, a_guarded_task_needs_its_approval_and_a_retry_gets_its_receipt)
{
	policy("{\"profile\":\"regulated\"," GUARD "}");
	cr_assert_eq(add(&(struct spec)PLAN(1)), RC_OK);
	cr_expect_eq(add(&(struct spec)PAY(2, 1)), RC_APPROVAL_MISSING);
	cr_expect_not_null(strstr(said.text, "r1"));
	cr_assert_eq(add(&(struct spec)ASK(3)), RC_OK);
	cr_expect_eq(add(&(struct spec)PAY(2, 3)), RC_APPROVAL_MISSING);
	cr_assert_eq(add(&(struct spec)APPROVE(4, 3)), RC_OK);
	cr_expect_eq(add(&(struct spec)PAY(2, 4)), RC_OK);
	cr_expect_eq(add(&(struct spec)PAY(5, 4)), RC_APPROVAL_MISSING, "used");
	cr_assert_eq(add(&(struct spec)REVOKE(6, 3)), RC_OK);
	cr_expect_eq(add(&(struct spec)PAY(2, 4)), RC_OK, "what was let in stays in");
}

Test(seq_demand, everything_in_one_batch_is_judged_in_its_order)
{
	policy("{\"profile\":\"regulated\"," GUARD "}");
	batch((const struct spec[]){PLAN(1), ASK(3), APPROVE(4, 3), PAY(5, 4), PAY(6, 4), PAY(5, 4)}, 6,
	    (enum rc[]){RC_OK, RC_OK, RC_OK, RC_OK, RC_APPROVAL_MISSING, RC_OK});
	batch((const struct spec[]){ASK(13), APPROVE(14, 13), REVOKE(15, 13), PAY(16, 14)}, 4,
	    (enum rc[]){RC_OK, RC_OK, RC_OK, RC_APPROVAL_MISSING});
	/* half before the batch, half in it */
	cr_assert_eq(add(&(struct spec)ASK(23)), RC_OK);
	cr_assert_eq(add(&(struct spec)APPROVE(24, 23)), RC_OK);
	batch((const struct spec[]){REVOKE(25, 23), PAY(26, 24)}, 2, (enum rc[]){RC_OK, RC_APPROVAL_MISSING});
	cr_assert_eq(add(&(struct spec)ASK(33)), RC_OK);
	batch((const struct spec[]){APPROVE(34, 33), PAY(36, 34), PAY(37, 34)}, 3,
	    (enum rc[]){RC_OK, RC_OK, RC_APPROVAL_MISSING});
}

/* The document of the decision decides about the role, that of the task about the rule. */
Test(seq_demand, the_document_in_force_at_each_entry_is_asked)
{
	policy("{\"profile\":\"regulated\"," GUARD "}");
	batch((const struct spec[]){PLAN(1), ASK(3), APPROVE(4, 3)}, 3, (enum rc[]){RC_OK, RC_OK, RC_OK});
	policy("{\"profile\":\"regulated\",\"rules\":[{\"id\":\"r1\",\"when\":{\"field\":\"exec_act\",\"op\":\"eq\",\"value\":\"pay\"},"
	       "\"role\":\"approver\",\"action\":\"pause\"}],\"roles\":{\"approver\":[\"urn:x\"]}}");
	cr_expect_eq(add(&(struct spec)PAY(5, 4)), RC_OK);
	batch((const struct spec[]){ASK(13), APPROVE(14, 13), PAY(15, 14)}, 3, (enum rc[]){RC_OK, RC_OK, RC_APPROVAL_MISSING});
	policy("{\"profile\":\"standard\"," GUARD "}");
	cr_expect_eq(add(&(struct spec)PAY(15, 14)), RC_OK, "only the regulated profile refuses");
}

/* Each token has its own answer. */
Test(seq_demand, a_refusal_leaves_room_for_the_others_of_its_batch)
{
	policy("{\"profile\":\"regulated\"," GUARD "}");
	batch((const struct spec[]){PLAN(1), {.id = 2}, PAY(3, 1), {4, .act = "failure"}, PLAN(5)}, 5,
	    (enum rc[]){RC_OK, RC_MISSING_CLAIM, RC_APPROVAL_MISSING, RC_BAD_KIND, RC_OK});
	cr_expect_eq(ledger_published(w.ledger), WORLD_FIRST + 2);
}
