/*
 * test_policy_approval.c - does a guarded task rest on an approval that holds?
 *
 * A small world of tasks: pay is guarded by rule "r1", cfo approves for the role "approver", and ceo for
 * "chief", to whom "r2" escalates.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "policy/approval.h"

#define TASKS_MAX 4000
#define T0	  INT64_C(1000000)
#define HASH_1	  "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"

static const char policy[] =
    "{\"roles\":{\"approver\":[\"urn:cfo\",\"urn:agent\",\"urn:asker\"],\"chief\":[\"urn:ceo\"]},\"rules\":["
    "{\"id\":\"r1\",\"when\":{\"field\":\"exec_act\",\"op\":\"eq\",\"value\":\"pay\"},\"role\":\"approver\",\"action\":\"pause\"},"
    "{\"id\":\"r2\",\"when\":{\"field\":\"exec_act\",\"op\":\"eq\",\"value\":\"ship\"},\"role\":\"approver\",\"escalate_to\":\"chief\","
    "\"action\":\"pause\",\"timeout_s\":60,\"on_timeout\":\"escalate\"},"
    "{\"id\":\"r3\",\"when\":{\"field\":\"exec_act\",\"op\":\"eq\",\"value\":\"warn\"},\"role\":\"approver\","
    "\"action\":\"pause\",\"timeout_s\":60,\"on_timeout\":\"proceed\"}]}";

static struct arena arena;
static const struct policy_doc *doc;
static struct approval_task tasks[TASKS_MAX];
static size_t count, reads;
static int64_t now;

static const struct policy_doc *
read_policy(const char *text)
{
	const struct policy_doc *d = NULL;
	struct why why = {0};

	cr_assert_eq(policy_doc_read(bytes_str(text), &arena, &d, &why), RC_OK, "%s", why.text);
	return d;
}

static void
up(void)
{
	arena_init(&arena, 64 << 20);
	doc = read_policy(policy);
	count = reads = 0;
	now = T0;
}

static void
down(void)
{
	arena_release(&arena);
}

TestSuite(policy_approval, .init = up, .fini = down);

/* A task that comes now, a second after the one before; made, not put. */
static struct approval_task
task(const char *iss, const char *act, const char *ext, size_t n, const uint64_t *parents)
{
	static const struct json_limits limits = {8192, 8, 256};
	struct approval_task t = {.index = count, .iss = bytes_str(iss), .iat = now, .time_ms = now * 1000, .doc = doc};
	struct claim claim = {.iss = t.iss, .act = bytes_str(act)};
	struct json_node *root = NULL;
	uint64_t *mine = arena_alloc(&arena, (n + 1) * sizeof(*mine));
	size_t number;

	now++;
	if (ext != NULL)
		cr_assert_eq(json_parse(bytes_str(ext), &limits, true, &arena, &root, NULL), RC_OK, "%s", ext);
	t.ext = claim.ext_json = root;
	t.kind = claim.kind = kinds_of(doc->kinds, claim.act);
	if (n > 0)
		memcpy(mine, parents, n * sizeof(*mine));
	t.parents = mine;
	t.parent_count = n;
	t.guard = policy_guard(doc, &claim, &number);
	return t;
}

static uint64_t
put(const struct approval_task *t)
{
	cr_assert_lt(count, TASKS_MAX);
	tasks[count] = *t;
	tasks[count].index = count;
	return count++;
}

#define PARENTS(...) sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), (uint64_t[]){__VA_ARGS__}

static uint64_t
add(const char *iss, const char *act, const char *ext, size_t n, const uint64_t *parents)
{
	struct approval_task t = task(iss, act, ext, n, parents);

	return put(&t);
}

static enum rc
look(void *ctx, uint64_t index, enum approval_slot slot, struct approval_task *out)
{
	(void)ctx, (void)slot;
	cr_assert_lt(index, count);
	reads++;
	*out = tasks[index];
	return RC_OK;
}

