/*
 * circuit_replay.c - one edge's breaker: calls and failures in the order of the log.
 *
 *   closed --share of bad calls in the window--> open
 *   open --time--> half_open
 *   half_open --enough calls, none bad--> closed
 *             --a bad one--> open
 *
 * Invariants:
 *   1. the window is calls [low, at): what dropped out of it does not come back.
 *   2. while open the window is empty: low is at.
 */
#include <stdlib.h>
#include <string.h>

#include "answer/circuit_own.h"
#include "base/must.h"

struct breaker {
	const struct facts_view *v;
	const struct circuit_call *calls;
	struct circuit_lists *l;
	struct circuit_edge *e;
	size_t low, at;	   /* the window; calls that were made */
	size_t since;	   /* half open: the first call of it */
	uint32_t bad;	   /* in the window */
	uint64_t until_ms; /* open: until then */
};

static void
change(struct breaker *b, enum circuit_code state, uint64_t at_ms, uint32_t index)
{
	struct circuit_edge *e = b->e;

	b->l->change[e->change_total++ % CIRCUIT_LIST_MAX] =
	    (struct circuit_change){state, at_ms, index, b->bad, (uint32_t)(b->at - b->low)};
	e->state = state;
	e->since_ms = at_ms;
}

static void
empty(struct breaker *b)
{
	b->low = b->since = b->at;
	b->bad = 0;
}

static void
pass_time(struct breaker *b, uint64_t now_ms)
{
	if (b->e->state != CIRCUIT_OPEN || now_ms < b->until_ms)
		return;
	change(b, CIRCUIT_HALF_OPEN, b->until_ms, FACTS_NONE);
	empty(b);
}

static void
open_it(struct breaker *b, uint32_t index, const struct policy_doc *doc)
{
	uint64_t now_ms = fact(b->v, index)->received_ms;

	change(b, CIRCUIT_OPEN, now_ms, index);
	b->until_ms = now_ms + (uint64_t)doc->circuit.wait_s * 1000;
	empty(b);
}

/* Enough calls, and too many of them bad? */
static void
weigh(struct breaker *b, uint32_t index, const struct policy_doc *doc)
{
	uint64_t n = b->at - b->low;

	if (b->e->state == CIRCUIT_CLOSED && n >= doc->circuit.minimum &&
	    (uint64_t)b->bad * 1000000 >= doc->circuit.threshold_e6 * n)
		open_it(b, index, doc);
}

/* The oldest calls drop out of the window until no more than so many are left. */
static void
cut_to(struct breaker *b, uint64_t window)
{
	for (; b->at - b->low > window; b->low++)
		b->bad -= b->l->bad[b->low];
}

static void
on_call(struct breaker *b)
{
	uint32_t index = b->calls[b->at].index;
	const struct policy_doc *doc = fact_doc(b->v, index);

	pass_time(b, fact(b->v, index)->received_ms);
	b->at++;
	if (b->e->state == CIRCUIT_OPEN) {
		b->e->while_open++;
		empty(b);
		return;
	}
	cut_to(b, doc->circuit.window);
	if (b->e->state == CIRCUIT_CLOSED)
		weigh(b, index, doc);
	else if (b->at - b->since >= doc->circuit.probes)
		change(b, CIRCUIT_CLOSED, fact(b->v, index)->received_ms, index);
}

/* A failure and the calls that it names: pairs of failure and place. */
static void
on_failure(struct breaker *b, const uint32_t *pairs, size_t count)
{
	uint32_t index = pairs[0];
	const struct policy_doc *doc = fact_doc(b->v, index);
	uint32_t bad;

	pass_time(b, fact(b->v, index)->received_ms);
	cut_to(b, doc->circuit.window);
	bad = b->bad;
	for (size_t i = 0; i < count; i++) {
		size_t place = pairs[2 * i + 1];

		if (place < b->low)
			continue; /* not in the window any more */
		b->l->bad[place] = 1;
		b->bad++;
	}
	if (b->bad == bad)
		return;
	if (b->e->state == CIRCUIT_HALF_OPEN)
		open_it(b, index, doc);
	else
		weigh(b, index, doc);
}

static void
on_report(struct breaker *b, uint32_t index)
{
	const struct fact *t = fact(b->v, index);
	struct circuit_edge *e = b->e;

	pass_time(b, t->received_ms);
	b->l->report[e->report_total++ % CIRCUIT_LIST_MAX] =
	    (struct circuit_report){index, (enum circuit_code)t->code, e->state, t->iss == e->from};
	e->disagree_total += (enum circuit_code)t->code != e->state;
}

/* ---- one edge ---- */

