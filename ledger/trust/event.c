/*
 * event.c - one change to the keys that a log trusts: to bytes, from bytes, to JSON.
 *
 * A key entry must still be readable when the trust folder is long gone, so it says everything by
 * itself: what was enrolled (the key or certificate, not only its name), for whom, by whom.  One
 * event has one spelling: ascending keys, shortest forms, issuers sorted and different, members that
 * do not belong to the action absent.  What is written is judged by the same function as what is
 * read, so the reader accepts exactly what the writer makes.
 *
 * Invariant of an event that was read: SHA-256 of the material is the id, both for a key (its
 * material is the text that RFC 7638 hashes) and for a certificate.  Nobody has to believe the id.
 */
#include "trust/event.h"

#include <string.h>

#include "base/json.h"
#include "base/must.h"
#include "base/scbor.h"
#include "base/text.h"

enum {
	KEY_ACTION = 1,
	KEY_SUBJECT,
	KEY_DOMAIN,
	KEY_ID,
	KEY_KID,
	KEY_MATERIAL,
	KEY_ISSUERS,
	KEY_USE,
	KEY_SINCE,
	KEY_REASON,
	KEY_BY,
	KEY_SEQUENCE,
	KEY_SOURCE
};

static const char rule[] = "key event";

static const char *check(const struct trust_event *e);
static const char *check_material(const struct trust_event *e);
static const char *check_issuers(const struct trust_event *e);
static bool text_ok(struct bytes x, size_t max);
static bool read_member(
    struct scbor *r, uint64_t key, struct arena *arena, struct trust_event *out, bool *no_memory);
static bool read_issuers(
    struct scbor *r, struct arena *arena, struct trust_event *out, bool *no_memory);
static void put_text(struct buf *b, uint64_t key, struct bytes x);
static void put_members(struct buf *b, const struct trust_event *e);
static size_t count_members(const struct trust_event *e);
static void json_text(struct buf *out, const char *name, struct bytes x);

enum rc
event_write(const struct trust_event *e, struct arena *arena, struct bytes *out)
{
	struct buf b;
	const char *problem;
	enum rc rc;

	must(e && arena && out);
	/* Who calls has judged texts and sizes when they came in from outside. */
	problem = check(e);
	must(problem == NULL);
	buf_init(&b, EVENT_SIZE_MAX);
	scbor_put_map(&b, count_members(e));
	put_members(&b, e);
	rc = buf_rc(&b);
	if (rc == RC_OK && !arena_dup(arena, buf_bytes(&b), out))
		rc = RC_NO_MEMORY;
	buf_release(&b);
	return rc;
}

static size_t
count_members(const struct trust_event *e)
{
	int more = (e->kid.n > 0) + (e->material.n > 0) + (e->issuer_count > 0) + (e->use.n > 0) +
		   e->has_since + (e->reason.n > 0) + (e->by.n > 0) + e->has_sequence +
		   (e->source.n > 0);

	return 4 + (size_t)more;
}

static void
put_members(struct buf *b, const struct trust_event *e)
{
	scbor_put_uint(b, KEY_ACTION);
	scbor_put_uint(b, e->action);
	scbor_put_uint(b, KEY_SUBJECT);
	scbor_put_uint(b, e->subject);
	put_text(b, KEY_DOMAIN, e->domain);
	scbor_put_uint(b, KEY_ID);
	scbor_put_bytes(b, bytes_of(e->id.b, HASH_SIZE));
	put_text(b, KEY_KID, e->kid);
	if (e->material.n > 0) {
		scbor_put_uint(b, KEY_MATERIAL);
		scbor_put_bytes(b, e->material);
	}
	if (e->issuer_count > 0) {
		scbor_put_uint(b, KEY_ISSUERS);
		scbor_put_array(b, e->issuer_count);
		for (size_t i = 0; i < e->issuer_count; i++)
			scbor_put_text(b, e->issuers[i]);
	}
	put_text(b, KEY_USE, e->use);
	if (e->has_since) {
		scbor_put_uint(b, KEY_SINCE);
		scbor_put_uint(b, (uint64_t)e->since);
	}
	put_text(b, KEY_REASON, e->reason);
	put_text(b, KEY_BY, e->by);
	if (e->has_sequence) {
		scbor_put_uint(b, KEY_SEQUENCE);
		scbor_put_uint(b, e->sequence);
	}
	put_text(b, KEY_SOURCE, e->source);
}

static void
put_text(struct buf *b, uint64_t key, struct bytes x)
{
	if (x.n == 0)
		return;
	scbor_put_uint(b, key);
	scbor_put_text(b, x);
}

