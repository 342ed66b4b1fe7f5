/*
 * policy.c - "ectl policy": the log's policy documents, as the server tells them; and whether a file is one,
 * without a server.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "policy/doc.h"

#define METHOD "/ectledger.v1.Admin/Policy"
#define MEMORY ((size_t)256 << 20)
#define PAGE   1000

typedef Ectledger__V1__PolicyRequest request_t;
typedef Ectledger__V1__PolicyReply reply_t;

/* ---- check: offline ---- */

static int
read_whole(const char *path, char **text, size_t *size)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");

	if (f == NULL)
		return fail(EXIT_USAGE, "cannot read %s", path);
	*text = malloc(POLICY_DOC_MAX + 1);
	*size = *text != NULL ? fread(*text, 1, POLICY_DOC_MAX + 1, f) : 0;
	if (f != stdin)
		(void)fclose(f);
	return *text != NULL ? 0 : fail(EXIT_USAGE, "out of memory");
}

static int
check(const struct globals *g, const char *path)
{
	const struct policy_doc *doc = policy_doc_default();
	struct why why = {0};
	struct arena arena;
	size_t size = 0;
	char *text = NULL;
	enum rc rc;
	int code = read_whole(path, &text, &size);

	if (code != 0)
		return code;
	arena_init(&arena, MEMORY);
	rc = size == 0 ? why_set(&why, RC_BAD_CONFIG, "policy document", NULL, 0, "it is empty")
		       : policy_doc_read(bytes_of(text, size), &arena, &doc, &why);
	if (g->output != OUTPUT_TABLE)
		print_json(g,
		    json_pack("{sb ss? ss sI sI sI}", "ok", rc == RC_OK, "problem",
			rc == RC_OK ? NULL : why.text, "profile", policy_profile_text(doc->profile),
			"rules", (json_int_t)doc->rule_count, "roles", (json_int_t)doc->role_count,
			"kinds", (json_int_t)(kinds_count(doc->kinds) - kinds_count(NULL))));
	else if (rc == RC_OK)
		(void)printf(
		    "ok: profile %s, %zu roles, %zu rules, %zu kinds beside the built-in\n",
		    policy_profile_text(doc->profile), doc->role_count, doc->rule_count,
		    kinds_count(doc->kinds) - kinds_count(NULL));
	else
		(void)printf("refused: %s\n", why.text);
	arena_release(&arena);
	free(text);
	return rc == RC_OK ? EXIT_YES : EXIT_NO;
}

/* ---- what the server has ---- */

/* For people: a line each, and of one the document itself. */
static int
show_table(const reply_t *reply, bool list)
{
	struct table t;
	char cell[64];

	if (reply->n_pages == 0) {
		(void)printf("no document: the built-in defaults are in force\n");
		return 0;
	}
	if (!list) {
		const Ectledger__V1__PolicyPage *page = reply->pages[0];

		(void)fprintf(stderr, "in force since entry %llu, by %s\n",
		    (unsigned long long)page->index, page->by);
		(void)fwrite(page->document_json.data, 1, page->document_json.len, stdout);
		(void)printf("\n");
		return 0;
	}
	table_init(&t, 4);
	table_add(&t, "from entry");
	table_add(&t, "since");
	table_add(&t, "by");
	table_add(&t, "digest");
	for (size_t i = 0; i < reply->n_pages; i++) {
		json_t *time = show_time_ms(reply->pages[i]->received_at_ms);

		(void)snprintf(
		    cell, sizeof(cell), "%llu", (unsigned long long)reply->pages[i]->index);
		table_add(&t, cell);
		(void)snprintf(cell, sizeof(cell), "%.19sZ", json_string_value(time));
		table_add(&t, cell);
		table_add(&t, reply->pages[i]->by);
		(void)snprintf(cell, sizeof(cell), "%.16s", reply->pages[i]->digest);
		table_add(&t, cell);
		json_decref(time);
	}
	return table_print(&t);
}

static int
ask(const struct globals *g, bool list)
{
	request_t request = ECTLEDGER__V1__POLICY_REQUEST__INIT;
	ProtobufCMessage *reply = NULL;
	int code;

	request.at = g->at;
	request.list = list;
	request.limit = PAGE;
	code =
	    call_server(g, METHOD, &request.base, &ectledger__v1__policy_reply__descriptor, &reply);
	if (code != 0)
		return code;
	if (g->output != OUTPUT_TABLE)
		return show_message(g, reply, 0);
	code = show_table((const reply_t *)(const void *)reply, list);
	protobuf_c_message_free_unpacked(reply, NULL);
	return code;
}

static int
policy_run(const struct globals *g, const struct args *a)
{
	const char *what = a->operands[0];

	if (strcmp(what, "check") == 0) {
		if (a->operand_count != 2)
			return fail(EXIT_USAGE,
			    "policy check wants a file behind it (- is standard input)");
		if (g->at != 0)
			return fail(EXIT_USAGE, "--at belongs to show and list");
		return check(g, a->operands[1]);
	}
	if (a->operand_count != 1)
		return fail(EXIT_USAGE, "policy %s takes nothing behind it", what);
	if (strcmp(what, "show") != 0 && strcmp(what, "list") != 0)
		return fail(EXIT_USAGE, "policy wants show, list or check FILE, not \"%s\"", what);
	return ask(g, strcmp(what, "list") == 0);
}

const struct verb verb_policy = {"policy", "show | list | check FILE",
    "the log's policy documents: the one in force, all of them; whether a file is one (no server)",
    NULL, 1, 2, policy_run};
