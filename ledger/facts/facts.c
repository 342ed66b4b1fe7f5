/*
 * facts.c - feeding and reading the columns.
 *
 * A row is made whole before it counts: memory for it, its edges, names and extension is reserved
 * first, so that a failure leaves nothing but names that are found again at the next try.  Then the
 * row is written, then the heads of its chains are moved, each with a release, and last the reach.
 *
 * Invariants:
 *   1. a parent has a smaller index than its child: asserted, so no walk over parents or children
 *      runs in a circle.
 *   2. every chain (children, workflow, issuer, kind, same id) goes from newer to older.
 *   3. whoever reads a head newer than its view skips along the chain until it is below.
 */
#include "facts/facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/random.h"
#include "claim/own_event.h"
#include "facts/names.h"

#define TEXTS_MAX   ((size_t)1 << 40)
#define IDS_MIN	    4096
#define ENTRIES_MAX UINT32_C(0xf0000000)

struct kept { /* extension, or the bytes of an event */
	struct bytes text;
	uint32_t subject; /* name number; FACTS_NONE: it speaks of nobody */
	uint32_t before;  /* the entry before about the subject */
};

struct hashes {
	struct bytes side[2]; /* enum fact_side */
};

struct facts {
	struct facts_columns columns; /* first: facts_columns() */
	uint64_t bytes_max;
	_Atomic uint64_t reach, bytes;
	struct chunks rows, edges, exts, docs, hashes;
	uint32_t edge_count, ext_count, hash_count;
	struct facts_table names[FACTS_NAMES];
	struct arena texts; /* extensions and events */
	_Atomic uint32_t no_workflow;
	_Atomic uint32_t kinds[KIND_IDS];     /* newest */
	_Atomic uint32_t kind_first[KIND_IDS]; /* oldest */
	/* Ids: newest task by its id. */
	pthread_rwlock_t ids_lock;
	uint32_t *ids; /* index + 1 */
	size_t ids_room, ids_count;
	uint64_t ids_seed;
};

/* ---- made and freed ---- */

enum rc
facts_new(struct facts **out, const struct facts_options *options)
{
	struct facts *f = calloc(1, sizeof(*f));
	bool ok = f != NULL;

	*out = NULL;
	if (!ok)
		return RC_NO_MEMORY;
	f->bytes_max = options->bytes_max;
	random_bytes(&f->ids_seed, sizeof(f->ids_seed));
	arena_init(&f->texts, TEXTS_MAX);
	must(names_lock_init(&f->ids_lock));
	atomic_store(&f->no_workflow, FACTS_NONE);
	for (size_t i = 0; i < KIND_IDS; i++) {
		atomic_store(&f->kinds[i], FACTS_NONE);
		atomic_store(&f->kind_first[i], FACTS_NONE);
	}
	ok = chunks_init(&f->rows, sizeof(struct fact), FACTS_SHIFT) &&
	     chunks_init(&f->edges, sizeof(struct facts_edge), FACTS_SHIFT) &&
	     chunks_init(&f->exts, sizeof(struct kept), FACTS_SHIFT) &&
	     chunks_init(&f->docs, sizeof(const struct policy_doc *), FACTS_SHIFT) &&
	     chunks_init(&f->hashes, sizeof(struct hashes), FACTS_SHIFT);
	f->columns.rows = (struct fact *const *)(const void *)f->rows.chunk;
	f->columns.edges = (struct facts_edge *const *)(const void *)f->edges.chunk;
	for (size_t i = 0; ok && i < FACTS_NAMES; i++)
		ok = names_open(&f->names[i]);
	if (!ok) {
		facts_free(f);
		return RC_NO_MEMORY;
	}
	*out = f;
	return RC_OK;
}

