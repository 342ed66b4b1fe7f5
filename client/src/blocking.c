/*
 * blocking.c - one call at a time, over a connection that is made again when it is lost.
 *
 * Everything a client can call is idempotent: reads change nothing, and the same token again gives
 * the same answer.  So a call whose connection was lost is repeated, up to 'retries' times with
 * growing pauses; a refusal is an answer and is not repeated, unless its code says "not now".
 */
#include "blocking.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/must.h"
#include "base/random.h"
#include "base/rc.h"
#include "link.h"
#include "proto/ledger.pb-c.h"

static bool
copy_options(struct ect_client_options *to, const struct ect_client_options *from)
{
	const char *const in[] = {from->server, from->log, from->cert, from->key, from->ca};
	const char **out[] = {&to->server, &to->log, &to->cert, &to->key, &to->ca};
	bool ok = true;

	*to = *from;
	for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
		*out[i] = in[i] != NULL ? strdup(in[i]) : NULL;
		ok = ok && (in[i] == NULL || *out[i] != NULL);
	}
	to->call_ms = from->call_ms != 0 ? from->call_ms : CALL_MS;
	to->retries = from->retries != 0 ? from->retries : RETRIES;
	return ok;
}

static void
on_message(void *ctx, uint32_t call, const uint8_t *message, size_t size)
{
	struct ect_client *c = ctx;

	if (c->stream != NULL && call == stream_call(c->stream)) {
		stream_message(c->stream, message, size);
		return;
	}
	if (c->watch != NULL && call == watch_call(c->watch)) {
		watch_message(c->watch, message, size);
		return;
	}
	if (call != c->call || c->answer != NULL)
		return;
	c->answer = malloc(size + 1);
	if (c->answer == NULL)
		return; /* the end finds it missing */
	memcpy(c->answer, message, size);
	c->answer[size] = 0;
	c->answer_size = size;
}

static void
on_end(void *ctx, uint32_t call, const struct ect_status *status)
{
	struct ect_client *c = ctx;

	if (c->stream != NULL && call == stream_call(c->stream)) {
		stream_ended(c->stream, status);
	} else if (c->watch != NULL && call == watch_call(c->watch)) {
		watch_ended(c->watch, status);
	} else if (call == c->call) {
		c->ended = *status;
		c->done = true;
	}
}

bool
client_usable(const struct ect_client *c)
{
	return c->core != NULL && !core_dead(c->core) && !ect_core_draining(c->core);
}

int
client_connect(struct ect_client *c, struct ect_status *status)
{
	struct ect_core_callbacks callbacks = {.message = on_message, .end = on_end, .ctx = c};
	struct ect_core *core = NULL;

	ect_core_close(c->core);
	c->core = NULL;
	c->generation++;
	if (ect_core_open(&core, &c->options, &callbacks, status) != 0)
		return -1;
	c->core = core;
	while (!core_dead(core) && !core_ready(core))
		(void)core_wait(core, -1, -1);
	if (core_dead(core)) {
		*status = *core_status(core);
		return -1;
	}
	return 0;
}

void
client_backoff(unsigned n, uint64_t at_least_ms)
{
	struct timespec pause;
	uint32_t dice;
	uint64_t us = 100000;

	must(n > 0);
	for (unsigned i = 1; i < n && us < 5000000; i++)
		us *= 3;
	random_bytes(&dice, sizeof dice);
	us = us * 3 / 4 + us / 2 * (dice % 1024) / 1024;
	us = us < at_least_ms * 1000 ? at_least_ms * 1000 : us;
	pause.tv_sec = (time_t)(us / 1000000);
	pause.tv_nsec = (long)(us % 1000000) * 1000;
	(void)nanosleep(&pause, NULL);
}

bool
client_transient(const struct ect_status *status)
{
	if (status->outcome != ECT_REFUSED || status->retry_after_ms > ECT_RETRY_AFTER_MAX_MS)
		return false;
	return status->code == RC_BUSY || status->code == RC_UNAVAILABLE ||
	       status->code == RC_STORE_DOUBT ||
	       (status->code == RC_OVER_QUOTA && status->retry_after_ms > 0);
}

bool
client_readable(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) > 0 && p.revents != 0;
}

