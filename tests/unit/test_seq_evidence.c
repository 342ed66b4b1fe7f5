/* test_seq_evidence.c - two tokens under one id: refused, and kept, within bounds. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scbor.h"
#include "lib/seq_world.h"

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

TestSuite(seq_evidence, .init = up, .fini = down);

static void
make(struct world_job *j, uint64_t n, const char *act, const char *iss, uint8_t signature)
{
	struct token_make t = {.act = act, .iss = iss, .signature = signature};

	token_make_id(n, t.jti);
	world_job_init(j, &t);
}

/* One token; its code, with the refusal's text in 'text'. */
static char text[160];

static enum rc
add(uint64_t n, const char *act)
{
	struct world_job j;
	enum rc rc;

	make(&j, n, act, NULL, 0);
	cr_assert_eq(world_step(&w, &j, 1), RC_OK);
	rc = j.job.rc;
	memcpy(text, j.job.why.text, sizeof(text));
	world_job_release(&j);
	return rc;
}

static uint64_t
size(void)
{
	return ledger_published(w.ledger) - WORLD_FIRST;
}

static bool
says(const char *what, uint64_t index)
{
	char want[64];

	snprintf(want, sizeof(want), "%s %llu", what, (unsigned long long)(WORLD_FIRST + index));
	return strstr(text, want) != NULL;
}

Test(seq_evidence, another_token_under_a_taken_id_is_refused_and_kept)
{
	struct world_job j;
	struct entry e;

	cr_assert_eq(add(1, "a"), RC_OK);
	cr_assert_eq(add(2, "a"), RC_OK);
	make(&j, 1, "b", NULL, 0);
	cr_assert_eq(world_step(&w, &j, 1), RC_OK);
	cr_assert_eq(j.job.rc, RC_DUP_JTI);
	cr_assert_not(j.job.duplicate);
	memcpy(text, j.job.why.text, sizeof(text));
	cr_assert(says("entry", 0) && says("recorded as evidence at index", 2), "%s", text);
	world_entry(w.ledger, WORLD_FIRST + 2, &arena, &e);
	cr_assert_eq(e.kind, ENTRY_EQUIVOCATION);
	cr_assert(bytes_eq(e.token, j.token.raw));
	cr_assert(e.has_signer && hash_eq(&e.signer, &j.job.signer) && e.binding == TRUST_JWKS);
	cr_assert(e.anchor == 0 && e.level == LEVEL_2 && e.media == TOKEN_JWS);
	cr_assert(e.parent_count == 1 && e.parents[0] == WORLD_FIRST);
	cr_assert(e.workflow.ordinal == 0 && e.issuer.ordinal == 0);
	world_job_release(&j);
}

Test(seq_evidence, the_same_signed_bytes_are_kept_once)
{
	struct world_job j;

	cr_assert_eq(add(1, "a"), RC_OK);
	cr_assert_eq(add(1, "b"), RC_DUP_JTI);
	cr_assert_eq(add(1, "c"), RC_DUP_JTI);
	cr_assert_eq(size(), 3);
	cr_assert_eq(add(1, "b"), RC_DUP_JTI);
	cr_assert(says("recorded as evidence at index", 1), "%s", text);
	make(&j, 1, "b", NULL, 9); /* under another signature: the same */
	cr_assert_eq(world_step(&w, &j, 1), RC_OK);
	cr_assert_eq(j.job.rc, RC_DUP_JTI);
	world_job_release(&j);
	cr_assert_eq(size(), 3);
	world_crash(&w);
	cr_assert_eq(add(1, "b"), RC_DUP_JTI);
	cr_assert_eq(size(), 3);
	cr_assert_eq(add(1, "a"), RC_OK, "a retry of what is in the log is none of it");
}

Test(seq_evidence, within_one_batch_the_second_is_the_equivocation_and_its_repeats_are_one)
{
	struct world_job j[5];
	const char *act[5] = {"a", "b", "b", "c", "a"};
	struct entry e;

	for (int i = 0; i < 5; i++)
		make(&j[i], 1, act[i], NULL, (uint8_t)i);
	cr_assert_eq(world_step(&w, j, 5), RC_OK);
	cr_assert_eq(j[0].job.rc, RC_OK);
	for (int i = 1; i < 4; i++)
		cr_assert_eq(j[i].job.rc, RC_DUP_JTI);
	cr_assert_eq(j[4].job.rc, RC_OK);
	cr_assert(j[4].job.duplicate);
	memcpy(text, j[2].job.why.text, sizeof(text));
	cr_assert(says("recorded as evidence at index", 1), "%s", text);
	cr_assert_eq(size(), 3);
	world_entry(w.ledger, WORLD_FIRST + 2, &arena, &e);
	cr_assert(e.kind == ENTRY_EQUIVOCATION && e.parents[0] == WORLD_FIRST);
	cr_assert(e.workflow.ordinal == 1 && e.workflow.previous == WORLD_FIRST + 1);
	cr_assert(e.issuer.ordinal == 1 && e.issuer.previous == WORLD_FIRST + 1);
	for (int i = 0; i < 5; i++)
		world_job_release(&j[i]);
}

