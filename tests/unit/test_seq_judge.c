/* test_seq_judge.c - what the log's own history says of a token's key, at the token's place. */
#include <criterion/criterion.h>
#include <string.h>

#include "lib/seq_world.h"

#define OTHER "{\"key\":2}"

static struct world w;
static struct arena arena;

static void
up(void)
{
	world_open(&w);
	arena_init(&arena, 4 << 20);
}

static void
down(void)
{
	world_close(&w);
	arena_release(&arena);
}

TestSuite(seq_judge, .init = up, .fini = down);

static void
make(struct world_job *j, uint64_t n, const char *key)
{
	struct token_make t = {0};

	token_make_id(n, t.jti);
	world_job_init(j, &t);
	world_job_key(j, key);
}

static enum rc
add(uint64_t n, const char *key, uint64_t *index)
{
	struct world_job j;
	enum rc rc;

	make(&j, n, key);
	cr_assert_eq(world_step(&w, &j, 1), RC_OK);
	rc = j.job.rc;
	*index = j.job.receipt.index;
	world_job_release(&j);
	return rc;
}

static void
event(enum event_action action, const char *key, int64_t since)
{
	cr_assert_eq(world_key(w.ledger, w.now_ms, action, key, since), RC_OK);
}

Test(seq_judge, an_entry_names_the_key_entry_that_enrolled_its_signer)
{
	struct entry e;
	uint64_t index;

	event(EVENT_ENROLL, OTHER, 0);
	cr_assert_eq(add(1, OTHER, &index), RC_OK);
	world_entry(w.ledger, index, &arena, &e);
	cr_assert_eq(e.anchor, WORLD_FIRST);
	cr_assert_eq(e.binding, TRUST_JWKS);
	cr_assert_eq(add(2, WORLD_KEY, &index), RC_OK);
	world_entry(w.ledger, index, &arena, &e);
	cr_assert_eq(e.anchor, 0);
	cr_assert(e.has_signer && e.credential.n == 0);
}

Test(seq_judge, what_came_beside_the_token_is_kept)
{
	struct world_job j;
	struct entry e;

	make(&j, 1, WORLD_KEY);
	j.job.credential = bytes_str("a.wit.c");
	cr_assert_eq(world_step(&w, &j, 1), RC_OK);
	cr_assert_eq(j.job.rc, RC_OK);
	world_entry(w.ledger, j.job.receipt.index, &arena, &e);
	cr_assert(bytes_is(e.credential, "a.wit.c"));
	world_job_release(&j);
}

Test(seq_judge, a_key_that_the_log_does_not_know_is_refused)
{
	uint64_t index;

	cr_assert_eq(add(1, OTHER, &index), RC_UNKNOWN_KEY);
	cr_assert_eq(ledger_published(w.ledger), WORLD_FIRST);
}

/* Also in one batch with tokens of a good key: each has its own answer. */
Test(seq_judge, after_a_revocation_nothing_of_the_key_gets_in_but_retries)
{
	struct world_job j[3];
	uint64_t first, index;

	event(EVENT_ENROLL, OTHER, 0);
	cr_assert_eq(add(1, OTHER, &first), RC_OK);
	event(EVENT_REVOKE, OTHER, w.now_ms / 1000);
	make(&j[0], 2, OTHER);
	make(&j[1], 3, WORLD_KEY);
	make(&j[2], 1, OTHER);
	cr_assert_eq(world_step(&w, j, 3), RC_OK);
	cr_assert_eq(j[0].job.rc, RC_KEY_REVOKED);
	cr_assert_not_null(j[0].job.why.rule);
	cr_assert_eq(j[1].job.rc, RC_OK);
	cr_assert_eq(j[2].job.rc, RC_OK);
	cr_assert(j[2].job.duplicate && j[2].job.receipt.index == first);
	for (int i = 0; i < 3; i++)
		world_job_release(&j[i]);
	world_crash(&w);
	cr_assert_eq(add(4, OTHER, &index), RC_KEY_REVOKED, "a restart forgets nothing");
	event(EVENT_REINSTATE, OTHER, 0);
	cr_assert_eq(add(4, OTHER, &index), RC_OK);
}

Test(seq_judge, a_withdrawn_key_is_refused_until_it_is_there_again)
{
	struct entry e;
	uint64_t index;

	event(EVENT_WITHDRAW, WORLD_KEY, 0);
	cr_assert_eq(add(1, WORLD_KEY, &index), RC_UNKNOWN_KEY);
	event(EVENT_ENROLL, WORLD_KEY, 0);
	cr_assert_eq(add(1, WORLD_KEY, &index), RC_OK);
	world_entry(w.ledger, index, &arena, &e);
	cr_assert_eq(e.anchor, WORLD_FIRST + 1, "the newest enrolment");
}

