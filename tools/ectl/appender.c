/*
 * appender.c - tokens in, one JSON row per token out, in token order, whatever order the answers
 * come in.
 *
 * The ring holds the rows that cannot be given out yet: place (number mod PENDING) belongs to row
 * 'number', from 'out' (next to be given) to 'in' (next to be taken).  Tokens that cannot be sent
 * get their refused row at once but keep their place.  The stream counts only what was sent, so
 * 'row_of' leads from the stream's number to the row's.
 *
 * When the connection is lost for good, rows behind a gap are given out too, in order: they are
 * known facts, and each carries its jti.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/must.h"
#include "call.h"
#include "seal/receipt.h"

/* Rows held back: as long as a token waits for its predecessors, all rows behind it.  More than the
 * stream's window, so that later tokens go on meanwhile. */
#define PENDING (4 * ECT_WINDOW)

struct pending {
	json_t *row;
	uint8_t *token; /* kept for its receipt only */
	size_t size;
};

struct appender {
	struct ect_client *client;
	struct ect_stream *stream;
	const char *receipts; /* folder, or NULL */
	void (*answer)(void *ctx, uint64_t number, json_t *row);
	void *ctx;
	struct pending ring[PENDING];
	uint64_t row_of[PENDING];
	uint64_t in, out, sent;
	struct appender_counts counts;
	int broken; /* exit code: nothing more can be done */
};

static void
give_row(struct appender *a)
{
	struct pending *p = &a->ring[a->out % PENDING];

	a->answer(a->ctx, a->out, p->row);
	json_decref(p->row);
	p->row = NULL;
	a->out++;
}

static void
give_ready(struct appender *a)
{
	while (a->out < a->in && a->ring[a->out % PENDING].row != NULL)
		give_row(a);
}

/* ---- rows ---- */

static json_t *
refused_row(const Ectledger__V1__AppendAnswer *answer)
{
	const Ectledger__V1__Refusal *r = answer->refusal;
	json_t *missing = json_array(), *row;

	for (size_t i = 0; i < r->n_missing; i++)
		(void)json_array_append_new(missing, show_uuid(r->missing[i]));
	row = json_pack("{ss ss so so so so}", "status", "refused", "code",
	    rc_label(rc_from_wire(r->code)), "rule", show_text(r->rule), "message",
	    show_text(r->message), "jti", show_uuid(answer->jti), "missing", missing);
	if (row != NULL && r->claim[0] != '\0')
		(void)json_object_set_new(row, "claim", show_text(r->claim));
	if (row != NULL && r->retry_after_ms != 0)
		(void)json_object_set_new(
		    row, "retry_after_ms", json_integer((json_int_t)r->retry_after_ms));
	return row;
}

static json_t *
accepted_row(const Ectledger__V1__AppendAnswer *answer)
{
	return json_pack("{ss sI so so sI so sb}", "status", "accepted", "index",
	    (json_int_t)answer->index, "jti", show_uuid(answer->jti), "wid", show_uuid(answer->wid),
	    "tree_size", (json_int_t)answer->tree_size, "leaf_hash", show_hex(answer->leaf_hash),
	    "duplicate", answer->duplicate != 0);
}

/* ---- receipts ---- */

/* The wire's receipt as seal knows it; 'entry' is filled with head + token.  False: it does not fit together. */
bool
receipt_from_wire(const Ectledger__V1__Receipt *w, const void *token, size_t size,
    struct buf *entry, struct receipt *out)
{
	struct hash leaf;

