/*
 * recovery.c - Query/Recovery (reader thread): who asked for what to be undone, what became of it, and
 * what is wrong with each record.
 */
#include "answer/recovery_list.h"
#include "serve/oversight.h"

#define RECORD_MAX ((size_t)4 << 20)

static Ectledger__V1__RecoveryResult **
fill_results(struct filler *f, const struct recovery_request_item *q)
{
	static const char *const outcomes[] = {
	    "", "success", "partial", "refused", "irreversible", "failed"};
	Ectledger__V1__RecoveryResult *items = fill_alloc(f, (q->result_count + 1) * sizeof *items);
	Ectledger__V1__RecoveryResult **list = fill_alloc(f, (q->result_count + 1) * sizeof *list);

	for (size_t i = 0; !f->bad && i < q->result_count; i++) {
		const struct recovery_reply_item *x = &q->results[i];
		Ectledger__V1__RecoveryResult *m = list[i] = &items[i];

		ectledger__v1__recovery_result__init(m);
		m->jti = fill_jti(f, x->index);
		m->index = x->index;
		m->iss = fill_iss(f, x->index);
		m->outcome =
		    (char *)(uintptr_t)(x->outcome <= RESULT_FAILED ? outcomes[x->outcome] : "");
		m->flags =
		    fill_flags(f, x->flags, RECOVERY_FLAG_COUNT, recovery_flag_text, &m->n_flags);
	}
	return list;
}

static void
fill_request(
    struct filler *f, const struct recovery_request_item *q, Ectledger__V1__RecoveryAsked *m)
{
	ectledger__v1__recovery_asked__init(m);
	m->jti = fill_jti(f, q->index);
	m->wid = fill_wid(f, q->index);
	m->index = q->index;
	m->iss = fill_iss(f, q->index);
	m->state = (char *)(uintptr_t)recovery_request_text(q->state);
	m->scope = (char *)(uintptr_t)(q->scope == NULL ? "" : q->scope);
	m->checkpoint_jti = fill_jti(f, q->checkpoint);
	m->idem = fill_text(f, q->idem);
	m->until_ms = q->until_ms == UINT64_MAX ? 0 : q->until_ms;
	m->flags = fill_flags(f, q->flags, RECOVERY_FLAG_COUNT, recovery_flag_text, &m->n_flags);
	m->about_jti = fill_alloc(f, (q->root_count + 1) * sizeof *m->about_jti);
	for (size_t i = 0; !f->bad && i < q->root_count; i++)
		m->about_jti[i] = fill_jti(f, q->roots[i]);
	m->n_about_jti = f->bad ? 0 : q->root_count;
	m->results = fill_results(f, q);
	m->n_results = q->result_count;
	m->result_total = q->result_total;
}

static void
fill_requests(struct filler *f, const struct recovery_list *l, Ectledger__V1__RecoveryReply *m)
{
	Ectledger__V1__RecoveryAsked *items = fill_alloc(f, (l->request_count + 1) * sizeof *items);

	m->requests = fill_alloc(f, (l->request_count + 1) * sizeof *m->requests);
	for (size_t i = 0; !f->bad && i < l->request_count; i++) {
		m->requests[i] = &items[i];
		fill_request(f, &l->requests[i], &items[i]);
	}
	m->n_requests = l->request_count;
}

static void
fill_records(struct filler *f, const struct recovery_list *l, Ectledger__V1__RecoveryReply *m)
{
	Ectledger__V1__RecoveryRecord *items = fill_alloc(f, (l->record_count + 1) * sizeof *items);

	m->records = fill_alloc(f, (l->record_count + 1) * sizeof *m->records);
	for (size_t i = 0; !f->bad && i < l->record_count; i++) {
		uint32_t index = l->records[i].index;
		Ectledger__V1__RecoveryRecord *x = m->records[i] = &items[i];

		ectledger__v1__recovery_record__init(x);
		x->jti = fill_jti(f, index);
		x->wid = fill_wid(f, index);
		x->index = index;
		x->iss = fill_iss(f, index);
		x->node_kind = (char *)(uintptr_t)kind_at(fact(f->v, index)->kind)->name;
		x->flags = fill_flags(
		    f, l->records[i].flags, RECOVERY_FLAG_COUNT, recovery_flag_text, &x->n_flags);
	}
	m->n_records = l->record_count;
}

