/*
 * seq.c - one batch, told once: judge, append, sign, commit, journal, index, publish.
 *
 * What a crash at each step means:
 *   before commit            nothing of the batch exists; no client was told anything.
 *   inside commit            the batch is there or not; recovery compares database and journal;
 * clients repeat and get the same receipts. after commit, before the journal record the batch is
 * there; recovery appends the record (the database may be ahead by one checkpoint, never behind).
 *   after the journal        the batch is there; clients that were not told repeat and get the same
 * receipts. after publish            nothing is owed but the index, which trails the log and is
 * replayed.
 *
 * Everything that can be refused or can run out is done before the commit: rows are reserved,
 * answers have their memory, receipts are built.
 *
 * Invariants:
 *   1. tile_writer_size(tiles) == entries committed, outside a step.
 *   2. a parent's index is smaller than its child's.
 *   3. stopped is never taken back; it is set by every end of a step but RC_OK, RC_NO_SPACE and RC_NO_MEMORY.
 *   4. a refusal is told only if the batch that it was judged against is in the log.
 */
#include <string.h>

#include "base/must.h"
#include "claim/dag.h"
#include "seq/ledger.h"

#define NOTE_ROOM                                                                                  \
	1024 /* a checkpoint: origin twice (at most 256 each), size, root, one signature */

/* One step's state. */
struct step {
	struct ledger *l;
	struct seq_job *const *jobs;
	size_t count;
	int64_t now_ms;
	struct index_view *view;
	struct store_read *read; /* opened for the first duplicate */
	uint64_t before;	 /* entries before the batch */
	size_t added;
	bool tree_began;
	bool judging; /* damage found now is the index's */
	uint32_t order[SEQ_BATCH_MAX];
	uint8_t *notes[SEQ_BATCH_MAX]; /* each job's room for the checkpoint */
	bool fresh[SEQ_BATCH_MAX];     /* appended by this step */
	bool twin[SEQ_BATCH_MAX];      /* the same signed bytes as a fresh one */
};

static struct dag_node
node_of(const struct seq_job *job, uint64_t index)
{
	struct dag_node n = {
	    .index = index, .iat = job->claim->iat, .has_wid = job->claim->has_wid};

	memcpy(n.wid, job->claim->wid, UUID_SIZE);
	return n;
}

static struct dag_node
node_hit(const struct index_hit *hit)
{
	struct dag_node n = {.index = hit->index, .iat = hit->iat, .has_wid = hit->has_wid};

	memcpy(n.wid, hit->wid, UUID_SIZE);
	return n;
}

static enum rc
find(void *ctx, bool has_wid, const uint8_t *wid, const uint8_t *jti, struct dag_node *out)
{
	struct step *s = ctx;
	const struct seq_job *job;
	struct index_hit hit;
	uint64_t index;
	enum rc rc;

	if ((job = batch_find(s->l->batch, has_wid, wid, jti, &index)) != NULL) {
		*out = node_of(job, index);
		return RC_OK;
	}
	if ((rc = index_find(s->view, has_wid, wid, jti, &hit)) == RC_OK)
		*out = node_hit(&hit);
	return rc;
}

static enum rc
find_any(void *ctx, const uint8_t *jti, struct dag_node *out)
{
	struct step *s = ctx;
	const struct seq_job *job;
	struct index_hit hit;
	uint64_t index;
	enum rc here = batch_find_any(s->l->batch, jti, &job, &index);
	enum rc there;

	if (here == RC_AMBIGUOUS)
		return here;
	there = index_find_any(s->view, jti, &hit);
	if (there != RC_OK && there != RC_NOT_FOUND)
		return there;
	if (here == RC_OK && there == RC_OK)
		return RC_AMBIGUOUS;
	if (here == RC_OK)
		*out = node_of(job, index);
	else if (there == RC_OK)
		*out = node_hit(&hit);
	return here == RC_OK ? here : there;
}

