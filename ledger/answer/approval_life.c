/*
 * approval_life.c - one request from its first to its last state.
 *
 * Its decisions are replayed in index order; before each of them the clock is let run to the decision's
 * time, and the approval's uses that stand below it are counted.  So the state before any entry is known
 * afterwards from the few steps that there can be.
 *
 * Invariant: at most one decision is an effective approval, because nothing leads back from approved.
 */
#include <string.h>

#include "answer/approvals_own.h"
#include "base/must.h"

#define LIVES_MIN 256

uint32_t
approval_voids(void)
{
#define FLAG(id, name, voids) | ((voids) ? (uint32_t)APPROVAL_##id : 0)
	return 0 APPROVAL_FLAGS(FLAG);
#undef FLAG
}

/* ---- reading the request ---- */

/* The extension of one record, parsed once. */
struct record {
	const struct kind *kind;
	const struct json_node *ext;
};

static struct record
record_open(struct approvals *a, uint32_t index)
{
	arena_reset(&a->record);
	return (struct record){
	    fact_kind(a->v, index), fact_ext(a->v, fact(a->v, index), &a->record)};
}

static const struct json_node *
key_of(const struct record *r, const char *name, enum json_type type)
{
	const struct json_node *n = kind_ext(r->kind, r->ext, name);

	return n != NULL && n->type == type ? n : NULL;
}

/* A text that outlives the record; BYTES_NONE where there is none. */
static bool
text_of(struct approvals *a, const struct record *r, const char *name, struct bytes *out)
{
	const struct json_node *n = key_of(r, name, JSN_STRING);

	*out = BYTES_NONE;
	return n == NULL || n->text.n == 0 || arena_dup(&a->scratch, n->text, out);
}

static const struct policy_rule *
rule_named(const struct policy_doc *doc, struct bytes id)
{
	for (size_t i = 0; i < doc->rule_count; i++)
		if (bytes_is(id, doc->rules[i].id))
			return &doc->rules[i];
	return NULL;
}

static enum policy_timeout
timeout_read(struct bytes text)
{
	if (bytes_is(text, "escalate"))
		return TIMEOUT_ESCALATE;
	return bytes_is(text, "proceed") ? TIMEOUT_PROCEED : TIMEOUT_ABORT;
}

/* What the rule says goes over what the request says. */
static bool
read_rule(struct approvals *a, const struct record *r, struct approval_life *l)
{
	const struct policy_rule *rule = NULL;
	struct bytes role, on_timeout;

	if (!text_of(a, r, "rule_id", &l->r.rule) || !text_of(a, r, "role", &role) ||
	    !text_of(a, r, "on_timeout", &on_timeout))
		return false;
	l->r.on_timeout = timeout_read(on_timeout);
	if (l->r.rule.n > 0)
		rule = rule_named(fact_doc(a->v, l->r.index), l->r.rule);
	if (rule != NULL) {
		l->known_rule = true;
		l->role = rule->role;
		l->escalate_to = rule->escalate_to;
		l->period_ms = rule->timeout_s > 0 ? rule->timeout_s * 1000 : 0;
		l->r.on_timeout = rule->on_timeout != 0 ? rule->on_timeout : TIMEOUT_ABORT;
		return true;
	}
	if (l->r.rule.n > 0)
		l->r.flags |= APPROVAL_UNKNOWN_RULE;
	if (role.n > 0 && (l->role = arena_strdup(&a->scratch, role)) == NULL)
		return false;
	return true;
}

