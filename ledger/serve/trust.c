/*
 * trust.c - Query/Trust and Query/TrustAll (reader thread): how far agents are to be trusted, by what
 * others signed about their work.
 */
#include "answer/trust.h"

#include "answer/fixed.h"
#include "serve/graph.h"

#define TRUST_USUAL 100
#define TRUST_MOST  1000

/* "" and 0 are the policy's; -1 no decay. */
struct by {
	enum policy_model model;
	bool has_half_life;
	int64_t half_life_s;
};
static enum rc
read_by(const char *model, int64_t half_life_s, struct by *out, struct why *why)
{
	*out = (struct by){
	    .has_half_life = half_life_s != 0, .half_life_s = half_life_s < 0 ? 0 : half_life_s};
	if (model[0] != '\0' && !trust_model_read(bytes_str(model), &out->model))
		return why_set(why, RC_BAD_REQUEST, "WIRE Trust", "model", 0,
		    "aimd, beta or wilson; empty: the policy's");
	if (half_life_s < -1 || half_life_s > FIXED_HALF_MAX_S)
		return why_set(why, RC_BAD_REQUEST, "WIRE Trust", "half_life_s", 0,
		    "seconds, at most 10^12; 0: the policy's; -1: no decay");
	return RC_OK;
}

static bool
set_evidence(struct arena *arena, const struct facts_view *v, const struct trust_reply *t,
    Ectledger__V1__TrustReply *reply)
{
	Ectledger__V1__TrustEvidence *m = arena_alloc(arena, (t->evidence_count + 1) * sizeof *m);

	reply->evidence = arena_alloc(arena, (t->evidence_count + 1) * sizeof *reply->evidence);
	if (m == NULL || reply->evidence == NULL)
		return false;
	for (size_t i = 0; i < t->evidence_count; i++, m++) {
		const struct trust_evidence *e = &t->evidence[i];

		ectledger__v1__trust_evidence__init(m);
		m->jti = pb_bytes(bytes_of(fact(v, e->index)->jti, UUID_SIZE));
		m->index = e->index;
		m->outcome = (char *)(uintptr_t)outcome_text(e->outcome);
		m->weight_e6 = e->weight_e6;
		m->count = (char *)(uintptr_t)outcome_count_text(e->count);
		m->rater = graph_name(arena, v, FACTS_ISS, e->rater);
		m->task_jti = pb_bytes(bytes_of(fact(v, e->task)->jti, UUID_SIZE));
		m->task_index = e->task;
		reply->evidence[i] = m;
		if (m->rater == NULL)
			return false;
	}
	reply->n_evidence = t->evidence_count;
	return true;
}

static bool
set_flags(struct arena *arena, unsigned flags, Ectledger__V1__TrustRecord *m)
{
	m->flags = arena_alloc(arena, STANDING_FLAG_COUNT * sizeof *m->flags);
	if (m->flags == NULL)
		return false;
	for (unsigned i = 0; i < STANDING_FLAG_COUNT; i++)
		if (flags & 1u << i)
			m->flags[m->n_flags++] = (char *)(uintptr_t)standing_flag_text(i);
	return true;
}

static bool
set_record(struct arena *arena, const struct facts_view *v, const struct trust_record *r,
    Ectledger__V1__TrustRecord *m)
{
	ectledger__v1__trust_record__init(m);
	m->jti = pb_bytes(bytes_of(fact(v, r->said.index)->jti, UUID_SIZE));
	m->index = r->said.index;
	m->record = (char *)(uintptr_t)kind_at(r->said.kind)->name;
	m->by = graph_name(arena, v, FACTS_ISS, r->said.by);
	m->in_force = r->in_force;
	m->until_index = r->said.until == FACTS_NONE ? UINT64_MAX : r->said.until;
	m->verdict = (char *)(uintptr_t)trust_verdict_text(r->verdict);
	m->why = (char *)(uintptr_t)r->why;
	m->model = (char *)(uintptr_t)trust_model_text(r->model);
	m->as_of = r->as_of;
	m->asserted_e6 = r->asserted_e6;
	m->ours_e6 = r->ours_e6;
	if (r->verdict == VERDICT_AGREES || r->verdict == VERDICT_DIFFERS)
		m->basis = r->pair ? "pair" : "all";
	return m->by != NULL && set_flags(arena, r->said.flags, m);
}

static bool
set_records(struct arena *arena, const struct facts_view *v, const struct trust_reply *t,
    Ectledger__V1__TrustReply *reply)
{
	Ectledger__V1__TrustRecord *m = arena_alloc(arena, (t->record_count + 1) * sizeof *m);

	reply->records = arena_alloc(arena, (t->record_count + 1) * sizeof *reply->records);
	if (m == NULL || reply->records == NULL)
		return false;
	for (size_t i = 0; i < t->record_count; i++, m++) {
		if (!set_record(arena, v, &t->records[i], m))
			return false;
		reply->records[i] = m;
	}
	reply->n_records = t->record_count;
	return true;
}

