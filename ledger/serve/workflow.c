/*
 * workflow.c - Query/Workflow (reader thread): states, open approvals, overrides in force, the descriptor
 * and what deviates from it.
 *
 * Three answers over one view, in one reply.
 */
#include "answer/workflow.h"

#include "answer/approvals.h"
#include "answer/overrides.h"
#include "claim/own_event.h"
#include "serve/workflow.h"

#define USUAL 1000
#define MOST  10000

struct filling {
	struct arena *arena;
	const struct facts_view *v;
	const struct workflow_answer *a;
	Ectledger__V1__WorkflowReply *reply;
};

/* ---- shared ---- */

enum rc
workflow_number(
    const struct facts_view *v, const ProtobufCBinaryData *wid, uint32_t *out, struct why *why)
{
	*out = FACTS_NONE;
	if (wid->len == 0)
		return RC_OK;
	if (wid->len != UUID_SIZE)
		return why_set(why, RC_BAD_REQUEST, "WIRE ids", "wid", 0, "a wid has 16 bytes");
	*out = facts_number(v, FACTS_WID, bytes_of(wid->data, wid->len));
	if (*out == FACTS_NONE)
		return why_set(why, RC_NOT_FOUND, "workflow", "wid", 0,
		    "no task and no descriptor names this workflow");
	return RC_OK;
}

size_t
workflow_limit(uint32_t asked, size_t usual, size_t most)
{
	if (asked == 0)
		return usual;
	return asked < most ? asked : most;
}

ProtobufCBinaryData
workflow_wid(const struct facts_view *v, uint32_t number)
{
	return pb_bytes(facts_name(v, FACTS_WID, number));
}

ProtobufCBinaryData
workflow_jti(const struct facts_view *v, uint32_t index)
{
	return index == FACTS_NONE ? pb_bytes(BYTES_NONE)
				   : pb_bytes(bytes_of(fact(v, index)->jti, UUID_SIZE));
}

uint64_t
workflow_index(uint32_t index)
{
	return index == FACTS_NONE ? UINT64_MAX : index;
}

enum rc
workflow_no_room(struct why *why)
{
	return why_set(why, RC_TOO_LARGE, "query_bytes_max", NULL, 0, "the answer is too large");
}

/* ---- states and rows ---- */

static char *
node_id(const struct filling *f, uint16_t place)
{
	return pb_string(
	    f->arena, place == WORKFLOW_NO_NODE ? BYTES_NONE : f->a->descriptor->nodes[place].id);
}

static bool
set_states(struct filling *f)
{
	Ectledger__V1__WorkflowStates *m = arena_alloc(f->arena, sizeof(*m));

	if (m == NULL)
		return false;
	ectledger__v1__workflow_states__init(m);
	m->pending = f->a->by_state[WORKFLOW_PENDING];
	m->ready = f->a->by_state[WORKFLOW_READY];
	m->running = f->a->by_state[WORKFLOW_RUNNING];
	m->done = f->a->by_state[WORKFLOW_DONE];
	m->failed = f->a->by_state[WORKFLOW_FAILED];
	m->rollback_requested = f->a->by_state[WORKFLOW_ROLLBACK_REQUESTED];
	m->rolled_back = f->a->by_state[WORKFLOW_ROLLED_BACK];
	m->rollback_failed = f->a->by_state[WORKFLOW_ROLLBACK_FAILED];
	m->compensation_required = f->a->by_state[WORKFLOW_COMPENSATION_REQUIRED];
	f->reply->states = m;
	return true;
}

/* What the task rests on. */
static bool
set_parents(const struct filling *f, const struct fact *t, Ectledger__V1__WorkflowNode *m)
{
	m->parents = arena_alloc(f->arena, t->parent_count * sizeof(*m->parents));
	if (m->parents == NULL)
		return false;
	for (unsigned i = 0; i < t->parent_count; i++)
		m->parents[i] = fact_parent(f->v, t, i);
	m->n_parents = t->parent_count;
	return true;
}

