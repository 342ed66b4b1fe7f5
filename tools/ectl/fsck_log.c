/*
 * fsck_log.c - one log, told once: entries in order, and beside them tiles, checkpoints and
 * journal.
 *
 * The walk keeps two right edges of the tree, one of the leaf hashes that the entries give and one
 * of those that the tiles have.  As long as they agree they are one.  Where they part, the next
 * checkpoint says which is right, because it was signed over one of them; the walk goes on from
 * that one, so that one damaged entry is one problem and everything behind it is still checked.
 *
 * A damaged database can make LMDB assert, or the machine deliver SIGBUS.  All of this runs in a
 * child process; each line is written as soon as it is known, so that the parent has what was found
 * before.
 */
#include "fsck.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <jansson.h>

#include "fsck_scan.h"

#define JUMP_MAX      100000 /* missing entries that are stepped over */
#define PROGRESS_STEP 1024

static const char *const labels[FSCK_WHATS] = {"database", "meta", "entry", "time", "leaf", "tile",
    "head", "journal", "key", "signature", "token", "event", "signer", "parent", "chain", "index"};

/* ---- telling ---- */

static void
tell(struct fsck *f, const char *name, json_t *value)
{
	json_t *line = json_pack("{so}", name, value);

	if (line == NULL || json_dumpf(line, f->out, JSON_COMPACT) != 0 ||
	    fputc('\n', f->out) == EOF || fflush(f->out) != 0)
		_exit(FSCK_EXIT_MEMORY);
	json_decref(line);
}

/* Text that came from a damaged disk need not be UTF-8. */
static json_t *
clean(const char *text)
{
	json_t *s = json_string(text);
	char copy[512];
	size_t n = 0;

	if (s != NULL)
		return s;
	for (; text[n] != '\0' && n < sizeof(copy) - 1; n++)
		copy[n] = (unsigned char)text[n] < 0x80 ? text[n] : '?';
	copy[n] = '\0';
	return json_string(copy);
}

void
fsck_problem(
    struct fsck *f, enum fsck_what what, uint64_t index, const char *at, const char *format, ...)
{
	char text[400];
	va_list list;

	f->problems++;
	if (++f->per_what[what] > FSCK_SAME_MAX)
		return; /* counted; fsck_end says how many more */
	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	tell(f, "problem",
	    json_pack("{ss so so so}", "what", labels[what], "index",
		index != FSCK_NONE ? json_integer((json_int_t)index) : json_null(), "at",
		at != NULL ? clean(at) : json_null(), "detail", clean(text)));
}

void
fsck_tell_progress(struct fsck *f, uint64_t done)
{
	tell(f, "progress", json_pack("[I, I]", (json_int_t)done, (json_int_t)f->total));
}

/* ---- the database ---- */

static void
on_assert(MDB_env *env, const char *text)
{
	struct fsck *f = mdb_env_get_userctx(env);

	fsck_problem(f, FSCK_DATABASE, FSCK_NONE, NULL,
	    "the database is damaged: LMDB gave up near entry %llu: %s",
	    (unsigned long long)f->entries, text);
	_exit(FSCK_EXIT_TOLD);
}

MDB_env *
fsck_env_open(struct fsck *f, enum fsck_what what, const char *folder, MDB_txn **txn)
{
	char *lock = fsck_path(folder, "lock.mdb"), *data = fsck_path(folder, "data.mdb");
	const char *name = strrchr(folder, '/') + 1;
	unsigned flags = MDB_RDONLY | MDB_NOTLS;
	MDB_env *env = NULL;
	struct stat st;
	int e;

	*txn = NULL;
	/*
	 * Without a lock file nobody serves this copy, and none is made: evidence is left as it is.
	 */
	if (access(lock, W_OK) != 0)
		flags |= MDB_NOLOCK;
	if (stat(data, &st) != 0)
		e = errno;
	else if (st.st_size == 0)
		e = MDB_INVALID; /* LMDB would take it for a new one */
	else if ((e = mdb_env_create(&env)) == 0) {
		(void)mdb_env_set_userctx(env, f);
		(void)mdb_env_set_assert(env, on_assert);
		(void)mdb_env_set_maxdbs(env, 16);
		if ((e = mdb_env_open(env, folder, flags, 0600)) == 0)
			e = mdb_txn_begin(env, NULL, MDB_RDONLY, txn);
	}
	if (e != 0) {
		fsck_problem(f, what, FSCK_NONE, name, "cannot be opened: %s", mdb_strerror(e));
		if (env != NULL)
			mdb_env_close(env);
		env = NULL;
	}
	free(lock);
	free(data);
	return env;
}

