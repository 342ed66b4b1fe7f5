/*
 * receipt.c - Ledger/GetReceipt (reader thread).
 *
 * The receipt's facts always; the COSE form (RFC 9942) when asked, since only the log can sign it.
 */
#include <string.h>

#include "seal/receipt.h"
#include "serve/call.h"

/* "urn:uuid:<jti>" of the entry: the subject of a COSE receipt. */
static enum rc
subject(struct call *call, struct query_view *v, uint64_t index, struct bytes *out, struct why *why)
{
	struct query_entry e = {0};
	char text[UUID_TEXT_SIZE];
	char *sub;
	enum rc rc = query_entry(v, index, &call->arena, &e, why);

	if (rc != RC_OK)
		return rc;
	uuid_text(e.claim.jti, text);
	if ((sub = arena_printf(&call->arena, "urn:uuid:%s", text)) == NULL)
		return why_set(
		    why, RC_NO_MEMORY, "query_bytes_max", NULL, 0, "no room for the answer");
	*out = bytes_str(sub);
	return RC_OK;
}

static enum rc
make_cose(struct call *call, struct query_view *v, const struct receipt *r, struct buf *out,
    struct why *why)
{
	struct bytes sub = BYTES_NONE;
	enum rc rc = subject(call, v, r->index, &sub, why);

	if (rc != RC_OK)
		return rc;
	rc = receipt_write_cose(r, ledger_signer(call->log->ledger), sub, out);
	if (rc != RC_OK)
		return why_set(why, rc, "RFC 9942", NULL, 0, "the receipt cannot be made");
	return RC_OK;
}

enum rc
receipt_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__GetReceiptRequest *r = (const void *)request;
	struct call_id id = {r->jti, r->wid, r->any_wid, r->by_index, r->index};
	Ectledger__V1__GetReceiptReply reply = ECTLEDGER__V1__GET_RECEIPT_REPLY__INIT;
	Ectledger__V1__Receipt m = ECTLEDGER__V1__RECEIPT__INIT;
	struct query_view *v = NULL;
	struct receipt receipt = {0};
	struct query_id q;
	struct buf cose;
	uint64_t index;
	enum rc rc;

	buf_init(&cose, RECEIPT_SIZE_MAX);
	if (r->format[0] != '\0' && strcmp(r->format, "cose") != 0) {
		rc = why_set(
		    why, RC_BAD_REQUEST, "WIRE GetReceipt", "format", 0, "\"\" or \"cose\"");
		goto out;
	}
	if ((rc = call_read_id(&id, &q, why)) != RC_OK)
		goto out;
	if ((rc = call_view(call, 0, &v, why)) != RC_OK)
		goto out;
	if ((rc = query_resolve(v, &q, &index, why)) != RC_OK)
		goto out;
	if ((rc = query_receipt(v, index, &call->arena, &receipt, why)) != RC_OK)
		goto out;
	if (r->format[0] != '\0' && (rc = make_cose(call, v, &receipt, &cose, why)) != RC_OK)
		goto out;
	m.index = receipt.index;
	m.tree_size = receipt.tree_size;
	m.leaf_hash = pb_bytes(bytes_of(receipt.leaf.b, HASH_SIZE));
	m.path = pb_bytes(bytes_of(receipt.path, receipt.path_count * sizeof receipt.path[0]));
	m.checkpoint = pb_bytes(receipt.checkpoint);
	m.entry = pb_bytes(receipt.entry);
	m.promise = "committed";
	reply.receipt = &m;
	reply.cose = pb_bytes(buf_bytes(&cose));
	rc = call_reply(call, &reply.base, why);

out:
	if (v != NULL)
		query_view_end(v);
	buf_release(&cose);
	return rc;
}
