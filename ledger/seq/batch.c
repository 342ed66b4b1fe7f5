/*
 * batch.c - small hash tables and a depth-first walk.
 *
 * Invariants:
 *   1. every job is in the group of its jti from batch_begin() on, in order of arrival; only
 *      admitted jobs have an index.
 *   2. a group's cursor is at or before its first unseen job: visiting never goes back.
 *   3. seqs: at most SEQS_MAX keys, because a job moves its workflow, its issuer and at most one
 *      foreign sequence per predecessor.
 *   4. tables are cleared by what was put in, not by their size, so that a lone token pays for one.
 *   5. a batch uses no more of the sequence table than it may fill by half: small batches stay in a
 *      few pages.
 *
 * Keys are chosen by clients, so the hash is keyed with a seed they do not know, and jobs that
 * share
 * a jti in many workflows are one group: no lookup walks more than a few slots whatever they send.
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

/* A job by (scope, jti). */
struct id_slot {
	uint32_t next; /* job in the same bucket, NONE at the end */
	uint32_t bucket;
	uint32_t sister; /* next job of the same jti, in order of arrival */
	bool admitted, lower;
	uint64_t index;
};

/* All jobs of one jti; named by its first job. */
struct group {
	uint32_t next; /* group in the same bucket */
	uint32_t bucket;
	uint32_t last;	 /* job */
	uint32_t cursor; /* no unseen job before it; NONE: none left */
	uint32_t admitted_count, admitted;
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
	uint64_t seed;
	struct seq_job *const *jobs;
	size_t count;
	uint32_t id_bucket[IDS_ROOM], group_bucket[IDS_ROOM];
	struct id_slot id[SEQ_BATCH_MAX];
	struct group group[SEQ_BATCH_MAX]; /* in use where group_of[i] == i */
	uint32_t group_of[SEQ_BATCH_MAX];
	uint8_t visit[SEQ_BATCH_MAX];
	struct frame stack[SEQ_BATCH_MAX];
	struct seq_slot *seqs;
	uint32_t *seqs_used;
	size_t seqs_count;
	uint32_t seqs_mask; /* slots in use for this batch, less one */
};

static uint64_t
mix(uint64_t a, const uint8_t id[UUID_SIZE])
{
	for (int i = 0; i < 2; i++) {
		uint64_t part;

		memcpy(&part, id + 8 * i, 8);
		a ^= part;
		a *= 0x9e3779b97f4a7c15u;
		a ^= a >> 32;
		a *= 0xbf58476d1ce4e5b9u;
		a ^= a >> 29;
	}
	return a;
}

struct batch *
batch_new(uint64_t seed)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->seed = seed;
	for (size_t i = 0; i < IDS_ROOM; i++)
		b->id_bucket[i] = b->group_bucket[i] = NONE;
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

static size_t
keys_of(struct seq_job *const *jobs, size_t count)
{
	size_t keys = 2 * count;

	for (size_t i = 0; i < count; i++)
		keys += jobs[i]->claim->pred_count;
	return keys;
}

