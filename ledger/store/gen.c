/*
 * gen.c - hash maps over plain arrays; one-to-many is a chain of links in the order in which they
 * came, which is ascending because entries come in index order.
 */
#include "store/gen.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/must.h"

#define ROWS_MAX ((size_t)1 << 28)

/* ---- keys ---- */

struct map_key
gen_key_id(bool has_wid, const uint8_t *wid, const uint8_t *jti)
{
	struct map_key k = {{get_u64(jti), get_u64(jti + 8), 0, 0}, has_wid ? 1 : 0};

	if (has_wid) {
		k.w[2] = get_u64(wid);
		k.w[3] = get_u64(wid + 8);
	}
	return k;
}

struct map_key
gen_key_jti(const uint8_t *jti)
{
	return (struct map_key){{get_u64(jti), get_u64(jti + 8), 0, 0}, 0};
}

struct map_key
gen_key_parent(uint64_t parent)
{
	return (struct map_key){{parent, 0, 0, 0}, 0};
}

struct map_key
gen_key_hash(const uint8_t *prefix)
{
	return gen_key_jti(prefix);
}

struct map_key
gen_key_seq(const struct index_seq_key *key)
{
	return (struct map_key){
	    {get_u64(key->id), get_u64(key->id + 8), 0, 0}, (uint64_t)key->kind};
}

struct map_key
gen_key_list(const struct index_list_key *key)
{
	return (struct map_key){
	    {get_u64(key->id), get_u64(key->id + 8), 0, 0}, (uint64_t)key->kind};
}

/* ---- life ---- */

struct gen *
gen_new(uint64_t first, struct map_seed seed)
{
	struct gen *g = calloc(1, sizeof *g);

	if (g == NULL)
		return NULL;
	atomic_init(&g->refs, 1);
	g->first = g->end = first;
	map_init(&g->ids, seed);
	map_init(&g->jtis, seed);
	map_init(&g->parents, seed);
	map_init(&g->hashes, seed);
	map_init(&g->seqs, seed);
	map_init(&g->lists, seed);
	return g;
}

void
gen_ref(struct gen *g)
{
	must(atomic_fetch_add(&g->refs, 1) > 0);
}

void
gen_unref(struct gen *g)
{
	unsigned before = 0;

	if (g == NULL)
		return;
	before = atomic_fetch_sub(&g->refs, 1);
	must(before > 0);
	if (before > 1)
		return;
	map_release(&g->ids);
	map_release(&g->jtis);
	map_release(&g->parents);
	map_release(&g->hashes);
	map_release(&g->seqs);
	map_release(&g->lists);
	free(g->id);
	free(g->jti);
	free(g->parent);
	free(g->hash);
	free(g->links);
	free(g->seq);
	free(g->list);
	free(g->posts);
	free(g);
}

/* Grow a map and the array beside it together. */
static enum rc
reserve_pair(struct map *m, void **array, size_t item, size_t more)
{
	size_t before = m->room;
	void *p = NULL;
	enum rc rc = map_reserve(m, more);

	if (rc != RC_OK || m->room == before)
		return rc;
	if ((p = realloc(*array, m->room * item)) == NULL) {
		m->room = before; /* the array's room is what counts */
		return RC_NO_MEMORY;
	}
	*array = p;
	return RC_OK;
}

#define RESERVE(map, array, more)                                                                  \
	do {                                                                                       \
		void *array_ = (array);                                                            \
		enum rc rc_ = reserve_pair(&(map), &array_, sizeof *(array), (more));              \
		(array) = array_;                                                                  \
		if (rc_ != RC_OK)                                                                  \
			return rc_;                                                                \
	} while (0)

static enum rc
reserve_links(struct gen *g, size_t more)
{
	size_t room = g->link_room > 0 ? g->link_room : 64;
	struct gen_link *p = NULL;

	if (g->link_count + more <= g->link_room)
		return RC_OK;
	while (room < g->link_count + more)
		room *= 2;
	if ((p = realloc(g->links, room * sizeof *p)) == NULL)
		return RC_NO_MEMORY;
	g->links = p;
	g->link_room = room;
	return RC_OK;
}

