/*
 * submit.c - the story of a write, in reading order; here its beginning and its end.
 *
 *   submit_begin     (loop)    take the request apart, ask the quotas, take writer tickets in
 *                              arrival order, hand the parts to the pool
 *   submit_part_run  (pool)    judge each token: form, claims, signer, signature, policy
 *   submit_again     (keeper)  once more for tokens whose signer was not known, in case the trust
 *                              folder has changed
 *   part_put         (either)  give every token to the writer, the refused ones marked "skip"
 *   submit_done      (writer)  the batch is committed: when the last token of a call is back, the
 *                              call is finished
 *   submit_reply     (loop)    write the answer
 *
 * A message that is over a quota ends a unary call; on a stream it is answered token by token, since
 * ending the stream would throw away the answers to all that was taken before.
 *
 * Invariants: every ticket taken is put exactly once, whatever the judges say; an arena is touched
 * by one thread at a time; a "no" skips the rest and becomes the token's own answer, never the
 * call's.
 */
#include "serve/submit.h"

#include "base/must.h"

#define OTHER_FIELDS_MAX 4 /* of an AppendRequest, beside tokens and WITs */

static enum rc
no_room(struct why *why)
{
	return why_set(why, RC_NO_MEMORY, "call_bytes_max", NULL, 0, "no room for the request");
}

/* ---- the request ---- */

/* How many tokens; the numbers of everything are within bounds. */
static enum rc
count_fields(const struct call *call, size_t *tokens, struct why *why)
{
	struct wire_field f;
	size_t at = 0, wits = 0, max = call->serve->options.call_tokens_max;
	enum rc rc;

	*tokens = 0;
	rc = wire_check(
	    call->method->request, call->request, max + TRUST_WITS_MAX + OTHER_FIELDS_MAX, why);
	if (rc != RC_OK)
		return rc;
	while (wire_next(call->request, &at, &f)) {
		*tokens += f.number == 1;
		wits += f.number == 3;
	}
	if (*tokens == 0)
		return why_set(
		    why, RC_BAD_REQUEST, "WIRE Append", NULL, 0, "no token in the request");
	if (*tokens > max)
		return why_set(why, RC_TOO_LARGE, "WIRE Append (call_tokens_max)", NULL, 0,
		    "more than %zu tokens in one request", max);
	if (wits > TRUST_WITS_MAX)
		return why_set(why, RC_TOO_LARGE, "WIRE Append (wits_max)", NULL, 0,
		    "more than %d WITs in one request", TRUST_WITS_MAX);
	return RC_OK;
}

static enum rc
read_wit(struct submit *submit, struct bytes wit, struct why *why)
{
	if (wit.n == 0 || wit.n > TRUST_WIT_SIZE_MAX)
		return why_set(why, RC_TOO_LARGE, "WIRE Append (wit_size_max)", NULL, 0,
		    "a WIT has 1 to %d bytes", TRUST_WIT_SIZE_MAX);
	submit->wits[submit->wit_count++] = wit;
	submit->wit_bytes += wit.n;
	return RC_OK;
}

static enum rc
read_request(struct call *call, struct submit *submit, struct why *why)
{
	struct wire_field f;
	size_t at = 0, count;
	enum rc rc;

	if ((rc = count_fields(call, &count, why)) != RC_OK)
		return rc;
	submit->items = arena_zalloc(&call->arena, count * sizeof *submit->items);
	if (submit->items == NULL)
		return no_room(why);
	while (rc == RC_OK && wire_next(call->request, &at, &f)) {
		if (f.number == 1)
			submit->items[submit->count++].raw = f.bytes;
		else if (f.number == 2)
			submit->no_receipt = f.value != 0;
		else if (f.number == 3)
			rc = read_wit(submit, f.bytes, why);
		else if (f.number == 4)
			submit->has_wait = f.value != 0;
		else
			submit->wait_ms = f.value;
	}
	if (rc == RC_OK && submit->wait_ms > 0 && !submit->has_wait)
		return why_set(
		    why, RC_BAD_REQUEST, "WIRE Append (wait)", NULL, 0, "wait_ms without wait");
	must(rc != RC_OK || submit->count == count);
	return rc;
}

/* What the judges want to know about the connection. */
static enum rc
read_client(struct call *call, const struct call_request *r, struct submit *submit, struct why *why)
{
	submit->insecure = r->insecure;
	if (!arena_dup(&call->arena, r->identity, &call->identity))
		return no_room(why);
	if (r->peer_chain.n <= TRUST_CHAIN_SIZE_MAX &&
	    !arena_dup(&call->arena, r->peer_chain, &submit->peer_chain))
		return no_room(why);
	return RC_OK;
}

/* ---- bounds ---- */

static struct quota_ask
ask_of(const struct submit *submit)
{
	struct quota_ask ask = {{submit->count, submit->wit_bytes, submit->count}};

	for (size_t i = 0; i < submit->count; i++)
		ask.amount[QUOTA_BYTES] += submit->items[i].raw.n;
	return ask;
}

/* The client's own quota first, so that whoever is over it does not use up the log's. */
enum rc
submit_quota(
    struct call *call, const struct quota_ask *ask, uint64_t *retry_after_ms, struct why *why)
{
	struct hall_log *log = call->log;
	struct quota_bucket *client = quota_clients_bucket(log->clients, call->client);
	enum quota_measure measure = QUOTA_TOKENS;
	enum rc rc;

