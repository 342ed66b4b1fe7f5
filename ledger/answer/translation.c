/*
 * translation.c - all hops of the log are put in a row and joined to the hop before; then those of the scope
 * are read.
 *
 * Where a message forks, both branches share the hops before: a chain is named by its first hop, and each hop
 * is held against the one it rests on, so nothing is gone through twice.
 */
#include "answer/translation.h"

#include <stdlib.h>
#include <string.h>

#include "answer/rests.h"
#include "base/must.h"

#define SCRATCH_MAX ((size_t)1 << 20)
#define LATE_EVERY  64

const char *
translation_flag_text(enum translation_flag_place place)
{
	static const char *const text[] = {
#define X(id, name) name,
	    TRANSLATION_FLAGS(X)
#undef X
	};

	must(place < TRANSLATION_FLAG_COUNT);
	return text[place];
}

const char *
translation_continuity_text(enum translation_continuity c)
{
	static const char *const text[] = {NULL, "holds", "broken", "unknown"};

	must(c >= TRANSLATION_HOLDS && c <= TRANSLATION_UNKNOWN);
	return text[c];
}

struct row {
	uint32_t index, chain, number, source;
};

struct reading {
	const struct facts_view *v;
	const struct translation_ask *ask;
	const struct budget *budget;
	struct translation_answer *out;
	struct why *why;
	struct row *rows; /* every hop of the log, ascending */
	size_t count;
	struct arena scratch; /* of one hop's extension, and of the hop's before */
	struct translation_hop *hops;
	struct translation_protocol protocols[TRANSLATION_PROTOCOLS_MAX];
	struct rests rests;
};

/* ---- hops in a row ---- */

static struct row *
row_of(const struct reading *r, size_t count, uint32_t index)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->rows[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	must(low < count && r->rows[low].index == index);
	return &r->rows[low];
}

/* The hop before: the first parent that is one. */
static void
join(struct reading *r, size_t i)
{
	struct row *row = &r->rows[i];
	const struct fact *t = fact(r->v, row->index);

	row->chain = row->index;
	row->number = 1;
	row->source = t->parent_count == 0 ? FACTS_NONE : fact_parent(r->v, t, 0);
	for (unsigned k = 0; k < t->parent_count; k++) {
		uint32_t parent = fact_parent(r->v, t, k);
		const struct row *before;

		if (fact(r->v, parent)->kind != KIND_TRANSLATION)
			continue;
		before = row_of(r, i, parent);
		row->chain = before->chain;
		row->number = before->number + 1;
		row->source = parent;
		return;
	}
}

static enum rc
line_up(struct reading *r)
{
	uint32_t last = facts_kind_last(r->v, KIND_TRANSLATION), at = last;
	size_t i;

	for (; at != FACTS_NONE; at = facts_kind_before(r->v, at))
		r->count++;
	if ((r->rows = malloc((r->count + 1) * sizeof(*r->rows))) == NULL)
		return RC_NO_MEMORY;
	for (i = r->count, at = last; at != FACTS_NONE; at = facts_kind_before(r->v, at))
		r->rows[--i].index = at;
	for (i = 0; i < r->count; i++)
		join(r, i);
	return RC_OK;
}

/* ---- one hop ---- */

static struct bytes
text_of(const struct reading *r, uint32_t index, const char *key, struct arena *arena)
{
	const struct json_node *n = fact_key(r->v, index, key, arena);

	return n == NULL || n->type != JSN_STRING ? BYTES_NONE : n->text;
}

static bool
keep(const struct reading *r, struct bytes from, struct bytes *to)
{
	*to = BYTES_NONE;
	return from.n == 0 || arena_dup(r->budget->arena, from, to);
}

static bool
loss_ok(const struct json_node *n)
{
	const struct json_node *field = json_member(n, "field"), *kind = json_member(n, "kind");

	return field != NULL && kind != NULL && field->type == JSN_STRING &&
	       kind->type == JSN_STRING;
}

