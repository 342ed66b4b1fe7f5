/*
 * follow.h - keeps a log's facts up to date: reads entries, each checked against its leaf, and feeds
 * them in order.
 *
 * Threads: any; one feeds at a time, the others wait for it.
 */
#ifndef QUERY_FOLLOW_H
#define QUERY_FOLLOW_H

#include "facts/facts.h"
#include "query/query.h"

#define FOLLOW_STRIDE 2048 /* entries fed without letting others in, under one read snapshot */

struct follow;
enum rc follow_new(struct follow **out, const struct facts_options *options);
void follow_free(struct follow *w); /* NULL is fine */
/* Any thread: what has been fed so far. */
const struct facts *follow_facts(const struct follow *w);
/*
 * Feed until the facts reach 'size' (at most log->size).  RC_BUSY: the time was over before ('why' says how
 * far it got; what was fed stays); RC_TOO_LARGE: the log does not fit into the memory that is allowed;
 * RC_CORRUPT: an entry is damaged.
 */
enum rc follow_reach(struct follow *w, const struct query_log *log, uint64_t size,
    const struct budget *budget, struct why *why);

#endif
