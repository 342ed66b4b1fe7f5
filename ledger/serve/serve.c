/*
 * serve.c - the hall: slots, the table of methods, begin and collect.
 *
 * A call's way:
 *
 *   FREE -> serve_begin -> WORKING (pool, keeper, writer or reader) -> call_finish -> FINISHED
 *        -> serve_collect -> GIVEN -> serve_release -> FREE.
 *
 * A watch goes round: GIVEN -> serve_continue -> PARKED -> WORKING (watch.c).
 *
 * A forgotten call goes from FINISHED to FREE by itself.
 *
 * Invariants: free_count slots are on the free list, all others are live and, while they have a
 * door, in its chain; request_bytes is the sum over live calls, waiting_count and waiting_bytes over
 * those that may wait; the loop thread alone moves slots between FREE, GIVEN and WORKING, so only the
 * finished list has a lock.
 */
#include "serve/call.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"

#define SLOT_KEEP_MAX	  (16 * 1024) /* request of a call whose memory its slot keeps */
#define SLOTS_WARM	  1024	      /* slots that keep memory; the free list is a stack */
#define QUERY_REQUEST_MAX 4096	      /* ids, numbers and short names: more is not a question */

#define M(service, name) "/ectledger.v1." service "/" name

static const struct method methods[] = {
    {M("Ledger", "Append"), POLICY_WRITE, false, &ectledger__v1__append_request__descriptor,
	submit_begin, NULL},
    {M("Ledger", "AppendStream"), POLICY_WRITE, true, &ectledger__v1__append_request__descriptor,
	submit_begin, NULL},
    {M("Ledger", "RegisterWorkflow"), POLICY_WRITE, false,
	&ectledger__v1__register_workflow_request__descriptor, register_begin, NULL},
    {M("Ledger", "GetEntry"), POLICY_READ, false, &ectledger__v1__get_entry_request__descriptor,
	NULL, entry_answer},
    {M("Ledger", "GetReceipt"), POLICY_READ, false, &ectledger__v1__get_receipt_request__descriptor,
	NULL, receipt_answer},
    {M("Ledger", "GetCheckpoint"), POLICY_READ, false,
	&ectledger__v1__get_checkpoint_request__descriptor, NULL, checkpoint_answer},
    {M("Ledger", "ProveConsistency"), POLICY_READ, false,
	&ectledger__v1__prove_consistency_request__descriptor, NULL, consistency_answer},
    {M("Ledger", "Watch"), POLICY_READ, false, &ectledger__v1__watch_request__descriptor,
	watch_begin, watch_answer},
    {M("Query", "Search"), POLICY_READ, false, &ectledger__v1__search_request__descriptor, NULL,
	search_answer},
    {M("Query", "Provenance"), POLICY_READ, false, &ectledger__v1__provenance_request__descriptor,
	NULL, provenance_answer},
    {M("Query", "Path"), POLICY_READ, false, &ectledger__v1__path_request__descriptor, NULL,
	path_answer},
    {M("Query", "Common"), POLICY_READ, false, &ectledger__v1__common_request__descriptor, NULL,
	common_answer},
    {M("Query", "Translations"), POLICY_READ, false,
	&ectledger__v1__translations_request__descriptor, NULL, translations_answer},
    {M("Query", "Lifecycle"), POLICY_READ, false, &ectledger__v1__lifecycle_request__descriptor,
	NULL, lifecycle_answer},
    {M("Query", "Custody"), POLICY_READ, false, &ectledger__v1__custody_request__descriptor, NULL,
	custody_answer},
    {M("Query", "Trust"), POLICY_READ, false, &ectledger__v1__trust_request__descriptor, NULL,
	trust_answer},
    {M("Query", "TrustAll"), POLICY_READ, false, &ectledger__v1__trust_all_request__descriptor,
	NULL, trust_all_answer},
    {M("Query", "Agents"), POLICY_READ, false, &ectledger__v1__agents_request__descriptor, NULL,
	agents_answer},
    {M("Query", "RollbackSet"), POLICY_READ, false, &ectledger__v1__rollback_request__descriptor,
	NULL, rollback_answer},
    {M("Query", "Recovery"), POLICY_READ, false, &ectledger__v1__recovery_request__descriptor, NULL,
	recovery_answer},
    {M("Query", "Circuit"), POLICY_READ, false, &ectledger__v1__circuit_request__descriptor, NULL,
	circuit_answer},
    {M("Query", "Approvals"), POLICY_READ, false, &ectledger__v1__approvals_request__descriptor,
	NULL, approvals_answer},
    {M("Query", "Overrides"), POLICY_READ, false, &ectledger__v1__overrides_request__descriptor,
	NULL, overrides_answer},
    {M("Query", "Explanations"), POLICY_READ, false,
	&ectledger__v1__explanations_request__descriptor, NULL, explanations_answer},
    {M("Query", "Workflow"), POLICY_READ, false, &ectledger__v1__workflow_request__descriptor, NULL,
	workflow_answer},
    {M("Query", "Workflows"), POLICY_READ, false, &ectledger__v1__workflows_request__descriptor,
	NULL, workflows_answer},
    {M("Query", "Conformance"), POLICY_READ, false,
	&ectledger__v1__conformance_request__descriptor, NULL, conformance_answer},
    {M("Admin", "Stats"), POLICY_ADMIN, false, &ectledger__v1__stats_request__descriptor, NULL,
	stats_answer},
    {M("Admin", "TrustStore"), POLICY_ADMIN, false, &ectledger__v1__trust_store_request__descriptor,
	truststore_begin, truststore_answer},
    {M("Admin", "Policy"), POLICY_READ, false, &ectledger__v1__policy_request__descriptor, NULL,
	policy_answer},
    {M("Admin", "Limits"), POLICY_READ, false, &ectledger__v1__limits_request__descriptor, NULL,
	limits_answer},
    {M("Admin", "Kinds"), POLICY_READ, false, &ectledger__v1__kinds_request__descriptor, NULL,
	kinds_answer},
};
#define METHOD_COUNT (sizeof methods / sizeof methods[0])

