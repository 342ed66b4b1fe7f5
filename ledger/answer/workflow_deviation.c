/*
 * workflow_deviation.c - where a workflow did not keep to its descriptor.
 *
 * One pass over the entries finds what can be told from a task and its node alone; order is found by
 * one pass for every 64 nodes that others come after: each entry has a word of bits, which of them it
 * rests on, and hands it to what rests on it.  So the cost does not depend on the shape of either graph.
 *
 * Resting on is followed along paths that stay in the workflow.
 *
 * Invariant: within a kind, what is kept are the first WORKFLOW_DEVIATIONS_MAX in the order of the
 * answer.
 */
#include <stdlib.h>
#include <string.h>

#include "answer/approvals.h"
#include "answer/workflow_own.h"
#include "base/must.h"

#define KEPT WORKFLOW_DEVIATIONS_MAX

struct found {
	struct workflow_deviation *list; /* room for twice KEPT */
	size_t count, all;
};

struct check {
	struct flow *f;
	struct found found[DEVIATION_KINDS];
	uint32_t *approvals; /* decisions that approve, ascending */
	size_t approval_count;
	/* of the pass over tasks */
	uint64_t *stands; /* by place: tasks so far that stand */
	int64_t
	    *started; /* by place: iat of the newest start; has_start says whether there is one */
	bool *has_start;
	uint64_t acts, agents;
	bool *seen_agent; /* by number */
	int64_t least_iat;
	int64_t now_s;
};

/* ---- keeping the first ones ---- */

static int
in_order(const void *a, const void *b)
{
	const struct workflow_deviation *x = a, *y = b;

	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	if (x->before != y->before)
		return x->before < y->before ? -1 : 1;
	return (int)x->quota - (int)y->quota;
}

static void
keep_first(struct found *k)
{
	qsort(k->list, k->count, sizeof(*k->list), in_order);
	if (k->count > KEPT)
		k->count = KEPT;
}

static void
add(struct check *c, struct workflow_deviation d)
{
	struct found *k = &c->found[d.kind];

	k->all++;
	if (k->count == (size_t)2 * KEPT)
		keep_first(k);
	k->list[k->count++] = d;
}

static void
over(struct check *c, size_t i, enum workflow_quota quota)
{
	add(c, (struct workflow_deviation){.kind = DEVIATION_OVER_QUOTA,
		   .index = c->f->at[i],
		   .node = c->f->node[i],
		   .before = WORKFLOW_NO_NODE,
		   .quota = quota});
}

static void
plain(struct check *c, enum workflow_deviation_kind kind, uint32_t index, uint16_t node)
{
	add(c, (struct workflow_deviation){
		   .kind = kind, .index = index, .node = node, .before = WORKFLOW_NO_NODE});
}

/* ---- slots of humans ---- */

static int
ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Decisions of the workflow that approve and hold, used or not. */
static enum rc
read_approvals(struct check *c)
{
	struct approvals_question q = {.in_workflow = true,
	    .wid = c->f->wid,
	    .states = 1 << APPROVAL_APPROVED | 1 << APPROVAL_CONSUMED,
	    .no_guarded = true};
	struct budget budget = *c->f->budget;
	struct approvals_answer a;
	bool wanted = false;
	enum rc rc;

	for (size_t i = 0; i < c->f->d->count; i++)
		wanted = wanted || c->f->d->nodes[i].hitl == DESCRIPTOR_APPROVAL;
	if (!wanted)
		return RC_OK;
	budget.arena = &c->f->scratch;
	if ((rc = answer_approvals(c->f->v, &q, &budget, &a, NULL)) != RC_OK)
		return rc;
	c->f->out->complete = c->f->out->complete && a.complete;
	c->approvals = arena_alloc(&c->f->scratch, a.request_count * sizeof(*c->approvals));
	if (c->approvals == NULL)
		return RC_NO_MEMORY;
	for (size_t i = 0; i < a.request_count; i++)
		if (a.requests[i].approval != FACTS_NONE)
			c->approvals[c->approval_count++] = a.requests[i].approval;
	qsort(c->approvals, c->approval_count, sizeof(*c->approvals), ascending);
	for (size_t i = 0; rc == RC_OK && i < a.rests_on_count; i++)
		rc = flow_rests_on(c->f, a.rests_on[i]);
	return rc;
}

