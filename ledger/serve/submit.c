/*
 * submit.c - the story of a write, in reading order.
 *
 *   submit_begin  (loop)    take the request apart, take writer tickets in arrival order, hand the
 *                           parts to the pool
 *   part_run      (pool)    judge each token: form, claims, key, signature, policy
 *   submit_again  (keeper)  once more for tokens whose key was not known, in case the trust folder
 *                           has changed
 *   part_put      (either)  give every token to the writer, the refused ones marked "skip"
 *   submit_done   (writer)  the batch is committed: when the last token of a call is back, the call
 *                           is finished
 *   submit_reply  (loop)    write the answer
 *
 * Invariants: every ticket taken is put exactly once, whatever the judges say; an arena is touched
 * by one thread at a time; a "no" skips the rest and becomes the token's own answer, never the
 * call's.
 */
#include "serve/submit.h"

#include <string.h>

#include "base/must.h"

static void part_run(struct pool_work *work, void *local);

/* ---- loop thread: begin ---- */

static enum rc
read_request(struct call *call, struct submit *submit, struct why *why)
{
	struct wire_field f;
	size_t at = 0, count = 0, max = call->serve->options.call_tokens_max;
	enum rc rc;

	rc = wire_check(call->method->request, call->request, max + 2, why);
	if (rc != RC_OK)
		return rc;
	while (wire_next(call->request, &at, &f))
		count += f.number == 1;
	if (count == 0)
		return why_set(
		    why, RC_BAD_REQUEST, "WIRE Append", NULL, 0, "no token in the request");
	if (count > max)
		return why_set(why, RC_TOO_LARGE, "WIRE Append (call_tokens_max)", NULL, 0,
		    "more than %zu tokens in one request", max);
	submit->items = arena_zalloc(&call->arena, count * sizeof *submit->items);
	if (submit->items == NULL)
		return why_set(
		    why, RC_NO_MEMORY, "call_bytes_max", NULL, 0, "no room for the request");
	at = 0;
	while (wire_next(call->request, &at, &f)) {
		if (f.number == 1)
			submit->items[submit->count++].raw = f.bytes;
		else
			submit->no_receipt = f.value != 0;
	}
	must(submit->count == count);
	return RC_OK;
}

static enum rc
make_parts(struct call *call, struct submit *submit, struct why *why)
{
	size_t size = SUBMIT_PART_TOKENS;

	submit->part_count = (submit->count + size - 1) / size;
	submit->parts = arena_zalloc(&call->arena, submit->part_count * sizeof *submit->parts);
	if (submit->parts == NULL)
		return why_set(
		    why, RC_NO_MEMORY, "call_bytes_max", NULL, 0, "no room for the request");
	for (size_t i = 0; i < submit->part_count; i++) {
		struct submit_part *p = &submit->parts[i];

		arena_init(&p->own, call->serve->options.call_bytes_max);
		p->call = call;
		p->work.run = part_run;
		p->items = submit->items + i * size;
		p->count = submit->count - i * size < size ? submit->count - i * size : size;
		p->arena = i == 0 ? &call->arena : &p->own;
		for (size_t j = 0; j < p->count; j++) {
			p->items[j].call = call;
			p->items[j].writer.job.arena = p->arena;
			p->items[j].writer.job.want_receipt = !submit->no_receipt;
		}
	}
	return RC_OK;
}

/* The log's quota: a bucket that holds one second's worth. */
static enum rc
take_quota(struct call *call, size_t count, struct why *why)
{
	struct hall_log *log = call->log;
	double rate = (double)ledger_rules(log->ledger)->tokens_per_s_max;
	int64_t now = call->begun_us;

	if (rate <= 0)
		return RC_OK;
	log->bucket += (double)(now - log->bucket_us) * rate / 1e6;
	log->bucket_us = now;
	if (log->bucket > rate)
		log->bucket = rate;
	if (log->bucket < (double)count && !(log->bucket >= rate))
		return why_set(why, RC_OVER_QUOTA, "tokens_per_s_max", NULL, 0,
		    "the log takes %.0f tokens a second", rate);
	log->bucket -= (double)count; /* a request larger than a second's worth goes on credit */
	return RC_OK;
}

enum rc
submit_begin(struct call *call, const struct call_request *request, struct why *why)
{
	struct submit *submit;
	uint64_t ticket;
	enum rc rc;

	if (ledger_stopped(call->log->ledger))
		return why_set(why, RC_STORE_DOUBT, "DESIGN 3 (commit doubt)", NULL, 0,
		    "the log stopped writing; the server is restarting");
	submit = arena_zalloc(&call->arena, sizeof *submit);
	if (submit == NULL)
		return why_set(
		    why, RC_NO_MEMORY, "call_bytes_max", NULL, 0, "no room for the request");
	if ((rc = read_request(call, submit, why)) != RC_OK)
		return rc;
	if ((rc = make_parts(call, submit, why)) != RC_OK)
		return rc;
	if ((rc = take_quota(call, submit->count, why)) != RC_OK)
		return rc;
	if (!writer_ticket(call->log->writer, submit->count, &ticket)) {
		call->log->bucket += (double)submit->count; /* it will come again */
		return why_set(why, RC_BUSY, "writer tickets", NULL, 0, "the writer is behind");
	}

	for (size_t i = 0; i < submit->count; i++)
		submit->items[i].writer.ticket = ticket + i;
	submit->items[0].writer.group_count = (unsigned)submit->count;
	submit->left = submit->count;
	if (request->stream_tokens != NULL) {
		submit->first_number = *request->stream_tokens;
		*request->stream_tokens += submit->count;
	}
	call->submit = submit;
	/*
	 * The last part handed over may finish the call on another thread: touch nothing after it.
	 */
	for (size_t i = 0, n = submit->part_count; i < n; i++) {
		/* The queue holds as many as there are tickets, so it is never full. */
		bool queued = pool_submit(call->serve->verify, &submit->parts[i].work);
		must(queued);
	}
	return RC_OK;
}

