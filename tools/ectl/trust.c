/*
 * trust.c - how far an agent is to be trusted, by what others signed about its work; or all agents.
 *
 * As JSON every page is fetched, at the tree size of the first; as a table the newest evidence is shown.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pages_join.h"

#define TABLE_ROWS 20

static int
ask(struct ect_client *client, Ectledger__V1__TrustRequest *request,
    Ectledger__V1__TrustReply **reply)
{
	*reply = NULL;
	return call_on(client, "/ectledger.v1.Query/Trust", &request->base,
	    &ectledger__v1__trust_reply__descriptor, (ProtobufCMessage **)(void *)reply);
}

static void
free_reply(Ectledger__V1__TrustReply *reply)
{
	if (reply != NULL)
		ectledger__v1__trust_reply__free_unpacked(reply, NULL);
}

/* ---- JSON ---- */

static int
trust_json(const struct globals *g, struct ect_client *client, Ectledger__V1__TrustRequest *request,
    bool all_pages)
{
	static const char *const lists[] = {"evidence", "records", "rests_on", NULL};
	Ectledger__V1__TrustReply *reply;
	json_t *whole = NULL;
	bool more;
	int code;

	do {
		if ((code = ask(client, request, &reply)) != 0)
			break;
		more = all_pages && (reply->next != 0 || reply->records_next != 0);
		request->at = reply->tree_size;
		request->after = reply->next != 0 ? reply->next : reply->evidence_total;
		request->records_after =
		    reply->records_next != 0 ? reply->records_next : reply->records_total;
		if (!pages_join(&whole, &reply->base, lists))
			code = fail(EXIT_USAGE, "out of memory");
		free_reply(reply);
	} while (code == 0 && more);
	if (code == 0) {
		pages_joined(whole);
		print_json(g, whole);
	} else {
		json_decref(whole);
	}
	return code;
}

/* ---- table ---- */

static int
evidence_table(const Ectledger__V1__TrustReply *r)
{
	static const char *const head[] = {"index", "outcome", "weight", "count", "task", "rater"};
	struct table t;
	char weight[16];

	if (r->n_evidence == 0)
		return 0;
	printf("\nevidence, %zu of %" PRIu64 ":\n", r->n_evidence, r->evidence_total);
	table_init(&t, 6);
	for (size_t i = 0; i < 6; i++)
		table_add(&t, head[i]);
	for (size_t i = 0; i < r->n_evidence; i++) {
		const Ectledger__V1__TrustEvidence *e = r->evidence[i];

		(void)snprintf(weight, sizeof weight, "%.6f", e->weight_e6 / 1e6);
		table_add_u64(&t, e->index);
		table_add(&t, e->outcome);
		table_add(&t, weight);
		table_add(&t, e->count);
		table_add_u64(&t, e->task_index);
		table_add(&t, e->rater);
	}
	return table_print(&t);
}

static int
records_table(const Ectledger__V1__TrustReply *r)
{
	static const char *const head[] = {"index", "record", "state", "verdict", "by"};
	struct table t;

	if (r->n_records == 0)
		return 0;
	printf("\nsaid about it, %zu of %" PRIu64 ":\n", r->n_records, r->records_total);
	table_init(&t, 5);
	for (size_t i = 0; i < 5; i++)
		table_add(&t, head[i]);
	for (size_t i = 0; i < r->n_records; i++) {
		const Ectledger__V1__TrustRecord *m = r->records[i];
		char verdict[80];

		(void)snprintf(verdict, sizeof verdict, "%s%s%s", m->verdict,
		    m->why[0] != '\0' ? ": " : "", m->why);
		table_add_u64(&t, m->index);
		table_add(&t, m->record);
		table_add(&t, m->n_flags > 0 ? m->flags[0] : m->in_force ? "in force" : "over");
		table_add(&t, verdict[0] != '\0' ? verdict : "-");
		table_add(&t, m->by);
	}
	return table_print(&t);
}

static int
trust_table(struct ect_client *client, Ectledger__V1__TrustRequest *request, bool newest)
{
	Ectledger__V1__TrustReply *r;
	int code;

	if (newest)
		request->limit = TABLE_ROWS;
	if ((code = ask(client, request, &r)) != 0)
		return code;
	if (newest && r->next != 0) {
		request->at = r->tree_size;
		request->after = r->evidence_total - TABLE_ROWS;
		free_reply(r);
		if ((code = ask(client, request, &r)) != 0)
			return code;
	}
	printf("%s\n%s %.6f%s%s%s, of %" PRIu64 " good and %" PRIu64
	       " bad outcomes at tree size %" PRIu64 "%s\n",
	    r->iss, r->model, r->score_e6 / 1e6, r->under_floor ? ", under the floor" : "",
	    r->quarantined ? ", quarantined" : "", r->revoked ? ", trust revoked" : "", r->positive,
	    r->negative, r->tree_size,
	    r->complete ? "" : "; NOT COMPLETE: over the limit of one query");
	code = evidence_table(r);
	if (code == 0)
		code = records_table(r);
	free_reply(r);
	return code;
}

/* ---- all ---- */

static void
add_rows(struct table *t, const Ectledger__V1__TrustAllReply *r)
{
	char score[16];

	for (size_t i = 0; i < r->n_agents; i++) {
		const Ectledger__V1__TrustRow *m = r->agents[i];

		(void)snprintf(score, sizeof score, "%.6f", m->score_e6 / 1e6);
		table_add(t, score);
		table_add_u64(t, m->positive);
		table_add_u64(t, m->negative);
		table_add(t, m->quarantined   ? "quarantined"
			     : m->revoked     ? "revoked"
			     : m->under_floor ? "under floor"
			     : m->complete    ? "-"
					      : "in part");
		table_add(t, m->iss);
	}
}

