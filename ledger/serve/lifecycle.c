/*
 * lifecycle.c - Query/Lifecycle (reader thread): what was said about the life of agents, and what depends on
 * one of them still.
 */
#include "answer/lifecycle.h"

#include "answer/dependants.h"
#include "answer/rests.h"
#include "serve/graph.h"

#define USUAL	    1000
#define MOST	    10000
#define EVENTS_MANY 100
#define EVENTS_ONE  1000

struct ask {
	struct call *call;
	struct arena *arena;
	const Ectledger__V1__LifecycleRequest *r;
	struct facts_view v;
	struct lifecycle l;
	struct budget budget;
	Ectledger__V1__LifecycleReply reply;
	size_t events_max;
	struct rests rests;
};

static uint64_t
wire_index(uint32_t index)
{
	return index == FACTS_NONE ? UINT64_MAX : index;
}

/* ---- agents and events ---- */

static const char *
event_text(enum lifecycle_code code)
{
	static const char *const text[] = {"", "version", "drain", "retire"};

	return code <= LIFECYCLE_RETIRE ? text[code] : "";
}

static bool
set_event(struct ask *a, const struct lifecycle_event *e, Ectledger__V1__LifecycleEvent *m)
{
	const struct fact *t = fact(&a->v, e->index);

	ectledger__v1__lifecycle_event__init(m);
	m->index = e->index;
	m->jti = pb_bytes(bytes_of(t->jti, UUID_SIZE));
	m->by_iss = graph_name(a->arena, &a->v, FACTS_ISS, t->iss);
	m->event = (char *)(uintptr_t)event_text(e->code);
	m->version = pb_string(a->arena, e->version);
	m->successor = pb_string(a->arena, e->successor);
	m->has_sunset = e->has_sunset;
	m->sunset_s = e->sunset;
	m->received_ms = t->received_ms;
	m->flags = arena_alloc(a->arena, LIFE_FLAG_COUNT * sizeof *m->flags);
	if (m->by_iss == NULL || m->version == NULL || m->successor == NULL || m->flags == NULL)
		return false;
	for (unsigned i = 0; i < LIFE_FLAG_COUNT; i++)
		if (e->flags >> i & 1)
			m->flags[m->n_flags++] =
			    (char *)(uintptr_t)lifecycle_flag_text((enum lifecycle_flag_place)i);
	rests_add(&a->rests, e->index);
	return !a->rests.bad;
}

static bool
set_events(struct ask *a, const struct lifecycle_agent *life, Ectledger__V1__LifecycleAgent *m)
{
	size_t n = life->event_count < a->events_max ? life->event_count : a->events_max;
	Ectledger__V1__LifecycleEvent *e = arena_alloc(a->arena, (n + 1) * sizeof *e);

	m->events = arena_alloc(a->arena, (n + 1) * sizeof *m->events);
	if (e == NULL || m->events == NULL)
		return false;
	for (size_t i = 0; i < n; i++, e++) {
		m->events[i] = e;
		if (!set_event(a, &life->events[life->event_count - n + i], e))
			return false;
	}
	m->n_events = n;
	m->event_total = life->event_count;
	return true;
}

static bool
set_agent(struct ask *a, const struct lifecycle_agent *life, Ectledger__V1__LifecycleAgent *m)
{
	ectledger__v1__lifecycle_agent__init(m);
	m->iss = pb_string(a->arena, life->iss);
	m->state = (char *)(uintptr_t)lifecycle_state_text(life->state);
	m->version = pb_string(a->arena, life->version);
	m->successor = pb_string(a->arena, life->successor);
	m->has_sunset = life->has_sunset;
	m->sunset_s = life->sunset;
	m->draining_since_ms = life->draining_since_ms;
	m->retires_at_ms = life->retires_at_ms;
	return m->iss != NULL && m->version != NULL && m->successor != NULL &&
	       set_events(a, life, m);
}

