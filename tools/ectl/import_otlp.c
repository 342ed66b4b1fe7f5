/*
 * import_otlp.c - traces of OpenTelemetry (OTLP/JSON) with the GenAI semantic conventions.
 *
 * A trace becomes a workflow, a span a task of its agent, appended parents first: a span rests on its
 * parent, which began it, and on the spans that its links name.  That follows how a trace is caused,
 * not how its results come together; siblings are not ordered, because a trace does not say so.
 *
 * Ids follow from the trace's own, so that files of one trace find each other: a parent that is not
 * in the file is looked for in the log, and what is in the log already is not sent again.  So an
 * import that was cut short is run again, and a rotated file's successor goes on where it ended.
 *
 * A span with status error also becomes a task "failure" on top of it, by the agent of its parent
 * span where there is one: who called tells how it ended.
 *
 * Dates: now, with the span's own times in the extension; with --keep-times a task is dated to its
 * span's start, never before its predecessors, and a failure to the end: for deferred logs.
 */
#include "import_otlp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/must.h"
#include "call.h"

#define TTL_S	   3600
#define AGENT_ROOM 1024

struct maker {
	struct import *im;
	struct otlp t;
	struct ect_client *client; /* NULL: a dry run */
	json_t *rows;		   /* trace -> its row of the map */
	int64_t now_s;
	uint64_t roots, parents_missing, links, links_missing, links_over, outside, failures, known;
	char pred_room[OTLP_PRED_MAX][IMPORT_JTI_SIZE];
	const char *pred[OTLP_PRED_MAX];
	size_t pred_count;
	int64_t pred_iat;
};

/* Is the task in the log?  0 or an exit code. */
static int
in_log(struct maker *m, const uint8_t trace[OTLP_TRACE_SIZE], const char *jti, bool *found)
{
	Ectledger__V1__GetEntryRequest request = ECTLEDGER__V1__GET_ENTRY_REQUEST__INIT;
	Ectledger__V1__GetEntryReply *reply = NULL;
	struct ect_status status = {0};
	uint8_t id[UUID_SIZE], wid[UUID_SIZE];

	*found = false;
	if (m->client == NULL)
		return 0;
	must(uuid_parse(bytes_str(jti), id));
	memcpy(wid, trace, sizeof wid);
	request.jti = (ProtobufCBinaryData){sizeof id, id};
	request.wid = (ProtobufCBinaryData){sizeof wid, wid};
	if (ect_client_ask(m->client, "/ectledger.v1.Ledger/GetEntry", &request.base,
		&ectledger__v1__get_entry_reply__descriptor, (ProtobufCMessage **)(void *)&reply,
		&status) == 0) {
		*found = reply->entry != NULL;
		if (*found && reply->entry->iat > m->pred_iat)
			m->pred_iat = reply->entry->iat;
		ectledger__v1__get_entry_reply__free_unpacked(reply, NULL);
		return 0;
	}
	return status.outcome == ECT_NOT_FOUND ? 0 : fail_status(&status);
}

/* ---- predecessors ---- */

static void
pred_add(struct maker *m, const char *jti)
{
	for (size_t i = 0; i < m->pred_count; i++)
		if (strcmp(m->pred[i], jti) == 0)
			return;
	if (m->pred_count == OTLP_PRED_MAX) {
		m->links_over++;
		return;
	}
	memcpy(m->pred_room[m->pred_count], jti, IMPORT_JTI_SIZE);
	m->pred[m->pred_count] = m->pred_room[m->pred_count];
	m->pred_count++;
}

/* A span of the file, or one that the log may have. */
static int
pred_find(struct maker *m, const uint8_t trace[OTLP_TRACE_SIZE], const uint8_t id[OTLP_ID_SIZE],
    uint32_t span, bool *found)
{
	char jti[IMPORT_JTI_SIZE];
	int rc;

	*found = true;
	if (span != OTLP_NONE) {
		const struct otlp_span *p = &m->t.spans[span];

		must(p->jti[0] != '\0'); /* signed before */
		if (p->iat > m->pred_iat)
			m->pred_iat = p->iat;
		pred_add(m, p->jti);
		return 0;
	}
	otlp_jti("span", trace, id, jti);
	if ((rc = in_log(m, trace, jti, found)) == 0 && *found) {
		m->outside++;
		pred_add(m, jti);
	}
	return rc;
}

