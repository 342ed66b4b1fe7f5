/*
 * serve.h - the hall: leads one call through the rooms.  Doors (net/, later gate/) make calls and
 * get answers; they have no logic of their own.
 *
 * A call is one request message of one method.  Calls come from a fixed set of slots; no free slot:
 * the door stops reading.  At each hand-off (loop -> pool -> writer -> loop, or loop -> readers ->
 * loop) the call changes owner; exactly one thread touches it.
 */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/rc.h"
#include "policy/policy.h"
#include "seq/seq.h"
#include "trust/trust.h"

struct serve;
struct call;

struct serve_log {             /* one log, opened by main */
	const char *name;
	struct ledger *ledger;
	struct trust *trust;       /* may be shared by logs */
	const char *policy;        /* file of its policy document; NULL: none.  Copied */
};

struct serve_options {
	struct serve_log *logs;
	size_t log_count;
	unsigned verify_threads, reader_threads; /* 0: from the machine */
	size_t calls_max;          /* call slots */
	size_t call_tokens_max;    /* tokens in one request */
	size_t call_bytes_max;     /* arena of one call: request, what is made of it, and answer */
	size_t query_bytes_max;    /* the same for a query */
	size_t requests_bytes_max; /* request bytes of all calls in flight together */
	size_t query_nodes_max;    /* rows of the facts that one question visits */
	size_t query_entries_max;  /* entries that one search reads; 0: as query_nodes_max */
	/* Calls that follow a log, at most a quarter of calls_max; one connection has at most a
	 * quarter of them.  0: 256. */
	size_t watches_max;
	unsigned query_ms_max;
	unsigned deadline_ms_max;
	/* Of each log: tokens that wait for their parents. */
	size_t wait_tokens_max, wait_bytes_max, wait_client_tokens_max;
	uint64_t facts_bytes_max;  /* of each log: memory of the facts; 0: no limit */
	unsigned query_nice;       /* niceness of those who answer service Query, and of the follower */
	size_t quota_clients_max;  /* of each log: clients whose quotas are remembered */
	struct clock clock;
	const struct log_sink *sink;
	struct metrics *metrics;
	const struct policy_limit *limits; /* configured limits, for Admin/Limits */
	size_t limit_count;
	/* Called on any thread: some calls are finished; the door's loop should call
	 * serve_collect() soon. */
	void (*wake)(void *ctx);
	void *ctx;
};

enum rc serve_start(struct serve **out, const struct serve_options *options, struct why *why);
/* No new calls; finish those in flight; stop threads.  The logs stay the caller's. */
void serve_stop(struct serve *s);

/* ---- loop thread ---- */

struct call_request {
	const char *method;        /* "/ectledger.v1.Ledger/Append" */
	struct bytes log;          /* empty: "default" */
	struct bytes identity;     /* client certificate's URI; empty: none */
	bool insecure;             /* insecure loopback */
	/* The client's certificates, DER joined, leaf first; empty: none.  Copied by appends. */
	struct bytes peer_chain;
	/* Who this is for bounds of fairness where there is no identity (a number for the
	 * connection). */
	uint64_t client;
	/* Out, with RC_OVER_QUOTA: not before.  NULL: not wanted. */
	uint64_t *retry_after_ms;
	unsigned deadline_ms;
	struct bytes message;      /* copied */
	/* Appends on a stream: tokens seen on the stream so far.  The answers' numbers start there;
	 * moved on by this request's tokens when the call begins.  NULL: numbers start at 0. */
	uint64_t *stream_tokens;
	void *door;                /* the door's own: given back with the answer */
	uint64_t door_id;
};

/* Is this a method, and does it stream?  RC_UNIMPLEMENTED otherwise. */
enum rc serve_method(const char *method, bool *stream);
/* May this client call this method on this log at all?  For a stream that opens without a message:
 * the same refusals as serve_begin's. */
enum rc serve_may(struct serve *s, const struct call_request *request, struct why *why);
/* Begin a call.  RC_OK: an answer will come through serve_collect.  RC_BUSY: no slot; try again
 * after the next collect.  Other codes are the answer (e.g. RC_UNIMPLEMENTED, RC_BAD_REQUEST,
 * RC_NOT_AUTHORIZED, RC_NOT_FOUND for an unknown log), with 'why'. */
enum rc serve_begin(struct serve *s, const struct call_request *request, struct why *why);
size_t serve_slots_free(const struct serve *s);
/* Ask the keeper thread to look at the trust folders and the policy files now. */
void serve_reload_trust(struct serve *s);
/* The file of a log's policy document (NULL: none) from the next serve_reload_trust() on. */
void serve_set_policy(struct serve *s, const char *log, const char *path);
/* A policy file as the keeper reads it, into the arena; RC_BAD_CONFIG.  For check-config. */
enum rc serve_policy_file(
    const char *path, struct arena *arena, struct bytes *text, struct why *why);
/* The door is about to end: nothing waits for predecessors any more, so that all have an answer.
 * Again is the same. */
void serve_hurry(struct serve *s);

struct call_answer {
	void *door;
	uint64_t door_id;
	enum rc rc;                /* of the call: refused tokens are inside the message */
	struct why why;
	struct bytes message;      /* protobuf; valid until serve_release */
	uint64_t failed;           /* signatures in it that did not verify */
	/* A watch: this is one answer of many.  The door calls serve_continue() when it can take the
	 * next, instead of serve_release(), which ends it.  It owes one of the two, also for a call
	 * that was forgotten or cancelled meanwhile. */
	bool more;
	struct call *call;
};
/* Take finished calls; gives up to 'room'. */
size_t serve_collect(struct serve *s, struct call_answer *out, size_t room);
void serve_release(struct serve *s, struct call *call);
/* A call whose answer said 'more' will wait for the door: gives back the message's memory. */
void serve_hold(struct serve *s, struct call *call);
/* Go on with a call whose answer said 'more'; its message is gone. */
void serve_continue(struct serve *s, struct call *call);
/* How long until serve_collect() has something to do by itself (a watch's turn, its sign of life):
 * microseconds, -1: nothing waits for time. */
int64_t serve_due_us(const struct serve *s);
/* The connection is gone: the answer is not wanted (work already handed over still completes: an
 * append may be committed). */
void serve_forget(struct serve *s, void *door);
/* The same for the calls of one door_id of a door. */
void serve_cancel(struct serve *s, void *door, uint64_t door_id);

/* Any log stopped after doubt: main exits with 75 after draining. */
bool serve_stopped(const struct serve *s);

#endif