static enum rc
reserve_posts(struct gen *g, size_t more)
{
	size_t room = g->post_room > 0 ? g->post_room : 64;
	struct gen_post *p = NULL;

	if (g->post_count + more <= g->post_room)
		return RC_OK;
	while (room < g->post_count + more)
		room *= 2;
	if ((p = realloc(g->posts, room * sizeof *p)) == NULL)
		return RC_NO_MEMORY;
	g->posts = p;
	g->post_room = room;
	return RC_OK;
}

enum rc
gen_reserve(struct gen *g, size_t rows, size_t parents)
{
	enum rc rc = RC_OK;

	if (rows > ROWS_MAX || parents > ROWS_MAX || g->link_count > ROWS_MAX ||
	    g->post_count > ROWS_MAX)
		return RC_NO_MEMORY;
	RESERVE(g->ids, g->id, rows);
	RESERVE(g->jtis, g->jti, rows);
	RESERVE(g->parents, g->parent, parents);
	RESERVE(g->hashes, g->hash, 2 * rows);
	/* Two sequences a row, and further ones only where a parent is. */
	RESERVE(g->seqs, g->seq, 2 * rows + parents);
	RESERVE(g->lists, g->list, INDEX_LISTS_MAX * rows);
	if ((rc = reserve_links(g, parents + 2 * rows)) != RC_OK)
		return rc;
	return reserve_posts(g, INDEX_LISTS_MAX * rows);
}

/* ---- adding ---- */

static bool
zero_id(const uint8_t id[UUID_SIZE])
{
	static const uint8_t zero[UUID_SIZE];

	return memcmp(id, zero, UUID_SIZE) == 0;
}

static void
add_id(struct gen *g, const struct index_row *row)
{
	struct map_key id = gen_key_id(row->has_wid, row->wid, row->jti);
	struct map_key jti = gen_key_jti(row->jti);
	bool added = false;
	uint32_t n = map_add(&g->ids, &id, &added), c = 0;

	/* Ids are unique in their scope; should one come twice, the older entry keeps it. */
	if (!added)
		return;
	g->id[n] = (struct gen_id){
	    .index = row->index, .iat = row->iat, .lower = row->lower, .next = MAP_NONE};
	c = map_add(&g->jtis, &jti, &added);
	if (added)
		g->jti[c].first = n;
	else
		g->id[g->jti[c].last].next = n;
	g->jti[c].last = n;
	g->weight++;
}

static void
add_link(struct gen *g, struct map *map, struct gen_chain *chains, const struct map_key *key,
    uint64_t value)
{
	bool added = false;
	uint32_t c = map_add(map, key, &added), n = (uint32_t)g->link_count;

	/* The same hash as input and output is one row. */
	if (!added && g->links[chains[c].last].value == value)
		return;
	must(g->link_count < g->link_room);
	g->link_count++;
	g->links[n] = (struct gen_link){.value = value, .next = MAP_NONE};
	if (added)
		chains[c].first = n;
	else
		g->links[chains[c].last].next = n;
	chains[c].last = n;
	g->weight++;
}

static void
add_post(struct gen *g, const struct map_key *key, uint64_t index)
{
	bool added = false;
	uint32_t c = map_add(&g->lists, key, &added), n = (uint32_t)g->post_count;
	uint32_t offset = (uint32_t)(index - g->first);

	if (!added && g->posts[g->list[c].last].offset == offset)
		return;
	must(g->post_count < g->post_room && index - g->first < ROWS_MAX);
	g->post_count++;
	g->posts[n] = (struct gen_post){.offset = offset, .next = MAP_NONE};
	if (added)
		g->list[c].first = n;
	else
		g->posts[g->list[c].last].next = n;
	g->list[c].last = n;
	if (added)
		g->weight++;
}

