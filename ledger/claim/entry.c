/*
 * entry.c - entries as deterministic CBOR: one struct, one byte form, both ways.
 *
 * The form is fixed so tightly that reading and writing again gives the same bytes; fuzz_entry
 * holds us to it.  That matters because the bytes are the Merkle leaf: two spellings of one entry
 * would be two leaves.
 *
 * Invariants, of what is written and of what is accepted:
 *   1. A link has no previous index exactly when its ordinal is 0.
 *   2. parents and foreign links are absent rather than empty, and never longer than a token's
 *      predecessors may be.
 *   3. The "no workflow" sequence is null, never sixteen zero bytes.
 *   4. Head and token together fit ENTRY_SIZE_MAX.
 *   5. Version 2: what was signed says by whom and how that was bound; what was not says neither.
 *
 * Version 1 is only read.  It has the same fields but the evidence, so one reader serves both; what
 * differs is asked of out->version.
 */
#include "claim/entry.h"

#include <string.h>

#include "base/must.h"
#include "base/scbor.h"

#define RULE	    "STORAGE 2 (entry)"
#define FLAGS_1	    ((uint64_t)(ENTRY_DEFERRED | ENTRY_FORWARDED | ENTRY_FOREIGN_PARENT))
#define FLAGS_KNOWN (FLAGS_1 | ENTRY_LOWER_PARENT | ENTRY_BREACH)
#define KEYS_1	    11
#define KEYS_ALWAYS 12
/* Every field but parents, foreign links and the credential, at their longest: 220. */
#define HEAD_FIXED   256
#define HEAD_PARENT  9
#define HEAD_FOREIGN (1 + 17 + 9 + 9)

enum key {
	KEY_VERSION = 1,
	KEY_KIND,
	KEY_RECEIVED,
	KEY_MEDIA,
	KEY_LEVEL,
	KEY_FLAGS,
	KEY_SIGNER,
	KEY_WORKFLOW,
	KEY_ISSUER,
	KEY_PARENTS,
	KEY_FOREIGN,
	KEY_LIMITS,
	KEY_EVIDENCE,
	KEY_TOKEN
};
#define KEY_TOKEN_1 KEY_EVIDENCE

/* ---- what both sides agree on ---- */

static bool
zero_id(const uint8_t id[UUID_SIZE])
{
	static const uint8_t zero[UUID_SIZE];

	return memcmp(id, zero, UUID_SIZE) == 0;
}

static bool
link_ok(const struct entry_link *link)
{
	return (link->ordinal == 0) == (link->previous == ENTRY_NONE);
}

/* An agent's words, or an event of our own? */
static bool
agents(uint64_t kind)
{
	return kind == ENTRY_TOKEN || kind == ENTRY_EQUIVOCATION;
}

/* Version 1 knew five kinds and let its own events say anything of media and level. */
static bool
form_ok(uint64_t version, uint64_t kind, uint64_t media, uint64_t level)
{
	uint64_t most = version == 1 ? ENTRY_TOMBSTONE : ENTRY_EQUIVOCATION;

	if (kind < ENTRY_TOKEN || kind > most || media > TOKEN_PLAIN || level > LEVEL_3)
		return false;
	if (agents(kind))
		return media >= 1 && level >= 1;
	return version == 1 || (media == 0 && level == 0);
}

static uint64_t
flags_known(uint64_t version)
{
	return version == 1 ? FLAGS_1 : FLAGS_KNOWN;
}

/* Signer and evidence: of what was signed, and of nothing else. */
static bool
evidence_ok(const struct entry *e)
{
	bool is_signed = agents((uint64_t)e->kind) && e->level > LEVEL_1;

	if (e->has_signer != is_signed)
		return false;
	if (is_signed)
		return e->binding >= 1 && e->binding <= ENTRY_BINDING_MAX;
	return e->binding == 0 && e->anchor == ENTRY_NONE && e->credential.n == 0;
}