static bool
open_tables(struct scan *s)
{
	static const char *const names[] = {"entry", "tile", "head", "meta"};
	MDB_dbi *const dbis[] = {&s->entry, &s->tile, &s->head, &s->meta};

	for (size_t i = 0; i < 4; i++) {
		int e = mdb_dbi_open(s->txn, names[i], 0, dbis[i]);

		if (e != 0) {
			fsck_problem(s->f, FSCK_DATABASE, FSCK_NONE, names[i],
			    "the table cannot be opened: %s", mdb_strerror(e));
			return false;
		}
	}
	return true;
}

static void
read_meta(struct scan *s)
{
	struct fsck *f = s->f;
	MDB_val k = {6, (char *)(uintptr_t) "format"}, v;

	if (mdb_get(s->txn, s->meta, &k, &v) == 0 && v.mv_size == 1)
		f->format = *(const uint8_t *)v.mv_data - (unsigned)'0';
	if (f->format != 1 && f->format != 2) {
		fsck_problem(f, FSCK_META, FSCK_NONE, "format", "the format is not 1 or 2");
		f->format = 0;
	}
	k = (MDB_val){6, (char *)(uintptr_t) "origin"};
	if (mdb_get(s->txn, s->meta, &k, &v) != 0 || v.mv_size == 0 || v.mv_size > FSCK_NAME_MAX ||
	    memchr(v.mv_data, '\0', v.mv_size) != NULL)
		fsck_problem(f, FSCK_META, FSCK_NONE, "origin", "the origin is missing");
	else
		memcpy(f->origin, v.mv_data, v.mv_size);
}

/* ---- entries ---- */

/* What goes together, and what does not change back. */
static void
check_entry(struct scan *s, uint64_t index)
{
	struct fsck *f = s->f;
	const struct fsck_entry *e = &s->read;

	if (e->received_ms < s->last_ms)
		fsck_problem(
		    f, FSCK_TIME, index, NULL, "received_at is before that of the entry before it");
	if (e->version < s->last_version)
		fsck_problem(f, FSCK_ENTRY, index, NULL,
		    "an entry of version %u after one of version %u", (unsigned)e->version,
		    (unsigned)s->last_version);
	if (f->format != 0 && e->version > f->format)
		fsck_problem(f, FSCK_ENTRY, index, NULL,
		    "an entry of version %u in a log of format %u", (unsigned)e->version,
		    f->format);
	if (e->kind != FSCK_KEY_ENTRY && e->level > 0 &&
	    (e->media == FSCK_PLAIN) != (e->level == 1))
		fsck_problem(
		    f, FSCK_ENTRY, index, NULL, "its level is not one that its media can have");
	s->last_ms = e->received_ms;
	s->last_version = e->version;
}

/* By whom, as of then; the signature itself is checked beside the walk. */
static void
check_signer(struct scan *s, uint64_t index, const struct fsck_form *form)
{
	struct fsck *f = s->f;
	const struct fsck_entry *e = &s->read;
	const struct fsck_record *anchor = NULL;
	bool unknown = false;

	if (e->level == 1) {
		f->unsigned_tokens++;
		return;
	}
	if (form->signature_size == 0) {
		fsck_problem(f, FSCK_SIGNATURE, index, NULL, "it has no signature");
		return;
	}
	/* Version 1 has no evidence: its keys are looked for in the trust folder. */
	if (e->version != 1) {
		anchor = fsck_history_judge(f, index, e, &s->task, &unknown);
		if (unknown)
			f->signatures_unchecked++;
		if (anchor == NULL)
			return;
	}
	fsck_verify_add(f, index, e, &s->task, anchor);
}