void
gen_add(struct gen *g, const struct index_row *row)
{
	struct map_key key;

	must(row->index == g->end && row->hash_count <= 2 && row->list_count <= INDEX_LISTS_MAX);
	if (!zero_id(row->jti))
		add_id(g, row);
	for (size_t i = 0; i < row->parent_count; i++) {
		must(row->parents[i] < row->index);
		key = gen_key_parent(row->parents[i]);
		add_link(g, &g->parents, g->parent, &key, row->index);
	}
	for (size_t i = 0; i < row->hash_count; i++) {
		key = gen_key_hash(row->hashes[i]);
		add_link(g, &g->hashes, g->hash, &key, row->index);
	}
	for (size_t i = 0; i < row->list_count; i++) {
		key = gen_key_list(&row->lists[i]);
		add_post(g, &key, row->index);
	}
	g->end++;
}

bool
gen_seq(const struct gen *g, const struct index_seq_key *key, struct index_seq_head *out)
{
	struct map_key k = gen_key_seq(key);
	uint32_t n = map_find(&g->seqs, &k);

	if (n == MAP_NONE)
		return false;
	*out = g->seq[n];
	return true;
}

void
gen_seq_put(struct gen *g, const struct index_seq_key *key, const struct index_seq_head *head)
{
	struct map_key k = gen_key_seq(key);
	bool added = false;
	uint32_t n = map_add(&g->seqs, &k, &added);

	g->seq[n] = *head;
	if (added)
		g->weight++;
}

/* ---- lookups ---- */

static void
hit_of(const struct gen *g, uint32_t n, struct index_hit *out)
{
	const struct map_key *k = &g->ids.keys[n];

	*out = (struct index_hit){.index = g->id[n].index,
	    .iat = g->id[n].iat,
	    .has_wid = k->tag == 1,
	    .lower = g->id[n].lower};
	put_u64(out->wid, k->w[2]);
	put_u64(out->wid + 8, k->w[3]);
}

bool
gen_find(const struct gen *g, const struct map_key *id, uint64_t size, struct index_hit *out)
{
	uint32_t n = map_find(&g->ids, id);

	if (n == MAP_NONE || g->id[n].index >= size)
		return false;
	hit_of(g, n, out);
	return true;
}

size_t
gen_find_any(const struct gen *g, const uint8_t *jti, uint64_t size, struct index_hit out[2])
{
	struct map_key k = gen_key_jti(jti);
	uint32_t c = map_find(&g->jtis, &k), n = MAP_NONE;
	size_t count = 0;

	if (c == MAP_NONE)
		return 0;
	for (n = g->jti[c].first; n != MAP_NONE && count < 2; n = g->id[n].next) {
		if (g->id[n].index >= size)
			break;
		hit_of(g, n, &out[count++]);
	}
	return count;
}

size_t
gen_list(const struct gen *g, bool hashes, const struct map_key *key, uint64_t after, uint64_t size,
    uint64_t *out, size_t room)
{
	uint32_t c = map_find(hashes ? &g->hashes : &g->parents, key), n = MAP_NONE;
	size_t count = 0;

	if (c == MAP_NONE)
		return 0;
	n = hashes ? g->hash[c].first : g->parent[c].first;
	for (; n != MAP_NONE && count < room; n = g->links[n].next) {
		if (g->links[n].value >= size)
			break;
		if (after == UINT64_MAX || g->links[n].value > after)
			out[count++] = g->links[n].value;
	}
	return count;
}

size_t
gen_posts(const struct gen *g, const struct map_key *key, uint64_t after, uint64_t size,
    uint64_t *out, size_t room)
{
	uint32_t c = map_find(&g->lists, key), n = MAP_NONE;
	size_t count = 0;
	uint64_t index = 0;

	if (c == MAP_NONE)
		return 0;
	for (n = g->list[c].first; n != MAP_NONE && count < room; n = g->posts[n].next) {
		index = g->first + g->posts[n].offset;
		if (index >= size)
			break;
		if (after == UINT64_MAX || index > after)
			out[count++] = index;
	}
	return count;
}
