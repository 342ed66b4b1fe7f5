/*
 * workflow.c - in which state a workflow is, and where it left what was declared; the list of workflows;
 * registering a descriptor.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workflow.h"

#define PAGE	       10000
#define LIST_PAGE      1000
#define DESCRIPTOR_MAX 49152

bool
workflow_id_read(const char *text, uint8_t id[UUID_SIZE], ProtobufCBinaryData *out)
{
	*out = (ProtobufCBinaryData){0, NULL};
	if (strcmp(text, "none") == 0)
		return true;
	if (!args_uuid(text, id, "WID"))
		return false;
	*out = (ProtobufCBinaryData){UUID_SIZE, id};
	return true;
}

/* ---- one workflow ---- */

/* Rows of a later page go over to the first. */
static bool
join(Ectledger__V1__WorkflowReply *all, Ectledger__V1__WorkflowReply *page)
{
	size_t n = all->n_nodes + page->n_nodes;
	Ectledger__V1__WorkflowNode **nodes = realloc(all->nodes, (n + 1) * sizeof(*nodes));

	if (nodes == NULL)
		return false;
	all->nodes = nodes;
	if (page->n_nodes > 0)
		memcpy(nodes + all->n_nodes, page->nodes, page->n_nodes * sizeof(*nodes));
	all->n_nodes = n;
	all->complete = all->complete && page->complete;
	all->next = page->next;
	page->n_nodes = 0;
	return true;
}

/* All pages, or as many rows as are wanted. */
static int
ask(const struct globals *g, const char *wid, uint64_t most, Ectledger__V1__WorkflowReply **out)
{
	Ectledger__V1__WorkflowRequest request = ECTLEDGER__V1__WORKFLOW_REQUEST__INIT;
	Ectledger__V1__WorkflowReply *page = NULL;
	struct ect_client *client = NULL;
	uint8_t id[UUID_SIZE];
	int code;

	*out = NULL;
	if (!workflow_id_read(wid, id, &request.wid))
		return EXIT_USAGE;
	request.at = g->at;
	code = connect_server(g, &client);
	while (code == 0) {
		uint64_t left = *out == NULL ? most : most - (*out)->n_nodes;

		request.limit = most == 0 || left > PAGE ? PAGE : (uint32_t)left;
		code = call_on(client, "/ectledger.v1.Query/Workflow", &request.base,
		    &ectledger__v1__workflow_reply__descriptor, (ProtobufCMessage **)(void *)&page);
		if (code != 0)
			break;
		if (*out == NULL)
			*out = page;
		else if (!join(*out, page))
			code = fail(EXIT_UNREACHABLE, "out of memory");
		if (*out != page)
			ectledger__v1__workflow_reply__free_unpacked(page, NULL);
		request.at = (*out)->tree_size;
		request.offset = (*out)->next;
		if (request.offset == 0 || (most > 0 && (*out)->n_nodes >= most))
			break;
	}
	ect_client_close(client);
	return code;
}

static int
rows_table(const Ectledger__V1__WorkflowReply *r)
{
	static const char *const head[] = {"index", "state", "node", "act", "iss", "jti"};
	struct table t;

	table_init(&t, 6);
	for (size_t i = 0; i < 6; i++)
		table_add(&t, head[i]);
	for (size_t i = 0; i < r->n_nodes; i++) {
		const Ectledger__V1__WorkflowNode *n = r->nodes[i];

		if (n->index == UINT64_MAX)
			table_add(&t, "-");
		else
			table_add_u64(&t, n->index);
		table_add(&t, n->state);
		table_add(&t, n->node[0] != '\0' ? n->node : "-");
		table_add(&t, n->act);
		table_add(&t, n->iss[0] != '\0' ? n->iss : "-");
		table_add_uuid(&t, n->jti);
	}
	return table_print(&t);
}

static int
deviations_table(const Ectledger__V1__WorkflowReply *r)
{
	static const char *const head[] = {"deviation", "index", "node", "detail"};
	struct table t;

	if (r->n_deviations == 0)
		return 0;
	(void)putchar('\n');
	table_init(&t, 4);
	for (size_t i = 0; i < 4; i++)
		table_add(&t, head[i]);
	for (size_t i = 0; i < r->n_deviations; i++) {
		const Ectledger__V1__WorkflowDeviation *d = r->deviations[i];

		table_add(&t, d->deviation);
		if (d->index == UINT64_MAX)
			table_add(&t, "-");
		else
			table_add_u64(&t, d->index);
		table_add(&t, d->node[0] != '\0' ? d->node : "-");
		table_add(&t, d->before[0] != '\0' ? d->before : d->quota);
	}
	return table_print(&t);
}

