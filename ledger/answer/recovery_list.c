/*
 * recovery_list.c - the tasks that a question is about, the replay over them, and a page of what it found.
 */
#include "answer/recovery_list.h"

#include "answer/recovery_own.h"
#include "base/must.h"

const char *
recovery_request_text(enum recovery_request_state state)
{
	static const char *const texts[REQUEST_STATES] = {"open", "stale", "success", "partial",
	    "refused", "irreversible", "failed", "repeat", "void"};

	must(state < REQUEST_STATES);
	return texts[state];
}

struct listing {
	const struct recovery_question *q;
	struct recovery_list *out;
	struct recovery r;
	struct index_list asked, more, rests_on;
	uint32_t *head, *next; /* results of each request, ascending: number + 1 */
	struct recovery_request_item *requests;
	struct recovery_record_item *records;
	struct recovery_task_item *tasks;
};

/* ---- what is asked about ---- */

static bool
is_work(const struct facts_view *v, uint32_t index)
{
	const struct fact *t = fact(v, index);

	return fact_is_task(t) && recovery_is_work((enum kind_id)t->kind);
}

/* The set of the request at 'index', by a replay that follows nothing else.  A repeat is no request of its own. */
static enum rc
ask_set(struct listing *l, const struct facts_view *v, uint32_t index, const struct budget *budget,
    struct why *why)
{
	struct recovery r;
	uint32_t number;
	enum rc rc = recovery_open(&r, v, NULL, 0, NULL, budget, why);

	number = rc == RC_OK ? recovery_request_at(&r, index) : FACTS_NONE;
	if (number != FACTS_NONE && (r.requests[number].flags & RECOVERY_VOID) == 0)
		number = r.requests[number].first;
	if (number != FACTS_NONE && (r.requests[number].flags & RECOVERY_VOID) == 0) {
		rc = recovery_reach(&r, &r.requests[number]);
		for (uint32_t i = marks_next(&r.undo.in, r.undo.low, r.undo.high);
		     rc == RC_OK && i != FACTS_NONE; i = marks_next(&r.undo.in, i + 1, r.undo.high))
			if (undo_has(&r.undo, i))
				list_put(&l->asked, i);
	} else if (number != FACTS_NONE) {
		for (size_t i = 0; i < r.requests[number].root_count; i++)
			list_put(&l->asked, r.requests[number].roots[i]);
	}
	recovery_close(&r);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc
ask_entry(
    struct listing *l, const struct facts_view *v, const struct budget *budget, struct why *why)
{
	uint32_t entry = l->q->entry;
	const struct fact *t = fact(v, entry);

