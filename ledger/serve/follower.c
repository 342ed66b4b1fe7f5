/*
 * follower.c - a thread of low priority that keeps the facts of all logs near their ends, so that a
 * question finds them read.
 *
 * It only spares questions the wait: whoever asks feeds what is missing itself.  A log that cannot
 * be followed (damage, no memory) is left alone until it has grown by half; who asks is told.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/must.h"
#include "serve/call.h"

#define FOLLOWER_WAIT_MS 250
#define STRIDE_US	 INT64_C(20000)

struct follower {
	struct serve *serve;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	_Atomic bool stopping;
};

/* Some entries of one log; true: there is more to do. */
static bool
follow_some(struct follower *w, struct hall_log *log)
{
	struct clock clock = clock_real();
	struct query_log from = hall_query_log(log);
	struct budget budget = {.nodes_max = SIZE_MAX,
	    .deadline_mono_us = clock_mono_us(&clock) + STRIDE_US,
	    .cancelled = &w->stopping};
	enum rc rc;

	if (from.size < log->follow_again)
		return false;
	rc = follow_reach(log->follow, &from, from.size, &budget, NULL);
	if (rc != RC_OK && rc != RC_BUSY)
		log->follow_again = from.size + from.size / 2;
	return rc == RC_BUSY;
}

static void *
follower_run(void *ctx)
{
	struct follower *w = ctx;
	bool more;

	pool_nice((int)w->serve->options.query_nice);
	while (!atomic_load(&w->stopping)) {
		more = false;
		for (size_t i = 0; i < w->serve->log_count; i++)
			more |= follow_some(w, &w->serve->logs[i]);
		if (more)
			continue;
		must(pthread_mutex_lock(&w->lock) == 0);
		if (!atomic_load(&w->stopping)) {
			struct timespec until;

			must(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
			until.tv_nsec += FOLLOWER_WAIT_MS * 1000000L;
			if (until.tv_nsec >= 1000000000L) {
				until.tv_sec++;
				until.tv_nsec -= 1000000000L;
			}
			(void)pthread_cond_timedwait(&w->cond, &w->lock, &until);
		}
		must(pthread_mutex_unlock(&w->lock) == 0);
	}
	return NULL;
}

enum rc
serve_follower_start(struct follower **out, struct serve *s)
{
	struct follower *w = calloc(1, sizeof(*w));
	pthread_condattr_t attr;

	*out = NULL;
	if (w == NULL)
		return RC_NO_MEMORY;
	w->serve = s;
	must(pthread_mutex_init(&w->lock, NULL) == 0);
	must(pthread_condattr_init(&attr) == 0);
	must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	must(pthread_cond_init(&w->cond, &attr) == 0);
	(void)pthread_condattr_destroy(&attr);
	if (pthread_create(&w->thread, NULL, follower_run, w) != 0) {
		pthread_mutex_destroy(&w->lock);
		pthread_cond_destroy(&w->cond);
		free(w);
		return RC_NO_MEMORY;
	}
	(void)pthread_setname_np(w->thread, "follower");
	*out = w;
	return RC_OK;
}

void
serve_follower_stop(struct follower *w)
{
	if (w == NULL)
		return;
	must(pthread_mutex_lock(&w->lock) == 0);
	atomic_store(&w->stopping, true);
	must(pthread_cond_signal(&w->cond) == 0);
	must(pthread_mutex_unlock(&w->lock) == 0);
	must(pthread_join(w->thread, NULL) == 0);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->cond);
	free(w);
}