void
facts_free(struct facts *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < FACTS_NAMES; i++)
		names_close(&f->names[i]);
	chunks_release(&f->rows);
	chunks_release(&f->edges);
	chunks_release(&f->exts);
	chunks_release(&f->docs);
	chunks_release(&f->hashes);
	arena_release(&f->texts);
	pthread_rwlock_destroy(&f->ids_lock);
	free(f->ids);
	free(f);
}

uint64_t
facts_reach(const struct facts *f)
{
	return atomic_load_explicit(&f->reach, memory_order_acquire);
}

uint64_t
facts_bytes(const struct facts *f)
{
	return atomic_load_explicit(&f->bytes, memory_order_relaxed);
}

static void
count_bytes(struct facts *f)
{
	uint64_t n = f->rows.bytes + f->edges.bytes + f->exts.bytes + f->docs.bytes +
		     f->hashes.bytes + f->texts.used + f->ids_room * sizeof(*f->ids);

	for (size_t i = 0; i < FACTS_NAMES; i++)
		n += names_bytes(&f->names[i]);
	atomic_store_explicit(&f->bytes, n, memory_order_relaxed);
}

/* ---- ids ---- */

_Static_assert(offsetof(struct facts, columns) == 0, "facts_columns() relies on it");

static struct fact *
row_at(const struct facts *f, uint32_t index)
{
	return &f->columns.rows[index >> FACTS_SHIFT][index & FACTS_LOW];
}

static size_t
id_slot(const struct facts *f, const uint8_t jti[UUID_SIZE])
{
	uint64_t a, b;
	size_t i;

	memcpy(&a, jti, 8);
	memcpy(&b, jti + 8, 8);
	a = (a ^ f->ids_seed) * UINT64_C(0x9e3779b97f4a7c15);
	a ^= a >> 32;
	a = (a ^ b) * UINT64_C(0xbf58476d1ce4e5b9);
	a ^= a >> 29;
	a *= UINT64_C(0x94d049bb133111eb);
	a ^= a >> 31;
	i = (size_t)a & (f->ids_room - 1);
	while (f->ids[i] != 0 && memcmp(row_at(f, f->ids[i] - 1)->jti, jti, UUID_SIZE) != 0)
		i = (i + 1) & (f->ids_room - 1);
	return i;
}

/* Bytes that the next id costs at once: the table doubles, which in a large log is much. */
static uint64_t
ids_growth(const struct facts *f)
{
	return f->ids_count + 1 <= f->ids_room / 2 ? 0 : f->ids_room * sizeof(*f->ids);
}

static bool
ids_reserve(struct facts *f)
{
	uint32_t *old = f->ids, *fresh;
	size_t old_room = f->ids_room, room = old_room == 0 ? IDS_MIN : old_room * 2;

	if (f->ids_count + 1 <= old_room / 2)
		return true;
	if ((fresh = calloc(room, sizeof(*fresh))) == NULL)
		return false;
	must(pthread_rwlock_wrlock(&f->ids_lock) == 0);
	f->ids = fresh;
	f->ids_room = room;
	for (size_t i = 0; i < old_room; i++)
		if (old[i] != 0)
			f->ids[id_slot(f, row_at(f, old[i] - 1)->jti)] = old[i];
	must(pthread_rwlock_unlock(&f->ids_lock) == 0);
	free(old);
	return true;
}

static void
ids_put(struct facts *f, uint32_t index, struct fact *row)
{
	size_t slot = id_slot(f, row->jti);

	row->same_id = f->ids[slot] == 0 ? FACTS_NONE : f->ids[slot] - 1;
	must(pthread_rwlock_wrlock(&f->ids_lock) == 0);
	f->ids_count += f->ids[slot] == 0;
	f->ids[slot] = index + 1;
	must(pthread_rwlock_unlock(&f->ids_lock) == 0);
}

/* ---- feeding ---- */

struct feed {
	struct facts *f;
	uint32_t index;
	const struct entry *entry;
	const struct claim *claim; /* NULL: an event */
	const struct policy_doc *doc;
	const struct kind *kind;
	struct bytes ext; /* to keep */
	struct fact row;  /* being made */
	uint32_t domain, subject;
};

