/*
 * Watching against a scripted server: every entry once, in order, whatever happens to connections.
 */
#include "test_client_fake.h"

#include "base/rc.h"

static void
send_page(int fd, uint32_t call, uint64_t first, uint64_t next)
{
	Ectledger__V1__WatchReply reply = ECTLEDGER__V1__WATCH_REPLY__INIT;
	Ectledger__V1__EntryView entries[16], *list[16];
	server_frame frame = ECTLEDGER__V1__SERVER_FRAME__INIT;
	uint8_t packed[1024];

	if (next - first > 16)
		abort();
	for (uint64_t i = first; i < next; i++) {
		ectledger__v1__entry_view__init(&entries[i - first]);
		entries[i - first].index = i;
		list[i - first] = &entries[i - first];
	}
	reply.entries = list;
	reply.n_entries = (size_t)(next - first);
	reply.next = next;
	frame.call = call;
	frame.has_message = true;
	frame.message.data = packed;
	frame.message.len = ectledger__v1__watch_reply__pack(&reply, packed);
	fake_send(fd, &frame);
}

/* The call and where it begins; the filter's issuer is checked. */
static bool
read_watch(struct fake *f, int fd, uint32_t *call, uint64_t *from)
{
	client_frame *frame = fake_read(fd);
	Ectledger__V1__WatchRequest *request = NULL;

	if (frame == NULL)
		return false;
	if (frame->has_message)
		request = ectledger__v1__watch_request__unpack(
		    NULL, frame->message.len, frame->message.data);
	f->broken_rules += strcmp(frame->method, "/ectledger.v1.Ledger/Watch") != 0 ||
			   !frame->end || request == NULL || request->filter == NULL ||
			   strcmp(request->filter->iss, "i") != 0;
	*call = frame->call;
	*from = request != NULL ? request->from : 0;
	if (request != NULL)
		ectledger__v1__watch_request__free_unpacked(request, NULL);
	ectledger__v1__client_frame__free_unpacked(frame, NULL);
	return true;
}

/* Frames until the client has granted 'n' answers in all. */
static bool
read_grants(int fd, uint32_t n)
{
	uint32_t have = 0;

	while (have < n) {
		client_frame *frame = fake_read(fd);

		if (frame == NULL)
			return false;
		have += frame->credit;
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
	}
	return true;
}

struct watching {
	struct fake fake;
	struct ect_client *client;
	struct ect_watch *watch;
	struct ect_status status;
	uint64_t next; /* the entry wanted next */
};

static void
begin(struct watching *t, void (*script)(struct fake *f, int fd, unsigned connection),
    unsigned retries, uint64_t from)
{
	static const uint8_t filter[] = {0x0a, 1, 'i'};
	struct ect_client_options options;

	memset(t, 0, sizeof *t);
	fake_start(&t->fake, script);
	options = fake_options(&t->fake);
	options.retries = retries;
	cr_assert_eq(ect_client_open(&t->client, &options, &t->status), 0, "%s", t->status.text);
	cr_assert_eq(
	    ect_watch_open(t->client, from, filter, sizeof filter, &t->watch, &t->status), 0);
	t->next = from;
}

static void
finish(struct watching *t)
{
	ect_watch_free(t->watch);
	ect_client_close(t->client);
	fake_stop(&t->fake);
	cr_expect_eq(t->fake.broken_rules, 0u);
}

/* One page; its entries must be those wanted. */
static int
next_page(struct watching *t, int timeout_ms)
{
	const uint8_t *page;
	size_t size;
	int r = ect_watch_next(t->watch, -1, timeout_ms, &page, &size, &t->status);

	if (r == 1) {
		Ectledger__V1__WatchReply *reply =
		    ectledger__v1__watch_reply__unpack(NULL, size, page);

		cr_assert(reply != NULL);
		for (size_t i = 0; i < reply->n_entries; i++)
			cr_assert_eq(reply->entries[i]->index, t->next++);
		cr_expect_eq(ect_watch_position(t->watch), t->next);
		ectledger__v1__watch_reply__free_unpacked(reply, NULL);
	}
	return r;
}

/* Two pages of three entries, a sign of life, then the connection is gone; three times. */
static void
two_pages(struct fake *f, int fd, unsigned connection)
{
	uint64_t from;
	uint32_t call;

	if (!read_watch(f, fd, &call, &from))
		return;
	f->broken_rules += from != 5 + 6 * connection;
	(void)read_grants(fd, 4);
	send_page(fd, call, from, from + 3);
	send_page(fd, call, from + 3, from + 6);
	send_page(fd, call, from + 6, from + 6);
	if (connection < 2)
		(void)read_grants(fd, 3); /* it has taken all three */
	else
		(void)read_grants(fd, 1000);
}

