/*
 * approval.c - the life of a request, replayed up to the task that wants to rest on it.
 *
 * The rules are those of docs/OVERSIGHT.md: decisions take effect in index order; before each the clock
 * runs to its time; what is void has no effect.  Only two ends let the task go on: the decision that it
 * rests on is the one that approved, is not revoked and not used up; or it rests on the request, whose
 * time is over, and the rule says that it may proceed then.
 *
 * Invariant: at most one decision is an effective approval, because nothing leads back from approved.
 */
#include "policy/approval.h"

#include <string.h>

#include "base/must.h"

enum state {
	REQUESTED,
	ESCALATED,
	APPROVED,
	DENIED,
	EXPIRED,
	WITHDRAWN,
	REVOKED,
	CONSUMED,
	NOTIFIED
};

/* One question. */
struct asking {
	const struct approval_task *task;
	const struct approval_lookup *lookup;
	size_t reads;	   /* left */
	const char *wrong; /* what speaks against the best of its predecessors so far */
	bool no_reads;
};

struct life {
	struct approval_task request;
	const struct policy_rule *rule; /* by the request's document */
	enum state state;
	bool escalated;
	int64_t deadline_ms;   /* 0: none */
	uint64_t uses;	       /* tasks that one approval guards */
	uint64_t approval;     /* index of the decision; UINT64_MAX: none */
	struct bytes approver; /* only of the decision that the task rests on */
	uint64_t last_use;     /* the task that used it up; UINT64_MAX: none */
};

/* ---- asking, within what it may cost ---- */

static bool
spend(struct asking *a, size_t reads)
{
	if (a->reads < reads) {
		a->no_reads = true;
		return false;
	}
	a->reads -= reads;
	return true;
}

/* RC_APPROVAL_MISSING: not any more. */
static enum rc
task_at(struct asking *a, uint64_t index, enum approval_slot slot, struct approval_task *out)
{
	return spend(a, 1) ? a->lookup->task(a->lookup->ctx, index, slot, out)
			   : RC_APPROVAL_MISSING;
}

/* The successors; all of them, or none and RC_APPROVAL_MISSING. */
static enum rc
children_of(struct asking *a, uint64_t index, uint64_t out[APPROVAL_READS_MAX], size_t *count)
{
	enum rc rc;

	if (!spend(a, APPROVAL_LIST_COST))
		return RC_APPROVAL_MISSING;
	rc = a->lookup->children(a->lookup->ctx, index, out, APPROVAL_READS_MAX, count);
	if (rc == RC_OK && *count == APPROVAL_READS_MAX) {
		a->no_reads = true;
		return RC_APPROVAL_MISSING;
	}
	return rc;
}

static const struct json_node *
key_of(const struct approval_task *t, const char *key, enum json_type type)
{
	const struct json_node *n = kind_ext(t->kind, t->ext, key);

	return n != NULL && n->type == type ? n : NULL;
}

static bool
holds(const struct approval_task *t, const char *role)
{
	return role != NULL && policy_holds(t->doc, role, t->iss);
}

/* ---- the request ---- */

static const struct policy_rule *
rule_named(const struct policy_doc *doc, struct bytes id)
{
	for (size_t i = 0; i < doc->rule_count; i++)
		if (bytes_is(id, doc->rules[i].id))
			return &doc->rules[i];
	return NULL;
}

static int64_t
period_ms(const struct life *l)
{
	return l->rule->timeout_s > 0 ? l->rule->timeout_s * 1000 : 0;
}

static void
read_limits(struct life *l)
{
	const struct json_node *n;
	uint64_t number;

	/* Where something else than its end comes of it, the time is the rule's alone: who asks would go on at once,
	 * or choose who decides. */
	if (l->rule->on_timeout == TIMEOUT_ABORT &&
	    (n = key_of(&l->request, "deadline", JSN_NUMBER)) != NULL && json_uint(n, &number))
		l->deadline_ms = (int64_t)number * 1000;
	if (period_ms(l) > 0) {
		int64_t until = l->request.time_ms + period_ms(l);

		if (l->deadline_ms == 0 || until < l->deadline_ms)
			l->deadline_ms = until;
	}
	l->uses = 1;
	if ((n = key_of(&l->request, "uses", JSN_NUMBER)) != NULL && json_uint(n, &number) &&
	    number >= 1)
		l->uses = number > UINT32_MAX ? UINT32_MAX : number;
}

