/* test_seq_seq.c - the rules of one batch, over memory stores. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lib/seq_world.h"

static struct world w;

static void
up(void)
{
	world_open(&w);
}

static void
down(void)
{
	world_close(&w);
}

TestSuite(seq_seq, .init = up, .fini = down);

static void
spec(struct token_make *t, uint64_t n, uint8_t (*pred)[16], size_t pred_count)
{
	memset(t, 0, sizeof(*t));
	token_make_id(n, t->jti);
	t->pred = (const uint8_t(*)[16])pred;
	t->pred_count = pred_count;
}

static void
check_receipt(const struct world_job *j)
{
	struct receipt_verdict v;
	struct receipt r = j->job.receipt;
	struct bytes parts[2] = {r.entry, j->token.raw};
	uint8_t entry[70000];
	size_t n = r.entry.n;

	memcpy(entry, parts[0].p, n);
	if (!j->job.entry_whole) {
		memcpy(entry + n, parts[1].p, parts[1].n);
		n += parts[1].n;
	}
	cr_assert_eq(receipt_verify(&r, ledger_vkey(w.ledger), bytes_of(entry, n), BYTES_NONE, &v),
	    RC_OK, "%s", v.why.text);
}

/* One token n with one parent p (0: none); gives its code. */
static enum rc
add(uint64_t n, uint64_t p, struct world_job *j)
{
	uint8_t pred[1][16];
	struct token_make t;

	if (p != 0)
		token_make_id(p, pred[0]);
	spec(&t, n, pred, p != 0);
	world_job_init(j, &t);
	cr_assert_eq(world_step(&w, j, 1), RC_OK);
	return j->job.rc;
}

Test(seq_seq, gives_a_receipt_that_verifies)
{
	struct world_job j;

	cr_assert_eq(add(1, 0, &j), RC_OK);
	cr_assert_eq(j.job.receipt.index, WORLD_FIRST);
	cr_assert_eq(j.job.receipt.tree_size, WORLD_FIRST + 1);
	check_receipt(&j);
	cr_assert_eq(ledger_published(w.ledger), WORLD_FIRST + 1);
	world_job_release(&j);
}

Test(seq_seq, answers_a_retry_with_the_same_index)
{
	struct world_job a, b, c;

	cr_assert_eq(add(1, 0, &a), RC_OK);
	cr_assert_eq(add(2, 0, &b), RC_OK);
	cr_assert_eq(add(1, 0, &c), RC_OK);
	cr_assert(c.job.duplicate);
	cr_assert_eq(c.job.receipt.index, WORLD_FIRST);
	cr_assert_eq(ledger_published(w.ledger), WORLD_FIRST + 2);
	check_receipt(&c);
	world_job_release(&a);
	world_job_release(&b);
	world_job_release(&c);
}

Test(seq_seq, takes_the_same_signed_bytes_under_another_signature_for_a_retry)
{
	struct world_job a, b;
	struct token_make t;

	cr_assert_eq(add(1, 0, &a), RC_OK);
	spec(&t, 1, NULL, 0);
	t.signature = 9;
	world_job_init(&b, &t);
	cr_assert_eq(world_step(&w, &b, 1), RC_OK);
	cr_assert_eq(b.job.rc, RC_OK);
	cr_assert(b.job.duplicate);
	cr_assert(b.job.entry_whole);
	check_receipt(&b);
	world_job_release(&a);
	world_job_release(&b);
}

Test(seq_seq, refuses_the_same_id_with_other_bytes)
{
	struct world_job a, b;
	struct token_make t;

	cr_assert_eq(add(1, 0, &a), RC_OK);
	spec(&t, 1, NULL, 0);
	t.act = "other";
	world_job_init(&b, &t);
	cr_assert_eq(world_step(&w, &b, 1), RC_OK);
	cr_assert_eq(b.job.rc, RC_DUP_JTI);
	cr_assert_eq(ledger_published(w.ledger), WORLD_FIRST + 2, "kept as evidence");
	world_job_release(&a);
	world_job_release(&b);
}

Test(seq_seq, answers_twins_in_one_batch_with_one_entry)
{
	struct world_job j[3];
	struct token_make t;

	for (int i = 0; i < 3; i++) {
		spec(&t, 5, NULL, 0);
		t.act = i == 2 ? "other" : "t";
		world_job_init(&j[i], &t);
	}
	cr_assert_eq(world_step(&w, j, 3), RC_OK);
	cr_assert_eq(j[0].job.rc, RC_OK);
	cr_assert_not(j[0].job.duplicate);
	cr_assert_eq(j[1].job.rc, RC_OK);
	cr_assert(j[1].job.duplicate);
	cr_assert_eq(j[2].job.rc, RC_DUP_JTI);
	check_receipt(&j[0]);
	check_receipt(&j[1]);
	cr_assert_eq(ledger_published(w.ledger), WORLD_FIRST + 2, "one entry, one evidence");
	for (int i = 0; i < 3; i++)
		world_job_release(&j[i]);
}

