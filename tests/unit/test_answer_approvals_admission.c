/*
 * The rule of admission (policy/approval.c) and the answer about approvals are two tellings of one life: over
 * random logs of requests, decisions and guarded tasks they say the same of every guarded task.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer/approvals.h"
#include "lib/facts_world.h"
#include "policy/approval.h"

#define ROUNDS	600
#define TASKS	60
#define PARENTS 3

static const char *const docs[] = {
    "{\"roles\":{\"r\":[\"spiffe://example.com/agent/b\",\"spiffe://example.com/agent/c\"],"
    "\"s\":[\"spiffe://example.com/agent/d\"]},\"rules\":["
    "{\"id\":\"p\",\"when\":{\"field\":\"exec_act\",\"op\":\"eq\",\"value\":\"pay\"},\"role\":"
    "\"r\",\"escalate_to\":\"s\","
    "\"action\":\"pause\",\"timeout_s\":9,\"on_timeout\":\"escalate\"},"
    "{\"id\":\"q\",\"when\":{\"field\":\"exec_act\",\"op\":\"eq\",\"value\":\"ship\"},\"role\":"
    "\"r\","
    "\"action\":\"pause\",\"timeout_s\":12,\"on_timeout\":\"proceed\"}]}",
    "{\"roles\":{\"r\":[\"spiffe://example.com/agent/c\",\"spiffe://example.com/agent/"
    "a\"]},\"rules\":["
    "{\"id\":\"p\",\"when\":{\"field\":\"exec_act\",\"op\":\"prefix\",\"value\":\"pay\"},\"role\":"
    "\"r\",\"action\":\"pause\"}]}"};

/* The lookup of admission over facts, as the log was before the task. */
struct before {
	struct facts_view view;
	struct arena slots[APPROVAL_SLOTS];
	uint64_t parents[APPROVAL_SLOTS][100];
};

static void
task_of(const struct facts_view *all, uint32_t index, uint64_t *parents, struct arena *arena,
    struct approval_task *out)
{
	const struct fact *t = fact(all, index);

	arena_reset(arena);
	*out = (struct approval_task){.index = index,
	    .iss = facts_name(all, FACTS_ISS, t->iss),
	    .iat = t->iat,
	    .time_ms = t->flags & FACT_DEFERRED ? t->iat * 1000 : (int64_t)t->received_ms,
	    .doc = fact_doc(all, index),
	    .kind = fact_kind(all, index),
	    .ext = fact_ext(all, t, arena),
	    .parents = parents,
	    .parent_count = t->parent_count};
	for (unsigned i = 0; i < t->parent_count; i++)
		parents[i] = fact_parent(all, t, i);
	if (t->guard != 0)
		out->guard = &out->doc->rules[t->guard - 1];
	struct bytes inp = fact_hash(all, index, FACT_SIDE_INP);
	if (inp.n == 32) {
		out->inp_hash.alg = CLAIM_SHA256;
		out->inp_hash.size = 32;
		memcpy(out->inp_hash.b, inp.p, 32);
	}
}

static enum rc
look(void *ctx, uint64_t index, enum approval_slot slot, struct approval_task *out)
{
	struct before *b = ctx;

	task_of(&b->view, (uint32_t)index, b->parents[slot], &b->slots[slot], out);
	return RC_OK;
}

static int
ascending(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return (a > b) - (a < b);
}

static enum rc
look_children(void *ctx, uint64_t index, uint64_t *out, size_t room, size_t *count)
{
	struct before *b = ctx;
	uint32_t at = fact_child_first(&b->view, fact(&b->view, (uint32_t)index)), c;

	*count = 0;
	while ((c = fact_child(&b->view, &at)) != FACTS_NONE && *count < room)
		out[(*count)++] = c;
	qsort(out, *count, sizeof(*out), ascending);
	return RC_OK;
}

static uint32_t
pick(uint32_t *state, uint32_t n)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) % n;
}