static bool
is_true(const struct feed *d, const char *key)
{
	const struct json_node *n = kind_ext(d->kind, d->claim->ext_json, key);

	return n != NULL && n->type == JSN_TRUE;
}

/* What a task is, by its own words and the policy's lists. */
static unsigned
task_flags(const struct feed *d)
{
	const struct json_node *reversible = kind_ext(d->kind, d->claim->ext_json, "reversible");
	unsigned flags = 0;

	if (is_true(d, "irreversible") ||
	    (d->kind->id == KIND_CHECKPOINT && reversible != NULL &&
		reversible->type == JSN_FALSE) ||
	    policy_act_in(&d->doc->irreversible, d->claim->act))
		flags |= FACT_IRREVERSIBLE | FACT_CONSEQUENTIAL;
	if (is_true(d, "consequential") || policy_act_in(&d->doc->consequential, d->claim->act))
		flags |= FACT_CONSEQUENTIAL;
	if (is_true(d, "critical") || policy_act_in(&d->doc->critical, d->claim->act))
		flags |= FACT_CRITICAL;
	if (is_true(d, "compensation_required"))
		flags |= FACT_COMPENSATE;
	if (kind_ext(d->kind, d->claim->ext_json, "attestation") != NULL)
		flags |= FACT_ATTESTED;
	return flags;
}

static unsigned
entry_bits(const struct feed *d)
{
	uint64_t e = d->entry->flags;
	unsigned flags = 0;

	if (d->claim->inp_hash.alg != CLAIM_HASH_NONE)
		flags |= FACT_INP;
	if (d->claim->out_hash.alg != CLAIM_HASH_NONE)
		flags |= FACT_OUT;
	if (d->claim->has_wid)
		flags |= FACT_WID;
	if (e & ENTRY_FOREIGN_PARENT)
		flags |= FACT_FOREIGN;
	if (d->entry->level == LEVEL_1 || (e & ENTRY_LOWER_PARENT))
		flags |= FACT_LOWER;
	if (e & ENTRY_DEFERRED)
		flags |= FACT_DEFERRED;
	if (e & ENTRY_FORWARDED)
		flags |= FACT_FORWARDED;
	return flags;
}

/* By the document in force at it. */
static const struct kind *
kind_at_row(const struct facts *f, uint32_t index)
{
	const struct policy_doc *doc = *(const struct policy_doc **)chunks_at(&f->docs, index);
	const struct fact *t = row_at(f, index);

	if (t->act == FACTS_NONE)
		return kind_at(0);
	return kinds_of(doc->kinds, names_at(&f->names[FACTS_ACT], t->act)->text);
}

/* Does it keep to its kind's row, now that its parents are known? */
static bool
breaks_row(const struct feed *d)
{
	struct kind_task task = {.pred = d->claim->pred,
	    .pred_count = d->claim->pred_count,
	    .ext = d->claim->ext_json,
	    .parents_known = true};

	for (size_t i = 0; i < d->entry->parent_count && d->kind->parents != 0; i++)
		task.parents |= kinds_bit(
		    d->doc->kinds, kind_at_row(d->f, (uint32_t)d->entry->parents[i]));
	return kind_check(d->kind, &task, NULL) != RC_OK;
}

/* An extension is kept where answers read it: of every kind but plain tasks, and of those that use a
 * key of their row. */
static struct bytes
ext_to_keep(const struct feed *d)
{
	const struct json_node *ext = d->claim->ext_json;

	if (ext == NULL)
		return BYTES_NONE;
	if (d->kind->id != KIND_TASK)
		return d->claim->ext;
	for (const struct kind_key *k = d->kind->keys; k->name != NULL; k++)
		if (json_member(ext, k->name) != NULL)
			return d->claim->ext;
	return BYTES_NONE;
}

