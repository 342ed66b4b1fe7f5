/*
 * receipt_tlog.c - the C2SP tlog-proof dialect, which other transparency logs' tools read.
 *
 * "extra" carries the entry.  A tlog-proof does not state the leaf hash: it is that of the entry,
 * wherever that comes from.
 */
#include <string.h>

#include "base/must.h"
#include "base/text.h"
#include "seal/note_lines.h"
#include "seal/receipt.h"

static const char RULE[] = "C2SP tlog-proof";
static const char HEAD[] = "c2sp.org/tlog-proof@v1";

enum rc
receipt_write_tlog(const struct receipt *r, struct buf *out)
{
	unsigned i;

	must(r->path_count <= TREE_PATH_MAX);
	buf_addf(out, "%s\n", HEAD);
	if (r->entry.n > 0) {
		buf_add_str(out, "extra ");
		buf_add_b64(out, r->entry);
		buf_add_str(out, "\n");
	}
	buf_addf(out, "index %llu\n", (unsigned long long)r->index);
	for (i = 0; i < r->path_count; i++) {
		buf_add_b64(out, bytes_of(r->path[i].b, HASH_SIZE));
		buf_add_str(out, "\n");
	}
	buf_add_str(out, "\n");
	buf_add_bytes(out, r->checkpoint);
	return buf_rc(out);
}

/* The rest of the line after 'word' and a space; false when it is another line. */
static bool
after_word(struct bytes line, const char *word, struct bytes *out)
{
	size_t n = strlen(word);

	if (line.n < n || memcmp(line.p, word, n) != 0)
		return false;
	*out = bytes_of(line.p + n, line.n - n);
	return true;
}

static enum rc
read_extra(struct bytes text, struct arena *arena, struct receipt *out, struct why *why)
{
	uint8_t *p = arena_alloc(arena, text.n);
	size_t n = 0;

	if (p == NULL)
		return why_set(why, RC_NO_MEMORY, RULE, "extra", 0, "out of memory");
	if (!b64_decode(text, p, text.n, &n) || n == 0)
		return why_set(why, RC_BAD_PROOF, RULE, "extra", 0, "not base64");
	out->entry = bytes_of(p, n);
	return RC_OK;
}

/* The lines up to the blank one. */
static enum rc
read_lines(struct bytes *rest, struct arena *arena, struct receipt *out, struct why *why)
{
	struct bytes line, value;
	enum rc rc;

	if (!note_line(rest, &line) || !bytes_is(line, HEAD))
		return why_set(why, RC_BAD_PROOF, RULE, NULL, 0, "the first line is not %s", HEAD);
	if (!note_line(rest, &line))
		return why_set(why, RC_BAD_PROOF, RULE, "index", 0, "no index line");
	if (after_word(line, "extra ", &value)) {
		if ((rc = read_extra(value, arena, out, why)) != RC_OK)
			return rc;
		if (!note_line(rest, &line))
			return why_set(why, RC_BAD_PROOF, RULE, "index", 0, "no index line");
	}
	if (!after_word(line, "index ", &value) || !note_decimal(value, &out->index))
		return why_set(
		    why, RC_BAD_PROOF, RULE, "index", 0, "no index line where one belongs");
	while (note_line(rest, &line)) {
		if (line.n == 0)
			return RC_OK;
		if (out->path_count == TREE_PATH_MAX ||
		    !note_hash(line, &out->path[out->path_count]))
			return why_set(
			    why, RC_BAD_PROOF, RULE, "path", 0, "not a hash, or too many");
		out->path_count++;
	}
	return why_set(why, RC_BAD_PROOF, RULE, NULL, 0, "no blank line before the checkpoint");
}

enum rc
receipt_read_tlog(struct bytes text, struct arena *arena, struct receipt *out, struct why *why)
{
	struct bytes rest = text, body, signatures;
	struct checkpoint checkpoint;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	if (text.n > RECEIPT_SIZE_MAX)
		return why_set(why, RC_TOO_LARGE, RULE, NULL, 0, "a receipt has at most %d bytes",
		    RECEIPT_SIZE_MAX);
	if ((rc = read_lines(&rest, arena, out, why)) != RC_OK)
		return rc;
	if ((rc = note_split(rest, &body, &signatures, why)) != RC_OK)
		return rc;
	if ((rc = checkpoint_parse(body, &checkpoint, why)) != RC_OK)
		return rc;
	out->checkpoint = rest;
	out->tree_size = checkpoint.size;
	out->leaf_unknown = true;
	return RC_OK;
}
