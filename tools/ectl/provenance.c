/*
 * provenance.c - what led to a task, to data or to an agent's work, or with --down what came of it; and with
 * --to, --common, --custody how two tasks hang together (two_tasks.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"

#define PAGE	    50000
#define PAGE_HASHES 5000 /* entries are read for them */

/* "sha-256:..." or plain; hex or base64url; 32, 48 or 64 bytes. */
static bool
read_hash(const char *text, uint8_t out[64], size_t *n)
{
	static const char *const prefixes[] = {"sha-256:", "sha-384:", "sha-512:"};
	struct bytes t;

	for (size_t i = 0; i < 3; i++)
		if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0)
			text += strlen(prefixes[i]);
	t = bytes_str(text);
	if ((hex_decode(t, out, 64, n) || b64url_decode(t, out, 64, n)) &&
	    (*n == 32 || *n == 48 || *n == 64))
		return true;
	(void)fail(EXIT_USAGE,
	    "--hash wants a SHA-256, -384 or -512 in base64url or hex, not \"%s\"", text);
	return false;
}

static json_t *
head_json(const Ectledger__V1__ProvenanceReply *r)
{
	return json_pack("{so so ss sI sb sI sI}", "root", show_uuid(r->root_jti), "iss",
	    r->iss[0] != '\0' ? show_text(r->iss) : json_null(), "direction",
	    r->down ? "down" : "up", "tree_size", (json_int_t)r->tree_size, "complete",
	    r->complete != 0, "node_total", (json_int_t)r->node_total, "edge_total",
	    (json_int_t)r->edge_total);
}

/* What is asked for, by task, hash or agent.  False: EXIT_USAGE. */
static bool
read_request(const struct args *a, struct task_id *id, uint8_t hash[64],
    Ectledger__V1__ProvenanceRequest *request)
{
	const char *format = args_get(a, "--format");
	uint64_t depth = 0;

	if (a->operand_count + args_has(a, "--hash") + args_has(a, "--iss") != 1) {
		(void)fail(EXIT_USAGE,
		    "provenance wants a task id, --hash H or --iss URI, one of the three");
		return false;
	}
	if (!args_u64(a, "--depth", &depth))
		return false;
	if (depth > UINT32_MAX) {
		(void)fail(EXIT_USAGE, "--depth is at most %u", UINT32_MAX);
		return false;
	}
	request->depth = (uint32_t)depth;
	request->down = args_has(a, "--down");
	request->with_hashes =
	    args_has(a, "--hashes") || (format != NULL && strcmp(format, "prov-json") == 0);
	request->limit = request->with_hashes ? PAGE_HASHES : PAGE;
	if (args_has(a, "--iss")) {
		request->iss = (char *)(uintptr_t)args_get(a, "--iss");
		return true;
	}
	if (args_has(a, "--hash")) {
		request->hash.data = hash;
		return read_hash(args_get(a, "--hash"), hash, &request->hash.len);
	}
	if (!task_id_read(a, a->operands[0], id))
		return false;
	request->jti = task_id_jti(id);
	request->wid = task_id_wid(id);
	request->any_wid = id->any_wid;
	return true;
}

/* All pages as one reply, at the size of the first. */
static int
call_pages(const struct globals *g, Ectledger__V1__ProvenanceRequest *request,
    Ectledger__V1__ProvenanceReply **out)
{
	Ectledger__V1__ProvenanceReply *page = NULL;
	int code;

	do {
		code = call_server(g, "/ectledger.v1.Query/Provenance", &request->base,
		    &ectledger__v1__provenance_reply__descriptor,
		    (ProtobufCMessage **)(void *)&page);
		if (code != 0)
			return code;
		request->from = page->next;
		request->at = page->tree_size;
		progress(g, "tasks", (*out != NULL ? (*out)->n_nodes : 0) + page->n_nodes,
		    page->node_total);
		if (*out == NULL) {
			*out = page;
			continue;
		}
		if (!graph_join(*out, page))
			code = fail(EXIT_UNREACHABLE, "out of memory");
		ectledger__v1__provenance_reply__free_unpacked(page, NULL);
	} while (code == 0 && request->from != 0);
	progress_end(g);
	return code;
}

