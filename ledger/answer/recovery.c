/*
 * recovery.c - the replay: every record in the order of the log, and what it does to the tasks that are
 * followed.
 *
 *   completed, failed, rollback_failed --request--> rollback_requested
 *   rollback_requested --success--> rolled_back                      (terminal)
 *                      --refused, stale--> the state before
 *                      --failed--> rollback_failed
 *                      --irreversible--> compensation_required
 *   any but rolled_back --compensation--> rolled_back
 *
 * Invariants:
 *   1. a task in rollback_requested has an owner: the newest request with effect that has it in its set.
 *   2. whether a record has effect is decided by the tasks that it names, and those are followed
 *      (recovery_follow.c): so no flag depends on what was asked.
 */
#include <string.h>

#include "answer/recovery_own.h"
#include "base/must.h"

size_t
recovery_place(const struct recovery *r, uint32_t index)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->tasks[middle] < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->count && r->tasks[low] == index ? low : r->count;
}

/* The first place whose task is at or behind an index. */
static size_t
place_from(const struct recovery *r, uint32_t index)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->tasks[middle] < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- one task ---- */

static void
moved(struct recovery *r, size_t place, uint32_t record)
{
	if (marks_has(&r->asked, r->tasks[place]))
		list_put(&r->rests_on, record);
}

static void
set_state(struct recovery *r, size_t place, enum recovery_state state, uint32_t record)
{
	r->state[place] = (uint8_t)state;
	r->by[place] = record;
	moved(r, place, record);
}

/* A request that nobody answered in time has no hold on the task any more. */
static void
settle(struct recovery *r, size_t place, uint64_t now_ms)
{
	if (r->state[place] != RECOVERY_ROLLBACK_REQUESTED)
		return;
	if (now_ms > r->requests[r->owner[place]].until_ms) {
		r->state[place] = r->before[place];
		r->by[place] = r->before_by[place];
	}
}

static void
request_task(struct recovery *r, size_t place, uint32_t number, uint32_t record)
{
	enum recovery_state was = (enum recovery_state)r->state[place];

	if (was == RECOVERY_ROLLED_BACK || was == RECOVERY_COMPENSATION_REQUIRED ||
	    was == RECOVERY_NONE)
		return;
	if (was != RECOVERY_ROLLBACK_REQUESTED) {
		r->before[place] = (uint8_t)was;
		r->before_by[place] = r->by[place];
	}
	r->owner[place] = number;
	set_state(r, place, RECOVERY_ROLLBACK_REQUESTED, record);
}

/* ---- the tasks of a request ---- */

struct act {
	struct recovery *r;
	uint32_t request; /* its number */
	uint32_t record;
	enum result_code outcome;
	const struct index_list *done; /* of a partial */
};

static void
apply_request(struct act *a, size_t place)
{
	request_task(a->r, place, a->request, a->record);
}

static void
apply_result(struct act *a, size_t place)
{
	struct recovery *r = a->r;
	enum recovery_state was = (enum recovery_state)r->state[place];
	unsigned flags = fact(r->v, r->tasks[place])->flags;
	bool done = a->outcome == RESULT_SUCCESS;

	if (a->outcome == RESULT_PARTIAL)
		for (size_t i = 0; i < a->done->count && !done; i++)
			done = a->done->at[i] == r->tasks[place];
	if (done && was != RECOVERY_COMPENSATION_REQUIRED && was != RECOVERY_ROLLED_BACK) {
		set_state(r, place, RECOVERY_ROLLED_BACK, a->record);
		return;
	}
	if (done || r->owner[place] != a->request ||
	    (was != RECOVERY_ROLLBACK_REQUESTED && was != RECOVERY_ROLLBACK_FAILED))
		return;
	if (a->outcome == RESULT_REFUSED) {
		r->state[place] = r->before[place];
		r->by[place] = r->before_by[place];
		moved(r, place, a->record);
	} else if (a->outcome == RESULT_IRREVERSIBLE ||
		   (a->outcome == RESULT_PARTIAL &&
		       (flags & (FACT_IRREVERSIBLE | FACT_COMPENSATE)) != 0)) {
		set_state(r, place, RECOVERY_COMPENSATION_REQUIRED, a->record);
	} else {
		set_state(r, place, RECOVERY_ROLLBACK_FAILED, a->record);
	}
}

