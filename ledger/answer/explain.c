/*
 * explain.c - the explanation entries among a task's children.
 */
#include "answer/explain.h"

#include <string.h>

#include "answer/oversight.h"

#define SCRATCH_MAX ((size_t)1 << 28)
#define RECORD_MAX  ((size_t)4 << 20)

/* False: no memory. */
static bool
read_one(const struct facts_view *v, uint32_t index, struct arena *record, struct arena *arena,
    struct explanation *out)
{
	const struct kind *kind = fact_kind(v, index);
	const struct json_node *ext, *hash, *vac;
	uint8_t room[HASH_SIZE];
	size_t n = 0;

	arena_reset(record);
	ext = fact_ext(v, fact(v, index), record);
	hash = kind_ext(kind, ext, "summary_hash");
	vac = kind_ext(kind, ext, "vac");
	*out = (struct explanation){.index = index};
	if (hash != NULL && hash->type == JSN_STRING &&
	    b64url_decode(hash->text, room, sizeof(room), &n) && n == sizeof(room) &&
	    !arena_dup(arena, bytes_of(room, n), &out->summary_hash))
		return false;
	return vac == NULL || vac->type != JSN_OBJECT || arena_dup(arena, vac->raw, &out->vac);
}

static bool
read_all(const struct facts_view *v, uint32_t task, const struct index_list *all, size_t from,
    size_t limit, struct arena *arena, struct explain_answer *out)
{
	size_t left = all->n - from, n = limit != 0 && left > limit ? limit : left;
	struct explanation *list = arena_alloc(arena, (n + 1) * sizeof(*list));
	struct index_list rests_on = {0};
	struct arena record;
	bool ok = list != NULL && indexes_add(&rests_on, task, arena);

	arena_init(&record, RECORD_MAX);
	for (size_t i = 0; ok && i < n; i++)
		ok = read_one(v, all->p[from + i], &record, arena, &list[i]) &&
		     indexes_add(&rests_on, list[i].index, arena);
	arena_release(&record);
	if (!ok)
		return false;
	out->list = list;
	out->count = n;
	out->complete = n == left;
	out->next = out->complete ? 0 : all->p[from + n];
	out->rests_on = rests_on.p;
	out->rests_on_count = rests_on.n;
	return true;
}

enum rc
answer_explain(const struct facts_view *v, uint32_t task, uint32_t above, size_t limit,
    const struct budget *budget, struct explain_answer *out, struct why *why)
{
	struct meter meter = {.budget = budget};
	struct index_list all;
	struct arena scratch;
	enum rc rc = RC_OK;

	memset(out, 0, sizeof(*out));
	out->tree_size = v->size;
	arena_init(&scratch, SCRATCH_MAX);
	if (!indexes_children(v, task, KIND_BIT(EXPLANATION), &meter, &scratch, &all))
		rc = meter.no_memory ? RC_NO_MEMORY : RC_TOO_LARGE;
	else if (!read_all(v, task, &all, index_below(&all, above), limit, budget->arena, out))
		rc = RC_NO_MEMORY;
	arena_release(&scratch);
	if (rc == RC_TOO_LARGE)
		return why_set(why, rc, "query_ms_max", NULL, 0,
		    "what rests on the task takes longer than a question may");
	if (rc != RC_OK)
		return why_set(why, rc, "query_bytes_max", NULL, 0, "the answer is too large");
	return RC_OK;
}
