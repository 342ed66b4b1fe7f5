/*
 * test_policy_quota.c - buckets: what is taken, what is owed, when to come again; and their table.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "policy/quota.h"

#define S INT64_C(1000000)

static uint64_t retry;
static enum quota_measure measure;

static enum rc
take(struct quota_bucket *b, const struct quota_rates *rates, uint64_t tokens, uint64_t bytes,
    uint64_t verifies, int64_t now)
{
	struct quota_ask ask = {{tokens, bytes, verifies}};
	struct why why = {0};
	enum rc rc = quota_take(b, rates, &ask, now, &measure, &retry, &why);

	if (rc != RC_OK)
		cr_expect(why.rule != NULL && why.text[0] != '\0' && retry > 0);
	else
		cr_expect_eq(retry, 0);
	return rc;
}

Test(policy_quota, no_rate_is_no_limit)
{
	struct quota_rates none = {{0}};
	struct quota_bucket b = {0};

	for (int i = 0; i < 100; i++)
		cr_expect_eq(take(&b, &none, UINT32_MAX, UINT32_MAX, UINT32_MAX, 5), RC_OK);
}

Test(policy_quota, a_new_bucket_holds_one_second_and_fills_with_time)
{
	struct quota_rates r = {{10, 0, 0}};
	struct quota_bucket b = {0};

	for (int i = 0; i < 10; i++)
		cr_expect_eq(take(&b, &r, 1, 0, 0, 7 * S), RC_OK);
	cr_expect_eq(take(&b, &r, 1, 0, 0, 7 * S), RC_OVER_QUOTA);
	cr_expect_eq(take(&b, &r, 1, 0, 0, 7 * S + S / 20), RC_OVER_QUOTA);
	cr_expect_eq(take(&b, &r, 1, 0, 0, 7 * S + S / 10), RC_OK);
	cr_expect_eq(take(&b, &r, 10, 0, 0, 60 * S), RC_OK, "never more than one second's worth");
	cr_expect_eq(take(&b, &r, 1, 0, 0, 60 * S), RC_OVER_QUOTA);
}

Test(policy_quota, whoever_waits_as_told_gets_it)
{
	struct quota_rates r = {{7, 1000, 3}};
	struct quota_bucket b = {0};
	int64_t now = 123456;

	/* Also for rates that divide nothing, again and again. */
	for (int i = 0; i < 2000; i++) {
		enum rc rc = take(&b, &r, (uint64_t)(i % 4) + 1, (uint64_t)(i % 900), 1, now);

		if (rc == RC_OK)
			continue;
		now += (int64_t)retry * 1000;
		cr_assert_eq(take(&b, &r, (uint64_t)(i % 4) + 1, (uint64_t)(i % 900), 1, now),
		    RC_OK, "step %d", i);
	}
	cr_assert_gt(now, 100 * S, "and it did take its time");
}

Test(policy_quota, a_refusal_takes_nothing_of_any_measure)
{
	struct quota_rates r = {{10, 100, 10}};
	struct quota_bucket b = {0};

	cr_expect_eq(take(&b, &r, 1, 95, 1, 0), RC_OK);
	for (int i = 0; i < 5; i++) {
		cr_expect_eq(take(&b, &r, 1, 50, 1, 0), RC_OVER_QUOTA);
		cr_expect_eq(measure, QUOTA_BYTES);
	}
	cr_expect_eq(take(&b, &r, 9, 5, 9, 0), RC_OK);
}

Test(policy_quota, the_measure_that_takes_longest_is_named)
{
	struct quota_rates r = {{10, 1000, 2}};
	struct quota_bucket b = {0};

	take(&b, &r, 10, 1000, 2, 0);
	cr_expect_eq(take(&b, &r, 1, 1, 1, 0), RC_OVER_QUOTA);
	cr_expect_eq(measure, QUOTA_VERIFIES);
	cr_expect(retry >= 500 && retry <= 502, "%llu", (unsigned long long)retry);
	cr_expect_str_eq(quota_measure_name(measure), "verifies");
}

Test(policy_quota, more_than_a_second_goes_on_credit_when_the_bucket_is_full)
{
	struct quota_rates r = {{10, 0, 0}};
	struct quota_bucket b = {0};

	cr_expect_eq(take(&b, &r, 30, 0, 0, 0), RC_OK);
	cr_expect_eq(take(&b, &r, 30, 0, 0, S), RC_OVER_QUOTA);
	cr_expect(retry >= 2000 && retry <= 2002, "two seconds of debt, one to be full");
	cr_expect_eq(take(&b, &r, 1, 0, 0, 2 * S), RC_OVER_QUOTA);
	cr_expect_eq(take(&b, &r, 30, 0, 0, 3 * S + 1000), RC_OK);
}

