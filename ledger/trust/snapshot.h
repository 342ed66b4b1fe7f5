/*
 * snapshot.h - building a snapshot, key by key; private to trust/ and its tests.
 *
 * A snapshot is one thread's while it is built; once published it never changes.
 */
#ifndef TRUST_SNAPSHOT_H
#define TRUST_SNAPSHOT_H

#include "trust/anchors.h"
#include "trust/event.h"
#include "trust/trust.h"

#define TRUST_FILE_SIZE_MAX    ((size_t)4 << 20)
#define TRUST_DOMAIN_KEYS_MAX  100000
#define TRUST_DOMAINS_MAX      10000
#define TRUST_KEY_ISSUERS_MAX  256
#define TRUST_ISSUER_SIZE_MAX  2048
#define TRUST_DOMAIN_NAME_MAX  255
#define TRUST_DOMAIN_FILES_MAX 10000

enum rc snapshot_new(struct trust_snapshot **out);
/* A domain is added once; its number is for snapshot_add_key(). */
enum rc snapshot_add_domain(
    struct trust_snapshot *s, struct bytes name, uint32_t *out, struct why *why);
/*
 * Add a key that may speak for 'issuers' (none: for nobody).  Takes the key, success or not.  The
 * same kid again is the same key (then the issuers are joined), or RC_BAD_KEY.
 */
enum rc snapshot_add_key(struct trust_snapshot *s, uint32_t domain, struct key *key,
    const struct bytes *issuers, size_t issuer_count, struct why *why);
/* What is added from now on comes from the file of that name (printable ASCII, EVENT_SOURCE_MAX). */
enum rc snapshot_source(struct trust_snapshot *s, struct bytes name, struct why *why);
/* Add a key of the domain that signs WITs; it has a kid.  Takes the key, success or not. */
enum rc snapshot_add_wit_key(
    struct trust_snapshot *s, uint32_t domain, struct key *key, struct why *why);
/* CA certificates and CRLs (after all CAs) in DER, the text of revoked.json, the facts of a SPIFFE
 * bundle (text: the file; empty: it has no key at all).  RC_BAD_KEY as anchors.h says, or for a
 * second bundle. */
enum rc snapshot_add_ca(
    struct trust_snapshot *s, uint32_t domain, struct bytes der, struct why *why);
enum rc snapshot_add_crl(
    struct trust_snapshot *s, uint32_t domain, struct bytes der, struct why *why);
enum rc snapshot_set_revoked(
    struct trust_snapshot *s, uint32_t domain, struct bytes text, struct why *why);
enum rc snapshot_set_bundle(struct trust_snapshot *s, uint32_t domain, struct bytes text,
    const uint64_t *sequence, bool empty, struct why *why);
/* For judging: the domain of that name, what it has beside keys, and a WIT key: by kid, or the only
 * one (RC_UNKNOWN_KEY). */
bool snapshot_find_domain(const struct trust_snapshot *s, struct bytes name, uint32_t *domain);
const struct anchors *snapshot_anchors(const struct trust_snapshot *s, uint32_t domain);
enum rc snapshot_find_wit_key(const struct trust_snapshot *s, uint32_t domain, struct bytes kid,
    const struct key **out, struct why *why);
/* Different for any two snapshots: 16 random bytes. */
struct bytes snapshot_id(const struct trust_snapshot *s);
/*
 * Everything that the history should know, as the enrolments and revocations that a new log would
 * get; no 'by', and of one key that several files have several.  Unsorted.  Views as long as the
 * snapshot and the arena live.
 */
enum rc snapshot_facts(const struct trust_snapshot *s, struct arena *arena,
    struct trust_event **out, size_t *count);
size_t snapshot_domains(const struct trust_snapshot *s);
void snapshot_hold(struct trust_snapshot *s); /* one more reference */

/* jwks.c: one JWK set file into a domain.  Adds to '*skipped' the keys of foreign kinds. */
enum rc jwks_read(
    struct trust_snapshot *s, uint32_t domain, struct bytes text, size_t *skipped, struct why *why);
/* A trust domain's name: [a-z0-9._-], not beginning with a dot, at most TRUST_DOMAIN_NAME_MAX. */
bool trust_domain_name_ok(const char *name);

#endif
