/*
 * circuit_own.h - private to circuit*.c: calls and reports as they are gathered, and the replay of one edge.
 */
#ifndef ANSWER_CIRCUIT_OWN_H
#define ANSWER_CIRCUIT_OWN_H

#include "answer/circuit.h"
#include "answer/list.h"

struct circuit_call {
	uint32_t from, to;
	uint32_t index;	  /* the callee's task */
	uint32_t failure; /* the first that names it; FACTS_NONE: good */
};
struct circuit_told {
	uint32_t from, to;
	uint32_t index;
};

struct circuit_calls {		   /* zeroed: empty; circuit_calls_release() */
	struct circuit_call *call; /* by edge, then index; none twice */
	size_t count, room;
	struct circuit_told *told; /* by edge, then index */
	size_t told_count, told_room;
	size_t strays;
	bool complete;
};
/* All calls and reports of the edges asked for. */
enum rc circuit_gather(const struct facts_view *v, const struct circuit_question *q,
    const struct budget *budget, struct circuit_calls *out);
void circuit_calls_release(struct circuit_calls *c);

/* Replay one edge.  'edge' has from and to; its lists are views into 'lists', good until the next edge.  'window' gets
 * the entries that the state now rests on. */
struct circuit_lists {
	struct circuit_change change[CIRCUIT_LIST_MAX], changes[CIRCUIT_LIST_MAX];
	struct circuit_report report[CIRCUIT_LIST_MAX], reports[CIRCUIT_LIST_MAX];
	uint32_t *failed; /* places of calls with a failure, by failure */
	size_t failed_room;
	uint8_t *bad;
	size_t bad_room;
};
enum rc circuit_replay(const struct facts_view *v, const struct circuit_call *calls, size_t count,
    const struct circuit_told *told, size_t told_count, struct circuit_lists *lists,
    struct circuit_edge *edge, struct index_list *window);
void circuit_lists_release(struct circuit_lists *l);

#endif
