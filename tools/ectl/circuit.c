/*
 * circuit.c - "ectl circuit": which callee fails which caller so often that no more calls should be made.
 */
#include <stdio.h>

#include "call.h"

static void
join(json_t *all, const json_t *page)
{
	(void)json_array_extend(json_object_get(all, "edges"), json_object_get(page, "edges"));
	(void)json_array_extend(
	    json_object_get(all, "rests_on"), json_object_get(page, "rests_on"));
	if (!json_is_true(json_object_get(page, "complete")))
		(void)json_object_set_new(all, "complete", json_false());
}

static int
ask(const struct globals *g, Ectledger__V1__CircuitRequest *request, json_t **out)
{
	Ectledger__V1__CircuitReply *reply = NULL;
	struct ect_client *client = NULL;
	bool more = true;
	int code;

	*out = NULL;
	code = connect_server(g, &client);
	while (code == 0 && more) {
		json_t *page;

		code = call_on(client, "/ectledger.v1.Query/Circuit", &request->base,
		    &ectledger__v1__circuit_reply__descriptor, (ProtobufCMessage **)(void *)&reply);
		if (code != 0)
			break;
		request->at = reply->tree_size;
		request->after = reply->next;
		more = reply->next != 0;
		page = message_json(&reply->base);
		ectledger__v1__circuit_reply__free_unpacked(reply, NULL);
		if (page == NULL)
			code = fail(EXIT_UNREACHABLE, "out of memory");
		else if (*out == NULL)
			*out = page;
		else
			join(*out, page);
		if (page != *out)
			json_decref(page);
	}
	ect_client_close(client);
	if (*out != NULL)
		(void)json_object_del(*out, "next");
	return code;
}

static uint64_t
number(const json_t *row, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(row, name));
}

static int
show(const json_t *all)
{
	static const char *const head[] = {
	    "state", "bad", "calls", "all bad", "all calls", "changes", "disagree", "from", "to"};
	const json_t *row;
	struct table t;
	size_t i;
	int code;

	table_init(&t, 9);
	for (i = 0; i < 9; i++)
		table_add(&t, head[i]);
	json_array_foreach(json_object_get(all, "edges"), i, row)
	{
		table_add(&t, json_string_value(json_object_get(row, "state")));
		table_add_u64(&t, number(row, "bad"));
		table_add_u64(&t, number(row, "calls"));
		table_add_u64(&t, number(row, "bad_total"));
		table_add_u64(&t, number(row, "calls_total"));
		table_add_u64(&t, number(row, "change_total"));
		table_add_u64(&t, number(row, "disagree_total"));
		table_add(&t, json_string_value(json_object_get(row, "from")));
		table_add(&t, json_string_value(json_object_get(row, "to")));
	}
	if ((code = table_print(&t)) != 0)
		return code;
	(void)printf("\nedges: %llu, %llu open, %llu half open, at tree size %llu%s\n",
	    (unsigned long long)number(all, "edge_total"), (unsigned long long)number(all, "open"),
	    (unsigned long long)number(all, "half_open"),
	    (unsigned long long)number(all, "tree_size"),
	    json_is_true(json_object_get(all, "complete"))
		? ""
		: "; NOT COMPLETE: over the limit of one query");
	return 0;
}

static int
circuit_run(const struct globals *g, const struct args *a)
{
	Ectledger__V1__CircuitRequest request = ECTLEDGER__V1__CIRCUIT_REQUEST__INIT;
	json_t *all = NULL;
	int code;

	if (args_has(a, "--from"))
		request.from = (char *)(uintptr_t)args_get(a, "--from");
	if (args_has(a, "--to"))
		request.to = (char *)(uintptr_t)args_get(a, "--to");
	request.all = args_has(a, "--all");
	request.at = g->at;
	if ((code = ask(g, &request, &all)) != 0) {
		json_decref(all);
		return code;
	}
	if (g->output != OUTPUT_TABLE) {
		print_json(g, all);
		return 0;
	}
	code = show(all);
	json_decref(all);
	return code;
}

static const struct verb_option circuit_options[] = {
    {"--from", "ISS", "calls by this agent", false},
    {"--to", "ISS", "calls of this agent", false},
    {"--all", NULL, "also pairs that never left closed and that nobody told of", false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_circuit = {"circuit", "",
    "circuit breakers: who fails whom so often that calls should stop", circuit_options, 0, 0,
    circuit_run};
