/*
 * The non-blocking core against a scripted server: who may send what, and what a server that breaks
 * the rules gets.
 */
#include "test_client_fake.h"

#include "client/src/core.h"

struct seen {
	unsigned ready, closed, ends, messages;
	uint32_t last_call;
	size_t last_size;
	struct ect_status end, close;
};

static void
on_ready(void *ctx)
{
	((struct seen *)ctx)->ready++;
}

static void
on_closed(void *ctx, const struct ect_status *status)
{
	struct seen *s = ctx;

	s->closed++;
	s->close = *status;
}

static void
on_message(void *ctx, uint32_t call, const uint8_t *message, size_t size)
{
	struct seen *s = ctx;

	(void)message;
	s->messages++;
	s->last_call = call;
	s->last_size = size;
}

static void
on_end(void *ctx, uint32_t call, const struct ect_status *status)
{
	struct seen *s = ctx;

	s->ends++;
	s->last_call = call;
	s->end = *status;
}

static struct ect_core *
open_core(struct fake *f, struct seen *seen)
{
	struct ect_core_callbacks callbacks = {on_message, on_end, on_ready, on_closed, seen};
	struct ect_client_options options = fake_options(f);
	struct ect_status status;
	struct ect_core *core = NULL;

	memset(seen, 0, sizeof *seen);
	cr_assert_eq(ect_core_open(&core, &options, &callbacks, &status), 0, "%s", status.text);
	return core;
}

/* Until the counter moves, the connection is over, or two seconds passed. */
static void
run(struct ect_core *core, const unsigned *counter, unsigned want)
{
	int64_t by = core_now_us() + 2000000;

	while (*counter < want && core_now_us() < by && !core_dead(core))
		(void)core_wait(core, -1, 100);
}

/* ---- calls ---- */

static void
echo(struct fake *f, int fd, unsigned connection)
{
	client_frame *frame;

	(void)connection;
	while ((frame = fake_read(fd)) != NULL) {
		f->frames++;
		if (frame->call == 0 || frame->method[0] == '\0' || !frame->has_message ||
		    !frame->end)
			f->broken_rules++;
		if (strcmp(frame->method, "/none") == 0)
			fake_end(fd, frame->call, 5, 23, "not in the log");
		else if (strcmp(frame->method, "/late") == 0)
			fake_end(fd, frame->call, 4, 27, "too late");
		else if (strcmp(frame->method, "/no") == 0)
			fake_end(fd, frame->call, 7, 18, "not you");
		else if (strcmp(frame->method, "/never") != 0)
			fake_answer(fd, frame->call, frame->message.data, frame->message.len);
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
	}
}

Test(client_core, a_call_is_one_frame_and_gets_its_message_and_its_end)
{
	struct fake f;
	struct seen seen;
	struct ect_core *core;
	uint32_t id;

	fake_start(&f, echo);
	core = open_core(&f, &seen);
	id = ect_core_begin(core, "/echo", 0, "hello", 5, false);
	cr_expect_eq(id, 1u, "ids count from 1");
	run(core, &seen.ends, 1);
	cr_expect_eq(seen.ready, 1u);
	cr_expect_eq(seen.messages, 1u);
	cr_expect_eq(seen.last_size, 5u);
	cr_expect_eq(seen.end.outcome, ECT_OK);
	ect_core_close(core);
	fake_stop(&f);
	cr_expect_eq(f.frames, 1u);
	cr_expect_eq(f.broken_rules, 0u);
}

Test(client_core, outcomes_are_those_of_the_grpc_status)
{
	static const struct {
		const char *method;
		enum ect_outcome outcome;
		uint32_t code;
	} cases[] = {
	    {"/none", ECT_NOT_FOUND, 23}, {"/late", ECT_UNREACHABLE, 27}, {"/no", ECT_REFUSED, 18}};
	struct fake f;
	struct seen seen;
	struct ect_core *core;

	fake_start(&f, echo);
	core = open_core(&f, &seen);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_neq(ect_core_begin(core, cases[i].method, 0, "", 0, false), 0u);
		run(core, &seen.ends, i + 1);
		cr_expect_eq(seen.end.outcome, cases[i].outcome, "%s", cases[i].method);
		cr_expect_eq(seen.end.code, cases[i].code);
	}
	ect_core_close(core);
	fake_stop(&f);
}

Test(client_core, a_thousand_calls_are_under_way_at_once_and_one_more_is_not)
{
	struct fake f;
	struct seen seen;
	struct ect_core *core;

	fake_start(&f, echo);
	core = open_core(&f, &seen);
	for (unsigned i = 0; i < CORE_CALLS_MAX; i++)
		cr_assert_eq(ect_core_begin(core, "/echo", 0, "x", 1, false), i + 1);
	cr_expect_eq(ect_core_begin(core, "/echo", 0, "x", 1, false), 0u);
	run(core, &seen.ends, CORE_CALLS_MAX);
	cr_expect_eq(seen.ends, (unsigned)CORE_CALLS_MAX);
	cr_expect_eq(ect_core_begin(core, "/echo", 0, "x", 1, false), CORE_CALLS_MAX + 1u);
	ect_core_close(core);
	fake_stop(&f);
}

