/*
 * translation.h - hops from one protocol to another (CPAT): is what came out of one what went into the next,
 * what was lost on the way, which protocols are there.  docs/INTEROP.md has the rules.
 */
#ifndef ANSWER_TRANSLATION_H
#define ANSWER_TRANSLATION_H

#include "base/budget.h"
#include "facts/facts.h"

#define TRANSLATION_PROTOCOLS_MAX 64 /* that an answer lists; all are counted as hops */

#define TRANSLATION_FLAGS(X)                                                                       \
	X(NOT_ONE_PARENT, "not_one_parent") /* a hop rests on what it translates, and nothing else */ \
	X(MISSING_HASH, "missing_hash")	    /* its inp_hash or its out_hash */                     \
	X(HASH_GAP, "hash_gap")		    /* what went in is not what came out before */         \
	X(HASH_OTHER_ALG, "hash_other_alg") /* two hashes that cannot be compared */               \
	X(PROTO_MISMATCH, "proto_mismatch") /* the hop before spoke another protocol at its end */ \
	X(MISSING_PROTO, "missing_proto")   /* no src_proto or no dst_proto, or no text */         \
	X(BAD_LOSS, "bad_loss")		    /* loss is not a list of {field, kind} texts */
enum translation_flag_place {
#define X(id, name) TRANSLATION_PLACE_##id,
	TRANSLATION_FLAGS(X)
#undef X
	TRANSLATION_FLAG_COUNT
};
enum translation_flag {
#define X(id, name) TRANSLATION_##id = 1 << TRANSLATION_PLACE_##id,
	TRANSLATION_FLAGS(X)
#undef X
};
const char *translation_flag_text(enum translation_flag_place place);

enum translation_continuity { TRANSLATION_HOLDS = 1, TRANSLATION_BROKEN, TRANSLATION_UNKNOWN };
const char *translation_continuity_text(enum translation_continuity c); /* "holds", "broken", "unknown" */

struct translation_loss {
	struct bytes field, kind;
};
struct translation_hop {
	uint32_t index;
	uint32_t chain;	 /* the first hop of its chain: itself, or that of the hop before */
	uint32_t number; /* 1: the first */
	uint32_t source; /* what it rests on: the hop before, else its first parent; FACTS_NONE */
	bool foreign;	 /* which is in another workflow */
	unsigned flags;	 /* enum translation_flag */
	enum translation_continuity continuity;
	struct bytes src_proto, dst_proto; /* empty: missing */
	const struct translation_loss *loss;
	size_t loss_count;
};
struct translation_protocol {
	struct bytes name;
	uint64_t as_source, as_target;
};

/* The hashes of plain tasks are not among the facts: who has the entries tells an out_hash.  '*n' 0: none. */
struct translation_hashes {
	enum rc (*out_hash)(void *ctx, uint32_t index, uint8_t out[64], size_t *n, struct why *why);
	void *ctx;
};
struct translation_ask {
	bool by_workflow;
	uint32_t wid;  /* FACTS_NONE: hops of no workflow */
	uint32_t from; /* the page begins with the first hop at or behind this index */
	size_t limit;
	struct translation_hashes hashes;
};
struct translation_answer {
	uint64_t tree_size;
	bool complete;		       /* false: the budget was used up; what is given is right */
	uint64_t hop_total, chain_total; /* of the scope; a chain is counted where its first hop is */
	const struct translation_hop *hops; /* the page, ascending */
	size_t hop_count;
	const struct translation_protocol *protocols; /* of the scope, in the order of appearance */
	size_t protocol_count;
	bool protocols_more;
	uint32_t next; /* 'from' of the next page; 0: there is none */
	const uint64_t *rests_on; /* the page's hops and what they rest on */
	size_t rests_on_count;
};
enum rc answer_translations(const struct facts_view *v, const struct translation_ask *ask,
    const struct budget *budget, struct translation_answer *out, struct why *why);

#endif