enum rc
event_read(struct bytes raw, struct arena *arena, struct trust_event *out, struct why *why)
{
	struct scbor r;
	uint64_t key = 0, last = 0;
	size_t count = 0;
	bool no_memory = false, has_id = false;
	const char *problem;

	must(arena && out);
	memset(out, 0, sizeof(*out));
	if (raw.n > EVENT_SIZE_MAX)
		return why_set(
		    why, RC_CORRUPT, rule, NULL, 0, "longer than %d bytes", EVENT_SIZE_MAX);
	scbor_init(&r, raw);
	if (!scbor_map(&r, &count))
		return why_set(why, RC_CORRUPT, rule, NULL, 0, "not a map");
	for (size_t i = 0; i < count; i++, last = key) {
		if (!scbor_uint(&r, &key) || key <= last)
			return why_set(why, RC_CORRUPT, rule, NULL, r.at, "the keys do not ascend");
		if (!read_member(&r, key, arena, out, &no_memory))
			return why_set(why, no_memory ? RC_NO_MEMORY : RC_CORRUPT, rule, NULL, r.at,
			    "member %llu is %s", (unsigned long long)key,
			    no_memory ? "too big for the memory" : "malformed");
		has_id |= key == KEY_ID;
	}
	if (!scbor_done(&r))
		return why_set(why, RC_CORRUPT, rule, NULL, r.at, "bytes after the end");
	if (!has_id)
		return why_set(why, RC_CORRUPT, rule, NULL, 0, "the id is missing");
	if ((problem = check(out)) != NULL)
		return why_set(why, RC_CORRUPT, rule, NULL, 0, "%s", problem);
	return RC_OK;
}

/* A member that is there is not empty: absent is how empty is written. */
static bool
read_text(struct scbor *r, struct bytes *out)
{
	return scbor_text(r, out) && out->n > 0;
}

static bool
read_member(
    struct scbor *r, uint64_t key, struct arena *arena, struct trust_event *out, bool *no_memory)
{
	struct bytes id;
	uint64_t v;

	switch (key) {
	case KEY_ACTION:
		if (!scbor_uint(r, &v) || v < EVENT_ENROLL || v > EVENT_REINSTATE)
			return false;
		out->action = (enum event_action)v;
		return true;
	case KEY_SUBJECT:
		if (!scbor_uint(r, &v) || v < EVENT_KEY || v > EVENT_CRL)
			return false;
		out->subject = (enum event_subject)v;
		return true;
	case KEY_DOMAIN:
		return read_text(r, &out->domain);
	case KEY_ID:
		if (!scbor_bytes(r, &id) || id.n != HASH_SIZE)
			return false;
		memcpy(out->id.b, id.p, HASH_SIZE);
		return true;
	case KEY_KID:
		return read_text(r, &out->kid);
	case KEY_MATERIAL:
		return scbor_bytes(r, &out->material) && out->material.n > 0;
	case KEY_ISSUERS:
		return read_issuers(r, arena, out, no_memory);
	case KEY_USE:
		return read_text(r, &out->use);
	case KEY_SINCE:
		if (!scbor_uint(r, &v) || v > INT64_MAX)
			return false;
		out->has_since = true;
		out->since = (int64_t)v;
		return true;
	case KEY_REASON:
		return read_text(r, &out->reason);
	case KEY_BY:
		return read_text(r, &out->by);
	case KEY_SEQUENCE:
		out->has_sequence = true;
		return scbor_uint(r, &out->sequence);
	case KEY_SOURCE:
		return read_text(r, &out->source);
	default:
		return false;
	}
}

static bool
read_issuers(struct scbor *r, struct arena *arena, struct trust_event *out, bool *no_memory)
{
	struct bytes *list;
	size_t count;

	if (!scbor_array(r, &count) || count == 0 || count > EVENT_ISSUERS_MAX)
		return false;
	if (!(list = arena_alloc(arena, count * sizeof(*list)))) {
		*no_memory = true;
		return false;
	}
	for (size_t i = 0; i < count; i++)
		if (!scbor_text(r, &list[i]))
			return false;
	out->issuers = list;
	out->issuer_count = count;
	return true;
}

/* ---- what belongs together ---- */

/* NULL, or what is wrong. */
static const char *
check(const struct trust_event *e)
{
	bool describes = e->action == EVENT_ENROLL || e->action == EVENT_CHANGE;

	if (e->action < EVENT_ENROLL || e->action > EVENT_REINSTATE || e->subject < EVENT_KEY ||
	    e->subject > EVENT_CRL)
		return "action or subject is missing";
	if (e->domain.n == 0 || !text_ok(e->domain, 255))
		return "the trust domain is missing or too long";
	if (!text_ok(e->kid, EVENT_KID_MAX) || !text_ok(e->reason, EVENT_REASON_MAX) ||
	    !text_ok(e->by, EVENT_BY_MAX) || !text_ok(e->source, EVENT_SOURCE_MAX))
		return "a text is too long or not UTF-8";
	if (e->use.n > 0 && !bytes_is(e->use, "wit-svid") && !bytes_is(e->use, "x509-svid"))
		return "use is unknown";
	if (e->has_since != (e->action == EVENT_REVOKE) || (e->has_since && e->since < 0))
		return "since belongs to a revocation";
	if (e->has_sequence && e->subject != EVENT_BUNDLE)
		return "sequence belongs to a bundle";
	if (!describes)
		return e->material.n > 0 || e->issuer_count > 0 || e->use.n > 0 || e->has_sequence
			   ? "a description belongs to an enrolment or a change"
			   : NULL;
	if (check_material(e) != NULL)
		return check_material(e);
	return check_issuers(e);
}

