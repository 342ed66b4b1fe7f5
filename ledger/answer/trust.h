/*
 * trust.h - how far an agent is to be trusted, by what others signed about its work, recomputable by
 * anyone who has the log.
 *
 * Three models over the same outcomes (outcome.h), in whole numbers (fixed.h): AIMD, beta, Wilson's lower
 * bound.  Parameters are those of the policy document in force at the tree size asked for.
 * docs/SCORES.md has the rules.
 */
#ifndef ANSWER_TRUST_H
#define ANSWER_TRUST_H

#include "answer/outcome.h"
#include "answer/standing.h"

/* ---- for other answers: the state of many agents at many sizes ---- */

struct trust_point {
	uint32_t score_e6;
	bool under_floor; /* below trust.floor of the document in force there */
	bool quarantined, revoked;
	bool complete;	  /* false: the budget was used up, the score rests on a part */
};
/* Remembers what it gathered; memory from the budget's arena, and gone with it.  Sizes are at most the view's;
 * asking for one agent in ascending order of sizes is cheap. */
struct trust_book;
enum rc trust_book_open(
    const struct facts_view *v, const struct budget *budget, struct trust_book **out);
/* Agent number 'iss' in a tree of 'size' entries, by the document's own model: for an entry at index i ask
 * for size i, which is before it had any effect. */
enum rc trust_book_at(struct trust_book *book, uint32_t iss, uint32_t size, struct trust_point *out);
/* One question. */
enum rc trust_score_at(const struct facts_view *v, uint32_t iss, uint32_t size,
    const struct budget *budget, struct trust_point *out);

/* ---- the questions ---- */

struct trust_question {
	struct bytes iss;
	struct bytes from, act;	 /* empty: of any rater, about any action */
	enum policy_model model; /* 0: the document's */
	bool has_half_life;	 /* false: the document's */
	int64_t half_life_s;	 /* 0: no decay */
	uint64_t after;		 /* so many items of evidence were seen */
	uint64_t records_after;	 /* so many records */
	size_t limit;		 /* of each on this page */
};

struct trust_evidence {
	uint32_t index, task, rater;
	enum outcome outcome;
	enum outcome_count count;
	uint32_t weight_e6; /* 0 unless it is counted */
};

enum trust_verdict { VERDICT_NONE, VERDICT_AGREES, VERDICT_DIFFERS, VERDICT_SELF, VERDICT_CANNOT };
const char *trust_verdict_text(enum trust_verdict verdict); /* "agrees", ..., "" */
const char *trust_model_text(enum policy_model model);	    /* "aimd", ... */
bool trust_model_read(struct bytes text, enum policy_model *out);

struct trust_record {
	struct standing_record said;
	bool in_force;
	/* Of an assertion. */
	enum trust_verdict verdict;
	const char *why;	 /* of VERDICT_CANNOT, by a fixed name; else "" */
	bool pair;		 /* 'ours' is the score by its signer's own outcomes */
	bool has_score, has_as_of;
	uint32_t asserted_e6, ours_e6;
	enum policy_model model; /* 0: not known */
	uint64_t as_of;
};

struct trust_score {
	enum policy_model model;
	int64_t half_life_s;
	uint32_t score_e6;
	uint64_t positive, negative;	/* outcomes that count */
	uint64_t r_e6, s_e6;		/* by their weight */
	uint32_t belief_e6, disbelief_e6, uncertainty_e6;
	uint64_t self_reports, repeated, unsigned_;
};

struct trust_reply {
	uint64_t tree_size;
	bool complete;
	uint32_t iss; /* name number; FACTS_NONE: only spoken of */
	struct trust_score score;
	uint32_t floor_e6;
	bool under_floor, quarantined, revoked;
	const struct trust_evidence *evidence; /* ascending by (index, task) */
	size_t evidence_count;
	uint64_t evidence_all, next; /* 0: nothing after this page */
	const struct trust_record *records; /* ascending */
	size_t record_count;
	uint64_t record_all, records_next;
	const uint64_t *rests_on;
	size_t rests_count;
};
/* RC_NOT_FOUND: nobody of that name signed anything or was spoken of. */
enum rc answer_trust(const struct facts_view *v, const struct trust_question *q,
    const struct budget *budget, struct trust_reply *out, struct why *why);

struct trust_all_question {
	enum policy_model model;
	bool has_half_life;
	int64_t half_life_s;
	uint64_t after; /* agents in the order of their first entry: so many were seen */
	size_t limit;
};
struct trust_row {
	uint32_t iss;
	struct trust_score score;
	bool under_floor, quarantined, revoked;
	bool complete; /* false: it alone is over the budget, the score rests on a part */
};
struct trust_all_reply {
	uint64_t tree_size;
	enum policy_model model;
	int64_t half_life_s;
	uint32_t floor_e6;
	bool complete; /* false: the budget ended the page, go on at 'next'; or a row is not complete */
	const struct trust_row *rows;
	size_t count;
	uint64_t next; /* 0: that was all */
	const uint64_t *rests_on;
	size_t rests_count;
};
enum rc answer_trust_all(const struct facts_view *v, const struct trust_all_question *q,
    const struct budget *budget, struct trust_all_reply *out, struct why *why);

#endif