/* As when a certificate of the chain is revoked, or the key loses the issuer, between judges and log. */
Test(seq_judge, what_the_judges_found_is_asked_again_here)
{
	struct token_make t = {.iss = "spiffe://example.com/agent/nobody"};
	struct world_job j[2];
	struct hash revoked;

	hash_of(bytes_str("{\"leaf\":1}"), &revoked);
	event(EVENT_REVOKE, "{\"leaf\":1}", 0);
	make(&j[0], 1, WORLD_KEY);
	j[0].job.path = &revoked;
	j[0].job.path_count = 1;
	token_make_id(2, t.jti);
	world_job_init(&j[1], &t);
	cr_assert_eq(world_step(&w, j, 2), RC_OK);
	cr_assert_eq(j[0].job.rc, RC_KEY_REVOKED);
	cr_assert_eq(j[1].job.rc, RC_NOT_AUTHORIZED);
	cr_assert_not_null(j[1].job.why.rule);
	cr_assert(!ledger_stopped(w.ledger));
	for (int i = 0; i < 2; i++)
		world_job_release(&j[i]);
}

/* The time of revocation is held against the entry's own receive time. */
Test(seq_judge, a_revocation_that_holds_from_later_is_not_yet_one)
{
	uint64_t index;

	event(EVENT_REVOKE, WORLD_KEY, w.now_ms / 1000 + 100);
	cr_assert_eq(add(1, WORLD_KEY, &index), RC_OK);
	w.now_ms += 100000;
	cr_assert_eq(add(2, WORLD_KEY, &index), RC_KEY_REVOKED);
	w.now_ms -= 200000; /* the clock goes back; the log's time does not */
	cr_assert_eq(add(3, WORLD_KEY, &index), RC_OK, "the refused one moved no time");
}

/* Judged in time, but it waited: the receive time that its entry would have decides. */
Test(seq_judge, a_token_whose_time_is_over_by_now_is_refused_or_marked_as_deferred)
{
	struct world_job j[2];
	struct entry e;

	make(&j[0], 1, WORLD_KEY);
	make(&j[1], 2, WORLD_KEY);
	j[0].job.ends_s = w.now_ms / 1000 + 1;
	j[1].job.ends_s = w.now_ms / 1000;
	cr_assert_eq(world_step(&w, j, 2), RC_OK);
	cr_assert_eq(j[0].job.rc, RC_OK);
	cr_assert_eq(j[1].job.rc, RC_EXPIRED);
	cr_assert_not_null(j[1].job.why.rule);
	w.now_ms += 5000;
	cr_assert_eq(world_step(&w, j, 1), RC_OK);
	cr_assert(j[0].job.rc == RC_OK && j[0].job.duplicate, "what is in the log stays there");
	((struct policy_rules *)(uintptr_t)ledger_rules(w.ledger))->deferred = true;
	cr_assert_eq(world_step(&w, &j[1], 1), RC_OK);
	cr_assert_eq(j[1].job.rc, RC_OK);
	world_entry(w.ledger, j[1].job.receipt.index, &arena, &e);
	cr_assert_eq(e.flags, ENTRY_DEFERRED);
	for (int i = 0; i < 2; i++)
		world_job_release(&j[i]);
}

/* ---- L1, and what hangs below it ---- */

static uint64_t
task(uint64_t n, const uint64_t *parents, size_t count, bool plain)
{
	uint8_t pred[4][16];
	struct token_make t = {.pred = (const uint8_t(*)[16])pred, .pred_count = count};
	struct world_job j;
	uint64_t index;

	token_make_id(n, t.jti);
	for (size_t i = 0; i < count; i++)
		token_make_id(parents[i], pred[i]);
	if (plain)
		world_job_plain(&j, &t);
	else
		world_job_init(&j, &t);
	cr_assert_eq(world_step(&w, &j, 1), RC_OK);
	cr_assert_eq(j.job.rc, RC_OK, "%s", j.job.why.text);
	index = j.job.receipt.index;
	world_job_release(&j);
	return index;
}

static uint64_t
flags(uint64_t index)
{
	struct entry e;

	world_entry(w.ledger, index, &arena, &e);
	return e.flags;
}