/* 'n' agents from this one on. */
static enum rc
set_agents(struct ask *a, const struct lifecycle_agent *from, size_t n, struct why *why)
{
	Ectledger__V1__LifecycleAgent *m = arena_alloc(a->arena, (n + 1) * sizeof *m);

	a->reply.agents = arena_alloc(a->arena, (n + 1) * sizeof *a->reply.agents);
	if (m == NULL || a->reply.agents == NULL)
		return graph_too_large(why);
	for (size_t i = 0; i < n; i++, m++) {
		a->reply.agents[i] = m;
		if (!set_agent(a, &from[i], m))
			return graph_too_large(why);
	}
	a->reply.n_agents = n;
	return RC_OK;
}

static enum rc
all_agents(struct ask *a, struct why *why)
{
	size_t limit = graph_limit(a->r->limit, USUAL, MOST), from = a->l.agent_count, n;

	if (a->r->from < from)
		from = (size_t)a->r->from;
	n = a->l.agent_count - from;
	if (n > limit) {
		n = limit;
		a->reply.next = from + n;
	}
	return set_agents(a, a->l.agents + from, n, why);
}

/* ---- dependants ---- */

static bool
set_dependants(struct ask *a, const struct dependants_answer *d, Ectledger__V1__Dependants *m)
{
	Ectledger__V1__Dependant *t = arena_alloc(a->arena, (d->task_count + 1) * sizeof *t);

	m->tasks = arena_alloc(a->arena, (d->task_count + 1) * sizeof *m->tasks);
	if (t == NULL || m->tasks == NULL)
		return false;
	for (size_t i = 0; i < d->task_count; i++, t++) {
		const struct fact *child = fact(&a->v, d->tasks[i].child);

		ectledger__v1__dependant__init(t);
		t->index = d->tasks[i].child;
		t->jti = pb_bytes(bytes_of(child->jti, UUID_SIZE));
		t->wid = graph_wid(&a->v, child);
		t->iss = graph_name(a->arena, &a->v, FACTS_ISS, child->iss);
		t->act = graph_name(a->arena, &a->v, FACTS_ACT, child->act);
		t->rests_on_index = d->tasks[i].parent;
		t->rests_on_jti =
		    pb_bytes(bytes_of(fact(&a->v, d->tasks[i].parent)->jti, UUID_SIZE));
		t->late = d->tasks[i].late;
		m->tasks[i] = t;
		if (t->iss == NULL || t->act == NULL)
			return false;
	}
	m->n_tasks = d->task_count;
	return true;
}

static bool
set_dependent_names(struct ask *a, const struct dependants_answer *d, Ectledger__V1__Dependants *m)
{
	Ectledger__V1__DependantAgent *g = arena_alloc(a->arena, (d->agent_count + 1) * sizeof *g);
	Ectledger__V1__DependantWorkflow *w =
	    arena_alloc(a->arena, (d->workflow_count + 1) * sizeof *w);

	m->agents = arena_alloc(a->arena, (d->agent_count + 1) * sizeof *m->agents);
	m->workflows = arena_alloc(a->arena, (d->workflow_count + 1) * sizeof *m->workflows);
	m->open_wid = arena_alloc(a->arena, (d->open_count + 1) * sizeof *m->open_wid);
	m->own_acts = arena_alloc(a->arena, (d->own_count + 1) * sizeof *m->own_acts);
	if (g == NULL || w == NULL || m->agents == NULL || m->workflows == NULL ||
	    m->open_wid == NULL || m->own_acts == NULL)
		return false;
	for (size_t i = 0; i < d->agent_count; i++, g++) {
		ectledger__v1__dependant_agent__init(g);
		g->iss = graph_name(a->arena, &a->v, FACTS_ISS, d->agents[i].number);
		g->tasks = d->agents[i].tasks;
		m->agents[i] = g;
		if (g->iss == NULL)
			return false;
	}
	for (size_t i = 0; i < d->workflow_count; i++, w++) {
		ectledger__v1__dependant_workflow__init(w);
		w->wid = pb_bytes(facts_name(&a->v, FACTS_WID, d->workflows[i].number));
		w->tasks = d->workflows[i].tasks;
		m->workflows[i] = w;
	}
	for (size_t i = 0; i < d->open_count; i++)
		m->open_wid[i] = pb_bytes(facts_name(&a->v, FACTS_WID, d->open[i]));
	for (size_t i = 0; i < d->own_count; i++)
		m->own_acts[i] = d->own[i];
	m->n_agents = d->agent_count;
	m->n_workflows = d->workflow_count;
	m->n_open_wid = d->open_count;
	m->n_own_acts = d->own_count;
	return true;
}

