/*
 * writer.c - the writer thread: a ring of tickets, and the loop that turns its ready front into
 * batches.
 *
 * States of a ring slot: empty (ticket not taken, or its ruling not there yet), filled
 * (writer_put), empty again once taken into a batch.
 *
 * States of an item: in the ring -> in a batch -> handed back; or from the batch into the pool of
 * those that wait for a parent, and from there into a later batch: when a parent has come, or when
 * its time is over, to be judged a last time, so that what is called missing is missing then.  An item
 * in the pool has left its ticket and its group: nothing is behind it.
 *
 * Invariants:
 *   1. front <= next <= front + tickets_max: a slot is used by one ticket at a time.
 *   2. items leave the ring in ticket order, whole groups only.
 *   3. the writer sleeps only while the slot it waits for is empty; whoever fills just that slot
 *      wakes it.  So under load a put costs no system call.
 *   4. chains of events are committed one by one, each before the next batch of tokens; their
 *      list has the lock, and 'events_there' spares the busy writer that lock.
 *   5. after the log stopped every item is handed back with RC_STORE_DOUBT, those in the pool too;
 *      none is lost.
 *   6. an item goes into the pool before the ids that its batch admitted are looked up there: no
 *      parent can come in between.
 *   7. neither the ring nor the pool can keep the other from being served: the room of a batch is
 *      offered to each first in turn.
 */
#include "seq/writer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/must.h"
#include "base/random.h"
#include "seq/wait.h"

#define WRITER_EVENTS_MAX 16 /* chains that wait: one for each thread that may give them */
#define WOKEN_MAX	  (SEQ_BATCH_MAX / 2)
#define SLEEP_MAX_US	  1000000 /* the clock of a test need not be the machine's */

struct writer {
	struct ledger *ledger;
	struct writer_options o;
	_Atomic(struct writer_item *) *ring;
	size_t mask;
	uint64_t next;		/* loop thread: next ticket to give */
	_Atomic uint64_t front; /* first ticket not yet taken into a batch */
	_Atomic uint64_t
	    waiting; /* the ticket that the sleeping writer wants; UINT64_MAX: it is awake */
	_Atomic bool stopping;
	_Atomic bool hurry; /* nothing waits any more */
	_Atomic bool events_there;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* under the lock: chains of events, each a chain of its own */
	struct writer_item *events[WRITER_EVENTS_MAX];
	size_t events_count;
	pthread_t thread;
	/* the writer thread's */
	struct wait_pool *pool;
	struct writer_item *late; /* their time is over; for the next batches */
	bool woken_first;
	bool stopped_told;
	struct seq_job *jobs[SEQ_BATCH_MAX];
};

static struct writer_item *
slot(const struct writer *w, uint64_t ticket)
{
	return atomic_load_explicit(&w->ring[ticket & w->mask], memory_order_acquire);
}

/* How many tickets from 'at' on form a whole group that is ready; 0: '*missing' is not there yet.
 */
static size_t
ready_group(const struct writer *w, uint64_t at, uint64_t *missing)
{
	struct writer_item *first = slot(w, at);
	size_t count;

	*missing = at;
	if (first == NULL)
		return 0;
	must(first->ticket == at && first->group_count > 0);
	count = first->group_count;
	for (size_t i = 1; i < count; i++)
		if (slot(w, at + i) == NULL) {
			*missing = at + i;
			return 0;
		}
	return count;
}

/* Take the ready front as a chain, at most 'room' tickets. */
static size_t
take(struct writer *w, size_t room, struct writer_item **first, uint64_t *missing)
{
	uint64_t at = atomic_load_explicit(&w->front, memory_order_relaxed);
	struct writer_item **tail = first;
	size_t taken = 0, group;

	*first = NULL;
	while ((group = ready_group(w, at, missing)) > 0 && taken + group <= room) {
		for (size_t i = 0; i < group; i++, at++) {
			struct writer_item *item = slot(w, at);

			atomic_store_explicit(&w->ring[at & w->mask], NULL, memory_order_relaxed);
			*tail = item;
			tail = &item->next;
		}
		taken += group;
	}
	*tail = NULL;
	atomic_store_explicit(&w->front, at, memory_order_release);
	return taken;
}

