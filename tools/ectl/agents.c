/*
 * agents.c - who signed what in the log, since when, and in which state it is.
 */
#include <inttypes.h>
#include <stdio.h>

#include "pages_join.h"

static void
add_rows(struct table *t, const Ectledger__V1__AgentsReply *r)
{
	char score[16];

	for (size_t i = 0; i < r->n_agents; i++) {
		const Ectledger__V1__AgentView *m = r->agents[i];

		(void)snprintf(score, sizeof score, "%.6f", m->score_e6 / 1e6);
		table_add(t, m->complete ? m->state : "in part");
		table_add(t, score);
		table_add_u64(t, m->entries);
		table_add_u64(t, m->workflows);
		table_add_u64(t, m->keys_total);
		table_add_u64(t, m->last_index);
		table_add(t, m->iss);
	}
}

static void
row(struct table *t, const char *what, const char *value)
{
	table_add(t, what);
	table_add(t, value != NULL && value[0] != '\0' ? value : "-");
}

static void
row_time(struct table *t, const char *what, int64_t ms, uint64_t index)
{
	json_t *time = show_time_ms(ms);
	char text[80];

	(void)snprintf(text, sizeof text, "%s, entry %" PRIu64, json_string_value(time), index);
	row(t, what, text);
	json_decref(time);
}

/* One agent, told at length. */
static int
show_one(const Ectledger__V1__AgentView *m)
{
	struct table t;
	char text[160];

	table_init(&t, 2);
	row(&t, "agent", m->iss);
	row(&t, "trust domain", m->trust_domain);
	row(&t, "state", m->state);
	if (m->version[0] != '\0')
		row(&t, "version", m->version);
	if (m->successor[0] != '\0')
		row(&t, "successor", m->successor);
	row_time(&t, "first seen", m->first_ms, m->first_index);
	row_time(&t, "last seen", m->last_ms, m->last_index);
	(void)snprintf(
	    text, sizeof text, "%" PRIu64 "; workflows: %" PRIu64, m->entries, m->workflows);
	row(&t, "entries", text);
	(void)snprintf(text, sizeof text,
	    "%s %.6f, of %" PRIu64 " good and %" PRIu64 " bad outcomes", m->model,
	    m->score_e6 / 1e6, m->positive, m->negative);
	row(&t, "trust", text);
	for (size_t i = 0; i < m->n_actions; i++) {
		(void)snprintf(text, sizeof text, "%s (%" PRIu64 ")", m->actions[i]->act,
		    m->actions[i]->entries);
		row(&t, i == 0 ? "actions" : "", text);
	}
	for (size_t i = 0; i < m->n_keys; i++) {
		json_t *key = show_b64url(m->keys[i]->thumbprint);

		(void)snprintf(text, sizeof text, "%s (%" PRIu64 ")", json_string_value(key),
		    m->keys[i]->entries);
		row(&t, i == 0 ? "keys" : "", text);
		json_decref(key);
	}
	return table_print(&t);
}

static int
ask(const struct globals *g, struct ect_client *client, Ectledger__V1__AgentsRequest *request,
    bool all_pages)
{
	static const char *const head[] = {"state", "trust", "entries", "workflows", "keys", "last",
	    "iss"},
				 *const lists[] = {"agents", "rests_on", NULL};
	bool table = g->output == OUTPUT_TABLE, one = request->iss[0] != '\0';
	Ectledger__V1__AgentsReply *reply = NULL;
	json_t *whole = NULL;
	struct table t;
	int code;

	table_init(&t, 7);
	for (size_t i = 0; i < 7; i++)
		table_add(&t, head[i]);
	do {
		code = call_on(client, "/ectledger.v1.Query/Agents", &request->base,
		    &ectledger__v1__agents_reply__descriptor, (ProtobufCMessage **)(void *)&reply);
		if (code != 0)
			break;
		request->at = reply->tree_size;
		request->after = reply->next;
		if (table && one && reply->n_agents == 1)
			code = show_one(reply->agents[0]);
		else if (table)
			add_rows(&t, reply);
		else if (!pages_join(&whole, &reply->base, lists))
			code = fail(EXIT_USAGE, "out of memory");
		ectledger__v1__agents_reply__free_unpacked(reply, NULL);
	} while (code == 0 && all_pages && request->after != 0);
	if (code == 0 && table && !one)
		return table_print(&t);
	table_free(&t);
	if (code == 0 && !table) {
		pages_joined(whole);
		print_json(g, whole);
		return 0;
	}
	json_decref(whole);
	return code;
}

static int
agents_run(const struct globals *g, const struct args *a)
{
	Ectledger__V1__AgentsRequest request = ECTLEDGER__V1__AGENTS_REQUEST__INIT;
	struct ect_client *client = NULL;
	uint64_t limit = 0;
	int code;

	if (!args_u64(a, "--limit", &limit) || !args_u64(a, "--after", &request.after))
		return EXIT_USAGE;
	if (limit > UINT32_MAX)
		return fail(EXIT_USAGE, "--limit is too large");
	if (a->operand_count == 1)
		request.iss = (char *)(uintptr_t)a->operands[0];
	request.limit = args_has(a, "--limit") ? (uint32_t)limit : 1000;
	request.at = g->at;
	if ((code = connect_server(g, &client)) != 0)
		return code;
	code = ask(g, client, &request, !args_has(a, "--limit"));
	ect_client_close(client);
	return code;
}

static const struct verb_option agents_options[] = {
    {"--limit", "N", "one page of at most N (default: every page)", false},
    {"--after", "N", "go on after so many: \"next\" of the page before", false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_agents = {"agents", "[URI]",
    "who signed what: since when, with which keys, how far trusted, in which state", agents_options,
    0, 1, agents_run};