/* Is it about the rule that guards the task?  l->request is there. */
static bool
read_request(struct asking *a, struct life *l)
{
	const struct json_node *rule = key_of(&l->request, "rule_id", JSN_STRING);
	const struct json_node *kind = key_of(&l->request, "kind", JSN_STRING);

	if (rule == NULL || !bytes_is(rule->text, a->task->guard->id)) {
		a->wrong = "other_rule";
		return false;
	}
	if ((l->rule = rule_named(l->request.doc, rule->text)) == NULL) {
		a->wrong = "unknown_rule";
		return false;
	}
	l->state = kind != NULL && bytes_is(kind->text, "notify") ? NOTIFIED : REQUESTED;
	l->approval = l->last_use = UINT64_MAX;
	read_limits(l);
	return true;
}

/* ---- the clock ---- */

static bool
is_open(const struct life *l)
{
	return l->state == REQUESTED || l->state == ESCALATED;
}

/* Until 'ms', that instant not included. */
static void
run_clock(struct life *l, int64_t ms)
{
	while (is_open(l) && l->deadline_ms != 0 && ms > l->deadline_ms) {
		if (l->state == REQUESTED && l->rule->on_timeout == TIMEOUT_ESCALATE) {
			l->state = ESCALATED;
			l->escalated = true;
			l->deadline_ms = period_ms(l) > 0 ? l->deadline_ms + period_ms(l) : 0;
		} else {
			l->state = EXPIRED;
		}
	}
}

/* ---- decisions ---- */

static const char *
role_now(const struct life *l)
{
	return l->escalated && l->rule->escalate_to != NULL ? l->rule->escalate_to : l->rule->role;
}

static const char *
judge_transition(const struct life *l, enum decision_code code)
{
	bool decides = code == DECISION_APPROVED || code == DECISION_DENIED;

	switch (l->state) {
	case REQUESTED:
		return code == DECISION_REVOKED ? "bad_transition" : NULL;
	case ESCALATED:
		return decides ? NULL : "bad_transition";
	case APPROVED:
		return code == DECISION_REVOKED ? NULL : "bad_transition";
	case CONSUMED:
		return code == DECISION_REVOKED ? "revoked_too_late" : "after_final";
	case EXPIRED:
		return decides || code == DECISION_ESCALATED ? "late" : "after_final";
	default:
		return "after_final";
	}
}

/* Who decides holds the role that it is up to now; who asked may withdraw, and give an approval back, and
 * so may who gave it. */
static const char *
judge_signer(const struct life *l, const struct approval_task *d, enum decision_code code)
{
	bool asked = bytes_eq(d->iss, l->request.iss);

	if (code == DECISION_WITHDRAWN || code == DECISION_REVOKED) {
		if (asked || holds(d, l->rule->role) || holds(d, l->rule->escalate_to) ||
		    (code == DECISION_REVOKED && bytes_eq(d->iss, l->approver)))
			return NULL;
		return "role_not_held";
	}
	if (asked)
		return "self_approval";
	return role_now(l) != NULL && !holds(d, role_now(l)) ? "role_not_held" : NULL;
}

static const char *
judge_time(const struct life *l, const struct approval_task *d, enum decision_code code)
{
	if (code == DECISION_WITHDRAWN || code == DECISION_REVOKED || !is_open(l) ||
	    l->deadline_ms == 0)
		return NULL;
	return d->iat * 1000 > l->deadline_ms ? "late" : NULL;
}

/* An approval repeats the digest of what was to be shown. */
static const char *
judge_shown(const struct life *l, const struct approval_task *d)
{
	const struct json_node *n = kind_ext(d->kind, d->ext, "shown_hash");
	const struct claim_hash *asked = &l->request.inp_hash;
	uint8_t shown[HASH_SIZE];
	size_t size = 0;

	if (n == NULL)
		return NULL;
	if (n->type != JSN_STRING || !b64url_decode(n->text, shown, sizeof(shown), &size) ||
	    asked->alg != CLAIM_SHA256 ||
	    !bytes_eq(bytes_of(asked->b, asked->size), bytes_of(shown, size)))
		return "shown_hash_mismatch";
	return NULL;
}

