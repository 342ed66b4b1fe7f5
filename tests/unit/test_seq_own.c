/*
 * test_seq_own.c - policy documents and descriptors in the log: chained, in force in the log's own order, there
 * again after a crash, and registered once.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "claim/own_event.h"
#include "lib/seq_world.h"
#include "seq/ledger.h"
#include "store/ops.h"

static struct world w;
static struct arena arena;

static void
set_up(void)
{
	world_open(&w);
	arena_init(&arena, 16 << 20);
}

static void
tear_down(void)
{
	arena_release(&arena);
	world_close(&w);
}

TestSuite(seq_own, .init = set_up, .fini = tear_down);

static struct bytes
policy_event(const char *document)
{
	struct own_policy e = {bytes_str("file"), bytes_str(document)};
	struct bytes raw;

	cr_assert_eq(own_policy_write(&e, &arena, &raw), RC_OK);
	return raw;
}

static struct bytes
descriptor_event(const char *by, uint8_t wid, enum own_media media, const char *text)
{
	struct own_descriptor e = {
	    .by = bytes_str(by), .media = media, .descriptor = bytes_str(text)};
	struct bytes raw;

	memset(e.wid, wid, sizeof(e.wid));
	cr_assert_eq(own_descriptor_write(&e, &arena, &raw), RC_OK);
	return raw;
}

static struct seq_job
job_of(enum entry_kind kind, struct bytes event)
{
	return (struct seq_job){
	    .kind = kind, .event = event, .arena = &arena, .want_receipt = true};
}

static void
run(struct seq_job *jobs, size_t count)
{
	struct seq_job *list[8];

	cr_assert_leq(count, 8);
	for (size_t i = 0; i < count; i++)
		list[i] = &jobs[i];
	cr_assert_eq(seq_step(w.ledger, list, count, w.now_ms), RC_OK);
}

static struct seq_job
one(enum entry_kind kind, struct bytes event)
{
	struct seq_job job = job_of(kind, event);

	run(&job, 1);
	return job;
}

/* The receipt proves the entry that it names, under the newest checkpoint. */
static void
proves(const struct seq_job *job, struct bytes event)
{
	struct hash root, leaf;

	world_root(&w, &root);
	entry_leaf_hash(job->receipt.entry, job->entry_whole ? BYTES_NONE : event, &leaf);
	cr_assert(hash_eq(&leaf, &job->receipt.leaf));
	cr_assert_eq(tree_check_inclusion(&leaf, job->receipt.index, job->receipt.tree_size,
			 job->receipt.path, job->receipt.path_count, &root),
	    RC_OK);
}

static int64_t
retention(uint64_t index)
{
	return book_at(ledger_book(w.ledger), index)->retention_s;
}

Test(seq_own, a_document_is_in_force_from_its_entry_on)
{
	struct bytes raw = policy_event("{\"retention_s\":7}");
	struct seq_job job = one(ENTRY_POLICY, raw);

	cr_assert_eq(job.rc, RC_OK);
	cr_assert_eq(job.receipt.index, WORLD_FIRST);
	proves(&job, raw);
	cr_assert_eq(retention(WORLD_FIRST - 1), 0);
	cr_assert_eq(retention(WORLD_FIRST), 7);
}

Test(seq_own, what_cannot_be_read_is_refused_and_nothing_else)
{
	struct seq_job jobs[3] = {job_of(ENTRY_POLICY, policy_event("{\"retention\":7}")),
	    job_of(ENTRY_POLICY, bytes_str("nonsense")),
	    job_of(ENTRY_POLICY, policy_event("{\"retention_s\":7}"))};

	run(jobs, 3);
	cr_assert_eq(jobs[0].rc, RC_BAD_CONFIG);
	cr_assert_not_null(strstr(jobs[0].why.text, "retention"));
	cr_assert_eq(jobs[1].rc, RC_BAD_CONFIG);
	cr_assert_eq(jobs[2].rc, RC_OK);
	cr_assert_eq(ledger_published(w.ledger), WORLD_FIRST + 1);
	cr_assert_eq(book_count(ledger_book(w.ledger)), 1);
}