	rc = quota_take(
	    client, &log->client_rates, ask, call->begun_us, &measure, retry_after_ms, why);
	if (rc == RC_OK) {
		rc = quota_take(
		    &log->quota, &log->rates, ask, call->begun_us, &measure, retry_after_ms, why);
		if (rc != RC_OK)
			quota_give(client, &log->client_rates, ask);
	}
	if (rc != RC_OK)
		metric_add(call->serve->over_quota[measure], 1);
	return rc;
}

static enum rc
take_quota(struct call *call, struct submit *submit, struct why *why)
{
	struct quota_ask ask = ask_of(submit);

	return submit_quota(call, &ask, &submit->retry_after_ms, why);
}

static void
give_quota(struct call *call, const struct submit *submit)
{
	struct hall_log *log = call->log;
	struct quota_ask ask = ask_of(submit);

	quota_give(quota_clients_bucket(log->clients, call->client), &log->client_rates, &ask);
	quota_give(&log->quota, &log->rates, &ask);
}

/*
 * How long the tokens may wait for their parents: as the client wishes, the log allows, and the
 * deadline leaves.
 *
 * A call that waits keeps its slot and its request bytes, and the tokens of one that does not may
 * be what it waits for.  So calls that may wait have at most three quarters of both (whether they
 * will wait is known only to the writer, later); what comes above that is taken as ever, but does
 * not wait.  Under the default limits 16384 single tokens wait in 24576 slots, and 8192 are left.
 */
static uint64_t
wait_of(struct call *call, const struct submit *submit)
{
	struct serve *s = call->serve;
	uint64_t most = ledger_rules(call->log->ledger)->wait_ms;
	int64_t left = (call->deadline_us - call->begun_us) / 1000;

	if (submit->has_wait && submit->wait_ms < most)
		most = submit->wait_ms;
	if (most > (uint64_t)left)
		most = (uint64_t)left;
	if (most == 0 || !serve_may_wait(s, call))
		return 0;
	return most;
}

/* ---- begin ---- */

static enum rc
make_parts(struct call *call, struct submit *submit, struct why *why)
{
	size_t size = SUBMIT_PART_TOKENS;

	submit->part_count = (submit->count + size - 1) / size;
	submit->parts = arena_zalloc(&call->arena, submit->part_count * sizeof *submit->parts);
	if (submit->parts == NULL)
		return no_room(why);
	for (size_t i = 0; i < submit->part_count; i++) {
		struct submit_part *p = &submit->parts[i];

		arena_init(&p->own, call->serve->options.call_bytes_max);
		p->call = call;
		p->work.run = submit_part_run;
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

static void
set_tickets(struct call *call, struct submit *submit, uint64_t ticket)
{
	uint64_t wait_ms = wait_of(call, submit);

	for (size_t i = 0; i < submit->count; i++) {
		struct submit_item *item = &submit->items[i];

		item->writer.ticket = ticket + i;
		item->writer.wait_ms = (unsigned)wait_ms;
		item->writer.client = call->client;
		item->writer.bytes = item->raw.n + sizeof *item;
	}
	submit->items[0].writer.group_count = (unsigned)submit->count;
	submit->left = submit->count;
}

static void
number_tokens(const struct call_request *request, struct submit *submit)
{
	if (request->stream_tokens == NULL)
		return;
	submit->first_number = *request->stream_tokens;
	*request->stream_tokens += submit->count;
}

/* A message on a stream that is over quota: refused token by token. */
static enum rc
refuse_all(
    struct call *call, const struct call_request *request, struct submit *submit, struct why *why)
{
	for (size_t i = 0; i < submit->count; i++) {
		submit->items[i].rc = RC_OVER_QUOTA;
		submit->items[i].why = *why;
	}
	number_tokens(request, submit);
	call->submit = submit;
	call_finish(call);
	return RC_OK;
}

enum rc
submit_begin(struct call *call, const struct call_request *request, struct why *why)
{
	struct submit *submit;
	uint64_t ticket;
	enum rc rc;

	if (ledger_stopped(call->log->ledger))
		return why_set(why, RC_STORE_DOUBT, "STORAGE 6 (doubt)", NULL, 0,
		    "the log stopped writing; the server is restarting");
	if ((submit = arena_zalloc(&call->arena, sizeof *submit)) == NULL)
		return no_room(why);
	if ((rc = read_request(call, submit, why)) != RC_OK ||
	    (rc = read_client(call, request, submit, why)) != RC_OK ||
	    (rc = make_parts(call, submit, why)) != RC_OK)
		return rc;
	if ((rc = take_quota(call, submit, why)) != RC_OK) {
		if (call->method->stream)
			return refuse_all(call, request, submit, why);
		if (request->retry_after_ms != NULL)
			*request->retry_after_ms = submit->retry_after_ms;
		return rc;
	}
	if (!writer_ticket(call->log->writer, submit->count, &ticket)) {
		give_quota(call, submit); /* it will come again */
		return why_set(why, RC_BUSY, "writer tickets", NULL, 0, "the writer is behind");
	}
	set_tickets(call, submit, ticket);
	number_tokens(request, submit);
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

/* ---- the end ---- */

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