static void
commit(struct writer *w, struct writer_item *first)
{
	int64_t began = clock_mono_us(&w->o.clock);
	size_t count = 0;
	enum rc rc;

	for (struct writer_item *i = first; i != NULL; i = i->next)
		if (!i->skip)
			w->jobs[count++] = &i->job;
	if (count == 0)
		return;
	rc = seq_step(w->ledger, w->jobs, count, clock_now_ms(&w->o.clock));
	metric_add(w->o.batches, 1);
	metric_add(w->o.commit_us, (uint64_t)(clock_mono_us(&w->o.clock) - began));
	for (size_t i = 0; i < count; i++)
		if (w->jobs[i]->rc == RC_OK && !w->jobs[i]->duplicate)
			metric_add(w->o.entries, 1);
	/* Refused for want of disk or memory is an answer; anything else is doubt about what is
	 * stored. */
	if (rc == RC_OK || rc == RC_NO_SPACE || rc == RC_NO_MEMORY || w->stopped_told)
		return;
	w->stopped_told = true;
	log_event(w->o.sink, LOG_ERROR, "log_stopped", "origin", ledger_origin(w->ledger), "code",
	    rc_label(rc), NULL);
	w->o.stopped(w->o.ctx, rc);
}

/* Up to 'max' of those whose time is over. */
static size_t
take_late(struct writer *w, size_t max, struct writer_item **first)
{
	struct writer_item **tail = first;
	size_t n = 0;

	for (; n < max && w->late != NULL; n++) {
		*tail = w->late;
		tail = &w->late->next;
		w->late = w->late->next;
	}
	*tail = NULL;
	return n;
}

/* From the pool: whose parent has come, and whose time is over. */
static size_t
take_waiting(struct writer *w, size_t max, struct writer_item **first)
{
	struct writer_item **tail = first;
	size_t woken = wait_take(w->pool, max, first);

	for (size_t i = 0; i < woken; i++)
		tail = &(*tail)->next;
	return woken + take_late(w, max - woken, tail);
}

/* The next batch of tokens: the ring's front, and items that waited; these are first in the chain, so
 * that they are first to find room in the pool again. */
static size_t
gather(struct writer *w, struct writer_item **first, uint64_t *missing)
{
	struct writer_item *front, **tail = first;
	size_t woken = 0, taken;

	w->woken_first = !w->woken_first;
	if (w->woken_first)
		woken = take_waiting(w, WOKEN_MAX, first);
	taken = take(w, SEQ_BATCH_MAX - woken, &front, missing);
	if (!w->woken_first)
		woken = take_waiting(w, SEQ_BATCH_MAX - taken, first);
	for (size_t i = 0; i < woken; i++)
		tail = &(*tail)->next;
	*tail = front;
	return woken + taken;
}

/* Back to whoever put them. */
static void
hand_back(struct writer *w, struct writer_item *first)
{
	size_t count = 0;

	for (struct writer_item *i = first; i != NULL; i = i->next, count++)
		if (i->deadline_us != 0)
			metric_add(i->job.rc == RC_OK ? w->o.waited : w->o.wait_refused, 1);
	metric_set(w->o.waiting, wait_count(w->pool));
	if (count > 0)
		w->o.done(w->o.ctx, first, count);
}

static void
came_late(struct writer_item *item, bool hurry)
{
	char text[UUID_TEXT_SIZE];

	uuid_text(item->job.missing[0], text);
	if (hurry) {
		why_set(&item->job.why, RC_UNKNOWN_PARENT, "parents before children", "pred", 0,
		    "predecessor %s had not come when the server was told to go", text);
		return;
	}
	why_set(&item->job.why, RC_UNKNOWN_PARENT, "parents before children", "pred", 0,
	    "predecessor %s did not come within %u ms", text, item->wait_ms);
}

