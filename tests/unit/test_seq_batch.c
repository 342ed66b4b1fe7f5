/* test_seq_batch.c - what a batch knows before it is in the log. */
#include <criterion/criterion.h>
#include <string.h>

#include "seq/batch.h"

#define N 8

static struct claim claims[N];
static struct seq_job jobs[N];
static struct seq_job *list[N];
static uint8_t pred[N][1][UUID_SIZE];
static struct batch *b;

static void
up(void)
{
	b = batch_new(1);
	cr_assert(b != NULL);
	memset(claims, 0, sizeof(claims));
	for (size_t i = 0; i < N; i++) {
		claims[i].jti[0] = (uint8_t)(i + 1);
		jobs[i].claim = &claims[i];
		list[i] = &jobs[i];
	}
}

static void
down(void)
{
	batch_free(b);
}

TestSuite(seq_batch, .init = up, .fini = down);

static void
parent(size_t child, size_t of)
{
	memcpy(pred[child][0], claims[of].jti, UUID_SIZE);
	claims[child].pred = (const uint8_t(*)[UUID_SIZE])pred[child];
	claims[child].pred_count = 1;
}

Test(seq_batch, keeps_the_order_of_arrival_without_edges)
{
	uint32_t order[N];

	batch_begin(b, list, N);
	batch_order(b, order);
	for (uint32_t i = 0; i < N; i++)
		cr_assert_eq(order[i], i);
}

Test(seq_batch, puts_a_parent_before_a_child_that_came_first)
{
	uint32_t order[N], at[N];

	parent(0, 7);
	parent(7, 3);
	batch_begin(b, list, N);
	batch_order(b, order);
	for (uint32_t i = 0; i < N; i++)
		at[order[i]] = i;
	cr_assert_lt(at[7], at[0]);
	cr_assert_lt(at[3], at[7]);
}

Test(seq_batch, gives_every_job_once_even_in_a_cycle)
{
	uint32_t order[N];
	unsigned seen = 0;

	parent(0, 1);
	parent(1, 2);
	parent(2, 0);
	batch_begin(b, list, N);
	batch_order(b, order);
	for (size_t i = 0; i < N; i++)
		seen |= 1u << order[i];
	cr_assert_eq(seen, 0xff);
}

Test(seq_batch, finds_admitted_jobs_only)
{
	struct batch_hit hit;

	batch_begin(b, list, N);
	cr_assert_eq(batch_find(b, false, NULL, claims[2].jti, &hit), RC_NOT_FOUND);
	batch_admit(b, 2, 77, true);
	cr_assert_eq(batch_find(b, false, NULL, claims[2].jti, &hit), RC_OK);
	cr_assert(hit.job == &jobs[2] && hit.index == 77 && hit.lower);
	batch_begin(b, list, N);
	cr_assert_eq(batch_find(b, false, NULL, claims[2].jti, &hit), RC_NOT_FOUND,
	    "a new batch knows nothing");
}

Test(seq_batch, tells_scopes_apart_and_ambiguity)
{
	struct batch_hit hit;

	memcpy(claims[1].jti, claims[0].jti, UUID_SIZE);
	claims[1].has_wid = true;
	claims[1].wid[0] = 9;
	batch_begin(b, list, N);
	batch_admit(b, 0, 10, false);
	cr_assert_eq(batch_find_any(b, claims[0].jti, &hit), RC_OK);
	cr_assert(hit.job == &jobs[0] && hit.index == 10 && !hit.lower);
	cr_assert_eq(batch_find(b, true, claims[1].wid, claims[1].jti, &hit), RC_NOT_FOUND);
	batch_admit(b, 1, 11, true);
	cr_assert_eq(batch_find(b, true, claims[1].wid, claims[1].jti, &hit), RC_OK);
	cr_assert(hit.job == &jobs[1] && hit.index == 11 && hit.lower);
	cr_assert_eq(batch_find_any(b, claims[0].jti, &hit), RC_AMBIGUOUS);
}

/* Events have no ids, and leave none of the batch before. */
Test(seq_batch, a_batch_of_events_has_no_ids_and_room_for_two_sequences_each)
{
	struct index_seq_head head = {.count = 1, .last = 1}, got;
	struct batch_hit hit;

	batch_begin(b, list, N);
	batch_admit(b, 0, 10, false);
	batch_begin_events(b, SEQ_BATCH_MAX);
	cr_assert_eq(batch_find(b, false, NULL, claims[0].jti, &hit), RC_NOT_FOUND);
	for (size_t i = 0; i < 2 * SEQ_BATCH_MAX; i++) {
		struct index_seq_key key = {.kind = INDEX_SEQ_DOMAIN_KEYS};

		memcpy(key.id, &i, sizeof(i));
		batch_seq_set(b, &key, &head);
		cr_assert(batch_seq_get(b, &key, &got));
	}
	batch_begin(b, list, N);
	cr_assert_eq(batch_find(b, false, NULL, claims[0].jti, &hit), RC_NOT_FOUND);
}

Test(seq_batch, remembers_moved_sequences_until_the_next_batch)
{
	struct index_seq_key key = {.kind = INDEX_SEQ_WORKFLOW, .id = {1}};
	struct index_seq_key other = {.kind = INDEX_SEQ_ISSUER, .id = {1}};
	struct index_seq_head head = {.count = 3, .last = 9}, got;

	batch_begin(b, list, N);
	cr_assert_not(batch_seq_get(b, &key, &got));
	batch_seq_set(b, &key, &head);
	cr_assert(batch_seq_get(b, &key, &got));
	cr_assert_eq(got.last, 9);
	cr_assert_not(batch_seq_get(b, &other, &got));
	batch_begin(b, list, N);
	cr_assert_not(batch_seq_get(b, &key, &got));
}

Test(seq_batch, one_id_in_many_workflows_is_found_in_each)
{
	struct batch_hit hit;

	for (size_t i = 0; i < N; i++) {
		memcpy(claims[i].jti, claims[0].jti, UUID_SIZE);
		claims[i].has_wid = true;
		claims[i].wid[0] = (uint8_t)(i + 1);
	}
	batch_begin(b, list, N);
	for (size_t i = 0; i < N; i++)
		batch_admit(b, i, 100 + i, i % 2 != 0);
	for (size_t i = 0; i < N; i++) {
		cr_assert_eq(batch_find(b, true, claims[i].wid, claims[0].jti, &hit), RC_OK);
		cr_assert(hit.job == &jobs[i] && hit.index == 100 + i);
		cr_assert_eq(hit.lower, i % 2 != 0);
	}
	cr_assert_eq(batch_find_any(b, claims[0].jti, &hit), RC_AMBIGUOUS);
}
