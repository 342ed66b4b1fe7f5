/*
 * recovery_name.c - names of states and flags as they are on the wire, and which kinds are work.
 */
#include "answer/recovery.h"

#include "base/must.h"

const char *
recovery_state_text(enum recovery_state state)
{
	static const char *const texts[RECOVERY_STATES] = {"none", "completed", "failed",
	    "rollback_requested", "rolled_back", "rollback_failed", "compensation_required"};

	must(state < RECOVERY_STATES);
	return texts[state];
}

const char *
recovery_flag_text(unsigned bit)
{
	static const char *const texts[RECOVERY_FLAG_COUNT] = {
#define X(id, text) text,
	    RECOVERY_FLAGS(X)
#undef X
	};

	must(bit < RECOVERY_FLAG_COUNT);
	return texts[bit];
}

/* What was done, and can be undone.  A start tells that work began; the work itself is in its outcome. */
bool
recovery_is_work(enum kind_id kind)
{
	return kind == KIND_TASK || kind == KIND_OWN || kind == KIND_CHECKPOINT ||
	       kind == KIND_TRANSLATION;
}
