/*
 * circuit.h - which callee fails which caller so often that no more calls should be made, by outcomes in the
 * log alone, and whether agents' own breakers agree.  docs/RECOVERY.md section 3 has the rules.
 */
#ifndef ANSWER_CIRCUIT_H
#define ANSWER_CIRCUIT_H

#include "base/budget.h"
#include "facts/facts.h"

#define CIRCUIT_PAGE	 100
#define CIRCUIT_PAGE_MAX 1000
#define CIRCUIT_LIST_MAX 100 /* changes, and reports, listed of one edge: the newest */

const char *circuit_text(enum circuit_code state); /* "closed", "open", "half_open" */

struct circuit_question {
	uint32_t from, to; /* issuers' numbers; FACTS_NONE: any */
	bool all;	   /* edges that never left closed and that nobody told of, too */
	size_t limit;
	uint64_t after; /* next of the page before; 0: from the beginning */
};

struct circuit_change {
	enum circuit_code state;
	uint64_t at_ms;
	uint32_t index; /* the entry that brought it; FACTS_NONE: time did */
	uint32_t bad, calls;
};
struct circuit_report {
	uint32_t index;
	enum circuit_code told, computed;
	bool by_caller;
};
struct circuit_edge {
	uint32_t from, to;
	enum circuit_code state;
	uint64_t since_ms; /* 0: from the beginning */
	uint32_t bad, calls;
	size_t calls_total, bad_total, self_reported, third_party, while_open;
	const struct circuit_change *changes; /* oldest first */
	size_t change_count, change_total;
	const struct circuit_report *reports;
	size_t report_count, report_total, disagree_total;
};
struct circuit_answer {
	uint64_t tree_size;
	bool complete;
	const struct circuit_edge
	    *edges; /* by caller, then callee, in the order of their first appearance */
	size_t edge_count;
	size_t edge_total, open, half_open; /* of all edges asked for */
	size_t strays;			    /* reports that name no edge */
	uint64_t next;			    /* 0: the last page */
	uint64_t *rests_on;
	size_t rests_on_count;
};
enum rc answer_circuit(const struct facts_view *v, const struct circuit_question *question,
    const struct budget *budget, struct circuit_answer *out, struct why *why);

#endif