static void
fill_tasks(struct filler *f, const struct recovery_list *l, Ectledger__V1__RecoveryReply *m)
{
	Ectledger__V1__RecoveryTask *items = fill_alloc(f, (l->task_count + 1) * sizeof *items);

	m->tasks = fill_alloc(f, (l->task_count + 1) * sizeof *m->tasks);
	for (size_t i = 0; !f->bad && i < l->task_count; i++) {
		const struct recovery_task_item *t = &l->tasks[i];
		Ectledger__V1__RecoveryTask *x = m->tasks[i] = &items[i];

		ectledger__v1__recovery_task__init(x);
		x->jti = fill_jti(f, t->index);
		x->wid = fill_wid(f, t->index);
		x->index = t->index;
		x->iss = fill_iss(f, t->index);
		x->act = fill_act(f, t->index);
		x->state = (char *)(uintptr_t)recovery_state_text(t->state);
		x->by_jti = fill_jti(f, t->by);
		x->by_index = t->by == FACTS_NONE ? UINT64_MAX : t->by;
	}
	m->n_tasks = l->task_count;
}

static void
fill_reply(struct filler *f, const struct recovery_list *l, Ectledger__V1__RecoveryStates *states,
    Ectledger__V1__RecoveryReply *m)
{
	ectledger__v1__recovery_states__init(states);
	states->completed = l->by_state[RECOVERY_COMPLETED];
	states->failed = l->by_state[RECOVERY_FAILED];
	states->rollback_requested = l->by_state[RECOVERY_ROLLBACK_REQUESTED];
	states->rolled_back = l->by_state[RECOVERY_ROLLED_BACK];
	states->rollback_failed = l->by_state[RECOVERY_ROLLBACK_FAILED];
	states->compensation_required = l->by_state[RECOVERY_COMPENSATION_REQUIRED];
	m->states = states;
	m->tree_size = l->tree_size;
	m->complete = l->complete;
	fill_requests(f, l, m);
	fill_records(f, l, m);
	fill_tasks(f, l, m);
	m->next = l->next == FACTS_NONE ? 0 : l->next;
	m->tasks_next = l->tasks_next == FACTS_NONE ? 0 : l->tasks_next;
	m->rests_on = l->rests_on;
	m->n_rests_on = l->rests_on_count;
}

static enum rc
read_question(const struct facts_view *v, const Ectledger__V1__RecoveryRequest *r,
    struct recovery_question *q, struct why *why)
{
	struct call_id id = {r->jti, r->wid, r->any_wid, false, 0};
	struct query_id named;
	enum rc rc;

	q->limit = r->limit == 0 ? RECOVERY_PAGE : r->limit;
	q->from = r->from > v->size ? v->size : (uint32_t)r->from;
	q->tasks_from = r->tasks_from > v->size ? v->size : (uint32_t)r->tasks_from;
	q->by_wid = r->jti.len == 0;
	if (q->limit > RECOVERY_PAGE_MAX)
		return why_set(why, RC_BAD_REQUEST, "WIRE Recovery", "limit", 0,
		    "at most %u a page", RECOVERY_PAGE_MAX);
	if (q->by_wid && (r->wid.len == 0 || r->any_wid))
		return why_set(why, RC_BAD_REQUEST, "WIRE Recovery", "wid", 0,
		    "asked about neither a task nor a workflow");
	if (q->by_wid) {
		bool in_workflow;

		return oversight_wid(v, r->wid, false, &in_workflow, &q->wid, why);
	}
	if ((rc = call_read_id(&id, &named, why)) != RC_OK)
		return rc;
	return call_task(v, &named, &q->entry, why);
}

enum rc
recovery_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__RecoveryRequest *r = (const void *)request;
	Ectledger__V1__RecoveryReply reply = ECTLEDGER__V1__RECOVERY_REPLY__INIT;
	Ectledger__V1__RecoveryStates states;
	struct budget budget = call_budget(call);
	struct recovery_question q = {0};
	struct recovery_list l;
	struct facts_view v;
	struct arena record;
	struct filler f = {&v, &call->arena, &record, false};
	enum rc rc;

	arena_init(&record, RECORD_MAX);
	if ((rc = call_facts(call, r->at, &v, why)) != RC_OK ||
	    (rc = read_question(&v, r, &q, why)) != RC_OK ||
	    (rc = answer_recovery(&v, &q, &budget, &l, why)) != RC_OK)
		goto out;
	fill_reply(&f, &l, &states, &reply);
	rc = f.bad ? why_set(why, RC_TOO_LARGE, "query_bytes_max", NULL, 0,
			 "the answer is too large: ask with a smaller limit")
		   : call_reply(call, &reply.base, why);

out:
	arena_release(&record);
	return rc;
}
