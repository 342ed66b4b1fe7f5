/*
 * submit.h - private to serve/: an append's tokens between the loop, the pool, the keeper and the
 * writer.
 */
#ifndef SERVE_SUBMIT_H
#define SERVE_SUBMIT_H

#include "serve/call.h"

#define SUBMIT_PART_TOKENS 16 /* judged on one thread, in one arena */

struct submit_item {          /* one token */
	struct writer_item writer;
	struct call *call;
	struct bytes raw;
	bool read;            /* token and claim are there: the form is good */
	struct token token;
	struct claim claim;
	enum rc rc;           /* of the judges; the writer's is writer.job.rc */
	struct why why;
};

struct submit_part {          /* a run of tokens that one thread judges */
	struct pool_work work;
	struct call *call;
	struct submit_item *items;
	size_t count;
	/* the call's for the first part, 'own' for the others: an arena is one thread's */
	struct arena *arena;
	struct arena own;
	struct submit_part *next; /* while parked with the keeper */
};

struct submit {
	struct submit_item *items;
	size_t count;
	struct submit_part *parts;
	size_t part_count;
	size_t left;          /* items that the writer has not handed back; writer thread */
	uint64_t first_number;
	bool no_receipt;
};

#endif