/* ---- pool threads: judge ---- */

/* The form: bytes -> token -> claims. */
static enum rc
judge_form(struct submit_item *item, struct arena *arena)
{
	enum rc rc;

	if ((rc = token_parse(item->raw, arena, &item->token, &item->why)) != RC_OK)
		return rc;
	if ((rc = claim_read(&item->token, arena, &item->claim, &item->why)) != RC_OK)
		return rc;
	item->read = true;
	return RC_OK;
}

/* The signer, then the signature, and only then what the log thinks of the content: a stranger
 * learns nothing about it. */
static enum rc
judge_signed(struct submit_item *item, const struct trust_snapshot *trust,
    struct verifier *verifier, int64_t now_ms)
{
	const struct token *token = &item->token;
	const struct claim *claim = &item->claim;
	struct seq_job *job = &item->writer.job;
	struct policy_ruling ruling = {0};
	struct signer signer = {0};
	enum rc rc;

	must(item->read);
	rc = trust_snapshot_find(
	    trust, claim->trust_domain, claim->iss, token->kid, token->alg, &signer, &item->why);
	if (rc != RC_OK)
		return rc;
	rc = verifier_check(verifier, signer.key, token->alg, token->signing_input,
	    bytes_of(token->signature, token->signature_size), &item->why);
	if (rc != RC_OK)
		return rc;
	rc = policy_judge(
	    ledger_rules(item->call->log->ledger), token, claim, now_ms, &ruling, &item->why);
	if (rc != RC_OK)
		return rc;
	job->token = token;
	job->claim = claim;
	job->has_signer = true;
	job->signer = *key_thumbprint(signer.key);
	job->binding = TRUST_JWKS;
	job->anchor = job->signer;
	job->flags = ruling.flags;
	return RC_OK;
}

/* To the writer.  After the last item the call may be somebody else's. */
static void
part_put(struct submit_part *part)
{
	struct writer *writer = part->call->log->writer;

	for (size_t i = 0, n = part->count; i < n; i++) {
		struct submit_item *item = &part->items[i];

		item->writer.skip = item->rc != RC_OK;
		writer_put(writer, &item->writer);
	}
}

static void
part_run(struct pool_work *work, void *local)
{
	struct submit_part *part =
	    (struct submit_part *)((char *)work - offsetof(struct submit_part, work));
	struct call *call = part->call;
	struct trust_snapshot *trust = trust_get(call->log->trust);
	int64_t now_ms = clock_now_ms(&call->serve->options.clock);
	struct why gone = {0};
	enum rc alive = call_alive(call, &gone);
	bool keyless = false;

	must(local != NULL);
	for (size_t i = 0; i < part->count; i++) {
		struct submit_item *item = &part->items[i];

		if (alive != RC_OK) {
			item->rc = alive;
			item->why = gone;
			continue;
		}
		item->rc = judge_form(item, part->arena);
		if (item->rc == RC_OK)
			item->rc = judge_signed(item, trust, local, now_ms);
		keyless |= item->rc == RC_UNKNOWN_KEY;
	}
	trust_snapshot_drop(trust);
	if (keyless)
		serve_keeper_park(call->serve->keeper, part);
	else
		part_put(part);
}

void
submit_again(struct submit_part *part, struct verifier *verifier)
{
	struct call *call = part->call;
	struct trust_snapshot *trust = trust_get(call->log->trust);
	int64_t now_ms = clock_now_ms(&call->serve->options.clock);

	for (size_t i = 0; i < part->count; i++) {
		struct submit_item *item = &part->items[i];

		if (item->rc == RC_UNKNOWN_KEY)
			item->rc = judge_signed(item, trust, verifier, now_ms);
	}
	trust_snapshot_drop(trust);
	part_put(part);
}

/* ---- writer thread: hand back ---- */

void
submit_done(void *ctx, struct writer_item *first, size_t count)
{
	struct hall_log *log = ctx;
	struct call *head = NULL, *tail = NULL;
	struct writer_item *next;

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
	out->refusal = refusal;
	return true;
}

/* The ids of a token that was refused before its claims were good, as far as they can be read. */
static void
answer_ids(struct call *call, const struct submit_item *item, Ectledger__V1__AppendAnswer *out)
{
	struct bytes jti = BYTES_NONE, wid = BYTES_NONE;
	uint8_t *ids = arena_alloc(&call->arena, 2 * UUID_SIZE);

	if (item->read) {
		out->jti = pb_bytes(bytes_of(item->claim.jti, UUID_SIZE));
		if (item->claim.has_wid)
			out->wid = pb_bytes(bytes_of(item->claim.wid, UUID_SIZE));
		return;
	}
	if (ids == NULL)
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

void
submit_reply(struct call *call)
{
	Ectledger__V1__AppendReply reply = ECTLEDGER__V1__APPEND_REPLY__INIT;
	struct submit *submit = call->submit;
	struct answer_room *rooms;
	Ectledger__V1__AppendAnswer **answers;

	must(submit != NULL && submit->left == 0);
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

void
submit_release(struct call *call)
{
	struct submit *submit = call->submit;

	if (submit == NULL)
		return;
	for (size_t i = 0; i < submit->part_count; i++)
		arena_release(&submit->parts[i].own);
	call->submit = NULL;
}
