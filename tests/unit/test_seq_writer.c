/*
 * test_seq_writer.c - tokens that wait for their parents, through the writer thread: what gets in,
 * what is refused and with what, and that nothing is lost.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "lib/seq_world.h"
#include "seq/writer.h"

#define TASKS 2000

struct item {
	struct writer_item w;
	struct world_job j;
	unsigned back; /* how often it was handed back */
};

static struct world w;
static struct writer *writer;
static struct item items[TASKS];
static size_t item_count, back_count, stopped_count;
static struct metric waiting, waited, wait_refused;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void
done(void *ctx, struct writer_item *first, size_t count)
{
	(void)ctx;
	pthread_mutex_lock(&lock);
	for (struct writer_item *i = first, *next; i != NULL; i = next, count--) {
		next = i->next;
		((struct item *)i)->back++;
		back_count++;
	}
	cr_assert_eq(count, 0);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* The time that deadlines are of: it moves when a test says so. */
static _Atomic int64_t mono_us = 1;

static int64_t
clock_ms(void *ctx)
{
	struct clock real = clock_real();

	(void)ctx;
	return clock_now_ms(&real);
}

static int64_t
clock_us(void *ctx)
{
	(void)ctx;
	return atomic_load(&mono_us);
}

static void
stopped(void *ctx, enum rc rc)
{
	(void)ctx;
	(void)rc;
	stopped_count++;
}

static void
until_back(size_t count)
{
	pthread_mutex_lock(&lock);
	while (back_count < count)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void
until_waits(void)
{
	while (atomic_load(&waiting.value) == 0)
		sched_yield();
}

static void
up_with(size_t tokens, size_t bytes, size_t client)
{
	struct writer_options o = {.tickets_max = 4096,
	    .wait_tokens_max = tokens,
	    .wait_bytes_max = bytes,
	    .wait_client_tokens_max = client,
	    .waiting = &waiting,
	    .waited = &waited,
	    .wait_refused = &wait_refused,
	    .done = done,
	    .stopped = stopped};

	o.clock = (struct clock){clock_ms, clock_us, NULL};
	cr_assert_eq(writer_start(&writer, w.ledger, &o), RC_OK);
}

static void
up(void)
{
	world_open(&w);
}

static void
down(void)
{
	writer_stop(writer);
	for (size_t i = 0; i < item_count; i++)
		world_job_release(&items[i].j);
	world_close(&w);
}

TestSuite(seq_writer, .init = up, .fini = down, .timeout = 60);

/* Put one token, alone in its group, that may wait; its place in items[]. */
static struct item *
put(const struct token_make *t, unsigned wait_ms)
{
	struct item *i = &items[item_count++];

	world_job_init(&i->j, t);
	i->w.job = i->j.job;
	i->w.group_count = 1;
	i->w.wait_ms = wait_ms;
	i->w.bytes = 100;
	while (!writer_ticket(writer, 1, &i->w.ticket))
		sched_yield();
	writer_put(writer, &i->w);
	return i;
}

static struct item *
put_task(uint64_t n, uint64_t parent, unsigned wait_ms)
{
	uint8_t pred[1][16];
	struct token_make t = {.pred = (const uint8_t(*)[16])pred, .pred_count = parent != 0};

	token_make_id(n, t.jti);
	token_make_id(parent, pred[0]);
	return put(&t, wait_ms);
}

#define LONG 100000 /* ms: never over in a test */

Test(seq_writer, a_token_waits_for_its_parent_and_gets_in)
{
	struct item *child, *other, *parent;

	up_with(10, 1000, 10);
	child = put_task(2, 1, LONG);
	other = put_task(9, 0, 0);
	until_back(1);
	cr_assert_eq(other->back, 1, "a waiting token is in nobody's way");
	cr_assert_eq(child->back, 0);
	cr_assert_eq(atomic_load(&waiting.value), 1);
	parent = put_task(1, 0, 0);
	until_back(3);
	cr_assert_eq(parent->w.job.rc, RC_OK);
	cr_assert_eq(child->w.job.rc, RC_OK);
	cr_assert(child->w.job.receipt.index > parent->w.job.receipt.index);
	cr_assert_eq(child->back, 1);
	writer_stop(writer);
	writer = NULL;
	cr_assert_eq(atomic_load(&waited.value), 1);
	cr_assert_eq(atomic_load(&wait_refused.value), 0);
	cr_assert_eq(atomic_load(&waiting.value), 0);
}

Test(seq_writer, a_token_that_may_not_wait_is_refused_at_once)
{
	struct item *child;

	up_with(10, 1000, 10);
	child = put_task(2, 1, 0);
	until_back(1);
	cr_assert_eq(child->w.job.rc, RC_UNKNOWN_PARENT);
	cr_assert_eq(child->w.job.missing_count, 1);
}

Test(seq_writer, without_room_nobody_waits)
{
	struct item *first, *second;

	up_with(1, 1000, 10);
	first = put_task(2, 1, LONG);
	second = put_task(3, 1, LONG);
	until_back(1);
	cr_assert_eq(first->back, 0);
	cr_assert_eq(second->w.job.rc, RC_UNKNOWN_PARENT);
	put_task(1, 0, 0);
	until_back(3);
	cr_assert_eq(first->w.job.rc, RC_OK);
}

Test(seq_writer, when_its_time_is_over_it_is_refused_with_what_is_still_missing)
{
	uint8_t pred[3][16], want[16];
	struct token_make t = {.pred = (const uint8_t(*)[16])pred, .pred_count = 3};
	struct item *child;

	up_with(10, 1000, 10);
	for (uint64_t n = 0; n < 3; n++)
		token_make_id(n + 1, pred[n]);
	token_make_id(9, t.jti);
	put_task(1, 0, 0);
	until_back(1);
	child = put(&t, 300);
	until_waits();
	put_task(3, 0, 0);
	until_back(2);
	atomic_fetch_add(&mono_us, 299999);
	put_task(5, 0, 0);
	until_back(3);
	cr_assert_eq(child->back, 0, "not before its time");
	atomic_fetch_add(&mono_us, 1);
	until_back(4);
	cr_assert_eq(child->back, 1);
	cr_assert_eq(child->w.job.rc, RC_UNKNOWN_PARENT);
	/* It waited for the second; when its time was over it was judged again, and the third was
	 * there. */
	cr_assert_eq(child->w.job.missing_count, 1);
	token_make_id(2, want);
	cr_assert_arr_eq(child->w.job.missing[0], want, 16);
	cr_assert_not_null(strstr(child->w.job.why.text, "did not come within 300 ms"));
	cr_assert_eq(atomic_load(&wait_refused.value), 1);
}

Test(seq_writer, told_to_hurry_nothing_waits_and_all_are_judged_a_last_time)
{
	struct item *child, *later;

	up_with(10, 1000, 10);
	child = put_task(2, 1, LONG);
	until_waits();
	writer_hurry(writer);
	until_back(1);
	cr_assert_eq(child->w.job.rc, RC_UNKNOWN_PARENT);
	cr_assert_eq(child->w.job.missing_count, 1);
	cr_assert_not_null(strstr(child->w.job.why.text, "told to go"));
	later = put_task(3, 1, LONG);
	until_back(2);
	cr_assert_eq(later->w.job.rc, RC_UNKNOWN_PARENT);
	put_task(1, 0, 0);
	until_back(3);
	cr_assert_eq(put_task(4, 1, LONG)->w.wait_ms, LONG);
	until_back(4);
	cr_assert_eq(items[3].w.job.rc, RC_OK);
}

Test(seq_writer, the_end_hands_back_what_waits)
{
	struct item *child;

	up_with(10, 1000, 10);
	child = put_task(2, 1, LONG);
	put_task(5, 0, 0);
	until_back(1);
	writer_stop(writer);
	writer = NULL;
	cr_assert_eq(child->back, 1);
	cr_assert_eq(child->w.job.rc, RC_UNKNOWN_PARENT);
	cr_assert_eq(child->w.job.missing_count, 1);
}

Test(seq_writer, a_log_that_stops_hands_back_what_waits_in_doubt)
{
	struct item *child, *other;

	up_with(10, 1000, 10);
	child = put_task(2, 1, LONG);
	put_task(5, 0, 0);
	until_back(1);
	store_mem_fault(w.store, STORE_FAULT_COMMIT_LOST, 0);
	other = put_task(6, 0, 0);
	until_back(3);
	cr_assert_eq(other->w.job.rc, RC_STORE_DOUBT);
	cr_assert_eq(child->w.job.rc, RC_STORE_DOUBT);
	cr_assert_eq(child->back, 1);
	cr_assert_eq(stopped_count, 1);
	/* Nobody waits for a log that is gone. */
	other = put_task(7, 1, LONG);
	until_back(4);
	cr_assert_eq(other->w.job.rc, RC_STORE_DOUBT);
}

Test(seq_writer, a_full_disk_does_not_lose_what_waits)
{
	struct item *child, *other;

	up_with(10, 1000, 10);
	child = put_task(2, 1, LONG);
	put_task(5, 0, 0);
	until_back(1);
	store_mem_fault(w.store, STORE_FAULT_SPACE, 0);
	other = put_task(1, 0, 0);
	until_back(2);
	cr_assert_eq(other->w.job.rc, RC_NO_SPACE);
	cr_assert_eq(child->back, 0);
	put_task(1, 0, 0);
	until_back(4);
	cr_assert_eq(child->w.job.rc, RC_OK);
}

/* Two different tokens under one id wait for the same parent: one gets in, the other is the
 * equivocation. */
Test(seq_writer, two_tokens_of_one_id_that_wait_are_judged_each_on_its_own)
{
	uint8_t pred[1][16];
	struct token_make t = {.pred = (const uint8_t(*)[16])pred, .pred_count = 1};
	struct item *a, *b;

	up_with(10, 1000, 10);
	token_make_id(1, pred[0]);
	token_make_id(2, t.jti);
	a = put(&t, LONG);
	t.act = "other";
	b = put(&t, LONG);
	/* Both wait: one that came together with the parent would be first. */
	while (atomic_load(&waiting.value) < 2)
		sched_yield();
	put_task(1, 0, 0);
	until_back(3);
	cr_assert_eq(a->w.job.rc, RC_OK);
	cr_assert_eq(b->w.job.rc, RC_DUP_JTI);
	cr_assert_eq(ledger_published(w.ledger), WORLD_FIRST + 3);
}

Test(seq_writer, a_key_revoked_while_a_token_waits_stops_the_token)
{
	struct item event = {.w = {.job = {.kind = ENTRY_KEY}}};
	struct arena arena;
	struct item *child, *parent;

	up_with(10, 1000, 10);
	arena_init(&arena, 1 << 20);
	cr_assert_eq(world_key(w.ledger, w.now_ms, EVENT_ENROLL, "{\"other\":1}", 0), RC_OK);
	child = put_task(2, 1, LONG);
	until_waits();
	event.w.job.arena = &arena;
	event.w.job.event = world_event(EVENT_REVOKE, WORLD_KEY, 1, &arena);
	writer_put_events(writer, &event.w);
	parent = &items[item_count++];
	{
		struct token_make t = {0};

		token_make_id(1, t.jti);
		world_job_init(&parent->j, &t);
	}
	world_job_key(&parent->j, "{\"other\":1}");
	parent->w.job = parent->j.job;
	parent->w.group_count = 1;
	cr_assert(writer_ticket(writer, 1, &parent->w.ticket));
	writer_put(writer, &parent->w);
	until_back(3);
	cr_assert_eq(event.w.job.rc, RC_OK);
	cr_assert_eq(parent->w.job.rc, RC_OK);
	cr_assert_eq(child->w.job.rc, RC_KEY_REVOKED);
	arena_release(&arena);
}

/* ---- the property: whatever the order of arrival, the same graph ---- */

static uint64_t
rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* Parents of task n among the tasks before it; how many. */
static size_t
parents_of(uint64_t seed, uint64_t n, uint64_t parent[3])
{
	uint64_t s = seed * 1000003 + n + 1;
	size_t fan = n == 0 ? 0 : rnd(&s) % 4, count = 0;

	for (size_t k = 0; k < fan; k++) {
		uint64_t p = rnd(&s) % 3 == 0 ? rnd(&s) % n : n - 1 - rnd(&s) % (n < 20 ? n : 20);
		bool twice = false;

		for (size_t q = 0; q < count; q++)
			twice |= parent[q] == p;
		if (!twice && count < 3)
			parent[count++] = p;
	}
	return count;
}

static void
task(uint64_t seed, uint64_t n, unsigned wait_ms)
{
	uint64_t parent[3];
	uint8_t pred[3][16];
	struct token_make t = {.pred = (const uint8_t(*)[16])pred};

	t.pred_count = parents_of(seed, n, parent);
	for (size_t k = 0; k < t.pred_count; k++)
		token_make_id(parent[k] + 1, pred[k]);
	token_make_id(n + 1, t.jti);
	t.has_wid = n % 3 != 0; /* parents are found in other workflows too */
	t.wid[0] = t.has_wid ? (uint8_t)(1 + n % 5) : 0;
	put(&t, wait_ms);
}

static void
shuffle(uint64_t seed, uint64_t *order)
{
	for (size_t i = 0; i < TASKS; i++)
		order[i] = i;
	for (size_t i = TASKS; i-- > 1;) {
		size_t k = rnd(&seed) % (i + 1);
		uint64_t swap = order[i];

		order[i] = order[k];
		order[k] = swap;
	}
}

/* The stored parents of an accepted task are its parents' entries. */
static void
check_graph(uint64_t seed, const uint64_t *order, size_t tasks, const uint64_t *place)
{
	struct store_read *read = NULL;
	struct arena arena;

	arena_init(&arena, 1 << 20);
	cr_assert_eq(store_read_begin(ledger_store(w.ledger), &read), RC_OK);
	for (size_t i = 0; i < tasks; i++) {
		uint64_t parent[3];
		size_t count = parents_of(seed, order[i], parent);
		struct bytes raw;
		struct entry e;

		if (items[i].w.job.rc != RC_OK)
			continue;
		arena_reset(&arena);
		cr_assert_eq(store_get_entry(read, items[i].w.job.receipt.index, &raw), RC_OK);
		cr_assert_eq(entry_read(raw, &arena, &e, NULL), RC_OK);
		cr_assert_eq(e.parent_count, count);
		for (size_t k = 0; k < count; k++)
			cr_assert_eq(e.parents[k], items[place[parent[k]]].w.job.receipt.index);
	}
	store_read_end(read);
	arena_release(&arena);
}

Test(seq_writer, tokens_in_random_order_make_the_same_graph_and_nothing_is_lost)
{
	static uint64_t order[TASKS], place[TASKS];

	up_with(TASKS, TASKS * 100, TASKS);
	shuffle(4711, order);
	for (size_t i = 0; i < TASKS; i++) {
		place[order[i]] = i;
		task(5, order[i], LONG);
	}
	until_back(TASKS);
	for (size_t i = 0; i < TASKS; i++) {
		cr_assert_eq(items[i].back, 1);
		cr_assert_eq(items[i].w.job.rc, RC_OK, "%s", items[i].w.job.why.text);
		cr_assert_not(items[i].w.job.duplicate);
	}
	cr_assert_eq(ledger_published(w.ledger), WORLD_FIRST + TASKS, "no duplicate");
	check_graph(5, order, TASKS, place);
	cr_assert(atomic_load(&waited.value) > TASKS / 10);
}

Test(seq_writer, with_parents_withheld_exactly_their_descendants_are_refused)
{
	static uint64_t order[TASKS], place[TASKS], put_as[TASKS];
	static bool withheld[TASKS], lost[TASKS]; /* lost: withheld, or behind one that is */
	size_t count = 0, refused = 0;

	up_with(TASKS, TASKS * 100, TASKS);
	shuffle(815, order);
	for (uint64_t n = 0; n < TASKS; n++) {
		uint64_t parent[3];
		size_t parents = parents_of(6, n, parent);

		lost[n] = withheld[n] = n == 1500 || n == 1700 || n == 1950;
		for (size_t k = 0; k < parents; k++)
			lost[n] |= lost[parent[k]];
		refused += lost[n] && !withheld[n];
	}
	for (size_t i = 0; i < TASKS; i++) {
		if (withheld[order[i]])
			continue;
		place[order[i]] = count;
		put_as[count++] = order[i];
		task(6, order[i], 1500);
	}
	until_back(count - refused);
	atomic_fetch_add(&mono_us, 1500000);
	until_back(count);
	for (size_t i = 0; i < count; i++) {
		const struct seq_job *job = &items[i].w.job;

		cr_assert_eq(items[i].back, 1);
		cr_assert_eq(job->rc, lost[put_as[i]] ? RC_UNKNOWN_PARENT : RC_OK, "task %zu: %s",
		    (size_t)put_as[i], job->why.text);
		cr_assert_eq(job->missing_count > 0, lost[put_as[i]]);
	}
	cr_assert(refused > 3 && refused < count / 2, "%zu", refused);
	check_graph(6, put_as, count, place);
}
