/*
 * queue.h - a bounded hand-off between threads: at each one an item changes owner.
 *
 * Many producers, many consumers.  Items are intrusive links, so a push cannot fail for want of
 * memory; the bound is counted.  Closing wakes every waiter; what is queued can still be taken.
 */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <pthread.h>

struct queue_link {
	struct queue_link *next;
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct queue_link *head, **tail;
	size_t count, max;
	bool closed;
};

void queue_init(struct queue *q, size_t max);
void queue_release(struct queue *q); /* must be empty */
void queue_close(struct queue *q);
/* False when full or closed: the item stays the caller's. */
bool queue_push(struct queue *q, struct queue_link *item);
/* Push a whole chain of 'count' items, bound not checked (the items were counted when their slots
 * were taken). */
void queue_push_chain(struct queue *q, struct queue_link *first, struct queue_link *last, size_t count);
/* Wait until there is something (or closed), then take up to 'max' items as a chain ended by NULL;
 * the count, 0 only when closed and empty. */
size_t queue_take(struct queue *q, size_t max, struct queue_link **chain);
/* The same without waiting. */
size_t queue_try_take(struct queue *q, size_t max, struct queue_link **chain);
size_t queue_count(struct queue *q);

#endif