Test(seq_evidence, each_issuer_has_its_bound)
{
	char act[2] = "b";
	struct world_job j;

	w.rules.equivocations_max = 3;
	cr_assert_eq(add(1, "a"), RC_OK);
	for (; act[0] < 'g'; act[0]++)
		cr_assert_eq(add(1, act), RC_DUP_JTI);
	cr_assert_eq(size(), 1 + 3);
	cr_assert_not_null(strstr(text, "the bound is reached"), "%s", text);
	cr_assert_eq(add(1, "b"), RC_DUP_JTI);
	cr_assert(
	    says("recorded as evidence at index", 1), "what is kept is still found: %s", text);
	make(&j, 1, "z", "spiffe://example.com/agent/other", 0);
	cr_assert_eq(world_step(&w, &j, 1), RC_OK);
	cr_assert_eq(j.job.rc, RC_DUP_JTI);
	cr_assert_eq(size(), 1 + 4, "another issuer has a bound of its own");
	world_job_release(&j);
}

Test(seq_evidence, a_bound_of_zero_keeps_nothing)
{
	w.rules.equivocations_max = 0;
	cr_assert_eq(add(1, "a"), RC_OK);
	cr_assert_eq(add(1, "b"), RC_DUP_JTI);
	cr_assert_eq(size(), 1);
}

Test(seq_evidence, what_nobody_signed_is_refused_and_not_kept)
{
	struct token_make t = {.act = "b"};
	struct world_job j;

	cr_assert_eq(add(1, "a"), RC_OK);
	token_make_id(1, t.jti);
	world_job_plain(&j, &t);
	cr_assert_eq(world_step(&w, &j, 1), RC_OK);
	cr_assert_eq(j.job.rc, RC_DUP_JTI);
	cr_assert_not_null(strstr(j.job.why.text, "nobody signed"));
	cr_assert_eq(size(), 1);
	world_job_release(&j);
}

Test(seq_evidence, a_revoked_key_cannot_fill_the_log_with_evidence)
{
	cr_assert_eq(add(1, "a"), RC_OK);
	cr_assert_eq(
	    world_key(w.ledger, w.now_ms, EVENT_REVOKE, WORLD_KEY, w.now_ms / 1000), RC_OK);
	cr_assert_eq(add(1, "b"), RC_KEY_REVOKED);
	cr_assert_eq(size(), 2);
}

Test(seq_evidence, evidence_is_nobodys_parent_and_nobodys_child)
{
	uint8_t pred[1][16];
	struct token_make t = {.pred = (const uint8_t(*)[16])pred, .pred_count = 1};
	struct index_view *view = NULL;
	uint64_t child[4];
	struct world_job j;
	struct entry e;
	size_t count;

	cr_assert_eq(add(1, "a"), RC_OK);
	cr_assert_eq(add(1, "b"), RC_DUP_JTI);
	token_make_id(1, pred[0]);
	token_make_id(2, t.jti);
	world_job_init(&j, &t);
	cr_assert_eq(world_step(&w, &j, 1), RC_OK);
	cr_assert_eq(j.job.rc, RC_OK);
	world_entry(w.ledger, j.job.receipt.index, &arena, &e);
	cr_assert_eq(e.parents[0], WORLD_FIRST, "the task, not what was said against it");
	world_job_release(&j);
	cr_assert_eq(index_view_begin(ledger_index(w.ledger), UINT64_MAX, &view), RC_OK);
	cr_assert_eq(index_children(view, WORLD_FIRST, UINT64_MAX, child, 4, &count), RC_OK);
	cr_assert(count == 1 && child[0] == WORLD_FIRST + 2);
	index_view_end(view);
}

Test(seq_evidence, a_token_too_large_to_be_kept_is_refused_all_the_same)
{
	struct world_job j;
	uint8_t *large = arena_zalloc(&arena, 65400);

	cr_assert_eq(add(1, "a"), RC_OK);
	make(&j, 1, "b", NULL, 0);
	j.job.credential = bytes_of(large, 65400);
	cr_assert_eq(world_step(&w, &j, 1), RC_OK);
	cr_assert_eq(j.job.rc, RC_DUP_JTI);
	cr_assert_not_null(strstr(j.job.why.text, "too large"));
	cr_assert_eq(size(), 1);
	world_job_release(&j);
	cr_assert_eq(add(2, "a"), RC_OK);
}