static bool
set_row(const struct filling *f, const struct workflow_row *row, Ectledger__V1__WorkflowNode *m)
{
	ectledger__v1__workflow_node__init(m);
	m->jti = workflow_jti(f->v, row->index);
	m->index = workflow_index(row->index);
	m->state =
	    pb_string(f->arena, bytes_str(workflow_state_text((enum workflow_state)row->state)));
	m->node = node_id(f, row->node);
	m->by_index = workflow_index(row->by);
	m->by_jti = workflow_jti(f->v, row->by);
	if (row->index == FACTS_NONE) {
		m->act = pb_string(f->arena, f->a->descriptor->nodes[row->node].act);
	} else {
		const struct fact *t = fact(f->v, row->index);

		m->act = pb_string(f->arena, facts_name(f->v, FACTS_ACT, t->act));
		m->iss = pb_string(f->arena, facts_name(f->v, FACTS_ISS, t->iss));
		m->kind = pb_string(f->arena, bytes_str(fact_kind(f->v, row->index)->name));
		if (!set_parents(f, t, m))
			return false;
	}
	return m->state != NULL && m->node != NULL && m->act != NULL && m->iss != NULL &&
	       m->kind != NULL;
}

static bool
set_rows(struct filling *f)
{
	size_t n = f->a->row_count;

	f->reply->nodes = (void *)pb_list(f->arena, n, sizeof(**f->reply->nodes));
	if (f->reply->nodes == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!set_row(f, &f->a->rows[i], f->reply->nodes[i]))
			return false;
	f->reply->n_nodes = n;
	return true;
}

/* ---- the descriptor ---- */

static bool
set_descriptor(struct filling *f)
{
	const struct workflow_answer *a = f->a;
	Ectledger__V1__WorkflowDescriptor *m = arena_alloc(f->arena, sizeof(*m));
	struct own_descriptor event = {0};

	if (a->descriptor_at == FACTS_NONE)
		return true;
	if (m == NULL)
		return false;
	ectledger__v1__workflow_descriptor__init(m);
	m->index = a->descriptor_at;
	m->received_at_ms = (int64_t)fact(f->v, a->descriptor_at)->received_ms;
	(void)own_descriptor_read(fact_event(f->v, fact(f->v, a->descriptor_at)), &event, NULL);
	m->by = pb_string(f->arena, event.by);
	m->media = pb_string(f->arena, bytes_str(own_media_text(event.media)));
	m->late = a->descriptor_late;
	m->readable = a->descriptor != NULL;
	if (a->descriptor != NULL) {
		m->name = pb_string(f->arena, a->descriptor->name);
		m->version = pb_string(f->arena, a->descriptor->version);
		m->node_total = a->descriptor->count;
		m->tasks_max = a->descriptor->tasks_max;
		m->agents_max = a->descriptor->agents_max;
		m->wall_s_max = a->descriptor->wall_s_max;
	}
	m->superseded = arena_alloc(f->arena, a->superseded_count * sizeof(*m->superseded));
	if (m->superseded == NULL)
		return false;
	for (size_t i = 0; i < a->superseded_count; i++)
		m->superseded[i] = a->superseded[i];
	m->n_superseded = a->superseded_count;
	f->reply->descriptor = m;
	return m->by != NULL && m->media != NULL && m->name != NULL && m->version != NULL;
}

static bool
set_node(const struct filling *f, size_t place, Ectledger__V1__WorkflowDeclared *m)
{
	static const char *const slots[] = {"", "approval", "notify"};
	const struct descriptor_node *n = &f->a->descriptor->nodes[place];
	const struct workflow_declared *d = &f->a->declared[place];

	ectledger__v1__workflow_declared__init(m);
	m->node = pb_string(f->arena, n->id);
	m->act = pb_string(f->arena, n->act);
	m->state = pb_string(f->arena, bytes_str(workflow_state_text(d->state)));
	m->tasks = d->tasks;
	m->newest_index = workflow_index(d->newest);
	m->newest_jti = workflow_jti(f->v, d->newest);
	m->hitl = pb_string(f->arena, bytes_str(slots[n->hitl]));
	m->role = pb_string(f->arena, n->role);
	m->resources = pb_bytes(n->resources);
	m->after = arena_alloc(f->arena, n->after_count * sizeof(*m->after));
	if (m->after == NULL)
		return false;
	for (size_t i = 0; i < n->after_count; i++)
		if ((m->after[i] = node_id(f, n->after[i])) == NULL)
			return false;
	m->n_after = n->after_count;
	return m->node != NULL && m->act != NULL && m->state != NULL && m->hitl != NULL &&
	       m->role != NULL;
}

