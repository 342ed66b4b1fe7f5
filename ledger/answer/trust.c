/*
 * trust.c - the answers about trust: one agent with its evidence and what was said about it, or all
 * agents with their scores.
 *
 * Assertions are held against the score that the ledger computes at the size they name, by the model
 * they name: over all raters, and over their signer's own outcomes, since trust is also one agent's
 * view of another.
 */
#include "answer/trust.h"

#include <string.h>

#include "answer/rests.h"
#include "answer/trust_score.h"

#define SCRATCH_MAX (SIZE_MAX / 2)
#define AGREE_WITHIN                                                                               \
	1 /* millionths: who computes in floating point rounds the last digit otherwise */

const char *
trust_verdict_text(enum trust_verdict verdict)
{
	static const char *const texts[] = {"", "agrees", "differs", "self_assertion", "cannot"};

	return texts[verdict];
}

const char *
trust_model_text(enum policy_model model)
{
	static const char *const texts[] = {"", "aimd", "beta", "wilson"};

	return texts[model];
}

bool
trust_model_read(struct bytes text, enum policy_model *out)
{
	for (*out = MODEL_AIMD; *out <= MODEL_WILSON; (*out)++)
		if (bytes_is(text, trust_model_text(*out)))
			return true;
	*out = 0;
	return false;
}

/* ---- one agent ---- */

struct asked {
	const struct facts_view *v;
	const struct trust_question *q;
	const struct budget *budget;
	struct arena scratch; /* what was gathered */
	size_t spent;
	struct trust_terms terms;
	struct outcome_list outcomes;
	struct standing standing;
	struct rests rests;
	struct trust_reply *out;
};

/* The number of a name that the question asks for; one that is not there matches nothing. */
static uint32_t
wanted(const struct facts_view *v, enum facts_names which, struct bytes text)
{
	uint32_t number;

	if (text.n == 0)
		return FACTS_NONE;
	number = facts_number(v, which, text);
	return number == FACTS_NONE ? FACTS_NONE - 1 : number;
}

static struct trust_terms
terms_of(
    const struct facts_view *v, enum policy_model model, bool has_half_life, int64_t half_life_s)
{
	struct trust_terms t = trust_terms_at(v, v->size);

	if (model != 0)
		t.model = model;
	if (has_half_life)
		t.half_life_s = half_life_s;
	return t;
}

static enum rc
gather(struct asked *a, struct why *why)
{
	const struct facts_view *v = a->v;
	enum rc rc;

	a->out->tree_size = v->size;
	a->out->iss = facts_number(v, FACTS_ISS, a->q->iss);
	if (a->out->iss == FACTS_NONE && facts_number(v, FACTS_SUBJECT, a->q->iss) == FACTS_NONE)
		return why_set(why, RC_NOT_FOUND, "Trust", "iss", 0,
		    "nobody of this name signed anything, and nothing was said about it");
	a->terms = terms_of(v, a->q->model, a->q->has_half_life, a->q->half_life_s);
	a->terms.from = wanted(v, FACTS_ISS, a->q->from);
	a->terms.act = wanted(v, FACTS_ACT, a->q->act);
	a->outcomes.complete = true;
	if (a->out->iss != FACTS_NONE && (rc = outcome_gather(v, a->out->iss, a->budget, &a->spent,
					      &a->scratch, &a->outcomes)) != RC_OK)
		return rc;
	return standing_gather(v, a->q->iss, a->budget, &a->spent, &a->scratch, &a->standing);
}

static uint32_t
weight_of(const struct asked *a, const struct outcome_item *item)
{
	uint64_t then = fact(a->v, item->index)->received_ms;

	return fixed_weight_e6(fixed_weight(
	    a->terms.now_ms > then ? a->terms.now_ms - then : 0, a->terms.half_life_s));
}