static enum rc
look_children(void *ctx, uint64_t index, uint64_t *out, size_t room, size_t *n)
{
	(void)ctx;
	*n = 0;
	for (size_t i = index + 1; i < count && *n < room; i++)
		for (size_t p = 0; p < tasks[i].parent_count && *n < room; p++)
			if (tasks[i].parents[p] == index) {
				out[(*n)++] = i;
				break;
			}
	return RC_OK;
}

static const struct approval_lookup lookup = {.task = look, .children = look_children};

/* The task is let in and put, or refused for this reason. */
static void
expect_task(struct approval_task t, const char *wrong, int line)
{
	struct why why = {0};
	enum rc rc;

	reads = 0;
	cr_assert_not_null(t.guard);
	rc = approval_check(&t, &lookup, &why);
	cr_expect_eq(rc, wrong == NULL ? RC_OK : RC_APPROVAL_MISSING, "line %d: %s", line, why.text);
	cr_expect(wrong == NULL || strstr(why.text, wrong) != NULL, "line %d: %s", line, why.text);
	cr_expect(wrong == NULL || strstr(why.text, t.guard->id) != NULL, "line %d: %s", line, why.text);
	cr_expect_leq(reads, APPROVAL_READS_MAX);
	if (rc == RC_OK)
		put(&t);
}
#define EXPECT(t, wrong) expect_task(t, wrong, __LINE__)
#define OK	  NULL
#define APPROVED  "{\"decision\":\"approved\"}"
#define ASK(rule) add("urn:asker", "hitl_request", "{\"rule_id\":\"" rule "\"}", PARENTS(first()))
#define DECIDE(who, what, request) add(who, "hitl_decision", "{\"decision\":\"" what "\"}", PARENTS(request))
#define PAY(...)  task("urn:payer", "pay", NULL, PARENTS(__VA_ARGS__))

static uint64_t
first(void)
{
	return count > 0 ? 0 : add("urn:asker", "plan", NULL, 0, NULL);
}

Test(policy_approval, an_approval_by_the_role_lets_the_task_in)
{
	uint64_t d = DECIDE("urn:cfo", "approved", ASK("r1"));

	EXPECT(PAY(d), OK);
}

Test(policy_approval, without_anything_that_decides_it_is_missing)
{
	uint64_t r = ASK("r1");

	EXPECT(PAY(first()), "approval_missing");
	EXPECT(task("urn:payer", "pay", NULL, 0, NULL), "approval_missing");
	EXPECT(PAY(r), "although_requested");
	DECIDE("urn:cfo", "approved", r);
	EXPECT(PAY(first()), "approval_missing"); /* it must rest on the decision itself */
	EXPECT(PAY(r), "approval_missing");
}

Test(policy_approval, a_decision_rests_on_its_request)
{
	ASK("r1");
	EXPECT(PAY(DECIDE("urn:cfo", "approved", first())), "not_on_request");
	EXPECT(PAY(add("urn:cfo", "hitl_decision", APPROVED, 0, NULL)), "not_on_request");
}

Test(policy_approval, the_first_request_among_its_predecessors_is_the_one)
{
	uint64_t other = ASK("r2"), mine = ASK("r1");

	EXPECT(PAY(add("urn:cfo", "hitl_decision", APPROVED, PARENTS(first(), other, mine))), "other_rule");
	EXPECT(PAY(add("urn:cfo", "hitl_decision", APPROVED, PARENTS(first(), mine, other))), OK);
}

Test(policy_approval, the_request_names_this_rule)
{
	EXPECT(PAY(DECIDE("urn:cfo", "approved", ASK("r2"))), "other_rule");
	EXPECT(PAY(DECIDE("urn:cfo", "approved", add("urn:asker", "hitl_request", NULL, PARENTS(first())))), "other_rule");
	EXPECT(PAY(DECIDE("urn:cfo", "approved", add("urn:asker", "hitl_request", "{\"rule_id\":7}", PARENTS(first())))),
	    "other_rule");
}

