/*
 * test_policy_doc_rules.c - roles and rules of a policy document: who holds what, and what is refused.
 */
#include "unit/test_policy_doc_help.h"

TestSuite(policy_doc_rules, .init = doc_set_up, .fini = doc_tear_down);

Test(policy_doc_rules, a_role_is_held_by_whom_its_patterns_mean)
{
	const struct policy_doc *d = doc_of("{\"roles\":{\"op\":[\"spiffe://example.org/ops/*\","
					    "\"spiffe://other.org/bob\"],\"none\":[]}}");

	cr_assert(policy_holds(d, "op", bytes_str("spiffe://example.org/ops/ann")));
	cr_assert(policy_holds(d, "op", bytes_str("spiffe://other.org/bob")));
	cr_assert_not(policy_holds(d, "op", bytes_str("spiffe://example.org/ops/")));
	cr_assert_not(policy_holds(d, "op", bytes_str("spiffe://example.org/opsx/ann")));
	cr_assert_not(policy_holds(d, "op", bytes_str("spiffe://other.org/bobby")));
	cr_assert_not(policy_holds(d, "none", bytes_str("spiffe://example.org/ops/ann")));
	cr_assert_not(policy_holds(d, "unheard", bytes_str("spiffe://example.org/ops/ann")));
	cr_assert_not(
	    policy_holds(policy_doc_default(), "op", bytes_str("spiffe://other.org/bob")));
}

Test(policy_doc_rules, roles_are_strict)
{
	doc_refused("{\"roles\":[]}", "roles: wants an object");
	doc_refused("{\"roles\":{\"\":[]}}", "roles: a role's name");
	doc_refused("{\"roles\":{\"a b\":[]}}", "roles: a role's name");
	doc_refused("{\"roles\":{\"a\":\"spiffe://e.org/a\"}}", "roles.a: wants an array");
	doc_refused("{\"roles\":{\"a\":[\"*\"]}}", "roles.a: [0] is not a URI");
	doc_refused("{\"roles\":{\"a\":[\"spiffe://*\"]}}", "roles.a: [0] is not a URI");
	doc_refused("{\"roles\":{\"a\":[\"ann\"]}}", "roles.a: [0] is not a URI");
	doc_refused("{\"roles\":{\"a\":[\"spiffe://e.org/a\",\"spiffe://e.org/a\"]}}",
	    "[1] stands there twice");
	doc_refused("{\"roles\":{\"a\":[7]}}", "roles.a: [0] is not a URI");
}

#define WHEN "{\"field\":\"iss\",\"op\":\"exists\"}"

/* One rule of these members. */
static void
refused(const char *members, const char *says)
{
	doc_refused(
	    arena_printf(&doc_arena, "{\"roles\":{\"r\":[]},\"rules\":[{%s}]}", members), says);
}

Test(policy_doc_rules, rules_are_strict)
{
	doc_refused("{\"rules\":{}}", "rules: wants an array");
	doc_refused("{\"rules\":[7]}", "rules[0]: wants an object");
	refused("\"id\":\"a\",\"role\":\"r\",\"action\":\"pause\"", "rules[0]: when is missing");
	refused("\"id\":\"a\",\"when\":" WHEN ",\"action\":\"pause\"", "rules[0]: role is missing");
	refused("\"id\":\"a\",\"when\":" WHEN ",\"role\":\"r\"", "rules[0]: action is none of");
	refused("\"when\":" WHEN ",\"role\":\"r\",\"action\":\"pause\"", "rules[0]: id wants");
	refused("\"id\":\"\",\"when\":" WHEN ",\"role\":\"r\",\"action\":\"pause\"",
	    "rules[0]: id wants");
	refused("\"id\":\"a b\",\"when\":" WHEN ",\"role\":\"r\",\"action\":\"pause\"", "id wants");
	refused("\"id\":\"a\",\"when\":" WHEN ",\"role\":\"q\",\"action\":\"pause\"",
	    "rules[0].role: is no role");
	refused("\"id\":\"a\",\"when\":" WHEN ",\"role\":7,\"action\":\"pause\"",
	    "rules[0].role: is no role");
	refused("\"id\":\"a\",\"when\":" WHEN
		",\"role\":\"r\",\"escalate_to\":\"q\",\"action\":\"pause\"",
	    "rules[0].escalate_to: is no role");
	refused("\"id\":\"a\",\"when\":" WHEN ",\"role\":\"r\",\"action\":\"stop\"",
	    "action is none of");
	refused("\"id\":\"a\",\"when\":" WHEN
		",\"role\":\"r\",\"action\":\"pause\",\"on_timeout\":\"wait\"",
	    "on_timeout is none of");
	refused("\"id\":\"a\",\"when\":" WHEN
		",\"role\":\"r\",\"action\":\"pause\",\"timeout_s\":0",
	    "timeout_s wants");
	refused("\"id\":\"a\",\"when\":" WHEN
		",\"role\":\"r\",\"action\":\"pause\",\"timeout_s\":1.5",
	    "timeout_s wants");
	refused("\"id\":\"a\",\"when\":" WHEN ",\"role\":\"r\",\"action\":\"pause\",\"timeout\":5",
	    "no member \"timeout\"");
}

