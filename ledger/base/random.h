/* random.h - unpredictable bytes from the kernel (getrandom).  Aborts when the kernel cannot give
 * them. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *p, size_t n);
void random_uuid_v4(uint8_t out[16]);
void random_uuid_v7(int64_t now_ms, uint8_t out[16]);

#endif
