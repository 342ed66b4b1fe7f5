/*
 * edit.h - the changes that a server makes to its own trust folder, for an operator.
 *
 *   operator.jwks.json       keys added
 *   operator-<hash>.pem      a CA certificate added; hash: 8 hex digits of its SHA-256
 *   revoked.json             keys and certificates revoked
 *
 * The operator's own files are never touched.  A change is first loaded as a trial, together with
 * everything else that is in the folder, and only then put in place: written beside, fsynced,
 * renamed, folder fsynced.  What would refuse the next load never lands.
 *
 * One thread edits (the keeper); it reloads afterwards.  '*unchanged' (NULL is fine): it was so
 * already, and nothing was written.
 */
#ifndef TRUST_EDIT_H
#define TRUST_EDIT_H

#include "base/hash.h"
#include "base/rc.h"

#define EDIT_JWK_MAX 16384

/* Add a public JWK, with its "ect_iss"; of a key that is there already, its other members are
 * replaced.  '*id' is its thumbprint.  A domain folder is made.  RC_BAD_KEY, RC_TOO_LARGE, RC_IO,
 * RC_NO_SPACE, RC_NO_MEMORY. */
enum rc edit_add_jwk(const char *folder, struct bytes domain, struct bytes jwk, struct hash *id,
    bool *unchanged, struct why *why);
/* Add a CA certificate (DER).  '*id' is the SHA-256 of it. */
enum rc edit_add_ca(const char *folder, struct bytes domain, struct bytes der, struct hash *id,
    bool *unchanged, struct why *why);
/* Revoke a key by thumbprint or a certificate by SHA-256, whether it is enrolled or not; one that is
 * revoked already gets the new time and reason. */
enum rc edit_revoke(const char *folder, struct bytes domain, const struct hash *id, int64_t since,
    struct bytes reason, struct bytes by, bool *unchanged, struct why *why);
/* The same for a folder that is refused as it is: only revoked.json itself is judged, so that another
 * file's fault never stands between an operator and a stolen key. */
enum rc edit_revoke_alone(const char *folder, struct bytes domain, const struct hash *id,
    int64_t since, struct bytes reason, struct bytes by, bool *unchanged, struct why *why);
/* Take a revocation back. */
enum rc edit_reinstate(const char *folder, struct bytes domain, const struct hash *id,
    bool *unchanged, struct why *why);

#endif
