/*
 * bind.c - who signed?  One of three bindings gives the key; the token says which.
 *
 *   x5c or x5t#S256         X.509                       x509.c
 *   a WIT whose sub is iss  WIT                         wit.c
 *   neither                 JWK set, by kid             snapshot.c
 *
 * There is no second try: a token whose certificate is bad is not looked up by kid, and a WIT for
 * the issuer that does not verify is not ignored.  Else whoever can spoil a credential chooses the
 * binding.
 *
 * Chains and WITs cost several signatures each and come with every token of an agent, so verdicts
 * are kept: per thread (no lock), so many (the oldest of four goes), under the SHA-256 of snapshot,
 * trust domain and credential bytes.  A verdict is only believed within its own validity, and what
 * depends on the token (iss, alg) is asked each time; refusals are not kept.
 *
 * The key of a verdict lives in the cache; so signer.key is good until the next call only.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "trust/wit.h"
#include "trust/x509.h"

#define SETS 128
#define WAYS 4

struct verdict {
	struct hash name; /* of what it is about */
	struct key *key;  /* NULL: free */
	enum trust_binding binding;
	struct hash anchor;
	struct hash path[X509_PATH_MAX];
	size_t path_count;
	uint8_t *uri;
	size_t uri_size;
	int64_t from, until; /* seconds, both included */
	bool revoked;
	int64_t revoked_since;
};

struct trust_judge {
	struct verifier *verifier;
	struct x509_work *x509;
	struct verdict verdicts[SETS][WAYS];
	unsigned next[SETS]; /* which goes */
};

struct question {
	struct trust_judge *j;
	const struct trust_snapshot *s;
	const struct token *token;
	uint32_t domain;
	struct bytes trust_domain, iss;
	const struct trust_presented *presented;
	struct arena *arena;
	struct signer *out;
	struct why *why;
};

static enum rc judge_x509(const struct question *q);
static enum rc judge_wit(const struct question *q, bool *found);
static bool allowed(const struct question *q, enum trust_binding binding);
static void name_of(const struct question *q, enum trust_binding binding, const struct bytes *parts,
    size_t count, struct hash *out);
static struct verdict *recall(struct trust_judge *j, const struct hash *name, int64_t now_ms);
static enum rc keep(const struct question *q, const struct hash *name, struct verdict *fresh,
    struct bytes uri, struct verdict **out);
static void forget(struct verdict *v);
static enum rc answer(const struct question *q, const struct verdict *v, struct bytes credential);

struct trust_judge *
trust_judge_new(void)
{
	struct trust_judge *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->verifier = verifier_new();
	j->x509 = x509_work_new();
	if (!j->verifier || !j->x509) {
		trust_judge_free(j);
		j = NULL;
	}
	return j;
}

void
trust_judge_free(struct trust_judge *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < SETS; i++)
		for (size_t k = 0; k < WAYS; k++)
			forget(&j->verdicts[i][k]);
	x509_work_free(j->x509);
	verifier_free(j->verifier);
	free(j);
}

struct verifier *
trust_judge_verifier(struct trust_judge *j)
{
	return j->verifier;
}

enum rc
trust_judge_signer(struct trust_judge *j, const struct trust_snapshot *s, const struct token *token,
    struct bytes trust_domain, struct bytes iss, const struct trust_presented *presented,
    struct arena *arena, struct signer *out, struct why *why)
{
	struct question q = {j, s, token, 0, trust_domain, iss, presented, arena, out, why};
	bool by_certificate = token->x5c_count > 0 || token->has_x5t, found = false;
	enum rc rc;

	must(j && s && presented && arena && out);
	must(token->alg != 0); /* nobody signed an L1 token */
	memset(out, 0, sizeof(*out));
	if (by_certificate && !allowed(&q, TRUST_X509))
		return why_set(why, RC_BAD_HEADER, "binding (x509)", NULL, 0,
		    "this log does not take certificates");
	if (!snapshot_find_domain(s, trust_domain, &q.domain))
		return why_set(why, RC_UNKNOWN_KEY, "trust (domain)", "iss", 0,
		    "the issuer's trust domain \"%.*s\" is not known here",
		    (int)(trust_domain.n < 80 ? trust_domain.n : 80),
		    trust_domain.n ? (const char *)trust_domain.p : "");
	if (snapshot_anchors(s, q.domain)->empty)
		return why_set(why, RC_KEY_REVOKED, "SPIFFE bundle (empty)", "iss", 0,
		    "the bundle of the issuer's trust domain has no key: nothing of it is valid");
	if (by_certificate)
		return judge_x509(&q);
	if (allowed(&q, TRUST_WIT)) {
		rc = judge_wit(&q, &found);
		if (found || rc != RC_OK)
			return rc;
	}
	if (!allowed(&q, TRUST_JWKS))
		return why_set(why, RC_BAD_HEADER, "binding (jwks)", NULL, 0,
		    "this log takes no keys of JWK sets, and nothing else was presented");
	return trust_snapshot_find(s, trust_domain, iss, token->kid, token->alg, out, why);
}

