/*
 * truststore.c - Admin/TrustStore: the keys that a log trusts, listed and edited.
 *
 * "list" is a question to the log's own history, as of a tree size, on a reader thread.
 *
 * Edits change the trust folder, on the keeper's thread, as an operator with an editor would: what
 * was changed there by others is brought in first, under "folder"; then the edit, under the name of
 * who asked; the answer comes when its entries are in the log and the keys in force.  The folder
 * may be shared by logs: the edit holds for all of them, while the right to make it is the one on
 * the log that the call names.
 *
 * While the folder is refused as it is (somebody's broken file, a bundle that went back), nothing can
 * be brought into force but one thing: a revocation, for which a key entry is enough, because tokens
 * are judged by the log's own history.  It goes into revoked.json and straight into the logs, so that
 * nothing is owed for it once the folder is sound again.
 */
#include <stdio.h>
#include <string.h>

#include "serve/keeper.h"
#include "trust/edit.h"
#include "trust/event.h"

static enum rc
no_room(struct why *why)
{
	return why_set(why, RC_NO_MEMORY, "query_bytes_max", NULL, 0, "no room for the answer");
}

static enum rc
bad(struct why *why, const char *claim, const char *text)
{
	return why_set(why, RC_BAD_REQUEST, "WIRE TrustStore", claim, 0, "%s", text);
}

static bool
is_list(struct bytes request)
{
	struct wire_field f;
	size_t at = 0;

	while (wire_next(request, &at, &f))
		if (f.number == 1 && f.type == WIRE_BYTES)
			return bytes_is(f.bytes, "list");
	return false;
}

enum rc
truststore_begin(struct call *call, const struct call_request *request, struct why *why)
{
	if (is_list(call->request))
		return query_begin(call, why);
	if (!arena_dup(&call->arena, request->identity, &call->identity))
		return no_room(why);
	serve_keeper_edit(call->serve->keeper, call);
	return RC_OK;
}

/* ---- list ---- */

static enum rc
reply_records(struct call *call, const struct history_record *records, size_t count, uint64_t size,
    bool unchanged, struct why *why)
{
	Ectledger__V1__TrustStoreReply reply = ECTLEDGER__V1__TRUST_STORE_REPLY__INIT;
	Ectledger__V1__KeyRecord *keys = arena_alloc(&call->arena, (count + 1) * sizeof *keys);
	Ectledger__V1__KeyRecord **list = arena_alloc(&call->arena, (count + 1) * sizeof *list);

	if (keys == NULL || list == NULL)
		return no_room(why);
	for (size_t i = 0; i < count; i++) {
		if (!key_record_fill(&call->arena, &records[i], &keys[i]))
			return no_room(why);
		list[i] = &keys[i];
	}
	reply.keys = list;
	reply.n_keys = count;
	reply.tree_size = size;
	reply.unchanged = unchanged;
	return call_reply(call, &reply.base, why);
}

enum rc
truststore_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__TrustStoreRequest *r =
	    (const Ectledger__V1__TrustStoreRequest *)(const void *)request;
	struct ledger *ledger = call->log->ledger;
	uint64_t size = ledger_published(ledger);
	struct history_record *records = NULL;
	size_t count = 0;
	enum rc rc;

	if (r->at > size)
		return why_set(why, RC_NOT_FOUND, "tree size", "at", 0, "the log has %llu entries",
		    (unsigned long long)size);
	if (r->at > 0)
		size = r->at;
	rc = history_list(
	    ledger_history(ledger), bytes_str(r->domain), size, &call->arena, &records, &count);
	if (rc != RC_OK)
		return rc == RC_NO_MEMORY
			   ? no_room(why)
			   : why_set(why, rc, "key history", NULL, 0, "%s", rc_text(rc));
	return reply_records(call, records, count, size, false, why);
}

/* ---- edits (keeper thread) ---- */

struct edit {
	struct keeper *keeper;
	const struct keeper_trust *trust;
	struct call *call;
	const Ectledger__V1__TrustStoreRequest *request;
	const char *folder;
	struct bytes domain, by;
	struct hash id; /* what is, or was, edited */
	enum event_subject subject;
	bool alone; /* the folder is refused as it is */
	bool unchanged;
};