/* To every task of the request's set that is followed.  RC_NOT_FOUND: its checkpoint is none of theirs. */
static enum rc
for_set(struct act *a, void (*apply)(struct act *a, size_t place))
{
	struct recovery *r = a->r;
	struct recovery_request *q = &r->requests[a->request];
	uint64_t now_ms = fact(r->v, a->record)->received_ms;
	size_t place, end = place_from(r, q->index);
	bool to_cp = q->scope == UNDO_CHECKPOINT || q->scope == UNDO_FULL;
	enum rc rc;

	/* Where no other task that is followed can be in the set, it need not be walked. */
	place = place_from(r, q->roots[0]);
	if (!to_cp && q->scope != UNDO_WORKFLOW && end - place == q->root_count) {
		for (; place < end; place++) {
			settle(r, place, now_ms);
			apply(a, place);
			q->touched = q->touched || marks_has(&r->asked, r->tasks[place]);
		}
		return RC_OK;
	}
	if ((rc = recovery_reach(r, q)) != RC_OK)
		return rc;
	for (place = place_from(r, r->undo.low); place < end; place++) {
		if (r->tasks[place] > r->undo.high)
			break;
		if (!undo_has(&r->undo, r->tasks[place]))
			continue;
		settle(r, place, now_ms);
		apply(a, place);
		q->touched = q->touched || marks_has(&r->asked, r->tasks[place]);
	}
	return RC_OK;
}

/* ---- the records ---- */

static void
touch_roots(struct recovery *r, struct recovery_request *q)
{
	for (size_t i = 0; i < q->root_count; i++)
		q->touched = q->touched || marks_has(&r->asked, q->roots[i]);
}

/* Can none of what it names go on to rollback_requested? */
static bool
all_final(struct recovery *r, const struct recovery_request *q, uint64_t now_ms)
{
	for (size_t i = 0; i < q->root_count; i++) {
		size_t place = recovery_place(r, q->roots[i]);

		must(place < r->count);
		settle(r, place, now_ms);
		if (r->state[place] != RECOVERY_ROLLED_BACK &&
		    r->state[place] != RECOVERY_COMPENSATION_REQUIRED)
			return false;
	}
	return true;
}

static enum rc
replay_request(struct recovery *r, uint32_t number)
{
	struct recovery_request *q = &r->requests[number];
	struct act a = {.r = r, .request = number, .record = q->index};
	enum rc rc;

	touch_roots(r, q);
	if (q->flags & (RECOVERY_VOID | RECOVERY_REPEAT))
		return RC_OK;
	if (all_final(r, q, fact(r->v, q->index)->received_ms)) {
		q->flags |= RECOVERY_BAD_TRANSITION;
		return RC_OK;
	}
	rc = for_set(&a, apply_request);
	if (rc != RC_NOT_FOUND)
		return rc;
	q->flags |= RECOVERY_BAD_TARGET;
	return RC_OK;
}

