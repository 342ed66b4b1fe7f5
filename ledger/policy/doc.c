/*
 * doc.c - the defaults, and what is asked of a document.
 */
#include "policy/doc.h"

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

enum rc
policy_doc_read(
    struct bytes text, struct arena *arena, const struct policy_doc **out, struct why *why)
{
	(void)arena;
	*out = &defaults;
	return text.n == 0
		   ? RC_OK
		   : why_set(why, RC_BAD_CONFIG, "policy document", NULL, 0, "not read yet");
}

const struct policy_rule *
policy_guard(const struct policy_doc *doc, const struct claim *claim, size_t *number)
{
	(void)claim;
	*number = 0;
	must(doc->rule_count == 0);
	return NULL;
}

bool
policy_holds(const struct policy_doc *doc, const char *role, struct bytes identity)
{
	(void)doc, (void)role, (void)identity;
	return false;
}

bool
policy_act_in(const struct policy_acts *acts, struct bytes act)
{
	(void)act;
	must(acts->count == 0);
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
