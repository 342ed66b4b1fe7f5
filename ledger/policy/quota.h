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

struct quota_bucket {
	double level[QUOTA_MEASURES];
	int64_t at_us;
	bool used; /* false: full, whatever level says */
};

struct quota_ask {
	uint64_t amount[QUOTA_MEASURES];
};

/* May this be done now?  RC_OK takes it; RC_OVER_QUOTA takes nothing, '*retry_after_ms' (at least 1) is
 * when it would be, 'why' names the measure and the rate. */
enum rc quota_take(struct quota_bucket *b, const struct quota_rates *rates, const struct quota_ask *ask,
    int64_t now_us, uint64_t *retry_after_ms, struct why *why);
/* Give back what was taken and not used. */
void quota_give(struct quota_bucket *b, const struct quota_rates *rates, const struct quota_ask *ask);
/* Charge without asking (failed signatures); may go below zero, at most ten seconds' worth. */
void quota_charge(struct quota_bucket *b, const struct quota_rates *rates, const struct quota_ask *ask, int64_t now_us);

/*
 * The buckets of a log's clients, by identity: a bounded table; when it is full the client unseen for
 * longest makes room, which can only be in its favour once its bucket would be full again anyway.
 * One thread's.
 */
struct quota_clients;
struct quota_clients *quota_clients_new(size_t max, uint64_t seed);
void quota_clients_free(struct quota_clients *c);
/* Never NULL. */
struct quota_bucket *quota_clients_bucket(struct quota_clients *c, struct bytes identity, int64_t now_us);

#endif
