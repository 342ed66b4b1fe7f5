/*
 * rollback.c - this task was wrong: what depends on it, in which order it is undone, how far it
 * reached.
 */
#include <stdio.h>
#include <string.h>

#include "call.h"

static json_t *
rollback_json(const Ectledger__V1__RollbackReply *r)
{
	json_t *order = json_array();

	for (size_t i = 0; i < r->n_order; i++) {
		const Ectledger__V1__RollbackItem *n = r->order[i];

		(void)json_array_append_new(order,
		    json_pack("{so so sI so so so}", "jti", show_uuid(n->jti), "wid",
			show_uuid(n->wid), "index", (json_int_t)n->index, "iss", show_text(n->iss),
			"act", show_text(n->act), "action", show_text(n->action)));
	}
	return json_pack("{so sn so sI sb so s{sI sI sI sI}}", "target", show_uuid(r->target_jti),
	    "checkpoint", "scope", show_text(r->scope), "tree_size", (json_int_t)r->tree_size,
	    "complete", r->complete != 0, "order", order, "blast_radius", "tasks",
	    (json_int_t)r->tasks, "agents", (json_int_t)r->agents, "workflows",
	    (json_int_t)r->workflows, "trust_domains", (json_int_t)r->trust_domains);
}

static int
rollback_table(const Ectledger__V1__RollbackReply *r)
{
	static const char *const head[] = {"step", "action", "index", "jti", "act", "iss"};
	struct table t;
	int code;

	table_init(&t, 6);
	for (size_t i = 0; i < 6; i++)
		table_add(&t, head[i]);
	for (size_t i = 0; i < r->n_order; i++) {
		const Ectledger__V1__RollbackItem *n = r->order[i];

		table_add_u64(&t, i + 1);
		table_add(&t, n->action);
		table_add_u64(&t, n->index);
		table_add_uuid(&t, n->jti);
		table_add(&t, n->act);
		table_add(&t, n->iss);
	}
	code = table_print(&t);
	if (code == 0)
		(void)printf("\nreach: %llu tasks, %llu agents, %llu workflows, %llu trust "
			     "domains, at tree size %llu%s\n",
		    (unsigned long long)r->tasks, (unsigned long long)r->agents,
		    (unsigned long long)r->workflows, (unsigned long long)r->trust_domains,
		    (unsigned long long)r->tree_size,
		    r->complete ? "" : "; NOT COMPLETE: over the limit of one query");
	return code;
}

static int
rollback_run(const struct globals *g, const struct args *a)
{
	Ectledger__V1__RollbackRequest request = ECTLEDGER__V1__ROLLBACK_REQUEST__INIT;
	Ectledger__V1__RollbackReply *reply = NULL;
	const char *scope = args_has(a, "--scope") ? args_get(a, "--scope") : "failed";
	struct task_id id;
	int code;

	if (strcmp(scope, "failed") != 0 && strcmp(scope, "checkpoint") != 0 &&
	    strcmp(scope, "full") != 0)
		return fail(
		    EXIT_USAGE, "--scope wants failed, checkpoint or full, not \"%s\"", scope);
	if (strcmp(scope, "failed") != 0 || args_has(a, "--to"))
		return fail(EXIT_USAGE, "this version knows --scope failed only: the task and "
					"everything that depends on it");
	if (!task_id_read(a, a->operands[0], &id))
		return EXIT_USAGE;
	request.jti = task_id_jti(&id);
	request.wid = task_id_wid(&id);
	request.any_wid = id.any_wid;
	request.scope = (char *)(uintptr_t)scope;
	request.at = g->at;
	code = call_server(g, "/ectledger.v1.Query/RollbackSet", &request.base,
	    &ectledger__v1__rollback_reply__descriptor, (ProtobufCMessage **)(void *)&reply);
	if (code == 0 && g->output == OUTPUT_TABLE)
		code = rollback_table(reply);
	else if (code == 0)
		print_json(g, rollback_json(reply));
	if (reply != NULL)
		ectledger__v1__rollback_reply__free_unpacked(reply, NULL);
	return code;
}

static const struct verb_option rollback_options[] = {
    OPTION_WID,
    {"--scope", "SCOPE", "failed (default): the task and everything that depends on it", false},
    {"--to", "JTI", "not in this version", false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_rollback = {"rollback", "JTI",
    "this task was wrong: what depends on it, in the order in which to undo it", rollback_options,
    1, 1, rollback_run};