static enum rc
add(struct edit *e, struct why *why)
{
	const Ectledger__V1__TrustStoreRequest *r = e->request;
	struct bytes jwk = bytes_of(r->jwk.data, r->jwk.len);
	struct bytes der = bytes_of(r->certificate.data, r->certificate.len);

	if (e->domain.n == 0)
		return bad(why, "domain", "whose key?  say the trust domain");
	if ((jwk.n > 0) == (der.n > 0))
		return bad(why, "jwk", "a JWK or a certificate, one of the two");
	if (jwk.n > 0)
		return edit_add_jwk(e->folder, e->domain, jwk, &e->id, &e->unchanged, why);
	return edit_add_ca(e->folder, e->domain, der, &e->id, &e->unchanged, why);
}

/* A thumbprint or certificate hash: base64url of 32 bytes. */
static bool
read_id(const char *text, struct hash *out)
{
	size_t n = 0;

	return b64url_decode(bytes_str(text), out->b, HASH_SIZE, &n) && n == HASH_SIZE;
}

/*
 * Which key is meant, and in which domain?  By what the log knows; a thumbprint that it does not
 * know is taken at its word where the domain is given, so that a stolen key is revoked before anybody
 * enrols it.
 */
static enum rc
resolve(struct edit *e, bool may_be_new, struct why *why)
{
	struct history *h = ledger_history(e->call->log->ledger);
	struct history_record record = {0};
	const char *key = e->request->key;
	bool is_id = read_id(key, &e->id);
	enum rc rc;

	if (key[0] == '\0')
		return bad(why, "key", "which key?  say its thumbprint, certificate hash or kid");
	if (!is_id)
		rc = history_find_kid(
		    h, e->domain, bytes_str(key), UINT64_MAX, &e->call->arena, &record);
	else if (e->domain.n > 0)
		rc = history_find(h, e->domain, &e->id, UINT64_MAX, &e->call->arena, &record);
	else
		rc = history_find_id(h, &e->id, UINT64_MAX, &e->call->arena, &record);
	if (rc == RC_NOT_FOUND && is_id && may_be_new && e->domain.n > 0)
		return RC_OK;
	/* Revoked in one of several, the key would go on signing in the others. */
	if (rc == RC_OK && is_id && e->domain.n == 0 && history_domains(h, &e->id) > 1)
		return why_set(why, RC_AMBIGUOUS, "WIRE TrustStore", "domain", 0,
		    "several trust domains have that key: say which, one after the other");
	if (rc == RC_AMBIGUOUS)
		return why_set(why, rc, "WIRE TrustStore", "key", 0,
		    "several keys have that kid: say the thumbprint");
	if (rc != RC_OK)
		return why_set(why, rc, "WIRE TrustStore", "key", 0,
		    rc == RC_NOT_FOUND ? "the log knows no such key" : "%s", rc_text(rc));
	if (record.subject != EVENT_KEY && record.subject != EVENT_CA)
		return bad(why, "key", "keys and certificates are revoked, not bundles or lists");
	e->id = record.id;
	e->domain = record.domain;
	e->subject = record.subject;
	return RC_OK;
}

/* The file first: a log whose folder does not know of a revocation would take it back. */
static enum rc
revoke_alone(struct edit *e, int64_t since, struct why *why)
{
	struct trust_event event = {.action = EVENT_REVOKE,
	    .subject = e->subject,
	    .domain = e->domain,
	    .id = e->id,
	    .has_since = true,
	    .since = since,
	    .reason = bytes_str(e->request->reason),
	    .by = e->by};
	enum rc rc = edit_revoke_alone(
	    e->folder, e->domain, &e->id, since, event.reason, e->by, &e->unchanged, why);

	if (rc != RC_OK)
		return rc;
	return keeper_revoke(e->keeper, e->trust, &event, why);
}