static const char *
check_material(const struct trust_event *e)
{
	static const struct json_limits limits = {EVENT_JWK_MAX, 1, 8};
	struct json_node *root;
	struct arena arena;
	struct hash hash;
	bool ok;

	if (e->subject != EVENT_KEY && e->subject != EVENT_CA)
		return e->material.n > 0 || e->use.n > 0 ? "a bundle or CRL has no material" : NULL;
	if (e->material.n == 0)
		return "the key or certificate itself is missing";
	hash_of(e->material, &hash);
	if (!hash_eq(&hash, &e->id))
		return "the id is not the hash of the material";
	if (e->subject == EVENT_CA)
		return bytes_is(e->use, "x509-svid") ? NULL : "the use of a CA is x509-svid";
	if (bytes_is(e->use, "x509-svid"))
		return "x509-svid is not the use of a key";
	arena_init(&arena, 1 << 16);
	ok = json_parse(e->material, &limits, true, &arena, &root, NULL) == RC_OK;
	arena_release(&arena);
	return ok ? NULL : "the material is no JWK";
}

static const char *
check_issuers(const struct trust_event *e)
{
	if (e->issuer_count > EVENT_ISSUERS_MAX ||
	    (e->issuer_count > 0 && (e->subject != EVENT_KEY || e->use.n > 0)))
		return "issuers belong to a key that signs tokens";
	for (size_t i = 0; i < e->issuer_count; i++) {
		if (e->issuers[i].n == 0 || !text_ok(e->issuers[i], EVENT_ISSUER_SIZE_MAX))
			return "an issuer is empty, too long or not UTF-8";
		if (i > 0 && bytes_cmp(e->issuers[i - 1], e->issuers[i]) >= 0)
			return "the issuers do not ascend";
	}
	return NULL;
}

static bool
text_ok(struct bytes x, size_t max)
{
	/* No NUL: our JSON has none. */
	return x.n <= max && utf8_ok(x) && (x.n == 0 || memchr(x.p, 0, x.n) == NULL);
}

/* ---- for people ---- */

const char *
event_action_name(enum event_action a)
{
	switch (a) {
	case EVENT_ENROLL:
		return "enroll";
	case EVENT_CHANGE:
		return "change";
	case EVENT_WITHDRAW:
		return "withdraw";
	case EVENT_REVOKE:
		return "revoke";
	case EVENT_REINSTATE:
		return "reinstate";
	}
	return "unknown";
}

const char *
event_subject_name(enum event_subject s)
{
	switch (s) {
	case EVENT_KEY:
		return "key";
	case EVENT_CA:
		return "ca";
	case EVENT_BUNDLE:
		return "bundle";
	case EVENT_CRL:
		return "crl";
	}
	return "unknown";
}

enum rc
event_json(const struct trust_event *e, struct buf *out)
{
	must(e && out);
	buf_addf(out, "{\"action\":\"%s\",\"subject\":\"%s\"", event_action_name(e->action),
	    event_subject_name(e->subject));
	json_text(out, "domain", e->domain);
	buf_add_str(out, ",\"id\":\"");
	buf_add_b64url(out, bytes_of(e->id.b, HASH_SIZE));
	buf_add_str(out, "\"");
	json_text(out, "kid", e->kid);
	if (e->material.n > 0 && e->subject == EVENT_KEY) {
		buf_add_str(out, ",\"jwk\":");
		buf_add_bytes(out, e->material); /* JSON: check() has read it */
	} else if (e->material.n > 0) {
		buf_add_str(out, ",\"certificate\":\"");
		buf_add_b64(out, e->material);
		buf_add_str(out, "\"");
	}
	for (size_t i = 0; i < e->issuer_count; i++) {
		buf_add_str(out, i == 0 ? ",\"issuers\":[" : ",");
		buf_add_json(out, e->issuers[i]);
	}
	buf_add_str(out, e->issuer_count > 0 ? "]" : "");
	json_text(out, "use", e->use);
	if (e->has_since)
		buf_addf(out, ",\"since\":%lld", (long long)e->since);
	json_text(out, "reason", e->reason);
	json_text(out, "by", e->by);
	if (e->has_sequence)
		buf_addf(out, ",\"sequence\":%llu", (unsigned long long)e->sequence);
	json_text(out, "source", e->source);
	buf_add_str(out, "}");
	return buf_rc(out);
}

static void
json_text(struct buf *out, const char *name, struct bytes x)
{
	if (x.n == 0)
		return;
	buf_addf(out, ",\"%s\":", name);
	buf_add_json(out, x);
}