static void
oversight_lines(const Ectledger__V1__WorkflowReply *r)
{
	for (size_t i = 0; i < r->n_open_approvals; i++)
		(void)printf("approval open: #%llu %s%s%s\n",
		    (unsigned long long)r->open_approvals[i]->index, r->open_approvals[i]->state,
		    r->open_approvals[i]->role[0] != '\0' ? ", decides: " : "",
		    r->open_approvals[i]->role);
	for (size_t i = 0; i < r->n_overrides; i++)
		(void)printf("override in force: #%llu %s, scope %s, %llu not acknowledged, %llu "
			     "tasks in spite of it\n",
		    (unsigned long long)r->overrides[i]->index, r->overrides[i]->level,
		    r->overrides[i]->scope, (unsigned long long)r->overrides[i]->acks_pending,
		    (unsigned long long)r->overrides[i]->under_stop);
	for (size_t i = 0; i < r->n_explanations; i++)
		(void)printf("explanation: #%llu by %s\n",
		    (unsigned long long)r->explanations[i]->index, r->explanations[i]->iss);
}

static int
show_table(const Ectledger__V1__WorkflowReply *r)
{
	const Ectledger__V1__WorkflowStates *s = r->states;
	int code = rows_table(r);

	if (code == 0)
		code = deviations_table(r);
	if (code != 0)
		return code;
	(void)putchar('\n');
	oversight_lines(r);
	if (r->descriptor != NULL)
		(void)printf("descriptor: #%llu%s%s\n", (unsigned long long)r->descriptor->index,
		    r->descriptor->late ? ", registered after the first task" : "",
		    r->descriptor->readable ? "" : ", NOT READABLE");
	if (s != NULL)
		(void)printf("%llu pending, %llu ready, %llu running, %llu done, %llu failed, %llu "
			     "rolled back, %llu in recovery\nat tree size %llu%s\n",
		    (unsigned long long)s->pending, (unsigned long long)s->ready,
		    (unsigned long long)s->running, (unsigned long long)s->done,
		    (unsigned long long)s->failed, (unsigned long long)s->rolled_back,
		    (unsigned long long)(s->rollback_requested + s->rollback_failed +
					 s->compensation_required),
		    (unsigned long long)r->tree_size,
		    r->complete ? "" : "; NOT COMPLETE: over the limit of one query");
	return 0;
}

static int
show_one(const struct globals *g, const struct args *a)
{
	const char *format = args_get(a, "--format");
	Ectledger__V1__WorkflowReply *reply = NULL;
	uint64_t most = 0;
	int code;

	if (format != NULL && strcmp(format, "json") != 0 && strcmp(format, "dot") != 0 &&
	    strcmp(format, "mermaid") != 0)
		return fail(EXIT_USAGE, "--format wants json, dot or mermaid, not \"%s\"", format);
	if (!args_u64(a, "--limit", &most))
		return EXIT_USAGE;
	code = ask(g, a->operands[0], most, &reply);
	if (code == 0 && format != NULL && strcmp(format, "dot") == 0)
		workflow_dot(stdout, reply);
	else if (code == 0 && format != NULL && strcmp(format, "mermaid") == 0)
		workflow_mermaid(stdout, reply);
	else if (code == 0 && format == NULL && g->output == OUTPUT_TABLE)
		code = show_table(reply);
	else
		return show_message(g, reply == NULL ? NULL : &reply->base, code);
	if (reply != NULL)
		ectledger__v1__workflow_reply__free_unpacked(reply, NULL);
	return code;
}

/* ---- the list ---- */

static int
list_table(const Ectledger__V1__WorkflowsReply *r)
{
	static const char *const head[] = {
	    "wid", "entries", "agents", "first", "last", "descriptor"};
	struct table t;
	int code;

	table_init(&t, 6);
	for (size_t i = 0; i < 6; i++)
		table_add(&t, head[i]);
	for (size_t i = 0; i < r->n_workflows; i++) {
		const Ectledger__V1__WorkflowSummary *m = r->workflows[i];
		const uint64_t last[] = {m->first_index, m->last_index, m->descriptor_index};

		table_add_uuid(&t, m->wid);
		table_add_u64(&t, m->entries);
		table_add_u64(&t, m->agents);
		for (size_t k = 0; k < 3; k++) {
			if (last[k] == UINT64_MAX)
				table_add(&t, "-");
			else
				table_add_u64(&t, last[k]);
		}
	}
	if ((code = table_print(&t)) == 0)
		(void)printf("\n%zu of %llu workflows, at tree size %llu\n", r->n_workflows,
		    (unsigned long long)r->workflow_total, (unsigned long long)r->tree_size);
	return code;
}