/* The head of a sequence as of now: moved by this batch, or what the index has. */
static enum rc
sequence(struct step *s, const struct index_seq_key *key, struct entry_link *link)
{
	struct index_seq_head head;
	enum rc rc = RC_OK;

	if (!batch_seq_get(s->l->batch, key, &head)) {
		rc = index_seq(s->view, key, &head);
		if (rc == RC_NOT_FOUND) {
			*link = (struct entry_link){.ordinal = 0, .previous = ENTRY_NONE};
			return RC_OK;
		}
	}
	if (rc == RC_OK)
		*link = (struct entry_link){.ordinal = head.count, .previous = head.last};
	return rc;
}

static void
sequence_move(
    struct step *s, const struct index_seq_key *key, const struct entry_link *link, uint64_t index)
{
	struct index_seq_head head = {.count = link->ordinal + 1, .last = index};

	batch_seq_set(s->l->batch, key, &head);
}

static struct index_seq_key
key_of(enum index_seq kind, const uint8_t id[UUID_SIZE])
{
	struct index_seq_key key = {.kind = kind};

	memcpy(key.id, id, UUID_SIZE);
	return key;
}

static struct index_seq_key
issuer_key(const struct claim *claim)
{
	struct hash h;

	hash_of(claim->iss, &h);
	return key_of(INDEX_SEQ_ISSUER, h.b);
}

/* Links into the sequences of foreign references: one for each other scope that a parent belongs
 * to, in order of first mention. */
static enum rc
foreign_links(struct step *s, const struct seq_job *job, const struct dag_parents *parents,
    struct entry *entry)
{
	const struct claim *claim = job->claim;
	struct entry_foreign *list;
	size_t count = 0, at;
	enum rc rc;

	if (!parents->foreign)
		return RC_OK;
	if ((list = arena_zalloc(job->arena, parents->count * sizeof(*list))) == NULL)
		return RC_NO_MEMORY;
	for (size_t i = 0; i < parents->count; i++) {
		const struct dag_node *p = &parents->node[i];
		struct index_seq_key key = key_of(INDEX_SEQ_FOREIGN, p->wid);

		if (p->has_wid == claim->has_wid && memcmp(p->wid, claim->wid, UUID_SIZE) == 0)
			continue;
		for (at = 0; at < count; at++)
			if (list[at].has_wid == p->has_wid &&
			    memcmp(list[at].wid, p->wid, UUID_SIZE) == 0)
				break;
		if (at < count)
			continue;
		list[count].has_wid = p->has_wid;
		memcpy(list[count].wid, p->wid, UUID_SIZE);
		if ((rc = sequence(s, &key, &list[count].link)) != RC_OK)
			return rc;
		count++;
	}
	entry->foreign = list;
	entry->foreign_count = count;
	entry->flags |= ENTRY_FOREIGN_PARENT;
	return RC_OK;
}

/* The entry of a token whose parents are known. */
static enum rc
entry_make(struct step *s, const struct seq_job *job, const struct dag_parents *parents,
    struct entry *entry)
{
	struct ledger *l = s->l;
	struct index_seq_key wkey = key_of(INDEX_SEQ_WORKFLOW, job->claim->wid);
	struct index_seq_key ikey = issuer_key(job->claim);
	enum rc rc;

	memset(entry, 0, sizeof(*entry));
	entry->kind = ENTRY_TOKEN;
	entry->received_at_ms = (uint64_t)s->now_ms;
	if (entry->received_at_ms < l->received_last_ms)
		entry->received_at_ms = l->received_last_ms; /* the clock went back: order stays */
	entry->media = job->token->media;
	entry->level = job->token->level;
	entry->flags = job->flags;
	entry->signer = job->signer;
	entry->parents = parents->index;
	entry->parent_count = parents->count;
	memcpy(entry->limits, l->limits, ENTRY_LIMITS_SIZE);
	entry->token = job->token->raw;
	if ((rc = sequence(s, &wkey, &entry->workflow)) != RC_OK ||
	    (rc = sequence(s, &ikey, &entry->issuer)) != RC_OK)
		return rc;
	return foreign_links(s, job, parents, entry);
}

