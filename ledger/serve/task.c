/*
 * task.c - the task that a question names, looked up in the facts.
 */
#include <string.h>

#include "serve/call.h"

enum rc
call_task(const struct facts_view *v, const struct query_id *id, uint32_t *index, struct why *why)
{
	uint32_t at = FACTS_NONE, i, found = FACTS_NONE;
	char text[UUID_TEXT_SIZE];

	if (id->by_index && (id->index >= v->size || !fact_is_task(fact(v, (uint32_t)id->index))))
		return why_set(why, RC_NOT_FOUND, "lookup", "index", 0,
		    "entry %llu is no task in a tree of %llu", (unsigned long long)id->index,
		    (unsigned long long)v->size);
	if (id->by_index) {
		*index = (uint32_t)id->index;
		return RC_OK;
	}
	uuid_text(id->jti, text);
	while ((i = facts_find(v, id->jti, &at)) != FACTS_NONE) {
		const struct fact *t = fact(v, i);
		struct bytes wid = facts_name(v, FACTS_WID, t->wid);

		if (!id->any_wid && ((t->wid != FACTS_NONE) != id->has_wid ||
					(id->has_wid && memcmp(wid.p, id->wid, UUID_SIZE) != 0)))
			continue;
		if (found != FACTS_NONE)
			return why_set(why, RC_AMBIGUOUS, "one task per id", "jti", 0,
			    "%s is used in more than one workflow: give the wid", text);
		found = i;
	}
	if (found == FACTS_NONE)
		return why_set(why, RC_NOT_FOUND, "lookup", "jti", 0,
		    "no task %s in a tree of %llu%s", text, (unsigned long long)v->size,
		    id->has_wid && !id->any_wid ? " with that wid" : "");
	*index = found;
	return RC_OK;
}