Test(policy_approval, the_rule_was_one_when_it_was_asked_for)
{
	const struct policy_doc *with = doc;
	uint64_t d;

	doc = read_policy("{\"roles\":{\"approver\":[\"urn:cfo\"]}}");
	d = DECIDE("urn:cfo", "approved", ASK("r1"));
	doc = with;
	EXPECT(PAY(d), "unknown_rule");
}

Test(policy_approval, nobody_approves_what_he_asked_for)
{
	EXPECT(PAY(DECIDE("urn:asker", "approved", ASK("r1"))), "self_approval");
}

Test(policy_approval, nobody_approves_what_he_does)
{
	uint64_t d = DECIDE("urn:agent", "approved", ASK("r1"));

	EXPECT(task("urn:agent", "pay", NULL, PARENTS(d)), "approves_own_task");
	EXPECT(PAY(d), OK);
}

Test(policy_approval, who_approves_holds_the_role_when_he_does)
{
	const struct policy_doc *with = doc, *without = read_policy(
	    "{\"rules\":[{\"id\":\"r1\",\"when\":{\"field\":\"exec_act\",\"op\":\"eq\",\"value\":\"pay\"},"
	    "\"role\":\"approver\",\"action\":\"pause\"}],\"roles\":{\"approver\":[\"urn:other\"]}}");
	uint64_t r = ASK("r1"), d;

	EXPECT(PAY(DECIDE("urn:stranger", "approved", r)), "role_not_held");
	EXPECT(PAY(DECIDE("urn:ceo", "approved", r)), "role_not_held");
	doc = without;
	EXPECT(PAY(DECIDE("urn:cfo", "approved", r)), "role_not_held");
	doc = with;
	d = DECIDE("urn:cfo", "approved", r);
	doc = without; /* what he was later does not matter */
	EXPECT(PAY(d), OK);
}

Test(policy_approval, denied_escalated_and_unknown_decisions_let_nothing_in)
{
	uint64_t r = ASK("r1");

	EXPECT(PAY(add("urn:cfo", "hitl_decision", "{\"decision\":\"perhaps\"}", PARENTS(r))), "unknown_decision");
	EXPECT(PAY(add("urn:cfo", "hitl_decision", NULL, PARENTS(r))), "unknown_decision");
	EXPECT(PAY(DECIDE("urn:cfo", "escalated", r)), "although_escalated");
	EXPECT(PAY(DECIDE("urn:cfo", "denied", r)), "although_denied");
	EXPECT(PAY(DECIDE("urn:cfo", "approved", r)), "after_final");
}

Test(policy_approval, a_withdrawn_request_cannot_be_approved)
{
	uint64_t r = ASK("r1");

	DECIDE("urn:stranger", "withdrawn", r); /* not his */
	DECIDE("urn:asker", "withdrawn", r);
	EXPECT(PAY(DECIDE("urn:cfo", "approved", r)), "after_final");
}

Test(policy_approval, a_revoked_approval_lets_nothing_in)
{
	static const char *const who[] = {"urn:cfo", "urn:asker", "urn:agent"};

	for (size_t i = 0; i < 3; i++) {
		uint64_t r = ASK("r1"), d = DECIDE("urn:cfo", "approved", r);

		DECIDE(who[i], "revoked", r);
		EXPECT(PAY(d), "although_revoked");
	}
	{
		uint64_t r = ASK("r1"), d = DECIDE("urn:cfo", "approved", r);

		DECIDE("urn:stranger", "revoked", r);
		DECIDE("urn:ceo", "revoked", r);
		EXPECT(PAY(d), OK);
		DECIDE("urn:cfo", "revoked", r); /* too late for what was done */
		EXPECT(PAY(d), "used_twice");
	}
}

