/*
 * policy.c - a log's policy documents: the file that the configuration names brought into force (keeper
 * thread), and what was in force where told (Admin/Policy, reader thread).
 *
 * The file is looked at when the server starts and when it is told to look (SIGHUP), not when it changes: a
 * document is written to be brought into force as a whole.  When it differs from the log's newest document it
 * becomes an entry of the log, and is in force from that entry on; so what any task was judged by is in
 * the log before the task is.
 *
 * A file that cannot be read or is no document changes nothing: the log goes on under its newest
 * document, and that is said.  So does a log whose option was taken away.  What failed for want of space or
 * memory is tried again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "claim/own_event.h"
#include "serve/keeper.h"

#define POLICY_ARENA ((size_t)256 << 20) /* a document of the worst shape */
#define PAGES_MAX    1000
#define AGAIN_US     INT64_C(1000000)

/* ---- the file into force ---- */

enum rc
serve_policy_file(const char *path, struct arena *arena, struct bytes *out, struct why *why)
{
	uint8_t *text = arena_alloc(arena, POLICY_DOC_MAX + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t size = 0;
	ssize_t n = 1;

	if (fd >= 0 && text != NULL)
		while (size <= POLICY_DOC_MAX &&
		       (n = read(fd, text + size, POLICY_DOC_MAX + 1 - size)) > 0)
			size += (size_t)n;
	if (fd < 0 || n < 0)
		why_set(
		    why, RC_BAD_CONFIG, "policy", "policy", 0, "%.100s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (fd < 0 || n < 0)
		return RC_BAD_CONFIG;
	if (text == NULL)
		return RC_NO_MEMORY;
	if (size == 0 || size > POLICY_DOC_MAX)
		return why_set(why, RC_BAD_CONFIG, "policy", "policy", 0,
		    "%.90s: a document has 1 to %d bytes", path, POLICY_DOC_MAX);
	*out = bytes_of(text, size);
	return RC_OK;
}

/* Is this the log's newest document already? */
static bool
in_force(const struct hall_log *log, struct bytes text)
{
	const struct book *book = ledger_book(log->ledger);
	struct book_page newest;
	size_t count = book_count(book);

	return count > 0 && book_nth(book, count - 1, &newest) && bytes_eq(newest.doc->text, text);
}

static enum rc
write_document(struct keeper *k, const struct hall_log *log, struct bytes text, struct arena *arena,
    struct why *why)
{
	struct own_policy event = {bytes_str("file"), text};
	const struct policy_doc *doc;
	struct bytes raw;
	enum rc rc;

	if ((rc = policy_doc_read(text, arena, &doc, why)) != RC_OK)
		return rc;
	if ((rc = own_policy_write(&event, arena, &raw)) != RC_OK)
		return why_set(why, rc, "policy", NULL, 0, "%s", rc_text(rc));
	return keeper_write(k, log, ENTRY_POLICY, &raw, 1, arena, why);
}

static void
say_loaded(const struct hall_log *log)
{
	const struct book *book = ledger_book(log->ledger);
	struct book_page newest;

	if (!book_nth(book, book_count(book) - 1, &newest))
		return;
	log_event(log->serve->options.sink, LOG_INFO, "policy_loaded", "log", log->name, "index",
	    LOG_U64(newest.index), "profile", policy_profile_text(newest.doc->profile), "rules",
	    LOG_U64(newest.doc->rule_count), NULL);
}

static void
sync_policy(struct keeper *k, struct hall_log *log, struct keeper_policy *p)
{
	struct bytes text = BYTES_NONE;
	struct why why = {0};
	struct arena arena;
	enum rc rc;

	arena_init(&arena, POLICY_ARENA);
	rc = serve_policy_file(p->path, &arena, &text, &why);
	if (rc == RC_OK && !in_force(log, text)) {
		rc = write_document(k, log, text, &arena, &why);
		if (rc == RC_OK)
			say_loaded(log);
	}
	p->owed = rc == RC_NO_SPACE || rc == RC_NO_MEMORY;
	/* What is tried again and again is said once. */
	if (rc != RC_OK && strcmp(p->problem, why.text) != 0)
		log_event(log->serve->options.sink, LOG_WARN, "policy_refused", "log", log->name,
		    "code", rc_label(rc), "problem", why.text[0] ? why.text : rc_text(rc), "kept",
		    book_count(ledger_book(log->ledger)) > 0 ? "the log's newest document"
							     : "the defaults",
		    NULL);
	(void)snprintf(p->problem, sizeof p->problem, "%s", rc == RC_OK ? "" : why.text);
	arena_release(&arena);
}

void
keeper_look_policy(struct keeper *k, struct hall_log *log, struct keeper_policy *p, bool asked)
{
	struct clock clock = clock_real();

	if (p->path == NULL && asked && book_count(ledger_book(log->ledger)) > 0)
		log_event(log->serve->options.sink, LOG_INFO, "policy_kept", "log", log->name,
		    "why",
		    "the configuration names no document: the log's newest one stays in force",
		    NULL);
	if (asked)
		p->problem[0] = '\0'; /* who asks is told again */
	if (p->path == NULL ||
	    (!asked && (!p->owed || clock_mono_us(&clock) - p->tried_us < AGAIN_US)))
		return;
	sync_policy(k, log, p);
	p->tried_us = clock_mono_us(&clock);
}

/* ---- Admin/Policy ---- */

static enum rc
no_room(struct why *why)
{
	return why_set(why, RC_NO_MEMORY, "query_bytes_max", NULL, 0, "no room for the answer");
}

/* How many documents a tree of this size has. */
static size_t
pages_below(const struct book *book, uint64_t size)
{
	size_t low = 0, high = book_count(book);
	struct book_page page;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		must(book_nth(book, middle, &page));
		if (page.index < size)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A page as the log itself tells it; 'text': the document too. */
static enum rc
fill_page(struct call *call, struct query_view *v, const struct book_page *page, bool text,
    Ectledger__V1__PolicyPage **out, struct why *why)
{
	Ectledger__V1__PolicyPage *m = arena_alloc(&call->arena, sizeof *m);
	struct own_policy event;
	struct query_entry e;
	struct hash digest;
	char hex[2 * HASH_SIZE + 1];
	enum rc rc;

	if (m == NULL)
		return no_room(why);
	ectledger__v1__policy_page__init(m);
	if ((rc = query_entry(v, page->index, &call->arena, &e, why)) != RC_OK)
		return rc;
	if (e.entry.kind != ENTRY_POLICY || own_policy_read(e.entry.token, &event, NULL) != RC_OK)
		return why_set(why, RC_CORRUPT, "what was admitted parses", NULL, 0,
		    "entry %llu is no policy document", (unsigned long long)page->index);
	hash_of(event.document, &digest);
	hex_encode(bytes_of(digest.b, HASH_SIZE), hex);
	m->index = page->index;
	m->received_at_ms = (int64_t)e.entry.received_at_ms;
	m->by = pb_string(&call->arena, event.by);
	m->digest = pb_string(&call->arena, bytes_str(hex));
	m->size = event.document.n;
	if (text)
		m->document_json = pb_bytes(event.document);
	*out = m;
	return m->by != NULL && m->digest != NULL ? RC_OK : no_room(why);
}

static enum rc
fill_pages(struct call *call, struct query_view *v, const struct book *book, size_t from, size_t to,
    bool text, Ectledger__V1__PolicyReply *reply, struct why *why)
{
	struct book_page page;
	enum rc rc = RC_OK;

	reply->pages = arena_alloc(&call->arena, (to - from + 1) * sizeof *reply->pages);
	reply->rests_on = arena_alloc(&call->arena, (to - from + 1) * sizeof *reply->rests_on);
	if (reply->pages == NULL || reply->rests_on == NULL)
		return no_room(why);
	for (size_t i = from; i < to && rc == RC_OK; i++) {
		must(book_nth(book, i, &page));
		rc = fill_page(call, v, &page, text, &reply->pages[reply->n_pages], why);
		reply->n_pages += rc == RC_OK;
		reply->rests_on[reply->n_rests_on++] = page.index;
	}
	return rc;
}

enum rc
policy_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__PolicyRequest *r = (const void *)request;
	Ectledger__V1__PolicyReply reply = ECTLEDGER__V1__POLICY_REPLY__INIT;
	const struct book *book = ledger_book(call->log->ledger);
	size_t count, from, to, limit = r->limit == 0 ? 100 : r->limit;
	struct query_view *v = NULL;
	enum rc rc;

	if (limit > PAGES_MAX)
		return why_set(
		    why, RC_BAD_REQUEST, "WIRE Policy", "limit", 0, "at most %d", PAGES_MAX);
	if ((rc = call_view(call, r->at, &v, why)) != RC_OK)
		return rc;
	count = pages_below(book, query_view_size(v));
	from = r->list ? pages_below(book, r->from) : count > 0 ? count - 1 : 0;
	from = from < count ? from : count;
	to = count - from > limit ? from + limit : count;
	if (from < to)
		rc = fill_pages(call, v, book, from, to, !r->list, &reply, why);
	reply.tree_size = query_view_size(v);
	reply.documents = count;
	reply.complete = to == count;
	if (rc == RC_OK)
		rc = call_reply(call, &reply.base, why);
	query_view_end(v);
	return rc;
}
