/*
 * conformance.c - Query/Conformance (reader thread): one workflow, or the log's page by page.
 *
 * Whether a signer's key was in doubt is asked of the key history as of the view's size: first whether
 * any key was revoked at all, then whether the entry is in the doubtful window of one that signed it or
 * vouched for who did.  Facts do not have what vouched, so only where a revoked subject is an anchor is
 * the entry itself read.
 */
#include "answer/conform.h"

#include "base/must.h"
#include "query/search.h"
#include "serve/workflow.h"
#include "trust/history.h"

#define USUAL 100
#define MOST  1000

struct doubts {
	struct call *call;
	const struct facts_view *v;
	struct query_view *entries; /* opened when first wanted */
	struct history_record *revoked;
	size_t count;
	uint64_t **events; /* of each: indexes of its key entries, ascending */
	size_t *event_counts;
	struct arena scratch;
	enum rc rc; /* what went wrong inside a look */
};

/* ---- keys ---- */

static enum rc
read_doubts(struct doubts *d)
{
	struct query_log log = call_log(d->call);
	struct arena *arena = &d->call->arena;
	size_t all = 0;
	enum rc rc;

	if (log.history == NULL)
		return RC_OK;
	rc = history_list(log.history, BYTES_NONE, d->v->size, arena, &d->revoked, &all);
	if (rc != RC_OK)
		return rc;
	for (size_t i = 0; i < all; i++)
		if (d->revoked[i].revoked)
			d->revoked[d->count++] = d->revoked[i];
	d->events = arena_zalloc(arena, d->count * sizeof(*d->events));
	d->event_counts = arena_zalloc(arena, d->count * sizeof(*d->event_counts));
	if (d->events == NULL || d->event_counts == NULL)
		return RC_NO_MEMORY;
	for (size_t i = 0; rc == RC_OK && i < d->count; i++)
		rc = history_events(log.history, &d->revoked[i].id, d->v->size, arena,
		    &d->events[i], &d->event_counts[i]);
	return rc;
}

/* The key entry that enrolled what vouched for its signer; ENTRY_NONE. */
static uint64_t
anchor_of(struct doubts *d, uint32_t index)
{
	struct query_entry e;

	arena_reset(&d->scratch);
	if (d->entries == NULL &&
	    (d->rc = call_view(d->call, d->v->size, &d->entries, NULL)) != RC_OK)
		return ENTRY_NONE;
	d->rc = query_entry(d->entries, index, &d->scratch, &e, NULL);
	return d->rc == RC_OK ? e.entry.anchor : ENTRY_NONE;
}

static bool
is_event_of(const struct doubts *d, size_t i, uint64_t index)
{
	for (size_t k = 0; k < d->event_counts[i]; k++)
		if (d->events[i][k] == index)
			return true;
	return false;
}

static bool
is_doubtful(void *ctx, uint32_t index, const struct fact *t)
{
	struct doubts *d = ctx;
	struct bytes signer = facts_name(d->v, FACTS_KEY, t->signer);

	for (size_t i = 0; i < d->count && d->rc == RC_OK; i++) {
		const struct history_record *r = &d->revoked[i];
		uint64_t anchor;

		if (!search_doubtful(r, index, t->received_ms))
			continue;
		if (bytes_eq(signer, bytes_of(r->id.b, HASH_SIZE)))
			return true;
		anchor = anchor_of(d, index);
		if (anchor != ENTRY_NONE && is_event_of(d, i, anchor))
			return true;
	}
	return false;
}

/* ---- the reply ---- */

static bool
set_rule(struct arena *arena, const struct facts_view *v, enum conform_rule rule,
    const struct conform_finding *f, enum policy_profile profile, Ectledger__V1__ConformanceRule *m)
{
	ectledger__v1__conformance_rule__init(m);
	m->rule = pb_string(arena, bytes_str(conform_row(rule)->name));
	m->result =
	    pb_string(arena, bytes_str(conform_result_text(conform_result(rule, f, profile))));
	m->text = pb_string(arena, bytes_str(conform_row(rule)->text));
	m->count = f->count;
	m->first_index = workflow_index(f->first);
	m->first_jti = workflow_jti(v, f->first);
	return m->rule != NULL && m->result != NULL && m->text != NULL;
}

