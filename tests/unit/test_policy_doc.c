/*
 * test_policy_doc.c - what a policy document says, what it leaves to the defaults, and what is asked of it.
 */
#include "unit/test_policy_doc_help.h"

TestSuite(policy_doc, .init = doc_set_up, .fini = doc_tear_down);

Test(policy_doc, no_text_is_the_defaults)
{
	const struct policy_doc *doc;

	cr_assert_eq(policy_doc_read(BYTES_NONE, &doc_arena, &doc, NULL), RC_OK);
	cr_assert_eq(doc, policy_doc_default());
	cr_assert_eq(doc->profile, PROFILE_NONE);
	cr_assert_null(doc->kinds);
	cr_assert_eq(doc->recovery.request_age_max_s, 86400);
	cr_assert_eq(doc->recovery.requesters, 15);
	cr_assert_eq(doc->circuit.window, 20);
	cr_assert_eq(doc->trust.model, MODEL_AIMD);
}

Test(policy_doc, an_empty_object_says_nothing_but_has_a_digest)
{
	const struct policy_doc *doc = doc_of("{}");
	struct hash h;

	hash_of(bytes_str("{}"), &h);
	cr_assert(hash_eq(&doc->digest, &h));
	cr_assert(bytes_is(doc->text, "{}"));
	cr_assert_eq(doc->profile, PROFILE_NONE);
	cr_assert_eq(doc->circuit.threshold_e6, 500000);
	cr_assert_eq(doc->rule_count, 0);
}

static const char whole[] =
    "{\"profile\":\"regulated\",\"roles\":{\"operator\":[\"spiffe://example.org/ops/*\"],"
    "\"payments-approver\":[\"spiffe://example.org/human/ann\"]},"
    "\"rules\":[{\"id\":\"r1\",\"when\":{\"field\":\"exec_act\",\"op\":\"eq\",\"value\":\"pay\"},"
    "\"role\":\"payments-approver\",\"escalate_to\":\"operator\",\"action\":\"escalate\","
    "\"timeout_s\":900,\"on_timeout\":\"proceed\"}],"
    "\"irreversible\":[\"pay\",\"mail.*\"],\"consequential\":[\"write\"],\"critical\":[],"
    "\"recovery\":{\"request_age_max_s\":60,\"requesters\":[\"human\",\"signer\"]},"
    "\"circuit\":{\"window\":10,\"minimum\":3,\"threshold\":0.25,\"wait_s\":0,\"probes\":2},"
    "\"trust\":{\"model\":\"wilson\",\"start\":0.4,\"add\":0.01,\"minor\":0.8,\"major\":0.4,"
    "\"violation\":0,\"half_life_s\":2592000,\"floor\":0.3},"
    "\"override\":{\"ack_s\":30},\"retention_s\":946080000}";

Test(policy_doc, every_member_is_read)
{
	const struct policy_doc *d = doc_of(whole);

	cr_assert_eq(d->profile, PROFILE_REGULATED);
	cr_assert_eq(d->role_count, 2);
	cr_assert_eq(d->rule_count, 1);
	cr_assert_str_eq(d->rules[0].id, "r1");
	cr_assert_str_eq(d->rules[0].role, "payments-approver");
	cr_assert_str_eq(d->rules[0].escalate_to, "operator");
	cr_assert_eq(d->rules[0].action, ACTION_ESCALATE);
	cr_assert_eq(d->rules[0].timeout_s, 900);
	cr_assert_eq(d->rules[0].on_timeout, TIMEOUT_PROCEED);
	cr_assert_eq(d->irreversible.count, 2);
	cr_assert_eq(d->consequential.count, 1);
	cr_assert_eq(d->critical.count, 0);
	cr_assert_eq(d->recovery.request_age_max_s, 60);
	cr_assert_eq(d->recovery.requesters, REQUESTER_HUMAN | REQUESTER_SIGNER);
	cr_assert_eq(d->circuit.window, 10);
	cr_assert_eq(d->circuit.minimum, 3);
	cr_assert_eq(d->circuit.threshold_e6, 250000);
	cr_assert_eq(d->circuit.wait_s, 0);
	cr_assert_eq(d->circuit.probes, 2);
	cr_assert_eq(d->trust.model, MODEL_WILSON);
	cr_assert_eq(d->trust.start_e6, 400000);
	cr_assert_eq(d->trust.add_e6, 10000);
	cr_assert_eq(d->trust.minor_e6, 800000);
	cr_assert_eq(d->trust.major_e6, 400000);
	cr_assert_eq(d->trust.violation_e6, 0);
	cr_assert_eq(d->trust.half_life_s, 2592000);
	cr_assert_eq(d->trust.floor_e6, 300000);
	cr_assert_eq(d->override.ack_s, 30);
	cr_assert_eq(d->retention_s, 946080000);
}

