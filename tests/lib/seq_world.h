/*
 * seq_world.h - a log over memory stores with a frozen clock, and a feeder of tokens: for the
 * sequencer's tests.
 */
#ifndef TESTS_SEQ_WORLD_H
#define TESTS_SEQ_WORLD_H

#include "lib/token_make.h"
#include "seq/seq.h"

struct world {
	struct store *store;
	struct ledger *ledger;
	struct policy_rules rules;
	int64_t now_ms;
};

/* One token on its way: parsed, with its job. */
struct world_job {
	char *text;
	struct arena arena;
	struct token token;
	struct claim claim;
	struct seq_job job;
};

void world_open(struct world *w);          /* a new log with its first checkpoint */
void world_close(struct world *w);
/* As after a crash: committed state only; index rebuilt. */
void world_crash(struct world *w);
void world_job_init(struct world_job *j, const struct token_make *t);
void world_job_release(struct world_job *j);
enum rc world_step(struct world *w, struct world_job *jobs, size_t count);
void world_root(struct world *w, struct hash *root); /* of the newest checkpoint, opened under the log's key */

#endif
