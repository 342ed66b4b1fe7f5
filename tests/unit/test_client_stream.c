/*
 * The append stream against a scripted server: every token gets one answer under its own number,
 * whatever happens to connections.
 */
#include "test_client_fake.h"

#include "base/rc.h"
#include "client/src/core.h"

struct got {
	uint64_t number[16384];
	uint64_t index[16384];
	unsigned count;
};

static void
on_answer(void *ctx, uint64_t number, const uint8_t *bytes, size_t size)
{
	struct got *g = ctx;
	Ectledger__V1__AppendAnswer *answer =
	    ectledger__v1__append_answer__unpack(NULL, size, bytes);

	if (answer == NULL || g->count == 16384)
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
			uint64_t numbers[256];
			size_t n = fake_take_tokens(f, frame);

			f->broken_rules += n > 256;
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
	for (unsigned i = 0; i < 400; i++) /* more than fit the first 64 messages */
		cr_assert_eq(ect_stream_send(b->stream, big, 40000, &b->status), 0);
	cr_assert_eq(ect_stream_finish(b->stream, &b->status), 0, "%s", b->status.text);
	cr_expect_eq(b->got.count, 400u);
	finish(b);
	cr_expect_gt(b->fake.messages, 64u);
	cr_expect_eq(b->fake.broken_rules, 0u);
	free(big);
	free(b);
}

/* "Not now" for every third token of the first message that holds it, with a time. */
static void
put_some_off(struct fake *f, int fd, unsigned connection)
{
	client_frame *frame;
	uint64_t next = 0;
	bool seen[256] = {false};

	(void)connection;
	while ((frame = fake_read(fd)) != NULL) {
		if (frame->has_message) {
			Ectledger__V1__AppendRequest *r = ectledger__v1__append_request__unpack(
			    NULL, frame->message.len, frame->message.data);

			for (size_t i = 0; r != NULL && i < r->n_tokens; i++) {
				uint8_t name = r->tokens[i].data[0];

				if (name % 3 == 0 && !seen[name])
					fake_append_refusal(
					    fd, frame->call, next++, RC_OVER_QUOTA, 20);
				else
					fake_append_answers(
					    fd, frame->call, (uint64_t[]){next++}, 1);
				seen[name] = true;
				f->tokens++;
			}
			ectledger__v1__append_request__free_unpacked(r, NULL);
			fake_credit(fd, frame->call, 1);
		}
		if (frame->end)
			fake_end(fd, frame->call, 0, 0, "");
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
	}
}

Test(client_stream, a_token_that_was_put_off_goes_again_and_gets_one_answer)
{
	struct both *b = malloc(sizeof *b);
	bool seen[200] = {false};

	cr_assert(b != NULL);
	begin(b, put_some_off, 1);
	for (uint8_t i = 0; i < 200; i++)
		cr_assert_eq(ect_stream_send(b->stream, &i, 1, &b->status), 0);
	cr_assert_eq(ect_stream_finish(b->stream, &b->status), 0, "%s", b->status.text);
	cr_assert_eq(b->got.count, 200u);
	for (unsigned i = 0; i < 200; i++) {
		cr_expect_not(seen[b->got.number[i]]);
		cr_expect_geq(b->got.index[i], 100u, "accepted in the end");
		seen[b->got.number[i]] = true;
	}
	finish(b);
	cr_expect_eq(b->fake.tokens, 200u + 67u);
	free(b);
}

/* Never now. */
static void
always_busy(struct fake *f, int fd, unsigned connection)
{
	client_frame *frame;
	uint64_t next = 0;

	(void)connection;
	while ((frame = fake_read(fd)) != NULL) {
		size_t n = frame->has_message ? fake_take_tokens(f, frame) : 0;

		for (size_t i = 0; i < n; i++)
			fake_append_refusal(fd, frame->call, next++, RC_BUSY, 1);
		if (frame->end)
			fake_end(fd, frame->call, 0, 0, "");
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
	}
}

Test(client_stream, who_is_put_off_for_ever_gets_the_refusal_after_the_retries)
{
	struct both *b = malloc(sizeof *b);

	cr_assert(b != NULL);
	begin(b, always_busy, 2);
	cr_assert_eq(ect_stream_send(b->stream, "t", 1, &b->status), 0);
	cr_assert_eq(ect_stream_finish(b->stream, &b->status), 0, "%s", b->status.text);
	cr_expect_eq(b->got.count, 1u);
	finish(b);
	cr_expect_eq(b->fake.tokens, 3u, "once, and two retries");
	free(b);
}

Test(client_stream, once_means_that_not_now_is_an_answer)
{
	const struct ect_append_options once = {.once = true};
	struct both *b = malloc(sizeof *b);

	cr_assert(b != NULL);
	begin(b, always_busy, 2);
	ect_stream_free(b->stream);
	cr_assert_eq(
	    ect_stream_open_with(b->client, &once, &b->stream, on_answer, &b->got, &b->status), 0);
	cr_assert_eq(ect_stream_send(b->stream, "t", 1, &b->status), 0);
	cr_assert_eq(ect_stream_finish(b->stream, &b->status), 0);
	cr_expect_eq(b->got.count, 1u);
	finish(b);
	cr_expect_eq(b->fake.tokens, 1u);
	free(b);
}