/* May the item wait for its parents?  It is in the pool then. */
static bool
stays(struct writer *w, struct writer_item *item, int64_t now_us)
{
	bool again = item->deadline_us != 0, hurry = atomic_load(&w->hurry);

	if (item->skip || item->job.rc != RC_UNKNOWN_PARENT || item->wait_ms == 0 ||
	    w->stopped_told)
		return false;
	if (!again)
		item->deadline_us = now_us + (int64_t)item->wait_ms * 1000;
	if (!hurry && item->deadline_us > now_us &&
	    wait_add(w->pool, item, item->job.missing[0]))
		return true;
	if (!again)
		item->deadline_us = 0; /* it never waited */
	else
		came_late(item, hurry && item->deadline_us > now_us);
	return false;
}

/* The batch has its answers: who waits, who has waited enough, who is done. */
static void
settle(struct writer *w, struct writer_item *first)
{
	struct writer_item *item = first, *next, *answered = NULL, **tail = &answered;
	int64_t now_us = clock_mono_us(&w->o.clock);

	for (; item != NULL; item = next) {
		next = item->next;
		if (stays(w, item, now_us))
			continue;
		*tail = item;
		tail = &item->next;
	}
	*tail = NULL;
	for (item = answered; item != NULL; item = item->next)
		if (!item->skip && item->job.rc == RC_OK && !item->job.duplicate &&
		    !seq_is_event(&item->job))
			wait_admitted(w->pool, item->job.claim->jti);
	hand_back(w, answered);
}

static void
expire(struct writer *w)
{
	struct writer_item **tail = &w->late;
	int64_t now_us = atomic_load(&w->hurry) ? INT64_MAX : clock_mono_us(&w->o.clock);

	while (*tail != NULL)
		tail = &(*tail)->next;
	(void)wait_expired(w->pool, now_us, tail);
}

/* Everything that waits goes back: as it was judged last, or in doubt like the log itself. */
static void
empty_pool(struct writer *w, bool doubt)
{
	struct writer_item *first, **tail = &first;

	(void)take_late(w, SIZE_MAX, &first);
	while (*tail != NULL)
		tail = &(*tail)->next;
	if (wait_take_all(w->pool, tail) == 0 && first == NULL)
		return;
	for (struct writer_item *i = first; i != NULL && doubt; i = i->next) {
		i->job.rc = RC_STORE_DOUBT;
		i->job.missing_count = 0;
		why_set(&i->job.why, RC_STORE_DOUBT, "durability", NULL, 0, "%s",
		    rc_text(RC_STORE_DOUBT));
	}
	hand_back(w, first);
}

/* Until there is something to do: the missing ruling, events, the end, or a deadline. */
static void
sleep_until(struct writer *w, uint64_t missing)
{
	int64_t deadline = wait_deadline(w->pool), now = clock_mono_us(&w->o.clock);
	int64_t us = deadline == INT64_MAX ? INT64_MAX : deadline > now ? deadline - now : 0;
	struct timespec until;
	int over = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	if (us > SLEEP_MAX_US && us != INT64_MAX)
		us = SLEEP_MAX_US;
	if (us != INT64_MAX) {
		until.tv_nsec += (long)(us % 1000000) * 1000;
		until.tv_sec += (time_t)(us / 1000000) + until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
	}
	pthread_mutex_lock(&w->lock);
	atomic_store(&w->waiting, missing);
	while (over == 0 && atomic_load(&w->ring[missing & w->mask]) == NULL &&
	       w->events_count == 0 && !atomic_load(&w->stopping) &&
	       !(atomic_load(&w->hurry) && deadline != INT64_MAX))
		over = us == INT64_MAX ? pthread_cond_wait(&w->wake, &w->lock)
				       : pthread_cond_timedwait(&w->wake, &w->lock, &until);
	atomic_store(&w->waiting, UINT64_MAX);
	pthread_mutex_unlock(&w->lock);
}

/* The oldest chain of events, or NULL. */
static struct writer_item *
take_events(struct writer *w, size_t *count)
{
	struct writer_item *first = NULL;

	*count = 0;
	if (!atomic_load(&w->events_there))
		return NULL;
	pthread_mutex_lock(&w->lock);
	if (w->events_count > 0) {
		first = w->events[0];
		w->events_count--;
		memmove(w->events, w->events + 1, w->events_count * sizeof(*w->events));
	}
	atomic_store(&w->events_there, w->events_count > 0);
	pthread_mutex_unlock(&w->lock);
	for (struct writer_item *i = first; i != NULL; i = i->next)
		++*count;
	must(*count <= SEQ_BATCH_MAX);
	return first;
}