static const struct method *
method_find(const char *path)
{
	for (size_t i = 0; i < METHOD_COUNT; i++)
		if (strcmp(methods[i].path, path) == 0)
			return &methods[i];
	return NULL;
}

enum rc
serve_method(const char *method, bool *stream)
{
	const struct method *m = method_find(method);

	if (m == NULL)
		return RC_UNIMPLEMENTED;
	*stream = m->stream;
	return RC_OK;
}

/* ---- what the stages use ---- */

void
call_finish_chain(struct serve *s, struct call *first, struct call *last)
{
	bool first_there;

	must(first != NULL && last->next == NULL);
	pthread_mutex_lock(&s->lock);
	first_there = s->finished == NULL;
	*s->finished_tail = first;
	s->finished_tail = &last->next;
	pthread_mutex_unlock(&s->lock);
	if (first_there) /* else the loop has been woken and has not come yet */
		s->options.wake(s->options.ctx);
}

void
call_finish(struct call *call)
{
	call->next = NULL;
	call_finish_chain(call->serve, call, call);
}

enum rc
call_alive(const struct call *call, struct why *why)
{
	if (atomic_load_explicit(&call->forgotten, memory_order_relaxed))
		return why_set(why, RC_CANCELLED, "WIRE cancel", NULL, 0, "the caller is gone");
	if (clock_mono_us(&call->serve->options.clock) > call->deadline_us)
		return why_set(why, RC_DEADLINE, "WIRE deadline", NULL, 0, "the deadline passed");
	return RC_OK;
}

enum rc
call_reply(struct call *call, const ProtobufCMessage *reply, struct why *why)
{
	enum rc rc = wire_pack(reply, &call->arena, &call->answer);

	if (rc != RC_OK)
		return why_set(why, rc, "query_bytes_max", NULL, 0, "the answer is too large");
	return RC_OK;
}

