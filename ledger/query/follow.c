/*
 * follow.c - strides of entries into the facts.
 *
 * A stride is short, so that whoever waits with a deadline gets its turn, and so that no read
 * snapshot is held for long.  Each entry is hashed against the tree before it is believed, as in
 * every other answer; once it is in the facts it is not read again.
 */
#include "query/follow.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/must.h"
#include "query/view.h"

#define ENTRY_ARENA ((size_t)1 << 20)
#define LATE_EVERY  64

struct follow {
	pthread_mutex_t lock; /* guards feeding */
	pthread_cond_t fed;
	bool feeding; /* somebody does; held for a stride, waited for with a deadline */
	struct facts *facts;
	struct arena arena; /* one entry */
};

enum rc
follow_new(struct follow **out, const struct facts_options *options)
{
	struct follow *w = calloc(1, sizeof(*w));
	pthread_condattr_t attr;
	enum rc rc;

	*out = NULL;
	if (w == NULL)
		return RC_NO_MEMORY;
	if ((rc = facts_new(&w->facts, options)) != RC_OK) {
		free(w);
		return rc;
	}
	must(pthread_mutex_init(&w->lock, NULL) == 0);
	must(pthread_condattr_init(&attr) == 0);
	must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	must(pthread_cond_init(&w->fed, &attr) == 0);
	(void)pthread_condattr_destroy(&attr);
	arena_init(&w->arena, ENTRY_ARENA);
	*out = w;
	return RC_OK;
}

void
follow_free(struct follow *w)
{
	if (w == NULL)
		return;
	facts_free(w->facts);
	arena_release(&w->arena);
	pthread_cond_destroy(&w->fed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

const struct facts *
follow_facts(const struct follow *w)
{
	return w->facts;
}

static enum rc
late(const struct follow *w, uint64_t size, struct why *why)
{
	return why_set(why, RC_BUSY, "query_ms_max", NULL, 0,
	    "the log is being read for answers: %llu of %llu entries; ask again",
	    (unsigned long long)facts_reach(w->facts), (unsigned long long)size);
}

static enum rc
feed_one(struct follow *w, struct query_view *v, uint64_t index, struct why *why)
{
	const struct book *book = query_view_book(v);
	struct query_entry e;
	bool token;
	enum rc rc;

	arena_reset(&w->arena);
	if ((rc = view_entry(v, index, &w->arena, &e, why)) != RC_OK)
		return rc;
	token = e.entry.kind == ENTRY_TOKEN || e.entry.kind == ENTRY_EQUIVOCATION;
	rc = facts_add(w->facts, &e.entry, token ? &e.claim : NULL,
	    book != NULL ? book_at(book, index) : policy_doc_default());
	if (rc == RC_TOO_LARGE)
		return why_set(why, rc, "facts_bytes_max", NULL, 0,
		    "what is kept in memory for answers would be too large: %llu entries",
		    (unsigned long long)index);
	if (rc != RC_OK)
		return why_set(why, rc, "memory", NULL, 0, "no room for entry %llu",
		    (unsigned long long)index);
	return RC_OK;
}

/* The lock is held: some entries, under one snapshot. */
static enum rc
feed_stride(struct follow *w, const struct query_log *log, uint64_t size,
    const struct budget *budget, struct why *why)
{
	uint64_t at = facts_reach(w->facts);
	uint64_t end = size - at > FOLLOW_STRIDE ? at + FOLLOW_STRIDE : size;
	struct query_view *v = NULL;
	enum rc rc = query_view_begin(log, size, &v);

	if (rc != RC_OK)
		return why_set(why, rc, "store", NULL, 0, "%s", rc_text(rc));
	for (; rc == RC_OK && at < end; at++) {
		if (at % LATE_EVERY == 0 && budget_late(budget))
			rc = late(w, size, why);
		else
			rc = feed_one(w, v, at, why);
	}
	query_view_end(v);
	return rc;
}

/* False: not before the deadline. */
static bool
take(struct follow *w, const struct budget *budget)
{
	int64_t us = budget->deadline_mono_us;
	struct timespec until = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
	int err = 0;

	must(pthread_mutex_lock(&w->lock) == 0);
	while (w->feeding && err == 0)
		err = us == 0 ? pthread_cond_wait(&w->fed, &w->lock)
			      : pthread_cond_timedwait(&w->fed, &w->lock, &until);
	must(err == 0 || err == ETIMEDOUT);
	if (w->feeding) {
		must(pthread_mutex_unlock(&w->lock) == 0);
		return false;
	}
	w->feeding = true;
	must(pthread_mutex_unlock(&w->lock) == 0);
	return true;
}

static void
give_back(struct follow *w)
{
	must(pthread_mutex_lock(&w->lock) == 0);
	w->feeding = false;
	must(pthread_cond_signal(&w->fed) == 0);
	must(pthread_mutex_unlock(&w->lock) == 0);
}

enum rc
follow_reach(struct follow *w, const struct query_log *log, uint64_t size,
    const struct budget *budget, struct why *why)
{
	enum rc rc = RC_OK;

	must(size <= log->size);
	while (rc == RC_OK && facts_reach(w->facts) < size) {
		if (!take(w, budget))
			return late(w, size, why);
		if (facts_reach(w->facts) < size)
			rc = feed_stride(w, log, size, budget, why);
		give_back(w);
	}
	return rc;
}
