/*
 * scbor.c - one CBOR item at a time, deterministic form only.
 *
 * libcbor's streaming decoder takes an item apart; it allocates nothing, but accepts more than one
 * spelling.  So each head is first judged here (the shortest one, definite, its length within the
 * bytes that are left) and then decoded there; both must tell the same story.  Its tree interface
 * (cbor_load) is not used: it allocates what a hostile head announces.
 *
 * Once 'bad', always bad: a caller may read a whole record and test once at the end.
 */
#include "base/scbor.h"

#include <string.h>
#include <cbor.h>

#include "base/must.h"
#include "base/text.h"

#define SKIP_DEPTH_CAP 64

/* RFC 8949 section 3: the three top bits of the first byte. */
enum major {
	MAJOR_UINT,
	MAJOR_NEGINT,
	MAJOR_BYTES,
	MAJOR_TEXT,
	MAJOR_ARRAY,
	MAJOR_MAP,
	MAJOR_TAG,
	MAJOR_OTHER
};

struct head {
	enum major major;
	uint64_t v;  /* the number, length or count */
	size_t size; /* bytes of the head itself */
};

/* What libcbor made of it. */
struct item {
	enum scbor_type type;
	uint64_t v;
	const uint8_t *p;
};

/* ---- callbacks: each notes what it was called for ---- */

static void
item_set(void *ctx, enum scbor_type type, uint64_t v)
{
	struct item *item = ctx;

	item->type = type;
	item->v = v;
}

#define NUMBER_CALLBACK(name, ctype, type)                                                         \
	static void name(void *ctx, ctype v)                                                       \
	{                                                                                          \
		item_set(ctx, type, v);                                                            \
	}
NUMBER_CALLBACK(on_uint8, uint8_t, SCBOR_UINT)
NUMBER_CALLBACK(on_uint16, uint16_t, SCBOR_UINT)
NUMBER_CALLBACK(on_uint32, uint32_t, SCBOR_UINT)
NUMBER_CALLBACK(on_uint64, uint64_t, SCBOR_UINT)
NUMBER_CALLBACK(on_negint8, uint8_t, SCBOR_NEGINT)
NUMBER_CALLBACK(on_negint16, uint16_t, SCBOR_NEGINT)
NUMBER_CALLBACK(on_negint32, uint32_t, SCBOR_NEGINT)
NUMBER_CALLBACK(on_negint64, uint64_t, SCBOR_NEGINT)
NUMBER_CALLBACK(on_array, size_t, SCBOR_ARRAY)
NUMBER_CALLBACK(on_map, size_t, SCBOR_MAP)
NUMBER_CALLBACK(on_bool, bool, SCBOR_BOOL)

static void
on_bytes(void *ctx, cbor_data p, size_t n)
{
	item_set(ctx, SCBOR_BYTES, n);
	((struct item *)ctx)->p = p;
}

static void
on_text(void *ctx, cbor_data p, size_t n)
{
	item_set(ctx, SCBOR_TEXT, n);
	((struct item *)ctx)->p = p;
}

static void
on_null(void *ctx)
{
	item_set(ctx, SCBOR_NULL, 0);
}

static void
on_refused(void *ctx)
{
	item_set(ctx, SCBOR_BAD, 0);
}

static void
on_tag(void *ctx, uint64_t v)
{
	(void)v;
	item_set(ctx, SCBOR_BAD, 0);
}

static void
on_float(void *ctx, float v)
{
	(void)v;
	item_set(ctx, SCBOR_BAD, 0);
}

static void
on_double(void *ctx, double v)
{
	(void)v;
	item_set(ctx, SCBOR_BAD, 0);
}

static const struct cbor_callbacks callbacks = {.uint8 = on_uint8,
    .uint16 = on_uint16,
    .uint32 = on_uint32,
    .uint64 = on_uint64,
    .negint8 = on_negint8,
    .negint16 = on_negint16,
    .negint32 = on_negint32,
    .negint64 = on_negint64,
    .byte_string_start = on_refused,
    .byte_string = on_bytes,
    .string_start = on_refused,
    .string = on_text,
    .indef_array_start = on_refused,
    .array_start = on_array,
    .indef_map_start = on_refused,
    .map_start = on_map,
    .tag = on_tag,
    .float2 = on_float,
    .float4 = on_float,
    .float8 = on_double,
    .undefined = on_refused,
    .null = on_null,
    .boolean = on_bool,
    .indef_break = on_refused};