Test(policy_doc, the_text_that_was_read_may_go)
{
	char copy[sizeof(whole)];
	const struct policy_doc *d;

	memcpy(copy, whole, sizeof(whole));
	d = doc_of(copy);
	memset(copy, 'x', sizeof(copy));
	cr_assert(bytes_is(d->text, whole));
	cr_assert(policy_holds(d, "operator", bytes_str("spiffe://example.org/ops/bob")));
	cr_assert_str_eq(d->rules[0].id, "r1");
}

Test(policy_doc, what_is_not_json_is_refused_with_its_place)
{
	doc_refused("{", "byte 1");
	doc_refused("[]", "byte 0");
	doc_refused("{} ,", "byte 3");
	doc_refused("{\"profile\":\"relaxed\",\"profile\":\"relaxed\"}", "byte");
}

Test(policy_doc, members_that_nobody_knows_are_refused)
{
	doc_refused("{\"profle\":\"relaxed\"}", "no member \"profle\" is known");
	doc_refused("{\"circuit\":{\"windows\":3}}", "circuit: no member \"windows\"");
	doc_refused("{\"trust\":{\"e6\":3}}", "trust: no member");
	doc_refused("{\"recovery\":{\"x\":3}}", "recovery: no member");
	doc_refused("{\"override\":{\"x\":3}}", "override: no member");
	doc_refused("{\"recovery\":[]}", "recovery: wants an object");
}

Test(policy_doc, values_out_of_range_are_refused)
{
	doc_refused("{\"profile\":\"strict\"}", "profile: is none of");
	doc_refused("{\"profile\":\"none\"}", "profile: is none of");
	doc_refused("{\"profile\":1}", "profile: is none of");
	doc_refused("{\"retention_s\":-1}", "retention_s: wants a whole number from 0");
	doc_refused("{\"retention_s\":1.0}", "retention_s: wants a whole number");
	doc_refused("{\"retention_s\":3153600001}", "retention_s: wants");
	doc_refused(
	    "{\"recovery\":{\"request_age_max_s\":0}}", "recovery.request_age_max_s: wants");
	doc_refused(
	    "{\"recovery\":{\"requesters\":[\"root\",\"root\"]}}", "root stands there twice");
	doc_refused(
	    "{\"recovery\":{\"requesters\":[\"me\"]}}", "recovery.requesters: one is none of");
	doc_refused("{\"circuit\":{\"window\":0}}", "circuit.window: wants");
	doc_refused("{\"circuit\":{\"window\":10001}}", "circuit.window: wants");
	doc_refused("{\"circuit\":{\"window\":4}}", "circuit: minimum is more than window");
	doc_refused("{\"circuit\":{\"threshold\":0}}", "circuit.threshold: must be above 0");
	doc_refused("{\"circuit\":{\"threshold\":0.1234567}}", "circuit.threshold: wants a number");
	doc_refused("{\"circuit\":{\"wait_s\":\"5s\"}}", "circuit.wait_s: wants");
	doc_refused("{\"circuit\":{\"probes\":0}}", "circuit.probes: wants");
	doc_refused("{\"trust\":{\"model\":\"sl\"}}", "trust.model: is none of");
	doc_refused("{\"trust\":{\"start\":1.5}}", "trust.start: wants a number");
	doc_refused("{\"trust\":{\"start\":5e-1}}", "trust.start: wants a number");
	doc_refused("{\"trust\":{\"floor\":\"0.5\"}}", "trust.floor: wants a number");
	doc_refused("{\"kinds\":{}}", "kinds: wants an array");
}

Test(policy_doc, nobody_may_ask_when_the_list_is_empty)
{
	cr_assert_eq(doc_of("{\"recovery\":{\"requesters\":[]}}")->recovery.requesters, 0);
}

/* ---- lists of acts ---- */

Test(policy_doc, acts_are_exact_or_prefixes)
{
	const struct policy_doc *d = doc_of(whole);

	cr_assert(policy_act_in(&d->irreversible, bytes_str("pay")));
	cr_assert_not(policy_act_in(&d->irreversible, bytes_str("pay.now")));
	cr_assert_not(policy_act_in(&d->irreversible, bytes_str("pa")));
	cr_assert(policy_act_in(&d->irreversible, bytes_str("mail.send")));
	cr_assert(policy_act_in(&d->irreversible, bytes_str("mail.")));
	cr_assert_not(policy_act_in(&d->irreversible, bytes_str("mail")));
	cr_assert_not(policy_act_in(&d->critical, bytes_str("pay")));
	cr_assert_not(policy_act_in(&d->irreversible, BYTES_NONE));
}

