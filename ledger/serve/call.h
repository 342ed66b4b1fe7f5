/*
 * call.h - private to serve/: one call in flight, and the hall itself.
 *
 * A slot is FREE (loop's free list), WORKING (owned by a pool, keeper or writer thread), FINISHED
 * (on the finished list), GIVEN (the door holds the answer), or PARKED (a watch that waits for new
 * entries; the loop's).  Only 'door', 'door_id' and 'live' are
 * the loop thread's throughout; 'forgotten' is the one member that two threads may touch.
 */
#ifndef SERVE_CALL_H
#define SERVE_CALL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "base/pool.h"
#include "policy/quota.h"
#include "query/follow.h"
#include "query/query.h"
#include "query/search.h"
#include "seq/writer.h"
#include "serve/serve.h"
#include "serve/wire.h"

struct submit;
struct hall_log;
struct watch;

struct method {
	const char *path;
	enum policy_right right;
	bool stream;
	const ProtobufCMessageDescriptor *request;
	/* Loop thread: take the call further.  NULL: query_begin(), on to 'answer' on a reader
	 * thread. */
	enum rc (*begin)(struct call *call, const struct call_request *request, struct why *why);
	/* Reader thread: fill call->answer. */
	enum rc (*answer)(struct call *call, const ProtobufCMessage *request, struct why *why);
};

struct call {
	struct serve *serve;
	const struct method *method;
	struct hall_log *log;
	struct arena arena;
	void *door;
	uint64_t door_id;
	bool live;
	_Atomic bool forgotten;
	int64_t begun_us, deadline_us;
	uint64_t client;	  /* a number that stands for who asks: quotas, shares */
	struct bytes identity;	  /* of the client's certificate: appends and edits */
	bool may_wait;		  /* counted in the hall's waiting_count and waiting_bytes */
	uint64_t failed;	  /* appends: signatures that did not verify */
	LIST_ENTRY(call) in_door; /* live calls, by door */
	struct bytes request;
	enum rc rc;
	struct why why;
	struct bytes answer;
	struct submit *submit; /* appends only */
	struct pool_work work; /* queries only */
	struct watch *watch;   /* watches only */
	struct call *next;     /* free or finished list */
};

/* Of a trust folder; the keeper's, read by any thread. */
struct trust_state {
	_Atomic uint64_t generation; /* moves with each snapshot that comes into force */
	_Atomic bool owed; /* the folder is not in force: it is refused, or a log lacks entries */
};

struct hall_log {
	const char *name;
	struct serve *serve;
	struct ledger *ledger;
	struct trust *trust;
	struct writer *writer;
	const struct trust_state *trust_state;
	/* Loop thread. */
	struct quota_rates rates, client_rates;
	struct quota_bucket quota;
	struct quota_clients *clients;
	struct follow *follow;	/* facts for answers; any thread */
	uint64_t follow_again;	/* the follower's: not before the log is so large */
	struct metric waiting; /* gauge of its own: tokens that wait for parents now */
};

struct keeper;
struct follower;

#define SERVE_DOORS_BITS 14

struct serve {
	struct serve_options options;
	struct hall_log *logs;
	size_t log_count;
	struct call *slots;
	struct call *free;
	size_t free_count;
	size_t query_count;		     /* queries among the calls in flight; loop thread */
	size_t request_bytes;		     /* of the calls in flight; loop thread */
	size_t waiting_count, waiting_bytes; /* of those that may wait for parents; loop thread */
	uint8_t client_salt[16];
	LIST_HEAD(door_calls, call) * doors; /* live calls by the hash of their door; loop thread */
	struct pool *verify, *readers, *askers; /* look-ups; service Query */
	struct keeper *keeper;
	struct follower *follower;
	_Atomic bool stopped; /* a log is in doubt */

	pthread_mutex_t lock; /* guards the finished list only */
	struct call *finished, **finished_tail;
	struct call *taken; /* moved off the finished list, not yet given; loop thread */
	TAILQ_HEAD(watch_list, watch) watches; /* all, who waits longest first; loop thread */
	size_t watch_count, watch_steps;       /* all; those with a reader thread */

	struct metric *calls, *refused_calls, *busy, *queries_us, *trust_reloads, *trust_failures;
	struct metric *tokens[RC_COUNT];
	struct metric *over_quota[QUOTA_MEASURES];
	struct metric *key_events;
};

/* Any thread: the call's outcome is in place; the loop takes it from here. */
void call_finish(struct call *call);
void call_finish_chain(struct serve *s, struct call *first, struct call *last);
/* Stage start: RC_CANCELLED, RC_DEADLINE or RC_OK. */
enum rc call_alive(const struct call *call, struct why *why);
/* Pack a reply as the call's answer. */
enum rc call_reply(struct call *call, const ProtobufCMessage *reply, struct why *why);
/* A read view of the call's log at size 'at' (0: now). */
enum rc call_view(struct call *call, uint64_t at, struct query_view **out, struct why *why);
struct query_log call_log(const struct call *call);
struct query_log hall_query_log(const struct hall_log *log);
/* The facts of the call's log at size 'at' (0: now), fed that far first.  RC_NOT_FOUND: 'at' is past the end;
 * RC_BUSY: not within the call's time. */
