/*
 * agents.c - Query/Agents (reader thread): who signed what, since when, and in which state it is.
 */
#include "answer/agents.h"

#include "serve/graph.h"

#define AGENTS_USUAL 100
#define AGENTS_MOST  1000
#define LIST_OF_MANY 20 /* keys and actions of each, among many */
#define LIST_OF_ONE  1000

static bool
set_keys(struct arena *arena, const struct facts_view *v, const struct agent_row *r,
    Ectledger__V1__AgentView *view)
{
	Ectledger__V1__AgentKey *m = arena_alloc(arena, (r->key_count + 1) * sizeof *m);

	view->keys = arena_alloc(arena, (r->key_count + 1) * sizeof *view->keys);
	if (m == NULL || view->keys == NULL)
		return false;
	for (size_t i = 0; i < r->key_count; i++, m++) {
		ectledger__v1__agent_key__init(m);
		m->thumbprint = pb_bytes(facts_name(v, FACTS_KEY, r->keys[i].name));
		m->entries = r->keys[i].count;
		m->first_index = r->keys[i].first;
		m->last_index = r->keys[i].last;
		view->keys[i] = m;
	}
	view->n_keys = r->key_count;
	view->keys_total = r->key_all;
	return true;
}

static bool
set_actions(struct arena *arena, const struct facts_view *v, const struct agent_row *r,
    Ectledger__V1__AgentView *view)
{
	Ectledger__V1__AgentAction *m = arena_alloc(arena, (r->act_count + 1) * sizeof *m);

	view->actions = arena_alloc(arena, (r->act_count + 1) * sizeof *view->actions);
	if (m == NULL || view->actions == NULL)
		return false;
	for (size_t i = 0; i < r->act_count; i++, m++) {
		ectledger__v1__agent_action__init(m);
		m->act = graph_name(arena, v, FACTS_ACT, r->acts[i].name);
		m->entries = r->acts[i].count;
		m->first_index = r->acts[i].first;
		m->last_index = r->acts[i].last;
		view->actions[i] = m;
		if (m->act == NULL)
			return false;
	}
	view->n_actions = r->act_count;
	view->actions_total = r->act_all;
	return true;
}

static bool
set_life(struct arena *arena, const struct agent_row *r, Ectledger__V1__AgentView *m)
{
	const struct lifecycle_agent *l = r->life;

	m->lifecycle = (char *)(uintptr_t)lifecycle_state_text(l == NULL ? LIFE_ACTIVE : l->state);
	if (l == NULL)
		return true;
	m->version = pb_string(arena, l->version);
	m->successor = pb_string(arena, l->successor);
	m->sunset_s = l->has_sunset ? l->sunset : 0;
	m->draining_since_ms = (int64_t)l->draining_since_ms;
	m->retires_at_ms = (int64_t)l->retires_at_ms;
	return m->version != NULL && m->successor != NULL;
}

static void
set_trust(const struct trust_row *t, Ectledger__V1__AgentView *m)
{
	m->model = (char *)(uintptr_t)trust_model_text(t->score.model);
	m->score_e6 = t->score.score_e6;
	m->positive = t->score.positive;
	m->negative = t->score.negative;
	m->under_floor = t->under_floor;
	m->quarantined = t->quarantined;
	m->revoked = t->revoked;
}

static bool
set_agent(struct arena *arena, const struct facts_view *v, const struct agent_row *r,
    Ectledger__V1__AgentView *m)
{
	ectledger__v1__agent_view__init(m);
	m->iss = graph_name(arena, v, FACTS_ISS, r->iss);
	m->trust_domain = graph_name(arena, v, FACTS_DOMAIN, facts_domain(v, r->iss));
	m->state = (char *)(uintptr_t)agent_state_text(r->state);
	m->entries = r->entries;
	m->first_index = r->first;
	m->first_ms = (int64_t)fact(v, r->first)->received_ms;
	m->last_index = r->last;
	m->last_ms = (int64_t)fact(v, r->last)->received_ms;
	m->workflows = r->workflows;
	m->complete = r->complete;
	set_trust(&r->trust, m);
	return m->iss != NULL && m->trust_domain != NULL && set_life(arena, r, m) &&
	       set_keys(arena, v, r, m) && set_actions(arena, v, r, m);
}

static bool
set_agents(struct arena *arena, const struct facts_view *v, const struct agents_reply *a,
    Ectledger__V1__AgentsReply *reply)
{
	Ectledger__V1__AgentView *m = arena_alloc(arena, (a->count + 1) * sizeof *m);

	reply->agents = arena_alloc(arena, (a->count + 1) * sizeof *reply->agents);
	if (m == NULL || reply->agents == NULL)
		return false;
	for (size_t i = 0; i < a->count; i++, m++) {
		if (!set_agent(arena, v, &a->rows[i], m))
			return false;
		reply->agents[i] = m;
	}
	reply->n_agents = a->count;
	return true;
}

enum rc
agents_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__AgentsRequest *r = (const void *)request;
	Ectledger__V1__AgentsReply reply = ECTLEDGER__V1__AGENTS_REPLY__INIT;
	struct budget budget = call_budget(call);
	struct agents_question q = {.iss = bytes_str(r->iss),
	    .after = r->after,
	    .limit = graph_limit(r->limit, AGENTS_USUAL, AGENTS_MOST),
	    .list_max = r->iss[0] != '\0' ? LIST_OF_ONE : LIST_OF_MANY};
	struct agents_reply a;
	struct facts_view v;
	enum rc rc;

	if ((rc = call_facts(call, r->at, &v, why)) != RC_OK)
		return rc;
	if ((rc = answer_agents(&v, &q, &budget, &a, why)) != RC_OK)
		return rc;
	reply.tree_size = a.tree_size;
	reply.complete = a.complete;
	reply.next = a.next;
	reply.rests_on = (uint64_t *)(uintptr_t)a.rests_on;
	reply.n_rests_on = a.rests_count;
	if (!set_agents(&call->arena, &v, &a, &reply))
		return graph_too_large(why);
	return call_reply(call, &reply.base, why);
}
