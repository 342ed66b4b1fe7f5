/*
 * quota.h - how much a log, and each client of it, may ask for in a second.  Pure arithmetic on token
 * buckets, each as deep as one second's worth; the clock comes in.
 *
 * Three measures: tokens, token bytes, signature checks.  A check that failed is charged again
 * failed_weight - 1 times after the fact, which can take a bucket below zero: whoever sends garbage
 * pays for it with what he may send next.  A request larger than a second's worth goes on credit when
 * the bucket is full, so that it is possible at all.
 */
#ifndef POLICY_QUOTA_H
#define POLICY_QUOTA_H

#include "base/bytes.h"
#include "base/rc.h"

enum quota_measure { QUOTA_TOKENS, QUOTA_BYTES, QUOTA_VERIFIES, QUOTA_MEASURES };

struct quota_rates {
	uint64_t per_s[QUOTA_MEASURES]; /* 0: no limit */
};

struct quota_bucket { /* all zero: full */
	double level[QUOTA_MEASURES];
	int64_t at_us;
	bool used; /* false: full, whatever level says */
};

const char *quota_measure_name(enum quota_measure m); /* "tokens", "bytes", "verifies" */

struct quota_ask {
	uint64_t amount[QUOTA_MEASURES];
};

/* May this be done now?  RC_OK takes it; RC_OVER_QUOTA takes nothing, '*retry_after_ms' (at least 1) is
 * when it would be, '*measure' what there is least of, and 'why' names it and its rate. */
enum rc quota_take(struct quota_bucket *b, const struct quota_rates *rates,
    const struct quota_ask *ask, int64_t now_us, enum quota_measure *measure,
    uint64_t *retry_after_ms, struct why *why);
/* Give back what was taken and not used. */
void quota_give(
    struct quota_bucket *b, const struct quota_rates *rates, const struct quota_ask *ask);
/* Charge without asking (failed signatures); may go below zero, at most QUOTA_DEBT_S seconds' worth. */
#define QUOTA_DEBT_S 10
void quota_charge(struct quota_bucket *b, const struct quota_rates *rates,
    const struct quota_ask *ask, int64_t now_us);

/*
 * The buckets of a log's clients, by a number that stands for the client (a hash of its identity):
 * a bounded table; when it is full the client unseen for longest makes room.  What it owed is
 * forgotten then, so the table should hold more clients than there are certificates in use.  One
 * thread's.
 */
struct quota_clients;
struct quota_clients *quota_clients_new(size_t max); /* NULL: out of memory */
void quota_clients_free(struct quota_clients *c);    /* NULL is fine */
/* The client's bucket, a full one when it is new.  Never NULL; valid until the next call. */
struct quota_bucket *quota_clients_bucket(struct quota_clients *c, uint64_t client);
size_t quota_clients_count(const struct quota_clients *c);

#endif
