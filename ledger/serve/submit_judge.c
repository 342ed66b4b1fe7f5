/*
 * submit_judge.c - pool and keeper threads: may this token come in, as far as can be told without
 * the log?
 *
 * The signer comes first, then the signature, and only then what the log thinks of the content: a
 * stranger learns nothing about it.  A token whose signer is not good under the keys in force is
 * parked with the keeper, which looks at the trust folder and has it judged once more if anything
 * has changed: a key that is enrolled a moment before its first token works.
 *
 * Whether the key is good at the token's place in the log (revoked, withdrawn) is the sequencer's.
 */
#include <string.h>

#include "base/must.h"
#include "serve/submit.h"

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

/* Nobody signed: the connection has to stand for the issuer. */
static enum rc
judge_unsigned(struct submit_item *item)
{
	const struct call *call = item->call;

	if (call->submit->insecure || bytes_eq(item->claim.iss, call->identity))
		return RC_OK;
	return why_set(&item->why, RC_NOT_AUTHORIZED, "TOKENS L1 (iss is the client)", "iss", 0,
	    "an unsigned token is taken from its issuer's own connection only");
}

static enum rc
judge_signer(struct submit_item *item, const struct trust_snapshot *trust,
    struct trust_judge *judge, struct arena *arena, int64_t now_ms, struct signer *out)
{
	const struct submit *submit = item->call->submit;
	const struct trust_presented presented = {
	    .wits = submit->wits,
	    .wit_count = submit->wit_count,
	    .peer_chain = submit->peer_chain,
	    .now_ms = now_ms,
	    .bindings = ledger_rules(item->call->log->ledger)->bindings,
	};
	enum rc rc = trust_judge_signer(judge, trust, &item->token, item->claim.trust_domain,
	    item->claim.iss, &presented, arena, out, &item->why);

	item->again = rc == RC_UNKNOWN_KEY || rc == RC_NOT_AUTHORIZED || rc == RC_BAD_CREDENTIAL;
	return rc;
}

static enum rc
judge_signed(struct submit_item *item, const struct trust_snapshot *trust,
    struct trust_judge *judge, struct arena *arena, int64_t now_ms)
{
	const struct token *token = &item->token;
	struct seq_job *job = &item->writer.job;
	struct signer signer = {0};
	struct bytes path;
	enum rc rc;

	if ((rc = judge_signer(item, trust, judge, arena, now_ms, &signer)) != RC_OK)
		return rc;
	rc = verifier_check(trust_judge_verifier(judge), signer.key, token->alg,
	    token->signing_input, bytes_of(token->signature, token->signature_size), &item->why);
	if (rc != RC_OK)
		return rc;
	job->has_signer = true;
	job->signer = *key_thumbprint(signer.key);
	job->binding = signer.binding;
	job->anchor = signer.anchor;
	path = bytes_of(signer.path, signer.path_count * sizeof(*signer.path));
	if (signer.path_count > 0 && !arena_dup(arena, path, &path))
		return why_set(&item->why, RC_NO_MEMORY, "call_bytes_max", NULL, 0,
		    "no room for the certificates");
	job->path = (const struct hash *)(const void *)path.p;
	job->path_count = signer.path_count;
	if (!arena_dup(arena, signer.credential, &job->credential))
		return why_set(&item->why, RC_NO_MEMORY, "call_bytes_max", NULL, 0,
		    "no room for the credential");
	return RC_OK;
}

static enum rc
judge_content(struct submit_item *item, const struct trust_snapshot *trust,
    struct trust_judge *judge, struct arena *arena, int64_t now_ms)
{
	const struct policy_rules *rules = ledger_rules(item->call->log->ledger);
	struct seq_job *job = &item->writer.job;
	struct policy_ruling ruling = {0};
	bool is_signed = item->token.level != LEVEL_1;
	enum rc rc = RC_OK;

	must(item->read);
	if (is_signed)
		rc = judge_signed(item, trust, judge, arena, now_ms);
	if (rc == RC_OK)
		rc = policy_judge(rules, &item->token, &item->claim, now_ms, &ruling, &item->why);
	if (rc == RC_OK && !is_signed)
		rc = judge_unsigned(item);
	if (rc != RC_OK)
		return rc;
	job->kind = ENTRY_TOKEN;
	job->token = &item->token;
	job->claim = &item->claim;
	job->flags = ruling.flags;
	job->ends_s = ruling.ends_s;
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

/* The generation is read before the keys: what is published in between is judged once too often. */
static struct trust_snapshot *
part_trust(struct submit_part *part)
{
	struct hall_log *log = part->call->log;

	part->generation = atomic_load(&log->trust_state->generation);
	return trust_get(log->trust);
}

void
submit_part_run(struct pool_work *work, void *local)
{
	struct submit_part *part =
	    (struct submit_part *)((char *)work - offsetof(struct submit_part, work));
	struct call *call = part->call;
	struct trust_snapshot *trust = part_trust(part);
	int64_t now_ms = clock_now_ms(&call->serve->options.clock);
	struct why gone = {0};
	enum rc alive = call_alive(call, &gone);
	bool again = false;

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
			item->rc = judge_content(item, trust, local, part->arena, now_ms);
		again |= item->again;
	}
	trust_snapshot_drop(trust);
	if (again)
		serve_keeper_park(call->serve->keeper, part);
	else
		part_put(part);
}

void
submit_again(struct submit_part *part, struct trust_judge *judge)
{
	struct call *call = part->call;
	uint64_t before = part->generation;
	struct trust_snapshot *trust = part_trust(part);
	int64_t now_ms = clock_now_ms(&call->serve->options.clock);

	/* Nothing new: the same question, the same answer. */
	for (size_t i = 0; part->generation != before && i < part->count; i++) {
		struct submit_item *item = &part->items[i];

		if (item->again)
			item->rc = judge_content(item, trust, judge, part->arena, now_ms);
	}
	trust_snapshot_drop(trust);
	part_put(part);
}