	memset(out, 0, sizeof *out);
	if (w->leaf_hash.len != HASH_SIZE || w->path.len % HASH_SIZE != 0 ||
	    w->path.len / HASH_SIZE > TREE_PATH_MAX)
		return false;
	buf_add(entry, w->entry.data, w->entry.len);
	if (w->entry_is_head)
		buf_add(entry, token, size);
	if (buf_rc(entry) != RC_OK)
		return false;
	out->index = w->index;
	out->tree_size = w->tree_size;
	out->path_count = (unsigned)(w->path.len / HASH_SIZE);
	memcpy(out->leaf.b, w->leaf_hash.data, HASH_SIZE);
	if (w->path.len > 0)
		memcpy(out->path, w->path.data, w->path.len);
	out->checkpoint = bytes_of(w->checkpoint.data, w->checkpoint.len);
	out->entry = buf_bytes(entry);
	tree_leaf(out->entry, &leaf);
	return hash_eq(&leaf, &out->leaf);
}

static int
save_receipt(struct appender *a, const Ectledger__V1__AppendAnswer *answer, const struct pending *p)
{
	struct receipt receipt;
	struct buf entry, text;
	char id[UUID_TEXT_SIZE];
	char *path = NULL;
	int code = EXIT_UNREACHABLE;

	buf_init(&entry, RECEIPT_SIZE_MAX);
	buf_init(&text, RECEIPT_SIZE_MAX);
	if (answer->jti.len != UUID_SIZE || answer->receipt == NULL ||
	    !receipt_from_wire(answer->receipt, p->token, p->size, &entry, &receipt)) {
		(void)fail(code, "the server's receipt for token %llu does not fit the token",
		    (unsigned long long)a->counts.accepted);
		goto out;
	}
	uuid_text(answer->jti.data, id);
	if (receipt_write_json(&receipt, &text) != RC_OK || buf_rc(&text) != RC_OK ||
	    asprintf(&path, "%s/%s.json", a->receipts, id) < 0) {
		path = NULL;
		(void)fail(code, "out of memory for a receipt");
		goto out;
	}
	code = write_file(path, text.p, text.n, 0644) ? 0 : EXIT_USAGE;
out:
	free(path);
	buf_release(&entry);
	buf_release(&text);
	return code;
}

/* ---- answers ---- */

static void
take_answer(struct appender *a, uint64_t number, const Ectledger__V1__AppendAnswer *answer)
{
	struct pending *p = &a->ring[a->row_of[number % PENDING] % PENDING];

	must(p->row == NULL);
	if (answer->refusal != NULL) {
		a->counts.refused++;
		p->row = refused_row(answer);
	} else {
		a->counts.accepted++;
		a->counts.duplicate += answer->duplicate != 0;
		if (a->receipts != NULL && a->broken == 0)
			a->broken = save_receipt(a, answer, p);
		p->row = accepted_row(answer);
	}
	free(p->token);
	p->token = NULL;
	if (p->row == NULL)
		a->broken = fail(EXIT_UNREACHABLE, "out of memory for a row");
	else
		give_ready(a);
}

static void
on_answer(void *ctx, uint64_t number, const uint8_t *bytes, size_t size)
{
	struct appender *a = ctx;
	Ectledger__V1__AppendAnswer *answer =
	    ectledger__v1__append_answer__unpack(NULL, size, bytes);

	must(number < a->sent);
	if (answer == NULL) {
		a->broken =
		    fail(EXIT_UNREACHABLE, "the server's answer for a token cannot be read");
		return;
	}
	take_answer(a, number, answer);
	ectledger__v1__append_answer__free_unpacked(answer, NULL);
}

/* ---- the verbs' side ---- */

int
appender_open(const struct globals *g, const struct appender_options *options,
    struct appender **out, void (*answer)(void *ctx, uint64_t number, json_t *row), void *ctx)
{
	struct ect_append_options send = options->send;
	const char *receipts_dir = options->receipts;
	struct appender *a = NULL;
	struct ect_status status;
	int code;

