/*
 * submit_reply.c - back from the writer, and the answer.
 *
 * The writer hands back whole batches: tokens, each of which may be its call's last, or a chain of
 * events of the log's own, which are the keeper's.  The loop then writes one answer for each token, and charges
 * the client for signatures that did not verify.
 */
#include "serve/submit.h"

#include "base/must.h"

/* ---- writer thread: hand back ---- */

void
submit_done(void *ctx, struct writer_item *first, size_t count)
{
	struct hall_log *log = ctx;
	struct call *head = NULL, *tail = NULL;
	struct writer_item *next;

	if (seq_is_event(&first->job)) {
		serve_keeper_written(log->serve->keeper);
		return;
	}
	for (struct writer_item *w = first; w != NULL; w = next) {
		struct submit_item *item =
		    (struct submit_item *)((char *)w - offsetof(struct submit_item, writer));
		struct call *call = item->call;

		next = w->next;
		must(count-- > 0 && call->submit->left > 0);
		if (--call->submit->left > 0)
			continue;
		call->rc = RC_OK;
		call->next = NULL;
		if (tail != NULL)
			tail->next = call;
		else
			head = call;
		tail = call;
	}
	if (head != NULL)
		call_finish_chain(log->serve, head, tail);
}

/* ---- loop thread: reply ---- */

static bool
answer_refused(struct call *call, const struct submit_item *item, Ectledger__V1__AppendAnswer *out,
    Ectledger__V1__Refusal *refusal)
{
	const struct seq_job *job = &item->writer.job;
	const struct why *why = item->rc != RC_OK ? &item->why : &job->why;
	enum rc rc = item->rc != RC_OK ? item->rc : job->rc;
	ProtobufCBinaryData *missing;

	ectledger__v1__refusal__init(refusal);
	refusal->code = (uint32_t)rc;
	refusal->rule = pb_string(&call->arena, bytes_str(why->rule ? why->rule : rc_label(rc)));
	refusal->claim = pb_string(&call->arena, bytes_str(why->claim ? why->claim : ""));
	refusal->message =
	    pb_string(&call->arena, bytes_str(why->text[0] ? why->text : rc_text(rc)));
	if (refusal->rule == NULL || refusal->claim == NULL || refusal->message == NULL)
		return false;
	if (item->rc == RC_OK && job->missing_count > 0) {
		missing = arena_alloc(&call->arena, job->missing_count * sizeof *missing);
		if (missing == NULL)
			return false;
		for (size_t i = 0; i < job->missing_count; i++)
			missing[i] = pb_bytes(bytes_of(job->missing[i], UUID_SIZE));
		refusal->missing = missing;
		refusal->n_missing = job->missing_count;
	}
	if (rc == RC_OVER_QUOTA)
		refusal->retry_after_ms = call->submit->retry_after_ms;
	out->refusal = refusal;
	return true;
}

/* The ids of a token that was refused before its claims were good, as far as they can be read. */
static void
answer_ids(struct call *call, const struct submit_item *item, Ectledger__V1__AppendAnswer *out)
{
	struct bytes jti = BYTES_NONE, wid = BYTES_NONE;
	uint8_t *ids;

	/* Whoever is over its quota gets as little of our time as can be. */
	if (item->rc == RC_OVER_QUOTA)
		return;
	if (item->read) {
		out->jti = pb_bytes(bytes_of(item->claim.jti, UUID_SIZE));
		if (item->claim.has_wid)
			out->wid = pb_bytes(bytes_of(item->claim.wid, UUID_SIZE));
		return;
	}
	if ((ids = arena_alloc(&call->arena, 2 * UUID_SIZE)) == NULL)
		return;
	token_peek_ids(item->raw, &call->arena, &jti, &wid);
	if (uuid_parse(jti, ids))
		out->jti = pb_bytes(bytes_of(ids, UUID_SIZE));
	if (uuid_parse(wid, ids + UUID_SIZE))
		out->wid = pb_bytes(bytes_of(ids + UUID_SIZE, UUID_SIZE));
}

