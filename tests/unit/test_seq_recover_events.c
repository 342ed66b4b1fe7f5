/* test_seq_recover_events.c - the history of keys after a restart; and an index made anew is the same. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/seq_world.h"
#include "seq/ledger.h"

static struct world w;
static struct arena arena;

static void
up(void)
{
	world_open(&w);
	arena_init(&arena, 64 << 20);
}

static void
down(void)
{
	world_close(&w);
	arena_release(&arena);
}

TestSuite(seq_recover_events, .init = up, .fini = down);

/* ---- everything that the index says, as text ---- */

static void
say_seq(struct index_view *v, struct buf *out, enum index_seq kind, struct bytes name)
{
	struct index_seq_key key = {.kind = kind};
	struct index_seq_head head = {0};
	struct hash h;

	if (name.n > 0) {
		hash_of(name, &h);
		memcpy(key.id, h.b, UUID_SIZE);
	}
	buf_addf(out, "seq %d %d", (int)kind, (int)index_seq(v, &key, &head));
	buf_addf(
	    out, " %llu %llu\n", (unsigned long long)head.count, (unsigned long long)head.last);
}

static void
say_list(struct index_view *v, struct buf *out, enum index_list_kind kind, const uint8_t *id)
{
	struct index_list_key key = {.kind = kind};
	uint64_t found[2048];
	size_t count = 0;

	memcpy(key.id, id, UUID_SIZE);
	buf_addf(out, "list %d %d:", (int)kind,
	    (int)index_list(v, &key, UINT64_MAX, found, 2048, &count));
	for (size_t i = 0; i < count; i++)
		buf_addf(out, " %llu", (unsigned long long)found[i]);
	buf_add_str(out, "\n");
}

static void
say_named(struct index_view *v, struct buf *out, enum index_list_kind kind, const char *name)
{
	struct hash h;

	hash_of(bytes_str(name), &h);
	say_list(v, out, kind, h.b);
}

#define AGENT_A "spiffe://example.com/agent/a"
#define AGENT_B "spiffe://example.com/agent/b"

