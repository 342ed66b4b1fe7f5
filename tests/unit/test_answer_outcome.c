/*
 * test_answer_outcome.c - which entries speak of a task, how, and which of them count.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "answer/outcome.h"
#include "lib/facts_world.h"

static struct facts_world w;
static struct outcome_list list;
static size_t spent;

static void
begin(void)
{
	world_init(&w);
	spent = 0;
}

static void
end(void)
{
	world_release(&w);
}

TestSuite(answer_outcome, .init = begin, .fini = end);

static void
gather(const char *name)
{
	struct facts_view v = world_view(&w);
	uint32_t iss = facts_number(&v, FACTS_ISS, world_iss(&w, name));

	cr_assert_neq(iss, FACTS_NONE);
	cr_assert_eq(outcome_gather(&v, iss, &w.budget, &spent, &w.scratch, &list), RC_OK);
}

static uint32_t
put(const char *iss, const char *act, const char *ext, uint32_t parent)
{
	return world_put(&w, iss, act, ext, 1, &parent);
}

static void
expect(size_t i, uint32_t index, enum outcome outcome, enum outcome_count count)
{
	struct facts_view v = world_view(&w);

	cr_assert_lt(i, list.count);
	cr_expect_eq(list.items[i].index, index, "item %zu: entry %u", i, list.items[i].index);
	cr_expect_eq(list.items[i].outcome, outcome, "item %zu: %u", i, list.items[i].outcome);
	cr_expect_eq(outcome_counts(&list.items[i], v.size), count, "item %zu: %s", i,
	    outcome_count_text(outcome_counts(&list.items[i], v.size)));
}

Test(answer_outcome, every_kind_has_a_row)
{
	size_t rows = 0;
#define SAYS(kind, what, of_itself, rated) rows += KIND_##kind < KIND_IDS;
#include "answer/outcome.def"
#undef SAYS
	cr_expect_eq(rows, KIND_IDS);
}

Test(answer_outcome, another_agent_that_goes_on_is_a_good_outcome)
{
	uint32_t a = world_put(&w, "a", "step", NULL, 0, NULL), b = put("b", "step", NULL, a);
	uint32_t c = put("c", "checkpoint", NULL, a);
	uint32_t d = put("d", "translation", "{\"src_proto\":\"x\",\"dst_proto\":\"y\"}", a);
	uint32_t e = put("e", "attestation", NULL, a);

	gather("a");
	cr_expect_eq(list.count, 4);
	expect(0, b, OUTCOME_GOOD, OUTCOME_COUNTED);
	expect(1, c, OUTCOME_GOOD, OUTCOME_COUNTED);
	expect(2, d, OUTCOME_GOOD, OUTCOME_COUNTED);
	expect(3, e, OUTCOME_GOOD, OUTCOME_COUNTED);
	cr_expect(list.complete);
}

Test(answer_outcome, a_failure_is_as_bad_as_its_class)
{
	static const struct {
		const char *ext;
		enum outcome want;
	} rows[] = {
	    {"{\"fail_class\":\"timeout\"}", OUTCOME_MINOR},
	    {"{\"fail_class\":\"dependency\"}", OUTCOME_MINOR},
	    {"{\"fail_class\":\"external\"}", OUTCOME_MINOR},
	    {"{\"fail_class\":\"internal\"}", OUTCOME_MAJOR},
	    {NULL, OUTCOME_MAJOR},
	    {"{\"fail_class\":\"no such class\"}", OUTCOME_MAJOR},
	    {"{\"fail_class\":\"policy\"}", OUTCOME_VIOLATION},
	};
	uint32_t a = world_put(&w, "a", "step", NULL, 0, NULL);
	char rater[2] = "b";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++, rater[0]++)
		put(rater, "failure", rows[i].ext, a);
	gather("a");
	cr_assert_eq(list.count, sizeof(rows) / sizeof(rows[0]));
	for (size_t i = 0; i < list.count; i++)
		expect(i, (uint32_t)i + 1, rows[i].want, OUTCOME_COUNTED);
}

Test(answer_outcome, records_say_nothing_about_what_they_rest_on)
{
	static const char *const acts[] = {"rollback_request", "compensation", "circuit",
	    "hitl_request", "override", "trust_assertion", "quarantine", "explanation", "lifecycle",
	    "start"};
	uint32_t a = world_put(&w, "a", "step", NULL, 0, NULL);

	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		put("b", acts[i], NULL, a);
	gather("a");
	cr_expect_eq(list.count, 0);
}

Test(answer_outcome, records_of_recovery_and_oversight_cannot_be_rated)
{
	static const char *const acts[] = {"failure", "rollback_request", "compensation", "circuit",
	    "hitl_request", "override", "trust_assertion", "quarantine", "explanation", "lifecycle",
	    "start"};
	uint32_t root = world_put(&w, "z", "step", NULL, 0, NULL);

	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		uint32_t a = put("a", acts[i], NULL, root);

		put("b", "failure", NULL, a);
		put("b", "step", NULL, a);
	}
	gather("a");
	cr_expect_eq(list.count, 0);
}

Test(answer_outcome, what_an_agent_says_of_itself_is_listed_and_does_not_count)
{
	uint32_t a = world_put(&w, "a", "step", NULL, 0, NULL), f, t;

	put("a", "step", NULL, a); /* going on from one's own work says nothing */
	f = put("a", "failure", NULL, a);
	t = put("a", "attestation", NULL, a);
	gather("a");
	cr_expect_eq(list.count, 2);
	expect(0, f, OUTCOME_MAJOR, OUTCOME_SELF);
	expect(1, t, OUTCOME_GOOD, OUTCOME_SELF);
}

