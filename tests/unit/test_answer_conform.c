/*
 * test_answer_conform.c - every rule of conformance, kept and broken, and what the three profiles and the
 * AEM levels make of it.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "answer/conform.h"
#include "base/must.h"
#include "claim/own_event.h"
#include "lib/facts_world.h"

static struct facts_world w;

/* A policy under which nothing is broken by itself. */
#define RETENTION "\"retention_s\":15552000"
#define POLICY(rest)                                                                               \
	"{" RETENTION ",\"roles\":{\"operator\":[\"spiffe://example.com/agent/op\"],"              \
	"\"human\":[\"spiffe://example.com/agent/h\"]}" rest "}"

static void
open_world(void)
{
	world_init(&w);
	w.budget.nodes_max = 1000000;
}

static void
close_world(void)
{
	world_release(&w);
}

TestSuite(answer_conform, .init = open_world, .fini = close_world);

#define AFTER(...)                                                                                 \
	(sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)), (uint32_t[])                       \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define ROOT 0, NULL

static uint32_t
wid_number(const struct facts_view *v, const char *name)
{
	uint8_t wid[UUID_SIZE];

	world_wid(name, wid);
	return facts_number(v, FACTS_WID, bytes_of(wid, UUID_SIZE));
}

static struct conform_answer
ask_of(const char *wid, enum policy_profile profile, const struct conform_keys *keys)
{
	struct facts_view v = world_view(&w);
	struct conform_ask q = {.profile = profile,
	    .keys = keys,
	    .wid = wid[0] == '\0' ? FACTS_NONE : wid_number(&v, wid)};
	struct conform_answer a;

	cr_assert_eq(answer_conform(&v, &q, &w.budget, &a, NULL), RC_OK);
	cr_expect_eq(a.tree_size, v.size);
	for (size_t i = 1; i < a.rests_on_count; i++)
		cr_assert_lt(a.rests_on[i - 1], a.rests_on[i]);
	return a;
}

/* "checkpoint fail 1 @3; hashes warn 2 @0": what is not passed. */
static const char *
told(enum policy_profile profile)
{
	static char text[4096];
	struct conform_answer a = ask_of("w", profile, NULL);
	size_t n = 0;
	bool fails = false;

	text[0] = '\0';
	for (unsigned r = 0; r < CONFORM_RULES; r++) {
		enum conform_result result =
		    conform_result((enum conform_rule)r, &a.findings[r], profile);

		if (result <= CONFORM_PASS)
			continue;
		fails = fails || result == CONFORM_FAIL;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %s %llu", n ? "; " : "",
		    conform_row((enum conform_rule)r)->name, conform_result_text(result),
		    (unsigned long long)a.findings[r].count);
		if (a.findings[r].first != FACTS_NONE)
			n += (size_t)snprintf(
			    text + n, sizeof(text) - n, " @%u", a.findings[r].first);
	}
	cr_expect_eq(a.conforms, !fails);
	cr_expect(a.complete);
	return text;
}

