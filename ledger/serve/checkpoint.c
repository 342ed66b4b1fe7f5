/*
 * checkpoint.c - Ledger/GetCheckpoint (reader thread): the newest signed checkpoint, and what it
 * says.
 */
#include "serve/call.h"

enum rc
checkpoint_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	Ectledger__V1__GetCheckpointReply reply = ECTLEDGER__V1__GET_CHECKPOINT_REPLY__INIT;
	struct query_view *v = NULL;
	struct checkpoint checkpoint;
	struct bytes note = BYTES_NONE;
	enum rc rc;

	(void)request;
	if ((rc = call_view(call, 0, &v, why)) != RC_OK)
		goto out;
	if ((rc = query_checkpoint(v, &call->arena, &note, why)) != RC_OK)
		goto out;
	/* A checkpoint that our own key does not verify is never handed out. */
	rc = checkpoint_open(note, ledger_vkey(call->log->ledger), &checkpoint, why);
	if (rc != RC_OK) {
		rc = why_set(why, RC_CORRUPT, "C2SP tlog-checkpoint", NULL, 0,
		    "the stored checkpoint does not verify");
		goto out;
	}
	reply.checkpoint = pb_bytes(note);
	reply.origin = pb_string(&call->arena, checkpoint.origin);
	reply.size = checkpoint.size;
	reply.root = pb_bytes(bytes_of(checkpoint.root.b, HASH_SIZE));
	if (reply.origin == NULL)
		rc = why_set(
		    why, RC_NO_MEMORY, "query_bytes_max", NULL, 0, "no room for the answer");
	else
		rc = call_reply(call, &reply.base, why);

out:
	if (v != NULL)
		query_view_end(v);
	return rc;
}
