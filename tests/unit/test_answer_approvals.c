/*
 * Pages of approvals: order, filters, cursors, sizes, budgets.
 */
#include <stdio.h>

#include "unit/test_oversight_help.h"

#define PAGE(name) Test(approvals, name, .init = begin, .fini = end)

static struct facts_world w;

static void
begin(void)
{
	help_world(&w);
}

static void
end(void)
{
	world_release(&w);
}

/* Requests in many states, guarded tasks good and bad, strays; of two workflows. */
static void
fill(unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		struct world_task other = {
		    .iss = "a", .act = "pay", .wid = "x", .parents = {1}, .parent_count = 1};
		uint32_t r = ask(&w, "pay"), d = decide(&w, i % 2 ? "boss" : "c", "approved", r);

		(void)world_put(&w, "a", "pay", NULL, ON(d));
		(void)world_put(&w, "a", "pay", NULL, ON(1));
		(void)ask(&w, "ship");
		(void)world_put(&w, "boss", "hitl_decision", "{\"decision\":\"denied\"}", ON(1));
		(void)world_add(&w, &other);
	}
}

PAGE(an_empty_log_has_an_empty_answer)
{
	struct facts_world e;
	struct approvals_question q = {0};
	struct approvals_answer a;

	world_init(&e);
	a = approvals_of(&e, &q);
	cr_assert(a.complete);
	cr_assert_eq(a.request_count + a.guarded_count + a.stray_count + a.rests_on_count, 0);
	world_release(&e);
}

PAGE(items_come_newest_first_and_rest_on_ascending_entries)
{
	struct approvals_question q = {0};
	struct approvals_answer a;

	fill(5);
	a = approvals_of(&w, &q);
	cr_assert_eq(a.request_count, 10);
	cr_assert_eq(a.guarded_count, 15);
	cr_assert_eq(a.stray_count, 5);
	cr_assert_eq(a.strays[0].flags, APPROVAL_NOT_ON_REQUEST | APPROVAL_KIND_BREACH);
	for (size_t i = 1; i < a.request_count; i++)
		cr_assert_lt(a.requests[i].index, a.requests[i - 1].index);
	for (size_t i = 1; i < a.rests_on_count; i++)
		cr_assert_gt(a.rests_on[i], a.rests_on[i - 1]);
	cr_assert_eq(a.rests_on_count, 10 + 5 + 15 + 5);
}

/* Every way of asking, in pages of every size, gives what the whole gives. */
PAGE(pages_together_are_the_whole)
{
	struct approvals_question ways[] = {{0}, {.no_guarded = true}, {.no_requests = true},
	    {.states = APPROVAL_STATES_OPEN, .no_guarded = true},
	    {.guarded = GUARDED_STATES_BAD, .no_requests = true}, {.in_workflow = true, .wid = 0},
	    {.in_workflow = true, .wid = 1}};

	fill(7);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct approvals_answer all = approvals_of(&w, &ways[i]);

		cr_assert(all.complete);
		cr_assert_gt(all.request_count + all.guarded_count, 0);
		for (size_t limit = 1; limit < 9; limit++) {
			struct approvals_question q = ways[i];
			size_t requests = 0, guarded = 0, strays = 0;
			struct approvals_answer a;

			q.limit = limit;
			do {
				a = approvals_of(&w, &q);
				cr_assert_leq(
				    a.request_count + a.guarded_count + a.stray_count, limit);
				for (size_t k = 0; k < a.request_count; k++)
					cr_assert_eq(
					    a.requests[k].index, all.requests[requests + k].index);
				for (size_t k = 0; k < a.guarded_count; k++) {
					cr_assert_eq(
					    a.guarded[k].index, all.guarded[guarded + k].index);
					cr_assert_eq(
					    a.guarded[k].flags, all.guarded[guarded + k].flags);
				}
				requests += a.request_count;
				guarded += a.guarded_count;
				strays += a.stray_count;
				q.below = a.next;
			} while (!a.complete);
			cr_assert_eq(requests, all.request_count);
			cr_assert_eq(guarded, all.guarded_count);
			cr_assert_eq(strays, all.stray_count);
		}
	}
}

PAGE(filters_take_states)
{
	struct approvals_question open = {.states = APPROVAL_STATES_OPEN, .no_guarded = true};
	struct approvals_question bad = {.guarded = GUARDED_STATES_BAD, .no_requests = true};
	struct approvals_answer a;

	fill(4);
	a = approvals_of(&w, &open);
	cr_assert_eq(a.request_count, 6, "of four pay requests two were approved");
	cr_assert_eq(a.stray_count, 0);
	a = approvals_of(&w, &bad);
	cr_assert_eq(a.guarded_count, 10);
	cr_assert_eq(a.request_count, 0);
}

