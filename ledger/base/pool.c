/*
 * pool.c - threads over one queue.
 *
 * Every thread's local state is made before the first thread starts, so a pool either starts whole
 * or not at all. Pool threads take no signals: those belong to the loop.
 *
 * Niceness: Linux keeps one for each thread, whatever POSIX says of processes (setpriority(2), NOTES).
 */
#include "base/pool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/must.h"

struct pool_thread {
	pthread_t id;
	struct pool *pool;
	void *local;
	unsigned number;
	bool started, has_local;
};

struct pool {
	struct queue queue;
	struct pool_options options;
	struct pool_thread *threads;
};

static struct pool_work *
work_of(struct queue_link *link)
{
	/* The link is the first member. */
	return (struct pool_work *)(void *)link;
}

_Static_assert(offsetof(struct pool_work, link) == 0, "work_of() relies on it");

void
pool_nice(int nice)
{
	const id_t self = (id_t)gettid();
	int old;

	must(nice >= 0);
	errno = 0;
	old = getpriority(PRIO_PROCESS, self);
	if (errno == 0)
		(void)setpriority(PRIO_PROCESS, self, old + nice);
}

static void *
pool_main(void *arg)
{
	struct pool_thread *t = arg;
	struct pool *pool = t->pool;
	struct queue_link *chain;
	char name[16];

	(void)snprintf(name, sizeof(name), "%.11s-%u", pool->options.name, t->number % 1000);
	(void)pthread_setname_np(pthread_self(), name); /* only a help to the eye */
	if (pool->options.nice > 0)
		pool_nice(pool->options.nice);
	while (queue_take(&pool->queue, pool->options.take_max, &chain) > 0) {
		while (chain != NULL) {
			struct pool_work *work = work_of(chain);

			chain = chain->next; /* before run(): it owns the item and may free it */
			work->run(work, t->local);
		}
	}
	return NULL;
}

static enum rc
pool_start_threads(struct pool *pool)
{
	sigset_t all, old;
	enum rc rc = RC_OK;
	unsigned i;

	must(sigfillset(&all) == 0);
	must(pthread_sigmask(SIG_SETMASK, &all, &old) == 0);
	for (i = 0; i < pool->options.threads && rc == RC_OK; i++) {
		struct pool_thread *t = &pool->threads[i];

		if (pthread_create(&t->id, NULL, pool_main, t) == 0)
			t->started = true;
		else
			rc = RC_NO_MEMORY;
	}
	must(pthread_sigmask(SIG_SETMASK, &old, NULL) == 0);
	return rc;
}

enum rc
pool_start(struct pool **out, const struct pool_options *options)
{
	struct pool *pool = NULL;
	enum rc rc = RC_NO_MEMORY;
	unsigned i;

	must(options->threads >= 1 && options->queue_max >= 1 && options->take_max >= 1);
	must(options->name != NULL);
	*out = NULL;
	if ((pool = calloc(1, sizeof(*pool))) == NULL)
		return RC_NO_MEMORY;
	pool->options = *options;
	queue_init(&pool->queue, options->queue_max);
	if ((pool->threads = calloc(options->threads, sizeof(*pool->threads))) == NULL)
		goto out;
	for (i = 0; i < options->threads; i++) {
		struct pool_thread *t = &pool->threads[i];

		t->pool = pool;
		t->number = i;
		if (options->local_new == NULL)
			continue;
		if ((t->local = options->local_new(options->ctx)) == NULL)
			goto out;
		t->has_local = true;
	}
	rc = pool_start_threads(pool);

out:
	if (rc == RC_OK)
		*out = pool;
	else
		pool_stop(pool);
	return rc;
}

void
pool_stop(struct pool *pool)
{
	unsigned i;

	if (pool == NULL)
		return;
	queue_close(&pool->queue);
	for (i = 0; pool->threads != NULL && i < pool->options.threads; i++) {
		struct pool_thread *t = &pool->threads[i];

		if (t->started)
			must(pthread_join(t->id, NULL) == 0);
		if (t->has_local && pool->options.local_free != NULL)
			pool->options.local_free(t->local);
	}
	queue_release(&pool->queue);
	free(pool->threads);
	free(pool);
}

bool
pool_submit(struct pool *pool, struct pool_work *work)
{
	must(work != NULL && work->run != NULL);
	return queue_push(&pool->queue, &work->link);
}
