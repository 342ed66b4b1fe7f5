/*
 * What answers say of an entry that is no plain task, and of the key behind one.
 */
#include "test_serve_help.h"

#include "trust/event.h"

#define GET    "/ectledger.v1.Ledger/GetEntry"
#define SEARCH "/ectledger.v1.Query/Search"

TestSuite(serve_entry, .timeout = 60);

static struct hall h;

/* Before the hall has threads, the log is ours. */
static void
step(struct seq_job *job)
{
	struct seq_job *jobs[1] = {job};

	cr_assert_eq(seq_step(h.world.ledger, jobs, 1, h.world.now_ms++), RC_OK);
}

static struct hash
key_event(enum event_action action, int64_t since)
{
	static struct arena arena;
	struct bytes material = bytes_str("{\"k\":\"a key\"}"),
		     issuer = bytes_str("spiffe://example.com/agent/a");
	struct trust_event e = {.action = action,
	    .subject = EVENT_KEY,
	    .domain = bytes_str("example.com"),
	    .by = bytes_str("folder")};
	struct seq_job job = {.kind = ENTRY_KEY, .arena = &arena};

	if (arena.max == 0)
		arena_init(&arena, 1 << 20);
	hash_of(material, &e.id);
	if (action == EVENT_ENROLL) {
		e.kid = bytes_str("k1");
		e.material = material;
		e.issuers = &issuer;
		e.issuer_count = 1;
	} else {
		e.has_since = true;
		e.since = since;
		e.reason = bytes_str("stolen");
	}
	cr_assert_eq(event_write(&e, &arena, &job.event), RC_OK);
	step(&job);
	cr_assert_eq(job.rc, RC_OK, "%s", job.why.text);
	return e.id;
}

static enum rc
token(uint64_t n, const char *act, const struct hash *signer)
{
	struct token_make t = {.act = act};
	struct world_job j;
	enum rc rc;

	token_make_id(n, t.jti);
	world_job_init(&j, &t);
	j.job.has_signer = true;
	j.job.binding = TRUST_JWKS;
	j.job.signer = j.job.anchor = *signer;
	step(&j.job);
	rc = j.job.rc;
	world_job_release(&j);
	return rc;
}

static Ectledger__V1__GetEntryReply *
get(uint64_t index, uint64_t at)
{
	Ectledger__V1__GetEntryRequest m = ECTLEDGER__V1__GET_ENTRY_REQUEST__INIT;
	Ectledger__V1__GetEntryReply *reply;
	struct call_request r;
	struct call_answer a;
	struct why why = {0};
	uint8_t packed[64];

	m.by_index = true;
	m.index = index;
	m.at = at;
	r = ask(GET, bytes_of(packed, ectledger__v1__get_entry_request__pack(&m, packed)));
	cr_assert_eq(serve_begin(h.serve, &r, &why), RC_OK);
	a = hall_wait(&h);
	cr_assert_eq(a.rc, RC_OK, "%s", a.why.text);
	reply = ectledger__v1__get_entry_reply__unpack(NULL, a.message.n, a.message.p);
	serve_release(h.serve, a.call);
	return reply;
}

static void
drop(Ectledger__V1__GetEntryReply *reply)
{
	ectledger__v1__get_entry_reply__free_unpacked(reply, NULL);
}

/* 0 enrolled, 1 a task, 2 another under its id, 3 revoked since before the task.  The hall's trust
 * folder knows nothing of it, so what it writes down at its start takes all that back: questions
 * about the key are asked at size 4. */
static void
begin(void)
{
	struct clock real = clock_real();
	struct hash id;

	hall_init(&h);
	h.clock.mono_us = clock_mono_us(&real);
	h.options.query_ms_max = 60000;
	id = key_event(EVENT_ENROLL, 0);
	cr_assert_eq(token(1, "plan", &id), RC_OK);
	cr_assert_eq(token(1, "other", &id), RC_DUP_JTI);
	(void)key_event(EVENT_REVOKE, h.world.now_ms / 1000 - 1);
	cr_assert_eq(token(2, "late", &id), RC_KEY_REVOKED);
	hall_start(&h);
}