Test(seq_seq, refuses_a_missing_parent_by_its_id_and_leaves_nothing)
{
	struct world_job j;
	uint8_t want[16];

	cr_assert_eq(add(2, 1, &j), RC_UNKNOWN_PARENT);
	token_make_id(1, want);
	cr_assert_eq(j.job.missing_count, 1);
	cr_assert_arr_eq(j.job.missing[0], want, 16);
	cr_assert_eq(ledger_published(w.ledger), WORLD_FIRST);
	world_job_release(&j);
	cr_assert_eq(add(1, 0, &j), RC_OK);
	world_job_release(&j);
	cr_assert_eq(add(2, 1, &j), RC_OK, "a refusal must not spoil a later try");
	world_job_release(&j);
}

Test(seq_seq, takes_a_batch_in_any_order)
{
	struct world_job j[50];

	for (size_t i = 0; i < 50; i++) {
		uint8_t pred[1][16];
		struct token_make t;
		uint64_t n = 50 - i; /* children before parents */

		token_make_id(n - 1, pred[0]);
		spec(&t, n, pred, n > 1);
		world_job_init(&j[i], &t);
	}
	cr_assert_eq(world_step(&w, j, 50), RC_OK);
	for (size_t i = 0; i < 50; i++) {
		cr_assert_eq(j[i].job.rc, RC_OK);
		cr_assert_eq(
		    j[i].job.receipt.index, WORLD_FIRST + 49 - i, "a parent has a smaller index");
		check_receipt(&j[i]);
		world_job_release(&j[i]);
	}
}

Test(seq_seq, refuses_a_cycle_for_want_of_a_parent)
{
	struct world_job j[3];

	for (uint64_t i = 0; i < 3; i++) {
		uint8_t pred[1][16];
		struct token_make t;

		token_make_id(1 + (i + 1) % 3, pred[0]);
		spec(&t, 1 + i, pred, 1);
		world_job_init(&j[i], &t);
	}
	cr_assert_eq(world_step(&w, j, 3), RC_OK);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(j[i].job.rc, RC_UNKNOWN_PARENT);
		world_job_release(&j[i]);
	}
	cr_assert_eq(ledger_published(w.ledger), WORLD_FIRST);
}

Test(seq_seq, a_refused_parent_takes_its_children_with_it_and_nobody_else)
{
	struct world_job j[4];
	uint8_t pred[1][16];
	struct token_make t;

	token_make_id(99, pred[0]); /* not there */
	spec(&t, 1, pred, 1);
	world_job_init(&j[0], &t);
	token_make_id(1, pred[0]);
	spec(&t, 2, pred, 1);
	world_job_init(&j[1], &t);
	spec(&t, 3, NULL, 0);
	world_job_init(&j[2], &t);
	token_make_id(3, pred[0]);
	spec(&t, 4, pred, 1);
	world_job_init(&j[3], &t);
	cr_assert_eq(world_step(&w, j, 4), RC_OK);
	cr_assert_eq(j[0].job.rc, RC_UNKNOWN_PARENT);
	cr_assert_eq(j[1].job.rc, RC_UNKNOWN_PARENT);
	cr_assert_eq(j[2].job.rc, RC_OK);
	cr_assert_eq(j[3].job.rc, RC_OK);
	for (int i = 0; i < 4; i++)
		world_job_release(&j[i]);
}

Test(seq_seq, refuses_a_parent_that_is_later_than_its_child)
{
	struct world_job a, b;
	uint8_t pred[1][16];
	struct token_make t;

	cr_assert_eq(add(1, 0, &a), RC_OK);
	token_make_id(1, pred[0]);
	spec(&t, 2, pred, 1);
	t.iat = 1800000000 - 31;
	world_job_init(&b, &t);
	cr_assert_eq(world_step(&w, &b, 1), RC_OK);
	cr_assert_eq(b.job.rc, RC_TIME_ORDER);
	world_job_release(&b);
	t.iat = 1800000000 - 30;
	world_job_init(&b, &t);
	cr_assert_eq(world_step(&w, &b, 1), RC_OK);
	cr_assert_eq(b.job.rc, RC_OK, "within the skew");
	world_job_release(&a);
	world_job_release(&b);
}