static enum rc
fill_evidence(struct asked *a)
{
	struct trust_reply *out = a->out;
	struct trust_evidence *page;
	size_t all = 0, room, limit = a->q->limit;

	for (size_t i = 0; i < a->outcomes.count; i++)
		all += trust_asks(a->v, &a->terms, &a->outcomes.items[i]);
	room = all <= a->q->after ? 0 : all - (size_t)a->q->after;
	room = room < limit ? room : limit;
	if ((page = arena_alloc(a->budget->arena, (room + 1) * sizeof(*page))) == NULL)
		return RC_NO_MEMORY;
	out->evidence = page;
	out->evidence_all = all;
	for (size_t i = 0, k = 0; i < a->outcomes.count && out->evidence_count < room; i++) {
		const struct outcome_item *item = &a->outcomes.items[i];

		if (!trust_asks(a->v, &a->terms, item) || k++ < a->q->after)
			continue;
		page[out->evidence_count] = (struct trust_evidence){.index = item->index,
		    .task = item->task,
		    .rater = item->rater,
		    .outcome = (enum outcome)item->outcome,
		    .count = outcome_counts(item, a->terms.size)};
		if (page[out->evidence_count].count == OUTCOME_COUNTED)
			page[out->evidence_count].weight_e6 = weight_of(a, item);
		out->evidence_count++;
		rests_add(&a->rests, item->index);
		rests_add(&a->rests, item->task);
	}
	if (a->q->after + out->evidence_count < all)
		out->next = a->q->after + out->evidence_count;
	return RC_OK;
}

/* ---- assertions ---- */

/* A number from 0 to 1 in millionths, rounded half up: digits, a fraction, an exponent. */
static bool
read_score(struct bytes x, uint32_t *out)
{
	int64_t exponent = 0, sign = 1, places = 0;
	uint64_t value = 0; /* the first 18 digits */
	size_t i = 0, digits = 0;
	bool fraction = false, more = false; /* more: digits that were left out are not all 0 */

	for (; i < x.n && (x.p[i] == '.' || (x.p[i] >= '0' && x.p[i] <= '9')); i++) {
		if (x.p[i] == '.') {
			fraction = true;
		} else if (digits < 18) {
			value = value * 10 + (x.p[i] - '0');
			digits += value > 0;
			places += fraction;
		} else {
			places -= !fraction;
			more |= x.p[i] != '0';
		}
	}
	if (i < x.n && (x.p[i] == 'e' || x.p[i] == 'E')) {
		i++;
		if (i < x.n && (x.p[i] == '-' || x.p[i] == '+'))
			sign = x.p[i++] == '-' ? -1 : 1;
		for (; i < x.n && x.p[i] >= '0' && x.p[i] <= '9'; i++)
			exponent = exponent < 100000 ? exponent * 10 + (x.p[i] - '0') : exponent;
	}
	if (i < x.n)
		return false;	   /* a minus, or no number */
	places -= sign * exponent; /* it is value / 10^places */
	for (; places < 7 && value > 0; places++) {
		if (value > UINT64_C(10000000))
			return false;
		value *= 10;
	}
	for (; places > 7 && value > 0; places--) {
		more |= value % 10 != 0;
		value /= 10;
	}
	if (value > UINT64_C(10000000) || (value == UINT64_C(10000000) && more))
		return false;
	*out = (uint32_t)((value + 5) / 10);
	return true;
}

static struct bytes
text_of(const struct json_node *n)
{
	return n != NULL && n->type == JSN_STRING ? n->text : BYTES_NONE;
}

/* What the assertion says, as far as it can be read. */
static void
read_assertion(const struct asked *a, struct arena *arena, struct trust_record *r)
{
	const struct kind *kind = fact_kind(a->v, r->said.index);
	const struct json_node *ext = fact_ext(a->v, fact(a->v, r->said.index), arena);
	const struct json_node *score = kind_ext(kind, ext, "score"),
			       *model = kind_ext(kind, ext, "model");
	const struct json_node *as_of = kind_ext(kind, ext, "as_of");

	r->has_score =
	    score != NULL && score->type == JSN_NUMBER && read_score(score->text, &r->asserted_e6);
	r->has_as_of = as_of != NULL && json_uint(as_of, &r->as_of);
	if (!r->has_score)
		r->why = "bad_score";
	else if (!r->has_as_of)
		r->why = "no_as_of";
	else if (r->as_of > r->said.index)
		r->why = "as_of_ahead";
	else if (model != NULL && !trust_model_read(text_of(model), &r->model))
		r->why = "unknown_model";
	else if (model == NULL)
		r->model = trust_terms_at(a->v, (uint32_t)r->as_of).model;
}

static bool
agree(uint32_t x, uint32_t y)
{
	return (x > y ? x - y : y - x) <= AGREE_WITHIN;
}

