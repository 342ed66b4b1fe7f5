/*
 * event.h - a change to the keys that a log trusts, as the bytes of a key entry.
 *
 * Deterministic CBOR, one map with ascending keys; members that do not apply are absent.  The reader
 * accepts exactly what the writer makes.  docs/STORAGE.md has the table.  6, 7, 8 and 12 belong to an
 * enrolment or a change; 9 to a revocation, which always has it.
 *
 *   1 action    uint, enum event_action
 *   2 subject   uint, enum event_subject
 *   3 domain    tstr, the trust domain
 *   4 id        bstr 32: thumbprint of a key, SHA-256 of a certificate's DER, of a bundle's or CRL's bytes
 *   5 kid       tstr
 *   6 material  bstr: a key's public JWK (its required members, RFC 7638 form) or a certificate's DER,
 *               so that signatures are checked from the log alone
 *   7 issuers   [tstr...], whom the key may speak for; sorted, none twice
 *   8 use       tstr: "wit-svid", "x509-svid"; absent for a key that signs tokens
 *   9 since     uint, seconds: revocations, when it holds from
 *  10 reason    tstr
 *  11 by        tstr: the operator's identity, or "folder" for a change found in the trust folder
 *  12 sequence  uint, spiffe_sequence
 *  13 source    tstr: name of the file in the domain's folder
 */
#ifndef TRUST_EVENT_H
#define TRUST_EVENT_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/rc.h"

#define EVENT_SIZE_MAX	      16384
#define EVENT_KID_MAX	      128
#define EVENT_REASON_MAX      256
#define EVENT_BY_MAX	      2048
#define EVENT_SOURCE_MAX      255
#define EVENT_JWK_MAX	      256 /* a key's material */
#define EVENT_ISSUERS_MAX     256
#define EVENT_ISSUER_SIZE_MAX 2048
#define EVENT_ISSUERS_SIZE_MAX 11264 /* joined; a trust folder with more for one key is refused */

enum event_action {
	EVENT_ENROLL = 1,   /* first seen, or there again after a withdrawal */
	EVENT_CHANGE = 2,   /* same id, other kid, issuers, use or source */
	EVENT_WITHDRAW = 3, /* gone from the trust folder: good until now, not from now on */
	EVENT_REVOKE = 4,   /* not good since 'since', which may lie in the past: stolen then */
	EVENT_REINSTATE = 5 /* the revocation is taken back */
};
enum event_subject { EVENT_KEY = 1, EVENT_CA = 2, EVENT_BUNDLE = 3, EVENT_CRL = 4 };

struct trust_event {
	enum event_action action;
	enum event_subject subject;
	struct bytes domain;
	struct hash id;
	struct bytes kid, material;
	const struct bytes *issuers;
	size_t issuer_count;
	struct bytes use;
	bool has_since;
	int64_t since; /* seconds */
	struct bytes reason, by, source;
	bool has_sequence;
	uint64_t sequence;
};

/* Bytes in the arena.  RC_TOO_LARGE over EVENT_SIZE_MAX, RC_NO_MEMORY.  An event of the wrong shape
 * (an id that is not the material's hash, issuers out of order...) is the caller's fault. */
enum rc event_write(const struct trust_event *e, struct arena *arena, struct bytes *out);
/* Views into 'raw' and the arena.  RC_CORRUPT for anything but the one accepted form. */
enum rc event_read(struct bytes raw, struct arena *arena, struct trust_event *out, struct why *why);
/* The event as one JSON object, for people and answers: action and subject by name, id base64url. */
enum rc event_json(const struct trust_event *e, struct buf *out);
const char *event_action_name(enum event_action a);
const char *event_subject_name(enum event_subject s);

#endif