	*out = NULL;
	if (receipts_dir != NULL && mkdir(receipts_dir, 0755) != 0 && errno != EEXIST)
		return fail(
		    EXIT_USAGE, "cannot make the folder %s: %s", receipts_dir, strerror(errno));
	if ((a = calloc(1, sizeof *a)) == NULL)
		return fail(EXIT_UNREACHABLE, "out of memory");
	a->receipts = receipts_dir;
	a->answer = answer;
	a->ctx = ctx;
	send.no_receipt = receipts_dir == NULL;
	if ((code = connect_server(g, &a->client)) == 0 &&
	    ect_stream_open_with(a->client, &send, &a->stream, on_answer, a, &status) != 0)
		code = fail_status(&status);
	if (code != 0) {
		appender_free(a);
		return code;
	}
	*out = a;
	return 0;
}

/* The stream said -1: for good. */
static int
lost(struct appender *a, const struct ect_status *status)
{
	uint64_t open = 0;

	if (a->broken != 0)
		return a->broken;
	for (; a->out < a->in;) {
		if (a->ring[a->out % PENDING].row != NULL) {
			give_row(a);
		} else {
			open++;
			a->out++;
		}
	}
	a->broken = fail_status(status);
	if (open > 0)
		(void)fail(a->broken,
		    "%llu tokens got no answer: they may or may not be in the log; append them "
		    "again, which is safe",
		    (unsigned long long)open);
	return a->broken;
}

/* A place for one more row. */
static int
make_room(struct appender *a)
{
	struct ect_status status;

	while (a->broken == 0 && a->in - a->out == PENDING)
		if (ect_stream_flush(a->stream, &status) != 0 ||
		    ect_stream_wait(a->stream, -1, -1, &status) < 0)
			return lost(a, &status);
	return a->broken;
}

int
appender_refuse(struct appender *a, const char *code, const char *rule, const char *message)
{
	json_t *row;

	if (make_room(a) != 0)
		return a->broken;
	row = json_pack("{ss ss ss ss sn s[]}", "status", "refused", "code", code, "rule", rule,
	    "message", message, "jti", "missing");
	if (row == NULL)
		return a->broken = fail(EXIT_UNREACHABLE, "out of memory for a row");
	a->ring[a->in % PENDING].row = row;
	a->in++;
	a->counts.sent++;
	a->counts.refused++;
	give_ready(a);
	return 0;
}

int
appender_send(struct appender *a, const void *token, size_t size)
{
	struct ect_status status;
	struct pending *p;

	if (size > ECT_TOKEN_MAX)
		return appender_refuse(
		    a, "too_large", "token size", "a token has at most 64000 bytes");
	if (make_room(a) != 0)
		return a->broken;
	p = &a->ring[a->in % PENDING];
	*p = (struct pending){.size = size};
	if (a->receipts != NULL) {
		if ((p->token = malloc(size + 1)) == NULL)
			return a->broken = fail(EXIT_UNREACHABLE, "out of memory");
		memcpy(p->token, token, size);
	}
	a->row_of[a->sent % PENDING] = a->in;
	a->sent++;
	a->in++;
	a->counts.sent++;
	if (ect_stream_send(a->stream, token, size, &status) != 0)
		return lost(a, &status);
	return a->broken;
}

int
appender_wait(struct appender *a, int fd)
{
	struct ect_status status;
	int r = ect_stream_wait(a->stream, fd, 0, &status);

	while (r == 0 && a->broken == 0) {
		if (ect_stream_flush(a->stream, &status) != 0)
			r = -1;
		else
			r = ect_stream_wait(a->stream, fd, -1, &status);
	}
	return r < 0 ? lost(a, &status) : a->broken;
}

int
appender_finish(struct appender *a, struct appender_counts *counts)
{
	struct ect_status status;
	int code = a->broken;

	if (code == 0 && ect_stream_finish(a->stream, &status) != 0)
		code = lost(a, &status);
	if (counts != NULL)
		*counts = a->counts;
	return code != 0 ? code : a->broken;
}

void
appender_free(struct appender *a)
{
	if (a == NULL)
		return;
	ect_stream_free(a->stream);
	ect_client_close(a->client);
	for (size_t i = 0; i < PENDING; i++) {
		json_decref(a->ring[i].row);
		free(a->ring[i].token);
	}
	free(a);
}
