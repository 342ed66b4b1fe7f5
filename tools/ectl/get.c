/*
 * get.c - one entry, by task id or by index.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"

static json_t *
uuids(const ProtobufCBinaryData *ids, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(list, show_uuid(ids[i]));
	return list;
}

static json_t *
texts(char *const *items, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(list, show_text(items[i]));
	return list;
}

/* The token as it is: text when it is one, else base64. */
static json_t *
token_of(const Ectledger__V1__EntryView *e)
{
	json_t *value = NULL;

	if (strcmp(e->media, "cose") != 0)
		value = json_stringn((const char *)e->token.data, e->token.len);
	return value != NULL ? value : show_b64(e->token);
}

static json_t *
entry_json(const Ectledger__V1__EntryView *e, uint64_t tree_size)
{
	json_t *ext = e->ext.len > 0
			  ? json_loadb((const char *)e->ext.data, e->ext.len, JSON_DECODE_ANY, NULL)
			  : NULL;
	json_t *parents = json_array(), *row;

	for (size_t i = 0; i < e->n_pred_index; i++)
		(void)json_array_append_new(parents, json_integer((json_int_t)e->pred_index[i]));
	row = json_pack("{sI so so so so so so sI sI so sI so so so so so}", "index",
	    (json_int_t)e->index, "jti", show_uuid(e->jti), "wid", show_uuid(e->wid), "iss",
	    show_text(e->iss), "act", show_text(e->act), "kind", show_text(e->node_kind), "level",
	    show_text(e->level), "iat", (json_int_t)e->iat, "exp", (json_int_t)e->exp,
	    "received_at", show_time_ms(e->received_at_ms), "received_at_ms",
	    (json_int_t)e->received_at_ms, "aud", texts(e->aud, e->n_aud), "pred",
	    uuids(e->pred, e->n_pred), "pred_index", parents, "inp_hash", show_b64url(e->inp_hash),
	    "out_hash", show_b64url(e->out_hash));
	if (row == NULL)
		return NULL;
	(void)json_object_set_new(row, "ext", ext != NULL ? ext : json_null());
	(void)json_object_set_new(row, "key_thumbprint", show_b64url(e->key_thumbprint));
	(void)json_object_set_new(row, "leaf_hash", show_hex(e->leaf_hash));
	(void)json_object_set_new(row, "media", show_text(e->media));
	(void)json_object_set_new(row, "flags", json_integer((json_int_t)e->flags));
	(void)json_object_set_new(row, "tree_size", json_integer((json_int_t)tree_size));
	(void)json_object_set_new(row, "token", token_of(e));
	return row;
}

static int
entry_table(json_t *entry)
{
	struct table t;
	const char *name;
	json_t *value;

	table_init(&t, 2);
	table_add(&t, "member");
	table_add(&t, "value");
	json_object_foreach(entry, name, value)
	{
		char *text = json_is_string(value)
				 ? NULL
				 : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

		table_add(&t, name);
		table_add(&t, json_is_string(value) ? json_string_value(value)
			      : text != NULL	    ? text
						    : "");
		free(text);
	}
	return table_print(&t);
}

static int
get_run(const struct globals *g, const struct args *a)
{
	Ectledger__V1__GetEntryRequest request = ECTLEDGER__V1__GET_ENTRY_REQUEST__INIT;
	Ectledger__V1__GetEntryReply *reply = NULL;
	struct task_id id;
	json_t *row = NULL;
	int code;

	request.by_index = args_has(a, "--index");
	request.at = g->at;
	if (request.by_index == (a->operand_count == 1))
		return fail(EXIT_USAGE, "get wants a task id or --index N, one of the two");
	if (!args_u64(a, "--index", &request.index))
		return EXIT_USAGE;
	if (!request.by_index) {
		if (!task_id_read(a, a->operands[0], &id))
			return EXIT_USAGE;
		request.jti = task_id_jti(&id);
		request.wid = task_id_wid(&id);
		request.any_wid = id.any_wid;
	}
	code = call_server(g, "/ectledger.v1.Ledger/GetEntry", &request.base,
	    &ectledger__v1__get_entry_reply__descriptor, (ProtobufCMessage **)(void *)&reply);
	if (code == 0 && reply->entry == NULL)
		code = fail(EXIT_UNREACHABLE, "the server's answer has no entry");
	if (code == 0) {
		row = entry_json(reply->entry, reply->tree_size);
		if (g->output == OUTPUT_TABLE && row != NULL)
			code = entry_table(row);
		else
			print_json(g, json_incref(row));
	}
	json_decref(row);
	if (reply != NULL)
		ectledger__v1__get_entry_reply__free_unpacked(reply, NULL);
	return code;
}

static const struct verb_option get_options[] = {
    OPTION_WID,
    {"--index", "N", "the entry at this index, instead of a task id", false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_get = {"get", "[JTI]",
    "show one entry: its claims, its place in the log, its token", get_options, 0, 1, get_run};