Test(seq_evidence, a_lost_batch_leaves_none_and_a_doubtful_one_at_most_one)
{
	enum store_fault faults[] = {STORE_FAULT_COMMIT_LOST, STORE_FAULT_COMMIT_DOUBT};

	cr_assert_eq(add(1, "a"), RC_OK);
	for (size_t i = 0; i < 2; i++) {
		struct world_job j;

		make(&j, 1, "b", NULL, 0);
		store_mem_fault(w.store, faults[i], 0);
		cr_assert_eq(world_step(&w, &j, 1), RC_STORE_DOUBT);
		cr_assert_eq(j.job.rc, RC_STORE_DOUBT, "the refusal is not told");
		world_job_release(&j);
		world_crash(&w);
		cr_assert_eq(size(), 1 + i);
	}
	cr_assert_eq(add(1, "b"), RC_DUP_JTI);
	cr_assert_eq(size(), 2);
}

Test(seq_evidence, every_put_of_a_batch_with_evidence_may_fail)
{
	for (uint64_t nth = 0; nth < 4; nth++) {
		struct world_job j[2];

		store_mem_fault(w.store, STORE_FAULT_PUT, nth); /* token, evidence, tile, head */
		make(&j[0], 1, "a", NULL, 0);
		make(&j[1], 1, "b", NULL, 0);
		cr_assert_neq(world_step(&w, j, 2), RC_OK);
		for (int i = 0; i < 2; i++) {
			cr_assert(j[i].job.rc != RC_OK && j[i].job.rc != RC_DUP_JTI);
			world_job_release(&j[i]);
		}
		world_crash(&w);
		cr_assert_eq(size(), 0);
	}
	cr_assert_eq(add(1, "a"), RC_OK);
}

/* A COSE token of its own making: the signature is what stands last. */
static void
make_cose(struct world_job *j, uint64_t n, const char *act, uint8_t signature)
{
	struct buf payload, head, b;
	uint8_t sig[64], jti[16];
	struct why why;

	memset(j, 0, sizeof(*j));
	memset(sig, signature, sizeof(sig));
	token_make_id(n, jti);
	buf_init(&payload, 0);
	buf_init(&head, 0);
	buf_init(&b, 0);
	scbor_put_map(&payload, 5);
	scbor_put_uint(&payload, 1);
	scbor_put_text(&payload, bytes_str("spiffe://example.com/agent/a"));
	scbor_put_uint(&payload, 4);
	scbor_put_uint(&payload, 1800000600);
	scbor_put_uint(&payload, 6);
	scbor_put_uint(&payload, 1800000000);
	scbor_put_uint(&payload, 7);
	scbor_put_bytes(&payload, bytes_of(jti, 16));
	scbor_put_uint(&payload, 301);
	scbor_put_text(&payload, bytes_str(act));
	scbor_put_map(&head, 2);
	scbor_put_uint(&head, 1);
	scbor_put_int(&head, -7);
	scbor_put_uint(&head, 4);
	scbor_put_bytes(&head, bytes_str("k"));
	scbor_put_tag(&b, 18);
	scbor_put_array(&b, 4);
	scbor_put_bytes(&b, buf_bytes(&head));
	scbor_put_map(&b, 0);
	scbor_put_bytes(&b, buf_bytes(&payload));
	scbor_put_bytes(&b, bytes_of(sig, 64));
	arena_init(&j->arena, 1 << 20);
	j->text = (char *)b.p;
	cr_assert_eq(token_parse(buf_bytes(&b), &j->arena, &j->token, &why), RC_OK, "%s", why.text);
	cr_assert_eq(claim_read(&j->token, &j->arena, &j->claim, &why), RC_OK, "%s", why.text);
	j->job.token = &j->token;
	j->job.claim = &j->claim;
	j->job.arena = &j->arena;
	world_job_key(j, WORLD_KEY);
	buf_release(&payload);
	buf_release(&head);
}

Test(seq_evidence, a_cose_token_against_a_jws_and_against_itself)
{
	struct world_job j[4];

	cr_assert_eq(add(1, "a"), RC_OK);
	make_cose(&j[0], 1, "a", 0);
	make_cose(&j[1], 1, "a", 7); /* the same signed bytes */
	make_cose(&j[2], 1, "b", 0);
	make_cose(&j[3], 2, "b", 0); /* another id */
	cr_assert_eq(world_step(&w, j, 4), RC_OK);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(j[i].job.rc, RC_DUP_JTI);
	cr_assert_eq(j[3].job.rc, RC_OK);
	cr_assert_eq(size(), 1 + 3);
	for (int i = 0; i < 4; i++)
		world_job_release(&j[i]);
	make_cose(&j[0], 1, "b", 3);
	cr_assert_eq(world_step(&w, j, 1), RC_OK);
	cr_assert_eq(size(), 1 + 3);
	world_job_release(&j[0]);
}