static enum rc
give_dependants(struct ask *a, uint32_t iss, const struct lifecycle_agent *life, struct why *why)
{
	Ectledger__V1__Dependants *m = arena_alloc(a->arena, sizeof *m);
	struct dependants_answer d;
	uint32_t from = 0;
	enum rc rc = graph_index(a->r->from, "from", &from, why);

	if (rc != RC_OK || m == NULL)
		return m == NULL ? graph_too_large(why) : rc;
	rc = answer_dependants(&a->v, iss, &a->l, life, from, graph_limit(a->r->limit, USUAL, MOST),
	    &a->budget, &d, why);
	if (rc != RC_OK)
		return rc;
	ectledger__v1__dependants__init(m);
	m->since_index = wire_index(d.since_index);
	m->since_ms = d.since_ms;
	m->task_total = d.task_total;
	m->agent_total = d.agent_total;
	m->workflow_total = d.workflow_total;
	m->open_total = d.open_total;
	m->own_total = d.own_total;
	a->reply.complete = a->reply.complete && d.complete;
	a->reply.next = d.next;
	a->reply.dependants = m;
	for (size_t i = 0; i < d.rests_on_count; i++)
		rests_add(&a->rests, d.rests_on[i]);
	if (!set_dependants(a, &d, m) || !set_dependent_names(a, &d, m))
		return graph_too_large(why);
	return RC_OK;
}

/* ---- the answer ---- */

static enum rc
one_agent(struct ask *a, struct why *why)
{
	struct bytes iss = bytes_str(a->r->iss);
	const struct lifecycle_agent *life = lifecycle_of(&a->l, iss);
	uint32_t number = facts_number(&a->v, FACTS_ISS, iss);
	struct lifecycle_agent silent = {.iss = iss, .state = LIFE_ACTIVE};
	enum rc rc;

	if (!a->l.complete)
		return RC_OK; /* not every event was read: nothing is said about anybody */
	if (life == NULL && number == FACTS_NONE)
		return why_set(why, RC_NOT_FOUND, "lookup", "iss", 0,
		    "nobody of that name has signed anything, nor was spoken of, in a tree of %lu",
		    (unsigned long)a->v.size);
	a->events_max = EVENTS_ONE;
	rc = set_agents(a, life != NULL ? life : &silent, 1, why);
	return rc == RC_OK && a->r->dependants ? give_dependants(a, number, life, why) : rc;
}

static enum rc
answer(struct ask *a, struct why *why)
{
	enum rc rc;

	if (a->r->dependants && a->r->iss[0] == '\0')
		return why_set(why, RC_BAD_REQUEST, "WIRE Lifecycle", "dependants", 0,
		    "of one agent: give its iss");
	if ((rc = call_facts(a->call, a->r->at, &a->v, why)) != RC_OK ||
	    (rc = lifecycle_read(&a->v, &a->budget, &a->l, why)) != RC_OK)
		return rc;
	a->reply.tree_size = a->v.size;
	a->reply.complete = a->l.complete;
	a->reply.now_ms = a->l.now_ms;
	a->reply.agent_total = a->l.agent_count;
	a->events_max = EVENTS_MANY;
	rc = a->r->iss[0] != '\0' ? one_agent(a, why) : all_agents(a, why);
	if (rc != RC_OK)
		return rc;
	if (!rests_end(&a->rests))
		return graph_too_large(why);
	a->reply.rests_on = a->rests.items;
	a->reply.n_rests_on = a->rests.count;
	return call_reply(a->call, &a->reply.base, why);
}

enum rc
lifecycle_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	struct ask a = {.call = call,
	    .arena = &call->arena,
	    .r = (const void *)request,
	    .budget = call_budget(call)};

	ectledger__v1__lifecycle_reply__init(&a.reply);
	rests_init(&a.rests, a.arena);
	return answer(&a, why);
}