/* A refused token is evidence only when it differs from the one that holds the id. */
static void
check_differs(struct scan *s, uint64_t index, const struct fsck_form *form)
{
	struct fsck *f = s->f;
	uint8_t key[8], *mine, *theirs = NULL;
	struct fsck_entry *other = fsck_alloc(1, sizeof(*other));
	struct fsck_form held;
	const char *field;
	MDB_val k = {sizeof(key), key}, v;
	size_t at, n = 0, m = 0;

	for (unsigned i = 0; i < 8; i++)
		key[i] = (uint8_t)(s->read.parents[0] >> (56 - 8 * i));
	mine = fsck_form_signed(form, &n);
	if (s->read.parents[0] < index && mdb_get(s->txn, s->entry, &k, &v) == 0 &&
	    fsck_entry_read((struct span){v.mv_data, v.mv_size}, other, &at, &field) &&
	    fsck_form_read(other->token, other->media, &held))
		theirs = fsck_form_signed(&held, &m);
	if (mine != NULL && theirs != NULL &&
	    fsck_same((struct span){mine, n}, (struct span){theirs, m}))
		fsck_problem(f, FSCK_TOKEN, index, NULL,
		    "the refused token is the same as that of entry %llu",
		    (unsigned long long)s->read.parents[0]);
	free(mine);
	free(theirs);
	free(other);
}

static bool
examine_token(struct scan *s, uint64_t index)
{
	struct fsck *f = s->f;
	struct fsck_form form;
	const char *bad = "its form";

	if (fsck_form_read(s->read.token, s->read.media, &form))
		bad = fsck_task_read(&form, &s->task);
	if (bad != NULL) {
		fsck_problem(f, FSCK_TOKEN, index, NULL, "the token cannot be read: %s", bad);
		return false;
	}
	fsck_policy_kind(f->policy, &s->task);
	check_signer(s, index, &form);
	if (s->read.kind == FSCK_EQUIVOCATION_ENTRY) {
		f->equivocations++;
		check_differs(s, index, &form);
	}
	return true;
}

static bool
examine_own(struct scan *s, uint64_t index)
{
	struct fsck *f = s->f;
	const char *field;
	char at[48];
	size_t offset;

	if (!fsck_own_read(&s->read, &s->own, &offset, &field)) {
		snprintf(at, sizeof(at), "byte %zu of the event", offset);
		fsck_problem(f, FSCK_EVENT, index, at, "not a %s event: %s",
		    s->read.kind == FSCK_POLICY_ENTRY ? "policy" : "descriptor", field);
		return false;
	}
	if (s->read.kind == FSCK_DESCRIPTOR_ENTRY) {
		f->descriptors++;
		return true;
	}
	f->policy_entries++;
	if (!fsck_policy_set(f, s->own.said))
		fsck_problem(
		    f, FSCK_EVENT, index, "document", "the policy document is no JSON object");
	return true;
}

/*
 * Form and time; then, unless the bytes are known to be wrong, what it says.  False: that could not
 * be read.
 */
static bool
examine(struct scan *s, uint64_t index, struct span raw, bool sound)
{
	struct fsck *f = s->f;
	const char *field;
	char at[48];
	size_t offset;

	if (!fsck_entry_read(raw, &s->read, &offset, &field)) {
		snprintf(at, sizeof(at), "byte %zu", offset);
		fsck_problem(f, FSCK_ENTRY, index, at, "not an entry: %s", field);
		return false;
	}
	if (!sound)
		return false;
	check_entry(s, index);
	if (f->level < 3)
		return false;
	switch (s->read.kind) {
	case FSCK_TOKEN_ENTRY:
	case FSCK_EQUIVOCATION_ENTRY:
		return examine_token(s, index);
	case FSCK_KEY_ENTRY:
		fsck_history_add(f, index, s->read.token, &s->domain);
		f->key_entries++;
		return s->domain.n > 0;
	case FSCK_POLICY_ENTRY:
	case FSCK_DESCRIPTOR_ENTRY:
		return examine_own(s, index);
	default:
		return true;
	}
}

