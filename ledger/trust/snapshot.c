/*
 * snapshot.c - all keys of all trust domains, as they were at one moment.
 *
 * One thread builds a snapshot; afterwards it never changes, so finding needs no lock.  A count of
 * holders, alone, is atomic.
 *
 *   domains  name                 -> domain
 *   records  (domain, use, kid)   -> a key; one without kid has a record, but no place here
 *            (domain, thumbprint) -> first record of that key
 *   bindings (domain, alg, iss)   -> chain of the keys that may speak for iss
 *
 * Every look-up starts from the domain, so a key of one trust domain is not even compared with a
 * token of another.
 *
 * Invariants: one record for each (domain, kid) and, without kid, for each key added; a binding
 * belongs to exactly one record; indexes into the arrays stay good while the arrays grow, pointers
 * would not.
 */
#include "trust/snapshot_own.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/random.h"

#define MEMORY_MAX ((size_t)2 << 30)

static uint32_t find_domain(const struct trust_snapshot *s, struct bytes name);
static uint32_t find_kid(
    const struct trust_snapshot *s, uint32_t domain, bool wit, struct bytes kid);
static uint32_t find_thumb(
    const struct trust_snapshot *s, uint32_t domain, const struct hash *thumbprint);
static enum rc add_record(struct trust_snapshot *s, uint32_t domain, bool wit, struct key *key,
    uint32_t *out, struct why *why);
static uint32_t find_issuer(
    const struct trust_snapshot *s, uint32_t domain, enum token_alg alg, struct bytes iss);
static enum rc add_binding(
    struct trust_snapshot *s, uint32_t record, struct bytes issuer, struct why *why);
static bool is_bound(const struct trust_snapshot *s, uint32_t record, struct bytes issuer);
static bool make_room(void **array, size_t *room, size_t count, size_t size);
static uint64_t mix(uint64_t h, struct bytes x);
static bool table_reserve(struct trust_snapshot *s, struct table *t,
    uint64_t (*hash)(const struct trust_snapshot *s, uint32_t i));
static void table_put(struct table *t, uint64_t hash, uint32_t i);
static uint64_t hash_domain(const struct trust_snapshot *s, uint32_t i);
static uint64_t hash_kid(const struct trust_snapshot *s, uint32_t i);
static uint64_t hash_thumb(const struct trust_snapshot *s, uint32_t i);
static uint64_t hash_issuer(const struct trust_snapshot *s, uint32_t i);

enum rc
snapshot_new(struct trust_snapshot **out)
{
	struct trust_snapshot *s = calloc(1, sizeof(*s));

	must(out);
	*out = s;
	if (!s)
		return RC_NO_MEMORY;
	atomic_init(&s->holders, 1);
	arena_init(&s->arena, MEMORY_MAX);
	random_bytes(s->id, sizeof(s->id));
	return RC_OK;
}

enum rc
snapshot_add_domain(struct trust_snapshot *s, struct bytes name, uint32_t *out, struct why *why)
{
	struct snapshot_domain *d;

	must(find_domain(s, name) == SNAPSHOT_NONE);
	if (s->domain_count == TRUST_DOMAINS_MAX)
		return why_set(why, RC_BAD_KEY, "trust (domains)", NULL, 0,
		    "more than %d trust domains", TRUST_DOMAINS_MAX);
	if (!make_room((void **)&s->domains, &s->domain_room, s->domain_count, sizeof(*d)) ||
	    !table_reserve(s, &s->by_name, hash_domain))
		goto full;
	d = &s->domains[s->domain_count];
	memset(d, 0, sizeof(*d));
	if (!arena_dup(&s->arena, name, &d->name))
		goto full;
	*out = (uint32_t)s->domain_count++;
	table_put(&s->by_name, hash_domain(s, *out), *out);
	return RC_OK;
full:
	return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no memory for a trust domain");
}

enum rc
snapshot_source(struct trust_snapshot *s, struct bytes name, struct why *why)
{
	if (name.n > EVENT_SOURCE_MAX)
		goto bad;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] < 0x20 || name.p[i] > 0x7e)
			goto bad;
	if (!arena_dup(&s->arena, name, &s->source))
		return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no memory for a file's name");
	return RC_OK;
bad:
	return why_set(why, RC_BAD_KEY, "trust (file name)", NULL, 0,
	    "a file's name is at most %d printable ASCII characters", EVENT_SOURCE_MAX);
}

