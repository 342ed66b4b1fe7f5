/*
 * two_tasks.c - a path between two tasks, what they have in common, and through whose hands one came.
 */
#include <stdio.h>
#include <string.h>

#include "graph.h"

#define PAGE	  50000
#define PAGE_ROWS 10000

struct pair {
	struct task_id one, two;
};

/* The operand and the task that 'option' names.  False: EXIT_USAGE. */
static bool
read_pair(const struct args *a, const char *option, struct pair *out)
{
	const char *wid = args_get(a, "--other-wid");

	if (!task_id_read(a, a->operands[0], &out->one))
		return false;
	out->two = (struct task_id){
	    .any_wid = wid == NULL, .has_wid = wid != NULL && strcmp(wid, "none") != 0};
	return args_uuid(args_get(a, option), out->two.jti, option) &&
	       (!out->two.has_wid || args_uuid(wid, out->two.wid, "--other-wid"));
}

/* ---- --to ---- */

/* A path's reply drawn as a graph's: the arrays are moved. */
static void
as_graph(Ectledger__V1__PathReply *p, Ectledger__V1__ProvenanceReply *g)
{
	ectledger__v1__provenance_reply__init(g);
	g->root_jti = p->descendant_jti;
	g->tree_size = p->tree_size;
	g->complete = p->complete;
	g->nodes = p->nodes;
	g->n_nodes = p->n_nodes;
	g->edges = p->edges;
	g->n_edges = p->n_edges;
	g->rests_on = p->rests_on;
	g->n_rests_on = p->n_rests_on;
	g->next = p->next;
	g->node_total = p->node_total;
	g->edge_total = p->edge_total;
	p->nodes = NULL;
	p->edges = NULL;
	p->rests_on = NULL;
	p->n_nodes = p->n_edges = p->n_rests_on = 0;
}

static void
give_back(Ectledger__V1__PathReply *p, Ectledger__V1__ProvenanceReply *g)
{
	p->nodes = g->nodes;
	p->n_nodes = g->n_nodes;
	p->edges = g->edges;
	p->n_edges = g->n_edges;
	p->rests_on = g->rests_on;
	p->n_rests_on = g->n_rests_on;
}

static int
call_path(
    const struct globals *g, Ectledger__V1__PathRequest *request, Ectledger__V1__PathReply **out)
{
	return call_server(g, "/ectledger.v1.Query/Path", &request->base,
	    &ectledger__v1__path_reply__descriptor, (ProtobufCMessage **)(void *)out);
}

static int
more_pages(const struct globals *g, Ectledger__V1__PathRequest *request,
    Ectledger__V1__ProvenanceReply *graph)
{
	Ectledger__V1__ProvenanceReply more;
	Ectledger__V1__PathReply *page;
	int code = 0;

	request->at = graph->tree_size;
	while (code == 0 && graph->next != 0) {
		page = NULL;
		request->from = graph->next;
		if ((code = call_path(g, request, &page)) != 0)
			break;
		as_graph(page, &more);
		if (!graph_join(graph, &more))
			code = fail(EXIT_UNREACHABLE, "out of memory");
		give_back(page, &more);
		ectledger__v1__path_reply__free_unpacked(page, NULL);
	}
	return code;
}

static json_t *
path_head(const Ectledger__V1__PathReply *p, const Ectledger__V1__ProvenanceReply *g)
{
	return json_pack("{so so sb sI sI sb sI sI}", "ancestor", show_uuid(p->ancestor_jti),
	    "descendant", show_uuid(p->descendant_jti), "found", p->found != 0, "length",
	    (json_int_t)p->length, "tree_size", (json_int_t)p->tree_size, "complete",
	    g->complete != 0, "node_total", (json_int_t)g->node_total, "edge_total",
	    (json_int_t)g->edge_total);
}

int
two_tasks_path(const struct globals *g, const struct args *a)
{
	Ectledger__V1__PathRequest request = ECTLEDGER__V1__PATH_REQUEST__INIT;
	Ectledger__V1__ProvenanceReply graph;
	Ectledger__V1__PathReply *reply = NULL;
	struct pair pair;
	int code;

	if (!read_pair(a, "--to", &pair))
		return EXIT_USAGE;
	request.jti = task_id_jti(&pair.one);
	request.wid = task_id_wid(&pair.one);
	request.any_wid = pair.one.any_wid;
	request.to_jti = task_id_jti(&pair.two);
	request.to_wid = task_id_wid(&pair.two);
	request.to_any_wid = pair.two.any_wid;
	request.all = args_has(a, "--all-paths");
	request.limit = PAGE;
	request.at = g->at;
	if ((code = call_path(g, &request, &reply)) != 0)
		return code;
	as_graph(reply, &graph);
	code = more_pages(g, &request, &graph);
	if (code == 0)
		code =
		    graph_show(g, &graph, args_get(a, "--format"), false, path_head(reply, &graph));
	if (code == 0 && !reply->found)
		code = EXIT_NO;
	give_back(reply, &graph);
	ectledger__v1__path_reply__free_unpacked(reply, NULL);
	return code;
}

/* ---- --common ---- */

