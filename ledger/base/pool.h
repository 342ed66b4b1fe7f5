/*
 * pool.h - N threads that do work items.  Work is pure: item in, item out, no locks of its own.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/queue.h"
#include "base/rc.h"

struct pool;

/* One item of work.  Embed it; 'run' is called once on some pool thread with that thread's 'local'
 * and then owns the item. */
struct pool_work {
	struct queue_link link;
	void (*run)(struct pool_work *work, void *local);
};

struct pool_options {
	unsigned threads;        /* at least 1 */
	size_t queue_max;        /* items waiting */
	size_t take_max;         /* items a thread takes at once; 1 for long work */
	const char *name;        /* thread name, at most 12 characters */
	int nice;                /* added to its threads' niceness; where that is refused they go on without */
	void *(*local_new)(void *ctx); /* per-thread state (verify contexts); may be NULL */
	void (*local_free)(void *local);
	void *ctx;
};

enum rc pool_start(struct pool **out, const struct pool_options *options);
/* Stop taking work, finish what is queued, join.  NULL is fine. */
void pool_stop(struct pool *pool);
/* The calling thread gives way to others from here on: 'nice' (at least 0) is added to its niceness. */
void pool_nice(int nice);
/* False when the queue is full. */
bool pool_submit(struct pool *pool, struct pool_work *work);

#endif