static void
add_to_graph(struct scan *s, uint64_t index, bool read)
{
	struct fsck *f = s->f;

	if (!read)
		fsck_graph_add(f, index, &s->read, NULL);
	else if (s->read.kind == FSCK_TOKEN_ENTRY)
		fsck_graph_add(f, index, &s->read, &s->task);
	else if (s->read.kind == FSCK_KEY_ENTRY)
		fsck_graph_add_key(f, index, &s->read, s->domain);
	else if (s->read.kind == FSCK_POLICY_ENTRY || s->read.kind == FSCK_DESCRIPTOR_ENTRY)
		fsck_graph_add_own(f, index, &s->read, &s->own);
	else if (s->read.kind == FSCK_EQUIVOCATION_ENTRY)
		fsck_graph_add_equivocation(f, index, &s->read, &s->task);
	else
		fsck_graph_add_other(f, index);
}

/* 'raw' NULL: the entry is missing, and the tile's word is taken for its leaf. */
static void
step(struct scan *s, uint64_t index, const struct span *raw)
{
	struct fsck *f = s->f;
	uint8_t leaf[FSCK_HASH];
	bool sound, read = false;

	scan_heads(s, index);
	if (f->level >= 5 && index == fsck_index_reach(s->index))
		fsck_graph_mark(f->graph);
	if (raw != NULL)
		fsck_hash_tagged(f, 0, *raw, (struct span){raw->p, 0}, leaf);
	sound = scan_leaf(s, index, raw != NULL ? leaf : NULL);
	if (raw != NULL)
		read = examine(s, index, *raw, sound);
	if (!read && f->level >= 3)
		fsck_history_hole(f, index);
	if (f->level >= 4)
		add_to_graph(s, index, read);
	*f->reached = f->entries = index + 1;
	if (f->entries % PROGRESS_STEP == 0)
		fsck_tell_progress(f, f->entries);
}

/* Is 'index' the next, or reached by stepping over missing ones?  False: no use going on. */
static bool
reach(struct scan *s, uint64_t index)
{
	struct fsck *f = s->f;

	if (index == f->entries)
		return true;
	if (index < f->entries || index - f->entries > JUMP_MAX) {
		fsck_problem(f, FSCK_DATABASE, FSCK_NONE, "log/entry",
		    "after entry %lld comes key %llu", (long long)f->entries - 1,
		    (unsigned long long)index);
		return false;
	}
	fsck_problem(f, FSCK_ENTRY, f->entries, "log/entry",
	    "missing, and so is everything before entry %llu", (unsigned long long)index);
	while (f->entries < index)
		step(s, f->entries, NULL);
	return true;
}