static int
show_list(const struct globals *g, const struct args *a)
{
	Ectledger__V1__WorkflowsRequest request = ECTLEDGER__V1__WORKFLOWS_REQUEST__INIT;
	Ectledger__V1__WorkflowsReply *reply = NULL;
	uint64_t limit = 0;
	int code;

	if (!args_u64(a, "--limit", &limit) || !args_u64(a, "--after", &request.offset))
		return EXIT_USAGE;
	if (limit > LIST_PAGE)
		return fail(EXIT_USAGE, "--limit is at most %d workflows a page", LIST_PAGE);
	request.limit = (uint32_t)limit;
	request.at = g->at;
	code = call_server(g, "/ectledger.v1.Query/Workflows", &request.base,
	    &ectledger__v1__workflows_reply__descriptor, (ProtobufCMessage **)(void *)&reply);
	if (code != 0 || g->output != OUTPUT_TABLE)
		return show_message(g, reply == NULL ? NULL : &reply->base, code);
	code = list_table(reply);
	ectledger__v1__workflows_reply__free_unpacked(reply, NULL);
	return code;
}

/* ---- registering ---- */

static int
register_it(const struct globals *g, const struct args *a)
{
	Ectledger__V1__RegisterWorkflowRequest request =
	    ECTLEDGER__V1__REGISTER_WORKFLOW_REQUEST__INIT;
	Ectledger__V1__RegisterWorkflowReply *reply = NULL;
	uint8_t id[UUID_SIZE], *text = NULL;
	size_t size = 0;
	int code;

	if (!args_uuid(a->operands[1], id, "WID"))
		return EXIT_USAGE;
	if (!read_file(a->operands[2], DESCRIPTOR_MAX, &text, &size))
		return fail(EXIT_USAGE, "cannot read %s: a descriptor has at most %d bytes",
		    a->operands[2], DESCRIPTOR_MAX);
	request.wid = (ProtobufCBinaryData){UUID_SIZE, id};
	request.descriptor = (ProtobufCBinaryData){size, text};
	request.media = args_has(a, "--cbor");
	code = call_server(g, "/ectledger.v1.Ledger/RegisterWorkflow", &request.base,
	    &ectledger__v1__register_workflow_reply__descriptor,
	    (ProtobufCMessage **)(void *)&reply);
	if (code == 0)
		print_json(g, json_pack("{so sI sI so sb}", "wid", show_uuid(request.wid), "index",
				  (json_int_t)reply->index, "tree_size",
				  (json_int_t)reply->tree_size, "leaf_hash",
				  show_hex(reply->leaf_hash), "duplicate", reply->duplicate != 0));
	if (reply != NULL)
		ectledger__v1__register_workflow_reply__free_unpacked(reply, NULL);
	free(text);
	return code;
}

/* ---- the verb ---- */

static int
workflow_run(const struct globals *g, const struct args *a)
{
	if (strcmp(a->operands[0], "list") == 0 && a->operand_count == 1)
		return show_list(g, a);
	if (strcmp(a->operands[0], "register") == 0 && a->operand_count == 3)
		return register_it(g, a);
	if (a->operand_count != 1)
		return fail(EXIT_USAGE,
		    "workflow wants a WID, \"none\", \"list\" or \"register WID FILE\"");
	if (args_has(a, "--cbor"))
		return fail(EXIT_USAGE, "--cbor goes with \"register\"");
	if (args_has(a, "--after"))
		return fail(EXIT_USAGE, "--after goes with \"list\"");
	return show_one(g, a);
}

static const struct verb_option workflow_options[] = {
    {"--format", "FORM", "json, dot (Graphviz) or mermaid, instead of -o", false},
    {"--limit", "N", "at most so many rows; default: all; of a list: 100", false},
    {"--after", "N", "list: go on after so many: \"next\" of the page before", false},
    {"--cbor", NULL, "register: the descriptor is CBOR", false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_workflow = {"workflow", "WID|none|list|register WID FILE",
    "states of a workflow's tasks, and what deviates from its descriptor", workflow_options, 1, 3,
    workflow_run};
