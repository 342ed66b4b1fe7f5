/* test_query_search.c - pages of entries: the right ones, each once, whatever the log does between. */
#include "test_query_help.h"

#include "trust/event.h"

static struct help h;
static const char *const acts[] = {"t", "checkpoint", "failure", "compensation"};

TestSuite(query_search, .timeout = 120);

static struct search_page page;

static enum rc
ask(const struct search *s, uint64_t at, size_t nodes_max)
{
	struct budget budget = {.nodes_max = nodes_max, .arena = &h.arena};
	struct query_view *v = help_view(&h, at);
	enum rc rc = query_search(v, bytes_str("test.example/log"), s, &budget, &page, &h.why);

	query_view_end(v);
	return rc;
}

/* All indexes that meet the question, page after page. */
static size_t
all(struct search s, uint64_t at, size_t nodes_max, uint64_t *out)
{
	uint8_t cursor[SEARCH_CURSOR_SIZE];
	size_t count = 0;
	uint64_t last = 0;

	do {
		cr_assert_eq(ask(&s, at, nodes_max), RC_OK, "%s", h.why.text);
		for (size_t i = 0; i < page.count; i++)
			out[count++] = page.entries[i].index;
		cr_assert(page.count <= (s.limit ? s.limit : SEARCH_LIMIT));
		cr_assert(page.complete || page.next > last, "every page gets on");
		last = page.next;
		memcpy(cursor, page.cursor, sizeof cursor);
		s.after = bytes_of(cursor, sizeof cursor);
		arena_reset(&h.arena);
	} while (!page.complete);
	return count;
}

/* ---- keys ---- */

static struct bytes
event(enum event_action action, unsigned signer, const char *kid, int64_t since, const char *use)
{
	static struct arena arena;
	struct trust_event e = {.action = action,
	    .subject = EVENT_KEY,
	    .domain = bytes_str("d0.example"),
	    .id = help_signer(signer),
	    .by = bytes_str("folder")};
	struct bytes issuer = bytes_str("spiffe://d0.example/agent/1"), out;

	if (arena.max == 0)
		arena_init(&arena, 1 << 20);
	if (action == EVENT_ENROLL) {
		e.kid = bytes_str(kid);
		e.material = help_material(signer);
		e.issuers = &issuer;
		e.issuer_count = use[0] == '\0';
		e.use = bytes_str(use);
		e.source = bytes_str("a.jwks.json");
	} else {
		e.has_since = true;
		e.since = since;
	}
	cr_assert_eq(event_write(&e, &arena, &out), RC_OK);
	return out;
}

static unsigned
key_entry(struct bytes bytes)
{
	unsigned i;

	if (h.history == NULL)
		cr_assert_eq(history_new(&h.history), RC_OK);
	i = help_one(&h, (struct task){.kind = ENTRY_KEY, .event = bytes});
	cr_assert_eq(history_apply(h.history, i, (uint64_t)h.now_ms - 1, bytes, &h.why), RC_OK,
	    "%s", h.why.text);
	return i;
}

/* ---- rules ---- */

/* The oracle reads every entry and asks the simplest questions of it. */
static bool
meets(const struct search *s, const struct query_entry *e)
{
	bool has_claims = e->entry.kind != ENTRY_KEY;
	const char *kind = e->entry.kind == ENTRY_KEY		 ? "key"
			   : e->entry.kind == ENTRY_EQUIVOCATION ? "equivocation"
								 : e->claim.kind->name;

	if (s->kind.n > 0 && !bytes_is(s->kind, kind))
		return false;
	if ((s->iss.n > 0 || s->act.n > 0 || s->has_wid || s->no_wid) && !has_claims)
		return false;
	if (s->iss.n > 0 && bytes_cmp(s->iss, e->claim.iss) != 0)
		return false;
	if (s->act.n > 0 && bytes_cmp(s->act, e->claim.act) != 0)
		return false;
	if (s->has_wid && (!e->claim.has_wid || memcmp(s->wid, e->claim.wid, UUID_SIZE) != 0))
		return false;
	if (s->no_wid && e->claim.has_wid)
		return false;
	if (s->since_ms > 0 && (int64_t)e->entry.received_at_ms < s->since_ms)
		return false;
	return s->until_ms == 0 || (int64_t)e->entry.received_at_ms < s->until_ms;
}

