/*
 * recovery.c - "ectl recovery": who asked for what to be undone, what became of it, and which records break
 * a rule.
 */
#include <stdio.h>
#include <string.h>

#include "call.h"

/* Pages join at the JSON: what a list has more, and where the next begins. */
static void
join(json_t *all, const json_t *page)
{
	static const char *const lists[] = {"requests", "records", "tasks", "rests_on"};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		(void)json_array_extend(
		    json_object_get(all, lists[i]), json_object_get(page, lists[i]));
	if (!json_is_true(json_object_get(page, "complete")))
		(void)json_object_set_new(all, "complete", json_false());
}

static int
ask(const struct globals *g, Ectledger__V1__RecoveryRequest *request, json_t **out)
{
	Ectledger__V1__RecoveryReply *reply = NULL;
	struct ect_client *client = NULL;
	bool more = true;
	int code;

	*out = NULL;
	code = connect_server(g, &client);
	while (code == 0 && more) {
		json_t *page;

		code = call_on(client, "/ectledger.v1.Query/Recovery", &request->base,
		    &ectledger__v1__recovery_reply__descriptor,
		    (ProtobufCMessage **)(void *)&reply);
		if (code != 0)
			break;
		/* A list that is at its end goes on being asked for behind the last entry. */
		request->at = reply->tree_size;
		request->from = reply->next != 0 ? reply->next : reply->tree_size;
		request->tasks_from = reply->tasks_next != 0 ? reply->tasks_next : reply->tree_size;
		more = reply->next != 0 || reply->tasks_next != 0;
		page = message_json(&reply->base);
		ectledger__v1__recovery_reply__free_unpacked(reply, NULL);
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
	if (*out != NULL) {
		(void)json_object_del(*out, "next");
		(void)json_object_del(*out, "tasks_next");
	}
	return code;
}

/* ---- tables ---- */

static const char *
text(const json_t *row, const char *name)
{
	const char *s = json_string_value(json_object_get(row, name));

	return s != NULL ? s : "-";
}

static void
add_flags(struct table *t, const json_t *row)
{
	const json_t *flags = json_object_get(row, "flags"), *one;
	char joined[256] = "";
	size_t i;

	json_array_foreach(flags, i, one)
	{
		size_t n = strlen(joined);

		(void)snprintf(joined + n, sizeof joined - n, "%s%s", n > 0 ? ", " : "",
		    json_string_value(one));
	}
	table_add(t, joined);
}

static void
add_row(struct table *t, const json_t *row, const char *what, const char *state)
{
	table_add_u64(t, (uint64_t)json_integer_value(json_object_get(row, "index")));
	table_add(t, what);
	table_add(t, state);
	table_add(t, text(row, "jti"));
	table_add(t, text(row, "iss"));
	add_flags(t, row);
}

static int
show_records(const json_t *all)
{
	static const char *const head[] = {"index", "record", "state", "jti", "iss", "flags"};
	const json_t *row, *inner;
	struct table t;
	size_t i, k;

	table_init(&t, 6);
	for (i = 0; i < 6; i++)
		table_add(&t, head[i]);
	json_array_foreach(json_object_get(all, "requests"), i, row)
	{
		add_row(&t, row, "request", text(row, "state"));
		json_array_foreach(json_object_get(row, "results"), k, inner)
		    add_row(&t, inner, "  result", text(inner, "outcome"));
	}
	json_array_foreach(json_object_get(all, "records"), i, row)
	    add_row(&t, row, text(row, "node_kind"), "");
	return table_print(&t);
}

static int
show_tasks(const json_t *all)
{
	static const char *const head[] = {"index", "state", "jti", "act", "iss"};
	const json_t *row, *states = json_object_get(all, "states"), *n;
	struct table t;
	const char *name;
	size_t i;
	int code;

	table_init(&t, 5);
	for (i = 0; i < 5; i++)
		table_add(&t, head[i]);
	json_array_foreach(json_object_get(all, "tasks"), i, row)
	{
		table_add_u64(&t, (uint64_t)json_integer_value(json_object_get(row, "index")));
		table_add(&t, text(row, "state"));
		table_add(&t, text(row, "jti"));
		table_add(&t, text(row, "act"));
		table_add(&t, text(row, "iss"));
	}
	(void)putchar('\n');
	if ((code = table_print(&t)) != 0)
		return code;
	(void)printf("\ntasks:");
	json_object_foreach((json_t *)(uintptr_t)states, name, n) if (json_integer_value(n) > 0)(
	    void) printf(" %lld %s", (long long)json_integer_value(n), name);
	(void)printf(", at tree size %lld%s\n",
	    (long long)json_integer_value(json_object_get(all, "tree_size")),
	    json_is_true(json_object_get(all, "complete"))
		? ""
		: "; NOT COMPLETE: over the limit of one query");
	return 0;
}

static int
recovery_run(const struct globals *g, const struct args *a)
{
	Ectledger__V1__RecoveryRequest request = ECTLEDGER__V1__RECOVERY_REQUEST__INIT;
	struct task_id id = {0};
	json_t *all = NULL;
	int code;

	if (a->operand_count == 0) {
		if (!args_has(a, "--wid"))
			return fail(EXIT_USAGE, "name a task, or a workflow with --wid");
		if (!args_uuid(args_get(a, "--wid"), id.wid, "--wid"))
			return EXIT_USAGE;
		id.has_wid = true;
	} else {
		if (!task_id_read(a, a->operands[0], &id))
			return EXIT_USAGE;
		request.jti = task_id_jti(&id);
		request.any_wid = id.any_wid;
	}
	request.wid = task_id_wid(&id);
	request.at = g->at;
	if ((code = ask(g, &request, &all)) != 0) {
		json_decref(all);
		return code;
	}
	if (g->output != OUTPUT_TABLE) {
		print_json(g, all);
		return 0;
	}
	if ((code = show_records(all)) == 0)
		code = show_tasks(all);
	json_decref(all);
	return code;
}

static const struct verb_option recovery_options[] = {
    {"--wid", "UUID",
	"without JTI: all of this workflow; with it: the task's workflow (\"none\": no workflow)",
	false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_recovery = {"recovery", "[JTI]",
    "who asked for what to be undone, what became of it, and which records break a rule",
    recovery_options, 0, 1, recovery_run};
