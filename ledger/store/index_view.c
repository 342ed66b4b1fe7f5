/*
 * index_view.c - lookups: the generations in memory, newest first, then the environment as it was
 * a moment later.
 *
 * A view takes its generations before its disk snapshot.  What the keeper writes between the two
 * is then in both, never in neither; and since a generation is written whole, the snapshot's
 * reach tells which of them to forget.  So every row is seen exactly once.
 */
#include <stdlib.h>

#include "base/must.h"
#include "store/index_own.h"

/* ---- life ---- */

enum rc
view_new(struct index *x, struct index_view **out)
{
	struct index_view *v = calloc(1, sizeof *v);
	enum rc rc = RC_OK;

	*out = NULL;
	if (v == NULL)
		return RC_NO_MEMORY;
	v->x = x;
	if (x->disk != NULL && (rc = disk_read_new(x->disk, &v->disk)) != RC_OK) {
		free(v);
		return rc;
	}
	*out = v;
	return RC_OK;
}

void
view_free(struct index_view *v)
{
	if (v == NULL)
		return;
	must(v->gen_count == 0);
	disk_read_free(v->disk);
	free(v);
}

static void
drop_gens(struct index_view *v, size_t count)
{
	must(count <= v->gen_count);
	for (size_t i = 0; i < count; i++)
		gen_unref(v->gens[i]);
	v->gen_count -= count;
	for (size_t i = 0; i < v->gen_count; i++)
		v->gens[i] = v->gens[i + count];
}

enum rc
view_start(struct index_view *v, uint64_t size)
{
	struct index *x = v->x;
	uint64_t reach = 0;
	size_t known = 0;
	enum rc rc = RC_OK;

	must(v->gen_count == 0);
	v->size = size;
	index_lock_rows(x, false);
	for (size_t i = 0; i < x->gen_count; i++) {
		v->gens[i] = x->gens[i];
		gen_ref(v->gens[i]);
	}
	v->gen_count = x->gen_count;
	index_unlock_rows(x);
	if (v->disk == NULL)
		return RC_OK;
	if ((rc = disk_read_begin(v->disk, &reach)) != RC_OK) {
		drop_gens(v, v->gen_count);
		return rc;
	}
	/* 'first' never changes, 'end' may: a generation is on disk exactly when it begins below
	 * the reach. */
	while (known < v->gen_count && v->gens[known]->first < reach)
		known++;
	drop_gens(v, known);
	return RC_OK;
}

void
view_stop(struct index_view *v)
{
	drop_gens(v, v->gen_count);
	if (v->disk != NULL)
		disk_read_end(v->disk);
}

enum rc
index_view_begin(struct index *x, uint64_t size, struct index_view **out)
{
	struct index_view *v = NULL;
	enum rc rc = RC_OK;

	*out = NULL;
	must(pthread_mutex_lock(&x->views_lock) == 0);
	if ((v = x->views) != NULL) {
		x->views = v->next;
		x->view_count--;
	}
	must(pthread_mutex_unlock(&x->views_lock) == 0);
	if (v == NULL && (rc = view_new(x, &v)) != RC_OK)
		return rc;
	if ((rc = view_start(v, size)) != RC_OK) {
		view_free(v);
		return rc;
	}
	*out = v;
	return RC_OK;
}

void
index_view_end(struct index_view *v)
{
	struct index *x = NULL;
	bool kept = false;

	if (v == NULL)
		return;
	x = v->x;
	view_stop(v);
	must(pthread_mutex_lock(&x->views_lock) == 0);
	if (x->view_count < INDEX_VIEWS_KEPT) {
		v->next = x->views;
		x->views = v;
		x->view_count++;
		kept = true;
	}
	must(pthread_mutex_unlock(&x->views_lock) == 0);
	if (!kept)
		view_free(v);
}

/* ---- ids ---- */

enum rc
index_find(struct index_view *v, bool has_wid, const uint8_t *wid, const uint8_t *jti,
    struct index_hit *out)
{
	struct map_key id;
	bool found = false;

