/*
 * W3C PROV from a graph: names, equal content, people, approvals, what was rolled back; the same text twice.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tools/ectl/args.c"
#include "tools/ectl/graph.c"
#include "tools/ectl/output.c"
#include "tools/ectl/show.c"
#include "tools/ectl/prov_json.c"

static uint8_t ids[4][UUID_SIZE], hash[2][32] = {{1}, {2}};
static Ectledger__V1__GraphNode node[4], *nodes[4];
static Ectledger__V1__GraphEdge edge[3], *edges[3];
static Ectledger__V1__ProvenanceReply reply;

/* 1 made data, 2 is an approval of it by a person, 3 used and made data and was undone by 4, whose id is that of 1. */
static json_t *
prov(void)
{
	static const char *const iss[] = {"spiffe://d/a", "https://h/b c", "spiffe://d/a", "urn:x"};
	static const char *const kind[] = {"task", "hitl_decision", "task", "compensation"};

	ectledger__v1__provenance_reply__init(&reply);
	for (size_t i = 0; i < 4; i++) {
		ectledger__v1__graph_node__init(&node[i]);
		ids[i][0] = i == 3 ? 1 : (uint8_t)(i + 1);
		node[i].jti = (ProtobufCBinaryData){UUID_SIZE, ids[i]};
		node[i].index = 10 + i;
		node[i].iss = (char *)(uintptr_t)iss[i];
		node[i].act = "act";
		node[i].node_kind = (char *)(uintptr_t)kind[i];
		nodes[i] = &node[i];
	}
	node[0].out_hash = node[2].inp_hash = (ProtobufCBinaryData){32, hash[0]};
	node[2].out_hash = (ProtobufCBinaryData){32, hash[1]};
	node[1].code = "approved";
	node[1].person = true;
	node[2].undone = true;
	node[2].undone_by_index = 13;
	node[2].undone_by_jti = node[3].jti;
	for (size_t i = 0; i < 3; i++) {
		ectledger__v1__graph_edge__init(&edge[i]);
		edge[i].parent_index = 10 + i;
		edge[i].child_index = 11 + i;
		edges[i] = &edge[i];
	}
	edge[2].foreign = true;
	reply.nodes = nodes;
	reply.n_nodes = 4;
	reply.edges = edges;
	reply.n_edges = 3;
	return graph_prov(&reply);
}

static const char *
at(json_t *doc, const char *section, const char *name, const char *member)
{
	const char *text = json_string_value(
	    json_object_get(json_object_get(json_object_get(doc, section), name), member));

	return text == NULL ? "-" : text;
}

Test(tools_prov_json, a_second_task_of_one_id_has_its_index_behind_it)
{
	json_t *doc = prov(), *activity = json_object_get(doc, "activity");

	cr_assert_eq(json_object_size(activity), 4u);
	cr_assert_not_null(json_object_get(activity, "task:01000000-0000-0000-0000-000000000000"));
	cr_assert_not_null(
	    json_object_get(activity, "task:01000000-0000-0000-0000-000000000000.13"));
	json_decref(doc);
}

Test(tools_prov_json, equal_content_is_one_entity_that_links_its_maker_and_its_user)
{
	json_t *doc = prov();

	cr_assert_eq(json_object_size(json_object_get(doc, "entity")), 3u, "two, and the answer");
	cr_assert_str_eq(at(doc, "wasGeneratedBy", "_:gen1", "prov:entity"),
	    at(doc, "used", "_:used1", "prov:entity"));
	cr_assert_str_eq(at(doc, "wasDerivedFrom", "_:der1", "prov:usedEntity"),
	    "ni:sha-256;AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	json_decref(doc);
}

Test(tools_prov_json, agents_are_named_by_their_issuers_and_people_are_people)
{
	json_t *doc = prov(), *agent = json_object_get(doc, "agent"),
	       *person = json_object_get(agent, "agent:https%3A%2F%2Fh%2Fb%20c");

	cr_assert_eq(json_object_size(agent), 3u);
	cr_assert_str_eq(
	    json_string_value(json_object_get(json_object_get(person, "prov:type"), "$")),
	    "prov:Person");
	cr_assert_str_eq(at(doc, "actedOnBehalfOf", "_:del1", "prov:responsible"),
	    "agent:https%3A%2F%2Fh%2Fb%20c");
	cr_assert_str_eq(at(doc, "actedOnBehalfOf", "_:del1", "prov:activity"),
	    "task:03000000-0000-0000-0000-000000000000");
	cr_assert_eq(json_object_size(json_object_get(doc, "actedOnBehalfOf")), 1u);
	json_decref(doc);
}

Test(tools_prov_json, what_was_undone_is_invalidated_by_the_record_that_says_so)
{
	json_t *doc = prov();

	cr_assert_str_eq(at(doc, "wasInvalidatedBy", "_:inv1", "prov:activity"),
	    "task:01000000-0000-0000-0000-000000000000.13");
	cr_assert(json_is_true(json_object_get(
	    json_object_get(json_object_get(doc, "wasInformedBy"), "_:inf3"), "ect:foreign")));
	cr_assert_null(json_object_get(
	    json_object_get(json_object_get(doc, "wasInformedBy"), "_:inf1"), "ect:foreign"));
	json_decref(doc);
}

Test(tools_prov_json, the_same_answer_gives_the_same_text_and_an_empty_one_is_a_document)
{
	json_t *doc = prov(), *again = prov();
	char *a = json_dumps(doc, 0), *b = json_dumps(again, 0);

	cr_assert_str_eq(a, b);
	free(a);
	free(b);
	json_decref(doc);
	json_decref(again);
	ectledger__v1__provenance_reply__init(&reply);
	doc = graph_prov(&reply);
	cr_assert(json_object_size(doc) == 2 && json_object_get(doc, "activity") == NULL);
	json_decref(doc);
}
