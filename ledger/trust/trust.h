/*
 * trust.h - who signed this, and may this key speak for that issuer?
 *
 * A trust folder holds one folder per trust domain with *.jwks.json files.  Loading makes an
 * immutable snapshot; readers take a counted reference and never lock.  Keys are searched only in
 * the issuer's trust domain.  A key of one agent never signs for another: each key names its
 * issuers ("ect_iss"); a key without that member may speak for nobody, unless the configuration
 * says otherwise.  Every way of binding a key to an issuer (JWK set now; X.509-SVID and WIT later)
 * ends in one struct signer.
 */
#ifndef TRUST_TRUST_H
#define TRUST_TRUST_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/rc.h"
#include "trust/jwk.h"

enum trust_binding { TRUST_JWKS = 1, TRUST_X509 = 2, TRUST_WIT = 3 };

struct signer {            /* evidence: valid as long as the snapshot is held */
	const struct key *key;
	enum trust_binding binding;
};

struct trust_snapshot;
struct trust;              /* the folder and its newest snapshot */

struct trust_report {      /* what loading did */
	size_t domains, keys, skipped; /* skipped: keys of foreign kinds */
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
/* A descriptor that becomes readable when the folder changes; for the keeper's poll. */
int trust_fd(const struct trust *t);

#endif