static bool
set_rules(struct arena *arena, const struct facts_view *v, const struct conform_finding *findings,
    enum policy_profile profile, Ectledger__V1__ConformanceReply *reply)
{
	reply->rules = (void *)pb_list(arena, CONFORM_RULES, sizeof(**reply->rules));
	if (reply->rules == NULL)
		return false;
	for (unsigned r = 0; r < CONFORM_RULES; r++)
		if (conform_row((enum conform_rule)r)->severity[profile] != SEVERITY_NONE &&
		    !set_rule(arena, v, (enum conform_rule)r, &findings[r], profile,
			reply->rules[reply->n_rules++]))
			return false;
	return true;
}

static bool
set_levels(struct arena *arena, const struct conform_finding *findings, unsigned aem,
    const uint64_t levels[2], Ectledger__V1__ConformanceReply *reply)
{
	uint64_t missing = aem < CONFORM_AEM_MAX ? conform_aem_missing(findings, aem + 1) : 0;

	reply->levels = arena_alloc(arena, sizeof(*reply->levels));
	reply->aem_missing = arena_alloc(arena, CONFORM_RULES * sizeof(*reply->aem_missing));
	if (reply->levels == NULL || reply->aem_missing == NULL)
		return false;
	ectledger__v1__conformance_levels__init(reply->levels);
	reply->levels->l1 = levels[0];
	reply->levels->l3 = levels[1];
	reply->aem_level = aem;
	for (unsigned r = 0; r < CONFORM_RULES; r++)
		if (missing >> r & 1) {
			char *name =
			    pb_string(arena, bytes_str(conform_row((enum conform_rule)r)->name));

			if (name == NULL)
				return false;
			reply->aem_missing[reply->n_aem_missing++] = name;
		}
	return true;
}

static bool
set_workflows(struct arena *arena, const struct facts_view *v, const struct conform_log_answer *a,
    Ectledger__V1__ConformanceReply *reply)
{
	reply->workflows = (void *)pb_list(arena, a->row_count, sizeof(**reply->workflows));
	if (reply->workflows == NULL)
		return false;
	for (size_t i = 0; i < a->row_count; i++) {
		const struct conform_workflow *row = &a->rows[i];
		Ectledger__V1__ConformanceWorkflow *m = reply->workflows[i];

		ectledger__v1__conformance_workflow__init(m);
		m->wid = workflow_wid(v, row->wid);
		m->conforms = row->conforms;
		m->complete = row->complete;
		m->entries = row->entries;
		m->fails = row->fails;
		m->warns = row->warns;
		m->aem_level = row->aem_level;
		m->worst = pb_string(arena, row->worst == CONFORM_RULES
						? BYTES_NONE
						: bytes_str(conform_row(row->worst)->name));
		if (m->worst == NULL)
			return false;
		reply->entries += row->entries;
	}
	reply->n_workflows = a->row_count;
	return true;
}

/* ---- the two questions ---- */

static enum rc
of_workflow(const struct facts_view *v, const struct conform_ask *ask, const struct budget *budget,
    Ectledger__V1__ConformanceReply *reply, struct why *why)
{
	struct conform_answer a;
	enum rc rc;

	if ((rc = answer_conform(v, ask, budget, &a, why)) != RC_OK)
		return rc;
	if (!set_rules(budget->arena, v, a.findings, a.profile, reply) ||
	    !set_levels(budget->arena, a.findings, a.aem_level,
		(const uint64_t[]){a.level_1, a.level_3}, reply))
		return RC_NO_MEMORY;
	reply->wid = workflow_wid(v, ask->wid);
	reply->profile = pb_string(budget->arena, bytes_str(policy_profile_text(a.profile)));
	reply->conforms = a.conforms;
	reply->complete = a.complete;
	reply->entries = a.entries;
	reply->rests_on = (uint64_t *)(uintptr_t)a.rests_on;
	reply->n_rests_on = a.rests_on_count;
	return reply->profile == NULL ? RC_NO_MEMORY : RC_OK;
}

