/*
 * own_event.h - what the log writes of its own beside keys: a policy document that comes into force, and
 * the descriptor of a workflow.
 *
 * The payload (the "token") of entries of kind ENTRY_POLICY and ENTRY_DESCRIPTOR: a definite map with
 * ascending small unsigned keys (RFC 8949 4.2.1), all of them there.  One event has one spelling, and
 * the reader accepts exactly what the writer makes.  docs/STORAGE.md has the table.
 *
 *   policy      1 by  tstr: the operator's identity, or "file" for the file that the configuration names
 *               2 document  bstr, 1 to OWN_DOCUMENT_MAX bytes, verbatim (policy/doc.h)
 *   descriptor  1 by  tstr: identity of who registered it; "loopback" for one without
 *               2 wid  bstr 16
 *               3 media  uint, enum own_media
 *               4 descriptor  bstr, 1 to OWN_DESCRIPTOR_MAX bytes, verbatim
 *
 * What stands in the document or descriptor is not judged here.
 */
#ifndef CLAIM_OWN_EVENT_H
#define CLAIM_OWN_EVENT_H

#include "base/arena.h"
#include "base/rc.h"
#include "base/text.h"

#define OWN_DOCUMENT_MAX   49152
#define OWN_DESCRIPTOR_MAX 49152
#define OWN_BY_MAX	   2048 /* as key events' */

enum own_media { OWN_JSON = 0, OWN_CBOR = 1 };

struct own_policy {
	struct bytes by, document;
};
struct own_descriptor {
	struct bytes by;
	uint8_t wid[UUID_SIZE];
	enum own_media media;
	struct bytes descriptor;
};

/* Bytes in the arena.  RC_NO_MEMORY; sizes, and text that is not UTF-8, are the caller's fault. */
enum rc own_policy_write(const struct own_policy *e, struct arena *arena, struct bytes *out);
enum rc own_descriptor_write(const struct own_descriptor *e, struct arena *arena, struct bytes *out);
/* Views into 'raw'.  RC_CORRUPT for anything but the one accepted form. */
enum rc own_policy_read(struct bytes raw, struct own_policy *out, struct why *why);
enum rc own_descriptor_read(struct bytes raw, struct own_descriptor *out, struct why *why);
/* May this be the 'by' of an event? */
bool own_by_ok(struct bytes by);
/* An event's bytes as one JSON object, for people and answers: {"by", "digest" (hex), "size", "document"} or
 * {"by", "wid", "media", "digest", "size", "descriptor"}; what was said stands there as it is, CBOR in base64; 'brief'
 * leaves it out.  RC_CORRUPT. */
enum rc own_event_json(bool descriptor, struct bytes raw, bool brief, struct buf *out);
/* "json", "cbor" */
const char *own_media_text(enum own_media media);

#endif