static size_t
oracle(const struct search *s, uint64_t at, uint64_t *out)
{
	struct query_view *v = help_view(&h, at);
	struct query_entry e;
	size_t count = 0;

	for (uint64_t i = 0; i < query_view_size(v); i++) {
		cr_assert_eq(query_entry(v, i, &h.arena, &e, &h.why), RC_OK, "%s", h.why.text);
		if (meets(s, &e))
			out[count++] = i;
		arena_reset(&h.arena);
	}
	query_view_end(v);
	return count;
}

static void
random_log(uint64_t *dice, unsigned count)
{
	struct task t;

	for (unsigned i = 0; i < count; i++) {
		unsigned what = help_random(dice, 20);

		t = (struct task){.wid = help_random(dice, 4),
		    .issuer = help_random(dice, 5),
		    .act = acts[help_random(dice, 4)],
		    .signer = help_random(dice, 3),
		    .later_ms = help_random(dice, 3) == 0 ? 0 : help_random(dice, 50)};
		if (!h.in_batch)
			help_begin(&h);
		if (what == 0) {
			t.kind = ENTRY_KEY;
			t.event = event(EVENT_ENROLL, i + 10, "k", 0, "");
		} else if (what == 1 && h.size > 0) {
			t.kind = ENTRY_EQUIVOCATION;
			t.parent_count = 1;
			t.parents[0] = help_random(dice, (unsigned)h.size);
			t.more = ",\"other\":1";
		} else if (what == 2) {
			t.unsigned_token = true;
		}
		(void)help_add(&h, &t);
		if (help_random(dice, 30) == 0 || i + 1 == count)
			help_commit(&h);
	}
}

static void
random_question(uint64_t *dice, struct search *s)
{
	static const char *const kinds[] = {"task", "checkpoint", "failure", "key", "equivocation"};
	static char iss[64];
	unsigned issuer = help_random(dice, 6), wid = help_random(dice, 6);

	*s = (struct search){.limit = 1 + help_random(dice, 40)};
	if (help_random(dice, 2) == 0) {
		(void)snprintf(iss, sizeof iss, "spiffe://d0.example/agent/%u", issuer);
		s->iss = bytes_str(iss);
	}
	if (help_random(dice, 3) == 0)
		s->act = bytes_str(acts[help_random(dice, 4)]);
	if (help_random(dice, 3) == 0)
		s->kind = bytes_str(kinds[help_random(dice, 5)]);
	if (wid < 2) {
		s->has_wid = true;
		token_make_id(1000000 + wid, s->wid);
	} else if (wid == 2) {
		s->no_wid = true;
	}
	if (help_random(dice, 3) == 0)
		s->since_ms = 1800000000000 + help_random(dice, 20000);
	if (help_random(dice, 3) == 0)
		s->until_ms = 1800000000000 + help_random(dice, 20000);
}

Test(query_search, every_answer_is_what_reading_everything_gives)
{
	static uint64_t got[HELP_TASKS], want[HELP_TASKS];
	uint64_t dice = 42;

	help_open(&h);
	random_log(&dice, 800);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t at = help_random(&dice, 2) ? 0 : help_random(&dice, (unsigned)h.size) + 1;
		size_t nodes = help_random(&dice, 3) ? 1000000 : 1 + help_random(&dice, 60);
		size_t count, found;
		struct search s;

		random_question(&dice, &s);
		count = oracle(&s, at, want);
		found = all(s, at, nodes, got);
		cr_assert_eq(found, count, "question %u: %zu instead of %zu", i, found, count);
		cr_assert_eq(memcmp(got, want, count * sizeof got[0]), 0, "question %u", i);
	}
	help_close(&h);
}