struct query_log
hall_query_log(const struct hall_log *log)
{
	struct ledger *ledger = log->ledger;

	return (struct query_log){
	    .store = ledger_store(ledger),
	    .index = ledger_index(ledger),
	    .size = ledger_published(ledger),
	    .history = ledger_history(ledger),
	    .book = ledger_book(ledger),
	};
}

struct query_log
call_log(const struct call *call)
{
	return hall_query_log(call->log);
}

enum rc
call_facts(struct call *call, uint64_t at, struct facts_view *out, struct why *why)
{
	struct query_log log = call_log(call);
	struct budget budget = call_budget(call);
	uint64_t size = at == 0 ? log.size : at;
	enum rc rc;

	if (at > log.size)
		return why_set(why, RC_NOT_FOUND, "tree size", "at", 0, "the log has %llu entries",
		    (unsigned long long)log.size);
	if ((rc = follow_reach(call->log->follow, &log, size, &budget, why)) != RC_OK)
		return rc;
	*out = facts_at(follow_facts(call->log->follow), size);
	return RC_OK;
}

enum rc
call_view(struct call *call, uint64_t at, struct query_view **out, struct why *why)
{
	struct query_log log = call_log(call);
	enum rc rc = query_view_begin(&log, at, out);

	if (rc == RC_NOT_FOUND)
		return why_set(why, rc, "tree size", "at", 0, "the log has %llu entries",
		    (unsigned long long)log.size);
	if (rc != RC_OK)
		return why_set(why, rc, "store", NULL, 0, "%s", rc_text(rc));
	return RC_OK;
}

struct budget
call_budget(struct call *call)
{
	const struct serve_options *o = &call->serve->options;
	int64_t until = clock_mono_us(&o->clock) + (int64_t)o->query_ms_max * 1000;

	return (struct budget){
	    .nodes_max = o->query_nodes_max,
	    .deadline_mono_us = until < call->deadline_us ? until : call->deadline_us,
	    .arena = &call->arena,
	    .cancelled = &call->forgotten,
	};
}

struct budget
call_entries_budget(struct call *call)
{
	const struct serve_options *o = &call->serve->options;
	struct budget budget = call_budget(call);

	if (o->query_entries_max != 0)
		budget.nodes_max = o->query_entries_max;
	return budget;
}

enum rc
call_read_id(const struct call_id *id, struct query_id *out, struct why *why)
{
	*out =
	    (struct query_id){.by_index = id->by_index, .index = id->index, .any_wid = id->any_wid};
	if (id->by_index) {
		if (id->jti.len || id->wid.len || id->any_wid)
			return why_set(
			    why, RC_BAD_REQUEST, "WIRE ids", "index", 0, "an index stands alone");
		return RC_OK;
	}
	if (id->jti.len != UUID_SIZE)
		return why_set(why, RC_BAD_REQUEST, "WIRE ids", "jti", 0, "jti must have 16 bytes");
	if (id->wid.len != 0 && id->wid.len != UUID_SIZE)
		return why_set(why, RC_BAD_REQUEST, "WIRE ids", "wid", 0, "wid must have 16 bytes");
	if (id->wid.len && id->any_wid)
		return why_set(
		    why, RC_BAD_REQUEST, "WIRE ids", "wid", 0, "wid and any_wid exclude");
	memcpy(out->jti, id->jti.data, UUID_SIZE);
	out->has_wid = id->wid.len != 0;
	if (out->has_wid)
		memcpy(out->wid, id->wid.data, UUID_SIZE);
	return RC_OK;
}

ProtobufCBinaryData
pb_bytes(struct bytes x)
{
	/* protobuf-c packs by pointer and never writes. */
	return (ProtobufCBinaryData){.len = x.n, .data = (uint8_t *)(uintptr_t)x.p};
}

char *
pb_string(struct arena *arena, struct bytes x)
{
	return arena_strdup(arena, x);
}