static bool
set_declared(struct filling *f)
{
	size_t n = f->a->descriptor == NULL ? 0 : f->a->descriptor->count;

	f->reply->declared = (void *)pb_list(f->arena, n, sizeof(**f->reply->declared));
	if (f->reply->declared == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!set_node(f, i, f->reply->declared[i]))
			return false;
	f->reply->n_declared = n;
	return true;
}

static bool
set_deviations(struct filling *f)
{
	const size_t *counts = f->a->deviation_counts;
	Ectledger__V1__WorkflowDeviationCounts *c = arena_alloc(f->arena, sizeof(*c));
	size_t n = f->a->deviation_count;

	f->reply->deviations = (void *)pb_list(f->arena, n, sizeof(**f->reply->deviations));
	if (c == NULL || f->reply->deviations == NULL)
		return false;
	ectledger__v1__workflow_deviation_counts__init(c);
	c->missing = counts[DEVIATION_MISSING];
	c->extra = counts[DEVIATION_EXTRA];
	c->out_of_order = counts[DEVIATION_OUT_OF_ORDER];
	c->over_quota = counts[DEVIATION_OVER_QUOTA];
	c->hitl_missing = counts[DEVIATION_HITL_MISSING];
	c->duplicate_node = counts[DEVIATION_DUPLICATE_NODE];
	f->reply->deviation_counts = c;
	for (size_t i = 0; i < n; i++) {
		const struct workflow_deviation *d = &f->a->deviations[i];
		Ectledger__V1__WorkflowDeviation *m = f->reply->deviations[i];

		ectledger__v1__workflow_deviation__init(m);
		m->deviation = pb_string(f->arena, bytes_str(workflow_deviation_text(d->kind)));
		m->jti = workflow_jti(f->v, d->index);
		m->index = workflow_index(d->index);
		m->node = node_id(f, d->node);
		m->before = node_id(f, d->before);
		m->quota = pb_string(f->arena, bytes_str(workflow_quota_text(d->quota)));
		if (m->deviation == NULL || m->node == NULL || m->before == NULL ||
		    m->quota == NULL)
			return false;
	}
	f->reply->n_deviations = n;
	return true;
}

/* ---- humans ---- */

static bool
set_approvals(struct filling *f, const struct approvals_answer *a)
{
	f->reply->open_approvals =
	    (void *)pb_list(f->arena, a->request_count, sizeof(**f->reply->open_approvals));
	if (f->reply->open_approvals == NULL)
		return false;
	for (size_t i = 0; i < a->request_count; i++) {
		const struct approval_request *r = &a->requests[i];
		Ectledger__V1__WorkflowApproval *m = f->reply->open_approvals[i];

		ectledger__v1__workflow_approval__init(m);
		m->jti = workflow_jti(f->v, r->index);
		m->index = r->index;
		m->state = pb_string(f->arena, bytes_str(approval_state_text(r->state)));
		m->rule = pb_string(f->arena, r->rule);
		m->role = pb_string(f->arena, r->role);
		m->deadline_ms = r->deadline_ms;
		m->iss =
		    pb_string(f->arena, facts_name(f->v, FACTS_ISS, fact(f->v, r->index)->iss));
		if (m->state == NULL || m->rule == NULL || m->role == NULL || m->iss == NULL)
			return false;
	}
	f->reply->n_open_approvals = a->request_count;
	return true;
}

static bool
set_override(
    const struct filling *f, const struct override_item *o, Ectledger__V1__WorkflowOverride *m)
{
	ectledger__v1__workflow_override__init(m);
	m->jti = workflow_jti(f->v, o->index);
	m->index = o->index;
	m->level = pb_string(f->arena, bytes_str(override_level_text(o->level)));
	m->scope = pb_string(f->arena, bytes_str(override_scope_text(o->scope)));
	m->iss = pb_string(f->arena, facts_name(f->v, FACTS_ISS, fact(f->v, o->index)->iss));
	m->stops_work = o->binding;
	for (size_t i = 0; i < o->ack_count; i++)
		m->acks_pending +=
		    o->acks[i].state == ACK_STATE_PENDING || o->acks[i].state == ACK_STATE_MISSING;
	m->under_stop = o->under_stop_all;
	return m->level != NULL && m->scope != NULL && m->iss != NULL;
}