static void
links_move(struct step *s, const struct claim *claim, const struct entry *entry, uint64_t index)
{
	struct index_seq_key wkey = key_of(INDEX_SEQ_WORKFLOW, claim->wid);
	struct index_seq_key ikey = issuer_key(claim);

	sequence_move(s, &wkey, &entry->workflow, index);
	sequence_move(s, &ikey, &entry->issuer, index);
	for (size_t i = 0; i < entry->foreign_count; i++) {
		struct index_seq_key fkey = key_of(INDEX_SEQ_FOREIGN, entry->foreign[i].wid);

		sequence_move(s, &fkey, &entry->foreign[i].link, index);
	}
}

/* A receipt for an entry that was there before the batch, under the newest committed checkpoint. */
static enum rc
old_receipt(struct step *s, struct seq_job *job, uint64_t index, struct bytes raw,
    const struct entry *entry, bool whole)
{
	struct ledger *l = s->l;
	struct receipt *r = &job->receipt;
	struct bytes head = {raw.p, raw.n - entry->token.n};
	struct hash stored;
	struct tree_source source;
	enum rc rc;

	source = tile_reader_source(l->reader);
	entry_leaf_hash(raw, BYTES_NONE, &r->leaf);
	if ((rc = source.node(source.ctx, 0, index, &stored)) != RC_OK)
		return rc;
	if (!hash_eq(&stored, &r->leaf))
		return why_set(&job->why, RC_CORRUPT, "leaf hash", NULL, 0,
		    "entry %llu does not match its leaf", (unsigned long long)index);
	r->index = index;
	r->tree_size = s->before;
	if (!job->want_receipt)
		return RC_OK;
	if ((rc = tree_prove(index, s->before, &source, r->path, &r->path_count)) != RC_OK)
		return rc;
	if (tree_check_inclusion(&r->leaf, index, s->before, r->path, r->path_count, &l->root) !=
	    RC_OK)
		return why_set(&job->why, RC_CORRUPT, "tiles", NULL, 0,
		    "the tiles over entry %llu do not lead to the signed root",
		    (unsigned long long)index);
	job->entry_whole = whole;
	if (!arena_dup(job->arena, whole ? raw : head, &r->entry) ||
	    !arena_dup(job->arena, buf_bytes(&l->note), &r->checkpoint))
		return RC_NO_MEMORY;
	return RC_OK;
}

/* The id is taken by an entry in the log: a retry of the same signed bytes, or another token. */
static enum rc
judge_known(struct step *s, struct seq_job *job, uint64_t index)
{
	struct bytes raw;
	struct entry entry;
	struct token old;
	enum rc rc;

	if (s->read == NULL) {
		if ((rc = store_read_begin(s->l->store, &s->read)) != RC_OK)
			return rc;
		tile_reader_begin(s->l->reader, s->before, ledger_tiles(s->read));
	}
	if ((rc = store_get_entry(s->read, index, &raw)) != RC_OK)
		return rc;
	if ((rc = entry_read(raw, job->arena, &entry, &job->why)) != RC_OK ||
	    (rc = token_parse(entry.token, job->arena, &old, &job->why)) != RC_OK)
		return rc == RC_NO_MEMORY ? rc : RC_CORRUPT;
	if (!bytes_eq(old.signing_input, job->token->signing_input))
		return why_set(&job->why, RC_DUP_JTI, "ECT: jti is unique in its scope", "jti", 0,
		    "another token with this id is in the log");
	job->duplicate = true;
	return old_receipt(s, job, index, raw, &entry, !bytes_eq(old.raw, job->token->raw));
}

/* Is the id free?  RC_OK with job->duplicate set: answered already. */
static enum rc
judge_id(struct step *s, size_t i, bool *known)
{
	struct seq_job *job = s->jobs[i];
	const struct claim *c = job->claim;
	const struct seq_job *other;
	struct index_hit hit;
	uint64_t index;
	enum rc rc;

	if ((other = batch_find(s->l->batch, c->has_wid, c->wid, c->jti, &index)) != NULL) {
		if (!bytes_eq(other->token->signing_input, job->token->signing_input))
			return why_set(&job->why, RC_DUP_JTI, "ECT: jti is unique in its scope",
			    "jti", 0, "another token with this id came in the same batch");
		/* Answered with the fresh one's facts once these are known. */
		job->duplicate = true;
		s->twin[i] = true;
		job->receipt.index = index;
		return RC_OK;
	}
	rc = index_find(s->view, c->has_wid, c->wid, c->jti, &hit);
	if (rc == RC_NOT_FOUND)
		return RC_OK;
	*known = rc == RC_OK;
	return rc == RC_OK ? judge_known(s, job, hit.index) : rc;
}