Test(answer_outcome, unsigned_words_and_words_about_unsigned_tasks_do_not_count)
{
	uint32_t a = world_put(&w, "a", "step", NULL, 0, NULL), u, f, g;
	struct world_task t = {
	    .iss = "b", .act = "failure", .parents = {a}, .parent_count = 1, .level = LEVEL_1};

	f = world_add(&w, &t);
	t = (struct world_task){.iss = "a", .level = LEVEL_1};
	u = world_add(&w, &t);
	g = put("c", "failure", NULL, u);
	gather("a");
	cr_expect_eq(list.count, 2);
	expect(0, f, OUTCOME_MAJOR, OUTCOME_UNSIGNED);
	expect(1, g, OUTCOME_MAJOR, OUTCOME_UNSIGNED);
}

Test(answer_outcome, of_one_rater_and_one_task_the_worst_counts_where_it_was_said)
{
	uint32_t a = world_put(&w, "a", "step", NULL, 0, NULL);
	uint32_t one = put("b", "step", NULL, a), two = put("b", "step", NULL, a);
	uint32_t bad = put("b", "failure", "{\"fail_class\":\"policy\"}", a);
	uint32_t mild = put("b", "failure", "{\"fail_class\":\"timeout\"}", a);
	uint32_t again = put("b", "failure", "{\"fail_class\":\"policy\"}", a);
	uint32_t other = put("c", "step", NULL, a);

	gather("a");
	cr_expect_eq(list.count, 6);
	expect(0, one, OUTCOME_GOOD, OUTCOME_REPEATED);
	expect(1, two, OUTCOME_GOOD, OUTCOME_REPEATED);
	expect(2, bad, OUTCOME_VIOLATION, OUTCOME_COUNTED);
	expect(3, mild, OUTCOME_MINOR, OUTCOME_REPEATED);
	expect(4, again, OUTCOME_VIOLATION, OUTCOME_REPEATED);
	expect(5, other, OUTCOME_GOOD, OUTCOME_COUNTED);
	/* and in smaller trees, from the same list */
	cr_expect_eq(outcome_counts(&list.items[0], bad), OUTCOME_COUNTED);
	cr_expect_eq(outcome_counts(&list.items[1], bad), OUTCOME_REPEATED);
	cr_expect_eq(outcome_counts(&list.items[0], bad + 1), OUTCOME_REPEATED);
}

Test(answer_outcome, one_entry_speaks_of_each_task_it_rests_on)
{
	uint32_t one = world_put(&w, "a", "step", NULL, 0, NULL),
		 two = world_put(&w, "a", "step", NULL, 0, NULL);
	uint32_t f = world_put(&w, "b", "failure", NULL, 2, (uint32_t[]){two, one});

	gather("a");
	cr_expect_eq(list.count, 2);
	expect(0, f, OUTCOME_MAJOR, OUTCOME_COUNTED);
	expect(1, f, OUTCOME_MAJOR, OUTCOME_COUNTED);
	cr_expect_eq(list.items[0].task, one);
	cr_expect_eq(list.items[1].task, two);
}

Test(answer_outcome, a_list_at_a_size_is_the_later_list_cut_there)
{
	struct facts_view v;
	struct outcome_list whole;
	uint64_t x = 7;

	for (uint32_t i = 0; i < 400; i++) {
		char iss[2] = {(char)('a' + (x >> 20) % 4), 0};
		uint32_t parents[3], n = 0;

		for (unsigned k = 0; k < 3 && i > 0; k++) {
			uint32_t p = (uint32_t)((x >> (8 * k)) % i);
			bool there = false;

			for (unsigned m = 0; m < n; m++)
				there = there || parents[m] == p;
			if (!there)
				parents[n++] = p;
		}
		world_put(
		    &w, iss, n > 0 && (x >> 30) % 3 == 0 ? "failure" : "step", NULL, n, parents);
		x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	}
	gather("a");
	whole = list;
	cr_expect_gt(whole.count, 50);
	for (uint32_t size = 1; size < 400; size += 7) {
		uint32_t iss;
		size_t n = 0;

		v = world_view_at(&w, size);
		if ((iss = facts_number(&v, FACTS_ISS, world_iss(&w, "a"))) == FACTS_NONE)
			continue;
		cr_assert_eq(outcome_gather(&v, iss, &w.budget, &spent, &w.scratch, &list), RC_OK);
		while (n < whole.count && whole.items[n].index < size)
			n++;
		cr_assert_eq(list.count, n);
		for (size_t i = 0; i < n; i++) {
			cr_assert_eq(list.items[i].index, whole.items[i].index);
			cr_assert_eq(list.items[i].task, whole.items[i].task);
			cr_assert_eq(outcome_counts(&list.items[i], size),
			    outcome_counts(&whole.items[i], size), "size %u item %zu", size, i);
		}
	}
}

Test(answer_outcome, over_the_budget_a_task_is_in_whole_or_not_at_all)
{
	uint32_t old = world_put(&w, "a", "step", NULL, 0, NULL), new;

	put("b", "step", NULL, old);
	put("c", "step", NULL, old);
	new = world_put(&w, "a", "step", NULL, 0, NULL);
	put("b", "failure", NULL, new);
	w.budget.nodes_max = 4; /* two tasks, one child of the new one, one of the old one's two */
	gather("a");
	cr_expect_not(list.complete);
	cr_expect_eq(list.count, 1);
	cr_expect_eq(list.items[0].task, new);
}
