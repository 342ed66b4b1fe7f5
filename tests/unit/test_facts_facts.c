/*
 * test_facts_facts.c - rows, chains and names, and that a view sees nothing behind its size.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "claim/own_event.h"
#include "lib/facts_world.h"

static struct facts_world w;

static void
begin(void)
{
	world_init(&w);
}

static void
end(void)
{
	world_release(&w);
}

TestSuite(facts_facts, .init = begin, .fini = end);

Test(facts_facts, children_behind_the_views_size_are_not_seen)
{
	uint32_t a = world_put(&w, "a", "step", NULL, 0, NULL);
	uint32_t b = world_put(&w, "b", "step", NULL, 1, &a);
	uint32_t c = world_put(&w, "c", "step", NULL, 2, (uint32_t[]){a, b});
	struct facts_view all = world_view(&w), two = world_view_at(&w, 2);
	uint32_t at = fact_child_first(&all, fact(&all, a));

	cr_expect_eq(fact_child(&all, &at), c);
	cr_expect_eq(fact_child(&all, &at), b);
	cr_expect_eq(fact_child(&all, &at), FACTS_NONE);
	at = fact_child_first(&two, fact(&two, a));
	cr_expect_eq(fact_child(&two, &at), b);
	cr_expect_eq(fact_child(&two, &at), FACTS_NONE);
	cr_expect_eq(fact_parent(&all, fact(&all, c), 0), a);
	cr_expect_eq(fact_parent(&all, fact(&all, c), 1), b);
	cr_expect_eq(facts_count(&two, FACTS_ISS), 2);
	cr_expect_eq(facts_count(&all, FACTS_ISS), 3);
	cr_expect_eq(facts_number(&two, FACTS_ISS, world_iss(&w, "c")), FACTS_NONE);
	cr_expect_eq(facts_issuer_last(&two, fact(&two, a)->iss), a);
}

Test(facts_facts, what_a_task_says_of_itself_becomes_flags)
{
	uint32_t a = world_put(&w, "a", "pay", "{\"irreversible\":true}", 0, NULL);
	uint32_t b = world_put(&w, "a", "failure", "{\"fail_class\":\"policy\"}", 1, &a);
	uint32_t c = world_put(&w, "a", "hitl_decision", "{\"decision\":\"denied\"}", 1, &a);
	struct facts_view v = world_view(&w);

	cr_expect(fact(&v, a)->flags & FACT_IRREVERSIBLE);
	cr_expect(fact(&v, a)->flags & FACT_CONSEQUENTIAL);
	cr_expect_eq(fact(&v, b)->kind, KIND_FAILURE);
	cr_expect_eq(fact(&v, b)->code, FAIL_POLICY);
	cr_expect_not(fact(&v, b)->flags & FACT_BREACH);
	cr_expect_eq(fact(&v, c)->code, DECISION_DENIED);
	cr_expect(fact(&v, c)->flags & FACT_BREACH, "a decision rests on a request");
	cr_expect_eq(facts_kind_last(&v, KIND_FAILURE), b);
	cr_expect(fact_key(&v, a, "irreversible", &w.arena)->type == JSN_TRUE);
	cr_expect_null(fact_key(&v, a, "critical", &w.arena));
}

Test(facts_facts, an_id_means_a_parent_then_the_own_workflow_then_the_only_one)
{
	static const uint8_t id[UUID_SIZE] = {7, 7, 7};
	uint32_t one = world_add(&w, &(struct world_task){.wid = "x", .jti = id}), two, from, other;
	struct facts_view v = world_view(&w);
	uint32_t at = FACTS_NONE;

	from = world_add(&w, &(struct world_task){.wid = "y"});
	v = world_view(&w);
	cr_expect_eq(facts_meant(&v, from, id), one);
	two = world_add(&w, &(struct world_task){.wid = "z", .jti = id});
	other = world_add(&w, &(struct world_task){.wid = "z"});
	v = world_view(&w);
	cr_expect_eq(facts_meant(&v, from, id), FACTS_NONE, "several");
	cr_expect_eq(facts_meant(&v, other, id), two);
	cr_expect_eq(facts_find(&v, id, &at), two);
	cr_expect_eq(facts_find(&v, id, &at), one);
	cr_expect_eq(facts_find(&v, id, &at), FACTS_NONE);
	v = world_view_at(&w, two);
	at = FACTS_NONE;
	cr_expect_eq(facts_find(&v, id, &at), one);
}

Test(facts_facts, records_about_a_subject_are_a_chain_of_their_own)
{
	uint32_t a = world_put(&w, "a", "step", NULL, 0, NULL), at;
	uint32_t q = world_put(&w, "b", "quarantine", "{\"subject\":\"spiffe://x/y\"}", 1, &a);
	uint32_t other = world_put(&w, "b", "quarantine", "{\"subject\":\"spiffe://x/z\"}", 1, &a);
	uint32_t plain = world_put(&w, "b", "step", "{\"subject\":\"spiffe://x/y\"}", 1, &a);
	uint32_t end =
	    world_put(&w, "c", "quarantine_end", "{\"subject\":\"spiffe://x/y\"}", 1, &q);
	struct facts_view all = world_view(&w), before = world_view_at(&w, end);
	uint32_t y = facts_number(&all, FACTS_SUBJECT, bytes_str("spiffe://x/y"));

	cr_assert_neq(y, FACTS_NONE);
	cr_expect_eq(facts_count(&all, FACTS_SUBJECT), 2);
	cr_expect_eq(at = facts_about_last(&all, y), end);
	cr_expect_eq(at = facts_about_before(&all, at), q);
	cr_expect_eq(facts_about_before(&all, at), FACTS_NONE);
	cr_expect_eq(facts_about_last(&before, y), q);
	cr_expect_neq(other, plain);
}

Test(facts_facts, one_id_in_several_workflows_is_found_newest_first_and_only_below_the_size)
{
	uint8_t id[UUID_SIZE] = {0x11, 0x22};
	struct world_task t = {.jti = id};
	static const char *const flows[] = {"x", "y", "", "z"};
	struct facts_view v;
	uint32_t at = FACTS_NONE;

	for (size_t i = 0; i < 4; i++) {
		t.wid = flows[i];
		cr_assert_eq(world_add(&w, &t), 2 * i);
		world_put(&w, "b", "step", NULL, 0, NULL);
	}
	v = world_view(&w);
	for (uint32_t want = 6; want != 0; want -= 2)
		cr_assert_eq(facts_find(&v, id, &at), want);
	cr_assert_eq(facts_find(&v, id, &at), 0);
	cr_expect_eq(facts_find(&v, id, &at), FACTS_NONE);
	v = world_view_at(&w, 4);
	at = FACTS_NONE;
	cr_expect_eq(facts_find(&v, id, &at), 2);
	cr_expect_eq(facts_find(&v, id, &at), 0);
	v = world_view_at(&w, 0);
	at = FACTS_NONE;
	cr_expect_eq(facts_find(&v, id, &at), FACTS_NONE);
}

Test(facts_facts, workflows_and_issuers_go_back_from_below_the_size)
{
	struct world_task t = {.iss = "a", .wid = "x"};
	struct facts_view v, early;
	uint32_t wid, *list;
	size_t n = 99;

	for (uint32_t i = 0; i < 9; i++) {
		t.wid = i % 3 == 0 ? "x" : i % 3 == 1 ? "y" : "";
		world_add(&w, &t);
	}
	v = world_view(&w);
	early = world_view_at(&w, 5);
	wid = fact(&v, 0)->wid;
	cr_expect_eq(facts_workflow_last(&v, wid), 6);
	cr_expect_eq(facts_workflow_last(&early, wid), 3);
	cr_expect_eq(facts_workflow_last(&early, FACTS_NONE), 2);
	cr_expect_eq(facts_issuer_last(&early, fact(&v, 0)->iss), 4);
	list = facts_workflow(&v, wid, &w.arena, &n);
	cr_assert(list != NULL && n == 3);
	cr_expect(list[0] == 0 && list[1] == 3 && list[2] == 6);
	list = facts_workflow(&early, FACTS_NONE, &w.arena, &n);
	cr_expect(list != NULL && n == 1 && list[0] == 2);
	cr_expect_eq(fact(&v, 2)->wid, FACTS_NONE);
	cr_expect_eq(facts_first(&v, FACTS_WID, fact(&v, 1)->wid), 1);
}

Test(facts_facts, records_of_a_kind_are_a_chain_and_plain_tasks_are_in_none)
{
	uint32_t a = world_put(&w, "a", "step", NULL, 0, NULL);
	uint32_t b = world_put(&w, "b", "failure", NULL, 1, &a);
	uint32_t c = world_put(&w, "b", "failure", NULL, 1, &a);
	struct facts_view v = world_view(&w), early = world_view_at(&w, c);

	cr_expect_eq(facts_kind_last(&v, KIND_FAILURE), c);
	cr_expect_eq(facts_kind_before(&v, c), b);
	cr_expect_eq(facts_kind_before(&v, b), FACTS_NONE);
	cr_expect_eq(facts_kind_last(&early, KIND_FAILURE), b);
	cr_expect_eq(facts_kind_first(&v, KIND_FAILURE), b);
	early = world_view_at(&w, b);
	cr_expect_eq(facts_kind_first(&early, KIND_FAILURE), FACTS_NONE, "not yet");
	cr_expect_eq(facts_kind_first(&v, KIND_CHECKPOINT), FACTS_NONE);
	cr_expect_eq(facts_kind_last(&v, KIND_TASK), FACTS_NONE);
	cr_expect_eq(facts_kind_last(&v, KIND_CHECKPOINT), FACTS_NONE);
}

static enum rc
add_plain(struct facts *f, uint32_t number)
{
	struct entry e = {.kind = ENTRY_TOKEN, .received_at_ms = 1000 + number, .level = LEVEL_2};
	struct claim c = {.iss = bytes_str("spiffe://example.com/agent/a"),
	    .act = bytes_str("step"),
	    .iat = 1,
	    .exp = 2};

	put_u32(c.jti, number + 1);
	return facts_add(f, &e, &c, policy_doc_default());
}

Test(facts_facts, over_the_memory_nothing_is_added_and_what_is_there_stays)
{
	struct facts_options options = {.bytes_max = 32 << 20};
	struct facts *f = NULL;
	struct facts_view v;
	uint8_t id[UUID_SIZE] = {0};
	uint32_t n = 0, at = FACTS_NONE;
	enum rc rc;

	cr_assert_eq(facts_new(&f, &options), RC_OK);
	while ((rc = add_plain(f, n)) == RC_OK && n < 4000000)
		n++;
	cr_assert_eq(rc, RC_TOO_LARGE);
	cr_expect_gt(n, 65536);
	cr_expect_eq(facts_reach(f), n);
	/* A chunk of each column may be over it, and no more. */
	cr_expect_lt(facts_bytes(f), options.bytes_max + 65536 * (sizeof(struct fact) + 64));
	cr_expect_eq(add_plain(f, n), RC_TOO_LARGE);
	cr_expect_eq(facts_reach(f), n);
	v = facts_at(f, n);
	put_u32(id, n);
	cr_expect_eq(facts_find(&v, id, &at), n - 1);
	put_u32(id, n + 1);
	at = FACTS_NONE;
	cr_expect_eq(facts_find(&v, id, &at), FACTS_NONE, "half of an entry was added");
	cr_expect_eq(facts_issuer_last(&v, 0), n - 1);
	facts_free(f);
}

