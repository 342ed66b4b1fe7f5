/*
 * test_oversight_help.h - a log with a policy about people, and questions about it.
 */
#ifndef TEST_OVERSIGHT_HELP_H
#define TEST_OVERSIGHT_HELP_H

#include <criterion/criterion.h>
#include <string.h>

#include "answer/approvals.h"
#include "answer/overrides.h"
#include "lib/facts_world.h"

#define AGENT "spiffe://example.com/agent/"

/* Rule "pay" waits 100 s for "approver"; "ship" escalates to "director"; "mail" lets things go on. */
static const char help_policy[] =
    "{\"roles\":{\"approver\":[\"" AGENT "boss\",\"" AGENT "boss2\"],\"director\":[\"" AGENT
    "director\"],\"operator\":[\"" AGENT "ops\"],\"human\":[\"" AGENT "alice\"]},"
    "\"override\":{\"ack_s\":50},\"rules\":["
    "{\"id\":\"pay\",\"when\":{\"field\":\"exec_act\",\"op\":\"eq\",\"value\":\"pay\"},"
    "\"role\":\"approver\",\"escalate_to\":\"director\",\"action\":\"pause\",\"timeout_s\":100,"
    "\"on_timeout\":\"abort\"},"
    "{\"id\":\"ship\",\"when\":{\"field\":\"exec_act\",\"op\":\"eq\",\"value\":\"ship\"},"
    "\"role\":\"approver\",\"escalate_to\":\"director\",\"action\":\"pause\",\"timeout_s\":100,"
    "\"on_timeout\":\"escalate\"},"
    "{\"id\":\"mail\",\"when\":{\"field\":\"exec_act\",\"op\":\"eq\",\"value\":\"mail\"},"
    "\"role\":\"approver\",\"action\":\"pause\",\"timeout_s\":100,\"on_timeout\":\"proceed\"}]}";

#define ON(...)                                                                                    \
	sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (const uint32_t[])                   \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

/* Entry 0 is the policy, entry 1 a task of agent "a". */
static inline void
help_world(struct facts_world *w)
{
	world_init(w);
	world_policy(w, help_policy);
	world_put(w, "a", "plan", NULL, 0, NULL);
}

static inline uint32_t
ask(struct facts_world *w, const char *rule)
{
	return world_put(
	    w, "a", "hitl_request", arena_printf(&w->arena, "{\"rule_id\":\"%s\"}", rule), ON(1));
}

static inline uint32_t
decide(struct facts_world *w, const char *who, const char *word, uint32_t request)
{
	struct bytes asked = {0};
	char shown[64] = "";
	struct facts_view v = world_view(w);

	if (request < v.size)
		asked = fact_hash(&v, request, FACT_SIDE_INP);
	if (asked.n == 32)
		shown[b64url_encode(asked, shown)] = '\0';
	return world_put(w, who, "hitl_decision",
	    arena_printf(&w->arena, "{\"decision\":\"%s\",\"shown_hash\":\"%s\"}", word, shown),
	    ON(request));
}

static inline void
wait_s(struct facts_world *w, uint64_t s)
{
	w->now_ms += s * 1000;
}

static inline struct approvals_answer
approvals_of(struct facts_world *w, const struct approvals_question *q)
{
	struct facts_view v = world_view(w);
	struct approvals_answer a;

	cr_assert_eq(answer_approvals(&v, q, &w->budget, &a, NULL), RC_OK);
	return a;
}

static inline const struct approval_request *
request_of(struct facts_world *w, uint32_t index)
{
	struct approvals_question q = {0};
	struct approvals_answer a = approvals_of(w, &q);

	for (size_t i = 0; i < a.request_count; i++)
		if (a.requests[i].index == index)
			return &a.requests[i];
	cr_assert_fail("request %u is not in the answer", index);
	return NULL;
}

static inline const struct approval_guarded *
guarded_of(struct facts_world *w, uint32_t index)
{
	struct approvals_question q = {0};
	struct approvals_answer a = approvals_of(w, &q);

	for (size_t i = 0; i < a.guarded_count; i++)
		if (a.guarded[i].index == index)
			return &a.guarded[i];
	cr_assert_fail("task %u is not in the answer", index);
	return NULL;
}

static inline uint32_t
flags_of(struct facts_world *w, uint32_t request, uint32_t decision)
{
	const struct approval_request *r = request_of(w, request);

	for (size_t i = 0; i < r->decision_count; i++)
		if (r->decisions[i].index == decision)
			return r->decisions[i].flags;
	cr_assert_fail("decision %u is not one of request %u", decision, request);
	return 0;
}

static inline enum approval_state
state_of(struct facts_world *w, uint32_t request)
{
	return request_of(w, request)->state;
}

static inline uint32_t
command(struct facts_world *w, const char *who, const char *level, const char *more, uint32_t on)
{
	return world_put(w, who, "override",
	    arena_printf(&w->arena, "{\"level\":\"%s\"%s}", level, more), ON(on));
}

static inline struct overrides_answer
overrides_of(struct facts_world *w, const struct overrides_question *q)
{
	struct facts_view v = world_view(w);
	struct overrides_answer a;

	cr_assert_eq(answer_overrides(&v, q, &w->budget, &a, NULL), RC_OK);
	return a;
}

static inline const struct override_item *
override_of(struct facts_world *w, uint32_t index)
{
	struct overrides_question q = {0};
	struct overrides_answer a = overrides_of(w, &q);

	for (size_t i = 0; i < a.count; i++)
		if (a.items[i].index == index)
			return &a.items[i];
	cr_assert_fail("override %u is not in the answer", index);
	return NULL;
}

static inline bool
is_under_stop(struct facts_world *w, uint32_t override, uint32_t task)
{
	const struct override_item *o = override_of(w, override);

	for (size_t i = 0; i < o->under_stop_count; i++)
		if (o->under_stop[i].index == task)
			return true;
	return false;
}

#endif