/* NULL: it has effect. */
static const char *
judge(const struct life *l, const struct approval_task *d)
{
	enum decision_code code = (enum decision_code)kind_code(d->kind, d->ext);
	const char *wrong;

	if ((int)code == 0)
		return "unknown_decision";
	if ((wrong = judge_transition(l, code)) != NULL ||
	    (wrong = judge_signer(l, d, code)) != NULL || (wrong = judge_time(l, d, code)) != NULL)
		return wrong;
	return code == DECISION_APPROVED ? judge_shown(l, d) : NULL;
}

static void
take_effect(struct life *l, const struct approval_task *d)
{
	switch ((enum decision_code)kind_code(d->kind, d->ext)) {
	case DECISION_APPROVED:
		l->state = APPROVED;
		l->approval = d->index;
		break;
	case DECISION_DENIED:
		l->state = DENIED;
		break;
	case DECISION_ESCALATED:
		l->state = ESCALATED;
		l->escalated = true;
		if (period_ms(l) > 0)
			l->deadline_ms = d->time_ms + period_ms(l);
		break;
	case DECISION_WITHDRAWN:
		l->state = WITHDRAWN;
		break;
	case DECISION_REVOKED:
		l->state = REVOKED;
		break;
	}
}

/* The tasks that the approval has guarded: those that rest on it, under the same rule, by others than the
 * approver. */
static enum rc
find_uses(struct asking *a, struct life *l)
{
	uint64_t list[APPROVAL_READS_MAX], used = 0;
	struct approval_task t;
	size_t count = 0;
	enum rc rc = children_of(a, l->approval, list, &count);

	for (size_t i = 0; rc == RC_OK && i < count && l->last_use == UINT64_MAX; i++) {
		if ((rc = task_at(a, list[i], APPROVAL_BESIDE, &t)) != RC_OK)
			break;
		if (t.guard == NULL || strcmp(t.guard->id, l->rule->id) != 0 ||
		    bytes_eq(t.iss, l->approver))
			continue;
		if (++used == l->uses)
			l->last_use = list[i];
	}
	return rc;
}

/* The request that a decision is about: the first among its predecessors; UINT64_MAX: none.  'known' is one
 * that need not be read again. */
static enum rc
request_of(struct asking *a, const struct approval_task *decision, uint64_t known,
    enum approval_slot slot, struct approval_task *out, uint64_t *index)
{
	*index = UINT64_MAX;
	for (size_t i = 0; i < decision->parent_count && *index == UINT64_MAX; i++) {
		enum rc rc = RC_OK;

		if (decision->parents[i] == known)
			*index = known;
		else
			rc = task_at(a, decision->parents[i], slot, out);
		if (rc != RC_OK || *index != UINT64_MAX)
			return rc;
		if (out->kind->id == KIND_HITL_REQUEST)
			*index = decision->parents[i];
	}
	return RC_OK;
}

/* One successor of the request.  'rests' is the decision that the task rests on; NULL: none. */
static enum rc
replay_one(struct asking *a, struct life *l, uint64_t index, const struct approval_task *rests)
{
	struct approval_task d, first;
	const char *wrong;
	uint64_t request;
	enum rc rc = task_at(a, index, APPROVAL_CHILD, &d);

	if (rc != RC_OK || d.kind->id != KIND_HITL_DECISION)
		return rc;
	if ((rc = request_of(a, &d, l->request.index, APPROVAL_BESIDE, &first, &request)) !=
		RC_OK ||
	    request != l->request.index)
		return rc;
	run_clock(l, d.time_ms);
	if (l->state == APPROVED && l->last_use < index)
		l->state = CONSUMED;
	wrong = judge(l, &d);
	if (rests != NULL && index == rests->index)
		a->wrong = wrong;
	if (wrong != NULL)
		return RC_OK;
	take_effect(l, &d);
	if (l->state == APPROVED && rests != NULL && index == rests->index) {
		l->approver = rests->iss;
		rc = find_uses(a, l);
	}
	return rc;
}