/* ---- the head ---- */

static bool
fail(struct scbor *r)
{
	r->bad = true;
	return false;
}

static enum scbor_type
type_of(uint8_t first)
{
	static const enum scbor_type types[] = {
	    SCBOR_UINT, SCBOR_NEGINT, SCBOR_BYTES, SCBOR_TEXT, SCBOR_ARRAY, SCBOR_MAP, SCBOR_TAG};

	if (first >> 5 == MAJOR_OTHER) {
		if (first == 0xf4 || first == 0xf5)
			return SCBOR_BOOL;
		return first == 0xf6 ? SCBOR_NULL
				     : SCBOR_BAD; /* floats, undefined, simple, break */
	}
	return (first & 31) <= 27 ? types[first >> 5] : SCBOR_BAD;
}

/* RFC 8949 4.2.1: the shortest head, and no indefinite length. */
static bool
head_read(struct scbor *r, struct head *h)
{
	static const uint64_t least[] = {24, 0x100, 0x10000, UINT64_C(0x100000000)};
	size_t left = r->data.n - r->at, i;
	const uint8_t *p;
	unsigned info;

	must(r->at <= r->data.n);
	if (r->bad || left == 0)
		return fail(r);
	p = r->data.p + r->at;
	if (type_of(p[0]) == SCBOR_BAD)
		return fail(r);
	h->major = (enum major)(p[0] >> 5);
	info = p[0] & 31;
	h->v = info;
	h->size = 1;
	if (h->major == MAJOR_OTHER || info < 24)
		return true;
	h->size = 1 + ((size_t)1 << (info - 24));
	if (left < h->size)
		return fail(r);
	h->v = 0;
	for (i = 1; i < h->size; i++)
		h->v = h->v << 8 | p[i];
	return h->v >= least[info - 24] ? true : fail(r);
}

/* Decode the item at hand, which must be of that type, and step over it (a container: over its
 * head). */
static bool
item_read(struct scbor *r, enum scbor_type want, struct item *item)
{
	struct cbor_decoder_result got;
	size_t left = r->data.n - r->at;
	struct head h;

	*item = (struct item){.type = SCBOR_BAD};
	if (!head_read(r, &h))
		return false;
	if (type_of(r->data.p[r->at]) != want)
		return fail(r);
	left -= h.size;
	if ((h.major == MAJOR_BYTES || h.major == MAJOR_TEXT || h.major == MAJOR_ARRAY) &&
	    h.v > left)
		return fail(r); /* an element takes a byte at least */
	if (h.major == MAJOR_MAP && h.v > left / 2)
		return fail(r);
	got = cbor_stream_decode(r->data.p + r->at, r->data.n - r->at, &callbacks, item);
	if (got.status != CBOR_DECODER_FINISHED || item->type != want)
		return fail(r);
	if (h.major != MAJOR_OTHER && item->v != h.v)
		return fail(r);
	r->at += h.size;
	if (h.major == MAJOR_BYTES || h.major == MAJOR_TEXT) {
		if (h.v > 0 && item->p != r->data.p + r->at)
			return fail(r);
		r->at += (size_t)h.v;
	}
	return true;
}

/* ---- the reader ---- */

void
scbor_init(struct scbor *r, struct bytes data)
{
	must(data.p != NULL || data.n == 0);
	*r = (struct scbor){.data = data};
}

enum scbor_type
scbor_peek(struct scbor *r)
{
	enum scbor_type type;

	if (r->bad)
		return SCBOR_BAD;
	if (r->at == r->data.n)
		return SCBOR_END;
	if ((type = type_of(r->data.p[r->at])) == SCBOR_BAD)
		r->bad = true;
	return type;
}

bool
scbor_uint(struct scbor *r, uint64_t *v)
{
	struct item item;

	if (!item_read(r, SCBOR_UINT, &item))
		return false;
	*v = item.v;
	return true;
}