static int
preds_find(struct maker *m, const struct otlp_span *s)
{
	bool found = false;
	int rc = 0;

	m->pred_count = 0;
	m->pred_iat = 0;
	if (s->has_parent) {
		rc = pred_find(m, s->trace, s->parent_id, s->parent, &found);
		m->parents_missing += rc == 0 && !found;
	}
	m->roots += !found;
	for (uint32_t k = s->links_at; k < s->links_at + s->links && rc == 0; k++) {
		const struct otlp_link *link = &m->t.links[k];

		m->links++;
		if (link->dropped)
			continue;
		rc = pred_find(m, link->trace, link->id, link->span, &found);
		m->links_missing += rc == 0 && !found;
	}
	return rc;
}

/* ---- signing ---- */

static int
agent_key(struct maker *m, const char *service, const char *agent, const struct private_key **out)
{
	char name[AGENT_ROOM];

	if (agent == NULL)
		snprintf(name, sizeof name, "%.500s", service);
	else
		snprintf(name, sizeof name, "%.500s/%.500s", service, agent);
	return import_identity(m->im, name, out);
}

/* The trace's row of the map; NULL: no memory. */
static json_t *
row_of(struct maker *m, const struct otlp_span *s, const char *wid)
{
	char trace[2 * OTLP_TRACE_SIZE + 1];
	json_t *row;

	hex_encode(bytes_of(s->trace, sizeof s->trace), trace);
	if ((row = json_object_get(m->rows, trace)) != NULL)
		return row;
	row = json_pack("{ss ss s{} s{}}", "trace", trace, "wid", wid, "spans", "failures");
	if (row == NULL || json_object_set_new(m->rows, trace, row) != 0 ||
	    json_array_append(m->im->map, row) != 0)
		return NULL;
	m->im->workflows++;
	return row;
}

/* Sign a task unless the log has it. */
static int
sign_new(struct maker *m, const struct otlp_span *s, const struct private_key *k,
    struct token_spec *spec)
{
	char jti[IMPORT_JTI_SIZE];
	const int64_t pred_iat = m->pred_iat;
	bool known = false;
	int rc = in_log(m, s->trace, spec->jti, &known);

	m->pred_iat = pred_iat;
	m->known += known;
	return rc != 0 || known ? rc : import_token(m->im, k, spec, jti);
}

static int
failure_sign(struct maker *m, const struct otlp_span *s, const char *wid, json_t *row)
{
	const struct otlp_span *p = s->parent != OTLP_NONE ? &m->t.spans[s->parent] : s;
	const char *const preds[1] = {s->jti};
	const int64_t end = s->end_ns / 1000000000;
	char jti[IMPORT_JTI_SIZE], id[2 * OTLP_ID_SIZE + 1], *ext = otlp_failure_extension(s);
	struct token_spec spec = {.act = "failure",
	    .revision = 1,
	    .wid = wid,
	    .jti = jti,
	    .pred = preds,
	    .pred_count = 1,
	    .ext = ext,
	    .iat = s->iat,
	    .ttl_s = TTL_S};
	const struct private_key *k = NULL;
	int rc;

	if (ext == NULL)
		return fail(EXIT_USAGE, "out of memory");
	if (m->im->keep_times && end > s->iat)
		spec.iat = end;
	otlp_jti("failure", s->trace, s->id, jti);
	hex_encode(bytes_of(s->id, sizeof s->id), id);
	if ((rc = agent_key(m, p->service, p->agent, &k)) == 0)
		rc = sign_new(m, s, k, &spec);
	if (rc == 0 &&
	    json_object_set_new(json_object_get(row, "failures"), id, json_string(jti)) != 0)
		rc = fail(EXIT_USAGE, "out of memory");
	m->failures++;
	free(ext);
	return rc;
}

