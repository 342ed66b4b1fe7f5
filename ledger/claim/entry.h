/*
 * entry.h - what the log stores for one token or one event of its own: deterministic CBOR whose bytes
 * are the Merkle leaf.
 *
 * A definite map with ascending small unsigned keys (RFC 8949 4.2.1), the token bytes last, so that
 *     entry = head + token bytes
 * and a receipt for somebody who holds the token need carry the head only.  docs/STORAGE.md has
 * it byte by byte.
 *
 * Version 2, which is written; version 1, of logs that began with format 1, is read too (it has no
 * key 13, its token is key 13, and signer is never null).
 *
 *   1 version        uint, 2
 *   2 kind           uint, enum entry_kind
 *   3 received_at    uint, ms since 1970; never decreasing within a log
 *   4 media          uint, enum token_media
 *   5 level          uint
 *   6 flags          uint, enum entry_flags
 *   7 signer         bstr 32, RFC 7638 thumbprint of the key that verified; null: nobody signed (L1,
 *                    key entries)
 *   8 workflow link  [ordinal, previous index or null]
 *   9 issuer link    [ordinal, previous index or null]
 *  10 parents        [index...] in the order of the token's predecessors; absent when none
 *  11 foreign links  [[wid bstr 16 or null, ordinal, previous index or null]...]; absent when
 *                    none: one per other sequence that a predecessor belongs to (null wid: the
 *                    "no workflow" sequence), in order of first mention
 *  12 limits         bstr 8: first bytes of the SHA-256 of the limits in force
 *                    (policy_limits_digest)
 *  13 evidence       [binding, anchor index, credential]: how the signer was bound (enum trust_binding
 *                    as a number; 0: not signed), the key entry that enrolled what it leads to (null:
 *                    none), and what came beside the token and is needed to check it again (bstr: WIT
 *                    or DER chain; null: nothing)
 *  14 token          bstr, verbatim: the token, the key event (trust/event.h), or the refused token
 *                    of an equivocation
 *
 * What links mean depends on the kind: a token's are its workflow's and its issuer's; a key entry's
 * are those of all key entries and of the trust domain's; an equivocation's those of all
 * equivocations and of the issuer's.  An equivocation's one parent is the entry that holds the id.
 *
 * What goes together, in version 2: kinds 1 and 6 have a media and a level; above level 1 they have
 * a signer and a binding from 1 on.  At level 1 signer, anchor and credential are null and the
 * binding is 0; so they are in the log's own events, whose media and level are 0.  Parents and
 * foreign links are a token's; an equivocation has one parent and no foreign link, an event neither.
 *
 * The reader accepts exactly what the writer makes.  At most ENTRY_SIZE_MAX bytes (the C2SP entry
 * bundle's bound).
 */
#ifndef CLAIM_ENTRY_H
#define CLAIM_ENTRY_H

#include "base/bytes.h"
#include "base/hash.h"
#include "base/text.h"
#include "claim/claim.h"

#define ENTRY_SIZE_MAX	  65535
#define ENTRY_VERSION	  2
#define ENTRY_NONE	  UINT64_MAX /* no previous index */
#define ENTRY_LIMITS_SIZE 8
#define ENTRY_BINDING_MAX 3 /* enum trust_binding */

enum entry_kind {
	ENTRY_TOKEN = 1,
	ENTRY_KEY = 2,
	ENTRY_POLICY = 3,
	ENTRY_DESCRIPTOR = 4,
	ENTRY_TOMBSTONE = 5,
	ENTRY_EQUIVOCATION = 6
};
enum entry_flags {
	ENTRY_DEFERRED = 1,
	ENTRY_FORWARDED = 2,
	ENTRY_FOREIGN_PARENT = 4,
	ENTRY_LOWER_PARENT = 8, /* some ancestor is L1: what the chain says is no better than that */
	ENTRY_BREACH = 16 /* a token that does not meet its kind's row, by the policy document in force at it */
};

struct entry_link {
	uint64_t ordinal;  /* how many of the sequence came before */
	uint64_t previous; /* ENTRY_NONE for the first */
};

struct entry_foreign {
	bool has_wid;
	uint8_t wid[UUID_SIZE];
	struct entry_link link;
};

struct entry {
	enum entry_kind kind;
	uint64_t received_at_ms;
	enum token_media media;
	enum token_level level;
	uint64_t flags;
	struct hash signer;
	struct entry_link workflow, issuer;
	const uint64_t *parents;
	size_t parent_count;
	const struct entry_foreign *foreign;
	size_t foreign_count;
	uint8_t limits[ENTRY_LIMITS_SIZE];
	unsigned version;       /* as read; writing is always ENTRY_VERSION */
	bool has_signer;
	unsigned binding;       /* enum trust_binding; 0: not signed, or version 1 */
	uint64_t anchor;        /* ENTRY_NONE: none */
	struct bytes credential;
	struct bytes token;
};

/* Write the head (everything up to and including the token's byte-string head) to 'head';
 * entry = head + token.
 * RC_TOO_LARGE when head + token passes ENTRY_SIZE_MAX. */
enum rc entry_write_head(const struct entry *entry, struct arena *arena, struct bytes *head);
/* Read whole entry bytes; views into 'raw' and the arena.  RC_CORRUPT for anything but the one
 * accepted form. */
enum rc entry_read(struct bytes raw, struct arena *arena, struct entry *out, struct why *why);
/* Read a head alone (as a receipt carries it); out->token has n = the announced token size and p
 * NULL. */
enum rc entry_read_head(struct bytes head, struct arena *arena, struct entry *out, struct why *why);
/* RFC 9162 leaf hash of head + token without joining them; 'token' empty when 'head' is the
 * whole entry. */
void entry_leaf_hash(struct bytes head, struct bytes token, struct hash *leaf);

#endif
