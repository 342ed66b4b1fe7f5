/*
 * index_row.c - rows as bytes: keys in big-endian so that byte order is the order that we scan in,
 * values as LEB128 because an index row is repeated ten million times.
 *
 * Values end in a check over key and value.  An id or a sequence head that is wrong by one bit
 * would else be written into an entry, for ever.
 */
#include "store/index_row.h"

#include <string.h>

#include "base/hash.h"
#include "base/must.h"

#define ID_SHORT (UUID_SIZE + 1)	     /* no workflow */
#define ID_LONG	 (UUID_SIZE + 1 + UUID_SIZE) /* jti, 1, wid */
#define BLOCK	 (1 + UUID_SIZE + 8)	     /* list, first index */

static size_t
put_varint(uint8_t *p, uint64_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		p[n++] = (uint8_t)(v | 0x80);
	p[n++] = (uint8_t)v;
	return n;
}

/* Take the shortest form of a number off the front of 'x'. */
static bool
get_varint(struct bytes *x, uint64_t *v)
{
	unsigned shift = 0;
	uint8_t b = 0;

	for (*v = 0; x->n > 0 && shift < 64; shift += 7) {
		b = *x->p++;
		x->n--;
		if (shift == 63 && b > 1)
			return false;
		*v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80)
			return b != 0 || shift == 0;
	}
	return false;
}

static void
check_of(struct bytes key, struct bytes value, uint8_t check[ROW_CHECK])
{
	const struct bytes parts[2] = {key, value};
	struct hash h;

	hash_of_parts(parts, 2, &h);
	memcpy(check, h.b, ROW_CHECK);
}

static void
put_check(struct row *r)
{
	must(r->value_size + ROW_CHECK <= sizeof r->value);
	check_of(bytes_of(r->key, r->key_size), bytes_of(r->value, r->value_size),
	    r->value + r->value_size);
	r->value_size += ROW_CHECK;
}

/* Take the check off the end; false when it does not hold. */
static bool
take_check(struct bytes key, struct bytes *value)
{
	uint8_t want[ROW_CHECK];

	if (value->n < ROW_CHECK)
		return false;
	value->n -= ROW_CHECK;
	check_of(key, *value, want);
	return memcmp(want, value->p + value->n, ROW_CHECK) == 0;
}

static uint64_t
zigzag(int64_t v)
{
	return v < 0 ? ~((uint64_t)v << 1) : (uint64_t)v << 1;
}

static int64_t
unzigzag(uint64_t v)
{
	uint64_t half = v >> 1;

	return (v & 1) ? -(int64_t)half - 1 : (int64_t)half;
}

void
row_id_key(struct row *r, const struct map_key *id)
{
	must(id->tag <= 1);
	put_u64(r->key, id->w[0]);
	put_u64(r->key + 8, id->w[1]);
	r->key[UUID_SIZE] = (uint8_t)id->tag;
	r->key_size = ID_SHORT;
	if (id->tag == 0)
		return;
	put_u64(r->key + ID_SHORT, id->w[2]);
	put_u64(r->key + ID_SHORT + 8, id->w[3]);
	r->key_size = ID_LONG;
}

void
row_id(struct row *r, const struct map_key *id, uint64_t index, int64_t iat, bool lower)
{
	row_id_key(r, id);
	r->value_size = put_varint(r->value, index);
	r->value_size += put_varint(r->value + r->value_size, zigzag(iat));
	if (lower)
		r->value[r->value_size++] = 1;
	put_check(r);
}

bool
row_id_read(struct bytes key, struct bytes value, struct index_hit *out)
{
	uint64_t iat = 0;

	*out = (struct index_hit){0};
	if (key.n != ID_SHORT && key.n != ID_LONG)
		return false;
	out->has_wid = key.n == ID_LONG;
	if (key.p[UUID_SIZE] != (out->has_wid ? 1 : 0))
		return false;
	if (out->has_wid)
		memcpy(out->wid, key.p + ID_SHORT, UUID_SIZE);
	if (!take_check(key, &value) || !get_varint(&value, &out->index) ||
	    !get_varint(&value, &iat))
		return false;
	out->lower = value.n == 1 && value.p[0] == 1;
	if (value.n != (out->lower ? 1 : 0))
		return false;
	out->iat = unzigzag(iat);
	return true;
}

void
row_child(struct row *r, uint64_t parent, uint64_t child)
{
	put_u64(r->key, parent);
	put_u64(r->key + 8, child);
	r->key_size = 16;
	r->value_size = 0;
}

void
row_hash(struct row *r, const struct map_key *prefix, uint64_t index)
{
	put_u64(r->key, prefix->w[0]);
	put_u64(r->key + 8, prefix->w[1]);
	put_u64(r->key + 16, index);
	r->key_size = 24;
	r->value_size = 0;
}

bool
row_link_read(struct bytes key, size_t size, uint64_t *value)
{
	if (key.n != size)
		return false;
	*value = get_u64(key.p + size - 8);
	return true;
}

void
row_seq(struct row *r, const struct map_key *key, const struct index_seq_head *head)
{
	r->key[0] = (uint8_t)key->tag;
	put_u64(r->key + 1, key->w[0]);
	put_u64(r->key + 9, key->w[1]);
	r->key_size = 17;
	r->value_size = put_varint(r->value, head->count);
	r->value_size += put_varint(r->value + r->value_size, head->last);
	put_check(r);
}

bool
row_seq_read(struct bytes key, struct bytes value, struct index_seq_head *out)
{
	return take_check(key, &value) && get_varint(&value, &out->count) &&
	       get_varint(&value, &out->last) && value.n == 0 && out->count > 0;
}

void
row_block_key(struct row *r, const struct map_key *list, uint64_t first)
{
	r->key[0] = (uint8_t)list->tag;
	put_u64(r->key + 1, list->w[0]);
	put_u64(r->key + 9, list->w[1]);
	put_u64(r->key + 17, first);
	r->key_size = BLOCK;
	r->value_size = 0;
}

/* What is kept is the difference less one: zero for neighbours. */
bool
row_block_add(struct row *r, uint64_t before, uint64_t index)
{
	must(before < index);
	if (r->value_size + ROW_VARINT_MAX > ROW_BLOCK_MAX)
		return false;
	r->value_size += put_varint(r->value + r->value_size, index - before - 1);
	return true;
}

void
row_block_end(struct row *r)
{
	put_check(r);
}

bool
row_block_open(struct bytes key, struct bytes value, struct row_block *out)
{
	if (key.n != BLOCK || value.n > ROW_VALUE_MAX || !take_check(key, &value))
		return false;
	*out = (struct row_block){.index = get_u64(key.p + 17), .rest = value};
	return true;
}

bool
row_block_next(struct row_block *b, bool *bad)
{
	uint64_t more = 0;

	*bad = false;
	if (b->rest.n == 0)
		return false;
	*bad = !get_varint(&b->rest, &more) || more >= UINT64_MAX - b->index;
	if (!*bad)
		b->index += more + 1;
	return !*bad;
}