	must(jti != NULL && (wid != NULL || !has_wid));
	id = gen_key_id(has_wid, wid, jti);
	index_lock_rows(v->x, false);
	for (size_t i = v->gen_count; !found && i > 0; i--)
		found = gen_find(v->gens[i - 1], &id, v->size, out);
	index_unlock_rows(v->x);
	if (found)
		return RC_OK;
	return v->disk == NULL ? RC_NOT_FOUND : disk_find(v->disk, &id, v->size, out);
}

enum rc
index_find_any(struct index_view *v, const uint8_t *jti, struct index_hit *out)
{
	struct index_hit hits[2];
	size_t count = 0, n = 0;
	enum rc rc = RC_OK;

	must(jti != NULL);
	index_lock_rows(v->x, false);
	for (size_t i = v->gen_count; count < 2 && i > 0; i--) {
		n = gen_find_any(v->gens[i - 1], jti, v->size, hits);
		if (n > 0)
			*out = hits[0];
		count += n;
	}
	index_unlock_rows(v->x);
	if (count < 2 && v->disk != NULL) {
		if ((rc = disk_find_any(v->disk, jti, v->size, hits, &n)) != RC_OK)
			return rc;
		if (n > 0)
			*out = hits[0];
		count += n;
	}
	if (count == 0)
		return RC_NOT_FOUND;
	return count == 1 ? RC_OK : RC_AMBIGUOUS;
}

/* ---- one to many ---- */

/* The environment's entries come before those of every generation, so the lists just follow one
 * another. */
static enum rc
list(struct index_view *v, bool hashes, const struct map_key *key, uint64_t after, uint64_t *out,
    size_t room, size_t *count)
{
	size_t n = 0;
	enum rc rc = RC_OK;

	must(room > 0 && out != NULL);
	*count = 0;
	if (v->disk != NULL &&
	    (rc = disk_list(v->disk, hashes, key, after, v->size, out, room, count)) != RC_OK)
		return rc;
	index_lock_rows(v->x, false);
	for (size_t i = 0; i < v->gen_count && *count < room; i++) {
		n = gen_list(v->gens[i], hashes, key, after, v->size, out + *count, room - *count);
		*count += n;
	}
	index_unlock_rows(v->x);
	return RC_OK;
}

enum rc
index_children(struct index_view *v, uint64_t parent, uint64_t after, uint64_t *out, size_t room,
    size_t *count)
{
	struct map_key key = gen_key_parent(parent);

	return list(v, false, &key, after, out, room, count);
}

enum rc
index_by_hash(struct index_view *v, const uint8_t prefix[UUID_SIZE], uint64_t after, uint64_t *out,
    size_t room, size_t *count)
{
	struct map_key key = gen_key_hash(prefix);

	return list(v, true, &key, after, out, room, count);
}

enum rc
index_list(struct index_view *v, const struct index_list_key *list, uint64_t after, uint64_t *out,
    size_t room, size_t *count)
{
	struct map_key key = gen_key_list(list);
	enum rc rc = RC_OK;

	must(room > 0 && out != NULL);
	*count = 0;
	if (v->disk != NULL &&
	    (rc = disk_posts(v->disk, &key, after, v->size, out, room, count)) != RC_OK)
		return rc;
	index_lock_rows(v->x, false);
	for (size_t i = 0; i < v->gen_count && *count < room; i++)
		*count += gen_posts(v->gens[i], &key, after, v->size, out + *count, room - *count);
	index_unlock_rows(v->x);
	return RC_OK;
}

/* ---- sequences ---- */

enum rc
view_seq(struct index_view *v, const struct index_seq_key *key, struct index_seq_head *out)
{
	bool found = false;
	enum rc rc = RC_NOT_FOUND;

	*out = (struct index_seq_head){0};
	index_lock_rows(v->x, false);
	for (size_t i = v->gen_count; !found && i > 0; i--)
		found = gen_seq(v->gens[i - 1], key, out);
	index_unlock_rows(v->x);
	if (!found && v->disk != NULL)
		rc = disk_seq(v->disk, key, out);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc
index_seq(struct index_view *v, const struct index_seq_key *key, struct index_seq_head *out)
{
	enum rc rc = (enum rc)atomic_load(&v->x->damaged);

	if (rc == RC_OK)
		rc = view_seq(v, key, out);
	if (rc != RC_OK)
		return rc;
	return out->count == 0 ? RC_NOT_FOUND : RC_OK;
}