int
ect_client_open(
    struct ect_client **out, const struct ect_client_options *options, struct ect_status *status)
{
	struct ect_client *c = NULL;

	must(options != NULL && status != NULL);
	*out = NULL;
	if ((c = calloc(1, sizeof *c)) == NULL || !copy_options(&c->options, options)) {
		status_set(status, ECT_PROTOCOL, "out of memory");
		ect_client_close(c);
		return -1;
	}
	/* No repeats here: whoever opens wants to hear at once that nobody is there. */
	if (client_connect(c, status) != 0) {
		ect_client_close(c);
		return -1;
	}
	*out = c;
	return 0;
}

void
ect_client_close(struct ect_client *c)
{
	if (c == NULL)
		return;
	must(c->stream == NULL && c->watch == NULL);
	ect_core_close(c->core);
	free(c->answer);
	free((void *)(uintptr_t)c->options.server);
	free((void *)(uintptr_t)c->options.log);
	free((void *)(uintptr_t)c->options.cert);
	free((void *)(uintptr_t)c->options.key);
	free((void *)(uintptr_t)c->options.ca);
	free(c);
}

/* One attempt.  0: the server answered, 'status' has its word; -1: the connection failed. */
static int
attempt(struct ect_client *c, const char *method, const void *request, size_t size,
    struct ect_status *status)
{
	if (!client_usable(c) && client_connect(c, status) != 0)
		return -1;
	c->done = false;
	free(c->answer);
	c->answer = NULL;
	c->answer_size = 0;
	c->call = ect_core_begin(c->core, method, c->options.call_ms, request, size, false);
	if (c->call == 0) {
		status_set(status, ECT_PROTOCOL, "no room for the call");
		return -1;
	}
	while (!c->done && !core_dead(c->core))
		(void)core_wait(c->core, -1, -1);
	c->call = 0;
	if (!c->done) {
		*status = *core_status(c->core);
		return -1;
	}
	*status = c->ended;
	if (status->outcome == ECT_OK && c->answer == NULL)
		status_set(status, ECT_PROTOCOL, "an answer without a message");
	return 0;
}

int
ect_client_call(struct ect_client *c, const char *method, const void *request, size_t request_size,
    uint8_t **answer, size_t *answer_size, struct ect_status *status)
{
	must(c != NULL && answer != NULL && answer_size != NULL && status != NULL);
	*answer = NULL;
	*answer_size = 0;
	if (request_size > CORE_MESSAGE_MAX) {
		status_set(status, ECT_USAGE, "the request is over %d bytes", CORE_MESSAGE_MAX);
		return -1;
	}
	for (unsigned n = 1;; n++) {
		int r = attempt(c, method, request, request_size, status);

		if (r == 0 && !client_transient(status))
			break;
		if (n > c->options.retries || status->outcome == ECT_USAGE ||
		    status->outcome == ECT_PROTOCOL ||
		    (r != 0 && c->core != NULL && core_hopeless(c->core)))
			break;
		client_backoff(n, r == 0 ? status->retry_after_ms : 0);
	}
	if (status->outcome != ECT_OK)
		return -1;
	*answer = c->answer;
	*answer_size = c->answer_size;
	c->answer = NULL;
	return 0;
}

int
ect_client_ask(struct ect_client *c, const char *method, const ProtobufCMessage *request,
    const ProtobufCMessageDescriptor *answer_type, ProtobufCMessage **answer,
    struct ect_status *status)
{
	size_t size = protobuf_c_message_get_packed_size(request), n = 0;
	uint8_t *packed = malloc(size + 1), *bytes = NULL;

	must(answer_type != NULL && answer != NULL);
	*answer = NULL;
	if (packed == NULL) {
		status_set(status, ECT_PROTOCOL, "out of memory");
		return -1;
	}
	(void)protobuf_c_message_pack(request, packed);
	if (ect_client_call(c, method, packed, size, &bytes, &n, status) == 0) {
		*answer = protobuf_c_message_unpack(answer_type, NULL, n, bytes);
		if (*answer == NULL)
			status_set(status, ECT_PROTOCOL, "the server's answer to %s cannot be read",
			    method);
	}
	free(packed);
	free(bytes);
	return *answer != NULL ? 0 : -1;
}
