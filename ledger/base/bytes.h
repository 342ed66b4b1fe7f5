/*
 * bytes.h - a borrowed run of bytes, and a buffer that grows up to a limit.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rc.h"

/* A view.  'p' may be NULL only when 'n' is 0. */
struct bytes {
	const uint8_t *p;
	size_t n;
};

#define BYTES_NONE ((struct bytes){NULL, 0})

struct bytes bytes_of(const void *p, size_t n);
struct bytes bytes_str(const char *s); /* without the NUL */
bool bytes_eq(struct bytes a, struct bytes b);
bool bytes_is(struct bytes a, const char *s);
int bytes_cmp(struct bytes a, struct bytes b); /* memcmp, then length */

/* A growing buffer (heap).  Once an append fails the buffer is 'bad' and stays so: check once at
 * the end. */
struct buf {
	uint8_t *p;
	size_t n;
	size_t room;
	size_t max; /* 0: no limit but memory */
	bool bad;
};

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_bytes(struct buf *b, struct bytes x);
void buf_add_str(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint8_t *buf_grow(struct buf *b, size_t n); /* n bytes to fill, or NULL */
struct bytes buf_bytes(const struct buf *b);
enum rc buf_rc(const struct buf *b); /* RC_OK, or RC_TOO_LARGE / RC_NO_MEMORY */
/* A JSON string with quotes and escapes; 'x' must be valid UTF-8. */
void buf_add_json(struct buf *b, struct bytes x);

/* Big-endian numbers. */
void put_u16(uint8_t *p, uint16_t v);
void put_u32(uint8_t *p, uint32_t v);
void put_u64(uint8_t *p, uint64_t v);
uint16_t get_u16(const uint8_t *p);
uint32_t get_u32(const uint8_t *p);
uint64_t get_u64(const uint8_t *p);

#endif