static bool
add_names(struct feed *d)
{
	struct facts_table *t = d->f->names;
	struct fact *r = &d->row;

	d->domain = FACTS_NONE;
	if (d->claim->trust_domain.n > 0 &&
	    !names_add(&t[FACTS_DOMAIN], d->claim->trust_domain, d->index, NAME_NONE, &d->domain))
		return false;
	if (!names_add(&t[FACTS_ISS], d->claim->iss, d->index, d->domain, &r->iss) ||
	    !names_add(&t[FACTS_ACT], d->claim->act, d->index, NAME_NONE, &r->act))
		return false;
	if (d->claim->has_wid && !names_add(&t[FACTS_WID], bytes_of(d->claim->wid, UUID_SIZE),
				     d->index, NAME_NONE, &r->wid))
		return false;
	return !d->entry->has_signer ||
	       names_add(&t[FACTS_KEY], bytes_of(d->entry->signer.b, HASH_SIZE), d->index,
		   NAME_NONE, &r->signer);
}

static void
row_token(struct feed *d)
{
	const struct claim *c = d->claim;
	struct fact *r = &d->row;
	size_t number;

	memcpy(r->jti, c->jti, UUID_SIZE);
	r->iat = c->iat;
	d->kind = kinds_of(d->doc->kinds, c->act);
	r->kind = (uint8_t)d->kind->id;
	r->code = (uint8_t)kind_code(d->kind, c->ext_json);
	r->level = (uint8_t)d->entry->level;
	r->binding = (uint8_t)d->entry->binding;
	r->flags = (uint16_t)(task_flags(d) | entry_bits(d));
	if (d->entry->kind != ENTRY_TOKEN)
		return;
	if (breaks_row(d))
		r->flags |= FACT_BREACH;
	if (policy_guard(d->doc, c, &number) != NULL)
		r->guard = (uint16_t)(number + 1);
	d->ext = ext_to_keep(d);
}

/* Hashes are kept where answers compare them: of records, not of plain tasks, which are most of a log. */
static bool
keep_hashes(struct feed *d)
{
	const struct claim_hash *from[] = {&d->claim->inp_hash, &d->claim->out_hash};
	struct facts *f = d->f;
	struct hashes kept = {0};
	size_t n = 0;

	if (d->entry->kind != ENTRY_TOKEN || d->kind->id == KIND_TASK || d->kind->id == KIND_OWN)
		return true;
	for (size_t i = 0; i < 2; i++) {
		if (from[i]->alg == CLAIM_HASH_NONE)
			continue;
		n++;
		if (!arena_dup(&f->texts, bytes_of(from[i]->b, from[i]->size), &kept.side[i]))
			return false;
	}
	if (n == 0)
		return true;
	if (!chunks_reserve(&f->hashes, (uint64_t)f->hash_count + 1))
		return false;
	*(struct hashes *)chunks_at(&f->hashes, f->hash_count) = kept;
	d->row.hashes = ++f->hash_count;
	return true;
}

/* Whom a record speaks of: an assertion, a quarantine, a retirement. */
static bool
add_subject(struct feed *d, uint32_t *number)
{
	const struct json_node *n;

	*number = FACTS_NONE;
	if (d->claim == NULL || d->kind->id == KIND_TASK || d->kind->id == KIND_OWN ||
	    (n = kind_ext(d->kind, d->claim->ext_json, "subject")) == NULL ||
	    n->type != JSN_STRING || n->text.n == 0)
		return true;
	return names_add(&d->f->names[FACTS_SUBJECT], n->text, d->index, NAME_NONE, number);
}

/* The extension, and a place in the chain of its subject. */
static enum rc
keep_ext(struct feed *d)
{
	struct kept kept = {.before = FACTS_NONE};
	struct facts *f = d->f;

	if (!add_subject(d, &kept.subject) || !arena_dup(&f->texts, d->ext, &kept.text))
		return RC_NO_MEMORY;
	if (kept.subject != FACTS_NONE)
		kept.before = atomic_load_explicit(
		    &names_at(&f->names[FACTS_SUBJECT], kept.subject)->last, memory_order_relaxed);
	*(struct kept *)chunks_at(&f->exts, f->ext_count) = kept;
	d->subject = kept.subject;
	d->row.ext = ++f->ext_count;
	return RC_OK;
}

