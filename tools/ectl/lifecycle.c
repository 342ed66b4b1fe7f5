/*
 * lifecycle.c - what was said about the life of agents, and what depends on one that is retired.
 */
#include <stdio.h>
#include <stdlib.h>

#include "graph.h"

#define PAGE 5000

static int
agents_table(const Ectledger__V1__LifecycleReply *r)
{
	static const char *const head[] = {"state", "version", "events", "successor", "iss"};
	struct table t;
	int code;

	table_init(&t, 5);
	for (size_t i = 0; i < 5; i++)
		table_add(&t, head[i]);
	for (size_t i = 0; i < r->n_agents; i++) {
		const Ectledger__V1__LifecycleAgent *m = r->agents[i];

		table_add(&t, m->state);
		table_add(&t, m->version[0] != '\0' ? m->version : "-");
		table_add_u64(&t, m->event_total);
		table_add(&t, m->successor[0] != '\0' ? m->successor : "-");
		table_add(&t, m->iss);
	}
	if ((code = table_print(&t)) != 0)
		return code;
	(void)printf("\n%zu agents, at tree size %llu%s\n", r->n_agents,
	    (unsigned long long)r->tree_size,
	    r->complete ? "" : "; NOT COMPLETE: over the limit of one query");
	return 0;
}

static int
events_table(const Ectledger__V1__LifecycleAgent *m)
{
	static const char *const head[] = {"index", "event", "version", "flags", "by"};
	struct table t;

	table_init(&t, 5);
	for (size_t i = 0; i < 5; i++)
		table_add(&t, head[i]);
	for (size_t i = 0; i < m->n_events; i++) {
		const Ectledger__V1__LifecycleEvent *e = m->events[i];

		table_add_u64(&t, e->index);
		table_add(&t, e->event[0] != '\0' ? e->event : "-");
		table_add(&t, e->version[0] != '\0' ? e->version : "-");
		table_add(&t, e->n_flags > 0 ? e->flags[0] : "-");
		table_add(&t, e->by_iss);
	}
	(void)printf("\n");
	return table_print(&t);
}

static int
dependants_table(const Ectledger__V1__Dependants *d)
{
	static const char *const head[] = {"index", "act", "rests on", "late", "iss"};
	struct table t;
	int code;

	table_init(&t, 5);
	for (size_t i = 0; i < 5; i++)
		table_add(&t, head[i]);
	for (size_t i = 0; i < d->n_tasks; i++) {
		table_add_u64(&t, d->tasks[i]->index);
		table_add(&t, d->tasks[i]->act);
		table_add_u64(&t, d->tasks[i]->rests_on_index);
		table_add(&t, d->tasks[i]->late ? "yes" : "no");
		table_add(&t, d->tasks[i]->iss);
	}
	(void)printf("\n");
	if ((code = table_print(&t)) != 0)
		return code;
	(void)printf("\n%llu tasks of %llu agents in %llu workflows rest on it since then; %llu of "
		     "its workflows went on; it acted %llu times after its retirement\n",
	    (unsigned long long)d->task_total, (unsigned long long)d->agent_total,
	    (unsigned long long)d->workflow_total, (unsigned long long)d->open_total,
	    (unsigned long long)d->own_total);
	return 0;
}

/* The page's lists behind those that are there. */
static bool
join(Ectledger__V1__LifecycleReply *to, Ectledger__V1__LifecycleReply *page)
{
	to->next = page->next;
	to->complete = to->complete && page->complete;
	if (to->dependants != NULL && page->dependants != NULL)
		return join_lists(&to->dependants->tasks, &to->dependants->n_tasks,
			   &page->dependants->tasks, &page->dependants->n_tasks,
			   sizeof *to->dependants->tasks) &&
		       join_lists(&to->rests_on, &to->n_rests_on, &page->rests_on,
			   &page->n_rests_on, sizeof *to->rests_on);
	return join_lists(&to->agents, &to->n_agents, &page->agents, &page->n_agents,
		   sizeof *to->agents) &&
	       join_lists(&to->rests_on, &to->n_rests_on, &page->rests_on, &page->n_rests_on,
		   sizeof *to->rests_on);
}

static int
call_pages(const struct globals *g, Ectledger__V1__LifecycleRequest *request,
    Ectledger__V1__LifecycleReply **out)
{
	Ectledger__V1__LifecycleReply *page = NULL;
	int code;

	do {
		code = call_server(g, "/ectledger.v1.Query/Lifecycle", &request->base,
		    &ectledger__v1__lifecycle_reply__descriptor,
		    (ProtobufCMessage **)(void *)&page);
		if (code != 0)
			return code;
		request->from = page->next;
		request->at = page->tree_size;
		if (*out == NULL) {
			*out = page;
			continue;
		}
		if (!join(*out, page))
			code = fail(EXIT_UNREACHABLE, "out of memory");
		ectledger__v1__lifecycle_reply__free_unpacked(page, NULL);
	} while (code == 0 && request->from != 0);
	return code;
}

static int
show(const struct args *a, const Ectledger__V1__LifecycleReply *r)
{
	int code = agents_table(r);

	if (code == 0 && a->operand_count == 1 && r->n_agents == 1)
		code = events_table(r->agents[0]);
	if (code == 0 && r->dependants != NULL)
		code = dependants_table(r->dependants);
	return code;
}

static int
lifecycle_run(const struct globals *g, const struct args *a)
{
	Ectledger__V1__LifecycleRequest request = ECTLEDGER__V1__LIFECYCLE_REQUEST__INIT;
	Ectledger__V1__LifecycleReply *reply = NULL;
	int code;

	request.dependants = args_has(a, "--dependants");
	if (a->operand_count == 1)
		request.iss = (char *)(uintptr_t)a->operands[0];
	else if (request.dependants)
		return fail(
		    EXIT_USAGE, "--dependants wants an agent: ectl lifecycle ISS --dependants");
	request.limit = PAGE;
	request.at = g->at;
	code = call_pages(g, &request, &reply);
	if (code == 0 && g->output != OUTPUT_TABLE)
		return show_message(g, &reply->base, 0);
	if (code == 0)
		code = show(a, reply);
	if (reply != NULL)
		ectledger__v1__lifecycle_reply__free_unpacked(reply, NULL);
	return code;
}

static const struct verb_option lifecycle_options[] = {
    {"--dependants", NULL, "what rests on its tasks since its retirement, else since it drains",
	false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_lifecycle = {"lifecycle", "[ISS]",
    "what was said about agents: versions, draining, retirement; what depends on one still",
    lifecycle_options, 0, 1, lifecycle_run};