Test(policy_approval, after_the_deadline_it_is_late_by_either_clock)
{
	struct approval_task t;
	uint64_t r = add("urn:asker", "hitl_request", "{\"rule_id\":\"r1\",\"deadline\":1000010}", PARENTS(first()));

	t = task("urn:cfo", "hitl_decision", APPROVED, PARENTS(r));
	t.iat = 1000010;
	EXPECT(PAY(put(&t)), OK); /* the deadline itself is in time */
	r = add("urn:asker", "hitl_request", "{\"rule_id\":\"r1\",\"deadline\":1000010}", PARENTS(first()));
	t = task("urn:cfo", "hitl_decision", APPROVED, PARENTS(r));
	t.iat = 1000011;
	EXPECT(PAY(put(&t)), "late");
	now = 1000011;
	t = task("urn:cfo", "hitl_decision", APPROVED, PARENTS(r));
	t.iat = 1000005;
	EXPECT(PAY(put(&t)), "late"); /* received too late */
}

Test(policy_approval, who_asks_does_not_shorten_the_time_after_which_things_go_on)
{
	uint64_t r = add("urn:asker", "hitl_request", "{\"rule_id\":\"r3\",\"deadline\":1}", PARENTS(first()));

	EXPECT(task("urn:payer", "warn", NULL, PARENTS(r)), "although_requested");
	r = add("urn:asker", "hitl_request", "{\"rule_id\":\"r2\",\"deadline\":1000001}", PARENTS(first()));
	EXPECT(task("urn:payer", "ship", NULL, PARENTS(DECIDE("urn:ceo", "approved", r))),
	    "role_not_held"); /* nor make it another's to decide */
	EXPECT(task("urn:payer", "ship", NULL, PARENTS(DECIDE("urn:cfo", "approved", r))), OK);
}

Test(policy_approval, what_was_approved_in_time_may_be_done_later)
{
	uint64_t r = add("urn:asker", "hitl_request", "{\"rule_id\":\"r1\",\"deadline\":1000010}", PARENTS(first()));
	uint64_t d = DECIDE("urn:cfo", "approved", r);

	now = 2000000;
	EXPECT(PAY(d), OK);
}

Test(policy_approval, one_approval_guards_one_task_unless_the_request_says_more)
{
	uint64_t d = DECIDE("urn:cfo", "approved", ASK("r1")), r;

	EXPECT(PAY(d), OK);
	EXPECT(PAY(d), "used_twice");
	r = add("urn:asker", "hitl_request", "{\"rule_id\":\"r1\",\"uses\":2}", PARENTS(first()));
	d = DECIDE("urn:cfo", "approved", r);
	add("urn:payer", "report", NULL, PARENTS(d));  /* not guarded: no use */
	add("urn:payer", "ship", NULL, PARENTS(d));    /* of another rule */
	add("urn:cfo", "pay", NULL, PARENTS(d));       /* his own: not guarded by it */
	EXPECT(PAY(d), OK);
	EXPECT(PAY(d), OK);
	EXPECT(PAY(d), "used_twice");
}

Test(policy_approval, another_approval_beside_a_bad_one_is_enough)
{
	uint64_t bad = DECIDE("urn:asker", "approved", ASK("r1")), good = DECIDE("urn:cfo", "approved", ASK("r1"));

	EXPECT(PAY(bad, good), OK);
	EXPECT(PAY(bad, good), "used_twice");
}

Test(policy_approval, what_was_shown_is_what_was_asked)
{
	static const char shown[] = "{\"decision\":\"approved\",\"shown_hash\":\"" HASH_1 "\"}";
	struct approval_task t = task("urn:asker", "hitl_request", "{\"rule_id\":\"r1\"}", PARENTS(first()));
	uint64_t r = ASK("r1");

	EXPECT(PAY(add("urn:cfo", "hitl_decision", shown, PARENTS(r))), "shown_hash_mismatch");
	t.inp_hash = (struct claim_hash){.alg = CLAIM_SHA256, .size = 32};
	memset(t.inp_hash.b, 2, 32);
	r = put(&t);
	EXPECT(PAY(add("urn:cfo", "hitl_decision", shown, PARENTS(r))), "shown_hash_mismatch");
	memset(t.inp_hash.b, 1, 32);
	r = put(&t);
	EXPECT(PAY(add("urn:cfo", "hitl_decision", shown, PARENTS(r))), OK);
}

