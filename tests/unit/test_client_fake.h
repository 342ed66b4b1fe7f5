/*
 * test_client_fake.h - a server of a few lines for the client's suites: a thread that accepts one
 * connection after another and plays a script on each.  Scripts run in the thread and only record;
 * the test looks at the record after fake_stop().
 */
#ifndef TEST_CLIENT_FAKE_H
#define TEST_CLIENT_FAKE_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <criterion/criterion.h>

#include "ectledger/client.h"
#include "proto/frame.h"
#include "proto/ledger.pb-c.h"

typedef Ectledger__V1__ClientFrame client_frame;
typedef Ectledger__V1__ServerFrame server_frame;

struct fake {
	int listener;
	char server[64]; /* "127.0.0.1:port" */
	pthread_t thread;
	void (*script)(struct fake *f, int fd, unsigned connection);
	unsigned connections; /* served so far */
	/* what scripts record */
	unsigned frames, messages, tokens, broken_rules;
	char first[4096]; /* first byte of each token, in order of arrival */
	_Atomic int flag;
};

static inline bool
fake_read_all(int fd, void *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t r = recv(fd, (char *)p + at, n - at, 0);

		if (r <= 0)
			return false;
		at += (size_t)r;
	}
	return true;
}

/* The next frame; NULL at the end of the connection. */
static inline client_frame *
fake_read(int fd)
{
	uint8_t head[FRAME_HEAD], *body;
	client_frame *frame;
	size_t n;

	if (!fake_read_all(fd, head, sizeof head))
		return NULL;
	n = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
	if (head[0] != 0 || n > FRAME_MAX_DEFAULT || (body = malloc(n + 1)) == NULL)
		return NULL;
	frame =
	    fake_read_all(fd, body, n) ? ectledger__v1__client_frame__unpack(NULL, n, body) : NULL;
	free(body);
	return frame;
}

static inline void
fake_send_bytes(int fd, const void *p, size_t n)
{
	(void)!send(fd, p, n, MSG_NOSIGNAL);
}

static inline void
fake_send(int fd, const server_frame *frame)
{
	size_t n = ectledger__v1__server_frame__get_packed_size(frame);
	uint8_t *p = malloc(FRAME_HEAD + n);

	if (p == NULL)
		abort();
	frame_head(p, (uint32_t)n);
	(void)ectledger__v1__server_frame__pack(frame, p + FRAME_HEAD);
	fake_send_bytes(fd, p, FRAME_HEAD + n);
	free(p);
}

static inline void
fake_end(int fd, uint32_t call, uint32_t status, uint32_t code, const char *text)
{
	server_frame frame = ECTLEDGER__V1__SERVER_FRAME__INIT;

	frame.call = call;
	frame.end = true;
	frame.status = status;
	frame.code = code;
	frame.text = (char *)(uintptr_t)text;
	fake_send(fd, &frame);
}

/* The answer to a unary call: message and end in one. */
static inline void
fake_answer(int fd, uint32_t call, const void *message, size_t size)
{
	server_frame frame = ECTLEDGER__V1__SERVER_FRAME__INIT;

	frame.call = call;
	frame.end = true;
	frame.has_message = true;
	frame.message.data = (uint8_t *)(uintptr_t)message;
	frame.message.len = size;
	fake_send(fd, &frame);
}

static inline void
fake_credit(int fd, uint32_t call, uint32_t credit)
{
	server_frame frame = ECTLEDGER__V1__SERVER_FRAME__INIT;

	frame.call = call;
	frame.credit = credit;
	fake_send(fd, &frame);
}

