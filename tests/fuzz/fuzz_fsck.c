/*
 * fuzz_fsck.c - the parsers of ectl fsck, which read what an attacker may have put into a database,
 * held against the server's own: two programs, one format.
 *
 * The first byte says which: an entry, a key event, or a token (of the media that it names).
 *   entry  both take it, or neither does
 *   event  what the server takes, fsck takes with the same members; the other way round they differ
 *          in the JSON of a key alone, which fsck then holds against the thumbprint
 *   token  what the server reads as a task, fsck reads as the same task, and what was signed is the
 *          same
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "claim/claim.h"
#include "claim/entry.h"
#include "claim/kind.h"
#include "token/token.h"
#include "trust/event.h"

#include "../../tools/ectl/fsck.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
same(struct span mine, struct bytes theirs)
{
	return fsck_same(mine, (struct span){theirs.p, theirs.n});
}

static void
try_entry(struct bytes raw, struct arena *arena)
{
	struct fsck_entry mine;
	struct entry theirs;
	const char *field;
	size_t at;
	bool ok = fsck_entry_read((struct span){raw.p, raw.n}, &mine, &at, &field);

	must(at <= raw.n && field != NULL);
	must(ok == (entry_read(raw, arena, &theirs, NULL) == RC_OK));
	if (!ok)
		return;
	must(mine.version == theirs.version && mine.kind == (uint64_t)theirs.kind);
	must(mine.anchor == theirs.anchor && mine.binding == theirs.binding);
	must(mine.parent_count == theirs.parent_count && same(mine.token, theirs.token));
	must(same(mine.credential, theirs.credential));
}

static void
try_event(struct bytes raw, struct arena *arena)
{
	struct trust_event theirs;
	struct fsck_event mine;
	const char *field;
	size_t at;
	bool ok = fsck_event_read((struct span){raw.p, raw.n}, &mine, &at, &field);
	enum rc rc = event_read(raw, arena, &theirs, NULL);

	must(at <= raw.n && field != NULL);
	if (rc != RC_OK) {
		must(!ok || (mine.subject == FSCK_A_KEY && mine.material.n > 0));
		return;
	}
	must(ok && mine.action == (uint64_t)theirs.action);
	must(mine.subject == (uint64_t)theirs.subject && same(mine.domain, theirs.domain));
	must(memcmp(mine.id, theirs.id.b, HASH_SIZE) == 0 && same(mine.kid, theirs.kid));
	must(same(mine.material, theirs.material) && same(mine.use, theirs.use));
	must(mine.issuer_count == theirs.issuer_count && mine.has_since == theirs.has_since);
	must(mine.since == theirs.since);
}

static void
compare_task(const struct fsck_task *mine, const struct claim *theirs)
{
	must(memcmp(mine->jti, theirs->jti, UUID_SIZE) == 0);
	must(memcmp(mine->wid, theirs->wid, UUID_SIZE) == 0);
	must(strlen(mine->iss) == theirs->iss.n &&
	     memcmp(mine->iss, theirs->iss.p, theirs->iss.n) == 0);
	must(mine->iat == theirs->iat && mine->pred_count == theirs->pred_count);
	for (size_t i = 0; i < theirs->pred_count; i++)
		must(memcmp(mine->pred[i], theirs->pred[i], UUID_SIZE) == 0);
	must((mine->kind == NULL) == (theirs->kind->id == KIND_TASK));
	must(mine->kind == NULL || strcmp(mine->kind, theirs->kind->name) == 0);
	must(same(fsck_domain(mine->iss), theirs->trust_domain) || theirs->trust_domain.n == 0);
}

static void
try_token(struct bytes raw, uint64_t media, struct arena *arena)
{
	struct fsck_pkey key = {.key = NULL};
	struct span none = {NULL, 0};
	struct fsck_form form;
	struct fsck_task *mine;
	struct token token;
	struct claim claim;
	bool has_x5t, ok = fsck_form_read((struct span){raw.p, raw.n}, media, &form);
	uint8_t x5t[FSCK_HASH], *text;
	size_t n = 0;

	mine = fsck_alloc(1, sizeof(*mine));
	if (ok) {
		ok = fsck_task_read(&form, mine) == NULL;
		free(fsck_form_chain(&form, &n, x5t, &has_x5t));
		must(fsck_credential_x509(&form, none, none, "spiffe://a/b", 0, &key) != NULL);
		must(key.key == NULL);
	}
	if (token_parse(raw, arena, &token, NULL) == RC_OK && (uint64_t)token.media == media &&
	    claim_read(&token, arena, &claim, NULL) == RC_OK) {
		must(ok);
		compare_task(mine, &claim);
		text = fsck_form_signed(&form, &n);
		must((text == NULL) == (media == FSCK_PLAIN));
		must(text == NULL || same((struct span){text, n}, token.signing_input));
		must(form.signature_size == token.signature_size);
		free(text);
	}
	free(mine);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct bytes raw;

	if (size == 0)
		return 0;
	raw = bytes_of(data + 1, size - 1);
	arena_init(&arena, 1 << 22);
	switch (data[0]) {
	case 'e':
		try_entry(raw, &arena);
		break;
	case 'k':
		try_event(raw, &arena);
		break;
	default:
		try_token(raw,
		    data[0] == 'c'   ? FSCK_COSE
		    : data[0] == 'p' ? FSCK_PLAIN
				     : FSCK_JWS,
		    &arena);
	}
	arena_release(&arena);
	return 0;
}
