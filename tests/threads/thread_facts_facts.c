/*
 * thread_facts_facts.c - one who feeds and many who read, for ThreadSanitizer.
 *
 * Entry i follows i - 1 and i / 2, is of workflow i % FLOWS and agent i % AGENTS, and every TENth one
 * is a failure.  So a reader can say what a view at size N must hold, and reads it while the feeder
 * moves the heads of the same chains and makes the same tables larger.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "lib/facts_world.h"

#define ENTRIES 30000
#define READERS 4
#define FLOWS	700 /* more than fit into the first table of names */
#define AGENTS	5
#define TEN	10

struct shared {
	struct facts *f;
	_Atomic bool done;
	_Atomic uint64_t views;
};

/* The newest entry below 'size' that is 'rest' modulo 'of'. */
static uint32_t
newest(uint32_t size, uint32_t rest, uint32_t of)
{
	return rest >= size ? FACTS_NONE : (size - 1 - rest) / of * of + rest;
}

static void
check_children(const struct facts_view *v, uint32_t i)
{
	uint32_t want[3], n = 0, c, at = fact_child_first(v, fact(v, i));

	for (uint32_t k = 2 * i + 1; k + 1 >= 2 * i + 1 && k > i + 1; k--)
		if (k < v->size && k / 2 == i)
			want[n++] = k;
	if (i + 1 < v->size)
		want[n++] = i + 1;
	for (uint32_t k = 0; k < n; k++) {
		c = fact_child(v, &at);
		must(c == want[k]);
	}
	must(fact_child(v, &at) == FACTS_NONE);
}

static void
check_chains(const struct facts_view *v, uint32_t i)
{
	const struct fact *t = fact(v, i);
	uint32_t failures = newest(v->size, TEN - 1, TEN);
	uint32_t at = facts_workflow_last(v, t->wid);

	must(at == newest(v->size, i % FLOWS, FLOWS));
	must(fact(v, at)->in_workflow == (at >= FLOWS ? at - FLOWS : FACTS_NONE));
	at = facts_issuer_last(v, t->iss);
	must(at == newest(v->size, i % AGENTS, AGENTS));
	must(facts_kind_last(v, KIND_FAILURE) == failures);
	must(failures == FACTS_NONE ||
	     facts_kind_before(v, failures) == (failures >= TEN ? failures - TEN : FACTS_NONE));
	must(facts_count(v, FACTS_ISS) == (v->size < AGENTS ? v->size : AGENTS));
	must(facts_count(v, FACTS_WID) == (v->size < FLOWS ? v->size : FLOWS));
}

static void
check_names(const struct facts_view *v, uint32_t i, struct arena *arena)
{
	const struct fact *t = fact(v, i);
	uint8_t id[UUID_SIZE];
	uint32_t at = FACTS_NONE;
	size_t n = 0;

	world_jti(i, id);
	must(memcmp(t->jti, id, UUID_SIZE) == 0);
	must(facts_find(v, id, &at) == i && facts_find(v, id, &at) == FACTS_NONE);
	world_jti(v->size, id); /* behind the view, perhaps there already */
	at = FACTS_NONE;
	must(facts_find(v, id, &at) == FACTS_NONE);
	must(facts_number(v, FACTS_ISS, facts_name(v, FACTS_ISS, t->iss)) == t->iss);
	must(facts_number(v, FACTS_WID, facts_name(v, FACTS_WID, t->wid)) == t->wid);
	must((t->kind == KIND_FAILURE) == (i % TEN == TEN - 1));
	must(t->kind != KIND_FAILURE || fact_ext(v, t, arena) != NULL);
	must(facts_workflow(v, t->wid, arena, &n) != NULL);
	must(n == (v->size - i % FLOWS + FLOWS - 1) / FLOWS);
	arena_reset(arena);
}

static void *
reader(void *ctx)
{
	struct shared *s = ctx;
	struct arena arena;
	uint64_t x = (uint64_t)(uintptr_t)&arena | 1;

	arena_init(&arena, (size_t)1 << 20);
	while (!atomic_load(&s->done)) {
		uint64_t reach = facts_reach(s->f);
		struct facts_view v;
		uint32_t i;

		x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
		if (reach < 2)
			continue;
		/* The end, where everything moves, and anywhere. */
		v = facts_at(s->f, (x >> 60) < 8 ? reach : 1 + (x >> 20) % reach);
		i = (uint32_t)((x >> 10) % v.size);
		check_children(&v, i);
		check_chains(&v, i);
		check_names(&v, i, &arena);
		atomic_fetch_add(&s->views, 1);
	}
	arena_release(&arena);
	return NULL;
}

int
main(void)
{
	struct facts_world w;
	struct shared s = {0};
	pthread_t threads[READERS];
	char wid[16], iss[16];

	world_init(&w);
	s.f = w.f;
	for (int i = 0; i < READERS; i++)
		must(pthread_create(&threads[i], NULL, reader, &s) == 0);
	for (uint32_t i = 0; i < ENTRIES; i++) {
		struct world_task t = {.iss = iss, .wid = wid};

		(void)snprintf(wid, sizeof(wid), "w%u", i % FLOWS);
		(void)snprintf(iss, sizeof(iss), "a%u", i % AGENTS);
		if (i > 0)
			t.parents[t.parent_count++] = i - 1;
		if (i > 2) /* of 1 and 2 it would be the same one */
			t.parents[t.parent_count++] = i / 2;
		if (i % TEN == TEN - 1) {
			t.act = "failure";
			t.ext = "{\"fail_class\":\"internal\"}";
		}
		must(world_add(&w, &t) == i);
	}
	atomic_store(&s.done, true);
	for (int i = 0; i < READERS; i++)
		must(pthread_join(threads[i], NULL) == 0);
	must(atomic_load(&s.views) > 0);
	world_release(&w);
	printf("%d entries, %llu views\n", ENTRIES, (unsigned long long)atomic_load(&s.views));
	return 0;
}