enum rc
snapshot_add_key(struct trust_snapshot *s, uint32_t domain, struct key *key,
    const struct bytes *issuers, size_t issuer_count, struct why *why)
{
	uint32_t i = SNAPSHOT_NONE;
	enum rc rc = add_record(s, domain, false, key, &i, why);

	for (size_t n = 0; n < issuer_count && rc == RC_OK; n++)
		if (!is_bound(s, i, issuers[n]))
			rc = add_binding(s, i, issuers[n], why);
	return rc;
}

enum rc
snapshot_add_wit_key(struct trust_snapshot *s, uint32_t domain, struct key *key, struct why *why)
{
	uint32_t i;

	must(key->kid_size > 0);
	return add_record(s, domain, true, key, &i, why);
}

/* Takes the key, success or not.  The key's record: a new one, or the one that has its kid. */
static enum rc
add_record(struct trust_snapshot *s, uint32_t domain, bool wit, struct key *key, uint32_t *out,
    struct why *why)
{
	uint32_t i = SNAPSHOT_NONE, same;
	enum rc rc = RC_OK;

	must(key && domain < s->domain_count);
	if (key->kid_size > 0)
		i = find_kid(s, domain, wit, key_kid(key));
	if (i != SNAPSHOT_NONE && !hash_eq(&s->records[i].key->thumbprint, &key->thumbprint)) {
		rc = why_set(why, RC_BAD_KEY, "trust (kid)", "kid", 0,
		    "kid \"%.*s\" already belongs to another key of this trust domain",
		    (int)key->kid_size, (const char *)key->kid);
		goto out;
	}
	same = find_thumb(s, domain, &key->thumbprint);
	if (same != SNAPSHOT_NONE && s->records[same].wit != wit) {
		rc = why_set(why, RC_BAD_KEY, "trust (use)", "use", 0,
		    "one key for signing tokens and for signing WITs");
		goto out;
	}
	if (i == SNAPSHOT_NONE) {
		if (s->domains[domain].keys == TRUST_DOMAIN_KEYS_MAX) {
			rc = why_set(why, RC_BAD_KEY, "trust (keys)", NULL, 0,
			    "more than %d keys in one trust domain", TRUST_DOMAIN_KEYS_MAX);
			goto out;
		}
		if (!make_room((void **)&s->records, &s->record_room, s->record_count,
			sizeof(*s->records)) ||
		    !table_reserve(s, &s->by_kid, hash_kid) ||
		    !table_reserve(s, &s->by_thumb, hash_thumb)) {
			rc = why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no memory for a key");
			goto out;
		}
		i = (uint32_t)s->record_count++;
		s->records[i] =
		    (struct record){key, s->source, domain, wit, SNAPSHOT_NONE, 0, 0, 0};
		s->domains[domain].keys++;
		if (wit) {
			s->domains[domain].wit_keys++;
			s->domains[domain].last_wit_key = i;
		}
		if (key->kid_size > 0)
			table_put(&s->by_kid, hash_kid(s, i), i);
		if (same == SNAPSHOT_NONE)
			table_put(&s->by_thumb, hash_thumb(s, i), i);
		key = NULL;
	}
	*out = i;
out:
	key_free(key);
	return rc;
}

static enum rc
add_binding(struct trust_snapshot *s, uint32_t record, struct bytes issuer, struct why *why)
{
	struct record *r = &s->records[record], *all;
	struct binding *b;
	uint32_t i, head;

	all = &s->records[find_thumb(s, r->domain, &r->key->thumbprint)];
	if (all->all_bindings == TRUST_KEY_ISSUERS_MAX)
		return why_set(why, RC_BAD_KEY, "trust (issuers)", "ect_iss", 0,
		    "more than %d issuers for one key", TRUST_KEY_ISSUERS_MAX);
	if (all->all_issuers_size + issuer.n > EVENT_ISSUERS_SIZE_MAX)
		return why_set(why, RC_BAD_KEY, "trust (issuers)", "ect_iss", 0,
		    "the issuers of one key have more than %d bytes together",
		    EVENT_ISSUERS_SIZE_MAX);
	if (!make_room((void **)&s->bindings, &s->binding_room, s->binding_count, sizeof(*b)) ||
	    !table_reserve(s, &s->by_issuer, hash_issuer))
		goto full;
	b = &s->bindings[s->binding_count];
	if (!arena_dup(&s->arena, issuer, &b->issuer))
		goto full;
	head = find_issuer(s, r->domain, r->key->alg, issuer);
	i = (uint32_t)s->binding_count++;
	b->record = record;
	b->next_of_key = r->first_binding;
	b->next_of_issuer = SNAPSHOT_NONE;
	r->first_binding = i;
	r->bindings++;
	all->all_bindings++;
	all->all_issuers_size += issuer.n;
	if (head == SNAPSHOT_NONE) {
		table_put(&s->by_issuer, hash_issuer(s, i), i);
	} else { /* behind the head, which stays in the table */
		b->next_of_issuer = s->bindings[head].next_of_issuer;
		s->bindings[head].next_of_issuer = i;
	}
	return RC_OK;
full:
	return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no memory for an issuer");
}