static int
trust_all(const struct globals *g, struct ect_client *client,
    Ectledger__V1__TrustAllRequest *request, bool all_pages)
{
	static const char *const head[] = {"score", "good", "bad", "state", "iss"},
				 *const lists[] = {"agents", "rests_on", NULL};
	Ectledger__V1__TrustAllReply *reply = NULL;
	json_t *whole = NULL;
	struct table t;
	int code;

	table_init(&t, 5);
	for (size_t i = 0; i < 5; i++)
		table_add(&t, head[i]);
	do {
		code = call_on(client, "/ectledger.v1.Query/TrustAll", &request->base,
		    &ectledger__v1__trust_all_reply__descriptor,
		    (ProtobufCMessage **)(void *)&reply);
		if (code != 0)
			break;
		request->at = reply->tree_size;
		request->after = reply->next;
		if (g->output == OUTPUT_TABLE)
			add_rows(&t, reply);
		else if (!pages_join(&whole, &reply->base, lists))
			code = fail(EXIT_USAGE, "out of memory");
		ectledger__v1__trust_all_reply__free_unpacked(reply, NULL);
	} while (code == 0 && all_pages && request->after != 0);
	if (code == 0 && g->output == OUTPUT_TABLE)
		return table_print(&t);
	table_free(&t);
	if (code == 0) {
		pages_joined(whole);
		print_json(g, whole);
	} else {
		json_decref(whole);
	}
	return code;
}

/* ---- the verb ---- */

struct wish {
	uint64_t limit, after, records_after;
	int64_t half_life_s;
};

static bool
read_wish(const struct args *a, struct wish *w)
{
	uint64_t half_life = 0;

	*w = (struct wish){0};
	if (!args_u64(a, "--half-life", &half_life) || !args_u64(a, "--limit", &w->limit) ||
	    !args_u64(a, "--after", &w->after) ||
	    !args_u64(a, "--records-after", &w->records_after))
		return false;
	if (half_life > INT64_MAX || w->limit > UINT32_MAX) {
		(void)fail(EXIT_USAGE, "--half-life or --limit is too large");
		return false;
	}
	if (args_has(a, "--half-life"))
		w->half_life_s = half_life == 0 ? -1 : (int64_t)half_life;
	return true;
}

static char *
text(const char *s)
{
	return (char *)(uintptr_t)(s != NULL ? s : "");
}

static int
run_one(
    const struct globals *g, const struct args *a, const struct wish *w, struct ect_client *client)
{
	Ectledger__V1__TrustRequest request = ECTLEDGER__V1__TRUST_REQUEST__INIT;
	bool all_pages = !args_has(a, "--limit");

	request.iss = text(a->operands[0]);
	request.from = text(args_get(a, "--from"));
	request.act = text(args_get(a, "--act"));
	request.model = text(args_get(a, "--model"));
	request.half_life_s = w->half_life_s;
	request.limit = all_pages ? 1000 : (uint32_t)w->limit;
	request.after = w->after;
	request.records_after = w->records_after;
	request.at = g->at;
	return g->output == OUTPUT_TABLE
		   ? trust_table(client, &request, all_pages && !args_has(a, "--after"))
		   : trust_json(g, client, &request, all_pages);
}

static int
run_all(
    const struct globals *g, const struct args *a, const struct wish *w, struct ect_client *client)
{
	Ectledger__V1__TrustAllRequest request = ECTLEDGER__V1__TRUST_ALL_REQUEST__INIT;

	request.model = text(args_get(a, "--model"));
	request.half_life_s = w->half_life_s;
	request.limit = (uint32_t)w->limit;
	request.after = w->after;
	request.at = g->at;
	return trust_all(g, client, &request, !args_has(a, "--limit"));
}

static int
trust_run(const struct globals *g, const struct args *a)
{
	bool all = args_has(a, "--all");
	struct ect_client *client = NULL;
	struct wish w;
	int code;

	if (all == (a->operand_count == 1))
		return fail(EXIT_USAGE, "trust wants an agent's URI or --all, one of the two");
	if (all &&
	    (args_has(a, "--from") || args_has(a, "--act") || args_has(a, "--records-after")))
		return fail(EXIT_USAGE, "--from, --act and --records-after are for one agent");
	if (!read_wish(a, &w))
		return EXIT_USAGE;
	if ((code = connect_server(g, &client)) != 0)
		return code;
	code = all ? run_all(g, a, &w, client) : run_one(g, a, &w, client);
	ect_client_close(client);
	return code;
}

static const struct verb_option trust_options[] = {
    {"--all", NULL, "every agent with its score, in the order of their first entries", false},
    {"--from", "URI", "by this agent's outcomes alone", false},
    {"--act", "EXEC_ACT", "about tasks of this action alone", false},
    {"--model", "aimd|beta|wilson", "default: the policy's", false},
    {"--half-life", "SECONDS",
	"evidence loses half its weight in so long; 0: never (default: the policy's)", false},
    {"--limit", "N", "one page of at most N (default: every page)", false},
    {"--after", "N", "go on after so many: \"next\" of the page before", false},
    {"--records-after", "N", "the same for what was said: \"records_next\"", false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_trust = {"trust", "[URI]",
    "how far an agent is to be trusted, by what others signed about its work", trust_options, 0, 1,
    trust_run};