Test(policy_doc, lists_of_acts_are_strict)
{
	doc_refused("{\"critical\":\"pay\"}", "critical: wants an array");
	doc_refused("{\"critical\":[1]}", "critical: [0] is not an exec_act");
	doc_refused("{\"critical\":[\"a\",\"\"]}", "critical: [1] is not an exec_act");
	doc_refused("{\"critical\":[\"a*b\"]}", "critical: [0] is not an exec_act");
	doc_refused("{\"critical\":[\"a\",\"b\",\"a\"]}", "critical: [2] stands there twice");
}

Test(policy_doc, a_list_has_64_acts_and_no_more)
{
	for (unsigned n = 64; n <= 65; n++) {
		struct buf b;

		buf_init(&b, 0);
		buf_add_str(&b, "{\"critical\":[");
		for (unsigned i = 0; i < n; i++)
			buf_addf(&b, "%s\"act%u\"", i > 0 ? "," : "", i);
		buf_add(&b, "]}", 3);
		if (n == 64)
			cr_assert_eq(doc_of((const char *)b.p)->critical.count, 64);
		else
			doc_refused((const char *)b.p, "critical: has more than 64");
		buf_release(&b);
	}
}

/* ---- the strictest rule ---- */

#define RULE(id, action, act)                                                                      \
	"{\"id\":\"" id "\",\"role\":\"r\",\"action\":\"" action                                   \
	"\",\"when\":{\"field\":\"exec_act\",\"op\":\"prefix\",\"value\":\"" act "\"}}"

Test(policy_doc, the_strictest_rule_guards_then_the_first)
{
	const struct policy_doc *d = doc_of("{\"roles\":{\"r\":[]},\"rules\":[" RULE("p1", "pause",
	    "x") "," RULE("p2", "pause", "x") "," RULE("e1", "escalate", "xy") "," RULE("a1",
	    "abort", "xyz") "," RULE("e2", "escalate", "x9") "," RULE("a2", "abort", "xyz") "]}");
	static const struct {
		const char *act, *id;
		size_t number;
	} table[] = {
	    {"x", "p1", 0}, {"xy", "e1", 2}, {"xyz", "a1", 3}, {"x9", "e2", 4}, {"y", NULL, 0}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct claim c = doc_task(table[i].act, NULL);
		size_t number = 99;
		const struct policy_rule *rule = policy_guard(d, &c, &number);

		if (table[i].id == NULL) {
			cr_assert_null(rule);
			continue;
		}
		cr_assert_not_null(rule);
		cr_assert_str_eq(rule->id, table[i].id);
		cr_assert_eq(number, table[i].number);
	}
}

Test(policy_doc, records_of_deciding_are_never_guarded)
{
	static const char *const acts[] = {
	    "hitl_request", "hitl_decision", "override", "override_ack", "override_release"};
	const struct policy_doc *d = doc_of(doc_with("{\"field\":\"exec_act\",\"op\":\"exists\"}"));
	size_t number;
	struct claim c;

	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		c = doc_task(acts[i], NULL);
		cr_assert_null(policy_guard(d, &c, &number), "%s", acts[i]);
	}
	for (size_t i = 0; i < kind_count(); i++) {
		const char *name = kind_at(i)->name;
		bool record = false;

		for (size_t k = 0; k < sizeof(acts) / sizeof(acts[0]); k++)
			record |= strcmp(name, acts[k]) == 0;
		c = doc_task(name, NULL);
		cr_expect_eq(policy_guard(d, &c, &number) == NULL, record, "%s", name);
	}
	c = doc_task("anything", NULL);
	cr_assert_not_null(policy_guard(d, &c, &number));
	cr_assert_null(policy_guard(policy_doc_default(), &c, &number));
}

Test(policy_doc, profiles_have_names)
{
	for (int p = PROFILE_RELAXED; p <= PROFILE_REGULATED; p++) {
		enum policy_profile back;

		cr_assert(policy_profile_read(
		    bytes_str(policy_profile_text((enum policy_profile)p)), &back));
		cr_assert_eq((int)back, p);
	}
}

Test(policy_doc, memory_that_runs_out_is_told)
{
	for (size_t max = 0; max < 4096; max += 64) {
		const struct policy_doc *doc;
		struct arena small;
		enum rc rc;

		arena_init(&small, max);
		rc = policy_doc_read(bytes_str(whole), &small, &doc, NULL);
		cr_assert(rc == RC_NO_MEMORY || rc == RC_OK, "%zu: %s", max, rc_label(rc));
		cr_assert((rc == RC_OK) == (doc != policy_doc_default()));
		arena_release(&small);
	}
}