enum rc
trust_snapshot_find(const struct trust_snapshot *s, struct bytes trust_domain, struct bytes iss,
    struct bytes kid, enum token_alg alg, struct signer *out, struct why *why)
{
	uint32_t domain, i, b;

	must(s && out);
	memset(out, 0, sizeof(*out));
	if ((domain = find_domain(s, trust_domain)) == SNAPSHOT_NONE)
		return why_set(why, RC_UNKNOWN_KEY, "trust (domain)", "iss", 0,
		    "the issuer's trust domain \"%.*s\" is not known here",
		    (int)(trust_domain.n < 80 ? trust_domain.n : 80),
		    trust_domain.n ? (const char *)trust_domain.p : "");
	if (s->domains[domain].anchors.empty)
		return why_set(why, RC_KEY_REVOKED, "SPIFFE bundle (empty)", "iss", 0,
		    "the bundle of the issuer's trust domain has no key: nothing of it is valid");
	if (kid.n == 0) {
		if ((b = find_issuer(s, domain, alg, iss)) == SNAPSHOT_NONE)
			return why_set(why, RC_UNKNOWN_KEY, "trust (kid)", "kid", 0,
			    "no kid, and the issuer has no %s key", token_alg_name(alg));
		if (s->bindings[b].next_of_issuer != SNAPSHOT_NONE)
			return why_set(why, RC_UNKNOWN_KEY, "trust (kid)", "kid", 0,
			    "no kid, and the issuer has several %s keys", token_alg_name(alg));
		i = s->bindings[b].record;
	} else {
		if ((i = find_kid(s, domain, false, kid)) == SNAPSHOT_NONE)
			return why_set(why, RC_UNKNOWN_KEY, "trust (kid)", "kid", 0,
			    "no key of that kid in the issuer's trust domain");
		if (!is_bound(s, i, iss))
			return why_set(why, RC_NOT_AUTHORIZED, "trust (ect_iss)", "iss", 0,
			    "the key of that kid may not speak for this issuer");
		if (s->records[i].key->alg != alg)
			return why_set(why, RC_BAD_ALG, "RFC 8725 3.1 (algorithm)", "alg", 0,
			    "the key of that kid is pinned to %s",
			    token_alg_name(s->records[i].key->alg));
	}
	out->key = s->records[i].key;
	out->binding = TRUST_JWKS;
	out->anchor = out->key->thumbprint;
	return RC_OK;
}

size_t
trust_snapshot_keys(const struct trust_snapshot *s)
{
	return s->record_count;
}

size_t
snapshot_domains(const struct trust_snapshot *s)
{
	return s->domain_count;
}

void
snapshot_hold(struct trust_snapshot *s)
{
	/*
	 * Whoever calls has a reference already, so the count is not 0 and order does not matter.
	 */
	size_t before = atomic_fetch_add_explicit(&s->holders, 1, memory_order_relaxed);

	must(before > 0 && before < SIZE_MAX);
}

void
trust_snapshot_drop(struct trust_snapshot *s)
{
	size_t before;

	if (!s)
		return;
	before = atomic_fetch_sub_explicit(&s->holders, 1, memory_order_acq_rel);
	must(before > 0);
	if (before > 1)
		return;
	for (size_t i = 0; i < s->record_count; i++)
		key_free(s->records[i].key);
	for (size_t i = 0; i < s->domain_count; i++)
		anchors_release(&s->domains[i].anchors);
	free(s->domains);
	free(s->records);
	free(s->bindings);
	free(s->by_name.slots);
	free(s->by_kid.slots);
	free(s->by_thumb.slots);
	free(s->by_issuer.slots);
	arena_release(&s->arena);
	free(s);
}

/* ---- what a domain has beside its keys ---- */