/* Lists that belong to the kind: an equivocation's one parent is what holds the id. */
static bool
lists_ok(const struct entry *e)
{
	if (e->parent_count > CLAIM_PRED_MAX || e->foreign_count > CLAIM_PRED_MAX)
		return false;
	if (e->version == 1 || e->kind == ENTRY_TOKEN)
		return true;
	return e->foreign_count == 0 && e->parent_count == (e->kind == ENTRY_EQUIVOCATION);
}

static bool
entry_ok(const struct entry *e)
{
	if (!form_ok(e->version, (uint64_t)e->kind, (uint64_t)e->media, (uint64_t)e->level))
		return false;
	if ((e->flags & ~flags_known(e->version)) != 0 || !link_ok(&e->workflow) ||
	    !link_ok(&e->issuer))
		return false;
	if (!lists_ok(e) || (e->version != 1 && !evidence_ok(e)))
		return false;
	for (size_t i = 0; i < e->parent_count; i++)
		if (e->parents[i] == ENTRY_NONE)
			return false;
	for (size_t i = 0; i < e->foreign_count; i++)
		if (!link_ok(&e->foreign[i].link) ||
		    (e->foreign[i].has_wid && zero_id(e->foreign[i].wid)))
			return false;
	return true;
}

static size_t
key_count(const struct entry *e)
{
	size_t n = e->version == 1 ? KEYS_1 : KEYS_ALWAYS;

	if (e->parent_count > 0)
		n++;
	if (e->foreign_count > 0)
		n++;
	return n;
}

/* ---- writing ---- */

static void
put_number(struct buf *b, enum key key, uint64_t v)
{
	scbor_put_uint(b, (uint64_t)key);
	scbor_put_uint(b, v);
}

static void
put_link(struct buf *b, const struct entry_link *link)
{
	scbor_put_uint(b, link->ordinal);
	if (link->previous == ENTRY_NONE)
		scbor_put_null(b);
	else
		scbor_put_uint(b, link->previous);
}

static void
put_links(struct buf *b, const struct entry *e)
{
	scbor_put_uint(b, KEY_WORKFLOW);
	scbor_put_array(b, 2);
	put_link(b, &e->workflow);
	scbor_put_uint(b, KEY_ISSUER);
	scbor_put_array(b, 2);
	put_link(b, &e->issuer);
}

static void
put_parents(struct buf *b, const struct entry *e)
{
	if (e->parent_count == 0)
		return;
	scbor_put_uint(b, KEY_PARENTS);
	scbor_put_array(b, e->parent_count);
	for (size_t i = 0; i < e->parent_count; i++)
		scbor_put_uint(b, e->parents[i]);
}

static void
put_foreign(struct buf *b, const struct entry *e)
{
	const struct entry_foreign *f = NULL;

	if (e->foreign_count == 0)
		return;
	scbor_put_uint(b, KEY_FOREIGN);
	scbor_put_array(b, e->foreign_count);
	for (size_t i = 0; i < e->foreign_count; i++) {
		f = &e->foreign[i];
		scbor_put_array(b, 3);
		if (f->has_wid)
			scbor_put_bytes(b, bytes_of(f->wid, UUID_SIZE));
		else
			scbor_put_null(b);
		put_link(b, &f->link);
	}
}

static void
put_signer(struct buf *b, const struct entry *e)
{
	scbor_put_uint(b, KEY_SIGNER);
	if (e->has_signer)
		scbor_put_bytes(b, bytes_of(e->signer.b, HASH_SIZE));
	else
		scbor_put_null(b);
}

static void
put_evidence(struct buf *b, const struct entry *e)
{
	scbor_put_uint(b, KEY_EVIDENCE);
	scbor_put_array(b, 3);
	scbor_put_uint(b, e->binding);
	if (e->anchor == ENTRY_NONE)
		scbor_put_null(b);
	else
		scbor_put_uint(b, e->anchor);
	if (e->credential.n == 0)
		scbor_put_null(b);
	else
		scbor_put_bytes(b, e->credential);
}

