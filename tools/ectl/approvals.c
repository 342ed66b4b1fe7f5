/*
 * approvals.c - "ectl approvals": what was asked of people, what they decided, what was done without
 * them.
 */
#include <stdio.h>

#include "people.h"

static const char *const lists[] = {"requests", "guarded", "strays", "rests_on", NULL};

static void
request_row(struct table *t, struct table *notes, const json_t *r)
{
	const json_t *d;
	size_t i;

	table_add_u64(t, (uint64_t)json_integer_value(json_object_get(r, "index")));
	table_add(t, "request");
	table_add(t, people_text(r, "state"));
	table_add(t, people_text(r, "jti"));
	table_add(t, people_text(r, "iss"));
	people_flags(notes, r);
	json_array_foreach(json_object_get(r, "decisions"), i, d)
	{
		table_add_u64(t, (uint64_t)json_integer_value(json_object_get(d, "index")));
		table_add(t, "  decision");
		table_add(t, people_text(d, "decision"));
		table_add(t, people_text(d, "jti"));
		table_add(t, people_text(d, "iss"));
		people_flags(notes, d);
	}
}

static void
other_row(
    struct table *t, struct table *notes, const json_t *r, const char *what, const char *state)
{
	table_add_u64(t, (uint64_t)json_integer_value(json_object_get(r, "index")));
	table_add(t, what);
	table_add(t, people_text(r, state));
	table_add(t, people_text(r, "jti"));
	table_add(t, people_text(r, "iss"));
	people_flags(notes, r);
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
	json_array_foreach(json_object_get(all, "requests"), i, r) request_row(&t, &notes, r);
	json_array_foreach(json_object_get(all, "guarded"), i, r)
	    other_row(&t, &notes, r, "task", "state");
	json_array_foreach(json_object_get(all, "strays"), i, r)
	    other_row(&t, &notes, r, "decision", "decision");
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
approvals_run(const struct globals *g, const struct args *a)
{
	Ectledger__V1__ApprovalsRequest request = ECTLEDGER__V1__APPROVALS_REQUEST__INIT;
	struct pager pager = {.method = "/ectledger.v1.Query/Approvals",
	    .request = &request.base,
	    .reply = &ectledger__v1__approvals_reply__descriptor,
	    .at = &request.at,
	    .from = &request.below,
	    .limit = &request.limit,
	    .lists = lists};
	uint8_t jti[UUID_SIZE], wid[UUID_SIZE];
	char *states[16];
	json_t *all = NULL;
	const char *one;
	int code;

	request.at = g->at;
	request.open = args_has(a, "--open");
	request.missing = args_has(a, "--missing");
	request.states = states;
	for (size_t i = 0; i < 16 && (one = args_nth(a, "--state", i)) != NULL; i++)
		states[request.n_states++] = (char *)(uintptr_t)one;
	if (!people_wid(a, wid, &request.wid, &request.no_wid) || !people_limit(a, &pager.most) ||
	    (a->operand_count == 1 && !args_uuid(a->operands[0], jti, "a request")))
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

static const struct verb_option approvals_options[] = {
    {"--wid", "UUID", "of this workflow; \"none\": of the tasks of no workflow", false},
    {"--state", "STATE",
	"requests in this state: requested, escalated, approved, denied, expired, withdrawn, "
	"revoked, consumed, notified",
	true},
    {"--open", NULL, "requests that wait for somebody", false},
    {"--missing", NULL, "guarded tasks that were done without an approval that holds", false},
    {"--limit", "N", "the newest N items; default: all", false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_approvals = {"approvals", "[REQUEST]",
    "what was asked of people, what they decided, and what was done without them",
    approvals_options, 0, 1, approvals_run};