enum rc
snapshot_add_ca(struct trust_snapshot *s, uint32_t domain, struct bytes der, struct why *why)
{
	struct snapshot_domain *d = &s->domains[domain];

	must(domain < s->domain_count);
	return anchors_add_ca(&d->anchors, d->name, der, s->source, &s->arena, why);
}

enum rc
snapshot_add_crl(struct trust_snapshot *s, uint32_t domain, struct bytes der, struct why *why)
{
	must(domain < s->domain_count);
	return anchors_add_crl(&s->domains[domain].anchors, der, s->source, why);
}

enum rc
snapshot_set_revoked(struct trust_snapshot *s, uint32_t domain, struct bytes text, struct why *why)
{
	must(domain < s->domain_count);
	return revoked_read(&s->domains[domain].anchors, text, &s->arena, why);
}

enum rc
snapshot_set_bundle(struct trust_snapshot *s, uint32_t domain, struct bytes text,
    const uint64_t *sequence, bool empty, struct why *why)
{
	struct anchors *a;

	must(domain < s->domain_count);
	a = &s->domains[domain].anchors;
	if (a->has_bundle)
		return why_set(why, RC_BAD_KEY, "trust (SPIFFE bundle)", NULL, 0,
		    "a second SPIFFE bundle in one trust domain");
	a->has_bundle = true;
	a->empty = empty;
	a->has_sequence = sequence != NULL;
	a->sequence = sequence ? *sequence : 0;
	a->bundle_source = s->source;
	hash_of(text, &a->bundle);
	return RC_OK;
}

bool
snapshot_find_domain(const struct trust_snapshot *s, struct bytes name, uint32_t *domain)
{
	*domain = find_domain(s, name);
	return *domain != SNAPSHOT_NONE;
}

const struct anchors *
snapshot_anchors(const struct trust_snapshot *s, uint32_t domain)
{
	must(domain < s->domain_count);
	return &s->domains[domain].anchors;
}

enum rc
snapshot_find_wit_key(const struct trust_snapshot *s, uint32_t domain, struct bytes kid,
    const struct key **out, struct why *why)
{
	const struct snapshot_domain *d = &s->domains[domain];
	uint32_t i = SNAPSHOT_NONE;

	must(domain < s->domain_count);
	if (kid.n > 0)
		i = find_kid(s, domain, true, kid);
	else if (d->wit_keys == 1)
		i = d->last_wit_key;
	if (i == SNAPSHOT_NONE)
		return why_set(why, RC_UNKNOWN_KEY, "trust (WIT key)", "kid", 0,
		    kid.n > 0 ? "no WIT key of that kid in the issuer's trust domain"
			      : "no kid, and the trust domain has not exactly one WIT key");
	*out = s->records[i].key;
	return RC_OK;
}

struct bytes
snapshot_id(const struct trust_snapshot *s)
{
	return bytes_of(s->id, sizeof(s->id));
}

/* ---- look-ups ---- */

static uint64_t
hash_domain_name(struct bytes name)
{
	return mix(1, name);
}

static uint64_t
hash_domain_kid(uint32_t domain, bool wit, struct bytes kid)
{
	return mix((wit ? 5 : 2) + ((uint64_t)domain << 8), kid);
}

static uint64_t
hash_domain_thumb(uint32_t domain, const struct hash *thumbprint)
{
	return mix(4 + ((uint64_t)domain << 8), bytes_of(thumbprint->b, HASH_SIZE));
}

static uint64_t
hash_domain_issuer(uint32_t domain, enum token_alg alg, struct bytes iss)
{
	return mix(3 + ((uint64_t)domain << 8) + ((uint64_t)alg << 48), iss);
}

static uint32_t
find_domain(const struct trust_snapshot *s, struct bytes name)
{
	const struct table *t = &s->by_name;

	for (uint64_t at = hash_domain_name(name); t->room; at++) {
		uint32_t i = t->slots[at & (t->room - 1)];

		if (i == 0)
			break;
		if (bytes_eq(s->domains[i - 1].name, name))
			return i - 1;
	}
	return SNAPSHOT_NONE;
}

static uint32_t
find_kid(const struct trust_snapshot *s, uint32_t domain, bool wit, struct bytes kid)
{
	const struct table *t = &s->by_kid;

	for (uint64_t at = hash_domain_kid(domain, wit, kid); t->room; at++) {
		uint32_t i = t->slots[at & (t->room - 1)];

		if (i == 0)
			break;
		if (s->records[i - 1].domain == domain && s->records[i - 1].wit == wit &&
		    bytes_eq(key_kid(s->records[i - 1].key), kid))
			return i - 1;
	}
	return SNAPSHOT_NONE;
}

