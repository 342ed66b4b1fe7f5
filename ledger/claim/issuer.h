/*
 * issuer.h - the issuer's URI: one accepted spelling per identity, and the trust domain in it.
 *
 * Private to claim/ and its tests.
 */
#ifndef CLAIM_ISSUER_H
#define CLAIM_ISSUER_H

#include "base/bytes.h"

#define ISSUER_DOMAIN_MAX 255 /* SPIFFE ID 2.1 */

/*
 * A URI of RFC 3986 characters (ASCII), 1..CLAIM_ISS_MAX bytes, scheme in lower case.
 *   spiffe://  SPIFFE ID 2 in canonical form, with a path: a workload, not a trust domain.
 *   wimse://   WIMSE identifier in canonical form: the same shape, '~' allowed in the path.
 *   https://   lower-case host, a port if need be, no user part; any path.
 *   others     a scheme, a colon and something after it.
 * '*trust_domain' is a view into 'iss': authority or host; empty for the others.  RC_BAD_CLAIM.
 */
enum rc issuer_read(struct bytes iss, struct bytes *trust_domain, struct why *why);

#endif