/* What is well formed is given; what is not is flagged. */
static bool
read_loss(struct reading *r, struct translation_hop *h)
{
	const struct json_node *n = fact_key(r->v, h->index, "loss", &r->scratch);
	struct translation_loss *loss;

	if (n != NULL && n->type != JSN_ARRAY)
		h->flags |= TRANSLATION_BAD_LOSS;
	if (n == NULL || n->type != JSN_ARRAY)
		return true;
	loss = arena_alloc(r->budget->arena, (n->count + 1) * sizeof(*loss));
	h->loss = loss;
	for (n = n->child; loss != NULL && n != NULL; n = n->next) {
		struct translation_loss *l = &loss[h->loss_count];

		if (n->type != JSN_OBJECT || !loss_ok(n)) {
			h->flags |= TRANSLATION_BAD_LOSS;
			continue;
		}
		if (!keep(r, json_member(n, "field")->text, &l->field) ||
		    !keep(r, json_member(n, "kind")->text, &l->kind))
			return false;
		h->loss_count++;
	}
	return loss != NULL;
}

static void
judge_protocols(struct reading *r, struct translation_hop *h, bool after_hop)
{
	struct bytes before;

	if (h->src_proto.n == 0 || h->dst_proto.n == 0)
		h->flags |= TRANSLATION_MISSING_PROTO;
	if (!after_hop)
		return;
	before = text_of(r, h->source, "dst_proto", &r->scratch);
	if (before.n > 0 && h->src_proto.n > 0 && !bytes_eq(before, h->src_proto))
		h->flags |= TRANSLATION_PROTO_MISMATCH;
}

/* What came out of what the hop rests on. */
static enum rc
source_hash(struct reading *r, uint32_t source, uint8_t room[64], struct bytes *out)
{
	size_t n = 0;
	enum rc rc = RC_OK;

	*out = BYTES_NONE;
	if (source == FACTS_NONE || (fact(r->v, source)->flags & FACT_OUT) == 0)
		return RC_OK;
	*out = fact_hash(r->v, source, FACT_SIDE_OUT);
	if (out->n == 0 && r->ask->hashes.out_hash != NULL) {
		rc = r->ask->hashes.out_hash(r->ask->hashes.ctx, source, room, &n, r->why);
		*out = bytes_of(room, n);
	}
	return rc;
}

static enum rc
judge_hashes(struct reading *r, struct translation_hop *h)
{
	struct bytes in = fact_hash(r->v, h->index, FACT_SIDE_INP),
		     end = fact_hash(r->v, h->index, FACT_SIDE_OUT), before;
	uint8_t room[64];
	enum rc rc = source_hash(r, h->source, room, &before);

	h->continuity = TRANSLATION_UNKNOWN;
	if (in.n == 0 || end.n == 0)
		h->flags |= TRANSLATION_MISSING_HASH;
	if (in.n == 0 || before.n == 0)
		return rc;
	if (in.n != before.n) {
		h->flags |= TRANSLATION_HASH_OTHER_ALG;
		return rc;
	}
	h->continuity = bytes_eq(in, before) ? TRANSLATION_HOLDS : TRANSLATION_BROKEN;
	if (h->continuity == TRANSLATION_BROKEN)
		h->flags |= TRANSLATION_HASH_GAP;
	return rc;
}

static enum rc
read_hop(struct reading *r, const struct row *row, struct translation_hop *h)
{
	const struct fact *t = fact(r->v, row->index);
	enum rc rc;

	*h = (struct translation_hop){
	    .index = row->index, .chain = row->chain, .number = row->number, .source = row->source};
	if (t->parent_count != 1)
		h->flags |= TRANSLATION_NOT_ONE_PARENT;
	h->foreign = row->source != FACTS_NONE && fact(r->v, row->source)->wid != t->wid;
	if (!keep(r, text_of(r, h->index, "src_proto", &r->scratch), &h->src_proto) ||
	    !keep(r, text_of(r, h->index, "dst_proto", &r->scratch), &h->dst_proto) ||
	    !read_loss(r, h))
		return RC_NO_MEMORY;
	judge_protocols(r, h, row->number > 1);
	if ((rc = judge_hashes(r, h)) != RC_OK)
		return rc;
	rests_add(&r->rests, h->index);
	if (h->source != FACTS_NONE)
		rests_add(&r->rests, h->source);
	return RC_OK;
}