Test(query_search, a_cursor_goes_on_while_the_log_grows)
{
	struct search s = {.limit = 3, .kind = bytes_str("checkpoint")};
	uint8_t cursor[SEARCH_CURSOR_SIZE];
	uint64_t next = 0;
	bool complete;

	help_open(&h);
	for (unsigned i = 0; i < 300; i++)
		(void)help_one(&h, (struct task){.act = "checkpoint"});
	do {
		cr_assert_eq(ask(&s, 0, 1000), RC_OK, "%s", h.why.text);
		for (size_t i = 0; i < page.count; i++)
			cr_assert_eq(page.entries[i].index, next++, "no gap, no repeat");
		complete = page.complete;
		memcpy(cursor, page.cursor, sizeof cursor);
		s.after = bytes_of(cursor, sizeof cursor);
		if (h.size < 330)
			(void)help_one(&h, (struct task){.act = "checkpoint"});
	} while (!complete);
	cr_assert_eq(next, 330u);
	help_close(&h);
}

Test(query_search, a_cursor_belongs_to_its_question_and_its_log)
{
	struct search s = {.limit = 1, .act = bytes_str("t")}, other;
	struct budget budget = {.nodes_max = 100, .arena = &h.arena};
	uint8_t cursor[SEARCH_CURSOR_SIZE];
	struct query_view *v;

	help_open(&h);
	(void)help_one(&h, (struct task){.wid = 1});
	(void)help_one(&h, (struct task){.wid = 1});
	cr_assert_eq(ask(&s, 0, 100), RC_OK);
	cr_assert_not(page.complete);
	memcpy(cursor, page.cursor, sizeof cursor);
	s.after = bytes_of(cursor, sizeof cursor);
	s.limit = 50; /* the size of a page is no part of the question */
	cr_assert_eq(ask(&s, 0, 100), RC_OK);
	cr_assert(page.count == 1 && page.entries[0].index == 1);

	other = s;
	other.act = bytes_str("u");
	cr_assert_eq(ask(&other, 0, 100), RC_STALE_CURSOR);
	other = s;
	other.act = BYTES_NONE;
	other.iss = bytes_str("t"); /* the same text elsewhere */
	cr_assert_eq(ask(&other, 0, 100), RC_STALE_CURSOR);
	other = s;
	other.since_ms = 1;
	cr_assert_eq(ask(&other, 0, 100), RC_STALE_CURSOR);
	other = s;
	other.until_ms = INT64_MAX;
	cr_assert_eq(ask(&other, 0, 100), RC_STALE_CURSOR);
	other = s;
	other.no_wid = true;
	cr_assert_eq(ask(&other, 0, 100), RC_STALE_CURSOR);
	v = help_view(&h, 0);
	cr_assert_eq(query_search(v, bytes_str("test.example/other"), &s, &budget, &page, &h.why),
	    RC_STALE_CURSOR);
	query_view_end(v);
	for (size_t i = 0; i < sizeof cursor; i++) {
		cursor[i] ^= 0x10;
		cr_assert_eq(ask(&s, 0, 100), RC_STALE_CURSOR, "byte %zu", i);
		cursor[i] ^= 0x10;
	}
	s.after.n--;
	cr_assert_eq(ask(&s, 0, 100), RC_STALE_CURSOR);
	help_close(&h);
}