static int
graph_run(const struct globals *g, const struct args *a)
{
	Ectledger__V1__ProvenanceRequest request = ECTLEDGER__V1__PROVENANCE_REQUEST__INIT;
	Ectledger__V1__ProvenanceReply *reply = NULL;
	struct task_id id;
	uint8_t hash[64];
	int code;

	if (!read_request(a, &id, hash, &request))
		return EXIT_USAGE;
	request.at = g->at;
	code = call_pages(g, &request, &reply);
	if (code == 0)
		code = graph_show(
		    g, reply, args_get(a, "--format"), request.with_hashes, head_json(reply));
	if (reply != NULL)
		ectledger__v1__provenance_reply__free_unpacked(reply, NULL);
	return code;
}

/* Options that ask about two tasks, or about hands, go with a task id and without those of a graph. */
static bool
two_tasks_ok(const struct args *a)
{
	static const char *const graph[] = {"--hash", "--iss", "--down", "--depth", "--hashes"};

	if (args_has(a, "--to") + args_has(a, "--common") + args_has(a, "--custody") > 1) {
		(void)fail(EXIT_USAGE, "--to, --common and --custody are three questions");
		return false;
	}
	for (size_t i = 0; i < 5; i++)
		if (args_has(a, graph[i])) {
			(void)fail(EXIT_USAGE, "%s does not go with --to, --common or --custody",
			    graph[i]);
			return false;
		}
	if (a->operand_count == 1)
		return true;
	(void)fail(EXIT_USAGE, "--to, --common and --custody want a task id before them");
	return false;
}

static int
provenance_run(const struct globals *g, const struct args *a)
{
	bool two = args_has(a, "--to") || args_has(a, "--common") || args_has(a, "--custody");

	if (!graph_format_ok(args_get(a, "--format")) || (two && !two_tasks_ok(a)))
		return EXIT_USAGE;
	if (args_has(a, "--all-paths") && !args_has(a, "--to"))
		return fail(EXIT_USAGE, "--all-paths goes with --to");
	if (args_has(a, "--format") && two && !args_has(a, "--to"))
		return fail(EXIT_USAGE, "--format is for graphs; use -o here");
	if (args_has(a, "--to"))
		return two_tasks_path(g, a);
	if (args_has(a, "--common"))
		return two_tasks_common(g, a);
	return two ? two_tasks_custody(g, a) : graph_run(g, a);
}

static const struct verb_option provenance_options[] = {
    OPTION_WID,
    {"--hash", "HASH", "instead of a task: the tasks with this input or output hash", false},
    {"--iss", "URI", "instead of a task: all tasks of this agent", false},
    {"--down", NULL, "what came of it, instead of what led to it", false},
    {"--depth", "N", "at most N steps away (default: all)", false},
    {"--hashes", NULL, "each task's input and output hash, and whether it was rolled back", false},
    {"--to", "JTI", "a shortest path between the two tasks; exit 1 when there is none", false},
    {"--all-paths", NULL, "with --to: every task on any path", false},
    {"--common", "JTI", "the nearest tasks that both rest on", false},
    {"--other-wid", "UUID", "the workflow of the task of --to or --common", false},
    {"--custody", NULL, "the trust domains above it, and where work passed between them", false},
    {"--format", "json|prov-json|dot|mermaid",
	"prov-json: W3C PROV; dot: for Graphviz; default as -o says", false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_provenance = {"provenance", "[JTI]",
    "what led to a task: all its ancestors, their agents, the edges (--down: its descendants)",
    provenance_options, 0, 1, provenance_run};