Test(seq_own, both_kinds_are_chained_by_their_own_and_together)
{
	struct seq_job jobs[4] = {job_of(ENTRY_POLICY, policy_event("{}")),
	    job_of(ENTRY_DESCRIPTOR, descriptor_event("a", 1, OWN_JSON, "{}")),
	    job_of(ENTRY_DESCRIPTOR, descriptor_event("a", 2, OWN_JSON, "{}")),
	    job_of(ENTRY_DESCRIPTOR, descriptor_event("a", 1, OWN_JSON, "{\"v\":2}"))};
	static const struct {
		uint64_t ordinal, previous;
	} first[4] = {{0, ENTRY_NONE}, {0, ENTRY_NONE}, {0, ENTRY_NONE}, {1, WORLD_FIRST + 1}};
	struct entry e;

	run(jobs, 4);
	for (size_t i = 0; i < 4; i++) {
		cr_assert_eq(jobs[i].rc, RC_OK);
		world_entry(w.ledger, WORLD_FIRST + i, &arena, &e);
		cr_assert_eq(e.kind, i == 0 ? ENTRY_POLICY : ENTRY_DESCRIPTOR);
		cr_assert(!e.has_signer && e.media == 0 && e.level == 0);
		cr_assert_eq(e.workflow.ordinal, first[i].ordinal);
		cr_assert_eq(e.workflow.previous, first[i].previous);
		cr_assert_eq(e.issuer.ordinal, i);
		cr_assert_eq(e.issuer.previous, i == 0 ? ENTRY_NONE : WORLD_FIRST + i - 1);
	}
}

static size_t
listed(const char *kind)
{
	struct index_list_key key = {.kind = INDEX_LIST_KIND};
	struct index_view *view;
	uint64_t page[16];
	size_t count = 0;

	ledger_kind_id(kind, key.id);
	cr_assert_eq(index_view_begin(ledger_index(w.ledger), UINT64_MAX, &view), RC_OK);
	cr_assert_eq(index_list(view, &key, UINT64_MAX, page, 16, &count), RC_OK);
	index_view_end(view);
	return count;
}

Test(seq_own, they_are_listed_by_kind_also_after_a_crash)
{
	(void)one(ENTRY_POLICY, policy_event("{}"));
	(void)one(ENTRY_DESCRIPTOR, descriptor_event("a", 1, OWN_JSON, "{}"));
	(void)one(ENTRY_DESCRIPTOR, descriptor_event("a", 2, OWN_JSON, "{}"));
	for (int again = 0; again < 2; again++) {
		cr_assert_eq(listed("policy"), 1);
		cr_assert_eq(listed("descriptor"), 2);
		cr_assert_eq(listed("key"), WORLD_FIRST);
		world_crash(&w); /* with it goes the index in memory */
	}
}

Test(seq_own, the_book_after_a_crash_is_the_one_before)
{
	struct book_page before[3], after;

	(void)one(ENTRY_POLICY, policy_event("{\"retention_s\":1}"));
	(void)one(ENTRY_DESCRIPTOR, descriptor_event("a", 1, OWN_JSON, "{}"));
	w.now_ms += 5000;
	(void)one(ENTRY_POLICY, policy_event("{\"retention_s\":2}"));
	(void)one(ENTRY_POLICY, policy_event("{\"retention_s\":1}"));
	for (size_t i = 0; i < 3; i++)
		cr_assert(book_nth(ledger_book(w.ledger), i, &before[i]));
	world_crash(&w);
	cr_assert_eq(book_count(ledger_book(w.ledger)), 3);
	for (size_t i = 0; i < 3; i++) {
		cr_assert(book_nth(ledger_book(w.ledger), i, &after));
		cr_assert_eq(after.index, before[i].index);
		cr_assert_eq(after.received_at_ms, before[i].received_at_ms);
		cr_assert_eq(after.doc->retention_s, i == 1 ? 2 : 1);
	}
}

Test(seq_own, a_lost_document_was_never_in_force)
{
	struct seq_job job = job_of(ENTRY_POLICY, policy_event("{\"retention_s\":7}")),
		       *list[1] = {&job};

	store_mem_fault(w.store, STORE_FAULT_COMMIT_LOST, 0);
	cr_assert_eq(seq_step(w.ledger, list, 1, w.now_ms), RC_STORE_DOUBT);
	cr_assert_eq(book_count(ledger_book(w.ledger)), 0);
	world_crash(&w);
	cr_assert_eq(book_count(ledger_book(w.ledger)), 0);
	store_mem_fault(w.store, STORE_FAULT_COMMIT_DOUBT, 0);
	cr_assert_eq(seq_step(w.ledger, list, 1, w.now_ms), RC_STORE_DOUBT);
	world_crash(&w); /* it was there after all */
	cr_assert_eq(retention(WORLD_FIRST), 7);
}

