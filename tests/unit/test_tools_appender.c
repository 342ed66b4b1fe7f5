/*
 * Rows of append: one per token, in token order, whatever order the answers come in and whatever
 * cannot even be sent.
 */
#include "test_client_fake.h"

#include <criterion/redirect.h>

#include "tools/ectl/appender.c"
#include "tools/ectl/args.c"
#include "tools/ectl/connect.c"
#include "tools/ectl/output.c"
#include "tools/ectl/show.c"

static const struct appender_options none;

struct rows {
	char text[64][200];
	uint64_t number[64];
	unsigned count;
};

static void
on_row(void *ctx, uint64_t number, json_t *row)
{
	struct rows *r = ctx;
	const char *code = json_string_value(json_object_get(row, "code"));

	if (r->count == 64)
		abort();
	r->number[r->count] = number;
	(void)snprintf(r->text[r->count++], sizeof r->text[0], "%s %lld",
	    code != NULL ? code : "accepted",
	    (long long)json_integer_value(json_object_get(row, "index")));
}

static struct globals
globals(const struct fake *f)
{
	return (struct globals){
	    .server = f->server, .insecure_loopback = true, .output = OUTPUT_NDJSON};
}

/* Four tokens taken, answers given in the order 2 0 3 1. */
static void
shuffled(struct fake *f, int fd, unsigned connection)
{
	static const uint64_t order[] = {2, 0, 3, 1};
	client_frame *frame;

	(void)connection;
	while ((frame = fake_read(fd)) != NULL) {
		uint32_t call = frame->call;

		if (frame->has_message)
			(void)fake_take_tokens(f, frame);
		if (frame->end)
			fake_end(fd, call, 0, 0, "");
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
		for (size_t i = 0; f->tokens == 4 && f->flag == 0 && i < 4; i++)
			fake_append_answers(fd, call, &order[i], 1);
		f->flag = f->tokens == 4;
	}
}

Test(tools_appender, rows_come_in_token_order_and_unsendable_ones_keep_their_place)
{
	struct appender_counts counts;
	struct appender *a = NULL;
	struct rows rows = {0};
	struct fake f;
	struct globals g;
	char *big = calloc(1, ECT_TOKEN_MAX + 1);

	cr_assert(big != NULL);
	fake_start(&f, shuffled);
	g = globals(&f);
	cr_assert_eq(appender_open(&g, &none, &a, on_row, &rows), 0);
	cr_expect_eq(appender_send(a, big, ECT_TOKEN_MAX + 1), 0);
	cr_expect_eq(appender_send(a, "a", 1), 0);
	cr_expect_eq(appender_send(a, "b", 1), 0);
	cr_expect_eq(appender_refuse(a, "bad_token", "rule", "message"), 0);
	cr_expect_eq(appender_send(a, "c", 1), 0);
	cr_expect_eq(appender_send(a, "d", 1), 0);
	cr_expect_eq(appender_send(a, big, ECT_TOKEN_MAX + 1), 0);
	cr_expect_eq(appender_finish(a, &counts), 0);
	appender_free(a);
	fake_stop(&f);
	free(big);
	cr_assert_eq(rows.count, 7u);
	{
		static const char *const want[] = {"too_large 0", "accepted 100", "accepted 101",
		    "bad_token 0", "accepted 102", "accepted 103", "too_large 0"};

		for (unsigned i = 0; i < 7; i++) {
			cr_expect_eq(rows.number[i], i);
			cr_expect_str_eq(rows.text[i], want[i]);
		}
	}
	cr_expect_eq(counts.sent, 7u);
	cr_expect_eq(counts.accepted, 4u);
	cr_expect_eq(counts.refused, 3u);
}

/* Answers tokens 0 and 2 of three, then is gone for good. */
static void
answer_and_die(struct fake *f, int fd, unsigned connection)
{
	static const uint64_t some[] = {0, 2};
	client_frame *frame;

	while (connection == 0 && f->tokens < 3 && (frame = fake_read(fd)) != NULL) {
		uint32_t call = frame->call;

		(void)fake_take_tokens(f, frame);
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
		if (f->tokens == 3)
			fake_append_answers(fd, call, some, 2);
	}
}

Test(tools_appender, when_the_server_is_lost_for_good_known_rows_are_given_and_the_rest_is_told)
{
	struct appender *a = NULL;
	struct rows rows = {0};
	struct fake f;
	struct globals g;

	cr_redirect_stderr();
	fake_start(&f, answer_and_die);
	g = globals(&f);
	cr_assert_eq(appender_open(&g, &none, &a, on_row, &rows), 0);
	for (unsigned i = 0; i < 3; i++)
		cr_expect_eq(appender_send(a, "t", 1), 0);
	cr_expect_eq(appender_finish(a, NULL), EXIT_UNREACHABLE);
	cr_expect_eq(appender_send(a, "t", 1), EXIT_UNREACHABLE, "it stays over");
	appender_free(a);
	fake_stop(&f);
	cr_assert_eq(rows.count, 2u);
	cr_expect_eq(rows.number[0], 0u);
	cr_expect_eq(rows.number[1], 2u);
}

/* A receipt whose entry is not what its leaf hash says. */
static void
lie(struct fake *f, int fd, unsigned connection)
{
	Ectledger__V1__AppendReply reply = ECTLEDGER__V1__APPEND_REPLY__INIT;
	Ectledger__V1__AppendAnswer answer = ECTLEDGER__V1__APPEND_ANSWER__INIT,
				    *list[] = {&answer};
	Ectledger__V1__Receipt receipt = ECTLEDGER__V1__RECEIPT__INIT;
	server_frame out = ECTLEDGER__V1__SERVER_FRAME__INIT;
	client_frame *frame = fake_read(fd);
	uint8_t id[16] = {1}, hash[32] = {2}, packed[512];

	(void)f;
	(void)connection;
	if (frame == NULL)
		return;
	receipt.leaf_hash = (ProtobufCBinaryData){32, hash};
	receipt.entry = (ProtobufCBinaryData){4, hash};
	receipt.entry_is_head = true;
	answer.jti = (ProtobufCBinaryData){16, id};
	answer.receipt = &receipt;
	reply.answers = list;
	reply.n_answers = 1;
	out.call = frame->call;
	out.has_message = true;
	out.message.len = ectledger__v1__append_reply__pack(&reply, packed);
	out.message.data = packed;
	ectledger__v1__client_frame__free_unpacked(frame, NULL);
	fake_send(fd, &out);
	while ((frame = fake_read(fd)) != NULL)
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
}

Test(tools_appender, a_receipt_that_does_not_fit_its_token_is_not_saved)
{
	char folder[] = "/tmp/appender.XXXXXX", path[128];
	struct appender *a = NULL;
	struct rows rows = {0};
	struct fake f;
	struct globals g;

	cr_redirect_stderr();
	cr_assert(mkdtemp(folder) != NULL);
	fake_start(&f, lie);
	g = globals(&f);
	cr_assert_eq(appender_open(&g, &(struct appender_options){.receipts = folder}, &a, on_row, &rows), 0);
	cr_expect_eq(appender_send(a, "token", 5), 0);
	cr_expect_eq(appender_finish(a, NULL), EXIT_UNREACHABLE);
	appender_free(a);
	fake_stop(&f);
	(void)snprintf(path, sizeof path, "%s/01000000-0000-0000-0000-000000000000.json", folder);
	cr_expect_neq(access(path, F_OK), 0);
	cr_expect_eq(rmdir(folder), 0, "nothing else was left there");
}