	if (is_work(v, entry)) {
		list_put(&l->asked, entry);
		return RC_OK;
	}
	if (fact_is_task(t) && (t->kind == KIND_FAILURE || t->kind == KIND_COMPENSATION)) {
		recovery_named(v, entry, budget->arena, &l->asked);
		list_put(&l->more, entry);
		return RC_OK;
	}
	if (fact_is_task(t) && t->kind == KIND_ROLLBACK_REQUEST)
		return ask_set(l, v, entry, budget, why);
	if (!fact_is_task(t) || t->kind != KIND_ROLLBACK_RESULT)
		return why_set(why, RC_BAD_REQUEST, "RECOVERY question", "jti", 0,
		    "this is neither a task that can be undone nor a record of recovery");
	for (unsigned k = 0; k < t->parent_count; k++)
		if (fact(v, fact_parent(v, t, k))->kind == KIND_ROLLBACK_REQUEST)
			return ask_set(l, v, fact_parent(v, t, k), budget, why);
	return RC_OK;
}

static enum rc
ask_workflow(struct listing *l, const struct facts_view *v)
{
	for (uint32_t i = facts_workflow_last(v, l->q->wid); i != FACTS_NONE;
	     i = fact(v, i)->in_workflow) {
		enum kind_id kind = (enum kind_id)fact(v, i)->kind;

		if (is_work(v, i))
			list_put(&l->asked, i);
		else if (kind == KIND_FAILURE || kind == KIND_COMPENSATION)
			list_put(&l->more, i);
	}
	return RC_OK;
}

/* ---- the page ---- */

static bool
in_workflow(const struct listing *l, uint32_t index)
{
	return fact(l->r.v, index)->wid == l->q->wid;
}

static enum rc
link_results(struct listing *l)
{
	struct recovery *r = &l->r;

	l->head = arena_zalloc(&r->scratch, (r->request_count + 1) * sizeof(*l->head));
	l->next = arena_zalloc(&r->scratch, (r->result_count + 1) * sizeof(*l->next));
	if (l->head == NULL || l->next == NULL)
		return recovery_no_memory(r->why);
	for (size_t i = r->result_count; i-- > 0;) {
		uint32_t q = r->results[i].request;

		if (q == FACTS_NONE)
			continue;
		l->next[i] = l->head[q];
		l->head[q] = (uint32_t)i + 1;
	}
	return RC_OK;
}

static enum recovery_request_state
state_of(const struct recovery *r, const struct recovery_request *q)
{
	if (q->flags & RECOVERY_VOID)
		return REQUEST_VOID;
	if (q->flags & RECOVERY_REPEAT)
		return REQUEST_REPEAT;
	if (q->outcome != 0)
		return (enum recovery_request_state)(REQUEST_SUCCESS + q->outcome - RESULT_SUCCESS);
	return r->now_ms > q->until_ms ? REQUEST_STALE : REQUEST_OPEN;
}

/* Results that rest on the request itself, the first of them listed. */
static enum rc
fill_results(struct listing *l, uint32_t number, struct recovery_request_item *out)
{
	struct recovery_reply_item *list;

	for (uint32_t at = l->head[number]; at != 0; at = l->next[at - 1])
		out->result_total++;
	out->result_count =
	    out->result_total < RECOVERY_RESULTS_MAX ? out->result_total : RECOVERY_RESULTS_MAX;
	list = arena_alloc(l->r.budget->arena, (out->result_count + 1) * sizeof(*list));
	if (list == NULL)
		return recovery_no_memory(l->r.why);
	for (uint32_t i = 0, at = l->head[number]; i < out->result_count; i++) {
		const struct recovery_result *x = &l->r.results[at - 1];

		list[i] = (struct recovery_reply_item){x->index, x->outcome, x->flags};
		list_put(&l->rests_on, x->index);
		at = l->next[at - 1];
	}
	out->results = list;
	return RC_OK;
}

static enum rc
fill_request(struct listing *l, uint32_t number, struct recovery_request_item *out)
{
	static const char *const scopes[] = {"node", "failed", "checkpoint", "full", "workflow"};
	struct recovery *r = &l->r;
	const struct recovery_request *q = &r->requests[number];
	struct bytes roots = bytes_of(q->roots, q->root_count * sizeof(*q->roots)), kept;

	*out = (struct recovery_request_item){.index = q->index,
	    .state = state_of(r, q),
	    .flags = q->flags,
	    .scope = q->flags & (RECOVERY_BREACH | RECOVERY_BAD_SCOPE) ? NULL : scopes[q->scope],
	    .checkpoint = q->checkpoint,
	    .until_ms = q->until_ms,
	    .root_count = q->root_count};
	if (!arena_dup(r->budget->arena, roots, &kept) ||
	    (q->idem.p != NULL && !arena_dup(r->budget->arena, q->idem, &out->idem)))
		return recovery_no_memory(r->why);
	out->roots = (const uint32_t *)(const void *)kept.p;
	return fill_results(l, number, out);
}

/* Requests, failures, compensations and results without a request, as they stand in the log. */
static enum rc
page_records(struct listing *l)
{
	struct recovery *r = &l->r;
	struct recovery_list *out = l->out;
	size_t q = 0, x = 0, o = 0;
	enum rc rc = RC_OK;

	while (rc == RC_OK) {
		uint32_t a = q < r->request_count ? r->requests[q].index : FACTS_NONE;
		uint32_t b = x < r->result_count ? r->results[x].index : FACTS_NONE;
		uint32_t c = o < r->other_count ? r->others[o].index : FACTS_NONE;
		uint32_t index = a < b ? (a < c ? a : c) : (b < c ? b : c);
		bool is_request = a < b && a < c, is_result = !is_request && b < c, wanted;
		size_t at = is_request ? q++ : is_result ? x++ : o++;

		if (index == FACTS_NONE)
			break;
		wanted = l->q->by_wid ? in_workflow(l, index) : index == l->q->entry;
		if (is_result)
			wanted = wanted && r->results[at].request == FACTS_NONE;
		else
			wanted = wanted ||
				 (is_request ? r->requests[at].touched : r->others[at].touched);
		if (index < l->q->from || !wanted)
			continue;
		if (out->request_count + out->record_count == l->q->limit) {
			out->next = index;
			break;
		}
		list_put(&l->rests_on, index);
		if (is_request)
			rc = fill_request(l, (uint32_t)at, &l->requests[out->request_count++]);
		else
			l->records[out->record_count++] = (struct recovery_record_item){
			    index, is_result ? r->results[at].flags : r->others[at].flags};
	}
	return rc;
}

static void
page_tasks(struct listing *l)
{
	struct recovery *r = &l->r;
	struct recovery_list *out = l->out;

	for (size_t i = 0; i < r->count; i++) {
		uint32_t index = r->tasks[i];

		if (!marks_has(&r->asked, index))
			continue;
		out->by_state[r->state[i]]++;
		if (index < l->q->tasks_from || out->tasks_next != FACTS_NONE ||
		    (l->q->by_wid && r->state[i] == RECOVERY_COMPLETED))
			continue;
		if (out->task_count == l->q->limit) {
			out->tasks_next = index;
			continue;
		}
		l->tasks[out->task_count++] =
		    (struct recovery_task_item){index, (enum recovery_state)r->state[i], r->by[i]};
		list_put(&l->rests_on, index);
	}
}

static enum rc
make_page(struct listing *l)
{
	struct arena *arena = l->r.budget->arena;
	size_t limit = l->q->limit,
	       records = l->r.request_count + l->r.result_count + l->r.other_count;
	size_t n = records < limit ? records : limit, t = l->r.count < limit ? l->r.count : limit;
	enum rc rc;

	l->requests = arena_alloc(arena, (n + 1) * sizeof(*l->requests));
	l->records = arena_alloc(arena, (n + 1) * sizeof(*l->records));
	l->tasks = arena_alloc(arena, (t + 1) * sizeof(*l->tasks));
	if (l->requests == NULL || l->records == NULL || l->tasks == NULL)
		return recovery_no_memory(l->r.why);
	l->out->requests = l->requests;
	l->out->records = l->records;
	l->out->tasks = l->tasks;
	if ((rc = link_results(l)) != RC_OK || (rc = page_records(l)) != RC_OK)
		return rc;
	page_tasks(l);
	for (size_t i = 0; i < l->r.rests_on.count; i++)
		list_put(&l->rests_on, l->r.rests_on.at[i]);
	if (!list_take(&l->rests_on, arena, &l->out->rests_on, &l->out->rests_on_count))
		return recovery_no_memory(l->r.why);
	return RC_OK;
}

enum rc
answer_recovery(const struct facts_view *v, const struct recovery_question *question,
    const struct budget *budget, struct recovery_list *out, struct why *why)
{
	struct listing l = {.q = question, .out = out};
	enum rc rc;

	*out = (struct recovery_list){
	    .tree_size = v->size, .next = FACTS_NONE, .tasks_next = FACTS_NONE};
	rc = question->by_wid ? ask_workflow(&l, v) : ask_entry(&l, v, budget, why);
	if (rc == RC_OK && (!list_sort(&l.asked) || !list_sort(&l.more)))
		rc = recovery_no_memory(why);
	if (rc == RC_OK) {
		rc = recovery_open(&l.r, v, l.asked.at, l.asked.count, &l.more, budget, why);
		if (rc == RC_OK)
			rc = make_page(&l);
		out->complete = l.r.complete;
		recovery_close(&l.r);
	}
	list_release(&l.asked);
	list_release(&l.more);
	list_release(&l.rests_on);
	return rc;
}
