/*
 * index_keeper.c - the thread that carries generations to disk.
 *
 * It writes the oldest one that is closed; when none is, and the newest has waited long enough
 * (or somebody asked), it closes that one.  It stops at the first error and stays stopped: the
 * index is derived, the log goes on, and the next start rebuilds what is missing.
 */
#include <errno.h>
#include <time.h>

#include "base/must.h"
#include "store/index_own.h"

#define NS_PER_S 1000000000

static void
lock_work(struct index *x)
{
	must(pthread_mutex_lock(&x->work) == 0);
}

static void
unlock_work(struct index *x)
{
	must(pthread_mutex_unlock(&x->work) == 0);
}

static bool
is_broken(struct index *x)
{
	return atomic_load(&x->broken) != RC_OK;
}

/* Close the newest generation.  The next one gets the room that the writer has reserved and
 * counts on. */
static enum rc
close_newest(struct index *x)
{
	struct gen *g = gen_new(index_reach(x), x->seed);
	size_t rows = 0, parents = 0;
	enum rc rc = g == NULL ? RC_NO_MEMORY : RC_OK;
	bool closed = false;

	while (rc == RC_OK && !closed) {
		if ((rc = gen_reserve(g, rows, parents)) != RC_OK)
			break;
		index_lock_rows(x, true);
		closed = x->reserved_rows <= rows && x->reserved_parents <= parents;
		if (closed && x->gen_count == 1 && x->gens[0]->end > x->gens[0]->first) {
			g->first = g->end = x->gens[0]->end;
			x->gens[x->gen_count++] = g;
			g = NULL;
		}
		rows = x->reserved_rows;
		parents = x->reserved_parents;
		index_unlock_rows(x);
	}
	gen_unref(g);
	return rc;
}

/* The oldest closed generation, referenced; NULL: none. */
static struct gen *
oldest_closed(struct index *x)
{
	struct gen *g = NULL;

	index_lock_rows(x, false);
	if (x->gen_count > 1) {
		g = x->gens[0];
		gen_ref(g);
	}
	index_unlock_rows(x);
	return g;
}

static void
drop_oldest(struct index *x, struct gen *g)
{
	index_lock_rows(x, true);
	must(x->gen_count > 1 && x->gens[0] == g);
	x->gen_count--;
	for (size_t i = 0; i < x->gen_count; i++)
		x->gens[i] = x->gens[i + 1];
	index_unlock_rows(x);
	gen_unref(g);
}

static void
write_one(struct index *x, struct gen *g)
{
	/* Heads that were built on an unreadable base must not reach the disk. */
	enum rc rc = (enum rc)atomic_load(&x->damaged);
	uint64_t end = g->end;

	if (rc == RC_OK)
		rc = disk_write(x->disk, g);
	if (rc == RC_OK)
		drop_oldest(x, g);
	lock_work(x);
	if (rc == RC_OK)
		x->written = end;
	else
		atomic_store(&x->broken, (int)rc);
	must(pthread_cond_broadcast(&x->done) == 0);
	unlock_work(x);
}

enum next { NEXT_SLEEP, NEXT_LOOK, NEXT_CLOSE, NEXT_STOP };

/* What to do when no closed generation was seen a moment ago.  Called with 'work' held: who
 * closes one signals under that lock, so none is slept over. */
static enum next
decide(struct index *x, int64_t now_us)
{
	const struct gen *g = NULL;
	enum next next = x->stop ? NEXT_STOP : NEXT_SLEEP;

	index_lock_rows(x, false);
	g = x->gens[x->gen_count - 1];
	if (x->gen_count > 1)
		next = NEXT_LOOK;
	else if (g->end > g->first &&
		 (x->stop || x->wanted > x->written || now_us - g->oldest_us >= x->flush_us))
		next = NEXT_CLOSE;
	index_unlock_rows(x);
	return next;
}

/* Sleep until woken, or for as long as rows may wait.  Called with 'work' held. */
static void
sleep_on_work(struct index *x)
{
	struct timespec t;
	int64_t ns = 0;
	int e = 0;

	must(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	ns = t.tv_nsec + (x->flush_us / 2 + 1000) * 1000;
	t.tv_sec += (time_t)(ns / NS_PER_S);
	t.tv_nsec = (long)(ns % NS_PER_S);
	e = pthread_cond_timedwait(&x->todo, &x->work, &t);
	must(e == 0 || e == ETIMEDOUT);
}

/* The next generation to write, referenced; NULL: stop. */
static struct gen *
next_to_write(struct index *x)
{
	struct gen *g = NULL;
	enum next next = NEXT_LOOK;

	while (!is_broken(x) && (g = oldest_closed(x)) == NULL) {
		lock_work(x);
		if ((next = decide(x, index_now_us())) == NEXT_SLEEP)
			sleep_on_work(x);
		unlock_work(x);
		if (next == NEXT_STOP)
			return NULL;
		/* Without memory for the next generation this one stays open; the log's limits
		 * stop the writer long before. */
		if (next == NEXT_CLOSE && close_newest(x) != RC_OK) {
			lock_work(x);
			if (!x->stop)
				sleep_on_work(x);
			next = x->stop ? NEXT_STOP : NEXT_LOOK;
			unlock_work(x);
			if (next == NEXT_STOP)
				return NULL;
		}
	}
	return g;
}

static void *
keeper_main(void *arg)
{
	struct index *x = arg;
	struct gen *g = NULL;

	while ((g = next_to_write(x)) != NULL) {
		write_one(x, g);
		gen_unref(g);
	}
	return NULL;
}

/* ---- what the others call ---- */

enum rc
keeper_start(struct index *x)
{
	must(!x->keeper_runs && x->disk != NULL);
	if (pthread_create(&x->keeper, NULL, keeper_main, x) != 0)
		return RC_NO_MEMORY;
	x->keeper_runs = true;
	must(pthread_setname_np(x->keeper, "index-keeper") == 0);
	return RC_OK;
}

void
keeper_stop(struct index *x)
{
	if (!x->keeper_runs)
		return;
	lock_work(x);
	x->stop = true;
	must(pthread_cond_signal(&x->todo) == 0);
	unlock_work(x);
	must(pthread_join(x->keeper, NULL) == 0);
	x->keeper_runs = false;
}

void
keeper_wake(struct index *x)
{
	lock_work(x);
	must(pthread_cond_signal(&x->todo) == 0);
	unlock_work(x);
}

static bool
has_room(struct index *x)
{
	bool room = false;

	index_lock_rows(x, false);
	room = x->gen_count - 1 < INDEX_WAITING_MAX;
	index_unlock_rows(x);
	return room;
}

enum rc
keeper_wait_room(struct index *x)
{
	enum rc rc = RC_OK;

	lock_work(x);
	while (!has_room(x) && !is_broken(x)) {
		must(pthread_cond_signal(&x->todo) == 0);
		must(pthread_cond_wait(&x->done, &x->work) == 0);
	}
	if (!has_room(x))
		rc = RC_IO;
	unlock_work(x);
	return rc;
}

enum rc
keeper_flush(struct index *x)
{
	enum rc rc = RC_OK;
	uint64_t target = index_reach(x);

	lock_work(x);
	if (x->wanted < target)
		x->wanted = target;
	must(pthread_cond_signal(&x->todo) == 0);
	while (x->written < target && !is_broken(x))
		must(pthread_cond_wait(&x->done, &x->work) == 0);
	if (x->written < target)
		rc = RC_IO;
	unlock_work(x);
	return rc;
}
