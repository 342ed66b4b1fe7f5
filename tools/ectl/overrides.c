/*
 * overrides.c - "ectl overrides": what people ordered, who obeyed, what was done in spite of it.
 */
#include <stdio.h>
#include <string.h>

#include "people.h"

static const char *const lists[] = {"overrides", "strays", "rests_on", NULL};

static void
row(struct table *t, struct table *notes, const json_t *r, const char *what, const char *state)
{
	table_add_u64(t, (uint64_t)json_integer_value(json_object_get(r, "index")));
	table_add(t, what);
	table_add(t, state);
	table_add(t, people_text(r, "jti"));
	table_add(t, people_text(r, "iss"));
	people_flags(notes, r);
}

static bool
is_ack(const json_t *r)
{
	return strcmp(people_text(r, "kind"), "override_ack") == 0;
}

static void
override_rows(struct table *t, struct table *notes, const json_t *o)
{
	const json_t *r;
	size_t i;

	row(t, notes, o, people_text(o, "level"), people_text(o, "state"));
	json_array_foreach(json_object_get(o, "acks"), i, r)
	{
		bool late = json_is_true(json_object_get(r, "late"));
		char state[64];

		(void)snprintf(
		    state, sizeof state, "%s%s", people_text(r, "state"), late ? ", late" : "");
		table_add(t, "");
		table_add(t, "  answer of");
		table_add(t, state);
		table_add(t, people_text(r, "jti"));
		table_add(t, people_text(r, "iss"));
	}
	json_array_foreach(json_object_get(o, "replies"), i, r)
	    row(t, notes, r, is_ack(r) ? "  ack" : "  release", people_text(r, "status"));
	json_array_foreach(json_object_get(o, "under_stop"), i, r) row(t, notes, r, "  task",
	    json_is_true(json_object_get(r, "in_flight")) ? "in_flight" : "under_stop");
}

static int
show(const json_t *all)
{
	static const char *const head[] = {"index", "record", "state", "jti", "iss"};
	struct table t, notes;
	const json_t *r;
	size_t i;
	int code;

	table_init(&t, 5);
	people_notes_init(&notes);
	for (i = 0; i < 5; i++)
		table_add(&t, head[i]);
	json_array_foreach(json_object_get(all, "overrides"), i, r) override_rows(&t, &notes, r);
	json_array_foreach(json_object_get(all, "strays"), i, r)
	    row(&t, &notes, r, is_ack(r) ? "ack" : "release", people_text(r, "status"));
	code = table_print(&t);
	code = people_notes_print(&notes, code);
	if (code == 0)
		(void)printf("\nat tree size %lld%s\n",
		    (long long)json_integer_value(json_object_get(all, "tree_size")),
		    json_is_true(json_object_get(all, "complete"))
			? ""
			: "; there is more: ask without --limit");
	return code;
}

static int
overrides_run(const struct globals *g, const struct args *a)
{
	Ectledger__V1__OverridesRequest request = ECTLEDGER__V1__OVERRIDES_REQUEST__INIT;
	struct pager pager = {.method = "/ectledger.v1.Query/Overrides",
	    .request = &request.base,
	    .reply = &ectledger__v1__overrides_reply__descriptor,
	    .at = &request.at,
	    .from = &request.below,
	    .limit = &request.limit,
	    .lists = lists};
	uint8_t jti[UUID_SIZE], wid[UUID_SIZE];
	json_t *all = NULL;
	int code;

	request.at = g->at;
	request.active = args_has(a, "--active");
	if (!people_wid(a, wid, &request.wid, &request.no_wid) || !people_limit(a, &pager.most) ||
	    (a->operand_count == 1 && !args_uuid(a->operands[0], jti, "an override")))
		return EXIT_USAGE;
	if (a->operand_count == 1)
		request.jti = (ProtobufCBinaryData){UUID_SIZE, jti};
	if ((code = people_ask(g, &pager, &all)) != 0)
		return code;
	if (g->output != OUTPUT_TABLE) {
		print_json(g, all);
		return 0;
	}
	code = show(all);
	json_decref(all);
	return code;
}

static const struct verb_option overrides_options[] = {
    {"--wid", "UUID", "that belong to this workflow; \"none\": to the tasks of no workflow", false},
    {"--active", NULL, "in force", false},
    {"--limit", "N", "the newest N items; default: all", false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_overrides = {"overrides", "[OVERRIDE]",
    "what people ordered, who obeyed, and what was done in spite of it", overrides_options, 0, 1,
    overrides_run};

/* ---- explanations ---- */

static int
explanations_run(const struct globals *g, const struct args *a)
{
	static const char *const names[] = {"explanations", "rests_on", NULL};
	static const char *const head[] = {"index", "jti", "iss", "summary_hash"};
	Ectledger__V1__ExplanationsRequest request = ECTLEDGER__V1__EXPLANATIONS_REQUEST__INIT;
	struct pager pager = {.method = "/ectledger.v1.Query/Explanations",
	    .request = &request.base,
	    .reply = &ectledger__v1__explanations_reply__descriptor,
	    .at = &request.at,
	    .from = &request.above,
	    .lists = names};
	json_t *all = NULL, *r;
	struct task_id id;
	struct table t;
	size_t i;
	int code;

	if (!task_id_read(a, a->operands[0], &id))
		return EXIT_USAGE;
	request.jti = task_id_jti(&id);
	request.wid = task_id_wid(&id);
	request.any_wid = id.any_wid;
	request.at = g->at;
	if ((code = people_ask(g, &pager, &all)) != 0)
		return code;
	if (g->output != OUTPUT_TABLE) {
		print_json(g, all);
		return 0;
	}
	table_init(&t, 4);
	for (i = 0; i < 4; i++)
		table_add(&t, head[i]);
	json_array_foreach(json_object_get(all, "explanations"), i, r)
	{
		table_add_u64(&t, (uint64_t)json_integer_value(json_object_get(r, "index")));
		table_add(&t, people_text(r, "jti"));
		table_add(&t, people_text(r, "iss"));
		table_add(&t, people_text(r, "summary_hash"));
	}
	json_decref(all);
	return table_print(&t);
}

static const struct verb_option explanations_options[] = {
    OPTION_WID,
    {NULL, NULL, NULL, false},
};
const struct verb verb_explanations = {"explanations", "JTI",
    "what was recorded to say why a task was done", explanations_options, 1, 1, explanations_run};