Test(query_search, a_page_costs_no_more_than_the_budget_and_may_be_empty)
{
	struct search s = {.act = bytes_str("failure"), .no_wid = true};
	uint8_t cursor[SEARCH_CURSOR_SIZE];
	_Atomic bool cancelled = true;
	struct budget budget = {.nodes_max = 100, .arena = &h.arena, .cancelled = &cancelled};
	struct query_view *v;
	unsigned pages = 0;

	help_open(&h);
	help_begin(&h);
	for (unsigned i = 0; i < 500; i++)
		(void)help_add(&h, &(struct task){.act = i == 499 ? "failure" : "t"});
	help_commit(&h);
	s.act = BYTES_NONE;
	s.kind = bytes_str("task"); /* not listed: the workflow's list is walked */
	s.until_ms = 0;
	s.iss = bytes_str("spiffe://d0.example/agent/0");
	cr_assert_eq(ask(&s, 0, 10), RC_OK);
	cr_assert_leq(page.count, 10u);
	cr_assert_not(page.complete);
	s = (struct search){.kind = bytes_str("task"), .has_wid = true, .wid = {1}};
	cr_assert_eq(ask(&s, 0, 10), RC_OK);
	cr_assert(page.complete && page.count == 0, "no such workflow");
	s = (struct search){.kind = bytes_str("task"), .no_wid = true, .act = bytes_str("failure")};
	do {
		cr_assert_eq(ask(&s, 0, 1), RC_OK);
		cr_assert_eq(page.count, 0u);
		memcpy(cursor, page.cursor, sizeof cursor);
		s.after = bytes_of(cursor, sizeof cursor);
		pages++;
	} while (!page.complete && pages < 1000);
	cr_assert(page.complete);
	v = help_view(&h, 0);
	s.after = BYTES_NONE;
	cr_assert_eq(
	    query_search(v, bytes_str("test.example/log"), &s, &budget, &page, &h.why), RC_OK);
	cr_assert(page.count == 0 && page.next == 0 && !page.complete, "nobody waits for it");
	query_view_end(v);
	help_close(&h);
}

Test(query_search, a_page_has_a_bound_of_bytes_and_at_least_one_entry)
{
	struct search s = {.bytes_max = 1};
	uint64_t got[8];

	help_open(&h);
	for (unsigned i = 0; i < 5; i++)
		(void)help_one(&h, (struct task){0});
	cr_assert_eq(ask(&s, 0, 100), RC_OK);
	cr_assert_eq(page.count, 1u);
	cr_assert_eq(all(s, 0, 100, got), 5u);
	s.bytes_max = 1 << 20;
	cr_assert_eq(ask(&s, 0, 100), RC_OK);
	cr_assert_eq(page.count, 5u);
	cr_assert(page.complete);
	s.bytes_max = page.entries[0].raw.n + page.entries[1].raw.n;
	cr_assert_eq(ask(&s, 0, 100), RC_OK);
	cr_assert_eq(page.count, 2u, "what just fits is in");
	s.bytes_max--;
	cr_assert_eq(ask(&s, 0, 100), RC_OK);
	cr_assert_eq(page.count, 1u);
	help_close(&h);
}

Test(query_search, a_page_has_a_bound_of_entries_and_of_looks)
{
	struct search s = {.limit = UINT64_MAX};

	help_open(&h);
	help_begin(&h);
	for (unsigned i = 0; i <= SEARCH_LIMIT_MAX; i++)
		(void)help_add(&h, &(struct task){0});
	help_commit(&h);
	cr_assert_eq(ask(&s, 0, 1000000), RC_OK);
	cr_assert_eq(page.count, (size_t)SEARCH_LIMIT_MAX);
	cr_assert(!page.complete && page.next == SEARCH_LIMIT_MAX);
	s.limit = 0;
	cr_assert_eq(ask(&s, 0, 1000000), RC_OK);
	cr_assert_eq(page.count, (size_t)SEARCH_LIMIT);
	cr_assert_eq(ask(&s, 0, 3), RC_OK);
	cr_assert(page.count == 3 && page.next == 3, "not one more than the budget");
	help_close(&h);
}

Test(query_search, a_cursor_never_goes_back_at_an_older_size)
{
	uint8_t cursor[SEARCH_CURSOR_SIZE];
	struct search s = {.limit = 4};

	help_open(&h);
	for (unsigned i = 0; i < 6; i++)
		(void)help_one(&h, (struct task){0});
	cr_assert_eq(ask(&s, 0, 100), RC_OK);
	memcpy(cursor, page.cursor, sizeof cursor);
	s.after = bytes_of(cursor, sizeof cursor);
	cr_assert_eq(ask(&s, 2, 100), RC_OK);
	cr_assert(page.count == 0 && page.complete);
	cr_assert_eq(page.next, 4u);
	help_close(&h);
}

