/*
 * batch.c - two small hash tables and a depth-first walk.
 *
 * Invariants:
 *   1. ids: every job is chained under its jti from batch_begin() on; only admitted jobs have an
 * index.
 *   2. seqs: at most SEQS_MAX keys, because a job moves its workflow, its issuer and at most one
 * foreign sequence per predecessor.
 *   3. Tables are cleared by what was put in, not by their size, so that a lone token pays for one
 * token.
 *
 * Keys are chosen by clients.  A flood of colliding ids costs at most SEQ_BATCH_MAX^2 / 2 compares
 * of 16 bytes, a millisecond.
 */
#include "seq/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define IDS_ROOM  (4 * SEQ_BATCH_MAX)
#define SEQS_MAX  (SEQ_BATCH_MAX * (2 + CLAIM_PRED_MAX))
#define SEQS_ROOM 262144 /* power of two, at least 2 * SEQS_MAX */
#define NONE	  UINT32_MAX

_Static_assert(SEQS_ROOM >= 2 * SEQS_MAX, "the sequence table must never be more than half full");

enum visit { UNSEEN, OPEN, DONE };

struct id_slot {
	uint32_t next; /* job with the same bucket, NONE at the end */
	uint32_t bucket;
	bool admitted;
	uint64_t index;
};

struct seq_slot {
	struct index_seq_key key;
	struct index_seq_head head;
	bool used;
};

/* One frame of the walk: which predecessor of which job is next. */
struct frame {
	uint32_t job;
	uint32_t pred;
};

struct batch {
	struct seq_job *const *jobs;
	size_t count;
	uint32_t bucket[IDS_ROOM];
	struct id_slot id[SEQ_BATCH_MAX];
	uint8_t visit[SEQ_BATCH_MAX];
	struct frame stack[SEQ_BATCH_MAX];
	struct seq_slot *seqs;
	uint32_t *seqs_used;
	size_t seqs_count;
};

static uint64_t
mix(const uint8_t id[UUID_SIZE])
{
	uint64_t a, b;

	memcpy(&a, id, 8);
	memcpy(&b, id + 8, 8);
	a ^= b * 0x9e3779b97f4a7c15u;
	a ^= a >> 29;
	a *= 0xbf58476d1ce4e5b9u;
	return a ^ (a >> 32);
}

struct batch *
batch_new(void)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	for (size_t i = 0; i < IDS_ROOM; i++)
		b->bucket[i] = NONE;
	b->seqs = calloc(SEQS_ROOM, sizeof(*b->seqs));
	b->seqs_used = calloc(SEQS_MAX, sizeof(*b->seqs_used));
	if (b->seqs == NULL || b->seqs_used == NULL) {
		batch_free(b);
		return NULL;
	}
	return b;
}

void
batch_free(struct batch *b)
{
	if (b == NULL)
		return;
	free(b->seqs);
	free(b->seqs_used);
	free(b);
}

void
batch_begin(struct batch *b, struct seq_job *const *jobs, size_t count)
{
	must(count <= SEQ_BATCH_MAX);
	for (size_t i = 0; i < b->count; i++)
		b->bucket[b->id[i].bucket] = NONE;
	for (size_t i = 0; i < b->seqs_count; i++)
		b->seqs[b->seqs_used[i]].used = false;
	b->seqs_count = 0;
	b->jobs = jobs;
	b->count = count;
	/* From the last to the first, so that a chain lists jobs in order of arrival. */
	for (size_t i = count; i-- > 0;) {
		uint32_t at = (uint32_t)(mix(jobs[i]->claim->jti) % IDS_ROOM);

		b->id[i] = (struct id_slot){.next = b->bucket[at], .bucket = at};
		b->bucket[at] = (uint32_t)i;
		b->visit[i] = UNSEEN;
	}
}

static bool
same_id(const struct seq_job *job, const uint8_t *jti)
{
	return memcmp(job->claim->jti, jti, UUID_SIZE) == 0;
}

static bool
same_scope(const struct seq_job *job, bool has_wid, const uint8_t *wid)
{
	return job->claim->has_wid == has_wid &&
	       (!has_wid || memcmp(job->claim->wid, wid, UUID_SIZE) == 0);
}