enum rc call_facts(struct call *call, uint64_t at, struct facts_view *out, struct why *why);
struct budget call_budget(struct call *call);
/* The same for what reads entries themselves, each some hundred times the cost of a row of the facts. */
struct budget call_entries_budget(struct call *call);
/* Loop thread: hand the call to the readers. */
enum rc query_begin(struct call *call, struct why *why);
/* A request's ids in query form.  RC_BAD_REQUEST for wrong lengths. */
struct call_id {
	ProtobufCBinaryData jti, wid;
	bool any_wid, by_index;
	uint64_t index;
};
enum rc call_read_id(const struct call_id *id, struct query_id *out, struct why *why);
/* task.c: the task that an id names, in facts.  RC_NOT_FOUND, RC_AMBIGUOUS. */
enum rc call_task(const struct facts_view *v, const struct query_id *id, uint32_t *index, struct why *why);
ProtobufCBinaryData pb_bytes(struct bytes x);
char *pb_string(struct arena *arena, struct bytes x); /* NULL: out of memory */
/* 'count' zeroed messages of 'size' bytes as a repeated field has them; each wants its init.  NULL: out of memory. */
void **pb_list(struct arena *arena, size_t count, size_t size);

/* ---- the stages, one file each ---- */

/* Loop thread: count the call among those that may wait for parents.  False: there are enough. */
bool serve_may_wait(struct serve *s, struct call *call);

/* Loop thread: from the client's quota and the log's.  RC_OVER_QUOTA: nothing was taken. */
enum rc submit_quota(struct call *call, const struct quota_ask *ask, uint64_t *retry_after_ms,
    struct why *why);
enum rc submit_begin(struct call *call, const struct call_request *request, struct why *why);
void submit_reply(struct call *call);
void submit_release(struct call *call);
/* writer_options.done; ctx: hall_log */
void submit_done(void *ctx, struct writer_item *first, size_t count);

/* watch.c, loop thread but for watch_answer */
enum rc watch_begin(struct call *call, const struct call_request *request, struct why *why);
enum rc watch_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
bool watch_collected(struct call *call); /* a step is over: true when there is something to give */
bool watch_parked(const struct call *call);
void watch_release(struct call *call); /* not a watch: nothing */
void watch_pump(struct serve *s);      /* start steps of those whose turn it is */

/* key_record.c: a key as the history has it.  False: no room in the arena.  Borrows the record. */
bool key_record_fill(
    struct arena *arena, const struct history_record *r, Ectledger__V1__KeyRecord *out);
/* entry.c: a page's entries as EntryViews tell them, keys looked up in the view's history; as many as
 * the page has, in the call's arena. */
enum rc entry_page(struct call *call, struct query_view *v, const struct search_page *page,
    bool brief, Ectledger__V1__EntryView ***out, struct why *why);
enum rc search_read(const Ectledger__V1__SearchRequest *r, struct search *out, struct why *why);

enum rc search_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc entry_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc receipt_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc checkpoint_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc consistency_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc provenance_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc path_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc common_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc translations_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc lifecycle_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc custody_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc trust_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc trust_all_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc agents_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc rollback_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc recovery_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc circuit_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc approvals_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc overrides_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc explanations_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc workflow_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc workflows_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc conformance_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc stats_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
/* register.c */
enum rc register_begin(struct call *call, const struct call_request *request, struct why *why);
enum rc policy_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
/* truststore.c: "list" on a reader thread, the rest on the keeper's. */
enum rc truststore_begin(struct call *call, const struct call_request *request, struct why *why);
enum rc truststore_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc limits_answer(struct call *call, const ProtobufCMessage *request, struct why *why);
enum rc kinds_answer(struct call *call, const ProtobufCMessage *request, struct why *why);

/* ---- follower.c: one thread that keeps the facts near the logs' ends ---- */

enum rc serve_follower_start(struct follower **out, struct serve *s);
void serve_follower_stop(struct follower *w); /* NULL is fine */

/* ---- keeper.c: one thread that keeps keys fresh, written down, and edited ---- */

struct submit_part;
enum rc serve_keeper_start(struct keeper **out, struct serve *s);
void serve_keeper_stop(struct keeper *k); /* judges what is left; NULL is fine */
void serve_keeper_park(struct keeper *k, struct submit_part *part);
void serve_keeper_poke(struct keeper *k);
/* Loop thread: an edit of the trust folder, finished by the keeper. */
void serve_keeper_edit(struct keeper *k, struct call *call);
/* Loop thread: a descriptor to be registered; the keeper finishes the call. */
void serve_keeper_register(struct keeper *k, struct call *call);
/* Any thread: the file of log number 'log' (NULL: none) from the next poke on. */
void serve_keeper_policy(struct keeper *k, size_t log, const char *path);
/* Writer thread: the chain of events that was given is back. */
void serve_keeper_written(struct keeper *k);
/* submit_judge.c, keeper thread: judge the part's tokens without a good signer once more, and hand
 * the part on. */
void submit_again(struct submit_part *part, struct trust_judge *judge);

#endif