Test(policy_doc_rules, two_rules_of_one_id_are_refused)
{
	doc_refused("{\"roles\":{\"r\":[]},\"rules\":[{\"id\":\"a\",\"when\":" WHEN
		    ",\"role\":\"r\",\"action\":\"pause\"},{\"id\":\"a\",\"when\":" WHEN
		    ",\"role\":\"r\",\"action\":\"abort\"}]}",
	    "rules[1]: another rule has this id");
}

Test(policy_doc_rules, what_a_rule_leaves_out_has_a_default)
{
	const struct policy_doc *d = doc_of(doc_with(WHEN));

	cr_assert_eq(d->rules[0].timeout_s, 0);
	cr_assert_eq(d->rules[0].on_timeout, TIMEOUT_ABORT);
	cr_assert_null(d->rules[0].escalate_to);
}

Test(policy_doc_rules, roles_may_stand_behind_the_rules_that_name_them)
{
	(void)doc_of("{\"rules\":[{\"id\":\"a\",\"when\":" WHEN
		     ",\"role\":\"r\",\"action\":\"pause\"}],\"roles\":{\"r\":[]}}");
}

/* So many roles, members of one, or rules. */
static const char *
many(const char *head, const char *format, unsigned n, const char *tail)
{
	struct bytes text;
	struct buf b;
	char one[160];

	buf_init(&b, 0);
	buf_add_str(&b, head);
	for (unsigned i = 0; i < n; i++) {
		const char *at = strchr(format, '#');

		(void)snprintf(one, sizeof(one), "%.*s%u%s", (int)(at - format), format, i, at + 1);
		buf_addf(&b, "%s%s", i > 0 ? "," : "", one);
	}
	buf_add_str(&b, tail);
	buf_add(&b, "", 1);
	cr_assert(arena_dup(&doc_arena, buf_bytes(&b), &text));
	buf_release(&b);
	return (const char *)text.p;
}

Test(policy_doc_rules, numbers_are_bounded)
{
	static const char rule[] =
	    "{\"id\":\"g#\",\"when\":" WHEN ",\"role\":\"r\",\"action\":\"pause\"}";

	(void)doc_of(many("{\"roles\":{", "\"r#\":[]", 64, "}}"));
	doc_refused(many("{\"roles\":{", "\"r#\":[]", 65, "}}"), "more than 64 roles");
	(void)doc_of(many("{\"roles\":{\"r\":[", "\"spiffe://e.org/#\"", 256, "]}}"));
	doc_refused(
	    many("{\"roles\":{\"r\":[", "\"spiffe://e.org/#\"", 257, "]}}"), "more than 256");
	cr_assert_eq(
	    doc_of(many("{\"roles\":{\"r\":[]},\"rules\":[", rule, 64, "]}"))->rule_count, 64);
	doc_refused(
	    many("{\"roles\":{\"r\":[]},\"rules\":[", rule, 65, "]}"), "more than 64 rules");
}
