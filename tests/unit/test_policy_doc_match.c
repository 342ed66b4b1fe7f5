/*
 * test_policy_doc_match.c - which tasks meet a condition: every operator on every type of value.
 */
#include "unit/test_policy_doc_help.h"

TestSuite(policy_doc_match, .init = doc_set_up, .fini = doc_tear_down);

static bool
holds(const char *when, const struct claim *c)
{
	size_t number;

	return policy_guard(doc_of(doc_with(when)), c, &number) != NULL;
}

static void
yes(const char *when, const char *ext)
{
	struct claim c = doc_task("pay", ext);

	cr_assert(holds(when, &c), "%s of %s", when, ext);
}

static void
no(const char *when, const char *ext)
{
	struct claim c = doc_task("pay", ext);

	cr_assert_not(holds(when, &c), "%s of %s", when, ext);
}

#define LEAF(field, op, value) "{\"field\":\"" field "\",\"op\":\"" op "\",\"value\":" value "}"
#define EXISTS(field)	       "{\"field\":\"" field "\",\"op\":\"exists\"}"

Test(policy_doc_match, eq_wants_the_same_type_and_value)
{
	yes(LEAF("ext.x", "eq", "\"a\""), "{\"x\":\"a\"}");
	no(LEAF("ext.x", "eq", "\"a\""), "{\"x\":\"A\"}");
	yes(LEAF("ext.x", "eq", "1000"), "{\"x\":1e3}");
	no(LEAF("ext.x", "eq", "1000"), "{\"x\":\"1000\"}");
	no(LEAF("ext.x", "eq", "\"1000\""), "{\"x\":1000}");
	yes(LEAF("ext.x", "eq", "true"), "{\"x\":true}");
	no(LEAF("ext.x", "eq", "true"), "{\"x\":false}");
	yes(LEAF("ext.x", "eq", "false"), "{\"x\":false}");
	no(LEAF("ext.x", "eq", "\"a\""), "{\"x\":null}");
	no(LEAF("ext.x", "eq", "\"a\""), "{\"x\":[\"a\"]}");
	no(LEAF("ext.x", "eq", "\"a\""), "{\"y\":\"a\"}");
	no(LEAF("ext.x", "eq", "\"a\""), NULL);
	yes(LEAF("ext.x", "eq", "\"\""), "{\"x\":\"\"}");
}

Test(policy_doc_match, ne_is_all_that_eq_is_not_and_true_of_what_is_missing)
{
	no(LEAF("ext.x", "ne", "\"a\""), "{\"x\":\"a\"}");
	yes(LEAF("ext.x", "ne", "\"a\""), "{\"x\":\"b\"}");
	yes(LEAF("ext.x", "ne", "\"1\""), "{\"x\":1}");
	yes(LEAF("ext.x", "ne", "\"a\""), "{}");
	yes(LEAF("ext.x", "ne", "\"a\""), NULL);
	no(LEAF("ext.x", "ne", "1.0"), "{\"x\":1}");
}

Test(policy_doc_match, in_is_eq_with_one_of_them)
{
	yes(LEAF("ext.x", "in", "[\"a\",2,true]"), "{\"x\":2.0}");
	yes(LEAF("ext.x", "in", "[\"a\",2,true]"), "{\"x\":\"a\"}");
	yes(LEAF("ext.x", "in", "[\"a\",2,true]"), "{\"x\":true}");
	no(LEAF("ext.x", "in", "[\"a\",2,true]"), "{\"x\":\"2\"}");
	no(LEAF("ext.x", "in", "[\"a\",2,true]"), "{}");
	yes(LEAF("exec_act", "in", "[\"refund\",\"pay\"]"), NULL);
	no(LEAF("exec_act", "in", "[\"refund\",\"payment\"]"), NULL);
}

Test(policy_doc_match, order_is_of_numbers_exactly)
{
	yes(LEAF("ext.x", "gt", "1000"), "{\"x\":1000.00000000000000000000001}");
	no(LEAF("ext.x", "gt", "1000"), "{\"x\":1000.0}");
	yes(LEAF("ext.x", "ge", "1000"), "{\"x\":1000.0}");
	no(LEAF("ext.x", "ge", "1000"), "{\"x\":999.99999999999999999999999}");
	yes(LEAF("ext.x", "lt", "0"), "{\"x\":-1e-400}");
	no(LEAF("ext.x", "lt", "0"), "{\"x\":-0.0}");
	yes(LEAF("ext.x", "le", "0"), "{\"x\":-0.0}");
	no(LEAF("ext.x", "le", "9007199254740992"), "{\"x\":9007199254740993}");
}

Test(policy_doc_match, order_is_false_of_what_is_no_number_or_missing)
{
	static const char *const ops[] = {"gt", "ge", "lt", "le"};

	for (size_t i = 0; i < 4; i++) {
		const char *when = arena_printf(
		    &doc_arena, "{\"field\":\"ext.x\",\"op\":\"%s\",\"value\":5}", ops[i]);

		no(when, "{\"x\":\"7\"}");
		no(when, "{\"x\":true}");
		no(when, "{\"x\":null}");
		no(when, "{\"x\":[7]}");
		no(when, "{}");
		no(when, NULL);
	}
}

Test(policy_doc_match, prefix_is_of_bytes)
{
	yes(LEAF("ext.x", "prefix", "\"ab\""), "{\"x\":\"abc\"}");
	yes(LEAF("ext.x", "prefix", "\"ab\""), "{\"x\":\"ab\"}");
	no(LEAF("ext.x", "prefix", "\"ab\""), "{\"x\":\"a\"}");
	no(LEAF("ext.x", "prefix", "\"ab\""), "{\"x\":\"xab\"}");
	no(LEAF("ext.x", "prefix", "\"1\""), "{\"x\":12}");
	no(LEAF("ext.x", "prefix", "\"ab\""), "{}");
	yes(LEAF("iss", "prefix", "\"spiffe://example.org/\""), NULL);
}