/* Everything that can run out. */
static enum rc
reserve(struct feed *d)
{
	struct facts *f = d->f;

	if (!chunks_reserve(&f->rows, (uint64_t)d->index + 1) ||
	    !chunks_reserve(&f->docs, (uint64_t)d->index + 1) ||
	    !chunks_reserve(&f->edges, (uint64_t)f->edge_count + d->entry->parent_count) ||
	    !chunks_reserve(&f->exts, (uint64_t)f->ext_count + 1) || !ids_reserve(f))
		return RC_NO_MEMORY;
	if (d->claim != NULL && (!add_names(d) || !keep_hashes(d)))
		return RC_NO_MEMORY;
	return d->ext.n > 0 ? keep_ext(d) : RC_OK;
}

/* Parents into the row; each parent's newest child is this one now. */
static void
link_parents(struct feed *d, struct fact *row)
{
	struct facts *f = d->f;

	row->parents = f->edge_count;
	row->parent_count = (uint8_t)d->entry->parent_count;
	for (size_t i = 0; i < d->entry->parent_count; i++) {
		struct facts_edge *e = chunks_at(&f->edges, f->edge_count);
		struct fact *parent;

		must(d->entry->parents[i] < d->index);
		e->parent = (uint32_t)d->entry->parents[i];
		e->child = d->index;
		parent = row_at(f, e->parent);
		e->next = atomic_load_explicit(&parent->child, memory_order_relaxed);
		f->edge_count++;
	}
}

/* The row is whole: move the heads of its chains. */
static void
publish_token(struct feed *d, struct fact *row)
{
	struct facts *f = d->f;
	_Atomic uint32_t *workflow = row->wid == FACTS_NONE
					 ? &f->no_workflow
					 : &names_at(&f->names[FACTS_WID], row->wid)->last;
	struct name *iss = names_at(&f->names[FACTS_ISS], row->iss);

	for (unsigned i = 0; i < row->parent_count; i++) {
		const struct facts_edge *e = chunks_at(&f->edges, row->parents + i);

		atomic_store_explicit(
		    &row_at(f, e->parent)->child, row->parents + i, memory_order_release);
	}
	atomic_store_explicit(workflow, d->index, memory_order_release);
	atomic_store_explicit(&iss->last, d->index, memory_order_release);
	if (row->kind != KIND_TASK && row->kind != KIND_OWN) {
		if (row->of_kind == FACTS_NONE)
			atomic_store_explicit(
			    &f->kind_first[row->kind], d->index, memory_order_release);
		atomic_store_explicit(&f->kinds[row->kind], d->index, memory_order_release);
	}
	if (d->subject != FACTS_NONE)
		atomic_store_explicit(&names_at(&f->names[FACTS_SUBJECT], d->subject)->last,
		    d->index, memory_order_release);
}

static void
write_token(struct feed *d, struct fact *row)
{
	struct facts *f = d->f;
	_Atomic uint32_t *workflow = row->wid == FACTS_NONE
					 ? &f->no_workflow
					 : &names_at(&f->names[FACTS_WID], row->wid)->last;

	link_parents(d, row);
	row->in_workflow = atomic_load_explicit(workflow, memory_order_relaxed);
	row->of_issuer = atomic_load_explicit(
	    &names_at(&f->names[FACTS_ISS], row->iss)->last, memory_order_relaxed);
	if (row->kind != KIND_TASK && row->kind != KIND_OWN)
		row->of_kind = atomic_load_explicit(&f->kinds[row->kind], memory_order_relaxed);
	ids_put(f, d->index, row);
	publish_token(d, row);
}

