/*
 * vkey.c - verifier keys in the C2SP text form: "name+8hex+base64(type || key)".
 *
 * The id is derived from the rest, so it is recomputed: a vkey whose parts do not fit was mistyped
 * or tampered with.
 */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "base/text.h"
#include "seal/note_lines.h"
#include "seal/sigcheck.h"

static const char RULE[] = "C2SP signed-note (verifier keys)";

/* First four bytes of SHA-256(name || LF || type || key). */
static uint32_t
key_id(struct bytes name, uint8_t type, const uint8_t key[32])
{
	uint8_t middle[2] = {'\n', type};
	struct bytes parts[3] = {name, bytes_of(middle, 2), bytes_of(key, 32)};
	struct hash h;

	hash_of_parts(parts, 3, &h);
	return get_u32(h.b);
}

void
vkey_make(const char *name, uint8_t type, const uint8_t key[32], struct vkey *out)
{
	size_t n = strlen(name);

	must(note_name_ok(bytes_str(name)) && n <= NOTE_NAME_MAX);
	must(type == NOTE_ED25519 || type == NOTE_COSIGNATURE);
	memset(out, 0, sizeof(*out));
	memcpy(out->name, name, n);
	out->type = type;
	memcpy(out->key, key, 32);
	out->id = key_id(bytes_str(name), type, key);
}

enum rc
vkey_parse(struct bytes text, struct vkey *out, struct why *why)
{
	const uint8_t *plus, *second;
	struct bytes name, hex, b64;
	uint8_t raw[64], id[4];
	size_t n;

	memset(out, 0, sizeof(*out));
	plus = text.n == 0 ? NULL : memchr(text.p, '+', text.n);
	if (plus == NULL)
		return why_set(why, RC_BAD_KEY, RULE, NULL, 0, "not name+id+key");
	name = bytes_of(text.p, (size_t)(plus - text.p));
	second = memchr(plus + 1, '+', text.n - name.n - 1);
	if (second == NULL)
		return why_set(why, RC_BAD_KEY, RULE, NULL, name.n, "not name+id+key");
	hex = bytes_of(plus + 1, (size_t)(second - plus - 1));
	b64 = bytes_of(second + 1, text.n - name.n - hex.n - 2);
	if (!note_name_ok(name) || name.n > NOTE_NAME_MAX)
		return why_set(why, RC_BAD_KEY, RULE, "name", 0,
		    "the name is empty, too long, or has a space or control in it");
	if (hex.n != 8 || !hex_decode(hex, id, sizeof(id), &n))
		return why_set(why, RC_BAD_KEY, RULE, "id", name.n + 1,
		    "the id is not 8 lower-case hex digits");
	if (!b64_decode(b64, raw, sizeof(raw), &n) || n != 33)
		return why_set(why, RC_BAD_KEY, RULE, "key", name.n + 10,
		    "not base64 of a type byte and 32 bytes of key");
	if (raw[0] != NOTE_ED25519 && raw[0] != NOTE_COSIGNATURE)
		return why_set(why, RC_BAD_KEY, RULE, "type", name.n + 10,
		    "key type %02x is not supported", raw[0]);
	if (!sigcheck_ed25519_key_ok(raw + 1))
		return why_set(why, RC_BAD_KEY, "RFC 8032 (small order)", "key", name.n + 10,
		    "a key of small order proves nothing");
	if (key_id(name, raw[0], raw + 1) != get_u32(id))
		return why_set(why, RC_BAD_KEY, RULE, "id", name.n + 1,
		    "the id does not belong to this name and key");
	memcpy(out->name, name.p, name.n);
	out->id = get_u32(id);
	out->type = raw[0];
	memcpy(out->key, raw + 1, 32);
	return RC_OK;
}

size_t
vkey_text(const struct vkey *k, char *out, size_t room)
{
	uint8_t raw[33];
	char b64[B64_ROOM(33)];
	int n;

	raw[0] = k->type;
	memcpy(raw + 1, k->key, 32);
	b64_encode(bytes_of(raw, sizeof(raw)), b64);
	n = snprintf(out, room, "%s+%08x+%s", k->name, k->id, b64);
	return n > 0 && (size_t)n < room ? (size_t)n : 0;
}