static int
span_sign(struct maker *m, struct otlp_span *s)
{
	const struct otlp_span *p = s->parent != OTLP_NONE ? &m->t.spans[s->parent] : NULL;
	char wid[IMPORT_JTI_SIZE], id[2 * OTLP_ID_SIZE + 1], act[OTLP_ACT_ROOM];
	char inp[IMPORT_HASH_SIZE], out[IMPORT_HASH_SIZE], *ext = NULL;
	struct token_spec spec = {
	    .act = act, .revision = 1, .wid = wid, .jti = s->jti, .pred = m->pred, .ttl_s = TTL_S};
	const struct private_key *k = NULL;
	json_t *row = NULL;
	int rc;

	uuid_text(s->trace, wid);
	hex_encode(bytes_of(s->id, sizeof s->id), id);
	otlp_jti("span", s->trace, s->id, s->jti);
	otlp_act(s, act);
	/* Spans inside an agent's span seldom say whose they are. */
	if ((s->agent = otlp_agent(s)) == NULL && p != NULL && strcmp(p->service, s->service) == 0)
		s->agent = p->agent;
	if ((rc = preds_find(m, s)) != 0)
		return rc;
	spec.pred_count = m->pred_count;
	s->iat = m->now_s;
	if (m->im->keep_times) {
		s->iat = s->start_ns / 1000000000;
		if (s->iat < m->pred_iat)
			s->iat = m->pred_iat; /* clocks of several machines */
	}
	spec.iat = s->iat > 0 ? s->iat : 1;
	spec.inp_hash = otlp_hash(s, false, inp) ? inp : NULL;
	spec.out_hash = otlp_hash(s, true, out) ? out : NULL;
	spec.ext = ext = otlp_extension(s);
	if (ext == NULL || (row = row_of(m, s, wid)) == NULL ||
	    json_object_set_new(json_object_get(row, "spans"), id, json_string(s->jti)) != 0)
		rc = fail(EXIT_USAGE, "out of memory");
	else if ((rc = agent_key(m, s->service, s->agent, &k)) == 0)
		rc = sign_new(m, s, k, &spec);
	if (rc == 0 && s->status == OTLP_STATUS_ERROR)
		rc = failure_sign(m, s, wid, row);
	free(ext);
	return rc;
}

static int
report(struct maker *m)
{
	m->im->bad = m->t.bad;
	m->im->report = json_pack("{sI sI sI sI sI sI sI sI sI sI sI sI}", "spans",
	    (json_int_t)m->t.count, "spans_bad", (json_int_t)m->t.bad, "spans_repeated",
	    (json_int_t)m->t.repeated, "roots", (json_int_t)m->roots, "parents_missing",
	    (json_int_t)m->parents_missing, "links", (json_int_t)m->links, "links_missing",
	    (json_int_t)m->links_missing, "links_over", (json_int_t)m->links_over, "cycles",
	    (json_int_t)m->t.cycles, "found_in_log", (json_int_t)m->outside, "failures",
	    (json_int_t)m->failures, "known", (json_int_t)m->known);
	return m->im->report != NULL ? 0 : fail(EXIT_USAGE, "out of memory");
}

int
import_otlp(struct import *im, const char *path)
{
	struct maker *m = calloc(1, sizeof *m);
	uint32_t *order = NULL;
	int rc;

	if (m == NULL)
		return fail(EXIT_USAGE, "out of memory");
	m->im = im;
	m->now_s = (int64_t)time(NULL);
	m->rows = json_object();
	rc = otlp_read(&m->t, path);
	if (rc == 0 &&
	    (m->rows == NULL || (order = calloc(m->t.count + 1, sizeof *order)) == NULL ||
		!otlp_order(&m->t, order)))
		rc = fail(EXIT_USAGE, "out of memory");
	if (rc == 0 && m->t.count == 0)
		rc = fail(EXIT_USAGE, "%s holds no span that can be imported", path);
	if (rc == 0 && !im->dry_run)
		rc = connect_server(im->g, &m->client);
	for (size_t i = 0; i < m->t.count && rc == 0; i++)
		rc = span_sign(m, &m->t.spans[order[i]]);
	if (rc == 0)
		rc = report(m);
	ect_client_close(m->client);
	json_decref(m->rows);
	otlp_release(&m->t);
	free(order);
	free(m);
	return rc;
}
