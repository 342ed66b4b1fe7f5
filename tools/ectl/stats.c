/*
 * stats.c - the server's counters, and its limits with their values.
 */
#include <stdio.h>
#include <string.h>

#include "call.h"

static int
stats_run(const struct globals *g, const struct args *a)
{
	Ectledger__V1__StatsRequest request = ECTLEDGER__V1__STATS_REQUEST__INIT;
	Ectledger__V1__StatsReply *reply = NULL;
	json_t *row = NULL;
	struct table t;
	char text[64];
	int code;

	(void)a;
	code = call_server(g, "/ectledger.v1.Admin/Stats", &request.base,
	    &ectledger__v1__stats_reply__descriptor, (ProtobufCMessage **)(void *)&reply);
	if (code != 0)
		return code;
	table_init(&t, 2);
	table_add(&t, "counter");
	table_add(&t, "value");
	row = json_object();
	for (size_t i = 0; i < reply->n_counters; i++) {
		const Ectledger__V1__Counter *c = reply->counters[i];
		bool whole =
		    c->value >= 0 && c->value < 9e15 && c->value == (double)(uint64_t)c->value;

		(void)snprintf(text, sizeof text, "%.*f", whole ? 0 : 3, c->value);
		if (c->value != 0 || strchr(c->name, '{') ==
					 NULL) { /* one row per code that never came helps nobody */
			table_add(&t, c->name);
			table_add(&t, text);
		}
		(void)json_object_set_new(
		    row, c->name, whole ? json_integer((json_int_t)c->value) : json_real(c->value));
	}
	if (g->output == OUTPUT_TABLE)
		code = table_print(&t);
	else
		print_json(g, json_incref(row));
	table_free(&t);
	json_decref(row);
	ectledger__v1__stats_reply__free_unpacked(reply, NULL);
	return code;
}

static int
limits_run(const struct globals *g, const struct args *a)
{
	Ectledger__V1__LimitsRequest request = ECTLEDGER__V1__LIMITS_REQUEST__INIT;
	Ectledger__V1__LimitsReply *reply = NULL;
	json_t *rows = NULL;
	struct table t;
	int code;

	(void)a;
	code = call_server(g, "/ectledger.v1.Admin/Limits", &request.base,
	    &ectledger__v1__limits_reply__descriptor, (ProtobufCMessage **)(void *)&reply);
	if (code != 0)
		return code;
	table_init(&t, 4);
	table_add(&t, "limit");
	table_add(&t, "value");
	table_add(&t, "unit");
	table_add(&t, "what it bounds");
	rows = json_array();
	for (size_t i = 0; i < reply->n_limits; i++) {
		const Ectledger__V1__Limit *l = reply->limits[i];

		table_add(&t, l->name);
		table_add_u64(&t, l->value);
		table_add(&t, l->unit);
		table_add(&t, l->text);
		(void)json_array_append_new(
		    rows, json_pack("{so sI so so}", "name", show_text(l->name), "value",
			      (json_int_t)l->value, "unit", show_text(l->unit), "text",
			      show_text(l->text)));
	}
	if (g->output == OUTPUT_TABLE)
		code = table_print(&t);
	else
		print_json(g, json_pack("{sO}", "limits", rows));
	table_free(&t);
	json_decref(rows);
	ectledger__v1__limits_reply__free_unpacked(reply, NULL);
	return code;
}

const struct verb verb_stats = {"stats", "", "the server's counters", NULL, 0, 0, stats_run};
const struct verb verb_limits = {
    "limits", "", "every limit of the server with its value", NULL, 0, 0, limits_run};
