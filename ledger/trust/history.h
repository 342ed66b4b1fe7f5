/*
 * history.h - what a log says about its keys: every key entry of it, by subject, in order.
 *
 * Built from key entries alone (at start, and as they are committed), so that it is the same after a
 * rebuild of everything that is derived.  The trust folder says what the operator wants; the history
 * says what was in force at which index.  trust_diff() makes the entries that bring the second to
 * the first.
 *
 * Threads: history_apply on the log's writer; everything else on any thread (a lock inside; key
 * entries are rare).
 */
#ifndef TRUST_HISTORY_H
#define TRUST_HISTORY_H

#include "trust/event.h"
#include "trust/trust.h"

struct history;

enum rc history_new(struct history **out);
void history_free(struct history *h); /* NULL is fine */
/* A committed key entry, in index order.  Copies what it keeps.  RC_CORRUPT when the bytes are no
 * event, RC_NO_MEMORY. */
enum rc history_apply(
    struct history *h, uint64_t index, uint64_t received_at_ms, struct bytes event, struct why *why);

#define HISTORY_NONE UINT64_MAX

/* One subject as of a tree size.  Texts live as long as the history, the list of issuers in the
 * caller's arena. */
struct history_record {
	enum event_subject subject;
	struct hash id;
	struct bytes domain, kid, use, source, by, reason; /* of its newest events */
	const struct bytes *issuers;
	size_t issuer_count;
	uint64_t enrolled_index;    /* newest enrolment; HISTORY_NONE: never (revoked without) */
	uint64_t enrolled_at_ms;
	uint64_t first_enrolled_index;
	uint64_t changed_index;     /* newest event of any kind */
	bool withdrawn;             /* not in the folder any more */
	uint64_t withdrawn_index, withdrawn_at_ms;
	bool revoked;
	uint64_t revoked_index;     /* the entry that recorded it, */
	uint64_t revoked_at_ms;     /* when that was received, */
	int64_t revoked_since;      /* and since when (seconds) it holds */
	struct bytes material;
};

/* Who wants to sign what.  'path': the certificates below the anchor (X.509). */
struct history_question {
	struct bytes domain, iss;
	enum trust_binding binding;
	const struct hash *signer, *anchor, *path;
	size_t path_count;
	int64_t now_ms, iat;
};

/*
 * May an entry that is received now carry this signature?  The sequencer's question, asked at the
 * entry's place in the log.  What a snapshot said of signer and issuer may be out of date by then, or
 * have been said of a folder that was never written down; so everything of it is asked again.
 * RC_KEY_REVOKED: signer, anchor or a certificate of the path is revoked and now_ms or iat is not
 *   before 'since'.
 * RC_UNKNOWN_KEY: the anchor is not (or no longer) enrolled in 'domain', or not for this binding.
 * RC_NOT_AUTHORIZED: it is a key of a set that may not (or no longer) speak for 'iss'.
 * RC_OK: '*anchor_index' is the entry that enrolled the anchor; otherwise it is HISTORY_NONE.
 */
enum rc history_judge(struct history *h, const struct history_question *q, uint64_t *anchor_index,
    struct why *why);

/* The subject with this id as of tree size 'size' (events below that index).  RC_NOT_FOUND. */
enum rc history_find(struct history *h, struct bytes domain, const struct hash *id, uint64_t size,
    struct arena *arena, struct history_record *out);
/* The same in any trust domain: the first; revocations by thumbprint alone included. */
enum rc history_find_id(struct history *h, const struct hash *id, uint64_t size, struct arena *arena,
    struct history_record *out);
/* How many trust domains have a subject with this id? */
size_t history_domains(struct history *h, const struct hash *id);
/* By kid, for people: RC_AMBIGUOUS when several subjects have it.  'domain' empty: any. */
enum rc history_find_kid(struct history *h, struct bytes domain, struct bytes kid, uint64_t size,
    struct arena *arena, struct history_record *out);
/* All subjects as of 'size', ordered by first event; 'domain' empty: all domains. */
enum rc history_list(struct history *h, struct bytes domain, uint64_t size, struct arena *arena,
    struct history_record **out, size_t *count);
/* Indexes of the key entries about an id, in any trust domain, below 'size', ascending; none is no
 * error. */
enum rc history_events(struct history *h, const struct hash *id, uint64_t size, struct arena *arena,
    uint64_t **out, size_t *count);

/*
 * The key entries that are owed: what the snapshot has and the history does not, and the other way
 * round.  Deterministic order (domain, subject, id).  'by' goes into each ("folder", or the operator).
 * RC_BAD_KEY: spiffe_sequence went back (the snapshot must not be used).
 */
enum rc trust_diff(const struct trust_snapshot *s, struct history *h, struct bytes by, struct arena *arena,
    struct bytes **events, size_t *count, struct why *why);

#endif
