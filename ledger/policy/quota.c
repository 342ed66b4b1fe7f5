/*
 * quota.c - token buckets, and a bounded table of them.
 *
 * A bucket's level is in units of its measure.  It grows with time up to one second's worth, and
 * falls by what is taken; only quota_charge() takes it below zero.
 *
 * Invariants: rate > 0 and used: -QUOTA_DEBT_S * rate <= level <= rate.  Of the table: every node is
 * in exactly one chain and on the list once it is taken; the list is in the order of use, newest
 * first; nodes are taken one by one until all are, then the oldest is given a new client.
 */
#include "policy/quota.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/must.h"

/* Time comes in whole microseconds: what is missing by less than a thousandth of a unit is there. */
#define LEVEL_EPSILON 1e-3

static const char *const names[QUOTA_MEASURES] = {"tokens", "bytes", "verifies"};

const char *
quota_measure_name(enum quota_measure m)
{
	must(m < QUOTA_MEASURES);
	return names[m];
}

static void
refill(struct quota_bucket *b, const struct quota_rates *rates, int64_t now_us)
{
	int64_t passed = b->used && now_us > b->at_us ? now_us - b->at_us : 0;

	for (size_t m = 0; m < QUOTA_MEASURES; m++) {
		double rate = (double)rates->per_s[m];

		if (b->used)
			b->level[m] += (double)passed * rate / 1e6;
		if (!b->used || b->level[m] > rate)
			b->level[m] = rate;
	}
	if (!b->used || passed > 0)
		b->at_us = now_us;
	b->used = true;
}

/* How long until 'amount' is there, or the bucket is full. */
static double
wait_s(double level, double rate, double amount)
{
	double want = amount < rate ? amount : rate;

	return level + LEVEL_EPSILON >= want ? 0 : (want - level) / rate;
}

enum rc
quota_take(struct quota_bucket *b, const struct quota_rates *rates, const struct quota_ask *ask,
    int64_t now_us, enum quota_measure *measure, uint64_t *retry_after_ms, struct why *why)
{
	double longest = 0;
	size_t at = 0;

	refill(b, rates, now_us);
	*retry_after_ms = 0;
	for (size_t m = 0; m < QUOTA_MEASURES; m++) {
		double s;

		if (rates->per_s[m] == 0 || ask->amount[m] == 0)
			continue;
		s = wait_s(b->level[m], (double)rates->per_s[m], (double)ask->amount[m]);
		if (s > longest) {
			longest = s;
			at = m;
		}
	}
	if (longest > 0) {
		*measure = (enum quota_measure)at;
		*retry_after_ms = (uint64_t)(longest * 1000) + 1;
		return why_set(why, RC_OVER_QUOTA, "quota", NULL, 0,
		    "more than %" PRIu64 " %s a second", rates->per_s[at],
		    at == QUOTA_VERIFIES ? "signature checks" : names[at]);
	}
	for (size_t m = 0; m < QUOTA_MEASURES; m++)
		if (rates->per_s[m] > 0)
			b->level[m] -= (double)ask->amount[m];
	/* Larger than the bucket: the rest is owed, up to the same bound as any debt. */
	quota_charge(b, rates, &(struct quota_ask){{0}}, now_us);
	return RC_OK;
}

void
quota_give(struct quota_bucket *b, const struct quota_rates *rates, const struct quota_ask *ask)
{
	for (size_t m = 0; m < QUOTA_MEASURES; m++) {
		b->level[m] += (double)ask->amount[m];
		if (b->level[m] > (double)rates->per_s[m])
			b->level[m] = (double)rates->per_s[m];
	}
}

void
quota_charge(struct quota_bucket *b, const struct quota_rates *rates, const struct quota_ask *ask,
    int64_t now_us)
{
	refill(b, rates, now_us);
	for (size_t m = 0; m < QUOTA_MEASURES; m++) {
		double floor = -QUOTA_DEBT_S * (double)rates->per_s[m];

		b->level[m] -= (double)ask->amount[m];
		if (b->level[m] < floor)
			b->level[m] = floor;
	}
}

/* ---- the table ---- */

struct node {
	uint64_t client;
	struct quota_bucket bucket;
	LIST_ENTRY(node) in_chain;
	TAILQ_ENTRY(node) in_order;
};
LIST_HEAD(chain, node);
TAILQ_HEAD(order, node);

struct quota_clients {
	struct node *nodes;
	size_t max, count;
	struct chain *chains;
	size_t mask;
	struct order order;
};

struct quota_clients *
quota_clients_new(size_t max)
{
	struct quota_clients *c = calloc(1, sizeof(*c));
	size_t chains = 1;

	must(max > 0);
	if (c == NULL)
		return NULL;
	while (chains < max)
		chains *= 2;
	c->max = max;
	c->mask = chains - 1;
	/* Untouched pages of these cost nothing. */
	c->nodes = calloc(max, sizeof(*c->nodes));
	c->chains = calloc(chains, sizeof(*c->chains));
	TAILQ_INIT(&c->order);
	if (c->nodes == NULL || c->chains == NULL) {
		quota_clients_free(c);
		return NULL;
	}
	return c;
}

void
quota_clients_free(struct quota_clients *c)
{
	if (c == NULL)
		return;
	free(c->nodes);
	free(c->chains);
	free(c);
}

size_t
quota_clients_count(const struct quota_clients *c)
{
	return c->count;
}

struct quota_bucket *
quota_clients_bucket(struct quota_clients *c, uint64_t client)
{
	struct chain *chain = &c->chains[client & c->mask];
	struct node *n;

	LIST_FOREACH(n, chain, in_chain)
	if (n->client == client)
		break;
	if (n != NULL) {
		TAILQ_REMOVE(&c->order, n, in_order);
		TAILQ_INSERT_HEAD(&c->order, n, in_order);
		return &n->bucket;
	}
	if (c->count < c->max) {
		n = &c->nodes[c->count++];
	} else {
		n = TAILQ_LAST(&c->order, order);
		LIST_REMOVE(n, in_chain);
		TAILQ_REMOVE(&c->order, n, in_order);
	}
	n->client = client;
	n->bucket = (struct quota_bucket){0};
	LIST_INSERT_HEAD(chain, n, in_chain);
	TAILQ_INSERT_HEAD(&c->order, n, in_order);
	return &n->bucket;
}