void **
pb_list(struct arena *arena, size_t count, size_t size)
{
	uint8_t *items = arena_zalloc(arena, count * size);
	void **list = arena_alloc(arena, (count + 1) * sizeof(*list));

	if (items == NULL || list == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		list[i] = items + i * size;
	return list;
}

/* ---- queries: loop -> reader -> loop ---- */

static void
query_run(struct pool_work *work, void *local)
{
	struct call *call = (struct call *)((char *)work - offsetof(struct call, work));
	const ProtobufCMessage *request = NULL;
	int64_t begun = clock_mono_us(&call->serve->options.clock);

	(void)local;
	must(call->live && call->method->answer != NULL);
	call->rc = call_alive(call, &call->why);
	if (call->rc == RC_OK)
		call->rc = wire_unpack(
		    call->method->request, call->request, &call->arena, &request, &call->why);
	if (call->rc == RC_OK)
		call->rc = call->method->answer(call, request, &call->why);
	metric_add(call->serve->queries_us,
	    (uint64_t)(clock_mono_us(&call->serve->options.clock) - begun));
	call_finish(call);
}

static bool
may_be_heavy(const struct method *m)
{
	static const char service[] = "/ectledger.v1.Query/";

	return strncmp(m->path, service, sizeof(service) - 1) == 0;
}

enum rc
query_begin(struct call *call, struct why *why)
{
	struct serve *s = call->serve;

	call->work.run = query_run;
	/* What may be heavy gives way to what commits; a look-up or a receipt does not wait behind it. */
	if (!pool_submit(may_be_heavy(call->method) ? s->askers : s->readers, &call->work))
		return why_set(why, RC_BUSY, "reader queue", NULL, 0, "the readers are behind");
	return RC_OK;
}

/* ---- begin ---- */

static struct hall_log *
log_find(struct serve *s, struct bytes name)
{
	if (name.n == 0)
		name = bytes_str("default");
	for (size_t i = 0; i < s->log_count; i++)
		if (bytes_is(name, s->logs[i].name))
			return &s->logs[i];
	return NULL;
}

/* ---- who asks ---- */

/* A door's calls are found when it goes, among tens of thousands of slots. */
static struct door_calls *
door_chain(const struct serve *s, const void *door)
{
	uint64_t h = (uint64_t)(uintptr_t)door * UINT64_C(0x9e3779b97f4a7c15);

	return &s->doors[h >> (64 - SERVE_DOORS_BITS)];
}

static void
door_leave(struct call *call)
{
	if (call->door == NULL)
		return;
	LIST_REMOVE(call, in_door);
	call->door = NULL;
}

/* One number for each identity; without one, for each connection.  Salted, so that nobody can
 * choose to be somebody else's number. */
static uint64_t
client_number(const struct serve *s, const struct call_request *r)
{
	const struct bytes parts[] = {
	    bytes_of(s->client_salt, sizeof s->client_salt),
	    r->identity.n > 0 ? bytes_str("i") : bytes_str("c"),
	    r->identity.n > 0 ? r->identity : bytes_of(&r->client, sizeof r->client),
	};
	struct hash h;
	uint64_t n;

	hash_of_parts(parts, 3, &h);
	memcpy(&n, h.b, sizeof n);
	return n;
}

bool
serve_may_wait(struct serve *s, struct call *call)
{
	size_t calls = s->options.calls_max - s->options.calls_max / 4;
	size_t bytes = s->options.requests_bytes_max - s->options.requests_bytes_max / 4;

	must(!call->may_wait);
	if (s->waiting_count >= calls || call->request.n > bytes - s->waiting_bytes)
		return false;
	s->waiting_count++;
	s->waiting_bytes += call->request.n;
	call->may_wait = true;
	return true;
}

/* ---- slots ---- */

static void
slot_free(struct serve *s, struct call *call)
{
	must(call->live);
	submit_release(call);
	watch_release(call);
	door_leave(call);
	if (call->may_wait) {
		s->waiting_count--;
		s->waiting_bytes -= call->request.n;
	}
	s->request_bytes -= call->request.n;
	s->query_count -= call->method->answer != NULL;
	/* The arena keeps its first block, which a large request has made as large as itself. */
	if (call->request.n > SLOT_KEEP_MAX || s->options.calls_max - s->free_count > SLOTS_WARM)
		arena_release(&call->arena);
	else
		arena_reset(&call->arena);
	call->live = false;
	call->next = s->free;
	s->free = call;
	s->free_count++;
}

/* Queries may be slow and appends are not: a quarter of the slots is never theirs. */
static bool
queries_full(const struct serve *s)
{
	return s->query_count >= s->options.calls_max - s->options.calls_max / 4;
}

/* An edit of the trust folder brings a key with its issuers, or a certificate. */
static size_t
question_max(const struct method *m)
{
	return m->begin == truststore_begin ? EVENT_SIZE_MAX : QUERY_REQUEST_MAX;
}

static enum rc
slot_take(struct serve *s, const struct method *m, const struct call_request *r, struct call **out,
    struct why *why)
{
	struct call *call = s->free;

	if (m->answer != NULL && queries_full(s)) {
		metric_add(s->busy, 1);
		return why_set(why, RC_BUSY, "calls_max", NULL, 0, "the readers are behind");
	}

	/* One request always fits, or the largest could never begin. */
	if (call == NULL || (s->free_count < s->options.calls_max &&
				s->request_bytes + r->message.n > s->options.requests_bytes_max)) {
		metric_add(s->busy, 1);
		return why_set(why, RC_BUSY, "calls_max", NULL, 0, "every call slot is taken");
	}
	s->free = call->next;
	s->free_count--;
	call->live = true;
	call->method = m;
	s->query_count += m->answer != NULL;
	call->next = NULL;
	call->submit = NULL;
	call->watch = NULL;
	call->rc = RC_OK;
	call->why = (struct why){0};
	call->answer = BYTES_NONE;
	call->request = BYTES_NONE;
	call->identity = BYTES_NONE;
	call->may_wait = false;
	call->failed = 0;
	call->client = client_number(s, r);
	call->door = r->door;
	call->door_id = r->door_id;
	must(r->door != NULL);
	LIST_INSERT_HEAD(door_chain(s, r->door), call, in_door);
	atomic_store_explicit(&call->forgotten, false, memory_order_relaxed);
	*out = call;
	return RC_OK;
}

static enum rc
call_set(struct call *call, struct hall_log *log, const struct call_request *r, struct why *why)
{
	const struct serve_options *o = &call->serve->options;
	unsigned ms = r->deadline_ms;

	if (ms == 0 || ms > o->deadline_ms_max)
		ms = o->deadline_ms_max;
	call->log = log;
	call->arena.max = call->method->answer != NULL ? o->query_bytes_max : o->call_bytes_max;
	call->begun_us = clock_mono_us(&o->clock);
	call->deadline_us = call->begun_us + (int64_t)ms * 1000;
	if (!arena_dup(&call->arena, r->message, &call->request))
		return why_set(
		    why, RC_NO_MEMORY, "call_bytes_max", NULL, 0, "no room for the request");
	call->serve->request_bytes += call->request.n;
	return RC_OK;
}

static enum rc
judge(struct serve *s, const struct call_request *request, const struct method **m,
    struct hall_log **log, struct why *why)
{
	if ((*m = method_find(request->method)) == NULL)
		return why_set(why, RC_UNIMPLEMENTED, "WIRE methods", NULL, 0, "no such method");
	*log = log_find(s, request->log);
	if (*log == NULL && request->insecure)
		return why_set(why, RC_NOT_FOUND, "WIRE log", "log", 0, "no log of that name");
	/* A stranger does not learn which logs there are. */
	if (*log == NULL || !policy_allows(ledger_rules((*log)->ledger), request->identity,
				request->insecure, (*m)->right))
		return why_set(why, RC_NOT_AUTHORIZED, "grants", NULL, 0,
		    "no such log, or this identity may not do that in it");
	return RC_OK;
}

enum rc
serve_may(struct serve *s, const struct call_request *request, struct why *why)
{
	const struct method *m;
	struct hall_log *log;
	enum rc rc = judge(s, request, &m, &log, why);

	if (rc != RC_OK)
		metric_add(s->refused_calls, 1);
	return rc;
}

enum rc
serve_begin(struct serve *s, const struct call_request *request, struct why *why)
{
	const struct method *m;
	struct hall_log *log;
	struct call *call = NULL;
	enum rc rc;

	if ((rc = judge(s, request, &m, &log, why)) != RC_OK)
		return rc;
	/* Requests that wait for a reader must not take the room of appends. */
	if (m->answer != NULL && request->message.n > question_max(m))
		return why_set(why, RC_TOO_LARGE, "WIRE methods", NULL, 0,
		    "a question has at most %zu bytes", question_max(m));
	if ((rc = slot_take(s, m, request, &call, why)) != RC_OK)
		return rc;
	rc = call_set(call, log, request, why);
	if (rc == RC_OK)
		rc = m->begin != NULL ? m->begin(call, request, why) : query_begin(call, why);
	if (rc != RC_OK)
		slot_free(s, call);
	else
		metric_add(s->calls, 1);
	if (rc != RC_OK && rc != RC_BUSY)
		metric_add(s->refused_calls, 1);
	return rc;
}

size_t
serve_slots_free(const struct serve *s)
{
	return s->free_count;
}

/* ---- collect ---- */

static struct call *
next_finished(struct serve *s)
{
	struct call *call;

	if (s->taken == NULL) {
		pthread_mutex_lock(&s->lock);
		s->taken = s->finished;
		s->finished = NULL;
		s->finished_tail = &s->finished;
		pthread_mutex_unlock(&s->lock);
	}
	if ((call = s->taken) != NULL)
		s->taken = call->next;
	return call;
}

size_t
serve_collect(struct serve *s, struct call_answer *out, size_t room)
{
	size_t count = 0;
	struct call *call;

	while (count < room && (call = next_finished(s)) != NULL) {
		bool more = call->watch != NULL && watch_collected(call);

		must(call->live);
		if (call->door == NULL) {
			slot_free(s, call);
			continue;
		}
		if (call->watch != NULL && !more && call->rc == RC_OK)
			continue; /* it had nothing to say, and waits again */
		if (call->submit != NULL)
			submit_reply(call);
		out[count++] = (struct call_answer){
		    .door = call->door,
		    .door_id = call->door_id,
		    .rc = call->rc,
		    .why = call->why,
		    .message = call->answer,
		    .more = more,
		    .failed = call->failed,
		    .call = call,
		};
	}
	watch_pump(s);
	return count;
}

void
serve_release(struct serve *s, struct call *call)
{
	must(call->serve == s && call->live);
	slot_free(s, call);
}

static void
forget(struct serve *s, void *door, const uint64_t *door_id)
{
	struct call *call, *next;

	must(door != NULL);
	for (call = LIST_FIRST(door_chain(s, door)); call != NULL; call = next) {
		next = LIST_NEXT(call, in_door);
		if (call->door != door || (door_id != NULL && call->door_id != *door_id))
			continue;
		must(call->live);
		if (watch_parked(call)) { /* nobody has it who would bring it back */
			slot_free(s, call);
			continue;
		}
		door_leave(call);
		atomic_store_explicit(&call->forgotten, true, memory_order_relaxed);
	}
}

void
serve_forget(struct serve *s, void *door)
{
	forget(s, door, NULL);
}

void
serve_cancel(struct serve *s, void *door, uint64_t door_id)
{
	forget(s, door, &door_id);
}

void
serve_hurry(struct serve *s)
{
	for (size_t i = 0; i < s->log_count; i++)
		writer_hurry(s->logs[i].writer);
}

void
serve_reload_trust(struct serve *s)
{
	serve_keeper_poke(s->keeper);
}

void
serve_set_policy(struct serve *s, const char *log, const char *path)
{
	for (size_t i = 0; i < s->log_count; i++)
		if (strcmp(s->logs[i].name, log) == 0)
			serve_keeper_policy(s->keeper, i, path);
}

bool
serve_stopped(const struct serve *s)
{
	return atomic_load(&s->stopped);
}
