/*
 * wait.h - tokens whose parents are not there yet: a bounded pool, pure memory, no clock and no
 * thread of its own; private to seq/ (the writer's thread drives it).
 *
 * A token waits for one of its missing parents at a time, whichever the caller names: it cannot be
 * complete before that one is there.  When it has come, the token is ready; it is judged again, and
 * if another parent is missing it is put in once more.  Since a parent that came is missing no
 * longer, a token is judged at most once for each of its parents.
 *
 * The pool borrows items and uses their 'next'.  What is ready still counts against the bounds
 * until it is taken, so that what was let in once finds its room again.
 */
#ifndef SEQ_WAIT_H
#define SEQ_WAIT_H

#include "seq/writer.h"

struct wait_pool;

struct wait_bounds {
	size_t tokens_max, bytes_max, client_tokens_max; /* each a hard bound; 0: none may wait */
};

/* 'seed' keys the hash tables (clients choose the ids).  NULL: out of memory. */
struct wait_pool *wait_new(const struct wait_bounds *bounds, uint64_t seed);
void wait_free(struct wait_pool *p); /* empty, or the caller has taken everything */
/* The item waits for 'jti' until item->deadline_us.  False: no room. */
bool wait_add(struct wait_pool *p, struct writer_item *item, const uint8_t jti[UUID_SIZE]);
/* A token with this id got in, in whatever scope: what waits for it is ready, in order of arrival. */
void wait_admitted(struct wait_pool *p, const uint8_t jti[UUID_SIZE]);
/* Up to 'max' ready items, first ready first, as a chain; how many. */
size_t wait_take(struct wait_pool *p, size_t max, struct writer_item **first);
/* Items that are not ready and whose deadline is at or before 'now_us', earliest first. */
size_t wait_expired(struct wait_pool *p, int64_t now_us, struct writer_item **first);
/* Everything: first what is ready, then by deadline. */
size_t wait_take_all(struct wait_pool *p, struct writer_item **first);
size_t wait_count(const struct wait_pool *p);
bool wait_any_ready(const struct wait_pool *p);
/* The earliest deadline of what is not ready; INT64_MAX: none. */
int64_t wait_deadline(const struct wait_pool *p);

#endif
