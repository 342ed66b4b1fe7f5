/*
 * note.c - C2SP signed notes: text, blank line, signature lines.
 *
 * The note is judged as a whole before any signature is looked at: UTF-8, no controls, well-formed
 * lines up to the last byte.  Then each line of a known key must verify, and at least one must be
 * there; lines of unknown keys say nothing.
 */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "base/text.h"
#include "seal/note_lines.h"
#include "seal/sigcheck.h"

static const char RULE[] = "C2SP signed-note";
static const char DASH[] = "\xE2\x80\x94 ";
#define SIGNATURE_MAX 4096 /* ML-DSA-44 has 2,432 bytes with id and time */

struct signature {
	struct bytes name;
	uint32_t id;
	uint8_t raw[SIGNATURE_MAX];
	size_t size; /* without the id */
};

static bool
no_controls(struct bytes x)
{
	size_t i;

	for (i = 0; i < x.n; i++)
		if (x.p[i] < 0x20 && x.p[i] != '\n')
			return false;
	return true;
}

/* Split at the last blank line: the text itself may have some. */
enum rc
note_split(struct bytes note, struct bytes *body, struct bytes *signatures, struct why *why)
{
	size_t i;

	*body = *signatures = BYTES_NONE;
	if (note.n > NOTE_SIZE_MAX)
		return why_set(
		    why, RC_TOO_LARGE, RULE, NULL, 0, "a note has at most %d bytes", NOTE_SIZE_MAX);
	if (!utf8_ok(note) || !no_controls(note))
		return why_set(
		    why, RC_BAD_PROOF, RULE, NULL, 0, "not UTF-8 without control characters");
	if (note.n == 0 || note.p[note.n - 1] != '\n')
		return why_set(why, RC_BAD_PROOF, RULE, NULL, note.n, "the last line does not end");
	for (i = note.n - 1; i > 0; i--) {
		if (note.p[i] != '\n' || note.p[i - 1] != '\n')
			continue;
		*body = bytes_of(note.p, i);
		*signatures = bytes_of(note.p + i + 1, note.n - i - 1);
		if (signatures->n == 0)
			return why_set(
			    why, RC_BAD_PROOF, RULE, NULL, i, "no signature after the blank line");
		return RC_OK;
	}
	return why_set(why, RC_BAD_PROOF, RULE, NULL, 0, "no blank line before the signatures");
}

/* "— name base64(id || signature)" */
static bool
read_signature(struct bytes line, struct signature *out)
{
	uint8_t raw[4 + SIGNATURE_MAX];
	const uint8_t *space;
	size_t n;

	if (line.n < 4 || memcmp(line.p, DASH, 4) != 0)
		return false;
	line = bytes_of(line.p + 4, line.n - 4);
	space = line.n == 0 ? NULL : memchr(line.p, ' ', line.n);
	if (space == NULL)
		return false;
	out->name = bytes_of(line.p, (size_t)(space - line.p));
	line = bytes_of(space + 1, line.n - out->name.n - 1);
	if (!note_name_ok(out->name) || !b64_decode(line, raw, sizeof(raw), &n) || n < 5)
		return false;
	out->id = get_u32(raw);
	out->size = n - 4;
	memcpy(out->raw, raw + 4, out->size);
	return true;
}

/* Type 4 signs the time and the body; the time comes in front of the signature. */
static bool
verify_cosignature(
    const struct vkey *key, const struct signature *s, struct bytes body, uint64_t *time_s)
{
	char message[NOTE_SIZE_MAX + 64];
	uint64_t t;
	int n;

	must(0 < body.n && body.n <= NOTE_SIZE_MAX);
	if (s->size != 72 || (t = get_u64(s->raw)) > INT64_MAX)
		return false;
	n = snprintf(message, 64, "cosignature/v1\ntime %llu\n", (unsigned long long)t);
	must(n > 0 && n < 64);
	memcpy(message + n, body.p, body.n);
	*time_s = t;
	return sigcheck_ed25519(
	    key->key, bytes_of(message, (size_t)n + body.n), bytes_of(s->raw + 8, 64));
}

static bool
verify(const struct vkey *key, const struct signature *s, struct bytes body, uint64_t *time_s)
{
	if (key->type == NOTE_COSIGNATURE)
		return verify_cosignature(key, s, body, time_s);
	return key->type == NOTE_ED25519 &&
	       sigcheck_ed25519(key->key, body, bytes_of(s->raw, s->size));
}

/* Every line, in order; gives the mask of keys that verified.  'time_s' is that of the last
 * cosignature. */
static enum rc
open_note(struct bytes note, const struct vkey *keys, size_t key_count, struct bytes *body,
    uint64_t *mask, uint64_t *time_s, struct why *why)
{
	struct bytes rest, line;
	struct signature s;
	size_t i, count = 0;
	enum rc rc;

	must(key_count <= 64);
	*mask = 0;
	if ((rc = note_split(note, body, &rest, why)) != RC_OK)
		return rc;
	/* The form of all lines first: a note is either one or it is not, whoever reads it. */
	for (struct bytes all = rest; note_line(&all, &line);)
		if (++count > NOTE_SIGNATURES_MAX || !read_signature(line, &s))
			return why_set(why, RC_BAD_PROOF, RULE, NULL, (size_t)(line.p - note.p),
			    count > NOTE_SIGNATURES_MAX ? "too many signatures"
							: "malformed signature line");
	while (note_line(&rest, &line)) {
		must(read_signature(line, &s));
		for (i = 0; i < key_count; i++) {
			if (keys[i].id != s.id || !bytes_is(s.name, keys[i].name))
				continue;
			if (!verify(&keys[i], &s, *body, time_s))
				return why_set(why, RC_BAD_SIGNATURE, RULE, NULL,
				    (size_t)(line.p - note.p),
				    "the signature of %.100s does not verify", keys[i].name);
			*mask |= (uint64_t)1 << i;
		}
	}
	if (*mask == 0)
		return why_set(why, RC_BAD_SIGNATURE, RULE, NULL, 0, "no signature by a known key");
	return RC_OK;
}

enum rc
note_open(struct bytes note, const struct vkey *keys, size_t key_count, struct bytes *body,
    uint64_t *verified_mask, struct why *why)
{
	uint64_t time_s = 0;

	return open_note(note, keys, key_count, body, verified_mask, &time_s, why);
}

enum rc
note_cosignature_time(struct bytes note, const struct vkey *key, uint64_t *time_s, struct why *why)
{
	struct bytes body;
	uint64_t mask;

	must(key->type == NOTE_COSIGNATURE);
	*time_s = 0;
	return open_note(note, key, 1, &body, &mask, time_s, why);
}
