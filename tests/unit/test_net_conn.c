/*
 * Connections over real sockets: the loop in a thread, the hall behind it, a rude or slow client in
 * front.
 */
#include "test_serve_help.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "net/net.h"
#include "proto/frame.h"

struct house {
	struct hall hall;
	struct net *net;
	struct net_options options;
	pthread_t loop;
	enum rc rc;
};

static void *
loop(void *ctx)
{
	struct house *h = ctx;

	h->rc = net_run(h->net);
	return NULL;
}

static void
house_init(struct house *h)
{
	hall_init(&h->hall);
	h->net = NULL;
	h->options = (struct net_options){
	    .listen = "127.0.0.1:0",
	    .insecure_loopback = true,
	    .connections_max = 32,
	    .connections_per_address_max = 8,
	    .handshakes_max = 8,
	    .handshake_ms = 1000,
	    .first_frame_ms = 5000,
	    .frame_ms = 5000,
	    .idle_ms = 60000,
	    .write_ms = 600,
	    .drain_ms = 2000,
	    .connection_age_ms = 60000,
	    .frame_max = 65536,
	    .out_max = 4096,
	    .calls_per_connection_max = 64,
	    .stream_credit = 64,
	    .sink = &h->hall.sink,
	    .metrics = h->hall.metrics,
	};
}

static void
house_open(struct house *h)
{
	struct why why = {0};

	signal(SIGPIPE, SIG_IGN);
	cr_assert(net_open(&h->net, &h->options, &why) == RC_OK, "%s", why.text);
	h->hall.options.wake = net_wake;
	h->hall.options.ctx = h->net;
	h->hall.options.clock = clock_real();
	hall_start(&h->hall);
	net_attach(h->net, h->hall.serve);
	cr_assert(pthread_create(&h->loop, NULL, loop, h) == 0);
}

static void
house_close(struct house *h)
{
	net_stop(h->net);
	pthread_join(h->loop, NULL);
	cr_assert_eq(h->rc, RC_OK);
	serve_stop(h->hall.serve);
	h->hall.serve = NULL;
	net_close(h->net);
	hall_end(&h->hall);
}

static int
dial(struct house *h)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct timeval patience = {.tv_sec = 10};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)atoi(strrchr(net_address(h->net), ':') + 1));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	cr_assert(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
	return fd;
}

/* A unary request as bytes. */
static size_t
frame_of(uint32_t call, const char *method, uint8_t out[256])
{
	Ectledger__V1__ClientFrame f = ECTLEDGER__V1__CLIENT_FRAME__INIT;
	size_t n;

	f.call = call;
	f.method = (char *)(uintptr_t)method;
	f.has_message = f.end = true;
	n = ectledger__v1__client_frame__pack(&f, out + FRAME_HEAD);
	frame_head(out, (uint32_t)n);
	return n + FRAME_HEAD;
}

static bool
read_all(int fd, uint8_t *p, size_t n)
{
	return recv(fd, p, n, MSG_WAITALL) == (ssize_t)n;
}

/* The next frame; NULL when the connection is over. */
static Ectledger__V1__ServerFrame *
next_frame(int fd)
{
	uint8_t head[FRAME_HEAD], body[65536];
	size_t n;

	if (!read_all(fd, head, sizeof head))
		return NULL;
	n = get_u32(head + 1);
	cr_assert(n <= sizeof body);
	if (!read_all(fd, body, n))
		return NULL;
	return ectledger__v1__server_frame__unpack(NULL, n, body);
}

/* Read a frame and compare. */
static void
expect(int fd, uint32_t call, enum rc code)
{
	Ectledger__V1__ServerFrame *f = next_frame(fd);

	cr_assert(f != NULL && f->call == call && f->code == (uint32_t)code && f->end,
	    "call %u code %u", f ? f->call : 0, f ? f->code : 0);
	ectledger__v1__server_frame__free_unpacked(f, NULL);
}

Test(net_conn, a_call_is_answered_whether_it_comes_whole_or_byte_by_byte)
{
	struct house h;
	uint8_t frame[256];
	size_t n;
	int fd;

	house_init(&h);
	house_open(&h);
	fd = dial(&h);
	n = frame_of(1, CHECKPOINT, frame);
	cr_assert(send(fd, frame, n, 0) == (ssize_t)n);
	expect(fd, 1, RC_OK);
	n = frame_of(2, CHECKPOINT, frame);
	for (size_t i = 0; i < n; i++) {
		cr_assert(send(fd, frame + i, 1, 0) == 1);
		usleep(500);
	}
	expect(fd, 2, RC_OK);
	close(fd);
	house_close(&h);
}

Test(net_conn, a_breach_is_told_even_when_more_is_on_its_way)
{
	struct house h;
	uint8_t junk[20000];
	int fd;

	house_init(&h);
	house_open(&h);
	fd = dial(&h);
	memset(junk, 0xee, sizeof junk);
	cr_assert(send(fd, junk, sizeof junk, 0) > 0);
	expect(fd, 0, RC_BAD_FRAME);
	cr_assert_null(next_frame(fd));
	close(fd);
	house_close(&h);
}

Test(net_conn, a_frame_above_the_limit_is_refused_by_its_head)
{
	struct house h;
	uint8_t head[FRAME_HEAD];
	int fd;

	house_init(&h);
	house_open(&h);
	fd = dial(&h);
	frame_head(head, 65537);
	cr_assert(send(fd, head, sizeof head, 0) == sizeof head);
	expect(fd, 0, RC_BAD_FRAME);
	close(fd);
	house_close(&h);
}

