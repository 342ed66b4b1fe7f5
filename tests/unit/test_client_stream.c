/*
 * The append stream against a scripted server: every token gets one answer under its own number,
 * whatever happens to connections.
 */
#include "test_client_fake.h"

#include "client/src/core.h"

struct got {
	uint64_t number[8192];
	uint64_t index[8192];
	unsigned count;
};

static void
on_answer(void *ctx, uint64_t number, const uint8_t *bytes, size_t size)
{
	struct got *g = ctx;
	Ectledger__V1__AppendAnswer *answer =
	    ectledger__v1__append_answer__unpack(NULL, size, bytes);

	if (answer == NULL || g->count == 8192)
		abort();
	g->number[g->count] = number;
	g->index[g->count++] = answer->index;
	ectledger__v1__append_answer__free_unpacked(answer, NULL);
}

struct both {
	struct fake fake;
	struct ect_client *client;
	struct ect_stream *stream;
	struct got got;
	struct ect_status status;
};

static void
begin(struct both *b, void (*script)(struct fake *f, int fd, unsigned connection), unsigned retries)
{
	struct ect_client_options options;

	memset(b, 0, sizeof *b);
	fake_start(&b->fake, script);
	options = fake_options(&b->fake);
	options.retries = retries;
	options.call_ms = 500;
	cr_assert_eq(ect_client_open(&b->client, &options, &b->status), 0, "%s", b->status.text);
	cr_assert_eq(
	    ect_stream_open(b->client, true, &b->stream, on_answer, &b->got, &b->status), 0);
}

static void
finish(struct both *b)
{
	ect_stream_free(b->stream);
	ect_client_close(b->client);
	fake_stop(&b->fake);
}

/* Answer each message's tokens at once, grant one more message. */
static void
answer_all(struct fake *f, int fd, unsigned connection)
{
	client_frame *frame;
	uint64_t next = 0;

	(void)connection;
	while ((frame = fake_read(fd)) != NULL) {
		if (frame->has_message) {
			uint64_t numbers[64];
			size_t n = fake_take_tokens(f, frame);

			f->broken_rules += n > 64;
			for (size_t i = 0; i < n; i++)
				numbers[i] = next++;
			fake_append_answers(fd, frame->call, numbers, n);
			fake_credit(fd, frame->call, 1);
		}
		if (frame->end)
			fake_end(fd, frame->call, 0, 0, "");
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
	}
}

Test(client_stream, every_token_is_answered_once_and_few_messages_carry_many)
{
	struct both *b = malloc(sizeof *b);

	cr_assert(b != NULL);
	begin(b, answer_all, 1);
	for (unsigned i = 0; i < 5000; i++)
		cr_assert_eq(ect_stream_send(b->stream, "token", 5, &b->status), 0);
	cr_assert_eq(ect_stream_finish(b->stream, &b->status), 0, "%s", b->status.text);
	cr_expect_eq(ect_stream_unanswered(b->stream), 0u);
	cr_expect_eq(b->got.count, 5000u);
	for (unsigned i = 0; i < b->got.count; i++)
		cr_assert_eq(b->got.number[i], i);
	finish(b);
	cr_expect_eq(b->fake.tokens, 5000u);
	cr_expect_lt(b->fake.messages, 1000u, "%u messages", b->fake.messages);
	cr_expect_eq(b->fake.broken_rules, 0u);
	free(b);
}

Test(client_stream, a_lone_token_is_sent_without_waiting_for_more)
{
	struct both *b = malloc(sizeof *b);

	cr_assert(b != NULL);
	begin(b, answer_all, 1);
	cr_assert_eq(ect_stream_send(b->stream, "a", 1, &b->status), 0);
	for (int i = 0; i < 20 && b->got.count == 0; i++)
		cr_assert_geq(ect_stream_wait(b->stream, -1, 100, &b->status), 0);
	cr_expect_eq(b->got.count, 1u);
	finish(b);
	free(b);
}

Test(client_stream, a_stream_without_tokens_finishes)
{
	struct both *b = malloc(sizeof *b);

	cr_assert(b != NULL);
	begin(b, answer_all, 1);
	cr_expect_eq(ect_stream_finish(b->stream, &b->status), 0);
	finish(b);
	cr_expect_eq(b->fake.messages, 0u);
	free(b);
}

Test(client_stream, a_token_over_the_limit_is_refused_and_the_stream_goes_on)
{
	struct both *b = malloc(sizeof *b);
	char *big = calloc(1, ECT_TOKEN_MAX + 1);

	cr_assert(b != NULL && big != NULL);
	big[0] = 'x';
	begin(b, answer_all, 1);
	cr_expect_eq(ect_stream_send(b->stream, big, ECT_TOKEN_MAX + 1, &b->status), -1);
	cr_expect_eq(b->status.outcome, ECT_USAGE);
	cr_expect_eq(ect_stream_send(b->stream, big, ECT_TOKEN_MAX, &b->status), 0);
	cr_expect_eq(ect_stream_finish(b->stream, &b->status), 0);
	cr_expect_eq(b->got.count, 1u);
	finish(b);
	free(big);
	free(b);
}