Test(seq_judge, an_unsigned_token_has_no_signer_and_marks_what_hangs_below_it)
{
	uint64_t good = task(1, NULL, 0, false), low = task(2, NULL, 0, true);
	uint64_t child = task(3, (uint64_t[]){1, 2}, 2, false);
	uint64_t grandchild = task(4, (uint64_t[]){3}, 1, false);
	uint64_t beside = task(5, (uint64_t[]){1}, 1, false);
	struct entry e;

	world_entry(w.ledger, low, &arena, &e);
	cr_assert(!e.has_signer && e.level == LEVEL_1 && e.media == TOKEN_PLAIN);
	cr_assert(e.binding == 0 && e.anchor == ENTRY_NONE);
	cr_assert_eq(flags(low) & ENTRY_LOWER_PARENT, 0, "it is L1 itself; its ancestors are not");
	cr_assert_eq(flags(good) & ENTRY_LOWER_PARENT, 0);
	cr_assert(flags(child) & ENTRY_LOWER_PARENT);
	cr_assert(flags(grandchild) & ENTRY_LOWER_PARENT);
	cr_assert_eq(flags(beside) & ENTRY_LOWER_PARENT, 0);
	world_crash(&w);
	cr_assert(flags(task(6, (uint64_t[]){4}, 1, false)) & ENTRY_LOWER_PARENT,
	    "the rebuilt index knows it too");
}

Test(seq_judge, a_lower_parent_in_the_same_batch_marks_its_child)
{
	uint8_t pred[1][16];
	struct token_make t = {.pred = (const uint8_t(*)[16])pred};
	struct world_job j[3];

	for (uint64_t n = 0; n < 3; n++) {
		token_make_id(n + 1, t.jti);
		token_make_id(n, pred[0]);
		t.pred_count = n > 0;
		if (n == 0)
			world_job_plain(&j[n], &t);
		else
			world_job_init(&j[n], &t);
	}
	cr_assert_eq(world_step(&w, j, 3), RC_OK);
	cr_assert(flags(j[1].job.receipt.index) & ENTRY_LOWER_PARENT);
	cr_assert(flags(j[2].job.receipt.index) & ENTRY_LOWER_PARENT);
	for (int n = 0; n < 3; n++)
		world_job_release(&j[n]);
}

/* ---- key events themselves ---- */

Test(seq_judge, key_events_are_chained_whole_and_by_domain)
{
	struct entry e;

	event(EVENT_ENROLL, OTHER, 0);
	task(1, NULL, 0, false);
	event(EVENT_REVOKE, OTHER, 5);
	world_entry(w.ledger, WORLD_FIRST + 2, &arena, &e);
	cr_assert_eq(e.kind, ENTRY_KEY);
	cr_assert(!e.has_signer && e.media == 0 && e.level == 0);
	cr_assert(e.workflow.ordinal == 2 && e.workflow.previous == WORLD_FIRST);
	cr_assert(e.issuer.ordinal == 2 && e.issuer.previous == WORLD_FIRST);
}

Test(seq_judge, bytes_that_are_no_event_are_refused_and_nothing_else)
{
	struct seq_job job[2] = {{.kind = ENTRY_KEY}, {.kind = ENTRY_KEY}};
	struct seq_job *list[2] = {&job[0], &job[1]};

	job[0].arena = job[1].arena = &arena;
	job[0].event = bytes_str("nonsense");
	job[1].event = world_event(EVENT_ENROLL, OTHER, 0, &arena);
	cr_assert_eq(seq_step(w.ledger, list, 2, w.now_ms), RC_OK);
	cr_assert_eq(job[0].rc, RC_BAD_KEY);
	cr_assert_eq(job[1].rc, RC_OK);
	cr_assert_eq(ledger_published(w.ledger), WORLD_FIRST + 1);
}

Test(seq_judge, a_lost_batch_of_key_events_taught_nobody_anything)
{
	struct history_record r;
	struct hash id;
	uint64_t index;

	hash_of(bytes_str(OTHER), &id);
	store_mem_fault(w.store, STORE_FAULT_COMMIT_LOST, 0);
	cr_assert_eq(world_key(w.ledger, w.now_ms, EVENT_ENROLL, OTHER, 0), RC_STORE_DOUBT);
	cr_assert_eq(
	    history_find_id(ledger_history(w.ledger), &id, UINT64_MAX, &arena, &r), RC_NOT_FOUND);
	world_crash(&w);
	cr_assert_eq(add(1, OTHER, &index), RC_UNKNOWN_KEY);
	store_mem_fault(w.store, STORE_FAULT_COMMIT_DOUBT, 0);
	cr_assert_eq(world_key(w.ledger, w.now_ms, EVENT_ENROLL, OTHER, 0), RC_STORE_DOUBT);
	world_crash(&w); /* it was there after all */
	cr_assert_eq(add(1, OTHER, &index), RC_OK);
}
