/*
 * note.h - C2SP signed notes and checkpoints (signed-note v1, tlog-checkpoint v1), Ed25519.
 */
#ifndef SEAL_NOTE_H
#define SEAL_NOTE_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/rc.h"

#define NOTE_SIZE_MAX       8192
#define NOTE_NAME_MAX       256
#define NOTE_SIGNATURES_MAX 100

enum note_key_type { NOTE_ED25519 = 1, NOTE_COSIGNATURE = 4 };

/* A verifier key, "name+8hex+base64(type || key)". */
struct vkey {
	char name[NOTE_NAME_MAX + 1];
	uint32_t id;
	uint8_t type;
	uint8_t key[32];
};
/* recomputes and compares the id */
enum rc vkey_parse(struct bytes text, struct vkey *out, struct why *why);
void vkey_make(const char *name, uint8_t type, const uint8_t key[32], struct vkey *out);
size_t vkey_text(const struct vkey *k, char *out, size_t room); /* with NUL; 0: no room */

/* A checkpoint's body. */
struct checkpoint {
	struct bytes origin;
	uint64_t size;
	struct hash root;
	struct bytes extensions; /* the opaque lines, each with its LF; empty: none */
};

/* Open a note: some signature by 'key' must be there and verify (an unknown key's lines are
 * ignored; a known one's that fails refuses the note). 'body' is the signed text.
 * RC_BAD_SIGNATURE, RC_BAD_PROOF (form). */
enum rc note_open(struct bytes note, const struct vkey *keys, size_t key_count, struct bytes *body,
    uint64_t *verified_mask, struct why *why);
/* The body of a checkpoint note, strictly.  Does not look at signatures. */
enum rc checkpoint_parse(struct bytes body, struct checkpoint *out, struct why *why);
/* note_open + checkpoint_parse + origin equals the key's name. */
enum rc checkpoint_open(struct bytes note, const struct vkey *key, struct checkpoint *out, struct why *why);
/* The text before the signatures (no check): for printing. */
enum rc note_split(struct bytes note, struct bytes *body, struct bytes *signatures, struct why *why);

/* Cosignature v1 lines (type 4): used by note_open for keys of that type; the time is given back. */
enum rc note_cosignature_time(struct bytes note, const struct vkey *key, uint64_t *time_s, struct why *why);

#endif