Test(seq_seq, keeps_the_same_id_apart_in_two_workflows)
{
	struct world_job j;
	struct token_make t;

	for (uint8_t wid = 1; wid <= 2; wid++) {
		spec(&t, 1, NULL, 0);
		t.has_wid = 1;
		t.wid[0] = wid;
		world_job_init(&j, &t);
		cr_assert_eq(world_step(&w, &j, 1), RC_OK);
		cr_assert_eq(j.job.rc, RC_OK);
		cr_assert_not(j.job.duplicate);
		world_job_release(&j);
	}
	/* A child outside both cannot mean either. */
	cr_assert_eq(add(2, 1, &j), RC_AMBIGUOUS);
	world_job_release(&j);
}

Test(seq_seq, a_parent_in_the_log_and_another_in_the_batch_are_ambiguous)
{
	struct world_job jobs[2];
	uint8_t pred[1][16];
	struct token_make t;

	spec(&t, 1, NULL, 0);
	t.has_wid = 1;
	t.wid[0] = 1;
	world_job_init(&jobs[0], &t);
	cr_assert_eq(world_step(&w, jobs, 1), RC_OK);
	world_job_release(&jobs[0]);
	t.wid[0] = 2;
	world_job_init(&jobs[0], &t);
	token_make_id(1, pred[0]);
	spec(&t, 2, pred, 1);
	world_job_init(&jobs[1], &t);
	cr_assert_eq(world_step(&w, jobs, 2), RC_OK);
	cr_assert_eq(jobs[0].job.rc, RC_OK);
	cr_assert_eq(jobs[1].job.rc, RC_AMBIGUOUS);
	world_job_release(&jobs[0]);
	world_job_release(&jobs[1]);
}

Test(seq_seq, chains_workflow_issuer_and_foreign_references)
{
	struct world_job j;
	struct token_make t;
	struct arena arena;
	struct entry e;
	uint8_t pred[1][16];

	arena_init(&arena, 1 << 20);
	for (uint64_t n = 1; n <= 2; n++) { /* workflow 1: entries 0 and 1 */
		spec(&t, n, NULL, 0);
		t.has_wid = 1;
		t.wid[0] = 1;
		world_job_init(&j, &t);
		cr_assert_eq(world_step(&w, &j, 1), RC_OK);
		world_job_release(&j);
	}
	token_make_id(1, pred[0]);
	for (uint64_t n = 3; n <= 4; n++) { /* workflow 2 refers to workflow 1 twice */
		spec(&t, n, pred, 1);
		t.has_wid = 1;
		t.wid[0] = 2;
		world_job_init(&j, &t);
		cr_assert_eq(world_step(&w, &j, 1), RC_OK);
		cr_assert_eq(j.job.rc, RC_OK);
		world_job_release(&j);
	}
	world_entry(w.ledger, WORLD_FIRST + 3, &arena, &e);
	cr_assert_eq(e.workflow.ordinal, 1);
	cr_assert_eq(e.workflow.previous, WORLD_FIRST + 2);
	cr_assert_eq(e.issuer.ordinal, 3);
	cr_assert_eq(e.issuer.previous, WORLD_FIRST + 2);
	cr_assert_eq(e.parent_count, 1);
	cr_assert_eq(e.parents[0], WORLD_FIRST);
	cr_assert_eq(e.foreign_count, 1);
	cr_assert_eq(e.foreign[0].wid[0], 1);
	cr_assert_eq(e.foreign[0].link.ordinal, 1);
	cr_assert_eq(e.foreign[0].link.previous, WORLD_FIRST + 2);
	cr_assert(e.flags & ENTRY_FOREIGN_PARENT);
	world_entry(w.ledger, WORLD_FIRST + 0, &arena, &e);
	cr_assert_eq(e.workflow.previous, ENTRY_NONE);
	arena_release(&arena);
}

Test(seq_seq, receive_time_never_goes_back)
{
	struct world_job j;
	struct arena arena;
	struct entry a, b;

	arena_init(&arena, 1 << 20);
	cr_assert_eq(add(1, 0, &j), RC_OK);
	world_job_release(&j);
	w.now_ms -= 3600000;
	cr_assert_eq(add(2, 0, &j), RC_OK);
	world_job_release(&j);
	world_entry(w.ledger, WORLD_FIRST + 0, &arena, &a);
	world_entry(w.ledger, WORLD_FIRST + 1, &arena, &b);
	cr_assert(b.received_at_ms >= a.received_at_ms);
	arena_release(&arena);
}

