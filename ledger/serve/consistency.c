/*
 * consistency.c - Ledger/ProveConsistency (reader thread): the log at the new size only added to
 * the log at the old size.
 */
#include "serve/call.h"

enum rc
consistency_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__ProveConsistencyRequest *r = (const void *)request;
	Ectledger__V1__ProveConsistencyReply reply = ECTLEDGER__V1__PROVE_CONSISTENCY_REPLY__INIT;
	struct hash path[TREE_CONSISTENCY_MAX], old_root, new_root;
	struct query_view *v = NULL;
	unsigned count = 0;
	uint64_t size;
	enum rc rc;

	if ((rc = call_view(call, r->new_size, &v, why)) != RC_OK)
		goto out;
	size = query_view_size(v);
	if (r->old_size > size) {
		rc = why_set(why, RC_BAD_REQUEST, "RFC 9162 2.1.4", "old_size", 0,
		    "the old size is above the new one");
		goto out;
	}
	rc = query_consistency(v, r->old_size, size, path, &count, &old_root, &new_root, why);
	if (rc != RC_OK)
		goto out;
	reply.old_size = r->old_size;
	reply.new_size = size;
	reply.path = pb_bytes(bytes_of(path, count * sizeof path[0]));
	reply.old_root = pb_bytes(bytes_of(old_root.b, HASH_SIZE));
	reply.new_root = pb_bytes(bytes_of(new_root.b, HASH_SIZE));
	rc = call_reply(call, &reply.base, why);

out:
	if (v != NULL)
		query_view_end(v);
	return rc;
}