/* Is this parent what the slot demands? */
static bool
fills_slot(const struct check *c, const struct fact *task, uint32_t parent,
    const struct descriptor_node *n, const char *role)
{
	const struct fact *p = fact(c->f->v, parent);

	if (n->hitl == DESCRIPTOR_NOTIFY)
		return p->kind == KIND_HITL_REQUEST || p->kind == KIND_HITL_DECISION;
	if (p->kind != KIND_HITL_DECISION || p->iss == task->iss || c->approval_count == 0)
		return false;
	if (bsearch(&parent, c->approvals, c->approval_count, sizeof(*c->approvals), ascending) ==
	    NULL)
		return false;
	return n->role.n == 0 || policy_holds(fact_doc(c->f->v, parent), role,
				     facts_name(c->f->v, FACTS_ISS, p->iss));
}

static bool
has_slot_filled(const struct check *c, uint32_t index, const struct descriptor_node *n)
{
	const struct fact *t = fact(c->f->v, index);
	char role[DESCRIPTOR_ID_MAX + 1] = "";

	memcpy(role, n->role.p == NULL ? (const uint8_t *)"" : n->role.p, n->role.n);
	for (unsigned i = 0; i < t->parent_count; i++)
		if (fills_slot(c, t, fact_parent(c->f->v, t, i), n, role))
			return true;
	return false;
}

/* ---- one task, one start ---- */

static void
check_node(struct check *c, size_t i)
{
	const struct flow *f = c->f;
	uint16_t place = f->node[i];
	const struct descriptor_node *n = &f->d->nodes[place];
	int64_t iat = fact(f->v, f->at[i])->iat;

	if (n->hitl != DESCRIPTOR_NO_HITL && !has_slot_filled(c, f->at[i], n))
		plain(c, DEVIATION_HITL_MISSING, f->at[i], place);
	if (n->wall_s_max > 0 && c->has_start[place] && iat > c->started[place] &&
	    (uint64_t)(iat - c->started[place]) > n->wall_s_max)
		over(c, i, FLOW_QUOTA_NODE_WALL);
	if (!flow_stands(f->state[i]))
		return;
	c->stands[place]++;
	if (n->count_max == 0 && c->stands[place] > 1)
		plain(c, DEVIATION_DUPLICATE_NODE, f->at[i], place);
	if (n->count_max > 0 && c->stands[place] > n->count_max)
		over(c, i, FLOW_QUOTA_COUNT);
}

static void
check_start(struct check *c, size_t i)
{
	const struct flow *f = c->f;
	uint16_t place = f->node[i];
	int64_t iat = fact(f->v, f->at[i])->iat;

	if (place == WORKFLOW_NO_NODE) {
		plain(c, DEVIATION_EXTRA, f->at[i], WORKFLOW_NO_NODE);
		return;
	}
	c->started[place] = iat;
	c->has_start[place] = true;
	if (f->state[i] == WORKFLOW_RUNNING && f->d->nodes[place].wall_s_max > 0 &&
	    c->now_s > iat && (uint64_t)(c->now_s - iat) > f->d->nodes[place].wall_s_max)
		over(c, i, FLOW_QUOTA_NODE_WALL);
}

/* Against the quotas of the whole. */
static void
check_whole(struct check *c, size_t i)
{
	const struct descriptor *d = c->f->d;
	const struct fact *t = fact(c->f->v, c->f->at[i]);

	c->acts++;
	if (d->tasks_max > 0 && c->acts > d->tasks_max)
		over(c, i, FLOW_QUOTA_TASKS);
	if (!c->seen_agent[t->iss]) {
		c->seen_agent[t->iss] = true;
		c->agents++;
		if (d->agents_max > 0 && c->agents > d->agents_max)
			over(c, i, FLOW_QUOTA_AGENTS);
	}
	if (d->wall_s_max > 0 && t->iat > c->least_iat &&
	    (uint64_t)(t->iat - c->least_iat) > d->wall_s_max)
		over(c, i, FLOW_QUOTA_WALL);
}

