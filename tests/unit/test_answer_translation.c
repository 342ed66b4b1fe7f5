/* test_answer_translation.c - chains of hops: continuity, flags by name, loss reports, protocols, forks, pages. */
#include <criterion/criterion.h>

#include "answer/translation.h"
#include "lib/facts_world.h"

static struct facts_world w;
static struct why why;
static const uint8_t H[8][32] = {{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}};
static bool asked_plain;

TestSuite(answer_translation, .timeout = 60);

static enum rc
plain_hash(void *ctx, uint32_t index, uint8_t out[64], size_t *n, struct why *unused)
{
	(void)ctx;
	(void)unused;
	cr_assert_eq(index, 0u);
	asked_plain = true;
	memcpy(out, H[0], 32);
	*n = 32;
	return RC_OK;
}

static struct translation_answer
ask(struct translation_ask q)
{
	struct facts_view v = world_view(&w);
	struct translation_answer a;

	q.hashes = (struct translation_hashes){plain_hash, NULL};
	q.limit = q.limit == 0 ? 100 : q.limit;
	cr_assert_eq(answer_translations(&v, &q, &w.budget, &a, &why), RC_OK, "%s", why.text);
	return a;
}

static uint32_t
hop(const char *ext, uint32_t parent, const uint8_t *in, const uint8_t *out)
{
	struct world_task t = {.act = "translation",
	    .ext = ext,
	    .inp = in,
	    .out = out,
	    .parents = {parent},
	    .parent_count = 1};

	t.no_hashes = in == NULL && out == NULL;
	return world_add(&w, &t);
}

#define A_B "{\"src_proto\":\"a\",\"dst_proto\":\"b\"}"
#define B_C "{\"src_proto\":\"b\",\"dst_proto\":\"c\"}"

Test(answer_translation, a_chain_holds_where_each_hop_takes_what_the_one_before_gave)
{
	struct translation_answer a;

	world_init(&w);
	(void)world_add(&w, &(struct world_task){.out = H[0], .inp = H[7]});
	(void)hop(A_B, 0, H[0], H[1]);
	(void)hop(B_C, 1, H[1], H[2]);
	a = ask((struct translation_ask){0});
	cr_assert(a.complete && a.hop_total == 2 && a.chain_total == 1 && a.next == 0);
	cr_assert(asked_plain, "the first hop is held against the task before it");
	for (size_t i = 0; i < 2; i++) {
		cr_assert(a.hops[i].flags == 0 && a.hops[i].continuity == TRANSLATION_HOLDS);
		cr_assert(
		    a.hops[i].chain == 1 && a.hops[i].number == i + 1 && a.hops[i].source == i);
	}
	cr_assert(a.rests_on_count == 3 && a.rests_on[0] == 0 && a.rests_on[2] == 2);
	cr_assert_eq(a.protocol_count, 3u);
	cr_assert(bytes_is(a.protocols[1].name, "b") && a.protocols[1].as_source == 1 &&
		  a.protocols[1].as_target == 1);
	world_release(&w);
}

Test(answer_translation, each_break_has_its_name)
{
	struct world_task two = {.act = "translation",
	    .ext = B_C,
	    .parents = {1, 0},
	    .parent_count = 2,
	    .inp = H[1],
	    .out = H[2]};
	struct world_task none = {.act = "translation", .ext = A_B, .inp = H[1], .out = H[2]};
	struct translation_answer a;
	const struct translation_hop *h;

	world_init(&w);
	(void)world_add(&w, &(struct world_task){.out = H[0], .inp = H[7]});
	(void)hop(A_B, 0, H[5], H[1]);					   /* 1 */
	(void)hop(A_B, 1, H[1], H[2]);					   /* 2 */
	(void)hop("{\"src_proto\":7,\"dst_proto\":\"c\"}", 1, H[1], H[2]); /* 3 */
	(void)hop(B_C, 1, NULL, NULL);					   /* 4 */
	(void)hop(B_C, 4, H[1], H[2]);					   /* 5 */
	(void)world_add(&w, &two);					   /* 6 */
	(void)world_add(&w, &none);					   /* 7 */
	a = ask((struct translation_ask){0});
	h = a.hops;
	cr_assert_eq(a.hop_count, 7u);
	cr_assert(h[0].flags == TRANSLATION_HASH_GAP && h[0].continuity == TRANSLATION_BROKEN);
	cr_assert(h[1].flags == TRANSLATION_PROTO_MISMATCH && h[1].continuity == TRANSLATION_HOLDS);
	cr_assert_eq(h[2].flags, (unsigned)TRANSLATION_MISSING_PROTO);
	cr_assert(h[3].flags == TRANSLATION_MISSING_HASH && h[3].continuity == TRANSLATION_UNKNOWN);
	cr_assert(h[4].continuity == TRANSLATION_UNKNOWN,
	    "nothing came out before that could be compared");
	cr_assert(h[4].flags == TRANSLATION_PROTO_MISMATCH && h[4].number == 3);
	cr_assert(h[5].flags == TRANSLATION_NOT_ONE_PARENT && h[5].source == 1);
	cr_assert(h[6].flags == TRANSLATION_NOT_ONE_PARENT && h[6].source == FACTS_NONE &&
		  h[6].number == 1);
	cr_assert_eq(a.chain_total, 2u);
	world_release(&w);
}