Test(policy_doc_match, exists_is_of_any_type)
{
	static const char *const there[] = {"{\"x\":null}", "{\"x\":0}", "{\"x\":\"\"}",
	    "{\"x\":false}", "{\"x\":{}}", "{\"x\":[]}"};

	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++)
		yes(EXISTS("ext.x"), there[i]);
	no(EXISTS("ext.x"), "{\"X\":1}");
	no(EXISTS("ext.x"), NULL);
}

Test(policy_doc_match, not_turns_missing_into_true)
{
	yes("{\"not\":" LEAF("ext.x", "gt", "5") "}", NULL);
	yes("{\"not\":" LEAF("ext.x", "gt", "5") "}", "{\"x\":\"7\"}");
	no("{\"not\":" LEAF("ext.x", "gt", "5") "}", "{\"x\":7}");
	yes("{\"not\":{\"not\":" LEAF("ext.x", "gt", "5") "}}", "{\"x\":7}");
}

#define A EXISTS("ext.a")
#define B EXISTS("ext.b")

Test(policy_doc_match, all_any_and_not_are_those_of_logic)
{
	static const char *const tasks[] = {"{}", "{\"a\":1}", "{\"b\":1}", "{\"a\":1,\"b\":1}"};
	static const struct {
		const char *when;
		const char *is; /* for each task */
	} table[] = {
	    {"{\"all\":[" A "," B "]}", "0001"},
	    {"{\"any\":[" A "," B "]}", "0111"},
	    {"{\"all\":[" A "]}", "0101"},
	    {"{\"any\":[" B "]}", "0011"},
	    {"{\"not\":{\"any\":[" A "," B "]}}", "1000"},
	    {"{\"not\":{\"all\":[" A "," B "]}}", "1110"},
	    {"{\"any\":[{\"all\":[" A ",{\"not\":" B "}]},{\"all\":[" B ",{\"not\":" A "}]}]}",
		"0110"},
	    {"{\"all\":[{\"any\":[" A "," B "]},{\"not\":{\"all\":[" A "," B "]}}]}", "0110"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (size_t t = 0; t < 4; t++) {
			struct claim c = doc_task("pay", tasks[t]);

			cr_assert_eq(holds(table[i].when, &c), table[i].is[t] == '1', "%s of %s",
			    table[i].when, tasks[t]);
		}
}

Test(policy_doc_match, fields_of_the_task)
{
	struct claim c = doc_task("checkpoint", NULL);

	cr_assert(holds(LEAF("exec_act", "eq", "\"checkpoint\""), &c));
	cr_assert(holds(LEAF("kind", "eq", "\"checkpoint\""), &c));
	cr_assert_not(holds(LEAF("kind", "eq", "\"task\""), &c));
	cr_assert(holds(LEAF("iss", "eq", "\"spiffe://example.org/agent/a\""), &c));
	cr_assert(holds(LEAF("trust_domain", "eq", "\"example.org\""), &c));
	/* an id is the same in either case */
	cr_assert(holds(LEAF("wid", "eq", "\"ABABABAB-abab-abab-abab-abababababab\""), &c));
	cr_assert(holds(LEAF("wid", "prefix", "\"abab\""), &c));
	cr_assert(holds(EXISTS("wid"), &c));
	c.has_wid = false;
	cr_assert_not(holds(EXISTS("wid"), &c));
	cr_assert(holds(LEAF("wid", "ne", "\"abababab-abab-abab-abab-abababababab\""), &c));
	c.trust_domain = BYTES_NONE;
	cr_assert_not(holds(EXISTS("trust_domain"), &c));
}

Test(policy_doc_match, a_member_is_found_by_its_whole_name_then_inside_an_object)
{
	yes(LEAF("ext.a.b", "eq", "1"), "{\"a.b\":1}");
	yes(LEAF("ext.a.b", "eq", "1"), "{\"a\":{\"b\":1}}");
	yes(LEAF("ext.a.b", "eq", "1"), "{\"a\":{\"b\":2},\"a.b\":1}");
	yes(LEAF("ext.a.b.c", "eq", "1"), "{\"a.b\":{\"c\":1}}");
	yes(LEAF("ext.a.b.c", "eq", "1"), "{\"a\":{\"b.c\":1}}");
	yes(LEAF("ext.a.b.c", "eq", "1"), "{\"a\":{\"b.c\":1},\"a.b\":{\"c\":2}}");
	no(LEAF("ext.a.b.c", "eq", "1"), "{\"a\":{\"b\":{\"c\":1}}}");
	no(EXISTS("ext.a.b"), "{\"a\":[1]}");
	no(EXISTS("ext.a.b"), "{\"a\":\"b\"}");
}

Test(policy_doc_match, a_kind_that_the_document_renames_is_found_by_its_own_name)
{
	size_t number;
	struct claim c = doc_task("transfer", NULL);
	const struct policy_doc *doc = doc_of(
	    "{\"rules\":[{\"id\":\"g\",\"role\":\"r\",\"action\":\"abort\",\"when\":" LEAF("kind",
		"eq", "\"money\"") "}],\"roles\":{\"r\":[]},"
				   "\"kinds\":[{\"name\":\"money\",\"act\":[\"transfer\"]}]}");

	cr_assert_not_null(policy_guard(doc, &c, &number));
	c = doc_task("pay", NULL);
	cr_assert_null(policy_guard(doc, &c, &number));
}
