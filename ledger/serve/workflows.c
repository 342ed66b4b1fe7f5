/*
 * workflows.c - Query/Workflows (reader thread): which workflows a log has.
 *
 * A page is a range of workflows in the order of their first entries, those that only a descriptor names
 * included; the tasks of no workflow come last.
 */
#include <stdlib.h>

#include "serve/workflow.h"

#define USUAL 100
#define MOST  1000

struct page {
	const struct facts_view *v;
	const struct budget *budget;
	uint8_t *seen; /* a bit for each agent; zero between workflows */
	size_t spent;  /* entries walked */
	Ectledger__V1__WorkflowsReply *reply;
};

/* One workflow's entries, along its chain.  False: over the budget. */
static bool
summarize(struct page *p, uint32_t wid, Ectledger__V1__WorkflowSummary *m)
{
	const struct facts_view *v = p->v;
	uint32_t first = FACTS_NONE, last = facts_workflow_last(v, wid);

	for (uint32_t i = last; i != FACTS_NONE; i = fact(v, i)->in_workflow) {
		uint32_t iss = fact(v, i)->iss;

		if (++p->spent > p->budget->nodes_max ||
		    (p->spent % 1024 == 0 && budget_late(p->budget)))
			return false;
		m->agents += !(p->seen[iss / 8] >> (iss % 8) & 1);
		p->seen[iss / 8] = (uint8_t)(p->seen[iss / 8] | 1 << (iss % 8));
		m->entries++;
		first = i;
	}
	for (uint32_t i = last; i != FACTS_NONE; i = fact(v, i)->in_workflow)
		p->seen[fact(v, i)->iss / 8] = 0;
	m->wid = workflow_wid(v, wid);
	m->descriptor_index = workflow_index(facts_descriptor_last(v, wid));
	m->first_index = workflow_index(first);
	m->last_index = workflow_index(last);
	if (last != FACTS_NONE) {
		m->first_at_ms = (int64_t)fact(v, first)->received_ms;
		m->last_at_ms = (int64_t)fact(v, last)->received_ms;
	}
	return true;
}

static int
ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* First, last (whose chain link has the count) and descriptor of each. */
static void
list_rests_on(Ectledger__V1__WorkflowsReply *reply)
{
	uint64_t *list = reply->rests_on;
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < reply->n_workflows; i++) {
		const Ectledger__V1__WorkflowSummary *m = reply->workflows[i];
		const uint64_t indexes[] = {m->first_index, m->last_index, m->descriptor_index};

		for (size_t k = 0; k < 3; k++)
			if (indexes[k] != UINT64_MAX)
				list[n++] = indexes[k];
	}
	qsort(list, n, sizeof(*list), ascending);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || list[i] != list[kept - 1])
			list[kept++] = list[i];
	reply->n_rests_on = kept;
}

/* From 'offset' on, 'count' of them or as many as the budget allows. */
static enum rc
fill_page(struct page *p, uint64_t offset, size_t count, struct why *why)
{
	uint32_t named = facts_count(p->v, FACTS_WID);

	for (size_t n = 0; n < count; n++) {
		Ectledger__V1__WorkflowSummary *m = p->reply->workflows[n];
		uint64_t at = offset + n;

		ectledger__v1__workflow_summary__init(m);
		if (!summarize(p, at < named ? (uint32_t)at : FACTS_NONE, m))
			break;
		p->reply->n_workflows = n + 1;
	}
	if (count > 0 && p->reply->n_workflows == 0)
		return why_set(why, RC_TOO_LARGE, "query_nodes_max", NULL, 0,
		    "the workflow is over the limit of one query");
	list_rests_on(p->reply);
	return RC_OK;
}

enum rc
workflows_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__WorkflowsRequest *r = (const void *)request;
	Ectledger__V1__WorkflowsReply reply = ECTLEDGER__V1__WORKFLOWS_REPLY__INIT;
	struct budget budget = call_budget(call);
	struct facts_view v;
	struct page p = {.v = &v, .budget = &budget, .reply = &reply};
	uint64_t total, left;
	size_t count;
	enum rc rc;

	if ((rc = call_facts(call, r->at, &v, why)) != RC_OK)
		return rc;
	total = facts_count(&v, FACTS_WID) +
		(uint64_t)(facts_workflow_last(&v, FACTS_NONE) != FACTS_NONE);
	left = r->offset < total ? total - r->offset : 0;
	count = workflow_limit(r->limit, USUAL, MOST);
	count = left < count ? (size_t)left : count;
	p.seen = arena_zalloc(&call->arena, facts_count(&v, FACTS_ISS) / 8 + 1);
	reply.workflows = (void *)pb_list(&call->arena, count, sizeof(**reply.workflows));
	reply.rests_on = arena_alloc(&call->arena, 3 * count * sizeof(*reply.rests_on));
	if (p.seen == NULL || reply.workflows == NULL || reply.rests_on == NULL)
		return workflow_no_room(why);
	if ((rc = fill_page(&p, r->offset, count, why)) != RC_OK)
		return rc;
	reply.tree_size = v.size;
	reply.workflow_total = total;
	reply.next = reply.n_workflows < left ? r->offset + reply.n_workflows : 0;
	reply.complete = reply.next == 0;
	return call_reply(call, &reply.base, why);
}
