/*
 * overrides.c - Query/Overrides (reader thread): what people ordered, who obeyed, and what was done in
 * spite of it.
 */
#include "answer/overrides.h"
#include "serve/oversight.h"

#define RECORD_MAX ((size_t)4 << 20)

static Ectledger__V1__OverrideReply **
fill_replies(struct filler *f, const struct override_reply *from, size_t count)
{
	Ectledger__V1__OverrideReply *items = fill_alloc(f, (count + 1) * sizeof(*items));
	Ectledger__V1__OverrideReply **list = fill_alloc(f, (count + 1) * sizeof(*list));

	for (size_t i = 0; !f->bad && i < count; i++) {
		const struct override_reply *r = &from[i];
		Ectledger__V1__OverrideReply *m = list[i] = &items[i];
		bool ack = r->kind == KIND_OVERRIDE_ACK;

		ectledger__v1__override_reply__init(m);
		m->jti = fill_jti(f, r->index);
		m->index = r->index;
		m->iss = fill_iss(f, r->index);
		m->kind = ack ? "override_ack" : "override_release";
		m->status = (char *)(uintptr_t)(ack ? ack_code_text(r->code) : "");
		m->effective_at = r->effective_at;
		m->flags =
		    fill_flags(f, r->flags, OVERRIDE_FLAG_BITS, override_flag_text, &m->n_flags);
	}
	return list;
}

static Ectledger__V1__OverrideAck **
fill_acks(struct filler *f, const struct override_item *o)
{
	Ectledger__V1__OverrideAck *items = fill_alloc(f, (o->ack_count + 1) * sizeof(*items));
	Ectledger__V1__OverrideAck **list = fill_alloc(f, (o->ack_count + 1) * sizeof(*list));

	for (size_t i = 0; !f->bad && i < o->ack_count; i++) {
		const struct override_ack *a = &o->acks[i];

		list[i] = &items[i];
		ectledger__v1__override_ack__init(list[i]);
		list[i]->iss = fill_name(f, FACTS_ISS, a->iss);
		list[i]->state = (char *)(uintptr_t)ack_state_text(a->state);
		list[i]->late = a->late;
		list[i]->jti = fill_jti(f, a->index);
	}
	return list;
}

static Ectledger__V1__UnderStop **
fill_under_stop(struct filler *f, const struct override_item *o)
{
	size_t n = o->under_stop_count;
	Ectledger__V1__UnderStop *items = fill_alloc(f, (n + 1) * sizeof(*items));
	Ectledger__V1__UnderStop **list = fill_alloc(f, (n + 1) * sizeof(*list));

	for (size_t i = 0; !f->bad && i < n; i++) {
		uint32_t index = o->under_stop[i].index;

		list[i] = &items[i];
		ectledger__v1__under_stop__init(list[i]);
		list[i]->jti = fill_jti(f, index);
		list[i]->wid = fill_wid(f, index);
		list[i]->index = index;
		list[i]->iss = fill_iss(f, index);
		list[i]->act = fill_act(f, index);
		list[i]->in_flight = o->under_stop[i].in_flight;
	}
	return list;
}

static void
fill_targets(struct filler *f, const struct override_item *o, Ectledger__V1__OverrideItem *m)
{
	m->tasks = fill_alloc(f, (o->task_count + 1) * sizeof(*m->tasks));
	m->agents = fill_alloc(f, (o->agent_count + 1) * sizeof(*m->agents));
	for (size_t i = 0; !f->bad && i < o->task_count; i++)
		m->tasks[i] = fill_task(f, o->tasks[i]);
	for (size_t i = 0; !f->bad && i < o->agent_count; i++)
		m->agents[i] = fill_name(f, FACTS_ISS, o->agents[i]);
	m->n_tasks = o->task_count;
	m->n_agents = o->agent_count;
}

