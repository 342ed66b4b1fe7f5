/*
 * register.c - Ledger/RegisterWorkflow: the descriptor of a workflow becomes an entry of the log.
 *
 *   register_begin  (loop)    sizes and quotas; on to the keeper
 *   register_all    (keeper)  judge each, give the writer one chain for each log, answer
 *
 * It goes the way of the log's own events: it has no signature that a judge could check, so the entry says who
 * brought it, by the certificate of the connection.  Whether it is the newest already is for the
 * sequencer to say: then nothing is written, and the answer is the receipt of what is there.
 *
 * One round takes at most SEQ_BATCH_MAX calls of one log, which are one commit: whoever registers much does not
 * keep the keeper from its keys for longer than that.
 */
#include <string.h>

#include "answer/descriptor.h"
#include "base/must.h"
#include "claim/own_event.h"
#include "serve/keeper.h"

#define REQUEST_MAX (OWN_DESCRIPTOR_MAX + 256)

_Static_assert(OWN_DESCRIPTOR_MAX == DESCRIPTOR_SIZE_MAX, "what is read is what is kept");
_Static_assert((int)OWN_JSON == (int)DESCRIPTOR_JSON && (int)OWN_CBOR == (int)DESCRIPTOR_CBOR,
    "one numbering of media");

static enum rc
bad(struct why *why, const char *claim, const char *text)
{
	return why_set(why, RC_BAD_REQUEST, "WIRE RegisterWorkflow", claim, 0, "%s", text);
}

static enum rc
no_room(struct why *why)
{
	return why_set(why, RC_NO_MEMORY, "call_bytes_max", NULL, 0, "no room for the answer");
}

enum rc
register_begin(struct call *call, const struct call_request *request, struct why *why)
{
	struct quota_ask ask = {{1, call->request.n, 0}};
	uint64_t retry_after_ms = 0;
	enum rc rc;

	if (ledger_stopped(call->log->ledger))
		return why_set(why, RC_STORE_DOUBT, "DESIGN 3 (commit doubt)", NULL, 0,
		    "the log stopped writing; the server is restarting");
	if (call->request.n > REQUEST_MAX)
		return why_set(why, RC_TOO_LARGE, "WIRE RegisterWorkflow", "descriptor", 0,
		    "a descriptor has at most %d bytes", OWN_DESCRIPTOR_MAX);
	if (!arena_dup(&call->arena, request->identity, &call->identity))
		return no_room(why);
	if ((rc = submit_quota(call, &ask, &retry_after_ms, why)) != RC_OK) {
		if (request->retry_after_ms != NULL)
			*request->retry_after_ms = retry_after_ms;
		return rc;
	}
	serve_keeper_register(call->serve->keeper, call);
	return RC_OK;
}

/* ---- keeper thread ---- */

static enum rc
read_request(struct call *call, const Ectledger__V1__RegisterWorkflowRequest *r,
    struct own_descriptor *out, struct why *why)
{
	static const uint8_t none[UUID_SIZE];
	const struct descriptor *read;
	struct arena scratch;
	enum rc rc;

	if (r->wid.len != UUID_SIZE || memcmp(r->wid.data, none, UUID_SIZE) == 0)
		return bad(why, "wid", "wid must have 16 bytes, not all zero");
	if (r->media > OWN_CBOR)
		return bad(why, "media", "0 (JSON) or 1 (CBOR)");
	if (r->descriptor.len == 0 || r->descriptor.len > OWN_DESCRIPTOR_MAX)
		return bad(why, "descriptor", "a descriptor has 1 to 49,152 bytes");
	memcpy(out->wid, r->wid.data, UUID_SIZE);
	out->media = (enum own_media)r->media;
	out->descriptor = bytes_of(r->descriptor.data, r->descriptor.len);
	out->by = call->identity.n > 0 ? call->identity : bytes_str("loopback");
	if (!own_by_ok(out->by))
		return bad(why, NULL, "the identity of the connection cannot be written down");
	arena_init(&scratch, call->serve->options.call_bytes_max);
	rc =
	    descriptor_read(out->descriptor, (enum descriptor_media)r->media, &scratch, &read, why);
	arena_release(&scratch);
	return rc;
}