static void
answer_accepted(const struct submit_item *item, Ectledger__V1__AppendAnswer *out,
    Ectledger__V1__Receipt *receipt)
{
	const struct seq_job *job = &item->writer.job;
	const struct receipt *r = &job->receipt;

	out->index = r->index;
	out->tree_size = r->tree_size;
	out->leaf_hash = pb_bytes(bytes_of(r->leaf.b, HASH_SIZE));
	out->duplicate = job->duplicate;
	if (!job->want_receipt)
		return;
	ectledger__v1__receipt__init(receipt);
	receipt->index = r->index;
	receipt->tree_size = r->tree_size;
	receipt->leaf_hash = out->leaf_hash;
	receipt->path = pb_bytes(bytes_of(r->path, r->path_count * sizeof r->path[0]));
	receipt->checkpoint = pb_bytes(r->checkpoint);
	receipt->entry = pb_bytes(r->entry);
	receipt->entry_is_head = !job->entry_whole;
	receipt->promise = "committed";
	out->receipt = receipt;
}

struct answer_room {
	Ectledger__V1__AppendAnswer answer;
	Ectledger__V1__Receipt receipt;
	Ectledger__V1__Refusal refusal;
};

static bool
answer_fill(struct call *call, const struct submit_item *item, struct answer_room *room)
{
	const struct seq_job *job = &item->writer.job;
	enum rc rc = item->rc != RC_OK ? item->rc : job->rc;

	must(rc < RC_COUNT);
	ectledger__v1__append_answer__init(&room->answer);
	answer_ids(call, item, &room->answer);
	metric_add(call->serve->tokens[rc], 1);
	if (rc != RC_OK)
		return answer_refused(call, item, &room->answer, &room->refusal);
	answer_accepted(item, &room->answer, &room->receipt);
	return true;
}

/*
 * A check that failed was paid for like any other when it came; the client pays the rest of its
 * weight now.  The log's quota does not, or one client's garbage would use up everybody's.
 */
static void
charge_failed(struct call *call)
{
	struct hall_log *log = call->log;
	uint64_t weight = ledger_rules(log->ledger)->failed_weight, failed = 0;
	struct quota_ask ask = {{0}};

	for (size_t i = 0; i < call->submit->count; i++) {
		enum rc rc = call->submit->items[i].rc;

		failed += rc == RC_BAD_SIGNATURE || rc == RC_BAD_CREDENTIAL;
	}
	call->failed = failed;
	if (failed == 0 || weight <= 1)
		return;
	ask.amount[QUOTA_VERIFIES] = failed * (weight - 1);
	quota_charge(quota_clients_bucket(log->clients, call->client), &log->client_rates, &ask,
	    clock_mono_us(&call->serve->options.clock));
}

void
submit_reply(struct call *call)
{
	Ectledger__V1__AppendReply reply = ECTLEDGER__V1__APPEND_REPLY__INIT;
	struct submit *submit = call->submit;
	struct answer_room *rooms;
	Ectledger__V1__AppendAnswer **answers;

	must(submit != NULL && submit->left == 0);
	charge_failed(call);
	rooms = arena_alloc(&call->arena, submit->count * sizeof *rooms);
	answers = arena_alloc(&call->arena, submit->count * sizeof(void *));
	if (rooms == NULL || answers == NULL)
		goto full;
	for (size_t i = 0; i < submit->count; i++) {
		if (!answer_fill(call, &submit->items[i], &rooms[i]))
			goto full;
		rooms[i].answer.number = submit->first_number + i;
		answers[i] = &rooms[i].answer;
	}
	reply.answers = answers;
	reply.n_answers = submit->count;
	if ((call->rc = wire_pack(&reply.base, &call->arena, &call->answer)) == RC_OK)
		return;
full:
	/* The tokens may well be in the log: the client repeats and is told so. */
	call->rc = why_set(&call->why, RC_NO_MEMORY, "call_bytes_max", NULL, 0,
	    "no room for the answer; repeat the request in smaller pieces");
}
