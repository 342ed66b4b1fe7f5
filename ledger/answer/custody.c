/*
 * custody.c - everything above a task, gone through in the order of the log: parents first, so that a domain
 * is met where it came in.
 */
#include "answer/custody.h"

#include <stdlib.h>

#include "answer/reach.h"
#include "answer/rests.h"

struct custody {
	const struct facts_view *v;
	struct reach r;
	struct custody_domain
	    *by_number;	 /* one for each domain, the last is "none"; tasks 0: not met */
	uint8_t *agents; /* bit per issuer: met */
	uint32_t none;	 /* the number that stands for "none" */
	uint32_t from;
	size_t limit;
	struct buf domains;   /* uint32_t: numbers in the order of meeting */
	struct buf handovers; /* struct custody_handover */
	struct rests rests;
	struct custody_answer *out;
};

static uint32_t
domain_of(const struct custody *c, const struct fact *t)
{
	uint32_t domain = facts_domain(c->v, t->iss);

	return domain == FACTS_NONE ? c->none : domain;
}

static void
meet(struct custody *c, uint32_t index, const struct fact *t)
{
	uint32_t number = domain_of(c, t);
	struct custody_domain *d = &c->by_number[number];

	if (d->tasks++ == 0) {
		d->domain = number == c->none ? FACTS_NONE : number;
		d->first = index;
		c->out->domain_total++;
		if (c->out->domain_total <= CUSTODY_DOMAINS_MAX) {
			buf_add(&c->domains, &number, sizeof(number));
			rests_add(&c->rests, index);
		}
	}
	if ((c->agents[t->iss / 8] >> t->iss % 8 & 1) == 0) {
		c->agents[t->iss / 8] |= (uint8_t)(1 << t->iss % 8);
		d->agents++;
	}
}

static int
by_parent(const void *a, const void *b)
{
	const struct custody_handover *x = a, *y = b;

	return (x->parent > y->parent) - (x->parent < y->parent);
}

/* The edges into a task that come from other domains. */
static void
take_over(struct custody *c, uint32_t index, const struct fact *t)
{
	struct custody_handover met[CLAIM_PRED_MAX];
	size_t n = 0, given = c->handovers.n / sizeof(met[0]);

	for (unsigned i = 0; i < t->parent_count; i++) {
		uint32_t parent = fact_parent(c->v, t, i);

		if (reach_has(&c->r, parent) && domain_of(c, fact(c->v, parent)) != domain_of(c, t))
			met[n++] = (struct custody_handover){parent, index};
	}
	c->out->handover_total += n;
	if (n == 0 || index < c->from || c->out->next != 0)
		return;
	if (c->limit != 0 && given >= c->limit) {
		c->out->next = index;
		return;
	}
	qsort(met, n, sizeof(met[0]), by_parent);
	buf_add(&c->handovers, met, n * sizeof(met[0]));
	rests_add(&c->rests, index);
	for (size_t i = 0; i < n; i++)
		rests_add(&c->rests, met[i].parent);
}

static enum rc
give(struct custody *c, struct arena *arena)
{
	struct custody_answer *out = c->out;
	struct bytes list;
	size_t n = c->domains.n / sizeof(uint32_t);

	if (c->domains.bad || c->handovers.bad ||
	    !arena_dup(arena, buf_bytes(&c->handovers), &list) ||
	    (out->domains = arena_alloc(arena, (n + 1) * sizeof(*out->domains))) == NULL ||
	    !rests_end(&c->rests))
		return RC_NO_MEMORY;
	out->rests_on = c->rests.items;
	out->rests_on_count = c->rests.count;
	out->handovers = (struct custody_handover *)(uintptr_t)list.p;
	out->handover_count = list.n / sizeof(*out->handovers);
	for (size_t i = 0; i < n; i++)
		out->domains[i] = c->by_number[((uint32_t *)(void *)c->domains.p)[i]];
	out->domain_count = n;
	return RC_OK;
}

static enum rc
walk(struct custody *c, uint32_t task, struct arena *arena)
{
	(void)reach_add(&c->r, task);
	if (reach_run(&c->r, false, 0, FACTS_NONE) != RC_OK)
		return RC_NO_MEMORY;
	c->none = facts_count(c->v, FACTS_DOMAIN);
	c->by_number = calloc((size_t)c->none + 1, sizeof(*c->by_number));
	c->agents = calloc(facts_count(c->v, FACTS_ISS) / 8 + 1, 1);
	if (c->by_number == NULL || c->agents == NULL)
		return RC_NO_MEMORY;
	for (uint32_t at = reach_next(&c->r, 0); at != FACTS_NONE; at = reach_next(&c->r, at + 1)) {
		meet(c, at, fact(c->v, at));
		take_over(c, at, fact(c->v, at));
	}
	c->out->tasks = reach_count(&c->r);
	c->out->complete = c->r.complete;
	return give(c, arena);
}

enum rc
answer_custody(const struct facts_view *v, uint32_t task, uint32_t from, size_t limit,
    const struct budget *budget, struct custody_answer *out, struct why *why)
{
	struct custody c = {.v = v, .from = from, .limit = limit, .out = out};
	enum rc rc;

	*out = (struct custody_answer){.tree_size = v->size};
	if (task >= v->size || !fact_is_task(fact(v, task)))
		return why_set(why, RC_NOT_FOUND, "graphs are of tasks", NULL, 0,
		    "entry %lu is no task", (unsigned long)task);
	buf_init(&c.domains, 0);
	buf_init(&c.handovers, 0);
	rests_init(&c.rests, budget->arena);
	rc = reach_open(&c.r, v, budget, 0, task + 1);
	if (rc == RC_OK)
		rc = walk(&c, task, budget->arena);
	reach_close(&c.r);
	buf_release(&c.domains);
	buf_release(&c.handovers);
	free(c.by_number);
	free(c.agents);
	return rc == RC_OK
		   ? RC_OK
		   : why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no room for the answer");
}
