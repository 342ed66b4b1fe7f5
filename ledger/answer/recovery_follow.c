/*
 * recovery_follow.c - which tasks a replay follows, and the failures and compensations that name one of them.
 *
 * A record is flagged by the states of all tasks that it names, so what else the records about the tasks in
 * question name is followed, too: no flag depends on what was asked.  The records are found from
 * whichever side is shorter, theirs or the tasks'; a log with a million failures must not cost a
 * question about one task.
 */
#include <string.h>

#include "answer/recovery_own.h"
#include "base/must.h"

#define CHAIN_MIN                                                                                  \
	4096 /* so many records are looked through before tasks are asked for their children */
#define LATE_EVERY 64

static bool
is_other(const struct fact *t)
{
	return fact_is_task(t) && (t->kind == KIND_FAILURE || t->kind == KIND_COMPENSATION);
}

/* Are there at most so many failures and compensations? */
static bool
few_records(const struct recovery *r, size_t most)
{
	static const enum kind_id kinds[] = {KIND_FAILURE, KIND_COMPENSATION};
	size_t n = 0;

	for (size_t k = 0; k < 2; k++)
		for (uint32_t i = facts_kind_last(r->v, kinds[k]); i != FACTS_NONE;
		     i = facts_kind_before(r->v, i))
			if (++n > most)
				return false;
	return true;
}

static bool
late(struct recovery *r, size_t n)
{
	if (n % LATE_EVERY == 0 && budget_late(r->budget))
		r->complete = false;
	return !r->complete;
}

/* Those that rest directly on a marked task, by the records. */
static void
from_records(struct recovery *r, const struct marks *tasks, struct index_list *out)
{
	static const enum kind_id kinds[] = {KIND_FAILURE, KIND_COMPENSATION};
	size_t n = 0;

	for (size_t k = 0; k < 2; k++)
		for (uint32_t i = facts_kind_last(r->v, kinds[k]); i != FACTS_NONE && !late(r, n++);
		     i = facts_kind_before(r->v, i)) {
			const struct fact *t = fact(r->v, i);
			bool names = false;

			for (unsigned p = 0; p < t->parent_count && !names; p++)
				names = marks_has(tasks, fact_parent(r->v, t, p));
			if (names)
				list_put(out, i);
		}
}

/* The same, by the tasks. */
static void
from_tasks(struct recovery *r, const struct index_list *tasks, struct index_list *out)
{
	size_t n = 0;

	for (size_t i = 0; i < tasks->count; i++) {
		uint32_t at = fact_child_first(r->v, fact(r->v, tasks->at[i])), c;

		while ((c = fact_child(r->v, &at)) != FACTS_NONE && !late(r, n++))
			if (is_other(fact(r->v, c)))
				list_put(out, c);
	}
}

static void
find_records(struct recovery *r, const struct index_list *tasks, const struct marks *marks,
    struct index_list *out)
{
	if (few_records(r, tasks->count < CHAIN_MIN ? CHAIN_MIN : tasks->count))
		from_records(r, marks, out);
	else
		from_tasks(r, tasks, out);
}

/* ---- what is followed ---- */

static enum rc
make_places(struct recovery *r, const struct index_list *all)
{
	size_t room = all->count + 1;

	r->tasks = arena_alloc(&r->scratch, room * sizeof(uint32_t));
	r->by = arena_alloc(&r->scratch, room * sizeof(uint32_t));
	r->before_by = arena_alloc(&r->scratch, room * sizeof(uint32_t));
	r->owner = arena_alloc(&r->scratch, room * sizeof(uint32_t));
	r->state = arena_alloc(&r->scratch, room);
	r->before = arena_zalloc(&r->scratch, room);
	if (r->tasks == NULL || r->by == NULL || r->before_by == NULL || r->owner == NULL ||
	    r->state == NULL || r->before == NULL)
		return recovery_no_memory(r->why);
	r->count = all->count;
	for (size_t i = 0; i < r->count; i++) {
		const struct fact *t = fact(r->v, all->at[i]);

		r->tasks[i] = all->at[i];
		r->by[i] = r->before_by[i] = r->owner[i] = FACTS_NONE;
		r->state[i] = fact_is_task(t) && recovery_is_work((enum kind_id)t->kind)
				  ? RECOVERY_COMPLETED
				  : RECOVERY_NONE;
	}
	return RC_OK;
}

static enum rc
make_others(struct recovery *r, const struct index_list *records)
{
	r->others = arena_zalloc(&r->scratch, (records->count + 1) * sizeof(*r->others));
	if (r->others == NULL)
		return recovery_no_memory(r->why);
	r->other_count = records->count;
	for (size_t i = 0; i < records->count; i++)
		r->others[i].index = records->at[i];
	return RC_OK;
}

/* The tasks asked about, what the records about them name, and every request's roots. */
static bool
list_tasks(struct recovery *r, const uint32_t *tasks, size_t count, const struct index_list *more,
    struct index_list *all)
{
	struct index_list asked = {
	    .at = (uint32_t *)(uintptr_t)tasks, .count = count}; /* read only */
	struct index_list records = {0};
	bool ok;

	find_records(r, &asked, &r->asked, &records);
	for (size_t i = 0; more != NULL && i < more->count; i++)
		list_put(&records, more->at[i]);
	for (size_t i = 0; i < records.count; i++)
		recovery_work_parents(r->v, records.at[i], false, all);
	for (size_t q = 0; q < r->request_count; q++)
		for (size_t i = 0; i < r->requests[q].root_count; i++)
			list_put(all, r->requests[q].roots[i]);
	ok = !records.bad && list_merge(all, tasks, count);
	list_release(&records);
	return ok;
}

enum rc
recovery_follow(
    struct recovery *r, const uint32_t *tasks, size_t count, const struct index_list *more)
{
	struct index_list all = {0}, records = {0};
	enum rc rc = RC_OK;

	if (!marks_init(&r->asked, r->v->size) || !marks_init(&r->followed, r->v->size))
		return recovery_no_memory(r->why);
	for (size_t i = 0; i < count; i++) {
		must(tasks[i] < r->v->size && (i == 0 || tasks[i] > tasks[i - 1]));
		marks_put(&r->asked, tasks[i]);
	}
	if (!list_tasks(r, tasks, count, more, &all)) {
		list_release(&all);
		return recovery_no_memory(r->why);
	}
	for (size_t i = 0; i < all.count; i++)
		marks_put(&r->followed, all.at[i]);
	find_records(r, &all, &r->followed, &records);
	for (size_t i = 0; more != NULL && i < more->count; i++)
		list_put(&records, more->at[i]);
	rc = list_sort(&records) ? make_others(r, &records) : recovery_no_memory(r->why);
	if (rc == RC_OK)
		rc = make_places(r, &all);
	list_release(&all);
	list_release(&records);
	return rc;
}
