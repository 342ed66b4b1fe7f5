/* test_base_rc.c - the one error list and the filling of a refusal. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/rc.h"

Test(base_rc, every_code_has_a_label_a_text_and_both_statuses)
{
	for (uint32_t wire = 0; wire < RC_COUNT; wire++) {
		enum rc rc = rc_from_wire(wire);

		cr_assert_eq((uint32_t)rc, wire, "wire codes have no holes in this version");
		cr_assert_gt(strlen(rc_label(rc)), 0u);
		cr_assert_gt(strlen(rc_text(rc)), 0u);
		cr_assert(rc_grpc(rc) >= 0 && rc_grpc(rc) <= 16);
		cr_assert(rc_http(rc) >= 200 && rc_http(rc) < 600);
	}
}

Test(base_rc, labels_are_unique)
{
	for (uint32_t a = 0; a < RC_COUNT; a++)
		for (uint32_t b = a + 1; b < RC_COUNT; b++)
			cr_assert_str_neq(rc_label((enum rc)a), rc_label((enum rc)b));
}

Test(base_rc, an_unknown_wire_code_is_still_a_no)
{
	cr_assert_eq(rc_from_wire(RC_COUNT), RC_INTERNAL);
	cr_assert_eq(rc_from_wire(UINT32_MAX), RC_INTERNAL);
	cr_assert_eq(rc_from_wire(0), RC_OK);
}

Test(base_rc, the_table_is_the_one_in_errors_def)
{
	cr_assert_str_eq(rc_label(RC_BAD_TOKEN), "bad_token");
	cr_assert_eq(rc_grpc(RC_UNKNOWN_PARENT), 9);
	cr_assert_eq(rc_http(RC_OVER_QUOTA), 429);
	cr_assert(rc_retry(RC_BUSY));
	cr_assert_not(rc_retry(RC_BAD_SIGNATURE));
}

Test(base_rc, a_refusal_names_rule_claim_place_and_is_cut_to_fit)
{
	struct why why;
	char text[400];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cr_assert_eq(why_set(&why, RC_BAD_CLAIM, "a rule", "iat", 7, "%s", text), RC_BAD_CLAIM);
	cr_assert_str_eq(why.rule, "a rule");
	cr_assert_str_eq(why.claim, "iat");
	cr_assert_eq(why.at, 7u);
	cr_assert_eq(strlen(why.text), sizeof(why.text) - 1);
}

Test(base_rc, a_refusal_without_a_why_only_gives_the_code)
{
	cr_assert_eq(why_set(NULL, RC_IO, "r", NULL, 0, "x"), RC_IO);
}

Test(base_rc, a_rule_is_never_missing_after_a_refusal)
{
	struct why why = {.rule = NULL};

	(void)why_set(&why, RC_IO, NULL, NULL, 0, "x");
	cr_assert_str_eq(why.rule, "io");
}