static enum rc
check_tasks(struct check *c)
{
	struct flow *f = c->f;
	size_t n = f->d->count;

	c->stands = arena_zalloc(&f->scratch, n * sizeof(*c->stands));
	c->started = arena_zalloc(&f->scratch, n * sizeof(*c->started));
	c->has_start = arena_zalloc(&f->scratch, n);
	c->seen_agent = arena_zalloc(&f->scratch, facts_count(f->v, FACTS_ISS));
	if (c->stands == NULL || c->started == NULL || c->has_start == NULL ||
	    c->seen_agent == NULL)
		return RC_NO_MEMORY;
	c->least_iat = INT64_MAX;
	for (size_t i = 0; i < f->count; i++) {
		const struct fact *t = fact(f->v, f->at[i]);

		if ((flow_is_act(t) || t->kind == KIND_START) && t->iat < c->least_iat)
			c->least_iat = t->iat;
	}
	for (size_t i = 0; i < f->count; i++) {
		const struct fact *t = fact(f->v, f->at[i]);

		if (t->kind == KIND_START) {
			check_start(c, i);
			continue;
		}
		if (f->state[i] == WORKFLOW_NONE)
			continue;
		if (f->node[i] != WORKFLOW_NO_NODE)
			check_node(c, i);
		else if (flow_is_act(t))
			plain(c, DEVIATION_EXTRA, f->at[i], WORKFLOW_NO_NODE);
		if (flow_is_act(t))
			check_whole(c, i);
	}
	return RC_OK;
}

/* ---- nodes that were passed over ---- */

static enum rc
check_missing(struct check *c)
{
	const struct flow *f = c->f;
	const struct workflow_declared *declared = f->out->declared;
	bool *passed =
	    arena_zalloc(&c->f->scratch, f->d->count); /* something behind it has a task */

	if (passed == NULL)
		return RC_NO_MEMORY;
	for (size_t i = f->d->count; i-- > 0;) {
		uint16_t place = f->d->order[i];
		const struct descriptor_node *n = &f->d->nodes[place];

		for (size_t a = 0; a < n->after_count; a++)
			if (passed[place] || declared[place].tasks > 0)
				passed[n->after[a]] = true;
	}
	for (size_t i = 0; i < f->d->count; i++)
		if (passed[i] && declared[i].tasks == 0)
			plain(c, DEVIATION_MISSING, FACTS_NONE, (uint16_t)i);
	return RC_OK;
}

/* ---- order ---- */

struct paths {
	uint32_t *first;  /* by position: where its parents begin */
	uint32_t *parent; /* positions of parents in the workflow */
	uint64_t *rests;  /* by position: nodes of this round that it rests on */
	uint8_t *bit;	  /* by place: 1 + its bit in this round; 0: not of this round */
};

static enum rc
read_paths(struct check *c, struct paths *p)
{
	struct flow *f = c->f;
	size_t edges = 0;

	for (size_t i = 0; i < f->count; i++)
		edges += fact(f->v, f->at[i])->parent_count;
	p->first = arena_alloc(&f->scratch, (f->count + 1) * sizeof(*p->first));
	p->parent = arena_alloc(&f->scratch, edges * sizeof(*p->parent));
	p->rests = arena_alloc(&f->scratch, f->count * sizeof(*p->rests));
	p->bit = arena_zalloc(&f->scratch, f->d->count);
	if (p->first == NULL || p->parent == NULL || p->rests == NULL || p->bit == NULL)
		return RC_NO_MEMORY;
	edges = 0;
	for (size_t i = 0; i < f->count; i++) {
		const struct fact *t = fact(f->v, f->at[i]);

		p->first[i] = (uint32_t)edges;
		for (unsigned k = 0; k < t->parent_count; k++) {
			uint32_t parent = fact_parent(f->v, t, k);
			size_t at;

			if (fact(f->v, parent)->wid != f->wid)
				continue;
			at = flow_position(f, parent);
			if (at < i)
				p->parent[edges++] = (uint32_t)at;
		}
	}
	p->first[f->count] = (uint32_t)edges;
	return RC_OK;
}