/* One more record: mostly what makes sense, sometimes anything. */
static void
add(struct facts_world *w, uint32_t *dice, const uint32_t *entries, size_t count)
{
	static const char *const who[] = {"a", "b", "c", "d"};
	static const char *const words[] = {
	    "approved", "approved", "approved", "denied", "escalated", "withdrawn", "revoked", "?"};
	static const char *const acts[] = {
	    "hitl_request", "hitl_decision", "hitl_decision", "pay", "ship", "pay.more", "step"};
	struct world_task t = {.iss = who[pick(dice, 4)], .act = acts[pick(dice, 7)]};
	char ext[128] = "";

	if (strcmp(t.act, "hitl_request") == 0) {
		snprintf(ext, sizeof(ext), "{\"rule_id\":\"%s\"%s%s%s}",
		    pick(dice, 3)   ? "p"
		    : pick(dice, 3) ? "q"
				    : "x",
		    pick(dice, 4) ? "" : ",\"uses\":2", pick(dice, 9) ? "" : ",\"kind\":\"notify\"",
		    pick(dice, 6) ? "" : ",\"deadline\":1000000020");
		t.no_hashes = pick(dice, 3) > 0;
	} else if (strcmp(t.act, "hitl_decision") == 0) {
		snprintf(ext, sizeof(ext), "{\"decision\":\"%s\"%s}", words[pick(dice, 8)],
		    pick(dice, 9)
			? ""
			: ",\"shown_hash\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\"");
	}
	t.ext = ext[0] == '\0' ? NULL : ext;
	if (pick(dice, 8) == 0)
		w->now_ms += 13000;
	if (pick(dice, 12) == 0)
		t.flags = ENTRY_DEFERRED;
	if (pick(dice, 4) == 0)
		t.iat = (int64_t)(w->now_ms / 1000) - pick(dice, 30);
	/* often what it is about */
	for (size_t i = count; i-- > 0 && t.parent_count == 0 && pick(dice, 3) > 0;) {
		struct facts_view v = world_view(w);
		const char *on = strcmp(t.act, "hitl_decision") == 0 || pick(dice, 4) == 0
				     ? "hitl_request"
				     : "hitl_decision";

		for (size_t k = count; k-- > 0 && t.parent_count == 0;)
			if (bytes_is(facts_name(&v, FACTS_ACT, fact(&v, entries[k])->act), on) &&
			    pick(dice, 3) > 0)
				t.parents[t.parent_count++] = entries[k];
	}
	for (size_t i = 0, n = count == 0 ? 0 : pick(dice, PARENTS + 1); i < n; i++) {
		uint32_t p = entries[count - 1 - pick(dice, count < 12 ? (uint32_t)count : 12)];
		bool twice = false;

		for (size_t k = 0; k < t.parent_count; k++)
			twice |= t.parents[k] == p;
		if (!twice)
			t.parents[t.parent_count++] = p;
	}
	(void)world_add(w, &t);
}

static enum guarded_state
state_of(const struct approvals_answer *a, uint32_t index)
{
	for (size_t i = 0; i < a->guarded_count; i++)
		if (a->guarded[i].index == index)
			return a->guarded[i].state;
	return GUARDED_STATES;
}

Test(approvals_admission, says_of_every_guarded_task_what_the_answer_says)
{
	size_t seen[GUARDED_STATES] = {0};

	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct approvals_question q = {.no_requests = true};
		uint32_t entries[TASKS], dice = round * 7919 + 1, index;
		struct approvals_answer a = {0};
		struct facts_view all;
		struct facts_world w;
		struct before b = {0};
		struct arena arena;
		struct why why;
		size_t count = 0;

		world_init(&w);
		(void)world_policy(&w, docs[0]);
		while (count < TASKS) {
			if (count == TASKS / 2 && round % 3 == 0)
				(void)world_policy(&w, docs[1]);
			add(&w, &dice, entries, count);
			index = world_view(&w).size - 1;
			entries[count++] = index;
		}
		all = world_view(&w);
		cr_assert_eq(
		    answer_approvals(&all, &q, &w.budget, &a, &why), RC_OK, "%s", why.text);
		cr_assert(a.complete);
		arena_init(&arena, 1 << 20);
		for (size_t i = 0; i < APPROVAL_SLOTS; i++)
			arena_init(&b.slots[i], 1 << 20);
		for (size_t i = 0; i < count; i++) {
			struct approval_lookup lookup = {
			    .task = look, .children = look_children, .ctx = &b};
			enum guarded_state state;
			struct approval_task t;
			uint64_t parents[100];
			enum rc rc;

			task_of(&all, entries[i], parents, &arena, &t);
			if (t.guard == NULL)
				continue;
			b.view = facts_at(w.f, entries[i]);
			state = state_of(&a, entries[i]);
			cr_assert_lt(state, GUARDED_STATES);
			seen[state]++;
			rc = approval_check(&t, &lookup, &why);
			cr_assert_eq(rc,
			    state == GUARDED_OK || state == GUARDED_PROCEEDED ? RC_OK
									      : RC_APPROVAL_MISSING,
			    "round %u, entry %u is %s: %s", round, entries[i],
			    guarded_state_text(state), why.text);
		}
		for (size_t i = 0; i < APPROVAL_SLOTS; i++)
			arena_release(&b.slots[i]);
		arena_release(&arena);
		world_release(&w);
	}
	for (size_t i = 0; i < GUARDED_STATES; i++)
		cr_expect_gt(
		    seen[i], 50, "%s: %zu", guarded_state_text((enum guarded_state)i), seen[i]);
}
