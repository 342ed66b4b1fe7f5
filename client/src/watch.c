/*
 * watch.c - entries as they are committed, page by page, whatever happens to the connection.
 *
 * The server sends as many pages as it was granted; a page taken by the caller grants one more, so a
 * slow caller holds at most PAGES of them.  'asked' is the first index of the connection's call,
 * 'position' that of the next page the caller has not got.  After a lost connection pages that were
 * not taken are dropped and asked for again from 'position': no gap, no repeat.
 *
 * Invariant: pages are queued in ascending order; position <= the queued pages' next.
 */
#include "blocking.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/rc.h"
#include "link.h"
#include "wire.h"

#define PAGES	   4
#define QUEUE	   64
#define SILENCE_MS 60000 /* the server says something every 15 s */
#define METHOD	   "/ectledger.v1.Ledger/Watch"

enum { REQUEST_FROM = 1, REQUEST_FILTER = 2, REPLY_NEXT = 2 };

struct page {
	uint8_t *p;
	size_t size;
	uint64_t next;
};

struct ect_watch {
	struct ect_client *c;
	struct buf filter;
	uint64_t position;
	struct page given;	  /* the caller reads it */
	struct page queue[QUEUE]; /* more than granted: what came before the first grant */
	size_t head, count;
	uint64_t newest; /* 'next' of the newest page queued on this connection */
	uint32_t call;	 /* 0: none on this connection */
	uint64_t generation;
	bool over;
	bool began; /* the caller had a page */
	struct ect_status ended, failed;
	unsigned attempts;
	int64_t heard_us;
};

int
ect_watch_open(struct ect_client *c, uint64_t from, const void *filter, size_t filter_size,
    struct ect_watch **out, struct ect_status *status)
{
	struct ect_watch *w = calloc(1, sizeof *w);

	must(c->watch == NULL);
	*out = NULL;
	status_set(status, ECT_OK, "%s", "");
	if (w != NULL) {
		buf_init(&w->filter, CORE_MESSAGE_MAX / 2);
		buf_add(&w->filter, filter, filter_size);
	}
	if (w == NULL || buf_rc(&w->filter) != RC_OK) {
		status_set(status, ECT_PROTOCOL, "out of memory");
		free(w);
		return -1;
	}
	w->c = c;
	w->position = from;
	w->generation = c->generation;
	c->watch = w;
	*out = w;
	return 0;
}

static void
drop_queue(struct ect_watch *w)
{
	for (; w->count > 0; w->count--) {
		free(w->queue[w->head].p);
		w->head = (w->head + 1) % (QUEUE);
	}
}

void
ect_watch_free(struct ect_watch *w)
{
	if (w == NULL)
		return;
	if (watch_call(w) != 0 && w->c->core != NULL) {
		ect_core_cancel(w->c->core, w->call);
		(void)ect_core_step(w->c->core);
	}
	drop_queue(w);
	free(w->given.p);
	buf_release(&w->filter);
	w->c->watch = NULL;
	free(w);
}

uint64_t
ect_watch_position(const struct ect_watch *w)
{
	return w->position;
}

/* ---- what comes in ---- */

uint32_t
watch_call(const struct ect_watch *w)
{
	return w->generation == w->c->generation ? w->call : 0;
}

static bool
read_next(const uint8_t *message, size_t size, uint64_t *next)
{
	struct wire wire = {message, size};
	struct wire_field f;
	bool bad;

	*next = 0;
	while (wire_next(&wire, &f, &bad))
		if (f.number == REPLY_NEXT && f.type == 0)
			*next = f.value;
	return !bad;
}

void
watch_message(struct ect_watch *w, const uint8_t *message, size_t size)
{
	struct page page = {.size = size};

	if (!read_next(message, size, &page.next) || page.next < w->newest) {
		core_fail(w->c->core, ECT_PROTOCOL, "the server's watch goes backwards");
		return;
	}
	if (w->count == QUEUE) {
		core_fail(w->c->core, ECT_PROTOCOL, "the server sends more than it was granted");
		return;
	}
	if ((page.p = malloc(size + 1)) == NULL) {
		core_fail(w->c->core, ECT_PROTOCOL, "out of memory");
		return;
	}
	memcpy(page.p, message, size);
	w->newest = page.next;
	w->queue[(w->head + w->count++) % (QUEUE)] = page;
	w->heard_us = core_now_us();
	w->attempts = 0;
}

void
watch_ended(struct ect_watch *w, const struct ect_status *status)
{
	w->over = true;
	w->ended = *status;
	w->call = 0;
}

/* ---- asking ---- */

static bool
lost(const struct ect_watch *w)
{
	const struct ect_client *c = w->c;

	return w->over || c->core == NULL || core_dead(c->core) || w->generation != c->generation ||
	       w->call == 0;
}

