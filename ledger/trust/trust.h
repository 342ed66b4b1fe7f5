/*
 * trust.h - who signed this, and may this key speak for that issuer?
 *
 * A trust folder holds one folder per trust domain: *.jwks.json (JWK sets; a SPIFFE bundle where
 * "spiffe_sequence" or a SPIFFE "use" is there, at most one a domain), *.pem (X.509 CA certificates),
 * *.crl.pem (revocation lists), revoked.json (keys that the operator revoked, with time and reason).  Loading makes an
 * immutable snapshot; readers take a counted reference and never lock.  Keys are searched only in
 * the issuer's trust domain.  A key of one agent never signs for another: each key names its
 * issuers ("ect_iss"); a key without that member may speak for nobody.  Every way of binding a key
 * to an issuer (JWK set, X.509-SVID, WIT) ends in one struct signer.
 */
#ifndef TRUST_TRUST_H
#define TRUST_TRUST_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/rc.h"
#include "trust/jwk.h"

enum trust_binding { TRUST_JWKS = 1, TRUST_X509 = 2, TRUST_WIT = 3 };

struct signer {            /* evidence */
	/* Valid as long as the snapshot is held; of a certificate or a WIT: until the next call on
	 * the same trust_judge. */
	const struct key *key;
	enum trust_binding binding;
	/* What the operator enrolled and this signer leads to: the key itself (its thumbprint), a CA
	 * certificate (SHA-256 of its DER), or the domain's WIT key (its thumbprint). */
	struct hash anchor;
	/* Of a certificate: the hashes of the chain from the leaf up, without the anchor. Any of them
	 * may be revoked.  They live as long as 'key'. */
	const struct hash *path;
	size_t path_count;
	/* What came beside the token and is needed to check it again: the WIT (compact JWS), or the
	 * TLS client's chain (DER certificates joined, leaf first) for x5t.  A view; empty: nothing. */
	struct bytes credential;
};

#define TRUST_WITS_MAX	     16    /* presented with one request */
#define TRUST_WIT_SIZE_MAX   4096
#define TRUST_CHAIN_SIZE_MAX 8192

/* What came with a token, beside it. */
struct trust_presented {
	const struct bytes *wits; /* compact JWS each */
	size_t wit_count;
	struct bytes peer_chain;  /* the TLS client's certificates, DER joined, leaf first; empty: none */
	int64_t now_ms;           /* receive time: certificates and WITs must be valid then */
	unsigned bindings;        /* allowed here: bits 1 << enum trust_binding */
};

/* One thread's working memory: contexts, and a bounded cache of chains and WITs that verified. */
struct trust_judge;
struct trust_judge *trust_judge_new(void); /* NULL: out of memory or the provider lacks an algorithm */
void trust_judge_free(struct trust_judge *j);

struct trust_snapshot;
struct trust;              /* the folder and its newest snapshot */

struct trust_report {      /* what loading did */
	size_t domains, keys, skipped; /* skipped: keys of foreign kinds */
	size_t cas, crls, revoked;     /* revoked: elements of revoked.json files */
	char problem[256];     /* first refusal, with file name; empty: none */
};

/* Build a snapshot from a folder.  A file with any bad key is refused whole, by name, and the load
 * fails with RC_BAD_KEY (the old snapshot stays in force).  A missing folder is an empty one.
 * Reading files: never on the loop thread. */
enum rc trust_snapshot_load(const char *folder, struct trust_snapshot **out, struct trust_report *report);
/* Find the key.  'trust_domain' and 'iss' from the token's claims; an empty kid matches when the
 * issuer has exactly one key for 'alg'. RC_UNKNOWN_KEY (no such domain or kid), RC_NOT_AUTHORIZED
 * (the key is there but may not speak for iss), RC_BAD_ALG (pinned alg differs). */
enum rc trust_snapshot_find(const struct trust_snapshot *s, struct bytes trust_domain, struct bytes iss,
    struct bytes kid, enum token_alg alg, struct signer *out, struct why *why);
/*
 * Who signed?  By what the token says:
 *   x5c or x5t#S256  the X.509 binding: chain to a CA of the issuer's own trust domain, SPIFFE's leaf
 *                    and CA rules (X509-SVID 2-5), CRLs of the domain for the whole chain, valid at
 *                    now_ms; the one URI SAN equals iss.  x5t: the leaf is the TLS client's.
 *   otherwise, a WIT among those presented with sub == iss: verified under the domain's WIT keys
 *                    (kid), not expired; cnf.jwk is the key and its alg the token's.
 *   otherwise        the JWK set, by kid (trust_snapshot_find).
 * Does not verify the token's own signature: verifier_check() with signer.key.  Revocation by the
 * log's key history is the sequencer's (history.h).  A domain with an empty SPIFFE bundle has no
 * valid key at all.  RC_UNKNOWN_KEY, RC_NOT_AUTHORIZED, RC_BAD_ALG, RC_BAD_HEADER (binding off),
 * RC_BAD_CREDENTIAL (with the rule), RC_KEY_REVOKED (CRL), RC_NO_MEMORY.
 */
enum rc trust_judge_signer(struct trust_judge *j, const struct trust_snapshot *s, const struct token *token,
    struct bytes trust_domain, struct bytes iss, const struct trust_presented *presented, struct arena *arena,
    struct signer *out, struct why *why);
/* The judge's own contexts, for verifier_check(). */
struct verifier *trust_judge_verifier(struct trust_judge *j);
size_t trust_snapshot_keys(const struct trust_snapshot *s);
void trust_snapshot_drop(struct trust_snapshot *s); /* NULL is fine */

/* The live trust: a folder watched by inotify. */
enum rc trust_open(struct trust **out, const char *folder, struct trust_report *report);
void trust_close(struct trust *t);
struct trust_snapshot *trust_get(struct trust *t); /* counted; drop it.  Any thread */
/* Has the folder changed since the last load?  Never blocks for long; keeper thread only. */
bool trust_changed(struct trust *t);
/* Load again and publish; on error the old snapshot stays.  Keeper thread only. */
enum rc trust_reload(struct trust *t, struct trust_report *report);
/* The two halves of a reload, for a keeper that first writes down what has changed: load without
 * publishing (gives the snapshot), publish (takes it). */
enum rc trust_load(struct trust *t, struct trust_snapshot **out, struct trust_report *report);
void trust_publish(struct trust *t, struct trust_snapshot *s);
const char *trust_folder_path(const struct trust *t);
/* A descriptor that becomes readable when the folder changes; for the keeper's poll. */
int trust_fd(const struct trust *t);

#endif