Test(seq_seq, doubt_stops_the_log_and_a_repeat_after_restart_is_answered)
{
	enum store_fault faults[] = {
	    STORE_FAULT_COMMIT_LOST, STORE_FAULT_COMMIT_DOUBT, STORE_FAULT_SYNC};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct world_job j;
		struct token_make t;

		spec(&t, 100 + i, NULL, 0);
		world_job_init(&j, &t);
		store_mem_fault(w.store, faults[i], 0);
		cr_assert_eq(world_step(&w, &j, 1), RC_STORE_DOUBT, "fault %zu", i);
		cr_assert_eq(j.job.rc, RC_STORE_DOUBT);
		cr_assert(ledger_stopped(w.ledger));
		j.job.rc = RC_OK;
		cr_assert_eq(world_step(&w, &j, 1), RC_STORE_DOUBT, "a stopped log stays stopped");
		world_job_release(&j);
		world_crash(&w);
		world_job_init(&j, &t);
		cr_assert_eq(world_step(&w, &j, 1), RC_OK);
		cr_assert_eq(j.job.rc, RC_OK);
		cr_assert_eq(j.job.receipt.index, WORLD_FIRST + i,
		    "one entry for each token, whatever happened");
		check_receipt(&j);
		world_job_release(&j);
	}
}

Test(seq_seq, a_failed_put_stops_the_log_and_leaves_nothing)
{
	struct hash before, after;
	struct world_job j;
	struct token_make t;

	cr_assert_eq(add(1, 0, &j), RC_OK);
	world_job_release(&j);
	world_root(&w, &before);
	for (uint64_t nth = 0; nth < 3; nth++) { /* entry, tile, head */
		spec(&t, 2, NULL, 0);
		world_job_init(&j, &t);
		store_mem_fault(w.store, STORE_FAULT_PUT, nth);
		cr_assert_neq(world_step(&w, &j, 1), RC_OK);
		cr_assert_neq(j.job.rc, RC_OK);
		cr_assert(ledger_stopped(w.ledger), "an I/O error is never worked around");
		world_job_release(&j);
		world_crash(&w);
		world_root(&w, &after);
		cr_assert(hash_eq(&before, &after));
	}
	cr_assert_eq(add(2, 0, &j), RC_OK);
	cr_assert_eq(j.job.receipt.index, WORLD_FIRST + 1);
	world_job_release(&j);
}

Test(seq_seq, a_full_disk_is_an_answer_and_the_log_goes_on)
{
	struct world_job j;
	struct token_make t;

	cr_assert_eq(add(1, 0, &j), RC_OK);
	world_job_release(&j);
	for (int again = 0; again < 2; again++) {
		spec(&t, 2, NULL, 0);
		world_job_init(&j, &t);
		store_mem_fault(w.store, STORE_FAULT_SPACE, 0);
		cr_assert_eq(world_step(&w, &j, 1), RC_NO_SPACE);
		cr_assert_eq(j.job.rc, RC_NO_SPACE);
		cr_assert_not(ledger_stopped(w.ledger));
		cr_assert_eq(ledger_published(w.ledger), WORLD_FIRST + 1);
		world_job_release(&j);
	}
	cr_assert_eq(add(2, 1, &j), RC_OK);
	cr_assert_eq(j.job.receipt.index, WORLD_FIRST + 1);
	check_receipt(&j);
	world_job_release(&j);
}

Test(seq_seq, a_refusal_for_a_batch_mate_is_not_told_when_the_batch_is_lost)
{
	struct world_job j[2];
	struct token_make t;

	for (int i = 0; i < 2; i++) {
		spec(&t, 5, NULL, 0);
		t.act = i == 1 ? "other" : "t";
		world_job_init(&j[i], &t);
	}
	store_mem_fault(w.store, STORE_FAULT_COMMIT_LOST, 0);
	cr_assert_eq(world_step(&w, j, 2), RC_STORE_DOUBT);
	cr_assert_eq(j[1].job.rc, RC_STORE_DOUBT);
	for (int i = 0; i < 2; i++)
		world_job_release(&j[i]);
}

Test(seq_seq, tokens_of_the_worst_shape_cannot_make_the_index_too_large_to_rebuild)
{
	struct buf more;
	struct token_make t;
	static struct world_job jobs[100];

	buf_init(&more, 0);
	buf_add_str(&more, ",\"x\":[0");
	for (int i = 0; i < 3900; i++)
		buf_add_str(&more, ",0");
	buf_add_str(&more, "]");
	buf_add(&more, "", 1);
	for (uint64_t n = 0; n < 1000;) {
		for (size_t i = 0; i < 100; i++, n++) {
			spec(&t, n, NULL, 0);
			t.more = (const char *)more.p;
			world_job_init(&jobs[i], &t);
		}
		cr_assert_eq(world_step(&w, jobs, 100), RC_OK);
		for (size_t i = 0; i < 100; i++)
			world_job_release(&jobs[i]);
	}
	buf_release(&more);
	world_crash(&w);
	cr_assert_eq(ledger_published(w.ledger), WORLD_FIRST + 1000);
	cr_assert_eq(index_reach(ledger_index(w.ledger)), WORLD_FIRST + 1000);
}

