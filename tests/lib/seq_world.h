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

/* What the tokens of a world are signed with, so to speak: any JSON is material enough. */
#define WORLD_KEY    "{\"key\":1}"
#define WORLD_DOMAIN "example.com"
/* Entries of a new world: WORLD_KEY's enrolment. */
#define WORLD_FIRST 1

void world_open_bare(struct world *w); /* the same without the key */
void world_open(struct world *w);          /* a new log with its first checkpoint and its key */
void world_close(struct world *w);
/* As after a crash: committed state only; index rebuilt. */
void world_crash(struct world *w);
/* One key event about 'material' in WORLD_DOMAIN, as a batch of its own; 'since' of a revocation. */
enum rc world_key(struct ledger *l, int64_t now_ms, enum event_action action, const char *material, int64_t since);
/* The same event's bytes, in the arena. */
struct bytes world_event(enum event_action action, const char *material, int64_t since, struct arena *arena);
/* Signed with WORLD_KEY. */
void world_job_init(struct world_job *j, const struct token_make *t);
void world_job_plain(struct world_job *j, const struct token_make *t); /* L1: nobody signed */
void world_job_key(struct world_job *j, const char *material); /* with another one */
void world_job_release(struct world_job *j);
enum rc world_step(struct world *w, struct world_job *jobs, size_t count);
/* A stored entry, copied into the arena. */
void world_entry(struct ledger *l, uint64_t index, struct arena *arena, struct entry *entry);
void world_root(struct world *w, struct hash *root); /* of the newest checkpoint, opened under the log's key */

#endif