static bool
room(struct circuit_lists *l, size_t count)
{
	if (l->bad_room < count) {
		free(l->bad);
		l->bad_room = 0;
		if ((l->bad = malloc(count)) == NULL)
			return false;
		l->bad_room = count;
	}
	if (l->failed_room < count) {
		free(l->failed);
		l->failed_room = 0;
		if ((l->failed = malloc(2 * count * sizeof(*l->failed))) == NULL)
			return false;
		l->failed_room = count;
	}
	memset(l->bad, 0, count);
	return true;
}

static int
ascending(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	if (x[0] != y[0])
		return x[0] < y[0] ? -1 : 1;
	return (x[1] > y[1]) - (x[1] < y[1]);
}

/* Places of calls that failed, in the order of the failures: pairs of failure and place. */
static size_t
list_failed(const struct breaker *b, size_t count)
{
	uint32_t *pairs = b->l->failed;
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t f = b->calls[i].failure;

		if (f == FACTS_NONE)
			continue;
		pairs[2 * n] = f;
		pairs[2 * n + 1] = (uint32_t)i;
		n++;
		b->e->bad_total++;
		b->e->self_reported += fact(b->v, f)->iss == b->e->to;
		b->e->third_party +=
		    fact(b->v, f)->iss != b->e->to && fact(b->v, f)->iss != b->e->from;
	}
	if (n > 1)
		qsort(pairs, n, 2 * sizeof(*pairs), ascending);
	return n;
}

/* The failure at this place of the list, with all that it names.  Their number. */
static size_t
failed_by(struct breaker *b, size_t from, size_t count)
{
	const uint32_t *pairs = b->l->failed + 2 * from;
	size_t n = 1;

	while (from + n < count && pairs[2 * n] == pairs[0])
		n++;
	on_failure(b, pairs, n);
	return n;
}

/* The newest of a ring, oldest first. */
static void
unroll(struct breaker *b)
{
	struct circuit_edge *e = b->e;
	struct circuit_lists *l = b->l;

	e->change_count = e->change_total < CIRCUIT_LIST_MAX ? e->change_total : CIRCUIT_LIST_MAX;
	for (size_t i = 0; i < e->change_count; i++)
		l->changes[i] =
		    l->change[(e->change_total - e->change_count + i) % CIRCUIT_LIST_MAX];
	e->changes = l->changes;
	e->report_count = e->report_total < CIRCUIT_LIST_MAX ? e->report_total : CIRCUIT_LIST_MAX;
	for (size_t i = 0; i < e->report_count; i++)
		l->reports[i] =
		    l->report[(e->report_total - e->report_count + i) % CIRCUIT_LIST_MAX];
	e->reports = l->reports;
}

static void
list_window(const struct breaker *b, struct index_list *window)
{
	for (size_t i = b->low; i < b->at; i++) {
		list_put(window, b->calls[i].index);
		if (b->l->bad[i])
			list_put(window, b->calls[i].failure);
	}
	for (size_t i = 0; i < b->e->change_count; i++)
		if (b->e->changes[i].index != FACTS_NONE)
			list_put(window, b->e->changes[i].index);
	for (size_t i = 0; i < b->e->report_count; i++)
		list_put(window, b->e->reports[i].index);
}

enum rc
circuit_replay(const struct facts_view *v, const struct circuit_call *calls, size_t count,
    const struct circuit_told *told, size_t told_count, struct circuit_lists *lists,
    struct circuit_edge *edge, struct index_list *window)
{
	struct breaker b = {.v = v, .calls = calls, .l = lists, .e = edge};
	size_t failed = 0, failed_count, t = 0;

	if (!room(lists, count + 1))
		return RC_NO_MEMORY;
	*edge = (struct circuit_edge){
	    .from = edge->from, .to = edge->to, .state = CIRCUIT_CLOSED, .calls_total = count};
	failed_count = list_failed(&b, count);
	while (b.at < count || failed < failed_count || t < told_count) {
		uint32_t x = b.at < count ? calls[b.at].index : FACTS_NONE;
		uint32_t y = failed < failed_count ? lists->failed[2 * failed] : FACTS_NONE;
		uint32_t z = t < told_count ? told[t].index : FACTS_NONE;

		if (x < y && x < z)
			on_call(&b);
		else if (y < z)
			failed += failed_by(&b, failed, failed_count);
		else
			on_report(&b, told[t++].index);
	}
	if (v->size > 0)
		pass_time(&b, fact(v, v->size - 1)->received_ms);
	edge->bad = b.bad;
	edge->calls = (uint32_t)(b.at - b.low);
	unroll(&b);
	list_window(&b, window);
	return window->bad ? RC_NO_MEMORY : RC_OK;
}

void
circuit_lists_release(struct circuit_lists *l)
{
	free(l->failed);
	free(l->bad);
	l->failed = NULL;
	l->bad = NULL;
}
