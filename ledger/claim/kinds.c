/*
 * kinds.c - a deployment's additions to the table of kinds, out of its policy document.
 */
#include "claim/kind_own.h"

enum rc
kinds_make(
    const struct json_node *extra, struct arena *arena, const struct kinds **out, struct why *why)
{
	(void)arena;
	*out = NULL;
	if (extra == NULL || extra->count == 0)
		return RC_OK;
	return why_set(why, RC_BAD_CONFIG, "policy kinds", "kinds", 0, "not read yet");
}