static bool
allowed(const struct question *q, enum trust_binding binding)
{
	return (q->presented->bindings & (1U << binding)) != 0;
}

/* ---- certificates ---- */

/* The presented chain.  Of x5t it is the TLS client's, and its leaf is the one that is named. */
static enum rc
find_chain(const struct question *q, struct bytes chain[X509_CHAIN_MAX], size_t *count)
{
	static const char rule[] = "RFC 7515 4.1.8 (x5t#S256)";
	struct bytes named = bytes_of(q->token->x5t, sizeof(q->token->x5t));
	struct hash leaf;

	if (q->token->x5c_count > 0) {
		must(q->token->x5c_count <= X509_CHAIN_MAX);
		*count = q->token->x5c_count;
		memcpy(chain, q->token->x5c, *count * sizeof(*chain));
		return RC_OK;
	}
	if (q->presented->peer_chain.n == 0)
		return why_set(q->why, RC_BAD_CREDENTIAL, rule, "x5t#S256", 0,
		    "the connection came without a client certificate");
	if (q->presented->peer_chain.n > TRUST_CHAIN_SIZE_MAX ||
	    !x509_split(q->presented->peer_chain, chain, count))
		return why_set(q->why, RC_BAD_CREDENTIAL, rule, "x5t#S256", 0,
		    "the connection's certificates cannot be read");
	hash_of(chain[0], &leaf);
	if (!bytes_eq(bytes_of(leaf.b, HASH_SIZE), named))
		return why_set(q->why, RC_BAD_CREDENTIAL, rule, "x5t#S256", 0,
		    "the connection's certificate is another one");
	return RC_OK;
}

static enum rc
judge_x509(const struct question *q)
{
	struct bytes chain[X509_CHAIN_MAX], credential = BYTES_NONE;
	struct x509_verdict found = {0};
	struct verdict fresh = {.binding = TRUST_X509}, *v;
	struct hash name;
	size_t count = 0;
	enum rc rc;

	if ((rc = find_chain(q, chain, &count)) != RC_OK)
		return rc;
	if (q->token->x5c_count == 0)
		credential = q->presented->peer_chain;
	name_of(q, TRUST_X509, chain, count, &name);
	if (!(v = recall(q->j, &name, q->presented->now_ms))) {
		rc = x509_judge(q->j->x509, snapshot_anchors(q->s, q->domain), q->trust_domain,
		    chain, count, q->presented->now_ms, q->arena, &found, q->why);
		if (rc != RC_OK)
			return rc;
		fresh.key = found.key;
		fresh.anchor = found.anchor;
		memcpy(fresh.path, found.path, sizeof(fresh.path));
		fresh.path_count = found.path_count;
		fresh.from = found.from;
		fresh.until = found.until;
		fresh.revoked = found.revoked;
		fresh.revoked_since = found.revoked_since;
		if ((rc = keep(q, &name, &fresh, found.uri, &v)) != RC_OK)
			return rc;
	}
	if (v->revoked && q->presented->now_ms / 1000 >= v->revoked_since)
		return why_set(q->why, RC_KEY_REVOKED, "trust (revoked.json)", NULL, 0,
		    "a certificate of the chain is revoked since %lld",
		    (long long)v->revoked_since);
	return answer(q, v, credential);
}

/* ---- WITs ---- */

/* Parse only as far as is needed to see whom it is about. */
static enum rc
judge_one_wit(const struct question *q, struct bytes wit, const struct hash *name, bool *found)
{
	struct wit_verdict got = {0};
	struct verdict fresh = {.binding = TRUST_WIT}, *v;
	struct bytes subject;
	enum rc rc;

	*found = false;
	if ((v = recall(q->j, name, q->presented->now_ms))) {
		*found = bytes_eq(bytes_of(v->uri, v->uri_size), q->iss);
		return *found ? answer(q, v, wit) : RC_OK;
	}
	if (!wit_subject(wit, q->arena, &subject) || !bytes_eq(subject, q->iss))
		return RC_OK;
	*found = true;
	rc = wit_judge(
	    q->j->verifier, q->s, q->domain, wit, q->presented->now_ms, q->arena, &got, q->why);
	if (rc != RC_OK)
		return rc;
	fresh.key = got.key;
	fresh.anchor = got.anchor;
	fresh.from = got.from;
	fresh.until = got.until;
	if ((rc = keep(q, name, &fresh, got.subject, &v)) != RC_OK)
		return rc;
	return answer(q, v, wit);
}

