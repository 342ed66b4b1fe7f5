/*
 * prov_json.c - a graph as W3C PROV, in the JSON of the 2013 member submission.
 *
 * A task is an activity, an agent an agent, a hash an entity: equal content is one entity, whoever made or
 * used it.  Names: task:<jti> (a later task of the same id in the same graph has its index behind it),
 * agent:<issuer, percent-encoded>, ni:<alg>;<base64url> (RFC 6920).  Members come in the order of the log, so
 * the same answer gives the same text.
 */
#include <stdlib.h>
#include <string.h>

#include "graph.h"

struct prov {
	const Ectledger__V1__ProvenanceReply *r;
	json_t *entity, *activity, *agent, *used, *generated, *informed, *derived, *associated,
	    *behalf, *invalidated;
	json_t *seen; /* ids of tasks that have a name already */
	char (*names)[64];
};

static char *
agent_name(const char *iss)
{
	static const char hex[] = "0123456789ABCDEF";
	char *out = malloc(strlen(iss) * 3 + 8), *p = out;

	if (out == NULL)
		return NULL;
	memcpy(p, "agent:", 6);
	for (p += 6; *iss != '\0'; iss++) {
		unsigned char c = (unsigned char)*iss;

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    c == '-' || c == '_' || c == '.' || c == '~') {
			*p++ = (char)c;
			continue;
		}
		*p++ = '%';
		*p++ = hex[c >> 4];
		*p++ = hex[c & 15];
	}
	*p = '\0';
	return out;
}

static void
entity_name(ProtobufCBinaryData hash, char out[128])
{
	char text[B64_ROOM(64)];

	(void)b64url_encode(bytes_of(hash.data, hash.len), text);
	(void)snprintf(out, 128, "ni:sha-%zu;%s", hash.len * 8, text);
}

static bool
is_hash(ProtobufCBinaryData h)
{
	return h.len == 32 || h.len == 48 || h.len == 64;
}

/* Relations have names of their own, by kind and number. */
static void
relate(json_t *into, const char *what, json_t *relation)
{
	char name[64];

	(void)snprintf(name, sizeof name, "_:%s%zu", what, json_object_size(into) + 1);
	(void)json_object_set_new(into, name, relation);
}

static json_t *
qualified(const char *name)
{
	return json_pack("{ss ss}", "$", name, "type", "prov:QUALIFIED_NAME");
}