/* Refusals that are the token's own; everything else ends the batch. */
static bool
refusal(enum rc rc)
{
	switch (rc) {
	case RC_DUP_JTI:
	case RC_UNKNOWN_PARENT:
	case RC_TIME_ORDER:
	case RC_WORKFLOW_MISMATCH:
	case RC_AMBIGUOUS:
	case RC_BAD_CLAIM:
	case RC_TOO_LARGE:
	case RC_NO_MEMORY: /* of the answer's arena: nothing has been put yet */
		return true;
	default:
		return false;
	}
}

static enum rc
append(struct step *s, size_t i, const struct dag_parents *parents)
{
	struct ledger *l = s->l;
	struct seq_job *job = s->jobs[i];
	struct receipt *r = &job->receipt;
	uint64_t index = s->before + s->added;
	struct index_row *row = &l->rows[s->added];
	struct entry entry;
	struct bytes head;
	enum rc rc;

	if ((rc = entry_make(s, job, parents, &entry)) != RC_OK ||
	    (rc = entry_write_head(&entry, job->arena, &head)) != RC_OK ||
	    (rc = ledger_row(index, &entry, job->claim, job->arena, row)) != RC_OK)
		return rc;
	if (job->want_receipt && (s->notes[i] = arena_alloc(job->arena, NOTE_ROOM)) == NULL)
		return RC_NO_MEMORY;
	for (size_t p = 0; p < parents->count; p++)
		must(parents->index[p] < index);
	/* From here on a failure ends the whole batch: the tree has moved. */
	entry_leaf_hash(head, entry.token, &r->leaf);
	if ((rc = store_put_entry(l->store, index, head, entry.token)) != RC_OK)
		return refusal(rc) ? RC_IO : rc;
	tile_writer_append(l->tiles, &r->leaf);
	links_move(s, job->claim, &entry, index);
	batch_admit(l->batch, i, index);
	r->index = index;
	r->entry = head;
	l->received_last_ms = entry.received_at_ms;
	s->fresh[i] = true;
	s->added++;
	must(tile_writer_size(l->tiles) == s->before + s->added);
	return RC_OK;
}

static enum rc
judge(struct step *s, size_t i)
{
	struct seq_job *job = s->jobs[i];
	struct dag_lookup lookup = {.find = find, .find_any = find_any, .ctx = s};
	struct dag_parents parents = {0};
	size_t before = s->added;
	bool known = false;
	enum rc rc;

	if ((rc = judge_id(s, i, &known)) == RC_OK && job->duplicate) {
		job->rc = RC_OK;
		return RC_OK;
	}
	if (rc == RC_OK)
		rc = dag_resolve(job->claim, s->l->rules->cross_workflow, &lookup, job->arena,
		    &parents, &job->why);
	if (rc == RC_OK)
		rc = append(s, i, &parents);
	job->rc = rc;
	if (rc == RC_UNKNOWN_PARENT) {
		job->missing = parents.missing;
		job->missing_count = parents.missing_count;
	}
	must(rc == RC_OK || s->added == before);
	/* A damaged old entry spoils the answer about itself, not the batch. */
	return rc == RC_OK || refusal(rc) || known ? RC_OK : rc;
}

static enum rc
put_tile(void *ctx, unsigned level, uint64_t number, unsigned width, const uint8_t *hashes)
{
	return store_put_tile(ctx, level, number, bytes_of(hashes, (size_t)width * HASH_SIZE));
}

/* Hash every new entry once more, from the bytes that the store holds: a bit that flipped on the
 * way is found before it is signed over. */
static enum rc
read_back(struct step *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct bytes raw;
		struct hash leaf;
		enum rc rc;

		if (!s->fresh[i])
			continue;
		rc = store_batch_entry(s->l->store, s->jobs[i]->receipt.index, &raw);
		if (rc != RC_OK)
			return rc;
		tree_leaf(raw, &leaf);
		if (!hash_eq(&leaf, &s->jobs[i]->receipt.leaf))
			return RC_CORRUPT;
	}
	return RC_OK;
}

