/*
 * own_event.c - policy and descriptor events: to bytes, from bytes.
 *
 * Every member is always there, so an event is the same few items in the same order, and reading is
 * writing backwards.  What is written is judged by the same checks as what is read.
 */
#include "claim/own_event.h"

#include <string.h>

#include "base/hash.h"
#include "base/must.h"
#include "base/scbor.h"

enum { KEY_BY = 1, KEY_DOCUMENT = 2 };
enum { KEY_WID = 2, KEY_MEDIA, KEY_DESCRIPTOR };

bool
own_by_ok(struct bytes by)
{
	/* No NUL: our JSON has none. */
	return by.n > 0 && by.n <= OWN_BY_MAX && utf8_ok(by) && memchr(by.p, 0, by.n) == NULL;
}

const char *
own_media_text(enum own_media media)
{
	return media == OWN_CBOR ? "cbor" : "json";
}

static bool
size_ok(struct bytes x, size_t max)
{
	return x.n > 0 && x.n <= max;
}

/* ---- written ---- */

static void
put_by(struct buf *b, size_t members, struct bytes by)
{
	scbor_put_map(b, members);
	scbor_put_uint(b, KEY_BY);
	scbor_put_text(b, by);
}

static void
put_bytes(struct buf *b, uint64_t key, struct bytes x)
{
	scbor_put_uint(b, key);
	scbor_put_bytes(b, x);
}

static enum rc
keep(struct buf *b, struct arena *arena, struct bytes *out)
{
	enum rc rc = buf_rc(b);

	if (rc == RC_OK && !arena_dup(arena, buf_bytes(b), out))
		rc = RC_NO_MEMORY;
	buf_release(b);
	return rc;
}

enum rc
own_policy_write(const struct own_policy *e, struct arena *arena, struct bytes *out)
{
	struct buf b;

	must(own_by_ok(e->by) && size_ok(e->document, OWN_DOCUMENT_MAX));
	buf_init(&b, 0);
	put_by(&b, 2, e->by);
	put_bytes(&b, KEY_DOCUMENT, e->document);
	return keep(&b, arena, out);
}

enum rc
own_descriptor_write(const struct own_descriptor *e, struct arena *arena, struct bytes *out)
{
	struct buf b;

	must(own_by_ok(e->by) && size_ok(e->descriptor, OWN_DESCRIPTOR_MAX));
	must(e->media == OWN_JSON || e->media == OWN_CBOR);
	buf_init(&b, 0);
	put_by(&b, 4, e->by);
	put_bytes(&b, KEY_WID, bytes_of(e->wid, UUID_SIZE));
	scbor_put_uint(&b, KEY_MEDIA);
	scbor_put_uint(&b, e->media);
	put_bytes(&b, KEY_DESCRIPTOR, e->descriptor);
	return keep(&b, arena, out);
}

/* ---- for people ---- */

/* A digest and a size stand for what was said; where it is to be seen, it is JSON itself or base64. */
static void
add_said(struct buf *out, struct bytes said, const char *name, bool json, bool brief)
{
	struct hash h;

	hash_of(said, &h);
	buf_add_str(out, ",\"digest\":\"");
	buf_add_hex(out, bytes_of(h.b, HASH_SIZE));
	buf_addf(out, "\",\"size\":%zu", said.n);
	if (brief)
		return;
	buf_addf(out, ",\"%s\":%s", name, json ? "" : "\"");
	if (json)
		buf_add_bytes(out, said);
	else
		buf_add_b64(out, said);
	buf_add_str(out, json ? "" : "\"");
}

static enum rc
policy_json(struct bytes raw, bool brief, struct buf *out)
{
	struct own_policy e;
	enum rc rc = own_policy_read(raw, &e, NULL);

	if (rc != RC_OK)
		return rc;
	buf_add_str(out, "{\"by\":");
	buf_add_json(out, e.by);
	add_said(out, e.document, "document", true, brief);
	buf_add_str(out, "}");
	return buf_rc(out);
}

enum rc
own_event_json(bool descriptor, struct bytes raw, bool brief, struct buf *out)
{
	struct own_descriptor e;
	char wid[UUID_TEXT_SIZE];
	enum rc rc;

	if (!descriptor)
		return policy_json(raw, brief, out);
	if ((rc = own_descriptor_read(raw, &e, NULL)) != RC_OK)
		return rc;
	buf_add_str(out, "{\"by\":");
	buf_add_json(out, e.by);
	uuid_text(e.wid, wid);
	buf_addf(out, ",\"wid\":\"%s\",\"media\":\"%s\"", wid, own_media_text(e.media));
	add_said(out, e.descriptor, "descriptor", e.media == OWN_JSON, brief);
	buf_add_str(out, "}");
	return buf_rc(out);
}

/* ---- read ---- */

static bool
key_is(struct scbor *r, uint64_t want)
{
	uint64_t key;

	return scbor_uint(r, &key) && key == want;
}

static bool
read_by(struct scbor *r, size_t members, struct bytes *by)
{
	size_t count;

	return scbor_map(r, &count) && count == members && key_is(r, KEY_BY) && scbor_text(r, by) &&
	       own_by_ok(*by);
}

static bool
read_bytes(struct scbor *r, uint64_t key, size_t max, struct bytes *out)
{
	return key_is(r, key) && scbor_bytes(r, out) && size_ok(*out, max);
}

enum rc
own_policy_read(struct bytes raw, struct own_policy *out, struct why *why)
{
	struct scbor r;

	*out = (struct own_policy){0};
	scbor_init(&r, raw);
	if (read_by(&r, 2, &out->by) &&
	    read_bytes(&r, KEY_DOCUMENT, OWN_DOCUMENT_MAX, &out->document) && scbor_done(&r))
		return RC_OK;
	return why_set(why, RC_CORRUPT, "policy event", NULL, r.at, "not of the one form");
}

static bool
read_wid(struct scbor *r, uint8_t wid[UUID_SIZE])
{
	struct bytes x;

	if (!read_bytes(r, KEY_WID, UUID_SIZE, &x) || x.n != UUID_SIZE)
		return false;
	memcpy(wid, x.p, UUID_SIZE);
	return true;
}

static bool
read_media(struct scbor *r, enum own_media *out)
{
	uint64_t media;

	if (!key_is(r, KEY_MEDIA) || !scbor_uint(r, &media) || media > OWN_CBOR)
		return false;
	*out = (enum own_media)media;
	return true;
}

enum rc
own_descriptor_read(struct bytes raw, struct own_descriptor *out, struct why *why)
{
	struct scbor r;

	*out = (struct own_descriptor){0};
	scbor_init(&r, raw);
	if (read_by(&r, 4, &out->by) && read_wid(&r, out->wid) && read_media(&r, &out->media) &&
	    read_bytes(&r, KEY_DESCRIPTOR, OWN_DESCRIPTOR_MAX, &out->descriptor) && scbor_done(&r))
		return RC_OK;
	return why_set(why, RC_CORRUPT, "descriptor event", NULL, r.at, "not of the one form");
}
