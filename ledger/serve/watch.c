/*
 * watch.c - Ledger/Watch: entries as they are committed, one request, answers until somebody ends it.
 *
 *   WORKING (a reader makes one message) -> FINISHED -> GIVEN (the door has it) -> serve_continue
 *        ^                                     | nothing to say                        |
 *        +--- watch_pump <--- PARKED <---------+---------------------------------------+
 *
 * A message holds up to 256 entries or 512 KiB.  A watch that is behind goes on at once; one that
 * has caught up is looked at when the log has grown, at most every PACE_US, so that a busy log
 * costs a watch few large messages instead of many small ones; and every BEAT_US it says an empty
 * message, so that both sides know the other lives.
 *
 * Fairness: steps are started in the order in which watches began to wait, and never on all reader
 * threads at once, so that questions are answered whatever is watched.  A client that does not take
 * its message keeps a slot, and nothing else: no message is made before the door asks.
 *
 * No deadline ends a watch; what does: cancel, the end of the connection, drain, an error.
 *
 * Invariants: the list has every watch; watch_steps counts those in WORKING or FINISHED; a PARKED
 * call is on no other list and has a door.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "serve/call.h"

#define WATCH_ENTRIES 256
#define WATCH_BYTES   ((size_t)512 * 1024)
#define WATCH_LOOKED  4096 /* entries that a step looks at, so that others get their turn */
#define WATCH_ARENA   ((size_t)8 << 20) /* a message twice, and what it is made of */
#define PACE_US	      10000
#define BEAT_US	      15000000
#define ROOM_MS	      1000 /* when to ask again for a watch that found no room */

enum watch_state { WATCH_WORKING, WATCH_GIVEN, WATCH_PARKED };

struct watch {
	struct call *call;
	enum watch_state state;
	TAILQ_ENTRY(watch) link;
	uint64_t next;	 /* the first index that was not looked at */
	bool behind;	 /* the last step ended for want of room, not of entries */
	bool beat;	 /* say something, even when there is nothing */
	bool speaks;	 /* the last step made a message; one about an empty log has no bytes */
	int64_t step_us; /* when the last step began, */
	int64_t said_us; /* and when something was last said */
	uint8_t request[];
};

static int64_t
now_us(const struct serve *s)
{
	return clock_mono_us(&s->options.clock);
}

/* ---- loop thread ---- */

static size_t
watches_of(const struct serve *s, const void *door)
{
	const struct watch *w;
	size_t count = 0;

	TAILQ_FOREACH(w, &s->watches, link)
	count += w->call->door == door;
	return count;
}

static enum rc
check_room(const struct serve *s, const void *door, struct why *why)
{
	size_t max = s->options.watches_max, share = max < 4 ? 1 : max / 4;

	/* Not RC_BUSY: that would make the door wait, and everything else on the connection. */
	if (s->watch_count >= max)
		return why_set(why, RC_OVER_QUOTA, "watches_max", NULL, 0,
		    "%zu calls are watching already", s->watch_count);
	if (watches_of(s, door) >= share)
		return why_set(why, RC_OVER_QUOTA, "watches_max", NULL, 0,
		    "a connection may have %zu watches, a quarter of all", share);
	return RC_OK;
}

static enum rc
start_step(struct watch *w, struct why *why)
{
	struct serve *s = w->call->serve;
	enum rc rc = query_begin(w->call, why);

	if (rc != RC_OK)
		return rc;
	w->state = WATCH_WORKING;
	w->step_us = now_us(s);
	s->watch_steps++;
	return RC_OK;
}

enum rc
watch_begin(struct call *call, const struct call_request *request, struct why *why)
{
	struct serve *s = call->serve;
	struct watch *w;
	enum rc rc;

	if ((rc = check_room(s, request->door, why)) != RC_OK) {
		if (request->retry_after_ms != NULL)
			*request->retry_after_ms = ROOM_MS;
		return rc;
	}
	if ((w = malloc(sizeof *w + call->request.n)) == NULL)
		return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no room for a watch");
	*w = (struct watch){.call = call, .beat = true, .said_us = now_us(s)};
	/* The arena is emptied between messages. */
	if (call->request.n > 0)
		memcpy(w->request, call->request.p, call->request.n);
	call->request.p = w->request;
	if (call->arena.max > WATCH_ARENA)
		call->arena.max = WATCH_ARENA;
	call->deadline_us = INT64_MAX;
	call->watch = w;
	TAILQ_INSERT_TAIL(&s->watches, w, link);
	s->watch_count++;
	/* Whoever fails here has its slot freed, and with it the watch. */
	return start_step(w, why);
}

void
watch_release(struct call *call)
{
	struct serve *s = call->serve;

	if (call->watch == NULL)
		return;
	TAILQ_REMOVE(&s->watches, call->watch, link);
	s->watch_count--;
	free(call->watch);
	call->watch = NULL;
	call->request.p = NULL;
}

bool
watch_parked(const struct call *call)
{
	return call->watch != NULL && call->watch->state == WATCH_PARKED;
}

/* To the end of those who wait. */
static void
park(struct watch *w)
{
	struct serve *s = w->call->serve;

	w->state = WATCH_PARKED;
	TAILQ_REMOVE(&s->watches, w, link);
	TAILQ_INSERT_TAIL(&s->watches, w, link);
}

