/*
 * test_tools_fsck_entry.c - fsck's own reader of entries against the server's writer and reader:
 * two programs, one format.
 */
#include <criterion/criterion.h>

#include "base/random.h"
#include "claim/entry.h"
#include "lib/entry_v1.h"

#include "../../tools/ectl/fsck_cbor.c"
#include "../../tools/ectl/fsck_entry.c"

static void
make(struct entry *e, uint64_t *parents, struct entry_foreign *foreign, unsigned n)
{
	static const uint64_t numbers[] = {
	    0, 1, 23, 24, 255, 256, 65535, 65536, 4294967295, 4294967296, UINT64_MAX - 1};

	memset(e, 0, sizeof(*e));
	e->kind = (enum entry_kind)(1 + n % 6);
	e->received_at_ms = numbers[n % 11];
	e->media = (enum token_media)(1 + n % 3);
	e->level = (enum token_level)(1 + n % 3);
	e->flags = n % 32;
	random_bytes(e->signer.b, sizeof(e->signer.b));
	e->anchor = ENTRY_NONE;
	if (e->kind != ENTRY_TOKEN && e->kind != ENTRY_EQUIVOCATION) {
		e->media = 0;
		e->level = 0;
	} else if (e->level > LEVEL_1) {
		e->has_signer = true;
		e->binding = 1 + n % 3;
		e->anchor = n % 4 ? numbers[n % 11] : ENTRY_NONE;
		e->credential = n % 5 ? BYTES_NONE : bytes_str("a.b.c");
	}
	e->workflow = (struct entry_link){n % 3, n % 3 ? numbers[n % 10] : ENTRY_NONE};
	e->issuer = (struct entry_link){n % 2, n % 2 ? numbers[n % 9] : ENTRY_NONE};
	e->parent_count = n % 7 == 0 ? CLAIM_PRED_MAX : n % 4;
	e->foreign_count = n % 5 == 0 ? CLAIM_PRED_MAX : n % 3;
	for (size_t i = 0; i < CLAIM_PRED_MAX; i++) {
		parents[i] = numbers[(n + i) % 11];
		foreign[i].has_wid = (n + i) % 2;
		memset(foreign[i].wid, foreign[i].has_wid ? (int)(1 + i) : 0, UUID_SIZE);
		foreign[i].link = (struct entry_link){i, i ? numbers[i % 10] : ENTRY_NONE};
	}
	if (e->kind != ENTRY_TOKEN) {
		e->foreign_count = 0;
		e->parent_count = e->kind == ENTRY_EQUIVOCATION;
	}
	e->parents = parents;
	e->foreign = foreign;
	memset(e->limits, (int)n, sizeof(e->limits));
}

static void
compare(const struct entry *e, const struct fsck_entry *got)
{
	cr_assert(got->kind == (uint64_t)e->kind && got->received_ms == e->received_at_ms);
	cr_assert(got->media == (uint64_t)e->media && got->level == (uint64_t)e->level);
	cr_assert(got->flags == e->flags && got->has_signer == e->has_signer);
	cr_assert(!e->has_signer || memcmp(got->signer, e->signer.b, 32) == 0);
	cr_assert(got->version == ENTRY_VERSION && got->binding == e->binding);
	cr_assert(got->anchor == e->anchor && got->credential.n == e->credential.n);
	cr_assert(e->credential.n == 0 ||
		  memcmp(got->credential.p, e->credential.p, e->credential.n) == 0);
	cr_assert(got->workflow.ordinal == e->workflow.ordinal &&
		  got->workflow.previous == e->workflow.previous);
	cr_assert(
	    got->issuer.ordinal == e->issuer.ordinal && got->issuer.previous == e->issuer.previous);
	cr_assert(got->parent_count == e->parent_count && got->foreign_count == e->foreign_count);
	for (size_t i = 0; i < e->parent_count; i++)
		cr_assert(got->parents[i] == e->parents[i]);
	for (size_t i = 0; i < e->foreign_count; i++)
		cr_assert(memcmp(got->foreign[i].wid, e->foreign[i].wid, UUID_SIZE) == 0 &&
			  got->foreign[i].link.ordinal == e->foreign[i].link.ordinal &&
			  got->foreign[i].link.previous == e->foreign[i].link.previous);
	cr_assert(got->token.n == e->token.n && memcmp(got->token.p, e->token.p, e->token.n) == 0);
}

