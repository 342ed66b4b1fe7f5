/*
 * random.c - getrandom(2) and ids made of it.
 *
 * No fallback: a kernel that cannot give random bytes is no place to make keys or ids.
 */
#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "base/bytes.h"
#include "base/must.h"

void
random_bytes(void *p, size_t n)
{
	uint8_t *to = p;

	must(p != NULL || n == 0);
	while (n > 0) {
		ssize_t got = getrandom(to, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		must(got > 0);
		to += got;
		n -= (size_t)got;
	}
}

/* RFC 9562 section 4: version in the high half of byte 6, variant 10 in the top bits of byte 8. */
static void
uuid_mark(uint8_t id[16], unsigned version)
{
	id[6] = (uint8_t)((id[6] & 0x0f) | (version << 4));
	id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
}

void
random_uuid_v4(uint8_t out[16])
{
	random_bytes(out, 16);
	uuid_mark(out, 4);
}

void
random_uuid_v7(int64_t now_ms, uint8_t out[16])
{
	must(now_ms >= 0 && now_ms < (int64_t)1 << 48);
	put_u64(out, (uint64_t)now_ms << 16);
	random_bytes(out + 6, 10);
	uuid_mark(out, 7);
}