/* A task of the node, not its start. */
static bool
is_task_of_node(const struct flow *f, size_t i)
{
	return f->node[i] != WORKFLOW_NO_NODE && fact(f->v, f->at[i])->kind != KIND_START;
}

static void
check_round(struct check *c, struct paths *p)
{
	const struct flow *f = c->f;

	for (size_t i = 0; i < f->count; i++) {
		const struct descriptor_node *n;
		uint64_t m = 0;

		for (uint32_t e = p->first[i]; e < p->first[i + 1]; e++) {
			size_t at = p->parent[e];

			m |= p->rests[at];
			if (is_task_of_node(f, at) && p->bit[f->node[at]] != 0)
				m |= UINT64_C(1) << (p->bit[f->node[at]] - 1);
		}
		p->rests[i] = m;
		if (!is_task_of_node(f, i))
			continue;
		n = &f->d->nodes[f->node[i]];
		for (size_t a = 0; a < n->after_count; a++) {
			uint8_t bit = p->bit[n->after[a]];

			if (bit != 0 && !(m >> (bit - 1) & 1))
				add(c, (struct workflow_deviation){.kind = DEVIATION_OUT_OF_ORDER,
					   .index = f->at[i],
					   .node = f->node[i],
					   .before = n->after[a]});
		}
	}
}

/* Rounds of 64 nodes that a node with tasks comes after. */
static enum rc
check_order(struct check *c)
{
	struct flow *f = c->f;
	struct paths p = {0};
	bool *wanted = arena_zalloc(&f->scratch, f->d->count);
	uint8_t bits = 0;
	enum rc rc;

	if (wanted == NULL || (rc = read_paths(c, &p)) != RC_OK)
		return RC_NO_MEMORY;
	for (size_t i = 0; i < f->d->count; i++)
		for (size_t a = 0; a < f->d->nodes[i].after_count; a++)
			if (f->out->declared[i].tasks > 0)
				wanted[f->d->nodes[i].after[a]] = true;
	for (size_t i = 0; i < f->d->count; i++) {
		if (wanted[i])
			p.bit[i] = ++bits;
		if (bits < 64 && (i + 1 < f->d->count || bits == 0))
			continue;
		if (budget_late(f->budget)) {
			f->out->complete = false;
			return RC_OK;
		}
		check_round(c, &p);
		memset(p.bit, 0, f->d->count);
		bits = 0;
	}
	return RC_OK;
}

/* ---- all ---- */

static enum rc
list_found(struct check *c)
{
	struct workflow_answer *out = c->f->out;
	struct workflow_deviation *list;
	size_t n = 0;

	for (size_t k = 0; k < DEVIATION_KINDS; k++) {
		keep_first(&c->found[k]);
		n += c->found[k].count;
	}
	if ((list = arena_alloc(c->f->budget->arena, n * sizeof(*list))) == NULL)
		return RC_NO_MEMORY;
	out->deviations = list;
	out->deviation_count = n;
	for (size_t k = 0; k < DEVIATION_KINDS; k++) {
		if (c->found[k].count > 0)
			memcpy(list, c->found[k].list, c->found[k].count * sizeof(*list));
		list += c->found[k].count;
		out->deviation_counts[k] = c->found[k].all;
	}
	return RC_OK;
}

enum rc
flow_deviations(struct flow *f)
{
	struct check c = {.f = f,
	    .now_s =
		f->v->size == 0 ? 0 : (int64_t)(fact(f->v, f->v->size - 1)->received_ms / 1000)};
	enum rc rc;

	if (f->d == NULL)
		return RC_OK;
	for (size_t k = 0; k < DEVIATION_KINDS; k++) {
		c.found[k].list =
		    arena_alloc(&f->scratch, (size_t)2 * KEPT * sizeof(*c.found[k].list));
		if (c.found[k].list == NULL)
			return RC_NO_MEMORY;
	}
	if ((rc = read_approvals(&c)) != RC_OK || (rc = check_tasks(&c)) != RC_OK ||
	    (rc = check_missing(&c)) != RC_OK || (rc = check_order(&c)) != RC_OK)
		return rc;
	return list_found(&c);
}