Test(answer_translation, loss_is_a_list_of_field_and_kind_and_anything_else_is_flagged)
{
	struct translation_answer a;

	world_init(&w);
	(void)world_add(&w, &(struct world_task){.out = H[0], .inp = H[7]});
	(void)hop("{\"src_proto\":\"a\",\"dst_proto\":\"b\",\"loss\":[{\"field\":\"f\",\"kind\":"
		  "\"dropped\",\"more\":1}]}",
	    0, H[0], H[1]);
	(void)hop("{\"src_proto\":\"a\",\"dst_proto\":\"b\",\"loss\":[3,{\"field\":\"f\"},{"
		  "\"field\":\"g\",\"kind\":\"k\"}]}",
	    0, H[0], H[1]);
	(void)hop(
	    "{\"src_proto\":\"a\",\"dst_proto\":\"b\",\"loss\":{\"field\":\"f\"}}", 0, H[0], H[1]);
	a = ask((struct translation_ask){0});
	cr_assert(a.hops[0].flags == 0 && a.hops[0].loss_count == 1);
	cr_assert(
	    bytes_is(a.hops[0].loss[0].field, "f") && bytes_is(a.hops[0].loss[0].kind, "dropped"));
	cr_assert(a.hops[1].flags == TRANSLATION_BAD_LOSS && a.hops[1].loss_count == 1 &&
		  bytes_is(a.hops[1].loss[0].field, "g"));
	cr_assert(a.hops[2].flags == TRANSLATION_BAD_LOSS && a.hops[2].loss_count == 0);
	world_release(&w);
}

Test(answer_translation, workflows_pages_and_the_budget)
{
	struct translation_answer a;
	struct facts_view v;
	uint8_t id[UUID_SIZE];
	uint32_t from = 0, wid;
	size_t n = 0;

	world_init(&w);
	(void)world_add(&w, &(struct world_task){.out = H[0], .inp = H[7]});
	for (uint32_t i = 0; i < 9; i++) {
		struct world_task t = {.act = "translation",
		    .ext = A_B,
		    .wid = i < 5 ? "w" : "other",
		    .inp = H[0],
		    .out = H[0],
		    .parents = {i},
		    .parent_count = 1};

		(void)world_add(&w, &t);
	}
	do {
		a = ask((struct translation_ask){.from = from, .limit = 2});
		cr_assert(a.hop_total == 9 && a.hop_count <= 2);
		for (size_t i = 0; i < a.hop_count; i++) {
			cr_assert(a.hops[i].index == ++n && a.hops[i].number == n);
			cr_assert_eq(a.hops[i].foreign, n == 6);
		}
	} while ((from = a.next) != 0);
	cr_assert_eq(n, 9u);
	v = world_view(&w);
	world_wid("other", id);
	wid = facts_number(&v, FACTS_WID, bytes_of(id, UUID_SIZE));
	a = ask((struct translation_ask){.by_workflow = true, .wid = wid});
	cr_assert(a.hop_total == 4 && a.hops[0].index == 6 && a.hops[0].number == 6);
	cr_assert(a.chain_total == 0 && a.hops[0].chain == 1, "its first hop is elsewhere");
	a = ask((struct translation_ask){.by_workflow = true, .wid = FACTS_NONE});
	cr_assert_eq(a.hop_total, 0u);
	w.budget.nodes_max = 3;
	a = ask((struct translation_ask){0});
	cr_assert(!a.complete && a.hop_total == 3);
	w.budget.nodes_max = 1000;
	w.budget.deadline_mono_us = 1;
	a = ask((struct translation_ask){0});
	cr_assert(!a.complete && a.hop_total == 0, "too late for any: and that is said");
	world_release(&w);
}

Test(answer_translation, a_hundred_thousand_hops_in_a_row_are_gone_through_once)
{
	struct translation_answer a;

	world_init(&w);
	(void)world_add(&w, &(struct world_task){.out = H[0], .inp = H[7]});
	for (uint32_t i = 0; i < 100000; i++)
		(void)hop(A_B, i, H[0], H[0]);
	a = ask((struct translation_ask){.from = 100000, .limit = 1});
	cr_assert(a.hop_total == 100000 && a.hops[0].number == 100000 && a.hops[0].chain == 1);
	world_release(&w);
}

Test(answer_translation, flags_and_states_have_the_names_of_the_page)
{
	static const char *const names[] = {"not_one_parent", "missing_hash", "hash_gap",
	    "hash_other_alg", "proto_mismatch", "missing_proto", "bad_loss"};

	for (unsigned i = 0; i < TRANSLATION_FLAG_COUNT; i++)
		cr_assert_str_eq(translation_flag_text((enum translation_flag_place)i), names[i]);
	cr_assert_str_eq(translation_continuity_text(TRANSLATION_BROKEN), "broken");
}
