/*
 * fuzz_cursor.c - a search with any conditions and any cursor, over a small log: it is refused, or
 * its page has what it should and its cursor goes on right behind it.
 *
 * The input: one byte of what is asked for, one for the budget, then texts of iss, act, kind and
 * suspect (each a length byte and bytes), and the rest is the cursor.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "lib/seq_world.h"
#include "query/search.h"

#define TOKENS 300
#define ORIGIN bytes_str("test.example/log")

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world world;

static void
make_world(void)
{
	static const char *const acts[] = {"t", "checkpoint", "failure"};

	world_open(&world);
	for (unsigned i = 0; i < TOKENS; i++) {
		struct token_make t = {.act = acts[i % 3], .has_wid = i % 2 != 0};
		struct world_job job;

		token_make_id(i + 1, t.jti);
		t.wid[0] = t.has_wid ? 7 : 0;
		world_job_init(&job, &t);
		must(world_step(&world, &job, 1) == RC_OK && job.job.rc == RC_OK);
		world.now_ms++;
		world_job_release(&job);
	}
}

static struct bytes
take(struct bytes *rest)
{
	size_t n = rest->n > 0 ? rest->p[0] : 0;
	struct bytes out;

	if (rest->n == 0)
		return BYTES_NONE;
	if (n > rest->n - 1)
		n = rest->n - 1;
	out = bytes_of(rest->p + 1, n);
	*rest = bytes_of(rest->p + 1 + n, rest->n - 1 - n);
	return out;
}

static void
read_question(struct bytes rest, struct search *s, struct budget *budget)
{
	uint8_t flags = rest.n > 0 ? rest.p[0] : 0, nodes = rest.n > 1 ? rest.p[1] : 0;

	rest = rest.n > 2 ? bytes_of(rest.p + 2, rest.n - 2) : BYTES_NONE;
	s->has_wid = flags & 1;
	s->no_wid = flags & 2;
	s->wid[0] = s->has_wid ? 7 : 0;
	s->since_ms = flags & 4 ? world.now_ms - TOKENS / 2 : flags & 8 ? -1 : 0;
	s->until_ms = flags & 16 ? world.now_ms - TOKENS / 4 : 0;
	s->limit = flags >> 5;
	budget->nodes_max = (size_t)nodes * 4;
	s->iss = take(&rest);
	s->act = take(&rest);
	s->kind = take(&rest);
	s->suspect = take(&rest);
	s->after = rest;
}

static void
check_page(const struct search *s, const struct search_page *page)
{
	size_t limit = s->limit > 0 ? (size_t)s->limit : SEARCH_LIMIT;
	uint64_t from = 0, again = 0;

	if (s->after.n > 0)
		must(search_cursor_read(s, ORIGIN, s->after, &from, NULL) == RC_OK);
	must(page->count <= limit && page->next >= from);
	for (size_t i = 0; i < page->count; i++) {
		const struct query_entry *e = &page->entries[i];

		must(e->index >= from && e->index < page->next);
		must(i == 0 || e->index > page->entries[i - 1].index);
		must(search_matches(s, e));
	}
	must(search_cursor_read(
		 s, ORIGIN, bytes_of(page->cursor, SEARCH_CURSOR_SIZE), &again, NULL) == RC_OK);
	must(again == page->next);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct budget budget = {0};
	struct search_page page;
	struct query_view *v = NULL;
	struct search s = {0};
	struct arena arena;
	struct why why = {0};
	struct query_log log;
	enum rc rc;

	if (world.ledger == NULL)
		make_world();
	log = (struct query_log){.store = ledger_store(world.ledger),
	    .index = ledger_index(world.ledger),
	    .size = ledger_published(world.ledger)};
	arena_init(&arena, (size_t)16 << 20);
	budget.arena = &arena;
	read_question(bytes_of(data, size), &s, &budget);
	must(query_view_begin(&log, 0, &v) == RC_OK);
	rc = query_search(v, ORIGIN, &s, &budget, &page, &why);
	if (rc == RC_OK)
		check_page(&s, &page);
	else
		must((rc == RC_BAD_REQUEST || rc == RC_STALE_CURSOR || rc == RC_NOT_FOUND) &&
		     why.rule != NULL);
	query_view_end(v);
	arena_release(&arena);
	return 0;
}