/* The next unseen job with that id, own scope or not: more order than needed is harmless. */
static uint32_t
unseen(const struct batch *b, const uint8_t *jti)
{
	for (uint32_t i = b->bucket[mix(jti) % IDS_ROOM]; i != NONE; i = b->id[i].next)
		if (b->visit[i] == UNSEEN && same_id(b->jobs[i], jti))
			return i;
	return NONE;
}

void
batch_order(struct batch *b, uint32_t *order)
{
	size_t out = 0, depth;

	for (size_t i = 0; i < b->count; i++) {
		if (b->visit[i] != UNSEEN)
			continue;
		b->visit[i] = OPEN;
		b->stack[0] = (struct frame){.job = (uint32_t)i};
		depth = 1;
		while (depth > 0) {
			struct frame *f = &b->stack[depth - 1];
			const struct claim *claim = b->jobs[f->job]->claim;
			uint32_t next = NONE;

			while (f->pred < claim->pred_count) {
				next = unseen(b, claim->pred[f->pred]);
				if (next != NONE)
					break;
				f->pred++;
			}
			if (next == NONE) {
				b->visit[f->job] = DONE;
				order[out++] = f->job;
				depth--;
				continue;
			}
			must(depth < SEQ_BATCH_MAX); /* a job is opened once */
			b->visit[next] = OPEN;
			b->stack[depth++] = (struct frame){.job = next};
		}
	}
	must(out == b->count);
}

void
batch_admit(struct batch *b, size_t job, uint64_t index)
{
	must(job < b->count && !b->id[job].admitted);
	b->id[job].admitted = true;
	b->id[job].index = index;
}

const struct seq_job *
batch_find(
    const struct batch *b, bool has_wid, const uint8_t *wid, const uint8_t *jti, uint64_t *index)
{
	for (uint32_t i = b->bucket[mix(jti) % IDS_ROOM]; i != NONE; i = b->id[i].next) {
		if (!b->id[i].admitted || !same_id(b->jobs[i], jti) ||
		    !same_scope(b->jobs[i], has_wid, wid))
			continue;
		*index = b->id[i].index;
		return b->jobs[i];
	}
	return NULL;
}

enum rc
batch_find_any(
    const struct batch *b, const uint8_t *jti, const struct seq_job **job, uint64_t *index)
{
	*job = NULL;
	for (uint32_t i = b->bucket[mix(jti) % IDS_ROOM]; i != NONE; i = b->id[i].next) {
		if (!b->id[i].admitted || !same_id(b->jobs[i], jti))
			continue;
		if (*job != NULL)
			return RC_AMBIGUOUS;
		*job = b->jobs[i];
		*index = b->id[i].index;
	}
	return *job != NULL ? RC_OK : RC_NOT_FOUND;
}

/* The key's slot, or the empty one where it belongs. */
static uint32_t
seq_slot(const struct batch *b, const struct index_seq_key *key)
{
	uint32_t at = (uint32_t)((mix(key->id) + (uint64_t)key->kind * 0x9e3779b9u) % SEQS_ROOM);

	while (b->seqs[at].used && (b->seqs[at].key.kind != key->kind ||
				       memcmp(b->seqs[at].key.id, key->id, UUID_SIZE) != 0))
		at = (at + 1) % SEQS_ROOM;
	return at;
}

bool
batch_seq_get(const struct batch *b, const struct index_seq_key *key, struct index_seq_head *head)
{
	const struct seq_slot *slot = &b->seqs[seq_slot(b, key)];

	if (!slot->used)
		return false;
	*head = slot->head;
	return true;
}

void
batch_seq_set(struct batch *b, const struct index_seq_key *key, const struct index_seq_head *head)
{
	uint32_t at = seq_slot(b, key);

	if (!b->seqs[at].used) {
		must(b->seqs_count < SEQS_MAX);
		b->seqs_used[b->seqs_count++] = at;
		b->seqs[at].used = true;
		b->seqs[at].key = *key;
	}
	b->seqs[at].head = *head;
}