bool
scbor_int(struct scbor *r, int64_t *v)
{
	enum scbor_type type = scbor_peek(r);
	struct item item;

	if (type != SCBOR_UINT && type != SCBOR_NEGINT)
		return fail(r);
	if (!item_read(r, type, &item))
		return false;
	if (item.v > INT64_MAX)
		return fail(r);
	*v = type == SCBOR_UINT ? (int64_t)item.v : -1 - (int64_t)item.v;
	return true;
}

/* The string that was just stepped over. */
static struct bytes
item_view(const struct scbor *r, const struct item *item)
{
	return (struct bytes){r->data.p + r->at - item->v, (size_t)item->v};
}

bool
scbor_bytes(struct scbor *r, struct bytes *v)
{
	struct item item;

	if (!item_read(r, SCBOR_BYTES, &item))
		return false;
	*v = item_view(r, &item);
	return true;
}

bool
scbor_text(struct scbor *r, struct bytes *v)
{
	struct item item;

	if (!item_read(r, SCBOR_TEXT, &item))
		return false;
	*v = item_view(r, &item);
	return utf8_ok(*v) ? true : fail(r);
}

bool
scbor_array(struct scbor *r, size_t *count)
{
	struct item item;

	if (!item_read(r, SCBOR_ARRAY, &item))
		return false;
	*count = (size_t)item.v;
	return true;
}

bool
scbor_map(struct scbor *r, size_t *count)
{
	struct item item;

	if (!item_read(r, SCBOR_MAP, &item))
		return false;
	*count = (size_t)item.v;
	return true;
}

bool
scbor_tag(struct scbor *r, uint64_t *tag)
{
	struct head h;

	/* From the head alone: libcbor 0.8 calls the one-byte tags 6 to 20 an error, and COSE_Sign1 is tag 18. */
	if (!head_read(r, &h))
		return false;
	if (h.major != MAJOR_TAG || h.size == r->data.n - r->at)
		return fail(r); /* a tag stands before something */
	r->at += h.size;
	*tag = h.v;
	return true;
}

bool
scbor_null(struct scbor *r)
{
	struct item item;

	return item_read(r, SCBOR_NULL, &item);
}

bool
scbor_bool(struct scbor *r, bool *v)
{
	struct item item;

	if (!item_read(r, SCBOR_BOOL, &item))
		return false;
	*v = item.v != 0;
	return true;
}

bool
scbor_bytes_head(struct scbor *r, uint64_t *size)
{
	struct head h;

	/* The body is elsewhere, so there is no whole item to hand to the decoder. */
	if (!head_read(r, &h))
		return false;
	if (h.major != MAJOR_BYTES)
		return fail(r);
	r->at += h.size;
	*size = h.v;
	return true;
}

bool
scbor_done(const struct scbor *r)
{
	return !r->bad && r->at == r->data.n;
}

/* ---- skipping ---- */

/* One open container while skipping. */
struct level {
	size_t left; /* items to come: a map counts keys and values */
	bool map;
	size_t start;	       /* where the item at hand begins */
	struct bytes last_key; /* encoded; RFC 8949 4.2.1: keys ascend bytewise */
	bool has_key;
};

static enum scbor_verdict
refuse(struct scbor *r, enum scbor_verdict verdict)
{
	r->bad = true;
	return verdict;
}

/* Read one item; an array or map opens a level. */
static enum scbor_verdict
skip_one(struct scbor *r, struct level *levels, unsigned *depth, unsigned depth_max)
{
	enum scbor_type type = scbor_peek(r);
	struct item item;

	if (type == SCBOR_BAD || type == SCBOR_END || type == SCBOR_TAG)
		return refuse(r, SCBOR_WRONG);
	if (!item_read(r, type, &item))
		return SCBOR_WRONG;
	if (type == SCBOR_TEXT)
		return utf8_ok(item_view(r, &item)) ? SCBOR_GOOD : refuse(r, SCBOR_WRONG);
	if (type != SCBOR_ARRAY && type != SCBOR_MAP)
		return SCBOR_GOOD;
	if (*depth == depth_max)
		return refuse(r, SCBOR_TOO_DEEP);
	levels[(*depth)++] = (struct level){.left = (size_t)item.v * (type == SCBOR_MAP ? 2 : 1),
	    .map = type == SCBOR_MAP,
	    .start = r->at};
	return SCBOR_GOOD;
}

