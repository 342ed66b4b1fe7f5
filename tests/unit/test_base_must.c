/* test_base_must.c - a broken assertion ends the process in every build. */
#include <criterion/criterion.h>
#include <signal.h>

#include "base/must.h"

Test(base_must, a_broken_condition_aborts, .signal = SIGABRT)
{
	must(1 + 1 == 3);
}

Test(base_must, a_true_condition_is_evaluated_once)
{
	int n = 0;

	must(++n == 1);
	cr_assert_eq(n, 1);
}
