/*
 * Blocking calls: what is repeated, what is not, and what the caller is told.
 */
#include "test_client_fake.h"

static void
answer_from_third(struct fake *f, int fd, unsigned connection)
{
	client_frame *frame;

	while ((frame = fake_read(fd)) != NULL) {
		bool answer = connection >= 2;

		f->frames++;
		if (answer)
			fake_answer(fd, frame->call, "yes", 3);
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
		if (!answer)
			return;
	}
}

static int
call(struct fake *f, unsigned retries, char out[64], struct ect_status *status)
{
	struct ect_client_options options = fake_options(f);
	struct ect_client *client = NULL;
	uint8_t *answer = NULL;
	size_t n = 0;
	int r;

	options.retries = retries;
	cr_assert_eq(ect_client_open(&client, &options, status), 0, "%s", status->text);
	r = ect_client_call(client, "/m", "q", 1, &answer, &n, status);
	cr_assert_lt(n, 64u);
	if (r == 0)
		(void)snprintf(out, 64, "%.*s", (int)n, (const char *)answer);
	free(answer);
	ect_client_close(client);
	return r;
}

Test(client_blocking, a_call_on_a_lost_connection_is_repeated)
{
	struct fake f;
	struct ect_status status;
	char out[64];

	fake_start(&f, answer_from_third);
	cr_expect_eq(call(&f, 3, out, &status), 0, "%s", status.text);
	cr_expect_str_eq(out, "yes");
	fake_stop(&f);
	cr_expect_eq(f.frames, 3u);
}

Test(client_blocking, the_retries_have_an_end)
{
	struct fake f;
	struct ect_status status;
	char out[64];

	fake_start(&f, answer_from_third);
	cr_expect_eq(call(&f, 1, out, &status), -1);
	cr_expect_eq(status.outcome, ECT_UNREACHABLE);
	fake_stop(&f);
	cr_expect_eq(f.frames, 2u);
}

static void
refuse(struct fake *f, int fd, unsigned connection)
{
	client_frame *frame;

	(void)connection;
	while ((frame = fake_read(fd)) != NULL) {
		f->frames++;
		fake_end(fd, frame->call, 7, 18, "not you");
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
	}
}

Test(client_blocking, a_refusal_is_an_answer_and_not_repeated)
{
	struct fake f;
	struct ect_status status;
	char out[64];

	fake_start(&f, refuse);
	cr_expect_eq(call(&f, 3, out, &status), -1);
	cr_expect_eq(status.outcome, ECT_REFUSED);
	cr_expect_eq(status.code, 18u);
	cr_expect_str_eq(status.text, "not you");
	fake_stop(&f);
	cr_expect_eq(f.frames, 1u);
}

static void
busy_once(struct fake *f, int fd, unsigned connection)
{
	client_frame *frame;

	(void)connection;
	while ((frame = fake_read(fd)) != NULL) {
		if (f->frames++ == 0)
			fake_end(fd, frame->call, 14, 21, "every slot is taken");
		else
			fake_answer(fd, frame->call, "now", 3);
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
	}
}

Test(client_blocking, a_busy_server_is_asked_again_on_the_same_connection)
{
	struct fake f;
	struct ect_status status;
	char out[64];

	fake_start(&f, busy_once);
	cr_expect_eq(call(&f, 2, out, &status), 0, "%s", status.text);
	cr_expect_str_eq(out, "now");
	fake_stop(&f);
	cr_expect_eq(f.connections, 1u);
}

static void
end_without_message(struct fake *f, int fd, unsigned connection)
{
	client_frame *frame;

	(void)f;
	(void)connection;
	while ((frame = fake_read(fd)) != NULL) {
		fake_end(fd, frame->call, 0, 0, "");
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
	}
}

Test(client_blocking, a_good_end_without_a_message_is_no_answer)
{
	struct fake f;
	struct ect_status status;
	char out[64];

	fake_start(&f, end_without_message);
	cr_expect_eq(call(&f, 1, out, &status), -1);
	cr_expect_eq(status.outcome, ECT_PROTOCOL);
	fake_stop(&f);
}

Test(client_blocking, opening_says_at_once_that_nobody_is_there)
{
	struct ect_client_options options = {.server = "127.0.0.1:1", .insecure_loopback = true};
	struct ect_client *client = NULL;
	struct ect_status status;

	cr_expect_eq(ect_client_open(&client, &options, &status), -1);
	cr_expect_null(client);
	cr_expect_eq(status.outcome, ECT_UNREACHABLE);
	cr_expect(strstr(status.text, "127.0.0.1:1") != NULL, "%s", status.text);
}
