/* seq_world.c - see seq_world.h. */
#include "lib/seq_world.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "seq/ledger.h"

static const uint8_t seed[32] = {7};

static struct index *
new_index(void)
{
	struct index_options o = {.origin = "test.example/log", .create = true};
	struct index *x = NULL;
	struct why why;

	must(index_open(&x, &o, &why) == RC_OK);
	return x;
}

static void
open_on(struct world *w, struct store *store)
{
	struct log_signer signer;
	struct why why;

	must(log_signer_from_seed(seed, "test.example/log", &signer) == RC_OK);
	must(ledger_open_parts(&w->ledger, store, new_index(), &signer, &w->rules, &why) == RC_OK);
	must(recover_journal(w->ledger, NULL, &why) == RC_OK);
	must(recover_newest(w->ledger, 0, &why) == RC_OK);
	must(recover_index(w->ledger, &why) == RC_OK);
	must(recover_history(w->ledger, &why) == RC_OK);
	must(recover_book(w->ledger, &why) == RC_OK);
	w->store = store;
}

void
world_open_bare(struct world *w)
{
	struct store *store = NULL;

	memset(w, 0, sizeof(*w));
	w->now_ms = 1800000000000;
	policy_rules_init(&w->rules);
	must(store_mem_open(&store, "test.example/log") == RC_OK);
	open_on(w, store);
	must(seq_first_checkpoint(w->ledger) == RC_OK);
}

void
world_open(struct world *w)
{
	world_open_bare(w);
	must(world_key(w->ledger, w->now_ms, EVENT_ENROLL, WORLD_KEY, 0) == RC_OK);
}

void
world_close(struct world *w)
{
	ledger_close(w->ledger);
	policy_rules_release(&w->rules);
}

void
world_crash(struct world *w)
{
	struct store *store = w->ledger->store;

	w->ledger->store = NULL; /* what it knows dies with it; the disk does not */
	ledger_close(w->ledger);
	must(store_mem_crash(&store) == RC_OK);
	open_on(w, store);
}

struct bytes
world_event(enum event_action action, const char *material, int64_t since, struct arena *arena)
{
	struct trust_event e = {.action = action, .subject = EVENT_KEY};
	struct bytes agents[] = {bytes_str("spiffe://example.com/agent/a"),
	    bytes_str("spiffe://example.com/agent/b"), bytes_str("spiffe://example.com/agent/other")};
	struct bytes raw;

	e.domain = bytes_str(WORLD_DOMAIN);
	hash_of(bytes_str(material), &e.id);
	if (action == EVENT_ENROLL || action == EVENT_CHANGE) {
		e.material = bytes_str(material);
		e.issuers = agents;
		e.issuer_count = sizeof(agents) / sizeof(agents[0]);
	}
	e.has_since = action == EVENT_REVOKE;
	e.since = since;
	e.by = bytes_str("world");
	must(event_write(&e, arena, &raw) == RC_OK);
	return raw;
}

enum rc
world_key(
    struct ledger *l, int64_t now_ms, enum event_action action, const char *material, int64_t since)
{
	struct seq_job job = {.kind = ENTRY_KEY}, *list[1] = {&job};
	struct arena arena;
	enum rc rc;

	arena_init(&arena, 1 << 20);
	job.arena = &arena;
	job.event = world_event(action, material, since, &arena);
	rc = seq_step(l, list, 1, now_ms);
	must(rc != RC_OK || job.rc == RC_OK);
	arena_release(&arena);
	return rc;
}

void
world_job_key(struct world_job *j, const char *material)
{
	j->job.has_signer = true;
	j->job.binding = TRUST_JWKS;
	hash_of(bytes_str(material), &j->job.signer);
	j->job.anchor = j->job.signer;
}

void
world_job_init(struct world_job *j, const struct token_make *t)
{
	struct why why;

	memset(j, 0, sizeof(*j));
	j->text = token_make(t);
	arena_init(&j->arena, 1 << 20);
	must(token_parse(bytes_str(j->text), &j->arena, &j->token, &why) == RC_OK);
	must(claim_read(&j->token, &j->arena, &j->claim, &why) == RC_OK);
	j->job.token = &j->token;
	j->job.claim = &j->claim;
	world_job_key(j, WORLD_KEY);
	j->job.arena = &j->arena;
	j->job.want_receipt = true;
}

void
world_job_plain(struct world_job *j, const struct token_make *t)
{
	struct world_job j0;
	struct why why;

	world_job_init(&j0, t);
	*j = j0;
	arena_init(&j->arena, 1 << 20);
	/* no NUL behind it, so no strndup() */
	j->text = calloc(1, j0.token.payload.n + 1);
	must(j->text != NULL);
	memcpy(j->text, j0.token.payload.p, j0.token.payload.n);
	world_job_release(&j0);
	must(token_parse(bytes_str(j->text), &j->arena, &j->token, &why) == RC_OK);
	must(claim_read(&j->token, &j->arena, &j->claim, &why) == RC_OK);
	must(j->token.level == LEVEL_1);
	j->job.token = &j->token;
	j->job.claim = &j->claim;
	j->job.arena = &j->arena;
	j->job.has_signer = false;
	j->job.binding = 0;
}

void
world_entry(struct ledger *l, uint64_t index, struct arena *arena, struct entry *entry)
{
	struct store_read *read = NULL;
	struct bytes raw, copy;
	struct why why;

	must(store_read_begin(ledger_store(l), &read) == RC_OK);
	must(store_get_entry(read, index, &raw) == RC_OK);
	must(arena_dup(arena, raw, &copy));
	must(entry_read(copy, arena, entry, &why) == RC_OK);
	store_read_end(read);
}

void
world_job_release(struct world_job *j)
{
	arena_release(&j->arena);
	free(j->text);
}

enum rc
world_step(struct world *w, struct world_job *jobs, size_t count)
{
	struct seq_job *list[SEQ_BATCH_MAX];

	must(count <= SEQ_BATCH_MAX);
	for (size_t i = 0; i < count; i++)
		list[i] = &jobs[i].job;
	return seq_step(w->ledger, list, count, w->now_ms);
}

void
world_root(struct world *w, struct hash *root)
{
	struct store_read *read = NULL;
	struct checkpoint cp;
	struct bytes note;
	uint64_t size;
	struct why why;

	must(store_read_begin(w->ledger->store, &read) == RC_OK);
	must(store_get_last_head(read, &size, &note) == RC_OK);
	must(checkpoint_open(note, ledger_vkey(w->ledger), &cp, &why) == RC_OK);
	must(cp.size == size && size == ledger_published(w->ledger));
	*root = cp.root;
	store_read_end(read);
}
