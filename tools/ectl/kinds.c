/*
 * kinds.c - "ectl kinds": the table of node kinds that a log goes by.
 */
#include <stdio.h>
#include <string.h>

#include "call.h"

static void
add(char *text, size_t room, const char *between, const char *more)
{
	size_t n = strlen(text);

	(void)snprintf(text + n, room - n, "%s%s", n > 0 ? between : "", more);
}

static void
key_text(const Ectledger__V1__KindKey *k, char *text, size_t room)
{
	text[0] = '\0';
	for (size_t i = 0; i < k->n_values; i++)
		add(text, room, "|", k->values[i]);
	if (k->n_values == 0)
		add(text, room, "", k->type);
	if (strcmp(k->name, k->means) == 0)
		return;
	add(text, room, ", means ", k->means);
}

/* A row of the table, and one for each of its keys. */
static void
table_kind(struct table *t, const Ectledger__V1__KindRow *k)
{
	char acts[2048] = "", preds[64], parents[2048] = "";

	for (size_t i = 0; i < k->n_act; i++)
		add(acts, sizeof acts, " ", k->act[i]);
	if (k->pred_max == 0)
		(void)snprintf(preds, sizeof preds, "%u+", k->pred_min);
	else
		(void)snprintf(preds, sizeof preds, "%u-%u", k->pred_min, k->pred_max);
	for (size_t i = 0; i < k->n_parents; i++)
		add(parents, sizeof parents, " ", k->parents[i]);
	table_add(t, k->name);
	table_add(t, k->built_in || k->means[0] == '\0' ? "" : k->means);
	table_add(t, k->n_act == 0 ? "(any other)" : acts);
	table_add(t, preds);
	table_add(t, parents);
	table_add(t, "");
	for (size_t i = 0; i < k->n_keys; i++) {
		char text[4096], name[256];

		key_text(k->keys[i], text, sizeof text);
		(void)snprintf(name, sizeof name, "  %s%s", k->keys[i]->name,
		    k->keys[i]->required ? " !" : "");
		table_add(t, name);
		table_add(t, "");
		table_add(t, "");
		table_add(t, "");
		table_add(t, "");
		table_add(t, text);
	}
}

static int
show(const Ectledger__V1__KindsReply *reply)
{
	static const char *const head[] = {"kind and its keys (! required)", "means", "exec_act",
	    "pred", "one of them", "type or values"};
	struct table t;
	int code;

	table_init(&t, 6);
	for (size_t i = 0; i < 6; i++)
		table_add(&t, head[i]);
	for (size_t i = 0; i < reply->n_kinds; i++)
		table_kind(&t, reply->kinds[i]);
	code = table_print(&t);
	table_free(&t);
	(void)printf("\nat tree size %llu; profile demanded: %s; a breach is %s\n",
	    (unsigned long long)reply->tree_size, reply->profile,
	    reply->strict ? "refused" : "marked");
	return code;
}

static int
kinds_run(const struct globals *g, const struct args *a)
{
	Ectledger__V1__KindsRequest request = ECTLEDGER__V1__KINDS_REQUEST__INIT;
	Ectledger__V1__KindsReply *reply = NULL;
	int code;

	(void)a;
	request.at = g->at;
	code = call_server(g, "/ectledger.v1.Admin/Kinds", &request.base,
	    &ectledger__v1__kinds_reply__descriptor, (ProtobufCMessage **)(void *)&reply);
	if (code != 0)
		return code;
	if (g->output != OUTPUT_TABLE)
		return show_message(g, &reply->base, 0);
	code = show(reply);
	ectledger__v1__kinds_reply__free_unpacked(reply, NULL);
	return code;
}

const struct verb verb_kinds = {"kinds", "",
    "the node kinds that the log goes by: patterns, predecessors, extension keys", NULL, 0, 0,
    kinds_run};