/* A descriptor hangs at its workflow. */
static void
write_descriptor(struct feed *d, struct fact *row)
{
	struct name *wid = names_at(&d->f->names[FACTS_WID], row->wid);

	row->in_workflow = atomic_load_explicit(&wid->last2, memory_order_relaxed);
	atomic_store_explicit(&wid->last2, d->index, memory_order_release);
}

/* The workflow that a descriptor is of.  One that cannot be read hangs nowhere; the log takes none such. */
static enum rc
name_workflow(struct feed *d)
{
	struct own_descriptor event;

	if (own_descriptor_read(d->entry->token, &event, NULL) != RC_OK)
		return RC_OK;
	return names_add(&d->f->names[FACTS_WID], bytes_of(event.wid, UUID_SIZE), d->index,
		   NAME_NONE, &d->row.wid)
		   ? RC_OK
		   : RC_NO_MEMORY;
}

static enum rc
feed_row(struct feed *d)
{
	struct facts *f = d->f;
	struct fact *row;
	enum rc rc;

	if (d->claim != NULL)
		row_token(d);
	else if (d->entry->kind == ENTRY_POLICY || d->entry->kind == ENTRY_DESCRIPTOR)
		d->ext = d->entry->token;
	if (d->entry->kind == ENTRY_DESCRIPTOR && (rc = name_workflow(d)) != RC_OK)
		return rc;
	if ((rc = reserve(d)) != RC_OK)
		return rc;
	row = row_at(f, d->index);
	*row = d->row;
	*(const struct policy_doc **)chunks_at(&f->docs, d->index) = d->doc;
	if (d->entry->kind == ENTRY_TOKEN)
		write_token(d, row);
	return RC_OK;
}

enum rc
facts_add(struct facts *f, const struct entry *entry, const struct claim *claim,
    const struct policy_doc *doc)
{
	uint64_t reach = atomic_load_explicit(&f->reach, memory_order_relaxed);
	struct feed d = {.f = f, .entry = entry, .claim = claim, .doc = doc, .subject = FACTS_NONE};
	enum rc rc;

	must(doc != NULL &&
	     (claim != NULL) == (entry->kind == ENTRY_TOKEN || entry->kind == ENTRY_EQUIVOCATION));
	if (reach >= ENTRIES_MAX ||
	    (f->bytes_max != 0 && facts_bytes(f) + ids_growth(f) > f->bytes_max))
		return RC_TOO_LARGE;
	d.index = (uint32_t)reach;
	d.row = (struct fact){.received_ms = entry->received_at_ms,
	    .iss = FACTS_NONE,
	    .act = FACTS_NONE,
	    .wid = FACTS_NONE,
	    .signer = FACTS_NONE,
	    .child = FACTS_NONE,
	    .in_workflow = FACTS_NONE,
	    .of_issuer = FACTS_NONE,
	    .of_kind = FACTS_NONE,
	    .same_id = FACTS_NONE,
	    .entry = (uint8_t)entry->kind};
	if ((rc = feed_row(&d)) != RC_OK)
		return rc;
	if (entry->kind == ENTRY_DESCRIPTOR && d.row.wid != FACTS_NONE)
		write_descriptor(&d, row_at(f, d.index));
	count_bytes(f);
	atomic_store_explicit(&f->reach, reach + 1, memory_order_release);
	return RC_OK;
}

/* ---- reading ---- */

struct facts_view
facts_at(const struct facts *f, uint64_t size)
{
	must(size <= facts_reach(f));
	return (struct facts_view){f, (uint32_t)size};
}

const struct policy_doc *
fact_doc(const struct facts_view *v, uint32_t index)
{
	must(index < v->size);
	return *(const struct policy_doc *const *)chunks_at(&v->f->docs, index);
}

