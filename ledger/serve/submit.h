/*
 * submit.h - private to serve/: an append's tokens between the loop, the pool, the keeper and the
 * writer.
 *
 *   submit.c        (loop)          the request taken apart, quotas, tickets; the end
 *   submit_judge.c  (pool, keeper)  form, signer, signature, policy, then to the writer
 *   submit_reply.c  (writer, loop)  back from the writer, and the answer
 */
#ifndef SERVE_SUBMIT_H
#define SERVE_SUBMIT_H

#include "serve/call.h"

#define SUBMIT_PART_TOKENS 16 /* judged on one thread, in one arena */

struct submit_item { /* one token */
	struct writer_item writer;
	struct call *call;
	struct bytes raw;
	bool read;  /* token and claim are there: the form is good */
	bool again; /* refused for a signer that newer keys may let in */
	struct token token;
	struct claim claim;
	enum rc rc; /* of the judges; the writer's is writer.job.rc */
	struct why why;
};

struct submit_part { /* a run of tokens that one thread judges */
	struct pool_work work;
	struct call *call;
	struct submit_item *items;
	size_t count;
	uint64_t generation; /* of the keys that it was judged under */
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
	size_t left; /* items that the writer has not handed back; writer thread */
	uint64_t first_number;
	bool no_receipt;
	/* beside the tokens */
	struct bytes wits[TRUST_WITS_MAX];
	size_t wit_count, wit_bytes;
	struct bytes peer_chain;
	bool insecure;
	bool has_wait;
	uint64_t wait_ms;
	uint64_t retry_after_ms; /* over quota: not before; 0: it was not */
};

/* pool_work.run of a part */
void submit_part_run(struct pool_work *work, void *local);

#endif