Test(client_watch, a_lost_connection_leaves_no_gap_and_no_repeat)
{
	struct watching t;

	begin(&t, two_pages, 2, 5);
	for (unsigned i = 0; i < 9; i++)
		cr_assert_eq(next_page(&t, 5000), 1, "%s", t.status.text);
	cr_expect_eq(t.next, 5u + 18u);
	cr_expect_eq(next_page(&t, 0), 0, "nothing more now");
	finish(&t);
	cr_expect_eq(t.fake.connections, 3u);
}

/* One page, then the connection is gone before the client has looked. */
static void
page_and_gone(struct fake *f, int fd, unsigned connection)
{
	uint64_t from;
	uint32_t call;

	if (read_watch(f, fd, &call, &from) && connection < 3)
		send_page(fd, call, from, from + 1);
	(void)shutdown(fd, SHUT_WR);
	(void)read_grants(fd, 1000);
}

Test(client_watch, when_it_stays_lost_the_retries_end_it)
{
	struct watching t;
	unsigned pages = 0;
	int r;

	begin(&t, page_and_gone, 1, 0);
	while ((r = next_page(&t, 5000)) == 1)
		pages++;
	cr_expect_eq(r, -1);
	cr_expect_eq(t.status.outcome, ECT_UNREACHABLE);
	cr_expect_eq(pages, 3u);
	cr_expect_eq(next_page(&t, 5000), -1, "it stays over");
	finish(&t);
}

/* Not allowed. */
static void
refuse(struct fake *f, int fd, unsigned connection)
{
	uint64_t from;
	uint32_t call;

	(void)connection;
	if (read_watch(f, fd, &call, &from))
		fake_end(fd, call, 7, RC_NOT_AUTHORIZED, "no");
	(void)read_grants(fd, 1000);
}

Test(client_watch, a_refusal_is_not_repeated)
{
	struct watching t;

	begin(&t, refuse, 3, 0);
	cr_expect_eq(next_page(&t, 5000), -1);
	cr_expect_eq(t.status.outcome, ECT_REFUSED);
	cr_expect_eq(t.status.code, (uint32_t)RC_NOT_AUTHORIZED);
	finish(&t);
	cr_expect_eq(t.fake.connections, 1u);
}

/* Ends the watch without trouble, as when a connection is too old: once on each of two. */
static void
drain(struct fake *f, int fd, unsigned connection)
{
	server_frame frame = ECTLEDGER__V1__SERVER_FRAME__INIT;
	uint64_t from;
	uint32_t call;

	if (!read_watch(f, fd, &call, &from))
		return;
	send_page(fd, call, from, from + 2);
	if (connection == 0) {
		frame.draining = true;
		fake_send(fd, &frame);
		fake_end(fd, call, 14, RC_UNAVAILABLE, "draining");
	}
	(void)read_grants(fd, 1000);
}

Test(client_watch, a_draining_server_is_left_for_another_connection)
{
	struct watching t;

	begin(&t, drain, 1, 0);
	cr_expect_eq(next_page(&t, 5000), 1);
	cr_expect_eq(next_page(&t, 5000), 1, "%s", t.status.text);
	cr_expect_eq(t.next, 4u);
	finish(&t);
	cr_expect_eq(t.fake.connections, 2u);
}

/* Goes backwards. */
static void
backwards(struct fake *f, int fd, unsigned connection)
{
	uint64_t from;
	uint32_t call;

	(void)connection;
	if (!read_watch(f, fd, &call, &from))
		return;
	send_page(fd, call, 0, 3);
	(void)read_grants(fd, 1000);
}

Test(client_watch, a_page_from_before_the_start_is_a_breach)
{
	struct watching t;

	begin(&t, backwards, 1, 10);
	cr_expect_eq(next_page(&t, 5000), -1);
	cr_expect_eq(t.status.outcome, ECT_PROTOCOL);
	finish(&t);
}

Test(client_watch, a_readable_descriptor_ends_the_waiting)
{
	const uint8_t *page;
	struct watching t;
	int ends[2];
	size_t size;

	cr_assert_eq(pipe(ends), 0);
	begin(&t, drain, 1, 0);
	cr_expect_eq(next_page(&t, 5000), 1);
	cr_expect_eq(write(ends[1], "x", 1), 1);
	cr_expect_eq(ect_watch_next(t.watch, ends[0], -1, &page, &size, &t.status), 0);
	finish(&t);
}