bool
watch_collected(struct call *call)
{
	struct watch *w = call->watch;

	must(w->state == WATCH_WORKING && call->serve->watch_steps > 0);
	call->serve->watch_steps--;
	w->state = WATCH_GIVEN;
	if (call->rc != RC_OK || call->door == NULL)
		return false;
	if (!w->speaks) {
		arena_reset(&call->arena);
		park(w);
		return false;
	}
	w->said_us = now_us(call->serve);
	w->beat = false;
	return true;
}

void
serve_hold(struct serve *s, struct call *call)
{
	must(call->serve == s && call->watch != NULL && call->watch->state == WATCH_GIVEN);
	call->answer = BYTES_NONE;
	arena_reset(&call->arena);
}

void
serve_continue(struct serve *s, struct call *call)
{
	serve_hold(s, call);
	must(call->live && call->door != NULL);
	park(call->watch);
	watch_pump(s);
}

/* How long until this watch's turn; 0: now, INT64_MAX: not before the log grows. */
static int64_t
wait_us(const struct watch *w, int64_t now)
{
	uint64_t size = ledger_published(w->call->log->ledger);
	int64_t beat = w->said_us + BEAT_US - now, pace = w->step_us + PACE_US - now;
	int64_t wait = beat;

	if (w->beat || (w->behind && size > w->next) || size - w->next >= WATCH_ENTRIES)
		return 0;
	if (size > w->next && pace < wait)
		wait = pace;
	return wait > 0 ? wait : 0;
}

static size_t
steps_max(const struct serve *s)
{
	return s->options.reader_threads > 1 ? s->options.reader_threads - 1 : 1;
}

void
watch_pump(struct serve *s)
{
	struct watch *w, *next;
	int64_t now;

	if (s->watch_count == s->watch_steps)
		return;
	now = now_us(s);
	for (w = TAILQ_FIRST(&s->watches); w != NULL && s->watch_steps < steps_max(s); w = next) {
		next = TAILQ_NEXT(w, link);
		if (w->state != WATCH_PARKED || wait_us(w, now) > 0)
			continue;
		w->beat = w->beat || now - w->said_us >= BEAT_US;
		if (start_step(w, NULL) != RC_OK)
			return; /* the readers' queue is full: at the next collect */
	}
}

int64_t
serve_due_us(const struct serve *s)
{
	const struct watch *w;
	int64_t now, least = INT64_MAX;

	/* Where no step can start, the end of one wakes the loop. */
	if (s->watch_count == 0 || s->watch_steps >= steps_max(s))
		return -1;
	now = now_us(s);
	TAILQ_FOREACH(w, &s->watches, link)
	if (w->state == WATCH_PARKED && wait_us(w, now) < least)
		least = wait_us(w, now);
	return least == INT64_MAX ? -1 : least;
}

/* ---- reader thread ---- */

static enum rc
read_request(
    const Ectledger__V1__WatchRequest *r, struct watch *w, struct search *out, struct why *why)
{
	const Ectledger__V1__SearchRequest *f = r->filter;

	*out = (struct search){0};
	if (w->next < r->from)
		w->next = r->from; /* the first step */
	if (f == NULL)
		return RC_OK;
	if (f->since_ms != 0 || f->until_ms != 0 || f->limit != 0 || f->after.len > 0 ||
	    f->at != 0 || f->suspect[0] != '\0')
		return why_set(why, RC_BAD_REQUEST, "WIRE Watch", "filter", 0,
		    "a watch's filter has no times, limit, cursor, size or suspect");
	return search_read(f, out, why);
}

static enum rc
reply(struct call *call, struct query_view *v, const struct search_page *page, bool brief,
    struct why *why)
{
	Ectledger__V1__WatchReply m = ECTLEDGER__V1__WATCH_REPLY__INIT;
	enum rc rc;

	if ((rc = entry_page(call, v, page, brief, &m.entries, why)) != RC_OK)
		return rc;
	m.n_entries = page->count;
	m.next = page->next;
	m.tree_size = query_view_size(v);
	return call_reply(call, &m.base, why);
}

enum rc
watch_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__WatchRequest *r = (const void *)request;
	struct budget budget = call_entries_budget(call);
	struct watch *w = call->watch;
	struct search_page page = {0};
	struct query_view *v = NULL;
	struct search search;
	enum rc rc;

	call->answer = BYTES_NONE;
	if ((rc = read_request(r, w, &search, why)) != RC_OK)
		goto out;
	if ((rc = call_view(call, 0, &v, why)) != RC_OK)
		goto out;
	if (w->next > query_view_size(v)) {
		rc = why_set(why, RC_NOT_FOUND, "tree size", "from", 0, "the log has %llu entries",
		    (unsigned long long)query_view_size(v));
		goto out;
	}
	if (budget.nodes_max > WATCH_LOOKED)
		budget.nodes_max = WATCH_LOOKED;
	search.limit = WATCH_ENTRIES;
	search.bytes_max = WATCH_BYTES;
	if ((rc = query_follow(v, &search, w->next, &budget, &page, why)) != RC_OK)
		goto out;
	w->next = page.next;
	w->behind = !page.complete;
	w->speaks = page.count > 0 || w->beat;
	if (w->speaks)
		rc = reply(call, v, &page, r->filter != NULL && r->filter->brief, why);

out:
	if (v != NULL)
		query_view_end(v);
	return rc;
}