/* Tiles, root, checkpoint. */
static enum rc
seal(struct step *s)
{
	struct ledger *l = s->l;
	uint64_t size = s->before + s->added;
	struct hash root;
	enum rc rc;

	if ((rc = read_back(s)) != RC_OK)
		return rc;
	if ((rc = tile_writer_dirty(l->tiles, put_tile, l->store)) != RC_OK)
		return rc;
	tile_writer_root(l->tiles, &root);
	buf_clear(&l->note_next);
	if ((rc = checkpoint_sign(&l->signer, size, &root, BYTES_NONE, &l->note_next)) != RC_OK ||
	    (rc = buf_rc(&l->note_next)) != RC_OK)
		return rc;
	must(l->note_next.n <= NOTE_ROOM);
	return store_put_head(l->store, size, buf_bytes(&l->note_next));
}

/* The receipt of an entry of this batch; 'note' has room for the checkpoint. */
static void
receipt_fill(struct step *s, struct seq_job *job, uint8_t *note)
{
	struct receipt *r = &job->receipt;

	r->tree_size = s->before + s->added;
	if (!job->want_receipt)
		return;
	tile_writer_prove(s->l->tiles, r->index, r->path, &r->path_count);
	memcpy(note, s->l->note_next.p, s->l->note_next.n);
	r->checkpoint = bytes_of(note, s->l->note_next.n);
}

static const struct seq_job *
fresh_at(const struct step *s, uint64_t index)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->fresh[i] && s->jobs[i]->receipt.index == index)
			return s->jobs[i];
	return NULL;
}

static enum rc
twin_receipt(struct step *s, struct seq_job *job)
{
	const struct seq_job *first = fresh_at(s, job->receipt.index);
	struct receipt *r = &job->receipt;
	uint8_t *note, *whole;
	struct bytes head, token;

	must(first != NULL);
	head = first->receipt.entry;
	token = first->token->raw;
	r->leaf = first->receipt.leaf;
	if (!job->want_receipt) {
		r->tree_size = s->before + s->added;
		return RC_OK;
	}
	job->entry_whole = !bytes_eq(token, job->token->raw);
	note = arena_alloc(job->arena, NOTE_ROOM);
	whole = arena_alloc(job->arena, head.n + token.n);
	if (note == NULL || whole == NULL)
		return RC_NO_MEMORY;
	memcpy(whole, head.p, head.n);
	memcpy(whole + head.n, token.p, token.n);
	r->entry = bytes_of(whole, job->entry_whole ? head.n + token.n : head.n);
	receipt_fill(s, job, note);
	return RC_OK;
}

static void
receipts(struct step *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct seq_job *job = s->jobs[i];

		if (s->fresh[i])
			receipt_fill(s, job, s->notes[i]);
		else if (s->twin[i])
			job->rc = twin_receipt(s, job);
	}
}

/* The promise: after RC_OK nothing is left that can fail. */
static enum rc
promise(struct step *s)
{
	struct ledger *l = s->l;
	uint64_t size = s->before + s->added;
	struct buf swap = l->note;
	enum rc rc;

	if (store_batch_commit(l->store) != RC_OK ||
	    store_journal_append(l->store, size, buf_bytes(&l->note_next)) != RC_OK) {
		atomic_store(&l->stopped, true);
		return RC_STORE_DOUBT;
	}
	l->note = l->note_next;
	l->note_next = swap;
	tile_writer_root(l->tiles, &l->root);
	rc = index_add(l->index, l->rows, s->added);
	must(rc == RC_OK); /* reserved */
	atomic_store_explicit(&l->published, size, memory_order_release);
	return RC_OK;
}

/* The batch is not in the log: everybody gets 'rc', those too who were refused for what stood in it.  Repeating is always safe. */
static void
fail_all(struct step *s, enum rc rc)
{
	for (size_t i = 0; i < s->count; i++) {
		struct seq_job *job = s->jobs[i];

		if (job->rc == RC_OK && job->duplicate && !s->twin[i])
			continue; /* it is in the log whatever happens to this batch */
		job->rc = rc;
		job->duplicate = false;
		job->missing_count = 0;
		why_set(&job->why, rc, "durability", NULL, 0, "%s", rc_text(rc));
	}
}