static int
common_table(const Ectledger__V1__CommonReply *r)
{
	static const char *const head[] = {"index", "jti", "act", "steps", "of the other", "iss"};
	struct table t;
	int code;

	table_init(&t, 6);
	for (size_t i = 0; i < 6; i++)
		table_add(&t, head[i]);
	for (size_t i = 0; i < r->n_nearest; i++) {
		const Ectledger__V1__CommonAncestor *n = r->nearest[i];

		table_add_u64(&t, n->index);
		table_add_uuid(&t, n->jti);
		table_add(&t, n->act);
		table_add_u64(&t, n->steps);
		table_add_u64(&t, n->with_steps);
		table_add(&t, n->iss);
	}
	if ((code = table_print(&t)) != 0)
		return code;
	(void)printf("\n%llu nearest of %llu tasks that both rest on, at tree size %llu%s%s\n",
	    (unsigned long long)r->nearest_total, (unsigned long long)r->common_total,
	    (unsigned long long)r->tree_size, r->next != 0 ? "; the newest are shown" : "",
	    r->complete ? "" : "; NOT COMPLETE: over the limit of one query");
	return 0;
}

int
two_tasks_common(const struct globals *g, const struct args *a)
{
	Ectledger__V1__CommonRequest request = ECTLEDGER__V1__COMMON_REQUEST__INIT;
	Ectledger__V1__CommonReply *reply = NULL;
	struct pair pair;
	bool none;
	int code;

	if (!read_pair(a, "--common", &pair))
		return EXIT_USAGE;
	request.jti = task_id_jti(&pair.one);
	request.wid = task_id_wid(&pair.one);
	request.any_wid = pair.one.any_wid;
	request.with_jti = task_id_jti(&pair.two);
	request.with_wid = task_id_wid(&pair.two);
	request.with_any_wid = pair.two.any_wid;
	request.limit = PAGE_ROWS;
	request.at = g->at;
	code = call_server(g, "/ectledger.v1.Query/Common", &request.base,
	    &ectledger__v1__common_reply__descriptor, (ProtobufCMessage **)(void *)&reply);
	if (code != 0)
		return code;
	none = reply->complete && reply->n_nearest == 0;
	if (g->output != OUTPUT_TABLE) {
		code = show_message(g, &reply->base, 0);
	} else {
		code = common_table(reply);
		ectledger__v1__common_reply__free_unpacked(reply, NULL);
	}
	return code == 0 && none ? EXIT_NO : code;
}

/* ---- --custody ---- */

static const char *
domain_text(const char *domain)
{
	return domain[0] != '\0' ? domain : "(none)";
}

static int
custody_table(const Ectledger__V1__CustodyReply *r)
{
	static const char *const head[] = {"index", "from", "by", "to", "by"};
	struct table t;
	int code;

	for (size_t i = 0; i < r->n_domains; i++)
		(void)printf("%s: from entry %llu on, %llu tasks of %llu agents\n",
		    domain_text(r->domains[i]->domain),
		    (unsigned long long)r->domains[i]->first_index,
		    (unsigned long long)r->domains[i]->tasks,
		    (unsigned long long)r->domains[i]->agents);
	(void)printf("\n");
	table_init(&t, 5);
	for (size_t i = 0; i < 5; i++)
		table_add(&t, head[i]);
	for (size_t i = 0; i < r->n_handovers; i++) {
		const Ectledger__V1__CustodyHandover *h = r->handovers[i];

		table_add_u64(&t, h->child_index);
		table_add(&t, domain_text(h->from_domain));
		table_add(&t, h->from_iss);
		table_add(&t, domain_text(h->to_domain));
		table_add(&t, h->to_iss);
	}
	if ((code = table_print(&t)) != 0)
		return code;
	(void)printf("\n%llu hand-overs among %llu tasks, %llu trust domains, at tree size "
		     "%llu%s%s\n",
	    (unsigned long long)r->handover_total, (unsigned long long)r->tasks,
	    (unsigned long long)r->domain_total, (unsigned long long)r->tree_size,
	    r->next != 0 ? "; the first are shown" : "",
	    r->complete ? "" : "; NOT COMPLETE: over the limit of one query");
	return 0;
}

int
two_tasks_custody(const struct globals *g, const struct args *a)
{
	Ectledger__V1__CustodyRequest request = ECTLEDGER__V1__CUSTODY_REQUEST__INIT;
	Ectledger__V1__CustodyReply *reply = NULL;
	struct task_id id;
	int code;

	if (!task_id_read(a, a->operands[0], &id))
		return EXIT_USAGE;
	request.jti = task_id_jti(&id);
	request.wid = task_id_wid(&id);
	request.any_wid = id.any_wid;
	request.limit = PAGE_ROWS;
	request.at = g->at;
	code = call_server(g, "/ectledger.v1.Query/Custody", &request.base,
	    &ectledger__v1__custody_reply__descriptor, (ProtobufCMessage **)(void *)&reply);
	if (code != 0)
		return code;
	if (g->output != OUTPUT_TABLE)
		return show_message(g, &reply->base, 0);
	code = custody_table(reply);
	ectledger__v1__custody_reply__free_unpacked(reply, NULL);
	return code;
}