/* To where the task is. */
static enum rc
replay(struct asking *a, struct life *l, const struct approval_task *rests)
{
	uint64_t list[APPROVAL_READS_MAX];
	size_t count = 0;
	enum rc rc = children_of(a, l->request.index, list, &count);

	for (size_t i = 0; rc == RC_OK && i < count; i++)
		rc = replay_one(a, l, list[i], rests);
	run_clock(l, a->task->time_ms);
	return rc;
}

/* ---- the task ---- */

static const char *
although(enum state state)
{
	switch (state) {
	case REQUESTED:
		return "although_requested";
	case ESCALATED:
		return "although_escalated";
	case DENIED:
		return "although_denied";
	case EXPIRED:
		return "although_expired";
	case WITHDRAWN:
		return "although_withdrawn";
	case REVOKED:
		return "although_revoked";
	default:
		return "approval_missing";
	}
}

/* The task rests on a decision. */
static enum rc
by_decision(struct asking *a, const struct approval_task *decision, bool *fine)
{
	struct life l = {0};
	uint64_t request;
	enum rc rc = request_of(a, decision, UINT64_MAX, APPROVAL_REQUEST, &l.request, &request);

	if (rc != RC_OK)
		return rc;
	if (request == UINT64_MAX) {
		a->wrong = "not_on_request";
		return RC_OK;
	}
	if (!read_request(a, &l))
		return RC_OK;
	a->wrong = NULL;
	if ((rc = replay(a, &l, decision)) != RC_OK)
		return rc;
	if (l.approval != decision->index)
		a->wrong = a->wrong != NULL ? a->wrong : although(l.state);
	else if (bytes_eq(a->task->iss, decision->iss))
		a->wrong = "approves_own_task";
	else if (l.state == REVOKED)
		a->wrong = although(l.state);
	else if (l.last_use != UINT64_MAX)
		a->wrong = "used_twice";
	else
		*fine = true;
	return RC_OK;
}

/* It rests on the request itself. */
static enum rc
by_request(struct asking *a, const struct approval_task *request, bool *fine)
{
	struct life l = {.request = *request};
	enum rc rc;

	if (!read_request(a, &l))
		return RC_OK;
	if ((rc = replay(a, &l, NULL)) != RC_OK)
		return rc;
	*fine = l.state == EXPIRED && l.rule->on_timeout == TIMEOUT_PROCEED;
	if (!*fine)
		a->wrong = although(l.state);
	return RC_OK;
}

static enum rc
refuse(const struct asking *a, struct why *why)
{
	const struct policy_rule *rule = a->task->guard;

	if (a->no_reads)
		return why_set(why, RC_APPROVAL_MISSING, "approval", "pred", 0,
		    "rule %.64s guards this task; its approval has more successors than are looked "
		    "at: ask for another",
		    rule->id);
	return why_set(why, RC_APPROVAL_MISSING, "approval", "pred", 0,
	    "rule %.64s guards this task: %s%s%.48s", rule->id,
	    a->wrong == NULL ? "approval_missing" : a->wrong,
	    rule->role == NULL ? "" : "; who decides is ", rule->role == NULL ? "" : rule->role);
}

enum rc
approval_check(
    const struct approval_task *task, const struct approval_lookup *lookup, struct why *why)
{
	struct asking a = {.task = task, .lookup = lookup, .reads = APPROVAL_READS_MAX};
	bool fine = false;
	enum rc rc = RC_OK;

	must(task->guard != NULL);
	for (size_t i = 0; rc == RC_OK && i < task->parent_count && !fine; i++) {
		struct approval_task parent;

		if ((rc = task_at(&a, task->parents[i], APPROVAL_DECISION, &parent)) != RC_OK)
			break;
		if (parent.kind->id == KIND_HITL_DECISION)
			rc = by_decision(&a, &parent, &fine);
		else if (parent.kind->id == KIND_HITL_REQUEST)
			rc = by_request(&a, &parent, &fine);
	}
	if (rc == RC_OK && fine)
		return RC_OK;
	return rc == RC_OK || rc == RC_APPROVAL_MISSING ? refuse(&a, why) : rc;
}