/* One for this issuer that is remembered as good. */
static bool
recall_wit(const struct question *q, const struct hash *names)
{
	struct question quiet = *q;
	struct verdict *v;

	quiet.why = NULL;
	for (size_t i = 0; i < q->presented->wit_count; i++)
		if ((v = recall(q->j, &names[i], q->presented->now_ms)) &&
		    answer(&quiet, v, q->presented->wits[i]) == RC_OK)
			return true;
	return false;
}

/*
 * The first that is good, of those for this issuer; else the first that is bad speaks.  What is
 * remembered comes before all others: bad ones are not remembered, and a request could have them
 * verified again for each of its tokens.
 */
static enum rc
judge_wit(const struct question *q, bool *found)
{
	struct hash names[TRUST_WITS_MAX];
	struct why first = {0};
	enum rc rc, bad = RC_OK;

	must(q->presented->wit_count <= TRUST_WITS_MAX);
	for (size_t i = 0; i < q->presented->wit_count; i++)
		name_of(q, TRUST_WIT, &q->presented->wits[i], 1, &names[i]);
	if ((*found = recall_wit(q, names)))
		return RC_OK;
	for (size_t i = 0; i < q->presented->wit_count; i++) {
		bool mine = false;

		rc = judge_one_wit(q, q->presented->wits[i], &names[i], &mine);
		*found |= mine;
		if (mine && rc == RC_OK)
			return RC_OK;
		if (rc == RC_NO_MEMORY)
			return rc;
		if (mine && bad == RC_OK) {
			bad = rc;
			first = q->why ? *q->why : first;
		}
	}
	if (bad != RC_OK && q->why)
		*q->why = first;
	return bad;
}

/* ---- what both end in ---- */

static enum rc
answer(const struct question *q, const struct verdict *v, struct bytes credential)
{
	if (!bytes_eq(bytes_of(v->uri, v->uri_size), q->iss))
		return why_set(q->why, RC_BAD_CREDENTIAL, "X509-SVID 2 (iss)", "iss", 0,
		    "the certificate is for another workload than iss");
	if (key_alg(v->key) != q->token->alg)
		return why_set(q->why, RC_BAD_ALG, "RFC 8725 3.1 (algorithm)", "alg", 0,
		    "the key that the credential binds is for %s", token_alg_name(key_alg(v->key)));
	q->out->key = v->key;
	q->out->binding = v->binding;
	q->out->anchor = v->anchor;
	q->out->path = v->path;
	q->out->path_count = v->path_count;
	q->out->credential = credential;
	return RC_OK;
}

/* ---- the cache ---- */

static void
name_of(const struct question *q, enum trust_binding binding, const struct bytes *parts,
    size_t count, struct hash *out)
{
	struct bytes all[4 + X509_CHAIN_MAX];
	uint8_t head[3 + 4 * X509_CHAIN_MAX] = {
	    (uint8_t)binding, (uint8_t)q->trust_domain.n, (uint8_t)count};
	size_t n = 0;

	/* All sizes first: nothing else says where one part ends. */
	must(count <= X509_CHAIN_MAX && q->trust_domain.n <= TRUST_DOMAIN_NAME_MAX);
	for (size_t i = 0; i < count; i++)
		put_u32(head + 3 + 4 * i, (uint32_t)parts[i].n);
	all[n++] = snapshot_id(q->s);
	all[n++] = bytes_of(head, sizeof(head));
	all[n++] = q->trust_domain;
	for (size_t i = 0; i < count; i++)
		all[n++] = parts[i];
	hash_of_parts(all, n, out);
}

static struct verdict *
recall(struct trust_judge *j, const struct hash *name, int64_t now_ms)
{
	struct verdict *set = j->verdicts[name->b[0] % SETS];
	int64_t now = now_ms / 1000;

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].key && hash_eq(&set[i].name, name)) {
			if (now >= set[i].from && now <= set[i].until)
				return &set[i];
			forget(&set[i]);
		}
	return NULL;
}

/* Takes fresh->key, success or not. */
static enum rc
keep(const struct question *q, const struct hash *name, struct verdict *fresh, struct bytes uri,
    struct verdict **out)
{
	size_t at = name->b[0] % SETS;
	struct verdict *v = &q->j->verdicts[at][q->j->next[at]++ % WAYS];

	must(fresh->key);
	fresh->name = *name;
	fresh->uri_size = uri.n;
	if (uri.n == 0 || !(fresh->uri = malloc(uri.n))) {
		key_free(fresh->key);
		return why_set(
		    q->why, RC_NO_MEMORY, "memory", NULL, 0, "no memory for a credential");
	}
	memcpy(fresh->uri, uri.p, uri.n);
	forget(v);
	*v = *fresh;
	*out = v;
	return RC_OK;
}

static void
forget(struct verdict *v)
{
	key_free(v->key);
	free(v->uri);
	memset(v, 0, sizeof(*v));
}