static void
read_limits(const struct record *r, struct approval_life *l, const struct fact *t)
{
	const struct json_node *n;
	uint64_t number;

	if ((!l->known_rule || l->r.on_timeout == TIMEOUT_ABORT) &&
	    (n = key_of(r, "deadline", JSN_NUMBER)) != NULL && json_uint(n, &number))
		l->r.deadline_ms = (int64_t)number * 1000;
	if (l->period_ms > 0) {
		int64_t until = oversight_time(t) + l->period_ms;

		if (l->r.deadline_ms == 0 || until < l->r.deadline_ms)
			l->r.deadline_ms = until;
	}
	l->r.uses = 1;
	if ((n = key_of(r, "uses", JSN_NUMBER)) != NULL && json_uint(n, &number) && number >= 1)
		l->r.uses = number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

static void
step_to(struct approval_life *l, enum approval_state state, uint32_t index, int64_t ms)
{
	must(l->step_count < STEPS_MAX);
	l->steps[l->step_count++] = (struct approval_step){state, index, ms};
	l->r.state = state;
	l->r.since_ms = (uint64_t)ms;
}

static bool
read_request(struct approvals *a, struct approval_life *l)
{
	const struct fact *t = fact(a->v, l->r.index);
	struct record r = record_open(a, l->r.index);
	const struct json_node *kind;
	bool notify;

	if (!read_rule(a, &r, l))
		return false;
	read_limits(&r, l, t);
	if (l->role == NULL)
		l->r.flags |= APPROVAL_NO_ROLE;
	if (t->flags & FACT_BREACH)
		l->r.flags |= APPROVAL_KIND_BREACH;
	kind = key_of(&r, "kind", JSN_STRING);
	notify = kind != NULL && bytes_is(kind->text, "notify");
	step_to(l, notify ? APPROVAL_NOTIFIED : APPROVAL_REQUESTED, l->r.index, oversight_time(t));
	return true;
}

/* ---- the clock, and uses ---- */

static bool
is_open(const struct approval_life *l)
{
	return l->r.state == APPROVAL_REQUESTED || l->r.state == APPROVAL_ESCALATED;
}

static bool
escalated(const struct approval_life *l)
{
	for (size_t i = 0; i < l->step_count; i++)
		if (l->steps[i].state == APPROVAL_ESCALATED)
			return true;
	return false;
}

static const char *
role_now(const struct approval_life *l)
{
	return escalated(l) && l->escalate_to != NULL ? l->escalate_to : l->role;
}

/* What the clock does until 'ms', that instant not included. */
static void
run_clock(struct approval_life *l, int64_t ms)
{
	while (is_open(l) && l->r.deadline_ms != 0 && ms > l->r.deadline_ms) {
		int64_t at = l->r.deadline_ms;

		if (l->r.state == APPROVAL_REQUESTED && l->r.on_timeout == TIMEOUT_ESCALATE) {
			step_to(l, APPROVAL_ESCALATED, FACTS_NONE, at);
			l->r.deadline_ms = l->period_ms > 0 ? at + l->period_ms : 0;
		} else {
			step_to(l, APPROVAL_EXPIRED, FACTS_NONE, at);
		}
	}
}

static void
run_uses(const struct approvals *a, struct approval_life *l, uint32_t below)
{
	if (l->r.state == APPROVAL_APPROVED && l->last_use != FACTS_NONE && l->last_use < below)
		step_to(l, APPROVAL_CONSUMED, l->last_use, oversight_time(fact(a->v, l->last_use)));
}

/* Does the request's approval guard this task, if it holds? */
static bool
guards(const struct approvals *a, const struct approval_life *l, uint32_t task)
{
	const struct fact *t = fact(a->v, task);

	if (l->r.rule.n == 0)
		return oversight_is_work(t);
	return l->known_rule && t->guard != 0 &&
	       bytes_is(l->r.rule, fact_doc(a->v, task)->rules[t->guard - 1].id);
}

static bool
find_uses(struct approvals *a, struct approval_life *l)
{
	uint32_t approver = fact(a->v, l->r.approval)->iss;
	struct index_list all;
	size_t n = 0;

	if (!indexes_children(a->v, l->r.approval, UINT64_MAX, &a->meter, &a->scratch, &all))
		return false;
	for (size_t i = 0; i < all.n; i++)
		if (fact(a->v, all.p[i])->iss != approver && guards(a, l, all.p[i]))
			all.p[n++] = all.p[i];
	all.n = n;
	l->uses = all;
	if (n >= l->r.uses)
		l->last_use = all.p[l->r.uses - 1];
	return true;
}

/* ---- decisions ---- */

static uint32_t
judge_transition(const struct approval_life *l, enum decision_code code)
{
	bool decides = code == DECISION_APPROVED || code == DECISION_DENIED;

	switch (l->r.state) {
	case APPROVAL_REQUESTED:
		return code == DECISION_REVOKED ? APPROVAL_BAD_TRANSITION : 0;
	case APPROVAL_ESCALATED:
		return decides ? 0 : APPROVAL_BAD_TRANSITION;
	case APPROVAL_APPROVED:
		return code == DECISION_REVOKED ? 0 : APPROVAL_BAD_TRANSITION;
	case APPROVAL_CONSUMED:
		return code == DECISION_REVOKED ? APPROVAL_REVOKED_TOO_LATE : APPROVAL_AFTER_FINAL;
	case APPROVAL_EXPIRED:
		return decides || code == DECISION_ESCALATED ? APPROVAL_LATE : APPROVAL_AFTER_FINAL;
	default:
		return APPROVAL_AFTER_FINAL;
	}
}

/* Who decides holds the role that it is up to now; who asked may withdraw, and give an approval back,
 * and so may who gave it. */
static uint32_t
judge_signer(const struct approvals *a, const struct approval_life *l, uint32_t index,
    enum decision_code code)
{
	uint32_t iss = fact(a->v, index)->iss;
	bool asked = iss == fact(a->v, l->r.index)->iss;
	const char *role = role_now(l);

	if (code == DECISION_WITHDRAWN || code == DECISION_REVOKED) {
		if (asked || (l->role != NULL && oversight_holds(a->v, index, l->role)) ||
		    (l->escalate_to != NULL && oversight_holds(a->v, index, l->escalate_to)))
			return 0;
		if (code == DECISION_REVOKED && l->r.approval != FACTS_NONE &&
		    iss == fact(a->v, l->r.approval)->iss)
			return 0;
		return APPROVAL_ROLE_NOT_HELD;
	}
	return (asked ? APPROVAL_SELF_APPROVAL : 0) |
	       (role != NULL && !oversight_holds(a->v, index, role) ? APPROVAL_ROLE_NOT_HELD : 0);
}

static uint32_t
judge_time(const struct approvals *a, const struct approval_life *l, uint32_t index,
    enum decision_code code)
{
	if (code == DECISION_WITHDRAWN || code == DECISION_REVOKED || !is_open(l) ||
	    l->r.deadline_ms == 0)
		return 0;
	return fact(a->v, index)->iat * 1000 > l->r.deadline_ms ? APPROVAL_LATE : 0;
}

/* An approval repeats the digest of what was to be shown. */
static uint32_t
judge_shown(struct approvals *a, const struct approval_life *l, uint32_t index)
{
	struct record r = record_open(a, index);
	const struct json_node *n = kind_ext(r.kind, r.ext, "shown_hash");
	struct bytes asked = fact_hash(a->v, l->r.index, FACT_SIDE_INP);
	uint8_t shown[HASH_SIZE];
	size_t size = 0;

	if (n == NULL)
		return asked.n > 0 ? APPROVAL_SHOWN_HASH_MISSING : 0;
	if (n->type != JSN_STRING || !b64url_decode(n->text, shown, sizeof(shown), &size) ||
	    !bytes_eq(asked, bytes_of(shown, size)))
		return APPROVAL_SHOWN_HASH_MISMATCH;
	return 0;
}

static uint32_t
judge(struct approvals *a, struct approval_life *l, uint32_t index)
{
	const struct fact *t = fact(a->v, index);
	enum decision_code code = (enum decision_code)t->code;
	uint32_t flags = t->flags & FACT_BREACH ? APPROVAL_KIND_BREACH : 0;
	bool several;

	(void)approval_request_of(a, index, &several);
	if (several)
		flags |= APPROVAL_SEVERAL_REQUESTS;
	if (code == 0)
		return flags | APPROVAL_UNKNOWN_DECISION;
	flags |= judge_transition(l, code) | judge_signer(a, l, index, code) |
		 judge_time(a, l, index, code);
	if (code == DECISION_APPROVED)
		flags |= judge_shown(a, l, index);
	return flags;
}

static bool
take_effect(struct approvals *a, struct approval_life *l, uint32_t index)
{
	const struct fact *t = fact(a->v, index);
	int64_t ms = oversight_time(t);

	switch ((enum decision_code)t->code) {
	case DECISION_APPROVED:
		step_to(l, APPROVAL_APPROVED, index, ms);
		l->r.approval = index;
		return find_uses(a, l);
	case DECISION_DENIED:
		step_to(l, APPROVAL_DENIED, index, ms);
		return true;
	case DECISION_ESCALATED:
		step_to(l, APPROVAL_ESCALATED, index, ms);
		l->r.escalation = index;
		if (l->period_ms > 0)
			l->r.deadline_ms = ms + l->period_ms;
		return true;
	case DECISION_WITHDRAWN:
		step_to(l, APPROVAL_WITHDRAWN, index, ms);
		return true;
	case DECISION_REVOKED:
		step_to(l, APPROVAL_REVOKED, index, ms);
		l->revoked = index;
		return true;
	}
	return true;
}

static bool
replay(struct approvals *a, struct approval_life *l)
{
	struct approval_decision *list;
	struct index_list all;
	bool several;

	if (!indexes_children(
		a->v, l->r.index, KIND_BIT(HITL_DECISION), &a->meter, &a->scratch, &all) ||
	    (list = arena_alloc(&a->scratch, (all.n + 1) * sizeof(*list))) == NULL)
		return false;
	l->r.decisions = list;
	for (size_t i = 0; i < all.n; i++) {
		struct approval_decision *d = &list[l->r.decision_count];

		if (approval_request_of(a, all.p[i], &several) != l->r.index)
			continue;
		run_clock(l, oversight_time(fact(a->v, all.p[i])));
		run_uses(a, l, all.p[i]);
		*d = (struct approval_decision){
		    .index = all.p[i], .code = fact(a->v, all.p[i])->code};
		d->flags = judge(a, l, all.p[i]);
		d->effective = (d->flags & approval_voids()) == 0;
		l->r.decision_count++;
		if (d->effective && !take_effect(a, l, all.p[i]))
			return false;
	}
	l->r.decisions_all = l->r.decision_count;
	return true;
}

static bool
live(struct approvals *a, struct approval_life *l)
{
	if (!read_request(a, l) || !replay(a, l))
		return false;
	run_clock(l, oversight_now(a->v));
	run_uses(a, l, a->v->size);
	if (l->r.approval != FACTS_NONE) {
		size_t n = l->revoked != FACTS_NONE ? index_below(&l->uses, l->revoked) : l->uses.n;

		l->r.used = n > l->r.uses ? l->r.uses : (uint32_t)n;
	}
	l->r.role = role_now(l) == NULL ? BYTES_NONE : bytes_str(role_now(l));
	return true;
}

/* ---- lives, each worked out once ---- */

static struct approval_life **
life_slot(const struct approvals *a, uint32_t request)
{
	size_t i = (request * UINT32_C(2654435761)) & (a->life_room - 1);

	while (a->lives[i] != NULL && a->lives[i]->r.index != request)
		i = (i + 1) & (a->life_room - 1);
	return &a->lives[i];
}

static bool
lives_reserve(struct approvals *a)
{
	struct approval_life **old = a->lives;
	size_t old_room = a->life_room, room = old_room == 0 ? LIVES_MIN : old_room * 2;

	if (a->life_count + 1 <= old_room / 2)
		return true;
	a->lives = arena_zalloc(&a->scratch, room * sizeof(struct approval_life *));
	if (a->lives == NULL)
		return false;
	a->life_room = room;
	for (size_t i = 0; i < old_room; i++)
		if (old[i] != NULL)
			*life_slot(a, old[i]->r.index) = old[i];
	return true;
}

const struct approval_life *
approval_life(struct approvals *a, uint32_t request)
{
	struct approval_life *l;

	if (!lives_reserve(a)) {
		a->meter.no_memory = true;
		return NULL;
	}
	if ((l = *life_slot(a, request)) != NULL)
		return l;
	if ((l = arena_zalloc(&a->scratch, sizeof(*l))) == NULL) {
		a->meter.no_memory = true;
		return NULL;
	}
	l->r.index = request;
	l->r.approval = l->r.escalation = l->last_use = l->revoked = FACTS_NONE;
	if (!live(a, l)) {
		a->meter.no_memory = !a->meter.late;
		return NULL;
	}
	*life_slot(a, request) = l;
	a->life_count++;
	return l;
}

enum approval_state
approval_state_at(const struct approvals *a, const struct approval_life *l, uint32_t index)
{
	enum approval_state state = APPROVAL_REQUESTED;
	int64_t ms = oversight_time(fact(a->v, index));

	for (size_t i = 0; i < l->step_count; i++) {
		const struct approval_step *s = &l->steps[i];

		if (s->index != FACTS_NONE ? s->index >= index : s->ms >= ms)
			break;
		state = s->state;
	}
	return state;
}

uint32_t
approval_request_of(const struct approvals *a, uint32_t decision, bool *several)
{
	const struct fact *t = fact(a->v, decision);
	uint32_t found = FACTS_NONE;

	*several = false;
	for (unsigned i = 0; i < t->parent_count; i++) {
		uint32_t p = fact_parent(a->v, t, i);

		if (!fact_is_task(fact(a->v, p)) || fact(a->v, p)->kind != KIND_HITL_REQUEST)
			continue;
		if (found != FACTS_NONE)
			*several = true;
		else
			found = p;
	}
	return found;
}