Test(client_core, a_call_without_an_answer_ends_after_its_deadline)
{
	struct fake f;
	struct seen seen;
	struct ect_core *core;
	int64_t began = core_now_us();

	fake_start(&f, echo);
	core = open_core(&f, &seen);
	(void)ect_core_begin(core, "/never", 100, "", 0, false);
	cr_expect_geq(ect_core_timeout_ms(core), 0);
	run(core, &seen.ends, 1);
	cr_expect_eq(seen.ends, 1u);
	cr_expect_eq(seen.end.outcome, ECT_UNREACHABLE);
	cr_expect_geq(core_now_us() - began, 100000);
	ect_core_close(core);
	fake_stop(&f);
}

Test(client_core, a_cancelled_call_is_heard_of_no_more)
{
	struct fake f;
	struct seen seen;
	struct ect_core *core;
	uint32_t id;

	fake_start(&f, echo);
	core = open_core(&f, &seen);
	id = ect_core_begin(core, "/echo", 0, "a", 1, false);
	ect_core_cancel(core, id);
	(void)ect_core_begin(core, "/echo", 0, "bc", 2, false);
	run(core, &seen.ends, 1);
	cr_expect_eq(seen.ends, 1u);
	cr_expect_eq(seen.messages, 1u);
	cr_expect_eq(seen.last_size, 2u);
	ect_core_close(core);
	fake_stop(&f);
}

Test(client_core, a_message_over_the_frame_limit_is_not_sent)
{
	struct fake f;
	struct seen seen;
	struct ect_core *core;
	uint8_t *big = calloc(1, CORE_MESSAGE_MAX + 1);

	cr_assert(big != NULL);
	fake_start(&f, echo);
	core = open_core(&f, &seen);
	cr_expect_eq(ect_core_begin(core, "/echo", 0, big, CORE_MESSAGE_MAX + 1, false), 0u);
	cr_expect_neq(ect_core_begin(core, "/echo", 0, big, CORE_MESSAGE_MAX, false), 0u);
	run(core, &seen.ends, 1);
	cr_expect_eq(seen.last_size, (size_t)CORE_MESSAGE_MAX);
	ect_core_close(core);
	fake_stop(&f);
	free(big);
}

/* ---- credit ---- */