static size_t
write_entry(const struct entry *e, uint8_t *raw)
{
	struct arena arena;
	struct bytes head;
	size_t n;

	arena_init(&arena, 1 << 20);
	cr_assert(entry_write_head(e, &arena, &head) == RC_OK);
	memcpy(raw, head.p, head.n);
	memcpy(raw + head.n, e->token.p, e->token.n);
	n = head.n + e->token.n;
	arena_release(&arena);
	return n;
}

Test(tools_fsck_entry, reads_what_the_server_writes)
{
	static uint8_t raw[ENTRY_SIZE_MAX], token[300];
	struct entry_foreign foreign[CLAIM_PRED_MAX];
	uint64_t parents[CLAIM_PRED_MAX];
	struct fsck_entry got;
	struct entry e;
	const char *field;
	size_t at, n;

	for (unsigned i = 0; i < 500; i++) {
		make(&e, parents, foreign, i);
		e.token = bytes_of(token, i % sizeof(token));
		n = write_entry(&e, raw);
		cr_assert(fsck_entry_read((struct span){raw, n}, &got, &at, &field),
		    "%u: %s at %zu", i, field, at);
		compare(&e, &got);
	}
}

Test(tools_fsck_entry, takes_and_refuses_the_same_damaged_entries_as_the_server)
{
	static uint8_t raw[ENTRY_SIZE_MAX];
	struct entry_foreign foreign[CLAIM_PRED_MAX];
	uint64_t parents[CLAIM_PRED_MAX];
	struct fsck_entry got;
	struct entry e, again;
	struct arena arena;
	const char *field;
	size_t at, n, refused = 0;

	arena_init(&arena, 1 << 20);
	for (unsigned i = 0; i < 60; i++) {
		make(&e, parents, foreign, i);
		if (e.kind == ENTRY_TOKEN) {
			e.parent_count %= 4;
			e.foreign_count %= 3;
		}
		e.token = bytes_str("a token");
		n = write_entry(&e, raw);
		for (size_t bit = 0; bit < 8 * n; bit++) {
			bool mine, theirs;

			raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
			arena_reset(&arena);
			mine = fsck_entry_read((struct span){raw, n}, &got, &at, &field);
			theirs = entry_read(bytes_of(raw, n), &arena, &again, NULL) == RC_OK;
			cr_assert(mine == theirs, "entry %u bit %zu: %s at %zu", i, bit, field, at);
			refused += !mine;
			raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		for (size_t cut = 0; cut < n;
		     cut++) /* exact memory: no byte behind the end is read */
		{
			uint8_t *copy = malloc(cut + 1);

			memcpy(copy, raw, cut);
			cr_assert(!fsck_entry_read((struct span){copy, cut}, &got, &at, &field));
			free(copy);
		}
	}
	cr_assert(refused > 1000);
	arena_release(&arena);
}

Test(tools_fsck_entry, takes_and_refuses_version_1_as_the_server_does)
{
	static uint8_t raw[ENTRY_SIZE_MAX];
	struct entry_foreign foreign[CLAIM_PRED_MAX];
	uint64_t parents[CLAIM_PRED_MAX];
	struct fsck_entry got;
	struct entry e, again;
	struct arena arena;
	const char *field;
	size_t at, taken = 0;

	arena_init(&arena, 1 << 20);
	for (unsigned i = 0; i < 30; i++) {
		struct bytes head;
		size_t n;

		make(&e, parents, foreign, i);
		e.kind = (enum entry_kind)(1 + i % 5);
		e.media = TOKEN_JWS;
		e.level = LEVEL_2;
		e.flags %= 8;
		e.parent_count = i % 4;
		e.foreign_count = i % 3;
		e.token = bytes_str("a token");
		head = entry_v1_head(&e, &arena);
		memcpy(raw, head.p, head.n);
		memcpy(raw + head.n, e.token.p, e.token.n);
		n = head.n + e.token.n;
		cr_assert(fsck_entry_read((struct span){raw, n}, &got, &at, &field), "%s", field);
		cr_assert(got.version == 1 && got.has_signer && got.anchor == FSCK_NONE &&
			  got.binding == 0 && got.kind == (uint64_t)e.kind);
		cr_assert(memcmp(got.signer, e.signer.b, HASH_SIZE) == 0 && got.token.n == 7);
		for (size_t bit = 0; bit < 8 * n; bit++) {
			bool mine;

			raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
			arena_reset(&arena);
			mine = fsck_entry_read((struct span){raw, n}, &got, &at, &field);
			cr_assert(
			    mine == (entry_read(bytes_of(raw, n), &arena, &again, NULL) == RC_OK),
			    "entry %u bit %zu: %s at %zu", i, bit, field, at);
			taken += mine;
			raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
	cr_assert(taken > 1000);
	arena_release(&arena);
}