static enum rc
of_log(const struct facts_view *v, const struct conform_ask *ask, const struct budget *budget,
    Ectledger__V1__ConformanceReply *reply, struct why *why)
{
	struct conform_log_answer a;
	enum rc rc;

	if ((rc = answer_conform_log(v, ask, budget, &a, why)) != RC_OK)
		return rc;
	if (!set_rules(budget->arena, v, a.findings, a.profile, reply) ||
	    !set_levels(budget->arena, a.findings, a.aem_level,
		(const uint64_t[]){a.level_1, a.level_3}, reply) ||
	    !set_workflows(budget->arena, v, &a, reply))
		return RC_NO_MEMORY;
	reply->profile = pb_string(budget->arena, bytes_str(policy_profile_text(a.profile)));
	reply->conforms = a.conforms;
	reply->complete = a.complete;
	reply->workflow_total = a.workflows;
	reply->next = a.next;
	reply->rests_on = (uint64_t *)(uintptr_t)a.rests_on;
	reply->n_rests_on = a.rests_on_count;
	return reply->profile == NULL ? RC_NO_MEMORY : RC_OK;
}

static enum rc
read_ask(const struct facts_view *v, const Ectledger__V1__ConformanceRequest *r,
    struct conform_ask *ask, struct why *why)
{
	ask->offset = r->offset;
	ask->limit = workflow_limit(r->limit, USUAL, MOST);
	if (r->profile[0] != '\0' && !policy_profile_read(bytes_str(r->profile), &ask->profile))
		return why_set(why, RC_BAD_REQUEST, "WIRE Conformance", "profile", 0,
		    "a profile is relaxed, standard or regulated");
	if (r->all && r->wid.len > 0)
		return why_set(why, RC_BAD_REQUEST, "WIRE Conformance", "wid", 0,
		    "all workflows, or one of them");
	if (!r->all && (r->offset > 0 || r->limit > 0))
		return why_set(why, RC_BAD_REQUEST, "WIRE Conformance", "offset", 0,
		    "pages are of all workflows");
	return workflow_number(v, &r->wid, &ask->wid, why);
}

enum rc
conformance_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__ConformanceRequest *r = (const void *)request;
	Ectledger__V1__ConformanceReply reply = ECTLEDGER__V1__CONFORMANCE_REPLY__INIT;
	struct budget budget = call_budget(call);
	struct facts_view v;
	struct doubts d = {.call = call, .v = &v};
	struct conform_keys keys = {is_doubtful, &d};
	struct conform_ask ask = {.keys = &keys};
	enum rc rc;

	if ((rc = call_facts(call, r->at, &v, why)) != RC_OK ||
	    (rc = read_ask(&v, r, &ask, why)) != RC_OK)
		return rc;
	arena_init(&d.scratch, (size_t)1 << 20);
	if ((rc = read_doubts(&d)) != RC_OK)
		goto out;
	rc = r->all ? of_log(&v, &ask, &budget, &reply, why)
		    : of_workflow(&v, &ask, &budget, &reply, why);
	if (rc == RC_OK)
		rc = d.rc;
	if (rc == RC_NO_MEMORY)
		rc = workflow_no_room(why);
	reply.tree_size = v.size;
	if (rc == RC_OK)
		rc = call_reply(call, &reply.base, why);

out:
	if (d.entries != NULL)
		query_view_end(d.entries);
	arena_release(&d.scratch);
	return rc;
}