static void
set_score(const struct trust_reply *t, Ectledger__V1__TrustReply *reply)
{
	reply->model = (char *)(uintptr_t)trust_model_text(t->score.model);
	reply->score_e6 = t->score.score_e6;
	reply->positive = t->score.positive;
	reply->negative = t->score.negative;
	reply->tree_size = t->tree_size;
	reply->quarantined = t->quarantined;
	reply->complete = t->complete;
	reply->revoked = t->revoked;
	reply->under_floor = t->under_floor;
	reply->floor_e6 = t->floor_e6;
	reply->half_life_s = t->score.half_life_s;
	reply->r_e6 = t->score.r_e6;
	reply->s_e6 = t->score.s_e6;
	reply->belief_e6 = t->score.belief_e6;
	reply->disbelief_e6 = t->score.disbelief_e6;
	reply->uncertainty_e6 = t->score.uncertainty_e6;
	reply->self_reports = t->score.self_reports;
	reply->repeats = t->score.repeated;
	reply->unsigned_count = t->score.unsigned_;
	reply->evidence_total = t->evidence_all;
	reply->next = t->next;
	reply->records_total = t->record_all;
	reply->records_next = t->records_next;
	reply->rests_on = (uint64_t *)(uintptr_t)t->rests_on;
	reply->n_rests_on = t->rests_count;
}

enum rc
trust_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__TrustRequest *r = (const void *)request;
	Ectledger__V1__TrustReply reply = ECTLEDGER__V1__TRUST_REPLY__INIT;
	struct budget budget = call_budget(call);
	struct trust_question q = {.iss = bytes_str(r->iss),
	    .from = bytes_str(r->from),
	    .act = bytes_str(r->act),
	    .after = r->after,
	    .records_after = r->records_after,
	    .limit = graph_limit(r->limit, TRUST_USUAL, TRUST_MOST)};
	struct trust_reply t;
	struct facts_view v;
	struct by by;
	enum rc rc;

	if (r->iss[0] == '\0')
		return why_set(why, RC_BAD_REQUEST, "WIRE Trust", "iss", 0, "whose?");
	if ((rc = read_by(r->model, r->half_life_s, &by, why)) != RC_OK ||
	    (rc = call_facts(call, r->at, &v, why)) != RC_OK)
		return rc;
	q.model = by.model;
	q.has_half_life = by.has_half_life;
	q.half_life_s = by.half_life_s;
	if ((rc = answer_trust(&v, &q, &budget, &t, why)) != RC_OK)
		return rc;
	reply.iss = r->iss;
	set_score(&t, &reply);
	if (!set_evidence(&call->arena, &v, &t, &reply) ||
	    !set_records(&call->arena, &v, &t, &reply))
		return graph_too_large(why);
	return call_reply(call, &reply.base, why);
}

static bool
set_row(struct arena *arena, const struct facts_view *v, const struct trust_row *r,
    Ectledger__V1__TrustRow *m)
{
	ectledger__v1__trust_row__init(m);
	m->iss = graph_name(arena, v, FACTS_ISS, r->iss);
	m->score_e6 = r->score.score_e6;
	m->positive = r->score.positive;
	m->negative = r->score.negative;
	m->r_e6 = r->score.r_e6;
	m->s_e6 = r->score.s_e6;
	m->uncertainty_e6 = r->score.uncertainty_e6;
	m->self_reports = r->score.self_reports;
	m->under_floor = r->under_floor;
	m->quarantined = r->quarantined;
	m->revoked = r->revoked;
	m->complete = r->complete;
	return m->iss != NULL;
}

static bool
set_rows(struct arena *arena, const struct facts_view *v, const struct trust_all_reply *t,
    Ectledger__V1__TrustAllReply *reply)
{
	Ectledger__V1__TrustRow *m = arena_alloc(arena, (t->count + 1) * sizeof *m);

	reply->agents = arena_alloc(arena, (t->count + 1) * sizeof *reply->agents);
	if (m == NULL || reply->agents == NULL)
		return false;
	for (size_t i = 0; i < t->count; i++, m++) {
		if (!set_row(arena, v, &t->rows[i], m))
			return false;
		reply->agents[i] = m;
	}
	reply->n_agents = t->count;
	return true;
}

enum rc
trust_all_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__TrustAllRequest *r = (const void *)request;
	Ectledger__V1__TrustAllReply reply = ECTLEDGER__V1__TRUST_ALL_REPLY__INIT;
	struct budget budget = call_budget(call);
	struct trust_all_question q = {
	    .after = r->after, .limit = graph_limit(r->limit, TRUST_MOST, TRUST_MOST)};
	struct trust_all_reply t;
	struct facts_view v;
	struct by by;
	enum rc rc;

	if ((rc = read_by(r->model, r->half_life_s, &by, why)) != RC_OK ||
	    (rc = call_facts(call, r->at, &v, why)) != RC_OK)
		return rc;
	q.model = by.model;
	q.has_half_life = by.has_half_life;
	q.half_life_s = by.half_life_s;
	if ((rc = answer_trust_all(&v, &q, &budget, &t, why)) != RC_OK)
		return rc;
	reply.model = (char *)(uintptr_t)trust_model_text(t.model);
	reply.half_life_s = t.half_life_s;
	reply.floor_e6 = t.floor_e6;
	reply.tree_size = t.tree_size;
	reply.complete = t.complete;
	reply.next = t.next;
	reply.rests_on = (uint64_t *)(uintptr_t)t.rests_on;
	reply.n_rests_on = t.rests_count;
	if (!set_rows(&call->arena, &v, &t, &reply))
		return graph_too_large(why);
	return call_reply(call, &reply.base, why);
}
