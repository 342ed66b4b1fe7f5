/*
 * snapshot_facts.c - a snapshot as the history of keys should know it: the events that a new log would
 * get.
 */
#include "trust/snapshot_own.h"

#include "base/must.h"

static enum rc
key_fact(const struct trust_snapshot *s, const struct record *r, struct arena *arena,
    struct trust_event *out)
{
	char members[KEY_MEMBERS_MAX];
	struct bytes *issuers = arena_alloc(arena, r->bindings * sizeof(*issuers));
	size_t n = 0;

	out->subject = EVENT_KEY;
	out->id = r->key->thumbprint;
	out->kid = key_kid(r->key);
	out->use = r->wit ? bytes_str("wit-svid") : BYTES_NONE;
	out->source = r->source;
	if (!issuers ||
	    !arena_dup(arena, bytes_of(members, key_members(r->key, members)), &out->material))
		return RC_NO_MEMORY;
	for (uint32_t b = r->first_binding; b != SNAPSHOT_NONE; b = s->bindings[b].next_of_key)
		issuers[n++] = s->bindings[b].issuer;
	must(n == r->bindings);
	out->issuers = issuers;
	out->issuer_count = n;
	return RC_OK;
}

static void
anchor_facts(const struct anchors *a, struct trust_event *out, size_t *count)
{
	for (size_t i = 0; i < a->ca_count && !a->empty; i++)
		out[(*count)++] = (struct trust_event){.subject = EVENT_CA,
		    .id = a->cas[i].id,
		    .material = a->cas[i].der,
		    .use = bytes_str("x509-svid"),
		    .source = a->cas[i].source};
	for (size_t i = 0; i < a->crl_count && !a->empty; i++)
		out[(*count)++] = (struct trust_event){
		    .subject = EVENT_CRL, .id = a->crls[i].id, .source = a->crls[i].source};
	if (a->has_bundle)
		out[(*count)++] = (struct trust_event){.subject = EVENT_BUNDLE,
		    .id = a->bundle,
		    .has_sequence = a->has_sequence,
		    .sequence = a->sequence,
		    .reason =
			a->empty ? bytes_str("empty: nothing of this domain is valid") : BYTES_NONE,
		    .source = a->bundle_source};
	for (size_t i = 0; i < a->revoked_count; i++)
		out[(*count)++] = (struct trust_event){.action = EVENT_REVOKE,
		    .subject = EVENT_KEY,
		    .id = a->revoked[i].id,
		    .has_since = true,
		    .since = a->revoked[i].since,
		    .reason = a->revoked[i].reason,
		    .by = a->revoked[i].by};
}

/* An empty bundle takes everything of its domain out: to the history it is withdrawn. */
enum rc
snapshot_facts(
    const struct trust_snapshot *s, struct arena *arena, struct trust_event **out, size_t *count)
{
	size_t room = s->record_count, n = 0;
	enum rc rc;

	must(s && arena && out && count);
	*count = 0;
	for (size_t i = 0; i < s->domain_count; i++) {
		const struct anchors *a = &s->domains[i].anchors;

		room += a->ca_count + a->crl_count + a->has_bundle + a->revoked_count;
	}
	if (!(*out = arena_zalloc(arena, room * sizeof(**out))))
		return RC_NO_MEMORY;
	for (size_t i = 0; i < s->domain_count; i++) {
		size_t from = n;

		anchor_facts(&s->domains[i].anchors, *out, &n);
		for (; from < n; from++)
			(*out)[from].domain = s->domains[i].name;
	}
	for (size_t i = 0; i < s->record_count; i++) {
		const struct record *r = &s->records[i];

		if (s->domains[r->domain].anchors.empty)
			continue;
		(*out)[n].domain = s->domains[r->domain].name;
		if ((rc = key_fact(s, r, arena, &(*out)[n++])) != RC_OK)
			return rc;
	}
	for (size_t i = 0; i < n; i++)
		if ((*out)[i].action != EVENT_REVOKE)
			(*out)[i].action = EVENT_ENROLL;
	*count = n;
	return RC_OK;
}