static void
grant_late(struct fake *f, int fd, unsigned connection)
{
	client_frame *frame;
	uint32_t call = 0;

	(void)connection;
	while ((frame = fake_read(fd)) != NULL) {
		call = frame->call;
		f->messages += frame->has_message != 0;
		if (f->messages == CORE_STREAM_CREDIT && f->flag == 0) {
			/* Nothing more may come before the grant. */
			char peek;

			(void)usleep(50000);
			f->broken_rules += recv(fd, &peek, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
			f->flag = 1;
			fake_credit(fd, call, 10);
		}
		if (frame->end)
			fake_end(fd, call, 0, 0, "");
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
	}
}

Test(client_core, a_stream_sends_64_messages_and_then_what_is_granted)
{
	struct fake f;
	struct seen seen;
	struct ect_core *core;
	uint32_t id;
	int64_t by = core_now_us() + 2000000;

	fake_start(&f, grant_late);
	core = open_core(&f, &seen);
	id = ect_core_begin(core, "/s", 0, "m", 1, true);
	for (unsigned i = 1; i < CORE_STREAM_CREDIT; i++)
		cr_assert(ect_core_send(core, id, "m", 1), "message %u", i);
	cr_expect_not(ect_core_send(core, id, "m", 1), "a 65th without credit");
	while (core_credit(core, id) == 0 && core_now_us() < by)
		(void)core_wait(core, -1, 100);
	for (unsigned i = 0; i < 10; i++)
		cr_assert(ect_core_send(core, id, "m", 1));
	cr_expect_not(ect_core_send(core, id, "m", 1));
	ect_core_end(core, id);
	run(core, &seen.ends, 1);
	cr_expect_eq(seen.end.outcome, ECT_OK);
	ect_core_close(core);
	fake_stop(&f);
	cr_expect_eq(f.messages, CORE_STREAM_CREDIT + 10u);
	cr_expect_eq(f.broken_rules, 0u);
}

/* ---- servers that break the rules ---- */

static const char *bytes_to_send; /* set before the thread starts */
static size_t bytes_count;

static void
send_raw(struct fake *f, int fd, unsigned connection)
{
	char c;

	(void)f;
	(void)connection;
	fake_send_bytes(fd, bytes_to_send, bytes_count);
	(void)!recv(fd, &c, 1, 0);
	(void)!recv(fd, &c, 1, 0);
}

static struct ect_status
closed_by(const char *bytes, size_t n)
{
	struct fake f;
	struct seen seen;
	struct ect_core *core;

	bytes_to_send = bytes;
	bytes_count = n;
	fake_start(&f, send_raw);
	core = open_core(&f, &seen);
	(void)ect_core_begin(core, "/echo", 0, "x", 1, false);
	run(core, &seen.closed, 1);
	cr_expect_eq(seen.closed, 1u, "closed exactly once");
	ect_core_close(core);
	fake_stop(&f);
	return seen.close;
}

Test(client_core, a_compressed_frame_ends_the_connection)
{
	cr_expect_eq(closed_by("\x01\0\0\0\0", 5).outcome, ECT_PROTOCOL);
}

Test(client_core, a_frame_over_the_limit_ends_the_connection_at_its_head)
{
	cr_expect_eq(closed_by("\0\xff\xff\xff\xff", 5).outcome, ECT_PROTOCOL);
}

Test(client_core, a_frame_that_is_no_message_ends_the_connection)
{
	cr_expect_eq(closed_by("\0\0\0\0\x02\x08\xff", 7).outcome, ECT_PROTOCOL);
}

Test(client_core, an_answer_to_a_call_never_made_ends_the_connection)
{
	cr_expect_eq(closed_by("\0\0\0\0\x04\x08\x63\x20\x01", 9).outcome, ECT_PROTOCOL);
}

Test(client_core, a_server_that_speaks_tls_is_named_as_one)
{
	struct ect_status s = closed_by("\x15\x03\x03\0\x02\x02\x28", 7);

	cr_expect_eq(s.outcome, ECT_UNREACHABLE);
	cr_expect(strstr(s.text, "TLS") != NULL, "%s", s.text);
}

static void
drain(struct fake *f, int fd, unsigned connection)
{
	server_frame frame = ECTLEDGER__V1__SERVER_FRAME__INIT;
	client_frame *got = fake_read(fd);

	(void)f;
	(void)connection;
	if (got == NULL)
		return;
	frame.draining = true;
	fake_send(fd, &frame);
	fake_answer(fd, got->call, "ok", 2);
	ectledger__v1__client_frame__free_unpacked(got, NULL);
	while ((got = fake_read(fd)) != NULL)
		ectledger__v1__client_frame__free_unpacked(got, NULL);
}

Test(client_core, a_draining_server_finishes_its_calls_and_gets_no_new_ones)
{
	struct fake f;
	struct seen seen;
	struct ect_core *core;

	fake_start(&f, drain);
	core = open_core(&f, &seen);
	(void)ect_core_begin(core, "/echo", 0, "x", 1, false);
	run(core, &seen.ends, 1);
	cr_expect_eq(seen.end.outcome, ECT_OK);
	cr_expect(ect_core_draining(core));
	cr_expect_eq(ect_core_begin(core, "/echo", 0, "x", 1, false), 0u);
	ect_core_close(core);
	fake_stop(&f);
}

/* ---- opening ---- */

static enum ect_outcome
open_outcome(const struct ect_client_options *options)
{
	struct ect_core_callbacks callbacks = {0};
	struct ect_core *core = NULL;
	struct ect_status status;
	enum ect_outcome outcome;

	if (ect_core_open(&core, options, &callbacks, &status) != 0)
		return status.outcome;
	while (!core_dead(core) && !core_ready(core))
		(void)core_wait(core, -1, -1);
	outcome = core_dead(core) ? core_status(core)->outcome : ECT_OK;
	ect_core_close(core);
	return outcome;
}

Test(client_core, plaintext_goes_to_loopback_only)
{
	struct ect_client_options options = {.server = "192.0.2.1:7400", .insecure_loopback = true};

	cr_expect_eq(open_outcome(&options), ECT_USAGE);
}

Test(client_core, tls_without_any_file_is_a_usage_error)
{
	struct ect_client_options options = {.server = "127.0.0.1:7400"};

	cr_expect_eq(open_outcome(&options), ECT_USAGE);
}

Test(client_core, a_server_is_host_and_port)
{
	static const char *const bad[] = {"", ":7400", "host:", "host:0", "host:65536", "host:7a",
	    "[::1", "[::1]7400", "host:123456"};
	struct ect_client_options options = {.insecure_loopback = true};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		options.server = bad[i];
		cr_expect_eq(open_outcome(&options), ECT_USAGE, "\"%s\"", bad[i]);
	}
}

Test(client_core, nobody_there_is_unreachable)
{
	struct ect_client_options options = {.server = "127.0.0.1:1", .insecure_loopback = true};

	cr_expect_eq(open_outcome(&options), ECT_UNREACHABLE);
}

static void
be_silent(struct fake *f, int fd, unsigned connection)
{
	(void)connection;
	while (f->flag == 0)
		(void)usleep(1000);
	(void)fd;
}

Test(client_core, a_tls_server_that_says_nothing_runs_into_the_connect_time)
{
	struct fake f;
	struct ect_client_options options;
	int64_t began = core_now_us();

	fake_start(&f, be_silent);
	options = (struct ect_client_options){
	    .server = f.server, .ca = "/etc/ssl/certs/ca-certificates.crt", .connect_ms = 200};
	if (access(options.ca, R_OK) != 0)
		options.ca = NULL, options.cert = NULL, options.insecure_loopback = true;
	if (!options.insecure_loopback) {
		cr_expect_eq(open_outcome(&options), ECT_UNREACHABLE);
		cr_expect_geq(core_now_us() - began, 190000);
	}
	f.flag = 1;
	fake_stop(&f);
}