Test(query_search, bad_questions_are_refused)
{
	struct search s = {.has_wid = true, .no_wid = true};

	help_open(&h);
	(void)help_one(&h, (struct task){0});
	cr_assert_eq(ask(&s, 0, 100), RC_BAD_REQUEST);
	s = (struct search){.kind = bytes_str("keys")};
	cr_assert_eq(ask(&s, 0, 100), RC_BAD_REQUEST);
	s = (struct search){.since_ms = -1};
	cr_assert_eq(ask(&s, 0, 100), RC_BAD_REQUEST);
	s = (struct search){.suspect = bytes_str("nobody")};
	cr_assert_eq(ask(&s, 0, 100), RC_NOT_FOUND);
	help_close(&h);
}

/* ---- the doubtful window ---- */

static void
by_signer(unsigned signer, unsigned anchor, int64_t later_ms)
{
	(void)help_one(
	    &h, (struct task){.signer = signer, .anchor = anchor + 1, .later_ms = later_ms});
}

Test(query_search, the_window_of_a_stolen_key_is_from_the_theft_to_its_record)
{
	struct search s = {.suspect = bytes_str("kid-1")};
	char thumbprint[B64_ROOM(HASH_SIZE)];
	struct hash id = help_signer(1);
	unsigned a1, a2;
	uint64_t got[16];

	help_open(&h);
	a1 = key_entry(event(EVENT_ENROLL, 1, "kid-1", 0, "")); /* 0 */
	a2 = key_entry(event(EVENT_ENROLL, 2, "kid-2", 0, "")); /* 1 */
	by_signer(1, a1, 0);					/* 2: before */
	by_signer(1, a1, 100000);				/* 3 */
	by_signer(2, a2, 0);					/* 4: another's */
	by_signer(1, a1, 0);					/* 5 */
	cr_assert_eq(all(s, 0, 100, got), 0u, "a good key has no window");
	(void)key_entry(event(EVENT_REVOKE, 1, NULL, 1800000050, NULL)); /* 6 */
	by_signer(1, a1, 0); /* 7: a log would refuse it; not in the window all the same */
	cr_assert_eq(all(s, 0, 100, got), 2u);
	cr_assert(got[0] == 3 && got[1] == 5);
	cr_assert_eq(all(s, 6, 100, got), 0u, "before it was known, nothing was in doubt");
	(void)b64url_encode(bytes_of(id.b, HASH_SIZE), thumbprint);
	s.suspect = bytes_str(thumbprint);
	cr_assert_eq(all(s, 0, 100, got), 2u, "by thumbprint too");
	s.suspect = bytes_str("kid-2");
	cr_assert_eq(all(s, 0, 100, got), 0u);
	(void)help_one(&h, (struct task){.kind = ENTRY_EQUIVOCATION,
			       .jti = h.jti[4],
			       .parents = {4},
			       .parent_count = 1,
			       .signer = 2,
			       .anchor = a2 + 1}); /* 8 */
	(void)key_entry(event(EVENT_REVOKE, 2, NULL, 0, NULL));
	cr_assert_eq(all(s, 0, 100, got), 2u, "since ever; what was refused as a second one too");
	cr_assert(got[0] == 4 && got[1] == 8);
	help_close(&h);
}

Test(query_search, what_a_stolen_anchor_vouched_for_is_in_doubt_too)
{
	struct search s = {.suspect = bytes_str("wit-key")};
	uint64_t got[16];
	unsigned a;

	help_open(&h);
	a = key_entry(event(EVENT_ENROLL, 9, "wit-key", 0, "wit-svid"));
	(void)help_one(&h, (struct task){.signer = 1, .binding = TRUST_WIT, .anchor = a + 1});
	(void)help_one(&h, (struct task){.signer = 2, .binding = TRUST_WIT, .anchor = a + 1});
	(void)help_one(&h, (struct task){.signer = 1});
	(void)help_one(&h, (struct task){.unsigned_token = true});
	(void)key_entry(event(EVENT_REVOKE, 9, NULL, 1, NULL));
	cr_assert_eq(all(s, 0, 100, got), 2u);
	cr_assert(got[0] == 1 && got[1] == 2);
	help_close(&h);
}

