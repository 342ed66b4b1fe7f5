/*
 * note_lines.h - the text forms that notes, checkpoints and tlog-proofs share.  Private to seal/.
 */
#ifndef SEAL_NOTE_LINES_H
#define SEAL_NOTE_LINES_H

#include "seal/note.h"

/* Non-empty, valid UTF-8, no Unicode space, no control, no '+'. */
bool note_name_ok(struct bytes name);
/* Take the next line, without its LF.  False at the end and when the last LF is missing. */
bool note_line(struct bytes *rest, struct bytes *line);
/* Decimal without sign or leading zero. */
bool note_decimal(struct bytes text, uint64_t *out);
/* Base64 of exactly 32 bytes. */
bool note_hash(struct bytes text, struct hash *out);

#endif
