/*
 * fuzz_entry.c - what entry_read() accepts is written again as the same bytes, in the version that
 * it has, and its head alone says the same.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "claim/entry.h"
#include "lib/entry_v1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes raw = {data, size}, head = BYTES_NONE;
	struct entry entry, again;
	struct hash whole, split;
	struct arena arena;
	struct why why = {0};

	arena_init(&arena, 1 << 20);
	if (entry_read(raw, &arena, &entry, &why) == RC_OK) {
		if (entry.version == 1)
			head = entry_v1_head(&entry, &arena);
		else
			must(entry_write_head(&entry, &arena, &head) == RC_OK);
		must(head.n + entry.token.n == size);
		must(memcmp(head.p, data, head.n) == 0);
		must(entry.token.n == 0 || entry.token.p == data + head.n);
		must(entry_read_head(head, &arena, &again, &why) == RC_OK);
		must(again.token.n == entry.token.n && again.parent_count == entry.parent_count);
		must(again.version == entry.version && again.has_signer == entry.has_signer);
		must(again.anchor == entry.anchor && bytes_eq(again.credential, entry.credential));
		entry_leaf_hash(raw, BYTES_NONE, &whole);
		entry_leaf_hash(head, entry.token, &split);
		must(hash_eq(&whole, &split));
	} else {
		must(why.rule != NULL);
	}
	if (entry_read_head(raw, &arena, &entry, &why) == RC_OK) {
		must(entry.token.p == NULL);
		must(size + entry.token.n <= ENTRY_SIZE_MAX);
	}
	arena_release(&arena);
	return 0;
}
