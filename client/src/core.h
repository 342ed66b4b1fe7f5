/*
 * core.h - what blocking.c and stream.c need of the core beyond ectledger/client.h.  Private to
 * client/.
 */
#ifndef CLIENT_CORE_H
#define CLIENT_CORE_H

#include "ectledger/client.h"

#define CORE_CALLS_MAX	   1024 /* calls under way on one connection */
#define CORE_STREAM_CREDIT 64	/* messages on a stream before the first grant: docs/WIRE.md */
#define CORE_MESSAGE_MAX                                                                           \
	(1024 * 1024 -                                                                             \
	    256) /* one request message with its envelope fits the server's frame limit */
#define CORE_ANSWER_MAX (64 * 1024 * 1024) /* a frame from the server */
#define CORE_OUT_MAX	(8 * 1024 * 1024)  /* not yet written */

/* Messages that may be sent on this stream now. */
uint32_t core_credit(const struct ect_core *core, uint32_t call);
bool core_ready(const struct ect_core *core);
/* The connection is over; why. */
bool core_dead(const struct ect_core *core);
const struct ect_status *core_status(const struct ect_core *core);
/* Trying again cannot help. */
bool core_hopeless(const struct ect_core *core);
/* Reasons of the caller's (no answer in time): kills the connection, 'closed' is called. */
void core_fail(struct ect_core *core, enum ect_outcome outcome, const char *text);

int64_t core_now_us(void); /* monotonic */
/* poll() the core's descriptor and, unless negative, 'fd' for reading; then step the core.  At most
 * 'timeout_ms' (-1: until something happens). 1: 'fd' is readable, 0: not. */
int core_wait(struct ect_core *core, int fd, int timeout_ms);

#endif
