/*
 * test_claim_kind.c - the table of kinds and what a row asks for.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "claim/kind.h"

static enum rc
check(const char *kind, size_t pred_count, const char *ext, struct why *why)
{
	static const struct json_limits limits = {8192, 8, 256};
	const struct kind *k = kind_named(kind);
	struct json_node *root = NULL;
	static const uint8_t pred[100][UUID_SIZE];
	struct arena arena;
	enum rc rc;

	cr_assert_not_null(k, "%s", kind);
	arena_init(&arena, 1 << 20);
	if (ext != NULL)
		cr_assert_eq(json_parse(bytes_str(ext), &limits, true, &arena, &root, NULL), RC_OK,
		    "%s", ext);
	rc = kind_check(k, &(struct kind_task){.pred = pred, .pred_count = pred_count, .ext = root}, why);
	arena_release(&arena);
	return rc;
}

Test(claim_kind, what_no_row_names_is_a_plain_task)
{
	static const char *const acts[] = {
	    "review_spec", "", "task", "Failure", "failures", "failur", "failure ", "checkpoint\n"};

	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		cr_expect_str_eq(kind_of(bytes_str(acts[i]))->name, "task", "%s", acts[i]);
	cr_expect_eq(kind_of(BYTES_NONE), kind_at(0));
	cr_expect_null(kind_at(0)->acts[0]);
}

Test(claim_kind, every_row_is_found_by_its_act_and_by_its_name)
{
	cr_assert_eq(kind_count(), 21);
	for (size_t i = 1; i < kind_count(); i++) {
		const struct kind *kind = kind_at(i);

		cr_expect_eq(kind_of(bytes_str(kind->acts[0])), kind, "%s", kind->name);
		cr_expect_eq(kind_named(kind->name), kind, "%s", kind->name);
	}
	cr_expect_eq(kind_named("task"), kind_at(0));
	cr_expect_null(kind_named("nothing"));
}

Test(claim_kind, keys_of_a_row_are_named_once)
{
	for (size_t i = 0; i < kind_count(); i++) {
		for (const struct kind_key *a = kind_at(i)->keys; a->name != NULL; a++)
			for (const struct kind_key *b = a + 1; b->name != NULL; b++)
				cr_expect_str_neq(a->name, b->name, "%s", kind_at(i)->name);
	}
}

Test(claim_kind, a_plain_task_takes_anything)
{
	cr_expect_eq(check("task", 0, NULL, NULL), RC_OK);
	cr_expect_eq(check("task", 100, "{\"decision\":7,\"x\":[null]}", NULL), RC_OK);
}

Test(claim_kind, wants_the_predecessors_of_its_row)
{
	struct why why = {0};

	cr_expect_eq(check("failure", 1, NULL, NULL), RC_OK);
	cr_expect_eq(check("failure", 2, NULL, NULL), RC_OK);
	cr_expect_eq(check("failure", 0, NULL, &why), RC_BAD_KIND);
	cr_expect_str_eq(why.rule, "failure");
	cr_expect_str_eq(why.claim, "pred");
	cr_expect_eq(check("lifecycle", 0, "{\"event\":\"drain\"}", NULL), RC_OK);
}

Test(claim_kind, wants_the_required_keys_and_no_others)
{
	struct why why = {0};

	cr_expect_eq(check("hitl_decision", 1, "{\"decision\":\"approved\"}", NULL), RC_OK);
	cr_expect_eq(check("hitl_decision", 1, "{\"role\":\"x\"}", &why), RC_BAD_KIND);
	cr_expect_str_eq(why.claim, "decision");
	cr_expect_eq(check("hitl_decision", 1, NULL, NULL), RC_BAD_KIND);
	cr_expect_eq(check("checkpoint", 1, NULL, NULL), RC_OK);
	cr_expect_eq(check("checkpoint", 1, "{}", NULL), RC_OK);
}

Test(claim_kind, types_the_keys_it_knows_and_ignores_the_rest)
{
	static const struct {
		const char *kind, *ext;
		enum rc rc;
	} rows[] = {
	    {"checkpoint", "{\"reversible\":true,\"ttl_s\":60,\"state_hash\":\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\"}", RC_OK},
	    {"checkpoint", "{\"com.example.x\":[{}],\"ttl\":\"no\"}", RC_OK},
	    {"checkpoint", "{\"reversible\":false}", RC_OK},
	    {"checkpoint", "{\"reversible\":\"true\"}", RC_BAD_KIND},
	    {"checkpoint", "{\"reversible\":null}", RC_BAD_KIND},
	    {"checkpoint", "{\"ttl_s\":1.5}", RC_BAD_KIND},
	    {"checkpoint", "{\"ttl_s\":1e2}", RC_BAD_KIND},
	    {"checkpoint", "{\"ttl_s\":1E2}", RC_BAD_KIND},
	    {"checkpoint", "{\"ttl_s\":-5}", RC_OK},
	    {"checkpoint", "{\"ttl_s\":\"60\"}", RC_BAD_KIND},
	    {"checkpoint", "{\"state_hash\":7}", RC_BAD_KIND},
	    {"rollback_result", "{\"outcome\":\"success\",\"done\":[]}", RC_OK},
	    {"rollback_result", "{\"outcome\":\"success\",\"done\":\"x\"}", RC_BAD_KIND},
	    {"trust_assertion", "{\"subject\":\"urn:x\",\"score\":0.5}", RC_OK},
	    {"trust_assertion", "{\"subject\":\"urn:x\",\"score\":1}", RC_OK},
	    {"trust_assertion", "{\"subject\":\"urn:x\",\"score\":\"1\"}", RC_BAD_KIND},
	    {"explanation", "{\"vac\":{\"vac_id\":\"x\"}}", RC_OK},
	    {"explanation", "{\"vac\":[]}", RC_BAD_KIND},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct why why = {0};

		cr_expect_eq(check(rows[i].kind, 1, rows[i].ext, &why), rows[i].rc, "%s %s: %s",
		    rows[i].kind, rows[i].ext, why.text);
	}
}

/* ---- every row of kinds.def: what it takes and what it refuses, made from the row itself ---- */

