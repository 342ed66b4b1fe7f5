/*
 * consistency.c - proof that the log at one size is the beginning of the log at another.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"

static bool
size_operand(const char *text, uint64_t *out)
{
	char *end = NULL;

	if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0' && strlen(text) < 20) {
		*out = strtoull(text, &end, 10);
		return true;
	}
	(void)fail(EXIT_USAGE, "a tree size is a number, not \"%s\"", text);
	return false;
}

static int
consistency_table(const Ectledger__V1__ProveConsistencyReply *reply, json_t *row)
{
	struct table t;

	table_init(&t, 3);
	table_add(&t, "tree");
	table_add(&t, "size");
	table_add(&t, "root");
	table_add(&t, "old");
	table_add_u64(&t, reply->old_size);
	table_add(&t, json_string_value(json_object_get(row, "old_root")));
	table_add(&t, "new");
	table_add_u64(&t, reply->new_size);
	table_add(&t, json_string_value(json_object_get(row, "new_root")));
	for (size_t i = 0; i < json_array_size(json_object_get(row, "path")); i++) {
		table_add(&t, "path");
		table_add_u64(&t, i);
		table_add(&t, json_string_value(json_array_get(json_object_get(row, "path"), i)));
	}
	return table_print(&t);
}

static int
consistency_run(const struct globals *g, const struct args *a)
{
	Ectledger__V1__ProveConsistencyRequest request =
	    ECTLEDGER__V1__PROVE_CONSISTENCY_REQUEST__INIT;
	Ectledger__V1__ProveConsistencyReply *reply = NULL;
	json_t *row = NULL;
	int code;

	request.new_size = g->at;
	if (!size_operand(a->operands[0], &request.old_size) ||
	    (a->operand_count == 2 && !size_operand(a->operands[1], &request.new_size)))
		return EXIT_USAGE;
	code = call_server(g, "/ectledger.v1.Ledger/ProveConsistency", &request.base,
	    &ectledger__v1__prove_consistency_reply__descriptor,
	    (ProtobufCMessage **)(void *)&reply);
	if (code == 0) {
		row = json_pack("{sI sI so so so}", "old", (json_int_t)reply->old_size, "new",
		    (json_int_t)reply->new_size, "path", show_path(reply->path), "old_root",
		    show_hex(reply->old_root), "new_root", show_hex(reply->new_root));
		if (g->output == OUTPUT_TABLE && row != NULL && reply->old_root.len > 0 &&
		    reply->new_root.len > 0)
			code = consistency_table(reply, row);
		else
			print_json(g, json_incref(row));
	}
	json_decref(row);
	if (reply != NULL)
		ectledger__v1__prove_consistency_reply__free_unpacked(reply, NULL);
	return code;
}

const struct verb verb_consistency = {"consistency", "OLD [NEW]",
    "prove that the log of size OLD is the beginning of that of size NEW (default: now)", NULL, 1,
    2, consistency_run};
