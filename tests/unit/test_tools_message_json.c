/*
 * test_tools_message_json.c - a message's descriptor says how its JSON looks.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ectl/args.c"
#include "tools/ectl/message_json.c"
#include "tools/ectl/output.c"
#include "tools/ectl/show.c"

static char *
text_of(const ProtobufCMessage *m)
{
	json_t *value = message_json(m);
	char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15));

	json_decref(value);
	return text;
}

Test(tools_message_json, ids_are_uuids_hashes_hex_and_what_is_empty_null)
{
	uint8_t jti[16] = {1, 2, 3}, leaf[2] = {0xab, 0xcd}, key[3] = {0xff, 0xff, 0xff};
	Ectledger__V1__EntryView e = ECTLEDGER__V1__ENTRY_VIEW__INIT;
	ProtobufCBinaryData pred[1] = {{2, leaf}};
	uint64_t indexes[2] = {7, 8};
	json_t *value;

	e.index = 5;
	e.jti = (ProtobufCBinaryData){16, jti};
	e.leaf_hash = (ProtobufCBinaryData){2, leaf};
	e.key_thumbprint = (ProtobufCBinaryData){3, key};
	e.iss = (char *)(uintptr_t) "a\"b";
	e.n_pred = 1;
	e.pred = pred;
	e.n_pred_index = 2;
	e.pred_index = indexes;
	value = message_json(&e.base);
	cr_assert_not_null(value);
	cr_expect_eq(json_integer_value(json_object_get(value, "index")), 5);
	cr_expect_str_eq(json_string_value(json_object_get(value, "jti")),
	    "01020300-0000-0000-0000-000000000000");
	cr_expect(json_is_null(json_object_get(value, "wid")));
	cr_expect_str_eq(json_string_value(json_object_get(value, "leaf_hash")), "abcd");
	cr_expect_str_eq(json_string_value(json_object_get(value, "key_thumbprint")), "____");
	cr_expect_str_eq(json_string_value(json_object_get(value, "iss")), "a\"b");
	cr_expect(json_is_null(json_object_get(value, "act")));
	cr_expect(json_is_null(json_object_get(value, "key")), "no message");
	cr_expect_eq(json_array_size(json_object_get(value, "pred_index")), 2);
	cr_expect(json_is_false(json_object_get(value, "suspect")));
	json_decref(value);
}

Test(tools_message_json, repeated_messages_are_arrays_of_objects)
{
	Ectledger__V1__GraphEdge edge = ECTLEDGER__V1__GRAPH_EDGE__INIT, *edges[1] = {&edge};
	Ectledger__V1__ProvenanceReply r = ECTLEDGER__V1__PROVENANCE_REPLY__INIT;
	char *text;

	edge.parent_index = 3;
	edge.child_index = UINT64_MAX;
	r.n_edges = 1;
	r.edges = edges;
	text = text_of(&r.base);
	cr_expect_not_null(
	    strstr(text, "\"edges\":[{\"parent_index\":3,\"child_index\":null,\"foreign\":false}]"),
	    "%s", text);
	cr_expect_not_null(strstr(text, "\"nodes\":[]"), "%s", text);
	free(text);
}