/* The call's job, or its refusal. */
static enum rc
prepare(struct call *call, struct seq_job *job, struct why *why)
{
	const ProtobufCMessage *request = NULL;
	struct own_descriptor event = {0};
	enum rc rc;

	*job =
	    (struct seq_job){.kind = ENTRY_DESCRIPTOR, .arena = &call->arena, .want_receipt = true};
	if ((rc = call_alive(call, why)) != RC_OK ||
	    (rc = wire_unpack(call->method->request, call->request, &call->arena, &request, why)) !=
		RC_OK ||
	    (rc = read_request(call, (const void *)request, &event, why)) != RC_OK)
		return rc;
	rc = own_descriptor_write(&event, &call->arena, &job->event);
	return rc == RC_OK ? rc : no_room(why);
}

/* The receipt carries the whole entry: nobody but the log has the event's bytes. */
static enum rc
whole_entry(struct call *call, const struct seq_job *job, struct bytes *out)
{
	struct bytes head = job->receipt.entry;
	uint8_t *p;

	if (job->entry_whole) {
		*out = head;
		return RC_OK;
	}
	if ((p = arena_alloc(&call->arena, head.n + job->event.n)) == NULL)
		return RC_NO_MEMORY;
	memcpy(p, head.p, head.n);
	memcpy(p + head.n, job->event.p, job->event.n);
	*out = bytes_of(p, head.n + job->event.n);
	return RC_OK;
}

static enum rc
reply(struct call *call, const struct seq_job *job, struct why *why)
{
	Ectledger__V1__RegisterWorkflowReply m = ECTLEDGER__V1__REGISTER_WORKFLOW_REPLY__INIT;
	Ectledger__V1__Receipt receipt = ECTLEDGER__V1__RECEIPT__INIT;
	const struct receipt *r = &job->receipt;
	struct bytes entry;

	if (job->rc != RC_OK) {
		*why = job->why;
		return job->rc;
	}
	if (whole_entry(call, job, &entry) != RC_OK)
		return no_room(why);
	m.index = receipt.index = r->index;
	m.tree_size = receipt.tree_size = r->tree_size;
	m.leaf_hash = receipt.leaf_hash = pb_bytes(bytes_of(r->leaf.b, HASH_SIZE));
	m.duplicate = job->duplicate;
	receipt.path = pb_bytes(bytes_of(r->path, r->path_count * sizeof r->path[0]));
	receipt.checkpoint = pb_bytes(r->checkpoint);
	receipt.entry = pb_bytes(entry);
	receipt.promise = "committed";
	m.receipt = &receipt;
	return call_reply(call, &m.base, why);
}

/* Calls of one log from the front of '*list', at most 'room', those that are refused not counted; the rest
 * stays.  A chain by call->next, in their order. */
static size_t
take(struct call **list, struct writer_item *items, size_t room, struct call **out)
{
	const struct hall_log *log = (*list)->log;
	struct call **from = list, **tail = out;
	size_t n = 0;

	while (*from != NULL && n < room) {
		struct call *call = *from;

		if (call->log != log) {
			from = &call->next;
			continue;
		}
		*from = call->next;
		items[n] = (struct writer_item){0};
		call->rc = prepare(call, &items[n].job, &call->why);
		if (call->rc != RC_OK) {
			call_finish(call);
			continue;
		}
		*tail = call;
		tail = &call->next;
		n++;
	}
	*tail = NULL;
	return n;
}

void
register_all(struct keeper *k, struct call *list)
{
	while (list != NULL) {
		const struct hall_log *log = list->log;
		struct writer_item *items = keeper_items(k);
		struct call *chain = NULL, *next;
		size_t n = take(&list, items, SEQ_BATCH_MAX, &chain);

		if (n > 0)
			keeper_put(k, log, n);
		for (size_t i = 0; i < n; i++, chain = next) {
			next = chain->next; /* the call is not ours after its end */
			chain->rc = reply(chain, &items[i].job, &chain->why);
			call_finish(chain);
		}
	}
}