/* Take 'want' tokens, then give the answers in an order of its own. */
static void
answer_backwards(struct fake *f, int fd, unsigned connection)
{
	client_frame *frame;

	(void)connection;
	while ((frame = fake_read(fd)) != NULL) {
		uint32_t call = frame->call;

		if (frame->has_message)
			(void)fake_take_tokens(f, frame);
		if (frame->end)
			fake_end(fd, call, 0, 0, "");
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
		if (f->tokens == 10 && f->flag == 0) {
			f->flag = 1;
			for (uint64_t n = 10; n-- > 0;)
				fake_append_answers(fd, call, &n, 1);
		}
	}
}

Test(client_stream, answers_in_any_order_keep_their_tokens_number)
{
	struct both *b = malloc(sizeof *b);

	cr_assert(b != NULL);
	begin(b, answer_backwards, 1);
	for (unsigned i = 0; i < 10; i++)
		cr_assert_eq(ect_stream_send(b->stream, "t", 1, &b->status), 0);
	cr_assert_eq(ect_stream_finish(b->stream, &b->status), 0, "%s", b->status.text);
	cr_assert_eq(b->got.count, 10u);
	for (unsigned i = 0; i < 10; i++) {
		cr_expect_eq(b->got.number[i], 9 - i);
		cr_expect_eq(b->got.index[i], 100 + 9 - i);
	}
	finish(b);
	free(b);
}

/* The first connection answers tokens 1 and 3 of four and dies; the second must get 0 and 2, in order. */
static void
die_once(struct fake *f, int fd, unsigned connection)
{
	static const uint64_t some[] = {1, 3};
	client_frame *frame;

	if (connection > 0) {
		f->tokens = 0;
		answer_all(f, fd, connection);
		return;
	}
	while (f->tokens < 4 && (frame = fake_read(fd)) != NULL) {
		uint32_t call = frame->call;

		(void)fake_take_tokens(f, frame);
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
		if (f->tokens == 4)
			fake_append_answers(fd, call, some, 2);
	}
}

Test(client_stream, after_a_lost_connection_the_unanswered_go_again_in_order)
{
	struct both *b = malloc(sizeof *b);

	cr_assert(b != NULL);
	begin(b, die_once, 2);
	for (const char *t = "abcd"; *t != '\0'; t++)
		cr_assert_eq(ect_stream_send(b->stream, t, 1, &b->status), 0);
	cr_assert_eq(ect_stream_finish(b->stream, &b->status), 0, "%s", b->status.text);
	cr_assert_eq(b->got.count, 4u);
	cr_expect_eq(b->got.number[0], 1u);
	cr_expect_eq(b->got.number[1], 3u);
	cr_expect_eq(b->got.number[2], 0u);
	cr_expect_eq(b->got.number[3], 2u);
	finish(b);
	cr_expect_eq(b->fake.tokens, 2u);
	cr_expect_eq(memcmp(b->fake.first, "ac", 2), 0);
	free(b);
}

/* Answers one token, then ends the connection as a server does with idle ones. */
static void
answer_once(struct fake *f, int fd, unsigned connection)
{
	static const uint64_t zero[] = {0};
	client_frame *frame = fake_read(fd);

	(void)connection;
	if (frame == NULL)
		return;
	(void)fake_take_tokens(f, frame);
	fake_append_answers(fd, frame->call, zero, 1);
	ectledger__v1__client_frame__free_unpacked(frame, NULL);
}

Test(client_stream, an_idle_connection_that_the_server_ends_is_made_again_with_the_next_token_only)
{
	struct both *b = malloc(sizeof *b);

	cr_assert(b != NULL);
	begin(b, answer_once, 1);
	for (unsigned i = 0; i < 4; i++) {
		cr_assert_eq(
		    ect_stream_send(b->stream, "t", 1, &b->status), 0, "%s", b->status.text);
		for (unsigned k = 0; k < 10; k++) /* answered, then idle and disconnected */
			cr_assert_eq(ect_stream_wait(b->stream, -1, 20, &b->status), 0, "%s",
			    b->status.text);
		cr_assert_eq(b->got.count, i + 1);
		cr_assert_eq(b->got.number[i], i);
	}
	cr_expect_eq(ect_stream_finish(b->stream, &b->status), 0);
	finish(b);
	cr_expect_eq(b->fake.connections, 4u, "%u", b->fake.connections);
	free(b);
}

static void
take_and_die(struct fake *f, int fd, unsigned connection)
{
	client_frame *frame = fake_read(fd);

	(void)f;
	(void)connection;
	if (frame != NULL)
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
}