static void
recompute(const struct asked *a, struct trust_record *r)
{
	struct trust_terms terms = trust_terms_at(a->v, (uint32_t)r->as_of);
	struct trust_score all, pair;

	terms.model = r->model;
	trust_score(a->v, &a->outcomes, &terms, NULL, &all);
	terms.from = r->said.by;
	trust_score(a->v, &a->outcomes, &terms, NULL, &pair);
	r->pair = !agree(r->asserted_e6, all.score_e6) && agree(r->asserted_e6, pair.score_e6);
	r->ours_e6 = r->pair ? pair.score_e6 : all.score_e6;
	r->verdict = agree(r->asserted_e6, r->ours_e6) ? VERDICT_AGREES : VERDICT_DIFFERS;
}

static void
judge_assertion(const struct asked *a, struct arena *arena, struct trust_record *r)
{
	read_assertion(a, arena, r);
	if (r->said.flags & STANDING_SELF) {
		r->verdict = VERDICT_SELF;
		r->why = "";
	} else if (r->why[0] != '\0' || !a->outcomes.complete) {
		r->verdict = VERDICT_CANNOT;
		r->why = r->why[0] != '\0' ? r->why : "over_budget";
	} else {
		recompute(a, r);
	}
}

static enum rc
fill_records(struct asked *a)
{
	struct trust_reply *out = a->out;
	size_t all = a->standing.count, room, limit = a->q->limit;
	struct trust_record *page;
	struct arena arena;

	room = all <= a->q->records_after ? 0 : all - (size_t)a->q->records_after;
	room = room < limit ? room : limit;
	if ((page = arena_zalloc(a->budget->arena, (room + 1) * sizeof(*page))) == NULL)
		return RC_NO_MEMORY;
	arena_init(&arena, SCRATCH_MAX);
	out->records = page;
	out->record_all = all;
	/* Each assertion costs a replay, so the time is looked at here too; one goes on the page in any case, so that
	 * pages go on. */
	for (; out->record_count < room && (out->record_count == 0 || !budget_late(a->budget));
	     out->record_count++) {
		struct trust_record *r = &page[out->record_count];

		r->said = a->standing.records[a->q->records_after + out->record_count];
		r->in_force = standing_in_force(&r->said, a->terms.size);
		r->why = "";
		if (r->said.kind == KIND_TRUST_ASSERTION)
			judge_assertion(a, &arena, r);
		arena_reset(&arena);
		rests_add(&a->rests, r->said.index);
		if (r->said.until != FACTS_NONE)
			rests_add(&a->rests, r->said.until);
	}
	arena_release(&arena);
	out->complete = out->complete && out->record_count == room;
	if (a->q->records_after + out->record_count < all)
		out->records_next = a->q->records_after + out->record_count;
	return RC_OK;
}

static enum rc
answer(struct asked *a, struct why *why)
{
	struct trust_reply *out = a->out;
	enum rc rc;

	if ((rc = gather(a, why)) != RC_OK)
		return rc;
	out->complete = a->outcomes.complete && a->standing.complete;
	trust_score(a->v, &a->outcomes, &a->terms, NULL, &out->score);
	out->floor_e6 = a->terms.doc->trust.floor_e6;
	out->under_floor = out->score.score_e6 < out->floor_e6;
	out->quarantined = standing_quarantined(&a->standing, a->terms.size);
	out->revoked = standing_revoked(&a->standing, a->terms.size);
	if ((rc = fill_evidence(a)) != RC_OK || (rc = fill_records(a)) != RC_OK)
		return rc;
	if (!rests_end(&a->rests))
		return RC_NO_MEMORY;
	out->rests_on = a->rests.items;
	out->rests_count = a->rests.count;
	return RC_OK;
}

enum rc
answer_trust(const struct facts_view *v, const struct trust_question *q,
    const struct budget *budget, struct trust_reply *out, struct why *why)
{
	struct asked a = {.v = v, .q = q, .budget = budget, .out = out};
	enum rc rc;

	*out = (struct trust_reply){0};
	arena_init(&a.scratch, budget->arena->max);
	rests_init(&a.rests, budget->arena);
	rc = answer(&a, why);
	arena_release(&a.scratch);
	return rc == RC_NO_MEMORY
		   ? why_set(why, rc, "query_bytes_max", NULL, 0, "no room for the answer")
		   : rc;
}