PAGE(a_workflow_has_its_own_entries_only)
{
	struct approvals_question q = {.in_workflow = true, .wid = 1};
	struct approvals_answer a;

	fill(4);
	a = approvals_of(&w, &q);
	cr_assert_eq(a.guarded_count, 4);
	cr_assert_eq(a.request_count, 0);
}

/* What is added later changes no answer at an older size. */
PAGE(the_answer_at_a_size_stays_what_it_was)
{
	struct approvals_question q = {0};
	struct approvals_answer before, after;
	struct facts_view v;
	uint32_t size;

	fill(3);
	size = world_view(&w).size;
	before = approvals_of(&w, &q);
	fill(3);
	v = world_view_at(&w, size);
	cr_assert_eq(answer_approvals(&v, &q, &w.budget, &after, NULL), RC_OK);
	cr_assert_eq(before.request_count, after.request_count);
	for (size_t i = 0; i < after.request_count; i++) {
		cr_assert_eq(before.requests[i].state, after.requests[i].state);
		cr_assert_eq(before.requests[i].decisions_all, after.requests[i].decisions_all);
	}
	cr_assert_eq(before.rests_on_count, after.rests_on_count);
}

PAGE(a_small_budget_makes_small_pages_that_get_on)
{
	struct approvals_question q = {0};
	size_t guarded = 0, pages = 0;
	struct approvals_answer a;

	fill(20);
	w.budget.nodes_max = 5;
	do {
		a = approvals_of(&w, &q);
		guarded += a.guarded_count;
		q.below = a.next;
		pages++;
		cr_assert_lt(pages, 1000);
	} while (!a.complete);
	cr_assert_gt(pages, 5);
	cr_assert_eq(guarded, 60);
}

/* A million decisions on one request, a million tasks on one approval. */
PAGE(a_crowd_costs_what_it_has)
{
	struct approvals_question q = {.limit = 10};
	uint32_t r = ask(&w, "pay"), d = decide(&w, "boss", "approved", r);
	struct approvals_answer a;
	const struct approval_request *request;

	for (unsigned i = 0; i < 50000; i++)
		(void)world_put(&w, "boss2", "hitl_decision", "{\"decision\":\"denied\"}", ON(r));
	for (unsigned i = 0; i < 50000; i++)
		(void)world_put(&w, "a", "pay", NULL, ON(d));
	a = approvals_of(&w, &q);
	cr_assert_eq(a.guarded_count, 10);
	cr_assert_eq(a.guarded[9].flags, APPROVAL_USED_TWICE);
	q = (struct approvals_question){.below = r + 1, .limit = 1};
	a = approvals_of(&w, &q);
	request = &a.requests[0];
	cr_assert_eq(request->decisions_all, 50001);
	cr_assert_eq(request->decision_count, APPROVAL_LISTED_MAX);
	cr_assert_eq(request->used, 1);
}

PAGE(a_question_that_is_not_wanted_any_more_is_given_up)
{
	_Atomic bool cancelled = true;
	struct facts_view v;
	struct approvals_answer a;
	struct approvals_question q = {0};
	uint32_t r = ask(&w, "pay");

	for (unsigned i = 0; i < 5000; i++)
		(void)world_put(&w, "boss2", "hitl_decision", "{\"decision\":\"denied\"}", ON(r));
	v = world_view_at(&w, r + 5001);
	q.below = r + 1;
	w.budget.cancelled = &cancelled;
	cr_assert_eq(answer_approvals(&v, &q, &w.budget, &a, NULL), RC_TOO_LARGE);
}

PAGE(names_are_those_of_the_page)
{
	FILE *f = fopen(TEST_DATA "/../docs/OVERSIGHT.md", "r");
	static char text[200000];
	size_t n;

	cr_assert_not_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	cr_assert_gt(n, 1000);
	for (unsigned i = 0; i < APPROVAL_FLAG_BITS; i++)
		cr_expect_not_null(
		    strstr(text, approval_flag_text(i)), "%s", approval_flag_text(i));
	for (unsigned i = 0; i < OVERRIDE_FLAG_BITS; i++)
		cr_expect_not_null(
		    strstr(text, override_flag_text(i)), "%s", override_flag_text(i));
	for (unsigned i = 0; i < APPROVAL_STATES; i++)
		cr_expect_not_null(strstr(text, approval_state_text((enum approval_state)i)));
	for (unsigned i = 0; i < GUARDED_STATES; i++)
		cr_expect_not_null(strstr(text, guarded_state_text((enum guarded_state)i)));
	for (unsigned i = 0; i < ACK_STATES; i++)
		cr_expect_not_null(strstr(text, ack_state_text((enum ack_state)i)));
}