static const char *
name_of(const struct prov *p, uint64_t index)
{
	const Ectledger__V1__GraphNode *n = graph_node(p->r, index);
	size_t low = 0, high = p->r->n_nodes;

	if (n == NULL)
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (p->r->nodes[middle]->index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return p->names[low];
}

static void
name_task(struct prov *p, size_t i)
{
	const Ectledger__V1__GraphNode *n = p->r->nodes[i];
	char id[UUID_TEXT_SIZE] = "";

	if (n->jti.len == UUID_SIZE)
		uuid_text(n->jti.data, id);
	if (json_object_get(p->seen, id) != NULL)
		(void)snprintf(p->names[i], sizeof p->names[i], "task:%s.%llu", id,
		    (unsigned long long)n->index);
	else
		(void)snprintf(p->names[i], sizeof p->names[i], "task:%s", id);
	(void)json_object_set_new(p->seen, id, json_true());
}

/* ---- what each task gives ---- */

static void
add_activity(struct prov *p, size_t i)
{
	const Ectledger__V1__GraphNode *n = p->r->nodes[i];
	json_t *a = json_pack("{so so so sI}", "prov:endTime", show_time_ms(n->iat * 1000),
	    "ect:kind", show_text(n->node_kind), "ect:act", show_text(n->act), "ect:index",
	    (json_int_t)n->index);

	if (n->code[0] != '\0')
		(void)json_object_set_new(a, "ect:code", show_text(n->code));
	if (n->wid.len == UUID_SIZE)
		(void)json_object_set_new(a, "ect:wid", show_uuid(n->wid));
	if (n->level[0] != '\0')
		(void)json_object_set_new(a, "ect:level", show_text(n->level));
	(void)json_object_set_new(p->activity, p->names[i], a);
}

/* Who is a person for one task is one for all. */
static void
add_agent(struct prov *p, size_t i)
{
	const Ectledger__V1__GraphNode *n = p->r->nodes[i];
	char *name = agent_name(n->iss);
	json_t *a = name == NULL ? NULL : json_object_get(p->agent, name);

	if (name == NULL)
		return;
	if (a == NULL) {
		a = json_pack("{so so}", "prov:type", qualified("prov:SoftwareAgent"), "ect:iss",
		    show_text(n->iss));
		(void)json_object_set_new(p->agent, name, a);
	}
	if (n->person)
		(void)json_object_set_new(a, "prov:type", qualified("prov:Person"));
	relate(p->associated, "assoc",
	    json_pack("{ss ss}", "prov:activity", p->names[i], "prov:agent", name));
	free(name);
}

static void
add_entity(struct prov *p, const char *name)
{
	if (json_object_get(p->entity, name) == NULL)
		(void)json_object_set_new(p->entity, name, json_object());
}

static void
add_undone(struct prov *p, const Ectledger__V1__GraphNode *n, const char *out)
{
	const Ectledger__V1__GraphNode *by = graph_node(p->r, n->undone_by_index);
	char id[UUID_TEXT_SIZE], name[64];
	json_t *relation;

	if (!n->undone || n->undone_by_jti.len != UUID_SIZE)
		return;
	uuid_text(n->undone_by_jti.data, id);
	(void)snprintf(name, sizeof name, "task:%s", id);
	relation = json_pack("{ss ss}", "prov:entity", out, "prov:activity",
	    by != NULL ? name_of(p, by->index) : name);
	if (by != NULL)
		(void)json_object_set_new(relation, "prov:time", show_time_ms(by->iat * 1000));
	relate(p->invalidated, "inv", relation);
}

static void
add_data(struct prov *p, size_t i)
{
	const Ectledger__V1__GraphNode *n = p->r->nodes[i];
	char in[128], out[128];

	if (is_hash(n->inp_hash)) {
		entity_name(n->inp_hash, in);
		add_entity(p, in);
		relate(p->used, "used",
		    json_pack("{ss ss}", "prov:activity", p->names[i], "prov:entity", in));
	}
	if (!is_hash(n->out_hash))
		return;
	entity_name(n->out_hash, out);
	add_entity(p, out);
	relate(p->generated, "gen",
	    json_pack("{ss ss so}", "prov:entity", out, "prov:activity", p->names[i], "prov:time",
		show_time_ms(n->iat * 1000)));
	if (is_hash(n->inp_hash) && strcmp(in, out) != 0)
		relate(p->derived, "der",
		    json_pack("{ss ss ss}", "prov:generatedEntity", out, "prov:usedEntity", in,
			"prov:activity", p->names[i]));
	add_undone(p, n, out);
}

/* ---- what each edge gives ---- */

static bool
is_oversight(const char *kind)
{
	return strncmp(kind, "hitl_", 5) == 0 || strncmp(kind, "override", 8) == 0;
}

/* A task that rests on an approval was done under the approver's responsibility. */
static void
add_behalf(struct prov *p, const Ectledger__V1__GraphNode *from, const Ectledger__V1__GraphNode *to)
{
	char *delegate, *responsible;

	if (strcmp(from->node_kind, "hitl_decision") != 0 || strcmp(from->code, "approved") != 0 ||
	    is_oversight(to->node_kind) || strcmp(from->iss, to->iss) == 0)
		return;
	delegate = agent_name(to->iss);
	responsible = agent_name(from->iss);
	if (delegate != NULL && responsible != NULL)
		relate(p->behalf, "del",
		    json_pack("{ss ss ss}", "prov:delegate", delegate, "prov:responsible",
			responsible, "prov:activity", name_of(p, to->index)));
	free(delegate);
	free(responsible);
}

static void
add_edge(struct prov *p, const Ectledger__V1__GraphEdge *e)
{
	const Ectledger__V1__GraphNode *from = graph_node(p->r, e->parent_index),
				       *to = graph_node(p->r, e->child_index);
	json_t *relation;

	if (from == NULL || to == NULL)
		return;
	relation = json_pack("{ss ss}", "prov:informed", name_of(p, to->index), "prov:informant",
	    name_of(p, from->index));
	if (e->foreign)
		(void)json_object_set_new(relation, "ect:foreign", json_true());
	relate(p->informed, "inf", relation);
	add_behalf(p, from, to);
}

/* ---- the document ---- */

static void
put(json_t *doc, const char *name, json_t *part)
{
	if (json_object_size(part) > 0)
		(void)json_object_set(doc, name, part);
	json_decref(part);
}

json_t *
graph_prov(const Ectledger__V1__ProvenanceReply *r)
{
	json_t *doc = json_object();
	struct prov p = {r, json_object(), json_object(), json_object(), json_object(),
	    json_object(), json_object(), json_object(), json_object(), json_object(),
	    json_object(), json_object(), calloc(r->n_nodes + 1, sizeof *p.names)};

	(void)json_object_set_new(p.entity, "ect:answer",
	    json_pack("{sI sb}", "ect:tree_size", (json_int_t)r->tree_size, "ect:complete",
		r->complete != 0));
	for (size_t i = 0; p.names != NULL && i < r->n_nodes; i++) {
		name_task(&p, i);
		add_activity(&p, i);
		add_agent(&p, i);
	}
	for (size_t i = 0; p.names != NULL && i < r->n_nodes; i++)
		add_data(&p, i);
	for (size_t i = 0; p.names != NULL && i < r->n_edges; i++)
		add_edge(&p, r->edges[i]);
	(void)json_object_set_new(doc, "prefix",
	    json_pack("{ss ss ss ss}", "ect", "urn:ectledger:prov:", "task", "urn:uuid:", "agent",
		"urn:ectledger:agent:", "ni", "ni:///"));
	put(doc, "entity", p.entity);
	put(doc, "activity", p.activity);
	put(doc, "agent", p.agent);
	put(doc, "used", p.used);
	put(doc, "wasGeneratedBy", p.generated);
	put(doc, "wasInformedBy", p.informed);
	put(doc, "wasDerivedFrom", p.derived);
	put(doc, "wasAssociatedWith", p.associated);
	put(doc, "actedOnBehalfOf", p.behalf);
	put(doc, "wasInvalidatedBy", p.invalidated);
	json_decref(p.seen);
	free(p.names);
	return doc;
}