const struct kind *
fact_kind(const struct facts_view *v, uint32_t index)
{
	const struct fact *t = fact(v, index);

	if (t->act == FACTS_NONE)
		return kind_at(0);
	return kinds_of(fact_doc(v, index)->kinds, names_at(&v->f->names[FACTS_ACT], t->act)->text);
}

struct bytes
fact_event(const struct facts_view *v, const struct fact *t)
{
	return t->ext == 0 ? BYTES_NONE
			   : ((const struct kept *)chunks_at(&v->f->exts, t->ext - 1))->text;
}

struct bytes
fact_hash(const struct facts_view *v, uint32_t index, enum fact_side side)
{
	const struct fact *t = fact(v, index);

	if (t->hashes == 0)
		return BYTES_NONE;
	return ((const struct hashes *)chunks_at(&v->f->hashes, t->hashes - 1))->side[side];
}

const struct json_node *
fact_ext(const struct facts_view *v, const struct fact *t, struct arena *arena)
{
	static const struct json_limits limits = {CLAIM_EXT_TEXT_MAX, CLAIM_EXT_DEPTH_MAX, 8192};
	struct json_node *root = NULL;

	if (t->ext == 0 || t->entry != ENTRY_TOKEN)
		return NULL;
	if (json_parse(fact_event(v, t), &limits, true, arena, &root, NULL) != RC_OK)
		return NULL;
	return root;
}

const struct json_node *
fact_key(const struct facts_view *v, uint32_t index, const char *key, struct arena *arena)
{
	return kind_ext(fact_kind(v, index), fact_ext(v, fact(v, index), arena), key);
}

uint32_t
facts_find(const struct facts_view *v, const uint8_t jti[UUID_SIZE], uint32_t *at)
{
	struct facts *f = (struct facts *)(uintptr_t)v->f;
	uint32_t index = FACTS_NONE;

	if (*at == FACTS_NONE) {
		must(pthread_rwlock_rdlock(&f->ids_lock) == 0);
		if (f->ids_room > 0) {
			uint32_t slot = f->ids[id_slot(f, jti)];

			index = slot == 0 ? FACTS_NONE : slot - 1;
		}
		must(pthread_rwlock_unlock(&f->ids_lock) == 0);
	} else {
		index = row_at(f, *at)->same_id;
	}
	while (index != FACTS_NONE && index >= v->size)
		index = row_at(f, index)->same_id;
	*at = index;
	return index;
}

uint32_t
facts_meant(const struct facts_view *v, uint32_t from, const uint8_t jti[UUID_SIZE])
{
	const struct fact *t = fact(v, from);
	uint32_t at = FACTS_NONE, found = FACTS_NONE, i;
	size_t count = 0;

	for (unsigned k = 0; k < t->parent_count; k++)
		if (memcmp(fact(v, fact_parent(v, t, k))->jti, jti, UUID_SIZE) == 0)
			return fact_parent(v, t, k);
	while ((i = facts_find(v, jti, &at)) != FACTS_NONE) {
		if (fact(v, i)->wid == t->wid)
			return i;
		found = i;
		count++;
	}
	return count == 1 ? found : FACTS_NONE;
}

/* ---- names ---- */

static struct facts_table *
table_of(const struct facts_view *v, enum facts_names which)
{
	must(which < FACTS_NAMES);
	return &((struct facts *)(uintptr_t)v->f)->names[which];
}

struct bytes
facts_name(const struct facts_view *v, enum facts_names which, uint32_t number)
{
	return number == FACTS_NONE ? BYTES_NONE : names_at(table_of(v, which), number)->text;
}

uint32_t
facts_first(const struct facts_view *v, enum facts_names which, uint32_t number)
{
	return names_at(table_of(v, which), number)->first;
}

uint32_t
facts_number(const struct facts_view *v, enum facts_names which, struct bytes text)
{
	uint32_t n = names_find(table_of(v, which), text);

	return n != NAME_NONE && facts_first(v, which, n) < v->size ? n : FACTS_NONE;
}

