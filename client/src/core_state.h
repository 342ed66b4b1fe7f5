/*
 * core_state.h - the inside of a core, shared by core.c (life and time), core_send.c (calls out)
 * and core_recv.c (frames in).
 *
 * A call lives in the slot (id mod CORE_CALLS_MAX); ids only grow, and an id whose slot is still
 * taken is skipped, so finding a call is one look.  Requests may be begun before the link is ready:
 * they wait in 'out'.
 *
 * Invariants: out.n >= out_done; in_n bytes of 'in' are unparsed; a slot with id 0 is free;
 * 'closed' is called at most once, and nothing is called after it.
 */
#ifndef CLIENT_CORE_STATE_H
#define CLIENT_CORE_STATE_H

#include "base/arena.h"
#include "core.h"
#include "link.h"

struct core_call {
	uint32_t id; /* 0: free */
	bool stream, ended;
	uint32_t credit;
	int64_t deadline_us; /* 0: none */
};

struct ect_core {
	struct ect_link *link;
	struct ect_core_callbacks cb;
	char *log;
	struct buf out;
	size_t out_done;
	uint8_t *in;
	size_t in_n, in_room;
	struct arena arena; /* one frame's memory */
	struct core_call calls[CORE_CALLS_MAX];
	size_t call_count;
	uint32_t next_id;
	int64_t connect_by_us;
	int64_t earliest_us; /* no deadline is before this; 0: none */
	bool ready, draining, told_closed, stepping;
};

/* The call of that id, or NULL. */
struct core_call *core_call_of(struct ect_core *core, uint32_t id);
void core_call_drop(struct ect_core *core, struct core_call *c);

void core_read(struct ect_core *core);	/* what has come in: parse it, call back */
void core_write(struct ect_core *core); /* what can go out */

#endif
