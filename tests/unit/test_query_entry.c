/* test_query_entry.c - names to indexes, indexes to entries. */
#include "test_query_help.h"

static struct help h;

TestSuite(query_entry, .timeout = 60);

Test(query_entry, an_entry_comes_with_its_claims_and_outlives_the_view)
{
	struct query_entry e;
	struct query_view *v;
	uint8_t id[UUID_SIZE];

	help_open(&h);
	(void)help_one(&h, (struct task){.issuer = 7, .act = "checkpoint"});
	(void)help_one(
	    &h, (struct task){.wid = 4, .issuer = 12, .parents = {0}, .parent_count = 1});
	v = help_view(&h, 0);
	cr_assert_eq(query_entry(v, 1, &h.arena, &e, &h.why), RC_OK, "%s", h.why.text);
	query_view_end(v);
	help_close(&(struct help){.store = h.store,
	    .index = h.index,
	    .tiles = h.tiles,
	    .signer = h.signer}); /* the arena stays */
	cr_assert_eq(e.index, 1u);
	cr_assert(bytes_is(e.claim.iss, "spiffe://d1.example/agent/12"));
	cr_assert(bytes_is(e.claim.act, "t"));
	cr_assert_str_eq(e.claim.kind->name, "task");
	token_make_id(2, id);
	cr_assert_arr_eq(e.claim.jti, id, UUID_SIZE);
	cr_assert(e.claim.has_wid);
	cr_assert_eq(e.entry.parent_count, 1u);
	cr_assert_eq(e.entry.parents[0], 0u);
	cr_assert_eq(e.token.media, TOKEN_JWS);
	cr_assert_gt(e.raw.n, e.entry.token.n);
	arena_release(&h.arena);
}

Test(query_entry, a_name_is_looked_for_in_its_own_scope)
{
	struct query_id id;
	struct query_view *v;
	uint64_t index = 99;

	help_open(&h);
	(void)help_one(&h, (struct task){.jti = 50});
	(void)help_one(&h, (struct task){.jti = 50, .wid = 1});
	(void)help_one(&h, (struct task){.jti = 50, .wid = 2});
	(void)help_one(&h, (struct task){.jti = 60, .wid = 2});
	v = help_view(&h, 0);
	id = help_id(50, 0, false);
	cr_assert(query_resolve(v, &id, &index, &h.why) == RC_OK && index == 0);
	id = help_id(50, 1, false);
	cr_assert(query_resolve(v, &id, &index, &h.why) == RC_OK && index == 1);
	id = help_id(50, 2, false);
	cr_assert(query_resolve(v, &id, &index, &h.why) == RC_OK && index == 2);
	id = help_id(50, 0, true);
	cr_assert_eq(query_resolve(v, &id, &index, &h.why), RC_AMBIGUOUS);
	id = help_id(60, 0, true);
	cr_assert(query_resolve(v, &id, &index, &h.why) == RC_OK && index == 3);
	id = help_id(60, 0, false);
	cr_assert_eq(query_resolve(v, &id, &index, &h.why), RC_NOT_FOUND);
	id = help_id(60, 1, false);
	cr_assert_eq(query_resolve(v, &id, &index, &h.why), RC_NOT_FOUND);
	query_view_end(v);
	v = help_view(&h, 1);
	id = help_id(50, 0, true);
	cr_assert(
	    query_resolve(v, &id, &index, &h.why) == RC_OK && index == 0, "at size 1 there is one");
	query_view_end(v);
	help_close(&h);
}

Test(query_entry, an_index_is_a_name_below_the_size)
{
	struct query_id id = {.by_index = true, .index = 1};
	struct query_view *v;
	uint64_t index;

	help_open(&h);
	(void)help_one(&h, (struct task){0});
	(void)help_one(&h, (struct task){0});
	v = help_view(&h, 0);
	cr_assert(query_resolve(v, &id, &index, &h.why) == RC_OK && index == 1);
	id.index = 2;
	cr_assert_eq(query_resolve(v, &id, &index, &h.why), RC_NOT_FOUND);
	id.index = UINT64_MAX;
	cr_assert_eq(query_resolve(v, &id, &index, &h.why), RC_NOT_FOUND);
	query_view_end(v);
	help_close(&h);
}

