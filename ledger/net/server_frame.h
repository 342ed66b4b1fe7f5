/*
 * server_frame.h - private to net/: writes a ServerFrame with its length prefix, straight into the
 * output buffer.
 */
#ifndef NET_SERVER_FRAME_H
#define NET_SERVER_FRAME_H

#include "base/bytes.h"

struct server_frame {
	uint32_t call;
	struct bytes message;
	bool has_message, end, draining;
	uint32_t status, code, credit;
	const char *text; /* NULL: none */
	uint64_t retry_after_ms;
};
void server_frame_put(const struct server_frame *f, struct buf *out);

#endif