/* The parent 'p' is put off once; its child 'c' is refused for want of it until 'p' is in. */
static void
parent_put_off(struct fake *f, int fd, unsigned connection)
{
	client_frame *frame;
	uint64_t next = 0;
	bool told = false, in = false;

	(void)connection;
	while ((frame = fake_read(fd)) != NULL) {
		size_t first = f->tokens, n = frame->has_message ? fake_take_tokens(f, frame) : 0;

		for (size_t i = 0; i < n; i++) {
			char name = f->first[first + i];

			if (name == 'p' && !told)
				fake_append_refusal(fd, frame->call, next++, RC_OVER_QUOTA, 5);
			else if (name == 'c' && !in)
				fake_append_refusal(fd, frame->call, next++, RC_UNKNOWN_PARENT, 0);
			else
				fake_append_answers(fd, frame->call, (uint64_t[]){next++}, 1);
			in |= name == 'p' && told;
			told |= name == 'p';
		}
		if (frame->end)
			fake_end(fd, frame->call, 0, 0, "");
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
	}
}

Test(client_stream, a_child_goes_again_with_the_parent_that_was_put_off)
{
	struct both *b = malloc(sizeof *b);

	cr_assert(b != NULL);
	begin(b, parent_put_off, 1);
	cr_assert_eq(ect_stream_send(b->stream, "p", 1, &b->status), 0);
	cr_assert_eq(ect_stream_send(b->stream, "c", 1, &b->status), 0);
	cr_assert_eq(ect_stream_finish(b->stream, &b->status), 0, "%s", b->status.text);
	cr_assert_eq(b->got.count, 2u);
	for (unsigned i = 0; i < 2; i++)
		cr_expect_geq(b->got.index[i], 100u, "token %llu is refused",
		    (unsigned long long)b->got.number[i]);
	finish(b);
	free(b);
}

/* Nothing is answered and no credit comes until 'flag' tokens are here; then everything, backwards. */
static void
hold_all(struct fake *f, int fd, unsigned connection)
{
	client_frame *frame;

	(void)connection;
	while ((frame = fake_read(fd)) != NULL) {
		Ectledger__V1__AppendRequest *r = frame->has_message
						      ? ectledger__v1__append_request__unpack(NULL,
							    frame->message.len, frame->message.data)
						      : NULL;

		f->messages += r != NULL;
		f->tokens += r != NULL ? (unsigned)r->n_tokens : 0;
		if (r != NULL && f->tokens == 10000)
			for (uint64_t n = 10000; n-- > 0;)
				fake_append_answers(fd, frame->call, &n, 1);
		if (r != NULL)
			ectledger__v1__append_request__free_unpacked(r, NULL);
		if (frame->end)
			fake_end(fd, frame->call, 0, 0, "");
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
	}
}

Test(client_stream, ten_thousand_tokens_may_wait_within_the_first_credit)
{
	struct both *b = malloc(sizeof *b);

	cr_assert(b != NULL);
	begin(b, hold_all, 1);
	for (unsigned i = 0; i < 10000; i++)
		cr_assert_eq(ect_stream_send(b->stream, "token", 5, &b->status), 0, "%u: %s", i,
		    b->status.text);
	cr_expect_eq(ect_stream_unanswered(b->stream), 10000u);
	cr_assert_eq(ect_stream_finish(b->stream, &b->status), 0, "%s", b->status.text);
	cr_assert_eq(b->got.count, 10000u);
	for (unsigned i = 0; i < 10000; i++)
		cr_assert_eq(b->got.number[i], 9999 - i);
	finish(b);
	cr_expect_leq(b->fake.messages, 64u);
	free(b);
}

/* What the options say stands in every message. */
static void
look_at_options(struct fake *f, int fd, unsigned connection)
{
	client_frame *frame;
	uint64_t next = 0;

	(void)connection;
	while ((frame = fake_read(fd)) != NULL) {
		if (frame->has_message) {
			Ectledger__V1__AppendRequest *r = ectledger__v1__append_request__unpack(
			    NULL, frame->message.len, frame->message.data);

			f->messages++;
			f->broken_rules += r == NULL || !r->no_receipt || r->n_wits != 2 ||
					   memcmp(r->wits[1].data, "b.b.b", 5) != 0 || !r->wait ||
					   r->wait_ms != 0;
			for (size_t i = 0; r != NULL && i < r->n_tokens; i++)
				fake_append_answers(fd, frame->call, (uint64_t[]){next++}, 1);
			if (r != NULL)
				ectledger__v1__append_request__free_unpacked(r, NULL);
		}
		if (frame->end)
			fake_end(fd, frame->call, 0, 0, "");
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
	}
}

Test(client_stream, wits_and_waiting_go_with_every_message)
{
	static const char *const wits[] = {"a.a.a", "b.b.b"};
	const struct ect_append_options options = {
	    .no_receipt = true, .wait = true, .wits = wits, .wit_count = 2};
	struct ect_append_options many = {.wits = wits, .wit_count = 17};
	struct both *b = malloc(sizeof *b);

	cr_assert(b != NULL);
	begin(b, look_at_options, 1);
	ect_stream_free(b->stream);
	cr_expect_eq(
	    ect_stream_open_with(b->client, &many, &b->stream, on_answer, &b->got, &b->status), -1);
	cr_expect_eq(b->status.outcome, ECT_USAGE);
	cr_assert_eq(
	    ect_stream_open_with(b->client, &options, &b->stream, on_answer, &b->got, &b->status),
	    0);
	for (unsigned i = 0; i < 300; i++)
		cr_assert_eq(ect_stream_send(b->stream, "t", 1, &b->status), 0);
	cr_assert_eq(ect_stream_finish(b->stream, &b->status), 0, "%s", b->status.text);
	finish(b);
	cr_expect_gt(b->fake.messages, 1u);
	cr_expect_eq(b->fake.broken_rules, 0u);
	free(b);
}