uint32_t
facts_count(const struct facts_view *v, enum facts_names which)
{
	const struct facts_table *t = table_of(v, which);
	uint32_t low = 0, high = atomic_load_explicit(&t->count, memory_order_acquire);

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (names_at(t, middle)->first < v->size)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t
facts_domain(const struct facts_view *v, uint32_t iss)
{
	return iss == FACTS_NONE ? FACTS_NONE : names_at(table_of(v, FACTS_ISS), iss)->other;
}

uint32_t
facts_workflow_last(const struct facts_view *v, uint32_t wid)
{
	uint32_t at = wid == FACTS_NONE
			  ? atomic_load_explicit(&((struct facts *)(uintptr_t)v->f)->no_workflow,
				memory_order_acquire)
			  : atomic_load_explicit(
				&names_at(table_of(v, FACTS_WID), wid)->last, memory_order_acquire);

	while (at != FACTS_NONE && at >= v->size)
		at = row_at(v->f, at)->in_workflow;
	return at;
}

uint32_t
facts_issuer_last(const struct facts_view *v, uint32_t iss)
{
	uint32_t at = atomic_load_explicit(
	    &names_at(table_of(v, FACTS_ISS), iss)->last, memory_order_acquire);

	while (at != FACTS_NONE && at >= v->size)
		at = row_at(v->f, at)->of_issuer;
	return at;
}

uint32_t
facts_descriptor_last(const struct facts_view *v, uint32_t wid)
{
	uint32_t at;

	if (wid == FACTS_NONE)
		return FACTS_NONE;
	at = atomic_load_explicit(
	    &names_at(table_of(v, FACTS_WID), wid)->last2, memory_order_acquire);
	while (at != FACTS_NONE && at >= v->size)
		at = row_at(v->f, at)->in_workflow;
	return at;
}

uint32_t
facts_about_before(const struct facts_view *v, uint32_t index)
{
	const struct fact *t = fact(v, index);

	return t->ext == 0 ? FACTS_NONE
			   : ((const struct kept *)chunks_at(&v->f->exts, t->ext - 1))->before;
}

uint32_t
facts_about_last(const struct facts_view *v, uint32_t subject)
{
	struct facts_view all = {v->f, UINT32_MAX};
	uint32_t at = atomic_load_explicit(
	    &names_at(table_of(v, FACTS_SUBJECT), subject)->last, memory_order_acquire);

	while (at != FACTS_NONE && at >= v->size)
		at = facts_about_before(&all, at);
	return at;
}

uint32_t
facts_kind_last(const struct facts_view *v, enum kind_id kind)
{
	uint32_t at = atomic_load_explicit(
	    &((struct facts *)(uintptr_t)v->f)->kinds[kind], memory_order_acquire);

	while (at != FACTS_NONE && at >= v->size)
		at = row_at(v->f, at)->of_kind;
	return at;
}

uint32_t
facts_kind_first(const struct facts_view *v, enum kind_id kind)
{
	uint32_t at = atomic_load_explicit(
	    &((struct facts *)(uintptr_t)v->f)->kind_first[kind], memory_order_acquire);

	return at != FACTS_NONE && at < v->size ? at : FACTS_NONE;
}

uint32_t
facts_kind_before(const struct facts_view *v, uint32_t index)
{
	return fact(v, index)->of_kind;
}

uint32_t *
facts_workflow(const struct facts_view *v, uint32_t wid, struct arena *arena, size_t *count)
{
	uint32_t last = facts_workflow_last(v, wid), *list;
	size_t n = 0;

	for (uint32_t at = last; at != FACTS_NONE; at = fact(v, at)->in_workflow)
		n++;
	*count = n;
	if ((list = arena_alloc(arena, (n + 1) * sizeof(*list))) == NULL)
		return NULL;
	for (uint32_t at = last; at != FACTS_NONE; at = fact(v, at)->in_workflow)
		list[--n] = at;
	return list;
}
