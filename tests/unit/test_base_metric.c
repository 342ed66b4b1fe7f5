/* test_base_metric.c - counters. */
#include <criterion/criterion.h>
#include <signal.h>

#include "base/metric.h"

Test(base_metric, counters_add_gauges_are_set_and_both_are_listed)
{
	struct metrics *m = metrics_new(2);
	struct metric *c = metrics_add(m, "ectledger_a_total", NULL, "a");
	struct metric *g = metrics_add(m, "ectledger_b", "x=\"y\"", "b");

	metric_add(c, 2);
	metric_add(c, 3);
	metric_set(g, 9);
	metric_set(g, 4);
	cr_assert_eq(metrics_count(m), 2u);
	cr_assert_eq(metrics_at(m, 0), c);
	cr_assert_eq(atomic_load(&metrics_at(m, 0)->value), 5u);
	cr_assert_eq(atomic_load(&metrics_at(m, 1)->value), 4u);
	metrics_free(m);
}

Test(base_metric, no_counter_is_fine)
{
	metric_add(NULL, 1);
	metric_set(NULL, 1);
	metrics_free(NULL);
}

Test(base_metric, more_counters_than_the_registry_was_made_for_are_a_bug, .signal = SIGABRT)
{
	struct metrics *m = metrics_new(1);

	(void)metrics_add(m, "a", NULL, "a");
	(void)metrics_add(m, "b", NULL, "b");
}
