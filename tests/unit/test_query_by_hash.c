/* test_query_by_hash.c - tasks by what went in or came out: the whole hash decides, within the budget. */
#include "test_query_help.h"

static struct help h;

TestSuite(query_by_hash, .timeout = 120);

#define HASH_A "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ" /* SHA-256 of "hello" */

static void
sha_of_hello(struct claim_hash *out)
{
	struct hash x;

	hash_of(bytes_str("hello"), &x);
	*out = (struct claim_hash){.alg = CLAIM_SHA256, .size = 32};
	memcpy(out->b, x.b, 32);
}

Test(query_by_hash, tasks_are_found_by_input_or_output_hash_and_checked_whole)
{
	struct budget budget;
	struct claim_hash hello;
	struct query_view *v;
	bool complete;
	uint64_t *found;
	size_t count;

	sha_of_hello(&hello);
	help_open(&h);
	help_begin(&h);
	(void)help_add(
	    &h, &(struct task){.more = ",\"out_hash\":\"" HASH_A "\"", .hash = (char *)hello.b});
	(void)help_add(
	    &h, &(struct task){.hash = (char *)hello.b}); /* the same 16 bytes, another hash */
	(void)help_add(
	    &h, &(struct task){.more = ",\"inp_hash\":\"" HASH_A "\"", .hash = (char *)hello.b});
	help_commit(&h);
	budget = help_budget(&h);
	v = help_view(&h, 0);
	cr_assert_eq(query_by_hash(v, &hello, &budget, &found, &count, &complete, &h.why), RC_OK);
	cr_assert(complete && count == 2 && found[0] == 0 && found[1] == 2);
	budget.nodes_max = 2;
	cr_assert_eq(query_by_hash(v, &hello, &budget, &found, &count, &complete, &h.why), RC_OK);
	cr_assert(!complete && count == 1);
	query_view_end(v);
	v = help_view(&h, 2);
	budget.nodes_max = 100;
	cr_assert_eq(query_by_hash(v, &hello, &budget, &found, &count, &complete, &h.why), RC_OK);
	cr_assert(complete && count == 1);
	hello.b[31] ^= 1;
	cr_assert_eq(query_by_hash(v, &hello, &budget, &found, &count, &complete, &h.why), RC_OK);
	cr_assert(complete && count == 0);
	query_view_end(v);
	help_close(&h);
}
