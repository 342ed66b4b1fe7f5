/*
 * recovery_list.h - the requests about a task or a workflow, what was answered, what is wrong with each record, and the
 * states that came of it.  docs/RECOVERY.md has the rules.
 */
#ifndef ANSWER_RECOVERY_LIST_H
#define ANSWER_RECOVERY_LIST_H

#include "answer/recovery.h"

#define RECOVERY_PAGE	     1000
#define RECOVERY_PAGE_MAX    10000
#define RECOVERY_RESULTS_MAX 100 /* listed of one request; all are counted */

struct recovery_question {
	bool by_wid;
	uint32_t wid;	     /* with by_wid */
	uint32_t entry;	     /* else: a task, or a failure, request, result or compensation */
	size_t limit;	     /* records of a page, and tasks of a page */
	uint32_t from;	     /* records at or behind this index */
	uint32_t tasks_from; /* tasks likewise */
};

enum recovery_request_state {
	REQUEST_OPEN,
	REQUEST_STALE, /* nobody answered in time */
	REQUEST_SUCCESS,
	REQUEST_PARTIAL,
	REQUEST_REFUSED,
	REQUEST_IRREVERSIBLE,
	REQUEST_FAILED,
	REQUEST_REPEAT, /* see the first one */
	REQUEST_VOID,	/* its flags say why */
	REQUEST_STATES
};
const char *recovery_request_text(enum recovery_request_state state);

struct recovery_reply_item { /* a result */
	uint32_t index;
	uint8_t outcome; /* enum result_code; 0: none that is known */
	unsigned flags;
};
struct recovery_request_item {
	uint32_t index;
	enum recovery_request_state state;
	unsigned flags;
	const char *scope; /* "node", "failed", "checkpoint", "full", "workflow"; NULL: not known */
	struct bytes idem; /* NULL: none */
	const uint32_t *roots;
	size_t root_count;
	uint32_t checkpoint;			   /* FACTS_NONE */
	uint64_t until_ms;			   /* UINT64_MAX: for ever */
	const struct recovery_reply_item *results; /* ascending; the first RECOVERY_RESULTS_MAX */
	size_t result_count;			   /* of those listed */
	size_t result_total;
};
struct recovery_record_item { /* a failure, a compensation, or a result without a request */
	uint32_t index;
	unsigned flags;
};
struct recovery_task_item {
	uint32_t index;
	enum recovery_state state;
	uint32_t by;
};

struct recovery_list {
	uint64_t tree_size;
	bool complete;
	const struct recovery_request_item *requests; /* ascending */
	size_t request_count;
	const struct recovery_record_item *records; /* ascending */
	size_t record_count;
	uint32_t next; /* 'from' of the next page; FACTS_NONE: this was the last */
	const struct recovery_task_item
	    *tasks; /* ascending; of a workflow those that are not completed */
	size_t task_count;
	uint32_t tasks_next;
	size_t by_state[RECOVERY_STATES]; /* of all tasks asked about */
	uint64_t *rests_on;
	size_t rests_on_count;
};
/* RC_BAD_REQUEST: the entry is neither work nor a recovery record. */
enum rc answer_recovery(const struct facts_view *v, const struct recovery_question *question,
    const struct budget *budget, struct recovery_list *out, struct why *why);

#endif