static uint32_t
find_thumb(const struct trust_snapshot *s, uint32_t domain, const struct hash *thumbprint)
{
	const struct table *t = &s->by_thumb;

	for (uint64_t at = hash_domain_thumb(domain, thumbprint); t->room; at++) {
		uint32_t i = t->slots[at & (t->room - 1)];

		if (i == 0)
			break;
		if (s->records[i - 1].domain == domain &&
		    hash_eq(&s->records[i - 1].key->thumbprint, thumbprint))
			return i - 1;
	}
	return SNAPSHOT_NONE;
}

static uint32_t
find_issuer(const struct trust_snapshot *s, uint32_t domain, enum token_alg alg, struct bytes iss)
{
	const struct table *t = &s->by_issuer;

	for (uint64_t at = hash_domain_issuer(domain, alg, iss); t->room; at++) {
		uint32_t i = t->slots[at & (t->room - 1)];
		const struct record *r;

		if (i == 0)
			break;
		r = &s->records[s->bindings[i - 1].record];
		if (r->domain == domain && r->key->alg == alg &&
		    bytes_eq(s->bindings[i - 1].issuer, iss))
			return i - 1;
	}
	return SNAPSHOT_NONE;
}

static bool
is_bound(const struct trust_snapshot *s, uint32_t record, struct bytes issuer)
{
	uint32_t i = s->records[record].first_binding;

	for (; i != SNAPSHOT_NONE; i = s->bindings[i].next_of_key)
		if (bytes_eq(s->bindings[i].issuer, issuer))
			return true;
	return false;
}

/* ---- arrays and tables ---- */

static bool
make_room(void **array, size_t *room, size_t count, size_t size)
{
	size_t want = *room ? *room * 2 : 64;
	void *p;

	if (count < *room)
		return true;
	/* Indexes are 32 bits, and one value is SNAPSHOT_NONE. */
	if (want >= SNAPSHOT_NONE / 2 || !(p = realloc(*array, want * size)))
		return false;
	*array = p;
	*room = want;
	return true;
}

/* FNV-1a with a final mix.  Only the operator's files put anything in, so nobody else can choose
 * what collides. */
static uint64_t
mix(uint64_t h, struct bytes x)
{
	h ^= UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < x.n; i++)
		h = (h ^ x.p[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 32;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return h ^ (h >> 29);
}

static uint64_t
hash_domain(const struct trust_snapshot *s, uint32_t i)
{
	return hash_domain_name(s->domains[i].name);
}

static uint64_t
hash_kid(const struct trust_snapshot *s, uint32_t i)
{
	return hash_domain_kid(s->records[i].domain, s->records[i].wit, key_kid(s->records[i].key));
}

static uint64_t
hash_thumb(const struct trust_snapshot *s, uint32_t i)
{
	return hash_domain_thumb(s->records[i].domain, &s->records[i].key->thumbprint);
}

static uint64_t
hash_issuer(const struct trust_snapshot *s, uint32_t i)
{
	const struct record *r = &s->records[s->bindings[i].record];

	return hash_domain_issuer(r->domain, r->key->alg, s->bindings[i].issuer);
}

/* Make sure that one more fits with half of the slots left free. */
static bool
table_reserve(struct trust_snapshot *s, struct table *t,
    uint64_t (*hash)(const struct trust_snapshot *s, uint32_t i))
{
	struct table bigger = {NULL, t->room ? t->room * 2 : 64, 0};

	if ((t->used + 1) * 2 <= t->room)
		return true;
	if (!(bigger.slots = calloc(bigger.room, sizeof(*bigger.slots))))
		return false;
	for (size_t i = 0; i < t->room; i++)
		if (t->slots[i])
			table_put(&bigger, hash(s, t->slots[i] - 1), t->slots[i] - 1);
	must(bigger.used == t->used);
	free(t->slots);
	*t = bigger;
	return true;
}

static void
table_put(struct table *t, uint64_t hash, uint32_t i)
{
	must(t->used * 2 < t->room && i < SNAPSHOT_NONE);
	while (t->slots[hash & (t->room - 1)])
		hash++;
	t->slots[hash & (t->room - 1)] = i + 1;
	t->used++;
}
