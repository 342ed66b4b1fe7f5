/*
 * fsck_event.c - the bytes of a key entry (docs/STORAGE.md, "Key entries").
 *
 * An event says everything by itself, so it can be held against itself: the id is the hash of the
 * material, and only the members that belong to the action are there.
 */
#include "fsck_cbor.h"

#include <string.h>
#include <jansson.h>

#define EVENT_MAX  16384
#define DOMAIN_MAX 255
#define KID_MAX	   128
#define JWK_MAX	   256
#define REASON_MAX 256
#define BY_MAX	   2048
#define SOURCE_MAX 255
#define ISSUER_MAX 2048

struct members { /* those that nothing is done with but to look at them */
	struct span reason, by, source;
	bool has_sequence;
};

static struct span
text(struct cbor *r, size_t max)
{
	struct span s = cbor_string(r, CBOR_TEXT);
	json_t *copy;

	cbor_check(r, s.n >= 1 && s.n <= max && memchr(s.p, 0, s.n) == NULL);
	if (r->bad)
		return s;
	copy = json_stringn((const char *)s.p, s.n); /* NULL: not UTF-8 */
	cbor_check(r, copy != NULL);
	json_decref(copy);
	return s;
}

static int
order(struct span a, struct span b)
{
	int d = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return d != 0 ? d : (a.n > b.n) - (a.n < b.n);
}

static void
issuers(struct cbor *r, struct fsck_event *e)
{
	uint64_t count = cbor_count(r, CBOR_ARRAY);

	cbor_check(r, count >= 1 && count <= FSCK_ISSUERS);
	for (uint64_t i = 0; !r->bad && i < count; i++) {
		e->issuers[i] = text(r, ISSUER_MAX);
		cbor_check(r, i == 0 || (!r->bad && order(e->issuers[i - 1], e->issuers[i]) < 0));
		e->issuer_count++;
	}
}

static void
since(struct cbor *r, struct fsck_event *e)
{
	uint64_t v = cbor_head(r, CBOR_UINT);

	cbor_check(r, v <= INT64_MAX);
	e->has_since = true;
	e->since = (int64_t)v;
}

static void
member(struct cbor *r, uint64_t key, struct fsck_event *e, struct members *m)
{
	static const char *const names[] = {"action", "subject", "domain", "id", "kid", "material",
	    "issuers", "use", "since", "reason", "by", "sequence", "source"};

	if (key >= 1 && key <= 13)
		r->field = names[key - 1];
	switch (key) {
	case 1:
		e->action = cbor_head(r, CBOR_UINT);
		break;
	case 2:
		e->subject = cbor_head(r, CBOR_UINT);
		break;
	case 3:
		e->domain = text(r, DOMAIN_MAX);
		break;
	case 4:
		cbor_fixed(r, e->id, FSCK_HASH);
		break;
	case 5:
		e->kid = text(r, KID_MAX);
		break;
	case 6:
		e->material = cbor_string(r, CBOR_BYTES);
		cbor_check(r, e->material.n > 0);
		break;
	case 7:
		issuers(r, e);
		break;
	case 8:
		e->use = text(r, KID_MAX);
		break;
	case 9:
		since(r, e);
		break;
	case 10:
		m->reason = text(r, REASON_MAX);
		break;
	case 11:
		m->by = text(r, BY_MAX);
		break;
	case 12:
		m->has_sequence = true;
		(void)cbor_head(r, CBOR_UINT);
		break;
	case 13:
		m->source = text(r, SOURCE_MAX);
		break;
	default:
		r->bad = true;
	}
}

static bool
is(struct span s, const char *want)
{
	return s.n == strlen(want) && memcmp(s.p, want, s.n) == 0;
}

static bool
json_object_is(struct span s)
{
	json_t *value =
	    json_loadb((const char *)s.p, s.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	bool ok = json_is_object(value);

	json_decref(value);
	return ok;
}

/* Key and certificate with their hash; a bundle and a CRL by hash alone. */
static const char *
check_material(const struct fsck_event *e)
{
	uint8_t hash[FSCK_HASH];

	if (e->subject != FSCK_A_KEY && e->subject != FSCK_A_CA)
		return e->material.n > 0 || e->use.n > 0 ? "material" : NULL;
	fsck_sha256(e->material, hash);
	if (e->material.n == 0 || memcmp(hash, e->id, FSCK_HASH) != 0)
		return "id, which is not the material's";
	if (e->subject == FSCK_A_CA)
		return is(e->use, "x509-svid") ? NULL : "use";
	if (e->use.n > 0 && !is(e->use, "wit-svid"))
		return "use";
	return e->material.n <= JWK_MAX && json_object_is(e->material) ? NULL : "material";
}

/* What belongs together; NULL, or what does not. */
static const char *
check(const struct fsck_event *e, const struct members *m)
{
	bool describes = e->action == FSCK_ENROLL || e->action == FSCK_CHANGE;

	if (e->action < FSCK_ENROLL || e->action > FSCK_REINSTATE)
		return "action";
	if (e->subject < FSCK_A_KEY || e->subject > FSCK_A_CRL)
		return "subject";
	if (e->domain.n == 0)
		return "domain";
	if (e->use.n > 0 && !is(e->use, "wit-svid") && !is(e->use, "x509-svid"))
		return "use";
	if (e->has_since != (e->action == FSCK_REVOKE))
		return "since";
	if (m->has_sequence && (e->subject != FSCK_A_BUNDLE || !describes))
		return "sequence";
	if (!describes)
		return e->material.n > 0 || e->issuer_count > 0 || e->use.n > 0 ? "material" : NULL;
	if (e->issuer_count > 0 && (e->subject != FSCK_A_KEY || e->use.n > 0))
		return "issuers";
	return check_material(e);
}

bool
fsck_event_read(struct span raw, struct fsck_event *e, size_t *at, const char **field)
{
	struct cbor r = {.in = raw, .field = "map"};
	struct members m = {.has_sequence = false};
	uint64_t count, key, last = 0, seen = 0;
	const char *bad;

	memset(e, 0, sizeof(*e));
	cbor_check(&r, raw.n <= EVENT_MAX);
	count = cbor_count(&r, CBOR_MAP);
	for (uint64_t i = 0; !r.bad && i < count; i++, last = key) {
		key = cbor_head(&r, CBOR_UINT);
		cbor_check(&r, key > last && key <= 13);
		if (r.bad)
			break;
		member(&r, key, e, &m);
		seen |= UINT64_C(1) << key;
	}
	cbor_check(&r, cbor_end(&r) && (seen & 0x1e) == 0x1e); /* 1 to 4 are always there */
	*at = r.item;
	*field = r.field;
	if (r.bad)
		return false;
	if ((bad = check(e, &m)) != NULL)
		*field = bad;
	return bad == NULL;
}
