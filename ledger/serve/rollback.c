/*
 * rollback.c - Query/RollbackSet (reader thread): this task was wrong; what depends on it, in the
 * order in which to undo.
 */
#include <string.h>

#include "answer/rollback.h"
#include "serve/call.h"

static bool
set_order(struct arena *arena, const struct facts_view *v, const struct rollback_answer *set,
    Ectledger__V1__RollbackReply *reply)
{
	Ectledger__V1__RollbackItem *items =
	    arena_alloc(arena, (set->item_count + 1) * sizeof *items);
	Ectledger__V1__RollbackItem **list =
	    arena_alloc(arena, (set->item_count + 1) * sizeof *list);

	if (items == NULL || list == NULL)
		return false;
	for (size_t i = 0; i < set->item_count; i++) {
		const struct rollback_item *n = &set->items[i];
		const struct fact *t = fact(v, n->index);
		Ectledger__V1__RollbackItem *m = &items[i];

		ectledger__v1__rollback_item__init(m);
		m->jti = pb_bytes(bytes_of(t->jti, UUID_SIZE));
		m->wid = pb_bytes(facts_name(v, FACTS_WID, t->wid));
		m->index = n->index;
		m->iss = pb_string(arena, facts_name(v, FACTS_ISS, t->iss));
		m->act = pb_string(arena, facts_name(v, FACTS_ACT, t->act));
		m->action = (char *)(uintptr_t)rollback_action_text(n->action);
		m->foreign = n->foreign;
		m->join = n->join;
		list[i] = m;
		if (m->iss == NULL || m->act == NULL)
			return false;
	}
	reply->order = list;
	reply->n_order = set->item_count;
	return true;
}

static void
set_counts(const struct rollback_answer *set, Ectledger__V1__RollbackReply *reply)
{
	reply->tree_size = set->tree_size;
	reply->complete = set->complete;
	reply->tasks = set->tasks;
	reply->agents = set->agents;
	reply->workflows = set->workflows;
	reply->trust_domains = set->trust_domains;
	reply->checkpoint_complete = set->checkpoint_complete;
	reply->depth = set->depth;
	reply->foreign = set->foreign;
	reply->joins = set->joins;
	reply->undo = set->by_action[ROLLBACK_UNDO];
	reply->compensate = set->by_action[ROLLBACK_COMPENSATE];
	reply->irreversible = set->by_action[ROLLBACK_IRREVERSIBLE];
	reply->already_rolled_back = set->by_action[ROLLBACK_ALREADY];
	reply->next = set->next == FACTS_NONE ? 0 : set->next;
	reply->rests_on = set->rests_on;
	reply->n_rests_on = set->rests_on_count;
}

static enum rc
reply_set(struct call *call, const struct facts_view *v, const struct rollback_question *q,
    const struct rollback_answer *set, struct why *why)
{
	Ectledger__V1__RollbackReply reply = ECTLEDGER__V1__ROLLBACK_REPLY__INIT;

	reply.scope = (char *)(uintptr_t)rollback_scope_text(q->scope);
	reply.target_jti = pb_bytes(bytes_of(fact(v, set->task)->jti, UUID_SIZE));
	if (set->checkpoint != FACTS_NONE)
		reply.checkpoint_jti = pb_bytes(bytes_of(fact(v, set->checkpoint)->jti, UUID_SIZE));
	set_counts(set, &reply);
	if (!set_order(&call->arena, v, set, &reply))
		return why_set(
		    why, RC_TOO_LARGE, "query_bytes_max", NULL, 0, "the answer is too large");
	return call_reply(call, &reply.base, why);
}

/* The checkpoint is named by its id alone: it is looked for in the task's workflow, then in the whole log. */
static enum rc
read_to(const struct facts_view *v, ProtobufCBinaryData jti, struct rollback_question *q,
    struct why *why)
{
	if (jti.len == 0)
		return RC_OK;
	if (jti.len != UUID_SIZE)
		return why_set(why, RC_BAD_REQUEST, "WIRE ids", "to_jti", 0, "an id is 16 bytes");
	q->to = facts_meant(v, q->task, jti.data);
	if (q->to == FACTS_NONE)
		return why_set(why, RC_NOT_FOUND, "lookup", "to_jti", 0,
		    "no task of this id, or several in other workflows");
	return RC_OK;
}

static enum rc
read_question(const struct facts_view *v, const Ectledger__V1__RollbackRequest *r,
    struct rollback_question *q, struct why *why)
{
	struct call_id id = {r->jti, r->wid, r->any_wid, false, 0};
	struct query_id named;
	enum rc rc;

	*q = (struct rollback_question){.to = FACTS_NONE,
	    .has_after = r->after != 0,
	    .limit = r->limit == 0 ? ROLLBACK_PAGE : r->limit};
	if (!rollback_scope_read(bytes_str(r->scope), &q->scope))
		return why_set(why, RC_BAD_REQUEST, "WIRE RollbackSet", "scope", 0,
		    "a scope is \"failed\", \"checkpoint\" or \"full\"");
	if (q->limit > ROLLBACK_PAGE_MAX || r->after > UINT32_MAX)
		return why_set(why, RC_BAD_REQUEST, "WIRE RollbackSet",
		    r->after > UINT32_MAX ? "after" : "limit", 0, "at most %u items a page",
		    ROLLBACK_PAGE_MAX);
	q->after = (uint32_t)r->after;
	if ((rc = call_read_id(&id, &named, why)) != RC_OK ||
	    (rc = call_task(v, &named, &q->task, why)) != RC_OK)
		return rc;
	return read_to(v, r->to_jti, q, why);
}

enum rc
rollback_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__RollbackRequest *r = (const void *)request;
	struct budget budget = call_budget(call);
	struct rollback_question q;
	struct rollback_answer set;
	struct facts_view v;
	enum rc rc;

	if ((rc = call_facts(call, r->at, &v, why)) != RC_OK ||
	    (rc = read_question(&v, r, &q, why)) != RC_OK ||
	    (rc = answer_rollback(&v, &q, &budget, &set, why)) != RC_OK)
		return rc;
	return reply_set(call, &v, &q, &set, why);
}