Test(seq_own, the_newest_descriptor_again_is_a_duplicate_whoever_brings_it)
{
	struct bytes raw = descriptor_event("a", 1, OWN_JSON, "{\"v\":1}");
	struct seq_job job = one(ENTRY_DESCRIPTOR, raw);
	uint64_t first = job.receipt.index;

	cr_assert_not(job.duplicate);
	proves(&job, raw);
	job = one(ENTRY_DESCRIPTOR, descriptor_event("b", 1, OWN_JSON, "{\"v\":1}"));
	cr_assert(job.duplicate && job.rc == RC_OK);
	cr_assert_eq(job.receipt.index, first);
	cr_assert(job.entry_whole);
	proves(&job, BYTES_NONE);
	cr_assert_eq(ledger_published(w.ledger), first + 1);
	/* other bytes, another media, another workflow: something else */
	cr_assert_not(
	    one(ENTRY_DESCRIPTOR, descriptor_event("a", 1, OWN_CBOR, "{\"v\":1}")).duplicate);
	cr_assert_not(
	    one(ENTRY_DESCRIPTOR, descriptor_event("a", 2, OWN_JSON, "{\"v\":1}")).duplicate);
	cr_assert_not(
	    one(ENTRY_DESCRIPTOR, descriptor_event("a", 1, OWN_JSON, "{\"v\":2}")).duplicate);
	/* the first one again: it was superseded, so this is a change back */
	job = one(ENTRY_DESCRIPTOR, raw);
	cr_assert_not(job.duplicate);
	cr_assert_eq(job.receipt.index, first + 4);
}

Test(seq_own, twins_in_one_batch_are_one_entry)
{
	struct bytes mine = descriptor_event("a", 1, OWN_JSON, "{}");
	struct bytes theirs = descriptor_event("b", 1, OWN_JSON, "{}");
	struct seq_job jobs[4] = {job_of(ENTRY_DESCRIPTOR, mine), job_of(ENTRY_DESCRIPTOR, mine),
	    job_of(ENTRY_DESCRIPTOR, theirs),
	    job_of(ENTRY_DESCRIPTOR, descriptor_event("a", 2, OWN_JSON, "{}"))};

	run(jobs, 4);
	cr_assert_eq(ledger_published(w.ledger), WORLD_FIRST + 2);
	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(jobs[i].rc, RC_OK);
		cr_assert_eq(jobs[i].duplicate, i > 0);
		cr_assert_eq(jobs[i].receipt.index, WORLD_FIRST);
		proves(&jobs[i], mine);
	}
	cr_assert_eq(jobs[3].receipt.index, WORLD_FIRST + 1);
}

Test(seq_own, bytes_that_are_no_descriptor_are_refused)
{
	struct seq_job job = one(ENTRY_DESCRIPTOR, bytes_str("{}"));

	cr_assert_eq(job.rc, RC_BAD_CONFIG);
	cr_assert_eq(ledger_published(w.ledger), WORLD_FIRST);
}

Test(seq_own, documents_of_a_log_are_bounded_also_within_a_batch)
{
	static struct seq_job jobs[SEQ_BATCH_MAX];
	static struct seq_job *list[SEQ_BATCH_MAX];
	struct bytes raw = policy_event("{}");

	for (size_t i = 0; i < SEQ_BATCH_MAX; i++)
		list[i] = &jobs[i];
	for (size_t left = BOOK_DOCS_MAX + 1; left > 0;) {
		size_t n = left < SEQ_BATCH_MAX ? left : SEQ_BATCH_MAX;

		for (size_t i = 0; i < n; i++) {
			jobs[i] = job_of(ENTRY_POLICY, raw);
			jobs[i].want_receipt = false;
		}
		cr_assert_eq(seq_step(w.ledger, list, n, w.now_ms), RC_OK);
		left -= n;
		if (left == 0)
			cr_assert_eq(jobs[n - 1].rc, RC_TOO_LARGE);
		cr_assert_eq(jobs[0].rc, RC_OK);
	}
	cr_assert_eq(book_count(ledger_book(w.ledger)), BOOK_DOCS_MAX);
}