/* Twice the keys that can move, as a power of two. */
static uint32_t
seqs_room(size_t keys)
{
	size_t room = 64;

	while (room < 2 * keys)
		room *= 2;
	must(room <= SEQS_ROOM);
	return (uint32_t)room;
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

static uint32_t
id_bucket(const struct batch *b, bool has_wid, const uint8_t *wid, const uint8_t *jti)
{
	uint64_t h = mix(b->seed, jti);

	if (has_wid)
		h = mix(h, wid);
	return (uint32_t)(h % IDS_ROOM);
}

static uint32_t
group_find(const struct batch *b, const uint8_t *jti, uint32_t *bucket)
{
	uint32_t i;

	*bucket = (uint32_t)(mix(b->seed, jti) % IDS_ROOM);
	for (i = b->group_bucket[*bucket]; i != NONE; i = b->group[i].next)
		if (same_id(b->jobs[i], jti))
			break;
	return i;
}

/* Put job i into its group, or begin one. */
static void
group_join(struct batch *b, uint32_t i)
{
	uint32_t bucket, g = group_find(b, b->jobs[i]->claim->jti, &bucket);

	if (g == NONE) {
		b->group[i] = (struct group){
		    .next = b->group_bucket[bucket], .bucket = bucket, .last = i, .cursor = i};
		b->group_bucket[bucket] = i;
		g = i;
	} else {
		b->id[b->group[g].last].sister = i;
		b->group[g].last = i;
	}
	b->group_of[i] = g;
}

static void
clear(struct batch *b, size_t keys)
{
	for (uint32_t i = 0; i < b->count; i++) {
		b->id_bucket[b->id[i].bucket] = NONE;
		b->group_bucket[b->group[b->group_of[i]].bucket] = NONE;
	}
	for (size_t i = 0; i < b->seqs_count; i++)
		b->seqs[b->seqs_used[i]].used = false;
	b->seqs_count = 0;
	b->seqs_mask = seqs_room(keys) - 1;
	b->jobs = NULL;
	b->count = 0;
}

void
batch_begin_events(struct batch *b, size_t count)
{
	must(count <= SEQ_BATCH_MAX);
	clear(b, 2 * count);
}

void
batch_begin(struct batch *b, struct seq_job *const *jobs, size_t count)
{
	must(count <= SEQ_BATCH_MAX);
	clear(b, keys_of(jobs, count));
	b->jobs = jobs;
	b->count = count;
	for (uint32_t i = 0; i < count; i++) {
		const struct claim *c = jobs[i]->claim;
		uint32_t at = id_bucket(b, c->has_wid, c->wid, c->jti);

		b->id[i] = (struct id_slot){.next = b->id_bucket[at], .bucket = at, .sister = NONE};
		b->id_bucket[at] = i;
		b->visit[i] = UNSEEN;
		group_join(b, i);
	}
}

/* The next unseen job with that id, own scope or not: more order than needed is harmless. */
static uint32_t
unseen(struct batch *b, const uint8_t *jti)
{
	uint32_t bucket, g = group_find(b, jti, &bucket);
	struct group *group;

	if (g == NONE)
		return NONE;
	group = &b->group[g];
	while (group->cursor != NONE && b->visit[group->cursor] != UNSEEN)
		group->cursor = b->id[group->cursor].sister;
	return group->cursor;
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
batch_admit(struct batch *b, size_t job, uint64_t index, bool lower)
{
	struct group *group;

	must(job < b->count && !b->id[job].admitted);
	b->id[job].admitted = true;
	b->id[job].lower = lower;
	b->id[job].index = index;
	group = &b->group[b->group_of[job]];
	group->admitted_count++;
	group->admitted = (uint32_t)job;
}

static void
hit(const struct batch *b, uint32_t i, struct batch_hit *out)
{
	*out =
	    (struct batch_hit){.job = b->jobs[i], .index = b->id[i].index, .lower = b->id[i].lower};
}

enum rc
batch_find(const struct batch *b, bool has_wid, const uint8_t *wid, const uint8_t *jti,
    struct batch_hit *out)
{
	uint32_t i = b->id_bucket[id_bucket(b, has_wid, wid, jti)];

	for (; i != NONE; i = b->id[i].next) {
		if (!b->id[i].admitted || !same_id(b->jobs[i], jti) ||
		    !same_scope(b->jobs[i], has_wid, wid))
			continue;
		hit(b, i, out);
		return RC_OK;
	}
	return RC_NOT_FOUND;
}

enum rc
batch_find_any(const struct batch *b, const uint8_t *jti, struct batch_hit *out)
{
	uint32_t bucket, g = group_find(b, jti, &bucket);

	if (g == NONE || b->group[g].admitted_count == 0)
		return RC_NOT_FOUND;
	if (b->group[g].admitted_count > 1)
		return RC_AMBIGUOUS;
	hit(b, b->group[g].admitted, out);
	return RC_OK;
}

/* The key's slot, or the empty one where it belongs. */
static uint32_t
seq_slot(const struct batch *b, const struct index_seq_key *key)
{
	uint32_t at = (uint32_t)mix(b->seed + (uint64_t)key->kind, key->id) & b->seqs_mask;

	while (b->seqs[at].used && (b->seqs[at].key.kind != key->kind ||
				       memcmp(b->seqs[at].key.id, key->id, UUID_SIZE) != 0))
		at = (at + 1) & b->seqs_mask;
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
		must(b->seqs_count < SEQS_MAX && 2 * b->seqs_count <= b->seqs_mask);
		b->seqs_used[b->seqs_count++] = at;
		b->seqs[at].used = true;
		b->seqs[at].key = *key;
	}
	b->seqs[at].head = *head;
}