Test(query_entry, an_index_that_names_another_task_is_not_believed)
{
	struct index_options o = {.origin = "test.example/log", .create = true};
	struct index_row row = {.index = 0};
	struct query_id id = help_id(77, 0, false);
	struct query_view *v;
	uint64_t index;

	help_open(&h);
	(void)help_one(&h, (struct task){0});
	index_close(h.index);
	cr_assert_eq(index_open(&h.index, &o, &h.why), RC_OK);
	memcpy(row.jti, id.jti, UUID_SIZE);
	cr_assert_eq(index_reserve(h.index, 1, 0), RC_OK);
	cr_assert_eq(index_add(h.index, &row, 1), RC_OK);
	v = help_view(&h, 0);
	cr_assert_eq(query_resolve(v, &id, &index, &h.why), RC_CORRUPT);
	query_view_end(v);
	help_close(&h);
}

Test(query_entry, no_room_is_said_and_is_not_damage)
{
	struct query_entry e;
	struct query_view *v;
	struct arena small;
	enum rc rc = RC_NO_MEMORY;

	help_open(&h);
	(void)help_one(&h, (struct task){0});
	v = help_view(&h, 0);
	for (size_t max = 0; rc == RC_NO_MEMORY; max += 64) {
		arena_init(&small, max);
		rc = query_entry(v, 0, &small, &e, &h.why);
		arena_release(&small);
		cr_assert(rc == RC_OK || rc == RC_NO_MEMORY, "%s at %zu", rc_label(rc), max);
	}
	query_view_end(v);
	help_close(&h);
}

Test(query_entry, an_equivocation_shows_the_claims_that_were_refused)
{
	struct query_id id = help_id(1, 0, false);
	struct query_entry e;
	struct query_view *v;
	uint64_t index;

	help_open(&h);
	(void)help_one(&h, (struct task){.act = "first"});
	(void)help_one(&h, (struct task){.kind = ENTRY_EQUIVOCATION,
			       .jti = 1,
			       .act = "other",
			       .parents = {0},
			       .parent_count = 1});
	v = help_view(&h, 0);
	cr_assert_eq(query_entry(v, 1, &h.arena, &e, &h.why), RC_OK, "%s", h.why.text);
	cr_assert(bytes_is(e.claim.act, "other"));
	cr_assert_arr_eq(e.claim.jti, id.jti, UUID_SIZE);
	cr_assert(e.entry.parent_count == 1 && e.entry.parents[0] == 0);
	cr_assert_str_eq(query_entry_kind(&e), "equivocation");
	cr_assert(query_resolve(v, &id, &index, &h.why) == RC_OK && index == 0,
	    "the id is still the first one's");
	query_view_end(v);
	help_close(&h);
}

Test(query_entry, a_key_entry_has_no_claims)
{
	struct query_entry e;
	struct query_view *v;

	help_open(&h);
	(void)help_one(&h, (struct task){.kind = ENTRY_KEY, .event = bytes_str("no token")});
	v = help_view(&h, 0);
	cr_assert_eq(query_entry(v, 0, &h.arena, &e, &h.why), RC_OK, "%s", h.why.text);
	cr_assert(e.claim.iss.n == 0 && e.claim.pred_count == 0 && e.claim.kind != NULL);
	cr_assert_str_eq(query_entry_kind(&e), "key");
	cr_assert(bytes_is(e.entry.token, "no token"));
	cr_assert_eq((int)query_chain_level(&e.entry), 0);
	query_view_end(v);
	help_close(&h);
}