/* More entries than a page of a list, so that the lists are asked: the anchor signed none of them. */
Test(query_search, a_stolen_anchor_of_many_is_not_looked_for_among_signers)
{
	struct search s = {.suspect = bytes_str("wit-key")};
	static uint64_t got[512];
	unsigned a;

	help_open(&h);
	a = key_entry(event(EVENT_ENROLL, 9, "wit-key", 0, "wit-svid"));
	for (unsigned i = 0; i < 300; i++)
		(void)help_one(&h,
		    (struct task){
			.signer = i % 7, .binding = TRUST_WIT, .anchor = i % 2 == 0 ? a + 1 : 0});
	(void)key_entry(event(EVENT_REVOKE, 9, NULL, 1, NULL));
	cr_assert_eq(all(s, 0, 100, got), 150u);
	for (unsigned i = 0; i < 150; i++)
		cr_assert_eq(got[i], 1 + 2 * i);
	help_close(&h);
}

/* A workload's own key, known by its thumbprint alone: its certificates led to somebody else. */
Test(query_search, a_stolen_key_that_was_never_enrolled_has_a_window)
{
	char thumbprint[B64_ROOM(HASH_SIZE)];
	struct hash id = help_signer(3);
	struct search s = {0};
	uint64_t got[16];
	unsigned a;

	help_open(&h);
	a = key_entry(event(EVENT_ENROLL, 9, "another", 0, "wit-svid"));
	(void)help_one(&h, (struct task){.signer = 3, .binding = TRUST_X509, .anchor = a + 1});
	(void)help_one(&h, (struct task){.signer = 4, .binding = TRUST_X509, .anchor = a + 1});
	(void)key_entry(event(EVENT_REVOKE, 3, NULL, 1, NULL));
	(void)b64url_encode(bytes_of(id.b, HASH_SIZE), thumbprint);
	s.suspect = bytes_str(thumbprint);
	cr_assert_eq(all(s, 0, 100, got), 1u);
	cr_assert_eq(got[0], 1u);
	help_close(&h);
}

Test(query_search, doubt_begins_with_the_time_and_ends_with_the_record)
{
	struct history_record key = {.revoked = true, .revoked_since = 50, .revoked_index = 7};

	cr_assert(search_doubtful(&key, 6, 50000));
	cr_assert_not(search_doubtful(&key, 6, 49999), "received before");
	cr_assert_not(search_doubtful(&key, 7, 50000), "known by then");
	key.revoked_since = 0;
	cr_assert(search_doubtful(&key, 0, 0));
	key.revoked_since = INT64_MAX;
	cr_assert_not(search_doubtful(&key, 6, INT64_MAX - 1));
	key.revoked = false;
	cr_assert_not(search_doubtful(&key, 6, 50000));
}

Test(query_search, follow_goes_on_from_an_index_with_and_without_lists)
{
	struct budget budget = {.nodes_max = 1000000, .arena = &h.arena};
	struct search s = {.act = bytes_str("failure"), .limit = 256};
	struct query_view *v;

	help_open(&h);
	for (unsigned i = 0; i < 400; i++)
		(void)help_one(&h, (struct task){.act = i % 100 == 7 ? "failure" : "t"});
	v = help_view(&h, 0);
	cr_assert_eq(query_follow(v, &s, 0, &budget, &page, &h.why), RC_OK);
	cr_assert(page.count == 4 && page.complete && page.next == 400);
	cr_assert_eq(query_follow(v, &s, 350, &budget, &page, &h.why), RC_OK);
	cr_assert(page.count == 0 && page.complete && page.next == 400);
	cr_assert_eq(query_follow(v, &s, 307, &budget, &page, &h.why), RC_OK);
	cr_assert(page.count == 1 && page.entries[0].index == 307);
	cr_assert_eq(query_follow(v, &s, 400, &budget, &page, &h.why), RC_OK);
	cr_assert(page.count == 0 && page.complete && page.next == 400);
	query_view_end(v);
	help_close(&h);
}