static bool
ask(struct ect_watch *w)
{
	struct buf request;
	bool ok;

	buf_init(&request, CORE_MESSAGE_MAX);
	wire_put_u64(&request, REQUEST_FROM, w->position);
	if (w->filter.n > 0)
		wire_put_bytes(&request, REQUEST_FILTER, w->filter.p, w->filter.n);
	ok = buf_rc(&request) == RC_OK &&
	     (w->call = ect_core_begin(w->c->core, METHOD, 0, request.p, request.n, false)) != 0;
	buf_release(&request);
	if (!ok)
		return false;
	ect_core_grant(w->c->core, w->call, PAGES);
	(void)ect_core_step(w->c->core);
	w->newest = w->position;
	w->heard_us = core_now_us();
	return true;
}

/* Why there is no call; an end without trouble is a server that wants us on another connection. */
static struct ect_status
reason(const struct ect_watch *w)
{
	struct ect_status why;

	if (w->over)
		why = w->ended;
	else if (w->c->core != NULL && core_dead(w->c->core))
		why = *core_status(w->c->core);
	else
		status_set(&why, ECT_OK, "%s", "");
	if (why.outcome == ECT_OK)
		status_set(&why, ECT_UNREACHABLE, "the server ended the watch");
	return why;
}

static bool
worth_repeating(const struct ect_watch *w, const struct ect_status *why)
{
	if (w->attempts >= w->c->options.retries ||
	    (w->c->core != NULL && core_hopeless(w->c->core)))
		return false;
	/* No place: whoever begins is told; whoever had one waits for the next. */
	if (why->code == RC_OVER_QUOTA && !w->began)
		return false;
	return why->outcome == ECT_UNREACHABLE || client_transient(why);
}

/* A call on a usable connection.  1: there is one; 0: not yet; -1: never. */
static int
recover(struct ect_watch *w, struct ect_status *status)
{
	struct ect_status why;
	bool first = w->call == 0 && !w->over && w->generation == w->c->generation &&
		     w->attempts == 0 && client_usable(w->c);

	if (w->failed.outcome != ECT_OK) {
		*status = w->failed;
		return -1;
	}
	if (!lost(w))
		return 1;
	if (!first && w->generation == w->c->generation) {
		why = reason(w);
		if (!worth_repeating(w, &why)) {
			w->failed = *status = why;
			return -1;
		}
		client_backoff(++w->attempts, why.retry_after_ms);
	}
	drop_queue(w);
	w->over = false;
	w->call = 0;
	if (!client_usable(w->c) && client_connect(w->c, &w->ended) != 0)
		w->over = true;
	w->generation = w->c->generation;
	return client_usable(w->c) && ask(w) ? 1 : 0;
}

static void
give(struct ect_watch *w, const uint8_t **page, size_t *size)
{
	w->began = true;
	w->given = w->queue[w->head];
	w->head = (w->head + 1) % (QUEUE);
	w->count--;
	w->position = w->given.next;
	*page = w->given.p;
	*size = w->given.size;
	if (!lost(w)) {
		ect_core_grant(w->c->core, w->call, 1);
		(void)ect_core_step(w->c->core);
	}
}

/* How long to wait for the server; 0 when it was silent for too long. */
static int
patience_ms(const struct ect_watch *w)
{
	int64_t left = (w->heard_us + (int64_t)SILENCE_MS * 1000 - core_now_us()) / 1000;

	return left < 0 ? 0 : (int)left;
}

int
ect_watch_next(struct ect_watch *w, int fd, int timeout_ms, const uint8_t **page, size_t *size,
    struct ect_status *status)
{
	int64_t until = core_now_us() + (int64_t)timeout_ms * 1000, before;
	int left = -1, patience, r;

	free(w->given.p);
	w->given = (struct page){0};
	while (w->count == 0) {
		if (fd >= 0 && client_readable(fd, 0))
			return 0;
		if (timeout_ms >= 0 && (left = (int)((until - core_now_us()) / 1000)) < 0)
			return 0;
		if ((r = recover(w, status)) < 0)
			return -1;
		if (r == 0)
			continue;
		patience = patience_ms(w);
		if (patience == 0) {
			core_fail(
			    w->c->core, ECT_UNREACHABLE, "the server gave no sign of life in time");
			continue;
		}
		before = w->heard_us;
		r = core_wait(w->c->core, fd, left >= 0 && left < patience ? left : patience);
		if (r == 1 ||
		    (w->count == 0 && !lost(w) && w->heard_us == before && timeout_ms == 0))
			return 0;
	}
	give(w, page, size);
	return 1;
}