Test(seq_seq, never_signs_over_a_bit_that_flipped_on_the_way_to_the_store)
{
	struct hash before, after;
	struct world_job j;
	struct token_make t;

	cr_assert_eq(add(1, 0, &j), RC_OK);
	world_job_release(&j);
	world_root(&w, &before);
	spec(&t, 2, NULL, 0);
	world_job_init(&j, &t);
	store_mem_fault(w.store, STORE_FAULT_FLIP, 0);
	cr_assert_eq(world_step(&w, &j, 1), RC_CORRUPT);
	world_job_release(&j);
	world_root(&w, &after);
	cr_assert(hash_eq(&before, &after));
}

/* ---- the property: the root is a function of the entries and their order ---- */

#define TASKS 600

static uint64_t
rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* The i-th task of a random DAG: parents among earlier ones, some in other workflows, some retries.
 */
static void
task(uint64_t seed, size_t i, struct token_make *t, uint8_t (*pred)[16])
{
	uint64_t s = seed * 1000003 + i + 1;
	size_t fan = i == 0 ? 0 : rnd(&s) % 4;
	size_t count = 0;

	memset(t, 0, sizeof(*t));
	token_make_id(seed * 100000 + i, t->jti);
	t->has_wid = rnd(&s) % 4 != 0;
	t->wid[0] = t->has_wid ? (uint8_t)(1 + rnd(&s) % 5) : 0;
	t->iss = rnd(&s) % 2 ? "spiffe://example.com/agent/a" : "spiffe://example.com/agent/b";
	for (size_t k = 0; k < fan; k++) {
		size_t p = rnd(&s) % i;

		token_make_id(seed * 100000 + p, pred[count]);
		for (size_t q = 0; q < count; q++)
			if (memcmp(pred[q], pred[count], 16) == 0)
				goto next;
		count++;
	next:;
	}
	t->pred = (const uint8_t(*)[16])pred;
	t->pred_count = count;
}

/* Feed all tasks in batches drawn from 'how' with crashes and retries in between; the root. */
static void
feed(uint64_t seed, uint64_t how, struct hash *root)
{
	static struct world_job jobs[64];
	size_t at = 0;

	while (at < TASKS) {
		size_t batch = 1 + rnd(&how) % 60, count = 0;

		for (; count < batch && at + count < TASKS; count++) {
			uint8_t pred[4][16];
			struct token_make t;

			task(seed, at + count, &t, pred);
			world_job_init(&jobs[count], &t);
		}
		if (rnd(&how) % 10 == 0) { /* the machine dies in the commit; the client repeats */
			store_mem_fault(w.store,
			    rnd(&how) % 2 ? STORE_FAULT_COMMIT_DOUBT : STORE_FAULT_COMMIT_LOST, 0);
			cr_assert_eq(world_step(&w, jobs, count), RC_STORE_DOUBT);
			world_crash(&w);
			for (size_t i = 0; i < count; i++)
				world_job_release(&jobs[i]);
			continue;
		}
		cr_assert_eq(world_step(&w, jobs, count), RC_OK);
		for (size_t i = 0; i < count; i++) {
			cr_assert_eq(
			    jobs[i].job.rc, RC_OK, "task %zu: %s", at + i, jobs[i].job.why.text);
			cr_assert_eq(jobs[i].job.receipt.index, WORLD_FIRST + at + i);
			check_receipt(&jobs[i]);
			world_job_release(&jobs[i]);
		}
		at += count;
		if (rnd(&how) % 8 == 0)
			world_crash(&w);
	}
	world_root(&w, root);
}

Test(seq_seq, the_root_is_the_same_from_any_batching_and_any_restarts, .timeout = 240)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct hash first, other;

		feed(seed, 11, &first);
		for (uint64_t how = 1; how <= 4; how++) {
			world_close(&w);
			world_open(&w);
			feed(seed, how * 7919, &other);
			cr_assert(hash_eq(&first, &other), "seed %llu how %llu",
			    (unsigned long long)seed, (unsigned long long)how);
		}
		world_close(&w);
		world_open(&w);
	}
}