Test(serve_entry, a_key_entry_tells_its_event)
{
	Ectledger__V1__GetEntryReply *r;

	begin();
	r = get(0, 0);
	cr_assert_str_eq(r->entry->entry_kind, "key");
	cr_assert(r->entry->jti.len == 0 && r->entry->iss[0] == '\0' && r->entry->level[0] == '\0');
	cr_assert_not_null(memmem(r->entry->event.data, r->entry->event.len, "\"enroll\"", 8));
	cr_assert_not_null(memmem(r->entry->event.data, r->entry->event.len, "\"k1\"", 4));
	cr_assert_null(r->entry->key);
	drop(r);
	r = get(3, 0);
	cr_assert_not_null(memmem(r->entry->event.data, r->entry->event.len, "stolen", 6));
	drop(r);
	hall_end(&h);
}

Test(serve_entry, a_task_tells_its_key_and_whether_it_is_in_doubt)
{
	Ectledger__V1__GetEntryReply *r;

	begin();
	r = get(1, 4);
	cr_assert_str_eq(r->entry->entry_kind, "token");
	cr_assert_str_eq(r->entry->chain_level, "L2");
	cr_assert_str_eq(r->entry->binding, "jwks");
	cr_assert(r->entry->suspect);
	cr_assert_not_null(r->entry->key);
	cr_assert_str_eq(r->entry->key->state, "revoked");
	cr_assert_str_eq(r->entry->key->kid, "k1");
	cr_assert(r->entry->key->ever_enrolled && r->entry->key->enrolled_index == 0);
	cr_assert(r->entry->key->revoked_index == 3);
	cr_assert_gt(r->entry->key->material.len, 0u);
	drop(r);
	r = get(1, 3);
	cr_assert_not(r->entry->suspect, "as of before anybody knew");
	cr_assert_str_eq(r->entry->key->state, "enrolled");
	drop(r);
	hall_end(&h);
}

Test(serve_entry, an_equivocation_shows_what_was_refused_and_who_holds_the_id)
{
	Ectledger__V1__GetEntryReply *r;

	begin();
	r = get(2, 0);
	cr_assert_str_eq(r->entry->entry_kind, "equivocation");
	cr_assert_str_eq(r->entry->act, "other");
	cr_assert(r->entry->n_pred == 0 && r->entry->n_pred_index == 1);
	cr_assert_eq(r->entry->pred_index[0], 1u);
	drop(r);
	hall_end(&h);
}

Test(serve_entry, a_search_for_a_stolen_key_is_brief_when_asked)
{
	Ectledger__V1__SearchRequest m = ECTLEDGER__V1__SEARCH_REQUEST__INIT;
	Ectledger__V1__SearchReply *reply;
	struct call_request r;
	struct call_answer a;
	struct why why = {0};
	uint8_t packed[64];

	begin();
	m.suspect = (char *)(uintptr_t) "k1";
	m.brief = true;
	m.at = 4;
	r = ask(SEARCH, bytes_of(packed, ectledger__v1__search_request__pack(&m, packed)));
	cr_assert_eq(serve_begin(h.serve, &r, &why), RC_OK);
	a = hall_wait(&h);
	cr_assert_eq(a.rc, RC_OK, "%s", a.why.text);
	reply = ectledger__v1__search_reply__unpack(NULL, a.message.n, a.message.p);
	serve_release(h.serve, a.call);
	cr_assert(reply->n_entries == 2 && reply->complete && reply->cursor.len == 0);
	for (size_t i = 0; i < 2; i++) {
		const Ectledger__V1__EntryView *e = reply->entries[i];

		cr_assert(e->index == i + 1 && e->suspect);
		cr_assert(e->token.len == 0 && e->entry.len == 0 && e->key->material.len == 0);
	}
	ectledger__v1__search_reply__free_unpacked(reply, NULL);
	hall_end(&h);
}