enum rc
entry_write_head(const struct entry *in, struct arena *arena, struct bytes *head)
{
	struct entry e = *in;
	size_t room;
	struct buf b = {0};
	uint8_t *mem = NULL;

	e.version = ENTRY_VERSION;
	must(entry_ok(&e));
	if (e.token.n > ENTRY_SIZE_MAX || e.credential.n > ENTRY_SIZE_MAX)
		return RC_TOO_LARGE;
	room = HEAD_FIXED + e.parent_count * HEAD_PARENT + e.foreign_count * HEAD_FOREIGN +
	       e.credential.n;
	if ((mem = arena_alloc(arena, room)) == NULL)
		return RC_NO_MEMORY;
	/* A buffer that lies in the arena and is large enough never asks the heap. */
	b = (struct buf){.p = mem, .room = room, .max = room};

	scbor_put_map(&b, key_count(&e));
	put_number(&b, KEY_VERSION, ENTRY_VERSION);
	put_number(&b, KEY_KIND, (uint64_t)e.kind);
	put_number(&b, KEY_RECEIVED, e.received_at_ms);
	put_number(&b, KEY_MEDIA, (uint64_t)e.media);
	put_number(&b, KEY_LEVEL, (uint64_t)e.level);
	put_number(&b, KEY_FLAGS, e.flags);
	put_signer(&b, &e);
	put_links(&b, &e);
	put_parents(&b, &e);
	put_foreign(&b, &e);
	scbor_put_uint(&b, KEY_LIMITS);
	scbor_put_bytes(&b, bytes_of(e.limits, ENTRY_LIMITS_SIZE));
	put_evidence(&b, &e);
	scbor_put_uint(&b, KEY_TOKEN);
	scbor_put_bytes_head(&b, e.token.n);
	must(!b.bad && b.p == mem);

	if (b.n + e.token.n > ENTRY_SIZE_MAX)
		return RC_TOO_LARGE;
	*head = buf_bytes(&b);
	return RC_OK;
}

/* ---- reading ---- */

struct reader {
	struct scbor in;
	struct arena *arena;
	struct why *why;
	size_t keys; /* what the map announced */
};

static enum rc
refuse(struct reader *r, const char *field)
{
	return why_set(
	    r->why, RC_CORRUPT, RULE, field, r->in.at, "%s: not the one accepted form", field);
}

static bool
key_is(struct reader *r, enum key key)
{
	uint64_t v = 0;

	return scbor_uint(&r->in, &v) && v == (uint64_t)key;
}

static bool
get_number(struct reader *r, enum key key, uint64_t *v)
{
	return key_is(r, key) && scbor_uint(&r->in, v);
}

static bool
get_signer(struct reader *r, struct entry *out)
{
	struct bytes v = BYTES_NONE;

	if (!key_is(r, KEY_SIGNER))
		return false;
	if (out->version != 1 && scbor_peek(&r->in) == SCBOR_NULL)
		return scbor_null(&r->in);
	if (!scbor_bytes(&r->in, &v) || v.n != HASH_SIZE)
		return false;
	memcpy(out->signer.b, v.p, HASH_SIZE);
	out->has_signer = true;
	return true;
}

/* An index, or null for none. */
static bool
get_index(struct reader *r, uint64_t *index)
{
	*index = ENTRY_NONE;
	if (scbor_peek(&r->in) == SCBOR_NULL)
		return scbor_null(&r->in);
	return scbor_uint(&r->in, index) && *index != ENTRY_NONE;
}

/* Key 13 of version 2; none in version 1. */
static bool
get_evidence(struct reader *r, struct entry *out)
{
	uint64_t binding = 0;
	size_t n = 0;

	out->anchor = ENTRY_NONE;
	if (out->version == 1)
		return true;
	if (!key_is(r, KEY_EVIDENCE) || !scbor_array(&r->in, &n) || n != 3 ||
	    !scbor_uint(&r->in, &binding) || binding > ENTRY_BINDING_MAX ||
	    !get_index(r, &out->anchor))
		return false;
	out->binding = (unsigned)binding;
	if (scbor_peek(&r->in) == SCBOR_NULL)
		return scbor_null(&r->in);
	return scbor_bytes(&r->in, &out->credential) && out->credential.n > 0;
}