Test(policy_approval, an_escalation_goes_to_another_role)
{
	uint64_t r = ASK("r2");

	DECIDE("urn:cfo", "escalated", r);
	EXPECT(task("urn:payer", "ship", NULL, PARENTS(DECIDE("urn:cfo", "approved", r))), "role_not_held");
	EXPECT(task("urn:payer", "ship", NULL, PARENTS(DECIDE("urn:ceo", "approved", r))), OK);
}

Test(policy_approval, a_time_out_escalates_once_and_then_ends)
{
	uint64_t r = ASK("r2");

	now += 60;
	EXPECT(task("urn:payer", "ship", NULL, PARENTS(DECIDE("urn:cfo", "approved", r))), "role_not_held");
	EXPECT(task("urn:payer", "ship", NULL, PARENTS(DECIDE("urn:ceo", "approved", r))), OK);
	r = ASK("r2");
	now += 120;
	EXPECT(task("urn:payer", "ship", NULL, PARENTS(DECIDE("urn:ceo", "approved", r))), "late");
}

Test(policy_approval, a_rule_can_let_go_on_when_nobody_answers)
{
	uint64_t r = ASK("r3");

	EXPECT(task("urn:payer", "warn", NULL, PARENTS(r)), "although_requested");
	now += 60;
	EXPECT(task("urn:payer", "warn", NULL, PARENTS(r)), OK);
	r = ASK("r3");
	DECIDE("urn:cfo", "denied", r);
	now += 60;
	EXPECT(task("urn:payer", "warn", NULL, PARENTS(r)), "although_denied");
}

Test(policy_approval, a_request_that_only_notifies_cannot_be_approved)
{
	uint64_t r = add("urn:asker", "hitl_request", "{\"rule_id\":\"r1\",\"kind\":\"notify\"}", PARENTS(first()));

	EXPECT(PAY(DECIDE("urn:cfo", "approved", r)), "after_final");
}

Test(policy_approval, what_is_looked_at_has_a_bound_and_then_it_is_refused)
{
	uint64_t r = ASK("r1"), d = DECIDE("urn:cfo", "approved", r);

	for (size_t i = 0; i < APPROVAL_READS_MAX - 100; i++)
		add("urn:noise", "noise", NULL, PARENTS(r));
	EXPECT(PAY(d), OK);
	for (size_t i = 0; i < 100; i++)
		add("urn:noise", "noise", NULL, PARENTS(r));
	EXPECT(PAY(d), "more successors");
	EXPECT(PAY(r), "more successors");
	d = DECIDE("urn:cfo", "approved", r = ASK("r1"));
	for (size_t i = 0; i < APPROVAL_READS_MAX; i++)
		add("urn:noise", "noise", NULL, PARENTS(d));
	EXPECT(PAY(d), "more successors");
	EXPECT(PAY(DECIDE("urn:cfo", "approved", ASK("r1"))), OK); /* a fresh one */
}

static enum rc
broken(void *ctx, uint64_t index, enum approval_slot slot, struct approval_task *out)
{
	return --*(int *)ctx < 0 ? RC_CORRUPT : look(NULL, index, slot, out);
}

Test(policy_approval, a_damaged_entry_ends_the_question_wherever_it_is_met)
{
	struct approval_task t = PAY(DECIDE("urn:cfo", "approved", ASK("r1")));
	bool met = true;

	for (int n = 0; met; n++) {
		int left = n;
		struct approval_lookup l = {.task = broken, .children = look_children, .ctx = &left};
		enum rc rc = approval_check(&t, &l, NULL);

		met = left < 0;
		cr_expect_eq(rc, met ? RC_CORRUPT : RC_OK, "%d", n);
	}
}