Test(client_stream, a_server_that_always_dies_is_given_up_after_the_retries)
{
	struct both *b = malloc(sizeof *b);

	cr_assert(b != NULL);
	begin(b, take_and_die, 2);
	cr_assert_eq(ect_stream_send(b->stream, "t", 1, &b->status), 0);
	cr_expect_eq(ect_stream_finish(b->stream, &b->status), -1);
	cr_expect_eq(b->status.outcome, ECT_UNREACHABLE, "%s", b->status.text);
	cr_expect_eq(ect_stream_send(b->stream, "t", 1, &b->status), -1, "it stays over");
	finish(b);
	cr_expect_eq(b->fake.connections, 3u, "%u", b->fake.connections);
	free(b);
}

static void
stay_silent(struct fake *f, int fd, unsigned connection)
{
	client_frame *frame;

	(void)f;
	(void)connection;
	while ((frame = fake_read(fd)) != NULL)
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
}

Test(client_stream, a_server_that_never_answers_runs_into_the_time_limit)
{
	struct both *b = malloc(sizeof *b);

	cr_assert(b != NULL);
	begin(b, stay_silent, 1);
	cr_assert_eq(ect_stream_send(b->stream, "t", 1, &b->status), 0);
	cr_expect_eq(ect_stream_finish(b->stream, &b->status), -1);
	cr_expect_eq(b->status.outcome, ECT_UNREACHABLE, "%s", b->status.text);
	finish(b);
	free(b);
}

static void
refuse_stream(struct fake *f, int fd, unsigned connection)
{
	client_frame *frame = fake_read(fd);

	(void)connection;
	f->frames++;
	if (frame == NULL)
		return;
	fake_end(fd, frame->call, 7, 18, "no grant");
	ectledger__v1__client_frame__free_unpacked(frame, NULL);
	stay_silent(f, fd, connection);
}

Test(client_stream, a_refused_stream_is_not_tried_again)
{
	struct both *b = malloc(sizeof *b);

	cr_assert(b != NULL);
	begin(b, refuse_stream, 3);
	cr_assert_eq(ect_stream_send(b->stream, "t", 1, &b->status), 0);
	cr_expect_eq(ect_stream_finish(b->stream, &b->status), -1);
	cr_expect_eq(b->status.outcome, ECT_REFUSED);
	cr_expect_eq(b->status.code, 18u);
	finish(b);
	cr_expect_eq(b->fake.connections, 1u);
	free(b);
}

static void
answer_twice(struct fake *f, int fd, unsigned connection)
{
	static const uint64_t twice[] = {0, 0};
	client_frame *frame = fake_read(fd);

	(void)f;
	(void)connection;
	if (frame == NULL)
		return;
	fake_append_answers(fd, frame->call, twice, 2);
	ectledger__v1__client_frame__free_unpacked(frame, NULL);
	stay_silent(f, fd, connection);
}

Test(client_stream, a_second_answer_for_a_token_breaks_the_protocol)
{
	struct both *b = malloc(sizeof *b);

	cr_assert(b != NULL);
	begin(b, answer_twice, 1);
	cr_assert_eq(ect_stream_send(b->stream, "a", 1, &b->status), 0);
	cr_assert_eq(ect_stream_send(b->stream, "b", 1, &b->status), 0);
	cr_expect_eq(ect_stream_finish(b->stream, &b->status), -1);
	cr_expect_eq(b->status.outcome, ECT_PROTOCOL, "%s", b->status.text);
	finish(b);
	free(b);
}

/* Grants nothing until it has seen all 64 messages. */
static void
slow_grants(struct fake *f, int fd, unsigned connection)
{
	client_frame *frame;
	uint64_t next = 0;

	(void)connection;
	while ((frame = fake_read(fd)) != NULL) {
		uint32_t call = frame->call;

		if (frame->has_message)
			(void)fake_take_tokens(f, frame);
		if (frame->end)
			fake_end(fd, call, 0, 0, "");
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
		if (f->messages == 64 && f->flag == 0) {
			char peek;

			(void)usleep(30000);
			f->broken_rules += recv(fd, &peek, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
			f->flag = 1;
			fake_credit(fd, call, 1000);
		}
		for (; f->flag == 1 && next < f->tokens; next++)
			fake_append_answers(fd, call, &next, 1);
	}
}

Test(client_stream, messages_wait_for_credit)
{
	struct both *b = malloc(sizeof *b);
	char *big = calloc(1, 40000);

	cr_assert(b != NULL && big != NULL);
	big[0] = 'x';
	begin(b, slow_grants, 1);
	for (unsigned i = 0; i < 100; i++) /* two do not fit one message */
		cr_assert_eq(ect_stream_send(b->stream, big, 40000, &b->status), 0);
	cr_assert_eq(ect_stream_finish(b->stream, &b->status), 0, "%s", b->status.text);
	cr_expect_eq(b->got.count, 100u);
	finish(b);
	cr_expect_eq(b->fake.messages, 100u);
	cr_expect_eq(b->fake.broken_rules, 0u);
	free(big);
	free(b);
}