#define PRED "00000000-0000-4000-8000-000000000001"
#define ID_2 "00000000-0000-4000-8000-000000000002"

/* A new type without a line here fails: nothing good could be made for it. */
static const struct {
	enum kind_ext_type type;
	const char *good[5], *bad[9]; /* each ended by NULL */
} samples[] = {
    {KIND_STRING, {"\"\"", "\"x\""}, {"7", "true", "null", "[]", "{}"}},
    {KIND_INT, {"0", "-5", "1900000000"}, {"1.5", "1.0", "1e3", "\"1\"", "true", "null", "[1]"}},
    {KIND_BOOL, {"true", "false"}, {"\"true\"", "0", "1", "null", "[]", "{}"}},
    {KIND_NUMBER, {"0", "-1.5", "1e-3"}, {"\"1\"", "true", "null", "[1]", "{}"}},
    {KIND_SCORE, {"0", "1", "0.25", "1.000"}, {"1.1", "-0.5", "2", "1e-1", "0.5e0", "\"0.5\"", "null"}},
    {KIND_UUID, {"\"" PRED "\"", "\"" ID_2 "\""}, {"\"x\"", "\"\"", "7", "null", "[\"" PRED "\"]"}},
    {KIND_UUIDS, {"[]", "[\"" ID_2 "\"]", "[\"" PRED "\",\"" ID_2 "\"]"},
	{"\"" PRED "\"", "[7]", "[\"x\"]", "[\"" ID_2 "\",\"" ID_2 "\"]", "{}", "null"}},
    {KIND_PRED, {"\"" PRED "\""}, {"\"" ID_2 "\"", "\"x\"", "7", "null", "[\"" PRED "\"]"}},
    {KIND_URI, {"\"spiffe://example.com/a\"", "\"https://example.com/a\""}, {"\"\"", "\"x\"", "7", "null", "[]"}},
    {KIND_HASH, {"\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\""},
	{"\"\"", "\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuF\"", "\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=\"",
	    "\"AAAA\"", "7", "null"}},
    {KIND_ARRAY, {"[]", "[1,{}]"}, {"{}", "\"x\"", "7", "true", "null"}},
    {KIND_OBJECT, {"{}", "{\"a\":1}"}, {"[]", "\"x\"", "7", "true", "null"}},
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static size_t
sample(enum kind_ext_type type)
{
	size_t i = 0;

	while (i < SAMPLES && samples[i].type != type)
		i++;
	cr_assert_lt(i, SAMPLES, "no sample of type %d", (int)type);
	return i;
}

/* A good value of a key; of the n-th of its list. */
static void
good_value(const struct kind_key *key, unsigned n, char *out, size_t room)
{
	const char *at = key->values;

	if (at == NULL) {
		snprintf(out, room, "%s", samples[sample(key->type)].good[0]);
		return;
	}
	while (n-- > 1)
		at += strcspn(at, "|") + 1;
	snprintf(out, room, "\"%.*s\"", (int)strcspn(at, "|"), at);
}

/* Judge a row with what it requires, but 'key' (NULL: none) has 'value' (NULL: it is left out). */
static enum rc
judge_row(const struct kind *k, size_t preds, bool parents_known, uint64_t parents,
    const struct kind_key *key, const char *value, struct why *why)
{
	static const struct json_limits limits = {8192, 8, 256};
	uint8_t pred[100][UUID_SIZE] = {{0}};
	struct kind_task task = {.pred = (const uint8_t(*)[UUID_SIZE])pred,
	    .pred_count = preds,
	    .parents_known = parents_known,
	    .parents = parents};
	struct json_node *root = NULL;
	struct arena arena;
	struct buf text;
	enum rc rc;

	cr_assert(uuid_parse(bytes_str(PRED), pred[0]));
	arena_init(&arena, 1 << 20);
	buf_init(&text, 8192);
	buf_add_str(&text, "{\"other\":null");
	for (const struct kind_key *at = k->keys; at->name != NULL; at++) {
		char mine[128];

		if (at == key ? value == NULL : !at->required)
			continue;
		good_value(at, 1, mine, sizeof(mine));
		buf_addf(&text, ",\"%s\":%s", at->name, at == key ? value : mine);
	}
	buf_add_str(&text, "}");
	cr_assert_eq(json_parse(buf_bytes(&text), &limits, true, &arena, &root, NULL), RC_OK);
	task.ext = root;
	rc = kind_check(k, &task, why);
	buf_release(&text);
	arena_release(&arena);
	return rc;
}

static size_t
preds_of(const struct kind *k)
{
	return k->pred_min > 0 ? k->pred_min : 1; /* one, so that a key can name it */
}

Test(claim_kind, every_row_takes_its_least_and_its_most_predecessors_and_no_others)
{
	for (size_t i = 0; i < kind_count(); i++) {
		const struct kind *k = kind_at(i);
		size_t most = k->pred_max == 0 ? 100 : k->pred_max;
		struct why why = {0};

		cr_expect_eq(judge_row(k, k->pred_min, false, 0, NULL, NULL, &why), RC_OK, "%s: %s", k->name, why.text);
		cr_expect_eq(judge_row(k, most, false, 0, NULL, NULL, NULL), RC_OK, "%s", k->name);
		if (k->pred_min > 0) {
			cr_expect_eq(judge_row(k, k->pred_min - 1, false, 0, NULL, NULL, &why), RC_BAD_KIND, "%s", k->name);
			cr_expect_str_eq(why.claim, "pred");
			cr_expect_str_eq(why.rule, k->name);
		}
		if (k->pred_max > 0)
			cr_expect_eq(judge_row(k, k->pred_max + 1, false, 0, NULL, NULL, NULL), RC_BAD_KIND, "%s", k->name);
		cr_expect(k->pred_max == 0 || k->pred_min <= k->pred_max, "%s", k->name);
		cr_expect(k->parents == 0 || k->pred_min > 0, "%s wants a parent's kind, so it wants a parent", k->name);
	}
}

Test(claim_kind, every_row_takes_predecessors_of_the_kinds_that_it_names_and_of_no_others)
{
	for (size_t i = 0; i < kind_count(); i++) {
		const struct kind *k = kind_at(i);

		for (size_t p = 0; p < kind_count(); p++) {
			uint64_t bit = kind_at(p)->bit;
			bool fine = k->parents == 0 || (k->parents & bit) != 0;

			cr_expect_eq(judge_row(k, preds_of(k), true, bit, NULL, NULL, NULL), fine ? RC_OK : RC_BAD_KIND,
			    "%s after %s", k->name, kind_at(p)->name);
			cr_expect_eq(judge_row(k, preds_of(k), false, bit, NULL, NULL, NULL), RC_OK, "not known: not judged");
			cr_expect_eq(judge_row(k, preds_of(k), true, bit | k->parents, NULL, NULL, NULL), RC_OK, "%s", k->name);
		}
	}
}

Test(claim_kind, every_key_of_every_row_takes_its_type_and_refuses_the_others)
{
	for (size_t i = 0; i < kind_count(); i++) {
		const struct kind *k = kind_at(i);

		for (const struct kind_key *key = k->keys; key->name != NULL; key++) {
			size_t s = sample(key->type);
			struct why why = {0};

			for (const char *const *v = samples[s].good; *v != NULL && key->values == NULL; v++)
				cr_expect_eq(judge_row(k, preds_of(k), false, 0, key, *v, &why), RC_OK, "%s %s %s: %s",
				    k->name, key->name, *v, why.text);
			for (const char *const *v = samples[s].bad; *v != NULL; v++) {
				cr_expect_eq(judge_row(k, preds_of(k), false, 0, key, *v, &why), RC_BAD_KIND, "%s %s %s",
				    k->name, key->name, *v);
				cr_expect_str_eq(why.claim, key->name);
			}
		}
	}
}

Test(claim_kind, every_key_is_wanted_where_it_is_required_and_only_there)
{
	for (size_t i = 0; i < kind_count(); i++) {
		const struct kind *k = kind_at(i);

		for (const struct kind_key *key = k->keys; key->name != NULL; key++)
			cr_expect_eq(judge_row(k, preds_of(k), false, 0, key, NULL, NULL),
			    key->required ? RC_BAD_KIND : RC_OK, "%s %s", k->name, key->name);
	}
}

Test(claim_kind, every_key_with_a_list_takes_each_of_its_values_as_its_code_and_nothing_else)
{
	for (size_t i = 0; i < kind_count(); i++) {
		const struct kind *k = kind_at(i);
		unsigned codes = 0;

		for (const struct kind_key *key = k->keys; key->name != NULL; key++) {
			static const struct json_limits limits = {512, 8, 16};
			unsigned count = 1;

			codes += key->code;
			cr_expect(!key->code || key->values != NULL);
			if (key->values == NULL)
				continue;
			cr_expect_eq(key->type, KIND_STRING);
			for (const char *at = key->values; (at = strchr(at, '|')) != NULL; at++)
				count++;
			for (unsigned n = 1; n <= count; n++) {
				char value[64], text[160];
				struct json_node *root = NULL;
				struct arena arena;

				arena_init(&arena, 1 << 16);
				good_value(key, n, value, sizeof(value));
				cr_expect_eq(judge_row(k, preds_of(k), false, 0, key, value, NULL), RC_OK, "%s", value);
				snprintf(text, sizeof(text), "{\"%s\":%s}", key->name, value);
				cr_assert_eq(json_parse(bytes_str(text), &limits, true, &arena, &root, NULL), RC_OK);
				cr_expect_eq(kind_code(k, root), key->code ? n : 0, "%s %s", k->name, value);
				arena_release(&arena);
			}
			cr_expect_eq(judge_row(k, preds_of(k), false, 0, key, "\"\"", NULL), RC_BAD_KIND);
			cr_expect_eq(judge_row(k, preds_of(k), false, 0, key, "\"nonsense\"", NULL), RC_BAD_KIND);
		}
		cr_expect_leq(codes, 1, "%s", k->name);
	}
}

/* Every type is some key's: else its samples say nothing. */
Test(claim_kind, every_type_is_in_use)
{
	bool used[SAMPLES] = {false};

	for (size_t i = 0; i < kind_count(); i++)
		for (const struct kind_key *key = kind_at(i)->keys; key->name != NULL; key++)
			used[sample(key->type)] = true;
	for (size_t i = 0; i < SAMPLES; i++)
		cr_expect(used[i], "%s", kind_type_name(samples[i].type));
}

/* The codes that the answers go by are the places in the lists. */
Test(claim_kind, the_codes_are_the_places_in_the_lists)
{
	static const struct {
		const char *kind, *value;
		unsigned code;
	} rows[] = {
	    {"failure", "timeout", FAIL_TIMEOUT}, {"failure", "dependency", FAIL_DEPENDENCY},
	    {"failure", "policy", FAIL_POLICY}, {"failure", "internal", FAIL_INTERNAL},
	    {"failure", "external", FAIL_EXTERNAL},
	    {"rollback_result", "success", RESULT_SUCCESS}, {"rollback_result", "partial", RESULT_PARTIAL},
	    {"rollback_result", "refused", RESULT_REFUSED}, {"rollback_result", "irreversible", RESULT_IRREVERSIBLE},
	    {"rollback_result", "failed", RESULT_FAILED},
	    {"circuit", "closed", CIRCUIT_CLOSED}, {"circuit", "open", CIRCUIT_OPEN},
	    {"circuit", "half_open", CIRCUIT_HALF_OPEN},
	    {"hitl_decision", "approved", DECISION_APPROVED}, {"hitl_decision", "denied", DECISION_DENIED},
	    {"hitl_decision", "escalated", DECISION_ESCALATED}, {"hitl_decision", "withdrawn", DECISION_WITHDRAWN},
	    {"hitl_decision", "revoked", DECISION_REVOKED},
	    {"override", "pause", OVERRIDE_PAUSE}, {"override", "constrain", OVERRIDE_CONSTRAIN},
	    {"override", "stop", OVERRIDE_STOP}, {"override", "takeover", OVERRIDE_TAKEOVER},
	    {"override", "advisory", OVERRIDE_ADVISORY}, {"override", "mandatory", OVERRIDE_MANDATORY},
	    {"override", "emergency", OVERRIDE_EMERGENCY},
	    {"override_ack", "received", ACK_RECEIVED}, {"override_ack", "complied", ACK_COMPLIED},
	    {"override_ack", "refused", ACK_REFUSED}, {"override_ack", "unable", ACK_UNABLE},
	    {"lifecycle", "version", LIFECYCLE_VERSION}, {"lifecycle", "drain", LIFECYCLE_DRAIN},
	    {"lifecycle", "retire", LIFECYCLE_RETIRE},
	};
	size_t all = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static const struct json_limits limits = {512, 8, 16};
		const struct kind *k = kind_named(rows[i].kind);
		struct json_node *root = NULL;
		struct arena arena;
		char text[160];

		arena_init(&arena, 1 << 16);
		for (const struct kind_key *key = k->keys; key->name != NULL; key++)
			if (key->code)
				snprintf(text, sizeof(text), "{\"%s\":\"%s\"}", key->name, rows[i].value);
		cr_assert_eq(json_parse(bytes_str(text), &limits, true, &arena, &root, NULL), RC_OK);
		cr_expect_eq(kind_code(k, root), rows[i].code, "%s %s", rows[i].kind, rows[i].value);
		arena_release(&arena);
	}
	for (size_t i = 0; i < kind_count(); i++)
		for (const struct kind_key *key = kind_at(i)->keys; key->name != NULL; key++) {
			if (!key->code)
				continue;
			all++;
			for (const char *at = key->values; (at = strchr(at, '|')) != NULL; at++)
				all++;
		}
	cr_expect_eq(all, sizeof(rows) / sizeof(rows[0]), "every code has a name");
}

Test(claim_kind, asking_past_the_table_is_our_own_bug, .signal = SIGABRT)
{
	(void)kind_at(kind_count());
}
