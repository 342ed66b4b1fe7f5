/*
 * get.c - one entry, by task id or by index.
 */

#include "entry_row.h"

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
		row = entry_row(reply->entry, reply->tree_size, true);
		if (g->output == OUTPUT_TABLE && row != NULL)
			code = entry_row_table(row);
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
    "show one entry: its claims, its place in the log, the key that signed it, its token",
    get_options, 0, 1, get_run};
