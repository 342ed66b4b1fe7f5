/*
 * rollback.c - this task was wrong: what depends on it, in which order it is undone, how far it
 * reached.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "rollback.h"

#define PAGE 10000

/* ---- asking ---- */

void
rollback_free(Ectledger__V1__RollbackReply *reply)
{
	if (reply != NULL)
		ectledger__v1__rollback_reply__free_unpacked(reply, NULL);
}

/* Items and entries of a later page go over to the first. */
static bool
join(Ectledger__V1__RollbackReply *all, Ectledger__V1__RollbackReply *page)
{
	size_t n = all->n_order + page->n_order, m = all->n_rests_on + page->n_rests_on;
	Ectledger__V1__RollbackItem **order = realloc(all->order, (n + 1) * sizeof(*order));
	uint64_t *rests_on;

	if (order == NULL)
		return false;
	all->order = order;
	if ((rests_on = realloc(all->rests_on, (m + 1) * sizeof(*rests_on))) == NULL)
		return false;
	all->rests_on = rests_on;
	if (page->n_order > 0)
		memcpy(order + all->n_order, page->order, page->n_order * sizeof(*order));
	if (page->n_rests_on > 0)
		memcpy(rests_on + all->n_rests_on, page->rests_on,
		    page->n_rests_on * sizeof(*rests_on));
	all->n_order = n;
	all->n_rests_on = m;
	all->complete = all->complete && page->complete;
	all->next = page->next;
	page->n_order = 0;
	return true;
}

static int
ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Every page names the task and the checkpoint: ascending and none twice again. */
static void
tidy(Ectledger__V1__RollbackReply *r)
{
	size_t kept = 0;

	if (r->n_rests_on > 1)
		qsort(r->rests_on, r->n_rests_on, sizeof(*r->rests_on), ascending);
	for (size_t i = 0; i < r->n_rests_on; i++)
		if (i == 0 || r->rests_on[i] != r->rests_on[i - 1])
			r->rests_on[kept++] = r->rests_on[i];
	r->n_rests_on = kept;
}

int
rollback_ask(const struct globals *g, const struct args *a, const char *scope, uint64_t most,
    Ectledger__V1__RollbackReply **out)
{
	Ectledger__V1__RollbackRequest request = ECTLEDGER__V1__ROLLBACK_REQUEST__INIT;
	Ectledger__V1__RollbackReply *page = NULL;
	struct ect_client *client = NULL;
	uint8_t to[UUID_SIZE];
	struct task_id id;
	int code;

	*out = NULL;
	if (!task_id_read(a, a->operands[0], &id) ||
	    (args_has(a, "--to") && !args_uuid(args_get(a, "--to"), to, "--to")))
		return EXIT_USAGE;
	request.jti = task_id_jti(&id);
	request.wid = task_id_wid(&id);
	request.any_wid = id.any_wid;
	request.scope = (char *)(uintptr_t)scope;
	request.at = g->at;
	if (args_has(a, "--to"))
		request.to_jti = (ProtobufCBinaryData){UUID_SIZE, to};
	code = connect_server(g, &client);
	while (code == 0) {
		uint64_t left = *out == NULL ? most : most - (*out)->n_order;

		request.limit = most == 0 || left > PAGE ? PAGE : (uint32_t)left;
		code = call_on(client, "/ectledger.v1.Query/RollbackSet", &request.base,
		    &ectledger__v1__rollback_reply__descriptor, (ProtobufCMessage **)(void *)&page);
		if (code != 0)
			break;
		if (*out == NULL)
			*out = page;
		else if (!join(*out, page))
			code = fail(EXIT_UNREACHABLE, "out of memory");
		if (*out != page)
			rollback_free(page);
		request.at = (*out)->tree_size;
		request.after = (*out)->next;
		if (request.after == 0 || (most > 0 && (*out)->n_order >= most))
			break;
	}
	ect_client_close(client);
	if (code == 0)
		tidy(*out);
	return code;
}

/* ---- showing ---- */

static json_t *
rollback_json(const Ectledger__V1__RollbackReply *r)
{
	json_t *order = json_array(), *rests_on = json_array();

	for (size_t i = 0; i < r->n_order; i++) {
		const Ectledger__V1__RollbackItem *n = r->order[i];

		(void)json_array_append_new(order,
		    json_pack("{so so sI so so so sb sb}", "jti", show_uuid(n->jti), "wid",
			show_uuid(n->wid), "index", (json_int_t)n->index, "iss", show_text(n->iss),
			"act", show_text(n->act), "action", show_text(n->action), "foreign",
			(int)n->foreign, "join", (int)n->join));
	}
	for (size_t i = 0; i < r->n_rests_on; i++)
		(void)json_array_append_new(rests_on, json_integer((json_int_t)r->rests_on[i]));
	return json_pack("{so so so sI sb sb so s{sI sI sI sI sI sI sI sI sI sI sI} so so}",
	    "target", show_uuid(r->target_jti), "checkpoint", show_uuid(r->checkpoint_jti), "scope",
	    show_text(r->scope), "tree_size", (json_int_t)r->tree_size, "complete",
	    (int)r->complete, "checkpoint_complete", (int)r->checkpoint_complete, "order", order,
	    "blast_radius", "tasks", (json_int_t)r->tasks, "agents", (json_int_t)r->agents,
	    "workflows", (json_int_t)r->workflows, "trust_domains", (json_int_t)r->trust_domains,
	    "depth", (json_int_t)r->depth, "foreign", (json_int_t)r->foreign, "joins",
	    (json_int_t)r->joins, "undo", (json_int_t)r->undo, "compensate",
	    (json_int_t)r->compensate, "irreversible", (json_int_t)r->irreversible,
	    "already_rolled_back", (json_int_t)r->already_rolled_back, "next",
	    r->next == 0 ? json_null() : json_integer((json_int_t)r->next), "rests_on", rests_on);
}