static void
walk(struct scan *s)
{
	MDB_cursor *cursor = NULL;
	MDB_val k, v;
	int e = mdb_cursor_open(s->txn, s->entry, &cursor);

	while (e == 0 && !s->broken && (e = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
		struct span raw = {v.mv_data, v.mv_size};

		if (k.mv_size != 8)
			fsck_problem(s->f, FSCK_DATABASE, FSCK_NONE, "log/entry",
			    "a key of %zu bytes", k.mv_size);
		s->broken = k.mv_size != 8 || !reach(s, fsck_u64(k.mv_data));
		if (!s->broken)
			step(s, s->f->entries, &raw);
	}
	if (e != 0 && e != MDB_NOTFOUND)
		fsck_problem(s->f, FSCK_DATABASE, FSCK_NONE, "log/entry", "%s", mdb_strerror(e));
	s->broken = s->broken || e != MDB_NOTFOUND;
	mdb_cursor_close(cursor);
}

/* ---- one log ---- */

static void
check_all(struct scan *s)
{
	struct fsck *f = s->f;
	MDB_stat st;

	if (!open_tables(s))
		return;
	read_meta(s);
	if (mdb_stat(s->txn, s->entry, &st) == 0)
		f->total = st.ms_entries;
	fsck_vkey_load(f);
	if (f->level >= 3) {
		f->history = fsck_history_new();
		fsck_verify_begin(f);
	}
	if (f->level >= 4)
		f->graph = fsck_graph_new();
	scan_begin(s);
	walk(s);
	fsck_verify_end(f);
	if (!s->broken && f->entries != f->total)
		fsck_problem(f, FSCK_DATABASE, FSCK_NONE, "log/entry",
		    "%llu entries could be walked, the database counts %llu",
		    (unsigned long long)f->entries, (unsigned long long)f->total);
	if (f->level >= 5 && f->entries == fsck_index_reach(s->index))
		fsck_graph_mark(f->graph);
	scan_end(s);
	if (f->level >= 5 && !s->broken)
		fsck_index_compare(f, s->index);
	fsck_tell_progress(f, f->entries);
}

static void
tell_result(struct fsck *f)
{
	char root[2 * FSCK_HASH + 1];

	for (size_t i = 0; i < FSCK_WHATS; i++)
		if (f->per_what[i] > FSCK_SAME_MAX) {
			unsigned long long more = f->per_what[i] - FSCK_SAME_MAX;

			f->problems--; /* this line stands for those already counted */
			f->per_what[i] = 0;
			fsck_problem(f, (enum fsck_what)i, FSCK_NONE, NULL,
			    "and %llu more of this kind", more);
		}
	fsck_hex(f->root, FSCK_HASH, root);
	tell(f, "result",
	    json_pack("{so sI ss sI so sI sI sI sI sI sI sI sI sI ss so}", "origin",
		clean(f->origin), "entries", (json_int_t)f->entries, "root", root, "heads",
		(json_int_t)f->heads, "last_good_head",
		f->last_good_head != FSCK_NONE ? json_integer((json_int_t)f->last_good_head)
					       : json_null(),
		"journal_records", (json_int_t)f->journal.count, "signatures_checked",
		(json_int_t)f->signatures_ok, "signatures_not_checked",
		(json_int_t)f->signatures_unchecked, "unsigned", (json_int_t)f->unsigned_tokens,
		"key_entries", (json_int_t)f->key_entries, "policy_entries",
		(json_int_t)f->policy_entries, "descriptors", (json_int_t)f->descriptors,
		"equivocations", (json_int_t)f->equivocations, "problem_count",
		(json_int_t)f->problems, "index", f->index_state, "index_reach",
		f->index_reach != FSCK_NONE ? json_integer((json_int_t)f->index_reach)
					    : json_null()));
}

void
fsck_log(struct fsck *f)
{
	struct scan *s = fsck_alloc(1, sizeof(*s));
	char *folder = fsck_path(f->folder, "log");

	s->f = f;
	f->last_good_head = f->index_reach = FSCK_NONE;
	f->index_state = "not_checked";
	f->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	f->sha384 = EVP_MD_fetch(NULL, "SHA384", NULL);
	f->digest = EVP_MD_CTX_new();
	if (f->sha256 == NULL || f->sha384 == NULL || f->digest == NULL)
		_exit(FSCK_EXIT_MEMORY);
	/* The order matters where a server is at work: what trails is read first. */
	if (f->level >= 2)
		fsck_journal_read(f, &f->journal, true);
	if (f->level >= 5)
		s->index = fsck_index_open(f);
	if ((s->env = fsck_env_open(f, FSCK_DATABASE, folder, &s->txn)) != NULL) {
		check_all(s);
		mdb_txn_abort(s->txn);
		mdb_env_close(s->env);
	}
	tell_result(f);
	fsck_index_close(s->index);
	fsck_graph_free(f->graph);
	fsck_policy_free(f->policy);
	fsck_history_free(f->history);
	EVP_PKEY_free(f->vkey.pkey);
	EVP_MD_CTX_free(f->digest);
	EVP_MD_free(f->sha256);
	EVP_MD_free(f->sha384);
	free(f->journal.records);
	free(folder);
	free(s);
}
