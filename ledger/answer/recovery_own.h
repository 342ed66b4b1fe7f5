/*
 * recovery_own.h - private to recovery*.c: the records as the replay knows them.
 */
#ifndef ANSWER_RECOVERY_OWN_H
#define ANSWER_RECOVERY_OWN_H

#include "answer/list.h"
#include "answer/recovery.h"
#include "answer/undo.h"

/* Flags that leave a request without effect, whatever comes. */
#define RECOVERY_VOID                                                                              \
	(RECOVERY_BREACH | RECOVERY_UNSIGNED | RECOVERY_BAD_SCOPE | RECOVERY_UNKNOWN_TARGET |      \
	    RECOVERY_BAD_TARGET | RECOVERY_NOT_AUTHORIZED | RECOVERY_STALE_REQUEST |               \
	    RECOVERY_IDEM_CONFLICT | RECOVERY_BAD_TRANSITION)
/* Flags after which it is not known what was asked for: such a request's idem stands for nothing. */
#define RECOVERY_UNCLEAR                                                                           \
	(RECOVERY_BREACH | RECOVERY_UNSIGNED | RECOVERY_BAD_SCOPE | RECOVERY_UNKNOWN_TARGET)

struct recovery_request {
	uint32_t index;
	unsigned flags; /* enum recovery_flag */
	uint32_t
	    first; /* number of the request it stands for: its own, or of a repeat the first's */
	enum undo_scope scope;
	uint32_t *roots; /* ascending: the set that it names, else what it rests on */
	size_t root_count;
	uint32_t target_cp;  /* as it names one; FACTS_NONE */
	uint32_t checkpoint; /* that one or the nearest; FACTS_NONE: of no such scope */
	struct bytes idem;   /* NULL: has none */
	uint64_t until_ms;   /* stale behind */
	bool touched;	     /* its set has a task that was asked about */
	uint8_t outcome;     /* enum result_code of the newest result with effect; 0: open */
};

struct recovery_result {
	uint32_t index;
	uint32_t request; /* number of the one it rests on; FACTS_NONE: none */
	unsigned flags;
	uint8_t outcome; /* enum result_code; 0: none that is known */
};

struct recovery_other { /* a failure or a compensation */
	uint32_t index;
	unsigned flags;
	bool touched;
};

struct recovery {
	const struct facts_view *v;
	const struct budget *budget;
	struct why *why;
	uint64_t now_ms; /* the tree's time */
	bool complete;
	struct arena scratch; /* lives as long */
	struct arena page;    /* for one record at a time */
	struct undo undo;
	uint32_t *first_task; /* of workflows whose number was given away by a descriptor: 1 + it; 0: not looked for */
	struct recovery_request *requests; /* ascending index, as the others */
	size_t request_count;
	struct recovery_result *results;
	size_t result_count;
	struct recovery_other *others;
	size_t other_count;
	/* Tasks that are followed, ascending: those asked about, every request's roots, and what else the failures and
	 * compensations of those asked about name. */
	uint32_t *tasks;
	size_t count;
	struct marks asked, followed;
	uint8_t *state, *before;	  /* 'before': of a request that is open */
	uint32_t *by, *before_by, *owner; /* owner: number of the newest request for it */
	struct index_list rests_on;
};

/* Read all records that can matter and replay them, following these tasks (ascending, none twice).  'more': failures and
 * compensations to be judged in any case; NULL: none.  recovery_close() after, always. */
enum rc recovery_open(struct recovery *r, const struct facts_view *v, const uint32_t *tasks,
    size_t count, const struct index_list *more, const struct budget *budget, struct why *why);
void recovery_close(struct recovery *r);
/* Place of a task among those that are followed; r->count: it is not. */
size_t recovery_place(const struct recovery *r, uint32_t index);

/* ---- recovery_follow.c ---- */

/* Fills the tasks with their first states, and the failures and compensations that name one of them. */
enum rc recovery_follow(
    struct recovery *r, const uint32_t *tasks, size_t count, const struct index_list *more);

/* ---- recovery_read.c ---- */

/* Read and judge every request up to r's size. */
enum rc recovery_read_requests(struct recovery *r);
/* The number of the request at this entry; FACTS_NONE. */
uint32_t recovery_request_at(const struct recovery *r, uint32_t index);
/* Reach the request's set in r->undo, at the size that it was written at.  RC_NOT_FOUND: its checkpoint is none of its
 * tasks'. */
enum rc recovery_reach(struct recovery *r, const struct recovery_request *q);
/* Work among an entry's predecessors, those of failures included when 'through': into the list. */
void recovery_work_parents(
    const struct facts_view *v, uint32_t index, bool through, struct index_list *out);
/* The work that a failure or compensation names; of one that breaks its kind's row, the work among its predecessors. */
void recovery_named(
    const struct facts_view *v, uint32_t index, struct arena *scratch, struct index_list *out);
enum rc recovery_no_memory(struct why *why);

#endif