static void
fill_override(struct filler *f, const struct override_item *o, Ectledger__V1__OverrideItem *m)
{
	ectledger__v1__override_item__init(m);
	m->jti = fill_jti(f, o->index);
	m->wid = fill_wid(f, o->index);
	m->index = o->index;
	m->iss = fill_iss(f, o->index);
	m->level = (char *)(uintptr_t)override_level_text(o->level);
	m->family = (char *)(uintptr_t)override_family_text((enum override_code)o->level);
	m->binding = o->binding;
	m->scope = (char *)(uintptr_t)override_scope_text(o->scope);
	m->state = (char *)(uintptr_t)override_state_text(o->state);
	m->flags = fill_flags(f, o->flags, OVERRIDE_FLAG_BITS, override_flag_text, &m->n_flags);
	m->reason = fill_ext_text(f, o->index, "reason");
	fill_targets(f, o, m);
	m->escalates_jti = fill_jti(f, o->escalates);
	m->release_jti = fill_jti(f, o->release);
	m->ack_deadline_ms = o->ack_deadline_ms;
	m->acks = fill_acks(f, o);
	m->n_acks = o->ack_count;
	m->replies = fill_replies(f, o->replies, o->reply_count);
	m->n_replies = o->reply_count;
	m->replies_all = o->replies_all;
	m->under_stop = fill_under_stop(f, o);
	m->n_under_stop = o->under_stop_count;
	m->under_stop_all = o->under_stop_all;
}

static void
fill_reply(struct filler *f, const struct overrides_answer *a, Ectledger__V1__OverridesReply *m)
{
	Ectledger__V1__OverrideItem *items = fill_alloc(f, (a->count + 1) * sizeof(*items));

	m->tree_size = a->tree_size;
	m->complete = a->complete;
	m->next = a->next;
	m->overrides = fill_alloc(f, (a->count + 1) * sizeof(*m->overrides));
	for (size_t i = 0; !f->bad && i < a->count; i++) {
		m->overrides[i] = &items[i];
		fill_override(f, &a->items[i], m->overrides[i]);
	}
	m->n_overrides = a->count;
	m->strays = fill_replies(f, a->strays, a->stray_count);
	m->n_strays = a->stray_count;
	m->rests_on = fill_rests_on(f, a->rests_on, a->rests_on_count);
	m->n_rests_on = a->rests_on_count;
}

static enum rc
read_question(const struct facts_view *v, const Ectledger__V1__OverridesRequest *r,
    struct overrides_question *q, struct why *why)
{
	uint32_t index;
	enum rc rc = oversight_wid(v, r->wid, r->no_wid, &q->in_workflow, &q->wid, why);

	if (rc != RC_OK)
		return rc;
	q->active = r->active;
	q->limit = oversight_limit(r->limit);
	q->below = r->below > v->size ? v->size : (uint32_t)r->below;
	if (r->jti.len == 0)
		return RC_OK;
	if (r->below != 0 || r->active)
		return why_set(why, RC_BAD_REQUEST, "WIRE Overrides", "jti", 0,
		    "an override's id stands alone");
	if ((rc = oversight_find(v, r->jti, q->in_workflow, q->wid, KIND_OVERRIDE, &index, why)) !=
	    RC_OK)
		return rc;
	q->in_workflow = false; /* its whole reach, whatever its workflow */
	q->below = index + 1;
	q->limit = 1;
	return RC_OK;
}

enum rc
overrides_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__OverridesRequest *r = (const void *)request;
	Ectledger__V1__OverridesReply reply = ECTLEDGER__V1__OVERRIDES_REPLY__INIT;
	struct budget budget = call_budget(call);
	struct overrides_question q = {0};
	struct overrides_answer a;
	struct facts_view v;
	struct arena record;
	struct filler f = {&v, &call->arena, &record, false};
	enum rc rc;

	arena_init(&record, RECORD_MAX);
	if ((rc = call_facts(call, r->at, &v, why)) != RC_OK ||
	    (rc = read_question(&v, r, &q, why)) != RC_OK ||
	    (rc = answer_overrides(&v, &q, &budget, &a, why)) != RC_OK)
		goto out;
	if (r->jti.len != 0) {
		a.complete = true;
		a.next = 0;
	}
	fill_reply(&f, &a, &reply);
	rc = f.bad ? why_set(why, RC_TOO_LARGE, "query_bytes_max", NULL, 0,
			 "the answer is too large: ask with a smaller limit")
		   : call_reply(call, &reply.base, why);
out:
	arena_release(&record);
	return rc;
}
