/*
 * rollback.c - Query/RollbackSet (reader thread): this task was wrong; what depends on it, in the
 * order in which to undo.
 */
#include <string.h>

#include "serve/call.h"

static bool
set_order(
    struct arena *arena, const struct query_rollback *set, Ectledger__V1__RollbackReply *reply)
{
	Ectledger__V1__RollbackItem *items = arena_alloc(arena, (set->count + 1) * sizeof *items);
	Ectledger__V1__RollbackItem **list = arena_alloc(arena, (set->count + 1) * sizeof *list);

	if (items == NULL || list == NULL)
		return false;
	for (size_t i = 0; i < set->count; i++) {
		const struct query_node *n = &set->order[i];
		Ectledger__V1__RollbackItem *m = &items[i];

		ectledger__v1__rollback_item__init(m);
		m->jti = pb_bytes(bytes_of(n->jti, UUID_SIZE));
		if (n->has_wid)
			m->wid = pb_bytes(bytes_of(n->wid, UUID_SIZE));
		m->index = n->index;
		m->iss = pb_string(arena, n->iss);
		m->act = pb_string(arena, n->act);
		m->action = "undo";
		list[i] = m;
		if (m->iss == NULL || m->act == NULL)
			return false;
	}
	reply->order = list;
	reply->n_order = set->count;
	return true;
}

static enum rc
reply_set(struct call *call, const struct query_rollback *set, Ectledger__V1__RollbackReply *reply,
    struct why *why)
{
	reply->scope = "failed";
	reply->tree_size = set->tree_size;
	reply->complete = set->complete;
	reply->tasks = set->tasks;
	reply->agents = set->agents;
	reply->workflows = set->workflows;
	reply->trust_domains = set->trust_domains;
	if (!set_order(&call->arena, set, reply))
		return why_set(
		    why, RC_TOO_LARGE, "query_bytes_max", NULL, 0, "the answer is too large");
	return call_reply(call, &reply->base, why);
}

enum rc
rollback_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__RollbackRequest *r = (const void *)request;
	struct call_id id = {r->jti, r->wid, r->any_wid, false, 0};
	Ectledger__V1__RollbackReply reply = ECTLEDGER__V1__ROLLBACK_REPLY__INIT;
	struct budget budget = call_budget(call);
	struct query_view *v = NULL;
	struct query_rollback set = {0};
	struct query_id q;
	uint64_t target;
	enum rc rc;

	if (r->scope[0] != '\0' && strcmp(r->scope, "failed") != 0) {
		rc = why_set(why, RC_BAD_REQUEST, "WIRE RollbackSet", "scope", 0,
		    "this version knows the scope \"failed\"");
		goto out;
	}
	if ((rc = call_read_id(&id, &q, why)) != RC_OK)
		goto out;
	if ((rc = call_view(call, r->at, &v, why)) != RC_OK)
		goto out;
	if ((rc = query_resolve(v, &q, &target, why)) != RC_OK)
		goto out;
	if ((rc = query_rollback(v, target, &budget, &set, why)) != RC_OK)
		goto out;
	reply.target_jti = r->jti;
	rc = reply_set(call, &set, &reply, why);

out:
	if (v != NULL)
		query_view_end(v);
	return rc;
}