Test(policy_quota, debt_is_bounded)
{
	struct quota_rates r = {{10, 0, 10}};
	struct quota_ask much = {{0, 0, 1000000}};
	struct quota_bucket b = {0};

	for (int i = 0; i < 100; i++)
		quota_charge(&b, &r, &much, 0);
	cr_expect_eq(take(&b, &r, 0, 0, 1, QUOTA_DEBT_S * S), RC_OVER_QUOTA);
	cr_expect_eq(take(&b, &r, 0, 0, 1, QUOTA_DEBT_S * S + S), RC_OK);
	cr_expect_eq(take(&b, &r, 1, 0, 0, 0), RC_OK, "other measures owe nothing");
}

Test(policy_quota, failed_checks_are_paid_by_what_comes_next)
{
	struct quota_rates r = {{0, 0, 100}};
	struct quota_ask nine = {{0, 0, 9}};
	struct quota_bucket b = {0};
	int good = 0;

	for (int i = 0; i < 100; i++)
		if (take(&b, &r, 0, 0, 1, 0) == RC_OK) {
			quota_charge(&b, &r, &nine, 0);
			good++;
		}
	cr_expect_eq(good, 10, "ten times the price: a tenth of them");
}

Test(policy_quota, what_is_given_back_can_be_taken_again_and_no_more)
{
	struct quota_rates r = {{5, 0, 0}};
	struct quota_ask five = {{5, 0, 0}};
	struct quota_bucket b = {0};

	cr_expect_eq(take(&b, &r, 5, 0, 0, 0), RC_OK);
	quota_give(&b, &r, &five);
	quota_give(&b, &r, &five);
	cr_expect_eq(take(&b, &r, 5, 0, 0, 0), RC_OK);
	cr_expect_eq(take(&b, &r, 1, 0, 0, 0), RC_OVER_QUOTA);
}

Test(policy_quota, a_clock_that_stands_or_goes_back_gives_nothing)
{
	struct quota_rates r = {{5, 0, 0}};
	struct quota_bucket b = {0};

	take(&b, &r, 5, 0, 0, 10 * S);
	cr_expect_eq(take(&b, &r, 1, 0, 0, 9 * S), RC_OVER_QUOTA);
	cr_expect_eq(take(&b, &r, 1, 0, 0, 10 * S), RC_OVER_QUOTA);
}

Test(policy_quota, clients_have_buckets_of_their_own)
{
	struct quota_clients *c = quota_clients_new(4);
	struct quota_rates r = {{1, 0, 0}};

	for (uint64_t i = 0; i < 4; i++)
		cr_expect_eq(take(quota_clients_bucket(c, i * 4), &r, 1, 0, 0, 0), RC_OK);
	for (uint64_t i = 0; i < 4; i++)
		cr_expect_eq(take(quota_clients_bucket(c, i * 4), &r, 1, 0, 0, 0), RC_OVER_QUOTA,
		    "also those that share a chain");
	cr_expect_eq(quota_clients_count(c), 4);
	quota_clients_free(c);
	quota_clients_free(NULL);
}

Test(policy_quota, a_full_table_forgets_the_client_unseen_for_longest)
{
	struct quota_clients *c = quota_clients_new(3);
	struct quota_rates r = {{1, 0, 0}};

	for (uint64_t i = 1; i <= 3; i++)
		take(quota_clients_bucket(c, i), &r, 1, 0, 0, 0);
	(void)quota_clients_bucket(c, 1); /* seen again */
	take(quota_clients_bucket(c, 4), &r, 1, 0, 0, 0);
	cr_expect_eq(quota_clients_count(c), 3);
	cr_expect_eq(take(quota_clients_bucket(c, 1), &r, 1, 0, 0, 0), RC_OVER_QUOTA);
	cr_expect_eq(take(quota_clients_bucket(c, 3), &r, 1, 0, 0, 0), RC_OVER_QUOTA);
	cr_expect_eq(take(quota_clients_bucket(c, 4), &r, 1, 0, 0, 0), RC_OVER_QUOTA);
	cr_expect_eq(take(quota_clients_bucket(c, 2), &r, 1, 0, 0, 0), RC_OK, "2 was forgotten");
	quota_clients_free(c);
}

Test(policy_quota, many_clients_keep_their_buckets_apart)
{
	enum { CLIENTS = 5000 };
	struct quota_clients *c = quota_clients_new(CLIENTS);
	struct quota_rates r = {{3, 0, 0}};
	unsigned taken[CLIENTS] = {0};

	srand(7);
	for (int i = 0; i < 100000; i++) {
		unsigned n = (unsigned)rand() % CLIENTS;

		taken[n] += take(quota_clients_bucket(c, n * UINT64_C(0x9e3779b97f4a7c15)), &r, 1,
				0, 0, 0) == RC_OK;
	}
	for (int i = 0; i < CLIENTS; i++)
		cr_assert_leq(taken[i], 3);
	quota_clients_free(c);
}