/* An item of this level is complete. */
static bool
level_step(struct scbor *r, struct level *l)
{
	struct bytes key = {r->data.p + l->start, r->at - l->start};
	bool was_key = l->map && l->left % 2 == 0;

	must(l->left > 0);
	l->left--;
	l->start = r->at;
	if (!was_key)
		return true;
	if (l->has_key && bytes_cmp(l->last_key, key) >= 0)
		return fail(r); /* out of order, or twice */
	l->last_key = key;
	l->has_key = true;
	return true;
}

enum scbor_verdict
scbor_walk(struct scbor *r, unsigned depth_max, size_t items_max, struct bytes *raw)
{
	struct level levels[SKIP_DEPTH_CAP];
	size_t start = r->at, items = 0;
	unsigned depth = 0;

	must(depth_max <= SKIP_DEPTH_CAP);
	do {
		unsigned before = depth;
		enum scbor_verdict verdict;

		if (items++ == items_max)
			return refuse(r, SCBOR_TOO_MANY);
		if ((verdict = skip_one(r, levels, &depth, depth_max)) != SCBOR_GOOD)
			return verdict;
		if (depth > before && levels[depth - 1].left > 0)
			continue; /* something is inside: complete later */
		if (depth > before)
			depth--; /* empty: complete at once */
		while (depth > 0) {
			if (!level_step(r, &levels[depth - 1]))
				return SCBOR_WRONG;
			if (levels[depth - 1].left > 0)
				break;
			depth--;
		}
	} while (depth > 0);
	if (raw != NULL)
		*raw = (struct bytes){r->data.p + start, r->at - start};
	return SCBOR_GOOD;
}

bool
scbor_skip(struct scbor *r, unsigned depth_max, struct bytes *raw)
{
	return scbor_walk(r, depth_max, SIZE_MAX, raw) == SCBOR_GOOD;
}

/* ---- the writer: libcbor's encoders choose the shortest head ---- */

static void
add_head(struct buf *b, const unsigned char *head, size_t n)
{
	must(n >= 1 && n <= 9);
	buf_add(b, head, n);
}

void
scbor_put_uint(struct buf *b, uint64_t v)
{
	unsigned char head[9];

	add_head(b, head, cbor_encode_uint(v, head, sizeof(head)));
}

void
scbor_put_int(struct buf *b, int64_t v)
{
	unsigned char head[9];

	if (v >= 0)
		scbor_put_uint(b, (uint64_t)v);
	else
		add_head(b, head, cbor_encode_negint((uint64_t)(-1 - v), head, sizeof(head)));
}

void
scbor_put_bytes_head(struct buf *b, uint64_t size)
{
	unsigned char head[9];

	add_head(b, head, cbor_encode_bytestring_start((size_t)size, head, sizeof(head)));
}

void
scbor_put_bytes(struct buf *b, struct bytes v)
{
	scbor_put_bytes_head(b, v.n);
	buf_add_bytes(b, v);
}

void
scbor_put_text(struct buf *b, struct bytes v)
{
	unsigned char head[9];

	add_head(b, head, cbor_encode_string_start(v.n, head, sizeof(head)));
	buf_add_bytes(b, v);
}

void
scbor_put_array(struct buf *b, uint64_t count)
{
	unsigned char head[9];

	add_head(b, head, cbor_encode_array_start((size_t)count, head, sizeof(head)));
}

void
scbor_put_map(struct buf *b, uint64_t count)
{
	unsigned char head[9];

	add_head(b, head, cbor_encode_map_start((size_t)count, head, sizeof(head)));
}

void
scbor_put_tag(struct buf *b, uint64_t tag)
{
	unsigned char head[9];

	add_head(b, head, cbor_encode_tag(tag, head, sizeof(head)));
}

void
scbor_put_null(struct buf *b)
{
	unsigned char head[9];

	add_head(b, head, cbor_encode_null(head, sizeof(head)));
}
