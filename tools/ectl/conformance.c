/*
 * conformance.c - does a workflow, or the log, meet a profile, and where not?
 *
 * A log is told page by page at one tree size; the pages are joined into the first one.  What goes over is
 * swapped, so that each reply frees what it has in the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workflow.h"

#define MISSING_A_LINE 4 /* names of rules: at most 17 characters each */
#define PAGE	       1000

typedef Ectledger__V1__ConformanceReply reply_t;

/* ---- pages of a log ---- */

static void
swap_text(char **a, char **b)
{
	char *t = *a;

	*a = *b;
	*b = t;
}

static void
join_rule(Ectledger__V1__ConformanceRule *all, Ectledger__V1__ConformanceRule *page)
{
	ProtobufCBinaryData jti = all->first_jti;

	if (strcmp(all->rule, "retention") != 0) /* the log's own, told on every page */
		all->count += page->count;
	if (page->first_index < all->first_index) {
		all->first_index = page->first_index;
		all->first_jti = page->first_jti;
		page->first_jti = jti;
	}
	if (strcmp(all->result, "pass") == 0)
		swap_text(&all->result, &page->result);
}

static bool
has_name(const reply_t *r, const char *name)
{
	for (size_t i = 0; i < r->n_aem_missing; i++)
		if (strcmp(r->aem_missing[i], name) == 0)
			return true;
	return false;
}

/* The lower level counts, with what keeps its workflows from the next one. */
static bool
join_aem(reply_t *all, reply_t *page)
{
	size_t n = all->n_aem_missing + page->n_aem_missing, kept = 0;
	char **names;

	if (page->aem_level > all->aem_level)
		return true;
	if (page->aem_level < all->aem_level) {
		names = all->aem_missing;
		n = all->n_aem_missing;
		all->aem_missing = page->aem_missing;
		all->n_aem_missing = page->n_aem_missing;
		page->aem_missing = names;
		page->n_aem_missing = n;
		all->aem_level = page->aem_level;
		return true;
	}
	if ((names = realloc(all->aem_missing, (n + 1) * sizeof(*names))) == NULL)
		return false;
	all->aem_missing = names;
	for (size_t i = 0; i < page->n_aem_missing; i++) {
		if (has_name(all, page->aem_missing[i]))
			page->aem_missing[kept++] = page->aem_missing[i];
		else
			names[all->n_aem_missing++] = page->aem_missing[i];
	}
	page->n_aem_missing = kept;
	return true;
}

static bool
join_lists(reply_t *all, reply_t *page)
{
	size_t n = all->n_workflows + page->n_workflows, m = all->n_rests_on + page->n_rests_on;
	Ectledger__V1__ConformanceWorkflow **rows =
	    realloc(all->workflows, (n + 1) * sizeof(*rows));
	uint64_t *rests_on;

	if (rows == NULL)
		return false;
	all->workflows = rows;
	if ((rests_on = realloc(all->rests_on, (m + 1) * sizeof(*rests_on))) == NULL)
		return false;
	all->rests_on = rests_on;
	if (page->n_workflows > 0)
		memcpy(rows + all->n_workflows, page->workflows, page->n_workflows * sizeof(*rows));
	if (page->n_rests_on > 0)
		memcpy(rests_on + all->n_rests_on, page->rests_on,
		    page->n_rests_on * sizeof(*rests_on));
	all->n_workflows = n;
	all->n_rests_on = m;
	page->n_workflows = 0;
	return true;
}

/* Of the first page 'complete' says "nothing behind it", too: whether all was judged is with the rows. */
static bool
join(reply_t *all, reply_t *page)
{
	if (all->n_rules != page->n_rules || all->levels == NULL || page->levels == NULL ||
	    !join_lists(all, page) || !join_aem(all, page))
		return false;
	for (size_t i = 0; i < all->n_rules; i++)
		join_rule(all->rules[i], page->rules[i]);
	all->conforms = all->conforms && page->conforms;
	all->entries += page->entries;
	all->levels->l1 += page->levels->l1;
	all->levels->l2 += page->levels->l2;
	all->levels->l3 += page->levels->l3;
	all->next = page->next;
	return true;
}

static int
ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
tidy(reply_t *r)
{
	size_t kept = 0;

	if (r->n_rests_on > 1)
		qsort(r->rests_on, r->n_rests_on, sizeof(*r->rests_on), ascending);
	for (size_t i = 0; i < r->n_rests_on; i++)
		if (i == 0 || r->rests_on[i] != r->rests_on[i - 1])
			r->rests_on[kept++] = r->rests_on[i];
	r->n_rests_on = kept;
	r->complete = r->next == 0;
	for (size_t i = 0; i < r->n_workflows; i++)
		r->complete = r->complete && r->workflows[i]->complete;
}

/* ---- asking ---- */

static int
ask_page(struct ect_client *client, const Ectledger__V1__ConformanceRequest *request, reply_t **out)
{
	return call_on(client, "/ectledger.v1.Query/Conformance", &request->base,
	    &ectledger__v1__conformance_reply__descriptor, (ProtobufCMessage **)(void *)out);
}