static enum rc
revoke(struct edit *e, struct why *why)
{
	const Ectledger__V1__TrustStoreRequest *r = e->request;
	int64_t since = r->since;
	enum rc rc;

	if (since < 0)
		return bad(why, "since", "seconds since 1970");
	if (strlen(r->reason) > EVENT_REASON_MAX)
		return bad(why, "reason", "too long");
	if (since == 0)
		since = clock_now_ms(&e->call->serve->options.clock) / 1000;
	if ((rc = resolve(e, true, why)) != RC_OK)
		return rc;
	if (e->alone)
		return revoke_alone(e, since, why);
	return edit_revoke(
	    e->folder, e->domain, &e->id, since, bytes_str(r->reason), e->by, &e->unchanged, why);
}

static enum rc
reinstate(struct edit *e, struct why *why)
{
	enum rc rc = resolve(e, false, why);

	if (rc != RC_OK)
		return rc;
	return edit_reinstate(e->folder, e->domain, &e->id, &e->unchanged, why);
}

static enum rc
change(struct edit *e, struct why *why)
{
	static const struct {
		const char *name;
		enum rc (*run)(struct edit *e, struct why *why);
	} actions[] = {{"add", add}, {"revoke", revoke}, {"reinstate", reinstate}};

	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
		if (strcmp(e->request->action, actions[i].name) == 0)
			return actions[i].run(e, why);
	return bad(why, "action", "list, add, revoke or reinstate");
}

/* Into every log, and into force; then the key as the log now has it. */
static enum rc
settle(struct edit *e, struct keeper_trust *t, struct why *why)
{
	struct ledger *ledger = e->call->log->ledger;
	struct history_record record;
	uint64_t size;
	enum rc rc = RC_OK;

	if (!e->alone && (!e->unchanged || atomic_load(&t->state.owed)))
		rc = keeper_sync(e->keeper, t, e->by, why);
	if (rc != RC_OK)
		return rc;
	size = ledger_published(ledger);
	rc =
	    history_find(ledger_history(ledger), e->domain, &e->id, size, &e->call->arena, &record);
	if (rc != RC_OK)
		return why_set(why, rc, "key history", NULL, 0, "%s", rc_text(rc));
	return reply_records(e->call, &record, 1, size, e->unchanged, why);
}

static void
say(const struct edit *e, enum rc rc)
{
	struct log_number room;
	char by[256], action[16];

	(void)snprintf(by, sizeof by, "%.*s", (int)e->by.n, (const char *)e->by.p);
	(void)snprintf(action, sizeof action, "%.12s", e->request->action);
	log_event(e->call->serve->options.sink, rc == RC_OK ? LOG_INFO : LOG_WARN, "trust_edit",
	    "log", e->call->log->name, "action", action, "by", by, "code", rc_label(rc), "entries",
	    log_u64(&room, ledger_published(e->call->log->ledger)), NULL);
}

static enum rc
run(struct keeper *k, struct call *call, struct why *why)
{
	struct keeper_trust *t = keeper_trust_of(k, call->log);
	const ProtobufCMessage *request = NULL;
	struct edit e = {.keeper = k,
	    .trust = t,
	    .call = call,
	    .folder = trust_folder_path(t->trust),
	    .subject = EVENT_KEY};
	enum rc rc;

	if ((rc = call_alive(call, why)) != RC_OK)
		return rc;
	rc = wire_unpack(call->method->request, call->request, &call->arena, &request, why);
	if (rc != RC_OK)
		return rc;
	e.request = (const Ectledger__V1__TrustStoreRequest *)(const void *)request;
	e.domain = bytes_str(e.request->domain);
	e.by = call->identity.n > 0 ? call->identity : bytes_str("loopback");
	/* What others changed is not the operator's doing; the keeper has just looked. */
	e.alone = atomic_load(&t->state.owed);
	if (e.alone && strcmp(e.request->action, "revoke") != 0)
		return why_set(why, RC_BAD_CONFIG, "trust", NULL, 0,
		    "the trust folder is not in force: %.110s", t->problem);
	if ((rc = change(&e, why)) == RC_OK)
		rc = settle(&e, t, why);
	say(&e, rc);
	return rc;
}

void
truststore_edit(struct keeper *k, struct call *call)
{
	call->rc = run(k, call, &call->why);
	call_finish(call);
}