static size_t
preds(const struct step *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++)
		n += s->jobs[i]->claim->pred_count;
	return n;
}

static enum rc
step_prepare(struct step *s)
{
	struct ledger *l = s->l;
	enum rc rc;

	if ((rc = store_check_space(l->store)) != RC_OK ||
	    (rc = index_reserve(l->index, s->count, preds(s))) != RC_OK ||
	    (rc = tile_writer_begin(l->tiles, s->count)) != RC_OK)
		return rc;
	s->tree_began = true;
	return index_view_begin(l->index, UINT64_MAX, &s->view);
}

static enum rc
step_judge(struct step *s)
{
	enum rc rc = RC_OK;

	s->judging = true;
	batch_begin(s->l->batch, s->jobs, s->count);
	batch_order(s->l->batch, s->order);
	for (size_t k = 0; k < s->count && rc == RC_OK; k++)
		rc = judge(s, s->order[k]);
	if (rc == RC_OK)
		s->judging = false;
	return rc;
}

enum rc
seq_step(struct ledger *l, struct seq_job *const *jobs, size_t count, int64_t now_ms)
{
	struct step s = {.l = l, .jobs = jobs, .count = count, .now_ms = now_ms};
	uint64_t received_before = l->received_last_ms;
	bool began = false;
	enum rc rc = RC_OK;

	must(count > 0 && count <= SEQ_BATCH_MAX && now_ms >= 0);
	for (size_t i = 0; i < count; i++)
		jobs[i]->rc = RC_OK;
	if (atomic_load(&l->stopped)) {
		fail_all(&s, RC_STORE_DOUBT);
		return RC_STORE_DOUBT;
	}
	s.before = tile_writer_size(l->tiles);
	must(s.before == ledger_published(l));
	if ((rc = step_prepare(&s)) != RC_OK || (rc = store_batch_begin(l->store)) != RC_OK)
		goto out;
	began = true;
	if ((rc = step_judge(&s)) != RC_OK)
		goto out;
	if (s.added == 0)
		goto out; /* refusals and retries only: nothing to commit */
	if ((rc = seal(&s)) != RC_OK)
		goto out;
	receipts(&s);
	index_view_end(s.view);
	s.view = NULL;
	began = false;
	rc = promise(&s);
out:
	index_view_end(s.view);
	store_read_end(s.read);
	if (began)
		store_batch_abort(l->store);
	if (rc != RC_STORE_DOUBT && s.tree_began && (rc != RC_OK || s.added == 0)) {
		tile_writer_rollback(l->tiles);
		l->received_last_ms = received_before;
	}
	if (rc == RC_OK)
		return rc;
	fail_all(&s, rc);
	if (rc != RC_NO_SPACE && rc != RC_NO_MEMORY)
		atomic_store(&l->stopped, true);
	if (rc == RC_CORRUPT && s.judging)
		l->index_bad = true;
	return rc;
}

enum rc
seq_first_checkpoint(struct ledger *l)
{
	struct hash root;
	struct buf swap;
	enum rc rc;

	if (l->note.n > 0)
		return RC_OK;
	must(tile_writer_size(l->tiles) == 0);
	tree_empty_root(&root);
	buf_clear(&l->note_next);
	if ((rc = checkpoint_sign(&l->signer, 0, &root, BYTES_NONE, &l->note_next)) != RC_OK ||
	    (rc = buf_rc(&l->note_next)) != RC_OK || (rc = store_batch_begin(l->store)) != RC_OK)
		return rc;
	if ((rc = store_put_head(l->store, 0, buf_bytes(&l->note_next))) != RC_OK) {
		store_batch_abort(l->store);
		return rc;
	}
	if (store_batch_commit(l->store) != RC_OK ||
	    store_journal_append(l->store, 0, buf_bytes(&l->note_next)) != RC_OK) {
		atomic_store(&l->stopped, true);
		return RC_STORE_DOUBT;
	}
	swap = l->note;
	l->note = l->note_next;
	l->note_next = swap;
	l->root = root;
	return RC_OK;
}