/* The tasks that a partial result names as done, those outside the set flagged. */
static enum rc
read_done(struct recovery *r, struct recovery_result *x, struct index_list *done)
{
	const struct recovery_request *q = &r->requests[r->requests[x->request].first];
	struct facts_view v = {r->v->f, x->index + 1};
	const struct json_node *list = fact_key(&v, x->index, "done", &r->page);
	enum rc rc;

	if (list == NULL)
		return RC_OK;
	if ((rc = recovery_reach(r, q)) != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	for (const struct json_node *n = list->child; n != NULL; n = n->next) {
		uint8_t id[UUID_SIZE];
		uint32_t i = uuid_parse(n->text, id) ? facts_meant(&v, x->index, id) : FACTS_NONE;

		if (i != FACTS_NONE && i < q->index && undo_has(&r->undo, i))
			list_put(done, i);
		else
			x->flags |= RECOVERY_OUTSIDE_SET;
	}
	return done->bad ? recovery_no_memory(r->why) : RC_OK;
}

static void
judge_result(struct recovery *r, struct recovery_result *x)
{
	struct facts_view v = {r->v->f, x->index + 1};
	const struct fact *t = fact(r->v, x->index);
	const struct recovery_request *asked, *q;
	const struct json_node *idem;

	if ((t->flags & FACT_BREACH) || x->request == FACTS_NONE || x->outcome == 0) {
		x->flags = RECOVERY_BREACH;
		return;
	}
	asked = &r->requests[x->request];
	q = &r->requests[asked->first];
	if (t->level == LEVEL_1 && fact(r->v, asked->index)->level != LEVEL_1)
		x->flags |= RECOVERY_UNSIGNED;
	idem = fact_key(&v, x->index, "idem", &r->page);
	if ((idem != NULL) != (asked->idem.p != NULL) ||
	    (idem != NULL && !bytes_eq(idem->text, asked->idem)))
		x->flags |= RECOVERY_IDEM_MISMATCH;
	if (q->flags & RECOVERY_VOID)
		x->flags |= RECOVERY_VOID_REQUEST;
	else if (t->received_ms > q->until_ms)
		x->flags |= RECOVERY_STALE_REQUEST;
	if (x->flags == 0 && q->outcome != 0 && q->outcome != RESULT_FAILED &&
	    q->outcome != RESULT_PARTIAL)
		x->flags |= RECOVERY_BAD_TRANSITION;
}

static enum rc
replay_result(struct recovery *r, struct recovery_result *x)
{
	struct index_list done = {0};
	struct recovery_request *q;
	struct act a;
	enum rc rc = RC_OK;

	judge_result(r, x);
	if (x->flags != 0)
		return RC_OK;
	q = &r->requests[r->requests[x->request].first];
	if (x->outcome == RESULT_PARTIAL)
		rc = read_done(r, x, &done);
	a = (struct act){.r = r,
	    .request = r->requests[x->request].first,
	    .record = x->index,
	    .outcome = (enum result_code)x->outcome,
	    .done = &done};
	if (rc == RC_OK)
		rc = for_set(&a, apply_result);
	if (rc == RC_OK || rc == RC_NOT_FOUND)
		q->outcome = x->outcome;
	list_release(&done);
	return rc == RC_NOT_FOUND ? RC_OK : rc; /* a walk that the budget cut before */
}

static void
fail_task(struct recovery *r, struct recovery_other *x, uint32_t task)
{
	size_t place = recovery_place(r, task);
	const struct fact *t = fact(r->v, x->index);

	if (t->level == LEVEL_1 && fact(r->v, task)->level != LEVEL_1) {
		x->flags |= RECOVERY_UNSIGNED;
		return;
	}
	if (place == r->count)
		return;
	settle(r, place, t->received_ms);
	if (r->state[place] == RECOVERY_ROLLED_BACK) {
		x->flags |= RECOVERY_BAD_TRANSITION;
	} else if (r->state[place] == RECOVERY_COMPLETED) {
		set_state(r, place, RECOVERY_FAILED, x->index);
	} else if (r->state[place] == RECOVERY_ROLLBACK_REQUESTED &&
		   r->before[place] == RECOVERY_COMPLETED) {
		r->before[place] = RECOVERY_FAILED;
		r->before_by[place] = x->index;
		moved(r, place, x->index);
	}
}

static void
compensate_task(struct recovery *r, struct recovery_other *x, uint32_t task)
{
	size_t place = recovery_place(r, task);
	const struct fact *t = fact(r->v, x->index);

	if (t->level == LEVEL_1 && fact(r->v, task)->level != LEVEL_1)
		x->flags |= RECOVERY_UNSIGNED;
	else if (place == r->count)
		return;
	else if (r->state[place] == RECOVERY_ROLLED_BACK)
		x->flags |= RECOVERY_BAD_TRANSITION;
	else
		set_state(r, place, RECOVERY_ROLLED_BACK, x->index);
}

static enum rc
replay_other(struct recovery *r, struct recovery_other *x)
{
	const struct fact *t = fact(r->v, x->index);
	struct index_list work = {0};
	enum rc rc = RC_OK;

	recovery_named(r->v, x->index, &r->page, &work);
	for (size_t i = 0; i < work.count; i++)
		x->touched = x->touched || marks_has(&r->asked, work.at[i]);
	if (t->flags & FACT_BREACH)
		x->flags = RECOVERY_BREACH;
	else if (work.count == 0)
		x->flags = RECOVERY_UNKNOWN_TARGET;
	for (size_t i = 0; i < work.count && x->flags != RECOVERY_BREACH; i++)
		(t->kind == KIND_FAILURE ? fail_task : compensate_task)(r, x, work.at[i]);
	if (work.bad)
		rc = recovery_no_memory(r->why);
	list_release(&work);
	return rc;
}

/* ---- all of them ---- */

static size_t
count_kind(const struct recovery *r, enum kind_id kind)
{
	size_t n = 0;

	for (uint32_t i = facts_kind_last(r->v, kind); i != FACTS_NONE;
	     i = facts_kind_before(r->v, i))
		n++;
	return n;
}

static enum rc
list_results(struct recovery *r)
{
	size_t n = count_kind(r, KIND_ROLLBACK_RESULT);

	r->results = arena_zalloc(&r->scratch, (n + 1) * sizeof(*r->results));
	if (r->results == NULL)
		return recovery_no_memory(r->why);
	r->result_count = n;
	for (uint32_t i = facts_kind_last(r->v, KIND_ROLLBACK_RESULT); i != FACTS_NONE;
	     i = facts_kind_before(r->v, i)) {
		const struct fact *t = fact(r->v, i);
		struct recovery_result *x = &r->results[--n];

		x->index = i;
		x->outcome = t->code;
		x->request = FACTS_NONE;
		for (unsigned k = 0; k < t->parent_count && x->request == FACTS_NONE; k++)
			x->request = recovery_request_at(r, fact_parent(r->v, t, k));
	}
	return RC_OK;
}

static enum rc
replay(struct recovery *r)
{
	size_t q = 0, x = 0, o = 0, n = 0;
	enum rc rc = RC_OK;

	for (; rc == RC_OK; n++) {
		uint32_t a = q < r->request_count ? r->requests[q].index : FACTS_NONE;
		uint32_t b = x < r->result_count ? r->results[x].index : FACTS_NONE;
		uint32_t c = o < r->other_count ? r->others[o].index : FACTS_NONE;

		if (a == FACTS_NONE && b == FACTS_NONE && c == FACTS_NONE)
			break;
		if (n >= r->budget->nodes_max || (n % 64 == 0 && budget_late(r->budget))) {
			r->complete = false;
			break;
		}
		if (a < b && a < c)
			rc = replay_request(r, (uint32_t)q++);
		else if (b < c)
			rc = replay_result(r, &r->results[x++]);
		else
			rc = replay_other(r, &r->others[o++]);
		arena_reset(&r->page);
	}
	for (size_t i = 0; i < r->count; i++)
		settle(r, i, r->now_ms);
	return rc;
}

enum rc
recovery_open(struct recovery *r, const struct facts_view *v, const uint32_t *tasks, size_t count,
    const struct index_list *more, const struct budget *budget, struct why *why)
{
	enum rc rc;

	*r = (struct recovery){.v = v, .budget = budget, .why = why, .complete = true};
	arena_init(&r->scratch, SIZE_MAX / 2);
	arena_init(&r->page, SIZE_MAX / 2);
	r->now_ms = v->size == 0 ? 0 : fact(v, v->size - 1)->received_ms;
	if (undo_begin(&r->undo, v, r->now_ms, budget) != RC_OK)
		return recovery_no_memory(why);
	if ((rc = recovery_read_requests(r)) != RC_OK || (rc = list_results(r)) != RC_OK ||
	    (rc = recovery_follow(r, tasks, count, more)) != RC_OK)
		return rc;
	return replay(r);
}

void
recovery_close(struct recovery *r)
{
	marks_release(&r->asked);
	marks_release(&r->followed);
	undo_release(&r->undo);
	list_release(&r->rests_on);
	arena_release(&r->scratch);
	arena_release(&r->page);
}

enum rc
recovery_states(const struct facts_view *v, const uint32_t *tasks, size_t count,
    const struct budget *budget, struct recovery_states *out, struct why *why)
{
	uint8_t *state = arena_alloc(budget->arena, count + 1);
	uint32_t *by = arena_alloc(budget->arena, (count + 1) * sizeof(*by));
	struct recovery r;
	enum rc rc;

	*out = (struct recovery_states){.count = count, .state = state, .by = by};
	if (state == NULL || by == NULL)
		return recovery_no_memory(why);
	if ((rc = recovery_open(&r, v, tasks, count, NULL, budget, why)) != RC_OK)
		goto out;
	for (size_t i = 0, at = 0; i < count; i++) {
		while (r.tasks[at] != tasks[i])
			at++;
		state[i] = r.state[at];
		by[i] = r.by[at];
		out->by_state[state[i]]++;
	}
	out->complete = r.complete;
	if (!list_take(&r.rests_on, budget->arena, &out->rests_on, &out->rests_on_count))
		rc = recovery_no_memory(why);

out:
	recovery_close(&r);
	return rc;
}