static bool
set_overrides(struct filling *f, const struct overrides_answer *a)
{
	f->reply->overrides = (void *)pb_list(f->arena, a->count, sizeof(**f->reply->overrides));
	if (f->reply->overrides == NULL)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!set_override(f, &a->items[i], f->reply->overrides[i]))
			return false;
	f->reply->n_overrides = a->count;
	return true;
}

static bool
set_explanations(struct filling *f)
{
	size_t n = f->a->explanation_count;

	f->reply->explanations = (void *)pb_list(f->arena, n, sizeof(**f->reply->explanations));
	if (f->reply->explanations == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct fact *t = fact(f->v, f->a->explanations[i]);
		Ectledger__V1__WorkflowExplanation *m = f->reply->explanations[i];

		ectledger__v1__workflow_explanation__init(m);
		m->jti = workflow_jti(f->v, f->a->explanations[i]);
		m->index = f->a->explanations[i];
		m->iss = pb_string(f->arena, facts_name(f->v, FACTS_ISS, t->iss));
		m->explains_jti = arena_alloc(f->arena, t->parent_count * sizeof(*m->explains_jti));
		if (m->iss == NULL || m->explains_jti == NULL)
			return false;
		for (unsigned k = 0; k < t->parent_count; k++)
			m->explains_jti[k] = workflow_jti(f->v, fact_parent(f->v, t, k));
		m->n_explains_jti = t->parent_count;
	}
	f->reply->n_explanations = n;
	return true;
}

/* ---- the call ---- */

/* What humans were asked and what they commanded; on the first page. */
static enum rc
ask_oversight(
    struct filling *f, uint32_t wid, const struct budget *budget, bool *complete, struct why *why)
{
	struct approvals_question asked = {
	    .in_workflow = true, .wid = wid, .states = APPROVAL_STATES_OPEN, .no_guarded = true};
	struct overrides_question commanded = {.in_workflow = true, .wid = wid, .active = true};
	struct approvals_answer approvals;
	struct overrides_answer overrides;
	enum rc rc;

	if ((rc = answer_approvals(f->v, &asked, budget, &approvals, why)) != RC_OK ||
	    (rc = answer_overrides(f->v, &commanded, budget, &overrides, why)) != RC_OK)
		return rc;
	*complete = *complete && approvals.complete && overrides.complete;
	return set_approvals(f, &approvals) && set_overrides(f, &overrides) ? RC_OK : RC_NO_MEMORY;
}

static bool
set_all(struct filling *f)
{
	return set_states(f) && set_rows(f) && set_descriptor(f) && set_declared(f) &&
	       set_deviations(f) && set_explanations(f);
}

enum rc
workflow_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__WorkflowRequest *r = (const void *)request;
	Ectledger__V1__WorkflowReply reply = ECTLEDGER__V1__WORKFLOW_REPLY__INIT;
	struct budget budget = call_budget(call);
	struct workflow_ask ask = {
	    .offset = r->offset, .limit = workflow_limit(r->limit, USUAL, MOST)};
	struct workflow_answer a;
	struct facts_view v;
	struct filling f = {&call->arena, &v, &a, &reply};
	bool complete;
	enum rc rc;

	if ((rc = call_facts(call, r->at, &v, why)) != RC_OK ||
	    (rc = workflow_number(&v, &r->wid, &ask.wid, why)) != RC_OK ||
	    (rc = answer_workflow(&v, &ask, &budget, &a, why)) != RC_OK)
		return rc;
	complete = a.complete;
	if ((rc = ask_oversight(&f, ask.wid, &budget, &complete, why)) != RC_OK)
		return rc == RC_NO_MEMORY ? workflow_no_room(why) : rc;
	if (!set_all(&f))
		return workflow_no_room(why);
	reply.wid = workflow_wid(&v, ask.wid);
	reply.tree_size = a.tree_size;
	reply.complete = complete;
	reply.node_total = a.rows_all;
	reply.next = r->offset + a.row_count < a.rows_all ? r->offset + a.row_count : 0;
	reply.entries = a.read;
	reply.rests_on = (uint64_t *)(uintptr_t)a.rests_on;
	reply.n_rests_on = a.rests_on_count;
	return call_reply(call, &reply.base, why);
}