static bool
get_link(struct reader *r, struct entry_link *link)
{
	if (!scbor_uint(&r->in, &link->ordinal))
		return false;
	if (link->ordinal == 0) {
		link->previous = ENTRY_NONE;
		return scbor_null(&r->in);
	}
	return scbor_uint(&r->in, &link->previous) && link->previous != ENTRY_NONE;
}

static bool
get_pair(struct reader *r, enum key key, struct entry_link *link)
{
	size_t n = 0;

	return key_is(r, key) && scbor_array(&r->in, &n) && n == 2 && get_link(r, link);
}

static bool
get_foreign_one(struct reader *r, struct entry_foreign *f)
{
	struct bytes wid = BYTES_NONE;
	size_t n = 0;

	memset(f, 0, sizeof *f);
	if (!scbor_array(&r->in, &n) || n != 3)
		return false;
	if (scbor_peek(&r->in) == SCBOR_NULL)
		return scbor_null(&r->in) && get_link(r, &f->link);
	if (!scbor_bytes(&r->in, &wid) || wid.n != UUID_SIZE || zero_id(wid.p))
		return false;
	memcpy(f->wid, wid.p, UUID_SIZE);
	f->has_wid = true;
	return get_link(r, &f->link);
}

static bool
get_count(struct reader *r, size_t *n)
{
	return scbor_array(&r->in, n) && *n >= 1 && *n <= CLAIM_PRED_MAX;
}

static enum rc
get_parents(struct reader *r, struct entry *out)
{
	uint64_t *list = NULL;
	size_t n = 0;

	if (!get_count(r, &n))
		return refuse(r, "parents");
	if ((list = arena_alloc(r->arena, n * sizeof *list)) == NULL)
		return RC_NO_MEMORY;
	for (size_t i = 0; i < n; i++)
		if (!scbor_uint(&r->in, &list[i]) || list[i] == ENTRY_NONE)
			return refuse(r, "parents");
	out->parents = list;
	out->parent_count = n;
	return RC_OK;
}

static enum rc
get_foreign(struct reader *r, struct entry *out)
{
	struct entry_foreign *list = NULL;
	size_t n = 0;

	if (!get_count(r, &n))
		return refuse(r, "foreign links");
	if ((list = arena_alloc(r->arena, n * sizeof *list)) == NULL)
		return RC_NO_MEMORY;
	for (size_t i = 0; i < n; i++)
		if (!get_foreign_one(r, &list[i]))
			return refuse(r, "foreign links");
	out->foreign = list;
	out->foreign_count = n;
	return RC_OK;
}

/* Keys 10 and 11, each there or not; leaves the reader behind key 12's number.  The announced count
 * must fit. */
static enum rc
get_optional(struct reader *r, struct entry *out)
{
	uint64_t key = 0;
	enum rc rc = RC_OK;

	if (!scbor_uint(&r->in, &key))
		return refuse(r, "parents");
	if (key == KEY_PARENTS) {
		if ((rc = get_parents(r, out)) != RC_OK)
			return rc;
		if (!scbor_uint(&r->in, &key))
			return refuse(r, "foreign links");
	}
	if (key == KEY_FOREIGN) {
		if ((rc = get_foreign(r, out)) != RC_OK)
			return rc;
		if (!scbor_uint(&r->in, &key))
			return refuse(r, "limits");
	}
	if (key != KEY_LIMITS || r->keys != key_count(out))
		return refuse(r, "limits");
	return RC_OK;
}

