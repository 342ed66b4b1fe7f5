/*
 * doc.c - the defaults, and what is asked of a document: who holds a role, which rule guards a task.
 */
#include "policy/doc_own.h"

#include <string.h>

#include "base/must.h"
#include "policy/policy.h"

static const struct policy_doc defaults = {
    .recovery = {.request_age_max_s = 86400,
	.requesters = REQUESTER_SIGNER | REQUESTER_ROOT | REQUESTER_COORDINATOR | REQUESTER_HUMAN},
    .circuit = {.window = 20, .minimum = 5, .threshold_e6 = 500000, .wait_s = 60, .probes = 1},
    .trust = {.model = MODEL_AIMD,
	.start_e6 = 500000,
	.add_e6 = 20000,
	.minor_e6 = 900000,
	.major_e6 = 500000,
	.violation_e6 = 100000,
	.floor_e6 = 200000},
};

const struct policy_doc *
policy_doc_default(void)
{
	return &defaults;
}

/* Rules are about what is done, not about the records of asking, deciding and overriding. */
static bool
can_be_guarded(enum kind_id kind)
{
	switch (kind) {
	case KIND_HITL_REQUEST:
	case KIND_HITL_DECISION:
	case KIND_OVERRIDE:
	case KIND_OVERRIDE_ACK:
	case KIND_OVERRIDE_RELEASE:
		return false;
	default:
		return true;
	}
}

const struct policy_rule *
policy_guard(const struct policy_doc *doc, const struct claim *claim, size_t *number)
{
	const struct policy_rule *found = NULL;
	const struct kind *kind;

	*number = 0;
	if (doc->rule_count == 0)
		return NULL;
	kind = kinds_of(doc->kinds, claim->act);
	if (!can_be_guarded(kind->id))
		return NULL;
	for (size_t i = 0; i < doc->rule_count; i++) {
		const struct policy_rule *rule = &doc->rules[i];

		/* One that is no stricter than what is found already needs no judging. */
		if ((found != NULL && rule->action <= found->action) ||
		    !doc_cond_holds(rule->when, claim, kind))
			continue;
		found = rule;
		*number = i;
	}
	return found;
}

bool
policy_holds(const struct policy_doc *doc, const char *role, struct bytes identity)
{
	must(role != NULL);
	for (size_t i = 0; i < doc->role_count; i++) {
		if (strcmp(doc->roles[i].name, role) != 0)
			continue;
		for (const char *const *p = doc->roles[i].members; *p != NULL; p++)
			if (policy_pattern_matches(bytes_str(*p), identity))
				return true;
	}
	return false;
}

bool
policy_act_in(const struct policy_acts *acts, struct bytes act)
{
	for (size_t i = 0; i < acts->count; i++) {
		const char *pattern = acts->patterns[i];
		size_t n = strlen(pattern);

		if (pattern[n - 1] == '*' ? act.n >= n - 1 && memcmp(act.p, pattern, n - 1) == 0
					  : bytes_is(act, pattern))
			return true;
	}
	return false;
}

static const char *const profiles[] = {"none", "relaxed", "standard", "regulated"};

const char *
policy_profile_text(enum policy_profile profile)
{
	return profiles[profile];
}

bool
policy_profile_read(struct bytes text, enum policy_profile *out)
{
	for (size_t i = PROFILE_RELAXED; i <= PROFILE_REGULATED; i++)
		if (bytes_is(text, profiles[i])) {
			*out = (enum policy_profile)i;
			return true;
		}
	return false;
}