/* ---- the scope ---- */

static bool
count_protocol(struct reading *r, struct bytes name, bool source)
{
	size_t i = 0, n = r->out->protocol_count;

	while (i < n && !bytes_eq(r->protocols[i].name, name))
		i++;
	if (name.n == 0)
		return true;
	if (i == n && n == TRANSLATION_PROTOCOLS_MAX) {
		r->out->protocols_more = true;
		return true;
	}
	if (i == n) {
		r->protocols[i] = (struct translation_protocol){0};
		if (!keep(r, name, &r->protocols[i].name))
			return false;
		r->out->protocol_count++;
	}
	*(source ? &r->protocols[i].as_source : &r->protocols[i].as_target) += 1;
	return true;
}

static bool
in_scope(const struct reading *r, uint32_t index)
{
	return !r->ask->by_workflow || fact(r->v, index)->wid == r->ask->wid;
}

static enum rc
take(struct reading *r, const struct row *row)
{
	struct translation_answer *a = r->out;

	arena_reset(&r->scratch);
	a->hop_total++;
	a->chain_total += row->number == 1;
	if (!count_protocol(r, text_of(r, row->index, "src_proto", &r->scratch), true) ||
	    !count_protocol(r, text_of(r, row->index, "dst_proto", &r->scratch), false))
		return RC_NO_MEMORY;
	if (row->index < r->ask->from || a->next != 0)
		return RC_OK;
	if (a->hop_count == r->ask->limit) {
		a->next = row->index;
		return RC_OK;
	}
	return read_hop(r, row, &r->hops[a->hop_count++]);
}

static enum rc
go_through(struct reading *r)
{
	enum rc rc = line_up(r);

	for (size_t i = 0; i < r->count && rc == RC_OK; i++) {
		if (i % LATE_EVERY == 0 && budget_late(r->budget))
			r->out->complete = false;
		if (!r->out->complete)
			break;
		if (!in_scope(r, r->rows[i].index))
			continue;
		if (r->out->hop_total == r->budget->nodes_max)
			r->out->complete = false;
		else
			rc = take(r, &r->rows[i]);
	}
	return rc;
}

enum rc
answer_translations(const struct facts_view *v, const struct translation_ask *ask,
    const struct budget *budget, struct translation_answer *out, struct why *why)
{
	struct reading r = {.v = v, .ask = ask, .budget = budget, .out = out, .why = why};
	struct translation_protocol *protocols;
	enum rc rc = RC_NO_MEMORY;

	must(ask->limit >= 1);
	*out = (struct translation_answer){.tree_size = v->size, .complete = true};
	arena_init(&r.scratch, SCRATCH_MAX);
	rests_init(&r.rests, budget->arena);
	r.hops = arena_alloc(budget->arena, ask->limit * sizeof(*r.hops));
	protocols = arena_alloc(budget->arena, sizeof(r.protocols));
	if (r.hops != NULL && protocols != NULL)
		rc = go_through(&r);
	if (rc == RC_OK) {
		memcpy(protocols, r.protocols, sizeof(r.protocols));
		out->protocols = protocols;
		out->hops = r.hops;
		if (!rests_end(&r.rests))
			rc = RC_NO_MEMORY;
		out->rests_on = r.rests.items;
		out->rests_on_count = r.rests.count;
	}
	arena_release(&r.scratch);
	free(r.rows);
	return rc == RC_NO_MEMORY ? why_set(why, rc, "memory", NULL, 0, "no room for the answer")
				  : rc;
}