static int
ask(const struct globals *g, Ectledger__V1__ConformanceRequest *request, reply_t **out)
{
	struct ect_client *client = NULL;
	reply_t *page = NULL;
	int code = connect_server(g, &client);

	*out = NULL;
	if (code == 0)
		code = ask_page(client, request, out);
	while (code == 0 && request->all && (*out)->next != 0) {
		request->at = (*out)->tree_size;
		request->offset = (*out)->next;
		if ((code = ask_page(client, request, &page)) != 0)
			break;
		if (!join(*out, page))
			code = fail(EXIT_UNREACHABLE, "the pages do not fit together");
		ectledger__v1__conformance_reply__free_unpacked(page, NULL);
	}
	ect_client_close(client);
	if (code == 0 && request->all)
		tidy(*out);
	return code;
}

/* ---- showing ---- */

static int
rules_table(const reply_t *r)
{
	static const char *const head[] = {"rule", "result", "count", "first", "first jti"};
	struct table t;

	table_init(&t, 5);
	for (size_t i = 0; i < 5; i++)
		table_add(&t, head[i]);
	for (size_t i = 0; i < r->n_rules; i++) {
		const Ectledger__V1__ConformanceRule *m = r->rules[i];

		table_add(&t, m->rule);
		table_add(&t, m->result);
		table_add_u64(&t, m->count);
		if (m->first_index == UINT64_MAX)
			table_add(&t, "-");
		else
			table_add_u64(&t, m->first_index);
		table_add_uuid(&t, m->first_jti);
	}
	return table_print(&t);
}

/* Those that do not conform. */
static int
workflows_table(const reply_t *r)
{
	static const char *const head[] = {"wid", "entries", "fails", "warns", "worst", "aem"};
	struct table t;
	size_t bad = 0;

	table_init(&t, 6);
	for (size_t i = 0; i < 6; i++)
		table_add(&t, head[i]);
	for (size_t i = 0; i < r->n_workflows; i++) {
		const Ectledger__V1__ConformanceWorkflow *m = r->workflows[i];

		if (m->conforms)
			continue;
		bad++;
		table_add_uuid(&t, m->wid);
		table_add_u64(&t, m->entries);
		table_add_u64(&t, m->fails);
		table_add_u64(&t, m->warns);
		table_add(&t, m->complete ? m->worst : "not judged whole");
		table_add_u64(&t, m->aem_level);
	}
	if (bad == 0) {
		table_free(&t);
		return 0;
	}
	(void)putchar('\n');
	return table_print(&t);
}

static int
show_table(const reply_t *r)
{
	int code = rules_table(r);

	if (code == 0)
		code = workflows_table(r);
	if (code != 0)
		return code;
	(void)printf("\n%s %s", r->conforms ? "conforms to" : "DOES NOT CONFORM to", r->profile);
	if (r->workflow_total > 0)
		(void)printf("; %zu of %llu workflows", r->n_workflows,
		    (unsigned long long)r->workflow_total);
	(void)printf("; at tree size %llu%s\nAEM level %u", (unsigned long long)r->tree_size,
	    r->complete ? "" : "; NOT COMPLETE: over the limit of one query", r->aem_level);
	for (size_t i = 0; i < r->n_aem_missing; i++)
		(void)printf("%s%s",
		    i == 0		      ? ", for the next: "
		    : i % MISSING_A_LINE == 0 ? ",\n  "
					      : ", ",
		    r->aem_missing[i]);
	if (r->levels != NULL)
		(void)printf("\nECT levels: L1 %llu, L2 %llu, L3 %llu",
		    (unsigned long long)r->levels->l1, (unsigned long long)r->levels->l2,
		    (unsigned long long)r->levels->l3);
	(void)putchar('\n');
	return 0;
}

static int
conformance_run(const struct globals *g, const struct args *a)
{
	Ectledger__V1__ConformanceRequest request = ECTLEDGER__V1__CONFORMANCE_REQUEST__INIT;
	const char *profile = args_get(a, "--profile");
	reply_t *reply = NULL;
	uint8_t id[UUID_SIZE];
	int code;

	request.all = args_has(a, "--all");
	if (request.all == (a->operand_count == 1))
		return fail(EXIT_USAGE, "conformance wants a WID, \"none\", or --all: one of them");
	if (profile != NULL && strcmp(profile, "relaxed") != 0 &&
	    strcmp(profile, "standard") != 0 && strcmp(profile, "regulated") != 0)
		return fail(EXIT_USAGE,
		    "--profile wants relaxed, standard or regulated, not \"%s\"", profile);
	if (!request.all && !workflow_id_read(a->operands[0], id, &request.wid))
		return EXIT_USAGE;
	if (profile != NULL)
		request.profile = (char *)(uintptr_t)profile;
	request.at = g->at;
	request.limit = request.all ? PAGE : 0;
	code = ask(g, &request, &reply);
	if (code == 0 && g->output == OUTPUT_TABLE)
		code = show_table(reply);
	else if (code == 0)
		print_json(g, message_json(&reply->base));
	if (code == 0 && !reply->conforms)
		code = EXIT_NO;
	if (reply != NULL)
		ectledger__v1__conformance_reply__free_unpacked(reply, NULL);
	return code;
}

static const struct verb_option conformance_options[] = {
    {"--profile", "PROFILE",
	"relaxed, standard or regulated; default: the policy's in force, else standard", false},
    {"--all", NULL, "every workflow of the log", false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_conformance = {"conformance", "[WID|none]",
    "does a workflow, or the log, meet a profile, and where not?", conformance_options, 0, 1,
    conformance_run};
