/*
 * facts_world.h - facts without a store: tasks as a test writes them down, fed one by one.
 */
#ifndef TESTS_FACTS_WORLD_H
#define TESTS_FACTS_WORLD_H

#include "base/budget.h"
#include "facts/facts.h"
#include "policy/book.h"

struct facts_world {
	struct facts *f;
	struct book *book;
	struct arena arena;   /* of everything that was fed, and of answers by world_budget() */
	struct arena scratch;
	uint64_t now_ms;      /* receive time of the next entry; begins at 1,000,000,000,000 and moves by 1,000 */
	struct budget budget; /* roomy; change it at will */
};

/* A task; what is not set has a default that is right for most tests. */
struct world_task {
	const char *iss;	 /* short: "a" is spiffe://example.com/agent/a; with a colon as it is.  NULL: "a" */
	const char *act;	 /* NULL: "step" */
	const char *wid;	 /* NULL: workflow "w"; "": none; any other short name is a workflow of its own */
	const char *ext;	 /* JSON; NULL: none.  "@7" with quotes stands for the id of entry 7: {"compensates":"@7"} */
	uint32_t parents[100];
	size_t parent_count;
	int64_t iat;		 /* 0: the receive time */
	uint64_t received_ms;	 /* 0: now_ms */
	enum token_level level;	 /* 0: LEVEL_2 */
	bool no_hashes;		 /* else it has both, of its index */
	const uint8_t *inp, *out; /* 32 bytes instead */
	const uint8_t *jti;	 /* 16 bytes instead of the one made of its index */
	unsigned flags;		 /* more of enum entry_flags */
};

void world_init(struct facts_world *w);
void world_release(struct facts_world *w);
/* Feed a task; its index. */
uint32_t world_add(struct facts_world *w, const struct world_task *t);
/* The usual short form: world_task_of("b", "failure", "{...}", 2, (uint32_t[]){0, 1}). */
uint32_t world_put(struct facts_world *w, const char *iss, const char *act, const char *ext, size_t parent_count,
    const uint32_t *parents);
/* A policy document comes into force (must be readable). */
uint32_t world_policy(struct facts_world *w, const char *json);
/* Any entry with these bytes: events of the log's own. */
uint32_t world_event(struct facts_world *w, enum entry_kind kind, struct bytes payload);
struct facts_view world_view(const struct facts_world *w);
struct facts_view world_view_at(const struct facts_world *w, uint32_t size);
/* The id of entry 'index', as bytes and as text (in the world's arena). */
void world_jti(uint32_t index, uint8_t out[UUID_SIZE]);
const char *world_jti_text(struct facts_world *w, uint32_t index);
void world_wid(const char *name, uint8_t out[UUID_SIZE]);
struct bytes world_iss(struct facts_world *w, const char *name);

#endif
