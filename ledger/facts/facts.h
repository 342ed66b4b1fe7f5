/*
 * facts.h - what the log says, in columns: one small row for each entry, names kept once, and the graph in
 * both directions.  The answers are computed over it.
 *
 * Derived and in memory: it is fed in index order with entries whose leaf hash was checked, and rows
 * never change, but for the newest-first chains (children, workflow, issuer), whose heads move.  So a
 * snapshot is a number: a view at size N skips what is at N or behind, and gives the same answers
 * whatever has been added since.
 *
 * Kinds, guards and flags of a row are by the policy document that was in force at its index.
 *
 * Threads: one feeder at a time (the caller sees to it); readers, any number, without locks but for
 * look-ups by name or id.
 */
#ifndef FACTS_FACTS_H
#define FACTS_FACTS_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/must.h"
#include "claim/claim.h"
#include "claim/entry.h"
#include "claim/kind.h"
#include "policy/doc.h"

#define FACTS_NONE UINT32_MAX

struct facts;
struct facts_options {
	uint64_t bytes_max; /* memory; facts_add() beyond it gives RC_TOO_LARGE.  0: no limit */
};
enum rc facts_new(struct facts **out, const struct facts_options *options);
void facts_free(struct facts *f); /* NULL is fine */

enum fact_flags {
	FACT_IRREVERSIBLE = 1,	  /* it says so (irreversible), or the policy's list does; a checkpoint with reversible:false */
	FACT_COMPENSATE = 2,	  /* compensation_required */
	FACT_CONSEQUENTIAL = 4,	  /* says so, or listed, or irreversible: a checkpoint is wanted before it */
	FACT_CRITICAL = 8,	  /* says so, or listed: an attestation is wanted with it */
	FACT_ATTESTED = 16,	  /* carries a reference to one */
	FACT_INP = 32,
	FACT_OUT = 64,
	FACT_WID = 128,
	FACT_BREACH = 256,	  /* does not meet its kind's row, parents' kinds included */
	FACT_FOREIGN = 512,	  /* a parent is in another workflow */
	FACT_LOWER = 1024,	  /* L1, or some ancestor is */
	FACT_DEFERRED = 2048,
	FACT_FORWARDED = 4096
};

struct fact {
	uint8_t jti[UUID_SIZE];
	int64_t iat;		/* seconds; by the agent's clock */
	uint64_t received_ms;	/* by the ledger's; never decreasing */
	uint32_t iss, act, wid; /* name numbers; wid FACTS_NONE: none */
	uint32_t signer;	/* number of the key's thumbprint; FACTS_NONE: nobody signed */
	uint32_t parents;	/* first of parent_count edges */
	_Atomic uint32_t child; /* newest edge that has it as parent; FACTS_NONE */
	uint32_t in_workflow;	/* the entry before in the workflow (or in "no workflow"), FACTS_NONE */
	uint32_t of_issuer;	/* the entry before of the issuer */
	uint32_t of_kind;	/* the entry before of the kind; not of plain tasks and own kinds */
	uint32_t same_id;	/* the task before with the same id, in another workflow */
	uint32_t ext;		/* 1 + place of the kept extension; 0: not kept */
	uint32_t hashes;	/* 1 + place of the kept hashes; 0: not kept */
	uint16_t flags;		/* enum fact_flags */
	uint16_t guard;		/* 1 + number of the rule that guards it, in facts_doc(index); 0: none */
	uint8_t parent_count;
	uint8_t entry;		/* enum entry_kind */
	uint8_t kind;		/* enum kind_id */
	uint8_t code;		/* kind_code() */
	uint8_t level;		/* enum token_level */
	uint8_t binding;	/* enum trust_binding */
};

/* Feed entry facts_reach(f).  'claim': of tokens and equivocations; NULL for the log's own events, which have
 * rows too (kind 0, no issuer).  'doc': in force at it; lives as long as 'f'.  RC_NO_MEMORY, RC_TOO_LARGE: not
 * added, try again; the reach has not moved. */
enum rc facts_add(struct facts *f, const struct entry *entry, const struct claim *claim,
    const struct policy_doc *doc);
uint64_t facts_reach(const struct facts *f); /* any thread */
uint64_t facts_bytes(const struct facts *f); /* memory in use; any thread */

/* ---- reading ---- */

struct facts_view {		/* a snapshot: entries [0, size) */
	const struct facts *f;
	uint32_t size;
};
struct facts_view facts_at(const struct facts *f, uint64_t size); /* must(size <= facts_reach) */

/* Where rows and edges are, for what is inline here: walks look at millions of them.  The tables do not move. */
#define FACTS_SHIFT 16
#define FACTS_LOW   ((UINT32_C(1) << FACTS_SHIFT) - 1)
struct facts_edge {
	uint32_t parent, child;
	uint32_t next; /* the parent's child before */
};
struct facts_columns {
	struct fact *const *rows; /* 2^FACTS_SHIFT of each chunk */
	struct facts_edge *const *edges;
};
static inline const struct facts_columns *
facts_columns(const struct facts_view *v)
{
	return (const struct facts_columns *)(const void *)v->f; /* its first member */
}
static inline const struct facts_edge *
facts_edge(const struct facts_view *v, uint32_t edge)
{
	return &facts_columns(v)->edges[edge >> FACTS_SHIFT][edge & FACTS_LOW];
}