static void *
run(void *arg)
{
	struct writer *w = arg;
	struct writer_item *first;
	uint64_t missing = 0;
	size_t count;

	for (;;) {
		/* Read before taking: what was put before the stop is then seen by the take. */
		bool stopping = atomic_load(&w->stopping);

		expire(w);
		if ((first = take_events(w, &count)) == NULL)
			count = gather(w, &first, &missing);
		if (count > 0) {
			commit(w, first);
			settle(w, first);
			if (w->stopped_told)
				empty_pool(w, true);
			continue;
		}
		if (stopping) {
			empty_pool(w, false);
			return NULL;
		}
		sleep_until(w, missing);
	}
}

static void
release(struct writer *w)
{
	wait_free(w->pool);
	free(w->ring);
	free(w);
}

/* The condition's deadlines are of the clock that nobody sets. */
static void
make_wake(struct writer *w)
{
	pthread_condattr_t attr;

	must(pthread_condattr_init(&attr) == 0);
	must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	must(pthread_cond_init(&w->wake, &attr) == 0);
	must(pthread_condattr_destroy(&attr) == 0);
}

enum rc
writer_start(struct writer **out, struct ledger *ledger, const struct writer_options *options)
{
	struct writer *w = calloc(1, sizeof(*w));
	struct wait_bounds bounds = {
	    options->wait_tokens_max, options->wait_bytes_max, options->wait_client_tokens_max};
	size_t room = options->tickets_max;
	uint64_t seed;

	*out = NULL;
	must(room >= SEQ_BATCH_MAX && (room & (room - 1)) == 0);
	if (w == NULL)
		return RC_NO_MEMORY;
	w->ledger = ledger;
	w->o = *options;
	w->mask = room - 1;
	atomic_init(&w->waiting, UINT64_MAX);
	random_bytes(&seed, sizeof(seed));
	w->pool = wait_new(&bounds, seed);
	w->ring = calloc(room, sizeof(*w->ring));
	if (w->pool == NULL || w->ring == NULL) {
		release(w);
		return RC_NO_MEMORY;
	}
	pthread_mutex_init(&w->lock, NULL);
	make_wake(w);
	if (pthread_create(&w->thread, NULL, run, w) != 0) {
		pthread_cond_destroy(&w->wake);
		pthread_mutex_destroy(&w->lock);
		release(w);
		return RC_NO_MEMORY;
	}
	pthread_setname_np(w->thread, "ect-writer");
	*out = w;
	return RC_OK;
}

void
writer_stop(struct writer *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	atomic_store(&w->stopping, true);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	must(atomic_load(&w->front) == w->next); /* every ticket was put */
	must(w->events_count == 0);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	release(w);
}

void
writer_hurry(struct writer *w)
{
	if (atomic_load(&w->hurry))
		return;
	pthread_mutex_lock(&w->lock);
	atomic_store(&w->hurry, true);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

bool
writer_ticket(struct writer *w, size_t count, uint64_t *first)
{
	uint64_t front = atomic_load_explicit(&w->front, memory_order_acquire);

	must(count > 0 && count <= SEQ_BATCH_MAX);
	if (w->next + count - front > w->mask + 1)
		return false;
	*first = w->next;
	w->next += count;
	return true;
}

void
writer_put(struct writer *w, struct writer_item *item)
{
	uint64_t ticket = item->ticket;

	must(slot(w, ticket) == NULL);
	atomic_store(&w->ring[ticket & w->mask], item);
	if (atomic_load(&w->waiting) != ticket)
		return;
	pthread_mutex_lock(&w->lock);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

void
writer_put_events(struct writer *w, struct writer_item *first)
{
	must(first != NULL);
	pthread_mutex_lock(&w->lock);
	must(w->events_count < WRITER_EVENTS_MAX);
	w->events[w->events_count++] = first;
	atomic_store(&w->events_there, true);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}