/* One AppendReply with answers for these token numbers; each answer's index is 100 + number. */
static inline void
fake_append_answers(int fd, uint32_t call, const uint64_t *numbers, size_t count)
{
	Ectledger__V1__AppendReply reply = ECTLEDGER__V1__APPEND_REPLY__INIT;
	Ectledger__V1__AppendAnswer answers[256], *list[256];
	server_frame frame = ECTLEDGER__V1__SERVER_FRAME__INIT;
	size_t n;
	uint8_t *p;

	if (count > 256)
		abort();
	for (size_t i = 0; i < count; i++) {
		ectledger__v1__append_answer__init(&answers[i]);
		answers[i].number = numbers[i];
		answers[i].index = 100 + numbers[i];
		list[i] = &answers[i];
	}
	reply.answers = list;
	reply.n_answers = count;
	n = ectledger__v1__append_reply__get_packed_size(&reply);
	if ((p = malloc(n + 1)) == NULL)
		abort();
	(void)ectledger__v1__append_reply__pack(&reply, p);
	frame.call = call;
	frame.has_message = true;
	frame.message.data = p;
	frame.message.len = n;
	fake_send(fd, &frame);
	free(p);
}

static inline void
fake_append_refusal(int fd, uint32_t call, uint64_t number, uint32_t code, uint64_t retry_after_ms)
{
	Ectledger__V1__AppendReply reply = ECTLEDGER__V1__APPEND_REPLY__INIT;
	Ectledger__V1__AppendAnswer answer = ECTLEDGER__V1__APPEND_ANSWER__INIT,
				    *list[] = {&answer};
	Ectledger__V1__Refusal refusal = ECTLEDGER__V1__REFUSAL__INIT;
	server_frame frame = ECTLEDGER__V1__SERVER_FRAME__INIT;
	uint8_t packed[128];

	refusal.code = code;
	refusal.retry_after_ms = retry_after_ms;
	answer.number = number;
	answer.refusal = &refusal;
	reply.answers = list;
	reply.n_answers = 1;
	frame.call = call;
	frame.has_message = true;
	frame.message.data = packed;
	frame.message.len = ectledger__v1__append_reply__pack(&reply, packed);
	fake_send(fd, &frame);
}

/* Count and record the tokens of a stream message; how many there were. */
static inline size_t
fake_take_tokens(struct fake *f, const client_frame *frame)
{
	Ectledger__V1__AppendRequest *request =
	    ectledger__v1__append_request__unpack(NULL, frame->message.len, frame->message.data);
	size_t n;

	if (request == NULL)
		abort();
	n = request->n_tokens;
	for (size_t i = 0; i < n; i++)
		if (f->tokens + i < sizeof f->first)
			f->first[f->tokens + i] = (char)request->tokens[i].data[0];
	f->tokens += (unsigned)n;
	f->messages++;
	ectledger__v1__append_request__free_unpacked(request, NULL);
	return n;
}

static inline void *
fake_main(void *ctx)
{
	struct fake *f = ctx;
	int fd;

	while ((fd = accept(f->listener, NULL, NULL)) >= 0) {
		f->script(f, fd, f->connections++);
		(void)close(fd);
	}
	return NULL;
}

static inline void
fake_start(struct fake *f, void (*script)(struct fake *f, int fd, unsigned connection))
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof a;

	memset(f, 0, sizeof *f);
	f->script = script;
	f->listener = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert(f->listener >= 0);
	cr_assert(bind(f->listener, (struct sockaddr *)&a, sizeof a) == 0);
	cr_assert(listen(f->listener, 16) == 0);
	cr_assert(getsockname(f->listener, (struct sockaddr *)&a, &size) == 0);
	(void)snprintf(f->server, sizeof f->server, "127.0.0.1:%u", ntohs(a.sin_port));
	cr_assert(pthread_create(&f->thread, NULL, fake_main, f) == 0);
}

/* No more connections; waits for the script under way. */
static inline void
fake_stop(struct fake *f)
{
	(void)shutdown(f->listener, SHUT_RDWR);
	(void)pthread_join(f->thread, NULL);
	(void)close(f->listener);
}

static inline struct ect_client_options
fake_options(const struct fake *f)
{
	return (struct ect_client_options){
	    .server = f->server, .insecure_loopback = true, .call_ms = 3000};
}

#endif