static uint32_t
descriptor(const char *workflow, const char *text)
{
	struct own_descriptor e = {.by = bytes_str("ops"), .descriptor = bytes_str(text)};
	struct bytes raw;

	world_wid(workflow, e.wid);
	cr_assert_eq(own_descriptor_write(&e, &w.arena, &raw), RC_OK);
	return world_event(&w, ENTRY_DESCRIPTOR, raw);
}

Test(facts_facts, descriptors_hang_at_their_workflow_newest_first)
{
	uint8_t wid[UUID_SIZE];
	uint32_t a = descriptor("w", "{}"), task = world_put(&w, "a", "step", NULL, 0, NULL);
	uint32_t other = descriptor("v", "{}"), b = descriptor("w", "{\"v\":2}"), number;
	struct facts_view all = world_view(&w), before = world_view_at(&w, b);
	struct own_descriptor e;

	world_wid("w", wid);
	number = facts_number(&all, FACTS_WID, bytes_of(wid, UUID_SIZE));
	cr_expect_eq(fact(&all, b)->wid, number);
	cr_expect_eq(facts_descriptor_last(&all, number), b);
	cr_expect_eq(fact(&all, b)->in_workflow, a);
	cr_expect_eq(fact(&all, a)->in_workflow, FACTS_NONE);
	cr_expect_eq(facts_descriptor_last(&before, number), a);
	cr_expect_eq(facts_workflow_last(&all, number), task, "a descriptor is no task");
	cr_expect_neq(fact(&all, other)->wid, number);
	cr_assert_eq(own_descriptor_read(fact_event(&all, fact(&all, b)), &e, NULL), RC_OK);
	cr_expect(bytes_is(e.descriptor, "{\"v\":2}"));
}