Test(net_conn, silence_and_half_frames_run_out_of_time)
{
	struct house h;
	uint8_t frame[256];
	size_t n;
	int silent, half;

	house_init(&h);
	h.options.first_frame_ms = 300;
	h.options.frame_ms = 300;
	house_open(&h);
	silent = dial(&h);
	expect(silent, 0, RC_DEADLINE);
	cr_assert_null(next_frame(silent));
	half = dial(&h);
	n = frame_of(1, CHECKPOINT, frame);
	cr_assert(send(half, frame, n, 0) == (ssize_t)n);
	expect(half, 1, RC_OK);
	n = frame_of(2, CHECKPOINT, frame);
	cr_assert(send(half, frame, n - 1, 0) > 0);
	expect(half, 0, RC_DEADLINE);
	close(silent);
	close(half);
	house_close(&h);
}

/* More requests than fit in out_max: reading stops and goes on, again and again, and none is lost. */
Test(net_conn, reading_goes_on_when_the_output_has_gone)
{
	struct house h;
	uint8_t frame[256];
	int fd;

	house_init(&h);
	h.hall.options.calls_max = 2;
	h.options.out_max = 64;
	h.options.calls_per_connection_max = 1000;
	house_open(&h);
	fd = dial(&h);
	for (uint32_t i = 1; i <= 500; i++) {
		size_t n = frame_of(i, CHECKPOINT, frame);

		cr_assert(send(fd, frame, n, 0) == (ssize_t)n);
	}
	for (uint32_t i = 1; i <= 500; i++) {
		Ectledger__V1__ServerFrame *f = next_frame(fd);

		cr_assert(f != NULL && f->code == RC_OK && f->end, "answer %u", i);
		ectledger__v1__server_frame__free_unpacked(f, NULL);
	}
	close(fd);
	house_close(&h);
}

Test(net_conn, a_client_that_does_not_read_is_cut_off_and_others_are_served)
{
	struct house h;
	uint8_t frame[256];
	int rude = -1, good;
	ssize_t sent = 1;

	house_init(&h);
	house_open(&h);
	rude = dial(&h);
	for (uint32_t i = 1; sent > 0 && i < 10000000; i++) {
		size_t n = frame_of(i, CHECKPOINT, frame);

		sent = send(rude, frame, n, 0);
	}
	cr_assert(sent < 0 && (errno == EPIPE || errno == ECONNRESET), "%s", strerror(errno));
	good = dial(&h);
	cr_assert(send(good, frame, frame_of(1, CHECKPOINT, frame), 0) > 0);
	expect(good, 1, RC_OK);
	close(rude);
	close(good);
	house_close(&h);
}

Test(net_conn, an_address_has_its_share_of_connections)
{
	struct house h;
	uint8_t frame[256];
	int fd[9];

	house_init(&h);
	house_open(&h);
	for (int i = 0; i < 9; i++)
		fd[i] = dial(&h);
	for (int i = 0; i < 8; i++) {
		cr_assert(send(fd[i], frame, frame_of(1, CHECKPOINT, frame), 0) > 0);
		expect(fd[i], 1, RC_OK);
	}
	cr_assert_null(next_frame(fd[8]), "one too many: hung up");
	for (int i = 0; i < 9; i++)
		close(fd[i]);
	house_close(&h);
}

Test(net_conn, a_stopping_server_says_so_and_ends_idle_connections)
{
	struct house h;
	uint8_t frame[256];
	Ectledger__V1__ServerFrame *f;
	int fd;

	house_init(&h);
	house_open(&h);
	fd = dial(&h);
	cr_assert(send(fd, frame, frame_of(1, CHECKPOINT, frame), 0) > 0);
	expect(fd, 1, RC_OK);
	net_stop(h.net);
	f = next_frame(fd);
	cr_assert(f != NULL && f->draining && f->call == 0);
	ectledger__v1__server_frame__free_unpacked(f, NULL);
	cr_assert_null(next_frame(fd));
	close(fd);
	house_close(&h);
}

Test(net_conn, plaintext_is_for_loopback_addresses_only)
{
	struct house h;
	struct why why = {0};

	house_init(&h);
	h.options.listen = "0.0.0.0:0";
	cr_assert_eq(net_open(&h.net, &h.options, &why), RC_BAD_CONFIG);
	h.options.listen = "[::]:0";
	cr_assert_eq(net_open(&h.net, &h.options, &why), RC_BAD_CONFIG);
	h.options.listen = "example.com:1";
	cr_assert_eq(net_open(&h.net, &h.options, &why), RC_BAD_CONFIG);
	h.options.listen = "127.0.0.1:0";
	h.options.insecure_loopback = false;
	cr_assert_eq(net_open(&h.net, &h.options, &why), RC_BAD_CONFIG, "no certificates");
	hall_end(&h.hall);
}

Test(net_conn, a_stream_without_a_message_is_judged_when_it_opens)
{
	struct house h;
	Ectledger__V1__ClientFrame f = ECTLEDGER__V1__CLIENT_FRAME__INIT;
	uint8_t frame[256];
	size_t n;
	int fd;

	house_init(&h);
	house_open(&h);
	fd = dial(&h);
	f.call = 1;
	f.method = (char *)(uintptr_t)STREAM;
	f.log = (char *)(uintptr_t) "nope";
	n = ectledger__v1__client_frame__pack(&f, frame + FRAME_HEAD);
	frame_head(frame, (uint32_t)n);
	n += FRAME_HEAD;
	cr_assert(send(fd, frame, n, 0) == (ssize_t)n);
	expect(fd, 1, RC_NOT_FOUND);
	close(fd);
	house_close(&h);
}