#define EXPECT(profile, text)                                                                      \
	do {                                                                                       \
		const char *told_ = told(PROFILE_##profile);                                       \
		cr_expect_str_eq(told_, text, "%s: %s", #profile, told_);                          \
	} while (0)

/* ---- the table ---- */

Test(answer_conform, the_table_minds_more_from_profile_to_profile)
{
	for (unsigned r = 0; r < CONFORM_RULES; r++) {
		const struct conform_row *row = conform_row((enum conform_rule)r);

		cr_expect_leq(row->severity[PROFILE_RELAXED], row->severity[PROFILE_STANDARD]);
		cr_expect_leq(row->severity[PROFILE_STANDARD], row->severity[PROFILE_REGULATED]);
		cr_expect_eq(row->severity[PROFILE_REGULATED], SEVERITY_FAIL, "%s", row->name);
		cr_expect(row->aem >= 1 && row->aem <= CONFORM_AEM_MAX, "%s", row->name);
		for (unsigned k = 0; k < r; k++)
			cr_expect_str_neq(row->name, conform_row((enum conform_rule)k)->name);
	}
}

Test(answer_conform, the_page_has_the_table)
{
	FILE *f = fopen(TEST_DATA "/../docs/CONFORMANCE.md", "rb");
	static const char *const marks[] = {"-", "warn", "fail"};
	static char page[65536];
	size_t n;

	cr_assert_not_null(f);
	n = fread(page, 1, sizeof(page) - 1, f);
	(void)fclose(f);
	page[n] = '\0';
	for (unsigned r = 0; r < CONFORM_RULES; r++) {
		const struct conform_row *row = conform_row((enum conform_rule)r);
		char line[512];

		(void)snprintf(line, sizeof(line), "| `%s` | %s | %s | %s | %u | %s |\n", row->name,
		    marks[row->severity[1]], marks[row->severity[2]], marks[row->severity[3]],
		    row->aem, row->text);
		cr_expect_not_null(strstr(page, line), "docs/CONFORMANCE.md lacks: %s", line);
	}
}

/* ---- each rule ---- */

Test(answer_conform, an_orderly_workflow_conforms_to_all_profiles)
{
	struct conform_answer a;

	world_policy(&w, POLICY(""));
	world_put(&w, "a", "read", NULL, ROOT);
	world_put(&w, "b", "checkpoint", NULL, AFTER(1));
	world_put(&w, "b", "write", "{\"consequential\":true}", AFTER(2));
	EXPECT(RELAXED, "");
	EXPECT(STANDARD, "");
	EXPECT(REGULATED, "");
	a = ask_of("w", PROFILE_REGULATED, NULL);
	cr_expect_eq(a.aem_level, 3);
	cr_expect_eq(a.entries, 3);
	cr_expect_eq(a.level_1, 0);
	cr_expect_eq(a.level_3, 3);
	cr_expect_eq(a.rests_on_count, 3);
}

Test(answer_conform, signed_and_chain_signed)
{
	struct conform_answer a;

	world_policy(&w, POLICY(""));
	world_add(&w, &(struct world_task){.level = LEVEL_1});
	world_add(&w,
	    &(struct world_task){.parents = {1}, .parent_count = 1, .flags = ENTRY_LOWER_PARENT});
	world_put(&w, "b", "own", NULL, ROOT);
	EXPECT(RELAXED, "");
	EXPECT(STANDARD, "signed fail 1 @1; chain_signed warn 1 @2");
	EXPECT(REGULATED, "signed fail 1 @1; chain_signed fail 1 @2");
	a = ask_of("w", PROFILE_STANDARD, NULL);
	cr_expect_eq(a.level_1, 1);
	cr_expect_eq(a.level_3, 2);
	cr_expect_eq(a.aem_level, 1);
}

Test(answer_conform, dag)
{
	world_policy(&w, POLICY(""));
	world_add(&w, &(struct world_task){.iat = 1000000100});
	world_add(&w, &(struct world_task){.iat = 1000000070, .parents = {1}, .parent_count = 1});
	EXPECT(STANDARD, "");
	world_add(&w, &(struct world_task){.iat = 1000000069, .parents = {1}, .parent_count = 1});
	EXPECT(RELAXED, "dag warn 1 @3");
	EXPECT(STANDARD, "dag fail 1 @3");
	cr_expect_eq(ask_of("w", PROFILE_STANDARD, NULL).aem_level, 0);
}

Test(answer_conform, workflow)
{
	struct conform_answer a;

	world_policy(&w, POLICY(""));
	world_add(&w, &(struct world_task){.wid = ""});
	a = ask_of("", PROFILE_STANDARD, NULL);
	cr_expect_eq(a.findings[CONFORM_WORKFLOW].count, 1);
	cr_expect_eq(a.findings[CONFORM_WORKFLOW].first, 1);
	cr_expect_not(a.conforms);
	cr_expect_eq(a.aem_level, 0);
	cr_expect(ask_of("", PROFILE_RELAXED, NULL).conforms);
}

Test(answer_conform, kind_row)
{
	world_policy(&w, POLICY(""));
	world_put(&w, "a", "read", NULL, ROOT);
	world_put(&w, "b", "translation", NULL, AFTER(1)); /* its protocols are missing */
	EXPECT(RELAXED, "kind_row warn 1 @2");
	EXPECT(REGULATED, "kind_row fail 1 @2; translation fail 1 @2");
}

Test(answer_conform, hashes_are_wanted_of_tasks_and_not_of_records)
{
	world_policy(&w, POLICY(""));
	world_put(&w, "a", "read", NULL, ROOT);
	world_add(
	    &w, &(struct world_task){
		    .act = "checkpoint", .no_hashes = true, .parents = {1}, .parent_count = 1});
	EXPECT(REGULATED, "");
	world_add(&w, &(struct world_task){.no_hashes = true});
	EXPECT(RELAXED, "");
	EXPECT(STANDARD, "hashes warn 1 @3");
	EXPECT(REGULATED, "hashes fail 1 @3");
}

Test(answer_conform, checkpoint_before_what_is_consequential)
{
	world_policy(&w, POLICY(",\"irreversible\":[\"pay\"]"));
	world_put(&w, "a", "read", NULL, ROOT);
	world_put(&w, "a", "checkpoint", "{\"reversible\":false}", AFTER(1));
	world_put(&w, "a", "step", NULL, AFTER(2));
	world_put(&w, "a", "pay", NULL, AFTER(1, 3));
	EXPECT(REGULATED, "");
	world_put(&w, "a", "pay", NULL, AFTER(1));
	EXPECT(RELAXED, "");
	EXPECT(STANDARD, "checkpoint warn 1 @5");
	EXPECT(REGULATED, "checkpoint fail 1 @5");
}

Test(answer_conform, a_checkpoint_of_another_workflow_counts_one_step_away)
{
	world_policy(&w, POLICY(",\"irreversible\":[\"pay\"]"));
	world_add(&w, &(struct world_task){.wid = "o"});
	world_add(&w, &(struct world_task){
			  .wid = "o", .act = "checkpoint", .parents = {1}, .parent_count = 1});
	world_add(&w, &(struct world_task){.wid = "o", .parents = {2}, .parent_count = 1});
	world_put(&w, "a", "pay", NULL, AFTER(2));
	EXPECT(REGULATED, "");
	world_put(&w, "a", "pay", NULL, AFTER(3));
	EXPECT(REGULATED, "checkpoint fail 1 @5");
}

#define GUARD                                                                                      \
	",\"rules\":[{\"id\":\"r\",\"when\":{\"field\":\"exec_act\",\"op\":\"eq\",\"value\":"      \
	"\"pay\"},"                                                                                \
	"\"role\":\"human\",\"action\":\"pause\"}]"

Test(answer_conform, approval)
{
	world_policy(&w, POLICY(GUARD));
	world_put(&w, "a", "plan", NULL, ROOT);
	world_put(&w, "a", "hitl_request", "{\"rule_id\":\"r\"}", AFTER(1));
	world_put(&w, "h", "hitl_decision", "{\"decision\":\"approved\"}", AFTER(2));
	world_put(&w, "a", "pay", NULL, AFTER(3));
	EXPECT(REGULATED, "");
	world_put(&w, "a", "pay", NULL, AFTER(1));
	EXPECT(RELAXED, "");
	EXPECT(STANDARD, "approval fail 1 @5");
	EXPECT(REGULATED, "approval fail 1 @5");
	world_put(&w, "a", "pay", NULL, AFTER(1));
	EXPECT(REGULATED, "approval fail 2 @5");
	world_put(&w, "a", "compensation", "{\"compensates\":\"@5\"}", AFTER(5));
	EXPECT(REGULATED, "approval fail 1 @6");
	world_put(&w, "a", "compensation", "{\"compensates\":\"@6\"}", AFTER(6));
	EXPECT(REGULATED, "");
}

Test(answer_conform, override_ack_and_under_stop)
{
	world_policy(&w, POLICY(",\"override\":{\"ack_s\":60}"));
	world_put(&w, "a", "read", NULL, ROOT); /* 1 */
	world_put(&w, "op", "override", "{\"level\":\"stop\",\"scope\":\"workflow\"}", AFTER(1));
	world_put(&w, "a", "override_ack", "{\"status\":\"complied\"}", AFTER(2));
	EXPECT(REGULATED, "");
	world_put(&w, "a", "read", NULL, AFTER(1)); /* 4: in spite of it */
	EXPECT(RELAXED, "under_stop warn 1 @4");
	EXPECT(STANDARD, "under_stop fail 1 @4");
}

Test(answer_conform, an_override_that_nobody_acknowledged_in_time)
{
	world_policy(&w, POLICY(",\"override\":{\"ack_s\":60}"));
	world_put(&w, "a", "read", NULL, ROOT);
	world_put(&w, "op", "override", "{\"level\":\"constrain\"}", AFTER(1));
	EXPECT(REGULATED, "");
	w.now_ms += 100000;
	world_add(&w, &(struct world_task){.wid = "o"}); /* time passes */
	EXPECT(RELAXED, "");
	EXPECT(STANDARD, "override_ack warn 1 @2");
	EXPECT(REGULATED, "override_ack fail 1 @2");
}

Test(answer_conform, attestation_by_reference_before_or_behind)
{
	world_policy(&w, POLICY(",\"critical\":[\"deploy\"]"));
	world_put(&w, "a", "build", NULL, ROOT);
	world_put(&w, "a", "deploy", "{\"attestation\":\"urn:x\"}", AFTER(1));
	world_put(&w, "t", "attestation", NULL, AFTER(1));
	world_put(&w, "a", "deploy", NULL, AFTER(3));
	world_put(&w, "a", "deploy", NULL, AFTER(1));
	EXPECT(STANDARD, "");
	EXPECT(REGULATED, "attestation fail 1 @5");
	world_put(&w, "t", "attestation", NULL, AFTER(5));
	EXPECT(REGULATED, "");
}

static bool
second_is_doubtful(void *ctx, uint32_t index, const struct fact *entry)
{
	(void)ctx;
	return index == 2 && entry->signer != FACTS_NONE;
}

Test(answer_conform, signer_key)
{
	struct conform_keys keys = {second_is_doubtful, NULL};
	struct conform_answer a;

	world_policy(&w, POLICY(""));
	world_put(&w, "a", "read", NULL, ROOT);
	a = ask_of("w", PROFILE_STANDARD, &keys);
	cr_expect(a.conforms);
	world_put(&w, "a", "read", NULL, ROOT);
	a = ask_of("w", PROFILE_STANDARD, &keys);
	cr_expect_not(a.conforms);
	cr_expect_eq(a.findings[CONFORM_SIGNER_KEY].count, 1);
	cr_expect_eq(a.findings[CONFORM_SIGNER_KEY].first, 2);
	cr_expect_eq(a.aem_level, 1);
	cr_expect(ask_of("w", PROFILE_RELAXED, &keys).conforms);
}

Test(answer_conform, trust_floor_is_that_of_the_time_before_the_task)
{
	world_policy(&w, POLICY(",\"trust\":{\"floor\":0.4}"));
	world_put(&w, "a", "read", NULL, ROOT); /* at 0.5 */
	world_add(&w, &(struct world_task){.iss = "b",
			  .act = "failure",
			  .wid = "o",
			  .ext = "{\"fail_class\":\"policy\"}",
			  .parents = {1},
			  .parent_count = 1}); /* 0.05 */
	world_put(&w, "op", "compensation", "{\"compensates\":\"@1\"}", AFTER(1));
	EXPECT(REGULATED, "");
	world_put(&w, "a", "read", NULL, ROOT);
	EXPECT(RELAXED, "");
	EXPECT(STANDARD, "trust_floor warn 1 @4");
	EXPECT(REGULATED, "trust_floor fail 1 @4");
}

Test(answer_conform, quarantine)
{
	world_policy(&w, POLICY(""));
	world_put(&w, "a", "read", NULL, ROOT);
	world_put(
	    &w, "op", "quarantine", "{\"subject\":\"spiffe://example.com/agent/a\"}", AFTER(1));
	EXPECT(REGULATED, "");
	world_put(&w, "a", "read", NULL, ROOT);
	EXPECT(RELAXED, "");
	EXPECT(STANDARD, "quarantine warn 1 @3");
	EXPECT(REGULATED, "quarantine fail 1 @3");
	world_put(
	    &w, "op", "quarantine_end", "{\"subject\":\"spiffe://example.com/agent/a\"}", AFTER(2));
	world_put(&w, "a", "read", NULL, ROOT);
	EXPECT(STANDARD, "quarantine warn 1 @3");
}

Test(answer_conform, retention_is_half_a_year_by_the_policy_in_force_now)
{
	world_put(&w, "a", "read", NULL, ROOT);
	EXPECT(RELAXED, "");
	EXPECT(STANDARD, "retention warn 1");
	EXPECT(REGULATED, "retention fail 1");
	world_policy(&w, "{\"retention_s\":15551999}");
	EXPECT(STANDARD, "retention warn 1");
	world_policy(&w, "{\"retention_s\":15552000}");
	EXPECT(REGULATED, "");
}

Test(answer_conform, recovery_records_that_broke_a_rule)
{
	world_policy(&w, POLICY(",\"recovery\":{\"requesters\":[\"coordinator\"]}"));
	world_put(&w, "a", "read", NULL, ROOT);
	world_put(&w, "b", "rollback_request", NULL, AFTER(1)); /* may not ask */
	EXPECT(RELAXED, "recovery warn 1 @2");
	EXPECT(STANDARD, "recovery warn 1 @2");
	EXPECT(REGULATED, "recovery fail 1 @2");
}

Test(answer_conform, a_failure_fails_until_it_is_compensated)
{
	world_policy(&w, POLICY(""));
	world_put(&w, "a", "read", NULL, ROOT);
	world_put(&w, "b", "failure", "{\"fail_class\":\"internal\"}", AFTER(1));
	EXPECT(RELAXED, "");
	EXPECT(STANDARD, "failures_resolved warn 1 @1");
	EXPECT(REGULATED, "failures_resolved fail 1 @1");
	cr_expect_eq(ask_of("w", PROFILE_REGULATED, NULL).aem_level, 2);
	world_put(&w, "b", "compensation", "{\"compensates\":\"@1\"}", AFTER(1));
	EXPECT(REGULATED, "");
	cr_expect_eq(ask_of("w", PROFILE_REGULATED, NULL).aem_level, 3);
}

Test(answer_conform, or_until_it_is_rolled_back)
{
	world_policy(&w, POLICY(""));
	world_put(&w, "a", "read", NULL, ROOT);
	world_put(&w, "b", "failure", NULL, AFTER(1));
	world_put(
	    &w, "a", "rollback_request", "{\"scope\":\"node\"}", AFTER(2)); /* its signer asks */
	EXPECT(REGULATED, "failures_resolved fail 1 @1");
	world_put(&w, "b", "rollback_result", "{\"outcome\":\"success\"}", AFTER(3));
	EXPECT(REGULATED, "");
}

Test(answer_conform, a_start_that_failed_is_a_failure)
{
	world_policy(&w, POLICY(""));
	world_put(&w, "a", "start", "{\"node\":\"draft\"}", ROOT);
	world_put(&w, "b", "failure", NULL, AFTER(1));
	EXPECT(STANDARD, "failures_resolved warn 1 @1");
	world_put(&w, "a", "draft", NULL, AFTER(1));
	EXPECT(STANDARD, "");
}

static void
declare(const char *text)
{
	struct own_descriptor event = {
	    .by = bytes_str("loopback"), .media = OWN_JSON, .descriptor = bytes_str(text)};
	struct bytes payload;

	world_wid("w", event.wid);
	must(own_descriptor_write(&event, &w.arena, &payload) == RC_OK);
	world_event(&w, ENTRY_DESCRIPTOR, payload);
}

Test(answer_conform, descriptor)
{
	world_policy(&w, POLICY(""));
	declare("{\"nodes\":[{\"id\":\"read\"}]}");
	world_put(&w, "a", "read", NULL, ROOT);
	EXPECT(REGULATED, "");
	world_put(&w, "a", "play", NULL, ROOT);
	EXPECT(RELAXED, "");
	EXPECT(STANDARD, "descriptor warn 1 @3");
	EXPECT(REGULATED, "descriptor fail 1 @3");
	declare("{\"nodes\":[{\"id\":\"read\"},{\"id\":\"play\"}]}");
	EXPECT(STANDARD, "descriptor warn 1 @2"); /* after the fact */
}

Test(answer_conform, translation)
{
	static const uint8_t said[32] = {1}, heard[32] = {2};
	const char *ext = "{\"src_proto\":\"mcp\",\"dst_proto\":\"mcp\"}";

	world_policy(&w, POLICY(""));
	world_put(&w, "a", "read", NULL, ROOT);
	world_add(&w, &(struct world_task){.act = "translation",
			  .ext = ext,
			  .parents = {1},
			  .parent_count = 1,
			  .inp = heard,
			  .out = said});
	world_add(&w, &(struct world_task){.act = "translation",
			  .ext = ext,
			  .parents = {2},
			  .parent_count = 1,
			  .inp = said,
			  .out = heard});
	EXPECT(REGULATED, "");
	world_add(&w, &(struct world_task){.act = "translation",
			  .ext = ext,
			  .parents = {2},
			  .parent_count = 1,
			  .inp = heard,
			  .out = heard});
	EXPECT(RELAXED, "");
	EXPECT(STANDARD, "translation warn 1 @4");
	EXPECT(REGULATED, "translation fail 1 @4");
}

Test(answer_conform, retired)
{
	world_policy(&w, POLICY(""));
	world_put(&w, "a", "read", NULL, ROOT);
	world_put(&w, "a", "lifecycle", "{\"event\":\"retire\"}", ROOT);
	EXPECT(REGULATED, "");
	world_put(&w, "a", "read", NULL, ROOT);
	EXPECT(RELAXED, "");
	EXPECT(STANDARD, "retired warn 1 @3");
	EXPECT(REGULATED, "retired fail 1 @3");
}

/* ---- the whole ---- */

Test(answer_conform, counts_are_of_all_and_first_is_the_smallest)
{
	world_policy(&w, POLICY(""));
	for (int i = 0; i < 5; i++)
		world_add(&w, &(struct world_task){.no_hashes = true});
	world_add(&w, &(struct world_task){.no_hashes = true, .wid = "o"});
	EXPECT(STANDARD, "hashes warn 5 @1");
}

Test(answer_conform, without_a_profile_it_is_the_policys_and_else_standard)
{
	struct conform_answer a;

	world_put(&w, "a", "read", NULL, ROOT);
	a = ask_of("w", PROFILE_NONE, NULL);
	cr_expect_eq(a.profile, PROFILE_STANDARD);
	world_policy(&w, "{\"profile\":\"regulated\"}");
	a = ask_of("w", PROFILE_NONE, NULL);
	cr_expect_eq(a.profile, PROFILE_REGULATED);
}

Test(answer_conform, over_the_budget_nothing_conforms)
{
	struct conform_answer a;

	world_policy(&w, POLICY(""));
	for (int i = 0; i < 9; i++)
		world_put(&w, "a", "read", NULL, ROOT);
	w.budget.nodes_max = 5;
	a = ask_of("w", PROFILE_RELAXED, NULL);
	cr_expect_not(a.complete);
	cr_expect_not(a.conforms);
	cr_expect_eq(a.aem_level, 0);
	w.budget.nodes_max = 1000;
	cr_expect(ask_of("w", PROFILE_RELAXED, NULL).conforms);
}

Test(answer_conform, a_workflow_without_entries_shows_nothing)
{
	struct conform_answer a;

	world_policy(&w, POLICY(""));
	declare("{\"nodes\":[{\"id\":\"read\"}]}");
	a = ask_of("w", PROFILE_REGULATED, NULL);
	cr_expect(a.conforms);
	cr_expect_eq(a.entries, 0);
	cr_expect_eq(a.aem_level, 0);
}

/* ---- a log ---- */

static struct conform_log_answer
ask_log(uint64_t offset, size_t limit)
{
	struct facts_view v = world_view(&w);
	struct conform_ask q = {.profile = PROFILE_STANDARD, .offset = offset, .limit = limit};
	struct conform_log_answer a;

	cr_assert_eq(answer_conform_log(&v, &q, &w.budget, &a, NULL), RC_OK);
	return a;
}

Test(answer_conform, a_log_is_its_workflows)
{
	struct conform_log_answer a, page;

	world_policy(&w, POLICY(""));
	world_add(&w, &(struct world_task){.wid = "x", .level = LEVEL_1});
	world_add(&w, &(struct world_task){.wid = ""});
	world_add(&w, &(struct world_task){.wid = "y", .no_hashes = true});
	world_add(&w, &(struct world_task){.wid = "x"});
	a = ask_log(0, 10);
	cr_expect(a.complete);
	cr_expect_not(a.conforms);
	cr_expect_eq(a.workflows, 3);
	cr_expect_eq(a.row_count, 3);
	cr_expect_eq(a.next, 0);
	cr_expect_eq(a.rows[0].entries, 2);
	cr_expect_eq(a.rows[0].worst, CONFORM_SIGNED);
	cr_expect_eq(a.rows[0].fails, 1);
	cr_expect(a.rows[1].conforms);
	cr_expect_eq(a.rows[1].warns, 1);
	cr_expect_eq(a.rows[1].worst, CONFORM_HASHES);
	cr_expect_eq(a.rows[2].wid, FACTS_NONE, "no workflow comes last");
	cr_expect_eq(a.rows[2].worst, CONFORM_WORKFLOW);
	cr_expect_eq(a.findings[CONFORM_HASHES].first, 3);
	cr_expect_eq(a.level_1, 1);
	cr_expect_eq(a.level_3, 3);
	cr_expect_eq(a.aem_level, 0);
	cr_expect_eq(a.rests_on_count, 4);
	page = ask_log(0, 2);
	cr_expect_eq(page.next, 2);
	cr_expect_not(page.complete);
	page = ask_log(2, 2);
	cr_expect_eq(page.row_count, 1);
	cr_expect_eq(page.next, 0);
	cr_expect(page.complete);
	cr_expect_eq(ask_log(3, 2).row_count, 0);
}

Test(answer_conform, a_page_over_the_budget_has_one_workflow_at_least)
{
	struct conform_log_answer a;

	world_policy(&w, POLICY(""));
	world_add(&w, &(struct world_task){.wid = "x"});
	world_add(&w, &(struct world_task){.wid = "y"});
	w.budget.nodes_max = 1;
	a = ask_log(0, 10);
	cr_expect_eq(a.row_count, 1);
	cr_expect_eq(a.next, 1);
	cr_expect_not(a.complete);
}

Test(answer_conform, rules_about_the_log_count_once_for_all_workflows)
{
	world_add(&w, &(struct world_task){.wid = "x"});
	world_add(&w, &(struct world_task){.wid = "y"});
	cr_expect_eq(ask_log(0, 10).findings[CONFORM_RETENTION].count, 1);
}
