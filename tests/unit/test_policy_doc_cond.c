/*
 * test_policy_doc_cond.c - conditions that are none are refused, with their place.
 */
#include "unit/test_policy_doc_help.h"

TestSuite(policy_doc_cond, .init = doc_set_up, .fini = doc_tear_down);

static void
refused(const char *when, const char *says)
{
	doc_refused(doc_with(when), says);
}

Test(policy_doc_cond, what_is_no_condition_is_refused)
{
	refused("true", "rules[0].when: is no condition");
	refused("[]", "rules[0].when: is no condition");
	refused("{}", "rules[0].when.field: wants a string");
	refused("{\"field\":\"iss\",\"op\":\"eq\",\"value\":\"a\",\"flags\":1}", "nothing else");
	refused("{\"all\":[],\"any\":[]}", "rules[0].when.all: stands alone");
	refused("{\"all\":[]}", "rules[0].when.all: wants an array");
	refused("{\"any\":{}}", "rules[0].when.any: wants an array");
	refused("{\"not\":[]}", "rules[0].when.not: is no condition");
}

Test(policy_doc_cond, fields_and_operators_are_those_of_the_page)
{
	refused("{\"field\":\"jti\",\"op\":\"exists\"}", ".field: is none of");
	refused("{\"field\":\"ext\",\"op\":\"exists\"}", ".field: is none of");
	refused("{\"field\":\"ext.\",\"op\":\"exists\"}", ".field: is none of");
	refused("{\"field\":7,\"op\":\"exists\"}", ".field: wants a string");
	refused("{\"field\":\"iss\"}", ".op: wants a string");
	refused("{\"field\":\"iss\",\"op\":\"matches\",\"value\":\"a\"}", ".op: is none of");
	refused("{\"field\":\"iss\",\"op\":\"all\",\"value\":\"a\"}", ".op: is none of");
}

Test(policy_doc_cond, values_fit_operator_and_field)
{
	refused("{\"field\":\"iss\",\"op\":\"exists\",\"value\":true}", ".value: does not belong");
	refused("{\"field\":\"iss\",\"op\":\"eq\"}", ".value: is missing");
	refused(
	    "{\"field\":\"iss\",\"op\":\"eq\",\"value\":7}", ".value: wants a string: the field");
	refused("{\"field\":\"iss\",\"op\":\"gt\",\"value\":7}", ".op: compares numbers");
	refused("{\"field\":\"ext.x\",\"op\":\"gt\",\"value\":\"7\"}", ".value: wants a number");
	refused("{\"field\":\"ext.x\",\"op\":\"eq\",\"value\":null}",
	    ".value: wants a string, a number");
	refused("{\"field\":\"ext.x\",\"op\":\"eq\",\"value\":[1]}",
	    ".value: wants a string, a number");
	refused("{\"field\":\"ext.x\",\"op\":\"in\",\"value\":1}", ".value: wants an array");
	refused("{\"field\":\"ext.x\",\"op\":\"in\",\"value\":[]}", ".value: wants an array");
	refused("{\"field\":\"ext.x\",\"op\":\"in\",\"value\":[[1]]}",
	    ".value: wants a string, a number");
	refused("{\"field\":\"ext.x\",\"op\":\"prefix\",\"value\":\"\"}", ".value: wants a string");
	refused(
	    "{\"field\":\"ext.x\",\"op\":\"gt\",\"value\":1e99999}", ".value: is a number of too");
	refused("{\"field\":\"wid\",\"op\":\"eq\",\"value\":\"w\"}", ".value: is no UUID");
	refused("{\"field\":\"kind\",\"op\":\"in\",\"value\":[\"task\",\"tusk\"]}",
	    ".value: is no kind");
}

Test(policy_doc_cond, a_refusal_names_the_place)
{
	refused(
	    "{\"all\":[{\"field\":\"iss\",\"op\":\"exists\"},{\"not\":{\"any\":[{\"field\":\"iss\","
	    "\"op\":\"eq\"}]}}]}",
	    "rules[0].when.all[1].not.any[0].value: is missing");
}

/* 'depth' levels, the innermost a comparison. */
static const char *
nested(unsigned depth)
{
	struct buf b;
	struct bytes text;

	buf_init(&b, 0);
	for (unsigned i = 1; i < depth; i++)
		buf_add_str(&b, i % 2 ? "{\"not\":" : "{\"all\":[");
	buf_add_str(&b, "{\"field\":\"iss\",\"op\":\"exists\"}");
	for (unsigned i = depth - 1; i > 0; i--)
		buf_add_str(&b, i % 2 ? "}" : "]}");
	buf_add(&b, "", 1);
	cr_assert(arena_dup(&doc_arena, buf_bytes(&b), &text));
	buf_release(&b);
	return (const char *)text.p;
}

Test(policy_doc_cond, eight_levels_and_no_more)
{
	(void)doc_of(doc_with(nested(8)));
	refused(nested(9), "nested deeper than 8");
}

/* A document of 'rules' rules with 'leaves' + 1 conditions each. */
static const char *
wide(unsigned rules, unsigned leaves)
{
	struct buf b;
	struct bytes text;

	buf_init(&b, 0);
	buf_add_str(&b, "{\"roles\":{\"r\":[]},\"rules\":[");
	for (unsigned i = 0; i < rules; i++) {
		buf_addf(&b,
		    "%s{\"id\":\"g%u\",\"role\":\"r\",\"action\":\"pause\",\"when\":{\"any\":[",
		    i > 0 ? "," : "", i);
		for (unsigned k = 0; k < leaves; k++)
			buf_addf(&b, "%s{\"field\":\"ext.x\",\"op\":\"eq\",\"value\":%u}",
			    k > 0 ? "," : "", k);
		buf_add_str(&b, "]}}");
	}
	buf_add(&b, "]}", 3);
	cr_assert(arena_dup(&doc_arena, buf_bytes(&b), &text));
	buf_release(&b);
	return (const char *)text.p;
}

Test(policy_doc_cond, a_document_has_256_conditions_and_no_more)
{
	struct claim c = doc_task("pay", "{\"x\":126}");
	size_t number;

	cr_assert_not_null(policy_guard(doc_of(wide(2, 127)), &c, &number));
	cr_assert_eq(number, 0);
	doc_refused(wide(1, 256), "more than 256 conditions");
	doc_refused(wide(2, 128), "more than 256 conditions");
}
