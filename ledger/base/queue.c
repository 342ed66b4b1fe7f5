/*
 * queue.c - one mutex, one condition, a singly linked chain.
 *
 * A lock is taken once for a whole chain, so at load its cost is shared by the batch; a lone item
 * pays one lock and one wake.  Invariants under the lock: count is the chain's length; tail points
 * at the last link's next, or at head.
 */
#include "base/queue.h"

#include "base/must.h"

static void
queue_lock(struct queue *q)
{
	must(pthread_mutex_lock(&q->lock) == 0);
}

static void
queue_unlock(struct queue *q)
{
	must(pthread_mutex_unlock(&q->lock) == 0);
}

void
queue_init(struct queue *q, size_t max)
{
	must(max > 0);
	must(pthread_mutex_init(&q->lock, NULL) == 0);
	must(pthread_cond_init(&q->filled, NULL) == 0);
	q->head = NULL;
	q->tail = &q->head;
	q->count = 0;
	q->max = max;
	q->closed = false;
}

void
queue_release(struct queue *q)
{
	must(q->count == 0 && q->head == NULL);
	must(pthread_cond_destroy(&q->filled) == 0);
	must(pthread_mutex_destroy(&q->lock) == 0);
}

void
queue_close(struct queue *q)
{
	queue_lock(q);
	q->closed = true;
	must(pthread_cond_broadcast(&q->filled) == 0);
	queue_unlock(q);
}

/* Under the lock. */
static void
queue_append(struct queue *q, struct queue_link *first, struct queue_link *last, size_t count)
{
	last->next = NULL;
	*q->tail = first;
	q->tail = &last->next;
	q->count += count;
	if (count == 1)
		must(pthread_cond_signal(&q->filled) == 0);
	else
		must(pthread_cond_broadcast(&q->filled) == 0);
}

bool
queue_push(struct queue *q, struct queue_link *item)
{
	bool fits;

	must(item != NULL);
	queue_lock(q);
	fits = !q->closed && q->count < q->max;
	if (fits)
		queue_append(q, item, item, 1);
	queue_unlock(q);
	return fits;
}

void
queue_push_chain(struct queue *q, struct queue_link *first, struct queue_link *last, size_t count)
{
	must(first != NULL && last != NULL && count > 0);
	queue_lock(q);
	queue_append(q, first, last, count);
	queue_unlock(q);
}

/* Under the lock. */
static size_t
queue_cut(struct queue *q, size_t max, struct queue_link **chain)
{
	size_t n = 0;
	struct queue_link **at = &q->head;

	*chain = q->head;
	if (q->count <= max) { /* all of it: no walk */
		n = q->count;
		q->head = NULL;
		q->tail = &q->head;
		q->count = 0;
		return n;
	}
	for (n = 0; n < max; n++)
		at = &(*at)->next;
	q->head = *at;
	*at = NULL;
	q->count -= n;
	return n;
}

size_t
queue_take(struct queue *q, size_t max, struct queue_link **chain)
{
	size_t n;

	must(max > 0);
	queue_lock(q);
	while (q->count == 0 && !q->closed)
		must(pthread_cond_wait(&q->filled, &q->lock) == 0);
	n = queue_cut(q, max, chain);
	queue_unlock(q);
	return n;
}

size_t
queue_try_take(struct queue *q, size_t max, struct queue_link **chain)
{
	size_t n;

	must(max > 0);
	queue_lock(q);
	n = queue_cut(q, max, chain);
	queue_unlock(q);
	return n;
}

size_t
queue_count(struct queue *q)
{
	size_t n;

	queue_lock(q);
	n = q->count;
	queue_unlock(q);
	return n;
}
