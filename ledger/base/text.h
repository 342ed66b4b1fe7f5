/*
 * text.h - strict text forms of bytes: base64url, base64, hex, UUID, UTF-8.
 *
 * Decoders accept exactly one spelling: right alphabet, no white space, no line ends, unused bits
 * zero (RFC 4648 3.5, RFC 7515 2); base64 wants its padding, base64url refuses padding.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/arena.h"
#include "base/bytes.h"

#define B64_ROOM(n) (((n) + 2) / 3 * 4 + 1) /* with the NUL; enough for base64url too */
#define UUID_SIZE 16
#define UUID_TEXT_SIZE 37

/* Decode into 'out' with room for 'room' bytes; '*n' is what was written.  False: not the one
 * accepted spelling, or no room. */
bool b64url_decode(struct bytes text, uint8_t *out, size_t room, size_t *n);
bool b64_decode(struct bytes text, uint8_t *out, size_t room, size_t *n);
bool hex_decode(struct bytes text, uint8_t *out, size_t room, size_t *n); /* lower-case only */
/* Encode; 'out' has B64_ROOM(n) or 2n+1 bytes; NUL-terminated; gives the length. */
size_t b64url_encode(struct bytes x, char *out);
size_t b64_encode(struct bytes x, char *out);
size_t hex_encode(struct bytes x, char *out);
void buf_add_b64(struct buf *b, struct bytes x);
void buf_add_b64url(struct buf *b, struct bytes x);
void buf_add_hex(struct buf *b, struct bytes x);

/* RFC 9562 text form 8-4-4-4-12, either case of hex; the 16 bytes are the identity.  Not all zero. */
bool uuid_parse(struct bytes text, uint8_t out[UUID_SIZE]);
void uuid_text(const uint8_t id[UUID_SIZE], char out[UUID_TEXT_SIZE]);

/* Well-formed UTF-8: no overlong form, no surrogate, nothing above U+10FFFF.  NUL is fine here. */
bool utf8_ok(struct bytes x);

#endif