/* A row; must(index < size). */
static inline const struct fact *
fact(const struct facts_view *v, uint32_t index)
{
	must(index < v->size);
	return &facts_columns(v)->rows[index >> FACTS_SHIFT][index & FACTS_LOW];
}
static inline bool
fact_is_task(const struct fact *t) /* not an event of the log's own, not an equivocation */
{
	return t->entry == ENTRY_TOKEN;
}
/* Parents in the order of the token; i < parent_count. */
static inline uint32_t
fact_parent(const struct facts_view *v, const struct fact *t, unsigned i)
{
	must(i < t->parent_count);
	return facts_edge(v, t->parents + i)->parent;
}
/* Children, newest first, those at or behind the view's size left out:
 *     for (uint32_t at = fact_child_first(v, t), c; (c = fact_child(v, &at)) != FACTS_NONE;) */
static inline uint32_t
fact_child_first(const struct facts_view *v, const struct fact *t)
{
	(void)v;
	return atomic_load_explicit(
	    &((struct fact *)(uintptr_t)t)->child, memory_order_acquire);
}
static inline uint32_t
fact_child(const struct facts_view *v, uint32_t *at)
{
	while (*at != FACTS_NONE) {
		const struct facts_edge *e = facts_edge(v, *at);

		*at = e->next;
		if (e->child < v->size)
			return e->child;
	}
	return FACTS_NONE;
}
/* The document in force at an entry; never NULL. */
const struct policy_doc *fact_doc(const struct facts_view *v, uint32_t index);
/* The kept extension: of every kind but the plain task, and of plain tasks that have a key of their row's;
 * NULL: none.  Parsed anew at each call, into the arena. */
const struct json_node *fact_ext(const struct facts_view *v, const struct fact *t, struct arena *arena);
/* Its member that means the built-in key (names of the document in force); NULL: none.  fact_ext() and kind_ext(). */
const struct json_node *fact_key(const struct facts_view *v, uint32_t index, const char *key, struct arena *arena);
/* inp_hash or out_hash as its bytes (32, 48 or 64 of them say which SHA-2 it is); kept of every kind but plain tasks
 * and kinds of a deployment's own.  Empty: not kept, or the token has none (FACT_INP and FACT_OUT tell). */
enum fact_side { FACT_SIDE_INP, FACT_SIDE_OUT };
struct bytes fact_hash(const struct facts_view *v, uint32_t index, enum fact_side side);
/* Of an ENTRY_DESCRIPTOR or ENTRY_POLICY: the entry's token bytes. */
struct bytes fact_event(const struct facts_view *v, const struct fact *t);
/* The kind's row by the document in force at it. */
const struct kind *fact_kind(const struct facts_view *v, uint32_t index);

/* Tasks with this id, newest first: start with *at = FACTS_NONE, until it gives FACTS_NONE. */
uint32_t facts_find(const struct facts_view *v, const uint8_t jti[UUID_SIZE], uint32_t *at);
/* The task that an extension of entry 'from' means by this id: one of its parents, else in its workflow, else the
 * only one in the log; FACTS_NONE: there is none, or several. */
uint32_t facts_meant(const struct facts_view *v, uint32_t from, const uint8_t jti[UUID_SIZE]);

/* ---- names: issuers, acts, trust domains, workflows, keys, subjects ---- */

/* FACTS_SUBJECT: whom records speak of (the key "subject"); it need not have signed anything */
enum facts_names { FACTS_ISS, FACTS_ACT, FACTS_DOMAIN, FACTS_WID, FACTS_KEY, FACTS_SUBJECT, FACTS_NAMES };
/* The text (16 bytes of a workflow's id, 32 of a thumbprint). */
struct bytes facts_name(const struct facts_view *v, enum facts_names which, uint32_t number);
/* Its number, if the view has it; FACTS_NONE. */
uint32_t facts_number(const struct facts_view *v, enum facts_names which, struct bytes text);
/* How many there are: numbers in the order of first appearance. */
uint32_t facts_count(const struct facts_view *v, enum facts_names which);
/* The domain of an issuer; FACTS_NONE: it has none. */
uint32_t facts_domain(const struct facts_view *v, uint32_t iss);
/* Newest entry of a workflow (FACTS_NONE as number: of "no workflow"), of an issuer; then go on by the row's
 * in_workflow and of_issuer.  Only tokens are in them.  FACTS_NONE: empty. */
uint32_t facts_workflow_last(const struct facts_view *v, uint32_t wid);
uint32_t facts_issuer_last(const struct facts_view *v, uint32_t iss);
/* Newest record about a subject (assertion, revocation, quarantine, lifecycle); then facts_about_before().
 * FACTS_NONE. */
uint32_t facts_about_last(const struct facts_view *v, uint32_t subject);
uint32_t facts_about_before(const struct facts_view *v, uint32_t index);
/* First entry of an issuer, workflow, ... */
uint32_t facts_first(const struct facts_view *v, enum facts_names which, uint32_t number);
/* Newest descriptor that was registered for a workflow; then its row's in_workflow.  FACTS_NONE. */
uint32_t facts_descriptor_last(const struct facts_view *v, uint32_t wid);
/* Newest entry of a kind (not of plain tasks and own kinds); then facts_kind_before().  FACTS_NONE. */
uint32_t facts_kind_last(const struct facts_view *v, enum kind_id kind);
uint32_t facts_kind_before(const struct facts_view *v, uint32_t index);
/* The oldest entry of a kind (not of plain tasks and own kinds).  FACTS_NONE. */
uint32_t facts_kind_first(const struct facts_view *v, enum kind_id kind);

/* All entries of a workflow, ascending; tokens only.  NULL: no memory. */
uint32_t *facts_workflow(const struct facts_view *v, uint32_t wid, struct arena *arena, size_t *count);

#endif
