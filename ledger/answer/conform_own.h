/*
 * conform_own.h - a workflow under judgement; private to conform*.c.
 */
#ifndef ANSWER_CONFORM_OWN_H
#define ANSWER_CONFORM_OWN_H

#include "answer/conform.h"
#include "answer/lifecycle.h"
#include "answer/rests.h"
#include "answer/trust.h"

/* What a policy must promise: six months (Regulation (EU) 2024/1689 article 19), as 180 days. */
#define CONFORM_RETENTION_S INT64_C(15552000)

struct conforming {
	const struct facts_view *v;
	const struct conform_ask *ask;
	const struct budget *budget; /* memory from the scratch arena */
	const struct lifecycle *life;
	struct trust_book *trust;
	uint32_t wid;
	const uint32_t *at; /* its entries, ascending */
	size_t count;
	bool *covered; /* by position: a checkpoint comes before it */
	bool complete;
	uint64_t level_1, level_3;
	struct conform_finding findings[CONFORM_RULES];
	struct rests *rests; /* of the answer: entries that were looked at */
};

void conform_find(struct conforming *c, enum conform_rule rule, uint32_t first);
/* conform_check.c: what each entry says by itself, oldest first. */
enum rc conform_entries(struct conforming *c);
/* conform_ask.c: what other answers say about the workflow. */
enum rc conform_others(struct conforming *c, struct why *why);

#endif