static void
say_all(struct ledger *l, uint64_t ids, struct buf *out)
{
	static const char *const kinds[] = {"key", "equivocation", "checkpoint", "task"};
	struct index_view *v = NULL;
	uint8_t wid[UUID_SIZE] = {0}, jti[UUID_SIZE];
	uint64_t child[512];
	struct index_hit hit;
	struct hash key;
	size_t count;

	cr_assert_eq(index_view_begin(ledger_index(l), UINT64_MAX, &v), RC_OK);
	for (int kind = 1; kind <= 7; kind++) {
		say_seq(v, out, (enum index_seq)kind, BYTES_NONE);
		say_seq(v, out, (enum index_seq)kind, bytes_str(AGENT_A));
		say_seq(v, out, (enum index_seq)kind, bytes_str(AGENT_B));
		say_seq(v, out, (enum index_seq)kind, bytes_str(WORLD_DOMAIN));
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		say_named(v, out, INDEX_LIST_KIND, kinds[i]);
	say_named(v, out, INDEX_LIST_ISSUER, AGENT_A);
	say_named(v, out, INDEX_LIST_ISSUER, AGENT_B);
	say_named(v, out, INDEX_LIST_ACT, "t");
	hash_of(bytes_str(WORLD_KEY), &key);
	say_list(v, out, INDEX_LIST_SIGNER, key.b);
	for (wid[0] = 0; wid[0] < 4; wid[0]++)
		say_list(v, out, INDEX_LIST_WORKFLOW, wid);
	for (uint64_t n = 0; n < ids; n++) {
		token_make_id(n, jti);
		memset(&hit, 0, sizeof(hit));
		buf_addf(out, "id %d", (int)index_find_any(v, jti, &hit));
		buf_addf(out, " %llu %d\n", (unsigned long long)hit.index, hit.lower);
	}
	for (uint64_t i = 0; i < ledger_published(l); i++) {
		cr_assert_eq(index_children(v, i, UINT64_MAX, child, 512, &count), RC_OK);
		for (size_t k = 0; k < count; k++)
			buf_addf(out, "child %llu %llu\n", (unsigned long long)i,
			    (unsigned long long)child[k]);
	}
	index_view_end(v);
}

/* ---- a log with everything in it ---- */

#define TASKS 300

static void
one(uint64_t n)
{
	uint8_t pred[2][16];
	struct token_make t = {.pred = (const uint8_t(*)[16])pred};
	struct world_job j;

	token_make_id(n, t.jti);
	t.iss = n % 2 ? AGENT_A : AGENT_B;
	t.has_wid = n % 4 != 0;
	t.wid[0] = (uint8_t)(n % 4);
	t.act = n % 9 == 5 ? "checkpoint" : "t";
	for (; t.pred_count < 2 && n > 40 * (t.pred_count + 1) && n % 3 != 0; t.pred_count++)
		token_make_id(n - 1 - 39 * t.pred_count, pred[t.pred_count]);
	if (n % 25 == 7)
		world_job_plain(&j, &t);
	else
		world_job_init(&j, &t);
	cr_assert_eq(world_step(&w, &j, 1), RC_OK);
	cr_assert_eq(j.job.rc, RC_OK, "%s", j.job.why.text);
	world_job_release(&j);
	if (n % 10 == 3) { /* an equivocation */
		t.act = "else";
		world_job_init(&j, &t);
		cr_assert_eq(world_step(&w, &j, 1), RC_OK);
		cr_assert_eq(j.job.rc, RC_DUP_JTI);
		world_job_release(&j);
	}
	if (n % 17 == 0) { /* key events */
		char key[32];

		snprintf(key, sizeof(key), "{\"n\":%llu}", (unsigned long long)(n % 51));
		cr_assert_eq(
		    world_key(w.ledger, w.now_ms, n % 34 ? EVENT_REVOKE : EVENT_ENROLL, key, 17),
		    RC_OK);
	}
}

Test(seq_recover_events, an_index_made_anew_says_what_the_live_one_says)
{
	struct buf live, again;

	for (uint64_t n = 1; n <= TASKS; n++)
		one(n);
	buf_init(&live, 0);
	buf_init(&again, 0);
	say_all(w.ledger, TASKS + 1, &live);
	cr_assert(live.n > 10000);
	world_crash(&w); /* with it goes the index in memory */
	say_all(w.ledger, TASKS + 1, &again);
	cr_assert(bytes_eq(buf_bytes(&live), buf_bytes(&again)));
	buf_release(&live);
	buf_release(&again);
}

Test(seq_recover_events, the_history_after_a_restart_is_the_one_before)
{
	struct history_record *before, *after;
	size_t count, again;

	for (uint64_t n = 1; n <= TASKS; n++)
		one(n);
	cr_assert_eq(
	    history_list(ledger_history(w.ledger), BYTES_NONE, UINT64_MAX, &arena, &before, &count),
	    RC_OK);
	cr_assert(count >= 3);
	for (size_t i = 0; i < count; i++) /* its texts live in the history that goes */
		cr_assert(arena_dup(&arena, before[i].domain, &before[i].domain));
	world_crash(&w);
	cr_assert_eq(
	    history_list(ledger_history(w.ledger), BYTES_NONE, UINT64_MAX, &arena, &after, &again),
	    RC_OK);
	cr_assert_eq(again, count);
	for (size_t i = 0; i < count; i++) {
		cr_assert(hash_eq(&before[i].id, &after[i].id));
		cr_assert(bytes_eq(before[i].domain, after[i].domain));
		cr_assert_eq(before[i].enrolled_index, after[i].enrolled_index);
		cr_assert_eq(before[i].enrolled_at_ms, after[i].enrolled_at_ms);
		cr_assert_eq(before[i].changed_index, after[i].changed_index);
		cr_assert_eq(before[i].revoked, after[i].revoked);
		cr_assert_eq(before[i].revoked_index, after[i].revoked_index);
		cr_assert_eq(before[i].revoked_since, after[i].revoked_since);
	}
}

/* A row that hides a key event, or makes one up, is found out before anything is believed. */
static void
damaged(const struct index_row *rows, size_t count)
{
	struct index *good = w.ledger->index, *bad = NULL;
	struct index_options o = {.origin = "test.example/log", .create = true};
	struct why why = {0};

	cr_assert_eq(index_open(&bad, &o, &why), RC_OK);
	for (uint64_t i = 0; i < ledger_published(w.ledger); i++) {
		struct index_row plain = {.index = i};

		for (size_t k = 0; k < count; k++)
			if (rows[k].index == i)
				plain = rows[k];
		cr_assert_eq(index_reserve(bad, 1, plain.parent_count), RC_OK);
		cr_assert_eq(index_add(bad, &plain, 1), RC_OK);
	}
	history_free(w.ledger->history);
	cr_assert_eq(history_new(&w.ledger->history), RC_OK);
	w.ledger->key_entries = 0;
	w.ledger->index = bad;
	cr_assert_eq(recover_history(w.ledger, &why), RC_CORRUPT, "%s", why.text);
	cr_assert_not_null(strstr(why.text, "key events"));
	w.ledger->index = good;
	index_close(bad);
}

Test(seq_recover_events, chain_and_list_of_the_index_must_agree_with_each_other_and_the_log)
{
	struct index_seq_key keys = {.kind = INDEX_SEQ_KEYS};
	struct index_row row = {.index = 0}, two[2];

	one(1);
	one(2);
	/* Only in the list: the chain has none. */
	row.list_count = 1;
	row.lists[0].kind = INDEX_LIST_KIND;
	ledger_kind_id("key", row.lists[0].id);
	damaged(&row, 1);
	two[1] = row;
	/* Only in the chain. */
	row.list_count = 0;
	row.seqs = &keys;
	row.seq_count = 1;
	damaged(&row, 1);
	/* As many in the list, but another. */
	two[0] = row;
	two[1].index = 1;
	damaged(two, 2);
	/* In both, but the entry is a token. */
	row.index = 1;
	row.list_count = 1;
	damaged(&row, 1);
	/* In both, but not the first: what revoked it may be hidden so. */
	cr_assert_eq(world_key(w.ledger, w.now_ms, EVENT_REVOKE, WORLD_KEY, 17), RC_OK);
	row.index = ledger_published(w.ledger) - 1;
	damaged(&row, 1);
}

Test(seq_recover_events, a_hundred_thousand_key_events_are_read_at_a_start, .timeout = 120)
{
	enum { EVENTS = 100000 };
	static struct seq_job jobs[SEQ_BATCH_MAX];
	struct seq_job *list[SEQ_BATCH_MAX];
	struct history_record r;
	struct hash id;
	char key[40];

	for (uint64_t n = 0; n < EVENTS;) {
		size_t count = 0;

		arena_reset(&arena);
		for (; count < 1000; count++, n++) {
			snprintf(key, sizeof(key), "{\"k\":%llu}", (unsigned long long)n);
			jobs[count] = (struct seq_job){.kind = ENTRY_KEY, .arena = &arena};
			jobs[count].event = world_event(EVENT_ENROLL, key, 0, &arena);
			list[count] = &jobs[count];
		}
		cr_assert_eq(seq_step(w.ledger, list, count, w.now_ms), RC_OK);
	}
	world_crash(&w);
	cr_assert_eq(w.ledger->key_entries, WORLD_FIRST + EVENTS);
	hash_of(bytes_str("{\"k\":77777}"), &id);
	cr_assert_eq(history_find_id(ledger_history(w.ledger), &id, UINT64_MAX, &arena, &r), RC_OK);
	cr_assert_eq(r.enrolled_index, WORLD_FIRST + 77777);
}