static int
rollback_table(const Ectledger__V1__RollbackReply *r)
{
	static const char *const head[] = {"step", "action", "index", "jti", "act", "iss", "notes"};
	struct table t;
	int code;

	table_init(&t, 7);
	for (size_t i = 0; i < 7; i++)
		table_add(&t, head[i]);
	for (size_t i = 0; i < r->n_order; i++) {
		const Ectledger__V1__RollbackItem *n = r->order[i];

		table_add_u64(&t, i + 1);
		table_add(&t, n->action);
		table_add_u64(&t, n->index);
		table_add_uuid(&t, n->jti);
		table_add(&t, n->act);
		table_add(&t, n->iss);
		table_add(&t,
		    n->foreign ? (n->join ? "foreign, join" : "foreign") : (n->join ? "join" : ""));
	}
	if ((code = table_print(&t)) != 0)
		return code;
	if (r->n_order < r->tasks)
		(void)printf(
		    "\n%zu of %llu tasks shown\n", r->n_order, (unsigned long long)r->tasks);
	(void)printf(
	    "\nreach: %llu tasks, %llu agents, %llu workflows, %llu trust domains, at tree "
	    "size %llu%s\n",
	    (unsigned long long)r->tasks, (unsigned long long)r->agents,
	    (unsigned long long)r->workflows, (unsigned long long)r->trust_domains,
	    (unsigned long long)r->tree_size,
	    r->complete ? "" : "; NOT COMPLETE: over the limit of one query");
	(void)printf(
	    "to do: %llu undo, %llu compensate, %llu irreversible, %llu already rolled back\n",
	    (unsigned long long)r->undo, (unsigned long long)r->compensate,
	    (unsigned long long)r->irreversible, (unsigned long long)r->already_rolled_back);
	return 0;
}

static int
rollback_run(const struct globals *g, const struct args *a)
{
	const char *scope = args_has(a, "--scope") ? args_get(a, "--scope")
			    : args_has(a, "--to")  ? "checkpoint"
						   : "failed";
	Ectledger__V1__RollbackReply *reply = NULL;
	uint64_t most = 0;
	int code;

	if (strcmp(scope, "failed") != 0 && strcmp(scope, "checkpoint") != 0 &&
	    strcmp(scope, "full") != 0)
		return fail(
		    EXIT_USAGE, "--scope wants failed, checkpoint or full, not \"%s\"", scope);
	if (!args_u64(a, "--limit", &most))
		return EXIT_USAGE;
	if (args_has(a, "--emit"))
		return rollback_emit(g, a, scope);
	for (const char *const *o =
		 (const char *const[]){"--key", "--idem", "--not-after", "--reason", "--set", NULL};
	     *o != NULL; o++)
		if (args_has(a, *o))
			return fail(EXIT_USAGE, "%s goes with --emit", *o);
	if ((code = rollback_ask(g, a, scope, most, &reply)) == 0) {
		if (g->output == OUTPUT_TABLE)
			code = rollback_table(reply);
		else
			print_json(g, rollback_json(reply));
	}
	rollback_free(reply);
	return code;
}

static const struct verb_option rollback_options[] = {
    OPTION_WID,
    {"--scope", "SCOPE",
	"failed (default): the task and everything that depends on it; checkpoint: also what lies "
	"between; full: everything after the checkpoint",
	false},
    {"--to", "JTI", "the checkpoint to return to; default: the nearest", false},
    {"--limit", "N", "at most so many tasks of the order; default: all", false},
    {"--emit", NULL, "write the rollback request as a token and append it", false},
    {"--key", "FILE", "with --emit: the private JWK that signs it", false},
    {"--idem", "TEXT", "with --emit: a repeat of the request is known by it", false},
    {"--not-after", "TIME", "with --emit: no answer is wanted later; also +90s, +2h", false},
    {"--reason", "TEXT", "with --emit: why", false},
    {"--set", "JTI", "with --emit: exactly this task, and others so named; not with --scope, --to",
	true},
    {NULL, NULL, NULL, false},
};
const struct verb verb_rollback = {"rollback", "JTI",
    "this task was wrong: what depends on it, in the order in which to undo it", rollback_options,
    1, 1, rollback_run};