static enum rc
get_numbers(struct reader *r, struct entry *out)
{
	uint64_t version = 0, kind = 0, media = 0, level = 0;

	if (!scbor_map(&r->in, &r->keys))
		return refuse(r, "map");
	if (!get_number(r, KEY_VERSION, &version) || version < 1 || version > ENTRY_VERSION)
		return refuse(r, "version");
	out->version = (unsigned)version;
	if (!get_number(r, KEY_KIND, &kind))
		return refuse(r, "kind");
	if (!get_number(r, KEY_RECEIVED, &out->received_at_ms))
		return refuse(r, "received_at");
	if (!get_number(r, KEY_MEDIA, &media))
		return refuse(r, "media");
	if (!get_number(r, KEY_LEVEL, &level) || !form_ok(version, kind, media, level))
		return refuse(r, "kind, media or level");
	if (!get_number(r, KEY_FLAGS, &out->flags) || (out->flags & ~flags_known(version)) != 0)
		return refuse(r, "flags");
	out->kind = (enum entry_kind)kind;
	out->media = (enum token_media)media;
	out->level = (enum token_level)level;
	return RC_OK;
}

/* Everything before the token's bytes; its announced size in out->token.n. */
static enum rc
read_head(struct reader *r, struct entry *out)
{
	struct bytes limits = BYTES_NONE;
	uint64_t size = 0;
	enum rc rc = RC_OK;

	memset(out, 0, sizeof *out);
	if ((rc = get_numbers(r, out)) != RC_OK)
		return rc;
	if (!get_signer(r, out))
		return refuse(r, "signer");
	if (!get_pair(r, KEY_WORKFLOW, &out->workflow))
		return refuse(r, "workflow link");
	if (!get_pair(r, KEY_ISSUER, &out->issuer))
		return refuse(r, "issuer link");
	if ((rc = get_optional(r, out)) != RC_OK)
		return rc;
	if (!scbor_bytes(&r->in, &limits) || limits.n != ENTRY_LIMITS_SIZE)
		return refuse(r, "limits");
	memcpy(out->limits, limits.p, ENTRY_LIMITS_SIZE);
	if (!get_evidence(r, out))
		return refuse(r, "evidence");
	if (!key_is(r, out->version == 1 ? KEY_TOKEN_1 : KEY_TOKEN) ||
	    !scbor_bytes_head(&r->in, &size))
		return refuse(r, "token");
	if (size > ENTRY_SIZE_MAX || r->in.at + size > ENTRY_SIZE_MAX)
		return refuse(r, "token");
	out->token.n = (size_t)size;
	/* Each field is of its form; do they go together? */
	return entry_ok(out) ? RC_OK : refuse(r, "fields that go together");
}

static void
reader_init(struct reader *r, struct bytes raw, struct arena *arena, struct why *why)
{
	*r = (struct reader){.arena = arena, .why = why};
	scbor_init(&r->in, raw);
}

enum rc
entry_read(struct bytes raw, struct arena *arena, struct entry *out, struct why *why)
{
	struct reader r;
	enum rc rc = RC_OK;

	must(raw.p != NULL || raw.n == 0);
	reader_init(&r, raw, arena, why);
	if (raw.n > ENTRY_SIZE_MAX)
		return refuse(&r, "entry size");
	if ((rc = read_head(&r, out)) != RC_OK)
		return rc;
	if (raw.n - r.in.at != out->token.n)
		return refuse(&r, "token");
	out->token.p = raw.p + r.in.at;
	return RC_OK;
}

enum rc
entry_read_head(struct bytes head, struct arena *arena, struct entry *out, struct why *why)
{
	struct reader r;
	enum rc rc = RC_OK;

	must(head.p != NULL || head.n == 0);
	reader_init(&r, head, arena, why);
	if ((rc = read_head(&r, out)) != RC_OK)
		return rc;
	if (r.in.at != head.n)
		return refuse(&r, "head");
	return RC_OK;
}

void
entry_leaf_hash(struct bytes head, struct bytes token, struct hash *leaf)
{
	static const uint8_t zero = 0; /* RFC 9162 2.1.1: leaves are prefixed with 0x00 */
	struct bytes parts[3] = {{&zero, 1}, head, token};

	hash_of_parts(parts, 3, leaf);
}
