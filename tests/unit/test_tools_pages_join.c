/*
 * test_tools_pages_join.c - pages of an answer become one object.
 */
#include <criterion/criterion.h>

#include "tools/ectl/args.c"
#include "tools/ectl/message_json.c"
#include "tools/ectl/output.c"
#include "tools/ectl/pages_join.c"
#include "tools/ectl/show.c"

static const char *const lists[] = {"agents", "rests_on", NULL};

static void
join(json_t **whole, const char *iss, uint64_t rest, bool complete, uint64_t next)
{
	Ectledger__V1__TrustAllReply page = ECTLEDGER__V1__TRUST_ALL_REPLY__INIT;
	Ectledger__V1__TrustRow row = ECTLEDGER__V1__TRUST_ROW__INIT, *rows[] = {&row};
	uint64_t rests[] = {7, rest};

	row.iss = (char *)(uintptr_t)iss;
	page.agents = rows;
	page.n_agents = 1;
	page.rests_on = rests;
	page.n_rests_on = 2;
	page.complete = complete;
	page.next = next;
	cr_assert(pages_join(whole, &page.base, lists));
}

Test(tools_pages_join, lists_are_joined_and_the_rest_is_of_the_last_page)
{
	static const json_int_t want[] = {3, 7, 9};
	json_t *whole = NULL;

	join(&whole, "a", 9, true, 1);
	join(&whole, "b", 3, true, 2);
	join(&whole, "c", 9, true, 0);
	pages_joined(whole);
	cr_assert_eq(json_array_size(json_object_get(whole, "agents")), 3);
	cr_expect_str_eq(json_string_value(json_object_get(
			     json_array_get(json_object_get(whole, "agents"), 2), "iss")),
	    "c");
	cr_expect_eq(json_integer_value(json_object_get(whole, "next")), 0);
	cr_expect(json_is_true(json_object_get(whole, "complete")));
	cr_assert_eq(json_array_size(json_object_get(whole, "rests_on")), 3);
	for (size_t i = 0; i < 3; i++) {
		json_int_t got =
		    json_integer_value(json_array_get(json_object_get(whole, "rests_on"), i));

		cr_expect_eq(got, want[i]);
	}
	json_decref(whole);
}

Test(tools_pages_join, one_page_that_is_not_complete_makes_the_whole_so)
{
	json_t *whole = NULL;

	join(&whole, "a", 9, false, 1);
	join(&whole, "b", 3, true, 0);
	cr_expect(json_is_false(json_object_get(whole, "complete")));
	json_decref(whole);
}
